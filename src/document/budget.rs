//! How much a document may hold, all its files, aliases and anchors counted: what keeps a small text from becoming a huge tree.

use crate::model::diagnostic::Diagnostic;
use crate::model::node::{Content, Node};
use crate::model::source::Location;

/// How many values a document may have, all files and aliases counted.
pub const MAX_NODES: usize = 4_000_000;

/// How much text a document may have, in bytes: files as often as they are included, aliases and anchors counted.
pub const MAX_TEXT: usize = 64 << 20;

/// What is left of [`MAX_NODES`] and [`MAX_TEXT`].
#[derive(Debug)]
pub struct Budget {
    nodes: usize,
    text: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { nodes: MAX_NODES, text: MAX_TEXT }
    }
}

impl Budget {
    pub fn spend_nodes(&mut self, nodes: usize, at: Location) -> Result<(), Refusal> {
        self.nodes = self.nodes.checked_sub(nodes).ok_or_else(|| {
            let message = format!("the document has more than {MAX_NODES} values, aliases and anchors counted");
            Box::new(Diagnostic::error("document.too_many_values", message).at(at))
        })?;
        Ok(())
    }

    pub fn spend_text(&mut self, bytes: usize, at: Location) -> Result<(), Refusal> {
        self.text = self.text.checked_sub(bytes).ok_or_else(|| {
            let message =
                format!("the document has more than {} MiB of text, all files and aliases counted", MAX_TEXT >> 20);
            Box::new(Diagnostic::error("document.too_much_text", message).at(at))
        })?;
        Ok(())
    }

    pub fn spend_copy(&mut self, of: &Extent, at: Location) -> Result<(), Refusal> {
        self.spend_nodes(of.nodes, at)?;
        self.spend_text(of.text, at)
    }
}

/// Why reading cannot go on.
pub type Refusal = Box<Diagnostic>;

/// How large a tree is.
pub struct Extent {
    pub nodes: usize,
    /// Bytes of keys and scalars.
    pub text: usize,
    /// How deep its collections are nested.
    pub height: usize,
}

/// Measures a tree; its depth is bounded by the parser.
pub fn measure(node: &Node<'_>) -> Extent {
    let mut whole = Extent { nodes: 1, text: 0, height: 0 };
    let mut add = |node: &Node<'_>, key: usize| {
        let part = measure(node);
        whole.nodes += part.nodes;
        whole.text += part.text + key;
        whole.height = whole.height.max(part.height);
    };
    match &node.content {
        Content::Scalar(scalar) => return Extent { text: scalar.text.len(), ..whole },
        Content::Sequence(items) => items.iter().for_each(|item| add(item, 0)),
        Content::Mapping(mapping) => mapping.entries.iter().for_each(|(key, node)| add(node, key.text.len())),
    }
    Extent { height: whole.height + 1, ..whole }
}

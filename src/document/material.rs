//! Files beside the document that entries name: read for the decoder, or written into the document for a saved plan.

use std::borrow::Cow;

use base64ct::{Base64, Encoding as _};

use super::read::{FileReader, resolve_name};
use crate::kinds::sections::SECTIONS;
use crate::model::decode::Decoder;
use crate::model::diagnostic::Diagnostic;
use crate::model::material::{Material, MaterialEntry, MaterialKind};
use crate::model::node::{Content, Key, Mapping, Node, Scalar, Style};
use crate::model::source::{Location, Sources};

/// Reads all that the entries of a document name, for the decoder to look up by place.
pub fn gather(root: &Node<'_>, sources: &Sources, reader: &mut dyn FileReader, decoder: &mut Decoder) {
    let Some(root) = root.as_mapping() else { return };
    for section in SECTIONS.iter().filter(|section| !section.material.is_empty()) {
        let Some(entries) = root.get(section.name).and_then(Node::as_mapping) else { continue };
        for entry in entries.entries.iter().filter_map(|(_, entry)| entry.as_mapping()) {
            for (field, kind) in section.material {
                let Some(node) = entry.get(field) else { continue };
                if let Some(material) = read(node, *kind, sources, reader, decoder) {
                    decoder.put_material(node.at, material);
                }
            }
        }
    }
}

/// Puts what the entries name in place of its name.
pub fn inline(root: &mut Node<'_>, sources: &Sources, reader: &mut dyn FileReader, decoder: &mut Decoder) {
    let Content::Mapping(root) = &mut root.content else { return };
    for section in SECTIONS.iter().filter(|section| !section.material.is_empty()) {
        let entries = root.entries.iter_mut().find(|(key, _)| key.text == section.name);
        let Some((_, Node { content: Content::Mapping(entries), .. })) = entries else { continue };
        for (_, entry) in &mut entries.entries {
            let Content::Mapping(entry) = &mut entry.content else { continue };
            for (field, kind) in section.material {
                let Some((key, node)) = entry.entries.iter_mut().find(|(key, _)| key.text == *field) else { continue };
                match read(node, *kind, sources, reader, decoder) {
                    Some(Material::File(file)) => {
                        key.text = Cow::Borrowed("content");
                        *node = mapping(node.at, [("base64".to_owned(), Base64::encode_string(file.bytes()))]);
                    }
                    Some(Material::Folder(below)) => *node = mapping(node.at, below.iter().map(named)),
                    None => {}
                }
            }
        }
    }
}

/// A folder's name ends in a backslash.
fn named(entry: &MaterialEntry) -> (String, String) {
    match &entry.file {
        Some(file) => (entry.path.to_string(), Base64::encode_string(file.bytes())),
        None => (format!("{}\\", entry.path), String::new()),
    }
}

fn mapping<'s>(at: Location, entries: impl IntoIterator<Item = (String, String)>) -> Node<'s> {
    let text =
        |text: String| Node { at, content: Content::Scalar(Scalar { text: Cow::Owned(text), style: Style::Quoted }) };
    let entries = entries.into_iter().map(|(name, value)| (Key { at, text: Cow::Owned(name) }, text(value)));
    Node { at, content: Content::Mapping(Mapping { entries: entries.collect() }) }
}

/// Reads what a node names; a node that is no name is the decoder's to refuse.
fn read(
    node: &Node<'_>,
    kind: MaterialKind,
    sources: &Sources,
    reader: &mut dyn FileReader,
    decoder: &mut Decoder,
) -> Option<Material> {
    let name = &node.as_scalar().filter(|scalar| !scalar.text.is_empty())?.text;
    let resolved = resolve_name(sources.name(node.at.file), name);
    match reader.material(&resolved, kind) {
        Ok(material) => Some(material),
        Err(error) => {
            let hint = "a file or folder is named relative to the document that names it";
            let message = format!("cannot read {resolved}: {error}");
            let hint = error.hint.unwrap_or_else(|| hint.to_owned());
            decoder.push(Diagnostic::error("document.unreadable_source", message).at(node.at).hint(hint));
            None
        }
    }
}

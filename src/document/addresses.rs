//! The addresses that a document defines, and the texts by which the document speaks of them.

use std::collections::HashSet;

use super::desired::Entry;
use crate::model::decode::Decoder;
use crate::model::diagnostic::Diagnostic;
use crate::model::resource::ResourceId;
use crate::model::source::Spanned;

/// Every entry of a document and every part of one.
pub struct Addresses {
    defined: Vec<ResourceId>,
    folded: HashSet<ResourceId>,
    /// What `defined` looks like in a document, made when a misspelt address is met.
    texts: Option<Vec<String>>,
}

impl Addresses {
    pub fn of(entries: &[Entry]) -> Self {
        let defined: Vec<ResourceId> =
            entries.iter().flat_map(|entry| entry.wanted.kind().resources()).map(|(address, _)| address).collect();
        let aliases = entries.iter().flat_map(|entry| entry.wanted.kind().aliases());
        let folded = defined.iter().cloned().chain(aliases).map(|address| address.folded()).collect();
        Self { defined, folded, texts: None }
    }

    /// Whether the document has a folded address.
    pub fn has(&self, folded: &ResourceId) -> bool {
        self.folded.contains(folded)
    }

    /// Reads an address that the document must have; what it does not have is reported.
    pub fn known(&mut self, text: &Spanned<String>, cx: &mut Decoder) -> Option<Spanned<ResourceId>> {
        let address = parse(text, cx)?;
        if !self.has(&address.value.folded()) {
            self.report_unknown(&address, cx);
        }
        Some(address)
    }

    /// Reports an address that the document does not have.
    pub fn report_unknown(&mut self, address: &Spanned<ResourceId>, cx: &mut Decoder) {
        let texts = self.texts.get_or_insert_with(|| self.defined.iter().map(ToString::to_string).collect());
        let near = cx.nearest(&address.value.to_string(), texts.iter().map(String::as_str));
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        let message = format!("nothing in the document has the address {}", address.value);
        cx.push(Diagnostic::error("document.unknown_address", message).at(address.at).hint_if(hint));
    }
}

/// Reads an address, or reports why the text is none.
pub fn parse(text: &Spanned<String>, cx: &mut Decoder) -> Option<Spanned<ResourceId>> {
    match ResourceId::parse(&text.value) {
        Ok(address) => Some(Spanned::new(address, text.at)),
        Err(error) => {
            let diagnostic = Diagnostic::error("document.bad_address", error.message).at(text.at);
            cx.push(diagnostic.hint(r#"addresses look like 'registry["HKLM\SOFTWARE\Vendor"].LogLevel'"#));
            None
        }
    }
}

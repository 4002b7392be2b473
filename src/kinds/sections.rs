//! The sections of a document: the one table from a section's name to its decoder, its schema and its merge rule.

use schemars::{Schema, SchemaGenerator};

use super::{Wanted, registry};
use crate::model::decode::Decoder;
use crate::model::node::Node;

/// What to do when two files name the same mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeRule {
    /// Entry by entry.
    Merge,
    /// The later one stands, whole: its entries mean nothing apart from each other.
    Replace,
}

/// One section of a document.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    pub name: &'static str,
    pub decode: fn(&Node<'_>, &mut Decoder) -> Vec<Wanted>,
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Of the section's `defaults`, what an entry that is to be absent takes over.
    pub defaults_when_absent: &'static [&'static str],
    /// The rule for the mapping at a path of names below the section.
    pub merge_rule: fn(&[&str]) -> MergeRule,
}

pub const SECTIONS: &[Section] = &[Section {
    name: "registry",
    decode: |node, cx| registry::decode_section(node, cx).into_iter().map(Wanted::RegistryKey).collect(),
    schema: registry::section_schema,
    defaults_when_absent: &["view", "on_change"],
    merge_rule: registry::merge_rule,
}];

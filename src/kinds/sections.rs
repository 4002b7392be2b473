//! The sections of a document: the one table from a section's name to its decoder, its schema and its merge rule.

use std::sync::Arc;

use schemars::{Schema, SchemaGenerator};

use super::{Wanted, account, certificate, environment, file, hosts, port, registry, requirement, service};
use crate::model::decode::Decoder;
use crate::model::material::MaterialKind;
use crate::model::node::{Mapping, Node};

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
    /// What the section is called in `defaults`.
    pub defaults: &'static str,
    /// Mappings of an entry that take over from those of the defaults field by field.
    pub deep_defaults: &'static [&'static str],
    /// Of the section's `defaults`, what an entry that is to be absent takes over.
    pub defaults_when_absent: &'static [&'static str],
    /// Of the section's `defaults`, what has no meaning for an entry and is not taken over by it.
    pub passed_over: fn(&Mapping<'_>) -> &'static [&'static str],
    /// The field for which an entry that is no mapping stands; the text `absent` stands for one that is not to be there.
    pub short_for: Option<&'static str>,
    /// The fields of an entry that name files or folders beside the document.
    pub material: &'static [(&'static str, MaterialKind)],
    /// The rule for the mapping at a path of names below the section.
    pub merge_rule: fn(&[&str]) -> MergeRule,
}

pub const SECTIONS: &[Section] = &[
    Section {
        name: "accounts",
        decode: |node, cx| account::decode_section(node, cx).into_iter().map(Wanted::Group).collect(),
        schema: account::section_schema,
        defaults: "account",
        deep_defaults: &[],
        defaults_when_absent: &["on_change"],
        passed_over: |_| &[],
        short_for: None,
        material: &[],
        merge_rule: account::merge_rule,
    },
    Section {
        name: "certificates",
        decode: |node, cx| {
            let entries = certificate::decode_section(node, cx);
            entries.into_iter().map(|entry| Wanted::Certificate(Arc::new(entry))).collect()
        },
        schema: certificate::section_schema,
        defaults: "certificate",
        deep_defaults: &["key"],
        defaults_when_absent: &["on_change"],
        passed_over: certificate::passed_over,
        short_for: None,
        material: &[],
        merge_rule: certificate::merge_rule,
    },
    Section {
        name: "environment",
        decode: |node, cx| environment::decode_section(node, cx).into_iter().map(Wanted::Environment).collect(),
        schema: environment::section_schema,
        defaults: "environment",
        deep_defaults: &[],
        defaults_when_absent: &["on_change"],
        passed_over: |_| &[],
        short_for: None,
        material: &[],
        merge_rule: environment::merge_rule,
    },
    Section {
        name: "files",
        decode: |node, cx| {
            let entries = file::decode_section(node, cx);
            entries.into_iter().map(|entry| Wanted::File(Arc::new(entry))).collect()
        },
        schema: file::section_schema,
        defaults: "file",
        deep_defaults: &[],
        defaults_when_absent: &["on_change"],
        passed_over: file::passed_over,
        short_for: None,
        material: file::MATERIAL,
        merge_rule: file::merge_rule,
    },
    Section {
        name: "hosts",
        decode: |node, cx| hosts::decode_section(node, cx).into_iter().map(Wanted::Host).collect(),
        schema: hosts::section_schema,
        defaults: "hosts",
        deep_defaults: &[],
        defaults_when_absent: &["on_change"],
        passed_over: |_| &[],
        short_for: Some("addresses"),
        material: &[],
        merge_rule: hosts::merge_rule,
    },
    Section {
        name: "ports",
        decode: |node, cx| {
            let port::Section { firewall, ports } = port::decode_section(node, cx);
            let firewall = firewall.into_iter().map(|firewall| Wanted::Firewall(Arc::new(firewall)));
            firewall.chain(ports.into_iter().map(|port| Wanted::Port(Arc::new(port)))).collect()
        },
        schema: port::section_schema,
        defaults: "port",
        deep_defaults: &[],
        defaults_when_absent: &["on_change"],
        passed_over: |_| &[],
        short_for: None,
        material: &[],
        merge_rule: port::merge_rule,
    },
    Section {
        name: "registry",
        decode: |node, cx| registry::decode_section(node, cx).into_iter().map(Wanted::RegistryKey).collect(),
        schema: registry::section_schema,
        defaults: "registry",
        deep_defaults: &[],
        defaults_when_absent: &["view", "on_change"],
        passed_over: |_| &[],
        short_for: None,
        material: &[],
        merge_rule: registry::merge_rule,
    },
    Section {
        name: "services",
        decode: |node, cx| {
            let entries = service::decode_section(node, cx);
            entries.into_iter().map(|entry| Wanted::Service(Arc::new(entry))).collect()
        },
        schema: service::section_schema,
        defaults: "service",
        deep_defaults: &["recovery"],
        defaults_when_absent: &["on_change"],
        passed_over: |_| &[],
        short_for: None,
        material: &[],
        merge_rule: service::merge_rule,
    },
    Section {
        name: "requires",
        decode: |node, cx| {
            let entries = requirement::decode_section(node, cx);
            entries.into_iter().map(|entry| Wanted::Requirement(Box::new(entry))).collect()
        },
        schema: requirement::section_schema,
        defaults: "requirement",
        deep_defaults: &[],
        defaults_when_absent: &[],
        passed_over: |_| &[],
        short_for: None,
        material: &[],
        merge_rule: requirement::merge_rule,
    },
];

//! The `hosts` section of a document: names, and the addresses that each stands for.

use core::net::IpAddr;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::wanted::WantedHost;
use crate::formats::upcase;
use crate::kinds::sections::MergeRule;
use crate::model::common::{Common, Ensure, OnChange};
use crate::model::decode::{Decode, Decoder, Unique};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::{Key, Node};
use crate::model::source::Spanned;

/// The most characters of a name, and of a part of it between two dots (RFC 1035, 2.3.4).
const MOST_CHARACTERS: usize = 253;
const MOST_OF_A_LABEL: usize = 63;

crate::record! {
    /// A name that is spelt out.
    pub struct HostFields {
        /// The addresses, IPv4 and IPv6: it stands for these and for no others.
        #[example(["10.0.0.5", "fd00::5"])]
        pub addresses: Option<Addresses>,
        /// What a line that is made for the name says behind it. A comment that is there stays.
        #[example("moved on 2026-03-01")]
        pub comment: Option<Spanned<String>>,
        ..common: Common
    }
}

crate::record! {
    /// What every name says that does not say otherwise itself.
    pub struct DefaultFields {
        /// What else follows when a name changes.
        pub on_change: Option<OnChange>,
    }
}

/// One address or several.
#[derive(Clone, Debug, Default)]
pub struct Addresses(Vec<IpAddr>);

impl Decode for Addresses {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let nodes = node.as_sequence().unwrap_or(std::slice::from_ref(node));
        if nodes.is_empty() {
            let hint = "write `absent` for a name that must not be there";
            cx.push(Diagnostic::error("hosts.no_address", "the name stands for no address").at(node.at).hint(hint));
            return None;
        }
        let read: Vec<Option<IpAddr>> = nodes.iter().map(|node| address(node, cx)).collect();
        let mut read = read.into_iter().collect::<Option<Vec<IpAddr>>>()?;
        read.sort_unstable();
        read.dedup();
        Some(Self(read))
    }
}

fn address(node: &Node<'_>, cx: &mut Decoder) -> Option<IpAddr> {
    let text = cx.text(node)?;
    let problem = match text.parse::<IpAddr>() {
        Ok(address) if address.is_multicast() => "a group of machines has no name in the hosts file",
        Ok(address) => return Some(address),
        Err(_) if text.contains('/') => "a name stands for single addresses, not for a network",
        Err(_) => "this is no IPv4 or IPv6 address",
    };
    let hint = if text.split('.').any(|part| part.len() > 1 && part.starts_with('0')) {
        Some("write the numbers of an IPv4 address without leading zeros".to_owned())
    } else if text.contains('%') {
        Some("a zone, as in `%4`, cannot be written in the hosts file for every program".to_owned())
    } else {
        None
    };
    cx.push(Diagnostic::error("hosts.bad_address", problem).at(node.at).hint_if(hint));
    None
}

impl JsonSchema for Addresses {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Addresses".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
        })
    }
}

/// The schema of the section.
pub fn section_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Names in the hosts file, each with the address or addresses that it stands for; all else in the file stays.",
        "additionalProperties": {
            "anyOf": [
                { "type": "string", "description": "An address, or `absent`." },
                { "type": "array", "items": { "type": "string" }, "minItems": 1, "description": "Addresses." },
                HostFields::field_schema(generator),
            ],
        },
        "examples": [{ "acs.corp.example": "10.0.0.5", "old.corp.example": "absent" }],
    })
}

/// What a later file says of a name's addresses stands.
pub fn merge_rule(_: &[&str]) -> MergeRule {
    MergeRule::Merge
}

/// Reads the section; what could not be read is left out and has been reported.
pub fn decode_section(node: &Node<'_>, cx: &mut Decoder) -> Vec<WantedHost> {
    let Some(mapping) = cx.mapping(node) else { return Vec::new() };
    let mut unique = Unique::new("host", "hosts.named_twice", mapping.entries.len());
    let entries = mapping.entries.iter().filter_map(|(key, node)| {
        let is_new = unique.insert(upcase::fold(&key.text), key.at, "names compare without case", cx);
        let has_name = check_name(key, cx);
        let entry = decode_entry(key, node, cx);
        entry.filter(|_| is_new && has_name.is_some())
    });
    entries.collect()
}

fn decode_entry(key: &Key<'_>, node: &Node<'_>, cx: &mut Decoder) -> Option<WantedHost> {
    let host = |common, addresses: Addresses, comment| WantedHost {
        name: key.text.as_ref().into(),
        at: key.at,
        common,
        addresses: addresses.0,
        comment,
    };
    if node.as_scalar().is_some_and(|scalar| scalar.text == "absent") {
        let common = Common { ensure: Ensure::Absent, ..Common::default() };
        return Some(host(common, Addresses::default(), None));
    }
    if node.as_mapping().is_none() {
        return Some(host(Common::default(), Addresses::decode(node, cx)?, None));
    }
    let read = HostFields::decode(node, cx)?;
    let comment = match read.comment {
        Some(comment) if comment.value.contains(char::is_control) => {
            cx.push(Diagnostic::error("hosts.bad_comment", "a comment is one line of text").at(comment.at));
            return None;
        }
        comment => comment.map(|comment| comment.value.into_boxed_str()),
    };
    match (read.common.ensure, read.addresses) {
        (Ensure::Present, None) => {
            let hint = "name its `addresses`, or write `ensure: absent`";
            cx.push(Diagnostic::error("hosts.no_address", "the name stands for no address").at(key.at).hint(hint));
            None
        }
        (Ensure::Absent, Some(_)) => {
            let message = "the name is to be removed, so `addresses` has no meaning";
            let hint = "drop it, or drop `ensure: absent`";
            cx.push(Diagnostic::error("hosts.removed_has_addresses", message).at(key.at).hint(hint));
            None
        }
        (_, addresses) => Some(host(read.common, addresses.unwrap_or_default(), comment)),
    }
}

/// Reports a name that no program would look up.
fn check_name(key: &Key<'_>, cx: &mut Decoder) -> Option<()> {
    let name = &*key.text;
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let (message, hint) = if name.is_empty() {
        ("the name is empty".to_owned(), None)
    } else if name.parse::<IpAddr>().is_ok() {
        ("an address stands where the name belongs".to_owned(), Some("write the name first: `NAME: ADDRESS`"))
    } else if name.contains('*') {
        ("the hosts file knows no wildcards".to_owned(), Some("name each host, or ask the name service for the domain"))
    } else if !name.is_ascii() {
        let hint = "write it as the name service knows it, in its ASCII form that begins with `xn--`";
        ("the name holds characters that names of hosts cannot have".to_owned(), Some(hint))
    } else if let Some(bad) = name.chars().find(|c| !is_allowed(*c)) {
        (format!("{bad:?} is not allowed in the name of a host"), None)
    } else if name.ends_with('.') {
        ("the name ends in a dot".to_owned(), Some("the hosts file has names without the dot of the root"))
    } else if name.len() > MOST_CHARACTERS || name.split('.').any(|label| label.len() > MOST_OF_A_LABEL) {
        let message =
            format!("a name has at most {MOST_CHARACTERS} characters, and {MOST_OF_A_LABEL} between two dots");
        (message, None)
    } else if name.split('.').any(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-')) {
        ("a part of the name is empty, or begins or ends with a hyphen".to_owned(), None)
    } else {
        return Some(());
    };
    cx.push(Diagnostic::error("hosts.bad_name", message).at(key.at).hint_if(hint.map(str::to_owned)));
    None
}

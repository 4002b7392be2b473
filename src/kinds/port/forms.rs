//! The values of the `ports` section that have forms of their own: ports, protocols, lists that may be one.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::str::FromStr as _;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::formats::firewall::{LocalPortKeyword, PortKeyword, Protocol, RemotePortKeyword};
use crate::model::decode::{Decode, Decoder};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::{Content, Meaning, Node, Scalar};
use crate::model::port::{PortRange, PortSet};

/// A word for ports that Windows itself assigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortWord {
    Local(LocalPortKeyword),
    /// Of outgoing traffic only.
    Remote(RemotePortKeyword),
    /// Of either direction.
    IpHttps,
}

/// The words of documents; Windows' own spellings are understood, too.
const WORDS: [(&str, PortWord); 10] = [
    ("rpc", PortWord::Local(LocalPortKeyword::Rpc)),
    ("rpc-endpoint-mapper", PortWord::Local(LocalPortKeyword::RpcEndpointMapper)),
    ("iphttps", PortWord::IpHttps),
    ("teredo", PortWord::Local(LocalPortKeyword::Teredo)),
    ("dhcp", PortWord::Local(LocalPortKeyword::Dhcp)),
    ("mdns", PortWord::Local(LocalPortKeyword::Mdns)),
    ("play-to-discovery", PortWord::Local(LocalPortKeyword::PlayToDiscovery)),
    ("cdp", PortWord::Local(LocalPortKeyword::TcpCdpService)),
    ("cortana", PortWord::Remote(RemotePortKeyword::CortanaOut)),
    ("rpc-epmap", PortWord::Local(LocalPortKeyword::RpcEndpointMapper)),
];

impl PortWord {
    fn find(text: &str) -> Option<Self> {
        let own = WORDS.iter().find(|(word, _)| *word == text).map(|(_, found)| *found);
        own.or_else(|| match LocalPortKeyword::from_token(text) {
            Some(LocalPortKeyword::IpHttpsIn) => Some(Self::IpHttps),
            Some(word) => Some(Self::Local(word)),
            None => RemotePortKeyword::from_token(text).map(|word| match word {
                RemotePortKeyword::IpHttpsOut => Self::IpHttps,
                RemotePortKeyword::CortanaOut => Self::Remote(word),
            }),
        })
    }

    /// How documents write it.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(_, word)| *word == self).map_or("iphttps", |(text, _)| text)
    }
}

/// Ports: `5443`, `49152-65535`, `rpc`, or a list of those.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortsForm {
    pub numbers: PortSet,
    pub words: BTreeSet<PortWord>,
}

impl PortsForm {
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.words.is_empty()
    }
}

fn one_port(node: &Node<'_>, cx: &mut Decoder) -> Option<Result<PortRange, PortWord>> {
    let refuse = |cx: &mut Decoder, message: String, hint: Option<String>| {
        cx.push(Diagnostic::error("ports.bad_port", message).at(node.at).hint_if(hint));
        None
    };
    if let Some(Meaning::Integer(_)) = node.as_scalar().map(Scalar::meaning) {
        let number = cx.integer(node, 1, u16::MAX.into())?;
        return Some(Ok(PortRange::single(u16::try_from(number).ok()?).ok()?));
    }
    let text = match node.as_scalar() {
        Some(scalar) if scalar.is_quoted() => &*scalar.text,
        _ => cx.text(node)?,
    };
    if let Some(word) = PortWord::find(text) {
        return Some(Err(word));
    }
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        let near = cx.nearest(text, WORDS.iter().map(|(word, _)| *word));
        let hint = near.map_or_else(
            || "write a number, a range such as `49152-65535`, or one of Windows' words such as `rpc`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        return refuse(cx, format!("`{text}` is no port"), Some(hint));
    }
    match PortRange::from_str(text) {
        Ok(range) => Some(Ok(range)),
        Err(error) => refuse(cx, error.to_string(), None),
    }
}

impl Decode for PortsForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let nodes = match &node.content {
            Content::Sequence(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let read: Vec<_> = nodes.iter().map(|node| one_port(node, cx)).collect();
        let read: Vec<Result<PortRange, PortWord>> = read.into_iter().collect::<Option<_>>()?;
        if read.is_empty() {
            cx.push(Diagnostic::error("ports.bad_port", "the list names no port").at(node.at));
            return None;
        }
        Some(Self {
            numbers: read.iter().filter_map(|each| each.as_ref().ok().copied()).collect(),
            words: read.iter().filter_map(|each| each.as_ref().err().copied()).collect(),
        })
    }
}

impl JsonSchema for PortsForm {
    fn schema_name() -> Cow<'static, str> {
        "Ports".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({
            "anyOf": [{ "type": "integer", "minimum": 1, "maximum": 65535 }, { "type": "string" }],
        });
        json_schema!({
            "description": "A port, a range such as `49152-65535`, a word of Windows' such as `rpc`, or a list of those.",
            "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }],
        })
    }
}

/// A protocol, or TCP and UDP alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolForm {
    Both,
    One(Protocol),
}

impl ProtocolForm {
    /// The protocols that are meant.
    pub fn protocols(self) -> Vec<Protocol> {
        match self {
            Self::Both => vec![Protocol::Tcp, Protocol::Udp],
            Self::One(protocol) => vec![protocol],
        }
    }
}

impl Decode for ProtocolForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        const WORDS: [&str; 6] = ["tcp", "udp", "both", "any", "icmpv4", "icmpv6"];
        if let Some(Meaning::Integer(_)) = node.as_scalar().map(Scalar::meaning) {
            let number = cx.integer(node, 0, u8::MAX.into())?;
            return Some(Self::One(u8::try_from(number).ok()?.into()));
        }
        let text = cx.text(node)?;
        if text == "both" {
            return Some(Self::Both);
        }
        match Protocol::from_str(text) {
            Ok(protocol) => Some(Self::One(protocol)),
            Err(_) => crate::model::record::unknown_word(node, Some(text), &WORDS, cx),
        }
    }
}

impl JsonSchema for ProtocolForm {
    fn schema_name() -> Cow<'static, str> {
        "Protocol".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A protocol by name or number; `both` is TCP and UDP.",
            "anyOf": [
                { "enum": ["tcp", "udp", "both", "any", "icmpv4", "icmpv6"] },
                { "type": "integer", "minimum": 0, "maximum": 255 },
            ],
        })
    }
}

/// One thing, or a list of them.
#[derive(Clone, Debug)]
pub struct OneOrMore<T>(pub Vec<T>);

impl<T: Decode> Decode for OneOrMore<T> {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        match &node.content {
            Content::Sequence(_) => Vec::decode(node, cx).map(Self),
            _ => T::decode(node, cx).map(|one| Self(vec![one])),
        }
    }
}

impl<T: Decode> JsonSchema for OneOrMore<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMore{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = T::field_schema(generator);
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// Whether traffic through an edge device comes in: `true`, `false`, or who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeForm(pub crate::formats::firewall::EdgeTraversal);

impl Decode for EdgeForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        use crate::formats::firewall::EdgeTraversal;
        Some(Self(match node.as_scalar().map(|scalar| &*scalar.text) {
            Some("app") => EdgeTraversal::DeferToApp,
            Some("user") => EdgeTraversal::DeferToUser,
            _ if bool::decode(node, cx)? => EdgeTraversal::Allow,
            _ => EdgeTraversal::Off,
        }))
    }
}

impl JsonSchema for EdgeForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "EdgeTraversal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "boolean" }, { "enum": ["app", "user"] }] })
    }
}

//! Where a secret is to be found: never the secret. Resolving a reference is somebody else's work.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::decode::{Decode, Decoder};
use super::diagnostic::Diagnostic;
use super::node::{Content, Node};

/// The forms of a secret that a document may use.
const SOURCES: [&str; 3] = ["env", "file", "command"];
const HOW: &str = "write where it is to be found: `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, ARGUMENT]}`";

/// A place from which `apply` takes a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretReference {
    /// An environment variable.
    Env(String),
    /// A file's content.
    File(String),
    /// What a program prints; run only where the user allows it.
    Command(Vec<String>),
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Command(words) => write!(f, "command {}", words.first().map_or("", String::as_str)),
        }
    }
}

impl SecretReference {
    /// Whether a mapping looks like a reference: one that names a source and nothing else.
    pub fn is_form(node: &Node<'_>) -> bool {
        node.as_mapping().is_some_and(|mapping| {
            mapping.entries.iter().any(|(key, _)| SOURCES.contains(&&*key.text) || key.text == "age")
        })
    }
}

impl Decode for SecretReference {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let mapping = match &node.content {
            Content::Mapping(mapping) => mapping,
            Content::Scalar(_) => {
                let message = "a secret cannot stand in the document";
                cx.push(Diagnostic::error("document.plain_secret", message).at(node.at).hint(HOW).concealing(node.at));
                return None;
            }
            Content::Sequence(_) => return cx.wrong_type(node, "a secret reference"),
        };
        let [(key, value)] = mapping.entries.as_slice() else {
            let message = "a secret reference names exactly one source";
            cx.push(Diagnostic::error("document.bad_secret", message).at(node.at).hint(HOW).concealing(node.at));
            return None;
        };
        match &*key.text {
            "env" => filled(value, String::decode(value, cx)?, cx).map(Self::Env),
            "file" => filled(value, String::decode(value, cx)?, cx).map(Self::File),
            "command" => command(value, cx).map(Self::Command),
            "age" => {
                let message = "secrets encrypted with age are not supported by this version";
                cx.push(Diagnostic::error("document.unsupported_secret", message).at(key.at).hint(HOW));
                None
            }
            other => {
                let hint =
                    cx.nearest(other, SOURCES).map_or_else(|| HOW.into(), |name| format!("did you mean `{name}`?"));
                let message = format!("there is no secret source `{other}`");
                cx.push(Diagnostic::error("document.bad_secret", message).at(key.at).hint(hint).concealing(value.at));
                None
            }
        }
    }
}

fn filled(node: &Node<'_>, text: String, cx: &mut Decoder) -> Option<String> {
    if !text.is_empty() && !text.contains('\0') {
        return Some(text);
    }
    cx.push(
        Diagnostic::error("document.bad_secret", "the name of a secret's source is empty or holds NUL").at(node.at),
    );
    None
}

fn command(node: &Node<'_>, cx: &mut Decoder) -> Option<Vec<String>> {
    let words = Vec::<String>::decode(node, cx)?;
    if words.first().is_some_and(|program| !program.is_empty()) {
        return Some(words);
    }
    cx.push(Diagnostic::error("document.bad_secret", "the command names no program").at(node.at));
    None
}

impl JsonSchema for SecretReference {
    fn schema_name() -> Cow<'static, str> {
        "SecretReference".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "Where a secret is to be found. The secret itself never stands in the document.",
            "properties": {
                "env": { "type": "string", "minLength": 1, "description": "The name of an environment variable." },
                "file": { "type": "string", "minLength": 1, "description": "The path of a file that holds the secret." },
                "command": {
                    "type": "array",
                    "prefixItems": [{ "type": "string", "minLength": 1 }],
                    "items": { "type": "string" },
                    "minItems": 1,
                    "description": "A program and its arguments; it prints the secret. Run only where the command line allows it.",
                },
            },
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
            "examples": [{ "env": "SERVICE_PASSWORD" }],
        })
    }
}

//! The forms that contents and values have in a document.

use std::borrow::Cow;

use base64ct::{Base64, Encoding as _};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::formats::edit::{Encoding, Text, Value};
use crate::model::decode::{Decode, Decoder};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::{Content, Meaning, Node, Trap};
use crate::model::secret::SecretReference;

crate::choice! {
    /// How the characters of a text are stored.
    pub enum TextEncoding or Utf8 {
        /// UTF-8 without a mark.
        Utf8 = "utf-8",
        /// UTF-8 behind a byte-order mark.
        Utf8WithMark = "utf-8-bom",
        /// UTF-16, little-endian, behind a byte-order mark.
        Utf16 = "utf-16",
        /// One byte for each character, all of them ASCII.
        Ascii = "ascii",
    }
}

crate::choice! {
    /// How the lines of a text end.
    pub enum Newline or AsWritten {
        /// As they stand in the document.
        AsWritten = "as-written",
        /// With a carriage return and a line feed.
        CrLf = "crlf",
        /// With a line feed.
        Lf = "lf",
    }
}

/// The bytes of a text; an error names the character that has no place in the encoding.
pub fn bytes_of(text: &str, encoding: TextEncoding, newline: Newline) -> Result<Vec<u8>, char> {
    let plain = || text.replace("\r\n", "\n");
    let content = match newline {
        Newline::AsWritten => text.to_owned(),
        Newline::Lf => plain(),
        Newline::CrLf => plain().replace('\n', "\r\n"),
    };
    let (stored, mark) = match encoding {
        TextEncoding::Utf8 => (Encoding::Utf8, false),
        TextEncoding::Utf8WithMark => (Encoding::Utf8, true),
        TextEncoding::Utf16 => (Encoding::Utf16Le, true),
        TextEncoding::Ascii => match content.chars().find(|c| !c.is_ascii()) {
            Some(foreign) => return Err(foreign),
            None => (Encoding::Utf8, false),
        },
    };
    // Both encodings have a place for every character.
    Ok(Text { encoding: stored, mark, content }.encode().unwrap_or_default())
}

/// What a file is to hold as a whole.
#[derive(Clone, Debug)]
pub enum ContentForm {
    Text(String),
    Bytes(Vec<u8>),
    Secret(SecretReference),
}

crate::record! {
    /// A content that is no text of the document.
    struct ContentFields {
        /// The bytes in Base64.
        base64: Option<Base64Form>,
        ..secret: SecretFields
    }
}

crate::record! {
    /// Where a secret comes from.
    pub struct SecretFields {
        /// The text is a secret, from where this says.
        pub secret: Option<SecretReference>,
    }
}

/// Bytes in Base64.
#[derive(Clone, Debug)]
pub struct Base64Form(pub Vec<u8>);

impl Decode for Base64Form {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let text: String = cx.text(node)?.split_ascii_whitespace().collect();
        let decoded = Base64::decode_vec(&text);
        decoded
            .map_err(|_| cx.push(Diagnostic::error("files.bad_base64", "this is not Base64").at(node.at)))
            .ok()
            .map(Self)
    }
}

impl JsonSchema for Base64Form {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Base64".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl Decode for ContentForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if node.as_mapping().is_none() {
            return cx.text(node).map(|text| Self::Text(text.to_owned()));
        }
        let read = ContentFields::decode(node, cx)?;
        match (read.base64, read.secret.secret) {
            (Some(bytes), None) => Some(Self::Bytes(bytes.0)),
            (None, Some(secret)) => Some(Self::Secret(secret)),
            _ => {
                let message = "a content that is no text is either `base64` or a `secret`";
                cx.push(Diagnostic::error("files.bad_content", message).at(node.at));
                None
            }
        }
    }
}

impl JsonSchema for ContentForm {
    fn schema_name() -> Cow<'static, str> {
        "FileContent".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, generator.subschema_for::<ContentFields>()] })
    }
}

/// A value as the document writes it: for JSON with its type, for all other files as a text.
#[derive(Clone, Debug)]
pub enum ValueForm {
    Text(Box<str>),
    /// A number without a fraction, or `true` or `false`: as a text, what was written.
    Scalar(serde_json::Value, Box<str>),
    Json(serde_json::Value),
}

impl Decode for ValueForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if let Some(scalar) = node.as_scalar() {
            match scalar.meaning() {
                Meaning::Text | Meaning::Trap(Trap::Bool(_) | Trap::Date) => {
                    return Some(Self::Text(cx.text(node)?.into()));
                }
                Meaning::Integer(_) | Meaning::Bool(_) => {
                    let text: Box<str> = scalar.text.as_ref().into();
                    return json_of(node, cx).map(|json| Self::Scalar(json, text));
                }
                _ => {}
            }
        }
        json_of(node, cx).map(Self::Json)
    }
}

impl ValueForm {
    /// The value in a JSON file.
    pub fn json(self) -> Value {
        Value::Json(match self {
            Self::Text(text) => serde_json::Value::String(text.into()),
            Self::Scalar(json, _) | Self::Json(json) => json,
        })
    }

    /// The value in any other file; `None` for what has no text of its own.
    pub fn text(self) -> Option<Value> {
        match self {
            Self::Text(text) | Self::Scalar(_, text) => Some(Value::Text(text)),
            Self::Json(_) => None,
        }
    }
}

impl JsonSchema for ValueForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ValueForm".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

/// A node as JSON, all the way down.
fn json_of(node: &Node<'_>, cx: &mut Decoder) -> Option<serde_json::Value> {
    match &node.content {
        Content::Sequence(items) => {
            let items: Vec<Option<serde_json::Value>> = items.iter().map(|item| json_of(item, cx)).collect();
            items.into_iter().collect::<Option<Vec<_>>>().map(serde_json::Value::Array)
        }
        Content::Mapping(mapping) => {
            let members = mapping.entries.iter().map(|(key, node)| Some((key.text.to_string(), json_of(node, cx)?)));
            members.collect::<Option<serde_json::Map<_, _>>>().map(serde_json::Value::Object)
        }
        Content::Scalar(scalar) => match scalar.meaning() {
            Meaning::Null => Some(serde_json::Value::Null),
            Meaning::Bool(value) => Some(value.into()),
            Meaning::Integer(_) | Meaning::Float(_) => {
                let number = scalar.text.parse::<serde_json::Number>().map(serde_json::Value::Number);
                let Ok(number) = number else { return cx.wrong_type(node, "a number as JSON writes it") };
                Some(number)
            }
            Meaning::Text | Meaning::Trap(Trap::Date) => Some(scalar.text.as_ref().into()),
            Meaning::Trap(_) => cx.text(node).map(Into::into),
        },
    }
}

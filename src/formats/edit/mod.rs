//! One value inside a text file: found, replaced, added or removed, while every other byte of the file stays as it is.
//!
//! Encodings, byte-order marks, line endings, comments, order and whitespace are the file's own.

mod encoding;
mod hosts;
mod ini;
mod json;
mod properties;
mod xml;

use std::ops::Range;

use crate::formats::upcase;

pub use encoding::{Encoding, Text};
pub use hosts::Family;

/// The largest file that is edited, in bytes.
pub const MAX_BYTES: usize = 64 << 20;

/// Where in a file a value stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// A key of a section, both compared without case as Windows does; without a section, before the first one.
    Ini { section: Option<Box<str>>, key: Box<str> },
    /// A key of a Java properties file.
    Properties { key: Box<str> },
    /// An attribute or the text of an element, as in `/configuration/appSettings/add[@key='Lang']/@value`.
    Xml { path: Box<str> },
    /// A member or element by JSON Pointer (RFC 6901), as in `/Logging/LogLevel/Default`.
    Json { pointer: Box<str> },
    /// The addresses of a name in a `hosts` file. A line that is made for it ends in the comment.
    Host {
        name: Box<str>,
        family: Family,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Box<str>>,
    },
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ini { section: Some(section), key } => write!(f, "[{section}] {key}"),
            Self::Ini { section: None, key } | Self::Properties { key } => f.write_str(key),
            Self::Xml { path } => f.write_str(path),
            Self::Json { pointer } => f.write_str(if pointer.is_empty() { "(the whole)" } else { pointer }),
            Self::Host { name, family: Family::V4, .. } => write!(f, "{name} (IPv4)"),
            Self::Host { name, family: Family::V6, .. } => write!(f, "{name} (IPv6)"),
        }
    }
}

/// What stands, or is to stand, at a selector. Only JSON knows anything but text.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Text(Box<str>),
    Json(serde_json::Value),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Json(value) => value.fmt(f),
        }
    }
}

/// Why a file cannot be read or edited at a selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("the file has more than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the file is not text: {0}")]
    NotText(&'static str),
    #[error("line {line}: {problem}")]
    Syntax { line: usize, problem: String },
    #[error("the selector is wrong: {0}")]
    Selector(String),
    #[error("the selector finds {0} places")]
    Ambiguous(usize),
    #[error("there is no place for it: {0}")]
    NoPlace(String),
    #[error("the file's encoding cannot hold `{0}`")]
    Unencodable(char),
    #[error("the file cannot hold the value: {0}")]
    Value(&'static str),
}

/// The value at a selector, `None` when nothing stands there.
///
/// # Errors
/// The file is not what the selector speaks of, or the selector is not clear.
pub fn read(bytes: &[u8], selector: &Selector) -> Result<Option<Value>, EditError> {
    let text = Text::decode(bytes)?;
    read_text(&text, selector)
}

/// As [`read`], at many selectors of one file: it is looked through once, not for each.
pub fn read_all(bytes: &[u8], selectors: &[&Selector]) -> Vec<Result<Option<Value>, EditError>> {
    let text = match Text::decode(bytes) {
        Ok(text) => text,
        Err(error) => return selectors.iter().map(|_| Err(error.clone())).collect(),
    };
    let content = &text.content;
    let (mut ini, mut properties, mut json, mut hosts) = (None, None, None, None);
    let plain = |found: Option<String>| found.map(|found| Value::Text(found.into()));
    let mut one = |selector: &Selector| match selector {
        Selector::Ini { section, key } => {
            let index = ini.get_or_insert_with(|| ini::Index::of(content));
            Ok(plain(index.get(section.as_deref(), key)))
        }
        Selector::Properties { key } => {
            let index = properties.get_or_insert_with(|| properties::Index::of(content));
            index.get(content, key).map(plain)
        }
        Selector::Json { pointer } => {
            let root = json.get_or_insert_with(|| json::parse(content)).as_ref().map_err(Clone::clone)?;
            Ok(json::read_from(root.as_ref(), pointer)?.map(Value::Json))
        }
        Selector::Host { name, family, .. } => {
            let index = hosts.get_or_insert_with(|| hosts::Index::of(content));
            Ok(plain(index.get(name, *family)))
        }
        Selector::Xml { .. } => read_text(&text, selector),
    };
    selectors.iter().map(|selector| one(selector)).collect()
}

/// As [`read`], of a file that is decoded already.
///
/// # Errors
/// As [`read`].
pub fn read_text(text: &Text, selector: &Selector) -> Result<Option<Value>, EditError> {
    let plain = |found: Option<String>| found.map(|found| Value::Text(found.into()));
    match selector {
        Selector::Ini { section, key } => Ok(plain(ini::read(&text.content, section.as_deref(), key))),
        Selector::Properties { key } => properties::read(&text.content, key).map(plain),
        Selector::Xml { path } => xml::read(&text.content, path).map(plain),
        Selector::Json { pointer } => Ok(json::read(&text.content, pointer)?.map(Value::Json)),
        Selector::Host { name, family, .. } => Ok(plain(hosts::read(&text.content, name, *family))),
    }
}

/// The file with something where nothing stands, for looking whether that can be: what it is does not matter.
///
/// # Errors
/// Why it cannot.
pub fn placed(bytes: &[u8], selector: &Selector) -> Result<Option<Vec<u8>>, EditError> {
    let any = match selector {
        Selector::Ini { .. } | Selector::Properties { .. } | Selector::Host { .. } => return Ok(None),
        Selector::Xml { .. } => Value::Text("value".into()),
        Selector::Json { .. } => Value::Json(serde_json::Value::Null),
    };
    write(bytes, selector, Some(&any)).map(Some)
}

/// The way to a value from the kind of its file inward, spelt alike for alike selectors: one value lies in another when its way goes on
/// from the other's. An attribute begins with `@`.
pub fn segments(selector: &Selector) -> Vec<String> {
    let mut way = Vec::new();
    match selector {
        Selector::Ini { section, key } => {
            way.push("ini".to_owned());
            way.push(section.as_ref().map_or(String::new(), |section| format!("[{}]", upcase::fold(section.trim()))));
            way.push(upcase::fold(key.trim()));
        }
        Selector::Properties { key } => way.extend(["property".to_owned(), key.to_string()]),
        Selector::Host { name, family, .. } => {
            way.extend(["host".to_owned(), upcase::fold(name), format!("{family:?}")]);
        }
        Selector::Json { pointer } => {
            way.push("json".to_owned());
            way.extend(json::names(pointer).unwrap_or_default());
        }
        Selector::Xml { path } => {
            way.push("xml".to_owned());
            way.extend(xml::segments(path).unwrap_or_default());
        }
    }
    way
}

/// Whether a selector makes sense, and some file can hold the value at it.
///
/// # Errors
/// Why not.
pub fn check(selector: &Selector, value: Option<&Value>) -> Result<(), EditError> {
    let text = match value {
        Some(Value::Text(text)) => Some(&**text),
        Some(Value::Json(_)) | None => None,
    };
    match selector {
        Selector::Ini { section, key } => ini::check(section.as_deref(), key, text),
        Selector::Properties { key } => properties::check(key),
        Selector::Xml { path } => xml::check(path, text),
        Selector::Json { pointer } => json::check(pointer),
        Selector::Host { name, family, comment } => hosts::write("", name, *family, comment.as_deref(), text).map(drop),
    }
}

/// Whether two values are the same: in JSON, a text is a string.
pub fn is_same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(Value::Json(json)), Some(Value::Text(text))) | (Some(Value::Text(text)), Some(Value::Json(json))) => {
            json.as_str() == Some(&**text)
        }
        (a, b) => a == b,
    }
}

/// The file with `value` at the selector, or without what stands there; the same bytes when that is so already.
///
/// # Errors
/// As [`read`]; there is no place for the value, or the file cannot hold it.
pub fn write(bytes: &[u8], selector: &Selector, value: Option<&Value>) -> Result<Vec<u8>, EditError> {
    let as_json;
    let value = match (selector, value) {
        (Selector::Json { .. }, Some(Value::Text(text))) => {
            as_json = Value::Json(serde_json::Value::String(text.to_string()));
            Some(&as_json)
        }
        _ => value,
    };
    let mut text = Text::decode(bytes)?;
    if read_text(&text, selector)?.as_ref() == value {
        return Ok(bytes.to_vec());
    }
    let as_text = || match value {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(&**text)),
        Some(Value::Json(_)) => Err(EditError::Value("only JSON files hold anything but text")),
    };
    let splice = match selector {
        Selector::Ini { section, key } => ini::write(&text.content, section.as_deref(), key, as_text()?)?,
        Selector::Properties { key } => properties::write(&text.content, key, as_text()?)?,
        Selector::Xml { path } => xml::write(&text.content, path, as_text()?)?,
        Selector::Json { pointer } => {
            let wanted = match value {
                Some(Value::Json(value)) => Some(value),
                Some(Value::Text(_)) | None => None,
            };
            json::write(&text.content, pointer, wanted)?
        }
        Selector::Host { name, family, comment } => {
            hosts::write(&text.content, name, *family, comment.as_deref(), as_text()?)?
        }
    };
    text.splice(splice)?;
    if read_text(&text, selector)?.as_ref() != value {
        return Err(EditError::NoPlace("the file does not read back as wanted".into()));
    }
    text.encode()
}

/// A stretch of the text and what comes in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Splice {
    range: Range<usize>,
    with: String,
}

impl Splice {
    fn replace(range: Range<usize>, with: impl Into<String>) -> Self {
        Self { range, with: with.into() }
    }

    fn insert(at: usize, text: impl Into<String>) -> Self {
        Self { range: at..at, with: text.into() }
    }

    fn nothing() -> Self {
        Self::insert(0, "")
    }
}

/// Several changes as one stretch from the first to the last.
fn joint(text: &str, mut changes: Vec<Splice>) -> Splice {
    changes.sort_by_key(|change| (change.range.start, change.range.end));
    let Some(first) = changes.first() else { return Splice::nothing() };
    let start = first.range.start;
    let mut at = start;
    let mut with = String::new();
    for change in changes {
        with.push_str(text.get(at..change.range.start).unwrap_or_default());
        with.push_str(&change.with);
        at = change.range.end.max(at);
    }
    Splice::replace(start..at, with)
}

/// A line of a text: where its content is, and where it ends with its line break.
#[derive(Clone, Copy, Debug)]
struct Line {
    start: usize,
    /// Where the content ends.
    end: usize,
    /// Where the next line begins.
    next: usize,
}

/// The lines of a text; `\n`, `\r\n` and `\r` end one.
fn lines(text: &str) -> Vec<Line> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let length = match byte {
            b'\n' => 1,
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => 2,
            b'\r' => 1,
            _ => {
                at += 1;
                continue;
            }
        };
        out.push(Line { start, end: at, next: at + length });
        at += length;
        start = at;
    }
    if start < bytes.len() {
        out.push(Line { start, end: bytes.len(), next: bytes.len() });
    }
    out
}

/// The line break that the text uses, Windows' own where it has none.
fn line_break(text: &str) -> &'static str {
    match text.find(['\n', '\r']).map(|at| text.get(at..).unwrap_or_default()) {
        Some(rest) if rest.starts_with("\r\n") => "\r\n",
        Some(rest) if rest.starts_with('\n') => "\n",
        Some(_) => "\r",
        None => "\r\n",
    }
}

fn line_number(text: &str, offset: usize) -> usize {
    lines(text).iter().take_while(|line| line.next <= offset).count() + 1
}

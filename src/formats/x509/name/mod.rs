//! Distinguished names, in the order of their encoding, with repeats and multi-valued parts kept exactly.
//!
//! The types; `text` is RFC 4514, `encoding` is DER, `attribute` the kinds of attributes and their limits.

mod attribute;
mod encoding;
mod text;

pub use attribute::AttributeType;

use crate::formats::x509::serde_as_text;

/// Relative names from the outermost (usually the country) to the innermost (usually the common name).
///
/// Equality is of order, repeats and the case of values, not of the string types they are encoded in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct DistinguishedName(Vec<RelativeName>);

/// One part of a distinguished name: one attribute, or several side by side whose order means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelativeName(Vec<Attribute>);

/// A kind of attribute and its value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attribute {
    kind: AttributeType,
    value: AttributeValue,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttributeValue {
    /// A text, whichever string type it is encoded in.
    Text(String),
    /// Something else, as its DER.
    Encoded(Vec<u8>),
}

/// Why a text or bytes are no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NameError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes from the beginning of what was read.
    pub offset: usize,
}

/// Whether values must keep to the limits of RFC 5280: what a document asks for must, what somebody else issued may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bounds {
    Enforced,
    Ignored,
}

impl NameError {
    pub(super) fn new(message: impl Into<String>, offset: usize) -> Self {
        Self { message: message.into(), offset }
    }
}

impl DistinguishedName {
    /// Makes a name of parts in the encoded order.
    #[must_use]
    pub fn new(parts: Vec<RelativeName>) -> Self {
        Self(parts)
    }

    /// The parts, in the encoded order.
    #[must_use]
    pub fn rdns(&self) -> &[RelativeName] {
        &self.0
    }

    /// The last common name, which is the one a reader takes for the name.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        let attributes = self.0.iter().rev().flat_map(RelativeName::attributes);
        attributes.filter(|attribute| attribute.kind == AttributeType::COMMON_NAME).find_map(Attribute::text)
    }

    /// Whether there is no part.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl RelativeName {
    /// Makes a part of attributes.
    ///
    /// # Errors
    /// No attribute, or one of them twice.
    pub fn new(mut attributes: Vec<Attribute>) -> Result<Self, NameError> {
        if attributes.is_empty() {
            return Err(NameError::new("a part of a name has at least one attribute", 0));
        }
        attributes.sort();
        let twice = attributes.iter().zip(attributes.iter().skip(1)).find(|(one, next)| one == next);
        match twice {
            Some((attribute, _)) => Err(NameError::new(format!("{attribute} stands twice in one part of the name"), 0)),
            None => Ok(Self(attributes)),
        }
    }

    /// The attributes, in an order that depends on nothing but them.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.0
    }
}

impl Attribute {
    /// Makes an attribute whose value is a text.
    ///
    /// # Errors
    /// The value is empty, longer than RFC 5280 allows for its kind, or has characters that its string type lacks.
    pub fn new(kind: AttributeType, value: &str) -> Result<Self, NameError> {
        attribute::check(kind, value).map_err(|message| NameError::new(message, 0))?;
        Ok(Self { kind, value: AttributeValue::Text(value.to_owned()) })
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> AttributeType {
        self.kind
    }

    /// What it says.
    #[must_use]
    pub fn value(&self) -> &AttributeValue {
        &self.value
    }

    /// What it says, where that is a text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            AttributeValue::Text(text) => Some(text),
            AttributeValue::Encoded(_) => None,
        }
    }
}

serde_as_text!(DistinguishedName, |text: &str| DistinguishedName::read(text, Bounds::Ignored));

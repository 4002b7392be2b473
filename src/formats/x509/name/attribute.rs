//! The kinds of attributes of a name: their object identifiers, short names and upper bounds.
//!
//! Sources: RFC 4514 section 3, RFC 4519, RFC 5280 appendix A.1.

use std::fmt;
use std::str::FromStr;

use der::asn1::ObjectIdentifier;

use super::NameError;
use crate::formats::x509::serde_as_text;

/// The kind of an attribute: an object identifier, known by a short name where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeType(ObjectIdentifier);

/// The string type a value is encoded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StringType {
    Printable,
    Ia5,
    Utf8,
}

const fn oid(text: &str) -> AttributeType {
    AttributeType(ObjectIdentifier::new_unwrap(text))
}

/// Canonical short names first; what follows a kind's first row is understood and never written.
const SHORT_NAMES: [(&str, AttributeType); 33] = [
    ("CN", AttributeType::COMMON_NAME),
    ("OU", AttributeType::ORGANIZATIONAL_UNIT),
    ("O", AttributeType::ORGANIZATION),
    ("C", AttributeType::COUNTRY),
    ("L", AttributeType::LOCALITY),
    ("ST", AttributeType::STATE),
    ("S", AttributeType::STATE),
    ("SP", AttributeType::STATE),
    ("STREET", oid("2.5.4.9")),
    ("DC", AttributeType::DOMAIN_COMPONENT),
    ("UID", oid("0.9.2342.19200300.100.1.1")),
    ("SN", oid("2.5.4.4")),
    ("SURNAME", oid("2.5.4.4")),
    ("SERIALNUMBER", AttributeType::SERIAL_NUMBER),
    ("GN", oid("2.5.4.42")),
    ("G", oid("2.5.4.42")),
    ("GIVENNAME", oid("2.5.4.42")),
    ("T", AttributeType::TITLE),
    ("TITLE", AttributeType::TITLE),
    ("I", oid("2.5.4.43")),
    ("INITIALS", oid("2.5.4.43")),
    ("emailAddress", AttributeType::EMAIL_ADDRESS),
    ("E", AttributeType::EMAIL_ADDRESS),
    ("EMAIL", AttributeType::EMAIL_ADDRESS),
    ("description", oid("2.5.4.13")),
    ("businessCategory", oid("2.5.4.15")),
    ("postalCode", oid("2.5.4.17")),
    ("telephoneNumber", oid("2.5.4.20")),
    ("name", oid("2.5.4.41")),
    ("generationQualifier", oid("2.5.4.44")),
    ("dnQualifier", AttributeType::QUALIFIER),
    ("pseudonym", AttributeType::PSEUDONYM),
    ("organizationIdentifier", oid("2.5.4.97")),
];

impl AttributeType {
    pub const COMMON_NAME: Self = oid("2.5.4.3");
    pub const ORGANIZATIONAL_UNIT: Self = oid("2.5.4.11");
    pub const ORGANIZATION: Self = oid("2.5.4.10");
    pub const COUNTRY: Self = oid("2.5.4.6");
    pub const LOCALITY: Self = oid("2.5.4.7");
    pub const STATE: Self = oid("2.5.4.8");
    pub const DOMAIN_COMPONENT: Self = oid("0.9.2342.19200300.100.1.25");
    pub const SERIAL_NUMBER: Self = oid("2.5.4.5");
    pub const EMAIL_ADDRESS: Self = oid("1.2.840.113549.1.9.1");
    const TITLE: Self = oid("2.5.4.12");
    const QUALIFIER: Self = oid("2.5.4.46");
    const PSEUDONYM: Self = oid("2.5.4.65");

    /// The kind of an object identifier.
    #[must_use]
    pub fn new(identifier: ObjectIdentifier) -> Self {
        Self(identifier)
    }

    /// The object identifier.
    #[must_use]
    pub fn identifier(self) -> ObjectIdentifier {
        self.0
    }

    /// The short name, where it has one.
    #[must_use]
    pub fn short_name(self) -> Option<&'static str> {
        SHORT_NAMES.iter().find(|(_, kind)| *kind == self).map(|(name, _)| *name)
    }

    /// The string type its values are written in.
    ///
    /// RFC 5280 prescribes it for some kinds. All others are UTF8String, which appendix and section 4.1.2.4 ask of new
    /// certificates: a type that depended on the characters would change the bytes of a name when one letter changes.
    pub(super) fn string_type(self) -> StringType {
        match self {
            Self::COUNTRY | Self::SERIAL_NUMBER | Self::QUALIFIER => StringType::Printable,
            Self::DOMAIN_COMPONENT | Self::EMAIL_ADDRESS => StringType::Ia5,
            _ => StringType::Utf8,
        }
    }

    /// The fewest and the most characters of a value (the `ub-` constants).
    fn lengths(self) -> (usize, usize) {
        match self {
            Self::COUNTRY => (2, 2),
            Self::COMMON_NAME | Self::ORGANIZATION | Self::ORGANIZATIONAL_UNIT | Self::TITLE | Self::SERIAL_NUMBER => {
                (1, 64)
            }
            Self::LOCALITY | Self::STATE | Self::PSEUDONYM => (1, 128),
            Self::EMAIL_ADDRESS => (1, 255),
            _ => (1, 32_768),
        }
    }
}

/// Says what keeps a text from being a value of a kind.
pub(super) fn check(kind: AttributeType, value: &str) -> Result<(), String> {
    let (fewest, most) = kind.lengths();
    let characters = value.chars().count();
    if fewest == most && characters != most {
        return Err(format!("{kind} has exactly {most} characters, this one has {characters}"));
    }
    if characters < fewest {
        return Err(format!("{kind} is empty"));
    }
    if characters > most {
        return Err(format!("{kind} has {characters} characters, more than {most}"));
    }
    let fits = |character: &char| match kind.string_type() {
        StringType::Printable => character.is_ascii_alphanumeric() || " '()+,-./:=?".contains(*character),
        StringType::Ia5 => character.is_ascii(),
        StringType::Utf8 => true,
    };
    match value.chars().find(|character| !fits(character)) {
        Some(character) => Err(format!("{kind} can't hold the character {character:?}")),
        None => Ok(()),
    }
}

impl FromStr for AttributeType {
    type Err = NameError;

    /// Reads a short name in any case, a dotted object identifier, or one after `OID.`.
    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Some((_, kind)) = SHORT_NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(*kind);
        }
        let dotted = match text.split_at_checked(4) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("OID.") => rest,
            _ => text,
        };
        let unknown =
            || NameError::new(format!("{text:?} is neither a known kind of attribute nor a dotted identifier"), 0);
        ObjectIdentifier::new(dotted).map(Self).map_err(|_| unknown())
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.short_name() {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

serde_as_text!(AttributeType, str::parse::<AttributeType>);

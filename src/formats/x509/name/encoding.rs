//! Names as DER: written as RFC 5280 section 4.1.2.4 asks, read in every string type that was ever used.

use der::asn1::{Any, Ia5StringRef, PrintableStringRef};
use der::{Decode as _, Encode as _, Tag};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{RdnSequence, RelativeDistinguishedName};
use x509_parser::asn1_rs::{self, FromDer as _, ToDer as _};
use x509_parser::x509::X509Name;

use super::attribute::StringType;
use super::{Attribute, AttributeType, AttributeValue, DistinguishedName, NameError, RelativeName};
use crate::formats::x509::MOST_BYTES;

impl DistinguishedName {
    /// The name's DER.
    ///
    /// # Errors
    /// Only for names that were read from bytes: a value its string type can't hold, or an attribute that stands twice in
    /// one part.
    pub fn to_der(&self) -> Result<Vec<u8>, NameError> {
        let parts = self.rdns().iter().map(|part| {
            let attributes = part.attributes().iter().map(encoded).collect::<Result<Vec<_>, _>>()?;
            RelativeDistinguishedName::try_from(attributes)
        });
        let sequence = RdnSequence::from(parts.collect::<Result<Vec<_>, _>>().map_err(|error| unwritable(&error))?);
        sequence.to_der().map_err(|error| unwritable(&error))
    }

    /// Reads a name's DER; upper bounds don't matter here.
    ///
    /// # Errors
    /// Bytes that are no name, or more of them than a certificate may have.
    pub fn from_der(bytes: &[u8]) -> Result<Self, NameError> {
        if bytes.len() > MOST_BYTES {
            return Err(NameError::new(format!("the name has more than {MOST_BYTES} bytes"), MOST_BYTES));
        }
        let (rest, name) = X509Name::from_der(bytes).map_err(|_| NameError::new("these bytes are no name", 0))?;
        if !rest.is_empty() {
            return Err(NameError::new("there are bytes after the name", bytes.len() - rest.len()));
        }
        Self::from_parsed(&name)
    }

    pub(in super::super) fn from_parsed(name: &X509Name<'_>) -> Result<Self, NameError> {
        let parts = name.iter_rdn().map(|part| {
            let attributes = part.iter().map(|attribute| {
                let kind = der::asn1::ObjectIdentifier::from_bytes(attribute.attr_type().as_bytes());
                let kind = kind.map_err(|_| NameError::new("an attribute's kind is no object identifier", 0))?;
                Ok(Attribute { kind: AttributeType::new(kind), value: value(attribute.attr_value())? })
            });
            let mut attributes = attributes.collect::<Result<Vec<_>, NameError>>()?;
            if attributes.is_empty() {
                return Err(NameError::new("a part of the name has no attribute", 0));
            }
            attributes.sort();
            Ok(RelativeName(attributes))
        });
        Ok(Self(parts.collect::<Result<_, _>>()?))
    }
}

fn unwritable(error: &der::Error) -> NameError {
    NameError::new(format!("the name can't be encoded: {error}"), 0)
}

fn encoded(attribute: &Attribute) -> der::Result<AttributeTypeAndValue> {
    let value = match &attribute.value {
        AttributeValue::Encoded(bytes) => Any::from_der(bytes)?,
        AttributeValue::Text(text) => match attribute.kind.string_type() {
            StringType::Printable => Any::encode_from(&PrintableStringRef::new(text)?)?,
            StringType::Ia5 => Any::encode_from(&Ia5StringRef::new(text)?)?,
            StringType::Utf8 => Any::new(Tag::Utf8String, text.as_bytes())?,
        },
    };
    Ok(AttributeTypeAndValue { oid: attribute.kind.identifier(), value })
}

/// Reads the DER of a value alone.
pub(super) fn value_from_der(bytes: &[u8]) -> Result<AttributeValue, NameError> {
    let malformed = || NameError::new("the hex is no DER value", 0);
    // What is written again has to be DER for the writer too.
    Any::from_der(bytes).map_err(|_| malformed())?;
    let (rest, any) = asn1_rs::Any::from_der(bytes).map_err(|_| malformed())?;
    if rest.is_empty() { value(&any) } else { Err(malformed()) }
}

fn value(any: &asn1_rs::Any<'_>) -> Result<AttributeValue, NameError> {
    if any.class() == asn1_rs::Class::Universal
        && let Some(text) = text(any.tag(), any.data)
    {
        return Ok(AttributeValue::Text(text));
    }
    let unreadable = |_| NameError::new("a value of the name can't be read", 0);
    Ok(AttributeValue::Encoded(any.to_der_vec_raw().map_err(unreadable)?))
}

/// The text of a string type; nothing for other types and for bytes that are none of their type's.
///
/// T61String is taken for Latin-1, as every writer of it meant.
fn text(tag: asn1_rs::Tag, data: &[u8]) -> Option<String> {
    match tag {
        asn1_rs::Tag::Utf8String => std::str::from_utf8(data).ok().map(str::to_owned),
        asn1_rs::Tag::PrintableString
        | asn1_rs::Tag::Ia5String
        | asn1_rs::Tag::NumericString
        | asn1_rs::Tag::VisibleString => {
            std::str::from_utf8(data).ok().filter(|text| text.is_ascii()).map(str::to_owned)
        }
        asn1_rs::Tag::T61String => Some(data.iter().copied().map(char::from).collect()),
        asn1_rs::Tag::BmpString => {
            let (units, []) = data.as_chunks::<2>() else { return None };
            String::from_utf16(&units.iter().map(|unit| u16::from_be_bytes(*unit)).collect::<Vec<_>>()).ok()
        }
        asn1_rs::Tag::UniversalString => {
            let (units, []) = data.as_chunks::<4>() else { return None };
            units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit))).collect()
        }
        _ => None,
    }
}

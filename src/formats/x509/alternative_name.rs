//! Alternative names of a subject (RFC 5280 section 4.2.1.6), as text with a prefix: `dns:`, `ip:`, `email:`, `uri:`, `upn:`, `dirname:`, `rid:`.
//!
//! Names of a document are checked; names that somebody else issued are read as they are.

use std::fmt;
use std::hash::{Hash, Hasher};

use core::net::IpAddr;
use der::asn1::{Any, ContextSpecific, Ia5String, ObjectIdentifier, OctetString, Utf8StringRef};
use der::{Decode as _, TagMode, TagNumber};
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::name::Name;
use x509_parser::asn1_rs::{self, FromDer as _, ToDer as _};

use super::name::Bounds;
use super::{DistinguishedName, serde_as_text};
use crate::model::registry_data::{hex, unhex};

const UPN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");
const MOST_LABEL_BYTES: usize = 63;
const MOST_DNS_BYTES: usize = 253;

/// An alternative name. DNS names are equal whatever their case.
#[derive(Debug, Clone)]
pub enum AlternativeName {
    Dns(String),
    Ip(IpAddr),
    Email(String),
    Uri(String),
    /// The user principal name of Windows, an other name of type 1.3.6.1.4.1.311.20.2.3.
    Upn(String),
    Directory(DistinguishedName),
    /// A dotted object identifier.
    RegisteredId(String),
    /// Any other form: its DER in hex.
    Other(String),
}

/// Why a text is no alternative name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AlternativeNameError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes from the beginning of the text.
    pub offset: usize,
}

impl AlternativeName {
    /// Reads a name with its prefix.
    ///
    /// # Errors
    /// An unknown prefix, or a value that is none of its form.
    pub fn parse(text: &str) -> Result<Self, AlternativeNameError> {
        Self::read(text, Bounds::Enforced)
    }

    fn read(text: &str, bounds: Bounds) -> Result<Self, AlternativeNameError> {
        let error = |message: String, offset| AlternativeNameError { message, offset };
        let Some((prefix, value)) = text.split_once(':') else {
            return Err(error(format!("{text:?} has no prefix such as `dns:` or `ip:`"), 0));
        };
        let begin = prefix.len() + 1;
        let checked = |check: fn(&str) -> Result<(), (String, usize)>| match (bounds, check(value)) {
            (Bounds::Enforced, Err((message, offset))) => Err(error(message, begin + offset)),
            _ => Ok(value.to_owned()),
        };
        match prefix.to_ascii_lowercase().as_str() {
            "dns" => checked(check_dns).map(Self::Dns),
            "email" => checked(check_email).map(Self::Email),
            "uri" => checked(check_uri).map(Self::Uri),
            "upn" => checked(check_upn).map(Self::Upn),
            "ip" => value.parse().map(Self::Ip).map_err(|_| error(format!("{value:?} is no IP address"), begin)),
            "dirname" => DistinguishedName::read(value, bounds)
                .map(Self::Directory)
                .map_err(|name| error(name.message, begin + name.offset)),
            "rid" => ObjectIdentifier::new(value)
                .map(|identifier| Self::RegisteredId(identifier.to_string()))
                .map_err(|_| error(format!("{value:?} is no dotted object identifier"), begin)),
            "other" => match unhex(value) {
                Some(der) if asn1_rs::Any::from_der(&der).is_ok_and(|(rest, _)| rest.is_empty()) => {
                    Ok(Self::Other(hex(&der)))
                }
                _ => Err(error(format!("{value:?} is not DER in hex"), begin)),
            },
            _ => Err(error(format!("{prefix:?} is no form of name: dns, ip, email, uri, upn, dirname, rid"), 0)),
        }
    }

    pub(super) fn to_general_name(&self) -> der::Result<GeneralName> {
        let ia5 = |text: &str| Ia5String::new(text);
        Ok(match self {
            Self::Dns(name) => GeneralName::DnsName(ia5(name)?),
            Self::Email(address) => GeneralName::Rfc822Name(ia5(address)?),
            Self::Uri(uri) => GeneralName::UniformResourceIdentifier(ia5(uri)?),
            Self::Ip(IpAddr::V4(address)) => GeneralName::IpAddress(OctetString::new(address.octets())?),
            Self::Ip(IpAddr::V6(address)) => GeneralName::IpAddress(OctetString::new(address.octets())?),
            Self::Upn(name) => {
                GeneralName::OtherName(OtherName { type_id: UPN, value: Any::encode_from(&Utf8StringRef::new(name)?)? })
            }
            Self::Directory(name) => {
                let der = name.to_der().map_err(|_| der::ErrorKind::Failed)?;
                GeneralName::DirectoryName(Name::from_der(&der)?)
            }
            Self::RegisteredId(text) => {
                GeneralName::RegisteredId(ObjectIdentifier::new(text).map_err(|_| der::ErrorKind::OidMalformed)?)
            }
            Self::Other(text) => GeneralName::from_der(&unhex(text).ok_or(der::ErrorKind::Failed)?)?,
        })
    }

    /// Reads one general name of an extension; what is malformed or of a rare form becomes [`Self::Other`].
    pub(super) fn from_any(any: &asn1_rs::Any<'_>) -> Self {
        let ascii = || std::str::from_utf8(any.data).ok().filter(|text| text.is_ascii()).map(str::to_owned);
        let known = match any.tag().0 {
            0 => upn(any.data).map(Self::Upn),
            1 => ascii().map(Self::Email),
            2 => ascii().map(Self::Dns),
            4 => DistinguishedName::from_der(any.data).ok().map(Self::Directory),
            6 => ascii().map(Self::Uri),
            7 => address(any.data).map(Self::Ip),
            8 => ObjectIdentifier::from_bytes(any.data).ok().map(|id| Self::RegisteredId(id.to_string())),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Other(hex(&any.to_der_vec_raw().unwrap_or_default())))
    }

    /// What equality is of.
    fn folded(&self) -> (u8, String) {
        match self {
            Self::Dns(name) => (0, name.to_ascii_lowercase()),
            Self::Ip(address) => (1, address.to_string()),
            Self::Email(text) => (2, text.clone()),
            Self::Uri(text) => (3, text.clone()),
            Self::Upn(text) => (4, text.clone()),
            Self::Directory(name) => (5, name.to_string()),
            Self::RegisteredId(text) => (6, text.clone()),
            Self::Other(text) => (7, text.clone()),
        }
    }
}

fn address(data: &[u8]) -> Option<IpAddr> {
    match data.len() {
        4 => <[u8; 4]>::try_from(data).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(data).ok().map(IpAddr::from),
        _ => None,
    }
}

fn upn(data: &[u8]) -> Option<String> {
    let (rest, kind) = asn1_rs::Any::from_der(data).ok()?;
    if kind.tag() != asn1_rs::Tag::Oid || kind.data != UPN.as_bytes() {
        return None;
    }
    let value = ContextSpecific::<Any>::from_der(rest).ok()?;
    let is_explicit_zero = value.tag_number == TagNumber(0) && value.tag_mode == TagMode::Explicit;
    let text = value.value.decode_as::<Utf8StringRef<'_>>().ok()?;
    is_explicit_zero.then(|| text.to_string())
}

fn check_dns(name: &str) -> Result<(), (String, usize)> {
    if name.len() > MOST_DNS_BYTES {
        return Err((format!("the DNS name has {} characters, more than {MOST_DNS_BYTES}", name.len()), 0));
    }
    let mut offset = 0;
    for (number, label) in name.split('.').enumerate() {
        let is_wildcard = number == 0 && label == "*" && name.len() > 2;
        let problem = if label.is_empty() {
            Some(if offset == name.len() && number > 0 {
                "a DNS name has no dot at its end"
            } else {
                "a label is empty"
            })
        } else if label.len() > MOST_LABEL_BYTES {
            Some("a label has more than 63 characters")
        } else if !label.is_ascii() {
            Some("an international name is written with its A-labels (xn--…)")
        } else if label.contains('*') && !is_wildcard {
            Some("a wildcard is the whole first label of a longer name")
        } else if label.starts_with('-') || label.ends_with('-') {
            Some("a label neither begins nor ends with a hyphen")
        } else if !is_wildcard && !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            Some("a label has letters, digits and hyphens only")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err((problem.to_owned(), offset));
        }
        offset += label.len() + 1;
    }
    Ok(())
}

fn check_email(address: &str) -> Result<(), (String, usize)> {
    let is_printable = address.bytes().all(|byte| byte.is_ascii_graphic());
    match address.rsplit_once('@') {
        Some((user, host)) if is_printable && !user.is_empty() && !host.is_empty() => Ok(()),
        _ => Err((format!("{address:?} is no e-mail address in ASCII"), 0)),
    }
}

fn check_uri(uri: &str) -> Result<(), (String, usize)> {
    let is_printable = uri.bytes().all(|byte| byte.is_ascii_graphic());
    let scheme = uri.split_once(':').filter(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
            && !rest.is_empty()
    });
    if scheme.is_some() && is_printable { Ok(()) } else { Err((format!("{uri:?} is no absolute URI in ASCII"), 0)) }
}

fn check_upn(name: &str) -> Result<(), (String, usize)> {
    match name.rsplit_once('@') {
        Some((user, domain)) if !user.is_empty() && !domain.is_empty() => Ok(()),
        _ => Err((format!("{name:?} is no user principal name, user@domain"), 0)),
    }
}

impl PartialEq for AlternativeName {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for AlternativeName {}

impl Hash for AlternativeName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl PartialOrd for AlternativeName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AlternativeName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
            Self::Email(address) => write!(f, "email:{address}"),
            Self::Uri(uri) => write!(f, "uri:{uri}"),
            Self::Upn(name) => write!(f, "upn:{name}"),
            Self::Directory(name) => write!(f, "dirname:{name}"),
            Self::RegisteredId(identifier) => write!(f, "rid:{identifier}"),
            Self::Other(der) => write!(f, "other:{der}"),
        }
    }
}

serde_as_text!(AlternativeName, |text: &str| AlternativeName::read(text, Bounds::Ignored));

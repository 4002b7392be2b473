//! What a key may be used for: key usage and extended key usage (RFC 5280 sections 4.2.1.3 and 4.2.1.12), with their names in documents.

use std::fmt;
use std::str::FromStr;

use bitflags::bitflags;
use der::asn1::ObjectIdentifier;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::serde_as_text;

bitflags! {
    /// The operations a key may do; bit 0 is the first of the extension's bit string.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct KeyUsage: u16 {
        const DIGITAL_SIGNATURE = 1;
        const NON_REPUDIATION = 1 << 1;
        const KEY_ENCIPHERMENT = 1 << 2;
        const DATA_ENCIPHERMENT = 1 << 3;
        const KEY_AGREEMENT = 1 << 4;
        const CERTIFICATE_SIGN = 1 << 5;
        const CRL_SIGN = 1 << 6;
        const ENCIPHER_ONLY = 1 << 7;
        const DECIPHER_ONLY = 1 << 8;
    }
}

const KEY_USAGES: [(&str, KeyUsage); 9] = [
    ("digital_signature", KeyUsage::DIGITAL_SIGNATURE),
    ("non_repudiation", KeyUsage::NON_REPUDIATION),
    ("key_encipherment", KeyUsage::KEY_ENCIPHERMENT),
    ("data_encipherment", KeyUsage::DATA_ENCIPHERMENT),
    ("key_agreement", KeyUsage::KEY_AGREEMENT),
    ("certificate_sign", KeyUsage::CERTIFICATE_SIGN),
    ("crl_sign", KeyUsage::CRL_SIGN),
    ("encipher_only", KeyUsage::ENCIPHER_ONLY),
    ("decipher_only", KeyUsage::DECIPHER_ONLY),
];

/// A purpose a certificate is good for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ExtendedUsage {
    Server,
    Client,
    CodeSigning,
    Email,
    TimeStamping,
    OcspSigning,
    SmartCardLogon,
    DocumentSigning,
    DocumentEncryption,
    EncryptingFileSystem,
    RemoteDesktop,
    KerberosKdc,
    IpsecIke,
    Any,
    /// A purpose without a name here.
    Other(ObjectIdentifier),
}

const EXTENDED_USAGES: [(&str, ExtendedUsage, ObjectIdentifier); 14] = [
    ("server", ExtendedUsage::Server, ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1")),
    ("client", ExtendedUsage::Client, ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2")),
    ("code_signing", ExtendedUsage::CodeSigning, ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3")),
    ("email", ExtendedUsage::Email, ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4")),
    ("time_stamping", ExtendedUsage::TimeStamping, ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8")),
    ("ocsp_signing", ExtendedUsage::OcspSigning, ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.9")),
    ("smart_card_logon", ExtendedUsage::SmartCardLogon, ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.2")),
    ("document_signing", ExtendedUsage::DocumentSigning, ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.12")),
    ("document_encryption", ExtendedUsage::DocumentEncryption, ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.80.1")),
    (
        "encrypting_file_system",
        ExtendedUsage::EncryptingFileSystem,
        ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.4"),
    ),
    ("remote_desktop", ExtendedUsage::RemoteDesktop, ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.54.1.2")),
    ("kerberos_kdc", ExtendedUsage::KerberosKdc, ObjectIdentifier::new_unwrap("1.3.6.1.5.2.3.5")),
    ("ipsec_ike", ExtendedUsage::IpsecIke, ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.17")),
    ("any", ExtendedUsage::Any, ObjectIdentifier::new_unwrap("2.5.29.37.0")),
];

/// The text names no usage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("{0:?} is no key usage")]
    Key(String),
    #[error("{0:?} is neither a known usage nor a dotted object identifier")]
    Extended(String),
}

impl KeyUsage {
    /// The names of the usages in the set, in the order of the extension.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        KEY_USAGES.into_iter().filter(move |(_, usage)| self.contains(*usage)).map(|(name, _)| name)
    }

    /// The usage of a name.
    ///
    /// # Errors
    /// No usage has the name.
    pub fn of_name(name: &str) -> Result<Self, UsageError> {
        let found = KEY_USAGES.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, usage)| usage).ok_or_else(|| UsageError::Key(name.to_owned()))
    }

    /// The usages of names.
    ///
    /// # Errors
    /// The first name that no usage has.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, UsageError> {
        names.into_iter().try_fold(Self::empty(), |set, name| Ok(set | Self::of_name(name)?))
    }

    /// Every name, in the order of the extension.
    pub fn known_names() -> impl Iterator<Item = &'static str> {
        KEY_USAGES.into_iter().map(|(name, _)| name)
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, name) in self.names().enumerate() {
            if number > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl Serialize for KeyUsage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

impl<'de> Deserialize<'de> for KeyUsage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        Self::of_names(names.iter().map(String::as_str)).map_err(D::Error::custom)
    }
}

impl ExtendedUsage {
    /// The object identifier.
    #[must_use]
    pub fn identifier(&self) -> ObjectIdentifier {
        match self {
            Self::Other(identifier) => *identifier,
            known => EXTENDED_USAGES
                .iter()
                .find(|(_, usage, _)| usage == known)
                .map_or(ObjectIdentifier::new_unwrap("2.5.29.37.0"), |(_, _, identifier)| *identifier),
        }
    }

    /// The usage of an object identifier.
    #[must_use]
    pub fn from_identifier(identifier: ObjectIdentifier) -> Self {
        let found = EXTENDED_USAGES.iter().find(|(_, _, known)| *known == identifier);
        found.map_or(Self::Other(identifier), |(_, usage, _)| usage.clone())
    }

    /// Every name.
    pub fn known_names() -> impl Iterator<Item = &'static str> {
        EXTENDED_USAGES.iter().map(|(name, _, _)| *name)
    }
}

impl fmt::Display for ExtendedUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, EXTENDED_USAGES.iter().find(|(_, usage, _)| usage == self)) {
            (_, Some((name, _, _))) => f.write_str(name),
            (_, None) => self.identifier().fmt(f),
        }
    }
}

impl FromStr for ExtendedUsage {
    type Err = UsageError;

    fn from_str(text: &str) -> Result<Self, UsageError> {
        if let Some((_, usage, _)) = EXTENDED_USAGES.iter().find(|(name, _, _)| *name == text) {
            return Ok(usage.clone());
        }
        let identifier = ObjectIdentifier::new(text).map_err(|_| UsageError::Extended(text.to_owned()))?;
        Ok(Self::from_identifier(identifier))
    }
}

serde_as_text!(ExtendedUsage, str::parse::<ExtendedUsage>);

//! The algorithms of signatures: their identifiers in bytes, and which key can make which.
//!
//! Sources: RFC 4055, RFC 5758, RFC 8410.

use std::fmt;

use der::Any;
use der::asn1::ObjectIdentifier;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{Digest, KeyAlgorithm};

/// How a signature is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSA with PKCS #1 v1.5 padding.
    Rsa(Digest),
    Ecdsa(Digest),
    Ed25519,
    /// Anything else: its object identifier.
    Other(Box<str>),
}

const KNOWN: [(SignatureAlgorithm, ObjectIdentifier); 9] = [
    (SignatureAlgorithm::Rsa(Digest::Sha1), ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5")),
    (SignatureAlgorithm::Rsa(Digest::Sha256), ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11")),
    (SignatureAlgorithm::Rsa(Digest::Sha384), ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12")),
    (SignatureAlgorithm::Rsa(Digest::Sha512), ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13")),
    (SignatureAlgorithm::Ecdsa(Digest::Sha1), ObjectIdentifier::new_unwrap("1.2.840.10045.4.1")),
    (SignatureAlgorithm::Ecdsa(Digest::Sha256), ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2")),
    (SignatureAlgorithm::Ecdsa(Digest::Sha384), ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3")),
    (SignatureAlgorithm::Ecdsa(Digest::Sha512), ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4")),
    (SignatureAlgorithm::Ed25519, ObjectIdentifier::new_unwrap("1.3.101.112")),
];

impl SignatureAlgorithm {
    /// What a key signs with when a digest is asked for, where it can: see [`KeyAlgorithm::signs_with`].
    #[must_use]
    pub fn of_key(key: &KeyAlgorithm, digest: Digest) -> Option<Self> {
        if !key.signs_with(digest) {
            return None;
        }
        match key {
            KeyAlgorithm::Rsa { .. } => Some(Self::Rsa(digest)),
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384 => Some(Self::Ecdsa(digest)),
            KeyAlgorithm::Ed25519 => Some(Self::Ed25519),
            KeyAlgorithm::Other(_) => None,
        }
    }

    /// The digest, where the algorithm has one of those that are known.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Rsa(digest) | Self::Ecdsa(digest) => Some(*digest),
            Self::Ed25519 | Self::Other(_) => None,
        }
    }

    pub(super) fn from_identifier(content: &[u8]) -> Self {
        let Ok(identifier) = ObjectIdentifier::from_bytes(content) else { return Self::Other("unreadable".into()) };
        let found = KNOWN.into_iter().find(|(_, known)| *known == identifier);
        found.map_or_else(|| Self::Other(identifier.to_string().into()), |(algorithm, _)| algorithm)
    }

    /// The identifier; with RSA its parameters are NULL, else there are none.
    pub(super) fn to_identifier(&self) -> Option<AlgorithmIdentifierOwned> {
        let (_, oid) = KNOWN.into_iter().find(|(known, _)| known == self)?;
        let parameters = matches!(self, Self::Rsa(_)).then(Any::null);
        Some(AlgorithmIdentifierOwned { oid, parameters })
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(digest) => write!(f, "RSA with {digest}"),
            Self::Ecdsa(digest) => write!(f, "ECDSA with {digest}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(identifier) => f.write_str(identifier),
        }
    }
}

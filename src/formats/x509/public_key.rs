//! Public keys as certificates hold them, and the algorithms of keys.
//!
//! Source: SubjectPublicKeyInfo of RFC 5280 section 4.1.2.7, RFC 3279, RFC 5480, RFC 8410.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use der::asn1::ObjectIdentifier;
use sha1::{Digest as _, Sha1};
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::{Digest, KeyError, pem_blocks, serde_as_text, to_pem};

const LABEL: &str = "PUBLIC KEY";
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const P521_NAME: &str = "ECDSA P-521";

/// What kind of key a key is, and how large.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyAlgorithm {
    Rsa {
        bits: u32,
    },
    EcdsaP256,
    EcdsaP384,
    Ed25519,
    /// One that is only read: its name or object identifier.
    Other(Box<str>),
}

/// A public key with its algorithm: the DER of a SubjectPublicKeyInfo.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(Arc<[u8]>);

impl KeyAlgorithm {
    /// The sizes of RSA keys that can be made.
    pub const RSA_BITS: [u32; 4] = [2048, 3072, 4096, 8192];

    /// Whether a key signs here with a digest.
    ///
    /// RSA does with all but SHA-1, the elliptic curves with the digest of their own size only; Ed25519 brings its own
    /// digest and takes no notice of which is asked for.
    #[must_use]
    pub fn signs_with(&self, digest: Digest) -> bool {
        match self {
            Self::Rsa { .. } => digest != Digest::Sha1,
            Self::EcdsaP256 => digest == Digest::Sha256,
            Self::EcdsaP384 => digest == Digest::Sha384,
            Self::Ed25519 => true,
            Self::Other(_) => false,
        }
    }

    /// The digest that a key signs with by itself; nothing for Ed25519 and for keys that are only read.
    #[must_use]
    pub fn own_digest(&self) -> Option<Digest> {
        match self {
            Self::Rsa { .. } | Self::EcdsaP256 => Some(Digest::Sha256),
            Self::EcdsaP384 => Some(Digest::Sha384),
            Self::Ed25519 | Self::Other(_) => None,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::EcdsaP256 => f.write_str("ECDSA P-256"),
            Self::EcdsaP384 => f.write_str("ECDSA P-384"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

impl FromStr for KeyAlgorithm {
    type Err = std::convert::Infallible;

    /// Reads what [`fmt::Display`] writes; any other text names an algorithm that is only read.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bits = text.strip_prefix("RSA ").and_then(|bits| bits.parse().ok());
        Ok(match (text, bits) {
            (_, Some(bits)) => Self::Rsa { bits },
            ("ECDSA P-256", _) => Self::EcdsaP256,
            ("ECDSA P-384", _) => Self::EcdsaP384,
            ("Ed25519", _) => Self::Ed25519,
            _ => Self::Other(text.into()),
        })
    }
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// Bytes that are none, or bytes after it.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        match SubjectPublicKeyInfo::from_der(der) {
            Ok(([], _)) => Ok(Self(der.into())),
            _ => Err(KeyError::Malformed { what: "public key" }),
        }
    }

    /// Reads the first `PUBLIC KEY` block of a text.
    ///
    /// # Errors
    /// No such block, or one that is malformed.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = pem_blocks(text)?.into_iter().find(|block| block.label == LABEL);
        Self::from_der(&block.ok_or(KeyError::Absent { label: LABEL })?.bytes)
    }

    /// The PEM block.
    #[must_use]
    pub fn to_pem(&self) -> String {
        to_pem(LABEL, &self.0).to_string()
    }

    /// The SubjectPublicKeyInfo.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// What kind of key it is.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        let unknown = || KeyAlgorithm::Other("unreadable".into());
        let Ok((_, info)) = SubjectPublicKeyInfo::from_der(&self.0) else { return unknown() };
        let Ok(kind) = ObjectIdentifier::from_bytes(info.algorithm.algorithm.as_bytes()) else { return unknown() };
        match kind {
            RSA => match info.parsed() {
                Ok(Parsed::RSA(key)) => KeyAlgorithm::Rsa { bits: bits(key.modulus) },
                _ => unknown(),
            },
            EC => match info.algorithm.parameters.as_ref().map(|curve| ObjectIdentifier::from_bytes(curve.data)) {
                Some(Ok(P256)) => KeyAlgorithm::EcdsaP256,
                Some(Ok(P384)) => KeyAlgorithm::EcdsaP384,
                Some(Ok(P521)) => KeyAlgorithm::Other(P521_NAME.into()),
                Some(Ok(curve)) => KeyAlgorithm::Other(format!("ECDSA {curve}").into()),
                _ => unknown(),
            },
            ED25519 => KeyAlgorithm::Ed25519,
            other => KeyAlgorithm::Other(other.to_string().into()),
        }
    }

    /// The key identifier: SHA-1 of the key's bits (RFC 5280 section 4.2.1.2, method 1).
    #[must_use]
    pub fn identifier(&self) -> [u8; 20] {
        Sha1::digest(self.bits()).into()
    }

    /// The key without its algorithm.
    pub(super) fn bits(&self) -> &[u8] {
        match SubjectPublicKeyInfo::from_der(&self.0).map(|(_, info)| info.subject_public_key.data) {
            Ok(Cow::Borrowed(bits)) => bits,
            _ => &[],
        }
    }
}

/// The length of a number in bits.
fn bits(number: &[u8]) -> u32 {
    let significant: &[u8] = match number.iter().position(|byte| *byte != 0) {
        Some(first) => number.get(first..).unwrap_or_default(),
        None => &[],
    };
    let whole = u32::try_from(significant.len()).unwrap_or(u32::MAX).saturating_mul(8);
    whole - significant.first().map_or(0, |first| first.leading_zeros())
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Display for PublicKey {
    /// Base64 of the DER.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base64::encode_string(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let der = Base64::decode_vec(text).map_err(|_| KeyError::Malformed { what: "base64" })?;
        Self::from_der(&der)
    }
}

serde_as_text!(PublicKey, str::parse::<PublicKey>);
serde_as_text!(KeyAlgorithm, str::parse::<KeyAlgorithm>);

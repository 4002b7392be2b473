//! Private keys: read, written and signed with. No error and no debug text says anything of a key.
//!
//! Whatever form a key is read in, it is kept and written as PKCS #8 version 1 (RFC 5208), which every reader knows.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair, RsaSignatureEncoding};
use der::asn1::AnyRef;
use der::{Decode as _, Reader as _};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::{Digest, KeyAlgorithm, PemError, PublicKey, pem_blocks, to_pem};

const PKCS8: &str = "PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// A private key.
#[derive(Clone)]
pub struct PrivateKey(Arc<Inner>);

struct Inner {
    pair: Pair,
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
    algorithm: KeyAlgorithm,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why a key can't be read, made or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the text has no {label} block")]
    Absent { label: &'static str },
    #[error("the private key is encrypted")]
    Encrypted,
    #[error("the {what} is malformed")]
    Malformed { what: &'static str },
    #[error("the private key is refused: {reason}")]
    Refused { reason: String },
    #[error("{algorithm} is no kind of private key that is known here")]
    UnknownKind { algorithm: String },
    #[error("{algorithm} keys can't be made here")]
    CannotMake { algorithm: KeyAlgorithm },
    #[error("a {algorithm} key can't sign with {digest} here")]
    CannotSign { algorithm: KeyAlgorithm, digest: Digest },
    #[error("the cryptographic library failed")]
    Library,
    #[error("the key's text can't be read")]
    Pem(
        #[source]
        #[from]
        PemError,
    ),
}

impl From<Unspecified> for KeyError {
    fn from(_: Unspecified) -> Self {
        Self::Library
    }
}

impl From<KeyRejected> for KeyError {
    fn from(rejected: KeyRejected) -> Self {
        // The reason is one of a few fixed words.
        Self::Refused { reason: rejected.to_string() }
    }
}

impl PrivateKey {
    /// Reads PKCS #8.
    ///
    /// # Errors
    /// Bytes that are no private key, a kind that is not known, or a key the library refuses: an RSA key below 2,048 bits
    /// or with inconsistent parts.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let algorithm = pkcs8_algorithm(der).map_err(|_| KeyError::Malformed { what: "private key" })?;
        let curve = algorithm.parameters.and_then(|curve| curve.decode_as::<der::asn1::ObjectIdentifier>().ok());
        let curve = curve.map(|curve| curve.to_string());
        match (algorithm.oid.to_string().as_str(), curve.as_deref()) {
            ("1.2.840.113549.1.1.1", _) => Self::from_rsa(RsaKeyPair::from_pkcs8(der)?),
            ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => {
                Self::from_ecdsa(EcdsaKeyPair::from_pkcs8(&aws::ECDSA_P256_SHA256_ASN1_SIGNING, der)?)
            }
            ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => {
                Self::from_ecdsa(EcdsaKeyPair::from_pkcs8(&aws::ECDSA_P384_SHA384_ASN1_SIGNING, der)?)
            }
            ("1.3.101.112", _) => Self::from_ed25519(Ed25519KeyPair::from_pkcs8(der)?),
            (kind, curve) => Err(KeyError::UnknownKind { algorithm: curve.unwrap_or(kind).to_owned() }),
        }
    }

    /// Reads the first private key of a text: PKCS #8, PKCS #1 or SEC 1.
    ///
    /// # Errors
    /// No key, an encrypted one, or what [`Self::from_pkcs8`] refuses.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let is_key = |label: &str| [PKCS8, PKCS1, SEC1, ENCRYPTED].contains(&label);
        let block = pem_blocks(text)?.into_iter().find(|block| is_key(&block.label));
        let block = block.ok_or(KeyError::Absent { label: PKCS8 })?;
        if block.is_encrypted {
            return Err(KeyError::Encrypted);
        }
        match block.label.as_str() {
            ENCRYPTED => Err(KeyError::Encrypted),
            PKCS1 => Self::from_rsa(RsaKeyPair::from_der(&block.bytes)?),
            SEC1 => Self::from_sec1(&block.bytes),
            _ => Self::from_pkcs8(&block.bytes),
        }
    }

    /// The curve of SEC 1 is an optional part of it: the curve that fits is taken.
    fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_private_key_der(&aws::ECDSA_P256_SHA256_ASN1_SIGNING, der)
            .or_else(|_| EcdsaKeyPair::from_private_key_der(&aws::ECDSA_P384_SHA384_ASN1_SIGNING, der))?;
        Self::from_ecdsa(pair)
    }

    pub(super) fn from_rsa(pair: RsaKeyPair) -> Result<Self, KeyError> {
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der()?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        let (pkcs8, public) = (Zeroizing::new(pkcs8.as_ref().to_vec()), PublicKey::from_der(public.as_ref())?);
        Ok(Self::assembled(Pair::Rsa(pair), pkcs8, public))
    }

    fn from_ecdsa(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        let pkcs8 = Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec());
        let public = PublicKey::from_der(public.as_ref())?;
        Ok(Self::assembled(Pair::Ecdsa(pair), pkcs8, public))
    }

    fn from_ed25519(pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        let pkcs8 = Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec());
        let public = PublicKey::from_der(public.as_ref())?;
        Ok(Self::assembled(Pair::Ed25519(pair), pkcs8, public))
    }

    fn assembled(pair: Pair, pkcs8: Zeroizing<Vec<u8>>, public: PublicKey) -> Self {
        let algorithm = public.algorithm();
        Self(Arc::new(Inner { pair, pkcs8, public, algorithm }))
    }

    /// The key as PKCS #8.
    #[must_use]
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.0.pkcs8.clone()
    }

    /// The key as a PEM block of PKCS #8.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        to_pem(PKCS8, &self.0.pkcs8)
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public
    }

    /// What kind of key it is.
    #[must_use]
    pub fn algorithm(&self) -> &KeyAlgorithm {
        &self.0.algorithm
    }

    /// Signs a message: RSA with PKCS #1 v1.5 padding, ECDSA as DER, or Ed25519, which takes no notice of the digest.
    ///
    /// # Errors
    /// The key can't sign with the digest here ([`KeyAlgorithm::signs_with`]).
    pub fn sign(&self, digest: Digest, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let cannot = || KeyError::CannotSign { algorithm: self.0.algorithm.clone(), digest };
        if !self.0.algorithm.signs_with(digest) {
            return Err(cannot());
        }
        match &self.0.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let encoding = rsa_encoding(digest).ok_or_else(cannot)?;
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature)?;
                Ok(signature)
            }
            Pair::Ecdsa(pair) => Ok(pair.sign(&SystemRandom::new(), message)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
        }
    }
}

/// The library signs with no SHA-1; it only verifies.
fn rsa_encoding(digest: Digest) -> Option<&'static RsaSignatureEncoding> {
    match digest {
        Digest::Sha1 => None,
        Digest::Sha256 => Some(&aws::RSA_PKCS1_SHA256),
        Digest::Sha384 => Some(&aws::RSA_PKCS1_SHA384),
        Digest::Sha512 => Some(&aws::RSA_PKCS1_SHA512),
    }
}

fn pkcs8_algorithm(der: &[u8]) -> der::Result<AlgorithmIdentifierRef<'_>> {
    AnyRef::from_der(der)?.sequence(|reader| {
        u8::decode(reader)?;
        let algorithm = AlgorithmIdentifierRef::decode(reader)?;
        reader.read_slice(reader.remaining_len())?;
        Ok::<_, der::Error>(algorithm)
    })
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

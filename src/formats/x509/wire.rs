//! The shells of what is signed: certificates, requests and revocation lists as they are written.
//!
//! Names and keys go in as the bytes they are: an issuer's name must equal its certificate's byte for byte, or
//! Windows finds no chain. Source: RFC 5280 sections 4.1 and 5.1, RFC 2986.

use std::time::Duration;

use der::asn1::{AnyRef, BitString, SetOfVec};
use der::{DateTime, Decode as _, Encode as _, Sequence};
use jiff::Timestamp;
use x509_cert::attr::Attribute;
use x509_cert::ext::Extension;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::{Time, Validity};

use super::{Digest, KeyError, PrivateKey, SignatureAlgorithm};

#[derive(Sequence)]
pub(super) struct CertificateBody<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub version: u8,
    pub serial: SerialNumber,
    pub algorithm: AlgorithmIdentifierOwned,
    pub issuer: AnyRef<'a>,
    pub validity: Validity,
    pub subject: AnyRef<'a>,
    pub key: AnyRef<'a>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    pub extensions: Vec<Extension>,
}

#[derive(Sequence)]
pub(super) struct RequestBody<'a> {
    pub version: u8,
    pub subject: AnyRef<'a>,
    pub key: AnyRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    pub attributes: SetOfVec<Attribute>,
}

#[derive(Sequence)]
pub(super) struct ListBody<'a> {
    pub version: u8,
    pub algorithm: AlgorithmIdentifierOwned,
    pub issuer: AnyRef<'a>,
    pub this_update: Time,
    pub next_update: Time,
    #[asn1(optional = "true")]
    pub revoked: Option<Vec<ListEntry>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub extensions: Vec<Extension>,
}

#[derive(Sequence)]
pub(super) struct ListEntry {
    pub serial: SerialNumber,
    pub at: Time,
}

#[derive(Sequence)]
struct Signed<'a> {
    body: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    #[error("it could not be encoded")]
    Encoding(#[from] der::Error),
    #[error("it could not be signed")]
    Key(#[from] KeyError),
}

/// The algorithm a key signs with, as its identifier.
pub(super) fn algorithm(key: &PrivateKey, digest: Digest) -> Result<AlgorithmIdentifierOwned, KeyError> {
    let algorithm = SignatureAlgorithm::of_key(key.algorithm(), digest);
    let identifier = algorithm.and_then(|algorithm| algorithm.to_identifier());
    identifier.ok_or_else(|| KeyError::CannotSign { algorithm: key.algorithm().clone(), digest })
}

/// Signs a body and wraps both.
pub(super) fn sign(body: &impl der::Encode, key: &PrivateKey, digest: Digest) -> Result<Vec<u8>, WireError> {
    let body = body.to_der()?;
    let signature = BitString::from_bytes(&key.sign(digest, &body)?)?;
    Ok(Signed { body: AnyRef::from_der(&body)?, algorithm: algorithm(key, digest)?, signature }.to_der()?)
}

/// A point in time: UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5).
pub(super) fn time(at: Timestamp) -> der::Result<Time> {
    let seconds = u64::try_from(at.as_second()).map_err(|_| der::ErrorKind::DateTime)?;
    Ok(Time::from(DateTime::from_unix_duration(Duration::from_secs(seconds))?))
}

//! Revocation lists (RFC 5280 section 5): made for an authority, and read.

use std::ops::Range;
use std::sync::Arc;

use der::Decode as _;
use der::asn1::AnyRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use x509_cert::serial_number::SerialNumber;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::certificate::{Extensions, body_range, problem, read_extensions, timestamp};
use super::wire::{self, ListBody, ListEntry};
use super::{
    Certificate, CertificateError, Digest, DistinguishedName, IssueError, KeyUsage, PrivateKey, SignatureAlgorithm,
    SignatureError, extensions, issue, verify,
};

const VERSION_2: u8 = 1;
/// The most bytes of a revocation list: those of large authorities have millions of entries, those of a machine few.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What a revocation list should say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationTemplate {
    /// Grows with every list.
    pub number: u64,
    pub this_update: Timestamp,
    pub next_update: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Revoked>,
    pub digest: Digest,
}

/// A certificate that is no longer good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Big endian.
    pub serial: Vec<u8>,
    pub at: Timestamp,
}

/// A revocation list that was read.
#[derive(Debug, Clone)]
pub struct RevocationList {
    der: Arc<[u8]>,
    body: Range<usize>,
    issuer: DistinguishedName,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
    /// Serial numbers without leading zeros, sorted.
    serials: Vec<Box<[u8]>>,
    algorithm: SignatureAlgorithm,
    is_contradictory: bool,
    signature: Box<[u8]>,
    extensions: Extensions,
}

/// Makes an authority's revocation list.
///
/// # Errors
/// What can't be encoded or signed, an authority that is none or has another key.
pub fn revocation_list(
    template: &RevocationTemplate,
    authority: &Certificate,
    key: &PrivateKey,
) -> Result<Vec<u8>, IssueError> {
    if key.public_key() != authority.public_key() {
        return Err(IssueError::AuthorityKey);
    }
    authority.check_may(KeyUsage::CRL_SIGN).map_err(|error| match error {
        SignatureError::NoAuthority => IssueError::NoAuthority,
        _ => IssueError::NotAllowed,
    })?;
    let (not_before, not_after) = (template.this_update, template.next_update);
    if not_after < not_before {
        return Err(IssueError::Validity { not_before, not_after });
    }
    let entries = template.revoked.iter().map(|revoked| {
        Ok(ListEntry { serial: SerialNumber::new(without_zeros(&revoked.serial))?, at: wire::time(revoked.at)? })
    });
    let entries = entries.collect::<der::Result<Vec<_>>>()?;
    let body = ListBody {
        version: VERSION_2,
        algorithm: wire::algorithm(key, template.digest)?,
        issuer: AnyRef::from_der(authority.subject_der())?,
        this_update: wire::time(template.this_update)?,
        next_update: wire::time(template.next_update)?,
        revoked: Some(entries).filter(|entries| !entries.is_empty()),
        extensions: vec![
            extensions::authority_key_id(&issue::key_id_of(authority))?,
            extensions::crl_number(template.number)?,
        ],
    };
    Ok(wire::sign(&body, key, template.digest)?)
}

impl RevocationList {
    /// Reads a revocation list's DER.
    ///
    /// # Errors
    /// Bytes that are none, more than one or too many of them.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MOST_BYTES {
            return Err(CertificateError::TooLarge { most: MOST_BYTES });
        }
        let (rest, parsed) =
            CertificateRevocationList::from_der(der).map_err(|error| problem("revocation list", &error))?;
        if !rest.is_empty() {
            return Err(CertificateError::Trailing { bytes: rest.len() });
        }
        let body = &parsed.tbs_cert_list;
        let revoked = body.revoked_certificates.iter();
        let mut serials: Vec<Box<[u8]>> = revoked.map(|entry| without_zeros(entry.raw_serial()).into()).collect();
        serials.sort_unstable();
        Ok(Self {
            body: body_range(der, body.as_ref().len()).unwrap_or_default(),
            issuer: DistinguishedName::from_parsed(&body.issuer).map_err(CertificateError::Name)?,
            this_update: timestamp(body.this_update)?,
            next_update: body.next_update.map(timestamp).transpose()?,
            serials,
            algorithm: SignatureAlgorithm::from_identifier(parsed.signature_algorithm.algorithm.as_bytes()),
            is_contradictory: parsed.signature_algorithm != body.signature,
            signature: parsed.signature_value.data.as_ref().into(),
            extensions: read_extensions(body.extensions())?,
            der: der.into(),
        })
    }

    #[must_use]
    pub fn der(&self) -> &Arc<[u8]> {
        &self.der
    }

    #[must_use]
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The list's number; nothing if it has none, or one beyond 64 bits.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.extensions.crl_number
    }

    #[must_use]
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    #[must_use]
    pub fn next_update(&self) -> Option<Timestamp> {
        self.next_update
    }

    /// How many certificates it revokes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.serials.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.serials.is_empty()
    }

    /// The algorithm of its signature.
    #[must_use]
    pub fn signature_algorithm(&self) -> &SignatureAlgorithm {
        &self.algorithm
    }

    /// The digest of its signature, where it is one of those that are known.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.algorithm.digest()
    }

    /// Whether it revokes the certificate of a serial number.
    #[must_use]
    pub fn is_revoked(&self, serial: &[u8]) -> bool {
        self.serials.binary_search_by(|known| known.as_ref().cmp(without_zeros(serial))).is_ok()
    }

    /// Says whether an authority signed it; dates don't matter.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn is_signed_by(&self, authority: &Certificate) -> Result<(), SignatureError> {
        authority.check_may(KeyUsage::CRL_SIGN)?;
        if self.is_contradictory {
            return Err(SignatureError::Contradictory);
        }
        authority.check_names(&self.issuer, self.extensions.authority_key_id.as_deref())?;
        let body = self.der.get(self.body.clone()).unwrap_or_default();
        verify::verify(authority.public_key(), &self.algorithm, body, &self.signature)
    }
}

fn without_zeros(serial: &[u8]) -> &[u8] {
    let first = serial.iter().position(|byte| *byte != 0).unwrap_or(serial.len());
    serial.get(first..).unwrap_or_default()
}

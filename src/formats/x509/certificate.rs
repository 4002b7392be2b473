//! Reading a certificate: what it says, and whether an authority signed it. Whether it is valid at some time is decided elsewhere.

use std::ops::Range;
use std::sync::Arc;

use der::asn1::ObjectIdentifier;
use jiff::Timestamp;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use x509_parser::asn1_rs::{self, FromDer as _};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension, X509Extension};
use x509_parser::time::ASN1Time;

use super::extensions as ids;
use super::verify::verify;
use super::{
    AlternativeName, Authority, Digest, DistinguishedName, ExtendedUsage, KeyUsage, MOST_BYTES, NameError, PrivateKey,
    PublicKey, SignatureAlgorithm, SignatureError,
};

/// A certificate that was read. Equality is of its bytes.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: Arc<[u8]>,
    body: Range<usize>,
    subject: DistinguishedName,
    issuer: DistinguishedName,
    subject_der: Box<[u8]>,
    issuer_der: Box<[u8]>,
    serial: Box<[u8]>,
    not_before: Timestamp,
    not_after: Timestamp,
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
    is_contradictory: bool,
    signature: Box<[u8]>,
    extensions: Extensions,
}

/// The extensions that mean something here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Extensions {
    pub names: Vec<AlternativeName>,
    pub key_usage: Option<KeyUsage>,
    pub extended: Vec<ExtendedUsage>,
    pub authority: Option<Authority>,
    pub subject_key_id: Option<Box<[u8]>>,
    pub authority_key_id: Option<Box<[u8]>>,
    pub crl_urls: Vec<String>,
    pub crl_number: Option<u64>,
}

/// Why bytes are no certificate, request or revocation list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("it is larger than {most} bytes")]
    TooLarge { most: usize },
    #[error("these bytes are no {what}: {reason}")]
    Malformed { what: &'static str, reason: String },
    #[error("{bytes} bytes follow its end")]
    Trailing { bytes: usize },
    #[error("a name in it can't be read")]
    Name(#[source] NameError),
    #[error("its public key can't be read")]
    Key,
    #[error("a date in it is none")]
    Date,
    #[error("its extension {identifier} is malformed")]
    Extension { identifier: String },
    #[error("its extension {identifier} stands there twice")]
    Twice { identifier: String },
    #[error("its own signature does not hold")]
    OwnSignature(#[source] SignatureError),
}

impl Certificate {
    /// Reads a certificate's DER.
    ///
    /// # Errors
    /// Bytes that are no certificate, more than one or too many of them, or a known extension that is malformed.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MOST_BYTES {
            return Err(CertificateError::TooLarge { most: MOST_BYTES });
        }
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| problem("certificate", &error))?;
        if !rest.is_empty() {
            return Err(CertificateError::Trailing { bytes: rest.len() });
        }
        let body = &parsed.tbs_certificate;
        Ok(Self {
            body: body_range(der, body.as_ref().len()).unwrap_or_default(),
            subject: DistinguishedName::from_parsed(&body.subject).map_err(CertificateError::Name)?,
            issuer: DistinguishedName::from_parsed(&body.issuer).map_err(CertificateError::Name)?,
            subject_der: body.subject.as_raw().into(),
            issuer_der: body.issuer.as_raw().into(),
            serial: body.raw_serial().into(),
            not_before: timestamp(body.validity.not_before)?,
            not_after: timestamp(body.validity.not_after)?,
            public_key: PublicKey::from_der(body.subject_pki.raw).map_err(|_| CertificateError::Key)?,
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
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    #[must_use]
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The subject as it is encoded.
    #[must_use]
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// The issuer as it is encoded.
    #[must_use]
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// The content of the serial number as it is encoded: big endian, and of a leading zero where the next bit is set.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second it is valid; the latest that can be expressed where it has no end (RFC 5280 section 4.1.2.5).
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
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

    #[must_use]
    pub fn names(&self) -> &[AlternativeName] {
        &self.extensions.names
    }

    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    #[must_use]
    pub fn extended(&self) -> &[ExtendedUsage] {
        &self.extensions.extended
    }

    /// What makes it an authority's certificate; nothing if it is none.
    #[must_use]
    pub fn authority(&self) -> Option<Authority> {
        self.extensions.authority
    }

    #[must_use]
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.extensions.subject_key_id.as_deref()
    }

    #[must_use]
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.extensions.authority_key_id.as_deref()
    }

    #[must_use]
    pub fn crl_urls(&self) -> &[String] {
        &self.extensions.crl_urls
    }

    /// The thumbprint as Windows knows it: SHA-1 of the bytes.
    #[must_use]
    pub fn sha1(&self) -> [u8; 20] {
        Sha1::digest(&self.der).into()
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    /// Whether it names itself as its issuer; the signature says whether that is so.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether it is for a key.
    #[must_use]
    pub fn matches_key(&self, key: &PrivateKey) -> bool {
        self.public_key == *key.public_key()
    }

    /// Says whether an authority, which may be the certificate itself, signed it; dates don't matter.
    ///
    /// A certificate that is signed by its own key needs not be an authority's to be trusted as it is.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn is_signed_by(&self, authority: &Self) -> Result<(), SignatureError> {
        if authority.der != self.der {
            authority.check_may(KeyUsage::CERTIFICATE_SIGN)?;
        }
        if self.is_contradictory {
            return Err(SignatureError::Contradictory);
        }
        authority.check_names(&self.issuer, self.authority_key_id())?;
        verify(
            &authority.public_key,
            &self.algorithm,
            self.der.get(self.body.clone()).unwrap_or_default(),
            &self.signature,
        )
    }

    /// Checks that it is an authority's certificate and that its key may be used for something.
    pub(super) fn check_may(&self, usage: KeyUsage) -> Result<(), SignatureError> {
        if self.authority().is_none() {
            return Err(SignatureError::NoAuthority);
        }
        if self.key_usage().is_some_and(|allowed| !allowed.contains(usage)) {
            return Err(SignatureError::NotAllowed);
        }
        Ok(())
    }

    /// Checks that it is the one that something names as its issuer.
    pub(super) fn check_names(&self, issuer: &DistinguishedName, key_id: Option<&[u8]>) -> Result<(), SignatureError> {
        if self.subject != *issuer {
            return Err(SignatureError::OtherIssuer);
        }
        match (key_id, self.subject_key_id()) {
            (Some(named), Some(own)) if named != own => Err(SignatureError::OtherKey),
            _ => Ok(()),
        }
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

pub(super) fn problem(what: &'static str, error: &impl std::fmt::Display) -> CertificateError {
    CertificateError::Malformed { what, reason: error.to_string() }
}

/// Where the signed body of something lies within it: after the first header.
pub(super) fn body_range(der: &[u8], length: usize) -> Option<Range<usize>> {
    let (content, _) = asn1_rs::Header::from_der(der).ok()?;
    let begin = der.len().checked_sub(content.len())?;
    Some(begin..begin.checked_add(length)?)
}

/// A date; the end of time of RFC 5280 is later than the latest one that can be expressed, and becomes that.
pub(super) fn timestamp(time: ASN1Time) -> Result<Timestamp, CertificateError> {
    let seconds = time.timestamp();
    if seconds > Timestamp::MAX.as_second() {
        return Ok(Timestamp::MAX);
    }
    Timestamp::from_second(seconds).map_err(|_| CertificateError::Date)
}

pub(super) fn read_extensions(list: &[X509Extension<'_>]) -> Result<Extensions, CertificateError> {
    let mut read = Extensions::default();
    let mut seen: Vec<&[u8]> = Vec::with_capacity(list.len());
    for extension in list {
        let identifier = || match ObjectIdentifier::from_bytes(extension.oid.as_bytes()) {
            Ok(identifier) => identifier.to_string(),
            Err(_) => "of an unreadable kind".to_owned(),
        };
        if seen.contains(&extension.oid.as_bytes()) {
            return Err(CertificateError::Twice { identifier: identifier() });
        }
        seen.push(extension.oid.as_bytes());
        let malformed = || CertificateError::Extension { identifier: identifier() };
        let Ok(known) = ObjectIdentifier::from_bytes(extension.oid.as_bytes()) else { continue };
        if known == ids::ALTERNATIVE_NAMES {
            read.names = names(extension.value).ok_or_else(malformed)?;
            continue;
        }
        if known == ids::EXTENDED_USAGE {
            read.extended = usages(extension.value).ok_or_else(malformed)?;
            continue;
        }
        match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => read.key_usage = Some(KeyUsage::from_bits_truncate(usage.flags)),
            ParsedExtension::BasicConstraints(constraints) if constraints.ca => {
                let path_length = constraints.path_len_constraint.map(|length| u8::try_from(length).unwrap_or(u8::MAX));
                read.authority = Some(Authority { path_length });
            }
            ParsedExtension::SubjectKeyIdentifier(id) => read.subject_key_id = Some(id.0.into()),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                read.authority_key_id = id.key_identifier.as_ref().map(|id| id.0.into());
            }
            ParsedExtension::CRLDistributionPoints(points) => {
                let names = points.iter().filter_map(|point| match &point.distribution_point {
                    Some(DistributionPointName::FullName(names)) => Some(names),
                    _ => None,
                });
                read.crl_urls = names.flatten().filter_map(uri).collect();
            }
            ParsedExtension::CRLNumber(number) => read.crl_number = u64::try_from(number).ok(),
            ParsedExtension::ParseError { .. } if is_needed(known) => return Err(malformed()),
            _ => {}
        }
    }
    Ok(read)
}

/// Whether a certificate can't be judged without an extension that it has.
fn is_needed(identifier: ObjectIdentifier) -> bool {
    [ids::KEY_USAGE, ids::BASIC_CONSTRAINTS, ids::SUBJECT_KEY_ID, ids::AUTHORITY_KEY_ID, ids::CRL_NUMBER]
        .contains(&identifier)
}

fn uri(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    }
}

/// The elements of a SEQUENCE OF.
fn elements(value: &[u8]) -> Option<Vec<asn1_rs::Any<'_>>> {
    let (rest, sequence) = asn1_rs::Any::from_der(value).ok()?;
    if !rest.is_empty() || sequence.tag() != asn1_rs::Tag::Sequence {
        return None;
    }
    let mut content = sequence.data;
    let mut elements = Vec::new();
    while !content.is_empty() {
        let (rest, element) = asn1_rs::Any::from_der(content).ok()?;
        elements.push(element);
        content = rest;
    }
    Some(elements)
}

fn names(value: &[u8]) -> Option<Vec<AlternativeName>> {
    Some(elements(value)?.iter().map(AlternativeName::from_any).collect())
}

fn usages(value: &[u8]) -> Option<Vec<ExtendedUsage>> {
    let usages = elements(value)?.into_iter().map(|element| {
        let identifier = ObjectIdentifier::from_bytes(element.data).ok()?;
        (element.tag() == asn1_rs::Tag::Oid).then(|| ExtendedUsage::from_identifier(identifier))
    });
    usages.collect()
}

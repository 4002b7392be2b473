//! Certificate requests (PKCS #10, RFC 2986): made from a template, and read.

use der::Decode as _;
use der::asn1::{Any, AnyRef, ObjectIdentifier, SetOfVec};
use x509_cert::attr::Attribute;
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;

use super::certificate::{Extensions, body_range, problem, read_extensions};
use super::wire::{self, RequestBody};
use super::{
    AlternativeName, Authority, CertificateError, Digest, DistinguishedName, ExtendedUsage, IssueError, KeyUsage,
    MOST_BYTES, PrivateKey, PublicKey, SignatureAlgorithm, Template, extensions, verify,
};

const VERSION_1: u8 = 0;
/// The attribute that holds the wanted extensions (RFC 2985 section 5.4.2).
const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");

/// A request that was read, and whose signature by its own key fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    subject: DistinguishedName,
    public_key: PublicKey,
    algorithm: SignatureAlgorithm,
    extensions: Extensions,
}

/// Makes a request of a template: its subject, names, usages, and whether it is for an authority.
///
/// # Errors
/// What can't be encoded or signed.
pub fn request(template: &Template, key: &PrivateKey) -> Result<Vec<u8>, IssueError> {
    let subject = template.subject.to_der().map_err(IssueError::Subject)?;
    let extensions = extensions::of_template(template)?;
    let mut attributes = SetOfVec::new();
    if !extensions.is_empty() {
        let values = SetOfVec::from_iter([Any::encode_from(&extensions)?])?;
        attributes.insert(Attribute { oid: EXTENSION_REQUEST, values })?;
    }
    let body = RequestBody {
        version: VERSION_1,
        subject: AnyRef::from_der(&subject)?,
        key: AnyRef::from_der(key.public_key().der())?,
        attributes,
    };
    Ok(wire::sign(&body, key, template.digest)?)
}

impl Request {
    /// Reads a request and verifies its signature.
    ///
    /// # Errors
    /// Bytes that are no request or too many of them, and a signature that is not of its own key.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MOST_BYTES {
            return Err(CertificateError::TooLarge { most: MOST_BYTES });
        }
        let (rest, parsed) = X509CertificationRequest::from_der(der).map_err(|error| problem("request", &error))?;
        if !rest.is_empty() {
            return Err(CertificateError::Trailing { bytes: rest.len() });
        }
        let info = &parsed.certification_request_info;
        let wanted = info.iter_attributes().find_map(|attribute| match attribute.parsed_attribute() {
            ParsedCriAttribute::ExtensionRequest(request) => Some(request.extensions.as_slice()),
            _ => None,
        });
        let request = Self {
            subject: DistinguishedName::from_parsed(&info.subject).map_err(CertificateError::Name)?,
            public_key: PublicKey::from_der(info.subject_pki.raw).map_err(|_| CertificateError::Key)?,
            algorithm: SignatureAlgorithm::from_identifier(parsed.signature_algorithm.algorithm.as_bytes()),
            extensions: read_extensions(wanted.unwrap_or_default())?,
        };
        let body = body_range(der, info.raw.len()).and_then(|range| der.get(range)).unwrap_or_default();
        let signature = parsed.signature_value.data.as_ref();
        verify::verify(&request.public_key, &request.algorithm, body, signature)
            .map_err(CertificateError::OwnSignature)?;
        Ok(request)
    }

    #[must_use]
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
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

    #[must_use]
    pub fn authority(&self) -> Option<Authority> {
        self.extensions.authority
    }

    /// Whether it is for a key.
    #[must_use]
    pub fn matches_key(&self, key: &PrivateKey) -> bool {
        self.public_key == *key.public_key()
    }
}

//! Issuing a certificate: version 3, as RFC 5280 profiles it. Refuses what no verifier would accept.

use der::Decode as _;
use der::asn1::AnyRef;
use jiff::Timestamp;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Validity;

use super::wire::{self, CertificateBody, WireError};
use super::{
    Certificate, Digest, KeyAlgorithm, KeyError, KeyUsage, NameError, PrivateKey, PublicKey, Template, extensions,
};

const VERSION_3: u8 = 2;

/// Who signs a certificate.
#[derive(Debug, Clone, Copy)]
pub enum Signer<'a> {
    /// The key that the certificate is for.
    Itself(&'a PrivateKey),
    /// An authority.
    Authority { certificate: &'a Certificate, key: &'a PrivateKey },
}

/// Why something can't be issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    #[error("the subject can't be encoded")]
    Subject(#[source] NameError),
    #[error("a {key} key can't sign with {digest} here")]
    Unsupported { key: KeyAlgorithm, digest: Digest },
    #[error("the signature could not be made")]
    Key(#[source] KeyError),
    #[error("it can't be encoded: {0}")]
    Encoding(String),
    #[error("the serial number is zero")]
    Serial,
    #[error("it has neither a subject nor another name")]
    Nameless,
    #[error("it would end at {not_after}, before it begins at {not_before}")]
    Validity { not_before: Timestamp, not_after: Timestamp },
    #[error("the key is not the one the certificate is for")]
    OtherKey,
    #[error("the authority's key is not that of its certificate")]
    AuthorityKey,
    #[error("the issuer's certificate is not that of a certificate authority")]
    NoAuthority,
    #[error("the authority's key may not be used for this")]
    NotAllowed,
    #[error("the authority may issue no further authority, or not one that reaches so far")]
    PathLength,
    #[error("it would be valid until {not_after}, longer than its authority, until {authority}")]
    Outlives { not_after: Timestamp, authority: Timestamp },
}

impl From<WireError> for IssueError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Encoding(error) => error.into(),
            WireError::Key(error) => error.into(),
        }
    }
}

impl From<der::Error> for IssueError {
    fn from(error: der::Error) -> Self {
        Self::Encoding(error.to_string())
    }
}

impl From<KeyError> for IssueError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::CannotSign { algorithm, digest } => Self::Unsupported { key: algorithm, digest },
            other => Self::Key(other),
        }
    }
}

impl Signer<'_> {
    fn key(&self) -> &PrivateKey {
        match self {
            Self::Itself(key) | Self::Authority { key, .. } => key,
        }
    }
}

/// Issues a certificate. `serial` is random; its top bit is not used.
///
/// # Errors
/// What can't be encoded or signed, and what would never be valid: an authority that is none or has another key, that
/// ends earlier, or that may issue no such authority.
pub fn issue(
    template: &Template,
    public_key: &PublicKey,
    serial: [u8; 16],
    issuer: Signer<'_>,
) -> Result<Vec<u8>, IssueError> {
    check(template)?;
    match issuer {
        Signer::Itself(key) if key.public_key() != public_key => return Err(IssueError::OtherKey),
        Signer::Itself(_) => {}
        Signer::Authority { certificate, key } => check_authority(template, certificate, key)?,
    }
    let subject = template.subject.to_der().map_err(IssueError::Subject)?;
    let (issuer_name, issuer_key_id) = match issuer {
        Signer::Itself(_) => (subject.as_slice(), public_key.identifier().to_vec()),
        Signer::Authority { certificate, .. } => (certificate.subject_der(), key_id_of(certificate)),
    };
    let mut extensions = extensions::of_template(template)?;
    extensions.push(extensions::subject_key_id(&public_key.identifier())?);
    extensions.push(extensions::authority_key_id(&issuer_key_id)?);
    extensions.extend(extensions::crl_points(&template.crl_urls)?);
    let body = CertificateBody {
        version: VERSION_3,
        serial: serial_number(serial)?,
        algorithm: wire::algorithm(issuer.key(), template.digest)?,
        issuer: AnyRef::from_der(issuer_name)?,
        validity: Validity::new(wire::time(template.not_before)?, wire::time(template.not_after)?),
        subject: AnyRef::from_der(&subject)?,
        key: AnyRef::from_der(public_key.der())?,
        extensions,
    };
    Ok(wire::sign(&body, issuer.key(), template.digest)?)
}

/// The identifier by which an authority's key is named in what it signs.
pub(super) fn key_id_of(authority: &Certificate) -> Vec<u8> {
    authority.subject_key_id().map_or_else(|| authority.public_key().identifier().to_vec(), <[u8]>::to_vec)
}

fn check(template: &Template) -> Result<(), IssueError> {
    if template.subject.is_empty() && template.names.is_empty() {
        return Err(IssueError::Nameless);
    }
    let (not_before, not_after) = (template.not_before, template.not_after);
    if not_after < not_before { Err(IssueError::Validity { not_before, not_after }) } else { Ok(()) }
}

fn check_authority(template: &Template, authority: &Certificate, key: &PrivateKey) -> Result<(), IssueError> {
    if key.public_key() != authority.public_key() {
        return Err(IssueError::AuthorityKey);
    }
    let Some(rights) = authority.authority() else { return Err(IssueError::NoAuthority) };
    if authority.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::CERTIFICATE_SIGN)) {
        return Err(IssueError::NotAllowed);
    }
    if let (Some(wanted), Some(most)) = (template.authority, rights.path_length)
        && (most == 0 || wanted.path_length.is_some_and(|wanted| wanted >= most))
    {
        return Err(IssueError::PathLength);
    }
    if template.not_after.as_second() > authority.not_after().as_second() {
        return Err(IssueError::Outlives { not_after: template.not_after, authority: authority.not_after() });
    }
    Ok(())
}

fn serial_number(mut serial: [u8; 16]) -> Result<SerialNumber, IssueError> {
    let [first, ..] = &mut serial;
    *first &= 0x7f;
    if serial == [0; 16] {
        return Err(IssueError::Serial);
    }
    Ok(SerialNumber::new(&serial)?)
}

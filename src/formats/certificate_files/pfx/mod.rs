//! PFX files (PKCS#12): a private key, its certificate and the chain, under a password. Says nothing of whether they
//! belong together.
//!
//! Source: RFC 7292.

mod build;

use p12_keystore::error::Error as KeystoreError;
use p12_keystore::{CertificateBag, Pkcs12Archive, PrivateKeyBag};
use zeroize::Zeroizing;

use super::der::{SEQUENCE, Shape, first, shape};

pub use build::{PfxParts, PfxStrength, build};

/// The largest file that is read.
const MAX_BYTES: usize = 16 << 20;

/// What a PFX holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Pfx {
    /// The private key as PKCS#8 in DER.
    pub key: Option<Zeroizing<Vec<u8>>>,
    /// In DER: the key's certificate first where the file says which it is, the others as found.
    pub certificates: Vec<Vec<u8>>,
    /// The name of the key's certificate, or of the key.
    pub friendly_name: Option<String>,
}

impl std::fmt::Debug for Pfx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pfx")
            .field("key", &self.key.as_ref().map(|_| "…"))
            .field("certificates", &self.certificates.len())
            .field("friendly_name", &self.friendly_name)
            .finish()
    }
}

/// Why a PFX cannot be opened or made.
#[derive(Debug, thiserror::Error)]
pub enum PfxError {
    #[error("this is not a PFX file")]
    Form,
    #[error("the PFX is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the PFX is encoded with indefinite lengths (BER), which is not read")]
    IndefiniteLength,
    #[error("the password does not open the PFX")]
    Password,
    #[error("the password has characters beyond U+FFFF, which a PFX has no agreed form for")]
    PasswordCharacters,
    #[error("the PFX is damaged")]
    Damaged(#[source] KeystoreError),
    #[error("the PFX uses an encryption or a content that is not read")]
    Unsupported(#[source] KeystoreError),
    #[error("the PFX holds {found} private keys; one at most is read")]
    SeveralKeys { found: usize },
    #[error("the key is not a private key in PKCS#8")]
    NotKey,
    #[error("what should go into the PFX is not a certificate")]
    NotCertificate,
    #[error("no random bytes are to be had")]
    Random(#[source] getrandom::Error),
    #[error("the PFX cannot be encoded")]
    Encode(#[source] der::Error),
    #[error("the PFX cannot be encrypted")]
    Encrypt,
}

/// Opens a PFX.
///
/// A file without an integrity check that does not open is taken for one with another password.
///
/// # Errors
/// Another password, damage, several keys, or an encryption that is too old or too new.
pub fn open(bytes: &[u8], password: &str) -> Result<Pfx, PfxError> {
    if bytes.len() > MAX_BYTES {
        return Err(PfxError::TooLarge { limit: MAX_BYTES });
    }
    if bytes.starts_with(&[SEQUENCE, 0x80]) {
        return Err(PfxError::IndefiniteLength);
    }
    let (outer, _) = first(bytes).ok_or(PfxError::Form)?;
    if shape(&outer) != Shape::Pfx {
        return Err(PfxError::Form);
    }
    check_password(password)?;
    let is_checked = outer.inside(SEQUENCE).is_some_and(|parts| parts.len() > 2);
    let archive = Pkcs12Archive::from_pkcs12(outer.whole, password).map_err(|error| match error {
        KeystoreError::MacError(_) => PfxError::Password,
        KeystoreError::UnsupportedContentType
        | KeystoreError::UnsupportedCertificateType
        | KeystoreError::UnsupportedEncryptionScheme
        | KeystoreError::UnsupportedMacAlgorithm
        | KeystoreError::InvalidParameters
        | KeystoreError::InvalidVersion => PfxError::Unsupported(error),
        _ if !is_checked => PfxError::Password,
        _ => PfxError::Damaged(error),
    })?;
    let Pkcs12Archive { mut keys, certs, secrets: _ } = archive;
    if keys.len() > 1 {
        return Err(PfxError::SeveralKeys { found: keys.len() });
    }
    Ok(arrange(keys.pop(), certs))
}

fn arrange(key: Option<PrivateKeyBag>, mut certificates: Vec<CertificateBag>) -> Pfx {
    let id = key.as_ref().and_then(|key| key.local_key_id.as_ref()).map(|id| id.0.as_slice());
    let own = certificates.iter().position(|bag| id.is_some() && bag.local_key_id.as_deref() == id);
    let own = own.map(|at| certificates.remove(at));
    let name_of_key = key.as_ref().and_then(|key| key.friendly_name.clone());
    // Without a key there is nothing to tell the certificates apart by.
    let named = own.as_ref().or(if key.is_none() { certificates.first() } else { None });
    let friendly_name = named.and_then(|bag| bag.friendly_name.clone()).or(name_of_key);
    Pfx {
        key: key.map(|bag| Zeroizing::new(bag.key.as_der().to_vec())),
        certificates: own.iter().chain(&certificates).map(|bag| bag.cert.as_der().to_vec()).collect(),
        friendly_name: friendly_name.filter(|name| !name.is_empty()),
    }
}

fn check_password(password: &str) -> Result<(), PfxError> {
    if password.chars().any(|c| u32::from(c) > 0xFFFF) { Err(PfxError::PasswordCharacters) } else { Ok(()) }
}

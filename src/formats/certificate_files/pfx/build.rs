//! Makes PFX files: what Windows imports with the key, the chain and the name that it then shows.
//!
//! Source: RFC 7292 §4 and appendices B and C; RFC 8018 §6.2; RFC 2985 §5.5 for the attributes.

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use der::Encode as _;
use der::oid::ObjectIdentifier;
use hmac::{Hmac, KeyInit as _, Mac as _};
use pkcs5::pbes2;
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::super::der::{
    BMP_STRING, CONTEXT_0, CONTEXT_0_PRIMITIVE, DATA, ENCRYPTED_DATA, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, SET,
    Shape, elements, node, shape_of,
};
use super::{PfxError, check_password};

const KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERTIFICATE_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const X509: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");
const FRIENDLY_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.20");
const LOCAL_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.21");
const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const SHA1_3DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// Rounds of each derivation: what other tools take, so that every reader accepts them at once.
const ITERATIONS: u16 = 10_000;

/// What goes into a PFX.
#[derive(Clone, Copy)]
pub struct PfxParts<'a> {
    /// The private key as PKCS#8 in DER.
    pub key: &'a [u8],
    /// The key's certificate in DER.
    pub certificate: &'a [u8],
    /// The certificates above it in DER, in the order in which they are written.
    pub chain: &'a [&'a [u8]],
    /// What Windows shows the certificate as.
    pub friendly_name: Option<&'a str>,
}

/// Which readers a PFX is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PfxStrength {
    /// PBES2 with PBKDF2 and AES-256, HMAC with SHA-256: Windows Server 2019 and later.
    Modern,
    /// 3DES and SHA-1: Windows Server 2016 and older.
    Legacy,
}

/// Makes a PFX; every call draws other salts.
///
/// # Errors
/// A part is not what it should be, the password has characters beyond U+FFFF, or the host has no random bytes.
pub fn build(parts: &PfxParts<'_>, password: &str, strength: PfxStrength) -> Result<Zeroizing<Vec<u8>>, PfxError> {
    let PfxParts { key, certificate, chain, friendly_name } = *parts;
    let is_pkcs8 = elements(key).is_some_and(|outer| {
        matches!(outer.as_slice(), [info] if info.inside(SEQUENCE).is_some_and(|parts| {
            matches!(parts.as_slice(), [version, kind, secret, ..] if
                (version.tag, kind.tag, secret.tag) == (INTEGER, SEQUENCE, OCTET_STRING))
        }))
    });
    if !is_pkcs8 {
        return Err(PfxError::NotKey);
    }
    if std::iter::once(&certificate).chain(chain).any(|der| shape_of(der) != Shape::Certificate) {
        return Err(PfxError::NotCertificate);
    }
    check_password(password)?;
    let sealer = Sealer { password, strength };
    let id = attribute(LOCAL_KEY_ID, OCTET_STRING, &Sha1::digest(certificate))?;
    let mut own = vec![id.clone()];
    if let Some(name) = friendly_name.filter(|name| !name.is_empty()) {
        let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
        own.push(attribute(FRIENDLY_NAME, BMP_STRING, &units)?);
    }
    let mut certificates = vec![certificate_bag(certificate, own)?];
    for der in chain {
        certificates.push(certificate_bag(der, Vec::new())?);
    }
    let certificates: Vec<&[u8]> = certificates.iter().map(|bag| bag.as_slice()).collect();
    let certificates = sealer.encrypted_data(&encode(SEQUENCE, &certificates)?)?;

    let (algorithm, sealed) = sealer.seal(key)?;
    let sealed = encode(SEQUENCE, &[&algorithm, &encode(OCTET_STRING, &[&sealed])?])?;
    // The key has no name of its own: Windows would take it for the name of the container, where another key may lie.
    let key = bag(KEY_BAG, &sealed, vec![id])?;
    let key = data(&encode(SEQUENCE, &[&key])?)?;

    let safe = encode(SEQUENCE, &[&certificates, &key])?;
    let check = sealer.check(&safe)?;
    encode(SEQUENCE, &[&encode(INTEGER, &[&[3]])?, &data(&safe)?, &check])
}

fn encode(tag: u8, parts: &[&[u8]]) -> Result<Zeroizing<Vec<u8>>, PfxError> {
    node(tag, parts).map_err(PfxError::Encode)
}

fn oid(oid: ObjectIdentifier) -> Result<Zeroizing<Vec<u8>>, PfxError> {
    encode(OID, &[oid.as_bytes()])
}

fn number(number: u16) -> Result<Zeroizing<Vec<u8>>, PfxError> {
    number.to_der().map(Zeroizing::new).map_err(PfxError::Encode)
}

/// `ContentInfo` of plain data.
fn data(content: &[u8]) -> Result<Zeroizing<Vec<u8>>, PfxError> {
    let content = encode(CONTEXT_0, &[&encode(OCTET_STRING, &[content])?])?;
    encode(SEQUENCE, &[&oid(DATA)?, &content])
}

fn attribute(kind: ObjectIdentifier, tag: u8, value: &[u8]) -> Result<Zeroizing<Vec<u8>>, PfxError> {
    let values = encode(SET, &[&encode(tag, &[value])?])?;
    encode(SEQUENCE, &[&oid(kind)?, &values])
}

fn certificate_bag(der: &[u8], attributes: Vec<Zeroizing<Vec<u8>>>) -> Result<Zeroizing<Vec<u8>>, PfxError> {
    let value = encode(CONTEXT_0, &[&encode(OCTET_STRING, &[der])?])?;
    bag(CERTIFICATE_BAG, &encode(SEQUENCE, &[&oid(X509)?, &value])?, attributes)
}

fn bag(
    kind: ObjectIdentifier,
    value: &[u8],
    mut attributes: Vec<Zeroizing<Vec<u8>>>,
) -> Result<Zeroizing<Vec<u8>>, PfxError> {
    let (kind, value) = (oid(kind)?, encode(CONTEXT_0, &[value])?);
    if attributes.is_empty() {
        return encode(SEQUENCE, &[&kind, &value]);
    }
    // DER sorts what is in a set.
    attributes.sort_by(|a, b| a.as_slice().cmp(b));
    let attributes: Vec<&[u8]> = attributes.iter().map(|attribute| attribute.as_slice()).collect();
    encode(SEQUENCE, &[&kind, &value, &encode(SET, &attributes)?])
}

/// Encrypts and authenticates under a password.
struct Sealer<'a> {
    password: &'a str,
    strength: PfxStrength,
}

type Wiped = Zeroizing<Vec<u8>>;

impl Sealer<'_> {
    /// `ContentInfo` of encrypted data.
    fn encrypted_data(&self, content: &[u8]) -> Result<Wiped, PfxError> {
        let (algorithm, sealed) = self.seal(content)?;
        let sealed = encode(CONTEXT_0_PRIMITIVE, &[&sealed])?;
        let info = encode(SEQUENCE, &[&oid(DATA)?, &algorithm, &sealed])?;
        let encrypted = encode(SEQUENCE, &[&encode(INTEGER, &[&[0]])?, &info])?;
        encode(SEQUENCE, &[&oid(ENCRYPTED_DATA)?, &encode(CONTEXT_0, &[&encrypted])?])
    }

    /// The `AlgorithmIdentifier` and what it encrypts to.
    fn seal(&self, plain: &[u8]) -> Result<(Wiped, Vec<u8>), PfxError> {
        match self.strength {
            PfxStrength::Modern => {
                let (salt, iv) = (random::<16>()?, random::<16>()?);
                let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS.into(), &salt, iv)
                    .map_err(|_| PfxError::Encrypt)?;
                let sealed = parameters.encrypt(self.password, plain).map_err(|_| PfxError::Encrypt)?;
                let parameters = parameters.to_der().map_err(PfxError::Encode)?;
                Ok((encode(SEQUENCE, &[&oid(PBES2)?, &parameters])?, sealed))
            }
            PfxStrength::Legacy => {
                let salt = random::<8>()?;
                let key = self.derive::<Sha1>(&salt, Pkcs12KeyType::EncryptionKey, 24);
                let iv = self.derive::<Sha1>(&salt, Pkcs12KeyType::Iv, 8);
                let cipher =
                    cbc::Encryptor::<des::TdesEde3>::new_from_slices(&key, &iv).map_err(|_| PfxError::Encrypt)?;
                let sealed = cipher.encrypt_padded_vec::<Pkcs7>(plain);
                let parameters = encode(SEQUENCE, &[&encode(OCTET_STRING, &[&salt])?, &number(ITERATIONS)?])?;
                Ok((encode(SEQUENCE, &[&oid(SHA1_3DES)?, &parameters])?, sealed))
            }
        }
    }

    /// `MacData` over the safe.
    fn check(&self, safe: &[u8]) -> Result<Wiped, PfxError> {
        let salt = random::<16>()?;
        let (kind, digest) = match self.strength {
            PfxStrength::Modern => {
                let key = self.derive::<Sha256>(&salt, Pkcs12KeyType::Mac, 32);
                let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| PfxError::Encrypt)?;
                mac.update(safe);
                (SHA256, mac.finalize().into_bytes().to_vec())
            }
            PfxStrength::Legacy => {
                let key = self.derive::<Sha1>(&salt, Pkcs12KeyType::Mac, 20);
                let mut mac = Hmac::<Sha1>::new_from_slice(&key).map_err(|_| PfxError::Encrypt)?;
                mac.update(safe);
                (SHA1, mac.finalize().into_bytes().to_vec())
            }
        };
        let algorithm = encode(SEQUENCE, &[&oid(kind)?, &[NULL, 0]])?;
        let digest = encode(SEQUENCE, &[&algorithm, &encode(OCTET_STRING, &[&digest])?])?;
        encode(SEQUENCE, &[&digest, &encode(OCTET_STRING, &[&salt])?, &number(ITERATIONS)?])
    }

    fn derive<D>(&self, salt: &[u8], kind: Pkcs12KeyType, length: usize) -> Wiped
    where
        D: sha1::digest::Digest + sha1::digest::FixedOutputReset + sha1::digest::block_api::BlockSizeUser,
    {
        let password: Zeroizing<Vec<u8>> =
            Zeroizing::new(self.password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect());
        Zeroizing::new(derive_key::<D>(&password, salt, kind, ITERATIONS.into(), length))
    }
}

fn random<const N: usize>() -> Result<[u8; N], PfxError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(PfxError::Random)?;
    Ok(bytes)
}

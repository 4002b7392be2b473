//! Private keys in the forms that Windows' key stores take. Reads PKCS #8, looks for nothing, checks no key.

use der::asn1::{AnyRef, OctetStringRef, UintRef};
use der::{Decode as _, Reader as _, Sequence};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::x509::{KeyAlgorithm, PrivateKey};

/// `RSAFULLPRIVATEBLOB` of `bcrypt.h`: its name and its magic number, `RSA3`.
const RSA_FULL: (&str, u32) = ("RSAFULLPRIVATEBLOB", 0x3341_5352);
/// `ECCPRIVATEBLOB` of `bcrypt.h`.
const ECC: &str = "ECCPRIVATEBLOB";
/// `ECS2` and `ECS4`: keys that sign, on P-256 and P-384.
const ECDSA_P256: u32 = 0x3253_4345;
const ECDSA_P384: u32 = 0x3453_4345;
/// `PRIVATEKEYBLOB`, version 2, and `CALG_RSA_KEYX` of `wincrypt.h`.
const LEGACY_HEADER: [u8; 8] = [7, 2, 0, 0, 0, 0xA4, 0, 0];
/// `RSA2`.
const LEGACY_RSA: u32 = 0x3241_5352;

/// Why a key has no such form. Nothing here tells anything of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyBlobError {
    #[error("it is not a private key in PKCS #8")]
    NotKey,
    #[error("keys of this kind have no place in the key store")]
    Kind,
    #[error("CryptoAPI's providers hold RSA keys only")]
    NotRsa,
    #[error("its numbers do not have the lengths of an RSA key")]
    Lengths,
}

/// A key in a form of CNG.
pub struct CngBlob {
    /// The form's name.
    pub form: &'static str,
    pub bytes: Zeroizing<Vec<u8>>,
}

/// RFC 8017 A.1.2, two primes.
#[derive(Sequence)]
struct RsaNumbers<'a> {
    version: u8,
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
    exponent: UintRef<'a>,
    first_prime: UintRef<'a>,
    second_prime: UintRef<'a>,
    first_exponent: UintRef<'a>,
    second_exponent: UintRef<'a>,
    coefficient: UintRef<'a>,
}

/// The form that CNG imports: for RSA `BCRYPT_RSAKEY_BLOB` (magic, bits, then the lengths of exponent, modulus and primes, u32 each)
/// and the numbers, for curves `BCRYPT_ECCKEY_BLOB` (magic, length) and the numbers; all big-endian.
///
/// # Errors
/// It is no key, or of a kind that Windows has no place for.
pub fn cng(pkcs8: &[u8]) -> Result<CngBlob, KeyBlobError> {
    let key = PrivateKey::from_pkcs8(pkcs8).map_err(|_| KeyBlobError::NotKey)?;
    let inner = inner(pkcs8)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(pkcs8.len()));
    let (magic, length) = match key.algorithm() {
        KeyAlgorithm::Rsa { .. } => {
            rsa_full(inner, &mut bytes)?;
            return Ok(CngBlob { form: RSA_FULL.0, bytes });
        }
        KeyAlgorithm::EcdsaP256 => (ECDSA_P256, 32),
        KeyAlgorithm::EcdsaP384 => (ECDSA_P384, 48),
        _ => return Err(KeyBlobError::Kind),
    };
    let secret = curve_secret(inner)?;
    // The point ends the key's SubjectPublicKeyInfo: 4, then its two numbers.
    let point = key.public_key().der();
    let point = point.len().checked_sub(2 * length).and_then(|at| point.get(at..)).ok_or(KeyBlobError::Lengths)?;
    put_word(&mut bytes, magic);
    put_word(&mut bytes, length_of(length)?);
    bytes.extend_from_slice(point);
    put_number(&mut bytes, secret, length)?;
    Ok(CngBlob { form: ECC, bytes })
}

fn rsa_full(inner: &[u8], out: &mut Vec<u8>) -> Result<(), KeyBlobError> {
    let key = RsaNumbers::from_der(inner).map_err(|_| KeyBlobError::NotKey)?;
    let [modulus, exponent, p, q] =
        [key.modulus, key.public_exponent, key.first_prime, key.second_prime].map(|number| number.as_bytes());
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |first| leading_zeros(*first));
    put_word(out, RSA_FULL.1);
    for length in [bits, exponent.len(), modulus.len(), p.len(), q.len()] {
        put_word(out, length_of(length)?);
    }
    for number in [exponent, modulus, p, q] {
        out.extend_from_slice(number);
    }
    put_number(out, key.first_exponent.as_bytes(), p.len())?;
    put_number(out, key.second_exponent.as_bytes(), q.len())?;
    put_number(out, key.coefficient.as_bytes(), p.len())?;
    put_number(out, key.exponent.as_bytes(), modulus.len())
}

/// The form that CryptoAPI imports: `PRIVATEKEYBLOB`, little-endian, the primes and what belongs to them half as long as the modulus.
///
/// # Errors
/// It is no key, or none of RSA.
pub fn crypto_api(pkcs8: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyBlobError> {
    let key = PrivateKey::from_pkcs8(pkcs8).map_err(|_| KeyBlobError::NotKey)?;
    if !matches!(key.algorithm(), KeyAlgorithm::Rsa { .. }) {
        return Err(KeyBlobError::NotRsa);
    }
    let key = RsaNumbers::from_der(inner(pkcs8)?).map_err(|_| KeyBlobError::NotKey)?;
    let whole = key.modulus.as_bytes().len();
    let half = whole.div_ceil(2);
    let mut out = Zeroizing::new(Vec::with_capacity(LEGACY_HEADER.len() + 12 + 2 * whole + 5 * half));
    out.extend_from_slice(&LEGACY_HEADER);
    put_word(&mut out, LEGACY_RSA);
    put_word(&mut out, length_of(whole * 8)?);
    put_reversed(&mut out, key.public_exponent.as_bytes(), 4)?;
    put_reversed(&mut out, key.modulus.as_bytes(), whole)?;
    let halves = [key.first_prime, key.second_prime, key.first_exponent, key.second_exponent, key.coefficient];
    for number in halves {
        put_reversed(&mut out, number.as_bytes(), half)?;
    }
    put_reversed(&mut out, key.exponent.as_bytes(), whole)?;
    Ok(out)
}

/// What the algorithm's own form of the key is, in PKCS #8.
fn inner(pkcs8: &[u8]) -> Result<&[u8], KeyBlobError> {
    let read = AnyRef::from_der(pkcs8).and_then(|outer| {
        outer.sequence(|reader| {
            u8::decode(reader)?;
            AlgorithmIdentifierRef::decode(reader)?;
            let inner = <&OctetStringRef>::decode(reader)?;
            reader.read_slice(reader.remaining_len())?;
            Ok::<_, der::Error>(inner.as_bytes())
        })
    });
    read.map_err(|_| KeyBlobError::NotKey)
}

/// The secret number of a key on a curve: RFC 5915.
fn curve_secret(inner: &[u8]) -> Result<&[u8], KeyBlobError> {
    let read = AnyRef::from_der(inner).and_then(|outer| {
        outer.sequence(|reader| {
            u8::decode(reader)?;
            let secret = <&OctetStringRef>::decode(reader)?;
            reader.read_slice(reader.remaining_len())?;
            Ok::<_, der::Error>(secret.as_bytes())
        })
    });
    read.map_err(|_| KeyBlobError::NotKey)
}

fn leading_zeros(byte: u8) -> usize {
    usize::try_from(byte.leading_zeros()).unwrap_or(0)
}

fn length_of(length: usize) -> Result<u32, KeyBlobError> {
    u32::try_from(length).map_err(|_| KeyBlobError::Lengths)
}

fn put_word(out: &mut Vec<u8>, word: u32) {
    out.extend_from_slice(&word.to_le_bytes());
}

/// A big-endian number in so many bytes.
fn put_number(out: &mut Vec<u8>, number: &[u8], length: usize) -> Result<(), KeyBlobError> {
    let zeros = length.checked_sub(number.len()).ok_or(KeyBlobError::Lengths)?;
    out.extend(std::iter::repeat_n(0, zeros));
    out.extend_from_slice(number);
    Ok(())
}

/// A big-endian number as a little-endian one in so many bytes.
fn put_reversed(out: &mut Vec<u8>, number: &[u8], length: usize) -> Result<(), KeyBlobError> {
    let zeros = length.checked_sub(number.len()).ok_or(KeyBlobError::Lengths)?;
    out.extend(number.iter().rev());
    out.extend(std::iter::repeat_n(0, zeros));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(algorithm: &KeyAlgorithm) -> Zeroizing<Vec<u8>> {
        PrivateKey::generate(algorithm).expect("it can be made").to_pkcs8()
    }

    #[test]
    fn the_forms_of_cng_are_laid_out_as_described() {
        let key = made(&KeyAlgorithm::Rsa { bits: 2048 });
        let blob = cng(&key).unwrap();
        assert_eq!((blob.form, &blob.bytes[..4]), ("RSAFULLPRIVATEBLOB", &b"RSA3"[..]));
        let word = |at: usize| u32::from_le_bytes(blob.bytes[at..at + 4].try_into().unwrap());
        assert_eq!([4, 8, 12, 16, 20].map(word), [2048, 3, 256, 128, 128]);
        assert_eq!(blob.bytes.len(), 24 + 3 + 256 + 5 * 128 + 256);
        let numbers = RsaNumbers::from_der(inner(&key).unwrap()).unwrap();
        assert!(blob.bytes[24..27] == [1, 0, 1] && blob.bytes[27..283] == *numbers.modulus.as_bytes());
        assert!(blob.bytes.ends_with(numbers.exponent.as_bytes()));
        for (kind, magic, length) in
            [(KeyAlgorithm::EcdsaP256, b"ECS2", 32_usize), (KeyAlgorithm::EcdsaP384, b"ECS4", 48)]
        {
            let key = made(&kind);
            let blob = cng(&key).unwrap();
            assert_eq!((blob.form, &blob.bytes[..4]), ("ECCPRIVATEBLOB", &magic[..]));
            assert_eq!(blob.bytes[4..8], u32::try_from(length).unwrap().to_le_bytes());
            assert_eq!(blob.bytes.len(), 8 + 3 * length);
            let public = PrivateKey::from_pkcs8(&key).unwrap();
            assert!(public.public_key().der().ends_with(&blob.bytes[8..8 + 2 * length]));
            assert!(blob.bytes.ends_with(curve_secret(inner(&key).unwrap()).unwrap()));
        }
    }

    #[test]
    fn what_has_no_place_there_is_told() {
        let curve = made(&KeyAlgorithm::EcdsaP256);
        assert_eq!(crypto_api(&curve), Err(KeyBlobError::NotRsa));
        assert!(matches!(cng(&made(&KeyAlgorithm::Ed25519)), Err(KeyBlobError::Kind)));
        assert_eq!(crypto_api(b"none"), Err(KeyBlobError::NotKey));
        assert!(matches!(cng(b"none"), Err(KeyBlobError::NotKey)));
    }
}

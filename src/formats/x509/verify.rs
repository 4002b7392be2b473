//! Verifying signatures, old algorithms included: what exists has to be judged, whatever it was signed with.

use aws_lc_rs::signature::{self as aws, UnparsedPublicKey, VerificationAlgorithm};

use super::public_key::P521_NAME;
use super::{Digest, KeyAlgorithm, PublicKey, SignatureAlgorithm};

/// Why something does not count as signed by an authority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("its issuer is not the authority's subject")]
    OtherIssuer,
    #[error("the authority's certificate is not that of a certificate authority")]
    NoAuthority,
    #[error("the authority's key may not be used for this")]
    NotAllowed,
    #[error("it was issued with another key of the authority")]
    OtherKey,
    #[error("a signature of {signature} by a key of {key} can't be verified here")]
    Unsupported { signature: SignatureAlgorithm, key: KeyAlgorithm },
    #[error("the signature does not fit")]
    Wrong,
    #[error("it names two different algorithms for its signature")]
    Contradictory,
}

/// Verifies a signature over a message.
pub(super) fn verify(
    key: &PublicKey,
    algorithm: &SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let kind = key.algorithm();
    let Some(method) = method(&kind, algorithm) else {
        return Err(SignatureError::Unsupported { signature: algorithm.clone(), key: kind });
    };
    UnparsedPublicKey::new(method, key.bits()).verify(message, signature).map_err(|_| SignatureError::Wrong)
}

/// RSA keys below 2,048 bits are verified with all digests but SHA-384, which the library does not offer for them.
fn method(key: &KeyAlgorithm, signature: &SignatureAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (key, signature) {
        (KeyAlgorithm::Rsa { .. }, SignatureAlgorithm::Rsa(digest)) => match digest {
            Digest::Sha1 => &aws::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Digest::Sha256 => &aws::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            Digest::Sha384 => &aws::RSA_PKCS1_2048_8192_SHA384,
            Digest::Sha512 => &aws::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        },
        (KeyAlgorithm::EcdsaP256, SignatureAlgorithm::Ecdsa(digest)) => match digest {
            Digest::Sha1 => &aws::ECDSA_P256_SHA1_ASN1,
            Digest::Sha256 => &aws::ECDSA_P256_SHA256_ASN1,
            Digest::Sha384 => &aws::ECDSA_P256_SHA384_ASN1,
            Digest::Sha512 => &aws::ECDSA_P256_SHA512_ASN1,
        },
        (KeyAlgorithm::EcdsaP384, SignatureAlgorithm::Ecdsa(digest)) => match digest {
            Digest::Sha1 => return None,
            Digest::Sha256 => &aws::ECDSA_P384_SHA256_ASN1,
            Digest::Sha384 => &aws::ECDSA_P384_SHA384_ASN1,
            Digest::Sha512 => &aws::ECDSA_P384_SHA512_ASN1,
        },
        (KeyAlgorithm::Other(name), SignatureAlgorithm::Ecdsa(digest)) if &**name == P521_NAME => match digest {
            Digest::Sha1 => &aws::ECDSA_P521_SHA1_ASN1,
            Digest::Sha256 => &aws::ECDSA_P521_SHA256_ASN1,
            Digest::Sha384 => &aws::ECDSA_P521_SHA384_ASN1,
            Digest::Sha512 => &aws::ECDSA_P521_SHA512_ASN1,
        },
        (KeyAlgorithm::Ed25519, SignatureAlgorithm::Ed25519) => &aws::ED25519,
        _ => return None,
    })
}

//! Making keys: the only place of this module where randomness is drawn.
//!
//! RSA of 8,192 bits comes from the library below rcgen, which knows no such size.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use rcgen::{KeyPair, RsaKeySize};
use zeroize::Zeroizing;

use super::{KeyAlgorithm, KeyError, PrivateKey};

impl PrivateKey {
    /// Makes a key.
    ///
    /// # Errors
    /// A kind or a size of key that can't be made here.
    pub fn generate(algorithm: &KeyAlgorithm) -> Result<Self, KeyError> {
        let made = match algorithm {
            KeyAlgorithm::Rsa { bits: 2048 } => rsa(RsaKeySize::_2048),
            KeyAlgorithm::Rsa { bits: 3072 } => rsa(RsaKeySize::_3072),
            KeyAlgorithm::Rsa { bits: 4096 } => rsa(RsaKeySize::_4096),
            KeyAlgorithm::Rsa { bits: 8192 } => return Self::from_rsa(RsaKeyPair::generate(KeySize::Rsa8192)?),
            KeyAlgorithm::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            KeyAlgorithm::EcdsaP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            KeyAlgorithm::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519),
            KeyAlgorithm::Rsa { .. } | KeyAlgorithm::Other(_) => {
                return Err(KeyError::CannotMake { algorithm: algorithm.clone() });
            }
        };
        let pair = Zeroizing::new(made.map_err(|_| KeyError::Library)?);
        Self::from_pkcs8(pair.serialized_der())
    }
}

fn rsa(size: RsaKeySize) -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size)
}

/// Makes many keys, on all processors; the answers are in the order of the questions.
///
/// How long an RSA key takes is luck, so each thread takes the next one when it is done with its last.
#[must_use]
pub fn generate_many(algorithms: &[KeyAlgorithm]) -> Vec<Result<PrivateKey, KeyError>> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(algorithms.len());
    let next = AtomicUsize::new(0);
    let made = Mutex::new(Vec::with_capacity(algorithms.len()));
    let work = || {
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(algorithm) = algorithms.get(number)
        {
            let key = PrivateKey::generate(algorithm);
            made.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((number, key));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut made = made.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    made.sort_by_key(|(number, _)| *number);
    made.into_iter().map(|(_, key)| key).collect()
}

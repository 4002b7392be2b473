//! Short digests of states: they tell whether something moved. Not for secrets, and not for proof.

use sha2::{Digest as _, Sha256};

use super::fact::Stored;
use super::registry_data::RegistryData;

/// The digest of what is not there.
pub const ABSENT: u64 = 0;

/// The first eight bytes of a SHA-256, never [`ABSENT`].
pub fn of(parts: &[&[u8]]) -> u64 {
    let mut hash = Sha256::new();
    for part in parts {
        // With its length, so that no two lists of parts run together.
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut first = [0; 8];
    first.iter_mut().zip(digest.iter()).for_each(|(out, byte)| *out = *byte);
    u64::from_le_bytes(first).max(1)
}

pub fn of_data(data: &RegistryData) -> u64 {
    of(&[b"data", &data.value_type.to_le_bytes(), &data.bytes])
}

/// Of a key that is there, with its security where that was asked for.
pub fn present(security: &[u8]) -> u64 {
    of(&[b"key", security])
}

/// Of a value as found; of sealed data the type alone.
pub fn of_stored(stored: Option<&Stored>) -> u64 {
    match stored {
        None => ABSENT,
        Some(Stored::Plain(data)) => of_data(data),
        Some(Stored::Sealed { sealed_type, .. }) => of(&[b"sealed", &sealed_type.to_le_bytes()]),
    }
}

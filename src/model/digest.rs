//! Short digests of states: they tell whether something moved. Not for secrets, and not for proof.

use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use super::fact::Stored;
use super::registry_data::RegistryData;

/// The digest of what is not there.
pub const ABSENT: u64 = 0;

/// The SipHash-1-3 of the parts under the zero key, never [`ABSENT`]: made for every value of every plan, and kept in records, so it
/// is fast and never changes.
pub fn of(parts: &[&[u8]]) -> u64 {
    let mut hash = SipHasher13::new();
    for part in parts {
        // With its length, so that no two lists of parts run together.
        hash.write_u64(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le());
        hash.write(part);
    }
    hash.finish().max(1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_never_change() {
        assert_eq!(of(&[b"data", b"x"]), 18_215_284_346_386_208_048);
        assert_ne!(of(&[b"da", b"tax"]), of(&[b"data", b"x"]));
        assert_ne!(of_stored(Some(&Stored::sealed(1))), of_stored(None));
    }
}

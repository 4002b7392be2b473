//! Keyed fingerprints: they tell equal secrets from different ones and mean nothing without the key, which never
//! leaves the machine's record.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::registry_data::{hex, unhex};

/// How many bytes of the HMAC-SHA-256 a fingerprint keeps.
const PRINT_BYTES: usize = 16;

/// What tells one secret from another, under one key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; PRINT_BYTES]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

impl Fingerprint {
    /// Stands for a fingerprint that only the machine's record may hold: there is a secret, and nothing tells which.
    pub const WITHHELD: Self = Self([0; PRINT_BYTES]);

    /// Whether two fingerprints are known to be of different secrets.
    pub fn differs(self, other: Self) -> bool {
        self != Self::WITHHELD && other != Self::WITHHELD && self != other
    }

    /// The hex digits, for the record alone.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    pub fn from_hex(text: &str) -> Option<Self> {
        unhex(text)?.try_into().ok().map(Self)
    }
}

/// The key of a machine's fingerprints.
#[derive(Clone)]
pub struct FingerprintKey(Zeroizing<[u8; Self::BYTES]>);

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey(…)")
    }
}

impl FingerprintKey {
    pub const BYTES: usize = 32;

    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A key as the record keeps it; `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::new)
    }

    pub fn bytes(&self) -> &[u8] {
        &*self.0
    }

    /// The fingerprint of a registry value: its type and its data.
    pub fn of(&self, value_type: u32, data: &[u8]) -> Fingerprint {
        self.print(&[b"trueup registry value\0", &value_type.to_le_bytes(), data])
    }

    /// The fingerprint of a file's bytes.
    pub fn of_file(&self, bytes: &[u8]) -> Fingerprint {
        self.print(&[b"trueup file\0", bytes])
    }

    fn print(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut out = [0; PRINT_BYTES];
        // HMAC takes keys of every length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.0) {
            parts.iter().for_each(|part| mac.update(part));
            let digest = mac.finalize().into_bytes();
            out.iter_mut().zip(digest.iter()).for_each(|(out, byte)| *out = *byte);
        }
        Fingerprint(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_key_type_and_data() {
        let (one, other) = (FingerprintKey::new([1; 32]), FingerprintKey::new([2; 32]));
        let print = one.of(1, b"secret");
        assert_eq!(one.of(1, b"secret"), print);
        for different in [other.of(1, b"secret"), one.of(3, b"secret"), one.of(1, b"Secret")] {
            assert_ne!(different, print);
        }
        assert!(print.differs(one.of(1, b"Secret")) && !print.differs(print));
        assert!(!print.differs(Fingerprint::WITHHELD) && !Fingerprint::WITHHELD.differs(print));
        assert_eq!(Fingerprint::from_hex(&print.to_hex()), Some(print));
        assert!(!format!("{one:?}{print:?}").contains("01"));
    }
}

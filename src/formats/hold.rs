//! The sealed hold: secrets that a run overwrote, encrypted so that only the owner of the key can put them back.
//!
//! The file is `trueup hold 1\n`, the key's id (16 bytes), a nonce (24 bytes) and the items as JSON under XChaCha20-Poly1305
//! (draft-irtf-cfrg-xchacha-03, RFC 8439); the name of the run is authenticated with it.

use std::collections::BTreeMap;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::model::registry_data::{RegistryData, hex, unhex};

const MAGIC: &[u8] = b"trueup hold 1\n";
const ID_BYTES: usize = 16;
pub const NONCE_BYTES: usize = 24;

/// The key of a hold.
#[derive(Clone)]
pub struct HoldKey(Zeroizing<[u8; Self::BYTES]>);

impl std::fmt::Debug for HoldKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HoldKey(…)")
    }
}

/// Why sealed bytes cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    #[error("this is not a sealed hold of a version that is known")]
    Form,
    #[error("it was sealed with another key")]
    OtherKey,
    #[error("it is damaged, or belongs to another run")]
    Damaged,
    #[error("it could not be sealed")]
    Seal,
}

impl HoldKey {
    pub const BYTES: usize = 32;

    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads a key file's text: 64 hex digits.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(unhex(text.trim())?);
        Some(Self::new(bytes.as_slice().try_into().ok()?))
    }

    /// The text of a key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}\n", hex(&*self.0)))
    }

    /// What the key is known by; it tells nothing of the key.
    pub fn id(&self) -> String {
        hex(&self.id_bytes())
    }

    fn id_bytes(&self) -> Vec<u8> {
        // HMAC takes keys of every length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&*self.0) else { return vec![0; ID_BYTES] };
        mac.update(b"trueup hold key id");
        mac.finalize().into_bytes().iter().take(ID_BYTES).copied().collect()
    }
}

/// Values by the number of their item.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HeldItems(pub BTreeMap<usize, RegistryData>);

#[derive(Serialize, Deserialize)]
struct WireItem {
    item: usize,
    value_type: u32,
    data: Zeroizing<String>,
}

/// Seals items of a run. `nonce` must be random and never used with this key before.
///
/// # Errors
/// Never for items that fit into memory.
pub fn seal(items: &HeldItems, key: &HoldKey, run: &str, nonce: [u8; NONCE_BYTES]) -> Result<Vec<u8>, HoldError> {
    let wire: Vec<WireItem> = items
        .0
        .iter()
        .map(|(item, data)| WireItem {
            item: *item,
            value_type: data.value_type,
            data: Zeroizing::new(hex(&data.bytes)),
        })
        .collect();
    let plain = Zeroizing::new(serde_json::to_vec(&wire).map_err(|_| HoldError::Seal)?);
    let cipher = XChaCha20Poly1305::new_from_slice(&*key.0).map_err(|_| HoldError::Seal)?;
    let payload = Payload { msg: &plain, aad: run.as_bytes() };
    let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| HoldError::Seal)?;
    Ok([MAGIC, &key.id_bytes(), &nonce, &sealed].concat())
}

/// Opens what [`seal`] made.
///
/// # Errors
/// Another key, another run, or damage.
pub fn open(bytes: &[u8], key: &HoldKey, run: &str) -> Result<HeldItems, HoldError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(HoldError::Form)?;
    let (id, rest) = rest.split_at_checked(ID_BYTES).ok_or(HoldError::Form)?;
    if id != key.id_bytes() {
        return Err(HoldError::OtherKey);
    }
    let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(HoldError::Form)?;
    let cipher = XChaCha20Poly1305::new_from_slice(&*key.0).map_err(|_| HoldError::Damaged)?;
    let payload = Payload { msg: sealed, aad: run.as_bytes() };
    let plain = Zeroizing::new(cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| HoldError::Damaged)?);
    let wire: Vec<WireItem> = serde_json::from_slice(&plain).map_err(|_| HoldError::Damaged)?;
    let items = wire.into_iter().map(|item| {
        let bytes = unhex(&item.data).ok_or(HoldError::Damaged)?;
        Ok((item.item, RegistryData::new(item.value_type, bytes)))
    });
    Ok(HeldItems(items.collect::<Result<_, HoldError>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_and_run_alone() {
        let (key, other) = (HoldKey::new([7; 32]), HoldKey::new([8; 32]));
        let items = HeldItems([(3, RegistryData::sz("Tr0ub4dor")), (9, RegistryData::binary([1, 2]))].into());
        let sealed = seal(&items, &key, "R", [5; NONCE_BYTES]).unwrap();
        assert!(open(&sealed, &key, "R").unwrap() == items);
        assert_eq!(open(&sealed, &other, "R").err(), Some(HoldError::OtherKey));
        assert_eq!(open(&sealed, &key, "S").err(), Some(HoldError::Damaged));
        for at in 0..sealed.len() {
            let mut torn = sealed.clone();
            torn[at] ^= 1;
            assert!(open(&torn, &key, "R").is_err(), "byte {at}");
            assert!(open(&sealed[..at], &key, "R").is_err(), "{at} bytes");
        }
        let wide = RegistryData::sz("Tr0ub4dor").bytes;
        assert!(
            !sealed.windows(9).any(|part| part == b"Tr0ub4dor")
                && !sealed.windows(wide.len()).any(|part| part == &*wide)
        );
    }

    #[test]
    fn a_key_file_reads_back() {
        let key = HoldKey::new([0xa5; 32]);
        assert_eq!(HoldKey::from_text(&key.to_text()).unwrap().id(), key.id());
        assert!(HoldKey::from_text("a5").is_none() && HoldKey::from_text("").is_none());
    }
}

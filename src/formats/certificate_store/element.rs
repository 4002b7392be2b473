//! The element of a certificate in a store, and where it lies in the registry.

use super::StoreBlob;
use super::properties::{FRIENDLY_NAME, KEY_PROVIDER};
use crate::formats::x509::Certificate;
use crate::model::registry::RegistryKey;
use crate::model::thumbprint::Thumbprint;

/// The name of the value that holds a certificate with its properties.
pub const BLOB: &str = "Blob";

/// The key of a certificate below that of its store.
pub fn certificate_key(store: &RegistryKey, thumbprint: &Thumbprint) -> Option<RegistryKey> {
    store.child(&thumbprint.to_string()).ok()
}

/// The bytes of a certificate in a store; what was known of it there is kept.
///
/// # Errors
/// The certificate or the former bytes cannot be read.
pub fn element(
    der: &[u8],
    friendly_name: Option<&str>,
    key: Option<&[u8]>,
    before: Option<&[u8]>,
) -> Result<Vec<u8>, String> {
    let mut blob = match before {
        Some(before) => StoreBlob::parse(before).map_err(|error| error.to_string())?,
        None => {
            let certificate = Certificate::parse(der).map_err(|error| error.to_string())?;
            // Windows hashes something else where the certificate names no identifier, and does so by itself.
            StoreBlob::new(der, certificate.subject_key_id().unwrap_or_default())
        }
    };
    if let Some(name) = friendly_name {
        blob = blob.with_friendly_name(Some(name));
    }
    if let Some(key) = key {
        blob = blob.with_property(KEY_PROVIDER, Some(key.to_vec()));
    }
    Ok(blob.to_bytes())
}

/// What is essential of an element: the certificate, its friendly name and where its key lies. All else Windows adds and takes away
/// by itself. Bytes that are no element are their own essence.
pub fn essence(element: &[u8]) -> Vec<u8> {
    let Ok(blob) = StoreBlob::parse(element) else { return element.to_vec() };
    let name = blob.friendly_name().unwrap_or_default();
    let key = match blob.key_provider() {
        Some(Ok(key)) => key.to_bytes(),
        _ => blob.property(KEY_PROVIDER).unwrap_or_default().to_vec(),
    };
    let mut out = Vec::new();
    for part in [blob.certificate(), name.as_bytes(), &key] {
        out.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// The element as it is now with the friendly name and the record of the key that it had before: what takes a change of these back
/// where Windows has added something else since.
///
/// # Errors
/// One of the two is no element.
pub fn taken_back(found: &[u8], before: &[u8]) -> Result<Vec<u8>, String> {
    let parse = |bytes| StoreBlob::parse(bytes).map_err(|error| error.to_string());
    let (found, before) = (parse(found)?, parse(before)?);
    let key = before.property(KEY_PROVIDER).map(<[u8]>::to_vec);
    let name = before.property(FRIENDLY_NAME).map(<[u8]>::to_vec);
    Ok(found.with_property(KEY_PROVIDER, key).with_property(FRIENDLY_NAME, name).to_bytes())
}

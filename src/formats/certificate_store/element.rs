//! The element of a certificate in a store, and where it lies in the registry.

use super::StoreBlob;
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
pub fn element(der: &[u8], friendly_name: Option<&str>, before: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let blob = match before {
        Some(before) => StoreBlob::parse(before).map_err(|error| error.to_string())?,
        None => {
            let certificate = Certificate::parse(der).map_err(|error| error.to_string())?;
            // Windows hashes something else where the certificate names no identifier, and does so by itself.
            StoreBlob::new(der, certificate.subject_key_id().unwrap_or_default())
        }
    };
    Ok(match friendly_name {
        Some(name) => blob.with_friendly_name(Some(name)).to_bytes(),
        None => blob.to_bytes(),
    })
}

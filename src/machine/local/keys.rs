//! Private keys in the key store of the running system.
//!
//! Each goes to a place whose name follows from its certificate ([`KeyPlace::of`]), not to one that the system makes up: so a run that
//! stopped between two calls leaves no key that nobody knows of.

use zeroize::Zeroizing;

use crate::formats::certificate_store::{KeyPlace, ProviderFamily};
use crate::formats::key_blobs;
use crate::formats::security_descriptor::private_key;
use crate::formats::x509::Certificate;
use crate::machine::windows_api::certificates::{KeyName, has_key};
use crate::machine::windows_api::{WindowsError, key_store, process};
use crate::machine::{MachineKind, WriteError};
use crate::model::fact::{Facet, Observed, Unread};
use crate::model::operation::Operation;
use crate::model::probe::Answer;

fn name(place: &KeyPlace) -> KeyName<'_> {
    KeyName {
        provider: &place.provider,
        provider_type: place.provider_type,
        container: &place.container,
        key_spec: place.record().key_spec,
    }
}

fn unread(place: &KeyPlace, error: WindowsError) -> Unread {
    let what = place.to_string();
    if error.is_unsupported() {
        let machine = MachineKind::Local.to_string();
        return Unread::Unsupported { facet: Facet::KeyStore, machine, detail: format!("{what}: {error}") };
    }
    match error {
        WindowsError::ACCESS_DENIED => {
            Unread::Refused { what, detail: error.to_string(), hint: Some("run trueup as an administrator".into()) }
        }
        error => Unread::Failed { what, detail: error.to_string() },
    }
}

/// Who may do what with a key.
///
/// # Errors
/// The provider does not tell.
pub fn security(place: &KeyPlace) -> Observed<Answer> {
    match key_store::security(name(place)).map_err(|error| unread(place, error))? {
        None => Ok(Answer::Absent),
        Some(bytes) => {
            let list = private_key::access_list(&bytes);
            let failed = |detail| Unread::Failed { what: place.to_string(), detail };
            list.map(|list| Answer::Security(list.into())).map_err(|error| failed(error.to_string()))
        }
    }
}

/// Whether a key is there.
///
/// # Errors
/// The provider does not tell.
pub fn exists(place: &KeyPlace) -> Observed<bool> {
    key_store::exists(name(place)).map_err(|error| unread(place, error))
}

/// Refuses to go on without a key.
///
/// # Errors
/// It is not there, or the provider does not tell.
pub fn require(place: &KeyPlace) -> Result<(), WriteError> {
    let attempt = || format!("bind a certificate to {place}");
    match exists(place) {
        Ok(true) => Ok(()),
        Ok(false) => Err(WriteError::refused(attempt(), "it is not in the key store")),
        Err(unread) => Err(WriteError::failed(attempt(), unread)),
    }
}

/// Puts a key into the key store or takes it out; `pkcs8` is the key that the step puts there.
///
/// # Errors
/// The key store refuses: what was put there by this is gone again.
pub fn change(operation: &Operation, pkcs8: Option<&Zeroizing<Vec<u8>>>) -> Result<(), WriteError> {
    let refused = |detail: String| WriteError::refused(operation.to_string(), detail);
    let place = operation.key_place().ok_or_else(|| refused("the certificate was not made".into()))?;
    let Operation::ImportKey { certificate, exportable, security, .. } = operation else {
        return key_store::delete(name(&place)).map_err(|error| refused(error.to_string()));
    };
    let pkcs8 = pkcs8.ok_or_else(|| refused("its key was not evaluated".into()))?;
    let der = certificate.known().ok_or_else(|| refused("the certificate was not made".into()))?;
    let failed = |detail: String| refused(format!("{}: {detail}", place.provider));
    match place.family() {
        ProviderFamily::Ksp => {
            let blob = key_blobs::cng(pkcs8).map_err(|error| refused(error.to_string()))?;
            key_store::import_cng(name(&place), blob.form, &blob.bytes, *exportable)
        }
        ProviderFamily::Csp => {
            let blob = key_blobs::crypto_api(pkcs8).map_err(|error| refused(error.to_string()))?;
            key_store::import_csp(name(&place), &blob, *exportable)
        }
    }
    .map_err(|error| failed(error.to_string()))?;
    let done = match security {
        Some(wanted) => set_security(&place, &wanted.0),
        None => Ok(()),
    };
    let done = done.and_then(|()| look(&place, &der.0));
    done.map_err(|detail| {
        let gone = key_store::delete(name(&place));
        failed(match gone {
            Ok(()) => detail,
            Err(error) => format!("{detail}; it is still there: {error}"),
        })
    })
}

/// Looks whether a key that was put there is that of its certificate, as programs find it that use the certificate.
fn look(place: &KeyPlace, der: &[u8]) -> Result<(), String> {
    let failed = |detail: String| format!("it is not found as the certificate's after it was put there: {detail}");
    if place.family() == ProviderFamily::Csp {
        let certificate = Certificate::parse(der).map_err(|error| failed(error.to_string()))?;
        let is_it = key_store::is_key_of(name(place), certificate.public_key().der());
        if !is_it.map_err(|error| failed(error.to_string()))? {
            return Err(failed("it is another one".into()));
        }
        // Wine looks for the keys of certificates among those of the user, wherever they are.
        if process::is_wine() {
            return Ok(());
        }
    }
    has_key(der, name(place)).map_err(|error| failed(error.to_string()))
}

/// Replaces the access list of a key, and looks.
///
/// # Errors
/// What is wrong.
pub fn set_security(place: &KeyPlace, wanted: &[u8]) -> Result<(), String> {
    key_store::set_security(name(place), wanted).map_err(|error| format!("who may read it cannot be said: {error}"))?;
    match security(place).map_err(|unread| unread.to_string())? {
        Answer::Security(found) if *found == *wanted => Ok(()),
        _ => Err("the system said that it has set who may read it, and it has not".into()),
    }
}

//! Certificates in the stores of the running system. What a store holds is read from the registry, as on every machine; only writing
//! goes through CryptoAPI, which tells whoever uses the store.

use crate::formats::certificate_store::{KeyPlace, Location, StorePlace};
use crate::machine::WriteError;
use crate::machine::local::keys;
use crate::machine::lower::element_after;
use crate::machine::windows_api::certificates::{self, Owner};
use crate::machine::windows_api::{WindowsError, process};
use crate::model::certificate::KeyBinding;
use crate::model::operation::Operation;
use crate::model::thumbprint::Thumbprint;

/// Puts a certificate into a store, or takes it out.
///
/// # Errors
/// CryptoAPI refuses, or the key that the certificate is to be bound to is not there.
pub fn change(operation: &Operation) -> Result<(), WriteError> {
    let failed = |store: &StorePlace, error: WindowsError| {
        let detail = match store.location {
            Location::LocalMachineGroupPolicy => format!("{error} (group policy writes these stores, nobody else)"),
            _ => error.to_string(),
        };
        WriteError::refused(operation.to_string(), detail)
    };
    match operation {
        Operation::PutCertificate { store, certificate, key, .. } => {
            let print = certificate.thumbprint();
            if let (Some(KeyBinding::Imported(family)), Some(print)) = (key, &print) {
                keys::require(&KeyPlace::of(*family, print))?;
            }
            let element = element_after(operation)?;
            let (owner, name) = place(store);
            // Wine leaves the properties that it has of a certificate as they are.
            if let (Some(print), true) = (&print, process::is_wine()) {
                certificates::remove(owner, &name, sha1(print)).map_err(|error| failed(store, error))?;
            }
            certificates::put(owner, &name, &element).map_err(|error| failed(store, error))
        }
        Operation::RemoveCertificate { store, thumbprint, .. } => {
            let (owner, name) = place(store);
            certificates::remove(owner, &name, sha1(thumbprint)).map_err(|error| failed(store, error))
        }
        other => Err(WriteError::refused(other.to_string(), "it changes no store")),
    }
}

fn sha1(thumbprint: &Thumbprint) -> &[u8] {
    thumbprint.bytes()
}

/// How CryptoAPI names a store.
fn place(store: &StorePlace) -> (Owner, String) {
    let name = store.store.to_string();
    match &store.location {
        Location::LocalMachine => (Owner::Machine, name),
        Location::LocalMachineGroupPolicy => (Owner::GroupPolicy, name),
        Location::LocalMachineEnterprise => (Owner::Enterprise, name),
        Location::CurrentUser => (Owner::User, name),
        Location::Service(service) => (Owner::Service, format!("{service}\\{name}")),
    }
}

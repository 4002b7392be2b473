//! Reads a file, folder, certificate or key again that a step has put or removed.

use crate::formats::certificate_store::{StoreBlob, element, essence};
use crate::formats::edit;
use crate::kinds::answer::holds;
use crate::machine::{FileRead, Listed, Machine, Step, element_of};
use crate::model::file::{FilePath, MAX_FILE_BYTES};
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe};

/// Compares the machine with what a step promised.
///
/// # Errors
/// What is wrong, without any of a secret.
pub fn check(machine: &dyn Machine, step: &Step<'_>) -> Result<(), String> {
    let names =
        |path: &FilePath| machine.files().and_then(|files| files.names(path)).map_err(|unread| unread.to_string());
    match step.operation {
        Operation::CreateFolder { path } => match names(path)? {
            Listed::Names(_) => Ok(()),
            _ => Err("the folder is not there after it was made".into()),
        },
        Operation::RemoveFolder { path } | Operation::RemoveFile { path, .. } => match names(path)? {
            Listed::Absent { .. } => Ok(()),
            _ => Err("it is still there".into()),
        },
        Operation::PutFile { path, content, .. } => {
            let files = machine.files().map_err(|unread| unread.to_string())?;
            match files.read(path, MAX_FILE_BYTES).map_err(|unread| unread.to_string())? {
                FileRead::Absent { .. } => Err("it is not there after it was written".into()),
                FileRead::Present { bytes, .. } if step.bytes.as_ref().is_some_and(|wanted| *wanted != bytes) => {
                    Err("it does not read back as written".into())
                }
                FileRead::Present { owner_only: Some(false), .. } if content.is_sealed() => {
                    Err("others than its owner may read it".into())
                }
                FileRead::Present { .. } => Ok(()),
            }
        }
        Operation::CreateFile { path } => match names(path)? {
            Listed::File => Ok(()),
            _ => Err("the file is not there after it was made".into()),
        },
        Operation::EditFile { path, selector, .. } => {
            let files = machine.files().map_err(|unread| unread.to_string())?;
            let bytes = match files.read(path, MAX_FILE_BYTES).map_err(|unread| unread.to_string())? {
                FileRead::Absent { .. } => return Err("the file is not there after it was edited".into()),
                FileRead::Present { bytes, .. } => bytes,
            };
            let found = edit::read(&bytes, selector).map_err(|error| error.to_string())?;
            if edit::is_same(found.as_ref(), step.value.as_ref()) {
                Ok(())
            } else {
                Err("it does not read back as written".into())
            }
        }
        Operation::Adjust { what, after, .. } => {
            let found = machine.probe(what).map_err(|unread| unread.to_string())?;
            if holds(&found, after) {
                Ok(())
            } else {
                Err(format!("it is {found} after it was changed, and not {after}"))
            }
        }
        Operation::PutCertificate { store, certificate, friendly_name, key, before, exact } => {
            let thumbprint = certificate.thumbprint().ok_or("it was not made")?;
            let found = element_of(machine, store, &thumbprint).map_err(|unread| unread.to_string())?;
            let found = found.ok_or("it is not in the store after it was put there")?;
            let wanted = match (exact, certificate.known()) {
                (Some(exact), _) => exact.0.to_vec(),
                (None, Some(der)) => {
                    let key = key.as_ref().map(|key| key.record(&thumbprint));
                    let before = before.as_ref().map(|before| &*before.0);
                    element(&der.0, friendly_name.as_deref(), key.as_deref(), before)?
                }
                (None, None) => return Err("it was not made".into()),
            };
            let parse = |bytes: &[u8]| StoreBlob::parse(bytes).map_err(|error| error.to_string());
            // Windows adds what it computes; what is promised it keeps.
            let holds = *found.0 == *wanted || parse(&found.0)?.holds(&parse(&wanted)?);
            let is_essential = essence(&found.0) == essence(&wanted);
            if holds && is_essential { Ok(()) } else { Err("it does not read back as written".into()) }
        }
        Operation::ImportKey { .. } | Operation::RemoveKey { .. } => {
            let place = step.operation.key_place().ok_or("it was not made")?;
            let is_wanted = matches!(step.operation, Operation::ImportKey { .. });
            let found = machine.probe(&Probe::KeySecurity { place }).map_err(|unread| unread.to_string())?;
            match (found, is_wanted) {
                (Answer::Absent, true) => Err("it is not in the key store after it was put there".into()),
                (Answer::Absent, false) => Ok(()),
                (_, false) => Err("it is still in the key store".into()),
                (Answer::Security(found), true) => match step.operation {
                    Operation::ImportKey { security: Some(wanted), .. } if *wanted.0 != *found => {
                        Err("others may read it than were to".into())
                    }
                    _ => Ok(()),
                },
                (_, true) => Ok(()),
            }
        }
        Operation::RemoveCertificate { store, thumbprint, .. } => {
            match element_of(machine, store, thumbprint).map_err(|unread| unread.to_string())? {
                None => Ok(()),
                Some(_) => Err("it is still in the store".into()),
            }
        }
        _ => Ok(()),
    }
}

//! Reads a file, folder or certificate again that a step has put or removed.

use crate::formats::certificate_store::element;
use crate::formats::edit;
use crate::kinds::answer::holds;
use crate::machine::{FileRead, Listed, Machine, Step, element_of};
use crate::model::file::{FilePath, MAX_FILE_BYTES};
use crate::model::operation::Operation;

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
        Operation::PutCertificate { store, certificate, friendly_name, before, exact } => {
            let thumbprint = certificate.thumbprint().ok_or("it was not made")?;
            let found = element_of(machine, store, &thumbprint).map_err(|unread| unread.to_string())?;
            let found = found.ok_or("it is not in the store after it was put there")?;
            let wanted = match (exact, certificate.known()) {
                (Some(exact), _) => exact.0.to_vec(),
                (None, Some(der)) => {
                    let before = before.as_ref().map(|before| &*before.0);
                    element(&der.0, friendly_name.as_deref(), before)?
                }
                (None, None) => return Err("it was not made".into()),
            };
            if *found.0 == *wanted { Ok(()) } else { Err("it does not read back as written".into()) }
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

//! Who may do what with files and folders of the running system.

use super::drives::Drives;
use crate::formats::security_descriptor::SecurityDescriptor;
use crate::kinds::answer::holds;
use crate::machine::volume::VolumeError;
use crate::machine::volume_files::Places as _;
use crate::machine::{WriteError, chain};
use crate::model::fact::{Observed, Unread};
use crate::model::file::FilePath;
use crate::model::probe::Answer;

/// The descriptor of a file or folder, as its file system keeps it.
pub fn find(drives: &Drives, path: &FilePath) -> Observed<Answer> {
    let what = || format!("the security of {path}");
    let (volume, place) = drives.place(path)?;
    let unread = |error: VolumeError| match &error {
        VolumeError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Unread::Refused { what: what(), detail: chain(&error), hint: Some("run trueup as an administrator".into()) }
        }
        _ => Unread::Failed { what: what(), detail: chain(&error) },
    };
    let Some(found) = volume.security(&place).map_err(unread)? else { return Ok(Answer::Absent) };
    let bytes = found.of_file().to_bytes();
    bytes.map(|bytes| Answer::Security(bytes.into())).map_err(|error| unread_bytes(what(), &error))
}

fn unread_bytes(what: String, error: &dyn std::error::Error) -> Unread {
    Unread::Failed { what, detail: error.to_string() }
}

/// Gives a file or folder the access list of a descriptor, and its owner and group where it names others, and looks whether it has them.
///
/// # Errors
/// It is not what the plan found, the system refuses, or says that it did so and did not.
pub fn set(path: &FilePath, before: &Answer, after: &Answer) -> Result<(), WriteError> {
    let attempt = || format!("set who may do what with {path}");
    let unread = |unread: Unread| WriteError::failed(attempt(), unread);
    let refused = |detail: &str| WriteError::refused(attempt(), detail);
    let Answer::Security(bytes) = after else { return Err(refused("a file without a descriptor there is not")) };
    let wanted = SecurityDescriptor::parse(bytes).map_err(|error| WriteError::failed(attempt(), error))?;
    let drives = Drives::open().map_err(unread)?;
    let found = find(&drives, path).map_err(unread)?;
    if holds(&found, after) {
        return Ok(());
    }
    // What the run has made has whatever it inherited.
    if *before != Answer::Absent && !holds(&found, before) {
        return Err(refused("somebody else has changed it since"));
    }
    let (volume, place) = drives.place(path).map_err(unread)?;
    volume.set_security(&place, &wanted).map_err(|error| WriteError::failed(attempt(), error))?;
    if holds(&find(&drives, path).map_err(unread)?, after) {
        return Ok(());
    }
    Err(refused("the system says that it did so, and the access list or the owner is another one"))
}

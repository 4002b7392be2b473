//! The files of a volume by the paths that Windows has for them.

use zeroize::Zeroizing;

use super::volume::{EntryKind, VolumeError, VolumePath, VolumePathError, is_temporary};
use super::{ImageMachine, chain};
use crate::machine::{FOLDER_STATE, FileRead, FileReader, Listed, MachineKind, file_state};
use crate::model::fact::{Facet, Observed, Unread};
use crate::model::file::{FilePath, MAX_FILE_BYTES};

/// The place of a path on the volume.
///
/// # Errors
/// [`Unread::Unsupported`] where a running machine may have the place and the volume has not, else why it is no path.
pub fn locate(path: &FilePath) -> Observed<VolumePath> {
    // A drive without names is its root.
    let text = if path.parent().is_none() { format!("{path}\\") } else { path.to_string() };
    VolumePath::on_drive(&text, 'C').map_err(|error| match error {
        VolumePathError::OtherDrive { .. } | VolumePathError::UnknownVariable { .. } => Unread::Unsupported {
            facet: Facet::Files,
            machine: MachineKind::Image.to_string(),
            detail: format!("{path}: {error}"),
        },
        error => Unread::Failed { what: path.to_string(), detail: error.to_string() },
    })
}

/// What tells the state of a path from others.
pub fn state(machine: &ImageMachine, path: &FilePath) -> Observed<Option<String>> {
    let place = locate(path)?;
    let failed = |error| Unread::Failed { what: path.to_string(), detail: chain(&error) };
    match machine.volume.metadata(&place).map_err(failed)? {
        None => Ok(None),
        Some(metadata) if metadata.kind == EntryKind::Folder => Ok(Some(FOLDER_STATE.to_owned())),
        Some(_) => {
            let bytes = machine.volume.read(&place, MAX_FILE_BYTES).map_err(failed)?.map(Zeroizing::new);
            let key = super::record::fingerprint_key(&machine.volume)?;
            bytes.map(|bytes| file_state(key.as_ref(), &bytes)).transpose()
        }
    }
}

/// How many folders above a place would have to be made for a file in it; the record's own folder is made with the lock.
fn missing_folders(machine: &ImageMachine, place: &VolumePath) -> Result<usize, VolumeError> {
    let missing = machine.volume.missing_folders(place)?;
    let Ok(record) = super::path(super::record::FOLDER) else { return Ok(missing) };
    let is_inside = place.components().count() > record.components().count()
        && place.components().zip(record.components()).all(|(a, b)| crate::formats::upcase::eq(a, b));
    let below = place.components().count().saturating_sub(record.components().count() + 1);
    Ok(if is_inside { missing.min(below) } else { missing })
}

/// Whether only its owner may read a file; `None` where the volume keeps no modes, which trueup's own files show.
fn owner_only(machine: &ImageMachine, place: &VolumePath) -> Result<Option<bool>, VolumeError> {
    let own = super::path(super::record::LOCK).ok();
    let is_kept = own.map(|own| machine.volume.is_owner_only(&own)).transpose()?.flatten();
    Ok(machine.volume.is_owner_only(place)?.filter(|is_owner_only| *is_owner_only || is_kept != Some(false)))
}

impl FileReader for ImageMachine {
    fn read(&self, path: &FilePath, limit: u64) -> Observed<FileRead> {
        let place = locate(path)?;
        let failed = |error| Unread::Failed { what: path.to_string(), detail: chain(&error) };
        match self.volume.read(&place, limit).map_err(failed)? {
            None => Ok(FileRead::Absent { missing_folders: missing_folders(self, &place).map_err(failed)? }),
            Some(bytes) => {
                let owner_only = owner_only(self, &place).map_err(failed)?;
                Ok(FileRead::Present { bytes: Zeroizing::new(bytes), owner_only })
            }
        }
    }

    fn names(&self, path: &FilePath) -> Observed<Listed> {
        let place = locate(path)?;
        let failed = |error| Unread::Failed { what: path.to_string(), detail: chain(&error) };
        match self.volume.metadata(&place).map_err(failed)? {
            None => Ok(Listed::Absent { missing_folders: missing_folders(self, &place).map_err(failed)? }),
            Some(metadata) if metadata.kind == EntryKind::Folder => {
                let entries = self.volume.list(&place).map_err(failed)?.unwrap_or_default();
                // What an interrupted replacement left goes with the next one.
                let names = entries.iter().map(|entry| entry.name.to_string_lossy()).filter(|name| !is_temporary(name));
                Ok(Listed::Names(names.map(Into::into).collect()))
            }
            Some(_) => Ok(Listed::File),
        }
    }
}

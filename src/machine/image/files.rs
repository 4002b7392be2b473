//! The files of a volume by the paths that Windows has for them.

use std::cell::RefCell;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::volume::{EntryKind, Visited, VolumeError, VolumePath, VolumePathError, is_temporary};
use super::{ImageMachine, chain};
use crate::machine::{FOLDER_STATE, FileRead, FileReader, Listed, MachineKind, file_state};
use crate::model::fact::{Facet, Observed, Unread};
use crate::model::file::{ContentDigest, FileDigest, FilePath, MAX_FILE_BYTES};
use crate::model::file_tree::{Tree, TreeLimits};

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

/// How many folders above a place would have to be made for a file in it.
fn missing_folders(machine: &ImageMachine, place: &VolumePath) -> Result<usize, VolumeError> {
    Ok(to_be_made(place, machine.volume.missing_folders(place)?))
}

/// Of the folders missing above a place, those that are not made with the lock, as the record's own folder is.
fn to_be_made(place: &VolumePath, missing: usize) -> usize {
    let Ok(record) = super::path(super::record::FOLDER) else { return missing };
    let is_inside = place.components().count() > record.components().count()
        && place.components().zip(record.components()).all(|(a, b)| crate::formats::upcase::eq(a, b));
    let below = place.components().count().saturating_sub(record.components().count() + 1);
    if is_inside { missing.min(below) } else { missing }
}

/// Whether only its owner may read a file; `None` where the volume keeps no modes, which trueup's own files show.
fn owner_only(machine: &ImageMachine, place: &VolumePath) -> Result<Option<bool>, VolumeError> {
    let has_modes = has_modes(machine)?;
    Ok(machine.volume.is_owner_only(place)?.filter(|is_owner_only| *is_owner_only || has_modes))
}

/// Whether the volume keeps modes, as far as trueup's own files show.
fn has_modes(machine: &ImageMachine) -> Result<bool, VolumeError> {
    let own = super::path(super::record::LOCK).ok();
    let is_kept = own.map(|own| machine.volume.is_owner_only(&own)).transpose()?.flatten();
    Ok(is_kept != Some(false))
}

/// How much of a file is in memory while it is digested.
const CHUNK_BYTES: usize = 256 << 10;

thread_local! {
    /// Each thread's own, wiped when the thread ends.
    static CHUNK: RefCell<Zeroizing<Vec<u8>>> = RefCell::default();
}

/// The digest of an open file's bytes, and how many they are; `length` when it was opened.
fn digest_of(
    place: &VolumePath,
    mut file: impl Read,
    length: u64,
    limit: u64,
) -> Result<(u64, ContentDigest), VolumeError> {
    CHUNK.with_borrow_mut(|chunk| {
        chunk.resize(CHUNK_BYTES, 0);
        let mut digest = Sha256::new();
        let mut size = 0_u64;
        loop {
            let count = match file.read(chunk) {
                Ok(0) => return Ok((size, ContentDigest(digest.finalize().into()))),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(VolumeError::Io { attempt: "reading", path: place.clone(), source }),
            };
            size = size.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            if size > limit {
                return Err(VolumeError::TooLarge { path: place.clone(), limit });
            }
            digest.update(chunk.get(..count).unwrap_or_default());
            if size == length {
                return Ok((size, ContentDigest(digest.finalize().into())));
            }
        }
    })
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

    fn tree(&self, folder: &FilePath, limits: TreeLimits) -> Observed<Tree> {
        let place = locate(folder)?;
        let failed = |error| Unread::Failed { what: folder.to_string(), detail: chain(&error) };
        match self.volume.metadata(&place).map_err(failed)? {
            Some(metadata) if metadata.kind != EntryKind::Folder => return Ok(Tree::File),
            Some(_) => {
                if let Some(tree) = self.volume.tree(&place, limits).map_err(failed)? {
                    return Ok(tree);
                }
            }
            None => {}
        }
        Ok(Tree::Absent { missing_folders: missing_folders(self, &place).map_err(failed)? })
    }

    fn digests(&self, paths: &[FilePath], limit: u64) -> Vec<Observed<FileDigest>> {
        let places: Vec<Observed<VolumePath>> = paths.iter().map(locate).collect();
        let known: Vec<VolumePath> = places.iter().flatten().cloned().collect();
        let modes = has_modes(self);
        let has_modes = *modes.as_ref().unwrap_or(&true);
        let mut found = self
            .volume
            .visit(&known, &|place, visited| {
                Ok(match visited {
                    Visited::Missing { folders } => FileDigest::Absent { missing_folders: to_be_made(place, folders) },
                    Visited::Folder => FileDigest::Folder,
                    Visited::File { file, length, is_owner_only } => {
                        let (size, sha256) = digest_of(place, file, length, limit)?;
                        let owner_only = is_owner_only.filter(|is_owner_only| *is_owner_only || has_modes);
                        FileDigest::File { size, sha256, owner_only }
                    }
                })
            })
            .into_iter();
        let answer = |(path, place): (&FilePath, Observed<VolumePath>)| {
            let failed = |error: &VolumeError| Unread::Failed { what: path.to_string(), detail: chain(error) };
            place?;
            let missed = || Unread::Failed { what: path.to_string(), detail: "it was not looked at".into() };
            let digest = found.next().ok_or_else(missed)?.map_err(|error| failed(&error))?;
            match (&digest, &modes) {
                (FileDigest::File { .. }, Err(error)) => Err(failed(error)),
                _ => Ok(digest),
            }
        };
        paths.iter().zip(places).map(answer).collect()
    }
}

//! The files of a machine whose drives are volumes, by the paths that Windows has for them.

use std::cell::RefCell;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::volume::{EntryKind, Visited, Volume, VolumeError, VolumePath, VolumePathError};
use super::{FOLDER_STATE, FileRead, Listed, MachineKind, WriteError, chain, file_state, kept};
use crate::model::fact::{Facet, Observed, Unread};
use crate::model::file::{ContentDigest, FileDigest, FilePath, MAX_FILE_BYTES};
use crate::model::file_tree::{Tree, TreeLimits};
use crate::model::own_name::is_own;

/// Where the files of a machine lie.
pub trait Places {
    /// The volume and the place on it.
    ///
    /// # Errors
    /// [`Unread::Unsupported`] where another machine may have the place and this one has not, else why it is no path.
    fn place(&self, path: &FilePath) -> Observed<(&Volume, VolumePath)>;

    /// The volume with trueup's record.
    fn home(&self) -> &Volume;

    /// Who keeps a file from being replaced or removed, and what helps, where that is why it failed and the system tells.
    fn in_use(&self, _path: &FilePath, _error: &VolumeError) -> Option<String> {
        None
    }

    /// Removes what was laid beside files of a folder and waits for nothing any more; what cannot be removed stays.
    fn tidy(&self, _folder: &FilePath) {}

    /// Has the next start remove a file, or put in its place the one that lies beside it.
    ///
    /// # Errors
    /// The machine does not start, or does not say afterwards that it will do so.
    fn at_next_start(&self, path: &FilePath, _with: Option<&VolumePath>) -> Result<(), WriteError> {
        Err(WriteError::refused(format!("have the next start change {path}"), "this machine does not start"))
    }
}

/// The place of a path on the volume that is a drive.
///
/// # Errors
/// As [`Places::place`].
pub fn locate(path: &FilePath, drive: char) -> Observed<VolumePath> {
    // A drive without names is its root.
    let text = if path.parent().is_none() { format!("{path}\\") } else { path.to_string() };
    VolumePath::on_drive(&text, drive).map_err(|error| match error {
        VolumePathError::OtherDrive { .. } | VolumePathError::UnknownVariable { .. } => Unread::Unsupported {
            facet: Facet::Files,
            machine: MachineKind::Image.to_string(),
            detail: format!("{path}: {error}"),
        },
        error => Unread::Failed { what: path.to_string(), detail: error.to_string() },
    })
}

/// What tells the state of a path from others.
pub fn state(machine: &dyn Places, path: &FilePath) -> Observed<Option<String>> {
    let (volume, place) = machine.place(path)?;
    let failed = |error| Unread::Failed { what: path.to_string(), detail: chain(&error) };
    match volume.metadata(&place).map_err(failed)? {
        None => Ok(None),
        Some(metadata) if metadata.kind == EntryKind::Folder => Ok(Some(FOLDER_STATE.to_owned())),
        Some(_) => {
            let bytes = volume.read(&place, MAX_FILE_BYTES).map_err(failed)?.map(Zeroizing::new);
            let key = kept::fingerprint_key(machine.home())?;
            bytes.map(|bytes| file_state(key.as_ref(), &bytes)).transpose()
        }
    }
}

/// How many folders above a place would have to be made for a file in it.
fn missing_folders(volume: &Volume, place: &VolumePath) -> Result<usize, VolumeError> {
    Ok(to_be_made(place, volume.missing_folders(place)?))
}

/// Of the folders missing above a place, those that are not made with the lock, as the record's own folder is.
fn to_be_made(place: &VolumePath, missing: usize) -> usize {
    let Ok(record) = kept::path(kept::FOLDER) else { return missing };
    let is_inside = place.components().count() > record.components().count()
        && place.components().zip(record.components()).all(|(a, b)| crate::formats::upcase::eq(a, b));
    let below = place.components().count().saturating_sub(record.components().count() + 1);
    if is_inside { missing.min(below) } else { missing }
}

/// Whether only its owner may read a file; `None` where the volume keeps no modes, which trueup's own files show.
fn owner_only(volume: &Volume, home: &Volume, place: &VolumePath) -> Result<Option<bool>, VolumeError> {
    let has_modes = has_modes(home)?;
    Ok(volume.is_owner_only(place)?.filter(|is_owner_only| *is_owner_only || has_modes))
}

/// Whether the volume keeps modes, as far as trueup's own files show.
fn has_modes(home: &Volume) -> Result<bool, VolumeError> {
    let own = kept::path(kept::LOCK).ok();
    let is_kept = own.map(|own| home.is_owner_only(&own)).transpose()?.flatten();
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

/// As [`super::FileReader::read`].
pub fn read(machine: &dyn Places, path: &FilePath, limit: u64) -> Observed<FileRead> {
    let (volume, place) = machine.place(path)?;
    let failed = |error| Unread::Failed { what: path.to_string(), detail: chain(&error) };
    match volume.read(&place, limit).map_err(failed)? {
        None => Ok(FileRead::Absent { missing_folders: missing_folders(volume, &place).map_err(failed)? }),
        Some(bytes) => {
            let owner_only = owner_only(volume, machine.home(), &place).map_err(failed)?;
            Ok(FileRead::Present { bytes: Zeroizing::new(bytes), owner_only })
        }
    }
}

/// As [`super::FileReader::names`].
pub fn names(machine: &dyn Places, path: &FilePath) -> Observed<Listed> {
    let (volume, place) = machine.place(path)?;
    let failed = |error| Unread::Failed { what: path.to_string(), detail: chain(&error) };
    match volume.metadata(&place).map_err(failed)? {
        None => Ok(Listed::Absent { missing_folders: missing_folders(volume, &place).map_err(failed)? }),
        Some(metadata) if metadata.kind == EntryKind::Folder => {
            let entries = volume.list(&place).map_err(failed)?.unwrap_or_default();
            // What an interrupted replacement left goes with the next one, what waits for the next start with that.
            let names = entries.iter().map(|entry| entry.name.to_string_lossy());
            let names = names.filter(|name| !is_own(name));
            Ok(Listed::Names(names.map(Into::into).collect()))
        }
        Some(_) => Ok(Listed::File),
    }
}

/// As [`super::FileReader::tree`].
pub fn tree(machine: &dyn Places, folder: &FilePath, limits: TreeLimits) -> Observed<Tree> {
    let (volume, place) = machine.place(folder)?;
    let failed = |error| Unread::Failed { what: folder.to_string(), detail: chain(&error) };
    match volume.metadata(&place).map_err(failed)? {
        Some(metadata) if metadata.kind != EntryKind::Folder => return Ok(Tree::File),
        Some(_) => {
            if let Some(tree) = volume.tree(&place, limits).map_err(failed)? {
                return Ok(tree);
            }
        }
        None => {}
    }
    Ok(Tree::Absent { missing_folders: missing_folders(volume, &place).map_err(failed)? })
}

/// As [`super::FileReader::digests`].
pub fn digests(machine: &dyn Places, paths: &[FilePath], limit: u64) -> Vec<Observed<FileDigest>> {
    let places: Vec<Observed<(&Volume, VolumePath)>> = paths.iter().map(|path| machine.place(path)).collect();
    let modes = has_modes(machine.home());
    let has_modes = *modes.as_ref().unwrap_or(&true);
    // One volume after the other; most machines are asked about one.
    let mut volumes: Vec<(&Volume, Vec<VolumePath>)> = Vec::new();
    for (volume, place) in places.iter().flatten() {
        match volumes.iter_mut().find(|(known, _)| std::ptr::eq(*known, *volume)) {
            Some((_, known)) => known.push(place.clone()),
            None => volumes.push((volume, vec![place.clone()])),
        }
    }
    let visit = |(volume, places): (&Volume, Vec<VolumePath>)| {
        let found = volume.visit(&places, &|place, visited| {
            Ok(match visited {
                Visited::Missing { folders } => FileDigest::Absent { missing_folders: to_be_made(place, folders) },
                Visited::Folder => FileDigest::Folder,
                Visited::File { file, length, is_owner_only } => {
                    let (size, sha256) = digest_of(place, file, length, limit)?;
                    let owner_only = is_owner_only.filter(|is_owner_only| *is_owner_only || has_modes);
                    FileDigest::File { size, sha256, owner_only }
                }
            })
        });
        (std::ptr::from_ref(volume), found.into_iter())
    };
    let mut found: Vec<_> = volumes.into_iter().map(visit).collect();
    let answer = |(path, place): (&FilePath, Observed<(&Volume, VolumePath)>)| {
        let failed = |error: &VolumeError| Unread::Failed { what: path.to_string(), detail: chain(error) };
        let (volume, _) = place?;
        let missed = || Unread::Failed { what: path.to_string(), detail: "it was not looked at".into() };
        let found = found.iter_mut().find(|(known, _)| std::ptr::eq(*known, volume));
        let digest = found.and_then(|(_, found)| found.next()).ok_or_else(missed)?.map_err(|error| failed(&error))?;
        match (&digest, &modes) {
            (FileDigest::File { .. }, Err(error)) => Err(failed(error)),
            _ => Ok(digest),
        }
    };
    paths.iter().zip(places).map(answer).collect()
}

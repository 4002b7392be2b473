//! The files of an offline Windows volume unpacked at a folder: found as Windows would, never outside the folder.
//!
//! The volume may be hostile. Every path is walked name by name through open folders; symbolic links are refused, not
//! followed; only regular files are opened. Folders are read each time: what is known of them lives no longer than one call.

mod disk;
mod lock;
mod many;
mod path;
#[cfg(windows)]
mod security;
#[cfg(test)]
mod tests;
mod tree;
mod write;

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::fs::{Dir, File, FileType, OpenOptions};

pub use disk::{Access, Disk, RealDisk};
pub use lock::{Lock, LockError};
pub use many::Visited;
pub use path::{VolumePath, VolumePathError};
pub use write::{Appender, is_in_use};

use crate::model::file_tree::TreeLimit;

/// The most entries of one folder that are read.
const MAX_ENTRIES: usize = 1_000_000;

/// An offline volume at a folder.
#[derive(Debug)]
pub struct Volume {
    root: Dir,
    disk: Arc<dyn Disk>,
    /// Held while a file is replaced, so that one replacement does not take another's temporary file for a leftover.
    replacing: Mutex<()>,
}

/// Something found on the volume, by the names it is stored under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The path in the spelling of the volume.
    pub path: VolumePath,
    /// What it is.
    pub kind: EntryKind,
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name as stored; not every name is text.
    pub name: OsString,
    /// What it is.
    pub kind: EntryKind,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link or junction; trueup goes no further.
    Link,
    /// A pipe, socket or device.
    Other,
}

/// Size and time of a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What it is; never a link.
    pub kind: EntryKind,
    /// Bytes.
    pub len: u64,
    /// Last written, where the host knows it.
    pub modified: Option<SystemTime>,
}

/// What could not be done on a volume.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The folder of the volume cannot be opened.
    #[error("opening the volume at {}", folder.display())]
    Open {
        /// As the user gave it.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The host refused.
    #[error("{attempt} {path} on the volume")]
    Io {
        /// What was attempted: "reading".
        attempt: &'static str,
        /// On what.
        path: VolumePath,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A link stands in the way.
    #[error("{path} is a symbolic link; links on an offline volume are not followed")]
    Link {
        /// The link.
        path: VolumePath,
    },
    /// Something other than a regular file.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// What is not.
        path: VolumePath,
    },
    /// Something other than a folder.
    #[error("{path} is not a folder")]
    NotAFolder {
        /// What is not.
        path: VolumePath,
    },
    /// It has to be there and is not.
    #[error("{path} does not exist on the volume")]
    Missing {
        /// What is missing.
        path: VolumePath,
    },
    /// Two names Windows would take for one.
    #[error("{path} is ambiguous: {first:?} and {second:?} differ only in case")]
    Ambiguous {
        /// What was looked for.
        path: VolumePath,
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
    /// A file larger than the caller takes.
    #[error("{path} is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The file.
        path: VolumePath,
        /// The most bytes.
        limit: u64,
    },
    /// A name that cannot be written down, and so not be asked for.
    #[error("the name of {path} is not text")]
    NotText {
        /// With what can be shown of the name.
        path: VolumePath,
    },
    /// More below a folder than is looked at.
    #[error("{path}: {limit}")]
    Tree {
        /// The folder that was too much.
        path: VolumePath,
        /// What it exceeds.
        limit: TreeLimit,
    },
    /// A folder with more names than are read.
    #[error("{path} holds more than {MAX_ENTRIES} names")]
    TooManyEntries {
        /// The folder.
        path: VolumePath,
    },
}

/// How exactly the stored name has to be known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// A name that opens the entry will do.
    Any,
    /// The name as it stands in the folder: a host that ignores case opens it by others too.
    AsStored,
}

impl Volume {
    /// Opens the volume at a folder.
    ///
    /// # Errors
    /// The folder does not open.
    pub fn open(folder: &Path) -> Result<Self, VolumeError> {
        Self::open_with(folder, Arc::new(RealDisk))
    }

    /// Opens the volume at a folder; all writes go through `disk`.
    ///
    /// # Errors
    /// The folder does not open.
    pub fn open_with(folder: &Path, disk: Arc<dyn Disk>) -> Result<Self, VolumeError> {
        let root = Dir::open_ambient_dir(folder, cap_std::ambient_authority())
            .map_err(|source| VolumeError::Open { folder: folder.to_owned(), source })?;
        Ok(Self { root, disk, replacing: Mutex::new(()) })
    }

    /// Finds a file or folder as Windows would, case aside, and says under which names it is stored.
    ///
    /// # Errors
    /// A link stands in the way, a name is ambiguous, or the host refuses.
    pub fn find(&self, path: &VolumePath) -> Result<Option<Found>, VolumeError> {
        let mut folder = self.root_folder(path)?;
        let mut found = Found { path: VolumePath::root(), kind: EntryKind::Folder };
        for (position, name) in path.components().enumerate() {
            if position > 0 {
                let Some(next) = enter(&folder, &found)? else {
                    return Ok(None);
                };
                folder = next;
            }
            let Some(entry) = lookup(&folder, &found.path, name, Spelling::AsStored)? else {
                return Ok(None);
            };
            found = entry;
        }
        Ok(Some(found))
    }

    /// Reads at most the first `count` bytes of a file.
    ///
    /// # Errors
    /// As [`Volume::find`]; it is not a regular file.
    pub fn read_head(&self, path: &VolumePath, count: u64) -> Result<Option<Vec<u8>>, VolumeError> {
        self.read_part(path, |_| 0, count)
    }

    /// Reads at most the last `count` bytes of a file.
    ///
    /// # Errors
    /// As [`Volume::find`]; it is not a regular file.
    pub fn read_tail(&self, path: &VolumePath, count: u64) -> Result<Option<Vec<u8>>, VolumeError> {
        self.read_part(path, |length| length.saturating_sub(count), count)
    }

    fn read_part(
        &self,
        path: &VolumePath,
        start: impl FnOnce(u64) -> u64,
        count: u64,
    ) -> Result<Option<Vec<u8>>, VolumeError> {
        let Some((folder, found)) = self.locate(path, Spelling::Any)? else {
            return Ok(None);
        };
        let mut file = open_file(&folder, &found, OpenOptions::new().read(true))?;
        let length = file.metadata().map_err(failed("reading", path))?.len();
        file.seek(io::SeekFrom::Start(start(length))).map_err(failed("reading", path))?;
        let mut bytes = Vec::new();
        file.take(count).read_to_end(&mut bytes).map_err(failed("reading", path))?;
        Ok(Some(bytes))
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// As [`Volume::find`]; it is not a regular file, or holds more than `limit` bytes.
    pub fn read(&self, path: &VolumePath, limit: u64) -> Result<Option<Vec<u8>>, VolumeError> {
        if path.is_root() {
            return Err(VolumeError::NotAFile { path: path.clone() });
        }
        let Some((folder, found)) = self.locate(path, Spelling::Any)? else {
            return Ok(None);
        };
        let file = open_file(&folder, &found, OpenOptions::new().read(true))?;
        let expected = file.metadata().map_or(0, |metadata| metadata.len().min(limit));
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
        // The host's own file reads into memory that nobody has to clear first.
        file.into_std().take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("reading", path))?;
        let is_too_large = u64::try_from(bytes.len()).is_ok_and(|length| length > limit);
        if is_too_large { Err(VolumeError::TooLarge { path: found.path, limit }) } else { Ok(Some(bytes)) }
    }

    /// The names in a folder, sorted; `None` when there is no such folder.
    ///
    /// # Errors
    /// As [`Volume::find`]; it is not a folder.
    pub fn list(&self, path: &VolumePath) -> Result<Option<Vec<Entry>>, VolumeError> {
        let Some(folder) = self.folder(path)? else {
            return Ok(None);
        };
        let mut entries = entries_of(&folder, path)?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(entries))
    }

    /// Whether a file or folder is there.
    ///
    /// # Errors
    /// As [`Volume::find`].
    pub fn exists(&self, path: &VolumePath) -> Result<bool, VolumeError> {
        Ok(self.metadata(path)?.is_some())
    }

    /// Size and time of a file or folder.
    ///
    /// # Errors
    /// As [`Volume::find`]; the path itself is a link.
    pub fn metadata(&self, path: &VolumePath) -> Result<Option<Metadata>, VolumeError> {
        let (found, metadata) = match self.locate(path, Spelling::Any)? {
            _ if path.is_root() => {
                let found = Found { path: path.clone(), kind: EntryKind::Folder };
                (found, self.root.dir_metadata().map_err(failed("examining", path))?)
            }
            None => return Ok(None),
            Some((folder, found)) => {
                let metadata = folder.symlink_metadata(stored_name(&found)).map_err(failed("examining", path))?;
                (found, metadata)
            }
        };
        // Judged by what was examined, not by what was found a moment earlier.
        match kind_of(metadata.file_type()) {
            EntryKind::Link => Err(VolumeError::Link { path: found.path }),
            kind => {
                let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
                Ok(Some(Metadata { kind, len: metadata.len(), modified }))
            }
        }
    }

    /// Whether only its owner may read a file; `None` where there is no such file, or the host does not say.
    ///
    /// # Errors
    /// As [`Volume::metadata`].
    pub fn is_owner_only(&self, path: &VolumePath) -> Result<Option<bool>, VolumeError> {
        let Some((folder, found)) = self.locate(path, Spelling::Any)? else { return Ok(None) };
        let metadata = folder.symlink_metadata(stored_name(&found)).map_err(failed("examining", path))?;
        Ok(disk::is_owner_only(&metadata))
    }

    /// How many of the folders above a path are not there.
    ///
    /// # Errors
    /// As [`Volume::find`].
    pub fn missing_folders(&self, path: &VolumePath) -> Result<usize, VolumeError> {
        let mut missing = 0;
        let mut above = path.split_last().map(|(parent, _)| parent);
        while let Some(folder) = above.filter(|folder| !folder.is_root()) {
            if self.find(&folder)?.is_some() {
                break;
            }
            missing += 1;
            above = folder.split_last().map(|(parent, _)| parent);
        }
        Ok(missing)
    }

    /// Bytes free for this user on the file system of the volume; `None` where the host does not say.
    #[must_use]
    pub fn free_space(&self) -> Option<u64> {
        free_space(&self.root)
    }

    fn root_folder(&self, path: &VolumePath) -> Result<Dir, VolumeError> {
        self.root.try_clone().map_err(failed("opening the folder of", path))
    }

    /// Walks to a folder.
    fn folder(&self, path: &VolumePath) -> Result<Option<Dir>, VolumeError> {
        let mut folder = self.root_folder(path)?;
        let mut shown = VolumePath::root();
        for name in path.components() {
            let Some(found) = lookup(&folder, &shown, name, Spelling::Any)? else {
                return Ok(None);
            };
            let Some(next) = enter(&folder, &found)? else {
                return Ok(None);
            };
            (folder, shown) = (next, found.path);
        }
        Ok(Some(folder))
    }

    /// The entry a path names and the folder it is in; `None` when any part of the path is missing, and for the root.
    fn locate(&self, path: &VolumePath, spelling: Spelling) -> Result<Option<(Dir, Found)>, VolumeError> {
        let Some((parent, name)) = path.split_last() else {
            return Ok(None);
        };
        let Some(folder) = self.folder(&parent)? else {
            return Ok(None);
        };
        Ok(lookup(&folder, &parent, name, spelling)?.map(|found| (folder, found)))
    }
}

/// Opens a folder that was found.
fn enter(folder: &Dir, found: &Found) -> Result<Option<Dir>, VolumeError> {
    match found.kind {
        EntryKind::Folder => {}
        EntryKind::Link => {
            return Err(VolumeError::Link { path: found.path.clone() });
        }
        EntryKind::File | EntryKind::Other => {
            return Err(VolumeError::NotAFolder { path: found.path.clone() });
        }
    }
    match folder.open_dir_nofollow(stored_name(found)) {
        Ok(next) => Ok(Some(next)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("opening", &found.path)(error)),
    }
}

/// Opens a regular file that was found; whatever took its place meanwhile is refused, and nothing blocks.
fn open_file(folder: &Dir, found: &Found, options: &mut OpenOptions) -> Result<File, VolumeError> {
    examine_file(folder, found, options).map(|(file, _)| file)
}

fn examine_file(
    folder: &Dir,
    found: &Found,
    options: &mut OpenOptions,
) -> Result<(File, cap_std::fs::Metadata), VolumeError> {
    require_file(found)?;
    let file = folder
        .open_with(stored_name(found), options.follow(FollowSymlinks::No).nonblock(true))
        .map_err(failed("opening", &found.path))?;
    let metadata = require_regular(&file, &found.path)?;
    Ok((file, metadata))
}

fn require_file(found: &Found) -> Result<(), VolumeError> {
    match found.kind {
        EntryKind::File => Ok(()),
        EntryKind::Link => Err(VolumeError::Link { path: found.path.clone() }),
        EntryKind::Folder | EntryKind::Other => Err(VolumeError::NotAFile { path: found.path.clone() }),
    }
}

fn require_regular(file: &File, path: &VolumePath) -> Result<cap_std::fs::Metadata, VolumeError> {
    let metadata = file.metadata().map_err(failed("examining", path))?;
    if metadata.is_file() { Ok(metadata) } else { Err(VolumeError::NotAFile { path: path.clone() }) }
}

/// Finds `name` in a folder: exactly, or else the one name that differs only in case.
fn lookup(folder: &Dir, shown: &VolumePath, name: &str, spelling: Spelling) -> Result<Option<Found>, VolumeError> {
    if spelling == Spelling::Any
        && let Some(found) = exactly(folder, shown, name)?
    {
        return Ok(Some(found));
    }
    pick(&entries_of(folder, shown)?, shown, name)
}

/// Finds `name` in a folder by the name that opens it.
fn exactly(folder: &Dir, shown: &VolumePath, name: &str) -> Result<Option<Found>, VolumeError> {
    match folder.symlink_metadata(name) {
        Ok(metadata) => Ok(Some(Found { path: shown.with(name), kind: kind_of(metadata.file_type()) })),
        // A name the host cannot hold is not there either.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename) => Ok(None),
        Err(error) => Err(failed("examining", &shown.with(name))(error)),
    }
}

/// Picks `name` out of the names of a folder.
fn pick(entries: &[Entry], shown: &VolumePath, name: &str) -> Result<Option<Found>, VolumeError> {
    let found = |(stored, kind): (&str, EntryKind)| Found { path: shown.with(stored), kind };
    let names = || entries.iter().filter_map(|entry| Some((entry.name.to_str()?, entry.kind)));
    if let Some(exact) = names().find(|(stored, _)| *stored == name) {
        return Ok(Some(found(exact)));
    }
    let mut alike = names().filter(|(stored, _)| path::same_name(stored, name));
    match (alike.next(), alike.next()) {
        (Some((first, _)), Some((second, _))) => {
            // In a fixed order: folders are listed in whatever order the host likes.
            let (first, second) = (first.min(second).to_owned(), first.max(second).to_owned());
            Err(VolumeError::Ambiguous { path: shown.with(name), first, second })
        }
        (only, _) => Ok(only.map(found)),
    }
}

fn entries_of(folder: &Dir, shown: &VolumePath) -> Result<Vec<Entry>, VolumeError> {
    let failed = || failed("listing", shown);
    let mut entries = Vec::new();
    for entry in folder.entries().map_err(failed())? {
        if entries.len() == MAX_ENTRIES {
            return Err(VolumeError::TooManyEntries { path: shown.clone() });
        }
        let entry = entry.map_err(failed())?;
        let kind = kind_of(entry.file_type().map_err(failed())?);
        entries.push(Entry { name: entry.file_name(), kind });
    }
    Ok(entries)
}

fn kind_of(kind: FileType) -> EntryKind {
    if kind.is_symlink() {
        EntryKind::Link
    } else if kind.is_file() {
        EntryKind::File
    } else if kind.is_dir() {
        EntryKind::Folder
    } else {
        EntryKind::Other
    }
}

fn stored_name(found: &Found) -> &OsStr {
    OsStr::new(found.path.last().unwrap_or("."))
}

fn failed(attempt: &'static str, path: &VolumePath) -> impl FnOnce(io::Error) -> VolumeError {
    let path = path.clone();
    move |source| VolumeError::Io { attempt, path, source }
}

#[cfg(unix)]
fn free_space(folder: &Dir) -> Option<u64> {
    let space = rustix::fs::fstatvfs(folder).ok()?;
    space.f_bavail.checked_mul(space.f_frsize)
}

#[cfg(windows)]
fn free_space(folder: &Dir) -> Option<u64> {
    crate::machine::windows_api::measures::free_space_with(folder).ok()
}

//! Writing to a volume: whole files atomically, journals by appending. Every step goes through [`Disk`].

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::{Arc, PoisonError};

use cap_std::fs::{Dir, File, OpenOptions};

use super::disk::is_owner_only;
use super::{
    Access, Disk, Entry, EntryKind, Found, Spelling, Volume, VolumeError, VolumePath, enter, entries_of, failed,
    lookup, open_file, pick, require_file, require_regular, stored_name,
};
use crate::model::own_name::{self, is_own, is_temporary};

/// A file open for appending; made by [`Volume::open_append`].
#[derive(Debug)]
pub struct Appender {
    disk: Arc<dyn Disk>,
    file: File,
}

impl Volume {
    /// Puts `bytes` in place of a file, or makes it: whoever looks sees the old content or the new, whole.
    ///
    /// The name keeps the case it is stored in; mode and owner of the old file are kept. What an interrupted
    /// replacement left in the folder is removed first. One process at a time may write to a volume: see
    /// [`Volume::lock`].
    ///
    /// # Errors
    /// The folder is missing, the path is not a regular file, or the host refuses; the old content is then still there.
    pub fn replace(&self, path: &VolumePath, bytes: &[u8]) -> Result<(), VolumeError> {
        self.replace_with(path, bytes, Access::Usual)
    }

    /// As [`Volume::replace`]; a file that is new is for those whom `access` names.
    ///
    /// # Errors
    /// As [`Volume::replace`].
    pub fn replace_with(&self, path: &VolumePath, bytes: &[u8], access: Access) -> Result<(), VolumeError> {
        let _alone = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let (folder, parent, name) = self.parent_of(path)?;
        let entries = entries_of(&folder, &parent)?;
        let old = pick(&entries, &parent, name)?;
        if let Some(old) = &old {
            require_file(old)?;
        }
        self.remove_own(is_temporary, &folder, &parent, &entries)?;

        let temporary = own_name::temporary(unforeseeable());
        let access = if old.is_some() && access == Access::Usual { Access::OwnerOnly } else { access };
        let result = self.put(&folder, old.as_ref(), access, &temporary, path, bytes);
        if result.is_err() {
            // The first error is the one worth telling; what stays is removed by the next replacement.
            let _ = self.disk.remove_file(&folder, &temporary);
        }
        result
    }

    /// Lays down beside a file what is to replace it later, under a name that no listing shows, and gives that name's path. The file itself
    /// stays as it is.
    ///
    /// # Errors
    /// As [`Volume::replace`]; there is then nothing beside it.
    pub fn lay_beside(&self, path: &VolumePath, bytes: &[u8], access: Access) -> Result<VolumePath, VolumeError> {
        let _alone = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let (folder, parent, name) = self.parent_of(path)?;
        let old = pick(&entries_of(&folder, &parent)?, &parent, name)?;
        if let Some(old) = &old {
            require_file(old)?;
        }
        let waiting = own_name::waiting(unforeseeable());
        let access = if old.is_some() && access == Access::Usual { Access::OwnerOnly } else { access };
        let result = self
            .write_new(&folder, old.as_ref(), access, &waiting, path, bytes)
            .and_then(|()| self.disk.sync_folder(&folder).map_err(failed("synchronising the folder of", path)));
        if let Err(error) = result {
            let _ = self.disk.remove_file(&folder, &waiting);
            return Err(error);
        }
        Ok(parent.with(&waiting))
    }

    /// The steps of a replacement. A stop after any of them leaves the old file or the new one under the name.
    fn put(
        &self,
        folder: &Dir,
        old: Option<&Found>,
        access: Access,
        temporary: &str,
        path: &VolumePath,
        bytes: &[u8],
    ) -> Result<(), VolumeError> {
        self.write_new(folder, old, access, temporary, path, bytes)?;
        let name = old.map_or(path, |old| &old.path).last().unwrap_or_default();
        self.disk.rename(folder, temporary, folder, name).map_err(failed("replacing", path))?;
        self.disk.sync_folder(folder).map_err(failed("synchronising the folder of", path))
    }

    /// Makes the file that is to take the place of another one, with all that it keeps of that one, and waits until it is on the disk.
    fn write_new(
        &self,
        folder: &Dir,
        old: Option<&Found>,
        access: Access,
        temporary: &str,
        path: &VolumePath,
        bytes: &[u8],
    ) -> Result<(), VolumeError> {
        let file =
            self.disk.create_new(folder, temporary, access).map_err(failed("making a temporary file for", path))?;
        if let Some(old) = old {
            let of = folder.symlink_metadata(stored_name(old)).map_err(failed("examining", path))?;
            if !of.is_file() {
                return Err(VolumeError::NotAFile { path: old.path.clone() });
            }
            // A secret does not take over that others could read what was there.
            if access != Access::Secret || is_owner_only(&of) == Some(true) {
                self.disk.keep_attributes(&file, &of).map_err(failed("keeping mode and owner of", path))?;
                let name = old.path.last().unwrap_or_default();
                let keep = self.disk.keep_access(folder, name, &file);
                keep.map_err(failed("keeping the access list of", path))?;
            }
        }
        self.disk.write(&file, bytes).map_err(failed("writing", path))?;
        self.disk.sync_file(&file).map_err(failed("synchronising", path))
    }

    fn remove_own(
        &self,
        is_one: impl Fn(&str) -> bool,
        folder: &Dir,
        parent: &VolumePath,
        entries: &[Entry],
    ) -> Result<(), VolumeError> {
        let files = entries.iter().filter(|entry| entry.kind == EntryKind::File);
        for name in files.filter_map(|entry| entry.name.to_str()).filter(|name| is_one(name)) {
            self.disk.remove_file(folder, name).map_err(failed("removing", &parent.with(name)))?;
        }
        Ok(())
    }

    /// Makes a folder and the folders above it, where they are missing; their names are on the disk when this returns.
    ///
    /// # Errors
    /// Something other than a folder stands in the way, or the host refuses.
    pub fn create_dir_all(&self, path: &VolumePath) -> Result<(), VolumeError> {
        let mut folder = self.root_folder(path)?;
        let mut shown = VolumePath::root();
        for name in path.components() {
            let found = match lookup(&folder, &shown, name, Spelling::Any)? {
                Some(found) => found,
                None => {
                    let made = Found { path: shown.with(name), kind: EntryKind::Folder };
                    self.disk.create_folder(&folder, name).map_err(failed("making", &made.path))?;
                    made
                }
            };
            // Also where it was found: whoever made it may have been stopped before the name was on the disk.
            self.disk.sync_folder(&folder).map_err(failed("synchronising", &shown))?;
            folder = enter(&folder, &found)?.ok_or_else(|| VolumeError::Missing { path: found.path.clone() })?;
            shown = found.path;
        }
        Ok(())
    }

    /// Removes an empty folder; `false` when there was none.
    ///
    /// # Errors
    /// It is not a folder, is not empty, or the host refuses.
    pub fn remove_folder(&self, path: &VolumePath) -> Result<bool, VolumeError> {
        let Some((folder, found)) = self.locate(path, Spelling::AsStored)? else {
            return Ok(false);
        };
        if found.kind != EntryKind::Folder {
            return Err(VolumeError::NotAFolder { path: found.path });
        }
        if let Some(inside) = self.folder(path)? {
            let entries = entries_of(&inside, path)?;
            // What was to replace a file of a folder that goes replaces nothing; of one that stays, it waits.
            let goes = entries.iter().all(|entry| entry.name.to_str().is_some_and(is_own));
            self.remove_own(if goes { is_own } else { is_temporary }, &inside, path, &entries)?;
        }
        let name = found.path.last().unwrap_or_default();
        self.disk.remove_folder(&folder, name).map_err(failed("removing", path))?;
        self.disk.sync_folder(&folder).map_err(failed("synchronising the folder of", path))?;
        Ok(true)
    }

    /// Removes a file; `false` when there was none.
    ///
    /// # Errors
    /// It is not a regular file, or the host refuses.
    pub fn remove_file(&self, path: &VolumePath) -> Result<bool, VolumeError> {
        let Some((folder, found)) = self.locate(path, Spelling::AsStored)? else {
            return Ok(false);
        };
        require_file(&found)?;
        let name = found.path.last().unwrap_or_default();
        self.disk.remove_file(&folder, name).map_err(failed("removing", path))?;
        self.disk.sync_folder(&folder).map_err(failed("synchronising the folder of", path))?;
        Ok(true)
    }

    /// Gives a file another name; a file of that name is replaced.
    ///
    /// # Errors
    /// The file or the new folder is missing, either name is not that of a regular file, or the host refuses.
    pub fn rename(&self, path: &VolumePath, new_path: &VolumePath) -> Result<(), VolumeError> {
        let (folder, found) =
            self.locate(path, Spelling::AsStored)?.ok_or_else(|| VolumeError::Missing { path: path.clone() })?;
        require_file(&found)?;
        let (new_folder, new_parent, new_name) = self.parent_of(new_path)?;
        let replaced = lookup(&new_folder, &new_parent, new_name, Spelling::AsStored)?;
        if let Some(replaced) = &replaced {
            require_file(replaced)?;
        }
        // A file that only changes the case of its own name gets the new spelling; another file's name is kept.
        let is_itself = replaced.as_ref().is_some_and(|replaced| replaced.path == found.path);
        let kept = replaced.as_ref().filter(|_| !is_itself).and_then(|replaced| replaced.path.last());
        let name = found.path.last().unwrap_or_default();
        self.disk.rename(&folder, name, &new_folder, kept.unwrap_or(new_name)).map_err(failed("renaming", path))?;
        self.disk.sync_folder(&new_folder).map_err(failed("synchronising the folder of", new_path))?;
        self.disk.sync_folder(&folder).map_err(failed("synchronising the folder of", path))
    }

    /// Waits until a file's content and its name are on the disk, whoever wrote them.
    ///
    /// # Errors
    /// The file is missing, is not a regular one, or the host refuses.
    pub fn sync(&self, path: &VolumePath) -> Result<(), VolumeError> {
        let (folder, found) =
            self.locate(path, Spelling::Any)?.ok_or_else(|| VolumeError::Missing { path: path.clone() })?;
        // Windows synchronises only what is open for writing.
        match open_file(&folder, &found, OpenOptions::new().read(true).write(cfg!(windows))) {
            Ok(file) => self.disk.sync_file(&file).map_err(failed("synchronising", path))?,
            // One that nobody may write was synchronised before it got its name, and one that is in use was not replaced.
            Err(VolumeError::Io { source, .. })
                if cfg!(windows) && (source.kind() == io::ErrorKind::PermissionDenied || is_in_use(&source)) => {}
            Err(error) => return Err(error),
        }
        self.disk.sync_folder(&folder).map_err(failed("synchronising the folder of", path))
    }

    /// Waits until it is on the disk that a name is there, or that it is not, whoever made or removed it. Where the folder is gone, so is the
    /// name, once that folder's own name is.
    ///
    /// # Errors
    /// What is above is not a folder, or the host refuses.
    pub fn sync_name(&self, path: &VolumePath) -> Result<(), VolumeError> {
        let Some((parent, _)) = path.split_last() else { return Ok(()) };
        let Some(folder) = self.folder(&parent)? else { return Ok(()) };
        self.disk.sync_folder(&folder).map_err(failed("synchronising the folder of", path))
    }

    /// Cuts an existing file to nothing, and waits until that is on the disk.
    ///
    /// # Errors
    /// The file is missing, is not a regular one, or the host refuses.
    pub fn truncate(&self, path: &VolumePath) -> Result<(), VolumeError> {
        let (folder, found) =
            self.locate(path, Spelling::Any)?.ok_or_else(|| VolumeError::Missing { path: path.clone() })?;
        let file = open_file(&folder, &found, OpenOptions::new().write(true))?;
        self.disk.truncate(&file).map_err(failed("emptying", path))?;
        self.disk.sync_file(&file).map_err(failed("synchronising", path))
    }

    /// Opens a file to append to, and makes it if it is missing, for its owner's eyes only; the name is on the disk when this returns.
    ///
    /// # Errors
    /// The folder is missing, the path is not a regular file, or the host refuses.
    pub fn open_append(&self, path: &VolumePath) -> Result<Appender, VolumeError> {
        let (folder, parent, name) = self.parent_of(path)?;
        let found = lookup(&folder, &parent, name, Spelling::Any)?;
        if let Some(found) = &found {
            require_file(found)?;
        }
        let name = found.as_ref().and_then(|found| found.path.last()).unwrap_or(name);
        let file = self.disk.open_append(&folder, name).map_err(failed("opening", path))?;
        require_regular(&file, path)?;
        // Also where it was found: whoever made it may have been stopped before the name was on the disk.
        self.disk.sync_folder(&folder).map_err(failed("synchronising the folder of", path))?;
        Ok(Appender { disk: Arc::clone(&self.disk), file })
    }

    /// The folder a path is in, which has to exist, that folder's path, and the name in it.
    fn parent_of<'a>(&self, path: &'a VolumePath) -> Result<(Dir, VolumePath, &'a str), VolumeError> {
        let (parent, name) = path.split_last().ok_or_else(|| VolumeError::NotAFile { path: path.clone() })?;
        match self.folder(&parent)? {
            Some(folder) => Ok((folder, parent, name)),
            None => Err(VolumeError::Missing { path: parent }),
        }
    }
}

impl Appender {
    /// Waits until everything written is on the disk.
    ///
    /// # Errors
    /// The host refuses.
    pub fn sync_data(&self) -> io::Result<()> {
        self.disk.sync_file(&self.file)
    }

    pub(super) fn into_parts(self) -> (Arc<dyn Disk>, File) {
        (self.disk, self.file)
    }
}

impl io::Write for Appender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.write(&self.file, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a program's use of a file is why Windows refuses: `ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION`,
/// `ERROR_USER_MAPPED_FILE`.
pub fn is_in_use(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(32 | 33 | 1224))
}

/// What nobody on the volume can foresee: the hasher's keys come from the host's random numbers.
fn unforeseeable() -> u64 {
    RandomState::new().build_hasher().finish()
}

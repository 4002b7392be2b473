//! The seam through which every write to a volume goes, one method per step that can fail or be lost.
//!
//! A test puts another [`Disk`] here that counts, fails, stops, or loses what was not synchronised.

use std::fmt;
use std::io::{self, Seek as _, Write as _};

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::fs::{Dir, File, Metadata, OpenOptions};

#[cfg(windows)]
use crate::machine::windows_api;

/// Who may read a new file before its attributes are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// As the host does it for new files.
    Usual,
    /// Nobody but the owner.
    OwnerOnly,
    /// Nobody but the owner, also where others could read the file that is replaced.
    Secret,
}

/// The steps that change a volume. Names are single names inside the folder; no step follows a link.
///
/// # Errors
/// Each step fails when the host refuses it.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a file that must not exist, and opens it for writing.
    fn create_new(&self, folder: &Dir, name: &str, access: Access) -> io::Result<File>;

    /// Opens a file for reading and for writing at its end, and makes it, for its owner only, if it does not exist.
    fn open_append(&self, folder: &Dir, name: &str) -> io::Result<File>;

    /// Gives a new file the mode and the owner of another.
    fn keep_attributes(&self, file: &File, of: &Metadata) -> io::Result<()>;

    /// Lets a new file be used by those who may use the file of another name in the folder, where the host has lists of them.
    fn keep_access(&self, _folder: &Dir, _of: &str, _file: &File) -> io::Result<()> {
        Ok(())
    }

    /// Writes all bytes.
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<()>;

    /// Cuts a file to nothing.
    fn truncate(&self, file: &File) -> io::Result<()>;

    /// Waits until the file's content is on the disk.
    fn sync_file(&self, file: &File) -> io::Result<()>;

    /// Gives a file another name, in place of whatever file has it.
    fn rename(&self, folder: &Dir, name: &str, new_folder: &Dir, new_name: &str) -> io::Result<()>;

    /// Waits until the folder's names are on the disk.
    fn sync_folder(&self, folder: &Dir) -> io::Result<()>;

    /// Makes a folder.
    fn create_folder(&self, folder: &Dir, name: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove_file(&self, folder: &Dir, name: &str) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_folder(&self, folder: &Dir, name: &str) -> io::Result<()>;
}

/// The disk of the host.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_new(&self, folder: &Dir, name: &str, access: Access) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).follow(FollowSymlinks::No);
        with_list(&mut options);
        if access != Access::Usual {
            owner_only(&mut options);
        }
        let file = folder.open_with(name, &options)?;
        if access != Access::Usual {
            restrict(&file)?;
        }
        Ok(file)
    }

    fn open_append(&self, folder: &Dir, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).follow(FollowSymlinks::No).nonblock(true);
        with_list(&mut options);
        owner_only(&mut options);
        let file = folder.open_with(name, &options)?;
        if file.metadata()?.len() == 0 {
            restrict(&file)?;
        }
        // Where a file that only grows could not be cut either, it is opened for writing, and goes on at its end.
        (&file).seek(io::SeekFrom::End(0))?;
        Ok(file)
    }

    fn keep_access(&self, folder: &Dir, of: &str, file: &File) -> io::Result<()> {
        keep_access(folder, of, file)
    }

    fn keep_attributes(&self, file: &File, of: &Metadata) -> io::Result<()> {
        // Changing the owner may clear bits of the mode, so the owner comes first.
        keep_owner(file, of)?;
        file.set_permissions(of.permissions())
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn truncate(&self, file: &File) -> io::Result<()> {
        file.set_len(0)?;
        (&mut &*file).rewind()
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, folder: &Dir, name: &str, new_folder: &Dir, new_name: &str) -> io::Result<()> {
        folder.rename(name, new_folder, new_name)
    }

    fn sync_folder(&self, folder: &Dir) -> io::Result<()> {
        sync_folder(folder)
    }

    fn create_folder(&self, folder: &Dir, name: &str) -> io::Result<()> {
        folder.create_dir(name)
    }

    fn remove_file(&self, folder: &Dir, name: &str) -> io::Result<()> {
        folder.remove_file(name)
    }

    fn remove_folder(&self, folder: &Dir, name: &str) -> io::Result<()> {
        folder.remove_dir(name)
    }
}

/// Whether only its owner may read a file; `None` where the host does not say.
#[cfg(unix)]
pub fn is_owner_only(of: &Metadata) -> Option<bool> {
    use cap_std::fs::PermissionsExt as _;
    Some(of.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
pub fn is_owner_only(_: &Metadata) -> Option<bool> {
    None
}

#[cfg(unix)]
fn owner_only(options: &mut OpenOptions) {
    use cap_std::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn owner_only(_: &mut OpenOptions) {}

#[cfg(unix)]
const fn with_list(_: &mut OpenOptions) {}

/// A file whose access list can be written: who is in it is said before the first byte.
#[cfg(windows)]
fn with_list(options: &mut OpenOptions) {
    use cap_std::fs::OpenOptionsExt as _;
    /// GENERIC_READ and GENERIC_WRITE.
    const READ_WRITE: u32 = 0xC000_0000;
    use windows_api::file::{READ_CONTROL, WRITE_DAC, WRITE_OWNER};
    options.access_mode(READ_WRITE | READ_CONTROL | WRITE_DAC | WRITE_OWNER);
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
const fn restrict(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(windows)]
fn restrict(file: &File) -> io::Result<()> {
    Ok(windows_api::file::restrict(file)?)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
const fn keep_access(_: &Dir, _: &str, _: &File) -> io::Result<()> {
    Ok(())
}

/// The new file is open for writing only: it is opened once more for its list.
#[cfg(windows)]
fn keep_access(folder: &Dir, of: &str, file: &File) -> io::Result<()> {
    use cap_std::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No).access_mode(windows_api::file::READ_CONTROL);
    Ok(windows_api::file::keep_access(&folder.open_with(of, &options)?, file)?)
}

#[cfg(unix)]
fn keep_owner(file: &File, of: &Metadata) -> io::Result<()> {
    use cap_std::fs::MetadataExt as _;
    let now = file.metadata()?;
    if (now.uid(), now.gid()) == (of.uid(), of.gid()) {
        return Ok(());
    }
    std::os::unix::fs::fchown(file, Some(of.uid()), Some(of.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Open folders are handles for looking up names; one opened for reading is needed to wait on.
#[cfg(unix)]
fn sync_folder(folder: &Dir) -> io::Result<()> {
    folder.open(".")?.sync_all()
}

/// Windows keeps no handle for this: the file system's own journal orders the names.
#[cfg(not(unix))]
fn sync_folder(_: &Dir) -> io::Result<()> {
    Ok(())
}

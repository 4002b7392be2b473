//! One writer per volume: a lock file that names its owner. The lock is the host's, so it ends with the process; the
//! file and what it says may stay behind and mean nothing.

use std::fs::TryLockError;
use std::io::{self, Read as _, Seek as _};
use std::sync::Arc;
use std::time::Duration;

use cap_std::fs::File;

use super::{Disk, Volume, VolumeError, VolumePath, failed};

/// The most bytes of an owner's name that are shown.
const MAX_OWNER: u64 = 256;
/// How often a held lock is looked at for the name of its owner.
const LOOKS: usize = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// The right to write to a volume, until dropped.
#[derive(Debug)]
pub struct Lock {
    disk: Arc<dyn Disk>,
    file: File,
    stale_owner: Option<String>,
}

impl Lock {
    /// Who held the lock last and never gave it back: a process that was stopped.
    pub fn stale_owner(&self) -> Option<&str> {
        self.stale_owner.as_deref()
    }
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process, or another handle of this one, holds it.
    #[error("the volume is locked by {}", owner.as_deref().unwrap_or("another process"))]
    Held {
        /// What the holder wrote; `None` where the host keeps a locked file from being read, as Windows does.
        owner: Option<String>,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

impl Volume {
    /// Takes the lock in the file at `path`, whose folder has to exist, and writes `owner` into it.
    ///
    /// A file that nobody holds is taken, whatever it says.
    ///
    /// # Errors
    /// Somebody holds the lock, or the file cannot be opened or written.
    pub fn lock(&self, path: &VolumePath, owner: &str) -> Result<Lock, LockError> {
        let (disk, file) = self.open_append(path)?.into_parts();
        let file = match try_lock(file) {
            Ok(Ok(file)) => file,
            Ok(Err(held)) => {
                return Err(LockError::Held { owner: holder(&held) });
            }
            Err(source) => return Err(failed("locking", path)(source).into()),
        };
        // Whoever gives the lock back empties the file.
        let stale_owner = owner_in(&file);
        let lock = Lock { disk, file, stale_owner };
        lock.disk.truncate(&lock.file).map_err(failed("emptying", path))?;
        lock.disk.write(&lock.file, owner.as_bytes()).map_err(failed("writing", path))?;
        Ok(lock)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file ends the lock; the name in it is a courtesy to the next reader.
        let _ = self.disk.truncate(&self.file);
    }
}

/// The file back in either case: locked, or held by somebody else.
fn try_lock(file: File) -> io::Result<Result<File, File>> {
    let file = file.into_std();
    match file.try_lock() {
        Ok(()) => Ok(Ok(File::from_std(file))),
        Err(TryLockError::WouldBlock) => Ok(Err(File::from_std(file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Who holds the lock; a holder that has only just taken it is given the time to say so.
fn holder(mut file: &File) -> Option<String> {
    for _ in 0..LOOKS {
        file.rewind().ok()?;
        let owner = owner_in(file);
        if owner.is_some() {
            return owner;
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    None
}

fn owner_in(file: &File) -> Option<String> {
    let mut bytes = Vec::new();
    file.take(MAX_OWNER).read_to_end(&mut bytes).ok()?;
    let text: String = String::from_utf8_lossy(&bytes).chars().filter(|character| !character.is_control()).collect();
    Some(text).filter(|text| !text.is_empty())
}

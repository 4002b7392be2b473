//! Folders of the host whose files are to lie on the machine: read and digested by as many threads as there are processors.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::files::reason;
use crate::document::{ReadError, TOO_LARGE};
use crate::model::file::MAX_FILE_BYTES;
use crate::model::file_tree::sort_names;
use crate::model::material::{LocalFile, MAX_FOLDER_BYTES, MaterialEntry};

/// The most files and folders below a folder, and the most folders in each other.
const MOST_ENTRIES: usize = 100_000;
const MOST_DEPTH: usize = 64;

/// Reads all that is below a folder. Links are refused: what they lead to may lie anywhere.
///
/// # Errors
/// Something below it cannot be read, or is more than the limits allow.
pub fn folder(name: &str) -> Result<Vec<MaterialEntry>, ReadError> {
    let mut found = Vec::new();
    list(Path::new(name), "", 0, &mut found)?;
    let next = AtomicUsize::new(0);
    let total = AtomicU64::new(0);
    let work = || -> Result<Vec<(usize, LocalFile)>, ReadError> {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(entry) = found.get(number) else { return Ok(done) };
            let Some(length) = entry.length else { continue };
            let file = LocalFile::new(read(entry, length)?);
            if total.fetch_add(file.size(), Ordering::Relaxed).saturating_add(file.size()) > MAX_FOLDER_BYTES {
                return Err(refused(&entry.relative, "the folder holds more than 1 GiB"));
            }
            done.push((number, file));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(found.len().max(1));
    let read: Vec<Result<Vec<(usize, LocalFile)>, ReadError>> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let gone = || Err(refused(name, "a thread that read it has ended"));
        let others = others.into_iter().map(|thread| thread.join().unwrap_or_else(|_| gone()));
        std::iter::once(own).chain(others).collect()
    });
    let mut files: Vec<Option<LocalFile>> = vec![None; found.len()];
    for part in read {
        for (number, file) in part? {
            if let Some(slot) = files.get_mut(number) {
                *slot = Some(file);
            }
        }
    }
    Ok(found.into_iter().zip(files).map(|(entry, file)| MaterialEntry { path: entry.relative, file }).collect())
}

struct Found {
    path: PathBuf,
    /// With backslashes.
    relative: Box<str>,
    /// In bytes, as far as is known; `None` for a folder.
    length: Option<u64>,
}

fn refused(relative: &str, why: &str) -> ReadError {
    ReadError { message: format!("{relative}: {why}"), hint: None }
}

fn list(folder: &Path, above: &str, depth: usize, found: &mut Vec<Found>) -> Result<(), ReadError> {
    let failed = |error: std::io::Error| ReadError {
        message: if above.is_empty() { reason(&error) } else { format!("{above}: {}", reason(&error)) },
        hint: None,
    };
    if depth > MOST_DEPTH {
        return Err(refused(above, "folders nest too deep"));
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|name| refused(above, &format!("the name {} is not text", name.display())))?;
        names.push((name, entry.file_type().map_err(failed)?));
    }
    sort_names(&mut names, |(name, _)| name);
    for (name, kind) in names {
        let relative = if above.is_empty() { name.clone() } else { format!("{above}\\{name}") };
        if found.len() >= MOST_ENTRIES {
            return Err(refused(&relative, "more than 100000 files and folders are below the folder"));
        }
        let path = folder.join(&name);
        let entry = |length| Found { path: path.clone(), relative: relative.as_str().into(), length };
        if kind.is_dir() {
            found.push(entry(None));
            list(&path, &relative, depth + 1, found)?;
        } else if kind.is_file() {
            found.push(entry(Some(0)));
        } else {
            let why = if kind.is_symlink() { "it is a link" } else { "it is neither a file nor a folder" };
            return Err(refused(&relative, why));
        }
    }
    Ok(())
}

fn read(entry: &Found, length: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    let file = std::fs::File::open(&entry.path);
    let read = file.and_then(|file| file.take(MAX_FILE_BYTES.saturating_add(1)).read_to_end(&mut bytes));
    match read {
        Ok(_) if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE_BYTES) => {
            Err(refused(&entry.relative, TOO_LARGE))
        }
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(refused(&entry.relative, "it has gone meanwhile")),
        Err(error) => Err(refused(&entry.relative, &reason(&error))),
    }
}

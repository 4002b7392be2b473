//! Folders of the host whose files are to lie on the machine: read and digested by as many threads as there are processors.

use std::io::{ErrorKind, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::files::reason;
use crate::document::{ReadError, TOO_LARGE};
use crate::model::file::{ContentDigest, MAX_FILE_BYTES};
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
        let mut piles = Piles::default();
        while let Some((number, entry)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            found.get(number).map(|entry| (number, entry))
        } {
            if entry.is_folder {
                continue;
            }
            let size = u64::try_from(piles.add(number, entry)?).unwrap_or(u64::MAX);
            if total.fetch_add(size, Ordering::Relaxed).saturating_add(size) > MAX_FOLDER_BYTES {
                return Err(refused(&entry.relative, "the folder holds more than 1 GiB"));
            }
        }
        Ok(piles.finish())
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

/// How much memory is taken at once for small files.
const PILE_BYTES: usize = 4 << 20;

/// Files read one behind the other into few pieces of memory.
#[derive(Default)]
struct Piles {
    done: Vec<(usize, LocalFile)>,
    memory: Vec<u8>,
    used: usize,
    /// What lies in the present piece: each file's number and place, and its digest.
    here: Vec<(usize, Range<usize>, ContentDigest)>,
}

impl Piles {
    /// Reads a file; gives its bytes' number.
    fn add(&mut self, number: usize, entry: &Found) -> Result<usize, ReadError> {
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound => refused(&entry.relative, "it has gone meanwhile"),
            _ => refused(&entry.relative, &reason(&error)),
        };
        let mut file = std::fs::File::open(&entry.path).map_err(failed)?;
        if self.memory.len().saturating_sub(self.used) < PILE_BYTES / 64 {
            self.close();
            self.memory = vec![0; PILE_BYTES];
        }
        let start = self.used;
        loop {
            let room = self.memory.get_mut(self.used..).unwrap_or_default();
            if room.is_empty() {
                break;
            }
            match file.read(room) {
                Ok(0) => {
                    let range = start..self.used;
                    let digest = ContentDigest::of(self.memory.get(range.clone()).unwrap_or_default());
                    let length = range.len();
                    self.here.push((number, range, digest));
                    return Ok(length);
                }
                Ok(count) => self.used = self.used.saturating_add(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        // It does not fit: it gets memory of its own.
        let mut bytes = self.memory.get(start..).unwrap_or_default().to_vec();
        self.used = start;
        file.take(MAX_FILE_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE_BYTES) {
            return Err(refused(&entry.relative, TOO_LARGE));
        }
        let length = bytes.len();
        self.done.push((number, LocalFile::new(bytes)));
        Ok(length)
    }

    /// Ends the present piece.
    fn close(&mut self) {
        let memory = Arc::new(std::mem::take(&mut self.memory));
        self.used = 0;
        let here = std::mem::take(&mut self.here).into_iter();
        self.done.extend(here.map(|(number, range, digest)| (number, LocalFile::part_of(&memory, range, digest))));
    }

    fn finish(mut self) -> Vec<(usize, LocalFile)> {
        self.close();
        self.done
    }
}

struct Found {
    path: PathBuf,
    /// With backslashes.
    relative: Box<str>,
    is_folder: bool,
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
        if kind.is_dir() {
            found.push(Found { path: path.clone(), relative: relative.as_str().into(), is_folder: true });
            list(&path, &relative, depth + 1, found)?;
        } else if kind.is_file() {
            found.push(Found { path, relative: relative.into(), is_folder: false });
        } else {
            let why = if kind.is_symlink() { "it is a link" } else { "it is neither a file nor a folder" };
            return Err(refused(&relative, why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_with_all_that_is_below_it() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("b/empty")).unwrap();
        // Small ones share memory; the large ones do not fit into what is left of it, nor into a new piece.
        let sizes = [0, 1, 70_000, PILE_BYTES - 80_000, 5_000, PILE_BYTES, PILE_BYTES + 1, 3];
        let content = |number: usize| -> Vec<u8> {
            (0..sizes[number]).map(|at| u8::try_from((at * 7 + number) % 251).unwrap()).collect()
        };
        for number in 0..sizes.len() {
            std::fs::write(root.path().join(format!("b/f{number}")), content(number)).unwrap();
        }
        std::fs::write(root.path().join("A"), "a").unwrap();
        let found = folder(root.path().to_str().unwrap()).unwrap();
        let names: Vec<&str> = found.iter().map(|entry| &*entry.path).collect();
        assert_eq!(names[..3], ["A", "b", r"b\empty"]);
        assert_eq!(found.len(), sizes.len() + 3);
        for number in 0..sizes.len() {
            let name = format!(r"b\f{number}");
            let file = found.iter().find(|entry| *entry.path == *name).unwrap().file.clone().unwrap();
            assert!(file.bytes() == content(number), "{name}");
            assert_eq!(file.digest(), ContentDigest::of(&content(number)), "{name}");
        }
        assert!(folder(root.path().join("none").to_str().unwrap()).is_err());
        std::fs::write(root.path().join("b/huge"), vec![0; usize::try_from(MAX_FILE_BYTES).unwrap() + 1]).unwrap();
        let error = folder(root.path().to_str().unwrap()).unwrap_err();
        assert_eq!(error.message, r"b\huge: it has more than 16 MiB");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused() {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("link")).unwrap();
        let error = folder(root.path().to_str().unwrap()).unwrap_err();
        assert_eq!(error.message, "link: it is a link");
    }
}

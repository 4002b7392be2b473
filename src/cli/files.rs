//! Files of the machine that trueup runs on: documents to read, results to write.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::path::Path;

use super::material;
use crate::document::{FileReader, ReadError, TOO_LARGE};
use crate::error::Failure;
use crate::model::file::MAX_FILE_BYTES;
use crate::model::material::{LocalFile, Material, MaterialKind};

/// Reads documents from disk, and `-` from standard input. Each is read once: who asks again gets the same bytes.
#[derive(Default)]
pub struct DiskReader {
    read: HashMap<String, Vec<u8>>,
    material: HashMap<(String, MaterialKind), Material>,
}

impl FileReader for DiskReader {
    fn read(&mut self, name: &str, limit: usize) -> Result<Vec<u8>, ReadError> {
        if let Some(bytes) = self.read.get(name) {
            return Ok(bytes.clone());
        }
        let cut = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        let read = if name == "-" {
            std::io::stdin().lock().take(cut).read_to_end(&mut bytes)
        } else {
            std::fs::File::open(name).and_then(|file| file.take(cut).read_to_end(&mut bytes))
        };
        match read {
            Ok(_) => {
                self.read.insert(name.to_owned(), bytes.clone());
                Ok(bytes)
            }
            Err(error) => {
                let missing = error.kind() == std::io::ErrorKind::NotFound;
                let hint = missing.then(|| "`trueup init` writes a document to start from".to_owned());
                Err(ReadError { message: reason(&error), hint })
            }
        }
    }

    fn material(&mut self, name: &str, kind: MaterialKind) -> Result<Material, ReadError> {
        let known = (name.to_owned(), kind);
        if let Some(material) = self.material.get(&known) {
            return Ok(material.clone());
        }
        let material = Self::look(name, kind)?;
        self.material.insert(known, material.clone());
        Ok(material)
    }
}

impl DiskReader {
    fn look(name: &str, kind: MaterialKind) -> Result<Material, ReadError> {
        if kind == MaterialKind::Folder {
            return material::folder(name).map(|entries| Material::Folder(entries.into()));
        }
        let failed = |error: std::io::Error| ReadError { message: reason(&error), hint: None };
        let file = std::fs::File::open(name).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE_BYTES) {
            return Err(ReadError { message: TOO_LARGE.to_owned(), hint: None });
        }
        Ok(Material::File(LocalFile::new(bytes)))
    }
}

/// What went wrong, without the error's number.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(head, _)| head.to_lowercase())
}

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// The file cannot be read or is larger.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let failed =
        |error: std::io::Error| Failure::failed(format!("cannot read {}", path.display())).because(reason(&error));
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(Failure::failed(format!("{} is larger than {limit} bytes", path.display())));
    }
    Ok(bytes)
}

/// Writes a result as a whole or not at all, replacing what is there. It may hold a machine's settings, so it is for its
/// owner's eyes only.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::failed(format!("cannot write {}", path.display())).because(reason(&error));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Writes a secret that must not be there yet, as a whole or not at all; it is durable, and for its owner's eyes only.
///
/// # Errors
/// The file is there, which stays as it is, or cannot be written.
pub fn write_secret_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::failed(format!("cannot write {}", path.display())).because(reason(&error));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist_noclobber(path).map_err(|error| failed(error.error))?;
    sync_folder(folder).map_err(failed)
}

/// Makes the names in a folder durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Elsewhere folders cannot be opened as files; the file itself is synced.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// The file is there, or cannot be written.
pub fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::failed(format!("cannot write {}", path.display())).because(reason(&error));
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_secret_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hold.key");
        write_secret_new(&path, b"first").unwrap();
        assert!(write_secret_new(&path, b"second").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }
}

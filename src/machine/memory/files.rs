//! The files of a machine in memory.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::{MemoryMachine, RECORD_FOLDER};
use crate::formats::upcase;
use crate::machine::{FOLDER_STATE, FileRead, FileReader, Listed, file_state};
use crate::model::fact::{Observed, Unread};
use crate::model::file::FilePath;
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::Operation;
use crate::model::own_name::is_own;

/// A drive: files by path, and the folders that are there.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub files: BTreeMap<FilePath, MemoryFile>,
    pub folders: BTreeSet<FilePath>,
}

#[derive(Clone, Debug)]
pub struct MemoryFile {
    pub bytes: Vec<u8>,
    pub owner_only: bool,
}

impl Files {
    /// A drive's or a named folder's root is always there, and so is the folder of the record, which comes with the lock.
    pub fn has_folder(&self, path: &FilePath) -> bool {
        path.parent().is_none() || self.folders.contains(path) || upcase::eq(path.as_str(), RECORD_FOLDER)
    }

    pub fn missing_folders(&self, path: &FilePath) -> usize {
        std::iter::successors(path.parent(), FilePath::parent).take_while(|folder| !self.has_folder(folder)).count()
    }

    /// A file that stands where a folder above the path should.
    fn file_above(&self, path: &FilePath) -> Option<FilePath> {
        std::iter::successors(path.parent(), FilePath::parent).find(|folder| self.files.contains_key(folder))
    }

    /// What lies directly in a folder.
    pub fn names(&self, folder: &FilePath) -> Vec<Box<str>> {
        let all = self.files.keys().chain(&self.folders).filter(|path| path.parent().as_ref() == Some(folder));
        // As on a volume, what waits for the next start is not listed.
        let listed = all.filter(|path| !is_own(path.name()));
        let mut names: Vec<Box<str>> = listed.map(|path| path.name().into()).collect();
        names.sort_unstable();
        names
    }

    /// What tells the state of a path from others.
    pub fn state(&self, path: &FilePath, key: Option<&FingerprintKey>) -> Observed<Option<String>> {
        if self.folders.contains(path) {
            return Ok(Some(FOLDER_STATE.to_owned()));
        }
        self.files.get(path).map(|file| file_state(key, &file.bytes)).transpose()
    }

    pub fn perform(&mut self, operation: &Operation, bytes: Option<&[u8]>) -> Result<(), &'static str> {
        const NO_FOLDER: &str = "its folder is not there";
        match operation {
            Operation::CreateFolder { path } => {
                if !path.parent().is_none_or(|parent| self.has_folder(&parent)) {
                    return Err(NO_FOLDER);
                }
                self.folders.insert(path.clone());
            }
            Operation::RemoveFolder { path } => {
                if !self.names(path).is_empty() {
                    return Err("the folder is not empty");
                }
                self.folders.remove(path);
            }
            Operation::PutFile { path, before, content } => {
                if !path.parent().is_none_or(|parent| self.has_folder(&parent)) {
                    return Err(NO_FOLDER);
                }
                if self.folders.contains(path) {
                    return Err("a folder stands there");
                }
                if before.is_none() && self.files.contains_key(path) {
                    return Err("a file has come to stand there");
                }
                let bytes = bytes.ok_or("its content was not evaluated")?.to_vec();
                // As on a volume, the name that is there keeps its case.
                let was_private = self.files.get(path).is_some_and(|file| file.owner_only);
                let file = MemoryFile { bytes, owner_only: content.is_sealed() || was_private };
                self.files.insert(path.clone(), file);
            }
            Operation::RemoveFile { path, .. } => drop(self.files.remove(path)),
            Operation::CreateFile { path } => {
                if !path.parent().is_none_or(|parent| self.has_folder(&parent)) {
                    return Err(NO_FOLDER);
                }
                self.files.entry(path.clone()).or_insert(MemoryFile { bytes: Vec::new(), owner_only: false });
            }
            _ => {}
        }
        Ok(())
    }
}

impl FileReader for MemoryMachine {
    fn read(&self, path: &FilePath, limit: u64) -> Observed<FileRead> {
        let files = self.files.borrow();
        let failed = |detail: &str| Unread::Failed { what: path.to_string(), detail: detail.into() };
        if files.has_folder(path) {
            return Err(failed("it is a folder"));
        }
        if let Some(above) = files.file_above(path) {
            return Err(failed(&format!("{above} is not a folder")));
        }
        let Some(file) = files.files.get(path) else {
            return Ok(FileRead::Absent { missing_folders: files.missing_folders(path) });
        };
        if u64::try_from(file.bytes.len()).is_ok_and(|length| length > limit) {
            return Err(failed("it is too large"));
        }
        Ok(FileRead::Present { bytes: Zeroizing::new(file.bytes.clone()), owner_only: Some(file.owner_only) })
    }

    fn names(&self, path: &FilePath) -> Observed<Listed> {
        let files = self.files.borrow();
        if files.files.contains_key(path) {
            return Ok(Listed::File);
        }
        if let Some(above) = files.file_above(path) {
            let detail = format!("{above} is not a folder");
            return Err(Unread::Failed { what: path.to_string(), detail });
        }
        if !files.has_folder(path) {
            return Ok(Listed::Absent { missing_folders: files.missing_folders(path) });
        }
        Ok(Listed::Names(files.names(path)))
    }
}

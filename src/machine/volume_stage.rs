//! Changes of files on volumes: gathered, looked at, then written one after the other, each whole or not at all.

use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use super::volume::{Access, EntryKind, VolumeError, VolumePath};
use super::volume_files::{self, Places};
use super::{FOLDER_STATE, PartChange, Step, WriteError, file_state, kept};
use crate::formats::edit::Selector;
use crate::machine::lower::edited;
use crate::model::certificate::FileContent;
use crate::model::file::{FilePath, MAX_FILE_BYTES};
use crate::model::operation::Operation;

/// What a file of a certificate, the copy of what it replaces and the store's element take, at most and roughly.
const FILE_BYTES: u64 = 32 << 10;

/// Files and folders with staged changes.
#[derive(Default)]
pub struct FileStage {
    /// In order.
    staged: Vec<StagedFile>,
    /// The last change of each path, by its place in `staged`.
    last: HashMap<FilePath, usize>,
    /// What the next commit writes.
    prepared: Vec<StagedFile>,
}

/// What becomes of one path.
struct StagedFile {
    path: FilePath,
    place: VolumePath,
    change: FileChange,
}

enum FileChange {
    Put {
        bytes: Zeroizing<Vec<u8>>,
        access: Access,
        /// It is the whole of what the plan wants, not what was found with a value in it changed.
        is_whole: bool,
    },
    Remove,
    CreateFolder,
    RemoveFolder,
}

impl FileStage {
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn change(&self, path: &FilePath) -> Option<&FileChange> {
        self.last.get(path).and_then(|at| self.staged.get(*at)).map(|staged| &staged.change)
    }

    fn push(&mut self, path: &FilePath, place: VolumePath, change: FileChange) {
        self.last.insert(path.clone(), self.staged.len());
        self.staged.push(StagedFile { path: path.clone(), place, change });
    }

    /// Stages a change of a file or folder, after a look at whether it can be done.
    pub fn stage(&mut self, machine: &dyn Places, step: &Step<'_>, path: &FilePath) -> Result<(), WriteError> {
        let refused = |detail: &str| WriteError::refused(step.operation.to_string(), detail);
        let failed = |error: VolumeError| WriteError::failed(step.operation.to_string(), error);
        let unplaced = |unread| WriteError::failed(step.operation.to_string(), unread);
        let (volume, place) = machine.place(path).map_err(unplaced)?;
        let kind = match self.change(path) {
            Some(FileChange::Put { .. }) => Some(EntryKind::File),
            Some(FileChange::CreateFolder) => Some(EntryKind::Folder),
            Some(FileChange::Remove | FileChange::RemoveFolder) => None,
            None => volume.metadata(&place).map_err(failed)?.map(|metadata| metadata.kind),
        };
        let makes = matches!(
            step.operation,
            Operation::PutFile { .. } | Operation::CreateFolder { .. } | Operation::CreateFile { .. }
        );
        let folder = path.parent().filter(|folder| folder.parent().is_some());
        if let Some(folder) = folder.filter(|_| makes)
            && !matches!(self.change(&folder), Some(FileChange::CreateFolder))
        {
            let (volume, above) = machine.place(&folder).map_err(unplaced)?;
            let found = volume.metadata(&above).map_err(failed)?;
            if found.is_none_or(|found| found.kind != EntryKind::Folder) {
                return Err(refused("its folder is not there"));
            }
        }
        if let (Operation::EditFile { selector, .. }, Some(EntryKind::File)) = (step.operation, kind) {
            return self.stage_edit(machine, step, path, selector);
        }
        let change = match (step.operation, kind) {
            (Operation::EditFile { .. }, None) => return Err(refused("the file is not there")),
            (Operation::CreateFile { .. }, Some(EntryKind::File)) => return Ok(()),
            (Operation::CreateFile { .. }, None) => {
                FileChange::Put { bytes: Zeroizing::default(), access: Access::Usual, is_whole: true }
            }
            (Operation::CreateFolder { .. }, Some(EntryKind::Folder))
            | (Operation::RemoveFolder { .. } | Operation::RemoveFile { .. }, None) => return Ok(()),
            (Operation::CreateFolder { .. }, None) => FileChange::CreateFolder,
            (Operation::RemoveFolder { .. }, Some(EntryKind::Folder)) => FileChange::RemoveFolder,
            (Operation::RemoveFile { .. }, Some(EntryKind::File)) => FileChange::Remove,
            (Operation::PutFile { before: None, .. }, Some(EntryKind::File)) => {
                return Err(refused("a file has come to stand there"));
            }
            (Operation::PutFile { content, .. }, None | Some(EntryKind::File)) => {
                let bytes = step.bytes.clone().ok_or_else(|| refused("its content was not evaluated"))?;
                let access = if content.is_sealed() { Access::Secret } else { Access::Usual };
                FileChange::Put { bytes, access, is_whole: true }
            }
            _ => return Err(refused("something else stands there")),
        };
        self.push(path, place, change);
        Ok(())
    }

    /// Stages an edit on top of what is staged for the file, or on what it holds.
    fn stage_edit(
        &mut self,
        machine: &dyn Places,
        step: &Step<'_>,
        path: &FilePath,
        selector: &Selector,
    ) -> Result<(), WriteError> {
        let attempt = || step.operation.to_string();
        let edited =
            |bytes: &[u8]| edited(step, selector, bytes).map_err(|detail| WriteError::refused(attempt(), detail));
        let staged = self.last.get(path).and_then(|at| self.staged.get_mut(*at));
        if let Some(StagedFile { change: FileChange::Put { bytes, .. }, .. }) = staged {
            **bytes = edited(bytes)?;
            return Ok(());
        }
        let (volume, place) = machine.place(path).map_err(|unread| WriteError::failed(attempt(), unread))?;
        let read = volume.read(&place, MAX_FILE_BYTES);
        let bytes = read.map_err(|error| WriteError::failed(attempt(), error))?.map(Zeroizing::new);
        let bytes = bytes.ok_or_else(|| WriteError::refused(attempt(), "the file is not there"))?;
        // The file keeps who may read it.
        let bytes = Zeroizing::new(edited(&bytes)?);
        let change = FileChange::Put { bytes, access: Access::Usual, is_whole: false };
        self.push(path, place, change);
        Ok(())
    }

    /// Tells the state of each path before and after; nothing is changed.
    pub fn prepare(&mut self, machine: &dyn Places, changes: &mut Vec<PartChange>) -> Result<(), WriteError> {
        if self.staged.is_empty() {
            return Ok(());
        }
        let key = kept::fingerprint_key(machine.home());
        let key = key.map_err(|unread| WriteError::failed("tell files apart", unread))?;
        for (at, StagedFile { path, change, .. }) in self.staged.iter().enumerate() {
            // Of several changes of one path, what the last one leaves counts.
            if self.last.get(path) != Some(&at) {
                continue;
            }
            let unread = |unread| WriteError::failed(format!("look at {path}"), unread);
            let after = match change {
                FileChange::Put { bytes, .. } => Some(file_state(key.as_ref(), bytes).map_err(unread)?),
                FileChange::CreateFolder => Some(FOLDER_STATE.to_owned()),
                FileChange::Remove | FileChange::RemoveFolder => None,
            };
            let before = volume_files::state(machine, path).map_err(unread)?;
            changes.push(PartChange { part: path.to_string(), before, after });
        }
        self.prepared = std::mem::take(&mut self.staged);
        self.last.clear();
        Ok(())
    }

    /// Writes what was prepared.
    pub fn commit(&mut self, machine: &dyn Places) -> Result<(), WriteError> {
        let mut waiting: Vec<FilePath> = Vec::new();
        let mut folders: HashSet<FilePath> = HashSet::new();
        for StagedFile { path, place, change } in self.prepared.drain(..) {
            folders.extend(path.parent());
            let attempt = || format!("write {path}");
            let (volume, _) = machine.place(&path).map_err(|unread| WriteError::failed(attempt(), unread))?;
            let done = match &change {
                FileChange::Put { bytes, access, .. } => volume.replace_with(&place, bytes, *access),
                FileChange::Remove => volume.remove_file(&place).map(drop),
                FileChange::CreateFolder => volume.create_dir_all(&place),
                FileChange::RemoveFolder => volume.remove_folder(&place).map(drop),
            };
            let Err(error) = done else { continue };
            // It goes when what is in it has gone.
            if matches!(change, FileChange::RemoveFolder) && waiting.iter().any(|file| file.is_below(&path)) {
                continue;
            }
            let Some(said) = machine.in_use(&path, &error) else { return Err(WriteError::failed(attempt(), error)) };
            let staged = StagedFile { path, place, change };
            put_off(machine, &staged, InUse { said, source: error })?;
            waiting.push(staged.path);
        }
        folders.iter().for_each(|folder| machine.tidy(folder));
        Ok(())
    }
}

/// Has the next start do what cannot be done while a program uses the file. A value inside a file is not put off: until then the program may
/// write what would be lost.
fn put_off(machine: &dyn Places, staged: &StagedFile, in_use: InUse) -> Result<(), WriteError> {
    let StagedFile { path, place, change } = staged;
    let attempt = || format!("write {path}");
    match change {
        FileChange::Put { bytes, access, is_whole: true } => {
            let (volume, _) = machine.place(path).map_err(|unread| WriteError::failed(attempt(), unread))?;
            let beside = volume.lay_beside(place, bytes, *access);
            let beside = beside.map_err(|error| WriteError::failed(attempt(), error))?;
            machine.at_next_start(path, Some(&beside)).inspect_err(|_| {
                // What stays is removed by the next one that waits in this folder; the first error is the one worth telling.
                let _ = volume.remove_file(&beside);
            })
        }
        FileChange::Remove => machine.at_next_start(path, None),
        FileChange::Put { .. } | FileChange::CreateFolder | FileChange::RemoveFolder => {
            Err(WriteError::failed(attempt(), in_use))
        }
    }
}

/// Somebody keeps a file from being replaced or removed.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
struct InUse {
    said: String,
    #[source]
    source: VolumeError,
}

/// Makes sure that what became of a path is on the disk.
pub fn sync(machine: &dyn Places, path: &FilePath) -> Result<(), WriteError> {
    let (volume, place) = machine.place(path).map_err(|unread| WriteError::failed(format!("sync {path}"), unread))?;
    match volume.metadata(&place)? {
        Some(metadata) if metadata.kind == EntryKind::File => Ok(volume.sync(&place)?),
        // Whoever made the folder, or removed what is gone, may have been stopped before that was on the disk.
        _ => Ok(volume.sync_name(&place)?),
    }
}

/// What a step takes on the volume beside the registry: the file, the copy of what it replaces.
pub fn room(operation: &Operation) -> u64 {
    let content = match operation {
        Operation::PutFile { content: FileContent::Bytes(bytes), .. } => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        Operation::PutFile { .. }
        | Operation::PutCertificate { .. }
        | Operation::EditFile { .. }
        | Operation::CreateFile { .. } => 0,
        _ => return 0,
    };
    content.saturating_mul(2).saturating_add(FILE_BYTES)
}

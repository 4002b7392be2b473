//! Files that are changed when the system starts next, before any program has them open.

use windows_registry::Type;

use super::drives::Drives;
use super::registry::{self, Registry};
use crate::formats::upcase;
use crate::machine::volume::VolumePath;
use crate::machine::volume_files::Places as _;
use crate::machine::windows_api::{next_start as api, told};
use crate::machine::{WriteError, next_start};
use crate::model::fact::{Observed, Unread};
use crate::model::file::FilePath;
use crate::model::operation::{Expression, Operation};
use crate::model::own_name::is_waiting;
use crate::model::probe::Answer;

/// KEY_SET_VALUE.
const SET_VALUE: u32 = 0x0002;

/// Before a path that may be longer than programs could once name.
const VERBATIM: &str = r"\\?\";

/// Has the next start remove a file, or put in its place the one at `with`, and looks whether it will.
///
/// # Errors
/// The system refuses, or says yes and its list does not say so.
pub fn change(drives: &Drives, path: &FilePath, with: Option<&VolumePath>) -> Result<(), WriteError> {
    let attempt = || format!("have the next start change {path}");
    let unread = |unread: Unread| WriteError::failed(attempt(), unread);
    let refused = |detail: &str| WriteError::refused(attempt(), detail);
    let target = drives.full_path(path).map_err(unread)?;
    let beside = with.map(|with| drives.beside(path, with));
    let verbatim = |path: &str| format!("{VERBATIM}{path}");
    let done = match &beside {
        Some(beside) => api::schedule(&verbatim(beside), Some(&verbatim(&target))),
        None => api::schedule(&verbatim(&target), None),
    };
    done.map_err(|error| WriteError::failed(attempt(), error))?;
    let wanted = match &beside {
        Some(beside) => Answer::ReplacedBy { path: FilePath::parse(beside).map_err(|error| refused(&error.0))? },
        None => Answer::Removed,
    };
    let target = FilePath::parse(&target).map_err(|error| refused(&error.0))?;
    if next_start::of(&Registry, &target).map_err(unread)? == wanted {
        return Ok(());
    }
    Err(refused("the system says that it will, and its list of what the next start does not say so"))
}

/// Removes what lay beside files of a folder and waits for nothing any more. Where the list cannot be read, or a file not be removed, it
/// stays for whoever writes in that folder next.
pub fn remove_strays(drives: &Drives, folder: &FilePath) {
    let Ok((volume, place)) = drives.place(folder) else { return };
    let names = volume.list(&place).ok().flatten().unwrap_or_default().into_iter();
    let names: Vec<String> =
        names.filter_map(|entry| entry.name.into_string().ok()).filter(|name| is_waiting(name)).collect();
    let Some(waiting) = (if names.is_empty() { None } else { next_start::all(&Registry).ok() }) else { return };
    for stray in names.iter().map(|name| place.with(name)) {
        let found = drives.beside(folder, &stray);
        let is_source =
            |fate: &Answer| matches!(fate, Answer::ReplacedBy { path } if upcase::eq(path.as_str(), &found));
        if !waiting.iter().any(|(_, fate)| is_source(fate)) {
            let _ = volume.remove_file(&stray);
        }
    }
}

/// Takes a file off the list of what the next start does; what was to replace it goes, where this program has laid it there.
///
/// # Errors
/// The list cannot be read or written.
pub fn leave_alone(path: &FilePath) -> Result<(), WriteError> {
    let attempt = || format!("have the next start leave {path} as it is");
    let unread = |unread: Unread| WriteError::failed(attempt(), unread);
    let drives = Drives::open().map_err(unread)?;
    let path = full(&drives, path).map_err(unread)?;
    let stored = next_start::stored(&Registry).map_err(unread)?;
    // First: an entry of the list without its file does nothing.
    for beside in next_start::laid_beside(stored.as_ref(), &path).map_err(unread)? {
        let (volume, place) = drives.place(&beside).map_err(unread)?;
        volume.remove_file(&place).map_err(|error| WriteError::failed(attempt(), error))?;
    }
    let Some(operation) = next_start::left_alone(stored.as_ref(), &path).map_err(unread)? else { return Ok(()) };
    let (root, place) = registry::place(&next_start::key().map_err(unread)?).map_err(unread)?;
    let write = || {
        let key = told(root.options().access(SET_VALUE).wow64_64().open(place))?;
        match &operation {
            Operation::PutRegistryValue { name, after: Expression::Registry(data), .. } => {
                told(key.set_bytes(name, Type::from(data.value_type), &data.bytes))
            }
            Operation::RemoveRegistryValue { name, .. } => told(key.remove_value(name)),
            _ => Ok(()),
        }
    };
    write().map_err(|error| WriteError::failed(attempt(), error))
}

/// What the next start does with a file.
///
/// # Errors
/// The list cannot be read.
pub fn find(path: &FilePath) -> Observed<Answer> {
    next_start::of(&Registry, &full(&Drives::open()?, path)?)
}

/// All that the next start does, with what it does on the drive of Windows also by the names that files have where that drive is C:, as
/// documents have them.
///
/// # Errors
/// The list cannot be read.
pub fn all(drives: &Drives) -> Observed<Vec<(FilePath, Answer)>> {
    let mut all = next_start::all(&Registry)?;
    let system = drives.system();
    if system != 'C' {
        let usual = |path: &FilePath| {
            let (drive, rest) = path.as_str().split_once(':')?;
            let is_system = drive.eq_ignore_ascii_case(&system.to_string());
            is_system.then(|| FilePath::parse(&format!("C:{rest}")).ok()).flatten()
        };
        let more: Vec<_> = all.iter().filter_map(|(path, fate)| Some((usual(path)?, fate.clone()))).collect();
        all.extend(more);
    }
    Ok(all)
}

fn full(drives: &Drives, path: &FilePath) -> Observed<FilePath> {
    let full = drives.full_path(path)?;
    FilePath::parse(&full).map_err(|error| Unread::Failed { what: path.to_string(), detail: error.0 })
}

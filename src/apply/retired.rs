//! Files that a run replaces or removes are retired, not destroyed: a copy goes to the record first, and stays until the run is
//! forgotten.

use std::borrow::Cow;
use std::collections::HashMap;

use super::ApplyError;
use crate::machine::{FileRead, Machine, RunName, Writer};
use crate::model::certificate::FileBefore;
use crate::model::file::{FilePath, MAX_FILE_BYTES};
use crate::model::operation::Operation;

/// Keeps every file that a step takes away, under the number of the step; gives the steps with where.
///
/// # Errors
/// A file cannot be read, or the record cannot be written.
pub fn keep<'o>(
    machine: &dyn Machine,
    writer: &mut dyn Writer,
    run: &RunName,
    mut operations: Vec<Cow<'o, Operation>>,
) -> Result<Vec<Cow<'o, Operation>>, ApplyError> {
    // Of a file that is edited in several places, one copy is enough.
    let mut edited: HashMap<FilePath, FileBefore> = HashMap::new();
    for (number, operation) in operations.iter_mut().enumerate() {
        let path = match &**operation {
            Operation::PutFile { path, before: Some(_), .. }
            | Operation::RemoveFile { path, .. }
            | Operation::EditFile { path, .. } => path.clone(),
            _ => continue,
        };
        if let (Some(known), Operation::EditFile { .. }) = (edited.get(&path), &**operation) {
            if let Operation::EditFile { file, .. } = operation.to_mut() {
                *file = known.clone();
            }
            continue;
        }
        let FileRead::Present { bytes, owner_only } =
            machine.files().and_then(|files| files.read(&path, MAX_FILE_BYTES)).map_err(ApplyError::Record)?
        else {
            continue;
        };
        writer.retire(run, number, &bytes)?;
        let kept = FileBefore { owner_only, retired: Some(format!("{run}/{number}").into()), sha256: None };
        match operation.to_mut() {
            Operation::PutFile { before: Some(before), .. } | Operation::RemoveFile { before, .. } => {
                *before = FileBefore { sha256: before.sha256, ..kept };
            }
            Operation::EditFile { file, .. } => {
                file.clone_from(&kept);
                edited.insert(path, kept);
            }
            _ => {}
        }
    }
    Ok(operations)
}

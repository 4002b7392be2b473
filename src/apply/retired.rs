//! Files that a run replaces or removes are retired, not destroyed: a copy goes to the record first, and stays until the run is
//! forgotten.

use std::borrow::Cow;

use super::ApplyError;
use crate::machine::{FileRead, Machine, RunName, Writer};
use crate::model::file::MAX_FILE_BYTES;
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
    for (number, operation) in operations.iter_mut().enumerate() {
        let path = match &**operation {
            Operation::PutFile { path, before: Some(_), .. } | Operation::RemoveFile { path, .. } => path,
            _ => continue,
        };
        let FileRead::Present { bytes, owner_only } =
            machine.files().and_then(|files| files.read(path, MAX_FILE_BYTES)).map_err(ApplyError::Record)?
        else {
            continue;
        };
        writer.retire(run, number, &bytes)?;
        if let Operation::PutFile { before: Some(before), .. } | Operation::RemoveFile { before, .. } =
            operation.to_mut()
        {
            before.owner_only = owner_only;
            before.retired = Some(format!("{run}/{number}").into());
        }
    }
    Ok(operations)
}

//! A run that is undone unless somebody confirms it in time: the confirmation, and whether it is missing.

use super::{ApplyError, ApplyOptions};
use crate::machine::{Machine, RunName, WritableMachine};
use crate::model::task::{Start, Task};

/// How often the undoing is tried again, a minute later each time: the run itself may still be at work.
const RETRIES: u32 = 60;

/// The name of the task that undoes a run.
pub fn undo_task(run: &RunName) -> String {
    format!("undo {run}")
}

/// The task that undoes a run unless it is confirmed.
pub fn undoing(run: &RunName, at: jiff::Timestamp, undo_with: &[String]) -> Task {
    Task {
        description: format!("Takes back run {run} of trueup unless `trueup confirm` is run before."),
        start: Start::Once(at),
        arguments: undo_with.iter().cloned().chain([run.to_string()]).collect(),
        retries: RETRIES,
    }
}

/// Confirms the run that waits for it, and disarms its undoing; gives its name, `None` when none waits.
///
/// # Errors
/// The machine cannot be read or written; the undoing may still be armed.
pub fn confirm(machine: &dyn WritableMachine, options: &ApplyOptions<'_>) -> Result<Option<String>, ApplyError> {
    let waits = |machine: &dyn Machine| {
        machine
            .record()
            .map(|record| record.and_then(|record| record.confirmation.clone().map(|waits| (record, waits))))
    };
    if waits(machine.as_machine()).map_err(ApplyError::Record)?.is_none() {
        return Ok(None);
    }
    let mut writer = machine.writer(options.owner)?;
    let Some((mut record, confirmation)) = waits(machine.as_machine()).map_err(ApplyError::Record)? else {
        return Ok(None);
    };
    if let (Some(scheduler), Ok(run)) = (machine.scheduler(), confirmation.run.parse::<RunName>()) {
        scheduler.remove(&undo_task(&run))?;
    }
    record.confirmation = None;
    writer.put_record(&record)?;
    Ok(Some(confirmation.run.into()))
}

/// Whether a run still waits to be confirmed: what the armed task asks before it undoes the run.
///
/// # Errors
/// The record cannot be read.
pub fn is_unconfirmed(machine: &dyn Machine, run: &RunName) -> Result<bool, ApplyError> {
    let record = machine.record().map_err(ApplyError::Record)?;
    let confirmation = record.and_then(|record| record.confirmation);
    Ok(confirmation.is_some_and(|waits| *waits.run == *run.to_string()))
}

//! The runs of a machine, as their journals tell.

use std::collections::HashMap;

use serde::Serialize;

use super::journal::{Ending, JournalError, JournalRun, Purpose, RunState, read_journal};
use crate::machine::{Machine, RunName};
use crate::model::fact::Observed;

/// One run, as far as its journal tells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PastRun {
    pub run: RunName,
    #[serde(flatten)]
    pub outcome: RunOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<jiff::Timestamp>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub owner: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub document: String,
    pub operations: usize,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// The run that took this one back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_back_by: Option<RunName>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunOutcome {
    Ended {
        #[serde(flatten)]
        ending: Ending,
    },
    /// Stopped before it touched anything.
    Untouched,
    /// Stopped when the machine may have been changed, and not taken back since.
    Unfinished,
    /// The journal tells nothing.
    Unreadable { why: String },
}

/// All runs, newest first.
///
/// # Errors
/// The machine keeps no record, or it cannot be read.
pub fn history(machine: &dyn Machine) -> Observed<Vec<PastRun>> {
    let mut past: Vec<PastRun> = Vec::new();
    for name in machine.runs()? {
        past.push(match past_run(machine, &name) {
            Ok(run) => of(&name, &run),
            Err(why) => PastRun {
                run: name,
                outcome: RunOutcome::Unreadable { why },
                started: None,
                owner: String::new(),
                document: String::new(),
                operations: 0,
                purpose: None,
                taken_back_by: None,
            },
        });
    }
    past.reverse();
    // Newest first: a rollback that was taken back itself, or of which nothing came, has taken nothing back.
    let mut taken_back: HashMap<RunName, RunName> = HashMap::new();
    for run in &mut past {
        run.taken_back_by = taken_back.get(&run.run).cloned();
        let of = run.purpose.as_ref().and_then(Purpose::takes_back);
        if let (Some(of), None, RunOutcome::Ended { ending }) = (of, &run.taken_back_by, &run.outcome)
            && ending.left_something()
        {
            taken_back.entry(of.clone()).or_insert_with(|| run.run.clone());
        }
    }
    Ok(past)
}

fn of(name: &RunName, run: &JournalRun) -> PastRun {
    let outcome = match run.state {
        RunState::Ended(ending) => RunOutcome::Ended { ending },
        RunState::Untouched => RunOutcome::Untouched,
        RunState::Unfinished => RunOutcome::Unfinished,
    };
    let beginning = &run.beginning;
    PastRun {
        run: name.clone(),
        outcome,
        started: Some(beginning.started),
        owner: beginning.owner.clone(),
        document: beginning.document.clone(),
        operations: beginning.operations,
        purpose: Some(beginning.purpose.clone()),
        taken_back_by: None,
    }
}

/// One run's journal.
///
/// # Errors
/// Why it tells nothing.
pub fn past_run(machine: &dyn Machine, name: &RunName) -> Result<JournalRun, String> {
    match machine.journal(name, None) {
        Ok(Some(bytes)) => match read_journal(&bytes) {
            Ok(run) => Ok(run),
            Err(JournalError::Empty) => Err("it stopped before its first line was whole".into()),
            Err(error) => Err(error.to_string()),
        },
        Ok(None) => Err("there is no such run".into()),
        Err(unread) => Err(unread.to_string()),
    }
}

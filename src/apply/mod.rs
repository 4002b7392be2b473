//! The only loop that changes a machine: lock, look again, journal, perform, verify, plan again, remember, report.
//! It executes a plan that leaves no decision open, and decides nothing itself.

mod basis;
mod confirm;
mod content;
mod held;
mod history;
mod journal;
mod made;
mod places;
mod recover;
mod remember;
mod restart;
mod retired;
mod run;
mod state;
mod steps;
mod verify;

pub use basis::{Basis, DocumentBasis, RollbackBasis};
pub use confirm::{confirm, is_unconfirmed, undo_task};
pub use history::{PastRun, RunOutcome, history, past_run};
pub use journal::{
    Beginning, Commit, CommitState, Ending, JOURNAL_TAIL, JOURNAL_VERSION, Journal, JournalError, JournalRun, Purpose,
    RecordBefore, RunState, ending, read_journal,
};
pub use recover::{Progressed, RecoverError, StepsDone, done_steps, resume, settle, unfinished};
pub use remember::accept_baseline;
pub use restart::{Restarted, ServiceOutcome};
pub use run::{apply, apply_saved, unproven};

use std::fmt;

use crate::formats::hold::{HoldError, HoldKey};
pub use crate::machine::SecretSource;
use crate::machine::{MachineKind, ObserveError, RunName, SERVICE_TIMEOUT, WriteError};
use crate::model::fact::Unread;
use crate::model::remembered::Owed;
use crate::model::resource::ResourceId;
use crate::model::verdict::Finding;
use crate::plan::{Moved, OrderError, Summary};

/// What becomes of a run when a step fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// What depends on the failed step is skipped, the rest goes on.
    #[default]
    Continue,
    /// Nothing more is done; what was done stays.
    Stop,
    /// All that was done is taken back.
    Rollback,
}

/// What a run needs beside the plan.
pub struct ApplyOptions<'a> {
    /// Who is at work, for the lock and the journal.
    pub owner: &'a str,
    /// The clock's reading for what is written.
    pub now: jiff::Timestamp,
    /// Codes of findings that are accepted although they are errors.
    pub accept: &'a [String],
    pub secrets: &'a dyn SecretSource,
    pub on_failure: OnFailure,
    /// The key under which secrets that are overwritten are kept.
    pub hold: Option<&'a HoldKey>,
    /// How long journals are kept, where a document says so: without one no run is forgotten.
    pub retain: Option<std::time::Duration>,
    /// Also do what nobody has seen to work on such a machine.
    pub accept_unproven: bool,
    /// Undo the run unless it is confirmed within this time.
    pub confirm_within: Option<std::time::Duration>,
    /// The arguments with which this program undoes a run unless it is confirmed, but for the name of the run, which comes last.
    pub undo_with: &'a [String],
    /// For how long a service may take to start or stop, counted from its last sign of progress.
    pub service_timeout: std::time::Duration,
}

impl<'a> ApplyOptions<'a> {
    /// A run in which nothing special is asked.
    pub fn new(owner: &'a str, now: jiff::Timestamp, secrets: &'a dyn SecretSource) -> Self {
        Self {
            owner,
            now,
            accept: &[],
            secrets,
            on_failure: OnFailure::default(),
            hold: None,
            retain: None,
            accept_unproven: false,
            confirm_within: None,
            undo_with: &[],
            service_timeout: SERVICE_TIMEOUT,
        }
    }
}

/// How long journals are kept where a document says nothing of it: 90 days.
pub const RETAIN: std::time::Duration = std::time::Duration::from_hours(90 * 24);

/// Told how far a run has come.
pub trait Progress {
    /// A phase begins, of so many steps.
    fn phase(&mut self, name: &'static str, steps: usize);
    /// One step of the phase is through.
    fn step(&mut self) {}
    /// What is done next may take minutes.
    fn waits_for(&mut self, _what: &dyn fmt::Display) {}
}

/// Why a run did not take place, or did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("the plan is refused: {}", codes(.0))]
    Refused(Vec<Finding>),
    #[error("nobody has seen trueup change this on a real Windows: {}", .0.join(", "))]
    Unproven(Vec<&'static str>),
    #[error("the machine is no longer what the plan was made for: {}", facts(.0))]
    Stale(Vec<Moved>),
    #[error("the plan was made on another sort of machine ({made_on}); this is {this}")]
    WrongTarget { made_on: String, this: MachineKind },
    #[error("cannot resolve the secret from {reference}: {detail}")]
    Secret { reference: String, detail: String },
    #[error("cannot issue {entry}: {detail}")]
    Issue { entry: ResourceId, detail: String },
    #[error("cannot {step}: {detail}")]
    Content { step: String, detail: String },
    #[error("run {0} stopped before its end")]
    Unfinished(RunName),
    #[error("what run {run} kept of overwritten secrets cannot be used")]
    Hold {
        run: String,
        #[source]
        source: HoldError,
    },
    #[error("run {run} kept secrets that are needed, and no key of the hold was named")]
    NoHoldKey { run: String },
    #[error("this machine cannot undo a run by itself")]
    NoScheduler,
    #[error("the service {service} has to stop before anything changes, and did not: {detail}")]
    NotStopped { service: String, detail: String },
    #[error("the services that have to restart cannot be told")]
    Services(#[source] Unread),
    #[error("this host gives no random numbers")]
    Random(#[source] getrandom::Error),
    #[error("trueup's record cannot be read")]
    Record(#[source] Unread),
    /// The record is there and cannot be read, and nobody has accepted that it is replaced.
    #[error("{0}; nothing was changed")]
    Unreadable(Unread),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error(transparent)]
    Observe(#[from] ObserveError),
    #[error(transparent)]
    Write(#[from] WriteError),
}

fn codes(findings: &[Finding]) -> String {
    let mut codes: Vec<&str> = findings.iter().map(|finding| &*finding.code).collect();
    codes.dedup();
    codes.join(", ")
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// How many moved facts an error names before it counts the rest.
const NAMED_FACTS: usize = 5;

fn facts(moved: &[Moved]) -> String {
    let mut names: Vec<String> = moved.iter().take(NAMED_FACTS).map(|moved| moved.0.to_string()).collect();
    if moved.len() > NAMED_FACTS {
        names.push(format!("and {} more", moved.len() - NAMED_FACTS));
    }
    names.join("; ")
}

/// What became of one changed resource.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Outcome {
    /// Done, and read back as promised.
    Done,
    Failed {
        detail: String,
    },
    /// The next start of Windows does it.
    Waiting {
        /// Who uses the file until then, as far as the machine tells.
        because: String,
    },
    /// Not tried, because of what is named.
    Skipped {
        because: String,
    },
    /// Done and taken back again, because something else failed.
    Undone {
        because: String,
    },
}

impl Outcome {
    /// Whether the step is done, or the next start of the machine does it.
    pub const fn is_done_or_waiting(&self) -> bool {
        matches!(self, Self::Done | Self::Waiting { .. })
    }
}

/// The complete account of a run; every changed resource is in it, whatever happened.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ApplyReport {
    /// The run's name in the record; `None` when there was nothing to do and nothing was written.
    pub run: Option<String>,
    pub outcomes: Vec<ResourceOutcome>,
    pub left: Left,
    /// Whether the machine was planned again, against what this run was for: a run that was finished later is not.
    pub planned_again: bool,
    /// What still differs when the machine is planned again; 0 after a complete run.
    pub remaining_operations: usize,
    pub reboot: bool,
    /// What became of the services that had to restart, in the order in which they started.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restarts: Vec<ServiceOutcome>,
    /// What the machine owes since this run or an earlier one.
    #[serde(skip_serializing_if = "Owed::is_empty")]
    pub owed: Owed,
    /// How many things the record was told of beside what was applied.
    pub bookkeeping: usize,
    /// What went wrong beside the steps, such as a journal that could not be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Until when the run must be confirmed, or else it is undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_until: Option<jiff::Timestamp>,
}

/// What the plan had no steps for although the machine may differ: counted, so that no report hides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Left {
    pub blocked: usize,
    pub deferred: usize,
    pub pending: usize,
    pub unverifiable: usize,
    pub waived: usize,
}

impl Left {
    pub const fn of(summary: &Summary) -> Self {
        let Summary { blocked, deferred, pending, unverifiable, waived, .. } = *summary;
        Self { blocked, deferred, pending, unverifiable, waived }
    }
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ResourceOutcome {
    pub address: ResourceId,
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl ApplyReport {
    /// The report of a run that had nothing to do.
    pub fn nothing(summary: &Summary, owed: Owed) -> Self {
        Self {
            run: None,
            outcomes: Vec::new(),
            left: Left::of(summary),
            planned_again: true,
            remaining_operations: 0,
            reboot: false,
            restarts: Vec::new(),
            owed,
            bookkeeping: 0,
            warnings: Vec::new(),
            confirm_until: None,
        }
    }

    pub fn done(&self) -> usize {
        self.count(|outcome| *outcome == Outcome::Done)
    }

    pub fn waiting(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Waiting { .. }))
    }

    pub fn failed(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Failed { .. }))
    }

    pub fn skipped(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Skipped { .. }))
    }

    pub fn undone(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Undone { .. }))
    }

    fn count(&self, test: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.iter().filter(|one| test(&one.outcome)).count()
    }

    fn ending(&self) -> Ending {
        Ending {
            done: self.done(),
            failed: self.failed(),
            skipped: self.skipped(),
            undone: self.undone(),
            waiting: self.waiting(),
        }
    }

    /// Whether all was done that this machine can do; what waits for somebody else or cannot be compared is no failure.
    pub fn is_complete(&self) -> bool {
        self.is_complete_but_for_blocked() && self.left.blocked == 0
    }

    /// As [`ApplyReport::is_complete`] where what is blocked was known and let be.
    pub fn is_complete_but_for_blocked(&self) -> bool {
        let restarted = self.restarts.iter().all(|one| !matches!(one.outcome, Restarted::Failed { .. }));
        self.failed() + self.skipped() + self.undone() == 0 && self.remaining_operations == 0 && restarted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_complete_when_nothing_is_left_to_do() {
        let nothing = || ApplyReport::nothing(&Summary::default(), Owed::default());
        let remaining = ApplyReport { remaining_operations: 1, ..nothing() };
        let blocked = ApplyReport { left: Left { blocked: 1, ..Left::default() }, ..nothing() };
        let told = |report: &ApplyReport| (report.is_complete(), report.is_complete_but_for_blocked());
        assert_eq!([told(&nothing()), told(&remaining), told(&blocked)], [(true, true), (false, false), (false, true)]);
    }
}

//! The only loop that changes a machine: lock, look again, journal, perform, verify, plan again, report.
//! It executes a plan that leaves no decision open, and decides nothing itself.

mod journal;
mod run;
mod verify;

pub use journal::{JOURNAL_VERSION, Journal, JournalError, JournalRun, RunState, has_ended, read_journal};
pub use run::{ApplyError, ApplyOptions, Progress, apply, apply_saved};

use crate::model::resource::ResourceId;
use crate::model::secret::SecretReference;
use crate::plan::Summary;

/// Where secrets come from when a step needs one.
pub trait SecretSource {
    /// The secret's text. It is held only while the step runs.
    ///
    /// # Errors
    /// The reference cannot be resolved; the message never holds any part of a secret.
    fn resolve(&self, reference: &SecretReference) -> Result<String, String>;
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
    /// Not tried, because of what is named.
    Skipped {
        because: String,
    },
}

/// The complete account of a run; every changed resource is in it, whatever happened.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ApplyReport {
    /// The run's name in the record; `None` when there was nothing to do and nothing was written.
    pub run: Option<String>,
    pub outcomes: Vec<ResourceOutcome>,
    pub left: Left,
    /// What still differs when the machine is planned again; 0 after a complete run.
    pub remaining_operations: usize,
    pub reboot: bool,
}

/// What the plan had no steps for although the machine may differ: counted, so that no report hides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Left {
    pub blocked: usize,
    pub deferred: usize,
    pub pending: usize,
    pub unverifiable: usize,
}

impl Left {
    pub const fn of(summary: &Summary) -> Self {
        let Summary { blocked, deferred, pending, unverifiable, .. } = *summary;
        Self { blocked, deferred, pending, unverifiable }
    }
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ResourceOutcome {
    pub address: ResourceId,
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl ApplyReport {
    pub fn done(&self) -> usize {
        self.outcomes.iter().filter(|one| one.outcome == Outcome::Done).count()
    }

    pub fn failed(&self) -> usize {
        self.outcomes.iter().filter(|one| matches!(one.outcome, Outcome::Failed { .. })).count()
    }

    pub fn skipped(&self) -> usize {
        self.outcomes.iter().filter(|one| matches!(one.outcome, Outcome::Skipped { .. })).count()
    }

    /// Whether all was done that this machine can do; what waits for somebody else or cannot be compared is no failure.
    pub fn is_complete(&self) -> bool {
        self.failed() == 0 && self.skipped() == 0 && self.remaining_operations == 0 && self.left.blocked == 0
    }
}

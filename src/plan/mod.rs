//! The plan: what would change and why, made purely from a document, the facts and one reading of the clock.

mod build;
pub mod lint;
mod order;
pub mod saved;
pub mod staleness;
pub mod wire;

pub use build::{PlanOptions, build};
pub use order::{Cycle, OrderError, order};
pub use saved::{LoadError, SavedPlan, Target};
pub use staleness::{FactId, FactPrint, Moved};

use crate::model::fact::Identity;
use crate::model::operation::Operation;
use crate::model::resource::ResourceId;
use crate::model::verdict::{Action, Decision, Finding, Severity, Verdict};

/// Everything that follows from a document and a machine's facts. Holds no open decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub as_of: jiff::Timestamp,
    pub machine: Identity,
    /// The documents by the number that a [`crate::model::source::FileId`] carries.
    pub files: Vec<String>,
    /// Every resource of the document, in the order in which changes run.
    pub decisions: Vec<Decision>,
    /// How many resources stay as they are and are not among `decisions`: a plan that was saved keeps their number only.
    pub kept: usize,
    /// For each decision the decisions that must succeed before it, as indexes into `decisions`.
    pub after: Dependencies,
    pub findings: Vec<Finding>,
    pub unmanaged: Vec<ResourceId>,
}

/// Which entries of a plan wait for which, over ranges of its decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Dependencies {
    /// One per entry, in plan order.
    pub entries: Vec<EntrySpan>,
}

/// The decisions of one entry and the entries it depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EntrySpan {
    pub start: usize,
    pub end: usize,
    /// Indexes into [`Dependencies::entries`], all smaller than this entry's own.
    pub needs: Vec<usize>,
}

/// The figures of a plan; each is counted from its decisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    pub add: usize,
    pub change: usize,
    pub remove: usize,
    pub replace: usize,
    pub unchanged: usize,
    pub blocked: usize,
    pub deferred: usize,
    pub pending: usize,
    pub unverifiable: usize,
    pub operations: usize,
    pub reboot: bool,
}

impl Plan {
    pub fn summary(&self) -> Summary {
        let mut sum = Summary { unchanged: self.kept, ..Summary::default() };
        for decision in &self.decisions {
            let slot = match &decision.verdict {
                Verdict::Keep => &mut sum.unchanged,
                Verdict::Blocked => &mut sum.blocked,
                Verdict::Deferred => &mut sum.deferred,
                Verdict::Pending => &mut sum.pending,
                Verdict::Unverifiable => &mut sum.unverifiable,
                Verdict::Change { action, .. } => match action {
                    Action::Create => &mut sum.add,
                    Action::Update => &mut sum.change,
                    Action::Delete => &mut sum.remove,
                    Action::Replace => &mut sum.replace,
                },
            };
            *slot += 1;
            sum.operations += decision.operations().len();
            sum.reboot |= decision.reboot && matches!(decision.verdict, Verdict::Change { .. });
        }
        sum
    }

    /// All steps in the order in which they run.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.decisions.iter().flat_map(Decision::operations)
    }

    pub fn has_operations(&self) -> bool {
        self.operations().next().is_some()
    }

    /// The findings that make `apply` refuse, but for the accepted codes.
    pub fn refusals<'p>(&'p self, accepted: &'p [String]) -> impl Iterator<Item = &'p Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .filter(|finding| !accepted.iter().any(|code| *code == finding.code))
    }
}

impl Summary {
    /// Whether the machine is not what the document says; what is blocked or pending counts.
    pub fn differs(&self) -> bool {
        self.add + self.change + self.remove + self.replace + self.blocked + self.pending + self.deferred > 0
    }
}

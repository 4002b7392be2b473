//! The plan: what would change and why, made purely from a document, the facts and one reading of the clock.

mod alike;
mod build;
pub mod lint;
mod next_start;
mod order;
mod passwords;
mod places;
mod protection;
mod remembered;
mod restarts;
pub mod rollback;
pub mod saved;
pub mod staleness;
pub mod wire;

pub use build::{PlanOptions, build};
pub use next_start::is_then;
pub use order::{Cycle, OrderError, order};
pub use protection::{Occasion, Protected, lost_protected};
pub use remembered::{Bookkeeping, Orphan, Remembered};
pub use restarts::Restarts;
pub use saved::{LoadError, SavedPlan, Target};
pub use staleness::{FactId, FactPrint, Moved};

use crate::formats::upcase;
use crate::model::fact::{Facts, Identity};
use crate::model::operation::{Hold, Operation, Reversibility};
use crate::model::remembered::Owed;
use crate::model::resource::ResourceId;
use crate::model::verdict::{Action, Decision, Finding, Severity, Verdict};

/// Everything that follows from a document and a machine's facts. Holds no open decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub as_of: jiff::Timestamp,
    pub machine: Identity,
    /// The document's name in the record.
    pub document: String,
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
    /// What was applied once and is not named any more.
    pub orphans: Vec<Orphan>,
    /// How many entries of other documents the record holds.
    pub elsewhere: usize,
    /// What the record itself has to be told.
    pub bookkeeping: Vec<Bookkeeping>,
    /// What earlier runs still owe.
    pub owed: Owed,
    /// The services that restart when the changes are done.
    pub restarts: Restarts,
    /// Whether secrets that are overwritten are kept.
    pub hold: Hold,
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
    #[serde(default)]
    pub waived: usize,
    #[serde(default)]
    pub orphans: usize,
    pub operations: usize,
    /// How many of the operations cannot be taken back, or not to the letter.
    #[serde(default)]
    pub irreversible: usize,
    #[serde(default)]
    pub compensable: usize,
    /// How many services must be restarted, what earlier runs owe included.
    #[serde(default)]
    pub restarts: usize,
    pub reboot: bool,
}

impl Plan {
    /// A plan in which nothing is decided yet.
    pub fn new(as_of: jiff::Timestamp) -> Self {
        Self {
            as_of,
            machine: Identity::default(),
            document: String::new(),
            files: Vec::new(),
            decisions: Vec::new(),
            kept: 0,
            after: Dependencies::default(),
            findings: Vec::new(),
            unmanaged: Vec::new(),
            orphans: Vec::new(),
            elsewhere: 0,
            bookkeeping: Vec::new(),
            owed: Owed::default(),
            restarts: Restarts::default(),
            hold: Hold::None,
        }
    }

    pub fn summary(&self) -> Summary {
        let mut sum = Summary { unchanged: self.kept, orphans: self.orphans.len(), ..Summary::default() };
        for decision in &self.decisions {
            let slot = match &decision.verdict {
                Verdict::Keep => &mut sum.unchanged,
                Verdict::Blocked => &mut sum.blocked,
                Verdict::Deferred => &mut sum.deferred,
                Verdict::Pending => &mut sum.pending,
                Verdict::Unverifiable => &mut sum.unverifiable,
                Verdict::Waived { .. } => &mut sum.waived,
                Verdict::Change { action, .. } => match action {
                    Action::Create => &mut sum.add,
                    Action::Update => &mut sum.change,
                    Action::Delete => &mut sum.remove,
                    Action::Replace => &mut sum.replace,
                },
            };
            *slot += 1;
            sum.operations += decision.operations().len();
            for operation in decision.operations() {
                match operation.reversibility(self.hold) {
                    Reversibility::Reversible => {}
                    Reversibility::Compensable => sum.compensable += 1,
                    Reversibility::Irreversible => sum.irreversible += 1,
                }
            }
        }
        sum.reboot =
            self.needs_reboot() || self.owed.reboot.is_some() || self.decisions.iter().any(next_start::is_then);
        sum.restarts = self.all_restarts().map(upcase::fold).collect::<std::collections::HashSet<_>>().len();
        sum
    }

    /// Whether the changes of this plan ask for a reboot.
    pub fn needs_reboot(&self) -> bool {
        self.decisions.iter().any(|decision| decision.reboot && matches!(decision.verdict, Verdict::Change { .. }))
    }

    /// The services that the changes of this plan ask to restart; one may come more than once.
    pub fn asked_restarts(&self) -> impl Iterator<Item = &str> {
        self.changing().flat_map(|decision| decision.restart.iter().map(|name| &**name))
    }

    /// Those of them that stop before anything changes.
    pub fn stopped_first(&self) -> impl Iterator<Item = &str> {
        self.changing().flat_map(|decision| decision.stop_first.iter().map(|name| &**name))
    }

    fn changing(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.iter().filter(|decision| matches!(decision.verdict, Verdict::Change { .. }))
    }

    fn all_restarts(&self) -> impl Iterator<Item = &str> {
        self.asked_restarts().chain(self.owed.restarts.keys().map(|name| &**name))
    }

    /// Puts the restarts in order, once everything is decided.
    fn order_restarts(&mut self, facts: &Facts) {
        self.restarts = Restarts::of(self.all_restarts(), facts);
    }

    /// Whether there is anything to do, on the machine or in its record.
    pub fn has_work(&self) -> bool {
        self.has_operations() || !self.bookkeeping.is_empty() || self.has_due_restarts()
    }

    /// Whether earlier runs owe restarts which this machine can do.
    pub fn has_due_restarts(&self) -> bool {
        self.restarts.now && !self.owed.restarts.is_empty()
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
        refusals(&self.findings, accepted)
    }
}

/// The findings that make `apply` refuse, but for the accepted codes.
pub fn refusals<'f>(findings: &'f [Finding], accepted: &'f [String]) -> impl Iterator<Item = &'f Finding> {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.filter(|finding| !accepted.iter().any(|code| *code == finding.code))
}

impl Summary {
    /// Whether the machine is not what the document says; what is blocked or pending counts.
    pub fn differs(&self) -> bool {
        self.add + self.change + self.remove + self.replace + self.blocked + self.pending + self.deferred > 0
    }
}

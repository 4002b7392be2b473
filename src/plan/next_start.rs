//! What the next start of Windows makes of the files that entries are about. What it will make so waits for it; what it would make otherwise
//! is kept from it. Pure.

use std::collections::HashMap;

use super::places::Files;
use super::rollback::{Inverse, PartStates};
use crate::kinds::{Comparison, Context, Kind};
use crate::model::fact::Facts;
use crate::model::file::FilePath;
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe};
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// The code of every reason that the next start gives.
pub const CODE: &str = "files.next_start";

/// The facts as they are and as they will be after the next start.
pub struct NextStart<'f> {
    facts: &'f Facts,
    /// `None` where it changes nothing that is asked about.
    after: Option<Facts>,
}

impl<'f> NextStart<'f> {
    pub fn new(facts: &'f Facts) -> Self {
        Self { facts, after: facts.after_next_start() }
    }

    /// Holds what was decided of an entry against what the entry will find after the next start.
    pub fn settle(&self, kind: &dyn Kind, context: &Context<'_>, comparison: &mut Comparison) {
        let Some(after) = &self.after else { return };
        let then = kind.compare(after, context);
        let then: HashMap<&ResourceId, &Decision> =
            then.decisions.iter().chain(&then.closing).map(|decision| (&decision.id, decision)).collect();
        for decision in comparison.decisions.iter_mut().chain(&mut comparison.closing) {
            if let Some(then) = then.get(&decision.id) {
                self.settle_one(decision, then);
            }
        }
    }

    fn settle_one(&self, decision: &mut Decision, then: &Decision) {
        match (&mut decision.verdict, &then.verdict) {
            (Verdict::Change { .. }, Verdict::Keep) => {
                decision.verdict = Verdict::Pending;
                decision.reasons.push(Reason::with(CODE, "the next start of Windows makes it so"));
            }
            (Verdict::Change { operations, .. }, _) => {
                let first = self.kept_from(operations);
                operations.splice(0..0, first);
            }
            (Verdict::Keep, Verdict::Change { operations, .. }) => {
                let reason = Reason::with(CODE, "the next start of Windows would change it");
                let operations = self.kept_from(operations);
                decision.verdict = Verdict::Change { action: Action::Update, operations };
                decision.reasons.push(reason);
            }
            (Verdict::Keep, Verdict::Blocked) => {
                decision.verdict = Verdict::Blocked;
                decision.reasons.clone_from(&then.reasons);
                decision.reasons.push(Reason::with(CODE, "the next start of Windows changes it"));
            }
            _ => {}
        }
    }

    /// The steps that keep the next start from changing the files of these steps.
    fn kept_from(&self, operations: &[Operation]) -> Vec<Operation> {
        let mut seen: Vec<&FilePath> = Vec::new();
        for path in operations.iter().filter_map(Operation::file) {
            if !seen.contains(&path) {
                seen.push(path);
            }
        }
        seen.into_iter().filter_map(|path| leave_alone(self.facts, path)).collect()
    }
}

/// What the next start makes of the files of a run that is taken back.
pub struct TakenBackThen<'e> {
    facts: &'e Facts,
    /// The files as they are then; `None` where it changes none of them.
    then: Option<Files<'e>>,
    /// The files that it is kept from changing.
    left_alone: Vec<&'e FilePath>,
}

impl<'e> TakenBackThen<'e> {
    pub fn new(facts: &'e Facts, parts: &'e [PartStates<'e>]) -> Self {
        let then = facts.after_next_start().map(|then| Files::new(&then, parts));
        Self { facts, then, left_alone: Vec::new() }
    }

    /// Whether the next start takes back what a step did to a file, and nothing has done so by now.
    pub fn takes_back(&self, operation: &Operation, now: &Files<'_>) -> bool {
        let is_back = |files: &Files<'_>| matches!(files.back(operation), Inverse::Nothing);
        let is_changed = operation.file().is_some_and(|path| self.facts.next_start(path).is_some());
        is_changed && !is_back(now) && self.then.as_ref().is_some_and(is_back)
    }

    /// The step that keeps the next start from changing the file that a step was about, once for each file.
    pub fn left_alone(&mut self, operation: &'e Operation) -> Option<Operation> {
        let path = operation.file()?;
        let step = leave_alone(self.facts, path).filter(|_| !self.left_alone.contains(&path))?;
        self.left_alone.push(path);
        Some(step)
    }
}

/// What is said of a resource that the next start takes back.
pub fn taken_back(id: &ResourceId) -> Decision {
    let reasons = vec![Reason::with(CODE, "the next start of Windows takes it back")];
    Decision { verdict: Verdict::Pending, reasons, ..Decision::keep(id.clone(), Location::default()) }
}

/// The step that has the next start leave a file as it is, where it would not.
pub fn leave_alone(facts: &Facts, path: &FilePath) -> Option<Operation> {
    let before = facts.next_start(path)?.clone();
    Some(Operation::Adjust { what: Probe::NextStart { path: path.clone() }, before, after: Answer::Stays })
}

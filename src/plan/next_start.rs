//! What the next start of Windows makes of the files that entries are about. What it will make so waits for it; what it would make otherwise
//! is kept from it. Pure.

use std::collections::{HashMap, HashSet};

use super::places::Files;
use super::rollback::{Inverse, PartStates};
use crate::kinds::{Comparison, Context, Kind};
use crate::model::fact::Facts;
use crate::model::file::FilePath;
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe};
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// The code of every reason that the next start gives.
pub const CODE: &str = "files.next_start";

/// Whether the next start makes a thing what is wanted of it.
pub fn is_then(decision: &Decision) -> bool {
    decision.verdict == Verdict::Pending && decision.reasons.iter().any(|reason| reason.code == CODE)
}

/// The facts as they are and as they will be after the next start.
pub struct NextStart<'f> {
    facts: &'f Facts,
    /// The files that are kept from it, for one decision or another.
    kept: HashSet<FilePath>,
    /// What was decided of each entry, in the order of the document: now, and then. Each is taken once; there is none where the next start
    /// changes nothing that is asked about.
    looked: Vec<Option<(Comparison, Comparison)>>,
}

impl<'f> NextStart<'f> {
    /// Looks what each kind decides now and what it will decide then: a file that is kept from the next start for one of them is kept for all.
    pub fn new<'k>(facts: &'f Facts, kinds: impl Iterator<Item = &'k dyn Kind>, context: &Context<'_>) -> Self {
        let mut next = Self { facts, kept: HashSet::new(), looked: Vec::new() };
        let Some(after) = facts.after_next_start() else { return next };
        let mut looked = Vec::new();
        let mut kept = HashSet::new();
        for kind in kinds {
            let (now, then) = (kind.compare(facts, context), kind.compare(&after, context));
            let fates = by_id(&then);
            for decision in now.decisions.iter().chain(&now.closing) {
                let Some(then) = fates.get(&decision.id) else { continue };
                let operations = match (&decision.verdict, &then.verdict) {
                    (Verdict::Change { .. }, Verdict::Keep) => continue,
                    (Verdict::Change { operations, .. }, _) | (Verdict::Keep, Verdict::Change { operations, .. }) => {
                        operations
                    }
                    _ => continue,
                };
                kept.extend(next.listed(operations).map(FilePath::usual_place));
            }
            looked.push(Some((now, then)));
        }
        (next.kept, next.looked) = (kept, looked);
        next
    }

    /// Decides of the entry at this place of the document, with what it will find after the next start.
    pub fn compare(&mut self, index: usize, kind: &dyn Kind, context: &Context<'_>) -> Comparison {
        match self.looked.get_mut(index).and_then(Option::take) {
            Some((mut now, then)) => {
                self.settle(&mut now, &by_id(&then));
                now
            }
            None => kind.compare(self.facts, context),
        }
    }

    fn settle(&self, comparison: &mut Comparison, then: &HashMap<&ResourceId, &Decision>) {
        let steps = comparison.decisions.iter().flat_map(|decision| decision.operations());
        let going: Vec<FilePath> =
            steps.filter(|step| self.goes_then(step)).filter_map(Operation::file).cloned().collect();
        for decision in comparison.decisions.iter_mut().chain(&mut comparison.closing) {
            match then.get(&decision.id) {
                Some(then) => self.settle_one(decision, then),
                // What is not named and then is not there either.
                None if self.goes(decision) => wait(decision, None),
                None => {}
            }
            self.settle_folder(decision, &going);
        }
        // Who may do what with a file that is replaced then is set when it is there.
        let waiting: Vec<ResourceId> =
            comparison.decisions.iter().filter(|one| is_then(one)).map(|one| one.id.clone()).collect();
        for decision in comparison.decisions.iter_mut().filter(|one| waiting.contains(&one.id.entry())) {
            if sets_security(decision) || then.get(&decision.id).is_some_and(|then| sets_security(then)) {
                let reason = Reason::with("files.security_then", "it is set when the next start has replaced the file");
                decision.verdict = Verdict::Pending;
                decision.reasons.push(reason);
            }
        }
    }

    fn settle_one(&self, decision: &mut Decision, then: &Decision) {
        match (&mut decision.verdict, &then.verdict) {
            (Verdict::Change { operations, .. }, Verdict::Keep)
                if !self.listed(operations).any(|path| self.kept.contains(&path.usual_place())) =>
            {
                wait(decision, then.trace);
            }
            (Verdict::Change { operations, .. }, _) => {
                let first = self.kept_from(operations);
                operations.splice(0..0, first);
            }
            (Verdict::Keep, Verdict::Change { operations, .. }) => {
                let operations = self.kept_from(operations);
                if !operations.is_empty() {
                    let reason = Reason::with(CODE, "the next start of Windows would change it");
                    decision.verdict = Verdict::Change { action: Action::Update, operations };
                    decision.reasons.push(reason);
                }
            }
            (Verdict::Keep, Verdict::Blocked) => {
                decision.verdict = Verdict::Blocked;
                decision.reasons.clone_from(&then.reasons);
                decision.reasons.push(Reason::with(CODE, "the next start of Windows changes it"));
            }
            _ => {}
        }
    }

    /// Whether all that is to go goes at the next start.
    fn goes(&self, decision: &Decision) -> bool {
        let goes = |step: &Operation| self.goes_then(step);
        matches!(decision.verdict, Verdict::Change { .. }) && decision.operations().iter().all(goes)
    }

    fn goes_then(&self, step: &Operation) -> bool {
        match step {
            Operation::RemoveFile { path, .. } => self.facts.next_start(path) == Some(&Answer::Removed),
            _ => false,
        }
    }

    /// A folder goes when what is in it has gone: these files go at the next start.
    fn settle_folder(&self, decision: &mut Decision, going: &[FilePath]) {
        let holds_more = |step: &Operation| match step {
            Operation::RemoveFolder { path } => going.iter().any(|file| file.is_below(path)),
            _ => false,
        };
        if decision.operations().iter().any(holds_more) {
            decision.verdict = Verdict::Pending;
            decision.reasons.push(Reason::with("files.folder_then", "what is in it goes at the next start of Windows"));
        }
    }

    /// The files of these steps that the next start changes.
    fn listed<'o>(&self, operations: &'o [Operation]) -> impl Iterator<Item = &'o FilePath> {
        operations.iter().filter_map(Operation::file).filter(|path| self.facts.next_start(path).is_some())
    }

    /// The steps that keep the next start from changing the files of these steps.
    fn kept_from(&self, operations: &[Operation]) -> Vec<Operation> {
        let mut seen: Vec<&FilePath> = Vec::new();
        for path in self.listed(operations) {
            if !seen.contains(&path) {
                seen.push(path);
            }
        }
        seen.into_iter().filter_map(|path| leave_alone(self.facts, path)).collect()
    }
}

/// What the next start makes as it should be is as good as done, and known to the record as such.
fn wait(decision: &mut Decision, trace: Option<Trace>) {
    decision.verdict = Verdict::Pending;
    decision.reasons.push(Reason::with(CODE, "the next start of Windows makes it so"));
    decision.trace = trace;
}

fn sets_security(decision: &Decision) -> bool {
    let is_security = |step: &Operation| matches!(step, Operation::Adjust { what: Probe::FileSecurity { .. }, .. });
    decision.operations().iter().any(is_security)
}

fn by_id(comparison: &Comparison) -> HashMap<&ResourceId, &Decision> {
    comparison.decisions.iter().chain(&comparison.closing).map(|decision| (&decision.id, decision)).collect()
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
        // Of several values in one file, some may be right then and others not.
        if !matches!(operation, Operation::PutFile { .. } | Operation::RemoveFile { .. }) {
            return false;
        }
        let is_back = |files: &Files<'_>| matches!(files.back(operation), Inverse::Nothing);
        let is_changed = operation.file().is_some_and(|path| self.facts.next_start(path).is_some());
        is_changed && !is_back(now) && self.then.as_ref().is_some_and(is_back)
    }

    /// The step that keeps the next start from changing the file that a step was about, once for each file. Where the file is as before the
    /// run (`is_back`), only what would make it again what the run wanted is kept away: anything else is somebody else's.
    pub fn left_alone(&mut self, operation: &'e Operation, is_back: bool) -> Option<Operation> {
        let path = operation.file()?;
        let then = self.then.as_ref().map(|then| then.back(operation));
        if is_back && !matches!(then, Some(Inverse::Step(_) | Inverse::Partly(..) | Inverse::Never(_))) {
            return None;
        }
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

//! What has failed so far in a run, and what must therefore not be tried.

use super::{Outcome, ResourceOutcome};
use crate::machine::Step;
use crate::model::operation::Operation;
use crate::model::verdict::{Decision, Verdict};
use crate::plan::Plan;

/// A step of the plan with the decision and the entry that it belongs to.
pub struct Planned<'p> {
    pub decision: usize,
    pub entry: usize,
    pub step: Step<'p>,
}

/// What has failed so far.
pub struct State<'p> {
    pub plan: &'p Plan,
    failures: Vec<Option<Outcome>>,
    /// For each entry the first of its decisions that was not done.
    failed_entries: Vec<Option<usize>>,
    /// Why nothing more is tried.
    stopped: Option<String>,
}

impl<'p> State<'p> {
    pub fn new(plan: &'p Plan) -> Self {
        let failed_entries = vec![None; plan.after.entries.len()];
        Self { plan, failures: vec![None; plan.decisions.len()], failed_entries, stopped: None }
    }

    pub fn fail(&mut self, planned: &Planned<'_>, detail: String) {
        self.note(planned, Outcome::Failed { detail });
    }

    pub fn skip(&mut self, planned: &Planned<'_>, because: String) {
        self.note(planned, Outcome::Skipped { because });
    }

    /// The next start of the machine does it.
    pub fn wait(&mut self, planned: &Planned<'_>, because: String) {
        self.note(planned, Outcome::Waiting { because });
    }

    /// Whether anything waits for the next start of the machine.
    pub fn waits(&self) -> bool {
        self.failures.iter().any(|failure| matches!(failure, Some(Outcome::Waiting { .. })))
    }

    /// Lets nothing more be tried.
    pub fn stop(&mut self, because: String) {
        self.stopped.get_or_insert(because);
    }

    fn note(&mut self, planned: &Planned<'_>, outcome: Outcome) {
        if let Some(slot @ None) = self.failures.get_mut(planned.decision) {
            *slot = Some(outcome);
        }
        if let Some(slot @ None) = self.failed_entries.get_mut(planned.entry) {
            *slot = Some(planned.decision);
        }
    }

    /// All that is not known to have failed was done and is taken back again, or was never durable.
    pub fn undo_all(&mut self, because: &str) {
        for (decision, slot) in self.plan.decisions.iter().zip(&mut self.failures) {
            if slot.is_none() && matches!(decision.verdict, Verdict::Change { .. }) {
                *slot = Some(Outcome::Undone { because: because.to_owned() });
            }
        }
    }

    /// Why a step must not be tried: an earlier step of its resource, the entry that it is a part of, or anything that
    /// its entry depends on was not done.
    pub fn obstacle(&self, planned: &Planned<'_>) -> Option<String> {
        if let Some(because) = &self.stopped {
            return Some(because.clone());
        }
        let span = self.plan.after.entries.get(planned.entry)?;
        let not_done = |decision: usize| matches!(self.failures.get(decision), Some(Some(_))).then_some(decision);
        // A saved plan does not hold what stays, so the entry's own decision is known by its address, not its place. A certificate whose
        // key is not in the key store goes into no store, and nobody is pointed to it.
        let of_entry = || {
            let first = (*self.failed_entries.get(planned.entry)?)?;
            let whole = self.plan.decisions.get(planned.decision)?.id.entry();
            let brings_key =
                |one: &Decision| one.operations().iter().any(|step| matches!(step, Operation::ImportKey { .. }));
            let is_base = |decision: &usize| {
                self.plan.decisions.get(*decision).is_some_and(|one| one.id == whole || brings_key(one))
            };
            (first..planned.decision).filter(is_base).find_map(not_done)
        };
        let needed = || span.needs.iter().find_map(|entry| *self.failed_entries.get(*entry)?);
        let culprit = not_done(planned.decision).or_else(of_entry).or_else(needed)?;
        let id = &self.plan.decisions.get(culprit)?.id;
        Some(match self.failures.get(culprit) {
            Some(Some(Outcome::Waiting { .. })) => format!("{id} waits for the next start"),
            _ => format!("{id} was not done"),
        })
    }

    /// The changes that are on the machine; one of several steps that failed may be there in part.
    pub fn done(&self) -> impl Iterator<Item = &'p Decision> {
        let changes = self.plan.decisions.iter().zip(&self.failures);
        let done = changes.filter(|(decision, failure)| match failure {
            None | Some(Outcome::Waiting { .. }) => matches!(decision.verdict, Verdict::Change { .. }),
            Some(Outcome::Failed { .. }) => decision.operations().len() > 1,
            Some(_) => false,
        });
        done.map(|(decision, _)| decision)
    }

    /// Whether any change failed, or was not tried because another did.
    pub fn has_failed(&self) -> bool {
        self.failures.iter().any(|failure| matches!(failure, Some(Outcome::Failed { .. } | Outcome::Skipped { .. })))
    }

    pub fn outcomes(self) -> Vec<ResourceOutcome> {
        let changes = self.plan.decisions.iter().zip(self.failures);
        changes
            .filter(|(decision, _)| matches!(decision.verdict, Verdict::Change { .. }))
            .map(|(decision, failure)| ResourceOutcome {
                address: decision.id.clone(),
                outcome: failure.unwrap_or(Outcome::Done),
            })
            .collect()
    }
}

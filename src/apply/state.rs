//! What has failed so far in a run, and what must therefore not be tried.

use std::collections::HashSet;

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
    stopped: Option<Obstacle>,
    /// The decisions that are skipped because something waits for the next start, and nothing has failed.
    until_start: HashSet<usize>,
    stops_when_it_waits: bool,
}

/// Why a step is not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    because: String,
    /// It can be tried after the next start: nothing has failed.
    until_start: bool,
}

impl From<String> for Obstacle {
    fn from(because: String) -> Self {
        Self { because, until_start: false }
    }
}

impl<'p> State<'p> {
    pub fn new(plan: &'p Plan) -> Self {
        let failed_entries = vec![None; plan.after.entries.len()];
        Self {
            plan,
            failures: vec![None; plan.decisions.len()],
            failed_entries,
            stopped: None,
            until_start: HashSet::new(),
            stops_when_it_waits: false,
        }
    }

    pub fn fail(&mut self, planned: &Planned<'_>, detail: String) {
        self.note(planned, Outcome::Failed { detail });
    }

    pub fn skip(&mut self, planned: &Planned<'_>, obstacle: impl Into<Obstacle>) {
        let Obstacle { because, until_start } = obstacle.into();
        if until_start {
            self.until_start.insert(planned.decision);
        }
        self.note(planned, Outcome::Skipped { because });
    }

    /// The next start of the machine does it.
    pub fn wait(&mut self, planned: &Planned<'_>, because: String) {
        self.note(planned, Outcome::Waiting { because });
        if self.stops_when_it_waits {
            let because = "it may depend on a file that waits for the next start".to_owned();
            self.stopped.get_or_insert(Obstacle { because, until_start: true });
        }
    }

    /// Whether anything waits for the next start of the machine.
    pub fn waits(&self) -> bool {
        self.failures.iter().any(|failure| matches!(failure, Some(Outcome::Waiting { .. })))
    }

    /// Lets nothing more be tried.
    pub fn stop(&mut self, because: String) {
        self.stopped.get_or_insert(because.into());
    }

    /// Lets nothing more be tried once something waits for the next start: what depends on what is not known.
    pub const fn stop_when_it_waits(&mut self) {
        self.stops_when_it_waits = true;
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
    pub fn obstacle(&self, planned: &Planned<'_>) -> Option<Obstacle> {
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
            Some(Some(Outcome::Waiting { .. })) => {
                Obstacle { because: format!("{id} waits for the next start"), until_start: true }
            }
            _ => Obstacle { because: format!("{id} was not done"), until_start: self.until_start.contains(&culprit) },
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
        self.failures.iter().enumerate().any(|(decision, failure)| match failure {
            Some(Outcome::Failed { .. }) => true,
            Some(Outcome::Skipped { .. }) => !self.until_start.contains(&decision),
            _ => false,
        })
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

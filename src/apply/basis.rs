//! What a plan is made from: a document, or a run that is to be taken back. Each knows how to look and how to plan anew.

use super::journal::{JournalRun, Purpose};
use super::remember::is_restorable;
use crate::document::Desired;
use crate::machine::{
    Machine, NoSecrets, ObserveError, ObserveOptions, SecretSource, answer, ask_next_start, ask_services, begin,
    fresh_key, observe,
};
use crate::model::fact::Facts;
use crate::model::operation::Operation;
use crate::model::resource::ResourceId;
use crate::plan::rollback::{self, Effects, PartStates};
use crate::plan::{Bookkeeping, OrderError, Plan, PlanOptions, build};

/// The two steps that lead to a plan, to be taken once before it is approved and once again under the lock.
pub trait Basis {
    /// Reads all that the plan rests on.
    ///
    /// # Errors
    /// The machine cannot be observed.
    fn facts(&self, machine: &dyn Machine, secrets: &dyn SecretSource) -> Result<Facts, ObserveError>;

    /// Makes the plan.
    ///
    /// # Errors
    /// The document has no order.
    fn plan(&self, facts: &Facts) -> Result<Plan, OrderError>;

    fn purpose(&self) -> Purpose;

    /// Whether secrets are among what is wanted, so that the record needs a key for their fingerprints.
    fn has_secrets(&self) -> bool;

    /// The document, where there is one.
    fn desired(&self) -> Option<&Desired>;

    /// The run that is taken back, where there is one.
    fn taken_back(&self) -> Option<&JournalRun>;
}

/// A document, and how it is to be planned.
pub struct DocumentBasis<'d> {
    pub desired: &'d Desired,
    pub options: PlanOptions,
}

impl Basis for DocumentBasis<'_> {
    fn facts(&self, machine: &dyn Machine, secrets: &dyn SecretSource) -> Result<Facts, ObserveError> {
        let wanted = self.desired.entries.iter().map(|entry| &entry.wanted);
        let options = ObserveOptions { as_of: self.options.as_of, secrets, survey: self.options.survey };
        observe(machine, wanted, options)
    }

    fn plan(&self, facts: &Facts) -> Result<Plan, OrderError> {
        build(self.desired, facts, self.options)
    }

    fn purpose(&self) -> Purpose {
        Purpose::Apply
    }

    fn has_secrets(&self) -> bool {
        self.desired.entries.iter().any(|entry| entry.wanted.kind().has_secrets())
    }

    fn desired(&self) -> Option<&Desired> {
        Some(self.desired)
    }

    fn taken_back(&self) -> Option<&JournalRun> {
        None
    }
}

/// A run that is to be taken back, and which of its steps were done.
pub struct RollbackBasis<'r> {
    pub run: &'r JournalRun,
    pub steps: &'r [(ResourceId, Operation)],
    pub purpose: Purpose,
    pub options: PlanOptions,
}

impl Basis for RollbackBasis<'_> {
    fn facts(&self, machine: &dyn Machine, _: &dyn SecretSource) -> Result<Facts, ObserveError> {
        let mut facts = begin(machine);
        // Files are compared with what the journal says of them under the record's key; without one, no file was written.
        let key = match machine.fingerprint_key() {
            Ok(Some(key)) => key,
            _ => fresh_key().map_err(ObserveError::Random)?,
        };
        let mut queries = rollback::queries(self.steps);
        ask_next_start(&facts, &mut queries);
        answer(machine, &queries, Some(&key), &NoSecrets, &mut facts);
        ask_services(machine, !self.run.beginning.restarts.is_empty(), &mut facts);
        Ok(facts)
    }

    fn plan(&self, facts: &Facts) -> Result<Plan, OrderError> {
        let beginning = &self.run.beginning;
        let changes = self.run.commits.iter().flat_map(|(commit, _)| &commit.parts);
        let parts: Vec<PartStates<'_>> = changes
            .map(|change| PartStates {
                part: &change.part,
                before: change.before.as_deref(),
                after: change.after.as_deref(),
            })
            .collect();
        let effects = Effects {
            reboot: beginning.reboot,
            restarts: &beginning.restarts,
            stop_first: &beginning.stop_first,
            parts: &parts,
        };
        let mut plan = rollback::build(self.steps, effects, facts, self.options);
        let name = &beginning.run;
        if let Some(before) = &self.run.record_before
            && is_restorable(facts.remembered(), before, name)
        {
            plan.bookkeeping.push(Bookkeeping::Restore { run: name.to_string().into() });
        }
        Ok(plan)
    }

    fn purpose(&self) -> Purpose {
        self.purpose.clone()
    }

    fn has_secrets(&self) -> bool {
        false
    }

    fn desired(&self) -> Option<&Desired> {
        None
    }

    fn taken_back(&self) -> Option<&JournalRun> {
        Some(self.run)
    }
}

//! One run: from a plan that was approved to a complete report.

use std::borrow::Cow;

use super::journal::Journal;
use super::verify::verify;
use super::{ApplyReport, Left, Outcome, ResourceOutcome, SecretSource};
use crate::document::Desired;
use crate::machine::{MachineKind, ObserveError, Step, Unit, WritableMachine, WriteError, Writer, answer, observe};
use crate::model::fact::Facts;
use crate::model::operation::{Expression, Operation};
use crate::model::registry_data::RegistryData;
use crate::model::time::FileTime;
use crate::model::verdict::{Decision, Finding, Verdict};
use crate::plan::staleness::{moved, prints, queries};
use crate::plan::{Moved, OrderError, Plan, PlanOptions, SavedPlan, build};

/// What a run needs beside the plan.
pub struct ApplyOptions<'a> {
    /// Who is at work, for the lock and the journal.
    pub owner: &'a str,
    /// The clock's reading for what is written.
    pub now: jiff::Timestamp,
    /// Codes of findings that are accepted although they are errors.
    pub accept: &'a [String],
    pub secrets: &'a dyn SecretSource,
    pub rewrite_secrets: bool,
}

/// Told how far a run has come.
pub trait Progress {
    /// A phase begins, of so many steps.
    fn phase(&mut self, name: &'static str, steps: usize);
    /// One step of the phase is through.
    fn step(&mut self, _operation: &Operation) {}
}

/// Why a run did not take place, or did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("the plan is refused: {}", codes(.0))]
    Refused(Vec<Finding>),
    #[error("the machine is no longer what the plan was made for: {}", facts(.0))]
    Stale(Vec<Moved>),
    #[error("the plan was made on another sort of machine ({made_on}); this is {this}")]
    WrongTarget { made_on: String, this: MachineKind },
    #[error("cannot resolve the secret from {reference}: {detail}")]
    Secret { reference: String, detail: String },
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

/// How many moved facts an error names before it counts the rest.
const NAMED_FACTS: usize = 5;

fn facts(moved: &[Moved]) -> String {
    let mut names: Vec<String> = moved.iter().take(NAMED_FACTS).map(|moved| moved.0.to_string()).collect();
    if moved.len() > NAMED_FACTS {
        names.push(format!("and {} more", moved.len() - NAMED_FACTS));
    }
    names.join("; ")
}

/// Applies a plan that was made from `facts` and approved.
///
/// # Errors
/// The plan is refused or stale, or the machine cannot be written: see [`ApplyError`]. What failed step by step is in
/// the report instead.
pub fn apply(
    machine: &dyn WritableMachine,
    desired: &Desired,
    approved: &Plan,
    facts: &Facts,
    options: &ApplyOptions<'_>,
    progress: &mut dyn Progress,
) -> Result<ApplyReport, ApplyError> {
    let Some(Opened { mut writer, planned }) = open(machine, approved, options)? else {
        return Ok(nothing_to_do(approved));
    };
    progress.phase("look again", approved.decisions.len());
    let wanted = desired.entries.iter().map(|entry| &entry.wanted);
    let now = observe(machine.as_machine(), wanted, approved.as_of)?;
    let plan_options = PlanOptions { as_of: approved.as_of, rewrite_secrets: options.rewrite_secrets };
    let fresh = build(desired, &now, plan_options)?;
    if !fresh.operations().eq(approved.operations()) {
        return Err(ApplyError::Stale(moved(&prints(facts), &now)));
    }
    drop((fresh, now));
    execute(machine, &mut *writer, desired, approved, &planned, options, progress)
}

/// Applies a plan that was saved; `desired` is the document that it holds.
///
/// # Errors
/// As [`apply`]; a plan is stale only when a fact that it rests on has moved.
pub fn apply_saved(
    machine: &dyn WritableMachine,
    desired: &Desired,
    saved: &SavedPlan,
    options: &ApplyOptions<'_>,
    progress: &mut dyn Progress,
) -> Result<ApplyReport, ApplyError> {
    let kind = serde_json::to_value(machine.kind()).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    if kind.as_deref() != Some(&saved.target.kind) {
        return Err(ApplyError::WrongTarget { made_on: saved.target.kind.clone(), this: machine.kind() });
    }
    let Some(Opened { mut writer, planned }) = open(machine, &saved.plan, options)? else {
        return Ok(nothing_to_do(&saved.plan));
    };
    progress.phase("look again", saved.facts.len());
    let mut now = Facts::new(machine.identity());
    answer(machine.as_machine(), &queries(&saved.facts), &mut now);
    let moved = moved(&saved.facts, &now);
    if !moved.is_empty() {
        return Err(ApplyError::Stale(moved));
    }
    execute(machine, &mut *writer, desired, &saved.plan, &planned, options, progress)
}

/// A machine that is locked for this run, and what the run will do.
struct Opened<'m, 'p> {
    writer: Box<dyn Writer + 'm>,
    planned: Vec<Planned<'p>>,
}

/// Refuses what must be refused, evaluates the steps, then takes the lock, which is the first write; `None` when the
/// plan holds no operation, so that a run that changes nothing writes nothing.
fn open<'m, 'p>(
    machine: &'m dyn WritableMachine,
    plan: &'p Plan,
    options: &ApplyOptions<'_>,
) -> Result<Option<Opened<'m, 'p>>, ApplyError> {
    let refusals: Vec<Finding> = plan.refusals(options.accept).cloned().collect();
    if !refusals.is_empty() {
        return Err(ApplyError::Refused(refusals));
    }
    if !plan.has_operations() {
        return Ok(None);
    }
    let planned = evaluate(plan, options.secrets)?;
    Ok(Some(Opened { writer: machine.writer(options.owner)?, planned }))
}

fn nothing_to_do(plan: &Plan) -> ApplyReport {
    let left = Left::of(&plan.summary());
    ApplyReport { run: None, outcomes: Vec::new(), left, remaining_operations: 0, reboot: false }
}

/// A step of the plan with the decision and the entry that it belongs to.
struct Planned<'p> {
    decision: usize,
    entry: usize,
    step: Step<'p>,
}

fn execute(
    machine: &dyn WritableMachine,
    writer: &mut dyn Writer,
    desired: &Desired,
    plan: &Plan,
    planned: &[Planned<'_>],
    options: &ApplyOptions<'_>,
    progress: &mut dyn Progress,
) -> Result<ApplyReport, ApplyError> {
    let run = run_name(machine, options.now);
    let mut journal = Journal::begin(writer.journal(&run)?, &run, options.now, options.owner, planned.len())?;
    let mut state = State::new(plan);
    let now = FileTime::from_timestamp(options.now);

    let mut rest = planned;
    while let Some(first) = rest.first() {
        let unit = writer.unit(first.step.operation);
        let length = rest.iter().take_while(|planned| writer.unit(planned.step.operation) == unit).count();
        let (batch, tail) = rest.split_at(length);
        rest = tail;
        perform_unit(batch, unit, writer, &mut journal, &mut state, now, progress)?;
    }

    progress.phase("verify", planned.len());
    let wanted = desired.entries.iter().map(|entry| &entry.wanted);
    let facts = observe(machine.as_machine(), wanted, plan.as_of)?;
    let steps = planned.iter().map(|planned| &planned.step);
    for (planned, wrong) in planned.iter().zip(verify(machine.as_machine(), &facts, steps)) {
        if let Some(wrong) = wrong {
            state.fail(planned, wrong);
        }
    }
    progress.phase("plan again", plan.decisions.len());
    // Secrets were just written and cannot be told apart from others: they are not written twice.
    let again = build(desired, &facts, PlanOptions { as_of: plan.as_of, rewrite_secrets: false })?;

    let report = ApplyReport {
        run: Some(run),
        outcomes: state.outcomes(),
        left: Left::of(&plan.summary()),
        remaining_operations: again.operations().count(),
        reboot: plan.summary().reboot,
    };
    journal.end(report.done(), report.failed(), report.skipped())?;
    Ok(report)
}

/// Evaluates every expression before anything is touched: a secret that is not to be had changes nothing.
fn evaluate<'p>(plan: &'p Plan, secrets: &dyn SecretSource) -> Result<Vec<Planned<'p>>, ApplyError> {
    let mut planned = Vec::new();
    for (entry, span) in plan.after.entries.iter().enumerate() {
        for decision in span.start..span.end {
            for operation in plan.decisions.get(decision).map(Decision::operations).into_iter().flatten() {
                let data = match operation {
                    Operation::PutRegistryValue { after: Expression::Registry(data), .. } => Some(Cow::Borrowed(data)),
                    Operation::PutRegistryValue { after: Expression::Secret { value_type, reference }, .. } => {
                        let text = secrets
                            .resolve(reference)
                            .map_err(|detail| ApplyError::Secret { reference: reference.to_string(), detail })?;
                        Some(Cow::Owned(RegistryData::text(*value_type, &text)))
                    }
                    _ => None,
                };
                planned.push(Planned { decision, entry, step: Step { operation, data } });
            }
        }
    }
    Ok(planned)
}

fn perform_unit(
    batch: &[Planned<'_>],
    unit: Unit,
    writer: &mut dyn Writer,
    journal: &mut Journal,
    state: &mut State<'_>,
    now: FileTime,
    progress: &mut dyn Progress,
) -> Result<(), ApplyError> {
    let Unit::Registry = unit;
    for planned in batch {
        if let Some(decision) = state.plan.decisions.get(planned.decision) {
            journal.intend(&decision.id, planned.step.operation)?;
        }
    }
    journal.act()?;

    progress.phase("apply", batch.len());
    let mut failed = Vec::new();
    for (number, planned) in batch.iter().enumerate() {
        progress.step(planned.step.operation);
        if let Some(because) = state.obstacle(planned) {
            state.skip(planned, because);
            failed.push(number);
            continue;
        }
        match writer.stage(&planned.step, now) {
            Ok(()) => {}
            Err(stopped @ WriteError::Stopped { .. }) => return Err(stopped.into()),
            Err(error) => {
                state.fail(planned, chain(&error));
                failed.push(number);
            }
        }
    }
    progress.phase("write", 1);
    match writer.commit(now) {
        Ok(()) => journal.committed(&failed)?,
        Err(stopped @ WriteError::Stopped { .. }) => return Err(stopped.into()),
        Err(error) => {
            let detail = chain(&error);
            for planned in batch {
                state.fail(planned, detail.clone());
            }
            journal.abandoned(&detail)?;
        }
    }
    Ok(())
}

/// What has failed so far.
struct State<'p> {
    plan: &'p Plan,
    failures: Vec<Option<Outcome>>,
    /// For each entry the first of its decisions that was not done.
    failed_entries: Vec<Option<usize>>,
}

impl<'p> State<'p> {
    fn new(plan: &'p Plan) -> Self {
        let failed_entries = vec![None; plan.after.entries.len()];
        Self { plan, failures: vec![None; plan.decisions.len()], failed_entries }
    }

    fn fail(&mut self, planned: &Planned<'_>, detail: String) {
        self.note(planned, Outcome::Failed { detail });
    }

    fn skip(&mut self, planned: &Planned<'_>, because: String) {
        self.note(planned, Outcome::Skipped { because });
    }

    fn note(&mut self, planned: &Planned<'_>, outcome: Outcome) {
        if let Some(slot @ None) = self.failures.get_mut(planned.decision) {
            *slot = Some(outcome);
        }
        if let Some(slot @ None) = self.failed_entries.get_mut(planned.entry) {
            *slot = Some(planned.decision);
        }
    }

    /// Why a step must not be tried: an earlier step of its resource, the entry that it is a part of, or anything that
    /// its entry depends on was not done.
    fn obstacle(&self, planned: &Planned<'_>) -> Option<String> {
        let span = self.plan.after.entries.get(planned.entry)?;
        let not_done = |decision: usize| matches!(self.failures.get(decision), Some(Some(_))).then_some(decision);
        // A saved plan does not hold what stays, so the entry's own decision is known by its address, not its place.
        let of_entry = || {
            let first = (*self.failed_entries.get(planned.entry)?)?;
            let whole = self.plan.decisions.get(planned.decision)?.id.entry();
            let is_whole = |decision: &usize| self.plan.decisions.get(*decision).is_some_and(|one| one.id == whole);
            (first..planned.decision).filter(is_whole).find_map(not_done)
        };
        let needed = || span.needs.iter().find_map(|entry| *self.failed_entries.get(*entry)?);
        let culprit = not_done(planned.decision).or_else(of_entry).or_else(needed)?;
        let id = &self.plan.decisions.get(culprit)?.id;
        Some(format!("{id} was not done"))
    }

    fn outcomes(self) -> Vec<ResourceOutcome> {
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

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A name that sorts by time and that no other run of the machine has.
fn run_name(machine: &dyn WritableMachine, now: jiff::Timestamp) -> String {
    let base = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let last = machine.last_run().ok().flatten().map(|run| run.name);
    match last {
        Some(last) if last == base => format!("{base}-2"),
        Some(last) => match last.strip_prefix(&format!("{base}-")).and_then(|number| number.parse::<u32>().ok()) {
            Some(number) => format!("{base}-{}", number.saturating_add(1)),
            None => base,
        },
        None => base,
    }
}

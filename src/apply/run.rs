//! One run: from a plan that was approved to a complete report.

use std::borrow::Cow;
use std::collections::HashSet;

use super::basis::{Basis, RollbackBasis};
use super::confirm::{undo_task, undoing};
use super::content::Sources;
use super::held::{self, Holds};
use super::journal::{Beginning, Journal, JournalRun, Purpose};
use super::made::{Made, make};
use super::recover::{done_steps, unfinished};
use super::remember::{self, Ended, Recalled};
use super::restart::{self, By, ServiceOutcome, Which};
use super::retired;
use super::state::{Planned, State};
use super::steps::{Batch, UnitEnd, evaluate, perform};
use super::verify::verify;
use super::{ApplyError, ApplyOptions, ApplyReport, Left, OnFailure, Progress};
use crate::machine::{Machine, RunName, Unit, WritableMachine, WriteError, Writer, answer, begin, fresh_key};
use crate::model::certificate::FileContent;
use crate::model::fact::Facts;
use crate::model::operation::{Expression, Hold, Operation};
use crate::model::probe::Probe;
use crate::model::remembered::{Confirmation, Owed, Record};
use crate::model::time::FileTime;
use crate::model::verdict::Finding;
use crate::plan::staleness::{listed_since, moved, prints, queries};
use crate::plan::{Plan, PlanOptions, SavedPlan, refusals};

/// Bytes that a step takes in the journal beside its data, roughly.
const STEP_BYTES: u64 = 256;

/// Bytes that the certificates of a step take in the journal, roughly.
const CERTIFICATE_BYTES: usize = 8 << 10;

/// Applies a plan that was made on `basis` from `facts` and approved.
///
/// # Errors
/// The plan is refused or stale, or the machine cannot be written: see [`ApplyError`]. What failed step by step is in
/// the report instead.
pub fn apply(
    machine: &dyn WritableMachine,
    basis: &dyn Basis,
    approved: &Plan,
    facts: &Facts,
    options: &ApplyOptions<'_>,
    progress: &mut dyn Progress,
) -> Result<ApplyReport, ApplyError> {
    refuse(&approved.findings, options)?;
    let (plan, made) = make(approved, machine.as_machine(), options.secrets)?;
    let Some(Opened { mut writer, planned }) = open(machine, basis, &plan, &made, options)? else {
        return Ok(ApplyReport::nothing(&approved.summary(), approved.owed.clone()));
    };
    progress.phase("look again", approved.decisions.len());
    let now = basis.facts(machine.as_machine(), options.secrets)?;
    let fresh = basis.plan(&now)?;
    if !fresh.operations().eq(approved.operations()) || fresh.bookkeeping != approved.bookkeeping {
        return Err(ApplyError::Stale(moved(&prints(facts), &now)));
    }
    // What only the record tells may have changed since the plan was approved.
    refuse(&fresh.findings, options)?;
    drop((fresh, now));
    execute(machine, &mut *writer, basis, &plan, &Prepared { planned: &planned, made: &made }, options, progress)
}

/// Applies a plan that was saved; `basis` is the document that it holds.
///
/// # Errors
/// As [`apply`]; a plan is stale only when a fact that it rests on has moved.
pub fn apply_saved(
    machine: &dyn WritableMachine,
    basis: &dyn Basis,
    saved: &SavedPlan,
    options: &ApplyOptions<'_>,
    progress: &mut dyn Progress,
) -> Result<ApplyReport, ApplyError> {
    let kind = serde_json::to_value(machine.kind()).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    if kind.as_deref() != Some(&saved.target.kind) {
        return Err(ApplyError::WrongTarget { made_on: saved.target.kind.clone(), this: machine.kind() });
    }
    refuse(&saved.plan.findings, options)?;
    let (plan, made) = make(&saved.plan, machine.as_machine(), options.secrets)?;
    let Some(Opened { mut writer, planned }) = open(machine, basis, &plan, &made, options)? else {
        return Ok(ApplyReport::nothing(&saved.plan.summary(), saved.plan.owed.clone()));
    };
    progress.phase("look again", saved.facts.len());
    let mut now = begin(machine.as_machine());
    answer(machine.as_machine(), &queries(&saved.facts), None, options.secrets, &mut now);
    let mut moved = moved(&saved.facts, &now);
    moved.extend(listed_since(&saved.facts, &now));
    if !moved.is_empty() {
        return Err(ApplyError::Stale(moved));
    }
    refuse(&remember::told_since(&saved.plan, machine.as_machine()), options)?;
    execute(machine, &mut *writer, basis, &plan, &Prepared { planned: &planned, made: &made }, options, progress)
}

/// Refuses findings that are errors which nobody has accepted.
fn refuse(findings: &[Finding], options: &ApplyOptions<'_>) -> Result<(), ApplyError> {
    let refusals: Vec<Finding> = refusals(findings, options.accept).cloned().collect();
    if refusals.is_empty() { Ok(()) } else { Err(ApplyError::Refused(refusals)) }
}

/// What the steps of a plan change that nobody has seen to change that way, each once, in the order of the plan.
pub fn unproven(machine: &dyn WritableMachine, plan: &Plan) -> Vec<&'static str> {
    let mut unproven = Vec::new();
    for what in plan.operations().filter_map(|operation| machine.unproven(operation)) {
        if !unproven.contains(&what) {
            unproven.push(what);
        }
    }
    unproven
}

/// A machine that is locked for this run, and what the run will do.
struct Opened<'m, 'p> {
    writer: Box<dyn Writer + 'm>,
    planned: Vec<Planned<'p>>,
}

/// The steps of a run and what was made for them.
struct Prepared<'r, 'p> {
    planned: &'r [Planned<'p>],
    made: &'r Made,
}

/// Evaluates the steps, then takes the lock, which is the first write; `None` when the
/// plan holds nothing to do, so that a run that changes nothing writes nothing.
fn open<'m, 'p>(
    machine: &'m dyn WritableMachine,
    basis: &dyn Basis,
    plan: &'p Plan,
    made: &Made,
    options: &ApplyOptions<'_>,
) -> Result<Option<Opened<'m, 'p>>, ApplyError> {
    if !plan.has_work() {
        return Ok(None);
    }
    if options.confirm_within.is_some() && machine.scheduler().is_none() {
        return Err(ApplyError::NoScheduler);
    }
    let unproven = unproven(machine, plan);
    if !options.accept_unproven && !unproven.is_empty() {
        return Err(ApplyError::Unproven(unproven));
    }
    let mut holds = Holds::new(machine.as_machine(), options.hold);
    let sources = Sources { machine: machine.as_machine(), secrets: options.secrets, made };
    let planned = evaluate(plan, &sources, &mut holds)?;
    let writer = writer(machine, options)?;
    // Only whoever takes a run back may work on top of one that has not come to its end.
    if let Some(open) = unfinished(machine.as_machine()).map_err(ApplyError::from)? {
        // An undoing that stopped is finished: taken back itself, it would leave half of the run that it was to undo.
        let is_undoing = matches!(open.beginning.purpose, Purpose::Undo { .. });
        if is_undoing || basis.purpose() != (Purpose::Undo { of: open.beginning.run.clone() }) {
            return Err(ApplyError::Unfinished(open.beginning.run));
        }
    }
    Ok(Some(Opened { writer, planned }))
}

/// Takes the lock.
pub fn writer<'m>(
    machine: &'m dyn WritableMachine,
    options: &ApplyOptions<'_>,
) -> Result<Box<dyn Writer + 'm>, WriteError> {
    let mut writer = machine.writer(options.owner)?;
    writer.set_service_timeout(options.service_timeout);
    Ok(writer)
}

fn execute(
    machine: &dyn WritableMachine,
    writer: &mut dyn Writer,
    basis: &dyn Basis,
    plan: &Plan,
    prepared: &Prepared<'_, '_>,
    options: &ApplyOptions<'_>,
    progress: &mut dyn Progress,
) -> Result<ApplyReport, ApplyError> {
    let runs = machine.runs().map_err(ApplyError::Record)?;
    let run = RunName::next(options.now, runs.last());
    let result = execute_as(&run, machine, writer, basis, plan, prepared, options, progress);
    match &result {
        Ok(_) | Err(ApplyError::Write(WriteError::Stopped { .. })) => {}
        Err(_) => restart::start_again(machine.as_machine(), writer, &run, options, progress),
    }
    result
}

#[expect(clippy::too_many_arguments, reason = "a run, with its name")]
fn execute_as(
    run: &RunName,
    machine: &dyn WritableMachine,
    writer: &mut dyn Writer,
    basis: &dyn Basis,
    plan: &Plan,
    prepared: &Prepared<'_, '_>,
    options: &ApplyOptions<'_>,
    progress: &mut dyn Progress,
) -> Result<ApplyReport, ApplyError> {
    let reader = machine.as_machine();
    let Prepared { planned, made } = *prepared;
    let operations: Vec<&Operation> = planned.iter().map(|planned| planned.step.operation).collect();
    writer.require_space(&mut operations.iter().copied(), journal_bytes(planned))?;
    let mut recalled = Recalled::of(reader, options)?;
    let has_file = |operation: &&Operation| {
        operation.file().is_some() || matches!(operation, Operation::Adjust { what: Probe::NextStart { .. }, .. })
    };
    let has_files = operations.iter().any(has_file);
    if (basis.has_secrets() || has_files) && reader.fingerprint_key().map_err(ApplyError::Record)?.is_none() {
        writer.put_fingerprint_key(&fresh_key().map_err(ApplyError::Random)?)?;
    }
    let kept = match options.hold {
        Some(key) if held::loses_secrets(&operations) => held::keep(reader, writer, run, &operations, key)?,
        _ => operations.iter().map(|operation| Cow::Borrowed(*operation)).collect(),
    };
    let confirm_until = arm(machine, writer, run, &mut recalled, options)?;
    let stopped_first = distinct(plan.stopped_first());
    restart::stop_first(reader, writer, &mut recalled, &stopped_first, By { run, now: options.now }, progress)?;

    let beginning = Beginning {
        run: run.clone(),
        purpose: basis.purpose(),
        started: options.now,
        owner: options.owner.to_owned(),
        document: plan.document.clone(),
        operations: planned.len(),
        reboot: plan.needs_reboot(),
        restarts: distinct(plan.asked_restarts()),
        stop_first: stopped_first,
        hold: options.hold.map(crate::formats::hold::HoldKey::id),
    };
    let mut journal = Journal::begin(writer.journal(run)?, &beginning)?;
    let kept = retired::keep(reader, writer, run, kept)?;
    if !made.is_empty() {
        let bytes = made.to_bytes().map_err(|error| WriteError::failed("keep what was made", error))?;
        writer.put_made(run, &bytes)?;
    }
    for (planned, kept) in planned.iter().zip(&kept) {
        if let Some(decision) = plan.decisions.get(planned.decision) {
            journal.intend(&decision.id, kept)?;
        }
    }
    drop((kept, operations));
    let mut state = State::new(plan);
    let now = FileTime::from_timestamp(options.now);
    let undone =
        perform_all(planned, &[], reader, writer, &mut journal, &mut state, now, options.on_failure, progress)?;
    let mut finish = Finish { machine, writer, basis, plan, options, run, recalled: &mut recalled, confirm_until };
    let (report, has_failed) = finish.verified(planned, state, &mut journal, undone, progress)?;
    drop(journal);
    if finish.is_taken_back(has_failed, undone) {
        return finish.take_back(report, progress);
    }
    Ok(report)
}

/// All units in the plan's order; says whether everything was discarded because of a failure. `done` are the steps, by their place,
/// that an earlier attempt has done already.
#[expect(clippy::too_many_arguments, reason = "the one place where all parts of a run meet")]
pub fn perform_all(
    planned: &[Planned<'_>],
    done: &[bool],
    machine: &dyn Machine,
    writer: &mut dyn Writer,
    journal: &mut Journal,
    state: &mut State<'_>,
    now: FileTime,
    on_failure: OnFailure,
    progress: &mut dyn Progress,
) -> Result<bool, ApplyError> {
    let mut first = 0;
    while let Some(begin) = planned.get(first) {
        let unit = writer.unit(begin.step.operation);
        let rest = planned.get(first..).unwrap_or_default();
        let length = match unit {
            Unit::Calls => 1,
            _ => rest.iter().take_while(|planned| writer.unit(planned.step.operation) == unit).count(),
        };
        let steps = rest.get(..length).unwrap_or_default();
        let done = done.get(first..).unwrap_or_default();
        if done.iter().take(length).filter(|done| **done).count() == length {
            first += length;
            continue;
        }
        let batch = Batch { steps, first, done };
        match perform(&batch, machine, writer, journal, state, now, on_failure, progress)? {
            UnitEnd::Committed => {}
            // Nothing of this unit is on the machine, nor of any other.
            UnitEnd::Discarded if first == 0 => return Ok(true),
            UnitEnd::Discarded => {
                let because = "another step failed, and --on-failure rollback takes everything back";
                rest.iter().for_each(|planned| state.skip(planned, because.to_owned()));
                return Ok(false);
            }
        }
        first += length;
    }
    Ok(false)
}

/// What the journal of the steps will take, so that room for it can be asked for before the first byte of it is written.
fn journal_bytes(planned: &[Planned<'_>]) -> u64 {
    let data = |planned: &Planned<'_>| planned.step.data.as_ref().map_or(0, |data| data.bytes.len());
    let certificates = |planned: &Planned<'_>| match planned.step.operation {
        Operation::PutFile { content: FileContent::Bytes(bytes), .. } => bytes.len(),
        Operation::PutFile { .. } | Operation::PutCertificate { .. } | Operation::Issue(_) => CERTIFICATE_BYTES,
        Operation::Configure { steps, .. } => steps.len() * CERTIFICATE_BYTES,
        _ => 0,
    };
    let bytes: usize = planned.iter().map(|planned| data(planned) + certificates(planned)).sum();
    // Data stand in the journal as hex digits at worst.
    let steps = u64::try_from(planned.len()).unwrap_or(u64::MAX).saturating_mul(STEP_BYTES);
    u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(steps)
}

/// Each name once, in the order in which they come first.
fn distinct<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Box<str>> {
    let mut distinct: Vec<Box<str>> = Vec::new();
    for name in names {
        if !distinct.iter().any(|known| crate::formats::upcase::eq(known, name)) {
            distinct.push(name.into());
        }
    }
    distinct
}

/// Arms the undoing of the run before its first write, and notes it in the record, where whoever undoes it looks.
fn arm(
    machine: &dyn WritableMachine,
    writer: &mut dyn Writer,
    run: &RunName,
    recalled: &mut Recalled,
    options: &ApplyOptions<'_>,
) -> Result<Option<jiff::Timestamp>, ApplyError> {
    let Some(within) = options.confirm_within else { return Ok(None) };
    let scheduler = machine.scheduler().ok_or(ApplyError::NoScheduler)?;
    let until = jiff::SignedDuration::try_from(within)
        .ok()
        .and_then(|within| options.now.checked_add(within).ok())
        .ok_or_else(|| WriteError::refused("arm the undoing of the run", "the time to confirm it is too long"))?;
    let confirmation = Some(Confirmation { run: run.to_string().into(), until });
    let before = recalled.record();
    recalled.replace(Record { confirmation, ..before.clone() }, writer, run)?;
    if let Err(error) = scheduler.put(&undo_task(run), &undoing(run, until, options.undo_with)) {
        // Nothing waits for a run that does not begin. What cannot be removed now finds nothing to undo.
        let _is_gone = scheduler.remove(&undo_task(run));
        recalled.replace(before, writer, run)?;
        return Err(error.into());
    }
    Ok(Some(until))
}

/// Whether a rollback would put back a secret that it has put back: nothing tells secrets apart but reading them back, which is done.
fn is_held_again(basis: &dyn Basis, operation: &Operation) -> bool {
    basis.taken_back().is_some()
        && matches!(operation, Operation::PutRegistryValue { after: Expression::Held { .. }, .. })
}

/// Whether planning again finds a step only because nothing tells that it was done.
fn is_found_again(basis: &dyn Basis, operation: &Operation) -> bool {
    is_held_again(basis, operation) || operation.is_unseen()
}

/// What is left when all units are through.
struct Finish<'f> {
    machine: &'f dyn WritableMachine,
    writer: &'f mut dyn Writer,
    basis: &'f dyn Basis,
    plan: &'f Plan,
    options: &'f ApplyOptions<'f>,
    run: &'f RunName,
    recalled: &'f mut Recalled,
    confirm_until: Option<jiff::Timestamp>,
}

impl Finish<'_> {
    /// Whether the run is taken back because something failed. What is blocked has not failed; and an undoing that failed is tried
    /// again, not taken back.
    fn is_taken_back(&self, has_failed: bool, is_discarded: bool) -> bool {
        let is_undoing = matches!(self.basis.purpose(), Purpose::Undo { .. });
        self.options.on_failure == OnFailure::Rollback && has_failed && !is_discarded && !is_undoing
    }

    /// Does the restarts that are owed.
    fn restart(
        &mut self,
        owed: &mut Owed,
        which: Which,
        progress: &mut dyn Progress,
    ) -> Result<Vec<ServiceOutcome>, ApplyError> {
        let reader = self.machine.as_machine();
        let by = By { run: self.run, now: self.options.now };
        restart::discharge(reader, self.writer, self.recalled, owed, which, by, progress)
    }

    /// Reads everything back, plans again, remembers, and ends the journal; says whether anything failed.
    fn verified(
        &mut self,
        planned: &[Planned<'_>],
        mut state: State<'_>,
        journal: &mut Journal,
        discarded: bool,
        progress: &mut dyn Progress,
    ) -> Result<(ApplyReport, bool), ApplyError> {
        let reader = self.machine.as_machine();
        progress.phase("verify", planned.len());
        let facts = self.basis.facts(reader, self.options.secrets)?;
        if discarded {
            state.undo_all("another step failed, and --on-failure rollback takes everything back");
        } else {
            let steps = planned.iter().map(|planned| &planned.step);
            for (planned, wrong) in planned.iter().zip(verify(reader, &facts, steps)) {
                if let Some(wrong) = wrong {
                    state.fail(planned, wrong);
                }
            }
        }
        let mut owed = self.recalled.owed_after(state.done(), self.run, self.options.now);
        let (has_failed, waits) = (state.has_failed(), state.waits());
        let restarts = if self.is_taken_back(has_failed, discarded) {
            Vec::new()
        } else {
            self.restart(&mut owed, Which::after(has_failed, self.options.on_failure), progress)?
        };
        // A service may write its own settings when it starts.
        let facts = if restarts.is_empty() { facts } else { self.basis.facts(reader, self.options.secrets)? };
        progress.phase("plan again", self.plan.decisions.len());
        let again = self.basis.plan(&facts)?;
        let summary = self.plan.summary();
        // A secret from the hold looks like the one that it replaced: whether it is there was verified with the data in hand.
        let mut report = ApplyReport {
            run: Some(self.run.to_string()),
            outcomes: state.outcomes(),
            left: Left::of(&summary),
            planned_again: true,
            remaining_operations: again.operations().filter(|one| !is_found_again(self.basis, one)).count(),
            reboot: self.plan.needs_reboot() || waits,
            restarts,
            owed,
            bookkeeping: self.plan.bookkeeping.len(),
            warnings: Vec::new(),
            confirm_until: self.confirm_until,
        };
        let ended = Ended { basis: self.basis, plan: self.plan, again: &again, run: self.run };
        remember::conclude(&ended, &mut report, self.recalled, reader, self.writer, journal, self.options)?;
        Ok((report, has_failed))
    }

    /// Takes back what this run did, as a run of its own, because something of it failed.
    fn take_back(&mut self, report: ApplyReport, progress: &mut dyn Progress) -> Result<ApplyReport, ApplyError> {
        let reader = self.machine.as_machine();
        let bytes = reader.journal(self.run, None).map_err(ApplyError::Record)?.unwrap_or_default();
        let past: JournalRun = super::read_journal(&bytes).map_err(super::RecoverError::from)?;
        let steps = done_steps(reader, &past).done_or_unknown();
        let options = PlanOptions { hold: Hold::of(self.options.hold), ..PlanOptions::at(self.options.now) };
        let purpose = Purpose::Rollback { of: self.run.clone() };
        let basis = RollbackBasis { run: &past, steps: &steps, purpose, options };
        let facts = basis.facts(reader, self.options.secrets)?;
        let plan = basis.plan(&facts)?;
        // A resource that failed may have been done in part: the journal knows its steps, the report does not.
        if !plan.has_operations() {
            let mut report = report;
            let mut owed = self.recalled.owed();
            report.restarts = self.restart(&mut owed, Which::All, progress)?;
            self.recalled.owes(&owed, self.writer, self.run)?;
            report.owed = owed;
            return Ok(report);
        }
        let mut holds = Holds::new(reader, self.options.hold);
        let made = Made::default();
        let sources = Sources { machine: reader, secrets: self.options.secrets, made: &made };
        let planned = evaluate(&plan, &sources, &mut holds)?;
        let inner = ApplyOptions { on_failure: OnFailure::Continue, confirm_within: None, ..*self.options };
        let prepared = Prepared { planned: &planned, made: &made };
        let undo = execute(self.machine, self.writer, &basis, &plan, &prepared, &inner, progress)?;
        let mut report = report;
        let because = format!("another step failed; run {} took it back", undo.run.as_deref().unwrap_or_default());
        let left = undo.outcomes.iter().filter(|one| !one.outcome.is_done_or_waiting()).map(|one| &one.address);
        let left: HashSet<_> = left.collect();
        for one in &mut report.outcomes {
            if matches!(one.outcome, super::Outcome::Done | super::Outcome::Waiting { .. })
                && !left.contains(&one.address)
            {
                one.outcome = super::Outcome::Undone { because: because.clone() };
            }
        }
        report.reboot |= undo.reboot;
        report.owed = undo.owed;
        report.restarts = undo.restarts;
        report.confirm_until = None;
        report.warnings.extend(undo.warnings);
        Ok(report)
    }
}

//! A run that stopped before its end: which of its steps are on the machine, and how it is finished. Undoing it is a rollback.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::basis::{Basis, RollbackBasis};
use super::content::Sources;
use super::held::Holds;
use super::history::past_run;
use super::journal::{
    CommitState, Ending, JOURNAL_TAIL, Journal, JournalError, JournalRun, Purpose, RunState, ending, read_journal,
};
use super::made::Made;
use super::remember::{self, Ended, Recalled};
use super::restart::{self, By, Which};
use super::run::{perform_all, writer};
use super::state::{Planned, State};
use super::steps::{Waits, note_waiting, step};
use super::verify::verify;
use super::{ApplyError, ApplyOptions, ApplyReport, Left, OnFailure, Progress, chain};
use crate::machine::{Machine, PartChange, RunName, Step, WritableMachine};
use crate::model::fact::Unread;
use crate::model::file::FilePath;
use crate::model::operation::{Hold, Operation};
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::time::FileTime;
use crate::model::verdict::{Action, Decision, Reason};
use crate::plan::{Dependencies, EntrySpan, Plan, PlanOptions};

/// Why it cannot be told how the last run ended.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error("the record cannot be read")]
    Unread(#[from] Unread),
    #[error("the last run's journal cannot be used")]
    Journal(#[from] JournalError),
}

impl From<RecoverError> for ApplyError {
    fn from(error: RecoverError) -> Self {
        let detail = chain(&error);
        match error {
            RecoverError::Unread(unread) => Self::Record(unread),
            RecoverError::Journal(_) => Self::Record(Unread::Failed { what: "the last run's journal".into(), detail }),
        }
    }
}

/// The run that stopped after it may have changed the machine, when there is one. Behind it there may be runs that were to take it
/// back and did not come to touch anything, or failed.
///
/// # Errors
/// The record cannot be read: nothing may be taken for granted.
pub fn unfinished(machine: &dyn Machine) -> Result<Option<JournalRun>, RecoverError> {
    let runs = match machine.runs() {
        Ok(runs) => runs,
        Err(Unread::Unsupported { .. }) => return Ok(None),
        Err(unread) => return Err(unread.into()),
    };
    for name in runs.iter().rev() {
        let tail = machine.journal(name, Some(JOURNAL_TAIL))?.unwrap_or_default();
        if ending(&tail).is_some_and(Ending::is_clean) {
            return Ok(None);
        }
        let run = match read_journal(&machine.journal(name, None)?.unwrap_or_default()) {
            Ok(run) => run,
            // It stopped before its first line was whole: it touched nothing.
            Err(JournalError::Empty) => continue,
            Err(error) => return Err(error.into()),
        };
        match run.state {
            RunState::Unfinished => return Ok(Some(run)),
            RunState::Untouched => {}
            RunState::Ended(ending) => {
                let is_undone = ending.is_clean() || !matches!(run.beginning.purpose, Purpose::Undo { .. });
                if is_undone {
                    return Ok(None);
                }
            }
        }
    }
    Ok(None)
}

/// Whether a step is on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progressed {
    Done,
    NotDone,
    /// Its part is neither what it was nor what it was to be: somebody else has written it since.
    Unknown,
}

/// The steps of a run, each with whether it is on the machine.
pub struct StepsDone<'r> {
    run: &'r JournalRun,
    pub states: Vec<Progressed>,
}

impl StepsDone<'_> {
    /// The steps that are, or may be, on the machine: those that a rollback has to look at.
    pub fn done_or_unknown(&self) -> Vec<(ResourceId, Operation)> {
        let steps = self.run.intents.iter().zip(&self.states);
        steps.filter(|(_, state)| **state != Progressed::NotDone).map(|(intent, _)| intent.clone()).collect()
    }
}

/// Which steps of a run are on the machine, by its journal and, where that ends too early, by the parts themselves.
pub fn done_steps<'r>(machine: &dyn Machine, run: &'r JournalRun) -> StepsDone<'r> {
    let mut states = vec![Progressed::NotDone; run.intents.len()];
    let list = Waits::of(machine);
    let waits = |part: &str| FilePath::parse(part).is_ok_and(|path| list.may_hold(&path));
    for (commit, state) in &run.commits {
        let parts: Vec<(&PartChange, Progressed)> = commit
            .parts
            .iter()
            .map(|part| {
                let progressed = match machine.part_state(&part.part) {
                    // Its bytes tell nothing: what changes is who may read it.
                    Ok(found) if part.before == part.after && found == part.after => Progressed::Unknown,
                    Ok(found) if found == part.after => Progressed::Done,
                    // As it was until the next start: whoever undoes the run has to keep that from changing it.
                    Ok(found) if found == part.before && waits(&part.part) => Progressed::Unknown,
                    Ok(found) if found == part.before => Progressed::NotDone,
                    _ => Progressed::Unknown,
                };
                (part, progressed)
            })
            .collect();
        let not_done: HashSet<usize> = commit.not_done.iter().copied().collect();
        for number in commit.first..commit.end {
            let Some(slot) = states.get_mut(number) else { continue };
            if not_done.contains(&number) {
                continue;
            }
            if *state == CommitState::Known {
                *slot = Progressed::Done;
                continue;
            }
            let Some(part) = run.intents.get(number).and_then(|(_, operation)| machine.part_of(operation).ok()) else {
                *slot = Progressed::Unknown;
                continue;
            };
            let found = parts.iter().find(|(known, _)| known.part == part);
            // A part that the commit does not name was not changed by it: the step left it as it was.
            *slot = found.map_or(Progressed::Done, |(_, progressed)| *progressed);
        }
    }
    StepsDone { run, states }
}

/// Finishes a run that stopped: does what is not done yet, reads everything back, remembers, and ends its journal. `basis` is the
/// document as it is now; what of it holds after that is remembered as applied. A run that was taking another one back needs none.
///
/// # Errors
/// The machine cannot be read or written, a secret is not to be had, or there is no basis for a run that needs one: nothing was
/// changed.
pub fn resume(
    machine: &dyn WritableMachine,
    basis: Option<&dyn Basis>,
    name: &RunName,
    options: &ApplyOptions<'_>,
    progress: &mut dyn Progress,
) -> Result<ApplyReport, ApplyError> {
    let mut writer = writer(machine, options)?;
    let reader = machine.as_machine();
    let run = unfinished(reader).map_err(ApplyError::from)?;
    let run = run.filter(|run| run.beginning.run == *name).ok_or_else(|| {
        let what = format!("run {name}");
        ApplyError::Record(Unread::Failed { what, detail: "it has come to its end meanwhile".into() })
    })?;
    let past = match run.beginning.purpose.takes_back() {
        None => None,
        Some(of) => Some(past_run(reader, of).map_err(|detail| {
            ApplyError::Record(Unread::Failed { what: format!("run {of}, which run {name} takes back"), detail })
        })?),
    };
    let taken_back = past.as_ref().map(|past| done_steps(reader, past).done_or_unknown()).unwrap_or_default();
    let rollback = past.as_ref().map(|past| {
        let hold = Hold::of(options.hold);
        let purpose = run.beginning.purpose.clone();
        let options = PlanOptions { hold, ..PlanOptions::at(options.now) };
        RollbackBasis { run: past, steps: &taken_back, purpose, options }
    });
    let basis = rollback.as_ref().map(|rollback| rollback as &dyn Basis).or(basis).ok_or_else(|| {
        let what = format!("what run {name} was for");
        ApplyError::Record(Unread::Failed { what, detail: "only its document tells".into() })
    })?;
    let mut states = done_steps(reader, &run).states;
    let mut holds = Holds::new(reader, options.hold);
    let mut steps: Vec<Step<'_>> = Vec::with_capacity(run.intents.len());
    let made = Made::of_run(reader, name)?;
    let sources = Sources { machine: reader, secrets: options.secrets, made: &made };
    for ((_, operation), state) in run.intents.iter().zip(&states) {
        // A file that is in its place was told by its fingerprint; made anew, some forms would have other bytes.
        if *state == Progressed::Done && matches!(operation, Operation::PutFile { .. }) {
            steps.push(Step::new(operation));
            continue;
        }
        // The data of what is done are needed to see that they are there; a secret that is gone by now is not asked for.
        steps.push(match step(operation, &sources, &mut holds) {
            Ok(step) => step,
            Err(_) if *state == Progressed::Done => Step::new(operation),
            Err(error) => return Err(error),
        });
    }
    // What somebody else has written is judged by what is there now.
    let facts = basis.facts(reader, options.secrets)?;
    let wrong = verify(reader, &facts, steps.iter());
    for ((state, wrong), (_, operation)) in states.iter_mut().zip(&wrong).zip(&run.intents) {
        if *state == Progressed::Unknown {
            let is_done = wrong.is_none() && !operation.is_unseen();
            *state = if is_done { Progressed::Done } else { Progressed::NotDone };
        }
    }
    let mut plan = plan_of(&run);
    plan.bookkeeping = basis.plan(&facts)?.bookkeeping;
    let planned: Vec<Planned<'_>> =
        steps.into_iter().enumerate().map(|(number, step)| Planned { decision: number, entry: number, step }).collect();
    let done: Vec<bool> = states.iter().map(|state| *state == Progressed::Done).collect();
    let mut recalled = Recalled::of(reader, options)?;
    writer.require_space(&mut run.intents.iter().map(|(_, operation)| operation), 0)?;
    let mut journal = Journal::resume(writer.journal(name)?, run.intents.len(), run.torn, options.now, options.owner)?;
    // A replacement that was seen may not be durable yet.
    for part in run.commits.iter().flat_map(|(commit, _)| &commit.parts) {
        writer.sync_part(&part.part)?;
    }
    // What the system has started since stops once more; what is stopped stays so.
    let stop_first = &run.beginning.stop_first;
    let by = By { run: name, now: options.now };
    restart::stop_first(reader, &mut *writer, &mut recalled, stop_first, by, progress)?;
    let mut state = State::new(&plan);
    let now = FileTime::from_timestamp(options.now);
    // Whoever depends on a failed step is not known any more: nothing is done after one.
    let on_failure = OnFailure::Stop;
    // Also what the attempt that stopped has put off.
    if rollback.is_none() {
        state.stop_when_it_waits();
    }
    let of_before = planned.iter().zip(&done).filter(|(_, done)| **done).map(|(planned, _)| planned);
    note_waiting(of_before, reader, &mut state);
    perform_all(&planned, &done, reader, &mut *writer, &mut journal, &mut state, now, on_failure, progress)?;

    progress.phase("verify", planned.len());
    let facts = basis.facts(reader, options.secrets)?;
    for (planned, wrong) in planned.iter().zip(verify(reader, &facts, planned.iter().map(|planned| &planned.step))) {
        let is_file = planned.step.operation.file().is_some();
        let has_data = is_file || planned.step.data.is_some() || !planned.step.operation.has_secret();
        if let Some(wrong) = wrong.filter(|_| has_data) {
            state.fail(planned, wrong);
        }
    }
    let waits = state.waits();
    let mut owed = recalled.owed_after(state.done(), name, options.now);
    let which = Which::after(state.has_failed(), OnFailure::Stop);
    let restarts = restart::discharge(reader, &mut *writer, &mut recalled, &mut owed, which, by, progress)?;
    let facts = if restarts.is_empty() { facts } else { basis.facts(reader, options.secrets)? };
    let again = basis.plan(&facts)?;
    let mut report = ApplyReport {
        run: Some(name.to_string()),
        outcomes: merged(state.outcomes()),
        // A run that is taken back is judged step by step, and a step that a later one has overtaken looks as if somebody else had
        // changed it: what was left is known to the run that began, not to this one.
        left: if rollback.is_some() { Left::default() } else { Left::of(&again.summary()) },
        planned_again: false,
        remaining_operations: 0,
        reboot: run.beginning.reboot || waits,
        restarts,
        owed,
        bookkeeping: 0,
        warnings: Vec::new(),
        confirm_until: None,
    };
    let ended = Ended { basis, plan: &plan, again: &again, run: name };
    remember::conclude(&ended, &mut report, &mut recalled, reader, &mut *writer, &mut journal, options)?;
    Ok(report)
}

/// Ends the journal of a run of which nothing is, or is left, on the machine.
///
/// # Errors
/// The record cannot be written.
pub fn settle(machine: &dyn WritableMachine, run: &JournalRun, options: &ApplyOptions<'_>) -> Result<(), ApplyError> {
    let mut writer = machine.writer(options.owner)?;
    let name = &run.beginning.run;
    let open = unfinished(machine.as_machine()).map_err(ApplyError::from)?;
    if open.is_none_or(|open| open.beginning.run != *name) {
        // Somebody else has settled it meanwhile.
        return Ok(());
    }
    let mut journal = Journal::resume(writer.journal(name)?, run.intents.len(), run.torn, options.now, options.owner)?;
    writer.forget_made(name)?;
    journal.end(&Ending { skipped: run.intents.len(), ..Ending::default() })?;
    Ok(())
}

/// The steps of a journal as a plan: each a decision of its own.
fn plan_of(run: &JournalRun) -> Plan {
    let beginning = &run.beginning;
    let restart: Arc<[Box<str>]> = beginning.restarts.clone().into();
    let decisions = run.intents.iter().map(|(address, operation)| {
        let reason = Reason::code("run.resumed");
        let operations = vec![operation.clone()];
        let decision = Decision::change(address.clone(), Location::default(), Action::Update, reason, operations);
        Decision { reboot: beginning.reboot, restart: Arc::clone(&restart), ..decision }
    });
    let entries = (0..run.intents.len()).map(|number| EntrySpan { start: number, end: number + 1, needs: Vec::new() });
    Plan {
        document: beginning.document.clone(),
        decisions: decisions.collect(),
        after: Dependencies { entries: entries.collect() },
        ..Plan::new(beginning.started)
    }
}

/// One outcome for each resource: that of the first of its steps that was not done.
fn merged(outcomes: Vec<super::ResourceOutcome>) -> Vec<super::ResourceOutcome> {
    let mut out: Vec<super::ResourceOutcome> = Vec::with_capacity(outcomes.len());
    let mut places: HashMap<ResourceId, usize> = HashMap::new();
    for one in outcomes {
        match places.get(&one.address).and_then(|place| out.get_mut(*place)) {
            None => {
                places.insert(one.address.clone(), out.len());
                out.push(one);
            }
            Some(known) if known.outcome == super::Outcome::Done => known.outcome = one.outcome,
            Some(_) => {}
        }
    }
    out
}

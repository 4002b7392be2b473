//! From operations to steps with their expressions evaluated, and from steps to a machine that is changed: stage, journal, commit.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::content::Sources;
use super::held::Holds;
use super::journal::{Commit, Journal};
use super::places;
use super::state::{Planned, State};
use super::{ApplyError, OnFailure, Progress, chain};
use crate::machine::{Machine, PartChange, Step, Unit, WriteError, Writer};
use crate::model::fact::{Observed, Stored, Unread};
use crate::model::file::FilePath;
use crate::model::operation::{Expression, Operation};
use crate::model::probe::Answer;
use crate::model::registry_data::RegistryData;
use crate::model::secret::SecretReference;
use crate::model::time::FileTime;
use crate::model::verdict::Decision;
use crate::plan::Plan;

/// Evaluates every expression before anything is touched: a secret that is not to be had changes nothing.
pub fn evaluate<'p>(
    plan: &'p Plan,
    sources: &Sources<'_>,
    holds: &mut Holds<'_>,
) -> Result<Vec<Planned<'p>>, ApplyError> {
    let mut planned = Vec::new();
    for (entry, span) in plan.after.entries.iter().enumerate() {
        for decision in span.start..span.end {
            for operation in plan.decisions.get(decision).map(Decision::operations).into_iter().flatten() {
                planned.push(Planned { decision, entry, step: step(operation, sources, holds)? });
            }
        }
    }
    Ok(planned)
}

/// One step with its expression evaluated.
pub fn step<'o>(
    operation: &'o Operation,
    sources: &Sources<'_>,
    holds: &mut Holds<'_>,
) -> Result<Step<'o>, ApplyError> {
    let mut step = Step::new(operation);
    match operation {
        Operation::PutRegistryValue { after, .. } => {
            step.data = Some(match after {
                Expression::Registry(data) => Cow::Borrowed(data),
                Expression::Secret { value_type, reference } => {
                    let text = resolved(reference, sources)?;
                    Cow::Owned(RegistryData::text(*value_type, &text))
                }
                Expression::Held { item, .. } => Cow::Owned(holds.data(item)?),
                Expression::Thumbprint { certificate, .. } => {
                    let detail = || format!("{certificate} was not made");
                    let unknown = || ApplyError::Content { step: operation.to_string(), detail: detail() };
                    Cow::Owned(after.thumbprint().ok_or_else(unknown)?)
                }
            });
        }
        Operation::PutFile { content, .. } => {
            let failed = |detail| ApplyError::Content { step: operation.to_string(), detail };
            step.bytes = Some(sources.bytes(content).map_err(failed)?);
        }
        Operation::ImportKey { certificate, key, .. } => {
            let failed = |detail| ApplyError::Content { step: operation.to_string(), detail };
            step.bytes = Some(sources.key_for(certificate, key).map_err(failed)?);
        }
        Operation::EditFile { after: Some(after), selector, .. } => {
            let failed = |detail| ApplyError::Content { step: operation.to_string(), detail };
            step.value = sources.value(after, selector).map_err(failed)?;
        }
        Operation::Configure { steps, setting, .. } => {
            if let Some(reference) = setting.secret() {
                step.secret = Some(resolved(reference, sources)?);
            }
            for inner in steps {
                step.steps.push(self::step(inner, sources, holds)?);
            }
        }
        Operation::PutRegistryTree { after, .. } => {
            let is_held = |stored: &Stored| matches!(stored, Stored::Sealed { held: Some(_), .. });
            if after.any_value(&mut |value| is_held(&value.data)) {
                let mut tree = after.clone();
                let mut failed = None;
                tree.for_each_value(&mut |value| {
                    if let Stored::Sealed { held: Some(item), .. } = &value.data {
                        match holds.data(item) {
                            Ok(data) => value.data = Stored::Plain(data),
                            Err(error) => failed = Some(error),
                        }
                    }
                });
                if let Some(error) = failed {
                    return Err(error);
                }
                step.tree = Some(tree);
            }
        }
        _ => {}
    }
    Ok(step)
}

fn resolved(reference: &SecretReference, sources: &Sources<'_>) -> Result<Zeroizing<String>, ApplyError> {
    let failed = |detail| ApplyError::Secret { reference: reference.to_string(), detail };
    sources.secrets.resolve(reference).map_err(failed)
}

/// What was made of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitEnd {
    Committed,
    /// Nothing of it is on the machine, because of a failure that takes everything back.
    Discarded,
}

/// A stretch of steps that are committed together.
pub struct Batch<'b, 'p> {
    pub steps: &'b [Planned<'p>],
    /// The number of the first step in the journal.
    pub first: usize,
    /// The steps of the batch, by their place in it, that an earlier attempt has done already.
    pub done: &'b [bool],
}

/// Stages, journals and commits a batch; what fails is noted in `state`.
#[expect(clippy::too_many_arguments, reason = "the one place where a batch meets the machine and its journal")]
pub fn perform(
    batch: &Batch<'_, '_>,
    machine: &dyn Machine,
    writer: &mut dyn Writer,
    journal: &mut Journal,
    state: &mut State<'_>,
    now: FileTime,
    on_failure: OnFailure,
    progress: &mut dyn Progress,
) -> Result<UnitEnd, ApplyError> {
    progress.phase("apply", batch.steps.len());
    let mut not_done = Vec::new();
    for (place, planned) in batch.steps.iter().enumerate() {
        progress.step();
        if batch.done.get(place) == Some(&true) {
            continue;
        }
        if let Some(obstacle) = state.obstacle(planned) {
            state.skip(planned, obstacle);
            not_done.push(batch.first + place);
            continue;
        }
        match writer.stage(&planned.step, now) {
            Ok(()) => {}
            Err(stopped @ WriteError::Stopped { .. }) => return Err(stopped.into()),
            Err(error) => {
                state.fail(planned, chain(&error));
                not_done.push(batch.first + place);
                match on_failure {
                    OnFailure::Continue => {}
                    OnFailure::Stop => state.stop(format!("stopped when this failed: {}", planned.step.operation)),
                    OnFailure::Rollback => {
                        writer.discard();
                        return Ok(UnitEnd::Discarded);
                    }
                }
            }
        }
    }
    progress.phase("write", 1);
    let parts = match writer.prepare(now) {
        Ok(parts) => parts,
        Err(stopped @ WriteError::Stopped { .. }) => return Err(stopped.into()),
        Err(error) => {
            writer.discard();
            return Ok(fail_all(batch, &chain(&error), state, on_failure));
        }
    };
    let end = batch.first + batch.steps.len();
    let commit = Commit { first: batch.first, end, not_done, parts };
    journal.commit(&commit)?;
    if let [only] = batch.steps
        && writer.unit(only.step.operation) == Unit::Calls
    {
        progress.waits_for(only.step.operation);
    }
    match writer.commit() {
        Ok(()) => {
            journal.committed()?;
            note_waiting(batch.steps.iter(), machine, state);
            Ok(UnitEnd::Committed)
        }
        Err(stopped @ WriteError::Stopped { .. }) => Err(stopped.into()),
        Err(error) => {
            writer.discard();
            let lost = settle(batch, machine, &commit.parts, &chain(&error), state);
            journal.settled(&lost)?;
            if on_failure != OnFailure::Continue {
                state.stop(format!("stopped when writing failed: {}", chain(&error)));
            }
            Ok(UnitEnd::Committed)
        }
    }
}

/// Notes which files are put off to the next start: the machine has them on its list, on which the plan left none of them.
pub fn note_waiting<'b, 'p: 'b>(
    steps: impl Iterator<Item = &'b Planned<'p>> + Clone,
    machine: &dyn Machine,
    state: &mut State<'_>,
) {
    if !steps.clone().any(|planned| is_whole(planned.step.operation)) {
        return;
    }
    let waits = Waits::of(machine);
    for planned in steps.filter(|planned| waits.holds(planned.step.operation) == Some(true)) {
        // A folder that is gone waits for nothing, whatever is on the list.
        let is_gone = matches!(planned.step.operation, Operation::RemoveFolder { .. })
            && places::check(machine, &planned.step).is_ok();
        if !is_gone {
            waits.note(planned, machine, state);
        }
    }
}

/// Only files as a whole are put off, and folders with them.
const fn is_whole(operation: &Operation) -> bool {
    matches!(operation, Operation::PutFile { .. } | Operation::RemoveFile { .. } | Operation::RemoveFolder { .. })
}

/// The list of the next start, as far as it can be read: what is not done is found when everything is read back.
pub struct Waits(Observed<Vec<FilePath>>);

impl Waits {
    pub fn of(machine: &dyn Machine) -> Self {
        let places = |fates: Vec<(FilePath, Answer)>| fates.iter().map(|(path, _)| path.usual_place()).collect();
        Self(match machine.next_start() {
            Err(Unread::Unsupported { .. } | Unread::NotCaptured { .. }) => Ok(Vec::new()),
            fates => fates.map(places),
        })
    }

    /// Whether a file may be on the list: it may, where the list cannot be read.
    pub fn may_hold(&self, path: &FilePath) -> bool {
        self.0.as_ref().map_or(true, |places| !places.is_empty() && places.contains(&path.usual_place()))
    }

    /// Whether a step is put off; `None` where that cannot be told.
    fn holds(&self, operation: &Operation) -> Option<bool> {
        let Some(path) = operation.file().filter(|_| is_whole(operation)) else { return Some(false) };
        let places = self.0.as_ref().ok()?;
        if places.is_empty() {
            return Some(false);
        }
        let place = path.usual_place();
        Some(match operation {
            Operation::RemoveFolder { .. } => places.iter().any(|found| found.is_below(&place)),
            _ => places.contains(&place),
        })
    }

    fn note(&self, planned: &Planned<'_>, machine: &dyn Machine, state: &mut State<'_>) {
        if let Operation::RemoveFolder { .. } = planned.step.operation {
            return state.wait(planned, "what is in it goes at the next start of Windows".into());
        }
        let used = planned.step.operation.file().and_then(|path| machine.users_of(path));
        let used = used.unwrap_or_else(|| "it is in use".into());
        state.wait(planned, format!("the next start of Windows changes it: {used}"));
    }
}

fn fail_all(batch: &Batch<'_, '_>, detail: &str, state: &mut State<'_>, on_failure: OnFailure) -> UnitEnd {
    for (place, planned) in batch.steps.iter().enumerate() {
        if batch.done.get(place) != Some(&true) {
            state.fail(planned, detail.to_owned());
        }
    }
    if on_failure == OnFailure::Rollback { UnitEnd::Discarded } else { UnitEnd::Committed }
}

/// After a commit that failed: looks which parts were replaced all the same, and gives the steps that are not done.
fn settle(
    batch: &Batch<'_, '_>,
    machine: &dyn Machine,
    parts: &[PartChange],
    detail: &str,
    state: &mut State<'_>,
) -> Vec<usize> {
    let replaced: Vec<&str> = parts
        .iter()
        // What looks the same before and after tells nothing: it counts as lost.
        .filter(|part| part.before != part.after)
        .filter(|part| matches!(machine.part_state(&part.part), Ok(found) if found == part.after))
        .map(|part| part.part.as_str())
        .collect();
    let waits = Waits::of(machine);
    let mut lost = Vec::new();
    for (place, planned) in batch.steps.iter().enumerate() {
        let is_there = machine.part_of(planned.step.operation).is_ok_and(|part| replaced.contains(&part.as_str()));
        if is_there || batch.done.get(place) == Some(&true) {
            continue;
        }
        match waits.holds(planned.step.operation) {
            Some(true) => waits.note(planned, machine, state),
            Some(false) => {
                state.fail(planned, detail.to_owned());
                lost.push(batch.first + place);
            }
            // It may be put off, and whoever takes the run back has to look.
            None => state.fail(planned, detail.to_owned()),
        }
    }
    lost
}

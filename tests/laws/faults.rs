//! Law 6: whatever write fails, and before or after whatever write the machine stops, what is there is all or none of what was to be
//! committed, the journal tells the truth, nothing else is touched, and the next run comes to the end.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use trueup::apply::{
    ApplyError, ApplyReport, CommitState, Ending, JournalError, Outcome, RunState, read_journal, unfinished,
};
use trueup::document::Desired;
use trueup::formats::regf;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::{RunName, WritableMachine, WriteError};
use trueup::model::operation::{Expression, Operation};
use trueup::model::time::FileTime;
use trueup::model::verdict::{Decision, Verdict};
use trueup::plan::{EntrySpan, Plan};

use super::documents::{Scope, case};
use super::model::{Model, place};
use super::runner::{Law, check_weighed};
use super::world::{FILES, Planned, apply_plan, apply_saved_plan, image, memory, now, plan, resume_run, saved};

const ANYWHERE: Scope = Scope { image_only: false, secrets: false };
const FAULTS: [Fault; 3] = [Fault::Fail, Fault::StopBefore, Fault::StopAfter];

/// A machine of a case, made anew for each fault.
struct Made<'m> {
    machine: &'m dyn WritableMachine,
    model: &'m dyn Fn() -> Model,
}

/// What a whole run makes of the machine.
fn end_of(before: &Model, plan: &Plan) -> Result<Model, TestCaseError> {
    let mut model = before.clone();
    for operation in plan.operations() {
        model.perform(operation, FileTime::from_timestamp(now()).0).map_err(TestCaseError::fail)?;
    }
    Ok(model)
}

/// The writes of a run that meets no fault.
fn writes(made: &Made<'_>, desired: &Desired, planned: &Planned) -> usize {
    let faulty = FaultyMachine::new(made.machine, Fault::Fail, 0);
    apply_plan(&faulty, desired, planned).expect("nothing fails");
    faulty.writes()
}

fn run_with(made: &Made<'_>, desired: &Desired, planned: &Planned, fault: Fault, at: usize) -> Law {
    let before = (made.model)();
    let end = end_of(&before, &planned.plan)?;
    let faulty = FaultyMachine::new(made.machine, fault, at);
    let result = apply_plan(&faulty, desired, planned);
    let after = (made.model)();
    let is_none = after == before;
    let is_all = after == end;

    match (&result, fault) {
        (Err(ApplyError::Write(WriteError::Stopped { .. })), Fault::StopBefore | Fault::StopAfter) => {
            prop_assert!(is_none || is_all, "a part of the unit is there");
        }
        (Err(ApplyError::Write(_)), Fault::Fail) => prop_assert!(is_none || is_all, "a part of the unit is there"),
        (Ok(report), Fault::Fail) => tells_the_truth(&planned.plan, report, &before, &after)?,
        (other, _) => return Err(TestCaseError::fail(format!("{fault:?} ended as {other:?}"))),
    }
    untouched_elsewhere(&planned.plan, &before, &after)?;
    journal_is_true(made, &planned.plan, result.as_ref().ok(), is_none, is_all)?;

    // A run that may have touched the machine is finished before anything else is done.
    let reader = made.machine.as_machine();
    if let Some(open) = unfinished(reader).map_err(|error| TestCaseError::fail(error.to_string()))? {
        let again = plan(reader, desired);
        let refused = apply_plan(made.machine, desired, &again);
        let is_refused = matches!(&refused, Err(ApplyError::Unfinished(run)) if *run == open.beginning.run);
        prop_assert!(is_refused || !again.plan.has_work(), "{refused:?}");
        let report = resume_run(made.machine, desired, &open.beginning.run)
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!((report.failed(), report.skipped(), report.undone()), (0, 0, 0));
    }
    let again = plan(reader, desired);
    let report = apply_plan(made.machine, desired, &again).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!((report.failed(), report.skipped(), report.remaining_operations), (0, 0, 0));
    let healed = (made.model)();
    for (path, key) in &end.0 {
        let found = healed.get(path).cloned().map(|found| super::model::ModelKey { name: key.name.clone(), ..found });
        prop_assert_eq!(found.as_ref(), Some(key), "after the next run: {}", path);
    }
    prop_assert_eq!(healed.0.len(), end.0.len());
    Ok(())
}

fn verdict_of<'p>(plan: &'p Plan, address: &str) -> Option<&'p Decision> {
    plan.decisions
        .iter()
        .find(|decision| matches!(decision.verdict, Verdict::Change { .. }) && decision.id.to_string() == address)
}

/// What the report calls done is done; what it calls failed or skipped is as it was, unless a later step took it away.
fn tells_the_truth(plan: &Plan, report: &ApplyReport, before: &Model, after: &Model) -> Law {
    prop_assert!(report.failed() > 0, "a write failed, and the report knows of none");
    prop_assert!(!report.is_complete());
    let moves = plan.operations().any(|operation| matches!(operation, Operation::RenameRegistryKey { .. }));
    let outcomes: BTreeMap<String, &Outcome> =
        report.outcomes.iter().map(|one| (one.address.to_string(), &one.outcome)).collect();
    let of_entry = |span: &EntrySpan| {
        let decisions = &plan.decisions[span.start..span.end];
        decisions.iter().filter_map(|decision| outcomes.get(&decision.id.to_string()).copied()).collect::<Vec<_>>()
    };
    // A commit that failed leaves nothing done, and everything was tried.
    for span in plan.after.entries.iter().filter(|_| report.done() > 0) {
        let needed: Vec<_> = span.needs.iter().flat_map(|needed| of_entry(&plan.after.entries[*needed])).collect();
        if needed.iter().any(|outcome| **outcome != Outcome::Done) {
            let tried = of_entry(span).into_iter().filter(|outcome| !matches!(outcome, Outcome::Skipped { .. }));
            prop_assert_eq!(tried.count(), 0, "{} depends on what was not done", plan.decisions[span.start].id);
        }
    }
    for one in &report.outcomes {
        let decision = verdict_of(plan, &one.address.to_string()).expect("only changes have an outcome");
        for operation in decision.operations() {
            let path = place(operation.registry_key().expect("a step of the registry"));
            let (now, then) = (after.get(&path), before.get(&path));
            let done = match operation {
                Operation::CreateRegistryKey { .. } | Operation::PutRegistryTree { .. } => now.is_some(),
                Operation::RemoveRegistryTree { .. } => now.is_none(),
                Operation::RenameRegistryKey { from, .. } => now.is_some() && after.get(&place(from)).is_none(),
                Operation::PutRegistrySecurity { after, .. } => now.is_some_and(|key| key.security[..] == after[..]),
                Operation::RemoveRegistryValue { name, .. } => {
                    now.is_some_and(|key| !key.values.contains_key(&trueup::formats::upcase::fold(name)))
                }
                Operation::PutRegistryValue { name, after: Expression::Registry(data), .. } => {
                    let folded = trueup::formats::upcase::fold(name);
                    now.is_some_and(|key| key.values.get(&folded).is_some_and(|(_, found)| found == data))
                }
                Operation::PutRegistryValue { .. } => true,
                other => return Err(TestCaseError::fail(format!("{other} is no step of the registry"))),
            };
            match &one.outcome {
                Outcome::Done => prop_assert!(done, "{} is told as done: {}", one.address, operation),
                Outcome::Failed { .. } | Outcome::Skipped { .. } if one.address.part().is_some() && !moves => {
                    prop_assert!(!done || now.is_none() || now == then, "{} is done: {}", one.address, operation);
                }
                Outcome::Failed { .. } | Outcome::Skipped { .. } => {}
                Outcome::Undone { .. } => return Err(TestCaseError::fail("nothing was to be taken back")),
                Outcome::Waiting { .. } => return Err(TestCaseError::fail("no file is in use")),
            }
        }
    }
    Ok(())
}

/// Keys that operations name, with those directly above them, and those below which everything may change.
pub fn touched<'o>(operations: impl Iterator<Item = &'o Operation>) -> (BTreeSet<String>, Vec<String>) {
    let mut named = BTreeSet::new();
    let mut trees = Vec::new();
    for operation in operations {
        let mut places = vec![place(operation.registry_key().expect("a step of the registry"))];
        if let Operation::RenameRegistryKey { from, .. } = operation {
            places.push(place(from));
            trees.extend(places.clone());
        }
        if let Operation::RemoveRegistryTree { .. } | Operation::PutRegistryTree { .. } = operation {
            trees.extend(places.clone());
        }
        for path in places {
            named.extend(path.rsplit_once('\\').map(|(parent, _)| parent.to_owned()));
            named.insert(path);
        }
    }
    (named, trees)
}

/// Keys that the plan does not name are as they were.
pub fn untouched_elsewhere(plan: &Plan, before: &Model, after: &Model) -> Law {
    let (named, trees) = touched(plan.operations());
    let in_tree = |path: &str| trees.iter().any(|tree| path.starts_with(&format!("{tree}\\")));
    for path in before.0.keys().chain(after.0.keys()) {
        if !named.contains(path) && !in_tree(path) {
            prop_assert_eq!(after.get(path), before.get(path), "{} is not the plan's", path);
        }
    }
    Ok(())
}

fn journal_is_true(made: &Made<'_>, plan: &Plan, report: Option<&ApplyReport>, is_none: bool, is_all: bool) -> Law {
    let name = RunName::next(now(), None);
    let Some(bytes) = made.machine.journal(&name, None).expect("it can be read") else {
        prop_assert!(is_none, "the machine was changed without a journal");
        return Ok(());
    };
    let run = match read_journal(&bytes) {
        Ok(run) => run,
        Err(JournalError::Empty) => {
            prop_assert!(is_none, "the machine was changed before the journal began");
            return Ok(());
        }
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    };
    prop_assert_eq!(&run.beginning.run, &name);
    prop_assert_eq!(run.beginning.operations, plan.operations().count());
    let planned = plan.decisions.iter().flat_map(|one| one.operations().iter().map(|operation| (&one.id, operation)));
    let planned: Vec<_> = planned.collect();
    let intended: Vec<_> = run.intents.iter().map(|(address, operation)| (address, operation)).collect();
    prop_assert!(planned.starts_with(&intended), "the journal's steps are not the plan's");
    match run.state {
        RunState::Untouched => prop_assert!(is_none, "the journal says that nothing was touched"),
        RunState::Unfinished => {
            prop_assert_eq!(
                intended.len(),
                planned.len(),
                "the machine was touched before all steps were written ahead"
            );
            let known = run.commits.iter().filter(|(_, state)| *state == CommitState::Known);
            let is_settled = known.clone().map(|(commit, _)| commit.end).max() == Some(intended.len());
            let has_failed = known.clone().any(|(commit, _)| !commit.not_done.is_empty());
            prop_assert!(!is_settled || is_all || has_failed || is_none);
        }
        RunState::Ended(ending) => match report {
            Some(report) => {
                let (done, failed, skipped) = (report.done(), report.failed(), report.skipped());
                prop_assert_eq!(ending, Ending { done, failed, skipped, undone: 0, waiting: 0 });
            }
            // The last line was written, and then the machine stopped.
            None => prop_assert!(is_all && (ending.failed, ending.skipped, ending.undone) == (0, 0, 0)),
        },
    }
    Ok(())
}

#[test]
fn memory_survives_every_fault() {
    check_weighed(60, 30, &case(ANYWHERE), |case| {
        let desired = case.desired();
        let with = |test: &dyn Fn(&Made<'_>) -> Law| {
            let machine = memory(&case.hives);
            let made = Made { machine: &machine, model: &|| Model::of_memory(&machine) };
            test(&made)
        };
        let planned = plan(&memory(&case.hives), &desired);
        if !planned.plan.has_operations() {
            return Ok(());
        }
        let count = std::cell::Cell::new(0);
        with(&|made| {
            count.set(writes(made, &desired, &planned));
            Ok(())
        })?;
        for at in 1..=count.get() {
            for fault in FAULTS {
                with(&|made| run_with(made, &desired, &planned, fault, at))
                    .map_err(|error| at_write(&error, fault, at))?;
            }
        }
        Ok(())
    });
}

fn at_write(error: &TestCaseError, fault: Fault, at: usize) -> TestCaseError {
    TestCaseError::fail(format!("{fault:?} at write {at}: {error}"))
}

#[test]
fn an_image_survives_every_fault() {
    check_weighed(25, 60, &(case(ANYWHERE), any::<usize>()), |(case, first)| {
        let desired = case.desired();
        let planned = plan(&image(&case.hives).machine, &desired);
        if !planned.plan.has_operations() {
            return Ok(());
        }
        let with = |test: &dyn Fn(&Made<'_>) -> Law| {
            let image = image(&case.hives);
            let made = Made { machine: &image.machine, model: &|| Model::of_folder(image.folder.path()) };
            test(&made)?;
            for (_, file) in FILES {
                let bytes = std::fs::read(image.folder.path().join(file)).unwrap();
                prop_assert_eq!(regf::check(&bytes).unwrap(), Vec::new());
            }
            Ok(())
        };
        let count = std::cell::Cell::new(0);
        with(&|made| {
            count.set(writes(made, &desired, &planned));
            Ok(())
        })?;
        for at in 1..=count.get() {
            // One fault at each write; which one differs from case to case.
            let fault = FAULTS[(first % 3 + at) % 3];
            with(&|made| run_with(made, &desired, &planned, fault, at)).map_err(|error| at_write(&error, fault, at))?;
        }
        Ok(())
    });
}

/// A saved plan that meets a fault has the same outcomes as the plan it was saved from.
#[test]
fn a_saved_plan_fails_as_the_plan_does() {
    check_weighed(60, 15, &case(ANYWHERE), |case| {
        let desired = case.desired();
        let first = memory(&case.hives);
        let planned = plan(&first, &desired);
        if !planned.plan.has_operations() {
            return Ok(());
        }
        let bytes = saved(&first, &planned, &case.text()).to_json().unwrap();
        let read =
            trueup::plan::SavedPlan::from_json(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        for at in 1..=planned.plan.operations().count() + 8 {
            let (direct, later) = (memory(&case.hives), memory(&case.hives));
            let expected = apply_plan(&FaultyMachine::new(&direct, Fault::Fail, at), &desired, &planned);
            let found = apply_saved_plan(&FaultyMachine::new(&later, Fault::Fail, at), &desired, &read);
            match (expected, found) {
                (Ok(expected), Ok(found)) => prop_assert_eq!(found.outcomes, expected.outcomes, "at write {}", at),
                (Err(expected), Err(found)) => prop_assert_eq!(found.to_string(), expected.to_string()),
                (expected, found) => {
                    return Err(TestCaseError::fail(format!("{expected:?} and {found:?} at write {at}")));
                }
            }
            prop_assert_eq!(Model::of_memory(&later), Model::of_memory(&direct));
        }
        Ok(())
    });
}

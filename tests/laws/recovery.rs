//! Law 6 in full: wherever a run stops, it can be finished and it can be undone, exactly; and so can what was stopped while it was
//! being finished or undone.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use trueup::apply::{
    ApplyError, ApplyOptions, ApplyReport, Journal, JournalRun, OnFailure, Outcome, Purpose, RunState, unfinished,
};
use trueup::document::Desired;
use trueup::formats::hold::HoldKey;
use trueup::formats::upcase::fold;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::{RunName, WritableMachine, WriteError};
use trueup::model::fact::Stored;
use trueup::model::operation::Operation;
use trueup::model::remembered::Record;
use trueup::model::verdict::Verdict;
use trueup::plan::Plan;

use super::bench::{
    Bench, Sort, alike, apply_to, entries, fail, finish, journal_of, rollback_plan, same_entries, take_back, timeless,
    undo_of,
};
use super::documents::{Case, Scope, two_cases};
use super::faults::{touched, untouched_elsewhere};
use super::model::{Model, place};
use super::runner::{Law, check_weighed};
use super::world::{FILES, options, plan};

const FAULTS: [Fault; 3] = [Fault::StopAfter, Fault::StopBefore, Fault::Fail];

/// What a case is tried with.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Another document was applied before.
    pub before: bool,
    /// Secrets that are overwritten are kept.
    pub hold: bool,
    /// So many runs took place before that one of them is forgotten.
    pub crowded: bool,
    /// What is chosen by chance.
    pub chance: usize,
}

pub fn manner() -> impl Strategy<Value = Manner> + Clone {
    (any::<bool>(), any::<bool>(), prop::bool::weighted(0.2), any::<usize>())
        .prop_map(|(before, hold, crowded, chance)| Manner { before, hold, crowded, chance })
}

pub fn hold_key() -> &'static HoldKey {
    static KEY: std::sync::LazyLock<HoldKey> = std::sync::LazyLock::new(|| HoldKey::new([7; HoldKey::BYTES]));
    &KEY
}

fn minutes_later(minutes: i64) -> jiff::Timestamp {
    super::world::now() + jiff::SignedDuration::from_mins(minutes)
}

/// A run that is going to be disturbed, and what it does when it is not.
struct Trial<'t> {
    desired: &'t Desired,
    end: Bench,
    before: Model,
    after: Model,
    record_before: Record,
    record_after: Record,
    plan: Plan,
    report: ApplyReport,
    named: BTreeSet<String>,
    /// Values whose secrets nobody keeps, by folded name.
    lost: BTreeSet<String>,
    /// Such values in trees that go: the tree comes back without them.
    lost_in_trees: BTreeSet<String>,
    manner: Manner,
}

impl<'t> Trial<'t> {
    fn options(manner: Manner, minutes: i64) -> ApplyOptions<'static> {
        let retain = Some(if manner.crowded { std::time::Duration::ZERO } else { trueup::apply::RETAIN });
        ApplyOptions { now: minutes_later(minutes), hold: manner.hold.then(hold_key), retain, ..options() }
    }

    /// The options of whoever comes later.
    fn later(&self, minutes: i64) -> ApplyOptions<'static> {
        Self::options(self.manner, minutes)
    }

    /// `None` when there is nothing to do.
    fn new(start: &Bench, desired: &'t Desired, manner: Manner) -> Result<Option<Self>, TestCaseError> {
        let planned = plan(start.reader(), desired);
        if !planned.plan.has_operations() {
            return Ok(None);
        }
        let end = start.copy();
        let report = apply_to(end.machine(), desired, &Self::options(manner, 10)).map_err(fail)?;
        prop_assert_eq!((report.failed(), report.skipped(), report.undone()), (0, 0, 0));
        let is_lost = |before: &Stored| matches!(before, Stored::Sealed { .. }) && !manner.hold;
        let lost = planned.plan.operations().filter_map(|operation| match operation {
            Operation::PutRegistryValue { name, before: Some(before), .. }
            | Operation::RemoveRegistryValue { name, before, .. }
                if is_lost(before) =>
            {
                Some(fold(name))
            }
            _ => None,
        });
        let mut lost_in_trees = BTreeSet::new();
        for operation in planned.plan.operations() {
            if let Operation::RemoveRegistryTree { before, .. } = operation {
                before.any_value(&mut |value| {
                    lost_in_trees.extend(is_lost(&value.data).then(|| fold(&value.name)));
                    false
                });
            }
        }
        Ok(Some(Self {
            lost_in_trees,
            desired,
            before: start.model(),
            after: end.model(),
            record_before: start.record(),
            record_after: end.record(),
            named: touched(planned.plan.operations()).0,
            lost: lost.collect(),
            plan: planned.plan,
            report,
            end,
            manner,
        }))
    }

    fn run(&self, machine: &dyn WritableMachine) -> Result<ApplyReport, ApplyError> {
        apply_to(machine, self.desired, &self.later(10))
    }

    /// How many writes there are in what is done with a copy of a machine.
    fn writes(bench: &Bench, work: impl FnOnce(&dyn WritableMachine)) -> usize {
        let copy = bench.copy();
        let faulty = FaultyMachine::new(copy.machine(), Fault::Fail, 0);
        work(&faulty);
        faulty.writes()
    }

    fn is_touched(&self, path: &str) -> bool {
        self.named.contains(path)
    }

    /// The machine is as an undisturbed run leaves it.
    fn is_at_end(&self, bench: &Bench, what: &str) -> Law {
        alike(&bench.model(), &self.after, |path| self.is_touched(path), what)
    }

    /// The machine is as it was before the run, but for secrets that nobody kept.
    fn is_at_start(&self, bench: &Bench, what: &str) -> Law {
        let mut found = bench.model();
        for (path, key) in &mut found.0 {
            let Some(before) = self.before.get(path) else { continue };
            for name in self.lost.iter().chain(&self.lost_in_trees) {
                match before.values.get(name) {
                    Some(value) => drop(key.values.insert(name.clone(), value.clone())),
                    None => drop(key.values.remove(name)),
                }
            }
        }
        alike(&found, &self.before, |path| self.is_touched(path), what)
    }

    /// A run stopped: it can be finished, it can be undone, and both can be stopped again.
    fn stopped(&self, bench: &Bench) -> Law {
        untouched_elsewhere(&self.plan, &self.before, &bench.model())?;
        bench.is_sound()?;
        let Some(open) = unfinished(bench.reader()).map_err(fail)? else {
            return self.closed(bench);
        };
        self.finished(&bench.copy(), &open)?;
        self.finished_at_the_second_try(bench, &open)?;
        self.undone(&bench.copy(), &open)?;
        self.undone_at_the_second_try(bench, &open)
    }

    /// No run is open: it did nothing, or came to its end.
    fn closed(&self, bench: &Bench) -> Law {
        if bench.model() == self.before {
            prop_assert_eq!(
                entries(&bench.record()),
                entries(&self.record_before),
                "the record of a run that did nothing"
            );
            let copy = bench.copy();
            let report = apply_to(copy.machine(), self.desired, &self.later(20)).map_err(fail)?;
            prop_assert_eq!((report.failed(), report.skipped()), (0, 0));
            return self.is_at_end(&copy, "the next run");
        }
        self.is_at_end(bench, "no run is open")?;
        let last = bench.reader().runs().expect("they can be read").pop().expect("there was a run");
        let state = journal_of(bench.reader(), &last).state;
        prop_assert!(matches!(state, RunState::Ended(_)), "{} is {:?}", last, state);
        prop_assert_eq!(timeless(&bench.record()), timeless(&self.record_after), "the record");
        Ok(())
    }

    fn finished(&self, bench: &Bench, open: &JournalRun) -> Law {
        let run = &open.beginning.run;
        let report = finish(bench.machine(), self.desired, run, &self.later(20)).map_err(fail)?;
        let bad: Vec<_> = report.outcomes.iter().filter(|one| one.outcome != Outcome::Done).collect();
        prop_assert!(bad.is_empty(), "{bad:?}");
        let addresses = |report: &ApplyReport| {
            report.outcomes.iter().map(|one| one.address.folded().to_string()).collect::<BTreeSet<_>>()
        };
        // A resource without steps of its own is not in the journal.
        prop_assert!(addresses(&report).is_subset(&addresses(&self.report)));
        prop_assert_eq!(report.is_complete(), self.report.is_complete(), "{:?}", report);
        prop_assert_eq!(report.reboot, self.report.reboot);
        self.is_at_end(bench, "finished")?;
        self.is_settled(bench)?;
        prop_assert!(matches!(journal_of(bench.reader(), run).state, RunState::Ended(_)), "{} is not ended", run);
        prop_assert_eq!(timeless(&bench.record()), timeless(&self.record_after), "the record of a finished run");
        prop_assert!(!plan(bench.reader(), self.desired).plan.has_operations(), "planned again");
        let model = bench.model();
        prop_assert!(finish(bench.machine(), self.desired, run, &self.later(30)).is_err(), "it was finished twice");
        let again = apply_to(bench.machine(), self.desired, &self.later(30)).map_err(fail)?;
        prop_assert_eq!(again.run, None, "the next run did something");
        prop_assert!(bench.model() == model, "the next run wrote something");
        Ok(())
    }

    fn is_settled(&self, bench: &Bench) -> Law {
        bench.is_sound()?;
        let open = unfinished(bench.reader()).map_err(fail)?.map(|run| run.beginning);
        prop_assert_eq!(open, None, "a run is open");
        Ok(())
    }

    fn undone(&self, bench: &Bench, open: &JournalRun) -> Law {
        let (plan, report) = take_back(bench.machine(), open, &undo_of(open), &self.later(20)).map_err(fail)?;
        for decision in plan.decisions.iter().filter(|one| one.verdict == Verdict::Blocked) {
            let is_lost = decision.reasons.iter().any(|reason| reason.code == "rollback.irreversible");
            let part = decision.id.part().map(fold).unwrap_or_default();
            prop_assert!(is_lost && self.lost.contains(&part), "{:?}", decision);
        }
        if let Some(report) = report {
            prop_assert_eq!((report.failed(), report.skipped(), report.undone()), (0, 0, 0), "{:?}", report.outcomes);
            prop_assert_eq!(report.remaining_operations, 0);
        }
        self.is_undone(bench)
    }

    fn is_undone(&self, bench: &Bench) -> Law {
        self.is_at_start(bench, "undone")?;
        self.is_settled(bench)?;
        if self.lost.is_empty() && self.lost_in_trees.is_empty() {
            same_entries(&bench.record(), &entries(&self.record_before), "undone")?;
            let again = plan(bench.reader(), self.desired).plan;
            let steps = |plan: &Plan| plan.operations().map(ToString::to_string).collect::<Vec<_>>();
            prop_assert_eq!(steps(&again), steps(&self.plan), "planned again");
        }
        Ok(())
    }

    /// A write to disturb, and how.
    fn second_fault(&self, writes: usize) -> (Fault, usize) {
        let chance = self.manner.chance.rotate_left(7) ^ writes;
        ([Fault::StopAfter, Fault::StopBefore, Fault::Fail][chance % 3], chance / 3 % writes.max(1) + 1)
    }

    fn finished_at_the_second_try(&self, bench: &Bench, open: &JournalRun) -> Law {
        let run = &open.beginning.run;
        let again = |machine: &dyn WritableMachine| finish(machine, self.desired, run, &self.later(20));
        let (fault, at) = self.second_fault(Self::writes(bench, |machine| drop(again(machine))));
        let told =
            |error: TestCaseError| TestCaseError::fail(format!("{fault:?} at write {at} of the finishing: {error}"));
        let disturbed = bench.copy();
        let result = again(&FaultyMachine::new(disturbed.machine(), fault, at));
        if !is_interrupted(&result) {
            return Ok(());
        }
        match unfinished(disturbed.reader()).map_err(fail)? {
            None => self.closed(&disturbed).map_err(told),
            Some(open) => {
                prop_assert_eq!(&open.beginning.run, run);
                self.finished(&disturbed.copy(), &open).map_err(told)?;
                self.undone(&disturbed, &open).map_err(told)
            }
        }
    }

    fn undone_at_the_second_try(&self, bench: &Bench, open: &JournalRun) -> Law {
        let again = |machine: &dyn WritableMachine| take_back(machine, open, &undo_of(open), &self.later(20));
        let (fault, at) = self.second_fault(Self::writes(bench, |machine| drop(again(machine))));
        let told =
            |error: TestCaseError| TestCaseError::fail(format!("{fault:?} at write {at} of the undoing: {error}"));
        let disturbed = bench.copy();
        let result = again(&FaultyMachine::new(disturbed.machine(), fault, at));
        if !is_interrupted(&result) {
            return Ok(());
        }
        untouched_elsewhere(&self.plan, &self.before, &disturbed.model()).map_err(told)?;
        match unfinished(disturbed.reader()).map_err(fail)? {
            None => self.is_undone(&disturbed).map_err(told),
            // The undoing did not come to touch anything: the run is still the open one.
            Some(still) if still.beginning.run == open.beginning.run => {
                self.finished(&disturbed.copy(), &still).map_err(told)?;
                self.undone(&disturbed, &still).map_err(told)
            }
            Some(undoing) => {
                prop_assert_eq!(&undoing.beginning.purpose, &undo_of(open));
                let copy = disturbed.copy();
                match take_back(copy.machine(), &undoing, &undo_of(&undoing), &self.later(30)) {
                    Err(ApplyError::Unfinished(_)) => {}
                    // Nothing of the undoing is there: with it closed, the run is the open one again.
                    Ok((_, None)) => {
                        let still = unfinished(copy.reader()).map_err(fail)?.map(|run| run.beginning.run);
                        prop_assert_eq!(still.as_ref(), Some(&open.beginning.run));
                        self.undone(&copy, open).map_err(told)?;
                    }
                    other => return Err(told(TestCaseError::fail(format!("an undoing was undone: {other:?}")))),
                }
                let report = finish(disturbed.machine(), self.desired, &undoing.beginning.run, &self.later(30));
                let report = report.map_err(fail)?;
                prop_assert_eq!((report.failed(), report.skipped(), report.undone()), (0, 0, 0));
                self.is_undone(&disturbed).map_err(told)
            }
        }
    }
}

/// Whether something did not come to its end; a fault in what is only tidied up is told as a warning.
fn is_interrupted<T>(result: &Result<T, ApplyError>) -> bool {
    matches!(result, Err(ApplyError::Write(_)))
}

fn prepared(sort: Sort, (case, other): &(Case, Case), manner: Manner) -> Result<Bench, TestCaseError> {
    let start = Bench::new(sort, &case.hives);
    if manner.crowded {
        let mut writer = start.machine().writer("the laws").map_err(fail)?;
        for day in 1..12 {
            let started: jiff::Timestamp = format!("2020-01-{day:02}T00:00:00Z").parse().expect("it is a time");
            let run = RunName::next(started, None);
            let beginning = trueup::apply::Beginning {
                run: run.clone(),
                purpose: Purpose::Baseline,
                started,
                owner: "the laws".into(),
                document: String::new(),
                operations: 0,
                reboot: false,
                restarts: Vec::new(),
                stop_first: Vec::new(),
                hold: None,
            };
            let mut journal = Journal::begin(writer.journal(&run).map_err(fail)?, &beginning).map_err(fail)?;
            journal.end(&trueup::apply::Ending::default()).map_err(fail)?;
        }
    }
    if manner.before {
        apply_to(start.machine(), &other.desired(), &Trial::options(manner, 0)).map_err(fail)?;
    }
    Ok(start)
}

pub fn survives(sort: Sort, faults: &[Fault], cases: &(Case, Case), manner: Manner) -> Law {
    let start = prepared(sort, cases, manner)?;
    let desired = cases.0.desired();
    let Some(trial) = Trial::new(&start, &desired, manner)? else { return Ok(()) };
    let count = Trial::writes(&start, |machine| drop(trial.run(machine)));
    for at in 1..=count {
        for number in 0..faults.len() {
            // Where not all faults are tried, which one is differs from write to write and from case to case.
            let fault = FAULTS[(number + at + manner.chance % 3) % 3];
            let told = |error: TestCaseError| TestCaseError::fail(format!("{fault:?} at write {at}: {error}"));
            let bench = start.copy();
            let result = trial.run(&FaultyMachine::new(bench.machine(), fault, at));
            match (&result, fault) {
                (Err(ApplyError::Write(WriteError::Stopped { .. })), Fault::StopBefore | Fault::StopAfter) => {}
                (Err(ApplyError::Write(_)), Fault::Fail) => {}
                (Ok(_), _) => {
                    trial.is_settled(&bench).map_err(told)?;
                    continue;
                }
                (other, _) => return Err(told(TestCaseError::fail(format!("{other:?}")))),
            }
            trial.stopped(&bench).map_err(told)?;
        }
    }
    Ok(())
}

#[test]
fn a_stopped_run_in_memory_is_finished_or_undone() {
    check_weighed(40, 30, &(two_cases(ANYWHERE), manner()), |(cases, manner)| {
        survives(Sort::Memory, &FAULTS[..1], &cases, manner)
    });
}

#[test]
fn a_stopped_run_on_an_image_is_finished_or_undone() {
    check_weighed(12, 200, &(two_cases(ANYWHERE), manner()), |(cases, manner)| {
        survives(Sort::Image, &FAULTS[..1], &cases, manner)
    });
}

const ANYWHERE: Scope = Scope { image_only: false, secrets: true };

/// A commit that stopped between two hives.
#[test]
fn a_run_that_stopped_between_two_hives_is_finished_or_undone() {
    let tried = Cell::new(0);
    check_weighed(25, 40, &(two_cases(ANYWHERE), manner()), |(cases, manner)| {
        let start = prepared(Sort::Image, &cases, Manner { crowded: false, ..manner })?;
        let desired = cases.0.desired();
        let Some(trial) = Trial::new(&start, &desired, manner)? else { return Ok(()) };
        let (Bench::Image(from), Bench::Image(whole)) = (&start, &trial.end) else { return Ok(()) };
        let read = |image: &super::world::Image, file: &str| std::fs::read(image.folder.path().join(file)).unwrap();
        let changed: Vec<&str> =
            FILES.iter().map(|(_, file)| *file).filter(|file| read(from, file) != read(whole, file)).collect();
        if changed.len() < 2 {
            return Ok(());
        }
        let count = Trial::writes(&start, |machine| drop(trial.run(machine)));
        for at in 1..=count {
            let bench = start.copy();
            match trial.run(&FaultyMachine::new(bench.machine(), Fault::StopBefore, at)) {
                Err(ApplyError::Write(WriteError::Stopped { attempt })) if attempt == "commit" => {}
                _ => continue,
            }
            for file in &changed {
                let bench = bench.copy();
                let Bench::Image(image) = &bench else { continue };
                std::fs::write(image.folder.path().join(file), read(whole, file)).unwrap();
                tried.set(tried.get() + 1);
                trial.stopped(&bench).map_err(|error| TestCaseError::fail(format!("with {file} written: {error}")))?;
            }
        }
        Ok(())
    });
    assert!(tried.get() > 0, "no case writes two hives");
}

/// `--on-failure rollback`: a step that fails, or that is told as done and is not, leaves the machine as it was.
#[test]
fn a_failure_takes_everything_back() {
    let undone = Cell::new(0);
    check_weighed(20, 10, &(two_cases(Scope { secrets: false, ..ANYWHERE }), manner()), |(cases, manner)| {
        let start = prepared(Sort::Memory, &cases, Manner { crowded: false, ..manner })?;
        let desired = cases.0.desired();
        let Some(trial) = Trial::new(&start, &desired, manner)? else { return Ok(()) };
        let options = ApplyOptions { on_failure: OnFailure::Rollback, ..trial.later(10) };
        let run = |machine: &dyn WritableMachine| apply_to(machine, &desired, &options);
        let whole = start.copy();
        let report = run(whole.machine()).map_err(fail)?;
        prop_assert_eq!(&report.outcomes, &trial.report.outcomes, "nothing failed");
        prop_assert_eq!(whole.model(), trial.after.clone());

        for at in 1..=Trial::writes(&start, |machine| drop(run(machine))) {
            for fault in [Fault::Fail, Fault::Lose] {
                let told = |error: TestCaseError| TestCaseError::fail(format!("{fault:?} at write {at}: {error}"));
                let bench = start.copy();
                match run(&FaultyMachine::new(bench.machine(), fault, at)) {
                    Ok(report) if report.failed() == 0 => {
                        // The fault hit what a later step does again, or what is only tidied up.
                        trial.is_at_end(&bench, "nothing failed").map_err(told)?;
                    }
                    Ok(report) => {
                        prop_assert_eq!(report.done(), 0, "{:?} at write {}: {:?}", fault, at, report.outcomes);
                        undone.set(undone.get() + usize::from(report.undone() > 0));
                        trial.is_at_start(&bench, "taken back").map_err(told)?;
                        trial.is_settled(&bench).map_err(told)?;
                    }
                    Err(ApplyError::Write(_)) => trial.stopped(&bench).map_err(told)?,
                    Err(other) => return Err(told(fail(other))),
                }
            }
        }
        Ok(())
    });
    assert!(undone.get() > 0, "nothing was ever taken back");
}

/// `--on-failure stop`: what comes after the failed step is not done.
#[test]
fn a_failure_stops_the_run() {
    check_weighed(25, 6, &(two_cases(Scope { secrets: false, ..ANYWHERE }), manner()), |(cases, manner)| {
        let start = prepared(Sort::Memory, &cases, manner)?;
        let desired = cases.0.desired();
        let Some(trial) = Trial::new(&start, &desired, manner)? else { return Ok(()) };
        let options = ApplyOptions { on_failure: OnFailure::Stop, ..trial.later(10) };
        let run = |machine: &dyn WritableMachine| apply_to(machine, &desired, &options);
        for at in 1..=Trial::writes(&start, |machine| drop(run(machine))) {
            let bench = start.copy();
            let Ok(report) = run(&FaultyMachine::new(bench.machine(), Fault::Fail, at)) else { continue };
            let Some(failed) = report.outcomes.iter().position(|one| matches!(one.outcome, Outcome::Failed { .. }))
            else {
                trial.is_at_end(&bench, "nothing failed")?;
                continue;
            };
            // A resource without steps of its own holds by the steps of others, or not.
            let has_steps: BTreeMap<String, bool> = trial
                .plan
                .decisions
                .iter()
                .filter(|one| matches!(one.verdict, Verdict::Change { .. }))
                .map(|one| (one.id.to_string(), !one.operations().is_empty()))
                .collect();
            for one in &report.outcomes[failed..] {
                let is_done = one.outcome == Outcome::Done && has_steps[&one.address.to_string()];
                prop_assert!(!is_done, "at write {}: {} is done after a failure", at, one.address);
            }
            prop_assert_eq!(report.undone(), 0);
            untouched_elsewhere(&trial.plan, &trial.before, &bench.model())?;
            for decision in trial.plan.decisions.iter().filter(|one| one.id.part().is_some()) {
                let outcome = report.outcomes.iter().find(|one| one.address == decision.id).map(|one| &one.outcome);
                let Some(Outcome::Skipped { .. }) = outcome else { continue };
                for operation in decision.operations() {
                    let (Operation::PutRegistryValue { name, .. } | Operation::RemoveRegistryValue { name, .. }) =
                        operation
                    else {
                        continue;
                    };
                    let path = place(operation.registry_key().expect("a step of the registry"));
                    let (model, name) = (bench.model(), fold(name));
                    let now = model.get(&path).and_then(|key| key.values.get(&name));
                    let then = trial.before.get(&path).and_then(|key| key.values.get(&name));
                    prop_assert!(now == then || now.is_none() || then.is_none(), "{} was skipped", decision.id);
                }
            }
        }
        Ok(())
    });
}

/// What cannot be taken back is told before anything is done.
#[test]
fn secrets_come_back_with_the_key_of_the_hold_and_only_then() {
    let (kept, lost) = (Cell::new(0), Cell::new(0));
    check_weighed(300, 2, &(two_cases(ANYWHERE), manner()), |(cases, manner)| {
        let start = prepared(Sort::Memory, &cases, manner)?;
        let desired = cases.0.desired();
        let Some(trial) = Trial::new(&start, &desired, manner)? else { return Ok(()) };
        let run = trial.report.run.as_deref().unwrap_or_default().parse().map_err(fail)?;
        let journal = journal_of(trial.end.reader(), &run);
        let purpose = Purpose::Rollback { of: run };
        let (_, plan) = rollback_plan(trial.end.reader(), &journal, &purpose, &trial.later(20));
        let blocked = plan.decisions.iter().filter(|one| one.verdict == Verdict::Blocked).count();
        prop_assert_eq!(blocked > 0, !trial.lost.is_empty(), "{:?}", plan.decisions);
        let is_sealed = |stored: &Stored| matches!(stored, Stored::Sealed { held: Some(_), .. });
        let held = journal.intents.iter().filter(|(_, operation)| match operation {
            Operation::PutRegistryValue { before: Some(before), .. }
            | Operation::RemoveRegistryValue { before, .. } => is_sealed(before),
            _ => false,
        });
        let held = held.count();
        prop_assert!(manner.hold || held == 0);
        kept.set(kept.get() + held);
        lost.set(lost.get() + blocked);
        let bench = trial.end.copy();
        if held > 0 {
            let keyless = ApplyOptions { hold: None, ..trial.later(20) };
            let refused = take_back(bench.machine(), &journal, &purpose, &keyless);
            prop_assert!(matches!(refused, Err(ApplyError::NoHoldKey { .. })), "{:?}", refused);
            prop_assert!(bench.model() == trial.after);
        }
        take_back(bench.machine(), &journal, &purpose, &trial.later(20)).map_err(fail)?;
        trial.is_undone(&bench)
    });
    assert!(kept.get() > 3 && lost.get() > 1, "{} secrets kept, {} lost", kept.get(), lost.get());
}

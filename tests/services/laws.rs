//! The laws over generated entries about the sample's services, in memory and on an image: what is applied stays, is the same plan
//! everywhere, leaves all else alone, is taken back exactly, and survives every stop.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use trueup::apply::{ApplyError, Purpose, RollbackBasis, apply, done_steps, past_run, resume, unfinished};
use trueup::document::Desired;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::{Machine, NoSecrets, WritableMachine, WriteError};
use trueup::model::probe::{Answer, ServiceState};
use trueup::model::verdict::{Cause, Verdict};
use trueup::plan::PlanOptions;

use super::world::{
    SERVICES, Silent, applied, basis, chain, desired, empty, holds, image, last_run, memory_of, now, options, plan,
    plan_json, plant, plant_simple, set_state, snapshot_of, state, take_back, told, tree_of, try_apply,
};

type Law = Result<(), TestCaseError>;

const NAMES: [&str; 12] = [
    "Spooler",
    "W32Time",
    "WinRM",
    "IAS",
    "MSSQLSERVER",
    "AcsServer",
    "AcsMessageBroker",
    "AcsDocumentStore",
    "AcsActivityFeed",
    "AcsWebApi",
    "AcsEnrolment",
    "AcsCardPrinting",
];
const STARTS: [&str; 4] = ["automatic", "delayed", "manual", "disabled"];
const ACCOUNTS: [&str; 4] = ["LocalSystem", r"NT AUTHORITY\LocalService", r"CORP\acs$", r".\svc-acs"];
const DEPENDENCIES: [&str; 5] =
    ["[]", "[RPCSS, HTTP]", "[+TDI]", "{ contains: [W32Time] }", "{ lacks: [rpcss, AcsServer] }"];
const RECOVERIES: [&str; 6] = [
    "{}",
    "{ first: restart }",
    "{ first: nothing, second: nothing, subsequent: nothing }",
    "{ second: { action: reboot, delay: 90s }, reset_after: never }",
    "{ subsequent: run_command, command: 'a.cmd', on_stop_with_error: true }",
    "{ command: '', reboot_message: bye, on_stop_with_error: false }",
];
const STATES: [&str; 2] = ["running", "stopped"];

/// The same cases everywhere, unless `PROPTEST_CASES` asks for more.
fn check<S: Strategy>(cases: u32, strategy: &S, law: impl Fn(S::Value) -> Law) {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config =
        Config { cases: asked.unwrap_or(cases), failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    if let Err(broken) = runner.run(strategy, law) {
        panic!("{broken}");
    }
}

/// A document about some services; `states` for one that also says what they do.
fn document(states: bool) -> impl Strategy<Value = String> {
    let one_of = |words: &'static [&'static str]| prop::option::of(prop::sample::select(words));
    let entry = (one_of(&STARTS), one_of(&ACCOUNTS), one_of(&DEPENDENCIES), one_of(&RECOVERIES), one_of(&STATES));
    let names = subsequence(NAMES.to_vec(), 1..8);
    (names, prop::collection::vec(entry, 8)).prop_map(move |(names, entries)| {
        let mut text = String::from("services:\n");
        for (name, (start, account, dependencies, recovery, state)) in names.into_iter().zip(entries) {
            let _ = writeln!(text, "  {name}:");
            let fields = [
                ("start", start),
                ("account", account),
                ("dependencies", dependencies),
                ("recovery", recovery),
                ("state", state.filter(|_| states)),
            ];
            for (field, value) in fields {
                let _ = value.map(|value| writeln!(text, "    {field}: {value}"));
            }
            text.push_str("    note: generated\n");
        }
        text
    })
}

/// Everything below the services that no entry names.
fn others(machine: &dyn Machine, document: &str) -> Vec<String> {
    let is_named = |line: &str| {
        NAMES.iter().any(|name| {
            let at = format!(r"\{name}");
            document.contains(&format!("  {name}:")) && (line == at || line.starts_with(&format!("{at} ")))
        })
    };
    holds(machine).into_iter().filter(|line| !is_named(line)).collect()
}

/// Applied, nothing is left to do, again writes nothing, and taken back it is what it was.
fn converges(machine: &dyn WritableMachine, text: &str) -> Law {
    let reader = machine.as_machine();
    let (desired, before) = (desired(text), holds(reader));
    if !plan(reader, &desired).has_operations() {
        return Ok(());
    }
    let untouched = others(reader, text);
    let report = try_apply(machine, &desired).map_err(|error| TestCaseError::fail(chain(&error)))?;
    prop_assert_eq!((report.failed(), report.skipped()), (0, 0), "{:?}", report.outcomes);
    let again = plan(reader, &desired);
    prop_assert!(!again.has_operations(), "{:#?}", told(&again));
    prop_assert_eq!(others(reader, text), untouched);
    let (tree, runs) = (tree_of(reader, SERVICES), reader.runs().unwrap());
    try_apply(machine, &desired).map_err(|error| TestCaseError::fail(chain(&error)))?;
    prop_assert_eq!(tree_of(reader, SERVICES), tree);
    prop_assert_eq!(reader.runs().unwrap(), runs);
    take_back(machine, &last_run(reader));
    prop_assert_eq!(holds(reader), before);
    Ok(())
}

#[test]
fn what_is_applied_stays_and_is_taken_back() {
    let image = image();
    check(60, &document(false), |text| converges(&memory_of(&image.machine), &text));
}

#[test]
fn what_is_applied_to_an_image_stays_and_is_taken_back() {
    check(8, &document(false), |text| converges(&image().machine, &text));
}

#[test]
fn the_plan_is_the_same_everywhere() {
    let image = image();
    let memory = memory_of(&image.machine);
    check(40, &document(false), |text| {
        let desired = desired(&text);
        let expected = plan_json(&image.machine, &desired);
        prop_assert_eq!(&plan_json(&memory, &desired), &expected);
        prop_assert_eq!(&plan_json(&snapshot_of(&image.machine, &desired), &desired), &expected);
        Ok(())
    });
}

/// The sample's services with a state for each.
fn running(machine: &dyn Machine) -> MemoryMachine {
    let memory = memory_of(machine);
    for (number, name) in NAMES.iter().enumerate() {
        set_state(&memory, name, if number % 2 == 0 { ServiceState::Running } else { ServiceState::Stopped });
    }
    memory
}

fn states(machine: &MemoryMachine) -> Vec<Answer> {
    NAMES.iter().map(|name| state(machine, name)).collect()
}

#[test]
fn states_are_applied_and_taken_back() {
    let image = image();
    check(60, &document(true), |text| {
        let machine = running(&image.machine);
        let before = states(&machine);
        converges(&machine, &text)?;
        prop_assert_eq!(states(&machine), before);
        let desired = desired(&text);
        prop_assert_eq!(plan_json(&snapshot_of(&machine, &desired), &desired), plan_json(&machine, &desired));
        Ok(())
    });
}

const WHOLE: &str = r"services:
  Spooler: { start: disabled, state: stopped, recovery: { first: nothing } }
  AcsServer:
    account: NT AUTHORITY\NetworkService
    dependencies: { contains: [HTTP], lacks: [MSSQLSERVER] }
    recovery: { subsequent: restart, command: a.cmd }
  W32Time: { start: delayed, state: running }
";

fn is_stopped<T>(result: &Result<T, ApplyError>) -> bool {
    matches!(result, Err(ApplyError::Write(WriteError::Stopped { .. })))
}

/// What a stopped run has left can be finished, and it can be undone.
fn comes_to_an_end(stopped: &MemoryMachine, desired: &Desired, before: (&[String], &[Answer])) {
    let Some(open) = unfinished(stopped).unwrap() else {
        applied(&stopped.duplicate(), desired);
        return;
    };
    let run = open.beginning.run;
    let finished = stopped.duplicate();
    let report = resume(&finished, Some(&basis(desired)), &run, &options(), &mut Silent);
    let report = report.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!((report.failed(), report.skipped()), (0, 0), "{report:#?}");
    assert!(!plan(&finished, desired).has_operations());
    let undone = stopped.duplicate();
    let past = past_run(&undone, &run).unwrap();
    let steps = done_steps(&undone, &past).done_or_unknown();
    let purpose = Purpose::Undo { of: run };
    let back = RollbackBasis { run: &past, steps: &steps, purpose, options: PlanOptions::at(now()) };
    let facts = trueup::apply::Basis::facts(&back, &undone, &NoSecrets).unwrap();
    let shown = trueup::apply::Basis::plan(&back, &facts).unwrap();
    let report = apply(&undone, &back, &shown, &facts, &options(), &mut Silent);
    let report = report.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!((report.failed(), report.skipped()), (0, 0), "{report:#?}");
    assert_eq!((holds(&undone).as_slice(), states(&undone).as_slice()), before);
}

#[test]
fn a_run_can_be_finished_and_undone_wherever_it_stops() {
    let image = image();
    let machine = running(&image.machine);
    let desired = desired(WHOLE);
    let (before, was) = (holds(&machine), states(&machine));
    let whole = machine.duplicate();
    let counting = FaultyMachine::new(&whole, Fault::Fail, 0);
    applied(&counting, &desired);
    let count = counting.writes();
    assert!(count > 10, "{count}");
    for at in 1..=count {
        for fault in [Fault::StopBefore, Fault::StopAfter] {
            let stopped = machine.duplicate();
            let result = try_apply(&FaultyMachine::new(&stopped, fault, at), &desired);
            assert!(is_stopped(&result), "{fault:?} at {at} of {count}: {result:?}");
            comes_to_an_end(&stopped, &desired, (&before, &was));
        }
    }
}

#[test]
fn a_step_that_is_lost_is_noticed() {
    let image = image();
    let machine = running(&image.machine);
    let desired = desired(WHOLE);
    let whole = machine.duplicate();
    let counting = FaultyMachine::new(&whole, Fault::Fail, 0);
    applied(&counting, &desired);
    let mut noticed = 0;
    for at in 1..=counting.writes() {
        let losing = machine.duplicate();
        let Ok(report) = try_apply(&FaultyMachine::new(&losing, Fault::Lose, at), &desired) else { continue };
        let is_left = plan(&losing, &desired).decisions.iter().any(|one| matches!(one.verdict, Verdict::Change { .. }));
        assert_eq!(is_left, report.failed() + report.remaining_operations > 0, "at {at}: {:?}", report.outcomes);
        noticed += usize::from(is_left);
    }
    assert!(noticed >= 7, "{noticed}");
}

#[test]
fn a_service_that_has_gone_is_drift() {
    let machine = empty();
    plant_simple(&machine, "Acs", 2, &[]);
    let wanted = desired("services: { Acs: { start: manual } }");
    applied(&machine, &wanted);
    plant(&machine, "Acs", &[]);
    let plan = plan(&machine, &wanted);
    let causes: Vec<_> = plan.decisions.iter().map(|one| (one.verdict == Verdict::Blocked, one.cause)).collect();
    assert_eq!(causes, [(true, Some(Cause::Drift)); 2], "{:?}", plan.decisions);
}

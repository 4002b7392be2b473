//! Cases that once broke a law of recovery or rollback, each by name and as small as it can be told.

use proptest::prelude::*;

use trueup::apply::{ApplyOptions, OnFailure, Outcome, Purpose, unfinished};
use trueup::machine::RunName;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::model::operation::{Expression, Operation};
use trueup::model::registry_data::RegistryData;

use super::bench::{Bench, Sort, apply_to, fail, journal_of, take_back, undo_of};
use super::documents::Case;
use super::generate::bare;
use super::recovery::{Manner, survives};
use super::rollback::{is_taken_back, meddle};
use super::runner::Law;
use super::world::{key, options};

const MANNER: Manner = Manner { before: false, hold: false, crowded: false, chance: 0 };

/// A machine that holds nothing of anybody's, and a document of one entry or more for it.
fn case_of(entries: &[&str]) -> Case {
    Case { hives: bare().hives(), entries: entries.iter().map(|entry| format!("  {entry}\n")).collect() }
}

fn level(number: u32) -> Case {
    case_of(&[&format!("HKLM\\SOFTWARE\\Vendor: {{ values: {{ Level: {number} }} }}")])
}

/// The journal of an undoing that stopped before it did anything hid the run that was still open.
#[test]
fn a_run_under_an_undoing_that_did_nothing_is_still_open() {
    let law = || -> Law {
        let bench = Bench::new(Sort::Memory, &bare().hives());
        let desired = level(7).desired();
        let committed = (1..30).find_map(|at| {
            let bench = bench.copy();
            let stopped = apply_to(&FaultyMachine::new(bench.machine(), Fault::StopAfter, at), &desired, &options());
            stopped.expect_err("it stops");
            let open = unfinished(bench.reader()).expect("it can be told")?;
            Some((bench, open))
        });
        let (bench, open) = committed.expect("some write leaves it open");
        for at in 1..4 {
            let bench = bench.copy();
            let machine = FaultyMachine::new(bench.machine(), Fault::StopBefore, at);
            prop_assert!(take_back(&machine, &open, &undo_of(&open), &options()).is_err());
            let still = unfinished(bench.reader()).map_err(fail)?.map(|run| run.beginning.run);
            prop_assert_eq!(still.as_ref(), Some(&open.beginning.run), "stopped at write {}", at);
        }
        Ok(())
    };
    law().unwrap();
}

/// An undoing that was finished beside a document noted the document's entries as applied.
#[test]
fn an_undoing_that_is_finished_leaves_the_record_as_it_was() {
    for chance in 0..24 {
        for before in [false, true] {
            let manner = Manner { chance, before, ..MANNER };
            survives(Sort::Memory, &[Fault::StopAfter], &(level(7), level(3)), manner).unwrap();
        }
    }
}

/// With `--on-failure rollback`, a plan with something blocked was taken back although nothing had failed.
#[test]
fn what_is_blocked_is_no_failure() {
    let case = case_of(&[
        "HKLM\\SOFTWARE\\Vendor: { values: { Level: 7 } }",
        "HKLM\\SOFTWARE\\Other: { security: { owner: 'NOBODY\\knows' } }",
    ]);
    let bench = Bench::new(Sort::Memory, &case.hives);
    let options = ApplyOptions { on_failure: OnFailure::Rollback, ..options() };
    let report = apply_to(bench.machine(), &case.desired(), &options).unwrap();
    assert_eq!(report.left.blocked, 1);
    assert!(report.outcomes.iter().all(|one| one.outcome == Outcome::Done), "{:?}", report.outcomes);
    assert!(bench.model().get(r"HKLM\SOFTWARE\VENDOR").is_some());
}

/// With `--on-failure rollback`, the first steps of the only resource stayed when a later one of it failed.
#[test]
fn a_resource_that_failed_in_part_is_taken_back() {
    let case = case_of(&["HKLM\\SOFTWARE\\Vendor: { security: { owner: 'BUILTIN\\Guests' } }"]);
    for at in 1..12 {
        let bench = Bench::new(Sort::Memory, &case.hives);
        let options = ApplyOptions { on_failure: OnFailure::Rollback, ..options() };
        let machine = FaultyMachine::new(bench.machine(), Fault::Lose, at);
        let report = apply_to(&machine, &case.desired(), &options).unwrap();
        assert_eq!(bench.model().get(r"HKLM\SOFTWARE\VENDOR").is_some(), report.failed() == 0, "write {at}");
    }
}

/// A secret in a key that the same run moved was not kept: it was looked for where the key was to lie.
#[test]
fn a_secret_in_a_key_that_moves_is_kept() {
    let made = case_of(&["HKLM\\SOFTWARE\\Old: { values: { Level: old } }"]);
    let moved = case_of(&[
        "HKLM\\SOFTWARE\\New: { renamed_from: HKLM\\SOFTWARE\\Old, values: { Level: { sz: { env: ONE } } } }",
    ]);
    survives(Sort::Memory, &[Fault::StopAfter], &(moved, made), Manner { hold: true, before: true, ..MANNER }).unwrap();
}

/// A rollback that put a secret back told of an operation that remained.
#[test]
fn a_secret_that_came_back_is_no_operation_that_remains() {
    let case = case_of(&["HKLM\\SOFTWARE\\Vendor: { values: { Level: { sz: { env: ONE } } } }"]);
    let earlier = case_of(&["HKLM\\SOFTWARE\\Vendor: { values: { Level: old } }"]);
    survives(Sort::Memory, &[Fault::StopAfter], &(case, earlier), Manner { hold: true, before: true, ..MANNER })
        .unwrap();
}

/// One key that had to stay kept all that its entry had made.
#[test]
fn a_key_that_stays_keeps_only_what_is_above_it() {
    let case = case_of(&["HKLM\\SOFTWARE\\Vendor\\App\\New: { values: { Level: 7 } }"]);
    let bench = Bench::new(Sort::Memory, &case.hives);
    let run: RunName = apply_to(bench.machine(), &case.desired(), &options()).unwrap().run.unwrap().parse().unwrap();
    let foreign = Operation::PutRegistryValue {
        key: key(r"HKLM\SOFTWARE\Vendor\App"),
        name: "foreign".into(),
        before: None,
        after: Expression::Registry(RegistryData::dword(1)),
    };
    meddle(&bench, &[foreign]).unwrap();
    let journal = journal_of(bench.reader(), &run);
    let (plan, _) = take_back(bench.machine(), &journal, &Purpose::Rollback { of: run }, &options()).unwrap();
    assert_eq!(plan.summary().blocked, 2);
    let found = bench.model();
    assert!(found.get(r"HKLM\SOFTWARE\VENDOR\APP").is_some_and(|key| key.values.contains_key("FOREIGN")));
    assert!(found.get(r"HKLM\SOFTWARE\VENDOR\APP\NEW").is_none());
}

/// What a rollback had put back into the record was older than the rollback, so that taking that back left it there.
#[test]
fn a_run_that_is_done_again_is_remembered_again() {
    is_taken_back(Sort::Memory, &(level(7), level(3)), true).unwrap();
}

/// A rollback that was done looked for values only where the key lay that it had moved away.
#[test]
fn a_rollback_of_a_move_is_planned_where_the_key_lies() {
    let made = case_of(&["HKLM\\SOFTWARE\\Old: { values: { Level: 1 } }"]);
    let moved =
        case_of(&["HKLM\\SOFTWARE\\New: { renamed_from: HKLM\\SOFTWARE\\Old, values: { Level: 2, Path: text } }"]);
    is_taken_back(Sort::Memory, &(moved, made), true).unwrap();
}

/// A finished run did not tell the record that an entry had moved, so that the next run had that to do.
#[test]
fn a_finished_run_follows_moves() {
    let made = case_of(&["HKLM\\SOFTWARE\\Old: { values: { Level: 1 } }"]);
    let moved = case_of(&["HKLM\\SOFTWARE\\New: { renamed_from: HKLM\\SOFTWARE\\Old, values: { Level: 2 } }"]);
    survives(Sort::Memory, &[Fault::StopAfter], &(moved, made), Manner { before: true, ..MANNER }).unwrap();
}

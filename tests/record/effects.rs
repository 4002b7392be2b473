//! What a run owes after it has ended, and which runs are forgotten.

use trueup::apply::{RunOutcome, confirm, history, is_unconfirmed, unfinished};
use trueup::machine::Machine as _;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::model::task::Start;

use super::world::{Do, World, check};

const REBOOT: &str = "  A: { values: { Level: 1 }, on_change: { reboot: true } }";
const RESTART: &str = "  A: { values: { Level: 1 }, on_change: { restart: [Spooler] } }";

#[test]
fn owed() {
    check(&[
        ("a reboot", &[Do::Apply(REBOOT)], REBOOT, "owed reboot"),
        ("a restart", &[Do::Apply(RESTART)], RESTART, "owed restart of Spooler"),
        ("nothing was done", &[Do::Set("A", "Level", 1), Do::Apply(REBOOT)], REBOOT, ""),
        (
            "once, whatever the case",
            &[Do::Apply(RESTART), Do::Apply("  A: { values: { Level: 2 }, on_change: { restart: [SPOOLER, W3SVC] } }")],
            "",
            "orphan A with 1\nowed restart of Spooler\nowed restart of W3SVC\nwarning plan.empty",
        ),
        ("done by a later shutdown", &[Do::Apply(REBOOT), Do::Shutdown("2026-03-01T06:00:00Z")], REBOOT, ""),
        ("a shutdown restarts services too", &[Do::Apply(RESTART), Do::Shutdown("2026-03-01T06:00:00Z")], RESTART, ""),
        ("not by an earlier one", &[Do::Apply(REBOOT), Do::Shutdown("2026-02-28T06:00:00Z")], REBOOT, "owed reboot"),
        (
            "owed again by a rollback",
            &[
                Do::Set("A", "Level", 7),
                Do::Apply(REBOOT),
                Do::Shutdown("2026-03-01T06:00:00Z"),
                Do::At("2026-03-01T07:00:00Z"),
                Do::Rollback,
            ],
            "  A: { values: { Level: 7 } }",
            "owed reboot",
        ),
        (
            "restarts are owed again by a rollback",
            &[
                Do::Set("A", "Level", 7),
                Do::Apply(RESTART),
                Do::Shutdown("2026-03-01T06:00:00Z"),
                Do::At("2026-03-01T07:00:00Z"),
                Do::Rollback,
            ],
            "  A: { values: { Level: 7 } }",
            "owed restart of Spooler",
        ),
    ]);
}

#[test]
fn owed_since_the_first_run_that_needs_it() {
    let world = World::new();
    let first = world.apply(REBOOT).run.unwrap();
    world.apply("  A: { values: { Level: 2 }, on_change: { reboot: true } }");
    assert_eq!(world.plan(REBOOT).owed.reboot.map(|since| since.run.into_string()), Some(first));
}

#[test]
fn what_is_discharged_leaves_the_record_with_the_next_run() {
    let world = World::new();
    world.apply(REBOOT);
    world.does(Do::Shutdown("2026-03-01T06:00:00Z"));
    world.does(Do::At("2026-03-01T07:00:00Z"));
    let report = world.apply("  A: { values: { Level: 1, X: 1 } }");
    assert!(report.owed.is_empty() && world.machine.record().unwrap().unwrap().owed.is_empty());
}

fn level(world: &World, number: usize) {
    world.apply(&format!("  A: {{ values: {{ Level: {number} }} }}"));
}

#[test]
fn old_runs_are_forgotten_but_for_the_newest() {
    let world = World::new();
    (1..=15).for_each(|number| level(&world, number));
    assert_eq!(world.kept().1.len(), 15, "none is old");
    let newest = world.kept().1[6..].to_vec();
    world.does(Do::At("2026-12-01T00:00:00Z"));
    level(&world, 99);
    let (_, runs) = world.kept();
    assert_eq!((runs.len(), &runs[..9]), (10, &newest[..]), "the ten newest stay whatever their age");
    level(&world, 100);
    level(&world, 101);
    assert_eq!(world.kept().1.len(), 10);
}

#[test]
fn whoever_knows_no_document_forgets_nothing() {
    let world = World::new();
    (1..=15).for_each(|number| level(&world, number));
    let last = world.kept().1.last().unwrap().clone();
    world.does(Do::At("2026-12-01T00:00:00Z"));
    world.rolls_back(&last).unwrap();
    assert_eq!(world.kept().1.len(), 16, "how long runs are kept is the document's to say");
}

#[test]
fn a_run_that_stopped_is_not_forgotten() {
    let world = World::new();
    level(&world, 1);
    // The journal is opened, begun and synced; two steps, three for the commit, and then the machine stops.
    let stopped = (5..12).find(|at| {
        let faulty = FaultyMachine::new(&world.machine, Fault::StopAfter, *at);
        let _ = world.applies(&faulty, &format!("  A: {{ values: {{ Level: {} }} }}", at + 100), &[]);
        history(&world.machine).unwrap()[0].outcome == RunOutcome::Unfinished
    });
    assert!(stopped.is_some());
    let open = world.kept().1.last().unwrap().clone();
    let refused = world.applies(&world.machine, "  A: { values: { Level: 3 } }", &[]);
    assert!(matches!(refused, Err(trueup::apply::ApplyError::Unfinished(ref run)) if *run == open));
    assert!(world.kept().1.contains(&open));
}

/// A run of this document that is undone unless it is confirmed.
fn waiting(document: &str) -> (World, trueup::machine::RunName) {
    let world = World::new();
    world.set_confirm_within(std::time::Duration::from_secs(300));
    let run = world.apply(document).run.unwrap().parse().unwrap();
    (world, run)
}

#[test]
fn a_run_that_waits_is_armed_until_it_is_confirmed() {
    let (world, run) = waiting("  A: {}");
    let until: jiff::Timestamp = "2026-03-01T00:06:00Z".parse().unwrap();
    let task = world.machine.tasks.borrow().get(&format!("undo {run}")).cloned().unwrap();
    assert_eq!(task.start, Start::Once(until));
    assert_eq!(task.arguments, ["rollback".to_owned(), run.to_string()]);
    assert!(is_unconfirmed(&world.machine, &run).unwrap());
    let confirmed = world.options(&[], |options| confirm(&world.machine, options)).unwrap();
    assert_eq!(confirmed, Some(run.to_string()));
    assert!(world.machine.tasks.borrow().is_empty() && !is_unconfirmed(&world.machine, &run).unwrap());
    assert_eq!(world.options(&[], |options| confirm(&world.machine, options)).unwrap(), None);
}

#[test]
fn a_run_that_cannot_be_armed_does_not_begin() {
    let world = World::new();
    world.apply("  A: { values: { Level: 1 } }");
    world.set_confirm_within(std::time::Duration::from_secs(300));
    world.machine.refuses_tasks.set(true);
    let refused = world.applies(&world.machine, "  A: { values: { Level: 2 } }", &[]);
    assert!(refused.unwrap_err().to_string().contains("this scheduler keeps none"));
    assert_eq!(world.options(&[], |options| confirm(&world.machine, options)).unwrap(), None);
    assert!(unfinished(&world.machine).unwrap().is_none());
    world.apply("  A: { values: { Level: 2 } }");
}

#[test]
fn a_run_that_was_taken_back_waits_no_longer() {
    let (world, run) = waiting("  A: {}");
    assert!(world.rolls_back(&run).is_ok());
    assert!(!is_unconfirmed(&world.machine, &run).unwrap());
    assert_eq!(world.options(&[], |options| confirm(&world.machine, options)).unwrap(), None);
}

#[test]
fn a_run_waits_no_longer_when_its_taking_back_is_finished_later() {
    let stopped = (3..20).find_map(|at| {
        let (world, run) = waiting("  A: { values: { Level: 1 } }");
        let faulty = FaultyMachine::new(&world.machine, Fault::StopAfter, at);
        let _ = world.takes_back_on(&faulty, &run);
        let open = unfinished(&world.machine).unwrap()?;
        Some((world, open))
    });
    let (world, open) = stopped.expect("it stops somewhere");
    let of = open.beginning.purpose.takes_back().unwrap().clone();
    assert!(is_unconfirmed(&world.machine, &of).unwrap(), "nothing tells yet that it was taken back");
    world.finishes(&open.beginning.run).unwrap();
    assert!(!is_unconfirmed(&world.machine, &of).unwrap());
}

#[test]
fn a_damaged_record_is_moved_aside_before_the_run_is_armed() {
    let world = World::new();
    world.apply("  A: {}");
    world.machine.plant_record(b"damaged");
    world.set_confirm_within(std::time::Duration::from_secs(300));
    let report = world.applies(&world.machine, "  B: {}", &["record.unreadable"]).unwrap();
    assert!(report.confirm_until.is_some());
    assert_eq!(world.machine.records_aside().len(), 1);
}

//! Why something differs: the machine moved, the document moved, the time came, or nothing of it was ever applied.

use super::world::{Do, World, check, told};

const A: &str = "  A: { values: { Level: 1 } }";
const SECRET: &str = "  A: { values: { Password: { sz: { env: P } } } }";
const EXCLUSIVE: &str = "  A: { values: { Level: 1 }, exclusive: true }";
const DEBUG: &str = "  A: { values: { Debug: { dword: 1, expires: { on: 2026-04-01, then: 0 } } } }";
const SDDL: &str = "  A: { security: { grant: [{ to: S-1-5-32-545, rights: read }] } }";

#[test]
fn the_machine_moved() {
    check(&[
        ("nothing did", &[Do::Apply(A)], A, ""),
        ("other data", &[Do::Apply(A), Do::Set("A", "Level", 2)], A, "~ A.Level drift"),
        ("another type", &[Do::Apply(A), Do::Text("A", "Level", "1")], A, "~ A.Level drift"),
        ("removed", &[Do::Apply(A), Do::Unset("A", "Level")], A, "+ A.Level drift"),
        (
            "made again although wanted away",
            &[Do::Set("A", "Old", 1), Do::Apply("  A: { values: { Old: absent } }"), Do::Set("A", "Old", 2)],
            "  A: { values: { Old: absent } }",
            "- A.Old drift",
        ),
        ("the key is gone", &[Do::Apply(A), Do::Gone("A")], A, "+ A drift\n+ A.Level drift"),
        (
            "a key made again although wanted away",
            &[Do::Set("A", "X", 1), Do::Apply("  A: { ensure: absent }"), Do::Set("A", "X", 1)],
            "  A: { ensure: absent }",
            "- A drift",
        ),
        ("its security", &[Do::Apply(SDDL), Do::Secured("A")], SDDL, "~ A drift"),
        ("a secret", &[Do::Apply(SECRET), Do::Text("A", "Password", "meddled")], SECRET, "~ A.Password drift"),
        ("under a name in other case", &[Do::Apply(A), Do::Set("a", "LEVEL", 2)], A, "~ A.Level drift"),
        (
            "and the document speaks of it in other case",
            &[Do::Apply(A), Do::Set("A", "Level", 2)],
            "  a: { values: { LEVEL: 1 } }",
            "~ a.LEVEL drift",
        ),
        (
            "something unnamed came to an exclusive key",
            &[Do::Apply(EXCLUSIVE), Do::Set("A", "Stray", 1)],
            EXCLUSIVE,
            "- A.Stray drift",
        ),
        (
            "after a rollback it is drift from what was before",
            &[
                Do::Set("A", "Level", 7),
                Do::Apply("  A: { values: { Level: 7 , X: 1 } }"),
                Do::Apply("  A: { values: { Level: 1, X: 1 } }"),
                Do::Rollback,
                Do::Set("A", "Level", 9),
            ],
            "  A: { values: { Level: 7, X: 1 } }",
            "~ A.Level drift",
        ),
    ]);
}

#[test]
fn the_document_moved() {
    check(&[
        ("other data", &[Do::Apply(A)], "  A: { values: { Level: 2 } }", "~ A.Level asked"),
        ("away", &[Do::Apply(A)], "  A: { values: { Level: absent } }", "- A.Level asked"),
        ("the key away", &[Do::Apply(A)], "  A: { ensure: absent }", "- A asked"),
        (
            "exclusive is switched on over what was applied once",
            &[Do::Apply("  A: { values: { Level: 1, Old: 2 } }")],
            EXCLUSIVE,
            "- A.Old asked",
        ),
        ("a secret", &[Do::Apply(SECRET), Do::Secret("second")], SECRET, "~ A.Password asked"),
        (
            "both did: that is drift",
            &[Do::Apply(A), Do::Set("A", "Level", 3)],
            "  A: { values: { Level: 2 } }",
            "~ A.Level drift",
        ),
        ("security that was not spoken of", &[Do::Apply("  A: {}")], SDDL, "~ A asked"),
    ]);
}

#[test]
fn neither_moved() {
    check(&[
        ("the time has come", &[Do::Apply(DEBUG), Do::At("2026-04-01T00:00:00Z")], DEBUG, "~ A.Debug due"),
        ("not yet", &[Do::Apply(DEBUG), Do::At("2026-03-31T23:59:59Z")], DEBUG, "info registry.expires_soon"),
        (
            "the time has come for what was meddled with",
            &[Do::Apply(DEBUG), Do::Set("A", "Debug", 5), Do::At("2026-04-02T00:00:00Z")],
            DEBUG,
            "~ A.Debug drift",
        ),
        (
            "it came and was applied",
            &[Do::Apply(DEBUG), Do::At("2026-04-02T00:00:00Z"), Do::Apply(DEBUG)],
            DEBUG,
            "info registry.expiry_passed",
        ),
        (
            "what differs and was never applied",
            &[Do::Apply("  B: {}"), Do::Set("A", "Level", 4)],
            "  A: { values: { Level: 1 } }\n  B: {}",
            "~ A.Level new",
        ),
    ]);
}

#[test]
fn never_applied() {
    check(&[
        ("no record", &[], A, "+ A unrecorded\n+ A.Level unrecorded"),
        ("a new entry", &[Do::Apply(A)], "  A: { values: { Level: 1 } }\n  B: {}", "+ B new"),
        ("a new value", &[Do::Apply(A)], "  A: { values: { Level: 1, Size: 2 } }", "+ A.Size new"),
        (
            "what a key that was applied for the first time with exclusive loses",
            &[Do::Apply("  B: {}"), Do::Set("A", "Stray", 1)],
            "  A: { exclusive: true }\n  B: {}",
            "- A.Stray new",
        ),
        (
            "after its run was taken back",
            &[Do::Apply("  B: {}"), Do::Apply("  A: { values: { Level: 1 } }\n  B: {}"), Do::Rollback],
            "  A: { values: { Level: 1 } }\n  B: {}",
            "+ A new\n+ A.Level new",
        ),
        (
            "a step that failed",
            &[Do::Apply("  B: {}"), Do::Fails("  A: { values: { Level: 1 } }\n  B: {}")],
            "  A: { values: { Level: 1 } }\n  B: {}",
            "+ A.Level new",
        ),
        (
            "a step that failed after it had held",
            &[Do::Apply(A), Do::Fails("  A: { values: { Level: 2 } }")],
            "  A: { values: { Level: 2 } }",
            "~ A.Level asked",
        ),
    ]);
}

#[test]
fn accepted_as_the_baseline() {
    check(&[
        ("is what is asked", &[Do::Apply(A), Do::Set("A", "Level", 2), Do::Baseline(A)], A, "~ A.Level asked"),
        (
            "and moves again",
            &[Do::Apply(A), Do::Set("A", "Level", 2), Do::Baseline(A), Do::Set("A", "Level", 3)],
            A,
            "~ A.Level drift",
        ),
        (
            "and is set right by somebody",
            &[Do::Apply(A), Do::Set("A", "Level", 2), Do::Baseline(A), Do::Set("A", "Level", 1)],
            A,
            "",
        ),
        ("a key that is gone", &[Do::Apply(A), Do::Gone("A"), Do::Baseline(A)], A, "+ A asked\n+ A.Level asked"),
        ("on a machine without a record", &[Do::Set("A", "Level", 2), Do::Baseline(A)], A, "~ A.Level asked"),
        (
            "a secret that was meddled with",
            &[Do::Apply(SECRET), Do::Text("A", "Password", "x"), Do::Baseline(SECRET)],
            SECRET,
            "~ A.Password asked",
        ),
    ]);
    let world = World::new();
    [Do::Apply(A), Do::Set("A", "Level", 2)].into_iter().for_each(|step| world.does(step));
    assert_eq!(world.baseline(A).unwrap().map(|(entries, _)| entries), Some(1));
    let before = world.kept();
    assert_eq!(world.baseline(A).unwrap(), None, "the record tells it already");
    assert_eq!(world.kept(), before, "accepting twice writes nothing");
}

#[test]
fn under_another_address() {
    let moved = "moved: [{ from: '$(A)$', to: '$(B)$' }]\n  B: { values: { Level: 1 } }";
    check(&[
        (
            "moved by its key",
            &[Do::Apply(A)],
            "  B: { renamed_from: 'HKLM\\SOFTWARE\\A', values: { Level: 1 } }",
            "~ B asked\nmove A to B",
        ),
        (
            "moved by its key, and meddled with",
            &[Do::Apply(A), Do::Set("A", "Level", 5)],
            "  B: { renamed_from: 'HKLM\\SOFTWARE\\A', values: { Level: 1 } }",
            "~ B asked\n~ B.Level drift\nmove A to B",
        ),
        ("renamed by hand", &[Do::Apply(A), Do::Renamed("A", "B")], moved, "move A to B"),
        (
            "renamed by hand, and meddled with",
            &[Do::Apply(A), Do::Renamed("A", "B"), Do::Set("B", "Level", 2)],
            moved,
            "~ B.Level drift\nmove A to B",
        ),
        (
            "renamed by hand, and asked for otherwise",
            &[Do::Apply(A), Do::Renamed("A", "B")],
            "moved: [{ from: '$(A)$', to: '$(B)$' }]\n  B: { values: { Level: 2 } }",
            "~ B.Level asked\nmove A to B",
        ),
        ("the move was told", &[Do::Apply(A), Do::Renamed("A", "B"), Do::Apply(moved)], moved, ""),
        (
            "a value by another name",
            &[Do::Apply(A), Do::Unset("A", "Level"), Do::Set("A", "LogLevel", 2)],
            "moved: [{ from: '$(A)$.Level', to: '$(A)$.LogLevel' }]\n  A: { values: { LogLevel: 1 } }",
            "~ A.LogLevel drift\nmove A.Level to A.LogLevel",
        ),
    ]);
}

#[test]
fn a_rollback_says_to_what_name_a_key_goes_back() {
    let world = World::new();
    world.apply(A);
    world.apply("  B: { renamed_from: 'HKLM\\SOFTWARE\\A', values: { Level: 1 } }");
    let (plan, report) = world.rollback(&[]);
    assert!(report.is_ok());
    let reasons: Vec<String> = plan.decisions.iter().flat_map(|one| &one.reasons).map(ToString::to_string).collect();
    assert_eq!(reasons, ["rollback.taken_back: back to HKLM\\SOFTWARE\\A"]);
    assert_eq!(told(&world.plan(A)), [""; 0], "the record knows it by the old name again");
}

#[test]
fn what_a_rollback_left_stays_remembered() {
    let two = "  A: { values: { Level: 1, Size: 1 } }";
    let world = World::new();
    [Do::Set("A", "Level", 7), Do::Set("A", "Size", 7), Do::Apply(two), Do::Set("A", "Level", 9)]
        .into_iter()
        .for_each(|step| world.does(step));
    // Level was changed by somebody and is left alone; Size goes back, and nothing of it is remembered any more.
    assert!(world.rollback(&[]).1.is_ok());
    assert_eq!(told(&world.plan(two)), ["~ A.Level drift", "~ A.Size new"]);
}

#[test]
fn a_moved_value_is_told_once() {
    let moved = "moved: [{ from: '$(A)$.Level', to: '$(A)$.LogLevel' }]\n  A: { values: { LogLevel: 1 } }";
    let world = World::new();
    [Do::Apply(A), Do::Unset("A", "Level"), Do::Set("A", "LogLevel", 1)].into_iter().for_each(|step| world.does(step));
    assert_eq!(told(&world.plan(moved)), ["move A.Level to A.LogLevel"]);
    world.apply(moved);
    for document in [moved, "  A: { values: { LogLevel: 1 } }"] {
        assert_eq!(told(&world.plan(document)), [""; 0], "{document}");
    }
}

#[test]
fn a_run_whose_rollback_was_taken_back_is_in_force_again() {
    let world = World::new();
    world.apply(A);
    assert!(world.rollback(&[]).1.is_ok());
    let runs = trueup::apply::history(&world.machine).unwrap();
    assert_eq!(runs[1].taken_back_by.as_ref(), Some(&runs[0].run));
    assert!(world.rolls_back(&runs[0].run).is_ok());
    let runs = trueup::apply::history(&world.machine).unwrap();
    assert_eq!((runs[1].taken_back_by.as_ref(), runs[2].taken_back_by.as_ref()), (Some(&runs[0].run), None));
    assert_eq!(told(&world.plan(A)), [""; 0]);
}

//! Protected things: every plan that takes one away is refused, whatever the document says by now.

use trueup::apply::ApplyError;

use super::world::{Do, World, check, told};

const A: &str = "  A: { values: { Level: 1 }, protect: true }";
const REFUSED: &str = "error plan.protected";

#[test]
fn removals() {
    let refused = |line: &str| format!("{line}\n{REFUSED}");
    check(&[
        ("by ensure: absent", &[Do::Apply(A)], "  A: { ensure: absent }", &refused("- A asked")),
        ("of a value", &[Do::Apply(A)], "  A: { values: { Level: absent } }", &refused("- A.Level asked")),
        (
            "by an exclusive set of keys above it",
            &[Do::Apply("  V\\A: { values: { Level: 1 }, protect: true }")],
            "  V: { exclusive_keys: true }",
            &format!("- V\\A asked\norphan V\\A with 1 protected\n{REFUSED}"),
        ),
        ("by an exclusive set of values", &[Do::Apply(A)], "  A: { exclusive: true }", &refused("- A.Level asked")),
        (
            "with the key above it",
            &[Do::Apply("  V\\A: { values: { Level: 1 }, protect: true }")],
            "  V: { ensure: absent }",
            &format!("- V new\norphan V\\A with 1 protected\n{REFUSED}"),
        ),
        (
            "by moving the key above it away",
            &[Do::Apply("  V\\A: { values: { Level: 1 }, protect: true }")],
            "  W: { renamed_from: 'HKLM\\SOFTWARE\\V' }",
            &format!("~ W new\norphan V\\A with 1 protected\n{REFUSED}"),
        ),
        (
            "by moving the key itself is its own move",
            &[Do::Apply(A)],
            "  B: { renamed_from: 'HKLM\\SOFTWARE\\A', values: { Level: 1 } }",
            "~ B asked\nmove A to B",
        ),
        ("a value that is changed stays", &[Do::Apply(A)], "  A: { values: { Level: 2 } }", "~ A.Level asked"),
        (
            "an entry that left is an orphan, and no more",
            &[Do::Apply(A)],
            "",
            "orphan A with 1 protected\nwarning plan.empty",
        ),
        (
            "what another document named",
            &[Do::Apply("name: baseline\n  A: { protect: true }")],
            "  A: { ensure: absent }",
            &refused("- A asked"),
        ),
        ("in other case", &[Do::Apply(A)], "  a: { ensure: absent }", &refused("- a asked")),
        (
            "a mark that is not applied yet",
            &[Do::Apply("  A: { values: { Level: 1, Size: 1 } }")],
            "  A: { values: { Level: 1, Size: absent }, protect: true }",
            &format!("- A.Size asked\nprotect A\n{REFUSED}"),
        ),
    ]);
}

#[test]
fn marks() {
    let plain = "  A: { values: { Level: 1 } }";
    check(&[
        ("set on a machine that holds already", &[Do::Apply(plain)], A, "protect A"),
        ("set, and told", &[Do::Apply(plain), Do::Apply(A)], A, ""),
        (
            "stays when the entry says nothing",
            &[Do::Apply(A), Do::Apply("  A: { values: { Level: 2 } }")],
            "  A: { ensure: absent }",
            &format!("- A asked\n{REFUSED}"),
        ),
        ("lifted", &[Do::Apply(A)], "  A: { values: { Level: 1 }, protect: false }", "lift the protection of A"),
        (
            "lifted, and told",
            &[Do::Apply(A), Do::Apply("  A: { values: { Level: 1 }, protect: false }")],
            "  A: { ensure: absent }",
            "- A asked",
        ),
        (
            "lifted by what removes it",
            &[Do::Apply(A)],
            "  A: { ensure: absent, protect: false }",
            "- A asked\nlift the protection of A",
        ),
        ("no record and nothing to do", &[Do::Set("A", "Level", 1)], A, ""),
    ]);
}

#[test]
fn refused_and_accepted() {
    let world = World::new();
    world.apply(A);
    let before = world.kept();
    let refused = world.applies(&world.machine, "  A: { ensure: absent }", &[]);
    assert!(matches!(refused, Err(ApplyError::Refused(ref findings)) if findings[0].code == "plan.protected"));
    assert_eq!(world.kept(), before, "nothing was written");
    let report = world.applies(&world.machine, "  A: { ensure: absent }", &["plan.protected"]).unwrap();
    assert!(report.is_complete());
}

#[test]
fn a_rollback_is_a_plan_too() {
    let world = World::new();
    world.apply("  A: { values: { Level: 1 } }");
    world.apply(A);
    let (plan, report) = world.rollback(&[]);
    assert_eq!(told(&plan), ["tell again what was told before run 20260301T000200Z"]);
    assert!(report.is_ok(), "the run did nothing else than to set the mark");

    let world = World::new();
    world.apply(A);
    world.apply("  B: { renamed_from: 'HKLM\\SOFTWARE\\A', values: { Level: 1 } }");
    assert!(world.rollback(&[]).1.is_ok(), "what goes back to its old name is not taken away");
    assert_eq!(told(&world.plan("  A: { ensure: absent }")), ["- A asked", REFUSED]);

    let world = World::new();
    world.apply(A);
    let (plan, refused) = world.rollback(&[]);
    assert!(told(&plan).contains(&REFUSED.to_owned()), "{:?}", told(&plan));
    assert!(matches!(refused, Err(ApplyError::Refused(_))));
    assert!(world.rollback(&["plan.protected"]).1.is_ok());
}

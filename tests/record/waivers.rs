//! Waivers: what they cover, for how long, and what is said of those that have run out or speak of nothing.

use super::world::{Do, World, check};

const A: &str = "  A: { values: { Level: 1, Size: 1 } }";
const LEVEL: &str = "waivers: [{ id: W, address: '$(A)$.Level', reason: late, expires: 2026-04-01 }]\n  A: { values: { Level: 1, Size: 1 } }";
const WHOLE: &str =
    "waivers: [{ id: W, address: '$(A)$', reason: late, expires: 2026-04-01 }]\n  A: { values: { Level: 1, Size: 1 } }";
const DRIFTED: [Do; 3] = [Do::Apply(A), Do::Set("A", "Level", 2), Do::Set("A", "Size", 2)];
const AT_ITS_END: [Do; 4] = [DRIFTED[0], DRIFTED[1], DRIFTED[2], Do::At("2026-04-01T00:00:00Z")];
const JUST_BEFORE: [Do; 4] = [DRIFTED[0], DRIFTED[1], DRIFTED[2], Do::At("2026-03-31T23:59:59Z")];

#[test]
fn what_holds() {
    check(&[
        ("one value", &DRIFTED, LEVEL, "waived A.Level drift\n~ A.Size drift"),
        ("an entry stands for its parts", &DRIFTED, WHOLE, "waived A.Level drift\nwaived A.Size drift"),
        (
            "in other case",
            &DRIFTED,
            "waivers: [{ id: W, address: '$(a)$.LEVEL', reason: r, expires: 2026-04-01 }]\n  A: { values: { Level: 1, Size: 1 } }",
            "waived A.Level drift\n~ A.Size drift",
        ),
        (
            "another address",
            &DRIFTED,
            "waivers: [{ id: W, address: '$(B)$', reason: late, expires: 2026-04-01 }]\n  A: { values: { Level: 1, Size: 1 } }\n  B: {}",
            "~ A.Level drift\n~ A.Size drift\nwaived B new",
        ),
        ("to its last second", &JUST_BEFORE, LEVEL, "waived A.Level drift\n~ A.Size drift"),
        (
            "what depends on it goes on",
            &DRIFTED,
            "waivers: [{ id: W, address: '$(A)$', reason: late, expires: 2026-04-01 }]\n  A: { values: { Level: 1, Size: 1 } }\n  B: { depends_on: ['$(A)$'] }",
            "waived A.Level drift\nwaived A.Size drift\n+ B new",
        ),
        (
            "what it asks of the time of an expiry",
            &[
                Do::Apply("  A: { values: { D: { dword: 1, expires: { on: 2026-03-02, then: 0 } } } }"),
                Do::At("2026-03-03T00:00:00Z"),
            ],
            "waivers: [{ id: W, address: '$(A)$.D', reason: late, expires: 2026-04-01 }]\n  A: { values: { D: { dword: 1, expires: { on: 2026-03-02, then: 0 } } } }",
            "waived A.D due",
        ),
    ]);
}

#[test]
fn what_has_run_out_or_is_of_no_use() {
    let world = World::new();
    AT_ITS_END.into_iter().for_each(|step| world.does(step));
    let plan = world.plan(WHOLE);
    let finding = plan.findings.iter().find(|one| one.code == "drift.waiver_expired").unwrap();
    assert_eq!(
        finding.message,
        "waiver W ran out at 2026-04-01T00:00:00Z, and registry[\"HKLM\\SOFTWARE\\A\"].Level and 1 more still differ"
    );
    assert_eq!(finding.at.map(|at| at.line), Some(2));
    check(&[
        ("at its very end", &AT_ITS_END, LEVEL, "~ A.Level drift\n~ A.Size drift\nwarning drift.waiver_expired"),
        (
            "run out with nothing differing",
            &[Do::Apply(A), Do::At("2026-05-01T00:00:00Z")],
            LEVEL,
            "info drift.waiver_unused",
        ),
        ("holding with nothing differing", &[Do::Apply(A)], LEVEL, "info drift.waiver_unused"),
        (
            "holding while another part differs",
            &[Do::Apply(A), Do::Set("A", "Size", 2)],
            LEVEL,
            "~ A.Size drift\ninfo drift.waiver_unused",
        ),
        (
            "holding for one of two addresses",
            &[Do::Apply(A), Do::Set("A", "Size", 2)],
            "waivers: [{ id: W, addresses: ['$(A)$.Level', '$(A)$.Size'], reason: late, expires: 2026-04-01 }]\n  A: { values: { Level: 1, Size: 1 } }",
            "waived A.Size drift",
        ),
    ]);
}

//! What was applied once and is not named any more: listed until it is gone, released or moved.

use super::world::{Do, check};

const A: &str = "  A: { values: { Level: 1, Size: 2 } }";
const B: &str = "  B: {}";
const BOTH: &str = "  A: { values: { Level: 1, Size: 2 } }\n  B: {}";
const LEVEL: &str = "  A: { values: { Level: 1 } }";

#[test]
fn what_is_listed() {
    check(&[
        ("an entry that left", &[Do::Apply(BOTH)], B, "orphan A with 2"),
        (
            "and it stays listed",
            &[Do::Apply(BOTH), Do::Apply("  B: { values: { X: 1 } }")],
            "  B: { values: { X: 1 } }",
            "orphan A with 2",
        ),
        ("all entries", &[Do::Apply(A)], "", "orphan A with 2\nwarning plan.empty"),
        ("a value that left", &[Do::Apply(A)], LEVEL, "orphan A.Size"),
        (
            "a value that was wanted away",
            &[Do::Set("A", "Old", 1), Do::Apply("  A: { values: { Level: 1, Old: absent } }")],
            LEVEL,
            "",
        ),
        ("a key that was wanted away", &[Do::Set("A", "Old", 1), Do::Apply("  A: { ensure: absent }\n  B: {}")], B, ""),
        ("an entry that is wanted away now", &[Do::Apply(BOTH)], "  A: { ensure: absent }\n  B: {}", "- A asked"),
        ("an entry that went away", &[Do::Apply(BOTH), Do::Apply("  A: { ensure: absent }\n  B: {}")], B, ""),
        (
            "a value that is wanted away now",
            &[Do::Apply(A)],
            "  A: { values: { Level: 1, Size: absent } }",
            "- A.Size asked",
        ),
        (
            "a value that exclusive removes",
            &[Do::Apply(A)],
            "  A: { values: { Level: 1 }, exclusive: true }",
            "- A.Size asked",
        ),
        (
            "and did remove",
            &[Do::Apply(A), Do::Apply("  A: { values: { Level: 1 }, exclusive: true }")],
            "  A: { values: { Level: 1 }, exclusive: true }",
            "",
        ),
        (
            "and exclusive is switched off",
            &[Do::Apply(A), Do::Apply("  A: { values: { Level: 1 }, exclusive: true }")],
            LEVEL,
            "",
        ),
        (
            "below a key whose other subkeys were removed",
            &[Do::Apply("  V\\A: { values: { Level: 1 } }"), Do::Apply("  V: { exclusive_keys: true }")],
            "  V: { exclusive_keys: true }",
            "",
        ),
        (
            "below a key that was removed",
            &[Do::Apply("  V\\A: { values: { Level: 1 } }\n  VA: {}"), Do::Apply("  V: { ensure: absent }")],
            "  V: { ensure: absent }",
            "orphan VA",
        ),
        ("named again", &[Do::Apply(BOTH), Do::Apply("  B: { values: { X: 1 } }")], BOTH, "orphan B.X"),
        ("applied by a run that was taken back", &[Do::Apply(B), Do::Apply(BOTH), Do::Rollback], B, ""),
        (
            "brought back by a rollback",
            &[Do::Apply(BOTH), Do::Apply("  A: { ensure: absent }\n  B: {}"), Do::Rollback],
            B,
            "orphan A with 2",
        ),
        ("in other case", &[Do::Apply(A)], "  a: { values: { LEVEL: 1, SIZE: 2 } }", ""),
    ]);
}

#[test]
fn a_baseline_follows_what_moves() {
    let moved = "moved: [{ from: '$(A)$', to: '$(C)$' }]\n  C: { values: { Level: 1, Size: 2 } }\n  B: {}";
    let pending = "  C: { renamed_from: 'HKLM\\SOFTWARE\\A', values: { Level: 1, Size: 2 }, protect: true }\n  B: {}";
    check(&[
        ("an entry that moved", &[Do::Apply(BOTH), Do::Renamed("A", "C"), Do::Baseline(moved)], moved, ""),
        ("an entry that is still to be moved", &[Do::Apply(BOTH), Do::Baseline(pending)], pending, "~ C asked"),
        (
            "a value that was released",
            &[Do::Apply(A), Do::Baseline("released: ['$(A)$.Size']\n  A: { values: { Level: 1 } }")],
            LEVEL,
            "",
        ),
    ]);
}

#[test]
fn other_documents() {
    check(&[
        ("their entries are counted", &[Do::Apply("name: baseline\n  A: {}")], B, "+ B new\nelsewhere 1"),
        (
            "one that was wanted away is not",
            &[Do::Set("A", "Old", 1), Do::Apply("name: baseline\n  A: { ensure: absent }")],
            B,
            "+ B new",
        ),
        ("a document that was given a name", &[Do::Apply(BOTH)], "name: baseline\n  B: {}", "elsewhere 1"),
        ("a name that is the file's own", &[Do::Apply(BOTH)], "name: site.yaml\n  B: {}", "orphan A with 2"),
        (
            "an entry that another document names too",
            &[Do::Apply("name: baseline\n  A: { values: { Level: 1, Size: 2 } }")],
            LEVEL,
            "",
        ),
        (
            "its parts are this document's once it is applied",
            &[Do::Apply("name: baseline\n  A: { values: { Level: 1 } }"), Do::Apply(BOTH)],
            "  A: { values: { Level: 1 } }\n  B: {}",
            "orphan A.Size",
        ),
    ]);
}

#[test]
fn what_is_let_go() {
    let entry = "released: ['$(A)$']\n  B: {}";
    let value = "released: ['$(A)$.Size']\n  A: { values: { Level: 1 } }";
    check(&[
        ("an entry", &[Do::Apply(BOTH)], entry, "release A"),
        ("an entry, once that was told", &[Do::Apply(BOTH), Do::Apply(entry)], entry, ""),
        ("an entry, and the line dropped", &[Do::Apply(BOTH), Do::Apply(entry)], B, ""),
        ("a value", &[Do::Apply(A)], value, "release A.Size"),
        ("a value, once that was told", &[Do::Apply(A), Do::Apply(value)], value, ""),
        ("a value, and the line dropped", &[Do::Apply(A), Do::Apply(value)], LEVEL, ""),
        (
            "a value in other case",
            &[Do::Apply(A)],
            "released: ['$(a)$.SIZE']\n  A: { values: { Level: 1 } }",
            "release A.Size",
        ),
        ("what was never applied", &[Do::Apply(LEVEL)], value, ""),
        ("a release that is taken back", &[Do::Apply(BOTH), Do::Apply(entry), Do::Rollback], B, "orphan A with 2"),
        ("an entry of another document", &[Do::Apply("name: baseline\n  A: {}"), Do::Apply(B)], entry, "release A"),
        (
            "an entry that moved",
            &[Do::Apply(BOTH), Do::Renamed("A", "C")],
            "moved: [{ from: '$(A)$', to: '$(C)$' }]\n  C: { values: { Level: 1, Size: 2 } }\n  B: {}",
            "move A to C",
        ),
        (
            "a part of an entry that moved",
            &[Do::Apply(BOTH), Do::Renamed("A", "C")],
            "moved: [{ from: '$(A)$', to: '$(C)$' }]\n  C: { values: { Level: 1 } }\n  B: {}",
            "orphan A.Size\nmove A to C",
        ),
    ]);
}

//! A record that is there and cannot be read: shown, refused, and on demand moved aside, never written over.

use trueup::apply::ApplyError;
use trueup::machine::Machine as _;
use trueup::machine::faulty::{Fault, FaultyMachine};

use super::world::{Do, World, told};

const A: &str = "  A: { values: { Level: 1 } }";
const CHANGED: &str = "  A: { values: { Level: 2 } }";
const NEWER: &[u8] = br#"{"format_version":"2.0","kind":"trueup.record","entries":{}}"#;
const ACCEPT: [&str; 1] = ["record.unreadable"];

fn damaged(bytes: &[u8]) -> World {
    let world = World::new();
    world.apply(A);
    world.machine.plant_record(bytes);
    world
}

#[test]
fn a_plan_shows_everything_and_says_so() {
    for (bytes, why) in [
        (&b"{\"format_version\":\"1.0\",\n oops"[..], "it is damaged at line 2, column 2"),
        (b"", "it is damaged at line 1, column 0"),
        (NEWER, "its format version is 2.0, for a newer trueup: this one knows 1.0 and later minors"),
    ] {
        let plan = damaged(bytes).plan(CHANGED);
        let begin = "begin a new record, and move the one that cannot be read aside";
        assert_eq!(told(&plan), ["~ A.Level unrecorded", begin, "error record.unreadable"]);
        assert!(plan.findings[0].message.contains(why), "{}", plan.findings[0].message);
    }
}

#[test]
fn it_is_never_written_over() {
    let world = damaged(b"damaged");
    let before = world.kept();
    for document in [A, CHANGED] {
        let refused = world.applies(&world.machine, document, &[]);
        assert!(matches!(refused, Err(ApplyError::Refused(ref findings)) if findings[0].code == "record.unreadable"));
    }
    assert!(matches!(world.baseline(CHANGED), Err(ApplyError::Unreadable(_))));
    assert!(matches!(world.rollback(&[]).1, Err(ApplyError::Refused(_))));
    assert_eq!(world.kept(), before);
    assert_eq!(world.machine.records_aside(), []);
}

#[test]
fn accepted_it_is_moved_aside() {
    for document in [A, CHANGED] {
        let world = damaged(b"damaged");
        let report = world.applies(&world.machine, document, &ACCEPT).unwrap();
        assert!(report.is_complete());
        let aside = world.machine.records_aside();
        assert_eq!(
            aside.iter().map(|(run, bytes)| (Some(run.to_string()), &bytes[..])).collect::<Vec<_>>(),
            [(report.run, &b"damaged"[..])]
        );
        assert_eq!(told(&world.plan(document)), [""; 0], "there is a record again");
        world.does(Do::Set("A", "Level", 9));
        assert_eq!(told(&world.plan(document)), ["~ A.Level drift"]);
    }
}

#[test]
fn a_stop_at_any_write_loses_neither_record() {
    for fault in [Fault::StopBefore, Fault::StopAfter] {
        for at in 1.. {
            let world = damaged(b"damaged");
            let faulty = FaultyMachine::new(&world.machine, fault, at);
            let result = world.applies(&faulty, CHANGED, &ACCEPT);
            let is_over = faulty.writes() < at;
            let aside = world.machine.records_aside();
            let still = world.machine.record_bytes();
            assert!(
                still.as_deref() == Some(b"damaged") || aside.iter().any(|(_, bytes)| bytes == b"damaged"),
                "{fault:?} {at}: the damaged record is kept"
            );
            assert_eq!(world.machine.record().is_err(), aside.is_empty(), "{fault:?} {at}");
            if is_over {
                assert!(result.is_ok());
                break;
            }
        }
    }
}

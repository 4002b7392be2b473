//! Who may do what with a file: asked of the running machine, and changed there; anywhere else it waits.

use std::sync::Arc;

use trueup::formats::security_descriptor::SecurityDescriptor;
use trueup::machine::Machine as _;
use trueup::model::fact::Observed;
use trueup::model::probe::{Answer, Probe};
use trueup::report::text::{Detail, TextOptions};
use trueup::report::{Palette, Width};

use super::world::{Bed, applied, desired, last_run, memory, path, plan, taken_back, told};

const USERS: &str =
    r"files: { a: { path: 'C:\Data', folder: true, security: { grant: [{ to: 'BUILTIN\Users', rights: modify }] } } }";

fn descriptor(sddl: &str) -> Answer {
    Answer::Security(Arc::from(sddl.parse::<SecurityDescriptor>().unwrap().to_bytes().unwrap()))
}

fn probe(name: &str) -> Probe {
    Probe::FileSecurity { path: path(name) }
}

fn sddl(answer: Observed<Answer>) -> String {
    match answer.unwrap() {
        Answer::Security(bytes) => SecurityDescriptor::parse(&bytes).unwrap().to_sddl().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_folder_is_granted_and_taken_back() {
    let machine = memory();
    machine.plant_file(&path(r"C:\Data\x"), b"");
    let before = "O:BAG:SYD:(A;OICI;FA;;;SY)(A;OICIID;FA;;;BA)";
    machine.plant_answer(probe(r"C:\Data"), descriptor(before));
    let desired = desired(USERS);
    let first = plan(&machine, &desired);
    assert_eq!(told(&first), ["~ a security: files.security_differs"]);
    let options = TextOptions { palette: Palette::plain(), width: Width::Unlimited, detail: Detail::Full };
    let shown = trueup::report::text::plan(&first, &options);
    assert!(shown.contains(r"+ allow BUILTIN\Users: modify"), "{shown}");
    applied(&machine, &desired);
    let after = "O:BAG:SYD:(A;OICI;FA;;;SY)(A;OICI;0x1301bf;;;BU)(A;OICIID;FA;;;BA)";
    assert_eq!(sddl(machine.probe(&probe(r"C:\Data"))), after);
    assert!(!plan(&machine, &desired).has_operations());
    taken_back(&machine, &last_run(&machine));
    assert_eq!(sddl(machine.probe(&probe(r"C:\Data"))), before);
}

#[test]
fn what_each_descriptor_comes_to() {
    let cases = [
        ("more than is asked", "D:(A;OICI;FA;;;BU)", None),
        ("inherited by folders only", "D:(A;CI;FA;;;BU)", Some("D:(A;OICI;0x1301bf;;;BU)")),
        ("this folder only", "D:(A;;FA;;;BU)", Some("D:(A;OICI;0x1301bf;;;BU)")),
        ("less than is asked", "D:(A;OICI;FR;;;BU)", Some("D:(A;OICI;0x1301bf;;;BU)")),
        ("inherited", "D:(A;OICIID;FA;;;BU)", None),
    ];
    for (name, found, expected) in cases {
        let machine = memory();
        machine.plant_file(&path(r"C:\Data\x"), b"");
        machine.plant_answer(probe(r"C:\Data"), descriptor(found));
        let desired = desired(USERS);
        let plan = plan(&machine, &desired);
        match expected {
            None => assert!(told(&plan).is_empty(), "{name}: {:?}", told(&plan)),
            Some(after) => {
                assert_eq!(told(&plan), ["~ a security: files.security_differs"], "{name}");
                applied(&machine, &desired);
                assert_eq!(sddl(machine.probe(&probe(r"C:\Data"))), after, "{name}");
            }
        }
    }
    let denied = memory();
    denied.plant_file(&path(r"C:\Data\x"), b"");
    denied.plant_answer(probe(r"C:\Data"), descriptor("D:(D;OICI;FW;;;BU)"));
    assert_eq!(told(&plan(&denied, &desired(USERS))), ["! a security: files.security_denied"]);
    let unknown = desired(r"files: { a: { path: 'C:\Data', security: { owner: 'CORP\nobody' } } }");
    assert_eq!(told(&plan(&denied, &unknown)), ["! a security: files.unknown_account"]);
}

#[test]
fn what_cannot_be_asked_waits() {
    for bed in Bed::both(&[(r"C:\Data\x", b"")]) {
        let plan = plan(bed.reader(), &desired(USERS));
        assert_eq!(told(&plan), ["» a security: files.security_deferred"]);
        assert!(!plan.has_operations());
    }
    // Of what a new folder inherits nothing is known where nobody tells of those above.
    let machine = memory();
    machine.plant_answer(probe(r"C:\Data"), Answer::Absent);
    assert_eq!(told(&plan(&machine, &desired(USERS))), ["+ a: files.absent", "» a security: files.security_deferred"]);
    let nothing = desired(r"files: { a: { path: 'C:\none', security: { owner: S-1-5-18 } } }");
    assert_eq!(told(&plan(&memory(), &nothing)), ["! a: files.absent", "» a security: files.security_deferred"]);
}

/// A machine with a drive of this security and nothing on it.
fn empty(above: &str) -> trueup::machine::memory::MemoryMachine {
    let machine = memory();
    machine.plant_answer(probe("C:"), descriptor(above));
    for name in [r"C:\Data", r"C:\Data\Sub", r"C:\Data\Sub\a.txt"] {
        machine.plant_answer(probe(name), Answer::Absent);
    }
    machine
}

#[test]
fn what_a_run_makes_gets_its_security_in_the_same_run() {
    let folder = |security: &str| format!(r"a: {{ path: 'C:\Data', folder: true, security: {security} }}");
    let file = |security: &str| format!(r"b: {{ path: 'C:\Data\Sub\a.txt', content: x, security: {security} }}");
    let users = "{ grant: [{ to: 'BUILTIN\\Users', rights: read }] }";
    let inheriting = "O:BAG:SYD:(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;GA;;;CO)";
    let cases = [
        ("granted", inheriting, file(users), r"C:\Data\Sub\a.txt", "D:(A;;FR;;;BU)"),
        ("with an owner", inheriting, file("{ owner: S-1-5-18 }"), r"C:\Data\Sub\a.txt", "O:SYD:"),
        ("stated", inheriting, file("{ sddl: 'D:P(A;;FA;;;BA)' }"), r"C:\Data\Sub\a.txt", "D:P(A;;FA;;;BA)"),
        (
            "nothing is handed on: what the system gives then is kept",
            "O:BAG:SYD:(A;;FA;;;BU)",
            file(users),
            r"C:\Data\Sub\a.txt",
            "D:(A;;FA;;;SY)(A;;FA;;;BA)(A;;FR;;;BU)",
        ),
        ("a folder", inheriting, folder(users), r"C:\Data", "D:(A;OICI;FR;;;BU)"),
        (
            "the folder above will hand nothing on",
            "O:BAG:SYD:(A;OICI;FR;;;BU)",
            format!("{}, {}", folder("{ sddl: 'D:P(A;OICI;FA;;;BA)' }"), file(users)),
            r"C:\Data\Sub\a.txt",
            "D:(A;;FR;;;BU)",
        ),
        (
            "a secret is for few",
            inheriting,
            r"b: { path: 'C:\Data\Sub\a.txt', content: { secret: { env: S } }, security: { grant: [{ to: S-1-5-20, rights: read }] } }".into(),
            r"C:\Data\Sub\a.txt",
            "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)(A;;FR;;;NS)",
        ),
    ];
    for (name, above, entries, at, expected) in cases {
        let machine = empty(above);
        let desired = desired(&format!("files: {{ {entries} }}"));
        let first = plan(&machine, &desired);
        let told = told(&first);
        assert!(told.iter().any(|line| line.contains("security: files.security_differs")), "{name}: {told:?}");
        assert!(told.iter().all(|line| line.starts_with('+')), "{name}: {told:?}");
        applied(&machine, &desired);
        assert_eq!(sddl(machine.probe(&probe(at))), expected, "{name}");
        taken_back(&machine, &last_run(&machine));
    }
    // What is inherited is enough, or what the folder will hand on.
    for entries in [file("{ grant: [{ to: S-1-5-18, rights: full }] }"), format!("{}, {}", folder(users), file(users))]
    {
        let first = plan(&empty(inheriting), &desired(&format!("files: {{ {entries} }}")));
        assert!(!told(&first).iter().any(|line| line.contains("b security")), "{:?}", told(&first));
    }
}

#[test]
fn what_a_file_inherits_is_the_folders() {
    let machine = memory();
    machine.plant_file(&path(r"C:\Data\x"), b"");
    let stated = |sddl: &str| {
        desired(&format!(r"files: {{ a: {{ path: 'C:\Data\x', content: '', security: {{ sddl: '{sddl}' }} }} }}"))
    };
    machine.plant_answer(probe(r"C:\Data\x"), descriptor("O:BAG:SYD:(A;;FA;;;BU)(A;ID;FA;;;SY)"));
    for same in ["D:(A;;FA;;;BU)", "D:AI(A;;GA;;;BU)(A;ID;FR;;;BA)", "O:BAD:(A;;FA;;;BU)"] {
        assert!(told(&plan(&machine, &stated(same))).is_empty(), "{same}");
    }
    applied(&machine, &stated("D:(A;;FR;;;BU)"));
    assert_eq!(sddl(machine.probe(&probe(r"C:\Data\x"))), "O:BAG:SYD:(A;;FR;;;BU)(A;ID;FA;;;SY)");
    applied(&machine, &stated("D:P(A;;FA;;;BA)"));
    assert_eq!(sddl(machine.probe(&probe(r"C:\Data\x"))), "O:BAG:SYD:P(A;;FA;;;BA)");
    assert_eq!(told(&plan(&machine, &stated("S:(AU;SA;FA;;;WD)"))), ["! a security: files.security_invalid"]);
}

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
    // A file that is made in the same run gets its security with the next one.
    let machine = memory();
    machine.plant_answer(probe(r"C:\Data"), Answer::Absent);
    assert_eq!(told(&plan(&machine, &desired(USERS))), ["+ a: files.absent", "» a security: files.security_deferred"]);
    let nothing = desired(r"files: { a: { path: 'C:\none', security: { owner: S-1-5-18 } } }");
    assert_eq!(told(&plan(&memory(), &nothing)), ["! a: files.absent", "» a security: files.security_deferred"]);
}

//! Access lists of files and folders: set in the run that makes them, handed on, protected, and put back; owners; what a replaced file
//! keeps.

use std::path::Path;

use trueup::formats::security_descriptor::SecurityDescriptor;
use trueup::machine::Machine as _;
use trueup::machine::local::LocalMachine;
use trueup::model::file::FilePath;
use trueup::model::probe::{Answer, Probe};
use trueup::model::sid::Sid;

use crate::live::{FOLDER, applied, desired, plan, rolled_back, turn};

fn found(machine: &LocalMachine, at: &str) -> SecurityDescriptor {
    match machine.probe(&Probe::FileSecurity { path: FilePath::parse(at).unwrap() }).unwrap() {
        Answer::Security(bytes) => SecurityDescriptor::parse(&bytes).unwrap(),
        other => panic!("{at}: {other}"),
    }
}

fn sddl(machine: &LocalMachine, at: &str) -> String {
    found(machine, at).to_sddl().unwrap()
}

#[test]
fn what_a_run_makes_has_its_security_after_it() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let (folder, file) = (format!(r"{FOLDER}\data"), format!(r"{FOLDER}\data\sub\a.txt"));
    let wanted = desired(&format!(
        "files:\n  folder: {{ path: '{folder}', folder: true, security: {{ grant: [{{ to: Network Service, rights: modify }}] }} }}\n  file: {{ path: '{file}', content: a, security: {{ owner: S-1-5-18, grant: [{{ to: S-1-5-19, rights: read }}] }} }}"
    ));
    let run = applied(&machine, &wanted).run.unwrap();
    assert!(!plan(&machine, &wanted).has_operations());
    assert!(sddl(&machine, &folder).contains("(A;OICI;0x1301bf;;;NS)"), "{}", sddl(&machine, &folder));
    let of_file = sddl(&machine, &file);
    assert!(of_file.starts_with("O:SY") && of_file.contains("(A;;FR;;;LS)"), "{of_file}");
    assert!(of_file.contains("(A;ID;0x1301bf;;;NS)"), "the folder hands it on: {of_file}");
    rolled_back(&machine, &run);
    assert!(!Path::new(&folder).exists());
}

#[test]
fn a_grant_reaches_what_is_there_already_and_is_taken_back() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let below = format!(r"{FOLDER}\sub\a.txt");
    std::fs::create_dir_all(format!(r"{FOLDER}\sub")).unwrap();
    std::fs::write(&below, "a").unwrap();
    let before = (sddl(&machine, FOLDER), sddl(&machine, &below));
    for security in [
        "{ grant: [{ to: S-1-5-20, rights: full }] }",
        "{ sddl: 'D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FR;;;NS)' }",
        "{ owner: S-1-5-18 }",
    ] {
        let wanted = desired(&format!("files: {{ a: {{ path: '{FOLDER}', folder: true, security: {security} }} }}"));
        let run = applied(&machine, &wanted).run.unwrap();
        assert!(!plan(&machine, &wanted).has_operations(), "{security}");
        let now = sddl(&machine, &below);
        let is_reached = security.contains("owner") || now.contains(";;;NS)");
        assert!(is_reached, "{security}: {now}");
        rolled_back(&machine, &run);
        assert_eq!((sddl(&machine, FOLDER), sddl(&machine, &below)), before, "{security}");
    }
}

#[test]
fn a_replaced_file_keeps_owner_and_list() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let file = format!(r"{FOLDER}\a.txt");
    let wanted = |content: &str| {
        desired(&format!(
            "files: {{ a: {{ path: '{file}', content: {content}, security: {{ owner: S-1-5-18, grant: [{{ to: S-1-5-20, rights: read }}] }} }} }}"
        ))
    };
    applied(&machine, &wanted("one"));
    let before = sddl(&machine, &file);
    assert_eq!(found(&machine, &file).owner(), Some(Sid::SYSTEM));
    applied(&machine, &wanted("two"));
    assert_eq!(sddl(&machine, &file), before);
    assert!(!plan(&machine, &wanted("two")).has_operations());
}

#[test]
fn a_secret_is_for_few() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let file = format!(r"{FOLDER}\secret.txt");
    applied(
        &machine,
        &desired(&format!(
            "files: {{ a: {{ path: '{file}', content: {{ secret: {{ env: S }} }}, security: {{ grant: [{{ to: S-1-5-20, rights: read }}] }} }} }}"
        )),
    );
    let list = found(&machine, &file);
    assert!(list.is_protected());
    let sids: Vec<Sid> = list.dacl().entries().iter().filter_map(|ace| ace.account()).map(|one| one.sid).collect();
    assert!(!sids.contains(&Sid::USERS) && !sids.contains(&Sid::EVERYONE), "{sids:?}");
    assert!(sids.contains(&Sid::NETWORK_SERVICE), "{sids:?}");
}

/// What Windows guards can be read by an administrator, and a link is not followed.
#[test]
fn guarded_files_are_read_and_links_are_not_followed() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    for at in ["%SystemDrive%", r"%SystemRoot%\System32\config\SAM", r"C:\System Volume Information"] {
        assert!(found(&machine, at).owner().is_some(), "{at}");
    }
    std::fs::create_dir_all(format!(r"{FOLDER}\real")).unwrap();
    let link = format!(r"{FOLDER}\link");
    std::os::windows::fs::symlink_dir(format!(r"{FOLDER}\real"), &link).unwrap();
    assert!(machine.probe(&Probe::FileSecurity { path: FilePath::parse(&link).unwrap() }).is_err());
    std::fs::remove_dir(link).unwrap();
}

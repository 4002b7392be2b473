//! What only a running Windows tells: groups, access lists, measures, files that are in use, long paths. Under Wine in the checks, as
//! far as Wine tells the truth.

#![cfg(windows)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen as tests"
)]

#[path = "live/mod.rs"]
mod live;

use std::path::Path;

use live::{FOLDER, applied, desired, plan, rolled_back, try_apply, turn};
use trueup::apply::{ApplyReport, Outcome};
use trueup::formats::security_descriptor::SecurityDescriptor;
use trueup::machine::Machine as _;
use trueup::machine::local::LocalMachine;
use trueup::model::file::FilePath;
use trueup::model::probe::{Answer, Probe};
use trueup::model::sid::Sid;

fn failures(report: &ApplyReport) -> Vec<String> {
    let failed = report.outcomes.iter().filter_map(|one| match &one.outcome {
        Outcome::Failed { detail } => Some(format!("{}: {detail}", one.address)),
        _ => None,
    });
    failed.collect()
}

fn path(text: &str) -> FilePath {
    FilePath::parse(text).unwrap()
}

#[test]
fn measures() {
    let machine = LocalMachine::open().unwrap();
    let met = |probe: Probe| match machine.probe(&probe).unwrap() {
        Answer::Measured { met, found } => (met, found.to_string()),
        other => panic!("{other:?}"),
    };
    for (is_met, bytes) in [(true, 1), (false, u64::MAX)] {
        for at in [r"C:\", r"C:\windows\system32", r"%ProgramData%\none\none", "%SystemDrive%"] {
            let (met, found) = met(Probe::FreeSpace { path: path(at), bytes });
            assert_eq!(met, is_met, "{at}: {found}");
        }
        assert_eq!(met(Probe::Memory { bytes }).0, is_met);
        let count = u32::try_from(bytes).unwrap_or(u32::MAX);
        assert_eq!(met(Probe::Processors { count }).0, is_met);
    }
    assert!(machine.probe(&Probe::FreeSpace { path: path(r"Q:\"), bytes: 1 }).is_err());
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(met(Probe::Reachable { host: "127.0.0.1".into(), port }), (true, "it answers".into()));
    // Nobody tells the time there, and that is no answer.
    assert!(machine.probe(&Probe::ClockSkew { server: "127.0.0.1".into(), seconds: 300 }).is_err());
}

#[test]
fn names_of_accounts() {
    let machine = LocalMachine::open().unwrap();
    let sid = |name: &str| machine.account(name).unwrap();
    assert_eq!(sid("Administrators"), Some(Sid::ADMINISTRATORS));
    assert_eq!(sid(r"nt authority\system"), Some(Sid::SYSTEM));
    assert_eq!(sid("trueup knows no such account"), None);
    assert!(sid(r"NT SERVICE\trueup-test").is_some() && sid(r"IIS AppPool\trueup").is_some());
    let own = std::env::var("USERNAME").unwrap();
    let known = sid(&own).expect("whoever runs this has an account");
    let computer = std::env::var("COMPUTERNAME").unwrap();
    for name in [format!(r".\{own}"), format!(r"{computer}\{own}")] {
        assert_eq!(sid(&name), Some(known), "{name}");
    }
    let name = |sid: Sid| machine.probe(&Probe::AccountName { sid }).unwrap();
    assert_eq!(name(Sid::ADMINISTRATORS), Answer::Name(r"BUILTIN\Administrators".into()));
    assert_eq!(name(known).to_string().to_lowercase(), own.to_lowercase());
    assert_eq!(name("S-1-5-21-1-2-3-4711".parse().unwrap()), Answer::Elsewhere);
}

/// Who is in a group is what the system tells, or an error: Wine says that it tells, and tells nothing.
#[test]
fn groups() {
    let machine = LocalMachine::open().unwrap();
    assert_eq!(machine.probe(&Probe::MembersChangeable).unwrap(), Answer::Flag(true));
    match machine.probe(&Probe::Members { group: Sid::ADMINISTRATORS }) {
        Ok(Answer::Members(members)) => assert!(!members.is_empty()),
        Ok(other) => panic!("{other:?}"),
        Err(unread) => assert!(unread.to_string().contains("says yes, and tells of no members"), "{unread}"),
    }
    // One that is not there, one of another machine, and one that is no local group.
    for group in ["S-1-5-32-9999", "S-1-5-21-1-2-3-4711", "S-1-1-0"] {
        let probe = Probe::Members { group: group.parse().unwrap() };
        assert_eq!(machine.probe(&probe).unwrap(), Answer::Absent, "{group}");
    }
}

fn sddl(machine: &LocalMachine, at: &str) -> String {
    match machine.probe(&Probe::FileSecurity { path: path(at) }).unwrap() {
        Answer::Security(bytes) => SecurityDescriptor::parse(&bytes).unwrap().to_sddl().unwrap(),
        other => other.to_string(),
    }
}

/// Wine keeps of a list what the modes of its host can say: what the owner, and what everybody may do.
#[test]
fn security_of_files() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    assert_eq!(sddl(&machine, &format!(r"{FOLDER}\none")), "absent");
    for at in [r"C:\", r"C:\windows", r"C:\windows\system32\kernel32.dll", "%ProgramData%"] {
        assert!(sddl(&machine, at).starts_with("O:"), "{at}");
    }
    let name = format!(r"{FOLDER}\a.txt");
    let wanted = |security: &str| desired(&format!("files: {{ a: {{ path: '{name}', content: a{security} }} }}"));
    applied(&machine, &wanted(""));
    let before = sddl(&machine, &name);
    let granted = wanted(", security: { grant: [{ to: S-1-1-0, rights: '0x1301ff' }] }");
    let run = applied(&machine, &granted).run.unwrap();
    assert!(sddl(&machine, &name).contains("(A;;0x1301ff;;;WD)"), "{}", sddl(&machine, &name));
    assert!(!plan(&machine, &granted).has_operations());
    rolled_back(&machine, &run);
    assert_eq!(sddl(&machine, &name), before);
    // What the system does not keep although it says so is no success.
    let report = try_apply(&machine, &wanted(", security: { grant: [{ to: S-1-5-20, rights: read }] }")).unwrap();
    if sddl(&machine, &name).contains(";;;NS)") {
        assert!(report.is_complete(), "{report:?}");
    } else {
        let failures = failures(&report);
        assert!(failures.len() == 1 && failures[0].contains("the system says that it did so"), "{failures:?}");
    }
}

#[test]
fn long_paths() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    // Wine knows the path of an open folder only where that is shorter than 260; a file in it may be further down.
    let folder = format!(r"{FOLDER}\{}", ["a folder with a name of forty characters"; 5].join("\\"));
    let name = format!(r"{folder}\{}.txt", "long".repeat(45));
    assert!(folder.len() < 260 && name.len() > 400);
    let document = |rest: &str| desired(&format!("files: {{ long: {{ path: '{name}', {rest} }} }}"));
    for content in ["content: one", "content: two"] {
        applied(&machine, &document(content));
        assert!(!plan(&machine, &document(content)).has_operations());
    }
    assert_eq!(std::fs::read_to_string(format!(r"\\?\{name}")).unwrap(), "two");
    applied(&machine, &document("ensure: absent"));
    assert!(!Path::new(&format!(r"\\?\{name}")).exists());
    assert!(Path::new(&format!(r"\\?\{folder}")).exists());
    // Whoever cleans up may not know such paths.
    std::fs::remove_dir_all(format!(r"\\?\{FOLDER}")).unwrap();
}

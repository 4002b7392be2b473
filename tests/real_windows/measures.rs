//! What is measured of the system, programs that keep files in use, and paths that are long.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use trueup::apply::Outcome;
use trueup::machine::Machine as _;
use trueup::machine::local::LocalMachine;
use trueup::model::file::FilePath;
use trueup::model::probe::{Answer, Probe};

use crate::live::{FOLDER, applied, desired, rolled_back, try_apply, turn};

fn is_met(machine: &LocalMachine, probe: Probe) -> bool {
    match machine.probe(&probe).unwrap() {
        Answer::Measured { met, found } => {
            assert!(!found.is_empty());
            met
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_machine_is_measured() {
    let machine = LocalMachine::open().unwrap();
    for (expected, bytes) in [(true, 1 << 20), (false, 1 << 60)] {
        for at in ["%SystemDrive%", r"%ProgramData%\there is none\none"] {
            assert_eq!(
                is_met(&machine, Probe::FreeSpace { path: FilePath::parse(at).unwrap(), bytes }),
                expected,
                "{at}"
            );
        }
        assert_eq!(is_met(&machine, Probe::Memory { bytes }), expected);
    }
    let count: u32 = std::env::var("NUMBER_OF_PROCESSORS").unwrap().parse().unwrap();
    assert!(is_met(&machine, Probe::Processors { count }));
    assert!(!is_met(&machine, Probe::Processors { count: 100_000 }));
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(is_met(&machine, Probe::Reachable { host: "localhost".into(), port }));
    assert!(!is_met(&machine, Probe::Reachable { host: "there-is-none.invalid".into(), port: 1 }));
}

/// A program that runs from a file of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _may_have_ended = self.0.kill();
        let _status = self.0.wait();
    }
}

#[test]
fn a_program_that_runs_is_named_and_its_file_waits() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let program = format!(r"{FOLDER}\trueup-test-ping.exe");
    std::fs::create_dir_all(FOLDER).unwrap();
    let system = std::env::var("SystemRoot").unwrap();
    std::fs::copy(format!(r"{system}\System32\ping.exe"), &program).unwrap();
    let before = std::fs::read(&program).unwrap();
    let running = Command::new(&program).args(["-n", "60", "127.0.0.1"]).stdout(Stdio::null()).spawn().unwrap();
    let running = Running(running);
    for rest in ["content: new", "ensure: absent"] {
        let report =
            try_apply(&machine, &desired(&format!("files: {{ a: {{ path: '{program}', {rest} }} }}"))).unwrap();
        let waiting = report.outcomes.iter().find_map(|one| match &one.outcome {
            Outcome::Waiting { because } => Some(because.clone()),
            _ => None,
        });
        let said = waiting.unwrap_or_else(|| panic!("{rest}: {report:?}"));
        assert!(said.contains("it is in use by") && said.contains(&running.0.id().to_string()), "{said}");
        assert_eq!(std::fs::read(&program).unwrap(), before);
        let list = || machine.next_start().unwrap().iter().filter(|(path, _)| path.as_str() == program).count();
        assert_eq!(list(), 1, "{rest}");
        rolled_back(&machine, &report.run.unwrap());
        assert_eq!(list(), 0, "{rest}");
    }
    drop(running);
    applied(&machine, &desired(&format!("files: {{ a: {{ path: '{program}', ensure: absent }} }}")));
}

#[test]
fn long_paths() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let folder = format!(r"{FOLDER}\{}", ["a folder with a name of forty characters"; 9].join("\\"));
    let name = format!(r"{folder}\file.txt");
    assert!(folder.len() > 370);
    for content in ["content: one", "content: two", "ensure: absent"] {
        applied(&machine, &desired(&format!("files: {{ a: {{ path: '{name}', {content} }} }}")));
    }
    assert!(Path::new(&format!(r"\\?\{folder}")).exists() && !Path::new(&format!(r"\\?\{name}")).exists());
    std::fs::remove_dir_all(format!(r"\\?\{FOLDER}")).unwrap();
}

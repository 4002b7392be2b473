//! trueup.exe itself on the running machine: as somebody types it, and killed in the middle.

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

use std::io::BufRead as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use live::{FOLDER, RECORD, TEST, turn};
use windows_registry::LOCAL_MACHINE;

/// The program, beside which lies what it needs where a test runs.
fn trueup(arguments: &[&str]) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_trueup"));
    let beside = |path: &Path| path.parent().unwrap().join("bcryptprimitives.dll");
    // Wine lacks this part of Windows; whoever runs the tests there puts one beside each test.
    let (of_test, of_program) = (beside(&std::env::current_exe().unwrap()), beside(program));
    if of_test.exists() && !of_program.exists() {
        std::fs::copy(of_test, of_program).unwrap();
    }
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn ran(arguments: &[&str], code: i32) -> String {
    let output = trueup(arguments).output().unwrap();
    let told = told(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{told}");
    told
}

fn document(name: &str, text: &str) -> String {
    std::fs::create_dir_all(FOLDER).unwrap();
    let path = format!(r"{FOLDER}\{name}");
    std::fs::write(&path, text.replace("TEST", &format!(r"HKLM\{TEST}"))).unwrap();
    path
}

#[test]
fn plan_apply_drift_and_rollback() {
    let _turn = turn();
    let file = document("site.trueup.yaml", "version: 1\nregistry:\n  TEST\\Product: { values: { A: 1, B: x } }\n");
    ran(&["plan", &file, "--detailed-exitcode"], 2);
    ran(&["apply", &file], 4);
    ran(&["apply", &file, "--auto-approve"], 0);
    ran(&["plan", &file, "--detailed-exitcode"], 0);
    ran(&["drift", &file], 0);
    let key = LOCAL_MACHINE.options().read().write().open(format!(r"{TEST}\Product")).unwrap();
    key.set_u32("A", 2).unwrap();
    let drift = ran(&["drift", &file, "--event-log"], 2);
    assert!(drift.contains("drift"), "{drift}");
    ran(&["apply", &file, "--auto-approve"], 0);
    ran(&["rollback", "--auto-approve"], 0);
    assert_eq!(key.get_u32("A").unwrap(), 2);
}

/// What nobody has seen to work waits until that is accepted, and is looked at afterwards.
#[test]
fn what_is_unproven_is_asked_about() {
    let _turn = turn();
    let file = document(
        "ports.trueup.yaml",
        "version: 1\nports:\n  trueup-test: { port: 54321, allow: { profiles: domain } }\n",
    );
    let refused = ran(&["apply", &file, "--auto-approve"], 4);
    assert!(refused.contains("the firewall") && refused.contains("--accept-unproven"), "{refused}");
}

/// Killed at some moment, again and again: what is left is finished, or taken back, and then all is as asked.
#[test]
fn a_run_that_is_killed_is_finished_or_taken_back() {
    let _turn = turn();
    let values = |number: u32| {
        let keys = (0..40).map(|key| format!("  TEST\\K{key}: {{ values: {{ A: {number}, B: x }} }}\n"));
        let files =
            (0..20).map(|file| format!("  f{file}: {{ path: 'C:\\trueup test\\f{file}.txt', content: '{number}' }}\n"));
        format!("version: 1\nregistry:\n{}files:\n{}", keys.collect::<String>(), files.collect::<String>())
    };
    let [first, second] = [1, 2].map(|number| document(&format!("v{number}.trueup.yaml"), &values(number)));
    ran(&["apply", &first, "--auto-approve"], 0);
    let begun = Instant::now();
    ran(&["apply", &second, "--auto-approve"], 0);
    let usual = begun.elapsed();
    ran(&["apply", &first, "--auto-approve"], 0);
    let read = |key: u32| LOCAL_MACHINE.open(format!(r"{TEST}\K{key}")).unwrap().get_u32("A").unwrap();
    // Lines of all journals: the first comes before anything is made ready, the next ones right before the changes.
    let written = || -> usize {
        let journals = std::fs::read_dir(format!(r"{RECORD}\journal")).unwrap();
        journals.map(|journal| std::fs::read(journal.unwrap().path()).unwrap().lines().count()).sum()
    };
    let mut stopped = 0;
    for round in 0..12 {
        let lines = written() + if round % 4 == 0 { 1 } else { 2 };
        let mut run = trueup(&["apply", &second, "--auto-approve"]).stdout(Stdio::null()).spawn().unwrap();
        while written() < lines && run.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let wait = usual * (round * 5 % 12) / 48;
        std::thread::sleep(wait);
        run.kill().unwrap();
        run.wait().unwrap();
        let output = trueup(&["apply", &second, "--auto-approve"]).output().unwrap();
        if output.status.code() == Some(4) {
            stopped += 1;
            let how = if stopped % 2 == 0 { "--undo" } else { "--resume" };
            ran(&["apply", &second, how, "--auto-approve"], 0);
            let wanted = if how == "--undo" { 1 } else { 2 };
            for key in 0..40 {
                assert_eq!(read(key), wanted, "K{key} after {how}, killed {wait:?} after it began");
            }
            for file in 0..20 {
                let text = std::fs::read_to_string(format!(r"{FOLDER}\f{file}.txt")).unwrap();
                assert_eq!(text, wanted.to_string(), "f{file} after {how}");
            }
        } else {
            assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        }
        ran(&["plan", &second, "--detailed-exitcode"], if read(0) == 2 { 0 } else { 2 });
        ran(&["apply", &first, "--auto-approve"], 0);
        if stopped == 6 {
            break;
        }
    }
    assert!(stopped > 0, "no run was killed in the middle");
}

/// A scheduler that keeps what it is told, or an error: never a run that nothing would undo.
#[test]
fn a_run_that_is_to_be_confirmed_is_armed_or_refused() {
    let _turn = turn();
    let file = document("confirm.trueup.yaml", "version: 1\nregistry:\n  TEST\\Product: { values: { A: 1 } }\n");
    let output = trueup(&["apply", &file, "--auto-approve", "--confirm-within", "30m"]).output().unwrap();
    let told = told(&output);
    let is_there = LOCAL_MACHINE.open(format!(r"{TEST}\Product")).is_ok();
    if output.status.code() == Some(0) {
        assert!(is_there, "{told}");
        let confirmed = ran(&["confirm"], 0);
        assert!(confirmed.contains("is confirmed and stays"), "{confirmed}");
        ran(&["confirm"], 4);
    } else {
        assert!(!is_there && told.contains("undo"), "{told}");
    }
}

#[test]
fn drift_runs_are_scheduled_or_refused() {
    let _turn = turn();
    let file = document("drift.trueup.yaml", "version: 1\nregistry:\n  TEST: {}\n");
    let printed = ran(&["schedule", &file, "--every", "6h", "--print"], 0);
    assert!(printed.contains("<Interval>PT21600S</Interval>") && printed.contains("--event-log"), "{printed}");
    let output = trueup(&["schedule", &file, "--every", "6h", "--name", "trueup test"]).output().unwrap();
    if output.status.code() == Some(0) {
        let gone = ran(&["schedule", "--remove", "--name", "trueup test"], 0);
        assert!(gone.contains("is removed"), "{gone}");
        ran(&["schedule", "--remove", "--name", "trueup test"], 0);
    } else {
        assert!(told(&output).contains("task"), "{}", told(&output));
    }
}

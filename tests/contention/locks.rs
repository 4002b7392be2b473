//! Two runs at once, and what a killed one leaves.

use std::fmt::Write as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::transcript::sample_folder;
use crate::program::{Folder, Run};

const ROUNDS: usize = 20;
const LOCK: &str = "image/ProgramData/trueup/lock";
const SIDES: [&str; 2] = ["a", "b"];

/// Many values in both hives, all of them other ones in each document.
fn document(side: &str) -> String {
    let mut out = "version: 1\nregistry:\n".to_owned();
    for (hive, number) in ["SYSTEM", "SOFTWARE"].iter().flat_map(|hive| (0..150).map(move |number| (hive, number))) {
        let _ = writeln!(
            out,
            "  HKLM\\{hive}\\Load\\Key {number}:\n    values: {{ One: {side}, Two: {side} {number}, Three: [{side}] }}"
        );
    }
    out
}

fn folder() -> Folder {
    let folder = sample_folder();
    for side in SIDES {
        folder.write(&format!("{side}.yaml"), document(side));
    }
    folder
}

fn arguments(side: &str) -> Vec<String> {
    ["apply", &format!("{side}.yaml"), "-m", "image:image", "--auto-approve"].map(str::to_owned).into()
}

fn apply(folder: &Folder, side: &str, more: &[&str]) -> Run {
    let arguments = arguments(side);
    folder.run(&arguments.iter().map(String::as_str).chain(more.iter().copied()).collect::<Vec<_>>())
}

fn start(folder: &Folder, side: &str) -> Child {
    folder.command(&arguments(side)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Whether the machine is what the document says, all of it.
fn is_at(folder: &Folder, side: &str) -> bool {
    folder.run(&["plan", &format!("{side}.yaml"), "-m", "image:image", "--detailed-exitcode"]).code == 0
}

fn journals(folder: &Folder) -> usize {
    std::fs::read_dir(folder.path("image/ProgramData/trueup/journal")).unwrap().count()
}

#[test]
fn of_two_at_once_one_goes_first() {
    let folder = folder();
    let mut locked = 0;
    for round in 0..ROUNDS {
        let before: Vec<_> = SIDES.into_iter().filter(|side| is_at(&folder, side)).collect();
        let children = SIDES.map(|side| start(&folder, side));
        let owners = children.each_ref().map(|child| format!("(process {})", child.id()));
        let runs = children.map(|child| Run::of(&child.wait_with_output().unwrap()));
        for (place, run) in runs.iter().enumerate() {
            match run.code {
                0 => {}
                4 if run.stderr.contains("another run is at work on this machine") => {
                    let other = &owners[1 - place];
                    assert!(run.stderr.contains(other.as_str()), "it names {other}: {}", run.stderr);
                    assert!(run.stderr.contains("hint: wait for the other run to end"), "{}", run.stderr);
                    locked += 1;
                }
                4 if run.stderr.contains("no longer what the plan was made for") => {}
                _ => panic!("round {round}: {run:?}"),
            }
        }
        assert!(runs.iter().any(|run| run.code == 0), "one of them wins: {runs:?}");
        let at: Vec<_> = SIDES.into_iter().filter(|side| is_at(&folder, side)).collect();
        assert_eq!(at.len(), 1, "round {round}, from {before:?}: the machine is what one document says");
        for (side, run) in SIDES.iter().zip(&runs).filter(|(_, run)| run.code == 4) {
            apply(&folder, side, &[]).exits(0);
            assert!(is_at(&folder, side), "round {round}: {run:?}");
        }
        // The next round begins where neither document has been reached.
        super::transcript::meddle(&folder, super::transcript::SYSTEM, &["Load", "Key 7"], "One", 1, b"x\0\0\0");
    }
    println!("{locked} of {ROUNDS} met the lock");
    assert!(locked > 0, "two at once meet at the lock");
}

#[test]
fn what_a_killed_run_leaves_is_told_from_a_run_at_work() {
    let folder = folder();
    let begun = Instant::now();
    apply(&folder, "a", &[]).exits(0);
    let usual = begun.elapsed();
    assert_eq!(folder.text(LOCK), "", "whoever gives the lock back empties it");
    let mut open = 0;
    for round in 0..10 {
        let (here, there) = if is_at(&folder, "a") { ("a", "b") } else { ("b", "a") };
        let mut child = start(&folder, there);
        let begun = Instant::now();
        let runs = journals(&folder);
        while journals(&folder) == runs && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_micros(100));
        }
        std::thread::sleep(usual * round / 20);
        child.kill().unwrap();
        child.wait().unwrap();
        let left = folder.text(LOCK);
        // Nobody is at work: a name in the file says only who was.
        let next = apply(&folder, there, &[]);
        assert!(!next.stderr.contains("another run is at work"), "{}", next.stderr);
        if next.code == 4 {
            open += 1;
            assert!(!left.is_empty());
            let hint = "hint: apply again with --resume to finish it first, or with --undo to take it back";
            let next = next.notes(&["stopped before its end", hint]);
            assert!(next.stderr.contains(&left), "{left} stopped: {}", next.stderr);
            if round % 2 == 0 {
                apply(&folder, there, &["--resume"]).exits(0);
                assert!(is_at(&folder, there));
            } else {
                folder.run(&["apply", "--undo", "-m", "image:image", "--auto-approve"]).exits(0);
                assert!(is_at(&folder, here));
            }
            apply(&folder, there, &[]).exits(0);
        } else {
            next.exits(0);
        }
        assert!(is_at(&folder, there), "round {round}");
        assert_eq!(folder.text(LOCK), "");
    }
    assert!(open > 0, "some of them stopped midway");
    println!("{open} of 10 had to be finished or undone");
}

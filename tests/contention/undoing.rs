//! A run that stopped, whose undoing stopped too, after any of its writes.

use std::process::Command;

use trueup::apply::{
    ApplyError, ApplyOptions, Basis, DocumentBasis, OnFailure, Progress, Purpose, RollbackBasis, apply, done_steps,
    unfinished,
};
use trueup::document::{FileReader, LoadOptions, ReadError, load};
use trueup::machine::NoSecrets;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::image::{DirtyHives, ImageMachine};
use trueup::plan::PlanOptions;

use super::transcript::sample_folder;
use crate::program::{AS_OF, Folder, Run};

const DOCUMENT: &str = "version: 1
registry:
  HKLM\\SYSTEM\\CurrentControlSet\\Services\\HTTP\\Parameters: { values: { MaxRequestBytes: 0x8000 } }
  HKLM\\SOFTWARE\\Vendor: { values: { Server: a.corp.example } }
";

struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _: &'static str, _: usize) {}
}

struct One;

impl FileReader for One {
    fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        Ok(DOCUMENT.into())
    }
}

fn open(folder: &Folder) -> ImageMachine {
    ImageMachine::open(&folder.path("image"), DirtyHives::Refuse).unwrap()
}

/// Plans and applies, and stops after the `at`-th write; whether it did.
fn stops(machine: &ImageMachine, basis: &dyn Basis, at: usize) -> bool {
    let facts = basis.facts(machine, &NoSecrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    let options = ApplyOptions {
        on_failure: OnFailure::Rollback,
        ..ApplyOptions::new("somebody", AS_OF.parse().unwrap(), &NoSecrets)
    };
    match apply(&FaultyMachine::new(machine, Fault::StopAfter, at), basis, &plan, &facts, &options, &mut Silent) {
        Ok(_) => false,
        Err(ApplyError::Write(_)) => true,
        Err(error) => panic!("{error}"),
    }
}

fn copy(folder: &Folder) -> Folder {
    let copy = Folder::new();
    let copied = Command::new("cp").arg("-a").arg(folder.path(".")).arg(copy.path("")).status().unwrap();
    assert!(copied.success());
    copy
}

/// What the document still asks for, without the times of keys that were written and written back.
fn plan(folder: &Folder) -> String {
    let text = folder.run(&["plan", "site.yaml", "-m", "image:image", "--as-of", AS_OF]).exits(0).stdout;
    text.lines().map(|line| line.split("  last written").next().unwrap_or_default().to_owned() + "\n").collect()
}

fn recover(folder: &Folder, command: &[&str]) -> Run {
    folder.run(&[command, &["-m", "image:image", "--auto-approve"]].concat())
}

#[test]
fn an_undoing_that_stopped_is_gone_on_with() {
    let options = PlanOptions::at(AS_OF.parse().unwrap());
    let desired = load(&mut One, &["site.yaml".to_owned()], &LoadOptions::default()).unwrap().desired;
    let basis = DocumentBasis { desired: &desired, options };
    let start = sample_folder();
    start.write("site.yaml", DOCUMENT);
    let wanted = plan(&start);
    // The run stops when its hives are written and nothing tells so.
    let stopped = (1..).map(|at| {
        let folder = copy(&start);
        assert!(stops(&open(&folder), &basis, at));
        folder
    });
    let is_written = |folder: &Folder| {
        let machine = open(folder);
        unfinished(&machine).unwrap().is_some_and(|run| !done_steps(&machine, &run).done_or_unknown().is_empty())
    };
    let stopped = stopped.into_iter().find(is_written).unwrap();

    let mut stops_of_undoing = 0;
    for at in 1.. {
        let folder = copy(&stopped);
        let machine = open(&folder);
        let run = unfinished(&machine).unwrap().unwrap();
        let purpose = Purpose::Undo { of: run.beginning.run.clone() };
        let steps = done_steps(&machine, &run).done_or_unknown();
        if !stops(&machine, &RollbackBasis { run: &run, steps: &steps, purpose, options }, at) {
            break;
        }
        stops_of_undoing += 1;
        drop(machine);
        for command in [&["apply", "--undo"][..], &["rollback"]] {
            let folder = copy(&folder);
            let ended = recover(&folder, command);
            // The last write may have been its end.
            assert!(ended.code == 0 || ended.stderr.contains("no run"), "stopped after write {at}: {}", ended.stderr);
            assert_eq!(plan(&folder), wanted, "stopped after write {at}, then {command:?}");
            let told = folder.run(&["history", "-m", "image:image"]).exits(0).stdout;
            assert!(!told.contains("STOPPED"), "stopped after write {at}, then {command:?}: {told}");
        }
        let folder = copy(&folder);
        recover(&folder, &["apply", "site.yaml", "--resume"]).exits(0);
        folder.run(&["plan", "site.yaml", "-m", "image:image", "--detailed-exitcode"]).exits(0);
    }
    assert!(stops_of_undoing > 5, "{stops_of_undoing}");
}

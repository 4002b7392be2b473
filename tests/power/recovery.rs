//! The power fails while a run that stopped is finished or undone; and a process is killed first, and the power fails later.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use trueup::apply::{Purpose, RunState, read_journal, unfinished};

use super::disk::{PowerDisk, When};
use super::run::{Ends, ends, is_committed, reached, run_until};
use super::volume::losses;
use super::world::{HIVES, Left, bytes, copy, finish, image, journals, on_real_disk, open, print_of, run, undo};

/// Every so many steps of a recovery the power fails.
const STRIDE: usize = 3;
const CHOICES: u64 = 3;

/// The step of an undisturbed run that fits, by what it does.
fn step_of(left: Left, ends: &Ends, fits: impl Fn(&str) -> bool) -> usize {
    let (_folder, disk, _) = run_until(left, ends.steps + 1, When::Before);
    disk.steps().iter().position(|step| fits(step)).expect("the run has such a step") + 1
}

fn renames(hive: &str) -> impl Fn(&str) -> bool {
    let end = format!("to {hive}");
    move |step| step.starts_with("rename") && step.ends_with(&end)
}

/// Volumes with a run that stopped: nothing replaced, one hive, both, and the record too.
fn stopped(left: Left, ends: &Ends) -> Vec<(TempDir, &'static str)> {
    let cuts =
        [("SYSTEM", When::Before), ("SOFTWARE", When::Before), ("SOFTWARE", When::After), ("record.json", When::After)];
    let volumes = cuts.map(|(name, side)| {
        let (folder, disk, _) = run_until(left, step_of(left, ends, renames(name)), side);
        drop(folder);
        (disk.everything_arrived(), name)
    });
    for (folder, name) in &volumes {
        assert!(unfinished(&on_real_disk(folder.path())).unwrap().is_some(), "{name}");
    }
    volumes.into()
}

type Recovery = fn(&trueup::machine::image::ImageMachine) -> Result<(), String>;

const FINISH: Recovery = |machine| finish(machine).map(|_| ());
const UNDO: Recovery = |machine| undo(machine).map(|_| ());

/// Cuts a recovery, and gives each folder that may be left to `look`.
fn cut(folder: &Path, recovery: Recovery, mut look: impl FnMut(&Path, &str)) {
    let mut seen = HashSet::new();
    let whole = copy(folder);
    let disk = PowerDisk::of(whole.path());
    recovery(&open(whole.path(), disk.clone())).unwrap();
    let count = disk.steps().len();
    for step in (1..=count).step_by(STRIDE) {
        let folder = copy(folder);
        let disk = PowerDisk::of(folder.path());
        let side = if step % 2 == 0 { When::Before } else { When::After };
        disk.cut_at(step, side);
        let told = recovery(&open(folder.path(), disk.clone()));
        for after in losses(&disk, 0..CHOICES).filter(|after| seen.insert(print_of(after.path()))) {
            let last = disk.steps().last().cloned().unwrap_or_default();
            look(after.path(), &format!("cut {side:?} step {step} of {count} ({last}), told {told:?}"));
        }
    }
}

fn recovers(left: Left) {
    let ends = ends(left);
    let mut cuts = 0;
    for (folder, name) in stopped(left, &ends) {
        cut(folder.path(), FINISH, |after, context| {
            cuts += 1;
            let context = format!("stopped at {name}, finishing {context}");
            committed_is_there(after, &ends, &context);
            let (first, second) = (copy(after), copy(after));
            FINISH(&on_real_disk(first.path())).unwrap_or_else(|error| panic!("{context}: {error}"));
            reached(first.path(), &ends.after, "finished").unwrap_or_else(|error| panic!("{context}: {error}"));
            if undo(&on_real_disk(second.path())).unwrap_or_else(|error| panic!("{context}: {error}")).is_some() {
                reached(second.path(), &ends.before, "undone").unwrap_or_else(|error| panic!("{context}: {error}"));
            } else {
                reached(second.path(), &ends.after, "ended").unwrap_or_else(|error| panic!("{context}: {error}"));
            }
        });
        cut(folder.path(), UNDO, |after, context| {
            cuts += 1;
            let context = format!("stopped at {name}, undoing {context}");
            let (first, second) = (copy(after), copy(after));
            UNDO(&on_real_disk(first.path())).unwrap_or_else(|error| panic!("{context}: {error}"));
            reached(first.path(), &ends.before, "undone").unwrap_or_else(|error| panic!("{context}: {error}"));
            // What is open is either the run itself, or its undoing, which leads back when it is finished.
            let open = unfinished(&on_real_disk(second.path())).unwrap();
            let leads_back = open.is_none_or(|open| matches!(open.beginning.purpose, Purpose::Undo { .. }));
            FINISH(&on_real_disk(second.path())).unwrap_or_else(|error| panic!("{context}: {error}"));
            let end = if leads_back { &ends.before } else { &ends.after };
            reached(second.path(), end, "finished").unwrap_or_else(|error| panic!("{context}: {error}"));
        });
    }
    println!("{left:?}: {cuts} folders");
}

/// What any journal tells as committed is there.
fn committed_is_there(folder: &Path, ends: &Ends, context: &str) {
    let found = bytes(folder);
    let run = read_journal(journals(folder).last().unwrap()).unwrap();
    if is_committed(&run) || matches!(run.state, RunState::Ended(_)) {
        for hive in HIVES {
            assert!(found[hive] == ends.after.bytes[hive], "{context}: committed, and {hive} is not there");
        }
    }
}

#[test]
fn a_recovery_survives_the_loss_of_power() {
    recovers(Left::Clean);
}

#[test]
fn a_recovery_on_a_hive_with_a_log_to_replay_survives_the_loss_of_power() {
    recovers(Left::Dirty);
}

/// The process is killed when a hive was renamed into place and its folder was not synchronised: the system goes on and shows
/// the new hive. The next process finds it there and must not tell it as committed before it is durable.
#[test]
fn what_a_killed_process_renamed_is_durable_before_it_is_told_as_committed() {
    let ends = ends(Left::Clean);
    let (mut lost, mut seen) = (0, HashSet::new());
    for (hive, recovery, is_finish) in HIVES.iter().flat_map(|hive| [(hive, FINISH, true), (hive, UNDO, false)]) {
        let name = hive.rsplit('/').next().unwrap();
        let rename = step_of(Left::Clean, &ends, renames(name));
        let killed = || {
            let folder = image(Left::Clean);
            let disk = PowerDisk::of(folder.path());
            disk.cut_at(rename, When::After);
            run(&open(folder.path(), disk.clone())).unwrap_err();
            disk.go_on();
            (folder, disk)
        };
        let (folder, disk): (TempDir, Arc<PowerDisk>) = killed();
        assert_eq!(bytes(folder.path())[hive], ends.after.bytes[hive]);
        lost += losses(&disk, 0..20).filter(|after| bytes(after.path())[hive] != ends.after.bytes[hive]).count();
        recovery(&open(folder.path(), disk.clone())).unwrap();
        for step in (1..=disk.steps().len()).step_by(2) {
            let (folder, disk) = killed();
            disk.cut_at(step, When::After);
            let _ = recovery(&open(folder.path(), disk.clone()));
            for after in losses(&disk, 0..CHOICES).filter(|after| seen.insert(print_of(after.path()))) {
                let context = format!("killed at {name}, then cut after step {step}: {:?}", disk.steps().last());
                if is_finish {
                    committed_is_there(after.path(), &ends, &context);
                }
                let (first, second) = (copy(after.path()), copy(after.path()));
                UNDO(&on_real_disk(first.path())).unwrap_or_else(|error| panic!("{context}: {error}"));
                FINISH(&on_real_disk(second.path())).unwrap_or_else(|error| panic!("{context}: {error}"));
                for folder in [first.path(), second.path()] {
                    let at = |end| reached(folder, end, "recovered");
                    at(&ends.before).or_else(|_| at(&ends.after)).unwrap_or_else(|error| panic!("{context}: {error}"));
                }
            }
        }
    }
    assert!(lost > 0, "without the folder's sync a rename may be lost");
}

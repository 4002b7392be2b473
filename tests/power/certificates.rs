//! A run about certificates and files, its power cut at each step: every file is the old or the new one in whole, no key is
//! open to others at any moment, and the run can be finished and can be undone.
//!
//! One run that is watched shows what a cut on either side of any step may leave. After every step it is looked at what is left
//! when nothing arrives and when everything does; after every [`STRIDE`]th, a few random choices besides.

mod estate;

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use trueup::apply::{CommitState, JournalError, JournalRun, Purpose, RunState, past_run, read_journal, unfinished};
use trueup::machine::Machine as _;

use self::estate::{End, File, Tree, estate, is_good, is_secret, run, second};
use super::disk::{PowerDisk, Still, When, seeded};
use super::full::full;
use super::world::{
    HIVES, bytes, content, copy, finish_with, journals, on_real_disk, open, print_of, record, take_back, undo_with,
};

/// After every so many steps random choices are looked at, and so many of them.
const STRIDE: usize = 3;
const CHOICES: u64 = 4;

/// The two ends of a run.
struct Ends {
    before: End,
    after: End,
}

/// What a loss left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    new: usize,
    old: usize,
    state: Option<RunState>,
}

impl Ends {
    /// Files and hives that are new, and those that are old; an error where one is neither, or open to others.
    fn count(&self, folder: &Path) -> Result<(usize, usize), String> {
        let found = Tree::of(folder);
        let (before, after) = (&self.before.tree, &self.after.tree);
        let (mut new, mut old) = (0, 0);
        let mut tell = |is_old: bool, is_new: bool, what: &dyn Fn() -> String| {
            match (is_old, is_new) {
                (true, true) => {}
                (true, false) => old += 1,
                (false, true) => new += 1,
                (false, false) => return Err(format!("{} is neither old nor new", what())),
            }
            Ok(())
        };
        let paths = [before, after, &found].map(|tree| tree.files.keys());
        for path in paths.into_iter().flatten().collect::<BTreeSet<_>>() {
            let it = found.files.get(path);
            tell(it == before.files.get(path), it == after.files.get(path), &|| {
                format!("{} ({it:?})", path.display())
            })?;
        }
        let folders = [before, after, &found].map(|tree| &tree.folders);
        for folder in folders.into_iter().flatten().collect::<BTreeSet<_>>() {
            let it = found.folders.contains(folder);
            let is = |tree: &Tree| it == tree.folders.contains(folder);
            tell(is(before), is(after), &|| format!("the folder {}", folder.display()))?;
        }
        let hives = bytes(folder);
        for hive in HIVES {
            tell(hives[hive] == self.before.hives[hive], hives[hive] == self.after.hives[hive], &|| hive.into())?;
        }
        // Each hive passes the check.
        content(folder);
        let is_open = |file: &File| file.0 & 0o077 != 0;
        if let Some((path, file)) = found.own.iter().find(|(_, file)| is_open(file)) {
            return Err(format!("{} is open to others: {:o}", path.display(), file.0));
        }
        let is_public = |file: &File| {
            let mut files = before.files.iter().chain(&after.files).filter(|(path, _)| !is_secret(path));
            let is_hive = || HIVES.iter().any(|hive| is_torn(&file.1, &self.after.hives[*hive]));
            files.any(|(_, whole)| is_torn(&file.1, &whole.1)) || is_hive()
        };
        match found.temporary.iter().find(|(_, file)| is_open(file) && !is_public(file)) {
            Some((path, file)) => Err(format!("{} is open to others: {:o}", path.display(), file.0)),
            None => Ok((new, old)),
        }
    }

    /// What has to hold whatever arrived: the journal tells of a run before anything is new.
    fn look(&self, folder: &Path, runs: usize) -> Result<Seen, String> {
        let seen = self.told(folder, runs)?;
        match seen.state {
            None | Some(RunState::Untouched) if seen.new > 0 => Err(format!("untold: {seen:?}")),
            _ => Ok(seen),
        }
    }

    /// Nothing is torn or open to others, and what the journal tells as committed is there.
    fn told(&self, folder: &Path, runs: usize) -> Result<Seen, String> {
        let (new, old) = self.count(folder)?;
        let found = journals(folder);
        let run = match found.get(runs..).unwrap_or_default() {
            [] => None,
            [journal] => match read_journal(journal) {
                Ok(run) => Some(run),
                Err(JournalError::Empty) => None,
                Err(error) => return Err(format!("{error}, and {new} are new")),
            },
            more => return Err(format!("{} journals of one run", more.len())),
        };
        let state = run.as_ref().map(|run| run.state);
        match state {
            _ if run.as_ref().is_some_and(is_committed) && old > 0 => Err(format!("committed, and {old} are old")),
            Some(RunState::Ended(_)) if old > 0 => Err(format!("ended, and {old} are old")),
            Some(RunState::Ended(_)) if record(folder) != self.after.record => {
                Err("ended, and the record is old".into())
            }
            _ => Ok(Seen { new, old, state }),
        }
    }

    fn finishes(&self, folder: &Path, seen: Seen) -> Result<(), String> {
        let machine = on_real_disk(folder);
        match finish_with(&machine, &second())? {
            Some(report) if !report.is_complete() => return Err(format!("{report:#?}")),
            Some(_) => self.after.is_finished(folder)?,
            None if seen.state == Some(RunState::Unfinished) => return Err("it is not known that a run stopped".into()),
            None => {
                let report = run(&machine).map_err(|error| error.to_string())?;
                if !report.is_complete() {
                    return Err(format!("the next run: {report:#?}"));
                }
            }
        }
        is_good(folder)
    }

    fn undoes(&self, folder: &Path, seen: Seen) -> Result<(), String> {
        let machine = on_real_disk(folder);
        match (undo_with(&machine, &second())?, seen.state) {
            (None, Some(RunState::Unfinished)) => return Err("it is not known that a run stopped".into()),
            (None, Some(RunState::Ended(_))) => {
                self.after.is_reached(folder)?;
                let name = machine.runs().unwrap().pop().unwrap();
                let past = past_run(&machine, &name).unwrap();
                take_back(&machine, &past, Purpose::Rollback { of: name })?;
            }
            (None, _) => return self.before.is_reached(folder),
            (Some(_), _) => {}
        }
        self.before.is_undone(folder)?;
        match Tree::of(folder).made() {
            0 => Ok(()),
            made => Err(format!("{made} files of what was made are left")),
        }
    }
}

/// Whether bytes may be what is left of a whole when some of it did not arrive.
fn is_torn(found: &[u8], whole: &[u8]) -> bool {
    found.len() <= whole.len() && found.iter().zip(whole).all(|(found, whole)| found == whole || *found == 0)
}

fn is_committed(run: &JournalRun) -> bool {
    run.commits.last().is_some_and(|(_, state)| *state == CommitState::Known)
}

/// Tells folders apart by what is in them and who may read it.
fn print(folder: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    print_of(folder).hash(&mut hasher);
    let tree = Tree::of(folder);
    tree.folders.hash(&mut hasher);
    for (path, (mode, _)) in tree.files.iter().chain(&tree.own) {
        (path, mode).hash(&mut hasher);
    }
    hasher.finish()
}

/// The run under test, watched; how many journals there were before it.
struct Watched {
    ends: Ends,
    stills: Vec<Still>,
    steps: Vec<String>,
    runs: usize,
}

fn watched() -> Watched {
    let folder = estate();
    let before = End::of(folder.path());
    let runs = journals(folder.path()).len();
    let disk = PowerDisk::of(folder.path());
    disk.watch();
    let report = run(&open(folder.path(), disk.clone())).unwrap();
    assert!(report.is_complete(), "{report:#?}");
    is_good(folder.path()).unwrap();
    let after = End::of(folder.path());
    Watched { ends: Ends { before, after }, stills: disk.stills(), steps: disk.steps(), runs }
}

fn losses(still: &Still, seeds: std::ops::Range<u64>) -> impl Iterator<Item = TempDir> {
    let extremes = [still.nothing_arrived(), still.everything_arrived()];
    extremes.into_iter().chain(seeds.map(|seed| still.after_power_loss(&mut seeded(seed))))
}

#[test]
fn a_run_about_certificates_survives_the_loss_of_power_at_every_step() {
    let Watched { ends, stills, steps, runs } = watched();
    assert_eq!(stills.len(), steps.len() + 1);
    let (mut seen, mut count) = (HashMap::new(), 0);
    for (step, still) in stills.iter().enumerate() {
        let first = step as u64 * CHOICES;
        let choices = if step % STRIDE == 0 { CHOICES } else { 0 };
        for (number, folder) in losses(still, first..first + choices).enumerate() {
            count += 1;
            seen.entry(print(folder.path())).or_insert_with(|| {
                let context = || {
                    let done = step.checked_sub(1).map_or("nothing", |last| &steps[last]);
                    format!("after step {step} of {} ({done}), loss {number}", steps.len())
                };
                let fail = |error: String| panic!("{}: {error}", context());
                let seen = ends.look(folder.path(), runs).unwrap_or_else(fail);
                let finished = copy(folder.path());
                ends.finishes(finished.path(), seen)
                    .unwrap_or_else(|error| panic!("{}: to finish: {error}", context()));
                ends.undoes(folder.path(), seen).unwrap_or_else(|error| panic!("{}: to undo: {error}", context()));
                seen
            });
        }
    }
    // The cuts met every state there is: all between nothing and everything of what was replaced, one after the other.
    let whole = ends.look(stills[steps.len()].everything_arrived().path(), runs).unwrap();
    let unfinished = |new| seen.values().any(|seen| seen.new == new && seen.state == Some(RunState::Unfinished));
    assert!((0..=whole.new).all(unfinished), "{whole:?}");
    assert!(seen.values().any(|seen| seen.state.is_none()));
    assert!(seen.values().any(|seen| seen.state == Some(RunState::Untouched)));
    assert!(seen.values().any(|seen| matches!(seen.state, Some(RunState::Ended { .. }))));
    println!("{} steps, {} parts, {count} losses, {} different folders", steps.len(), whole.new, seen.len());
}

/// A run whose process is killed at a step: another one goes on with the disk as it is.
fn killed(step: usize, side: When) -> (TempDir, Arc<PowerDisk>) {
    let folder = estate();
    let disk = PowerDisk::of(folder.path());
    disk.cut_at(step, side);
    let result = run(&open(folder.path(), disk.clone()));
    assert!(result.is_err(), "{result:?}");
    disk.go_on();
    (folder, disk)
}

/// Looks at what may be left when nothing arrives, wherever a step made that another than before, and at a random choice after some steps;
/// how many losses those were.
fn looks(disk: &PowerDisk, stills: &[Still], look: impl Fn(&Path) -> Result<Seen, String>, context: &str) -> usize {
    let (steps, mut count) = (disk.steps(), 0);
    for (at, still) in stills.iter().enumerate() {
        let is_durable = at.checked_sub(1).is_none_or(|last| steps[last].starts_with("sync"));
        let nothing = is_durable.then(|| still.nothing_arrived());
        let chosen = (at % STRIDE == 0).then(|| still.after_power_loss(&mut seeded(at as u64)));
        for lost in nothing.into_iter().chain(chosen) {
            count += 1;
            look(lost.path()).unwrap_or_else(|error| panic!("{context}, then cut after step {at}: {error}"));
        }
    }
    count
}

/// The steps, counted from 1, that change a name after the journal has told of all that is to come, the record's new name the last.
fn changes(steps: &[String]) -> Vec<usize> {
    let renames = |step: &String, name: &str| step.starts_with("rename") && step.ends_with(name);
    // What was made is kept before the journal is told.
    let first = steps.iter().position(|step| renames(step, ".json")).unwrap() + 1;
    let last = steps.iter().position(|step| renames(step, "to record.json")).unwrap();
    let is_change = |step: &String| ["rename", "remove", "make folder"].iter().any(|start| step.starts_with(start));
    (first..=last).filter(|at| is_change(&steps[*at])).map(|at| at + 1).collect()
}

#[test]
fn a_kill_before_the_first_file_of_a_new_folder_has_its_name_can_be_undone() {
    let before = End::of(estate().path());
    let Watched { steps, .. } = watched();
    let names = |step: &String| step.starts_with("rename") && step.ends_with("to it.cer");
    let (folder, _) = killed(steps.iter().position(names).unwrap() + 1, When::Before);
    let tree = Tree::of(folder.path());
    let is_inside = |path: &PathBuf| path.starts_with("new/leaf");
    assert!(tree.temporary.keys().any(is_inside) && !tree.files.keys().any(is_inside));
    undo_with(&on_real_disk(folder.path()), &second()).unwrap().unwrap();
    before.is_undone(folder.path()).unwrap();
}

/// The process is killed when a name was changed and its folder was not synchronised: the system goes on and shows the new name. The
/// next process finds it so and must not tell it as committed before it is durable.
#[test]
fn what_a_killed_process_changed_is_durable_before_it_is_told_as_committed() {
    let Watched { steps, runs, .. } = watched();
    let (mut kills, mut count) = (0, 0);
    for step in changes(&steps) {
        kills += 1;
        let (folder, disk) = killed(step, When::After);
        disk.watch();
        finish_with(&open(folder.path(), disk.clone()), &second()).unwrap().unwrap();
        is_good(folder.path()).unwrap();
        let ends = Ends { before: End::of(estate().path()), after: End::of(folder.path()) };
        count += looks(
            &disk,
            &disk.stills(),
            |lost| ends.look(lost, runs),
            &format!("killed at {step}: {}", steps[step - 1]),
        );
    }
    println!("{kills} kills, {count} losses");
}

/// The same where the run is undone, for every second of those steps: what the undoing tells as taken back is taken back, and where
/// the power fails before that, it can be undone after all.
#[test]
fn what_is_undone_after_a_kill_is_durable_before_it_is_told_as_committed() {
    let Watched { ends: Ends { before, .. }, steps, runs, .. } = watched();
    let (mut kills, mut count) = (0, 0);
    // A hive that is written again is neither the old nor the new one: those are looked at in `recovery`. A key that was closed stays closed.
    let apart = steps.iter().rposition(|step| step.ends_with("to it.key")).unwrap() + 1;
    let is_else = |step: &usize| {
        let ends = ["to SYSTEM", "to SOFTWARE", "to record.json"];
        *step == apart || ends.iter().any(|end| steps[*step - 1].ends_with(end))
    };
    for step in changes(&steps).into_iter().filter(|step| !is_else(step)).step_by(2) {
        kills += 1;
        let context = format!("killed at {step}: {}", steps[step - 1]);
        let (folder, disk) = killed(step, When::After);
        let found = End::of(folder.path());
        disk.watch();
        undo_with(&open(folder.path(), disk.clone()), &second()).unwrap().unwrap();
        before.is_undone(folder.path()).unwrap_or_else(|error| panic!("{context}: {error}"));
        let ends = Ends { before: found, after: End::of(folder.path()) };
        let stills = disk.stills();
        count += looks(&disk, &stills, |lost| ends.told(lost, runs + 1), &context);
        // Another one for each kill.
        let lost = stills[(kills * STRIDE) % stills.len()].nothing_arrived();
        let open =
            undo_with(&on_real_disk(lost.path()), &second()).unwrap_or_else(|error| panic!("{context}: {error}"));
        before.is_undone(lost.path()).unwrap_or_else(|error| panic!("{context}, undoing {open:?} again: {error}"));
    }
    println!("{kills} kills, {count} losses");
}

/// A disk that is full while a run is undone: the undoing is told as failed, or did not begin; the run can still be finished, its keys are not
/// forgotten, and it can still be undone.
#[test]
fn a_run_whose_undoing_failed_can_still_be_finished() {
    let Watched { ends: Ends { before, .. }, steps, .. } = watched();
    let hive = steps.iter().position(|step| step.starts_with("make folder new")).unwrap() + 1;
    let (folder, _) = killed(hive, When::Before);
    let never = full(usize::MAX, 0);
    undo_with(&open(copy(folder.path()).path(), never.clone()), &second()).unwrap().unwrap();
    let mut open_again = 0;
    for at in 1..=never.seen() {
        let undone = copy(folder.path());
        let told = undo_with(&open(undone.path(), full(at, 1)), &second());
        let context = format!("full at step {at} of {}: {told:?}", never.seen());
        let Some(run) = unfinished(&on_real_disk(undone.path())).unwrap() else { continue };
        let finished = copy(undone.path());
        undo_with(&on_real_disk(undone.path()), &second()).unwrap_or_else(|error| panic!("{context}: {error}"));
        before.is_undone(undone.path()).unwrap_or_else(|error| panic!("{context}: {error}"));
        finish_with(&on_real_disk(finished.path()), &second()).unwrap_or_else(|error| panic!("{context}: {error}"));
        if run.beginning.purpose == Purpose::Apply {
            open_again += 1;
            is_good(finished.path()).unwrap_or_else(|error| panic!("{context}: {error}"));
        }
    }
    println!("{open_again} of {}", never.seen());
    assert!(open_again > 0);
}

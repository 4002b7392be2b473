//! A whole run on an image, with the power cut at each of its steps: whatever arrived, every hive is the old or the new one in
//! whole, the journal knows of whatever is new, and the run can be finished and can be undone.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use trueup::apply::{ApplyReport, Basis as _, CommitState, JournalError, JournalRun, Purpose, RunState, read_journal};
use trueup::formats::regf;
use trueup::machine::Machine as _;
use trueup::model::operation::Operation;
use trueup::model::resource::ResourceId;

use super::disk::{PowerDisk, When};
use super::volume::{SIDES, losses};
use super::world::{
    Bytes, Content, HIVES, Left, RECORD, Tokens, basis, bytes, content, copy, differences, files, finish, image,
    journals, on_real_disk, open, print_of, record, run, undo,
};

/// How many random choices are looked at for each state of the disk.
const CHOICES: u64 = 12;

/// What a volume was before a run, and is after one that nothing disturbs.
pub struct Ends {
    pub before: End,
    pub after: End,
    /// The steps of the run, as its journal holds them.
    pub intents: Vec<(ResourceId, Operation)>,
    /// How many steps it takes on the disk.
    pub steps: usize,
}

pub struct End {
    pub folder: TempDir,
    pub bytes: Bytes,
    pub content: Content,
    pub record: String,
}

impl End {
    fn of(folder: TempDir) -> Self {
        let path = folder.path();
        Self { bytes: bytes(path), content: content(path), record: record(path), folder }
    }

    pub fn is_content_of(&self, folder: &Path) -> Result<(), String> {
        let found = content(folder);
        let differences = differences(&found, &self.content);
        if differences.is_empty() { Ok(()) } else { Err(format!("the hives differ: {differences:?}")) }
    }
}

pub fn ends(left: Left) -> Ends {
    let before = End::of(image(left));
    let folder = image(left);
    let disk = PowerDisk::of(folder.path());
    let machine = open(folder.path(), disk.clone());
    let facts = basis().facts(&machine, &Tokens).unwrap();
    let plan = basis().plan(&facts).unwrap();
    let decisions = plan.decisions.iter();
    let intents = decisions.flat_map(|one| one.operations().iter().map(|step| (one.id.clone(), step.clone())));
    let intents: Vec<_> = intents.collect();
    assert!(intents.len() >= 14, "{}", intents.len());
    let report = run(&machine).expect("nothing disturbs it");
    assert_eq!((report.failed(), report.skipped(), report.remaining_operations), (0, 0, 0), "{report:?}");
    drop(machine);
    let after = End::of(folder);
    for hive in HIVES {
        assert_ne!(before.bytes[hive], after.bytes[hive], "{hive}");
        assert_eq!(regf::check(&after.bytes[hive]).unwrap(), []);
    }
    assert_ne!(before.record, after.record);
    Ends { before, after, intents, steps: disk.steps().len() }
}

/// A run with a cord: the power fails at a step.
pub fn run_until(left: Left, step: usize, side: When) -> (TempDir, Arc<PowerDisk>, Result<ApplyReport, String>) {
    let folder = image(left);
    let disk = PowerDisk::of(folder.path());
    disk.cut_at(step, side);
    let result = run(&open(folder.path(), disk.clone()));
    (folder, disk, result.map_err(|error| error.to_string()))
}

/// What a loss left: how many hives are new, and what the journal says, if it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub new: usize,
    pub state: Option<RunState>,
}

/// What has to hold of a folder whatever arrived of a run: it is looked at, then finished in one copy and undone in another.
pub fn check_after_loss(folder: &Path, ends: &Ends) -> Result<Seen, String> {
    let seen = look(folder, ends)?;
    let is_open = seen.state == Some(RunState::Unfinished);
    finishes(copy(folder).path(), ends, is_open)?;
    undoes(copy(folder).path(), ends, is_open)?;
    Ok(seen)
}

fn look(folder: &Path, ends: &Ends) -> Result<Seen, String> {
    let found = bytes(folder);
    let is_new = |hive: &str| found[hive] == ends.after.bytes[hive];
    for hive in HIVES {
        if !is_new(hive) && found[hive] != ends.before.bytes[hive] {
            return Err(format!("{hive} is neither the old nor the new one: {:?}", regf::check(&found[hive])));
        }
    }
    let new = HIVES.iter().filter(|hive| is_new(hive)).count();
    untouched_elsewhere(folder, ends)?;
    let state = journal_is_true(folder, ends, new)?;
    let told = record(folder);
    if told != ends.before.record && told != ends.after.record {
        return Err(format!("the record is neither the old nor the new one: {told}"));
    }
    let machine = on_real_disk(folder);
    let key = machine.fingerprint_key().map_err(|error| error.to_string())?;
    if told == ends.after.record && key.is_none() {
        return Err("the record speaks of secrets, and their key is not there".into());
    }
    Ok(Seen { new, state })
}

/// Files that the run does not write are as they were; beside the hives lie temporary files at most.
fn untouched_elsewhere(folder: &Path, ends: &Ends) -> Result<(), String> {
    let mut now = files(folder);
    let is_log = |path: &Path| path.extension().is_some_and(|end| end == "LOG1" || end == "LOG2");
    for (path, then) in files(ends.before.folder.path()) {
        let found = now.remove(&path).ok_or_else(|| format!("{} is gone", path.display()))?;
        let is_hive = HIVES.iter().any(|hive| path == Path::new(hive));
        let is_own = path.starts_with(RECORD) && !path.starts_with(format!("{RECORD}/journal"));
        let is_emptied = is_log(&path) && found.is_empty();
        if found != then && !(is_hive || is_own || is_emptied) {
            return Err(format!("{} is not the run's to write", path.display()));
        }
    }
    let is_temporary = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with(".trueup-");
    match now.keys().find(|path| !path.starts_with(RECORD) && !is_temporary(path)) {
        Some(path) => Err(format!("{} is new", path.display())),
        None => Ok(()),
    }
}

/// Write-ahead: a hive is new only if the journal is there and holds every step; and the journal says what is so.
fn journal_is_true(folder: &Path, ends: &Ends, new: usize) -> Result<Option<RunState>, String> {
    let run = match &journals(folder)[..] {
        [_] => None,
        [_, journal] => match read_journal(journal) {
            Ok(run) => Some(run),
            Err(JournalError::Empty) => None,
            Err(error) => return Err(format!("{error}, and {new} hives are new")),
        },
        other => return Err(format!("{} journals of two runs", other.len())),
    };
    let Some(run) = run else {
        return if new == 0 { Ok(None) } else { Err(format!("{new} hives are new, and no journal tells of a run")) };
    };
    if !ends.intents.starts_with(&run.intents) || run.beginning.operations != ends.intents.len() {
        return Err("the journal's steps are not the plan's".into());
    }
    let is_whole = run.intents.len() == ends.intents.len();
    match run.state {
        RunState::Untouched if new > 0 => Err(format!("{new} hives are new, and the journal says untouched")),
        RunState::Unfinished if !is_whole => Err(format!("{} steps were written ahead", run.intents.len())),
        RunState::Unfinished if is_committed(&run) && new < HIVES.len() => {
            Err(format!("the journal says committed, and {new} hives are new"))
        }
        RunState::Ended { .. } if new < HIVES.len() => Err(format!("the run ended, and {new} hives are new")),
        RunState::Ended(ending) if ending.failed + ending.skipped + ending.undone > 0 || ending.done == 0 => {
            Err(format!("the run had nothing in its way: {ending:?}"))
        }
        state => Ok(Some(state)),
    }
}

pub fn is_committed(run: &JournalRun) -> bool {
    run.commits.last().is_some_and(|(_, state)| *state == CommitState::Known)
}

/// Where a run stopped, it is finished; where it ended or never began, the machine is exactly as it was after or before.
pub fn finishes(folder: &Path, ends: &Ends, is_open: bool) -> Result<(), String> {
    let machine = on_real_disk(folder);
    match finish(&machine)? {
        None if is_open => return Err("it is not known that a run stopped".into()),
        None => {
            let (found, told) = (bytes(folder), record(folder));
            let is = |end: &End| found == end.bytes && told == end.record;
            if !is(&ends.before) && !is(&ends.after) {
                return Err("nothing stopped, and the machine is neither as before nor as after".into());
            }
        }
        Some(report) if !report.is_complete() => return Err(format!("to finish: {report:?}")),
        Some(_) => reached(folder, &ends.after, "finished")?,
    }
    // Either way the next run comes to the end, and the one after it has nothing to do.
    let report = run(&machine).map_err(|error| format!("the next run: {error}"))?;
    if !report.is_complete() {
        return Err(format!("the next run: {report:?}"));
    }
    // The same clock and the same operations make the same bytes, however many runs they took.
    if bytes(folder) != ends.after.bytes {
        return Err("a hive is another one after the next run".into());
    }
    let facts = basis().facts(&machine, &Tokens).map_err(|error| error.to_string())?;
    let summary = basis().plan(&facts).map_err(|error| error.to_string())?.summary();
    if summary.unverifiable > 0 || run(&machine).map_err(|error| error.to_string())?.run.is_some() {
        return Err(format!("there is always something to do: {summary:?}"));
    }
    no_leftovers(folder, "finished", is_open)
}

/// Where a run stopped, it is undone.
pub fn undoes(folder: &Path, ends: &Ends, is_open: bool) -> Result<(), String> {
    let machine = on_real_disk(folder);
    let untouched: Vec<&str> =
        HIVES.into_iter().filter(|hive| bytes(folder)[hive] == ends.before.bytes[hive]).collect();
    match undo(&machine)? {
        None if is_open => Err("it is not known that a run stopped".into()),
        None => Ok(()),
        Some(_) => {
            reached(folder, &ends.before, "undone")?;
            match untouched.iter().find(|hive| bytes(folder)[**hive] != ends.before.bytes[**hive]) {
                Some(hive) => Err(format!("undone, {hive} was written anew although nothing of the run was in it")),
                None => Ok(()),
            }
        }
    }
}

/// What has to hold of a machine that was brought to one of its ends: nothing is open, every key is as it was there, and
/// so is the record.
pub fn reached(folder: &Path, end: &End, how: &str) -> Result<(), String> {
    end.is_content_of(folder).map_err(|error| format!("{how}, {error}"))?;
    if record(folder) != end.record {
        return Err(format!("{how}, the record is another one:\n{}\n{}", record(folder), end.record));
    }
    match finish(&on_real_disk(folder))? {
        None => Ok(()),
        Some(_) => Err(format!("{how}, a run was still open")),
    }
}

fn no_leftovers(folder: &Path, how: &str, is_open: bool) -> Result<(), String> {
    let config = files(&folder.join("Windows/System32/config"));
    match config.keys().find(|path| path.to_string_lossy().starts_with(".trueup-")) {
        // Only a write to the same folder removes them.
        Some(left) if !is_open => Err(format!("{how}, {} is left", left.display())),
        _ => Ok(()),
    }
}

fn survives(left: Left) {
    let ends = ends(left);
    // Many losses leave the same: each folder is looked at once.
    let mut seen = HashMap::new();
    for (step, side) in (1..=ends.steps + 1).flat_map(|step| SIDES.map(|side| (step, side))) {
        let (_folder, disk, result) = run_until(left, step, side);
        // The last step empties the lock file, which nobody waits for.
        assert_eq!(result.is_ok(), step >= ends.steps, "{result:?}");
        // What is on the disk after a step is there before the next one: the two look at different choices.
        let seeds = if side == When::Before { 0..CHOICES / 2 } else { CHOICES / 2..CHOICES };
        for (number, folder) in losses(&disk, seeds).enumerate() {
            let found = *seen.entry(print_of(folder.path())).or_insert_with(|| {
                check_after_loss(folder.path(), &ends).unwrap_or_else(|error| {
                    panic!("cut {side:?} step {step}, loss {number}: {error}\nsteps: {:#?}", disk.steps())
                })
            });
            let is_done = found.new == HIVES.len() && matches!(found.state, Some(RunState::Ended { .. }));
            assert!(is_done || result.is_err(), "a run that was told as done is done: {found:?}");
        }
    }
    // The cuts met every state there is.
    let unfinished = |new| seen.values().any(|seen| seen.new == new && seen.state == Some(RunState::Unfinished));
    assert!((0..=HIVES.len()).all(unfinished));
    assert!(seen.values().any(|seen| seen.state.is_none()));
    assert!(seen.values().any(|seen| seen.state == Some(RunState::Untouched)));
    assert!(seen.values().any(|seen| matches!(seen.state, Some(RunState::Ended { .. }))));
    println!("{left:?}: {} steps, {} different folders", ends.steps, seen.len());
}

#[test]
fn a_run_survives_the_loss_of_power_at_every_step() {
    survives(Left::Clean);
}

#[test]
fn a_run_on_a_hive_with_a_log_to_replay_survives_the_loss_of_power_at_every_step() {
    survives(Left::Dirty);
}

/// The undo of a run is told in the history as what it is.
#[test]
fn an_undone_run_is_known_as_taken_back() {
    let ends = ends(Left::Clean);
    let rename = (1..ends.steps).find(|step| {
        let (_, disk, _) = run_until(Left::Clean, *step, When::After);
        disk.steps().last().is_some_and(|last| last.starts_with("rename") && last.ends_with("SOFTWARE"))
    });
    let (folder, ..) = run_until(Left::Clean, rename.unwrap(), When::After);
    let machine = on_real_disk(folder.path());
    let stopped = undo(&machine).unwrap().unwrap();
    let runs = trueup::apply::history(&machine).unwrap();
    assert_eq!(runs[0].purpose, Some(Purpose::Undo { of: stopped.clone() }));
    assert_eq!((&runs[1].run, &runs[1].taken_back_by), (&stopped, &Some(runs[0].run.clone())));
}

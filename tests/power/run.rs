//! A whole run on an image, with the power cut at each of its steps: whatever arrived, every hive is the old or the new one in
//! whole, and the journal knows of whatever is new.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use trueup::apply::{ApplyError, ApplyOptions, ApplyReport, JournalError, Progress, RunState, SecretSource};
use trueup::apply::{apply, read_journal};
use trueup::document::{Desired, FileReader, LoadOptions, ReadError, load};
use trueup::formats::regf;
use trueup::machine::image::volume::{Disk, RealDisk, Volume};
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::machine::observe;
use trueup::model::operation::Operation;
use trueup::model::resource::ResourceId;
use trueup::model::secret::SecretReference;
use trueup::model::time::FileTime;
use trueup::plan::{Plan, PlanOptions, build};

use super::disk::{PowerDisk, When};
use super::volume::{SIDES, losses};

const HIVES: [&str; 2] = ["Windows/System32/config/SYSTEM", "Windows/System32/config/SOFTWARE"];
const RECORD: &str = "ProgramData/trueup";
const JOURNALS: &str = "ProgramData/trueup/journal";
/// How many random choices are looked at for each state of the disk.
const CHOICES: u64 = 20;

/// Two hives; values of several types, a new key, a value and a tree that go.
const DOCUMENT: &str = r"version: 1
registry:
  HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Client:
    values: { Enabled: 0, DisabledByDefault: 1 }
  HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Server:
    values: { Enabled: 0, DisabledByDefault: 1 }
  HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters:
    values: { MaxRequestBytes: 0x8000, MaxFieldLength: 0x4000 }
  HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment:
    values: { ACS_HOME: { expand: '%ProgramFiles%\Access Control Server' }, ACS_MODE: server }
  HKLM\SOFTWARE\One Identity\Password Manager\Logging:
    values: { LogLevel: absent, LogFolder: 'D:\Logs' }
  HKLM\SOFTWARE\Example Corp\New Agent:
    values: { Server: agent.corp.example, Ports: [one, two, three], Interval: 30, Path: { expand: '%windir%\agent' } }
  HKLM\SOFTWARE\Example Corp\Old Agent:
    ensure: absent
";

/// The two hives as bytes: a run writes the same ones whenever it is repeated.
type Hives = BTreeMap<&'static str, Vec<u8>>;

struct Before {
    hives: Hives,
    /// Every file, by its path below the folder.
    files: BTreeMap<PathBuf, Vec<u8>>,
}

struct After {
    hives: Hives,
    /// The steps of the run, as its journal holds them.
    intents: Vec<(ResourceId, Operation)>,
}

struct OneFile;

impl FileReader for OneFile {
    fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        Ok(DOCUMENT.into())
    }
}

struct NoSecrets;

impl SecretSource for NoSecrets {
    fn resolve(&self, reference: &SecretReference) -> Result<String, String> {
        Err(format!("{reference} is not asked for"))
    }
}

struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _: &'static str, _: usize) {}
}

fn as_of() -> jiff::Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn desired() -> Desired {
    load(&mut OneFile, &["server.yaml".to_owned()], &LoadOptions::default()).expect("it is a document").desired
}

fn open(folder: &Path, disk: Arc<dyn Disk>) -> ImageMachine {
    let volume = Volume::open_with(folder, disk).expect("it is a folder");
    ImageMachine::on(volume, DirtyHives::Refuse).expect("it is a volume of Windows")
}

/// Plans and applies at once.
fn run(machine: &ImageMachine, desired: &Desired) -> (Plan, Result<ApplyReport, ApplyError>) {
    let facts = observe(machine, desired.entries.iter().map(|entry| &entry.wanted), as_of()).expect("they settle");
    let plan = build(desired, &facts, PlanOptions { as_of: as_of(), rewrite_secrets: false }).expect("it has an order");
    let options = ApplyOptions {
        owner: "the power's laws",
        now: as_of() + jiff::SignedDuration::from_secs(60),
        accept: &[],
        secrets: &NoSecrets,
        rewrite_secrets: false,
    };
    let result = apply(machine, desired, &plan, &facts, &options, &mut Silent);
    (plan, result)
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn add(root: &Path, folder: &Path, out: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(root, &path, out);
            } else {
                out.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let mut out = BTreeMap::new();
    add(folder, folder, &mut out);
    out
}

fn hives(folder: &Path) -> Hives {
    HIVES.iter().map(|hive| (*hive, fs::read(folder.join(hive)).unwrap_or_default())).collect()
}

fn image() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(as_of())).unwrap();
    // What the run has no business with is made anew for every loss: the folder of Windows is enough of it.
    for entry in fs::read_dir(folder.path()).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "Windows")
    {
        fs::remove_dir_all(entry.path()).unwrap();
    }
    folder
}

/// A run with a cord: the power fails at a step, or never.
fn run_until(
    cut: impl FnOnce(&PowerDisk),
    desired: &Desired,
) -> (TempDir, Arc<PowerDisk>, Result<ApplyReport, String>) {
    let folder = image();
    let disk = PowerDisk::of(folder.path());
    cut(&disk);
    let (_, result) = run(&open(folder.path(), disk.clone()), desired);
    (folder, disk, result.map_err(|error| error.to_string()))
}

/// The image before a run and after one that nothing disturbs, and the number of its steps.
fn undisturbed(desired: &Desired) -> (Before, After, usize) {
    let folder = image();
    let before = Before { hives: hives(folder.path()), files: files(folder.path()) };
    let disk = PowerDisk::of(folder.path());
    let (plan, result) = run(&open(folder.path(), disk.clone()), desired);
    let report = result.expect("nothing disturbs it");
    assert_eq!((report.failed(), report.skipped(), report.remaining_operations), (0, 0, 0));
    let decisions = plan.decisions.iter();
    let intents =
        decisions.flat_map(|one| one.operations().iter().map(|operation| (one.id.clone(), operation.clone())));
    let after = After { hives: hives(folder.path()), intents: intents.collect() };
    assert!(after.intents.len() >= 12, "{}", after.intents.len());
    for hive in HIVES {
        assert_ne!(before.hives[hive], after.hives[hive], "{hive}");
        for bytes in [&before.hives[hive], &after.hives[hive]] {
            assert_eq!(regf::check(bytes).unwrap(), []);
        }
    }
    (before, after, disk.steps().len())
}

/// What has to hold of a folder whatever arrived of a run. What repairs it comes last.
fn check_after_loss(folder: &Path, before: &Before, after: &After) -> Result<Seen, String> {
    let found = hives(folder);
    let is_new = |hive: &str| found[hive] == after.hives[hive];
    for hive in HIVES {
        if !is_new(hive) && found[hive] != before.hives[hive] {
            return Err(format!("{hive} is neither the old nor the new one: {:?}", regf::check(&found[hive])));
        }
    }
    let new = HIVES.iter().filter(|hive| is_new(hive)).count();
    untouched_elsewhere(folder, before)?;
    let state = journal_is_true(folder, after, new)?;
    comes_to_the_end(folder, after)?;
    Ok(Seen { new, state })
}

/// What a loss left: how many hives are new, and what the journal says, if it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    new: usize,
    state: Option<RunState>,
}

/// Files that the run does not write are as they were; beside the hives lie temporary files at most.
fn untouched_elsewhere(folder: &Path, before: &Before) -> Result<(), String> {
    let mut now = files(folder);
    for (path, bytes) in &before.files {
        let found = now.remove(path).ok_or_else(|| format!("{} is gone", path.display()))?;
        if found != *bytes && !HIVES.iter().any(|hive| path == Path::new(hive)) {
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
fn journal_is_true(folder: &Path, after: &After, new: usize) -> Result<Option<RunState>, String> {
    let names = fs::read_dir(folder.join(JOURNALS)).into_iter().flatten();
    let journals: Vec<_> = names.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    let run = match &journals[..] {
        [] => None,
        [journal] => match read_journal(journal) {
            Ok(run) => Some(run),
            Err(JournalError::Empty) => None,
            Err(error) => return Err(format!("{error}, and {new} hives are new")),
        },
        more => return Err(format!("{} journals of one run", more.len())),
    };
    let Some(run) = run else {
        return if new == 0 { Ok(None) } else { Err(format!("{new} hives are new, and no journal tells of a run")) };
    };
    if !after.intents.starts_with(&run.intents) || run.operations != after.intents.len() {
        return Err("the journal's steps are not the plan's".into());
    }
    let is_whole = run.intents.len() == after.intents.len();
    match run.state {
        RunState::Untouched if new > 0 => Err(format!("{new} hives are new, and the journal says untouched")),
        RunState::Unfinished if !is_whole => Err(format!("{} steps were written ahead", run.intents.len())),
        RunState::Unfinished if run.settled == run.intents.len() && new < HIVES.len() => {
            Err(format!("the journal says committed, and {new} hives are new"))
        }
        RunState::Ended { .. } if new < HIVES.len() => Err(format!("the run ended, and {new} hives are new")),
        RunState::Ended { done, failed: 0, skipped: 0 } if done > 0 => Ok(Some(run.state)),
        RunState::Ended { .. } => Err(format!("the run had nothing in its way: {:?}", run.state)),
        RunState::Untouched | RunState::Unfinished => Ok(Some(run.state)),
    }
}

/// From whatever is there, the machine comes to where the document wants it. To finish or undo the run belongs here: by
/// finishing, the hives hold what `after` holds; by undoing, what they held before.
fn comes_to_the_end(folder: &Path, after: &After) -> Result<(), String> {
    let desired = desired();
    let machine = open(folder, Arc::new(RealDisk));
    let (plan, result) = run(&machine, &desired);
    let report = result.map_err(|error| format!("the next run: {error}"))?;
    if (report.failed(), report.skipped(), report.remaining_operations) != (0, 0, 0) {
        return Err(format!("the next run: {report:?}"));
    }
    let found = hives(folder);
    for hive in HIVES {
        // The same clock and the same operations make the same bytes, however many runs they took.
        if found[hive] != after.hives[hive] {
            return Err(format!("{hive} is another one after the next run"));
        }
    }
    let config = files(&folder.join("Windows/System32/config"));
    let left = config.keys().find(|path| path.to_string_lossy().starts_with(".trueup-"));
    match left {
        Some(left) if plan.has_operations() => Err(format!("the next run leaves {}", left.display())),
        _ => Ok(()),
    }
}

/// Tells folders apart by what is in them; the names of temporary files are random and count as one.
fn print_of(folder: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (path, bytes) in files(folder) {
        let path = path.to_string_lossy().into_owned();
        let name = path.split_once(".trueup-").map_or(&*path, |(folder, _)| folder);
        (name, bytes).hash(&mut hasher);
    }
    hasher.finish()
}

#[test]
fn a_run_survives_the_loss_of_power_at_every_step() {
    let desired = desired();
    let (before, after, count) = undisturbed(&desired);
    // Many losses leave the same: each folder is looked at once.
    let mut seen = HashMap::new();
    for (step, side) in (1..=count + 1).flat_map(|step| SIDES.map(|side| (step, side))) {
        let (_folder, disk, result) = run_until(|disk| disk.cut_at(step, side), &desired);
        // The last step empties the lock file, which nobody waits for.
        assert_eq!(result.is_ok(), step >= count, "{result:?}");
        // What is on the disk after a step is there before the next one: the two look at different choices.
        let seeds = if side == When::Before { 0..CHOICES / 2 } else { CHOICES / 2..CHOICES };
        for (number, folder) in losses(&disk, seeds).enumerate() {
            let look = || check_after_loss(folder.path(), &before, &after);
            let found = *seen.entry(print_of(folder.path())).or_insert_with(|| {
                look().unwrap_or_else(|error| {
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
    println!("{count} steps, {} different folders", seen.len());
}

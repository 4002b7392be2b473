//! The volume that whole runs are tried on, the runs, and what is looked at when they are over.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use tempfile::TempDir;
use zeroize::Zeroizing;

use trueup::apply::{
    ApplyError, ApplyOptions, ApplyReport, Basis as _, DocumentBasis, JournalRun, OnFailure, Progress, Purpose,
    RollbackBasis, SecretSource, apply, done_steps, past_run, resume, settle, unfinished,
};
use trueup::document::{Desired, FileReader, LoadOptions, ReadError, load};
use trueup::formats::regf::{self, Hive, Key};
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::machine::volume::{Disk, RealDisk, Volume};
use trueup::machine::{Machine as _, NoSecrets, RunName};
use trueup::model::secret::SecretReference;
use trueup::model::time::FileTime;
use trueup::plan::PlanOptions;

use super::dirty;
use super::disk::scratch;

pub const HIVES: [&str; 2] = ["Windows/System32/config/SYSTEM", "Windows/System32/config/SOFTWARE"];
pub const RECORD: &str = "ProgramData/trueup";
const JOURNALS: &str = "ProgramData/trueup/journal";
const LOGS: [&str; 2] = ["LOG1", "LOG2"];

/// What was applied before: the record is not empty.
const FIRST: &str = r"version: 1
registry:
  HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters:
    values: { MaxRequestBytes: 0x4000 }
  HKLM\SOFTWARE\Example Corp\Agent:
    values: { Server: old.corp.example }
";

/// Two hives; values of several types, one of them a secret, a key that is renamed, a value and a tree that go, a descriptor.
const DOCUMENT: &str = r"version: 1
registry:
  HKLM\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Client:
    values: { Enabled: 0, DisabledByDefault: 1 }
  HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters:
    values: { MaxRequestBytes: 0x8000, MaxFieldLength: 0x4000 }
  HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment:
    values: { ACS_HOME: { expand: '%ProgramFiles%\Access Control Server' }, ACS_MODE: server }
  HKLM\SOFTWARE\One Identity\Password Manager\Logging:
    values: { LogLevel: absent, LogFolder: 'D:\Logs' }
  HKLM\SOFTWARE\Example Corp\New Agent:
    renamed_from: HKLM\SOFTWARE\Example Corp\Agent
    values: { Ports: [one, two, three], Interval: 30, Token: { sz: { env: TOKEN } } }
    security: { sddl: 'O:BAG:SYD:P(A;CI;KA;;;SY)(A;CI;KR;;;BA)' }
  HKLM\SOFTWARE\Example Corp\Old Agent:
    ensure: absent
";

pub struct Tokens;

impl SecretSource for Tokens {
    fn resolve(&self, reference: &SecretReference) -> Result<Zeroizing<String>, String> {
        Ok(Zeroizing::new(format!("the token of {reference}")))
    }
}

pub struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _: &'static str, _: usize) {}
}

pub fn as_of() -> jiff::Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

pub fn options(now: jiff::Timestamp) -> ApplyOptions<'static> {
    ApplyOptions::new("the power's laws", now, &Tokens)
}

/// The clock's reading of every run but the first.
pub fn now() -> ApplyOptions<'static> {
    options(as_of() + jiff::SignedDuration::from_secs(60))
}

pub fn document(text: &str) -> Desired {
    struct One<'t>(&'t str);
    impl FileReader for One<'_> {
        fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
            Ok(self.0.into())
        }
    }
    load(&mut One(text), &["server.yaml".to_owned()], &LoadOptions::default()).expect("it is a document").desired
}

pub static DESIRED: LazyLock<Desired> = LazyLock::new(|| document(DOCUMENT));

pub fn basis() -> DocumentBasis<'static> {
    DocumentBasis { desired: &DESIRED, options: PlanOptions::at(as_of()) }
}

pub fn open(folder: &Path, disk: Arc<dyn Disk>) -> ImageMachine {
    let volume = Volume::open_with(folder, disk).expect("it is a folder");
    ImageMachine::on(volume, DirtyHives::Refuse).expect("it is a volume of Windows")
}

pub fn on_real_disk(folder: &Path) -> ImageMachine {
    open(folder, Arc::new(RealDisk))
}

/// How the hives of a volume were left by Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    Clean,
    /// The last writes to SYSTEM are in its log only.
    Dirty,
}

/// A volume on which the first document was applied.
pub fn image(left: Left) -> TempDir {
    static CLEAN: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = scratch();
        sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(as_of())).unwrap();
        // What no run has business with is made anew for every loss: the folder of Windows is enough of it.
        let entries = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
        for entry in entries.filter(|entry| entry.file_name() != "Windows") {
            fs::remove_dir_all(entry.path()).unwrap();
        }
        let desired = document(FIRST);
        let basis = DocumentBasis { desired: &desired, options: PlanOptions::at(as_of()) };
        run_with(&on_real_disk(folder.path()), &basis, &options(as_of())).unwrap();
        folder
    });
    let folder = copy(CLEAN.path());
    if left == Left::Dirty {
        let system = folder.path().join(HIVES[0]);
        let (primary, log) = dirty::torn(&fs::read(&system).unwrap());
        fs::write(system.with_extension("LOG1"), log).unwrap();
        fs::write(system.with_extension("LOG2"), []).unwrap();
        fs::write(system, primary).unwrap();
    }
    folder
}

pub fn copy(folder: &Path) -> TempDir {
    let copy = scratch();
    let copied = std::process::Command::new("cp").arg("-a").arg(folder.join(".")).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    copy
}

/// Plans and applies.
pub fn run(machine: &ImageMachine) -> Result<ApplyReport, ApplyError> {
    run_with(machine, &basis(), &now())
}

pub fn run_with(
    machine: &ImageMachine,
    basis: &DocumentBasis<'_>,
    options: &ApplyOptions<'_>,
) -> Result<ApplyReport, ApplyError> {
    let facts = basis.facts(machine, &Tokens).expect("the questions settle");
    let plan = basis.plan(&facts).expect("it has an order");
    apply(machine, basis, &plan, &facts, options, &mut Silent)
}

/// Finishes what stopped, as `apply --resume` does; `None` when nothing had.
pub fn finish(machine: &ImageMachine) -> Result<Option<ApplyReport>, String> {
    finish_with(machine, &basis())
}

/// As [`finish`], where the run was about another document.
pub fn finish_with(machine: &ImageMachine, basis: &DocumentBasis<'_>) -> Result<Option<ApplyReport>, String> {
    let Some(open) = unfinished(machine).map_err(|error| error.to_string())? else { return Ok(None) };
    go_on(machine, &open, basis).map(Some).map_err(|error| format!("to finish: {error}"))
}

fn go_on(machine: &ImageMachine, open: &JournalRun, basis: &DocumentBasis<'_>) -> Result<ApplyReport, ApplyError> {
    let name = &open.beginning.run;
    let Some(of) = open.beginning.purpose.takes_back() else {
        return resume(machine, Some(basis), name, &now(), &mut Silent);
    };
    with_rollback(machine, of, open.beginning.purpose.clone(), |basis| {
        resume(machine, Some(basis), name, &now(), &mut Silent)
    })
}

fn with_rollback<T>(
    machine: &ImageMachine,
    of: &RunName,
    purpose: Purpose,
    go: impl FnOnce(&RollbackBasis<'_>) -> T,
) -> T {
    let run = past_run(machine, of).expect("what is taken back is known");
    let steps = done_steps(machine, &run).done_or_unknown();
    go(&RollbackBasis { run: &run, steps: &steps, purpose, options: PlanOptions::at(now().now) })
}

/// Takes back what stopped, as `apply --undo` does; `None` when nothing had.
pub fn undo(machine: &ImageMachine) -> Result<Option<RunName>, String> {
    undo_with(machine, &basis())
}

/// As [`undo`], where the run was about another document.
pub fn undo_with(machine: &ImageMachine, basis: &DocumentBasis<'_>) -> Result<Option<RunName>, String> {
    let Some(open) = unfinished(machine).map_err(|error| error.to_string())? else { return Ok(None) };
    let name = open.beginning.run.clone();
    if open.beginning.purpose.takes_back().is_some() {
        go_on(machine, &open, basis).map_err(|error| format!("to go on undoing: {error}"))?;
        return Ok(Some(name));
    }
    take_back(machine, &open, Purpose::Undo { of: name.clone() })?;
    Ok(Some(name))
}

/// Takes back a run, as `rollback` does.
pub fn take_back(machine: &ImageMachine, run: &JournalRun, purpose: Purpose) -> Result<(), String> {
    let is_undo = matches!(purpose, Purpose::Undo { .. });
    let taken_back = with_rollback(machine, &run.beginning.run, purpose, |basis| {
        let facts = basis.facts(machine, &NoSecrets).expect("the questions settle");
        let plan = basis.plan(&facts).expect("it has an order");
        assert_eq!(plan.summary().blocked, 0, "all can be taken back: {:?}", plan.decisions);
        let options = ApplyOptions { secrets: &NoSecrets, on_failure: OnFailure::Rollback, ..now() };
        if is_undo && !plan.has_operations() {
            return settle(machine, run, &options).map(|()| None);
        }
        apply(machine, basis, &plan, &facts, &options, &mut Silent).map(Some)
    });
    match taken_back {
        Ok(Some(report)) if report.failed() + report.skipped() + report.undone() > 0 => Err(format!("{report:?}")),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("to take back: {error}")),
    }
}

/// The hives as bytes: a run writes the same ones whenever it is repeated.
pub type Bytes = BTreeMap<&'static str, Vec<u8>>;

pub fn bytes(folder: &Path) -> Bytes {
    HIVES.iter().map(|hive| (*hive, fs::read(folder.join(hive)).unwrap_or_default())).collect()
}

/// By path, all that a key says but for its time.
pub type Content = BTreeMap<String, u64>;

/// What both hives say, logs included; each passes the check.
pub fn content(folder: &Path) -> Content {
    let mut content = Content::new();
    for name in HIVES {
        let file = folder.join(name);
        let logs = LOGS.map(|log| fs::read(file.with_extension(log)).unwrap_or_default());
        let logs: Vec<&[u8]> = logs.iter().map(Vec::as_slice).collect();
        let whole = regf::recover(&fs::read(&file).unwrap(), &logs).unwrap().bytes;
        assert_eq!(regf::check(&whole).unwrap(), [], "{name}");
        add(&Hive::open(&whole).unwrap().root().unwrap(), name.to_owned(), &mut content);
    }
    content
}

fn add(key: &Key<'_>, path: String, content: &mut Content) {
    let mut hasher = DefaultHasher::new();
    (key.class().unwrap(), key.security().unwrap()).hash(&mut hasher);
    let values = key.values().map(Result::unwrap);
    let mut values: Vec<_> =
        values.map(|value| (value.name().text, value.value_type(), value.data().unwrap().into_owned())).collect();
    values.sort();
    values.hash(&mut hasher);
    for subkey in key.subkeys().map(Result::unwrap) {
        add(&subkey, format!("{path}\\{}", subkey.name().text), content);
    }
    content.insert(path, hasher.finish());
}

/// The paths at which two contents differ.
pub fn differences<'c>(a: &'c Content, b: &'c Content) -> Vec<&'c String> {
    a.keys().chain(b.keys()).filter(|path| a.get(*path) != b.get(*path)).collect()
}

/// The record as text, without fingerprints, which are another key's in every run; it can be read.
pub fn record(folder: &Path) -> String {
    on_real_disk(folder).record().expect("the record can be read");
    let text = fs::read_to_string(folder.join(RECORD).join("record.json")).unwrap_or_default();
    let mut parts = text.split('+');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + "+" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit()))
}

pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
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

/// The journals, oldest first.
pub fn journals(folder: &Path) -> Vec<Vec<u8>> {
    files(&folder.join(JOURNALS)).into_values().collect()
}

/// Tells folders apart by what is in them. Random is: names of temporary files, the key, and what is made with it.
pub fn print_of(folder: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (path, bytes) in files(folder) {
        let path = path.to_string_lossy().into_owned();
        let (name, is_temporary) = path.split_once(".trueup-").map_or((&*path, false), |(folder, _)| (folder, true));
        name.hash(&mut hasher);
        match () {
            () if path.ends_with("fingerprint.key") => bytes.len().hash(&mut hasher),
            () if path.ends_with("record.json") => record(folder).hash(&mut hasher),
            () if is_temporary && path.starts_with(RECORD) => bytes.len().hash(&mut hasher),
            () => bytes.hash(&mut hasher),
        }
    }
    hasher.finish()
}

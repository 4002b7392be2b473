//! The machines of a case: in memory, as a folder with real hives, and as snapshots; and what the tests do with them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use trueup::apply::{
    ApplyError, ApplyOptions, ApplyReport, DocumentBasis, Progress, SecretSource, apply, apply_saved, resume,
};
use trueup::document::Desired;
use trueup::formats::regf::{Editor, Hive, Key, KeyId, create};
use trueup::machine::image::{DirtyHives, ImageMachine};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::snapshot::{self, SnapshotMachine};
use trueup::machine::{Machine, NoSecrets, ObserveOptions, RunName, WritableMachine, answer, begin, observe};
use trueup::model::fact::{Facts, KeyAspects, KeyTree, Queries};
use trueup::model::registry::RegistryKey;
use trueup::model::secret::SecretReference;
use trueup::model::time::FileTime;
use trueup::plan::staleness::prints;
use trueup::plan::{Plan, PlanOptions, SavedPlan, Target, build};
use trueup::report::{Palette, Width, json, text};

use super::generate::{Hives, SECURITY};
use zeroize::Zeroizing;

/// Where an image keeps the generated hives.
pub const FILES: [(&str, &str); 3] = [
    (r"HKLM\SYSTEM", "Windows/System32/config/SYSTEM"),
    (r"HKLM\SOFTWARE", "Windows/System32/config/SOFTWARE"),
    (r"HKU\.DEFAULT", "Windows/System32/config/DEFAULT"),
];

pub fn key(text: &str) -> RegistryKey {
    RegistryKey::parse(text).expect("it is a key")
}

/// The clock's reading for plans.
pub fn as_of() -> jiff::Timestamp {
    "2026-01-02T03:04:05Z".parse().expect("it is a time")
}

/// The clock's reading for runs: later than every generated time.
pub fn now() -> jiff::Timestamp {
    "2026-01-02T03:05:00Z".parse().expect("it is a time")
}

pub fn memory(hives: &Hives) -> MemoryMachine {
    let machine = MemoryMachine::new(SECURITY[0].clone(), FileTime(1));
    for (at, tree) in &hives.0 {
        machine.plant(&key(at), tree);
    }
    machine
}

/// An image in a folder that goes when this does.
pub struct Image {
    pub folder: TempDir,
    pub machine: ImageMachine,
}

pub fn image(hives: &Hives) -> Image {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for ((at, tree), (expected, file)) in hives.0.iter().zip(FILES) {
        assert_eq!(*at, expected);
        write(&folder.path().join(file), &hive(tree));
    }
    write(&folder.path().join("Windows/System32/drivers/etc/hosts"), b"127.0.0.1 localhost\r\n");
    let machine = open(folder.path());
    Image { folder, machine }
}

pub fn open(folder: &Path) -> ImageMachine {
    ImageMachine::open(folder, DirtyHives::Refuse).expect("it is a volume")
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("it has a folder")).expect("the folder can be made");
    fs::write(path, bytes).expect("the file can be written");
}

/// The bytes of a hive that holds the tree: contents by the editor, times and link flags by hand.
fn hive(tree: &KeyTree) -> Vec<u8> {
    let bytes = create(&tree.name, &tree.security, 1).expect("a hive can be made");
    let mut editor = Editor::open(bytes).expect("it opens");
    let root = editor.root();
    fill(&mut editor, root, tree);
    let mut bytes = editor.finish(1).expect("it can be written");
    let mut marks = Vec::new();
    mark(&Hive::open(&bytes).expect("it opens").root().expect("it has a root"), tree, &mut marks);
    for (at, field) in marks {
        bytes[at..at + field.len()].copy_from_slice(&field);
    }
    bytes
}

fn fill(editor: &mut Editor, id: KeyId, tree: &KeyTree) {
    if let Some(class) = &tree.class {
        editor.set_class(id, class, 1).expect("it can be set");
    }
    for value in &tree.values {
        let data = value.data.plain().expect("it is not sealed");
        editor.set_value(id, &value.name, data.value_type, &data.bytes, 1).expect("it can be set");
    }
    for subkey in &tree.subkeys {
        let below = editor.create_key(id, &subkey.name, Some(&subkey.security), 1).expect("it can be made");
        fill(editor, below, subkey);
    }
}

/// Where a key record has its flags and its time, counted from the file's start.
pub fn record(key: &Key<'_>) -> usize {
    const BASE_BLOCK_AND_CELL_SIZE: usize = 4096 + 4;
    BASE_BLOCK_AND_CELL_SIZE + key.offset() as usize
}

fn mark(key: &Key<'_>, tree: &KeyTree, marks: &mut Vec<(usize, Vec<u8>)>) {
    const LINK: u16 = 0x10;
    const LATIN_NAME: u16 = 0x20;
    let record = record(key);
    marks.push((record + 4, tree.last_written.0.to_le_bytes().to_vec()));
    if tree.link {
        let latin = tree.name.chars().all(|c| u32::from(c) < 0x100);
        let flags = LINK | if latin { LATIN_NAME } else { 0 };
        marks.push((record + 2, flags.to_le_bytes().to_vec()));
    }
    for subkey in &tree.subkeys {
        let below = key.subkey(&subkey.name).expect("it is readable").expect("it was made");
        mark(&below, subkey, marks);
    }
}

/// A plan with what it was made from and its JSON.
pub struct Planned {
    pub facts: Facts,
    pub plan: Plan,
    pub json: String,
}

pub fn plan(machine: &dyn Machine, desired: &Desired) -> Planned {
    plan_of(desired, facts(machine, desired))
}

/// The plan of somebody who knows no secret.
pub fn plan_without_secrets(machine: &dyn Machine, desired: &Desired) -> Planned {
    plan_of(desired, facts_without_secrets(machine, desired))
}

fn plan_of(desired: &Desired, facts: Facts) -> Planned {
    let plan = build(desired, &facts, PlanOptions::at(as_of())).expect("the document has an order");
    let json = json::plan(&plan).expect("it can be written");
    Planned { facts, plan, json }
}

pub fn facts(machine: &dyn Machine, desired: &Desired) -> Facts {
    facts_with(machine, desired, &Secrets)
}

fn facts_without_secrets(machine: &dyn Machine, desired: &Desired) -> Facts {
    facts_with(machine, desired, &NoSecrets)
}

fn facts_with(machine: &dyn Machine, desired: &Desired, secrets: &dyn SecretSource) -> Facts {
    let options = ObserveOptions { as_of: as_of(), secrets, survey: false };
    observe(machine, desired.entries.iter().map(|entry| &entry.wanted), options).expect("the questions settle")
}

pub fn text_report(plan: &Plan) -> String {
    let options = text::TextOptions { palette: Palette::plain(), width: Width::Unlimited, detail: text::Detail::Full };
    text::plan(plan, &options)
}

/// Secrets that any reference resolves to.
pub struct Secrets;

impl SecretSource for Secrets {
    fn resolve(&self, reference: &SecretReference) -> Result<Zeroizing<String>, String> {
        Ok(Zeroizing::new(format!("the secret of {reference}")))
    }
}

pub struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _: &'static str, _: usize) {}
}

/// The document as what a plan is made from.
pub fn basis(desired: &Desired) -> DocumentBasis<'_> {
    DocumentBasis { desired, options: PlanOptions::at(as_of()) }
}

pub fn with_options<T>(run: impl FnOnce(&ApplyOptions<'_>) -> T) -> T {
    run(&options())
}

/// Options in which nothing special is asked.
pub fn options() -> ApplyOptions<'static> {
    static ACCEPT: std::sync::LazyLock<Vec<String>> =
        std::sync::LazyLock::new(|| vec!["registry.critical_key".to_owned()]);
    ApplyOptions { accept: &ACCEPT, ..ApplyOptions::new("the laws", now(), &Secrets) }
}

pub fn apply_plan(
    machine: &dyn WritableMachine,
    desired: &Desired,
    planned: &Planned,
) -> Result<ApplyReport, ApplyError> {
    with_options(|options| apply(machine, &basis(desired), &planned.plan, &planned.facts, options, &mut Silent))
}

pub fn apply_saved_plan(
    machine: &dyn WritableMachine,
    desired: &Desired,
    saved: &SavedPlan,
) -> Result<ApplyReport, ApplyError> {
    with_options(|options| apply_saved(machine, &basis(desired), saved, options, &mut Silent))
}

/// Finishes a run that stopped.
pub fn resume_run(machine: &dyn WritableMachine, desired: &Desired, run: &RunName) -> Result<ApplyReport, ApplyError> {
    with_options(|options| resume(machine, Some(&basis(desired)), run, options, &mut Silent))
}

pub fn saved(machine: &dyn Machine, planned: &Planned, text: &str) -> SavedPlan {
    SavedPlan {
        target: Target {
            kind: serde_json::to_value(machine.kind()).expect("it is a word").as_str().expect("it is a word").into(),
        },
        plan: planned.plan.clone(),
        facts: prints(&planned.facts),
        document: super::documents::merged(text),
        rewrite_secrets: false,
    }
}

/// A snapshot of what the document asks.
pub fn snapshot_for(machine: &dyn Machine, desired: &Desired) -> Vec<u8> {
    let runs = machine.runs().unwrap_or_default();
    snapshot::to_json(&facts(machine, desired), &runs, as_of()).expect("it can be written")
}

/// A snapshot of every hive as a whole.
pub fn snapshot_whole(machine: &dyn Machine) -> Vec<u8> {
    let mut queries = Queries::default();
    for (at, _) in FILES {
        queries.key(&key(at), KeyAspects { tree: true, ..KeyAspects::default() });
    }
    let mut facts = begin(machine);
    answer(machine, &queries, None, &NoSecrets, &mut facts);
    snapshot::to_json(&facts, &machine.runs().unwrap_or_default(), as_of()).expect("it can be written")
}

pub fn from_snapshot(bytes: &[u8]) -> SnapshotMachine {
    SnapshotMachine::from_json(bytes).expect("it was just written")
}

/// A file or folder as it lies on the disk. A file that is written anew has another inode, whatever its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnDisk {
    inode: u64,
    modified: (i64, i64),
    mode: u32,
    pub bytes: Vec<u8>,
}

/// Everything below a folder, the folder included.
pub fn disk(folder: &Path) -> BTreeMap<PathBuf, OnDisk> {
    fn add(path: &Path, out: &mut BTreeMap<PathBuf, OnDisk>) {
        let metadata = fs::symlink_metadata(path).expect("it is there");
        let mut bytes = Vec::new();
        if metadata.is_dir() {
            for entry in fs::read_dir(path).expect("it can be listed") {
                add(&entry.expect("it can be listed").path(), out);
            }
        } else {
            bytes = fs::read(path).expect("it can be read");
        }
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        out.insert(path.to_owned(), OnDisk { inode: metadata.ino(), modified, mode: metadata.mode(), bytes });
    }
    let mut out = BTreeMap::new();
    add(folder, &mut out);
    out
}

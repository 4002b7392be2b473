//! A machine in memory and one on a volume with the same files, what is done with them, and what a plan tells.

#![allow(dead_code, reason = "shared by the tests of files and of hosts, and neither uses all of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use trueup::apply::{
    ApplyError, ApplyOptions, ApplyReport, Basis as _, DocumentBasis, Outcome, Progress, Purpose, RollbackBasis, apply,
    done_steps, past_run,
};
use trueup::document::{
    Colour, Desired, FileReader, LoadFailure, LoadOptions, Loaded, ReadError, load, merged_text, render,
};
use trueup::formats::upcase;
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::snapshot::{SnapshotMachine, to_json};
use trueup::machine::{Machine, RunName, SecretSource, WritableMachine};
use trueup::model::fact::{Facts, KeyTree, Stored, ValueFact};
use trueup::model::file::FilePath;
use trueup::model::material::{LocalFile, Material, MaterialEntry, MaterialKind};
use trueup::model::registry::RegistryKey;
use trueup::model::registry_data::{REG_EXPAND_SZ, RegistryData};
use trueup::model::secret::SecretReference;
use trueup::model::time::FileTime;
use trueup::model::verdict::{Action, Decision, Verdict};
use trueup::plan::{Plan, PlanOptions};
use zeroize::Zeroizing;

const SECURITY: &[u8] = &[
    1, 0, 4, 0x80, 0x14, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x2C, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 1,
    1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 2, 0, 0x1C, 0, 1, 0, 0, 0, 0, 2, 0x14, 0, 0x3F, 0, 0x0F, 0, 1, 1, 0, 0, 0, 0,
    0, 5, 0x12, 0, 0, 0,
];

pub const PARAMETERS: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";

pub fn start() -> jiff::Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

pub fn path(text: &str) -> FilePath {
    FilePath::parse(text).unwrap()
}

pub fn key(text: &str) -> RegistryKey {
    RegistryKey::parse(text).unwrap()
}

/// The secret of an environment variable is its name with `secret-` before it; `MISSING` is not set.
pub struct Secrets;

impl SecretSource for Secrets {
    fn resolve(&self, reference: &SecretReference) -> Result<Zeroizing<String>, String> {
        match reference {
            SecretReference::Env(name) if name != "MISSING" => Ok(Zeroizing::new(format!("secret-{name}"))),
            _ => Err("it is not set".into()),
        }
    }
}

pub struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _: &'static str, _: usize) {}
}

/// Files beside the document, by name.
#[derive(Clone, Default)]
pub struct Local<'t>(pub Vec<(&'t str, &'t [u8])>);

impl FileReader for Local<'_> {
    fn read(&mut self, name: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        let missing = || ReadError { message: "it is not there".into(), hint: None };
        found.map(|(_, bytes)| bytes.to_vec()).ok_or_else(missing)
    }

    fn material(&mut self, name: &str, kind: MaterialKind) -> Result<Material, ReadError> {
        if kind == MaterialKind::File {
            return self.read(name, 0).map(|bytes| Material::File(LocalFile::new(bytes)));
        }
        let below = format!("{name}/");
        let inside = self.0.iter().filter_map(|(known, bytes)| Some((known.strip_prefix(&below)?, *bytes)));
        let mut entries: Vec<MaterialEntry> = Vec::new();
        for (known, bytes) in inside {
            let known = known.replace('/', "\\");
            for (at, _) in known.match_indices('\\') {
                let folder = MaterialEntry { path: known[..at].into(), file: None };
                if !entries.contains(&folder) {
                    entries.push(folder);
                }
            }
            if !known.ends_with('\\') {
                entries.push(MaterialEntry { path: known.into(), file: Some(LocalFile::new(bytes.to_vec())) });
            }
        }
        Ok(Material::Folder(entries.into()))
    }
}

fn reader<'t>(text: &'t str, local: &Local<'t>) -> Local<'t> {
    let mut all = local.clone();
    all.0.push(("site.yaml", text.as_bytes()));
    all
}

/// A document; `version: 1` is put before it.
pub fn loaded(text: &str, local: &Local<'_>) -> Result<Loaded, LoadFailure> {
    let text = format!("version: 1\n{text}");
    load(&mut reader(&text, local), &["site.yaml".into()], &LoadOptions::default())
}

#[track_caller]
pub fn desired_with(text: &str, local: &Local<'_>) -> Desired {
    match loaded(text, local) {
        Ok(loaded) => loaded.desired,
        Err(failure) => panic!("{}\n{text}", render(&failure.diagnostics, &failure.sources, Colour::Plain)),
    }
}

#[track_caller]
pub fn desired(text: &str) -> Desired {
    desired_with(text, &Local::default())
}

/// The document as a saved plan holds it.
pub fn merged(text: &str, local: &Local<'_>) -> String {
    let text = format!("version: 1\n{text}");
    merged_text(&mut reader(&text, local), &["site.yaml".into()], &LoadOptions::default()).unwrap()
}

/// What a refused document says, as a user sees it.
#[track_caller]
pub fn refusal(text: &str) -> String {
    match loaded(text, &Local::default()) {
        Ok(_) => panic!("it was accepted: {text}"),
        Err(failure) => render(&failure.diagnostics, &failure.sources, Colour::Plain),
    }
}

/// A machine with files.
pub enum Bed {
    Memory(Box<MemoryMachine>),
    Image { folder: tempfile::TempDir, machine: ImageMachine },
}

pub fn memory() -> MemoryMachine {
    let machine = MemoryMachine::new(Arc::from(SECURITY), FileTime(1));
    plant_value(&machine, PARAMETERS, "DataBasePath", r"%SystemRoot%\System32\drivers\etc");
    machine
}

/// A key with one text in it, in place of what is there.
pub fn plant_value(machine: &MemoryMachine, at: &str, name: &str, text: &str) {
    let data = Stored::Plain(RegistryData::text(REG_EXPAND_SZ, text));
    let tree = KeyTree {
        name: key(at).name().into(),
        last_written: FileTime(2),
        security: Arc::from(SECURITY),
        values: vec![ValueFact { name: name.into(), data, fingerprint: None }],
        ..KeyTree::default()
    };
    machine.plant(&key(at), &tree);
}

impl Bed {
    /// One machine of each sort, with these files and no others but those of every Windows.
    pub fn both(files: &[(&str, &[u8])]) -> [Self; 2] {
        let folder = tempfile::tempdir().unwrap();
        sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(start())).unwrap();
        let _ = fs::remove_file(folder.path().join("Windows/System32/drivers/etc/hosts"));
        let machine = ImageMachine::open(folder.path(), DirtyHives::Refuse).unwrap();
        let beds = [Self::Memory(Box::new(memory())), Self::Image { folder, machine }];
        for bed in &beds {
            // On the image the folder stays that a hosts file lies in.
            bed.put(r"%SystemRoot%\System32\drivers\etc\services", b"");
            for (name, bytes) in files {
                bed.put(name, bytes);
            }
        }
        beds
    }

    pub fn machine(&self) -> &dyn WritableMachine {
        match self {
            Self::Memory(machine) => &**machine,
            Self::Image { machine, .. } => machine,
        }
    }

    pub fn reader(&self) -> &dyn Machine {
        self.machine().as_machine()
    }

    /// Where a path lies on the host.
    fn place(folder: &Path, name: &str) -> PathBuf {
        let name = name
            .trim_end_matches('\\')
            .replace("%SystemRoot%", "C:\\Windows")
            .replace("%ProgramFiles%", "C:\\Program Files");
        name[3..].split('\\').fold(folder.to_owned(), |above, name| above.join(name))
    }

    /// Puts a file as somebody else would; a name that ends in a backslash is a folder.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        match self {
            Self::Memory(machine) if name.ends_with('\\') => {
                machine.plant_file(&path(&format!("{name}x")), b"");
                machine.unplant_file(&path(&format!("{name}x")));
            }
            Self::Memory(machine) => machine.plant_file(&path(name), bytes),
            Self::Image { folder, .. } => {
                let place = Self::place(folder.path(), name);
                if name.ends_with('\\') {
                    fs::create_dir_all(place).unwrap();
                    return;
                }
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                fs::write(place, bytes).unwrap();
            }
        }
    }

    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        match self {
            Self::Memory(machine) => machine.file(&path(name)),
            Self::Image { folder, .. } => fs::read(Self::place(folder.path(), name)).ok(),
        }
    }

    /// All files but those of the record, by folded path.
    pub fn all(&self) -> BTreeMap<String, Vec<u8>> {
        match self {
            Self::Memory(machine) => {
                let all = machine.all_files().into_iter();
                all.map(|(path, bytes)| (path.usual_place().folded().to_owned(), bytes)).collect()
            }
            Self::Image { folder, .. } => {
                let mut out = BTreeMap::new();
                walk(folder.path(), "C:", &mut out);
                out
            }
        }
    }
}

fn walk(folder: &Path, above: &str, out: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{above}\\{}", upcase::fold(&entry.file_name().to_string_lossy()));
        if name == "C:\\PROGRAMDATA\\TRUEUP" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), &name, out);
        } else {
            out.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

pub fn basis(desired: &Desired) -> DocumentBasis<'_> {
    DocumentBasis { desired, options: PlanOptions::at(start()) }
}

pub fn facts(machine: &dyn Machine, desired: &Desired) -> Facts {
    basis(desired).facts(machine, &Secrets).unwrap()
}

pub fn plan(machine: &dyn Machine, desired: &Desired) -> Plan {
    basis(desired).plan(&facts(machine, desired)).unwrap()
}

/// The same machine as `capture` writes it down.
pub fn snapshot(machine: &dyn Machine, desired: &Desired) -> SnapshotMachine {
    let bytes = to_json(&facts(machine, desired), &machine.runs().unwrap(), start()).unwrap();
    SnapshotMachine::from_json(&bytes).unwrap()
}

pub fn options() -> ApplyOptions<'static> {
    ApplyOptions::new("a test", start(), &Secrets)
}

/// Plans and applies.
pub fn try_apply(machine: &dyn WritableMachine, desired: &Desired) -> Result<ApplyReport, ApplyError> {
    let basis = basis(desired);
    let facts = basis.facts(machine.as_machine(), &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    apply(machine, &basis, &plan, &facts, &options(), &mut Silent)
}

/// Plans and applies; all of it is done.
#[track_caller]
pub fn applied(machine: &dyn WritableMachine, desired: &Desired) -> ApplyReport {
    let report = try_apply(machine, desired).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let failed: Vec<_> = report.outcomes.iter().filter(|one| one.outcome != Outcome::Done).collect();
    assert!(report.is_complete(), "{failed:?}; {:#?}", told(&plan(machine.as_machine(), desired)));
    report
}

pub fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Takes a run back; all of it is done.
#[track_caller]
pub fn taken_back(machine: &dyn WritableMachine, run: &RunName) -> ApplyReport {
    let (_, report) = take_back(machine, run, Purpose::Rollback { of: run.clone() });
    report.unwrap_or_else(|error| panic!("{}", chain(&error)))
}

pub fn take_back(
    machine: &dyn WritableMachine,
    run: &RunName,
    purpose: Purpose,
) -> (Plan, Result<ApplyReport, ApplyError>) {
    let past = past_run(machine.as_machine(), run).unwrap();
    let steps = done_steps(machine.as_machine(), &past).done_or_unknown();
    let basis = RollbackBasis { run: &past, steps: &steps, purpose, options: PlanOptions::at(start()) };
    let facts = basis.facts(machine.as_machine(), &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    let result = apply(machine, &basis, &plan, &facts, &options(), &mut Silent);
    (plan, result)
}

pub fn last_run(machine: &dyn Machine) -> RunName {
    machine.runs().unwrap().pop().unwrap()
}

const fn sign(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Keep => "=",
        Verdict::Change { action: Action::Create, .. } => "+",
        Verdict::Change { action: Action::Update, .. } => "~",
        Verdict::Change { action: Action::Delete, .. } => "-",
        Verdict::Change { action: Action::Replace, .. } => "±",
        Verdict::Blocked => "!",
        Verdict::Deferred => "»",
        Verdict::Pending => "…",
        Verdict::Unverifiable => "?",
        Verdict::Waived { .. } => "w",
    }
}

/// What a plan tells of everything that does not simply stay, in its order: a sign, the address, and the codes of the reasons.
pub fn told(plan: &Plan) -> Vec<String> {
    let line = |decision: &Decision| {
        let codes: Vec<&str> = decision.reasons.iter().map(|reason| &*reason.code).collect();
        let part = decision.id.part().map(|part| format!(" {part}")).unwrap_or_default();
        format!("{} {}{part}: {}", sign(&decision.verdict), decision.id.name(), codes.join(" "))
    };
    plan.decisions.iter().filter(|decision| decision.verdict != Verdict::Keep).map(line).collect()
}

/// The findings of a plan as `severity code`.
pub fn found(plan: &Plan) -> Vec<String> {
    plan.findings.iter().map(|finding| format!("{} {}", finding.severity, finding.code)).collect()
}

/// A machine before and after a document.
pub struct Case<'c> {
    pub name: &'c str,
    /// By path; a name that ends in a backslash is a folder.
    pub before: &'c [(&'c str, &'c [u8])],
    pub text: &'c str,
    pub told: &'c [&'c str],
    /// What differs from before; `None` for a file that has gone.
    pub after: &'c [(&'c str, Option<&'c [u8]>)],
}

/// Holds on every machine, and from a snapshot: the plan, what a run leaves, that nothing is to do after it, and that
/// it is taken back exactly.
#[track_caller]
pub fn check(case: &Case<'_>, local: &Local<'_>) {
    let Case { name, before, text, .. } = case;
    let desired = desired_with(text, local);
    let merged = merged(text, local);
    let from_merged =
        load(&mut Local(vec![("site.yaml", merged.as_bytes())]), &["site.yaml".into()], &LoadOptions::default());
    let from_merged = from_merged.unwrap_or_else(|failure| {
        panic!("{name}: {}\n{merged}", render(&failure.diagnostics, &failure.sources, Colour::Plain))
    });
    for bed in Bed::both(before) {
        let kind = bed.reader().kind();
        let first = plan(bed.reader(), &desired);
        assert_eq!(told(&first), case.told, "{name} on {kind}");
        // A snapshot tells nothing of secrets.
        if !text.contains("secret:") {
            assert_eq!(told(&plan(&snapshot(bed.reader(), &desired), &desired)), case.told, "{name} from a snapshot");
        }
        assert_eq!(told(&plan(bed.reader(), &from_merged.desired)), case.told, "{name} from the merged text");
        let files = bed.all();
        let refused = first.decisions.iter().any(|one| matches!(one.verdict, Verdict::Blocked));
        let report = try_apply(bed.machine(), &desired).unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        assert!(refused || report.failed() == 0, "{name} on {kind}: {report:?}");
        let mut wanted = files.clone();
        for (path, bytes) in case.after {
            let place = self::path(path).usual_place().folded().to_owned();
            match bytes {
                Some(bytes) => drop(wanted.insert(place, bytes.to_vec())),
                None => drop(wanted.remove(&place)),
            }
        }
        let shown = |all: &BTreeMap<String, Vec<u8>>| -> BTreeMap<String, String> {
            let changed = all.iter().filter(|(path, bytes)| files.get(*path) != Some(*bytes));
            changed.map(|(path, bytes)| (path.clone(), String::from_utf8_lossy(bytes).into_owned())).collect()
        };
        assert_eq!(shown(&bed.all()), shown(&wanted), "{name} on {kind}");
        assert!(bed.all() == wanted, "{name} on {kind}: {:?}", bed.all().keys());
        let again = plan(bed.reader(), &desired);
        assert!(!again.has_operations(), "{name} on {kind}: {:#?}", told(&again));
        assert_eq!(again.summary().blocked > 0, refused, "{name} on {kind}");
        let record = bed.reader().runs().unwrap();
        assert_eq!(try_apply(bed.machine(), &desired).unwrap().run, None, "{name} on {kind}: a second run writes");
        assert_eq!(bed.reader().runs().unwrap(), record, "{name} on {kind}");
        if bed.all() != files {
            let report = taken_back(bed.machine(), &last_run(bed.reader()));
            assert!(report.is_complete(), "{name} on {kind}: {report:?}");
            assert!(bed.all() == files, "{name} on {kind} is not as it was: {:?}", shown(&bed.all()));
        }
    }
}

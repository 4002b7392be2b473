//! Machines with services, what is done with them, and what a plan tells.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use trueup::apply::{
    ApplyError, ApplyOptions, ApplyReport, Basis as _, DocumentBasis, Outcome, Progress, Purpose, RollbackBasis, apply,
    done_steps, past_run,
};
use trueup::document::{Colour, Desired, FileReader, LoadFailure, LoadOptions, Loaded, ReadError, load, render};
use trueup::formats::service::{Action, ActionKind, FailureActions};
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::snapshot::{SnapshotMachine, to_json};
use trueup::machine::{Machine, NoSecrets, RunName, WritableMachine};
use trueup::model::fact::{Facts, KeyAspects, KeyTree, Stored, ValueFact};
use trueup::model::operation::Operation;
use trueup::model::probe::{Answer, Probe, ServiceState};
use trueup::model::registry::RegistryKey;
use trueup::model::registry_data::{REG_BINARY, RegistryData, hex};
use trueup::model::time::FileTime;
use trueup::model::verdict::{Action as PlanAction, Decision, Verdict};
use trueup::plan::{Plan, PlanOptions};
use trueup::report::json;

/// Owner and group SYSTEM, and full access for it, inherited by subkeys.
const SECURITY: &[u8] = &[
    1, 0, 4, 0x80, 0x14, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x2C, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 1,
    1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 2, 0, 0x1C, 0, 1, 0, 0, 0, 0, 2, 0x14, 0, 0x3F, 0, 0x0F, 0, 1, 1, 0, 0, 0, 0,
    0, 5, 0x12, 0, 0, 0,
];

pub const SERVICES: &str = r"HKLM\SYSTEM\CurrentControlSet\Services";

pub fn now() -> jiff::Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

pub fn key(text: &str) -> RegistryKey {
    RegistryKey::parse(text).unwrap()
}

pub struct Text<'t>(pub &'t str);

impl FileReader for Text<'_> {
    fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        Ok(self.0.as_bytes().to_vec())
    }
}

pub fn loaded(text: &str) -> Result<Loaded, LoadFailure> {
    load(&mut Text(&format!("version: 1\n{text}")), &["site.yaml".into()], &LoadOptions::default())
}

/// What is wrong with a document, as it is printed; `version: 1` is put before it.
pub fn problems(text: &str) -> String {
    match loaded(text) {
        Ok(_) => "nothing found\n".into(),
        Err(failure) => render(&failure.diagnostics, &failure.sources, Colour::Plain),
    }
}

#[track_caller]
pub fn desired(text: &str) -> Desired {
    match loaded(text) {
        Ok(loaded) => loaded.desired,
        Err(failure) => panic!("{}\n{text}", render(&failure.diagnostics, &failure.sources, Colour::Plain)),
    }
}

pub type Values<'v> = &'v [(&'v str, RegistryData)];

fn tree(name: &str, values: Values<'_>) -> KeyTree {
    let value = |(name, data): &(&str, RegistryData)| ValueFact::new((*name).into(), Stored::Plain(data.clone()));
    KeyTree {
        name: name.into(),
        last_written: FileTime(2),
        security: Arc::from(SECURITY),
        values: values.iter().map(value).collect(),
        ..KeyTree::default()
    }
}

/// A machine without services.
pub fn empty() -> MemoryMachine {
    let machine = MemoryMachine::new(Arc::from(SECURITY), FileTime(1));
    machine.plant(&key(SERVICES), &tree("Services", &[]));
    machine
}

/// Puts a service on a machine, in place of what is there.
pub fn plant(machine: &MemoryMachine, name: &str, values: Values<'_>) {
    machine.plant(&key(&format!(r"{SERVICES}\{name}")), &tree(name, values));
}

/// A program of its own that starts in this way and needs these.
pub fn plant_simple(machine: &MemoryMachine, name: &str, start: u32, needs: &[&str]) {
    let mut values = vec![("Type", RegistryData::dword(0x10)), ("Start", RegistryData::dword(start))];
    if !needs.is_empty() {
        values.push(("DependOnService", RegistryData::multi(needs)));
    }
    plant(machine, name, &values);
}

pub fn set_state(machine: &MemoryMachine, name: &str, state: ServiceState) {
    machine.plant_answer(Probe::ServiceState { service: name.into() }, Answer::State(state));
}

pub fn state(machine: &MemoryMachine, name: &str) -> Answer {
    machine.probe(&Probe::ServiceState { service: name.into() }).unwrap()
}

pub fn actions(reset: u32, actions: &[(ActionKind, u32)]) -> RegistryData {
    let action = |(kind, delay_millis): &(ActionKind, u32)| Action { kind: *kind, delay_millis: *delay_millis };
    FailureActions::new(reset, actions.iter().map(action).collect()).data()
}

/// Data in words, of any length.
pub fn shown(data: &Stored) -> String {
    let plain = data.plain().expect("it is not sealed");
    match plain.value_type {
        REG_BINARY => format!("REG_BINARY {}", hex(&plain.bytes)),
        _ => data.to_string(),
    }
}

/// All values of a service, by name.
pub fn values(machine: &dyn Machine, name: &str) -> Vec<(String, String)> {
    let tree = tree_of(machine, &format!(r"{SERVICES}\{name}"));
    let mut values: Vec<_> = tree.values.iter().map(|value| (value.name.to_string(), shown(&value.data))).collect();
    values.sort();
    values
}

pub fn tree_of(machine: &dyn Machine, at: &str) -> KeyTree {
    let aspects = KeyAspects { tree: true, ..KeyAspects::default() };
    let answer = machine.registry().unwrap().read(&[(key(at), aspects)]).remove(0).unwrap();
    *answer.present().expect("the key is there").tree.clone().unwrap()
}

/// All values at and below the services: times are left out.
pub fn holds(machine: &dyn Machine) -> Vec<String> {
    fn walk(path: &str, tree: &KeyTree, out: &mut Vec<String>) {
        out.push(path.to_owned());
        out.extend(tree.values.iter().map(|value| format!("{path} {} {}", value.name, shown(&value.data))));
        tree.subkeys.iter().for_each(|subkey| walk(&format!(r"{path}\{}", subkey.name), subkey, out));
    }
    let mut out = Vec::new();
    walk("", &tree_of(machine, SERVICES), &mut out);
    out.sort();
    out
}

/// The sample volume in a folder that goes when this does.
pub struct Image {
    pub folder: TempDir,
    pub machine: ImageMachine,
}

pub fn image() -> Image {
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(now())).unwrap();
    let machine = open(folder.path());
    Image { folder, machine }
}

pub fn open(folder: &Path) -> ImageMachine {
    ImageMachine::open(folder, DirtyHives::Refuse).unwrap()
}

/// A machine in memory with the services of another.
pub fn memory_of(machine: &dyn Machine) -> MemoryMachine {
    let memory = empty();
    memory.plant(&key(SERVICES), &tree_of(machine, SERVICES));
    memory
}

pub fn snapshot_of(machine: &dyn Machine, desired: &Desired) -> SnapshotMachine {
    let runs = machine.runs().unwrap();
    SnapshotMachine::from_json(&to_json(&facts(machine, desired), &runs, now()).unwrap()).unwrap()
}

pub struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _: &'static str, _: usize) {}
}

pub fn basis(desired: &Desired) -> DocumentBasis<'_> {
    DocumentBasis { desired, options: PlanOptions::at(now()) }
}

pub fn facts(machine: &dyn Machine, desired: &Desired) -> Facts {
    basis(desired).facts(machine, &NoSecrets).expect("the machine is observed")
}

pub fn plan(machine: &dyn Machine, desired: &Desired) -> Plan {
    basis(desired).plan(&facts(machine, desired)).expect("there is an order")
}

/// The plan's JSON, without what tells the machine.
pub fn plan_json(machine: &dyn Machine, desired: &Desired) -> serde_json::Value {
    let mut plan: serde_json::Value = serde_json::from_str(&json::plan(&plan(machine, desired)).unwrap()).unwrap();
    plan.as_object_mut().unwrap().retain(|name, _| name != "machine" && name != "findings");
    plan
}

pub fn options() -> ApplyOptions<'static> {
    ApplyOptions::new("a test", now(), &NoSecrets)
}

pub fn try_apply(machine: &dyn WritableMachine, desired: &Desired) -> Result<ApplyReport, ApplyError> {
    let basis = basis(desired);
    let facts = basis.facts(machine.as_machine(), &NoSecrets).expect("the machine is observed");
    let plan = basis.plan(&facts).expect("there is an order");
    let accept = vec!["services.critical".to_owned(), "services.cycle".to_owned()];
    apply(machine, &basis, &plan, &facts, &ApplyOptions { accept: &accept, ..options() }, &mut Silent)
}

/// Plans and applies; all of it is done, and nothing is left to do.
#[track_caller]
pub fn applied(machine: &dyn WritableMachine, desired: &Desired) -> ApplyReport {
    let report = try_apply(machine, desired).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let failed: Vec<_> = report.outcomes.iter().filter(|one| one.outcome != Outcome::Done).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let again = plan(machine.as_machine(), desired);
    assert!(!again.has_operations(), "{:#?}", told(&again));
    report
}

pub fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

pub fn last_run(machine: &dyn Machine) -> RunName {
    machine.runs().unwrap().pop().expect("there was a run")
}

/// Takes a run back; all of it.
#[track_caller]
pub fn take_back(machine: &dyn WritableMachine, run: &RunName) -> Plan {
    let past = past_run(machine.as_machine(), run).expect("it is readable");
    let steps = done_steps(machine.as_machine(), &past).done_or_unknown();
    let purpose = Purpose::Rollback { of: run.clone() };
    let basis = RollbackBasis { run: &past, steps: &steps, purpose, options: PlanOptions::at(now()) };
    let facts = basis.facts(machine.as_machine(), &NoSecrets).expect("the machine is observed");
    let plan = basis.plan(&facts).expect("there is an order");
    let report = apply(machine, &basis, &plan, &facts, &options(), &mut Silent);
    let report = report.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!((report.failed(), report.skipped()), (0, 0), "{:?}", report.outcomes);
    plan
}

const fn sign(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Keep => "=",
        Verdict::Change { action: PlanAction::Create, .. } => "+",
        Verdict::Change { action: PlanAction::Update, .. } => "~",
        Verdict::Change { action: PlanAction::Delete, .. } => "-",
        Verdict::Change { action: PlanAction::Replace, .. } => "±",
        Verdict::Blocked => "!",
        Verdict::Deferred => "»",
        Verdict::Pending => "…",
        Verdict::Unverifiable => "?",
        Verdict::Waived { .. } => "w",
    }
}

/// What a plan tells of everything that does not simply stay: a sign, entry and part, both sides in words, the reasons' codes.
pub fn told(plan: &Plan) -> Vec<String> {
    let line = |decision: &Decision| {
        let codes: Vec<&str> =
            decision.reasons.iter().map(|one| one.code.strip_prefix("services.").unwrap_or(&one.code)).collect();
        let part = decision.id.part().map(|part| format!(" {part}")).unwrap_or_default();
        let sides: Vec<String> = decision.operations().iter().map(sides).collect();
        format!("{} {}{part}:{} {}", sign(&decision.verdict), decision.id.name(), sides.concat(), codes.join(" "))
    };
    plan.decisions.iter().filter(|decision| decision.verdict != Verdict::Keep).map(line).collect()
}

fn sides(operation: &Operation) -> String {
    match operation {
        Operation::Configure { before, after, .. } => {
            format!(" {} → {}", before.as_deref().unwrap_or("-"), after.as_deref().unwrap_or("-"))
        }
        Operation::Adjust { before, after, .. } => format!(" {before} → {after}"),
        other => format!(" {other}"),
    }
}

/// The findings of a plan as `severity code`, those that only tell what could not be read left out.
pub fn found(plan: &Plan) -> Vec<String> {
    let own = plan.findings.iter().filter(|finding| finding.code.starts_with("services."));
    own.map(|finding| format!("{} {}", finding.severity, finding.code)).collect()
}

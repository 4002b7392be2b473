//! Machines to look at, and what a plan tells of them.

use std::sync::Arc;

use trueup::apply::{ApplyError, ApplyOptions, ApplyReport, Basis as _, DocumentBasis, Progress, apply};
use trueup::document::{Colour, Desired, FileReader, LoadFailure, LoadOptions, Loaded, ReadError, load, render};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::{Machine, NoSecrets, WritableMachine};
use trueup::model::fact::{Facts, KeyTree, Stored, ValueFact};
use trueup::model::registry::RegistryKey;
use trueup::model::registry_data::RegistryData;
use trueup::model::time::FileTime;
use trueup::model::verdict::{Action, Decision, Verdict};
use trueup::plan::{Plan, PlanOptions, build};

/// Owner and group SYSTEM, and full access for it, inherited by subkeys.
const SECURITY: &[u8] = &[
    1, 0, 4, 0x80, 0x14, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x2C, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 1,
    1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 2, 0, 0x1C, 0, 1, 0, 0, 0, 0, 2, 0x14, 0, 0x3F, 0, 0x0F, 0, 1, 1, 0, 0, 0, 0,
    0, 5, 0x12, 0, 0, 0,
];

pub fn start() -> jiff::Timestamp {
    "2026-03-01T00:00:00Z".parse().expect("it is a time")
}

pub fn key(text: &str) -> RegistryKey {
    RegistryKey::parse(text).expect("it is a key")
}

struct Text<'t>(&'t str);

impl FileReader for Text<'_> {
    fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        Ok(self.0.as_bytes().to_vec())
    }
}

pub struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _: &'static str, _: usize) {}
}

pub fn loaded(text: &str) -> Result<Loaded, LoadFailure> {
    load(&mut Text(text), &["site.yaml".into()], &LoadOptions::default())
}

/// A document; `version: 1` is put before it.
#[track_caller]
pub fn desired(text: &str) -> Desired {
    let text = format!("version: 1\n{text}");
    match loaded(&text) {
        Ok(loaded) => loaded.desired,
        Err(failure) => panic!("{}\n{text}", render(&failure.diagnostics, &failure.sources, Colour::Plain)),
    }
}

/// A machine with nothing on it but what every Windows has.
pub fn empty() -> MemoryMachine {
    let machine = MemoryMachine::new(Arc::from(SECURITY), FileTime(1));
    plant(&machine, r"HKLM\SOFTWARE\Microsoft", &[]);
    machine
}

/// A key with values, in place of what is there.
pub fn plant(machine: &MemoryMachine, at: &str, values: &[(&str, RegistryData)]) {
    let at = key(at);
    let value = |(name, data): &(&str, RegistryData)| ValueFact::new((*name).into(), Stored::Plain(data.clone()));
    let tree = KeyTree {
        name: at.name().into(),
        last_written: FileTime(2),
        security: Arc::from(SECURITY),
        values: values.iter().map(value).collect(),
        ..KeyTree::default()
    };
    machine.plant(&at, &tree);
}

pub fn basis(desired: &Desired) -> DocumentBasis<'_> {
    DocumentBasis { desired, options: PlanOptions::at(start()) }
}

pub fn facts(machine: &dyn Machine, desired: &Desired) -> Facts {
    basis(desired).facts(machine, &NoSecrets).expect("the machine is observed")
}

pub fn plan_of(desired: &Desired, facts: &Facts) -> Plan {
    build(desired, facts, PlanOptions::at(start())).expect("there is an order")
}

pub fn plan(machine: &dyn Machine, desired: &Desired) -> Plan {
    plan_of(desired, &facts(machine, desired))
}

/// Plans and applies.
pub fn try_apply(machine: &dyn WritableMachine, desired: &Desired) -> Result<ApplyReport, ApplyError> {
    let basis = basis(desired);
    let facts = basis.facts(machine.as_machine(), &NoSecrets).expect("the machine is observed");
    let plan = basis.plan(&facts).expect("there is an order");
    apply(machine, &basis, &plan, &facts, &ApplyOptions::new("a test", start(), &NoSecrets), &mut Silent)
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

/// What a plan tells of a decision: a sign, the address, and the reasons.
fn told_of(decision: &Decision) -> String {
    let reasons: Vec<String> = decision.reasons.iter().map(ToString::to_string).collect();
    format!("{} {} {}", sign(&decision.verdict), decision.id, reasons.join("; ")).trim_end().to_owned()
}

/// What a plan tells of everything that does not simply stay, in its order.
pub fn told(plan: &Plan) -> Vec<String> {
    plan.decisions.iter().filter(|decision| decision.verdict != Verdict::Keep).map(told_of).collect()
}

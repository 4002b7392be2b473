//! What tests of the running machine share: it is one, and they take turns.
#![allow(dead_code, reason = "not every test needs all of it")]

pub mod crypto_api;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use trueup::apply::{
    ApplyError, ApplyOptions, ApplyReport, Basis as _, DocumentBasis, Progress, Purpose, RollbackBasis, apply,
    done_steps, past_run,
};
use trueup::document::{Colour, Desired, FileReader, LoadOptions, ReadError, load, render};
use trueup::machine::{RunName, SecretSource, WritableMachine};
use trueup::model::secret::SecretReference;
use trueup::model::verdict::Verdict;
use trueup::plan::{Plan, PlanOptions};
use windows_registry::{Key, LOCAL_MACHINE};
use zeroize::Zeroizing;

/// All that the tests write in the registry.
pub const TEST: &str = r"SOFTWARE\trueup test";
pub const FOLDER: &str = r"C:\trueup test";
pub const RECORD: &str = r"C:\ProgramData\trueup";

pub struct Secrets;

impl SecretSource for Secrets {
    fn resolve(&self, _: &SecretReference) -> Result<Zeroizing<String>, String> {
        Ok(Zeroizing::new("correct horse".to_owned()))
    }
}

pub struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _: &'static str, _: usize) {}
}

struct Text<'t>(&'t str);

impl FileReader for Text<'_> {
    fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        Ok(self.0.as_bytes().to_vec())
    }
}

pub fn desired(text: &str) -> Desired {
    let text = format!("version: 1\n{text}\n").replace("TEST", &format!(r"HKLM\{TEST}"));
    match load(&mut Text(&text), &["site.yaml".into()], &LoadOptions::default()) {
        Ok(loaded) => loaded.desired,
        Err(failure) => panic!("{}\n{text}", render(&failure.diagnostics, &failure.sources, Colour::Plain)),
    }
}

/// There is one machine: the tests take turns. Each begins without what others left.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    clean();
    turn
}

pub fn clean() {
    let _may_be_absent = LOCAL_MACHINE.remove_tree(TEST);
    for folder in [FOLDER, RECORD] {
        if Path::new(folder).exists() {
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}

pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Nobody has seen all of it, which is what the tests are for.
pub fn options() -> ApplyOptions<'static> {
    ApplyOptions { accept_unproven: true, ..ApplyOptions::new("a test", now(), &Secrets) }
}

pub fn plan(machine: &dyn WritableMachine, desired: &Desired) -> Plan {
    let basis = DocumentBasis { desired, options: PlanOptions::at(now()) };
    basis.plan(&basis.facts(machine.as_machine(), &Secrets).unwrap()).unwrap()
}

pub fn try_apply(machine: &dyn WritableMachine, desired: &Desired) -> Result<ApplyReport, ApplyError> {
    let basis = DocumentBasis { desired, options: PlanOptions::at(now()) };
    let facts = basis.facts(machine.as_machine(), &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    apply(machine, &basis, &plan, &facts, &options(), &mut Silent)
}

pub fn applied(machine: &dyn WritableMachine, desired: &Desired) -> ApplyReport {
    let report = try_apply(machine, desired).unwrap();
    assert!(report.is_complete(), "{report:?}");
    report
}

pub fn rolled_back(machine: &dyn WritableMachine, run: &str) {
    let name: RunName = run.parse().unwrap();
    let report = taken_back(machine, &name, Purpose::Rollback { of: name.clone() });
    assert!(report.is_complete(), "{report:?}");
}

/// Takes a run back, whether it has ended or stopped.
pub fn taken_back(machine: &dyn WritableMachine, run: &RunName, purpose: Purpose) -> ApplyReport {
    let past = past_run(machine.as_machine(), run).unwrap();
    let steps = done_steps(machine.as_machine(), &past).done_or_unknown();
    let basis = RollbackBasis { run: &past, steps: &steps, purpose, options: PlanOptions::at(now()) };
    let facts = basis.facts(machine.as_machine(), &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    apply(machine, &basis, &plan, &facts, &options(), &mut Silent).unwrap()
}

/// What does not simply stay: its address and the codes of its reasons.
pub fn told(plan: &Plan) -> Vec<String> {
    let differing = plan.decisions.iter().filter(|decision| decision.verdict != Verdict::Keep);
    differing
        .map(|decision| {
            let codes: Vec<_> = decision.reasons.iter().map(|reason| reason.code.to_string()).collect();
            format!("{}: {}", decision.id, codes.join(" "))
        })
        .collect()
}

/// All that lies at and below a key, as the system tells it to anybody: `path|name|type|hex`.
pub fn dump(key: &str) -> Vec<String> {
    fn below(key: &Key, path: &str, out: &mut Vec<String>) {
        out.push(path.to_owned());
        let mut values: Vec<String> = key
            .values()
            .unwrap()
            .map(|(name, value)| format!("{path}|{name}|{}|{:02x?}", u32::from(value.ty()), &*value))
            .collect();
        values.sort();
        out.extend(values);
        let mut names: Vec<String> = key.keys().unwrap().collect();
        names.sort();
        for name in names {
            below(&key.open(&name).unwrap(), &format!("{path}\\{name}"), out);
        }
    }
    let mut out = Vec::new();
    if let Ok(key) = LOCAL_MACHINE.open(key) {
        below(&key, "", &mut out);
    }
    out
}

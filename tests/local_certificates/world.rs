//! The running machine and what is done with it.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use trueup::apply::{
    ApplyError, ApplyOptions, ApplyReport, Basis as _, DocumentBasis, Progress, Purpose, RollbackBasis, apply,
    done_steps, past_run, resume, settle, unfinished,
};
use trueup::document::{Colour, Desired, FileReader, LoadOptions, ReadError, load, render};
use trueup::machine::local::LocalMachine;
use trueup::machine::{SecretSource, WritableMachine};
use trueup::model::secret::SecretReference;
use trueup::model::verdict::Verdict;
use trueup::plan::{Plan, PlanOptions};
use zeroize::Zeroizing;

pub const FOLDER: &str = r"C:\trueup test";
const RECORD: &str = r"C:\ProgramData\trueup";

struct Secrets;

impl SecretSource for Secrets {
    fn resolve(&self, _: &SecretReference) -> Result<Zeroizing<String>, String> {
        Ok(Zeroizing::new("correct horse".to_owned()))
    }
}

struct Silent;

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
    let text = format!("version: 1\n{text}\n");
    match load(&mut Text(&text), &["site.yaml".into()], &LoadOptions::default()) {
        Ok(loaded) => loaded.desired,
        Err(failure) => panic!("{}\n{text}", render(&failure.diagnostics, &failure.sources, Colour::Plain)),
    }
}

/// There is one machine: the tests take turns. Each begins without a record.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for folder in [FOLDER, RECORD] {
        if Path::new(folder).exists() {
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
    turn
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn options() -> ApplyOptions<'static> {
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

#[track_caller]
pub fn applied(machine: &dyn WritableMachine, desired: &Desired) -> ApplyReport {
    let report = try_apply(machine, desired).unwrap();
    assert!(report.is_complete(), "{report:#?} {:#?}", told(&plan(machine, desired)));
    report
}

/// Finishes a run that stopped, or ends one that did nothing.
pub fn finish(machine: &LocalMachine, desired: &Desired) {
    let Some(open) = unfinished(machine).unwrap() else { return };
    let basis = DocumentBasis { desired, options: PlanOptions::at(now()) };
    if resume(machine, Some(&basis), &open.beginning.run, &options(), &mut Silent).is_err() {
        settle(machine, &open, &options()).unwrap();
    }
}

pub fn rolled_back(machine: &dyn WritableMachine, run: &str) {
    let name = run.parse().unwrap();
    let past = past_run(machine.as_machine(), &name).unwrap();
    let steps = done_steps(machine.as_machine(), &past).done_or_unknown();
    let basis = RollbackBasis {
        run: &past,
        steps: &steps,
        purpose: Purpose::Rollback { of: name },
        options: PlanOptions::at(now()),
    };
    let facts = basis.facts(machine.as_machine(), &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    let report = apply(machine, &basis, &plan, &facts, &options(), &mut Silent).unwrap();
    assert!(report.is_complete(), "{report:#?} {:#?}", told(&plan));
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

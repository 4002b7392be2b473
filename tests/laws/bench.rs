//! Machines that can be copied as they stand, in memory or as a folder, and what laws of recovery and rollback do with them: apply,
//! finish, take back, and compare what is there with what was.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use trueup::apply::{
    ApplyError, ApplyOptions, ApplyReport, Basis as _, JournalRun, Purpose, RollbackBasis, apply, done_steps, past_run,
    resume, settle,
};
use trueup::document::Desired;
use trueup::formats::regf;
use trueup::machine::memory::MemoryMachine;
use trueup::machine::{Machine, NoSecrets, RunName, WritableMachine};
use trueup::model::fact::Facts;
use trueup::model::fingerprint::Fingerprint;
use trueup::model::operation::Hold;
use trueup::model::remembered::Record;
use trueup::plan::{Plan, PlanOptions};

use super::generate::Hives;
use super::model::{Model, ModelKey};
use super::runner::Law;
use super::world::{FILES, Image, Silent, as_of, basis, image, memory, open, plan};

/// A machine of either sort.
#[expect(clippy::large_enum_variant, reason = "a test has one of them")]
pub enum Bench {
    Memory(MemoryMachine),
    Image(Image),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Memory,
    Image,
}

impl Bench {
    pub fn new(sort: Sort, hives: &Hives) -> Self {
        match sort {
            Sort::Memory => Self::Memory(memory(hives)),
            Sort::Image => Self::Image(image(hives)),
        }
    }

    pub fn machine(&self) -> &dyn WritableMachine {
        match self {
            Self::Memory(machine) => machine,
            Self::Image(image) => &image.machine,
        }
    }

    pub fn reader(&self) -> &dyn Machine {
        self.machine().as_machine()
    }

    pub fn model(&self) -> Model {
        match self {
            Self::Memory(machine) => Model::of_memory(machine),
            Self::Image(image) => Model::of_folder(image.folder.path()),
        }
    }

    /// Another machine in the same state, as somebody finds it who comes later.
    pub fn copy(&self) -> Self {
        match self {
            Self::Memory(machine) => Self::Memory(machine.duplicate()),
            Self::Image(image) => {
                let folder = tempfile::tempdir().expect("a folder can be made");
                copy_all(image.folder.path(), folder.path());
                let machine = open(folder.path());
                Self::Image(Image { folder, machine })
            }
        }
    }

    /// Hives are sound.
    pub fn is_sound(&self) -> Law {
        let Self::Image(image) = self else { return Ok(()) };
        for (_, file) in FILES {
            let bytes = fs::read(image.folder.path().join(file)).unwrap();
            prop_assert_eq!(regf::check(&bytes).unwrap(), Vec::new(), "{}", file);
        }
        Ok(())
    }

    pub fn record(&self) -> Record {
        self.reader().record().expect("it can be read").unwrap_or_default()
    }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("it can be listed") {
        let entry = entry.expect("it can be listed");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            fs::create_dir(&target).expect("it can be made");
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("it can be copied");
        }
    }
}

pub fn fail(error: impl std::error::Error) -> TestCaseError {
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    TestCaseError::fail(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

/// Plans and applies a document.
pub fn apply_to(
    machine: &dyn WritableMachine,
    desired: &Desired,
    options: &ApplyOptions<'_>,
) -> Result<ApplyReport, ApplyError> {
    let planned = plan(machine.as_machine(), desired);
    apply(machine, &basis(desired), &planned.plan, &planned.facts, options, &mut Silent)
}

/// The plan that takes a run back, with what it was made from.
pub fn rollback_plan(
    machine: &dyn Machine,
    run: &JournalRun,
    purpose: &Purpose,
    options: &ApplyOptions<'_>,
) -> (Facts, Plan) {
    with_basis(machine, run, purpose, options, |basis| {
        let facts = basis.facts(machine, &NoSecrets).expect("it can be observed");
        let plan = basis.plan(&facts).expect("a rollback has an order");
        (facts, plan)
    })
}

fn with_basis<T>(
    machine: &dyn Machine,
    run: &JournalRun,
    purpose: &Purpose,
    options: &ApplyOptions<'_>,
    then: impl FnOnce(&RollbackBasis<'_>) -> T,
) -> T {
    let steps = done_steps(machine, run).done_or_unknown();
    let hold = Hold::of(options.hold);
    let options = PlanOptions { hold, ..PlanOptions::at(as_of()) };
    then(&RollbackBasis { run, steps: &steps, purpose: purpose.clone(), options })
}

/// Takes a run back as the command does: by a run of its own, or by closing its journal when nothing of it is there.
pub fn take_back(
    machine: &dyn WritableMachine,
    run: &JournalRun,
    purpose: &Purpose,
    options: &ApplyOptions<'_>,
) -> Result<(Plan, Option<ApplyReport>), ApplyError> {
    let (facts, plan) = rollback_plan(machine.as_machine(), run, purpose, options);
    if !plan.has_operations() && matches!(purpose, Purpose::Undo { .. }) && plan.summary().blocked == 0 {
        settle(machine, run, options)?;
        return Ok((plan, None));
    }
    let report = with_basis(machine.as_machine(), run, purpose, options, |basis| {
        apply(machine, basis, &plan, &facts, options, &mut Silent)
    })?;
    Ok((plan, Some(report)))
}

pub fn undo_of(run: &JournalRun) -> Purpose {
    Purpose::Undo { of: run.beginning.run.clone() }
}

/// Finishes a run that stopped, whatever it was for.
pub fn finish(
    machine: &dyn WritableMachine,
    desired: &Desired,
    run: &RunName,
    options: &ApplyOptions<'_>,
) -> Result<ApplyReport, ApplyError> {
    resume(machine, Some(&basis(desired)), run, options, &mut Silent)
}

pub fn journal_of(machine: &dyn Machine, run: &RunName) -> JournalRun {
    past_run(machine, run).expect("the journal can be read")
}

/// Keys, values with their names, types and data, security, classes and links are equal; times are, but for the keys of which that is
/// said.
pub fn alike(found: &Model, expected: &Model, is_touched: impl Fn(&str) -> bool, what: &str) -> Law {
    for (path, key) in &expected.0 {
        let Some(there) = found.get(path) else {
            return Err(TestCaseError::fail(format!("{what}: {path} is not there")));
        };
        let time = if is_touched(path) { there.time } else { key.time };
        prop_assert_eq!(there, &ModelKey { time, ..key.clone() }, "{}: {}", what, path);
    }
    for path in found.0.keys() {
        prop_assert!(expected.get(path).is_some(), "{}: {} is there", what, path);
    }
    Ok(())
}

/// A record without the names and times of runs; of a secret's fingerprint, whether there is one: each machine has a key of its own.
pub fn timeless(record: &Record) -> Record {
    let mut record = record.clone();
    let (run, at) = (Box::<str>::from("some run"), jiff::Timestamp::UNIX_EPOCH);
    for entry in record.entries.values_mut() {
        (entry.run, entry.at) = (run.clone(), at);
        for trace in entry.parts.0.iter_mut().map(|(_, trace)| trace).chain(entry.whole.as_mut()) {
            trace.secret = trace.secret.and_then(|_| Fingerprint::from_hex(&"0".repeat(32)));
        }
    }
    for since in record.owed.reboot.iter_mut().chain(record.owed.restarts.values_mut()) {
        (since.run, since.at) = (run.clone(), at);
    }
    record
}

/// What a record remembers, entry by entry.
pub fn entries(record: &Record) -> BTreeMap<Box<str>, String> {
    record.entries.iter().map(|(key, entry)| (key.clone(), format!("{entry:?}"))).collect()
}

/// A record's entries are these, told one by one.
pub fn same_entries(found: &Record, expected: &BTreeMap<Box<str>, String>, what: &str) -> Law {
    let found = entries(found);
    for key in found.keys().chain(expected.keys()) {
        prop_assert_eq!(found.get(key), expected.get(key), "the record, {}: {}", what, key);
    }
    Ok(())
}

//! A machine in memory, a clock that goes on by itself, and a script of what is done there before a plan is looked at.

use std::cell::Cell;
use std::sync::Arc;

use trueup::apply::{
    ApplyError, ApplyOptions, ApplyReport, Basis as _, DocumentBasis, Progress, Purpose, RETAIN, RollbackBasis,
    RunOutcome, accept_baseline, apply, done_steps, history, past_run, resume,
};
use trueup::document::{Colour, Desired, FileReader, LoadOptions, ReadError, load, render};
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::{Machine as _, RunName, SecretSource, WritableMachine};
use trueup::model::fact::{KeyTree, Stored, ValueFact};
use trueup::model::registry::RegistryKey;
use trueup::model::registry_data::{REG_BINARY, REG_DWORD, REG_SZ, RegistryData};
use trueup::model::secret::SecretReference;
use trueup::model::time::FileTime;
use trueup::model::verdict::{Action, Verdict};
use trueup::plan::{Plan, PlanOptions};
use zeroize::Zeroizing;

/// Owner and group SYSTEM, and full access for it, inherited by subkeys.
const SECURITY: &[u8] = &[
    1, 0, 4, 0x80, 0x14, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x2C, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 1,
    1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 2, 0, 0x1C, 0, 1, 0, 0, 0, 0, 2, 0x14, 0, 0x3F, 0, 0x0F, 0, 1, 1, 0, 0, 0, 0,
    0, 5, 0x12, 0, 0, 0,
];
const START: &str = "2026-03-01T00:00:00Z";
const STEP: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// What happens before the plan that a case is about. Keys are named below `HKLM\SOFTWARE`, documents by their entries.
#[derive(Clone, Copy, Debug)]
pub enum Do {
    Apply(&'static str),
    /// Applies, and the first step that sets a value fails.
    Fails(&'static str),
    Rollback,
    Baseline(&'static str),
    Set(&'static str, &'static str, u32),
    Text(&'static str, &'static str, &'static str),
    Unset(&'static str, &'static str),
    Gone(&'static str),
    Renamed(&'static str, &'static str),
    /// Somebody gives the key another owner's access.
    Secured(&'static str),
    Secret(&'static str),
    At(&'static str),
    /// The machine was shut down at this time.
    Shutdown(&'static str),
}

/// A name, what is done, the document that is planned then, and what the plan tells.
pub type Case<'c> = (&'c str, &'c [Do], &'c str, &'c str);

/// Goes through all cases and names every one that tells something else.
#[track_caller]
pub fn check(cases: &[Case<'_>]) {
    let mut wrong = String::new();
    for (name, script, document, expected) in cases {
        let world = World::new();
        script.iter().for_each(|step| world.does(*step));
        let told = told(&world.plan(document));
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if told != expected {
            wrong.push_str(&format!("{name}:\n  expected {expected:#?}\n  told {told:#?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

pub struct World {
    pub machine: MemoryMachine,
    now: Cell<jiff::Timestamp>,
    secret: Cell<&'static str>,
    confirm_within: Cell<Option<std::time::Duration>>,
}

impl SecretSource for World {
    fn resolve(&self, _: &SecretReference) -> Result<Zeroizing<String>, String> {
        Ok(Zeroizing::new(self.secret.get().to_owned()))
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

/// A document of the entries below `HKLM\SOFTWARE`; lines before the first that is indented are its head.
pub fn desired(text: &str) -> Desired {
    let (head, entries): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| !line.starts_with(' '));
    let entries: Vec<String> = entries.iter().map(|line| format!("  HKLM\\SOFTWARE\\{}", line.trim())).collect();
    let text = format!("version: 1\n{}\nregistry:\n{}\n", head.join("\n"), entries.join("\n"));
    let text = text.replace("$(", "registry[\"HKLM\\SOFTWARE\\").replace(")$", "\"]");
    let text = if entries.is_empty() { text.replace("registry:\n", "registry: {}") } else { text };
    match load(&mut Text(&text), &["site.yaml".into()], &LoadOptions::default()) {
        Ok(loaded) => loaded.desired,
        Err(failure) => panic!("{}\n{text}", render(&failure.diagnostics, &failure.sources, Colour::Plain)),
    }
}

pub fn key(name: &str) -> RegistryKey {
    RegistryKey::parse(&format!("HKLM\\SOFTWARE\\{name}")).expect("it is a key")
}

fn data(value_type: u32, bytes: Vec<u8>) -> RegistryData {
    RegistryData { value_type, bytes: bytes.into() }
}

impl World {
    pub fn new() -> Self {
        Self {
            machine: MemoryMachine::new(Arc::from(SECURITY), FileTime(1)),
            now: Cell::new(START.parse().expect("it is a time")),
            secret: Cell::new("first"),
            confirm_within: Cell::new(None),
        }
    }

    /// Lets the next run be undone unless it is confirmed in time; those after it wait for nobody.
    pub fn set_confirm_within(&self, within: std::time::Duration) {
        self.confirm_within.set(Some(within));
    }

    pub fn basis<'d>(&self, desired: &'d Desired) -> DocumentBasis<'d> {
        DocumentBasis { desired, options: PlanOptions::at(self.now.get()) }
    }

    pub fn plan(&self, document: &str) -> Plan {
        let desired = desired(document);
        let basis = self.basis(&desired);
        let facts = basis.facts(&self.machine, self).expect("the machine is observed");
        basis.plan(&facts).expect("there is an order")
    }

    pub fn options<T>(&self, accept: &[&str], run: impl FnOnce(&ApplyOptions<'_>) -> T) -> T {
        let accept: Vec<String> = accept.iter().map(|code| (*code).to_owned()).collect();
        run(&ApplyOptions {
            accept: &accept,
            confirm_within: self.confirm_within.get(),
            undo_with: &["rollback".to_owned()],
            ..ApplyOptions::new("a test", self.now.get(), self)
        })
    }

    /// Applies a minute later, on this machine or one that wraps it.
    pub fn applies(
        &self,
        machine: &dyn WritableMachine,
        document: &str,
        accept: &[&str],
    ) -> Result<ApplyReport, ApplyError> {
        self.now.set(self.now.get() + STEP);
        let desired = desired(document);
        let basis = self.basis(&desired);
        let facts = basis.facts(machine.as_machine(), self).expect("the machine is observed");
        let plan = basis.plan(&facts).expect("there is an order");
        let result = self.options(accept, |options| {
            let options = ApplyOptions { retain: Some(RETAIN), ..*options };
            apply(machine, &basis, &plan, &facts, &options, &mut Silent)
        });
        self.confirm_within.set(None);
        result
    }

    pub fn apply(&self, document: &str) -> ApplyReport {
        let report = self.applies(&self.machine, document, &[]).expect("it is applied");
        assert!(report.is_complete(), "{report:?}");
        report
    }

    /// The plan that takes back the last run which was not taken back yet, and what becomes of it.
    pub fn rollback(&self, accept: &[&str]) -> (Plan, Result<ApplyReport, ApplyError>) {
        self.now.set(self.now.get() + STEP);
        let runs = history(&self.machine).expect("there is a record");
        let is_candidate = |run: &&trueup::apply::PastRun| {
            run.purpose == Some(Purpose::Apply)
                && run.taken_back_by.is_none()
                && matches!(run.outcome, RunOutcome::Ended { .. })
        };
        let name = runs.iter().find(is_candidate).expect("there is a run").run.clone();
        self.takes_back(&self.machine, name, accept)
    }

    pub fn rolls_back(&self, run: &RunName) -> Result<ApplyReport, ApplyError> {
        self.takes_back_on(&self.machine, run)
    }

    /// As [`World::rolls_back`], on this machine or one that wraps it.
    pub fn takes_back_on(&self, machine: &dyn WritableMachine, run: &RunName) -> Result<ApplyReport, ApplyError> {
        self.now.set(self.now.get() + STEP);
        self.takes_back(machine, run.clone(), &[]).1
    }

    /// Finishes a run that stopped when it was taking back another one.
    pub fn finishes(&self, run: &RunName) -> Result<ApplyReport, ApplyError> {
        self.now.set(self.now.get() + STEP);
        self.options(&[], |options| resume(&self.machine, None, run, options, &mut Silent))
    }

    fn takes_back(
        &self,
        machine: &dyn WritableMachine,
        name: RunName,
        accept: &[&str],
    ) -> (Plan, Result<ApplyReport, ApplyError>) {
        let past = past_run(&self.machine, &name).expect("it is readable");
        let steps = done_steps(&self.machine, &past).done_or_unknown();
        let options = PlanOptions::at(self.now.get());
        let basis = RollbackBasis { run: &past, steps: &steps, purpose: Purpose::Rollback { of: name }, options };
        let facts = basis.facts(&self.machine, self).expect("the machine is observed");
        let plan = basis.plan(&facts).expect("there is an order");
        let result = self.options(accept, |options| apply(machine, &basis, &plan, &facts, options, &mut Silent));
        (plan, result)
    }

    pub fn baseline(&self, document: &str) -> Result<Option<(usize, RunName)>, ApplyError> {
        self.now.set(self.now.get() + STEP);
        let desired = desired(document);
        self.options(&[], |options| accept_baseline(&self.machine, &self.basis(&desired), options))
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut KeyTree)) {
        let fresh = || KeyTree {
            name: name.into(),
            last_written: FileTime(2),
            link: false,
            security: Arc::from(SECURITY),
            class: None,
            values: Vec::new(),
            subkeys: Vec::new(),
        };
        let mut tree = self.machine.tree(&key(name)).unwrap_or_else(fresh);
        change(&mut tree);
        self.machine.plant(&key(name), &tree);
    }

    fn put(&self, name: &str, value: &str, data: RegistryData) {
        self.change(name, |tree| {
            tree.values.retain(|known| !known.name.eq_ignore_ascii_case(value));
            tree.values.push(ValueFact { name: value.into(), data: Stored::Plain(data), fingerprint: None });
        });
    }

    fn without(&self, name: &str) {
        let (above, last) = name.rsplit_once('\\').unwrap_or(("", name));
        let above = if above.is_empty() { RegistryKey::parse("HKLM\\SOFTWARE").expect("a key") } else { key(above) };
        let mut tree = self.machine.tree(&above).expect("it is there");
        tree.subkeys.retain(|subkey| !subkey.name.eq_ignore_ascii_case(last));
        self.machine.plant(&above, &tree);
    }

    pub fn does(&self, step: Do) {
        match step {
            Do::Apply(document) => drop(self.apply(document)),
            Do::Fails(document) => {
                // Before the first step come the journal's opening, its first line and that line's sync, then the key.
                let at = if self.machine.tree(&key("A")).is_some() { 4 } else { 5 };
                let faulty = FaultyMachine::new(&self.machine, Fault::Fail, at);
                let report = self.applies(&faulty, document, &[]).expect("it comes to its end");
                assert_eq!(report.failed(), 1, "{report:?}");
            }
            Do::Rollback => {
                let report = self.rollback(&[]).1.expect("it is taken back");
                assert_eq!(report.failed() + report.skipped() + report.left.blocked, 0, "{report:?}");
            }
            Do::Baseline(document) => drop(self.baseline(document).expect("it is accepted")),
            Do::Set(name, value, number) => self.put(name, value, data(REG_DWORD, number.to_le_bytes().to_vec())),
            Do::Text(name, value, text) => self.put(name, value, RegistryData::text(REG_SZ, text)),
            Do::Unset(name, value) => {
                self.change(name, |tree| tree.values.retain(|known| !known.name.eq_ignore_ascii_case(value)));
            }
            Do::Gone(name) => self.without(name),
            Do::Renamed(from, to) => {
                let tree = self.machine.tree(&key(from)).expect("it is there");
                self.without(from);
                self.machine.plant(&key(to), &tree);
            }
            Do::Secured(name) => self.change(name, |tree| {
                // The same with the right to read alone.
                let mut security = SECURITY.to_vec();
                let at = security.windows(4).position(|part| part == [0x3F, 0, 0x0F, 0]).expect("full access");
                security[at..at + 4].copy_from_slice(&[0x19, 0, 0x02, 0]);
                tree.security = security.into();
            }),
            Do::Secret(secret) => self.secret.set(secret),
            Do::At(time) => self.now.set(time.parse().expect("it is a time")),
            Do::Shutdown(time) => {
                let time: jiff::Timestamp = time.parse().expect("it is a time");
                let bytes = FileTime::from_timestamp(time).0.to_le_bytes().to_vec();
                let key = RegistryKey::parse(r"HKLM\SYSTEM\CurrentControlSet\Control\Windows").expect("it is a key");
                let value = ValueFact {
                    name: "ShutdownTime".into(),
                    data: Stored::Plain(data(REG_BINARY, bytes)),
                    fingerprint: None,
                };
                let tree = KeyTree {
                    name: "Windows".into(),
                    last_written: FileTime(2),
                    link: false,
                    security: Arc::from(SECURITY),
                    class: None,
                    values: vec![value],
                    subkeys: Vec::new(),
                };
                self.machine.plant(&key, &tree);
            }
        }
    }

    /// The record as its file would be, and the names of the runs.
    pub fn kept(&self) -> (Option<Vec<u8>>, Vec<RunName>) {
        (self.machine.record_bytes(), self.machine.runs().expect("it keeps runs"))
    }
}

/// What a plan tells beside what is as wanted, a line each, with short addresses.
pub fn told(plan: &Plan) -> Vec<String> {
    let short = |text: String| text.replace("registry[\"HKLM\\SOFTWARE\\", "").replace("\"]", "");
    let mut lines = Vec::new();
    for decision in &plan.decisions {
        let word = match &decision.verdict {
            Verdict::Keep => continue,
            Verdict::Change { action: Action::Create, .. } => "+",
            Verdict::Change { action: Action::Delete, .. } => "-",
            Verdict::Change { .. } => "~",
            Verdict::Blocked => "blocked",
            Verdict::Waived { .. } => "waived",
            Verdict::Unverifiable => "unverifiable",
            Verdict::Deferred | Verdict::Pending => "later",
        };
        let cause = decision.cause.map(|cause| format!(" {}", cause.word())).unwrap_or_default();
        lines.push(format!("{word} {}{cause}", short(decision.id.to_string())));
    }
    for orphan in &plan.orphans {
        let parts = if orphan.parts > 0 { format!(" with {}", orphan.parts) } else { String::new() };
        let mark = if orphan.protect { " protected" } else { "" };
        lines.push(format!("orphan {}{parts}{mark}", short(orphan.address.to_string())));
    }
    if plan.elsewhere > 0 {
        lines.push(format!("elsewhere {}", plan.elsewhere));
    }
    lines.extend(plan.bookkeeping.iter().map(|book| {
        let text = short(book.to_string());
        text.split(": ").next().unwrap_or_default().to_owned()
    }));
    if plan.owed.reboot.is_some() {
        lines.push("owed reboot".to_owned());
    }
    lines.extend(plan.owed.restarts.keys().map(|name| format!("owed restart of {name}")));
    lines.extend(plan.findings.iter().map(|finding| format!("{} {}", finding.severity, finding.code)));
    lines
}

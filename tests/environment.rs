//! Environment variables: what is planned for each form, on a machine in memory and on an image, and what comes of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen as tests"
)]

use std::sync::Arc;

use trueup::apply::{
    ApplyOptions, Basis as _, DocumentBasis, Progress, Purpose, RollbackBasis, apply, done_steps, past_run,
};
use trueup::document::{Colour, Desired, FileReader, LoadOptions, ReadError, load, render};
use trueup::machine::image::{DirtyHives, ImageMachine};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::{Machine as _, SecretSource, WritableMachine};
use trueup::model::fact::{KeyTree, Stored, ValueFact};
use trueup::model::registry::RegistryKey;
use trueup::model::registry_data::{REG_DWORD, REG_EXPAND_SZ, REG_SZ, RegistryData};
use trueup::model::secret::SecretReference;
use trueup::model::time::FileTime;
use trueup::model::verdict::Verdict;
use trueup::plan::{Plan, PlanOptions};
use zeroize::Zeroizing;

const KEY: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment";
const USER: &str = r"HKU\S-1-5-21-1-2-3-1001\Environment";

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

fn loaded(text: &str) -> Result<Desired, String> {
    let text = format!("version: 1\nenvironment:\n{text}\n");
    match load(&mut Text(&text), &["site.yaml".into()], &LoadOptions::default()) {
        Ok(loaded) => Ok(loaded.desired),
        Err(failure) => Err(render(&failure.diagnostics, &failure.sources, Colour::Plain)),
    }
}

fn key(text: &str) -> RegistryKey {
    RegistryKey::parse(text).unwrap()
}

fn now() -> jiff::Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

/// `NAME=text`; a text with a `%` is expanded, one of digits behind a `#` is a number.
fn tree(name: &str, variables: &[&str]) -> KeyTree {
    let value = |line: &&str| {
        let (name, text) = line.split_once('=').unwrap();
        let data = match text.strip_prefix('#') {
            Some(number) => {
                let bytes = number.parse::<u32>().unwrap().to_le_bytes();
                RegistryData { value_type: REG_DWORD, bytes: bytes.to_vec().into() }
            }
            None => RegistryData::text(if text.contains('%') { REG_EXPAND_SZ } else { REG_SZ }, text),
        };
        ValueFact { name: name.into(), data: Stored::Plain(data), fingerprint: None }
    };
    KeyTree {
        name: name.into(),
        last_written: FileTime(2),
        security: Arc::from(&b"x"[..]),
        values: variables.iter().map(value).collect(),
        ..KeyTree::default()
    }
}

fn machine(variables: &[&str]) -> MemoryMachine {
    let machine = MemoryMachine::new(Arc::from(&b"x"[..]), FileTime(1));
    machine.plant(&key(KEY), &tree("Environment", variables));
    machine.plant(&key(USER), &tree("Environment", variables));
    machine
}

/// The variables below a key, as [`tree`] takes them, sorted.
fn variables(machine: &MemoryMachine, at: &str) -> Vec<String> {
    let shown = |value: &ValueFact| {
        let data = value.data.plain().unwrap();
        let sort = if data.value_type == REG_EXPAND_SZ { "%" } else { "" };
        format!("{sort}{}={data}", value.name)
    };
    let mut all: Vec<String> = machine.tree(&key(at)).unwrap().values.iter().map(shown).collect();
    all.sort();
    all
}

fn plan(machine: &dyn WritableMachine, desired: &Desired) -> Plan {
    let basis = DocumentBasis { desired, options: PlanOptions::at(now()) };
    basis.plan(&basis.facts(machine.as_machine(), &Secrets).unwrap()).unwrap()
}

fn applied(machine: &dyn WritableMachine, desired: &Desired) -> Option<String> {
    let basis = DocumentBasis { desired, options: PlanOptions::at(now()) };
    let facts = basis.facts(machine.as_machine(), &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    let options = ApplyOptions::new("a test", now(), &Secrets);
    let report = apply(machine, &basis, &plan, &facts, &options, &mut Silent).unwrap();
    assert_eq!((report.failed(), report.remaining_operations), (0, 0), "{report:?}");
    report.run
}

fn rolled_back(machine: &dyn WritableMachine, run: &str) {
    let name = run.parse().unwrap();
    let past = past_run(machine.as_machine(), &name).unwrap();
    let steps = done_steps(machine.as_machine(), &past).done_or_unknown();
    let purpose = Purpose::Rollback { of: name };
    let basis = RollbackBasis { run: &past, steps: &steps, purpose, options: PlanOptions::at(now()) };
    let facts = basis.facts(machine.as_machine(), &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    let options = ApplyOptions::new("a test", now(), &Secrets);
    let report = apply(machine, &basis, &plan, &facts, &options, &mut Silent).unwrap();
    assert!(report.is_complete(), "{report:?}");
}

/// What a plan tells beside what is as wanted: `part code`, a line each, then the codes of its findings.
fn told(plan: &Plan) -> String {
    let word = |verdict: &Verdict| match verdict {
        Verdict::Keep => None,
        Verdict::Change { .. } => Some(""),
        Verdict::Blocked => Some("blocked "),
        Verdict::Deferred => Some("deferred "),
        Verdict::Unverifiable => Some("unverifiable "),
        Verdict::Pending | Verdict::Waived { .. } => Some("? "),
    };
    let decisions = plan.decisions.iter().filter_map(|decision| {
        let codes: Vec<&str> = decision.reasons.iter().map(|reason| &*reason.code).collect();
        let codes = codes.join(" ").replace("environment.", "");
        Some(format!("{}{} {codes}", word(&decision.verdict)?, decision.id.part().unwrap_or("whole")))
    });
    let unmanaged = plan.unmanaged.iter().map(|id| format!("unmanaged {}", id.part().unwrap_or_default()));
    let findings = plan.findings.iter().map(|finding| format!("[{}]", finding.code));
    decisions.chain(unmanaged).chain(findings).collect::<Vec<_>>().join(", ")
}

/// A name, what is there, what is wanted of `machine`, what the plan tells, and what is there then.
type Case<'c> = (&'c str, &'c [&'c str], &'c str, &'c str, &'c [&'c str]);

#[test]
fn variables_become_what_is_wanted() {
    let long = "x".repeat(3_000);
    let lists = format!("contains: ['{long}']");
    let cases: &[Case<'_>] = &[
        ("the same", &["A=x"], "variables: { A: x }", "", &["A=REG_SZ \"x\""]),
        ("new", &[], "variables: { A: x }", "A absent", &["A=REG_SZ \"x\""]),
        ("other", &["A=y"], "variables: { A: x }", "A data_differs", &["A=REG_SZ \"x\""]),
        ("the name keeps its case", &["Path=y"], "variables: { PATH: x }", "PATH data_differs", &["Path=REG_SZ \"x\""]),
        ("case counts in a text", &["A=X"], "variables: { A: x }", "A data_differs", &["A=REG_SZ \"x\""]),
        ("expanded", &["A=x"], "variables: { A: '%T%\\x' }", "A type_differs", &["%A=REG_EXPAND_SZ \"%T%\\x\""]),
        ("one percent sign", &[], "variables: { A: 100% }", "A absent", &["A=REG_SZ \"100%\""]),
        (
            "not to be expanded",
            &["A=%T%"],
            "variables: { A: { value: '%T%', expand: false } }",
            "A type_differs",
            &["A=REG_SZ \"%T%\""],
        ),
        ("wrong type", &["A=#1"], "variables: { A: '1' }", "A type_differs", &["A=REG_SZ \"1\""]),
        ("empty", &["A=x"], "variables: { A: '' }", "A data_differs", &["A=REG_SZ \"\""]),
        ("absent", &["A=x", "B=y"], "variables: { a: absent }", "a not_wanted", &["B=REG_SZ \"y\""]),
        ("absent already", &[], "variables: { A: absent }", "", &[]),
        (
            "a secret",
            &["A=x"],
            "variables: { A: { secret: { env: S } } }",
            "A secret.differs",
            &["A=REG_SZ \"correct horse\""],
        ),
        (
            "a secret that is there",
            &["A=correct horse"],
            "variables: { A: { secret: { env: S } } }",
            "",
            &["A=REG_SZ \"correct horse\""],
        ),
        ("a list", &["P=a;b"], "variables: { P: { contains: [c] } }", "P data_differs", &["P=REG_SZ \"a;b;c\""]),
        (
            "at the beginning",
            &["P=a;b"],
            "variables: { P: { contains: [c, B], at: first } }",
            "P data_differs",
            &["P=REG_SZ \"c;a;b\""],
        ),
        (
            "a list that holds",
            &["P=%T%\\x\\;b"],
            "variables: { P: { contains: ['%t%\\X'] } }",
            "",
            &["%P=REG_EXPAND_SZ \"%T%\\x\\;b\""],
        ),
        ("a new list", &[], "variables: { P: { contains: [c] } }", "P absent", &["%P=REG_EXPAND_SZ \"c\""]),
        ("a list that is not there lacks all", &[], "variables: { P: { lacks: [c] } }", "", &[]),
        ("lacks", &["P=a;B;b\\;c"], "variables: { P: { lacks: [b] } }", "P data_differs", &["P=REG_SZ \"a;c\""]),
        (
            "a list gets a name to expand",
            &["P=a"],
            "variables: { P: { contains: ['%T%'] } }",
            "P type_differs",
            &["%P=REG_EXPAND_SZ \"a;%T%\""],
        ),
        (
            "a list that is no text",
            &["P=#7"],
            "variables: { P: { contains: [c] } }",
            "blocked P no_text",
            &["P=REG_DWORD 7"],
        ),
        (
            "too long",
            &["P=a"],
            &format!("variables: {{ P: {{ {lists} }} }}"),
            "P data_differs, [environment.long_list]",
            &[&format!("P=REG_SZ \"a;{long}\"")],
        ),
        ("exclusive", &["A=x", "B=y"], "exclusive: true, variables: { A: x }", "B not_named", &["A=REG_SZ \"x\""]),
        (
            "listed",
            &["A=x", "B=y"],
            "report_unmanaged: true, variables: { A: x }",
            "unmanaged B",
            &["A=REG_SZ \"x\"", "B=REG_SZ \"y\""],
        ),
    ];
    let mut wrong = String::new();
    for (name, there, wanted, expected, then) in cases {
        for (owner, at) in [("machine", KEY), ("S-1-5-21-1-2-3-1001", USER)] {
            let desired =
                loaded(&format!("  {owner}: {{ {wanted} }}")).unwrap_or_else(|error| panic!("{name}\n{error}"));
            let machine = machine(there);
            let before = variables(&machine, at);
            let plan = plan(&machine, &desired);
            let run = applied(&machine, &desired);
            let found = (told(&plan), variables(&machine, at));
            let mut then: Vec<String> = then.iter().map(|line| (*line).to_owned()).collect();
            then.sort();
            if found != ((*expected).to_owned(), then) {
                wrong.push_str(&format!("{name} of {owner}: {found:#?}\n"));
            }
            assert!(applied(&machine, &desired).is_none(), "{name}: twice");
            // What was a secret's place is not kept, so that case cannot be taken back.
            if let Some(run) = run.filter(|_| !wanted.contains("secret")) {
                rolled_back(&machine, &run);
                assert_eq!(variables(&machine, at), before, "{name}: taken back");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_was_a_secret_stays_one() {
    for after in ["variables: { A: absent }", "variables: { A: new }", "exclusive: true", "report_unmanaged: true"] {
        for owner in ["machine", "S-1-5-21-1-2-3-1001"] {
            let machine = machine(&[]);
            let secret = "variables: { A: { secret: { env: S } } }";
            applied(&machine, &loaded(&format!("  {owner}: {{ {secret} }}")).unwrap()).unwrap();
            let desired = loaded(&format!("  {owner}: {{ {after} }}")).unwrap();
            let told = format!("{:?}", plan(&machine, &desired));
            assert!(!told.contains("correct horse") && !told.contains("99, 111, 114"), "{after} of {owner}: {told}");
            applied(&machine, &desired);
            for run in machine.runs().unwrap() {
                let journal = machine.journal_bytes(&run.to_string()).unwrap();
                let journal = String::from_utf8_lossy(&journal);
                assert!(!journal.contains("correct horse") && !journal.contains("63006f007200"), "{after} of {owner}");
            }
        }
    }
}

#[test]
fn what_left_an_owned_set_is_no_orphan() {
    let machine = machine(&[]);
    applied(&machine, &loaded("  machine: { variables: { A: x, B: y } }").unwrap()).unwrap();
    let owned = loaded("  machine: { exclusive: true, variables: { A: x } }").unwrap();
    applied(&machine, &owned).unwrap();
    let plan = plan(&machine, &owned);
    assert!(plan.orphans.is_empty() && told(&plan).is_empty(), "{:?} {}", plan.orphans, told(&plan));
    // Without owning the set, what is not named any more stays, and is told.
    let named = loaded("  machine: { variables: { C: z } }").unwrap();
    applied(&machine, &named).unwrap();
    let orphans = self::plan(&machine, &named).orphans;
    assert_eq!(orphans.iter().map(|orphan| orphan.address.to_string()).collect::<Vec<_>>(), ["environment.machine.A"]);
}

#[test]
fn an_account_that_nobody_knows_is_blocked() {
    let desired = loaded("  nobody: { variables: { A: x } }").unwrap();
    let plan = plan(&machine(&[]), &desired);
    assert!(told(&plan).contains("blocked whole unknown_account, blocked A unknown_account"), "{}", told(&plan));
    assert!(!plan.has_operations());
}

#[test]
fn documents_are_refused_with_the_reason() {
    for (text, code, words) in [
        ("  machine: { ensure: absent }", "environment.absent", "an environment cannot go"),
        ("  machine: { variables: { 'A=B': x } }", "environment.bad_name", "cannot hold `=`"),
        ("  machine: { variables: { '': x } }", "environment.bad_name", "is empty"),
        ("  machine: { variables: { \"A\\tB\": x } }", "environment.bad_name", "control characters"),
        ("  machine: { variables: { A: x, a: y } }", "environment.named_twice", "names compare without case"),
        ("  machine: {}\n  MACHINE: {}", "environment.owner_twice", "names compare without case"),
        ("  ' ': {}", "environment.bad_owner", "this is no account"),
        (
            "  machine: { variables: { A: { value: x, contains: [y] } } }",
            "environment.bad_variable",
            "either a `value`",
        ),
        ("  machine: { variables: { A: {} } }", "environment.bad_variable", "either a `value`"),
        (
            "  machine: { variables: { A: { contains: ['a;b'] } } }",
            "environment.bad_element",
            "write each element by itself",
        ),
        ("  machine: { variables: { A: { contains: [''] } } }", "environment.bad_element", "neither empty"),
        (
            "  machine: { variables: { A: { contains: [x], lacks: [X] } } }",
            "environment.contradiction",
            "must not be in it",
        ),
        ("  machine: { variables: { A: \"x\\0\" } }", "environment.bad_value", "null character"),
        ("  machine: { variables: { A: 1 } }", "document.", "1"),
    ] {
        let error = loaded(text).expect_err(text);
        assert!(error.contains(&format!("error[{code}")) && error.contains(words), "{text}\n{error}");
    }
}

/// The demo's image: the same as in memory, and back to the byte.
#[test]
fn an_image_converges_and_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("image");
    trueup::machine::image::sample::make(&root, "ACS-01", FileTime(3)).unwrap();
    let desired = loaded(
        "  machine: { variables: { ACS_HOME: 'C:\\acs', NEW: x, Path: { contains: ['%ACS_HOME%\\bin'] } } }\n  svc-acs: { variables: { ONE: '1' } }",
    )
    .unwrap();
    let image = ImageMachine::open(&root, DirtyHives::Refuse).unwrap();
    let values = |image: &ImageMachine| {
        let all = trueup::model::fact::KeyAspects {
            values: trueup::model::fact::ValueSelection::All,
            ..trueup::model::fact::KeyAspects::default()
        };
        let state = image.registry().unwrap().read(&[(key(KEY), all)]).pop().unwrap().unwrap();
        let trueup::model::fact::KeyState::Present(fact) = state else { panic!("it is there") };
        fact.values().into_iter().map(|value| (value.name.clone(), value.data.clone())).collect::<Vec<_>>()
    };
    let before = values(&image);
    assert_eq!(told(&plan(&image, &desired)), "ACS_HOME data_differs, NEW absent, Path data_differs, ONE absent");
    let run = applied(&image, &desired).unwrap();
    assert!(applied(&image, &desired).is_none());
    assert_ne!(values(&image), before);
    rolled_back(&image, &run);
    assert_eq!(values(&image), before);
}

//! A machine in memory, what is done with it, and what a plan tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use trueup::apply::{
    ApplyError, ApplyOptions, ApplyReport, Basis as _, DocumentBasis, Progress, Purpose, RollbackBasis, apply,
    done_steps, past_run,
};
use trueup::document::{Colour, Desired, FileReader, LoadFailure, LoadOptions, Loaded, ReadError, load, render};
use trueup::formats::certificate_files::{pem, read_certificates};
use trueup::formats::certificate_store::{StoreBlob, StorePlace};
use trueup::formats::x509::{Certificate, PrivateKey, RevocationList};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::{Machine, RunName, SecretSource, WritableMachine};
use trueup::model::fact::{Facts, KeyTree, Stored, ValueFact};
use trueup::model::file::FilePath;
use trueup::model::registry::RegistryKey;
use trueup::model::registry_data::RegistryData;
use trueup::model::secret::SecretReference;
use trueup::model::time::FileTime;
use trueup::model::verdict::{Action, Decision, Verdict};
use trueup::plan::{Plan, PlanOptions};
use zeroize::Zeroizing;

/// Owner and group SYSTEM, and full access for it, inherited by subkeys.
const SECURITY: &[u8] = &[
    1, 0, 4, 0x80, 0x14, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x2C, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 1,
    1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 2, 0, 0x1C, 0, 1, 0, 0, 0, 0, 2, 0x14, 0, 0x3F, 0, 0x0F, 0, 1, 1, 0, 0, 0, 0,
    0, 5, 0x12, 0, 0, 0,
];

/// When everything begins.
pub const START: &str = "2026-03-01T00:00:00Z";
/// The password of every PFX file.
pub const PASSWORD: &str = "correct horse";

pub const DAY: i64 = 86_400;

pub fn moment(text: &str) -> jiff::Timestamp {
    text.parse().expect("it is a time")
}

pub fn start() -> jiff::Timestamp {
    moment(START)
}

pub fn after(days: i64) -> jiff::Timestamp {
    start() + jiff::SignedDuration::from_secs(days * DAY)
}

pub fn path(text: &str) -> FilePath {
    FilePath::parse(text).expect("it is a path")
}

pub fn key(text: &str) -> RegistryKey {
    RegistryKey::parse(text).expect("it is a key")
}

pub struct Secrets;

impl SecretSource for Secrets {
    fn resolve(&self, _: &SecretReference) -> Result<Zeroizing<String>, String> {
        Ok(Zeroizing::new(PASSWORD.to_owned()))
    }
}

pub struct Silent;

impl Progress for Silent {
    fn phase(&mut self, _: &'static str, _: usize) {}
}

pub struct Text<'t>(pub &'t str);

impl FileReader for Text<'_> {
    fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        Ok(self.0.as_bytes().to_vec())
    }
}

pub fn loaded(text: &str) -> Result<Loaded, LoadFailure> {
    load(&mut Text(text), &["site.yaml".into()], &LoadOptions::default())
}

/// A document; `version: 1` is put before it.
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

pub fn tree(name: &str, values: &[(&str, RegistryData)]) -> KeyTree {
    let value = |(name, data): &(&str, RegistryData)| ValueFact {
        name: (*name).into(),
        data: Stored::Plain(data.clone()),
        fingerprint: None,
    };
    KeyTree {
        name: name.into(),
        last_written: FileTime(2),
        security: Arc::from(SECURITY),
        values: values.iter().map(value).collect(),
        ..KeyTree::default()
    }
}

/// A key with values, in place of what is there.
pub fn plant(machine: &MemoryMachine, at: &str, values: &[(&str, RegistryData)]) {
    let at = key(at);
    machine.plant(&at, &tree(at.name(), values));
}

pub fn basis(desired: &Desired, at: jiff::Timestamp) -> DocumentBasis<'_> {
    DocumentBasis { desired, options: PlanOptions::at(at) }
}

pub fn facts(machine: &dyn Machine, desired: &Desired, at: jiff::Timestamp) -> Facts {
    basis(desired, at).facts(machine, &Secrets).expect("the machine is observed")
}

pub fn plan(machine: &dyn Machine, desired: &Desired, at: jiff::Timestamp) -> Plan {
    basis(desired, at).plan(&facts(machine, desired, at)).expect("there is an order")
}

pub fn options(at: jiff::Timestamp) -> ApplyOptions<'static> {
    ApplyOptions::new("a test", at, &Secrets)
}

/// Plans and applies.
pub fn try_apply(
    machine: &dyn WritableMachine,
    desired: &Desired,
    at: jiff::Timestamp,
) -> Result<ApplyReport, ApplyError> {
    let basis = basis(desired, at);
    let facts = basis.facts(machine.as_machine(), &Secrets).expect("the machine is observed");
    let plan = basis.plan(&facts).expect("there is an order");
    apply(machine, &basis, &plan, &facts, &options(at), &mut Silent)
}

/// Plans and applies; all of it is done.
#[track_caller]
pub fn applied(machine: &dyn WritableMachine, desired: &Desired, at: jiff::Timestamp) -> ApplyReport {
    let report = try_apply(machine, desired, at).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let failed: Vec<_> = report.outcomes.iter().filter(|one| one.outcome != trueup::apply::Outcome::Done).collect();
    let again = || told(&plan(machine.as_machine(), desired, at));
    assert!(report.is_complete(), "{failed:?}; {:#?}", again());
    report
}

pub fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The plan that takes a run back, and what becomes of it.
pub fn take_back(
    machine: &dyn WritableMachine,
    run: &RunName,
    purpose: Purpose,
    at: jiff::Timestamp,
) -> (Plan, Result<ApplyReport, ApplyError>) {
    let past = past_run(machine.as_machine(), run).expect("it is readable");
    let steps = done_steps(machine.as_machine(), &past).done_or_unknown();
    let basis = RollbackBasis { run: &past, steps: &steps, purpose, options: PlanOptions::at(at) };
    let facts = basis.facts(machine.as_machine(), &Secrets).expect("the machine is observed");
    let plan = basis.plan(&facts).expect("there is an order");
    let result = apply(machine, &basis, &plan, &facts, &options(at), &mut Silent);
    (plan, result)
}

/// What lies on a machine in memory, its record aside: files, and values with their keys. Times are not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holds {
    pub files: BTreeMap<String, Vec<u8>>,
    pub values: BTreeMap<String, Vec<u8>>,
}

pub fn holds(machine: &MemoryMachine) -> Holds {
    fn walk(path: &str, tree: &KeyTree, out: &mut BTreeMap<String, Vec<u8>>) {
        for value in &tree.values {
            let data = value.data.plain().expect("it is not sealed");
            let bytes = [&data.value_type.to_le_bytes()[..], &data.bytes].concat();
            out.insert(format!("{path} {}", value.name), bytes);
        }
        for subkey in &tree.subkeys {
            walk(&format!("{path}\\{}", subkey.name), subkey, out);
        }
    }
    let mut values = BTreeMap::new();
    for hive in [r"HKLM\SOFTWARE", r"HKLM\SYSTEM", r"HKU\.DEFAULT"] {
        walk(hive, &machine.tree(&key(hive)).expect("it is there"), &mut values);
    }
    let files = machine.all_files().into_iter().map(|(path, bytes)| (path.to_string(), bytes)).collect();
    Holds { files, values }
}

pub fn read(machine: &dyn Machine, at: &str) -> Option<Vec<u8>> {
    match machine.files().expect("it has files").read(&path(at), 1 << 20).expect("it can be read") {
        trueup::machine::FileRead::Present { bytes, .. } => Some(bytes.to_vec()),
        trueup::machine::FileRead::Absent { .. } => None,
    }
}

/// The certificates in a file, in its order.
pub fn certificates(machine: &dyn Machine, at: &str) -> Vec<Certificate> {
    let bytes = read(machine, at).unwrap_or_else(|| panic!("{at} is not there"));
    let ders = read_certificates(&bytes).expect("they can be read");
    ders.iter().map(|der| Certificate::parse(der).expect("it is one")).collect()
}

pub fn certificate(machine: &dyn Machine, at: &str) -> Certificate {
    certificates(machine, at).into_iter().next().expect("there is one")
}

pub fn private_key(machine: &dyn Machine, at: &str) -> PrivateKey {
    let bytes = read(machine, at).unwrap_or_else(|| panic!("{at} is not there"));
    PrivateKey::from_pem(std::str::from_utf8(&bytes).expect("it is text")).expect("it is a key")
}

pub fn revocation_list(machine: &dyn Machine, at: &str) -> RevocationList {
    let bytes = read(machine, at).unwrap_or_else(|| panic!("{at} is not there"));
    match std::str::from_utf8(&bytes).ok().filter(|text| pem::is_pem(text)) {
        Some(text) => RevocationList::parse(&pem::decode(text).expect("it is PEM")[0].der).expect("it is a list"),
        None => RevocationList::parse(&bytes).expect("it is a list"),
    }
}

/// The key of a store.
pub fn store(place: &str) -> RegistryKey {
    StorePlace::parse(place).expect("it is a store").registry_key().expect("it is in the registry")
}

/// The certificates of a store with their friendly names.
pub fn stored(machine: &MemoryMachine, place: &str) -> Vec<(Certificate, Option<String>)> {
    let Some(tree) = machine.tree(&store(place)) else { return Vec::new() };
    let blob = |tree: &KeyTree| {
        let data = tree.values[0].data.plain().expect("it is not sealed").bytes.to_vec();
        let blob = StoreBlob::parse(&data).expect("it is an element");
        (Certificate::parse(blob.certificate()).expect("it is one"), blob.friendly_name())
    };
    tree.subkeys.iter().map(blob).collect()
}

/// Puts a certificate into a store, as somebody else would.
pub fn plant_stored(machine: &MemoryMachine, place: &str, certificate: &Certificate, name: Option<&str>) {
    let blob = StoreBlob::new(certificate.der(), &certificate.public_key().identifier()).with_friendly_name(name);
    let print = trueup::model::thumbprint::Thumbprint::of(certificate.der());
    let data = RegistryData::new(trueup::model::registry_data::REG_BINARY, blob.to_bytes());
    plant(machine, &format!("{}\\{print}", store(place)), &[("Blob", data)]);
}

/// Takes all out of a store, as somebody else would.
pub fn empty_store(machine: &MemoryMachine, place: &str) {
    plant(machine, &store(place).to_string(), &[]);
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

/// A resource as `entry part`, thumbprints without their digits.
pub fn short(decision: &Decision) -> String {
    let part = decision.id.part().map(|part| format!(" {part}")).unwrap_or_default();
    let words = part.split(' ').map(|word| {
        let is_print = word.len() == 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_print { "#" } else { word }
    });
    format!("{}{}", decision.id.name(), words.collect::<Vec<_>>().join(" "))
}

/// What a plan tells of everything that does not simply stay, in its order: a sign, the address, and the codes of the reasons.
pub fn told(plan: &Plan) -> Vec<String> {
    let codes = |decision: &Decision| {
        let codes = decision.reasons.iter().map(|reason| reason.code.trim_start_matches("certificate.").to_owned());
        codes.collect::<Vec<_>>().join(" ")
    };
    let differing = plan.decisions.iter().filter(|decision| decision.verdict != Verdict::Keep);
    differing.map(|decision| format!("{} {}: {}", sign(&decision.verdict), short(decision), codes(decision))).collect()
}

/// The findings of a plan as `severity code`.
pub fn found(plan: &Plan) -> Vec<String> {
    plan.findings.iter().map(|finding| format!("{} {}", finding.severity, finding.code)).collect()
}

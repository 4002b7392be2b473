//! The laws over generated estates of certificates: what is applied stays, is taken back exactly, and survives
//! every stop.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use trueup::apply::{ApplyError, ApplyReport, Purpose, RunState, past_run, resume, unfinished};
use trueup::document::Desired;
use trueup::formats::certificate_files::{pfx, read_certificates};
use trueup::formats::x509::{Certificate, PrivateKey};
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::snapshot::{SnapshotMachine, to_json};
use trueup::machine::{Machine, RunName, WritableMachine, WriteError};
use trueup::plan::Plan;
use trueup::report::json;

use super::world::{
    DAY, PASSWORD, Silent, applied, basis, certificate, chain, desired, empty, facts, holds, options, plan,
    private_key, read, start, stored, take_back, told, try_apply,
};

pub type Law = Result<(), TestCaseError>;

/// The same cases everywhere, unless `PROPTEST_CASES` asks for more.
pub fn check<S: Strategy>(cases: u32, strategy: &S, law: impl Fn(S::Value) -> Law) {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let config =
        Config { cases: asked.unwrap_or(cases), failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    if let Err(broken) = runner.run(strategy, law) {
        panic!("{broken}");
    }
}

/// One certificate of an estate.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which authority signs it, counted from the root; nothing for the root.
    above: Option<usize>,
    is_authority: bool,
    forms: BTreeSet<usize>,
    is_stored: bool,
    keep_old: usize,
    is_reused: bool,
    has_list: bool,
    is_long: bool,
    has_pfx: bool,
    is_named: bool,
}

/// The forms beside those that every entry has.
const FORMS: [&str; 6] = ["certificate-der", "chain-pem", "fullchain-pem", "p7b", "thumbprint", "public-key"];
const KEEP: [&str; 4] = ["none", "files", "store", "both"];

/// What changes from the first document to the second: subjects by entry, the files of an entry, or nothing.
#[derive(Clone, Debug)]
pub struct Estate {
    pub entries: Vec<Entry>,
    renamed: BTreeSet<usize>,
    without_forms: bool,
    later: u64,
}

fn entry(is_authority: bool, pfx: f64) -> impl Strategy<Value = Entry> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.2));
    let forms = prop::collection::btree_set(0..FORMS.len(), 0..4);
    (forms, flags, 0..KEEP.len(), prop::bool::weighted(pfx)).prop_map(
        move |(forms, (is_stored, is_reused, has_list, is_named, is_long), keep_old, has_pfx)| Entry {
            above: None,
            is_authority,
            forms,
            is_stored,
            keep_old,
            is_reused,
            has_list: has_list && is_authority,
            is_long,
            has_pfx,
            is_named,
        },
    )
}

pub fn estate(levels: usize, leaves: usize, pfx: f64) -> impl Strategy<Value = Estate> {
    let authorities = prop::collection::vec(entry(true, pfx), 1..=levels);
    let leaves = prop::collection::vec((entry(false, pfx), any::<prop::sample::Index>()), 0..=leaves);
    let renamed = prop::collection::btree_set(0..levels + 2, 1..3);
    (authorities, leaves, renamed, any::<bool>(), any::<u64>()).prop_map(
        |(authorities, leaves, renamed, without_forms, later)| {
            let count = authorities.len();
            let above = |number: usize| number.checked_sub(1);
            let authorities = authorities.into_iter().enumerate();
            let mut entries: Vec<Entry> =
                authorities.map(|(number, entry)| Entry { above: above(number), ..entry }).collect();
            entries.extend(leaves.into_iter().map(|(entry, at)| Entry { above: Some(at.index(count)), ..entry }));
            let renamed = renamed.into_iter().map(|number| number % entries.len()).collect();
            Estate { entries, renamed, without_forms, later }
        },
    )
}

fn name(number: usize) -> String {
    format!("e{number}")
}

pub fn file(number: usize, form: &str) -> String {
    format!(r"C:\pki\e{number}\it.{form}")
}

impl Estate {
    pub fn text(&self, is_second: bool) -> String {
        let mut out = String::from("defaults: { certificate: { key: { algorithm: ecdsa } } }\ncertificates:\n");
        for (number, entry) in self.entries.iter().enumerate() {
            let issuer = entry.above.map_or_else(|| "self".to_owned(), name);
            let more = if is_second && self.renamed.contains(&number) { ",O=Second" } else { "" };
            let (curve, reuse) = (if entry.is_long { "p384" } else { "p256" }, entry.is_reused);
            let _ = write!(
                out,
                "  e{number}:\n    issuer: {issuer}\n    ca: {}\n    subject: 'CN=E{number}{more}'\n    \
                 key: {{ algorithm: ecdsa, curve: {curve}, reuse: {reuse} }}\n    keep_old: {}\n    valid_for: {}d\n    \
                 renew_before: 30d\n",
                entry.is_authority,
                KEEP[entry.keep_old],
                self.days(number)
            );
            if entry.is_stored {
                let store = if entry.is_authority { "CA" } else { "My" };
                let _ = writeln!(out, "    store: ['LocalMachine\\{store}']");
            }
            if entry.is_named {
                let _ = writeln!(out, "    friendly_name: The {number}");
            }
            if entry.has_list {
                let _ =
                    writeln!(out, "    crl: {{ path: '{}', valid_for: 60d, renew_before: 7d }}", file(number, "crl"));
            }
            let _ = writeln!(out, "    files:");
            let forms = entry.forms.iter().map(|form| FORMS[*form]).filter(|_| !(is_second && self.without_forms));
            for form in ["key-pem", "certificate-pem"].into_iter().chain(forms) {
                let _ = writeln!(out, "      - {{ path: '{}', form: {form} }}", file(number, form));
            }
            if entry.has_pfx {
                let _ =
                    writeln!(out, "      - {{ path: '{}', form: pfx, password: {{ env: PFX }} }}", file(number, "pfx"));
            }
        }
        out
    }

    /// For how many days an entry is valid; nobody outlives its authority.
    fn days(&self, number: usize) -> i64 {
        let depth = i64::try_from(number).unwrap();
        if self.entries[number].is_authority { 3650 - 300 * depth } else { 100 + 100 * depth }
    }

    /// How long nothing is due, in seconds.
    fn quiet(&self) -> u64 {
        let ends = (0..self.entries.len()).map(|number| self.days(number) - 30);
        let lists = self.entries.iter().any(|entry| entry.has_list).then_some(53);
        u64::try_from(ends.chain(lists).min().unwrap() * DAY).unwrap()
    }

    /// Keys fit their certificates, each certificate is signed by the one above it, and every file speaks of the same one.
    fn is_good(&self, machine: &MemoryMachine) -> Law {
        let of = |number: usize| certificate(machine, &file(number, "certificate-pem"));
        for (number, entry) in self.entries.iter().enumerate() {
            let one = of(number);
            let key = private_key(machine, &file(number, "key-pem"));
            prop_assert!(one.matches_key(&key), "the key of {}", number);
            let above = of(entry.above.unwrap_or(number));
            prop_assert!(one.is_signed_by(&above).is_ok(), "the signature of {}", number);
            // A file that has left the document stays as it is.
            for form in ["certificate-der", "fullchain-pem"].into_iter().filter(|_| !self.without_forms) {
                if let Some(bytes) = read(machine, &file(number, form)) {
                    let first = read_certificates(&bytes).unwrap().remove(0);
                    prop_assert!(first == **one.der(), "{} of {}", form, number);
                }
            }
            if entry.has_pfx {
                let opened = pfx::open(&read(machine, &file(number, "pfx")).unwrap(), PASSWORD).unwrap();
                prop_assert!(opened.certificates[0] == **one.der(), "the PFX of {}", number);
                let key = PrivateKey::from_pkcs8(&opened.key.unwrap()).unwrap();
                prop_assert!(one.matches_key(&key), "the key in the PFX of {}", number);
            }
            if entry.is_stored {
                let place = if entry.is_authority { r"LocalMachine\CA" } else { r"LocalMachine\My" };
                let stored = stored(machine, place);
                prop_assert!(stored.iter().any(|(there, _)| *there == one), "{} is not stored", number);
            }
        }
        Ok(())
    }
}

pub fn json_of(plan: &Plan) -> String {
    json::plan(plan).unwrap()
}

pub fn snapshot_of(machine: &MemoryMachine, desired: &Desired, at: jiff::Timestamp) -> Vec<u8> {
    let runs = machine.runs().unwrap();
    to_json(&facts(machine, desired, at), &runs, at).unwrap()
}

/// What holds of any plan: it reads the same from a snapshot.
fn is_same_from_a_snapshot(machine: &MemoryMachine, desired: &Desired, at: jiff::Timestamp) -> Law {
    let snapshot = SnapshotMachine::from_json(&snapshot_of(machine, desired, at)).unwrap();
    prop_assert_eq!(json_of(&plan(&snapshot, desired, at)), json_of(&plan(machine, desired, at)));
    Ok(())
}

#[test]
fn what_is_applied_stays_until_something_is_due() {
    check(20, &estate(4, 3, 0.1), |estate| {
        let machine = empty();
        for is_second in [false, true] {
            let desired = desired(&estate.text(is_second));
            is_same_from_a_snapshot(&machine, &desired, start())?;
            applied(&machine, &desired, start());
            estate.is_good(&machine)?;
            let (before, record, runs) = (holds(&machine), machine.record_bytes(), machine.runs().unwrap());
            let quiet = i64::try_from(estate.later % estate.quiet()).unwrap();
            for at in [start(), start() + jiff::SignedDuration::from_secs(quiet)] {
                let again = plan(&machine, &desired, at);
                prop_assert!(!again.has_work(), "{:#?}", told(&again));
                prop_assert_eq!(again.summary().blocked + again.summary().unverifiable, 0);
                is_same_from_a_snapshot(&machine, &desired, at)?;
                let report = try_apply(&machine, &desired, at).unwrap();
                prop_assert_eq!(report.run, None);
            }
            prop_assert_eq!(holds(&machine), before);
            prop_assert!(machine.record_bytes() == record && machine.runs().unwrap() == runs);
            let due = start() + jiff::SignedDuration::from_secs(i64::try_from(estate.quiet()).unwrap());
            prop_assert!(plan(&machine, &desired, due).has_operations(), "nothing is due");
        }
        Ok(())
    });
}

fn last_run(machine: &dyn Machine) -> RunName {
    machine.runs().unwrap().pop().unwrap()
}

#[test]
fn a_rollback_restores_every_file_and_store_exactly() {
    check(20, &estate(3, 2, 0.1), |estate| {
        let machine = empty();
        let (first, second) = (desired(&estate.text(false)), desired(&estate.text(true)));
        let untouched = holds(&machine);
        applied(&machine, &first, start());
        let one = machine.duplicate();
        let run = last_run(&one);
        let (_, report) = take_back(&one, &run, Purpose::Rollback { of: run.clone() }, start());
        prop_assert!(report.unwrap().is_complete());
        prop_assert_eq!(holds(&one), untouched);
        let before = holds(&machine);
        applied(&machine, &second, start());
        let run = last_run(&machine);
        let (plan, report) = take_back(&machine, &run, Purpose::Rollback { of: run.clone() }, start());
        let report = report.unwrap();
        prop_assert!(report.is_complete(), "{:#?}", report);
        prop_assert_eq!(plan.summary().irreversible, 0);
        prop_assert_eq!(holds(&machine), before);
        estate.is_good(&machine)
    });
}

pub fn writes(machine: &MemoryMachine, work: impl FnOnce(&dyn WritableMachine)) -> usize {
    let copy = machine.duplicate();
    let faulty = FaultyMachine::new(&copy, Fault::Fail, 0);
    work(&faulty);
    faulty.writes()
}

pub fn is_stopped<T>(result: &Result<T, ApplyError>) -> bool {
    matches!(result, Err(ApplyError::Write(WriteError::Stopped { .. })))
}

pub fn finish(machine: &dyn WritableMachine, desired: &Desired, run: &RunName) -> Result<ApplyReport, ApplyError> {
    resume(machine, Some(&basis(desired, start())), run, &options(start()), &mut Silent)
}

/// A run that stopped can be finished, and it can be undone.
fn comes_to_an_end(estate: &Estate, stopped: &MemoryMachine, desired: &Desired, before: &super::world::Holds) -> Law {
    let Some(open) = unfinished(stopped).unwrap() else {
        // It did nothing, or came to its end.
        let next = stopped.duplicate();
        applied(&next, desired, start());
        return estate.is_good(&next);
    };
    let run = open.beginning.run;
    let finished = stopped.duplicate();
    let report = finish(&finished, desired, &run).map_err(|error| TestCaseError::fail(chain(&error)))?;
    prop_assert_eq!((report.failed(), report.skipped()), (0, 0), "{:#?}", report);
    estate.is_good(&finished)?;
    let again = plan(&finished, desired, start());
    prop_assert!(!again.has_operations(), "{:#?}", told(&again));
    let state = past_run(&finished, &run).unwrap().state;
    prop_assert!(matches!(state, RunState::Ended(_)));
    prop_assert!(finished.made(&run).unwrap().is_none(), "the keys of the run are still in the record");
    let undone = stopped.duplicate();
    let (back, report) = take_back(&undone, &run, Purpose::Undo { of: run.clone() }, start());
    let report = report.map_err(|error| TestCaseError::fail(chain(&error)))?;
    prop_assert_eq!((report.failed(), report.skipped()), (0, 0), "{:#?}", report);
    prop_assert_eq!(back.summary().blocked, 0, "{:#?}", told(&back));
    prop_assert_eq!(&holds(&undone), before);
    Ok(())
}

#[test]
fn wherever_a_run_stops_it_can_be_finished_and_undone() {
    check(5, &(estate(2, 1, 0.05), any::<prop::sample::Index>()), |(estate, chance)| {
        let machine = empty();
        applied(&machine, &desired(&estate.text(false)), start());
        let (second, before) = (desired(&estate.text(true)), holds(&machine));
        let count = writes(&machine, |faulty| drop(applied(faulty, &second, start())));
        for at in 1..=count {
            // A stop after a write is the stop before the next one, but for what the writer knew.
            let fault = if (at + chance.index(2)).is_multiple_of(2) { Fault::StopBefore } else { Fault::StopAfter };
            let stopped = machine.duplicate();
            let result = try_apply(&FaultyMachine::new(&stopped, fault, at), &second, start());
            prop_assert!(is_stopped(&result), "at {} of {}: {:?}", at, count, result);
            comes_to_an_end(&estate, &stopped, &second, &before)?;
            if chance.index(count) + 1 != at {
                continue;
            }
            // What finishes or undoes it may stop, too.
            let Some(open) = unfinished(&stopped).unwrap() else { continue };
            let run = open.beginning.run;
            let rest = writes(&stopped, |faulty| drop(finish(faulty, &second, &run)));
            for at in 1..=rest {
                let again = stopped.duplicate();
                let result = finish(&FaultyMachine::new(&again, Fault::StopAfter, at), &second, &run);
                prop_assert!(is_stopped(&result), "{:?}", result);
                comes_to_an_end(&estate, &again, &second, &before)?;
            }
        }
        Ok(())
    });
}

#[test]
fn a_write_that_fails_leaves_what_the_next_run_finishes() {
    check(4, &estate(2, 1, 0.05), |estate| {
        let machine = empty();
        applied(&machine, &desired(&estate.text(false)), start());
        let second = desired(&estate.text(true));
        let count = writes(&machine, |faulty| drop(applied(faulty, &second, start())));
        for at in 1..=count {
            let failed = machine.duplicate();
            let result = try_apply(&FaultyMachine::new(&failed, Fault::Fail, at), &second, start());
            if let Ok(report) = &result {
                prop_assert!(
                    !report.is_complete() || at + 3 > count || !report.warnings.is_empty(),
                    "at {}: {:#?}",
                    at,
                    report
                );
            }
            if let Some(open) = unfinished(&failed).unwrap() {
                let report = finish(&failed, &second, &open.beginning.run);
                prop_assert!(report.is_ok(), "at {}: {:?}", at, report);
            }
            applied(&failed, &second, start());
            estate.is_good(&failed)?;
        }
        Ok(())
    });
}

/// What was issued is signed by somebody who is there: a certificate is never left without its authority.
#[test]
fn chains_of_four_authorities_reach_the_root() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let made = |runner: &mut TestRunner| estate(4, 2, 0.0).new_tree(runner).unwrap().current();
    let deep = (0..200).map(|_| made(&mut runner)).find(|estate| estate.entries.len() > 5);
    let deep = deep.expect("one of so many is deep");
    let machine = empty();
    applied(&machine, &desired(&deep.text(false)), start());
    let mut at = deep.entries.len() - 1;
    let mut one: Certificate = certificate(&machine, &file(at, "certificate-pem"));
    let mut steps = 0;
    while let Some(above) = deep.entries[at].above {
        let authority = certificate(&machine, &file(above, "certificate-pem"));
        assert!(one.is_signed_by(&authority).is_ok());
        (at, one, steps) = (above, authority, steps + 1);
    }
    assert!(one.is_self_issued() && steps >= 1);
}

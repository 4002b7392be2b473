//! Law 8: a read that failed is never "no change" and never a change, what was skipped is told, and every figure is counted.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use trueup::formats::regf::Hive;
use trueup::machine::{Machine, MachineKind, RegistryReader};
use trueup::model::fact::{Facet, Identity, KeyAspects, KeyState, Observed, Unread};
use trueup::model::operation::Operation;
use trueup::model::registry::RegistryKey;
use trueup::model::verdict::{Decision, Severity, Verdict};
use trueup::plan::Plan;

use super::documents::{Case, Scope, case, wanted_keys};
use super::model::place;
use super::runner::{Law, check};
use super::world::{
    FILES, apply_plan, from_snapshot, image, key, memory, open, plan, plan_without_secrets, record, snapshot_for,
};

const ANYWHERE: Scope = Scope { image_only: false, secrets: true };

/// A machine that cannot read some keys, nor what lies below them.
struct Failing<'m> {
    inner: &'m dyn Machine,
    /// Folded paths.
    places: Vec<String>,
    unread: Unread,
}

impl Machine for Failing<'_> {
    fn kind(&self) -> MachineKind {
        self.inner.kind()
    }

    fn identity(&self) -> Observed<Identity> {
        self.inner.identity()
    }

    fn registry(&self) -> Observed<&dyn RegistryReader> {
        Ok(self)
    }
}

impl RegistryReader for Failing<'_> {
    fn read(&self, queries: &[(RegistryKey, KeyAspects)]) -> Vec<Observed<KeyState>> {
        let answers = self.inner.registry().expect("it has a registry").read(queries);
        let fails = |(key, asked): &(RegistryKey, KeyAspects)| {
            let path = place(key);
            self.places.iter().any(|bad| within(&path, bad) || (asked.tree && within(bad, &path)))
        };
        let failing = queries.iter().zip(answers);
        failing.map(|(query, answer)| if fails(query) { Err(self.unread.clone()) } else { answer }).collect()
    }
}

fn within(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
}

fn is_open(decision: &Decision) -> bool {
    matches!(decision.verdict, Verdict::Blocked | Verdict::Deferred)
}

/// The place that a decision is about.
fn subject(decision: &Decision) -> String {
    place(&key(decision.id.name()))
}

fn unreads() -> Vec<(Unread, &'static str, Severity)> {
    let what = || "the key".to_owned();
    let detail = || "for the test".to_owned();
    vec![
        (Unread::Failed { what: what(), detail: detail() }, "facts.unreadable", Severity::Warning),
        (Unread::Refused { what: what(), detail: detail(), hint: None }, "facts.refused", Severity::Error),
        (Unread::NotCaptured { what: what() }, "facts.not_captured", Severity::Warning),
        (
            Unread::Unsupported { facet: Facet::Registry, machine: what(), detail: detail() },
            "facts.unsupported",
            Severity::Info,
        ),
    ]
}

/// Keys of the document or the machine.
fn some_places(case: &Case, picks: &[Index]) -> Vec<String> {
    let desired = case.desired();
    let mut places: Vec<String> = wanted_keys(&desired)
        .into_iter()
        .flat_map(|wanted| wanted.renamed_from.iter().map(|from| &from.value).chain([&wanted.key]))
        .map(place)
        .collect();
    places.extend(
        case.hives.keys().into_iter().map(|(path, _)| place(&key(&path))).filter(|path| path.matches('\\').count() > 2),
    );
    // What will be below a key that is moved there lies elsewhere now.
    let moved: Vec<String> = wanted_keys(&desired)
        .into_iter()
        .filter(|wanted| wanted.renamed_from.is_some())
        .map(|wanted| format!("{}\\", place(&wanted.key)))
        .collect();
    places.retain(|place| !moved.iter().any(|moved| place.starts_with(moved)));
    if places.is_empty() { Vec::new() } else { picks.iter().map(|pick| pick.get(&places).clone()).collect() }
}

/// What rests on an unread key is blocked or deferred, and the finding says why; all else is decided as if nothing had failed, or is
/// blocked because it depends on that.
#[test]
fn an_unread_key_is_neither_kept_nor_changed() {
    let strategy = (case(ANYWHERE), proptest::collection::vec(any::<Index>(), 1..3), select(unreads()));
    check(400, &strategy, |(case, picks, (unread, code, severity))| {
        let desired = case.desired();
        let memory = memory(&case.hives);
        let places = some_places(&case, &picks);
        let failing = Failing { inner: &memory, places: places.clone(), unread };
        let planned = plan(&failing, &desired);
        let is_bad = |path: &str| places.iter().any(|bad| within(path, bad));
        let mut any_bad = false;

        for wanted in wanted_keys(&desired) {
            let from = wanted.renamed_from.as_ref().map(|from| place(&from.value));
            if !is_bad(&place(&wanted.key)) && !from.is_some_and(|from| is_bad(&from)) {
                continue;
            }
            any_bad = true;
            let names = wanted.values.iter().map(|value| &*value.name);
            for name in names.map(Some).chain([None]) {
                let decisions = planned
                    .plan
                    .decisions
                    .iter()
                    .filter(|decision| decision.id.name() == wanted.key.as_str() && decision.id.part() == name);
                let decisions: Vec<_> = decisions.collect();
                prop_assert!(!decisions.is_empty(), "{} {:?} is not in the plan", wanted.key, name);
                prop_assert!(decisions.iter().all(|one| is_open(one)), "{:?}", decisions);
            }
        }
        for decision in &planned.plan.decisions {
            prop_assert!(!is_bad(&subject(decision)) || is_open(decision), "{:?}", decision);
            for operation in decision.operations() {
                prop_assert!(
                    !is_bad(&place(operation.registry_key().expect("a step of the registry"))),
                    "{}",
                    operation
                );
            }
            prop_assert!(!is_open(decision) || !decision.reasons.is_empty(), "{:?} has no reason", decision);
        }
        if any_bad {
            let findings: Vec<_> = planned.plan.findings.iter().filter(|finding| finding.code == code).collect();
            prop_assert!(!findings.is_empty() && findings.iter().all(|finding| finding.severity == severity));
            let refuses = planned.plan.refusals(&[]).any(|finding| finding.code == code);
            prop_assert_eq!(refuses, severity == Severity::Error);
        }
        recount(&planned.plan, &planned.json)
    });
}

/// Whether a decision is the same but for keys above, which another entry makes when the first that needed them cannot.
fn is_same(one: &Decision, other: &Decision) -> bool {
    let action = |decision: &Decision| match decision.verdict {
        Verdict::Change { action, .. } => Some(action),
        _ => None,
    };
    let steps = |decision: &Decision| {
        let is_own = |operation: &&Operation| {
            !operation.is_shared()
                || operation.registry_key().expect("a step of the registry").as_str() == decision.id.name()
        };
        decision.operations().iter().filter(is_own).cloned().collect::<Vec<_>>()
    };
    let verdict = std::mem::discriminant(&one.verdict) == std::mem::discriminant(&other.verdict);
    one.id == other.id && verdict && action(one) == action(other) && steps(one) == steps(other)
}

/// Each decision is what it was with all reads, or open. What stays as it was is not told anew.
fn as_before_or_open(plan: &Plan, whole: &Plan, what: &str) -> Law {
    for decision in plan.decisions.iter().filter(|decision| !is_open(decision)) {
        // Times come with the reads; they decide nothing.
        let same = whole.decisions.iter().any(|other| is_same(other, decision));
        prop_assert!(same, "{}: {:?}", what, decision);
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    Missing,
    Header,
    RootKey,
    Truncated,
    SomeKey,
    SomeByte,
}

/// An image whose hive is gone or damaged.
#[test]
fn a_damaged_hive_is_told() {
    use Damage::{Header, Missing, RootKey, SomeByte, SomeKey, Truncated};
    let damage = select(vec![Missing, Header, RootKey, Truncated, SomeKey, SomeKey, SomeKey, SomeByte]);
    check(200, &(case(ANYWHERE), 0..3_usize, damage, any::<Index>(), any::<u8>()), |(case, hive, damage, at, byte)| {
        let desired = case.desired();
        let image = image(&case.hives);
        let whole = plan(&image.machine, &desired);
        let (root, file) = FILES[hive];
        let path = image.folder.path().join(file);
        let mut bytes = std::fs::read(&path).unwrap();
        // The folded paths of which nothing may be said any more.
        let mut dead = Some(place(&key(root)));
        match damage {
            Missing => {}
            Header => bytes[4] ^= 0xFF,
            RootKey => {
                let record = record(&Hive::open(&bytes).unwrap().root().unwrap());
                bytes[record] = b'x';
            }
            Truncated => bytes.truncate(4096),
            SomeKey => {
                let prefix = format!("{root}\\");
                let keys: Vec<String> = case
                    .hives
                    .keys()
                    .into_iter()
                    .filter_map(|(path, _)| Some(path.strip_prefix(&prefix)?.to_owned()))
                    .collect();
                dead = None;
                if !keys.is_empty() {
                    let names: Vec<&str> = at.get(&keys).split('\\').collect();
                    let record = record(&Hive::open(&bytes).unwrap().key(&names).unwrap().unwrap());
                    bytes[record] = b'x';
                    dead = Some(place(&key(&format!("{prefix}{}", at.get(&keys)))));
                }
            }
            SomeByte => {
                let at = 4096 + at.index(bytes.len() - 4096);
                bytes[at] = byte;
                dead = None;
            }
        }
        if matches!(damage, Missing) {
            std::fs::remove_file(&path).unwrap();
        } else {
            std::fs::write(&path, &bytes).unwrap();
        }
        let machine = open(image.folder.path());
        let planned = plan(&machine, &desired);
        recount(&planned.plan, &planned.json)?;
        if matches!(damage, SomeByte) {
            // A byte may be anybody's data: nothing is told but that neither plan nor apply falls over.
            let _ = apply_plan(&machine, &desired, &planned);
            return Ok(());
        }
        as_before_or_open(&planned.plan, &whole.plan, "damaged")?;
        let Some(dead) = dead else { return Ok(()) };
        for decision in planned.plan.decisions.iter().filter(|decision| within(&subject(decision), &dead)) {
            prop_assert!(is_open(decision), "{:?}: {:?}", damage, decision);
        }
        let asked = wanted_keys(&desired).into_iter().any(|wanted| within(&place(&wanted.key), &dead));
        if asked {
            let told = ["facts.unreadable", "facts.refused"];
            prop_assert!(planned.plan.findings.iter().any(|finding| told.contains(&&*finding.code)));
            prop_assert!(
                !matches!(damage, Missing | Header | RootKey | Truncated) || planned.plan.summary().blocked > 0
            );
        }
        Ok(())
    });
}

/// A snapshot that lacks a key.
#[test]
fn what_was_not_captured_is_not_absent() {
    check(400, &(case(ANYWHERE), any::<Index>()), |(case, pick)| {
        let desired = case.desired();
        let memory = memory(&case.hives);
        let whole = plan_without_secrets(&memory, &desired);
        let mut snapshot: serde_json::Value = serde_json::from_slice(&snapshot_for(&memory, &desired)).unwrap();
        let keys = snapshot["keys"].as_array_mut().unwrap();
        if keys.is_empty() {
            return Ok(());
        }
        let gone = keys.remove(pick.index(keys.len()));
        let gone = place(&key(gone["key"].as_str().unwrap()));
        // An absent key above answers for those below it.
        let absent_above = keys.iter().any(|other| {
            other["state"]["Ok"]["absent"].is_object() && within(&gone, &place(&key(other["key"].as_str().unwrap())))
        });
        let planned = plan_without_secrets(&from_snapshot(&serde_json::to_vec(&snapshot).unwrap()), &desired);
        as_before_or_open(&planned.plan, &whole.plan, "not captured")?;
        for decision in planned.plan.decisions.iter().filter(|decision| subject(decision) == gone) {
            prop_assert!(absent_above || is_open(decision), "{:?}", decision);
        }
        let is_named = wanted_keys(&desired).into_iter().any(|wanted| place(&wanted.key) == gone);
        let told = planned.plan.findings.iter().any(|finding| finding.code == "facts.not_captured");
        prop_assert!(!is_named || absent_above || told);
        recount(&planned.plan, &planned.json)
    });
}

/// The figures of a plan, counted anew from its JSON; what stays is counted in the plan, which is all that knows it.
fn recount(plan: &Plan, json: &str) -> Law {
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let resources = json["resources"].as_array().unwrap();
    let count = |action: &str| resources.iter().filter(|one| one["action"] == action).count();
    let figure = |name: &str| usize::try_from(json["summary"][name].as_u64().unwrap()).unwrap();
    for (name, action) in [
        ("add", "create"),
        ("change", "update"),
        ("remove", "delete"),
        ("replace", "replace"),
        ("blocked", "blocked"),
        ("deferred", "deferred"),
        ("pending", "pending"),
        ("unverifiable", "unverifiable"),
    ] {
        prop_assert_eq!(figure(name), count(action), "{}", name);
    }
    let operations: usize = resources.iter().filter_map(|one| Some(one.get("operations")?.as_array()?.len())).sum();
    prop_assert_eq!(figure("operations"), operations);
    prop_assert_eq!(figure("operations"), plan.operations().count());
    prop_assert_eq!(figure("unchanged"), plan.decisions.len() - resources.len());
    let reboots = ["create", "update", "delete", "replace"];
    let reboot =
        resources.iter().any(|one| one["reboot"] == true && reboots.contains(&one["action"].as_str().unwrap()));
    prop_assert_eq!(json["summary"]["reboot"].as_bool(), Some(reboot));
    // A change has steps, or somebody else's steps do for it; what is no change has none.
    for one in resources {
        let has_steps = one.get("operations").is_some();
        prop_assert!(!has_steps || reboots.contains(&one["action"].as_str().unwrap()), "{}", one);
    }
    Ok(())
}

#[test]
fn every_figure_is_counted() {
    check(300, &case(ANYWHERE), |case| {
        let planned = plan(&memory(&case.hives), &case.desired());
        recount(&planned.plan, &planned.json)
    });
}

/// A machine of which nothing could be read.
#[test]
fn nothing_observed_is_an_error() {
    check(100, &(case(ANYWHERE), select(unreads())), |(case, (unread, _, _))| {
        let desired = case.desired();
        let memory = memory(&case.hives);
        let failing = Failing { inner: &memory, places: vec!["HKLM".into(), "HKU".into()], unread };
        let planned = plan(&failing, &desired);
        prop_assert!(planned.plan.decisions.iter().all(is_open));
        prop_assert!(!planned.plan.has_operations());
        let found = planned.plan.findings.iter().find(|finding| finding.code == "plan.nothing_observed");
        if desired.entries.is_empty() {
            prop_assert!(planned.plan.findings.iter().any(|finding| finding.code == "plan.empty"));
        } else {
            prop_assert_eq!(found.map(|finding| finding.severity), Some(Severity::Error));
            prop_assert!(planned.plan.summary().differs());
        }
        Ok(())
    });
}

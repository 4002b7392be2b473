//! Saved plans: what is written is read back, applying one is applying the plan, and it is refused for what it rests on and nothing else.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

use trueup::apply::ApplyError;
use trueup::model::fact::{KeyTree, Stored, ValueFact};
use trueup::model::registry_data::RegistryData;
use trueup::model::time::FileTime;
use trueup::plan::SavedPlan;

use super::documents::{Scope, case, desired, wanted_keys};
use super::generate::{Hives, SECURITY};
use super::model::{Model, named, place};
use super::runner::{Law, check};
use super::world::{apply_plan, apply_saved_plan, image, key, memory, plan, saved, snapshot_for};

const EVERYTHING: Scope = Scope { image_only: true, secrets: true };
const ANYWHERE: Scope = Scope { image_only: false, secrets: true };

fn read_back(plan: &SavedPlan) -> Result<SavedPlan, TestCaseError> {
    let bytes = plan.to_json().expect("it can be written");
    let read = SavedPlan::from_json(&bytes).map_err(|error| {
        TestCaseError::fail(format!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string)))
    })?;
    prop_assert!(read.to_json().expect("it can be written") == bytes, "it reads back as another plan");
    prop_assert_eq!(read.plan.operations().collect::<Vec<_>>(), plan.plan.operations().collect::<Vec<_>>());
    Ok(read)
}

#[test]
fn a_saved_plan_does_what_the_plan_does() {
    check(150, &case(EVERYTHING), |case| {
        let document = case.desired();
        let (direct, later) = (image(&case.hives), image(&case.hives));
        let planned = plan(&direct.machine, &document);
        let read = read_back(&saved(&direct.machine, &planned, &case.text()))?;
        let from_plan = desired(&read.document).ok_or_else(|| TestCaseError::fail("its document does not load"))?;
        let fail = |error: ApplyError| TestCaseError::fail(error.to_string());
        let expected = apply_plan(&direct.machine, &document, &planned).map_err(fail)?;
        let report = apply_saved_plan(&later.machine, &from_plan, &read).map_err(fail)?;
        prop_assert_eq!(report.outcomes, expected.outcomes);
        prop_assert_eq!((report.run, report.reboot), (expected.run, expected.reboot));
        prop_assert_eq!(report.remaining_operations, expected.remaining_operations);
        prop_assert_eq!(Model::of_folder(later.folder.path()), Model::of_folder(direct.folder.path()));
        Ok(())
    });
}

/// Something that somebody else does to a key between plan and apply.
#[derive(Clone, Debug)]
enum Meddling {
    Data,
    NewValue,
    NoValues,
    NewKey,
    NoKeys,
    Security,
    Link,
    /// Nobody decides on these.
    Time,
    Class,
}

fn meddling() -> impl Strategy<Value = Meddling> {
    use Meddling::{Class, Data, Link, NewKey, NewValue, NoKeys, NoValues, Security, Time};
    proptest::sample::select(vec![Data, NewValue, NoValues, NewKey, NoKeys, Security, Link, Time, Class])
}

fn meddle(key: &mut KeyTree, meddling: &Meddling) {
    match meddling {
        Meddling::Data => {
            key.values
                .iter_mut()
                .take(1)
                .for_each(|value| value.data = Stored::Plain(RegistryData::sz("meddled with")));
        }
        Meddling::NewValue => {
            key.values.insert(0, ValueFact::new("!new".into(), Stored::Plain(RegistryData::dword(1))));
        }
        Meddling::NoValues => key.values.clear(),
        Meddling::NewKey => {
            let new =
                KeyTree { name: "!new".into(), values: Vec::new(), subkeys: Vec::new(), link: false, ..key.clone() };
            key.subkeys.insert(0, new);
        }
        Meddling::NoKeys => key.subkeys.clear(),
        Meddling::Security => {
            let at = SECURITY.iter().position(|one| *one == key.security).unwrap_or(0);
            key.security = SECURITY[(at + 1) % SECURITY.len()].clone();
        }
        Meddling::Link => {
            key.link = !key.link;
            key.subkeys.clear();
        }
        Meddling::Time => key.last_written = FileTime(key.last_written.0 + 1),
        Meddling::Class => key.class = Some("Meddled".into()),
    }
}

fn at_path<'t>(hives: &'t mut Hives, path: &str) -> &'t mut KeyTree {
    let (root, tree) =
        hives.0.iter_mut().find(|(root, _)| path == *root || path.starts_with(&format!("{root}\\"))).unwrap();
    path[root.len()..]
        .split('\\')
        .filter(|name| !name.is_empty())
        .fold(tree, |tree, name| tree.subkeys.iter_mut().find(|key| &*key.name == name).expect("it is there"))
}

/// The facts as JSON without what nobody decides on: times, and which key above an absent one is there.
fn decisive(snapshot: &[u8]) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                fields.remove("last_written");
                fields.remove("ancestor");
                fields.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value: serde_json::Value = serde_json::from_slice(snapshot).unwrap();
    strip(&mut value);
    value
}

#[test]
fn a_plan_is_stale_for_what_it_rests_on_only() {
    use std::cell::Cell;
    let (cases, refused, accepted) = (Cell::new(0), Cell::new(0), Cell::new(0));
    check(600, &(case(ANYWHERE), any::<Index>(), meddling()), |(case, at, meddling)| -> Law {
        let document = case.desired();
        let before = memory(&case.hives);
        let planned = plan(&before, &document);
        if !planned.plan.has_operations() {
            return Ok(());
        }
        cases.set(cases.get() + 1);
        let plan = read_back(&saved(&before, &planned, &case.text()))?;
        // Half of the keys are those that the document names, and those above them.
        let named = named(&wanted_keys(&document));
        let paths: Vec<String> = case.hives.keys().into_iter().map(|(path, _)| path).collect();
        let near = paths.iter().filter(|path| named.contains(&place(&key(path)))).cloned().cycle();
        let paths: Vec<String> = near.take(paths.len()).chain(paths.clone()).collect();
        let path = at.get(&paths);
        let mut hives = case.hives.clone();
        meddle(at_path(&mut hives, path), &meddling);
        let after = memory(&hives);
        let moved = decisive(&snapshot_for(&before, &document)) != decisive(&snapshot_for(&after, &document));
        let model = Model::of_memory(&after);
        match apply_saved_plan(&after, &document, &plan) {
            Err(ApplyError::Stale(facts)) => {
                prop_assert!(moved, "{} refused for {:?} at {:?}: {:?}", case.entries.len(), meddling, path, facts);
                refused.set(refused.get() + 1);
                prop_assert!(!facts.is_empty());
                prop_assert_eq!(Model::of_memory(&after), model, "it was refused and yet written");
                let told = ApplyError::Stale(facts.clone()).to_string();
                prop_assert!(
                    facts.len() > 5 || facts.iter().all(|fact| told.contains(&fact.0.to_string())),
                    "{}",
                    told
                );
            }
            Ok(report) => {
                prop_assert!(!moved, "accepted although {:?} at {:?} moved a fact", meddling, path);
                accepted.set(accepted.get() + 1);
                prop_assert_eq!((report.failed(), report.skipped(), report.remaining_operations), (0, 0, 0));
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        }
        Ok(())
    });
    let (cases, refused, accepted) = (cases.get(), refused.get(), accepted.get());
    assert!(refused > cases / 20 && accepted > cases / 20, "{refused} refused and {accepted} accepted of {cases}");
}

/// A plan that was approved is refused when what it does is no longer what has to be done.
#[test]
fn an_approved_plan_is_refused_when_it_would_do_other_things() {
    check(300, &(case(ANYWHERE), any::<Index>(), meddling()), |(case, at, meddling)| {
        let document = case.desired();
        let planned = plan(&memory(&case.hives), &document);
        let paths: Vec<String> = case.hives.keys().into_iter().map(|(path, _)| path).collect();
        let mut hives = case.hives.clone();
        meddle(at_path(&mut hives, &paths[at.index(paths.len())]), &meddling);
        let after = memory(&hives);
        let other = plan(&after, &document);
        let same = other.plan.operations().eq(planned.plan.operations());
        match apply_plan(&after, &document, &planned) {
            Err(ApplyError::Stale(_)) => prop_assert!(!same),
            Ok(_) => prop_assert!(same || !planned.plan.has_operations()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        }
        Ok(())
    });
}

/// A plan made of a snapshot is a preview, and a plan of another major version is nobody's.
#[test]
fn a_plan_for_another_machine_or_version_is_refused() {
    check(50, &case(ANYWHERE), |case| {
        let document = case.desired();
        let memory = memory(&case.hives);
        let planned = plan(&memory, &document);
        let mut plan = saved(&memory, &planned, &case.text());
        let bytes = String::from_utf8(plan.to_json().unwrap()).unwrap();
        let other = bytes.replacen("\"format_version\":\"1.", "\"format_version\":\"2.", 1);
        prop_assert!(SavedPlan::from_json(other.as_bytes()).is_err());
        plan.target.kind = "snapshot".into();
        let refused = apply_saved_plan(&memory, &document, &plan);
        prop_assert!(matches!(refused, Err(ApplyError::WrongTarget { .. })), "{:?}", refused);
        Ok(())
    });
}

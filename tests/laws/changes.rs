//! Laws of applying: it converges, a second run writes nothing, what the plan does not name stays, and what the plan says is true.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use trueup::apply::{ApplyReport, Outcome};
use trueup::document::Desired;
use trueup::formats::regf;
use trueup::machine::{Machine as _, WritableMachine};
use trueup::model::time::FileTime;
use trueup::model::verdict::Verdict;
use trueup::plan::Plan;

use super::documents::{Case, Scope, case, wanted_keys};
use super::model::{Model, Unmet, named, place};
use super::runner::{Law, check};
use super::world::{FILES, Planned, apply_plan, disk, image, memory, now, open, plan};

const EVERYTHING: Scope = Scope { image_only: true, secrets: true };
const ANYWHERE: Scope = Scope { image_only: false, secrets: true };

/// Applies a plan that nothing stands against.
fn applied(machine: &dyn WritableMachine, desired: &Desired, planned: &Planned) -> Result<ApplyReport, TestCaseError> {
    apply_plan(machine, desired, planned).map_err(|error| TestCaseError::fail(format!("apply: {error}")))
}

/// Every changed resource is in the report, in the plan's order and once, and nothing else is.
fn report_is_whole(plan: &Plan, report: &ApplyReport) -> Law {
    let changed = plan.decisions.iter().filter(|decision| matches!(decision.verdict, Verdict::Change { .. }));
    let reported: Vec<String> = report.outcomes.iter().map(|outcome| outcome.address.to_string()).collect();
    if report.run.is_none() {
        prop_assert!(!plan.has_operations() && reported.is_empty());
        return Ok(());
    }
    prop_assert_eq!(reported, changed.map(|decision| decision.id.to_string()).collect::<Vec<_>>());
    prop_assert_eq!(report.done() + report.failed() + report.skipped(), report.outcomes.len());
    Ok(())
}

fn converges(machine: &dyn WritableMachine, case: &Case) -> Law {
    let desired = case.desired();
    let planned = plan(machine.as_machine(), &desired);
    let report = applied(machine, &desired, &planned)?;
    report_is_whole(&planned.plan, &report)?;
    let bad: Vec<_> = report.outcomes.iter().filter(|one| one.outcome != Outcome::Done).collect();
    prop_assert!(bad.is_empty(), "{bad:#?}");
    prop_assert_eq!(report.remaining_operations, 0);
    let summary = planned.plan.summary();
    let left = summary.blocked + summary.deferred + summary.pending + summary.unverifiable;
    prop_assert!(report.is_complete() || left > 0);
    let again = plan(machine.as_machine(), &desired);
    prop_assert_eq!(again.plan.operations().collect::<Vec<_>>(), Vec::<&_>::new(), "the second plan's operations");
    // What apply could not settle is not forgotten.
    let (then, now) = (planned.plan.summary(), again.plan.summary());
    prop_assert_eq!((now.blocked, now.deferred, now.pending), (then.blocked, then.deferred, then.pending));
    prop_assert!(now.unverifiable >= then.unverifiable);
    Ok(())
}

/// Law 1 in memory.
#[test]
fn apply_converges_in_memory() {
    check(400, &case(ANYWHERE), |case| converges(&memory(&case.hives), &case));
}

/// Law 1 on an image.
#[test]
fn apply_converges_on_an_image() {
    check(200, &case(EVERYTHING), |case| {
        let image = image(&case.hives);
        converges(&image.machine, &case)?;
        // A machine that remembers nothing of the run sees the same.
        let again = plan(&open(image.folder.path()), &case.desired());
        prop_assert!(!again.plan.has_operations());
        Ok(())
    });
}

/// Law 2. The second run writes no byte, makes no journal and takes no lock.
#[test]
fn applying_twice_writes_nothing() {
    check(150, &case(EVERYTHING), |case| {
        let desired = case.desired();
        let image = image(&case.hives);
        applied(&image.machine, &desired, &plan(&image.machine, &desired))?;
        let before = disk(image.folder.path());
        let machine = open(image.folder.path());
        let report = applied(&machine, &desired, &plan(&machine, &desired))?;
        prop_assert_eq!(report.run, None);
        let after = disk(image.folder.path());
        prop_assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
        prop_assert!(after == before);
        Ok(())
    });
}

#[test]
fn applying_twice_leaves_memory_alone() {
    check(300, &case(ANYWHERE), |case| {
        let desired = case.desired();
        let memory = memory(&case.hives);
        let first = applied(&memory, &desired, &plan(&memory, &desired))?;
        let before = Model::of_memory(&memory);
        let report = applied(&memory, &desired, &plan(&memory, &desired))?;
        prop_assert_eq!(report.run, None);
        prop_assert_eq!(Model::of_memory(&memory), before);
        prop_assert_eq!(memory.runs().unwrap().last().map(ToString::to_string), first.run, "the newest journal");
        Ok(())
    });
}

/// What the operations make of a machine, by the model.
fn expected(before: &Model, plan: &Plan) -> Result<Model, TestCaseError> {
    let mut model = before.clone();
    for operation in plan.operations() {
        model.perform(operation, FileTime::from_timestamp(now()).0).map_err(TestCaseError::fail)?;
    }
    Ok(model)
}

/// The first difference, told in a line.
fn same(found: &Model, expected: &Model, what: &str) -> Law {
    for (path, key) in &expected.0 {
        prop_assert_eq!(found.get(path), Some(key), "{}: {}", what, path);
    }
    for path in found.0.keys() {
        prop_assert!(expected.get(path).is_some(), "{}: {} is there", what, path);
    }
    Ok(())
}

/// Law 7. Names, types, data, security, classes, times and links after a run are those before it but for what the plan names, in the image
/// and in memory alike; hives stay sound, and of the other files only the record is new.
#[test]
fn only_what_the_plan_names_is_changed() {
    check(250, &case(ANYWHERE), |case| {
        let desired = case.desired();
        let (memory, image) = (memory(&case.hives), image(&case.hives));
        let folder = image.folder.path();
        let planned = plan(&image.machine, &desired);
        let before = Model::of_folder(folder);
        same(&Model::of_memory(&memory), &before, "before")?;
        let files = disk(folder);
        applied(&image.machine, &desired, &planned)?;
        let expected = expected(&before, &planned.plan)?;
        let after = Model::of_folder(folder);
        same(&after, &expected, "the image")?;

        let in_memory = plan(&memory, &desired);
        applied(&memory, &desired, &in_memory)?;
        same(&Model::of_memory(&memory), &expected, "memory")?;

        let touched: Vec<String> = planned
            .plan
            .operations()
            .map(|operation| place(operation.registry_key().expect("a step of the registry")))
            .collect();
        for (path, found) in disk(folder) {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            let hive = FILES.iter().find(|(_, file)| *file == name);
            if let Some((root, _)) = hive {
                let problems = regf::check(&found.bytes).unwrap();
                prop_assert!(problems.is_empty(), "{}: {:?}", name, problems);
                let below = |path: &String| {
                    *path == root.to_ascii_uppercase() || path.starts_with(&format!("{}\\", root.to_ascii_uppercase()))
                };
                if !touched.iter().any(below) {
                    prop_assert!(files.get(&path) == Some(&found), "{} was written", name);
                }
            } else if path.is_file() {
                let is_record = name.starts_with("ProgramData/trueup/");
                prop_assert!(is_record || files.get(&path) == Some(&found), "{} was written", name);
            }
        }
        for path in files.keys() {
            prop_assert!(path.exists(), "{} is gone", path.display());
        }
        Ok(())
    });
}

/// What the plan says of each resource is so on the machine: what it keeps holds, what it changes did not hold, and after the run all of it
/// holds but for what is blocked. The judge reads the hives and the document, not the plan's code.
#[test]
fn the_plan_tells_the_truth() {
    check(250, &case(ANYWHERE), |case| {
        let desired = case.desired();
        let image = image(&case.hives);
        let wanted = wanted_keys(&desired);
        let named = named(&wanted);
        let planned = plan(&image.machine, &desired);
        let before = Model::of_folder(image.folder.path());
        applied(&image.machine, &desired, &planned)?;
        let after = Model::of_folder(image.folder.path());

        for (entry, wanted) in wanted.iter().enumerate() {
            let id = desired.entries[entry].wanted.kind().address();
            let verdict_of = |unmet: &Unmet| {
                let decisions: Vec<_> = planned
                    .plan
                    .decisions
                    .iter()
                    .filter(|decision| match unmet {
                        Unmet::Key(_) => decision.id == id,
                        Unmet::Value(name) => {
                            decision.id.entry() == id
                                && decision.id.part().is_some_and(|part| trueup::formats::upcase::eq(part, name))
                        }
                        Unmet::Subkey(path) => {
                            decision.id.part().is_none() && place(&super::world::key(decision.id.name())) == *path
                        }
                    })
                    .map(|decision| &decision.verdict)
                    .collect();
                decisions.into_iter().max_by_key(|verdict| matches!(verdict, Verdict::Blocked)).cloned()
            };
            // What is not named is not told of a key that is blocked as a whole.
            let whole: Vec<_> = planned.plan.decisions.iter().filter(|decision| decision.id == id).collect();
            let whole_blocked = whole.len() == 1 && whole.iter().all(|one| one.verdict == Verdict::Blocked);
            let is_named = |unmet: &Unmet| match unmet {
                Unmet::Key(_) => true,
                Unmet::Value(name) => wanted.values.iter().any(|value| trueup::formats::upcase::eq(&value.name, name)),
                Unmet::Subkey(_) => false,
            };
            let untold = |unmet: &Unmet| whole_blocked && !is_named(unmet);
            // A key that a plan moves is judged where it comes to lie.
            let moves = planned
                .plan
                .operations()
                .any(|operation| matches!(operation, trueup::model::operation::Operation::RenameRegistryKey { .. }));
            let unmet_before = before.unmet(wanted, &named);
            if !moves {
                for unmet in unmet_before.iter().filter(|unmet| !untold(unmet)) {
                    let verdict = verdict_of(unmet);
                    prop_assert!(
                        matches!(verdict, Some(Verdict::Change { .. } | Verdict::Blocked)),
                        "{}: {:?} does not hold, and the plan says {:?}",
                        id,
                        unmet,
                        verdict
                    );
                }
                for decision in planned.plan.decisions.iter().filter(|decision| decision.id.entry() == id) {
                    let Verdict::Change { .. } = decision.verdict else { continue };
                    let is_unmet = unmet_before.iter().any(|unmet| match (unmet, decision.id.part()) {
                        (Unmet::Key(_), None) => true,
                        (Unmet::Value(name), Some(part)) => trueup::formats::upcase::eq(part, name),
                        _ => false,
                    });
                    prop_assert!(is_unmet, "{} holds, and the plan changes it", decision.id);
                }
            }
            for unmet in after.unmet(wanted, &named).into_iter().filter(|unmet| !untold(unmet)) {
                let verdict = verdict_of(&unmet);
                prop_assert!(
                    matches!(verdict, Some(Verdict::Blocked)),
                    "{}: {:?} does not hold after the run, and the plan said {:?}",
                    id,
                    unmet,
                    verdict
                );
            }
        }
        Ok(())
    });
}

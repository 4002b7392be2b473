//! Law 5: a run is taken back exactly, by a run that can be taken back itself; what others have changed since stays and is told.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;

use trueup::apply::Purpose;
use trueup::formats::upcase::fold;
use trueup::machine::RunName;
use trueup::machine::Step;
use trueup::model::operation::{Expression, Operation};
use trueup::model::registry_data::RegistryData;
use trueup::model::time::FileTime;
use trueup::model::verdict::Verdict;
use trueup::report::json;

use super::bench::{Bench, Sort, alike, apply_to, entries, fail, journal_of, rollback_plan, same_entries, take_back};
use super::documents::{Case, Scope, two_cases};
use super::faults::touched;
use super::model::place;
use super::runner::{Law, check_weighed};
use super::world::{now, options, plan};

const ANYWHERE: Scope = Scope { image_only: false, secrets: false };

fn at(minutes: i64) -> trueup::apply::ApplyOptions<'static> {
    trueup::apply::ApplyOptions { now: now() + jiff::SignedDuration::from_mins(minutes), ..options() }
}

fn rollback_of(run: &RunName) -> Purpose {
    Purpose::Rollback { of: run.clone() }
}

fn last_run(bench: &Bench) -> RunName {
    bench.reader().runs().expect("they can be read").pop().expect("there was a run")
}

/// Back, and back again: the start, the end, the start.
pub fn is_taken_back(sort: Sort, (case, other): &(Case, Case), before: bool) -> Law {
    let bench = Bench::new(sort, &case.hives);
    if before {
        apply_to(bench.machine(), &other.desired(), &at(0)).map_err(fail)?;
    }
    let desired = case.desired();
    let planned = plan(bench.reader(), &desired).plan;
    if !planned.has_operations() {
        return Ok(());
    }
    let (named, _) = touched(planned.operations());
    let is_touched = |path: &str| named.contains(path);
    let (start, record) = (bench.model(), entries(&bench.record()));
    apply_to(bench.machine(), &desired, &at(10)).map_err(fail)?;
    let (end, after) = (bench.model(), entries(&bench.record()));

    let mut taken = last_run(&bench);
    for (time, what) in (20..).step_by(10).zip(["back", "forth", "back again"]) {
        let run = journal_of(bench.reader(), &taken);
        let purpose = rollback_of(&taken);
        let (shown, report) = take_back(bench.machine(), &run, &purpose, &at(time)).map_err(fail)?;
        prop_assert_eq!(shown.summary().blocked, 0, "{}: {:?}", what, shown.decisions);
        let report = report.expect("there was something to take back");
        prop_assert_eq!((report.failed(), report.skipped(), report.undone()), (0, 0, 0), "{:?}", report.outcomes);
        prop_assert_eq!(report.remaining_operations, 0);
        bench.is_sound()?;
        let (_, again) = rollback_plan(bench.reader(), &run, &purpose, &at(time));
        prop_assert_eq!(
            again.operations().map(ToString::to_string).collect::<Vec<_>>(),
            Vec::<String>::new(),
            "{}",
            what
        );
        if what == "forth" {
            alike(&bench.model(), &end, is_touched, what)?;
            same_entries(&bench.record(), &after, what)?;
        } else {
            alike(&bench.model(), &start, is_touched, what)?;
            same_entries(&bench.record(), &record, what)?;
        }
        taken = last_run(&bench);
    }
    Ok(())
}

#[test]
fn a_run_in_memory_is_taken_back_and_done_again() {
    check_weighed(250, 2, &(two_cases(ANYWHERE), any::<bool>()), |(cases, before)| {
        is_taken_back(Sort::Memory, &cases, before)
    });
}

#[test]
fn a_run_on_an_image_is_taken_back_and_done_again() {
    check_weighed(30, 10, &(two_cases(ANYWHERE), any::<bool>()), |(cases, before)| {
        is_taken_back(Sort::Image, &cases, before)
    });
}

/// Law 4 for rollbacks.
#[test]
fn the_plan_of_a_rollback_is_the_same_everywhere() {
    check_weighed(50, 6, &two_cases(ANYWHERE), |(case, _)| {
        let desired = case.desired();
        let shown = |sort| -> Result<Option<String>, proptest::test_runner::TestCaseError> {
            let bench = Bench::new(sort, &case.hives);
            let Some(run) = apply_to(bench.machine(), &desired, &at(10)).map_err(fail)?.run else { return Ok(None) };
            let run: RunName = run.parse().map_err(fail)?;
            let (_, plan) =
                rollback_plan(bench.reader(), &journal_of(bench.reader(), &run), &rollback_of(&run), &at(20));
            Ok(Some(json::plan(&plan).expect("it can be written")))
        };
        prop_assert_eq!(shown(Sort::Image)?, shown(Sort::Memory)?);
        Ok(())
    });
}

/// A value that an operation leaves on the machine, or takes away: its key and its name.
fn value_of(operation: &Operation) -> Option<(String, String)> {
    match operation {
        Operation::PutRegistryValue { key, name, .. } | Operation::RemoveRegistryValue { key, name, .. } => {
            Some((place(key), fold(name)))
        }
        _ => None,
    }
}

/// What a stranger does to a machine, step by step and unknown to trueup.
pub fn meddle(bench: &Bench, operations: &[Operation]) -> Law {
    let mut writer = bench.machine().writer("a stranger").map_err(fail)?;
    let time = FileTime::from_timestamp(now() + jiff::SignedDuration::from_mins(15));
    for operation in operations {
        let data = match operation {
            Operation::PutRegistryValue { after: Expression::Registry(data), .. } => Some(data.clone()),
            _ => None,
        };
        let step = Step { data: data.map(std::borrow::Cow::Owned), ..Step::new(operation) };
        writer.stage(&step, time).map_err(fail)?;
    }
    writer.prepare(time).map_err(fail)?;
    writer.commit().map_err(fail)
}

/// A stranger has changed some of what the run wrote, and put a value into keys that it made: that stays, the rest comes back.
#[test]
fn what_a_stranger_has_changed_since_stays() {
    let (changed, kept) = (Cell::new(0), Cell::new(0));
    check_weighed(200, 3, &(two_cases(ANYWHERE), any::<Index>(), any::<Index>()), |((case, _), first, second)| {
        let bench = Bench::new(Sort::Memory, &case.hives);
        let desired = case.desired();
        let start = bench.model();
        if apply_to(bench.machine(), &desired, &at(10)).map_err(fail)?.run.is_none() {
            return Ok(());
        }
        let run = last_run(&bench);
        let journal = journal_of(bench.reader(), &run);
        let moves = journal.intents.iter().any(|(_, one)| matches!(one, Operation::RenameRegistryKey { .. }));
        let end = bench.model();
        let written: Vec<&Operation> = journal
            .intents
            .iter()
            .map(|(_, operation)| operation)
            .filter(|one| matches!(one, Operation::PutRegistryValue { .. }))
            .filter(|one| end.get(&place(one.registry_key().expect("a step of the registry"))).is_some())
            .collect();
        let made: Vec<&Operation> = journal
            .intents
            .iter()
            .map(|(_, operation)| operation)
            .filter(|one| matches!(one, Operation::CreateRegistryKey { .. }))
            .filter(|one| end.get(&place(one.registry_key().expect("a step of the registry"))).is_some())
            .collect();
        if moves || written.is_empty() {
            return Ok(());
        }
        let foreign = RegistryData::sz("a stranger's");
        let put = |key: &trueup::model::registry::RegistryKey, name: &str| Operation::PutRegistryValue {
            key: key.clone(),
            name: name.into(),
            before: None,
            after: Expression::Registry(foreign.clone()),
        };
        let target = first.get(&written);
        let Operation::PutRegistryValue { key, name, .. } = target else { return Ok(()) };
        let mut meddling = vec![put(key, name)];
        if !made.is_empty() {
            meddling.push(put(second.get(&made).registry_key().expect("a step of the registry"), "!foreign"));
        }
        meddle(&bench, &meddling)?;
        let strange = bench.model();
        let stays: BTreeSet<(String, String)> = meddling.iter().filter_map(value_of).collect();

        let (shown, report) = take_back(bench.machine(), &journal, &rollback_of(&run), &at(20)).map_err(fail)?;
        if let Some(report) = report {
            prop_assert_eq!((report.failed(), report.skipped(), report.undone()), (0, 0, 0), "{:?}", report.outcomes);
        }
        let found = bench.model();
        for decision in shown.decisions.iter().filter(|one| one.verdict == Verdict::Blocked) {
            let code = decision.reasons.iter().any(|reason| reason.code == "rollback.changed_since");
            prop_assert!(code, "{:?}", decision);
        }
        // The stranger's values are all there.
        for (path, name) in &stays {
            let value = found.get(path).and_then(|key| key.values.get(name)).map(|(_, data)| data);
            prop_assert_eq!(value, Some(&foreign), "{} {}", path, name);
        }
        let told = shown
            .decisions
            .iter()
            .filter(|one| one.verdict == Verdict::Blocked)
            .any(|one| one.id.part().is_some_and(|part| fold(part) == fold(name)));
        prop_assert!(told, "{} of {} was changed, and the plan does not say so: {:?}", name, key, shown.decisions);
        changed.set(changed.get() + 1);
        // All else is as it was: keys that stay are those that hold what stays.
        for (path, key) in &start.0 {
            let Some(there) = found.get(path) else {
                return Err(proptest::test_runner::TestCaseError::fail(format!("{path} did not come back")));
            };
            prop_assert_eq!(&there.security, &key.security, "{}", path);
            let names: BTreeSet<&String> = key.values.keys().chain(there.values.keys()).collect();
            for name in names.into_iter().filter(|name| !stays.contains(&(path.clone(), (*name).clone()))) {
                prop_assert_eq!(there.values.get(name), key.values.get(name), "{} {}", path, name);
            }
        }
        for (path, key) in &found.0 {
            if start.get(path).is_none() {
                let below = format!("{path}\\");
                let holds = stays.iter().any(|(stay, _)| stay == path || stay.starts_with(&below));
                prop_assert!(holds, "{} stayed for nothing", path);
                prop_assert_eq!(Some(&key.name), strange.get(path).map(|key| &key.name));
                kept.set(kept.get() + 1);
            }
        }
        Ok(())
    });
    assert!(changed.get() > 20 && kept.get() > 5, "{} changed, {} keys kept", changed.get(), kept.get());
}

/// An older run is taken back below a newer one: what the newer one wrote stays.
#[test]
fn what_a_later_run_has_written_stays() {
    let (blocked, whole) = (Cell::new(0), Cell::new(0));
    check_weighed(150, 3, &two_cases(ANYWHERE), |(case, other)| {
        let bench = Bench::new(Sort::Memory, &case.hives);
        let start = bench.model();
        if apply_to(bench.machine(), &case.desired(), &at(10)).map_err(fail)?.run.is_none() {
            return Ok(());
        }
        let older = last_run(&bench);
        apply_to(bench.machine(), &other.desired(), &at(15)).map_err(fail)?;
        let newer = last_run(&bench);
        let (journal, later) = (journal_of(bench.reader(), &older), journal_of(bench.reader(), &newer));
        let is_structural = |one: &&Operation| {
            matches!(one, Operation::RenameRegistryKey { .. } | Operation::RemoveRegistryTree { .. })
        };
        let all = || journal.intents.iter().chain(&later.intents).map(|(_, operation)| operation);
        let before = bench.model();
        let (shown, report) = take_back(bench.machine(), &journal, &rollback_of(&older), &at(20)).map_err(fail)?;
        if let Some(report) = report {
            prop_assert_eq!((report.failed(), report.skipped(), report.undone()), (0, 0, 0), "{:?}", report.outcomes);
        }
        let refused = shown.decisions.iter().filter(|one| one.verdict == Verdict::Blocked);
        for decision in refused.clone() {
            prop_assert!(
                decision.reasons.iter().any(|reason| reason.code == "rollback.changed_since"),
                "{:?}",
                decision
            );
        }
        blocked.set(blocked.get() + refused.count());
        let (_, again) = rollback_plan(bench.reader(), &journal, &rollback_of(&older), &at(25));
        prop_assert!(!again.has_operations(), "planned again: {:?}", again.decisions);
        if newer == older || all().any(|one| is_structural(&one)) {
            return Ok(());
        }
        whole.set(whole.get() + 1);
        // A value is as the newer run left it where that wrote it last, else as it was at the start.
        let found = bench.model();
        let theirs: BTreeSet<_> = later.intents.iter().filter_map(|(_, operation)| value_of(operation)).collect();
        for (path, name) in journal.intents.iter().filter_map(|(_, operation)| value_of(operation)) {
            let value = |model: &super::model::Model| model.get(&path).and_then(|key| key.values.get(&name)).cloned();
            let (now, then, at_start) = (value(&found), value(&before), value(&start));
            if theirs.contains(&(path.clone(), name.clone())) {
                prop_assert!(now == then || now == at_start, "{} {}", path, name);
            } else {
                prop_assert_eq!(now, at_start, "{} {}", path, name);
            }
        }
        for (path, name) in &theirs {
            let value = |model: &super::model::Model| model.get(path).and_then(|key| key.values.get(name)).cloned();
            let is_ours = journal
                .intents
                .iter()
                .filter_map(|(_, one)| value_of(one))
                .any(|one| one == (path.clone(), name.clone()));
            prop_assert!(is_ours || value(&found) == value(&before), "{} {} is the newer run's", path, name);
        }
        Ok(())
    });
    assert!(blocked.get() > 10 && whole.get() > 10, "{} blocked, {} compared", blocked.get(), whole.get());
}

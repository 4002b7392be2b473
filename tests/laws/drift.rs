//! The law on the record: what differs is told with its cause, and nothing else is; a snapshot tells the same.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

use trueup::document::Desired;
use trueup::kinds::Wanted;
use trueup::kinds::registry::WantedData;
use trueup::machine::Step;
use trueup::model::operation::{Expression, Operation};
use trueup::model::registry_data::RegistryData;
use trueup::model::resource::ResourceId;
use trueup::model::time::FileTime;
use trueup::model::verdict::{Cause, Verdict};
use trueup::plan::Plan;

use super::bench::{Bench, Sort, apply_to, fail};
use super::documents::{Case, Scope, case, desired, document};
use super::runner::check;
use super::world::{from_snapshot, key, now, options, plan, plan_without_secrets, snapshot_for};

const ANYWHERE: Scope = Scope { image_only: false, secrets: false };

/// What differs and can be changed, with the cause.
fn causes(plan: &Plan) -> Vec<(ResourceId, Option<Cause>)> {
    let changes = plan.decisions.iter().filter(|one| matches!(one.verdict, Verdict::Change { .. }));
    changes.map(|one| (one.id.clone(), one.cause)).collect()
}

/// The causes, and that a snapshot of the machine gives the same.
fn told(bench: &Bench, desired: &Desired) -> Result<Vec<(ResourceId, Option<Cause>)>, TestCaseError> {
    let found = causes(&plan(bench.reader(), desired).plan);
    let snapshot = from_snapshot(&snapshot_for(bench.reader(), desired));
    prop_assert_eq!(&causes(&plan_without_secrets(&snapshot, desired).plan), &found, "of a snapshot");
    Ok(found)
}

fn applied(sort: Sort, case: &Case) -> Result<Bench, TestCaseError> {
    let bench = Bench::new(sort, &case.hives);
    apply_to(bench.machine(), &case.desired(), &options()).map_err(fail)?;
    Ok(bench)
}

#[test]
fn without_a_record_nothing_is_told_of_the_past() {
    check(60, &case(ANYWHERE), |case| {
        let bench = Bench::new(Sort::Memory, &case.hives);
        let found = told(&bench, &case.desired())?;
        prop_assert!(found.iter().all(|(_, cause)| *cause == Some(Cause::Unrecorded)), "{:?}", found);
        Ok(())
    });
}

fn drifts(sort: Sort, case: &Case, pick: Index) -> Result<bool, TestCaseError> {
    let bench = applied(sort, case)?;
    let desired = case.desired();
    prop_assert_eq!(told(&bench, &desired)?, Vec::new());
    let settled = plan(bench.reader(), &desired).plan;
    let record = bench.record();
    for decision in settled.decisions.iter().filter(|one| one.verdict == Verdict::Keep) {
        prop_assert!(decision.trace.is_some(), "{} has no trace", decision.id);
    }
    let is_there = |id: &ResourceId| bench.model().get(&super::model::place(&key(id.name()))).is_some();
    let values: Vec<&ResourceId> = settled
        .decisions
        .iter()
        .filter(|one| one.verdict == Verdict::Keep && one.id.part().is_some() && is_there(&one.id))
        .map(|one| &one.id)
        .collect();
    // Where nothing was applied there is no record, and nothing to drift from.
    if values.is_empty() || record.entries.is_empty() {
        return Ok(false);
    }
    let id = *pick.get(&values);
    let operation = Operation::PutRegistryValue {
        key: key(id.name()),
        name: id.part().unwrap_or_default().into(),
        before: None,
        after: Expression::Registry(RegistryData::new(0x77, [1])),
    };
    let data = RegistryData::new(0x77, [1]);
    {
        let mut writer = bench.machine().writer("a stranger").map_err(fail)?;
        let time = FileTime::from_timestamp(now());
        let step = Step { data: Some(std::borrow::Cow::Owned(data)), ..Step::new(&operation) };
        writer.stage(&step, time).map_err(fail)?;
        writer.prepare(time).map_err(fail)?;
        writer.commit().map_err(fail)?;
    }
    prop_assert_eq!(told(&bench, &desired)?, vec![(id.clone(), Some(Cause::Drift))]);
    Ok(true)
}

#[test]
fn what_was_changed_behind_trueups_back_has_drifted() {
    let count = Cell::new(0);
    check(150, &(case(ANYWHERE), any::<Index>()), |(case, pick)| {
        count.set(count.get() + usize::from(drifts(Sort::Memory, &case, pick)?));
        Ok(())
    });
    assert!(count.get() > 30, "{} drifted", count.get());
}

#[test]
fn what_was_changed_on_an_image_has_drifted() {
    check(20, &(case(ANYWHERE), any::<Index>()), |(case, pick)| drifts(Sort::Image, &case, pick).map(drop));
}

#[test]
fn what_the_document_has_changed_is_asked() {
    let count = Cell::new(0);
    check(120, &(case(ANYWHERE), any::<Index>()), |(case, pick)| {
        let bench = applied(Sort::Memory, &case)?;
        let mut desired = case.desired();
        let settled = plan(bench.reader(), &desired).plan;
        let is_kept =
            |id: &ResourceId| settled.decisions.iter().any(|one| one.id == *id && one.verdict == Verdict::Keep);
        let mut values = Vec::new();
        for (number, entry) in desired.entries.iter().enumerate() {
            let address = entry.wanted.kind().address();
            let Wanted::RegistryKey(wanted) = &entry.wanted else { continue };
            for (at, value) in wanted.values.iter().enumerate() {
                let id = ResourceId::part_of(&address, &value.name);
                if value.expires.is_none() && matches!(value.data, WantedData::Data(_)) && is_kept(&id) {
                    values.push((number, at, id));
                }
            }
        }
        if values.is_empty() || bench.record().entries.is_empty() {
            return Ok(());
        }
        let (number, at, id) = pick.get(&values).clone();
        let Wanted::RegistryKey(wanted) = &mut desired.entries[number].wanted else { return Ok(()) };
        wanted.values[at].data = WantedData::Data(RegistryData::sz("asked anew"));
        prop_assert_eq!(told(&bench, &desired)?, vec![(id, Some(Cause::Asked))]);
        count.set(count.get() + 1);
        Ok(())
    });
    assert!(count.get() > 20, "{} asked", count.get());
}

#[test]
fn an_entry_that_was_never_applied_is_new() {
    let count = Cell::new(0);
    check(150, &case(ANYWHERE), |case| {
        let Some((last, rest)) = case.entries.split_last() else { return Ok(()) };
        let Some(earlier) = desired(&document(rest)) else { return Ok(()) };
        let bench = Bench::new(Sort::Memory, &case.hives);
        apply_to(bench.machine(), &earlier, &options()).map_err(fail)?;
        if last.contains("renamed_from") || bench.record().entries.is_empty() {
            return Ok(());
        }
        let found = told(&bench, &case.desired())?;
        prop_assert!(found.iter().all(|(_, cause)| *cause == Some(Cause::New)), "{:?}", found);
        count.set(count.get() + found.len());
        Ok(())
    });
    assert!(count.get() > 20, "{} new", count.get());
}

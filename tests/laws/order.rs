//! The order of a plan: dependencies that are written and those that follow from what keys are; cycles are told; and what does not depend
//! on each other may stand in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use trueup::kinds::registry::WantedKey;
use trueup::model::common::Ensure;
use trueup::model::resource::ResourceId;
use trueup::model::verdict::{Decision, Verdict};
use trueup::plan::{OrderError, order};

use super::documents::{Scope, case, desired, document, wanted_keys};
use super::model::{Model, place};
use super::runner::{Law, check};
use super::world::{apply_plan, memory, plan};

const ANYWHERE: Scope = Scope { image_only: false, secrets: true };

/// Which entries must come before which, by their numbers in the document: told from the document alone.
fn before(wanted: &[&WantedKey]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let address = |id: &str| place(&super::world::key(ResourceId::parse(id).unwrap().name()));
    let absent = |at: usize| wanted[at].common.ensure == Ensure::Absent;
    for (later, entry) in wanted.iter().enumerate() {
        for on in &entry.common.depends_on {
            let on = address(&on.value);
            let earlier = wanted.iter().position(|other| place(&other.key) == on).unwrap();
            out.push(if absent(later) && absent(earlier) { (later, earlier) } else { (earlier, later) });
        }
        let needed = entry.renamed_from.iter().map(|from| place(&from.value)).chain([place(&entry.key)]);
        for needed in needed {
            let above = |other: &&WantedKey| needed.starts_with(&format!("{}\\", place(&other.key)));
            let above = wanted.iter().enumerate().filter(|(_, other)| above(other));
            out.extend(above.map(|(earlier, _)| (earlier, later)));
        }
    }
    out
}

#[test]
fn dependencies_are_kept() {
    check(400, &case(ANYWHERE), |case| {
        let desired = case.desired();
        let wanted = wanted_keys(&desired);
        let planned = plan(&memory(&case.hives), &desired);
        let spans = &planned.plan.after.entries;
        prop_assert_eq!(spans.len(), wanted.len());
        // Each entry's place in the plan; its decisions stand together.
        let mut places = BTreeMap::new();
        let mut end = 0;
        for (place, span) in spans.iter().enumerate() {
            prop_assert_eq!(span.start, end);
            end = span.end;
            places.insert(planned.plan.decisions[span.start].id.name().to_owned(), place);
        }
        prop_assert_eq!(end, planned.plan.decisions.len());
        let at = |entry: usize| places[wanted[entry].key.as_str()];
        // What needs a blocked entry is not changed.
        for span in spans {
            let is_blocked = |one: &Decision| matches!(one.verdict, Verdict::Blocked | Verdict::Pending);
            let needed =
                span.needs.iter().flat_map(|needed| &planned.plan.decisions[spans[*needed].start..spans[*needed].end]);
            if needed.clone().any(is_blocked) {
                let changed =
                    planned.plan.decisions[span.start..span.end].iter().filter(|one| !one.operations().is_empty());
                prop_assert_eq!(changed.count(), 0, "{} needs what is blocked", planned.plan.decisions[span.start].id);
            }
        }
        for (earlier, later) in before(&wanted) {
            prop_assert!(at(earlier) < at(later), "{} before {}", wanted[earlier].key, wanted[later].key);
            prop_assert!(
                spans[at(later)].needs.contains(&at(earlier)),
                "{} needs {}",
                wanted[later].key,
                wanted[earlier].key
            );
        }
        Ok(())
    });
}

/// Keys in a small tree, and who depends on whom.
fn graph() -> impl Strategy<Value = Vec<(String, bool, Vec<usize>)>> {
    let path = proptest::collection::vec(proptest::sample::select(vec!["a", "b", "c"]), 1..4);
    let entry = (path, prop::bool::weighted(0.2), proptest::collection::vec(0..6_usize, 0..2));
    proptest::collection::vec(entry, 2..6).prop_map(|entries| {
        entries
            .into_iter()
            .map(|(path, absent, on)| (format!("HKLM\\SOFTWARE\\{}", path.join("\\")), absent, on))
            .collect()
    })
}

/// A document has an order exactly when nothing waits for itself, and the error names who waits for whom.
#[test]
fn cycles_are_named() {
    use std::cell::Cell;
    let (cyclic, ordered) = (Cell::new(0), Cell::new(0));
    check(600, &graph(), |graph| {
        let entries: Vec<String> = graph
            .iter()
            .map(|(path, absent, on)| {
                let on = on.iter().filter_map(|on| graph.get(*on)).map(|(on, ..)| format!("'registry[\"{on}\"]'"));
                let on = on.collect::<Vec<_>>().join(", ");
                let ensure = if *absent { "absent" } else { "present" };
                format!("  '{path}': {{ ensure: {ensure}, depends_on: [{on}] }}\n")
            })
            .collect();
        let Some(desired) = desired(&document(&entries)) else { return Ok(()) };
        let wanted = wanted_keys(&desired);
        let edges = before(&wanted);
        let mut reach = vec![vec![false; wanted.len()]; wanted.len()];
        edges.iter().for_each(|(earlier, later)| reach[*earlier][*later] = true);
        for middle in 0..wanted.len() {
            for from in 0..wanted.len() {
                for to in 0..wanted.len() {
                    reach[from][to] |= reach[from][middle] && reach[middle][to];
                }
            }
        }
        let has_cycle = (0..wanted.len()).any(|at| reach[at][at]);
        match order(&desired.entries) {
            Ok((sequence, _)) => {
                prop_assert!(!has_cycle);
                ordered.set(ordered.get() + 1);
                let at = |entry: &usize| sequence.iter().position(|one| one == entry);
                prop_assert!(edges.iter().all(|(earlier, later)| at(earlier) < at(later)));
            }
            Err(OrderError::Cycle(cycle)) => {
                prop_assert!(has_cycle);
                cyclic.set(cyclic.get() + 1);
                let number =
                    |id: &ResourceId| wanted.iter().position(|wanted| wanted.key.as_str() == id.name()).unwrap();
                let numbers: Vec<usize> = cycle.0.iter().map(|(id, _)| number(id)).collect();
                prop_assert!(!numbers.is_empty());
                for (at, waits) in numbers.iter().enumerate() {
                    let on = numbers[(at + 1) % numbers.len()];
                    prop_assert!(edges.contains(&(on, *waits)), "{:?}", cycle);
                }
                let told = OrderError::Cycle(cycle.clone()).to_string();
                prop_assert!(cycle.0.iter().all(|(id, _)| told.contains(&id.to_string())), "{}", told);
            }
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
        Ok(())
    });
    let (cyclic, ordered) = (cyclic.get(), ordered.get());
    assert!(cyclic > ordered / 20 && ordered > cyclic / 20, "{cyclic} with a cycle, {ordered} without");
}

/// Without the case in which names were written: two entries may both make the key above them.
fn without_case(model: Model) -> Model {
    let mut model = model;
    for key in model.0.values_mut() {
        key.name = trueup::formats::upcase::fold(&key.name);
    }
    model
}

/// The order in which entries stand in the document makes no difference to what comes of them.
#[test]
fn a_shuffled_document_comes_to_the_same_end() {
    let strategy = (case(ANYWHERE), proptest::collection::vec(any::<u32>(), 8));
    check(400, &strategy, |(case, ranks)| -> Law {
        let mut shuffled: Vec<(u32, String)> = ranks.into_iter().zip(case.entries.iter().cloned()).collect();
        shuffled.sort();
        let shuffled: Vec<String> = shuffled.into_iter().map(|(_, entry)| entry).collect();
        let mut ends = Vec::new();
        for entries in [&case.entries, &shuffled] {
            let desired =
                desired(&document(entries)).ok_or_else(|| TestCaseError::fail("the loader takes one order only"))?;
            let memory = memory(&case.hives);
            let planned = plan(&memory, &desired);
            let report =
                apply_plan(&memory, &desired, &planned).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!((report.failed(), report.skipped()), (0, 0));
            ends.push(without_case(Model::of_memory(&memory)));
        }
        for (path, key) in &ends[0].0 {
            prop_assert_eq!(ends[1].get(path), Some(key), "{}", path);
        }
        prop_assert_eq!(ends[0].0.len(), ends[1].0.len());
        Ok(())
    });
}

//! The order of entries: dependencies that are written, and those that follow from what things are.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::document::Entry;
use crate::kinds::Place;
use crate::model::common::Ensure;
use crate::model::resource::ResourceId;
use crate::model::source::Location;

/// Entries that wait for each other: each needs the next, the last needs the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle(pub Vec<(ResourceId, Location)>);

/// Why the entries have no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("these entries depend on each other: {}", chain(.0))]
    Cycle(Cycle),
    #[error("{by} depends on {on}, which the document does not have")]
    Unknown { by: ResourceId, on: String, at: Location },
}

fn chain(cycle: &Cycle) -> String {
    let mut names: Vec<String> = cycle.0.iter().map(|(id, _)| id.to_string()).collect();
    names.extend(cycle.0.first().map(|(id, _)| id.to_string()));
    names.join(" → ")
}

/// The entries' indexes in the order in which they run, and for each index the entries it needs.
///
/// The order is stable: among entries that may run, the one that stands first in the document goes first. Between two
/// entries that are both removed, the one that depends on the other goes first.
///
/// # Errors
/// A cycle, or a dependency on nothing.
pub fn order(entries: &[Entry]) -> Result<(Vec<usize>, Vec<Vec<usize>>), OrderError> {
    let needs = needs(entries)?;
    let mut waits: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); entries.len()];
    for (index, needed) in needs.iter().enumerate() {
        for before in needed {
            if let Some(list) = followers.get_mut(*before) {
                list.push(index);
            }
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        waits.iter().enumerate().filter(|(_, count)| **count == 0).map(|(index, _)| Reverse(index)).collect();
    let mut sequence = Vec::with_capacity(entries.len());
    while let Some(Reverse(index)) = ready.pop() {
        sequence.push(index);
        for follower in followers.get(index).into_iter().flatten() {
            if let Some(count) = waits.get_mut(*follower) {
                *count -= 1;
                if *count == 0 {
                    ready.push(Reverse(*follower));
                }
            }
        }
    }
    if sequence.len() < entries.len() {
        return Err(OrderError::Cycle(find_cycle(entries, &needs, &waits)));
    }
    Ok((sequence, needs))
}

fn needs(entries: &[Entry]) -> Result<Vec<Vec<usize>>, OrderError> {
    let mut providers: HashMap<Place, usize> = HashMap::new();
    let mut implied = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let order = entry.wanted.kind().order();
        for place in order.provides {
            providers.entry(place).or_insert(index);
        }
        implied.push(order.needs);
    }
    let has_explicit = entries.iter().any(|entry| !entry.wanted.kind().common().depends_on.is_empty());
    let addresses = if has_explicit { addresses(entries) } else { HashMap::new() };

    let mut needs: Vec<Vec<usize>> = vec![Vec::new(); entries.len()];
    for (index, (entry, places)) in entries.iter().zip(implied).enumerate() {
        let mut edges: Vec<usize> = places.iter().filter_map(|place| providers.get(place).copied()).collect();
        for on in &entry.wanted.kind().common().depends_on {
            let known = ResourceId::parse(&on.value).ok().and_then(|id| addresses.get(&id.entry().folded()).copied());
            let Some(target) = known else {
                let by = entry.wanted.kind().address();
                return Err(OrderError::Unknown { by, on: on.value.to_string(), at: on.at });
            };
            edges.push(target);
        }
        for target in edges {
            let removed =
                |at: usize| entries.get(at).is_some_and(|entry| entry.wanted.kind().common().ensure == Ensure::Absent);
            let (from, to) = if removed(index) && removed(target) { (target, index) } else { (index, target) };
            if let Some(list) = needs.get_mut(from)
                && !list.contains(&to)
            {
                list.push(to);
            }
        }
    }
    Ok(needs)
}

fn addresses(entries: &[Entry]) -> HashMap<ResourceId, usize> {
    entries.iter().enumerate().map(|(index, entry)| (entry.wanted.kind().address().folded(), index)).collect()
}

/// Walks from any entry that is stuck to one it waits for, until one comes round again.
fn find_cycle(entries: &[Entry], needs: &[Vec<usize>], waits: &[usize]) -> Cycle {
    let stuck = |index: &usize| waits.get(*index).is_some_and(|count| *count > 0);
    let mut path: Vec<usize> = Vec::new();
    let mut next = (0..entries.len()).find(stuck);
    while let Some(index) = next {
        if let Some(start) = path.iter().position(|seen| *seen == index) {
            path.drain(..start);
            break;
        }
        path.push(index);
        next = needs.get(index).into_iter().flatten().copied().find(stuck);
    }
    let named = |index: usize| entries.get(index).map(|entry| (entry.wanted.kind().address(), entry.at));
    Cycle(path.into_iter().filter_map(named).collect())
}

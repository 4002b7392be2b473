//! Where what will be at a key lies now: elsewhere, when an entry above it moves a key into place. Pure.

use std::borrow::Cow;

use super::compare::observed;
use crate::kinds::Context;
use crate::model::fact::{Facts, KeyFact, KeyState, Observed};
use crate::model::registry::RegistryKey;

/// How many moves are followed: entries that move each other round have no order, and are refused for that later.
const MAX_MOVES: usize = 64;

/// A key as it will be when its entry's turn comes.
pub enum Found<'f> {
    Present(&'f KeyFact),
    Absent {
        /// The nearest key above that is there by then.
        ancestor: RegistryKey,
        /// Where that one lies now.
        ancestor_now: RegistryKey,
    },
}

/// Where to look for what will be at `key` once all above it is in place.
pub fn now<'k>(key: &'k RegistryKey, facts: &Facts, context: &Context<'_>) -> Cow<'k, RegistryKey> {
    if context.has_moves() { Cow::Owned(before(key, facts, context, MAX_MOVES)) } else { Cow::Borrowed(key) }
}

/// What will be at `key` once all above it is in place.
pub fn found<'f>(key: &RegistryKey, facts: &'f Facts, context: &Context<'_>) -> Observed<Found<'f>> {
    let here = now(key, facts, context);
    Ok(match observed(facts, &here)? {
        KeyState::Present(fact) => Found::Present(fact),
        KeyState::Absent { ancestor } => {
            let missing = here.depth().saturating_sub(ancestor.depth());
            let above = std::iter::successors(Some(key.clone()), RegistryKey::parent).nth(missing);
            Found::Absent { ancestor: above.unwrap_or_else(|| ancestor.clone()), ancestor_now: ancestor.clone() }
        }
    })
}

fn before(key: &RegistryKey, facts: &Facts, context: &Context<'_>, moves: usize) -> RegistryKey {
    let Some(parent) = key.parent() else { return key.clone() };
    let above = after(&parent, facts, context, moves);
    if above == parent { key.clone() } else { above.child(key.name()).unwrap_or_else(|_| key.clone()) }
}

/// Where to look for what will be at `key` once the key itself is in place.
fn after(key: &RegistryKey, facts: &Facts, context: &Context<'_>, moves: usize) -> RegistryKey {
    let here = before(key, facts, context, moves);
    let Some(from) = context.moved_from(key).filter(|_| moves > 0) else { return here };
    let there = before(from, facts, context, moves - 1);
    match (facts.key(&here), facts.key(&there)) {
        (Some(Ok(KeyState::Absent { .. })), Some(Ok(KeyState::Present(fact)))) if !fact.link => there,
        _ => here,
    }
}

//! Reads every touched thing again and compares it with what the plan promised.

use std::collections::HashSet;

use crate::formats::upcase;
use crate::machine::{Machine, Step};
use crate::model::fact::{Facts, KeyAspects, KeyState, Queries, ValueSelection};
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;

/// For each step what is wrong with it now, `None` where the machine holds what the plan promised.
///
/// A later step may undo an earlier one on purpose (a value is set in a key that is then removed), so only the last
/// word on each thing is held against the machine.
pub fn verify(machine: &dyn Machine, steps: &[Step<'_>]) -> Vec<Option<String>> {
    let mut queries = Queries::default();
    for step in steps {
        ask(step.operation, &mut queries);
    }
    let mut facts = Facts::new(machine.identity());
    crate::machine::answer(machine, &queries, &mut facts);
    let removed: HashSet<&RegistryKey> = steps.iter().filter_map(|step| removed_key(step.operation)).collect();
    steps
        .iter()
        .map(|step| {
            let key = step.operation.registry_key();
            let gone_since = !removed.is_empty()
                && removed_key(step.operation).is_none()
                && std::iter::successors(Some(key.clone()), RegistryKey::parent).any(|above| removed.contains(&above));
            if gone_since { None } else { check(step, &facts).err() }
        })
        .collect()
}

fn removed_key(operation: &Operation) -> Option<&RegistryKey> {
    match operation {
        Operation::RemoveRegistryTree { key, .. } => Some(key),
        _ => None,
    }
}

fn ask(operation: &Operation, queries: &mut Queries) {
    let none = KeyAspects::default;
    match operation {
        Operation::CreateRegistryKey { key } | Operation::RemoveRegistryTree { key, .. } => queries.key(key, none()),
        Operation::PutRegistryValue { key, name, .. } | Operation::RemoveRegistryValue { key, name, .. } => {
            queries.key(key, KeyAspects { values: ValueSelection::Named(vec![name.clone()]), ..none() });
        }
        Operation::RenameRegistryKey { from, to } => {
            queries.key(from, none());
            queries.key(to, none());
        }
        Operation::PutRegistrySecurity { key, .. } => queries.key(key, KeyAspects { security: true, ..none() }),
    }
}

fn check(step: &Step<'_>, facts: &Facts) -> Result<(), String> {
    let state = |key: &RegistryKey| match facts.key(key) {
        Some(Ok(state)) => Ok(state),
        Some(Err(unread)) => Err(unread.to_string()),
        None => Err(format!("{key} was not read back")),
    };
    let present = |key: &RegistryKey| {
        state(key)?.present().ok_or_else(|| format!("{key} is not there after it was written"))
    };
    let absent = |key: &RegistryKey| match state(key)? {
        KeyState::Absent { .. } => Ok(()),
        KeyState::Present(_) => Err(format!("{key} is still there")),
    };
    match step.operation {
        Operation::CreateRegistryKey { key } => present(key).map(|_| ()),
        Operation::RemoveRegistryTree { key, .. } => absent(key),
        Operation::RenameRegistryKey { from, to } => {
            present(to)?;
            // A change of case only leaves both names for the same key.
            if upcase::eq(from.as_str(), to.as_str()) { Ok(()) } else { absent(from) }
        }
        Operation::PutRegistryValue { key, name, .. } => {
            let found = present(key)?.value(name).and_then(|value| value.data.plain());
            if found == step.data.as_ref() { Ok(()) } else { Err("it does not read back as written".into()) }
        }
        Operation::RemoveRegistryValue { key, name, .. } => match state(key)?.present().and_then(|fact| fact.value(name)) {
            Some(_) => Err("it is still there".into()),
            None => Ok(()),
        },
        Operation::PutRegistrySecurity { key, after, .. } => match &present(key)?.security {
            Some(found) if found == after => Ok(()),
            _ => Err("its security does not read back as written".into()),
        },
    }
}

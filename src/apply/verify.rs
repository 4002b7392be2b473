//! Reads every touched thing again and compares it with what the plan promised.

use std::collections::HashSet;

use crate::formats::upcase;
use crate::machine::{Machine, Step, answer};
use crate::model::fact::{Facts, KeyAspects, KeyState, Observed, Queries, ValueSelection};
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;

/// For each step what is wrong with it now, `None` where the machine holds what the plan promised.
///
/// `facts` were read after the last write; what they do not tell, secrets among it, is read here. A later step may undo
/// an earlier one on purpose (a value is set in a key that is then removed), so only the last word on each thing is held
/// against the machine.
pub fn verify<'s, 'p: 's>(
    machine: &dyn Machine,
    facts: &Facts,
    steps: impl Iterator<Item = &'s Step<'p>> + Clone,
) -> Vec<Option<String>> {
    let mut queries = Queries::default();
    let mut sealed = Queries::default();
    for step in steps.clone() {
        ask(step.operation, if step.operation.secret().is_some() { &mut sealed } else { &mut queries });
    }
    let mut read = Read { unsealed: facts.none(), rest: facts.none(), facts };
    answer(machine, &queries.not_in(facts), &mut read.rest);
    answer(machine, &sealed, &mut read.unsealed);
    let removed: HashSet<&RegistryKey> = steps.clone().filter_map(|step| removed_key(step.operation)).collect();
    steps
        .map(|step| {
            let key = step.operation.registry_key();
            let gone_since = !removed.is_empty()
                && removed_key(step.operation).is_none()
                && std::iter::successors(Some(key.clone()), RegistryKey::parent).any(|above| removed.contains(&above));
            if gone_since { None } else { check(step, &read).err() }
        })
        .collect()
}

/// Where the answers are: secrets in the open only for as long as they are compared.
struct Read<'f> {
    unsealed: Facts,
    rest: Facts,
    facts: &'f Facts,
}

impl Read<'_> {
    fn key(&self, step: &Step<'_>, key: &RegistryKey) -> Option<&Observed<KeyState>> {
        if step.operation.secret().is_some() {
            return self.unsealed.key(key);
        }
        self.rest.key(key).or_else(|| self.facts.key(key))
    }
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
        Operation::CreateRegistryKey { key }
        | Operation::RemoveRegistryTree { key, .. }
        | Operation::PutRegistryTree { key, .. } => queries.key(key, none()),
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

fn check(step: &Step<'_>, read: &Read<'_>) -> Result<(), String> {
    let state = |key: &RegistryKey| match read.key(step, key) {
        Some(Ok(state)) => Ok(state),
        Some(Err(unread)) => Err(unread.to_string()),
        None => Err(format!("{key} was not read back")),
    };
    let present =
        |key: &RegistryKey| state(key)?.present().ok_or_else(|| format!("{key} is not there after it was written"));
    let absent = |key: &RegistryKey| match state(key)? {
        KeyState::Absent { .. } => Ok(()),
        KeyState::Present(_) => Err(format!("{key} is still there")),
    };
    match step.operation {
        Operation::CreateRegistryKey { key } | Operation::PutRegistryTree { key, .. } => present(key).map(|_| ()),
        Operation::RemoveRegistryTree { key, .. } => absent(key),
        Operation::RenameRegistryKey { from, to } => {
            present(to)?;
            // A change of case only leaves both names for the same key.
            if upcase::eq(from.as_str(), to.as_str()) { Ok(()) } else { absent(from) }
        }
        Operation::PutRegistryValue { key, name, .. } => {
            let found = present(key)?.value(name).and_then(|value| value.data.plain());
            if found == step.data.as_deref() { Ok(()) } else { Err("it does not read back as written".into()) }
        }
        Operation::RemoveRegistryValue { key, name, .. } => {
            match state(key)?.present().and_then(|fact| fact.value(name)) {
                Some(_) => Err("it is still there".into()),
                None => Ok(()),
            }
        }
        Operation::PutRegistrySecurity { key, after, .. } => match &present(key)?.security {
            Some(found) if found == after => Ok(()),
            _ => Err("its security does not read back as written".into()),
        },
    }
}

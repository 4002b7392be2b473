//! Secrets that a run overwrites: read once more, sealed, and put back by the run that takes it back.

use std::borrow::Cow;
use std::collections::HashMap;

use super::ApplyError;
use crate::formats::hold::{HeldItems, HoldKey, NONCE_BYTES, open, seal};
use crate::machine::{Machine, RunName, Writer, answer};
use crate::model::fact::{Facts, KeyAspects, KeyState, KeyTree, Queries, Stored, ValueSelection};
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;

/// A secret that a step takes away: the number of the step, and the value.
struct Lost {
    step: usize,
    key: RegistryKey,
    name: Box<str>,
}

/// In the order in which they are kept: the place in this list is the item's number.
fn lost(operations: &[&Operation]) -> Vec<Lost> {
    let mut lost = Vec::new();
    for (step, operation) in operations.iter().enumerate() {
        match operation {
            Operation::PutRegistryValue { key, name, before: Some(before), .. }
            | Operation::RemoveRegistryValue { key, name, before }
                if is_sealed(before) =>
            {
                let before_run = operations.get(..step).unwrap_or_default();
                lost.push(Lost { step, key: origin(key, before_run), name: name.clone() });
            }
            Operation::RemoveRegistryTree { key, before } => {
                lost_in(before, &origin(key, operations.get(..step).unwrap_or_default()), step, &mut lost);
            }
            _ => {}
        }
    }
    lost
}

fn is_sealed(stored: &Stored) -> bool {
    matches!(stored, Stored::Sealed { held: None, .. })
}

fn lost_in(tree: &KeyTree, key: &RegistryKey, step: usize, lost: &mut Vec<Lost>) {
    let sealed = tree.values.iter().filter(|value| is_sealed(&value.data));
    lost.extend(sealed.map(|value| Lost { step, key: key.clone(), name: value.name.clone() }));
    for subkey in &tree.subkeys {
        if let Ok(key) = key.child(&subkey.name) {
            lost_in(subkey, &key, step, lost);
        }
    }
}

/// Where what lies at a key after some steps lay before them.
fn origin(key: &RegistryKey, steps: &[&Operation]) -> RegistryKey {
    steps.iter().rev().fold(key.clone(), |key, operation| match operation {
        Operation::RenameRegistryKey { from, to } => key.moved(to, from).unwrap_or(key),
        _ => key,
    })
}

/// Whether the steps take away secrets that a hold can keep.
pub fn loses_secrets(operations: &[&Operation]) -> bool {
    !lost(operations).is_empty()
}

/// Keeps, sealed, the secrets that the steps take away; gives the steps as the journal names them, each with where its secret is
/// kept.
///
/// # Errors
/// They cannot be read, sealed or written.
pub fn keep<'o>(
    machine: &dyn Machine,
    writer: &mut dyn Writer,
    run: &RunName,
    operations: &[&'o Operation],
    key: &HoldKey,
) -> Result<Vec<Cow<'o, Operation>>, ApplyError> {
    let lost = lost(operations);
    let mut queries = Queries::default();
    for one in &lost {
        let values = ValueSelection::Named(vec![one.name.clone()]);
        queries.key(&one.key, KeyAspects { values, ..KeyAspects::default() });
    }
    let mut facts = Facts::new(machine.identity());
    answer(machine, &queries, None, &mut facts);
    let mut items = HeldItems::default();
    for (number, one) in lost.iter().enumerate() {
        if let Some(Ok(KeyState::Present(fact))) = facts.key(&one.key)
            && let Some(data) = fact.value(&one.name).and_then(|value| value.data.plain())
        {
            items.0.insert(number, data.clone());
        }
    }
    drop(facts);
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(ApplyError::Random)?;
    let name = run.to_string();
    let sealed = seal(&items, key, &name, nonce).map_err(|source| ApplyError::Hold { run: name.clone(), source })?;
    writer.put_held(run, &sealed)?;
    let mut next = 0;
    let named = operations.iter().enumerate().map(|(step, operation)| {
        let count = lost.iter().skip(next).take_while(|one| one.step == step).count();
        let named = if count == 0 { Cow::Borrowed(*operation) } else { Cow::Owned(held_from(operation, &name, next)) };
        next += count;
        named
    });
    Ok(named.collect())
}

/// The step with its secrets named by where they are kept, from the item `first` on.
fn held_from(operation: &Operation, run: &str, first: usize) -> Operation {
    let mut operation = operation.clone();
    let mut number = first;
    let mut name = |stored: &mut Stored| {
        if let Stored::Sealed { held: held @ None, .. } = stored {
            *held = Some(format!("{run}/{number}").into());
            number += 1;
        }
    };
    match &mut operation {
        Operation::PutRegistryValue { before: Some(before), .. } | Operation::RemoveRegistryValue { before, .. } => {
            name(before);
        }
        Operation::RemoveRegistryTree { before, .. } => before.for_each_value(&mut |value| name(&mut value.data)),
        _ => {}
    }
    operation
}

/// Opens what runs keep, each once.
pub struct Holds<'m> {
    machine: &'m dyn Machine,
    key: Option<&'m HoldKey>,
    open: HashMap<String, HeldItems>,
}

impl<'m> Holds<'m> {
    pub fn new(machine: &'m dyn Machine, key: Option<&'m HoldKey>) -> Self {
        Self { machine, key, open: HashMap::new() }
    }

    /// The data kept as `run/item`.
    ///
    /// # Errors
    /// There is no key, or the hold cannot be opened with it.
    pub fn data(&mut self, item: &str) -> Result<RegistryData, ApplyError> {
        use crate::formats::hold::HoldError;
        let damaged = |run: &str| ApplyError::Hold { run: run.to_owned(), source: HoldError::Damaged };
        let (run, number) = item.split_once('/').ok_or_else(|| damaged(item))?;
        let key = self.key.ok_or_else(|| ApplyError::NoHoldKey { run: run.to_owned() })?;
        if !self.open.contains_key(run) {
            let name: RunName = run.parse().map_err(|_| damaged(run))?;
            let sealed = self.machine.held(&name).map_err(ApplyError::Record)?.ok_or_else(|| damaged(run))?;
            let items = open(&sealed, key, run).map_err(|source| ApplyError::Hold { run: run.to_owned(), source })?;
            self.open.insert(run.to_owned(), items);
        }
        let number: usize = number.parse().map_err(|_| damaged(run))?;
        self.open.get(run).and_then(|items| items.0.get(&number)).cloned().ok_or_else(|| damaged(run))
    }
}

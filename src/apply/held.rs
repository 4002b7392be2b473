//! Secrets that a run overwrites: read once more, sealed, and put back by the run that takes it back.

use std::borrow::Cow;
use std::collections::HashMap;

use super::ApplyError;
use crate::formats::hold::{HeldItems, HoldKey, NONCE_BYTES, open, seal};
use crate::machine::{Machine, NoSecrets, RunName, Writer, answer};
use crate::model::fact::{Facts, KeyAspects, KeyState, KeyTree, Queries, Stored, ValueSelection};
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;

/// A secret that a step takes away: the value, the number of the step, and the number under which it is kept.
struct Lost {
    step: usize,
    item: usize,
    /// `None` for a name that no key can be asked by: it stays lost.
    key: Option<RegistryKey>,
    name: Box<str>,
}

const fn is_lost(stored: &Stored) -> bool {
    matches!(stored, Stored::Sealed { held: None, .. })
}

/// What the steps take away; a value that a step names is kept under the step's number, those of trees under numbers behind all.
fn lost(operations: &[&Operation]) -> Vec<Lost> {
    let mut lost = Vec::new();
    let mut next = operations.len();
    let mut moves = Vec::new();
    for (step, operation) in operations.iter().enumerate() {
        match operation {
            Operation::PutRegistryValue { key, name, before: Some(before), .. }
            | Operation::RemoveRegistryValue { key, name, before }
                if is_lost(before) =>
            {
                lost.push(Lost { step, item: step, key: Some(origin(key, &moves)), name: name.clone() });
            }
            Operation::RemoveRegistryTree { key, before } => {
                let mut values = Vec::new();
                lost_values(Some(&origin(key, &moves)), before, &mut values);
                for (key, name) in values {
                    lost.push(Lost { step, item: next, key, name });
                    next += 1;
                }
            }
            Operation::RenameRegistryKey { from, to } => moves.push((from, to)),
            _ => {}
        }
    }
    lost
}

/// Where what lies at a key after some moves lay before them.
fn origin(key: &RegistryKey, moves: &[(&RegistryKey, &RegistryKey)]) -> RegistryKey {
    moves.iter().rev().fold(key.clone(), |key, (from, to)| key.moved(to, from).unwrap_or(key))
}

/// In the order of [`KeyTree::for_each_value`].
fn lost_values(key: Option<&RegistryKey>, tree: &KeyTree, out: &mut Vec<(Option<RegistryKey>, Box<str>)>) {
    let values = tree.values.iter().filter(|value| is_lost(&value.data));
    out.extend(values.map(|value| (key.cloned(), value.name.clone())));
    for subkey in &tree.subkeys {
        let below = key.and_then(|key| key.child(&subkey.name).ok());
        lost_values(below.as_ref(), subkey, out);
    }
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
        if let Some(key) = &one.key {
            queries.key(key, KeyAspects { values, ..KeyAspects::default() });
        }
    }
    let mut facts = Facts::new(machine.identity());
    answer(machine, &queries, None, &NoSecrets, &mut facts);
    let mut items = HeldItems::default();
    for one in &lost {
        if let Some(Ok(KeyState::Present(fact))) = one.key.as_ref().and_then(|key| facts.key(key))
            && let Some(data) = fact.value(&one.name).and_then(|value| value.data.plain())
        {
            items.0.insert(one.item, data.clone());
        }
    }
    drop(facts);
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(ApplyError::Random)?;
    let name = run.to_string();
    let sealed = seal(&items, key, &name, nonce).map_err(|source| ApplyError::Hold { run: name.clone(), source })?;
    writer.put_held(run, &sealed)?;
    let mut kept: HashMap<usize, Vec<Option<Box<str>>>> = HashMap::new();
    for one in &lost {
        let at = items.0.contains_key(&one.item).then(|| format!("{name}/{}", one.item).into());
        kept.entry(one.step).or_default().push(at);
    }
    let named = operations.iter().enumerate().map(|(step, operation)| match kept.remove(&step) {
        Some(places) => Cow::Owned(held_at(operation, places)),
        None => Cow::Borrowed(*operation),
    });
    Ok(named.collect())
}

/// The step with the places of its secrets, in their order.
fn held_at(operation: &Operation, places: Vec<Option<Box<str>>>) -> Operation {
    let mut operation = operation.clone();
    let mut places = places.into_iter();
    let mut note = |stored: &mut Stored| {
        if let Stored::Sealed { held: held @ None, .. } = stored {
            *held = places.next().flatten();
        }
    };
    match &mut operation {
        Operation::PutRegistryValue { before: Some(before), .. } | Operation::RemoveRegistryValue { before, .. } => {
            note(before);
        }
        Operation::RemoveRegistryTree { before, .. } => before.for_each_value(&mut |value| note(&mut value.data)),
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

//! Changes the registry of the running system: steps are gathered, then written together.
//!
//! Where the system has transactions for the registry, a crash leaves all or nothing of them. Where it has none, each value and
//! key is a part of its own, of which can be told afterwards whether it was written.

use std::collections::HashMap;

use windows_registry::{Key, Transaction, Type};

use super::parts::Part;
use super::registry;
use crate::machine::windows_api::key::{self, Buffers};
use crate::machine::windows_api::{WindowsError, process, told};
use crate::machine::{PartChange, Step, WriteError};
use crate::model::fact::{KeyTree, Observed};
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;

/// KEY_READ, KEY_WRITE, DELETE, and the right to write the descriptor where that is what a step does.
const WRITE: u32 = 0x0002_0019 | 0x0002_0006;
const DELETE: u32 = 0x0001_0000;
const WRITE_SECURITY: u32 = 0x0004_0000 | 0x0008_0000;

/// A step with all that it needs.
struct Staged {
    operation: Operation,
    data: Option<RegistryData>,
    tree: Option<Box<KeyTree>>,
}

/// Steps that wait to be written.
#[derive(Default)]
pub struct RegistryStage {
    steps: Vec<Staged>,
    prepared: Vec<Staged>,
    /// Keys that an earlier step of the stage makes or removes.
    will_be: HashMap<RegistryKey, bool>,
}

impl RegistryStage {
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes a step after a look at whether it can be done.
    pub fn stage(&mut self, step: &Step<'_>) -> Result<(), WriteError> {
        let operation = step.operation;
        let failed = |detail: String| WriteError::refused(operation.to_string(), detail);
        let key = operation.registry_key().ok_or_else(|| failed("it is no step of the registry".into()))?;
        match operation {
            Operation::CreateRegistryKey { .. } | Operation::PutRegistryTree { .. } => {
                if let Some(parent) = key.parent() {
                    self.require(&parent, WRITE, "the key above it is not there").map_err(failed)?;
                }
                self.will_be.insert(key.clone(), true);
            }
            Operation::RenameRegistryKey { from, to } => {
                self.require(from, WRITE | DELETE, "the old key is not there").map_err(failed)?;
                self.will_be.insert(from.clone(), false);
                self.will_be.insert(to.clone(), true);
            }
            Operation::RemoveRegistryTree { .. } => {
                self.will_be.insert(key.clone(), false);
            }
            Operation::PutRegistrySecurity { .. } => {
                self.require(key, WRITE_SECURITY, "the key is not there").map_err(failed)?;
            }
            _ => self.require(key, WRITE, "the key is not there").map_err(failed)?,
        }
        let data = step.data.as_deref().cloned();
        if matches!(operation, Operation::PutRegistryValue { .. }) && data.is_none() {
            return Err(failed("its data was not evaluated".into()));
        }
        self.steps.push(Staged { operation: operation.clone(), data, tree: step.tree.clone() });
        Ok(())
    }

    /// A key that is there, or will be when its turn comes, and that may be written.
    fn require(&self, key: &RegistryKey, access: u32, missing: &str) -> Result<(), String> {
        if let Some(will_be) = std::iter::successors(Some(key.clone()), RegistryKey::parent)
            .find_map(|above| self.will_be.get(&above).copied())
        {
            return if will_be { Ok(()) } else { Err(missing.to_owned()) };
        }
        match open(key, access, None) {
            Ok(_) => Ok(()),
            Err(error) if error.is_absent() => Err(missing.to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Tells the state of each part before and after; nothing is changed.
    pub fn prepare(&mut self, print: &FingerprintKey) -> Result<Vec<PartChange>, WriteError> {
        let mut changes: Vec<PartChange> = Vec::with_capacity(self.steps.len());
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut buffers = Buffers::default();
        for staged in &self.steps {
            let attempt = || format!("prepare to {}", staged.operation);
            let Some(part) = Part::of(&staged.operation) else { continue };
            let after = self.after(staged, &part, print, &mut buffers);
            let after = after.map_err(|unread| WriteError::failed(attempt(), unread))?;
            let name = part.to_string();
            if let Some(known) = places.get(&name).and_then(|at| changes.get_mut(*at)) {
                known.after = after;
                continue;
            }
            let before = part.state(print, &mut buffers).map_err(|unread| WriteError::failed(attempt(), unread))?;
            places.insert(name.clone(), changes.len());
            changes.push(PartChange { part: name, before, after });
        }
        self.prepared = std::mem::take(&mut self.steps);
        self.will_be.clear();
        Ok(changes)
    }

    fn after(
        &self,
        staged: &Staged,
        part: &Part,
        print: &FingerprintKey,
        buffers: &mut Buffers,
    ) -> Observed<Option<String>> {
        Ok(match &staged.operation {
            Operation::PutRegistryValue { .. } => staged.data.as_ref().map(|data| Part::value_state(data, print)),
            Operation::PutRegistryTree { after, .. } => {
                Some(Part::tree_state(staged.tree.as_ref().unwrap_or(after), print))
            }
            Operation::RenameRegistryKey { from, .. } => Part::Tree(from.clone()).state(print, buffers)?,
            Operation::PutRegistrySecurity { after, .. } => Some(Part::security_state(after, print)),
            Operation::CreateRegistryKey { .. } => Some(Part::PRESENT.to_owned()),
            _ => {
                debug_assert!(matches!(part, Part::Value(..) | Part::Tree(_)), "what is left removes something");
                None
            }
        })
    }

    /// Writes what was prepared.
    pub fn commit(&mut self) -> Result<(), WriteError> {
        let prepared = std::mem::take(&mut self.prepared);
        if prepared.is_empty() {
            return Ok(());
        }
        let transaction = begin();
        let mut last: Option<(RegistryKey, Key)> = None;
        for staged in &prepared {
            let failed = |error: WindowsError| WriteError::failed(staged.operation.to_string(), error);
            perform(staged, transaction.as_ref(), &mut last).map_err(failed)?;
        }
        drop(last);
        let Some(transaction) = transaction else { return Ok(()) };
        told(transaction.commit()).map_err(|error| WriteError::failed("commit what was written to the registry", error))
    }
}

/// A transaction, where the system has them for the registry.
fn begin() -> Option<Transaction> {
    if process::is_wine() {
        return None;
    }
    let transaction = Transaction::new().ok()?;
    let opens = windows_registry::LOCAL_MACHINE.options().read().transaction(&transaction).open("SOFTWARE");
    opens.is_ok().then_some(transaction)
}

fn open(key: &RegistryKey, access: u32, transaction: Option<&Transaction>) -> Result<Key, WindowsError> {
    // ERROR_BAD_PATHNAME: the hive of the user cannot be named.
    let (root, path) = registry::place(key).map_err(|_| WindowsError(161))?;
    let mut options = root.options();
    options.access(access).wow64_64();
    if let Some(transaction) = transaction {
        options.transaction(transaction);
    }
    told(options.open(path))
}

fn create(key: &RegistryKey, transaction: Option<&Transaction>) -> Result<Key, WindowsError> {
    let (root, path) = registry::place(key).map_err(|_| WindowsError(161))?;
    let mut options = root.options();
    options.access(WRITE).wow64_64().create();
    if let Some(transaction) = transaction {
        options.transaction(transaction);
    }
    told(options.open(path))
}

/// Most steps write the key that the one before wrote: it stays open in `last`.
fn perform(
    staged: &Staged,
    transaction: Option<&Transaction>,
    last: &mut Option<(RegistryKey, Key)>,
) -> Result<(), WindowsError> {
    // ERROR_INVALID_DATA: what the plan holds does not fit together, which staging has refused.
    const INVALID: WindowsError = WindowsError(13);
    match &staged.operation {
        Operation::PutRegistryValue { key, name, .. } => {
            let data = staged.data.as_ref().ok_or(INVALID)?;
            let open = opened(key, transaction, last)?;
            told(open.set_bytes(name, Type::from(data.value_type), &data.bytes))
        }
        Operation::RemoveRegistryValue { key, name, .. } => {
            match told(opened(key, transaction, last)?.remove_value(name)) {
                Err(error) if error.is_absent() => Ok(()),
                result => result,
            }
        }
        Operation::CreateRegistryKey { key } => create(key, transaction).map(drop),
        Operation::PutRegistrySecurity { key, after, .. } => {
            *last = None;
            key::set_security(&open(key, WRITE_SECURITY, transaction)?, after)
        }
        Operation::RemoveRegistryTree { key, .. } => {
            *last = None;
            remove(key, transaction)
        }
        Operation::PutRegistryTree { key, after } => {
            *last = None;
            put_tree(key, staged.tree.as_ref().unwrap_or(after), transaction)
        }
        Operation::RenameRegistryKey { from, to } => {
            *last = None;
            rename(from, to, transaction)
        }
        _ => Err(INVALID),
    }
}

fn opened<'k>(
    key: &RegistryKey,
    transaction: Option<&Transaction>,
    last: &'k mut Option<(RegistryKey, Key)>,
) -> Result<&'k Key, WindowsError> {
    let is_open = last.as_ref().is_some_and(|(known, _)| known == key);
    let known = match last.take() {
        Some(known) if is_open => known,
        _ => (key.clone(), open(key, WRITE, transaction)?),
    };
    Ok(&last.insert(known).1)
}

fn remove(key: &RegistryKey, transaction: Option<&Transaction>) -> Result<(), WindowsError> {
    let Some(parent) = key.parent() else { return Err(WindowsError::ACCESS_DENIED) };
    let parent = match open(&parent, WRITE | DELETE, transaction) {
        Err(error) if error.is_absent() => return Ok(()),
        result => result?,
    };
    match told(parent.remove_tree(key.stored_name())) {
        Err(error) if error.is_absent() => Ok(()),
        result => result,
    }
}

/// Moves a key: gives it its new name where it stays in its place, else makes a copy and removes it.
fn rename(from: &RegistryKey, to: &RegistryKey, transaction: Option<&Transaction>) -> Result<(), WindowsError> {
    let stays = from.parent() == to.parent() && !process::is_wine();
    if let (Some(parent), true) = (from.parent(), stays) {
        let parent = open(&parent, WRITE | DELETE, transaction)?;
        return told(parent.rename(from.stored_name(), to.stored_name()));
    }
    let (root, path) = registry::place(from).map_err(|_| WindowsError(161))?;
    let tree = registry::tree(&registry::open(root, &path)?, &mut Buffers::default(), 0)?;
    put_tree(to, &tree, transaction)?;
    remove(from, transaction)
}

/// Makes a key as it once was, but for its time and its class, which only the system gives.
fn put_tree(key: &RegistryKey, tree: &KeyTree, transaction: Option<&Transaction>) -> Result<(), WindowsError> {
    let made = create(key, transaction)?;
    for value in &tree.values {
        if let Some(data) = value.data.plain() {
            told(made.set_bytes(&value.name, Type::from(data.value_type), &data.bytes))?;
        }
    }
    drop(made);
    for subkey in &tree.subkeys {
        let below = key.child(&subkey.name).map_err(|_| WindowsError(161))?;
        put_tree(&below, subkey, transaction)?;
    }
    // Last: it may say that nobody writes here.
    if !tree.security.is_empty() {
        key::set_security(&open(key, WRITE_SECURITY, transaction)?, &tree.security)?;
    }
    Ok(())
}

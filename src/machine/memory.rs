//! A machine in memory: the registry as a tree. The model that other machines are tested against.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::formats::security_descriptor::new_subkey_descriptor;
use crate::formats::upcase;
use crate::machine::tree::{Node, absent, place};
use crate::machine::{
    JOURNAL_TAIL, JournalFile, LastRun, Machine, MachineKind, RegistryReader, Step, WritableMachine, WriteError,
    Writer, identity,
};
use crate::model::fact::{Identity, KeyAspects, KeyState, KeyTree, Observed, Stored};
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;
use crate::model::time::FileTime;

/// A journal's bytes, shared with the machine that keeps it.
type JournalBytes = Rc<RefCell<Vec<u8>>>;

/// A whole machine in memory; clones are independent copies of the registry.
#[derive(Debug, Default)]
pub struct MemoryMachine {
    registry: RefCell<Node>,
    journals: RefCell<BTreeMap<String, JournalBytes>>,
    locked: Cell<bool>,
}

impl MemoryMachine {
    /// A machine whose roots and hives exist and are empty but for the given security.
    pub fn new(security: Arc<[u8]>, now: FileTime) -> Self {
        let machine = Self::default();
        {
            let mut top = machine.registry.borrow_mut();
            for (root, hives) in [("HKLM", &["SYSTEM", "SOFTWARE"][..]), ("HKU", &[".DEFAULT"]), ("HKCU", &[])] {
                let mut node = Node::new(root, Arc::clone(&security), now);
                for hive in hives {
                    node.subkeys.insert((*hive).into(), Node::new(hive, Arc::clone(&security), now));
                }
                top.subkeys.insert(root.into(), node);
            }
        }
        machine
    }

    /// Puts a tree at a key, replacing what is there; for making a machine, not for changing one.
    pub fn plant(&self, key: &RegistryKey, tree: &KeyTree) {
        let names = place(key);
        let mut node = &mut *self.registry.borrow_mut();
        for name in &names {
            let security = Arc::clone(&tree.security);
            node = node.subkeys.entry((*name).into()).or_insert_with(|| Node::new(name, security, tree.last_written));
        }
        *node = Node { name: key.name().into(), ..Node::from_tree(tree) };
    }

    /// Everything at and below a key.
    pub fn tree(&self, key: &RegistryKey) -> Option<KeyTree> {
        self.registry.borrow().descend(place(key).into_iter()).ok().map(Node::to_tree)
    }

    /// The bytes of a run's journal.
    pub fn journal_bytes(&self, run: &str) -> Option<Vec<u8>> {
        self.journals.borrow().get(run).map(|bytes| bytes.borrow().clone())
    }
}

impl Machine for MemoryMachine {
    fn kind(&self) -> MachineKind {
        MachineKind::Memory
    }

    fn identity(&self) -> Observed<Identity> {
        identity::from_registry(self)
    }

    fn registry(&self) -> Observed<&dyn RegistryReader> {
        Ok(self)
    }

    fn last_run(&self) -> Observed<Option<LastRun>> {
        let journals = self.journals.borrow();
        Ok(journals.last_key_value().map(|(name, bytes)| {
            let bytes = bytes.borrow();
            let tail = bytes
                .get(bytes.len().saturating_sub(usize::try_from(JOURNAL_TAIL).unwrap_or(usize::MAX))..)
                .unwrap_or_default();
            LastRun { name: name.clone(), journal_tail: tail.to_vec() }
        }))
    }
}

impl RegistryReader for MemoryMachine {
    fn read(&self, queries: &[(RegistryKey, KeyAspects)]) -> Vec<Observed<KeyState>> {
        let registry = self.registry.borrow();
        let answer = |(key, aspects): &(RegistryKey, KeyAspects)| {
            Ok(match registry.descend(place(key).into_iter()) {
                Ok(node) => KeyState::Present(node.fact(aspects)),
                Err(missing) => absent(key, missing),
            })
        };
        queries.iter().map(answer).collect()
    }
}

impl WritableMachine for MemoryMachine {
    fn as_machine(&self) -> &dyn Machine {
        self
    }

    fn writer(&self, _owner: &str) -> Result<Box<dyn Writer + '_>, WriteError> {
        if self.locked.replace(true) {
            return Err(WriteError::Locked { owner: "this process".into() });
        }
        Ok(Box::new(MemoryWriter { machine: self, staged: None }))
    }
}

struct MemoryWriter<'m> {
    machine: &'m MemoryMachine,
    /// The registry as it will be once committed.
    staged: Option<Node>,
}

impl Drop for MemoryWriter<'_> {
    fn drop(&mut self) {
        self.machine.locked.set(false);
    }
}

impl Writer for MemoryWriter<'_> {
    fn stage(&mut self, step: &Step<'_>, now: FileTime) -> Result<(), WriteError> {
        let registry = self.staged.get_or_insert_with(|| self.machine.registry.borrow().clone());
        perform(registry, step, now)
    }

    fn commit(&mut self, _now: FileTime) -> Result<(), WriteError> {
        if let Some(registry) = self.staged.take() {
            *self.machine.registry.borrow_mut() = registry;
        }
        Ok(())
    }

    fn journal(&mut self, run: &str) -> Result<Box<dyn JournalFile>, WriteError> {
        let bytes = JournalBytes::default();
        self.machine.journals.borrow_mut().insert(run.to_owned(), Rc::clone(&bytes));
        Ok(Box::new(MemoryJournal(bytes)))
    }
}

struct MemoryJournal(JournalBytes);

impl JournalFile for MemoryJournal {
    fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), WriteError> {
        Ok(())
    }
}

fn perform(registry: &mut Node, step: &Step<'_>, now: FileTime) -> Result<(), WriteError> {
    let refused = |detail: &str| WriteError::refused(step.operation.to_string(), detail);
    match step.operation {
        Operation::CreateRegistryKey { key } => {
            let (parent, name) = parent_mut(registry, key).ok_or_else(|| refused("the key above it is not there"))?;
            if !parent.subkeys.contains_key(&*name) {
                let security = new_subkey_descriptor(&parent.security)
                    .map_err(|_| refused("the security of the key above it is damaged"))?;
                parent.subkeys.insert(name, Node::new(key.name(), security.into(), now));
                parent.last_written = now;
            }
            Ok(())
        }
        Operation::PutRegistryValue { key, name, .. } => {
            let data = step.data.as_deref().cloned().ok_or_else(|| refused("its data was not evaluated"))?;
            let node = registry.descend_mut(place(key).into_iter()).ok_or_else(|| refused("the key is not there"))?;
            let data = Stored::Plain(data);
            if node.values.get(&*upcase::fold(name)).is_none_or(|found| found.data != data) {
                node.put_value(name, data, now);
            }
            Ok(())
        }
        Operation::RemoveRegistryValue { key, name, .. } => {
            let node = registry.descend_mut(place(key).into_iter()).ok_or_else(|| refused("the key is not there"))?;
            if node.values.remove(&*upcase::fold(name)).is_some() {
                node.last_written = now;
            }
            Ok(())
        }
        Operation::RemoveRegistryTree { key, .. } => {
            if let Some((parent, name)) = parent_mut(registry, key)
                && parent.subkeys.remove(&*name).is_some()
            {
                parent.last_written = now;
            }
            Ok(())
        }
        Operation::RenameRegistryKey { from, to } => {
            if registry.descend(place(to).into_iter()).is_ok() {
                return Err(refused("the new name is taken"));
            }
            if parent_mut(registry, to).is_none() {
                return Err(refused("the key above the new name is not there"));
            }
            let (parent, name) = parent_mut(registry, from).ok_or_else(|| refused("the old key is not there"))?;
            let mut node = parent.subkeys.remove(&*name).ok_or_else(|| refused("the old key is not there"))?;
            parent.last_written = now;
            node.name = to.name().into();
            if let Some((parent, name)) = parent_mut(registry, to) {
                parent.subkeys.insert(name, node);
                parent.last_written = now;
            }
            Ok(())
        }
        Operation::PutRegistrySecurity { key, after, .. } => {
            let node = registry.descend_mut(place(key).into_iter()).ok_or_else(|| refused("the key is not there"))?;
            node.security = Arc::clone(after);
            node.last_written = now;
            Ok(())
        }
    }
}

fn parent_mut<'n>(registry: &'n mut Node, key: &RegistryKey) -> Option<(&'n mut Node, Box<str>)> {
    let mut names = place(key);
    let name = names.pop()?;
    Some((registry.descend_mut(names.into_iter())?, name.into()))
}

//! A registry held as a tree of keys: answers questions and takes the registry operations. The machine in memory is made of it,
//! a snapshot is read through it, and a rollback is tried out on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fact::{KeyAspects, KeyFact, KeyState, KeyTree, Stored, ValueFact, ValueSelection};
use super::operation::Operation;
use super::registry::RegistryKey;
use super::time::FileTime;
use crate::formats::upcase;

/// A key and what lies below it, by folded name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    pub name: Box<str>,
    pub last_written: FileTime,
    pub link: bool,
    pub security: Arc<[u8]>,
    pub class: Option<String>,
    pub values: BTreeMap<Box<str>, ValueFact>,
    pub subkeys: BTreeMap<Box<str>, Node>,
}

impl Node {
    pub fn new(name: &str, security: Arc<[u8]>, now: FileTime) -> Self {
        Self { name: name.into(), security, last_written: now, ..Self::default() }
    }

    pub fn from_tree(tree: &KeyTree) -> Self {
        Self {
            name: tree.name.clone(),
            last_written: tree.last_written,
            link: tree.link,
            security: Arc::clone(&tree.security),
            class: tree.class.clone(),
            values: tree.values.iter().map(|value| (upcase::fold(&value.name).into(), value.clone())).collect(),
            subkeys: tree.subkeys.iter().map(|key| (upcase::fold(&key.name).into(), Self::from_tree(key))).collect(),
        }
    }

    pub fn to_tree(&self) -> KeyTree {
        KeyTree {
            name: self.name.clone(),
            last_written: self.last_written,
            link: self.link,
            security: Arc::clone(&self.security),
            class: self.class.clone(),
            values: self.values.values().cloned().collect(),
            subkeys: self.subkeys.values().map(Self::to_tree).collect(),
        }
    }

    /// Goes down by folded names: the node reached, or how many names were missing.
    pub fn descend<'n>(&self, names: impl ExactSizeIterator<Item = &'n str>) -> Result<&Self, usize> {
        let total = names.len();
        let mut node = self;
        for (depth, name) in names.enumerate() {
            node = node.subkeys.get(name).ok_or(total - depth)?;
        }
        Ok(node)
    }

    pub fn descend_mut<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> Option<&mut Self> {
        let mut node = self;
        for name in names {
            node = node.subkeys.get_mut(name)?;
        }
        Some(node)
    }

    /// What the key answers.
    pub fn fact(&self, aspects: &KeyAspects) -> KeyFact {
        let mut fact = KeyFact::new(self.last_written, self.link);
        fact.name = Some(self.name.clone());
        match &aspects.values {
            ValueSelection::None => {}
            ValueSelection::All => self.values.values().for_each(|value| fact.insert_value(value.clone())),
            ValueSelection::Named(names) => {
                for value in names.iter().filter_map(|name| self.values.get(&*upcase::fold(name))) {
                    fact.insert_value(value.clone());
                }
            }
        }
        if aspects.subkeys {
            fact.subkeys = self.subkeys.values().map(|key| key.name.clone()).collect();
        }
        if aspects.security {
            fact.security = Some(Arc::clone(&self.security));
        }
        if aspects.tree {
            fact.tree = Some(Box::new(self.to_tree()));
        }
        fact
    }

    /// Performs one step on the whole registry, whose top holds the roots. `value` is what a step puts, `tree` the tree that it makes
    /// where that is not the step's own; `inherit` gives a new key's security from that of the key above.
    ///
    /// # Errors
    /// Why the step cannot be done; nothing of it is.
    pub fn perform(&mut self, step: &Performed<'_>, now: FileTime) -> Result<(), &'static str> {
        const NO_KEY: &str = "the key is not there";
        match step.operation {
            Operation::CreateRegistryKey { key } => {
                let (parent, name) = self.parent_mut(key).ok_or("the key above it is not there")?;
                if !parent.subkeys.contains_key(&*name) {
                    let security =
                        (step.inherit)(&parent.security).ok_or("the security of the key above it is damaged")?;
                    parent.subkeys.insert(name, Self::new(key.stored_name(), security, now));
                    parent.last_written = now;
                }
            }
            Operation::PutRegistryValue { key, name, .. } => {
                let data = step.value.clone().ok_or("its data was not evaluated")?;
                let node = self.descend_mut(place(key).into_iter()).ok_or(NO_KEY)?;
                if node.values.get(&*upcase::fold(name)).is_none_or(|found| found.data != data) {
                    node.put_value(name, data, now);
                }
            }
            Operation::RemoveRegistryValue { key, name, .. } => {
                let node = self.descend_mut(place(key).into_iter()).ok_or(NO_KEY)?;
                if node.values.remove(&*upcase::fold(name)).is_some() {
                    node.last_written = now;
                }
            }
            Operation::RemoveRegistryTree { key, .. } => {
                if let Some((parent, name)) = self.parent_mut(key)
                    && parent.subkeys.remove(&*name).is_some()
                {
                    parent.last_written = now;
                }
            }
            Operation::PutRegistryTree { key, after } => {
                let (parent, name) = self.parent_mut(key).ok_or("the key above it is not there")?;
                if parent.subkeys.contains_key(&*name) {
                    return Err("a key of that name is there");
                }
                parent.subkeys.insert(name, Self::from_tree(step.tree.unwrap_or(after)));
                parent.last_written = now;
            }
            Operation::RenameRegistryKey { from, to } => return self.rename(from, to, now),
            Operation::PutRegistrySecurity { key, after, .. } => {
                let node = self.descend_mut(place(key).into_iter()).ok_or(NO_KEY)?;
                node.security = Arc::clone(after);
                node.last_written = now;
            }
            _ => return Err("it is no step of the registry"),
        }
        Ok(())
    }

    fn rename(&mut self, from: &RegistryKey, to: &RegistryKey, now: FileTime) -> Result<(), &'static str> {
        const NO_SOURCE: &str = "the old key is not there";
        let is_respelled = place(from) == place(to);
        if !is_respelled && self.descend(place(to).into_iter()).is_ok() {
            return Err("the new name is taken");
        }
        if self.parent_mut(to).is_none() {
            return Err("the key above the new name is not there");
        }
        let (parent, name) = self.parent_mut(from).ok_or(NO_SOURCE)?;
        let mut node = parent.subkeys.remove(&*name).ok_or(NO_SOURCE)?;
        parent.last_written = now;
        node.name = to.name().into();
        if let Some((parent, name)) = self.parent_mut(to) {
            parent.subkeys.insert(name, node);
            parent.last_written = now;
        }
        Ok(())
    }

    fn parent_mut(&mut self, key: &RegistryKey) -> Option<(&mut Self, Box<str>)> {
        let mut names = place(key);
        let name = names.pop()?;
        Some((self.descend_mut(names.into_iter())?, name.into()))
    }

    pub fn put_value(&mut self, name: &str, data: Stored, now: FileTime) {
        let folded: Box<str> = upcase::fold(name).into();
        let name = self.values.get(&folded).map_or_else(|| name.into(), |found| found.name.clone());
        self.values.insert(folded, ValueFact::new(name, data));
        self.last_written = now;
    }
}

/// A step for [`Node::perform`].
pub struct Performed<'s> {
    pub operation: &'s Operation,
    pub value: Option<Stored>,
    pub tree: Option<&'s KeyTree>,
    pub inherit: Inherit<'s>,
}

/// From the security of a key to that of a new one below it.
pub type Inherit<'s> = &'s dyn Fn(&[u8]) -> Option<Arc<[u8]>>;

/// The folded names of the place that a key stands for: `HKCR` is the machine's classes.
pub fn place(key: &RegistryKey) -> Vec<&str> {
    key.folded().split('\\').collect()
}

/// The state of a key that `missing` names short of being there.
pub fn absent(key: &RegistryKey, missing: usize) -> KeyState {
    let mut ancestor = key.clone();
    for _ in 0..missing {
        let Some(parent) = ancestor.parent() else { break };
        ancestor = parent;
    }
    KeyState::Absent { ancestor }
}

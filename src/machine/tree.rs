//! A registry held as a tree of keys: answers questions, and takes the registry operations. Used by the machines
//! that are not Windows: in memory, and (reading only) a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::formats::upcase;
use crate::model::fact::{KeyAspects, KeyFact, KeyState, KeyTree, Stored, ValueFact, ValueSelection};
use crate::model::registry::RegistryKey;
use crate::model::time::FileTime;

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

    pub fn put_value(&mut self, name: &str, data: Stored, now: FileTime) {
        let folded: Box<str> = upcase::fold(name).into();
        let name = self.values.get(&folded).map_or_else(|| name.into(), |found| found.name.clone());
        self.values.insert(folded, ValueFact { name, data });
        self.last_written = now;
    }
}

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

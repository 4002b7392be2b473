//! What the key of a thing with an interface of its own is to hold: what it holds, with the steps of the operation done to it.

use super::registry::{self, place};
use crate::formats::registry_values::NamedValues;
use crate::formats::upcase;
use crate::machine::windows_api::key::{self, Buffers};
use crate::machine::{Step, WriteError};
use crate::model::fact::{Observed, ValueFact};
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;

/// The values of a key as they are to be.
#[derive(Debug)]
pub struct Target {
    /// As they are now.
    stored: Vec<(Box<str>, RegistryData)>,
    values: Vec<(Box<str>, RegistryData)>,
    changed: Vec<Box<str>>,
    is_present: bool,
}

/// One step on the key, with its data.
#[derive(Debug)]
pub enum Change {
    Create,
    Put(Box<str>, RegistryData),
    Remove(Box<str>),
    RemoveKey,
}

impl Change {
    /// The changes that the steps of an operation come to, all in one key.
    ///
    /// # Errors
    /// A step is none of the registry, or its data was not evaluated.
    pub fn of(step: &Step<'_>) -> Result<Vec<Self>, WriteError> {
        let refused = |detail: &str| WriteError::refused(step.operation.to_string(), detail);
        if let [Step { operation: Operation::PutRegistryTree { after, .. }, tree, .. }] = step.steps.as_slice() {
            let tree = tree.as_ref().unwrap_or(after);
            let put = |value: &ValueFact| {
                let data = value.data.plain().ok_or_else(|| refused("the secret in it is not known"))?;
                Ok(Self::Put(value.name.clone(), data.clone()))
            };
            return std::iter::once(Ok(Self::Create)).chain(tree.values.iter().map(put)).collect();
        }
        let one = |plain: &Step<'_>| match plain.operation {
            Operation::CreateRegistryKey { .. } => Ok(Self::Create),
            Operation::PutRegistryValue { name, .. } => {
                let data = plain.data.as_deref().cloned().ok_or_else(|| refused("its data was not evaluated"))?;
                Ok(Self::Put(name.clone(), data))
            }
            Operation::RemoveRegistryValue { name, .. } => Ok(Self::Remove(name.clone())),
            Operation::RemoveRegistryTree { .. } => Ok(Self::RemoveKey),
            _ => Err(refused("no interface does such a step")),
        };
        step.steps.iter().map(one).collect()
    }
}

impl Target {
    /// What the key will hold.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(at: &RegistryKey, changes: &[Change]) -> Observed<Self> {
        let (root, path) = place(at)?;
        let mut target = Self { stored: Vec::new(), values: Vec::new(), changed: Vec::new(), is_present: true };
        match registry::open(root, &path) {
            Ok(found) => {
                let mut push = |value: key::Value<'_>| {
                    let name = String::from_utf16_lossy(value.name).into();
                    target.values.push((name, RegistryData::new(value.value_type, value.data.to_vec())));
                };
                key::each_value(&found, &mut Buffers::default(), &mut push)
                    .map_err(|error| registry::unread(at, error))?;
            }
            Err(error) if error.is_absent() => target.is_present = false,
            Err(error) => return Err(registry::unread(at, error)),
        }
        target.stored.clone_from(&target.values);
        changes.iter().for_each(|change| target.change(change));
        Ok(target)
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Create => self.is_present = true,
            Change::Put(name, data) => {
                self.is_present = true;
                self.values.retain(|(known, _)| !upcase::eq(known, name));
                self.values.push((name.clone(), data.clone()));
                self.changed.push(name.clone());
            }
            Change::Remove(name) => {
                self.values.retain(|(known, _)| !upcase::eq(known, name));
                self.changed.push(name.clone());
            }
            Change::RemoveKey => {
                self.values.clear();
                self.is_present = false;
            }
        }
    }

    /// Whether the key is to be there at all.
    pub const fn is_present(&self) -> bool {
        self.is_present
    }

    /// What the key holds now.
    pub fn stored(&self) -> NamedValues<'_> {
        NamedValues::of(&self.stored)
    }

    pub fn values(&self) -> NamedValues<'_> {
        NamedValues::of(&self.values)
    }

    /// The data of a value that is to be there.
    pub fn data(&self, name: &str) -> Option<&RegistryData> {
        self.values.iter().find(|(known, _)| upcase::eq(known, name)).map(|(_, data)| data)
    }

    /// The names of the values that the steps put or remove.
    pub fn changed(&self) -> impl Iterator<Item = &str> {
        self.changed.iter().map(|name| &**name)
    }
}

//! The steps that change a machine: a closed, serialisable set, each with what it finds and what it leaves.
//! An operation says what to do in the domain's words; a machine lowers it to its own calls.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fact::{KeyTree, Stored, hex_bytes};
use super::registry::RegistryKey;
use super::registry_data::{RegistryData, type_as_name, type_name};
use super::resource::ResourceId;
use super::secret::SecretReference;

/// A value that is known now, or that `apply` evaluates without deciding anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    Registry(RegistryData),
    /// A string value of this type whose text is the secret.
    Secret {
        #[serde(rename = "type", with = "type_as_name")]
        value_type: u32,
        reference: SecretReference,
    },
    /// Data of this type that the sealed hold keeps, as `run/item`.
    Held {
        #[serde(rename = "type", with = "type_as_name")]
        value_type: u32,
        item: Box<str>,
    },
}

impl Expression {
    /// What puts back what was found; `None` for a secret that nobody kept.
    pub fn of(stored: &Stored) -> Option<Self> {
        match stored {
            Stored::Plain(data) => Some(Self::Registry(data.clone())),
            Stored::Sealed { sealed_type, held: Some(item) } => {
                Some(Self::Held { value_type: *sealed_type, item: item.clone() })
            }
            Stored::Sealed { held: None, .. } => None,
        }
    }

    /// The type of the value that it makes.
    pub const fn value_type(&self) -> u32 {
        match self {
            Self::Registry(data) => data.value_type,
            Self::Secret { value_type, .. } | Self::Held { value_type, .. } => *value_type,
        }
    }

    /// What a fact says of the value that it makes.
    pub fn stored(&self) -> Stored {
        match self {
            Self::Registry(data) => Stored::Plain(data.clone()),
            Self::Secret { value_type, .. } => Stored::sealed(*value_type),
            Self::Held { value_type, item } => Stored::Sealed { sealed_type: *value_type, held: Some(item.clone()) },
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(data) => data.fmt(f),
            Self::Secret { value_type, reference } => write!(f, "{} (secret from {reference})", type_name(*value_type)),
            Self::Held { value_type, .. } => write!(f, "{} (secret from the sealed hold)", type_name(*value_type)),
        }
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    /// Makes a key whose parent exists; it gets its parent's inheritable security.
    CreateRegistryKey {
        key: RegistryKey,
    },
    /// Sets a value of an existing key.
    PutRegistryValue {
        key: RegistryKey,
        name: Box<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Stored>,
        after: Expression,
    },
    RemoveRegistryValue {
        key: RegistryKey,
        name: Box<str>,
        before: Stored,
    },
    /// Removes a key with all that lies below it.
    RemoveRegistryTree {
        key: RegistryKey,
        before: Box<KeyTree>,
    },
    /// Makes a key with all that lay at and below it once; its parent exists, and it does not.
    PutRegistryTree {
        key: RegistryKey,
        after: Box<KeyTree>,
    },
    /// Moves a key, with all it holds, to a new name or place in the same hive.
    RenameRegistryKey {
        from: RegistryKey,
        to: RegistryKey,
    },
    /// Replaces a key's security descriptor (self-relative bytes).
    PutRegistrySecurity {
        key: RegistryKey,
        #[serde(with = "hex_bytes")]
        before: Arc<[u8]>,
        #[serde(with = "hex_bytes")]
        after: Arc<[u8]>,
    },
}

/// Whether secrets that are overwritten are kept, sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    #[default]
    None,
    Sealed,
}

impl Hold {
    /// Sealed where there is a key, or what stands for one.
    pub const fn of<K>(key: Option<&K>) -> Self {
        match key {
            Some(_) => Self::Sealed,
            None => Self::None,
        }
    }
}

/// Whether an operation can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversibility {
    /// Its inverse restores what was there exactly.
    Reversible,
    /// What it did can be made good, but not undone to the letter.
    Compensable,
    Irreversible,
}

impl Operation {
    /// Whether the step can be taken back when secrets that it overwrites are kept in a hold, or are not.
    pub fn reversibility(&self, hold: Hold) -> Reversibility {
        let is_lost = |stored: &Stored| hold == Hold::None && matches!(stored, Stored::Sealed { held: None, .. });
        match self {
            Self::PutRegistryValue { before: Some(before), .. } | Self::RemoveRegistryValue { before, .. }
                if is_lost(before) =>
            {
                Reversibility::Irreversible
            }
            Self::RemoveRegistryTree { before, .. } if before.any_value(&mut |value| is_lost(&value.data)) => {
                Reversibility::Compensable
            }
            Self::CreateRegistryKey { .. }
            | Self::PutRegistryValue { .. }
            | Self::RemoveRegistryValue { .. }
            | Self::RemoveRegistryTree { .. }
            | Self::PutRegistryTree { .. }
            | Self::RenameRegistryKey { .. }
            | Self::PutRegistrySecurity { .. } => Reversibility::Reversible,
        }
    }

    /// Whether several resources may need the very same step, which then runs once.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::CreateRegistryKey { .. })
    }

    /// The secret that must be resolved to perform the step.
    pub fn secret(&self) -> Option<&SecretReference> {
        match self {
            Self::PutRegistryValue { after: Expression::Secret { reference, .. }, .. } => Some(reference),
            _ => None,
        }
    }

    /// The address of what the step writes.
    pub fn address(&self) -> ResourceId {
        let key = ResourceId::new("registry", self.registry_key().as_str());
        match self.value_name() {
            Some(name) => ResourceId::part_of(&key, name),
            None => key,
        }
    }

    /// Whether [`Operation::address`] is this one.
    pub fn is_about(&self, address: &ResourceId) -> bool {
        address.section() == "registry"
            && address.name() == self.registry_key().as_str()
            && address.part() == self.value_name()
    }

    fn value_name(&self) -> Option<&str> {
        match self {
            Self::PutRegistryValue { name, .. } | Self::RemoveRegistryValue { name, .. } => Some(name),
            Self::CreateRegistryKey { .. }
            | Self::RemoveRegistryTree { .. }
            | Self::PutRegistryTree { .. }
            | Self::RenameRegistryKey { .. }
            | Self::PutRegistrySecurity { .. } => None,
        }
    }

    /// The key that the step writes.
    pub fn registry_key(&self) -> &RegistryKey {
        match self {
            Self::CreateRegistryKey { key }
            | Self::PutRegistryValue { key, .. }
            | Self::RemoveRegistryValue { key, .. }
            | Self::RemoveRegistryTree { key, .. }
            | Self::PutRegistryTree { key, .. }
            | Self::PutRegistrySecurity { key, .. } => key,
            Self::RenameRegistryKey { to, .. } => to,
        }
    }
}

impl fmt::Display for Operation {
    /// What the step does, without values: fit for a log or an error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name: &str| if name.is_empty() { "(default)".to_owned() } else { name.to_owned() };
        match self {
            Self::CreateRegistryKey { key } => write!(f, "create key {key}"),
            Self::PutRegistryValue { key, name, .. } => write!(f, "set {} of {key}", shown(name)),
            Self::RemoveRegistryValue { key, name, .. } => write!(f, "remove {} of {key}", shown(name)),
            Self::PutRegistryTree { key, .. } => write!(f, "put back key {key} and all below it"),
            Self::RemoveRegistryTree { key, .. } => write!(f, "remove key {key} and all below it"),
            Self::RenameRegistryKey { from, to } => write!(f, "rename key {from} to {to}"),
            Self::PutRegistrySecurity { key, .. } => write!(f, "set the security of {key}"),
        }
    }
}

//! The parts of a running machine's registry: a value, a key, what lies at and below one, a descriptor. Each has a state that tells
//! whether a step on it was done.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::registry;
use crate::formats::meaning::{default_of, meaning};
use crate::formats::upcase;
use crate::machine::lower::lowered;
use crate::machine::windows_api::key::{self, Buffers};
use crate::model::fact::{KeyTree, Observed, Unread};
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::Operation;
use crate::model::probe::Probe;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;
use crate::model::setting::Setting;

/// One part, named in a journal as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Value(RegistryKey, Box<str>),
    /// Whether a key is there.
    Key(RegistryKey),
    /// What lies at and below a key.
    Tree(RegistryKey),
    Security(RegistryKey),
    /// What only a probe tells.
    Probe(Box<Probe>),
    /// Values of a thing with an interface of its own; there when one of them is.
    Setting {
        setting: Setting,
        key: RegistryKey,
        values: Vec<Box<str>>,
    },
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Part {
    /// The state of a key that is there.
    pub const PRESENT: &str = "present";

    /// The part that a step of the registry changes.
    pub fn of(operation: &Operation) -> Option<Self> {
        Some(match operation {
            Operation::PutRegistryValue { key, name, .. } | Operation::RemoveRegistryValue { key, name, .. } => {
                Self::Value(key.clone(), name.clone())
            }
            Operation::CreateRegistryKey { key } => Self::Key(key.clone()),
            Operation::PutRegistryTree { key, .. }
            | Operation::RemoveRegistryTree { key, .. }
            | Operation::RenameRegistryKey { to: key, .. } => Self::Tree(key.clone()),
            Operation::PutRegistrySecurity { key, .. } => Self::Security(key.clone()),
            Operation::Adjust { what, .. } => Self::Probe(Box::new(what.clone())),
            Operation::Configure { setting, steps, .. } => {
                let last = steps.last()?;
                if let Operation::RemoveRegistryTree { key, .. } = last {
                    return Some(Self::Tree(key.clone()));
                }
                if let Operation::PutRegistryTree { key, after } = last {
                    let values = after.values.iter().map(|value| value.name.clone()).collect();
                    return Some(Self::Setting { setting: setting.clone(), key: key.clone(), values });
                }
                let values = steps.iter().filter_map(Operation::value_name).map(Into::into).collect();
                Self::Setting { setting: setting.clone(), key: last.registry_key()?.clone(), values }
            }
            Operation::PutCertificate { .. } | Operation::RemoveCertificate { .. } => {
                let plain = lowered(operation).ok()?;
                return plain.iter().rev().find(|one| one.registry_key().is_some()).and_then(Self::of);
            }
            _ => return None,
        })
    }

    /// The part that a journal names.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// What tells its state from others; `None` when it is not there.
    pub fn state(&self, print: &FingerprintKey, buffers: &mut Buffers) -> Observed<Option<String>> {
        let at = match self {
            Self::Value(at, _) | Self::Key(at) | Self::Tree(at) | Self::Security(at) => at,
            Self::Setting { key, .. } => key,
            Self::Probe(probe) => return super::probes::find(probe).map(|answer| Some(answer.to_string())),
        };
        let (root, path) = registry::place(at)?;
        let found = match registry::open(root, &path) {
            Ok(found) => found,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(registry::unread(at, error)),
        };
        let unread = |error| -> Unread { registry::unread(at, error) };
        Ok(match self {
            Self::Key(_) | Self::Probe(_) => Some(Self::PRESENT.to_owned()),
            Self::Security(_) => Some(Self::security_state(&key::security(&found).map_err(unread)?, print)),
            Self::Tree(_) => Some(Self::tree_state(&registry::tree(&found, buffers, 0).map_err(unread)?, print)),
            Self::Value(_, name) => {
                registry::value(&found, name).map_err(unread)?.map(|data| Self::value_state(&data, print))
            }
            Self::Setting { setting, values, .. } => {
                let mut stored = Vec::with_capacity(values.len());
                for name in values {
                    stored.push((&**name, registry::value(&found, name).map_err(unread)?));
                }
                Self::setting_state(setting, &stored, print)
            }
        })
    }

    pub fn value_state(data: &RegistryData, print: &FingerprintKey) -> String {
        print.of(data.value_type, &data.bytes).to_hex()
    }

    /// Of what the values say, whatever way the interface has of writing it; `None` when none of them is there, or counts as anything.
    pub fn setting_state(
        setting: &Setting,
        values: &[(&str, Option<RegistryData>)],
        print: &FingerprintKey,
    ) -> Option<String> {
        let or_default =
            |(name, data): &(&str, Option<RegistryData>)| data.clone().or_else(|| default_of(setting, name));
        let said: Vec<Option<RegistryData>> = values.iter().map(or_default).collect();
        if said.iter().all(Option::is_none) {
            return None;
        }
        let mut bytes = Vec::new();
        for ((name, _), data) in values.iter().zip(&said) {
            put(&mut bytes, upcase::fold(name).as_bytes());
            let said = data.as_ref().map(|data| (data.value_type, meaning(setting, name, data)));
            put(&mut bytes, &said.as_ref().map_or(u32::MAX, |(value_type, _)| *value_type).to_le_bytes());
            put(&mut bytes, said.as_ref().map_or(&[], |(_, meaning)| meaning));
        }
        Some(print.of_file(&bytes).to_hex())
    }

    pub fn security_state(descriptor: &[u8], print: &FingerprintKey) -> String {
        print.of_file(descriptor).to_hex()
    }

    /// Times aside, and classes, which cannot be put back.
    pub fn tree_state(tree: &KeyTree, print: &FingerprintKey) -> String {
        let mut bytes = Vec::new();
        gather(tree, &mut bytes);
        print.of_file(&bytes).to_hex()
    }
}

/// Bytes behind their length: no two lists of them come to the same.
fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&bytes.len().to_le_bytes());
    out.extend_from_slice(bytes);
}

fn gather(tree: &KeyTree, out: &mut Vec<u8>) {
    put(out, &tree.security);
    let mut values: Vec<_> =
        tree.values.iter().filter_map(|value| Some((upcase::fold(&value.name), value.data.plain()?))).collect();
    values.sort_by(|a, b| a.0.cmp(&b.0));
    put(out, &values.len().to_le_bytes());
    for (name, data) in values {
        put(out, name.as_bytes());
        put(out, &data.value_type.to_le_bytes());
        put(out, &data.bytes);
    }
    put(out, &tree.subkeys.len().to_le_bytes());
    for subkey in &tree.subkeys {
        out.extend_from_slice(upcase::fold(&subkey.name).as_bytes());
        gather(subkey, out);
    }
}

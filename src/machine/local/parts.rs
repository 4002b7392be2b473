//! The parts of a running machine's registry: a value, a key, what lies at and below one, a descriptor. Each has a state that tells
//! whether a step on it was done.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::registry;
use crate::formats::certificate_store::{BLOB, KeyPlace, StorePlace, certificate_key, essence};
use crate::formats::meaning::meaning;
use crate::formats::upcase;
use crate::kinds::answer;
use crate::machine::windows_api::key::{self, Buffers};
use crate::model::fact::{KeyTree, Observed, Unread};
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::Operation;
use crate::model::probe::Probe;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;
use crate::model::setting::Setting;
use crate::model::thumbprint::Thumbprint;

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
    /// A certificate in a store: what is essential of its element.
    Certificate(StorePlace, Thumbprint),
    /// Whether a private key is there.
    StoredKey(KeyPlace),
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
            Operation::PutCertificate { store, certificate, .. } => {
                Self::Certificate(store.clone(), certificate.thumbprint()?)
            }
            Operation::RemoveCertificate { store, thumbprint, .. } => Self::Certificate(store.clone(), *thumbprint),
            Operation::ImportKey { .. } | Operation::RemoveKey { .. } => Self::StoredKey(operation.key_place()?),
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
            Self::Probe(probe) => return super::probes::find(probe).map(|found| Some(answer::state(&found))),
            Self::StoredKey(place) => {
                return Ok(super::keys::exists(place)?.then(|| Self::PRESENT.to_owned()));
            }
            Self::Certificate(store, thumbprint) => return Self::certificate_in(store, thumbprint, print),
        };
        let (root, path) = registry::place(at)?;
        let found = match registry::open(root, &path) {
            Ok(found) => found,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(registry::unread(at, error)),
        };
        let unread = |error| -> Unread { registry::unread(at, error) };
        Ok(match self {
            Self::Key(_) | Self::Probe(_) | Self::Certificate(..) | Self::StoredKey(_) => {
                Some(Self::PRESENT.to_owned())
            }
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

    fn certificate_in(store: &StorePlace, thumbprint: &Thumbprint, print: &FingerprintKey) -> Observed<Option<String>> {
        let no_place = || Unread::Failed { what: store.to_string(), detail: "it does not lie in the registry".into() };
        let key = store.registry_key().and_then(|store| certificate_key(&store, thumbprint)).ok_or_else(no_place)?;
        let (root, path) = registry::place(&key)?;
        let found = match registry::open(root, &path) {
            Ok(found) => found,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(registry::unread(&key, error)),
        };
        let value = registry::value(&found, BLOB).map_err(|error| registry::unread(&key, error))?;
        Ok(value.map(|data| Self::certificate_state(&data.bytes, print)))
    }

    /// Of what is essential of a certificate's element: Windows adds to the rest at any time.
    pub fn certificate_state(element: &[u8], print: &FingerprintKey) -> String {
        print.of_file(&essence(element)).to_hex()
    }

    pub fn value_state(data: &RegistryData, print: &FingerprintKey) -> String {
        print.of(data.value_type, &data.bytes).to_hex()
    }

    /// Of what the values say, whatever way the interface has of writing it; `None` when none of them says anything.
    pub fn setting_state(
        setting: &Setting,
        values: &[(&str, Option<RegistryData>)],
        print: &FingerprintKey,
    ) -> Option<String> {
        let said: Vec<_> = values.iter().map(|(name, data)| (name, meaning(setting, name, data.as_ref()))).collect();
        if said.iter().all(|(_, meaning)| meaning.is_none()) {
            return None;
        }
        let mut bytes = Vec::new();
        for (name, meaning) in said {
            put(&mut bytes, upcase::fold(name).as_bytes());
            put(&mut bytes, &[u8::from(meaning.is_some())]);
            put(&mut bytes, &meaning.unwrap_or_default());
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

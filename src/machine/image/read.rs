//! Answers registry questions from a hive.

use std::collections::HashSet;
use std::sync::Arc;

use super::ImageMachine;
use super::hives::load;
use super::places::{hives, locate};
use crate::formats::regf::{self, Key};
use crate::formats::upcase;
use crate::model::fact::{KeyAspects, KeyFact, KeyState, KeyTree, Observed, Stored, Unread, ValueFact, ValueSelection};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;
use crate::model::registry_tree::absent;
use crate::model::time::FileTime;

/// Up to so many names are looked up one by one; more are matched in one pass over the key's values.
const FEW_NAMES: usize = 4;

pub fn read(machine: &ImageMachine, key: &RegistryKey, asked: &KeyAspects) -> Observed<KeyState> {
    let Some(place) = locate(machine, key)? else {
        let mut root = KeyFact::default();
        if asked.subkeys {
            root.subkeys = hives(machine, key.root());
        }
        return Ok(KeyState::Present(root));
    };
    let loaded = load(machine, &place.hive)?;
    let answer = || -> Result<KeyState, regf::Error> {
        let mut found = loaded.hive.root()?;
        for (depth, name) in place.names.iter().enumerate() {
            match found.subkey(name)? {
                Some(subkey) => found = subkey,
                None => return Ok(absent(key, place.names.len() - depth)),
            }
        }
        Ok(KeyState::Present(fact(&found, asked)?))
    };
    answer().map_err(|error| Unread::Failed { what: key.to_string(), detail: error.to_string() })
}

fn fact(key: &Key<'_>, asked: &KeyAspects) -> Result<KeyFact, regf::Error> {
    let mut fact = KeyFact::new(FileTime(key.last_written()), key.is_link());
    fact.name = Some(key.name().text.into());
    match &asked.values {
        ValueSelection::None => {}
        ValueSelection::Named(names) if names.len() <= FEW_NAMES => {
            for name in names {
                if let Some(value) = key.value(name)? {
                    fact.insert_value(value_fact(&value)?);
                }
            }
        }
        ValueSelection::Named(names) => {
            let wanted: HashSet<String> = names.iter().map(|name| upcase::fold(name)).collect();
            for value in key.values() {
                let value = value?;
                let folded = upcase::fold(&value.name().text);
                if wanted.contains(&folded) {
                    fact.insert_folded(folded.into(), value_fact(&value)?);
                }
            }
        }
        ValueSelection::All => {
            for value in key.values() {
                fact.insert_value(value_fact(&value?)?);
            }
        }
    }
    if asked.subkeys {
        for subkey in key.subkeys() {
            fact.subkeys.push(subkey?.name().text.into());
        }
        fact.subkeys.sort_by_cached_key(|name| upcase::fold(name));
    }
    if asked.security {
        fact.security = Some(key.security()?.into());
    }
    if asked.tree {
        fact.tree = Some(Box::new(tree(key)?));
    }
    Ok(fact)
}

fn value_fact(value: &regf::Value<'_>) -> Result<ValueFact, regf::Error> {
    let data = RegistryData::new(value.value_type(), value.data()?.into_owned());
    Ok(ValueFact::new(value.name().text.into(), Stored::Plain(data)))
}

/// Everything at and below a key; the depth is bounded by the hive reader.
fn tree(key: &Key<'_>) -> Result<KeyTree, regf::Error> {
    let class: Vec<u16> = key.class()?.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let mut values = key.values().map(|value| value_fact(&value?)).collect::<Result<Vec<_>, _>>()?;
    values.sort_by_cached_key(|value| upcase::fold(&value.name));
    let mut subkeys = key.subkeys().map(|subkey| tree(&subkey?)).collect::<Result<Vec<_>, _>>()?;
    subkeys.sort_by_cached_key(|subkey| upcase::fold(&subkey.name));
    Ok(KeyTree {
        name: key.name().text.into(),
        last_written: FileTime(key.last_written()),
        link: key.is_link(),
        security: Arc::from(key.security()?),
        class: (!class.is_empty()).then(|| String::from_utf16_lossy(&class)),
        values,
        subkeys,
    })
}

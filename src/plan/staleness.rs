//! Fingerprints of the facts that a plan rests on, one for each, and which of them have moved since. Pure.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::model::fact::{Facts, KeyAspects, KeyState, KeyTree, Observed, Queries, Stored, Unread, ValueSelection};
use crate::model::file::{FileAspect, FilePath};
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::hex;
use crate::model::sid::Sid;

/// How many bytes of the SHA-256 a fingerprint keeps.
const PRINT_BYTES: usize = 16;

/// One fact, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum FactId {
    /// Whether the key is there, and whether it is a link.
    RegistryKey {
        key: RegistryKey,
    },
    RegistryValue {
        key: RegistryKey,
        name: Box<str>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sealed: bool,
    },
    /// The names and data of all values of the key, of the sealed ones the type alone.
    RegistryValues {
        key: RegistryKey,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sealed: Vec<Box<str>>,
    },
    RegistrySubkeys {
        key: RegistryKey,
    },
    RegistrySecurity {
        key: RegistryKey,
    },
    /// Everything at and below the key.
    RegistryTree {
        key: RegistryKey,
    },
    Account {
        name: Box<str>,
    },
    File {
        path: FilePath,
        asked: FileAspect,
    },
    Probe(Probe),
    Identity,
}

impl fmt::Display for FactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RegistryKey { key } => write!(f, "the existence of {key}"),
            Self::RegistryValue { key, name, .. } if name.is_empty() => write!(f, "{key}, value (default)"),
            Self::RegistryValue { key, name, .. } => write!(f, "{key}, value {name}"),
            Self::RegistryValues { key, .. } => write!(f, "the values of {key}"),
            Self::RegistrySubkeys { key } => write!(f, "the subkeys of {key}"),
            Self::RegistrySecurity { key } => write!(f, "the security of {key}"),
            Self::RegistryTree { key } => write!(f, "what lies below {key}"),
            Self::Account { name } => write!(f, "the account {name}"),
            Self::File { path, .. } => write!(f, "the file {path}"),
            Self::Probe(probe) => probe.fmt(f),
            Self::Identity => f.write_str("the machine's identity"),
        }
    }
}

/// A fact and its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactPrint {
    #[serde(flatten)]
    pub id: FactId,
    pub print: Box<str>,
}

/// A fact that is not what it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved(pub FactId);

/// The fingerprints of all facts, sorted by what they are about.
pub fn prints(facts: &Facts) -> Vec<FactPrint> {
    let mut out = vec![FactPrint { id: FactId::Identity, print: print(&facts.identity) }];
    for (key, aspects) in facts.asked() {
        if let Some(state) = facts.key(key) {
            key_prints(key, aspects, state, &mut out);
        }
    }
    for (name, sid) in facts.accounts() {
        let sid: &Observed<Option<Sid>> = sid;
        out.push(FactPrint { id: FactId::Account { name: name.into() }, print: print(sid) });
    }
    for (path, asked, state) in facts.files() {
        let id = FactId::File { path: path.clone(), asked: asked.clone() };
        out.push(FactPrint { id, print: print(state) });
    }
    for (probe, answer) in facts.probes() {
        // What is measured may move within its bound.
        let print = match answer {
            Ok(Answer::Measured { met, .. }) => print(met),
            other => print(other),
        };
        out.push(FactPrint { id: FactId::Probe(probe.clone()), print });
    }
    out
}

/// The files of a plan that the next start does something with, of which it did nothing when the plan was made.
pub fn listed_since<'f>(prints: &'f [FactPrint], now: &'f Facts) -> impl Iterator<Item = Moved> + 'f {
    let asked = |path: &FilePath| {
        prints.iter().any(|print| matches!(&print.id, FactId::Probe(Probe::NextStart { path: known }) if known == path))
    };
    let mut seen: Vec<&FilePath> = Vec::new();
    prints.iter().filter_map(move |print| {
        let FactId::File { path, .. } = &print.id else { return None };
        let is_new = now.next_start(path).is_some() && !seen.contains(&path) && !asked(path);
        is_new.then(|| {
            seen.push(path);
            Moved(FactId::Probe(Probe::NextStart { path: path.clone() }))
        })
    })
}

fn key_prints(key: &RegistryKey, aspects: &KeyAspects, state: &Observed<KeyState>, out: &mut Vec<FactPrint>) {
    let key = || key.clone();
    let there: Result<Option<bool>, &Unread> = match state {
        Ok(KeyState::Present(fact)) => Ok(Some(fact.link)),
        Ok(KeyState::Absent { .. }) => Ok(None),
        Err(unread) => Err(unread),
    };
    let fact = state.as_ref().ok().and_then(KeyState::present);
    out.push(FactPrint { id: FactId::RegistryKey { key: key() }, print: print(&there) });
    match &aspects.values {
        ValueSelection::None => {}
        ValueSelection::Named(names) => {
            for name in names {
                let data = fact.and_then(|fact| fact.value(name)).map(|value| &value.data);
                let sealed = aspects.sealed.contains(name);
                let id = FactId::RegistryValue { key: key(), name: name.clone(), sealed };
                out.push(FactPrint { id, print: value_print(data) });
            }
        }
        ValueSelection::All => {
            let print = print(&fact.map(|fact| fact.values()));
            let mut sealed = aspects.sealed.clone();
            sealed.sort_unstable();
            sealed.dedup();
            out.push(FactPrint { id: FactId::RegistryValues { key: key(), sealed }, print });
        }
    }
    if aspects.subkeys {
        let print = print(&fact.map(|fact| &fact.subkeys));
        out.push(FactPrint { id: FactId::RegistrySubkeys { key: key() }, print });
    }
    if aspects.security {
        let print = print(&fact.map(|fact| fact.security.as_deref()));
        out.push(FactPrint { id: FactId::RegistrySecurity { key: key() }, print });
    }
    if aspects.tree {
        // Times move with every write below; what matters is what would be removed.
        let print = print(&fact.and_then(|fact| fact.tree.as_deref()).map(Timeless));
        out.push(FactPrint { id: FactId::RegistryTree { key: key() }, print });
    }
}

/// A tree without its last-write times.
struct Timeless<'a>(&'a KeyTree);

impl Serialize for Timeless<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let KeyTree { name, link, security, class, values, subkeys, last_written: _ } = self.0;
        let subkeys: Vec<Timeless<'_>> = subkeys.iter().map(Timeless).collect();
        (name, link, hex(security), class, values, subkeys).serialize(serializer)
    }
}

/// The values are many, so their data is hashed as it is; everything else through its JSON form.
fn value_print(data: Option<&Stored>) -> Box<str> {
    let mut hash = Sha256::new();
    match data {
        None => hash.update([0]),
        Some(Stored::Plain(data)) => {
            hash.update([1]);
            hash.update(data.value_type.to_le_bytes());
            hash.update(&data.bytes);
        }
        Some(Stored::Sealed { sealed_type, .. }) => {
            hash.update([2]);
            hash.update(sealed_type.to_le_bytes());
        }
    }
    finish(hash)
}

fn print<T: Serialize>(value: &T) -> Box<str> {
    let mut hash = Sha256::new();
    // None of these types can fail to become JSON; if one did, its print would match no other.
    match serde_json::to_vec(value) {
        Ok(json) => hash.update(&json),
        Err(error) => hash.update(error.to_string().as_bytes()),
    }
    finish(hash)
}

fn finish(hash: Sha256) -> Box<str> {
    let digest = hash.finalize();
    hex(digest.get(..PRINT_BYTES).unwrap_or(&digest)).into()
}

/// The questions whose answers `prints` speaks of.
pub fn queries(prints: &[FactPrint]) -> Queries {
    let mut queries = Queries::default();
    let ask = |queries: &mut Queries, key: &RegistryKey, aspects| queries.key(key, aspects);
    let none = KeyAspects::default;
    for FactPrint { id, .. } in prints {
        match id {
            FactId::RegistryKey { key } => ask(&mut queries, key, none()),
            FactId::RegistryValue { key, name, sealed } => {
                let values = ValueSelection::Named(vec![name.clone()]);
                let sealed = if *sealed { vec![name.clone()] } else { Vec::new() };
                ask(&mut queries, key, KeyAspects { values, sealed, ..none() });
            }
            FactId::RegistryValues { key, sealed } => {
                ask(&mut queries, key, KeyAspects { values: ValueSelection::All, sealed: sealed.clone(), ..none() });
            }
            FactId::RegistrySubkeys { key } => ask(&mut queries, key, KeyAspects { subkeys: true, ..none() }),
            FactId::RegistrySecurity { key } => ask(&mut queries, key, KeyAspects { security: true, ..none() }),
            FactId::RegistryTree { key } => ask(&mut queries, key, KeyAspects { tree: true, ..none() }),
            FactId::Account { name } => queries.account(name),
            FactId::File { path, asked } => queries.file(path, asked.clone()),
            FactId::Probe(probe) => queries.probe(probe.clone()),
            FactId::Identity => {}
        }
    }
    queries
}

/// The facts of a plan that are no longer what they were.
pub fn moved(then: &[FactPrint], now: &Facts) -> Vec<Moved> {
    let now: HashMap<FactId, Box<str>> = prints(now).into_iter().map(|fact| (fact.id, fact.print)).collect();
    then.iter().filter(|fact| now.get(&fact.id) != Some(&fact.print)).map(|fact| Moved(fact.id.clone())).collect()
}

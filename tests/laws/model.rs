//! What a machine holds as a plain table, read without the code under test where that can be; what each operation should make of it; and
//! whether it is what a document wants. Written apart from the machines and the kinds, to judge them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use trueup::formats::regf::{Hive, Key};
use trueup::formats::security_descriptor::{SecurityDescriptor, new_subkey_descriptor};
use trueup::formats::upcase::fold;
use trueup::kinds::registry::{WantedData, WantedKey};
use trueup::machine::memory::MemoryMachine;
use trueup::model::common::Ensure;
use trueup::model::fact::{KeyTree, Stored};
use trueup::model::operation::{Expression, Operation};
use trueup::model::registry::RegistryKey;
use trueup::model::registry_data::RegistryData;

use super::world::{FILES, Secrets, key};
use trueup::apply::SecretSource as _;

/// A key without those below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelKey {
    pub name: String,
    pub time: u64,
    pub link: bool,
    pub security: Vec<u8>,
    pub class: Option<String>,
    /// By folded name.
    pub values: BTreeMap<String, (String, RegistryData)>,
}

/// All keys by folded path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model(pub BTreeMap<String, ModelKey>);

impl Model {
    pub fn of_memory(machine: &MemoryMachine) -> Self {
        let mut model = Self::default();
        for (at, _) in FILES {
            model.add_tree(at.to_owned(), &machine.tree(&key(at)).expect("the hive is there"));
        }
        model
    }

    fn add_tree(&mut self, path: String, tree: &KeyTree) {
        let values = tree.values.iter().map(|value| {
            (fold(&value.name), (value.name.to_string(), value.data.plain().expect("it is not sealed").clone()))
        });
        let key = ModelKey {
            name: tree.name.to_string(),
            time: tree.last_written.0,
            link: tree.link,
            security: tree.security.to_vec(),
            class: tree.class.clone(),
            values: values.collect(),
        };
        for subkey in &tree.subkeys {
            self.add_tree(format!("{path}\\{}", subkey.name), subkey);
        }
        assert!(self.0.insert(fold(&path), key).is_none(), "{path} is there twice");
    }

    pub fn of_folder(folder: &Path) -> Self {
        let mut model = Self::default();
        for (at, file) in FILES {
            let Ok(bytes) = fs::read(folder.join(file)) else { continue };
            let hive = Hive::open(&bytes).expect("the hive is sound");
            model.add_key(at.to_owned(), &hive.root().expect("it has a root"));
        }
        model
    }

    fn add_key(&mut self, path: String, key: &Key<'_>) {
        let class: Vec<u16> =
            key.class().unwrap().chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let values = key.values().map(|value| {
            let value = value.unwrap();
            let name = value.name().text.into_owned();
            (fold(&name), (name, RegistryData::new(value.value_type(), value.data().unwrap().into_owned())))
        });
        let model_key = ModelKey {
            name: key.name().text.into_owned(),
            time: key.last_written(),
            link: key.is_link(),
            security: key.security().unwrap().to_vec(),
            class: (!class.is_empty()).then(|| String::from_utf16(&class).unwrap()),
            values: values.collect(),
        };
        for subkey in key.subkeys() {
            let subkey = subkey.unwrap();
            self.add_key(format!("{path}\\{}", subkey.name().text), &subkey);
        }
        assert!(self.0.insert(fold(&path), model_key).is_none(), "{path} is there twice");
    }

    pub fn get(&self, path: &str) -> Option<&ModelKey> {
        self.0.get(path)
    }

    /// The names of the keys directly below.
    pub fn below(&self, path: &str) -> Vec<&str> {
        let prefix = format!("{path}\\");
        let below = self.0.range(prefix.clone()..).take_while(|(other, _)| other.starts_with(&prefix));
        let direct = below.filter(|(other, _)| !other[prefix.len()..].contains('\\'));
        direct.map(|(other, _)| other.as_str()).collect()
    }

    fn at(&mut self, path: &str) -> Result<&mut ModelKey, String> {
        self.0.get_mut(path).ok_or_else(|| format!("{path} is not there"))
    }

    fn touch(&mut self, path: &str, now: u64) -> Result<(), String> {
        self.at(path)?.time = now;
        Ok(())
    }

    fn take(&mut self, path: &str) -> Vec<(String, ModelKey)> {
        let is_within =
            |other: &str| other.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'));
        let names: Vec<String> = self.0.keys().filter(|other| is_within(other)).cloned().collect();
        names.into_iter().map(|name| (name.clone(), self.0.remove(&name).expect("it was listed"))).collect()
    }

    /// Does what the operation says, and nothing else. A write that changes nothing leaves the time alone.
    ///
    /// # Errors
    /// What the operation rests on is not so.
    pub fn perform(&mut self, operation: &Operation, now: u64) -> Result<(), String> {
        let path = place(operation.registry_key().expect("a step of the registry"));
        let above = |path: &str| path.rsplit_once('\\').map(|(parent, _)| parent.to_owned()).ok_or("it is a root");
        let ensure = |so: bool, why: &str| if so { Ok(()) } else { Err(format!("{operation}: {why}")) };
        match operation {
            Operation::CreateRegistryKey { key } => {
                ensure(!self.0.contains_key(&path), "it is there already")?;
                let security =
                    new_subkey_descriptor(&self.at(&above(&path)?)?.security).map_err(|error| error.to_string())?;
                let name = key.name().to_owned();
                let made = ModelKey { name, time: now, link: false, security, class: None, values: BTreeMap::new() };
                self.touch(&above(&path)?, now)?;
                self.0.insert(path, made);
            }
            Operation::PutRegistryValue { name, before, after, .. } => {
                let data = match after {
                    Expression::Registry(data) => data.clone(),
                    Expression::Secret { value_type, reference } => {
                        RegistryData::text(*value_type, &Secrets.resolve(reference)?)
                    }
                    Expression::Held { item, .. } => return Err(format!("nobody here can open {item}")),
                    Expression::Thumbprint { .. } => return Err("there are no certificates here".into()),
                };
                let values = &mut self.at(&path)?.values;
                let found = values.get(&fold(name)).cloned();
                let why = format!("the plan tells of {before:?}, there is {found:?}");
                ensure(is_told(before.as_ref(), found.as_ref()), &why)?;
                if found.as_ref().is_some_and(|(_, found)| *found == data) {
                    return Ok(());
                }
                let name_found = found.map_or_else(|| name.to_string(), |(found, _)| found);
                values.insert(fold(name), (name_found, data));
                self.touch(&path, now)?;
            }
            Operation::RemoveRegistryValue { name, before, .. } => {
                let removed = self.at(&path)?.values.remove(&fold(name));
                let why = format!("the plan tells of {before:?}, there is {removed:?}");
                ensure(is_told(Some(before), removed.as_ref()), &why)?;
                self.touch(&path, now)?;
            }
            Operation::RemoveRegistryTree { .. } => {
                ensure(!self.take(&path).is_empty(), "it is not there")?;
                self.touch(&above(&path)?, now)?;
            }
            Operation::PutRegistryTree { after, .. } => {
                ensure(!self.0.contains_key(&path), "it is there already")?;
                self.touch(&above(&path)?, now)?;
                self.add_tree(path, after);
            }
            Operation::RenameRegistryKey { from, to } => {
                let from = place(from);
                ensure(!self.0.contains_key(&path), "the new name is taken")?;
                let moved = self.take(&from);
                ensure(!moved.is_empty(), "the old key is not there")?;
                for (old, mut key) in moved {
                    if old == from {
                        key.name = to.name().to_owned();
                    }
                    self.0.insert(format!("{path}{}", &old[from.len()..]), key);
                }
                self.touch(&above(&from)?, now)?;
                self.touch(&above(&path)?, now)?;
            }
            Operation::PutRegistrySecurity { before, after, .. } => {
                ensure(self.at(&path)?.security[..] == before[..], "its security is not what the plan tells")?;
                self.at(&path)?.security = after.to_vec();
                self.touch(&path, now)?;
            }
            other => return Err(format!("{other} is no step of the registry")),
        }
        Ok(())
    }

    /// What of the entry's wishes the machine does not hold, by resource: the empty name is not a value's but the key's own.
    pub fn unmet(&self, wanted: &WantedKey, named: &[String]) -> Vec<Unmet> {
        let path = place(&wanted.key);
        let mut out = Vec::new();
        let Some(found) = self.get(&path) else {
            if wanted.common.ensure == Ensure::Present {
                out.push(Unmet::Key("is not there"));
                let values = wanted.values.iter().filter(|value| value.data != WantedData::Absent);
                out.extend(values.map(|value| Unmet::Value(value.name.to_string())));
            }
            return out;
        };
        if wanted.common.ensure == Ensure::Absent {
            return vec![Unmet::Key("is there")];
        }
        if let Some(from) = &wanted.renamed_from
            && self.get(&place(&from.value)).is_some()
        {
            out.push(Unmet::Key("is at its former place too"));
        }
        if !secured(wanted, &found.security) {
            out.push(Unmet::Key("has other security"));
        }
        for value in &wanted.values {
            let held = found.values.get(&fold(&value.name)).map(|(_, data)| data);
            let holds = match &value.data {
                WantedData::Absent => held.is_none(),
                WantedData::Data(data) => {
                    held.is_some_and(|held| (held.value_type, &held.bytes) == (data.value_type, &data.bytes))
                }
                WantedData::Secret { value_type, reference } => {
                    let text = Secrets.resolve(reference).expect("it can be had");
                    held.is_some_and(|held| *held == RegistryData::text(*value_type, &text))
                }
            };
            if !holds {
                out.push(Unmet::Value(value.name.to_string()));
            }
        }
        if wanted.exclusive {
            let is_named = |name: &str| wanted.values.iter().any(|value| fold(&value.name) == name);
            let others = found.values.iter().filter(|(folded, _)| !is_named(folded));
            out.extend(others.map(|(_, (name, _))| Unmet::Value(name.clone())));
        }
        if wanted.exclusive_keys {
            let others = self.below(&path).into_iter().filter(|below| !named.iter().any(|named| named == below));
            out.extend(others.map(|below| Unmet::Subkey(below.to_owned())));
        }
        out
    }
}

/// Whether the plan tells rightly what was there; of a secret, its type.
fn is_told(told: Option<&Stored>, found: Option<&(String, RegistryData)>) -> bool {
    match (told, found) {
        (None, None) => true,
        (Some(Stored::Plain(told)), Some((_, found))) => told == found,
        (Some(Stored::Sealed { sealed_type, .. }), Some((_, found))) => *sealed_type == found.value_type,
        _ => false,
    }
}

/// A part of an entry that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    Key(&'static str),
    Value(String),
    Subkey(String),
}

/// The folded path of a key by its place: classes are the machine's, `CurrentControlSet` is the one that `Select` names.
pub fn place(key: &RegistryKey) -> String {
    let folded = key.folded();
    let moved = |from: &str, to: &str| {
        let rest = folded.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('\\'))?;
        Some(format!("{to}{rest}"))
    };
    moved("HKCR", r"HKLM\SOFTWARE\CLASSES")
        .or_else(|| moved(r"HKLM\SYSTEM\CURRENTCONTROLSET", r"HKLM\SYSTEM\CONTROLSET001"))
        .unwrap_or_else(|| folded.to_owned())
}

/// The places that the entries speak of, with all keys above them.
pub fn named(wanted: &[&WantedKey]) -> Vec<String> {
    let mut out = Vec::new();
    for wanted in wanted {
        for key in wanted.renamed_from.iter().map(|from| &from.value).chain([&wanted.key]) {
            let path = place(key);
            out.extend(path.match_indices('\\').map(|(at, _)| path[..at].to_owned()));
            out.push(path);
        }
    }
    out
}

/// Whether a descriptor is what the entry wants, told by the descriptor's own functions, which have tests of their own.
fn secured(wanted: &WantedKey, bytes: &[u8]) -> bool {
    use trueup::formats::security_descriptor::{AccessList, AccessMask, Grant, Others, Reach, satisfies};
    use trueup::kinds::registry::WantedSecurity;
    use trueup::model::sid::Sid;

    let Some(security) = &wanted.security else { return true };
    let found = SecurityDescriptor::parse(bytes).expect("it is sound");
    let sid = |name: &str| name.parse().ok().or_else(|| Sid::from_account(name)).expect("others are blocked");
    match &security.value {
        WantedSecurity::Sddl(text) => {
            let stated: SecurityDescriptor = text.parse().expect("it is SDDL");
            let owner_holds = stated.owner().is_none_or(|owner| found.owner() == Some(owner));
            let lists = [(stated.dacl(), found.dacl()), (stated.sacl(), found.sacl())];
            owner_holds && lists.iter().all(|(stated, found)| matches!(stated, AccessList::Absent) || stated == found)
        }
        WantedSecurity::Parts { owner, grant, exclusive } => {
            let grants: Vec<Grant> = grant
                .iter()
                .map(|grant| Grant {
                    sid: sid(&grant.to.value),
                    mask: AccessMask::parse_key_rights(&grant.rights.value).expect("they are rights"),
                    reach: if grant.inherit { Reach::Subkeys } else { Reach::ThisKey },
                })
                .collect();
            let others = if *exclusive { Others::Remove } else { Others::Keep };
            owner.as_ref().is_none_or(|owner| found.owner() == Some(sid(&owner.value)))
                && satisfies(&found, &grants, others)
        }
    }
}

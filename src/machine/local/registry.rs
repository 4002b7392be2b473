//! Answers registry questions from the running system.

use std::collections::HashSet;
use std::sync::Arc;

use windows_registry::Key;

use super::accounts;
use crate::formats::upcase;
use crate::machine::RegistryReader;
use crate::machine::windows_api::key::{self, Buffers};
use crate::machine::windows_api::{WindowsError, told};
use crate::model::fact::{KeyAspects, KeyFact, KeyState, KeyTree, Observed, Stored, Unread, ValueFact, ValueSelection};
use crate::model::registry::{RegistryKey, Root};
use crate::model::registry_data::RegistryData;
use crate::model::registry_tree::absent;
use crate::model::sid::Sid;
use crate::model::time::FileTime;

/// The value that makes a key a link, and its type.
const LINK: (&str, u32) = ("SymbolicLinkValue", 6);

/// Keys nest no deeper: an answer of the system that says so is not believed.
const MAX_DEPTH: usize = 512;

/// The predefined key that a path starts from, and the path below it.
pub fn place(wanted: &RegistryKey) -> Observed<(&'static Key, String)> {
    let below = wanted.components().collect::<Vec<_>>().join("\\");
    Ok(match wanted.root() {
        Root::LocalMachine => (windows_registry::LOCAL_MACHINE, below),
        Root::CurrentUser => (windows_registry::CURRENT_USER, below),
        // Of the two that Windows merges, those of the machine.
        Root::ClassesRoot if below.is_empty() => (windows_registry::LOCAL_MACHINE, r"SOFTWARE\Classes".to_owned()),
        Root::ClassesRoot => (windows_registry::LOCAL_MACHINE, format!(r"SOFTWARE\Classes\{below}")),
        Root::Users => (windows_registry::USERS, in_hive_of_user(wanted, below)?),
    })
}

/// Windows knows users by their SIDs; a document may name them.
fn in_hive_of_user(wanted: &RegistryKey, below: String) -> Observed<String> {
    let (user, rest) = below.split_once('\\').map_or((&*below, None), |(user, rest)| (user, Some(rest)));
    let (account, suffix) = match user.len().checked_sub(CLASSES.len()).and_then(|at| user.split_at_checked(at)) {
        Some((account, suffix)) if suffix.eq_ignore_ascii_case(CLASSES) => (account, suffix),
        _ => (user, ""),
    };
    if account.is_empty() || account.eq_ignore_ascii_case(".DEFAULT") || account.parse::<Sid>().is_ok() {
        return Ok(below);
    }
    let sid = accounts::sid_of(account)?.ok_or_else(|| Unread::Failed {
        what: wanted.to_string(),
        detail: format!("the machine has no account `{account}`"),
    })?;
    Ok(rest.map_or_else(|| format!("{sid}{suffix}"), |rest| format!("{sid}{suffix}\\{rest}")))
}

const CLASSES: &str = "_Classes";

/// Answers all questions of a round.
pub fn read(queries: &[(RegistryKey, KeyAspects)]) -> Vec<Observed<KeyState>> {
    let mut buffers = Buffers::default();
    queries.iter().map(|(wanted, asked)| read_one(wanted, asked, &mut buffers)).collect()
}

fn read_one(wanted: &RegistryKey, asked: &KeyAspects, buffers: &mut Buffers) -> Observed<KeyState> {
    let (root, path) = place(wanted)?;
    let found = match open(root, &path) {
        Ok(found) => found,
        Err(error) if error.is_absent() => return Ok(absent(wanted, missing(root, &path))),
        Err(error) => return Err(unread(wanted, error)),
    };
    fact(&found, asked, buffers).map(KeyState::Present).map_err(|error| unread(wanted, error))
}

/// Opens a key for reading, as a backup does where its descriptor says no.
pub fn open(root: &Key, path: &str) -> Result<Key, WindowsError> {
    match key::open(root, path) {
        Err(WindowsError::ACCESS_DENIED) => key::open_for_backup(root, path).map_err(|_| WindowsError::ACCESS_DENIED),
        result => result,
    }
}

/// The data of a value; `None` when it is not there.
pub fn value(found: &Key, name: &str) -> Result<Option<RegistryData>, WindowsError> {
    match told(found.get_value(name)) {
        Ok(value) => Ok(Some(RegistryData::new(value.ty().into(), value.to_vec()))),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error),
    }
}

/// How many names at the end of a path are not there.
fn missing(root: &Key, path: &str) -> usize {
    let above = std::iter::successors(path.rsplit_once('\\').map(|(above, _)| above), |path| {
        path.rsplit_once('\\').map(|(above, _)| above)
    });
    1 + above.take_while(|path| key::open(root, path).is_err_and(WindowsError::is_absent)).count()
}

pub fn unread(wanted: &RegistryKey, error: WindowsError) -> Unread {
    if error == WindowsError::ACCESS_DENIED {
        return Unread::Refused {
            what: wanted.to_string(),
            detail: error.to_string(),
            hint: Some("run trueup as an administrator".into()),
        };
    }
    Unread::Failed { what: wanted.to_string(), detail: error.to_string() }
}

fn fact(found: &Key, asked: &KeyAspects, buffers: &mut Buffers) -> Result<KeyFact, WindowsError> {
    let head = key::head(found)?;
    let mut fact = KeyFact::new(FileTime(head.last_written), false);
    fact.name = Some(head.name.into());
    let wanted: Option<HashSet<String>> = match &asked.values {
        ValueSelection::None => Some(HashSet::new()),
        ValueSelection::Named(names) => Some(names.iter().map(|name| upcase::fold(name)).collect()),
        ValueSelection::All => None,
    };
    let mut is_link = false;
    // Also when no value is asked for: what makes a key a link is one.
    key::each_value(found, buffers, &mut |value| {
        let name = String::from_utf16_lossy(value.name);
        is_link |= value.value_type == LINK.1 && name == LINK.0;
        let folded = upcase::fold(&name);
        if wanted.as_ref().is_none_or(|wanted| wanted.contains(&folded)) {
            let data = Stored::Plain(RegistryData::new(value.value_type, value.data.to_vec()));
            fact.insert_folded(folded.into(), ValueFact::new(name.into(), data));
        }
    })?;
    fact.link = is_link;
    if asked.subkeys {
        fact.subkeys = key::subkeys(found)?.into_iter().map(Into::into).collect();
        fact.subkeys.sort_by_cached_key(|name| upcase::fold(name));
    }
    if asked.security {
        fact.security = Some(key::security(found)?.into());
    }
    if asked.tree {
        fact.tree = Some(Box::new(tree(found, buffers, 0)?));
    }
    Ok(fact)
}

/// The registry of the running system, for whoever needs no more of it.
#[derive(Clone, Copy, Debug)]
pub struct Registry;

impl RegistryReader for Registry {
    fn read(&self, queries: &[(RegistryKey, KeyAspects)]) -> Vec<Observed<KeyState>> {
        read(queries)
    }
}

/// Everything at and below a key.
pub fn tree(found: &Key, buffers: &mut Buffers, depth: usize) -> Result<KeyTree, WindowsError> {
    if depth > MAX_DEPTH {
        // ERROR_BADDB.
        return Err(WindowsError(1009));
    }
    let head = key::head(found)?;
    let class = key::class(found)?;
    let mut values: Vec<ValueFact> = Vec::new();
    let mut is_link = false;
    key::each_value(found, buffers, &mut |value| {
        let name = String::from_utf16_lossy(value.name);
        is_link |= value.value_type == LINK.1 && name == LINK.0;
        let data = Stored::Plain(RegistryData::new(value.value_type, value.data.to_vec()));
        values.push(ValueFact::new(name.into(), data));
    })?;
    values.sort_by_cached_key(|value| upcase::fold(&value.name));
    let mut subkeys = Vec::new();
    if !is_link {
        for name in key::subkeys(found)? {
            subkeys.push(tree(&open(found, &name)?, buffers, depth + 1)?);
        }
    }
    subkeys.sort_by_cached_key(|subkey| upcase::fold(&subkey.name));
    Ok(KeyTree {
        name: head.name.into(),
        last_written: FileTime(head.last_written),
        link: is_link,
        security: Arc::from(key::security(found)?),
        class: (!class.is_empty()).then_some(class),
        values,
        subkeys,
    })
}

//! All that is in a hive, as our reader and as python-registry see it, and what a document's edits make of it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};
use trueup::formats::regf::{Hive, Key};

use super::witnesses::python;

/// A hive's keys by path; the root's is empty, others begin with a backslash.
pub type Keys = BTreeMap<String, Seen>;

/// What is seen of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub last_written: u64,
    /// Flags, class and security; python-registry alone tells the flags.
    pub rest: String,
    /// The names of the values in stored order.
    pub order: Vec<String>,
    /// Type, length, digest of the data; flags of the name.
    pub values: BTreeMap<String, (String, String)>,
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is seen of a value's data.
pub fn data(value_type: u32, bytes: &[u8]) -> String {
    format!("{value_type}\t{}\t{}", bytes.len(), digest(bytes))
}

pub fn ours(bytes: &[u8]) -> Keys {
    let hive = Hive::open_dirty(bytes).expect("the hive opens");
    let mut keys = Keys::new();
    walk(&hive.root().expect("the root is readable"), String::new(), &mut keys);
    keys
}

fn walk(key: &Key<'_>, path: String, keys: &mut Keys) {
    let mut seen = Seen {
        last_written: key.last_written(),
        rest: format!(
            "link {} class {} security {}",
            key.is_link(),
            digest(key.class().expect("the class is readable")),
            digest(key.security().expect("the descriptor is readable"))
        ),
        order: Vec::new(),
        values: BTreeMap::new(),
    };
    for value in key.values() {
        let value = value.expect("the value is readable");
        let name = value.name().text.into_owned();
        seen.order.push(name.clone());
        seen.values
            .insert(name, (data(value.value_type(), &value.data().expect("the data are readable")), String::new()));
    }
    for subkey in key.subkeys() {
        let subkey = subkey.expect("the subkey is readable");
        walk(&subkey, format!("{path}\\{}", subkey.name().text), keys);
    }
    keys.insert(path, seen);
}

/// The same through python-registry; none where that isn't at hand.
pub fn theirs(bytes: &[u8]) -> Option<Keys> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), bytes).expect("the file can be written");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real_hives/dump.py");
    let text = python("Registry", &[script.as_ref(), file.path().as_os_str()])?;
    let mut keys = Keys::new();
    let mut path = String::new();
    for line in text.lines() {
        let parts: Vec<&str> = line.split('\t').collect();
        match parts.as_slice() {
            ["K", key, last_written, rest @ ..] => {
                path = (*key).to_owned();
                let seen = Seen {
                    last_written: last_written.parse().expect("a time is a number"),
                    rest: rest.join(" "),
                    order: Vec::new(),
                    values: BTreeMap::new(),
                };
                keys.insert(path.clone(), seen);
            }
            ["V", name, value_type, length, digest, flags] => {
                let seen = keys.get_mut(&path).expect("a value comes after its key");
                seen.order.push((*name).to_owned());
                seen.values
                    .insert((*name).to_owned(), (format!("{value_type}\t{length}\t{digest}"), (*flags).to_owned()));
            }
            _ => panic!("the dump has a line of another form: {line}"),
        }
    }
    Some(keys)
}

/// What a document asks for, in the hive's own words.
#[derive(Debug, Clone)]
pub enum Edit {
    Create(&'static str),
    Put(&'static str, &'static str, u32, Vec<u8>),
    Remove(&'static str, &'static str),
    RemoveTree(&'static str),
    Rename(&'static str, &'static str),
    Secure(&'static str),
}

/// Compares a hive after a run with what the edits make of the hive before it; complaints, one to a line.
pub fn complaints(before: &Keys, after: &Keys, edits: &[Edit]) -> Vec<String> {
    let mut wanted = before.clone();
    // Keys that the run wrote to: their time has moved, and so may what is named here.
    let (mut touched, mut created, mut secured) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut put = BTreeSet::new();
    for edit in edits {
        match edit {
            Edit::Create(key) => {
                touched.extend([parent(key), (*key).to_owned()]);
                created.insert((*key).to_owned());
                let seen = Seen { last_written: 0, rest: String::new(), order: Vec::new(), values: BTreeMap::new() };
                assert!(wanted.insert((*key).to_owned(), seen).is_none(), "{key} is there already");
            }
            Edit::Put(key, name, value_type, bytes) => {
                touched.insert((*key).to_owned());
                put.insert(((*key).to_owned(), (*name).to_owned()));
                let seen = wanted.get_mut(*key).unwrap_or_else(|| panic!("{key} is not there"));
                if seen.values.insert((*name).to_owned(), (data(*value_type, bytes), String::new())).is_none() {
                    seen.order.push((*name).to_owned());
                }
            }
            Edit::Remove(key, name) => {
                touched.insert((*key).to_owned());
                let seen = wanted.get_mut(*key).unwrap_or_else(|| panic!("{key} is not there"));
                assert!(seen.values.remove(*name).is_some(), "{key} has no {name}");
                seen.order.retain(|known| known != name);
            }
            Edit::RemoveTree(key) => {
                touched.insert(parent(key));
                assert!(wanted.contains_key(*key), "{key} is not there");
                wanted.retain(|path, _| !is_at_or_below(path, key));
            }
            Edit::Rename(from, to) => {
                touched.extend([parent(from), parent(to)]);
                let moved: Vec<String> = wanted.keys().filter(|path| is_at_or_below(path, from)).cloned().collect();
                assert!(!moved.is_empty(), "{from} is not there");
                for path in moved {
                    let seen = wanted.remove(&path).expect("it was found");
                    wanted.insert(format!("{to}{}", &path[from.len()..]), seen);
                }
            }
            Edit::Secure(key) => {
                touched.insert((*key).to_owned());
                secured.insert((*key).to_owned());
            }
        }
    }
    let mut out = Vec::new();
    for path in wanted.keys().chain(after.keys().filter(|path| !wanted.contains_key(*path))) {
        let (Some(wanted), Some(found)) = (wanted.get(path), after.get(path)) else {
            out.push(format!(
                "{path}: {}",
                if after.contains_key(path) { "should not be there" } else { "is missing" }
            ));
            continue;
        };
        let moved = wanted.last_written != found.last_written;
        if moved != touched.contains(path) {
            out.push(format!("{path}: its time {}", if moved { "has moved" } else { "stands still" }));
        }
        if (wanted.rest == found.rest) == (secured.contains(path) || created.contains(path)) {
            out.push(format!("{path}: {} instead of {}", found.rest, wanted.rest));
        }
        if wanted.order != found.order {
            out.push(format!("{path}: values {:?} instead of {:?}", found.order, wanted.order));
        }
        for (name, (data, flags)) in &wanted.values {
            let Some((found, found_flags)) = found.values.get(name) else { continue };
            if data != found || (flags != found_flags && !put.contains(&(path.clone(), name.clone()))) {
                out.push(format!("{path}, {name}: {found} {found_flags} instead of {data} {flags}"));
            }
        }
    }
    out
}

fn parent(path: &str) -> String {
    path.rsplit_once('\\').expect("a root has no edits").0.to_owned()
}

fn is_at_or_below(path: &str, key: &str) -> bool {
    path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
}

mod tests {
    //! A comparison that never complains would prove nothing.

    use super::*;

    fn sample() -> Keys {
        let seen = |time| Seen {
            last_written: time,
            rest: "rest".into(),
            order: vec!["a".into(), "b".into()],
            values: ["a", "b"].map(|name| (name.to_owned(), (data(4, &[1, 0, 0, 0]), "1".to_owned()))).into(),
        };
        Keys::from([(String::new(), seen(1)), ("\\k".into(), seen(2)), ("\\k\\s".into(), seen(3))])
    }

    #[test]
    fn what_is_not_named_must_stay() {
        let before = sample();
        assert!(complaints(&before, &before, &[]).is_empty());
        let spoil: [fn(&mut Keys); 6] = [
            |keys| drop(keys.remove("\\k\\s")),
            |keys| keys.get_mut("\\k").unwrap().last_written = 9,
            |keys| keys.get_mut("\\k").unwrap().rest.push('x'),
            |keys| keys.get_mut("\\k").unwrap().order.reverse(),
            |keys| keys.get_mut("\\k").unwrap().values.get_mut("a").unwrap().0 = data(4, &[2, 0, 0, 0]),
            |keys| keys.get_mut("\\k").unwrap().values.get_mut("a").unwrap().1 = "0".into(),
        ];
        for spoil in spoil {
            let mut after = before.clone();
            spoil(&mut after);
            assert_eq!(complaints(&before, &after, &[]).len(), 1);
        }
        assert!(!complaints(&before, &before, &[Edit::Put("\\k", "a", 4, vec![2, 0, 0, 0])]).is_empty());
        assert!(!complaints(&before, &before, &[Edit::Rename("\\k", "\\m")]).is_empty());
        assert!(!complaints(&before, &before, &[Edit::RemoveTree("\\k")]).is_empty());
    }
}

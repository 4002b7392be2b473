//! Secrets that the record knows of: wherever a whole tree is read, they are sealed, whether or not a document names them by now.

use std::collections::HashMap;

use super::observe::sealed;
use crate::formats::upcase;
use crate::model::fact::KeyTree;
use crate::model::fingerprint::FingerprintKey;
use crate::model::registry::RegistryKey;
use crate::model::remembered::Record;

/// By key, the names of its values that were written as secrets.
pub struct KnownSecrets<'r>(HashMap<String, Vec<&'r str>>);

impl<'r> KnownSecrets<'r> {
    /// `None` when the record knows of none.
    pub fn of(record: &'r Record) -> Option<Self> {
        let mut names: HashMap<String, Vec<&str>> = HashMap::new();
        for entry in record.entries.values() {
            let secrets = entry.parts.0.iter().filter(|(_, trace)| trace.secret.is_some()).map(|(name, _)| &**name);
            let secrets: Vec<&str> = secrets.collect();
            if secrets.is_empty() || entry.address.section() != "registry" {
                continue;
            }
            if let Ok(key) = RegistryKey::parse(entry.address.name()) {
                names.entry(place_of(key.folded())).or_default().extend(secrets);
            }
        }
        (!names.is_empty()).then_some(Self(names))
    }

    /// Seals what of a tree is known to be a secret.
    pub fn seal(&self, at: &RegistryKey, tree: &mut KeyTree, key: Option<&FingerprintKey>) {
        self.seal_below(at.folded(), tree, key);
    }

    fn seal_below(&self, path: &str, tree: &mut KeyTree, key: Option<&FingerprintKey>) {
        if let Some(names) = self.0.get(&place_of(path)) {
            for value in tree.values.iter_mut().filter(|value| names.iter().any(|name| upcase::eq(name, &value.name))) {
                if let Some(sealed) = sealed(value, key) {
                    *value = sealed;
                }
            }
        }
        for subkey in &mut tree.subkeys {
            let path = format!("{path}\\{}", upcase::fold(&subkey.name));
            self.seal_below(&path, subkey, key);
        }
    }
}

/// A folded path with one spelling for what goes by several: any control set is the current one, any user's hive stands for all.
/// A secret sealed in one place too many does no harm.
fn place_of(path: &str) -> String {
    const SETS: &str = "HKLM\\SYSTEM\\";
    const USERS: &str = "HKU\\";
    let after = |head: &str| path.get(..head.len()).filter(|start| upcase::eq(start, head)).and(path.get(head.len()..));
    let replaced = |head: &str, rest: &str, name: &str| {
        let below = rest.split_once('\\').map_or("", |(_, below)| below);
        format!("{head}{name}\\{below}")
    };
    if let Some(rest) = after(SETS)
        && ["CONTROLSET", "CURRENTCONTROLSET"].iter().any(|set| upcase::fold(rest).starts_with(&upcase::fold(set)))
    {
        return replaced(SETS, &upcase::fold(rest), "*");
    }
    match after(USERS) {
        Some(rest) => replaced(USERS, &upcase::fold(rest), "*"),
        None => upcase::fold(path),
    }
}

#[cfg(test)]
mod tests {
    use super::place_of;

    #[test]
    fn one_place_has_one_spelling() {
        for (a, b) in [
            (r"HKLM\SYSTEM\ControlSet001\Services\X", r"HKLM\SYSTEM\CurrentControlSet\Services\x"),
            (r"HKU\svc\Environment", r"HKU\S-1-5-21-1\Environment"),
            (r"HKLM\SOFTWARE\Vendor", r"hklm\software\VENDOR"),
        ] {
            assert_eq!(place_of(a), place_of(b));
        }
        assert_ne!(place_of(r"HKLM\SYSTEM\Setup\X"), place_of(r"HKLM\SYSTEM\ControlSet001\X"));
        assert_ne!(place_of(r"HKU\svc"), place_of(r"HKU\svc\Environment"));
    }
}

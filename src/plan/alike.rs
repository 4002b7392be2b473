//! What counts when what is found in the registry is held against what a run left there, or found. Pure.

use std::collections::HashMap;

use crate::formats::meaning::is_same;
use crate::model::fact::{KeyTree, Stored};
use crate::model::registry_tree::Node;
use crate::model::setting::Setting;

/// A name as names are compared.
pub fn upcase(name: &str) -> Box<str> {
    crate::formats::upcase::fold(name).into()
}

/// Whether a key says what a tree says, value by value.
pub fn says_same_content(setting: Option<&Setting>, node: &Node, tree: &KeyTree) -> bool {
    let Some(setting) = setting.filter(|_| node.subkeys.is_empty() && tree.subkeys.is_empty()) else { return false };
    let wanted = |name: &str| tree.values.iter().find(|value| *upcase(&value.name) == *name).map(|value| &value.data);
    let says = |name: &str, found: Option<&Stored>, wanted: Option<&Stored>| match (found, wanted) {
        (Some(Stored::Sealed { .. }), _) | (_, Some(Stored::Sealed { .. })) => false,
        (found, wanted) => is_same(setting, name, found.and_then(Stored::plain), wanted.and_then(Stored::plain)),
    };
    node.values.iter().all(|(name, value)| says(name, Some(&value.data), wanted(name)))
        && tree.values.iter().all(|value| {
            let name = upcase(&value.name);
            says(&name, node.values.get(&name).map(|value| &value.data), Some(&value.data))
        })
}

/// Of sealed data, the type is all that can be compared.
pub fn same_data(a: &Stored, b: &Stored) -> bool {
    match (a, b) {
        (Stored::Plain(a), Stored::Plain(b)) => a == b,
        (a, b) => a.value_type() == b.value_type(),
    }
}

/// Whether two trees hold the same, times aside.
pub fn same_content(a: &KeyTree, b: &KeyTree) -> bool {
    let values = |tree: &KeyTree| -> HashMap<Box<str>, Stored> {
        tree.values.iter().map(|value| (upcase(&value.name), value.data.clone())).collect()
    };
    let (values_a, values_b) = (values(a), values(b));
    a.security == b.security
        && a.class == b.class
        && values_a.len() == values_b.len()
        && values_a.iter().all(|(name, data)| values_b.get(name).is_some_and(|other| same_data(data, other)))
        && a.subkeys.len() == b.subkeys.len()
        && a.subkeys.iter().zip(&b.subkeys).all(|(a, b)| upcase(&a.name) == upcase(&b.name) && same_content(a, b))
}

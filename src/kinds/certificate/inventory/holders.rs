//! Who on a machine holds a certificate's thumbprint, by the values of the registry that programs read.

use super::{Inventory, Problem};
use crate::formats::upcase;
use crate::kinds::certificate::consumer_places::{
    HTTP_VALUE, RDP, RDP_VALUE, SQL_VALUE, WINRM, WINRM_VALUE, bindings_keys, key, present, sql_identifiers,
    sql_instance, sql_names, thumbprint_of,
};
use crate::kinds::certificate::wanted::Consumer;
use crate::model::fact::{Facts, KeyAspects, Queries, Stored, ValueSelection};
use crate::model::registry::RegistryKey;

/// Asks for every value that holds a thumbprint.
pub fn ask(facts: &Facts, queries: &mut Queries) {
    let named = |value: &str| KeyAspects { values: ValueSelection::Named(vec![value.into()]), ..KeyAspects::default() };
    key(RDP).iter().for_each(|key| queries.key(key, named(RDP_VALUE)));
    for key in key(WINRM).into_iter().chain(bindings_keys()) {
        queries.key(&key, KeyAspects { tree: true, ..KeyAspects::default() });
    }
    if let Some(names) = sql_names() {
        queries.key(&names, KeyAspects { values: ValueSelection::All, ..KeyAspects::default() });
    }
    for instance in sql_identifiers(facts).iter().filter_map(|identifier| sql_instance(identifier)) {
        queries.key(&instance, named(SQL_VALUE));
    }
}

/// Notes who uses which certificate, and what is used and is nowhere.
pub fn gather(facts: &Facts, inventory: &mut Inventory) {
    let mut note = |holder: String, data: &Stored| note(inventory, holder, data);
    if let Some(value) = value(key(RDP), RDP_VALUE, facts) {
        note(Consumer::RemoteDesktop.to_string(), value);
    }
    below(key(WINRM), WINRM_VALUE, facts, &mut |listener, value| {
        note(format!("{} {listener}", Consumer::RemoteManagement), value);
    });
    for identifier in sql_identifiers(facts) {
        if let Some(value) = value(sql_instance(&identifier), SQL_VALUE, facts) {
            note(format!("{} {identifier}", Consumer::SqlServer), value);
        }
    }
    for bindings in bindings_keys() {
        below(Some(bindings), HTTP_VALUE, facts, &mut |binding, value| note(format!("http.sys {binding}"), value));
    }
}

fn value<'f>(key: Option<RegistryKey>, name: &str, facts: &'f Facts) -> Option<&'f Stored> {
    let fact = present(&key?, facts).ok()??;
    fact.value(name).map(|value| &value.data)
}

/// Shows the value of every key directly below one, with the key's name.
fn below(key: Option<RegistryKey>, name: &str, facts: &Facts, show: &mut dyn FnMut(&str, &Stored)) {
    let fact = key.and_then(|key| present(&key, facts).ok().flatten());
    for one in fact.and_then(|fact| fact.tree.as_deref()).iter().flat_map(|tree| &tree.subkeys) {
        if let Some(value) = one.values.iter().find(|value| upcase::eq(&value.name, name)) {
            show(&one.name, &value.data);
        }
    }
}

fn note(inventory: &mut Inventory, holder: String, data: &Stored) {
    let Some(plain) = data.plain() else {
        return inventory.problem(Problem::NoThumbprint { holder, found: data.to_string() });
    };
    // An empty value, or one of zeros, uses none.
    if plain.bytes.iter().all(|byte| *byte == 0) {
        return;
    }
    let Some(thumbprint) = thumbprint_of(plain) else {
        return inventory.problem(Problem::NoThumbprint { holder, found: plain.to_string() });
    };
    let mut is_stored = false;
    for row in &mut inventory.certificates {
        if thumbprint.is_of(row.certificate.der()) {
            is_stored |= row.is_in_store();
            row.used_by.push(holder.clone());
        }
    }
    if !is_stored {
        inventory.problem(Problem::Dangling { holder, thumbprint });
    }
}

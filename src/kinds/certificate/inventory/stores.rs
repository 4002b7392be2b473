//! The system stores of a machine, of its services and of the users whose hives it has: where they are and what they hold.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::{Inventory, ListedPlace, PlaceKind, Problem, WantedCertificate};
use crate::formats::certificate_store::{
    BLOB, Location, SERVICES, StoreBlob, StoreName, USER_POLICY_STORES, USER_STORES,
};
use crate::formats::upcase;
use crate::formats::x509::Certificate;

use crate::model::fact::{Facts, KeyAspects, KeyFact, KeyTree, Queries, Unread};
use crate::model::registry::RegistryKey;
use crate::model::thumbprint::Thumbprint;

/// The key in a store below which each certificate has one.
const CERTIFICATES: &str = "Certificates";
/// The key of a service below which its stores lie.
const SERVICE_STORES: &str = "SystemCertificates";
const LAYERS: [Location; 3] =
    [Location::LocalMachine, Location::LocalMachineGroupPolicy, Location::LocalMachineEnterprise];

/// A key below which each store has one.
struct Stores {
    /// What stands before the store's name.
    owner: String,
    key: RegistryKey,
}

/// Asks for all stores at once; where only parts of them were captured, for the known stores one by one.
pub fn ask(facts: &Facts, queries: &mut Queries) {
    let users = || KeyAspects { subkeys: true, ..KeyAspects::default() };
    users_key().iter().for_each(|key| queries.key(key, users()));
    services_key().iter().for_each(|key| queries.key(key, tree()));
    for stores in all(facts) {
        queries.key(&stores.key, tree());
        second_try(&stores, facts).iter().for_each(|(_, key)| queries.key(key, tree()));
    }
}

fn tree() -> KeyAspects {
    KeyAspects { tree: true, ..KeyAspects::default() }
}

fn users_key() -> Option<RegistryKey> {
    RegistryKey::parse("HKU").ok()
}

fn services_key() -> Option<RegistryKey> {
    RegistryKey::parse(SERVICES).ok()
}

/// The stores of the machine's layers and of the users that are known.
fn all(facts: &Facts) -> Vec<Stores> {
    let layers = LAYERS
        .iter()
        .filter_map(|layer| Some(Stores { owner: layer.to_string(), key: RegistryKey::parse(&layer.stores()).ok()? }));
    let users = users_key();
    let hives = users.iter().filter_map(|key| present(key, facts)).flat_map(|fact| &fact.subkeys);
    // The classes of a user are a hive of their own, without stores.
    let hives = hives.filter(|name| !upcase::fold(name).ends_with("_CLASSES"));
    let users = hives.flat_map(|sid| {
        [(sid.to_string(), USER_STORES), (format!("{sid} Group Policy"), USER_POLICY_STORES)].into_iter().filter_map(
            move |(owner, path)| Some(Stores { owner, key: RegistryKey::parse(&format!(r"HKU\{sid}\{path}")).ok()? }),
        )
    });
    layers.chain(users).collect()
}

fn present<'f>(key: &RegistryKey, facts: &'f Facts) -> Option<&'f KeyFact> {
    facts.key(key)?.as_ref().ok()?.present()
}

/// The known stores below a key that was not captured as a whole, each with where its certificates are.
fn second_try(stores: &Stores, facts: &Facts) -> Vec<(StoreName, RegistryKey)> {
    if !matches!(facts.key(&stores.key), Some(Err(Unread::NotCaptured { .. }))) {
        return Vec::new();
    }
    let known = StoreName::known().filter_map(|name| {
        let key = RegistryKey::parse(&format!(r"{}\{name}\{CERTIFICATES}", stores.key)).ok()?;
        Some((name, key))
    });
    known.collect()
}

/// The questions that are told already by the wider one that had no answer.
pub fn second_tries(facts: &Facts) -> HashSet<String> {
    all(facts).iter().flat_map(|stores| second_try(stores, facts)).map(|(_, key)| key.to_string()).collect()
}

/// Lists what the stores hold, also those that only the entries name.
pub fn gather(entries: &[&Arc<WantedCertificate>], facts: &Facts, inventory: &mut Inventory) {
    for stores in all(facts) {
        match present(&stores.key, facts).and_then(|fact| fact.tree.as_deref()) {
            Some(tree) => each_store(&stores, tree, inventory),
            None => {
                for (name, key) in second_try(&stores, facts) {
                    if let Some(tree) = present(&key, facts).and_then(|fact| fact.tree.as_deref()) {
                        store(&format!(r"{}\{name}", stores.owner), &key, tree, inventory);
                    }
                }
            }
        }
    }
    let services = services_key();
    if let Some((key, tree)) = services.as_ref().and_then(|key| Some((key, present(key, facts)?.tree.as_deref()?))) {
        for service in &tree.subkeys {
            let Some(below) = subkey(service, SERVICE_STORES) else { continue };
            let Some(key) = child(key, &service.name).and_then(|key| child(&key, SERVICE_STORES)) else { continue };
            each_store(
                &Stores { owner: Location::Service(service.name.to_string()).to_string(), key },
                below,
                inventory,
            );
        }
    }
    for place in entries.iter().flat_map(|entry| &entry.stores) {
        let named = place.value.registry_key().filter(|_| place.value.location == Location::CurrentUser);
        if let Some(key) = named
            && let Some(tree) = present(&key, facts).and_then(|fact| fact.tree.as_deref())
        {
            store(&place.value.to_string(), &key, tree, inventory);
        }
    }
}

fn each_store(stores: &Stores, tree: &KeyTree, inventory: &mut Inventory) {
    for one in &tree.subkeys {
        let Some(certificates) = subkey(one, CERTIFICATES) else { continue };
        let Some(key) = child(&stores.key, &one.name).and_then(|key| child(&key, CERTIFICATES)) else { continue };
        let name = StoreName::parse(&one.name).map_or_else(|_| one.name.to_string(), |name| name.to_string());
        store(&format!(r"{}\{name}", stores.owner), &key, certificates, inventory);
    }
}

fn subkey<'t>(tree: &'t KeyTree, name: &str) -> Option<&'t KeyTree> {
    tree.subkeys.iter().find(|key| upcase::eq(&key.name, name))
}

fn child(key: &RegistryKey, name: &str) -> Option<RegistryKey> {
    key.child(name).ok()
}

/// Lists what one store holds.
fn store(name: &str, key: &RegistryKey, tree: &KeyTree, inventory: &mut Inventory) {
    for one in &tree.subkeys {
        let Some(key) = child(key, &one.name) else { continue };
        match read(one) {
            Err(why) => inventory.problem(Problem::Blob { key, why }),
            Ok((blob, certificate)) => {
                let thumbprint = blob.thumbprint();
                if Thumbprint::parse(&one.name) != Ok(thumbprint) {
                    inventory.problem(Problem::Misnamed { key, thumbprint });
                }
                let place = ListedPlace {
                    kind: PlaceKind::Store,
                    name: name.to_owned(),
                    friendly_name: blob.friendly_name(),
                    has_key: blob.key_provider().is_some(),
                    is_archived: blob.archived(),
                };
                inventory.place(&Rc::new(certificate), place);
            }
        }
    }
}

fn read(key: &KeyTree) -> Result<(StoreBlob, Certificate), String> {
    let value = key.values.iter().find(|value| upcase::eq(&value.name, BLOB)).ok_or("it has no value Blob")?;
    let data = value.data.plain().ok_or("its data are a secret")?;
    let blob = StoreBlob::parse(&data.bytes).map_err(|error| error.to_string())?;
    let certificate = Certificate::parse(blob.certificate()).map_err(|error| error.to_string())?;
    Ok((blob, certificate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::certificate_store::StorePlace;

    #[test]
    fn the_layers_are_where_places_say() {
        for layer in LAYERS {
            let place = StorePlace { location: layer.clone(), store: StoreName::parse("My").unwrap() };
            let key = RegistryKey::parse(&format!(r"{}\My\{CERTIFICATES}", layer.stores())).unwrap();
            assert_eq!(place.registry_key(), Some(key));
        }
    }
}

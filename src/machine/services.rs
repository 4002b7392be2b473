//! Which services need which, as the registry tells.

use crate::formats::registry_values::NamedValues;
use crate::formats::service::{DependencyGraph, SERVICES, ServiceName};
use crate::machine::RegistryReader;
use crate::model::fact::{KeyAspects, KeyState, Observed, Unread, ValueSelection};
use crate::model::registry::RegistryKey;

/// What tells a service from a key that only holds settings.
const TYPE: &str = "Type";
const DEPENDENCIES: &str = "DependOnService";

/// The services with what each needs.
///
/// # Errors
/// The services cannot be listed; one whose own key cannot be read needs nothing.
pub fn dependencies(registry: &dyn RegistryReader) -> Observed<DependencyGraph> {
    let unread = |detail: &str| Unread::Failed { what: SERVICES.into(), detail: detail.into() };
    let key = RegistryKey::parse(SERVICES).map_err(|error| unread(&error.message))?;
    let asked = [(key.clone(), KeyAspects { subkeys: true, ..KeyAspects::default() })];
    let names = match registry.read(&asked).pop().ok_or_else(|| unread("nothing was answered"))?? {
        KeyState::Absent { .. } => return Err(unread("the machine has no services")),
        KeyState::Present(fact) => fact.subkeys,
    };
    let aspects =
        KeyAspects { values: ValueSelection::Named(vec![TYPE.into(), DEPENDENCIES.into()]), ..KeyAspects::default() };
    let services: Vec<(ServiceName, RegistryKey)> =
        names.iter().filter_map(|name| Some((name.parse().ok()?, key.child(name).ok()?))).collect();
    let asked: Vec<(RegistryKey, KeyAspects)> =
        services.iter().map(|(_, key)| (key.clone(), aspects.clone())).collect();
    let needs = |(name, _): (ServiceName, RegistryKey), state: Observed<KeyState>| {
        let Ok(KeyState::Present(fact)) = state else { return None };
        fact.value(TYPE)?;
        let data = fact.value(DEPENDENCIES).and_then(|value| value.data.plain());
        let values = NamedValues::new(data.map(|data| (DEPENDENCIES, data)));
        let needed = values.texts(DEPENDENCIES).ok().flatten().unwrap_or_default();
        Some((name, needed.iter().filter_map(|name| name.parse().ok()).collect()))
    };
    Ok(DependencyGraph::new(
        services.into_iter().zip(registry.read(&asked)).filter_map(|(one, state)| needs(one, state)),
    ))
}

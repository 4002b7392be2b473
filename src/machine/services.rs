//! Services: which need which, as the registry tells, and what stops and starts them.

use std::time::Duration;

use crate::formats::registry_values::NamedValues;
use crate::formats::service::{DependencyGraph, SERVICES, ServiceName};
use crate::machine::{RegistryReader, WriteError};
use crate::model::fact::{KeyAspects, KeyState, Observed, Unread, ValueSelection};
use crate::model::probe::ServiceState;
use crate::model::registry::RegistryKey;

/// For how long a service that tells of no progress is waited for where nobody says it.
pub const SERVICE_TIMEOUT: Duration = Duration::from_secs(120);

/// Stops and starts services, one at a time; each call ends when the service has come to its new state.
pub trait ServiceControl {
    /// What a service does; `None` when there is none of this name.
    ///
    /// # Errors
    /// The machine does not tell.
    fn state(&mut self, service: &ServiceName) -> Observed<Option<ServiceState>>;

    /// Stops a service.
    ///
    /// # Errors
    /// It still runs, or did not stop in time.
    fn stop(&mut self, service: &ServiceName) -> Result<(), WriteError>;

    /// Starts a service.
    ///
    /// # Errors
    /// It does not run.
    fn start(&mut self, service: &ServiceName) -> Result<(), WriteError>;
}

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

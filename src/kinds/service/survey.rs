//! All services of a machine, as they are and as they will be: who needs whom, and when each starts. Pure.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::wanted::{Start, State, WantedService};
use crate::formats::registry_values::NamedValues;
use crate::formats::service::{
    Dependencies, DependencyGraph, SERVICES, ServiceName, ServicePart, ServiceSettings, StartType,
};
use crate::kinds::Context;
use crate::model::fact::{Facts, KeyAspects, KeyState, Queries, ValueSelection};
use crate::model::registry::RegistryKey;

/// The entries of a document, by name.
#[derive(Clone, Debug, Default)]
pub struct Services {
    entries: BTreeMap<ServiceName, Arc<WantedService>>,
    /// The turn of each entry in a plan.
    turns: BTreeMap<ServiceName, usize>,
    /// Made once for a plan, whose facts do not change.
    after: OnceLock<Survey>,
}

impl Services {
    pub fn of<'w>(entries: impl Iterator<Item = &'w Arc<WantedService>>) -> Self {
        Self { entries: entries.map(|entry| (entry.name.clone(), Arc::clone(entry))).collect(), ..Self::default() }
    }

    /// Tells in which order a plan has the entries.
    pub fn in_order<'w>(&mut self, entries: impl Iterator<Item = &'w WantedService>) {
        self.turns = entries.enumerate().map(|(turn, entry)| (entry.name.clone(), turn)).collect();
    }

    /// Whether a plan has the entry of one service before that of another.
    pub fn is_before(&self, one: &ServiceName, other: &ServiceName) -> bool {
        matches!((self.turns.get(one), self.turns.get(other)), (Some(one), Some(other)) if one < other)
    }

    pub fn entry(&self, name: &ServiceName) -> Option<&WantedService> {
        self.entries.get(name).map(|entry| &**entry)
    }

    /// All services of the machine as they will be.
    pub fn after(&self, facts: &Facts, context: &Context<'_>) -> &Survey {
        self.after.get_or_init(|| Survey::after(facts, context))
    }

    /// Whether something is asked for that others may feel: who they are is told by all services together.
    fn concern_others(&self, as_of: jiff::Timestamp) -> bool {
        self.entries.values().any(|entry| {
            entry.is_to_be_disabled(as_of) || entry.is_to_be(State::Stopped, as_of) || entry.dependencies.is_some()
        })
    }

    fn is_first(&self, name: &ServiceName) -> bool {
        self.entries.keys().next() == Some(name)
    }
}

/// One service among all.
#[derive(Clone, Debug, Default)]
pub struct Surveyed {
    pub start: Option<StartType>,
    pub needs: Vec<ServiceName>,
}

/// The services that were asked about.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    pub services: BTreeMap<ServiceName, Surveyed>,
    /// Who needs whom.
    pub graph: DependencyGraph,
}

/// Asks for all services where that is needed, once for a document; else for those that the entry's service needs.
pub fn wants(wanted: &WantedService, facts: &Facts, context: &Context<'_>, queries: &mut Queries) {
    if context.services().concern_others(context.as_of) {
        let Some(root) = root().filter(|_| context.services().is_first(&wanted.name)) else { return };
        queries.key(&root, KeyAspects { subkeys: true, ..KeyAspects::default() });
        for name in names(facts) {
            ask(&name, queries);
        }
        return;
    }
    let will_start = wanted.start_at(context.as_of).is_some_and(|start| start.value != Start::Disabled);
    if will_start || wanted.is_to_be(State::Running, context.as_of) {
        let needs = surveyed(&wanted.name, facts).map(|found| found.needs).unwrap_or_default();
        needs.iter().for_each(|name| ask(name, queries));
    }
}

fn ask(name: &ServiceName, queries: &mut Queries) {
    let parts = [ServicePart::Kind, ServicePart::Start, ServicePart::Dependencies];
    let names = parts.iter().flat_map(|part| part.values()).map(|name| (*name).into());
    let values = ValueSelection::Named(names.collect());
    if let Some(key) = key(name) {
        queries.key(&key, KeyAspects { values, ..KeyAspects::default() });
    }
}

fn root() -> Option<RegistryKey> {
    RegistryKey::parse(SERVICES).ok()
}

fn key(name: &ServiceName) -> Option<RegistryKey> {
    root()?.child(name.as_str()).ok()
}

/// The names of all services, where they were asked for.
fn names(facts: &Facts) -> Vec<ServiceName> {
    let found = root().and_then(|root| match facts.key(&root) {
        Some(Ok(KeyState::Present(fact))) => Some(&fact.subkeys),
        _ => None,
    });
    found.into_iter().flatten().filter_map(|name| name.parse().ok()).collect()
}

/// A service as it is, where it was asked about and is one; a part that cannot be read is missing.
fn surveyed(name: &ServiceName, facts: &Facts) -> Option<Surveyed> {
    let Some(Ok(KeyState::Present(fact))) = facts.key(&key(name)?) else { return None };
    let read = |part: ServicePart| {
        let named = part.values().iter().filter_map(|name| Some((*name, fact.value(name)?.data.plain()?)));
        ServiceSettings::read(&NamedValues::new(named), []).ok()
    };
    // What has no type is no service.
    read(ServicePart::Kind)?.service_type?;
    Some(Surveyed {
        start: read(ServicePart::Start).and_then(|settings| settings.start),
        needs: read(ServicePart::Dependencies).map(|settings| settings.dependencies.services).unwrap_or_default(),
    })
}

/// Whether a service is there, where that was asked.
pub fn is_there(name: &ServiceName, facts: &Facts) -> Option<bool> {
    match facts.key(&key(name)?) {
        Some(Ok(KeyState::Present(_))) => Some(true),
        Some(Ok(KeyState::Absent { .. })) => Some(false),
        Some(Err(_)) => None,
        None => {
            let all = names(facts);
            (!all.is_empty()).then(|| all.contains(name))
        }
    }
}

/// What a service will need.
pub fn needs_after(name: &ServiceName, facts: &Facts, context: &Context<'_>) -> Vec<ServiceName> {
    let found = surveyed(name, facts).map(|found| found.needs).unwrap_or_default();
    needs_by(name, found, context)
}

fn needs_by(name: &ServiceName, found: Vec<ServiceName>, context: &Context<'_>) -> Vec<ServiceName> {
    let wanted = context.services().entry(name).and_then(|wanted| wanted.dependencies.as_ref());
    let found = Dependencies { services: found, groups: Vec::new() };
    wanted.map_or_else(|| found.services.clone(), |wanted| wanted.value.applied_to(&found).services)
}

/// When a service will start, where that was asked.
pub fn start_after(name: &ServiceName, facts: &Facts, context: &Context<'_>) -> Option<StartType> {
    let wanted = context.services().entry(name).and_then(|wanted| wanted.start_at(context.as_of));
    wanted.map(|start| start.value.start_type()).or_else(|| surveyed(name, facts)?.start)
}

impl Survey {
    /// All services as they are.
    pub fn found(facts: &Facts, context: &Context<'_>) -> Self {
        let named = context.services().entries.keys().cloned();
        let all = names(facts).into_iter().chain(named);
        Self::of(all.filter_map(|name| surveyed(&name, facts).map(|found| (name, found))).collect())
    }

    /// All services as they will be.
    fn after(facts: &Facts, context: &Context<'_>) -> Self {
        let mut services = Self::found(facts, context).services;
        for (name, service) in &mut services {
            let Some(wanted) = context.services().entry(name) else { continue };
            if let Some(start) = wanted.start_at(context.as_of) {
                service.start = Some(start.value.start_type());
            }
            service.needs = needs_by(name, std::mem::take(&mut service.needs), context);
        }
        Self::of(services)
    }

    fn of(services: BTreeMap<ServiceName, Surveyed>) -> Self {
        let graph = DependencyGraph::new(services.iter().map(|(name, found)| (name.clone(), found.needs.clone())));
        Self { services, graph }
    }
}

impl Surveyed {
    /// Whether Windows starts it by itself.
    pub const fn starts_by_itself(&self) -> bool {
        matches!(self.start, Some(StartType::Boot | StartType::System | StartType::Automatic | StartType::Delayed))
    }
}

//! The firewall as it will be when a plan is done: what is there, with every step of the plan that touches it. Pure.

use std::collections::HashMap;

use super::existing::{self, Existing, Found, Rules, index};
use super::places;
use crate::formats::firewall::decide::PolicyRule;
use crate::formats::firewall::{GroupPolicyProfiles, LocalProfiles, Profile, ProfileSettings, Store};
use crate::formats::upcase;
use crate::model::fact::{Facts, KeyFact};
use crate::model::operation::{Expression, Operation};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::{REG_DWORD, RegistryData};
use crate::model::verdict::Decision;

/// The firewall as it will be.
pub struct After<'e> {
    before: &'e Existing,
    local: Changes,
    group: Changes,
    /// Settings that change, by the place of their key.
    settings: HashMap<Place, Vec<Change>>,
    local_profiles: LocalProfiles,
    group_profiles: GroupPolicyProfiles,
}

/// The name of a value and what it says from then on; none when it goes, or says nothing.
type Change = (Box<str>, Option<u32>);

/// What becomes of the rules of a store.
#[derive(Default)]
struct Changes {
    /// By folded id; none for rules that go.
    changed: HashMap<String, Option<Found>>,
    /// All that are there now go.
    cleared: bool,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.changed.is_empty() && !self.cleared
    }

    /// The rules of a store, with the changes.
    fn over<'r>(&'r self, before: &'r Rules) -> impl Iterator<Item = &'r PolicyRule> {
        let stays = |id: &String| !self.cleared && !self.changed.contains_key(id);
        let kept = before.by_id.iter().filter(move |(id, _)| stays(id)).filter_map(|(_, found)| found.policy());
        kept.chain(self.changed.values().filter_map(|found| found.as_ref()?.policy()))
    }
}

/// A key with settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Local(usize),
    Group(usize),
    Standard,
}

impl<'e> After<'e> {
    pub fn of(before: &'e Existing, facts: &Facts, decisions: &[Decision]) -> Self {
        let mut after = Self {
            before,
            local: Changes::default(),
            group: Changes::default(),
            settings: HashMap::new(),
            local_profiles: before.local_profiles,
            group_profiles: before.group_profiles,
        };
        for operation in decisions.iter().flat_map(Decision::operations) {
            operation.plain_steps().iter().for_each(|step| after.take(step));
        }
        after.settle(facts);
        after
    }

    /// Whether the plan leaves the firewall as it is.
    pub fn is_unchanged(&self) -> bool {
        self.local.is_empty() && self.group.is_empty() && self.settings.is_empty()
    }

    fn take(&mut self, step: &Operation) {
        let (Some(keys), Some(key)) = (places::firewall(), step.registry_key()) else { return };
        let place = |keys: &[RegistryKey]| keys.iter().position(|each| each == key);
        let store = match key {
            _ if *key == keys.rules => Some(Store::Local),
            _ if *key == keys.group_rules => Some(Store::GroupPolicy),
            _ => None,
        };
        if let Some(store) = store {
            let changes = if store == Store::Local { &mut self.local } else { &mut self.group };
            match step {
                Operation::PutRegistryValue { name, after, .. } => {
                    let found = existing::read(store, name, plain(after));
                    changes.changed.insert(upcase::fold(name), Some(found));
                }
                Operation::RemoveRegistryValue { name, .. } => _ = changes.changed.insert(upcase::fold(name), None),
                Operation::RemoveRegistryTree { .. } => *changes = Changes { cleared: true, ..Changes::default() },
                _ => {}
            }
            return;
        }
        let found = place(&keys.profiles).map(Place::Local);
        let found = found.or_else(|| place(&keys.group_profiles).map(Place::Group));
        let Some(place) = found.or_else(|| (*key == keys.group_standard).then_some(Place::Standard)) else { return };
        let (name, value) = match step {
            Operation::PutRegistryValue { name, after, .. } => {
                let data = plain(after).filter(|data| data.value_type == REG_DWORD);
                (name, data.and_then(|data| u32::try_from(data.number()?).ok()))
            }
            Operation::RemoveRegistryValue { name, .. } => (name, None),
            _ => return,
        };
        self.settings.entry(place).or_default().push((name.clone(), value));
    }

    /// Puts the settings that change over those that are there.
    fn settle(&mut self, facts: &Facts) {
        let Some(keys) = places::firewall() else { return };
        for (place, changes) in &self.settings {
            let key = match place {
                Place::Local(at) => keys.profiles.get(*at),
                Place::Group(at) => keys.group_profiles.get(*at),
                Place::Standard => Some(&keys.group_standard),
            };
            let fact = key.and_then(|key| places::found(key, facts).ok().flatten());
            let settings = overlaid(fact, changes);
            match place {
                Place::Local(at) => set(&mut self.local_profiles, *at, settings),
                Place::Group(at) => set_group(&mut self.group_profiles, *at, settings),
                Place::Standard => self.group_profiles.standard = Some(settings),
            }
        }
    }

    pub fn local_profiles(&self) -> &LocalProfiles {
        &self.local_profiles
    }

    pub fn group_profiles(&self) -> &GroupPolicyProfiles {
        &self.group_profiles
    }

    /// All rules that will be there, in no order.
    pub fn rules(&self) -> impl Iterator<Item = &PolicyRule> {
        self.local.over(&self.before.local).chain(self.group.over(&self.before.group))
    }
}

fn plain(expression: &Expression) -> Option<&RegistryData> {
    match expression {
        Expression::Registry(data) => Some(data),
        _ => None,
    }
}

fn overlaid(fact: Option<&KeyFact>, changes: &[Change]) -> ProfileSettings {
    let mut found = fact.map(existing::settings).unwrap_or_default();
    for (name, value) in changes {
        let value = value.unwrap_or(u32::MAX);
        // What is removed says nothing any more.
        let one =
            ProfileSettings::read([(&**name, value)].into_iter().filter(|(_, value)| *value <= 1)).unwrap_or_default();
        let named = |other: &str| name.eq_ignore_ascii_case(other);
        if named("EnableFirewall") {
            found.enabled = one.enabled;
        } else if named("DefaultInboundAction") {
            found.inbound = one.inbound;
        } else if named("DefaultOutboundAction") {
            found.outbound = one.outbound;
        } else if named("DoNotAllowExceptions") {
            found.no_exceptions = one.no_exceptions;
        } else if named("AllowLocalPolicyMerge") {
            found.local_rules = one.local_rules;
        }
    }
    found
}

fn set(profiles: &mut LocalProfiles, at: usize, settings: ProfileSettings) {
    for profile in Profile::ALL.iter().filter(|profile| index(**profile) == at) {
        match profile {
            Profile::Domain => profiles.domain = settings,
            Profile::Private => profiles.private = settings,
            Profile::Public => profiles.public = settings,
        }
    }
}

fn set_group(profiles: &mut GroupPolicyProfiles, at: usize, settings: ProfileSettings) {
    for profile in Profile::ALL.iter().filter(|profile| index(**profile) == at) {
        match profile {
            Profile::Domain => profiles.domain = Some(settings),
            Profile::Private => profiles.private = Some(settings),
            Profile::Public => profiles.public = Some(settings),
        }
    }
}

//! The firewall as it is: its rules read once for all entries, and the settings of its profiles. Pure.

use std::collections::HashMap;

use super::places::{self, FirewallKeys};
use crate::formats::firewall::decide::{PolicyRule, RuleId, UnreadableError};
use crate::formats::firewall::{
    GroupPolicyProfiles, LocalProfiles, POLICY_VERSION, Profile, ProfileSettings, Rule, RuleText, RuleVersion, Store,
};
use crate::formats::upcase;
use crate::model::fact::{Facts, KeyFact, Unread, ValueFact};
use crate::model::registry_data::{REG_DWORD, REG_SZ, Reading, RegistryData};

/// A value among the rules.
#[derive(Debug)]
pub enum Found {
    Rule {
        text: RuleText,
        policy: Box<PolicyRule>,
    },
    /// A text whose fields are not all understood.
    Strange {
        text: RuleText,
        error: UnreadableError,
    },
    /// No rule at all.
    Damaged(String),
}

/// The rules of a store by folded id.
#[derive(Debug, Default)]
pub struct Rules {
    pub by_id: HashMap<String, Found>,
}

/// The firewall as it is.
#[derive(Debug, Default)]
pub struct Existing {
    pub local: Rules,
    pub group: Rules,
    pub local_profiles: LocalProfiles,
    pub group_profiles: GroupPolicyProfiles,
    /// The version in which new rules are written.
    pub version: Option<RuleVersion>,
    /// Why the local rules could not be read.
    pub unread: Option<Unread>,
}

impl Found {
    pub fn policy(&self) -> Option<&PolicyRule> {
        match self {
            Self::Rule { policy, .. } => Some(policy),
            Self::Strange { .. } | Self::Damaged(_) => None,
        }
    }

    pub fn rule(&self) -> Option<&Rule> {
        self.policy().map(|policy| &policy.rule)
    }
}

/// Reads the data of a rule's value.
pub fn read(store: Store, name: &str, data: Option<&RegistryData>) -> Found {
    let text = match data.map(|data| (data.value_type, data.reading())) {
        Some((REG_SZ, Reading::Text(text))) => text,
        _ => return Found::Damaged("it is no text".into()),
    };
    match RuleText::parse(&text) {
        Ok(parsed) => match PolicyRule::of_text(RuleId { store, id: name.to_owned() }, &parsed) {
            Ok(policy) => Found::Rule { text: parsed, policy: Box::new(policy) },
            Err(error) => Found::Strange { text: parsed, error },
        },
        Err(error) => Found::Damaged(error.to_string()),
    }
}

impl Rules {
    fn of(store: Store, fact: Option<&KeyFact>) -> Self {
        let values: Vec<&ValueFact> = fact.map(KeyFact::values).unwrap_or_default();
        let rule = |value: &&ValueFact| (upcase::fold(&value.name), read(store, &value.name, value.data.plain()));
        Self { by_id: values.iter().map(rule).collect() }
    }

    /// The rule of an id.
    pub fn get(&self, id: &str) -> Option<&Found> {
        self.by_id.get(&upcase::fold(id))
    }
}

impl Existing {
    pub fn read(facts: &Facts) -> Self {
        let Some(keys) = places::firewall() else { return Self::default() };
        let fact = |key| places::found(key, facts);
        let (local, unread) = match fact(&keys.rules) {
            Ok(found) => (Rules::of(Store::Local, found), None),
            Err(unread) => (Rules::default(), Some(unread)),
        };
        let policy = fact(&keys.policy).ok().flatten();
        let stated = policy.and_then(|fact| dword(fact, POLICY_VERSION)).and_then(RuleVersion::from_policy_version);
        let neighbours = local.by_id.values().filter_map(|found| match found {
            Found::Rule { text, .. } | Found::Strange { text, .. } => Some(text.version()),
            Found::Damaged(_) => None,
        });
        Self {
            version: neighbours.max().or(stated),
            local,
            group: Rules::of(Store::GroupPolicy, fact(&keys.group_rules).ok().flatten()),
            local_profiles: local_profiles(keys, facts),
            group_profiles: group_profiles(keys, facts),
            unread,
        }
    }
}

fn dword(fact: &KeyFact, name: &str) -> Option<u32> {
    let data = fact.value(name)?.data.plain()?;
    if data.value_type == REG_DWORD { data.number().and_then(|number| u32::try_from(number).ok()) } else { None }
}

/// The settings that a key's values say; a value that Windows does not know says nothing.
pub fn settings(fact: &KeyFact) -> ProfileSettings {
    let values = fact.values();
    let numbers: Vec<(&str, u32)> =
        values.iter().filter_map(|value| Some((&*value.name, dword(fact, &value.name)?))).collect();
    ProfileSettings::read(numbers.iter().copied().filter(|(_, number)| *number <= 1)).unwrap_or_default()
}

fn local_profiles(keys: &FirewallKeys, facts: &Facts) -> LocalProfiles {
    let mut found = keys.profiles.iter().map(|key| places::found(key, facts).ok().flatten().map(settings));
    let mut next = || found.next().flatten().unwrap_or_default();
    LocalProfiles { domain: next(), private: next(), public: next() }
}

fn group_profiles(keys: &FirewallKeys, facts: &Facts) -> GroupPolicyProfiles {
    let of = |key| places::found(key, facts).ok().flatten().map(settings);
    let mut found = keys.group_profiles.iter().map(of);
    let mut next = || found.next().flatten();
    GroupPolicyProfiles { domain: next(), private: next(), public: next(), standard: of(&keys.group_standard) }
}

/// The place of a profile in lists of all.
pub const fn index(profile: Profile) -> usize {
    match profile {
        Profile::Domain => 0,
        Profile::Private => 1,
        Profile::Public => 2,
    }
}

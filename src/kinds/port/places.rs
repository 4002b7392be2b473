//! The keys in which the firewall, http.sys and RPC keep what entries speak of, and the facts about them. Pure; decides nothing.

use std::sync::LazyLock;

use crate::formats::firewall::{
    GROUP_POLICY_RULES, LOCAL_POLICY, LOCAL_RULES, Profile, group_policy_profile_key,
    group_policy_standard_profile_key, local_profile_key,
};
use crate::formats::http_sys::{BindingKind, PARAMETERS, RESERVATIONS};
use crate::formats::rpc_ports;
use crate::model::fact::{Facts, KeyAspects, KeyFact, KeyState, Observed, Queries, Unread, ValueSelection};
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;

/// The keys of the firewall.
pub struct FirewallKeys {
    pub policy: RegistryKey,
    pub rules: RegistryKey,
    pub group_rules: RegistryKey,
    /// In the order of [`Profile::ALL`].
    pub profiles: Vec<RegistryKey>,
    pub group_profiles: Vec<RegistryKey>,
    pub group_standard: RegistryKey,
}

fn fixed(paths: &[&str]) -> Vec<RegistryKey> {
    paths.iter().filter_map(|path| RegistryKey::parse(path).ok()).collect()
}

static FIREWALL: LazyLock<Option<FirewallKeys>> = LazyLock::new(|| {
    let key = |path: &str| RegistryKey::parse(path).ok();
    let of_profiles =
        |path: fn(Profile) -> &'static str| fixed(&Profile::ALL.iter().map(|one| path(*one)).collect::<Vec<_>>());
    Some(FirewallKeys {
        policy: key(LOCAL_POLICY)?,
        rules: key(LOCAL_RULES)?,
        group_rules: key(GROUP_POLICY_RULES)?,
        profiles: of_profiles(local_profile_key),
        group_profiles: of_profiles(group_policy_profile_key),
        group_standard: key(group_policy_standard_profile_key())?,
    })
});

/// The keys of the firewall; there are always some.
pub fn firewall() -> Option<&'static FirewallKeys> {
    FIREWALL.as_ref()
}

/// The key whose values are reservations of URLs.
pub fn reservations() -> Option<RegistryKey> {
    RegistryKey::parse(&format!(r"{PARAMETERS}\{RESERVATIONS}")).ok()
}

/// The key of RPC's ports.
pub fn rpc() -> Option<RegistryKey> {
    RegistryKey::parse(rpc_ports::KEY).ok()
}

/// Asks for the values of the firewall's keys.
pub fn ask_firewall(facts: &Facts, queries: &mut Queries) {
    let Some(keys) = firewall() else { return };
    // Thousands of entries ask the same.
    if facts.key(&keys.rules).is_some() || queries.keys().iter().any(|(key, _)| *key == keys.rules) {
        return;
    }
    let all = || KeyAspects { values: ValueSelection::All, ..KeyAspects::default() };
    let single = [&keys.policy, &keys.rules, &keys.group_rules, &keys.group_standard];
    for key in single.into_iter().chain(&keys.profiles).chain(&keys.group_profiles) {
        queries.key(key, all());
    }
}

/// Asks for all bindings of http.sys.
pub fn ask_bindings(queries: &mut Queries) {
    for key in BindingKind::ALL.into_iter().filter_map(BindingKind::key) {
        queries.key(&key, KeyAspects { tree: true, ..KeyAspects::default() });
    }
}

/// Asks for all values of a key.
pub fn ask_values(key: Option<RegistryKey>, queries: &mut Queries) {
    if let Some(key) = key {
        queries.key(&key, KeyAspects { values: ValueSelection::All, ..KeyAspects::default() });
    }
}

/// What is known of a key; none when it is not there.
///
/// # Errors
/// It could not be read, or nobody asked.
pub fn found<'f>(key: &RegistryKey, facts: &'f Facts) -> Observed<Option<&'f KeyFact>> {
    match facts.key(key) {
        Some(Ok(KeyState::Present(fact))) => Ok(Some(fact)),
        Some(Ok(KeyState::Absent { .. })) => Ok(None),
        Some(Err(unread)) => Err(unread.clone()),
        None => Err(Unread::Failed { what: key.to_string(), detail: "the machine was not asked".into() }),
    }
}

/// The steps that make a key and the missing ones above it.
pub fn creations(key: &RegistryKey, facts: &Facts) -> Vec<Operation> {
    let Some(Ok(KeyState::Absent { ancestor })) = facts.key(key) else { return Vec::new() };
    let mut missing: Vec<Operation> = std::iter::successors(Some(key.clone()), RegistryKey::parent)
        .take_while(|key| key.is_below(ancestor))
        .map(|key| Operation::CreateRegistryKey { key })
        .collect();
    missing.reverse();
    missing
}

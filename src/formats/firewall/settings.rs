//! Settings of a profile, as a store has them and as they hold once local policy and group policy are put together.

use std::fmt;

use super::places::Store;
use super::terms::Profile;

/// What happens to traffic that no rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefaultAction {
    Allow,
    Block,
}

/// What a store says of a profile; what it doesn't say is none.
///
/// Source: [MS-GPFAS] 2.2.3; the local store has values of the same names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProfileSettings {
    /// `EnableFirewall`
    pub enabled: Option<bool>,
    /// `DefaultInboundAction`
    pub inbound: Option<DefaultAction>,
    /// `DefaultOutboundAction`
    pub outbound: Option<DefaultAction>,
    /// `DoNotAllowExceptions`: blocks all that comes in, whatever the rules say.
    pub no_exceptions: Option<bool>,
    /// `DisableNotifications`
    pub no_notifications: Option<bool>,
    /// `AllowLocalPolicyMerge`, of group policy only: whether local rules hold.
    pub local_rules: Option<bool>,
}

/// Why a setting cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is {value}, where Windows knows 0 and 1")]
pub struct SettingError {
    pub name: String,
    pub value: u32,
}

/// What Windows takes a local setting for whose value is missing, as its DWORD says it; off for any other name.
///
/// Source: [MS-FASP] 2.2.38.
pub fn profile_default(name: &str) -> bool {
    // The firewall is on and blocks what comes in.
    ["EnableFirewall", "DefaultInboundAction"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The settings of every profile in the local store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocalProfiles {
    pub domain: ProfileSettings,
    pub private: ProfileSettings,
    pub public: ProfileSettings,
}

/// The settings of every profile in group policy; none where the key isn't there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupPolicyProfiles {
    pub domain: Option<ProfileSettings>,
    pub private: Option<ProfileSettings>,
    pub public: Option<ProfileSettings>,
    /// `StandardProfile`, which holds for the private and the public profile when neither has a key.
    pub standard: Option<ProfileSettings>,
}

impl fmt::Display for DefaultAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Block => "block",
        })
    }
}

impl ProfileSettings {
    /// Reads the DWORD values of a profile's key; values of other names are passed over.
    ///
    /// # Errors
    /// One of them is neither 0 nor 1.
    pub fn read<'a>(values: impl IntoIterator<Item = (&'a str, u32)>) -> Result<Self, SettingError> {
        let mut settings = Self::default();
        for (name, value) in values {
            let named = |other: &str| name.eq_ignore_ascii_case(other);
            let switch = || match value {
                0 | 1 => Ok(Some(value == 1)),
                _ => Err(SettingError { name: name.to_owned(), value }),
            };
            let action = |blocks: bool| if blocks { DefaultAction::Block } else { DefaultAction::Allow };
            if named("EnableFirewall") {
                settings.enabled = switch()?;
            } else if named("DefaultInboundAction") {
                settings.inbound = switch()?.map(action);
            } else if named("DefaultOutboundAction") {
                settings.outbound = switch()?.map(action);
            } else if named("DoNotAllowExceptions") {
                settings.no_exceptions = switch()?;
            } else if named("DisableNotifications") {
                settings.no_notifications = switch()?;
            } else if named("AllowLocalPolicyMerge") {
                settings.local_rules = switch()?;
            }
        }
        Ok(settings)
    }
}

impl LocalProfiles {
    pub fn of(&self, profile: Profile) -> ProfileSettings {
        match profile {
            Profile::Domain => self.domain,
            Profile::Private => self.private,
            Profile::Public => self.public,
        }
    }
}

impl GroupPolicyProfiles {
    /// What group policy says of a profile. Source: [MS-GPFAS] 2.2.3.
    pub fn of(&self, profile: Profile) -> ProfileSettings {
        // Default actions and the merging of rules have no meaning in the older key.
        let standard = self
            .standard
            .filter(|_| self.private.is_none() && self.public.is_none())
            .map(|standard| ProfileSettings { inbound: None, outbound: None, local_rules: None, ..standard });
        let found = match profile {
            Profile::Domain => self.domain,
            Profile::Private => self.private.or(standard),
            Profile::Public => self.public.or(standard),
        };
        found.unwrap_or_default()
    }
}

/// A setting as it holds, and the store that says so; none when it is Windows' own default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding<T> {
    pub value: T,
    pub store: Option<Store>,
}

/// The settings of a profile as they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveSettings {
    pub enabled: Holding<bool>,
    pub inbound: Holding<DefaultAction>,
    pub outbound: Holding<DefaultAction>,
    pub no_exceptions: Holding<bool>,
    pub local_rules: Holding<bool>,
}

impl EffectiveSettings {
    /// Puts the stores together: each setting has its own law. Source: [MS-FASP] 2.2.38.
    pub fn new(local: ProfileSettings, group: ProfileSettings) -> Self {
        let no_exceptions = [(group.no_exceptions, Store::GroupPolicy), (local.no_exceptions, Store::Local)];
        let shut = no_exceptions.into_iter().find(|(setting, _)| *setting == Some(true));
        Self {
            enabled: first(group.enabled, local.enabled, true),
            inbound: first(group.inbound, local.inbound, DefaultAction::Block),
            outbound: first(group.outbound, local.outbound, DefaultAction::Allow),
            // Here "on" wins, wherever it is said.
            no_exceptions: Holding { value: shut.is_some(), store: shut.map(|(_, store)| store) },
            // Only group policy is asked.
            local_rules: first(group.local_rules, None, true),
        }
    }
}

fn first<T>(group: Option<T>, local: Option<T>, otherwise: T) -> Holding<T> {
    match (group, local) {
        (Some(value), _) => Holding { value, store: Some(Store::GroupPolicy) },
        (None, Some(value)) => Holding { value, store: Some(Store::Local) },
        (None, None) => Holding { value: otherwise, store: None },
    }
}

//! Where the firewall's rules and settings lie in the registry.
//! Services have rules of their own (`RestrictedServices`) and so have packaged apps; those are Windows' and not told of here.

use super::terms::Profile;

/// The key of the local policy.
pub const LOCAL_POLICY: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy";
/// The key whose values are the local rules, each named by its id.
pub const LOCAL_RULES: &str =
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules";
/// The key of group policy. Source: [MS-GPFAS] 2.2.
pub const GROUP_POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall";
/// The key whose values are the rules of group policy.
pub const GROUP_POLICY_RULES: &str = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules";
/// The DWORD value of either policy's key that holds the version of its rules.
pub const POLICY_VERSION: &str = "PolicyVersion";

/// Whose a rule or a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Store {
    Local,
    GroupPolicy,
}

impl std::fmt::Display for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Local => "local policy",
            Self::GroupPolicy => "group policy",
        })
    }
}

/// The key whose values are the rules of a store.
pub const fn rules_key(store: Store) -> &'static str {
    match store {
        Store::Local => LOCAL_RULES,
        Store::GroupPolicy => GROUP_POLICY_RULES,
    }
}

/// The key of a profile's local settings; the private profile's is `StandardProfile`.
pub const fn local_profile_key(profile: Profile) -> &'static str {
    match profile {
        Profile::Domain => {
            r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\DomainProfile"
        }
        Profile::Private => {
            r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\StandardProfile"
        }
        Profile::Public => {
            r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\PublicProfile"
        }
    }
}

/// The key of a profile's settings in group policy.
pub const fn group_policy_profile_key(profile: Profile) -> &'static str {
    match profile {
        Profile::Domain => r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\DomainProfile",
        Profile::Private => r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\PrivateProfile",
        Profile::Public => r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\PublicProfile",
    }
}

/// The older key that stands for the private and the public profile, as long as neither has its own.
pub const fn group_policy_standard_profile_key() -> &'static str {
    r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\StandardProfile"
}

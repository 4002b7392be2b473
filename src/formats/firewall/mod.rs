//! Windows Defender Firewall as it lies in the registry: rules as text and as what they say, settings of profiles, places,
//! and what all of it together lets in. Pure; the running firewall is another matter.

mod addresses;
mod aspect;
pub mod decide;
mod draft;
mod field;
pub mod interface;
mod ip;
mod places;
mod ports;
mod rule;
mod settings;
mod terms;
mod text;
mod traffic;
mod write;

pub use addresses::{AddressError, AddressKeyword, Addresses, Family};
pub use aspect::Aspect;
pub use field::FieldError;
pub use ip::{IpRange, IpRangeError, IpSet, Ipv4Range, Ipv6Range};
pub use places::{
    GROUP_POLICY, GROUP_POLICY_RULES, LOCAL_POLICY, LOCAL_RULES, POLICY_VERSION, Store, group_policy_profile_key,
    group_policy_standard_profile_key, local_profile_key, rules_key,
};
pub use ports::{LocalPortKeyword, PortKeyword, Ports, RemotePortKeyword};
pub use rule::{FieldDifference, Rule, RuleError};
pub use settings::{
    DefaultAction, EffectiveSettings, GroupPolicyProfiles, Holding, LocalProfiles, ProfileSettings, SettingError,
    profile_default,
};
pub use terms::{
    Action, Direction, EdgeTraversal, FieldText, FieldTextError, InterfaceType, Profile, Profiles, Program, ServiceName,
};
pub use text::{Field, RuleText, RuleTextError, RuleVersion};
pub use traffic::{IcmpType, IcmpTypeError, IcmpTypes, OtherProtocol, Protocol, ProtocolError, Traffic};

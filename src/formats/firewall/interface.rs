//! A rule in the units of Windows' own management interface, which names a rule by the id that it has in the registry.
//! What the interface has no word for is refused here, before anything is changed.
//!
//! Source: Microsoft, *MSFT_NetFirewallRule*, *MSFT_NetProtocolPortFilter*, *MSFT_NetAddressFilter*, *MSFT_NetInterfaceTypeFilter* for the
//! numbers, *New-NetFirewallRule* for the names and words of conditions.

use std::collections::BTreeMap;

use super::addresses::{AddressKeyword, Addresses, Family};
use super::aspect::Aspect;
use super::ports::{LocalPortKeyword, PortKeyword, Ports, RemotePortKeyword};
use super::rule::{Rule, RuleError};
use super::terms::{Action, Direction, EdgeTraversal, FieldText, InterfaceType, Profile, Profiles};
use super::text::{Field, RuleText};
use super::traffic::{IcmpTypes, Protocol};

/// The class of rules.
pub const RULE_CLASS: &str = "MSFT_NetFirewallRule";
/// The property that is the rule's id, the name of its value in the registry.
pub const ID: &str = "InstanceID";

/// What a property or a condition is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing: what was there goes.
    Nothing,
    Text(String),
    Texts(Vec<String>),
    Number(u16),
    Switch(bool),
}

/// A rule as the interface takes it, but for its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceRule {
    /// Properties of [`RULE_CLASS`].
    pub properties: BTreeMap<&'static str, Given>,
    /// What the rule holds for: named values beside the call, which Windows makes the rule's filters from.
    pub conditions: BTreeMap<&'static str, Given>,
}

/// Why the interface cannot be given a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InterfaceError {
    #[error("the rule is not understood")]
    Rule(#[from] RuleError),
    #[error("the interface makes no rule of the action {action}")]
    Action { action: Action },
    #[error("the interface makes no rule without a name")]
    NoName,
    #[error("the interface has no word for the {aspect} {word}")]
    Word { aspect: Aspect, word: String },
    #[error("nothing of the interface is known for the field `{name}={value}`")]
    Field { name: String, value: String },
}

/// Stands for every port, address, program and service.
const ANY: &str = "Any";

impl InterfaceRule {
    /// Puts a rule's text into the interface's terms.
    ///
    /// # Errors
    /// The interface cannot say all of it.
    pub fn of(text: &RuleText) -> Result<Self, InterfaceError> {
        let rule = Rule::from_text(text)?;
        let name = rule.name.as_ref().ok_or(InterfaceError::NoName)?;
        let text_or_nothing = |text: &Option<FieldText>| match text {
            Some(text) => Given::Text(text.as_str().to_owned()),
            None => Given::Nothing,
        };
        let properties = BTreeMap::from([
            ("ElementName", Given::Text(name.as_str().to_owned())),
            ("Description", text_or_nothing(&rule.description)),
            ("RuleGroup", text_or_nothing(&rule.group)),
            ("Enabled", Given::Number(if rule.active { 1 } else { 2 })),
            ("Action", Given::Number(action(rule.action)?)),
            ("Direction", Given::Number(direction(rule.direction))),
            ("Profiles", Given::Number(profiles(rule.profiles))),
            ("EdgeTraversalPolicy", Given::Number(edge(rule.edge_traversal))),
        ]);
        let mut made = Self { properties, conditions: conditions(&rule)? };
        made.take_others(text)?;
        Ok(made)
    }

    /// Whether two rules are given the same properties and conditions, whatever is given in them.
    ///
    /// Only then can one become the other by a change: what is left out of a call stays as it is.
    pub fn has_shape_of(&self, other: &Self) -> bool {
        self.properties.keys().eq(other.properties.keys()) && self.conditions.keys().eq(other.conditions.keys())
    }

    /// The fields that no document speaks of, as the rules of Windows and of packaged apps have them.
    fn take_others(&mut self, text: &RuleText) -> Result<(), InterfaceError> {
        for field in text.unknown_fields() {
            let text = || Given::Text(field.value().to_owned());
            if field.is_named("LUOwn") {
                self.properties.insert("Owner", text());
            } else if field.is_named("LOM") {
                self.properties.insert("LocalOnlyMapping", switch(field)?);
            } else if field.is_named("LSM") {
                self.properties.insert("LooseSourceMapping", switch(field)?);
            } else if field.is_named("AppPkgId") {
                self.conditions.insert("Package", text());
            } else if field.is_named("LUAuth") {
                self.conditions.insert("LocalUser", text());
            } else if !field.is_named("Platform") && !field.is_named("Platform2") {
                return Err(strange(field));
            }
        }
        if let Some(platforms) = platforms(text)? {
            self.properties.insert("Platforms", Given::Texts(platforms));
        }
        Ok(())
    }
}

fn strange(field: &Field) -> InterfaceError {
    InterfaceError::Field { name: field.name().to_owned(), value: field.value().to_owned() }
}

fn switch(field: &Field) -> Result<Given, InterfaceError> {
    match field.value() {
        value if value.eq_ignore_ascii_case("TRUE") => Ok(Given::Switch(true)),
        value if value.eq_ignore_ascii_case("FALSE") => Ok(Given::Switch(false)),
        _ => Err(strange(field)),
    }
}

/// Versions of Windows: `Platform=2:6:2` is `6.2`, and with `Platform2=GTEQ` the last of them is `6.2+`.
///
/// Source: [MS-GPFAS] 2.2.2.19; the 2 is that of Windows NT.
fn platforms(text: &RuleText) -> Result<Option<Vec<String>>, InterfaceError> {
    let mut found: Vec<String> = Vec::new();
    let mut or_later = false;
    for field in text.unknown_fields() {
        if field.is_named("Platform") {
            let parts: Vec<&str> = field.value().split(':').collect();
            let is_number = |part: &str| part.parse::<u8>().is_ok();
            match parts.as_slice() {
                ["2", major, minor] if is_number(major) && is_number(minor) => found.push(format!("{major}.{minor}")),
                _ => return Err(strange(field)),
            }
        } else if field.is_named("Platform2") {
            or_later = field.value().eq_ignore_ascii_case("GTEQ");
            if !or_later || found.is_empty() {
                return Err(strange(field));
            }
        }
    }
    if let Some(last) = found.last_mut().filter(|_| or_later) {
        last.push('+');
    }
    Ok((!found.is_empty()).then_some(found))
}

fn action(action: Action) -> Result<u16, InterfaceError> {
    match action {
        Action::Allow => Ok(2),
        Action::Block => Ok(4),
        // It is made by conditions on authenticated connections, which are not written.
        Action::Bypass => Err(InterfaceError::Action { action }),
    }
}

const fn direction(direction: Direction) -> u16 {
    match direction {
        Direction::In => 1,
        Direction::Out => 2,
    }
}

fn profiles(profiles: Profiles) -> u16 {
    if profiles == Profiles::ALL {
        return 0;
    }
    profiles.iter().fold(0, |bits, profile| {
        bits | match profile {
            Profile::Domain => 1,
            Profile::Private => 2,
            Profile::Public => 4,
        }
    })
}

const fn edge(edge: EdgeTraversal) -> u16 {
    match edge {
        EdgeTraversal::Off => 0,
        EdgeTraversal::Allow => 1,
        EdgeTraversal::DeferToUser => 2,
        EdgeTraversal::DeferToApp => 3,
    }
}

/// All conditions, those that hold for anything too: a change takes back what was there.
fn conditions(rule: &Rule) -> Result<BTreeMap<&'static str, Given>, InterfaceError> {
    let text_or_any = |text: Option<&str>| Given::Text(text.unwrap_or(ANY).to_owned());
    let local: Vec<String> = rule.local_addresses.ranges().map(|range| range.token()).collect();
    let mut made = BTreeMap::from([
        ("Protocol", Given::Text(protocol(rule.traffic.protocol()))),
        ("LocalAddress", or_any(local)),
        ("RemoteAddress", or_any(remote(&rule.remote_addresses)?)),
        ("Program", text_or_any(rule.program.as_ref().map(super::Program::as_str))),
        // `*` stands for every service, which is not the same as any program.
        ("Service", text_or_any(rule.service.as_ref().map(super::ServiceName::as_str))),
        ("InterfaceType", Given::Number(interface_types(rule))),
    ]);
    if let Some(types) = rule.traffic.icmp_types() {
        made.insert("IcmpType", or_any(icmp(types)));
    }
    if let (Some(local), Some(remote)) = (rule.traffic.local_ports(), rule.traffic.remote_ports()) {
        made.insert("LocalPort", ports(local, Aspect::LocalPorts, local_word)?);
        made.insert("RemotePort", ports(remote, Aspect::RemotePorts, remote_word)?);
    }
    Ok(made)
}

fn or_any(texts: Vec<String>) -> Given {
    Given::Texts(if texts.is_empty() { vec![ANY.to_owned()] } else { texts })
}

fn protocol(protocol: Protocol) -> String {
    match protocol {
        Protocol::Any => ANY.to_owned(),
        Protocol::Tcp => "TCP".to_owned(),
        Protocol::Udp => "UDP".to_owned(),
        Protocol::IcmpV4 => "ICMPv4".to_owned(),
        Protocol::IcmpV6 => "ICMPv6".to_owned(),
        Protocol::Other(other) => other.number().to_string(),
    }
}

/// Of a type with every code, the type alone.
fn icmp(types: &IcmpTypes) -> Vec<String> {
    types
        .iter()
        .map(|each| match each.code {
            Some(code) => format!("{}:{code}", each.number),
            None => each.number.to_string(),
        })
        .collect()
}

fn ports<K: PortKeyword>(
    ports: &Ports<K>,
    aspect: Aspect,
    word: fn(K) -> Option<&'static str>,
) -> Result<Given, InterfaceError> {
    let mut texts: Vec<String> = ports.numbers.ranges().map(|range| range.to_string()).collect();
    for keyword in &ports.keywords {
        let found = word(*keyword).ok_or_else(|| InterfaceError::Word { aspect, word: keyword.to_string() })?;
        texts.push(found.to_owned());
    }
    Ok(or_any(texts))
}

/// For the other words no spelling is known.
const fn local_word(keyword: LocalPortKeyword) -> Option<&'static str> {
    match keyword {
        LocalPortKeyword::Rpc => Some("RPC"),
        LocalPortKeyword::RpcEndpointMapper => Some("RPCEPMap"),
        LocalPortKeyword::Teredo => Some("Teredo"),
        LocalPortKeyword::IpHttpsIn => Some("IPHTTPSIn"),
        LocalPortKeyword::PlayToDiscovery => Some("PlayToDiscovery"),
        LocalPortKeyword::Dhcp | LocalPortKeyword::Mdns | LocalPortKeyword::TcpCdpService => None,
    }
}

const fn remote_word(keyword: RemotePortKeyword) -> Option<&'static str> {
    match keyword {
        RemotePortKeyword::IpHttpsOut => Some("IPHTTPSOut"),
        RemotePortKeyword::CortanaOut => None,
    }
}

const fn address_word(keyword: AddressKeyword) -> Option<&'static str> {
    match keyword {
        AddressKeyword::LocalSubnet => Some("LocalSubnet"),
        AddressKeyword::Dns => Some("DNS"),
        AddressKeyword::Dhcp => Some("DHCP"),
        AddressKeyword::Wins => Some("WINS"),
        AddressKeyword::DefaultGateway => Some("DefaultGateway"),
        AddressKeyword::Intranet => Some("Intranet"),
        AddressKeyword::Internet => Some("Internet"),
        AddressKeyword::PlayToRenderers => Some("PlayToDevice"),
        AddressKeyword::RemoteIntranet => Some("IntranetRemoteAccess"),
        AddressKeyword::CaptivePortal => None,
    }
}

/// A word for one version of IP has its number behind it.
fn remote(addresses: &Addresses) -> Result<Vec<String>, InterfaceError> {
    let mut texts: Vec<String> = addresses.ips().ranges().map(|range| range.token()).collect();
    let words: Vec<(AddressKeyword, Family)> = addresses.keywords().collect();
    for &(keyword, family) in &words {
        let word = address_word(keyword)
            .ok_or_else(|| InterfaceError::Word { aspect: Aspect::RemoteAddresses, word: keyword.to_string() })?;
        let other = if family == Family::V4 { Family::V6 } else { Family::V4 };
        match (words.contains(&(keyword, other)), family) {
            (true, Family::V4) => texts.push(word.to_owned()),
            (true, Family::V6) => {}
            (false, Family::V4) => texts.push(format!("{word}4")),
            (false, Family::V6) => texts.push(format!("{word}6")),
        }
    }
    Ok(texts)
}

fn interface_types(rule: &Rule) -> u16 {
    rule.interface_types.iter().fold(0, |bits, kind| {
        bits | match kind {
            InterfaceType::Lan => 1,
            InterfaceType::Wireless => 2,
            InterfaceType::RemoteAccess => 4,
        }
    })
}

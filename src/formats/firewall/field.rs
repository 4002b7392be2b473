//! One field of a rule and what it says: read from its text, and written in the form that Windows writes.

use std::str::FromStr;

use super::addresses::{AddressKeyword, Family};
use super::ip::{IpRange, IpRangeError};
use super::ports::{self, LOCAL_FIELDS, LocalPortKeyword, PortKeyword, RANGES_SINCE, REMOTE_FIELDS, RemotePortKeyword};
use super::terms::{Action, Defer, Direction, FieldText, FieldTextError, InterfaceType, Profile, Program, ServiceName};
use super::text::{Field, RuleVersion};
use super::traffic::{IcmpType, IcmpTypeError, Protocol, ProtocolError};
use crate::model::port::{PortError, PortRange};

/// What one field says; some fields hold a list and say several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Saying {
    Action(Action),
    Active(bool),
    Direction(Direction),
    Protocol(Protocol),
    Profile(Profile),
    LocalPorts(PortRange),
    LocalPortKeyword(LocalPortKeyword),
    RemotePorts(PortRange),
    RemotePortKeyword(RemotePortKeyword),
    IcmpV4(IcmpType),
    IcmpV6(IcmpType),
    LocalAddresses(IpRange),
    RemoteAddresses(IpRange),
    RemoteAddressKeyword(AddressKeyword, Family),
    InterfaceType(InterfaceType),
    Program(Program),
    Service(ServiceName),
    Name(FieldText),
    Description(FieldText),
    Group(FieldText),
    Edge(bool),
    Defer(Defer),
}

/// Why the value of a field that is understood is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    #[error("`{value}` is none of its words")]
    Word { value: String },
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error(transparent)]
    IcmpType(#[from] IcmpTypeError),
    #[error(transparent)]
    Address(#[from] IpRangeError),
    #[error("`{value}` is an address of the other version of IP")]
    Family { value: String },
    #[error(transparent)]
    Text(#[from] FieldTextError),
}

impl Saying {
    /// Reads a field; none says nothing: it is empty, or its name is not understood.
    pub fn read(field: &Field) -> Result<Vec<Self>, FieldError> {
        let value = field.value();
        let names = |name: &str| field.is_named(name);
        let one = |saying: Self| Ok(vec![saying]);
        if names("Action") {
            one(Self::Action(word(value, Action::from_token)?))
        } else if names("Active") {
            one(Self::Active(boolean(value)?))
        } else if names("Dir") {
            one(Self::Direction(word(value, Direction::from_token)?))
        } else if names("Protocol") {
            one(Self::Protocol(value.parse()?))
        } else if names("Profile") {
            one(Self::Profile(word(value, Profile::from_token)?))
        } else if LOCAL_FIELDS.iter().any(|(name, _)| names(name)) {
            value.split(',').map(|part| port(part, Self::LocalPortKeyword, Self::LocalPorts)).collect()
        } else if REMOTE_FIELDS.iter().any(|(name, _)| names(name)) {
            value.split(',').map(|part| port(part, Self::RemotePortKeyword, Self::RemotePorts)).collect()
        } else if names("ICMP4") {
            one(Self::IcmpV4(value.parse()?))
        } else if names("ICMP6") {
            one(Self::IcmpV6(value.parse()?))
        } else if names("LA4") || names("LA6") {
            let family = if names("LA4") { Family::V4 } else { Family::V6 };
            one(Self::LocalAddresses(address(value, family)?))
        } else if names("RA4") || names("RA42") {
            one(Self::remote(value, Family::V4)?)
        } else if names("RA6") || names("RA62") {
            one(Self::remote(value, Family::V6)?)
        } else if names("IFType") {
            one(Self::InterfaceType(word(value, InterfaceType::from_token)?))
        } else if names("Edge") {
            one(Self::Edge(boolean(value)?))
        } else if names("Defer") {
            one(Self::Defer(word(value, Defer::from_token)?))
        } else if value.is_empty() {
            Ok(Vec::new())
        } else if names("App") {
            one(Self::Program(Program::new(value)?))
        } else if names("Svc") {
            one(Self::Service(ServiceName::new(value)?))
        } else if names("Name") {
            one(Self::Name(FieldText::new(value)?))
        } else if names("Desc") {
            one(Self::Description(FieldText::new(value)?))
        } else if names("EmbedCtxt") {
            one(Self::Group(FieldText::new(value)?))
        } else {
            Ok(Vec::new())
        }
    }

    fn remote(value: &str, family: Family) -> Result<Self, FieldError> {
        match AddressKeyword::from_token(value) {
            Some(keyword) => Ok(Self::RemoteAddressKeyword(keyword, family)),
            None => address(value, family).map(Self::RemoteAddresses),
        }
    }

    /// The fields that say this: one, but for words that Windows spells twice.
    pub fn write(&self) -> Vec<Field> {
        let one = |name: &str, value: &str| vec![Field::new(name, value)];
        match self {
            Self::Action(action) => one("Action", action.token()),
            Self::Active(active) => one("Active", boolean_token(*active)),
            Self::Direction(direction) => one("Dir", direction.token()),
            Self::Protocol(protocol) => {
                protocol.number().map(|number| Field::new("Protocol", number.to_string())).into_iter().collect()
            }
            Self::Profile(profile) => one("Profile", profile.token()),
            Self::LocalPorts(range) => one(port_field(*range, LOCAL_FIELDS), &range.to_string()),
            Self::RemotePorts(range) => one(port_field(*range, REMOTE_FIELDS), &range.to_string()),
            Self::LocalPortKeyword(keyword) => keyword_fields(*keyword, LOCAL_FIELDS),
            Self::RemotePortKeyword(keyword) => keyword_fields(*keyword, REMOTE_FIELDS),
            Self::IcmpV4(kind) => one("ICMP4", &kind.to_string()),
            Self::IcmpV6(kind) => one("ICMP6", &kind.to_string()),
            Self::LocalAddresses(range) => one(by_family(*range, "LA4", "LA6"), &range.token()),
            Self::RemoteAddresses(range) => one(by_family(*range, "RA4", "RA6"), &range.token()),
            Self::RemoteAddressKeyword(keyword, family) => {
                let name = match (family, keyword.is_late()) {
                    (Family::V4, false) => "RA4",
                    (Family::V6, false) => "RA6",
                    (Family::V4, true) => "RA42",
                    (Family::V6, true) => "RA62",
                };
                one(name, keyword.token())
            }
            Self::InterfaceType(kind) => one("IFType", kind.token()),
            Self::Program(program) => one("App", program.as_str()),
            Self::Service(service) => one("Svc", service.as_str()),
            Self::Name(text) => one("Name", text.as_str()),
            Self::Description(text) => one("Desc", text.as_str()),
            Self::Group(text) => one("EmbedCtxt", text.as_str()),
            Self::Edge(edge) => one("Edge", boolean_token(*edge)),
            Self::Defer(defer) => one("Defer", defer.token()),
        }
    }

    /// The oldest version of rules in which this can be said.
    pub fn since(&self) -> RuleVersion {
        ports::version(match self {
            Self::LocalPorts(range) | Self::RemotePorts(range) if !range.is_single() => RANGES_SINCE,
            Self::LocalPortKeyword(keyword) => keyword.since(),
            Self::RemotePortKeyword(keyword) => keyword.since(),
            Self::RemoteAddressKeyword(keyword, _) if keyword.is_late() => 20,
            Self::Defer(_) => 10,
            _ => 0,
        })
    }
}

fn refused(value: &str) -> FieldError {
    FieldError::Word { value: value.escape_debug().to_string() }
}

/// Documents may have blanks around numbers, rules have not.
fn no_blanks(value: &str) -> Result<(), FieldError> {
    if value.contains(char::is_whitespace) { Err(refused(value)) } else { Ok(()) }
}

fn word<T>(value: &str, find: fn(&str) -> Option<T>) -> Result<T, FieldError> {
    find(value).ok_or_else(|| refused(value))
}

fn boolean(value: &str) -> Result<bool, FieldError> {
    match value {
        _ if value.eq_ignore_ascii_case("TRUE") => Ok(true),
        _ if value.eq_ignore_ascii_case("FALSE") => Ok(false),
        _ => Err(refused(value)),
    }
}

const fn boolean_token(value: bool) -> &'static str {
    if value { "TRUE" } else { "FALSE" }
}

fn port<K: PortKeyword>(
    part: &str,
    keyword: fn(K) -> Saying,
    numbers: fn(PortRange) -> Saying,
) -> Result<Saying, FieldError> {
    if let Some(found) = K::from_token(part) {
        return Ok(keyword(found));
    }
    no_blanks(part)?;
    // Nothing comes over port 0, but ranges of Windows may begin there.
    let from_one = match part.split_once('-') {
        Some((first, last)) if !first.is_empty() && first.bytes().all(|byte| byte == b'0') => format!("1-{last}"),
        _ => part.to_owned(),
    };
    Ok(numbers(PortRange::from_str(&from_one)?))
}

fn address(value: &str, family: Family) -> Result<IpRange, FieldError> {
    no_blanks(value)?;
    let range: IpRange = value.parse()?;
    match (range, family) {
        (IpRange::V4(_), Family::V4) | (IpRange::V6(_), Family::V6) => Ok(range),
        _ => Err(FieldError::Family { value: value.to_owned() }),
    }
}

fn by_family<'a>(range: IpRange, v4: &'a str, v6: &'a str) -> &'a str {
    match range {
        IpRange::V4(_) => v4,
        IpRange::V6(_) => v6,
    }
}

/// The name of the field that came with a minor version.
fn named_since(fields: &[(&'static str, u8)], since: u8) -> &'static str {
    fields.iter().find(|(_, version)| *version == since).map_or("", |(name, _)| name)
}

fn port_field(range: PortRange, fields: &[(&'static str, u8)]) -> &'static str {
    named_since(fields, if range.is_single() { 0 } else { RANGES_SINCE })
}

fn keyword_fields<K: PortKeyword>(keyword: K, fields: &[(&'static str, u8)]) -> Vec<Field> {
    let name = named_since(fields, keyword.since());
    keyword.tokens().iter().map(|token| Field::new(name, *token)).collect()
}

//! What a rule holds for on the wire: a protocol, with the ports or ICMP types that only some protocols have.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::ports::{LocalPortKeyword, Ports, RemotePortKeyword};
use super::terms;

const ICMP_V4: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_V6: u8 = 58;

/// A protocol of IP by its number, or any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    Any,
    Tcp,
    Udp,
    IcmpV4,
    IcmpV6,
    Other(OtherProtocol),
}

/// The number of a protocol that has neither ports nor ICMP types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OtherProtocol(u8);

/// Why a text names no protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no protocol: tcp, udp, icmpv4, icmpv6, any, or a number up to 255")]
pub struct ProtocolError {
    pub text: String,
}

/// A protocol with what rules can tell apart in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Traffic {
    Any,
    Tcp { local: Ports<LocalPortKeyword>, remote: Ports<RemotePortKeyword> },
    Udp { local: Ports<LocalPortKeyword>, remote: Ports<RemotePortKeyword> },
    IcmpV4(IcmpTypes),
    IcmpV6(IcmpTypes),
    Other(OtherProtocol),
}

/// A kind of ICMP message; no code is every code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IcmpType {
    pub number: u8,
    pub code: Option<u8>,
}

/// Kinds of ICMP messages in one form; none are any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IcmpTypes(BTreeSet<IcmpType>);

/// Why a text names no kind of ICMP messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no ICMP type with its code, as in `8:*`")]
pub struct IcmpTypeError {
    pub text: String,
}

impl OtherProtocol {
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl From<u8> for Protocol {
    fn from(number: u8) -> Self {
        match number {
            TCP => Self::Tcp,
            UDP => Self::Udp,
            ICMP_V4 => Self::IcmpV4,
            ICMP_V6 => Self::IcmpV6,
            _ => Self::Other(OtherProtocol(number)),
        }
    }
}

impl Protocol {
    /// The number; any has none.
    pub const fn number(self) -> Option<u8> {
        Some(match self {
            Self::Any => return None,
            Self::Tcp => TCP,
            Self::Udp => UDP,
            Self::IcmpV4 => ICMP_V4,
            Self::IcmpV6 => ICMP_V6,
            Self::Other(OtherProtocol(number)) => number,
        })
    }
}

impl FromStr for Protocol {
    type Err = ProtocolError;

    /// Reads a number, or a name in any case.
    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        const NAMES: [(&str, Protocol); 5] = [
            ("any", Protocol::Any),
            ("tcp", Protocol::Tcp),
            ("udp", Protocol::Udp),
            ("icmpv4", Protocol::IcmpV4),
            ("icmpv6", Protocol::IcmpV6),
        ];
        let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, protocol)| *protocol);
        let found = named.or_else(|| short_number(text).map(Self::from));
        found.ok_or_else(|| ProtocolError { text: text.escape_debug().to_string() })
    }
}

/// A number of up to three digits that is at most 255.
fn short_number(text: &str) -> Option<u8> {
    let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::IcmpV4 => "icmpv4",
            Self::IcmpV6 => "icmpv6",
            Self::Other(OtherProtocol(number)) => return write!(f, "{number}"),
        })
    }
}

impl Traffic {
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Any => Protocol::Any,
            Self::Tcp { .. } => Protocol::Tcp,
            Self::Udp { .. } => Protocol::Udp,
            Self::IcmpV4(_) => Protocol::IcmpV4,
            Self::IcmpV6(_) => Protocol::IcmpV6,
            Self::Other(other) => Protocol::Other(*other),
        }
    }

    /// The ports on this side, where the protocol has ports.
    pub fn local_ports(&self) -> Option<&Ports<LocalPortKeyword>> {
        match self {
            Self::Tcp { local, .. } | Self::Udp { local, .. } => Some(local),
            _ => None,
        }
    }

    /// The ports on the other side, where the protocol has ports.
    pub fn remote_ports(&self) -> Option<&Ports<RemotePortKeyword>> {
        match self {
            Self::Tcp { remote, .. } | Self::Udp { remote, .. } => Some(remote),
            _ => None,
        }
    }

    /// The kinds of messages, where the protocol is ICMP.
    pub fn icmp_types(&self) -> Option<&IcmpTypes> {
        match self {
            Self::IcmpV4(types) | Self::IcmpV6(types) => Some(types),
            _ => None,
        }
    }
}

impl From<Protocol> for Traffic {
    /// All of a protocol.
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Any => Self::Any,
            Protocol::Tcp => Self::Tcp { local: Ports::default(), remote: Ports::default() },
            Protocol::Udp => Self::Udp { local: Ports::default(), remote: Ports::default() },
            Protocol::IcmpV4 => Self::IcmpV4(IcmpTypes::default()),
            Protocol::IcmpV6 => Self::IcmpV6(IcmpTypes::default()),
            Protocol::Other(other) => Self::Other(other),
        }
    }
}

impl IcmpTypes {
    pub fn is_any(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = IcmpType> {
        self.0.iter().copied()
    }
}

impl FromIterator<IcmpType> for IcmpTypes {
    /// Collects kinds; one with every code swallows those with one.
    fn from_iter<I: IntoIterator<Item = IcmpType>>(types: I) -> Self {
        let mut types: BTreeSet<IcmpType> = types.into_iter().collect();
        let whole: BTreeSet<u8> = types.iter().filter(|each| each.code.is_none()).map(|each| each.number).collect();
        types.retain(|each| each.code.is_none() || !whole.contains(&each.number));
        Self(types)
    }
}

impl FromStr for IcmpType {
    type Err = IcmpTypeError;

    /// Reads `8:*` or `3:4`.
    fn from_str(text: &str) -> Result<Self, IcmpTypeError> {
        let code = |code: &str| if code == "*" { Some(None) } else { short_number(code).map(Some) };
        let found = text.split_once(':').and_then(|(number, rest)| Some((short_number(number)?, code(rest)?)));
        let (number, code) = found.ok_or_else(|| IcmpTypeError { text: text.escape_debug().to_string() })?;
        Ok(Self { number, code })
    }
}

impl fmt::Display for IcmpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{}:{code}", self.number),
            None => write!(f, "{}:*", self.number),
        }
    }
}

impl fmt::Display for IcmpTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_any() { f.write_str("any") } else { terms::list(f, self.iter()) }
    }
}

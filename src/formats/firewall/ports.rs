//! Ports of a rule: numbers, and words for ports that Windows itself assigns.

use std::collections::BTreeSet;
use std::fmt;

use super::terms;
use super::text::RuleVersion;
use crate::model::port::{PortRange, PortSet};

/// A word for ports. Source: [MS-GPFAS] 2.2.2.3 and 2.2.2.19.
pub trait PortKeyword: Copy + Ord + fmt::Display + 'static {
    const ALL: &'static [Self];

    /// The spellings in a rule; Windows writes all of them.
    fn tokens(self) -> &'static [&'static str];

    /// The minor version 2.x in which it came; later ones stand in a field of that version.
    fn since(self) -> u8;

    /// Finds the word that is spelled so, in any case.
    fn from_token(token: &str) -> Option<Self> {
        let is_it = |word: &Self| word.tokens().iter().any(|each| each.eq_ignore_ascii_case(token));
        Self::ALL.iter().copied().find(is_it)
    }
}

/// A word for ports of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LocalPortKeyword {
    /// The ports that RPC servers are given at run time.
    Rpc,
    /// The port of the RPC endpoint mapper, 135.
    RpcEndpointMapper,
    Teredo,
    IpHttpsIn,
    Dhcp,
    PlayToDiscovery,
    Mdns,
    /// Of the Connected Devices Platform.
    TcpCdpService,
}

/// A word for ports of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RemotePortKeyword {
    IpHttpsOut,
    CortanaOut,
}

impl PortKeyword for LocalPortKeyword {
    const ALL: &'static [Self] = &[
        Self::Rpc,
        Self::RpcEndpointMapper,
        Self::Teredo,
        Self::IpHttpsIn,
        Self::Dhcp,
        Self::PlayToDiscovery,
        Self::Mdns,
        Self::TcpCdpService,
    ];

    fn tokens(self) -> &'static [&'static str] {
        match self {
            Self::Rpc => &["RPC"],
            Self::RpcEndpointMapper => &["RPC-EPMap"],
            Self::Teredo => &["Teredo"],
            Self::IpHttpsIn => &["IPTLSIn", "IPHTTPSIn"],
            Self::Dhcp => &["DHCP"],
            Self::PlayToDiscovery => &["Ply2Disc"],
            Self::Mdns => &["mDNS"],
            Self::TcpCdpService => &["TcpCDPSvc"],
        }
    }

    fn since(self) -> u8 {
        match self {
            Self::Rpc | Self::RpcEndpointMapper | Self::Teredo => 0,
            Self::IpHttpsIn => 10,
            Self::Dhcp | Self::PlayToDiscovery => 20,
            Self::Mdns => 25,
            Self::TcpCdpService => 29,
        }
    }
}

impl PortKeyword for RemotePortKeyword {
    const ALL: &'static [Self] = &[Self::IpHttpsOut, Self::CortanaOut];

    fn tokens(self) -> &'static [&'static str] {
        match self {
            Self::IpHttpsOut => &["IPTLSOut", "IPHTTPSOut"],
            Self::CortanaOut => &["CortanaOut"],
        }
    }

    fn since(self) -> u8 {
        match self {
            Self::IpHttpsOut => 10,
            Self::CortanaOut => 28,
        }
    }
}

/// The last spelling is the one that people know.
fn shown(word: impl PortKeyword) -> &'static str {
    word.tokens().last().copied().unwrap_or_default()
}

impl fmt::Display for LocalPortKeyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(shown(*self))
    }
}

impl fmt::Display for RemotePortKeyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(shown(*self))
    }
}

/// The names of the fields for ports of one side, with the minor version 2.x that each needs.
///
/// That what came after 2.20 stands in fields of these names follows from the older ones; the source does not say it.
pub(super) const LOCAL_FIELDS: &[(&str, u8)] =
    &[("LPort", 0), ("LPort2_10", 10), ("LPort2_20", 20), ("LPort2_25", 25), ("LPort2_29", 29)];
pub(super) const REMOTE_FIELDS: &[(&str, u8)] = &[("RPort", 0), ("RPort2_10", 10), ("RPort2_28", 28)];

/// Ranges came with this minor version 2.x.
pub(super) const RANGES_SINCE: u8 = 10;

pub(super) const fn version(minor: u8) -> RuleVersion {
    RuleVersion { major: 2, minor }
}

/// Ports in one form; none are any.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ports<K> {
    pub numbers: PortSet,
    pub keywords: BTreeSet<K>,
}

impl<K: PortKeyword> Ports<K> {
    pub fn is_any(&self) -> bool {
        self.numbers.is_empty() && self.keywords.is_empty()
    }
}

impl<K> Default for Ports<K> {
    fn default() -> Self {
        Self { numbers: PortSet::EMPTY, keywords: BTreeSet::new() }
    }
}

impl<K> From<PortSet> for Ports<K> {
    fn from(numbers: PortSet) -> Self {
        Self { numbers, keywords: BTreeSet::new() }
    }
}

impl<K> From<PortRange> for Ports<K> {
    fn from(range: PortRange) -> Self {
        PortSet::from(range).into()
    }
}

impl<K: PortKeyword> From<K> for Ports<K> {
    fn from(keyword: K) -> Self {
        Self { numbers: PortSet::EMPTY, keywords: BTreeSet::from([keyword]) }
    }
}

impl<K: PortKeyword> fmt::Display for Ports<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_any() {
            return f.write_str("any");
        }
        let numbers = self.numbers.ranges().map(|range| range.to_string());
        terms::list(f, numbers.chain(self.keywords.iter().map(K::to_string)))
    }
}

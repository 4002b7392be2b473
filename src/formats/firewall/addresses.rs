//! Remote addresses of a rule: IP addresses, and words for addresses that only the machine knows.

use std::collections::BTreeSet;
use std::fmt;

use super::ip::{IpRange, IpRangeError, IpSet};
use super::terms::{self, words};

words! {
    /// A word for addresses that follow from the machine's network.
    /// Source: [MS-GPFAS] 2.2.2.13.
    AddressKeyword {
        LocalSubnet: "LocalSubnet", "LocalSubnet";
        Dns: "DNS", "DNS";
        Dhcp: "DHCP", "DHCP";
        Wins: "WINS", "WINS";
        DefaultGateway: "DefaultGateway", "DefaultGateway";
        Intranet: "IntrAnet", "Intranet";
        Internet: "IntErnet", "Internet";
        PlayToRenderers: "Ply2Renders", "Ply2Renders";
        RemoteIntranet: "RmtIntrAnet", "RmtIntranet";
        CaptivePortal: "CaptivePortal", "CaptivePortal";
    }
}

impl AddressKeyword {
    /// Whether it stands in the fields `RA42` and `RA62`, which came later.
    pub(super) fn is_late(self) -> bool {
        self >= Self::Intranet
    }
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    V4,
    V6,
}

/// Addresses, some of them known by a word only; the set itself can be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct AddressSet {
    pub ips: IpSet,
    pub keywords: BTreeSet<(AddressKeyword, Family)>,
}

/// The addresses that a rule holds for or that a question is about: any, or those that are named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Addresses {
    /// Empty when it is any.
    named: AddressSet,
}

/// Why a text names no addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("`{text}` is neither an address nor a word for addresses")]
    Unknown { text: String },
    #[error(transparent)]
    Range(#[from] IpRangeError),
    #[error("a list of addresses has an empty place")]
    Empty,
    #[error("`{text}` means every address and stands alone")]
    AnyAndMore { text: String },
}

impl AddressSet {
    pub fn all() -> Self {
        Self { ips: IpSet::all(), keywords: BTreeSet::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.ips.is_empty() && self.keywords.is_empty()
    }

    pub fn includes(&self, other: &Self) -> bool {
        self.ips.includes(&other.ips) && self.keywords.is_superset(&other.keywords)
    }

    pub fn union(&self, other: &Self) -> Self {
        Self { ips: self.ips.union(&other.ips), keywords: &self.keywords | &other.keywords }
    }

    pub fn intersection(&self, other: &Self) -> Self {
        Self { ips: self.ips.intersection(&other.ips), keywords: &self.keywords & &other.keywords }
    }

    pub fn difference(&self, other: &Self) -> Self {
        Self { ips: self.ips.difference(&other.ips), keywords: &self.keywords - &other.keywords }
    }

    /// Whether anything of a family is named.
    pub fn names(&self, family: Family) -> bool {
        let has_ips = match family {
            Family::V4 => !self.ips.v4.is_empty(),
            Family::V6 => !self.ips.v6.is_empty(),
        };
        has_ips || self.keywords.iter().any(|(_, each)| *each == family)
    }

    /// What it holds of one family.
    pub fn only(&self, family: Family) -> Self {
        let mut ips = self.ips.clone();
        match family {
            Family::V4 => ips.v6 = Default::default(),
            Family::V6 => ips.v4 = Default::default(),
        }
        Self { ips, keywords: self.keywords.iter().copied().filter(|(_, each)| *each == family).collect() }
    }
}

impl Addresses {
    /// Every address.
    pub const ANY: Self = Self { named: AddressSet { ips: IpSet::EMPTY, keywords: BTreeSet::new() } };

    /// None named are any, and so is every address there is.
    pub(super) fn new(named: AddressSet) -> Self {
        if named.ips == IpSet::all() { Self::ANY } else { Self { named } }
    }

    /// Reads one part of a document's list: an address, a subnet, a range, or a word (of both families), which is not any.
    ///
    /// # Errors
    /// It is none of these.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        Self::parse_list([text])
    }

    /// Reads the parts of a list; `*` or `Any` alone, or no part at all, is any.
    ///
    /// # Errors
    /// A part is no address, or `Any` has company.
    pub fn parse_list<'a>(parts: impl IntoIterator<Item = &'a str>) -> Result<Self, AddressError> {
        let parts: Vec<&str> = parts.into_iter().map(str::trim).collect();
        let mut named = AddressSet::default();
        let mut ranges = Vec::new();
        for text in &parts {
            let shown = || text.escape_debug().to_string();
            if text.is_empty() {
                return Err(AddressError::Empty);
            } else if *text == "*" || text.eq_ignore_ascii_case("any") {
                let is_alone = parts.len() == 1;
                return if is_alone { Ok(Self::ANY) } else { Err(AddressError::AnyAndMore { text: shown() }) };
            } else if let Some(keyword) = AddressKeyword::from_token(text) {
                named.keywords.extend([(keyword, Family::V4), (keyword, Family::V6)]);
            } else if text.starts_with(|c: char| c.is_ascii_alphabetic()) && !text.contains(':') {
                return Err(AddressError::Unknown { text: shown() });
            } else {
                ranges.push(text.parse::<IpRange>()?);
            }
        }
        named.ips = ranges.into_iter().collect();
        Ok(Self::new(named))
    }

    pub fn is_any(&self) -> bool {
        self.named.is_empty()
    }

    /// The addresses that are named by number.
    pub fn ips(&self) -> &IpSet {
        &self.named.ips
    }

    /// The words, each for one version of IP.
    pub fn keywords(&self) -> impl Iterator<Item = (AddressKeyword, Family)> {
        self.named.keywords.iter().copied()
    }

    pub(super) fn named(&self) -> &AddressSet {
        &self.named
    }
}

impl From<IpSet> for Addresses {
    /// No address is any address, as in a rule.
    fn from(ips: IpSet) -> Self {
        Self::new(AddressSet { ips, keywords: BTreeSet::new() })
    }
}

impl fmt::Display for AddressSet {
    /// A word that stands for one version of IP only says which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |&(keyword, family): &(AddressKeyword, Family)| {
            let other = match family {
                Family::V4 => Family::V6,
                Family::V6 => Family::V4,
            };
            match (self.keywords.contains(&(keyword, other)), family) {
                (true, Family::V4) => Some(keyword.to_string()),
                (true, Family::V6) => None,
                (false, Family::V4) => Some(format!("{keyword} (IPv4)")),
                (false, Family::V6) => Some(format!("{keyword} (IPv6)")),
            }
        };
        let ranges = self.ips.ranges().map(|range| range.to_string());
        terms::list(f, ranges.chain(self.keywords.iter().filter_map(word)))
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_any() { f.write_str("any") } else { fmt::Display::fmt(&self.named, f) }
    }
}

//! IP addresses of rules: ranges in the forms that Windows writes, and sets of both families in one form.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::str::FromStr;

use super::terms;
use crate::model::intervals::Intervals;

/// Addresses of one family in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpRange {
    V4(Ipv4Range),
    V6(Ipv6Range),
}

/// IPv4 addresses in a row; the first is not behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ipv4Range {
    first: Ipv4Addr,
    last: Ipv4Addr,
}

/// IPv6 addresses in a row; the first is not behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ipv6Range {
    first: Ipv6Addr,
    last: Ipv6Addr,
}

/// Addresses of both families; equal sets are equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IpSet {
    pub(super) v4: Intervals<Ipv4Addr>,
    pub(super) v6: Intervals<Ipv6Addr>,
}

/// Why a text names no addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IpRangeError {
    #[error("`{text}` is no IP address")]
    NotAnAddress { text: String },
    #[error("`{text}` is neither the length of a prefix nor a mask")]
    NotAMask { text: String },
    #[error("the range {text} runs backwards")]
    Reversed { text: String },
    #[error("the range {text} has an address of each family")]
    TwoFamilies { text: String },
}

fn address(text: &str) -> Result<IpAddr, IpRangeError> {
    text.trim().parse().map_err(|_| IpRangeError::NotAnAddress { text: text.escape_debug().to_string() })
}

impl FromStr for IpRange {
    type Err = IpRangeError;

    /// Reads an address, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.0.1-10.0.0.9` and the same of IPv6 (without a mask);
    /// what a subnet's address says beyond its prefix does not count.
    fn from_str(text: &str) -> Result<Self, IpRangeError> {
        if let Some((first, last)) = text.split_once('-') {
            let written = || text.to_owned();
            let range = match (address(first)?, address(last)?) {
                (IpAddr::V4(first), IpAddr::V4(last)) => Self::V4(Ipv4Range { first, last }),
                (IpAddr::V6(first), IpAddr::V6(last)) => Self::V6(Ipv6Range { first, last }),
                _ => return Err(IpRangeError::TwoFamilies { text: written() }),
            };
            return if range.runs_forwards() { Ok(range) } else { Err(IpRangeError::Reversed { text: written() }) };
        }
        let (before, mask) = match text.split_once('/') {
            Some((before, mask)) => (before, Some(mask)),
            None => (text, None),
        };
        Ok(match address(before)? {
            IpAddr::V4(address) => Self::V4(subnet_v4(address, mask.map_or(Ok(u32::MAX), mask_v4)?)),
            IpAddr::V6(address) => Self::V6(subnet_v6(address, mask.map_or(Ok(u128::MAX), mask_v6)?)),
        })
    }
}

fn prefix_length(text: &str, most: u32) -> Option<u32> {
    let is_number = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|length| is_number && *length <= most)
}

fn no_mask(text: &str) -> IpRangeError {
    IpRangeError::NotAMask { text: text.escape_debug().to_string() }
}

fn mask_v4(text: &str) -> Result<u32, IpRangeError> {
    if let Some(length) = prefix_length(text, u32::BITS) {
        return Ok(u32::MAX.checked_shl(u32::BITS - length).unwrap_or(0));
    }
    let mask = text.parse::<Ipv4Addr>().map(Ipv4Addr::to_bits).map_err(|_| no_mask(text))?;
    if mask.leading_ones() + mask.trailing_zeros() == u32::BITS { Ok(mask) } else { Err(no_mask(text)) }
}

fn mask_v6(text: &str) -> Result<u128, IpRangeError> {
    let length = prefix_length(text, u128::BITS).ok_or_else(|| no_mask(text))?;
    Ok(u128::MAX.checked_shl(u128::BITS - length).unwrap_or(0))
}

fn subnet_v4(address: Ipv4Addr, mask: u32) -> Ipv4Range {
    let first = address.to_bits() & mask;
    Ipv4Range { first: Ipv4Addr::from_bits(first), last: Ipv4Addr::from_bits(first | !mask) }
}

fn subnet_v6(address: Ipv6Addr, mask: u128) -> Ipv6Range {
    let first = address.to_bits() & mask;
    Ipv6Range { first: Ipv6Addr::from_bits(first), last: Ipv6Addr::from_bits(first | !mask) }
}

impl From<IpAddr> for IpRange {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(Ipv4Range { first: address, last: address }),
            IpAddr::V6(address) => Self::V6(Ipv6Range { first: address, last: address }),
        }
    }
}

impl IpRange {
    fn runs_forwards(self) -> bool {
        match self {
            Self::V4(range) => range.first <= range.last,
            Self::V6(range) => range.first <= range.last,
        }
    }

    /// The text in a rule: an address, a subnet (of IPv4 with its mask), or a range.
    pub(super) fn token(self) -> String {
        match self {
            Self::V4(range) => match range.prefix_length() {
                Some(u32::BITS) => range.first.to_string(),
                Some(length) if length > 0 => {
                    let mask = u32::MAX.checked_shl(u32::BITS - length).unwrap_or(0);
                    format!("{}/{}", range.first, Ipv4Addr::from_bits(mask))
                }
                _ => format!("{}-{}", range.first, range.last),
            },
            // A subnet without a prefix is not known to be accepted.
            Self::V6(range) if range.prefix_length() == Some(0) => format!("{}-{}", range.first, range.last),
            Self::V6(_) => self.to_string(),
        }
    }
}

impl Ipv4Range {
    pub const fn first(self) -> Ipv4Addr {
        self.first
    }

    pub const fn last(self) -> Ipv4Addr {
        self.last
    }

    /// The length of the prefix that all and no other addresses have, when there is one.
    fn prefix_length(self) -> Option<u32> {
        let (first, last) = (self.first.to_bits(), self.last.to_bits());
        let length = (first ^ last).leading_zeros();
        let host = u32::MAX.checked_shr(length).unwrap_or(0);
        (first & host == 0 && last & host == host).then_some(length)
    }
}

impl Ipv6Range {
    pub const fn first(self) -> Ipv6Addr {
        self.first
    }

    pub const fn last(self) -> Ipv6Addr {
        self.last
    }

    fn prefix_length(self) -> Option<u32> {
        let (first, last) = (self.first.to_bits(), self.last.to_bits());
        let length = (first ^ last).leading_zeros();
        let host = u128::MAX.checked_shr(length).unwrap_or(0);
        (first & host == 0 && last & host == host).then_some(length)
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(range) => match range.prefix_length() {
                Some(u32::BITS) => write!(f, "{}", range.first),
                Some(length) => write!(f, "{}/{length}", range.first),
                None => write!(f, "{}-{}", range.first, range.last),
            },
            Self::V6(range) => match range.prefix_length() {
                Some(u128::BITS) => write!(f, "{}", range.first),
                Some(length) => write!(f, "{}/{length}", range.first),
                None => write!(f, "{}-{}", range.first, range.last),
            },
        }
    }
}

impl IpSet {
    pub const EMPTY: Self = Self { v4: Intervals::EMPTY, v6: Intervals::EMPTY };

    /// Every address there is.
    pub fn all() -> Self {
        Self {
            v4: Intervals::from_iter([(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST)]),
            v6: Intervals::from_iter([(Ipv6Addr::UNSPECIFIED, Ipv6Addr::from_bits(u128::MAX))]),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// The ranges, IPv4 first, in ascending order.
    pub fn ranges(&self) -> impl Iterator<Item = IpRange> {
        let v4 = self.v4.ranges().iter().map(|&(first, last)| IpRange::V4(Ipv4Range { first, last }));
        let v6 = self.v6.ranges().iter().map(|&(first, last)| IpRange::V6(Ipv6Range { first, last }));
        v4.chain(v6)
    }

    /// Whether all of the other set is in this one.
    pub fn includes(&self, other: &Self) -> bool {
        self.v4.includes(&other.v4) && self.v6.includes(&other.v6)
    }

    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }

    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self { v4: self.v4.difference(&other.v4), v6: self.v6.difference(&other.v6) }
    }
}

impl FromIterator<IpRange> for IpSet {
    fn from_iter<I: IntoIterator<Item = IpRange>>(ranges: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match range {
                IpRange::V4(range) => v4.push((range.first, range.last)),
                IpRange::V6(range) => v6.push((range.first, range.last)),
            }
        }
        Self { v4: v4.into_iter().collect(), v6: v6.into_iter().collect() }
    }
}

impl fmt::Display for IpSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        terms::list(f, self.ranges())
    }
}

//! TCP and UDP ports: ranges and sets of numbers from 1 to 65535. Knows no keyword and no protocol.

use std::fmt;
use std::str::FromStr;

use super::intervals::Intervals;

/// One port or several in a row: `5443`, `49152-65535`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// Ports in one form: `80,443,8000-8099`; equal sets are equal values. It can be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortSet(Intervals<u16>);

/// Why a text names no port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    #[error("`{text}` is no port number")]
    NotANumber { text: String },
    #[error("there is no port 0")]
    Zero,
    #[error("there is no port {text}: the last is 65535")]
    TooLarge { text: String },
    #[error("the range {first}-{last} runs backwards")]
    Reversed { first: u16, last: u16 },
    #[error("a list of ports has an empty place")]
    Empty,
}

impl PortRange {
    /// Every port.
    pub const ALL: Self = Self { first: 1, last: u16::MAX };

    /// The ports from one to another.
    ///
    /// # Errors
    /// One of them is 0, or the last lies before the first.
    pub const fn new(first: u16, last: u16) -> Result<Self, PortError> {
        if first == 0 || last == 0 {
            Err(PortError::Zero)
        } else if last < first {
            Err(PortError::Reversed { first, last })
        } else {
            Ok(Self { first, last })
        }
    }

    /// One port.
    ///
    /// # Errors
    /// It is 0.
    pub const fn single(port: u16) -> Result<Self, PortError> {
        Self::new(port, port)
    }

    pub const fn first(self) -> u16 {
        self.first
    }

    pub const fn last(self) -> u16 {
        self.last
    }

    pub const fn is_single(self) -> bool {
        self.first == self.last
    }

    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// Whether all of the other range is in this one.
    pub const fn includes(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Whether the ranges have a port in common.
    pub const fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

impl PortSet {
    pub const EMPTY: Self = Self(Intervals::EMPTY);

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges in ascending order; they neither touch nor overlap.
    pub fn ranges(&self) -> impl ExactSizeIterator<Item = PortRange> {
        self.0.ranges().iter().map(|&(first, last)| PortRange { first, last })
    }

    pub fn contains(&self, port: u16) -> bool {
        self.0.contains(port)
    }

    /// Whether all of the other set is in this one.
    pub fn includes(&self, other: &Self) -> bool {
        self.0.includes(&other.0)
    }

    /// Whether the sets have a port in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.0.overlaps(&other.0)
    }

    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0))
    }

    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0))
    }

    /// The ports of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0))
    }
}

impl From<PortRange> for PortSet {
    fn from(range: PortRange) -> Self {
        Self::from_iter([range])
    }
}

impl FromIterator<PortRange> for PortSet {
    fn from_iter<I: IntoIterator<Item = PortRange>>(ranges: I) -> Self {
        Self(ranges.into_iter().map(|range| (range.first, range.last)).collect())
    }
}

/// A number as it is written, 0 included.
fn number(text: &str) -> Result<u16, PortError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PortError::NotANumber { text: text.escape_debug().to_string() });
    }
    text.parse().map_err(|_| PortError::TooLarge { text: text.to_owned() })
}

impl FromStr for PortRange {
    type Err = PortError;

    /// Reads `5443` or `49152-65535`; blanks around the numbers do not count.
    fn from_str(text: &str) -> Result<Self, PortError> {
        match text.split_once('-') {
            Some((first, last)) => Self::new(number(first.trim())?, number(last.trim())?),
            None => Self::single(number(text.trim())?),
        }
    }
}

impl FromStr for PortSet {
    type Err = PortError;

    /// Reads `80, 443, 8000-8099`.
    fn from_str(text: &str) -> Result<Self, PortError> {
        let part = |part: &str| if part.trim().is_empty() { Err(PortError::Empty) } else { part.parse() };
        text.split(',').map(part).collect::<Result<Vec<PortRange>, _>>().map(Self::from_iter)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_single() { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, range) in self.ranges().enumerate() {
            write!(f, "{}{range}", if number == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> PortRange {
        text.parse().unwrap()
    }

    #[test]
    fn ports_are_read() {
        for (text, expected) in [
            ("5443", "5443"),
            ("49152-65535", "49152-65535"),
            (" 80 - 81 ", "80-81"),
            ("443-443", "443"),
            ("0000080", "80"),
            ("443,80", "80,443"),
            ("80, 81,82-90", "80-90"),
            ("1-65535,7", "1-65535"),
        ] {
            assert_eq!(text.parse::<PortSet>().unwrap().to_string(), expected, "{text:?}");
        }
        assert_eq!(range("1-65535"), PortRange::ALL);
    }

    #[test]
    fn what_is_no_port_says_why() {
        for (text, expected) in [
            ("", "a list of ports has an empty place"),
            ("80,", "a list of ports has an empty place"),
            ("0", "there is no port 0"),
            ("0-5", "there is no port 0"),
            ("65536", "there is no port 65536: the last is 65535"),
            ("99999999999999999999", "there is no port 99999999999999999999: the last is 65535"),
            ("5444-5443", "the range 5444-5443 runs backwards"),
            ("+80", "`+80` is no port number"),
            ("-80", "`` is no port number"),
            ("80-", "`` is no port number"),
            ("1-2-3", "`2-3` is no port number"),
            ("http", "`http` is no port number"),
            ("８０", "`８０` is no port number"),
        ] {
            assert_eq!(text.parse::<PortSet>().unwrap_err().to_string(), expected, "{text:?}");
        }
        assert_eq!("".parse::<PortRange>().unwrap_err().to_string(), "`` is no port number");
    }

    #[test]
    fn ranges_know_what_lies_in_them() {
        let dynamic = range("49152-65535");
        assert!(dynamic.contains(49152) && dynamic.contains(65535) && !dynamic.contains(49151));
        assert!(dynamic.includes(range("50000-50010")) && !range("50000-50010").includes(dynamic));
        assert!(dynamic.overlaps(range("1-49152")) && !dynamic.overlaps(range("1-49151")));
        let set: PortSet = "80,443,8000-8099".parse().unwrap();
        assert!(set.contains(8050) && !set.contains(81));
        assert!(set.includes(&"443,8001-8002".parse().unwrap()) && !set.includes(&"443-444".parse().unwrap()));
        assert!(set.overlaps(&"8099-9000".parse().unwrap()) && !set.overlaps(&"8100-9000".parse().unwrap()));
        assert_eq!(set.difference(&"80-8090".parse().unwrap()).to_string(), "8091-8099");
        assert!(PortSet::EMPTY.is_empty() && set.includes(&PortSet::EMPTY));
    }

    proptest::proptest! {
        #[test]
        fn what_is_printed_reads_back(ranges in proptest::collection::vec((1u16.., 1u16..), 1..6)) {
            let set: PortSet = ranges.iter().map(|(a, b)| PortRange::new(*a.min(b), *a.max(b)).unwrap()).collect();
            proptest::prop_assert_eq!(set.to_string().parse(), Ok(set));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9, -]{0,12}|\\PC{0,12}") {
            if let Ok(set) = text.parse::<PortSet>() {
                proptest::prop_assert!(!set.is_empty() && !set.contains(0));
            }
        }
    }
}

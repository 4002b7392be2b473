//! Bounds for a version: `>=4.8`, `>=2.9, <3`, `11`.

use std::cmp::Ordering;
use std::fmt;

use super::Version;

/// The longest text of a range.
const MAX_TEXT: usize = 256;

/// Conditions on a version, all of which must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VersionRange {
    conditions: Vec<(Comparison, Version)>,
    text: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Comparison {
    AtLeast,
    Above,
    AtMost,
    Below,
    Same,
}

/// The longer signs first, for they begin with the shorter ones.
const SIGNS: [(&str, Comparison); 5] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    (">", Comparison::Above),
    ("<", Comparison::Below),
    ("=", Comparison::Same),
];

/// Why a text says nothing about versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    #[error("the text is longer than {MAX_TEXT} characters")]
    TooLong,
    #[error("`{0}` is no version")]
    Version(String),
    #[error("no version can be both")]
    Empty,
}

impl VersionRange {
    /// Reads conditions with commas between them; a version alone stands for itself and all that begin with it.
    ///
    /// # Errors
    /// The text is too long, or a condition is none.
    pub fn parse(text: &str) -> Result<Self, RangeError> {
        if text.len() > MAX_TEXT {
            return Err(RangeError::TooLong);
        }
        let mut conditions = Vec::new();
        for part in text.split(',') {
            let part = part.trim();
            let (comparison, version) = SIGNS
                .iter()
                .find_map(|(sign, comparison)| Some((*comparison, part.strip_prefix(sign)?.trim_start())))
                .unwrap_or((Comparison::Same, part));
            let version = Version::wanted(version).ok_or_else(|| RangeError::Version(version.to_owned()))?;
            conditions.push((comparison, version));
        }
        let range = Self { conditions, text: text.trim().into() };
        if range.is_empty() { Err(RangeError::Empty) } else { Ok(range) }
    }

    /// Whether all conditions hold.
    pub fn holds(&self, version: &Version) -> bool {
        self.conditions.iter().all(|(comparison, bound)| {
            let order = version.cmp_as_written(bound);
            match comparison {
                Comparison::AtLeast => order != Ordering::Less,
                Comparison::Above => order == Ordering::Greater,
                Comparison::AtMost => order != Ordering::Greater,
                Comparison::Below => order == Ordering::Less,
                Comparison::Same => order == Ordering::Equal,
            }
        })
    }

    /// The versions that it names.
    pub fn bounds(&self) -> impl Iterator<Item = &Version> {
        self.conditions.iter().map(|(_, bound)| bound)
    }

    /// Whether a lower bound lies above an upper one, as in `>=5, <4`.
    fn is_empty(&self) -> bool {
        let is_lower = |one: &Comparison| matches!(one, Comparison::AtLeast | Comparison::Above | Comparison::Same);
        let is_upper = |one: &Comparison| matches!(one, Comparison::AtMost | Comparison::Below | Comparison::Same);
        let lowers = self.conditions.iter().filter(|(one, _)| is_lower(one));
        lowers.clone().any(|(_, low)| {
            let uppers = self.conditions.iter().filter(|(one, _)| is_upper(one));
            uppers.into_iter().any(|(_, high)| low.cmp_as_written(high) == Ordering::Greater)
        })
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_as_far_as_they_are_written() {
        let cases: [(&str, &[&str], &[&str]); 9] = [
            ("11", &["11", "11.0.24", "11.0.24+8"], &["10.0.9", "12", "1.11"]),
            (">=4.7.2", &["4.7.2", "4.8", "4.8.09037", "5"], &["4.7.1", "4.7", "3.5"]),
            (">4.7", &["4.8", "5"], &["4.7.2", "4.7", "4.6"]),
            ("<=11", &["11.0.24", "8"], &["12", "17.0.1"]),
            ("<3", &["2.99.9"], &["3", "3.0.1"]),
            (">= 2.9, < 3", &["2.9", "2.90.0"], &["2.8", "3.0", "3"]),
            ("=2.90", &["2.90.0", "2.90"], &["2.9", "2.91"]),
            (">=2012 R2, <=2019", &["2012 R2", "2016", "2019"], &["2012", "2008 R2", "2022"]),
            ("0", &["0.9"], &["1"]),
        ];
        for (text, within, outside) in cases {
            let range = VersionRange::parse(text).unwrap();
            assert_eq!(range.to_string(), text);
            let holds = |version: &&&str| range.holds(&Version::found(version).unwrap());
            assert_eq!(within.iter().filter(|one| !holds(one)).collect::<Vec<_>>(), [&""; 0], "{text}");
            assert_eq!(outside.iter().filter(holds).collect::<Vec<_>>(), [&""; 0], "{text}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        let version = |text: &str| RangeError::Version(text.to_owned());
        let cases = [
            ("", version("")),
            (">=", version("")),
            ("=>4.8", version(">4.8")),
            ("4.8 or later", version("4.8 or later")),
            (">=4.8,", version("")),
            ("~>4", version("~>4")),
            (">=5, <4", RangeError::Empty),
            ("11, 17", RangeError::Empty),
        ];
        for (text, error) in cases {
            assert_eq!(VersionRange::parse(text), Err(error), "{text}");
        }
        assert_eq!(VersionRange::parse(&"1,".repeat(200)), Err(RangeError::TooLong));
    }
}

//! The name of a run: the time at which it began, and a number where that is not enough. Names sort as the runs took place, whatever
//! the clock does.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The form of the time in a name; names of one form sort as their times do.
const FORM: &str = "%Y%m%dT%H%M%SZ";
const FORM_LENGTH: usize = "20261231T235959Z".len();

/// A run's name, such as `20261122T054142Z` or, for the second in that second, `20261122T054142Z-2`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunName {
    time: Box<str>,
    number: u32,
}

/// A text that is not the name of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a run")]
pub struct RunNameError(String);

impl RunName {
    /// The name of a run that begins now and after `last`: a clock that was set back does not put it before runs that took place.
    pub fn next(now: jiff::Timestamp, last: Option<&Self>) -> Self {
        let fresh = Self { time: now.strftime(FORM).to_string().into(), number: 1 };
        match last {
            Some(last) if *last >= fresh => Self { time: last.time.clone(), number: last.number.saturating_add(1) },
            _ => fresh,
        }
    }
}

impl RunName {
    /// Whether the run began after a point in time, as its name tells to the second.
    pub fn began_after(&self, time: jiff::Timestamp) -> bool {
        self.time > Self::next(time, None).time
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.time)?;
        if self.number > 1 { write!(f, "-{}", self.number) } else { Ok(()) }
    }
}

impl FromStr for RunName {
    type Err = RunNameError;

    fn from_str(text: &str) -> Result<Self, RunNameError> {
        let (time, number) = text.split_once('-').map_or((text, Some(1)), |(time, number)| {
            (time, number.parse().ok().filter(|parsed: &u32| *parsed > 1 && parsed.to_string() == number))
        });
        let is_time = time.len() == FORM_LENGTH
            && time.bytes().enumerate().all(|(at, byte)| match at {
                8 => byte == b'T',
                15 => byte == b'Z',
                _ => byte.is_ascii_digit(),
            });
        match number {
            Some(number) if is_time => Ok(Self { time: time.into(), number }),
            _ => Err(RunNameError(text.to_owned())),
        }
    }
}

impl Ord for RunName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.time.cmp(&other.time).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for RunName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for RunName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> jiff::Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn names_follow_each_other_whatever_the_clock_does() {
        let first = RunName::next(at("2026-11-22T05:41:42Z"), None);
        assert_eq!(first.to_string(), "20261122T054142Z");
        let mut last = first;
        for _ in 0..11 {
            let next = RunName::next(at("2026-11-22T05:41:42Z"), Some(&last));
            assert!(next > last);
            last = next;
        }
        assert_eq!(last.to_string(), "20261122T054142Z-12");
        let back = RunName::next(at("2001-01-01T00:00:00Z"), Some(&last));
        assert_eq!(back.to_string(), "20261122T054142Z-13");
        assert!(back.began_after(at("2026-11-22T05:41:41Z")) && !back.began_after(at("2026-11-22T05:41:42Z")));
        let on = RunName::next(at("2026-11-22T05:41:43Z"), Some(&back));
        assert_eq!(on.to_string(), "20261122T054143Z");
        for name in [last, back, on] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
    }

    #[test]
    fn other_texts_are_no_names() {
        for text in
            ["", "latest", "20261122T054142Z-", "20261122T054142Z-1", "20261122T054142Z-02", "20261122T054142", "../x"]
        {
            assert!(text.parse::<RunName>().is_err(), "{text}");
        }
    }
}

//! Points in time: Windows' FILETIME and the plan's own reading of the clock.

use std::fmt;

/// Seconds between 1601-01-01 and 1970-01-01.
const EPOCH_OFFSET_SECONDS: i128 = 11_644_473_600;
const TICKS_PER_SECOND: i128 = 10_000_000;

/// A FILETIME: 100-nanosecond ticks since 1601-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileTime(pub u64);

impl FileTime {
    /// The FILETIME of a point in time; 0 for one before 1601.
    pub fn from_timestamp(at: jiff::Timestamp) -> Self {
        let ticks = at.as_nanosecond() / 100 + EPOCH_OFFSET_SECONDS * TICKS_PER_SECOND;
        Self(u64::try_from(ticks).unwrap_or(0))
    }

    /// The point in time, `None` beyond the calendar (year 9999).
    pub fn to_timestamp(self) -> Option<jiff::Timestamp> {
        let nanoseconds = (i128::from(self.0) - EPOCH_OFFSET_SECONDS * TICKS_PER_SECOND) * 100;
        jiff::Timestamp::from_nanosecond(nanoseconds).ok()
    }
}

impl fmt::Display for FileTime {
    /// RFC 3339 in UTC; a time beyond the calendar prints as `filetime:` and its ticks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_timestamp() {
            Some(at) => at.fmt(f),
            None => write!(f, "filetime:{}", self.0),
        }
    }
}

impl serde::Serialize for FileTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for FileTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        if let Some(ticks) = text.strip_prefix("filetime:") {
            return ticks.parse().map(Self).map_err(D::Error::custom);
        }
        text.parse().map(Self::from_timestamp).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_print_as_utc() {
        assert_eq!(FileTime(131_000_000_000_000_001).to_string(), "2016-02-15T08:53:20.0000001Z");
        assert_eq!(FileTime(0).to_string(), "1601-01-01T00:00:00Z");
        assert_eq!(FileTime(u64::MAX).to_string(), "filetime:18446744073709551615");
    }

    proptest::proptest! {
        #[test]
        fn json_keeps_every_tick(ticks in proptest::prelude::any::<u64>()) {
            let json = serde_json::to_string(&FileTime(ticks)).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<FileTime>(&json).unwrap(), FileTime(ticks));
        }
    }
}

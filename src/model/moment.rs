//! A point in time as a document writes it: a day, which begins at 00:00 UTC, or an RFC 3339 timestamp with its zone.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decode::{Decode, Decoder};
use super::diagnostic::Diagnostic;
use super::node::Node;

/// A point in time; a day stands for its first moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(pub jiff::Timestamp);

/// Why a text is not a point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MomentError {
    #[error("expected a day or a point in time")]
    Shape,
    #[error("the point in time has no zone")]
    NoZone { text: String },
    #[error("there is no such day or time")]
    NotThere,
}

impl MomentError {
    /// What to write instead.
    pub fn hint(&self) -> String {
        match self {
            Self::Shape => {
                "write a day as in `2026-12-31`, or a time with its zone as in `2026-12-31T18:00:00Z`".into()
            }
            Self::NoZone { text } => format!("write `{text}Z` for UTC, or an offset as in `{text}+01:00`"),
            Self::NotThere => {
                "look at the days of the month and at the hours; the calendar ends with 9999-12-30".into()
            }
        }
    }
}

/// The shape of a time with its zone after the day, which RFC 3339 (section 5.6) calls `partial-time time-offset`.
const PATTERN: &str = concat!(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}",
    r"([Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2}))?$"
);

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (day, time) = match text.split_once(['T', 't']) {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        };
        if !has_shape(day, "0000-00-00") {
            return Err(MomentError::Shape);
        }
        let Some(time) = time else {
            let day: jiff::civil::Date = day.parse().map_err(|_| MomentError::NotThere)?;
            let first = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| MomentError::NotThere)?;
            return Ok(Self(first.timestamp()));
        };
        let (clock, zone) = time.split_at_checked("00:00:00".len()).ok_or(MomentError::Shape)?;
        let fraction = zone.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        let zone = match (zone.strip_prefix('.'), fraction) {
            (None, _) => zone,
            (Some(rest), 1..=9) => rest.get(fraction..).unwrap_or_default(),
            (Some(_), _) => return Err(MomentError::Shape),
        };
        if !has_shape(clock, "00:00:00") {
            return Err(MomentError::Shape);
        }
        match zone {
            "" => return Err(MomentError::NoZone { text: text.to_owned() }),
            "Z" | "z" => {}
            offset if has_shape(offset, "+00:00") || has_shape(offset, "-00:00") => {}
            _ => return Err(MomentError::Shape),
        }
        // A leap second is read as the second before it, which is not what was written.
        if clock.ends_with(":60") {
            return Err(MomentError::NotThere);
        }
        let at: jiff::Timestamp = text.parse().map_err(|_| MomentError::NotThere)?;
        // With its offset, the first year can begin before what four digits can say.
        let is_writable = at.to_zoned(jiff::tz::TimeZone::UTC).year() >= 0;
        if is_writable { Ok(Self(at)) } else { Err(MomentError::NotThere) }
    }
}

/// Whether a text is the pattern with any digit in the place of each zero.
fn has_shape(text: &str, pattern: &str) -> bool {
    let fits = |(c, p): (u8, u8)| if p == b'0' { c.is_ascii_digit() } else { c == p };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(fits)
}

impl fmt::Display for Moment {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Decode for Moment {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let text = cx.text(node)?;
        text.parse()
            .map_err(|error: MomentError| {
                cx.push(Diagnostic::error("document.bad_moment", error.to_string()).at(node.at).hint(error.hint()));
            })
            .ok()
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A day, from 00:00 UTC on, or an RFC 3339 timestamp with its zone.",
            // A variable may bring it.
            "anyOf": [{ "pattern": PATTERN }, { "pattern": r"\$\{" }],
            "examples": ["2026-12-31", "2026-12-31T18:00:00+01:00"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_become_utc() {
        for (text, utc) in [
            ("2026-12-31", "2026-12-31T00:00:00Z"),
            ("2028-02-29", "2028-02-29T00:00:00Z"),
            ("0000-01-01", "0000-01-01T00:00:00Z"),
            ("9999-12-30", "9999-12-30T00:00:00Z"),
            ("2026-12-31T18:00:00Z", "2026-12-31T18:00:00Z"),
            ("2026-12-31t18:00:00z", "2026-12-31T18:00:00Z"),
            ("2026-12-31T18:00:00.25+01:00", "2026-12-31T17:00:00.25Z"),
            ("2026-12-31T23:30:00-05:30", "2027-01-01T05:00:00Z"),
            ("2026-12-31T18:00:00-00:00", "2026-12-31T18:00:00Z"),
        ] {
            assert_eq!(text.parse::<Moment>().map(|moment| moment.to_string()), Ok(utc.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_says_why() {
        let no_zone = |text: &str| MomentError::NoZone { text: text.into() };
        for (text, error) in [
            ("", MomentError::Shape),
            ("2026", MomentError::Shape),
            ("2026-1-1", MomentError::Shape),
            ("31.12.2026", MomentError::Shape),
            ("20261231", MomentError::Shape),
            ("2026-12-31 18:00:00Z", MomentError::Shape),
            ("2026-12-31T18:00Z", MomentError::Shape),
            ("2026-12-31T18:00:00.Z", MomentError::Shape),
            ("2026-12-31T18:00:00.1234567890Z", MomentError::Shape),
            ("2026-12-31T18:00:00+01", MomentError::Shape),
            ("2026-12-31T18:00:00Z[UTC]", MomentError::Shape),
            ("2026-12-31T18:00:00 Z", MomentError::Shape),
            ("2026-12-31Tää:00:00Z", MomentError::Shape),
            ("2026-12-31T18:00:00", no_zone("2026-12-31T18:00:00")),
            ("2026-12-31T18:00:00.5", no_zone("2026-12-31T18:00:00.5")),
            ("2026-02-30", MomentError::NotThere),
            ("2027-02-29", MomentError::NotThere),
            ("2026-13-01", MomentError::NotThere),
            ("2026-00-01", MomentError::NotThere),
            ("9999-12-31", MomentError::NotThere),
            ("2026-12-31T24:00:00Z", MomentError::NotThere),
            ("2026-12-31T23:59:60Z", MomentError::NotThere),
            ("2026-12-31T18:00:00+99:00", MomentError::NotThere),
            ("0000-01-01T00:00:00+01:00", MomentError::NotThere),
        ] {
            assert_eq!(text.parse::<Moment>(), Err(error), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in r"([0-9]{4}-[0-9]{2}-[0-9]{2}([Tt][0-9:.]{0,14})?[-+Zz0-9:]{0,6}|.{0,30})") {
            if let Ok(moment) = text.parse::<Moment>() {
                proptest::prop_assert_eq!(moment.to_string().parse(), Ok(moment));
            }
        }
    }
}

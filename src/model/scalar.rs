//! Quantities with a unit in their text: lengths of time and sizes.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::decode::{Decode, Decoder};
use super::diagnostic::Diagnostic;
use super::node::{Meaning, Node};

/// A length of time in whole seconds: `90s`, `15m`, `12h`, `30d`, `10y`; a year is 365 days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Duration(u64);

/// A size in bytes: `512B`, `4KiB`, `16MiB`, `1GiB`, `2TiB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Size(u64);

/// A unit's name and how many of the smallest unit it is.
type Unit = (&'static str, u64);

const TIMES: [Unit; 5] = [("y", 365 * 86_400), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
const SIZES: [Unit; 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Why a text is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("expected a whole number and a unit, as in `{example}`")]
    Shape { example: &'static str },
    #[error("the unit is missing")]
    NoUnit { example: &'static str },
    #[error("there is no unit `{unit}`")]
    Unit { unit: String, units: &'static [Unit] },
    #[error("the quantity does not fit in 64 bits")]
    TooLarge,
}

impl QuantityError {
    /// What to write instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoUnit { example } => Some(format!("write it with a unit, as in `{example}`")),
            Self::Unit { units, .. } => {
                let names: Vec<_> = units.iter().rev().map(|(name, _)| format!("`{name}`")).collect();
                Some(format!("the units are {}", names.join(", ")))
            }
            Self::Shape { .. } | Self::TooLarge => None,
        }
    }
}

fn parse(text: &str, units: &'static [Unit], example: &'static str) -> Result<u64, QuantityError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (Some(number), Some(unit)) = (text.get(..digits), text.get(digits..)) else {
        return Err(QuantityError::Shape { example });
    };
    if number.is_empty() || !unit.chars().all(|c| c.is_ascii_alphabetic()) {
        return Err(QuantityError::Shape { example });
    }
    if unit.is_empty() {
        return Err(QuantityError::NoUnit { example });
    }
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(QuantityError::Unit { unit: unit.to_owned(), units });
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor)).ok_or(QuantityError::TooLarge)
}

/// Writes the quantity in the largest unit that leaves no rest.
fn write(f: &mut fmt::Formatter<'_>, amount: u64, units: &[Unit]) -> fmt::Result {
    let fits = |(_, factor): &&Unit| amount != 0 && amount.is_multiple_of(*factor);
    let (name, factor) = units.iter().find(fits).or(units.last()).copied().unwrap_or(("", 1));
    write!(f, "{}{name}", amount / factor)
}

fn decode(node: &Node<'_>, units: &'static [Unit], example: &'static str, cx: &mut Decoder) -> Option<u64> {
    let parsed = match node.as_scalar() {
        Some(scalar) if matches!(scalar.meaning(), Meaning::Null) => {
            return cx.wrong_type(node, "a number with a unit");
        }
        Some(scalar) => parse(&scalar.text, units, example),
        None => return cx.wrong_type(node, "a number with a unit"),
    };
    parsed
        .map_err(|error| {
            cx.push(Diagnostic::error("document.bad_quantity", error.to_string()).at(node.at).hint_if(error.hint()));
        })
        .ok()
}

macro_rules! quantity {
    ($name:ident, $units:ident, $example:literal, $pattern:literal) => {
        impl std::str::FromStr for $name {
            type Err = QuantityError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse(text, &$units, $example).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write(f, self.0, &$units)
            }
        }

        impl Decode for $name {
            fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
                decode(node, &$units, $example, cx).map(Self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "examples": [$example] })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}
quantity!(Duration, TIMES, "30d", "^[0-9]+[smhdy]$");
quantity!(Size, SIZES, "4KiB", "^[0-9]+([KMGT]i)?B$");

impl Duration {
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    pub const fn seconds(self) -> u64 {
        self.0
    }
}

impl Size {
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    pub const fn bytes(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_and_print() {
        let cases = [
            ("90s", 90, "90s"),
            ("15m", 900, "15m"),
            ("48h", 172_800, "2d"),
            ("10y", 315_360_000, "10y"),
            ("0d", 0, "0s"),
        ];
        for (text, seconds, shown) in cases {
            let duration: Duration = text.parse().unwrap();
            assert_eq!((duration.seconds(), duration.to_string().as_str()), (seconds, shown));
        }
        assert_eq!("4KiB".parse::<Size>().unwrap().bytes(), 4096);
        assert_eq!(Size::from_bytes(3 << 20).to_string(), "3MiB");
    }

    #[test]
    fn what_is_no_quantity_says_why() {
        let refuse = |text: &str| text.parse::<Duration>().unwrap_err();
        assert_eq!(refuse("30"), QuantityError::NoUnit { example: "30d" });
        assert_eq!(refuse("30 d"), QuantityError::Shape { example: "30d" });
        assert_eq!(refuse("-3d"), QuantityError::Shape { example: "30d" });
        assert_eq!(refuse("99999999999999999y"), QuantityError::TooLarge);
        assert_eq!("4KB".parse::<Size>().unwrap_err().hint().unwrap(), "the units are `B`, `KiB`, `MiB`, `GiB`, `TiB`");
    }

    proptest::proptest! {
        #[test]
        fn display_parses_back(amount: u64) {
            proptest::prop_assert_eq!(Duration(amount).to_string().parse(), Ok(Duration(amount)));
            proptest::prop_assert_eq!(Size(amount).to_string().parse(), Ok(Size(amount)));
        }
    }
}

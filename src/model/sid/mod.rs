//! Security identifiers: one account, group or service, in the one form that does not depend on a language or a name.
//!
//! Text and binary forms: [MS-DTYP] 2.4.2. Names: the `accounts` table. Looks nothing up on a machine.

mod accounts;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The most sub-authorities a SID can hold.
pub const MAX_SUB_AUTHORITIES: usize = 15;

const REVISION: u8 = 1;
const HEADER_LEN: usize = 8;
const MAX_AUTHORITY: u64 = (1 << 48) - 1;
/// The longest text of a SID: `S-1-`, a hexadecimal authority and fifteen ten-digit numbers, with room for leading zeros.
const MAX_TEXT: usize = 256;

/// A security identifier, made once from text, bytes or an account name, and never wrong after.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sid {
    authority: u64,
    /// Slots past `count` are zero, so that the derived order and equality hold.
    sub_authorities: [u32; MAX_SUB_AUTHORITIES],
    count: u8,
}

/// Why a text or a run of bytes is not a SID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SidError {
    /// The text does not have the shape of a SID.
    #[error("not a SID of the form S-1-5-32-544")]
    Shape,
    /// The text or the bytes name a revision other than 1.
    #[error("SID revision {revision} is not 1")]
    Revision {
        /// What stands where 1 should.
        revision: String,
    },
    /// The authority does not fit 48 bits.
    #[error("the authority of a SID must be a number below 2^48")]
    Authority,
    /// A sub-authority does not fit 32 bits.
    #[error("sub-authority {position} of the SID must be a number below 2^32")]
    SubAuthority {
        /// Counted from 1.
        position: usize,
    },
    /// More sub-authorities than Windows allows.
    #[error("a SID holds at most {MAX_SUB_AUTHORITIES} sub-authorities, not {count}")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// The text is longer than any SID.
    #[error("{length} bytes are too long for a SID; the limit is {MAX_TEXT}")]
    TooLong {
        /// Bytes of text.
        length: usize,
    },
    /// The bytes end before the SID does.
    #[error("a SID needs {needed} bytes here, but {available} are left")]
    Truncated {
        /// Bytes the SID takes.
        needed: usize,
        /// Bytes there are.
        available: usize,
    },
}

impl Sid {
    /// `NULL SID`: nobody.
    pub const NOBODY: Self = Self::short(0, [0, 0], 1);
    /// `Everyone`.
    pub const EVERYONE: Self = Self::short(1, [0, 0], 1);
    /// `CREATOR OWNER`, replaced by the owner when an entry is inherited.
    pub const CREATOR_OWNER: Self = Self::short(3, [0, 0], 1);
    /// `CREATOR GROUP`, replaced by the primary group when an entry is inherited.
    pub const CREATOR_GROUP: Self = Self::short(3, [1, 0], 1);
    /// `NT AUTHORITY\Authenticated Users`.
    pub const AUTHENTICATED_USERS: Self = Self::short(5, [11, 0], 1);
    /// `NT AUTHORITY\SYSTEM`.
    pub const SYSTEM: Self = Self::short(5, [18, 0], 1);
    /// `NT AUTHORITY\LOCAL SERVICE`.
    pub const LOCAL_SERVICE: Self = Self::short(5, [19, 0], 1);
    /// `NT AUTHORITY\NETWORK SERVICE`.
    pub const NETWORK_SERVICE: Self = Self::short(5, [20, 0], 1);
    /// `BUILTIN\Administrators`.
    pub const ADMINISTRATORS: Self = Self::short(5, [32, 544], 2);
    /// `BUILTIN\Users`.
    pub const USERS: Self = Self::short(5, [32, 545], 2);

    const fn short(authority: u64, [first, second]: [u32; 2], count: u8) -> Self {
        Self { authority, sub_authorities: [first, second, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], count }
    }

    /// Makes a SID of an authority and its sub-authorities.
    ///
    /// # Errors
    /// The authority needs more than 48 bits, or there are more than [`MAX_SUB_AUTHORITIES`].
    pub fn new(authority: u64, sub_authorities: &[u32]) -> Result<Self, SidError> {
        if authority > MAX_AUTHORITY {
            return Err(SidError::Authority);
        }
        let too_many = || SidError::TooMany { count: sub_authorities.len() };
        let mut slots = [0; MAX_SUB_AUTHORITIES];
        slots.get_mut(..sub_authorities.len()).ok_or_else(too_many)?.copy_from_slice(sub_authorities);
        let count = u8::try_from(sub_authorities.len()).map_err(|_| too_many())?;
        Ok(Self { authority, sub_authorities: slots, count })
    }

    /// Reads the SID at the start of `bytes`; what follows it is left alone ([`Sid::encoded_len`] tells where it ends).
    ///
    /// # Errors
    /// The bytes are too few, or not a SID of revision 1.
    pub fn from_prefix(bytes: &[u8]) -> Result<Self, SidError> {
        let truncated = |needed| SidError::Truncated { needed, available: bytes.len() };
        let ([revision, count, authority @ ..], rest) =
            bytes.split_first_chunk::<HEADER_LEN>().ok_or_else(|| truncated(HEADER_LEN))?;
        if *revision != REVISION {
            return Err(SidError::Revision { revision: revision.to_string() });
        }
        let count = usize::from(*count);
        if count > MAX_SUB_AUTHORITIES {
            return Err(SidError::TooMany { count });
        }
        let (words, _) = rest.as_chunks::<4>();
        let words = words.get(..count).ok_or_else(|| truncated(HEADER_LEN + 4 * count))?;
        let sub_authorities: Vec<u32> = words.iter().copied().map(u32::from_le_bytes).collect();
        let authority = authority.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Self::new(authority, &sub_authorities)
    }

    /// The SID as Windows stores it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        bytes.extend([REVISION, self.count]);
        bytes.extend(self.authority.to_be_bytes().into_iter().skip(2));
        bytes.extend(self.sub_authorities().iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    /// How many bytes [`Sid::to_bytes`] gives: 8 to 68.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN + 4 * usize::from(self.count)
    }

    /// The identifier authority: 5 for `NT AUTHORITY`.
    #[must_use]
    pub fn authority(&self) -> u64 {
        self.authority
    }

    /// The numbers after the authority.
    #[must_use]
    pub fn sub_authorities(&self) -> &[u32] {
        self.sub_authorities.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// The SID of an account whose SID is the same on every machine, or is computed from its name.
    ///
    /// Takes English names in any case, with or without their authority (`Administrators`, `BUILTIN\Administrators`),
    /// and any `NT SERVICE\name` and `IIS AppPool\name`. `None` for accounts that only a machine or a domain can know.
    #[must_use]
    pub fn from_account(name: &str) -> Option<Self> {
        accounts::sid_of(name)
    }

    /// The full English name of a well-known account: `NT AUTHORITY\SYSTEM`.
    #[must_use]
    pub fn account(&self) -> Option<String> {
        accounts::name_of(self)
    }
}

impl FromStr for Sid {
    type Err = SidError;

    /// Reads `S-1-5-32-544`; the authority may be hexadecimal (`0x…`), as Windows prints those of 2^32 and above.
    fn from_str(text: &str) -> Result<Self, SidError> {
        if text.len() > MAX_TEXT {
            return Err(SidError::TooLong { length: text.len() });
        }
        let mut parts = text.split('-');
        if !parts.next().is_some_and(|letter| letter.eq_ignore_ascii_case("s")) {
            return Err(SidError::Shape);
        }
        let revision = parts.next().ok_or(SidError::Shape)?;
        if revision != "1" {
            return Err(SidError::Revision { revision: revision.to_owned() });
        }
        let authority = parse_authority(parts.next().ok_or(SidError::Shape)?)?;
        let sub_authorities = parts
            .enumerate()
            .map(|(index, part)| {
                let position = index + 1;
                decimal(part).and_then(|n| u32::try_from(n).ok()).ok_or(SidError::SubAuthority { position })
            })
            .collect::<Result<Vec<u32>, _>>()?;
        Self::new(authority, &sub_authorities)
    }
}

fn parse_authority(text: &str) -> Result<u64, SidError> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let number = match hex {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => u64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => decimal(text),
    };
    number.ok_or(SidError::Authority)
}

/// A run of decimal digits; unlike `u64::from_str`, no sign.
fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if u32::try_from(self.authority).is_ok() {
            write!(f, "S-1-{}", self.authority)?;
        } else {
            write!(f, "S-1-{:#014x}", self.authority)?;
        }
        self.sub_authorities().iter().try_for_each(|word| write!(f, "-{word}"))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl de::Visitor<'_> for Text {
            type Value = Sid;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a SID such as S-1-5-32-544")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Sid, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_forms() {
        let cases: &[(&str, Result<&str, SidError>)] = &[
            ("S-1-5-32-544", Ok("S-1-5-32-544")),
            ("s-1-1-0", Ok("S-1-1-0")),
            ("S-1-5", Ok("S-1-5")),
            ("S-1-0x5-18", Ok("S-1-5-18")),
            ("S-1-4294967295-1", Ok("S-1-4294967295-1")),
            ("S-1-4294967296-1", Ok("S-1-0x000100000000-1")),
            ("S-1-0xFFFFFFFFFFFF-1", Ok("S-1-0xffffffffffff-1")),
            ("", Err(SidError::Shape)),
            ("Administrators", Err(SidError::Shape)),
            ("S-1", Err(SidError::Shape)),
            ("S-2-5-18", Err(SidError::Revision { revision: "2".into() })),
            ("S-1-0x1000000000000-1", Err(SidError::Authority)),
            ("S-1-0x-1", Err(SidError::Authority)),
            ("S-1--18", Err(SidError::Authority)),
            ("S-1-5-+18", Err(SidError::SubAuthority { position: 1 })),
            ("S-1-5-32-4294967296", Err(SidError::SubAuthority { position: 2 })),
            ("S-1-5-32-", Err(SidError::SubAuthority { position: 2 })),
            ("S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16", Err(SidError::TooMany { count: 16 })),
        ];
        for (text, expected) in cases {
            let found = text.parse::<Sid>().map(|sid| sid.to_string());
            assert_eq!(found, expected.clone().map(str::to_owned), "{text}");
        }
        assert_eq!("S".repeat(300).parse::<Sid>(), Err(SidError::TooLong { length: 300 }));
    }

    #[test]
    fn binary_forms() {
        let administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        assert_eq!(Sid::ADMINISTRATORS.to_bytes(), administrators);
        let mut longer = administrators.to_vec();
        longer.extend([7, 7, 7]);
        assert_eq!(Sid::from_prefix(&longer), Ok(Sid::ADMINISTRATORS));
        assert_eq!(Sid::from_prefix(&administrators[..15]), Err(SidError::Truncated { needed: 16, available: 15 }));
        assert_eq!(Sid::from_prefix(&[1]), Err(SidError::Truncated { needed: 8, available: 1 }));
        assert_eq!(Sid::from_prefix(&[1, 16, 0, 0, 0, 0, 0, 5]), Err(SidError::TooMany { count: 16 }));
        assert_eq!(Sid::from_prefix(&[2; 8]), Err(SidError::Revision { revision: "2".into() }));
    }

    #[test]
    fn serde_is_text() {
        assert_eq!(serde_json::to_string(&Sid::SYSTEM).unwrap(), r#""S-1-5-18""#);
        assert_eq!(serde_json::from_str::<Sid>(r#""S-1-5-18""#).unwrap(), Sid::SYSTEM);
        assert!(serde_json::from_str::<Sid>(r#""SYSTEM""#).is_err());
    }

    fn any_sid() -> impl Strategy<Value = Sid> {
        (0..=MAX_AUTHORITY, proptest::collection::vec(any::<u32>(), 0..=MAX_SUB_AUTHORITIES))
            .prop_map(|(authority, words)| Sid::new(authority, &words).unwrap())
    }

    proptest! {
        #[test]
        fn text_and_bytes_round_trip(sid in any_sid()) {
            prop_assert_eq!(sid.to_string().parse::<Sid>(), Ok(sid));
            prop_assert_eq!(Sid::from_prefix(&sid.to_bytes()), Ok(sid));
            prop_assert_eq!(sid.to_bytes().len(), sid.encoded_len());
        }

        #[test]
        fn any_input_is_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..90), text in "[sS]-1-[-0-9x]{0,40}") {
            if let Ok(sid) = Sid::from_prefix(&bytes) {
                prop_assert_eq!(&sid.to_bytes(), &bytes[..sid.encoded_len()]);
            }
            if let Ok(sid) = text.parse::<Sid>() {
                prop_assert_eq!(sid.to_string().parse::<Sid>(), Ok(sid));
            }
        }

        #[test]
        fn order_is_that_of_the_numbers(a in any_sid(), b in any_sid()) {
            let numbers = (a.authority(), a.sub_authorities()).cmp(&(b.authority(), b.sub_authorities()));
            prop_assert_eq!(a.cmp(&b), numbers);
        }
    }
}

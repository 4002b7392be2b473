//! Records of the SAM hive: local groups with the SIDs of their members, and the SID of a domain of accounts. Reading only.
//!
//! No published specification covers them; the layout is that of real hives, which the tests read along with an independent reader.

use crate::model::sid::{Sid, SidError};

/// Where the tables of a group's record end; its parts' offsets count from here.
const GROUP_PARTS: usize = 0x34;
const NAME: usize = 0x10;
const COMMENT: usize = 0x1C;
const MEMBERS: usize = 0x28;

/// The machine's SID is the last 24 bytes of its domain's `V` value.
const DOMAIN_SID_BYTES: usize = 24;

/// The most members that are read; a SID takes 8 bytes at least, so no record of a hive can hold more.
const MAX_MEMBERS: usize = 1 << 20;

/// A local group, the `C` value of a key below `Aliases`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The last number of its SID.
    pub relative: u32,
    /// As the machine calls it, in its own language.
    pub name: String,
    pub comment: String,
    /// In the order of the record.
    pub members: Vec<Sid>,
}

/// Why a value is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SamError {
    #[error("the record ends at {length} bytes, within its tables")]
    Short { length: usize },
    #[error("the {part} lies at {offset} with {length} bytes, outside the record")]
    Outside { part: &'static str, offset: usize, length: usize },
    #[error("{count} members are more than the limit of {MAX_MEMBERS}")]
    TooMany { count: usize },
    #[error("member {position} has no SID")]
    Member {
        /// Counted from 1.
        position: usize,
        #[source]
        source: SidError,
    },
    #[error("the domain's record holds no SID")]
    Domain(#[source] SidError),
}

impl Group {
    /// Reads the record of a group.
    ///
    /// # Errors
    /// A table or a part lies outside the record, or a member is no SID.
    pub fn parse(bytes: &[u8]) -> Result<Self, SamError> {
        let relative = number(bytes, 0)?;
        let count = usize::try_from(number(bytes, MEMBERS + 8)?).unwrap_or(usize::MAX);
        if count > MAX_MEMBERS {
            return Err(SamError::TooMany { count });
        }
        let mut rest = part(bytes, "members", MEMBERS)?;
        let mut members = Vec::new();
        for position in 1..=count {
            let sid = Sid::from_prefix(rest).map_err(|source| SamError::Member { position, source })?;
            rest = rest.get(sid.encoded_len()..).unwrap_or_default();
            members.push(sid);
        }
        let text = |bytes: &[u8]| {
            let (units, _) = bytes.as_chunks::<2>();
            let units: Vec<u16> = units.iter().copied().map(u16::from_le_bytes).collect();
            String::from_utf16_lossy(&units)
        };
        let name = text(part(bytes, "name", NAME)?);
        let comment = text(part(bytes, "comment", COMMENT)?);
        Ok(Self { relative, name, comment, members })
    }
}

/// The SID of a machine's own accounts, from the `V` value of `Domains\Account`.
///
/// # Errors
/// The value is too short, or ends in something else.
pub fn machine_sid(value: &[u8]) -> Result<Sid, SamError> {
    let tail = value.len().checked_sub(DOMAIN_SID_BYTES).and_then(|at| value.get(at..));
    Sid::from_prefix(tail.unwrap_or(value)).map_err(SamError::Domain)
}

fn number(bytes: &[u8], at: usize) -> Result<u32, SamError> {
    let word = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
    word.map(|word| u32::from_le_bytes(*word)).ok_or(SamError::Short { length: bytes.len() })
}

/// The part whose offset and length stand at a place of the tables.
fn part<'b>(bytes: &'b [u8], name: &'static str, at: usize) -> Result<&'b [u8], SamError> {
    let wide = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let (offset, length) = (wide(number(bytes, at)?), wide(number(bytes, at + 4)?));
    let start = offset.checked_add(GROUP_PARTS);
    let found = start.and_then(|start| bytes.get(start..start.checked_add(length)?));
    found.ok_or(SamError::Outside { part: name, offset, length })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A record with parts one after another.
    fn record(relative: u32, name: &str, members: &[Sid]) -> Vec<u8> {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let sids: Vec<u8> = members.iter().flat_map(Sid::to_bytes).collect();
        let mut parts = Vec::new();
        let mut bytes = relative.to_le_bytes().to_vec();
        for (part, qualifier) in [(&[][..], 0), (&name, 0), (&[], 0), (&sids, members.len())] {
            bytes.extend(
                [parts.len(), part.len(), qualifier].iter().flat_map(|n| u32::try_from(*n).unwrap().to_le_bytes()),
            );
            parts.extend(part);
            parts.resize(parts.len().next_multiple_of(4), 0);
        }
        bytes.extend(parts);
        bytes
    }

    #[test]
    fn damaged_records_say_what_is_wrong() {
        let whole = record(544, "Administratoren", &[Sid::SYSTEM]);
        let group = Group::parse(&whole).unwrap();
        assert_eq!((group.relative, &*group.name, group.members), (544, "Administratoren", vec![Sid::SYSTEM]));
        let with = |at: usize, number: u32| {
            let mut bytes = whole.clone();
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
            Group::parse(&bytes).unwrap_err()
        };
        assert_eq!(Group::parse(&whole[..0x33]).unwrap_err(), SamError::Short { length: 0x33 });
        assert_eq!(with(NAME, u32::MAX), SamError::Outside { part: "name", offset: 0xFFFF_FFFF, length: 30 });
        assert_eq!(with(MEMBERS + 4, 200), SamError::Outside { part: "members", offset: 32, length: 200 });
        assert_eq!(with(MEMBERS + 8, u32::MAX), SamError::TooMany { count: 0xFFFF_FFFF });
        let SamError::Member { position: 2, .. } = with(MEMBERS + 8, 2) else { panic!("the second is missing") };
    }

    #[test]
    fn the_end_of_a_domain_is_its_sid() {
        let sid: Sid = "S-1-5-21-1-2-3".parse().unwrap();
        let value = [vec![7; 40], sid.to_bytes()].concat();
        assert_eq!(machine_sid(&value), Ok(sid));
        assert!(machine_sid(&value[..60]).is_err());
        assert!(machine_sid(&[]).is_err());
    }

    proptest! {
        #[test]
        fn groups_round_trip(relative: u32, name in ".{0,20}", numbers in proptest::collection::vec(any::<u32>(), 0..6)) {
            let members: Vec<Sid> = numbers.iter().map(|n| Sid::new(5, &[21, 1, 2, 3, *n]).unwrap()).collect();
            let group = Group::parse(&record(relative, &name, &members)).unwrap();
            prop_assert_eq!(group, Group { relative, name, comment: String::new(), members });
        }

        #[test]
        fn any_bytes_are_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..52_usize, n in 0..400_u32) {
            let _ = Group::parse(&bytes);
            let mut damaged = record(1, "x", &[Sid::SYSTEM, Sid::ADMINISTRATORS]);
            let end = damaged.len().min(at + 4);
            damaged[at..end].copy_from_slice(&n.to_le_bytes()[..end - at]);
            let _ = Group::parse(&damaged);
        }
    }
}

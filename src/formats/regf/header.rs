//! The base block: the 4096 bytes before the first bin.

use super::cells::{u32_at, u64_at, wide};
use super::records::put;
use super::{BASE_BLOCK, Error, MAX_BINS, PAGE};

const SIGNATURE: [u8; 4] = *b"regf";
/// The part of the base block that the checksum covers; the checksum follows it.
const CHECKED: usize = 508;
/// Set in the flags while the transaction manager holds the hive.
const TRANSACTIONS: u32 = 1;

/// What the base block of a hive says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Raised before a write begins.
    pub primary_sequence: u32,
    /// Set equal to the primary sequence once a write is complete.
    pub secondary_sequence: u32,
    /// Last write, as a FILETIME.
    pub last_written: u64,
    pub major: u32,
    pub minor: u32,
    /// Offset of the root key, from the first bin.
    pub root_cell: u32,
    /// Bytes taken by all bins.
    pub bins_size: u32,
    /// The last 31 characters of the path the hive was loaded from; empty when it has none.
    pub file_name: String,
    pub state: State,
    /// Whether the transaction manager's bit is set: transactions may be pending, as in a hive taken from a running system.
    pub transactions_pending: bool,
}

impl Header {
    /// Refuses a hive that was not closed properly or may have pending transactions.
    pub(super) fn settled(self) -> Result<Self, Error> {
        match self.state {
            State::Dirty(reason) => Err(Error::Dirty { reason }),
            State::Clean if self.transactions_pending => Err(Error::TransactionsPending),
            State::Clean => Ok(self),
        }
    }
}

/// Whether a hive was closed properly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Clean,
    Dirty(DirtyReason),
}

/// Why a hive counts as dirty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DirtyReason {
    #[error("its sequence numbers are {primary:#x} and {secondary:#x}")]
    SequencesDiffer { primary: u32, secondary: u32 },
    #[error("its checksum is {stored:#x} and should be {expected:#x}")]
    Checksum { stored: u32, expected: u32 },
}

/// Reads and validates the base block of a hive, clean or dirty.
///
/// # Errors
/// When the bytes are not a hive of a supported version, or when they are cut short.
pub fn header(bytes: &[u8]) -> Result<Header, Error> {
    let header = parse(bytes, 0)?;
    let needed = BASE_BLOCK.saturating_add(wide(header.bins_size));
    if bytes.len() < needed {
        return Err(Error::Truncated { needed, length: bytes.len() });
    }
    Ok(header)
}

/// Reads a base block whose file type is `kind`: 0 for a hive, 6 for the copy in a log. `bytes` may end after its first 512.
pub(super) fn parse(bytes: &[u8], kind: u32) -> Result<Header, Error> {
    let too_short = Error::TooShort { length: bytes.len() };
    let Some(block) = bytes.get(..CHECKED + 4) else { return Err(too_short) };
    if kind == 0 && bytes.len() < BASE_BLOCK {
        return Err(too_short);
    }
    let signature = *block.first_chunk::<4>().unwrap_or(&[0; 4]);
    if signature != SIGNATURE {
        return Err(Error::NotAHive { found: signature });
    }
    let field = |at: usize| u32_at(block, at).unwrap_or_default();
    let (major, minor) = (field(20), field(24));
    if major != 1 || !(3..=6).contains(&minor) {
        return Err(Error::Version { major, minor });
    }
    let (root_cell, bins_size) = (field(36), field(40));
    let faults = [
        ("the file type", field(28), field(28) == kind),
        ("the file format", field(32), field(32) == 1),
        ("the size of the bins", bins_size, bins_size > 0 && bins_size % PAGE == 0 && bins_size <= MAX_BINS),
        ("the root key's offset", root_cell, root_cell < bins_size && root_cell % 8 == 0),
    ];
    if let Some(&(name, value, _)) = faults.iter().find(|(_, _, valid)| !valid) {
        return Err(Error::BaseBlock { field: name, value });
    }
    Ok(Header {
        primary_sequence: field(4),
        secondary_sequence: field(8),
        last_written: u64_at(block, 12).unwrap_or_default(),
        major,
        minor,
        root_cell,
        bins_size,
        file_name: file_name(block),
        state: state(block),
        transactions_pending: field(144) & TRANSACTIONS != 0,
    })
}

/// Computes the checksum a base block should carry.
pub(super) fn checksum(block: &[u8]) -> u32 {
    let words = block.as_chunks::<4>().0.iter().take(CHECKED / 4);
    match words.fold(0, |sum, word| sum ^ u32::from_le_bytes(*word)) {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    }
}

/// Writes what a completed write leaves in a base block: equal sequences, the size of the bins, the time and the checksum.
pub(super) fn seal(bytes: &mut [u8], sequence: u32, bins_size: u32, now: u64) {
    put(bytes, 4, &sequence.to_le_bytes());
    put(bytes, 8, &sequence.to_le_bytes());
    put(bytes, 12, &now.to_le_bytes());
    put(bytes, 40, &bins_size.to_le_bytes());
    let sum = checksum(bytes);
    put(bytes, CHECKED, &sum.to_le_bytes());
}

fn state(block: &[u8]) -> State {
    let (stored, expected) = (u32_at(block, CHECKED).unwrap_or_default(), checksum(block));
    let (primary, secondary) = (u32_at(block, 4).unwrap_or_default(), u32_at(block, 8).unwrap_or_default());
    if stored != expected {
        State::Dirty(DirtyReason::Checksum { stored, expected })
    } else if primary != secondary {
        State::Dirty(DirtyReason::SequencesDiffer { primary, secondary })
    } else {
        State::Clean
    }
}

fn file_name(block: &[u8]) -> String {
    let units = block.get(48..112).unwrap_or_default().as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair));
    char::decode_utf16(units.take_while(|unit| *unit != 0)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTOR: [u8; 20] = [1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    fn hive() -> Vec<u8> {
        let mut bytes = crate::formats::regf::create("ROOT", &DESCRIPTOR, 7).expect("a hive is made");
        put(&mut bytes, 48, &[b'S', 0, b'Y', 0, 0x00, 0xD8, b'S', 0]);
        seal(&mut bytes, 3, PAGE, 8);
        bytes
    }

    #[test]
    fn reads_what_the_base_block_says() {
        let header = header(&hive()).expect("it is a hive");
        assert_eq!((header.major, header.minor, header.primary_sequence, header.secondary_sequence), (1, 5, 3, 3));
        assert_eq!((header.last_written, header.root_cell, header.bins_size), (8, 0x20, PAGE));
        assert_eq!(
            (header.file_name.as_str(), header.state, header.transactions_pending),
            ("SY\u{FFFD}S", State::Clean, false)
        );
    }

    #[test]
    fn refuses_what_is_not_a_supported_hive() {
        type Case = (usize, u32, fn(&Error) -> bool);
        let cases: [Case; 10] = [
            (0, 1, |error| matches!(error, Error::NotAHive { .. })),
            (20, 2, |error| matches!(error, Error::Version { major: 2, minor: 5 })),
            (24, 2, |error| matches!(error, Error::Version { major: 1, minor: 2 })),
            (28, 6, |error| matches!(error, Error::BaseBlock { field: "the file type", value: 6 })),
            (32, 0, |error| matches!(error, Error::BaseBlock { field: "the file format", .. })),
            (36, 0x1000, |error| matches!(error, Error::BaseBlock { field: "the root key's offset", .. })),
            (36, 0x21, |error| matches!(error, Error::BaseBlock { field: "the root key's offset", .. })),
            (40, 0, |error| matches!(error, Error::BaseBlock { field: "the size of the bins", .. })),
            (40, 0x8000_0000, |error| matches!(error, Error::BaseBlock { field: "the size of the bins", .. })),
            (40, 0x2000, |error| matches!(error, Error::Truncated { needed: 0x3000, length: 0x2000 })),
        ];
        for (at, value, expected) in cases {
            let mut bytes = hive();
            put(&mut bytes, at, &value.to_le_bytes());
            let error = header(&bytes).expect_err("it is refused");
            assert!(expected(&error), "{at}: {error}");
        }
    }

    #[test]
    fn says_why_a_hive_is_dirty_and_whether_transactions_are_pending() {
        let mut bytes = hive();
        put(&mut bytes, 4, &4_u32.to_le_bytes());
        let wrong = header(&bytes).expect("it is a hive").state;
        assert!(matches!(wrong, State::Dirty(DirtyReason::Checksum { .. })));
        let sum = checksum(&bytes);
        put(&mut bytes, CHECKED, &sum.to_le_bytes());
        assert_eq!(
            header(&bytes).expect("it is a hive").state,
            State::Dirty(DirtyReason::SequencesDiffer { primary: 4, secondary: 3 })
        );

        let mut bytes = hive();
        put(&mut bytes, 144, &TRANSACTIONS.to_le_bytes());
        seal(&mut bytes, 3, PAGE, 8);
        let header = header(&bytes).expect("it is a hive");
        assert!(header.transactions_pending);
        assert_eq!(header.settled(), Err(Error::TransactionsPending));
    }

    #[test]
    fn a_checksum_is_never_zero_or_all_ones() {
        assert_eq!(checksum(&[0; CHECKED]), 1);
        let mut ones = [0; CHECKED];
        put(&mut ones, 0, &[0xFF; 4]);
        assert_eq!(checksum(&ones), u32::MAX - 1);
    }
}

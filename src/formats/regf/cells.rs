//! Cells and the records in them, read where they lie: every offset and length is checked against the bins.

use super::name::RawName;
use super::{Error, Fault, NONE};

/// Bytes before the name in a key record.
pub(super) const KEY_HEADER: usize = 76;
/// Bytes before the name in a value record.
pub(super) const VALUE_HEADER: usize = 20;
/// Bytes before the descriptor in a security record.
pub(super) const SECURITY_HEADER: usize = 20;

pub(super) const FLAG_ROOT: u16 = 0x04;
pub(super) const FLAG_NO_DELETE: u16 = 0x08;
pub(super) const FLAG_LINK: u16 = 0x10;
pub(super) const FLAG_LATIN_NAME: u16 = 0x20;
/// The value count of such a key is a handle, and it has no values.
const FLAG_PREDEFINED: u16 = 0x40;
pub(super) const VALUE_LATIN_NAME: u16 = 1;
/// Set in a value's size when its data are kept in the record itself.
pub(super) const INLINE: u32 = 0x8000_0000;

/// Widens an offset or a count to an index.
pub(super) const fn wide(offset: u32) -> usize {
    offset as usize
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

/// The bins of a hive, as bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bins<'h> {
    pub bytes: &'h [u8],
    pub minor: u32,
}

impl<'h> Bins<'h> {
    /// Returns what the cell at `offset` holds, without its size.
    pub fn cell(self, what: &'static str, offset: u32) -> Result<&'h [u8], Error> {
        self.try_cell(offset).map_err(|fault| Error::Damaged { what, offset, fault })
    }

    pub fn try_cell(self, offset: u32) -> Result<&'h [u8], Fault> {
        let rest = self.bytes.get(wide(offset)..).ok_or(Fault::OutsideBins)?;
        let (size, rest) = rest.split_first_chunk::<4>().ok_or(Fault::OutsideBins)?;
        let size = i32::from_le_bytes(*size);
        if size > 0 {
            return Err(Fault::FreeCell);
        }
        let length = wide(size.unsigned_abs());
        if !offset.is_multiple_of(8) || !length.is_multiple_of(8) || length < 8 {
            return Err(Fault::CellSize { size });
        }
        rest.get(..length - 4).ok_or(Fault::CellSize { size })
    }

    pub fn key(self, offset: u32) -> Result<KeyRecord<'h>, Error> {
        let cell = self.cell(KEY, offset)?;
        KeyRecord::parse(cell).map_err(|fault| Error::Damaged { what: KEY, offset, fault })
    }

    pub fn value(self, offset: u32) -> Result<ValueRecord<'h>, Error> {
        let cell = self.cell(VALUE, offset)?;
        ValueRecord::parse(cell).map_err(|fault| Error::Damaged { what: VALUE, offset, fault })
    }

    pub fn security(self, offset: u32) -> Result<SecurityRecord<'h>, Error> {
        let cell = self.cell(SECURITY, offset)?;
        SecurityRecord::parse(cell).map_err(|fault| Error::Damaged { what: SECURITY, offset, fault })
    }

    /// Returns the offsets of a key's values.
    pub fn value_offsets(self, key: &KeyRecord<'h>) -> Result<OffsetList<'h>, Error> {
        let (count, offset) = (key.value_count(), key.value_list);
        if count == 0 {
            return Ok(OffsetList::default());
        }
        let cell = self.cell(VALUE_LIST, offset)?;
        let need = wide(count).saturating_mul(4);
        let have = cell.len();
        let fault = Fault::TooSmall { need, have };
        cell.get(..need).map(OffsetList).ok_or(Error::Damaged { what: VALUE_LIST, offset, fault })
    }
}

pub(super) const KEY: &str = "key";
pub(super) const VALUE: &str = "value";
pub(super) const SECURITY: &str = "security descriptor";
pub(super) const VALUE_LIST: &str = "value list";
pub(super) const CLASS: &str = "class name";
pub(super) const DATA: &str = "value data";

/// A run of offsets, four bytes each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OffsetList<'h>(pub &'h [u8]);

impl<'h> OffsetList<'h> {
    pub fn iter(self) -> impl ExactSizeIterator<Item = u32> + 'h {
        self.0.as_chunks::<4>().0.iter().map(|each| u32::from_le_bytes(*each))
    }
}

/// An `nk` record.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyRecord<'h> {
    pub flags: u16,
    pub last_written: u64,
    pub parent: u32,
    pub subkey_count: u32,
    pub subkey_list: u32,
    stored_value_count: u32,
    pub value_list: u32,
    pub security: u32,
    pub class: u32,
    pub largest_subkey_name: u16,
    pub largest_subkey_class: u32,
    pub largest_value_name: u32,
    pub largest_value_data: u32,
    pub class_length: u16,
    pub name: RawName<'h>,
}

impl<'h> KeyRecord<'h> {
    pub fn parse(cell: &'h [u8]) -> Result<Self, Fault> {
        let Some((head, rest)) = cell.split_first_chunk::<KEY_HEADER>() else {
            return Err(Fault::TooSmall { need: KEY_HEADER, have: cell.len() });
        };
        expect_signature(head, *b"nk")?;
        let dword = |at: usize| u32_at(head, at).unwrap_or(NONE);
        let word = |at: usize| u16_at(head, at).unwrap_or_default();
        let flags = word(2);
        Ok(Self {
            flags,
            last_written: u64_at(head, 4).unwrap_or_default(),
            parent: dword(16),
            subkey_count: dword(20),
            subkey_list: dword(28),
            stored_value_count: dword(36),
            value_list: dword(40),
            security: dword(44),
            class: dword(48),
            largest_subkey_name: word(52),
            largest_subkey_class: dword(56),
            largest_value_name: dword(60),
            largest_value_data: dword(64),
            class_length: word(74),
            name: name(rest, word(72), flags & FLAG_LATIN_NAME != 0)?,
        })
    }

    pub const fn is_predefined(&self) -> bool {
        self.flags & FLAG_PREDEFINED != 0
    }

    pub const fn value_count(&self) -> u32 {
        if self.is_predefined() { 0 } else { self.stored_value_count }
    }
}

/// A `vk` record.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueRecord<'h> {
    pub name: RawName<'h>,
    size: u32,
    pub data: u32,
    pub value_type: u32,
    head: &'h [u8; VALUE_HEADER],
}

impl<'h> ValueRecord<'h> {
    pub fn parse(cell: &'h [u8]) -> Result<Self, Fault> {
        let Some((head, rest)) = cell.split_first_chunk::<VALUE_HEADER>() else {
            return Err(Fault::TooSmall { need: VALUE_HEADER, have: cell.len() });
        };
        expect_signature(head, *b"vk")?;
        let dword = |at: usize| u32_at(head, at).unwrap_or(NONE);
        let word = |at: usize| u16_at(head, at).unwrap_or_default();
        let size = dword(4);
        if size & INLINE != 0 && size & !INLINE > 4 {
            return Err(Fault::InlineLength { length: size & !INLINE });
        }
        let name = name(rest, word(2), word(16) & VALUE_LATIN_NAME != 0)?;
        Ok(Self { name, size, data: dword(8), value_type: dword(12), head })
    }

    /// Returns the length of the data.
    pub fn length(&self) -> usize {
        wide(self.size & !INLINE)
    }

    /// Returns the data kept in the record itself, if they are.
    pub fn inline(&self) -> Option<&'h [u8]> {
        let length = self.length();
        if length == 0 || self.size & INLINE != 0 { self.head.get(8..8 + length) } else { None }
    }
}

/// An `sk` record.
#[derive(Debug, Clone, Copy)]
pub(super) struct SecurityRecord<'h> {
    pub next: u32,
    pub previous: u32,
    pub references: u32,
    pub descriptor: &'h [u8],
}

impl<'h> SecurityRecord<'h> {
    pub fn parse(cell: &'h [u8]) -> Result<Self, Fault> {
        let Some((head, rest)) = cell.split_first_chunk::<SECURITY_HEADER>() else {
            return Err(Fault::TooSmall { need: SECURITY_HEADER, have: cell.len() });
        };
        expect_signature(head, *b"sk")?;
        let dword = |at: usize| u32_at(head, at).unwrap_or(NONE);
        let need = wide(dword(16));
        let descriptor = rest.get(..need).ok_or(Fault::TooSmall { need, have: rest.len() })?;
        Ok(Self { next: dword(4), previous: dword(8), references: dword(12), descriptor })
    }
}

pub(super) fn expect_signature(record: &[u8], expected: [u8; 2]) -> Result<(), Fault> {
    let found = *record.first_chunk().unwrap_or(&[0; 2]);
    if found == expected { Ok(()) } else { Err(Fault::Signature { found }) }
}

fn name(rest: &[u8], length: u16, latin: bool) -> Result<RawName<'_>, Fault> {
    let need = usize::from(length);
    if !latin && need % 2 != 0 {
        return Err(Fault::OddName);
    }
    let bytes = rest.get(..need).ok_or(Fault::TooSmall { need, have: rest.len() })?;
    Ok(RawName { bytes, latin })
}

//! Values of a key: name, type and data, which lie in the record, in a cell of their own, or in segments.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use super::cells::{Bins, DATA, OffsetList, ValueRecord, expect_signature, u16_at, u32_at};
use super::name::Name;
use super::{Error, Fault, SEGMENT};
use crate::formats::upcase;

/// One value, read lazily.
#[derive(Debug, Clone, Copy)]
pub struct Value<'h> {
    bins: Bins<'h>,
    record: ValueRecord<'h>,
    offset: u32,
}

impl<'h> Value<'h> {
    pub(super) fn at(bins: Bins<'h>, offset: u32) -> Result<Self, Error> {
        Ok(Self { bins, record: bins.value(offset)?, offset })
    }

    /// Returns the name; the default value's is empty.
    pub fn name(&self) -> Name<'h> {
        self.record.name.text()
    }

    /// Returns the type: 1 `REG_SZ`, 2 `REG_EXPAND_SZ`, 3 `REG_BINARY`, 4 `REG_DWORD`, 7 `REG_MULTI_SZ`, 11 `REG_QWORD`, or any other number.
    pub const fn value_type(&self) -> u32 {
        self.record.value_type
    }

    /// Returns the length of the data, in bytes.
    pub fn length(&self) -> usize {
        self.record.length()
    }

    /// Returns the offset of the value's record.
    pub const fn offset(&self) -> u32 {
        self.offset
    }

    /// Returns the data; only data kept in segments are copied.
    ///
    /// # Errors
    /// When the data's cells are damaged.
    pub fn data(&self) -> Result<Cow<'h, [u8]>, Error> {
        if let Some(inline) = self.record.inline() {
            return Ok(Cow::Borrowed(inline));
        }
        let (need, offset) = (self.record.length(), self.record.data);
        let cell = self.bins.cell(DATA, offset)?;
        if need > SEGMENT && self.bins.minor > 3 {
            return self.segments(cell, need).map(Cow::Owned);
        }
        let fault = Fault::TooSmall { need, have: cell.len() };
        cell.get(..need).map(Cow::Borrowed).ok_or(Error::Damaged { what: DATA, offset, fault })
    }

    fn segments(&self, cell: &[u8], length: usize) -> Result<Vec<u8>, Error> {
        let segments = Segments::parse(self.bins, self.record.data, cell, length)?;
        let mut data = Vec::new();
        for (offset, need) in segments.cells(length) {
            let segment = self.bins.cell(DATA, offset)?;
            let fault = Fault::TooSmall { need, have: segment.len() };
            data.extend_from_slice(segment.get(..need).ok_or(Error::Damaged { what: DATA, offset, fault })?);
            // One segment may be named many times: without this the copy could be far larger than the hive.
            if data.len() > self.bins.bytes.len() {
                let fault = Fault::SharedCell;
                return Err(Error::Damaged { what: DATA, offset, fault });
            }
        }
        Ok(data)
    }
}

/// The `db` record of a long value: the list of its segments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segments<'h> {
    /// Cell of the list.
    pub list: u32,
    pub offsets: OffsetList<'h>,
}

impl<'h> Segments<'h> {
    pub fn parse(bins: Bins<'h>, offset: u32, cell: &[u8], length: usize) -> Result<Self, Error> {
        let damaged = |offset, fault| Error::Damaged { what: DATA, offset, fault };
        expect_signature(cell, *b"db").map_err(|fault| damaged(offset, fault))?;
        let (count, list) = (u16_at(cell, 2).unwrap_or_default(), u32_at(cell, 4).unwrap_or_default());
        let found = length.div_ceil(SEGMENT);
        if usize::from(count) != found {
            return Err(damaged(offset, Fault::Count { stored: u32::from(count), found }));
        }
        let cell = bins.cell(DATA, list)?;
        let need = found * 4;
        let fault = Fault::TooSmall { need, have: cell.len() };
        let offsets = cell.get(..need).map(OffsetList).ok_or(damaged(list, fault))?;
        Ok(Self { list, offsets })
    }

    /// Iterates over the segments' cells and the bytes of the data each holds.
    pub fn cells(self, length: usize) -> impl Iterator<Item = (u32, usize)> + 'h {
        self.offsets
            .iter()
            .enumerate()
            .map(move |(at, offset)| (offset, length.saturating_sub(at * SEGMENT).min(SEGMENT)))
    }
}

/// Iterates over the values of a key, in stored order.
#[derive(Debug, Clone)]
pub struct Values<'h> {
    bins: Bins<'h>,
    offsets: std::slice::Iter<'h, [u8; 4]>,
    error: Option<Error>,
}

impl<'h> Values<'h> {
    pub(super) fn new(bins: Bins<'h>, offsets: Result<OffsetList<'h>, Error>) -> Self {
        let (list, error) = match offsets {
            Ok(list) => (list, None),
            Err(error) => (OffsetList::default(), Some(error)),
        };
        Self { bins, offsets: list.0.as_chunks().0.iter(), error }
    }

    pub(super) fn find(self, wanted: &str) -> Result<Option<Value<'h>>, Error> {
        let wanted = upcase::key(wanted);
        for value in self {
            let value = value?;
            if value.record.name.compare(&wanted) == Ordering::Equal {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

impl<'h> Iterator for Values<'h> {
    type Item = Result<Value<'h>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.error.take() {
            return Some(Err(error));
        }
        let offset = u32::from_le_bytes(*self.offsets.next()?);
        Some(Value::at(self.bins, offset))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.offsets.len() + usize::from(self.error.is_some());
        (count, Some(count))
    }
}

/// The values of one key by name, for looking up many of them.
#[derive(Debug, Clone)]
pub struct ValueIndex<'h>(HashMap<Vec<u16>, Value<'h>>);

impl<'h> ValueIndex<'h> {
    pub(super) fn read(values: Values<'h>) -> Result<Self, Error> {
        let mut index = HashMap::with_capacity(values.size_hint().0);
        for value in values {
            let value = value?;
            // As in a linear search, the first of two equal names counts.
            index.entry(value.record.name.folded()).or_insert(value);
        }
        Ok(Self(index))
    }

    /// Finds a value by name, whatever its case.
    pub fn value(&self, name: &str) -> Option<&Value<'h>> {
        self.0.get(&upcase::key(name))
    }
}

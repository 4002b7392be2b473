//! Setting and removing values.

use std::collections::{BTreeMap, HashMap};

use super::{Editor, KeyId, Slot};
use crate::formats::regf::cells::{DATA, INLINE, ValueRecord};
use crate::formats::regf::records::{key_field as field, new_value, put, short, value_field};
use crate::formats::regf::value::{Segments, Value};
use crate::formats::regf::{Error, NONE, SEGMENT};
use crate::formats::upcase;

/// Longest name of a value, in UTF-16 units.
const LONGEST_NAME: usize = 16_383;
/// Most data of one value: as many segments as a record can count.
const LONGEST_DATA: usize = SEGMENT * u16::MAX as usize;

/// The values of one key, by name and in order.
#[derive(Debug, Default)]
pub(super) struct ValueTable {
    names: HashMap<Vec<u16>, u64>,
    /// Records by a number that only grows: removing one moves no other.
    order: BTreeMap<u64, u32>,
    changed: bool,
}

impl ValueTable {
    pub fn find(&self, folded: &[u16]) -> Option<u32> {
        self.names.get(folded).and_then(|number| self.order.get(number)).copied()
    }

    pub fn offsets(&self) -> impl Iterator<Item = u32> + '_ {
        self.order.values().copied()
    }

    fn insert(&mut self, folded: Vec<u16>, offset: u32) {
        let number = self.order.last_key_value().map_or(0, |(last, _)| last + 1);
        self.order.insert(number, offset);
        self.names.insert(folded, number);
    }

    fn remove(&mut self, folded: &[u16]) -> Option<u32> {
        let number = self.names.remove(folded)?;
        self.order.remove(&number)
    }
}

impl Editor {
    /// Sets a value; an existing one keeps its name and place. Says whether that changed anything.
    ///
    /// # Errors
    /// When the name or the data are too long, the key was removed or holds no values by nature, or the hive would grow too large.
    pub fn set_value(&mut self, key: KeyId, name: &str, value_type: u32, data: &[u8], now: u64) -> Result<bool, Error> {
        check_length("value name", name.encode_utf16().count().saturating_mul(2), LONGEST_NAME * 2)?;
        check_length(DATA, data.len(), LONGEST_DATA)?;
        let offset = self.offset(key)?;
        if self.record(key)?.is_predefined() {
            return Err(Error::PredefinedHandle { offset });
        }
        let folded = upcase::key(name);
        match self.value_table(key)?.find(&folded) {
            Some(value) if self.holds(value, value_type, data)? => return Ok(false),
            Some(value) => self.edit(|editor| editor.change_value(value, value_type, data))?,
            None => self.edit(|editor| editor.add_value(key, name, folded, value_type, data))?,
        }
        let record = self.record(key)?;
        let (largest_name, largest_data) = (record.largest_value_name, record.largest_value_data);
        self.raise_u32(offset, field::LARGEST_VALUE_NAME, largest_name, name.encode_utf16().count() * 2);
        self.raise_u32(offset, field::LARGEST_VALUE_DATA, largest_data, data.len());
        self.touch(offset, now);
        Ok(true)
    }

    /// Removes a value; says whether there was one.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn remove_value(&mut self, key: KeyId, name: &str, now: u64) -> Result<bool, Error> {
        let offset = self.offset(key)?;
        let folded = upcase::key(name);
        if self.value_table(key)?.find(&folded).is_none() {
            return Ok(false);
        }
        self.edit(|editor| {
            let table = editor.value_table(key)?;
            table.changed = true;
            let removed = table.remove(&folded);
            removed.map_or(Ok(()), |value| editor.free_value(value))
        })?;
        self.touch(offset, now);
        Ok(true)
    }

    pub(super) fn value_table(&mut self, key: KeyId) -> Result<&mut ValueTable, Error> {
        if self.slot(key)?.values.is_none() {
            let bins = self.image.bins();
            let offsets = bins.value_offsets(&self.record(key)?)?;
            let mut table = ValueTable { names: HashMap::with_capacity(offsets.iter().len()), ..ValueTable::default() };
            for offset in offsets.iter() {
                table.insert(bins.value(offset)?.name.folded(), offset);
            }
            self.slot_mut(key)?.values = Some(table);
        }
        self.slot_mut(key)?.values.as_mut().ok_or(Error::Removed)
    }

    /// Frees a value's record and data.
    pub(super) fn free_value(&mut self, offset: u32) -> Result<(), Error> {
        self.free_data(offset)?;
        self.image.release(offset)
    }

    /// Writes the value list of a key whose values were added or removed.
    pub(super) fn write_values(&mut self, key: KeyId) -> Result<(), Error> {
        let Slot { offset: Some(offset), values: Some(table), .. } = self.slot(key)? else { return Ok(()) };
        if !table.changed {
            return Ok(());
        }
        let (offset, count) = (*offset, table.order.len());
        let cells: Vec<u8> = table.offsets().flat_map(u32::to_le_bytes).collect();
        let record = self.image.bins().key(offset)?;
        let old = if record.value_count() == 0 { NONE } else { record.value_list };
        let list = if count == 0 {
            if old != NONE {
                self.image.release(old)?;
            }
            // As Windows: the largest lengths are upper bounds, and begin anew with an empty key.
            self.write_u32(offset, field::LARGEST_VALUE_NAME, 0);
            self.write_u32(offset, field::LARGEST_VALUE_DATA, 0);
            NONE
        } else {
            self.image.replace(old, &cells)?
        };
        self.write_u32(offset, field::VALUE_LIST, list);
        self.write_u32(offset, field::VALUE_COUNT, u32::try_from(count).unwrap_or(NONE));
        Ok(())
    }

    fn holds(&self, value: u32, value_type: u32, data: &[u8]) -> Result<bool, Error> {
        let value = Value::at(self.image.bins(), value)?;
        Ok(value.value_type() == value_type && value.length() == data.len() && *value.data()? == *data)
    }

    fn add_value(
        &mut self,
        key: KeyId,
        name: &str,
        folded: Vec<u16>,
        value_type: u32,
        data: &[u8],
    ) -> Result<(), Error> {
        let (size, place) = self.store(NONE, data)?;
        let offset = self.image.allocate(&new_value(name, value_type, size, place))?;
        let table = self.value_table(key)?;
        table.insert(folded, offset);
        table.changed = true;
        Ok(())
    }

    fn change_value(&mut self, value: u32, value_type: u32, data: &[u8]) -> Result<(), Error> {
        let record = self.image.bins().value(value)?;
        let in_cell = |length: usize, inline: bool| !inline && (length <= SEGMENT || self.minor <= 3);
        let reusable = in_cell(record.length(), record.inline().is_some()) && in_cell(data.len(), data.len() <= 4);
        let old = if reusable { record.data } else { NONE };
        if old == NONE {
            self.free_data(value)?;
        }
        let (size, place) = self.store(old, data)?;
        self.image.write(value, value_field::SIZE, &size.to_le_bytes());
        self.image.write(value, value_field::DATA, &place.to_le_bytes());
        self.image.write(value, value_field::TYPE, &value_type.to_le_bytes());
        Ok(())
    }

    /// Stores data, in the place of the cell `old` if there is one, and returns the size and data fields of the record.
    fn store(&mut self, old: u32, data: &[u8]) -> Result<(u32, u32), Error> {
        let size = u32::try_from(data.len()).map_err(|_| Error::TooLong {
            what: DATA,
            length: data.len(),
            limit: LONGEST_DATA,
        })?;
        if data.len() <= 4 {
            let mut inline = [0; 4];
            put(&mut inline, 0, data);
            return Ok((size | INLINE, u32::from_le_bytes(inline)));
        }
        if data.len() <= SEGMENT || self.minor <= 3 {
            return Ok((size, self.image.replace(old, data)?));
        }
        let mut list = Vec::new();
        for segment in data.chunks(SEGMENT) {
            list.extend(self.image.allocate(segment)?.to_le_bytes());
        }
        let count = short(data.len().div_ceil(SEGMENT));
        let list = self.image.allocate(&list)?;
        let mut record = *b"db\0\0\0\0\0\0";
        put(&mut record, 2, &count.to_le_bytes());
        put(&mut record, 4, &list.to_le_bytes());
        Ok((size, self.image.allocate(&record)?))
    }

    fn free_data(&mut self, value: u32) -> Result<(), Error> {
        let bins = self.image.bins();
        let record: ValueRecord<'_> = bins.value(value)?;
        if record.inline().is_some() {
            return Ok(());
        }
        let (data, length) = (record.data, record.length());
        let mut cells = vec![data];
        if length > SEGMENT && self.minor > 3 {
            let segments = Segments::parse(bins, data, bins.cell(DATA, data)?, length)?;
            cells.push(segments.list);
            cells.extend(segments.offsets.iter());
        }
        cells.into_iter().try_for_each(|cell| self.image.release(cell))
    }
}

fn check_length(what: &'static str, length: usize, limit: usize) -> Result<(), Error> {
    if length > limit { Err(Error::TooLong { what, length, limit }) } else { Ok(()) }
}

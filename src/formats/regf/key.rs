//! Reading a hive: nothing is read before it is asked for, and no damage can make a reader loop: keys are followed at most 512 levels deep,
//! and each must name the key it was reached from as its parent.

use super::cells::{Bins, CLASS, FLAG_LINK, KEY, KeyRecord, wide};
use super::header::{Header, header};
use super::lists::{Orders, SUBKEY_LIST, SubkeyList};
use super::name::Name;
use super::value::{Value, ValueIndex, Values};
use super::{BASE_BLOCK, Error, Fault, MAX_DEPTH};
use crate::formats::upcase;

/// A hive to read from.
#[derive(Debug)]
pub struct Hive<B> {
    bytes: B,
    header: Header,
    orders: Orders,
}

impl<B: AsRef<[u8]>> Hive<B> {
    /// Opens a hive that was closed properly; reads only its base block.
    ///
    /// # Errors
    /// As [`header`]; when the hive is dirty or transactions may be pending.
    pub fn open(bytes: B) -> Result<Self, Error> {
        let header = header(bytes.as_ref())?.settled()?;
        Ok(Self { bytes, header, orders: Orders::default() })
    }

    /// Opens a hive as it is, dirty or not: what its logs and pending transactions hold is not seen.
    ///
    /// # Errors
    /// As [`header`].
    pub fn open_dirty(bytes: B) -> Result<Self, Error> {
        let header = header(bytes.as_ref())?;
        Ok(Self { bytes, header, orders: Orders::default() })
    }

    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the bytes that the hive was opened on.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// Returns the root key.
    ///
    /// # Errors
    /// When its record is damaged.
    pub fn root(&self) -> Result<Key<'_>, Error> {
        let start = BASE_BLOCK.min(self.bytes.as_ref().len());
        let end = start.saturating_add(wide(self.header.bins_size));
        let bytes = self.bytes.as_ref().get(start..end).unwrap_or_default();
        let bins = Bins { bytes, minor: self.header.minor };
        let offset = self.header.root_cell;
        Ok(Key { bins, orders: &self.orders, offset, record: bins.key(offset)?, depth: 1 })
    }

    /// Finds a key by the names from the root's subkey down.
    ///
    /// # Errors
    /// When a record or list on the way is damaged.
    pub fn key<'h>(&'h self, path: &[&str]) -> Result<Option<Key<'h>>, Error> {
        let mut key = self.root()?;
        for name in path {
            let Some(subkey) = key.subkey(name)? else { return Ok(None) };
            key = subkey;
        }
        Ok(Some(key))
    }
}

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Key<'h> {
    bins: Bins<'h>,
    orders: &'h Orders,
    offset: u32,
    record: KeyRecord<'h>,
    /// The root's is 1.
    depth: usize,
}

impl<'h> Key<'h> {
    pub fn name(&self) -> Name<'h> {
        self.record.name.text()
    }

    /// Returns the time of the last write, as a FILETIME.
    pub const fn last_written(&self) -> u64 {
        self.record.last_written
    }

    /// Returns the offset of the key's record.
    pub const fn offset(&self) -> u32 {
        self.offset
    }

    /// Says whether the key is a symbolic link to another.
    pub const fn is_link(&self) -> bool {
        self.record.flags & FLAG_LINK != 0
    }

    pub const fn subkey_count(&self) -> u32 {
        self.record.subkey_count
    }

    pub const fn value_count(&self) -> u32 {
        self.record.value_count()
    }

    /// Returns the class name as stored, UTF-16 without an end mark; empty when there is none.
    ///
    /// # Errors
    /// When its cell is damaged.
    pub fn class(&self) -> Result<&'h [u8], Error> {
        class(self.bins, &self.record)
    }

    /// Returns the security descriptor, self-relative.
    ///
    /// # Errors
    /// When its record is damaged.
    pub fn security(&self) -> Result<&'h [u8], Error> {
        Ok(self.bins.security(self.record.security)?.descriptor)
    }

    /// Iterates over the subkeys in stored order.
    pub fn subkeys(&self) -> Subkeys<'h> {
        let (offsets, error) = match self.subkey_offsets() {
            Ok(offsets) => (offsets, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        Subkeys { parent: *self, offsets: offsets.into_iter(), error }
    }

    /// Finds a subkey by name, whatever its case.
    ///
    /// # Errors
    /// When the list or a record on the way is damaged.
    pub fn subkey(&self, name: &str) -> Result<Option<Self>, Error> {
        let list = SubkeyList::read(self.bins, self.offset, &self.record)?;
        let found = list.find(self.record.subkey_list, &upcase::key(name), self.orders)?;
        found.map(|offset| self.child(offset)).transpose()
    }

    /// Iterates over the values in stored order.
    pub fn values(&self) -> Values<'h> {
        Values::new(self.bins, self.bins.value_offsets(&self.record))
    }

    /// Finds a value by name, whatever its case, looking at one after the other; see [`Self::value_index`] for many.
    ///
    /// # Errors
    /// When the list or a record on the way is damaged.
    pub fn value(&self, name: &str) -> Result<Option<Value<'h>>, Error> {
        self.values().find(name)
    }

    /// Reads the names of all values once, for looking up many.
    ///
    /// # Errors
    /// When the list or one of the records is damaged.
    pub fn value_index(&self) -> Result<ValueIndex<'h>, Error> {
        ValueIndex::read(self.values())
    }

    fn subkey_offsets(&self) -> Result<Vec<u32>, Error> {
        let list = SubkeyList::read(self.bins, self.offset, &self.record)?;
        let offsets: Vec<u32> = list.offsets().collect();
        let mut sorted = offsets.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(Error::Damaged { what: SUBKEY_LIST, offset: self.offset, fault: Fault::RepeatedSubkey });
        }
        Ok(offsets)
    }

    fn child(&self, offset: u32) -> Result<Self, Error> {
        let record = self.bins.key(offset)?;
        if record.parent != self.offset {
            let fault = Fault::Parent { stored: record.parent, expected: self.offset };
            return Err(Error::Damaged { what: KEY, offset, fault });
        }
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep { offset, limit: MAX_DEPTH });
        }
        Ok(Self { offset, record, depth, ..*self })
    }
}

/// Iterates over the subkeys of a key.
#[derive(Debug, Clone)]
pub struct Subkeys<'h> {
    parent: Key<'h>,
    offsets: std::vec::IntoIter<u32>,
    error: Option<Error>,
}

impl<'h> Iterator for Subkeys<'h> {
    type Item = Result<Key<'h>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.error.take() {
            return Some(Err(error));
        }
        Some(self.parent.child(self.offsets.next()?))
    }
}

/// Returns the class name of a key, as stored.
pub(super) fn class<'h>(bins: Bins<'h>, record: &KeyRecord<'h>) -> Result<&'h [u8], Error> {
    let (need, offset) = (usize::from(record.class_length), record.class);
    if need == 0 {
        return Ok(&[]);
    }
    let cell = bins.cell(CLASS, offset)?;
    let fault = Fault::TooSmall { need, have: cell.len() };
    cell.get(..need).ok_or(Error::Damaged { what: CLASS, offset, fault })
}

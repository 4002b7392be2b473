//! Editing a hive in place: what is not named stays as it is, byte for byte.
//! Lists of touched keys are kept in memory and written once, by [`Editor::finish`]; until then the bytes must not be used.

mod image;
mod keys;
mod security;
mod subkeys;
mod values;

use std::collections::HashMap;

use super::cells::{Bins, FLAG_LINK, KeyRecord, wide};
use super::check::{bins, examine};
use super::header::{Header, header};
use super::name::Name;
use super::records::key_field as field;
use super::value::Value;
use super::{BASE_BLOCK, Error, MAX_DEPTH, NONE};
use crate::formats::upcase;
use image::Image;
use subkeys::SubkeyTable;
use values::ValueTable;

/// A key of a hive under edit. It stays valid when the key is renamed or moved; once the key is removed, using it is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(usize);

/// A hive under edit.
#[derive(Debug)]
pub struct Editor {
    image: Image,
    /// What followed the bins; new bins take its place.
    trailer: Vec<u8>,
    /// Bytes the bins took before the first edit.
    opened_size: u32,
    root: u32,
    minor: u32,
    sequence: u32,
    slots: Vec<Slot>,
    ids: HashMap<u32, KeyId>,
    /// Security records by descriptor, once one was looked for.
    guards: Option<HashMap<Vec<u8>, u32>>,
    changed: bool,
    half_edited: bool,
}

/// What is known about one key that was asked for.
#[derive(Debug, Default)]
struct Slot {
    /// The key's record; none once it is removed.
    offset: Option<u32>,
    values: Option<ValueTable>,
    subkeys: Option<SubkeyTable>,
}

impl Editor {
    /// Opens a hive that was closed properly, after a full check of its structure.
    ///
    /// # Errors
    /// As [`header`]; when the hive is dirty or transactions may be pending; when its structure makes editing unsafe.
    pub fn open(bytes: Vec<u8>) -> Result<Self, Error> {
        header(&bytes)?.settled()?;
        Self::open_dirty(bytes)
    }

    /// Opens a hive as it is, dirty or not, after a full check of its structure: what its logs and pending transactions hold is lost.
    /// The transaction manager's bit stays as it is.
    ///
    /// # Errors
    /// As [`header`]; when the hive's structure makes editing unsafe.
    pub fn open_dirty(mut bytes: Vec<u8>) -> Result<Self, Error> {
        let header = header(&bytes)?;
        examine(bins(&bytes, &header), &header).into_result()?;
        let Header { minor, root_cell: root, bins_size, primary_sequence, secondary_sequence, .. } = header;
        let trailer = bytes.split_off((BASE_BLOCK + wide(bins_size)).min(bytes.len()));
        Ok(Self {
            image: Image::new(bytes, minor),
            trailer,
            opened_size: bins_size,
            root,
            minor,
            sequence: primary_sequence.max(secondary_sequence),
            slots: Vec::new(),
            ids: HashMap::new(),
            guards: None,
            changed: false,
            half_edited: false,
        })
    }

    /// Makes [`Self::finish`] raise the sequence numbers above `sequence` too: the highest one found in the hive's logs.
    pub fn raise_sequence_above(&mut self, sequence: u32) {
        self.sequence = self.sequence.max(sequence);
    }

    /// Says whether anything was edited.
    pub const fn is_changed(&self) -> bool {
        self.changed
    }

    /// Returns the edited hive, clean, last written at `now`; identical bytes when nothing was edited.
    ///
    /// # Errors
    /// When the hive would grow too large, when sequence numbers are used up, or when an earlier edit failed half-way.
    pub fn finish(mut self, now: u64) -> Result<Vec<u8>, Error> {
        if self.half_edited {
            return Err(Error::HalfEdited);
        }
        let mut grown = 0;
        if self.changed {
            let sequence = self.sequence.checked_add(1).ok_or(Error::SequencesExhausted { highest: self.sequence })?;
            self.write_lists()?;
            self.image.seal(sequence, now);
            grown = wide(self.image.bins_size().saturating_sub(self.opened_size));
        }
        let rest = self.trailer.split_off(grown.min(self.trailer.len()));
        let mut bytes = self.image.into_bytes();
        bytes.extend(rest);
        Ok(bytes)
    }

    /// Returns the root key.
    pub fn root(&mut self) -> KeyId {
        self.id(self.root)
    }

    /// Finds a key by the names from the root's subkey down.
    ///
    /// # Errors
    /// When a record on the way is damaged.
    pub fn find(&mut self, path: &[&str]) -> Result<Option<KeyId>, Error> {
        let mut key = self.root();
        for name in path {
            let Some(subkey) = self.subkey(key, name)? else { return Ok(None) };
            key = subkey;
        }
        Ok(Some(key))
    }

    /// Finds a subkey by name, whatever its case.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn subkey(&mut self, key: KeyId, name: &str) -> Result<Option<KeyId>, Error> {
        let found = self.subkey_table(key)?.find(&upcase::key(name));
        Ok(found.map(|offset| self.id(offset)))
    }

    /// Returns the subkeys, sorted by name.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn subkeys(&mut self, key: KeyId) -> Result<Vec<KeyId>, Error> {
        let offsets: Vec<u32> = self.subkey_table(key)?.offsets().collect();
        Ok(offsets.into_iter().map(|offset| self.id(offset)).collect())
    }

    /// Returns the key's parent; none for the root.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn parent(&mut self, key: KeyId) -> Result<Option<KeyId>, Error> {
        let offset = self.offset(key)?;
        if offset == self.root {
            return Ok(None);
        }
        let parent = self.image.bins().key(offset)?.parent;
        Ok(Some(self.id(parent)))
    }

    /// Returns the key's name.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn name(&self, key: KeyId) -> Result<Name<'_>, Error> {
        Ok(self.record(key)?.name.text())
    }

    /// Returns the time of the key's last write, as a FILETIME.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn last_written(&self, key: KeyId) -> Result<u64, Error> {
        Ok(self.record(key)?.last_written)
    }

    /// Says whether the key is a symbolic link to another.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn is_link(&self, key: KeyId) -> Result<bool, Error> {
        Ok(self.record(key)?.flags & FLAG_LINK != 0)
    }

    /// Returns the key's class name as stored, UTF-16 without an end mark; empty when there is none.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn class(&self, key: KeyId) -> Result<&[u8], Error> {
        super::key::class(self.image.bins(), &self.record(key)?)
    }

    /// Returns the key's security descriptor, self-relative.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn security(&self, key: KeyId) -> Result<&[u8], Error> {
        Ok(self.image.bins().security(self.record(key)?.security)?.descriptor)
    }

    /// Returns the key's values, in stored order.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn values(&mut self, key: KeyId) -> Result<Vec<Value<'_>>, Error> {
        let offsets: Vec<u32> = self.value_table(key)?.offsets().collect();
        let bins = self.image.bins();
        offsets.into_iter().map(|offset| Value::at(bins, offset)).collect()
    }

    /// Finds a value by name, whatever its case.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn value(&mut self, key: KeyId, name: &str) -> Result<Option<Value<'_>>, Error> {
        let found = self.value_table(key)?.find(&upcase::key(name));
        let bins = self.image.bins();
        found.map(|offset| Value::at(bins, offset)).transpose()
    }

    /// Runs one edit; when it fails after its checks, the hive is not written any more.
    fn edit<T>(&mut self, change: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.half_edited = true;
        let done = change(self)?;
        self.half_edited = false;
        self.changed = true;
        Ok(done)
    }

    fn id(&mut self, offset: u32) -> KeyId {
        *self.ids.entry(offset).or_insert_with(|| {
            self.slots.push(Slot { offset: Some(offset), ..Slot::default() });
            KeyId(self.slots.len() - 1)
        })
    }

    fn slot(&self, key: KeyId) -> Result<&Slot, Error> {
        self.slots.get(key.0).ok_or(Error::Removed)
    }

    fn slot_mut(&mut self, key: KeyId) -> Result<&mut Slot, Error> {
        self.slots.get_mut(key.0).ok_or(Error::Removed)
    }

    fn offset(&self, key: KeyId) -> Result<u32, Error> {
        self.slot(key)?.offset.ok_or(Error::Removed)
    }

    fn record(&self, key: KeyId) -> Result<KeyRecord<'_>, Error> {
        self.image.bins().key(self.offset(key)?)
    }

    /// Counts the levels from the root, which is level 1, to the key at `offset`.
    fn depth(&self, offset: u32) -> Result<usize, Error> {
        let bins: Bins<'_> = self.image.bins();
        let (mut at, mut depth) = (offset, 1);
        while at != self.root {
            if depth > MAX_DEPTH {
                return Err(Error::TooDeep { offset, limit: MAX_DEPTH });
            }
            at = bins.key(at)?.parent;
            depth += 1;
        }
        Ok(depth)
    }

    fn write_u32(&mut self, key: u32, field: usize, value: u32) {
        self.image.write(key, field, &value.to_le_bytes());
    }

    /// Sets when a key was last written, as it was before it was taken away and put back.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn set_last_written(&mut self, key: KeyId, at: u64) -> Result<(), Error> {
        let offset = self.offset(key)?;
        self.changed = true;
        self.touch(offset, at);
        Ok(())
    }

    /// Makes a key a symbolic link, as it was before it was taken away and put back; its value names the target.
    ///
    /// # Errors
    /// When the key was removed.
    pub fn mark_link(&mut self, key: KeyId) -> Result<(), Error> {
        let offset = self.offset(key)?;
        let flags = self.record(key)?.flags | FLAG_LINK;
        self.changed = true;
        self.image.write(offset, field::FLAGS, &flags.to_le_bytes());
        Ok(())
    }

    fn touch(&mut self, key: u32, now: u64) {
        self.image.write(key, field::LAST_WRITTEN, &now.to_le_bytes());
    }

    /// Raises a largest length that a key record keeps as four bytes.
    fn raise_u32(&mut self, key: u32, field: usize, stored: u32, length: usize) {
        let length = u32::try_from(length).unwrap_or(NONE);
        if length > stored {
            self.write_u32(key, field, length);
        }
    }

    fn write_lists(&mut self) -> Result<(), Error> {
        for at in 0..self.slots.len() {
            self.write_values(KeyId(at))?;
            self.write_subkeys(KeyId(at))?;
        }
        Ok(())
    }
}

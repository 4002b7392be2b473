//! Security records of keys under edit: equal descriptors share one record, the last key to leave one frees it. Class names, too.

use std::collections::HashMap;

use super::{Editor, KeyId};
use crate::formats::regf::cells::SECURITY;
use crate::formats::regf::descriptor::check_descriptor;
use crate::formats::regf::records::{key_field as field, new_security, security_field};
use crate::formats::regf::{Error, Fault, NONE};
use crate::formats::security_descriptor::new_subkey_descriptor;

impl Editor {
    /// Gives a key a security descriptor (self-relative); says whether that changed anything.
    ///
    /// # Errors
    /// When the key was removed, the descriptor is not one, or the hive would grow too large.
    pub fn set_security(&mut self, key: KeyId, descriptor: &[u8], now: u64) -> Result<bool, Error> {
        check_descriptor(descriptor)?;
        if self.security(key)? == descriptor {
            return Ok(false);
        }
        let offset = self.offset(key)?;
        let old = self.record(key)?.security;
        self.edit(|editor| {
            let new = editor.guard(descriptor)?;
            editor.write_u32(offset, field::SECURITY, new);
            editor.release_guard(old)
        })?;
        self.touch(offset, now);
        Ok(true)
    }

    /// Gives a key a class name, or none when it is empty; says whether that changed anything.
    ///
    /// # Errors
    /// When the key was removed, the class name is longer than 65,534 bytes, or the hive would grow too large.
    pub fn set_class(&mut self, key: KeyId, class: &str, now: u64) -> Result<bool, Error> {
        let content: Vec<u8> = class.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let too_long = |_| Error::TooLong { what: "class name", length: content.len(), limit: usize::from(u16::MAX) };
        let length = u16::try_from(content.len()).map_err(too_long)?;
        if self.class(key)? == content {
            return Ok(false);
        }
        let offset = self.offset(key)?;
        let record = self.record(key)?;
        let old = if record.class_length == 0 { NONE } else { record.class };
        let parent = self.parent(key)?.map(|parent| self.offset(parent)).transpose()?;
        self.edit(|editor| {
            let cell = if content.is_empty() {
                editor.image.release(old)?;
                NONE
            } else {
                editor.image.replace(old, &content)?
            };
            editor.write_u32(offset, field::CLASS, cell);
            editor.image.write(offset, field::CLASS_LENGTH, &length.to_le_bytes());
            if let Some(parent) = parent {
                let stored = editor.image.bins().key(parent)?.largest_subkey_class;
                editor.raise_u32(parent, field::LARGEST_SUBKEY_CLASS, stored, content.len());
            }
            Ok(())
        })?;
        self.touch(offset, now);
        Ok(true)
    }

    /// Makes the descriptor a new subkey of the key at `offset` inherits.
    pub(super) fn inherited_descriptor(&self, offset: u32) -> Result<Vec<u8>, Error> {
        let bins = self.image.bins();
        let parent = bins.security(bins.key(offset)?.security)?.descriptor;
        new_subkey_descriptor(parent).map_err(|source| Error::Inheritance { offset, source })
    }

    /// Returns the record that holds `descriptor`, made if there is none, with one more reference.
    pub(super) fn guard(&mut self, descriptor: &[u8]) -> Result<u32, Error> {
        if let Some(offset) = self.guards()?.get(descriptor).copied() {
            let references = self.image.bins().security(offset)?.references;
            let raised = references.checked_add(1).ok_or(Error::Full { limit: u32::MAX })?;
            self.write_u32(offset, security_field::REFERENCES, raised);
            return Ok(offset);
        }
        let bins = self.image.bins();
        let before = bins.key(self.root)?.security;
        let after = bins.security(before)?.next;
        let offset = self.image.allocate(&new_security(after, before, descriptor))?;
        self.write_u32(before, security_field::NEXT, offset);
        self.write_u32(after, security_field::PREVIOUS, offset);
        self.guards()?.insert(descriptor.to_vec(), offset);
        Ok(offset)
    }

    /// Takes one reference from a record and removes it with the last one.
    pub(super) fn release_guard(&mut self, offset: u32) -> Result<(), Error> {
        let record = self.image.bins().security(offset)?;
        let (next, previous, references) = (record.next, record.previous, record.references);
        if references > 1 {
            self.write_u32(offset, security_field::REFERENCES, references - 1);
            return Ok(());
        }
        if let Some(guards) = &mut self.guards {
            guards.retain(|_, known| *known != offset);
        }
        self.write_u32(previous, security_field::NEXT, next);
        self.write_u32(next, security_field::PREVIOUS, previous);
        self.image.release(offset)
    }

    /// Returns the records by descriptor, read once from the ring the root's record is in; of equal ones, the first.
    fn guards(&mut self) -> Result<&mut HashMap<Vec<u8>, u32>, Error> {
        if self.guards.is_none() {
            let bins = self.image.bins();
            let start = bins.key(self.root)?.security;
            let mut guards = HashMap::new();
            let mut offset = start;
            // The full check found every record to be linked both ways, so the ring closes.
            loop {
                let record = bins.security(offset)?;
                guards.entry(record.descriptor.to_vec()).or_insert(offset);
                offset = record.next;
                if offset == start {
                    break;
                }
            }
            self.guards = Some(guards);
        }
        self.guards.as_mut().ok_or(Error::Damaged { what: SECURITY, offset: self.root, fault: Fault::NotACell })
    }
}

//! Creating, removing, renaming and moving keys.

use super::{Editor, KeyId, Slot};
use crate::formats::regf::cells::{FLAG_LATIN_NAME, KEY, KEY_HEADER};
use crate::formats::regf::descriptor::check_descriptor;
use crate::formats::regf::lists::SubkeyList;
use crate::formats::regf::records::{check_key_name, key_field as field, new_key, put, short};
use crate::formats::regf::{Error, MAX_DEPTH, name};
use crate::formats::upcase;

impl Editor {
    /// Creates a subkey, guarded by `security` (self-relative) or else by what the parent's inheritable entries make.
    ///
    /// # Errors
    /// When the name is not one, a subkey of that name exists, it would lie too deep, nothing can be inherited, or the hive would grow too large.
    pub fn create_key(&mut self, parent: KeyId, name: &str, security: Option<&[u8]>, now: u64) -> Result<KeyId, Error> {
        check_key_name(name)?;
        let parent_offset = self.offset(parent)?;
        let folded = upcase::key(name);
        self.check_free(parent, name, &folded)?;
        self.check_depth(parent_offset, 1)?;
        let descriptor = match security {
            Some(descriptor) => descriptor.to_vec(),
            None => self.inherited_descriptor(parent_offset)?,
        };
        check_descriptor(&descriptor)?;
        let key = self.edit(|editor| {
            let guard = editor.guard(&descriptor)?;
            let key = editor.image.allocate(&new_key(name, 0, parent_offset, guard, now))?;
            editor.subkey_table(parent)?.insert(folded, key);
            Ok(key)
        })?;
        self.note_subkey(parent_offset, name, now)?;
        Ok(self.id(key))
    }

    /// Removes a key with everything below it.
    ///
    /// # Errors
    /// When it is the root, or was removed before.
    pub fn remove_tree(&mut self, key: KeyId, now: u64) -> Result<(), Error> {
        let offset = self.offset(key)?;
        let Some(parent) = self.parent(key)? else { return Err(Error::Root { attempt: "removed" }) };
        let folded = self.record(key)?.name.folded();
        let parent_offset = self.offset(parent)?;
        self.edit(|editor| {
            editor.subkey_table(parent)?.remove(&folded);
            let mut pending = vec![offset];
            while let Some(offset) = pending.pop() {
                editor.remove_one(offset, &mut pending)?;
            }
            Ok(())
        })?;
        self.touch(parent_offset, now);
        Ok(())
    }

    /// Renames a key where it is; a change of case alone counts too. Says whether that changed anything.
    ///
    /// # Errors
    /// When it is the root or was removed, the name is not one, or another subkey has it.
    pub fn rename_key(&mut self, key: KeyId, name: &str, now: u64) -> Result<bool, Error> {
        let Some(parent) = self.parent(key)? else { return Err(Error::Root { attempt: "renamed" }) };
        let changed = self.place(key, parent, name, now)?;
        if changed {
            let offset = self.offset(key)?;
            self.touch(offset, now);
        }
        Ok(changed)
    }

    /// Moves a key below another, under the given name, with everything it holds: subkeys, values, security and times.
    /// Says whether that changed anything.
    ///
    /// # Errors
    /// When it is the root, either was removed, the name is not one or is taken, the key would come to lie below itself or too deep.
    pub fn move_key(&mut self, key: KeyId, parent: KeyId, name: &str, now: u64) -> Result<bool, Error> {
        if self.parent(key)?.is_none() {
            return Err(Error::Root { attempt: "moved" });
        }
        self.place(key, parent, name, now)
    }

    fn place(&mut self, key: KeyId, parent: KeyId, name: &str, now: u64) -> Result<bool, Error> {
        check_key_name(name)?;
        let Some(old_parent) = self.parent(key)? else { return Err(Error::Root { attempt: "moved" }) };
        let (offset, parent_offset, old_parent_offset) =
            (self.offset(key)?, self.offset(parent)?, self.offset(old_parent)?);
        let record = self.record(key)?;
        let (old_folded, folded) = (record.name.folded(), upcase::key(name));
        let (encoded, latin) = name::encode(name);
        if old_parent == parent && record.name.latin == latin && record.name.bytes == encoded {
            return Ok(false);
        }
        if old_parent != parent || old_folded != folded {
            self.check_free(parent, name, &folded)?;
        }
        if old_parent != parent {
            let height = self.height(offset, parent_offset)?;
            self.check_depth(parent_offset, height)?;
        }
        self.edit(|editor| {
            let moved = editor.write_name(key, &encoded, latin)?;
            editor.write_u32(moved, field::PARENT, parent_offset);
            editor.subkey_table(old_parent)?.remove(&old_folded);
            editor.subkey_table(parent)?.insert(folded, moved);
            Ok(())
        })?;
        if old_parent != parent {
            self.touch(old_parent_offset, now);
        }
        self.note_subkey(parent_offset, name, now)?;
        Ok(true)
    }

    /// Writes a key's name, into a new record when the old one's cell has another size, and returns the record's offset.
    fn write_name(&mut self, key: KeyId, name: &[u8], latin: bool) -> Result<u32, Error> {
        let offset = self.offset(key)?;
        let flags = self.record(key)?.flags & !FLAG_LATIN_NAME;
        let flags = if latin { flags | FLAG_LATIN_NAME } else { flags };
        let cell = self.image.bins().cell(KEY, offset)?;
        let mut record = cell.get(..KEY_HEADER).unwrap_or_default().to_vec();
        put(&mut record, field::FLAGS, &flags.to_le_bytes());
        put(&mut record, field::NAME_LENGTH, &short(name.len()).to_le_bytes());
        record.extend(name);
        let moved = self.image.replace(offset, &record)?;
        if moved != offset {
            for subkey in self.subkey_offsets(offset, moved)? {
                self.write_u32(subkey, field::PARENT, moved);
            }
            self.ids.remove(&offset);
            self.ids.insert(moved, key);
            self.slot_mut(key)?.offset = Some(moved);
        }
        Ok(moved)
    }

    /// Frees one key and adds its subkeys to `pending`.
    fn remove_one(&mut self, offset: u32, pending: &mut Vec<u32>) -> Result<(), Error> {
        pending.extend(self.subkey_offsets(offset, offset)?);
        let bins = self.image.bins();
        let record = bins.key(offset)?;
        let known = self.ids.remove(&offset);
        let mut cells = Vec::new();
        if record.class_length > 0 {
            cells.push(record.class);
        }
        if record.value_count() > 0 {
            cells.push(record.value_list);
        }
        if record.subkey_count > 0 {
            let list = SubkeyList::read(bins, offset, &record)?;
            cells.extend(list.index);
            cells.extend(list.leaves.iter().map(|leaf| leaf.offset));
        }
        let table = known.and_then(|key| self.slots.get(key.0)).and_then(|slot| slot.values.as_ref());
        let values: Vec<u32> = match table {
            Some(table) => table.offsets().collect(),
            None => bins.value_offsets(&record)?.iter().collect(),
        };
        let guard = record.security;
        for value in values {
            self.free_value(value)?;
        }
        for cell in cells {
            self.image.release(cell)?;
        }
        self.image.release(offset)?;
        self.release_guard(guard)?;
        if let Some(key) = known {
            *self.slot_mut(key)? = Slot::default();
        }
        Ok(())
    }

    /// Returns the subkeys of the key known at `offset`, whose record is at `record_offset`.
    fn subkey_offsets(&self, offset: u32, record_offset: u32) -> Result<Vec<u32>, Error> {
        let known = self.ids.get(&offset).and_then(|key| self.slots.get(key.0)).and_then(|slot| slot.subkeys.as_ref());
        if let Some(table) = known {
            return Ok(table.offsets().collect());
        }
        let bins = self.image.bins();
        let list = SubkeyList::read(bins, record_offset, &bins.key(record_offset)?)?;
        Ok(list.offsets().collect())
    }

    /// Counts the levels of the tree that begins at `top`, which must not hold `outside`.
    fn height(&self, top: u32, outside: u32) -> Result<usize, Error> {
        let mut height = 0;
        let mut level = vec![top];
        while !level.is_empty() {
            if level.contains(&outside) {
                return Err(Error::IntoItself { offset: top });
            }
            height += 1;
            let mut below = Vec::new();
            for offset in level {
                below.extend(self.subkey_offsets(offset, offset)?);
            }
            level = below;
        }
        Ok(height)
    }

    fn check_free(&mut self, parent: KeyId, name: &str, folded: &[u16]) -> Result<(), Error> {
        if self.subkey_table(parent)?.find(folded).is_some() {
            return Err(Error::Exists { name: name.to_owned(), parent: self.offset(parent)? });
        }
        Ok(())
    }

    fn check_depth(&self, parent: u32, levels: usize) -> Result<(), Error> {
        if self.depth(parent)? + levels > MAX_DEPTH {
            return Err(Error::TooDeep { offset: parent, limit: MAX_DEPTH });
        }
        Ok(())
    }

    /// Notes in a key's record that a subkey of that name was added.
    fn note_subkey(&mut self, parent: u32, name: &str, now: u64) -> Result<(), Error> {
        let length = short(name.encode_utf16().count() * 2);
        if length > self.image.bins().key(parent)?.largest_subkey_name {
            self.image.write(parent, field::LARGEST_SUBKEY_NAME, &length.to_le_bytes());
        }
        self.touch(parent, now);
        Ok(())
    }
}

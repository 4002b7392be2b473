//! The bytes of a hive under edit and the room in them: cells are taken from free ones first, freed neighbours become one, new bins are appended.

use std::collections::{BTreeMap, BTreeSet};

use crate::formats::regf::cells::{Bins, u32_at, wide};
use crate::formats::regf::create::cell_size;
use crate::formats::regf::header;
use crate::formats::regf::records::put;
use crate::formats::regf::{BASE_BLOCK, BIN_HEADER, Error, MAX_BINS, NONE, PAGE};

/// A hive's base block and bins, with an account of the free cells.
#[derive(Debug)]
pub(super) struct Image {
    bytes: Vec<u8>,
    minor: u32,
    /// Free cells: size by offset.
    free: BTreeMap<u32, u32>,
    /// The same cells as (size, offset), to find the tightest fit.
    by_size: BTreeSet<(u32, u32)>,
}

impl Image {
    /// Takes a base block and bins whose cells were checked to tile the bins.
    pub fn new(bytes: Vec<u8>, minor: u32) -> Self {
        let free: BTreeMap<u32, u32> = free_cells(bytes.get(BASE_BLOCK..).unwrap_or_default()).collect();
        let by_size = free.iter().map(|(offset, size)| (*size, *offset)).collect();
        Self { bytes, minor, free, by_size }
    }

    pub fn bins(&self) -> Bins<'_> {
        Bins { bytes: self.bytes.get(BASE_BLOCK..).unwrap_or_default(), minor: self.minor }
    }

    pub fn bins_size(&self) -> u32 {
        u32::try_from(self.bins().bytes.len()).unwrap_or(MAX_BINS)
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Puts `content` into a new cell and returns its offset.
    pub fn allocate(&mut self, content: &[u8]) -> Result<u32, Error> {
        let need = cell_size(content.len())?;
        if self.by_size.range((need, 0)..).next().is_none() {
            self.append_bin(need)?;
        }
        let (size, offset) = self.by_size.range((need, 0)..).next().copied().ok_or(Error::Full { limit: MAX_BINS })?;
        self.forget_free(offset, size);
        if size > need {
            self.note_free(offset + need, size - need);
        }
        self.put(offset, &need.wrapping_neg().to_le_bytes());
        self.fill(offset, content, need);
        Ok(offset)
    }

    /// Puts `content` where `old` is, in place when it takes a cell of the same size; `old` may be none.
    pub fn replace(&mut self, old: u32, content: &[u8]) -> Result<u32, Error> {
        if old == NONE {
            return self.allocate(content);
        }
        let need = cell_size(content.len())?;
        if self.size(old)? == need {
            self.fill(old, content, need);
            return Ok(old);
        }
        let new = self.allocate(content)?;
        self.release(old)?;
        Ok(new)
    }

    /// Frees a cell, wipes what it held and joins it with free neighbours.
    pub fn release(&mut self, offset: u32) -> Result<(), Error> {
        let (mut start, mut size) = (offset, self.size(offset)?);
        let held = BASE_BLOCK + wide(offset);
        if let Some(bytes) = self.bytes.get_mut(held..held + wide(size)) {
            bytes.fill(0);
        }
        // A bin's header lies between its cells and those of the bin before, so cells that touch are of one bin.
        if let Some(after) = self.free.get(&(offset + size)).copied() {
            self.forget_free(offset + size, after);
            self.put(offset + size, &[0; 4]);
            size += after;
        }
        if let Some((&before, &length)) = self.free.range(..offset).next_back()
            && before + length == offset
        {
            self.forget_free(before, length);
            start = before;
            size += length;
        }
        self.note_free(start, size);
        Ok(())
    }

    /// Overwrites a part of what the cell at `offset` holds; `at` is counted from the record's signature.
    pub fn write(&mut self, offset: u32, at: usize, field: &[u8]) {
        let place = BASE_BLOCK + wide(offset) + 4 + at;
        put(&mut self.bytes, place, field);
    }

    /// Writes the final base block.
    pub fn seal(&mut self, sequence: u32, now: u64) {
        let bins_size = self.bins_size();
        header::seal(&mut self.bytes, sequence, bins_size, now);
    }

    /// Returns the size of a cell in use, its own four bytes included.
    fn size(&self, offset: u32) -> Result<u32, Error> {
        let content = self.bins().cell("cell", offset)?;
        cell_size(content.len())
    }

    fn append_bin(&mut self, need: u32) -> Result<(), Error> {
        let bin = self.bins_size();
        let full = Error::Full { limit: MAX_BINS };
        let size =
            need.checked_add(BIN_HEADER).and_then(|size| size.checked_next_multiple_of(PAGE)).ok_or(full.clone())?;
        if size > MAX_BINS - bin {
            return Err(full);
        }
        self.bytes.resize(self.bytes.len() + wide(size), 0);
        self.put(bin, b"hbin");
        self.put(bin + 4, &bin.to_le_bytes());
        self.put(bin + 8, &size.to_le_bytes());
        self.note_free(bin + BIN_HEADER, size - BIN_HEADER);
        Ok(())
    }

    fn note_free(&mut self, offset: u32, size: u32) {
        self.put(offset, &size.to_le_bytes());
        self.free.insert(offset, size);
        self.by_size.insert((size, offset));
    }

    fn forget_free(&mut self, offset: u32, size: u32) {
        self.free.remove(&offset);
        self.by_size.remove(&(size, offset));
    }

    /// Writes `content` into a cell of `size` bytes and clears the rest of it.
    fn fill(&mut self, offset: u32, content: &[u8], size: u32) {
        let start = BASE_BLOCK + wide(offset) + 4;
        let end = BASE_BLOCK + wide(offset) + wide(size);
        if let Some((used, spare)) =
            self.bytes.get_mut(start..end).and_then(|cell| cell.split_at_mut_checked(content.len()))
        {
            used.copy_from_slice(content);
            spare.fill(0);
        }
    }

    fn put(&mut self, offset: u32, field: &[u8]) {
        put(&mut self.bytes, BASE_BLOCK + wide(offset), field);
    }
}

/// Iterates over the free cells of well-formed bins.
fn free_cells(bins: &[u8]) -> impl Iterator<Item = (u32, u32)> + '_ {
    let field = |at: u32| u32_at(bins, wide(at)).unwrap_or_default();
    let (mut cell, mut bin_end) = (0, 0);
    std::iter::from_fn(move || {
        loop {
            if cell == bin_end {
                if wide(cell) >= bins.len() {
                    return None;
                }
                bin_end = cell.checked_add(field(cell + 8))?;
                cell += BIN_HEADER;
            }
            let (here, size) = (cell, field(cell).cast_signed());
            cell = cell.checked_add(size.unsigned_abs()).filter(|next| *next > here)?;
            if size > 0 {
                return Some((here, size.unsigned_abs()));
            }
        }
    })
}

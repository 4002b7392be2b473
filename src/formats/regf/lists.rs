//! Lists of subkeys: a leaf (`lf`, `lh`, `li`), or an index (`ri`) of leaves. Entries are sorted by upper-cased name over the whole key.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::cells::{Bins, KEY_HEADER, KeyRecord, u16_at, u32_at, wide};
use super::{Error, Fault, name};

pub(super) const SUBKEY_LIST: &str = "subkey list";
/// Lists this short are searched a second time, entry by entry, rather than checked for order.
const SHORT: usize = 64;

/// How the entries of a leaf are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKind {
    /// Offset and the name's first characters.
    Fast,
    /// Offset and a hash of the name.
    Hashed,
    /// Offset alone.
    Plain,
}

impl LeafKind {
    pub const fn signature(self) -> [u8; 2] {
        match self {
            Self::Fast => *b"lf",
            Self::Hashed => *b"lh",
            Self::Plain => *b"li",
        }
    }

    pub const fn entry_size(self) -> usize {
        match self {
            Self::Fast | Self::Hashed => 8,
            Self::Plain => 4,
        }
    }

    /// The most entries Windows puts in one leaf: what fits a page with its headers.
    pub const fn limit(self) -> usize {
        match self {
            Self::Fast | Self::Hashed => 507,
            Self::Plain => 1013,
        }
    }

    /// The kind Windows makes for a hive of this minor version.
    pub const fn preferred(minor: u32) -> Self {
        if minor > 4 { Self::Hashed } else { Self::Fast }
    }
}

/// One leaf of a subkey list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf<'h> {
    pub offset: u32,
    pub kind: LeafKind,
    entries: &'h [u8],
}

impl<'h> Leaf<'h> {
    pub fn parse(offset: u32, cell: &'h [u8]) -> Result<Self, Fault> {
        let kind = match cell.first_chunk() {
            Some(b"lf") => LeafKind::Fast,
            Some(b"lh") => LeafKind::Hashed,
            Some(b"li") => LeafKind::Plain,
            Some(b"ri") => return Err(Fault::NestedIndex),
            found => return Err(Fault::Signature { found: *found.unwrap_or(&[0; 2]) }),
        };
        let entries = counted(cell, kind.entry_size())?;
        Ok(Self { offset, kind, entries })
    }

    pub const fn len(self) -> usize {
        self.entries.len() / self.kind.entry_size()
    }

    /// Iterates over the subkeys' offsets and hints; the hint is 0 where the leaf has none.
    pub fn entries(self) -> impl Iterator<Item = (u32, u32)> + 'h {
        self.entries
            .chunks_exact(self.kind.entry_size())
            .map(|entry| (u32_at(entry, 0).unwrap_or_default(), u32_at(entry, 4).unwrap_or_default()))
    }

    fn subkey(self, at: usize) -> Option<u32> {
        u32_at(self.entries, at.checked_mul(self.kind.entry_size())?)
    }
}

/// Returns the offsets in an index of leaves, or nothing when the list is a single leaf.
pub(super) fn index<'h>(cell: &'h [u8]) -> Result<Option<impl Iterator<Item = u32> + use<'h>>, Fault> {
    if cell.first_chunk() != Some(b"ri") {
        return Ok(None);
    }
    let leaves = counted(cell, 4)?;
    Ok(Some(leaves.as_chunks::<4>().0.iter().map(|each| u32::from_le_bytes(*each))))
}

/// The subkeys of one key, as leaves.
#[derive(Debug, Clone)]
pub(super) struct SubkeyList<'h> {
    bins: Bins<'h>,
    pub leaves: Vec<Leaf<'h>>,
    /// The cell of the index, when there is one.
    pub index: Option<u32>,
}

impl<'h> SubkeyList<'h> {
    /// Reads the list of `key`, which is at `offset`; the entries must be as many as the key says.
    pub fn read(bins: Bins<'h>, offset: u32, key: &KeyRecord<'h>) -> Result<Self, Error> {
        let mut list = Self { bins, leaves: Vec::new(), index: None };
        if key.subkey_count == 0 {
            return Ok(list);
        }
        let stored = key.subkey_count;
        let count = wide(stored);
        // No cell of a key is smaller, so more keys than this cannot exist: a list that repeats its leaves ends here.
        if count > bins.bytes.len() / KEY_HEADER {
            return Err(Error::Damaged { what: SUBKEY_LIST, offset, fault: Fault::TooMany { stored } });
        }
        let mut found = 0_usize;
        for leaf in list.leaf_offsets(key.subkey_list)? {
            let leaf = leaf_at(bins, leaf)?;
            found = found.saturating_add(leaf.len());
            if found > count {
                break;
            }
            list.leaves.push(leaf);
        }
        if found != count {
            return Err(Error::Damaged { what: SUBKEY_LIST, offset, fault: Fault::Count { stored, found } });
        }
        list.leaves.retain(|leaf| leaf.len() > 0);
        Ok(list)
    }

    fn leaf_offsets(&mut self, offset: u32) -> Result<Vec<u32>, Error> {
        let cell = self.bins.cell(SUBKEY_LIST, offset)?;
        let leaves = index(cell).map_err(|fault| Error::Damaged { what: SUBKEY_LIST, offset, fault })?;
        Ok(leaves.map_or_else(
            || vec![offset],
            |leaves| {
                self.index = Some(offset);
                leaves.collect()
            },
        ))
    }

    pub fn len(&self) -> usize {
        self.leaves.iter().map(|leaf| leaf.len()).sum()
    }

    pub fn offsets(&self) -> impl Iterator<Item = u32> + '_ {
        self.entries().map(|(offset, _)| offset)
    }

    fn entries(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.leaves.iter().flat_map(|leaf| leaf.entries())
    }

    /// Finds the subkey whose upper-cased name is `wanted`, right also when the list is not sorted.
    pub fn find(&self, list: u32, wanted: &[u16], orders: &Orders) -> Result<Option<u32>, Error> {
        if let Some(found) = self.bisect(wanted)? {
            return Ok(Some(found));
        }
        if self.len() > SHORT && orders.is_sorted(list, || self.is_sorted())? {
            return Ok(None);
        }
        self.scan(wanted)
    }

    fn bisect(&self, wanted: &[u16]) -> Result<Option<u32>, Error> {
        let (mut low, mut high) = (0, self.leaves.len());
        // The last leaf whose first name is not above the wanted one.
        while low + 1 < high {
            let middle = low.midpoint(high);
            let first = self.leaves.get(middle).and_then(|leaf| leaf.subkey(0));
            if self.compare(first, wanted)? == Ordering::Greater { high = middle } else { low = middle }
        }
        let Some(leaf) = self.leaves.get(low) else { return Ok(None) };
        let (mut low, mut high) = (0, leaf.len());
        while low < high {
            let middle = low.midpoint(high);
            let subkey = leaf.subkey(middle);
            match self.compare(subkey, wanted)? {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(subkey),
            }
        }
        Ok(None)
    }

    fn compare(&self, subkey: Option<u32>, wanted: &[u16]) -> Result<Ordering, Error> {
        subkey.map_or(Ok(Ordering::Greater), |offset| Ok(self.bins.key(offset)?.name.compare(wanted)))
    }

    fn is_sorted(&self) -> Result<bool, Error> {
        let (mut previous, mut current) = (Vec::new(), Vec::new());
        for (at, offset) in self.offsets().enumerate() {
            self.bins.key(offset)?.name.fold_into(&mut current);
            if at > 0 && previous >= current {
                return Ok(false);
            }
            std::mem::swap(&mut previous, &mut current);
        }
        Ok(true)
    }

    fn scan(&self, wanted: &[u16]) -> Result<Option<u32>, Error> {
        let hash = name::hash(wanted);
        for leaf in &self.leaves {
            for (offset, hint) in leaf.entries() {
                let possible = leaf.kind != LeafKind::Hashed || hint == hash;
                if possible && self.bins.key(offset)?.name.compare(wanted) == Ordering::Equal {
                    return Ok(Some(offset));
                }
            }
        }
        Ok(None)
    }
}

/// What is known about the order of long lists, by the offset of the list. Each is checked once, on the first miss.
#[derive(Debug, Default)]
pub(super) struct Orders(Mutex<HashMap<u32, bool>>);

impl Orders {
    fn is_sorted(&self, list: u32, check: impl FnOnce() -> Result<bool, Error>) -> Result<bool, Error> {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&list) {
            return Ok(*known);
        }
        let sorted = check()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(list, sorted);
        Ok(sorted)
    }
}

fn leaf_at(bins: Bins<'_>, offset: u32) -> Result<Leaf<'_>, Error> {
    let cell = bins.cell(SUBKEY_LIST, offset)?;
    Leaf::parse(offset, cell).map_err(|fault| Error::Damaged { what: SUBKEY_LIST, offset, fault })
}

/// Returns the entries of a list cell: signature, count (u16), entries.
fn counted(cell: &[u8], entry_size: usize) -> Result<&[u8], Fault> {
    let count = u16_at(cell, 2).map_or(0, usize::from);
    let need = 4 + count * entry_size;
    cell.get(4..need).ok_or(Fault::TooSmall { need, have: cell.len() })
}

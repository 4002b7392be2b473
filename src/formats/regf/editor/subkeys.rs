//! The subkey lists of keys under edit: kept by name in memory, written leaf by leaf so that leaves without a change stay as they are.

use std::collections::BTreeMap;

use super::{Editor, KeyId, Slot};
use crate::formats::regf::lists::{LeafKind, SubkeyList};
use crate::formats::regf::records::{key_field as field, short};
use crate::formats::regf::{Error, NONE, name};

/// The subkeys of one key, by upper-cased name.
#[derive(Debug, Default)]
pub(super) struct SubkeyTable {
    names: BTreeMap<Vec<u16>, u32>,
    leaves: Vec<OldLeaf>,
    /// The index of leaves in the hive, if there is one.
    index: Option<u32>,
    pub changed: bool,
}

/// A leaf in the hive, as it was read.
#[derive(Debug)]
struct OldLeaf {
    offset: u32,
    kind: LeafKind,
    last: Vec<u16>,
}

impl SubkeyTable {
    pub fn find(&self, folded: &[u16]) -> Option<u32> {
        self.names.get(folded).copied()
    }

    pub fn offsets(&self) -> impl Iterator<Item = u32> + '_ {
        self.names.values().copied()
    }

    pub fn insert(&mut self, folded: Vec<u16>, offset: u32) {
        self.names.insert(folded, offset);
        self.changed = true;
    }

    pub fn remove(&mut self, folded: &[u16]) {
        self.names.remove(folded);
        self.changed = true;
    }

    /// Distributes the names over the old leaves, by the last name each held, and splits those that grew too long.
    fn arrange(&self, preferred: LeafKind) -> Vec<NewLeaf<'_>> {
        let mut leaves = Vec::new();
        let mut names = self.names.iter().peekable();
        let last = self.leaves.len().saturating_sub(1);
        let old = self
            .leaves
            .iter()
            .enumerate()
            .map(|(at, leaf)| (leaf.kind, leaf.offset, (at < last).then_some(&leaf.last)));
        let fresh = self.leaves.is_empty().then_some((preferred, NONE, None));
        for (kind, offset, bound) in old.chain(fresh) {
            let mut entries = Vec::new();
            while let Some(entry) = names.next_if(|(name, _)| bound.is_none_or(|bound| *name <= bound)) {
                entries.push(entry);
            }
            let pieces = entries.len().div_ceil(kind.limit()).max(1);
            let size = entries.len().div_ceil(pieces).max(1);
            // Without entries the old leaf is only freed.
            if entries.is_empty() && offset != NONE {
                leaves.push(NewLeaf { kind, old: offset, entries: Vec::new() });
            }
            leaves.extend(entries.chunks(size).enumerate().map(|(at, piece)| NewLeaf {
                kind,
                old: if at == 0 { offset } else { NONE },
                entries: piece.to_vec(),
            }));
        }
        leaves
    }
}

/// A leaf as it will be, and the old one whose place it takes.
struct NewLeaf<'t> {
    kind: LeafKind,
    old: u32,
    entries: Vec<(&'t Vec<u16>, &'t u32)>,
}

impl Editor {
    pub(super) fn subkey_table(&mut self, key: KeyId) -> Result<&mut SubkeyTable, Error> {
        if self.slot(key)?.subkeys.is_none() {
            let bins = self.image.bins();
            let list = SubkeyList::read(bins, self.offset(key)?, &self.record(key)?)?;
            let mut table = SubkeyTable { index: list.index, ..SubkeyTable::default() };
            let mut names = Vec::with_capacity(list.len());
            for leaf in &list.leaves {
                for (offset, _) in leaf.entries() {
                    names.push((bins.key(offset)?.name.folded(), offset));
                }
                let last = names.last().map(|(name, _)| name.clone()).unwrap_or_default();
                table.leaves.push(OldLeaf { offset: leaf.offset, kind: leaf.kind, last });
            }
            table.names = names.into_iter().collect();
            self.slot_mut(key)?.subkeys = Some(table);
        }
        self.slot_mut(key)?.subkeys.as_mut().ok_or(Error::Removed)
    }

    /// Writes the subkey list of a key whose subkeys were added, removed, renamed or moved.
    pub(super) fn write_subkeys(&mut self, key: KeyId) -> Result<(), Error> {
        let Slot { offset: Some(offset), subkeys: Some(table), .. } = self.slot_mut(key)? else { return Ok(()) };
        if !table.changed {
            return Ok(());
        }
        let (offset, table) = (*offset, std::mem::take(table));
        let mut leaves = Vec::new();
        for leaf in table.arrange(LeafKind::preferred(self.minor)) {
            if leaf.entries.is_empty() {
                self.image.release(leaf.old)?;
            } else {
                let content = self.leaf(&leaf)?;
                leaves.push(self.write_leaf(leaf.old, &content)?);
            }
        }
        let count = table.names.len();
        let list = self.write_index(table.index, &leaves)?;
        if count == 0 {
            self.image.write(offset, field::LARGEST_SUBKEY_NAME, &[0; 2]);
            self.write_u32(offset, field::LARGEST_SUBKEY_CLASS, 0);
        }
        self.write_u32(offset, field::SUBKEY_LIST, list);
        self.write_u32(offset, field::SUBKEY_COUNT, u32::try_from(count).unwrap_or(NONE));
        Ok(())
    }

    fn leaf(&self, leaf: &NewLeaf<'_>) -> Result<Vec<u8>, Error> {
        let mut content = leaf.kind.signature().to_vec();
        content.extend(short(leaf.entries.len()).to_le_bytes());
        for (folded, offset) in &leaf.entries {
            content.extend(offset.to_le_bytes());
            match leaf.kind {
                LeafKind::Hashed => content.extend(name::hash(folded).to_le_bytes()),
                LeafKind::Fast => content.extend(name::hint(self.image.bins().key(**offset)?.name).to_le_bytes()),
                LeafKind::Plain => {}
            }
        }
        Ok(content)
    }

    /// Writes a leaf in the place of `old`, unless that one has the same entries already.
    fn write_leaf(&mut self, old: u32, content: &[u8]) -> Result<u32, Error> {
        let same = old != NONE && self.image.bins().try_cell(old).is_ok_and(|cell| cell.starts_with(content));
        if same { Ok(old) } else { self.image.replace(old, content) }
    }

    fn write_index(&mut self, old: Option<u32>, leaves: &[u32]) -> Result<u32, Error> {
        if let [] | [_] = leaves {
            if let Some(old) = old {
                self.image.release(old)?;
            }
            return Ok(leaves.first().copied().unwrap_or(NONE));
        }
        let limit = usize::from(u16::MAX);
        let too_long = |_| Error::TooLong { what: "index of leaves", length: leaves.len(), limit };
        let mut content = b"ri".to_vec();
        content.extend(u16::try_from(leaves.len()).map_err(too_long)?.to_le_bytes());
        content.extend(leaves.iter().flat_map(|leaf| leaf.to_le_bytes()));
        self.write_leaf(old.unwrap_or(NONE), &content)
    }
}

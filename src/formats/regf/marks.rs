//! Sets of cells, one bit for every eight bytes of the bins: small enough to keep two for any hive.

use super::cells::wide;

/// A bit for every place where a cell can begin.
pub(super) struct Marks(Vec<u64>);

impl Marks {
    pub fn new(bytes: usize) -> Self {
        Self(vec![0; bytes.div_ceil(8 * 64)])
    }

    const fn place(offset: u32) -> (usize, u64) {
        (wide(offset / 8 / 64), 1 << (offset / 8 % 64))
    }

    pub fn set(&mut self, offset: u32) {
        let (word, bit) = Self::place(offset);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    pub fn is_set(&self, offset: u32) -> bool {
        let (word, bit) = Self::place(offset);
        offset.is_multiple_of(8) && self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Returns the first mark that `other` lacks and how many there are.
    pub fn without(&self, other: &Self) -> Option<(u32, usize)> {
        let left = || self.0.iter().zip(&other.0).map(|(mine, theirs)| mine & !theirs).enumerate();
        let (word, bits) = left().find(|(_, bits)| *bits != 0)?;
        let offset = u32::try_from((word * 64).saturating_add(wide(bits.trailing_zeros())) * 8).ok()?;
        Some((offset, left().map(|(_, bits)| wide(bits.count_ones())).sum()))
    }
}

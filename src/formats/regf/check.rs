//! The full structural check: every bin, cell, key, value and list is visited once, each cell may be claimed by one owner only.
//! It decides what is wrong and whether editing would be unsafe; it repairs nothing.

use std::collections::HashMap;

use super::cells::{
    Bins, CLASS, DATA, FLAG_ROOT, KEY, KeyRecord, OffsetList, SECURITY, SecurityRecord, VALUE, VALUE_LIST, ValueRecord,
    u32_at, wide,
};
use super::header::{Header, State, header};
use super::lists::{Leaf, LeafKind, SUBKEY_LIST, index};
use super::marks::Marks;
use super::value::Segments;
use super::{BASE_BLOCK, BIN_HEADER, Error, Fault, MAX_DEPTH, PAGE, SEGMENT, name};

const BIN: &str = "bin";
const CELL: &str = "cell";
/// Problems listed; further ones are only counted.
const LISTED: usize = 1000;

/// One thing the check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// What was looked at.
    pub what: &'static str,
    pub offset: u32,
    pub fault: Fault,
}

/// Whether a problem stands in the way of editing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Seen in hives Windows itself wrote, or repaired by the next edit at that place.
    Tolerable,
    /// The structure is ambiguous or broken.
    Fatal,
}

/// Checks the whole structure of a hive and lists what is wrong, at most 1000 problems.
///
/// # Errors
/// As [`header`]: when there is no hive to check.
pub fn check(bytes: &[u8]) -> Result<Vec<Problem>, Error> {
    let header = header(bytes)?;
    let mut report = examine(bins(bytes, &header), &header);
    if let State::Dirty(reason) = header.state {
        report.tolerate("base block", 0, Fault::Dirty { reason });
    }
    Ok(report.problems)
}

/// Checks the whole structure of a hive, dirty or not, for what would make editing unsafe.
///
/// # Errors
/// As [`header`]; the first fatal problem.
pub fn require_sound(bytes: &[u8]) -> Result<(), Error> {
    let header = header(bytes)?;
    examine(bins(bytes, &header), &header).into_result()
}

/// Returns the bins of a hive whose header was read from the same bytes.
pub(super) fn bins<'h>(bytes: &'h [u8], header: &Header) -> Bins<'h> {
    let bytes = bytes.get(BASE_BLOCK..).and_then(|bins| bins.get(..wide(header.bins_size))).unwrap_or_default();
    Bins { bytes, minor: header.minor }
}

/// What the check found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub problems: Vec<Problem>,
    fatal: usize,
}

impl Report {
    /// Returns an error when editing would be unsafe.
    pub fn into_result(self) -> Result<(), Error> {
        let count = self.fatal;
        let first = self.problems.into_iter().find(|problem| problem.severity == Severity::Fatal);
        first.map_or(Ok(()), |Problem { what, offset, fault, .. }| Err(Error::Unsafe { count, what, offset, fault }))
    }

    fn tolerate(&mut self, what: &'static str, offset: u32, fault: Fault) {
        self.add(Severity::Tolerable, what, offset, fault);
    }

    fn reject(&mut self, what: &'static str, offset: u32, fault: Fault) {
        self.fatal += 1;
        // The first fatal problem is always listed: it is the one an error names.
        if self.fatal == 1 && self.problems.len() >= LISTED {
            self.problems.pop();
        }
        self.add(Severity::Fatal, what, offset, fault);
    }

    fn add(&mut self, severity: Severity, what: &'static str, offset: u32, fault: Fault) {
        if self.problems.len() < LISTED {
            self.problems.push(Problem { severity, what, offset, fault });
        }
    }
}

/// Examines the bins of a hive.
pub(super) fn examine(bins: Bins<'_>, header: &Header) -> Report {
    let mut check = Check {
        bins,
        in_use: Marks::new(bins.bytes.len()),
        claimed: Marks::new(bins.bytes.len()),
        references: HashMap::new(),
        pending: Vec::new(),
        folded: Vec::new(),
        previous: Vec::new(),
        report: Report::default(),
    };
    if check.tile() {
        check.pending.push(Pending { offset: header.root_cell, parent: None, depth: 1 });
        while let Some(pending) = check.pending.pop() {
            check.key(&pending);
        }
        check.security_ring();
        check.unreferenced();
    }
    check.report
}

struct Check<'h> {
    bins: Bins<'h>,
    /// Where cells in use begin.
    in_use: Marks,
    /// Which of them have an owner.
    claimed: Marks,
    /// Keys per security record.
    references: HashMap<u32, u32>,
    pending: Vec<Pending>,
    folded: Vec<u16>,
    previous: Vec<u16>,
    report: Report,
}

struct Pending {
    offset: u32,
    parent: Option<u32>,
    depth: usize,
}

impl<'h> Check<'h> {
    /// Walks the bins and their cells; false when they don't tile the hive, so that nothing else can be said.
    fn tile(&mut self) -> bool {
        let end = u32::try_from(self.bins.bytes.len()).unwrap_or(u32::MAX);
        let mut bin = 0;
        while bin < end {
            match self.bin(bin, end) {
                Ok(size) => bin += size,
                Err((what, offset, fault)) => {
                    self.report.reject(what, offset, fault);
                    return false;
                }
            }
        }
        true
    }

    fn bin(&mut self, bin: u32, end: u32) -> Result<u32, (&'static str, u32, Fault)> {
        let field = |at: usize| u32_at(self.bins.bytes, wide(bin) + at).unwrap_or_default();
        if field(0).to_le_bytes() != *b"hbin" {
            return Err((BIN, bin, Fault::BinSignature));
        }
        let (stored, size) = (field(4), field(8));
        if stored != bin {
            return Err((BIN, bin, Fault::BinOffset { stored }));
        }
        if size == 0 || size % PAGE != 0 || size > end - bin {
            return Err((BIN, bin, Fault::BinSize { size }));
        }
        let mut cell = bin + BIN_HEADER;
        while cell < bin + size {
            let stored = u32_at(self.bins.bytes, wide(cell)).unwrap_or_default().cast_signed();
            let length = stored.unsigned_abs();
            if length == 0 || !length.is_multiple_of(8) || length > bin + size - cell {
                return Err((CELL, cell, Fault::CellSize { size: stored }));
            }
            if stored < 0 {
                self.in_use.set(cell);
            }
            cell += length;
        }
        Ok(size)
    }

    /// Claims a cell for its one owner and returns what it holds.
    fn claim(&mut self, what: &'static str, offset: u32) -> Option<&'h [u8]> {
        let fault = if !self.in_use.is_set(offset) {
            if offset.is_multiple_of(8) && wide(offset) < self.bins.bytes.len() {
                Fault::NotACell
            } else {
                Fault::OutsideBins
            }
        } else if self.claimed.is_set(offset) {
            Fault::SharedCell
        } else {
            self.claimed.set(offset);
            match self.bins.try_cell(offset) {
                Ok(cell) => return Some(cell),
                Err(fault) => fault,
            }
        };
        self.report.reject(what, offset, fault);
        None
    }

    fn accept<T>(&mut self, what: &'static str, offset: u32, parsed: Result<T, Fault>) -> Option<T> {
        parsed.map_err(|fault| self.report.reject(what, offset, fault)).ok()
    }

    fn claim_at_least(&mut self, what: &'static str, offset: u32, need: usize) -> Option<&'h [u8]> {
        let cell = self.claim(what, offset)?;
        self.accept(what, offset, cell.get(..need).ok_or(Fault::TooSmall { need, have: cell.len() }))
    }

    fn key(&mut self, pending: &Pending) -> Option<()> {
        let offset = pending.offset;
        let cell = self.claim(KEY, offset)?;
        let key = self.accept(KEY, offset, KeyRecord::parse(cell))?;
        match pending.parent {
            Some(expected) if key.parent != expected => {
                self.report.reject(KEY, offset, Fault::Parent { stored: key.parent, expected })
            }
            None if key.flags & FLAG_ROOT == 0 => self.report.tolerate(KEY, offset, Fault::RootFlag),
            _ => {}
        }
        *self.references.entry(key.security).or_default() += 1;
        if key.class_length > 0 {
            self.claim_at_least(CLASS, key.class, usize::from(key.class_length));
        }
        if key.subkey_count > 0 {
            self.subkeys(pending, &key);
        }
        if key.value_count() > 0 {
            self.values(offset, &key);
        }
        Some(())
    }

    fn subkeys(&mut self, parent: &Pending, key: &KeyRecord<'_>) -> Option<()> {
        if parent.depth >= MAX_DEPTH {
            self.report.reject(KEY, parent.offset, Fault::TooDeep { limit: MAX_DEPTH });
            return None;
        }
        let first = self.pending.len();
        let mut names = Names::default();
        let cell = self.claim(SUBKEY_LIST, key.subkey_list)?;
        match self.accept(SUBKEY_LIST, key.subkey_list, index(cell))? {
            None => self.leaf(key.subkey_list, cell, parent, &mut names)?,
            Some(leaves) => {
                for offset in leaves {
                    let cell = self.claim(SUBKEY_LIST, offset)?;
                    self.leaf(offset, cell, parent, &mut names)?;
                }
            }
        }
        let found = self.pending.len() - first;
        let stored = key.subkey_count;
        if wide(stored) != found {
            self.report.reject(SUBKEY_LIST, parent.offset, Fault::Count { stored, found });
        }
        let stored = u32::from(key.largest_subkey_name);
        if wide(stored) < names.largest {
            self.report.tolerate(KEY, parent.offset, Fault::Largest { stored, found: names.largest });
        }
        if !names.sorted {
            let bins = self.bins;
            self.report.tolerate(KEY, parent.offset, Fault::Unsorted);
            let subkeys = self.pending.get(first..).unwrap_or_default();
            let mut folded: Vec<_> =
                subkeys.iter().filter_map(|subkey| bins.key(subkey.offset).ok().map(|key| key.name.folded())).collect();
            folded.sort_unstable();
            if folded.windows(2).any(|pair| pair.first() == pair.last()) {
                self.report.reject(KEY, parent.offset, Fault::DuplicateSubkey);
            }
        }
        Some(())
    }

    fn leaf(&mut self, offset: u32, cell: &'h [u8], parent: &Pending, names: &mut Names) -> Option<()> {
        let leaf = self.accept(SUBKEY_LIST, offset, Leaf::parse(offset, cell))?;
        if leaf.len() == 0 {
            self.report.reject(SUBKEY_LIST, offset, Fault::EmptyLeaf);
        }
        for (subkey, hint) in leaf.entries() {
            let pending = Pending { offset: subkey, parent: Some(parent.offset), depth: parent.depth + 1 };
            self.pending.push(pending);
            // A subkey that can't be read is reported when its turn comes.
            let Ok(record) = self.bins.key(subkey) else { continue };
            names.largest = names.largest.max(record.name.utf16_length());
            record.name.fold_into(&mut self.folded);
            if names.any && self.previous >= self.folded {
                names.sorted = false;
            }
            names.any = true;
            if leaf.kind == LeafKind::Hashed {
                let expected = name::hash(&self.folded);
                if hint != expected {
                    self.report.tolerate(SUBKEY_LIST, offset, Fault::Hash { stored: hint, expected });
                }
            }
            std::mem::swap(&mut self.previous, &mut self.folded);
        }
        Some(())
    }

    fn values(&mut self, offset: u32, key: &KeyRecord<'_>) -> Option<()> {
        let count = wide(key.value_count());
        let list = OffsetList(self.claim_at_least(VALUE_LIST, key.value_list, count.saturating_mul(4))?);
        let mut names = Vec::with_capacity(count);
        let (mut largest_name, mut largest_data) = (0, 0);
        for value in list.iter() {
            let Some(cell) = self.claim(VALUE, value) else { continue };
            let Some(record) = self.accept(VALUE, value, ValueRecord::parse(cell)) else { continue };
            largest_name = largest_name.max(record.name.utf16_length());
            largest_data = largest_data.max(record.length());
            record.name.fold_into(&mut self.folded);
            names.push((name::hash(&self.folded), value));
            if record.inline().is_none() {
                self.data(record.data, record.length());
            }
        }
        for (stored, found) in [(key.largest_value_name, largest_name), (key.largest_value_data, largest_data)] {
            if wide(stored) < found {
                self.report.tolerate(KEY, offset, Fault::Largest { stored, found });
            }
        }
        if has_duplicates(self.bins, names) {
            self.report.reject(KEY, offset, Fault::DuplicateValue);
        }
        Some(())
    }

    fn data(&mut self, offset: u32, length: usize) -> Option<()> {
        if length <= SEGMENT || self.bins.minor <= 3 {
            return self.claim_at_least(DATA, offset, length).map(|_| ());
        }
        let cell = self.claim(DATA, offset)?;
        let segments = match Segments::parse(self.bins, offset, cell, length) {
            Ok(segments) => segments,
            Err(Error::Damaged { what, offset, fault }) => {
                self.report.reject(what, offset, fault);
                return None;
            }
            Err(_) => return None,
        };
        self.claim(DATA, segments.list)?;
        for (offset, need) in segments.cells(length) {
            self.claim_at_least(DATA, offset, need);
        }
        Some(())
    }

    /// Walks the ring of security records from any that a key refers to, then looks for references outside of it.
    fn security_ring(&mut self) {
        let mut references = std::mem::take(&mut self.references);
        let mut starts: Vec<u32> = references.keys().copied().collect();
        starts.sort_unstable();
        for start in starts {
            let mut offset = start;
            // A record walked before ends the ring; only the first claim of each counts.
            while !self.claimed.is_set(offset) || references.contains_key(&offset) {
                let found = references.remove(&offset);
                match self.security(offset, found.unwrap_or_default()) {
                    Some(next) => offset = next,
                    None => break,
                }
            }
        }
    }

    fn security(&mut self, offset: u32, found: u32) -> Option<u32> {
        let cell = self.claim(SECURITY, offset)?;
        let record = self.accept(SECURITY, offset, SecurityRecord::parse(cell))?;
        if record.references != found {
            let fault = Fault::Count { stored: record.references, found: wide(found) };
            // A record no key uses is left over, not ambiguous.
            if found == 0 {
                self.report.tolerate(SECURITY, offset, fault)
            } else {
                self.report.reject(SECURITY, offset, fault)
            }
        }
        for (target, is_next) in [(record.next, true), (record.previous, false)] {
            let other = self.bins.security(target).ok().filter(|_| self.in_use.is_set(target));
            let back = other.map(|other| if is_next { other.previous } else { other.next });
            if back != Some(offset) {
                self.report.reject(SECURITY, offset, Fault::SecurityLink { target });
            }
        }
        Some(record.next)
    }

    fn unreferenced(&mut self) {
        if let Some((offset, count)) = self.in_use.without(&self.claimed) {
            self.report.tolerate(CELL, offset, Fault::Unreferenced { count });
        }
    }
}

/// What is gathered over the leaves of one key.
struct Names {
    largest: usize,
    sorted: bool,
    any: bool,
}

impl Default for Names {
    fn default() -> Self {
        Self { largest: 0, sorted: true, any: false }
    }
}

/// Says whether two of the values have the same name; names are compared only where their hashes are equal.
fn has_duplicates(bins: Bins<'_>, mut names: Vec<(u32, u32)>) -> bool {
    names.sort_unstable();
    let name = |value: u32| bins.value(value).map(|record| record.name.folded()).ok();
    names.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1).any(|group| {
        let mut folded: Vec<_> = group.iter().filter_map(|(_, value)| name(*value)).collect();
        folded.sort_unstable();
        folded.windows(2).any(|pair| pair.first() == pair.last())
    })
}

//! Recovery of a dirty hive from its logs, in the form used since Windows 8.1: a copy of the base block, then `HvLE` entries of whole pages.
//! It decides which entries apply and replays them; the form before that (`DIRT`) is refused.

use super::cells::{u32_at, u64_at, wide};
use super::header::{DirtyReason, Header, State, header, parse, seal};
use super::records::put;
use super::{BASE_BLOCK, Error, MAX_BINS, PAGE, marvin};

/// File type of a log's base block in the form that is replayed, and of those before it.
const LOG: u32 = 6;
const OLD_LOGS: [u32; 2] = [1, 2];
/// Bytes of the base block that a log keeps; entries begin after it and their sizes are multiples of it.
const SECTOR: usize = 512;
const ENTRY_HEADER: usize = 40;

/// A hive after recovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The hive, clean; the same bytes when it needed no recovery.
    pub bytes: Vec<u8>,
    /// How many log entries were replayed.
    pub applied: usize,
    /// The highest sequence number in the hive and its logs: those of the next write must be above it.
    pub highest_sequence: u32,
}

/// Replays the logs of a hive that was not closed properly. A torn entry ends the replay, as do missing sequence numbers after the first.
/// A broken base block is restored from the log's copy.
///
/// # Errors
/// When the hive or a log that is needed can't be read, is of the old form, or when the entries that would come first are missing.
pub fn recover(primary: &[u8], logs: &[&[u8]]) -> Result<Recovered, Error> {
    let trusted = match parse(primary, 0) {
        Ok(clean) if clean.state == State::Clean => return Ok(unneeded(primary, &clean, logs)),
        Ok(Header { state: State::Dirty(DirtyReason::Checksum { .. }), .. }) => None,
        Ok(dirty) => Some(dirty),
        Err(error @ Error::Version { .. }) => return Err(error),
        Err(_) => None,
    };
    let logs: Vec<Log<'_>> =
        numbered(logs).filter_map(|(number, log)| Log::read(number, log).transpose()).collect::<Result<_, _>>()?;
    let mut entries: Vec<Entry<'_>> = logs.iter().flat_map(|log| log.entries.iter().copied()).collect();
    entries.sort_by_key(|entry| entry.sequence);
    entries.dedup_by_key(|entry| entry.sequence);
    let chain = chain(&entries, trusted.as_ref())?;

    let mut bytes = primary.to_vec();
    if trusted.is_none() {
        restore_base_block(&mut bytes, &logs);
    }
    let room = logs.iter().fold(primary.len(), |room, log| room.saturating_add(log.length));
    for entry in chain {
        entry.apply(&mut bytes, room)?;
    }
    let highest =
        logs.iter().map(Log::highest).chain(trusted.map(|known| known.primary_sequence)).max().unwrap_or_default();
    let sequence = highest.checked_add(1).ok_or(Error::SequencesExhausted { highest })?;
    let bins_size = chain.last().map_or(0, |entry| entry.bins_size);
    let last_written = u64_at(&bytes, 12).unwrap_or_default();
    seal(&mut bytes, sequence, bins_size, last_written);
    header(&bytes)?;
    Ok(Recovered { bytes, applied: chain.len(), highest_sequence: sequence })
}

/// Logs of a clean hive are left over; those that can be read still say which sequence numbers were used.
fn unneeded(primary: &[u8], clean: &Header, logs: &[&[u8]]) -> Recovered {
    let left_over = numbered(logs).filter_map(|(number, log)| Log::read(number, log).ok().flatten());
    let highest_sequence = left_over.map(|log| log.highest()).fold(clean.primary_sequence, u32::max);
    Recovered { bytes: primary.to_vec(), applied: 0, highest_sequence }
}

fn numbered<'l>(logs: &[&'l [u8]]) -> impl Iterator<Item = (usize, &'l [u8])> {
    logs.iter().enumerate().map(|(at, log)| (at + 1, *log))
}

/// Picks the entries to replay: from the sequence the hive was last complete at, without a gap. When the hive's base block says nothing, all.
fn chain<'e, 'l>(entries: &'e [Entry<'l>], trusted: Option<&Header>) -> Result<&'e [Entry<'l>], Error> {
    let start = trusted.map_or(0, |known| entries.partition_point(|entry| entry.sequence < known.secondary_sequence));
    let entries = entries.get(start..).unwrap_or_default();
    let first = entries.first().ok_or(Error::NoLogEntry)?.sequence;
    if let Some(expected) = trusted.map(|known| known.secondary_sequence).filter(|expected| *expected != first) {
        return Err(Error::LogGap { expected, found: first });
    }
    let follows = |pair: &[Entry<'_>]| matches!(pair, [a, b] if a.sequence.checked_add(1) == Some(b.sequence));
    let Some(last) = entries.windows(2).position(|pair| !follows(pair)) else { return Ok(entries) };
    let (chain, rest) = entries.split_at(last + 1);
    match (trusted, rest.first()) {
        // Nothing tells which side of the gap belongs to the hive.
        (None, Some(next)) => Err(Error::LogGap {
            expected: first.saturating_add(u32::try_from(chain.len()).unwrap_or(u32::MAX)),
            found: next.sequence,
        }),
        _ => Ok(chain),
    }
}

/// Replaces a broken base block by the newest copy in the logs.
fn restore_base_block(bytes: &mut Vec<u8>, logs: &[Log<'_>]) {
    let newest = logs.iter().max_by_key(|log| log.header.primary_sequence);
    bytes.resize(bytes.len().max(BASE_BLOCK), 0);
    if let Some(newest) = newest {
        put(bytes, 0, newest.base_block);
        put(bytes, 28, &0_u32.to_le_bytes());
    }
}

/// One log of the replayed form.
struct Log<'l> {
    header: Header,
    base_block: &'l [u8],
    entries: Vec<Entry<'l>>,
    length: usize,
}

impl<'l> Log<'l> {
    /// Reads a log up to its first invalid entry; none when it is empty or its base block is torn, as Windows then ignores it.
    fn read(number: usize, bytes: &'l [u8]) -> Result<Option<Self>, Error> {
        let Some((base_block, rest)) = bytes.split_at_checked(SECTOR) else { return Ok(None) };
        if base_block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let kind = u32_at(base_block, 28).unwrap_or_default();
        if rest.starts_with(b"DIRT") || OLD_LOGS.contains(&kind) {
            return Err(Error::OldLog { log: number });
        }
        let header = match parse(base_block, LOG) {
            Ok(header) => header,
            Err(Error::NotAHive { .. }) => {
                return Err(Error::NotALog { log: number, reason: "it does not begin with `regf`" });
            }
            Err(_) => return Err(Error::NotALog { log: number, reason: "its base block is not that of a log" }),
        };
        if matches!(header.state, State::Dirty(DirtyReason::Checksum { .. })) {
            return Ok(None);
        }
        let mut log = Self { header, base_block, entries: Vec::new(), length: bytes.len() };
        log.read_entries(rest);
        Ok(Some(log))
    }

    fn read_entries(&mut self, mut rest: &'l [u8]) {
        let mut lowest = self.header.secondary_sequence;
        while let Some((entry, after)) = Entry::parse(rest) {
            // What lies after the newest entry may be left over from before the log was begun anew.
            if entry.sequence < lowest || !self.entries.is_empty() && entry.sequence != lowest {
                break;
            }
            self.entries.push(entry);
            let Some(next) = entry.sequence.checked_add(1) else { break };
            (lowest, rest) = (next, after);
        }
    }

    fn highest(&self) -> u32 {
        let last = self.entries.last().map_or(0, |entry| entry.sequence);
        last.max(self.header.primary_sequence)
    }
}

/// One entry whose hashes are right.
#[derive(Debug, Clone, Copy)]
struct Entry<'l> {
    sequence: u32,
    bins_size: u32,
    /// References to pages, eight bytes each: offset and size.
    references: &'l [u8],
    pages: &'l [u8],
}

impl<'l> Entry<'l> {
    /// Reads the entry at the start of `rest` and returns it with what follows; none when it is torn or is no entry.
    fn parse(rest: &'l [u8]) -> Option<(Self, &'l [u8])> {
        let size = wide(u32_at(rest, 4)?);
        let (entry, after) = rest.split_at_checked(size)?;
        if !entry.starts_with(b"HvLE") || !size.is_multiple_of(SECTOR) {
            return None;
        }
        let (head, body) = entry.split_at_checked(ENTRY_HEADER)?;
        if u64_at(head, 32)? != marvin::hash(head.get(..32)?) || u64_at(head, 24)? != marvin::hash(body) {
            return None;
        }
        let (references, pages) = body.split_at_checked(wide(u32_at(head, 20)?).checked_mul(8)?)?;
        let entry = Self { sequence: u32_at(head, 12)?, bins_size: u32_at(head, 16)?, references, pages };
        Some((entry, after))
    }

    /// Writes the entry's pages; `room` bounds the hive's growth by what hive and logs hold.
    fn apply(&self, bytes: &mut Vec<u8>, room: usize) -> Result<(), Error> {
        let refused = |reason| Error::LogEntry { sequence: self.sequence, reason };
        let end = BASE_BLOCK.saturating_add(wide(self.bins_size));
        if self.bins_size == 0 || !self.bins_size.is_multiple_of(PAGE) || self.bins_size > MAX_BINS || end > room {
            return Err(refused("its size of the bins is impossible"));
        }
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        let mut pages = self.pages;
        for reference in self.references.as_chunks::<8>().0 {
            let offset = u32_at(reference, 0).map_or(0, wide);
            let size = u32_at(reference, 4).map_or(0, wide);
            let (page, rest) = pages.split_at_checked(size).ok_or(refused("it is shorter than its pages"))?;
            let start = BASE_BLOCK.saturating_add(offset);
            let place = bytes.get_mut(start..start.saturating_add(size)).filter(|_| start.saturating_add(size) <= end);
            place.ok_or(refused("a page lies outside of the bins"))?.copy_from_slice(page);
            pages = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTOR: [u8; 20] = [1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    /// A hive whose write with sequence 6 was not completed.
    fn dirty_hive() -> Vec<u8> {
        let mut bytes = crate::formats::regf::create("ROOT", &DESCRIPTOR, 1).expect("a hive is made");
        seal(&mut bytes, 5, PAGE, 1);
        put(&mut bytes, 4, &6_u32.to_le_bytes());
        let sum = crate::formats::regf::header::checksum(&bytes);
        put(&mut bytes, 508, &sum.to_le_bytes());
        bytes
    }

    fn log(sequence: u32, entries: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = dirty_hive();
        bytes.truncate(SECTOR);
        put(&mut bytes, 28, &LOG.to_le_bytes());
        seal(&mut bytes, sequence, PAGE, 1);
        [vec![bytes], entries.to_vec()].concat().concat()
    }

    fn entry(sequence: u32, bins_size: u32, pages: &[(u32, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; ENTRY_HEADER];
        for (offset, page) in pages {
            bytes.extend(offset.to_le_bytes());
            bytes.extend(u32::try_from(page.len()).expect("small").to_le_bytes());
        }
        bytes.extend(pages.iter().flat_map(|(_, page)| page.iter().copied()));
        bytes.resize(bytes.len().next_multiple_of(SECTOR), 0);
        let (size, count) = (u32::try_from(bytes.len()).expect("small"), u32::try_from(pages.len()).expect("small"));
        put(&mut bytes, 0, b"HvLE");
        for (at, field) in [(4, size), (12, sequence), (16, bins_size), (20, count)] {
            put(&mut bytes, at, &field.to_le_bytes());
        }
        let body = marvin::hash(&bytes[ENTRY_HEADER..]);
        put(&mut bytes, 24, &body.to_le_bytes());
        let head = marvin::hash(&bytes[..32]);
        put(&mut bytes, 32, &head.to_le_bytes());
        bytes
    }

    /// An entry that fills the end of the first bin with its own sequence number.
    fn mark(sequence: u8) -> Vec<u8> {
        entry(u32::from(sequence), PAGE, &[(PAGE - 512, &[sequence; 512])])
    }

    fn last_byte(recovered: &Recovered) -> u8 {
        recovered.bytes[BASE_BLOCK + wide(PAGE) - 1]
    }

    #[test]
    fn entries_of_two_logs_are_replayed_in_sequence() {
        let (old, new) = (log(3, &[mark(3), mark(4), mark(5), mark(6)]), log(7, &[mark(7), mark(8)]));
        for logs in [[old.as_slice(), &new], [&new, &old]] {
            let recovered = recover(&dirty_hive(), &logs).expect("it is recovered");
            assert_eq!((recovered.applied, last_byte(&recovered), recovered.highest_sequence), (4, 8, 9));
            let header = header(&recovered.bytes).expect("it is a hive");
            assert_eq!((header.state, header.primary_sequence), (State::Clean, 9));
        }
    }

    #[test]
    fn a_hive_grows_by_what_its_log_holds() {
        let bin = [b"hbin\0\x10\0\0\0\x10\0\0".as_slice(), &[0; 20], &0x0FE0_u32.to_le_bytes(), &[0; 4060]].concat();
        let grown = log(5, &[entry(5, 2 * PAGE, &[(PAGE, &bin)])]);
        let recovered = recover(&dirty_hive(), &[&grown]).expect("it is recovered");
        assert_eq!(recovered.bytes.len(), BASE_BLOCK + 2 * wide(PAGE));
        assert_eq!(crate::formats::regf::check(&recovered.bytes), Ok(Vec::new()));
        let impossible = log(5, &[entry(5, 64 * PAGE, &[])]);
        assert!(matches!(recover(&dirty_hive(), &[&impossible]), Err(Error::LogEntry { sequence: 5, .. })));
        let outside = log(5, &[entry(5, PAGE, &[(PAGE, &[0; 512])])]);
        assert!(matches!(recover(&dirty_hive(), &[&outside]), Err(Error::LogEntry { sequence: 5, .. })));
    }

    #[test]
    fn a_torn_entry_and_a_gap_end_the_replay() {
        let mut torn = log(5, &[mark(5), mark(6), mark(7)]);
        let end = torn.len() - 1;
        torn[end] ^= 1;
        let next = log(8, &[mark(8)]);
        let recovered = recover(&dirty_hive(), &[&torn, &next]).expect("it is recovered");
        assert_eq!((recovered.applied, last_byte(&recovered), recovered.highest_sequence), (2, 6, 9));
    }

    #[test]
    fn entries_left_over_from_before_are_not_replayed() {
        let left_over = log(6, &[mark(5), mark(6)]);
        assert_eq!(recover(&dirty_hive(), &[&left_over]), Err(Error::NoLogEntry));
        let followed = log(5, &[mark(5), mark(3), mark(6)]);
        assert_eq!(recover(&dirty_hive(), &[&followed]).expect("it is recovered").applied, 1);
    }

    #[test]
    fn a_base_block_is_restored_only_when_the_logs_leave_no_gap() {
        let mut broken = dirty_hive();
        broken[..SECTOR].fill(0xEE);
        let recovered = recover(&broken, &[&log(5, &[mark(5)]), &log(6, &[mark(6)])]).expect("it is recovered");
        assert_eq!((recovered.applied, last_byte(&recovered)), (2, 6));
        let gap = recover(&broken, &[&log(2, &[mark(2)]), &log(6, &[mark(6)])]);
        assert_eq!(gap, Err(Error::LogGap { expected: 3, found: 6 }));
    }

    #[test]
    fn logs_that_say_nothing_are_passed_over_and_others_refused() {
        let mut torn = log(5, &[mark(5)]);
        torn[100] ^= 1;
        for empty in [Vec::new(), vec![0; 4096], torn] {
            assert_eq!(recover(&dirty_hive(), &[&empty]), Err(Error::NoLogEntry));
        }
        let mut old = log(5, &[mark(5)]);
        put(&mut old, SECTOR, b"DIRT");
        assert_eq!(recover(&dirty_hive(), &[&old]), Err(Error::OldLog { log: 1 }));
        assert!(matches!(recover(&dirty_hive(), &[&dirty_hive()]), Err(Error::NotALog { log: 1, .. })));
        assert_eq!(recover(&dirty_hive(), &[&log(6, &[mark(6)])]), Err(Error::LogGap { expected: 5, found: 6 }));
    }

    #[test]
    fn a_clean_hive_is_left_alone() {
        let clean = crate::formats::regf::create("ROOT", &DESCRIPTOR, 1).expect("a hive is made");
        let recovered = recover(&clean, &[&log(1, &[mark(1), mark(2)]), &[0xFF; 600]]).expect("nothing to do");
        assert_eq!(recovered, Recovered { bytes: clean, applied: 0, highest_sequence: 2 });
    }
}

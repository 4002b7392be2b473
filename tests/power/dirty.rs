//! A hive as Windows leaves it when its last writes came to the log only: the base block says so, and the pages are in `LOG1`.

use trueup::formats::regf::{Editor, State, header, recover};

const BASE_BLOCK: usize = 4096;
const SECTOR: usize = 512;
const ENTRY_HEADER: usize = 40;
const LOG_FILE: u32 = 6;
const WRITTEN: u64 = 134_143_776_000_000_000;

/// The dirty primary file and the log that mends it to the hive that is given.
pub fn torn(hive: &[u8]) -> (Vec<u8>, Vec<u8>) {
    // What was there before the writes that are in the log.
    let mut editor = Editor::open(hive.to_vec()).unwrap();
    let root = editor.root();
    let key = editor.create_key(root, "Soon gone", None, WRITTEN).unwrap();
    editor.set_value(key, "In the primary file only", 4, &[1, 0, 0, 0], WRITTEN).unwrap();
    let mut primary = editor.finish(WRITTEN).unwrap();
    let sequence = header(hive).unwrap().primary_sequence.max(header(&primary).unwrap().primary_sequence);
    put(&mut primary, 4, sequence + 1);
    put(&mut primary, 8, sequence);
    reseal(&mut primary);
    assert!(matches!(header(&primary).unwrap().state, State::Dirty(_)));

    let mut log = hive[..SECTOR].to_vec();
    put(&mut log, 4, sequence);
    put(&mut log, 8, sequence);
    put(&mut log, 28, LOG_FILE);
    reseal(&mut log);
    let bins_size = u32::from_le_bytes(hive[40..44].try_into().unwrap());
    let bins = &hive[BASE_BLOCK..BASE_BLOCK + bins_size as usize];
    log.extend(entry(sequence, bins));
    let mended = recover(&primary, &[&log]).unwrap();
    assert!(mended.applied == 1 && mended.bytes[BASE_BLOCK..][..bins.len()] == *bins);
    (primary, log)
}

/// An entry that holds all bins.
fn entry(sequence: u32, bins: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; ENTRY_HEADER];
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend((bins.len() as u32).to_le_bytes());
    bytes.extend(bins);
    bytes.resize(bytes.len().next_multiple_of(SECTOR), 0);
    bytes[..4].copy_from_slice(b"HvLE");
    for (at, field) in [(4, bytes.len() as u32), (12, sequence), (16, bins.len() as u32), (20, 1)] {
        put(&mut bytes, at, field);
    }
    let body = marvin(&bytes[ENTRY_HEADER..]);
    bytes[24..32].copy_from_slice(&body.to_le_bytes());
    let head = marvin(&bytes[..32]);
    bytes[32..40].copy_from_slice(&head.to_le_bytes());
    bytes
}

fn put(bytes: &mut [u8], at: usize, field: u32) {
    bytes[at..at + 4].copy_from_slice(&field.to_le_bytes());
}

fn reseal(bytes: &mut [u8]) {
    let words = bytes[..508].chunks_exact(4);
    let sum = words.fold(0, |sum, word| sum ^ u32::from_le_bytes(word.try_into().unwrap()));
    assert!(sum != 0 && sum != u32::MAX, "it stands for itself");
    put(bytes, 508, sum);
}

/// Marvin32 with the registry's key, for lengths that are whole words.
fn marvin(bytes: &[u8]) -> u64 {
    let (mut low, mut high) = (0x7A4E_55C5_u32, 0x82EF_4D88_u32);
    let words = bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap()));
    assert!(bytes.len().is_multiple_of(4));
    for word in words.chain([0x80, 0]) {
        low = low.wrapping_add(word);
        high ^= low;
        low = low.rotate_left(20).wrapping_add(high);
        high = high.rotate_left(9) ^ low;
        low = low.rotate_left(27).wrapping_add(high);
        high = high.rotate_left(19);
    }
    u64::from(high) << 32 | u64::from(low)
}

//! Any bytes as logs, and any entries with the right hashes: recovery never panics, and what it returns is no larger than what went in and clean.
//! The first byte says whether the rest is cut into a hive and two logs as it is, or read as entries of well-formed logs.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup::formats::regf::{Hive, State, check, create, header, recover};

const SECTOR: usize = 512;
const ENTRY_HEADER: usize = 40;
/// The smallest self-relative descriptor.
const DESCRIPTOR: [u8; 20] = [1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const SEED: u64 = 0x82EF_4D88_7A4E_55C5;

fuzz_target!(|input: &[u8]| {
    let Some((&cut, rest)) = input.split_first() else { return };
    let mut hive = create("R", &DESCRIPTOR, 1).expect("a hive is made");
    hive[4] = 2;
    seal(&mut hive);
    let share = usize::from(cut / 4 % 8);
    match cut % 4 {
        0 => {
            let (given, logs) = rest.split_at(rest.len() * share / 8);
            let (first, second) = logs.split_at(logs.len() / 2);
            replay(given, &[first, second]);
        }
        1 => {
            let (first, second) = rest.split_at(rest.len() * share / 8);
            replay(&hive, &[&log(first), &log(second)]);
        }
        2 => replay(&hive, &[&log(rest)]),
        _ => {
            hive[..SECTOR].fill(0);
            replay(&hive, &[&log(rest)]);
        }
    }
});

fn replay(hive: &[u8], logs: &[&[u8]]) {
    let Ok(recovered) = recover(hive, logs) else { return };
    let given: usize = hive.len() + logs.iter().map(|log| log.len()).sum::<usize>();
    assert!(recovered.bytes.len() <= given.max(4096));
    if recovered.applied > 0 {
        assert_eq!(header(&recovered.bytes).expect("it is a hive").state, State::Clean);
    }
    let _ = check(&recovered.bytes);
    if let Ok(hive) = Hive::open(&recovered.bytes) {
        let _ = hive.root().map(|root| root.subkeys().count());
    }
}

/// Makes a log of entries read from `input`: each a length, a sequence, a size of the bins and a count of pages, one byte each, then its body.
fn log(input: &[u8]) -> Vec<u8> {
    let mut log = create("R", &DESCRIPTOR, 1).expect("a hive is made");
    log.truncate(SECTOR);
    log[28] = 6;
    seal(&mut log);
    let mut rest = input;
    while let Some((&[length, sequence, pages, references], after)) = rest.split_first_chunk::<4>() {
        let (body, after) = after.split_at(after.len().min(usize::from(length) * 64));
        let mut entry = vec![0; (ENTRY_HEADER + body.len()).next_multiple_of(SECTOR)];
        let size = u32::try_from(entry.len()).expect("small");
        entry[ENTRY_HEADER..][..body.len()].copy_from_slice(body);
        entry[..4].copy_from_slice(b"HvLE");
        for (at, field) in
            [(4, size), (12, u32::from(sequence)), (16, u32::from(pages) * 4096), (20, u32::from(references))]
        {
            entry[at..at + 4].copy_from_slice(&field.to_le_bytes());
        }
        let whole = marvin(&entry[ENTRY_HEADER..]);
        entry[24..32].copy_from_slice(&whole.to_le_bytes());
        let head = marvin(&entry[..32]);
        entry[32..40].copy_from_slice(&head.to_le_bytes());
        log.extend(entry);
        rest = after;
    }
    log
}

fn seal(block: &mut [u8]) {
    let sum = block[..508].as_chunks::<4>().0.iter().fold(0, |sum, word| sum ^ u32::from_le_bytes(*word));
    block[508..512].copy_from_slice(&sum.to_le_bytes());
}

fn marvin(bytes: &[u8]) -> u64 {
    let (mut low, mut high) = (SEED as u32, (SEED >> 32) as u32);
    let (words, rest) = bytes.as_chunks::<4>();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x80;
    for word in words.iter().chain([&last, &[0; 4]]) {
        low = low.wrapping_add(u32::from_le_bytes(*word));
        high ^= low;
        low = low.rotate_left(20).wrapping_add(high);
        high = high.rotate_left(9) ^ low;
        low = low.rotate_left(27).wrapping_add(high);
        high = high.rotate_left(19);
    }
    u64::from(high) << 32 | u64::from(low)
}

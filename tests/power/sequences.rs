//! Random sequences of writes on a few files, cut at a random step: whatever is found lies between what was synchronised last
//! and what was issued.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use trueup::machine::volume::{Volume, VolumeError};

use super::disk::{PowerDisk, When, scratch};
use super::runner::{Law, check};
use super::volume::{content, losses, path};

/// Two folders, two names in each; a file is known by its place here.
const PLACES: [&str; 4] = [r"one\a", r"one\b", r"two\a", r"two\b"];

#[derive(Clone, Copy, Debug)]
enum Write {
    Replace { at: usize, length: usize },
    Append { at: usize, length: usize, is_synced: bool },
    Rename { from: usize, to: usize },
    Remove { at: usize },
}

fn write() -> impl Strategy<Value = Write> {
    let at = || 0..PLACES.len();
    let length = || prop_oneof![0..20_usize, 4_000..9_000_usize];
    prop_oneof![
        3 => (at(), length()).prop_map(|(at, length)| Write::Replace { at, length }),
        4 => (at(), length(), any::<bool>()).prop_map(|(at, length, is_synced)| Write::Append { at, length, is_synced }),
        2 => (at(), at()).prop_filter("two places", |(from, to)| from != to).prop_map(|(from, to)| Write::Rename { from, to }),
        1 => at().prop_map(|at| Write::Remove { at }),
    ]
}

/// What was written into a file, and how much of it was synchronised.
#[derive(Clone, Debug, PartialEq)]
struct Issued {
    bytes: Vec<u8>,
    synced: usize,
}

impl Issued {
    fn explains(&self, found: &[u8]) -> bool {
        (self.synced..=self.bytes.len()).contains(&found.len())
            && found.starts_with(&self.bytes[..self.synced])
            && found.iter().zip(&self.bytes).all(|(found, issued)| found == issued || *found == 0)
    }
}

fn explains(issued: Option<&Issued>, found: Option<&Vec<u8>>) -> bool {
    match (issued, found) {
        (Some(issued), Some(found)) => issued.explains(found),
        (None, None) => true,
        _ => false,
    }
}

type Files = BTreeMap<usize, Issued>;

/// What the files are once a write is through.
fn outcome(write: Write, number: usize, files: &Files) -> Files {
    let mut files = files.clone();
    let fresh = |length| content(number as u8, length);
    match write {
        Write::Replace { at, length } => {
            files.insert(at, Issued { bytes: fresh(length), synced: length });
        }
        Write::Append { at, length, is_synced } => {
            let file = files.entry(at).or_insert(Issued { bytes: Vec::new(), synced: 0 });
            file.bytes.extend(fresh(length));
            file.synced = if is_synced { file.bytes.len() } else { file.synced };
        }
        Write::Rename { from, to } => {
            if let Some(file) = files.remove(&from) {
                files.insert(to, file);
            }
        }
        Write::Remove { at } => {
            files.remove(&at);
        }
    }
    files
}

/// Whether the write took place; an error is the power's.
fn perform(volume: &Volume, write: Write, number: usize) -> Result<(), ()> {
    let fresh = |length| content(number as u8, length);
    match write {
        Write::Replace { at, length } => volume.replace(&path(PLACES[at]), &fresh(length)).map_err(drop),
        Write::Append { at, length, is_synced } => {
            let mut appender = volume.open_append(&path(PLACES[at])).map_err(drop)?;
            appender.write_all(&fresh(length)).map_err(drop)?;
            if is_synced { appender.sync_data().map_err(drop) } else { Ok(()) }
        }
        Write::Rename { from, to } => match volume.rename(&path(PLACES[from]), &path(PLACES[to])) {
            Ok(()) | Err(VolumeError::Missing { .. }) => Ok(()),
            Err(_) => Err(()),
        },
        Write::Remove { at } => volume.remove_file(&path(PLACES[at])).map(drop).map_err(drop),
    }
}

/// What may be found at each place when the power failed during a write.
fn between(write: Write, number: usize, before: &Files) -> Vec<[Option<Issued>; 2]> {
    let mut after = outcome(write, number, before);
    if let Write::Append { at, .. } = write {
        // Whether it was synchronised is not known; the empty file is a name without bytes.
        let synced = before.get(&at).map_or(0, |file| file.synced);
        after.get_mut(&at).expect("it was appended to").synced = synced;
    }
    (0..PLACES.len()).map(|at| [before.get(&at).cloned(), after.get(&at).cloned()]).collect()
}

fn same_folder(one: usize, other: usize) -> bool {
    PLACES[one].split('\\').next() == PLACES[other].split('\\').next()
}

fn look(folder: &Path, allowed: &[[Option<Issued>; 2]], cut: Option<(Write, &Files)>) -> Law {
    let found: Vec<_> = PLACES.iter().map(|place| fs::read(folder.join(place.replace('\\', "/"))).ok()).collect();
    for ((found, allowed), place) in found.iter().zip(allowed).zip(PLACES) {
        let is_explained = allowed.iter().any(|issued| explains(issued.as_ref(), found.as_ref()));
        prop_assert!(is_explained, "{}: {:?} bytes are not of {:?}", place, found.as_ref().map(Vec::len), allowed);
    }
    // Inside one folder a file that is renamed is always there, under one name or the other.
    if let Some((Write::Rename { from, to }, before)) = cut
        && same_folder(from, to)
        && let Some(moved) = before.get(&from)
    {
        let is_there = [from, to].iter().any(|at| explains(Some(moved), found[*at].as_ref()));
        prop_assert!(is_there, "{} is gone on its way to {}", PLACES[from], PLACES[to]);
    }
    Ok(())
}

fn initial(folder: &Path) -> Files {
    let mut files = Files::new();
    for (at, place) in PLACES.iter().enumerate() {
        let place = folder.join(place.replace('\\', "/"));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        if at != 3 {
            let bytes = content(200 + at as u8, 100 * at + 5_000);
            fs::write(place, &bytes).unwrap();
            files.insert(at, Issued { synced: bytes.len(), bytes });
        }
    }
    files
}

fn survives(writes: &[Write], step: usize, side: When) -> Law {
    let folder = scratch();
    let mut files = initial(folder.path());
    let disk = PowerDisk::of(folder.path());
    disk.cut_at(step, side);
    let volume = Volume::open_with(folder.path(), disk.clone()).unwrap();
    let mut cut = None;
    for (number, write) in writes.iter().enumerate() {
        if perform(&volume, *write, number).is_err() {
            cut = Some((number, *write));
            break;
        }
        files = outcome(*write, number, &files);
    }
    let settled = || (0..PLACES.len()).map(|at| [files.get(&at).cloned(), files.get(&at).cloned()]).collect();
    let allowed = cut.map_or_else(settled, |(number, write)| between(write, number, &files));
    for after in losses(&disk, 0..12) {
        look(after.path(), &allowed, cut.map(|(_, write)| (write, &files)))
            .map_err(|error| TestCaseError::fail(format!("{error}\nsteps: {:#?}", disk.steps())))?;
    }
    Ok(())
}

#[test]
fn every_file_is_between_what_was_synchronised_and_what_was_issued() {
    let side = prop_oneof![Just(When::Before), Just(When::After)];
    check(150, &(prop::collection::vec(write(), 1..8), 1..40_usize, side), |(writes, step, side)| {
        survives(&writes, step, side)
    });
}

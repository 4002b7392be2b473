//! What trueup keeps on a volume below `ProgramData\trueup`: journals, the record, the key of its fingerprints, the sealed hold.

use zeroize::Zeroizing;

use super::volume::{Volume, VolumeError, VolumePath};
use super::{chain, path};
use crate::machine::{RunName, WriteError};
use crate::model::fact::{Observed, Unread};
use crate::model::fingerprint::FingerprintKey;
use crate::model::remembered::Record;

pub const FOLDER: &str = r"ProgramData\trueup";
pub const LOCK: &str = r"ProgramData\trueup\lock";
pub const RECORD: &str = r"ProgramData\trueup\record.json";
pub const KEY: &str = r"ProgramData\trueup\fingerprint.key";
pub const JOURNALS: &str = r"ProgramData\trueup\journal";
pub const HOLD: &str = r"ProgramData\trueup\hold";
pub const MADE: &str = r"ProgramData\trueup\made";
/// One folder for each run that replaced files.
const RETIRED: &str = r"ProgramData\trueup\retired";
const JOURNAL_EXTENSION: &str = ".jsonl";
const HELD_EXTENSION: &str = ".sealed";
const MADE_EXTENSION: &str = ".json";

/// The most bytes of a journal that are read.
const MAX_JOURNAL_BYTES: u64 = 4 << 30;
/// The most bytes of the record that are read.
const MAX_RECORD_BYTES: u64 = 1 << 30;
/// The most bytes of what one run holds.
const MAX_HELD_BYTES: u64 = 1 << 30;

fn failed(what: &str, error: &dyn std::error::Error) -> Unread {
    Unread::Failed { what: what.to_owned(), detail: chain(error) }
}

/// A path of our own making, which cannot be wrong.
fn own(text: &str) -> Observed<VolumePath> {
    path(text).map_err(|()| Unread::Failed { what: text.to_owned(), detail: "it is no path".into() })
}

fn read(volume: &Volume, file: &VolumePath, what: &str, limit: u64) -> Observed<Option<Vec<u8>>> {
    volume.read(file, limit).map_err(|error| failed(what, &error))
}

pub fn record(volume: &Volume) -> Observed<Option<Record>> {
    const WHAT: &str = "trueup's record";
    let Some(bytes) = read(volume, &own(RECORD)?, WHAT, MAX_RECORD_BYTES)? else { return Ok(None) };
    Record::from_json(&bytes).map(Some).map_err(|error| failed(WHAT, &error))
}

pub fn fingerprint_key(volume: &Volume) -> Observed<Option<FingerprintKey>> {
    const WHAT: &str = "the key of trueup's fingerprints";
    let limit = u64::try_from(FingerprintKey::BYTES).unwrap_or(u64::MAX);
    let Some(bytes) = read(volume, &own(KEY)?, WHAT, limit)? else { return Ok(None) };
    let bytes = zeroize::Zeroizing::new(bytes);
    let damaged = || Unread::Failed { what: WHAT.into(), detail: "it is damaged".into() };
    FingerprintKey::from_slice(&bytes).map(Some).ok_or_else(damaged)
}

/// The runs of which there is a journal, oldest first; files of other names are none.
pub fn runs(volume: &Volume) -> Observed<Vec<RunName>> {
    let entries = volume.list(&own(JOURNALS)?).map_err(|error| failed("the record's journals", &error))?;
    let names = entries.iter().flatten().filter_map(|entry| entry.name.to_str()?.strip_suffix(JOURNAL_EXTENSION));
    let mut runs: Vec<RunName> = names.filter_map(|name| name.parse().ok()).collect();
    runs.sort_unstable();
    Ok(runs)
}

pub fn journal_file(run: &RunName) -> Result<VolumePath, WriteError> {
    file_of(JOURNALS, &format!("{run}{JOURNAL_EXTENSION}"))
}

pub fn held_file(run: &RunName) -> Result<VolumePath, WriteError> {
    file_of(HOLD, &format!("{run}{HELD_EXTENSION}"))
}

pub fn made_file(run: &RunName) -> Result<VolumePath, WriteError> {
    file_of(MADE, &format!("{run}{MADE_EXTENSION}"))
}

/// The folder of what a run retired.
pub fn retired_folder(run: &RunName) -> String {
    format!("{RETIRED}\\{run}")
}

pub fn retired_file(run: &RunName, item: usize) -> Result<VolumePath, WriteError> {
    file_of(&retired_folder(run), &item.to_string())
}

/// Where a record that could not be read lies once a run has set it aside.
pub fn aside_file(run: &RunName) -> Result<VolumePath, WriteError> {
    file_of(FOLDER, &format!("record.json.damaged-{run}"))
}

fn file_of(folder: &str, name: &str) -> Result<VolumePath, WriteError> {
    let attempt = || format!("name the file {name}");
    let folder = path(folder).map_err(|()| WriteError::refused(attempt(), folder))?;
    folder.join(name).map_err(|error| WriteError::failed(attempt(), error))
}

pub fn journal(volume: &Volume, run: &RunName, tail: Option<u64>) -> Observed<Option<Vec<u8>>> {
    let what = format!("the journal of run {run}");
    let file = journal_file(run).map_err(|error| failed(&what, &error))?;
    match tail {
        None => read(volume, &file, &what, MAX_JOURNAL_BYTES),
        Some(tail) => volume.read_tail(&file, tail).map_err(|error| failed(&what, &error)),
    }
}

pub fn held(volume: &Volume, run: &RunName) -> Observed<Option<Vec<u8>>> {
    let what = format!("what run {run} holds");
    let file = held_file(run).map_err(|error| failed(&what, &error))?;
    read(volume, &file, &what, MAX_HELD_BYTES)
}

pub fn made(volume: &Volume, run: &RunName) -> Observed<Option<Zeroizing<Vec<u8>>>> {
    let what = format!("what run {run} made");
    let file = made_file(run).map_err(|error| failed(&what, &error))?;
    Ok(read(volume, &file, &what, MAX_HELD_BYTES)?.map(Zeroizing::new))
}

pub fn retired(volume: &Volume, run: &RunName, item: usize) -> Observed<Option<Zeroizing<Vec<u8>>>> {
    let what = format!("what run {run} retired");
    let file = retired_file(run, item).map_err(|error| failed(&what, &error))?;
    Ok(read(volume, &file, &what, MAX_HELD_BYTES)?.map(Zeroizing::new))
}

/// Forgets what a run retired.
fn forget_retired(volume: &Volume, run: &RunName) -> Result<(), WriteError> {
    let folder = path(&retired_folder(run)).map_err(|()| WriteError::refused("name a folder", run.to_string()))?;
    let Some(entries) = volume.list(&folder)? else { return Ok(()) };
    for name in entries.iter().filter_map(|entry| entry.name.to_str()) {
        let file = folder.join(name).map_err(|error| WriteError::failed("name a file", error))?;
        volume.remove_file(&file)?;
    }
    volume.remove_folder(&folder)?;
    Ok(())
}

/// Forgets a run's files, the journal last: while it is there, the run is known.
pub fn forget(volume: &Volume, run: &RunName) -> Result<(), WriteError> {
    forget_retired(volume, run)?;
    for file in [made_file(run)?, held_file(run)?, journal_file(run)?] {
        volume
            .remove_file(&file)
            .map_err(|error: VolumeError| WriteError::failed(format!("forget run {run}"), error))?;
    }
    Ok(())
}

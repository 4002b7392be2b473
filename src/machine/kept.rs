//! What trueup keeps on a volume below `ProgramData\trueup`: journals, the record, the key of its fingerprints, the sealed hold.

use std::io::{self, Write as _};

use zeroize::Zeroizing;

use super::chain;
use super::volume::{Access, Appender, Lock, LockError, Volume, VolumeError, VolumePath};
use crate::machine::{JournalFile, RunName, WriteError};
use crate::model::fact::{Observed, Unread};
use crate::model::fingerprint::FingerprintKey;
use crate::model::remembered::Record;

/// What must stay free on the volume beside what is written.
pub const SPARE_BYTES: u64 = 1 << 20;

pub const FOLDER: &str = r"ProgramData\trueup";
pub const LOCK: &str = r"ProgramData\trueup\lock";
const RECORD: &str = r"ProgramData\trueup\record.json";
const KEY: &str = r"ProgramData\trueup\fingerprint.key";
const JOURNALS: &str = r"ProgramData\trueup\journal";
const HOLD: &str = r"ProgramData\trueup\hold";
const MADE: &str = r"ProgramData\trueup\made";
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

/// A path of our own making, which cannot be wrong.
pub fn path(text: &str) -> Result<VolumePath, ()> {
    text.parse().map_err(|_| ())
}

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

fn journal_file(run: &RunName) -> Result<VolumePath, WriteError> {
    file_of(JOURNALS, &format!("{run}{JOURNAL_EXTENSION}"))
}

fn held_file(run: &RunName) -> Result<VolumePath, WriteError> {
    file_of(HOLD, &format!("{run}{HELD_EXTENSION}"))
}

fn made_file(run: &RunName) -> Result<VolumePath, WriteError> {
    file_of(MADE, &format!("{run}{MADE_EXTENSION}"))
}

/// The folder of what a run retired.
fn retired_folder(run: &RunName) -> String {
    format!("{RETIRED}\\{run}")
}

fn retired_file(run: &RunName, item: usize) -> Result<VolumePath, WriteError> {
    file_of(&retired_folder(run), &item.to_string())
}

/// Where a record that could not be read lies once a run has set it aside.
fn aside_file(run: &RunName) -> Result<VolumePath, WriteError> {
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

/// The right to write what is kept on a volume, until dropped: the machine's one lock.
pub struct Keeper<'v> {
    volume: &'v Volume,
    lock: Lock,
}

impl<'v> Keeper<'v> {
    /// Takes the lock, in a folder that is made for it.
    ///
    /// # Errors
    /// Somebody else holds it, there is no room, or the volume cannot be written.
    pub fn open(volume: &'v Volume, owner: &str) -> Result<Self, WriteError> {
        // The lock is the first write: on a full volume even that would fail, with a reason that helps nobody.
        if let Some(free) = volume.free_space().filter(|free| *free < SPARE_BYTES) {
            return Err(WriteError::NoSpace { needed: SPARE_BYTES, free });
        }
        volume.create_dir_all(&to_write(FOLDER)?)?;
        let lock = volume.lock(&to_write(LOCK)?, owner).map_err(|error| match error {
            LockError::Held { owner } => {
                WriteError::Locked { owner: owner.unwrap_or_else(|| "another process".into()) }
            }
            LockError::Volume(error) => error.into(),
        })?;
        Ok(Self { volume, lock })
    }

    pub fn stale_owner(&self) -> Option<&str> {
        self.lock.stale_owner()
    }

    /// Puts a file in place of the old one; its folder is made first.
    fn put(&self, folder: &str, file: &VolumePath, bytes: &[u8]) -> Result<(), WriteError> {
        self.volume.create_dir_all(&to_write(folder)?)?;
        Ok(self.volume.replace_with(file, bytes, Access::OwnerOnly)?)
    }

    pub fn journal(&self, run: &RunName) -> Result<Box<dyn JournalFile>, WriteError> {
        self.volume.create_dir_all(&to_write(JOURNALS)?)?;
        Ok(Box::new(VolumeJournal(self.volume.open_append(&journal_file(run)?)?)))
    }

    pub fn put_record(&self, record: &Record) -> Result<(), WriteError> {
        let bytes = record.to_json().map_err(|error| WriteError::failed("write the record", error))?;
        self.put(FOLDER, &to_write(RECORD)?, &bytes)
    }

    pub fn set_record_aside(&self, run: &RunName) -> Result<(), WriteError> {
        let file = to_write(RECORD)?;
        if !self.volume.exists(&file)? {
            return Ok(());
        }
        Ok(self.volume.rename(&file, &aside_file(run)?)?)
    }

    pub fn put_fingerprint_key(&self, key: &FingerprintKey) -> Result<(), WriteError> {
        self.put(FOLDER, &to_write(KEY)?, key.bytes())
    }

    pub fn put_held(&self, run: &RunName, sealed: &[u8]) -> Result<(), WriteError> {
        self.put(HOLD, &held_file(run)?, sealed)
    }

    pub fn put_made(&self, run: &RunName, made: &[u8]) -> Result<(), WriteError> {
        self.put(MADE, &made_file(run)?, made)
    }

    pub fn forget_made(&self, run: &RunName) -> Result<(), WriteError> {
        self.volume.remove_file(&made_file(run)?)?;
        Ok(())
    }

    pub fn retire(&self, run: &RunName, item: usize, bytes: &[u8]) -> Result<(), WriteError> {
        self.put(&retired_folder(run), &retired_file(run, item)?, bytes)
    }

    pub fn forget_run(&self, run: &RunName) -> Result<(), WriteError> {
        forget(self.volume, run)
    }
}

/// A path of our own making.
fn to_write(text: &str) -> Result<VolumePath, WriteError> {
    path(text).map_err(|()| WriteError::refused("open the record", text))
}

struct VolumeJournal(Appender);

impl JournalFile for VolumeJournal {
    fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.0.write_all(bytes).map_err(|error| WriteError::failed("append to the journal", error))
    }

    fn sync(&mut self) -> Result<(), WriteError> {
        self.0.sync_data().map_err(|error| WriteError::failed("sync the journal", error))
    }
}

impl From<VolumeError> for WriteError {
    fn from(error: VolumeError) -> Self {
        Self::failed("write to the machine", error)
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::failed("write to the machine", error)
    }
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
fn forget(volume: &Volume, run: &RunName) -> Result<(), WriteError> {
    forget_retired(volume, run)?;
    for file in [made_file(run)?, held_file(run)?, journal_file(run)?] {
        volume
            .remove_file(&file)
            .map_err(|error: VolumeError| WriteError::failed(format!("forget run {run}"), error))?;
    }
    Ok(())
}

//! The hives of a volume, read once each: clean ones as they are, dirty ones through their logs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::ImageMachine;
use crate::formats::regf::{self, Hive, State};
use crate::machine::chain;
use crate::machine::volume::{Volume, VolumeError, VolumePath};
use crate::model::fact::{Observed, Unread};
use crate::model::registry_data::hex;

/// The largest hive that is read; offsets inside a hive have 31 bits.
const MAX_HIVE_BYTES: u64 = 2 << 30;

/// What to do with a hive that was not closed properly and has no logs that mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirtyHives {
    Refuse,
    /// Take what the primary file holds: `--accept-dirty`.
    Accept,
}

/// A hive in memory and how it came to be what it is.
pub struct Loaded {
    pub hive: Hive<Vec<u8>>,
    pub origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Clean,
    /// Replayed from its logs; those are emptied once the hive is written.
    Recovered {
        highest_sequence: u32,
    },
    /// Dirty and accepted; `highest_sequence` is that of the header.
    AcceptedDirty,
}

/// The hives read so far.
pub struct Hives {
    dirty: DirtyHives,
    loaded: RefCell<BTreeMap<VolumePath, Observed<Rc<Loaded>>>>,
    /// Where hives were found, by the upper-cased name below their root.
    files: RefCell<BTreeMap<String, Observed<VolumePath>>>,
}

impl Hives {
    pub fn new(dirty: DirtyHives) -> Self {
        Self { dirty, loaded: RefCell::default(), files: RefCell::default() }
    }

    pub fn warnings(&self) -> Vec<String> {
        let loaded = self.loaded.borrow();
        loaded.iter().filter_map(|(path, hive)| warning(path, hive.as_ref().ok()?.origin)).collect()
    }

    /// Forgets all hives, so that they are read again.
    pub fn forget(&self) {
        self.loaded.borrow_mut().clear();
        self.files.borrow_mut().clear();
    }
}

/// The file of the hive `name`, looked for once.
pub fn file(machine: &ImageMachine, name: &str, find: impl FnOnce() -> Observed<VolumePath>) -> Observed<VolumePath> {
    let name = name.to_ascii_uppercase();
    if let Some(known) = machine.hives.files.borrow().get(&name) {
        return known.clone();
    }
    let found = find();
    machine.hives.files.borrow_mut().insert(name, found.clone());
    found
}

/// The hive in the file at `path`, read when first asked for.
pub fn load(machine: &ImageMachine, path: &VolumePath) -> Observed<Rc<Loaded>> {
    if let Some(hive) = machine.hives.loaded.borrow().get(path) {
        return hive.clone();
    }
    let hive = read(&machine.volume, path, machine.hives.dirty).map(Rc::new);
    machine.hives.loaded.borrow_mut().insert(path.clone(), hive.clone());
    hive
}

/// How much of a hive is looked at: its base block, in which every write leaves another sequence number.
const HEAD_BYTES: u64 = 4096;

/// What tells the present content of a hive's file from what it was before a write and will be after.
pub fn state(volume: &Volume, path: &VolumePath) -> Result<Option<String>, VolumeError> {
    let Some(metadata) = volume.metadata(path)? else { return Ok(None) };
    let head = volume.read_head(path, HEAD_BYTES)?;
    Ok(head.map(|head| state_print(&head, metadata.len)))
}

/// As [`state`], of a content that is still in memory.
pub fn state_of(bytes: &[u8]) -> String {
    let head = usize::try_from(HEAD_BYTES).ok().and_then(|end| bytes.get(..end)).unwrap_or(bytes);
    state_print(head, u64::try_from(bytes.len()).unwrap_or(u64::MAX))
}

fn state_print(head: &[u8], length: u64) -> String {
    let digest = Sha256::digest(head);
    format!("{}:{length}", hex(digest.get(..16).unwrap_or(&digest)))
}

fn warning(path: &VolumePath, origin: Origin) -> Option<String> {
    match origin {
        Origin::Clean => None,
        Origin::Recovered { .. } => Some(format!("{path} was not closed properly; its logs were replayed")),
        Origin::AcceptedDirty => {
            Some(format!("{path} was not closed properly and is taken as it is: writes that were under way are lost"))
        }
    }
}

fn read(volume: &Volume, path: &VolumePath, dirty: DirtyHives) -> Observed<Loaded> {
    let failed = |error: &dyn std::error::Error| Unread::Failed { what: path.to_string(), detail: chain(error) };
    let bytes = volume.read(path, MAX_HIVE_BYTES).map_err(|error| failed(&error))?;
    let bytes =
        bytes.ok_or_else(|| Unread::Failed { what: path.to_string(), detail: "the file is not there".into() })?;
    match regf::header(&bytes) {
        Ok(header) if header.state == State::Clean && !header.transactions_pending => {
            let hive = Hive::open(bytes).map_err(|error| failed(&error))?;
            Ok(Loaded { hive, origin: Origin::Clean })
        }
        Ok(header) if header.transactions_pending => unmended(path, bytes, dirty, &regf::Error::TransactionsPending),
        Ok(_) => recover(volume, path, bytes, dirty),
        Err(error) => recover(volume, path, bytes, DirtyHives::Refuse).map_err(|_| failed(&error)),
    }
}

/// A dirty hive: its logs first; without any that mend it, it is refused or taken as it is.
fn recover(volume: &Volume, path: &VolumePath, bytes: Vec<u8>, dirty: DirtyHives) -> Observed<Loaded> {
    let failed = |error: &dyn std::error::Error| Unread::Failed { what: path.to_string(), detail: chain(error) };
    let logs = logs(volume, path).map_err(|error| failed(&error))?;
    let logs: Vec<&[u8]> = logs.iter().map(Vec::as_slice).collect();
    match regf::recover(&bytes, &logs) {
        Ok(recovered) => {
            let hive = Hive::open(recovered.bytes).map_err(|error| failed(&error))?;
            Ok(Loaded { hive, origin: Origin::Recovered { highest_sequence: recovered.highest_sequence } })
        }
        Err(error) => unmended(path, bytes, dirty, &error),
    }
}

/// A hive that nothing here can mend: taken as it is, or refused with the reason.
fn unmended(path: &VolumePath, bytes: Vec<u8>, dirty: DirtyHives, why: &regf::Error) -> Observed<Loaded> {
    if dirty == DirtyHives::Accept {
        // Half a write may have torn it: what is unsafe to edit is not planned on either, for a gap would pass for absence.
        let failed = |error: &dyn std::error::Error| Unread::Failed { what: path.to_string(), detail: chain(error) };
        regf::require_sound(&bytes).map_err(|error| failed(&error))?;
        let hive = Hive::open_dirty(bytes).map_err(|error| failed(&error))?;
        return Ok(Loaded { hive, origin: Origin::AcceptedDirty });
    }
    Err(Unread::Refused {
        what: path.to_string(),
        detail: match why {
            regf::Error::TransactionsPending => {
                "the hive was not closed properly: Windows left transactions open in it, and only Windows can finish them"
                    .to_owned()
            }
            why => format!("the hive was not closed properly and its logs do not mend it: {}", chain(why)),
        },
        hint: Some("start the machine once and shut it down, or take the hive as it is with --accept-dirty".into()),
    })
}

/// The hive's two logs, empty where there is none.
fn logs(volume: &Volume, path: &VolumePath) -> Result<[Vec<u8>; 2], VolumeError> {
    let read = |extension: &str| -> Result<Vec<u8>, VolumeError> {
        match log_path(path, extension) {
            Some(log) => Ok(volume.read(&log, MAX_HIVE_BYTES)?.unwrap_or_default()),
            None => Ok(Vec::new()),
        }
    };
    Ok([read("LOG1")?, read("LOG2")?])
}

/// The path of one of a hive's logs, beside the hive.
pub fn log_path(hive: &VolumePath, extension: &str) -> Option<VolumePath> {
    let name = format!("{}.{extension}", hive.last()?);
    let mut folder = VolumePath::root();
    let names: Vec<&str> = hive.components().collect();
    for component in names.split_last()?.1 {
        folder = folder.join(component).ok()?;
    }
    folder.join(&name).ok()
}

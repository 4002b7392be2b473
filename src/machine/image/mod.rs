//! An offline Windows volume at a folder: registry hives, files, and trueup's record, in their real formats.

mod accounts;
mod guard;
mod hives;
mod places;
mod read;
pub mod sample;
pub mod volume;
mod writer;

use std::io;
use std::path::Path;

pub use hives::DirtyHives;
use hives::Hives;
use volume::{Volume, VolumeError, VolumePath};

use crate::machine::{
    JOURNAL_TAIL, LastRun, Machine, MachineKind, RegistryReader, WritableMachine, WriteError, Writer, identity,
};
use crate::model::fact::{Identity, KeyAspects, KeyState, Observed, Unread};
use crate::model::registry::RegistryKey;
use crate::model::sid::Sid;

/// Where trueup keeps its record on the volume.
const RECORD: &str = r"ProgramData\trueup";
const JOURNALS: &str = r"ProgramData\trueup\journal";
const LOCK: &str = r"ProgramData\trueup\lock";
const JOURNAL_EXTENSION: &str = ".jsonl";
/// The most bytes of a journal that are read.
const MAX_JOURNAL_BYTES: u64 = 4 << 30;

/// Why an image cannot be used as a machine.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error(transparent)]
    Volume(#[from] VolumeError),
    #[error("the image has no Windows\\System32\\config folder, nor a Boot\\BCD: this is not a Windows volume")]
    NotWindows,
    #[error(
        "the volume is hibernated or fast-started: hiberfil.sys holds a running system that would overwrite what is written here"
    )]
    Hibernated,
}

/// An offline Windows volume. Hives are read when first asked for, and again after a write.
pub struct ImageMachine {
    volume: Volume,
    hives: Hives,
}

impl ImageMachine {
    /// Opens the volume unpacked or mounted at `folder`.
    ///
    /// # Errors
    /// The folder cannot be opened, is no Windows volume, or is hibernated.
    pub fn open(folder: &Path, dirty: DirtyHives) -> Result<Self, ImageError> {
        Self::on(Volume::open(folder)?, dirty)
    }

    /// Uses a volume that is open already.
    ///
    /// # Errors
    /// The volume is no Windows volume, or is hibernated.
    pub fn on(volume: Volume, dirty: DirtyHives) -> Result<Self, ImageError> {
        guard::check(&volume)?;
        Ok(Self { volume, hives: Hives::new(dirty) })
    }

    /// The volume's files.
    pub fn volume(&self) -> &Volume {
        &self.volume
    }

    /// The warnings of the hives read so far: which were recovered from logs, which are dirty and accepted.
    pub fn warnings(&self) -> Vec<String> {
        self.hives.warnings()
    }

    /// The bytes of a run's journal.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn journal(&self, run: &str) -> Result<Option<Vec<u8>>, VolumeError> {
        let Ok(path) =
            path(JOURNALS).and_then(|folder| folder.join(&format!("{run}{JOURNAL_EXTENSION}")).ok().ok_or(()))
        else {
            return Ok(None);
        };
        self.volume.read(&path, MAX_JOURNAL_BYTES)
    }
}

/// A path of our own making, which cannot be wrong.
fn path(text: &str) -> Result<VolumePath, ()> {
    text.parse().map_err(|_| ())
}

fn unread(what: &str, error: &dyn std::error::Error) -> Unread {
    Unread::Failed { what: what.to_owned(), detail: chain(error) }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl Machine for ImageMachine {
    fn kind(&self) -> MachineKind {
        MachineKind::Image
    }

    fn identity(&self) -> Observed<Identity> {
        identity::from_registry(self)
    }

    fn registry(&self) -> Observed<&dyn RegistryReader> {
        Ok(self)
    }

    fn account(&self, name: &str) -> Observed<Option<Sid>> {
        accounts::sid_of(self, name)
    }

    fn last_run(&self) -> Observed<Option<LastRun>> {
        const WHAT: &str = "the record's journals";
        let Ok(folder) = path(JOURNALS) else { return Ok(None) };
        let Some(entries) = self.volume.list(&folder).map_err(|error| unread(WHAT, &error))? else { return Ok(None) };
        let runs = entries.iter().filter_map(|entry| entry.name.to_str()?.strip_suffix(JOURNAL_EXTENSION));
        let Some(name) = runs.max() else { return Ok(None) };
        let Ok(file) = folder.join(&format!("{name}{JOURNAL_EXTENSION}")) else { return Ok(None) };
        let bytes = self.volume.read_tail(&file, JOURNAL_TAIL).map_err(|error| unread(WHAT, &error))?;
        Ok(Some(LastRun { name: name.to_owned(), journal_tail: bytes.unwrap_or_default() }))
    }
}

impl RegistryReader for ImageMachine {
    fn read(&self, queries: &[(RegistryKey, KeyAspects)]) -> Vec<Observed<KeyState>> {
        queries.iter().map(|(key, asked)| read::read(self, key, asked)).collect()
    }
}

impl WritableMachine for ImageMachine {
    fn as_machine(&self) -> &dyn Machine {
        self
    }

    fn writer(&self, owner: &str) -> Result<Box<dyn Writer + '_>, WriteError> {
        Ok(Box::new(writer::ImageWriter::open(self, owner)?))
    }
}

impl From<VolumeError> for WriteError {
    fn from(error: VolumeError) -> Self {
        Self::failed("write to the image", error)
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::failed("write to the image", error)
    }
}

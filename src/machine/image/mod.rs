//! An offline Windows volume at a folder: registry hives, files, and trueup's record, in their real formats.

mod accounts;
mod guard;
mod hives;
mod places;
mod read;
pub mod sample;
mod writer;

use std::path::Path;

use zeroize::Zeroizing;

pub use hives::DirtyHives;
use hives::Hives;

use crate::machine::kept::{self, path};
use crate::machine::next_start;
use crate::machine::volume::{Volume, VolumeError, VolumePath};
use crate::machine::volume_files::{self, Places};
use crate::machine::{
    FileRead, FileReader, Listed, Machine, MachineKind, RegistryReader, RunName, WritableMachine, WriteError, Writer,
    chain, identity, not_running,
};
use crate::model::fact::{Identity, KeyAspects, KeyState, Observed, Unread};
use crate::model::file::{FileDigest, FilePath};
use crate::model::file_tree::{Tree, TreeLimits};
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;
use crate::model::remembered::Record;
use crate::model::sid::Sid;

/// The drive that an image is.
const DRIVE: char = 'C';

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

    fn probe(&self, probe: &Probe) -> Observed<Answer> {
        match probe {
            Probe::NextStart { path } => next_start::of(self, path),
            _ => accounts::probe(self, probe)?.ok_or_else(|| not_running(self.kind(), probe)),
        }
    }

    fn record(&self) -> Observed<Option<Record>> {
        kept::record(&self.volume)
    }

    fn runs(&self) -> Observed<Vec<RunName>> {
        kept::runs(&self.volume)
    }

    fn journal(&self, run: &RunName, tail: Option<u64>) -> Observed<Option<Vec<u8>>> {
        kept::journal(&self.volume, run, tail)
    }

    fn fingerprint_key(&self) -> Observed<Option<FingerprintKey>> {
        kept::fingerprint_key(&self.volume)
    }

    fn held(&self, run: &RunName) -> Observed<Option<Vec<u8>>> {
        kept::held(&self.volume, run)
    }

    fn files(&self) -> Observed<&dyn FileReader> {
        Ok(self)
    }

    fn made(&self, run: &RunName) -> Observed<Option<Zeroizing<Vec<u8>>>> {
        kept::made(&self.volume, run)
    }

    fn retired(&self, run: &RunName, item: usize) -> Observed<Option<Zeroizing<Vec<u8>>>> {
        kept::retired(&self.volume, run, item)
    }

    fn part_of(&self, operation: &Operation) -> Observed<String> {
        if let Some(path) = operation.file() {
            return Ok(path.to_string());
        }
        let no_place = || Unread::Failed { what: operation.to_string(), detail: "it changes no part".into() };
        let key = match operation {
            Operation::PutCertificate { store, .. } | Operation::RemoveCertificate { store, .. } => {
                &store.registry_key().ok_or_else(no_place)?
            }
            Operation::Adjust { what: Probe::NextStart { .. }, .. } => &next_start::key()?,
            other => other.registry_key().ok_or_else(no_place)?,
        };
        let root = || Unread::Failed { what: key.to_string(), detail: "a root lies in no hive".into() };
        Ok(places::locate(self, key)?.ok_or_else(root)?.hive.to_string())
    }

    /// A part is a file by its path on a running machine, or a hive's file by its place on the volume.
    fn part_state(&self, part: &str) -> Observed<Option<String>> {
        if let Ok(path) = FilePath::parse(part) {
            return volume_files::state(self, &path);
        }
        let failed = |detail: String| Unread::Failed { what: part.to_owned(), detail };
        let file = path(part).map_err(|()| failed("it is no path".into()))?;
        hives::state(&self.volume, &file).map_err(|error| failed(chain(&error)))
    }
}

impl Places for ImageMachine {
    fn place(&self, path: &FilePath) -> Observed<(&Volume, VolumePath)> {
        Ok((&self.volume, volume_files::locate(path, DRIVE)?))
    }

    fn home(&self) -> &Volume {
        &self.volume
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

impl FileReader for ImageMachine {
    fn read(&self, path: &FilePath, limit: u64) -> Observed<FileRead> {
        volume_files::read(self, path, limit)
    }

    fn names(&self, path: &FilePath) -> Observed<Listed> {
        volume_files::names(self, path)
    }

    fn tree(&self, folder: &FilePath, limits: TreeLimits) -> Observed<Tree> {
        volume_files::tree(self, folder, limits)
    }

    fn digests(&self, paths: &[FilePath], limit: u64) -> Vec<Observed<FileDigest>> {
        volume_files::digests(self, paths, limit)
    }
}

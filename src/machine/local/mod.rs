//! The running Windows machine.

mod accounts;
mod calls;
mod drives;
mod events;
mod file_security;
mod firewall;
mod groups;
mod http;
mod keys;
mod measures;
mod next_start;
mod parts;
mod ports;
mod probes;
mod registry;
mod scheduler;
mod service_settings;
mod services;
mod stage;
mod stores;
mod target;
mod unproven;
mod writer;

use zeroize::Zeroizing;

use self::drives::Drives;
use self::parts::Part;
use self::writer::LocalWriter;
use crate::machine::volume_files::{self, Places as _};
use crate::machine::windows_api::key::Buffers;
use crate::machine::{
    FileRead, FileReader, Listed, Machine, MachineKind, RegistryReader, RunName, Scheduler, WritableMachine,
    WriteError, Writer, identity, kept, windows_api,
};
use crate::model::event::Event;
use crate::model::fact::{Identity, KeyAspects, KeyState, Observed, Unread};
use crate::model::file::{FileDigest, FilePath};
use crate::model::file_tree::{Tree, TreeLimits};
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;
use crate::model::remembered::Record;
use crate::model::services::Services;
use crate::model::sid::Sid;
use crate::model::time::FileTime;

/// The machine that this program runs on.
#[derive(Debug)]
pub struct LocalMachine {
    drives: Drives,
}

impl LocalMachine {
    /// Opens the machine; nothing is read yet but its system drive.
    ///
    /// # Errors
    /// The drive of Windows cannot be opened.
    pub fn open() -> Observed<Self> {
        // Whoever may back up may read what descriptors hide, such as SAM; for all others that stays refused.
        let _has_it = windows_api::process::enable_privilege("SeBackupPrivilege");
        Ok(Self { drives: Drives::open()? })
    }

    /// Whether this process has an administrator's rights; where the system does not tell, it is taken to have them, and learns better.
    pub fn is_elevated(&self) -> bool {
        windows_api::process::is_elevated().unwrap_or(true)
    }
}

impl Machine for LocalMachine {
    fn kind(&self) -> MachineKind {
        MachineKind::Local
    }

    fn identity(&self) -> Observed<Identity> {
        identity::from_registry(self)
    }

    fn registry(&self) -> Observed<&dyn RegistryReader> {
        Ok(self)
    }

    fn files(&self) -> Observed<&dyn FileReader> {
        Ok(self)
    }

    fn account(&self, name: &str) -> Observed<Option<Sid>> {
        accounts::sid_of(name)
    }

    fn probe(&self, probe: &Probe) -> Observed<Answer> {
        probes::find(probe)
    }

    fn next_start(&self) -> Observed<Vec<(FilePath, Answer)>> {
        next_start::all(&self.drives)
    }

    fn users_of(&self, path: &FilePath) -> Option<String> {
        self.drives.users_of(path)
    }

    fn services(&self) -> Observed<Services> {
        Ok(Services { graph: crate::machine::services::dependencies(self)?, controllable: true })
    }

    /// The system has been running since: what was owed before is done.
    fn last_shutdown(&self) -> Option<FileTime> {
        let now = jiff::Timestamp::now();
        let up = jiff::SignedDuration::from_millis(i64::try_from(windows_api::process::uptime()).ok()?);
        now.checked_sub(up).ok().map(FileTime::from_timestamp)
    }

    fn record(&self) -> Observed<Option<Record>> {
        kept::record(self.drives.home())
    }

    fn runs(&self) -> Observed<Vec<RunName>> {
        kept::runs(self.drives.home())
    }

    fn journal(&self, run: &RunName, tail: Option<u64>) -> Observed<Option<Vec<u8>>> {
        kept::journal(self.drives.home(), run, tail)
    }

    fn fingerprint_key(&self) -> Observed<Option<FingerprintKey>> {
        kept::fingerprint_key(self.drives.home())
    }

    fn held(&self, run: &RunName) -> Observed<Option<Vec<u8>>> {
        kept::held(self.drives.home(), run)
    }

    fn made(&self, run: &RunName) -> Observed<Option<Zeroizing<Vec<u8>>>> {
        kept::made(self.drives.home(), run)
    }

    fn retired(&self, run: &RunName, item: usize) -> Observed<Option<Zeroizing<Vec<u8>>>> {
        kept::retired(self.drives.home(), run, item)
    }

    fn part_of(&self, operation: &Operation) -> Observed<String> {
        if let Some(path) = operation.file() {
            return Ok(path.to_string());
        }
        let part = Part::of(operation).map(|part| part.to_string());
        part.ok_or_else(|| Unread::Failed { what: operation.to_string(), detail: "it changes no part".into() })
    }

    fn part_state(&self, part: &str) -> Observed<Option<String>> {
        let failed = |detail: &str| Unread::Failed { what: part.to_owned(), detail: detail.into() };
        match Part::parse(part) {
            Some(part) => {
                let print = self.fingerprint_key()?.ok_or_else(|| failed("the record has no key yet"))?;
                part.state(&print, &mut Buffers::default())
            }
            None => {
                let path = FilePath::parse(part).map_err(|error| failed(&error.to_string()))?;
                volume_files::state(&self.drives, &path)
            }
        }
    }
}

impl RegistryReader for LocalMachine {
    fn read(&self, queries: &[(RegistryKey, KeyAspects)]) -> Vec<Observed<KeyState>> {
        registry::read(queries)
    }
}

impl FileReader for LocalMachine {
    fn read(&self, path: &FilePath, limit: u64) -> Observed<FileRead> {
        volume_files::read(&self.drives, path, limit)
    }

    fn names(&self, path: &FilePath) -> Observed<Listed> {
        volume_files::names(&self.drives, path)
    }

    fn tree(&self, folder: &FilePath, limits: TreeLimits) -> Observed<Tree> {
        volume_files::tree(&self.drives, folder, limits)
    }

    fn digests(&self, paths: &[FilePath], limit: u64) -> Vec<Observed<FileDigest>> {
        volume_files::digests(&self.drives, paths, limit)
    }
}

impl WritableMachine for LocalMachine {
    fn as_machine(&self) -> &dyn Machine {
        self
    }

    fn writer(&self, owner: &str) -> Result<Box<dyn Writer + '_>, WriteError> {
        if !self.is_elevated() {
            return Err(WriteError::refused("write to this machine", "this process has no administrator's rights"));
        }
        Ok(Box::new(LocalWriter::open(self, owner)?))
    }

    fn log(&self, event: &Event) -> Result<(), WriteError> {
        events::write(event)
    }

    fn scheduler(&self) -> Option<&dyn Scheduler> {
        Some(self)
    }

    fn unproven(&self, operation: &Operation) -> Option<&'static str> {
        unproven::unproven(operation)
    }
}

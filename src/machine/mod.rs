//! The effect boundary: what a machine can be asked, and what it can be told to do.
//! Reading and writing are separate traits, so that planning cannot write by accident: it never holds a writer.

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::formats::edit::Value;
use crate::model::event::Event;
use crate::model::fact::{Facet, Identity, KeyAspects, KeyState, KeyTree, Observed, Unread};
use crate::model::file::{ContentDigest, FileAspect, FileDigest, FilePath, FileState};
use crate::model::file_tree::{Tree, TreeLimits};
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;
use crate::model::remembered::Record;
use crate::model::secret::SecretReference;
use crate::model::services::Services;
use crate::model::sid::Sid;
use crate::model::task::Task;
use crate::model::time::FileTime;

pub mod faulty;
mod file_facts;
mod file_tree;
mod identity;
pub mod image;
mod kept;
mod known_secrets;
#[cfg(windows)]
pub mod local;
mod lower;
pub mod memory;
mod next_start;
mod observe;
pub(crate) mod services;
pub mod snapshot;
mod started;
pub mod volume;
mod volume_files;
mod volume_stage;
#[cfg(windows)]
mod windows_api;
mod write_error;

pub use crate::model::run::RunName;
pub use lower::element_of;
pub use observe::{
    ObserveError, ObserveOptions, answer, ask_next_start, ask_services, begin, fresh_key, observe, rounds,
};
pub use services::{SERVICE_TIMEOUT, ServiceControl};
pub use write_error::WriteError;

/// Which of the four machines this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineKind {
    Local,
    Image,
    Snapshot,
    Memory,
}

impl std::fmt::Display for MachineKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Local => "the running machine",
            Self::Image => "an image",
            Self::Snapshot => "a snapshot",
            Self::Memory => "a machine in memory",
        })
    }
}

/// A machine that can be read. Nothing here changes it, its record included.
pub trait Machine {
    fn kind(&self) -> MachineKind;

    /// Who the machine says it is.
    fn identity(&self) -> Observed<Identity>;

    /// Its registry, or that it has none.
    ///
    /// # Errors
    /// [`Unread::Unsupported`] for a machine without a registry.
    fn registry(&self) -> Observed<&dyn RegistryReader>;

    /// Its files, or that it has none.
    ///
    /// # Errors
    /// [`Unread::Unsupported`] for a machine without files.
    fn files(&self) -> Observed<&dyn FileReader> {
        Err(Unread::Unsupported {
            facet: Facet::Files,
            machine: self.kind().to_string(),
            detail: "it holds none".into(),
        })
    }

    /// What was said of a file once, on a machine that holds no files but what was said of them.
    fn known_file(&self, _path: &FilePath, _aspect: &FileAspect) -> Option<Observed<FileState>> {
        None
    }

    /// The SID of a local account, `None` when there is no such account.
    fn account(&self, name: &str) -> Observed<Option<Sid>> {
        Err(Unread::Unsupported {
            facet: Facet::Accounts,
            machine: self.kind().to_string(),
            detail: format!("`{name}` was asked for; name the account by its SID"),
        })
    }

    /// What lies in no registry and in no file's bytes.
    ///
    /// # Errors
    /// [`Unread::Unsupported`] for what this machine cannot tell.
    fn probe(&self, probe: &Probe) -> Observed<Answer> {
        match probe {
            Probe::NextStart { path } => next_start::of(self.registry()?, path),
            _ => Err(not_running(self.kind(), probe)),
        }
    }

    /// The files that Windows removes or replaces at its next start, with what [`Probe::NextStart`] finds of each.
    ///
    /// # Errors
    /// The registry cannot be read.
    fn next_start(&self) -> Observed<Vec<(FilePath, Answer)>> {
        next_start::all(self.registry()?)
    }

    /// Who uses a file, and what helps, in words; `None` where nobody does, or nobody can tell.
    fn users_of(&self, _path: &FilePath) -> Option<String> {
        None
    }

    /// The services, and which of them need which.
    ///
    /// # Errors
    /// The machine does not tell, or cannot be read.
    fn services(&self) -> Observed<Services> {
        Ok(Services { graph: services::dependencies(self.registry()?)?, controllable: false })
    }

    /// When the machine was last shut down, as far as it tells.
    fn last_shutdown(&self) -> Option<FileTime> {
        self.registry().ok().and_then(started::last_shutdown)
    }

    /// What trueup remembers of the machine; `None` where nothing was ever applied.
    ///
    /// # Errors
    /// [`Unread::Unsupported`] for a machine that keeps no record, else why it cannot be read.
    fn record(&self) -> Observed<Option<Record>> {
        Err(no_record(self.kind()))
    }

    /// The runs of which there is a journal, oldest first.
    ///
    /// # Errors
    /// As [`Machine::record`].
    fn runs(&self) -> Observed<Vec<RunName>> {
        Err(no_record(self.kind()))
    }

    /// The journal of a run, or the last `tail` bytes of it.
    ///
    /// # Errors
    /// As [`Machine::record`].
    fn journal(&self, _run: &RunName, _tail: Option<u64>) -> Observed<Option<Vec<u8>>> {
        Err(no_record(self.kind()))
    }

    /// The key of the record's fingerprints; `None` while there is none.
    ///
    /// # Errors
    /// As [`Machine::record`].
    fn fingerprint_key(&self) -> Observed<Option<FingerprintKey>> {
        Ok(None)
    }

    /// What a run keeps in the sealed hold.
    ///
    /// # Errors
    /// As [`Machine::record`].
    fn held(&self, _run: &RunName) -> Observed<Option<Vec<u8>>> {
        Ok(None)
    }

    /// What a run has made, keys among it, while it has not come to its end.
    ///
    /// # Errors
    /// As [`Machine::record`].
    fn made(&self, _run: &RunName) -> Observed<Option<Zeroizing<Vec<u8>>>> {
        Ok(None)
    }

    /// A file as it was before a run replaced it, by the number of the step.
    ///
    /// # Errors
    /// As [`Machine::record`].
    fn retired(&self, _run: &RunName, _item: usize) -> Observed<Option<Zeroizing<Vec<u8>>>> {
        Ok(None)
    }

    /// The part that an operation changes, as [`PartChange::part`] names it.
    ///
    /// # Errors
    /// The operation's place cannot be told.
    fn part_of(&self, operation: &Operation) -> Observed<String> {
        Err(Unread::Failed { what: operation.to_string(), detail: "this machine has no such part".into() })
    }

    /// What tells the present state of a part from others, see [`PartChange`]; `None` when it is not there.
    ///
    /// # Errors
    /// The part cannot be read.
    fn part_state(&self, part: &str) -> Observed<Option<String>> {
        Err(Unread::Failed { what: part.to_owned(), detail: "this machine has no such part".into() })
    }
}

/// A machine that does not run cannot tell.
fn not_running(kind: MachineKind, probe: &Probe) -> Unread {
    let detail = "only a running machine can tell".to_owned();
    Unread::Unsupported { facet: probe.facet(), machine: kind.to_string(), detail }
}

fn no_record(kind: MachineKind) -> Unread {
    Unread::Unsupported { facet: Facet::Record, machine: kind.to_string(), detail: format!("{kind} keeps no record") }
}

/// Where secrets come from when they are needed.
pub trait SecretSource {
    /// The secret's text. It is held only while it is used.
    ///
    /// # Errors
    /// The reference cannot be resolved; the message never holds any part of a secret.
    fn resolve(&self, reference: &SecretReference) -> Result<Zeroizing<String>, String>;
}

/// Resolves nothing: for callers that must not know any secret.
#[derive(Clone, Copy, Debug)]
pub struct NoSecrets;

impl SecretSource for NoSecrets {
    fn resolve(&self, _: &SecretReference) -> Result<Zeroizing<String>, String> {
        Err("secrets are not looked up here".into())
    }
}

/// Registry reads. Paths are 64-bit ones; links are reported, never followed.
pub trait RegistryReader {
    /// Answers all questions of a round, in their order.
    fn read(&self, queries: &[(RegistryKey, KeyAspects)]) -> Vec<Observed<KeyState>>;
}

/// File reads. Links are refused, never followed.
pub trait FileReader {
    /// A whole file, `None` when there is none; folders that are missing are counted.
    ///
    /// # Errors
    /// It is no regular file, is larger than `limit` bytes, or cannot be read; [`Unread::Unsupported`] for a place that this machine
    /// does not hold, such as another drive.
    fn read(&self, path: &FilePath, limit: u64) -> Observed<FileRead>;

    /// The names in a folder, sorted.
    ///
    /// # Errors
    /// As [`FileReader::read`]; [`FileRead::Present`] never.
    fn names(&self, path: &FilePath) -> Observed<Listed>;

    /// What stands at each of many paths, in their order, without content.
    ///
    /// # Errors
    /// For a path as [`FileReader::read`].
    fn digests(&self, paths: &[FilePath], limit: u64) -> Vec<Observed<FileDigest>> {
        paths.iter().map(|path| digest(self, path, limit)).collect()
    }

    /// All files and folders below a folder; links are told as such and never followed.
    ///
    /// # Errors
    /// A folder of it cannot be read, or it is larger than the limits.
    fn tree(&self, folder: &FilePath, limits: TreeLimits) -> Observed<Tree> {
        file_tree::of(self, folder, limits)
    }
}

/// What stands at one path.
fn digest<R: FileReader + ?Sized>(files: &R, path: &FilePath, limit: u64) -> Observed<FileDigest> {
    match files.read(path, limit) {
        Ok(FileRead::Absent { missing_folders }) => Ok(FileDigest::Absent { missing_folders }),
        Ok(FileRead::Present { bytes, owner_only }) => Ok(FileDigest::File {
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            sha256: ContentDigest::of(&bytes),
            owner_only,
        }),
        // A folder cannot be read, and is none the less an answer.
        Err(unread) => match files.names(path) {
            Ok(Listed::Names(_)) => Ok(FileDigest::Folder),
            _ => Err(unread),
        },
    }
}

/// What was found where a file was looked for.
pub enum FileRead {
    Absent { missing_folders: usize },
    Present { bytes: Zeroizing<Vec<u8>>, owner_only: Option<bool> },
}

/// What was found where a folder was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    Absent {
        missing_folders: usize,
    },
    /// A file stands there.
    File,
    Names(Vec<Box<str>>),
}

/// A machine that can be changed, by one writer at a time.
pub trait WritableMachine: Machine {
    /// The machine for reading.
    fn as_machine(&self) -> &dyn Machine;

    /// Locks the machine and opens it for writing; the lock is held until the writer is dropped.
    ///
    /// # Errors
    /// Somebody else holds the lock, or the machine cannot be written.
    fn writer(&self, owner: &str) -> Result<Box<dyn Writer + '_>, WriteError>;

    /// What of the machine a step changes that nobody has seen to change that way: it is done only when that is accepted.
    fn unproven(&self, _operation: &Operation) -> Option<&'static str> {
        None
    }

    /// Writes an entry to the machine's own log.
    ///
    /// # Errors
    /// It has none, or the log refuses.
    fn log(&self, _event: &Event) -> Result<(), WriteError> {
        Err(WriteError::refused("write to the event log", format!("{} has none", self.kind())))
    }

    /// What can start this program later by itself; `None` on a machine where nothing runs.
    fn scheduler(&self) -> Option<&dyn Scheduler> {
        None
    }
}

/// Starts this program at a later time by itself, even when nobody can reach the machine any more.
pub trait Scheduler {
    /// Makes a task of this name, or another one of it.
    ///
    /// # Errors
    /// It is not there afterwards: whoever relies on it must not go on.
    fn put(&self, name: &str, task: &Task) -> Result<(), WriteError>;

    /// Removes a task; says whether there was one.
    ///
    /// # Errors
    /// It could not be removed, and may start.
    fn remove(&self, name: &str) -> Result<bool, WriteError>;
}

/// One operation with its expression evaluated.
#[derive(Clone)]
pub struct Step<'a> {
    pub operation: &'a Operation,
    /// The data of a value that the operation puts: the plan's own, or made from a secret.
    pub data: Option<Cow<'a, RegistryData>>,
    /// The tree that the operation puts, where secrets of it had to be taken from the hold.
    pub tree: Option<Box<KeyTree>>,
    /// What the file that the operation puts will hold.
    pub bytes: Option<Zeroizing<Vec<u8>>>,
    /// What an edit puts at its selector; `None` for one that removes.
    pub value: Option<Value>,
    /// The steps of a thing with an interface of its own.
    pub steps: Vec<Step<'a>>,
    /// The secret that such an interface is told.
    pub secret: Option<Zeroizing<String>>,
}

impl<'a> Step<'a> {
    /// The steps that it comes to in the registry, for a thing with an interface of its own; itself for any other.
    pub fn plain_steps(&self) -> &[Self] {
        match self.operation {
            Operation::Configure { .. } => &self.steps,
            _ => std::slice::from_ref(self),
        }
    }

    /// A step of which nothing is evaluated yet.
    pub const fn new(operation: &'a Operation) -> Self {
        Self { operation, data: None, tree: None, bytes: None, value: None, steps: Vec::new(), secret: None }
    }
}

impl std::fmt::Debug for Step<'_> {
    /// Without data: it may be a secret's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Step").field(&self.operation.to_string()).finish()
    }
}

/// A part of a machine that is replaced at once: a crash leaves it as it was or as it was to be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PartChange {
    /// The machine's own name for it, such as a hive's file.
    pub part: String,
    /// What tells its state before and after; `None` when it is not there.
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Operations that a machine makes durable together: a crash leaves all or none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Everything, each part by itself: the hives and files of an image.
    Parts,
    /// Files, each by itself.
    Files,
    /// Values and keys of a registry, in one transaction where there is such a thing.
    Registry,
    /// A call that takes effect at once: each is a unit of its own.
    Calls,
}

/// The only way to change a machine. Operations come in the plan's order.
pub trait Writer {
    /// The unit that the operation is made durable with.
    fn unit(&self, _operation: &Operation) -> Unit {
        Unit::Parts
    }

    /// Performs one step; it may stay in memory until [`Writer::commit`].
    ///
    /// # Errors
    /// The step was not done and nothing of it remains; other steps may go on.
    fn stage(&mut self, step: &Step<'_>, now: FileTime) -> Result<(), WriteError>;

    /// Refuses when the machine has no room for the operations and a journal of so many bytes.
    ///
    /// # Errors
    /// There is too little room; nothing was written.
    fn require_space(&self, operations: &mut dyn Iterator<Item = &Operation>, journal: u64) -> Result<(), WriteError>;

    /// Makes ready what was staged since the last commit, and names the parts that [`Writer::commit`] will replace. Nothing is
    /// changed yet.
    ///
    /// # Errors
    /// Nothing staged can be done.
    fn prepare(&mut self, now: FileTime) -> Result<Vec<PartChange>, WriteError>;

    /// Makes durable what was prepared.
    ///
    /// # Errors
    /// Nothing staged may be taken as done; what is on the machine has to be read again.
    fn commit(&mut self) -> Result<(), WriteError>;

    /// Makes sure that a part which was replaced by a run that stopped is durable.
    ///
    /// # Errors
    /// The machine refuses.
    fn sync_part(&mut self, _part: &str) -> Result<(), WriteError> {
        Ok(())
    }

    /// Forgets what was staged or prepared and not committed.
    fn discard(&mut self);

    /// Opens the journal of a run, a new one or one that is continued, under the machine's record.
    ///
    /// # Errors
    /// The record cannot be written.
    fn journal(&mut self, run: &RunName) -> Result<Box<dyn JournalFile>, WriteError>;

    /// Replaces the record.
    ///
    /// # Errors
    /// The record cannot be written; the old one is still there.
    fn put_record(&mut self, record: &Record) -> Result<(), WriteError>;

    /// Moves a record that cannot be read out of the way, under a name with the run in it; nothing when there is none.
    ///
    /// # Errors
    /// It cannot be moved, and is still there.
    fn set_record_aside(&mut self, run: &RunName) -> Result<(), WriteError>;

    /// Keeps the key of the record's fingerprints, which must not have one yet.
    ///
    /// # Errors
    /// The record cannot be written.
    fn put_fingerprint_key(&mut self, key: &FingerprintKey) -> Result<(), WriteError>;

    /// Keeps sealed bytes of a run.
    ///
    /// # Errors
    /// The record cannot be written.
    fn put_held(&mut self, run: &RunName, sealed: &[u8]) -> Result<(), WriteError>;

    /// Keeps what a run makes until it ends.
    ///
    /// # Errors
    /// The record cannot be written.
    fn put_made(&mut self, run: &RunName, made: &[u8]) -> Result<(), WriteError>;

    /// Forgets what a run made.
    ///
    /// # Errors
    /// The record cannot be written.
    fn forget_made(&mut self, run: &RunName) -> Result<(), WriteError>;

    /// Keeps a file as it was before a run replaces it, by the number of the step.
    ///
    /// # Errors
    /// The record cannot be written.
    fn retire(&mut self, run: &RunName, item: usize, bytes: &[u8]) -> Result<(), WriteError>;

    /// Forgets a run: its journal and what it holds.
    ///
    /// # Errors
    /// The record cannot be written.
    fn forget_run(&mut self, run: &RunName) -> Result<(), WriteError>;

    /// Says for how long a service may take to start or stop, counted from its last sign of progress.
    fn set_service_timeout(&mut self, _timeout: std::time::Duration) {}

    /// What stops and starts services; `None` on a machine that does not run.
    fn services(&mut self) -> Option<&mut dyn ServiceControl> {
        None
    }

    /// The owner of a lock that nobody holds any more: a run that did not come to its end.
    fn stale_owner(&self) -> Option<&str> {
        None
    }
}

/// An append-only file of the record.
pub trait JournalFile {
    /// Appends bytes; they may be lost in a crash until [`JournalFile::sync`].
    ///
    /// # Errors
    /// The bytes were not, or not all, appended.
    fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError>;

    /// Makes what was appended durable.
    ///
    /// # Errors
    /// Nothing is known of the bytes appended since the last sync.
    fn sync(&mut self) -> Result<(), WriteError>;
}

/// What tells one content of a file from others: its fingerprint under the key of the record.
///
/// # Errors
/// There is no key: without one, a secret would be told by a fast hash.
pub fn file_state(key: Option<&FingerprintKey>, bytes: &[u8]) -> Observed<String> {
    let no_key = || Unread::Failed { what: "a file's fingerprint".into(), detail: "the record has no key yet".into() };
    Ok(key.ok_or_else(no_key)?.of_file(bytes).to_hex())
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The state of a folder that is there.
pub const FOLDER_STATE: &str = "folder";

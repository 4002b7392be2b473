//! The effect boundary: what a machine can be asked, and what it can be told to do.
//! Reading and writing are separate traits, so that planning cannot write by accident: it never holds a writer.

use std::borrow::Cow;

use crate::model::fact::{Facet, Identity, KeyAspects, KeyState, Observed, Unread};
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;
use crate::model::sid::Sid;
use crate::model::time::FileTime;

pub mod faulty;
mod identity;
pub mod image;
pub mod memory;
mod observe;
pub mod snapshot;
mod tree;

pub use observe::{ObserveError, answer, observe};

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

    /// The SID of a local account, `None` when there is no such account.
    fn account(&self, name: &str) -> Observed<Option<Sid>> {
        Err(Unread::Unsupported {
            facet: Facet::Accounts,
            machine: self.kind().to_string(),
            detail: format!("`{name}` was asked for; name the account by its SID"),
        })
    }

    /// The newest run in the machine's record, and the last bytes of its journal.
    fn last_run(&self) -> Observed<Option<LastRun>> {
        Ok(None)
    }
}

/// The newest run that a machine's record holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    pub name: String,
    /// At most [`JOURNAL_TAIL`] bytes.
    pub journal_tail: Vec<u8>,
}

/// How much of a journal's end is looked at to tell whether its run ended.
pub const JOURNAL_TAIL: u64 = 4096;

/// Registry reads. Paths are 64-bit ones; links are reported, never followed.
pub trait RegistryReader {
    /// Answers all questions of a round, in their order.
    fn read(&self, queries: &[(RegistryKey, KeyAspects)]) -> Vec<Observed<KeyState>>;
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
}

/// One operation with its expression evaluated.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    pub operation: &'a Operation,
    /// The data of a value that the operation puts: the plan's own, or made from a secret.
    pub data: Option<Cow<'a, RegistryData>>,
}

/// Operations that a machine makes durable together: a crash leaves all or none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// The registry: one transaction on a live machine, one atomic replacement of each hive in an image.
    Registry,
}

/// The only way to change a machine. Operations come in the plan's order.
pub trait Writer {
    /// The unit that the operation is made durable with.
    fn unit(&self, _operation: &Operation) -> Unit {
        Unit::Registry
    }

    /// Performs one step; it may stay in memory until [`Writer::commit`].
    ///
    /// # Errors
    /// The step was not done and nothing of it remains; other steps may go on.
    fn stage(&mut self, step: &Step<'_>, now: FileTime) -> Result<(), WriteError>;

    /// Makes durable what was staged since the last commit.
    ///
    /// # Errors
    /// Nothing staged may be taken as done; what is on the machine has to be read again.
    fn commit(&mut self, now: FileTime) -> Result<(), WriteError>;

    /// Opens the journal of a new run under the machine's record.
    ///
    /// # Errors
    /// The record cannot be written.
    fn journal(&mut self, run: &str) -> Result<Box<dyn JournalFile>, WriteError>;
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

/// Why a machine could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("another run is at work on this machine: {owner}")]
    Locked { owner: String },
    #[error("cannot {attempt}: {detail}")]
    Refused { attempt: String, detail: String },
    #[error("cannot {attempt}")]
    Failed {
        attempt: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The machine stopped, as if its power were cut: nothing more can be done in this process. Tests only.
    #[error("the machine stopped while trying to {attempt}")]
    Stopped { attempt: String },
}

impl WriteError {
    pub fn failed(attempt: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed { attempt: attempt.into(), source: source.into() }
    }

    pub fn refused(attempt: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Refused { attempt: attempt.into(), detail: detail.into() }
    }
}

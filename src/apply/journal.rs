//! The journal of a run: what will be done, written ahead and synced, then what was done. One JSON line per event.
//!
//! Each line is `crc32 json`, the checksum as eight hex digits over the JSON bytes: a torn last line is told from damage.
//! The first line names the format version. Recovery, undo and history read this file; nothing else on the machine knows the run.

use serde::{Deserialize, Serialize};

use crate::machine::{JournalFile, PartChange, RunName, WriteError};
use crate::model::operation::Operation;
use crate::model::remembered::{AppliedEntry, Owed};
use crate::model::resource::ResourceId;

/// The version of the journal's form; another one is not touched.
pub const JOURNAL_VERSION: u32 = 2;

/// How many bytes are gathered before they are handed to the file.
const BUFFER_BYTES: usize = 1 << 20;

/// What a run is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum Purpose {
    /// To make the machine what a document says.
    Apply,
    /// To take back a run that had ended.
    Rollback { of: RunName },
    /// To take back a run that had stopped before its end.
    Undo { of: RunName },
    /// To take the machine as it is for what was last applied: only the record changes.
    Baseline,
}

impl Purpose {
    /// The run that is taken back.
    pub const fn takes_back(&self) -> Option<&RunName> {
        match self {
            Self::Apply | Self::Baseline => None,
            Self::Rollback { of } | Self::Undo { of } => Some(of),
        }
    }
}

/// The first line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    pub run: RunName,
    #[serde(flatten)]
    pub purpose: Purpose,
    pub started: jiff::Timestamp,
    pub owner: String,
    /// The document's name.
    pub document: String,
    pub operations: usize,
    /// The entries ask for a reboot when these operations are done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reboot: bool,
    /// The services that must be restarted when these operations are done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restarts: Vec<Box<str>>,
    /// Those of them that stopped before the first of these operations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop_first: Vec<Box<str>>,
    /// What the sealed hold's key is known by, where the run keeps secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
}

/// What the record held before a run, of all that the run changes in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordBefore {
    pub entries: Vec<AppliedEntry>,
    /// Addresses of which nothing was remembered.
    pub absent: Vec<ResourceId>,
    pub owed: Owed,
}

/// What became of a part of the steps, by number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The first step of the unit, and the one after its last.
    pub first: usize,
    pub end: usize,
    /// The steps among them that are not done: failed, or skipped because of others.
    pub not_done: Vec<usize>,
    pub parts: Vec<PartChange>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Begin {
        journal_version: u32,
        #[serde(flatten)]
        beginning: &'a Beginning,
    },
    /// Step `step` will be performed.
    Intent {
        step: usize,
        /// Left out where the operation tells it.
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<&'a ResourceId>,
        operation: &'a Operation,
    },
    /// A run that stopped is continued.
    Resume {
        at: jiff::Timestamp,
        owner: &'a str,
    },
    /// The parts are about to be replaced; everything before this line is durable once it is.
    Commit(&'a Commit),
    /// All parts of the last commit are durable on the machine.
    Committed {},
    /// The last commit failed; these of its steps are not done.
    Settled {
        not_done: &'a [usize],
    },
    /// The record is about to be replaced.
    Record(&'a RecordBefore),
    End(&'a Ending),
}

/// The counts with which a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    pub done: usize,
    pub failed: usize,
    pub skipped: usize,
    /// How many were done and taken back again, because another failed.
    #[serde(default)]
    pub undone: usize,
    /// How many the next start of the machine does.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waiting: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Ending {
    /// Whether all that was tried was done.
    pub const fn is_clean(self) -> bool {
        self.failed + self.skipped + self.undone == 0
    }

    /// Whether the run has left something: one of which nothing came has not, one without steps may have told the record.
    pub const fn left_something(self) -> bool {
        self.done + self.waiting > 0 || self.is_clean()
    }
}

/// An event as read back.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum ReadEvent {
    Begin {
        journal_version: u32,
        #[serde(flatten)]
        beginning: Box<Beginning>,
    },
    Intent {
        step: usize,
        address: Option<ResourceId>,
        operation: Box<Operation>,
    },
    Resume {},
    Commit(Commit),
    Committed {},
    Settled {
        not_done: Vec<usize>,
    },
    Record(Box<RecordBefore>),
    End(Ending),
}

impl ReadEvent {
    /// Whether all that stands before such a line was durable when it was written.
    const fn follows_a_sync(&self) -> bool {
        match self {
            Self::Begin { .. } | Self::Intent { .. } | Self::Commit(_) => false,
            Self::Resume {} | Self::Committed {} | Self::Settled { .. } | Self::Record(_) | Self::End(_) => true,
        }
    }
}

/// Writes the journal of one run.
pub struct Journal {
    file: Box<dyn JournalFile>,
    buffer: Vec<u8>,
    steps: usize,
}

impl Journal {
    /// Begins the journal; the head is durable when this returns.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn begin(file: Box<dyn JournalFile>, beginning: &Beginning) -> Result<Self, WriteError> {
        let mut journal = Self { file, buffer: Vec::new(), steps: 0 };
        journal.write(&Event::Begin { journal_version: JOURNAL_VERSION, beginning })?;
        journal.flush()?;
        Ok(journal)
    }

    /// Continues a journal that holds so many steps, behind what can be read of it.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn resume(
        file: Box<dyn JournalFile>,
        steps: usize,
        torn: bool,
        at: jiff::Timestamp,
        owner: &str,
    ) -> Result<Self, WriteError> {
        let mut journal = Self { file, buffer: Vec::new(), steps };
        if torn {
            // Ends the torn line; it is left out by every reader.
            journal.buffer.push(b'\n');
        }
        journal.write(&Event::Resume { at, owner })?;
        journal.flush()?;
        Ok(journal)
    }

    /// Notes a step that will be performed.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn intend(&mut self, address: &ResourceId, operation: &Operation) -> Result<(), WriteError> {
        let address = (!operation.is_about(address)).then_some(address);
        self.write(&Event::Intent { step: self.steps, address, operation })?;
        self.steps += 1;
        Ok(())
    }

    /// Makes all that was noted durable, with what is about to be replaced. Only then may the machine be touched.
    ///
    /// # Errors
    /// The record cannot be written: nothing may be performed.
    pub fn commit(&mut self, commit: &Commit) -> Result<(), WriteError> {
        self.write(&Event::Commit(commit))?;
        self.flush()
    }

    /// Notes that the unit is durable on the machine.
    ///
    /// # Errors
    /// The record cannot be written; the machine is changed all the same.
    pub fn committed(&mut self) -> Result<(), WriteError> {
        self.write(&Event::Committed {})?;
        self.flush()
    }

    /// Notes which steps of a commit that failed are not done.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn settled(&mut self, not_done: &[usize]) -> Result<(), WriteError> {
        self.write(&Event::Settled { not_done })?;
        self.flush()
    }

    /// Notes what the record held, before it is replaced.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn record(&mut self, before: &RecordBefore) -> Result<(), WriteError> {
        self.write(&Event::Record(before))?;
        self.flush()
    }

    /// Ends the run.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn end(&mut self, ending: &Ending) -> Result<(), WriteError> {
        self.write(&Event::End(ending))?;
        self.flush()
    }

    fn write(&mut self, event: &Event<'_>) -> Result<(), WriteError> {
        const CHECKSUM_DIGITS: usize = 8;
        let start = self.buffer.len();
        self.buffer.extend_from_slice(b"00000000 ");
        serde_json::to_writer(&mut self.buffer, event)
            .map_err(|error| WriteError::failed("write the journal", error))?;
        let body = self.buffer.get(start + CHECKSUM_DIGITS + 1..).unwrap_or_default();
        let checksum = format!("{:08x}", crc32fast::hash(body));
        if let Some(digits) = self.buffer.get_mut(start..start + CHECKSUM_DIGITS) {
            digits.copy_from_slice(checksum.as_bytes());
        }
        self.buffer.push(b'\n');
        if self.buffer.len() < BUFFER_BYTES {
            return Ok(());
        }
        self.hand_over()
    }

    fn hand_over(&mut self) -> Result<(), WriteError> {
        let result = self.file.append(&self.buffer);
        self.buffer.clear();
        result
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        self.hand_over()?;
        self.file.sync()
    }
}

/// How far a run came, as its journal tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Ended, whatever its outcomes.
    Ended(Ending),
    /// Stopped before the machine was touched.
    Untouched,
    /// Stopped when the machine may have been changed, entirely or not.
    Unfinished,
}

/// What is known of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitState {
    /// All its steps are done, but for those that it names.
    Known,
    /// The run stopped before it told: each part has to be looked at.
    Unknown,
}

/// A run as read back from its journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalRun {
    pub beginning: Beginning,
    pub state: RunState,
    /// The steps that were intended, in order.
    pub intents: Vec<(ResourceId, Operation)>,
    pub commits: Vec<(Commit, CommitState)>,
    /// What the record held before, where the run came to replace it.
    pub record_before: Option<RecordBefore>,
    /// The last line is not whole.
    pub torn: bool,
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the journal is damaged at line {line}")]
    Damaged { line: usize },
    #[error("the journal has version {found}; this trueup knows {JOURNAL_VERSION}")]
    Version { found: u32 },
    #[error("the journal has no beginning")]
    Empty,
}

/// Reads a journal. What a crash leaves is left out: lines that are not whole and that nothing follows which was written after they
/// were durable. Other damage is an error.
///
/// # Errors
/// Damage, or an unknown version.
pub fn read_journal(bytes: &[u8]) -> Result<JournalRun, JournalError> {
    let mut found: Option<JournalRun> = None;
    // The first line of a stretch that is not whole.
    let mut broken: Option<usize> = None;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let damaged = || JournalError::Damaged { line: index + 1 };
        let event = match read_line(line) {
            Some(Ok(event)) => event,
            Some(Err(version)) => return Err(JournalError::Version { found: version }),
            None => {
                broken.get_or_insert(index + 1);
                continue;
            }
        };
        if let Some(line) = broken {
            match event {
                // Whoever continued the run has left out what was broken before.
                ReadEvent::Resume {} => broken = None,
                event if event.follows_a_sync() => return Err(JournalError::Damaged { line }),
                // Of the same batch, which never became durable as a whole.
                _ => continue,
            }
        }
        match (event, found.as_mut()) {
            (ReadEvent::Begin { journal_version, .. }, None) if journal_version != JOURNAL_VERSION => {
                return Err(JournalError::Version { found: journal_version });
            }
            (ReadEvent::Begin { beginning, .. }, None) => {
                found = Some(JournalRun {
                    beginning: *beginning,
                    state: RunState::Untouched,
                    intents: Vec::new(),
                    commits: Vec::new(),
                    record_before: None,
                    torn: false,
                });
            }
            (event, Some(run)) => take(run, event).ok_or_else(damaged)?,
            _ => return Err(damaged()),
        }
    }
    let mut run = found.ok_or(JournalError::Empty)?;
    run.torn = broken.is_some();
    Ok(run)
}

/// Adds an event to what is known of a run; `None` when it cannot stand there.
fn take(run: &mut JournalRun, event: ReadEvent) -> Option<()> {
    match event {
        ReadEvent::Begin { .. } => return None,
        ReadEvent::Intent { step, address, operation } => {
            if step != run.intents.len() {
                return None;
            }
            let address = address.or_else(|| operation.address())?;
            run.intents.push((address, *operation));
        }
        ReadEvent::Resume {} => {}
        ReadEvent::Commit(commit) => {
            if commit.first > commit.end || commit.end > run.intents.len() {
                return None;
            }
            run.state = RunState::Unfinished;
            run.commits.push((commit, CommitState::Unknown));
        }
        ReadEvent::Committed {} => run.commits.last_mut()?.1 = CommitState::Known,
        ReadEvent::Settled { not_done } => {
            let (commit, state) = run.commits.last_mut()?;
            commit.not_done.extend(not_done);
            *state = CommitState::Known;
        }
        ReadEvent::Record(before) => {
            run.state = RunState::Unfinished;
            // The first one tells what was there before the run; a resumed run only adds to that.
            match &mut run.record_before {
                None => run.record_before = Some(*before),
                Some(known) => known.add(*before),
            }
        }
        ReadEvent::End(ending) => run.state = RunState::Ended(ending),
    }
    Some(())
}

impl RecordBefore {
    /// Takes over what a later account says of addresses that this one does not speak of.
    fn add(&mut self, later: Self) {
        let known: std::collections::HashSet<ResourceId> =
            self.entries.iter().map(|entry| &entry.address).chain(&self.absent).map(ResourceId::folded).collect();
        self.entries.extend(later.entries.into_iter().filter(|entry| !known.contains(&entry.address.folded())));
        self.absent.extend(later.absent.into_iter().filter(|address| !known.contains(&address.folded())));
    }
}

/// A whole line's event, or the version of a journal whose events are others.
fn read_line(line: &[u8]) -> Option<Result<ReadEvent, u32>> {
    #[derive(Deserialize)]
    struct Head {
        journal_version: u32,
    }
    let line = line.strip_suffix(b"\n")?;
    let (digits, body) = line.split_at_checked(8)?;
    let body = body.strip_prefix(b" ")?;
    let checksum = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    if crc32fast::hash(body) != checksum {
        return None;
    }
    if let Ok(event) = serde_json::from_slice(body) {
        return Some(Ok(event));
    }
    let head: Head = serde_json::from_slice(body).ok()?;
    (head.journal_version != JOURNAL_VERSION).then_some(Err(head.journal_version))
}

/// How much of a journal's end is looked at to tell whether its run ended.
pub const JOURNAL_TAIL: u64 = 4096;

/// How the run ended, where the last bytes of its journal show that it did.
pub fn ending(tail: &[u8]) -> Option<Ending> {
    let last = tail.split_inclusive(|byte| *byte == b'\n').next_back();
    match last.and_then(read_line) {
        Some(Ok(ReadEvent::End(ending))) => Some(ending),
        _ => None,
    }
}

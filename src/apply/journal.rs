//! The journal of a run: what will be done, written ahead and synced, then what was done. One JSON line per event.
//!
//! Each line is `crc32 json`, the checksum as eight hex digits over the JSON bytes: a torn last line is told from damage.
//! The first line names the format version. Recovery and undo read this file; nothing else on the machine knows the run.

use serde::{Deserialize, Serialize};

use crate::machine::{JournalFile, WriteError};
use crate::model::operation::Operation;
use crate::model::resource::ResourceId;

/// The version of the journal's form; an unknown one is not touched.
pub const JOURNAL_VERSION: u32 = 1;

/// How many bytes are gathered before they are handed to the file.
const BUFFER_BYTES: usize = 1 << 20;

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event<'a> {
    Begin {
        journal_version: u32,
        run: &'a str,
        started: jiff::Timestamp,
        owner: &'a str,
        operations: usize,
    },
    /// Step `step` is about to be performed.
    Intent {
        step: usize,
        /// Left out where the operation tells it.
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<&'a ResourceId>,
        operation: &'a Operation,
    },
    /// All intents before this line are durable once it is; their unit is performed next.
    Act {
        steps: usize,
    },
    /// The unit's steps are durable on the machine, but for those named.
    Committed {
        steps: usize,
        failed: &'a [usize],
    },
    /// The unit was not committed.
    Abandoned {
        steps: usize,
        detail: &'a str,
    },
    End {
        done: usize,
        failed: usize,
        skipped: usize,
    },
}

/// An event as read back.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum ReadEvent {
    Begin { journal_version: u32, run: String, started: jiff::Timestamp, owner: String, operations: usize },
    Intent { step: usize, address: Option<ResourceId>, operation: Box<Operation> },
    Act {},
    Committed { steps: usize, failed: Vec<usize> },
    Abandoned { steps: usize },
    End { done: usize, failed: usize, skipped: usize },
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
    pub fn begin(
        file: Box<dyn JournalFile>,
        run: &str,
        started: jiff::Timestamp,
        owner: &str,
        operations: usize,
    ) -> Result<Self, WriteError> {
        let mut journal = Self { file, buffer: Vec::new(), steps: 0 };
        journal.write(&Event::Begin { journal_version: JOURNAL_VERSION, run, started, owner, operations })?;
        journal.flush()?;
        Ok(journal)
    }

    /// Notes a step that will be performed and gives its number.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn intend(&mut self, address: &ResourceId, operation: &Operation) -> Result<usize, WriteError> {
        let step = self.steps;
        let address = (!operation.is_about(address)).then_some(address);
        self.write(&Event::Intent { step, address, operation })?;
        self.steps += 1;
        Ok(step)
    }

    /// Makes all intents durable. Only then may the machine be touched.
    ///
    /// # Errors
    /// The record cannot be written: nothing may be performed.
    pub fn act(&mut self) -> Result<(), WriteError> {
        // Synchronised before the line that says so: parts of one write may reach the disk in any order.
        self.flush()?;
        self.write(&Event::Act { steps: self.steps })?;
        self.flush()
    }

    /// Notes that the unit is durable on the machine, but for the failed steps.
    ///
    /// # Errors
    /// The record cannot be written; the machine is changed all the same.
    pub fn committed(&mut self, failed: &[usize]) -> Result<(), WriteError> {
        self.write(&Event::Committed { steps: self.steps, failed })?;
        self.flush()
    }

    /// Notes that the unit was not committed.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn abandoned(&mut self, detail: &str) -> Result<(), WriteError> {
        self.write(&Event::Abandoned { steps: self.steps, detail })?;
        self.flush()
    }

    /// Ends the run.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn end(&mut self, done: usize, failed: usize, skipped: usize) -> Result<(), WriteError> {
        self.write(&Event::End { done, failed, skipped })?;
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
    Ended { done: usize, failed: usize, skipped: usize },
    /// Stopped before the machine was touched.
    Untouched,
    /// Stopped when the machine may have been changed, entirely or not.
    Unfinished,
}

/// A run as read back from its journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalRun {
    pub run: String,
    pub started: jiff::Timestamp,
    pub owner: String,
    pub operations: usize,
    pub state: RunState,
    /// The steps that were intended, in order.
    pub intents: Vec<(ResourceId, Operation)>,
    /// How many steps, from the first, belong to units whose end is known.
    pub settled: usize,
    /// The numbers of steps that failed inside a committed unit.
    pub failed_steps: Vec<usize>,
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

/// Reads a journal. What a crash leaves of lines that were not yet durable is left out: a torn last line, or intents with
/// gaps that were not acted on. Other damage is an error.
///
/// # Errors
/// Damage, or an unknown version.
pub fn read_journal(bytes: &[u8]) -> Result<JournalRun, JournalError> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate();
    let mut found: Option<JournalRun> = None;
    while let Some((index, line)) = lines.next() {
        let Some(event) = read_line(line) else {
            // Every other event follows only when all before it is durable.
            if lines.all(|(_, line)| matches!(read_line(line), None | Some(ReadEvent::Intent { .. }))) {
                break;
            }
            return Err(JournalError::Damaged { line: index + 1 });
        };
        let damaged = JournalError::Damaged { line: index + 1 };
        match (event, found.as_mut()) {
            (ReadEvent::Begin { journal_version, .. }, None) if journal_version != JOURNAL_VERSION => {
                return Err(JournalError::Version { found: journal_version });
            }
            (ReadEvent::Begin { run, started, owner, operations, .. }, None) => {
                let (state, intents) = (RunState::Untouched, Vec::new());
                found = Some(JournalRun {
                    run,
                    started,
                    owner,
                    operations,
                    state,
                    intents,
                    settled: 0,
                    failed_steps: Vec::new(),
                });
            }
            (ReadEvent::Intent { step, address, operation }, Some(run)) if step == run.intents.len() => {
                let address = address.unwrap_or_else(|| operation.address());
                run.intents.push((address, *operation));
            }
            (ReadEvent::Act {}, Some(run)) => run.state = RunState::Unfinished,
            (ReadEvent::Committed { steps, failed }, Some(run)) => {
                run.settled = steps.min(run.intents.len());
                run.failed_steps.extend(failed);
            }
            (ReadEvent::Abandoned { steps, .. }, Some(run)) => run.settled = steps.min(run.intents.len()),
            (ReadEvent::End { done, failed, skipped }, Some(run)) => {
                run.state = RunState::Ended { done, failed, skipped }
            }
            _ => return Err(damaged),
        }
    }
    found.ok_or(JournalError::Empty)
}

fn read_line(line: &[u8]) -> Option<ReadEvent> {
    let line = line.strip_suffix(b"\n")?;
    let (digits, body) = line.split_at_checked(8)?;
    let body = body.strip_prefix(b" ")?;
    let checksum = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (crc32fast::hash(body) == checksum).then(|| serde_json::from_slice(body).ok()).flatten()
}

/// Whether the last bytes of a journal show that its run ended.
pub fn has_ended(tail: &[u8]) -> bool {
    let last = tail.split_inclusive(|byte| *byte == b'\n').next_back();
    matches!(last.and_then(read_line), Some(ReadEvent::End { .. }))
}

//! Wraps any machine and lets it fail, or stop as if its power were cut, at one chosen write. For tests of what
//! must survive that.

use std::cell::Cell;
use std::rc::Rc;

use zeroize::Zeroizing;

use crate::formats::service::ServiceName;
use crate::machine::{
    FileReader, JournalFile, Machine, MachineKind, PartChange, RegistryReader, RunName, Scheduler, ServiceControl,
    Step, Unit, WritableMachine, WriteError, Writer,
};
use crate::model::event::Event;
use crate::model::fact::{Identity, Observed};
use crate::model::file::FilePath;
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe, ServiceState};
use crate::model::remembered::Record;
use crate::model::services::Services;
use crate::model::sid::Sid;
use crate::model::time::FileTime;

/// What happens at the chosen write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The write reports an error and is not done; later writes work.
    Fail,
    /// The write is not done, and neither is any later one.
    StopBefore,
    /// The write is done, and no later one is.
    StopAfter,
    /// A staged step is told as done and is not; other writes are not disturbed.
    Lose,
}

/// A machine that misbehaves at its `at`-th write, counted from 1: each staged step, commit, journal append and sync,
/// and whatever else is written to the record.
pub struct FaultyMachine<'m> {
    inner: &'m dyn WritableMachine,
    script: Rc<Script>,
}

#[derive(Debug)]
struct Script {
    fault: Fault,
    at: usize,
    writes: Cell<usize>,
    stopped: Cell<bool>,
}

impl<'m> FaultyMachine<'m> {
    pub fn new(inner: &'m dyn WritableMachine, fault: Fault, at: usize) -> Self {
        Self { inner, script: Rc::new(Script { fault, at, writes: Cell::new(0), stopped: Cell::new(false) }) }
    }

    /// How many writes were tried so far.
    pub fn writes(&self) -> usize {
        self.script.writes.get()
    }
}

impl Script {
    fn around<T>(&self, attempt: &str, write: impl FnOnce() -> Result<T, WriteError>) -> Result<T, WriteError> {
        let stopped = || WriteError::Stopped { attempt: attempt.to_owned() };
        if self.stopped.get() {
            return Err(stopped());
        }
        self.writes.set(self.writes.get() + 1);
        if self.writes.get() != self.at {
            return write();
        }
        match self.fault {
            Fault::Lose => write(),
            Fault::Fail => Err(WriteError::refused(attempt, "a fault was injected here")),
            Fault::StopBefore => {
                self.stopped.set(true);
                Err(stopped())
            }
            Fault::StopAfter => {
                write()?;
                self.stopped.set(true);
                Err(stopped())
            }
        }
    }
}

impl Machine for FaultyMachine<'_> {
    fn kind(&self) -> MachineKind {
        self.inner.kind()
    }

    fn identity(&self) -> Observed<Identity> {
        self.inner.identity()
    }

    fn registry(&self) -> Observed<&dyn RegistryReader> {
        self.inner.registry()
    }

    fn account(&self, name: &str) -> Observed<Option<Sid>> {
        self.inner.account(name)
    }

    fn probe(&self, probe: &Probe) -> Observed<Answer> {
        self.inner.probe(probe)
    }

    fn next_start(&self) -> Observed<Vec<(FilePath, Answer)>> {
        self.inner.next_start()
    }

    fn users_of(&self, path: &FilePath) -> Option<String> {
        self.inner.users_of(path)
    }

    fn services(&self) -> Observed<Services> {
        self.inner.services()
    }

    fn last_shutdown(&self) -> Option<FileTime> {
        self.inner.last_shutdown()
    }

    fn record(&self) -> Observed<Option<Record>> {
        self.inner.record()
    }

    fn runs(&self) -> Observed<Vec<RunName>> {
        self.inner.runs()
    }

    fn journal(&self, run: &RunName, tail: Option<u64>) -> Observed<Option<Vec<u8>>> {
        self.inner.journal(run, tail)
    }

    fn fingerprint_key(&self) -> Observed<Option<FingerprintKey>> {
        self.inner.fingerprint_key()
    }

    fn held(&self, run: &RunName) -> Observed<Option<Vec<u8>>> {
        self.inner.held(run)
    }

    fn files(&self) -> Observed<&dyn FileReader> {
        self.inner.files()
    }

    fn made(&self, run: &RunName) -> Observed<Option<Zeroizing<Vec<u8>>>> {
        self.inner.made(run)
    }

    fn retired(&self, run: &RunName, item: usize) -> Observed<Option<Zeroizing<Vec<u8>>>> {
        self.inner.retired(run, item)
    }

    fn part_of(&self, operation: &Operation) -> Observed<String> {
        self.inner.part_of(operation)
    }

    fn part_state(&self, part: &str) -> Observed<Option<String>> {
        self.inner.part_state(part)
    }
}

impl WritableMachine for FaultyMachine<'_> {
    fn as_machine(&self) -> &dyn Machine {
        self
    }

    fn writer(&self, owner: &str) -> Result<Box<dyn Writer + '_>, WriteError> {
        Ok(Box::new(FaultyWriter { inner: self.inner.writer(owner)?, script: Rc::clone(&self.script) }))
    }

    fn unproven(&self, operation: &Operation) -> Option<&'static str> {
        self.inner.unproven(operation)
    }

    fn log(&self, event: &Event) -> Result<(), WriteError> {
        self.inner.log(event)
    }

    fn scheduler(&self) -> Option<&dyn Scheduler> {
        self.inner.scheduler()
    }
}

struct FaultyWriter<'m> {
    inner: Box<dyn Writer + 'm>,
    script: Rc<Script>,
}

impl Writer for FaultyWriter<'_> {
    fn unit(&self, operation: &Operation) -> Unit {
        self.inner.unit(operation)
    }

    fn stage(&mut self, step: &Step<'_>, now: FileTime) -> Result<(), WriteError> {
        let is_lost = self.script.fault == Fault::Lose && self.script.writes.get() + 1 == self.script.at;
        let stage = || if is_lost { Ok(()) } else { self.inner.stage(step, now) };
        self.script.around(&step.operation.to_string(), stage)
    }

    fn set_service_timeout(&mut self, timeout: std::time::Duration) {
        self.inner.set_service_timeout(timeout);
    }

    fn require_space(&self, operations: &mut dyn Iterator<Item = &Operation>, journal: u64) -> Result<(), WriteError> {
        self.inner.require_space(operations, journal)
    }

    fn prepare(&mut self, now: FileTime) -> Result<Vec<PartChange>, WriteError> {
        self.script.around("prepare", || self.inner.prepare(now))
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        self.script.around("commit", || self.inner.commit())
    }

    fn sync_part(&mut self, part: &str) -> Result<(), WriteError> {
        self.script.around("make a part durable", || self.inner.sync_part(part))
    }

    fn discard(&mut self) {
        self.inner.discard();
    }

    fn journal(&mut self, run: &RunName) -> Result<Box<dyn JournalFile>, WriteError> {
        let inner = self.script.around("open the journal", || self.inner.journal(run))?;
        Ok(Box::new(FaultyJournal { inner, script: Rc::clone(&self.script) }))
    }

    fn put_record(&mut self, record: &Record) -> Result<(), WriteError> {
        self.script.around("write the record", || self.inner.put_record(record))
    }

    fn set_record_aside(&mut self, run: &RunName) -> Result<(), WriteError> {
        self.script.around("set the record aside", || self.inner.set_record_aside(run))
    }

    fn put_fingerprint_key(&mut self, key: &FingerprintKey) -> Result<(), WriteError> {
        self.script.around("write the key of fingerprints", || self.inner.put_fingerprint_key(key))
    }

    fn put_held(&mut self, run: &RunName, sealed: &[u8]) -> Result<(), WriteError> {
        self.script.around("write to the sealed hold", || self.inner.put_held(run, sealed))
    }

    fn put_made(&mut self, run: &RunName, made: &[u8]) -> Result<(), WriteError> {
        self.script.around("keep what was made", || self.inner.put_made(run, made))
    }

    fn forget_made(&mut self, run: &RunName) -> Result<(), WriteError> {
        self.script.around("forget what was made", || self.inner.forget_made(run))
    }

    fn retire(&mut self, run: &RunName, item: usize, bytes: &[u8]) -> Result<(), WriteError> {
        self.script.around("retire a file", || self.inner.retire(run, item, bytes))
    }

    fn forget_run(&mut self, run: &RunName) -> Result<(), WriteError> {
        self.script.around("forget a run", || self.inner.forget_run(run))
    }

    fn services(&mut self) -> Option<&mut dyn ServiceControl> {
        if self.inner.services().is_some() { Some(self) } else { None }
    }

    fn stale_owner(&self) -> Option<&str> {
        self.inner.stale_owner()
    }
}

impl FaultyWriter<'_> {
    fn control(
        &mut self,
        write: impl FnOnce(&mut dyn ServiceControl) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let inner = &mut self.inner;
        self.script.around("turn a service", || match inner.services() {
            Some(control) => write(control),
            None => Ok(()),
        })
    }
}

impl ServiceControl for FaultyWriter<'_> {
    fn state(&mut self, service: &ServiceName) -> Observed<Option<ServiceState>> {
        self.inner.services().map_or(Ok(None), |control| control.state(service))
    }

    fn stop(&mut self, service: &ServiceName) -> Result<(), WriteError> {
        self.control(|control| control.stop(service))
    }

    fn start(&mut self, service: &ServiceName) -> Result<(), WriteError> {
        self.control(|control| control.start(service))
    }
}

struct FaultyJournal {
    inner: Box<dyn JournalFile>,
    script: Rc<Script>,
}

impl JournalFile for FaultyJournal {
    fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.script.around("append to the journal", || self.inner.append(bytes))
    }

    fn sync(&mut self) -> Result<(), WriteError> {
        self.script.around("sync the journal", || self.inner.sync())
    }
}

//! Changes the running system: files, registry and services, each in the order of the plan.

use super::LocalMachine;
use super::calls::Call;
use super::parts::Part;
use super::services::Manager;
use super::stage::RegistryStage;
use crate::machine::kept::{self, Keeper, SPARE_BYTES};
use crate::machine::volume_files::Places as _;
use crate::machine::volume_stage::{self, FileStage};
use crate::machine::{
    JournalFile, PartChange, RunName, SERVICE_TIMEOUT, ServiceControl, Step, Unit, WriteError, Writer, fresh_key,
};
use crate::model::file::FilePath;
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::Operation;
use crate::model::remembered::Record;
use crate::model::time::FileTime;

/// The one writer of this machine; the lock is its own for as long as it lives.
pub struct LocalWriter<'m> {
    machine: &'m LocalMachine,
    keeper: Keeper<'m>,
    files: FileStage,
    registry: RegistryStage,
    calls: Vec<Call>,
    services: Manager,
    /// Environment variables are among what the next commit writes.
    has_environment: bool,
}

impl<'m> LocalWriter<'m> {
    pub fn open(machine: &'m LocalMachine, owner: &str) -> Result<Self, WriteError> {
        Ok(Self {
            machine,
            keeper: Keeper::open(machine.drives.home(), owner)?,
            files: FileStage::default(),
            registry: RegistryStage::default(),
            calls: Vec::new(),
            services: Manager { timeout: SERVICE_TIMEOUT },
            has_environment: false,
        })
    }

    /// The key of the record's fingerprints: every state of a part of the registry is told by it.
    fn print(&mut self) -> Result<FingerprintKey, WriteError> {
        let known = kept::fingerprint_key(self.machine.drives.home());
        if let Some(key) = known.map_err(|unread| WriteError::failed("tell values apart", unread))? {
            return Ok(key);
        }
        let key = fresh_key().map_err(|error| WriteError::failed("make a key of fingerprints", error))?;
        self.keeper.put_fingerprint_key(&key)?;
        Ok(key)
    }
}

/// Whether a key holds environment variables.
fn is_environment(operation: &Operation) -> bool {
    operation.registry_key().is_some_and(|key| key.name().eq_ignore_ascii_case("Environment"))
}

impl Writer for LocalWriter<'_> {
    fn unit(&self, operation: &Operation) -> Unit {
        match operation {
            Operation::Adjust { .. }
            | Operation::Configure { .. }
            | Operation::PutCertificate { .. }
            | Operation::RemoveCertificate { .. }
            | Operation::ImportKey { .. }
            | Operation::RemoveKey { .. } => Unit::Calls,
            operation if operation.file().is_some() => Unit::Files,
            _ => Unit::Registry,
        }
    }

    fn stage(&mut self, step: &Step<'_>, _: FileTime) -> Result<(), WriteError> {
        if let Some(path) = step.operation.file() {
            return self.files.stage(&self.machine.drives, step, path);
        }
        match step.operation {
            operation if self.unit(operation) == Unit::Calls => {
                self.calls.push(Call::of(step)?);
                Ok(())
            }
            // It was made before the lock was taken; other steps put it into its places.
            Operation::Issue(_) => Ok(()),
            operation => {
                self.has_environment |= is_environment(operation);
                self.registry.stage(step)
            }
        }
    }

    fn set_service_timeout(&mut self, timeout: std::time::Duration) {
        self.services.timeout = timeout;
    }

    fn require_space(&self, operations: &mut dyn Iterator<Item = &Operation>, journal: u64) -> Result<(), WriteError> {
        let Some(free) = self.machine.drives.home().free_space() else { return Ok(()) };
        let files: u64 = operations.map(volume_stage::room).fold(0, u64::saturating_add);
        let needed = files.saturating_add(journal).saturating_add(journal).saturating_add(SPARE_BYTES);
        if free < needed { Err(WriteError::NoSpace { needed, free }) } else { Ok(()) }
    }

    fn prepare(&mut self, _: FileTime) -> Result<Vec<PartChange>, WriteError> {
        let mut changes = Vec::new();
        if !self.registry.is_empty() || !self.calls.is_empty() {
            let print = self.print()?;
            changes = self.registry.prepare(&print)?;
            for call in &self.calls {
                changes.push(call.change(&print)?);
            }
        }
        self.files.prepare(&self.machine.drives, &mut changes)?;
        Ok(changes)
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        self.files.commit(&self.machine.drives)?;
        self.registry.commit()?;
        if std::mem::take(&mut self.has_environment) {
            crate::machine::windows_api::process::tell_of_environment();
        }
        if self.calls.is_empty() {
            return Ok(());
        }
        let print = self.print()?;
        self.calls.drain(..).try_for_each(|call| call.make(&print, self.services.timeout))
    }

    fn sync_part(&mut self, part: &str) -> Result<(), WriteError> {
        match FilePath::parse(part) {
            Ok(path) if Part::parse(part).is_none() => volume_stage::sync(&self.machine.drives, &path),
            // The system makes its registry durable by itself, and services have no other place.
            _ => Ok(()),
        }
    }

    fn discard(&mut self) {
        self.files.clear();
        self.registry.clear();
        self.calls.clear();
        self.has_environment = false;
    }

    fn journal(&mut self, run: &RunName) -> Result<Box<dyn JournalFile>, WriteError> {
        self.keeper.journal(run)
    }

    fn put_record(&mut self, record: &Record) -> Result<(), WriteError> {
        self.keeper.put_record(record)
    }

    fn set_record_aside(&mut self, run: &RunName) -> Result<(), WriteError> {
        self.keeper.set_record_aside(run)
    }

    fn put_fingerprint_key(&mut self, key: &FingerprintKey) -> Result<(), WriteError> {
        self.keeper.put_fingerprint_key(key)
    }

    fn put_held(&mut self, run: &RunName, sealed: &[u8]) -> Result<(), WriteError> {
        self.keeper.put_held(run, sealed)
    }

    fn put_made(&mut self, run: &RunName, made: &[u8]) -> Result<(), WriteError> {
        self.keeper.put_made(run, made)
    }

    fn forget_made(&mut self, run: &RunName) -> Result<(), WriteError> {
        self.keeper.forget_made(run)
    }

    fn retire(&mut self, run: &RunName, item: usize, bytes: &[u8]) -> Result<(), WriteError> {
        self.keeper.retire(run, item, bytes)
    }

    fn forget_run(&mut self, run: &RunName) -> Result<(), WriteError> {
        self.keeper.forget_run(run)
    }

    fn services(&mut self) -> Option<&mut dyn ServiceControl> {
        Some(&mut self.services)
    }

    fn stale_owner(&self) -> Option<&str> {
        self.keeper.stale_owner()
    }
}

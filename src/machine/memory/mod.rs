//! A machine in memory: the registry as a tree, and a record. The model that other machines are tested against.

mod files;
mod next_start;
mod running;
mod services;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use zeroize::Zeroizing;

use self::files::{Files, MemoryFile};
use self::next_start::Written;
use self::running::Running;
pub use self::running::StoredKey;
use crate::formats::certificate_store::KeyPlace;
use crate::formats::security_descriptor::{new_subkey_descriptor, private_key};
use crate::formats::upcase;
use crate::machine::lower::{edited, lowered};
use crate::machine::{
    FileReader, JournalFile, Machine, MachineKind, PartChange, RegistryReader, RunName, Scheduler, ServiceControl,
    Step, WritableMachine, WriteError, Writer, identity,
};
use crate::model::certificate::KeyBinding;
use crate::model::fact::{Identity, KeyAspects, KeyState, KeyTree, Observed, Stored, Unread};
use crate::model::file::FilePath;
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe, ServiceState};
use crate::model::registry::RegistryKey;
use crate::model::registry_tree::{Node, Performed, absent, place};
use crate::model::remembered::Record;
use crate::model::services::Services;
use crate::model::setting::Setting;
use crate::model::sid::Sid;
use crate::model::task::Task;
use crate::model::time::FileTime;

/// A journal's bytes, shared with the machine that keeps it.
type JournalBytes = Rc<RefCell<Vec<u8>>>;

/// Where a record would lie.
const RECORD_FOLDER: &str = r"%ProgramData%\trueup";

/// The one part that all steps change at once.
const PART: &str = "registry";

/// A whole machine in memory.
#[derive(Debug, Default)]
pub struct MemoryMachine {
    registry: RefCell<Node>,
    files: RefCell<Files>,
    /// What probes find; nothing else can be told.
    running: RefCell<Running>,
    /// What services were told to do, in order.
    pub turned: RefCell<Vec<(Box<str>, ServiceState)>>,
    /// How often the registry was replaced.
    generation: Cell<u64>,
    memory: RefCell<Memory>,
    locked: Cell<bool>,
    /// The files that programs use.
    in_use: RefCell<BTreeSet<FilePath>>,
    /// What the scheduler would start, by name.
    pub tasks: RefCell<BTreeMap<String, Task>>,
    /// The scheduler keeps no task.
    pub refuses_tasks: Cell<bool>,
}

/// What trueup keeps on the machine.
#[derive(Debug, Default)]
struct Memory {
    journals: BTreeMap<RunName, JournalBytes>,
    held: BTreeMap<RunName, Vec<u8>>,
    made: BTreeMap<RunName, Vec<u8>>,
    retired: BTreeMap<(RunName, usize), Vec<u8>>,
    /// As bytes, so that what a file would lose is lost here too.
    record: Option<Vec<u8>>,
    /// Records that could not be read and were set aside, each with the run that did so.
    aside: Vec<(RunName, Vec<u8>)>,
    key: Option<FingerprintKey>,
}

impl MemoryMachine {
    /// A machine whose roots and hives exist and are empty but for the given security.
    pub fn new(security: Arc<[u8]>, now: FileTime) -> Self {
        let machine = Self::default();
        {
            let mut top = machine.registry.borrow_mut();
            for (root, hives) in [("HKLM", &["SYSTEM", "SOFTWARE"][..]), ("HKU", &[".DEFAULT"]), ("HKCU", &[])] {
                let mut node = Node::new(root, Arc::clone(&security), now);
                for hive in hives {
                    node.subkeys.insert((*hive).into(), Node::new(hive, Arc::clone(&security), now));
                }
                top.subkeys.insert(root.into(), node);
            }
        }
        machine
    }

    /// Puts a tree at a key, replacing what is there; for making a machine, not for changing one.
    pub fn plant(&self, key: &RegistryKey, tree: &KeyTree) {
        let names = place(key);
        let mut node = &mut *self.registry.borrow_mut();
        for name in &names {
            let security = Arc::clone(&tree.security);
            node = node.subkeys.entry((*name).into()).or_insert_with(|| Node::new(name, security, tree.last_written));
        }
        *node = Node { name: key.name().into(), ..Node::from_tree(tree) };
    }

    /// Puts a file, with the folders above it; for making a machine, not for changing one.
    pub fn plant_file(&self, path: &FilePath, bytes: &[u8]) {
        let mut files = self.files.borrow_mut();
        let above = std::iter::successors(path.parent(), FilePath::parent).filter(|folder| folder.parent().is_some());
        files.folders.extend(above);
        files.files.insert(path.clone(), MemoryFile { bytes: bytes.to_vec(), owner_only: false });
    }

    /// Takes a file away, as somebody else would.
    pub fn unplant_file(&self, path: &FilePath) {
        self.files.borrow_mut().files.remove(path);
    }

    /// Says what a probe finds; for making a machine, not for changing one.
    pub fn plant_answer(&self, probe: Probe, answer: Answer) {
        self.running.borrow_mut().plant(probe, answer);
    }

    /// Gives the machine an account of its own, or one that it can look up; for making a machine, not for changing one.
    pub fn plant_account(&self, name: &str, sid: Sid) {
        self.running.borrow_mut().plant_account(name, sid);
    }

    /// A key of the key store.
    pub fn stored_key(&self, place: &KeyPlace) -> Option<StoredKey> {
        self.running.borrow().key(place).cloned()
    }

    /// The places in the key store where there are keys, sorted.
    pub fn stored_keys(&self) -> Vec<KeyPlace> {
        self.running.borrow().keys().cloned().collect()
    }

    /// Puts a key into the key store, as somebody else would.
    pub fn plant_key(&self, place: KeyPlace, key: StoredKey) {
        self.running.borrow_mut().plant_key(place, key);
    }

    /// Lets the key store take no more keys.
    pub fn refuse_keys(&self) {
        self.running.borrow_mut().refuses_keys = true;
    }

    /// Changes what a probe finds, as somebody else would, where it finds `before`.
    pub fn adjust(&self, what: &Probe, before: &Answer, after: &Answer) {
        // A test that is wrong about what is there sees it in what it looks at next.
        let _is_done = self.running.borrow_mut().adjust(what, before, after).is_ok();
    }

    /// Takes a key out of the key store, as somebody else would.
    pub fn unplant_key(&self, place: &KeyPlace) {
        self.running.borrow_mut().remove_key(place);
    }

    /// The password that the service manager was last told for a service.
    pub fn password_of(&self, service: &str) -> Option<Zeroizing<String>> {
        self.running.borrow().passwords.get(&upcase::fold(service)).cloned()
    }

    /// A file's bytes.
    pub fn file(&self, path: &FilePath) -> Option<Vec<u8>> {
        self.files.borrow().files.get(path).map(|file| file.bytes.clone())
    }

    /// All files with their bytes, sorted.
    pub fn all_files(&self) -> Vec<(FilePath, Vec<u8>)> {
        self.files.borrow().files.iter().map(|(path, file)| (path.clone(), file.bytes.clone())).collect()
    }

    /// Another machine that holds the same, its record included; nobody has locked it.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let memory = self.memory.borrow();
        let journals = memory.journals.iter().map(|(run, bytes)| (run.clone(), Rc::new(RefCell::clone(bytes))));
        let memory = Memory {
            journals: journals.collect(),
            held: memory.held.clone(),
            made: memory.made.clone(),
            retired: memory.retired.clone(),
            record: memory.record.clone(),
            aside: memory.aside.clone(),
            key: memory.key.clone(),
        };
        Self {
            registry: self.registry.clone(),
            files: self.files.clone(),
            running: self.running.clone(),
            turned: self.turned.clone(),
            generation: self.generation.clone(),
            memory: RefCell::new(memory),
            locked: Cell::new(false),
            in_use: self.in_use.clone(),
            tasks: self.tasks.clone(),
            refuses_tasks: self.refuses_tasks.clone(),
        }
    }

    /// Everything at and below a key.
    pub fn tree(&self, key: &RegistryKey) -> Option<KeyTree> {
        self.registry.borrow().descend(place(key).into_iter()).ok().map(Node::to_tree)
    }

    /// The bytes of the record.
    pub fn record_bytes(&self) -> Option<Vec<u8>> {
        self.memory.borrow().record.clone()
    }

    /// Puts bytes in place of the record, as a disk that fails would.
    pub fn plant_record(&self, bytes: &[u8]) {
        self.memory.borrow_mut().record = Some(bytes.to_vec());
    }

    /// The records that were set aside, oldest first.
    pub fn records_aside(&self) -> Vec<(RunName, Vec<u8>)> {
        self.memory.borrow().aside.clone()
    }

    /// The bytes of a run's journal.
    pub fn journal_bytes(&self, run: &str) -> Option<Vec<u8>> {
        let run = run.parse().ok()?;
        self.memory.borrow().journals.get(&run).map(|bytes| bytes.borrow().clone())
    }
}

impl Machine for MemoryMachine {
    fn kind(&self) -> MachineKind {
        MachineKind::Memory
    }

    fn identity(&self) -> Observed<Identity> {
        identity::from_registry(self)
    }

    fn registry(&self) -> Observed<&dyn RegistryReader> {
        Ok(self)
    }

    fn record(&self) -> Observed<Option<Record>> {
        let memory = self.memory.borrow();
        let Some(bytes) = &memory.record else { return Ok(None) };
        let unread = |detail: String| Unread::Failed { what: "trueup's record".into(), detail };
        Record::from_json(bytes).map(Some).map_err(|error| unread(error.to_string()))
    }

    fn runs(&self) -> Observed<Vec<RunName>> {
        Ok(self.memory.borrow().journals.keys().cloned().collect())
    }

    fn journal(&self, run: &RunName, tail: Option<u64>) -> Observed<Option<Vec<u8>>> {
        Ok(self.memory.borrow().journals.get(run).map(|bytes| {
            let bytes = bytes.borrow();
            let tail = tail.and_then(|tail| usize::try_from(tail).ok()).unwrap_or(usize::MAX);
            bytes.get(bytes.len().saturating_sub(tail)..).unwrap_or_default().to_vec()
        }))
    }

    fn fingerprint_key(&self) -> Observed<Option<FingerprintKey>> {
        Ok(self.memory.borrow().key.clone())
    }

    fn held(&self, run: &RunName) -> Observed<Option<Vec<u8>>> {
        Ok(self.memory.borrow().held.get(run).cloned())
    }

    fn files(&self) -> Observed<&dyn FileReader> {
        Ok(self)
    }

    fn account(&self, name: &str) -> Observed<Option<Sid>> {
        self.running.borrow().account(name)
    }

    fn made(&self, run: &RunName) -> Observed<Option<Zeroizing<Vec<u8>>>> {
        Ok(self.memory.borrow().made.get(run).cloned().map(Zeroizing::new))
    }

    fn retired(&self, run: &RunName, item: usize) -> Observed<Option<Zeroizing<Vec<u8>>>> {
        Ok(self.memory.borrow().retired.get(&(run.clone(), item)).cloned().map(Zeroizing::new))
    }

    fn probe(&self, probe: &Probe) -> Observed<Answer> {
        if let Probe::NextStart { path } = probe {
            return crate::machine::next_start::of(self, path);
        }
        let answer = self.running.borrow().answer(probe);
        answer.ok_or_else(|| Unread::Unsupported {
            facet: probe.facet(),
            machine: self.kind().to_string(),
            detail: format!("nothing was said of {probe}"),
        })
    }

    fn services(&self) -> Observed<Services> {
        services::told(self)
    }

    fn part_of(&self, operation: &Operation) -> Observed<String> {
        Ok(operation.file().map_or(PART, FilePath::as_str).to_owned())
    }

    fn part_state(&self, part: &str) -> Observed<Option<String>> {
        match FilePath::parse(part) {
            Ok(path) => self.files.borrow().state(&path, self.memory.borrow().key.as_ref()),
            Err(_) => Ok(Some(self.generation.get().to_string())),
        }
    }
}

impl RegistryReader for MemoryMachine {
    fn read(&self, queries: &[(RegistryKey, KeyAspects)]) -> Vec<Observed<KeyState>> {
        let registry = self.registry.borrow();
        let answer = |(key, aspects): &(RegistryKey, KeyAspects)| {
            Ok(match registry.descend(place(key).into_iter()) {
                Ok(node) => KeyState::Present(node.fact(aspects)),
                Err(missing) => absent(key, missing),
            })
        };
        queries.iter().map(answer).collect()
    }
}

impl WritableMachine for MemoryMachine {
    fn as_machine(&self) -> &dyn Machine {
        self
    }

    fn writer(&self, _owner: &str) -> Result<Box<dyn Writer + '_>, WriteError> {
        if self.locked.replace(true) {
            return Err(WriteError::Locked { owner: "this process".into() });
        }
        Ok(Box::new(MemoryWriter { machine: self, staged: None, files: None, running: None }))
    }

    fn scheduler(&self) -> Option<&dyn Scheduler> {
        Some(self)
    }
}

impl Scheduler for MemoryMachine {
    fn put(&self, name: &str, task: &Task) -> Result<(), WriteError> {
        if self.refuses_tasks.get() {
            return Err(WriteError::refused(format!("make the task {name}"), "this scheduler keeps none"));
        }
        self.tasks.borrow_mut().insert(name.to_owned(), task.clone());
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<bool, WriteError> {
        Ok(self.tasks.borrow_mut().remove(name).is_some())
    }
}

struct MemoryWriter<'m> {
    machine: &'m MemoryMachine,
    /// The registry as it will be once committed.
    staged: Option<Node>,
    /// The files as they will be once committed, with the paths that change, in order.
    files: Option<(Files, Vec<(FilePath, Written)>)>,
    /// What probes will find once committed.
    running: Option<Running>,
}

impl Drop for MemoryWriter<'_> {
    fn drop(&mut self) {
        self.machine.locked.set(false);
    }
}

impl Writer for MemoryWriter<'_> {
    fn stage(&mut self, step: &Step<'_>, now: FileTime) -> Result<(), WriteError> {
        let refused = |detail| WriteError::refused(step.operation.to_string(), detail);
        if let Operation::Issue(_) = step.operation {
            return Ok(());
        }
        if let Some(path) = step.operation.file() {
            let (files, changed) = self.files.get_or_insert_with(|| (self.machine.files.borrow().clone(), Vec::new()));
            if let Operation::EditFile { selector, .. } = step.operation {
                let file = files.files.get_mut(path).ok_or_else(|| refused("the file is not there"))?;
                file.bytes = edited(step, selector, &file.bytes)
                    .map_err(|detail| WriteError::refused(step.operation.to_string(), detail))?;
            } else {
                files.perform(step.operation, step.bytes.as_ref().map(|bytes| bytes.as_slice())).map_err(refused)?;
            }
            let written = match step.operation {
                Operation::EditFile { .. } => Written::Edited,
                _ => Written::Whole,
            };
            match changed.iter_mut().find(|(known, _)| known == path) {
                // A value that is changed in what the run has written is no change of what was found.
                Some(known) if written == Written::Whole => known.1 = written,
                Some(_) => {}
                None => changed.push((path.clone(), written)),
            }
            return Ok(());
        }
        if let Operation::Configure { setting, .. } = step.operation {
            if let Setting::ServiceAccount { service, .. } = setting {
                let password = step.secret.as_ref().ok_or_else(|| refused("it is not told the password"))?;
                let running = self.running.get_or_insert_with(|| self.machine.running.borrow().clone());
                running.passwords.insert(upcase::fold(service), password.clone());
            }
            return step.plain_steps().iter().try_for_each(|plain| self.stage(plain, now));
        }
        if let Operation::Adjust { what: Probe::NextStart { path }, after: Answer::Stays, .. } = step.operation {
            let registry = self.staged.get_or_insert_with(|| self.machine.registry.borrow().clone());
            let (files, _) = self.files.get_or_insert_with(|| (self.machine.files.borrow().clone(), Vec::new()));
            let refused = |detail| WriteError::refused(step.operation.to_string(), detail);
            return next_start::leave_alone(registry, files, path, now).map_err(refused);
        }
        if let Operation::Adjust { what, before, after } = step.operation {
            let running = self.running.get_or_insert_with(|| self.machine.running.borrow().clone());
            return running.adjust(what, before, after).map_err(refused);
        }
        if let Operation::ImportKey { exportable, security, .. } = step.operation {
            let place = step.operation.key_place().ok_or_else(|| refused("it was not made"))?;
            let pkcs8 = step.bytes.clone().ok_or_else(|| refused("its key was not evaluated"))?;
            let security = match security {
                Some(security) => Arc::clone(&security.0),
                None => private_key::of_new_key().to_bytes().map_err(|_| refused("it has no access list"))?.into(),
            };
            let running = self.running.get_or_insert_with(|| self.machine.running.borrow().clone());
            return running.put_key(place, StoredKey { pkcs8, exportable: *exportable, security }).map_err(refused);
        }
        if let Operation::RemoveKey { place } = step.operation {
            self.running.get_or_insert_with(|| self.machine.running.borrow().clone()).remove_key(place);
            return Ok(());
        }
        if let Operation::PutCertificate { certificate, key: Some(KeyBinding::Imported(family)), .. } = step.operation {
            let place = certificate.thumbprint().map(|print| KeyPlace::of(*family, &print));
            let running = self.machine.running.borrow();
            let running = self.running.as_ref().unwrap_or(&running);
            if place.is_none_or(|place| running.key(&place).is_none()) {
                return Err(refused("its key is not in the key store"));
            }
        }
        if matches!(step.operation, Operation::PutCertificate { .. } | Operation::RemoveCertificate { .. }) {
            let registry = self.staged.get_or_insert_with(|| self.machine.registry.borrow().clone());
            for operation in lowered(step.operation)? {
                let value = match &operation {
                    Operation::PutRegistryValue { after, .. } => Some(after.stored()),
                    _ => None,
                };
                let inherit = &|security: &[u8]| new_subkey_descriptor(security).ok().map(Arc::from);
                let performed = Performed { operation: &operation, value, tree: None, inherit };
                registry.perform(&performed, now).map_err(refused)?;
            }
            return Ok(());
        }
        let registry = self.staged.get_or_insert_with(|| self.machine.registry.borrow().clone());
        // As on every machine: what is sealed and was not held cannot be put back.
        let opened = match step.operation {
            Operation::PutRegistryTree { after, .. } => {
                let mut tree = step.tree.as_ref().unwrap_or(after).clone();
                tree.retain_values(&mut |value| value.data.plain().is_some());
                Some(tree)
            }
            _ => None,
        };
        let performed = Performed {
            operation: step.operation,
            value: step.data.as_deref().cloned().map(Stored::Plain),
            tree: opened.as_deref(),
            inherit: &|security| new_subkey_descriptor(security).ok().map(Arc::from),
        };
        registry.perform(&performed, now).map_err(refused)
    }

    fn require_space(&self, _: &mut dyn Iterator<Item = &Operation>, _: u64) -> Result<(), WriteError> {
        Ok(())
    }

    fn prepare(&mut self, _: FileTime) -> Result<Vec<PartChange>, WriteError> {
        let now = self.machine.generation.get();
        let after = Some((now + 1).to_string());
        let registry = PartChange { part: PART.to_owned(), before: Some(now.to_string()), after };
        let is_changed = self.staged.is_some() || self.running.is_some();
        let mut changes: Vec<PartChange> = is_changed.then(|| registry.clone()).into_iter().collect();
        if let Some((files, changed)) = &self.files {
            let (old, memory) = (self.machine.files.borrow(), self.machine.memory.borrow());
            for (path, _) in changed {
                let state = |files: &Files| {
                    files.state(path, memory.key.as_ref()).map_err(|unread| WriteError::failed("prepare", unread))
                };
                changes.push(PartChange { part: path.to_string(), before: state(&old)?, after: state(files)? });
            }
        }
        Ok(changes)
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        let is_changed = self.staged.is_some();
        if let Some((files, changed)) = &mut self.files {
            let mut registry = self.staged.take().unwrap_or_else(|| self.machine.registry.borrow().clone());
            let is_put_off = self.machine.put_off(files, changed, &mut registry)?;
            self.staged = Some(registry).filter(|_| is_put_off || is_changed);
        }
        if self.staged.is_some() || self.running.is_some() {
            self.machine.generation.set(self.machine.generation.get() + 1);
        }
        if let Some(registry) = self.staged.take() {
            *self.machine.registry.borrow_mut() = registry;
        }
        if let Some((files, _)) = self.files.take() {
            *self.machine.files.borrow_mut() = files;
        }
        if let Some(running) = self.running.take() {
            *self.machine.running.borrow_mut() = running;
        }
        Ok(())
    }

    fn discard(&mut self) {
        self.staged = None;
        self.files = None;
        self.running = None;
    }

    fn journal(&mut self, run: &RunName) -> Result<Box<dyn JournalFile>, WriteError> {
        let bytes = Rc::clone(self.machine.memory.borrow_mut().journals.entry(run.clone()).or_default());
        Ok(Box::new(MemoryJournal(bytes)))
    }

    fn put_record(&mut self, record: &Record) -> Result<(), WriteError> {
        let bytes = record.to_json().map_err(|error| WriteError::failed("write the record", error))?;
        self.machine.memory.borrow_mut().record = Some(bytes);
        Ok(())
    }

    fn set_record_aside(&mut self, run: &RunName) -> Result<(), WriteError> {
        let mut memory = self.machine.memory.borrow_mut();
        if let Some(bytes) = memory.record.take() {
            memory.aside.push((run.clone(), bytes));
        }
        Ok(())
    }

    fn put_fingerprint_key(&mut self, key: &FingerprintKey) -> Result<(), WriteError> {
        self.machine.memory.borrow_mut().key = Some(key.clone());
        Ok(())
    }

    fn put_held(&mut self, run: &RunName, sealed: &[u8]) -> Result<(), WriteError> {
        self.machine.memory.borrow_mut().held.insert(run.clone(), sealed.to_vec());
        Ok(())
    }

    fn put_made(&mut self, run: &RunName, made: &[u8]) -> Result<(), WriteError> {
        self.machine.memory.borrow_mut().made.insert(run.clone(), made.to_vec());
        Ok(())
    }

    fn forget_made(&mut self, run: &RunName) -> Result<(), WriteError> {
        self.machine.memory.borrow_mut().made.remove(run);
        Ok(())
    }

    fn retire(&mut self, run: &RunName, item: usize, bytes: &[u8]) -> Result<(), WriteError> {
        self.machine.memory.borrow_mut().retired.insert((run.clone(), item), bytes.to_vec());
        Ok(())
    }

    fn services(&mut self) -> Option<&mut dyn ServiceControl> {
        if services::is_running(self.machine) { Some(self) } else { None }
    }

    fn forget_run(&mut self, run: &RunName) -> Result<(), WriteError> {
        let mut memory = self.machine.memory.borrow_mut();
        memory.made.remove(run);
        memory.retired.retain(|(of, _), _| of != run);
        memory.journals.remove(run);
        memory.held.remove(run);
        Ok(())
    }
}

struct MemoryJournal(JournalBytes);

impl JournalFile for MemoryJournal {
    fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), WriteError> {
        Ok(())
    }
}

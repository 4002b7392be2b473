//! Changes an image: registry operations are gathered in memory and each hive is replaced at once.

use std::borrow::Cow;

use super::hives::{Loaded, Origin, load, log_path, state_of};
use super::places::{Place, locate};
use super::{ImageMachine, hives, path};
use crate::formats::pending_renames;
use crate::formats::regf::{self, Editor, KeyId};
use crate::machine::kept::{Keeper, SPARE_BYTES};
use crate::machine::lower::lowered;
use crate::machine::volume::VolumePath;
use crate::machine::volume_stage::{self, FileStage};
use crate::machine::{JournalFile, PartChange, RunName, Step, WriteError, Writer, next_start};
use crate::model::certificate::FileBefore;
use crate::model::fact::{KeyTree, Unread};
use crate::model::file::FilePath;
use crate::model::fingerprint::FingerprintKey;
use crate::model::operation::{Expression, Operation};
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;
use crate::model::remembered::Record;
use crate::model::time::FileTime;

/// The one writer of an image; the lock is its own for as long as it lives.
pub struct ImageWriter<'m> {
    machine: &'m ImageMachine,
    /// Hives with staged changes, in the order they were first touched.
    open: Vec<OpenHive>,
    /// Where the last step wrote: most steps write the same key as the step before.
    last: Option<(RegistryKey, Place)>,
    files: FileStage,
    /// What the next commit writes.
    prepared: Vec<Prepared>,
    keeper: Keeper<'m>,
}

/// A hive's new content.
struct Prepared {
    path: VolumePath,
    bytes: Vec<u8>,
    origin: Origin,
}

struct OpenHive {
    path: VolumePath,
    editor: Editor,
    origin: Origin,
    /// The key that the last step wrote: most steps write the same one as the step before.
    last: Option<(Vec<String>, KeyId)>,
}

impl<'m> ImageWriter<'m> {
    pub fn open(machine: &'m ImageMachine, owner: &str) -> Result<Self, WriteError> {
        let keeper = Keeper::open(&machine.volume, owner)?;
        // What was read before the lock may have changed since.
        machine.hives.forget();
        Ok(Self { machine, open: Vec::new(), last: None, files: FileStage::default(), prepared: Vec::new(), keeper })
    }

    fn hive(&mut self, file: &VolumePath) -> Result<&mut OpenHive, WriteError> {
        if let Some(at) = self.open.iter().position(|hive| hive.path == *file) {
            return self.open.get_mut(at).ok_or_else(|| WriteError::refused("open a hive", file.to_string()));
        }
        let attempt = || format!("edit {file}");
        let loaded = load(self.machine, file).map_err(|unread| WriteError::failed(attempt(), unread))?;
        let editor = editor(&loaded).map_err(|error| WriteError::failed(attempt(), error))?;
        self.open.push(OpenHive { path: file.clone(), editor, origin: loaded.origin, last: None });
        self.open.last_mut().ok_or_else(|| WriteError::refused("open a hive", file.to_string()))
    }

    /// Takes a file off the list of what the next start does, as it is staged by now.
    fn leave_alone_at_next_start(&mut self, step: &Step<'_>, path: &FilePath, now: FileTime) -> Result<(), WriteError> {
        let attempt = || step.operation.to_string();
        let failed = |error: regf::Error| WriteError::failed(attempt(), error);
        let unread = |unread: Unread| WriteError::failed(attempt(), unread);
        let place = self.place(step, &next_start::key().map_err(unread)?)?;
        let hive = self.hive(&place.hive)?;
        let Some(key) = hive.find(&place.names).map_err(failed)? else { return Ok(()) };
        let stored = hive.editor.value(key, pending_renames::VALUE).map_err(failed)?;
        let data = stored.map(|value| Ok(RegistryData::new(value.value_type(), value.data()?.into_owned())));
        let data = data.transpose().map_err(failed)?;
        for beside in next_start::laid_beside(data.as_ref(), path).map_err(unread)? {
            let remove = Operation::RemoveFile { path: beside.clone(), before: FileBefore::SEALED };
            self.files.stage(self.machine, &Step::new(&remove), &beside)?;
        }
        let Some(operation) = next_start::left_alone(data.as_ref(), path).map_err(unread)? else { return Ok(()) };
        let data = match &operation {
            Operation::PutRegistryValue { after: Expression::Registry(data), .. } => Some(Cow::Borrowed(data)),
            _ => None,
        };
        self.stage(&Step { data, ..Step::new(&operation) }, now)
    }

    fn place(&self, step: &Step<'_>, key: &RegistryKey) -> Result<Place, WriteError> {
        let root = || Unread::Failed { what: key.to_string(), detail: "a root cannot be written".into() };
        let place = locate(self.machine, key).and_then(|place| place.ok_or_else(root));
        place.map_err(|unread| WriteError::failed(step.operation.to_string(), unread))
    }
}

/// A path of our own making.
fn own(text: &str) -> Result<VolumePath, WriteError> {
    path(text).map_err(|()| WriteError::refused("open the record", text))
}

fn editor(loaded: &Loaded) -> Result<Editor, regf::Error> {
    let bytes = loaded.hive.bytes().to_vec();
    match loaded.origin {
        Origin::Clean => Editor::open(bytes),
        Origin::AcceptedDirty => Editor::open_dirty(bytes),
        Origin::Recovered { highest_sequence } => {
            let mut editor = Editor::open(bytes)?;
            editor.raise_sequence_above(highest_sequence);
            Ok(editor)
        }
    }
}

impl Writer for ImageWriter<'_> {
    fn stage(&mut self, step: &Step<'_>, now: FileTime) -> Result<(), WriteError> {
        let attempt = || step.operation.to_string();
        if let Some(path) = step.operation.file() {
            return self.files.stage(self.machine, step, path);
        }
        match step.operation {
            Operation::Configure { setting, .. } if setting.secret().is_some() => {
                return Err(WriteError::refused(attempt(), "an image cannot hold its password"));
            }
            Operation::Configure { .. } => {
                return step.plain_steps().iter().try_for_each(|plain| self.stage(plain, now));
            }
            Operation::Adjust { what: Probe::NextStart { path }, after: Answer::Stays, .. } => {
                return self.leave_alone_at_next_start(step, path, now);
            }
            Operation::Adjust { .. } | Operation::ImportKey { .. } | Operation::RemoveKey { .. } => {
                return Err(WriteError::refused(attempt(), "an image cannot hold it"));
            }
            _ => {}
        }
        let Some(key) = step.operation.registry_key() else {
            // What is made of a step about certificates is done or not done together.
            for operation in lowered(step.operation)?.iter().filter(|operation| operation.registry_key().is_some()) {
                let data = match operation {
                    Operation::PutRegistryValue { after: Expression::Registry(data), .. } => Some(Cow::Borrowed(data)),
                    _ => None,
                };
                self.stage(&Step { data, ..Step::new(operation) }, now)?;
            }
            return Ok(());
        };
        let target = match self.last.take() {
            Some((last, place)) if last == *key => place,
            _ => self.place(step, key)?,
        };
        let source = match step.operation {
            Operation::RenameRegistryKey { from, .. } => {
                let source = self.place(step, from)?;
                if source.hive != target.hive {
                    return Err(WriteError::refused(attempt(), "a key cannot move to another hive"));
                }
                source.names
            }
            _ => Vec::new(),
        };
        let hive = self.hive(&target.hive)?;
        perform(hive, step, &target.names, &source, now.0)?;
        self.last = Some((key.clone(), target));
        Ok(())
    }

    fn require_space(&self, operations: &mut dyn Iterator<Item = &Operation>, journal: u64) -> Result<(), WriteError> {
        let Some(free) = self.machine.volume.free_space() else { return Ok(()) };
        let mut hives: Vec<VolumePath> = Vec::new();
        let mut last: Option<&RegistryKey> = None;
        let mut files: u64 = 0;
        for operation in operations {
            files = files.saturating_add(volume_stage::room(operation));
            // Most operations write the key that the one before wrote.
            let store = match operation {
                Operation::PutCertificate { store, .. } | Operation::RemoveCertificate { store, .. } => {
                    store.registry_key()
                }
                Operation::Adjust { what: Probe::NextStart { .. }, .. } => next_start::key().ok(),
                _ => None,
            };
            if let Some(Ok(Some(place))) = store.map(|key| locate(self.machine, &key))
                && !hives.contains(&place.hive)
            {
                hives.push(place.hive);
            }
            let Some(key) = operation.registry_key() else { continue };
            if last == Some(key) {
                continue;
            }
            last = Some(key);
            if let Ok(Some(place)) = locate(self.machine, key)
                && !hives.contains(&place.hive)
            {
                hives.push(place.hive);
            }
        }
        // Hives are replaced one after the other: the old and the new of the largest lie side by side.
        let sizes = hives.iter().filter_map(|hive| self.machine.volume.metadata(hive).ok().flatten());
        let largest = sizes.map(|file| file.len).max().unwrap_or(0);
        // What is put into a hive stands in the journal too.
        let needed =
            largest.saturating_add(files).saturating_add(journal).saturating_add(journal).saturating_add(SPARE_BYTES);
        if free < needed { Err(WriteError::NoSpace { needed, free }) } else { Ok(()) }
    }

    fn prepare(&mut self, now: FileTime) -> Result<Vec<PartChange>, WriteError> {
        let mut changes = Vec::new();
        self.last = None;
        for hive in self.open.drain(..).filter(|hive| hive.editor.is_changed()) {
            let attempt = || format!("write {}", hive.path);
            let before = hives::state(&self.machine.volume, &hive.path)?;
            let bytes = hive.editor.finish(now.0).map_err(|error| WriteError::failed(attempt(), error))?;
            changes.push(PartChange { part: hive.path.to_string(), before, after: Some(state_of(&bytes)) });
            self.prepared.push(Prepared { path: hive.path, bytes, origin: hive.origin });
        }
        self.files.prepare(self.machine, &mut changes)?;
        Ok(changes)
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        self.files.commit(self.machine)?;
        for Prepared { path, bytes, origin } in self.prepared.drain(..) {
            let attempt = || format!("write {path}");
            self.machine.volume.replace(&path, &bytes).map_err(|error| WriteError::failed(attempt(), error))?;
            if let Origin::Recovered { .. } = origin {
                for log in ["LOG1", "LOG2"].iter().filter_map(|extension| log_path(&path, extension)) {
                    if self.machine.volume.exists(&log)? {
                        self.machine.volume.truncate(&log)?;
                    }
                }
            }
        }
        self.machine.hives.forget();
        Ok(())
    }

    fn sync_part(&mut self, part: &str) -> Result<(), WriteError> {
        if let Ok(path) = FilePath::parse(part) {
            return volume_stage::sync(self.machine, &path);
        }
        Ok(self.machine.volume.sync(&own(part)?)?)
    }

    fn discard(&mut self) {
        self.open.clear();
        self.files.clear();
        self.prepared.clear();
        self.last = None;
        self.machine.hives.forget();
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

    fn stale_owner(&self) -> Option<&str> {
        self.keeper.stale_owner()
    }
}

impl OpenHive {
    fn find(&mut self, names: &[String]) -> Result<Option<KeyId>, regf::Error> {
        if let Some((known, id)) = &self.last
            && known == names
        {
            return Ok(Some(*id));
        }
        let path: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = self.editor.find(&path)?;
        self.last = found.map(|id| (names.to_vec(), id));
        Ok(found)
    }

    /// Keys may have moved or gone: nothing is remembered of where they were.
    fn forget(&mut self) {
        self.last = None;
    }
}

fn perform(
    hive: &mut OpenHive,
    step: &Step<'_>,
    names: &[String],
    source: &[String],
    now: u64,
) -> Result<(), WriteError> {
    let refused = |detail: &str| WriteError::refused(step.operation.to_string(), detail);
    let failed = |error: regf::Error| WriteError::failed(step.operation.to_string(), error);
    let missing = || refused("the key is not there");
    let parent_of = |names: &[String]| -> Result<(Vec<String>, String), WriteError> {
        let (name, above) = names.split_last().ok_or_else(|| refused("a hive's root stays where it is"))?;
        Ok((above.to_vec(), name.clone()))
    };
    match step.operation {
        Operation::CreateRegistryKey { .. } => {
            let (above, name) = parent_of(names)?;
            let parent = hive.find(&above).map_err(failed)?.ok_or_else(|| refused("the key above it is not there"))?;
            if hive.editor.subkey(parent, &name).map_err(failed)?.is_some() {
                return Ok(());
            }
            hive.editor.create_key(parent, &name, None, now).map_err(failed)?;
        }
        Operation::PutRegistryValue { name, .. } => {
            let key = hive.find(names).map_err(failed)?.ok_or_else(missing)?;
            let data = step.data.as_ref().ok_or_else(|| refused("its data was not evaluated"))?;
            hive.editor.set_value(key, name, data.value_type, &data.bytes, now).map_err(failed)?;
        }
        Operation::RemoveRegistryValue { name, .. } => {
            let key = hive.find(names).map_err(failed)?.ok_or_else(missing)?;
            hive.editor.remove_value(key, name, now).map_err(failed)?;
        }
        Operation::RemoveRegistryTree { .. } => {
            hive.forget();
            if let Some(key) = hive.find(names).map_err(failed)? {
                hive.forget();
                hive.editor.remove_tree(key, now).map_err(failed)?;
            }
        }
        Operation::PutRegistryTree { after, .. } => {
            let (above, _) = parent_of(names)?;
            let parent = hive.find(&above).map_err(failed)?.ok_or_else(|| refused("the key above it is not there"))?;
            hive.forget();
            let tree = step.tree.as_ref().unwrap_or(after);
            put_tree(&mut hive.editor, parent, &tree.name, tree, now).map_err(failed)?;
        }
        Operation::RenameRegistryKey { .. } => {
            let key = hive.find(source).map_err(failed)?.ok_or_else(|| refused("the old key is not there"))?;
            hive.forget();
            let (above, name) = parent_of(names)?;
            let parent =
                hive.find(&above).map_err(failed)?.ok_or_else(|| refused("the key above the new name is not there"))?;
            hive.forget();
            hive.editor.move_key(key, parent, &name, now).map_err(failed)?;
        }
        Operation::PutRegistrySecurity { after, .. } => {
            let key = hive.find(names).map_err(failed)?.ok_or_else(missing)?;
            hive.editor.set_security(key, after, now).map_err(failed)?;
        }
        _ => return Err(refused("it is no step of the registry")),
    }
    Ok(())
}

/// Makes a key as it once was: security, class, values, times and all below it. A value that is sealed and was not held is left out.
fn put_tree(editor: &mut Editor, parent: KeyId, name: &str, tree: &KeyTree, now: u64) -> Result<(), regf::Error> {
    let key = editor.create_key(parent, name, Some(&tree.security), now)?;
    if let Some(class) = &tree.class {
        editor.set_class(key, class, now)?;
    }
    for value in &tree.values {
        if let Some(data) = value.data.plain() {
            editor.set_value(key, &value.name, data.value_type, &data.bytes, now)?;
        }
    }
    for subkey in &tree.subkeys {
        put_tree(editor, key, &subkey.name, subkey, now)?;
    }
    if tree.link {
        editor.mark_link(key)?;
    }
    editor.set_last_written(key, tree.last_written.0)
}

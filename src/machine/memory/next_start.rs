//! Files that programs use, and the next start, on a machine in memory.

use super::MemoryMachine;
use super::files::{Files, MemoryFile};
use crate::formats::pending_renames::{self, PendingRenames};
use crate::formats::upcase;
use crate::machine::{WriteError, next_start};
use crate::model::fact::{KeyAspects, Stored, Unread, ValueFact, ValueSelection};
use crate::model::file::FilePath;
use crate::model::operation::{Expression, Operation};
use crate::model::own_name;
use crate::model::registry_data::RegistryData;
use crate::model::registry_tree::{Node, Performed, place};
use crate::model::time::FileTime;

/// What a run leaves of one file while a program uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    Whole,
    /// A value inside it was changed.
    Edited,
}

impl MemoryMachine {
    /// Has a program use a file: it cannot be replaced or removed until the next start.
    pub fn use_file(&self, path: &FilePath) {
        self.in_use.borrow_mut().insert(path.clone());
    }

    /// No program uses a file any more.
    pub fn free_files(&self) {
        self.in_use.borrow_mut().clear();
    }

    /// Starts the machine again: what waited for it is done, and no program uses a file.
    pub fn start_again(&self) {
        self.free_files();
        let mut registry = self.registry.borrow_mut();
        let mut files = self.files.borrow_mut();
        let Some(fates) = stored(&registry).and_then(|data| PendingRenames::parse(&data).ok()) else { return };
        for (from, to) in fates.renames() {
            let (Ok(from), to) = (FilePath::parse(&from), to.map(|to| FilePath::parse(&to))) else { continue };
            let Some(file) = files.files.remove(&from) else { continue };
            if let Some(Ok(to)) = to {
                files.files.insert(to, file);
            }
        }
        if let Ok(key) = next_start::key()
            && let Some(node) = registry.descend_mut(place(&key).into_iter())
        {
            node.values.remove(&*upcase::fold(pending_renames::VALUE));
        }
    }

    /// Lays down beside each file in use what is to replace it, and puts it on the list of the next start.
    ///
    /// # Errors
    /// A value inside such a file was changed: that is not put off. Nothing was done.
    pub(super) fn put_off(
        &self,
        files: &mut Files,
        changed: &[(FilePath, Written)],
        registry: &mut Node,
    ) -> Result<bool, WriteError> {
        let (in_use, old) = (self.in_use.borrow(), self.files.borrow());
        let used = changed.iter().filter(|(path, _)| in_use.contains(path) && old.files.contains_key(path));
        let used: Vec<&(FilePath, Written)> = used.collect();
        if let Some((path, _)) = used.iter().find(|(_, written)| *written == Written::Edited) {
            return Err(WriteError::refused(format!("write {path}"), "it is in use"));
        }
        let mut list = match stored(registry).map(|data| PendingRenames::parse(&data)) {
            Some(Ok(list)) => list,
            _ => PendingRenames::default(),
        };
        for (number, (path, _)) in used.iter().enumerate() {
            let new = files.files.remove(path);
            // What is still there lies somewhere.
            let above = std::iter::successors(path.parent(), FilePath::parent);
            files.folders.extend(above.filter(|folder| old.folders.contains(folder)));
            if let Some(file) = old.files.get(path) {
                files.files.insert(path.clone(), MemoryFile::clone(file));
            }
            let Some(new) = new else {
                list = list.with(path.as_str(), None);
                continue;
            };
            let name = own_name::waiting((self.generation.get() << 32) + number as u64);
            let folder = path.parent().ok_or_else(|| WriteError::refused("put off a file", "it lies nowhere"))?;
            let beside = folder.child(&name).map_err(|error| WriteError::failed("put off a file", error))?;
            list = list.with(beside.as_str(), Some(path.as_str()));
            files.files.insert(beside, new);
        }
        if let Some(data) = list.to_data().filter(|_| !used.is_empty()) {
            put(registry, data).map_err(|unread| WriteError::failed("put off a file", unread))?;
        }
        Ok(!used.is_empty())
    }
}

/// Takes a file off the list of the next start, with what was to replace it.
pub fn leave_alone(registry: &mut Node, files: &mut Files, path: &FilePath, now: FileTime) -> Result<(), String> {
    let data = stored(registry);
    let unread = |unread: Unread| unread.to_string();
    let Some(operation) = next_start::left_alone(data.as_ref(), path).map_err(unread)? else { return Ok(()) };
    let place = path.usual_place();
    let list = data.and_then(|data| PendingRenames::parse(&data).ok()).unwrap_or_default();
    for (from, to) in list.renames() {
        let is_of_path = to.is_some_and(|to| FilePath::parse(&to).is_ok_and(|to| to == place));
        if let Some(from) = FilePath::parse(&from).ok().filter(|from| is_of_path && own_name::is_waiting(from.name())) {
            files.files.remove(&from);
        }
    }
    let value = match &operation {
        Operation::PutRegistryValue { after: Expression::Registry(after), .. } => Some(Stored::Plain(after.clone())),
        _ => None,
    };
    let performed = Performed { operation: &operation, value, tree: None, inherit: &|_| None };
    registry.perform(&performed, now).map_err(str::to_owned)
}

fn stored(registry: &Node) -> Option<RegistryData> {
    let key = next_start::key().ok()?;
    let values = ValueSelection::Named(vec![pending_renames::VALUE.into()]);
    let fact = registry.descend(place(&key).into_iter()).ok()?.fact(&KeyAspects { values, ..KeyAspects::default() });
    fact.value(pending_renames::VALUE)?.data.plain().cloned()
}

fn put(registry: &mut Node, data: RegistryData) -> Result<(), Unread> {
    let key = next_start::key()?;
    let mut node = registry;
    for name in place(&key) {
        node = node.subkeys.entry(name.into()).or_insert_with(|| Node { name: name.into(), ..Node::default() });
    }
    let fact = ValueFact::new(pending_renames::VALUE.into(), Stored::Plain(data));
    node.values.insert(upcase::fold(pending_renames::VALUE).into(), fact);
    Ok(())
}

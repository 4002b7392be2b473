//! Reads every touched thing again and compares it with what the plan promised.

use std::borrow::Cow;
use std::collections::HashMap;

use super::places;
use crate::formats::meaning::is_same;
use crate::formats::upcase;
use crate::machine::{Machine, MachineKind, NoSecrets, Step, answer};
use crate::model::fact::{Facts, KeyAspects, KeyState, Observed, Queries, ValueSelection};
use crate::model::file::FilePath;
use crate::model::operation::{Expression, Operation};
use crate::model::probe::Probe;
use crate::model::registry::RegistryKey;
use crate::model::setting::Setting;

/// For each step what is wrong with it now, `None` where the machine holds what the plan promised.
///
/// `facts` were read after the last write; what they do not tell, secrets among it, is read here. A later step may undo
/// an earlier one on purpose (a value is set in a key that is then removed), so only the last word on each thing is held
/// against the machine.
pub fn verify<'s, 'p: 's>(
    machine: &dyn Machine,
    facts: &Facts,
    steps: impl Iterator<Item = &'s Step<'p>> + Clone,
) -> Vec<Option<String>> {
    // What has an interface of its own is held against what it comes to in the registry.
    let mut flat: Vec<(usize, Option<&Setting>, &Step<'_>)> = Vec::new();
    for (number, step) in steps.enumerate() {
        let setting = match step.operation {
            // Only an interface writes in words of its own what it was told.
            Operation::Configure { setting, .. } if machine.kind() == MachineKind::Local => Some(setting),
            _ => None,
        };
        flat.extend(step.plain_steps().iter().map(|plain| (number, setting, plain)));
    }
    let count = flat.last().map_or(0, |(number, _, _)| number + 1);
    let steps: Vec<&Step<'_>> = flat.iter().map(|(_, _, step)| *step).collect();
    let later = Later::of(&steps);
    let hides = facts.asked_for_secrets();
    let mut queries = Queries::default();
    let mut sealed = Queries::default();
    for (number, step) in steps.iter().enumerate() {
        let Some(key) = step.operation.registry_key() else { continue };
        let key = later.place(key, number);
        let queries = if is_sealed(step.operation, &key, facts, hides) { &mut sealed } else { &mut queries };
        ask(step.operation, &key, queries);
    }
    // Without the record nothing is sealed: what was written is compared in the open, here and nowhere else.
    let open = || Facts::new(facts.identity.clone());
    let mut read = Read { unsealed: open(), rest: open(), facts, hides };
    answer(machine, &queries.not_in(facts), None, &NoSecrets, &mut read.rest);
    answer(machine, &sealed, None, &NoSecrets, &mut read.unsealed);
    let mut wrong = vec![None; count];
    for (number, (whole, setting, step)) in flat.iter().enumerate() {
        let found = match step.operation.registry_key() {
            None if later.has_last_word(step.operation, number) => places::check(machine, step).err(),
            None => None,
            Some(key) => {
                let key = later.place(key, number);
                if later.removes(&key, number) { None } else { check(step, *setting, &key, &read).err() }
            }
        };
        if let (Some(slot @ None), Some(found)) = (wrong.get_mut(*whole), found) {
            *slot = Some(found);
        }
    }
    wrong
}

/// What later steps do to the keys that earlier ones wrote: moved ones lie elsewhere, removed ones are gone on purpose.
struct Later<'s> {
    moves: Vec<(usize, &'s RegistryKey, &'s RegistryKey)>,
    /// By key, the number of the last step that removes it.
    removed: HashMap<&'s RegistryKey, usize>,
    /// By file or folder, the last step that is about the whole of it.
    files: HashMap<&'s FilePath, usize>,
    /// By file, the last step that edits it.
    edits: HashMap<&'s FilePath, usize>,
}

impl<'s> Later<'s> {
    fn of(steps: &[&'s Step<'_>]) -> Self {
        let mut later =
            Self { moves: Vec::new(), removed: HashMap::new(), files: HashMap::new(), edits: HashMap::new() };
        for (number, step) in steps.iter().enumerate() {
            match step.operation {
                Operation::EditFile { path, .. } => drop(later.edits.insert(path, number)),
                operation => drop(operation.file().map(|path| later.files.insert(path, number))),
            }
            match step.operation {
                Operation::RenameRegistryKey { from, to } => later.moves.push((number, from, to)),
                Operation::RemoveRegistryTree { key, .. } => drop(later.removed.insert(key, number)),
                _ => {}
            }
        }
        later
    }

    fn place<'k>(&self, key: &'k RegistryKey, number: usize) -> Cow<'k, RegistryKey> {
        let mut place = Cow::Borrowed(key);
        for (_, from, to) in self.moves.iter().filter(|(at, _, _)| *at > number) {
            if let Some(moved) = place.moved(from, to) {
                place = Cow::Owned(moved);
            }
        }
        place
    }

    fn has_last_word(&self, operation: &Operation, number: usize) -> bool {
        let is_later = |steps: &HashMap<&FilePath, usize>, path| steps.get(path).is_some_and(|at| *at > number);
        // What was taken off the list of the next start may be put on it again.
        if let Operation::Adjust { what: Probe::NextStart { path }, .. } = operation {
            return !is_later(&self.files, path);
        }
        operation.file().is_none_or(|path| match operation {
            // An edit says nothing of what other edits of the file say; an empty file does not stay empty.
            Operation::EditFile { .. } | Operation::CreateFile { .. } => !is_later(&self.files, path),
            _ => !is_later(&self.files, path) && !is_later(&self.edits, path),
        })
    }

    fn removes(&self, key: &RegistryKey, number: usize) -> bool {
        let is_later = |above: &RegistryKey| self.removed.get(above).is_some_and(|at| *at > number);
        !self.removed.is_empty()
            && std::iter::successors(Some(key.clone()), RegistryKey::parent).any(|above| is_later(&above))
    }
}

/// Whether the facts, when they hide anything, hide what a step wrote: a secret, or what stands where there was one or will be one.
fn is_sealed(operation: &Operation, key: &RegistryKey, facts: &Facts, hides: bool) -> bool {
    let Operation::PutRegistryValue { name, after, .. } = operation else { return false };
    let found = || facts.key(key).and_then(|state| state.as_ref().ok()?.present()?.value(name));
    !matches!(after, Expression::Registry(_)) || (hides && found().is_some_and(|found| found.data.plain().is_none()))
}

/// Where the answers are: secrets in the open only for as long as they are compared.
struct Read<'f> {
    unsealed: Facts,
    rest: Facts,
    facts: &'f Facts,
    /// Whether the facts hide anything.
    hides: bool,
}

impl Read<'_> {
    fn key(&self, step: &Step<'_>, key: &RegistryKey) -> Option<&Observed<KeyState>> {
        if is_sealed(step.operation, key, self.facts, self.hides) {
            return self.unsealed.key(key);
        }
        self.rest.key(key).or_else(|| self.facts.key(key))
    }
}

fn ask(operation: &Operation, key: &RegistryKey, queries: &mut Queries) {
    let none = KeyAspects::default;
    match operation {
        Operation::CreateRegistryKey { .. }
        | Operation::RemoveRegistryTree { .. }
        | Operation::PutRegistryTree { .. } => queries.key(key, none()),
        Operation::PutRegistryValue { name, .. } | Operation::RemoveRegistryValue { name, .. } => {
            queries.key(key, KeyAspects { values: ValueSelection::Named(vec![name.clone()]), ..none() });
        }
        Operation::RenameRegistryKey { from, .. } => {
            queries.key(from, none());
            queries.key(key, none());
        }
        Operation::PutRegistrySecurity { .. } => queries.key(key, KeyAspects { security: true, ..none() }),
        _ => {}
    }
}

/// `key` is where the step's key lies by now; what an interface has written is compared by what it says.
fn check(step: &Step<'_>, setting: Option<&Setting>, key: &RegistryKey, read: &Read<'_>) -> Result<(), String> {
    let state = |key: &RegistryKey| match read.key(step, key) {
        Some(Ok(state)) => Ok(state),
        Some(Err(unread)) => Err(unread.to_string()),
        None => Err(format!("{key} was not read back")),
    };
    let present = || state(key)?.present().ok_or_else(|| format!("{key} is not there after it was written"));
    let absent = |key: &RegistryKey| match state(key)? {
        KeyState::Absent { .. } => Ok(()),
        KeyState::Present(_) => Err(format!("{key} is still there")),
    };
    match step.operation {
        Operation::CreateRegistryKey { .. } | Operation::PutRegistryTree { .. } => present().map(|_| ()),
        Operation::RemoveRegistryTree { .. } => absent(key),
        Operation::RenameRegistryKey { from, to } => {
            present()?;
            // A change of case only leaves both names for the same key.
            if upcase::eq(from.as_str(), to.as_str()) { Ok(()) } else { absent(from) }
        }
        Operation::PutRegistryValue { name, .. } => {
            let found = present()?.value(name).and_then(|value| value.data.plain());
            let written = step.data.as_deref();
            let is_same = setting.map_or(found == written, |setting| is_same(setting, name, found, written));
            if is_same { Ok(()) } else { Err("it does not read back as written".into()) }
        }
        Operation::RemoveRegistryValue { name, .. } => match state(key)?.present().and_then(|fact| fact.value(name)) {
            // Where an interface cannot take a value away, it says what counts without it.
            Some(found) => {
                let plain = found.data.plain();
                let says_nothing = |setting| plain.is_some() && is_same(setting, name, plain, None);
                if setting.is_some_and(says_nothing) { Ok(()) } else { Err("it is still there".into()) }
            }
            None => Ok(()),
        },
        Operation::PutRegistrySecurity { after, .. } => match &present()?.security {
            Some(found) if found == after => Ok(()),
            _ => Err("its security does not read back as written".into()),
        },
        _ => Ok(()),
    }
}

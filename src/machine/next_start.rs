//! What Windows does with files at its next start, as the registry of any machine tells, and the step that keeps it from doing so.

use crate::formats::pending_renames::{Fate, KEY, PendingRenames, VALUE};
use crate::machine::RegistryReader;
use crate::model::fact::{KeyAspects, KeyState, Observed, Stored, Unread, ValueSelection};
use crate::model::file::FilePath;
use crate::model::operation::{Expression, Operation};
use crate::model::own_name::is_waiting;
use crate::model::probe::Answer;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;

/// The files that Windows removes or replaces at its next start, with what it does; what is no path of a file of this machine is left out.
///
/// # Errors
/// The registry cannot be read, or what stands there is no list.
pub fn all(registry: &dyn RegistryReader) -> Observed<Vec<(FilePath, Answer)>> {
    let Some(data) = stored(registry)? else { return Ok(Vec::new()) };
    Ok(list(&data)?
        .fates()
        .into_iter()
        .filter_map(|(path, fate)| Some((FilePath::parse(&path).ok()?, answer(fate)?)))
        .collect())
}

fn answer(fate: Fate) -> Option<Answer> {
    match fate {
        Fate::Gone => Some(Answer::Removed),
        Fate::ReplacedBy(by) => FilePath::parse(&by).ok().map(|path| Answer::ReplacedBy { path }),
    }
}

/// What Windows does with one file.
///
/// # Errors
/// As [`all`].
pub fn of(registry: &dyn RegistryReader, path: &FilePath) -> Observed<Answer> {
    let place = path.usual_place();
    let found = all(registry)?.into_iter().find(|(known, _)| *known == place);
    Ok(found.map_or(Answer::Stays, |(_, answer)| answer))
}

/// The step of the registry that has the next start leave a file as it is, on top of `data`; `None` where it does so already.
///
/// # Errors
/// What stands there is no list.
pub fn left_alone(data: Option<&RegistryData>, path: &FilePath) -> Observed<Option<Operation>> {
    let Some(data) = data else { return Ok(None) };
    let (before, place) = (list(data)?, path.usual_place());
    let after = before.without(|found| FilePath::parse(found).is_ok_and(|found| found == place));
    if after == before {
        return Ok(None);
    }
    let (key, stored) = (key()?, Stored::Plain(data.clone()));
    Ok(Some(match after.to_data() {
        Some(after) => Operation::PutRegistryValue {
            key,
            name: VALUE.into(),
            before: Some(stored),
            after: Expression::Registry(after),
        },
        None => Operation::RemoveRegistryValue { key, name: VALUE.into(), before: stored },
    }))
}

/// The files that this program has laid down to replace a file at the next start, whichever of them will.
///
/// # Errors
/// What stands there is no list.
pub fn laid_beside(data: Option<&RegistryData>, path: &FilePath) -> Observed<Vec<FilePath>> {
    let Some(data) = data else { return Ok(Vec::new()) };
    let place = path.usual_place();
    let is_of_path = |to: String| FilePath::parse(&to).is_ok_and(|to| to == place);
    let renames =
        list(data)?.renames().filter_map(|(from, to)| to.is_some_and(is_of_path).then_some(from)).collect::<Vec<_>>();
    let paths = renames.iter().filter_map(|from| FilePath::parse(from).ok());
    Ok(paths.filter(|from| is_waiting(from.name())).collect())
}

/// The list as it is stored; `None` where nothing waits.
///
/// # Errors
/// The registry cannot be read.
pub fn stored(registry: &dyn RegistryReader) -> Observed<Option<RegistryData>> {
    let values = ValueSelection::Named(vec![VALUE.into()]);
    let state = registry.read(&[(key()?, KeyAspects { values, ..KeyAspects::default() })]).pop();
    match state.ok_or_else(|| failed("it was not read"))?? {
        KeyState::Absent { .. } => Ok(None),
        KeyState::Present(fact) => Ok(fact.value(VALUE).and_then(|value| value.data.plain()).cloned()),
    }
}

/// The key of the list.
///
/// # Errors
/// None that happen: its name is one.
pub fn key() -> Observed<RegistryKey> {
    RegistryKey::parse(KEY).map_err(|error| failed(&error.to_string()))
}

fn list(data: &RegistryData) -> Observed<PendingRenames> {
    PendingRenames::parse(data).map_err(|error| failed(&error.to_string()))
}

fn failed(detail: &str) -> Unread {
    Unread::Failed { what: "what the next start does with files".into(), detail: detail.into() }
}

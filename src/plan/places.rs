//! How a rollback takes back what a run did to files, folders and certificates of stores. Pure.

use std::collections::HashMap;

use super::rollback::{Inverse, PartStates};
use crate::formats::certificate_store::{self, BLOB, KeyPlace, StoreBlob, element, essence, taken_back};
use crate::formats::edit::{Selector, Value, is_same};
use crate::model::certificate::{CertificateRef, FileBefore, FileContent};
use crate::model::edit::FileValue;
use crate::model::fact::{Facts, KeyAspects, Observed, Queries, Unread, ValueSelection};
use crate::model::file::{FileAspect, FileHolds, FilePath, FileState};
use crate::model::operation::{Element, Operation};
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;
use crate::model::thumbprint::Thumbprint;

/// Asks for all that the inverse of the step rests on.
pub fn ask(operation: &Operation, queries: &mut Queries) {
    match operation {
        Operation::CreateFolder { path } | Operation::RemoveFolder { path } => queries.file(path, FileAspect::Names),
        Operation::PutFile { path, .. } | Operation::RemoveFile { path, .. } | Operation::CreateFile { path } => {
            queries.file(path, FileAspect::Sealed);
        }
        Operation::EditFile { path, selector, before, after, .. } => {
            queries.file(path, FileAspect::Sealed);
            let sealed = before.iter().chain(after).any(FileValue::is_sealed);
            queries.file(path, FileAspect::Value { selector: selector.clone(), sealed });
        }
        Operation::Adjust { what, .. } => queries.probe(what.clone()),
        Operation::ImportKey { .. } => {
            if let Some(place) = operation.key_place() {
                queries.probe(Probe::KeySecurity { place });
            }
        }
        _ => {}
    }
    if let Some(key) = certificate_key(operation) {
        let values = ValueSelection::Named(vec![BLOB.into()]);
        queries.key(&key, KeyAspects { values, ..KeyAspects::default() });
    }
}

/// The key under which the certificate of a step lies, where its store lies in the registry.
pub fn certificate_key(operation: &Operation) -> Option<RegistryKey> {
    let (store, thumbprint) = match operation {
        Operation::PutCertificate { store, certificate, .. } => (store, certificate.thumbprint()?),
        Operation::RemoveCertificate { store, thumbprint, .. } => (store, *thumbprint),
        _ => return None,
    };
    certificate_store::certificate_key(&store.registry_key()?, &thumbprint)
}

/// The inverse of a step about a certificate; `found` is what the store holds of it.
pub fn certificate_back(operation: &Operation, found: Option<&RegistryData>) -> Inverse {
    let found = found.map(|data| &*data.bytes);
    let moved = || Inverse::Moved("its properties in the store are others by now".into());
    // Windows adds properties of its own, and may do so at any time.
    let is_as = |found: &[u8], wanted: &[u8]| found == wanted || essence(found) == essence(wanted);
    match operation {
        Operation::PutCertificate { store, certificate, friendly_name, key, before, exact } => {
            let before = before.as_ref().map(|before| &*before.0);
            let is_as_before = match (found, before) {
                (Some(found), Some(before)) => is_as(found, before),
                (found, before) => found == before,
            };
            if is_as_before {
                return Inverse::Nothing;
            }
            let Some(der) = certificate.known() else { return Inverse::Never("it was not made".into()) };
            let thumbprint = Thumbprint::of(&der.0);
            let key = key.as_ref().map(|key| key.record(&thumbprint));
            let after = match exact {
                Some(exact) => exact.0.to_vec(),
                None => match element(&der.0, friendly_name.as_deref(), key.as_deref(), before) {
                    Ok(after) => after,
                    Err(detail) => return Inverse::Never(detail),
                },
            };
            let found = match found {
                Some(found) if is_as(found, &after) => found,
                _ => return moved(),
            };
            Inverse::Step(Box::new(match before {
                None => {
                    Operation::RemoveCertificate { store: store.clone(), thumbprint, before: Element(found.into()) }
                }
                Some(before) => {
                    let exact = if found == after {
                        before.to_vec()
                    } else {
                        match taken_back(found, before) {
                            Ok(exact) => exact,
                            Err(detail) => return Inverse::Never(detail),
                        }
                    };
                    Operation::PutCertificate {
                        store: store.clone(),
                        certificate: certificate.clone(),
                        friendly_name: None,
                        key: None,
                        before: Some(Element(found.into())),
                        exact: Some(Element(exact.into())),
                    }
                }
            }))
        }
        Operation::RemoveCertificate { store, before, .. } => match found {
            Some(found) if is_as(found, &before.0) => Inverse::Nothing,
            Some(_) => moved(),
            None => match StoreBlob::parse(&before.0) {
                Ok(blob) => Inverse::Step(Box::new(Operation::PutCertificate {
                    store: store.clone(),
                    certificate: CertificateRef::Known(blob.certificate().to_vec().into()),
                    friendly_name: None,
                    key: None,
                    before: None,
                    exact: Some(before.clone()),
                })),
                Err(error) => Inverse::Never(error.to_string()),
            },
        },
        _ => Inverse::Nothing,
    }
}

/// The inverse of putting a key into the key store; `found` is what is known of it there.
pub fn key_back(place: KeyPlace, found: Option<&Observed<Answer>>) -> Inverse {
    match found {
        Some(Ok(Answer::Absent)) => Inverse::Nothing,
        Some(Ok(_)) => Inverse::Step(Box::new(Operation::RemoveKey { place })),
        Some(Err(unread)) => Inverse::Moved(unread.to_string()),
        None => Inverse::Moved(format!("{place} was not looked at")),
    }
}

/// What is there of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Absent,
    File(Option<String>),
    /// A folder with these names in it.
    Folder(Vec<String>),
    Unread(String),
}

/// The files that a run wrote, as they are now, with the inverses so far done.
pub struct Files<'e> {
    found: HashMap<FilePath, Found>,
    /// By the place where it usually lies, the names under which a run may speak of one folder.
    spellings: HashMap<FilePath, Vec<FilePath>>,
    /// By folded name.
    parts: HashMap<String, PartStates<'e>>,
    /// What stands at the places that the run edited, as far as it is no secret.
    values: HashMap<(FilePath, Selector), Option<Value>>,
}

/// A step that edits a file.
struct Edit<'s> {
    selector: &'s Selector,
    before: Option<&'s FileValue>,
    after: Option<&'s FileValue>,
    file: &'s FileBefore,
}

impl<'e> Files<'e> {
    pub fn new(facts: &Facts, parts: &'e [PartStates<'e>]) -> Self {
        let whole = facts.files().filter(|(_, asked, _)| !matches!(asked, FileAspect::Value { .. }));
        let found = whole.map(|(path, _, state)| {
            let found = match state {
                Ok(FileState::Absent { .. }) => Found::Absent,
                Ok(FileState::Present(fact)) => match &fact.holds {
                    FileHolds::Names(names) => {
                        Found::Folder(names.iter().map(|name| crate::formats::upcase::fold(name)).collect())
                    }
                    _ => Found::File(fact.print.map(crate::model::fingerprint::Fingerprint::to_hex)),
                },
                Err(unread) => Found::Unread(Unread::to_string(unread)),
            };
            (path.clone(), found)
        });
        let values = facts.files().filter_map(|(path, asked, state)| match (asked, state) {
            (FileAspect::Value { selector, .. }, Ok(FileState::Present(fact))) => match &fact.holds {
                FileHolds::Value(value) => Some(((path.clone(), selector.clone()), value.clone())),
                _ => None,
            },
            _ => None,
        });
        let found: HashMap<FilePath, Found> = found.collect();
        let mut spellings: HashMap<FilePath, Vec<FilePath>> = HashMap::new();
        for (path, _) in found.iter().filter(|(_, found)| matches!(found, Found::Folder(_))) {
            spellings.entry(path.usual_place()).or_default().push(path.clone());
        }
        Self {
            found,
            spellings,
            parts: parts.iter().map(|part| (crate::formats::upcase::fold(part.part), *part)).collect(),
            values: values.collect(),
        }
    }

    /// Does an inverse here.
    pub fn perform(&mut self, operation: &Operation) {
        let Some(path) = operation.file() else { return };
        let name = crate::formats::upcase::fold(path.name());
        match operation {
            Operation::RemoveFile { .. } | Operation::RemoveFolder { .. } => {
                let folder = path.parent().map(|folder| folder.usual_place());
                for spelling in folder.and_then(|folder| self.spellings.get(&folder)).into_iter().flatten() {
                    if let Some(Found::Folder(names)) = self.found.get_mut(spelling) {
                        names.retain(|known| *known != name);
                    }
                }
                self.found.insert(path.clone(), Found::Absent);
            }
            Operation::CreateFolder { .. } => drop(self.found.insert(path.clone(), Found::Folder(Vec::new()))),
            // What it holds then is not known before it is done.
            Operation::EditFile { .. } => drop(self.found.insert(path.clone(), Found::File(None))),
            Operation::PutFile { .. } => {
                let before = self.parts.get(path.folded()).and_then(|part| part.before);
                self.found.insert(path.clone(), Found::File(before.map(str::to_owned)));
            }
            _ => {}
        }
    }

    /// The inverse of a step about a file or a folder.
    pub fn back(&self, operation: &Operation) -> Inverse {
        let Some(path) = operation.file() else { return Inverse::Nothing };
        let found = match self.found.get(path) {
            Some(Found::Unread(detail)) => return Inverse::Moved(detail.clone()),
            Some(found) => found,
            None => return Inverse::Moved(format!("{path} was not looked at")),
        };
        match operation {
            Operation::CreateFolder { .. } => match found {
                Found::Absent => Inverse::Nothing,
                Found::Folder(names) if names.is_empty() => {
                    Inverse::Step(Box::new(Operation::RemoveFolder { path: path.clone() }))
                }
                Found::Folder(names) => {
                    Inverse::Moved(format!("{path} holds {} that the run did not put there", names.len()))
                }
                _ => Inverse::Moved(format!("{path} is no folder any more")),
            },
            Operation::RemoveFolder { .. } => match found {
                Found::Absent => Inverse::Step(Box::new(Operation::CreateFolder { path: path.clone() })),
                _ => Inverse::Nothing,
            },
            Operation::PutFile { before, content, .. } => {
                self.file_back(path, found, before.as_ref(), content.is_sealed())
            }
            Operation::RemoveFile { before, .. } => self.file_back(path, found, Some(before), true),
            Operation::CreateFile { .. } => match (found, self.parts.get(path.folded())) {
                (Found::Absent, _) => Inverse::Nothing,
                (Found::File(print), Some(part)) if print.as_deref() == part.after => {
                    Inverse::Step(Box::new(Operation::RemoveFile { path: path.clone(), before: FileBefore::SEALED }))
                }
                _ => Inverse::Moved(format!("{path} holds what the run did not put there")),
            },
            Operation::EditFile { selector, before, after, file, .. } => {
                let edit = Edit { selector, before: before.as_ref(), after: after.as_ref(), file };
                self.edit_back(path, found, &edit)
            }
            _ => Inverse::Nothing,
        }
    }

    /// A file that is as the run left it becomes what it was, to the byte; in any other, the run's own values go back.
    fn edit_back(&self, path: &FilePath, found: &Found, edit: &Edit<'_>) -> Inverse {
        let Some(part) = self.parts.get(path.folded()) else {
            return Inverse::Moved("the run does not tell how it left it".into());
        };
        let Found::File(print) = found else {
            return match edit.before {
                None => Inverse::Nothing,
                Some(_) => Inverse::Moved(format!("{path} is not there any more")),
            };
        };
        if print.is_some() && print.as_deref() == part.before {
            return Inverse::Nothing;
        }
        if print.is_some() && print.as_deref() == part.after {
            return match (&edit.file.retired, part.before) {
                (Some(item), _) => Inverse::Step(Box::new(Operation::PutFile {
                    path: path.clone(),
                    before: Some(FileBefore::SEALED),
                    content: FileContent::Retired { item: item.clone(), sealed: edit.file.owner_only.unwrap_or(false) },
                })),
                // The run made the file: it goes as a whole.
                (None, None) => Inverse::Nothing,
                (None, Some(_)) => Inverse::Never(format!("what {path} held was not kept")),
            };
        }
        let Some(now) = self.values.get(&(path.clone(), edit.selector.clone())) else {
            return Inverse::Moved(format!("{path} was changed since, and what stands there cannot be told"));
        };
        let plain = |value: Option<&FileValue>| match value {
            None => Some(None),
            Some(FileValue::Plain(value)) => Some(Some(value.clone())),
            Some(_) => None,
        };
        if plain(edit.before).is_some_and(|before| is_same(before.as_ref(), now.as_ref())) {
            return Inverse::Nothing;
        }
        if !plain(edit.after).is_some_and(|after| is_same(after.as_ref(), now.as_ref())) {
            return Inverse::Moved("it is neither as the run left it nor as it was before".into());
        }
        let before = match (edit.before, &edit.file.retired) {
            (Some(FileValue::Plain(value)), _) => Some(FileValue::Plain(value.clone())),
            (None, _) => None,
            (Some(_), Some(item)) => Some(FileValue::Retired(item.clone())),
            (Some(_), None) => return Inverse::Never("the secret that was there was not kept".into()),
        };
        Inverse::Step(Box::new(Operation::EditFile {
            path: path.clone(),
            selector: edit.selector.clone(),
            before: now.clone().map(FileValue::Plain),
            after: before,
            file: FileBefore::SEALED,
        }))
    }

    fn file_back(&self, path: &FilePath, found: &Found, before: Option<&FileBefore>, sealed: bool) -> Inverse {
        let Some(part) = self.parts.get(path.folded()) else {
            return match (found, before) {
                (Found::Absent, None) => Inverse::Nothing,
                _ => Inverse::Moved("the run does not tell how it left it".into()),
            };
        };
        let state = match found {
            Found::Absent => None,
            Found::File(print) => print.as_deref(),
            _ => return Inverse::Moved(format!("{path} is no file any more")),
        };
        if state == part.before {
            return Inverse::Nothing;
        }
        if state != part.after {
            return Inverse::Moved(format!("{path} is neither as the run left it nor as it was before"));
        }
        let known = FileBefore::SEALED;
        Inverse::Step(Box::new(match before {
            None => Operation::RemoveFile { path: path.clone(), before: known },
            // What others could read is no secret; where nothing is known, it is taken for one.
            Some(FileBefore { retired: Some(item), owner_only, .. }) => Operation::PutFile {
                path: path.clone(),
                before: state.map(|_| known),
                content: FileContent::Retired { item: item.clone(), sealed: owner_only.unwrap_or(sealed) },
            },
            Some(_) => return Inverse::Never(format!("what {path} held was not kept")),
        }))
    }
}

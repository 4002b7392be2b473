//! A name of the `hosts` file against what is there. Pure.

use super::wanted::WantedHost;
use crate::formats::edit::{Family, Selector, Value};
use crate::kinds::Kind as _;
use crate::kinds::file::place::{self, folders_above};
use crate::model::certificate::FileBefore;
use crate::model::common::Ensure;
use crate::model::digest;
use crate::model::edit::FileValue;
use crate::model::fact::{Facts, KeyAspects, KeyState, Queries, ValueSelection};
use crate::model::file::{FileAspect, FileHolds, FilePath, FileState};
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::Reading;
use crate::model::remembered::Trace;
use crate::model::verdict::{Action, Decision, Reason};

const KEY: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
/// Names the folder in which the file lies.
const VALUE: &str = "DataBasePath";
const USUAL_FOLDER: &str = r"%SystemRoot%\System32\drivers\etc";

pub fn wants(wanted: &WantedHost, facts: &Facts, queries: &mut Queries) {
    let Ok(key) = RegistryKey::parse(KEY) else { return };
    queries.key(&key, KeyAspects { values: ValueSelection::Named(vec![VALUE.into()]), ..KeyAspects::default() });
    if facts.key(&key).is_none() {
        return;
    }
    if let Ok(path) = file(facts) {
        for family in [Family::V4, Family::V6] {
            queries.file(&path, aspect(wanted, family));
        }
    }
}

fn selector(wanted: &WantedHost, family: Family) -> Selector {
    Selector::Host { name: wanted.name.clone(), family, comment: wanted.comment.clone() }
}

fn aspect(wanted: &WantedHost, family: Family) -> FileAspect {
    FileAspect::Value { selector: selector(wanted, family), sealed: false }
}

/// Where the file lies: the folder can be moved by a value of the registry.
fn file(facts: &Facts) -> Result<FilePath, Reason> {
    let bad = |detail: String| Reason::with("hosts.bad_folder", detail);
    let key = RegistryKey::parse(KEY).map_err(|error| bad(error.message))?;
    let folder = match facts.key(&key) {
        Some(Ok(KeyState::Present(fact))) => match fact.value(VALUE).and_then(|value| value.data.plain()) {
            Some(data) => match data.reading() {
                Reading::Text(text) => text,
                _ => return Err(bad(format!("{VALUE} of {KEY} is no text"))),
            },
            None => USUAL_FOLDER.to_owned(),
        },
        Some(Ok(KeyState::Absent { .. })) => USUAL_FOLDER.to_owned(),
        Some(Err(unread)) => return Err(Reason::with("hosts.unreadable", unread.to_string())),
        None => return Err(bad("the machine was not asked where the file lies".into())),
    };
    let folder = FilePath::parse(folder.trim_matches('"'))
        .map_err(|error| bad(format!("{VALUE} of {KEY} is {folder:?}: {error}")))?;
    folder.child("hosts").map_err(|error| bad(error.to_string()))
}

pub fn compare(wanted: &WantedHost, facts: &Facts) -> Decision {
    let (id, at) = (wanted.address(), wanted.at);
    let path = match file(facts) {
        Ok(path) => path,
        Err(reason) => return Decision::blocked(id, at, reason),
    };
    let mut edits = Vec::new();
    let mut there = Vec::new();
    let mut missing_folders = None;
    for family in [Family::V4, Family::V6] {
        let found = match place::observed(facts, &path, &aspect(wanted, family)) {
            Ok(FileState::Absent { missing_folders: missing }) => {
                missing_folders = Some(*missing);
                None
            }
            Ok(FileState::Present(fact)) => match &fact.holds {
                FileHolds::Value(Some(Value::Text(text))) => Some(text.clone()),
                FileHolds::Value(_) | FileHolds::NoPlace(_) => None,
                FileHolds::Unusable(why) => {
                    return Decision::blocked(id, at, Reason::with("hosts.unusable", format!("{path}: {why}")));
                }
                _ => {
                    let reason = Reason::with("hosts.unusable", format!("{path} was not read as a hosts file"));
                    return Decision::blocked(id, at, reason);
                }
            },
            Err(unread) => {
                let mut decision = place::unread(id, at, &unread);
                decision.reasons.iter_mut().for_each(|reason| reason.move_to("hosts"));
                return decision;
            }
        };
        let after = wanted.text_of(family);
        there.extend(found.clone());
        if after.as_deref() != found.as_deref() {
            let text = |text: &str| FileValue::Plain(Value::Text(text.into()));
            edits.push(Operation::EditFile {
                path: path.clone(),
                selector: selector(wanted, family),
                before: found.as_deref().map(text),
                after: after.as_deref().map(text),
                file: FileBefore::default(),
            });
        }
    }
    let wanted_texts: Vec<String> =
        [Family::V4, Family::V6].iter().filter_map(|family| wanted.text_of(*family)).collect();
    let trace = Trace { wanted: digest_of(&wanted_texts), found: digest_of(&there), secret: None };
    if edits.is_empty() {
        return Decision::keep(id, at).traced(trace);
    }
    let (action, reason) = match (wanted.common.ensure, there.is_empty()) {
        (Ensure::Absent, _) => (Action::Delete, Reason::code("hosts.not_wanted")),
        (Ensure::Present, true) => (Action::Create, Reason::code("hosts.absent")),
        (Ensure::Present, false) => (Action::Update, Reason::code("hosts.differs")),
    };
    let mut operations = Vec::new();
    if let Some(missing) = missing_folders {
        operations = folders_above(&path, missing);
        operations.push(Operation::CreateFile { path });
    }
    operations.extend(edits);
    Decision::change(id, at, action, reason, operations).traced(trace)
}

fn digest_of(texts: &[impl AsRef<str>]) -> u64 {
    if texts.is_empty() {
        return digest::ABSENT;
    }
    let parts: Vec<&[u8]> =
        std::iter::once("hosts").chain(texts.iter().map(AsRef::as_ref)).map(str::as_bytes).collect();
    digest::of(&parts)
}

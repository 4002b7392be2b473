//! Values inside a file against what is there. Pure.

use super::place;
use super::wanted::{WantedData, WantedEntry, WantedValue};
use crate::formats::edit::{self, Selector, Value, is_same};
use crate::kinds::{Context, Kind as _};
use crate::model::certificate::FileBefore;
use crate::model::digest;
use crate::model::edit::FileValue;
use crate::model::fact::{Facts, Queries};
use crate::model::file::{FileAspect, FileFact, FileHolds, FileState};
use crate::model::fingerprint::Fingerprint;
use crate::model::operation::Operation;
use crate::model::registry_data::{REG_SZ, RegistryData};
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

pub fn wants(entry: &WantedEntry, values: &[WantedValue], facts: &Facts, queries: &mut Queries) {
    for value in values {
        let aspect = aspect(entry, value, facts);
        match (&value.data, &aspect) {
            (WantedData::Secret(reference), _) => queries.secret(reference, REG_SZ),
            // In place of a secret, plain text is compared as one.
            (WantedData::Value(value), FileAspect::Value { sealed: true, .. }) => {
                if let Some(data) = as_data(value) {
                    queries.fingerprint(&data);
                }
            }
            _ => {}
        }
        queries.file(&entry.path.value, aspect);
    }
}

/// What stands there is kept sealed when it is, or was written as, a secret.
fn aspect(entry: &WantedEntry, value: &WantedValue, facts: &Facts) -> FileAspect {
    let sealed = matches!(value.data, WantedData::Secret(_)) || was_secret(&part(entry, &value.selector), facts);
    FileAspect::Value { selector: value.selector.clone(), sealed }
}

/// Whether a part was written as a secret once.
pub fn was_secret(id: &ResourceId, facts: &Facts) -> bool {
    let entry = facts.remembered().and_then(|record| record.entry(&id.entry()));
    entry.is_some_and(|entry| {
        let trace = match id.part() {
            None => entry.whole.as_ref(),
            Some(part) => entry.parts.0.iter().find(|(name, _)| **name == *part).map(|(_, trace)| trace),
        };
        trace.is_some_and(|trace| trace.secret.is_some())
    })
}

fn part(entry: &WantedEntry, selector: &Selector) -> ResourceId {
    ResourceId::part_of(&entry.address(), &selector.to_string())
}

/// A text as the data under which its fingerprint is that of a secret.
pub fn as_data(value: &Value) -> Option<RegistryData> {
    match value {
        Value::Text(text) => Some(RegistryData::text(REG_SZ, text)),
        Value::Json(value) => value.as_str().map(|text| RegistryData::text(REG_SZ, text)),
    }
}

/// What will be known of the file when the values are set.
#[derive(Clone, Debug)]
pub enum FileToBe {
    Present,
    /// It is made empty first.
    Made,
    /// It is not there, and nobody makes it.
    Missing(Reason),
}

pub fn compare(
    entry: &WantedEntry,
    values: &[WantedValue],
    file: &FileToBe,
    facts: &Facts,
    context: &Context<'_>,
) -> Vec<Decision> {
    let mut made = Vec::new();
    let decide = |value: &WantedValue| {
        let decision = one(entry, value, file, facts, context);
        if !matches!((file, &decision.verdict), (FileToBe::Made, Verdict::Change { .. })) {
            return decision;
        }
        match edit::placed(&made, &value.selector) {
            Ok(with) => {
                made = with.unwrap_or_default();
                decision
            }
            Err(error) => {
                let reason = Reason::with("files.no_place", error.to_string());
                Decision { verdict: Verdict::Blocked, reasons: vec![reason], ..decision }
            }
        }
    };
    values.iter().map(decide).collect()
}

fn one(entry: &WantedEntry, value: &WantedValue, file: &FileToBe, facts: &Facts, context: &Context<'_>) -> Decision {
    let (id, at) = (part(entry, &value.selector), value.at);
    let state = match place::observed(facts, &entry.path.value, &aspect(entry, value, facts)) {
        Ok(state) => state,
        Err(unread) => return place::unread(id, at, &unread),
    };
    let blocked = |reason| Decision::blocked(id.clone(), at, reason);
    let fact = state.present();
    let there = match fact.map(|fact| &fact.holds) {
        None | Some(FileHolds::Value(None)) => There::Nothing,
        Some(FileHolds::Value(Some(found))) => There::Plain(found),
        Some(FileHolds::Sealed) => There::Sealed(fact.and_then(|fact| fact.print)),
        Some(FileHolds::NoPlace(why)) => There::NoPlace(why),
        Some(FileHolds::Unusable(why)) => return blocked(Reason::with("files.unusable", why.clone())),
        Some(_) => return blocked(Reason::with("files.unusable", "it was not read as a file with values")),
    };
    let mut trace = Trace { wanted: of_data(&value.data), found: of_there(&there), secret: None };
    if let (WantedData::Secret(_), There::Sealed(print)) = (&value.data, &there) {
        trace.secret = *print;
    }
    let decision = match decide(value, &there, facts, context) {
        Step::Keep => {
            if let (WantedData::Value(_), There::Sealed(_)) = (&value.data, &there) {
                // What is sealed and the same is known after all.
                trace.found = trace.wanted;
            }
            Decision::keep(id, at)
        }
        Step::Unverifiable(reason) => {
            Decision { verdict: Verdict::Unverifiable, reasons: vec![reason], ..Decision::keep(id, at) }
        }
        Step::Change(action, reason) => match (file, &there) {
            (FileToBe::Missing(reason), _) => blocked(reason.clone()),
            (_, There::NoPlace(why)) => blocked(Reason::with("files.no_place", why.to_owned())),
            _ => {
                let edit = Operation::EditFile {
                    path: entry.path.value.clone(),
                    selector: value.selector.clone(),
                    before: match &there {
                        There::Plain(found) => Some(FileValue::Plain((*found).clone())),
                        There::Sealed(_) => Some(FileValue::Sealed),
                        There::Nothing | There::NoPlace(_) => None,
                    },
                    after: match &value.data {
                        WantedData::Absent => None,
                        WantedData::Value(value) => Some(FileValue::Plain(value.clone())),
                        WantedData::Secret(reference) => Some(FileValue::Secret(reference.clone())),
                    },
                    file: FileBefore::default(),
                };
                Decision::change(id, at, action, reason, vec![edit])
            }
        },
    };
    decision.traced(trace)
}

/// What stands at a selector.
enum There<'f> {
    Nothing,
    NoPlace(&'f str),
    Plain(&'f Value),
    Sealed(Option<Fingerprint>),
}

enum Step {
    Keep,
    Change(Action, Reason),
    Unverifiable(Reason),
}

fn decide(value: &WantedValue, there: &There<'_>, facts: &Facts, context: &Context<'_>) -> Step {
    let differs = || Step::Change(Action::Update, Reason::code("files.value_differs"));
    match (&value.data, there) {
        (WantedData::Absent, There::Nothing | There::NoPlace(_)) => Step::Keep,
        (WantedData::Absent, _) => Step::Change(Action::Delete, Reason::code("files.value_not_wanted")),
        (_, There::Nothing | There::NoPlace(_)) => Step::Change(Action::Create, Reason::code("files.value_absent")),
        (WantedData::Value(wanted), There::Plain(found)) if is_same(Some(wanted), Some(found)) => Step::Keep,
        (WantedData::Value(_), There::Plain(_)) => differs(),
        (WantedData::Value(wanted), There::Sealed(print)) => {
            let own = as_data(wanted).and_then(|data| facts.fingerprint(&data));
            if print.is_some() && *print == own { Step::Keep } else { differs() }
        }
        (WantedData::Secret(reference), There::Sealed(print)) => {
            match same_secret(*print, facts.secret(reference, REG_SZ)) {
                Ok(true) => Step::Keep,
                Ok(false) => Step::Change(Action::Update, Reason::code("secret.differs")),
                Err(_) if context.rewrite_secrets => Step::Change(Action::Update, Reason::code("secret.rewritten")),
                Err(reason) => Step::Unverifiable(reason),
            }
        }
        (WantedData::Secret(_), There::Plain(_)) => differs(),
    }
}

/// Whether what is there is the secret, by their fingerprints; else why nothing can tell.
pub fn same_secret(found: Option<Fingerprint>, secret: Option<&Result<Fingerprint, Box<str>>>) -> Result<bool, Reason> {
    match (found, secret) {
        (_, Some(Err(detail))) => Err(Reason::with("secret.unresolved", detail.clone())),
        (Some(found), Some(Ok(secret))) => Ok(found == *secret),
        (None, _) | (_, None) => Err(Reason::code("secret.no_fingerprint")),
    }
}

fn of_data(data: &WantedData) -> u64 {
    match data {
        WantedData::Absent => digest::ABSENT,
        WantedData::Value(value) => of_value(value),
        WantedData::Secret(reference) => digest::of(&[b"secret", format!("{reference:?}").as_bytes()]),
    }
}

fn of_there(there: &There<'_>) -> u64 {
    match there {
        There::Nothing | There::NoPlace(_) => digest::ABSENT,
        There::Plain(value) => of_value(value),
        There::Sealed(_) => digest::of(&[b"sealed"]),
    }
}

/// In JSON, a text is a string.
fn of_value(value: &Value) -> u64 {
    match value {
        Value::Text(text) => digest::of(&[b"value", text.as_bytes()]),
        Value::Json(json) => match json.as_str() {
            Some(text) => digest::of(&[b"value", text.as_bytes()]),
            None => digest::of(&[b"json", json.to_string().as_bytes()]),
        },
    }
}

/// The fingerprint of what a fact says is sealed.
pub fn print_of(state: &FileState) -> Option<Fingerprint> {
    state.present().and_then(|fact: &FileFact| fact.print)
}

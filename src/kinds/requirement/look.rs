//! Looking at facts and asking for those that are missing, in one: what is asked and what is read cannot drift apart. Pure.

use crate::formats::installed::Version;
use crate::model::fact::{Facts, KeyAspects, KeyFact, KeyState, Queries, Unread, ValueSelection};
use crate::model::file::{FileAspect, FilePath, FileState};
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::{Reading, RegistryData};

/// One look at the facts.
pub struct Look<'f> {
    facts: &'f Facts,
    pub asked: Queries,
    /// The first question that has no answer.
    unread: Option<Unread>,
}

/// What came of a look.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It is so.
    Met,
    /// It is not so; this was found.
    Unmet(String),
    /// What it rests on could not be read.
    Unread(Unread),
}

impl Outcome {
    pub fn of(met: bool, found: impl FnOnce() -> String) -> Self {
        if met { Self::Met } else { Self::Unmet(found()) }
    }
}

/// Nothing of the kind.
pub const NOTHING: &str = "none";

impl<'f> Look<'f> {
    pub fn new(facts: &'f Facts) -> Self {
        Self { facts, asked: Queries::default(), unread: None }
    }

    /// What came of it, unless something that was looked at could not be read: then that a thing was not seen says nothing.
    pub fn conclude(&mut self, outcome: Outcome) -> Outcome {
        match (self.unread.take(), outcome) {
            (Some(unread), Outcome::Unmet(_)) => Outcome::Unread(unread),
            (_, outcome) => outcome,
        }
    }

    /// As [`Look::conclude`], for what must not be there: that it was not seen says nothing either.
    pub fn conclude_absence(&mut self, outcome: Outcome) -> Outcome {
        match (self.unread.take(), outcome) {
            (Some(unread), Outcome::Met) => Outcome::Unread(unread),
            (_, outcome) => outcome,
        }
    }

    fn miss<T>(&mut self, unread: &Unread) -> Option<T> {
        self.unread.get_or_insert_with(|| unread.clone());
        None
    }

    /// A key that is there.
    pub fn key(&mut self, key: &RegistryKey, aspects: KeyAspects) -> Option<&'f KeyFact> {
        self.asked.key(key, aspects);
        match self.facts.key(key)? {
            Ok(KeyState::Present(fact)) => Some(fact),
            Ok(KeyState::Absent { .. }) => None,
            Err(unread) => self.miss(unread),
        }
    }

    fn at(&mut self, path: &str, aspects: KeyAspects) -> Option<&'f KeyFact> {
        match RegistryKey::parse(path) {
            Ok(key) => self.key(&key, aspects),
            // A name on the machine that no key can be addressed by.
            Err(error) => self.miss(&Unread::Failed { what: path.to_owned(), detail: error.message }),
        }
    }

    /// The names of the keys below one.
    pub fn subkeys(&mut self, path: &str) -> Vec<Box<str>> {
        let aspects = KeyAspects { subkeys: true, ..KeyAspects::default() };
        self.at(path, aspects).map(|fact| fact.subkeys.clone()).unwrap_or_default()
    }

    /// The names of a key's values.
    pub fn value_names(&mut self, path: &str) -> Vec<Box<str>> {
        let aspects = KeyAspects { values: ValueSelection::All, ..KeyAspects::default() };
        let fact = self.at(path, aspects);
        fact.map(|fact| fact.values().into_iter().map(|value| value.name.clone()).collect()).unwrap_or_default()
    }

    pub fn is_there(&mut self, path: &str) -> bool {
        self.at(path, KeyAspects::default()).is_some()
    }

    pub fn value(&mut self, path: &str, name: &str) -> Option<&'f RegistryData> {
        let aspects = KeyAspects { values: ValueSelection::Named(vec![name.into()]), ..KeyAspects::default() };
        self.at(path, aspects)?.value(name)?.data.plain()
    }

    /// A value that is a text and not empty.
    pub fn text(&mut self, path: &str, name: &str) -> Option<String> {
        match self.value(path, name)?.reading() {
            Reading::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A value that is a number.
    pub fn number(&mut self, path: &str, name: &str) -> Option<u64> {
        self.value(path, name)?.number()
    }

    /// A value that is a version.
    pub fn version(&mut self, path: &str, name: &str) -> Option<Version> {
        Version::found(&self.text(path, name)?)
    }

    /// Whether something stands at a path; `None` while nobody knows.
    pub fn file(&mut self, path: &FilePath) -> Option<bool> {
        self.asked.file(path, FileAspect::Digest);
        match self.facts.file(path, &FileAspect::Digest)? {
            Ok(state) => Some(matches!(state, FileState::Present(_))),
            Err(unread) => self.miss(unread),
        }
    }

    pub fn probe(&mut self, probe: &Probe) -> Option<&'f Answer> {
        self.asked.probe(probe.clone());
        match self.facts.probe(probe)? {
            Ok(answer) => Some(answer),
            Err(unread) => self.miss(unread),
        }
    }
}

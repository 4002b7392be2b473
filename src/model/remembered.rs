//! What trueup remembers of a machine: what it last applied there, protect marks, what is still owed, and which runs took
//! place. Values only; where they are kept is the machine's business.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fingerprint::Fingerprint;
use super::resource::ResourceId;
use super::thumbprint::Thumbprint;
use crate::formats::upcase;

/// The version of the record's form; a minor adds fields, an unknown major is refused.
pub const RECORD_VERSION: &str = "1.0";
const KIND: &str = "trueup.record";

/// The state of one resource as two digests: what was wanted, and what was there when that was done.
///
/// The digests say whether something moved, nothing of what it was. For most resources both are of one and the same thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    pub wanted: u64,
    pub found: u64,
    /// Of a secret: its keyed fingerprint, where it could be made.
    pub secret: Option<Fingerprint>,
}

impl Trace {
    /// The trace of a thing that is exactly what was wanted.
    pub const fn same(digest: u64) -> Self {
        Self { wanted: digest, found: digest, secret: None }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.wanted)?;
        if self.found != self.wanted {
            write!(f, "/{:x}", self.found)?;
        }
        self.secret.map_or(Ok(()), |secret| write!(f, "+{}", secret.to_hex()))
    }
}

impl Trace {
    fn parse(text: &str) -> Option<Self> {
        let (digests, secret) = match text.split_once('+') {
            Some((digests, secret)) => (digests, Some(Fingerprint::from_hex(secret)?)),
            None => (text, None),
        };
        let (wanted, found) = digests.split_once('/').unwrap_or((digests, digests));
        let digest = |text: &str| u64::from_str_radix(text, 16).ok();
        Some(Self { wanted: digest(wanted)?, found: digest(found)?, secret })
    }
}

impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Trace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a trace"))
    }
}

/// One entry as it was last applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedEntry {
    pub address: ResourceId,
    /// The document that asked for it.
    pub document: Box<str>,
    /// The run that last changed what is remembered here.
    pub run: Box<str>,
    pub at: jiff::Timestamp,
    /// A plan that removes it is refused, whatever the document says by now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// The entry was wanted away: nothing of it is left to be an orphan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
    /// Of the entry's own resource; `None` while it never held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Trace>,
    /// Which of several certificates is the entry's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Thumbprint>,
    /// Those that it had before, newest last: what of them still lies in its stores is to leave them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Thumbprint>,
    #[serde(default, skip_serializing_if = "Parts::is_empty")]
    pub parts: Parts,
}

impl AppliedEntry {
    /// Without the fingerprints of secrets, for everything but the record itself; that there are secrets is still told.
    #[must_use]
    pub fn without_fingerprints(&self) -> Self {
        let mut entry = self.clone();
        let traces = entry.parts.0.iter_mut().map(|(_, trace)| trace).chain(entry.whole.as_mut());
        traces.for_each(|trace| trace.secret = trace.secret.map(|_| Fingerprint::WITHHELD));
        entry
    }
}

/// The parts of an entry in the document's order, as a map in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts(pub Vec<(Box<str>, Trace)>);

impl Parts {
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The parts of one entry by folded name, for many lookups.
#[derive(Clone, Debug, Default)]
pub struct PartIndex(HashMap<String, Trace>);

impl PartIndex {
    pub fn of(parts: &Parts) -> Self {
        Self(parts.0.iter().map(|(name, trace)| (upcase::fold(name), *trace)).collect())
    }

    pub fn get(&self, name: &str) -> Option<Trace> {
        self.0.get(&upcase::fold(name)).copied()
    }
}

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, trace) in &self.0 {
            map.serialize_entry(name, trace)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartsVisitor;
        impl<'de> Visitor<'de> for PartsVisitor {
            type Value = Parts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of traces")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = map.next_entry()? {
                    parts.push(part);
                }
                Ok(Parts(parts))
            }
        }
        deserializer.deserialize_map(PartsVisitor)
    }
}

/// What must still happen for what was applied to take effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// The run since which a reboot is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reboot: Option<OwedSince>,
    /// Services by name, each with the run since which its restart is owed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub restarts: BTreeMap<Box<str>, OwedSince>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedSince {
    pub run: Box<str>,
    pub at: jiff::Timestamp,
    /// Of a service: it was stopped and is to be started, also when it does not run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start: bool,
}

impl Owed {
    pub fn is_empty(&self) -> bool {
        self.reboot.is_none() && self.restarts.is_empty()
    }

    /// What is still owed by a machine that was last started, or shut down, at a point in time: all that is older is done, but for
    /// services that were stopped and that may not start by themselves.
    #[must_use]
    pub fn since(&self, started: Option<jiff::Timestamp>) -> Self {
        let open = |since: &&OwedSince| started.is_none_or(|started| since.at >= started);
        Self {
            reboot: self.reboot.as_ref().filter(open).cloned(),
            restarts: self
                .restarts
                .iter()
                .filter(|(_, since)| since.start || open(since))
                .map(|(name, since)| (name.clone(), since.clone()))
                .collect(),
        }
    }
}

/// A run that is undone unless somebody confirms it in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    pub run: Box<str>,
    pub until: jiff::Timestamp,
}

/// What trueup remembers of a machine beside the journals of its runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// By folded address.
    pub entries: BTreeMap<Box<str>, AppliedEntry>,
    pub owed: Owed,
    pub confirmation: Option<Confirmation>,
}

/// The record's form in a file.
#[derive(Serialize, Deserialize)]
struct Wire<'r> {
    format_version: std::borrow::Cow<'r, str>,
    kind: std::borrow::Cow<'r, str>,
    #[serde(default, skip_serializing_if = "Owed::is_empty")]
    owed: std::borrow::Cow<'r, Owed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmation: Option<std::borrow::Cow<'r, Confirmation>>,
    entries: Vec<std::borrow::Cow<'r, AppliedEntry>>,
}

/// Why bytes are not a record that can be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Where, and nothing of what stands there: it may be a fingerprint.
    #[error("it is damaged at line {line}, column {column}")]
    Damaged { line: usize, column: usize },
    #[error("its format version is {0}, for a newer trueup: this one knows {RECORD_VERSION} and later minors")]
    Version(String),
}

impl From<serde_json::Error> for RecordError {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged { line: error.line(), column: error.column() }
    }
}

impl Record {
    /// The key under which an entry's address is kept.
    pub fn key_of(address: &ResourceId) -> Box<str> {
        address.entry().folded().to_string().into()
    }

    pub fn entry(&self, address: &ResourceId) -> Option<&AppliedEntry> {
        self.entries.get(&*Self::key_of(address))
    }

    pub fn insert(&mut self, entry: AppliedEntry) {
        self.entries.insert(Self::key_of(&entry.address), entry);
    }

    /// Without what only this machine may know: see [`AppliedEntry::without_fingerprints`].
    #[must_use]
    pub fn without_fingerprints(&self) -> Self {
        let entries = self.entries.iter().map(|(key, entry)| (key.clone(), entry.without_fingerprints()));
        Self { entries: entries.collect(), ..self.clone() }
    }

    /// The bytes of the record's file: JSON, one entry to a line.
    ///
    /// # Errors
    /// Never for a record; serialisation reports it rather than panic.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let head = Wire {
            format_version: RECORD_VERSION.into(),
            kind: KIND.into(),
            owed: std::borrow::Cow::Borrowed(&self.owed),
            confirmation: self.confirmation.as_ref().map(std::borrow::Cow::Borrowed),
            entries: Vec::new(),
        };
        let mut json = serde_json::to_vec(&head)?;
        json.truncate(json.len().saturating_sub("]}".len()));
        for (number, entry) in self.entries.values().enumerate() {
            json.extend_from_slice(if number == 0 { b"\n" } else { b",\n" });
            serde_json::to_writer(&mut json, entry)?;
        }
        json.extend_from_slice(b"\n]}\n");
        Ok(json)
    }

    /// Reads what [`Record::to_json`] wrote.
    ///
    /// # Errors
    /// Damage, or another major version.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Head<'r> {
            #[serde(borrow)]
            format_version: std::borrow::Cow<'r, str>,
        }
        let head: Head<'_> = serde_json::from_slice(bytes)?;
        if head.format_version.split('.').next() != RECORD_VERSION.split('.').next() {
            return Err(RecordError::Version(head.format_version.into_owned()));
        }
        let wire: Wire<'_> = serde_json::from_slice(bytes)?;
        let mut record = Self {
            owed: wire.owed.into_owned(),
            confirmation: wire.confirmation.map(std::borrow::Cow::into_owned),
            entries: BTreeMap::new(),
        };
        for entry in wire.entries {
            record.insert(entry.into_owned());
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back() {
        let since = OwedSince { run: "R".into(), at: jiff::Timestamp::UNIX_EPOCH, start: true };
        let mut record = Record::default();
        assert_eq!(Record::from_json(&record.to_json().unwrap()).unwrap(), record);
        record.owed = Owed { reboot: Some(since.clone()), restarts: [("Spooler".into(), since.clone())].into() };
        record.confirmation = Some(Confirmation { run: "R".into(), until: since.at });
        for name in ["HKLM\\SOFTWARE\\A", "HKLM\\SOFTWARE\\B \"quoted\""] {
            let secret = Fingerprint::from_hex("000102030405060708090a0b0c0d0e0f");
            record.insert(AppliedEntry {
                address: ResourceId::new("registry", name),
                document: "site.yaml".into(),
                run: "R".into(),
                at: since.at,
                protect: name.ends_with('A'),
                absent: false,
                whole: Some(Trace { wanted: 1, found: 2, secret: None }),
                chosen: None,
                former: Vec::new(),
                parts: Parts(vec![
                    ("".into(), Trace::same(u64::MAX)),
                    ("x".into(), Trace { wanted: 0, found: 7, secret }),
                ]),
            });
        }
        assert_eq!(Record::from_json(&record.to_json().unwrap()).unwrap(), record);
        assert!(!String::from_utf8(record.without_fingerprints().to_json().unwrap()).unwrap().contains("0405"));
    }

    #[test]
    fn what_is_no_record_is_told() {
        for (bytes, damaged) in [(&b"{"[..], true), (b"{}", true), (b"{\"format_version\":\"2.0\"}", false)] {
            assert_eq!(matches!(Record::from_json(bytes), Err(RecordError::Damaged { .. })), damaged);
        }
    }
}

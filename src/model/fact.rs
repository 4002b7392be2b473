//! What was asked of a machine and what it answered. Facts are values: they hold no handle and read nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::file::{FileAspect, FilePath, FileState};
use super::fingerprint::Fingerprint;
use super::probe::{Answer, Probe};
use super::registry::RegistryKey;
use super::registry_data::{RegistryData, type_as_name, type_name};
use super::remembered::Record;
use super::secret::SecretReference;
use super::services::Services;
use super::sid::Sid;
use super::time::FileTime;
use crate::formats::upcase;

/// What of a key's values a query asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValueSelection {
    #[default]
    None,
    /// By name, in no particular order; compared without case.
    Named(Vec<Box<str>>),
    All,
}

/// What is asked about one registry key. Existence and the last-write time are always answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyAspects {
    pub values: ValueSelection,
    /// Values whose data must not leave the machine: only their type is answered.
    pub sealed: Vec<Box<str>>,
    /// The names of the keys directly below.
    pub subkeys: bool,
    pub security: bool,
    /// Everything at and below the key.
    pub tree: bool,
}

impl KeyAspects {
    /// Whether an answer to `self` says all that `other` asks.
    pub fn covers(&self, other: &Self) -> bool {
        let values = match (&self.values, &other.values) {
            (_, ValueSelection::None) | (ValueSelection::All, _) => true,
            // The usual case: the same question again.
            (ValueSelection::Named(have), ValueSelection::Named(asked)) if have == asked => true,
            (ValueSelection::Named(have), ValueSelection::Named(asked)) => {
                let have: std::collections::HashSet<String> = have.iter().map(|name| upcase::fold(name)).collect();
                asked.iter().all(|name| have.contains(&upcase::fold(name)))
            }
            _ => false,
        };
        values && self.subkeys >= other.subkeys && self.security >= other.security && self.tree >= other.tree
    }

    fn merge(&mut self, other: Self) {
        self.values = match (std::mem::take(&mut self.values), other.values) {
            (ValueSelection::All, _) | (_, ValueSelection::All) => ValueSelection::All,
            (ValueSelection::None, selection) | (selection, ValueSelection::None) => selection,
            (ValueSelection::Named(mut names), ValueSelection::Named(more)) => {
                names.extend(more);
                ValueSelection::Named(names)
            }
        };
        self.sealed.extend(other.sealed);
        self.subkeys |= other.subkeys;
        self.security |= other.security;
        self.tree |= other.tree;
    }
}

/// The questions of one observation round, one per key and account, in the order they were first asked.
#[derive(Clone, Debug, Default)]
pub struct Queries {
    keys: Vec<(RegistryKey, KeyAspects)>,
    index: HashMap<RegistryKey, usize>,
    accounts: Vec<Arc<str>>,
    secrets: Vec<(SecretReference, u32)>,
    data: Vec<RegistryData>,
    files: BTreeSet<(FilePath, FileAspect)>,
    probes: BTreeSet<Probe>,
}

impl Queries {
    /// Asks about a key; questions about one key are merged.
    pub fn key(&mut self, key: &RegistryKey, aspects: KeyAspects) {
        if let Some(slot) = self.index.get(key).and_then(|at| self.keys.get_mut(*at)) {
            slot.1.merge(aspects);
        } else {
            self.index.insert(key.clone(), self.keys.len());
            self.keys.push((key.clone(), aspects));
        }
    }

    /// Asks about a file.
    pub fn file(&mut self, path: &FilePath, aspect: FileAspect) {
        self.files.insert((path.clone(), aspect));
    }

    /// The files that are asked about, each with how.
    pub const fn files(&self) -> &BTreeSet<(FilePath, FileAspect)> {
        &self.files
    }

    /// Asks for what lies in no registry and no file's bytes.
    pub fn probe(&mut self, probe: Probe) {
        self.probes.insert(probe);
    }

    pub const fn probes(&self) -> &BTreeSet<Probe> {
        &self.probes
    }

    /// Asks for the SID of a local account.
    pub fn account(&mut self, name: &str) {
        if !self.accounts.iter().any(|known| upcase::eq(known, name)) {
            self.accounts.push(name.into());
        }
    }

    /// Asks for the fingerprint of a secret as a value of this type.
    pub fn secret(&mut self, reference: &SecretReference, value_type: u32) {
        if !self.secrets.iter().any(|(known, of)| known == reference && *of == value_type) {
            self.secrets.push((reference.clone(), value_type));
        }
    }

    /// Asks for the fingerprint of data, to compare them with what is sealed.
    pub fn fingerprint(&mut self, data: &RegistryData) {
        if !self.data.contains(data) {
            self.data.push(data.clone());
        }
    }

    pub fn data(&self) -> &[RegistryData] {
        &self.data
    }

    pub fn secrets(&self) -> &[(SecretReference, u32)] {
        &self.secrets
    }

    pub fn keys(&self) -> &[(RegistryKey, KeyAspects)] {
        &self.keys
    }

    pub fn accounts(&self) -> &[Arc<str>] {
        &self.accounts
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.accounts.is_empty()
            && self.secrets.is_empty()
            && self.data.is_empty()
            && self.files.is_empty()
            && self.probes.is_empty()
    }

    /// What of these questions `facts` does not answer yet.
    pub fn not_in(self, facts: &Facts) -> Self {
        let mut open = Self::default();
        for (key, aspects) in self.keys {
            match facts.asked.get(&key) {
                Some(known) if known.covers(&aspects) => {}
                Some(known) => {
                    let mut wider = known.clone();
                    wider.merge(aspects);
                    open.key(&key, wider);
                }
                None => open.key(&key, aspects),
            }
        }
        open.accounts = self.accounts;
        open.accounts.retain(|name| !facts.accounts.contains_key(&*upcase::fold(name)));
        open.secrets = self.secrets;
        open.secrets.retain(|secret| !facts.secrets.contains_key(secret));
        open.files = self.files;
        open.files.retain(|(path, aspect)| facts.file(path, aspect).is_none());
        open.probes = self.probes;
        open.probes.retain(|probe| !facts.probes.contains_key(probe));
        open.data = self.data;
        open.data.retain(|data| !facts.fingerprints.contains_key(data));
        open
    }
}

/// A part of a machine that some machines lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    Registry,
    Files,
    Services,
    KeyStore,
    Accounts,
    Identity,
    Record,
    /// What only a running machine knows of itself.
    Running,
}

impl std::fmt::Display for Facet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Registry => "the registry",
            Self::Files => "files",
            Self::Services => "services",
            Self::KeyStore => "private keys",
            Self::Accounts => "accounts",
            Self::Identity => "the machine's identity",
            Self::Record => "trueup's record",
            Self::Running => "what only a running machine knows",
        })
    }
}

/// Why a question has no answer. Never the same as "it is not there".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unread {
    /// The machine has no such part; `detail` says so in a whole sentence.
    #[error("{detail}")]
    Unsupported { facet: Facet, machine: String, detail: String },
    #[error("the snapshot does not hold {what}")]
    NotCaptured { what: String },
    /// It could be read, but must not be relied on or written; the whole run is refused.
    #[error("{what} is refused: {detail}")]
    Refused { what: String, detail: String, hint: Option<String> },
    #[error("cannot read {what}: {detail}")]
    Failed { what: String, detail: String },
}

/// A fact, or the reason why it could not be read.
pub type Observed<T> = Result<T, Unread>;

/// The data of a value as a fact: in the open, or sealed because it is a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Stored {
    Plain(RegistryData),
    Sealed {
        #[serde(with = "type_as_name")]
        sealed_type: u32,
        /// Where the sealed hold keeps the data, as `run/item`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held: Option<Box<str>>,
    },
}

impl Stored {
    pub const fn sealed(sealed_type: u32) -> Self {
        Self::Sealed { sealed_type, held: None }
    }

    /// The type of the data, sealed or not.
    pub const fn value_type(&self) -> u32 {
        match self {
            Self::Plain(data) => data.value_type,
            Self::Sealed { sealed_type, .. } => *sealed_type,
        }
    }

    pub fn plain(&self) -> Option<&RegistryData> {
        match self {
            Self::Plain(data) => Some(data),
            Self::Sealed { .. } => None,
        }
    }
}

impl std::fmt::Display for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plain(data) => data.fmt(f),
            Self::Sealed { sealed_type, .. } => write!(f, "{} (secret)", type_name(*sealed_type)),
        }
    }
}

/// A value as found: its name in the case found, and its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueFact {
    pub name: Box<str>,
    pub data: Stored,
    /// Of sealed data; it stays with the process that made it.
    #[serde(skip)]
    pub fingerprint: Option<Fingerprint>,
}

impl ValueFact {
    pub const fn new(name: Box<str>, data: Stored) -> Self {
        Self { name, data, fingerprint: None }
    }
}

/// A key as found, with what was asked of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFact {
    /// The key's own name in the case found, where the machine tells.
    pub name: Option<Box<str>>,
    pub last_written: FileTime,
    /// A symbolic link: its data leads elsewhere and is never followed for writing.
    pub link: bool,
    values: HashMap<Box<str>, ValueFact>,
    pub subkeys: Vec<Box<str>>,
    /// Self-relative security descriptor, where asked.
    pub security: Option<Arc<[u8]>>,
    pub tree: Option<Box<KeyTree>>,
}

impl KeyFact {
    /// A key of which nothing more was asked.
    pub fn new(last_written: FileTime, link: bool) -> Self {
        Self { last_written, link, ..Self::default() }
    }

    /// Adds a value; a second one of the same name replaces the first.
    pub fn insert_value(&mut self, fact: ValueFact) {
        self.values.insert(upcase::fold(&fact.name).into(), fact);
    }

    /// As [`KeyFact::insert_value`], for a caller that has folded the name already.
    pub fn insert_folded(&mut self, folded: Box<str>, fact: ValueFact) {
        self.values.insert(folded, fact);
    }

    pub fn value(&self, name: &str) -> Option<&ValueFact> {
        self.values.get(&*upcase::fold(name))
    }

    /// The values by folded name, sorted.
    pub fn values(&self) -> Vec<&ValueFact> {
        let mut all: Vec<_> = self.values.iter().collect();
        all.sort_unstable_by(|a, b| a.0.cmp(b.0));
        all.into_iter().map(|(_, fact)| fact).collect()
    }
}

/// Everything at and below a key, enough to make it again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTree {
    pub name: Box<str>,
    pub last_written: FileTime,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub link: bool,
    #[serde(with = "hex_bytes")]
    pub security: Arc<[u8]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    pub values: Vec<ValueFact>,
    pub subkeys: Vec<KeyTree>,
}

impl KeyTree {
    /// Whether some value at or below the key is so.
    pub fn any_value(&self, test: &mut dyn FnMut(&ValueFact) -> bool) -> bool {
        self.values.iter().any(&mut *test) || self.subkeys.iter().any(|subkey| subkey.any_value(test))
    }

    /// Leaves only values that are so, at and below the key.
    pub fn retain_values(&mut self, test: &mut dyn FnMut(&ValueFact) -> bool) {
        self.values.retain(&mut *test);
        self.subkeys.iter_mut().for_each(|subkey| subkey.retain_values(test));
    }

    /// Every value at and below the key, for changing.
    pub fn for_each_value(&mut self, change: &mut dyn FnMut(&mut ValueFact)) {
        self.values.iter_mut().for_each(&mut *change);
        self.subkeys.iter_mut().for_each(|subkey| subkey.for_each_value(change));
    }

    /// Keys and values in the tree, itself included.
    pub fn size(&self) -> (usize, usize) {
        self.subkeys.iter().map(Self::size).fold((1, self.values.len()), |a, b| (a.0 + b.0, a.1 + b.1))
    }
}

/// Whether a key is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Not there; `ancestor` is the nearest key above that is.
    Absent {
        ancestor: RegistryKey,
    },
    Present(KeyFact),
}

impl KeyState {
    pub fn present(&self) -> Option<&KeyFact> {
        match self {
            Self::Present(fact) => Some(fact),
            Self::Absent { .. } => None,
        }
    }
}

/// Who the machine says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub name: Option<String>,
    pub domain: Option<String>,
    pub os: Option<String>,
    pub build: Option<String>,
    pub domain_controller: Option<bool>,
}

/// All answers of a machine to the questions of a plan.
#[derive(Clone, Debug)]
pub struct Facts {
    pub identity: Observed<Identity>,
    asked: HashMap<RegistryKey, KeyAspects>,
    keys: HashMap<RegistryKey, Observed<KeyState>>,
    accounts: HashMap<Box<str>, Observed<Option<Sid>>>,
    secrets: HashMap<(SecretReference, u32), Result<Fingerprint, Box<str>>>,
    fingerprints: HashMap<RegistryData, Fingerprint>,
    /// Of each file, the answers in the order of the aspects.
    files: BTreeMap<FilePath, Vec<(FileAspect, Observed<FileState>)>>,
    probes: BTreeMap<Probe, Observed<Answer>>,
    /// What trueup remembers of the machine; `None` where nothing was ever applied.
    pub record: Observed<Option<Arc<Record>>>,
    /// When the machine was last started or shut down, as far as it tells.
    pub restarted: Option<FileTime>,
    /// The services; `None` when nothing restarts, so that nobody asked.
    pub services: Option<Observed<Services>>,
    /// By the place where each usually lies, the files that Windows removes or replaces at its next start.
    pub(super) next_start: BTreeMap<FilePath, Answer>,
    /// Why nothing is known of them.
    pub(super) next_start_unread: Option<Unread>,
}

impl Facts {
    pub fn new(identity: Observed<Identity>) -> Self {
        Self {
            identity,
            asked: HashMap::new(),
            keys: HashMap::new(),
            accounts: HashMap::new(),
            secrets: HashMap::new(),
            fingerprints: HashMap::new(),
            files: BTreeMap::new(),
            probes: BTreeMap::new(),
            record: Ok(None),
            restarted: None,
            services: None,
            next_start: BTreeMap::new(),
            next_start_unread: None,
        }
    }

    /// The record, where there is one that can be read.
    pub fn remembered(&self) -> Option<&Record> {
        self.record.as_ref().ok()?.as_deref()
    }

    pub fn insert_fingerprint(&mut self, data: RegistryData, print: Fingerprint) {
        self.fingerprints.insert(data, print);
    }

    /// The fingerprint of data that was asked for.
    pub fn fingerprint(&self, data: &RegistryData) -> Option<Fingerprint> {
        self.fingerprints.get(data).copied()
    }

    pub fn insert_secret(&mut self, reference: SecretReference, value_type: u32, print: Result<Fingerprint, Box<str>>) {
        self.secrets.insert((reference, value_type), print);
    }

    /// The fingerprint of a secret as a value of this type, or why it is not to be had.
    pub fn secret(&self, reference: &SecretReference, value_type: u32) -> Option<&Result<Fingerprint, Box<str>>> {
        self.secrets.get(&(reference.clone(), value_type))
    }

    /// Takes the answer to one key question; a later, wider answer replaces an earlier one.
    pub fn insert_key(&mut self, key: RegistryKey, aspects: KeyAspects, state: Observed<KeyState>) {
        self.asked.insert(key.clone(), aspects);
        self.keys.insert(key, state);
    }

    pub fn insert_probe(&mut self, probe: Probe, answer: Observed<Answer>) {
        self.probes.insert(probe, answer);
    }

    /// What a probe found; `None` when nobody asked.
    pub fn probe(&self, probe: &Probe) -> Option<&Observed<Answer>> {
        self.probes.get(probe)
    }

    /// All answers of probes, sorted.
    pub fn probes(&self) -> impl Iterator<Item = (&Probe, &Observed<Answer>)> {
        self.probes.iter()
    }

    /// Takes the answer to one question about a file.
    pub fn insert_file(&mut self, path: FilePath, aspect: FileAspect, state: Observed<FileState>) {
        let known = self.files.entry(path).or_default();
        match known.binary_search_by(|(other, _)| other.cmp(&aspect)) {
            Ok(at) => {
                if let Some(slot) = known.get_mut(at) {
                    slot.1 = state;
                }
            }
            Err(at) => known.insert(at, (aspect, state)),
        }
    }

    /// What is known of a file that was asked about in this way; `None` when nobody asked.
    pub fn file(&self, path: &FilePath, aspect: &FileAspect) -> Option<&Observed<FileState>> {
        let known = self.files.get(path)?;
        let at = known.binary_search_by(|(other, _)| other.cmp(aspect)).ok()?;
        known.get(at).map(|(_, state)| state)
    }

    /// All answers about files, sorted.
    pub fn files(&self) -> impl Iterator<Item = (&FilePath, &FileAspect, &Observed<FileState>)> {
        self.files.iter().flat_map(|(path, known)| known.iter().map(move |(aspect, state)| (path, aspect, state)))
    }

    pub fn insert_account(&mut self, name: &str, sid: Observed<Option<Sid>>) {
        self.accounts.insert(upcase::fold(name).into(), sid);
    }

    /// What is known of a key; `None` when nobody asked.
    pub fn key(&self, key: &RegistryKey) -> Option<&Observed<KeyState>> {
        self.keys.get(key)
    }

    pub fn account(&self, name: &str) -> Option<&Observed<Option<Sid>>> {
        self.accounts.get(&*upcase::fold(name))
    }

    /// What was asked of each key, sorted by key.
    pub fn asked(&self) -> Vec<(&RegistryKey, &KeyAspects)> {
        let mut all: Vec<_> = self.asked.iter().collect();
        all.sort_unstable_by(|a, b| a.0.folded().cmp(b.0.folded()));
        all
    }

    /// The accounts asked for by folded name, sorted.
    pub fn accounts(&self) -> Vec<(&str, &Observed<Option<Sid>>)> {
        let mut all: Vec<_> = self.accounts.iter().map(|(name, sid)| (&**name, sid)).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }

    /// Everything that could not be read, with what was asked.
    pub fn unread(&self) -> Vec<(String, &Unread)> {
        let keys =
            self.asked().into_iter().filter_map(|(key, _)| Some((key.to_string(), self.key(key)?.as_ref().err()?)));
        let accounts =
            self.accounts().into_iter().filter_map(|(name, sid)| Some((name.to_owned(), sid.as_ref().err()?)));
        let files = self.files().filter_map(|(path, _, state)| Some((path.to_string(), state.as_ref().err()?)));
        let probes = self.probes.iter().filter_map(|(probe, answer)| Some((probe.to_string(), answer.as_ref().err()?)));
        keys.chain(accounts).chain(files).chain(probes).collect()
    }

    /// Whether a question asked for something that must stay sealed.
    pub fn asked_for_secrets(&self) -> bool {
        self.asked.values().any(|aspects| !aspects.sealed.is_empty())
    }

    /// How many questions were answered.
    pub fn answered(&self) -> usize {
        self.keys.values().filter(|state| state.is_ok()).count()
            + self.accounts.values().filter(|sid| sid.is_ok()).count()
            + self.files().filter(|(_, _, state)| state.is_ok()).count()
            + self.probes.values().filter(|answer| answer.is_ok()).count()
    }
}

/// Bytes as lower-case hex in JSON.
pub mod hex_bytes {
    use std::sync::Arc;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::model::registry_data::{hex, unhex};

    pub fn serialize<S: Serializer>(bytes: &Arc<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[u8]>, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        unhex(&text).map(Into::into).ok_or_else(|| D::Error::custom("bad hex"))
    }
}

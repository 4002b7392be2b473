//! A machine as `trueup capture` wrote it down: read only, and honest about what was not captured.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::formats::service::{DependencyGraph, ServiceName};
use crate::formats::upcase;
use crate::machine::{Machine, MachineKind, RegistryReader, RunName, next_start, services};
use crate::model::fact::{
    Facts, Identity, KeyAspects, KeyFact, KeyState, KeyTree, Observed, Unread, ValueFact, ValueSelection, hex_bytes,
};
use crate::model::file::{FileAspect, FilePath, FileState};
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;
use crate::model::registry_tree::{Node, absent};
use crate::model::remembered::{AppliedEntry, Owed, Record};
use crate::model::services::Services;
use crate::model::sid::Sid;
use crate::model::time::FileTime;

/// The version of the form that this code writes; the same rules as a plan's.
pub const SNAPSHOT_VERSION: &str = "1.1";
const KIND: &str = "trueup.snapshot";
const SYSTEM: &str = r"HKLM\SYSTEM";
const CURRENT_CONTROL_SET: &str = r"HKLM\SYSTEM\CurrentControlSet";

/// The file's form.
#[derive(Debug, Serialize, Deserialize)]
struct Wire {
    format_version: String,
    kind: String,
    captured_at: jiff::Timestamp,
    identity: Observed<Identity>,
    keys: Vec<WireKey>,
    accounts: Vec<(String, Observed<Option<Sid>>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<WireFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    probes: Vec<WireProbe>,
    /// When the machine was last shut down, as far as it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restarted: Option<FileTime>,
    /// Why it is not known what the next start does with files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_start_unread: Option<Unread>,
    /// Who needs whom, where anything restarts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    services: Option<Observed<WireServices>>,
    /// What trueup remembers of the machine, but for fingerprints of secrets; left out by versions that did not capture it.
    #[serde(default = "record_not_captured")]
    record: Observed<Option<WireRecord>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WireServices {
    controllable: bool,
    /// By name, each with what it needs.
    needs: BTreeMap<String, Vec<String>>,
}

impl WireServices {
    fn of(services: &Services) -> Self {
        let names = |needs: &mut dyn Iterator<Item = &ServiceName>| needs.map(ToString::to_string).collect();
        let needs = services.graph.services().map(|(name, mut needs)| (name.to_string(), names(&mut needs)));
        Self { controllable: services.controllable, needs: needs.collect() }
    }

    fn services(self) -> Services {
        let needs = self.needs.into_iter().filter_map(|(name, needs)| {
            Some((name.parse().ok()?, needs.iter().filter_map(|needed| needed.parse().ok()).collect()))
        });
        Services { graph: DependencyGraph::new(needs), controllable: self.controllable }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct WireRecord {
    #[serde(default, skip_serializing_if = "Owed::is_empty")]
    owed: Owed,
    entries: Vec<AppliedEntry>,
    /// The runs of which the machine has a journal; the journals are not captured.
    #[serde(default)]
    runs: Vec<RunName>,
}

fn record_not_captured() -> Observed<Option<WireRecord>> {
    Err(Unread::NotCaptured { what: "the record".into() })
}

/// One question about a file and what was answered; of a secret, the public part.
#[derive(Debug, Serialize, Deserialize)]
struct WireFile {
    path: FilePath,
    asked: FileAspect,
    state: Observed<FileState>,
}

/// What a probe found.
#[derive(Debug, Serialize, Deserialize)]
struct WireProbe {
    #[serde(flatten)]
    probe: Probe,
    answer: Observed<Answer>,
}

/// One key with what was asked of it and what it answered.
#[derive(Debug, Serialize, Deserialize)]
struct WireKey {
    key: RegistryKey,
    /// `all`, or the names that were asked for.
    values: WireSelection,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sealed: Vec<Box<str>>,
    #[serde(default)]
    subkeys: bool,
    #[serde(default)]
    security: bool,
    state: Observed<WireState>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireSelection {
    Named(Vec<Box<str>>),
    All,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireState {
    Absent {
        ancestor: RegistryKey,
    },
    Present(WireFact),
    /// The key with everything below it; says all that can be asked.
    Tree(Box<KeyTree>),
}

#[derive(Debug, Serialize, Deserialize)]
struct WireFact {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
    last_written: FileTime,
    #[serde(default)]
    link: bool,
    values: Vec<ValueFact>,
    #[serde(default)]
    subkeys: Vec<Box<str>>,
    #[serde(default)]
    security: Option<SecurityBytes>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
struct SecurityBytes(#[serde(with = "hex_bytes")] std::sync::Arc<[u8]>);

/// Why a file is not a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("this is not a snapshot")]
    Json(#[source] serde_json::Error),
    #[error("this is a {0}, not a snapshot")]
    Kind(String),
    #[error("the snapshot has format version {0}; this trueup reads {SNAPSHOT_VERSION} and later minors")]
    Version(String),
}

/// Facts as a snapshot's JSON, which ends with a line break; `runs` are those that the machine's record holds.
///
/// # Errors
/// Never for facts that were observed; serialisation reports it rather than panic.
pub fn to_json(facts: &Facts, runs: &[RunName], captured_at: jiff::Timestamp) -> Result<Vec<u8>, serde_json::Error> {
    let record = facts.record.clone().map(|record| {
        record.map(|record| {
            let Record { entries, owed, .. } = record.without_fingerprints();
            WireRecord { owed, entries: entries.into_values().collect(), runs: runs.to_vec() }
        })
    });
    let keys = facts.asked().into_iter().filter_map(|(key, aspects)| Some(wire_key(key, aspects, facts.key(key)?)));
    let wire = Wire {
        format_version: SNAPSHOT_VERSION.into(),
        kind: KIND.into(),
        captured_at,
        identity: facts.identity.clone(),
        keys: keys.collect(),
        accounts: facts.accounts().into_iter().map(|(name, sid)| (name.to_owned(), sid.clone())).collect(),
        files: facts
            .files()
            .map(|(path, asked, state)| WireFile { path: path.clone(), asked: asked.clone(), state: state.clone() })
            .collect(),
        probes: facts
            .probes()
            .map(|(probe, answer)| WireProbe { probe: probe.clone(), answer: answer.clone() })
            .collect(),
        restarted: facts.restarted,
        next_start_unread: facts.next_start_unread().cloned(),
        services: facts.services.as_ref().map(|services| services.as_ref().map(WireServices::of).map_err(Clone::clone)),
        record,
    };
    let mut json = serde_json::to_vec_pretty(&wire)?;
    json.push(b'\n');
    Ok(json)
}

fn wire_key(key: &RegistryKey, aspects: &KeyAspects, state: &Observed<KeyState>) -> WireKey {
    let state = state.as_ref().map_err(Clone::clone).map(|state| match state {
        KeyState::Absent { ancestor } => WireState::Absent { ancestor: ancestor.clone() },
        KeyState::Present(KeyFact { tree: Some(tree), .. }) => WireState::Tree(tree.clone()),
        KeyState::Present(fact) => WireState::Present(WireFact {
            name: fact.name.clone(),
            last_written: fact.last_written,
            link: fact.link,
            values: fact.values().into_iter().cloned().collect(),
            subkeys: fact.subkeys.clone(),
            security: fact.security.clone().map(SecurityBytes),
        }),
    });
    WireKey {
        key: key.clone(),
        values: match &aspects.values {
            ValueSelection::None => WireSelection::Named(Vec::new()),
            ValueSelection::Named(names) => WireSelection::Named(names.clone()),
            ValueSelection::All => WireSelection::All,
        },
        sealed: aspects.sealed.clone(),
        subkeys: aspects.subkeys,
        security: aspects.security,
        state,
    }
}

/// A machine made of captured facts.
#[derive(Debug)]
pub struct SnapshotMachine {
    identity: Observed<Identity>,
    pub captured_at: jiff::Timestamp,
    keys: HashMap<RegistryKey, Captured>,
    accounts: HashMap<String, Observed<Option<Sid>>>,
    files: HashMap<(FilePath, FileAspect), Observed<FileState>>,
    probes: HashMap<Probe, Observed<Answer>>,
    next_start_unread: Option<Unread>,
    restarted: Option<FileTime>,
    services: Option<Observed<Services>>,
    record: Observed<Option<Record>>,
    runs: Vec<RunName>,
}

#[derive(Debug)]
enum Captured {
    Key { asked: KeyAspects, state: Observed<KeyState> },
    Tree(Box<Node>),
}

impl SnapshotMachine {
    /// Reads a snapshot's JSON.
    ///
    /// # Errors
    /// Another kind of file, another major version, or damage.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SnapshotError> {
        #[derive(Deserialize)]
        struct Head {
            kind: String,
            format_version: String,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(SnapshotError::Json)?;
        if head.kind != KIND {
            return Err(SnapshotError::Kind(head.kind));
        }
        if head.format_version.split('.').next() != SNAPSHOT_VERSION.split('.').next() {
            return Err(SnapshotError::Version(head.format_version));
        }
        let wire: Wire = serde_json::from_slice(bytes).map_err(SnapshotError::Json)?;
        let mut runs = Vec::new();
        let record = wire.record.map(|record| {
            record.map(|wire| {
                let mut record = Record { owed: wire.owed, ..Record::default() };
                wire.entries.into_iter().for_each(|entry| record.insert(entry));
                runs = wire.runs;
                record
            })
        });
        Ok(Self {
            restarted: wire.restarted,
            next_start_unread: wire.next_start_unread,
            services: wire.services.map(|services| services.map(WireServices::services)),
            record,
            runs,
            identity: wire.identity,
            captured_at: wire.captured_at,
            keys: wire.keys.into_iter().map(|key| (key.key.clone(), captured(key))).collect(),
            accounts: wire.accounts.into_iter().map(|(name, sid)| (upcase::fold(&name), sid)).collect(),
            files: wire.files.into_iter().map(|file| ((file.path, file.asked), file.state)).collect(),
            probes: wire.probes.into_iter().map(|one| (one.probe, one.answer)).collect(),
        })
    }

    /// All captured keys, sorted: the whole of what the snapshot says.
    pub fn captured(&self) -> Vec<(RegistryKey, Observed<KeyState>)> {
        let mut keys: Vec<&RegistryKey> = self.keys.keys().collect();
        keys.sort_unstable();
        let everything = KeyAspects {
            values: ValueSelection::All,
            subkeys: true,
            security: true,
            tree: true,
            ..KeyAspects::default()
        };
        let state = |key: &RegistryKey| match self.keys.get(key) {
            Some(Captured::Tree(node)) => Ok(KeyState::Present(node.fact(&everything))),
            Some(Captured::Key { state, .. }) => state.clone(),
            None => Err(not_captured(key)),
        };
        keys.into_iter().map(|key| (key.clone(), state(key))).collect()
    }

    /// Answers from what was captured under this name, or under the name that Windows links it to.
    fn answer(&self, key: &RegistryKey, asked: &KeyAspects) -> Observed<KeyState> {
        let Some(target) = self.linked(key)? else { return self.find(key, asked) };
        Ok(match self.find(&target, asked)? {
            KeyState::Absent { ancestor } => absent(key, target.depth() - ancestor.depth()),
            present => present,
        })
    }

    /// What a key below `CurrentControlSet` is called in a captured hive, which holds the link's target only; `None` for
    /// keys that stand for themselves, and where the link's name was captured too.
    fn linked(&self, key: &RegistryKey) -> Observed<Option<RegistryKey>> {
        let parsed = |text: &str| {
            RegistryKey::parse(text).map_err(|error| Unread::Failed { what: key.to_string(), detail: error.message })
        };
        let (link, hive) = (parsed(CURRENT_CONTROL_SET)?, parsed(SYSTEM)?);
        if !key.starts_with(&link) {
            return Ok(None);
        }
        let Some(Captured::Tree(tree)) = self.keys.get(&hive) else { return Ok(None) };
        let mut known =
            std::iter::successors(Some(key.clone()), RegistryKey::parent).take_while(|above| above.starts_with(&link));
        if known.any(|above| self.keys.contains_key(&above)) {
            return Ok(None);
        }
        let current = tree.subkeys.get("SELECT").and_then(|select| select.values.get("CURRENT"));
        let Some(number) = current.and_then(|value| value.data.plain()?.number()) else {
            return Err(Unread::Failed { what: key.to_string(), detail: format!("{SYSTEM}\\Select has no Current") });
        };
        let rest = key.components().skip(link.depth()).map(|name| format!("\\{name}")).collect::<String>();
        parsed(&format!("{SYSTEM}\\ControlSet{number:03}{rest}")).map(Some)
    }

    fn find(&self, key: &RegistryKey, asked: &KeyAspects) -> Observed<KeyState> {
        let mut missing_below = None;
        let mut depth = 0;
        let mut next = Some(Cow::Borrowed(key));
        while let Some(above) = next {
            match self.keys.get(&*above) {
                Some(Captured::Tree(node)) => return Ok(inside_tree(key, node, depth, asked)),
                Some(Captured::Key { asked: known, state }) if depth == 0 => {
                    return match state {
                        Ok(KeyState::Present(fact)) if !known.covers(asked) => {
                            missing_below = Some(fact);
                            break;
                        }
                        state => state.clone(),
                    };
                }
                Some(Captured::Key { state: Ok(KeyState::Absent { ancestor }), .. }) => {
                    return Ok(KeyState::Absent { ancestor: ancestor.clone() });
                }
                _ => {}
            }
            depth += 1;
            next = above.parent().map(Cow::Owned);
        }
        let what = if missing_below.is_some() { format!("all that is asked of {key}") } else { key.to_string() };
        Err(Unread::NotCaptured { what })
    }
}

fn not_captured(key: &RegistryKey) -> Unread {
    Unread::NotCaptured { what: key.to_string() }
}

fn captured(key: WireKey) -> Captured {
    let asked = KeyAspects {
        values: match key.values {
            WireSelection::Named(names) => ValueSelection::Named(names),
            WireSelection::All => ValueSelection::All,
        },
        sealed: key.sealed,
        subkeys: key.subkeys,
        security: key.security,
        tree: false,
    };
    let state = match key.state {
        Ok(WireState::Tree(tree)) => return Captured::Tree(Box::new(Node::from_tree(&tree))),
        Ok(WireState::Absent { ancestor }) => Ok(KeyState::Absent { ancestor }),
        Ok(WireState::Present(fact)) => {
            let mut known = KeyFact::new(fact.last_written, fact.link);
            known.name = fact.name;
            known.subkeys = fact.subkeys;
            known.security = fact.security.map(|security| security.0);
            fact.values.into_iter().for_each(|value| known.insert_value(value));
            Ok(KeyState::Present(known))
        }
        Err(unread) => Err(unread),
    };
    Captured::Key { asked, state }
}

/// The key `depth` levels below the top of a captured tree.
fn inside_tree(key: &RegistryKey, top: &Node, depth: usize, asked: &KeyAspects) -> KeyState {
    let names: Vec<&str> = key.folded().split('\\').collect();
    let below = names.get(names.len().saturating_sub(depth)..).unwrap_or_default();
    match top.descend(below.iter().copied()) {
        Ok(node) => KeyState::Present(node.fact(asked)),
        Err(missing) => absent(key, missing),
    }
}

impl Machine for SnapshotMachine {
    fn kind(&self) -> MachineKind {
        MachineKind::Snapshot
    }

    fn identity(&self) -> Observed<Identity> {
        self.identity.clone()
    }

    fn registry(&self) -> Observed<&dyn RegistryReader> {
        Ok(self)
    }

    fn account(&self, name: &str) -> Observed<Option<Sid>> {
        let unknown = || Err(Unread::NotCaptured { what: format!("the account {name}") });
        self.accounts.get(&upcase::fold(name)).cloned().unwrap_or_else(unknown)
    }

    fn known_file(&self, path: &FilePath, aspect: &FileAspect) -> Option<Observed<FileState>> {
        let missing = || Err(Unread::NotCaptured { what: path.to_string() });
        Some(self.files.get(&(path.clone(), aspect.clone())).cloned().unwrap_or_else(missing))
    }

    fn record(&self) -> Observed<Option<Record>> {
        self.record.clone()
    }

    fn runs(&self) -> Observed<Vec<RunName>> {
        self.record.as_ref().map_err(Clone::clone)?;
        Ok(self.runs.clone())
    }

    fn journal(&self, run: &RunName, _: Option<u64>) -> Observed<Option<Vec<u8>>> {
        Err(Unread::NotCaptured { what: format!("the journal of run {run}") })
    }

    fn probe(&self, probe: &Probe) -> Observed<Answer> {
        let not_captured = || Err(Unread::NotCaptured { what: probe.to_string() });
        match (self.probes.get(probe), probe) {
            (Some(answer), _) => answer.clone(),
            (None, Probe::NextStart { path }) => next_start::of(self, path),
            (None, _) => not_captured(),
        }
    }

    /// What was asked about, or what the list says that was captured with everything else.
    fn next_start(&self) -> Observed<Vec<(FilePath, Answer)>> {
        if let Some(unread) = &self.next_start_unread {
            return Err(unread.clone());
        }
        let asked = self.probes.iter().filter_map(|(probe, answer)| match (probe, answer) {
            (Probe::NextStart { path }, Ok(fate)) if *fate != Answer::Stays => Some((path.clone(), fate.clone())),
            _ => None,
        });
        let asked: Vec<(FilePath, Answer)> = asked.collect();
        if asked.is_empty() { next_start::all(self) } else { Ok(asked) }
    }

    fn services(&self) -> Observed<Services> {
        match &self.services {
            Some(services) => services.clone(),
            None => Ok(Services { graph: services::dependencies(self)?, controllable: false }),
        }
    }

    fn last_shutdown(&self) -> Option<FileTime> {
        self.restarted
    }
}

impl RegistryReader for SnapshotMachine {
    fn read(&self, queries: &[(RegistryKey, KeyAspects)]) -> Vec<Observed<KeyState>> {
        queries.iter().map(|(key, asked)| self.answer(key, asked)).collect()
    }
}

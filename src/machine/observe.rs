//! Asks a machine what the entries of a document want to know, in few bounded rounds, each answered in bulk.

use std::sync::Arc;

use crate::kinds::{Context, NamedKeys, Wanted};
use crate::machine::known_secrets::KnownSecrets;
use crate::machine::{Machine, SecretSource, file_facts};
use crate::model::fact::{Facts, KeyState, Observed, Queries, Stored, Unread, ValueFact};
use crate::model::file::{FileAspect, FilePath};
use crate::model::fingerprint::FingerprintKey;
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;

/// How often the answers of one round may lead to new questions.
const MAX_ROUNDS: usize = 6;

/// Why the machine could not be observed at all.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A kind that asks without end is a defect, told rather than hung on.
    #[error("observation did not settle after {MAX_ROUNDS} rounds")]
    Unsettled,
    #[error("this host gives no random numbers")]
    Random(#[source] getrandom::Error),
}

/// What an observation asks for beside what the entries want to know.
#[derive(Clone, Copy)]
pub struct ObserveOptions<'o> {
    pub as_of: jiff::Timestamp,
    /// Secrets that can be resolved are compared by their fingerprints.
    pub secrets: &'o dyn SecretSource,
    /// Ask for all that lies in the places that the entries name, so that what is not named can be counted.
    pub survey: bool,
}

/// Reads all that the entries want to know. Values that are secrets are sealed before they become facts.
///
/// # Errors
/// The questions did not settle within the bound.
pub fn observe<'w>(
    machine: &dyn Machine,
    wanted: impl Iterator<Item = &'w Wanted> + Clone,
    options: ObserveOptions<'_>,
) -> Result<Facts, ObserveError> {
    let named = NamedKeys::of(wanted.clone());
    let context = Context::new(options.as_of, false, &named).surveying(options.survey);
    let mut facts = rounds(machine, options.secrets, &mut |facts, queries| {
        for entry in wanted.clone() {
            entry.kind().wants(facts, &context, queries);
        }
        ask_next_start(facts, queries);
    })?;
    let mut wanted = wanted;
    ask_services(machine, wanted.any(|entry| entry.kind().common().on_change.services().next().is_some()), &mut facts);
    Ok(facts)
}

/// Asks who needs whom, when there is anything to restart: in the plan, or since an earlier run.
pub fn ask_services(machine: &dyn Machine, restarts: bool, facts: &mut Facts) {
    let owes = facts.remembered().is_some_and(|record| !record.owed.restarts.is_empty());
    if restarts || owes {
        facts.services = Some(machine.services());
    }
}

/// Asks what becomes of the files that are asked about, where the next start does something with them.
pub fn ask_next_start(facts: &Facts, queries: &mut Queries) {
    if facts.leaves_all_alone() {
        return;
    }
    let fates = queries.files().iter().filter_map(|(path, aspect)| Some((path, aspect, facts.next_start(path)?)));
    let fates: Vec<_> = fates.map(|(path, aspect, fate)| (path.clone(), aspect.clone(), fate.clone())).collect();
    for (path, aspect, fate) in fates {
        if let Answer::ReplacedBy { path: by } = fate {
            queries.file(&by, aspect);
        }
        queries.probe(Probe::NextStart { path });
    }
    let secured = queries.probes().iter().filter_map(|probe| match probe {
        Probe::FileSecurity { path } => match facts.next_start(path)? {
            Answer::ReplacedBy { path: by } => Some(Probe::FileSecurity { path: by.clone() }),
            _ => None,
        },
        _ => None,
    });
    let secured: Vec<Probe> = secured.collect();
    let folders = queries.files().iter().filter(|(_, aspect)| matches!(aspect, FileAspect::Tree | FileAspect::Names));
    let listed: Vec<FilePath> = folders.flat_map(|(folder, _)| facts.changed_below(folder)).collect();
    let listed = listed.into_iter().map(|path| Probe::NextStart { path });
    secured.into_iter().chain(listed).for_each(|probe| queries.probe(probe));
}

/// Reads all that is asked for: `ask` is shown what is known and adds its questions, until it has none that are new.
///
/// # Errors
/// As [`observe`].
pub fn rounds(
    machine: &dyn Machine,
    secrets: &dyn SecretSource,
    ask: &mut dyn FnMut(&Facts, &mut Queries),
) -> Result<Facts, ObserveError> {
    let mut facts = begin(machine);
    let mut key = None;
    for _ in 0..MAX_ROUNDS {
        let mut queries = Queries::default();
        ask(&facts, &mut queries);
        let open = queries.not_in(&facts);
        if open.is_empty() {
            return Ok(facts);
        }
        let key = match &mut key {
            None if needs_key(&open) => Some(&*key.insert(key_of(machine)?)),
            known => known.as_ref(),
        };
        answer(machine, &open, key, secrets, &mut facts);
        for data in open.data() {
            if let Some(key) = key {
                facts.insert_fingerprint(data.clone(), key.of(data.value_type, &data.bytes));
            }
        }
        for (reference, value_type) in open.secrets() {
            let resolved = secrets.resolve(reference);
            let print = match (resolved, key) {
                (Ok(text), Some(key)) => {
                    let data = zeroize::Zeroizing::new(RegistryData::text(*value_type, &text).bytes);
                    Ok(key.of(*value_type, &data))
                }
                (Ok(_), None) => Err("there is no key to compare it with".into()),
                (Err(detail), _) => Err(detail.into()),
            };
            facts.insert_secret(reference.clone(), *value_type, print);
        }
    }
    Err(ObserveError::Unsettled)
}

/// The facts of a machine of which nothing was asked yet: who it is, and what it remembers.
pub fn begin(machine: &dyn Machine) -> Facts {
    let mut facts = Facts::new(machine.identity());
    facts.record = machine.record().map(|record| record.map(Arc::new));
    facts.restarted = machine.last_shutdown();
    facts.insert_next_start(machine.next_start());
    facts
}

fn needs_key(queries: &Queries) -> bool {
    !queries.data().is_empty()
        || !queries.secrets().is_empty()
        || !queries.files().is_empty()
        || queries.keys().iter().any(|(_, aspects)| !aspects.sealed.is_empty())
}

/// The key of the machine's record, or one for this process alone: both tell equal secrets from different ones.
fn key_of(machine: &dyn Machine) -> Result<FingerprintKey, ObserveError> {
    match machine.fingerprint_key() {
        Ok(Some(key)) => Ok(key),
        _ => fresh_key().map_err(ObserveError::Random),
    }
}

/// A key that nobody can foresee.
///
/// # Errors
/// The host gives no random numbers.
pub fn fresh_key() -> Result<FingerprintKey, getrandom::Error> {
    let mut bytes = zeroize::Zeroizing::new([0; FingerprintKey::BYTES]);
    getrandom::fill(&mut *bytes)?;
    Ok(FingerprintKey::new(*bytes))
}

/// Puts the machine's answers to `queries` into `facts`; what is to be sealed gets its fingerprint under `key`, passwords of
/// files come from `secrets`. In whole trees,
/// what the record of `facts` knows as a secret is sealed too.
pub fn answer(
    machine: &dyn Machine,
    queries: &Queries,
    key: Option<&FingerprintKey>,
    secrets: &dyn SecretSource,
    facts: &mut Facts,
) {
    file_facts::answer(machine, queries, key, secrets, facts);
    let record = facts.record.as_ref().ok().and_then(Clone::clone);
    let known = record.as_deref().and_then(KnownSecrets::of);
    match machine.registry() {
        Ok(registry) => {
            for ((name, aspects), mut state) in queries.keys().iter().zip(registry.read(queries.keys())) {
                seal(&mut state, &aspects.sealed, key);
                if let (Some(known), Ok(KeyState::Present(fact))) = (&known, &mut state)
                    && let Some(tree) = &mut fact.tree
                {
                    known.seal(name, tree, key);
                }
                facts.insert_key(name.clone(), aspects.clone(), state);
            }
        }
        Err(unread) => {
            for (key, aspects) in queries.keys() {
                facts.insert_key(RegistryKey::clone(key), aspects.clone(), Err(Unread::clone(&unread)));
            }
        }
    }
    for name in queries.accounts() {
        facts.insert_account(name, machine.account(name));
    }
    for probe in queries.probes() {
        facts.insert_probe(probe.clone(), machine.probe(probe));
    }
}

fn seal(state: &mut Observed<KeyState>, names: &[Box<str>], key: Option<&FingerprintKey>) {
    let Ok(KeyState::Present(fact)) = state else { return };
    for name in names {
        if let Some(sealed) = fact.value(name).and_then(|value| sealed(value, key)) {
            fact.insert_value(sealed);
        }
        for value in fact.tree.iter_mut().flat_map(|tree| &mut tree.values) {
            if crate::formats::upcase::eq(&value.name, name)
                && let Some(sealed) = sealed(value, key)
            {
                *value = sealed;
            }
        }
    }
}

pub(super) fn sealed(value: &ValueFact, key: Option<&FingerprintKey>) -> Option<ValueFact> {
    let data = value.data.plain()?;
    let fingerprint = key.map(|key| key.of(data.value_type, &data.bytes));
    Some(ValueFact { name: value.name.clone(), data: Stored::sealed(data.value_type), fingerprint })
}

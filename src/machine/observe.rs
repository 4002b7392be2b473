//! Asks a machine what the entries of a document want to know, in few bounded rounds, each answered in bulk.

use crate::kinds::{Context, NamedKeys, Wanted};
use crate::machine::Machine;
use crate::model::fact::{Facts, KeyState, Observed, Queries, Stored, ValueFact};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;

/// How often the answers of one round may lead to new questions.
const MAX_ROUNDS: usize = 6;

/// Why the questions never ended: a kind that asks without end is a defect, told rather than hung on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("observation did not settle after {MAX_ROUNDS} rounds")]
pub struct ObserveError;

/// Reads all that the entries want to know. Values that are secrets are sealed before they become facts.
///
/// # Errors
/// The questions did not settle within the bound.
pub fn observe<'w>(
    machine: &dyn Machine,
    wanted: impl Iterator<Item = &'w Wanted> + Clone,
    as_of: jiff::Timestamp,
) -> Result<Facts, ObserveError> {
    let named = NamedKeys::of(wanted.clone());
    let context = Context::new(as_of, false, &named);
    let mut facts = Facts::new(machine.identity());
    for _ in 0..MAX_ROUNDS {
        let mut queries = Queries::default();
        for entry in wanted.clone() {
            entry.kind().wants(&facts, &context, &mut queries);
        }
        let open = queries.not_in(&facts);
        if open.is_empty() {
            return Ok(facts);
        }
        answer(machine, &open, &mut facts);
    }
    Err(ObserveError)
}

/// Puts the machine's answers to `queries` into `facts`.
pub fn answer(machine: &dyn Machine, queries: &Queries, facts: &mut Facts) {
    match machine.registry() {
        Ok(registry) => {
            for ((key, aspects), mut state) in queries.keys().iter().zip(registry.read(queries.keys())) {
                seal(&mut state, &aspects.sealed);
                facts.insert_key(key.clone(), aspects.clone(), state);
            }
        }
        Err(unread) => {
            for (key, aspects) in queries.keys() {
                facts.insert_key(RegistryKey::clone(key), aspects.clone(), Err(unread.clone()));
            }
        }
    }
    for name in queries.accounts() {
        facts.insert_account(name, machine.account(name));
    }
}

fn seal(state: &mut Observed<KeyState>, names: &[Box<str>]) {
    let Ok(KeyState::Present(fact)) = state else { return };
    for name in names {
        let Some(ValueFact { name, data: Stored::Plain(RegistryData { value_type, .. }) }) = fact.value(name) else {
            continue;
        };
        let sealed = ValueFact { name: name.clone(), data: Stored::Sealed { sealed_type: *value_type } };
        fact.insert_value(sealed);
    }
}

//! What an entry says of its service, in words. Pure.

use super::compare::{ACCOUNT, DEPENDENCIES, PASSWORD, RECOVERY, START, STATE};
use super::wanted::{Expiry, WantedDependencies, WantedService};
use crate::formats::service::Dependencies;
use crate::kinds::Kind as _;
use crate::kinds::registry::consequences;
use crate::model::resource::ResourceId;

pub fn of(wanted: &WantedService) -> Vec<(ResourceId, String)> {
    let id = wanted.address();
    let parts = [
        (
            START,
            wanted
                .start
                .as_ref()
                .map(|start| until(wanted, start.value.words(), |expiry| Some(expiry.start.as_ref()?.value.words()))),
        ),
        (ACCOUNT, wanted.account.as_ref().map(|account| account.value.account.to_string())),
        (PASSWORD, wanted.password().map(|password| format!("(secret from {})", password.value))),
        (DEPENDENCIES, wanted.dependencies.as_ref().map(|wanted| dependencies(&wanted.value))),
        (RECOVERY, wanted.recovery.as_ref().map(|recovery| recovery.value.words())),
        (
            STATE,
            wanted
                .state
                .as_ref()
                .map(|state| until(wanted, state.value.word(), |expiry| Some(expiry.state.as_ref()?.value.word()))),
        ),
    ];
    let parts = parts.into_iter().filter_map(|(part, words)| Some((ResourceId::part_of(&id, part), words?)));
    std::iter::once((id.clone(), format!("present{}", consequences(&wanted.common)))).chain(parts).collect()
}

/// What holds until the entry expires, and what then.
fn until(wanted: &WantedService, words: &str, then: impl FnOnce(&Expiry) -> Option<&'static str>) -> String {
    match wanted.expires.as_ref().and_then(|expiry| Some((expiry.on, then(expiry)?))) {
        Some((on, then)) => format!("{words} until {on}, then {then}"),
        None => words.to_owned(),
    }
}

fn dependencies(wanted: &WantedDependencies) -> String {
    let joined = |list: &Dependencies| list.to_list().join(", ");
    match wanted {
        WantedDependencies::Exactly(list) if list.to_list().is_empty() => "none".to_owned(),
        WantedDependencies::Exactly(list) => joined(list),
        WantedDependencies::Some { contains, lacks } => {
            let said = |word: &str, list: &Dependencies| {
                (!list.to_list().is_empty()).then(|| format!("{word} {}", joined(list)))
            };
            said("contains", contains).into_iter().chain(said("lacks", lacks)).collect::<Vec<_>>().join("; ")
        }
    }
}

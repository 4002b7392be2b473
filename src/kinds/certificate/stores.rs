//! The stores of an entry: is the certificate in each, under its name, and does the former one leave. Pure.

use super::assess::Scene;
use super::bundle;
use super::compare::Case;
use super::found::{self, Stored};
use super::keys::Keys;
use super::statements;
use super::wanted::WantedCertificate;
use crate::formats::certificate_store::StorePlace;
use crate::formats::x509::Certificate;
use crate::kinds::Comparison;
use crate::model::certificate::KeyBinding;
use crate::model::digest;
use crate::model::operation::{Element, Operation};
use crate::model::remembered::Trace;
use crate::model::thumbprint::Thumbprint;
use crate::model::verdict::{Action, Decision, Reason};

/// Stores whose certificates are trusted or distrusted for what they are, without keys.
const KEYLESS: [&str; 9] = [
    "Root",
    "CA",
    "AuthRoot",
    "Disallowed",
    "TrustedPeople",
    "TrustedPublisher",
    "SmartCardRoot",
    "ClientAuthIssuer",
    "AddressBook",
];

/// Whether certificates of a store are there for the sake of their keys.
pub fn holds_keys(place: &StorePlace) -> bool {
    !KEYLESS.iter().any(|name| crate::formats::upcase::eq(name, place.store.as_str()))
}

/// Whether Windows knows a key for the certificate in one of the entry's stores.
pub fn knows_key(entry: &WantedCertificate, certificate: &Certificate, scene: Scene<'_>) -> bool {
    entry
        .stores
        .iter()
        .filter_map(|place| found::store(&place.value, scene.facts, scene.all).ok())
        .any(|stored| stored.iter().any(|one| one.key.is_some() && one.certificate.der() == certificate.der()))
}

/// Decides about each store; what leaves a store leaves last.
pub fn compare(case: &Case<'_>, keys: &Keys, comparison: &mut Comparison) {
    for place in &case.entry.stores {
        let (store, at) = (&place.value, place.at);
        let id = case.entry.part(&store.to_string());
        let Some(result) = &case.assessment.result else {
            comparison.decisions.push(case.waiting(id, at));
            continue;
        };
        let stored = match found::store(store, case.scene.facts, case.scene.all) {
            Ok(stored) => stored,
            Err(unread) => {
                comparison.decisions.push(super::files::unread_place(id, at, &unread));
                continue;
            }
        };
        let here = |certificate: &Certificate| stored.iter().find(|one| one.certificate.der() == certificate.der());
        let present = result.known.as_ref().and_then(|known| here(known));
        let former = case.assessment.current.as_ref().and_then(|current| here(current));
        let trace = Trace {
            wanted: digest::of(&[b"statement", statements::store(case.entry, store).as_bytes()]),
            found: present.or(former).map_or(digest::ABSENT, of_stored),
            secret: None,
        };
        let binding = keys.binding(store, result.known.as_deref(), present);
        let decision = match problem(case, present, binding) {
            None => Decision::keep(id, at),
            Some(problem) => {
                let step = Operation::PutCertificate {
                    store: store.clone(),
                    certificate: result.certificate.clone(),
                    friendly_name: case.entry.friendly_name.clone(),
                    key: binding.cloned(),
                    before: present.map(|present| present.element.clone()),
                    exact: None,
                };
                let action = match (present, former) {
                    (Some(_), _) => Action::Update,
                    (None, Some(_)) => Action::Replace,
                    (None, None) => Action::Create,
                };
                case.changed(id, at, action, problem, vec![step])
            }
        };
        comparison.decisions.push(decision.traced(trace));
        let is_replaced = former
            .is_some_and(|former| result.known.as_ref().is_none_or(|known| known.der() != former.certificate.der()));
        if case.entry.keep_old.keeps_store() {
            continue;
        }
        let reason = || Reason::with("certificate.replaced", format!("{} takes its place", result.certificate));
        if let Some(former) = former.filter(|_| is_replaced && case.assessment.is_own) {
            comparison.closing.push(removed(case.entry, store, at, former, reason()));
        }
        // What should have left with an earlier renewal, and was held back then.
        for one in left_behind(case, store, &stored) {
            if former.is_none_or(|former| former.certificate.der() != one.certificate.der()) {
                comparison.closing.push(removed(case.entry, store, at, one, reason()));
            }
        }
    }
}

/// The former certificates of the entry that are in a store still and that no entry wants there.
fn left_behind<'s>(case: &Case<'_>, store: &StorePlace, stored: &'s [Stored]) -> Vec<&'s Stored> {
    let record = case.scene.facts.remembered().and_then(|record| record.entry(&case.entry.address()));
    let former = record.map_or(&[][..], |entry| entry.former.as_slice());
    let is_former = |one: &&Stored| former.contains(&Thumbprint::of(one.certificate.der()));
    let found: Vec<&Stored> = stored.iter().filter(is_former).collect();
    if found.is_empty() {
        return found;
    }
    let Ok(named) = bundle::named(store, case.scene) else { return Vec::new() };
    found.into_iter().filter(|one| !named.is_named(&one.certificate)).collect()
}

fn of_stored(stored: &Stored) -> u64 {
    let name = stored.friendly_name.as_deref().unwrap_or_default();
    digest::of(&[b"stored", &stored.certificate.sha1(), name.as_bytes()])
}

fn problem(case: &Case<'_>, present: Option<&Stored>, binding: Option<&KeyBinding>) -> Option<Reason> {
    let Some(present) = present else {
        return Some(Reason::with("certificate.misplaced", "it is not in the store"));
    };
    if binding.is_some() {
        return Some(Reason::with("certificate.key_unbound", "the store does not name its key"));
    }
    match (&case.entry.friendly_name, &present.friendly_name) {
        (Some(wanted), found) if found.as_deref() != Some(wanted) => {
            let is = found.as_ref().map_or_else(|| "it has none".to_owned(), |found| format!("it is {found:?}"));
            Some(Reason::with("certificate.friendly_name_differs", is))
        }
        _ => None,
    }
}

/// The decision that takes a certificate out of a store.
pub fn removed(
    entry: &WantedCertificate,
    store: &StorePlace,
    at: crate::model::source::Location,
    stored: &Stored,
    reason: Reason,
) -> Decision {
    let thumbprint = Thumbprint::of(stored.certificate.der());
    let id = entry.part(&format!("{store} {thumbprint}"));
    let step = Operation::RemoveCertificate {
        store: store.clone(),
        thumbprint,
        before: Element(std::sync::Arc::clone(&stored.element.0)),
    };
    Decision::change(id, at, Action::Delete, reason, vec![step])
}

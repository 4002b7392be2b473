//! The key of an entry in the machine's key store: is it there, which stores are bound to it, and who may read it. Pure.

use std::sync::Arc;

use super::Certificates;
use super::assess::{Fate, Outcome};
use super::compare::{Case, KEY_PART};
use super::found::{self, Stored};
use super::stores::holds_keys;
use super::wanted::{Provider, WantedCertificate};
use crate::formats::certificate_store::{Location, ProviderFamily, StorePlace};
use crate::formats::security_descriptor::private_key;
use crate::formats::x509::{Certificate, KeyAlgorithm};
use crate::kinds::registry::{Securable, WantedGrant, WantedSecurity, descriptor_after, security_accounts};
use crate::model::certificate::{KeyBinding, KeyRef};
use crate::model::digest;
use crate::model::fact::{Facts, Queries, Unread};
use crate::model::operation::{Descriptor, Operation};
use crate::model::probe::{Answer, Probe};
use crate::model::remembered::Trace;
use crate::model::source::Spanned;
use crate::model::thumbprint::Thumbprint;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// What becomes of an entry's key in the key store.
#[derive(Default)]
pub struct Keys {
    /// The decision about the part [`KEY_PART`].
    pub decision: Option<Decision>,
    /// The key is put there before anything else is done with the certificate.
    pub is_import: bool,
    /// The key has to go there and cannot: nothing of a new certificate may be done.
    pub hinders: Option<Reason>,
    binding: Option<KeyBinding>,
}

impl Keys {
    /// What binds the certificate in a store to its key, where something has to; `present` is what the store holds of it.
    pub fn binding(
        &self,
        store: &StorePlace,
        certificate: Option<&Certificate>,
        present: Option<&Stored>,
    ) -> Option<&KeyBinding> {
        let binding = self.binding.as_ref().filter(|_| takes_keys(store))?;
        let bound = present.and_then(|present| present.key.as_deref());
        let is_bound = match (bound, certificate) {
            (Some(bound), Some(certificate)) => *bound == *binding.record(&Thumbprint::of(certificate.der())),
            _ => false,
        };
        // Where a store names a key that is there, it is left at that.
        (!is_bound && (bound.is_none() || matches!(binding, KeyBinding::Imported(_)))).then_some(binding)
    }
}

/// Whether keys of the machine belong to the certificates of a store.
fn takes_keys(place: &StorePlace) -> bool {
    holds_keys(place) && place.location != Location::CurrentUser
}

/// Whether this machine has a key store that takes the entry's key.
pub fn has_place(entry: &WantedCertificate, facts: &Facts) -> bool {
    entry.brings_key() && entry.stores.iter().any(|place| takes_keys(&place.value)) && has_key_store(facts)
}

pub fn has_key_store(facts: &Facts) -> bool {
    matches!(facts.probe(&Probe::KeyStore), Some(Ok(Answer::Flag(true))))
}

fn is_wanted(entry: &WantedCertificate) -> bool {
    let is_in_store = entry.brings_key() && entry.stores.iter().any(|store| holds_keys(&store.value));
    is_in_store || !entry.key.read.is_empty()
}

/// Asks whether there is a key store, then who may read the keys that may be the entry's.
pub fn wants(entry: &WantedCertificate, facts: &Facts, queries: &mut Queries) {
    if !entry.is_present() || entry.is_bundle() || !is_wanted(entry) {
        return;
    }
    queries.probe(Probe::KeyStore);
    if !has_key_store(facts) {
        return;
    }
    security_accounts(&readers(entry), queries);
    let all = Certificates::default();
    for place in entry.stores.iter().filter(|place| takes_keys(&place.value)) {
        let Ok(stored) = found::store(&place.value, facts, &all) else { continue };
        for place in stored.iter().filter(|one| may_be_of(entry, one, facts)).filter_map(Stored::key_place) {
            queries.probe(Probe::KeySecurity { place });
        }
    }
}

/// Whether a certificate may turn out to be the entry's.
fn may_be_of(entry: &WantedCertificate, stored: &Stored, facts: &Facts) -> bool {
    let print = || Thumbprint::of(stored.certificate.der());
    let record = facts.remembered().and_then(|record| record.entry(&entry.address()));
    entry.subject.as_ref().is_none_or(|subject| subject.value == *stored.certificate.subject())
        || entry.friendly_name.as_deref().is_some_and(|name| stored.friendly_name.as_deref() == Some(name))
        || record.and_then(|entry| entry.chosen.as_ref()).is_some_and(|chosen| *chosen == print())
}

/// Who the document says may read the key.
fn readers(entry: &WantedCertificate) -> WantedSecurity {
    let grant = entry.key.read.iter().map(|account| WantedGrant {
        to: account.clone(),
        rights: Spanned { value: "read".to_owned(), at: account.at },
        inherit: false,
    });
    WantedSecurity::Parts { owner: None, grant: grant.collect(), exclusive: false }
}

/// Decides about the key.
pub fn compare(case: &Case<'_>) -> Keys {
    let entry = case.entry;
    if !is_wanted(entry) {
        return Keys::default();
    }
    let only = |decision| Keys { decision: Some(decision), ..Keys::default() };
    let result = match &case.assessment.result {
        Some(result) if matches!(case.assessment.fate, Fate::Stays | Fate::Issue(_)) => result,
        _ => return only(case.waiting(entry.part(KEY_PART), entry.at)),
    };
    let known = result.known.as_ref().and_then(|known| in_stores(case, known));
    // Another store of the entry is bound to what the first one names.
    let binding = || {
        let stored = known.as_ref().filter(|stored| stored.key_place().is_some())?;
        Some(KeyBinding::Record(Arc::from(stored.key.as_deref()?)))
    };
    if !has_key_store(case.scene.facts) {
        return Keys { decision: Some(deferred(case, known.is_some())), binding: binding(), ..Keys::default() };
    }
    let Some(stored) = &known else {
        if has_place(entry, case.scene.facts) {
            return import(case, result, Reason::code("certificate.key_absent"));
        }
        let why = "no store of the entry has a key that accounts could read; who may use a file is said under `files`";
        return only(blocked(case, Reason::with("certificate.key_nowhere", why)));
    };
    let granted = |place| match case.scene.facts.probe(&Probe::KeySecurity { place }) {
        Some(Ok(Answer::Security(before))) => Ok(Some(Arc::clone(before))),
        Some(Ok(_)) => Ok(None),
        Some(Err(unread)) => Err(unread.clone()),
        None => Err(Unread::Failed { what: "who may read the key".into(), detail: "the machine was not asked".into() }),
    };
    let Some(place) = stored.key_place() else {
        let why = "its key is not in the machine's key store";
        let reason = Reason::with("certificate.key_nowhere", why);
        return only(if entry.key.read.is_empty() { kept(case) } else { blocked(case, reason) });
    };
    match granted(place.clone()) {
        Ok(Some(before)) => {
            let decision = grants(case, Probe::KeySecurity { place }, &before);
            Keys { decision: Some(decision), binding: binding(), ..Keys::default() }
        }
        Ok(None) if entry.brings_key() => {
            let reason = Reason::with("certificate.key_lost", format!("{place} is not there any more"));
            import(case, result, reason)
        }
        Ok(None) => {
            let reason = Reason::with("certificate.key_lost", format!("{place} is not there any more"));
            only(blocked(case, reason))
        }
        Err(_) if entry.key.read.is_empty() => {
            Keys { decision: Some(kept(case)), binding: binding(), ..Keys::default() }
        }
        Err(unread) => {
            let decision = super::files::unread_place(entry.part(KEY_PART), entry.at, &unread);
            Keys { decision: Some(decision), binding: binding(), ..Keys::default() }
        }
    }
}

fn kept(case: &Case<'_>) -> Decision {
    Decision::keep(case.entry.part(KEY_PART), case.entry.at)
}

fn blocked(case: &Case<'_>, reason: Reason) -> Decision {
    Decision::blocked(case.entry.part(KEY_PART), case.entry.at, reason)
}

/// What a store of the entry holds of a certificate, with its key.
fn in_stores(case: &Case<'_>, certificate: &Certificate) -> Option<Stored> {
    let stores = case.entry.stores.iter().filter(|place| holds_keys(&place.value));
    let contents = stores.filter_map(|place| found::store(&place.value, case.scene.facts, case.scene.all).ok());
    contents
        .flat_map(|stored| stored.iter().filter(|one| one.key.is_some()).cloned().collect::<Vec<_>>())
        .find(|one| one.certificate.der() == certificate.der())
}

/// The decision on a machine that has no key store.
fn deferred(case: &Case<'_>, is_known: bool) -> Decision {
    let entry = case.entry;
    if is_known && entry.key.read.is_empty() {
        return kept(case);
    }
    let names: Vec<&str> = entry.key.read.iter().map(|name| &*name.value).collect();
    let message = match (is_known, names.is_empty()) {
        (false, true) => "the key goes into the key store of the live machine".to_owned(),
        (false, false) => {
            format!("the key goes into the key store of the live machine, where {} may read it", names.join(", "))
        }
        (true, _) => format!("the live machine grants {} to read the key", names.join(", ")),
    };
    let reason = Reason::with("certificate.key_deferred", message);
    Decision { verdict: Verdict::Deferred, reasons: vec![reason], ..kept(case) }
}

/// The grants on a key that is there.
fn grants(case: &Case<'_>, what: Probe, before: &Arc<[u8]>) -> Decision {
    let entry = case.entry;
    let wanted = wanted_digest(entry);
    match after(entry, before, case.scene.facts) {
        Ok(None) => kept(case).traced(Trace::same(wanted)),
        Ok(Some(after)) => {
            let names: Vec<&str> = entry.key.read.iter().map(|name| &*name.value).collect();
            let reason = Reason::with("certificate.permissions_differ", format!("{} may read it", names.join(", ")));
            let step = Operation::Adjust {
                what,
                before: Answer::Security(Arc::clone(before)),
                after: Answer::Security(after),
            };
            let trace = Trace { wanted, found: digest::of(&[b"security", before]), secret: None };
            Decision::change(entry.part(KEY_PART), entry.at, Action::Update, reason, vec![step]).traced(trace)
        }
        Err(reason) => blocked(case, reason),
    }
}

fn wanted_digest(entry: &WantedCertificate) -> u64 {
    let names: Vec<&[u8]> = entry.key.read.iter().map(|name| name.value.as_bytes()).collect();
    digest::of(&[&[&b"readers"[..]][..], &names].concat())
}

/// A descriptor with the grants of the document; `None` where it has them.
fn after(entry: &WantedCertificate, before: &[u8], facts: &Facts) -> Result<Option<Arc<[u8]>>, Reason> {
    descriptor_after(&readers(entry), before, Securable::File, facts).map_err(|mut reason| {
        reason.move_to("certificate");
        reason
    })
}

/// The key goes into the key store, with the permissions of the one that it replaces.
fn import(case: &Case<'_>, result: &Outcome, reason: Reason) -> Keys {
    let entry = case.entry;
    let hindered = |reason: Reason| Keys {
        decision: Some(blocked(case, reason.clone())),
        hinders: Some(reason),
        ..Keys::default()
    };
    let family = match entry.key.provider {
        Provider::Ksp => ProviderFamily::Ksp,
        Provider::Csp => ProviderFamily::Csp,
    };
    if family == ProviderFamily::Csp && !matches!(result.algorithm, KeyAlgorithm::Rsa { .. }) {
        let why = format!("providers of the family csp hold RSA keys, not {}", result.algorithm);
        return hindered(Reason::with("certificate.key_provider", why));
    }
    let Some(key) = &result.key else {
        let why = "it is in no file of the entry, from where it could be taken";
        return hindered(Reason::with("certificate.key_not_at_hand", why));
    };
    let former = case.assessment.current.as_ref().and_then(|current| in_stores(case, current));
    let security = match security(case, former.as_ref()) {
        Ok(security) => security,
        Err(reason) => return hindered(reason),
    };
    let is_other = |former: &Stored| result.known.as_ref().is_none_or(|known| known.der() != former.certificate.der());
    let action = if former.as_ref().is_some_and(is_other) { Action::Replace } else { Action::Create };
    let step = step(result, key, family, entry.key.exportable, security);
    let trace = Trace { wanted: wanted_digest(entry), found: digest::ABSENT, secret: None };
    let decision = case.changed(entry.part(KEY_PART), entry.at, action, reason, vec![step]).traced(trace);
    Keys { decision: Some(decision), is_import: true, hinders: None, binding: Some(KeyBinding::Imported(family)) }
}

fn step(
    result: &Outcome,
    key: &KeyRef,
    family: ProviderFamily,
    exportable: bool,
    security: Option<Arc<[u8]>>,
) -> Operation {
    Operation::ImportKey {
        certificate: result.certificate.clone(),
        key: key.clone(),
        family,
        exportable,
        security: security.map(Descriptor),
    }
}

/// Who may do what with a new key: whoever could with the former one, and whom the document names. `None` where nobody says anything.
fn security(case: &Case<'_>, former: Option<&Stored>) -> Result<Option<Arc<[u8]>>, Reason> {
    let place = former.and_then(Stored::key_place);
    let before = match place.and_then(|place| case.scene.facts.probe(&Probe::KeySecurity { place })) {
        Some(Ok(Answer::Security(before))) => Some(Arc::clone(before)),
        Some(Ok(_)) | Some(Err(Unread::Unsupported { .. })) | None => None,
        Some(Err(unread)) => {
            let why = format!("the permissions of the former key cannot be copied: {unread}");
            return Err(Reason::with("certificate.unreadable", why));
        }
    };
    let Some(before) = before else {
        if case.entry.key.read.is_empty() {
            return Ok(None);
        }
        let new = private_key::of_new_key()
            .to_bytes()
            .map_err(|error| Reason::with("certificate.security_too_large", error.to_string()))?;
        let after = after(case.entry, &new, case.scene.facts)?;
        return Ok(Some(after.unwrap_or_else(|| new.into())));
    };
    Ok(Some(after(case.entry, &before, case.scene.facts)?.unwrap_or(before)))
}

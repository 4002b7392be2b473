//! An entry and what the facts show of it: which certificate is its own, and where its key is. Pure.

use jiff::Timestamp;

use super::assess::{Assessment, Fate, Scene};
use super::checks::{Above, Case, Strictness};
use super::found::{self, Candidate, KeyFound};
use super::keys;
use super::wanted::{WantedCertificate, WantedIssuer};
use crate::formats::x509::{Certificate, KeyAlgorithm, PublicKey};
use crate::model::certificate::{IssueKey, KeyRef};
use crate::model::fact::Unread;
use crate::model::thumbprint::Thumbprint;
use crate::model::verdict::Reason;

/// An entry and what the facts show of it.
pub struct Sight<'s> {
    pub entry: &'s WantedCertificate,
    pub scene: Scene<'s>,
    pub candidates: Vec<Candidate>,
    unread: Vec<Unread>,
    homes: Vec<(KeyRef, KeyFound)>,
    pub given_key: Option<KeyFound>,
}

impl<'s> Sight<'s> {
    pub fn of(entry: &'s WantedCertificate, scene: Scene<'s>) -> Self {
        let (candidates, unread) = found::candidates(entry, scene.facts, scene.all);
        let homes = entry.key_homes().into_iter().map(|home| {
            let found = found::key(&home, scene.facts);
            (home, found)
        });
        let given_key = entry.key.from.as_ref().map(|from| found::key(from, scene.facts));
        Self { entry, scene, candidates, unread, homes: homes.collect(), given_key }
    }

    /// Places that could not be read leave nothing to decide; those that this machine does not have are passed over.
    pub fn obstacle(&self) -> Option<Assessment> {
        let keys = self.homes.iter().map(|(_, found)| found).chain(&self.given_key);
        let unread = self.unread.iter().chain(keys.filter_map(|key| match key {
            KeyFound::Unread(unread) => Some(unread),
            _ => None,
        }));
        let mut unverifiable = None;
        for why in unread {
            match why {
                Unread::Unsupported { .. } => {}
                Unread::NotCaptured { .. } => unverifiable = Some(why),
                Unread::Refused { .. } | Unread::Failed { .. } => {
                    let reason = Reason::with("certificate.unreadable", why.to_string());
                    return Some(Assessment::without(Fate::Blocked, vec![reason]));
                }
            }
        }
        if let Some(why) = unverifiable {
            let reason = Reason::with("certificate.not_captured", why.to_string());
            return Some(Assessment::without(Fate::Unverifiable, vec![reason]));
        }
        // A password that is not to be had hides the key and, often, the certificate.
        let is_hidden = !self.homes.is_empty()
            && self.homes.iter().any(|(_, key)| matches!(key, KeyFound::Unknown))
            && !self.homes.iter().any(|(_, key)| matches!(key, KeyFound::Key(_)));
        is_hidden.then(|| {
            let message = "the password of its file is another one, or is not to be had here";
            Assessment::without(Fate::Unverifiable, vec![Reason::with("secret.unresolved", message)])
        })
    }

    pub fn keys(&self) -> Vec<KeyFound> {
        let is_here = |key: &KeyFound| !matches!(key, KeyFound::Unread(_) | KeyFound::Unknown);
        self.homes.iter().map(|(_, found)| found.clone()).filter(is_here).collect()
    }

    /// The key's place that holds this key.
    pub fn home_of(&self, key: &PublicKey) -> Option<KeyRef> {
        let holds = |found: &KeyFound| matches!(found, KeyFound::Key(found) if found == key);
        self.homes.iter().find(|(_, found)| holds(found)).map(|(home, _)| home.clone())
    }

    /// Why a new key could be kept nowhere on this machine, and what that makes of the certificate; `None` where there is a place.
    pub fn without_place_for_key(&self) -> Option<(Fate, Reason)> {
        let is_in_file = self.homes.iter().any(|(_, found)| !matches!(found, KeyFound::Unread(_)));
        let has_key_store = keys::has_place(self.entry, self.scene.facts);
        // Out of the key store nothing is signed: an authority would be of no use after the run that makes it.
        if is_in_file || (has_key_store && self.entry.authority.is_none()) {
            return None;
        }
        if keys::has_key_store(self.scene.facts) {
            let message = if has_key_store {
                "an authority signs with the key in a file of its own: name one of the form `key-pem` or `pfx`"
            } else {
                "no file of the entry keeps the key, and no store of it takes one"
            };
            return Some((Fate::Blocked, Reason::with("certificate.key_nowhere", message)));
        }
        let message =
            "no file of the entry keeps the key, and this machine has no key store: it is made on the live machine";
        Some((Fate::Deferred, Reason::with("certificate.key_deferred", message)))
    }

    /// Whether a candidate has anything to do with the entry: stores hold the certificates of others, too. What has no other
    /// tie to it than a name is the entry's only where nobody here makes one, or where Windows knows the key of what was made.
    fn is_of_entry(&self, candidate: &Candidate) -> bool {
        let certificate = &candidate.certificate;
        if candidate.in_file || self.owns(certificate) {
            return true;
        }
        let is_alike = self.is_named(candidate)
            || self.entry.subject.as_ref().is_some_and(|subject| subject.value == *certificate.subject());
        is_alike
            && match self.entry.issuer.value {
                WantedIssuer::Existing => true,
                WantedIssuer::Itself | WantedIssuer::Entry(_) => candidate.has_key && !self.has_key_at_home(),
                _ => false,
            }
    }

    /// Whether a certificate is certainly the entry's: the last run chose it, or its key is in the entry's own files.
    pub fn owns(&self, certificate: &Certificate) -> bool {
        self.is_recorded(certificate) || self.home_of(certificate.public_key()).is_some()
    }

    fn has_key_at_home(&self) -> bool {
        self.homes.iter().any(|(_, found)| matches!(found, KeyFound::Key(_)))
    }

    fn is_named(&self, candidate: &Candidate) -> bool {
        let name = self.entry.friendly_name.as_deref();
        name.is_some() && name == candidate.friendly_name.as_deref()
    }

    fn is_recorded(&self, certificate: &Certificate) -> bool {
        let record = self.scene.facts.remembered();
        let chosen = record.and_then(|record| record.entry(&self.entry.address())?.chosen.as_ref());
        chosen.is_some_and(|chosen| *chosen == Thumbprint::of(certificate.der()))
    }

    /// Which certificate is it? The one whose key is at hand and that carries the name or was recorded; else the newest that
    /// satisfies every stated property. Never the first that comes. A key that is used again is that of former ones, too: of
    /// those with the same key, one that is good goes before one that was recorded.
    pub fn choose(&self, problems: impl Fn(&Candidate) -> usize) -> Option<&Candidate> {
        let relevant = self.candidates.iter().filter(|candidate| self.is_of_entry(candidate));
        relevant.max_by_key(|candidate| {
            let certificate = &candidate.certificate;
            let problems = problems(candidate);
            (
                self.home_of(certificate.public_key()).is_some(),
                problems == 0,
                self.is_recorded(certificate) || self.is_named(candidate),
                std::cmp::Reverse(problems),
                certificate.not_after(),
                certificate.sha1(),
            )
        })
    }

    /// The case of a certificate for the checks.
    pub fn case<'c>(
        &'c self,
        certificate: &'c Certificate,
        has_key: bool,
        keys: &'c [KeyFound],
        strictness: Strictness,
    ) -> Case<'c> {
        Case {
            entry: self.entry,
            certificate,
            strictness,
            keys,
            has_key,
            needs_stored_key: self.entry.key_homes().is_empty() && keys::has_place(self.entry, self.scene.facts),
            above: Above::Nobody,
            digest: None,
            renewable_until: None,
            crl_urls: None,
            given_key: self.given_key.as_ref(),
            revoked: None,
            as_of: self.scene.as_of,
        }
    }

    pub fn later(&self, time: crate::model::scalar::Duration) -> Timestamp {
        let seconds = i64::try_from(time.seconds()).unwrap_or(i64::MAX);
        let later = self.scene.as_of.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(LAST);
        // Certificates count whole seconds.
        Timestamp::from_second(later.min(LAST).as_second()).unwrap_or(LAST)
    }

    /// The key for a new certificate: a given one, the present one where it is to be used again, else a new one.
    pub fn new_key(&self, current: Option<&Certificate>) -> IssueKey {
        if let Some(from) = &self.entry.key.from {
            return IssueKey::Reuse(from.clone());
        }
        let present = current
            .filter(|current| self.entry.key.reuse && current.public_key().algorithm() == self.entry.key.algorithm);
        match present.and_then(|current| self.home_of(current.public_key())) {
            Some(home) => IssueKey::Reuse(home),
            None => IssueKey::New(self.entry.key.algorithm.clone()),
        }
    }

    /// Why nothing can be made with the key that the document names, and what that makes of the certificate.
    pub fn without_given_key(&self) -> Option<(Fate, Reason)> {
        let reason = |why: &str| Reason::with("certificate.key_not_at_hand", format!("the key that is named: {why}"));
        match self.given_key.as_ref()? {
            KeyFound::Key(_) => None,
            KeyFound::Absent => Some((Fate::Blocked, reason("its file is not there"))),
            KeyFound::Unusable(why) => Some((Fate::Blocked, reason(why))),
            KeyFound::Unknown => {
                Some((Fate::Unverifiable, reason("the password of its file is another one, or is not to be had here")))
            }
            KeyFound::Unread(unread) => Some((Fate::Deferred, reason(&unread.to_string()))),
        }
    }

    /// The family of the key that a new certificate has.
    pub fn new_algorithm(&self) -> KeyAlgorithm {
        match &self.given_key {
            Some(KeyFound::Key(given)) => given.algorithm(),
            _ => self.entry.key.algorithm.clone(),
        }
    }
}

/// The last moment that a certificate can name.
pub const LAST: Timestamp = jiff::Timestamp::constant(253_402_207_200, 0);

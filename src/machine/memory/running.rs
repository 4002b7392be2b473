//! What a machine in memory tells of itself beside its registry and files: what probes find, and accounts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::formats::certificate_store::KeyPlace;
use crate::formats::upcase;
use crate::model::fact::{Facet, Observed, Unread};
use crate::model::probe::{Answer, Probe};
use crate::model::sid::Sid;

/// Answers by question; who is in a group is kept once, for both questions about it.
#[derive(Clone, Default)]
pub struct Running {
    pub answers: BTreeMap<Probe, Answer>,
    /// By folded name, as they are written.
    accounts: BTreeMap<String, (Box<str>, Sid)>,
    /// What the key store holds, where there is one.
    keys: BTreeMap<KeyPlace, StoredKey>,
    /// It takes no more keys.
    pub refuses_keys: bool,
    /// What the service manager was told last, by folded name of the service.
    pub passwords: BTreeMap<String, Zeroizing<String>>,
}

/// A private key in the key store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// PKCS #8 in DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
    pub exportable: bool,
    /// Who may do what with it, as a security descriptor without an owner.
    pub security: Arc<[u8]>,
}

impl fmt::Debug for Running {
    /// Without passwords and keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("answers", &self.answers)
            .field("accounts", &self.accounts)
            .finish_non_exhaustive()
    }
}

impl Running {
    pub fn plant(&mut self, probe: Probe, answer: Answer) {
        self.answers.insert(probe, answer);
    }

    pub fn plant_account(&mut self, name: &str, sid: Sid) {
        self.accounts.insert(upcase::fold(name), (name.into(), sid));
    }

    /// The SID of a name; without any account, nobody can tell.
    pub fn account(&self, name: &str) -> Observed<Option<Sid>> {
        let known = Sid::from_account(name).or_else(|| self.accounts.get(&upcase::fold(name)).map(|(_, sid)| *sid));
        if known.is_none() && self.accounts.is_empty() {
            return Err(Unread::Unsupported {
                facet: Facet::Accounts,
                machine: "a machine in memory".into(),
                detail: format!("`{name}` was asked for; name the account by its SID"),
            });
        }
        Ok(known)
    }

    /// What a probe finds; `None` for what was never said.
    pub fn answer(&self, probe: &Probe) -> Option<Answer> {
        let derived = match probe {
            Probe::Member { group, member } => self.members(*group).map(|answer| match answer {
                Answer::Members(members) => Answer::Flag(members.contains(member)),
                other => other.clone(),
            }),
            Probe::AccountName { sid } => {
                let named = self.accounts.values().find(|(_, of)| of == sid);
                named.map(|(name, _)| Answer::Name(name.clone()))
            }
            Probe::MembersChangeable => Some(Answer::Flag(true)),
            Probe::KeyStore => Some(Answer::Flag(false)),
            Probe::KeySecurity { place } if self.has_key_store() => {
                Some(self.keys.get(place).map_or(Answer::Absent, |key| Answer::Security(Arc::clone(&key.security))))
            }
            Probe::ServicePasswords => Some(Answer::Flag(false)),
            _ => None,
        };
        self.answers.get(probe).cloned().or(derived)
    }

    fn has_key_store(&self) -> bool {
        matches!(self.answers.get(&Probe::KeyStore), Some(Answer::Flag(true)))
    }

    /// A key of the key store.
    pub fn key(&self, place: &KeyPlace) -> Option<&StoredKey> {
        self.keys.get(place)
    }

    /// The places in the key store where there are keys.
    pub fn keys(&self) -> impl Iterator<Item = &KeyPlace> {
        self.keys.keys()
    }

    /// Puts a key into the key store, in place of one that is there.
    ///
    /// # Errors
    /// There is no key store, or it refuses.
    pub fn put_key(&mut self, place: KeyPlace, key: StoredKey) -> Result<(), &'static str> {
        if !self.has_key_store() || self.refuses_keys {
            return Err("the key store does not take it");
        }
        self.plant_key(place, key);
        Ok(())
    }

    pub fn plant_key(&mut self, place: KeyPlace, key: StoredKey) {
        self.keys.insert(place, key);
    }

    /// Removes a key from the key store.
    pub fn remove_key(&mut self, place: &KeyPlace) {
        self.keys.remove(place);
    }

    fn members(&self, group: Sid) -> Option<&Answer> {
        self.answers.get(&Probe::Members { group })
    }

    /// Changes what a probe finds.
    ///
    /// # Errors
    /// It finds something else by now.
    pub fn adjust(&mut self, what: &Probe, before: &Answer, after: &Answer) -> Result<(), &'static str> {
        if self.answer(what).as_ref() != Some(before) {
            return Err("somebody else has changed it since");
        }
        if let (Probe::KeySecurity { place }, Answer::Security(security)) = (what, after)
            && let Some(key) = self.keys.get_mut(place)
        {
            key.security = Arc::clone(security);
            return Ok(());
        }
        let (Probe::Member { group, member }, Answer::Flag(is_in)) = (what, after) else {
            self.answers.insert(what.clone(), after.clone());
            return Ok(());
        };
        match self.answers.get_mut(&Probe::Members { group: *group }) {
            Some(Answer::Members(members)) => {
                members.retain(|known| known != member);
                if *is_in {
                    members.push(*member);
                    members.sort_unstable();
                }
            }
            _ => drop(self.answers.insert(what.clone(), after.clone())),
        }
        Ok(())
    }
}

//! What a machine in memory tells of itself beside its registry and files: what probes find, and accounts.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

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
    /// What the service manager was told last, by folded name of the service.
    pub passwords: BTreeMap<String, Zeroizing<String>>,
}

impl fmt::Debug for Running {
    /// Without passwords.
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
            Probe::ServicePasswords => Some(Answer::Flag(false)),
            _ => None,
        };
        self.answers.get(probe).cloned().or(derived)
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

//! From names to SIDs and back, as far as the machine's answers go. Pure.

use super::wanted::Account;
use crate::formats::upcase;
use crate::model::fact::{Facts, Queries, Unread};
use crate::model::probe::{Answer, Probe};
use crate::model::sid::Sid;

/// Why a name has no SID.
#[derive(Clone, Debug, PartialEq)]
pub enum Unresolved {
    /// The machine knows no such account.
    Unknown,
    /// The machine knows none, and a domain might.
    Foreign,
    Unread(Unread),
}

/// The name under which the machine is asked: its own accounts go without its name before them.
fn asked(name: &str, facts: &Facts) -> String {
    let machine = facts.identity.as_ref().ok().and_then(|identity| identity.name.as_deref());
    match name.split_once('\\') {
        Some((head, local)) if head == "." || machine.is_some_and(|machine| upcase::eq(machine, head)) => {
            local.to_owned()
        }
        _ => name.to_owned(),
    }
}

pub fn ask(account: &Account, facts: &Facts, queries: &mut Queries) {
    if account.sid.is_none() {
        queries.account(&asked(&account.name, facts));
    }
}

/// The SID of an account.
pub fn sid(account: &Account, facts: &Facts) -> Result<Sid, Unresolved> {
    if let Some(sid) = account.sid {
        return Ok(sid);
    }
    let name = asked(&account.name, facts);
    match facts.account(&name) {
        Some(Ok(Some(sid))) => Ok(*sid),
        // Of another machine's or a domain's accounts, a machine that is not running knows nothing.
        Some(Ok(None)) if name.contains(['\\', '@']) => Err(Unresolved::Foreign),
        Some(Ok(None)) => Err(Unresolved::Unknown),
        Some(Err(unread)) => Err(Unresolved::Unread(unread.clone())),
        None => Err(Unresolved::Unread(Unread::NotCaptured { what: format!("the account {name}") })),
    }
}

/// Asks what an account is called that is not the same everywhere.
pub fn ask_name(sid: Sid, queries: &mut Queries) {
    if sid.account().is_none() {
        queries.probe(Probe::AccountName { sid });
    }
}

/// What an account is called, by its SID where nobody here knows.
pub fn name(sid: Sid, facts: &Facts) -> String {
    sid.account().unwrap_or_else(|| match facts.probe(&Probe::AccountName { sid }) {
        Some(Ok(Answer::Name(name))) => name.to_string(),
        _ => sid.to_string(),
    })
}

/// Whether the SID is one of this machine's, and nobody has it.
pub fn is_nobodys(sid: Sid, facts: &Facts) -> bool {
    matches!(facts.probe(&Probe::AccountName { sid }), Some(Ok(Answer::Absent)))
}

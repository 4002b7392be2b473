//! Accounts as the running system knows them. Names of accounts that are the same everywhere are never looked up: the system has
//! them in its own language.

use std::sync::OnceLock;

use crate::machine::windows_api::WindowsError;
use crate::machine::windows_api::accounts::{self as api, AccountKind};
use crate::model::fact::{Observed, Unread};
use crate::model::probe::Answer;
use crate::model::sid::Sid;

/// `ERROR_NO_SUCH_DOMAIN`, `RPC_S_SERVER_UNAVAILABLE`, `RPC_S_CALL_FAILED`, `ERROR_TRUSTED_DOMAIN_FAILURE`,
/// `ERROR_TRUSTED_RELATIONSHIP_FAILURE`: a domain that does not answer.
const NO_DOMAIN: [u32; 5] = [1355, 1722, 1726, 1788, 1789];

/// The SID of an account: of one that is the same everywhere, of this machine, or of a domain that is named.
pub fn sid_of(name: &str) -> Observed<Option<Sid>> {
    if let Some(sid) = Sid::from_account(name) {
        return Ok(Some(sid));
    }
    let failed = |detail: String| Unread::Failed { what: format!("the account {name}"), detail };
    let full = match name.strip_prefix(".\\") {
        Some(own) => format!("{}\\{own}", api::computer_name().map_err(|error| failed(error.to_string()))?),
        None => name.to_owned(),
    };
    let found = api::account_of(&full).map_err(|error| failed(error.to_string()))?;
    // The name of the machine or of a domain stands for no account.
    let Some(found) = found.filter(|found| found.kind != AccountKind::Domain) else { return Ok(None) };
    let sid = Sid::from_prefix(&found.sid).map_err(|error| failed(error.to_string()))?;
    // A name alone is the machine's own, although the system would also find it in the domain.
    let is_own = full.contains(['\\', '@']) || !is_of_some_domain(&sid) || is_own(&sid)?;
    Ok(is_own.then_some(sid))
}

/// The SID above this machine's own accounts.
fn machine_sid() -> Observed<Sid> {
    static KNOWN: OnceLock<Sid> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Ok(*known);
    }
    let failed = |detail: String| Unread::Failed { what: "the machine's SID".into(), detail };
    let bytes = api::machine_sid().map_err(|error| failed(error.to_string()))?;
    let sid = Sid::from_prefix(&bytes).map_err(|error| failed(error.to_string()))?;
    Ok(*KNOWN.get_or_init(|| sid))
}

/// Whether a machine or a domain has given the SID.
fn is_of_some_domain(sid: &Sid) -> bool {
    sid.authority() == 5 && sid.sub_authorities().first() == Some(&21)
}

/// Whether the account is one that this machine itself keeps.
pub fn is_own(sid: &Sid) -> Observed<bool> {
    let own = machine_sid()?;
    let domain = sid.sub_authorities().split_last().map(|(_, domain)| domain);
    Ok(sid.authority() == own.authority() && domain == Some(own.sub_authorities()))
}

/// What an account is called; the machine's own without the machine's name.
pub fn answer(sid: &Sid) -> Observed<Answer> {
    if let Some(name) = sid.account() {
        return Ok(Answer::Name(name.into()));
    }
    let what = || format!("the name of {sid}");
    let is_own = is_own(sid)?;
    match api::name_of(&sid.to_bytes()) {
        Ok(Some(found)) => {
            let is_bare = is_own || found.domain.is_empty() || is_builtin(sid);
            let name = if is_bare { found.name } else { format!("{}\\{}", found.domain, found.name) };
            Ok(Answer::Name(name.into()))
        }
        Ok(None) if is_own => Ok(Answer::Absent),
        Ok(None) => Ok(Answer::Elsewhere),
        Err(WindowsError(code)) if NO_DOMAIN.contains(&code) => Ok(Answer::Elsewhere),
        Err(error) => Err(Unread::Failed { what: what(), detail: error.to_string() }),
    }
}

/// Whether it is one of the groups that every machine has.
fn is_builtin(sid: &Sid) -> bool {
    sid.authority() == 5 && sid.sub_authorities().first() == Some(&32)
}

/// The name, in the system's language, under which the machine keeps a local group; `None` when it has no such group.
pub fn local_group(sid: &Sid) -> Observed<Option<String>> {
    let failed = |detail: String| Unread::Failed { what: format!("the group {sid}"), detail };
    if !is_builtin(sid) && !is_own(sid)? {
        return Ok(None);
    }
    let found = api::name_of(&sid.to_bytes()).map_err(|error| failed(error.to_string()))?;
    let Some(found) = found.filter(|found| found.kind == AccountKind::Alias) else { return Ok(None) };
    // The functions for groups take a name and no SID: it must lead back to the group.
    let full = format!("{}\\{}", found.domain, found.name);
    let back = api::account_of(&full).map_err(|error| failed(error.to_string()))?;
    let back = back.and_then(|back| Sid::from_prefix(&back.sid).ok());
    if back != Some(*sid) {
        return Err(failed(format!("`{full}` is the name of another account")));
    }
    Ok(Some(found.name))
}

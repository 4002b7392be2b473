//! Accounts as the running system knows them.

use crate::machine::windows_api;
use crate::model::fact::{Observed, Unread};
use crate::model::sid::Sid;

/// The SID of an account: of one that is the same everywhere, of this machine, or of its domain.
pub fn sid_of(name: &str) -> Observed<Option<Sid>> {
    if let Some(sid) = Sid::from_account(name) {
        return Ok(Some(sid));
    }
    let failed = |detail: String| Unread::Failed { what: format!("the account {name}"), detail };
    match windows_api::accounts::sid_of(name) {
        Ok(Some(bytes)) => Sid::from_prefix(&bytes).map(Some).map_err(|error| failed(error.to_string())),
        Ok(None) => Ok(None),
        Err(error) => Err(failed(error.to_string())),
    }
}

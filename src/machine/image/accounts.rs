//! Local accounts of an image: names in the SAM hive, the machine's SID beside them.

use super::hives::load;
use super::{ImageMachine, path};
use crate::formats::regf;
use crate::model::fact::{Observed, Unread};
use crate::model::sid::Sid;

const SAM: &str = r"Windows\System32\config\SAM";
const USERS: [&str; 6] = ["SAM", "Domains", "Account", "Users", "Names", ""];
const GROUPS: [&str; 6] = ["SAM", "Domains", "Account", "Aliases", "Names", ""];
const ACCOUNT_DOMAIN: [&str; 3] = ["SAM", "Domains", "Account"];
/// The machine's SID is the last 24 bytes of the domain's `V` value.
const SID_BYTES: usize = 24;

/// The SID of a local user or group, or of an account that is the same everywhere.
///
/// A name's relative identifier is the *type* of the unnamed value of its key below `Names`.
pub fn sid_of(machine: &ImageMachine, name: &str) -> Observed<Option<Sid>> {
    if let Some(sid) = Sid::from_account(name) {
        return Ok(Some(sid));
    }
    let failed = |detail: String| Unread::Failed { what: format!("the account {name}"), detail };
    let file = path(SAM).map_err(|()| failed("the SAM hive has no place".into()))?;
    let loaded = load(machine, &file)?;
    let local = name.strip_prefix(".\\").unwrap_or(name);
    let find = || -> Result<Option<(u32, Vec<u8>)>, regf::Error> {
        for list in [USERS, GROUPS] {
            let mut names = list;
            if let Some(last) = names.last_mut() {
                *last = local;
            }
            let Some(account) = loaded.hive.key(&names)? else { continue };
            let Some(value) = account.value("")? else { continue };
            let Some(domain) = loaded.hive.key(&ACCOUNT_DOMAIN)? else { continue };
            let Some(bytes) = domain.value("V")? else { continue };
            return Ok(Some((value.value_type(), bytes.data()?.into_owned())));
        }
        Ok(None)
    };
    let Some((relative, bytes)) = find().map_err(|error| failed(error.to_string()))? else { return Ok(None) };
    let tail = bytes.len().checked_sub(SID_BYTES).and_then(|at| bytes.get(at..));
    let domain = tail.and_then(|tail| Sid::from_prefix(tail).ok());
    let domain = domain.ok_or_else(|| failed("the SAM hive does not tell the machine's SID".into()))?;
    let parts: Vec<u32> = domain.sub_authorities().iter().copied().chain([relative]).collect();
    Sid::new(domain.authority(), &parts).map(Some).map_err(|error| failed(error.to_string()))
}

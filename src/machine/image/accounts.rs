//! Local accounts of an image: names, groups and their members in the SAM hive, the machine's SID beside them. Read only: members
//! are changed by the running machine.

use std::rc::Rc;

use super::hives::{Loaded, load};
use super::{ImageMachine, chain, path};
use crate::formats::regf;
use crate::formats::sam::{Group, machine_sid};
use crate::model::fact::{Observed, Unread};
use crate::model::probe::{Answer, Probe};
use crate::model::sid::Sid;

const SAM: &str = r"Windows\System32\config\SAM";
const ACCOUNT_DOMAIN: [&str; 3] = ["SAM", "Domains", "Account"];
const BUILTIN_DOMAIN: [&str; 3] = ["SAM", "Domains", "Builtin"];
/// S-1-5-32, above the groups that every Windows has.
const BUILTIN: [u32; 1] = [32];

fn hive(machine: &ImageMachine, what: &str) -> Observed<Rc<Loaded>> {
    let failed = |detail: &str| Unread::Failed { what: what.to_owned(), detail: detail.into() };
    load(machine, &path(SAM).map_err(|()| failed("the SAM hive has no place"))?)
}

fn below<'k>(domain: [&'k str; 3], rest: &[&'k str]) -> Vec<&'k str> {
    domain.iter().chain(rest).copied().collect()
}

/// The SID of a local user or group, or of an account that is the same everywhere.
///
/// A name's relative identifier is the *type* of the unnamed value of its key below `Names`.
pub fn sid_of(machine: &ImageMachine, name: &str) -> Observed<Option<Sid>> {
    if let Some(sid) = Sid::from_account(name) {
        return Ok(Some(sid));
    }
    let what = format!("the account {name}");
    let failed = |detail: String| Unread::Failed { what: what.clone(), detail };
    let loaded = hive(machine, &what)?;
    let local = name.strip_prefix(".\\").unwrap_or(name);
    for list in ["Users", "Aliases"] {
        let find = || -> Result<Option<u32>, regf::Error> {
            let Some(account) = loaded.hive.key(&below(ACCOUNT_DOMAIN, &[list, "Names", local]))? else {
                return Ok(None);
            };
            Ok(account.value("")?.map(|value| value.value_type()))
        };
        if let Some(relative) = find().map_err(|error| failed(error.to_string()))? {
            return account(&own_sid(&loaded, &what)?, relative).map(Some).map_err(failed);
        }
    }
    // A group that every Windows has, in the language of this one.
    let find = || -> Result<Option<u32>, regf::Error> {
        let Some(group) = loaded.hive.key(&below(BUILTIN_DOMAIN, &["Aliases", "Names", local]))? else {
            return Ok(None);
        };
        Ok(group.value("")?.map(|value| value.value_type()))
    };
    let relative = find().map_err(|error| failed(error.to_string()))?;
    relative.map(|relative| Sid::new(5, &[32, relative]).map_err(|error| failed(error.to_string()))).transpose()
}

fn account(domain: &Sid, relative: u32) -> Result<Sid, String> {
    let parts: Vec<u32> = domain.sub_authorities().iter().copied().chain([relative]).collect();
    Sid::new(domain.authority(), &parts).map_err(|error| error.to_string())
}

/// The SID above the machine's own accounts.
fn own_sid(loaded: &Loaded, what: &str) -> Observed<Sid> {
    let failed = |detail: String| Unread::Failed { what: what.to_owned(), detail };
    let find = || -> Result<Option<Vec<u8>>, regf::Error> {
        let Some(domain) = loaded.hive.key(&ACCOUNT_DOMAIN)? else { return Ok(None) };
        domain.value("V")?.map(|value| value.data().map(std::borrow::Cow::into_owned)).transpose()
    };
    let value = find().map_err(|error| failed(error.to_string()))?;
    let value = value.ok_or_else(|| failed("the SAM hive does not tell the machine's SID".into()))?;
    machine_sid(&value).map_err(|error| failed(chain(&error)))
}

/// What the hive tells of groups and names.
pub fn probe(machine: &ImageMachine, probe: &Probe) -> Observed<Option<Answer>> {
    let members = |group: &Sid| members(machine, group, &probe.to_string());
    Ok(Some(match probe {
        Probe::MembersChangeable | Probe::KeyStore | Probe::ServicePasswords => Answer::Flag(false),
        Probe::Members { group } => members(group)?.map_or(Answer::Absent, |mut members| {
            members.sort_unstable();
            Answer::Members(members)
        }),
        Probe::Member { group, member } => {
            members(group)?.map_or(Answer::Absent, |members| Answer::Flag(members.contains(member)))
        }
        Probe::AccountName { sid } => name(machine, sid, &probe.to_string())?,
        _ => return Ok(None),
    }))
}

/// The domain of the hive that a SID belongs to, and its last number; `None` for one of somebody else.
fn place_of(loaded: &Loaded, sid: &Sid, what: &str) -> Observed<Option<([&'static str; 3], u32)>> {
    let Some((relative, domain)) = sid.sub_authorities().split_last() else { return Ok(None) };
    if sid.authority() == 5 && domain == BUILTIN {
        return Ok(Some((BUILTIN_DOMAIN, *relative)));
    }
    let own = own_sid(loaded, what)?;
    let is_own = sid.authority() == own.authority() && domain == own.sub_authorities();
    Ok(is_own.then_some((ACCOUNT_DOMAIN, *relative)))
}

/// The members of a group; `None` where there is no such group.
fn members(machine: &ImageMachine, group: &Sid, what: &str) -> Observed<Option<Vec<Sid>>> {
    let failed = |detail: String| Unread::Failed { what: what.to_owned(), detail };
    let loaded = hive(machine, what)?;
    let Some((domain, relative)) = place_of(&loaded, group, what)? else { return Ok(None) };
    let find = || -> Result<Option<Vec<u8>>, regf::Error> {
        let key = format!("{relative:08X}");
        let Some(group) = loaded.hive.key(&below(domain, &["Aliases", &key]))? else { return Ok(None) };
        group.value("C")?.map(|value| value.data().map(std::borrow::Cow::into_owned)).transpose()
    };
    let record = find().map_err(|error| failed(error.to_string()))?;
    record.map(|record| Group::parse(&record).map(|group| group.members)).transpose().map_err(|e| failed(chain(&e)))
}

/// What an account of this machine is called.
fn name(machine: &ImageMachine, sid: &Sid, what: &str) -> Observed<Answer> {
    let failed = |error: regf::Error| Unread::Failed { what: what.to_owned(), detail: error.to_string() };
    let loaded = hive(machine, what)?;
    let Some((domain, relative)) = place_of(&loaded, sid, what)? else { return Ok(Answer::Elsewhere) };
    let find = || -> Result<Option<String>, regf::Error> {
        for list in ["Users", "Aliases"] {
            let Some(names) = loaded.hive.key(&below(domain, &[list, "Names"]))? else { continue };
            for name in names.subkeys() {
                let name = name?;
                if name.value("")?.is_some_and(|value| value.value_type() == relative) {
                    return Ok(Some(name.name().text.into()));
                }
            }
        }
        Ok(None)
    };
    Ok(find().map_err(failed)?.map_or(Answer::Absent, |name| Answer::Name(name.into())))
}

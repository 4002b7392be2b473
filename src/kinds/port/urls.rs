//! Reservations of URLs against those that are there. Pure.

use std::str::FromStr as _;

use super::places;
use super::rules;
use super::wanted::{UrlAccess, WantedPort, WantedReservation};
use crate::formats::http_sys::{Reservation, UrlPrefix, UrlRights};
use crate::formats::security_descriptor::{AccessList, Ace, AceFlags, Acl, SecurityDescriptor};
use crate::model::digest;
use crate::model::fact::{Facts, Observed, Queries};
use crate::model::operation::{Expression, Operation};
use crate::model::registry_data::RegistryData;
use crate::model::remembered::Trace;
use crate::model::setting::Setting;
use crate::model::sid::Sid;
use crate::model::verdict::{Action, Decision, Reason};

/// Asks for the reservations, and for accounts that only the machine knows.
pub fn wants(wanted: &WantedReservation, queries: &mut Queries) {
    places::ask_values(places::reservations(), queries);
    if let Some(UrlAccess::Accounts { users, .. }) = &wanted.access {
        for user in users.iter().filter(|user| known(&user.value).is_none()) {
            queries.account(&user.value);
        }
    }
}

fn known(name: &str) -> Option<Sid> {
    Sid::from_str(name).ok().or_else(|| Sid::from_account(name))
}

/// A value among the reservations.
pub struct Present<'f> {
    pub name: &'f str,
    pub data: &'f RegistryData,
    /// Why it is none, where it is none.
    pub read: Result<Reservation, String>,
}

impl Present<'_> {
    /// The URL, also of a reservation that is damaged.
    pub fn prefix(&self) -> Option<UrlPrefix> {
        UrlPrefix::parse(self.name).ok()
    }
}

/// All reservations.
///
/// # Errors
/// They could not be read.
pub fn present(facts: &Facts) -> Observed<Vec<Present<'_>>> {
    let Some(key) = places::reservations() else { return Ok(Vec::new()) };
    let values = places::found(&key, facts)?.map(crate::model::fact::KeyFact::values).unwrap_or_default();
    let read = values.into_iter().filter_map(|value| {
        let data = value.data.plain()?;
        let read = Reservation::read(&value.name, data).map_err(|error| error.to_string());
        Some(Present { name: &value.name, data, read })
    });
    Ok(read.collect())
}

/// Decides about one reservation of an entry.
pub fn compare(port: &WantedPort, wanted: &WantedReservation, facts: &Facts) -> Decision {
    let id = port.part(&wanted.part);
    let all = match present(facts) {
        Ok(all) => all,
        Err(unread) => return rules::unread(id, wanted.at, Some(&unread)),
    };
    let Some(key) = places::reservations() else { return Decision::keep(id, wanted.at) };
    let found = all.iter().find(|each| each.prefix().is_some_and(|prefix| prefix == wanted.prefix));
    let found_words = found.map(|found| found.read.as_ref().map_or_else(Clone::clone, words));
    let found_digest = found.map_or(digest::ABSENT, |found| digest::of_data(found.data));
    let setting = Setting::UrlReservation {
        prefix: found.map_or_else(|| wanted.prefix.canonical(), |found| found.name.to_owned()).into(),
    };
    let Some(access) = wanted.access.as_ref().filter(|_| port.is_present()) else {
        let trace = Trace { wanted: digest::ABSENT, found: found_digest, secret: None };
        let Some(found) = found else { return Decision::keep(id, wanted.at).traced(trace) };
        let before = crate::model::fact::Stored::Plain(found.data.clone());
        let step = Operation::RemoveRegistryValue { key, name: found.name.into(), before };
        let operation =
            Operation::Configure { setting, before: found_words.map(Into::into), after: None, steps: vec![step] };
        return Decision::change(id, wanted.at, Action::Delete, Reason::code("ports.not_wanted"), vec![operation])
            .traced(trace);
    };
    let descriptor = match descriptor(access, facts) {
        Ok(descriptor) => descriptor,
        Err(reason) => return Decision::blocked(id, wanted.at, reason),
    };
    let reservation = Reservation { prefix: wanted.prefix.clone(), descriptor };
    let holds = found.and_then(|found| found.read.as_ref().ok()).is_some_and(|found| match access {
        UrlAccess::Accounts { .. } => sorted(found) == sorted(&reservation),
        UrlAccess::Sddl(_) => found.descriptor == reservation.descriptor,
    });
    let data = match reservation.data() {
        Ok(data) => data,
        Err(error) => return Decision::blocked(id, wanted.at, Reason::with("ports.url_too_large", error.to_string())),
    };
    let wanted_digest = digest::of(&[b"reservation", format!("{:?}", sorted(&reservation)).as_bytes()]);
    let trace = Trace { wanted: wanted_digest, found: found_digest, secret: None };
    if holds {
        return Decision::keep(id, wanted.at).traced(trace);
    }
    let (action, reason) = match found.map(|found| &found.read) {
        None => (Action::Create, Reason::code("ports.url_absent")),
        Some(Err(detail)) => (Action::Update, Reason::with("ports.url_damaged", detail.clone())),
        Some(Ok(_)) => (Action::Update, Reason::code("ports.url_differs")),
    };
    let mut operations = places::creations(&key, facts);
    operations.push(Operation::Configure {
        setting,
        before: found_words.map(Into::into),
        after: Some(words_as(&reservation, &named(access)).into()),
        steps: vec![Operation::PutRegistryValue {
            key,
            name: found.map_or_else(|| wanted.prefix.canonical(), |found| found.name.to_owned()).into(),
            before: found.map(|found| crate::model::fact::Stored::Plain(found.data.clone())),
            after: Expression::Registry(data),
        }],
    });
    Decision::change(id, wanted.at, action, reason, operations).traced(trace)
}

/// The descriptor that an entry asks for.
///
/// # Errors
/// The machine does not know an account.
pub fn descriptor(access: &UrlAccess, facts: &Facts) -> Result<SecurityDescriptor, Reason> {
    let UrlAccess::Accounts { users, rights } = access else {
        return match access {
            UrlAccess::Sddl(descriptor) => Ok((**descriptor).clone()),
            UrlAccess::Accounts { .. } => Ok(SecurityDescriptor::default()),
        };
    };
    let mut entries = Vec::new();
    for user in users {
        let sid = known(&user.value).map(Ok).or_else(|| match facts.account(&user.value) {
            Some(Ok(found)) => found.map(Ok),
            Some(Err(unread)) => Some(Err(unread.to_string())),
            None => None,
        });
        let unknown = |detail: String| Reason::with("ports.unknown_account", detail);
        let sid = match sid {
            Some(Ok(sid)) => sid,
            Some(Err(detail)) => return Err(unknown(detail)),
            None => {
                let name = &user.value;
                return Err(unknown(format!("the machine does not know `{name}`; name the account by its SID")));
            }
        };
        entries.push(Ace::allow(sid, rights.mask(), AceFlags::empty()));
    }
    Ok(SecurityDescriptor::default().with_dacl(AccessList::Entries(Acl::new(entries))))
}

/// What each account may do, in one order.
pub fn sorted(reservation: &Reservation) -> Vec<(String, UrlRights)> {
    let mut rights: Vec<(String, UrlRights)> =
        reservation.rights_by_account().into_iter().map(|(sid, rights)| (sid.to_string(), rights)).collect();
    rights.sort_by(|(one, _), (other, _)| one.cmp(other));
    rights
}

/// The accounts of a document that need no machine to be known, by the names that it gives them.
fn named(access: &UrlAccess) -> Vec<(Sid, &str)> {
    match access {
        UrlAccess::Accounts { users, .. } => {
            users.iter().filter_map(|user| Some((known(&user.value)?, user.value.as_str()))).collect()
        }
        UrlAccess::Sddl(_) => Vec::new(),
    }
}

/// Who may do what, in words.
pub fn words(reservation: &Reservation) -> String {
    words_as(reservation, &[])
}

fn words_as(reservation: &Reservation, names: &[(Sid, &str)]) -> String {
    let said = reservation.rights_by_account().into_iter().map(|(sid, rights)| {
        let given = names.iter().find(|(known, name)| *known == sid && !name.starts_with("S-1-"));
        let given = given.map(|(_, name)| (*name).to_owned());
        let name = given.or_else(|| sid.account()).unwrap_or_else(|| sid.to_string());
        let what = match (rights.contains(UrlRights::LISTEN), rights.contains(UrlRights::DELEGATE)) {
            (true, true) => "listens and delegates",
            (false, true) => "delegates",
            _ => "listens",
        };
        format!("{name} {what}")
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() { "nobody may listen".to_owned() } else { said.join(", ") }
}

/// The accounts that a reservation is for, in words.
pub fn owners(reservation: &Reservation) -> String {
    let names = reservation.rights_by_account().into_iter();
    let names: Vec<String> = names.map(|(sid, _)| sid.account().unwrap_or_else(|| sid.to_string())).collect();
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

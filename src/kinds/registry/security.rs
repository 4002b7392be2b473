//! The security descriptor of a key: what is wanted of it, what is there, and the descriptor that holds both. Pure.

use std::str::FromStr as _;
use std::sync::Arc;

use super::compare::observed;
use super::moved::{Found, found};
use super::wanted::{WantedGrant, WantedKey, WantedSecurity};
use crate::formats::security_descriptor::{
    AccessList, AccessMask, Acl, Control, Grant, Others, Reach, RightsError, SecurityDescriptor, denied_by, grant,
    new_subkey_descriptor, satisfies,
};
use crate::kinds::Context;
use crate::model::fact::{Facts, KeyAspects, Observed, Queries, Unread};
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;
use crate::model::sid::Sid;
use crate::model::verdict::Reason;

/// What the comparison of a key's security came to.
pub enum SecurityOutcome {
    Holds,
    Differs { operation: Box<Operation>, reason: Reason },
    Refused(Reason),
}

/// Asks for the accounts that only the machine knows, and for the security that a missing key would inherit.
pub fn wants(wanted: &WantedKey, facts: &Facts, context: &Context<'_>, queries: &mut Queries) {
    let Some(security) = &wanted.security else { return };
    security_accounts(&security.value, queries);
    if let Ok(Found::Absent { ancestor_now, .. }) = found(&wanted.key, facts, context) {
        queries.key(&ancestor_now, KeyAspects { security: true, ..KeyAspects::default() });
    }
}

/// Asks for the accounts that only the machine knows.
pub fn security_accounts(wanted: &WantedSecurity, queries: &mut Queries) {
    let WantedSecurity::Parts { owner, grant, .. } = wanted else { return };
    let names = owner.iter().chain(grant.iter().map(|grant| &grant.to));
    for name in names.map(|name| name.value.as_str()).filter(|name| known_sid(name).is_none()) {
        queries.account(name);
    }
}

/// The descriptor that a missing key will have when it is made below `ancestor`, which lies at `ancestor_now`, once the
/// entries of the keys above it are done; `None` when the entry asks nothing of it.
pub fn inherited(
    key: &RegistryKey,
    ancestor: &RegistryKey,
    ancestor_now: &RegistryKey,
    facts: &Facts,
    context: &Context<'_>,
) -> Observed<Option<Arc<[u8]>>> {
    let Some(found) = observed(facts, ancestor_now)?.present().and_then(|fact| fact.security.clone()) else {
        return Ok(None);
    };
    let subkey = |parent: &[u8]| -> Observed<Arc<[u8]>> {
        let made = new_subkey_descriptor(parent).map_err(|error| Unread::Failed {
            what: format!("the security of {ancestor_now}"),
            detail: error.to_string(),
        });
        made.map(Into::into)
    };
    let above =
        std::iter::successors(key.parent(), RegistryKey::parent).take_while(|above| above.starts_with(ancestor));
    let mut bytes = found;
    for above in above.collect::<Vec<_>>().iter().rev() {
        if above != ancestor {
            bytes = subkey(&bytes)?;
        }
        // A wish that is refused blocks its entry, and with it those below.
        let wanted = context.security_of(above);
        if let Some(Ok(Some(after))) = wanted.map(|wanted| descriptor_after(wanted, &bytes, Securable::Key, facts)) {
            bytes = after;
        }
    }
    subkey(&bytes).map(Some)
}

/// Compares the descriptor found with the wanted one.
pub fn compare(wanted: &WantedKey, found: Option<&Arc<[u8]>>, facts: &Facts) -> SecurityOutcome {
    let Some(security) = &wanted.security else { return SecurityOutcome::Holds };
    let Some(before) = found else {
        return SecurityOutcome::Refused(Reason::with("registry.unreadable", "the key's security was not read"));
    };
    match descriptor_after(&security.value, before, Securable::Key, facts) {
        Ok(None) => SecurityOutcome::Holds,
        Ok(Some(after)) => SecurityOutcome::Differs {
            operation: Box::new(Operation::PutRegistrySecurity {
                key: wanted.key.clone(),
                before: Arc::clone(before),
                after,
            }),
            reason: Reason::with("registry.security_differs", format!("{} is asked", security_words(&security.value))),
        },
        Err(reason) => SecurityOutcome::Refused(reason),
    }
}

/// What a security descriptor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Securable {
    Key,
    File,
    Folder,
}

impl Securable {
    /// Reads rights by the words that its kind has for them.
    ///
    /// # Errors
    /// A word is none of them.
    pub fn rights(self, text: &str) -> Result<AccessMask, RightsError> {
        match self {
            Self::Key => AccessMask::parse_key_rights(text),
            Self::File | Self::Folder => AccessMask::parse_file_rights(text),
        }
    }

    /// The code of its section.
    pub const fn code(self, of_key: &'static str, of_file: &'static str) -> &'static str {
        match self {
            Self::Key => of_key,
            Self::File | Self::Folder => of_file,
        }
    }

    const fn reach(self, inherit: bool) -> Reach {
        match self {
            Self::Key if inherit => Reach::Subkeys,
            Self::Folder if inherit => Reach::Contents,
            Self::Key | Self::File | Self::Folder => Reach::ThisKey,
        }
    }
}

/// The descriptor that holds what is wanted and all else of what was found; `None` when that is the one found.
///
/// # Errors
/// Why it cannot be had, under a code of the registry.
pub fn descriptor_after(
    wanted: &WantedSecurity,
    before: &[u8],
    object: Securable,
    facts: &Facts,
) -> Result<Option<Arc<[u8]>>, Reason> {
    let found = SecurityDescriptor::parse(before)
        .map_err(|error| Reason::with("registry.security_damaged", error.to_string()))?;
    let after = match wanted {
        WantedSecurity::Sddl(text) => stated(text, &found, object),
        WantedSecurity::Parts { owner, grant, exclusive } => {
            let owner = owner.as_ref().map(|owner| sid(&owner.value, facts)).transpose()?;
            let grants = grant.iter().map(|grant| one_grant(grant, object, facts)).collect::<Result<Vec<_>, _>>()?;
            parts(owner, &grants, *exclusive, &found, object)
        }
    }?;
    let bytes = after.map(|after| after.to_bytes()).transpose();
    Ok(bytes.map_err(|error| Reason::with("registry.security_too_large", error.to_string()))?.map(Into::into))
}

/// What the document asks of a thing's security, in its own words.
pub fn security_words(wanted: &WantedSecurity) -> String {
    match wanted {
        WantedSecurity::Sddl(text) => text.clone(),
        WantedSecurity::Parts { owner, grant, exclusive } => {
            let owner = owner.iter().map(|owner| format!("owner {}", owner.value));
            let grants = grant.iter().map(|grant| format!("{} for {}", grant.rights.value, grant.to.value));
            let others = exclusive.then(|| "no other grants".to_owned());
            let parts: Vec<String> = owner.chain(grants).chain(others).collect();
            parts.join(", ")
        }
    }
}

/// The found descriptor with the parts that the SDDL states; `None` when they are there already.
fn stated(text: &str, found: &SecurityDescriptor, object: Securable) -> Result<Option<SecurityDescriptor>, Reason> {
    let invalid = |said: String| Reason::with("registry.security_invalid", said);
    let wanted = SecurityDescriptor::from_str(text).map_err(|error| invalid(error.to_string()))?;
    if object != Securable::Key {
        if !matches!(wanted.sacl(), AccessList::Absent) {
            return Err(invalid("what is audited of a file is not changed by this version".into()));
        }
        return Ok(stated_of_file(&wanted, found));
    }
    let mut after = found.clone();
    if let Some(owner) = wanted.owner() {
        after = after.with_owner(owner);
    }
    if let Some(group) = wanted.group() {
        after = after.with_group(group);
    }
    let mut control = after.control();
    for (list, flags) in [(wanted.dacl(), Control::OF_DACL), (wanted.sacl(), Control::OF_SACL)] {
        if !matches!(list, AccessList::Absent) {
            control = (control - flags) | (wanted.control() & flags);
        }
    }
    if !matches!(wanted.dacl(), AccessList::Absent) {
        after = after.with_dacl(wanted.dacl().clone());
    }
    if !matches!(wanted.sacl(), AccessList::Absent) {
        after = after.with_sacl(wanted.sacl().clone());
    }
    let after = after.with_control(control);
    Ok((after.clone().normalized() != found.clone().normalized()).then_some(after))
}

/// The same for a file or folder: what its list takes from the folder above stays the folder's.
fn stated_of_file(wanted: &SecurityDescriptor, found: &SecurityDescriptor) -> Option<SecurityDescriptor> {
    if found.is_as_file(wanted) {
        return None;
    }
    let mut after = found.of_file();
    if let Some(owner) = wanted.owner() {
        after = after.with_owner(owner);
    }
    if let Some(group) = wanted.group() {
        after = after.with_group(group);
    }
    match wanted.dacl() {
        AccessList::Absent => {}
        AccessList::Null => after = after.with_dacl(AccessList::Null),
        AccessList::Entries(_) => {
            let own = wanted.of_file().own();
            let above = found.dacl().entries().iter();
            let above = above.filter(|ace| !wanted.is_protected() && !found.is_protected() && ace.is_inherited());
            let entries = own.dacl().entries().iter().chain(above).cloned().collect();
            after = after.with_dacl(AccessList::Entries(Acl::new(entries)));
        }
    }
    if !matches!(wanted.dacl(), AccessList::Absent) {
        after = after.with_control(wanted.control() & Control::DACL_PROTECTED);
    }
    Some(after)
}

/// The found descriptor with the wanted owner and grants; `None` when it satisfies them already.
fn parts(
    owner: Option<Sid>,
    grants: &[Grant],
    exclusive: bool,
    found: &SecurityDescriptor,
    object: Securable,
) -> Result<Option<SecurityDescriptor>, Reason> {
    let others = if exclusive { Others::Remove } else { Others::Keep };
    // Generic rights mean something else for each sort of thing.
    let judged = match object {
        Securable::Key => found.clone(),
        Securable::File | Securable::Folder => found.mapped_for_files(),
    };
    if let Some(entry) = denied_by(&judged, grants).first().and_then(|ace| ace.account()) {
        let message = format!("an entry denies {} what the document grants", shown(&entry.sid));
        return Err(Reason::with("registry.security_denied", message));
    }
    let owner_holds = owner.is_none_or(|owner| found.owner() == Some(owner));
    let grants_hold = satisfies(&judged, grants, others);
    if owner_holds && grants_hold {
        return Ok(None);
    }
    let after = if grants_hold { found.clone() } else { grant(found, grants, others) };
    let after = match owner {
        Some(owner) => after.with_owner(owner),
        None => after,
    };
    Ok(Some(if object == Securable::Key { after } else { after.of_file() }))
}

fn one_grant(wanted: &WantedGrant, object: Securable, facts: &Facts) -> Result<Grant, Reason> {
    let mask = object
        .rights(&wanted.rights.value)
        .map_err(|error| Reason::with("registry.security_invalid", error.to_string()))?;
    Ok(Grant { sid: sid(&wanted.to.value, facts)?, mask, reach: object.reach(wanted.inherit) })
}

/// An account's name where it is the same everywhere, else its SID.
fn shown(sid: &Sid) -> String {
    sid.account().unwrap_or_else(|| sid.to_string())
}

fn known_sid(name: &str) -> Option<Sid> {
    Sid::from_str(name).ok().or_else(|| Sid::from_account(name))
}

fn sid(name: &str, facts: &Facts) -> Result<Sid, Reason> {
    if let Some(sid) = known_sid(name) {
        return Ok(sid);
    }
    match facts.account(name) {
        Some(Ok(Some(sid))) => Ok(*sid),
        Some(Ok(None)) => Err(Reason::with("registry.unknown_account", format!("the machine has no account `{name}`"))),
        Some(Err(unread)) => Err(Reason::with("registry.unknown_account", unread.to_string())),
        None => Err(Reason::with("registry.unknown_account", format!("nobody asked for `{name}`"))),
    }
}

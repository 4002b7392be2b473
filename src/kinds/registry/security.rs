//! The security descriptor of a key: what is wanted of it, what is there, and the descriptor that holds both. Pure.

use std::str::FromStr as _;
use std::sync::Arc;

use super::compare::observed;
use super::moved::{Found, found};
use super::wanted::{WantedGrant, WantedKey, WantedSecurity};
use crate::formats::security_descriptor::{
    AccessList, AccessMask, Control, Grant, Others, Reach, SecurityDescriptor, denied_by, grant, new_subkey_descriptor,
    satisfies,
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
    if let WantedSecurity::Parts { owner, grant, .. } = &security.value {
        let names = owner.iter().chain(grant.iter().map(|grant| &grant.to));
        for name in names.map(|name| name.value.as_str()).filter(|name| known_sid(name).is_none()) {
            queries.account(name);
        }
    }
    if let Ok(Found::Absent { ancestor_now, .. }) = found(&wanted.key, facts, context) {
        queries.key(&ancestor_now, KeyAspects { security: true, ..KeyAspects::default() });
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
        if let Some(Ok(Some(after))) = context.security_of(above).map(|wanted| after(wanted, &bytes, facts)) {
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
    match after(&security.value, before, facts) {
        Ok(None) => SecurityOutcome::Holds,
        Ok(Some(after)) => SecurityOutcome::Differs {
            operation: Box::new(Operation::PutRegistrySecurity {
                key: wanted.key.clone(),
                before: Arc::clone(before),
                after,
            }),
            reason: Reason::with("registry.security_differs", asked(&security.value)),
        },
        Err(reason) => SecurityOutcome::Refused(reason),
    }
}

/// The descriptor that holds what is wanted and all else of what was found; `None` when that is the one found.
fn after(wanted: &WantedSecurity, before: &[u8], facts: &Facts) -> Result<Option<Arc<[u8]>>, Reason> {
    let found = SecurityDescriptor::parse(before)
        .map_err(|error| Reason::with("registry.security_damaged", error.to_string()))?;
    let after = match wanted {
        WantedSecurity::Sddl(text) => stated(text, &found),
        WantedSecurity::Parts { owner, grant, exclusive } => {
            parts(owner.as_ref().map(|owner| owner.value.as_str()), grant, *exclusive, &found, facts)
        }
    }?;
    let bytes = after.map(|after| after.to_bytes()).transpose();
    Ok(bytes.map_err(|error| Reason::with("registry.security_too_large", error.to_string()))?.map(Into::into))
}

/// What the document asks of the key's security, in its own words.
fn asked(wanted: &WantedSecurity) -> String {
    match wanted {
        WantedSecurity::Sddl(text) => format!("{text} is asked"),
        WantedSecurity::Parts { owner, grant, exclusive } => {
            let owner = owner.iter().map(|owner| format!("owner {}", owner.value));
            let grants = grant.iter().map(|grant| format!("{} for {}", grant.rights.value, grant.to.value));
            let others = exclusive.then(|| "no other grants".to_owned());
            let parts: Vec<String> = owner.chain(grants).chain(others).collect();
            format!("{} is asked", parts.join(", "))
        }
    }
}

/// The found descriptor with the parts that the SDDL states; `None` when they are there already.
fn stated(text: &str, found: &SecurityDescriptor) -> Result<Option<SecurityDescriptor>, Reason> {
    let wanted = SecurityDescriptor::from_str(text)
        .map_err(|error| Reason::with("registry.security_invalid", error.to_string()))?;
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

/// The found descriptor with the wanted owner and grants; `None` when it satisfies them already.
fn parts(
    owner: Option<&str>,
    wanted: &[WantedGrant],
    exclusive: bool,
    found: &SecurityDescriptor,
    facts: &Facts,
) -> Result<Option<SecurityDescriptor>, Reason> {
    let owner = owner.map(|name| sid(name, facts)).transpose()?;
    let grants = wanted.iter().map(|grant| one_grant(grant, facts)).collect::<Result<Vec<_>, _>>()?;
    let others = if exclusive { Others::Remove } else { Others::Keep };
    if let Some(entry) = denied_by(found, &grants).first().and_then(|ace| ace.account()) {
        let message = format!("an entry denies {} what the document grants", shown(&entry.sid));
        return Err(Reason::with("registry.security_denied", message));
    }
    let owner_holds = owner.is_none_or(|owner| found.owner() == Some(owner));
    let grants_hold = satisfies(found, &grants, others);
    if owner_holds && grants_hold {
        return Ok(None);
    }
    let after = grant(found, &grants, others);
    Ok(Some(match owner {
        Some(owner) => after.with_owner(owner),
        None => after,
    }))
}

fn one_grant(wanted: &WantedGrant, facts: &Facts) -> Result<Grant, Reason> {
    let mask = AccessMask::parse_key_rights(&wanted.rights.value)
        .map_err(|error| Reason::with("registry.security_invalid", error.to_string()))?;
    let reach = if wanted.inherit { Reach::Subkeys } else { Reach::ThisKey };
    Ok(Grant { sid: sid(&wanted.to.value, facts)?, mask, reach })
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

//! Rights asked for by name: does a descriptor give them, and what does it look like when it does.
//!
//! Only entries of the named account count: what a group or a privilege adds is the machine's to know.

use super::{AccessList, AccessMask, AccountEntry, Ace, AceFlags, Acl, SecurityDescriptor};
use crate::model::sid::Sid;

/// Rights one account should have on a registry key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Whose rights.
    pub sid: Sid,
    /// The rights, at least.
    pub mask: AccessMask,
    /// Where they hold.
    pub reach: Reach,
}

/// How far a grant reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The key alone.
    ThisKey,
    /// The key and, by inheritance, its subkeys.
    Subkeys,
    /// The folder and, by inheritance, all files and folders below it.
    Contents,
}

/// What becomes of explicit grants to accounts that are not named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// They stay.
    Keep,
    /// They go.
    Remove,
}

/// The descriptor with `grants` in it, and otherwise as little changed as can be.
///
/// Accounts that already have what is asked keep their entries; of the others the explicit allow entries are replaced.
/// Deny entries, inherited entries and entries of other types stay. The DACL comes out in canonical order: explicit
/// deny, explicit rest, inherited. A null or absent DACL already allows everything and stays under [`Others::Keep`].
///
/// The result satisfies the grants unless an entry of [`denied_by`] stands against them.
#[must_use]
pub fn grant(descriptor: &SecurityDescriptor, grants: &[Grant], others: Others) -> SecurityDescriptor {
    if satisfies(descriptor, grants, others) {
        return descriptor.clone();
    }
    let canonical = in_canonical_order(descriptor);
    let wanting: Vec<&Grant> = grants.iter().filter(|wanted| !account_has(&canonical, grants, wanted.sid)).collect();
    let new: Vec<Ace> = wanting.iter().map(|wanted| Ace::allow(wanted.sid, wanted.mask, flags_of(wanted))).collect();
    let goes = |ace: &Ace| {
        explicit_allow(ace).is_some_and(|entry| {
            let is_replaced = wanting.iter().any(|wanted| wanted.sid == entry.sid) && !new.contains(ace);
            is_replaced || (others == Others::Remove && !is_named(entry.sid, grants))
        })
    };
    let kept = canonical.dacl().entries().iter().filter(|ace| !goes(ace));
    let mut entries: Vec<Ace> = kept.cloned().collect();
    for ace in new {
        if !entries.contains(&ace) {
            entries.push(ace);
        }
    }
    in_canonical_order(&canonical.with_dacl(AccessList::Entries(Acl::new(entries))))
}

/// The descriptor with its DACL, if it has one, in the order deny, rest, inherited. That can take effect from an allow
/// entry which a deny entry now precedes, so grants are judged after it.
fn in_canonical_order(descriptor: &SecurityDescriptor) -> SecurityDescriptor {
    let AccessList::Entries(acl) = descriptor.dacl() else {
        return descriptor.clone();
    };
    let mut entries = acl.entries().to_vec();
    entries.sort_by_key(canonical_rank);
    descriptor.clone().with_dacl(AccessList::Entries(Acl::new(entries)))
}

/// Whether the descriptor already gives every grant, by explicit or inherited entries, and no deny entry of the same
/// account comes first; under [`Others::Remove`], also whether nobody else has an explicit allow entry.
#[must_use]
pub fn satisfies(descriptor: &SecurityDescriptor, grants: &[Grant], others: Others) -> bool {
    let only_named = others == Others::Keep || removed_by(descriptor, grants, others).is_empty();
    only_named && grants.iter().all(|wanted| has(descriptor, wanted))
}

/// The explicit allow entries of accounts that are not named: what [`Others::Remove`] takes away.
///
/// A null or absent DACL counts as full access for everybody.
#[must_use]
pub fn removed_by(descriptor: &SecurityDescriptor, grants: &[Grant], others: Others) -> Vec<Ace> {
    match (others, descriptor.dacl()) {
        (Others::Keep, _) => Vec::new(),
        (Others::Remove, AccessList::Absent | AccessList::Null) => {
            vec![Ace::allow(Sid::EVERYONE, AccessMask::KEY_ALL_ACCESS, AceFlags::empty())]
        }
        (Others::Remove, AccessList::Entries(acl)) => acl
            .entries()
            .iter()
            .filter(|ace| explicit_allow(ace).is_some_and(|entry| !is_named(entry.sid, grants)))
            .cloned()
            .collect(),
    }
}

/// The explicit deny entries that stand against a grant; [`grant`] leaves them alone, so somebody has to decide.
#[must_use]
pub fn denied_by(descriptor: &SecurityDescriptor, grants: &[Grant]) -> Vec<Ace> {
    let stands_against = |ace: &Ace, wanted: &Grant| {
        let applies =
            (needed_here(wanted) && is_effective(ace)) || (needed_below(wanted) && reaches_below(ace, wanted));
        applies
            && ace.account().is_some_and(|entry| {
                entry.kind.denies()
                    && entry.sid == wanted.sid
                    && entry.mask.mapped_for_keys().intersects(wanted.mask.mapped_for_keys())
            })
    };
    let explicit = descriptor.dacl().entries().iter().filter(|ace| !ace.is_inherited());
    explicit.filter(|ace| grants.iter().any(|wanted| stands_against(ace, wanted))).cloned().collect()
}

fn account_has(descriptor: &SecurityDescriptor, grants: &[Grant], sid: Sid) -> bool {
    // A null DACL gives everything until it is replaced by a list; then every grant needs its entry.
    matches!(descriptor.dacl(), AccessList::Entries(_))
        && grants.iter().filter(|wanted| wanted.sid == sid).all(|wanted| has(descriptor, wanted))
}

fn has(descriptor: &SecurityDescriptor, wanted: &Grant) -> bool {
    let AccessList::Entries(acl) = descriptor.dacl() else {
        return true;
    };
    let allowed = |counts: &dyn Fn(&Ace) -> bool, lasts: fn(&Ace) -> bool| {
        let relevant = acl.entries().iter().filter(|ace| counts(ace));
        allows(relevant.filter_map(|ace| ace.account().map(|entry| (entry, lasts(ace)))), wanted)
    };
    let lasts = |ace: &Ace| !ace.flags.contains(AceFlags::NO_PROPAGATE);
    (!needed_here(wanted) || allowed(&is_effective, |_| true))
        && (!needed_below(wanted)
            || ways_below(wanted).iter().all(|way| allowed(&|ace| ace.flags.contains(*way), lasts)))
}

/// Walks entries as an access check does. An entry that does not last allows nothing, but may still deny.
fn allows<'a>(entries: impl Iterator<Item = (&'a AccountEntry, bool)>, wanted: &Grant) -> bool {
    let mut missing = wanted.mask.mapped_for_keys();
    for (entry, lasts) in entries.filter(|(entry, _)| entry.sid == wanted.sid) {
        let mask = entry.mask.mapped_for_keys();
        if entry.kind.denies() && mask.intersects(missing) {
            return false;
        }
        // A condition may or may not hold: a conditional allow is not counted on, a conditional deny is.
        if entry.kind == super::AceKind::Allow && lasts {
            missing -= mask;
        }
    }
    missing.is_empty()
}

/// The creator's placeholders mean nothing on the key itself.
fn needed_here(wanted: &Grant) -> bool {
    !is_placeholder(wanted.sid) || wanted.reach == Reach::ThisKey
}

fn needed_below(wanted: &Grant) -> bool {
    wanted.reach != Reach::ThisKey
}

/// The ways by which what is below inherits the grant.
const fn ways_below(wanted: &Grant) -> &'static [AceFlags] {
    match wanted.reach {
        Reach::ThisKey => &[],
        Reach::Subkeys => &[AceFlags::CONTAINER_INHERIT],
        Reach::Contents => &[AceFlags::CONTAINER_INHERIT, AceFlags::OBJECT_INHERIT],
    }
}

fn flags_of(wanted: &Grant) -> AceFlags {
    let ways = ways_below(wanted).iter().fold(AceFlags::empty(), |ways, way| ways | *way);
    if !ways.is_empty() && is_placeholder(wanted.sid) { ways | AceFlags::INHERIT_ONLY } else { ways }
}

fn is_placeholder(sid: Sid) -> bool {
    sid == Sid::CREATOR_OWNER || sid == Sid::CREATOR_GROUP
}

fn is_effective(ace: &Ace) -> bool {
    !ace.flags.contains(AceFlags::INHERIT_ONLY)
}

fn reaches_below(ace: &Ace, wanted: &Grant) -> bool {
    ways_below(wanted).iter().any(|way| ace.flags.contains(*way))
}

fn is_named(sid: Sid, grants: &[Grant]) -> bool {
    grants.iter().any(|wanted| wanted.sid == sid)
}

fn explicit_allow(ace: &Ace) -> Option<&AccountEntry> {
    ace.account().filter(|entry| entry.kind.allows() && !ace.is_inherited())
}

fn canonical_rank(ace: &Ace) -> u8 {
    match ace.account() {
        _ if ace.is_inherited() => 2,
        Some(entry) if entry.kind.denies() => 0,
        _ => 1,
    }
}

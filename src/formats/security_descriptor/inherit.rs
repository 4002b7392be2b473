//! What a new registry subkey, folder or file gets from its parent's inheritable entries.
//!
//! Source: [MS-DTYP] 2.5.3.4 (creating a descriptor) with the object's own generic mapping, and where that is silent the keys of
//! real hives, which a test compares with.

use super::DescriptorError;
use super::{AccessList, AccessMask, Ace, AceBody, AceFlags, AceKind, Acl, Control, SecurityDescriptor};
use crate::model::sid::Sid;

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Child {
    Subkey,
    Folder,
    File,
}

impl Child {
    /// The flag of an entry that has an effect on it.
    const fn way(self) -> AceFlags {
        match self {
            Self::Subkey | Self::Folder => AceFlags::CONTAINER_INHERIT,
            Self::File => AceFlags::OBJECT_INHERIT,
        }
    }

    const fn all_access(self) -> AccessMask {
        match self {
            Self::Subkey => AccessMask::KEY_ALL_ACCESS,
            Self::Folder | Self::File => AccessMask::FILE_ALL_ACCESS,
        }
    }

    fn mapped(self, mask: AccessMask) -> AccessMask {
        match self {
            Self::Subkey => mask.mapped_for_keys(),
            Self::Folder | Self::File => mask.mapped_for_files(),
        }
    }
}

/// Who makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creator {
    /// Becomes the owner and takes the place of `CREATOR OWNER`.
    pub owner: Sid,
    /// Becomes the primary group and takes the place of `CREATOR GROUP`.
    pub group: Sid,
}

const INHERITANCE: AceFlags = AceFlags::OBJECT_INHERIT
    .union(AceFlags::CONTAINER_INHERIT)
    .union(AceFlags::NO_PROPAGATE)
    .union(AceFlags::INHERIT_ONLY);

/// The descriptor of a new subkey of a key with the descriptor `parent`.
///
/// Without inheritable entries Windows takes the default DACL of the creator's token. That is not in any file, so SYSTEM
/// and Administrators get full access: an assumption that matches an administrator's token, unproven on a real Windows.
#[must_use]
pub fn inherited_by_subkey(parent: &SecurityDescriptor, creator: Creator) -> SecurityDescriptor {
    inherited_by(Child::Subkey, parent, creator)
}

/// The descriptor of what is made in a thing with the descriptor `parent`; as [`inherited_by_subkey`].
#[must_use]
pub fn inherited_by(child: Child, parent: &SecurityDescriptor, creator: Creator) -> SecurityDescriptor {
    let follows = parent.control() & (Control::DACL_AUTO_INHERITED | Control::SACL_AUTO_INHERITED);
    let made = SecurityDescriptor::default().with_owner(creator.owner).with_group(creator.group);

    let dacl = inherited_list(child, parent.dacl(), creator).unwrap_or_else(|| Acl::new(default_entries(child)));
    let made = made.with_control(follows).with_dacl(AccessList::Entries(dacl));
    match inherited_list(child, parent.sacl(), creator) {
        Some(sacl) => made.with_sacl(AccessList::Entries(sacl)),
        None => made,
    }
}

/// [`inherited_by_subkey`] over bytes, for a key that an administrator makes: owner Administrators, group SYSTEM.
///
/// # Errors
/// The parent's descriptor is damaged.
pub fn new_subkey_descriptor(parent: &[u8]) -> Result<Vec<u8>, DescriptorError> {
    let creator = Creator { owner: Sid::ADMINISTRATORS, group: Sid::SYSTEM };
    inherited_by_subkey(&SecurityDescriptor::parse(parent)?, creator).to_bytes()
}

fn default_entries(child: Child) -> Vec<Ace> {
    [Sid::SYSTEM, Sid::ADMINISTRATORS].map(|sid| Ace::allow(sid, child.all_access(), AceFlags::empty())).to_vec()
}

/// `None` when nothing is inheritable.
fn inherited_list(child: Child, list: &AccessList, creator: Creator) -> Option<Acl> {
    let mut entries = Vec::new();
    for ace in list.entries() {
        inherit_entry(&mut entries, child, ace, creator);
    }
    (!entries.is_empty()).then(|| Acl::new(entries))
}

/// Adds what comes of one entry: nothing, one entry, or two (one in effect, one to be inherited further) when those
/// have to differ. What earlier entries already say is not said again: real hives show it.
fn inherit_entry(entries: &mut Vec<Ace>, child: Child, ace: &Ace, creator: Creator) {
    let has_effect = ace.flags.contains(child.way());
    // What is meant for objects that are not containers is only handed on.
    let inherits = ace.flags.intersects(AceFlags::CONTAINER_INHERIT | AceFlags::OBJECT_INHERIT);
    let passes_on = child != Child::File && inherits && !ace.flags.contains(AceFlags::NO_PROPAGATE);

    let onward = with_flags(ace, ace.flags.difference(AceFlags::INHERIT_ONLY) | AceFlags::INHERITED);
    let onward = Some(onward).filter(|onward| passes_on && !is_inheritable_from(entries, onward));
    let effective =
        Some(in_effect(child, ace, creator)).filter(|effective| has_effect && !is_effective_in(entries, effective));
    match (effective, onward) {
        (Some(effective), Some(onward)) if effective.body == onward.body => entries.push(onward),
        (effective, onward) => {
            entries.extend(effective);
            entries.extend(onward.map(|onward| with_flags(&onward, onward.flags | AceFlags::INHERIT_ONLY)));
        }
    }
}

/// Whether an earlier entry already has this effect on the thing itself.
fn is_effective_in(entries: &[Ace], ace: &Ace) -> bool {
    entries.iter().any(|earlier| !earlier.flags.contains(AceFlags::INHERIT_ONLY) && says(earlier, ace))
}

/// Whether an earlier entry already hands this on.
fn is_inheritable_from(entries: &[Ace], ace: &Ace) -> bool {
    let ways = AceFlags::OBJECT_INHERIT | AceFlags::CONTAINER_INHERIT;
    entries.iter().any(|earlier| earlier.flags & ways == ace.flags & ways && says(earlier, ace))
}

/// Whether `earlier` says all that `ace` says, wherever each applies.
fn says(earlier: &Ace, ace: &Ace) -> bool {
    if earlier.flags.difference(INHERITANCE) != ace.flags.difference(INHERITANCE) {
        return false;
    }
    match (&earlier.body, &ace.body) {
        (AceBody::Account(earlier), AceBody::Account(entry)) => {
            let is_same = (earlier.kind, earlier.sid, &earlier.trailing) == (entry.kind, entry.sid, &entry.trailing);
            is_same && earlier.mask.contains(entry.mask)
        }
        (earlier, body) => earlier == body,
    }
}

/// The entry as it applies to the thing itself: placeholders and generic rights replaced.
fn in_effect(child: Child, ace: &Ace, creator: Creator) -> Ace {
    let mut effective = with_flags(ace, ace.flags.difference(INHERITANCE) | AceFlags::INHERITED);
    if let AceBody::Account(entry) = &mut effective.body {
        // The mask of a label is a policy, not rights.
        if !matches!(entry.kind, AceKind::MandatoryLabel | AceKind::ScopedPolicy | AceKind::TrustLabel) {
            entry.mask = child.mapped(entry.mask) & child.all_access();
        }
        if entry.sid == Sid::CREATOR_OWNER {
            entry.sid = creator.owner;
        } else if entry.sid == Sid::CREATOR_GROUP {
            entry.sid = creator.group;
        }
    }
    effective
}

fn with_flags(ace: &Ace, flags: AceFlags) -> Ace {
    Ace { flags, body: ace.body.clone() }
}

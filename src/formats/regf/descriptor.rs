//! Security descriptors: the form a key's must have, and the one a new key gets: what its parent's inheritable entries make, as Windows computes it for a key ([MS-DTYP] 2.5.3.4).
//! Offline there is no token, so owner and group are the parent's.

use super::Error;
use super::cells::{SECURITY, u16_at, u32_at, wide};

const SELF_RELATIVE: u16 = 0x8000;
const DACL_PRESENT: u16 = 0x0004;
const SACL_PRESENT: u16 = 0x0010;
/// Of either list; Windows hands both on, whether the lists are there or not.
const AUTO_INHERITED: u16 = 0x0C00;

const OBJECT_INHERIT: u8 = 0x01;
const CONTAINER_INHERIT: u8 = 0x02;
const NO_PROPAGATE: u8 = 0x04;
const INHERIT_ONLY: u8 = 0x08;
const INHERITED: u8 = 0x10;
/// Flags that are not about inheritance: whether successes or failures are audited.
const AUDIT: u8 = 0xC0;

/// Generic rights and what they mean for a key (`KEY_READ`, `KEY_WRITE`, `KEY_EXECUTE`, `KEY_ALL_ACCESS`).
const GENERIC: [(u32, u32); 4] =
    [(0x8000_0000, 0x2_0019), (0x4000_0000, 0x2_0006), (0x2000_0000, 0x2_0019), (0x1000_0000, 0xF_003F)];
/// S-1-3-0 and S-1-3-1 stand for the owner and the group of the new key.
const CREATOR_OWNER: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0];
const CREATOR_GROUP: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 3, 1, 0, 0, 0];

const HEADER: usize = 20;
const ACL_HEADER: usize = 8;
/// Type, flags, size and mask of an entry, before its SID.
const ENTRY_HEADER: usize = 8;

/// Longest descriptor: its own length fields have 16 bits.
const LONGEST: usize = 0xFFFF;

/// Why nothing can be inherited from a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InheritError {
    #[error("the parent's descriptor is malformed at byte {at:#x}")]
    Malformed { at: usize },
    #[error("the parent's descriptor names no owner or no group")]
    NoOwner,
    #[error("the parent has no entry that keys below it inherit; the descriptor must be given")]
    NothingInheritable,
    #[error("an inheritable entry of type {entry_type:#x} is not one of the simple ones")]
    EntryType { entry_type: u8 },
    #[error("the inherited entries take {length} bytes; the limit is {limit}")]
    TooLong { length: usize, limit: usize },
}

/// Makes the self-relative descriptor of a new key below one guarded by `parent`.
///
/// # Errors
/// When the parent's descriptor is malformed, has no inheritable entries, or holds inheritable ones whose meaning is not simple.
pub fn inherited(parent: &[u8]) -> Result<Vec<u8>, InheritError> {
    let field = |at: usize| u32_at(parent, at).ok_or(InheritError::Malformed { at });
    let control = u16_at(parent, 2).ok_or(InheritError::Malformed { at: 2 })?;
    let sids = Sids { owner: sid_at(parent, wide(field(4)?))?, group: sid_at(parent, wide(field(8)?))? };
    let dacl = match wide(field(16)?) {
        at if control & DACL_PRESENT != 0 && at != 0 => inherited_acl(parent, at, &sids)?,
        _ => None,
    };
    let sacl = match wide(field(12)?) {
        at if control & SACL_PRESENT != 0 && at != 0 => inherited_acl(parent, at, &sids)?,
        _ => None,
    };
    let dacl = dacl.ok_or(InheritError::NothingInheritable)?;

    let mut made = SELF_RELATIVE | DACL_PRESENT | control & AUTO_INHERITED;
    if sacl.is_some() {
        made |= SACL_PRESENT;
    }
    // The order Windows lays the parts out in, so that equal descriptors are equal bytes.
    let sacl = sacl.unwrap_or_default();
    let mut body = Vec::new();
    let mut place = |part: &[u8]| {
        let offset = if part.is_empty() { 0 } else { HEADER + body.len() };
        body.extend_from_slice(part);
        u32::try_from(offset).unwrap_or_default()
    };
    let (sacl, dacl, owner, group) = (place(&sacl), place(&dacl), place(sids.owner), place(sids.group));
    let mut descriptor = vec![1, 0];
    descriptor.extend(made.to_le_bytes());
    descriptor.extend([owner, group, sacl, dacl].into_iter().flat_map(u32::to_le_bytes));
    descriptor.extend(body);
    Ok(descriptor)
}

/// Refuses what is not a self-relative security descriptor of a fitting length.
pub(super) fn check_descriptor(descriptor: &[u8]) -> Result<(), Error> {
    if descriptor.len() > LONGEST {
        return Err(Error::TooLong { what: SECURITY, length: descriptor.len(), limit: LONGEST });
    }
    match descriptor {
        [1, _, _, control, ..] if descriptor.len() >= 20 && control & 0x80 != 0 => Ok(()),
        _ => Err(Error::Descriptor { reason: "it is not self-relative, of revision 1 and at least 20 bytes long" }),
    }
}

struct Sids<'d> {
    owner: &'d [u8],
    group: &'d [u8],
}

/// One entry of an access control list.
struct Entry<'d> {
    entry_type: u8,
    flags: u8,
    mask: u32,
    /// The SID, and whatever follows it.
    trustee: &'d [u8],
}

impl Entry<'_> {
    /// Says whether Windows lays this type out as header, mask and SID, so that it can be mapped: allow, deny, audit, alarm, mandatory label.
    const fn is_simple(&self) -> bool {
        matches!(self.entry_type, 0..=3 | 0x11)
    }

    /// Encodes the entry with other flags, mask and trustee.
    fn with(&self, flags: u8, mask: u32, trustee: &[u8]) -> Result<Vec<u8>, InheritError> {
        let length = ENTRY_HEADER + trustee.len();
        let size = u16::try_from(length).map_err(|_| too_long(length))?;
        let mut bytes = vec![self.entry_type, flags];
        bytes.extend(size.to_le_bytes());
        bytes.extend(mask.to_le_bytes());
        bytes.extend_from_slice(trustee);
        Ok(bytes)
    }
}

/// Makes the list that a new key inherits; none when no entry is inheritable.
fn inherited_acl(parent: &[u8], start: usize, sids: &Sids<'_>) -> Result<Option<Vec<u8>>, InheritError> {
    let malformed = |at: usize| InheritError::Malformed { at };
    let acl = parent.get(start..).filter(|acl| acl.len() >= ACL_HEADER).ok_or(malformed(start))?;
    let revision = acl.first().copied().unwrap_or_default();
    let count = u16_at(acl, 4).ok_or(malformed(start))?;
    let mut entries = Vec::new();
    let mut at = ACL_HEADER;
    for _ in 0..count {
        let bytes = acl.get(at..).ok_or(malformed(start + at))?;
        let size = usize::from(u16_at(bytes, 2).ok_or(malformed(start + at))?);
        let entry = bytes.get(..size).and_then(parse_entry).ok_or(malformed(start + at))?;
        inherit_entry(&entry, sids, &mut entries)?;
        at += size;
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let length = ACL_HEADER + entries.iter().map(Vec::len).sum::<usize>();
    let size = u16::try_from(length).map_err(|_| too_long(length))?;
    let count = u16::try_from(entries.len()).map_err(|_| too_long(length))?;
    let mut list = vec![revision, 0];
    list.extend(size.to_le_bytes());
    list.extend(count.to_le_bytes());
    list.extend([0; 2]);
    list.extend(entries.concat());
    Ok(Some(list))
}

/// Adds what a key inherits of one entry: one in force, or one only to hand on, or both.
fn inherit_entry(entry: &Entry<'_>, sids: &Sids<'_>, entries: &mut Vec<Vec<u8>>) -> Result<(), InheritError> {
    let hands_on = entry.flags & NO_PROPAGATE == 0;
    let onward = entry.flags & (OBJECT_INHERIT | CONTAINER_INHERIT | AUDIT) | INHERITED;
    if entry.flags & CONTAINER_INHERIT == 0 {
        if entry.flags & OBJECT_INHERIT != 0 && hands_on {
            entries.push(entry.with(onward | INHERIT_ONLY, entry.mask, entry.trustee)?);
        }
        return Ok(());
    }
    if !entry.is_simple() {
        return Err(InheritError::EntryType { entry_type: entry.entry_type });
    }
    let mask = map_generic(entry.mask);
    let trustee = match entry.trustee {
        sid if sid == CREATOR_OWNER => sids.owner,
        sid if sid == CREATOR_GROUP => sids.group,
        sid => sid,
    };
    if hands_on && mask == entry.mask && trustee == entry.trustee {
        entries.push(entry.with(onward, mask, trustee)?);
        return Ok(());
    }
    let in_force = entry.with(entry.flags & AUDIT | INHERITED, mask, trustee)?;
    // The creator may have the same rights already; Windows doesn't say so twice.
    if !entries.contains(&in_force) {
        entries.push(in_force);
    }
    if hands_on {
        entries.push(entry.with(onward | INHERIT_ONLY, entry.mask, entry.trustee)?);
    }
    Ok(())
}

fn parse_entry(bytes: &[u8]) -> Option<Entry<'_>> {
    let [entry_type, flags, ..] = *bytes else { return None };
    Some(Entry { entry_type, flags, mask: u32_at(bytes, 4)?, trustee: bytes.get(ENTRY_HEADER..)? })
}

fn map_generic(mask: u32) -> u32 {
    let all = GENERIC.iter().fold(0, |all, (generic, _)| all | generic);
    GENERIC.iter().filter(|(generic, _)| mask & generic != 0).fold(mask & !all, |mapped, (_, rights)| mapped | rights)
}

/// Returns the SID at `at`; 0 means there is none.
fn sid_at(descriptor: &[u8], at: usize) -> Result<&[u8], InheritError> {
    if at == 0 {
        return Err(InheritError::NoOwner);
    }
    let sid = descriptor.get(at..).ok_or(InheritError::Malformed { at })?;
    let authorities = sid.get(1).copied().map_or(0, usize::from);
    sid.get(..8 + 4 * authorities).ok_or(InheritError::Malformed { at })
}

const fn too_long(length: usize) -> InheritError {
    InheritError::TooLong { length, limit: LONGEST }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    const USERS: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0];
    const KEY_READ: u32 = 0x2_0019;
    const KEY_ALL: u32 = 0xF_003F;

    type Ace<'s> = (u8, u8, u32, &'s [u8; 12]);

    fn acl(entries: &[Ace<'_>]) -> Vec<u8> {
        let count = u8::try_from(entries.len()).expect("few");
        let mut acl = vec![2, 0, 8 + 20 * count, 0, count, 0, 0, 0];
        for (entry_type, flags, mask, sid) in entries {
            acl.extend([*entry_type, *flags, 20, 0]);
            acl.extend(mask.to_le_bytes());
            acl.extend(*sid);
        }
        acl
    }

    /// A descriptor whose parts lie in Windows' order: lists, owner, group.
    fn descriptor(control: u16, sacl: &[Ace<'_>], dacl: &[Ace<'_>]) -> Vec<u8> {
        let sacl = if sacl.is_empty() { Vec::new() } else { acl(sacl) };
        let dacl = acl(dacl);
        let at = |offset: usize| u32::try_from(offset).expect("small").to_le_bytes();
        let mut bytes = vec![1, 0];
        bytes.extend(control.to_le_bytes());
        bytes.extend(at(20 + sacl.len() + dacl.len()));
        bytes.extend(at(32 + sacl.len() + dacl.len()));
        bytes.extend(at(if sacl.is_empty() { 0 } else { 20 }));
        bytes.extend(at(20 + sacl.len()));
        bytes.extend([sacl, dacl, SYSTEM.to_vec(), USERS.to_vec()].concat());
        bytes
    }

    #[test]
    fn a_key_inherits_what_windows_makes_it_inherit() {
        let cases: [(&str, &[Ace<'_>], &[Ace<'_>]); 7] = [
            ("specific rights", &[(0, 0x02, KEY_READ, &USERS)], &[(0, 0x12, KEY_READ, &USERS)]),
            ("not inheritable", &[(0, 0, KEY_ALL, &SYSTEM), (0, 2, KEY_READ, &USERS)], &[(0, 0x12, KEY_READ, &USERS)]),
            (
                "generic rights",
                &[(0, 0x0A, 0x8000_0000, &USERS)],
                &[(0, 0x10, KEY_READ, &USERS), (0, 0x1A, 0x8000_0000, &USERS)],
            ),
            (
                "creator owner",
                &[(0, 0x0B, 0x1000_0000, &CREATOR_OWNER)],
                &[(0, 0x10, KEY_ALL, &SYSTEM), (0, 0x1B, 0x1000_0000, &CREATOR_OWNER)],
            ),
            (
                "the creator has the rights already",
                &[(0, 0x0A, 0x1000_0000, &SYSTEM), (0, 0x0A, 0x1000_0000, &CREATOR_OWNER)],
                &[(0, 0x10, KEY_ALL, &SYSTEM), (0, 0x1A, 0x1000_0000, &SYSTEM), (0, 0x1A, 0x1000_0000, &CREATOR_OWNER)],
            ),
            ("only one level", &[(1, 0x06, KEY_READ, &USERS)], &[(1, 0x10, KEY_READ, &USERS)]),
            ("for objects only", &[(0, 0x01, KEY_READ, &USERS)], &[(0, 0x19, KEY_READ, &USERS)]),
        ];
        for (case, parent, expected) in cases {
            assert_eq!(inherited(&descriptor(0x8404, &[], parent)), Ok(descriptor(0x8404, &[], expected)), "{case}");
        }
        let audit: [Ace<'_>; 1] = [(2, 0xC2, KEY_ALL, &USERS)];
        let made = inherited(&descriptor(0x9C14, &audit, &[(0, 2, KEY_READ, &USERS)]));
        assert_eq!(made, Ok(descriptor(0x8C14, &[(2, 0xD2, KEY_ALL, &USERS)], &[(0, 0x12, KEY_READ, &USERS)])));
    }

    #[test]
    fn what_cannot_be_inherited_is_refused() {
        let from = |dacl: &[Ace<'_>]| inherited(&descriptor(0x8404, &[], dacl));
        assert_eq!(from(&[(0, 0, KEY_ALL, &SYSTEM)]), Err(InheritError::NothingInheritable));
        assert_eq!(from(&[(9, 2, KEY_ALL, &SYSTEM)]), Err(InheritError::EntryType { entry_type: 9 }));
        let whole = descriptor(0x8404, &[], &[(0, 2, KEY_READ, &USERS)]);
        for length in 0..whole.len() {
            assert!(matches!(inherited(&whole[..length]), Err(InheritError::Malformed { .. })), "{length}");
        }
        let mut ownerless = whole;
        ownerless[4..8].fill(0);
        assert_eq!(inherited(&ownerless), Err(InheritError::NoOwner));
    }
}

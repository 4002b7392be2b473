//! The self-relative form: bytes to [`SecurityDescriptor`] and back.
//!
//! Source: [MS-DTYP] 2.4.5, 2.4.6. Any bytes give an answer; written descriptors are laid out as Windows does: header,
//! SACL, DACL, owner, group.

use std::fmt;

use super::{
    AccessList, AccessMask, AccountEntry, Ace, AceBody, AceFlags, AceKind, Acl, Control, OpaqueEntry,
    SecurityDescriptor,
};
use crate::model::sid::{Sid, SidError};

const REVISION: u8 = 1;
const HEADER_LEN: usize = 20;
const ACL_HEADER_LEN: usize = 8;
const ACE_HEADER_LEN: usize = 4;
const MASK_LEN: usize = 4;

const DACL_PRESENT: u16 = 0x0004;
const SACL_PRESENT: u16 = 0x0010;
const SELF_RELATIVE: u16 = 0x8000;

const ACL_REVISION: u8 = 2;
/// The revision of lists that hold object entries.
const ACL_REVISION_OBJECTS: u8 = 4;
/// Object entries: allow, deny, audit, alarm, and the conditional ones.
const OBJECT_KINDS: [u8; 7] = [0x05, 0x06, 0x07, 0x08, 0x0B, 0x0C, 0x0F];

/// A part of a descriptor, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The owner's SID.
    Owner,
    /// The group's SID.
    Group,
    /// The discretionary list.
    Dacl,
    /// The system list.
    Sacl,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner => "owner",
            Self::Group => "group",
            Self::Dacl => "DACL",
            Self::Sacl => "SACL",
        })
    }
}

/// Why bytes are not a security descriptor, or a descriptor cannot become bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// Fewer bytes than the header.
    #[error("a security descriptor has at least {HEADER_LEN} bytes, not {length}")]
    Short {
        /// Bytes there are.
        length: usize,
    },
    /// Not revision 1.
    #[error("security descriptor revision {revision} is not 1")]
    Revision {
        /// What stands there.
        revision: u8,
    },
    /// The descriptor holds pointers, not offsets.
    #[error("the security descriptor is not self-relative")]
    Absolute,
    /// A part begins or ends outside the bytes.
    #[error("the {part} of the security descriptor at offset {offset} does not lie inside its {length} bytes")]
    Outside {
        /// Which part.
        part: Part,
        /// Where it should begin.
        offset: usize,
        /// Bytes there are.
        length: usize,
    },
    /// A part is not a SID.
    #[error("reading the {part} of the security descriptor")]
    Account {
        /// Which part.
        part: Part,
        /// Why not.
        #[source]
        source: SidError,
    },
    /// An access list of a revision Windows does not know.
    #[error("{part} revision {revision} is not 2, 3 or 4")]
    AclRevision {
        /// Which list.
        part: Part,
        /// What stands there.
        revision: u8,
    },
    /// An entry does not fit its list, or its content does not fit the entry.
    #[error("entry {position} of the {part} does not fit in its list")]
    EntrySize {
        /// Which list.
        part: Part,
        /// Counted from 1.
        position: usize,
    },
    /// An entry without a proper SID.
    #[error("reading the account in entry {position} of the {part}")]
    EntryAccount {
        /// Which list.
        part: Part,
        /// Counted from 1.
        position: usize,
        /// Why not.
        #[source]
        source: SidError,
    },
    /// A list or an entry needs more than a 16-bit size.
    #[error("the {part} takes {size} bytes; the limit is {}", u16::MAX)]
    TooLarge {
        /// Which list.
        part: Part,
        /// Bytes it takes.
        size: usize,
    },
}

impl SecurityDescriptor {
    /// Reads a self-relative descriptor; bytes after its parts are ignored, and so is unused room inside a list.
    ///
    /// # Errors
    /// The header, a SID, a list or an entry is malformed. Entries of unknown types are kept, not refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, DescriptorError> {
        let header = bytes.first_chunk::<HEADER_LEN>().ok_or(DescriptorError::Short { length: bytes.len() })?;
        let [revision, resource_manager, c0, c1, offsets @ ..] = *header;
        if revision != REVISION {
            return Err(DescriptorError::Revision { revision });
        }
        let control = u16::from_le_bytes([c0, c1]);
        if control & SELF_RELATIVE == 0 {
            return Err(DescriptorError::Absolute);
        }
        let (offsets, _) = offsets.as_chunks::<4>();
        let offset = |index: usize| offsets.get(index).map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let list = |part, present, offset| {
            if control & present == 0 { Ok(AccessList::Absent) } else { parse_list(bytes, part, offset) }
        };
        Ok(Self {
            owner: parse_account(bytes, Part::Owner, offset(0))?,
            group: parse_account(bytes, Part::Group, offset(1))?,
            sacl: list(Part::Sacl, SACL_PRESENT, offset(2))?,
            dacl: list(Part::Dacl, DACL_PRESENT, offset(3))?,
            control: Control::from_bits_truncate(control),
            resource_manager,
        })
    }

    /// Writes the descriptor as Windows lays it out.
    ///
    /// # Errors
    /// A list is larger than its 16-bit size can say.
    pub fn to_bytes(&self) -> Result<Vec<u8>, DescriptorError> {
        let mut body = Vec::new();
        let mut place = |part: Vec<u8>| {
            if part.is_empty() {
                return 0;
            }
            let offset = HEADER_LEN + body.len();
            body.extend(part);
            body.resize(body.len().next_multiple_of(4), 0);
            // Two lists of 64 KiB and two SIDs: far below 2^32.
            u32::try_from(offset).unwrap_or(u32::MAX)
        };
        let sacl = place(list_bytes(&self.sacl, Part::Sacl)?);
        let dacl = place(list_bytes(&self.dacl, Part::Dacl)?);
        let owner = place(self.owner.map(|sid| sid.to_bytes()).unwrap_or_default());
        let group = place(self.group.map(|sid| sid.to_bytes()).unwrap_or_default());

        let mut control = self.control.bits() | SELF_RELATIVE;
        for (list, present) in [(&self.dacl, DACL_PRESENT), (&self.sacl, SACL_PRESENT)] {
            if *list != AccessList::Absent {
                control |= present;
            }
        }
        let mut bytes = vec![REVISION, self.resource_manager];
        bytes.extend(control.to_le_bytes());
        bytes.extend([owner, group, sacl, dacl].into_iter().flat_map(u32::to_le_bytes));
        bytes.extend(body);
        Ok(bytes)
    }
}

/// The revision Windows gives a list of these entries.
pub(super) fn revision_for(entries: &[Ace]) -> u8 {
    let is_object = |ace: &Ace| matches!(&ace.body, AceBody::Opaque(entry) if OBJECT_KINDS.contains(&entry.kind));
    if entries.iter().any(is_object) { ACL_REVISION_OBJECTS } else { ACL_REVISION }
}

/// How many bytes a list of these entries takes.
pub(super) fn encoded_len(entries: &[Ace]) -> usize {
    ACL_HEADER_LEN + entries.iter().map(|ace| ACE_HEADER_LEN + body_len(&ace.body)).sum::<usize>()
}

fn body_len(body: &AceBody) -> usize {
    match body {
        AceBody::Account(account) => MASK_LEN + account.sid.encoded_len() + account.trailing.len(),
        AceBody::Opaque(entry) => entry.bytes.len(),
    }
}

/// What begins at `offset`; an offset of 0 means nothing does.
fn part_at(bytes: &[u8], part: Part, offset: u32) -> Result<Option<&[u8]>, DescriptorError> {
    if offset == 0 {
        return Ok(None);
    }
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let outside = DescriptorError::Outside { part, offset, length: bytes.len() };
    bytes.get(offset..).filter(|rest| !rest.is_empty() && offset >= HEADER_LEN).map(Some).ok_or(outside)
}

fn parse_account(bytes: &[u8], part: Part, offset: u32) -> Result<Option<Sid>, DescriptorError> {
    part_at(bytes, part, offset)?
        .map(|rest| Sid::from_prefix(rest).map_err(|source| DescriptorError::Account { part, source }))
        .transpose()
}

fn parse_list(bytes: &[u8], part: Part, offset: u32) -> Result<AccessList, DescriptorError> {
    let Some(rest) = part_at(bytes, part, offset)? else {
        return Ok(AccessList::Null);
    };
    let outside = || DescriptorError::Outside { part, offset: bytes.len() - rest.len(), length: bytes.len() };
    let [revision, _, s0, s1, n0, n1, _, _] = *rest.first_chunk::<ACL_HEADER_LEN>().ok_or_else(outside)?;
    if !(ACL_REVISION..=ACL_REVISION_OBJECTS).contains(&revision) {
        return Err(DescriptorError::AclRevision { part, revision });
    }
    let size = usize::from(u16::from_le_bytes([s0, s1]));
    let mut left = rest.get(ACL_HEADER_LEN..size).ok_or_else(outside)?;
    let mut entries = Vec::new();
    for position in 1..=usize::from(u16::from_le_bytes([n0, n1])) {
        let (ace, after) = parse_entry(left, part, position)?;
        entries.push(ace);
        left = after;
    }
    Ok(AccessList::Entries(Acl { revision, entries }))
}

fn parse_entry(bytes: &[u8], part: Part, position: usize) -> Result<(Ace, &[u8]), DescriptorError> {
    let misfit = || DescriptorError::EntrySize { part, position };
    let [number, flags, s0, s1] = *bytes.first_chunk::<ACE_HEADER_LEN>().ok_or_else(misfit)?;
    let size = usize::from(u16::from_le_bytes([s0, s1]));
    let (entry, after) = bytes.split_at_checked(size).ok_or_else(misfit)?;
    let content = entry.get(ACE_HEADER_LEN..).ok_or_else(misfit)?;
    let body = match AceKind::from_number(number) {
        Some(kind) => {
            let (mask, rest) = content.split_first_chunk::<MASK_LEN>().ok_or_else(misfit)?;
            let sid =
                Sid::from_prefix(rest).map_err(|source| DescriptorError::EntryAccount { part, position, source })?;
            AceBody::Account(AccountEntry {
                kind,
                mask: AccessMask::from_bits_retain(u32::from_le_bytes(*mask)),
                sid,
                trailing: rest.get(sid.encoded_len()..).unwrap_or_default().to_vec(),
            })
        }
        None => AceBody::Opaque(OpaqueEntry { kind: number, bytes: content.to_vec() }),
    };
    Ok((Ace { flags: AceFlags::from_bits_retain(flags), body }, after))
}

fn list_bytes(list: &AccessList, part: Part) -> Result<Vec<u8>, DescriptorError> {
    let AccessList::Entries(acl) = list else {
        return Ok(Vec::new());
    };
    let too_large = |size| DescriptorError::TooLarge { part, size };
    let size = encoded_len(&acl.entries);
    // Every entry takes at least four bytes, so a size that fits means a count that fits.
    let size_field = u16::try_from(size).map_err(|_| too_large(size))?;
    let count = u16::try_from(acl.entries.len()).map_err(|_| too_large(size))?;

    let mut bytes = Vec::with_capacity(size);
    bytes.extend([acl.revision, 0]);
    bytes.extend(size_field.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend([0, 0]);
    for ace in &acl.entries {
        let kind = match &ace.body {
            AceBody::Account(account) => account.kind.number(),
            AceBody::Opaque(entry) => entry.kind,
        };
        let entry_size = ACE_HEADER_LEN + body_len(&ace.body);
        bytes.extend([kind, ace.flags.bits()]);
        bytes.extend(u16::try_from(entry_size).map_err(|_| too_large(size))?.to_le_bytes());
        match &ace.body {
            AceBody::Account(account) => {
                bytes.extend(account.mask.bits().to_le_bytes());
                bytes.extend(account.sid.to_bytes());
                bytes.extend(&account.trailing);
            }
            AceBody::Opaque(entry) => bytes.extend(&entry.bytes),
        }
    }
    Ok(bytes)
}

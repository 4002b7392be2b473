//! Windows security descriptors: who owns a thing, and who may do what with it.
//!
//! Types and their plain accessors. The self-relative bytes are `binary`, the text is `sddl`, names of registry
//! rights are `rights`, granting is `grant`, what a new object inherits is `inherit`, what is special about files is `file`. Source: [MS-DTYP] 2.4.4 to 2.4.6.

mod binary;
mod file;
mod grant;
mod inherit;
pub mod private_key;
mod rights;
mod sddl;
#[cfg(test)]
mod tests;

pub use binary::{DescriptorError, Part};
pub use file::PRIVATE_FILE;
pub use grant::{Grant, Others, Reach, denied_by, grant, removed_by, satisfies};
pub use inherit::{Child, Creator, inherited_by, inherited_by_subkey, new_subkey_descriptor};
pub use rights::{AccessMask, RightsError};
pub use sddl::{SddlError, SddlProblem, UnprintableError};

use bitflags::bitflags;

use crate::model::sid::Sid;

/// Owner, group and access lists of one object.
///
/// Equality is of the whole content, the revision of a list and every control flag included.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SecurityDescriptor {
    owner: Option<Sid>,
    group: Option<Sid>,
    dacl: AccessList,
    sacl: AccessList,
    control: Control,
    resource_manager: u8,
}

/// An access list as a descriptor holds it: three states, of which two look alike and mean opposite things.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum AccessList {
    /// The descriptor has no such list.
    #[default]
    Absent,
    /// The list is said to be present and is null: a null DACL lets everybody do everything.
    Null,
    /// The list is there; an empty DACL lets nobody do anything.
    Entries(Acl),
}

/// Access control entries in the order Windows evaluates them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Acl {
    revision: u8,
    entries: Vec<Ace>,
}

/// One access control entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ace {
    /// Where the entry applies and where it came from.
    pub flags: AceFlags,
    /// What it says.
    pub body: AceBody,
}

/// What an access control entry says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AceBody {
    /// Rights of one account.
    Account(AccountEntry),
    /// An entry of another type (object, resource attribute, unknown), kept as it is.
    Opaque(OpaqueEntry),
}

/// An entry that is a mask and a SID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountEntry {
    /// Allow, deny, audit …
    pub kind: AceKind,
    /// The rights.
    pub mask: AccessMask,
    /// Whose rights.
    pub sid: Sid,
    /// Bytes after the SID: the condition of a conditional entry; empty otherwise.
    pub trailing: Vec<u8>,
}

/// An entry trueup does not look into.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OpaqueEntry {
    /// Never a number of [`AceKind`]: only the parser makes one.
    kind: u8,
    bytes: Vec<u8>,
}

/// The entry types whose body is a mask and a SID, with their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AceKind {
    /// Grants.
    Allow = 0x00,
    /// Refuses.
    Deny = 0x01,
    /// Audits.
    Audit = 0x02,
    /// Reserved by Windows.
    Alarm = 0x03,
    /// Grants under a condition.
    ConditionalAllow = 0x09,
    /// Refuses under a condition.
    ConditionalDeny = 0x0A,
    /// Audits under a condition.
    ConditionalAudit = 0x0D,
    /// The integrity level of the object.
    MandatoryLabel = 0x11,
    /// A central access policy.
    ScopedPolicy = 0x13,
    /// The trust level of the object.
    TrustLabel = 0x14,
}

bitflags! {
    /// Where an entry applies and where it came from ([MS-DTYP] 2.4.4.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct AceFlags: u8 {
        /// Inherited by objects that are not containers; without effect for registry keys.
        const OBJECT_INHERIT = 0x01;
        /// Inherited by containers: subkeys.
        const CONTAINER_INHERIT = 0x02;
        /// Inherited one level deep only.
        const NO_PROPAGATE = 0x04;
        /// Only there to be inherited; without effect on the object itself.
        const INHERIT_ONLY = 0x08;
        /// Came from the parent.
        const INHERITED = 0x10;
        /// Not to be removed.
        const CRITICAL = 0x20;
        /// Audits success.
        const SUCCESSFUL_ACCESS = 0x40;
        /// Audits failure.
        const FAILED_ACCESS = 0x80;
    }
}

bitflags! {
    /// The control field of a descriptor ([MS-DTYP] 2.4.6), without the bits that only describe its layout
    /// (present, self-relative).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Control: u16 {
        /// The owner came from a default.
        const OWNER_DEFAULTED = 0x0001;
        /// The group came from a default.
        const GROUP_DEFAULTED = 0x0002;
        /// The DACL came from a default.
        const DACL_DEFAULTED = 0x0008;
        /// The SACL came from a default.
        const SACL_DEFAULTED = 0x0020;
        /// The DACL is trusted.
        const DACL_TRUSTED = 0x0040;
        /// A server's own access list is to be made.
        const SERVER_SECURITY = 0x0080;
        /// Inheritance of the DACL was asked for.
        const DACL_AUTO_INHERIT_REQUIRED = 0x0100;
        /// Inheritance of the SACL was asked for.
        const SACL_AUTO_INHERIT_REQUIRED = 0x0200;
        /// The DACL follows its parent.
        const DACL_AUTO_INHERITED = 0x0400;
        /// The SACL follows its parent.
        const SACL_AUTO_INHERITED = 0x0800;
        /// The DACL takes nothing from its parent.
        const DACL_PROTECTED = 0x1000;
        /// The SACL takes nothing from its parent.
        const SACL_PROTECTED = 0x2000;
        /// The resource manager's byte counts.
        const RESOURCE_MANAGER_VALID = 0x4000;
    }
}

impl Control {
    pub const OF_DACL: Self =
        Self::DACL_AUTO_INHERIT_REQUIRED.union(Self::DACL_AUTO_INHERITED).union(Self::DACL_PROTECTED);
    pub const OF_SACL: Self =
        Self::SACL_AUTO_INHERIT_REQUIRED.union(Self::SACL_AUTO_INHERITED).union(Self::SACL_PROTECTED);
}

impl SecurityDescriptor {
    /// Who owns the object.
    #[must_use]
    pub fn owner(&self) -> Option<Sid> {
        self.owner
    }

    /// The primary group.
    #[must_use]
    pub fn group(&self) -> Option<Sid> {
        self.group
    }

    /// Who may do what.
    #[must_use]
    pub fn dacl(&self) -> &AccessList {
        &self.dacl
    }

    /// What is audited, and the integrity label.
    #[must_use]
    pub fn sacl(&self) -> &AccessList {
        &self.sacl
    }

    /// The control flags.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control
    }

    /// The same descriptor with this owner.
    #[must_use]
    pub fn with_owner(mut self, owner: Sid) -> Self {
        self.owner = Some(owner);
        self.control -= Control::OWNER_DEFAULTED;
        self
    }

    /// The same descriptor with this primary group.
    #[must_use]
    pub fn with_group(mut self, group: Sid) -> Self {
        self.group = Some(group);
        self.control -= Control::GROUP_DEFAULTED;
        self
    }

    /// The same descriptor with this DACL.
    #[must_use]
    pub fn with_dacl(mut self, dacl: AccessList) -> Self {
        self.dacl = dacl;
        self.control -= Control::DACL_DEFAULTED;
        self
    }

    /// The same descriptor with this SACL.
    #[must_use]
    pub fn with_sacl(mut self, sacl: AccessList) -> Self {
        self.sacl = sacl;
        self.control -= Control::SACL_DEFAULTED;
        self
    }

    /// The same descriptor with these control flags.
    #[must_use]
    pub fn with_control(mut self, control: Control) -> Self {
        self.control = control.intersection(Control::all());
        self
    }

    /// The descriptor without what its text form cannot say and access checks do not use: defaulted, trusted and
    /// resource manager flags, inheritance flags of a list that is not there, the revision of a list.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        let mut spoken = Control::empty();
        for (list, flags) in [(&mut self.dacl, Control::OF_DACL), (&mut self.sacl, Control::OF_SACL)] {
            match list {
                AccessList::Absent => {}
                AccessList::Null => spoken |= flags,
                AccessList::Entries(acl) => {
                    spoken |= flags;
                    acl.revision = binary::revision_for(&acl.entries);
                }
            }
        }
        self.control &= spoken;
        self.resource_manager = 0;
        self
    }
}

impl AccessList {
    /// The entries; none for a list that is absent or null.
    #[must_use]
    pub fn entries(&self) -> &[Ace] {
        match self {
            Self::Absent | Self::Null => &[],
            Self::Entries(acl) => acl.entries(),
        }
    }
}

impl Acl {
    /// Makes a list of entries, kept in this order.
    #[must_use]
    pub fn new(entries: Vec<Ace>) -> Self {
        Self { revision: binary::revision_for(&entries), entries }
    }

    /// The entries in order.
    #[must_use]
    pub fn entries(&self) -> &[Ace] {
        &self.entries
    }
}

impl Ace {
    /// Makes an entry that allows `mask` to `sid`.
    #[must_use]
    pub fn allow(sid: Sid, mask: AccessMask, flags: AceFlags) -> Self {
        Self::of_account(AceKind::Allow, sid, mask, flags)
    }

    /// Makes an entry that denies `mask` to `sid`.
    #[must_use]
    pub fn deny(sid: Sid, mask: AccessMask, flags: AceFlags) -> Self {
        Self::of_account(AceKind::Deny, sid, mask, flags)
    }

    fn of_account(kind: AceKind, sid: Sid, mask: AccessMask, flags: AceFlags) -> Self {
        Self { flags, body: AceBody::Account(AccountEntry { kind, mask, sid, trailing: Vec::new() }) }
    }

    /// The account part, for entries that have one.
    #[must_use]
    pub fn account(&self) -> Option<&AccountEntry> {
        match &self.body {
            AceBody::Account(account) => Some(account),
            AceBody::Opaque(_) => None,
        }
    }

    /// Whether the entry came from the parent.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.flags.contains(AceFlags::INHERITED)
    }
}

impl AceKind {
    const ALL: [Self; 10] = [
        Self::Allow,
        Self::Deny,
        Self::Audit,
        Self::Alarm,
        Self::ConditionalAllow,
        Self::ConditionalDeny,
        Self::ConditionalAudit,
        Self::MandatoryLabel,
        Self::ScopedPolicy,
        Self::TrustLabel,
    ];

    fn number(self) -> u8 {
        self as u8
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    fn allows(self) -> bool {
        matches!(self, Self::Allow | Self::ConditionalAllow)
    }

    /// Whether an entry of this kind takes rights away.
    #[must_use]
    pub fn denies(self) -> bool {
        matches!(self, Self::Deny | Self::ConditionalDeny)
    }
}

//! The text form of security descriptors (SDDL): its errors and its vocabulary.
//!
//! Reading is [`parse`], writing is [`print`]. Source: [MS-DTYP] 2.5.1. Conditional, object and resource attribute
//! entries are refused, both ways: they have no use on registry keys and URL reservations.

mod parse;
mod print;

use super::{AccessMask, AceFlags, AceKind, Part};
use crate::model::sid::{Sid, SidError};

/// The longest text that is read.
const MAX_TEXT: usize = 1 << 20;

/// Why a text is not a descriptor, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the SDDL text is wrong at byte {offset}")]
pub struct SddlError {
    /// Bytes from the start of the text to the first one that is wrong.
    pub offset: usize,
    /// What is wrong there.
    #[source]
    pub problem: SddlProblem,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SddlProblem {
    /// Longer than the limit.
    #[error("{length} bytes are too long; the limit is {MAX_TEXT}")]
    TooLong {
        /// Bytes of text.
        length: usize,
    },
    /// Something else has to stand here.
    #[error("expected {wanted}")]
    Expected {
        /// What has to.
        wanted: &'static str,
    },
    /// A section that was there before.
    #[error("the {part} is given twice")]
    Twice {
        /// Which one.
        part: Part,
    },
    /// An entry type that does not exist.
    #[error("{found:?} is not an entry type")]
    UnknownKind {
        /// As written.
        found: String,
    },
    /// An entry type trueup does not read.
    #[error("entries of type {found:?} (conditional, object or attribute entries) are not supported")]
    UnsupportedKind {
        /// As written.
        found: String,
    },
    /// A flag that does not exist.
    #[error("{found:?} is not an entry flag; there are OI CI NP IO ID CR SA FA")]
    UnknownFlag {
        /// As written.
        found: String,
    },
    /// A right that does not exist.
    #[error("{found:?} is not a right; registry rights are KA KR KW KX, generic ones GA GR GW GX, others 0x…")]
    UnknownRight {
        /// As written.
        found: String,
    },
    /// An object GUID in an entry that is not of an object type.
    #[error("object GUIDs are not supported")]
    ObjectGuid,
    /// Two letters that stand for no account.
    #[error("{found:?} is neither a SID nor one of its two-letter names")]
    UnknownAccount {
        /// As written.
        found: String,
    },
    /// Two letters that only a domain or a machine can resolve.
    #[error("{found} depends on the domain or the machine; write the SID instead")]
    DomainAccount {
        /// As written.
        found: String,
    },
    /// A malformed SID.
    #[error("the account is not a proper SID")]
    Account(#[source] SidError),
    /// More entries than a list can hold.
    #[error("the {part} takes {size} bytes; the limit is {}", u16::MAX)]
    TooLarge {
        /// Which list.
        part: Part,
        /// Bytes it takes.
        size: usize,
    },
}

/// An entry that has no text form here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {position} of the {part} has type {kind:#04x} or data that SDDL is not written for")]
pub struct UnprintableError {
    /// Which list.
    pub part: Part,
    /// Counted from 1.
    pub position: usize,
    /// The number of the entry type.
    pub kind: u8,
}

const NULL_LIST: &str = "NO_ACCESS_CONTROL";

const KINDS: [(&str, AceKind); 7] = [
    ("A", AceKind::Allow),
    ("D", AceKind::Deny),
    ("AU", AceKind::Audit),
    ("AL", AceKind::Alarm),
    ("ML", AceKind::MandatoryLabel),
    ("SP", AceKind::ScopedPolicy),
    ("TL", AceKind::TrustLabel),
];

/// Conditional entries, object entries, resource attributes and access filters.
const UNSUPPORTED_KINDS: [&str; 10] = ["XA", "XD", "XU", "ZA", "OA", "OD", "OU", "OL", "RA", "FL"];

/// In the order Windows writes them.
const FLAGS: [(&str, AceFlags); 8] = [
    ("OI", AceFlags::OBJECT_INHERIT),
    ("CI", AceFlags::CONTAINER_INHERIT),
    ("NP", AceFlags::NO_PROPAGATE),
    ("IO", AceFlags::INHERIT_ONLY),
    ("ID", AceFlags::INHERITED),
    ("CR", AceFlags::CRITICAL),
    ("SA", AceFlags::SUCCESSFUL_ACCESS),
    ("FA", AceFlags::FAILED_ACCESS),
];

/// Rights that are written when they are the whole mask.
const WHOLE_RIGHTS: [(&str, u32); 7] = [
    ("KA", AccessMask::KEY_ALL_ACCESS.bits()),
    ("KR", AccessMask::KEY_READ.bits()),
    ("KW", AccessMask::KEY_WRITE.bits()),
    ("FA", 0x1F_01FF),
    ("FR", 0x12_0089),
    ("FW", 0x12_0116),
    ("FX", 0x12_00A0),
];

/// Rights that are written side by side when they make up the whole mask.
const SINGLE_RIGHTS: [(&str, u32); 10] = [
    ("GA", AccessMask::GENERIC_ALL.bits()),
    ("GR", AccessMask::GENERIC_READ.bits()),
    ("GW", AccessMask::GENERIC_WRITE.bits()),
    ("GX", AccessMask::GENERIC_EXECUTE.bits()),
    ("SD", AccessMask::DELETE.bits()),
    ("RC", AccessMask::READ_CONTROL.bits()),
    ("WD", AccessMask::WRITE_DAC.bits()),
    ("WO", AccessMask::WRITE_OWNER.bits()),
    ("AS", AccessMask::ACCESS_SYSTEM_SECURITY.bits()),
    ("MA", AccessMask::MAXIMUM_ALLOWED.bits()),
];

/// The policy in an integrity label.
const LABEL_RIGHTS: [(&str, u32); 3] = [("NW", 1), ("NR", 2), ("NX", 4)];

/// Rights that are read, never written: on a registry key the names of directory rights mislead.
const READ_RIGHTS: [(&str, u32); 10] = [
    ("KX", AccessMask::KEY_EXECUTE.bits()),
    ("CC", 0x0001),
    ("DC", 0x0002),
    ("LC", 0x0004),
    ("SW", 0x0008),
    ("RP", 0x0010),
    ("WP", 0x0020),
    ("DT", 0x0040),
    ("LO", 0x0080),
    ("CR", 0x0100),
];

/// Two letters for accounts that are the same everywhere: authority and sub-authorities.
const ALIASES: [(&str, u64, &[u32]); 51] = [
    ("AA", 5, &[32, 579]),
    ("AC", 15, &[2, 1]),
    ("AN", 5, &[7]),
    ("AO", 5, &[32, 548]),
    ("AS", 18, &[1]),
    ("AU", 5, &[11]),
    ("BA", 5, &[32, 544]),
    ("BG", 5, &[32, 546]),
    ("BO", 5, &[32, 551]),
    ("BU", 5, &[32, 545]),
    ("CD", 5, &[32, 574]),
    ("CG", 3, &[1]),
    ("CO", 3, &[0]),
    ("CY", 5, &[32, 569]),
    ("ED", 5, &[9]),
    ("ER", 5, &[32, 573]),
    ("ES", 5, &[32, 576]),
    ("HA", 5, &[32, 578]),
    ("HI", 16, &[12288]),
    ("HO", 5, &[32, 584]),
    ("IS", 5, &[32, 568]),
    ("IU", 5, &[4]),
    ("LS", 5, &[19]),
    ("LU", 5, &[32, 559]),
    ("LW", 16, &[4096]),
    ("ME", 16, &[8192]),
    ("MP", 16, &[8448]),
    ("MS", 5, &[32, 577]),
    ("MU", 5, &[32, 558]),
    ("NO", 5, &[32, 556]),
    ("NS", 5, &[20]),
    ("NU", 5, &[2]),
    ("OW", 3, &[4]),
    ("PO", 5, &[32, 550]),
    ("PS", 5, &[10]),
    ("PU", 5, &[32, 547]),
    ("RA", 5, &[32, 575]),
    ("RC", 5, &[12]),
    ("RD", 5, &[32, 555]),
    ("RE", 5, &[32, 552]),
    ("RM", 5, &[32, 580]),
    ("RU", 5, &[32, 554]),
    ("SH", 5, &[32, 585]),
    ("SI", 16, &[16384]),
    ("SO", 5, &[32, 549]),
    ("SS", 18, &[2]),
    ("SU", 5, &[6]),
    ("SY", 5, &[18]),
    ("UD", 5, &[84, 0, 0, 0, 0, 0]),
    ("WD", 1, &[0]),
    ("WR", 5, &[33]),
];

/// Two letters whose SID begins with that of a domain or of the machine.
const DOMAIN_ALIASES: [&str; 17] =
    ["AP", "CA", "CN", "DA", "DC", "DD", "DG", "DU", "EA", "EK", "KA", "LA", "LG", "PA", "RO", "RS", "SA"];

fn sid_of_alias(letters: &str) -> Option<Sid> {
    let (_, authority, words) = ALIASES.iter().find(|(alias, ..)| alias.eq_ignore_ascii_case(letters))?;
    Sid::new(*authority, words).ok()
}

fn alias_of_sid(sid: &Sid) -> Option<&'static str> {
    let same =
        |(_, authority, words): &&(&str, u64, &[u32])| *authority == sid.authority() && *words == sid.sub_authorities();
    ALIASES.iter().find(same).map(|(alias, ..)| *alias)
}

//! The `SECURITY` hive: who may log on how and with which privileges, and the names and SIDs of machine and domain.
//!
//! There are no secrets and no cached logons in it. The audit policy is left out: its layout differs by build.

use super::tree::{Tree, TreeError, descriptor};
use super::{DOMAIN, Server};
use crate::model::registry_data::{REG_NONE, RegistryData};
use crate::model::sid::Sid;

const HIVE_SDDL: &str = "O:BAG:SYD:PAI(A;CI;KA;;;SY)(A;CI;RCWD;;;BA)";
const POLICY_SDDL: &str = "O:BAG:SYD:(A;;0xf1fff;;;BA)(A;;0x20801;;;WD)(A;;0x1000;;;LS)(A;;0x1000;;;NS)";
const ACCOUNT_SDDL: &str = "O:BAG:SYD:(A;;0xf000f;;;BA)(A;;RC;;;WD)";
/// The domain's name in the style of NetBIOS.
const SHORT_DOMAIN: &str = "CORP";
const REVISION: u32 = 0x0001_0012;

/// Ways to log on, as `ActSysAc` keeps them.
const INTERACTIVE: u32 = 0x1;
const NETWORK: u32 = 0x2;
const BATCH: u32 = 0x4;
const SERVICE: u32 = 0x10;
const DENY_INTERACTIVE: u32 = 0x40;
const DENY_NETWORK: u32 = 0x80;
const REMOTE_INTERACTIVE: u32 = 0x400;

/// Privileges by the low half of their LUID; the high half is 0.
const CHANGE_NOTIFY: u32 = 0x17;
const INCREASE_WORKING_SET: u32 = 0x21;
const SERVICE_PRIVILEGES: &[u32] = &[0x03, 0x05, 0x15, CHANGE_NOTIFY, 0x1d, 0x1e];
const BACKUP_PRIVILEGES: &[u32] = &[0x11, 0x12, 0x13, CHANGE_NOTIFY];
const ADMINISTRATOR_PRIVILEGES: &[u32] = &[
    0x05, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x19, 0x1c, 0x1d,
    0x1e, 0x22, 0x23, 0x24,
];

struct Account {
    /// A SID; `<sid>` is the machine's.
    sid: &'static str,
    privileges: &'static [u32],
    access: u32,
}

const ACCOUNTS: [Account; 11] = [
    Account { sid: "S-1-1-0", privileges: &[CHANGE_NOTIFY, INCREASE_WORKING_SET], access: NETWORK },
    Account { sid: "S-1-5-19", privileges: SERVICE_PRIVILEGES, access: 0 },
    Account { sid: "S-1-5-20", privileges: SERVICE_PRIVILEGES, access: 0 },
    Account { sid: "S-1-5-6", privileges: &[0x1d, 0x1e], access: 0 },
    Account {
        sid: "S-1-5-32-544",
        privileges: ADMINISTRATOR_PRIVILEGES,
        access: INTERACTIVE | NETWORK | BATCH | REMOTE_INTERACTIVE,
    },
    Account { sid: "S-1-5-32-545", privileges: &[CHANGE_NOTIFY, INCREASE_WORKING_SET], access: INTERACTIVE | NETWORK },
    Account { sid: "S-1-5-32-551", privileges: BACKUP_PRIVILEGES, access: INTERACTIVE | NETWORK | BATCH },
    Account { sid: "S-1-5-32-555", privileges: &[], access: REMOTE_INTERACTIVE },
    Account { sid: "S-1-5-80-0", privileges: &[], access: SERVICE },
    Account { sid: "<sid>-501", privileges: &[], access: DENY_INTERACTIVE | DENY_NETWORK },
    Account { sid: "<sid>-1001", privileges: &[0x03], access: BATCH | SERVICE },
];

pub fn hive(server: &Server) -> Result<Vec<u8>, TreeError> {
    let mut tree = Tree::new(server, "ROOT", HIVE_SDDL)?;
    for account in &ACCOUNTS {
        account.put(&mut tree, server)?;
    }
    for (name, bytes) in [
        ("PolAcDmN", counted_text(&server.name)),
        ("PolAcDmS", server.sid.to_bytes()),
        ("PolDnDDN", counted_text(DOMAIN)),
        ("PolPrDmN", counted_text(SHORT_DOMAIN)),
        ("PolPrDmS", server.domain_sid.to_bytes()),
        ("PolRevision", REVISION.to_le_bytes().to_vec()),
        ("SecDesc", descriptor(POLICY_SDDL)?),
    ] {
        unnamed(&mut tree, &format!(r"Policy\{name}"), bytes)?;
    }
    for key in ["Cache", r"Policy\Domains"] {
        tree.key(key)?;
    }
    tree.guard(r"Policy\Secrets", "O:BAG:SYD:PAI(A;CI;KA;;;SY)")?;
    tree.into_bytes()
}

impl Account {
    fn put(&self, tree: &mut Tree<'_>, server: &Server) -> Result<(), TreeError> {
        let sid: Sid = server.spell(self.sid).parse()?;
        let key = format!(r"Policy\Accounts\{sid}");
        unnamed(tree, &format!(r"{key}\Sid"), sid.to_bytes())?;
        unnamed(tree, &format!(r"{key}\SecDesc"), descriptor(ACCOUNT_SDDL)?)?;
        if !self.privileges.is_empty() {
            unnamed(tree, &format!(r"{key}\Privilgs"), privileges(self.privileges))?;
        }
        if self.access != 0 {
            unnamed(tree, &format!(r"{key}\ActSysAc"), self.access.to_le_bytes().to_vec())?;
        }
        Ok(())
    }
}

/// What this hive keeps is the unnamed value of a key, without a type.
fn unnamed(tree: &mut Tree<'_>, key: &str, bytes: Vec<u8>) -> Result<(), TreeError> {
    tree.set(key, "", &RegistryData::new(REG_NONE, bytes))
}

/// Count, control, then LUID and attributes of each.
fn privileges(luids: &[u32]) -> Vec<u8> {
    let count = u32::try_from(luids.len()).unwrap_or(u32::MAX);
    let entries = luids.iter().flat_map(|luid| [*luid, 0, 0]);
    [count, 0].into_iter().chain(entries).flat_map(u32::to_le_bytes).collect()
}

/// A `UNICODE_STRING` with its text behind it: length, room, offset 8, text with its terminator.
fn counted_text(text: &str) -> Vec<u8> {
    const TEXT_AT: u32 = 8;
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = u16::try_from(units.len()).unwrap_or(u16::MAX);
    let mut bytes = Vec::from(length.to_le_bytes());
    bytes.extend(length.saturating_add(2).to_le_bytes());
    bytes.extend(TEXT_AT.to_le_bytes());
    bytes.extend(units);
    bytes.extend([0, 0]);
    bytes
}

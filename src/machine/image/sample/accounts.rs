//! The `SAM` hive: the machine's SID, its password policy, local users without a password, local groups.
//!
//! Layouts as in the SAM of real machines. What Windows encrypts with the machine's keys (hashes, the keys themselves)
//! is not there: no account has a password, and the fields are empty.

use super::Server;
use super::tree::{Tree, TreeError, descriptor};
use crate::model::registry_data::{REG_NONE, RegistryData};
use crate::model::sid::Sid;

/// The local users with a profile, and their relative identifiers.
pub const PEOPLE: [(&str, u32); 2] = [("svc-acs", 1001), ("operator", 1002)];

const ACCOUNT: &str = r"SAM\Domains\Account";
const BUILTIN: &str = r"SAM\Domains\Builtin";
/// The identifier that the next local account gets.
const NEXT_RELATIVE: u32 = 1004;
const NO_GROUP: u32 = 513;

const SAM_SDDL: &str = "O:BAG:SYD:PAI(A;CI;KA;;;SY)(A;CI;RCWD;;;BA)";
const DOMAIN_SDDL: &str = "O:BAG:BAD:(A;;0x20385;;;WD)(A;;0xf07ff;;;BA)";
const ACCOUNT_SDDL: &str = "O:BAG:BAD:(A;;0x2031b;;;WD)(A;;0xf07ff;;;BA)";
const GROUP_SDDL: &str = "O:BAG:BAD:(A;;0x2000c;;;WD)(A;;0xf001f;;;BA)";

pub fn hive(server: &Server) -> Result<Vec<u8>, TreeError> {
    let mut tree = Tree::new(server, "ROOT", SAM_SDDL)?;
    domain(&mut tree, ACCOUNT, &server.sid, &policy(server))?;
    users(&mut tree, server)?;
    primary_group(&mut tree)?;
    groups(&mut tree, ACCOUNT, LOCAL_GROUPS, server)?;
    let builtin = Sid::new(5, &[32])?;
    domain(&mut tree, BUILTIN, &builtin, &policy(server))?;
    groups(&mut tree, BUILTIN, BUILTIN_GROUPS, server)?;
    tree.into_bytes()
}

struct User {
    name: &'static str,
    relative: u32,
    full_name: &'static str,
    comment: &'static str,
    flags: u16,
}

/// Account control: [MS-SAMR] 2.2.1.12.
const NORMAL: u16 = 0x0010;
const DISABLED: u16 = 0x0001;
const NO_PASSWORD_NEEDED: u16 = 0x0004;
const PASSWORD_STAYS: u16 = 0x0200;

const USERS: [User; 5] = [
    User {
        name: "Administrator",
        relative: 500,
        full_name: "",
        comment: "Built-in account for administering the computer/domain",
        flags: NORMAL | PASSWORD_STAYS | DISABLED,
    },
    User {
        name: "Guest",
        relative: 501,
        full_name: "",
        comment: "Built-in account for guest access to the computer/domain",
        flags: NORMAL | PASSWORD_STAYS | NO_PASSWORD_NEEDED | DISABLED,
    },
    User {
        name: "DefaultAccount",
        relative: 503,
        full_name: "",
        comment: "A user account managed by the system.",
        flags: NORMAL | PASSWORD_STAYS | NO_PASSWORD_NEEDED | DISABLED,
    },
    User {
        name: "svc-acs",
        relative: 1001,
        full_name: "Access Control Server",
        comment: "Runs the services of the access control server",
        flags: NORMAL | PASSWORD_STAYS | NO_PASSWORD_NEEDED,
    },
    User { name: "operator", relative: 1002, full_name: "Operator", comment: "", flags: NORMAL | NO_PASSWORD_NEEDED },
];

struct Group {
    name: &'static str,
    relative: u32,
    comment: &'static str,
    /// Relative identifiers of local users.
    members: &'static [u32],
}

const LOCAL_GROUPS: &[Group] = &[Group {
    name: "Access Control Operators",
    relative: 1003,
    comment: "May use the access control server",
    members: &[1001, 1002],
}];

const BUILTIN_GROUPS: &[Group] = &[
    Group { name: "Administrators", relative: 544, comment: "Full control of the computer", members: &[500, 1001] },
    Group { name: "Users", relative: 545, comment: "Ordinary users", members: &[1001, 1002] },
    Group { name: "Guests", relative: 546, comment: "", members: &[501] },
    Group { name: "Backup Operators", relative: 551, comment: "", members: &[] },
    Group { name: "Remote Desktop Users", relative: 555, comment: "", members: &[1002] },
    Group { name: "Performance Log Users", relative: 559, comment: "", members: &[] },
    Group { name: "Distributed COM Users", relative: 562, comment: "", members: &[1001] },
    Group { name: "IIS_IUSRS", relative: 568, comment: "Used by Internet Information Services", members: &[] },
    Group { name: "Event Log Readers", relative: 573, comment: "", members: &[] },
    Group { name: "Remote Management Users", relative: 580, comment: "", members: &[] },
    Group { name: "System Managed Accounts Group", relative: 581, comment: "", members: &[503] },
];

/// A domain's `V` (descriptor, SID, two empty parts) and `F` (policy).
fn domain(tree: &mut Tree<'_>, key: &str, sid: &Sid, policy: &[u8]) -> Result<(), TreeError> {
    let parts = [Part::security(DOMAIN_SDDL)?, Part::bytes(sid.to_bytes()), Part::default(), Part::default()];
    tree.set(key, "V", &RegistryData::binary(record(&[], &parts)))?;
    tree.set(key, "F", &RegistryData::binary(policy))
}

/// A domain's `F`: ages and times are negative ticks of 100 ns, "never" is the smallest number.
fn policy(server: &Server) -> Vec<u8> {
    const TICKS_PER_MINUTE: i64 = 600_000_000;
    const DAY: i64 = 24 * 60 * TICKS_PER_MINUTE;
    let mut bytes = vec![0; 240];
    for (at, number) in [
        (0x18, -42 * DAY),
        (0x20, -DAY),
        (0x28, i64::MIN),
        (0x30, -30 * TICKS_PER_MINUTE),
        (0x38, -30 * TICKS_PER_MINUTE),
    ] {
        put(&mut bytes, at, &number.to_le_bytes());
    }
    put(&mut bytes, 0x08, &server.now.0.to_le_bytes());
    // Revision, next identifier, complexity on, server enabled, primary role.
    for (at, number) in [(0x00, 0x0001_0002), (0x48, NEXT_RELATIVE), (0x4c, 1), (0x58, 1), (0x5c, 3), (0x60, 1)] {
        put(&mut bytes, at, &number.to_le_bytes());
    }
    // Least length, history, lockout threshold: none.
    for (at, number) in [(0x50, 8_u16), (0x52, 5), (0x54, 0)] {
        put(&mut bytes, at, &number.to_le_bytes());
    }
    bytes
}

fn users(tree: &mut Tree<'_>, server: &Server) -> Result<(), TreeError> {
    let list = format!(r"{ACCOUNT}\Users");
    counted(tree, &list, USERS.len())?;
    for user in &USERS {
        let key = format!(r"{list}\{:08X}", user.relative);
        tree.set(&key, "F", &RegistryData::binary(user.state(server)))?;
        tree.set(&key, "V", &RegistryData::binary(user.details()?))?;
        named(tree, &list, user.name, user.relative)?;
    }
    Ok(())
}

impl User {
    /// `F`: times, identifiers, account control.
    fn state(&self, server: &Server) -> Vec<u8> {
        let mut bytes = vec![0; 80];
        let never = u64::MAX >> 1;
        for (at, number) in [(0x18, server.now.0), (0x20, never)] {
            put(&mut bytes, at, &number.to_le_bytes());
        }
        for (at, number) in [(0x00, 0x0001_0002), (0x30, self.relative), (0x34, NO_GROUP)] {
            put(&mut bytes, at, &number.to_le_bytes());
        }
        put(&mut bytes, 0x38, &self.flags.to_le_bytes());
        bytes
    }

    /// `V`: seventeen parts. The last four would hold hashes; a header alone says that there is none.
    fn details(&self) -> Result<Vec<u8>, TreeError> {
        const NO_HASH: [u8; 4] = [1, 0, 1, 0];
        const HOURS_PER_WEEK: u32 = 168;
        let mut parts = vec![
            Part::security(ACCOUNT_SDDL)?,
            Part::text(self.name),
            Part::text(self.full_name),
            Part::text(self.comment),
        ];
        // User's comment, folders, script, profile, workstations.
        parts.extend(std::iter::repeat_with(Part::default).take(7));
        parts.push(Part { bytes: vec![0xff; 21], qualifier: HOURS_PER_WEEK });
        parts.push(Part { bytes: words(&[NO_GROUP, 7]), qualifier: 1 });
        parts.extend(std::iter::repeat_with(|| Part::bytes(NO_HASH.to_vec())).take(4));
        Ok(record(&[], &parts))
    }
}

/// The group that every local user is in.
fn primary_group(tree: &mut Tree<'_>) -> Result<(), TreeError> {
    let list = format!(r"{ACCOUNT}\Groups");
    counted(tree, &list, 1)?;
    let members: Vec<u32> = USERS.iter().map(|user| user.relative).collect();
    let parts = [
        Part::security(GROUP_SDDL)?,
        Part::text("None"),
        Part::text("Ordinary users"),
        Part { bytes: words(&members), qualifier: count(members.len()) },
    ];
    let head = words(&[0x0001_0002, NO_GROUP, 7, 0]);
    tree.set(&format!(r"{list}\{NO_GROUP:08X}"), "C", &RegistryData::binary(record(&head, &parts)))?;
    named(tree, &list, "None", NO_GROUP)
}

/// Local groups: each with the SIDs of its members, and each member with the groups it is in.
fn groups(tree: &mut Tree<'_>, domain: &str, groups: &[Group], server: &Server) -> Result<(), TreeError> {
    let list = format!(r"{domain}\Aliases");
    counted(tree, &list, groups.len())?;
    for group in groups {
        let mut members = Vec::new();
        for relative in group.members {
            members.extend(server.account(*relative)?.to_bytes());
        }
        let parts = [
            Part::security(GROUP_SDDL)?,
            Part::text(group.name),
            Part::text(group.comment),
            Part { bytes: members, qualifier: count(group.members.len()) },
        ];
        let content = record(&words(&[group.relative]), &parts);
        tree.set(&format!(r"{list}\{:08X}", group.relative), "C", &RegistryData::binary(content))?;
        named(tree, &list, group.name, group.relative)?;
    }
    for user in &USERS {
        let of_user = groups.iter().filter(|group| group.members.contains(&user.relative));
        let of_user: Vec<u32> = of_user.map(|group| group.relative).collect();
        if !of_user.is_empty() {
            let key = format!(r"{list}\Members\{}\{:08X}", server.sid, user.relative);
            tree.set(&key, "", &RegistryData::new(count(of_user.len()), words(&of_user)))?;
        }
    }
    Ok(())
}

/// The unnamed value's *type* is the identifier that a name stands for.
fn named(tree: &mut Tree<'_>, list: &str, name: &str, relative: u32) -> Result<(), TreeError> {
    tree.set(&format!(r"{list}\Names\{name}"), "", &RegistryData::new(relative, [0; 4]))
}

/// The unnamed value's *type* is the number of entries.
fn counted(tree: &mut Tree<'_>, list: &str, entries: usize) -> Result<(), TreeError> {
    tree.set(list, "", &RegistryData::new(count(entries), [0; 4]))?;
    tree.set(&format!(r"{list}\Names"), "", &RegistryData::new(REG_NONE, []))
}

/// A part of variable length in a record.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    qualifier: u32,
}

impl Part {
    fn bytes(bytes: Vec<u8>) -> Self {
        Self { bytes, qualifier: 0 }
    }

    fn text(text: &str) -> Self {
        Self::bytes(text.encode_utf16().flat_map(u16::to_le_bytes).collect())
    }

    fn security(sddl: &str) -> Result<Self, TreeError> {
        Ok(Self { bytes: descriptor(sddl)?, qualifier: 0x0001_0002 })
    }
}

/// A record: its head, for each part offset, length and qualifier, then the parts, each on a multiple of four bytes.
/// Offsets count from the end of the table.
fn record(head: &[u8], parts: &[Part]) -> Vec<u8> {
    let mut table = head.to_vec();
    let mut content = Vec::new();
    for part in parts {
        table.extend(words(&[count(content.len()), count(part.bytes.len()), part.qualifier]));
        content.extend(&part.bytes);
        content.resize(content.len().next_multiple_of(4), 0);
    }
    table.extend(content);
    table
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Narrows a length of ours, which is small.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Writes a field into a record of fixed length, within which it lies by the caller's making.
fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.get_mut(..field.len())) {
        place.copy_from_slice(field);
    }
}

//! Names of accounts whose SID is the same on every Windows machine, and of those computed from a name.
//!
//! Source: [MS-DTYP] 2.4.2.4 "Well-Known SID Structures". English names only: localised ones are the machine's to resolve.

use sha1::{Digest, Sha1};

use super::Sid;

const NT: u64 = 5;
const PACKAGES: u64 = 15;
const LABELS: u64 = 16;

const BUILTIN: &str = "BUILTIN";
const NT_AUTHORITY: &str = "NT AUTHORITY";
const NT_SERVICE: &str = "NT SERVICE";
const IIS_APP_POOL: &str = "IIS AppPool";
const PACKAGE_AUTHORITY: &str = "APPLICATION PACKAGE AUTHORITY";
const MANDATORY_LABEL: &str = "Mandatory Label";

/// First sub-authority of the SIDs computed from a service's name.
const SERVICE_BASE: u32 = 80;
/// First sub-authority of the SIDs computed from an application pool's name.
const APP_POOL_BASE: u32 = 82;

struct Account {
    /// Empty where Windows shows the name alone.
    authority_name: &'static str,
    name: &'static str,
    authority: u64,
    sub_authorities: &'static [u32],
}

/// The SID `name` stands for, if no machine is needed to know it.
pub(super) fn sid_of(name: &str) -> Option<Sid> {
    let (authority_name, short) = match name.split_once('\\') {
        Some((authority_name, short)) => (Some(authority_name), short),
        None => (None, name),
    };
    ACCOUNTS
        .iter()
        .find(|account| {
            account.name.eq_ignore_ascii_case(short)
                && authority_name.is_none_or(|wanted| account.authority_name.eq_ignore_ascii_case(wanted))
        })
        .and_then(|account| Sid::new(account.authority, account.sub_authorities).ok())
        .or_else(|| computed(authority_name?, short))
}

/// The full name of a well-known account.
pub(super) fn name_of(sid: &Sid) -> Option<String> {
    ACCOUNTS
        .iter()
        .find(|account| account.authority == sid.authority() && account.sub_authorities == sid.sub_authorities())
        .map(|account| match account.authority_name {
            "" => account.name.to_owned(),
            authority_name => format!("{authority_name}\\{}", account.name),
        })
}

fn computed(authority_name: &str, name: &str) -> Option<Sid> {
    if name.is_empty() {
        None
    } else if authority_name.eq_ignore_ascii_case(NT_SERVICE) {
        hashed(SERVICE_BASE, name.chars().map(upper))
    } else if authority_name.eq_ignore_ascii_case(IIS_APP_POOL) {
        hashed(APP_POOL_BASE, name.chars().map(lower))
    } else {
        None
    }
}

/// `S-1-5-<base>-` and the SHA-1 of the name's UTF-16LE as five little-endian numbers.
fn hashed(base: u32, name: impl Iterator<Item = char>) -> Option<Sid> {
    let mut digest = Sha1::new();
    for character in name {
        for unit in character.encode_utf16(&mut [0; 2]) {
            digest.update(unit.to_le_bytes());
        }
    }
    let digest = digest.finalize();
    let (words, _) = digest.as_chunks::<4>();
    let mut sub_authorities = vec![base];
    sub_authorities.extend(words.iter().copied().map(u32::from_le_bytes));
    Sid::new(NT, &sub_authorities).ok()
}

/// Upper case where that is one character, as in Windows' table; `ß` stays.
fn upper(character: char) -> char {
    single(character.to_uppercase()).unwrap_or(character)
}

fn lower(character: char) -> char {
    single(character.to_lowercase()).unwrap_or(character)
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    characters.next().filter(|_| characters.next().is_none())
}

const fn account(
    authority_name: &'static str,
    name: &'static str,
    authority: u64,
    sub_authorities: &'static [u32],
) -> Account {
    Account { authority_name, name, authority, sub_authorities }
}

/// Where two accounts share a short name, the first one has it.
const ACCOUNTS: &[Account] = &[
    account("", "NULL SID", 0, &[0]),
    account("", "Everyone", 1, &[0]),
    account("", "LOCAL", 2, &[0]),
    account("", "CONSOLE LOGON", 2, &[1]),
    account("", "CREATOR OWNER", 3, &[0]),
    account("", "CREATOR GROUP", 3, &[1]),
    account("", "CREATOR OWNER SERVER", 3, &[2]),
    account("", "CREATOR GROUP SERVER", 3, &[3]),
    account("", "OWNER RIGHTS", 3, &[4]),
    account(NT_AUTHORITY, "DIALUP", NT, &[1]),
    account(NT_AUTHORITY, "NETWORK", NT, &[2]),
    account(NT_AUTHORITY, "BATCH", NT, &[3]),
    account(NT_AUTHORITY, "INTERACTIVE", NT, &[4]),
    account(NT_AUTHORITY, "SERVICE", NT, &[6]),
    account(NT_AUTHORITY, "ANONYMOUS LOGON", NT, &[7]),
    account(NT_AUTHORITY, "PROXY", NT, &[8]),
    account(NT_AUTHORITY, "ENTERPRISE DOMAIN CONTROLLERS", NT, &[9]),
    account(NT_AUTHORITY, "SELF", NT, &[10]),
    account(NT_AUTHORITY, "Authenticated Users", NT, &[11]),
    account(NT_AUTHORITY, "RESTRICTED", NT, &[12]),
    account(NT_AUTHORITY, "TERMINAL SERVER USER", NT, &[13]),
    account(NT_AUTHORITY, "REMOTE INTERACTIVE LOGON", NT, &[14]),
    account(NT_AUTHORITY, "This Organization", NT, &[15]),
    account(NT_AUTHORITY, "IUSR", NT, &[17]),
    account(NT_AUTHORITY, "SYSTEM", NT, &[18]),
    account(NT_AUTHORITY, "LOCAL SERVICE", NT, &[19]),
    account(NT_AUTHORITY, "NETWORK SERVICE", NT, &[20]),
    account(NT_AUTHORITY, "WRITE RESTRICTED", NT, &[33]),
    account(NT_AUTHORITY, "Local account", NT, &[113]),
    account(NT_AUTHORITY, "Local account and member of Administrators group", NT, &[114]),
    account(NT_AUTHORITY, "USER MODE DRIVERS", NT, &[84, 0, 0, 0, 0, 0]),
    account(BUILTIN, "Administrators", NT, &[32, 544]),
    account(BUILTIN, "Users", NT, &[32, 545]),
    account(BUILTIN, "Guests", NT, &[32, 546]),
    account(BUILTIN, "Power Users", NT, &[32, 547]),
    account(BUILTIN, "Account Operators", NT, &[32, 548]),
    account(BUILTIN, "Server Operators", NT, &[32, 549]),
    account(BUILTIN, "Print Operators", NT, &[32, 550]),
    account(BUILTIN, "Backup Operators", NT, &[32, 551]),
    account(BUILTIN, "Replicator", NT, &[32, 552]),
    account(BUILTIN, "Pre-Windows 2000 Compatible Access", NT, &[32, 554]),
    account(BUILTIN, "Remote Desktop Users", NT, &[32, 555]),
    account(BUILTIN, "Network Configuration Operators", NT, &[32, 556]),
    account(BUILTIN, "Incoming Forest Trust Builders", NT, &[32, 557]),
    account(BUILTIN, "Performance Monitor Users", NT, &[32, 558]),
    account(BUILTIN, "Performance Log Users", NT, &[32, 559]),
    account(BUILTIN, "Windows Authorization Access Group", NT, &[32, 560]),
    account(BUILTIN, "Terminal Server License Servers", NT, &[32, 561]),
    account(BUILTIN, "Distributed COM Users", NT, &[32, 562]),
    account(BUILTIN, "IIS_IUSRS", NT, &[32, 568]),
    account(BUILTIN, "Cryptographic Operators", NT, &[32, 569]),
    account(BUILTIN, "Event Log Readers", NT, &[32, 573]),
    account(BUILTIN, "Certificate Service DCOM Access", NT, &[32, 574]),
    account(BUILTIN, "RDS Remote Access Servers", NT, &[32, 575]),
    account(BUILTIN, "RDS Endpoint Servers", NT, &[32, 576]),
    account(BUILTIN, "RDS Management Servers", NT, &[32, 577]),
    account(BUILTIN, "Hyper-V Administrators", NT, &[32, 578]),
    account(BUILTIN, "Access Control Assistance Operators", NT, &[32, 579]),
    account(BUILTIN, "Remote Management Users", NT, &[32, 580]),
    account(BUILTIN, "System Managed Accounts Group", NT, &[32, 581]),
    account(BUILTIN, "Storage Replica Administrators", NT, &[32, 582]),
    account(BUILTIN, "Device Owners", NT, &[32, 583]),
    account(BUILTIN, "User Mode Hardware Operators", NT, &[32, 584]),
    account(BUILTIN, "OpenSSH Users", NT, &[32, 585]),
    account(NT_SERVICE, "ALL SERVICES", NT, &[SERVICE_BASE, 0]),
    account(
        NT_SERVICE,
        "TrustedInstaller",
        NT,
        &[SERVICE_BASE, 956_008_885, 3_418_522_649, 1_831_038_044, 1_853_292_631, 2_271_478_464],
    ),
    account("NT VIRTUAL MACHINE", "Virtual Machines", NT, &[83, 0]),
    account("Window Manager", "Window Manager Group", NT, &[90, 0]),
    account(PACKAGE_AUTHORITY, "ALL APPLICATION PACKAGES", PACKAGES, &[2, 1]),
    account(PACKAGE_AUTHORITY, "ALL RESTRICTED APPLICATION PACKAGES", PACKAGES, &[2, 2]),
    account(MANDATORY_LABEL, "Untrusted Mandatory Level", LABELS, &[0]),
    account(MANDATORY_LABEL, "Low Mandatory Level", LABELS, &[4096]),
    account(MANDATORY_LABEL, "Medium Mandatory Level", LABELS, &[8192]),
    account(MANDATORY_LABEL, "Medium Plus Mandatory Level", LABELS, &[8448]),
    account(MANDATORY_LABEL, "High Mandatory Level", LABELS, &[12288]),
    account(MANDATORY_LABEL, "System Mandatory Level", LABELS, &[16384]),
];

#[cfg(test)]
mod tests {
    use super::*;

    const TRUSTED_INSTALLER: &str = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
    const DEFAULT_APP_POOL: &str = "S-1-5-82-3006700770-424185619-1745488364-794895919-4004696415";

    #[test]
    fn names() {
        let cases = [
            ("Everyone", Some("S-1-1-0")),
            (r"\Everyone", Some("S-1-1-0")),
            (r"BUILTIN\Administrators", Some("S-1-5-32-544")),
            ("administrators", Some("S-1-5-32-544")),
            (r"builtin\USERS", Some("S-1-5-32-545")),
            (r"NT AUTHORITY\SYSTEM", Some("S-1-5-18")),
            ("Local Service", Some("S-1-5-19")),
            ("creator owner", Some("S-1-3-0")),
            ("ALL APPLICATION PACKAGES", Some("S-1-15-2-1")),
            (r"NT SERVICE\TrustedInstaller", Some(TRUSTED_INSTALLER)),
            ("trustedinstaller", Some(TRUSTED_INSTALLER)),
            (r"IIS AppPool\DefaultAppPool", Some(DEFAULT_APP_POOL)),
            (r"IIS APPPOOL\defaultapppool", Some(DEFAULT_APP_POOL)),
            ("DefaultAppPool", None),
            (r"NT SERVICE\", None),
            (r"CORP\Administrators", None),
            (r"BUILTIN\SYSTEM", None),
            ("Administratoren", None),
            ("S-1-5-18", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(sid_of(name).map(|sid| sid.to_string()).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn the_service_hash_gives_trusted_installer() {
        let computed = computed(NT_SERVICE, "TrustedInstaller").unwrap();
        assert_eq!(computed.to_string(), TRUSTED_INSTALLER);
    }

    #[test]
    fn every_account_is_found_by_its_own_name_and_sid() {
        for entry in ACCOUNTS {
            let sid = Sid::new(entry.authority, entry.sub_authorities).unwrap();
            let full = name_of(&sid).unwrap();
            assert_eq!(sid_of(&full), Some(sid), "{full}");
            assert_eq!(sid_of(entry.name), Some(sid), "{} is taken twice", entry.name);
        }
    }
}

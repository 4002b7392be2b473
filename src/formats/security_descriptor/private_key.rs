//! The access lists of private keys. A key of the machine is a file to Windows, and its rights are those of files.

use super::{AccessList, AccessMask, AccountEntry, Ace, AceBody, AceFlags, Acl, DescriptorError, SecurityDescriptor};
use crate::model::sid::Sid;

/// What generic rights mean for a file ([MS-DTYP] 2.4.3, and `FILE_ALL_ACCESS`, `FILE_GENERIC_READ` … of `winnt.h`).
const MEANINGS: [(AccessMask, u32); 4] = [
    (AccessMask::GENERIC_ALL, 0x1F_01FF),
    (AccessMask::GENERIC_READ, 0x12_0089),
    (AccessMask::GENERIC_WRITE, 0x12_0116),
    (AccessMask::GENERIC_EXECUTE, 0x12_00A0),
];

/// The access list alone, with generic rights spelled out: what a key provider gives back has them either way, and owners and
/// control flags as it likes.
///
/// # Errors
/// The bytes are no descriptor.
pub fn access_list(descriptor: &[u8]) -> Result<Vec<u8>, DescriptorError> {
    let dacl = match SecurityDescriptor::parse(descriptor)?.dacl().clone() {
        AccessList::Entries(acl) => {
            AccessList::Entries(Acl::new(acl.entries().iter().cloned().map(spelled_out).collect()))
        }
        other => other,
    };
    SecurityDescriptor::default().with_dacl(dacl).to_bytes()
}

/// Who may do what with a new key of the machine: the system and the administrators everything.
pub fn of_new_key() -> SecurityDescriptor {
    let (_, all) = MEANINGS[0];
    let full = |sid| Ace::allow(sid, AccessMask::from_bits_retain(all), AceFlags::empty());
    let entries = vec![full(Sid::SYSTEM), full(Sid::ADMINISTRATORS)];
    SecurityDescriptor::default().with_dacl(AccessList::Entries(Acl::new(entries)))
}

fn spelled_out(ace: Ace) -> Ace {
    let AceBody::Account(entry) = ace.body else { return ace };
    let generic = MEANINGS.iter().filter(|(generic, _)| entry.mask.contains(*generic));
    let mask = generic
        .fold(entry.mask - AccessMask::GENERIC, |mask, (_, meaning)| mask | AccessMask::from_bits_retain(*meaning));
    Ace { body: AceBody::Account(AccountEntry { mask, ..entry }), ..ace }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_list_is_the_same_however_it_is_told() {
        let list = |text: &str| {
            let descriptor: SecurityDescriptor = text.parse().unwrap();
            let bytes = access_list(&descriptor.to_bytes().unwrap()).unwrap();
            SecurityDescriptor::parse(&bytes).unwrap()
        };
        let told = list("O:BAG:SYD:PAI(A;;GA;;;SY)(A;;FA;;;BA)(A;ID;GR;;;NS)(D;;GWGX;;;WD)S:(AU;SA;FA;;;WD)");
        assert_eq!(told, list("D:(A;;FA;;;SY)(A;;GA;;;BA)(A;ID;FR;;;NS)(D;;0x1201b6;;;WD)"));
        assert_ne!(told, list("D:(A;;FA;;;SY)"));
        assert_eq!(list("O:BA"), list("G:BA"));
        assert!(access_list(b"none").is_err());
        let new = of_new_key().to_bytes().unwrap();
        assert_eq!(access_list(&new).unwrap(), new);
    }
}

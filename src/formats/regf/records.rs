//! Records as they are written: where a key keeps what an edit changes, and new records of each kind.

use super::cells::{FLAG_LATIN_NAME, KEY_HEADER, SECURITY_HEADER, VALUE_HEADER, VALUE_LATIN_NAME};
use super::{Error, NONE, name};

/// Offsets within a key record.
pub(super) mod key_field {
    pub const FLAGS: usize = 2;
    pub const LAST_WRITTEN: usize = 4;
    pub const PARENT: usize = 16;
    pub const SUBKEY_COUNT: usize = 20;
    pub const SUBKEY_LIST: usize = 28;
    pub const VOLATILE_LIST: usize = 32;
    pub const VALUE_COUNT: usize = 36;
    pub const VALUE_LIST: usize = 40;
    pub const SECURITY: usize = 44;
    pub const CLASS: usize = 48;
    /// Two bytes; the two after them hold flags.
    pub const LARGEST_SUBKEY_NAME: usize = 52;
    pub const LARGEST_SUBKEY_CLASS: usize = 56;
    pub const LARGEST_VALUE_NAME: usize = 60;
    pub const LARGEST_VALUE_DATA: usize = 64;
    pub const NAME_LENGTH: usize = 72;
    pub const CLASS_LENGTH: usize = 74;
}

/// Offsets within a value record.
pub(super) mod value_field {
    pub const NAME_LENGTH: usize = 2;
    pub const SIZE: usize = 4;
    pub const DATA: usize = 8;
    pub const TYPE: usize = 12;
    pub const FLAGS: usize = 16;
}

/// Offsets within a security record.
pub(super) mod security_field {
    pub const NEXT: usize = 4;
    pub const PREVIOUS: usize = 8;
    pub const REFERENCES: usize = 12;
    pub const LENGTH: usize = 16;
}

const KEY_NAME: &str = "key name";
/// Longest name of a key, in UTF-16 units.
const LONGEST_KEY_NAME: usize = 255;

/// Copies `field` to `at`, which lies within the record or block by the caller's making.
pub(super) fn put(bytes: &mut [u8], at: usize, field: &[u8]) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.get_mut(..field.len())) {
        place.copy_from_slice(field);
    }
}

/// Refuses what Windows does not accept as the name of a key.
pub(super) fn check_key_name(name: &str) -> Result<(), Error> {
    let refuse = |reason| Err(Error::Name { what: KEY_NAME, name: name.to_owned(), reason });
    if name.is_empty() {
        return refuse("it is empty");
    }
    if name.contains(['\\', '\0']) {
        return refuse("it holds a backslash or a NUL");
    }
    let length = name.encode_utf16().count();
    if length > LONGEST_KEY_NAME {
        return Err(Error::TooLong { what: KEY_NAME, length: length * 2, limit: LONGEST_KEY_NAME * 2 });
    }
    Ok(())
}

/// Makes the record of an empty key.
pub(super) fn new_key(name: &str, flags: u16, parent: u32, security: u32, now: u64) -> Vec<u8> {
    let (name, latin) = name::encode(name);
    let flags = if latin { flags | FLAG_LATIN_NAME } else { flags };
    let mut record = vec![0; KEY_HEADER];
    put(&mut record, 0, b"nk");
    put(&mut record, key_field::FLAGS, &flags.to_le_bytes());
    put(&mut record, key_field::LAST_WRITTEN, &now.to_le_bytes());
    put(&mut record, key_field::PARENT, &parent.to_le_bytes());
    for absent in [key_field::SUBKEY_LIST, key_field::VOLATILE_LIST, key_field::VALUE_LIST, key_field::CLASS] {
        put(&mut record, absent, &NONE.to_le_bytes());
    }
    put(&mut record, key_field::SECURITY, &security.to_le_bytes());
    put(&mut record, key_field::NAME_LENGTH, &short(name.len()).to_le_bytes());
    record.extend(name);
    record
}

/// Makes the record of a value whose data are described by `size` and `data`.
pub(super) fn new_value(name: &str, value_type: u32, size: u32, data: u32) -> Vec<u8> {
    let (name, latin) = name::encode(name);
    let flags = if latin { VALUE_LATIN_NAME } else { 0 };
    let mut record = vec![0; VALUE_HEADER];
    put(&mut record, 0, b"vk");
    put(&mut record, value_field::NAME_LENGTH, &short(name.len()).to_le_bytes());
    put(&mut record, value_field::SIZE, &size.to_le_bytes());
    put(&mut record, value_field::DATA, &data.to_le_bytes());
    put(&mut record, value_field::TYPE, &value_type.to_le_bytes());
    put(&mut record, value_field::FLAGS, &flags.to_le_bytes());
    record.extend(name);
    record
}

/// Makes the record of a security descriptor that one key refers to.
pub(super) fn new_security(next: u32, previous: u32, descriptor: &[u8]) -> Vec<u8> {
    let mut record = vec![0; SECURITY_HEADER];
    put(&mut record, 0, b"sk");
    put(&mut record, security_field::NEXT, &next.to_le_bytes());
    put(&mut record, security_field::PREVIOUS, &previous.to_le_bytes());
    put(&mut record, security_field::REFERENCES, &1_u32.to_le_bytes());
    put(&mut record, security_field::LENGTH, &u32::from(short(descriptor.len())).to_le_bytes());
    record.extend(descriptor);
    record
}

/// Narrows the length of a name or descriptor, which was checked to have 16 bits.
pub(super) fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

//! Access masks and the words for registry rights.
//!
//! Numbers: [MS-DTYP] 2.4.3, [MS-RRP] 2.2.3.

use bitflags::bitflags;

bitflags! {
    /// The rights of an access control entry, named as for registry keys; other bits are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct AccessMask: u32 {
        /// Read values.
        const KEY_QUERY_VALUE = 0x0000_0001;
        /// Write values.
        const KEY_SET_VALUE = 0x0000_0002;
        /// Make subkeys.
        const KEY_CREATE_SUB_KEY = 0x0000_0004;
        /// List subkeys.
        const KEY_ENUMERATE_SUB_KEYS = 0x0000_0008;
        /// Wait for changes.
        const KEY_NOTIFY = 0x0000_0010;
        /// Make a symbolic link.
        const KEY_CREATE_LINK = 0x0000_0020;
        /// Delete the object.
        const DELETE = 0x0001_0000;
        /// Read the descriptor, but not the SACL.
        const READ_CONTROL = 0x0002_0000;
        /// Write the DACL.
        const WRITE_DAC = 0x0004_0000;
        /// Take ownership.
        const WRITE_OWNER = 0x0008_0000;
        /// Wait on the object.
        const SYNCHRONIZE = 0x0010_0000;
        /// Read and write the SACL.
        const ACCESS_SYSTEM_SECURITY = 0x0100_0000;
        /// Everything the caller may have.
        const MAXIMUM_ALLOWED = 0x0200_0000;
        /// Whatever "all" means for the object.
        const GENERIC_ALL = 0x1000_0000;
        /// Whatever "execute" means for the object.
        const GENERIC_EXECUTE = 0x2000_0000;
        /// Whatever "write" means for the object.
        const GENERIC_WRITE = 0x4000_0000;
        /// Whatever "read" means for the object.
        const GENERIC_READ = 0x8000_0000;

        /// Read a key: `KR` in SDDL.
        const KEY_READ = 0x0002_0019;
        /// Write a key: `KW` in SDDL.
        const KEY_WRITE = 0x0002_0006;
        /// The same as [`Self::KEY_READ`]: `KX` in SDDL.
        const KEY_EXECUTE = 0x0002_0019;
        /// Everything with a key: `KA` in SDDL.
        const KEY_ALL_ACCESS = 0x000F_003F;
        /// All four generic rights.
        const GENERIC = 0xF000_0000;
    }
}

/// Why a text names no registry right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RightsError {
    /// A word that is no right.
    #[error("{word:?} is not a registry right: full, read, write, execute, the name of a single right, or 0x…")]
    Unknown {
        /// The word as written.
        word: String,
    },
    /// A word that is no right of a file.
    #[error("{word:?} is not a right of a file: full, modify, read and execute, read, write, execute, delete, or 0x…")]
    UnknownOfFile {
        /// The word as written.
        word: String,
    },
    /// No right at all.
    #[error("no right is named")]
    Empty,
}

/// Words in the order they are written; the sets come before their members.
const WORDS: [(&str, AccessMask); 19] = [
    ("full", AccessMask::KEY_ALL_ACCESS),
    ("read", AccessMask::KEY_READ),
    ("write", AccessMask::KEY_WRITE),
    ("query value", AccessMask::KEY_QUERY_VALUE),
    ("set value", AccessMask::KEY_SET_VALUE),
    ("create subkey", AccessMask::KEY_CREATE_SUB_KEY),
    ("enumerate subkeys", AccessMask::KEY_ENUMERATE_SUB_KEYS),
    ("notify", AccessMask::KEY_NOTIFY),
    ("create link", AccessMask::KEY_CREATE_LINK),
    ("delete", AccessMask::DELETE),
    ("read control", AccessMask::READ_CONTROL),
    ("write dac", AccessMask::WRITE_DAC),
    ("write owner", AccessMask::WRITE_OWNER),
    ("synchronize", AccessMask::SYNCHRONIZE),
    ("access system security", AccessMask::ACCESS_SYSTEM_SECURITY),
    ("generic all", AccessMask::GENERIC_ALL),
    ("generic read", AccessMask::GENERIC_READ),
    ("generic write", AccessMask::GENERIC_WRITE),
    ("generic execute", AccessMask::GENERIC_EXECUTE),
];

impl AccessMask {
    /// Reads registry rights: words separated by commas (`full`, `read, set value`), or `0x…`.
    ///
    /// # Errors
    /// A word is not a right, or there is none.
    pub fn parse_key_rights(text: &str) -> Result<Self, RightsError> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let mask = words.map(key_right).try_fold(Self::empty(), |sum, word| Ok(sum | word?))?;
        if mask.is_empty() { Err(RightsError::Empty) } else { Ok(mask) }
    }

    /// Reads the rights of files and folders: words separated by commas (`full`, `modify`, `read, write`), or `0x…`
    /// ([MS-DTYP] 2.4.3, and the names of the permissions in Windows' own dialogue).
    ///
    /// # Errors
    /// A word is not a right, or there is none.
    pub fn parse_file_rights(text: &str) -> Result<Self, RightsError> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let mask = words.map(file_right).try_fold(Self::empty(), |sum, word| Ok(sum | word?))?;
        if mask.is_empty() { Err(RightsError::Empty) } else { Ok(mask) }
    }

    /// Says the rights of a file in the words [`AccessMask::parse_file_rights`] takes; bits without a word in hexadecimal.
    #[must_use]
    pub fn file_rights(self) -> String {
        let mut unsaid = self.bits();
        let mut words = Vec::new();
        for (word, bits) in FILE_WORDS {
            if self.bits() & bits == bits && unsaid & bits != 0 {
                words.push(word.to_owned());
                unsaid &= !bits;
            }
        }
        if unsaid != 0 || words.is_empty() {
            words.push(format!("{unsaid:#x}"));
        }
        words.join(", ")
    }

    /// Says registry rights in the words [`AccessMask::parse_key_rights`] takes; bits without a word in hexadecimal.
    #[must_use]
    pub fn key_rights(self) -> String {
        let mut unsaid = self;
        let mut words = Vec::new();
        for (word, rights) in WORDS {
            // "read, write" share a bit; each is worth saying while it adds something.
            if self.contains(rights) && unsaid.intersects(rights) {
                words.push(word.to_owned());
                unsaid -= rights;
            }
        }
        if !unsaid.is_empty() || words.is_empty() {
            words.push(format!("{:#x}", unsaid.bits()));
        }
        words.join(", ")
    }

    /// The mask with generic rights replaced by what they mean for a registry key.
    #[must_use]
    pub fn mapped_for_keys(self) -> Self {
        let meanings = [
            (Self::GENERIC_ALL, Self::KEY_ALL_ACCESS),
            (Self::GENERIC_READ, Self::KEY_READ),
            (Self::GENERIC_WRITE, Self::KEY_WRITE),
            // The headers say KEY_EXECUTE; the descriptors of real hives have the right to make links as well.
            (Self::GENERIC_EXECUTE, Self::KEY_EXECUTE | Self::KEY_CREATE_LINK),
        ];
        meanings
            .into_iter()
            .filter(|(generic, _)| self.contains(*generic))
            .fold(self - Self::GENERIC, |mask, (_, meaning)| mask | meaning)
    }
}

fn key_right(word: &str) -> Result<AccessMask, RightsError> {
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let named = || {
        let plain = word.replace('_', " ");
        let found = WORDS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(&plain));
        let execute = plain.eq_ignore_ascii_case("execute").then_some(AccessMask::KEY_EXECUTE);
        found.map(|(_, rights)| rights).or(execute)
    };
    match hex {
        Some(digits) if !digits.starts_with('+') => {
            u32::from_str_radix(digits, 16).ok().map(AccessMask::from_bits_retain)
        }
        Some(_) => None,
        None => named(),
    }
    .ok_or_else(|| RightsError::Unknown { word: word.to_owned() })
}

/// The words for rights of files and folders, with their numbers.
const FILE_WORDS: [(&str, u32); 9] = [
    ("full", 0x1F_01FF),
    ("modify", 0x13_01BF),
    ("read and execute", 0x12_00A9),
    ("read", 0x12_0089),
    ("write", 0x12_0116),
    ("execute", 0x12_00A0),
    ("delete", 0x01_0000),
    ("write dac", 0x04_0000),
    ("write owner", 0x08_0000),
];

fn file_right(word: &str) -> Result<AccessMask, RightsError> {
    let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    let bits = match hex {
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => {
            let plain = word.replace('_', " ");
            FILE_WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&plain)).map(|(_, bits)| *bits)
        }
    };
    bits.map(AccessMask::from_bits_retain).ok_or_else(|| RightsError::UnknownOfFile { word: word.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words() {
        let cases: &[(&str, Result<u32, RightsError>)] = &[
            ("full", Ok(0xF_003F)),
            ("Read", Ok(0x2_0019)),
            ("write", Ok(0x2_0006)),
            ("execute", Ok(0x2_0019)),
            ("read, write", Ok(0x2_001F)),
            ("read, set_value", Ok(0x2_001B)),
            ("0x20019", Ok(0x2_0019)),
            ("all", Err(RightsError::Unknown { word: "all".into() })),
            ("0x", Err(RightsError::Unknown { word: "0x".into() })),
            ("0x+1", Err(RightsError::Unknown { word: "0x+1".into() })),
            ("0x123456789", Err(RightsError::Unknown { word: "0x123456789".into() })),
            ("", Err(RightsError::Empty)),
            ("0x0", Err(RightsError::Empty)),
        ];
        for (text, expected) in cases {
            assert_eq!(AccessMask::parse_key_rights(text).map(|mask| mask.bits()), *expected, "{text}");
        }
    }

    #[test]
    fn descriptions() {
        let cases = [
            (0xF_003F, "full"),
            (0x2_0019, "read"),
            (0x2_001F, "read, write"),
            (0x3_001F, "read, write, delete"),
            (0xF_013F, "full, 0x100"),
            (0x1, "query value"),
            (0x9000_0000, "generic all, generic read"),
            (0, "0x0"),
        ];
        for (mask, expected) in cases {
            assert_eq!(AccessMask::from_bits_retain(mask).key_rights(), expected, "{mask:#x}");
        }
    }

    #[test]
    fn rights_of_files() {
        let cases: &[(&str, Result<u32, RightsError>, &str)] = &[
            ("full", Ok(0x1F_01FF), "full"),
            ("Modify", Ok(0x13_01BF), "modify"),
            ("read_and_execute", Ok(0x12_00A9), "read and execute"),
            ("read, write", Ok(0x12_019F), "read, write"),
            ("0x1200a9", Ok(0x12_00A9), "read and execute"),
            ("0x1", Ok(1), "0x1"),
            ("set value", Err(RightsError::UnknownOfFile { word: "set value".into() }), ""),
            (" , ", Err(RightsError::Empty), ""),
        ];
        for (text, expected, said) in cases {
            let mask = AccessMask::parse_file_rights(text);
            assert_eq!(mask.clone().map(|mask| mask.bits()), *expected, "{text}");
            if let Ok(mask) = mask {
                assert_eq!(mask.file_rights(), *said);
            }
        }
    }

    proptest! {
        #[test]
        fn a_description_reads_back(bits in 1..=u32::MAX) {
            let mask = AccessMask::from_bits_retain(bits);
            prop_assert_eq!(AccessMask::parse_key_rights(&mask.key_rights()), Ok(mask));
        }
    }
}

//! GUIDs as Windows keeps them in binary values: the first three fields little-endian, shown in braces.
//! Source: [MS-DTYP] 2.3.4.

use std::fmt;
use std::str::FromStr;

use crate::model::registry_data::unhex;

/// A GUID in the order of its bytes in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Guid([u8; 16]);

/// Why a text is no GUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a GUID of the form {{4dc3e181-e14b-4a21-b022-59fc669b0914}}")]
pub struct GuidError {
    pub text: String,
}

impl Guid {
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// Where each pair of digits lies in memory.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

impl FromStr for Guid {
    type Err = GuidError;

    /// Reads 32 digits in five groups, in any case, with or without braces.
    fn from_str(text: &str) -> Result<Self, GuidError> {
        let inner = match text.strip_prefix('{') {
            Some(rest) => rest.strip_suffix('}'),
            None => Some(text),
        };
        let read = |inner: &str| {
            let digits: String = inner.split('-').collect();
            let bytes = unhex(&digits)?;
            let mut memory = [0; 16];
            for (place, byte) in ORDER.iter().zip(bytes) {
                *memory.get_mut(*place)? = byte;
            }
            Some(Self(memory))
        };
        inner
            .filter(|inner| inner.split('-').map(str::len).eq(GROUPS))
            .and_then(read)
            .ok_or_else(|| GuidError { text: text.to_owned() })
    }
}

impl fmt::Display for Guid {
    /// In braces and lower case, as netsh shows them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, place) in ORDER.iter().enumerate() {
            if [4, 6, 8, 10].contains(&index) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0.get(*place).copied().unwrap_or_default())?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_memory() {
        let bytes = *b"\x81\xe1\xc3\x4d\x4b\xe1\x21\x4a\xb0\x22\x59\xfc\x66\x9b\x09\x14";
        let shown = "{4dc3e181-e14b-4a21-b022-59fc669b0914}";
        assert_eq!(Guid::from_bytes(bytes).to_string(), shown);
        for text in [shown, "4DC3E181-E14B-4A21-B022-59FC669B0914", "{4DC3E181-e14b-4A21-b022-59fc669b0914}"] {
            assert_eq!(text.parse::<Guid>().map(Guid::to_bytes), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "{}",
            "4dc3e181e14b4a21b02259fc669b0914",
            "{4dc3e181-e14b-4a21-b022-59fc669b0914",
            "4dc3e181-e14b-4a21-b022-59fc669b0914}",
            "{4dc3e181-e14b-4a21-b022-59fc669b091}",
            "{4dc3e181-e14b-4a21-b022-59fc669b091g}",
            "{4dc3e1-81e14b-4a21-b022-59fc669b0914}",
            "{4dc3e18é-e14b-4a21-b022-59fc669b091}",
        ] {
            assert!(text.parse::<Guid>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn text_reads_back(bytes: [u8; 16], other in "\\PC{0,40}") {
            let guid = Guid::from_bytes(bytes);
            proptest::prop_assert_eq!(guid.to_string().parse::<Guid>(), Ok(guid));
            let _ = other.parse::<Guid>();
        }
    }
}

//! Names of keys and values: Latin-1 when the record says so, else UTF-16; compared upper-cased, as Windows does.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::formats::upcase;

/// A name as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name<'h> {
    pub text: Cow<'h, str>,
    /// False when the stored name holds an unpaired surrogate, shown here as U+FFFD.
    pub exact: bool,
}

/// A name as stored: the bytes of a record and whether they are Latin-1.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawName<'h> {
    pub bytes: &'h [u8],
    pub latin: bool,
}

impl<'h> RawName<'h> {
    /// Iterates over the UTF-16 code units as stored.
    pub fn units(self) -> impl Iterator<Item = u16> + 'h {
        let (latin, wide): (&[u8], &[u8]) = if self.latin { (self.bytes, &[]) } else { (&[], self.bytes) };
        latin
            .iter()
            .map(|byte| u16::from(*byte))
            .chain(wide.as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)))
    }

    /// Counts the bytes the name takes as UTF-16, the measure in which a key keeps its largest lengths.
    pub fn utf16_length(self) -> usize {
        if self.latin { self.bytes.len().saturating_mul(2) } else { self.bytes.len() }
    }

    /// Replaces `key` by the upper-cased units.
    pub fn fold_into(self, key: &mut Vec<u16>) {
        key.clear();
        if self.latin {
            key.extend(self.bytes.iter().map(|byte| upcase::unit(u16::from(*byte))));
        } else {
            key.extend(self.units().map(upcase::unit));
        }
    }

    pub fn folded(self) -> Vec<u16> {
        let mut key = Vec::with_capacity(self.bytes.len());
        self.fold_into(&mut key);
        key
    }

    /// Orders the name against upper-cased units.
    pub fn compare(self, key: &[u16]) -> Ordering {
        self.units().map(upcase::unit).cmp(key.iter().copied())
    }

    pub fn text(self) -> Name<'h> {
        if self.latin {
            let ascii = if self.bytes.is_ascii() { std::str::from_utf8(self.bytes).ok() } else { None };
            let text = ascii
                .map_or_else(|| Cow::Owned(self.bytes.iter().map(|byte| char::from(*byte)).collect()), Cow::Borrowed);
            return Name { text, exact: true };
        }
        let mut exact = true;
        let text = char::decode_utf16(self.units())
            .map(|c| {
                c.unwrap_or_else(|_| {
                    exact = false;
                    char::REPLACEMENT_CHARACTER
                })
            })
            .collect();
        Name { text: Cow::Owned(text), exact }
    }
}

/// Encodes `text` as Windows stores it: Latin-1 when every unit is below 0x100, else UTF-16. The flag says which.
pub(super) fn encode(text: &str) -> (Vec<u8>, bool) {
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    match latin {
        Some(bytes) => (bytes, true),
        None => (text.encode_utf16().flat_map(u16::to_le_bytes).collect(), false),
    }
}

/// Hashes upper-cased units as an `lh` list does.
pub(super) fn hash(key: &[u16]) -> u32 {
    key.iter().fold(0, |hash: u32, unit| hash.wrapping_mul(37).wrapping_add(u32::from(*unit)))
}

/// Makes the hint an `lf` list keeps: the first four characters as stored, up to the first that is not Latin-1.
pub(super) fn hint(name: RawName<'_>) -> u32 {
    let mut hint = [0; 4];
    for (place, unit) in hint.iter_mut().zip(name.units()) {
        let Ok(byte) = u8::try_from(unit) else { break };
        *place = byte;
    }
    u32::from_le_bytes(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_latin_1_when_they_can_be() {
        for (text, bytes, latin) in
            [("Aé", &b"A\xE9"[..], true), ("日", &[0xE5, 0x65], false), ("Ÿ", &[0x78, 0x01], false), ("", &[], true)]
        {
            assert_eq!(encode(text), (bytes.to_vec(), latin));
            let raw = RawName { bytes, latin };
            assert_eq!(raw.text(), Name { text: text.into(), exact: true });
            assert_eq!(raw.utf16_length(), 2 * text.encode_utf16().count());
            assert_eq!(raw.folded(), upcase::key(text));
            assert_eq!(raw.compare(&upcase::key(text)), Ordering::Equal);
        }
    }

    #[test]
    fn an_unpaired_surrogate_is_shown_but_not_exact() {
        let raw = RawName { bytes: &[b'a', 0, 0x00, 0xD8], latin: false };
        assert_eq!(raw.text(), Name { text: "a\u{FFFD}".into(), exact: false });
        assert_eq!(raw.folded(), [0x41, 0xD800]);
    }

    /// The first as a real hive has it; in the second, 0x178 is what 0xFF becomes.
    #[test]
    fn hashes_and_hints_are_windows_own() {
        assert_eq!(hash(&upcase::key("Select")), 0x5F00_24A0);
        assert_eq!(hash(&upcase::key("aÿ")), 0x41 * 37 + 0x178);
        assert_eq!(hint(RawName { bytes: b"Select", latin: true }).to_le_bytes(), *b"Sele");
        assert_eq!(
            hint(RawName { bytes: &[b'a', 0, 0xE5, 0x65, b'b', 0], latin: false }).to_le_bytes(),
            [b'a', 0, 0, 0]
        );
    }
}

//! The encoding of a text file, so that decoding and encoding it again gives the same bytes.

use super::{EditError, MAX_BYTES, Splice};

/// How the characters of a file are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    /// One byte for each character: an old code page, of which only the lower half is known.
    SingleByte,
}

/// A file's text with what is needed to write it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub encoding: Encoding,
    /// Whether a byte-order mark stands in front.
    pub mark: bool,
    /// Of a single-byte file, each byte of the upper half is the character of its number.
    pub content: String,
}

const MARK_UTF8: &[u8] = b"\xef\xbb\xbf";
const MARK_UTF16_LE: &[u8] = b"\xff\xfe";
const MARK_UTF16_BE: &[u8] = b"\xfe\xff";

impl Text {
    /// Decodes a file by its mark, or by what it looks like.
    ///
    /// # Errors
    /// It is larger than the limit, or is no text.
    pub fn decode(bytes: &[u8]) -> Result<Self, EditError> {
        if bytes.len() > MAX_BYTES {
            return Err(EditError::TooLarge);
        }
        let make = |encoding, mark, content| Ok(Self { encoding, mark, content });
        if let Some(rest) = bytes.strip_prefix(MARK_UTF16_LE) {
            return make(Encoding::Utf16Le, true, utf16(rest, u16::from_le_bytes)?);
        }
        if let Some(rest) = bytes.strip_prefix(MARK_UTF16_BE) {
            return make(Encoding::Utf16Be, true, utf16(rest, u16::from_be_bytes)?);
        }
        if let Some(rest) = bytes.strip_prefix(MARK_UTF8) {
            let text = std::str::from_utf8(rest).map_err(|_| EditError::NotText("it is marked as UTF-8 and is not"))?;
            return make(Encoding::Utf8, true, text.to_owned());
        }
        // ASCII characters as UTF-16 have every other byte zero.
        match bytes {
            [first, 0, ..] if *first != 0 => return make(Encoding::Utf16Le, false, utf16(bytes, u16::from_le_bytes)?),
            [0, second, ..] if *second != 0 => {
                return make(Encoding::Utf16Be, false, utf16(bytes, u16::from_be_bytes)?);
            }
            _ => {}
        }
        if bytes.contains(&0) {
            return Err(EditError::NotText("it holds NUL bytes"));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => make(Encoding::Utf8, false, text.to_owned()),
            Err(_) => make(Encoding::SingleByte, false, bytes.iter().map(|byte| char::from(*byte)).collect()),
        }
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// A character has no place in the file's encoding.
    pub fn encode(&self) -> Result<Vec<u8>, EditError> {
        let mut out = Vec::with_capacity(self.content.len() * 2 + 3);
        match self.encoding {
            Encoding::Utf8 => {
                out.extend_from_slice(if self.mark { MARK_UTF8 } else { b"" });
                out.extend_from_slice(self.content.as_bytes());
            }
            Encoding::Utf16Le => {
                out.extend_from_slice(if self.mark { MARK_UTF16_LE } else { b"" });
                out.extend(self.content.encode_utf16().flat_map(u16::to_le_bytes));
            }
            Encoding::Utf16Be => {
                out.extend_from_slice(if self.mark { MARK_UTF16_BE } else { b"" });
                out.extend(self.content.encode_utf16().flat_map(u16::to_be_bytes));
            }
            Encoding::SingleByte => {
                for character in self.content.chars() {
                    out.push(u8::try_from(u32::from(character)).map_err(|_| EditError::Unencodable(character))?);
                }
            }
        }
        Ok(out)
    }

    /// Puts a stretch of new text in.
    pub(super) fn splice(&mut self, splice: Splice) -> Result<(), EditError> {
        if self.encoding == Encoding::SingleByte
            && let Some(foreign) = splice.with.chars().find(|character| !character.is_ascii())
            && self.content.get(splice.range.clone()).is_none_or(|old| !old.contains(foreign))
        {
            // Which character a byte of the upper half stands for is not known.
            return Err(EditError::Unencodable(foreign));
        }
        if self.content.get(splice.range.clone()).is_none() {
            return Err(EditError::NoPlace("inside a character".into()));
        }
        self.content.replace_range(splice.range, &splice.with);
        Ok(())
    }
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Result<String, EditError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(EditError::NotText("it is UTF-16 with an odd number of bytes"));
    }
    let units: Vec<u16> = pairs.iter().copied().map(read).collect();
    String::from_utf16(&units).map_err(|_| EditError::NotText("it is UTF-16 with half a surrogate pair"))
}

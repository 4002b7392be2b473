//! A registry value's type and bytes, and how a person reads them.
//! Equality is of type and bytes: nothing is normalised, and malformed data is kept and shown as what it is.

use std::borrow::Cow;
use std::fmt;

use serde::de::Error as _;
use serde::ser::SerializeMap as _;

pub const REG_NONE: u32 = 0;
pub const REG_SZ: u32 = 1;
pub const REG_EXPAND_SZ: u32 = 2;
pub const REG_BINARY: u32 = 3;
pub const REG_DWORD: u32 = 4;
pub const REG_DWORD_BIG_ENDIAN: u32 = 5;
pub const REG_LINK: u32 = 6;
pub const REG_MULTI_SZ: u32 = 7;
pub const REG_QWORD: u32 = 11;

/// How many bytes of binary data a report shows before it says how many follow.
const SHOWN_BYTES: usize = 24;

const TYPE_NAMES: [(u32, &str); 12] = [
    (REG_NONE, "REG_NONE"),
    (REG_SZ, "REG_SZ"),
    (REG_EXPAND_SZ, "REG_EXPAND_SZ"),
    (REG_BINARY, "REG_BINARY"),
    (REG_DWORD, "REG_DWORD"),
    (REG_DWORD_BIG_ENDIAN, "REG_DWORD_BIG_ENDIAN"),
    (REG_LINK, "REG_LINK"),
    (REG_MULTI_SZ, "REG_MULTI_SZ"),
    (8, "REG_RESOURCE_LIST"),
    (9, "REG_FULL_RESOURCE_DESCRIPTOR"),
    (10, "REG_RESOURCE_REQUIREMENTS_LIST"),
    (REG_QWORD, "REG_QWORD"),
];

/// The name of a value type; a number for one that Windows does not name.
pub fn type_name(value_type: u32) -> Cow<'static, str> {
    TYPE_NAMES
        .iter()
        .find(|(number, _)| *number == value_type)
        .map_or_else(|| Cow::Owned(format!("REG_{value_type:#x}")), |(_, name)| Cow::Borrowed(*name))
}

fn type_number(name: &str) -> Option<u32> {
    if let Some((number, _)) = TYPE_NAMES.iter().find(|(_, known)| *known == name) {
        return Some(*number);
    }
    u32::from_str_radix(name.strip_prefix("REG_0x")?, 16).ok()
}

/// A value type by its name in JSON.
pub mod type_as_name {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value_type: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::type_name(*value_type))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        super::type_number(&name).ok_or_else(|| D::Error::custom("unknown registry type"))
    }
}

/// A value's type and its bytes as stored: strings are UTF-16LE with their terminator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegistryData {
    pub value_type: u32,
    pub bytes: Box<[u8]>,
}

/// What the bytes mean under their type, where they are well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    Text(String),
    Texts(Vec<String>),
    Number(u64),
    Bytes(&'a [u8]),
    /// The bytes break the rules of their type: an odd length, a missing terminator, a DWORD of three bytes.
    Malformed(&'a [u8]),
}

impl RegistryData {
    pub fn new(value_type: u32, bytes: impl Into<Box<[u8]>>) -> Self {
        Self { value_type, bytes: bytes.into() }
    }

    /// A `REG_SZ` value.
    pub fn sz(text: &str) -> Self {
        Self::text(REG_SZ, text)
    }

    /// A `REG_EXPAND_SZ` value.
    pub fn expand(text: &str) -> Self {
        Self::text(REG_EXPAND_SZ, text)
    }

    /// A string value of the given type, terminated as Windows stores it.
    pub fn text(value_type: u32, text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() * 2 + 2);
        push_terminated(&mut bytes, text);
        Self::new(value_type, bytes)
    }

    /// A `REG_DWORD` value.
    pub fn dword(number: u32) -> Self {
        Self::new(REG_DWORD, number.to_le_bytes())
    }

    /// A `REG_QWORD` value.
    pub fn qword(number: u64) -> Self {
        Self::new(REG_QWORD, number.to_le_bytes())
    }

    /// A `REG_MULTI_SZ` value; the strings must not be empty, or the list would end there.
    pub fn multi<S: AsRef<str>>(texts: &[S]) -> Self {
        let mut bytes = Vec::new();
        for text in texts {
            push_terminated(&mut bytes, text.as_ref());
        }
        bytes.extend_from_slice(&[0, 0]);
        Self::new(REG_MULTI_SZ, bytes)
    }

    /// A `REG_BINARY` value.
    pub fn binary(bytes: impl Into<Box<[u8]>>) -> Self {
        Self::new(REG_BINARY, bytes)
    }

    /// A `REG_NONE` value.
    pub fn none(bytes: impl Into<Box<[u8]>>) -> Self {
        Self::new(REG_NONE, bytes)
    }

    /// Reads the bytes under their type.
    pub fn reading(&self) -> Reading<'_> {
        let malformed = || Reading::Malformed(&self.bytes);
        match self.value_type {
            REG_SZ | REG_EXPAND_SZ => read_text(&self.bytes).map_or_else(malformed, Reading::Text),
            REG_MULTI_SZ => read_texts(&self.bytes).map_or_else(malformed, Reading::Texts),
            REG_DWORD => <[u8; 4]>::try_from(&*self.bytes)
                .map_or_else(|_| malformed(), |b| Reading::Number(u32::from_le_bytes(b).into())),
            REG_DWORD_BIG_ENDIAN => <[u8; 4]>::try_from(&*self.bytes)
                .map_or_else(|_| malformed(), |b| Reading::Number(u32::from_be_bytes(b).into())),
            REG_QWORD => <[u8; 8]>::try_from(&*self.bytes)
                .map_or_else(|_| malformed(), |b| Reading::Number(u64::from_le_bytes(b))),
            _ => Reading::Bytes(&self.bytes),
        }
    }

    /// Whether the bytes keep the rules of their type.
    pub fn is_well_formed(&self) -> bool {
        !matches!(self.reading(), Reading::Malformed(_))
    }

    /// The number of a DWORD or QWORD.
    pub fn number(&self) -> Option<u64> {
        match self.reading() {
            Reading::Number(number) => Some(number),
            _ => None,
        }
    }
}

fn push_terminated(bytes: &mut Vec<u8>, text: &str) {
    for unit in text.encode_utf16() {
        bytes.extend_from_slice(&unit.to_le_bytes());
    }
    bytes.extend_from_slice(&[0, 0]);
}

fn units(bytes: &[u8]) -> Option<Vec<u16>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect())
}

/// A string with exactly one terminator, at its end.
fn read_text(bytes: &[u8]) -> Option<String> {
    let units = units(bytes)?;
    let (last, text) = units.split_last()?;
    (*last == 0 && !text.contains(&0)).then(|| String::from_utf16(text).ok()).flatten()
}

/// Strings that are each terminated, and the empty string that ends the list.
fn read_texts(bytes: &[u8]) -> Option<Vec<String>> {
    let units = units(bytes)?;
    let (last, body) = units.split_last()?;
    if *last != 0 {
        return None;
    }
    if body.is_empty() {
        return Some(Vec::new());
    }
    let (last, body) = body.split_last()?;
    if *last != 0 {
        return None;
    }
    body.split(|unit| *unit == 0)
        .map(|text| if text.is_empty() { None } else { String::from_utf16(text).ok() })
        .collect()
}

impl fmt::Display for RegistryData {
    /// The type and the value on one line: `REG_DWORD 0x8000 (32768)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&type_name(self.value_type))?;
        match self.reading() {
            Reading::Text(text) => write!(f, " {}", quoted(&text)),
            Reading::Texts(texts) => {
                f.write_str(" [")?;
                for (index, text) in texts.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    f.write_str(&quoted(text))?;
                }
                f.write_str("]")
            }
            Reading::Number(number) if number < 10 => write!(f, " {number}"),
            Reading::Number(number) => write!(f, " {number:#x} ({number})"),
            Reading::Bytes(bytes) => write_bytes(f, bytes),
            Reading::Malformed(bytes) => {
                f.write_str(" malformed")?;
                write_bytes(f, bytes)
            }
        }
    }
}

fn write_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    if bytes.is_empty() {
        return f.write_str(" (empty)");
    }
    f.write_str(" ")?;
    f.write_str(&hex(bytes.get(..SHOWN_BYTES).unwrap_or(bytes)))?;
    if bytes.len() > SHOWN_BYTES {
        write!(f, "… ({} bytes)", bytes.len())?;
    }
    Ok(())
}

/// A text in quotes; control characters and bidirectional marks are escaped, so that a terminal shows what is there.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if c == '"' {
            out.push_str("\\\"");
        } else {
            push_visible(&mut out, c);
        }
    }
    out.push('"');
    out
}

/// Appends a character, escaped when a terminal would act on it or hide it.
pub fn push_visible(out: &mut String, c: char) {
    let hidden = c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}');
    if hidden {
        out.extend(c.escape_unicode());
    } else {
        out.push(c);
    }
}

/// Lower-case hex without separators.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The bytes of a hex text without separators.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

impl serde::Serialize for RegistryData {
    /// `{type, text | texts | number | hex}`: the readable form only where it gives the same bytes back.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("type", &type_name(self.value_type))?;
        match self.reading() {
            Reading::Text(text) => map.serialize_entry("text", &text)?,
            Reading::Texts(texts) => map.serialize_entry("texts", &texts)?,
            Reading::Number(number) => map.serialize_entry("number", &number)?,
            Reading::Bytes(bytes) | Reading::Malformed(bytes) => map.serialize_entry("hex", &hex(bytes))?,
        }
        map.end()
    }
}

impl<'de> serde::Deserialize<'de> for RegistryData {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wire {
            r#type: String,
            text: Option<String>,
            texts: Option<Vec<String>>,
            number: Option<u64>,
            hex: Option<String>,
        }
        let wire = Wire::deserialize(deserializer)?;
        let value_type = type_number(&wire.r#type).ok_or_else(|| D::Error::custom("unknown registry type"))?;
        let bytes = match (wire.text, wire.texts, wire.number, wire.hex) {
            (Some(text), None, None, None) => return Ok(Self::text(value_type, &text)),
            (None, Some(texts), None, None) => Self::multi(&texts).bytes,
            (None, None, Some(number), None) => match value_type {
                REG_QWORD => number.to_le_bytes().into(),
                _ => {
                    let number = u32::try_from(number).map_err(|_| D::Error::custom("number exceeds 32 bits"))?;
                    if value_type == REG_DWORD_BIG_ENDIAN { number.to_be_bytes() } else { number.to_le_bytes() }.into()
                }
            },
            (None, None, None, Some(hex)) => unhex(&hex).ok_or_else(|| D::Error::custom("bad hex"))?.into(),
            _ => return Err(D::Error::custom("a registry value has one of text, texts, number, hex")),
        };
        Ok(Self { value_type, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_the_type_and_shows_malformed_data_in_hex() {
        let cases = [
            (RegistryData::dword(0), "REG_DWORD 0"),
            (RegistryData::dword(0x8000), "REG_DWORD 0x8000 (32768)"),
            (RegistryData::sz("a\u{200e}\"b"), r#"REG_SZ "a\u{200e}\"b""#),
            (RegistryData::multi(&["a", "b"]), r#"REG_MULTI_SZ ["a", "b"]"#),
            (RegistryData::multi::<&str>(&[]), "REG_MULTI_SZ []"),
            (RegistryData::new(REG_DWORD, [1, 2, 3]), "REG_DWORD malformed 010203"),
            (RegistryData::new(REG_SZ, *b"a\0"), "REG_SZ malformed 6100"),
            (RegistryData::new(0x1234, []), "REG_0x1234 (empty)"),
        ];
        for (data, shown) in cases {
            assert_eq!(data.to_string(), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn json_gives_the_same_bytes_back(
            value_type in 0u32..14,
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..20),
            text in "\\PC{0,6}",
        ) {
            for data in [RegistryData::new(value_type, bytes), RegistryData::sz(&text), RegistryData::multi(&["x", "y"])] {
                let json = serde_json::to_string(&data).unwrap();
                proptest::prop_assert_eq!(serde_json::from_str::<RegistryData>(&json).unwrap(), data);
            }
        }
    }
}

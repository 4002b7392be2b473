//! Thumbprints: digests that Windows knows certificates by. Reads what people paste from its dialogs.
//! Says nothing of whether a certificate is there or right.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

use super::decode::{Decode, Decoder};
use super::diagnostic::Diagnostic;
use super::node::{Meaning, Node};
use super::registry_data::{hex, push_visible, unhex};

const EXPECTED: &str = "40 hex digits (SHA-1) or 64 (SHA-256)";
const EXAMPLE: &str = "0563B8630D62D75ABBC8AB1E4BDFB5A899B24D43";

/// The digest of a certificate's DER encoding; SHA-1 is the one that Windows names certificates by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Thumbprint {
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

/// Why a text is not a thumbprint; `offset` counts bytes from its start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ThumbprintError {
    pub message: String,
    pub offset: usize,
}

impl Thumbprint {
    /// Reads 40 or 64 hex digits; blanks, colons, hyphens and the invisible marks that dialogs copy along do not count.
    ///
    /// # Errors
    /// Another character, or another number of digits.
    pub fn parse(text: &str) -> Result<Self, ThumbprintError> {
        let mut digits = String::with_capacity(64);
        for (offset, c) in text.char_indices() {
            if c.is_ascii_hexdigit() {
                digits.push(c);
            } else if !is_filler(c) {
                let mut shown = String::new();
                push_visible(&mut shown, c);
                return Err(ThumbprintError { message: format!("a thumbprint cannot hold `{shown}`"), offset });
            }
        }
        let bytes = unhex(&digits).unwrap_or_default();
        if let Ok(sha1) = bytes.as_slice().try_into() {
            return Ok(Self::Sha1(sha1));
        }
        if let Ok(sha256) = bytes.as_slice().try_into() {
            return Ok(Self::Sha256(sha256));
        }
        let message = format!("a thumbprint has {EXPECTED}, this has {}", digits.len());
        Err(ThumbprintError { message, offset: 0 })
    }

    /// The SHA-1 of a certificate in DER.
    pub fn of(der: &[u8]) -> Self {
        Self::Sha1(Sha1::digest(der).into())
    }

    /// The SHA-256 of a certificate in DER.
    pub fn sha256_of(der: &[u8]) -> Self {
        Self::Sha256(Sha256::digest(der).into())
    }

    /// Whether this is the digest, of its own kind, of a certificate in DER.
    pub fn is_of(&self, der: &[u8]) -> bool {
        *self
            == match self {
                Self::Sha1(_) => Self::of(der),
                Self::Sha256(_) => Self::sha256_of(der),
            }
    }

    /// The 20 or 32 bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
        }
    }

    /// The digits in lower case.
    pub fn to_lower_hex(&self) -> String {
        hex(self.bytes())
    }
}

fn is_filler(c: char) -> bool {
    c.is_whitespace() || matches!(c, ':' | '-' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{FEFF}')
}

impl fmt::Display for Thumbprint {
    /// Upper-case digits without anything between, as the keys of certificate stores are named.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Thumbprint {
    type Err = ThumbprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl serde::Serialize for Thumbprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Thumbprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Decode for Thumbprint {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        // Digits alone are a number to YAML, with one `e` among them too; the text as written is what counts.
        let text = match node.as_scalar() {
            Some(scalar) if !matches!(scalar.meaning(), Meaning::Null) => &scalar.text,
            _ => return cx.wrong_type(node, "a thumbprint"),
        };
        Self::parse(text)
            .map_err(|error| {
                cx.push(Diagnostic::error("document.bad_thumbprint", error.message).at(node.at));
            })
            .ok()
    }
}

impl JsonSchema for Thumbprint {
    fn schema_name() -> Cow<'static, str> {
        "Thumbprint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const FILLER: &str = r"[\s:\-\u200B\u200E\u200F\uFEFF]*";
        let digits = |count: u8| format!("^{FILLER}([0-9A-Fa-f]{FILLER}){{{count}}}$");
        json_schema!({
            "type": "string",
            "description": "The SHA-1 or SHA-256 of a certificate in hex digits; blanks and colons do not count.",
            // A variable may bring it.
            "anyOf": [{ "pattern": digits(40) }, { "pattern": digits(64) }, { "pattern": r"\$\{" }],
            "examples": [EXAMPLE],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_dialogs_and_tools_show() {
        let expected = Thumbprint::parse(EXAMPLE).unwrap();
        let pairs: Vec<&str> = EXAMPLE.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
        for text in [
            EXAMPLE.to_lowercase(),
            pairs.join(":"),
            pairs.join(" ").to_lowercase(),
            format!("\u{200E}{}", pairs.join("\u{A0}")),
            format!("\u{FEFF} {}\t\r\n\u{200F}", pairs.join("-")),
        ] {
            assert_eq!(Thumbprint::parse(&text), Ok(expected), "{text:?}");
        }
        assert_eq!(expected.to_string(), EXAMPLE);
        assert_eq!(expected.to_lower_hex(), EXAMPLE.to_lowercase());
        assert_eq!(Thumbprint::parse(&"ab ".repeat(32)), Ok(Thumbprint::Sha256([0xab; 32])));
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let refuse = |text: &str| {
            let error = Thumbprint::parse(text).unwrap_err();
            (error.message, error.offset)
        };
        let count = |found| format!("a thumbprint has 40 hex digits (SHA-1) or 64 (SHA-256), this has {found}");
        assert_eq!(refuse(""), (count("0"), 0));
        assert_eq!(refuse("A"), (count("1"), 0));
        assert_eq!(refuse(&EXAMPLE[1..]), (count("39"), 0));
        assert_eq!(refuse(&"a".repeat(65)), (count("65"), 0));
        assert_eq!(refuse("ä0"), ("a thumbprint cannot hold `ä`".into(), 0));
        assert_eq!(refuse("AB\u{200E} CDX"), ("a thumbprint cannot hold `X`".into(), 8));
        assert_eq!(refuse("A\u{202A}"), (r"a thumbprint cannot hold `\u{202a}`".into(), 1));
    }

    #[test]
    fn is_the_digest_of_a_certificate() {
        // FIPS 180-4's example message.
        assert_eq!(Thumbprint::of(b"abc").to_string(), "A9993E364706816ABA3E25717850C26C9CD0D89D");
        assert!(Thumbprint::of(b"abc").is_of(b"abc") && Thumbprint::sha256_of(b"abc").is_of(b"abc"));
        assert!(!Thumbprint::of(b"abc").is_of(b"abd"));
        assert!(Thumbprint::sha256_of(b"abc").to_string().starts_with("BA7816BF8F01CFEA"));
    }

    #[test]
    fn is_a_text_in_json() {
        let thumbprint = Thumbprint::of(b"abc");
        let text = serde_json::to_string(&thumbprint).unwrap();
        assert_eq!(text, r#""A9993E364706816ABA3E25717850C26C9CD0D89D""#);
        assert_eq!(serde_json::from_str::<Thumbprint>(&text).unwrap(), thumbprint);
        assert!(serde_json::from_str::<Thumbprint>(r#""A9""#).is_err());
    }

    #[test]
    fn documents_and_their_schema_agree() {
        use crate::model::node::{Content, Scalar, Style};
        use crate::model::source::{Location, Sources};

        let file = Sources::default().add("a", "").unwrap();
        let at = Location { file, line: 1, column: 1, length: 1 };
        let schema = Thumbprint::json_schema(&mut SchemaGenerator::default());
        let judge = jsonschema::validator_for(schema.as_value()).unwrap();
        let numbers = "12".repeat(20);
        for (text, style, accepted) in [
            (EXAMPLE, Style::Plain, true),
            ("\u{200E}05 63 b8 63 0d 62 d7 5a bb c8 ab 1e 4b df b5 a8 99 b2 4d:43 ", Style::Quoted, true),
            (&*"aB".repeat(32), Style::Quoted, true),
            (&*numbers, Style::Plain, true),
            (&*"ab".repeat(31), Style::Quoted, false),
            ("", Style::Plain, false),
            ("x", Style::Plain, false),
        ] {
            let mut cx = Decoder::default();
            let node = Node { at, content: Content::Scalar(Scalar { text: text.into(), style }) };
            let read = Thumbprint::decode(&node, &mut cx);
            assert_eq!((read.is_some(), cx.diagnostics.has_errors()), (accepted, !accepted), "{text}");
            assert_eq!(judge.is_valid(&text.into()), accepted, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn display_parses_back(sha1: [u8; 20], sha256: [u8; 32]) {
            for thumbprint in [Thumbprint::Sha1(sha1), Thumbprint::Sha256(sha256)] {
                proptest::prop_assert_eq!(Thumbprint::parse(&thumbprint.to_string()), Ok(thumbprint));
            }
        }

        #[test]
        fn any_text_is_read_or_refused_with_a_place_in_it(text in ".{0,80}") {
            if let Err(error) = Thumbprint::parse(&text) {
                proptest::prop_assert!(text.is_char_boundary(error.offset));
            }
        }
    }
}

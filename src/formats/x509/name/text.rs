//! Names as text (RFC 4514): the last part of the encoding comes first.
//!
//! Read are also the quotes and semicolons of RFC 2253 and blanks around separators. A text of an unknown kind is written
//! as the text and not as the hex of its DER, which people could not read.

use std::fmt;

use super::{
    Attribute, AttributeType, AttributeValue, Bounds, DistinguishedName, NameError, RelativeName, attribute, encoding,
};

/// The most bytes a name may have as text.
const MOST_BYTES: usize = 256 * 1024;
const ESCAPABLE: &[u8] = b" \"#+,;<>=\\";

impl DistinguishedName {
    /// Reads a name of RFC 4514; the empty text is the empty name.
    ///
    /// # Errors
    /// What does not follow the grammar, an unknown kind of attribute, or a value beyond the limits of RFC 5280.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::read(text, Bounds::Enforced)
    }

    pub(in super::super) fn read(text: &str, bounds: Bounds) -> Result<Self, NameError> {
        if text.len() > MOST_BYTES {
            return Err(NameError::new(format!("the name has more than {MOST_BYTES} bytes"), MOST_BYTES));
        }
        let mut parser = Parser { text, at: 0, bounds };
        parser.skip_blanks();
        let mut parts = Vec::new();
        while !(parts.is_empty() && parser.peek().is_none()) {
            parts.push(parser.part()?);
            match parser.peek() {
                None => break,
                Some(_) => parser.at += 1,
            }
        }
        parts.reverse();
        Ok(Self(parts))
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    bounds: Bounds,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, NameError> {
        Err(NameError::new(message, self.at))
    }

    /// Reads up to a comma, a semicolon or the end.
    fn part(&mut self) -> Result<RelativeName, NameError> {
        self.skip_blanks();
        let begin = self.at;
        let mut attributes = vec![self.attribute()?];
        while self.peek() == Some(b'+') {
            self.at += 1;
            attributes.push(self.attribute()?);
        }
        RelativeName::new(attributes).map_err(|error| NameError::new(error.message, begin))
    }

    fn attribute(&mut self) -> Result<Attribute, NameError> {
        self.skip_blanks();
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-') {
            self.at += 1;
        }
        let name = self.text.get(begin..self.at).unwrap_or_default();
        self.skip_blanks();
        if name.is_empty() {
            return self.error("a kind of attribute is expected, such as CN");
        }
        if self.peek() != Some(b'=') {
            return self.error(format!("`=` is expected after {name:?}; a comma within a value is written `\\,`"));
        }
        let kind: AttributeType = name.parse().map_err(|error: NameError| NameError::new(error.message, begin))?;
        self.at += 1;
        self.skip_blanks();
        let begin = self.at;
        let value = match self.peek() {
            Some(b'#') => self.hex()?,
            Some(b'"') => AttributeValue::Text(self.quoted()?),
            _ => AttributeValue::Text(self.plain()?),
        };
        if let (AttributeValue::Text(text), Bounds::Enforced) = (&value, self.bounds) {
            attribute::check(kind, text).map_err(|message| NameError::new(message, begin))?;
        }
        Ok(Attribute { kind, value })
    }

    fn is_at_end(&self) -> bool {
        matches!(self.peek(), None | Some(b',' | b';' | b'+'))
    }

    fn hex(&mut self) -> Result<AttributeValue, NameError> {
        let begin = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        while let Some(byte) = self.hex_pair() {
            bytes.push(byte);
        }
        self.skip_blanks();
        if bytes.is_empty() || !self.is_at_end() {
            return self.error("`#` begins pairs of hex digits; a value that begins with it is written `\\#`");
        }
        encoding::value_from_der(&bytes).map_err(|error| NameError::new(error.message, begin))
    }

    fn hex_pair(&mut self) -> Option<u8> {
        let pair = self.text.get(self.at..self.at.checked_add(2)?)?;
        let is_hex = pair.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = u8::from_str_radix(pair, 16).ok().filter(|_| is_hex)?;
        self.at += 2;
        Some(byte)
    }

    fn quoted(&mut self) -> Result<String, NameError> {
        let begin = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            match self.peek() {
                None => return Err(NameError::new("the quote is not closed", begin)),
                Some(b'"') => break,
                Some(b'\\') => bytes.push(self.escaped()?),
                Some(byte) => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        self.skip_blanks();
        if !self.is_at_end() {
            return self.error("a comma is expected after the closing quote");
        }
        text(bytes, begin)
    }

    fn plain(&mut self) -> Result<String, NameError> {
        let begin = self.at;
        let mut bytes = Vec::new();
        let mut kept = 0;
        while !self.is_at_end() {
            match self.peek() {
                Some(b'\\') => {
                    bytes.push(self.escaped()?);
                    kept = bytes.len();
                }
                Some(byte @ (b'"' | b'<' | b'>' | 0)) => {
                    return self.error(format!("{:?} is written `\\{:02X}`", char::from(byte), byte));
                }
                Some(byte) => {
                    bytes.push(byte);
                    self.at += 1;
                    if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                        kept = bytes.len();
                    }
                }
                None => break,
            }
        }
        bytes.truncate(kept);
        text(bytes, begin)
    }

    fn escaped(&mut self) -> Result<u8, NameError> {
        let begin = self.at;
        self.at += 1;
        if let Some(byte) = self.hex_pair() {
            return Ok(byte);
        }
        match self.peek().filter(|byte| ESCAPABLE.contains(byte)) {
            Some(byte) => {
                self.at += 1;
                Ok(byte)
            }
            None => Err(NameError::new("`\\` stands before a special character or two hex digits", begin)),
        }
    }
}

fn text(bytes: Vec<u8>, begin: usize) -> Result<String, NameError> {
    String::from_utf8(bytes).map_err(|_| NameError::new("the escaped bytes are no UTF-8", begin))
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.rdns().iter().rev().enumerate() {
            if number > 0 {
                f.write_str(",")?;
            }
            part.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for RelativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, attribute) in self.attributes().iter().enumerate() {
            if number > 0 {
                f.write_str("+")?;
            }
            attribute.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind, self.value)
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Text(text) => text,
            Self::Encoded(der) => {
                f.write_str("#")?;
                return der.iter().try_for_each(|byte| write!(f, "{byte:02x}"));
            }
        };
        let last = text.chars().count().saturating_sub(1);
        for (number, character) in text.chars().enumerate() {
            match character {
                '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{character}")?,
                ' ' if number == 0 || number == last => f.write_str("\\ ")?,
                '#' if number == 0 => f.write_str("\\#")?,
                '\0'..='\x1f' | '\x7f' => write!(f, "\\{:02X}", u32::from(character))?,
                _ => write!(f, "{character}")?,
            }
        }
        Ok(())
    }
}

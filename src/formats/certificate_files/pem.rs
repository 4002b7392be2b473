//! PEM: blocks of base64 under a label, among any other text. Knows nothing of what a block holds.
//!
//! Source: RFC 7468; headers inside a block, as old keys have them, RFC 1421 §4.4.

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const COLUMNS: usize = 64;

/// One block of a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Block {
    pub label: String,
    pub der: Zeroizing<Vec<u8>>,
    /// Where the block begins and ends in the text, in bytes.
    pub start: usize,
    pub end: usize,
    /// The line of its beginning, counted from 1.
    pub line: usize,
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({} at line {}, {} bytes)", self.label, self.line, self.der.len())
    }
}

/// Why a text's blocks cannot be read; lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    #[error("line {line}: the block `{label}` does not end")]
    Unclosed { line: usize, label: String },
    #[error("line {line}: a block ends that did not begin")]
    Stray { line: usize },
    #[error("line {line}: the block `{label}` ends as `{end}`")]
    OtherLabel { line: usize, label: String, end: String },
    #[error("line {line}: this is not base64")]
    NotBase64 { line: usize },
    #[error("line {line}: the base64 of the block ends too early or is padded wrongly")]
    Cut { line: usize },
}

/// Writes a block with lines of 64 characters, each ended by LF.
pub fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(Base64::encode_string(der));
    // Enough from the start, so that no copy is left behind by growing.
    let mut out = Zeroizing::new(String::with_capacity(text.len() + text.len() / COLUMNS + 2 * label.len() + 40));
    for part in [BEGIN, label, DASHES, "\n"] {
        out.push_str(part);
    }
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at_checked(COLUMNS).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = next;
    }
    for part in [END, label, DASHES, "\n"] {
        out.push_str(part);
    }
    out
}

/// Whether a block seems to begin somewhere.
pub fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// The labels of the blocks that begin, with their lines, whether they can be read or not.
pub fn labels(text: &str) -> impl Iterator<Item = (usize, &str)> {
    lines(text).filter_map(|(number, _, line)| Some((number, label(line, BEGIN)?)))
}

/// Reads every block; text around them, indentation and CRLF do not matter.
///
/// # Errors
/// A block does not end, or its base64 is not exact.
pub fn decode(text: &str) -> Result<Vec<Block>, PemError> {
    let mut blocks = Vec::new();
    let mut open: Option<Open<'_>> = None;
    for (number, start, line) in lines(text) {
        let begins = label(line, BEGIN);
        match (open.as_mut(), begins, label(line, END)) {
            (None, Some(label), _) => open = Some(Open::new(label, number, start, text.len() - start)),
            (Some(open), Some(_), _) => return Err(open.unclosed()),
            (None, None, Some(_)) => return Err(PemError::Stray { line: number }),
            (Some(_), None, Some(end)) => {
                let end_offset = start + line.len();
                if let Some(open) = open.take() {
                    blocks.push(open.close(end, number, end_offset)?);
                }
            }
            (Some(open), None, None) => open.push(number, line)?,
            (None, None, None) => {}
        }
    }
    match open {
        Some(open) => Err(open.unclosed()),
        None => Ok(blocks),
    }
}

/// Reads base64 that may be broken into lines; `first_line` is what its first line is counted as.
///
/// # Errors
/// Another character, or padding that is not exact.
pub fn decode_base64(text: &str, first_line: usize) -> Result<Zeroizing<Vec<u8>>, PemError> {
    let mut digits = Zeroizing::new(String::with_capacity(text.len()));
    let mut last = first_line;
    for (number, _, line) in lines(text) {
        last = first_line + number - 1;
        push_digits(&mut digits, line).map_err(|()| PemError::NotBase64 { line: last })?;
    }
    bytes_of(&digits).ok_or(PemError::Cut { line: last })
}

/// A block whose end was not met yet.
struct Open<'a> {
    label: &'a str,
    line: usize,
    start: usize,
    digits: Zeroizing<String>,
    body: Body,
}

/// What the next line of a block may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    /// The first line: a header or base64.
    Start,
    /// After a header: another, the rest of it, or the empty line that ends them.
    Headers,
    Digits,
}

impl<'a> Open<'a> {
    fn new(label: &'a str, line: usize, start: usize, most: usize) -> Self {
        let digits = Zeroizing::new(String::with_capacity(most));
        Self { label, line, start, digits, body: Body::Start }
    }

    fn push(&mut self, number: usize, line: &str) -> Result<(), PemError> {
        self.body = match (self.body, line.is_empty()) {
            (Body::Start, _) if line.contains(':') => Body::Headers,
            (Body::Headers, false) => Body::Headers,
            _ => Body::Digits,
        };
        if self.body == Body::Headers {
            return Ok(());
        }
        push_digits(&mut self.digits, line).map_err(|()| PemError::NotBase64 { line: number })
    }

    fn close(self, end: &str, line: usize, end_offset: usize) -> Result<Block, PemError> {
        if end != self.label {
            return Err(PemError::OtherLabel { line, label: self.label.to_owned(), end: end.to_owned() });
        }
        let der = bytes_of(&self.digits).ok_or(PemError::Cut { line })?;
        Ok(Block { label: self.label.to_owned(), der, start: self.start, end: end_offset, line: self.line })
    }

    fn unclosed(&self) -> PemError {
        PemError::Unclosed { line: self.line, label: self.label.to_owned() }
    }
}

/// Each line with its number from 1, the offset of its first character that shows, and without blanks around it.
fn lines(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    let mut offset = 0;
    text.split('\n').enumerate().map(move |(index, line)| {
        let blank = |c: char| c.is_whitespace() || c == '\u{FEFF}';
        let from_start = line.trim_start_matches(blank);
        let start = offset + line.len() - from_start.len();
        offset += line.len() + 1;
        (index + 1, start, from_start.trim_end_matches(blank))
    })
}

fn label<'a>(line: &'a str, head: &str) -> Option<&'a str> {
    line.strip_prefix(head)?.strip_suffix(DASHES)
}

fn push_digits(digits: &mut String, line: &str) -> Result<(), ()> {
    for c in line.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=') {
            digits.push(c);
        } else if !c.is_whitespace() {
            return Err(());
        }
    }
    Ok(())
}

fn bytes_of(digits: &str) -> Option<Zeroizing<Vec<u8>>> {
    if digits.is_empty() {
        return None;
    }
    let mut bytes = Zeroizing::new(vec![0; digits.len() / 4 * 3 + 3]);
    let length = Base64::decode(digits, &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_lines_of_64() {
        insta::assert_snapshot!(&*encode("CERTIFICATE", &[0xFF; 50]), @r"
        -----BEGIN CERTIFICATE-----
        ////////////////////////////////////////////////////////////////
        //8=
        -----END CERTIFICATE-----
        ");
        assert_eq!(&*encode("X", &[0; 48]).lines().map(str::len).collect::<Vec<_>>(), [17, 64, 15]);
    }

    #[test]
    fn blocks_are_found_among_other_text() {
        let text = "\u{FEFF}subject=CN = a\r\n  -----BEGIN A-----\r\n\tAQID\r\n\r\n BA==\r\n  -----END A-----  \r\nmore\n\
                    -----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,\n 00\n\nBQ==\n\
                    -----END RSA PRIVATE KEY-----";
        let blocks = decode(text).unwrap();
        let shown: Vec<_> = blocks.iter().map(|block| (block.label.as_str(), block.line, &**block.der)).collect();
        assert_eq!(shown, [("A", 2, &[1u8, 2, 3, 4][..]), ("RSA PRIVATE KEY", 8, &[5])]);
        for block in &blocks {
            let cut = &text[block.start..block.end];
            assert!(cut.starts_with("-----BEGIN ") && cut.ends_with(&format!("{}-----", block.label)), "{cut:?}");
        }
        assert_eq!(labels(text).collect::<Vec<_>>(), [(2, "A"), (8, "RSA PRIVATE KEY")]);
        assert_eq!(decode("no block").unwrap(), []);
    }

    #[test]
    fn what_is_wrong_names_its_line() {
        let (begin, end) = ("-----BEGIN A-----\n", "-----END A-----\n");
        for (text, error) in [
            (format!("x\n{begin}AQID\n"), PemError::Unclosed { line: 2, label: "A".into() }),
            (format!("{begin}AQID\n{begin}{end}"), PemError::Unclosed { line: 1, label: "A".into() }),
            (format!("x\n{end}"), PemError::Stray { line: 2 }),
            (
                format!("{begin}AQID\n-----END B-----"),
                PemError::OtherLabel { line: 3, label: "A".into(), end: "B".into() },
            ),
            (format!("{begin}AQID\nA*==\n{end}"), PemError::NotBase64 { line: 3 }),
            (format!("{begin}AQID\nAQ\n{end}"), PemError::Cut { line: 4 }),
            (format!("{begin}AQ==AQID\n{end}"), PemError::Cut { line: 3 }),
            (format!("{begin}AR==\n{end}"), PemError::Cut { line: 3 }),
            (format!("{begin}{end}"), PemError::Cut { line: 2 }),
        ] {
            assert_eq!(decode(&text), Err(error), "{text:?}");
        }
        assert_eq!(decode_base64("AQID\nB\u{e4}==", 1), Err(PemError::NotBase64 { line: 2 }));
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_decodes(label in "[A-Z0-9]([A-Z0-9 ]{0,20}[A-Z0-9])?", der in proptest::collection::vec(proptest::prelude::any::<u8>(), 1..300)) {
            let text = encode(&label, &der);
            let blocks = decode(&format!("before\r\n{}after", &*text.replace('\n', "\r\n"))).unwrap();
            proptest::prop_assert_eq!(blocks.len(), 1);
            proptest::prop_assert_eq!((&blocks[0].label, &*blocks[0].der), (&label, &der));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "((-----(BEGIN|END) [A-C]{1,2}-----|[A-Za-z+/= :]{0,9}|\\PC{0,4})(\n|\r\n)){0,8}") {
            let _ = decode(&text);
        }
    }
}

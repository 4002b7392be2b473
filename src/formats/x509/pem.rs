//! PEM: blocks of base64 between `BEGIN` and `END` lines (RFC 7468), wherever they stand in a text.
//!
//! Base64 is decoded in constant time, since a block may be a key; nothing of a block's content is in an error.

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const COLUMNS: usize = 64;

/// One block of a text.
#[derive(Clone, PartialEq, Eq)]
pub struct PemBlock {
    /// What the block is said to be: `CERTIFICATE`, `PRIVATE KEY` …
    pub label: String,
    /// Whether it is encrypted in the old way (`Proc-Type: 4,ENCRYPTED`, RFC 1421).
    pub is_encrypted: bool,
    /// What it holds; empty when it is encrypted in the old way.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// Why a block can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    #[error("the PEM block of line {line} has no end")]
    Open { line: usize },
    #[error("the PEM block of line {line} is not base64")]
    Base64 { line: usize },
}

impl std::fmt::Debug for PemBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PemBlock({:?}, …)", self.label)
    }
}

/// Reads every block of a text; what stands between blocks is passed over.
///
/// # Errors
/// The first block without an end, or whose content is no base64.
pub fn pem_blocks(text: &str) -> Result<Vec<PemBlock>, PemError> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let label = line.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES));
        let Some(label) = label else { continue };
        let line = number + 1;
        let mut is_encrypted = false;
        let mut body = Zeroizing::new(String::with_capacity(text.len()));
        loop {
            let Some((_, content)) = lines.next() else { return Err(PemError::Open { line }) };
            let content = content.trim();
            if content.starts_with(END) {
                break;
            }
            if let Some((header, value)) = content.split_once(':') {
                is_encrypted |= header == "Proc-Type" && value.contains("ENCRYPTED");
            } else {
                body.extend(content.chars().filter(|character| !character.is_whitespace()));
            }
        }
        let bytes =
            if is_encrypted { Vec::new() } else { Base64::decode_vec(&body).map_err(|_| PemError::Base64 { line })? };
        blocks.push(PemBlock { label: label.to_owned(), is_encrypted, bytes: Zeroizing::new(bytes) });
    }
    Ok(blocks)
}

/// Writes one block, with line feeds and 64 columns.
#[must_use]
pub fn to_pem(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(Base64::encode_string(bytes));
    let room = body.len() + body.len() / COLUMNS + 2 * label.len() + 64;
    let mut text = Zeroizing::new(String::with_capacity(room));
    text.extend([BEGIN, label, DASHES, "\n"]);
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at_checked(COLUMNS).unwrap_or((rest, ""));
        text.extend([line, "\n"]);
        rest = next;
    }
    text.extend([END, label, DASHES, "\n"]);
    text
}

//! Files of a document as bytes: what the reader must give, how bytes become text, and which file an include names.

use super::parse::line_and_column;
use crate::model::file::MAX_FILE_BYTES;
use crate::model::material::{LocalFile, Material, MaterialKind};

/// The largest file of a document, in bytes.
pub const MAX_FILE: usize = 16 << 20;

/// Why a file of more than [`MAX_FILE_BYTES`] is not put on a machine.
pub const TOO_LARGE: &str = "it has more than 16 MiB";

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What went wrong, without the file's name.
    pub message: String,
    pub hint: Option<String>,
}

/// Gives the document layer its files; it reads none itself.
pub trait FileReader {
    /// Reads a file by the name that the user or an `include` gave. A reader may stop after `limit` bytes and one more.
    ///
    /// # Errors
    /// Whatever keeps the file from being read.
    fn read(&mut self, name: &str, limit: usize) -> Result<Vec<u8>, ReadError>;

    /// Reads a file, or a folder with all that is below it, whose bytes are to lie on the machine.
    ///
    /// # Errors
    /// Whatever keeps it from being read.
    fn material(&mut self, name: &str, kind: MaterialKind) -> Result<Material, ReadError> {
        let refused = |message: &str| Err(ReadError { message: message.to_owned(), hint: None });
        let limit = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
        match kind {
            MaterialKind::Folder => refused("folders cannot be read here"),
            MaterialKind::File => match self.read(name, limit)? {
                bytes if bytes.len() > limit => refused(TOO_LARGE),
                bytes => Ok(Material::File(LocalFile::new(bytes))),
            },
        }
    }
}

/// Bytes that are no text of a document.
#[derive(Debug, PartialEq, Eq)]
pub enum TextError {
    TooLarge,
    Utf16,
    /// Not UTF-8 from this place on; `text` is what can be shown of it.
    NotUtf8 {
        line: u32,
        column: u32,
        text: String,
    },
}

/// The text of a file, without its byte order mark.
pub fn text_of(mut bytes: Vec<u8>) -> Result<String, TextError> {
    const BYTE_ORDER_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];
    if bytes.len() > MAX_FILE {
        return Err(TextError::TooLarge);
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(TextError::Utf16);
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let (line, column) = line_and_column(&String::from_utf8_lossy(before));
        TextError::NotUtf8 { line, column, text: String::from_utf8_lossy(error.as_bytes()).into_owned() }
    })
}

/// The name of the file that `including` means by `name`: relative to its own folder, without `.` and `..` where they can go.
pub fn resolve_name(including: &str, name: &str) -> String {
    let folder = including.rfind(['/', '\\']).and_then(|end| including.get(..=end)).unwrap_or_default();
    let whole = if is_absolute(name) { name.to_owned() } else { format!("{folder}{name}") };
    let separator = if whole.contains('/') || !whole.contains('\\') { '/' } else { '\\' };
    let (root, path) = split_root(&whole);
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("{root}{}", parts.join(&separator.to_string()))
}

fn is_absolute(name: &str) -> bool {
    !split_root(name).0.is_empty()
}

/// Splits `/`, `\\` or `C:\` from the rest.
fn split_root(name: &str) -> (&str, &str) {
    let slashes = name.len() - name.trim_start_matches(['/', '\\']).len();
    let drive = matches!(name.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
    name.split_at_checked(if drive { 3 } else { slashes }).unwrap_or((name, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_relative_to_their_file() {
        let cases = [
            ("site.yaml", "tls.yaml", "tls.yaml"),
            ("a/site.yaml", "baselines/tls.yaml", "a/baselines/tls.yaml"),
            ("a/b/site.yaml", "../tls.yaml", "a/tls.yaml"),
            ("site.yaml", "../tls.yaml", "../tls.yaml"),
            ("../site.yaml", "../tls.yaml", "../../tls.yaml"),
            ("a/site.yaml", "/etc/tls.yaml", "/etc/tls.yaml"),
            (r"C:\conf\site.yaml", r".\tls.yaml", r"C:\conf\tls.yaml"),
            (r"C:\conf\site.yaml", r"D:\tls.yaml", r"D:\tls.yaml"),
            (r"\\srv\share\site.yaml", "tls.yaml", r"\\srv\share\tls.yaml"),
        ];
        for (including, name, resolved) in cases {
            assert_eq!(resolve_name(including, name), resolved, "{name} in {including}");
        }
    }

    #[test]
    fn bytes_become_text_or_say_where_they_do_not() {
        assert_eq!(text_of(b"\xEF\xBB\xBFa: 1".to_vec()), Ok("a: 1".into()));
        assert_eq!(text_of(b"\xFF\xFEa\0".to_vec()), Err(TextError::Utf16));
        let refused = text_of(b"a: 1\r\nb: \xFC\n".to_vec());
        assert_eq!(refused, Err(TextError::NotUtf8 { line: 2, column: 4, text: "a: 1\r\nb: \u{FFFD}\n".into() }));
        assert_eq!(text_of(vec![b'a'; MAX_FILE + 1]), Err(TextError::TooLarge));
    }
}

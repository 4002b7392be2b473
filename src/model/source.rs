//! Where text stands: files as the user named them, and places in them. Reads nothing; columns and lengths count characters.

use std::fmt;
use std::sync::OnceLock;

/// The most files that one document may be made of.
pub const MAX_FILES: u16 = 512;

/// The number of a file in its [`Sources`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u16);

impl FileId {
    /// The file that stands at this place of [`Sources::names`].
    pub const fn at_index(index: u16) -> Self {
        Self(index)
    }

    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A stretch of one line of a file; line and column count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    pub file: FileId,
    pub line: u32,
    pub column: u32,
    /// In characters; a text that goes on in further lines ends here with its first.
    pub length: u32,
}

impl Location {
    /// The place `offset` characters further to the right, one character long.
    pub fn shifted(self, offset: u32) -> Self {
        Self { column: self.column.saturating_add(offset), length: 1, ..self }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    pub value: T,
    pub at: Location,
}

impl<T> Spanned<T> {
    pub const fn new(value: T, at: Location) -> Self {
        Self { value, at }
    }
}

impl<T: serde::Serialize> serde::Serialize for Spanned<T> {
    /// The value alone: a place is no part of it.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
    /// The bytes at which lines begin, made when first asked for.
    line_starts: OnceLock<Box<[u32]>>,
}

/// The files of a document: grows behind a shared reference, so that what was parsed may borrow from it.
#[derive(Clone, Debug)]
pub struct Sources {
    slots: Box<[OnceLock<Source>]>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { slots: (0..MAX_FILES).map(|_| OnceLock::new()).collect() }
    }
}

impl Sources {
    /// Takes a file in; `None` when [`MAX_FILES`] are there already.
    pub fn add(&self, name: impl Into<String>, text: impl Into<String>) -> Option<FileId> {
        let mut source = Source { name: name.into(), text: text.into(), line_starts: OnceLock::new() };
        for (id, slot) in (0..MAX_FILES).zip(&self.slots) {
            match slot.set(source) {
                Ok(()) => return Some(FileId(id)),
                Err(refused) => source = refused,
            }
        }
        None
    }

    fn source(&self, file: FileId) -> Option<&Source> {
        self.slots.get(usize::from(file.0))?.get()
    }

    /// The file's name as the user wrote it; empty for a file of other sources.
    pub fn name(&self, file: FileId) -> &str {
        self.source(file).map_or("", |source| &source.name)
    }

    pub fn text(&self, file: FileId) -> &str {
        self.source(file).map_or("", |source| &source.text)
    }

    /// The names of all files, in the order they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.iter().map_while(|slot| slot.get()).map(|source| &*source.name)
    }

    /// The line at which a place stands, without its line break.
    pub fn line(&self, at: Location) -> Option<&str> {
        let source = self.source(at.file)?;
        let starts = source.line_starts.get_or_init(|| line_starts(&source.text));
        let index = usize::try_from(at.line.checked_sub(1)?).ok()?;
        let offset = |index: usize| starts.get(index).and_then(|start| usize::try_from(*start).ok());
        let line = source.text.get(offset(index)?..offset(index + 1).unwrap_or(source.text.len()))?;
        Some(line.strip_suffix("\r\n").or(line.strip_suffix(['\n', '\r'])).unwrap_or(line))
    }

    /// A place as `file:line:column`.
    pub fn display(&self, at: Location) -> impl fmt::Display + '_ {
        fmt::from_fn(move |f| write!(f, "{}:{}:{}", self.name(at.file), at.line, at.column))
    }
}

/// Where lines begin, under the line breaks of YAML 1.2: LF, CR LF and CR.
fn line_starts(text: &str) -> Box<[u32]> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for (index, byte) in bytes.iter().enumerate() {
        let ends = *byte == b'\n' || (*byte == b'\r' && bytes.get(index + 1) != Some(&b'\n'));
        starts.extend(ends.then(|| u32::try_from(index + 1).ok()).flatten());
    }
    starts.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_any_break() {
        let sources = Sources::default();
        let file = sources.add("a", "x\r\ny\rz\n\nü").unwrap();
        let lines: Vec<_> = (1..7).map(|line| sources.line(Location { file, line, column: 1, length: 1 })).collect();
        assert_eq!(lines, [Some("x"), Some("y"), Some("z"), Some(""), Some("ü"), None]);
    }

    #[test]
    fn files_are_counted() {
        let sources = Sources::default();
        assert!((0..MAX_FILES).all(|_| sources.add("a", "").is_some()));
        assert_eq!(sources.add("b", ""), None);
    }
}

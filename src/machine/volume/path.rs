//! Paths on an offline volume: Windows spelling in, a checked list of names out.

use std::fmt;
use std::str::FromStr;

const MAX_NAME: usize = 255;
const MAX_PATH: usize = 32_767;
const MAX_DEPTH: usize = 128;

/// The path of a file or folder from the root of a volume; every name in it is one Windows allows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumePath {
    names: Vec<String>,
}

/// Why a text is not the path of a file on the volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VolumePathError {
    /// Nothing was given.
    #[error("the path is empty")]
    Empty,
    /// Longer than Windows allows.
    #[error("the path takes {length} UTF-16 units; the limit is {MAX_PATH}")]
    TooLong {
        /// UTF-16 units.
        length: usize,
    },
    /// More names than trueup walks.
    #[error("the path is {depth} names deep; the limit is {MAX_DEPTH}")]
    TooDeep {
        /// Names.
        depth: usize,
    },
    /// A name longer than Windows allows.
    #[error("a name in the path takes {length} UTF-16 units; the limit is {MAX_NAME}")]
    NameTooLong {
        /// UTF-16 units.
        length: usize,
    },
    /// Another drive than the volume's.
    #[error("the path is on drive {found}:, the volume is drive {expected}:")]
    OtherDrive {
        /// In the path.
        found: char,
        /// The volume's.
        expected: char,
    },
    /// A path on another machine, or a device.
    #[error("network and device paths are not on the volume")]
    NotLocal,
    /// `C:name`, which depends on a current folder.
    #[error("a path with a drive needs a backslash after the colon")]
    DriveRelative,
    /// `..`.
    #[error("`..` is not allowed in the path")]
    Parent,
    /// An environment variable other than the system's folders.
    #[error("%{name}% is not a folder of the system that an offline volume has")]
    UnknownVariable {
        /// Without the percent signs.
        name: String,
    },
    /// A character no name can have; a colon would be an alternate data stream.
    #[error("{character:?} is not allowed in the name {name:?}")]
    Character {
        /// The name.
        name: String,
        /// The character.
        character: char,
    },
    /// A name Windows does not keep as it is.
    #[error("the name {name:?} is reserved or ends in a dot or blank")]
    Reserved {
        /// The name.
        name: String,
    },
}

impl VolumePath {
    /// The root of the volume.
    #[must_use]
    pub const fn root() -> Self {
        Self { names: Vec::new() }
    }

    /// Reads a path as `FromStr` does, for a volume that is another drive than `C:`.
    ///
    /// # Errors
    /// The text is not a path on that drive.
    pub fn on_drive(text: &str, drive: char) -> Result<Self, VolumePathError> {
        let length = text.encode_utf16().count();
        if length > MAX_PATH {
            return Err(VolumePathError::TooLong { length });
        }
        if text.is_empty() {
            return Err(VolumePathError::Empty);
        }
        let (folder, rest) = split_start(text, drive)?;
        let mut names: Vec<String> = folder.iter().map(|name| (*name).to_owned()).collect();
        for name in rest.split(['\\', '/']).filter(|name| !name.is_empty() && *name != ".") {
            names.push(checked(name)?);
        }
        if names.len() > MAX_DEPTH {
            return Err(VolumePathError::TooDeep { depth: names.len() });
        }
        Ok(Self { names })
    }

    /// The path of `name` in this folder.
    ///
    /// # Errors
    /// The name is not one Windows allows, or lies too deep.
    pub fn join(&self, name: &str) -> Result<Self, VolumePathError> {
        if name.is_empty() {
            return Err(VolumePathError::Empty);
        }
        let joined = self.with(&checked(name)?);
        let depth = joined.names.len();
        if depth > MAX_DEPTH { Err(VolumePathError::TooDeep { depth }) } else { Ok(joined) }
    }

    /// Whether this is the root of the volume.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.names.is_empty()
    }

    /// The names from the root.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The last name; `None` for the root.
    #[must_use]
    pub fn last(&self) -> Option<&str> {
        self.names.last().map(String::as_str)
    }

    /// The names of the folders above it, from the root.
    pub(super) fn parents(&self) -> &[String] {
        self.names.split_last().map_or(&[], |(_, parents)| parents)
    }

    /// The folder it is in and its name; `None` for the root.
    pub fn split_last(&self) -> Option<(Self, &str)> {
        let (last, parents) = self.names.split_last()?;
        Some((Self { names: parents.to_vec() }, last))
    }

    /// The path of a name that was read from a folder, and so is not checked.
    pub fn with(&self, name: &str) -> Self {
        let mut names = self.names.clone();
        names.push(name.to_owned());
        Self { names }
    }
}

impl FromStr for VolumePath {
    type Err = VolumePathError;

    /// Reads `C:\…`, `\??\C:\…`, `%SystemRoot%\…`, `\SystemRoot\…`, `\…`, or names from the root; `/` is a separator too.
    fn from_str(text: &str) -> Result<Self, VolumePathError> {
        Self::on_drive(text, 'C')
    }
}

impl fmt::Display for VolumePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() { f.write_str("\\") } else { f.write_str(&self.names.join("\\")) }
    }
}

/// Whether Windows takes two names for one. Upper case is that of single characters: `ß` is not `SS`.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    a.chars().map(upper).eq(b.chars().map(upper))
}

/// The text by which names that Windows takes for one are found.
pub(super) fn folded(name: &str) -> String {
    name.chars().map(upper).collect()
}

fn upper(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => character,
    }
}

/// Folders that `%…%` stands for on a system installed the usual way.
const VARIABLES: [(&str, &[&str]); 10] = [
    ("SystemDrive", &[]),
    ("SystemRoot", &["Windows"]),
    ("windir", &["Windows"]),
    ("ProgramData", &["ProgramData"]),
    ("ALLUSERSPROFILE", &["ProgramData"]),
    ("ProgramFiles", &["Program Files"]),
    ("ProgramW6432", &["Program Files"]),
    ("ProgramFiles(x86)", &["Program Files (x86)"]),
    ("CommonProgramFiles", &["Program Files", "Common Files"]),
    ("PUBLIC", &["Users", "Public"]),
];

/// The kernel's name for the folder of Windows, as in the image paths of drivers.
const KERNEL_ROOT: &str = r"\SystemRoot";

/// Cuts off what stands before the names, and says which folder it means.
fn split_start(text: &str, drive: char) -> Result<(&'static [&'static str], &str), VolumePathError> {
    let is_separator = |character: Option<char>| matches!(character, None | Some('\\' | '/'));
    if let Some(rest) = text.strip_prefix('%') {
        let (name, rest) =
            rest.split_once('%').ok_or(VolumePathError::Character { name: text.to_owned(), character: '%' })?;
        let variable = VARIABLES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        return match variable {
            Some((_, folder)) if is_separator(rest.chars().next()) => Ok((folder, rest)),
            _ => Err(VolumePathError::UnknownVariable { name: name.to_owned() }),
        };
    }
    let native = [r"\??\", r"\\?\"].iter().find_map(|prefix| text.strip_prefix(prefix));
    let plain = native.unwrap_or(text);
    if let [letter, b':', ..] = plain.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        let rest = plain.get(2..).unwrap_or_default();
        return if !char::from(*letter).eq_ignore_ascii_case(&drive) {
            let found = char::from(letter.to_ascii_uppercase());
            Err(VolumePathError::OtherDrive { found, expected: drive.to_ascii_uppercase() })
        } else if rest.starts_with(['\\', '/']) {
            Ok((&[], rest))
        } else {
            Err(VolumePathError::DriveRelative)
        };
    }
    if native.is_some() || text.starts_with(r"\\") || text.starts_with("//") {
        return Err(VolumePathError::NotLocal);
    }
    if text.get(..KERNEL_ROOT.len()).is_some_and(|start| start.eq_ignore_ascii_case(KERNEL_ROOT)) {
        let rest = text.get(KERNEL_ROOT.len()..).unwrap_or_default();
        if is_separator(rest.chars().next()) {
            return Ok((&["Windows"], rest));
        }
    }
    Ok((&[], text))
}

fn checked(name: &str) -> Result<String, VolumePathError> {
    if name == ".." {
        return Err(VolumePathError::Parent);
    }
    let length = name.encode_utf16().count();
    if length > MAX_NAME {
        return Err(VolumePathError::NameTooLong { length });
    }
    let forbidden = |character: &char| character.is_ascii_control() || "<>:\"|?*\\/".contains(*character);
    if let Some(character) = name.chars().find(forbidden) {
        return Err(VolumePathError::Character { name: name.to_owned(), character });
    }
    if name.ends_with(['.', ' ']) || is_device(name) {
        return Err(VolumePathError::Reserved { name: name.to_owned() });
    }
    Ok(name.to_owned())
}

/// Names that mean a device, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let is_plain =
        ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].iter().any(|device| stem.eq_ignore_ascii_case(device));
    let is_port = matches!(stem.as_bytes(), [port @ .., b'1'..=b'9']
        if port.eq_ignore_ascii_case(b"COM") || port.eq_ignore_ascii_case(b"LPT"));
    is_plain || is_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        use VolumePathError::*;
        let character = |name: &str, character| Err(Character { name: name.into(), character });
        let reserved = |name: &str| Err(Reserved { name: name.into() });
        let cases: Vec<(&str, Result<&str, VolumePathError>)> = vec![
            (r"C:\Windows\System32\config\SYSTEM", Ok(r"Windows\System32\config\SYSTEM")),
            (r"c:/Windows//System32/./drivers\", Ok(r"Windows\System32\drivers")),
            (r"\??\C:\Windows", Ok("Windows")),
            (r"\\?\C:\Windows", Ok("Windows")),
            (r"%systemroot%\System32", Ok(r"Windows\System32")),
            (r"%ProgramFiles(x86)%\x", Ok(r"Program Files (x86)\x")),
            (r"%SystemDrive%\", Ok(r"\")),
            (r"\SystemRoot\System32", Ok(r"Windows\System32")),
            (r"\SystemRooted", Ok("SystemRooted")),
            ("Windows/System32", Ok(r"Windows\System32")),
            (r"C:\", Ok(r"\")),
            ("100%", Ok("100%")),
            ("COM10", Ok("COM10")),
            ("", Err(Empty)),
            (r"D:\x", Err(OtherDrive { found: 'D', expected: 'C' })),
            ("C:x", Err(DriveRelative)),
            ("C:", Err(DriveRelative)),
            (r"\\server\share", Err(NotLocal)),
            (r"\\?\UNC\server\share", Err(NotLocal)),
            (r"\\.\PhysicalDrive0", Err(NotLocal)),
            (r"C:\a\..\b", Err(Parent)),
            (r"%TEMP%\x", Err(UnknownVariable { name: "TEMP".into() })),
            (r"%SystemRoot%32", Err(UnknownVariable { name: "SystemRoot".into() })),
            ("%x", character("%x", '%')),
            (r"C:\a.txt:stream", character("a.txt:stream", ':')),
            ("a\0b", character("a\0b", '\0')),
            ("a*", character("a*", '*')),
            ("a.", reserved("a.")),
            ("a ", reserved("a ")),
            ("...", reserved("...")),
            ("nul", reserved("nul")),
            ("Com1.txt", reserved("Com1.txt")),
        ];
        for (text, expected) in cases {
            let found = text.parse::<VolumePath>().map(|path| path.to_string());
            assert_eq!(found, expected.map(str::to_owned), "{text}");
        }
        assert_eq!("a/".repeat(129).parse::<VolumePath>(), Err(TooDeep { depth: 129 }));
        assert_eq!("a".repeat(256).parse::<VolumePath>(), Err(NameTooLong { length: 256 }));
        assert_eq!("a".repeat(32_768).parse::<VolumePath>(), Err(TooLong { length: 32_768 }));
        assert_eq!(VolumePath::on_drive(r"d:\x", 'D').unwrap().to_string(), "x");
        assert_eq!(VolumePath::root().join(r"a\b"), character(r"a\b", '\\').map(|_: &str| VolumePath::root()));
    }

    #[test]
    fn names_that_are_one_to_windows() {
        for (a, b, same) in
            [("SYSTEM", "system", true), ("Ä", "ä", true), ("ß", "SS", false), ("ß", "ß", true), ("a", "ab", false)]
        {
            assert_eq!(same_name(a, b), same, "{a} {b}");
        }
    }
}

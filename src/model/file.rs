//! A file's path on a Windows machine, what can be asked about a file, and what a fact says of it.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::decode::{Decode, Decoder};
use super::diagnostic::Diagnostic;
use super::fact::hex_bytes;
use super::file_tree::TreeEntry;
use super::fingerprint::Fingerprint;
use super::node::Node;
use super::registry_data::{hex, unhex};
use super::secret::SecretReference;
use crate::formats::edit::{Selector, Value};
use crate::formats::upcase;
use crate::formats::x509::PublicKey;

/// The most UTF-16 units of a path.
const MAX_PATH: usize = 32_767;

/// The most bytes of a file that a plan looks at.
pub const MAX_FILE_BYTES: u64 = 16 << 20;

/// An absolute path such as `C:\ProgramData\x.pem` or `%ProgramData%\x.pem`; equal without case.
#[derive(Clone)]
pub struct FilePath {
    text: Box<str>,
    folded: Box<str>,
}

/// Why a text is not the path of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilePathError(pub String);

impl FilePath {
    /// Reads a path; slashes count as backslashes, repeated ones as one.
    ///
    /// # Errors
    /// It is not absolute, or holds a name that Windows does not allow.
    pub fn parse(text: &str) -> Result<Self, FilePathError> {
        let fail = |message: &str| Err(FilePathError(message.to_owned()));
        if text.encode_utf16().count() > MAX_PATH {
            return Err(FilePathError(format!("the path is longer than {MAX_PATH} characters")));
        }
        let text = text.replace('/', "\\");
        if text.starts_with("\\\\") {
            return fail("network and device paths are not files of this machine");
        }
        let mut names = text.split('\\').filter(|name| !name.is_empty());
        let Some(start) = names.next().filter(|start| is_start(start)) else {
            return fail(
                "the path is not absolute: it begins with a drive, as in C:\\, or with a name such as %ProgramData%",
            );
        };
        let mut path = start.to_owned();
        for name in names {
            if matches!(name, "." | "..") {
                return fail("`.` and `..` are not allowed in the path");
            }
            if let Some(bad) = name.chars().find(|c| c.is_control() || "<>:\"|?*".contains(*c)) {
                return Err(FilePathError(format!("{bad:?} is not allowed in the name {name:?}")));
            }
            if name.ends_with(['.', ' ']) {
                return Err(FilePathError(format!("the name {name:?} ends in a dot or blank, which Windows drops")));
            }
            path.push('\\');
            path.push_str(name);
        }
        Ok(Self::made(path))
    }

    fn made(text: String) -> Self {
        Self { folded: upcase::fold(&text).into(), text: text.into() }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text by which equal paths are found.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The place that the path has on a system which is installed the usual way: two spellings of one file come to one.
    #[must_use]
    pub fn usual_place(&self) -> Self {
        const PLACES: [(&str, &str); 10] = [
            ("%SYSTEMDRIVE%", "C:"),
            ("%SYSTEMROOT%", "C:\\Windows"),
            ("%WINDIR%", "C:\\Windows"),
            ("%PROGRAMDATA%", "C:\\ProgramData"),
            ("%ALLUSERSPROFILE%", "C:\\ProgramData"),
            ("%PROGRAMFILES%", "C:\\Program Files"),
            ("%PROGRAMW6432%", "C:\\Program Files"),
            ("%COMMONPROGRAMFILES%", "C:\\Program Files\\Common Files"),
            ("%PUBLIC%", "C:\\Users\\Public"),
            ("%PROGRAMFILES(X86)%", "C:\\Program Files (x86)"),
        ];
        let known = PLACES.iter().find_map(|(name, place)| Some((place, self.folded.strip_prefix(name)?)));
        known.map_or_else(|| self.clone(), |(place, rest)| Self::made(format!("{place}{rest}")))
    }

    /// Whether the path lies in a folder, or in a folder in it.
    pub fn is_below(&self, folder: &Self) -> bool {
        std::iter::successors(self.parent(), Self::parent).any(|above| above == *folder)
    }

    /// The last name.
    pub fn name(&self) -> &str {
        self.text.rsplit('\\').next().unwrap_or_default()
    }

    /// The folder that it lies in; `None` for a drive or a named folder.
    pub fn parent(&self) -> Option<Self> {
        // Folding changes no backslash, and makes none.
        let ((text, _), (folded, _)) = (self.text.rsplit_once('\\')?, self.folded.rsplit_once('\\')?);
        Some(Self { text: text.into(), folded: folded.into() })
    }

    /// The path of a name in this folder.
    ///
    /// # Errors
    /// The name is not one that Windows allows.
    pub fn child(&self, name: &str) -> Result<Self, FilePathError> {
        Self::parse(&format!("{}\\{name}", self.text))
    }

    /// The path with `.number` behind its name: a numbered copy.
    #[must_use]
    pub fn numbered(&self, number: usize) -> Self {
        Self::made(format!("{}.{number}", self.text))
    }
}

fn is_start(text: &str) -> bool {
    let is_drive = matches!(text.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic());
    let variable = text.strip_prefix('%').and_then(|rest| rest.strip_suffix('%'));
    is_drive || variable.is_some_and(|name| !name.is_empty() && !name.contains(['%', '=']))
}

impl PartialEq for FilePath {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for FilePath {}

impl Hash for FilePath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl PartialOrd for FilePath {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FilePath {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilePath({})", self.text)
    }
}

impl Serialize for FilePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for FilePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'de, str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Decode for FilePath {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let text = cx.text(node)?;
        Self::parse(text)
            .map_err(|error| cx.push(Diagnostic::error("document.bad_path", error.to_string()).at(node.at)))
            .ok()
    }
}

impl JsonSchema for FilePath {
    fn schema_name() -> Cow<'static, str> {
        "FilePath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^([A-Za-z]:|%[^%=]+%|\$\{)",
            "description": "An absolute path on the Windows machine; it may begin with a name such as %ProgramData%.",
            "examples": ["C:\\ProgramData\\Vendor\\server.pem"],
        })
    }
}

/// How a file is looked at. What is secret never becomes a fact: of a private key only the public part does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileAspect {
    /// Its bytes, which are no secret.
    Content,
    /// The certificates in it, in whatever form an authority sends them.
    Certificates,
    /// Whether it is there, and the names in it when it is a folder.
    Names,
    /// The public part of the private key that it holds as PEM.
    Key,
    /// The certificates in a PFX file, and the public part of its key.
    Pfx { password: SecretReference },
    /// Whether it is there; its content may be a secret of any kind.
    Sealed,
    /// As [`FileAspect::Sealed`], to be compared with a secret that is a text.
    SealedText,
    /// Its size and digest, for many files that mostly are what they should be.
    Digest,
    /// All that is below it when it is a folder.
    Tree,
    /// What stands at a place inside it, which may be a secret.
    Value { selector: Selector, sealed: bool },
}

/// Whether a file is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Not there; so many of the folders above it are not there either.
    Absent {
        missing_folders: usize,
    },
    Present(FileFact),
}

impl FileState {
    pub const fn present(&self) -> Option<&FileFact> {
        match self {
            Self::Present(fact) => Some(fact),
            Self::Absent { .. } => None,
        }
    }
}

/// A file as found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    pub holds: FileHolds,
    /// Whether only its owner may read it; `None` where the machine cannot tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_only: Option<bool>,
    /// Of its bytes, or of the value that was asked for, under the key of the record; it stays with the process that made it.
    #[serde(skip)]
    pub print: Option<Fingerprint>,
}

/// What is said of a file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileHolds {
    Bytes(#[serde(with = "hex_bytes")] Arc<[u8]>),
    /// The names in a folder, sorted.
    Names(Vec<Box<str>>),
    Certificates(CertificatesFact),
    Key(PublicKey),
    Pfx(PfxFact),
    /// A secret of which nothing is said.
    Sealed,
    Digest {
        /// In bytes.
        size: u64,
        sha256: ContentDigest,
    },
    /// It is a folder.
    Folder,
    /// What is below a folder.
    Tree(Vec<TreeEntry>),
    /// What stands at the place that was asked for; `None` where nothing does.
    Value(Option<Value>),
    /// Nothing stands at the place that was asked for, nor can anything be put there; why.
    NoPlace(Box<str>),
    /// It is there and is not what was looked for; why.
    Unusable(Box<str>),
}

/// The certificates of a file in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificatesFact {
    pub certificates: Vec<Der>,
    pub encoding: CertificateEncoding,
}

/// What stands at a path, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileDigest {
    /// Not there; so many of the folders above it are not there either.
    Absent {
        missing_folders: usize,
    },
    Folder,
    File {
        /// In bytes.
        size: u64,
        sha256: ContentDigest,
        /// Whether only its owner may read it; `None` where the machine cannot tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner_only: Option<bool>,
    },
}

/// The SHA-256 of a file's bytes; hex in JSON. Anybody can make it of a guess, so it is nothing to say of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentDigest(pub [u8; 32]);

impl ContentDigest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        unhex(text)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentDigest({self})")
    }
}

impl Serialize for ContentDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentDigest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a SHA-256 has 64 hex digits"))
    }
}

/// How a file holds its certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateEncoding {
    Pem,
    Der,
    Pkcs7,
}

/// What a PFX file holds, as far as it is no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PfxFact {
    pub certificates: Vec<Der>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
}

impl FileFact {
    pub fn bytes(&self) -> Option<&Arc<[u8]>> {
        match &self.holds {
            FileHolds::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Public bytes in DER: a certificate, a request or a revocation list. Hex in JSON.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Der(#[serde(with = "hex_bytes")] pub Arc<[u8]>);

impl fmt::Debug for Der {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Der({} bytes)", self.0.len())
    }
}

impl From<Vec<u8>> for Der {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_windows_writes_them() {
        let cases = [
            (r"C:\a\b.pem", r"C:\a\b.pem", Some(r"C:\a")),
            ("c:/a//b/", r"c:\a\b", Some(r"c:\a")),
            (r"%ProgramData%\x", r"%ProgramData%\x", Some("%ProgramData%")),
            ("D:", "D:", None),
        ];
        for (text, shown, parent) in cases {
            let path = FilePath::parse(text).unwrap();
            assert_eq!((path.as_str(), path.parent().as_ref().map(FilePath::as_str)), (shown, parent), "{text}");
        }
        assert_eq!(FilePath::parse(r"C:\A").unwrap(), FilePath::parse(r"c:\a").unwrap());
        for text in ["", "a", r"\a", r"\\srv\x", r"C:\..\x", r"C:\a|b", r"C:\a. ", "C:x", r"%%\x", r"C:\x:y"] {
            assert!(FilePath::parse(text).is_err(), "{text}");
        }
    }
}

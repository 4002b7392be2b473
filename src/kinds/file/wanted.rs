//! What a document wants of a file or folder: checked, typed, every part with its place.

use std::fmt;
use std::sync::Arc;

use crate::formats::edit::{Selector, Value};
use crate::kinds::registry::WantedSecurity;
use crate::model::common::{Common, Ensure};
use crate::model::file::FilePath;
use crate::model::material::LocalFile;
use crate::model::secret::SecretReference;
use crate::model::source::{Location, Spanned};

/// One entry of the `files` section.
#[derive(Clone, Debug)]
pub struct WantedEntry {
    pub name: Box<str>,
    pub at: Location,
    pub path: Spanned<FilePath>,
    pub common: Common,
    pub content: WantedContent,
    pub security: Option<Spanned<WantedSecurity>>,
}

/// What should stand at the path.
#[derive(Clone, Debug)]
pub enum WantedContent {
    /// Whatever stands there.
    Any,
    Bytes(LocalFile),
    Secret(SecretReference),
    Folder,
    Tree(WantedTree),
    Values {
        values: Vec<WantedValue>,
        /// Whether a file that is not there is made.
        create: bool,
    },
}

/// A folder with all that is below it.
#[derive(Clone, Debug)]
pub struct WantedTree {
    /// A folder comes before what is in it.
    pub items: Arc<[TreeItem]>,
    /// Remove what is below the folder and not named.
    pub exclusive: bool,
    /// List what is there and not named.
    pub report_unmanaged: bool,
}

/// One file or folder of a tree.
#[derive(Clone, Debug)]
pub struct TreeItem {
    /// From the tree's folder.
    pub name: Box<str>,
    pub path: FilePath,
    /// `None` for a folder.
    pub file: Option<LocalFile>,
}

/// One value inside a file.
#[derive(Clone, Debug)]
pub struct WantedValue {
    pub selector: Selector,
    pub at: Location,
    pub data: WantedData,
}

/// What should stand at a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedData {
    Absent,
    Value(Value),
    Secret(SecretReference),
}

/// The part that stands for who may do what with a file.
pub const SECURITY_PART: &str = "security";

impl WantedEntry {
    pub const fn is_present(&self) -> bool {
        matches!(self.common.ensure, Ensure::Present)
    }

    /// Whether a folder is to stand at the path.
    pub const fn is_folder(&self) -> bool {
        matches!(self.content, WantedContent::Folder | WantedContent::Tree(_))
    }
}

impl fmt::Display for WantedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("present"),
            Self::Bytes(file) => file_words(f, file),
            Self::Secret(reference) => write!(f, "(secret from {reference})"),
            Self::Folder => f.write_str("folder"),
            Self::Tree(tree) => write!(f, "folder{}", if tree.exclusive { ", nothing else in it" } else { "" }),
            Self::Values { create, .. } => f.write_str(if *create { "present, made where missing" } else { "present" }),
        }
    }
}

/// A content in words: what tells it from others, and none of it.
pub fn file_words(f: &mut fmt::Formatter<'_>, file: &LocalFile) -> fmt::Result {
    write!(f, "{} bytes, SHA-256 {}", file.size(), file.digest())
}

impl fmt::Display for TreeItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => file_words(f, file),
            None => f.write_str("folder"),
        }
    }
}

impl fmt::Display for WantedData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Value(value) => value.fmt(f),
            Self::Secret(reference) => write!(f, "(secret from {reference})"),
        }
    }
}

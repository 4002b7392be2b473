//! Everything below a folder, by relative paths: what a machine says of a folder that is owned as a whole.

use serde::{Deserialize, Serialize};

use crate::formats::upcase;

/// What was found where a folder was looked for with all that is below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tree {
    /// Not there; so many of the folders above it are not there either.
    Absent { missing_folders: usize },
    /// A file stands there.
    File,
    /// A folder comes before what is in it; in a folder, names are in the order of their upper case.
    Folder(Vec<TreeEntry>),
}

/// One file or folder of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeEntry {
    /// From the tree's folder, with backslashes, in the spelling of the machine.
    pub path: Box<str>,
    pub kind: TreeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TreeKind {
    File,
    Folder,
    /// A link; what it leads to is not looked at.
    Link,
    /// A pipe, a socket or a device.
    Other,
}

/// How much of a tree is looked at; a larger one is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeLimits {
    /// The most files and folders.
    pub entries: usize,
    /// The most names of a relative path.
    pub depth: usize,
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self { entries: 100_000, depth: 64 }
    }
}

/// Why a tree was not looked at to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeLimit {
    #[error("more than {0} files and folders are below it")]
    Entries(usize),
    #[error("folders nest more than {0} deep below it")]
    Depth(usize),
}

/// A tree while it is walked, folder by folder.
#[derive(Debug)]
pub struct TreeBuilder {
    limits: TreeLimits,
    found: Vec<TreeEntry>,
}

impl TreeBuilder {
    pub const fn new(limits: TreeLimits) -> Self {
        Self { limits, found: Vec::new() }
    }

    /// How many more files and folders may come.
    pub fn room(&self) -> usize {
        self.limits.entries.saturating_sub(self.found.len())
    }

    /// Refuses a folder with more names than there is room for.
    ///
    /// # Errors
    /// It has more.
    pub fn require_room(&self, names: usize) -> Result<(), TreeLimit> {
        if names > self.room() { Err(TreeLimit::Entries(self.limits.entries)) } else { Ok(()) }
    }

    /// Adds a name in the folder `above`, which is `depth` folders below the tree's own; gives its relative path.
    ///
    /// # Errors
    /// It is more than the limits allow.
    pub fn add(&mut self, above: &str, depth: usize, name: &str, kind: TreeKind) -> Result<Box<str>, TreeLimit> {
        if depth >= self.limits.depth {
            return Err(TreeLimit::Depth(self.limits.depth));
        }
        self.require_room(1)?;
        let path: Box<str> = if above.is_empty() { name.into() } else { format!("{above}\\{name}").into() };
        self.found.push(TreeEntry { path: path.clone(), kind });
        Ok(path)
    }

    pub fn finish(self) -> Tree {
        Tree::Folder(self.found)
    }
}

/// Sorts the names of one folder: without case first, so that one machine's order is another's.
pub fn sort_names<T>(names: &mut [T], name: impl Fn(&T) -> &str) {
    names.sort_by_cached_key(|one| (upcase::fold(name(one)), name(one).to_owned()));
}

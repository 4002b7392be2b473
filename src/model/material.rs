//! Files of the host that trueup runs on, which a document names for what files of the machine are to hold.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::file::ContentDigest;

/// The most bytes of all files that one folder of a document brings.
pub const MAX_FOLDER_BYTES: u64 = 1 << 30;

/// Bytes with their digest. Those of many small files lie in one piece of memory.
#[derive(Clone)]
pub struct LocalFile {
    memory: Arc<Vec<u8>>,
    range: Range<usize>,
    digest: ContentDigest,
}

impl LocalFile {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { digest: ContentDigest::of(&bytes), range: 0..bytes.len(), memory: Arc::new(bytes) }
    }

    /// The bytes that lie at `range`, whose digest is known already.
    pub fn part_of(memory: &Arc<Vec<u8>>, range: Range<usize>, digest: ContentDigest) -> Self {
        Self { memory: Arc::clone(memory), range, digest }
    }

    pub fn bytes(&self) -> &[u8] {
        self.memory.get(self.range.clone()).unwrap_or_default()
    }

    /// In bytes.
    pub fn size(&self) -> u64 {
        u64::try_from(self.range.len()).unwrap_or(u64::MAX)
    }

    pub const fn digest(&self) -> ContentDigest {
        self.digest
    }
}

impl PartialEq for LocalFile {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for LocalFile {}

impl fmt::Debug for LocalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalFile({} bytes)", self.range.len())
    }
}

/// What a document is looking for under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaterialKind {
    File,
    /// A folder with all that is below it.
    Folder,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Material {
    File(LocalFile),
    Folder(Arc<[MaterialEntry]>),
}

/// One file or folder below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaterialEntry {
    /// From the folder, with backslashes; a folder comes before what is in it.
    pub path: Box<str>,
    /// `None` for a folder.
    pub file: Option<LocalFile>,
}

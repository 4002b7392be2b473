//! What is durable on a disk and what is pending: per file the steps on its data since it was synchronised, per folder the
//! steps on its names. Nothing orders a pending step with any other, in the same file or elsewhere; a page is the unit that
//! arrives. A rename inside one folder is one step; across folders it is two that know nothing of each other.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use cap_std::fs::{Dir, File, MetadataExt as _};

/// The unit in which a disk's cache writes back: pages of one write may arrive apart.
const PAGE: u64 = 4096;

/// A file or folder, in the order in which the model came to know it: the same in every run of the same steps.
pub type Id = usize;
pub type Names = BTreeMap<String, Id>;

pub const ROOT: Id = 0;

#[derive(Debug)]
pub struct Model {
    nodes: Vec<Node>,
    /// By device and inode.
    known: HashMap<(u64, u64), Id>,
    /// Keeps inodes of files that are gone from being given to others. Opened anew each, for they must share no lock.
    _held: Vec<fs::File>,
}

#[derive(Debug, Clone)]
pub enum Node {
    File(FileNode),
    Folder(FolderNode),
}

#[derive(Debug, Clone)]
pub struct FileNode {
    pub durable: Content,
    pub pending: Vec<DataStep>,
}

#[derive(Debug, Clone)]
pub struct FolderNode {
    pub mode: u32,
    pub durable: Names,
    pub pending: Vec<NameStep>,
}

#[derive(Debug, Clone)]
pub struct Content {
    pub bytes: Arc<Vec<u8>>,
    pub mode: u32,
}

/// A step on the data of a file that may or may not arrive.
#[derive(Debug, Clone)]
pub enum DataStep {
    /// Bytes of one page.
    Write {
        at: u64,
        bytes: Vec<u8>,
    },
    Truncate,
    Mode(u32),
}

/// A step on the names of a folder that may or may not arrive.
#[derive(Debug, Clone)]
pub enum NameStep {
    Set { name: String, to: Id },
    Unset { name: String, was: Id },
    Move { from: String, name: String, to: Id },
}

impl DataStep {
    pub fn apply(&self, content: &mut Content) {
        match self {
            Self::Write { at, bytes } => {
                let at = usize::try_from(*at).expect("it is a small file");
                let whole = Arc::make_mut(&mut content.bytes);
                // What was never written in between reads as zeros.
                whole.resize(whole.len().max(at + bytes.len()), 0);
                whole[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Truncate => content.bytes = Arc::default(),
            Self::Mode(mode) => content.mode = *mode,
        }
    }
}

impl NameStep {
    pub fn apply(&self, names: &mut Names) {
        let mut unset = |name: &String, was: &Id| {
            if names.get(name) == Some(was) {
                names.remove(name);
            }
        };
        match self {
            Self::Unset { name, was } => unset(name, was),
            Self::Move { from, to, .. } => unset(from, to),
            Self::Set { .. } => {}
        }
        if let Self::Set { name, to } | Self::Move { name, to, .. } = self {
            names.insert(name.clone(), *to);
        }
    }
}

impl FileNode {
    pub fn all(&self) -> Content {
        let mut content = self.durable.clone();
        self.pending.iter().for_each(|step| step.apply(&mut content));
        content
    }
}

impl FolderNode {
    pub fn all(&self) -> Names {
        let mut names = self.durable.clone();
        self.pending.iter().for_each(|step| step.apply(&mut names));
        names
    }
}

impl Model {
    /// A folder whose content is all durable.
    pub fn of(folder: &Path) -> Self {
        let mut model = Self { nodes: Vec::new(), known: HashMap::new(), _held: Vec::new() };
        model.add(folder);
        model
    }

    /// What is durable and what is pending at this moment; no step can be done on it.
    pub fn still(&self) -> Self {
        Self { nodes: self.nodes.clone(), known: HashMap::new(), _held: Vec::new() }
    }

    fn add(&mut self, path: &Path) -> Id {
        let metadata = fs::symlink_metadata(path).expect("it is there");
        let (identity, mode) = ((metadata.dev(), metadata.ino()), metadata.mode());
        if metadata.is_dir() {
            let id = self.put(identity, Node::Folder(FolderNode { mode, durable: Names::new(), pending: Vec::new() }));
            let names = fs::read_dir(path).expect("it can be listed").map(|entry| entry.expect("it can be listed"));
            let mut names: Vec<String> =
                names.map(|entry| entry.file_name().into_string().expect("it is text")).collect();
            names.sort();
            for name in names {
                let below = self.add(&path.join(&name));
                self.folder_node(id).durable.insert(name, below);
            }
            id
        } else {
            assert!(metadata.is_file(), "{} is neither a file nor a folder", path.display());
            let bytes = Arc::new(fs::read(path).expect("it can be read"));
            self._held.push(fs::File::open(path).expect("it can be opened"));
            self.put(identity, Node::File(FileNode { durable: Content { bytes, mode }, pending: Vec::new() }))
        }
    }

    fn put(&mut self, identity: (u64, u64), node: Node) -> Id {
        let id = self.nodes.len();
        assert_eq!(self.known.insert(identity, id), None, "an inode is one file");
        self.nodes.push(node);
        id
    }

    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    fn folder_node(&mut self, id: Id) -> &mut FolderNode {
        match &mut self.nodes[id] {
            Node::Folder(folder) => folder,
            Node::File(_) => panic!("it is a folder"),
        }
    }

    fn folder(&mut self, folder: &Dir) -> io::Result<&mut FolderNode> {
        let metadata = folder.dir_metadata()?;
        let id = self.known[&(metadata.dev(), metadata.ino())];
        Ok(self.folder_node(id))
    }

    fn file(&mut self, file: &File) -> io::Result<&mut FileNode> {
        let metadata = file.metadata()?;
        match &mut self.nodes[self.known[&(metadata.dev(), metadata.ino())]] {
            Node::File(file) => Ok(file),
            Node::Folder(_) => panic!("it is a file"),
        }
    }

    /// Which file has a name.
    pub fn named(&self, folder: &Dir, name: &str) -> io::Result<Id> {
        let metadata = folder.symlink_metadata(name)?;
        Ok(self.known[&(metadata.dev(), metadata.ino())])
    }

    pub fn file_made(&mut self, folder: &Dir, name: &str) -> io::Result<()> {
        let held = folder.open(name)?;
        let metadata = held.metadata()?;
        let durable = Content { bytes: Arc::default(), mode: metadata.mode() };
        let node = Node::File(FileNode { durable, pending: Vec::new() });
        let to = self.put((metadata.dev(), metadata.ino()), node);
        self._held.push(held.into_std());
        self.folder(folder)?.pending.push(NameStep::Set { name: name.into(), to });
        Ok(())
    }

    pub fn folder_made(&mut self, folder: &Dir, name: &str) -> io::Result<()> {
        let metadata = folder.symlink_metadata(name)?;
        let made = FolderNode { mode: metadata.mode(), durable: Names::new(), pending: Vec::new() };
        let to = self.put((metadata.dev(), metadata.ino()), Node::Folder(made));
        self.folder(folder)?.pending.push(NameStep::Set { name: name.into(), to });
        Ok(())
    }

    pub fn attributes_changed(&mut self, file: &File) -> io::Result<()> {
        let mode = file.metadata()?.mode();
        self.file(file)?.pending.push(DataStep::Mode(mode));
        Ok(())
    }

    /// `bytes` were just written: they end where the file's position is.
    pub fn written(&mut self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        let mut at = file.stream_position()? - bytes.len() as u64;
        let node = self.file(file)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let in_page = usize::try_from(PAGE - at % PAGE).expect("a page is small").min(rest.len());
            let (bytes, later) = rest.split_at(in_page);
            node.pending.push(DataStep::Write { at, bytes: bytes.to_vec() });
            at += in_page as u64;
            rest = later;
        }
        Ok(())
    }

    pub fn truncated(&mut self, file: &File) -> io::Result<()> {
        self.file(file)?.pending.push(DataStep::Truncate);
        Ok(())
    }

    pub fn file_synced(&mut self, file: &File) -> io::Result<()> {
        let node = self.file(file)?;
        node.durable = node.all();
        node.pending.clear();
        Ok(())
    }

    pub fn folder_synced(&mut self, folder: &Dir) -> io::Result<()> {
        let node = self.folder(folder)?;
        node.durable = node.all();
        node.pending.clear();
        Ok(())
    }

    pub fn renamed(&mut self, file: Id, old: (&Dir, &str), new: (&Dir, &str)) -> io::Result<()> {
        let (old_folder, new_folder) = (old.0.dir_metadata()?, new.0.dir_metadata()?);
        let (from, name) = (old.1.to_owned(), new.1.to_owned());
        if (old_folder.dev(), old_folder.ino()) == (new_folder.dev(), new_folder.ino()) {
            self.folder(old.0)?.pending.push(NameStep::Move { from, name, to: file });
        } else {
            self.folder(new.0)?.pending.push(NameStep::Set { name, to: file });
            self.folder(old.0)?.pending.push(NameStep::Unset { name: from, was: file });
        }
        Ok(())
    }

    pub fn removed(&mut self, file: Id, folder: &Dir, name: &str) -> io::Result<()> {
        self.folder(folder)?.pending.push(NameStep::Unset { name: name.into(), was: file });
        Ok(())
    }
}

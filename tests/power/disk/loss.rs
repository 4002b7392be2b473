//! What a disk holds after the power failed: of everything pending, what arrived, and in which order.

use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::model::{Content, DataStep, FileNode, FolderNode, Id, Model, Names, Node, ROOT};

/// Decides what arrived.
pub trait Fate {
    fn content(&mut self, file: &FileNode) -> Content;
    fn names(&mut self, folder: &FolderNode) -> Names;
}

pub struct Nothing;

impl Fate for Nothing {
    fn content(&mut self, file: &FileNode) -> Content {
        file.durable.clone()
    }

    fn names(&mut self, folder: &FolderNode) -> Names {
        folder.durable.clone()
    }
}

pub struct Everything;

impl Fate for Everything {
    fn content(&mut self, file: &FileNode) -> Content {
        file.all()
    }

    fn names(&mut self, folder: &FolderNode) -> Names {
        folder.all()
    }
}

/// Any subset in any order; of each page of data all bytes, the first ones, or zeros in place of the last ones.
pub struct Chosen<'c, C>(pub &'c mut C);

impl<C: FnMut(usize) -> usize> Chosen<'_, C> {
    /// The steps that arrive. None of them, and all of them in order, are as likely as everything else.
    fn arriving<'s, S>(&mut self, pending: &'s [S]) -> Vec<&'s S> {
        if pending.is_empty() {
            return Vec::new();
        }
        let kind = (self.0)(5);
        let mut steps: Vec<&S> = match kind {
            0 => Vec::new(),
            1 => pending.iter().collect(),
            // All but one: what a single forgotten page or name does.
            2 => {
                let lost = (self.0)(pending.len());
                pending.iter().enumerate().filter(|(at, _)| *at != lost).map(|(_, step)| step).collect()
            }
            _ => pending.iter().filter(|_| (self.0)(2) == 1).collect(),
        };
        if kind == 4 {
            for last in (1..steps.len()).rev() {
                steps.swap(last, (self.0)(last + 1));
            }
        }
        steps
    }

    /// What of a step arrives.
    fn torn(&mut self, step: &DataStep) -> DataStep {
        let mut step = step.clone();
        if let DataStep::Write { bytes, .. } = &mut step {
            let first = (self.0)(bytes.len() + 1);
            match (self.0)(2) {
                0 => bytes.truncate(first),
                _ => bytes[first..].fill(0),
            }
        }
        step
    }
}

impl<C: FnMut(usize) -> usize> Fate for Chosen<'_, C> {
    fn content(&mut self, file: &FileNode) -> Content {
        let mut content = file.durable.clone();
        let arriving = self.arriving(&file.pending);
        let last = arriving.len().saturating_sub(1);
        // Mostly the page that was under way when the power failed is torn; sometimes any page may be.
        let tearing = if arriving.is_empty() { 0 } else { (self.0)(3) };
        for (at, step) in arriving.into_iter().enumerate() {
            let is_torn = match tearing {
                0 => false,
                1 => at == last,
                _ => (self.0)(2) == 1,
            };
            if is_torn { self.torn(step).apply(&mut content) } else { step.apply(&mut content) }
        }
        content
    }

    fn names(&mut self, folder: &FolderNode) -> Names {
        let mut names = folder.durable.clone();
        self.arriving(&folder.pending).into_iter().for_each(|step| step.apply(&mut names));
        names
    }
}

/// Makes a folder of what arrived. What no name points to is gone.
pub fn settle(model: &Model, fate: &mut impl Fate) -> TempDir {
    let folder = super::scratch();
    place(model, ROOT, folder.path(), fate, &mut HashMap::new());
    folder
}

fn place(model: &Model, id: Id, path: &Path, fate: &mut impl Fate, placed: &mut HashMap<Id, PathBuf>) {
    let mode = match model.node(id) {
        Node::Folder(folder) => {
            if id != ROOT {
                fs::create_dir(path).expect("a folder can be made");
            }
            for (name, below) in fate.names(folder) {
                place(model, below, &path.join(name), fate, placed);
            }
            folder.mode
        }
        Node::File(file) => {
            if let Some(first) = placed.insert(id, path.to_owned()) {
                // A new name came and the old one stayed.
                fs::hard_link(first, path).expect("a file can have two names");
                return;
            }
            let content = fate.content(file);
            fs::write(path, &*content.bytes).expect("the file can be written");
            content.mode
        }
    };
    fs::set_permissions(path, Permissions::from_mode(mode & 0o7777)).expect("the mode can be set");
}

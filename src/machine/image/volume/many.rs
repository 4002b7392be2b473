//! Many files in one go: in the order of their folders, each folder opened once, on all cores.
//!
//! Every file is found as it would be alone, and no link is followed. What is known of a folder ends with the call.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use cap_std::fs::{Dir, OpenOptions};

use super::{
    Entry, EntryKind, Found, Volume, VolumeError, VolumePath, disk, enter, entries_of, exactly, examine_file, path,
    pick,
};

/// How many files a thread takes at a time: neighbours, so that their folder is opened once.
const BLOCK: usize = 128;
/// More threads than this wait for each other.
const MOST_THREADS: usize = 16;

/// What stands at a path that is visited.
pub enum Visited {
    /// Nothing; so many of the folders above it are not there either.
    Missing {
        folders: usize,
    },
    Folder,
    /// A regular file, open for reading.
    File {
        file: std::fs::File,
        is_owner_only: Option<bool>,
    },
}

/// What is made of a path and of what stands there.
pub type Look<'l, T> = dyn Fn(&VolumePath, Visited) -> Result<T, VolumeError> + Sync + 'l;

impl Volume {
    /// What `look` makes of each of many paths, in the order of the paths; it is called in any order and on several threads.
    pub fn visit<T: Send>(&self, paths: &[VolumePath], look: &Look<'_, T>) -> Vec<Result<T, VolumeError>> {
        let mut order: Vec<(usize, &VolumePath)> = paths.iter().enumerate().collect();
        order.sort_unstable_by_key(|(_, path)| *path);
        let blocks: Vec<_> = order.chunks(BLOCK).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            while let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut walk = Walk { volume: self, frames: Vec::new() };
                for (at, path) in *block {
                    done.push((*at, walk.visit(path).and_then(|visited| look(path, visited))));
                }
            }
            done
        };
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let helpers = cores.min(MOST_THREADS).min(blocks.len()).saturating_sub(1);
        let mut found: Vec<_> = std::thread::scope(|scope| {
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
            let mut found = work();
            for helper in helpers {
                match helper.join() {
                    Ok(done) => found.extend(done),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            found
        });
        found.sort_unstable_by_key(|(at, _)| *at);
        found.into_iter().map(|(_, answer)| answer).collect()
    }
}

/// The folders that lead to the path that was visited last.
struct Walk<'v> {
    volume: &'v Volume,
    frames: Vec<Frame>,
}

/// An open folder.
struct Frame {
    /// As it was asked for; of the root, nothing.
    name: String,
    folder: Dir,
    path: VolumePath,
    names: Option<Names>,
}

impl Walk<'_> {
    fn visit(&mut self, path: &VolumePath) -> Result<Visited, VolumeError> {
        let Some((parent, name)) = path.split_last() else { return Ok(Visited::Folder) };
        let depth = path.components().count();
        self.enter(path)?;
        let missing = depth.saturating_sub(self.frames.len());
        let Some(frame) = self.frames.last_mut().filter(|_| missing == 0) else {
            return Ok(Visited::Missing { folders: missing });
        };
        let Some(found) = frame.lookup(&parent, name)? else {
            return Ok(Visited::Missing { folders: 0 });
        };
        if found.kind == EntryKind::Folder {
            return Ok(Visited::Folder);
        }
        let (file, metadata) = examine_file(&frame.folder, &found, OpenOptions::new().read(true))?;
        Ok(Visited::File { file: file.into_std(), is_owner_only: disk::is_owner_only(&metadata) })
    }

    /// Opens the folders above a path, as many as there are, the root among them.
    fn enter(&mut self, path: &VolumePath) -> Result<(), VolumeError> {
        if self.frames.is_empty() {
            let folder = self.volume.root_folder(path)?;
            self.frames.push(Frame { name: String::new(), folder, path: VolumePath::root(), names: None });
        }
        let folders = path.components().count().saturating_sub(1);
        let frames = self.frames.iter().skip(1);
        let known =
            frames.zip(path.components().take(folders)).take_while(|(frame, name)| frame.name == **name).count();
        self.frames.truncate(known + 1);
        for name in path.components().take(folders).skip(known) {
            let Some(frame) = self.frames.last_mut() else { break };
            let shown = frame.path.clone();
            let Some(found) = frame.lookup(&shown, name)? else { break };
            let Some(folder) = enter(&frame.folder, &found)? else { break };
            self.frames.push(Frame { name: name.to_owned(), folder, path: found.path, names: None });
        }
        Ok(())
    }
}

impl Frame {
    /// Finds a name; errors call the folder `shown`.
    fn lookup(&mut self, shown: &VolumePath, name: &str) -> Result<Option<Found>, VolumeError> {
        if let Some(found) = exactly(&self.folder, shown, name)? {
            return Ok(Some(found));
        }
        let names = match &mut self.names {
            Some(names) => names,
            none => none.insert(Names::of(entries_of(&self.folder, shown)?)),
        };
        names.pick(shown, name)
    }
}

/// The names of a folder, found without case.
pub(super) struct Names(HashMap<String, Vec<Entry>>);

impl Names {
    pub(super) fn of(entries: Vec<Entry>) -> Self {
        let mut names: HashMap<String, Vec<Entry>> = HashMap::with_capacity(entries.len());
        for entry in entries {
            if let Some(name) = entry.name.to_str() {
                names.entry(path::folded(name)).or_default().push(entry);
            }
        }
        Self(names)
    }

    pub(super) fn pick(&self, shown: &VolumePath, name: &str) -> Result<Option<Found>, VolumeError> {
        self.0.get(&path::folded(name)).map_or(Ok(None), |alike| pick(alike, shown, name))
    }
}

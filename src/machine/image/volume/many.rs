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
/// For so many files of one folder, its names are read first: that is cheaper than to examine each.
const MANY: usize = 8;
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
        /// In bytes, when it was opened.
        length: u64,
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
                for siblings in block.chunk_by(|(_, a), (_, b)| a.parents() == b.parents()) {
                    let Some((_, first)) = siblings.first() else { continue };
                    let entered = walk.enter(first, siblings.len());
                    for (at, path) in siblings {
                        // A folder that cannot be entered is refused to each.
                        let entered = if entered.is_ok() { Ok(()) } else { walk.enter(path, 1) };
                        let visited = entered.and_then(|()| walk.visit(path));
                        done.push((*at, visited.and_then(|visited| look(path, visited))));
                    }
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
    /// Opens what stands at a path, the folders above which were entered.
    fn visit(&mut self, path: &VolumePath) -> Result<Visited, VolumeError> {
        let Some(name) = path.last() else { return Ok(Visited::Folder) };
        let missing = (path.parents().len() + 1).saturating_sub(self.frames.len());
        let Some(frame) = self.frames.last_mut().filter(|_| missing == 0) else {
            return Ok(Visited::Missing { folders: missing });
        };
        let Some(found) = frame.lookup(path, name)? else {
            return Ok(Visited::Missing { folders: 0 });
        };
        if found.kind == EntryKind::Folder {
            return Ok(Visited::Folder);
        }
        let (file, metadata) = examine_file(&frame.folder, &found, OpenOptions::new().read(true))?;
        let (length, is_owner_only) = (metadata.len(), disk::is_owner_only(&metadata));
        Ok(Visited::File { file: file.into_std(), length, is_owner_only })
    }

    /// Opens the folders above a path, as many as there are, the root among them; so many of its siblings will be visited.
    fn enter(&mut self, path: &VolumePath, siblings: usize) -> Result<(), VolumeError> {
        if self.frames.is_empty() {
            let folder = self.volume.root_folder(path)?;
            self.frames.push(Frame { name: String::new(), folder, path: VolumePath::root(), names: None });
        }
        let above = path.parents();
        let frames = self.frames.iter().skip(1);
        let known = frames.zip(above).take_while(|(frame, name)| frame.name == **name).count();
        self.frames.truncate(known + 1);
        for name in above.iter().skip(known) {
            let Some(frame) = self.frames.last_mut() else { break };
            let place = frame.path.with(name);
            let Some(found) = frame.lookup(&place, name)? else { break };
            let Some(folder) = enter(&frame.folder, &found)? else { break };
            self.frames.push(Frame { name: name.clone(), folder, path: found.path, names: None });
        }
        if siblings >= MANY
            && self.frames.len() == above.len() + 1
            && let Some(frame) = self.frames.last_mut()
        {
            frame.names()?;
        }
        Ok(())
    }
}

impl Frame {
    fn names(&mut self) -> Result<&Names, VolumeError> {
        Ok(match &mut self.names {
            Some(names) => names,
            none => none.insert(Names::of(entries_of(&self.folder, &self.path)?)),
        })
    }

    /// Finds the name of a place in the folder; errors name the place.
    fn lookup(&mut self, place: &VolumePath, name: &str) -> Result<Option<Found>, VolumeError> {
        let parent = || place.split_last().map(|(parent, _)| parent).unwrap_or_else(VolumePath::root);
        if let Some(names) = &self.names {
            match names.exact(name) {
                // Not every host tells what a name stands for.
                Some(entry) if entry.kind != EntryKind::Other => {
                    return Ok(Some(Found { path: place.clone(), kind: entry.kind }));
                }
                _ => {}
            }
        }
        if let Some(found) = exactly(&self.folder, &parent(), name)? {
            return Ok(Some(found));
        }
        self.names()?.pick(&parent(), name)
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

    fn exact(&self, name: &str) -> Option<&Entry> {
        self.0.get(&path::folded(name))?.iter().find(|entry| entry.name == name)
    }

    pub(super) fn pick(&self, shown: &VolumePath, name: &str) -> Result<Option<Found>, VolumeError> {
        self.0.get(&path::folded(name)).map_or(Ok(None), |alike| pick(alike, shown, name))
    }
}

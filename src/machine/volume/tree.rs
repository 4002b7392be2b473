//! Everything below a folder of a volume: names only, no file is opened, and what a link leads to is not looked at.

use cap_std::fs::Dir;

use super::{EntryKind, Found, Volume, VolumeError, VolumePath, enter, entries_of};
use crate::model::file_tree::{Tree, TreeBuilder, TreeKind, TreeLimit, TreeLimits, sort_names};
use crate::model::own_name::is_own;

impl Volume {
    /// The files and folders below a folder; `None` when there is no such folder.
    ///
    /// # Errors
    /// As [`Volume::find`]; it is not a folder, is larger than the limits, or holds a name that is not text.
    pub fn tree(&self, path: &VolumePath, limits: TreeLimits) -> Result<Option<Tree>, VolumeError> {
        let Some(folder) = self.folder(path)? else { return Ok(None) };
        let mut below = TreeBuilder::new(limits);
        descend(&folder, path, "", 0, &mut below)?;
        Ok(Some(below.finish()))
    }
}

/// Adds what is in an open folder, `depth` folders below the tree's own. Each level holds one folder open; the limits end it.
fn descend(
    folder: &Dir,
    place: &VolumePath,
    above: &str,
    depth: usize,
    below: &mut TreeBuilder,
) -> Result<(), VolumeError> {
    let limited = |limit: TreeLimit| VolumeError::Tree { path: place.clone(), limit };
    let mut names = Vec::new();
    for entry in entries_of(folder, place)? {
        let name = entry
            .name
            .into_string()
            .map_err(|name| VolumeError::NotText { path: place.with(&name.to_string_lossy()) })?;
        // What an interrupted replacement left goes with the next one, what waits for the next start with that.
        if entry.kind != EntryKind::File || !is_own(&name) {
            names.push((name, entry.kind));
        }
    }
    below.require_room(names.len()).map_err(limited)?;
    sort_names(&mut names, |(name, _)| name);
    for (name, kind) in names {
        let shown = match kind {
            EntryKind::File => TreeKind::File,
            EntryKind::Folder => TreeKind::Folder,
            EntryKind::Link => TreeKind::Link,
            EntryKind::Other => TreeKind::Other,
        };
        let relative = below.add(above, depth, &name, shown).map_err(limited)?;
        if kind == EntryKind::Folder {
            let found = Found { path: place.with(&name), kind };
            // One that has gone meanwhile holds nothing.
            if let Some(inside) = enter(folder, &found)? {
                descend(&inside, &found.path, &relative, depth + 1, below)?;
            }
        }
    }
    Ok(())
}

//! Everything below a folder, asked folder by folder: for machines that have no shorter way.

use super::{FileReader, Listed};
use crate::model::fact::{Observed, Unread};
use crate::model::file::FilePath;
use crate::model::file_tree::{Tree, TreeBuilder, TreeKind, TreeLimit, TreeLimits, sort_names};

pub fn of<R: FileReader + ?Sized>(files: &R, folder: &FilePath, limits: TreeLimits) -> Observed<Tree> {
    match files.names(folder)? {
        Listed::Absent { missing_folders } => Ok(Tree::Absent { missing_folders }),
        Listed::File => Ok(Tree::File),
        Listed::Names(names) => {
            let mut below = TreeBuilder::new(limits);
            descend(files, folder, "", 0, names, &mut below)?;
            Ok(below.finish())
        }
    }
}

fn descend<R: FileReader + ?Sized>(
    files: &R,
    folder: &FilePath,
    above: &str,
    depth: usize,
    mut names: Vec<Box<str>>,
    below: &mut TreeBuilder,
) -> Observed<()> {
    let failed = |detail: String| Unread::Failed { what: folder.to_string(), detail };
    let limited = |limit: TreeLimit| failed(limit.to_string());
    below.require_room(names.len()).map_err(limited)?;
    sort_names(&mut names, |name| name);
    for name in names {
        let path = folder.child(&name).map_err(|error| failed(error.to_string()))?;
        match files.names(&path)? {
            // It has gone meanwhile.
            Listed::Absent { .. } => {}
            Listed::File => {
                below.add(above, depth, &name, TreeKind::File).map_err(limited)?;
            }
            Listed::Names(inside) => {
                let relative = below.add(above, depth, &name, TreeKind::Folder).map_err(limited)?;
                descend(files, &path, &relative, depth + 1, inside, below)?;
            }
        }
    }
    Ok(())
}

//! What the next start of Windows makes of the files that were asked about.

use super::fact::{Facts, Observed, Unread};
use super::file::{FileAspect, FileHolds, FilePath, FileState};
use super::file_tree::{TreeEntry, TreeKind};
use super::own_name::is_own;
use super::probe::{Answer, Probe};
use crate::formats::upcase;

impl Facts {
    /// Takes what the next start does with files.
    pub fn insert_next_start(&mut self, fates: Observed<Vec<(FilePath, Answer)>>) {
        match fates {
            Ok(fates) => self.next_start.extend(fates.into_iter().map(|(path, fate)| (path.usual_place(), fate))),
            Err(unread) => self.next_start_unread = Some(unread),
        }
    }

    /// Why it is not known what the next start does with files.
    pub const fn next_start_unread(&self) -> Option<&Unread> {
        self.next_start_unread.as_ref()
    }

    /// Why it is not known what the next start does with the files that were asked about; `None` where it is, or where none was.
    pub fn unknown_next_start(&self) -> Option<&Unread> {
        let failed = |unread: &&Unread| matches!(unread, Unread::Failed { .. } | Unread::Refused { .. });
        self.next_start_unread.as_ref().filter(failed).filter(|_| self.files().next().is_some())
    }

    /// What the next start does with a file; `None` where it leaves it as it is.
    pub fn next_start(&self, path: &FilePath) -> Option<&Answer> {
        if self.next_start.is_empty() {
            return None;
        }
        self.next_start.get(&path.usual_place())
    }

    /// Whether the next start changes no file.
    pub fn leaves_all_alone(&self) -> bool {
        self.next_start.is_empty()
    }

    /// The files below a folder that the next start changes, each by the folder's own spelling.
    pub fn changed_below(&self, folder: &FilePath) -> Vec<FilePath> {
        let place = folder.usual_place();
        let below = |path: &FilePath| {
            let rest = path.folded().strip_prefix(place.folded())?.strip_prefix('\\')?;
            let names = rest.matches('\\').count() + 1;
            // Folding may change the length of a name, not the number of names.
            let names: Vec<&str> = path.as_str().rsplitn(names + 1, '\\').take(names).collect();
            let rest: Vec<&str> = names.into_iter().rev().collect();
            FilePath::parse(&format!("{folder}\\{}", rest.join("\\"))).ok()
        };
        self.next_start.keys().filter(|path| !is_own(path.name())).filter_map(below).collect()
    }

    /// The facts as they will be after the next start, as far as they are known; `None` where it changes none of them.
    #[must_use]
    pub fn after_next_start(&self) -> Option<Self> {
        if self.next_start.is_empty() {
            return None;
        }
        let mut after: Option<Self> = None;
        for (path, aspect, state) in self.files() {
            let then = match aspect {
                FileAspect::Names | FileAspect::Tree if self.next_start(path).is_none() => {
                    self.folder_then(path, state)
                }
                _ => self.file_then(path, aspect),
            };
            if let Some(then) = then {
                after.get_or_insert_with(|| self.clone()).insert_file(path.clone(), aspect.clone(), then);
            }
        }
        for (probe, _) in self.probes() {
            let Probe::FileSecurity { path } = probe else { continue };
            let Some(Answer::ReplacedBy { path: by }) = self.next_start(path) else { continue };
            if let Some(answer @ Ok(_)) = self.probe(&Probe::FileSecurity { path: by.clone() }) {
                after.get_or_insert_with(|| self.clone()).insert_probe(probe.clone(), answer.clone());
            }
        }
        after
    }

    /// What is said of a file then; `None` where it stays.
    fn file_then(&self, path: &FilePath, aspect: &FileAspect) -> Option<Observed<FileState>> {
        Some(match self.next_start(path)? {
            Answer::ReplacedBy { path: by } => match self.file(by, aspect) {
                // Where there is nothing to replace it with, it stays.
                Some(Ok(FileState::Absent { .. })) | None => return None,
                Some(state) => state.clone(),
            },
            _ => Ok(FileState::Absent { missing_folders: 0 }),
        })
    }

    /// What is in a folder then; `None` where it is the same.
    fn folder_then(&self, folder: &FilePath, state: &Observed<FileState>) -> Option<Observed<FileState>> {
        let Ok(FileState::Present(fact)) = state else { return None };
        let mut then = fact.clone();
        let mut is_changed = false;
        for path in self.changed_below(folder) {
            let is_gone = self.next_start(&path) == Some(&Answer::Removed);
            let below: String = path.as_str().chars().skip(folder.as_str().chars().count() + 1).collect();
            match &mut then.holds {
                FileHolds::Names(names) if !below.contains('\\') => {
                    let known = names.iter().position(|name| upcase::eq(name, &below));
                    match (is_gone, known) {
                        (true, Some(at)) => drop(names.remove(at)),
                        (false, None) => names.push(below.into()),
                        _ => continue,
                    }
                    is_changed = true;
                }
                FileHolds::Tree(entries) => {
                    let known = entries.iter().position(|entry| upcase::eq(&entry.path, &below));
                    match (is_gone, known) {
                        (true, Some(at)) => drop(entries.remove(at)),
                        (false, None) => {
                            entries.push(TreeEntry { path: below.into(), kind: TreeKind::File });
                        }
                        _ => continue,
                    }
                    is_changed = true;
                }
                _ => {}
            }
        }
        is_changed.then_some(Ok(FileState::Present(then)))
    }
}

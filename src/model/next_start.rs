//! What the next start of Windows makes of the files that were asked about.

use super::fact::{Facts, Observed, Unread};
use super::file::{FilePath, FileState};
use super::probe::Answer;

impl Facts {
    /// Takes what the next start does with files.
    pub fn insert_next_start(&mut self, fates: Observed<Vec<(FilePath, Answer)>>) {
        match fates {
            Ok(fates) => self.next_start.extend(fates.into_iter().map(|(path, fate)| (path.usual_place(), fate))),
            Err(unread) => self.next_start_unread = Some(unread),
        }
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

    /// The facts as they will be after the next start, as far as they are known; `None` where it changes none of them.
    #[must_use]
    pub fn after_next_start(&self) -> Option<Self> {
        let mut after: Option<Self> = None;
        for (path, aspect, _) in self.files() {
            let state = match self.next_start(path) {
                None => continue,
                Some(Answer::ReplacedBy { path: by }) => match self.file(by, aspect) {
                    // Where there is nothing to replace it with, it stays.
                    Some(Ok(FileState::Absent { .. })) | None => continue,
                    Some(state) => state.clone(),
                },
                Some(_) => Ok(FileState::Absent { missing_folders: 0 }),
            };
            after.get_or_insert_with(|| self.clone()).insert_file(path.clone(), aspect.clone(), state);
        }
        after
    }
}

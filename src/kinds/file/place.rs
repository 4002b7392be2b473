//! What was found at a path, and what it takes that a file can stand there. Pure.

use crate::model::fact::{Facts, Observed, Unread};
use crate::model::file::{FileAspect, FilePath, FileState};
use crate::model::operation::Operation;
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Reason, Verdict};

/// The answer about a file; a question that nobody asked is a failed read, not an absence.
pub fn observed<'f>(facts: &'f Facts, path: &FilePath, aspect: &FileAspect) -> Observed<&'f FileState> {
    match facts.file(path, aspect) {
        Some(Ok(state)) => Ok(state),
        Some(Err(unread)) => Err(unread.clone()),
        None => Err(Unread::Failed { what: path.to_string(), detail: "the machine was not asked".into() }),
    }
}

/// A place that cannot be looked at.
pub fn unread(id: ResourceId, at: Location, unread: &Unread) -> Decision {
    let (verdict, code) = match unread {
        Unread::Unsupported { .. } => (Verdict::Deferred, "files.deferred"),
        Unread::NotCaptured { .. } => (Verdict::Unverifiable, "files.not_captured"),
        Unread::Failed { .. } | Unread::Refused { .. } => (Verdict::Blocked, "files.unreadable"),
    };
    Decision { verdict, reasons: vec![Reason::with(code, unread.to_string())], ..Decision::keep(id, at) }
}

/// The steps that make the nearest so many folders above a path, the outermost first.
pub fn folders_above(path: &FilePath, missing: usize) -> Vec<Operation> {
    let above = std::iter::successors(path.parent(), FilePath::parent).take(missing);
    let mut steps: Vec<Operation> = above.map(|path| Operation::CreateFolder { path }).collect();
    steps.reverse();
    steps
}

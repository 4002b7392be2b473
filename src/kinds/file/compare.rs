//! A file or folder as a whole against what is there. Pure.

use super::values::{self, FileToBe};
use super::wanted::{WantedContent, WantedEntry};
use super::{place, tree};
use crate::kinds::{Comparison, Context, Kind as _};
use crate::model::certificate::{FileBefore, FileContent};
use crate::model::digest;
use crate::model::fact::{Facts, Queries};
use crate::model::file::{FileAspect, FileFact, FileHolds, FileState};
use crate::model::material::LocalFile;
use crate::model::operation::Operation;
use crate::model::registry_data::{REG_SZ, RegistryData};
use crate::model::remembered::Trace;
use crate::model::secret::SecretReference;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

pub fn wants(entry: &WantedEntry, facts: &Facts, context: &Context<'_>, queries: &mut Queries) {
    let path = &entry.path.value;
    queries.file(path, own_aspect(entry, facts));
    if !entry.is_present() {
        return;
    }
    match &entry.content {
        WantedContent::Any | WantedContent::Folder => {}
        WantedContent::Bytes(file) => {
            if let (FileAspect::SealedText, Some(data)) = (own_aspect(entry, facts), text_of(file)) {
                queries.fingerprint(&data);
            }
        }
        WantedContent::Secret(reference) => queries.secret(reference, REG_SZ),
        WantedContent::Tree(wanted) => tree::wants(entry, wanted, facts, context, queries),
        WantedContent::Values { values, .. } => values::wants(entry, values, facts, queries),
    }
}

/// How the file or folder itself is looked at.
fn own_aspect(entry: &WantedEntry, facts: &Facts) -> FileAspect {
    match &entry.content {
        // A folder that is to go must be empty.
        _ if !entry.is_present() => FileAspect::Names,
        WantedContent::Secret(_) => FileAspect::SealedText,
        // What was a secret is compared as one.
        WantedContent::Bytes(file) if text_of(file).is_some() && values::was_secret(&entry.address(), facts) => {
            FileAspect::SealedText
        }
        // Only whether it is there: of its bytes nobody needs to know.
        WantedContent::Values { .. } | WantedContent::Any => FileAspect::Names,
        WantedContent::Bytes(_) | WantedContent::Folder | WantedContent::Tree(_) => FileAspect::Digest,
    }
}

fn text_of(file: &LocalFile) -> Option<RegistryData> {
    std::str::from_utf8(file.bytes()).ok().map(|text| RegistryData::text(REG_SZ, text))
}

const fn is_folder_fact(fact: &FileFact) -> bool {
    matches!(fact.holds, FileHolds::Folder | FileHolds::Names(_))
}

pub fn compare(entry: &WantedEntry, facts: &Facts, context: &Context<'_>) -> Comparison {
    let (id, at, path) = (entry.address(), entry.at, &entry.path.value);
    let state = match place::observed(facts, path, &own_aspect(entry, facts)) {
        Ok(state) => state,
        Err(unread) => {
            let all = entry.resources().into_iter().filter(|(id, _)| id.part() != Some(super::SECURITY_PART));
            let decisions = all.map(|(id, at)| place::unread(id, at, &unread)).collect();
            return Comparison { decisions, ..Comparison::default() };
        }
    };
    if !entry.is_present() {
        return Comparison::one(removal(entry, state));
    }
    match &entry.content {
        WantedContent::Any => Comparison::one(match state {
            FileState::Present(_) => Decision::keep(id, at).traced(Trace::same(digest::present(&[]))),
            FileState::Absent { .. } => {
                let reason = Reason::with("files.absent", format!("{path} is not there, and no content is named"));
                Decision::blocked(id, at, reason)
            }
        }),
        WantedContent::Bytes(file) => Comparison::one(bytes(entry, file, state, facts)),
        WantedContent::Secret(reference) => Comparison::one(secret(entry, reference, state, facts, context)),
        WantedContent::Folder => Comparison::one(folder(entry, state)),
        WantedContent::Tree(wanted) => {
            let own = folder(entry, state);
            tree::compare(entry, wanted, own, facts)
        }
        WantedContent::Values { values, create } => {
            let own = file_of_values(entry, state, *create);
            let to_be = match &own.verdict {
                Verdict::Keep => FileToBe::Present,
                Verdict::Change { .. } => FileToBe::Made,
                _ => FileToBe::Missing(own.reasons.first().cloned().unwrap_or(Reason::code("files.absent"))),
            };
            let mut decisions = values::compare(entry, values, &to_be, facts, context);
            let own = match state {
                FileState::Absent { .. } => made_for(own, &decisions),
                FileState::Present(_) => own,
            };
            decisions.insert(0, own);
            Comparison { decisions, ..Comparison::default() }
        }
    }
}

/// A file is made for what is set in it; for values that are not to be in it, it is neither made nor missed.
fn made_for(own: Decision, values: &[Decision]) -> Decision {
    if values.iter().any(|value| matches!(value.verdict, Verdict::Change { .. })) {
        return own;
    }
    match values.iter().find(|value| value.verdict != Verdict::Keep) {
        None => Decision { verdict: Verdict::Keep, reasons: Vec::new(), ..own },
        Some(value) => Decision { verdict: value.verdict.clone(), reasons: value.reasons.clone(), ..own },
    }
}

/// The trace of a content as bytes.
pub fn trace_of(file: &LocalFile, fact: Option<&FileFact>) -> Trace {
    let found = match fact.map(|fact| &fact.holds) {
        None => digest::ABSENT,
        Some(FileHolds::Digest { size, sha256 }) => digest::of(&[b"file", &size.to_le_bytes(), &sha256.0]),
        Some(FileHolds::Folder) => digest::of(&[b"folder"]),
        Some(_) => digest::of(&[b"sealed"]),
    };
    Trace { wanted: digest::of(&[b"file", &file.size().to_le_bytes(), &file.digest().0]), found, secret: None }
}

/// The step that puts bytes, with the folders that are missing above.
pub fn put(entry: &crate::model::file::FilePath, content: FileContent, state: &FileState) -> Vec<Operation> {
    let mut operations = match state {
        FileState::Absent { missing_folders } => place::folders_above(entry, *missing_folders),
        FileState::Present(_) => Vec::new(),
    };
    let before = state.present().map(|fact| match &fact.holds {
        FileHolds::Digest { sha256, .. } => FileBefore { sha256: Some(*sha256), ..FileBefore::SEALED },
        _ => FileBefore::SEALED,
    });
    operations.push(Operation::PutFile { path: entry.clone(), before, content });
    operations
}

fn not_a_file(entry: &WantedEntry) -> Decision {
    let reason = Reason::with("files.not_a_file", format!("a folder stands at {}", entry.path.value));
    Decision::blocked(entry.address(), entry.at, reason)
}

fn bytes(entry: &WantedEntry, file: &LocalFile, state: &FileState, facts: &Facts) -> Decision {
    let (id, at) = (entry.address(), entry.at);
    let fact = state.present();
    let mut trace = trace_of(file, fact);
    let is_same = match fact.map(|fact| &fact.holds) {
        Some(FileHolds::Folder | FileHolds::Names(_)) => return not_a_file(entry),
        Some(FileHolds::Digest { size, sha256 }) => *size == file.size() && *sha256 == file.digest(),
        Some(FileHolds::Sealed) => {
            let own = text_of(file).and_then(|data| facts.fingerprint(&data));
            own.is_some() && values::print_of(state) == own
        }
        Some(FileHolds::Unusable(why)) => {
            return Decision::blocked(id, at, Reason::with("files.unusable", why.clone()));
        }
        _ => false,
    };
    if is_same {
        trace.found = trace.wanted;
        return Decision::keep(id, at).traced(trace);
    }
    let content = FileContent::Bytes(file.bytes().into());
    let (action, reason) = difference(state, file);
    Decision::change(id, at, action, reason, put(&entry.path.value, content, state)).traced(trace)
}

/// What is different about a file that is not as wanted.
pub fn difference(state: &FileState, file: &LocalFile) -> (Action, Reason) {
    match state.present().map(|fact| &fact.holds) {
        None => (Action::Create, Reason::code("files.absent")),
        Some(FileHolds::Digest { size, .. }) if *size != file.size() => {
            let message = format!("it has {size} bytes, and should have {}", file.size());
            (Action::Update, Reason::with("files.differs", message))
        }
        Some(_) => (Action::Update, Reason::with("files.differs", "its content is another one")),
    }
}

fn secret(
    entry: &WantedEntry,
    reference: &SecretReference,
    state: &FileState,
    facts: &Facts,
    context: &Context<'_>,
) -> Decision {
    let (id, at) = (entry.address(), entry.at);
    let put = |action, reason: Reason| {
        let content = FileContent::Secret { reference: reference.clone() };
        Decision::change(id.clone(), at, action, reason, put(&entry.path.value, content, state))
    };
    let trace = Trace {
        wanted: digest::of(&[b"secret", format!("{reference:?}").as_bytes()]),
        found: if state.present().is_some() { digest::of(&[b"sealed"]) } else { digest::ABSENT },
        secret: values::print_of(state),
    };
    let decision = match state {
        FileState::Absent { .. } => put(Action::Create, Reason::code("files.absent")),
        FileState::Present(fact) if is_folder_fact(fact) => return not_a_file(entry),
        FileState::Present(fact) => match values::same_secret(fact.print, facts.secret(reference, REG_SZ)) {
            Ok(true) if fact.owner_only == Some(false) => {
                put(Action::Update, Reason::with("files.permissions_differ", "others than its owner may read it"))
            }
            Ok(true) => Decision::keep(id.clone(), at),
            Ok(false) => put(Action::Update, Reason::code("secret.differs")),
            Err(_) if context.rewrite_secrets => put(Action::Update, Reason::code("secret.rewritten")),
            Err(reason) => {
                Decision { verdict: Verdict::Unverifiable, reasons: vec![reason], ..Decision::keep(id.clone(), at) }
            }
        },
    };
    decision.traced(trace)
}

fn folder(entry: &WantedEntry, state: &FileState) -> Decision {
    let (id, at, path) = (entry.address(), entry.at, &entry.path.value);
    let there = digest::of(&[b"folder"]);
    match state {
        FileState::Present(fact) if is_folder_fact(fact) => Decision::keep(id, at).traced(Trace::same(there)),
        FileState::Present(_) => {
            let reason = Reason::with("files.not_a_folder", format!("a file stands at {path}"));
            Decision::blocked(id, at, reason)
        }
        FileState::Absent { missing_folders } => {
            let mut operations = place::folders_above(path, *missing_folders);
            operations.push(Operation::CreateFolder { path: path.clone() });
            let trace = Trace { wanted: there, found: digest::ABSENT, secret: None };
            Decision::change(id, at, Action::Create, Reason::code("files.absent"), operations).traced(trace)
        }
    }
}

/// The file in which values are to stand.
fn file_of_values(entry: &WantedEntry, state: &FileState, create: bool) -> Decision {
    let (id, at, path) = (entry.address(), entry.at, &entry.path.value);
    let there = digest::present(&[]);
    match state {
        FileState::Present(fact) if is_folder_fact(fact) => not_a_file(entry),
        FileState::Present(_) => Decision::keep(id, at).traced(Trace::same(there)),
        FileState::Absent { missing_folders } if create => {
            let mut operations = place::folders_above(path, *missing_folders);
            operations.push(Operation::CreateFile { path: path.clone() });
            let trace = Trace { wanted: there, found: digest::ABSENT, secret: None };
            Decision::change(id, at, Action::Create, Reason::code("files.absent"), operations).traced(trace)
        }
        FileState::Absent { .. } => {
            let reason = Reason::with("files.absent", format!("{path} is not there; `create: true` makes it"));
            Decision::blocked(id, at, reason)
        }
    }
}

/// A file goes as it is; a folder goes when nothing is in it.
fn removal(entry: &WantedEntry, state: &FileState) -> Decision {
    let (id, at, path) = (entry.address(), entry.at, &entry.path.value);
    let change = |operation| {
        let trace = Trace { wanted: digest::ABSENT, found: digest::present(&[]), secret: None };
        Decision::change(id.clone(), at, Action::Delete, Reason::code("files.not_wanted"), vec![operation])
            .traced(trace)
    };
    match state.present().map(|fact| &fact.holds) {
        None => Decision::keep(id, at).traced(Trace::same(digest::ABSENT)),
        Some(FileHolds::Names(names)) if names.is_empty() => change(Operation::RemoveFolder { path: path.clone() }),
        Some(FileHolds::Names(names)) => {
            let message = format!("{} files or folders are in {path}; name each that is to go", names.len());
            Decision::blocked(id, at, Reason::with("files.not_empty", message))
        }
        Some(_) => change(Operation::RemoveFile { path: path.clone(), before: FileBefore::SEALED }),
    }
}

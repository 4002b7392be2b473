//! A folder of the machine beside a folder of the document, file by file. Pure.

use std::collections::HashSet;

use super::compare::{difference, put, trace_of};
use super::place;
use super::wanted::{TreeItem, WantedEntry, WantedTree};
use crate::formats::upcase;
use crate::kinds::{Comparison, Context, Kind as _};
use crate::model::certificate::{FileBefore, FileContent};
use crate::model::digest;
use crate::model::fact::{Facts, Queries};
use crate::model::file::{FileAspect, FileHolds, FilePath, FileState};
use crate::model::file_tree::{TreeEntry, TreeKind};
use crate::model::operation::Operation;
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

pub fn wants(entry: &WantedEntry, wanted: &WantedTree, facts: &Facts, context: &Context<'_>, queries: &mut Queries) {
    // They are many: what has its answer is not asked again.
    let open = wanted.items.iter().filter(|item| facts.file(&item.path, &FileAspect::Digest).is_none());
    open.for_each(|item| queries.file(&item.path, FileAspect::Digest));
    if wanted.exclusive || wanted.report_unmanaged || context.survey {
        queries.file(&entry.path.value, FileAspect::Tree);
    }
}

pub fn compare(entry: &WantedEntry, wanted: &WantedTree, own: Decision, facts: &Facts) -> Comparison {
    let id = entry.address();
    if own.verdict == Verdict::Blocked {
        let blocked = |(id, at)| Decision { id, at, ..own.clone() };
        let decisions = entry.resources().into_iter().filter(|(id, _)| id.part() != Some(super::SECURITY_PART));
        return Comparison { decisions: decisions.map(blocked).collect(), ..Comparison::default() };
    }
    let mut decisions = Vec::with_capacity(wanted.items.len() + 1);
    decisions.push(own);
    decisions.extend(wanted.items.iter().map(|item| one(entry, item, &id, facts)));
    let mut comparison = Comparison { decisions, ..Comparison::default() };
    unnamed(entry, wanted, &id, facts, &mut comparison);
    comparison
}

fn one(entry: &WantedEntry, item: &TreeItem, id: &ResourceId, facts: &Facts) -> Decision {
    let (id, at) = (ResourceId::part_of(id, &item.name), entry.at);
    let state = match place::observed(facts, &item.path, &FileAspect::Digest) {
        Ok(state) => state,
        Err(unread) => return place::unread(id, at, &unread),
    };
    let fact = state.present();
    let holds = fact.map(|fact| &fact.holds);
    match &item.file {
        None => {
            let there = digest::of(&[b"folder"]);
            match holds {
                Some(FileHolds::Folder) => Decision::keep(id, at).traced(Trace::same(there)),
                Some(_) => {
                    let reason = Reason::with("files.not_a_folder", format!("a file stands at {}", item.path));
                    Decision::blocked(id, at, reason)
                }
                None => {
                    let missing = match state {
                        FileState::Absent { missing_folders } => *missing_folders,
                        FileState::Present(_) => 0,
                    };
                    let mut operations = place::folders_above(&item.path, missing);
                    operations.push(Operation::CreateFolder { path: item.path.clone() });
                    let trace = Trace { wanted: there, found: digest::ABSENT, secret: None };
                    Decision::change(id, at, Action::Create, Reason::code("files.absent"), operations).traced(trace)
                }
            }
        }
        Some(file) => {
            let trace = trace_of(file, fact);
            match holds {
                Some(FileHolds::Folder) => {
                    let reason = Reason::with("files.not_a_file", format!("a folder stands at {}", item.path));
                    Decision::blocked(id, at, reason)
                }
                Some(FileHolds::Digest { size, sha256 }) if *size == file.size() && *sha256 == file.digest() => {
                    Decision::keep(id, at).traced(trace)
                }
                _ => {
                    let (action, reason) = difference(state, file);
                    let content = FileContent::Bytes(file.bytes().into());
                    Decision::change(id, at, action, reason, put(&item.path, content, state)).traced(trace)
                }
            }
        }
    }
}

/// What is below the folder and not named: removed, the innermost first, or listed.
fn unnamed(entry: &WantedEntry, wanted: &WantedTree, id: &ResourceId, facts: &Facts, comparison: &mut Comparison) {
    let state = match facts.file(&entry.path.value, &FileAspect::Tree) {
        None => return,
        Some(Err(unread)) if wanted.exclusive => {
            // What is too much cannot be told, so nobody can say that the folder is as it should be.
            if let Some(own) = comparison.decisions.first_mut() {
                *own = place::unread(id.clone(), entry.at, unread);
            }
            return;
        }
        Some(Err(_)) => return,
        Some(Ok(state)) => state,
    };
    let Some(FileHolds::Tree(found)) = state.present().map(|fact| &fact.holds) else { return };
    let named: HashSet<String> = wanted.items.iter().map(|item| upcase::fold(&item.name)).collect();
    let unnamed: Vec<&TreeEntry> = found.iter().filter(|found| !named.contains(&upcase::fold(&found.path))).collect();
    if !wanted.exclusive {
        comparison.unmanaged.extend(unnamed.iter().map(|found| ResourceId::part_of(id, &found.path)));
        return;
    }
    for found in unnamed.into_iter().rev() {
        let id = ResourceId::part_of(id, &found.path);
        let path = FilePath::parse(&format!("{}\\{}", entry.path.value, found.path));
        let reason = Reason::code("files.not_named");
        let blocked = |detail: &str| Reason::with("files.not_removable", detail.to_owned());
        let operation = match (found.kind, path) {
            (_, Err(error)) => Err(blocked(&error.to_string())),
            (TreeKind::Link, _) => Err(blocked("it is a link")),
            (TreeKind::Other, _) => Err(blocked("it is neither a file nor a folder")),
            (TreeKind::File, Ok(path)) => Ok(Operation::RemoveFile { path, before: FileBefore::SEALED }),
            (TreeKind::Folder, Ok(path)) => Ok(Operation::RemoveFolder { path }),
        };
        comparison.decisions.push(match operation {
            Ok(operation) => Decision::change(id, entry.at, Action::Delete, reason, vec![operation]),
            Err(reason) => Decision::blocked(id, entry.at, reason),
        });
    }
}

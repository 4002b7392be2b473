//! Who may do what with a file or folder: asked of the running machine, and changed there. Pure.

use super::place;
use super::wanted::{SECURITY_PART, WantedEntry};
use crate::kinds::Kind as _;
use crate::kinds::registry::{Securable, descriptor_after, security_accounts, security_words};
use crate::model::digest;
use crate::model::fact::{Facts, Queries, Unread};
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe};
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

pub fn wants(entry: &WantedEntry, _: &Facts, queries: &mut Queries) {
    let Some(security) = &entry.security else { return };
    security_accounts(&security.value, queries);
    queries.probe(probe(entry));
}

fn probe(entry: &WantedEntry) -> Probe {
    Probe::FileSecurity { path: entry.path.value.clone() }
}

pub fn compare(entry: &WantedEntry, facts: &Facts) -> Option<Decision> {
    let security = entry.security.as_ref()?;
    let (id, at) = (ResourceId::part_of(&entry.address(), SECURITY_PART), security.at);
    let object = if entry.is_folder() { Securable::Folder } else { Securable::File };
    let deferred =
        |reason| Decision { verdict: Verdict::Deferred, reasons: vec![reason], ..Decision::keep(id.clone(), at) };
    let before = match facts.probe(&probe(entry)) {
        Some(Ok(Answer::Security(bytes))) => bytes,
        Some(Ok(_)) => {
            let message = "it is not there yet; the next run sets who may do what with it";
            return Some(deferred(Reason::with("files.security_deferred", message)));
        }
        Some(Err(unread @ Unread::Unsupported { .. })) => {
            return Some(deferred(Reason::with("files.security_deferred", unread.to_string())));
        }
        Some(Err(unread)) => return Some(place::unread(id, at, unread)),
        None => {
            let unread =
                Unread::Failed { what: entry.path.value.to_string(), detail: "the machine was not asked".into() };
            return Some(place::unread(id, at, &unread));
        }
    };
    let words = security_words(&security.value);
    let wanted = digest::of(&[b"statement", words.as_bytes()]);
    Some(match descriptor_after(&security.value, before, object, facts) {
        Ok(None) => Decision::keep(id, at).traced(Trace::same(wanted)),
        Ok(Some(after)) => {
            let operation = Operation::Adjust {
                what: probe(entry),
                before: Answer::Security(before.clone()),
                after: Answer::Security(after),
            };
            let reason = Reason::with("files.security_differs", format!("{words} is asked"));
            let trace = Trace { wanted, found: digest::of(&[b"security", before]), secret: None };
            Decision::change(id, at, Action::Update, reason, vec![operation]).traced(trace)
        }
        Err(mut reason) => {
            reason.move_to("files");
            Decision::blocked(id, at, reason)
        }
    })
}

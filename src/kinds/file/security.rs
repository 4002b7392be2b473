//! Who may do what with a file or folder: asked of the running machine, and changed there. Pure.
//!
//! What a run makes has no descriptor yet: what it will inherit is worked out from the nearest folder above that is there, and from what
//! the document wants of the folders between. Owner and group are then the maker's; nothing is said of them that is not asked for.

use std::sync::Arc;

use super::place;
use super::wanted::{SECURITY_PART, WantedContent, WantedEntry};
use crate::formats::security_descriptor::{Child, Creator, PRIVATE_FILE, SecurityDescriptor, inherited_by};
use crate::kinds::registry::{Securable, WantedSecurity, descriptor_after, security_accounts, security_words};
use crate::kinds::{Context, Kind as _};
use crate::model::digest;
use crate::model::fact::{Facts, Observed, Queries, Unread};
use crate::model::file::FilePath;
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe};
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::sid::Sid;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// What an entry wants of the security of its file or folder.
#[derive(Clone, Debug)]
pub struct WantedOfFile {
    security: WantedSecurity,
    object: Securable,
}

impl WantedOfFile {
    /// `None` for an entry that wants nothing of it.
    pub fn of(entry: &WantedEntry) -> Option<Self> {
        let security = entry.security.as_ref().filter(|_| entry.is_present())?;
        Some(Self { security: security.value.clone(), object: object(entry) })
    }
}

const fn object(entry: &WantedEntry) -> Securable {
    if entry.is_folder() { Securable::Folder } else { Securable::File }
}

pub fn wants(entry: &WantedEntry, facts: &Facts, queries: &mut Queries) {
    let Some(security) = &entry.security else { return };
    security_accounts(&security.value, queries);
    queries.probe(probe(&entry.path.value));
    if is_absent(&entry.path.value, facts) {
        for folder in std::iter::successors(entry.path.value.parent(), FilePath::parent) {
            let is_next = is_absent(&folder, facts);
            queries.probe(probe(&folder));
            if !is_next {
                break;
            }
        }
    }
}

fn probe(path: &FilePath) -> Probe {
    Probe::FileSecurity { path: path.clone() }
}

fn is_absent(path: &FilePath, facts: &Facts) -> bool {
    matches!(facts.probe(&probe(path)), Some(Ok(Answer::Absent)))
}

/// `is_made`: the plan makes the file or folder, or changes what it holds.
pub fn compare(entry: &WantedEntry, facts: &Facts, context: &Context<'_>, is_made: bool) -> Option<Decision> {
    let security = entry.security.as_ref()?;
    let (id, at) = (ResourceId::part_of(&entry.address(), SECURITY_PART), security.at);
    let deferred = |said: String| {
        let reasons = vec![Reason::with("files.security_deferred", said)];
        Some(Decision { verdict: Verdict::Deferred, reasons, ..Decision::keep(id.clone(), at) })
    };
    let (before, inherited) = match facts.probe(&probe(&entry.path.value)) {
        Some(Ok(Answer::Security(bytes))) => (Answer::Security(bytes.clone()), Arc::clone(bytes)),
        Some(Ok(_)) if is_made => match inherited(entry, facts, context) {
            Ok(bytes) => (Answer::Absent, bytes),
            Err(unread) => return deferred(unread.to_string()),
        },
        Some(Ok(_)) => return deferred("it is not there yet; the next run sets who may do what with it".into()),
        Some(Err(unread @ Unread::Unsupported { .. })) => return deferred(unread.to_string()),
        Some(Err(unread)) => return Some(place::unread(id, at, unread)),
        None => return Some(place::unread(id, at, &not_asked(&entry.path.value))),
    };
    let words = security_words(&security.value);
    let wanted = digest::of(&[b"statement", words.as_bytes()]);
    Some(match descriptor_after(&security.value, &inherited, object(entry), facts) {
        Ok(None) => Decision::keep(id, at).traced(Trace::same(wanted)),
        Ok(Some(after)) => {
            let action = if before == Answer::Absent { Action::Create } else { Action::Update };
            let after = if before == Answer::Absent { of_new(&after) } else { after };
            let found = if before == Answer::Absent { digest::ABSENT } else { digest::of(&[b"security", &inherited]) };
            let step = Operation::Adjust { what: probe(&entry.path.value), before, after: Answer::Security(after) };
            let reason = Reason::with("files.security_differs", format!("{words} is asked"));
            let trace = Trace { wanted, found, secret: None };
            Decision::change(id, at, action, reason, vec![step]).traced(trace)
        }
        Err(mut reason) => {
            reason.move_to("files");
            Decision::blocked(id, at, reason)
        }
    })
}

fn not_asked(path: &FilePath) -> Unread {
    Unread::Failed { what: path.to_string(), detail: "the machine was not asked".into() }
}

/// The descriptor that a file or folder will have when this run has made it. Nobody owns it yet.
fn inherited(entry: &WantedEntry, facts: &Facts, context: &Context<'_>) -> Observed<Arc<[u8]>> {
    let path = &entry.path.value;
    let failed = |detail: String| Unread::Failed { what: format!("what {path} will inherit"), detail };
    let bytes = |one: &SecurityDescriptor| one.to_bytes().map(Arc::from).map_err(|error| failed(error.to_string()));
    if matches!(entry.content, WantedContent::Secret(_)) {
        let private: SecurityDescriptor = PRIVATE_FILE.parse().map_err(|_| failed("it is for nobody".into()))?;
        return bytes(&private);
    }
    let mut missing = Vec::new();
    let mut above = path.parent();
    let mut found = loop {
        let folder = above.ok_or_else(|| failed("no folder above it is there".into()))?;
        match facts.probe(&probe(&folder)) {
            Some(Ok(Answer::Security(bytes))) => break as_wanted(&folder, Arc::clone(bytes), facts, context),
            Some(Ok(_)) => above = folder.parent(),
            Some(Err(unread)) => return Err(unread.clone()),
            None => return Err(not_asked(&folder)),
        }
        missing.push(folder);
    };
    let creator = Creator { owner: Sid::NOBODY, group: Sid::NOBODY };
    let made = |child: Child, parent: &[u8]| {
        let parent = SecurityDescriptor::parse(parent).map_err(|error| failed(error.to_string()))?;
        bytes(&inherited_by(child, &parent, creator))
    };
    for folder in missing.iter().rev() {
        found = as_wanted(folder, made(Child::Folder, &found)?, facts, context);
    }
    made(if entry.is_folder() { Child::Folder } else { Child::File }, &found)
}

/// What a folder's own entry makes of its descriptor. A wish that is refused blocks the folder, and with it what is in it.
fn as_wanted(folder: &FilePath, found: Arc<[u8]>, facts: &Facts, context: &Context<'_>) -> Arc<[u8]> {
    let wanted = context.file_security_of(&folder.usual_place());
    let after = wanted.map(|wanted| descriptor_after(&wanted.security, &found, wanted.object, facts));
    match after {
        Some(Ok(Some(after))) => after,
        _ => found,
    }
}

/// Of what is set on a new file only what is its own: whoever makes it owns it, and the folder says what comes from it.
fn of_new(after: &[u8]) -> Arc<[u8]> {
    let Ok(parsed) = SecurityDescriptor::parse(after) else { return after.into() };
    let own = parsed.of_file().own();
    let mut out = SecurityDescriptor::default().with_control(own.control()).with_dacl(own.dacl().clone());
    if let Some(owner) = own.owner().filter(|owner| *owner != Sid::NOBODY) {
        out = out.with_owner(owner);
    }
    if let Some(group) = own.group().filter(|group| *group != Sid::NOBODY) {
        out = out.with_group(group);
    }
    out.to_bytes().map_or_else(|_| after.into(), Arc::from)
}

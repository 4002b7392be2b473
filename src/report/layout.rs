//! What a plan's report shows, line by line, before any colour: entries with their changes, equal ones folded.

use std::collections::HashMap;

use super::text::counted;
use crate::formats::certificate_files::FileForm;
use crate::formats::security_descriptor::{AccessMask, SecurityDescriptor};
use crate::model::certificate::{FileContent, Issue, IssueKey, IssuedBy};
use crate::model::fact::{KeyTree, Stored};
use crate::model::operation::{Expression, Hold, Operation, Reversibility};
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::{Reading, RegistryData, push_visible, type_name};
use crate::model::resource::ResourceId;
use crate::model::time::FileTime;
use crate::model::verdict::{Action, Cause, Decision, Verdict};
use crate::plan::Plan;

/// The sign before a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Symbol {
    Create,
    Update,
    Delete,
    Replace,
    Blocked,
    Deferred,
    Pending,
    Unverifiable,
    Waived,
}

impl Symbol {
    pub const fn text(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Delete => "-",
            Self::Replace => "±",
            Self::Blocked => "!",
            Self::Deferred => "»",
            Self::Pending => "…",
            Self::Unverifiable => "?",
            Self::Waived => "=",
        }
    }

    pub const fn of(verdict: &Verdict) -> Option<Self> {
        Some(match verdict {
            Verdict::Keep => return None,
            Verdict::Change { action: Action::Create, .. } => Self::Create,
            Verdict::Change { action: Action::Update, .. } => Self::Update,
            Verdict::Change { action: Action::Delete, .. } => Self::Delete,
            Verdict::Change { action: Action::Replace, .. } => Self::Replace,
            Verdict::Blocked => Self::Blocked,
            Verdict::Deferred => Self::Deferred,
            Verdict::Pending => Self::Pending,
            Verdict::Unverifiable => Self::Unverifiable,
            Verdict::Waived { .. } => Self::Waived,
        })
    }
}

/// One change of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    pub symbol: Symbol,
    /// The part of the entry; the entry itself for its own line.
    pub name: String,
    pub before: Option<String>,
    pub after: Option<String>,
    pub reasons: Vec<String>,
    /// Why it differs, where the record tells.
    pub cause: Option<Cause>,
    /// Whether the steps can be taken back; the worst of them counts.
    pub reversibility: Reversibility,
    /// A list or a long text that changed, line by line: sign and text.
    pub details: Vec<(char, String)>,
}

/// Entries whose changes are the same, with the changes once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub entries: Vec<String>,
    /// When the place was last written, where all entries agree.
    pub last_written: Option<FileTime>,
    pub lines: Vec<Line>,
    /// How many further lines were left out.
    pub hidden: usize,
}

/// The groups of a plan's changes that pass `is_shown`, in plan order; of an entry with more changes than `most` only so many are
/// laid out.
pub fn groups(plan: &Plan, most: usize, is_shown: impl Fn(&Decision) -> bool) -> Vec<Group> {
    let is_shown = |decision: &Decision| Symbol::of(&decision.verdict).is_some() && is_shown(decision);
    let mut groups: Vec<Group> = Vec::new();
    let mut known: HashMap<Vec<Line>, usize> = HashMap::new();
    for span in &plan.after.entries {
        let decisions = plan.decisions.get(span.start..span.end).unwrap_or_default();
        // Decisions of an entry's subkeys carry another name: they stand for themselves.
        for run in decisions.chunk_by(|a, b| a.id.section() == b.id.section() && a.id.name() == b.id.name()) {
            let mut changing = run.iter().filter(|decision| is_shown(decision)).peekable();
            let Some(first) = changing.peek().copied() else { continue };
            let lines: Vec<Line> = changing.by_ref().take(most).filter_map(|one| line(one, plan.hold)).collect();
            let hidden = changing.count();
            let address = first.id.entry().to_string();
            // What is not laid out cannot be compared, so it is not folded.
            let slot = if hidden > 0 { None } else { known.get(&lines).and_then(|at| groups.get_mut(*at)) };
            if let Some(group) = slot {
                group.entries.push(address);
                if group.last_written != first.last_written {
                    group.last_written = None;
                }
            } else {
                if hidden == 0 {
                    known.insert(lines.clone(), groups.len());
                }
                groups.push(Group { entries: vec![address], last_written: first.last_written, lines, hidden });
            }
        }
    }
    groups
}

fn line(decision: &Decision, hold: Hold) -> Option<Line> {
    let symbol = Symbol::of(&decision.verdict)?;
    let (before, after, details) = by_element(decision, sides(decision.shown_operations()));
    let steps = decision.operations().iter().map(|operation| operation.reversibility(hold));
    let name = name(decision);
    let own = format!(" of {}", decision.id.entry());
    Some(Line {
        symbol,
        // What the name says already is not said again.
        after: after.filter(|after| !name.ends_with(&**after)).map(|after| after.replace(&own, "")),
        name,
        before,
        reasons: decision.reasons.iter().map(ToString::to_string).collect(),
        cause: decision.cause.filter(|cause| *cause != Cause::Unrecorded),
        reversibility: steps.max().unwrap_or(Reversibility::Reversible),
        details,
    })
}

fn name(decision: &Decision) -> String {
    match decision.id.part() {
        None => format!("({})", whole_of(decision.id.section())),
        Some("") => "(default)".to_owned(),
        Some(part) => {
            let mut shown = String::with_capacity(part.len());
            part.chars().for_each(|c| push_visible(&mut shown, c));
            shown
        }
    }
}

/// A variable that is a list is shown by its elements that come and go.
fn by_element(decision: &Decision, sides: Sides) -> Sides {
    let (before, after, _) = &sides;
    let [Operation::PutRegistryValue { before: Some(Stored::Plain(old)), after: Expression::Registry(new), .. }] =
        decision.shown_operations()
    else {
        return sides;
    };
    let elements = |data: &RegistryData| match data.reading() {
        Reading::Text(text) if text.contains(';') => Some(text.split(';').map(str::to_owned).collect::<Vec<String>>()),
        _ => None,
    };
    match (elements(old), elements(new)) {
        (Some(old), Some(new)) if decision.id.section() == "environment" => {
            let count = |text: &Option<String>, elements: &[String]| {
                let kind = text.as_deref().and_then(|text| text.split_once(' ')).map(|(kind, _)| kind);
                let kind = kind.filter(|kind| kind.starts_with("REG_")).map(|kind| format!("{kind} "));
                Some(format!("{}{}", kind.unwrap_or_default(), counted(elements.len(), "element")))
            };
            let words = (count(before, &old), count(after, &new));
            (words.0, words.1, changes(&old, &new))
        }
        _ => sides,
    }
}

/// What an entry of a section is, in a word.
fn whole_of(section: &str) -> &str {
    match section {
        "registry" => "key",
        "accounts" => "group",
        "requires" => "requirement",
        "environment" => "variable",
        plural => plural.strip_suffix('s').unwrap_or(plural),
    }
}

type Sides = (Option<String>, Option<String>, Vec<(char, String)>);

/// What the steps of one resource find and leave, in words.
fn sides(operations: &[Operation]) -> Sides {
    let mut details = Vec::new();
    let (mut before_text, mut after_text) = (None, None);
    for operation in operations {
        match operation {
            Operation::PutRegistryValue { before, after, .. } => {
                details = list_difference(before.as_ref(), after);
                before_text = before.as_ref().map(ToString::to_string);
                after_text = Some(after_words(before.as_ref(), after));
            }
            Operation::RemoveRegistryValue { before, .. } => before_text = Some(before.to_string()),
            Operation::PutRegistrySecurity { before, after, .. } => {
                details.extend(security_difference(before, after, AccessMask::key_rights));
            }
            Operation::PutRegistryTree { after, .. } => {
                let (keys, values) = after.size();
                after_text = Some(sizes(keys, values));
            }
            Operation::Issue(issue) => after_text = Some(issue_words(issue)),
            Operation::PutFile { content, .. } => after_text = Some(content_words(content)),
            Operation::PutCertificate { certificate, friendly_name, .. } => {
                let name = friendly_name.as_ref().map_or_else(String::new, |name| format!(", named {name:?}"));
                after_text = Some(format!("{certificate}{name}"));
            }
            Operation::ImportKey { certificate, family, exportable, .. } => {
                let leaves = if *exportable { "exportable" } else { "not exportable" };
                after_text = Some(format!("the key of {certificate}, {family}, {leaves}"));
            }
            Operation::RemoveKey { place } => before_text = Some(place.to_string()),
            Operation::Configure { setting, before, after, .. } => {
                details
                    .extend(setting.secret().map(|reference| ('+', format!("its password (secret from {reference})"))));
                before_text = before.as_deref().map(str::to_owned);
                after_text = after.as_deref().map(str::to_owned);
            }
            // Several of one resource are told one after the other.
            Operation::EditFile { before, after, .. } => {
                for (text, value) in [(&mut before_text, before), (&mut after_text, after)] {
                    let words = value.as_ref().map(ToString::to_string);
                    *text = text.take().into_iter().chain(words).reduce(|one, other| format!("{one}, {other}"));
                }
            }
            Operation::Adjust { before: Answer::Security(before), after: Answer::Security(after), .. } => {
                details.extend(security_difference(before, after, AccessMask::file_rights));
            }
            Operation::Adjust { before: Answer::Absent, after: Answer::Security(after), .. } => {
                details.extend(changes(&[], &entries(after, AccessMask::file_rights)));
            }
            Operation::Adjust { what: Probe::Member { .. }, after: Answer::Flag(is_in), .. } => {
                after_text = is_in.then(|| "member".to_owned());
                before_text = (!is_in).then(|| "member".to_owned());
            }
            Operation::Adjust { what: Probe::UserRight { right, .. }, after: Answer::Flag(has_it), .. } => {
                details.push((if *has_it { '+' } else { '-' }, right.words().to_owned()));
            }
            Operation::Adjust { before, after, .. } => {
                before_text = Some(before.to_string());
                after_text = Some(after.to_string());
            }
            Operation::CreateFile { .. }
            | Operation::RemoveRegistryTree { .. }
            | Operation::RemoveCertificate { .. }
            | Operation::CreateRegistryKey { .. }
            | Operation::RenameRegistryKey { .. }
            | Operation::CreateFolder { .. }
            | Operation::RemoveFolder { .. }
            | Operation::RemoveFile { .. } => {}
        }
    }
    (before_text, after_text, details)
}

/// What is made, in words.
fn issue_words(issue: &Issue) -> String {
    let template = &issue.template;
    let subject = match template.subject.is_empty() {
        true => template.names.first().map(ToString::to_string).unwrap_or_default(),
        false => template.subject.to_string(),
    };
    let key = match &issue.key {
        IssueKey::New(algorithm) => format!("a new {algorithm} key"),
        IssueKey::Reuse(_) => "its present key".to_owned(),
    };
    match &issue.by {
        IssuedBy::Request => format!("request of {subject}, {key}"),
        IssuedBy::Itself | IssuedBy::Authority { .. } => {
            let day = template.not_after.strftime("%Y-%m-%d");
            format!("{subject}, {key}, {}, until {day}", template.digest)
        }
    }
}

fn content_words(content: &FileContent) -> String {
    match content {
        FileContent::Bytes(bytes) => counted(bytes.len(), "byte"),
        FileContent::Form(form) => match (&form.certificate, form.form) {
            (_, FileForm::KeyPem) => "its key".to_owned(),
            (_, FileForm::Csr) => "the request".to_owned(),
            (certificate, form) => format!("{form} of {certificate}"),
        },
        FileContent::RevocationList(list) => {
            let day = list.next_update.strftime("%Y-%m-%d");
            format!("revocation list {}, {} void, until {day}", list.number, list.revoked.len())
        }
        FileContent::CopyOf { path, .. } => format!("copy of {path}"),
        FileContent::Secret { reference } => format!("(secret from {reference})"),
        FileContent::Retired { .. } => "what it held before".to_owned(),
    }
}

fn sizes(keys: usize, values: usize) -> String {
    format!("{}, {}", counted(keys, "key"), counted(values, "value"))
}

/// What a value becomes; its type is said only where it changes.
fn after_words(before: Option<&Stored>, after: &Expression) -> String {
    let text = after.to_string();
    match (before, after) {
        (Some(Stored::Plain(before)), Expression::Registry(after)) if before.value_type == after.value_type => {
            let name = type_name(after.value_type);
            text.strip_prefix(&*name).map_or(text.clone(), |rest| rest.trim_start().to_owned())
        }
        _ => text,
    }
}

/// The elements of a list that came and went.
fn list_difference(before: Option<&Stored>, after: &Expression) -> Vec<(char, String)> {
    let (Some(Stored::Plain(before)), Expression::Registry(after)) = (before, after) else { return Vec::new() };
    let (Reading::Texts(before), Reading::Texts(after)) = (before.reading(), after.reading()) else {
        return Vec::new();
    };
    changes(&before, &after)
}

fn changes(before: &[String], after: &[String]) -> Vec<(char, String)> {
    let old: Vec<&str> = before.iter().map(String::as_str).collect();
    let new: Vec<&str> = after.iter().map(String::as_str).collect();
    similar::TextDiff::from_slices(&old, &new)
        .iter_all_changes()
        .filter_map(|change| match change.tag() {
            similar::ChangeTag::Delete => Some(('-', change.value().to_owned())),
            similar::ChangeTag::Insert => Some(('+', change.value().to_owned())),
            similar::ChangeTag::Equal => None,
        })
        .collect()
}

/// The entries of a security descriptor that come and go.
/// The rights in the words of what the descriptor belongs to.
fn security_difference(before: &[u8], after: &[u8], rights: fn(AccessMask) -> String) -> Vec<(char, String)> {
    changes(&entries(before, rights), &entries(after, rights))
}

fn entries(descriptor: &[u8], rights: fn(AccessMask) -> String) -> Vec<String> {
    let Ok(parsed) = SecurityDescriptor::parse(descriptor) else { return vec!["(damaged descriptor)".to_owned()] };
    let mut out: Vec<String> = parsed.owner().map(|owner| format!("owner {}", shown(&owner))).into_iter().collect();
    for entry in parsed.dacl().entries() {
        out.push(match entry.account() {
            Some(account) => {
                let verb = if account.kind.denies() { "deny" } else { "allow" };
                let inherited = if entry.is_inherited() { ", inherited" } else { "" };
                format!("{verb} {}: {}{inherited}", shown(&account.sid), rights(account.mask))
            }
            None => "(other entry)".to_owned(),
        });
    }
    out
}

fn shown(sid: &crate::model::sid::Sid) -> String {
    sid.account().unwrap_or_else(|| sid.to_string())
}

/// What goes, by name: removals are said twice, so that nobody overlooks them.
pub fn removals(plan: &Plan) -> Vec<String> {
    let goes = |decision: &&Decision| matches!(decision.verdict, Verdict::Change { action: Action::Delete, .. });
    plan.decisions
        .iter()
        .filter(goes)
        .flat_map(|decision| {
            let id = &decision.id;
            let trees = decision.operations().iter().filter_map(|operation| match operation {
                Operation::RemoveRegistryTree { key, before } => Some(removed_tree(id, key, before)),
                _ => None,
            });
            let trees: Vec<String> = trees.collect();
            if trees.is_empty() { vec![id.to_string()] } else { trees }
        })
        .collect()
}

/// A key that goes, and what goes with it; a key that no entry names, such as a parent that was made for one, by its own path.
fn removed_tree(id: &ResourceId, key: &RegistryKey, before: &KeyTree) -> String {
    let address = if RegistryKey::parse(id.name()).is_ok_and(|named| named == *key) {
        id.to_string()
    } else {
        format!("key {key}")
    };
    match before.size() {
        (1, 0) => address,
        (keys, values) => format!("{address} ({})", sizes(keys, values)),
    }
}

/// Every key and value below a tree that goes, indented.
pub fn tree_lines(plan: &Plan) -> HashMap<String, Vec<String>> {
    let mut out = HashMap::new();
    for decision in &plan.decisions {
        if let [Operation::RemoveRegistryTree { before, .. }] = decision.operations() {
            let mut lines = Vec::new();
            list(before, 0, &mut lines);
            out.insert(decision.id.entry().to_string(), lines);
        }
    }
    out
}

fn list(tree: &KeyTree, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let visible = |text: &str| {
        let mut shown = String::new();
        text.chars().for_each(|c| push_visible(&mut shown, c));
        shown
    };
    if depth > 0 {
        lines.push(format!("{}{}\\", "  ".repeat(depth - 1), visible(&tree.name)));
    }
    for value in &tree.values {
        let name = if value.name.is_empty() { "(default)".to_owned() } else { visible(&value.name) };
        lines.push(format!("{indent}{name} = {}", value.data));
    }
    for subkey in &tree.subkeys {
        list(subkey, depth + 1, lines);
    }
}

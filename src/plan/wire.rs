//! The plan's JSON form, apart from the plan itself: what other programs read, and what a saved plan holds.
//! `format_version` is `major.minor`; a minor adds fields, an unknown major is refused.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Bookkeeping, Dependencies, EntrySpan, Orphan, Plan, Restarts, Summary};
use crate::model::fact::Identity;
use crate::model::operation::{Hold, Operation, Reversibility};
use crate::model::remembered::Owed;
use crate::model::resource::ResourceId;
use crate::model::source::{FileId, Location};
use crate::model::time::FileTime;
use crate::model::verdict::{Action, Cause, Decision, Finding, Reason, Severity, Verdict, no_services};

/// The version of the form that this code writes.
pub const FORMAT_VERSION: &str = "1.1";

/// A plan as JSON. Resources that stay as they are are only counted.
#[derive(Debug, Serialize, Deserialize)]
pub struct WirePlan<'p> {
    pub format_version: Cow<'p, str>,
    pub as_of: jiff::Timestamp,
    pub machine: Cow<'p, Identity>,
    /// The document's name in the record.
    #[serde(default)]
    pub document: Cow<'p, str>,
    pub documents: Cow<'p, [String]>,
    pub summary: Summary,
    pub resources: Vec<WireResource<'p>>,
    pub findings: Vec<WireFinding<'p>>,
    pub unmanaged: Cow<'p, [ResourceId]>,
    #[serde(default, skip_serializing_if = "<[Orphan]>::is_empty")]
    pub orphans: Cow<'p, [Orphan]>,
    /// How many entries of other documents the record holds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub elsewhere: usize,
    #[serde(default, skip_serializing_if = "<[Bookkeeping]>::is_empty")]
    pub bookkeeping: Cow<'p, [Bookkeeping]>,
    #[serde(default, skip_serializing_if = "Owed::is_empty")]
    pub owed: Cow<'p, Owed>,
    #[serde(default, skip_serializing_if = "Restarts::is_empty")]
    pub restarts: Cow<'p, Restarts>,
    /// Secrets that are overwritten are kept, sealed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hold: bool,
}

const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// One resource that does not simply stay.
#[derive(Debug, Serialize, Deserialize)]
pub struct WireResource<'p> {
    pub address: Cow<'p, ResourceId>,
    pub location: WireLocation<'p>,
    pub action: WireAction,
    pub reasons: Cow<'p, [Reason]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_written: Option<FileTime>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reboot: bool,
    #[serde(default, skip_serializing_if = "<[Box<str>]>::is_empty")]
    pub restart: Cow<'p, [Box<str>]>,
    #[serde(default, skip_serializing_if = "<[Box<str>]>::is_empty")]
    pub stop_first: Cow<'p, [Box<str>]>,
    /// Why it differs, by what was last applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Resources of one document entry share its number; they wait for all entries that it needs.
    pub entry: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<WireOperation<'p>>,
}

/// A step and whether it can be taken back.
#[derive(Debug, Serialize, Deserialize)]
pub struct WireOperation<'p> {
    pub reversibility: Reversibility,
    #[serde(flatten)]
    pub operation: Cow<'p, Operation>,
}

/// What becomes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WireAction {
    Create,
    Update,
    Delete,
    Replace,
    Blocked,
    Deferred,
    Pending,
    Unverifiable,
    /// It differs and is let be for a while; its operations are not performed.
    Waived,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct WireLocation<'p> {
    pub file: Cow<'p, str>,
    pub line: u32,
    pub column: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct WireFinding<'p> {
    pub severity: Severity,
    pub code: Cow<'p, str>,
    pub message: Cow<'p, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Cow<'p, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Cow<'p, ResourceId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<WireLocation<'p>>,
}

/// Why a JSON text is not a plan of this version.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the plan has format version {found}; this trueup reads {FORMAT_VERSION} and later minors")]
    Version { found: String },
    #[error("the plan names the document {file}, which it does not list")]
    UnknownDocument { file: String },
    #[error("the plan's resources are not numbered in order")]
    Order,
}

/// Whether a `major.minor` has the major that this code reads.
pub fn is_known_version(version: &str) -> bool {
    let major = |text: &str| text.split('.').next().and_then(|major| major.parse::<u32>().ok());
    major(version).is_some() && major(version) == major(FORMAT_VERSION)
}

impl<'p> WirePlan<'p> {
    pub fn new(plan: &'p Plan) -> Self {
        let location = |at: Location| WireLocation {
            file: plan.files.get(at.file.index()).map_or(Cow::Borrowed(""), |name| Cow::Borrowed(&**name)),
            line: at.line,
            column: at.column,
        };
        let mut resources = Vec::new();
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        for (entry, span) in plan.after.entries.iter().enumerate() {
            let decisions = plan.decisions.get(span.start..span.end).into_iter().flatten();
            let mut changing =
                decisions.filter_map(|decision| Some((decision, action_of(&decision.verdict)?))).peekable();
            if changing.peek().is_none() {
                continue;
            }
            let number = numbers.len();
            let needs: Vec<usize> = span.needs.iter().filter_map(|needed| numbers.get(needed).copied()).collect();
            numbers.insert(entry, number);
            resources.extend(changing.map(|(decision, action)| WireResource {
                address: Cow::Borrowed(&decision.id),
                location: location(decision.at),
                action,
                reasons: Cow::Borrowed(&decision.reasons),
                last_written: decision.last_written,
                reboot: decision.reboot,
                restart: Cow::Borrowed(&decision.restart),
                stop_first: Cow::Borrowed(&decision.stop_first),
                cause: decision.cause,
                entry: number,
                needs: needs.clone(),
                operations:
                    decision.shown_operations().iter().map(|step| WireOperation::new(step, plan.hold)).collect(),
            }));
        }
        let finding = |finding: &'p Finding| WireFinding {
            severity: finding.severity,
            code: Cow::Borrowed(&finding.code),
            message: Cow::Borrowed(&finding.message),
            hint: finding.hint.as_deref().map(Cow::Borrowed),
            address: finding.id.as_ref().map(Cow::Borrowed),
            location: finding.at.map(location),
        };
        Self {
            format_version: Cow::Borrowed(FORMAT_VERSION),
            as_of: plan.as_of,
            machine: Cow::Borrowed(&plan.machine),
            document: Cow::Borrowed(&plan.document),
            documents: Cow::Borrowed(&plan.files),
            summary: plan.summary(),
            resources,
            findings: plan.findings.iter().map(finding).collect(),
            unmanaged: Cow::Borrowed(&plan.unmanaged),
            orphans: Cow::Borrowed(&plan.orphans),
            elsewhere: plan.elsewhere,
            bookkeeping: Cow::Borrowed(&plan.bookkeeping),
            owed: Cow::Borrowed(&plan.owed),
            restarts: Cow::Borrowed(&plan.restarts),
            hold: plan.hold == Hold::Sealed,
        }
    }

    /// The plan that the JSON speaks of; what stays as it is is not in it.
    ///
    /// # Errors
    /// Another major version, or parts that do not fit together.
    pub fn into_plan(self) -> Result<Plan, WireError> {
        if !is_known_version(&self.format_version) {
            return Err(WireError::Version { found: self.format_version.into_owned() });
        }
        let files = self.documents.into_owned();
        let location = |at: WireLocation<'_>| {
            let index = files.iter().position(|name| *name == at.file).and_then(|index| u16::try_from(index).ok());
            let file =
                index.map(FileId::at_index).ok_or_else(|| WireError::UnknownDocument { file: at.file.to_string() })?;
            Ok::<_, WireError>(Location { file, line: at.line, column: at.column, length: 1 })
        };
        let mut after = Dependencies::default();
        let mut decisions = Vec::with_capacity(self.resources.len());
        for resource in self.resources {
            let is_next = resource.entry == after.entries.len();
            let is_last = resource.entry + 1 == after.entries.len();
            if !(is_next || is_last) || resource.needs.iter().any(|needed| *needed >= resource.entry) {
                return Err(WireError::Order);
            }
            if is_next {
                after.entries.push(EntrySpan { start: decisions.len(), end: decisions.len(), needs: resource.needs });
            }
            if let Some(span) = after.entries.last_mut() {
                span.end += 1;
            }
            let operations: Vec<Operation> =
                resource.operations.into_iter().map(|step| step.operation.into_owned()).collect();
            decisions.push(Decision {
                id: resource.address.into_owned(),
                at: location(resource.location)?,
                verdict: verdict_of(resource.action, operations),
                reasons: resource.reasons.into_owned(),
                last_written: resource.last_written,
                reboot: resource.reboot,
                restart: shared(resource.restart),
                stop_first: shared(resource.stop_first),
                trace: None,
                cause: resource.cause,
                chosen: None,
                follows: None,
                stands: false,
            });
        }
        let mut findings = Vec::with_capacity(self.findings.len());
        for finding in self.findings {
            findings.push(Finding {
                severity: finding.severity,
                code: finding.code.into_owned().into(),
                message: finding.message.into_owned(),
                hint: finding.hint.map(Cow::into_owned),
                id: finding.address.map(Cow::into_owned),
                at: finding.location.map(location).transpose()?,
            });
        }
        let unmanaged = self.unmanaged.into_owned();
        let machine = self.machine.into_owned();
        let kept = self.summary.unchanged;
        Ok(Plan {
            as_of: self.as_of,
            machine,
            document: self.document.into_owned(),
            files,
            decisions,
            kept,
            after,
            findings,
            unmanaged,
            orphans: self.orphans.into_owned(),
            elsewhere: self.elsewhere,
            bookkeeping: self.bookkeeping.into_owned(),
            owed: self.owed.into_owned(),
            restarts: self.restarts.into_owned(),
            hold: if self.hold { Hold::Sealed } else { Hold::None },
        })
    }
}

impl<'p> WireOperation<'p> {
    fn new(operation: &'p Operation, hold: Hold) -> Self {
        Self { reversibility: operation.reversibility(hold), operation: Cow::Borrowed(operation) }
    }
}

fn shared(services: Cow<'_, [Box<str>]>) -> Arc<[Box<str>]> {
    if services.is_empty() { no_services() } else { services.into_owned().into() }
}

fn action_of(verdict: &Verdict) -> Option<WireAction> {
    Some(match verdict {
        Verdict::Keep => return None,
        Verdict::Change { action: Action::Create, .. } => WireAction::Create,
        Verdict::Change { action: Action::Update, .. } => WireAction::Update,
        Verdict::Change { action: Action::Delete, .. } => WireAction::Delete,
        Verdict::Change { action: Action::Replace, .. } => WireAction::Replace,
        Verdict::Blocked => WireAction::Blocked,
        Verdict::Deferred => WireAction::Deferred,
        Verdict::Pending => WireAction::Pending,
        Verdict::Unverifiable => WireAction::Unverifiable,
        Verdict::Waived { .. } => WireAction::Waived,
    })
}

fn verdict_of(action: WireAction, operations: Vec<Operation>) -> Verdict {
    let change = |action, operations| Verdict::Change { action, operations };
    match action {
        WireAction::Create => change(Action::Create, operations),
        WireAction::Update => change(Action::Update, operations),
        WireAction::Delete => change(Action::Delete, operations),
        WireAction::Replace => change(Action::Replace, operations),
        WireAction::Blocked => Verdict::Blocked,
        WireAction::Deferred => Verdict::Deferred,
        WireAction::Pending => Verdict::Pending,
        WireAction::Unverifiable => Verdict::Unverifiable,
        WireAction::Waived => Verdict::Waived { operations },
    }
}

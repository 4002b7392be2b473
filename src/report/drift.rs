//! Drift: what of a plan's differences the machine has brought about, and what the document has. A view of a plan.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use super::json::pretty;
use super::layout::groups;
use super::remembered;
use super::style::paint;
use super::text::{TextOptions, most_lines, shown, write_finding, write_group};
use crate::model::fact::{Observed, Unread};
use crate::model::operation::Operation;
use crate::model::remembered::Record;
use crate::model::resource::ResourceId;
use crate::model::time::FileTime;
use crate::model::verdict::{Cause, Decision, Reason, Severity, Verdict};
use crate::plan::wire::FORMAT_VERSION;
use crate::plan::{Orphan, Plan};

/// The differences of a plan by cause.
pub struct Drift<'p> {
    plan: &'p Plan,
    record: &'p Observed<Option<Arc<Record>>>,
    coverage: Option<Coverage>,
}

/// How much of what is there is named, in the places that the document names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Resources that the document names and that are there, or are to be.
    pub managed: usize,
    pub unmanaged: usize,
    /// By section.
    pub sections: BTreeMap<String, SectionCoverage>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SectionCoverage {
    pub managed: usize,
    pub unmanaged: usize,
}

/// The number of differences by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub drift: usize,
    pub asked: usize,
    pub due: usize,
    pub new: usize,
    pub unrecorded: usize,
    pub waived: usize,
    pub unverifiable: usize,
    /// For the live machine: this one cannot hold it.
    pub deferred: usize,
    pub as_applied: usize,
}

impl<'p> Drift<'p> {
    /// Looks at a plan; the coverage is counted where the plan was made for it.
    pub fn of(plan: &'p Plan, record: &'p Observed<Option<Arc<Record>>>, coverage: bool) -> Self {
        Self { plan, record, coverage: coverage.then(|| Coverage::of(plan)) }
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for decision in &self.plan.decisions {
            let slot = match (&decision.verdict, decision.cause) {
                (Verdict::Keep, _) => &mut counts.as_applied,
                (Verdict::Unverifiable, _) => &mut counts.unverifiable,
                (Verdict::Deferred, _) => &mut counts.deferred,
                (Verdict::Waived { .. }, _) => &mut counts.waived,
                (_, Some(Cause::Drift)) => &mut counts.drift,
                (_, Some(Cause::Asked)) => &mut counts.asked,
                (_, Some(Cause::Due)) => &mut counts.due,
                (_, Some(Cause::New)) => &mut counts.new,
                (_, Some(Cause::Unrecorded) | None) => &mut counts.unrecorded,
            };
            *slot += 1;
        }
        counts
    }

    /// Whether something differs that is not waived, or a waiver has run out.
    pub fn differs(&self) -> bool {
        let Counts { drift, asked, due, new, unrecorded, .. } = self.counts();
        drift + asked + due + new + unrecorded > 0
    }

    fn differences(&self) -> Vec<&'p Decision> {
        let mut all: Vec<&Decision> = self.plan.decisions.iter().filter(|decision| decision.differs()).collect();
        // A stable sort: within a cause, the plan's order.
        all.sort_by_key(|decision| kind(decision));
        all
    }
}

/// Whether it is waived, and why it differs: in the order in which a report tells of them.
type Kind = (bool, Option<Cause>);

fn kind(decision: &Decision) -> Kind {
    (matches!(decision.verdict, Verdict::Waived { .. }), decision.cause)
}

impl Coverage {
    fn of(plan: &Plan) -> Self {
        let mut sections: BTreeMap<String, SectionCoverage> = BTreeMap::new();
        let mut named: HashSet<ResourceId> = HashSet::new();
        for decision in &plan.decisions {
            if named.insert(decision.id.folded()) {
                sections.entry(decision.id.section().to_owned()).or_default().managed += 1;
            }
        }
        for id in &plan.unmanaged {
            sections.entry(id.section().to_owned()).or_default().unmanaged += 1;
        }
        let sum = |count: fn(&SectionCoverage) -> usize| sections.values().map(count).sum();
        Self { managed: sum(|one| one.managed), unmanaged: sum(|one| one.unmanaged), sections }
    }

    /// Whole per cent of what is there that is named.
    pub fn percent(&self) -> usize {
        let all = self.managed + self.unmanaged;
        (self.managed * 100).checked_div(all).unwrap_or(100)
    }
}

/// The drift for a person: by cause, worst first.
pub fn text(drift: &Drift<'_>, options: &TextOptions) -> String {
    let mut out = String::new();
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for decision in drift.differences() {
        *kinds.entry(kind(decision)).or_default() += 1;
    }
    for (of_kind, count) in kinds {
        let title = match of_kind {
            (true, _) => "waived: differs, and is let be for a while",
            (false, Some(cause)) => cause.sentence(),
            (false, None) => "deferred: for the live machine",
        };
        let _ = writeln!(out, "{}", paint(options.palette.heading, &format!("{count} {title}")));
        let is_shown = |decision: &Decision| decision.differs() && kind(decision) == of_kind;
        for mut group in groups(drift.plan, most_lines(options), is_shown) {
            // The heading has said it.
            group.lines.iter_mut().for_each(|line| line.cause = None);
            write_group(&mut out, &group, options);
        }
        out.push('\n');
    }
    if !drift.plan.unmanaged.is_empty() {
        let heading = format!("There and not named: {}", drift.plan.unmanaged.len());
        let _ = writeln!(out, "{}", paint(options.palette.heading, &heading));
        for id in shown(&drift.plan.unmanaged.iter().map(ToString::to_string).collect::<Vec<_>>(), options) {
            let _ = writeln!(out, "    {id}");
        }
        out.push('\n');
    }
    for finding in &drift.plan.findings {
        write_finding(&mut out, drift.plan, finding, options);
    }
    if !drift.plan.findings.is_empty() {
        out.push('\n');
    }
    remembered::write(&mut out, drift.plan, options);
    if let Some(coverage) = &drift.coverage {
        let Coverage { managed, unmanaged, .. } = coverage;
        let _ = writeln!(
            out,
            "Coverage: {managed} named and {unmanaged} not, in the places that the document names ({} %)",
            coverage.percent()
        );
    }
    match drift.record {
        // What cannot be read is among the findings.
        Ok(Some(_)) | Err(Unread::Failed { .. } | Unread::Refused { .. }) => {}
        Ok(None) => {
            out.push_str("Nothing was applied on this machine yet: there is nothing to have drifted from.\n");
        }
        Err(unread) => {
            let _ = writeln!(out, "The causes are not known: {unread}.");
        }
    }
    let _ = writeln!(out, "{}", paint(options.palette.heading, &summary(&drift.counts())));
    out
}

fn summary(counts: &Counts) -> String {
    let Counts { drift, asked, due, new, unrecorded, waived, unverifiable, deferred, as_applied } = counts;
    let mut text = format!("Drift: {drift} drifted, {asked} asked since, {new} new, {unrecorded} unrecorded");
    for (count, word) in [(due, "due"), (waived, "waived"), (unverifiable, "unverifiable"), (deferred, "deferred")] {
        if *count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    let _ = write!(text, "; {as_applied} as wanted");
    text
}

/// What a value is and what it is to be, each with its type.
fn whole_sides(operations: &[Operation]) -> (Option<String>, Option<String>) {
    let of = |operation: &Operation| match operation {
        Operation::PutRegistryValue { before, after, .. } => {
            Some((before.as_ref().map(ToString::to_string), Some(after.to_string())))
        }
        Operation::RemoveRegistryValue { before, .. } => Some((Some(before.to_string()), None)),
        _ => None,
    };
    operations.iter().find_map(of).unwrap_or_default()
}

/// The drift for a program.
///
/// # Errors
/// As [`super::json::plan`].
pub fn json(drift: &Drift<'_>) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Wire<'d> {
        format_version: &'static str,
        as_of: jiff::Timestamp,
        recorded: bool,
        differs: bool,
        counts: Counts,
        #[serde(skip_serializing_if = "Option::is_none")]
        coverage: Option<WireCoverage<'d>>,
        differences: Vec<WireDifference<'d>>,
        unmanaged: &'d [ResourceId],
        orphans: &'d [Orphan],
        findings: Vec<WireFinding<'d>>,
    }
    #[derive(Serialize)]
    struct WireFinding<'d> {
        severity: Severity,
        code: &'d str,
        message: &'d str,
    }
    #[derive(Serialize)]
    struct WireCoverage<'d> {
        percent: usize,
        #[serde(flatten)]
        coverage: &'d Coverage,
    }
    #[derive(Serialize)]
    struct WireDifference<'d> {
        address: &'d ResourceId,
        cause: Option<Cause>,
        waived: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        found: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        wanted: Option<String>,
        reasons: &'d [Reason],
        #[serde(skip_serializing_if = "Option::is_none")]
        last_written: Option<FileTime>,
    }
    let differences = drift.differences().into_iter().map(|decision| {
        let (found, wanted) = whole_sides(decision.shown_operations());
        WireDifference {
            address: &decision.id,
            cause: decision.cause,
            waived: matches!(decision.verdict, Verdict::Waived { .. }),
            found,
            wanted,
            reasons: &decision.reasons,
            last_written: decision.last_written,
        }
    });
    let findings = drift.plan.findings.iter().map(|finding| WireFinding {
        severity: finding.severity,
        code: &finding.code,
        message: &finding.message,
    });
    let coverage = drift.coverage.as_ref();
    pretty(&Wire {
        format_version: FORMAT_VERSION,
        as_of: drift.plan.as_of,
        recorded: matches!(drift.record, Ok(Some(_))),
        differs: drift.differs(),
        counts: drift.counts(),
        coverage: coverage.map(|coverage| WireCoverage { percent: coverage.percent(), coverage }),
        differences: differences.collect(),
        unmanaged: &drift.plan.unmanaged,
        orphans: &drift.plan.orphans,
        findings: findings.collect(),
    })
}

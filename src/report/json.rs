//! Plans and outcomes for programs to read.

use serde::Serialize;

use crate::apply::ApplyReport;
use crate::plan::Plan;
use crate::plan::wire::{FORMAT_VERSION, WirePlan};

/// The plan as indented JSON that ends with a line break.
///
/// # Errors
/// Never for a plan that was built; serialisation reports it rather than panic.
pub fn plan(plan: &Plan) -> Result<String, serde_json::Error> {
    pretty(&WirePlan::new(plan))
}

/// What a run did.
///
/// # Errors
/// As [`plan`].
pub fn outcome(report: &ApplyReport) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Wire<'r> {
        format_version: &'static str,
        done: usize,
        failed: usize,
        skipped: usize,
        undone: usize,
        waiting: usize,
        #[serde(flatten)]
        report: &'r ApplyReport,
    }
    let (done, failed, skipped, undone) = (report.done(), report.failed(), report.skipped(), report.undone());
    let waiting = report.waiting();
    pretty(&Wire { format_version: FORMAT_VERSION, done, failed, skipped, undone, waiting, report })
}

pub(super) fn pretty<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(text)
}

//! `trueup show`.

use super::arguments::ShowOptions;
use super::terminal::Terminal;
use super::{Outcome, files, plan};
use crate::error::Failure;
use crate::plan::SavedPlan;
use crate::plan::saved::MAX_PLAN_BYTES;

pub fn run(options: &ShowOptions, terminal: &Terminal) -> Outcome {
    let bytes = files::read(&options.plan, MAX_PLAN_BYTES)?;
    let saved = SavedPlan::from_json(&bytes).map_err(|error| {
        Failure::invalid(format!("cannot show {}", options.plan.display()))
            .because(error)
            .hint("`trueup plan FILE --out PLAN` saves a plan")
    })?;
    plan::show(&saved.plan, &options.report, terminal)
}

//! Requirements: what must be so before the rest is done. They are looked at, and never changed. Pure.

mod assertion;
mod document;
mod forms;
mod installed;
mod judge;
mod look;
mod statements;
mod wanted;
mod windows;

pub use document::{DefaultFields, decode_section, merge_rule, section_schema};
pub use wanted::{Assertion, Blocks, WantedRequirement};

use super::{Comparison, Context, ImpliedOrder, Kind};
use crate::model::common::Common;
use crate::model::fact::{Facts, Queries};
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Finding};

impl Kind for WantedRequirement {
    fn address(&self) -> ResourceId {
        ResourceId::new("requires", &*self.name)
    }

    fn at(&self) -> Location {
        self.at
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn resources(&self) -> Vec<(ResourceId, Location)> {
        vec![(self.address(), self.at)]
    }

    fn statements(&self) -> Vec<(ResourceId, String)> {
        vec![(self.address(), self.assertion.to_string())]
    }

    fn wants(&self, facts: &Facts, _: &Context<'_>, queries: &mut Queries) {
        judge::wants(self, facts, queries);
    }

    fn compare(&self, facts: &Facts, _: &Context<'_>) -> Comparison {
        Comparison::one(judge::compare(self, facts))
    }

    fn order(&self) -> ImpliedOrder {
        ImpliedOrder::default()
    }

    fn lint(&self, _: &Facts, _: &Context<'_>, decisions: &[Decision], findings: &mut Vec<Finding>) {
        judge::lint(self, decisions, findings);
    }
}

//! Names in the `hosts` file of the machine, each with its addresses; all else in the file stays. Pure.

mod compare;
mod document;
mod lint;
mod wanted;

pub use document::{DefaultFields, decode_section, merge_rule, section_schema};
pub use wanted::WantedHost;

use super::{Comparison, Context, ImpliedOrder, Kind};
use crate::model::common::Common;
use crate::model::fact::{Facts, Queries};
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Finding};

impl Kind for WantedHost {
    fn address(&self) -> ResourceId {
        ResourceId::new("hosts", &*self.name)
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
        vec![(self.address(), self.to_string())]
    }

    fn wants(&self, facts: &Facts, _: &Context<'_>, queries: &mut Queries) {
        compare::wants(self, facts, queries);
    }

    fn compare(&self, facts: &Facts, _: &Context<'_>) -> Comparison {
        Comparison::one(compare::compare(self, facts))
    }

    fn order(&self) -> ImpliedOrder {
        ImpliedOrder::default()
    }

    fn lint(&self, facts: &Facts, _: &Context<'_>, _: &[Decision], findings: &mut Vec<Finding>) {
        lint::lint(self, facts, findings);
    }
}

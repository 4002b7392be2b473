//! Environment variables, of the machine and of users: values of one registry key each, decided as such. Pure.

mod compare;
mod document;
mod list;
mod wanted;

pub use document::{DefaultFields, decode_section, merge_rule, section_schema};
pub use wanted::{Owner, Text, WantedEnvironment, WantedVariable};

use super::{Comparison, Context, ImpliedOrder, Kind};
use crate::model::common::Common;
use crate::model::fact::{Facts, Queries};
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Finding};

impl Kind for WantedEnvironment {
    fn address(&self) -> ResourceId {
        ResourceId::new("environment", self.owner.name())
    }

    fn at(&self) -> Location {
        self.at
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn resources(&self) -> Vec<(ResourceId, Location)> {
        let id = self.address();
        let parts = self.variables.iter().map(|variable| (ResourceId::part_of(&id, &variable.name), variable.at));
        std::iter::once((id.clone(), self.at)).chain(parts).collect()
    }

    fn statements(&self) -> Vec<(ResourceId, String)> {
        let id = self.address();
        let parts =
            self.variables.iter().map(|variable| (ResourceId::part_of(&id, &variable.name), variable.text.to_string()));
        std::iter::once((id.clone(), "present".to_owned())).chain(parts).collect()
    }

    fn has_secrets(&self) -> bool {
        self.variables.iter().any(|variable| matches!(variable.text, Text::Secret(_)))
    }

    fn wants(&self, facts: &Facts, context: &Context<'_>, queries: &mut Queries) {
        compare::wants(self, facts, context, queries);
    }

    fn compare(&self, facts: &Facts, context: &Context<'_>) -> Comparison {
        compare::compare(self, facts, context)
    }

    fn order(&self) -> ImpliedOrder {
        ImpliedOrder::default()
    }

    fn lint(&self, facts: &Facts, _: &Context<'_>, decisions: &[Decision], findings: &mut Vec<Finding>) {
        compare::lint(self, facts, decisions, findings);
    }
}

//! Local groups: who is in them. Members are SIDs inside and names outside; groups themselves are neither made nor removed. Pure.

mod compare;
mod document;
mod lint;
mod resolve;
mod wanted;

pub use document::{DefaultFields, decode_section, merge_rule, section_schema};
pub use wanted::{Account, WantedGroup, WantedMember};

use super::{Comparison, Context, ImpliedOrder, Kind};
use crate::model::common::Common;
use crate::model::fact::{Facts, Queries};
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Finding};

impl Kind for WantedGroup {
    fn address(&self) -> ResourceId {
        ResourceId::new("accounts", &*self.group.name)
    }

    fn at(&self) -> Location {
        self.at
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn resources(&self) -> Vec<(ResourceId, Location)> {
        let id = self.address();
        let parts = self.members.iter().map(|member| (ResourceId::part_of(&id, &member.account.name), member.at));
        std::iter::once((id.clone(), self.at)).chain(parts).collect()
    }

    /// Those who should be in it; who should not may always go.
    fn protects(&self) -> Vec<ResourceId> {
        let id = self.address();
        let members = self.members.iter().filter(|member| member.is_in);
        members.map(|member| ResourceId::part_of(&id, &member.account.name)).collect()
    }

    fn statements(&self) -> Vec<(ResourceId, String)> {
        let id = self.address();
        let whole = if self.exclusive { "there, no other members" } else { "there" };
        let parts = self.members.iter().map(|member| {
            let said = if member.is_in { "member" } else { "no member" };
            (ResourceId::part_of(&id, &member.account.name), said.to_owned())
        });
        std::iter::once((id.clone(), whole.to_owned())).chain(parts).collect()
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

    fn lint(&self, facts: &Facts, _: &Context<'_>, _: &[Decision], findings: &mut Vec<Finding>) {
        lint::lint(self, facts, findings);
    }
}

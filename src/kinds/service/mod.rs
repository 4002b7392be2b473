//! Windows services that some setup has made: when they start, what they do, as whom, after what, and what follows a failure. Pure.

mod account;
mod compare;
mod dependencies_form;
mod document;
mod lint;
mod parts;
mod recovery;
mod recovery_form;
mod statements;
mod survey;
mod wanted;

pub use document::{ServiceDefaults, decode_section, merge_rule, section_schema};
pub use recovery::{Recovery, WantedRecovery};
pub use survey::Services;
pub use wanted::{Expiry, Start, State, WantedAccount, WantedDependencies, WantedService};

use super::{Comparison, Context, ImpliedOrder, Kind};
use crate::model::common::Common;
use crate::model::fact::{Facts, Queries};
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Finding};

impl Kind for WantedService {
    fn address(&self) -> ResourceId {
        ResourceId::new(compare::SECTION, self.name.as_str())
    }

    fn at(&self) -> Location {
        self.at
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn resources(&self) -> Vec<(ResourceId, Location)> {
        let id = self.address();
        let parts = [
            (compare::START, self.start.as_ref().map(|part| part.at)),
            (compare::ACCOUNT, self.account.as_ref().map(|part| part.at)),
            (compare::PASSWORD, self.password().map(|part| part.at)),
            (compare::DEPENDENCIES, self.dependencies.as_ref().map(|part| part.at)),
            (compare::RECOVERY, self.recovery.as_ref().map(|part| part.at)),
            (compare::STATE, self.state.as_ref().map(|part| part.at)),
        ];
        let parts = parts.into_iter().filter_map(|(part, at)| Some((ResourceId::part_of(&id, part), at?)));
        std::iter::once((id.clone(), self.at)).chain(parts).collect()
    }

    fn statements(&self) -> Vec<(ResourceId, String)> {
        statements::of(self)
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

    fn lint(&self, facts: &Facts, context: &Context<'_>, decisions: &[Decision], findings: &mut Vec<Finding>) {
        lint::lint(self, facts, context, decisions, findings);
    }
}

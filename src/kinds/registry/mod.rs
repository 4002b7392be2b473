//! Registry keys and values: typed data, exclusive sets, renames, key security, both views.

pub mod compare;
mod document;
mod lint;
mod moved;
mod security;
mod statements;
mod trace;
mod value_form;
mod value_schema;
mod wanted;

pub use document::*;
pub use lint::SOON;
pub use security::{Securable, descriptor_after, security_accounts, security_words};
pub use statements::consequences;
pub use value_form::{Then as ValueForm, value_name};
pub use wanted::{Expiry, WantedData, WantedGrant, WantedKey, WantedRange, WantedSecurity, WantedValue};

use super::{Comparison, Context, ImpliedOrder, Kind, Place};
use crate::model::common::Common;
use crate::model::fact::{Facts, Queries};
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Finding};

impl Kind for WantedKey {
    fn address(&self) -> ResourceId {
        self.id.clone()
    }

    fn at(&self) -> Location {
        self.at
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn resources(&self) -> Vec<(ResourceId, Location)> {
        let id = self.address();
        let values = self.values.iter().map(|value| (ResourceId::part_of(&id, &value.name), value.at));
        let mut all = vec![(id.clone(), self.at)];
        all.extend(values);
        all
    }

    fn statements(&self) -> Vec<(ResourceId, String)> {
        statements::of(self)
    }

    fn has_secrets(&self) -> bool {
        self.has_secrets()
    }

    fn wants(&self, facts: &Facts, context: &Context<'_>, queries: &mut Queries) {
        compare::wants(self, facts, context, queries);
    }

    fn compare(&self, facts: &Facts, context: &Context<'_>) -> Comparison {
        compare::compare(self, facts, context)
    }

    /// A key comes after every key above it, and after whoever moves it into place.
    fn order(&self) -> ImpliedOrder {
        let above = |key: &crate::model::registry::RegistryKey| {
            std::iter::successors(key.parent(), crate::model::registry::RegistryKey::parent).map(Place::RegistryKey)
        };
        let mut needs: Vec<Place> = above(&self.key).collect();
        needs.extend(self.renamed_from.iter().flat_map(|from| above(&from.value)));
        ImpliedOrder { provides: vec![Place::RegistryKey(self.key.clone())], needs }
    }

    fn lint(&self, facts: &Facts, context: &Context<'_>, decisions: &[Decision], findings: &mut Vec<Finding>) {
        lint::lint(self, facts, context, decisions, findings);
    }
}

//! Files and folders: their whole content, values inside them, and who may do what with them. Pure.

mod clash;
mod compare;
mod document;
mod forms;
pub mod place;
mod security;
mod tree;
mod values;
mod wanted;

pub use document::{DefaultFields, MATERIAL, decode_section, merge_rule, passed_over, section_schema};
pub use security::WantedOfFile;
pub use wanted::{SECURITY_PART, TreeItem, WantedContent, WantedData, WantedEntry, WantedTree, WantedValue};

use super::{Comparison, Context, ImpliedOrder, Kind, Place};
use crate::model::common::Common;
use crate::model::fact::{Facts, Queries};
use crate::model::file::FilePath;
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Finding, Verdict};

impl WantedEntry {
    /// The parts of the entry, each with where the document names it and what it says.
    fn parts(&self) -> Vec<(ResourceId, Location, String)> {
        let id = self.address();
        let part = |name: &str| ResourceId::part_of(&id, name);
        let own = if self.is_present() { self.content.to_string() } else { "absent".to_owned() };
        let mut out = vec![(id.clone(), self.at, format!("{}: {own}", self.path.value))];
        match &self.content {
            WantedContent::Values { values, .. } => {
                let values = values.iter();
                out.extend(values.map(|one| (part(&one.selector.to_string()), one.at, one.data.to_string())));
            }
            WantedContent::Tree(tree) => {
                out.extend(tree.items.iter().map(|item| (part(&item.name), self.at, item.to_string())));
            }
            _ => {}
        }
        if let Some(security) = &self.security {
            out.push((part(SECURITY_PART), security.at, super::registry::security_words(&security.value)));
        }
        out
    }
}

impl Kind for WantedEntry {
    fn address(&self) -> ResourceId {
        ResourceId::new("files", &*self.name)
    }

    fn at(&self) -> Location {
        self.at
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn resources(&self) -> Vec<(ResourceId, Location)> {
        self.parts().into_iter().map(|(id, at, _)| (id, at)).collect()
    }

    fn statements(&self) -> Vec<(ResourceId, String)> {
        self.parts().into_iter().map(|(id, _, words)| (id, words)).collect()
    }

    fn has_secrets(&self) -> bool {
        match &self.content {
            WantedContent::Secret(_) => true,
            WantedContent::Values { values, .. } => {
                values.iter().any(|value| matches!(value.data, WantedData::Secret(_)))
            }
            _ => false,
        }
    }

    fn wants(&self, facts: &Facts, context: &Context<'_>, queries: &mut Queries) {
        compare::wants(self, facts, context, queries);
        security::wants(self, facts, queries);
    }

    fn compare(&self, facts: &Facts, context: &Context<'_>) -> Comparison {
        let mut comparison = compare::compare(self, facts, context);
        let is_made = comparison.decisions.first().is_some_and(|own| matches!(own.verdict, Verdict::Change { .. }));
        comparison.decisions.extend(security::compare(self, facts, context, is_made));
        comparison
    }

    /// Folders come before what is in them.
    fn order(&self) -> ImpliedOrder {
        let own = self.path.value.usual_place();
        let above = std::iter::successors(own.parent(), FilePath::parent).map(Place::File);
        ImpliedOrder { needs: above.collect(), provides: vec![Place::File(own)] }
    }

    fn lint(&self, _: &Facts, _: &Context<'_>, _: &[Decision], _: &mut Vec<Finding>) {}
}

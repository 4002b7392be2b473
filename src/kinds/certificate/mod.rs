//! Certificates: who issues them, whether they are good, where they lie, and what follows when one is replaced.

mod assess;
mod bundle;
mod checks;
mod compare;
mod consumer_places;
mod consumers;
mod document;
mod files;
mod forms;
mod found;
mod inbox;
pub mod inventory;
mod keys;
mod lint;
mod outlook;
mod removal;
mod rules;
mod sight;
mod sites;
mod statements;
mod stores;
mod wanted;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

pub use document::{CertificateDefaults, decode_section, merge_rule, passed_over, section_schema};
pub use outlook::Outlook;
pub use wanted::{Consumer, KeepOld, WantedCertificate, WantedIssuer};

use super::{Comparison, Context, ImpliedOrder, Kind, Place};
use crate::formats::upcase;
use crate::model::common::Common;
use crate::model::fact::{Facts, Queries};
use crate::model::registry::RegistryKey;
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::verdict::{Decision, Finding};
use assess::{Assessment, Scene};
use found::StoreContent;

/// All certificate entries of a document, and what was found out about them on the way: an authority is looked at once, however
/// many it signs.
#[derive(Debug, Default)]
pub struct Certificates {
    entries: HashMap<String, Arc<WantedCertificate>>,
    assessed: RefCell<HashMap<String, Rc<Assessment>>>,
    stores: RefCell<HashMap<RegistryKey, StoreContent>>,
}

impl Certificates {
    pub fn of<'w>(entries: impl Iterator<Item = &'w Arc<WantedCertificate>>) -> Self {
        let entries = entries.map(|entry| (upcase::fold(&entry.name), Arc::clone(entry)));
        Self { entries: entries.collect(), ..Self::default() }
    }

    fn entry(&self, name: &str) -> Option<Arc<WantedCertificate>> {
        self.entries.get(&upcase::fold(name)).cloned()
    }

    fn entries(&self) -> impl Iterator<Item = &WantedCertificate> {
        self.entries.values().map(|entry| &**entry)
    }

    /// What becomes of an entry's certificate; decided when it is first asked for. The facts must be the same each time.
    fn assess(&self, name: &str, scene: Scene<'_>) -> Rc<Assessment> {
        let folded = upcase::fold(name);
        if let Some(known) = self.assessed.borrow().get(&folded) {
            return Rc::clone(known);
        }
        let assessment = match self.entry(name) {
            Some(entry) => assess::assess(&entry, scene),
            None => Assessment {
                current: None,
                fate: assess::Fate::Blocked,
                reasons: Vec::new(),
                result: None,
                warnings: Vec::new(),
                is_own: false,
            },
        };
        let assessment = Rc::new(assessment);
        self.assessed.borrow_mut().insert(folded, Rc::clone(&assessment));
        assessment
    }

    /// What a store holds, read when it is first asked for.
    fn store(&self, key: &RegistryKey, read: impl FnOnce() -> StoreContent) -> StoreContent {
        if let Some(known) = self.stores.borrow().get(key) {
            return known.clone();
        }
        let content = read();
        self.stores.borrow_mut().insert(key.clone(), content.clone());
        content
    }
}

impl Kind for Arc<WantedCertificate> {
    fn address(&self) -> ResourceId {
        WantedCertificate::address(self)
    }

    fn at(&self) -> Location {
        self.at
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn resources(&self) -> Vec<(ResourceId, Location)> {
        compare::resources(self)
    }

    fn statements(&self) -> Vec<(ResourceId, String)> {
        statements::of(self)
    }

    fn wants(&self, facts: &Facts, _: &Context<'_>, queries: &mut Queries) {
        compare::wants(self, facts, queries);
    }

    fn compare(&self, facts: &Facts, context: &Context<'_>) -> Comparison {
        compare::compare(self, facts, context)
    }

    /// A certificate comes after the one that signs it.
    fn order(&self) -> ImpliedOrder {
        let place = |name: &str| Place::Certificate(upcase::fold(name));
        ImpliedOrder {
            provides: vec![place(&self.name)],
            needs: self.signer().filter(|_| self.is_present()).map(place).into_iter().collect(),
        }
    }

    fn lint(&self, facts: &Facts, context: &Context<'_>, decisions: &[Decision], findings: &mut Vec<Finding>) {
        lint::lint(self, facts, context, decisions, findings);
    }
}

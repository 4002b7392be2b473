//! What a plan takes away although it is protected. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Bookkeeping, Plan};
use crate::formats::upcase;
use crate::model::digest;
use crate::model::file::FilePath;
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;
use crate::model::remembered::{Record, Trace};
use crate::model::resource::ResourceId;
use crate::model::thumbprint::Thumbprint;
use crate::model::verdict::{Action, Decision, Finding, Severity, Verdict};

/// The section whose entries are sets of parts that stand each for itself.
const GROUPS: &str = "accounts";

/// What is lost when this is: its entry, but where each part stands for itself.
fn lost_with(id: &ResourceId) -> ResourceId {
    if id.section() == GROUPS { id.clone() } else { id.entry() }
}

/// When protection is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A document is planned.
    Document,
    /// A saved plan is applied, and the record may tell more than it did.
    SavedPlan,
    /// A run is taken back: what goes back to the name that it had is not taken away.
    Rollback,
}

/// Protected things, each by its address, for many lookups.
#[derive(Debug, Default)]
pub struct Protected {
    keys: BTreeMap<RegistryKey, ResourceId>,
    /// By key and folded name.
    values: HashMap<(RegistryKey, String), ResourceId>,
    /// Entries of other sections, by folded address: what they stand for is told by the decisions about them.
    entries: HashMap<ResourceId, ResourceId>,
    /// The files of such entries, whoever removes them.
    files: HashMap<FilePath, ResourceId>,
    /// The certificates of such entries, whoever takes them out of a store.
    certificates: HashMap<Thumbprint, ResourceId>,
}

impl Protected {
    /// What the record alone calls protected, but for marks that the plan lifts.
    pub fn in_record(record: &Record, plan: &Plan) -> Self {
        let lifted = plan.bookkeeping.iter().filter_map(|book| match book {
            Bookkeeping::Unprotect { address } => Some(address.folded()),
            _ => None,
        });
        let mut protected = Self::default();
        protected.insert_marked(record, &lifted.collect());
        protected
    }

    /// Adds an entry, or a part of one together with what holds it.
    pub fn insert(&mut self, id: &ResourceId) {
        if id.section() != "registry" {
            let entry = lost_with(id);
            if let Some(path) = id.part().and_then(|part| FilePath::parse(part).ok()) {
                self.files.entry(path).or_insert_with(|| entry.clone());
            }
            self.entries.entry(entry.folded()).or_insert(entry);
            return;
        }
        let Ok(key) = RegistryKey::parse(id.name()) else { return };
        if let Some(part) = id.part() {
            self.values.entry((key.clone(), upcase::fold(part))).or_insert_with(|| id.clone());
        }
        self.keys.entry(key).or_insert_with(|| id.entry());
    }

    /// Adds the entries that the record marks, each with its parts, but for those at these folded addresses.
    pub fn insert_marked(&mut self, record: &Record, lifted: &HashSet<ResourceId>) {
        for entry in record.entries.values().filter(|entry| entry.protect) {
            if lifted.contains(&entry.address.folded()) {
                continue;
            }
            self.insert(&entry.address);
            if let Some(print) = entry.chosen {
                self.certificates.entry(print).or_insert_with(|| entry.address.clone());
            }
            // Who is recorded as no member of a group may come and go.
            let is_kept = |trace: &Trace| entry.address.section() != GROUPS || trace.found != digest::ABSENT;
            let parts = entry.parts.0.iter().filter(|(_, trace)| is_kept(trace));
            parts.for_each(|(name, _)| self.insert(&ResourceId::part_of(&entry.address, name)));
        }
    }

    /// The protected entry that a decision replaces or takes something of away.
    fn replaced(&self, decision: &Decision) -> Option<&ResourceId> {
        let entry = self.entries.get(&lost_with(&decision.id).folded())?;
        let is_lost = match &decision.verdict {
            // Files are known by their paths: the key of a request goes when it has its place.
            Verdict::Change { action: Action::Delete, operations } => {
                operations.iter().any(|operation| !matches!(operation, Operation::RemoveFile { .. }))
            }
            Verdict::Change { action: Action::Replace, .. } => decision.id.part().is_none(),
            _ => false,
        };
        is_lost.then_some(entry)
    }

    /// The first protected thing that a step takes away, but for those that are let go.
    fn taken_away(&self, operation: &Operation, is_let_go: &dyn Fn(&ResourceId) -> bool) -> Option<&ResourceId> {
        match operation {
            Operation::RemoveRegistryTree { key, .. } | Operation::RenameRegistryKey { from: key, .. } => {
                let below = self.keys.range(key..).take_while(|(protected, _)| protected.starts_with(key));
                below.map(|(_, id)| id).find(|id| !is_let_go(id))
            }
            Operation::RemoveRegistryValue { key, name, .. } => {
                self.values.get(&(key.clone(), upcase::fold(name))).filter(|id| !is_let_go(id))
            }
            Operation::Configure { steps, .. } => steps.iter().find_map(|step| self.taken_away(step, is_let_go)),
            Operation::RemoveFile { path, .. } => self.files.get(path).filter(|id| !is_let_go(id)),
            Operation::RemoveCertificate { thumbprint, .. } => {
                self.certificates.get(thumbprint).filter(|id| !is_let_go(id))
            }
            _ => None,
        }
    }
}

/// What a plan takes away although it is protected: the first such thing of each decision, and none by an entry's own move.
pub fn lost_protected(plan: &Plan, protected: &Protected, occasion: Occasion) -> Vec<Finding> {
    if protected.keys.is_empty() && protected.entries.is_empty() {
        return Vec::new();
    }
    let moves: HashSet<(ResourceId, ResourceId)> = plan
        .bookkeeping
        .iter()
        .filter_map(|book| match book {
            Bookkeeping::Move { from, to } => Some((from.folded(), to.folded())),
            _ => None,
        })
        .collect();
    let is_harmless = |operation: &&Operation| {
        occasion == Occasion::Rollback && matches!(operation, Operation::RenameRegistryKey { .. })
    };
    let lost = |decision: &Decision| {
        let is_own_move = |id: &ResourceId| moves.contains(&(id.entry().folded(), decision.id.entry().folded()));
        let steps = decision.operations().iter().filter(|operation| !is_harmless(operation));
        let mut victims = steps.filter_map(|operation| protected.taken_away(operation, &is_own_move));
        let victim = victims.next().or_else(|| protected.replaced(decision))?;
        Some(finding(decision, victim, occasion))
    };
    plan.decisions.iter().filter_map(lost).collect()
}

fn finding(decision: &Decision, victim: &ResourceId, occasion: Occasion) -> Finding {
    let id = &decision.id;
    let which = match occasion {
        Occasion::Document | Occasion::Rollback => "which is protected",
        Occasion::SavedPlan => "which is protected since the plan was saved",
    };
    let message = if id.folded() == victim.folded() {
        format!("the plan would take away {victim}, {which}")
    } else {
        format!("{id} would take away {victim}, {which}")
    };
    let is_documents = occasion == Occasion::Document;
    let hint = || format!("say `protect: false` in the entry {}, or keep what it protects", victim.entry());
    Finding {
        severity: Severity::Error,
        code: "plan.protected".into(),
        message,
        hint: is_documents.then(hint),
        id: Some(id.clone()),
        at: is_documents.then_some(decision.at),
    }
}

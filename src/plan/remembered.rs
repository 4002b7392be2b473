//! The document beside what the machine's record remembers: why a resource differs, what has left the document, what the record
//! itself has to be told, and what must not be taken away. Pure.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::Plan;
use super::protection::{Occasion, Protected, lost_protected};
use crate::document::Desired;
use crate::formats::upcase;
use crate::kinds::Wanted;
use crate::model::common::Ensure;
use crate::model::digest;
use crate::model::operation::Operation;
use crate::model::remembered::{AppliedEntry, PartIndex, Record, Trace};
use crate::model::resource::ResourceId;
use crate::model::verdict::{Cause, Decision, Verdict};

/// Something that was applied once and that the document no longer names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    pub address: ResourceId,
    /// The run that last applied it, and when that was.
    pub run: Box<str>,
    pub at: jiff::Timestamp,
    /// How many parts of it were applied, for an entry.
    pub parts: usize,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
}

/// What the document asks of the record alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "bookkeeping", rename_all = "snake_case")]
pub enum Bookkeeping {
    /// Forget it, and leave the machine as it is.
    Release { address: ResourceId },
    /// It goes by another address from now on.
    Move { from: ResourceId, to: ResourceId },
    /// Refuse plans that remove it.
    Protect { address: ResourceId },
    /// Allow plans that remove it.
    Unprotect { address: ResourceId },
    /// The record cannot be read: move it aside, and note in a new one what holds.
    BeginAnew,
    /// Tell again what was told before a run that is taken back.
    Restore { run: Box<str> },
}

impl std::fmt::Display for Bookkeeping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Release { address } => write!(f, "release {address}: it stays as it is and is forgotten"),
            Self::Move { from, to } => write!(f, "move {from} to {to}: the address changes, the machine does not"),
            Self::Protect { address } => write!(f, "protect {address}"),
            Self::Unprotect { address } => write!(f, "lift the protection of {address}"),
            Self::Restore { run } => write!(f, "tell again what was told before run {run}"),
            Self::BeginAnew => f.write_str("begin a new record, and move the one that cannot be read aside"),
        }
    }
}

/// What a machine's record says of the things a document names, under whatever address they were applied.
pub struct Remembered<'r> {
    record: Option<&'r Record>,
    /// By the folded address now.
    former: HashMap<ResourceId, Former>,
    /// For what goes by the address under which it was applied.
    here: LastEntry,
    /// For what was applied under another one.
    there: LastEntry,
}

/// A thing that was applied under another address.
struct Former {
    /// Its address now, as the document writes it.
    to: ResourceId,
    from: ResourceId,
}

/// The parts of the entry that was last asked about: questions come entry by entry.
#[derive(Default)]
struct LastEntry(RefCell<Option<(ResourceId, PartIndex)>>);

impl LastEntry {
    fn trace(&self, record: &Record, id: &ResourceId) -> Option<Trace> {
        let Some(part) = id.part() else { return record.entry(id)?.whole };
        let mut last = self.0.borrow_mut();
        let is_same = |known: &ResourceId| known.name() == id.name() && known.section() == id.section();
        if last.as_ref().is_none_or(|(known, _)| !is_same(known)) {
            let parts = record.entry(id).map(|entry| PartIndex::of(&entry.parts)).unwrap_or_default();
            *last = Some((id.entry(), parts));
        }
        last.as_ref().and_then(|(_, parts)| parts.get(part))
    }

    fn is_known(&self, record: &Record, id: &ResourceId) -> bool {
        match id.part() {
            None => record.entry(id).is_some(),
            Some(_) => self.trace(record, id).is_some(),
        }
    }
}

impl<'r> Remembered<'r> {
    pub fn new(record: Option<&'r Record>, desired: &Desired) -> Self {
        let mut former = HashMap::new();
        let (here, there) = (LastEntry::default(), LastEntry::default());
        if let Some(record) = record {
            let moved = desired.moved.iter().map(|moved| (moved.to.value.clone(), moved.from.value.clone()));
            // What is moved on the machine goes by another address, too.
            let renamed = desired.entries.iter().filter_map(|entry| {
                let Wanted::RegistryKey(key) = &entry.wanted else { return None };
                let from = key.renamed_from.as_ref()?;
                Some((entry.wanted.kind().address(), ResourceId::new("registry", from.value.as_str())))
            });
            for (to, from) in moved.chain(renamed) {
                if there.is_known(record, &from) && !here.is_known(record, &to) {
                    former.insert(to.folded(), Former { to, from });
                }
            }
        }
        Self { record, former, here, there }
    }

    /// The address under which something was applied.
    fn former(&self, id: &ResourceId) -> Option<ResourceId> {
        if self.former.is_empty() {
            return None;
        }
        let folded = id.folded();
        if let Some(former) = self.former.get(&folded) {
            return Some(former.from.clone());
        }
        let from = &self.former.get(&folded.entry())?.from;
        Some(id.part().map_or_else(|| from.clone(), |part| ResourceId::part_of(from, part)))
    }

    /// What is remembered of an entry.
    pub fn entry(&self, address: &ResourceId) -> Option<&'r AppliedEntry> {
        let record = self.record?;
        record.entry(address).or_else(|| record.entry(&self.former(address)?))
    }

    /// The trace with which a resource was last applied.
    pub fn trace(&self, id: &ResourceId) -> Option<Trace> {
        let record = self.record?;
        self.here.trace(record, id).or_else(|| self.there.trace(record, &self.former(id)?))
    }

    /// Why a resource of the entry at `entry` differs.
    pub fn cause(&self, decision: &Decision, entry: &ResourceId) -> Cause {
        if self.record.is_none() {
            return Cause::Unrecorded;
        }
        let is_moved_here = |operation: &Operation| matches!(operation, Operation::RenameRegistryKey { .. });
        match (self.trace(&decision.id), decision.trace) {
            // It lies where it was left, and the document has another address for it.
            (Some(_), Some(_))
                if self.former(entry).is_some() && decision.shown_operations().iter().any(is_moved_here) =>
            {
                Cause::Asked
            }
            (Some(then), Some(now)) => {
                let has_moved = if decision.id.part().is_none() && then.found == digest::present(&[]) {
                    // Nobody asked for its security then.
                    now.found == digest::ABSENT
                } else {
                    then.found != now.found
                };
                let secret_moved = matches!((then.secret, now.secret), (Some(then), Some(now)) if then.differs(now));
                if has_moved || secret_moved {
                    Cause::Drift
                } else if then.wanted != now.wanted || is_another_secret(decision) {
                    Cause::Asked
                } else {
                    Cause::Due
                }
            }
            // It held once, and what is there now cannot even be compared.
            (Some(_), None) if decision.verdict == Verdict::Blocked => Cause::Drift,
            // It was named once, and is to go because it is not named any more.
            (Some(_), None) => Cause::Asked,
            // Not named: it came to a place that was as the entry wants it.
            (None, None) if self.entry(entry).is_some() => Cause::Drift,
            (None, _) => Cause::New,
        }
    }
}

/// Whether the secret itself is another one than was written; the document calls it what it did.
fn is_another_secret(decision: &Decision) -> bool {
    let has = |code: &str| decision.reasons.iter().any(|reason| reason.code == code);
    (has("secret.differs") || has("secret.rewritten")) && !has("registry.expired")
}

/// Adds to the plan what has left the document, and what the record has to be told.
pub fn keep_books(plan: &mut Plan, desired: &Desired, remembered: &Remembered<'_>) {
    let Some(record) = remembered.record else {
        protections(plan, desired, remembered);
        return;
    };
    let named: HashMap<ResourceId, usize> = desired
        .entries
        .iter()
        .enumerate()
        .map(|(index, entry)| (entry.wanted.kind().address().folded(), index))
        .collect();
    let released: HashSet<ResourceId> = desired.released.iter().map(|address| address.value.folded()).collect();
    let gone_to: HashMap<ResourceId, &ResourceId> =
        remembered.former.iter().map(|(to, former)| (former.from.folded(), to)).collect();
    let parts_of = parts_named(plan);
    let (mut books, mut orphans, mut elsewhere) = (Vec::new(), Vec::new(), 0);
    for Former { to, from } in remembered.former.iter().collect::<BTreeMap<_, _>>().into_values() {
        books.push(Bookkeeping::Move { from: from.clone(), to: to.clone() });
    }
    for entry in record.entries.values() {
        let address = entry.address.folded();
        let now = gone_to.get(&address).map_or(&address, |to| to);
        let Some(index) = named.get(now) else {
            if released.contains(&address) {
                books.push(Bookkeeping::Release { address: entry.address.clone() });
            } else if *entry.document != *plan.document {
                if !entry.absent {
                    elsewhere += 1;
                }
            } else if !entry.absent {
                orphans.push(orphan(entry, entry.address.clone(), entry.parts.0.len()));
            }
            continue;
        };
        let is_wanted_away =
            desired.entries.get(*index).is_some_and(|entry| entry.wanted.kind().common().ensure == Ensure::Absent);
        if is_wanted_away || *entry.document != *plan.document {
            continue;
        }
        let known = parts_of.get(now).map_or(&[][..], Vec::as_slice);
        let unnamed = unnamed_parts(entry, known);
        for part in unnamed {
            let id = ResourceId::part_of(&entry.address, part);
            let folded = id.folded();
            if released.contains(&folded) {
                books.push(Bookkeeping::Release { address: id });
            } else if !gone_to.contains_key(&folded) {
                orphans.push(orphan(entry, id, 0));
            }
        }
    }
    (plan.bookkeeping, plan.orphans, plan.elsewhere) = (books, orphans, elsewhere);
    protections(plan, desired, remembered);
}

fn orphan(entry: &AppliedEntry, address: ResourceId, parts: usize) -> Orphan {
    Orphan { address, run: entry.run.clone(), at: entry.at, parts, protect: entry.protect }
}

/// By folded entry address, the parts that the plan decides about, in its order.
fn parts_named(plan: &Plan) -> HashMap<ResourceId, Vec<&str>> {
    let mut out: HashMap<ResourceId, Vec<&str>> = HashMap::new();
    let same = |a: &Decision, b: &Decision| a.id.section() == b.id.section() && a.id.name() == b.id.name();
    for run in plan.decisions.chunk_by(same) {
        if let Some(first) = run.first() {
            let parts = run.iter().filter_map(|decision| decision.id.part());
            out.entry(first.id.entry().folded()).or_default().extend(parts);
        }
    }
    out
}

/// The parts that were applied as there and that are not named any more.
fn unnamed_parts<'e>(entry: &'e AppliedEntry, named: &[&str]) -> Vec<&'e str> {
    let applied = &entry.parts.0;
    // The usual case: the same parts in the same order.
    if applied.len() <= named.len() && applied.iter().zip(named).all(|((applied, _), named)| **applied == **named) {
        return Vec::new();
    }
    let named: HashSet<String> = named.iter().map(|name| upcase::fold(name)).collect();
    let is_orphan =
        |(name, trace): &&(Box<str>, Trace)| trace.found != digest::ABSENT && !named.contains(&upcase::fold(name));
    applied.iter().filter(is_orphan).map(|(name, _)| &**name).collect()
}

/// Notes marks that are to be set or lifted, and refuses what takes a protected thing away.
fn protections(plan: &mut Plan, desired: &Desired, remembered: &Remembered<'_>) {
    let mut protected = Protected::default();
    let mut lifted: HashSet<ResourceId> = HashSet::new();
    for entry in &desired.entries {
        let kind = entry.wanted.kind();
        let mark = kind.common().protect;
        let address = kind.address();
        let is_marked = remembered.entry(&address).is_some_and(|entry| entry.protect);
        match mark {
            Some(true) => {
                kind.protects().iter().for_each(|id| protected.insert(id));
                // Without a record the mark is set by the first run that changes something; with one it is worth a run.
                if !is_marked && remembered.record.is_some() {
                    plan.bookkeeping.push(Bookkeeping::Protect { address });
                }
            }
            Some(false) => {
                lifted.insert(address.folded());
                if is_marked {
                    plan.bookkeeping.push(Bookkeeping::Unprotect { address });
                }
            }
            None => {}
        }
    }
    if let Some(record) = remembered.record {
        protected.insert_marked(record, &lifted);
    }
    let lost = lost_protected(plan, &protected, Occasion::Document);
    plan.findings.extend(lost);
}

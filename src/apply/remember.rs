//! What the record is told: what a run applied, what it owes, which marks stand; and which old runs are forgotten.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use super::basis::Basis;
use super::journal::{Journal, Purpose, RecordBefore};
use super::{ApplyError, ApplyOptions, ApplyReport, chain};
use crate::document::Desired;
use crate::machine::{Machine, RunName, WritableMachine, WriteError, Writer};
use crate::model::common::Ensure;
use crate::model::operation::Operation;
use crate::model::registry::RegistryKey;
use crate::model::remembered::{AppliedEntry, Confirmation, Owed, OwedSince, PartIndex, Parts, Record, Trace};
use crate::model::resource::ResourceId;
use crate::model::thumbprint::Thumbprint;
use crate::model::time::FileTime;
use crate::model::verdict::{Action, Decision, Finding, Verdict};
use crate::plan::is_then;
use crate::plan::lint::{RECORD_UNREADABLE, record_finding};
use crate::plan::{Bookkeeping, Occasion, Plan, Protected, lost_protected};

/// So many of the newest runs are kept however old they are.
const KEPT_RUNS: usize = 10;

/// The record, as a run finds and changes it.
pub struct Recalled {
    /// What lies on the machine by now: each writing of it goes through here.
    record: Option<Record>,
    /// There is one that cannot be read, which somebody has accepted: it is moved aside before another is written.
    is_unreadable: bool,
    /// When the machine was last shut down: what was owed before is done.
    shutdown: Option<jiff::Timestamp>,
}

impl Recalled {
    /// Recalls what the machine's record tells.
    ///
    /// # Errors
    /// It cannot be read, and nobody has accepted that.
    pub fn of(machine: &dyn Machine, options: &ApplyOptions<'_>) -> Result<Self, ApplyError> {
        let shutdown = machine.last_shutdown().and_then(FileTime::to_timestamp);
        match machine.record() {
            Ok(record) => Ok(Self { record, is_unreadable: false, shutdown }),
            Err(unread) if record_finding(&unread).is_none() => Err(ApplyError::Record(unread)),
            Err(_) if options.accept.iter().any(|code| code == RECORD_UNREADABLE) => {
                Ok(Self { record: None, is_unreadable: true, shutdown })
            }
            Err(unread) => Err(ApplyError::Unreadable(unread)),
        }
    }

    /// What was owed when the run began.
    pub fn owed(&self) -> Owed {
        self.record.as_ref().map(|record| record.owed.since(self.shutdown)).unwrap_or_default()
    }

    /// A copy to be changed and put back with [`Recalled::replace`].
    pub fn record(&self) -> Record {
        self.record.clone().unwrap_or_default()
    }

    /// Whether something is from before the machine was last started.
    pub fn is_before_start(&self, since: &OwedSince) -> bool {
        self.shutdown.is_some_and(|shutdown| since.at < shutdown)
    }

    /// What is owed when these changes are done.
    pub fn owed_after<'d>(
        &self,
        done: impl Iterator<Item = &'d Decision>,
        run: &RunName,
        now: jiff::Timestamp,
    ) -> Owed {
        let mut owed = self.owed();
        let since = OwedSince { run: run.to_string().into(), at: now, start: false };
        for decision in done {
            if decision.reboot {
                owed.reboot.get_or_insert_with(|| since.clone());
            }
            for name in &*decision.restart {
                let is_known = owed.restarts.keys().any(|known| crate::formats::upcase::eq(known, name));
                if !is_known {
                    owed.restarts.insert(name.clone(), since.clone());
                }
            }
        }
        owed
    }

    /// Tells the record what is owed.
    ///
    /// # Errors
    /// The machine cannot be written.
    pub fn owes(&mut self, owed: &Owed, writer: &mut dyn Writer, run: &RunName) -> Result<(), WriteError> {
        let known = self.record.as_ref().map(|record| &record.owed);
        if known == Some(owed) || (known.is_none() && owed.is_empty()) {
            return Ok(());
        }
        self.replace(Record { owed: owed.clone(), ..self.record() }, writer, run)
    }

    /// Replaces the record.
    ///
    /// # Errors
    /// The machine cannot be written.
    pub fn replace(&mut self, record: Record, writer: &mut dyn Writer, run: &RunName) -> Result<(), WriteError> {
        if self.is_unreadable {
            writer.set_record_aside(run)?;
            self.is_unreadable = false;
        }
        writer.put_record(&record)?;
        self.record = Some(record);
        Ok(())
    }

    /// The record after a run that ended, and owes, as `report` tells.
    fn after(&self, ended: &Ended<'_>, report: &ApplyReport, now: jiff::Timestamp) -> Record {
        let Ended { basis, plan, again, run } = *ended;
        let mut record = self.record();
        record.owed = report.owed.clone();
        if let Some(desired) = basis.desired() {
            follow(&mut record, &plan.bookkeeping);
            forget_removed(&mut record, desired, plan, report);
            applied(&mut record, desired, &plan.document, again, run, now);
        }
        if let Some(past) = basis.taken_back()
            && let Some(before) = &past.record_before
        {
            let failed = report.outcomes.iter().filter(|one| !one.outcome.is_done_or_waiting()).map(|one| &one.address);
            let blocked = plan.decisions.iter().filter(|one| one.verdict == Verdict::Blocked).map(|one| &one.id);
            let not_done: BTreeSet<ResourceId> = failed.chain(blocked).map(ResourceId::folded).collect();
            restore(&mut record, before, &past.beginning.run, &not_done);
        }
        record.confirmation = self.waiting(basis, run, report.confirm_until);
        record
    }

    /// The run that waits to be confirmed: this one, or one that did and was not taken back by this one.
    fn waiting(&self, basis: &dyn Basis, run: &RunName, until: Option<jiff::Timestamp>) -> Option<Confirmation> {
        if let Some(until) = until {
            return Some(Confirmation { run: run.to_string().into(), until });
        }
        let taken_back = basis.taken_back().map(|past| past.beginning.run.to_string());
        let known = self.record.as_ref().and_then(|record| record.confirmation.clone());
        known.filter(|waits| taken_back.as_deref() != Some(&*waits.run))
    }

    /// What the record held of all that `record` holds otherwise, but for fingerprints: it goes into the journal. `None` when nothing changes.
    pub fn changed_by(&self, record: &Record) -> Option<RecordBefore> {
        let empty = Record::default();
        let then = self.record.as_ref().unwrap_or(&empty);
        let is_same = self.record.as_ref() == Some(record) || (self.record.is_none() && *record == empty);
        if is_same && !self.is_unreadable {
            return None;
        }
        let mut before = RecordBefore { owed: then.owed.clone(), ..Default::default() };
        for (key, entry) in &record.entries {
            match then.entries.get(key) {
                Some(known) if known == entry => {}
                Some(known) => before.entries.push(known.without_fingerprints()),
                None => before.absent.push(entry.address.clone()),
            }
        }
        let gone = then.entries.iter().filter(|(key, _)| !record.entries.contains_key(*key));
        before.entries.extend(gone.map(|(_, entry)| entry.without_fingerprints()));
        Some(before)
    }
}

/// A run whose steps are through.
#[derive(Clone, Copy)]
pub struct Ended<'e> {
    pub basis: &'e dyn Basis,
    pub plan: &'e Plan,
    /// What is planned now.
    pub again: &'e Plan,
    pub run: &'e RunName,
}

/// Tells the record what came of a run, ends its journal, and forgets old runs.
///
/// # Errors
/// The journal or the record cannot be written: the run has not come to its end.
pub fn conclude(
    ended: &Ended<'_>,
    report: &mut ApplyReport,
    recalled: &mut Recalled,
    machine: &dyn Machine,
    writer: &mut dyn Writer,
    journal: &mut Journal,
    options: &ApplyOptions<'_>,
) -> Result<(), ApplyError> {
    report.warnings.extend(stale_lock(writer));
    let record = recalled.after(ended, report, options.now);
    if let Some(before) = recalled.changed_by(&record) {
        journal.record(&before)?;
        recalled.replace(record, writer, ended.run)?;
    }
    // What was made is in its places by now: keys that outlived the end of their run would lie there until another run writes. A run
    // that did not do all may still be finished with them until its end is told.
    let ending = report.ending();
    if ending.is_clean() {
        forget_made(machine, writer)?;
    }
    journal.end(&ending)?;
    // A run whose undoing failed is open again: it may be finished yet.
    let is_undoing = matches!(ended.basis.purpose(), Purpose::Undo { .. });
    if !ending.is_clean() && !is_undoing {
        forget_made(machine, writer)?;
    }
    if let Err(error) = forget_old(machine, writer, options.retain, options.now) {
        report.warnings.push(format!("an old run could not be forgotten: {}", chain(&error)));
    }
    Ok(())
}

/// Forgets what runs have made: it is in its places, or is not wanted any more; that of a run which stopped too early is nobody's.
fn forget_made(machine: &dyn Machine, writer: &mut dyn Writer) -> Result<(), ApplyError> {
    let runs = machine.runs().map_err(ApplyError::Record)?;
    for run in runs.iter().rev().take(KEPT_RUNS) {
        writer.forget_made(run)?;
    }
    Ok(())
}

/// Whoever left a lock behind did not come to an end; that is worth a word, and no more.
fn stale_lock(writer: &dyn Writer) -> Option<String> {
    let owner = writer.stale_owner()?;
    Some(format!("a lock that {owner} left behind was taken over: that process was stopped"))
}

/// Releases and moves what the document asks to.
fn follow(record: &mut Record, books: &[Bookkeeping]) {
    for book in books {
        match book {
            Bookkeeping::Release { address } => match address.part() {
                None => drop(record.entries.remove(&*Record::key_of(address))),
                Some(part) => {
                    if let Some(entry) = record.entries.get_mut(&*Record::key_of(address)) {
                        entry.parts.0.retain(|(name, _)| !crate::formats::upcase::eq(name, part));
                    }
                }
            },
            Bookkeeping::Move { from, to } => move_entry(record, from, to),
            // The marks follow from the entries.
            Bookkeeping::Protect { .. } | Bookkeeping::Unprotect { .. } => {}
            // Done by whoever replaces the record, and by whoever takes a run back.
            Bookkeeping::BeginAnew | Bookkeeping::Restore { .. } => {}
        }
    }
}

/// Forgets what a run has removed and the document does not name: nothing of it is left to be an orphan.
fn forget_removed(record: &mut Record, desired: &Desired, plan: &Plan, report: &ApplyReport) {
    let is_removal = |decision: &&Decision| matches!(decision.verdict, Verdict::Change { action: Action::Delete, .. });
    if !plan.decisions.iter().any(|decision| is_removal(&decision)) && !plan.operations().any(removes_value_or_tree) {
        return;
    }
    let done: HashSet<&ResourceId> =
        report.outcomes.iter().filter(|one| one.outcome.is_done_or_waiting()).map(|one| &one.address).collect();
    let done = || plan.decisions.iter().filter(|decision| done.contains(&decision.id));
    // What left a set that is owned, under its own address, and what left the registry with something else.
    let mut values: Vec<ResourceId> =
        done().filter(is_removal).filter(|decision| decision.id.part().is_some()).map(|one| one.id.clone()).collect();
    let mut trees: HashSet<&RegistryKey> = HashSet::new();
    for operation in done().flat_map(Decision::operations) {
        match operation {
            Operation::RemoveRegistryTree { key, .. } => drop(trees.insert(key)),
            Operation::RemoveRegistryValue { .. } => values.extend(operation.address()),
            _ => {}
        }
    }
    if trees.is_empty() && values.is_empty() {
        return;
    }
    let resources = desired.entries.iter().flat_map(|entry| entry.wanted.kind().resources());
    let named: HashSet<ResourceId> = resources.map(|(id, _)| id.folded()).collect();
    for address in values.iter().filter(|address| !named.contains(&address.folded())) {
        if let (Some(entry), Some(part)) = (record.entries.get_mut(&*Record::key_of(address)), address.part()) {
            entry.parts.0.retain(|(name, _)| !crate::formats::upcase::eq(name, part));
        }
    }
    if !trees.is_empty() {
        let is_gone = |address: &ResourceId| {
            let key = (address.section() == "registry").then(|| RegistryKey::parse(address.name()).ok()).flatten();
            std::iter::successors(key, RegistryKey::parent).any(|above| trees.contains(&above))
        };
        record.entries.retain(|_, entry| named.contains(&entry.address.folded()) || !is_gone(&entry.address));
    }
}

const fn removes_value_or_tree(operation: &Operation) -> bool {
    matches!(operation, Operation::RemoveRegistryTree { .. } | Operation::RemoveRegistryValue { .. })
}

fn move_entry(record: &mut Record, from: &ResourceId, to: &ResourceId) {
    match (from.part(), to.part()) {
        (None, None) => {
            if let Some(entry) = record.entries.remove(&*Record::key_of(from)) {
                record.insert(AppliedEntry { address: to.clone(), ..entry });
            }
        }
        (Some(old), Some(new)) => {
            let Some(source) = record.entries.get_mut(&*Record::key_of(from)) else { return };
            let place = source.parts.0.iter().position(|(name, _)| crate::formats::upcase::eq(name, old));
            let Some(trace) = place.map(|place| source.parts.0.remove(place).1) else { return };
            if let Some(target) = record.entries.get_mut(&*Record::key_of(to)) {
                target.parts.0.push((new.into(), trace));
            }
        }
        _ => {}
    }
}

/// Notes every entry of the document as far as it holds; what does not hold keeps what was known of it.
fn applied(record: &mut Record, desired: &Desired, document: &str, again: &Plan, run: &RunName, now: jiff::Timestamp) {
    let wanted: HashMap<ResourceId, &crate::document::Entry> =
        desired.entries.iter().map(|entry| (entry.wanted.kind().address().folded(), entry)).collect();
    for span in &again.after.entries {
        let decisions = again.decisions.get(span.start..span.end).unwrap_or_default();
        let Some(entry) = decisions.iter().find_map(|one| wanted.get(&one.id.entry().folded())) else { continue };
        let kind = entry.wanted.kind();
        let address = kind.address();
        let known = record.entry(&address).cloned();
        let held = |one: &crate::model::verdict::Decision| {
            (one.verdict == Verdict::Keep || is_then(one)).then_some(one.trace).flatten()
        };
        let then = known.as_ref().map(|known| PartIndex::of(&known.parts)).unwrap_or_default();
        let mut whole = known.as_ref().and_then(|known| known.whole);
        let mut parts = Vec::with_capacity(decisions.len());
        for decision in decisions.iter().filter(|one| one.id.name() == address.name()) {
            match decision.id.part() {
                None => whole = held(decision).or(whole),
                Some(part) => parts.extend(held(decision).or_else(|| then.get(part)).map(|trace| (part.into(), trace))),
            }
        }
        // What is not named any more stays known until it is released or gone.
        let is_absent = kind.common().ensure == Ensure::Absent;
        if let Some(known) = known.as_ref().filter(|_| !is_absent) {
            let named: std::collections::HashSet<String> =
                parts.iter().map(|(name, _): &(Box<str>, Trace)| crate::formats::upcase::fold(name)).collect();
            let rest = known.parts.0.iter().filter(|(name, trace)| {
                !named.contains(&crate::formats::upcase::fold(name)) && trace.found != crate::model::digest::ABSENT
            });
            parts.extend(rest.cloned());
        }
        let protect = kind.common().protect.unwrap_or_else(|| known.as_ref().is_some_and(|known| known.protect));
        if whole.is_none() && parts.is_empty() && !protect {
            continue;
        }
        let decided = decisions.iter().find(|one| one.id.part().is_none()).and_then(|one| one.chosen);
        let chosen = decided.or_else(|| known.as_ref().and_then(|known| known.chosen));
        let fresh = AppliedEntry {
            address,
            document: document.into(),
            run: run.to_string().into(),
            at: now,
            protect,
            absent: is_absent && decisions.iter().all(|one| one.verdict == Verdict::Keep),
            whole,
            former: former(known.as_ref(), chosen),
            chosen,
            parts: Parts(parts),
        };
        let is_same = known.as_ref().is_some_and(|known| {
            let stamped = AppliedEntry { run: known.run.clone(), at: known.at, ..fresh.clone() };
            stamped == *known
        });
        if !is_same {
            record.insert(fresh);
        }
    }
}

/// So many former certificates of an entry are remembered.
const FORMER: usize = 16;

/// The certificates that an entry had before the one that it has now.
fn former(known: Option<&AppliedEntry>, chosen: Option<Thumbprint>) -> Vec<Thumbprint> {
    let Some(known) = known else { return Vec::new() };
    let last = known.chosen.filter(|last| Some(*last) != chosen);
    let all = known.former.iter().copied().chain(last);
    let mut former: Vec<Thumbprint> = all.filter(|print| Some(*print) != chosen).collect();
    former.drain(..former.len().saturating_sub(FORMER));
    former
}

/// Whether a record would tell otherwise when the run is taken back.
pub fn is_restorable(record: Option<&Record>, before: &RecordBefore, run: &RunName) -> bool {
    let then = record.cloned().unwrap_or_default();
    let mut restored = then.clone();
    restore(&mut restored, before, run, &BTreeSet::new());
    restored != then
}

/// Puts back what the record held before a run, of all that was taken back and that no later run has told it.
fn restore(record: &mut Record, before: &RecordBefore, run: &RunName, not_done: &BTreeSet<ResourceId>) {
    // What a rollback has put back is older than the rollback itself.
    let is_later = |entry: &AppliedEntry| entry.run.parse::<RunName>().is_ok_and(|told| told > *run);
    let is_its = |record: &Record, address: &ResourceId| !record.entry(address).is_some_and(is_later);
    for address in before.absent.iter().filter(|address| is_its(record, address)).collect::<Vec<_>>() {
        if let Some(mut entry) = record.entries.remove(&*Record::key_of(address)) {
            // What was not taken back is there as the run left it.
            entry.whole = entry.whole.filter(|_| not_done.contains(&address.folded()));
            entry.parts.0.retain(|(name, _)| not_done.contains(&ResourceId::part_of(address, name).folded()));
            if entry.whole.is_some() || !entry.parts.is_empty() {
                record.insert(entry);
            }
        }
    }
    for then in before.entries.iter().filter(|then| is_its(record, &then.address)).collect::<Vec<_>>() {
        let mut entry = then.clone();
        let left = record.entry(&then.address).cloned();
        for (name, trace) in left.iter().flat_map(|left| &left.parts.0) {
            if not_done.contains(&ResourceId::part_of(&then.address, name).folded()) {
                entry.parts.0.retain(|(known, _)| !crate::formats::upcase::eq(known, name));
                entry.parts.0.push((name.clone(), *trace));
            }
        }
        if let Some(left) = left.filter(|_| not_done.contains(&then.address.folded())) {
            entry.whole = left.whole;
        }
        record.insert(entry);
    }
}

/// What the record alone tells of a plan that was saved: marks that were set since hold for it too.
pub fn told_since(plan: &Plan, machine: &dyn Machine) -> Vec<Finding> {
    match machine.record() {
        Ok(None) => Vec::new(),
        Ok(Some(record)) => lost_protected(plan, &Protected::in_record(&record, plan), Occasion::SavedPlan),
        Err(unread) => record_finding(&unread).into_iter().collect(),
    }
}

/// Forgets runs that are older than `retain`, none without it; the newest stay whatever their age.
fn forget_old(
    machine: &dyn Machine,
    writer: &mut dyn Writer,
    retain: Option<Duration>,
    now: jiff::Timestamp,
) -> Result<(), WriteError> {
    let Some(retain) = retain else { return Ok(()) };
    let Ok(runs) = machine.runs() else { return Ok(()) };
    let since = jiff::SignedDuration::try_from(retain).ok().and_then(|retain| now.checked_sub(retain).ok());
    let Some(oldest) = since.map(|since| RunName::next(since, None)) else { return Ok(()) };
    let old = runs.len().saturating_sub(KEPT_RUNS);
    for run in runs.iter().take(old).filter(|run| **run < oldest) {
        writer.forget_run(run)?;
    }
    Ok(())
}

/// Takes the machine as it is for what was last applied: from now on drift is measured from here. Gives how many entries the record
/// tells otherwise by that, and the run in whose journal the former account is.
///
/// # Errors
/// The machine cannot be read or written.
pub fn accept_baseline(
    machine: &dyn WritableMachine,
    basis: &dyn Basis,
    options: &ApplyOptions<'_>,
) -> Result<Option<(usize, RunName)>, ApplyError> {
    let reader = machine.as_machine();
    // Nothing is written, not even a lock, when there is nothing to tell.
    if baseline(reader, basis, options)?.is_none() {
        return Ok(None);
    }
    let mut writer = machine.writer(options.owner)?;
    if basis.has_secrets() && reader.fingerprint_key().map_err(ApplyError::Record)?.is_none() {
        writer.put_fingerprint_key(&crate::machine::fresh_key().map_err(ApplyError::Random)?)?;
    }
    let Some(Baseline { mut recalled, record, before, document, run }) = baseline(reader, basis, options)? else {
        return Ok(None);
    };
    let beginning = super::Beginning {
        run: run.clone(),
        purpose: Purpose::Baseline,
        started: options.now,
        owner: options.owner.to_owned(),
        document,
        operations: 0,
        reboot: false,
        restarts: Vec::new(),
        stop_first: Vec::new(),
        hold: None,
    };
    let mut journal = Journal::begin(writer.journal(&run)?, &beginning)?;
    journal.record(&before)?;
    recalled.replace(record, &mut *writer, &run)?;
    journal.end(&super::Ending::default())?;
    Ok(Some((before.entries.len() + before.absent.len(), run)))
}

/// What an accepted baseline changes in the record.
struct Baseline {
    recalled: Recalled,
    record: Record,
    before: RecordBefore,
    document: String,
    run: RunName,
}

/// The machine as it is as what was last applied; `None` when the record tells that already.
fn baseline(
    reader: &dyn Machine,
    basis: &dyn Basis,
    options: &ApplyOptions<'_>,
) -> Result<Option<Baseline>, ApplyError> {
    if let Some(open) = super::unfinished(reader).map_err(ApplyError::from)? {
        return Err(ApplyError::Unfinished(open.beginning.run));
    }
    let recalled = Recalled::of(reader, options)?;
    let facts = basis.facts(reader, options.secrets)?;
    let mut plan = basis.plan(&facts)?;
    // What differs is remembered as found: whatever is wanted of it counts as asked from now on.
    for decision in &mut plan.decisions {
        if matches!(decision.verdict, Verdict::Change { .. } | Verdict::Waived { .. } | Verdict::Unverifiable) {
            decision.verdict = Verdict::Keep;
            if let Some(trace) = &mut decision.trace {
                trace.wanted = trace.found;
            }
        }
    }
    let Some(desired) = basis.desired() else { return Ok(None) };
    let runs = reader.runs().map_err(ApplyError::Record)?;
    let run = RunName::next(options.now, runs.last());
    let mut record = recalled.record();
    follow(&mut record, &plan.bookkeeping);
    applied(&mut record, desired, &plan.document, &plan, &run, options.now);
    let before = recalled.changed_by(&record);
    Ok(before.map(|before| Baseline { recalled, record, before, document: plan.document, run }))
}

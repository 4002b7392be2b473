//! Makes the plan: compares every entry, puts the decisions in order, blocks what depends on the blocked, lints.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::next_start::NextStart;
use super::remembered::{Bookkeeping, Remembered, keep_books};
use super::{EntrySpan, OrderError, Plan, lint, order};
use crate::document::Desired;
use crate::kinds::{Context, NamedKeys};
use crate::model::fact::Facts;
use crate::model::operation::{Hold, Operation};
use crate::model::resource::ResourceId;
use crate::model::time::FileTime;
use crate::model::verdict::{Cause, Decision, Reason, Verdict, no_services};

/// What a plan may depend on beside the document and the facts.
#[derive(Clone, Copy, Debug)]
pub struct PlanOptions {
    /// The one reading of the clock.
    pub as_of: jiff::Timestamp,
    /// Write secrets whose state nothing can tell.
    pub rewrite_secrets: bool,
    /// Whether secrets that are overwritten will be kept.
    pub hold: Hold,
    /// List all that is there and not named, whether or not the entries ask for that.
    pub survey: bool,
}

impl PlanOptions {
    /// A plan for a point in time, with nothing special asked.
    pub const fn at(as_of: jiff::Timestamp) -> Self {
        Self { as_of, rewrite_secrets: false, hold: Hold::None, survey: false }
    }
}

/// Makes the plan that takes a machine with these facts to what the document says.
///
/// # Errors
/// The document's dependencies have no order.
pub fn build(desired: &Desired, facts: &Facts, options: PlanOptions) -> Result<Plan, OrderError> {
    let (sequence, needs) = order(&desired.entries)?;
    let mut named = NamedKeys::of(desired.entries.iter().map(|entry| &entry.wanted));
    named.in_order(sequence.iter().filter_map(|index| desired.entries.get(*index)).map(|entry| &entry.wanted));
    let context = Context::new(options.as_of, options.rewrite_secrets, &named).surveying(options.survey);
    let remembered = Remembered::new(facts.remembered(), desired);
    let shutdown = facts.restarted.and_then(FileTime::to_timestamp);
    let owed = facts.remembered().map(|record| record.owed.since(shutdown)).unwrap_or_default();

    let mut place_of = vec![0; desired.entries.len()];
    for (place, index) in sequence.iter().enumerate() {
        if let Some(slot) = place_of.get_mut(*index) {
            *slot = place;
        }
    }
    let mut plan = Plan {
        machine: facts.identity.clone().unwrap_or_default(),
        document: desired.record_name(),
        files: desired.sources.names().map(str::to_owned).collect(),
        owed,
        hold: options.hold,
        ..Plan::new(options.as_of)
    };
    let mut next_start = NextStart::new(facts, desired.entries.iter().map(|entry| entry.wanted.kind()), &context);
    let mut causes: HashMap<ResourceId, Cause> = HashMap::new();
    let mut closing: Vec<Vec<Decision>> = Vec::with_capacity(desired.entries.len());
    for index in sequence {
        let Some(entry) = desired.entries.get(index) else { continue };
        let kind = entry.wanted.kind();
        let mut comparison = next_start.compare(index, kind, &context);
        let start = plan.decisions.len();
        let needs: Vec<usize> =
            needs.get(index).into_iter().flatten().filter_map(|needed| place_of.get(*needed).copied()).collect();
        waive(&mut comparison.decisions, desired, options.as_of);
        waive(&mut comparison.closing, desired, options.as_of);
        follow_waiver(&mut comparison.decisions, &mut comparison.closing);
        block_dependants(&mut comparison.decisions, &needs, &plan);
        kind.lint(facts, &context, &comparison.decisions, &mut plan.findings);
        let on_change = &kind.common().on_change;
        let restart = services(on_change.services());
        let stop_first = services(on_change.stop_first.iter().map(|service| &*service.value));
        let address = kind.address();
        for decision in &mut comparison.decisions {
            decision.reboot = on_change.reboot;
            decision.restart = Arc::clone(&restart);
            decision.stop_first = Arc::clone(&stop_first);
            // What this machine cannot hold has not left it.
            if decision.differs() && decision.verdict != Verdict::Deferred {
                let source = decision.follows.as_ref().and_then(|source| causes.get(source)).copied();
                let cause = source.unwrap_or_else(|| remembered.cause(decision, &address));
                decision.cause = Some(cause);
                if decision.id.part().is_none() {
                    causes.insert(decision.id.clone(), cause);
                }
            }
        }
        for decision in &mut comparison.closing {
            decision.reboot = on_change.reboot;
            decision.restart = Arc::clone(&restart);
            decision.stop_first = Arc::clone(&stop_first);
            decision.cause =
                Some(causes.get(&address).copied().unwrap_or_else(|| remembered.cause(decision, &address)));
        }
        closing.push(std::mem::take(&mut comparison.closing));
        plan.decisions.append(&mut comparison.decisions);
        plan.unmanaged.append(&mut comparison.unmanaged);
        plan.after.entries.push(EntrySpan { start, end: plan.decisions.len(), needs });
    }
    close(&mut plan, closing);
    share_operations(&mut plan.decisions);
    keep_books(&mut plan, desired, &remembered);
    crate::kinds::port::lint_plan(facts, &context, &plan.decisions, &mut plan.findings);
    plan.order_restarts(facts);
    lint::lint(desired, facts, &mut plan);
    if facts.record.as_ref().is_err_and(|unread| lint::record_finding(unread).is_some()) {
        plan.bookkeeping.push(Bookkeeping::BeginAnew);
    }
    Ok(plan)
}

/// Puts what comes last behind everything, what depends on others first; each waits for its entry and for all that depends on it.
fn close(plan: &mut Plan, closing: Vec<Vec<Decision>>) {
    for (entry, mut decisions) in closing.into_iter().enumerate().rev().filter(|(_, decisions)| !decisions.is_empty()) {
        let waits =
            |(other, span): (usize, &EntrySpan)| (other == entry || span.needs.contains(&entry)).then_some(other);
        let needs: Vec<usize> = plan.after.entries.iter().enumerate().filter_map(waits).collect();
        hold_back(&mut decisions, &needs, plan);
        let start = plan.decisions.len();
        plan.decisions.append(&mut decisions);
        plan.after.entries.push(EntrySpan { start, end: plan.decisions.len(), needs });
    }
}

/// What comes last does not come while anything that may still need the old is not what it should be.
fn hold_back(decisions: &mut [Decision], needs: &[usize], plan: &Plan) {
    let whole = |entry: &usize| plan.decisions.get(plan.after.entries.get(*entry)?.start);
    let is_open = |decision: &&Decision| {
        let is_changing = matches!(decision.verdict, Verdict::Keep | Verdict::Change { .. });
        !is_changing && !decision.stands
    };
    let Some(culprit) = needs.iter().filter_map(whole).find(is_open) else { return };
    for decision in decisions {
        decision.verdict = Verdict::Blocked;
        decision.reasons.push(Reason::with("plan.dependency_blocked", format!("{} may still need it", culprit.id)));
    }
}

/// What the document lets be for a while is not changed.
fn waive(decisions: &mut [Decision], desired: &Desired, as_of: jiff::Timestamp) {
    for waiver in desired.waivers.iter().filter(|waiver| as_of < waiver.expires) {
        for decision in decisions.iter_mut().filter(|decision| waiver.covers(&decision.id)) {
            if let Verdict::Change { operations, .. } = &mut decision.verdict {
                decision.verdict = Verdict::Waived { operations: std::mem::take(operations) };
                let message = format!("{} until {}: {}", waiver.id.value, waiver.expires, waiver.reason);
                decision.reasons.push(Reason::with("drift.waived", message));
            }
        }
    }
}

/// What would be made of a thing that is let be is not made either.
fn follow_waiver(decisions: &mut [Decision], closing: &mut Vec<Decision>) {
    // What still holds the old keeps it.
    if decisions.iter().any(|one| matches!(one.verdict, Verdict::Waived { .. })) {
        closing.clear();
    }
    let Some((whole, parts)) = decisions.split_first_mut() else { return };
    let is_made = |operation: &Operation| matches!(operation, Operation::Issue(_));
    let Verdict::Waived { operations } = &whole.verdict else { return };
    if !operations.iter().any(is_made) {
        return;
    }
    for decision in parts.iter_mut().filter(|decision| decision.follows.as_ref() == Some(&whole.id)) {
        if let Verdict::Change { operations, .. } = &mut decision.verdict {
            decision.verdict = Verdict::Waived { operations: std::mem::take(operations) };
            decision.reasons.push(Reason::with("drift.waived", format!("with {}", whole.id)));
        }
    }
}

fn services<'n>(names: impl Iterator<Item = &'n str>) -> Arc<[Box<str>]> {
    let mut names = names.peekable();
    if names.peek().is_none() { no_services() } else { names.map(Box::from).collect() }
}

/// A change cannot run when what it depends on is blocked or waits for somebody else.
fn block_dependants(decisions: &mut [Decision], needs: &[usize], plan: &Plan) {
    let culprit = needs.iter().filter_map(|entry| plan.after.entries.get(*entry)).find_map(|span| {
        let decisions = plan.decisions.get(span.start..span.end)?;
        decisions.iter().filter(|decision| !decision.stands).find(|decision| match &decision.verdict {
            Verdict::Blocked | Verdict::Pending => true,
            // What is let be is not made, so nothing can be made of it.
            Verdict::Waived { operations } => operations.iter().any(|one| matches!(one, Operation::Issue(_))),
            _ => false,
        })
    });
    let Some(culprit) = culprit else { return };
    for decision in decisions.iter_mut().filter(|decision| matches!(decision.verdict, Verdict::Change { .. })) {
        decision.verdict = Verdict::Blocked;
        decision.reasons.push(Reason::with("plan.dependency_blocked", format!("depends on {}", culprit.id)));
    }
}

/// A step that several resources need stays with the first of them.
fn share_operations(decisions: &mut [Decision]) {
    let mut seen: HashSet<String> = HashSet::new();
    for decision in decisions {
        if let Verdict::Change { operations, .. } = &mut decision.verdict {
            operations.retain(|operation: &Operation| {
                !operation.is_shared() || operation.place().is_none_or(|place| seen.insert(place.to_owned()))
            });
        }
    }
}

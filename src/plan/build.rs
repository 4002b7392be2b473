//! Makes the plan: compares every entry, puts the decisions in order, blocks what depends on the blocked, lints.

use std::collections::HashSet;

use super::{Dependencies, EntrySpan, OrderError, Plan, lint, order};
use crate::document::Desired;
use crate::kinds::{Context, NamedKeys};
use crate::model::fact::Facts;
use crate::model::operation::Operation;
use crate::model::verdict::{Decision, Reason, Verdict};

/// What a plan may depend on beside the document and the facts.
#[derive(Clone, Copy, Debug)]
pub struct PlanOptions {
    /// The one reading of the clock.
    pub as_of: jiff::Timestamp,
    /// Write secrets whose state nothing can tell.
    pub rewrite_secrets: bool,
}

/// Makes the plan that takes a machine with these facts to what the document says.
///
/// # Errors
/// The document's dependencies have no order.
pub fn build(desired: &Desired, facts: &Facts, options: PlanOptions) -> Result<Plan, OrderError> {
    let (sequence, needs) = order(&desired.entries)?;
    let named = NamedKeys::of(desired.entries.iter().map(|entry| &entry.wanted));
    let context = Context::new(options.as_of, options.rewrite_secrets, &named);

    let mut place_of = vec![0; desired.entries.len()];
    for (place, index) in sequence.iter().enumerate() {
        if let Some(slot) = place_of.get_mut(*index) {
            *slot = place;
        }
    }
    let mut plan = Plan {
        as_of: options.as_of,
        machine: facts.identity.clone().unwrap_or_default(),
        files: desired.sources.names().map(str::to_owned).collect(),
        decisions: Vec::new(),
        kept: 0,
        after: Dependencies::default(),
        findings: Vec::new(),
        unmanaged: Vec::new(),
    };
    for index in sequence {
        let Some(entry) = desired.entries.get(index) else { continue };
        let kind = entry.wanted.kind();
        let mut comparison = kind.compare(facts, &context);
        let start = plan.decisions.len();
        let needs: Vec<usize> =
            needs.get(index).into_iter().flatten().filter_map(|needed| place_of.get(*needed).copied()).collect();
        block_dependants(&mut comparison.decisions, &needs, &plan);
        kind.lint(facts, &context, &comparison.decisions, &mut plan.findings);
        for decision in &mut comparison.decisions {
            decision.reboot = kind.common().on_change.reboot;
        }
        plan.decisions.append(&mut comparison.decisions);
        plan.unmanaged.append(&mut comparison.unmanaged);
        plan.after.entries.push(EntrySpan { start, end: plan.decisions.len(), needs });
    }
    share_operations(&mut plan.decisions);
    lint::lint(desired, facts, &mut plan);
    Ok(plan)
}

/// A change cannot run when what it depends on is blocked or waits for somebody else.
fn block_dependants(decisions: &mut [Decision], needs: &[usize], plan: &Plan) {
    let culprit = needs.iter().filter_map(|entry| plan.after.entries.get(*entry)).find_map(|span| {
        let decisions = plan.decisions.get(span.start..span.end)?;
        decisions.iter().find(|decision| matches!(decision.verdict, Verdict::Blocked | Verdict::Pending))
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
                !operation.is_shared() || seen.insert(operation.registry_key().folded().to_owned())
            });
        }
    }
}

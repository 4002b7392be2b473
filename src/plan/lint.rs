//! Looks at the finished plan as a whole: is it for this machine, was anything observed, does one resource stand twice.

use super::Plan;
use crate::document::Desired;
use crate::model::fact::{Facts, Unread};
use crate::model::verdict::{Finding, Severity};

/// Adds the findings that no single entry could make, then sorts all of them: worst first, then as found.
pub fn lint(desired: &Desired, facts: &Facts, plan: &mut Plan) {
    machine_claim(desired, facts, plan);
    unread_facts(facts, plan);
    if desired.entries.is_empty() {
        plan.findings.push(finding(
            Severity::Warning,
            "plan.empty",
            "the document names nothing to reconcile".into(),
            None,
        ));
    } else if facts.answered() == 0 {
        let hint = "check that --machine names the machine you mean, and that it can be read";
        plan.findings.push(finding(
            Severity::Error,
            "plan.nothing_observed",
            "nothing of what the document names could be read".into(),
            Some(hint.into()),
        ));
    }
    plan.findings.sort_by_key(|finding| finding.severity);
}

/// The document may say which machine it is for.
fn machine_claim(desired: &Desired, facts: &Facts, plan: &mut Plan) {
    let claim = &desired.machine;
    let found = facts.identity.as_ref().ok();
    let severity = if claim.require_match { Severity::Error } else { Severity::Warning };
    let pairs = [
        ("name", claim.name.as_ref().map(|name| &*name.value), found.and_then(|identity| identity.name.as_deref())),
        (
            "domain",
            claim.domain.as_ref().map(|name| &*name.value),
            found.and_then(|identity| identity.domain.as_deref()),
        ),
    ];
    for (what, wanted, found) in pairs {
        let Some(wanted) = wanted else { continue };
        let (code, message) = match found {
            Some(found) if found.eq_ignore_ascii_case(wanted) => continue,
            Some(found) => (
                "machine.differs",
                format!("the document is for the machine with the {what} {wanted}; this one has {found}"),
            ),
            None if !claim.require_match => continue,
            None => (
                "machine.unknown",
                format!("the document is for the machine with the {what} {wanted}; this one does not tell its own"),
            ),
        };
        let hint = claim.require_match.then(|| format!("apply refuses unless it is run with --accept {code}"));
        plan.findings.push(finding(severity, code, message, hint));
    }
}

fn unread_facts(facts: &Facts, plan: &mut Plan) {
    for (what, unread) in facts.unread() {
        let (severity, code) = match unread {
            Unread::Refused { .. } => (Severity::Error, "facts.refused"),
            Unread::Failed { .. } => (Severity::Warning, "facts.unreadable"),
            Unread::NotCaptured { .. } => (Severity::Warning, "facts.not_captured"),
            Unread::Unsupported { .. } => (Severity::Info, "facts.unsupported"),
        };
        plan.findings.push(finding(severity, code, format!("{what}: {unread}"), None));
    }
}

fn finding(severity: Severity, code: &'static str, message: String, hint: Option<String>) -> Finding {
    Finding { severity, code: code.into(), message, hint, id: None, at: None }
}

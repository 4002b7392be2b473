//! Looks at the finished plan as a whole: is it for this machine, was anything observed, can the record be read, do the waivers hold.

use super::Plan;
use crate::document::Desired;
use crate::formats::upcase;
use crate::model::fact::{Facts, Unread};
use crate::model::verdict::{Decision, Finding, Severity, Verdict};

/// Adds the findings that no single entry could make, then sorts all of them: worst first, then as found.
pub fn lint(desired: &Desired, facts: &Facts, plan: &mut Plan) {
    machine_claim(desired, facts, plan);
    unread_facts(facts, plan);
    unreadable_record(facts, plan);
    unknown_next_start(facts, plan);
    waivers(desired, plan);
    unknown_services(desired, plan);
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

/// The code of what this sort of machine cannot tell.
pub const UNSUPPORTED: &str = "facts.unsupported";

fn unread_facts(facts: &Facts, plan: &mut Plan) {
    for (what, unread) in facts.unread() {
        let (severity, code) = match unread {
            Unread::Refused { .. } => (Severity::Error, "facts.refused"),
            Unread::Failed { .. } => (Severity::Warning, "facts.unreadable"),
            Unread::NotCaptured { .. } => (Severity::Warning, "facts.not_captured"),
            Unread::Unsupported { .. } => (Severity::Info, UNSUPPORTED),
        };
        plan.findings.push(finding(severity, code, format!("{what}: {unread}"), None));
    }
}

/// A restart of a service that is not there would never take place.
fn unknown_services(desired: &Desired, plan: &mut Plan) {
    for entry in &desired.entries {
        let kind = entry.wanted.kind();
        let on_change = &kind.common().on_change;
        for service in on_change.restart.iter().chain(&on_change.stop_first) {
            if plan.restarts.missing.iter().any(|missing| upcase::eq(missing, &service.value)) {
                let message = format!(
                    "{} restarts the service {}, which the machine does not have",
                    kind.address(),
                    service.value
                );
                let hint = "write the name that `sc query` shows as SERVICE_NAME, not the one that is displayed";
                let finding = finding(Severity::Warning, "plan.unknown_service", message, Some(hint.into()));
                plan.findings.push(Finding { id: Some(kind.address()), at: Some(service.at), ..finding });
            }
        }
    }
}

/// The code of a record that is there and cannot be read.
pub const RECORD_UNREADABLE: &str = "record.unreadable";

/// A record that cannot be read tells neither causes nor marks: whoever goes on has to know.
pub fn unreadable_record(facts: &Facts, plan: &mut Plan) {
    plan.findings.extend(facts.record.as_ref().err().and_then(record_finding));
}

/// The finding of a record that cannot be read; `None` where there is no record to read.
pub fn record_finding(unread: &Unread) -> Option<Finding> {
    if !matches!(unread, Unread::Failed { .. } | Unread::Refused { .. }) {
        return None;
    }
    let message = format!("{unread}; nothing tells what was applied, what is protected and what is owed");
    let hint = format!(
        "put back a copy of the file, or apply with --accept {RECORD_UNREADABLE}: it is moved aside, and a new one is begun"
    );
    Some(finding(Severity::Error, RECORD_UNREADABLE, message, Some(hint)))
}

/// What the next start does with files is not known.
pub fn unknown_next_start(facts: &Facts, plan: &mut Plan) {
    if let Some(unread) = facts.unknown_next_start() {
        let message = format!("{unread}; a file may be another one after the next start");
        plan.findings.push(finding(Severity::Warning, "files.next_start_unread", message, None));
    }
}

/// A waiver is for a deviation that is there, and for a time.
fn waivers(desired: &Desired, plan: &mut Plan) {
    for waiver in &desired.waivers {
        let covered: Vec<&Decision> = plan.decisions.iter().filter(|decision| waiver.covers(&decision.id)).collect();
        // What nothing can tell may differ.
        if covered.iter().any(|decision| decision.verdict == Verdict::Unverifiable) {
            continue;
        }
        let has_run_out = waiver.expires <= plan.as_of;
        let differing: Vec<&Decision> = covered.into_iter().filter(|decision| decision.differs()).collect();
        let id = &waiver.id.value;
        let (severity, code, message, hint) = match (has_run_out, differing.as_slice()) {
            (false, [_, ..]) => continue,
            (true, [first, rest @ ..]) => {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                let verb = if rest.is_empty() { "differs" } else { "differ" };
                (
                    Severity::Warning,
                    "drift.waiver_expired",
                    format!("waiver {id} ran out at {}, and {}{more} still {verb}", waiver.expires, first.id),
                    "let the change happen, or give the waiver a new date",
                )
            }
            (true, []) => (
                Severity::Info,
                "drift.waiver_unused",
                format!("waiver {id} ran out at {}, and nothing that it speaks of differs", waiver.expires),
                "it can be dropped",
            ),
            (false, []) => (
                Severity::Info,
                "drift.waiver_unused",
                format!("waiver {id} holds until {}, and nothing that it speaks of differs", waiver.expires),
                "drop it when the deviation will not come back",
            ),
        };
        let address = waiver.addresses.first().map(|address| address.value.clone());
        plan.findings.push(Finding {
            id: address,
            at: Some(waiver.at),
            ..finding(severity, code, message, Some(hint.into()))
        });
    }
}

fn finding(severity: Severity, code: &'static str, message: String, hint: Option<String>) -> Finding {
    Finding { severity, code: code.into(), message, hint, id: None, at: None }
}

//! Whether a requirement is met, and what follows when it is not. Pure.

use super::installed;
use super::look::{Look, Outcome};
use super::wanted::{Assertion, Blocks, Presence, RegistryWanted, WantedRequirement};
use super::windows;
use crate::kinds::Kind as _;
use crate::model::fact::{Facts, KeyAspects, Queries, Unread, ValueSelection};
use crate::model::file::FilePath;
use crate::model::probe::{Answer, Probe};
use crate::model::verdict::{Decision, Finding, Reason, Severity, Verdict};

const UNMET: &str = "requires.unmet";

pub fn wants(wanted: &WantedRequirement, facts: &Facts, queries: &mut Queries) {
    let mut look = Look::new(facts);
    let _ = judge(&wanted.assertion, &mut look);
    for (key, aspects) in look.asked.keys() {
        queries.key(key, aspects.clone());
    }
    for (path, aspect) in look.asked.files() {
        queries.file(path, aspect.clone());
    }
    for probe in look.asked.probes() {
        queries.probe(probe.clone());
    }
}

pub fn compare(wanted: &WantedRequirement, facts: &Facts) -> Decision {
    let kept = Decision::keep(wanted.address(), wanted.at);
    let message = |found: &str| {
        let needs = format!("needs {}, found {found}", wanted.assertion);
        wanted.message.as_ref().map_or_else(|| needs.clone(), |message| format!("{message} ({needs})"))
    };
    match judge(&wanted.assertion, &mut Look::new(facts)) {
        Outcome::Met => kept,
        Outcome::Unmet(found) => {
            Decision { verdict: Verdict::Blocked, reasons: vec![Reason::with(UNMET, message(&found))], ..kept }
        }
        Outcome::Unread(unread) => {
            let (verdict, code) = match &unread {
                Unread::Unsupported { .. } => (Verdict::Deferred, "requires.unsupported"),
                Unread::NotCaptured { .. } => (Verdict::Blocked, "requires.not_captured"),
                Unread::Refused { .. } => (Verdict::Blocked, "requires.refused"),
                Unread::Failed { .. } => (Verdict::Blocked, "requires.unreadable"),
            };
            let said = format!("needs {}; {unread}", wanted.assertion);
            Decision { verdict, reasons: vec![Reason::with(code, said)], ..kept }
        }
    }
}

/// The entry may say that nothing at all is done without it.
pub fn lint(wanted: &WantedRequirement, decisions: &[Decision], findings: &mut Vec<Finding>) {
    if wanted.blocks != Blocks::Everything {
        return;
    }
    for decision in decisions.iter().filter(|decision| decision.verdict == Verdict::Blocked) {
        let why = decision.reasons.first().and_then(|reason| reason.message.as_deref()).unwrap_or_default();
        findings.push(Finding {
            severity: Severity::Error,
            code: UNMET.into(),
            message: format!("{}: {why}", decision.id),
            hint: Some(format!("apply refuses unless it is run with --accept {UNMET}")),
            id: Some(decision.id.clone()),
            at: Some(decision.at),
        });
    }
}

fn judge(assertion: &Assertion, look: &mut Look<'_>) -> Outcome {
    match assertion {
        Assertion::Windows(wanted) => windows::release(wanted, look),
        Assertion::Role { role, presence } => windows::role(*role, *presence, look),
        Assertion::Service { service, presence } => windows::service(service, *presence, look),
        Assertion::Framework(version) => installed::framework(version, look),
        Assertion::Runtime { runtime, version } => installed::runtime(*runtime, version, look),
        Assertion::Software(wanted) => installed::software(wanted, look),
        Assertion::Java { kind, version } => installed::java(*kind, version, look),
        Assertion::WebServer { version, components } => windows::web_server(version.as_ref(), components, look),
        Assertion::SqlServer { instance, version } => {
            installed::sql_server(instance.as_deref(), version.as_ref(), look)
        }
        Assertion::Registry(wanted) => registry(wanted, look),
        Assertion::File { path, presence } => file(path, *presence, look),
        Assertion::Measured(probe) => measured(probe, look),
    }
}

/// Whether a thing that may be there is as it should be.
pub fn presence(is_there: bool, wanted: Presence, look: &mut Look<'_>) -> Outcome {
    match wanted {
        Presence::Present => look.conclude(Outcome::of(is_there, || "it is not there".into())),
        Presence::Absent => look.conclude_absence(Outcome::of(!is_there, || "it is there".into())),
    }
}

fn registry(wanted: &RegistryWanted, look: &mut Look<'_>) -> Outcome {
    let Some(name) = &wanted.value else {
        let is_there = look.key(&wanted.key, KeyAspects::default()).is_some();
        return presence(is_there, wanted.presence, look);
    };
    let values = ValueSelection::Named(vec![name.clone()]);
    let fact = look.key(&wanted.key, KeyAspects { values, ..KeyAspects::default() });
    let found = fact.and_then(|fact| fact.value(name)).and_then(|value| value.data.plain());
    match (&wanted.is, found) {
        (Some(is), Some(found)) => look.conclude(Outcome::of(is == found, || found.to_string())),
        (Some(_), None) => presence(false, Presence::Present, look),
        (None, found) => presence(found.is_some(), wanted.presence, look),
    }
}

fn file(path: &FilePath, wanted: Presence, look: &mut Look<'_>) -> Outcome {
    let is_there = look.file(path).unwrap_or_default();
    presence(is_there, wanted, look)
}

fn measured(probe: &Probe, look: &mut Look<'_>) -> Outcome {
    let outcome = match look.probe(probe) {
        Some(Answer::Measured { met, found }) => Outcome::of(*met, || found.to_string()),
        Some(Answer::Flag(is_so)) => Outcome::of(*is_so, || "it is not so".into()),
        Some(other) => Outcome::Unmet(other.to_string()),
        None => Outcome::Unmet("nothing".into()),
    };
    look.conclude(outcome)
}

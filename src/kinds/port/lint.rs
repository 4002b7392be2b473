//! What is worth saying of an entry, and of all entries together once the plan stands. Pure.

use std::sync::Arc;

use super::after::After;
use super::bindings;
use super::wanted::{CertificateSource, WantedBinding, WantedPort};
use super::{clashes, void, ways_in};
use crate::formats::certificate_store::{BLOB, StoreBlob};
use crate::formats::x509::Certificate;
use crate::kinds::Context;
use crate::kinds::certificate::Outlook;
use crate::model::fact::{Facts, KeyState};
use crate::model::resource::ResourceId;
use crate::model::verdict::{Action, Decision, Finding, Severity, Verdict};

/// What one entry's part of the plan is worth.
pub fn entry(
    port: &WantedPort,
    facts: &Facts,
    context: &Context<'_>,
    decisions: &[Decision],
    findings: &mut Vec<Finding>,
) {
    if !port.is_present() {
        return;
    }
    for wanted in &port.bindings {
        let id = port.part(&wanted.part);
        let mut say = |severity, code: &'static str, message: String, hint: &str| {
            findings.push(Finding {
                severity,
                code: code.into(),
                message,
                hint: (!hint.is_empty()).then(|| hint.to_owned()),
                id: Some(id.clone()),
                at: Some(wanted.at),
            });
        };
        match wanted.certificate.as_ref().map(|source| &source.value) {
            Some(CertificateSource::Entry(name)) => of_entry(port, wanted, name, facts, context, &mut say),
            Some(CertificateSource::Pinned(_)) => pinned(port, wanted, facts, context, &mut say),
            None => {}
        }
        if let Some(decision) = decisions.iter().find(|decision| decision.id == id)
            && matches!(decision.verdict, Verdict::Change { action: Action::Update, .. })
            && wanted.app_id.is_none()
            && let Some(found) = bindings::present(wanted.endpoint.kind(), facts)
                .ok()
                .and_then(|all| all.into_iter().find(|each| each.endpoint == wanted.endpoint))
            && let Ok(before) = bindings::read(&found)
            && let Some(app_id) = before.app_id.filter(|id| *id != bindings::APP_ID)
        {
            let message = format!("{}: the binding was made by another program, {app_id}", port.part(&wanted.part));
            say(Severity::Info, "ports.binding_of_other", message, "name it with `app_id` to say that this is meant");
        }
    }
    if let Some(decision) = decisions.iter().find(|decision| decision.id.part() == Some("rpc"))
        && matches!(decision.verdict, Verdict::Change { .. })
        && !port.common.on_change.reboot
    {
        findings.push(Finding {
            severity: Severity::Info,
            code: "ports.rpc_wants_reboot".into(),
            message: format!("{}: RPC reads its ports when the machine starts", decision.id),
            hint: Some("add `on_change: {reboot: true}`".into()),
            id: Some(decision.id.clone()),
            at: Some(decision.at),
        });
    }
}

type Say<'s> = dyn FnMut(Severity, &'static str, String, &str) + 's;

fn of_entry(
    port: &WantedPort,
    wanted: &WantedBinding,
    name: &str,
    facts: &Facts,
    context: &Context<'_>,
    say: &mut Say<'_>,
) {
    let id = port.part(&wanted.part);
    let address = ResourceId::new("certificates", name);
    let Outlook::Ready { certificate, not_after, replaces, stores } =
        context.certificates().outlook(name, facts, context)
    else {
        return;
    };
    if let Some(old) = replaces
        && certificate.known().is_none()
    {
        let message =
            format!("{id}: {address} is replaced in this plan, and the binding goes from {old} to the new one");
        say(Severity::Info, "ports.certificate_replaced", message, "");
    }
    if certificate.known().is_some() && not_after <= context.as_of {
        let message = format!("{id}: the certificate of {address} expired at {not_after}");
        say(Severity::Warning, "ports.certificate_expired", message, "");
    }
    if let Some(store) = bindings::store(wanted)
        && !stores.contains(&store)
    {
        let message = format!("{id}: the binding takes its certificate from {store}, where {address} does not put it");
        let hint = format!("add `{store}` to the `store` of {address}, or name another `store` here");
        say(Severity::Warning, "ports.certificate_misplaced", message, &hint);
    }
}

fn pinned(port: &WantedPort, wanted: &WantedBinding, facts: &Facts, context: &Context<'_>, say: &mut Say<'_>) {
    let Some(CertificateSource::Pinned(thumbprint)) = wanted.certificate.as_ref().map(|source| &source.value) else {
        return;
    };
    let id = port.part(&wanted.part);
    if let Some((address, is_replaced)) = context.certificates().holder_of(thumbprint, facts, context) {
        let hint = format!("write `certificate: {}` in place of the thumbprint", address.name());
        if is_replaced {
            let message = format!("{id} pins {thumbprint}, which {address} replaces in this plan");
            say(Severity::Error, "ports.pinned_is_replaced", message, &hint);
        } else {
            let message = format!("{id} pins the certificate of {address}, and will not follow when it is renewed");
            say(Severity::Warning, "ports.pinned_is_renewed", message, &hint);
        }
    }
    let Some(key) = bindings::pinned_key(wanted, thumbprint) else { return };
    let fact = match facts.key(&key) {
        Some(Ok(KeyState::Present(fact))) => fact,
        Some(Ok(KeyState::Absent { .. })) => {
            // An entry may put it there in this plan.
            if context.certificates().brings(thumbprint, facts, context) {
                return;
            }
            let store = bindings::store(wanted).map(|store| store.to_string()).unwrap_or_default();
            let message = format!("{id}: {store} holds no certificate {thumbprint}");
            say(
                Severity::Error,
                "ports.certificate_absent",
                message,
                "import it first, or name an entry of `certificates`",
            );
            return;
        }
        _ => return,
    };
    let blob =
        fact.value(BLOB).and_then(|value| value.data.plain()).and_then(|data| StoreBlob::parse(&data.bytes).ok());
    let Some(blob) = blob else { return };
    if let Ok(certificate) = Certificate::parse(blob.certificate())
        && certificate.not_after() <= context.as_of
    {
        let message = format!("{id}: the certificate {thumbprint} expired at {}", certificate.not_after());
        say(Severity::Warning, "ports.certificate_expired", message, "");
    }
    if blob.key_provider().is_none() {
        let message = format!("{id}: the certificate {thumbprint} has no private key on this machine");
        say(Severity::Warning, "ports.certificate_without_key", message, "");
    }
}

/// What all entries and the whole plan come to.
pub fn lint_plan(facts: &Facts, context: &Context<'_>, decisions: &[Decision], findings: &mut Vec<Finding>) {
    let ports = context.ports();
    if ports.is_empty() {
        return;
    }
    let existing = ports.existing(facts);
    let entries: Vec<&WantedPort> = ports.entries.iter().map(Arc::as_ref).collect();
    let after = After::of(existing, facts, decisions);
    clashes::lint(&entries, facts, existing, findings);
    void::lint(entries.iter().copied(), &after, context.as_of, findings);
    ways_in::lint(entries.iter().copied(), existing, &after, findings);
}

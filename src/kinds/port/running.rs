//! What only a running machine tells of ports, dynamic and reserved ranges and who listens; and the ports of RPC. Pure.

use super::places;
use super::rules;
use super::wanted::{Purpose, WantedListener, WantedPort, WantedRange};
use crate::formats::registry_values::NamedValues;
use crate::formats::rpc_ports::{RpcPorts, VALUES};
use crate::formats::upcase;
use crate::model::digest;
use crate::model::fact::{Facts, KeyFact};
use crate::model::operation::{Expression, Operation};
use crate::model::port::PortSet;
use crate::model::probe::{Answer, Listener, Probe};
use crate::model::registry_data::RegistryData;
use crate::model::remembered::Trace;
use crate::model::source::Spanned;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// The program as which http.sys listens.
const HTTP: &str = "System";

/// The question about a range.
pub fn range_probe(wanted: &WantedRange) -> Probe {
    match wanted.purpose {
        Purpose::Dynamic => Probe::DynamicPorts { transport: wanted.transport },
        Purpose::Reserved => {
            Probe::ExcludedPorts { transport: wanted.transport, first: wanted.range.first(), last: wanted.range.last() }
        }
    }
}

/// The question about a listener.
pub fn listener_probe(wanted: &WantedListener) -> Probe {
    Probe::Listeners { transport: wanted.transport, port: wanted.port }
}

/// Decides about a dynamic or reserved range.
pub fn range(port: &WantedPort, wanted: &WantedRange, facts: &Facts) -> Decision {
    let id = port.part(&wanted.part);
    let probe = range_probe(wanted);
    let found = match facts.probe(&probe) {
        Some(Ok(found)) => found.clone(),
        Some(Err(unread)) => return rules::unread(id, wanted.at, Some(unread)),
        None => return rules::unread(id, wanted.at, None),
    };
    let after = match wanted.purpose {
        Purpose::Dynamic => Answer::Ports(wanted.range.first(), wanted.range.last()),
        Purpose::Reserved => Answer::Flag(port.is_present()),
    };
    let digest_of = |answer: &Answer| digest::of(&[b"answer", answer.to_string().as_bytes()]);
    let trace = Trace { wanted: digest_of(&after), found: digest_of(&found), secret: None };
    if found == after {
        return Decision::keep(id, wanted.at).traced(trace);
    }
    let (action, code) = match (wanted.purpose, port.is_present()) {
        (Purpose::Dynamic, _) => (Action::Update, "ports.dynamic_differs"),
        (Purpose::Reserved, true) => (Action::Create, "ports.not_reserved"),
        (Purpose::Reserved, false) => (Action::Delete, "ports.not_wanted"),
    };
    let operation = Operation::Adjust { what: probe, before: found, after };
    Decision::change(id, wanted.at, action, Reason::code(code), vec![operation]).traced(trace)
}

/// Decides about who listens: nothing that apply does changes that.
pub fn listener(port: &WantedPort, wanted: &WantedListener, facts: &Facts) -> Decision {
    let id = port.part(&wanted.part);
    let found = match facts.probe(&listener_probe(wanted)) {
        Some(Ok(Answer::Listeners(found))) => found.as_slice(),
        Some(Ok(_)) => &[],
        Some(Err(unread)) => return rules::unread(id, wanted.at, Some(unread)),
        None => return rules::unread(id, wanted.at, None),
    };
    let decision =
        |verdict, reason| Decision { verdict, reasons: vec![reason], ..Decision::keep(id.clone(), wanted.at) };
    let place = format!("{} port {}", wanted.transport, wanted.port);
    if found.is_empty() {
        let message = format!("nobody listens at {place}; {} should", wanted.expect);
        return decision(Verdict::Unverifiable, Reason::with("ports.nobody_listens", message));
    }
    let is_http = |listener: &Listener| upcase::eq(&listener.program, HTTP);
    // What an entry has http.sys serve, http.sys listens at, whoever it serves it for.
    let has_http = !port.bindings.is_empty() || !port.reservations.is_empty();
    if found.iter().any(|listener| is_expected(listener, &wanted.expect) || (has_http && is_http(listener))) {
        return Decision::keep(id, wanted.at);
    }
    let who: Vec<&str> = found.iter().map(|listener| &*listener.program).collect();
    let mut message = format!("{} listens at {place}, not {}", who.join(", "), wanted.expect);
    if found.iter().any(is_http) {
        message.push_str("; behind System may be any program that http.sys serves");
    }
    decision(Verdict::Blocked, Reason::with("ports.other_listener", message))
}

fn is_expected(listener: &Listener, expect: &str) -> bool {
    let bare = |name: &str| {
        let folded = upcase::fold(name);
        folded.strip_suffix(".EXE").map_or(folded.clone(), str::to_owned)
    };
    bare(&listener.program) == bare(expect) || listener.services.iter().any(|service| upcase::eq(service, expect))
}

/// Decides about the ports of RPC, all three values at once.
pub fn rpc(port: &WantedPort, wanted: &Spanned<PortSet>, facts: &Facts) -> Decision {
    let id = port.part("rpc");
    let Some(key) = places::rpc() else { return Decision::keep(id, wanted.at) };
    let fact = match places::found(&key, facts) {
        Ok(fact) => fact,
        Err(unread) => return rules::unread(id, wanted.at, Some(&unread)),
    };
    let stored = fact.map(KeyFact::values).unwrap_or_default();
    let plain: Vec<(&str, &RegistryData)> =
        stored.iter().filter_map(|value| Some((&*value.name, value.data.plain()?))).collect();
    let found = RpcPorts::read(&NamedValues::new(plain));
    let after = if port.is_present() { RpcPorts::Only(wanted.value.clone()) } else { RpcPorts::Unrestricted };
    let parts = VALUES.map(|name| digest::of_stored(fact.and_then(|fact| fact.value(name)).map(|value| &value.data)));
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_le_bytes()).collect();
    let trace = Trace {
        wanted: digest::of(&[b"rpc", after.to_string().as_bytes()]),
        found: digest::of(&[b"rpc values", &bytes]),
        secret: None,
    };
    let reason = match &found {
        Ok(found) if *found == after => return Decision::keep(id, wanted.at).traced(trace),
        Ok(_) if !port.is_present() => Reason::code("ports.not_wanted"),
        Ok(found) => Reason::with("ports.rpc_differs", format!("RPC is given {found}")),
        Err(error) => Reason::with("ports.rpc_incomplete", error.to_string()),
    };
    let mut operations = if port.is_present() { places::creations(&key, facts) } else { Vec::new() };
    for write in after.writes() {
        let value = fact.and_then(|fact| fact.value(write.name));
        let before = value.map(|value| value.data.clone());
        match (write.data, before) {
            (Some(data), before) => operations.push(Operation::PutRegistryValue {
                key: key.clone(),
                name: write.name.into(),
                before,
                after: Expression::Registry(data),
            }),
            (None, Some(before)) => {
                let name = value.map_or(write.name, |value| &value.name).into();
                operations.push(Operation::RemoveRegistryValue { key: key.clone(), name, before });
            }
            (None, None) => {}
        }
    }
    let action = match (&found, port.is_present()) {
        (_, false) => Action::Delete,
        (Ok(RpcPorts::Unrestricted), true) => Action::Create,
        (_, true) => Action::Update,
    };
    let decision = Decision::change(id, wanted.at, action, reason, operations).traced(trace);
    match fact {
        Some(fact) => decision.written_at(fact.last_written),
        None => decision,
    }
}

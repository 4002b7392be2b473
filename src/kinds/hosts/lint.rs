//! What is worth saying about a name of the `hosts` file. Pure.

use core::net::IpAddr;

use super::wanted::WantedHost;
use crate::formats::upcase;
use crate::kinds::Kind as _;
use crate::model::common::Ensure;
use crate::model::fact::Facts;
use crate::model::verdict::{Finding, Severity};

pub fn lint(wanted: &WantedHost, facts: &Facts, findings: &mut Vec<Finding>) {
    let mut warn = |code: &'static str, message: String, hint: &str| {
        findings.push(Finding {
            severity: Severity::Warning,
            code: code.into(),
            message,
            hint: Some(hint.to_owned()),
            id: Some(wanted.address()),
            at: Some(wanted.at),
        });
    };
    if wanted.common.ensure == Ensure::Absent {
        return;
    }
    let name = &wanted.name;
    if upcase::eq(name, "localhost") && !wanted.addresses.iter().all(IpAddr::is_loopback) {
        let message = format!("{name} is to stand for another machine than this one");
        warn(
            "hosts.localhost",
            message,
            "Windows answers for localhost itself; programs that look into the file will not",
        );
    }
    if is_own_name(name, facts) && !wanted.addresses.iter().any(IpAddr::is_loopback) {
        let message =
            format!("{name} is the machine's own name; what it stands for here outlives a change of its address");
        warn("hosts.own_name", message, "leave it to the name service, or give it a loopback address");
    }
    let link_local = |address: &&IpAddr| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    if let Some(address) = wanted.addresses.iter().find(link_local) {
        let message = format!("{address} is only valid together with an interface, which a line cannot name");
        warn("hosts.link_local", message, "use an address that is routed");
    }
}

/// Whether the machine itself goes by the name, alone or with its domain.
fn is_own_name(name: &str, facts: &Facts) -> bool {
    let Ok(identity) = &facts.identity else { return false };
    let Some(own) = &identity.name else { return false };
    let full = identity.domain.as_ref().map(|domain| format!("{own}.{domain}"));
    upcase::eq(name, own) || full.is_some_and(|full| upcase::eq(name, &full))
}

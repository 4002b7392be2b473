//! Entries that get in each other's way: one port named twice, a range that swallows a port, URLs that take each other's requests. Pure.

use super::bindings;
use super::existing::Existing;
use super::urls;
use super::void::PortIndex;
use super::wanted::{Claim, Purpose, UrlAccess, WantedPort};
use crate::formats::http_sys::{BindingKind, Overlap, Reservation, Scheme};
use crate::model::fact::Facts;
use crate::model::port::{PortRange, PortSet};
use crate::model::probe::Transport;
use crate::model::verdict::{Finding, Severity};

/// What Windows gives to outgoing connections where nobody has said otherwise.
const USUAL_DYNAMIC: (u16, u16) = (49_152, 65_535);

fn finding(entry: &WantedPort, severity: Severity, code: &'static str, message: String, hint: &str) -> Finding {
    Finding {
        severity,
        code: code.into(),
        message,
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
        id: Some(entry.address()),
        at: Some(entry.at),
    }
}

/// Tells of every two entries that name one port, and of ports inside ranges.
pub fn lint(entries: &[&WantedPort], facts: &Facts, existing: &Existing, findings: &mut Vec<Finding>) {
    twice(entries, findings);
    swallowed(entries, findings);
    prefixes(entries, facts, findings);
    let strange = existing.local.by_id.values().filter(|found| found.policy().is_none()).count();
    if strange > 0 {
        let rules =
            if strange == 1 { "1 firewall rule is".to_owned() } else { format!("{strange} firewall rules are") };
        findings.push(Finding {
            severity: Severity::Info,
            code: "ports.rules_not_understood".into(),
            message: format!("{rules} not understood, and not counted in what is open and what is shut"),
            hint: None,
            id: None,
            at: None,
        });
    }
}

fn twice(entries: &[&WantedPort], findings: &mut Vec<Finding>) {
    let mut index = PortIndex::new();
    for (at, entry) in entries.iter().enumerate() {
        let ranges: Vec<PortRange> = entry.claims.iter().flat_map(|claim| claim.ports.ranges()).collect();
        if ranges.is_empty() {
            continue;
        }
        let others = index.near(&ranges).into_iter().filter_map(|other| entries.get(other));
        // The first will do: a hundred entries with one port need no five thousand findings.
        if let Some((other, (transport, ports))) =
            others.filter_map(|other| Some((other, common(entry, other)?))).next()
        {
            let message = format!("{} and {} both name {transport} port {ports}", other.address(), entry.address());
            let hint =
                "one program can listen at a port: make it one entry, or say which addresses each is of with `to`";
            findings.push(finding(entry, Severity::Warning, "ports.clash", message, hint));
        }
        index.add(at, &ranges);
    }
}

/// The ports that two entries name on the same addresses.
fn common(one: &WantedPort, other: &WantedPort) -> Option<(Transport, PortSet)> {
    // A URL is shared by path, and a pure reservation of one needs no port of its own.
    let only_urls =
        |entry: &WantedPort| entry.rules.is_empty() && entry.bindings.is_empty() && entry.listeners.is_empty();
    let meet = |mine: &Claim, theirs: &Claim| mine.transport == theirs.transport && mine.ports.overlaps(&theirs.ports);
    let have_port = one.claims.iter().any(|mine| other.claims.iter().any(|theirs| meet(mine, theirs)));
    if !have_port || only_urls(one) || only_urls(other) || !share_addresses(one, other) {
        return None;
    }
    for mine in &one.claims {
        for theirs in other.claims.iter().filter(|theirs| theirs.transport == mine.transport) {
            let both = mine.ports.intersection(&theirs.ports);
            if !both.is_empty() {
                return Some((mine.transport, both));
            }
        }
    }
    None
}

/// Whether the entries speak of an address in common; one that names none speaks of all.
fn share_addresses(one: &WantedPort, other: &WantedPort) -> bool {
    let of = |entry: &WantedPort| {
        let mut named: Vec<_> = entry.rules.iter().map(|rule| rule.rule.local_addresses.clone()).collect();
        named.extend(entry.bindings.iter().map(|binding| match binding.endpoint.ip() {
            Some(ip) if !ip.is_unspecified() => [crate::formats::firewall::IpRange::from(ip)].into_iter().collect(),
            _ => crate::formats::firewall::IpSet::EMPTY,
        }));
        named
    };
    let (mine, theirs) = (of(one), of(other));
    if mine.is_empty() || theirs.is_empty() {
        return true;
    }
    mine.iter().any(|mine| {
        theirs.iter().any(|theirs| mine.is_empty() || theirs.is_empty() || !mine.intersection(theirs).is_empty())
    })
}

fn swallowed(entries: &[&WantedPort], findings: &mut Vec<Finding>) {
    for transport in [Transport::Tcp, Transport::Udp] {
        let of = |purpose: Purpose| {
            let ranges = entries.iter().flat_map(|entry| entry.ranges.iter().map(move |range| (*entry, range)));
            ranges.filter(move |(entry, range)| {
                range.purpose == purpose && range.transport == transport && entry.is_present()
            })
        };
        let reserved: PortSet = of(Purpose::Reserved).map(|(_, range)| range.range).collect();
        let stated = of(Purpose::Dynamic).next();
        let usual = PortRange::new(USUAL_DYNAMIC.0, USUAL_DYNAMIC.1).ok();
        let dynamic = stated.map(|(_, range)| range.range).or(usual);
        let rpc = entries.iter().filter(|entry| entry.is_present() && transport == Transport::Tcp);
        let rpc = rpc.filter_map(|entry| Some((*entry, &entry.rpc.as_ref()?.value))).next();
        for entry in entries.iter().filter(|entry| entry.is_present()) {
            for claim in entry.claims.iter().filter(|claim| claim.transport == transport) {
                // Who opens a range of ports does not mean one port in particular.
                let fixed: PortSet = claim.ports.ranges().filter(|range| range.is_single()).collect();
                let open = fixed.difference(&reserved);
                let in_dynamic = dynamic.map(|range| open.intersection(&range.into())).unwrap_or_default();
                if !in_dynamic.is_empty() {
                    let whose = match stated {
                        Some((other, range)) => format!("the dynamic ports {} of {}", range.range, other.address()),
                        None => format!("Windows' dynamic ports {}-{}", USUAL_DYNAMIC.0, USUAL_DYNAMIC.1),
                    };
                    let message = format!(
                        "{transport} port {in_dynamic} of {} is among {whose}: another program may have it first",
                        entry.address()
                    );
                    findings.push(finding(
                        entry,
                        Severity::Warning,
                        "ports.in_dynamic_range",
                        message,
                        "add `reserve: true`, or move the range",
                    ));
                }
                if let Some((other, ports)) = rpc {
                    let in_rpc = fixed.intersection(ports);
                    if !in_rpc.is_empty() {
                        let message = format!(
                            "{transport} port {in_rpc} of {} is among the ports that {} gives to RPC",
                            entry.address(),
                            other.address()
                        );
                        let hint = "RPC servers take ports in no order: leave fixed ones out of its range";
                        findings.push(finding(entry, Severity::Warning, "ports.in_rpc_range", message, hint));
                    }
                }
            }
        }
    }
}

/// Tells of URLs that are reserved to others, or whose requests go elsewhere, and of https without a certificate.
fn prefixes(entries: &[&WantedPort], facts: &Facts, findings: &mut Vec<Finding>) {
    let wanted: Vec<_> = entries
        .iter()
        .filter(|entry| entry.is_present())
        .flat_map(|entry| entry.reservations.iter().map(move |url| (*entry, url)))
        .collect();
    if wanted.is_empty() {
        return;
    }
    let found = urls::present(facts).unwrap_or_default();
    let bound: Vec<_> =
        BindingKind::ALL.into_iter().filter_map(|kind| bindings::present(kind, facts).ok()).flatten().collect();
    let bound_here = |port: u16| {
        let gone = |endpoint: &crate::formats::http_sys::Endpoint| {
            let absent = entries.iter().filter(|entry| !entry.is_present()).flat_map(|entry| &entry.bindings);
            absent.into_iter().any(|binding| binding.endpoint == *endpoint)
        };
        let asked = entries.iter().filter(|entry| entry.is_present()).flat_map(|entry| &entry.bindings);
        asked.into_iter().any(|binding| binding.endpoint.port() == port)
            || bound.iter().any(|each| each.endpoint.port() == port && !gone(&each.endpoint))
    };
    for (at, (entry, url)) in wanted.iter().enumerate() {
        let asked = access(url.access.as_ref(), facts);
        let named =
            |prefix: &crate::formats::http_sys::UrlPrefix| wanted.iter().any(|(_, other)| other.prefix == *prefix);
        for each in &found {
            let Ok(reservation) = &each.read else { continue };
            let overlap = url.prefix.overlap(&reservation.prefix);
            let others = urls::owners(reservation);
            let is_same_owner = asked.as_ref().is_some_and(|asked| *asked == others);
            let (code, message) = match overlap {
                Overlap::None => continue,
                _ if is_same_owner => continue,
                Overlap::Same => (
                    "ports.prefix_reserved",
                    format!("{} takes {} from {others}", entry.part(&url.part), url.prefix.canonical()),
                ),
                _ if named(&reservation.prefix) => continue,
                _ => overlap_words(
                    entry,
                    url,
                    overlap,
                    &reservation.prefix.canonical(),
                    &format!("reserved for {others}"),
                ),
            };
            findings.push(finding(entry, Severity::Warning, code, message, ""));
        }
        for (other, another) in wanted.iter().skip(at + 1) {
            let overlap = url.prefix.overlap(&another.prefix);
            let same = asked.is_some() && asked == access(another.access.as_ref(), facts);
            if matches!(overlap, Overlap::Wins | Overlap::Yields) && !same {
                let whose = format!("of {}", other.address());
                let (code, message) = overlap_words(entry, url, overlap, &another.prefix.canonical(), &whose);
                findings.push(finding(entry, Severity::Warning, code, message, ""));
            }
        }
        if url.prefix.scheme() == Scheme::Https && !bound_here(url.prefix.port()) {
            let message =
                format!("{} is https, and port {} has no certificate", entry.part(&url.part), url.prefix.port());
            findings.push(finding(entry, Severity::Warning, "ports.no_binding", message, "add `tls` to the entry"));
        }
    }
}

fn overlap_words(
    entry: &WantedPort,
    url: &super::wanted::WantedReservation,
    overlap: Overlap,
    other: &str,
    whose: &str,
) -> (&'static str, String) {
    let (mine, id) = (url.prefix.canonical(), entry.part(&url.part));
    let message = match overlap {
        Overlap::Wins => format!("{id}: {mine} takes requests that fit {other}, too, {whose}"),
        _ => format!("{id}: requests that fit {other}, {whose}, do not come to {mine}"),
    };
    ("ports.prefix_taken", message)
}

/// The accounts that a reservation of a document is for, as [`urls::owners`] says it.
fn access(access: Option<&UrlAccess>, facts: &Facts) -> Option<String> {
    let descriptor = urls::descriptor(access?, facts).ok()?;
    let prefix = crate::formats::http_sys::UrlPrefix::parse("http://+:80/").ok()?;
    Some(urls::owners(&Reservation { prefix, descriptor }))
}

//! What one rule has to do with one arrival: for which addresses it certainly holds, for which it may, and on what that depends.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::fmt;

use super::policy::PolicyRule;
use super::{Approach, Arrival, LocalPort};
use crate::formats::firewall::addresses::{AddressSet, Addresses, Family};
use crate::formats::firewall::aspect::Aspect;
use crate::formats::firewall::ip::{IpRange, IpSet};
use crate::formats::firewall::ports::{LocalPortKeyword, Ports};
use crate::formats::firewall::terms::Action;
use crate::formats::firewall::traffic::{Protocol, Traffic};
use crate::model::port::{PortRange, PortSet};

const RPC_ENDPOINT_MAPPER: u16 = 135;

/// Why a rule holds for a part of an arrival only, or it isn't known whether it does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// The rule names this: a program, other addresses, types of interfaces …
    On(Aspect),
    /// The connection has to be authenticated by IPsec.
    Authentication,
    /// The rule has a field that narrows it and is not understood.
    Field(String),
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::On(aspect) => fmt::Display::fmt(aspect, f),
            Self::Authentication => f.write_str("authentication"),
            Self::Field(name) => write!(f, "the field `{name}`"),
        }
    }
}

/// The addresses among those asked about for which a rule holds.
pub(super) struct Reach {
    pub certain: AddressSet,
    pub possible: AddressSet,
    pub conditions: BTreeSet<Condition>,
}

/// How a rule's demand and an arrival go together.
enum Fit {
    Yes,
    No,
    Perhaps,
}

/// What a rule has to do with an arrival; none when nothing.
pub(super) fn reach(rule: &PolicyRule, arrival: &Arrival, asked: &AddressSet) -> Option<Reach> {
    let said = &rule.rule;
    if !said.profiles.contains(arrival.profile) {
        return None;
    }
    let mut conditions: BTreeSet<Condition> = rule.restrictions.iter().cloned().map(Condition::Field).collect();
    if said.action == Action::Bypass {
        conditions.insert(Condition::Authentication);
    }
    if !said.interface_types.is_empty() {
        conditions.insert(Condition::On(Aspect::InterfaceTypes));
    }
    for (aspect, fit) in [
        (Aspect::Protocol, protocol(said.traffic.protocol(), arrival.what)),
        (Aspect::LocalPorts, local_ports(&said.traffic, arrival.what)),
        (Aspect::RemotePorts, narrows(said.traffic.remote_ports().is_some_and(|ports| !ports.is_any()))),
        (Aspect::IcmpTypes, narrows(said.traffic.icmp_types().is_some_and(|types| !types.is_any()))),
        (Aspect::LocalAddresses, local_address(&said.local_addresses, arrival.local_address)),
        (Aspect::Program, program(rule, arrival)),
        (Aspect::Service, service(rule, arrival)),
    ] {
        match fit {
            Fit::Yes => {}
            Fit::No => return None,
            Fit::Perhaps => _ = conditions.insert(Condition::On(aspect)),
        }
    }
    let (certain, possible) = remote(&said.remote_addresses, asked);
    if possible.is_empty() {
        return None;
    }
    let is_certain = conditions.is_empty();
    if !certain.includes(asked) {
        conditions.insert(Condition::On(Aspect::RemoteAddresses));
    }
    Some(Reach { certain: if is_certain { certain } else { AddressSet::default() }, possible, conditions })
}

fn narrows(is_narrow: bool) -> Fit {
    if is_narrow { Fit::Perhaps } else { Fit::Yes }
}

fn protocol(rule: Protocol, what: Approach) -> Fit {
    let comes = match what {
        Approach::Tcp(_) => Protocol::Tcp,
        Approach::Udp(_) => Protocol::Udp,
        Approach::Protocol(protocol) => protocol,
    };
    match (rule, comes) {
        (Protocol::Any, _) => Fit::Yes,
        // Who asks for all protocols at once gets a part.
        (_, Protocol::Any) => Fit::Perhaps,
        _ if rule == comes => Fit::Yes,
        _ => Fit::No,
    }
}

/// The ports that a word is known to stand for.
pub(super) fn known_ports(ports: &Ports<LocalPortKeyword>) -> Option<PortRange> {
    let has_mapper = ports.keywords.contains(&LocalPortKeyword::RpcEndpointMapper);
    PortRange::single(RPC_ENDPOINT_MAPPER).ok().filter(|_| has_mapper)
}

fn local_ports(rule: &Traffic, what: Approach) -> Fit {
    let Some(ports) = rule.local_ports().filter(|ports| !ports.is_any()) else { return Fit::Yes };
    let asked = match what {
        Approach::Tcp(port) | Approach::Udp(port) => port,
        Approach::Protocol(_) => return Fit::Perhaps,
    };
    let known = PortSet::from_iter(ports.numbers.ranges().chain(known_ports(ports)));
    let has_unknown = ports.keywords.iter().any(|keyword| *keyword != LocalPortKeyword::RpcEndpointMapper);
    match asked {
        LocalPort::Numbers(range) if known.includes(&range.into()) => Fit::Yes,
        LocalPort::Numbers(range) => narrow_or_none(known.overlaps(&range.into()) || has_unknown),
        LocalPort::Keyword(keyword) if ports.keywords.contains(&keyword) => Fit::Yes,
        LocalPort::Keyword(LocalPortKeyword::RpcEndpointMapper) if known.contains(RPC_ENDPOINT_MAPPER) => Fit::Yes,
        LocalPort::Keyword(LocalPortKeyword::RpcEndpointMapper) => Fit::No,
        // A word's ports may be among those that are named; two words never stand for the same.
        LocalPort::Keyword(_) => narrow_or_none(!ports.numbers.is_empty()),
    }
}

fn narrow_or_none(may_fit: bool) -> Fit {
    if may_fit { Fit::Perhaps } else { Fit::No }
}

fn local_address(rule: &IpSet, address: Option<IpAddr>) -> Fit {
    if rule.is_empty() {
        return Fit::Yes;
    }
    match address {
        None => Fit::Perhaps,
        Some(address) if rule.includes(&IpSet::from_iter([IpRange::from(address)])) => Fit::Yes,
        Some(_) => Fit::No,
    }
}

fn program(rule: &PolicyRule, arrival: &Arrival) -> Fit {
    match (&rule.rule.program, &arrival.program) {
        (None, _) => Fit::Yes,
        (Some(wanted), Some(listens)) if wanted == listens => Fit::Yes,
        (Some(wanted), Some(listens)) if !wanted.has_variable() && !listens.has_variable() => Fit::No,
        (Some(_), _) => Fit::Perhaps,
    }
}

fn service(rule: &PolicyRule, arrival: &Arrival) -> Fit {
    match (&rule.rule.service, &arrival.service) {
        (None, _) => Fit::Yes,
        (Some(_), None) => Fit::Perhaps,
        (Some(wanted), Some(listens)) if wanted.is_any() || wanted == listens => Fit::Yes,
        (Some(_), Some(_)) => Fit::No,
    }
}

/// Of the addresses asked about, those that a rule certainly names and those that it may name.
fn remote(rule: &Addresses, asked: &AddressSet) -> (AddressSet, AddressSet) {
    if rule.is_any() {
        return (asked.clone(), asked.clone());
    }
    let named = rule.named();
    let mut certain = named.intersection(asked);
    let mut possible = certain.clone();
    for family in [Family::V4, Family::V6] {
        let whole = IpSet::all();
        let names_all = match family {
            Family::V4 => named.ips.v4 == whole.v4,
            Family::V6 => named.ips.v6 == whole.v6,
        };
        if names_all {
            certain = certain.union(&asked.only(family));
            possible = possible.union(&asked.only(family));
        } else if named.keywords.iter().any(|(_, each)| *each == family) {
            // A word may stand for any of them.
            possible = possible.union(&asked.only(family));
        } else if named.names(family) {
            let words = AddressSet { ips: IpSet::EMPTY, keywords: asked.only(family).keywords };
            possible = possible.union(&words);
        }
    }
    (certain, possible)
}

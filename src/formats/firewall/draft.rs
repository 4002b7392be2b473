//! A rule in the making: what its fields have said so far, in no particular order, and the same said in the one form
//! that Windows writes.

use std::collections::BTreeSet;

use super::addresses::{AddressSet, Addresses};
use super::aspect::Aspect;
use super::field::Saying;
use super::ip::{IpRange, IpSet};
use super::ports::{LocalPortKeyword, PortKeyword, Ports, RemotePortKeyword};
use super::terms::{
    Action, Defer, Direction, EdgeTraversal, FieldText, InterfaceType, Profile, Profiles, Program, ServiceName,
};
use super::traffic::{IcmpType, IcmpTypes, Protocol};
use crate::model::port::{PortRange, PortSet};

/// What has been said of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Draft {
    pub action: Option<Action>,
    pub active: Option<bool>,
    pub direction: Option<Direction>,
    pub protocol: Option<Protocol>,
    pub profiles: BTreeSet<Profile>,
    pub local_ports: Ports<LocalPortKeyword>,
    pub remote_ports: Ports<RemotePortKeyword>,
    pub icmp_v4: BTreeSet<IcmpType>,
    pub icmp_v6: BTreeSet<IcmpType>,
    pub local: IpSet,
    pub remote: AddressSet,
    pub interface_types: BTreeSet<InterfaceType>,
    pub program: Option<Program>,
    pub service: Option<ServiceName>,
    pub name: Option<FieldText>,
    pub description: Option<FieldText>,
    pub group: Option<FieldText>,
    pub edge: Option<bool>,
    pub defer: Option<Defer>,
}

impl Draft {
    /// Takes in what fields say, all at once: sets are made of many ranges.
    pub fn say(&mut self, sayings: impl IntoIterator<Item = Saying>) {
        let (mut local_ports, mut remote_ports) = (Vec::<PortRange>::new(), Vec::<PortRange>::new());
        let (mut local, mut remote) = (Vec::<IpRange>::new(), Vec::<IpRange>::new());
        for saying in sayings {
            match saying {
                Saying::Action(action) => self.action = Some(action),
                Saying::Active(active) => self.active = Some(active),
                Saying::Direction(direction) => self.direction = Some(direction),
                Saying::Protocol(protocol) => self.protocol = Some(protocol),
                Saying::Profile(profile) => _ = self.profiles.insert(profile),
                Saying::LocalPorts(range) => local_ports.push(range),
                Saying::LocalPortKeyword(keyword) => _ = self.local_ports.keywords.insert(keyword),
                Saying::RemotePorts(range) => remote_ports.push(range),
                Saying::RemotePortKeyword(keyword) => _ = self.remote_ports.keywords.insert(keyword),
                Saying::IcmpV4(kind) => _ = self.icmp_v4.insert(kind),
                Saying::IcmpV6(kind) => _ = self.icmp_v6.insert(kind),
                Saying::LocalAddresses(range) => local.push(range),
                Saying::RemoteAddresses(range) => remote.push(range),
                Saying::RemoteAddressKeyword(keyword, family) => _ = self.remote.keywords.insert((keyword, family)),
                Saying::InterfaceType(kind) => _ = self.interface_types.insert(kind),
                Saying::Program(program) => self.program = Some(program),
                Saying::Service(service) => self.service = Some(service),
                Saying::Name(text) => self.name = Some(text),
                Saying::Description(text) => self.description = Some(text),
                Saying::Group(text) => self.group = Some(text),
                Saying::Edge(edge) => self.edge = Some(edge),
                Saying::Defer(defer) => self.defer = Some(defer),
            }
        }
        self.local_ports.numbers = self.local_ports.numbers.union(&PortSet::from_iter(local_ports));
        self.remote_ports.numbers = self.remote_ports.numbers.union(&PortSet::from_iter(remote_ports));
        self.local = self.local.union(&IpSet::from_iter(local));
        self.remote.ips = self.remote.ips.union(&IpSet::from_iter(remote));
    }

    pub fn edge_traversal(&self) -> EdgeTraversal {
        match (self.edge, self.defer) {
            (_, Some(Defer::App)) => EdgeTraversal::DeferToApp,
            (_, Some(Defer::User)) => EdgeTraversal::DeferToUser,
            (Some(true), None) => EdgeTraversal::Allow,
            (Some(false) | None, None) => EdgeTraversal::Off,
        }
    }

    /// Says one thing in the one form: equal when the same is meant.
    pub fn sayings(&self, aspect: Aspect) -> Vec<Saying> {
        match aspect {
            Aspect::Action => self.action.map(Saying::Action).into_iter().collect(),
            // A rule that doesn't say so is not active.
            Aspect::Active => vec![Saying::Active(self.active.unwrap_or(false))],
            Aspect::Direction => self.direction.map(Saying::Direction).into_iter().collect(),
            Aspect::Protocol => {
                self.protocol.filter(|each| *each != Protocol::Any).map(Saying::Protocol).into_iter().collect()
            }
            Aspect::Profiles => match self.profiles.iter().copied().collect::<Profiles>() {
                Profiles::ALL => Vec::new(),
                some => some.iter().map(Saying::Profile).collect(),
            },
            Aspect::LocalPorts => ports(&self.local_ports, Saying::LocalPorts, Saying::LocalPortKeyword),
            Aspect::RemotePorts => ports(&self.remote_ports, Saying::RemotePorts, Saying::RemotePortKeyword),
            Aspect::IcmpTypes => {
                let one_form = |types: &BTreeSet<IcmpType>| types.iter().copied().collect::<IcmpTypes>();
                let v4: Vec<_> = one_form(&self.icmp_v4).iter().map(Saying::IcmpV4).collect();
                v4.into_iter().chain(one_form(&self.icmp_v6).iter().map(Saying::IcmpV6)).collect()
            }
            Aspect::LocalAddresses => self.local.ranges().map(Saying::LocalAddresses).collect(),
            Aspect::RemoteAddresses => remote(&Addresses::new(self.remote.clone())),
            Aspect::InterfaceTypes => self.interface_types.iter().copied().map(Saying::InterfaceType).collect(),
            Aspect::Program => self.program.clone().map(Saying::Program).into_iter().collect(),
            Aspect::Service => self.service.clone().map(Saying::Service).into_iter().collect(),
            Aspect::Name => self.name.clone().map(Saying::Name).into_iter().collect(),
            Aspect::Description => self.description.clone().map(Saying::Description).into_iter().collect(),
            Aspect::Group => self.group.clone().map(Saying::Group).into_iter().collect(),
            Aspect::EdgeTraversal => match self.edge_traversal() {
                EdgeTraversal::Off => Vec::new(),
                EdgeTraversal::Allow => vec![Saying::Edge(true)],
                EdgeTraversal::DeferToApp => vec![Saying::Edge(true), Saying::Defer(Defer::App)],
                // As Windows writes what it asked the user about.
                EdgeTraversal::DeferToUser => vec![Saying::Defer(Defer::User)],
            },
        }
    }

    /// What is left to say of a set when a part of it is said already; none when it is no set, or the part is no part of it.
    pub fn left(&self, said: &Self, aspect: Aspect) -> Option<Vec<Saying>> {
        let (mut whole, mut part) = (Self::default(), Self::default());
        whole.say(self.sayings(aspect));
        part.say(said.sayings(aspect));
        let mut left = Self::default();
        let is_part = match aspect {
            Aspect::LocalPorts => difference(&whole.local_ports, &part.local_ports, &mut left.local_ports),
            Aspect::RemotePorts => difference(&whole.remote_ports, &part.remote_ports, &mut left.remote_ports),
            Aspect::LocalAddresses => {
                left.local = whole.local.difference(&part.local);
                whole.local.includes(&part.local)
            }
            Aspect::RemoteAddresses => {
                left.remote = whole.remote.difference(&part.remote);
                whole.remote.includes(&part.remote)
            }
            _ => return None,
        };
        is_part.then(|| left.sayings(aspect))
    }
}

fn ports<K: PortKeyword>(ports: &Ports<K>, numbers: fn(PortRange) -> Saying, keyword: fn(K) -> Saying) -> Vec<Saying> {
    ports.numbers.ranges().map(numbers).chain(ports.keywords.iter().copied().map(keyword)).collect()
}

fn remote(addresses: &Addresses) -> Vec<Saying> {
    let words = addresses.keywords().map(|(keyword, family)| Saying::RemoteAddressKeyword(keyword, family));
    addresses.ips().ranges().map(Saying::RemoteAddresses).chain(words).collect()
}

/// Puts what is not in the part into `left`, and says whether the part is one.
fn difference<K: PortKeyword>(whole: &Ports<K>, part: &Ports<K>, left: &mut Ports<K>) -> bool {
    left.numbers = whole.numbers.difference(&part.numbers);
    left.keywords = &whole.keywords - &part.keywords;
    whole.numbers.includes(&part.numbers) && whole.keywords.is_superset(&part.keywords)
}

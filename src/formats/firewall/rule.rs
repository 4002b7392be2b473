//! A rule as what it says: the fields that trueup sets and compares, each of a type that cannot be wrong.
//! What else a rule's text holds stays in the text; [`RuleText::unknown_fields`] names it.

use std::collections::BTreeSet;
use std::fmt;

use super::addresses::Addresses;
use super::aspect::Aspect;
use super::draft::Draft;
use super::field::{FieldError, Saying};
use super::ip::IpSet;
use super::terms::{
    self, Action, Defer, Direction, EdgeTraversal, FieldText, InterfaceType, Profiles, Program, ServiceName,
};
use super::text::{Field, RuleText};
use super::traffic::{IcmpTypes, Protocol, Traffic};
use crate::formats::upcase;

/// A firewall rule. Equal rules say the same, whatever the order and spelling of their fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub action: Action,
    pub active: bool,
    pub direction: Direction,
    pub traffic: Traffic,
    pub profiles: Profiles,
    /// Addresses of this machine; none are any.
    pub local_addresses: IpSet,
    pub remote_addresses: Addresses,
    /// None are any.
    pub interface_types: BTreeSet<InterfaceType>,
    pub program: Option<Program>,
    pub service: Option<ServiceName>,
    pub edge_traversal: EdgeTraversal,
    pub name: Option<FieldText>,
    pub description: Option<FieldText>,
    pub group: Option<FieldText>,
}

/// Why a text that is a rule cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("the field `{name}` is not understood")]
    Field {
        name: String,
        #[source]
        source: FieldError,
    },
    #[error("the field `{name}` stands more than once")]
    Repeated { name: String },
    #[error("the rule has no {aspect}")]
    Missing { aspect: Aspect },
    #[error("the rule has {aspect}, which the protocol {protocol} has not")]
    Protocol { aspect: Aspect, protocol: Protocol },
}

/// One thing about which two rules differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    pub field: Aspect,
    pub before: String,
    pub after: String,
}

impl Rule {
    /// An active rule that holds for everything in a direction.
    pub fn new(action: Action, direction: Direction, traffic: Traffic) -> Self {
        Self {
            action,
            active: true,
            direction,
            traffic,
            profiles: Profiles::ALL,
            local_addresses: IpSet::EMPTY,
            remote_addresses: Addresses::ANY,
            interface_types: BTreeSet::new(),
            program: None,
            service: None,
            edge_traversal: EdgeTraversal::Off,
            name: None,
            description: None,
            group: None,
        }
    }

    /// Reads what a text says. Names and words are found in any case, ports may be listed in one field.
    ///
    /// # Errors
    /// A field that is understood has another value than it can have or stands too often, the action or direction is
    /// missing, or ports or ICMP types stand beside a protocol without them.
    pub fn from_text(text: &RuleText) -> Result<Self, RuleError> {
        let mut sayings = Vec::new();
        let mut once: Vec<&Field> = Vec::new();
        for field in text.fields() {
            let Some(aspect) = Aspect::of(field.name()) else { continue };
            let name = || field.name().to_owned();
            if !aspect.repeats() {
                if once.iter().any(|other| other.is_named(field.name())) {
                    return Err(RuleError::Repeated { name: name() });
                }
                once.push(field);
            }
            sayings.extend(Saying::read(field).map_err(|source| RuleError::Field { name: name(), source })?);
        }
        let mut draft = Draft::default();
        draft.say(sayings);
        Self::finish(draft)
    }

    fn finish(draft: Draft) -> Result<Self, RuleError> {
        Ok(Self {
            action: draft.action.ok_or(RuleError::Missing { aspect: Aspect::Action })?,
            active: draft.active.unwrap_or(false),
            direction: draft.direction.ok_or(RuleError::Missing { aspect: Aspect::Direction })?,
            traffic: traffic(&draft)?,
            edge_traversal: draft.edge_traversal(),
            profiles: draft.profiles.into_iter().collect(),
            local_addresses: draft.local,
            remote_addresses: Addresses::new(draft.remote),
            interface_types: draft.interface_types,
            program: draft.program,
            service: draft.service,
            name: draft.name,
            description: draft.description,
            group: draft.group,
        })
    }

    pub(super) fn draft(&self) -> Draft {
        let icmp = |types: &IcmpTypes| types.iter().collect();
        Draft {
            action: Some(self.action),
            active: Some(self.active),
            direction: Some(self.direction),
            protocol: Some(self.traffic.protocol()),
            profiles: self.profiles.iter().collect(),
            local_ports: self.traffic.local_ports().cloned().unwrap_or_default(),
            remote_ports: self.traffic.remote_ports().cloned().unwrap_or_default(),
            icmp_v4: if let Traffic::IcmpV4(types) = &self.traffic { icmp(types) } else { BTreeSet::new() },
            icmp_v6: if let Traffic::IcmpV6(types) = &self.traffic { icmp(types) } else { BTreeSet::new() },
            local: self.local_addresses.clone(),
            remote: self.remote_addresses.named().clone(),
            interface_types: self.interface_types.clone(),
            program: self.program.clone(),
            service: self.service.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            group: self.group.clone(),
            edge: Some(matches!(self.edge_traversal, EdgeTraversal::Allow | EdgeTraversal::DeferToApp)),
            defer: match self.edge_traversal {
                EdgeTraversal::DeferToApp => Some(Defer::App),
                EdgeTraversal::DeferToUser => Some(Defer::User),
                EdgeTraversal::Off | EdgeTraversal::Allow => None,
            },
        }
    }

    /// What differs from this rule to another, in the order of a rule's fields; none when they are equal.
    pub fn differences(&self, other: &Self) -> Vec<FieldDifference> {
        let (before, after) = (self.draft(), other.draft());
        let differing = Aspect::ALL.into_iter().filter(|aspect| before.sayings(*aspect) != after.sayings(*aspect));
        differing.map(|field| FieldDifference { field, before: self.shown(field), after: other.shown(field) }).collect()
    }

    /// All that the rule says, in one form: equal when rules are equal. Programs and services are folded.
    pub fn statement(&self) -> String {
        let mut text = String::with_capacity(256);
        for aspect in Aspect::ALL {
            match (aspect, &self.program, &self.service) {
                (Aspect::Program, Some(program), _) => text.push_str(&upcase::fold(program.as_str())),
                (Aspect::Service, _, Some(service)) => text.push_str(&upcase::fold(service.as_str())),
                // Writing to a String cannot fail.
                _ => _ = self.show(aspect, &mut text),
            }
            text.push('\n');
        }
        text
    }

    fn shown(&self, aspect: Aspect) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.show(aspect, &mut text);
        text
    }

    fn show(&self, aspect: Aspect, f: &mut String) -> fmt::Result {
        use fmt::Write as _;
        struct List<'a>(&'a BTreeSet<InterfaceType>);
        impl fmt::Display for List<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                terms::list(f, self.0.iter())
            }
        }
        fn text(f: &mut String, text: Option<&impl fmt::Display>, otherwise: &str) -> fmt::Result {
            match text {
                Some(text) => write!(f, "\"{text}\""),
                None => f.write_str(otherwise),
            }
        }
        fn or_none(f: &mut String, thing: Option<&impl fmt::Display>) -> fmt::Result {
            match thing {
                Some(thing) => write!(f, "{thing}"),
                None => f.write_str("none"),
            }
        }
        match aspect {
            Aspect::Action => write!(f, "{}", self.action),
            Aspect::Active => f.write_str(if self.active { "yes" } else { "no" }),
            Aspect::Direction => write!(f, "{}", self.direction),
            Aspect::Protocol => write!(f, "{}", self.traffic.protocol()),
            Aspect::Profiles => write!(f, "{}", self.profiles),
            Aspect::LocalPorts => or_none(f, self.traffic.local_ports()),
            Aspect::RemotePorts => or_none(f, self.traffic.remote_ports()),
            Aspect::IcmpTypes => or_none(f, self.traffic.icmp_types()),
            Aspect::LocalAddresses if self.local_addresses.is_empty() => f.write_str("any"),
            Aspect::LocalAddresses => write!(f, "{}", self.local_addresses),
            Aspect::RemoteAddresses => write!(f, "{}", self.remote_addresses),
            Aspect::InterfaceTypes if self.interface_types.is_empty() => f.write_str("any"),
            Aspect::InterfaceTypes => write!(f, "{}", List(&self.interface_types)),
            Aspect::Program => text(f, self.program.as_ref(), "any"),
            Aspect::Service => text(f, self.service.as_ref(), "any"),
            Aspect::Name => text(f, self.name.as_ref(), "none"),
            Aspect::Description => text(f, self.description.as_ref(), "none"),
            Aspect::Group => text(f, self.group.as_ref(), "none"),
            Aspect::EdgeTraversal => write!(f, "{}", self.edge_traversal),
        }
    }
}

/// Puts ports and ICMP types to their protocol.
fn traffic(draft: &Draft) -> Result<Traffic, RuleError> {
    let protocol = draft.protocol.unwrap_or(Protocol::Any);
    let has_ports = matches!(protocol, Protocol::Tcp | Protocol::Udp);
    for (aspect, is_out_of_place) in [
        (Aspect::LocalPorts, !draft.local_ports.is_any() && !has_ports),
        (Aspect::RemotePorts, !draft.remote_ports.is_any() && !has_ports),
        (Aspect::IcmpTypes, !draft.icmp_v4.is_empty() && protocol != Protocol::IcmpV4),
        (Aspect::IcmpTypes, !draft.icmp_v6.is_empty() && protocol != Protocol::IcmpV6),
    ] {
        if is_out_of_place {
            return Err(RuleError::Protocol { aspect, protocol });
        }
    }
    let (local, remote) = (draft.local_ports.clone(), draft.remote_ports.clone());
    Ok(match protocol {
        Protocol::Tcp => Traffic::Tcp { local, remote },
        Protocol::Udp => Traffic::Udp { local, remote },
        Protocol::IcmpV4 => Traffic::IcmpV4(draft.icmp_v4.iter().copied().collect()),
        Protocol::IcmpV6 => Traffic::IcmpV6(draft.icmp_v6.iter().copied().collect()),
        Protocol::Any => Traffic::Any,
        Protocol::Other(other) => Traffic::Other(other),
    })
}

impl RuleText {
    /// The fields that are kept and not understood, in their order.
    pub fn unknown_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields().iter().filter(|field| Aspect::of(field.name()).is_none())
    }
}

impl fmt::Display for FieldDifference {
    /// `local ports 5443 -> 5444`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.field, self.before, self.after)
    }
}

//! What can be said about a rule, one by one: the fields that say it, their order, and how often they may stand.

use std::fmt;

/// One thing that a rule says; several fields may say it together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aspect {
    Action,
    Active,
    Direction,
    Protocol,
    Profiles,
    LocalPorts,
    RemotePorts,
    IcmpTypes,
    LocalAddresses,
    RemoteAddresses,
    InterfaceTypes,
    Program,
    Service,
    Name,
    Description,
    Group,
    EdgeTraversal,
}

/// The fields in the order in which Windows writes them, with what each says; none for those that are kept as they are.
///
/// Source: the order is that of the rules of a real Windows 10, the names are those of [MS-GPFAS] 2.2.2.19.
const ORDER: &[(&str, Option<Aspect>)] = &[
    ("Action", Some(Aspect::Action)),
    ("Active", Some(Aspect::Active)),
    ("Dir", Some(Aspect::Direction)),
    ("Protocol", Some(Aspect::Protocol)),
    ("Profile", Some(Aspect::Profiles)),
    ("LPort", Some(Aspect::LocalPorts)),
    ("LPort2_10", Some(Aspect::LocalPorts)),
    ("LPort2_20", Some(Aspect::LocalPorts)),
    ("LPort2_25", Some(Aspect::LocalPorts)),
    ("LPort2_29", Some(Aspect::LocalPorts)),
    ("RPort", Some(Aspect::RemotePorts)),
    ("RPort2_10", Some(Aspect::RemotePorts)),
    ("RPort2_28", Some(Aspect::RemotePorts)),
    ("ICMP4", Some(Aspect::IcmpTypes)),
    ("ICMP6", Some(Aspect::IcmpTypes)),
    ("LA4", Some(Aspect::LocalAddresses)),
    ("LA6", Some(Aspect::LocalAddresses)),
    ("RA4", Some(Aspect::RemoteAddresses)),
    ("RA6", Some(Aspect::RemoteAddresses)),
    ("RA42", Some(Aspect::RemoteAddresses)),
    ("RA62", Some(Aspect::RemoteAddresses)),
    ("IF", None),
    ("IFType", Some(Aspect::InterfaceTypes)),
    ("App", Some(Aspect::Program)),
    ("Svc", Some(Aspect::Service)),
    ("Name", Some(Aspect::Name)),
    ("Desc", Some(Aspect::Description)),
    ("LUAuth", None),
    ("LUOwn", None),
    ("AppPkgId", None),
    ("EmbedCtxt", Some(Aspect::Group)),
    ("Platform", None),
    ("Platform2", None),
    ("Edge", Some(Aspect::EdgeTraversal)),
    ("Defer", Some(Aspect::EdgeTraversal)),
];

impl Aspect {
    /// All of them, in their order of reading: ports come after the protocol that they need.
    pub const ALL: [Self; 17] = [
        Self::Action,
        Self::Active,
        Self::Direction,
        Self::Protocol,
        Self::Profiles,
        Self::LocalPorts,
        Self::RemotePorts,
        Self::IcmpTypes,
        Self::LocalAddresses,
        Self::RemoteAddresses,
        Self::InterfaceTypes,
        Self::Program,
        Self::Service,
        Self::Name,
        Self::Description,
        Self::Group,
        Self::EdgeTraversal,
    ];

    /// What a field of this name is about; none for a field that is kept and not understood.
    pub(super) fn of(name: &str) -> Option<Self> {
        ORDER.iter().find(|(each, _)| each.eq_ignore_ascii_case(name)).and_then(|(_, aspect)| *aspect)
    }

    /// Whether each of its fields may stand more than once.
    pub(super) const fn repeats(self) -> bool {
        matches!(
            self,
            Self::Profiles
                | Self::LocalPorts
                | Self::RemotePorts
                | Self::IcmpTypes
                | Self::LocalAddresses
                | Self::RemoteAddresses
                | Self::InterfaceTypes
        )
    }
}

/// The place of a field's name in the order of Windows; none when it isn't known.
pub(super) fn rank(name: &str) -> Option<usize> {
    ORDER.iter().position(|(each, _)| each.eq_ignore_ascii_case(name))
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Action => "action",
            Self::Active => "active",
            Self::Direction => "direction",
            Self::Protocol => "protocol",
            Self::Profiles => "profiles",
            Self::LocalPorts => "local ports",
            Self::RemotePorts => "remote ports",
            Self::IcmpTypes => "ICMP types",
            Self::LocalAddresses => "local addresses",
            Self::RemoteAddresses => "remote addresses",
            Self::InterfaceTypes => "interface types",
            Self::Program => "program",
            Self::Service => "service",
            Self::Name => "name",
            Self::Description => "description",
            Self::Group => "group",
            Self::EdgeTraversal => "edge traversal",
        })
    }
}

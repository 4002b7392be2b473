//! What a machine can be asked that lies in no registry and in no file's bytes, and what it answers. Most of it only a running
//! machine can tell.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fact::{Facet, hex_bytes};
use super::file::FilePath;
use super::sid::Sid;
use crate::formats::certificate_store::KeyPlace;

/// One question. Those that measure carry the bound, so that their answer holds while the measure moves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "probe", rename_all = "snake_case")]
pub enum Probe {
    /// Whether a service runs.
    ServiceState {
        service: Box<str>,
    },
    /// Whether this machine has a service manager that can be told an account with its password.
    ServicePasswords,
    /// Whether an account itself has a right of [`UserRight`]; what it has through a group does not count.
    UserRight {
        account: Sid,
        right: UserRight,
    },
    /// Whether an account is in a local group, directly.
    Member {
        group: Sid,
        member: Sid,
    },
    /// The accounts that are in a local group, directly.
    Members {
        group: Sid,
    },
    /// What an account is called.
    AccountName {
        sid: Sid,
    },
    /// Whether this machine lets the members of its groups be changed.
    MembersChangeable,
    /// The security descriptor of a file or folder.
    FileSecurity {
        path: FilePath,
    },
    /// What Windows does with a file at its next start, before any program runs.
    NextStart {
        path: FilePath,
    },
    /// Whether this machine has a key store that takes private keys.
    KeyStore,
    /// The access list of a private key, as a security descriptor without an owner.
    KeySecurity {
        #[serde(flatten)]
        place: KeyPlace,
    },
    /// The ports that outgoing connections are given.
    DynamicPorts {
        transport: Transport,
    },
    /// Whether a range of ports is kept from being given to outgoing connections.
    ExcludedPorts {
        transport: Transport,
        first: u16,
        last: u16,
    },
    /// Who listens at a port.
    Listeners {
        transport: Transport,
        port: u16,
    },
    FreeSpace {
        path: FilePath,
        bytes: u64,
    },
    Memory {
        bytes: u64,
    },
    Processors {
        count: u32,
    },
    /// How far the clock is from that of another machine.
    ClockSkew {
        server: Box<str>,
        seconds: u64,
    },
    /// Whether nobody listens at a port.
    PortFree {
        transport: Transport,
        port: u16,
    },
    Reachable {
        host: Box<str>,
        port: u16,
    },
    /// Whether this process may do what an administrator may.
    Administrator,
}

/// What the system lets an account do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UserRight {
    #[serde(rename = "SeServiceLogonRight")]
    LogOnAsService,
}

impl UserRight {
    /// The name by which Windows knows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogOnAsService => "SeServiceLogonRight",
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::LogOnAsService => "the right to log on as a service",
        }
    }
}

/// A protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    Tcp,
    Udp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}

impl Probe {
    /// The part of a machine that answers.
    pub const fn facet(&self) -> Facet {
        match self {
            Self::ServiceState { .. } | Self::ServicePasswords => Facet::Services,
            Self::UserRight { .. }
            | Self::Member { .. }
            | Self::Members { .. }
            | Self::AccountName { .. }
            | Self::MembersChangeable => Facet::Accounts,
            Self::FileSecurity { .. } | Self::NextStart { .. } => Facet::Files,
            Self::KeyStore | Self::KeySecurity { .. } => Facet::KeyStore,
            Self::DynamicPorts { .. }
            | Self::ExcludedPorts { .. }
            | Self::Listeners { .. }
            | Self::FreeSpace { .. }
            | Self::Memory { .. }
            | Self::Processors { .. }
            | Self::ClockSkew { .. }
            | Self::PortFree { .. }
            | Self::Reachable { .. }
            | Self::Administrator => Facet::Running,
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceState { service } => write!(f, "the state of the service {service}"),
            Self::ServicePasswords => f.write_str("whether the service manager can be told passwords"),
            Self::UserRight { account, right } => write!(f, "whether {account} has {}", right.words()),
            Self::Member { group, member } => write!(f, "whether {member} is in the group {group}"),
            Self::Members { group } => write!(f, "the members of the group {group}"),
            Self::AccountName { sid } => write!(f, "the name of {sid}"),
            Self::MembersChangeable => f.write_str("whether members of groups can be changed"),
            Self::FileSecurity { path } => write!(f, "the security of {path}"),
            Self::NextStart { path } => write!(f, "what the next start does with {path}"),
            Self::KeyStore => f.write_str("whether there is a key store"),
            Self::KeySecurity { place } => write!(f, "who may read {place}"),
            Self::DynamicPorts { transport } => write!(f, "the dynamic {transport} ports"),
            Self::ExcludedPorts { transport, first, last } => {
                if first == last {
                    return write!(f, "whether the {transport} port {first} is excluded");
                }
                write!(f, "whether the {transport} ports {first}-{last} are excluded")
            }
            Self::Listeners { transport, port } => write!(f, "who listens at {transport} port {port}"),
            Self::FreeSpace { path, .. } => write!(f, "the free space at {path}"),
            Self::Memory { .. } => f.write_str("the memory"),
            Self::Processors { .. } => f.write_str("the processors"),
            Self::ClockSkew { server, .. } => write!(f, "the clock beside that of {server}"),
            Self::PortFree { transport, port } => write!(f, "whether {transport} port {port} is free"),
            Self::Reachable { host, port } => write!(f, "whether {host}:{port} can be reached"),
            Self::Administrator => f.write_str("whether this process may administer the machine"),
        }
    }
}

/// What a probe finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// There is no such thing.
    Absent,
    State(ServiceState),
    Flag(bool),
    Name(Box<str>),
    /// Somebody else knows, such as a domain.
    Elsewhere,
    /// Sorted.
    Members(Vec<Sid>),
    /// A self-relative security descriptor.
    Security(#[serde(with = "hex_bytes")] Arc<[u8]>),
    /// A file is left as it is.
    Stays,
    /// A file is removed.
    Removed,
    /// A file is replaced by another one, which goes.
    ReplacedBy {
        path: FilePath,
    },
    /// The first and the last port.
    Ports(u16, u16),
    Listeners(Vec<Listener>),
    /// Whether a measure is within its bound, and what was found, in words.
    Measured {
        met: bool,
        found: Box<str>,
    },
}

/// What a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    Stopped,
    Running,
    Paused,
    /// On its way from one state to another.
    Changing,
}

/// Somebody who listens at a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The file name of the program.
    pub program: Box<str>,
    /// The services that live in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Box<str>>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::State(ServiceState::Stopped) => f.write_str("stopped"),
            Self::State(ServiceState::Running) => f.write_str("running"),
            Self::State(ServiceState::Paused) => f.write_str("paused"),
            Self::State(ServiceState::Changing) => f.write_str("changing"),
            Self::Flag(true) => f.write_str("yes"),
            Self::Flag(false) => f.write_str("no"),
            Self::Name(name) => f.write_str(name),
            Self::Elsewhere => f.write_str("known elsewhere"),
            Self::Members(members) => write!(f, "{} members", members.len()),
            Self::Security(bytes) => write!(f, "a descriptor of {} bytes", bytes.len()),
            Self::Stays => f.write_str("left as it is"),
            Self::Removed => f.write_str("removed"),
            Self::ReplacedBy { path } => write!(f, "replaced by {path}"),
            Self::Ports(first, last) => write!(f, "{first}-{last}"),
            Self::Listeners(listeners) => {
                let programs: Vec<&str> = listeners.iter().map(|listener| &*listener.program).collect();
                f.write_str(&programs.join(", "))
            }
            Self::Measured { found, .. } => f.write_str(found),
        }
    }
}

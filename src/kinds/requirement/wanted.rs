//! What a document can require of a machine.

use crate::formats::installed::VersionRange;
use crate::formats::upcase;
use crate::model::common::Common;
use crate::model::file::FilePath;
use crate::model::probe::Probe;
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;
use crate::model::source::Location;

/// One thing that must be so.
#[derive(Clone, Debug)]
pub struct WantedRequirement {
    pub name: Box<str>,
    pub at: Location,
    pub common: Common,
    /// What whoever has to make it so is told.
    pub message: Option<Box<str>>,
    pub blocks: Blocks,
    pub assertion: Assertion,
}

crate::choice! {
    /// What is not done while a requirement is not met.
    pub enum Blocks or Dependants {
        /// The entries that depend on it.
        Dependants = "dependants",
        /// All: apply refuses the plan.
        Everything = "everything",
    }
}

/// What is asserted.
#[derive(Clone, Debug, PartialEq)]
pub enum Assertion {
    Windows(WindowsWanted),
    /// A version of the .NET Framework.
    Framework(VersionRange),
    /// A shared runtime of .NET.
    Runtime {
        runtime: Runtime,
        version: VersionRange,
    },
    Software(SoftwareWanted),
    Java {
        kind: JavaKind,
        version: VersionRange,
    },
    Role {
        role: Role,
        presence: Presence,
    },
    WebServer {
        version: Option<VersionRange>,
        components: Vec<Box<str>>,
    },
    SqlServer {
        instance: Option<Box<str>>,
        version: Option<VersionRange>,
    },
    Service {
        service: Box<str>,
        presence: Presence,
    },
    Registry(RegistryWanted),
    File {
        path: FilePath,
        presence: Presence,
    },
    /// What only the machine itself can tell.
    Measured(Probe),
}

/// What Windows it is; each part that is there must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowsWanted {
    /// By the year of a server or the number of another.
    pub version: Option<VersionRange>,
    /// The build and, behind a dot, its update.
    pub build: Option<VersionRange>,
    /// As `EditionID` has them; one of them.
    pub editions: Vec<Box<str>>,
    /// One of them.
    pub installations: Vec<Installation>,
}

/// Software by the name that Windows lists it under.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftwareWanted {
    pub name: Pattern,
    pub publisher: Option<Pattern>,
    pub version: Option<VersionRange>,
    pub presence: Presence,
}

/// A key or a value of the registry.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryWanted {
    pub key: RegistryKey,
    /// Empty for the unnamed value.
    pub value: Option<Box<str>>,
    pub is: Option<RegistryData>,
    pub presence: Presence,
}

/// Whether a thing must be there, or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Present,
    Absent,
}

crate::choice! {
    /// How Windows was installed.
    pub enum Installation {
        /// A server with its desktop.
        Server = "server",
        /// A server without a desktop.
        ServerCore = "server_core",
        /// No server.
        Client = "client",
    }
}

crate::choice! {
    /// A shared runtime of .NET.
    pub enum Runtime or Core {
        /// For programs without windows.
        Core = "core",
        /// For web applications.
        AspNetCore = "aspnetcore",
        /// For programs with windows.
        Desktop = "desktop",
    }
}

crate::choice! {
    /// What of Java is installed.
    pub enum JavaKind or Any {
        /// Either.
        Any = "any",
        /// A development kit.
        Jdk = "jdk",
        /// A runtime environment.
        Jre = "jre",
    }
}

crate::choice! {
    /// A role of a server, told by the service that comes with it.
    pub enum Role {
        /// Active Directory Certificate Services: an authority.
        CertificateAuthority = "certificate_authority",
        /// A domain controller.
        DomainController = "domain_controller",
        /// Active Directory Federation Services.
        FederationServices = "federation_services",
        /// A DHCP server.
        Dhcp = "dhcp",
        /// A DNS server.
        Dns = "dns",
        /// A host of virtual machines.
        HyperV = "hyper_v",
        /// Message Queuing.
        MessageQueuing = "message_queuing",
        /// Network Policy Server: RADIUS.
        NetworkPolicyServer = "network_policy_server",
        /// A gateway for remote desktops.
        RemoteDesktopGateway = "remote_desktop_gateway",
        /// Internet Information Services.
        WebServer = "web_server",
        /// Windows Server Update Services.
        UpdateServices = "update_services",
    }
}

impl Role {
    /// The service that is there when the role is; `None` for a domain controller, which says so itself.
    ///
    /// That each comes with its role alone was not seen on a real server.
    pub const fn service(self) -> Option<&'static str> {
        Some(match self {
            Self::DomainController => return None,
            Self::CertificateAuthority => "CertSvc",
            Self::FederationServices => "adfssrv",
            Self::Dhcp => "DHCPServer",
            Self::Dns => "DNS",
            Self::HyperV => "vmms",
            Self::MessageQueuing => "MSMQ",
            Self::NetworkPolicyServer => "IAS",
            Self::RemoteDesktopGateway => "TSGateway",
            Self::WebServer => "W3SVC",
            Self::UpdateServices => "WsusService",
        })
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::CertificateAuthority => "certificate authority",
            Self::DomainController => "domain controller",
            Self::FederationServices => "federation services",
            Self::Dhcp => "DHCP server",
            Self::Dns => "DNS server",
            Self::HyperV => "Hyper-V",
            Self::MessageQueuing => "message queuing",
            Self::NetworkPolicyServer => "network policy server",
            Self::RemoteDesktopGateway => "remote desktop gateway",
            Self::WebServer => "web server",
            Self::UpdateServices => "update services",
        }
    }
}

/// A name in which `*` stands for any text; compared without case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Box<str>);

impl Pattern {
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole name is so.
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (upcase::fold(&self.0), upcase::fold(name));
        let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
        let Some(rest) = name.strip_prefix(head) else { return false };
        let mut parts: Vec<&str> = tail.split('*').collect();
        let last = parts.pop().unwrap_or_default();
        let Some(mut rest) = rest.strip_suffix(last) else { return false };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names_without_case() {
        let cases = [
            ("Access Control Server", "access control SERVER", true),
            ("Access Control Server", "Access Control Server 2", false),
            ("Access*", "Access Control Server", true),
            ("Access*", "My Access", false),
            ("*Server", "Access Control Server", true),
            ("*Control*", "Access Control Server", true),
            ("Java*11*(64-bit)", "Java Development Kit 11 (64-bit)", true),
            ("Java*11*(64-bit)", "Java Development Kit 17 (64-bit)", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*b", "ab", false),
            ("*", "", true),
            ("größe", "GRÖßE", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} {name}");
        }
    }
}

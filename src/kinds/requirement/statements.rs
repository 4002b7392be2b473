//! What an entry requires, in words. Pure.

use std::fmt;

use super::wanted::{
    Assertion, Installation, JavaKind, Presence, RegistryWanted, Runtime, SoftwareWanted, WindowsWanted,
};
use crate::model::probe::Probe;
use crate::model::scalar::{Duration, Size};

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Windows(wanted) => windows(wanted, f),
            Self::Framework(version) => write!(f, ".NET Framework {version}"),
            Self::Runtime { runtime, version } => {
                let name = match runtime {
                    Runtime::Core => ".NET",
                    Runtime::AspNetCore => "ASP.NET Core",
                    Runtime::Desktop => ".NET Desktop",
                };
                write!(f, "{name} runtime {version}")
            }
            Self::Software(wanted) => software(wanted, f),
            Self::Java { kind, version } => match kind {
                JavaKind::Any => write!(f, "Java {version}"),
                JavaKind::Jdk => write!(f, "JDK {version}"),
                JavaKind::Jre => write!(f, "JRE {version}"),
            },
            Self::Role { role, presence } => write!(f, "{}the role {}", no(*presence), role.words()),
            Self::WebServer { version, components } => {
                f.write_str("IIS")?;
                version.iter().try_for_each(|version| write!(f, " {version}"))?;
                if components.is_empty() { Ok(()) } else { write!(f, " with {}", components.join(", ")) }
            }
            Self::SqlServer { instance, version } => {
                f.write_str("SQL Server")?;
                version.iter().try_for_each(|version| write!(f, " {version}"))?;
                instance.iter().try_for_each(|instance| write!(f, " as instance {instance}"))
            }
            Self::Service { service, presence } => write!(f, "{}the service {service}", no(*presence)),
            Self::Registry(wanted) => registry(wanted, f),
            Self::File { path, presence } => write!(f, "{}a file or folder {path}", no(*presence)),
            Self::Measured(probe) => measured(probe, f),
        }
    }
}

const fn no(presence: Presence) -> &'static str {
    match presence {
        Presence::Present => "",
        Presence::Absent => "the absence of ",
    }
}

fn windows(wanted: &WindowsWanted, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("Windows")?;
    wanted.version.iter().try_for_each(|version| write!(f, " {version}"))?;
    wanted.build.iter().try_for_each(|build| write!(f, " of build {build}"))?;
    if !wanted.editions.is_empty() {
        write!(f, " of edition {}", wanted.editions.join(" or "))?;
    }
    let word = |one: &Installation| match one {
        Installation::Server => "server",
        Installation::ServerCore => "server core",
        Installation::Client => "client",
    };
    let words: Vec<&str> = wanted.installations.iter().map(word).collect();
    if words.is_empty() { Ok(()) } else { write!(f, " installed as {}", words.join(" or ")) }
}

fn software(wanted: &SoftwareWanted, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}the software {:?}", no(wanted.presence), wanted.name.as_str())?;
    wanted.version.iter().try_for_each(|version| write!(f, " {version}"))?;
    wanted.publisher.iter().try_for_each(|publisher| write!(f, " by {:?}", publisher.as_str()))
}

fn registry(wanted: &RegistryWanted, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(no(wanted.presence))?;
    match wanted.value.as_deref() {
        None => write!(f, "the key {}", wanted.key),
        Some(name) => {
            let name = if name.is_empty() { "(default)" } else { name };
            write!(f, "the value {name} of {}", wanted.key)?;
            wanted.is.iter().try_for_each(|data| write!(f, " = {data}"))
        }
    }
}

fn measured(probe: &Probe, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match probe {
        Probe::FreeSpace { path, bytes } => write!(f, "{} free at {path}", Size::from_bytes(*bytes)),
        Probe::Memory { bytes } => write!(f, "{} of memory", Size::from_bytes(*bytes)),
        Probe::Processors { count: 1 } => f.write_str("1 processor"),
        Probe::Processors { count } => write!(f, "{count} processors"),
        Probe::ClockSkew { server, seconds } => {
            write!(f, "a clock within {} of that of {server}", Duration::from_seconds(*seconds))
        }
        Probe::PortFree { transport, port } => write!(f, "{transport} port {port} free"),
        Probe::Reachable { host, port } => write!(f, "{host}:{port} in reach"),
        Probe::Administrator => f.write_str("administrator rights"),
        other => write!(f, "{other}"),
    }
}

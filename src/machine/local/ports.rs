//! Ranges of ports, and who listens. No word of Windows is read, for they are in its language: numbers of WMI, and of netsh its exit code
//! and the rows of numbers in its tables.
//!
//! Ranges are kept out with netsh and not with `CreatePersistentTcpPortReservation`: what that reserves, only a program that knows its token
//! can listen at, and the ports are kept for programs that do not.

use std::process::Command;

use crate::formats::port_table;
use crate::machine::WriteError;
use crate::machine::windows_api::wmi::Namespace;
use crate::machine::windows_api::{WindowsError, folders, listeners};
use crate::model::fact::{Observed, Unread};
use crate::model::port::{PortRange, PortSet};
use crate::model::probe::{Answer, Listener, Probe, Transport};

/// What a probe of ports finds.
///
/// # Errors
/// The system does not tell, or the probe is of something else.
pub fn find(probe: &Probe) -> Observed<Answer> {
    match probe {
        Probe::DynamicPorts { transport } => dynamic(*transport),
        Probe::ExcludedPorts { transport, first, last } => {
            let range = range(*first, *last).ok_or_else(|| failed(probe, "it is no range of ports".to_owned()))?;
            // Kept out is what both versions of IP keep out.
            let mut is_excluded = true;
            for family in Family::ALL {
                let table = excluded(family, *transport).map_err(|detail| failed(probe, detail))?;
                is_excluded &= table.iter().copied().collect::<PortSet>().includes(&PortSet::from(range));
            }
            Ok(Answer::Flag(is_excluded))
        }
        Probe::Listeners { transport, port } => {
            listening(*transport, *port).map(Answer::Listeners).map_err(|error| failed(probe, error.to_string()))
        }
        Probe::PortFree { transport, port } => {
            let processes = listeners::at(kind(*transport), *port);
            processes.map(|found| Answer::Flag(found.is_empty())).map_err(|error| failed(probe, error.to_string()))
        }
        _ => Err(failed(probe, "it is none of ports".to_owned())),
    }
}

fn failed(probe: &Probe, detail: String) -> Unread {
    Unread::Failed { what: probe.to_string(), detail }
}

const fn kind(transport: Transport) -> listeners::Transport {
    match transport {
        Transport::Tcp => listeners::Transport::Tcp,
        Transport::Udp => listeners::Transport::Udp,
    }
}

fn range(first: u16, last: u16) -> Option<PortRange> {
    PortRange::new(first, last).ok()
}

/// Who listens, in the order of the programs' names; the same program of two processes once for each set of services.
fn listening(transport: Transport, port: u16) -> Result<Vec<Listener>, WindowsError> {
    let processes = listeners::at(kind(transport), port)?;
    if processes.is_empty() {
        return Ok(Vec::new());
    }
    let (programs, services) = (listeners::programs()?, listeners::services()?);
    let mut found: Vec<Listener> = processes
        .into_iter()
        .map(|process| Listener {
            // It may have gone since.
            program: programs.get(&process).map_or_else(|| format!("process {process}"), Clone::clone).into(),
            services: services.get(&process).into_iter().flatten().map(|name| name.as_str().into()).collect(),
        })
        .collect();
    found.sort_by(|a, b| (&a.program, &a.services).cmp(&(&b.program, &b.services)));
    found.dedup();
    Ok(found)
}

/// Every set of TCP parameters tells the same range.
///
/// Source: Microsoft, *MSFT_NetTCPSetting*, *MSFT_NetUDPSetting*. A set that chooses among others tells none.
fn dynamic(transport: Transport) -> Observed<Answer> {
    let probe = Probe::DynamicPorts { transport };
    let class = match transport {
        Transport::Tcp => "MSFT_NetTCPSetting",
        Transport::Udp => "MSFT_NetUDPSetting",
    };
    let read = || {
        let mut ranges = Vec::new();
        for instance in Namespace::open(r"root\StandardCimv2")?.query(&format!("SELECT * FROM {class}"), &[])? {
            let first = instance.number("DynamicPortRangeStartPort")?;
            let count = instance.number("DynamicPortRangeNumberOfPorts")?;
            ranges.extend(first.zip(count).filter(|(first, count)| *first > 0 && *count > 0));
        }
        Ok(ranges)
    };
    let mut ranges =
        read().map_err(|error: crate::machine::windows_api::com::ComError| failed(&probe, error.to_string()))?;
    ranges.sort_unstable();
    ranges.dedup();
    let [(first, count)] = ranges.as_slice() else {
        return Err(failed(&probe, format!("Windows tells {} ranges", ranges.len())));
    };
    let last = first.saturating_add(*count).saturating_sub(1);
    match (u16::try_from(*first), u16::try_from(last)) {
        (Ok(first), Ok(last)) => Ok(Answer::Ports(first, last)),
        _ => Err(failed(&probe, format!("Windows tells {count} ports from {first} on"))),
    }
}

/// A version of IP, each with tables of its own, or the same.
#[derive(Clone, Copy, Debug)]
enum Family {
    V4,
    V6,
}

impl Family {
    const ALL: [Self; 2] = [Self::V4, Self::V6];

    const fn word(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

const fn word(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    }
}

/// The ranges that an administrator has kept out for good.
fn excluded(family: Family, transport: Transport) -> Result<Vec<PortRange>, String> {
    let protocol = format!("protocol={}", word(transport));
    let output = netsh(family, &["show", "excludedportrange", &protocol, "store=persistent"])?;
    port_table::read(&output).ok_or_else(|| "netsh tells no table of ranges".to_owned())
}

/// Runs netsh and gives what it prints.
fn netsh(family: Family, arguments: &[&str]) -> Result<String, String> {
    let program = folders::system().map_err(|error| error.to_string())?.join("netsh.exe");
    let run = Command::new(program).args(["interface", family.word()]).args(arguments).output();
    let output = run.map_err(|error| format!("netsh does not start: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = [text(&output.stdout), text(&output.stderr)].join(" ");
    Err(format!("netsh interface {} {}: {} ({})", family.word(), arguments.join(" "), said.trim(), output.status))
}

/// Changes what a probe of ranges finds.
///
/// # Errors
/// Windows refuses, or there is no such change. What it says afterwards is looked at by whoever called.
pub fn adjust(what: &Probe, after: &Answer) -> Result<(), WriteError> {
    let attempt = || format!("set {what}");
    let refused = |why: String| WriteError::refused(attempt(), why);
    match (what, after) {
        (Probe::DynamicPorts { transport }, Answer::Ports(first, last)) => {
            let count = last.checked_sub(*first).and_then(|count| count.checked_add(1));
            let count = count.ok_or_else(|| refused("it is no range of ports".to_owned()))?;
            let (start, count) = (format!("startport={first}"), format!("numberofports={count}"));
            let protocol = format!("protocol={}", word(*transport));
            for family in Family::ALL {
                let arguments = ["set", "dynamicportrange", &protocol, &start, &count];
                netsh(family, &arguments).map_err(refused)?;
            }
            Ok(())
        }
        (Probe::ExcludedPorts { transport, first, last }, Answer::Flag(is_wanted)) => {
            let range = range(*first, *last).ok_or_else(|| refused("it is no range of ports".to_owned()))?;
            let ports = PortSet::from(range);
            let numbers = format!("numberofports={}", u32::from(*last) - u32::from(*first) + 1);
            let (protocol, start) = (format!("protocol={}", word(*transport)), format!("startport={first}"));
            for family in Family::ALL {
                // Both versions of IP may have one table: what the first has done, the second finds.
                let table = excluded(family, *transport).map_err(refused)?;
                let is_there = table.iter().copied().collect::<PortSet>().includes(&ports);
                let verb = match (*is_wanted, is_there) {
                    (true, false) => "add",
                    (false, true) if table.contains(&range) => "delete",
                    (false, true) => {
                        return Err(refused("it is part of a larger range, which somebody else made".to_owned()));
                    }
                    (true, true) | (false, false) => continue,
                };
                let arguments = [verb, "excludedportrange", &protocol, &start, &numbers, "store=persistent"];
                netsh(family, &arguments).map_err(refused)?;
            }
            Ok(())
        }
        _ => Err(refused("there is no such change".to_owned())),
    }
}

//! What only the running system can tell.

use super::drives::Drives;
use super::{accounts, file_security, groups, keys, measures, next_start, ports, service_settings, services};
use crate::machine::windows_api::process;
use crate::model::fact::{Observed, Unread};
use crate::model::probe::{Answer, Probe};

/// What a probe finds.
///
/// # Errors
/// It cannot be looked up, or this version does not do so.
pub fn find(probe: &Probe) -> Observed<Answer> {
    match probe {
        Probe::ServiceState { service } => services::answer(service),
        Probe::KeyStore => Ok(Answer::Flag(true)),
        Probe::KeySecurity { place } => keys::security(place),
        Probe::ServicePasswords => Ok(Answer::Flag(true)),
        Probe::UserRight { account, right } => service_settings::has_right(probe, account, *right),
        Probe::DynamicPorts { .. } | Probe::ExcludedPorts { .. } | Probe::Listeners { .. } | Probe::PortFree { .. } => {
            ports::find(probe)
        }
        Probe::Administrator => process::is_elevated()
            .map(Answer::Flag)
            .map_err(|error| Unread::Failed { what: probe.to_string(), detail: error.to_string() }),
        Probe::Member { group, member } => groups::member(group, member),
        Probe::Members { group } => groups::members(group),
        Probe::MembersChangeable => groups::are_changeable(),
        Probe::AccountName { sid } => accounts::answer(sid),
        Probe::NextStart { path } => next_start::find(path),
        Probe::FileSecurity { path } => file_security::find(&Drives::open()?, path),
        Probe::FreeSpace { path, bytes } => measures::free_space(&Drives::open()?, path, *bytes),
        Probe::Memory { bytes } => measures::memory(*bytes),
        Probe::Processors { count } => measures::processors(*count),
        Probe::ClockSkew { server, seconds } => measures::clock_skew(server, *seconds),
        Probe::Reachable { host, port } => Ok(measures::reachable(host, *port)),
    }
}

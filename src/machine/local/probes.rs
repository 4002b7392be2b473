//! What only the running system can tell.

use super::{keys, service_settings, services};
use crate::machine::MachineKind;
use crate::machine::windows_api::process;
use crate::model::fact::{Observed, Unread};
use crate::model::probe::{Answer, Probe};

/// What a probe finds.
///
/// # Errors
/// [`Unread::Unsupported`] for what this version cannot look up.
pub fn find(probe: &Probe) -> Observed<Answer> {
    match probe {
        Probe::ServiceState { service } => services::answer(service),
        Probe::KeyStore => Ok(Answer::Flag(true)),
        Probe::KeySecurity { place } => keys::security(place),
        Probe::ServicePasswords => Ok(Answer::Flag(true)),
        Probe::UserRight { account, right } => service_settings::has_right(probe, account, *right),
        Probe::Administrator => process::is_elevated()
            .map(Answer::Flag)
            .map_err(|error| Unread::Failed { what: probe.to_string(), detail: error.to_string() }),
        probe => Err(Unread::Unsupported {
            facet: probe.facet(),
            machine: MachineKind::Local.to_string(),
            detail: format!("this version does not look up {probe} there"),
        }),
    }
}

//! What only the running system can tell.

use super::{ports, services};
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
        Probe::DynamicPorts { .. } | Probe::ExcludedPorts { .. } | Probe::Listeners { .. } | Probe::PortFree { .. } => {
            ports::find(probe)
        }
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

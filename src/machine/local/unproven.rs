//! What nobody has seen to work on a Windows, with the tests that this project has: it is done only when that is accepted.

use crate::model::operation::Operation;
use crate::model::probe::Probe;
use crate::model::setting::Setting;

/// The interface through which a step goes that no test has shown to work; `None` for one that is shown.
pub fn unproven(operation: &Operation) -> Option<&'static str> {
    match operation {
        Operation::Configure { setting, .. } => match setting {
            Setting::Service { .. } | Setting::ServiceAccount { .. } => Some("settings of services"),
            Setting::FirewallRule { .. } | Setting::FirewallProfile { .. } => Some("the firewall"),
            Setting::TlsBinding { .. } | Setting::UrlReservation { .. } => Some("http.sys"),
        },
        Operation::Adjust { what, .. } => match what {
            Probe::ServiceState { .. } => None,
            Probe::UserRight { .. } => Some("rights of accounts"),
            Probe::Member { .. } => Some("members of groups"),
            Probe::FileSecurity { .. } => Some("access lists of files"),
            Probe::DynamicPorts { .. } | Probe::ExcludedPorts { .. } => Some("ranges of ports"),
            _ => Some("what only a running machine tells"),
        },
        _ => None,
    }
}

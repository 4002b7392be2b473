//! What nobody has seen to work on a Windows, with the tests that this project has: it is done only when that is accepted.

use crate::formats::certificate_store::Location;
use crate::formats::upcase;
use crate::model::operation::Operation;
use crate::model::probe::Probe;
use crate::model::setting::Setting;

/// The interface through which a step goes that no test has shown to work; `None` for one that is shown.
pub fn unproven(operation: &Operation) -> Option<&'static str> {
    match operation {
        Operation::Configure { setting: Setting::Service { .. }, steps, .. } if steps.iter().all(is_shown) => None,
        Operation::Configure { setting, .. } => match setting {
            Setting::Service { .. } | Setting::ServiceAccount { .. } => Some("settings of services"),
            Setting::FirewallRule { .. } | Setting::FirewallProfile { .. } => Some("the firewall"),
            Setting::TlsBinding { .. } | Setting::UrlReservation { .. } => Some("http.sys"),
        },
        Operation::Adjust { what, .. } => match what {
            Probe::ServiceState { .. } | Probe::NextStart { .. } => None,
            Probe::UserRight { .. } => Some("rights of accounts"),
            Probe::Member { .. } => Some("members of groups"),
            Probe::FileSecurity { .. } => Some("access lists of files"),
            Probe::DynamicPorts { .. } | Probe::ExcludedPorts { .. } => Some("ranges of ports"),
            Probe::KeySecurity { .. } => Some("private keys in the key store"),
            _ => Some("what only a running machine tells"),
        },
        Operation::ImportKey { .. } | Operation::RemoveKey { .. } => Some("private keys in the key store"),
        Operation::PutCertificate { store, .. } | Operation::RemoveCertificate { store, .. } => match store.location {
            Location::LocalMachine => None,
            _ => Some("certificate stores of users, services and policies"),
        },
        _ => None,
    }
}

/// Values of a service of which a service manager was seen to keep what it was told.
fn is_shown(step: &Operation) -> bool {
    const SHOWN: [&str; 4] = ["Start", "ObjectName", "DependOnService", "DependOnGroup"];
    step.value_name().is_some_and(|name| SHOWN.iter().any(|shown| upcase::eq(shown, name)))
}

//! What the service manager keeps of a service in the registry, typed: how it starts, as whom, after what, and what follows a failure.
//! Reads values and says which to write; the running manager is another's business.

mod account;
mod bits;
mod change;
mod failure;
mod graph;
mod name;
mod settings;
mod start;

pub use account::ServiceAccount;
pub use bits::ServiceType;
pub use change::{ServiceChange, ServiceChangeError, meaning};
pub use failure::{Action, ActionKind, FailureActions, FailureActionsError, NEVER};
pub use graph::{DependencyGraph, RestartOrder};
pub use name::{ServiceName, ServiceNameError};
pub use settings::{Dependencies, ServicePart, ServiceSettings, ServiceSettingsError};
pub use start::{StartType, StartTypeError};

/// The key that holds a key for each service.
pub const SERVICES: &str = r"HKLM\SYSTEM\CurrentControlSet\Services";
/// The subkey that a service with triggers has.
pub const TRIGGERS: &str = "TriggerInfo";

//! What a document wants of one Windows service: checked, typed, every part with its place.

use super::recovery::WantedRecovery;
use crate::formats::service::{Dependencies, ServiceAccount, ServiceName, StartType};
use crate::formats::upcase;
use crate::model::common::Common;
use crate::model::probe::{Probe, ServiceState};
use crate::model::registry::RegistryKey;
use crate::model::secret::SecretReference;
use crate::model::source::{Location, Spanned};

/// One entry of the `services` section; what it is silent about stays as it is.
#[derive(Clone, Debug)]
pub struct WantedService {
    pub name: ServiceName,
    pub key: RegistryKey,
    pub at: Location,
    pub common: Common,
    pub start: Option<Spanned<Start>>,
    pub state: Option<Spanned<State>>,
    pub account: Option<Spanned<WantedAccount>>,
    pub dependencies: Option<Spanned<WantedDependencies>>,
    pub recovery: Option<Spanned<WantedRecovery>>,
    /// From when on it starts and does something else.
    pub expires: Option<Expiry>,
}

/// The end of an entry's time and what comes after it; what is silent stays as the entry says.
#[derive(Clone, Debug)]
pub struct Expiry {
    /// From this moment on, itself included, the entry is expired.
    pub on: jiff::Timestamp,
    /// Where the document says so.
    pub at: Location,
    pub start: Option<Spanned<Start>>,
    pub state: Option<Spanned<State>>,
}

impl WantedService {
    pub fn probe(&self) -> Probe {
        probe(&self.name)
    }

    /// The account's password, where the document names one.
    pub fn password(&self) -> Option<&Spanned<SecretReference>> {
        self.account.as_ref().and_then(|account| account.value.password.as_ref())
    }

    /// What comes after the expiry, where a point in time is not before it.
    pub fn expired(&self, as_of: jiff::Timestamp) -> Option<&Expiry> {
        self.expires.as_ref().filter(|expiry| as_of >= expiry.on)
    }

    /// When it is to start at a point in time.
    pub fn start_at(&self, as_of: jiff::Timestamp) -> Option<&Spanned<Start>> {
        self.expired(as_of).and_then(|expiry| expiry.start.as_ref()).or(self.start.as_ref())
    }

    /// What it is to do at a point in time.
    pub fn state_at(&self, as_of: jiff::Timestamp) -> Option<&Spanned<State>> {
        self.expired(as_of).and_then(|expiry| expiry.state.as_ref()).or(self.state.as_ref())
    }

    pub fn is_to_be_disabled(&self, as_of: jiff::Timestamp) -> bool {
        self.start_at(as_of).is_some_and(|start| start.value == Start::Disabled)
    }

    pub fn is_to_be(&self, state: State, as_of: jiff::Timestamp) -> bool {
        self.state_at(as_of).is_some_and(|wanted| wanted.value == state)
    }
}

/// The question whether a service runs.
pub fn probe(service: &ServiceName) -> Probe {
    Probe::ServiceState { service: service.as_str().into() }
}

crate::choice! {
    /// When a service starts.
    pub enum Start {
        /// With the machine.
        Automatic = "automatic",
        /// With the machine, a while after the others.
        Delayed = "delayed",
        /// When somebody, a trigger or another service asks for it.
        Manual = "manual",
        /// Never.
        Disabled = "disabled",
    }
}

impl Start {
    pub const fn start_type(self) -> StartType {
        match self {
            Self::Automatic => StartType::Automatic,
            Self::Delayed => StartType::Delayed,
            Self::Manual => StartType::Manual,
            Self::Disabled => StartType::Disabled,
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Delayed => "automatic (delayed)",
            Self::Manual => "manual",
            Self::Disabled => "disabled",
        }
    }
}

crate::choice! {
    /// What a service does.
    pub enum State {
        /// It runs.
        Running = "running",
        /// It does not run.
        Stopped = "stopped",
    }
}

impl State {
    pub const fn service_state(self) -> ServiceState {
        match self {
            Self::Running => ServiceState::Running,
            Self::Stopped => ServiceState::Stopped,
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

/// Whom a service runs as.
#[derive(Clone, Debug)]
pub struct WantedAccount {
    pub account: ServiceAccount,
    pub password: Option<Spanned<SecretReference>>,
}

/// What has to run before a service.
#[derive(Clone, Debug)]
pub enum WantedDependencies {
    /// These and no others.
    Exactly(Dependencies),
    /// Some that are among them and some that are not; all others stay.
    Some { contains: Dependencies, lacks: Dependencies },
}

impl WantedDependencies {
    /// What has to be there when this is there now; in the order found, what is missing behind it.
    pub fn applied_to(&self, found: &Dependencies) -> Dependencies {
        match self {
            Self::Exactly(wanted) if wanted.same(found) => found.clone(),
            Self::Exactly(wanted) => wanted.clone(),
            Self::Some { contains, lacks } => {
                let mut target = found.clone();
                target.services.retain(|name| !lacks.services.contains(name));
                target.groups.retain(|name| !has_group(&lacks.groups, name));
                for name in &contains.services {
                    if !target.services.contains(name) {
                        target.services.push(name.clone());
                    }
                }
                for name in &contains.groups {
                    if !has_group(&target.groups, name) {
                        target.groups.push(name.clone());
                    }
                }
                target
            }
        }
    }
}

fn has_group(groups: &[String], name: &str) -> bool {
    groups.iter().any(|known| upcase::eq(known, name))
}

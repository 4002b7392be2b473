//! Services of the running system: what they do, and turning them.

use std::time::Duration;

use crate::formats::service::ServiceName;
use crate::machine::windows_api::services::{self as manager, State};
use crate::machine::windows_api::{WindowsError, services::TurnError};
use crate::machine::{ServiceControl, WriteError};
use crate::model::fact::{Observed, Unread};
use crate::model::probe::{Answer, ServiceState};

const fn told(state: State) -> ServiceState {
    match state {
        State::Stopped => ServiceState::Stopped,
        State::Running => ServiceState::Running,
        State::Paused => ServiceState::Paused,
        State::Changing => ServiceState::Changing,
    }
}

/// What a service does; `None` when there is none of this name.
pub fn state(name: &str) -> Observed<Option<ServiceState>> {
    manager::state(name).map(|state| state.map(told)).map_err(|error| {
        let what = format!("the service {name}");
        match error {
            WindowsError::ACCESS_DENIED => {
                Unread::Refused { what, detail: error.to_string(), hint: Some("run trueup as an administrator".into()) }
            }
            error => Unread::Failed { what, detail: error.to_string() },
        }
    })
}

/// The same as an answer.
pub fn answer(name: &str) -> Observed<Answer> {
    Ok(state(name)?.map_or(Answer::Absent, Answer::State))
}

/// Brings a service to a state and waits for it; for so long, while it tells of no progress.
pub fn turn(name: &str, to: ServiceState, timeout: Duration) -> Result<(), WriteError> {
    let attempt = |verb: &str| format!("{verb} the service {name}");
    let failed = |verb: &str, error: TurnError| WriteError::failed(attempt(verb), error);
    match to {
        ServiceState::Running => manager::start(name, timeout).map_err(|error| failed("start", error)),
        ServiceState::Stopped => manager::stop(name, timeout).map_err(|error| failed("stop", error)),
        ServiceState::Paused => manager::pause(name, timeout).map_err(|error| failed("pause", error)),
        ServiceState::Changing => Err(WriteError::refused(attempt("turn"), "that is no state to come to")),
    }
}

/// The service manager.
#[derive(Clone, Copy, Debug)]
pub struct Manager {
    pub timeout: Duration,
}

impl ServiceControl for Manager {
    fn state(&mut self, service: &ServiceName) -> Observed<Option<ServiceState>> {
        state(service.as_str())
    }

    fn stop(&mut self, service: &ServiceName) -> Result<(), WriteError> {
        turn(service.as_str(), ServiceState::Stopped, self.timeout)
    }

    fn start(&mut self, service: &ServiceName) -> Result<(), WriteError> {
        turn(service.as_str(), ServiceState::Running, self.timeout)
    }
}

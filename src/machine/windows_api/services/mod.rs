//! The service manager.

pub mod settings;

use std::ptr::null;
use std::time::{Duration, Instant};

use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ControlService, OpenSCManagerW, OpenServiceW, QueryServiceStatusEx, SC_HANDLE,
    SC_MANAGER_CONNECT, SC_STATUS_PROCESS_INFO, SERVICE_CONTROL_CONTINUE, SERVICE_CONTROL_PAUSE, SERVICE_CONTROL_STOP,
    SERVICE_PAUSE_CONTINUE, SERVICE_PAUSED, SERVICE_QUERY_STATUS, SERVICE_RUNNING, SERVICE_START, SERVICE_STATUS,
    SERVICE_STATUS_PROCESS, SERVICE_STOP, SERVICE_STOPPED, StartServiceW,
};

use super::{WindowsError, wide};

/// How often a service that is on its way is looked at.
const POLL: Duration = Duration::from_millis(100);

/// What a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Stopped,
    Running,
    Paused,
    Changing,
}

impl State {
    const fn still(self) -> &'static str {
        match self {
            Self::Stopped => "it was still stopped",
            Self::Running => "it still ran",
            Self::Paused => "it was still paused",
            Self::Changing => "it was still on its way",
        }
    }

    const fn is_changing(self) -> bool {
        matches!(self, Self::Changing)
    }
}

/// Why a service did not come to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    #[error(transparent)]
    Windows(#[from] WindowsError),
    #[error("{} after {} s", .state.still(), .patience.as_secs())]
    Timeout { state: State, patience: Duration },
    /// Win32 exit code.
    #[error("it stopped again with exit code {0}")]
    StoppedAgain(u32),
}

/// A handle of the service manager, closed when it is dropped.
struct Handle(SC_HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is used no more.
        unsafe { CloseServiceHandle(self.0) };
    }
}

/// A service that is there.
pub struct Service {
    service: Handle,
    _manager: Handle,
}

impl Service {
    /// Opens a service that is said to be there.
    ///
    /// # Errors
    /// The manager refuses, or there is none of this name.
    fn named(name: &str, access: u32) -> Result<Self, WindowsError> {
        Self::open(name, access)?.ok_or(WindowsError::NO_SUCH_SERVICE)
    }

    /// Opens a service; `None` when there is none of this name.
    ///
    /// # Errors
    /// The manager refuses.
    fn open(name: &str, access: u32) -> Result<Option<Self>, WindowsError> {
        // SAFETY: nulls name this machine and its active database.
        let manager = unsafe { OpenSCManagerW(null(), null(), SC_MANAGER_CONNECT) };
        if manager.is_null() {
            return Err(WindowsError::last());
        }
        let manager = Handle(manager);
        let name = wide(name);
        // SAFETY: the name ends in a zero.
        let service = unsafe { OpenServiceW(manager.0, name.as_ptr(), access) };
        if service.is_null() {
            let error = WindowsError::last();
            return if error == WindowsError::NO_SUCH_SERVICE { Ok(None) } else { Err(error) };
        }
        Ok(Some(Self { service: Handle(service), _manager: manager }))
    }

    fn status(&self) -> Result<SERVICE_STATUS_PROCESS, WindowsError> {
        let mut status = SERVICE_STATUS_PROCESS::default();
        let bytes = u32::try_from(size_of::<SERVICE_STATUS_PROCESS>()).unwrap_or(0);
        let mut needed = 0;
        // SAFETY: the buffer is the structure that the level names.
        let done = unsafe {
            QueryServiceStatusEx(self.service.0, SC_STATUS_PROCESS_INFO, (&raw mut status).cast(), bytes, &mut needed)
        };
        if done == 0 { Err(WindowsError::last()) } else { Ok(status) }
    }

    /// Waits until the service does nothing else than it should wait for; one that tells of progress is given more time.
    fn wait_while(
        &self,
        waits: impl Fn(State) -> bool,
        patience: Duration,
    ) -> Result<SERVICE_STATUS_PROCESS, TurnError> {
        let mut progress = 0;
        let mut since = Instant::now();
        loop {
            let status = self.status()?;
            let state = state_of(&status);
            if !waits(state) {
                return Ok(status);
            }
            if status.dwCheckPoint != progress {
                progress = status.dwCheckPoint;
                since = Instant::now();
            }
            if since.elapsed() > patience {
                return Err(TurnError::Timeout { state, patience });
            }
            std::thread::sleep(POLL);
        }
    }

    /// Gives the service an order, which it may carry out later; one that is not active any more has stopped.
    fn tell(&self, control: u32) -> Result<(), WindowsError> {
        let mut status = SERVICE_STATUS::default();
        // SAFETY: the handle is open, and the status is the structure that the call fills.
        if unsafe { ControlService(self.service.0, control, &mut status) } != 0 {
            return Ok(());
        }
        match WindowsError::last() {
            WindowsError::NOT_ACTIVE => Ok(()),
            error => Err(error),
        }
    }

    /// Waits until a service that is not stopped is where it should be.
    fn runs(&self, is_there: impl Fn(State) -> bool, patience: Duration) -> Result<(), TurnError> {
        let status = self.wait_while(|state| state != State::Stopped && !is_there(state), patience)?;
        match state_of(&status) {
            State::Stopped => Err(TurnError::StoppedAgain(status.dwWin32ExitCode)),
            _ => Ok(()),
        }
    }
}

const fn state_of(status: &SERVICE_STATUS_PROCESS) -> State {
    match status.dwCurrentState {
        SERVICE_STOPPED => State::Stopped,
        SERVICE_RUNNING => State::Running,
        SERVICE_PAUSED => State::Paused,
        _ => State::Changing,
    }
}

/// What a service does; `None` when there is none of this name.
///
/// # Errors
/// The manager refuses.
pub fn state(name: &str) -> Result<Option<State>, WindowsError> {
    let Some(service) = Service::open(name, SERVICE_QUERY_STATUS)? else { return Ok(None) };
    Ok(Some(state_of(&service.status()?)))
}

/// Stops a service and waits until it has stopped.
///
/// # Errors
/// The manager refuses, as it does while a service that needs it runs; or it does not stop in time.
pub fn stop(name: &str, patience: Duration) -> Result<(), TurnError> {
    let service = Service::named(name, SERVICE_QUERY_STATUS | SERVICE_STOP)?;
    if state_of(&service.wait_while(State::is_changing, patience)?) == State::Stopped {
        return Ok(());
    }
    service.tell(SERVICE_CONTROL_STOP)?;
    // Many a service says that it runs until it has stopped: that it took the call tells nothing.
    service.wait_while(|state| state != State::Stopped, patience).map(|_| ())
}

/// Starts a service, or has one that is paused go on, and waits until it runs.
///
/// # Errors
/// The manager refuses, it does not start in time, or it ends at once.
pub fn start(name: &str, patience: Duration) -> Result<(), TurnError> {
    let service = Service::named(name, SERVICE_QUERY_STATUS | SERVICE_START)?;
    match state_of(&service.wait_while(State::is_changing, patience)?) {
        State::Running => return Ok(()),
        State::Paused => Service::named(name, SERVICE_PAUSE_CONTINUE)?.tell(SERVICE_CONTROL_CONTINUE)?,
        // SAFETY: the handle is open; no arguments.
        _ if unsafe { StartServiceW(service.service.0, 0, null()) } != 0 => {}
        _ => match WindowsError::last() {
            WindowsError::ALREADY_RUNNING => {}
            error => return Err(error.into()),
        },
    }
    service.runs(|state| state == State::Running, patience)
}

/// Pauses a service, started before where it is stopped, and waits until it is paused.
///
/// # Errors
/// As of [`start`]; or the service knows of no pause.
pub fn pause(name: &str, patience: Duration) -> Result<(), TurnError> {
    let service = Service::named(name, SERVICE_QUERY_STATUS | SERVICE_PAUSE_CONTINUE)?;
    match state_of(&service.wait_while(State::is_changing, patience)?) {
        State::Paused => return Ok(()),
        State::Running => {}
        _ => start(name, patience)?,
    }
    service.tell(SERVICE_CONTROL_PAUSE)?;
    service.runs(|state| state == State::Paused, patience)
}

//! The service manager.

pub mod settings;

use std::ptr::null;
use std::time::{Duration, Instant};

use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ControlService, OpenSCManagerW, OpenServiceW, QueryServiceStatusEx, SC_HANDLE,
    SC_MANAGER_CONNECT, SC_STATUS_PROCESS_INFO, SERVICE_CONTROL_STOP, SERVICE_PAUSED, SERVICE_QUERY_STATUS,
    SERVICE_RUNNING, SERVICE_START, SERVICE_STATUS, SERVICE_STATUS_PROCESS, SERVICE_STOP, SERVICE_STOPPED,
    StartServiceW,
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

/// Why a service did not come to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    #[error(transparent)]
    Windows(#[from] WindowsError),
    #[error("it was still on its way after {} seconds", .0.as_secs())]
    Timeout(Duration),
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

    /// Waits until the service is no longer on its way; a service that tells of progress is given more time.
    fn settled(&self, patience: Duration) -> Result<SERVICE_STATUS_PROCESS, TurnError> {
        let mut progress = 0;
        let mut since = Instant::now();
        loop {
            let status = self.status()?;
            if state_of(&status) != State::Changing {
                return Ok(status);
            }
            if status.dwCheckPoint != progress {
                progress = status.dwCheckPoint;
                since = Instant::now();
            }
            if since.elapsed() > patience {
                return Err(TurnError::Timeout(patience));
            }
            std::thread::sleep(POLL);
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
    let service = Service::open(name, SERVICE_QUERY_STATUS | SERVICE_STOP)?;
    let service = service.ok_or(WindowsError::NO_SUCH_SERVICE)?;
    if state_of(&service.settled(patience)?) == State::Stopped {
        return Ok(());
    }
    let mut status = SERVICE_STATUS::default();
    // SAFETY: the handle is open, and the status is the structure that the call fills.
    if unsafe { ControlService(service.service.0, SERVICE_CONTROL_STOP, &mut status) } == 0 {
        let error = WindowsError::last();
        if error != WindowsError::NOT_ACTIVE {
            return Err(error.into());
        }
    }
    match state_of(&service.settled(patience)?) {
        State::Stopped => Ok(()),
        _ => Err(TurnError::Timeout(patience)),
    }
}

/// Starts a service and waits until it runs.
///
/// # Errors
/// The manager refuses, it does not start in time, or it ends at once.
pub fn start(name: &str, patience: Duration) -> Result<(), TurnError> {
    let service = Service::open(name, SERVICE_QUERY_STATUS | SERVICE_START)?;
    let service = service.ok_or(WindowsError::NO_SUCH_SERVICE)?;
    if state_of(&service.settled(patience)?) == State::Running {
        return Ok(());
    }
    // SAFETY: the handle is open; no arguments.
    if unsafe { StartServiceW(service.service.0, 0, null()) } == 0 {
        let error = WindowsError::last();
        if error != WindowsError::ALREADY_RUNNING {
            return Err(error.into());
        }
    }
    let status = service.settled(patience)?;
    match state_of(&status) {
        State::Running => Ok(()),
        State::Stopped => Err(TurnError::StoppedAgain(status.dwWin32ExitCode)),
        _ => Err(TurnError::Timeout(patience)),
    }
}

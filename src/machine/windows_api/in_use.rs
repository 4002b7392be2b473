//! Which programs have a file open, as the Restart Manager tells. Not seen on a real Windows: Wine tells of none.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::ERROR_MORE_DATA;
use windows_sys::Win32::System::RestartManager::{
    CCH_RM_SESSION_KEY, RM_PROCESS_INFO, RmEndSession, RmGetList, RmRegisterResources, RmStartSession,
};

use super::{WindowsError, wide};

/// How often the list is asked for again because it has grown.
const ATTEMPTS: usize = 5;

/// A program that uses a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// As Windows shows it: the program's own description, or its file name.
    pub program: String,
    pub process: u32,
    /// The name of the service that it is, where it is one.
    pub service: Option<String>,
}

/// A session of the Restart Manager, ended when it is dropped.
struct Session(u32);

impl Session {
    fn start() -> Result<Self, WindowsError> {
        let mut session = 0;
        let mut key = [0u16; CCH_RM_SESSION_KEY as usize + 1];
        // SAFETY: the buffer has room for a key and its end.
        WindowsError::check(unsafe { RmStartSession(&mut session, 0, key.as_mut_ptr()) })?;
        Ok(Self(session))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the session is open and is used no more. Nothing was shut down in it.
        unsafe { RmEndSession(self.0) };
    }
}

/// The programs that have a file open; none where the system knows of none.
///
/// # Errors
/// The system does not tell.
pub fn holders(path: &str) -> Result<Vec<Holder>, WindowsError> {
    let session = Session::start()?;
    let path = wide(path);
    let files = [path.as_ptr()];
    // SAFETY: there is one file, whose name ends in a zero; no programs and no services.
    WindowsError::check(unsafe { RmRegisterResources(session.0, 1, files.as_ptr(), 0, null(), 0, null()) })?;
    let mut found: Vec<RM_PROCESS_INFO> = Vec::new();
    for _ in 0..ATTEMPTS {
        let mut needed = 0;
        let mut count = u32::try_from(found.len()).unwrap_or(0);
        let mut reasons = 0;
        let list = if found.is_empty() { null_mut() } else { found.as_mut_ptr() };
        // SAFETY: the list has room for as many entries as told.
        match unsafe { RmGetList(session.0, &mut needed, &mut count, list, &mut reasons) } {
            ERROR_MORE_DATA => {
                found.resize(usize::try_from(needed).unwrap_or(0), RM_PROCESS_INFO::default());
            }
            code => {
                WindowsError::check(code)?;
                found.truncate(usize::try_from(count).unwrap_or(0));
                return Ok(found.iter().map(holder).collect());
            }
        }
    }
    Err(WindowsError(ERROR_MORE_DATA))
}

fn holder(found: &RM_PROCESS_INFO) -> Holder {
    let text = |units: &[u16]| String::from_utf16_lossy(units.split(|unit| *unit == 0).next().unwrap_or_default());
    let service = text(&found.strServiceShortName);
    Holder {
        program: text(&found.strAppName),
        process: found.Process.dwProcessId,
        service: (!service.is_empty()).then_some(service),
    }
}

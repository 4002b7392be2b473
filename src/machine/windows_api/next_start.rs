//! What the system does with files before any program runs.

use std::ptr::null;

use windows_sys::Win32::Storage::FileSystem::{MOVEFILE_DELAY_UNTIL_REBOOT, MOVEFILE_REPLACE_EXISTING, MoveFileExW};

use super::{WindowsError, wide};

/// Has the next start give a file the name of another one, which goes, or remove it where no name is given. Paths are full ones; the two
/// lie on one drive.
///
/// # Errors
/// The system refuses, as it does to whoever is no administrator.
pub fn schedule(path: &str, new_path: Option<&str>) -> Result<(), WindowsError> {
    let path = wide(path);
    let new_path = new_path.map(wide);
    let to = new_path.as_ref().map_or(null(), |new_path| new_path.as_ptr());
    let replaces = if new_path.is_some() { MOVEFILE_REPLACE_EXISTING } else { 0 };
    // SAFETY: both names end in a zero and outlive the call; without a new one, none is what the system asks for.
    if unsafe { MoveFileExW(path.as_ptr(), to, MOVEFILE_DELAY_UNTIL_REBOOT | replaces) } == 0 {
        return Err(WindowsError::last());
    }
    Ok(())
}

//! Where Windows keeps its own programs.

use std::ffi::OsString;
use std::os::windows::ffi::OsStringExt as _;
use std::path::PathBuf;

use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;

use super::WindowsError;

/// The folder of Windows' own programs, as `C:\Windows\System32`: no other program of the same name is found there.
///
/// # Errors
/// The system does not tell.
pub fn system() -> Result<PathBuf, WindowsError> {
    let mut buffer = [0u16; 260];
    // SAFETY: the buffer is as long as told.
    let length = unsafe { GetSystemDirectoryW(buffer.as_mut_ptr(), 260) };
    let found = usize::try_from(length).ok().filter(|length| *length > 0).and_then(|length| buffer.get(..length));
    found.map(|units| PathBuf::from(OsString::from_wide(units))).ok_or_else(WindowsError::last)
}

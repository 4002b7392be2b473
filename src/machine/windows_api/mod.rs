//! Calls of Windows that no safe crate makes, each made safe: the only code here that may be unsafe.
#![allow(unsafe_code, reason = "Windows is called through pointers")]

pub mod accounts;
pub mod certificates;
pub mod com;
pub mod events;
pub mod file;
pub mod firewall;
pub mod folders;
pub mod groups;
pub mod http;
pub mod in_use;
pub mod key;
pub mod key_store;
pub mod listeners;
pub mod measures;
pub mod next_start;
pub mod process;
pub mod services;
pub mod tasks;
pub mod user_rights;
pub mod wmi;

/// A text as Windows takes it, with its end.
fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The same of a secret: no copy of it stays behind.
fn secret_wide(text: &str) -> zeroize::Zeroizing<Vec<u16>> {
    let mut units = zeroize::Zeroizing::new(Vec::with_capacity(text.len() + 1));
    units.extend(text.encode_utf16().chain([0]));
    units
}

/// The last error of this thread.
fn last_error() -> u32 {
    // SAFETY: it takes and gives plain numbers.
    unsafe { windows_sys::Win32::Foundation::GetLastError() }
}

/// An error of Windows by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", message(*.0))]
pub struct WindowsError(pub u32);

fn message(code: u32) -> String {
    std::io::Error::from_raw_os_error(i32::from_ne_bytes(code.to_ne_bytes())).to_string()
}

impl From<WindowsError> for std::io::Error {
    fn from(error: WindowsError) -> Self {
        Self::from_raw_os_error(i32::from_ne_bytes(error.0.to_ne_bytes()))
    }
}

impl WindowsError {
    pub const ACCESS_DENIED: Self = Self(5);
    pub const NO_SUCH_SERVICE: Self = Self(1060);
    pub const NOT_ACTIVE: Self = Self(1062);
    pub const ALREADY_RUNNING: Self = Self(1056);

    /// Success or the error that a function returned.
    fn check(code: u32) -> Result<(), Self> {
        if code == 0 { Ok(()) } else { Err(Self(code)) }
    }

    fn last() -> Self {
        Self(last_error())
    }

    /// Whether it says that a key, or one above it, is not there.
    pub const fn is_absent(self) -> bool {
        // ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_KEY_DELETED.
        matches!(self.0, 2 | 3 | 1018)
    }
}

/// What a safe crate gave, with the number of its error.
pub fn told<T>(result: windows_registry::Result<T>) -> Result<T, WindowsError> {
    result.map_err(|error| {
        // HRESULT_FROM_WIN32 keeps the number in its lower half.
        let code = u32::from_ne_bytes(error.code().0.to_ne_bytes());
        WindowsError(if code >> 16 == 0x8007 { code & 0xFFFF } else { code })
    })
}

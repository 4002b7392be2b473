//! What this process may do, and what it tells the others.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_NOT_ALL_ASSIGNED, HANDLE, LUID};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, GetTokenInformation, LUID_AND_ATTRIBUTES, LookupPrivilegeValueW, SE_PRIVILEGE_ENABLED,
    TOKEN_ADJUST_PRIVILEGES, TOKEN_ELEVATION, TOKEN_PRIVILEGES, TOKEN_QUERY, TokenElevation,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::SystemInformation::GetTickCount64;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    HWND_BROADCAST, SMTO_ABORTIFHUNG, SendMessageTimeoutW, WM_SETTINGCHANGE,
};

use super::{WindowsError, last_error, wide};

/// The token of this process, closed when it is dropped.
struct Token(HANDLE);

impl Token {
    fn open(access: u32) -> Result<Self, WindowsError> {
        let mut token: HANDLE = null_mut();
        // SAFETY: the handle of this process is always good, and the token is written before the call succeeds.
        let done = unsafe { OpenProcessToken(GetCurrentProcess(), access, &mut token) };
        if done == 0 { Err(WindowsError::last()) } else { Ok(Self(token)) }
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is used no more.
        unsafe { CloseHandle(self.0) };
    }
}

/// Whether this process has the full rights of an administrator.
///
/// # Errors
/// The system does not tell.
pub fn is_elevated() -> Result<bool, WindowsError> {
    let token = Token::open(TOKEN_QUERY)?;
    let mut elevation = TOKEN_ELEVATION { TokenIsElevated: 0 };
    let bytes = u32::try_from(size_of::<TOKEN_ELEVATION>()).unwrap_or(0);
    let mut written = 0;
    // SAFETY: the buffer is the structure that the class names.
    let done =
        unsafe { GetTokenInformation(token.0, TokenElevation, (&raw mut elevation).cast(), bytes, &mut written) };
    if done == 0 { Err(WindowsError::last()) } else { Ok(elevation.TokenIsElevated != 0) }
}

/// Enables a privilege of this process; says whether it has it.
///
/// # Errors
/// The system refuses.
pub fn enable_privilege(name: &str) -> Result<bool, WindowsError> {
    let token = Token::open(TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY)?;
    let name = wide(name);
    let mut id = LUID::default();
    // SAFETY: the name ends in a zero.
    if unsafe { LookupPrivilegeValueW(null(), name.as_ptr(), &mut id) } == 0 {
        return Err(WindowsError::last());
    }
    let wanted = TOKEN_PRIVILEGES {
        PrivilegeCount: 1,
        Privileges: [LUID_AND_ATTRIBUTES { Luid: id, Attributes: SE_PRIVILEGE_ENABLED }],
    };
    // SAFETY: the structure holds as many privileges as it says; the former state is not asked for.
    if unsafe { AdjustTokenPrivileges(token.0, 0, &wanted, 0, null_mut(), null_mut()) } == 0 {
        return Err(WindowsError::last());
    }
    // It succeeds also when nothing was enabled.
    Ok(last_error() != ERROR_NOT_ALL_ASSIGNED)
}

/// Whether this is Wine, which ends a process that asks for a transaction of the registry, and loses a neighbour of a key that is renamed.
pub fn is_wine() -> bool {
    // SAFETY: both names end in a zero; the module is part of every process.
    unsafe {
        let module = GetModuleHandleW(wide("ntdll.dll").as_ptr());
        GetProcAddress(module, c"wine_get_version".as_ptr().cast()).is_some()
    }
}

/// For how many milliseconds the system has been running.
pub fn uptime() -> u64 {
    // SAFETY: it takes nothing.
    unsafe { GetTickCount64() }
}

/// Tells running programs that environment variables have changed; whoever does not listen is not waited for.
pub fn tell_of_environment() {
    let what = wide("Environment");
    let mut answer = 0;
    let text = what.as_ptr().expose_provenance().cast_signed();
    // SAFETY: the text ends in a zero and outlives the call, which waits for at most two seconds a window.
    unsafe {
        SendMessageTimeoutW(HWND_BROADCAST, WM_SETTINGCHANGE, 0, text, SMTO_ABORTIFHUNG, 2_000, &mut answer);
    }
}

//! Who may do what with a file.

use std::os::windows::io::{AsHandle, AsRawHandle as _};
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1, SE_FILE_OBJECT,
    SetSecurityInfo,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, GetSecurityDescriptorControl, GetSecurityDescriptorDacl,
    PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, SE_DACL_PROTECTED,
    UNPROTECTED_DACL_SECURITY_INFORMATION,
};

use super::{WindowsError, wide};

/// The system, administrators, and whoever owns it; nothing comes from the folder.
const PRIVATE: &str = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)";

/// The right to read a descriptor, and that to write its access list.
pub const READ_CONTROL: u32 = 0x0002_0000;
pub const WRITE_DAC: u32 = 0x0004_0000;

/// A descriptor of the system's, given back when it is dropped.
struct Descriptor(PSECURITY_DESCRIPTOR);

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the system allocated it, and it is used no more.
        unsafe { LocalFree(self.0) };
    }
}

fn handle(file: &impl AsHandle) -> HANDLE {
    file.as_handle().as_raw_handle()
}

/// Lets nobody but the owner, administrators and the system use a file that is open with the right to write its access list.
///
/// # Errors
/// The system refuses.
pub fn restrict(file: &impl AsHandle) -> Result<(), WindowsError> {
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    let text = wide(PRIVATE);
    // SAFETY: the text ends in a zero; the descriptor is written before the call succeeds.
    let done = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &mut descriptor,
            null_mut(),
        )
    };
    if done == 0 {
        return Err(WindowsError::last());
    }
    let descriptor = Descriptor(descriptor);
    let (mut present, mut defaulted, mut list): (i32, i32, *mut ACL) = (0, 0, null_mut());
    // SAFETY: the descriptor is whole and outlives its list.
    if unsafe { GetSecurityDescriptorDacl(descriptor.0, &mut present, &mut list, &mut defaulted) } == 0 {
        return Err(WindowsError::last());
    }
    put(handle(file), list, true)
}

fn put(file: HANDLE, list: *const ACL, is_protected: bool) -> Result<(), WindowsError> {
    let protection =
        if is_protected { PROTECTED_DACL_SECURITY_INFORMATION } else { UNPROTECTED_DACL_SECURITY_INFORMATION };
    let what = DACL_SECURITY_INFORMATION | protection;
    // SAFETY: the handle is open, the list is whole, owner and group are not touched.
    let code = unsafe { SetSecurityInfo(file, SE_FILE_OBJECT, what, null_mut(), null_mut(), list, null()) };
    WindowsError::check(code)
}

/// Gives a file the access list of another; both are open with the rights for that.
///
/// # Errors
/// The system refuses.
pub fn keep_access(of: &impl AsHandle, file: &impl AsHandle) -> Result<(), WindowsError> {
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    let mut list: *mut ACL = null_mut();
    // SAFETY: the handle is open; what is not asked for is null; the list lies in the descriptor.
    let code = unsafe {
        GetSecurityInfo(
            handle(of),
            SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION,
            null_mut(),
            null_mut(),
            &mut list,
            null_mut(),
            &mut descriptor,
        )
    };
    WindowsError::check(code)?;
    let descriptor = Descriptor(descriptor);
    let (mut control, mut revision) = (0, 0);
    // SAFETY: the descriptor is whole.
    if unsafe { GetSecurityDescriptorControl(descriptor.0, &mut control, &mut revision) } == 0 {
        return Err(WindowsError::last());
    }
    put(handle(file), list, control & SE_DACL_PROTECTED != 0)
}

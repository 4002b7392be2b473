//! Who may do what with a file.

use std::os::windows::io::{AsHandle, AsRawHandle as _};
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo, SDDL_REVISION_1, SE_FILE_OBJECT,
    SetSecurityInfo,
};
use windows_sys::Win32::Security::{
    ACL, DACL_SECURITY_INFORMATION, EqualSid, GROUP_SECURITY_INFORMATION, GetSecurityDescriptorControl,
    GetSecurityDescriptorDacl, GetSecurityDescriptorGroup, GetSecurityDescriptorLength, GetSecurityDescriptorOwner,
    OWNER_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SE_DACL_PROTECTED,
    UNPROTECTED_DACL_SECURITY_INFORMATION,
};

use super::accounts::aligned;
use super::{WindowsError, process, wide};
use crate::formats::security_descriptor::PRIVATE_FILE;

/// The right to read a descriptor, to write its access list, and to write its owner.
pub const READ_CONTROL: u32 = 0x0002_0000;
pub const WRITE_DAC: u32 = 0x0004_0000;
pub const WRITE_OWNER: u32 = 0x0008_0000;
/// The right to list a folder: what is in it gets what it hands on.
pub const LIST: u32 = 0x0000_0001;

/// Owner, group and who may do what: the parts of a descriptor that need no privilege.
const SECURITY: u32 = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;

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
    let text = wide(PRIVATE_FILE);
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

/// The descriptor of what is open, with its parts as asked for.
fn read(file: HANDLE, what: u32) -> Result<Descriptor, WindowsError> {
    let mut descriptor: PSECURITY_DESCRIPTOR = null_mut();
    // SAFETY: the handle is open; parts by themselves are not asked for.
    let code = unsafe {
        GetSecurityInfo(file, SE_FILE_OBJECT, what, null_mut(), null_mut(), null_mut(), null_mut(), &mut descriptor)
    };
    WindowsError::check(code)?;
    // ERROR_INVALID_SECURITY_DESCR.
    if descriptor.is_null() { Err(WindowsError(1338)) } else { Ok(Descriptor(descriptor)) }
}

/// The parts of a descriptor, each null where there is none.
struct Parts {
    owner: PSID,
    group: PSID,
    list: *mut ACL,
    has_list: bool,
    is_protected: bool,
}

impl Parts {
    /// # Safety
    /// The descriptor is whole, and outlives the parts.
    unsafe fn of(descriptor: PSECURITY_DESCRIPTOR) -> Result<Self, WindowsError> {
        let (mut owner, mut group, mut list) = (null_mut(), null_mut(), null_mut());
        let (mut defaulted, mut present, mut control, mut revision) = (0, 0, 0, 0);
        // SAFETY: as the caller says.
        let done = unsafe {
            GetSecurityDescriptorOwner(descriptor, &mut owner, &mut defaulted) != 0
                && GetSecurityDescriptorGroup(descriptor, &mut group, &mut defaulted) != 0
                && GetSecurityDescriptorDacl(descriptor, &mut present, &mut list, &mut defaulted) != 0
                && GetSecurityDescriptorControl(descriptor, &mut control, &mut revision) != 0
        };
        if !done {
            return Err(WindowsError::last());
        }
        Ok(Self { owner, group, list, has_list: present != 0, is_protected: control & SE_DACL_PROTECTED != 0 })
    }
}

/// Gives a file the access list of another, and its owner; both are open with the rights for that.
///
/// # Errors
/// The system refuses, as it does to give the file to somebody else without the privilege to restore.
pub fn keep_access(of: &impl AsHandle, file: &impl AsHandle) -> Result<(), WindowsError> {
    let old = read(handle(of), SECURITY)?;
    // SAFETY: the descriptor is whole, and outlives its parts.
    let parts = unsafe { Parts::of(old.0) }?;
    put(handle(file), parts.list, parts.is_protected)?;
    let new = read(handle(file), SECURITY)?;
    // SAFETY: as above.
    let owner = unsafe { Parts::of(new.0) }?.owner;
    // SAFETY: both are SIDs where they are not null.
    if parts.owner.is_null() || (!owner.is_null() && unsafe { EqualSid(owner, parts.owner) } != 0) {
        return Ok(());
    }
    let _has_it = process::enable_privilege("SeRestorePrivilege");
    // SAFETY: the handle is open with the right to write the owner, who is whole; nothing else is touched.
    let code = unsafe {
        let owner = parts.owner;
        SetSecurityInfo(handle(file), SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, owner, null_mut(), null(), null())
    };
    WindowsError::check(code)
}

/// Owner, group and access list of what is open, self-relative.
///
/// # Errors
/// The system refuses.
pub fn security(file: &impl AsHandle) -> Result<Vec<u8>, WindowsError> {
    let found = read(handle(file), SECURITY)?;
    // SAFETY: the descriptor is whole and self-relative, and as long as it says.
    let bytes = unsafe {
        let length = usize::try_from(GetSecurityDescriptorLength(found.0)).unwrap_or(0);
        std::slice::from_raw_parts(found.0.cast::<u8>(), length)
    };
    Ok(bytes.to_vec())
}

/// Which parts of a descriptor are written beside its access list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Also {
    pub owner: bool,
    pub group: bool,
}

/// Gives a file or folder the access list of a self-relative descriptor, where it has one, and of owner and group what is asked. What is
/// below a folder gets anew what it inherits: so the system's documentation says, and no test has shown it.
///
/// # Errors
/// The system refuses; an owner other than this user needs the privilege to restore.
pub fn set_security(file: &impl AsHandle, descriptor: &[u8], also: Also) -> Result<(), WindowsError> {
    let mut words = aligned(descriptor);
    // SAFETY: the descriptor was checked by its parser, is aligned, and outlives its parts.
    let parts = unsafe { Parts::of(words.as_mut_ptr().cast()) }?;
    let mut what = 0;
    if parts.has_list {
        let protection = match parts.is_protected {
            true => PROTECTED_DACL_SECURITY_INFORMATION,
            false => UNPROTECTED_DACL_SECURITY_INFORMATION,
        };
        what |= DACL_SECURITY_INFORMATION | protection;
    }
    if also.owner {
        what |= OWNER_SECURITY_INFORMATION;
    }
    if also.group {
        what |= GROUP_SECURITY_INFORMATION;
    }
    // SAFETY: the handle is open, the parts are whole or null, and only those are written that are asked for.
    let code =
        unsafe { SetSecurityInfo(handle(file), SE_FILE_OBJECT, what, parts.owner, parts.group, parts.list, null()) };
    WindowsError::check(code)
}

//! The rights of accounts, in the policy of this machine.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{NTSTATUS, STATUS_OBJECT_NAME_NOT_FOUND};
use windows_sys::Win32::Security::Authentication::Identity::{
    LSA_HANDLE, LSA_OBJECT_ATTRIBUTES, LSA_UNICODE_STRING, LsaAddAccountRights, LsaClose, LsaEnumerateAccountRights,
    LsaFreeMemory, LsaNtStatusToWinError, LsaOpenPolicy, LsaRemoveAccountRights, POLICY_CREATE_ACCOUNT,
    POLICY_LOOKUP_NAMES, POLICY_VIEW_LOCAL_INFORMATION,
};
use windows_sys::Win32::Security::PSID;

use super::WindowsError;

/// The policy of this machine, closed when it is dropped.
struct Policy(LSA_HANDLE);

impl Policy {
    fn open(access: i32) -> Result<Self, WindowsError> {
        let attributes = LSA_OBJECT_ATTRIBUTES::default();
        let mut policy: LSA_HANDLE = 0;
        // SAFETY: null names this machine; the attributes are not used, as the function asks for, and the handle is written before
        // the call succeeds.
        told(unsafe { LsaOpenPolicy(null(), &attributes, access.cast_unsigned(), &mut policy) })?;
        Ok(Self(policy))
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is used no more.
        unsafe { LsaClose(self.0) };
    }
}

/// The rights of an account, freed when they are dropped.
struct Rights {
    first: *mut LSA_UNICODE_STRING,
    count: u32,
}

impl Rights {
    fn names(&self) -> Vec<String> {
        if self.first.is_null() {
            return Vec::new();
        }
        let count = usize::try_from(self.count).unwrap_or(0);
        // SAFETY: the system has made so many texts here, and they are freed only when `self` is dropped.
        let texts = unsafe { std::slice::from_raw_parts(self.first, count) };
        texts.iter().map(text).collect()
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        if !self.first.is_null() {
            // SAFETY: the system has made it for this call, and it is used no more.
            unsafe { LsaFreeMemory(self.first.cast()) };
        }
    }
}

fn text(text: &LSA_UNICODE_STRING) -> String {
    if text.Buffer.is_null() {
        return String::new();
    }
    // SAFETY: the length counts bytes of the buffer.
    let units = unsafe { std::slice::from_raw_parts(text.Buffer, usize::from(text.Length) / 2) };
    String::from_utf16_lossy(units)
}

fn told(status: NTSTATUS) -> Result<(), WindowsError> {
    if status == 0 {
        return Ok(());
    }
    // SAFETY: it takes and gives plain numbers.
    Err(WindowsError(unsafe { LsaNtStatusToWinError(status) }))
}

/// A SID's bytes where a SID may lie.
struct AlignedSid(Vec<u64>);

impl AlignedSid {
    fn new(bytes: &[u8]) -> Self {
        let word = |chunk: &[u8]| {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            u64::from_ne_bytes(word)
        };
        Self(bytes.chunks(8).map(word).collect())
    }

    fn pointer(&mut self) -> PSID {
        self.0.as_mut_ptr().cast()
    }
}

/// Whether an account has a right itself; what it has through a group is not looked at.
///
/// # Errors
/// The system refuses.
pub fn has(sid: &[u8], right: &str) -> Result<bool, WindowsError> {
    let policy = Policy::open(POLICY_LOOKUP_NAMES | POLICY_VIEW_LOCAL_INFORMATION)?;
    let mut sid = AlignedSid::new(sid);
    let mut rights = Rights { first: null_mut(), count: 0 };
    // SAFETY: the handle is open, the SID is whole and aligned, and both places are written before the call succeeds.
    let status = unsafe { LsaEnumerateAccountRights(policy.0, sid.pointer(), &mut rights.first, &mut rights.count) };
    // Whoever has none is not in the policy.
    if status == STATUS_OBJECT_NAME_NOT_FOUND {
        return Ok(false);
    }
    told(status)?;
    Ok(rights.names().iter().any(|name| name.eq_ignore_ascii_case(right)))
}

/// Gives an account a right.
///
/// # Errors
/// The system refuses.
pub fn add(sid: &[u8], right: &str) -> Result<(), WindowsError> {
    let policy = Policy::open(POLICY_CREATE_ACCOUNT | POLICY_LOOKUP_NAMES)?;
    let mut sid = AlignedSid::new(sid);
    let mut name: Vec<u16> = right.encode_utf16().collect();
    let right = unicode_string(&mut name)?;
    // SAFETY: the handle is open for this, the SID is whole and aligned, and the one text outlives the call.
    told(unsafe { LsaAddAccountRights(policy.0, sid.pointer(), &right, 1) })
}

/// Takes a right from an account, and no other.
///
/// # Errors
/// The system refuses.
pub fn remove(sid: &[u8], right: &str) -> Result<(), WindowsError> {
    let policy = Policy::open(POLICY_CREATE_ACCOUNT | POLICY_LOOKUP_NAMES)?;
    let mut sid = AlignedSid::new(sid);
    let mut name: Vec<u16> = right.encode_utf16().collect();
    let right = unicode_string(&mut name)?;
    // SAFETY: as in `add`; not all rights are meant.
    told(unsafe { LsaRemoveAccountRights(policy.0, sid.pointer(), false, &right, 1) })
}

/// A text as the local security authority takes it: its length, and no end.
fn unicode_string(units: &mut [u16]) -> Result<LSA_UNICODE_STRING, WindowsError> {
    // ERROR_INVALID_PARAMETER.
    let bytes = u16::try_from(size_of_val(units)).map_err(|_| WindowsError(87))?;
    Ok(LSA_UNICODE_STRING { Length: bytes, MaximumLength: bytes, Buffer: units.as_mut_ptr() })
}

//! Names of accounts, and whose account a SID is.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_NONE_MAPPED};
use windows_sys::Win32::Security::Authentication::Identity::{
    LSA_HANDLE, LSA_OBJECT_ATTRIBUTES, LsaClose, LsaFreeMemory, LsaNtStatusToWinError, LsaOpenPolicy,
    LsaQueryInformationPolicy, POLICY_ACCOUNT_DOMAIN_INFO, POLICY_VIEW_LOCAL_INFORMATION,
    PolicyAccountDomainInformation,
};
use windows_sys::Win32::Security::{
    GetLengthSid, LookupAccountNameW, LookupAccountSidW, PSID, SECURITY_MAX_SID_SIZE, SID_NAME_USE, SidTypeAlias,
    SidTypeDeletedAccount, SidTypeDomain, SidTypeInvalid, SidTypeUnknown,
};
use windows_sys::Win32::System::WindowsProgramming::GetComputerNameW;

use super::{WindowsError, wide};

/// What a SID stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// A local group.
    Alias,
    /// A domain or a machine as a whole.
    Domain,
    /// A user, a group of a domain, or something else.
    Other,
}

/// An account that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountOfName {
    pub sid: Vec<u8>,
    pub kind: AccountKind,
}

/// What an account is called, in the language of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameOfAccount {
    /// The machine, domain or authority that it belongs to; empty for none.
    pub domain: String,
    pub name: String,
    pub kind: AccountKind,
}

/// `None` for what has no name any more.
fn kind_of(kind: SID_NAME_USE) -> Option<AccountKind> {
    let is = |other: SID_NAME_USE| kind == other;
    if is(SidTypeDeletedAccount) || is(SidTypeInvalid) || is(SidTypeUnknown) {
        return None;
    }
    let known = [(SidTypeAlias, AccountKind::Alias), (SidTypeDomain, AccountKind::Domain)];
    let known = known.into_iter().find(|(other, _)| is(*other));
    Some(known.map_or(AccountKind::Other, |(_, kind)| kind))
}

/// The account of a name; `None` when nobody has it. A domain may be asked over the network.
///
/// # Errors
/// The name cannot be looked up.
pub fn account_of(name: &str) -> Result<Option<AccountOfName>, WindowsError> {
    let name = wide(name);
    let mut sid = [0u64; SECURITY_MAX_SID_SIZE.div_ceil(8) as usize];
    let mut domain = vec![0u16; 256];
    loop {
        let mut sid_bytes = u32::try_from(size_of_val(&sid)).unwrap_or(0);
        let mut domain_units = u32::try_from(domain.len()).unwrap_or(0);
        let mut kind = 0;
        // SAFETY: the name ends in a zero, the buffers are as long as told, and the first is aligned for a SID.
        let done = unsafe {
            LookupAccountNameW(
                null(),
                name.as_ptr(),
                sid.as_mut_ptr().cast(),
                &mut sid_bytes,
                domain.as_mut_ptr(),
                &mut domain_units,
                &mut kind,
            )
        };
        if done != 0 {
            let bytes: Vec<u8> = sid.iter().flat_map(|word| word.to_ne_bytes()).collect();
            // Revision, count, six bytes of authority, then four for each part.
            let parts = bytes.get(1).copied().map_or(0, usize::from);
            let sid = bytes.get(..8 + 4 * parts).map(<[u8]>::to_vec);
            return Ok(sid.zip(kind_of(kind)).map(|(sid, kind)| AccountOfName { sid, kind }));
        }
        let needed = usize::try_from(domain_units).unwrap_or(0);
        match WindowsError::last() {
            WindowsError(ERROR_NONE_MAPPED) => return Ok(None),
            WindowsError(ERROR_INSUFFICIENT_BUFFER) if needed > domain.len() => domain.resize(needed, 0),
            error => return Err(error),
        }
    }
}

/// What the account of a SID is called; `None` when it has no name. A domain may be asked over the network.
///
/// # Errors
/// The SID cannot be looked up.
pub fn name_of(sid: &[u8]) -> Result<Option<NameOfAccount>, WindowsError> {
    let mut sid = aligned(sid);
    let (mut name, mut domain) = (vec![0u16; 257], vec![0u16; 257]);
    loop {
        let mut name_units = u32::try_from(name.len()).unwrap_or(0);
        let mut domain_units = u32::try_from(domain.len()).unwrap_or(0);
        let mut kind = 0;
        // SAFETY: the SID is whole and aligned, the buffers are as long as told.
        let done = unsafe {
            LookupAccountSidW(
                null(),
                sid.as_mut_ptr().cast(),
                name.as_mut_ptr(),
                &mut name_units,
                domain.as_mut_ptr(),
                &mut domain_units,
                &mut kind,
            )
        };
        if done != 0 {
            let Some(kind) = kind_of(kind) else { return Ok(None) };
            return Ok(Some(NameOfAccount { domain: text(&domain), name: text(&name), kind }));
        }
        let (names, domains) = (usize::try_from(name_units), usize::try_from(domain_units));
        let (names, domains) = (names.unwrap_or(0), domains.unwrap_or(0));
        match WindowsError::last() {
            WindowsError(ERROR_NONE_MAPPED) => return Ok(None),
            WindowsError(ERROR_INSUFFICIENT_BUFFER) if names > name.len() || domains > domain.len() => {
                name.resize(names.max(name.len()), 0);
                domain.resize(domains.max(domain.len()), 0);
            }
            error => return Err(error),
        }
    }
}

/// What a buffer holds up to its first zero.
fn text(buffer: &[u16]) -> String {
    String::from_utf16_lossy(buffer.split(|unit| *unit == 0).next().unwrap_or_default())
}

/// The bytes of a SID where the system can read it as a structure.
pub(super) fn aligned(sid: &[u8]) -> Vec<u64> {
    let mut words = vec![0u64; sid.len().div_ceil(8)];
    for (word, bytes) in words.iter_mut().zip(sid.chunks(8)) {
        let mut whole = [0u8; 8];
        whole.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        *word = u64::from_ne_bytes(whole);
    }
    words
}

/// The bytes of a SID that the system holds.
///
/// # Safety
/// The pointer is null, or points to a SID that lives during the call.
pub(super) unsafe fn bytes_of(sid: PSID) -> Option<Vec<u8>> {
    if sid.is_null() {
        return None;
    }
    // SAFETY: the caller says that it is a SID; its length is its own.
    let bytes = unsafe { std::slice::from_raw_parts(sid.cast::<u8>(), usize::try_from(GetLengthSid(sid)).ok()?) };
    Some(bytes.to_vec())
}

/// The name of this machine as its own accounts bear it: that of NetBIOS.
///
/// # Errors
/// The system does not tell.
pub fn computer_name() -> Result<String, WindowsError> {
    let mut buffer = [0u16; 256];
    let mut units = 256;
    // SAFETY: the buffer is as long as told.
    if unsafe { GetComputerNameW(buffer.as_mut_ptr(), &mut units) } == 0 {
        return Err(WindowsError::last());
    }
    Ok(text(&buffer))
}

/// A policy of the local security authority, closed when it is dropped.
struct Policy(LSA_HANDLE);

impl Drop for Policy {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is used no more.
        unsafe { LsaClose(self.0) };
    }
}

fn of_status(status: i32) -> Result<(), WindowsError> {
    // SAFETY: it takes and gives plain numbers.
    WindowsError::check(unsafe { LsaNtStatusToWinError(status) })
}

/// The SID above this machine's own accounts, as its bytes.
///
/// # Errors
/// The system does not tell.
pub fn machine_sid() -> Result<Vec<u8>, WindowsError> {
    let attributes = LSA_OBJECT_ATTRIBUTES {
        Length: u32::try_from(size_of::<LSA_OBJECT_ATTRIBUTES>()).unwrap_or(0),
        ..LSA_OBJECT_ATTRIBUTES::default()
    };
    let mut policy: LSA_HANDLE = 0;
    let access = u32::try_from(POLICY_VIEW_LOCAL_INFORMATION).unwrap_or(0);
    // SAFETY: null names this machine; the attributes are not looked at; the handle is written before the call succeeds.
    of_status(unsafe { LsaOpenPolicy(null(), &attributes, access, &mut policy) })?;
    let policy = Policy(policy);
    let mut info = null_mut();
    // SAFETY: the policy is open; the class gives the structure below, which is freed after the SID was copied.
    of_status(unsafe { LsaQueryInformationPolicy(policy.0, PolicyAccountDomainInformation, &mut info) })?;
    // SAFETY: as above; a null is told apart.
    let sid = unsafe {
        let sid = info.cast::<POLICY_ACCOUNT_DOMAIN_INFO>().as_ref().and_then(|info| bytes_of(info.DomainSid));
        LsaFreeMemory(info);
        sid
    };
    // ERROR_INVALID_SID.
    sid.ok_or(WindowsError(1337))
}

//! Names of accounts.

use std::ptr::null;

use windows_sys::Win32::Foundation::ERROR_NONE_MAPPED;
use windows_sys::Win32::Security::{LookupAccountNameW, SECURITY_MAX_SID_SIZE};

use super::{WindowsError, wide};

/// The SID of an account, as its bytes; `None` when nobody has the name. A domain may be asked over the network.
///
/// # Errors
/// The name cannot be looked up.
pub fn sid_of(name: &str) -> Result<Option<Vec<u8>>, WindowsError> {
    let name = wide(name);
    let mut sid = vec![0u64; usize::try_from(SECURITY_MAX_SID_SIZE).unwrap_or(68).div_ceil(8)];
    let mut domain = vec![0u16; 256];
    let mut sid_bytes = u32::try_from(size_of_val(sid.as_slice())).unwrap_or(0);
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
    if done == 0 {
        let error = WindowsError::last();
        return match error.0 {
            ERROR_NONE_MAPPED => Ok(None),
            _ => Err(error),
        };
    }
    let bytes: Vec<u8> = sid.iter().flat_map(|word| word.to_ne_bytes()).collect();
    // Revision, count, six bytes of authority, then four for each part.
    let parts = bytes.get(1).copied().map_or(0, usize::from);
    Ok(bytes.get(..8 + 4 * parts).map(<[u8]>::to_vec))
}

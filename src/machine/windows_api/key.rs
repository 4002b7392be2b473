//! What `windows-registry` does not tell of a key: names as stored, times, classes, links, security.

use std::ptr::{null, null_mut};

use windows_registry::Key;
use windows_sys::Wdk::System::Registry::{KeyBasicInformation, NtQueryKey};
use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS, HANDLE};
use windows_sys::Win32::Security::{DACL_SECURITY_INFORMATION, GROUP_SECURITY_INFORMATION, OWNER_SECURITY_INFORMATION};
use windows_sys::Win32::System::Registry::{
    HKEY, KEY_READ, KEY_WOW64_64KEY, REG_OPTION_BACKUP_RESTORE, REG_OPTION_OPEN_LINK, RegCreateKeyExW, RegEnumKeyExW,
    RegEnumValueW, RegGetKeySecurity, RegOpenKeyExW, RegQueryInfoKeyW, RegSetKeySecurity,
};

use super::{WindowsError, wide};

/// Owner, group and who may do what: the parts of a descriptor that need no privilege.
const SECURITY: u32 = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;

/// The longest name of a value, in UTF-16 units, with its end.
const NAME_UNITS: usize = 16_384;

/// What the head of a key tells.
#[derive(Debug)]
pub struct Head {
    /// As it is stored.
    pub name: String,
    /// In FILETIME ticks.
    pub last_written: u64,
}

/// How much a key holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub values: u32,
    /// The longest data of a value, in bytes.
    pub longest_data: u32,
}

/// One value while it is read.
pub struct Value<'b> {
    pub name: &'b [u16],
    pub value_type: u32,
    pub data: &'b [u8],
}

/// What values are read into, to be used again.
pub struct Buffers {
    name: Vec<u16>,
    data: Vec<u8>,
}

impl Default for Buffers {
    fn default() -> Self {
        Self { name: vec![0; NAME_UNITS], data: vec![0; 4 << 10] }
    }
}

/// Opens a key below a root for reading; the last name of the path is not followed where it is a link.
///
/// # Errors
/// The key is not there, or may not be read.
pub fn open(root: &Key, path: &str) -> Result<Key, WindowsError> {
    let mut handle: HKEY = null_mut();
    let path = wide(path);
    // SAFETY: the path ends in a zero, and the handle is written before the function succeeds.
    let code = unsafe {
        RegOpenKeyExW(root.as_raw(), path.as_ptr(), REG_OPTION_OPEN_LINK, KEY_READ | KEY_WOW64_64KEY, &mut handle)
    };
    WindowsError::check(code)?;
    // SAFETY: the handle is open, and nobody else has it.
    Ok(unsafe { Key::from_raw(handle) })
}

/// Opens a key that is there although its descriptor says no, for whoever holds the privilege to back up.
///
/// # Errors
/// As [`open`].
pub fn open_for_backup(root: &Key, path: &str) -> Result<Key, WindowsError> {
    let mut handle: HKEY = null_mut();
    let path = wide(path);
    // SAFETY: the path ends in a zero; no class, no attributes; the handle is written before the function succeeds.
    let code = unsafe {
        RegCreateKeyExW(
            root.as_raw(),
            path.as_ptr(),
            0,
            null(),
            REG_OPTION_BACKUP_RESTORE,
            KEY_READ | KEY_WOW64_64KEY,
            null(),
            &mut handle,
            null_mut(),
        )
    };
    WindowsError::check(code)?;
    // SAFETY: the handle is open, and nobody else has it.
    Ok(unsafe { Key::from_raw(handle) })
}

/// The key's own name and when it was last written.
///
/// # Errors
/// The key has gone.
pub fn head(key: &Key) -> Result<Head, WindowsError> {
    // KEY_BASIC_INFORMATION: the time, an index, the length of the name in bytes, the name of at most 255 units.
    let mut buffer = [0u64; 2 + 128];
    let bytes = u32::try_from(size_of_val(&buffer)).unwrap_or(u32::MAX);
    let mut written = 0;
    let handle: HANDLE = key.as_raw();
    // SAFETY: the buffer is aligned for the structure and as long as told.
    let status = unsafe { NtQueryKey(handle, KeyBasicInformation, buffer.as_mut_ptr().cast(), bytes, &mut written) };
    if status != 0 {
        return Err(WindowsError(u32::from_ne_bytes(status.to_ne_bytes())));
    }
    let all: Vec<u8> = buffer.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let length = all.get(12..16).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes);
    let end = usize::try_from(length).unwrap_or(0).saturating_add(16);
    let units: Vec<u16> =
        all.get(16..end).unwrap_or_default().as_chunks::<2>().0.iter().map(|pair| u16::from_ne_bytes(*pair)).collect();
    Ok(Head { name: String::from_utf16_lossy(&units), last_written: buffer.first().copied().unwrap_or(0) })
}

/// How much the key holds.
///
/// # Errors
/// The key has gone.
pub fn counts(key: &Key) -> Result<Counts, WindowsError> {
    let mut counts = Counts::default();
    // SAFETY: what is not asked for is null, the rest points to numbers that live longer than the call.
    let code = unsafe {
        RegQueryInfoKeyW(
            key.as_raw(),
            null_mut(),
            null_mut(),
            null(),
            null_mut(),
            null_mut(),
            null_mut(),
            &mut counts.values,
            null_mut(),
            &mut counts.longest_data,
            null_mut(),
            null_mut(),
        )
    };
    WindowsError::check(code)?;
    Ok(counts)
}

/// The key's class, empty for most.
///
/// # Errors
/// The key has gone.
pub fn class(key: &Key) -> Result<String, WindowsError> {
    let mut buffer = vec![0u16; NAME_UNITS];
    let mut length = u32::try_from(buffer.len()).unwrap_or(0);
    // SAFETY: the buffer is as long as told; what is not asked for is null.
    let code = unsafe {
        RegQueryInfoKeyW(
            key.as_raw(),
            buffer.as_mut_ptr(),
            &mut length,
            null(),
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
            null_mut(),
        )
    };
    WindowsError::check(code)?;
    let length = usize::try_from(length).unwrap_or(0);
    Ok(String::from_utf16_lossy(buffer.get(..length).unwrap_or_default()))
}

/// Shows every value of a key.
///
/// # Errors
/// The key has gone, or may not be read.
pub fn each_value(key: &Key, buffers: &mut Buffers, each: &mut dyn FnMut(Value<'_>)) -> Result<(), WindowsError> {
    let longest = usize::try_from(counts(key)?.longest_data).unwrap_or(0);
    if buffers.data.len() < longest {
        buffers.data.resize(longest, 0);
    }
    let mut index = 0;
    loop {
        let mut units = u32::try_from(buffers.name.len()).unwrap_or(u32::MAX);
        let mut bytes = u32::try_from(buffers.data.len()).unwrap_or(u32::MAX);
        let mut value_type = 0;
        // SAFETY: both buffers are as long as told.
        let code = unsafe {
            RegEnumValueW(
                key.as_raw(),
                index,
                buffers.name.as_mut_ptr(),
                &mut units,
                null(),
                &mut value_type,
                buffers.data.as_mut_ptr(),
                &mut bytes,
            )
        };
        match code {
            ERROR_NO_MORE_ITEMS => return Ok(()),
            // It has become longer since it was measured.
            ERROR_MORE_DATA => {
                let needed = usize::try_from(bytes).unwrap_or(0).max(buffers.data.len().saturating_mul(2));
                buffers.data.resize(needed, 0);
                continue;
            }
            code => WindowsError::check(code)?,
        }
        each(Value {
            name: buffers.name.get(..usize::try_from(units).unwrap_or(0)).unwrap_or_default(),
            value_type,
            data: buffers.data.get(..usize::try_from(bytes).unwrap_or(0)).unwrap_or_default(),
        });
        index += 1;
    }
}

/// The names of the keys directly below.
///
/// # Errors
/// The key has gone, or may not be read.
pub fn subkeys(key: &Key) -> Result<Vec<String>, WindowsError> {
    let mut names = Vec::new();
    let mut buffer = [0u16; 256];
    for index in 0.. {
        let mut units = 256;
        // SAFETY: the buffer is as long as told; no class and no time is asked for.
        let code = unsafe {
            RegEnumKeyExW(
                key.as_raw(),
                index,
                buffer.as_mut_ptr(),
                &mut units,
                null(),
                null_mut(),
                null_mut(),
                null_mut(),
            )
        };
        if code == ERROR_NO_MORE_ITEMS {
            break;
        }
        WindowsError::check(code)?;
        let name = buffer.get(..usize::try_from(units).unwrap_or(0)).unwrap_or_default();
        names.push(String::from_utf16_lossy(name));
    }
    Ok(names)
}

/// The key's security as a self-relative descriptor, without what is audited.
///
/// # Errors
/// The key has gone, or may not be read.
pub fn security(key: &Key) -> Result<Vec<u8>, WindowsError> {
    // With no room the call tells how long the descriptor is.
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let mut bytes = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
        // SAFETY: the buffer is as long as told.
        let code = unsafe { RegGetKeySecurity(key.as_raw(), SECURITY, buffer.as_mut_ptr().cast(), &mut bytes) };
        let needed = usize::try_from(bytes).unwrap_or(0);
        if code == ERROR_INSUFFICIENT_BUFFER && needed > buffer.len() {
            buffer.resize(needed, 0);
            continue;
        }
        WindowsError::check(code)?;
        return Ok(buffer);
    }
}

/// Gives the key a self-relative descriptor.
///
/// # Errors
/// The key may not be written.
pub fn set_security(key: &Key, descriptor: &[u8]) -> Result<(), WindowsError> {
    // The system reads it as a structure: let it be aligned for one.
    let mut aligned: Vec<u64> = vec![0; descriptor.len().div_ceil(8)];
    for (word, bytes) in aligned.iter_mut().zip(descriptor.chunks(8)) {
        let mut whole = [0u8; 8];
        whole.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        *word = u64::from_ne_bytes(whole);
    }
    // SAFETY: the descriptor was checked by its parser, is self-relative, aligned, and lives longer than the call.
    let code = unsafe { RegSetKeySecurity(key.as_raw(), SECURITY, aligned.as_mut_ptr().cast()) };
    WindowsError::check(code)
}

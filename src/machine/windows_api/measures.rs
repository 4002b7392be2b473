//! How much the system has: memory, processors, room on drives.

use std::os::windows::io::{AsHandle, AsRawHandle as _};
use std::ptr::null_mut;

use windows_sys::Wdk::Storage::FileSystem::{FileFsFullSizeInformation, NtQueryVolumeInformationFile};
use windows_sys::Win32::Foundation::RtlNtStatusToDosError;
use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;
use windows_sys::Win32::System::SystemInformation::{
    GetPhysicallyInstalledSystemMemory, GlobalMemoryStatusEx, MEMORYSTATUSEX,
};
use windows_sys::Win32::System::Threading::GetActiveProcessorCount;

use super::{WindowsError, wide};

/// `ALL_PROCESSOR_GROUPS`.
const ALL_GROUPS: u16 = 0xFFFF;

/// Bytes of memory that the machine has: what is built in where its firmware tells, else what Windows can use, which is less by
/// what the hardware keeps for itself.
///
/// # Errors
/// The system does not tell.
pub fn memory() -> Result<u64, WindowsError> {
    let mut status = MEMORYSTATUSEX {
        dwLength: u32::try_from(size_of::<MEMORYSTATUSEX>()).unwrap_or(0),
        ..MEMORYSTATUSEX::default()
    };
    // SAFETY: the structure says how long it is.
    if unsafe { GlobalMemoryStatusEx(&mut status) } == 0 {
        return Err(WindowsError::last());
    }
    let mut kibibytes = 0;
    // SAFETY: the number outlives the call.
    let is_told = unsafe { GetPhysicallyInstalledSystemMemory(&mut kibibytes) } != 0;
    let installed = if is_told { kibibytes.saturating_mul(1 << 10) } else { 0 };
    Ok(status.ullTotalPhys.max(installed))
}

/// How many processors the system runs on, of all groups.
///
/// # Errors
/// The system does not tell.
pub fn processors() -> Result<u32, WindowsError> {
    // SAFETY: it takes and gives plain numbers.
    match unsafe { GetActiveProcessorCount(ALL_GROUPS) } {
        0 => Err(WindowsError::last()),
        count => Ok(count),
    }
}

/// Bytes that this user may still write on the drive with a folder, which must be there.
///
/// # Errors
/// The folder is not there, or the system does not tell.
pub fn free_space(folder: &str) -> Result<u64, WindowsError> {
    let folder = wide(folder);
    let mut free = 0;
    // SAFETY: the path ends in a zero; what is not asked for is null.
    if unsafe { GetDiskFreeSpaceExW(folder.as_ptr(), &mut free, null_mut(), null_mut()) } == 0 {
        return Err(WindowsError::last());
    }
    Ok(free)
}

/// `FILE_FS_FULL_SIZE_INFORMATION`.
#[repr(C)]
#[derive(Default)]
struct FullSize {
    total_units: i64,
    caller_units: i64,
    actual_units: i64,
    sectors_per_unit: u32,
    bytes_per_sector: u32,
}

/// Bytes that this user may still write on the volume with a file or folder that is open.
///
/// # Errors
/// The system does not tell.
pub fn free_space_with(open: &impl AsHandle) -> Result<u64, WindowsError> {
    let mut size = FullSize::default();
    let mut status = IO_STATUS_BLOCK::default();
    let bytes = u32::try_from(size_of::<FullSize>()).unwrap_or(0);
    // SAFETY: the handle is open; the buffer is the structure that the class names, and as long as told.
    let code = unsafe {
        NtQueryVolumeInformationFile(
            open.as_handle().as_raw_handle(),
            &mut status,
            (&raw mut size).cast(),
            bytes,
            FileFsFullSizeInformation,
        )
    };
    if code != 0 {
        // SAFETY: it takes and gives plain numbers.
        return Err(WindowsError(unsafe { RtlNtStatusToDosError(code) }));
    }
    let unit = u64::from(size.sectors_per_unit).saturating_mul(size.bytes_per_sector.into());
    Ok(u64::try_from(size.caller_units).unwrap_or(0).saturating_mul(unit))
}

//! Who listens at a port, and the services of a process.

use std::collections::BTreeMap;
use std::mem::offset_of;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_INSUFFICIENT_BUFFER, ERROR_MORE_DATA, ERROR_NO_MORE_FILES, HANDLE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, GetExtendedUdpTable, MIB_TCP6ROW_OWNER_PID, MIB_TCPROW_OWNER_PID, MIB_UDP6ROW_OWNER_PID,
    MIB_UDPROW_OWNER_PID, TCP_TABLE_OWNER_PID_LISTENER, UDP_TABLE_OWNER_PID,
};
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ENUM_SERVICE_STATUS_PROCESSW, EnumServicesStatusExW, OpenSCManagerW, SC_ENUM_PROCESS_INFO,
    SC_MANAGER_CONNECT, SC_MANAGER_ENUMERATE_SERVICE, SERVICE_ACTIVE, SERVICE_WIN32,
};

use super::WindowsError;

/// A table or list is no longer: a length beyond it is not believed.
const MOST_BYTES: usize = 1 << 28;

/// A protocol with ports, of both versions of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Udp,
}

/// The ids of the processes that listen at a port, each once; of UDP, that have it.
///
/// # Errors
/// The system does not tell.
pub fn at(transport: Transport, port: u16) -> Result<Vec<u32>, WindowsError> {
    let mut found = Vec::new();
    // Of each row so many words, and in which of them the port and the process are.
    macro_rules! layout {
        ($row:ident) => {
            (size_of::<$row>() / 4, offset_of!($row, dwLocalPort) / 4, offset_of!($row, dwOwningPid) / 4)
        };
    }
    let layouts = match transport {
        Transport::Tcp => [(AF_INET, layout!(MIB_TCPROW_OWNER_PID)), (AF_INET6, layout!(MIB_TCP6ROW_OWNER_PID))],
        Transport::Udp => [(AF_INET, layout!(MIB_UDPROW_OWNER_PID)), (AF_INET6, layout!(MIB_UDP6ROW_OWNER_PID))],
    };
    for (family, (words, port_at, process_at)) in layouts {
        let table = table(transport, u32::from(family))?;
        let (count, rows) = table.split_first().map_or((0, [].as_slice()), |(count, rows)| (*count, rows));
        for row in rows.chunks_exact(words).take(usize::try_from(count).unwrap_or(usize::MAX)) {
            // The number of a port lies in the lower half, in the order of the network.
            let [high, low, ..] = row.get(port_at).copied().unwrap_or(0).to_ne_bytes();
            if u16::from_be_bytes([high, low]) == port {
                found.extend(row.get(process_at));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The words of a table: how many rows, then the rows.
fn table(transport: Transport, family: u32) -> Result<Vec<u32>, WindowsError> {
    let mut words: Vec<u32> = vec![0; 1024];
    loop {
        let mut bytes = u32::try_from(size_of_val(words.as_slice())).unwrap_or(u32::MAX);
        let start = words.as_mut_ptr().cast();
        // SAFETY: the buffer is as long as told, and aligned for tables of 32-bit words.
        let code = unsafe {
            match transport {
                Transport::Tcp => GetExtendedTcpTable(start, &mut bytes, 0, family, TCP_TABLE_OWNER_PID_LISTENER, 0),
                Transport::Udp => GetExtendedUdpTable(start, &mut bytes, 0, family, UDP_TABLE_OWNER_PID, 0),
            }
        };
        if code != ERROR_INSUFFICIENT_BUFFER {
            WindowsError::check(code)?;
            return Ok(words);
        }
        // It may have grown again before the next look.
        let needed = usize::try_from(bytes).unwrap_or(usize::MAX).saturating_add(4096);
        if needed > MOST_BYTES {
            return Err(WindowsError(code));
        }
        words.resize(needed.div_ceil(4), 0);
    }
}

/// A snapshot of the processes, closed when it is dropped.
struct Snapshot(HANDLE);

impl Drop for Snapshot {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is used no more.
        unsafe { CloseHandle(self.0) };
    }
}

/// The file names of the programs that run, by the ids of their processes; nobody's rights are asked for.
///
/// # Errors
/// The system does not tell.
pub fn programs() -> Result<BTreeMap<u32, String>, WindowsError> {
    // SAFETY: plain numbers.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(WindowsError::last());
    }
    let snapshot = Snapshot(snapshot);
    let size = u32::try_from(size_of::<PROCESSENTRY32W>()).unwrap_or(0);
    let mut entry = PROCESSENTRY32W { dwSize: size, ..PROCESSENTRY32W::default() };
    let mut found = BTreeMap::new();
    // SAFETY: the entry says how long it is.
    let mut more = unsafe { Process32FirstW(snapshot.0, &mut entry) };
    while more != 0 {
        let end = entry.szExeFile.iter().position(|unit| *unit == 0).unwrap_or(entry.szExeFile.len());
        let name = String::from_utf16_lossy(entry.szExeFile.get(..end).unwrap_or_default());
        found.insert(entry.th32ProcessID, name);
        // SAFETY: as before.
        more = unsafe { Process32NextW(snapshot.0, &mut entry) };
    }
    match WindowsError::last() {
        WindowsError(ERROR_NO_MORE_FILES) => Ok(found),
        error => Err(error),
    }
}

/// The services that run, by the ids of their processes.
///
/// # Errors
/// The service manager refuses.
pub fn services() -> Result<BTreeMap<u32, Vec<String>>, WindowsError> {
    let access = SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE;
    // SAFETY: nulls name this machine and its active database.
    let manager = unsafe { OpenSCManagerW(null(), null(), access) };
    if manager.is_null() {
        return Err(WindowsError::last());
    }
    let mut buffer: Vec<u64> = vec![0; 8 << 10];
    let found = loop {
        let room = u32::try_from(size_of_val(buffer.as_slice())).unwrap_or(u32::MAX);
        let (mut needed, mut count, mut resume) = (0, 0, 0);
        // SAFETY: the buffer is as long as told, and aligned for the structures that it is filled with.
        let done = unsafe {
            EnumServicesStatusExW(
                manager,
                SC_ENUM_PROCESS_INFO,
                SERVICE_WIN32,
                SERVICE_ACTIVE,
                buffer.as_mut_ptr().cast(),
                room,
                &mut needed,
                &mut count,
                &mut resume,
                null_mut(),
            )
        };
        if done != 0 {
            // SAFETY: so many structures stand at the start of the buffer; the names that they point to stand behind them.
            break Ok(unsafe { named(&buffer, count) });
        }
        let error = WindowsError::last();
        let whole = size_of_val(buffer.as_slice()).saturating_add(usize::try_from(needed).unwrap_or(usize::MAX));
        if error.0 != ERROR_MORE_DATA || whole > MOST_BYTES {
            break Err(error);
        }
        buffer.resize(whole.div_ceil(8) + 512, 0);
    };
    // SAFETY: the handle is open and is used no more.
    unsafe { CloseServiceHandle(manager) };
    found
}

/// # Safety
/// The buffer begins with so many structures, whose names are texts that end in a zero.
unsafe fn named(buffer: &[u64], count: u32) -> BTreeMap<u32, Vec<String>> {
    let mut found: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let most = size_of_val(buffer) / size_of::<ENUM_SERVICE_STATUS_PROCESSW>();
    let start = buffer.as_ptr().cast::<ENUM_SERVICE_STATUS_PROCESSW>();
    for place in 0..usize::try_from(count).unwrap_or(0).min(most) {
        // SAFETY: the place is within the buffer, and the name ends in a zero.
        let (process, name) = unsafe {
            let entry = &*start.add(place);
            let name = entry.lpServiceName;
            let length = (0..).take_while(|unit| *name.add(*unit) != 0).count();
            let name = String::from_utf16_lossy(std::slice::from_raw_parts(name, length));
            (entry.ServiceStatusProcess.dwProcessId, name)
        };
        found.entry(process).or_default().push(name);
    }
    found.values_mut().for_each(|names| names.sort());
    found
}

//! Services of the tests' own: this very program, which the service manager starts with the name of one test. They go with their owner.
#![allow(unsafe_code, reason = "the service manager is called through pointers")]
#![allow(dead_code, reason = "not every test needs all of it")]

use std::ffi::c_void;
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ControlService, CreateServiceW, DeleteService, OpenSCManagerW, OpenServiceW,
    QUERY_SERVICE_CONFIGW, QueryServiceConfig2W, QueryServiceConfigW, QueryServiceStatus, RegisterServiceCtrlHandlerW,
    SC_ACTION, SC_HANDLE, SC_MANAGER_ALL_ACCESS, SERVICE_ACCEPT_PAUSE_CONTINUE, SERVICE_ACCEPT_STOP,
    SERVICE_ALL_ACCESS, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, SERVICE_CONFIG_FAILURE_ACTIONS,
    SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, SERVICE_CONTROL_CONTINUE, SERVICE_CONTROL_PAUSE, SERVICE_CONTROL_STOP,
    SERVICE_DELAYED_AUTO_START_INFO, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, SERVICE_FAILURE_ACTIONS_FLAG,
    SERVICE_FAILURE_ACTIONSW, SERVICE_PAUSED, SERVICE_RUNNING, SERVICE_STATUS, SERVICE_STOPPED, SERVICE_TABLE_ENTRYW,
    SERVICE_WIN32_OWN_PROCESS, SetServiceStatus, StartServiceCtrlDispatcherW,
};
use windows_sys::core::PWSTR;

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn list(entries: &[&str]) -> Vec<u16> {
    entries.iter().flat_map(|entry| wide(entry)).chain([0, 0]).collect()
}

/// # Safety
/// The text is null or ends in a zero.
unsafe fn text(start: *const u16) -> String {
    unsafe { texts(start, 1) }.pop().unwrap_or_default()
}

/// # Safety
/// The place is null, or so many texts lie there, or an empty one ends them.
unsafe fn texts(start: *const u16, most: usize) -> Vec<String> {
    let (mut at, mut out) = (start, Vec::new());
    while !at.is_null() && out.len() < most {
        let units: Vec<u16> = (0..).map(|index| unsafe { *at.add(index) }).take_while(|unit| *unit != 0).collect();
        if units.is_empty() {
            break;
        }
        at = unsafe { at.add(units.len() + 1) };
        out.push(String::from_utf16_lossy(&units));
    }
    out
}

struct Handle(SC_HANDLE);

impl Handle {
    fn of(handle: SC_HANDLE) -> std::io::Result<Self> {
        if handle.is_null() { Err(std::io::Error::last_os_error()) } else { Ok(Self(handle)) }
    }

    fn manager() -> Self {
        Self::of(unsafe { OpenSCManagerW(null(), null(), SC_MANAGER_ALL_ACCESS) }).expect("the tests administer")
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        unsafe { CloseServiceHandle(self.0) };
    }
}

/// What the service manager says of a service.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    pub start: u32,
    pub account: String,
    /// Groups with `+`.
    pub dependencies: Vec<String>,
}

/// What the service manager says of its recovery.
#[derive(Debug, PartialEq, Eq)]
pub struct ToldRecovery {
    pub reset: u32,
    /// Type and delay.
    pub actions: Vec<(i32, u32)>,
    pub command: String,
    pub reboot_message: String,
    pub on_stop_with_error: bool,
}

/// A service that goes when it is dropped.
pub struct OwnService {
    pub name: String,
}

impl OwnService {
    /// Makes a service that is started on demand; what an earlier test left of it is removed.
    pub fn new(name: &str, dependencies: &[&str]) -> Self {
        Self::of_program(name, dependencies, &std::env::current_exe().unwrap())
    }

    /// The same with a copy of this program.
    pub fn of_program(name: &str, dependencies: &[&str], program: &Path) -> Self {
        let service = Self { name: name.to_owned() };
        service.remove();
        let manager = Handle::manager();
        let test = format!("{}::{TEST}", module_path!().split_once("::").map_or("", |(_, path)| path));
        let command = format!("\"{}\" --ignored --exact {test}", program.display());
        let since = Instant::now();
        loop {
            let made = Handle::of(unsafe {
                CreateServiceW(
                    manager.0,
                    wide(name).as_ptr(),
                    wide(name).as_ptr(),
                    SERVICE_ALL_ACCESS,
                    SERVICE_WIN32_OWN_PROCESS,
                    SERVICE_DEMAND_START,
                    SERVICE_ERROR_NORMAL,
                    wide(&command).as_ptr(),
                    null(),
                    null_mut(),
                    list(dependencies).as_ptr(),
                    null(),
                    null(),
                )
            });
            match made {
                Ok(_) => return service,
                // One that is being removed is still there for a while.
                Err(error) if since.elapsed() > Duration::from_secs(20) => panic!("{name}: {error}"),
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    fn open(&self) -> Option<Handle> {
        let manager = Handle::manager();
        Handle::of(unsafe { OpenServiceW(manager.0, wide(&self.name).as_ptr(), SERVICE_ALL_ACCESS) }).ok()
    }

    /// Has it pause, as somebody else's hand would, and waits until it has.
    pub fn pause(&self) {
        let service = self.open().unwrap();
        let mut status = SERVICE_STATUS::default();
        assert_ne!(unsafe { ControlService(service.0, SERVICE_CONTROL_PAUSE, &mut status) }, 0);
        let since = Instant::now();
        while status.dwCurrentState != SERVICE_PAUSED {
            assert!(since.elapsed() < Duration::from_secs(20), "{} does not pause", self.name);
            std::thread::sleep(Duration::from_millis(50));
            assert_ne!(unsafe { QueryServiceStatus(service.0, &mut status) }, 0);
        }
    }

    fn remove(&self) {
        let Some(service) = self.open() else { return };
        let mut status = SERVICE_STATUS::default();
        unsafe { ControlService(service.0, SERVICE_CONTROL_STOP, &mut status) };
        let since = Instant::now();
        while unsafe { QueryServiceStatus(service.0, &mut status) } != 0
            && status.dwCurrentState != SERVICE_STOPPED
            && since.elapsed() < Duration::from_secs(20)
        {
            std::thread::sleep(Duration::from_millis(50));
        }
        unsafe { DeleteService(service.0) };
    }

    pub fn told(&self) -> Told {
        let service = self.open().unwrap();
        let mut buffer = vec![0u64; 1024];
        let (bytes, mut needed) = (u32::try_from(size_of_val(buffer.as_slice())).unwrap(), 0);
        let config: *mut QUERY_SERVICE_CONFIGW = buffer.as_mut_ptr().cast();
        assert_ne!(unsafe { QueryServiceConfigW(service.0, config, bytes, &mut needed) }, 0);
        let config = unsafe { &*config };
        Told {
            start: config.dwStartType,
            account: unsafe { text(config.lpServiceStartName) },
            dependencies: unsafe { texts(config.lpDependencies, usize::MAX) },
        }
    }

    fn told_of(&self, level: u32) -> Option<Vec<u64>> {
        let service = self.open().unwrap();
        let mut buffer = vec![0u64; 1024];
        let (bytes, mut needed) = (u32::try_from(size_of_val(buffer.as_slice())).unwrap(), 0);
        let done = unsafe { QueryServiceConfig2W(service.0, level, buffer.as_mut_ptr().cast(), bytes, &mut needed) };
        (done != 0).then_some(buffer)
    }

    /// Whether an automatic start is delayed; `None` where the manager does not tell.
    pub fn told_delayed(&self) -> Option<bool> {
        let buffer = self.told_of(SERVICE_CONFIG_DELAYED_AUTO_START_INFO)?;
        let info: *const SERVICE_DELAYED_AUTO_START_INFO = buffer.as_ptr().cast();
        Some(unsafe { (*info).fDelayedAutostart } != 0)
    }

    /// What follows a failure; `None` where the manager does not tell.
    pub fn told_recovery(&self) -> Option<ToldRecovery> {
        let buffer = self.told_of(SERVICE_CONFIG_FAILURE_ACTIONS)?;
        let flag = self.told_of(SERVICE_CONFIG_FAILURE_ACTIONS_FLAG)?;
        let (info, flag): (*const SERVICE_FAILURE_ACTIONSW, *const SERVICE_FAILURE_ACTIONS_FLAG) =
            (buffer.as_ptr().cast(), flag.as_ptr().cast());
        let info = unsafe { &*info };
        let count = if info.lpsaActions.is_null() { 0 } else { usize::try_from(info.cActions).unwrap() };
        let action = |index| -> SC_ACTION { unsafe { *info.lpsaActions.add(index) } };
        Some(ToldRecovery {
            reset: info.dwResetPeriod,
            actions: (0..count).map(action).map(|action| (action.Type, action.Delay)).collect(),
            command: unsafe { text(info.lpCommand) },
            reboot_message: unsafe { text(info.lpRebootMsg) },
            on_stop_with_error: unsafe { (*flag).fFailureActionsOnNonCrashFailures } != 0,
        })
    }
}

impl Drop for OwnService {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The test that the service manager starts.
const TEST: &str = "the_service_itself";

static HANDLE: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
/// The last order, until it is carried out.
static ORDER: Mutex<Option<u32>> = Mutex::new(None);
static ORDERED: Condvar = Condvar::new();

#[test]
#[ignore = "it is what the service manager starts, and nothing else"]
fn the_service_itself() {
    let mut name = wide("");
    let entry = SERVICE_TABLE_ENTRYW { lpServiceName: name.as_mut_ptr(), lpServiceProc: Some(service_main) };
    let table = [entry, SERVICE_TABLE_ENTRYW::default()];
    // It comes back when the service has stopped, and at once where no service manager has started this.
    unsafe { StartServiceCtrlDispatcherW(table.as_ptr()) };
}

unsafe extern "system" fn service_main(_: u32, arguments: *mut PWSTR) {
    // Not every service tells that it is on its way: until it is there, this one says that it is where it was.
    let is_slow = unsafe { text(*arguments) }.ends_with("slow");
    let on_its_way = Duration::from_millis(if is_slow { 3_000 } else { 700 });
    let handle = unsafe { RegisterServiceCtrlHandlerW(*arguments, Some(control)) };
    HANDLE.store(handle, Ordering::SeqCst);
    tell(SERVICE_RUNNING);
    loop {
        let order = ORDERED.wait_while(ORDER.lock().unwrap(), |order| order.is_none()).unwrap().take();
        std::thread::sleep(on_its_way);
        match order {
            Some(SERVICE_CONTROL_PAUSE) => tell(SERVICE_PAUSED),
            Some(SERVICE_CONTROL_CONTINUE) => tell(SERVICE_RUNNING),
            _ => return tell(SERVICE_STOPPED),
        }
    }
}

unsafe extern "system" fn control(control: u32) {
    if let SERVICE_CONTROL_STOP | SERVICE_CONTROL_PAUSE | SERVICE_CONTROL_CONTINUE = control {
        *ORDER.lock().unwrap() = Some(control);
        ORDERED.notify_all();
    }
}

fn tell(state: u32) {
    let status = SERVICE_STATUS {
        dwServiceType: SERVICE_WIN32_OWN_PROCESS,
        dwCurrentState: state,
        dwControlsAccepted: SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PAUSE_CONTINUE,
        ..SERVICE_STATUS::default()
    };
    unsafe { SetServiceStatus(HANDLE.load(Ordering::SeqCst), &status) };
}

//! Changes the settings of a service: what is `None` stays.

use std::ptr::{null, null_mut};

use windows_sys::Win32::System::Services::{
    ChangeServiceConfig2W, ChangeServiceConfigW, SC_ACTION, SERVICE_CHANGE_CONFIG, SERVICE_CONFIG,
    SERVICE_CONFIG_DELAYED_AUTO_START_INFO, SERVICE_CONFIG_FAILURE_ACTIONS, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG,
    SERVICE_DELAYED_AUTO_START_INFO, SERVICE_FAILURE_ACTIONS_FLAG, SERVICE_FAILURE_ACTIONSW, SERVICE_NO_CHANGE,
    SERVICE_START,
};
use zeroize::Zeroizing;

use super::super::{WindowsError, secret_wide, wide};
use super::Service;

/// What is told in one call.
#[derive(Default)]
pub struct Configuration<'c> {
    /// The number of `Start`.
    pub start: Option<u32>,
    /// An account and its password, which is empty for one that has none.
    pub account: Option<(&'c str, &'c str)>,
    /// Services, and groups marked with `+`.
    pub dependencies: Option<&'c [String]>,
}

/// What follows a failure.
#[derive(Default)]
pub struct Failure<'f> {
    /// Seconds after which the count of failures begins anew, and type and delay in milliseconds of each action; none removes all.
    pub actions: Option<(u32, &'f [(u32, u32)])>,
    /// An empty one is removed.
    pub command: Option<&'f str>,
    /// An empty one is removed.
    pub reboot_message: Option<&'f str>,
}

/// What the handle of a service is for beside its configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Configure,
    /// An action that starts the service is told by whoever may start it.
    ConfigureRestarts,
}

/// A service that is open for changing.
pub struct Settings(Service);

impl Settings {
    /// Opens a service.
    ///
    /// # Errors
    /// The manager refuses, or there is none of this name.
    pub fn open(name: &str, purpose: Purpose) -> Result<Self, WindowsError> {
        let access = match purpose {
            Purpose::Configure => SERVICE_CHANGE_CONFIG,
            Purpose::ConfigureRestarts => SERVICE_CHANGE_CONFIG | SERVICE_START,
        };
        Ok(Self(Service::open(name, access)?.ok_or(WindowsError::NO_SUCH_SERVICE)?))
    }

    /// Changes start, account and dependencies.
    ///
    /// # Errors
    /// The manager refuses.
    pub fn configure(&self, told: &Configuration<'_>) -> Result<(), WindowsError> {
        let account = told.account.map(|(name, _)| wide(name));
        let password: Option<Zeroizing<Vec<u16>>> = told.account.map(|(_, password)| secret_wide(password));
        let dependencies = told.dependencies.map(list);
        let pointer = |text: Option<&Vec<u16>>| text.map_or(null(), Vec::as_ptr);
        // SAFETY: the handle is open for changing; every text ends in a zero, the list in two, and all outlive the call.
        let done = unsafe {
            ChangeServiceConfigW(
                self.0.service.0,
                SERVICE_NO_CHANGE,
                told.start.unwrap_or(SERVICE_NO_CHANGE),
                SERVICE_NO_CHANGE,
                null(),
                null(),
                null_mut(),
                pointer(dependencies.as_ref()),
                pointer(account.as_ref()),
                pointer(password.as_deref()),
                null(),
            )
        };
        if done == 0 { Err(WindowsError::last()) } else { Ok(()) }
    }

    /// Says whether an automatic service starts after the others.
    ///
    /// # Errors
    /// The manager refuses.
    pub fn set_delayed(&self, delayed: bool) -> Result<(), WindowsError> {
        let info = SERVICE_DELAYED_AUTO_START_INFO { fDelayedAutostart: delayed.into() };
        // SAFETY: the structure is that of the level.
        unsafe { self.change(SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &info) }
    }

    /// Says whether the actions also follow when the service stops by itself with an error.
    ///
    /// # Errors
    /// The manager refuses.
    pub fn set_acts_on_errors(&self, acts: bool) -> Result<(), WindowsError> {
        let info = SERVICE_FAILURE_ACTIONS_FLAG { fFailureActionsOnNonCrashFailures: acts.into() };
        // SAFETY: the structure is that of the level.
        unsafe { self.change(SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &info) }
    }

    /// Says what follows a failure.
    ///
    /// # Errors
    /// The manager refuses, as it does for a driver, or an action that this process may not do itself.
    pub fn set_failure(&self, told: &Failure<'_>) -> Result<(), WindowsError> {
        let (reset, actions) = told.actions.unzip();
        let action = |&(kind, delay): &(u32, u32)| SC_ACTION { Type: kind.cast_signed(), Delay: delay };
        let mut list: Vec<SC_ACTION> = actions.unwrap_or_default().iter().map(action).collect();
        let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
        // None at all is told by a count of zero with a place that is none the less named.
        if list.is_empty() {
            list.push(SC_ACTION { Type: 0, Delay: 0 });
        }
        let mut command = told.command.map(wide);
        let mut message = told.reboot_message.map(wide);
        let info = SERVICE_FAILURE_ACTIONSW {
            dwResetPeriod: reset.unwrap_or(0),
            lpRebootMsg: message.as_mut().map_or(null_mut(), Vec::as_mut_ptr),
            lpCommand: command.as_mut().map_or(null_mut(), Vec::as_mut_ptr),
            cActions: count,
            lpsaActions: if told.actions.is_some() { list.as_mut_ptr() } else { null_mut() },
        };
        // SAFETY: the structure is that of the level; it counts the actions that are there, both texts end in a zero, and all outlive
        // the call.
        unsafe { self.change(SERVICE_CONFIG_FAILURE_ACTIONS, &info) }
    }

    /// # Safety
    /// `info` is the structure that the level names, and all that it points to is there.
    unsafe fn change<T>(&self, level: SERVICE_CONFIG, info: &T) -> Result<(), WindowsError> {
        let info: *const T = info;
        // SAFETY: the handle is open for changing; the rest is the caller's promise.
        let done = unsafe { ChangeServiceConfig2W(self.0.service.0, level, info.cast()) };
        if done == 0 { Err(WindowsError::last()) } else { Ok(()) }
    }
}

/// Texts one after the other, each with its end, and one more end; an empty list is two ends, too.
fn list(entries: &[String]) -> Vec<u16> {
    let mut units: Vec<u16> = entries.iter().flat_map(|entry| wide(entry)).collect();
    units.push(0);
    if entries.is_empty() {
        units.push(0);
    }
    units
}

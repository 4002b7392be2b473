//! The event log of applications.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE, RegisterEventSourceW,
    ReportEventW,
};

use super::{WindowsError, wide};
use crate::model::event::Severity;

/// The most UTF-16 units that one text of an entry may have. Source: Microsoft, *ReportEventW*: 31,839 characters.
pub const MAX_UNITS: usize = 31_839;

/// A source of entries, given back when it is dropped.
struct Source(HANDLE);

impl Drop for Source {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is used no more.
        unsafe { DeregisterEventSource(self.0) };
    }
}

/// Writes an entry with one text.
///
/// # Errors
/// The log refuses, or does not run.
pub fn write(source: &str, number: u16, severity: Severity, text: &str) -> Result<(), WindowsError> {
    let source = wide(source);
    // SAFETY: the name ends in a zero; null names this machine.
    let handle = unsafe { RegisterEventSourceW(null(), source.as_ptr()) };
    if handle.is_null() {
        return Err(WindowsError::last());
    }
    let source = Source(handle);
    let mut units: Vec<u16> = text.encode_utf16().take(MAX_UNITS - 1).collect();
    units.push(0);
    let texts = [units.as_ptr()];
    let kind = match severity {
        Severity::Information => EVENTLOG_INFORMATION_TYPE,
        Severity::Warning => EVENTLOG_WARNING_TYPE,
        Severity::Error => EVENTLOG_ERROR_TYPE,
    };
    // SAFETY: there is one text, which ends in a zero and outlives the call; no account, no further data.
    let done = unsafe { ReportEventW(source.0, kind, 0, u32::from(number), null_mut(), 1, 0, texts.as_ptr(), null()) };
    if done == 0 { Err(WindowsError::last()) } else { Ok(()) }
}

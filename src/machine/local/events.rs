//! Entries in the event log of applications, under trueup's own source.

use windows_registry::LOCAL_MACHINE;

use crate::machine::WriteError;
use crate::machine::windows_api::{events, told};
use crate::model::event::Event;

const SOURCE: &str = "trueup";
const SOURCES: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application";

/// A program of every Windows whose messages 1 to 1000 are the text itself. Source: Microsoft, *eventcreate*: ids from 1 to 1000.
const MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";

/// Error, warning, information.
const TYPES: u32 = 7;

/// Writes an entry; the source is made known with the first one.
pub fn write(event: &Event) -> Result<(), WriteError> {
    register().map_err(|error| WriteError::failed("make trueup known to the event log", error))?;
    events::write(SOURCE, event.what.number(), event.what.severity(), &event.text)
        .map_err(|error| WriteError::failed("write to the event log", error))
}

fn register() -> Result<(), crate::machine::windows_api::WindowsError> {
    let path = format!(r"{SOURCES}\{SOURCE}");
    let is_known = LOCAL_MACHINE.open(&path).is_ok_and(|key| key.get_value("EventMessageFile").is_ok());
    if is_known {
        return Ok(());
    }
    let key = told(LOCAL_MACHINE.create(&path))?;
    told(key.set_expand_string("EventMessageFile", MESSAGES))?;
    told(key.set_u32("TypesSupported", TYPES))
}

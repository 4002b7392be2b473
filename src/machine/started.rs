//! When a machine was last shut down, as its own registry tells: what was owed before that has happened since.

use crate::machine::RegistryReader;
use crate::model::fact::{KeyAspects, KeyState, ValueSelection};
use crate::model::registry::RegistryKey;
use crate::model::time::FileTime;

/// The value, a FILETIME as REG_BINARY, that Windows writes at every clean shutdown.
const SHUTDOWN: (&str, &str) = (r"HKLM\SYSTEM\CurrentControlSet\Control\Windows", "ShutdownTime");

/// `None` where the machine does not tell.
pub fn last_shutdown(registry: &dyn RegistryReader) -> Option<FileTime> {
    let key = RegistryKey::parse(SHUTDOWN.0).ok()?;
    let aspects = KeyAspects { values: ValueSelection::Named(vec![SHUTDOWN.1.into()]), ..KeyAspects::default() };
    let state = registry.read(&[(key, aspects)]).pop()?.ok()?;
    let KeyState::Present(fact) = state else { return None };
    let bytes: [u8; 8] = fact.value(SHUTDOWN.1)?.data.plain()?.bytes[..].try_into().ok()?;
    Some(FileTime(u64::from_le_bytes(bytes)))
}

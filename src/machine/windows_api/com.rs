//! What every interface of COM needs: an apartment to call from, and errors by their number.

use windows::Win32::System::Com::{CLSCTX_ALL, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx, CoUninitialize};
use windows::core::{GUID, HRESULT, Interface};

/// An error of COM by its HRESULT.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (0x{code:08x})")]
pub struct ComError {
    pub code: u32,
    message: String,
}

/// Errors of WMI, of which the system has no text at hand. Source: Microsoft, *WMI Error Constants*.
const WMI_ERRORS: [(u32, &str); 12] = [
    (0x8004_1001, "WMI failed"),
    (0x8004_1002, "WMI finds no such thing"),
    (0x8004_1003, "WMI denies access"),
    (0x8004_1004, "the provider failed"),
    (0x8004_1005, "WMI wants another type"),
    (0x8004_1006, "WMI has too little memory"),
    (0x8004_1008, "WMI does not take a parameter"),
    (0x8004_100c, "WMI cannot do this"),
    (0x8004_100e, "this Windows has no such namespace of WMI"),
    (0x8004_1010, "this Windows has no such class of WMI"),
    (0x8004_1019, "it is there already"),
    (0x8004_1024, "the provider cannot do this"),
];

impl From<windows::core::Error> for ComError {
    fn from(error: windows::core::Error) -> Self {
        let code = u32::from_ne_bytes(error.code().0.to_ne_bytes());
        let known = WMI_ERRORS.iter().find(|(each, _)| *each == code).map(|(_, text)| (*text).to_owned());
        let told = Some(error.message().trim().to_owned()).filter(|text| !text.is_empty());
        Self { code, message: told.or(known).unwrap_or_else(|| "the call failed".to_owned()) }
    }
}

/// This thread may call COM for as long as it lives; whatever was made through it has to go before it.
#[derive(Debug)]
pub struct Apartment {
    /// Another part of the process may have entered one of another kind before, which does as well.
    is_ours: bool,
}

/// RPC_E_CHANGED_MODE: this thread has an apartment of another kind.
const OTHER_KIND: HRESULT = HRESULT(0x8001_0106_u32.cast_signed());

impl Apartment {
    /// Enters an apartment.
    ///
    /// # Errors
    /// The system refuses.
    pub fn enter() -> Result<Self, ComError> {
        // SAFETY: nothing is passed but a constant; each success is paired with the call in `drop`.
        let result = unsafe { CoInitializeEx(None, COINIT_MULTITHREADED) };
        if result == OTHER_KIND {
            return Ok(Self { is_ours: false });
        }
        result.ok()?;
        Ok(Self { is_ours: true })
    }

    /// Makes an object of a class.
    ///
    /// # Errors
    /// The class is not there, or its server does not start.
    pub fn make<T: Interface>(&self, class: &GUID) -> Result<T, ComError> {
        // SAFETY: the apartment was entered; the interface asked for is that of the type.
        Ok(unsafe { CoCreateInstance(class, None, CLSCTX_ALL)? })
    }
}

impl Drop for Apartment {
    fn drop(&mut self) {
        if self.is_ours {
            // SAFETY: it pairs the call that succeeded.
            unsafe { CoUninitialize() };
        }
    }
}

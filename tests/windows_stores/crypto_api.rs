//! CryptoAPI's view of a store of the machine, without pointers for those who call. It knows nothing of the registry.

#![allow(unsafe_code, reason = "CryptoAPI is called through pointers")]

use std::ffi::c_void;
use std::io::{Error, Result};
use std::ptr::{null, null_mut};

use windows_sys::Win32::Security::Cryptography::{
    CERT_CONTEXT, CERT_FRIENDLY_NAME_PROP_ID, CERT_KEY_IDENTIFIER_PROP_ID, CERT_NAME_RDN_TYPE, CERT_SHA1_HASH_PROP_ID,
    CERT_STORE_ADD_NEW, CERT_STORE_OPEN_EXISTING_FLAG, CERT_STORE_PROV_SYSTEM_W, CERT_SYSTEM_STORE_LOCAL_MACHINE,
    CERT_X500_NAME_STR, CRYPT_INTEGER_BLOB, CertAddEncodedCertificateToStore, CertCloseStore,
    CertEnumCertificatesInStore, CertFreeCertificateContext, CertGetCertificateContextProperty, CertGetNameStringW,
    CertOpenStore, CertSetCertificateContextProperty, HCERTSTORE, X509_ASN_ENCODING,
};

/// A store of the machine; what was added is written when it closes.
pub struct Store(HCERTSTORE);

/// What CryptoAPI says of a certificate in a store.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown {
    /// In the order of the encoding.
    pub subject: String,
    pub der: Vec<u8>,
    pub friendly_name: Option<String>,
    pub sha1: Option<Vec<u8>>,
    pub key_identifier: Option<Vec<u8>>,
}

impl Store {
    /// Opens a store that is there.
    pub fn existing(name: &str) -> Result<Self> {
        Self::open(name, CERT_STORE_OPEN_EXISTING_FLAG)
    }

    /// Opens a store, and makes it where there is none.
    pub fn made(name: &str) -> Result<Self> {
        Self::open(name, 0)
    }

    fn open(name: &str, more: u32) -> Result<Self> {
        let name = wide(name);
        let flags = CERT_SYSTEM_STORE_LOCAL_MACHINE | more;
        // SAFETY: this provider takes a string with a NUL; `name` is one and outlives the call.
        let store = unsafe { CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, flags, name.as_ptr().cast()) };
        if store.is_null() { Err(Error::last_os_error()) } else { Ok(Self(store)) }
    }

    /// All certificates of the store.
    pub fn certificates(&self) -> Vec<Shown> {
        let mut found = Vec::new();
        let mut context: *const CERT_CONTEXT = null();
        loop {
            // SAFETY: the store is open; the context is null or the one of the call before, which this call frees.
            context = unsafe { CertEnumCertificatesInStore(self.0, context) };
            if context.is_null() {
                return found;
            }
            // SAFETY: the context is valid until it is given to the next call.
            found.push(unsafe { shown(context) });
        }
    }

    /// Adds a certificate that is not there yet.
    pub fn add(&self, der: &[u8], friendly_name: &str) -> Result<()> {
        let length = u32::try_from(der.len()).map_err(Error::other)?;
        let mut context = null_mut();
        // SAFETY: the store is open, `der` has `length` bytes, and the context is written where there is room for one.
        succeeded(unsafe {
            let encoding = X509_ASN_ENCODING;
            CertAddEncodedCertificateToStore(
                self.0,
                encoding,
                der.as_ptr(),
                length,
                CERT_STORE_ADD_NEW,
                &raw mut context,
            )
        })?;
        let mut name: Vec<u8> = wide(friendly_name).into_iter().flat_map(u16::to_le_bytes).collect();
        let cb_data = u32::try_from(name.len()).map_err(Error::other)?;
        let blob = CRYPT_INTEGER_BLOB { cbData: cb_data, pbData: name.as_mut_ptr() };
        // SAFETY: the context is the one just made, and is freed once; the property takes a blob, which outlives the call.
        succeeded(unsafe {
            let data = (&raw const blob).cast();
            let is_set = CertSetCertificateContextProperty(context, CERT_FRIENDLY_NAME_PROP_ID, 0, data);
            CertFreeCertificateContext(context);
            is_set
        })
    }

    /// Closes the store, with what writing its certificates comes to.
    pub fn close(self) -> Result<()> {
        let store = std::mem::ManuallyDrop::new(self).0;
        // SAFETY: the store is open, and nothing closes it again.
        succeeded(unsafe { CertCloseStore(store, 0) })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the store is open, and nobody has it any more.
        unsafe { CertCloseStore(self.0, 0) };
    }
}

/// # Safety
/// The context is valid.
unsafe fn shown(context: *const CERT_CONTEXT) -> Shown {
    // SAFETY: the caller's promise; a context has its certificate as long as it lives.
    let der = unsafe {
        let CERT_CONTEXT { pbCertEncoded: start, cbCertEncoded: length, .. } = *context;
        std::slice::from_raw_parts(start, usize::try_from(length).expect("it fits"))
    };
    // SAFETY: the caller's promise.
    let property = |id| unsafe { property(context, id) };
    Shown {
        // SAFETY: the caller's promise.
        subject: unsafe { subject(context) },
        der: der.to_vec(),
        friendly_name: property(CERT_FRIENDLY_NAME_PROP_ID).map(|bytes| {
            let units: Vec<u16> = bytes.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
            text(&units)
        }),
        sha1: property(CERT_SHA1_HASH_PROP_ID),
        key_identifier: property(CERT_KEY_IDENTIFIER_PROP_ID),
    }
}

/// # Safety
/// The context is valid.
unsafe fn property(context: *const CERT_CONTEXT, id: u32) -> Option<Vec<u8>> {
    let mut length = 0;
    // SAFETY: the caller's promise; without room, the length alone is written.
    if unsafe { CertGetCertificateContextProperty(context, id, null_mut(), &raw mut length) } == 0 {
        return None;
    }
    let mut bytes = vec![0_u8; usize::try_from(length).expect("it fits")];
    let room: *mut c_void = bytes.as_mut_ptr().cast();
    // SAFETY: the caller's promise; there is room for `length` bytes.
    succeeded(unsafe { CertGetCertificateContextProperty(context, id, room, &raw mut length) }).expect("it was there");
    bytes.truncate(usize::try_from(length).expect("it fits"));
    Some(bytes)
}

/// # Safety
/// The context is valid.
unsafe fn subject(context: *const CERT_CONTEXT) -> String {
    let style = CERT_X500_NAME_STR;
    let mut units = [0_u16; 512];
    let room = u32::try_from(units.len()).expect("it fits");
    // SAFETY: the caller's promise; this kind of name takes a style, and there is room for as many units as are named.
    unsafe {
        let style = (&raw const style).cast();
        CertGetNameStringW(context, CERT_NAME_RDN_TYPE, 0, style, units.as_mut_ptr(), room);
    }
    text(&units)
}

fn succeeded(answer: i32) -> Result<()> {
    if answer == 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The text up to its NUL, which must be there.
fn text(units: &[u16]) -> String {
    let end = units.iter().position(|unit| *unit == 0).expect("the text ends");
    String::from_utf16(&units[..end]).expect("it is UTF-16")
}

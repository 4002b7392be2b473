//! The key store of the machine: key storage providers (CNG) and cryptographic service providers (CryptoAPI). No key is ever read out
//! of it.

use std::ptr::null_mut;

use windows_sys::Win32::Security::Cryptography::{
    BCryptBuffer, BCryptBufferDesc, CERT_PUBLIC_KEY_INFO, CRYPT_DELETEKEYSET, CRYPT_EXPORTABLE, CRYPT_MACHINE_KEYSET,
    CRYPT_NEWKEYSET, CRYPT_SILENT, CryptAcquireContextW, CryptDestroyKey, CryptExportPublicKeyInfo, CryptGetProvParam,
    CryptImportKey, CryptReleaseContext, CryptSetProvParam, NCRYPT_ALLOW_EXPORT_FLAG,
    NCRYPT_ALLOW_PLAINTEXT_EXPORT_FLAG, NCRYPT_DO_NOT_FINALIZE_FLAG, NCRYPT_EXPORT_POLICY_PROPERTY,
    NCRYPT_MACHINE_KEY_FLAG, NCRYPT_SECURITY_DESCR_PROPERTY, NCRYPT_SILENT_FLAG, NCRYPTBUFFER_PKCS_KEY_NAME,
    NCRYPTBUFFER_VERSION, NCryptDeleteKey, NCryptFinalizeKey, NCryptFreeObject, NCryptGetProperty, NCryptImportKey,
    NCryptOpenKey, NCryptOpenStorageProvider, NCryptSetProperty, PP_KEYSET_SEC_DESCR, X509_ASN_ENCODING,
};
use windows_sys::Win32::Security::DACL_SECURITY_INFORMATION;

use super::certificates::KeyName;
use super::{WindowsError, wide};

/// `NTE_EXISTS`.
const EXISTS: WindowsError = WindowsError(0x8009_000F);
/// `ERROR_MORE_DATA`.
const MORE_DATA: WindowsError = WindowsError(234);
/// A security descriptor is no longer.
const MAX_DESCRIPTOR: u32 = 1 << 17;

impl WindowsError {
    /// Whether it says that there is no such key: `NTE_BAD_KEYSET`, `NTE_NO_KEY`, `NTE_NOT_FOUND`, `NTE_KEYSET_NOT_DEF` or that of a file.
    pub const fn is_no_key(self) -> bool {
        matches!(self.0, 0x8009_0016 | 0x8009_000D | 0x8009_0011 | 0x8009_0019) || self.is_absent()
    }

    /// Whether it says that a provider does not do such a thing: `NTE_NOT_SUPPORTED`, `E_NOTIMPL`, `ERROR_CALL_NOT_IMPLEMENTED`.
    pub const fn is_unsupported(self) -> bool {
        matches!(self.0, 0x8009_0029 | 0x8000_4001 | 120)
    }
}

/// A status of CNG.
fn status(status: i32) -> Result<(), WindowsError> {
    WindowsError::check(u32::from_ne_bytes(status.to_ne_bytes()))
}

/// An answer of CryptoAPI.
fn answer(done: i32) -> Result<(), WindowsError> {
    if done == 0 { Err(WindowsError::last()) } else { Ok(()) }
}

/// An object of CNG, freed when it is dropped.
struct Object(usize);

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is used no more.
        unsafe { NCryptFreeObject(self.0) };
    }
}

impl Object {
    fn provider(name: &str) -> Result<Self, WindowsError> {
        let name = wide(name);
        let mut handle = 0;
        // SAFETY: the name ends in a zero, and the handle is written where there is room for it.
        status(unsafe { NCryptOpenStorageProvider(&mut handle, name.as_ptr(), 0) })?;
        Self::of(handle)
    }

    /// Some implementations say yes and give nothing.
    const fn of(handle: usize) -> Result<Self, WindowsError> {
        // NTE_NOT_SUPPORTED.
        if handle == 0 { Err(WindowsError(0x8009_0029)) } else { Ok(Self(handle)) }
    }

    fn key(&self, container: &str) -> Result<Self, WindowsError> {
        let name = wide(container);
        let mut handle = 0;
        let flags = NCRYPT_MACHINE_KEY_FLAG | NCRYPT_SILENT_FLAG;
        // SAFETY: the provider is open, the name ends in a zero, and the handle is written where there is room for it.
        status(unsafe { NCryptOpenKey(self.0, &mut handle, name.as_ptr(), 0, flags) })?;
        Self::of(handle)
    }

    /// Deletes a key.
    fn delete(self) -> Result<(), WindowsError> {
        let handle = self.0;
        // SAFETY: the handle is open; when it succeeds the call frees it.
        status(unsafe { NCryptDeleteKey(handle, NCRYPT_SILENT_FLAG) })?;
        std::mem::forget(self);
        Ok(())
    }
}

/// A context of CryptoAPI, released when it is dropped.
struct Context(usize);

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is open and is used no more.
        unsafe { CryptReleaseContext(self.0, 0) };
    }
}

/// Opens, makes or deletes a container of the machine.
fn container(key: KeyName<'_>, flags: u32) -> Result<usize, WindowsError> {
    let (container, provider) = (wide(key.container), wide(key.provider));
    let mut handle = 0;
    let flags = CRYPT_MACHINE_KEYSET | CRYPT_SILENT | flags;
    // SAFETY: the names end in a zero, and the handle is written where there is room for it.
    let done =
        unsafe { CryptAcquireContextW(&mut handle, container.as_ptr(), provider.as_ptr(), key.provider_type, flags) };
    answer(done)?;
    Ok(handle)
}

/// Whether a key is there.
///
/// # Errors
/// The provider does not tell.
pub fn exists(key: KeyName<'_>) -> Result<bool, WindowsError> {
    let found = if key.provider_type == 0 {
        Object::provider(key.provider)?.key(key.container).map(drop)
    } else {
        container(key, 0).map(Context).map(drop)
    };
    match found {
        Ok(()) => Ok(true),
        Err(error) if error.is_no_key() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts a key into a key storage provider, in place of one of its name; `form` is the name of the blob's.
///
/// # Errors
/// The provider refuses; the key is not there.
pub fn import_cng(key: KeyName<'_>, form: &str, blob: &[u8], is_exportable: bool) -> Result<(), WindowsError> {
    let provider = Object::provider(key.provider)?;
    match provider.key(key.container) {
        Ok(former) => former.delete()?,
        Err(error) if error.is_no_key() => {}
        Err(error) => return Err(error),
    }
    let (form, mut name) = (wide(form), wide(key.container));
    // ERROR_INVALID_PARAMETER.
    let length = |bytes: usize| u32::try_from(bytes).map_err(|_| WindowsError(87));
    let mut buffer = BCryptBuffer {
        cbBuffer: length(size_of_val(name.as_slice()))?,
        BufferType: NCRYPTBUFFER_PKCS_KEY_NAME,
        pvBuffer: name.as_mut_ptr().cast(),
    };
    let list = BCryptBufferDesc { ulVersion: NCRYPTBUFFER_VERSION, cBuffers: 1, pBuffers: &raw mut buffer };
    let mut handle = 0;
    let flags = NCRYPT_MACHINE_KEY_FLAG | NCRYPT_SILENT_FLAG | NCRYPT_DO_NOT_FINALIZE_FLAG;
    // SAFETY: the provider is open, the names end in a zero, the list has one buffer that outlives the call, and the blob is as long as
    // told.
    status(unsafe {
        NCryptImportKey(
            provider.0,
            0,
            form.as_ptr(),
            &raw const list,
            &mut handle,
            blob.as_ptr(),
            length(blob.len())?,
            flags,
        )
    })?;
    let imported = Object::of(handle)?;
    let policy: u32 = if is_exportable { NCRYPT_ALLOW_EXPORT_FLAG | NCRYPT_ALLOW_PLAINTEXT_EXPORT_FLAG } else { 0 };
    let policy = policy.to_le_bytes();
    // SAFETY: the key is open and not final yet, the property's name ends in a zero, and its data is a word of four bytes.
    let done = status(unsafe {
        NCryptSetProperty(imported.0, NCRYPT_EXPORT_POLICY_PROPERTY, policy.as_ptr(), 4, NCRYPT_SILENT_FLAG)
    });
    // SAFETY: the key is open.
    let done = done.and_then(|()| status(unsafe { NCryptFinalizeKey(imported.0, NCRYPT_SILENT_FLAG) }));
    if done.is_err() {
        // What is not final is nowhere; what the provider has kept all the same must not stay.
        let _is_gone = imported.delete();
    }
    done
}

/// Puts a key (`PRIVATEKEYBLOB`) into a cryptographic service provider, in place of one of its name.
///
/// # Errors
/// The provider refuses; the key is not there.
pub fn import_csp(key: KeyName<'_>, blob: &[u8], is_exportable: bool) -> Result<(), WindowsError> {
    let length = u32::try_from(blob.len()).map_err(|_| WindowsError(87))?;
    let made = match container(key, CRYPT_NEWKEYSET) {
        Err(EXISTS) => {
            container(key, CRYPT_DELETEKEYSET)?;
            container(key, CRYPT_NEWKEYSET)?
        }
        result => result?,
    };
    let context = Context(made);
    let flags = if is_exportable { CRYPT_EXPORTABLE } else { 0 };
    let mut handle = 0;
    // SAFETY: the context is open, the blob is as long as told, no other key is involved, and the handle has its room.
    let done = answer(unsafe { CryptImportKey(context.0, blob.as_ptr(), length, 0, flags, &mut handle) });
    match done {
        Ok(()) => {
            // SAFETY: the handle is open and is used no more; the key itself stays in its container.
            unsafe { CryptDestroyKey(handle) };
            Ok(())
        }
        Err(error) => {
            drop(context);
            let _is_gone = container(key, CRYPT_DELETEKEYSET);
            Err(error)
        }
    }
}

/// Whether a key of a cryptographic service provider is that of a public key, told by its SubjectPublicKeyInfo in DER.
///
/// # Errors
/// The provider does not tell.
pub fn is_key_of(key: KeyName<'_>, public_key: &[u8]) -> Result<bool, WindowsError> {
    let context = Context(container(key, 0)?);
    let mut needed = 0;
    // SAFETY: the context is open; without room, the length alone is written.
    answer(unsafe { CryptExportPublicKeyInfo(context.0, key.key_spec, X509_ASN_ENCODING, null_mut(), &mut needed) })?;
    // The structure stands first, what it points to behind it.
    let mut room = vec![
        CERT_PUBLIC_KEY_INFO::default();
        usize::try_from(needed).unwrap_or(0) / size_of::<CERT_PUBLIC_KEY_INFO>() + 1
    ];
    // SAFETY: the context is open, and the room is aligned for the structure and longer than was asked for.
    answer(unsafe {
        CryptExportPublicKeyInfo(context.0, key.key_spec, X509_ASN_ENCODING, room.as_mut_ptr(), &mut needed)
    })?;
    let Some(CERT_PUBLIC_KEY_INFO { PublicKey: bits, .. }) = room.first() else { return Ok(false) };
    let length = usize::try_from(bits.cbData).unwrap_or(0);
    if bits.pbData.is_null() || length == 0 {
        return Ok(false);
    }
    // SAFETY: the structure points into the room, which lives on, to as many bytes as it says.
    Ok(public_key.ends_with(unsafe { std::slice::from_raw_parts(bits.pbData, length) }))
}

/// Removes a key; one that is not there is gone already.
///
/// # Errors
/// The provider refuses.
pub fn delete(key: KeyName<'_>) -> Result<(), WindowsError> {
    let done = if key.provider_type == 0 {
        Object::provider(key.provider)?.key(key.container).and_then(Object::delete)
    } else {
        // Nothing is open after it.
        container(key, CRYPT_DELETEKEYSET).map(|_| ())
    };
    match done {
        Err(error) if error.is_no_key() => Ok(()),
        result => result,
    }
}

/// The security descriptor of a key, without its owner; `None` when the key is not there.
///
/// # Errors
/// The provider does not tell.
pub fn security(key: KeyName<'_>) -> Result<Option<Vec<u8>>, WindowsError> {
    if key.provider_type == 0 {
        let opened = match Object::provider(key.provider)?.key(key.container) {
            Err(error) if error.is_no_key() => return Ok(None),
            result => result?,
        };
        return filled(|room, length, needed| {
            let (name, what) = (NCRYPT_SECURITY_DESCR_PROPERTY, DACL_SECURITY_INFORMATION);
            // SAFETY: the key is open, and the room is null or as long as told.
            status(unsafe { NCryptGetProperty(opened.0, name, room, length, needed, what) })
        })
        .map(Some);
    }
    let context = match container(key, 0) {
        Err(error) if error.is_no_key() => return Ok(None),
        result => Context(result?),
    };
    filled(|room, length, needed| {
        *needed = length;
        // SAFETY: the context is open, and the room is null or as long as told.
        answer(unsafe { CryptGetProvParam(context.0, PP_KEYSET_SEC_DESCR, room, needed, DACL_SECURITY_INFORMATION) })
    })
    .map(Some)
}

/// What a function writes that first says how much room it needs.
fn filled(call: impl Fn(*mut u8, u32, &mut u32) -> Result<(), WindowsError>) -> Result<Vec<u8>, WindowsError> {
    let mut needed = 0;
    match call(null_mut(), 0, &mut needed) {
        Ok(()) | Err(MORE_DATA) => {}
        Err(error) => return Err(error),
    }
    if needed == 0 || needed > MAX_DESCRIPTOR {
        // ERROR_INVALID_SECURITY_DESCR.
        return Err(WindowsError(1338));
    }
    let mut bytes = vec![0; usize::try_from(needed).unwrap_or(0)];
    let room = needed;
    call(bytes.as_mut_ptr(), room, &mut needed)?;
    bytes.truncate(usize::try_from(needed).unwrap_or(0));
    Ok(bytes)
}

/// Replaces the access list of a key.
///
/// # Errors
/// The key is not there, or the provider refuses.
pub fn set_security(key: KeyName<'_>, descriptor: &[u8]) -> Result<(), WindowsError> {
    let length = u32::try_from(descriptor.len()).map_err(|_| WindowsError(87))?;
    if key.provider_type == 0 {
        let opened = Object::provider(key.provider)?.key(key.container)?;
        let (name, what) = (NCRYPT_SECURITY_DESCR_PROPERTY, DACL_SECURITY_INFORMATION);
        // SAFETY: the key is open, and the descriptor is as long as told.
        return status(unsafe { NCryptSetProperty(opened.0, name, descriptor.as_ptr(), length, what) });
    }
    let context = Context(container(key, 0)?);
    // SAFETY: the context is open, and the descriptor is a whole self-relative one.
    answer(unsafe { CryptSetProvParam(context.0, PP_KEYSET_SEC_DESCR, descriptor.as_ptr(), DACL_SECURITY_INFORMATION) })
}

//! Stores of certificates, through CryptoAPI.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Security::Cryptography::{
    CERT_CONTEXT, CERT_FIND_SHA1_HASH, CERT_KEY_PROV_INFO_PROP_ID, CERT_NCRYPT_KEY_SPEC,
    CERT_STORE_ADD_REPLACE_EXISTING, CERT_STORE_OPEN_EXISTING_FLAG, CERT_STORE_PROV_SYSTEM_REGISTRY_W,
    CERT_SYSTEM_STORE_CURRENT_USER, CERT_SYSTEM_STORE_LOCAL_MACHINE, CERT_SYSTEM_STORE_LOCAL_MACHINE_ENTERPRISE_ID,
    CERT_SYSTEM_STORE_LOCAL_MACHINE_GROUP_POLICY_ID, CERT_SYSTEM_STORE_LOCATION_SHIFT, CERT_SYSTEM_STORE_SERVICES_ID,
    CRYPT_ACQUIRE_ALLOW_NCRYPT_KEY_FLAG, CRYPT_ACQUIRE_COMPARE_KEY_FLAG, CRYPT_ACQUIRE_SILENT_FLAG, CRYPT_INTEGER_BLOB,
    CRYPT_KEY_PROV_INFO, CRYPT_MACHINE_KEYSET, CertAddSerializedElementToStore, CertCloseStore,
    CertCreateCertificateContext, CertDeleteCertificateFromStore, CertFindCertificateInStore,
    CertFreeCertificateContext, CertOpenStore, CertSetCertificateContextProperty, CryptAcquireCertificatePrivateKey,
    CryptReleaseContext, HCERTSTORE, NCryptFreeObject, X509_ASN_ENCODING,
};

use super::{WindowsError, wide};

/// `CERT_STORE_CERTIFICATE_CONTEXT_FLAG` of `wincrypt.h`: one bit for `CERT_STORE_CERTIFICATE_CONTEXT`.
const CERTIFICATES: u32 = 1 << 1;
/// `CRYPT_E_NOT_FOUND`.
const NOT_FOUND: WindowsError = WindowsError(0x8009_2004);

/// Whose stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    Machine,
    GroupPolicy,
    Enterprise,
    User,
    /// The store's name begins with that of the service.
    Service,
}

impl Owner {
    const fn flag(self) -> u32 {
        match self {
            Self::Machine => CERT_SYSTEM_STORE_LOCAL_MACHINE,
            Self::GroupPolicy => CERT_SYSTEM_STORE_LOCAL_MACHINE_GROUP_POLICY_ID << CERT_SYSTEM_STORE_LOCATION_SHIFT,
            Self::Enterprise => CERT_SYSTEM_STORE_LOCAL_MACHINE_ENTERPRISE_ID << CERT_SYSTEM_STORE_LOCATION_SHIFT,
            Self::User => CERT_SYSTEM_STORE_CURRENT_USER,
            Self::Service => CERT_SYSTEM_STORE_SERVICES_ID << CERT_SYSTEM_STORE_LOCATION_SHIFT,
        }
    }
}

/// An open store; it is closed when dropped.
struct Store(HCERTSTORE);

impl Store {
    /// Opens the part of a store that lies in the registry: what Windows shows beside it, from policies and elsewhere, is others'.
    fn open(owner: Owner, name: &str, more: u32) -> Result<Self, WindowsError> {
        let name = wide(name);
        let flags = owner.flag() | more;
        // SAFETY: this provider takes a string with a zero at its end; `name` is one and outlives the call.
        let store = unsafe { CertOpenStore(CERT_STORE_PROV_SYSTEM_REGISTRY_W, 0, 0, flags, name.as_ptr().cast()) };
        if store.is_null() { Err(WindowsError::last()) } else { Ok(Self(store)) }
    }

    /// Closes it, and says what that came to: some write only then.
    fn close(self) -> Result<(), WindowsError> {
        let store = std::mem::ManuallyDrop::new(self).0;
        // SAFETY: the store is open, and nothing closes it again.
        if unsafe { CertCloseStore(store, 0) } == 0 { Err(WindowsError::last()) } else { Ok(()) }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the store is open, and nobody has it any more.
        unsafe { CertCloseStore(self.0, 0) };
    }
}

/// Puts a certificate with all its properties into a store, in place of what the store has of it; makes the store where there is none.
/// The element is laid out as a store keeps it.
///
/// # Errors
/// The store cannot be opened or written, or the element is none.
pub fn put(owner: Owner, store: &str, element: &[u8]) -> Result<(), WindowsError> {
    let store = Store::open(owner, store, 0)?;
    // ERROR_INVALID_PARAMETER.
    let length = u32::try_from(element.len()).map_err(|_| WindowsError(87))?;
    let mut kind = 0;
    // SAFETY: the store is open, the element has `length` bytes, and no context is asked for.
    let done = unsafe {
        CertAddSerializedElementToStore(
            store.0,
            element.as_ptr(),
            length,
            CERT_STORE_ADD_REPLACE_EXISTING,
            0,
            CERTIFICATES,
            &mut kind,
            null_mut(),
        )
    };
    if done == 0 {
        return Err(WindowsError::last());
    }
    store.close()
}

/// Takes a certificate out of a store, by its SHA-1; one that is not there is gone already.
///
/// # Errors
/// The store cannot be opened or written.
pub fn remove(owner: Owner, store: &str, sha1: &[u8]) -> Result<(), WindowsError> {
    let store = match Store::open(owner, store, CERT_STORE_OPEN_EXISTING_FLAG) {
        Err(error) if error.is_absent() => return Ok(()),
        result => result?,
    };
    let length = u32::try_from(sha1.len()).map_err(|_| WindowsError(87))?;
    let hash = CRYPT_INTEGER_BLOB { cbData: length, pbData: sha1.as_ptr().cast_mut() };
    // SAFETY: the store is open; this search takes a blob, which is only read and outlives the call, as its bytes do.
    let found = unsafe {
        let sought = (&raw const hash).cast();
        CertFindCertificateInStore(store.0, X509_ASN_ENCODING, 0, CERT_FIND_SHA1_HASH, sought, null())
    };
    if found.is_null() {
        let error = WindowsError::last();
        return if error == NOT_FOUND { Ok(()) } else { Err(error) };
    }
    // SAFETY: the context is valid, and this call frees it, whatever comes of it.
    if unsafe { CertDeleteCertificateFromStore(found) } == 0 {
        return Err(WindowsError::last());
    }
    store.close()
}

/// Where a key of the machine lies.
#[derive(Clone, Copy, Debug)]
pub struct KeyName<'n> {
    pub provider: &'n str,
    /// 0 for CNG.
    pub provider_type: u32,
    pub container: &'n str,
    pub key_spec: u32,
}

/// A certificate by itself, freed when it is dropped.
struct Certificate(*const CERT_CONTEXT);

impl Drop for Certificate {
    fn drop(&mut self) {
        // SAFETY: the context is valid, and nobody has it any more.
        unsafe { CertFreeCertificateContext(self.0) };
    }
}

/// Whether the key of a name is that of a certificate, as programs find it that use the certificate.
///
/// # Errors
/// It is not, or cannot be opened.
pub fn has_key(der: &[u8], key: KeyName<'_>) -> Result<(), WindowsError> {
    let length = u32::try_from(der.len()).map_err(|_| WindowsError(87))?;
    // SAFETY: `der` has `length` bytes, which are copied.
    let context = unsafe { CertCreateCertificateContext(X509_ASN_ENCODING, der.as_ptr(), length) };
    if context.is_null() {
        return Err(WindowsError::last());
    }
    let certificate = Certificate(context);
    let (mut container, mut provider) = (wide(key.container), wide(key.provider));
    let record = CRYPT_KEY_PROV_INFO {
        pwszContainerName: container.as_mut_ptr(),
        pwszProvName: provider.as_mut_ptr(),
        dwProvType: key.provider_type,
        dwFlags: CRYPT_MACHINE_KEYSET,
        cProvParam: 0,
        rgProvParam: null_mut(),
        dwKeySpec: key.key_spec,
    };
    // SAFETY: the context is valid; this property takes such a record, which is copied with its strings.
    let is_set = unsafe {
        let record = (&raw const record).cast();
        CertSetCertificateContextProperty(certificate.0, CERT_KEY_PROV_INFO_PROP_ID, 0, record)
    };
    if is_set == 0 {
        return Err(WindowsError::last());
    }
    let flags = CRYPT_ACQUIRE_COMPARE_KEY_FLAG | CRYPT_ACQUIRE_SILENT_FLAG | CRYPT_ACQUIRE_ALLOW_NCRYPT_KEY_FLAG;
    let (mut handle, mut spec, mut is_ours) = (0, 0, 0);
    // SAFETY: the context is valid, and each answer is written where there is room for it.
    let done = unsafe {
        CryptAcquireCertificatePrivateKey(certificate.0, flags, null(), &mut handle, &mut spec, &mut is_ours)
    };
    if done == 0 {
        return Err(WindowsError::last());
    }
    if is_ours != 0 {
        // SAFETY: the handle is open, is of the kind that `spec` tells, and is used no more.
        unsafe {
            if spec == CERT_NCRYPT_KEY_SPEC {
                NCryptFreeObject(handle);
            } else {
                CryptReleaseContext(handle, 0);
            }
        }
    }
    Ok(())
}

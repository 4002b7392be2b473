//! CryptoAPI's view of the stores of the machine and of the keys that their certificates are bound to, without pointers for those who
//! call.

#![allow(unsafe_code, reason = "CryptoAPI is called through pointers")]
#![allow(dead_code, reason = "not every test needs all of it")]

use std::ffi::c_void;
use std::io::{Error, Result};
use std::ptr::{null, null_mut};

use trueup::model::thumbprint::Thumbprint;
use windows_sys::Win32::Security::Cryptography::{
    BCRYPT_PAD_PKCS1, BCRYPT_PKCS1_PADDING_INFO, BCRYPT_SHA256_ALGORITHM, CALG_SHA_256, CERT_CONTEXT,
    CERT_FIND_SHA1_HASH, CERT_FRIENDLY_NAME_PROP_ID, CERT_NCRYPT_KEY_SPEC, CERT_STORE_PROV_SYSTEM_REGISTRY_W,
    CERT_STORE_PROV_SYSTEM_W, CERT_SYSTEM_STORE_LOCAL_MACHINE, CRYPT_ACQUIRE_ALLOW_NCRYPT_KEY_FLAG,
    CRYPT_ACQUIRE_COMPARE_KEY_FLAG, CRYPT_ACQUIRE_SILENT_FLAG, CRYPT_INTEGER_BLOB, CRYPT_MACHINE_KEYSET, CRYPT_SILENT,
    CertCloseStore, CertDeleteCertificateFromStore, CertFindCertificateInStore, CertFreeCertificateContext,
    CertGetCertificateContextProperty, CertOpenStore, CryptAcquireCertificatePrivateKey, CryptAcquireContextW,
    CryptCreateHash, CryptDestroyHash, CryptExportKey, CryptGetUserKey, CryptHashData, CryptReleaseContext,
    CryptSignHashW, HCERTSTORE, NCryptExportKey, NCryptFreeObject, NCryptSignHash, PRIVATEKEYBLOB, X509_ASN_ENCODING,
};

/// The key exchange half of a container.
const KEY_EXCHANGE: u32 = 1;

/// A store of the machine.
struct Store(HCERTSTORE);

impl Store {
    /// With all that Windows shows as one.
    fn open(name: &str) -> Result<Self> {
        Self::of(CERT_STORE_PROV_SYSTEM_W, name)
    }

    fn of(provider: *const u8, name: &str) -> Result<Self> {
        let name = wide(name);
        let flags = CERT_SYSTEM_STORE_LOCAL_MACHINE;
        // SAFETY: both providers take a string with a zero at its end; `name` is one and outlives the call.
        let store = unsafe { CertOpenStore(provider, 0, 0, flags, name.as_ptr().cast()) };
        if store.is_null() { Err(Error::last_os_error()) } else { Ok(Self(store)) }
    }

    fn find(&self, print: &Thumbprint) -> Option<*mut CERT_CONTEXT> {
        let bytes = print.bytes();
        let length = u32::try_from(bytes.len()).expect("it fits");
        let hash = CRYPT_INTEGER_BLOB { cbData: length, pbData: bytes.as_ptr().cast_mut() };
        // SAFETY: the store is open; this search takes a blob, which is only read and outlives the call.
        let found = unsafe {
            let sought = (&raw const hash).cast();
            CertFindCertificateInStore(self.0, X509_ASN_ENCODING, 0, CERT_FIND_SHA1_HASH, sought, null())
        };
        (!found.is_null()).then_some(found)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the store is open, and nobody has it any more.
        unsafe { CertCloseStore(self.0, 0) };
    }
}

/// A certificate's DER and friendly name in a store; `None` when it is not there.
pub fn shown(store: &str, print: &Thumbprint) -> Option<(Vec<u8>, Option<String>)> {
    let store = Store::open(store).expect("the store opens");
    let found = store.find(print)?;
    // SAFETY: the context is valid until it is freed, which is done once.
    unsafe {
        let CERT_CONTEXT { pbCertEncoded: start, cbCertEncoded: length, .. } = *found;
        let der = std::slice::from_raw_parts(start, usize::try_from(length).expect("it fits")).to_vec();
        let name = property(found, CERT_FRIENDLY_NAME_PROP_ID);
        CertFreeCertificateContext(found);
        let name = name.map(|bytes| {
            let units: Vec<u16> = bytes.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
            let end = units.iter().position(|unit| *unit == 0).expect("the text ends");
            String::from_utf16(&units[..end]).expect("it is UTF-16")
        });
        Some((der, name))
    }
}

/// Deletes a certificate, as somebody else would.
pub fn delete(store: &str, print: &Thumbprint) -> Result<()> {
    // Wine forgets what is deleted from the whole.
    let store = Store::of(CERT_STORE_PROV_SYSTEM_REGISTRY_W, store)?;
    let found = store.find(print).ok_or_else(|| Error::other("it is not there"))?;
    // SAFETY: the context is valid, and this call frees it.
    succeeded(unsafe { CertDeleteCertificateFromStore(found) })
}

/// A key as a program holds it that uses a certificate.
pub struct Key {
    handle: usize,
    is_cng: bool,
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the handle is open and of this kind; it is used no more.
        unsafe {
            if self.is_cng {
                NCryptFreeObject(self.handle);
            } else {
                CryptReleaseContext(self.handle, 0);
            }
        }
    }
}

/// Opens the key of a certificate in a store as servers do.
pub fn key(store: &str, print: &Thumbprint) -> Result<Key> {
    let store = Store::open(store)?;
    let found = store.find(print).ok_or_else(|| Error::other("it is not there"))?;
    let flags = CRYPT_ACQUIRE_COMPARE_KEY_FLAG | CRYPT_ACQUIRE_SILENT_FLAG | CRYPT_ACQUIRE_ALLOW_NCRYPT_KEY_FLAG;
    let (mut handle, mut spec, mut is_ours) = (0, 0, 0);
    // SAFETY: the context is valid and freed once; each answer is written where there is room for it.
    succeeded(unsafe {
        let done = CryptAcquireCertificatePrivateKey(found, flags, null(), &mut handle, &mut spec, &mut is_ours);
        let error = Error::last_os_error();
        CertFreeCertificateContext(found);
        if done == 0 {
            return Err(error);
        }
        done
    })?;
    Ok(Key { handle, is_cng: spec == CERT_NCRYPT_KEY_SPEC })
}

/// Opens a container of the machine by its name: Wine looks for those of certificates among the user's.
pub fn container(name: &str, provider: &str, provider_type: u32) -> Result<Key> {
    let (name, provider) = (wide(name), wide(provider));
    let mut handle = 0;
    let flags = CRYPT_MACHINE_KEYSET | CRYPT_SILENT;
    // SAFETY: the names end in a zero, and the handle is written where there is room for it.
    let done = unsafe { CryptAcquireContextW(&mut handle, name.as_ptr(), provider.as_ptr(), provider_type, flags) };
    succeeded(done)?;
    Ok(Key { handle, is_cng: false })
}

impl Key {
    pub const fn is_cng(&self) -> bool {
        self.is_cng
    }

    /// Signs with RSA, PKCS #1 and SHA-256. `digest` is the SHA-256 of `message`.
    pub fn sign(&self, message: &[u8], digest: &[u8]) -> Result<Vec<u8>> {
        if self.is_cng { self.sign_cng(digest, true) } else { self.sign_csp(message) }
    }

    /// Signs a digest on the key's curve: the two numbers one after the other.
    pub fn sign_on_curve(&self, digest: &[u8]) -> Result<Vec<u8>> {
        self.sign_cng(digest, false)
    }

    fn sign_cng(&self, digest: &[u8], is_rsa: bool) -> Result<Vec<u8>> {
        let padding = BCRYPT_PKCS1_PADDING_INFO { pszAlgId: BCRYPT_SHA256_ALGORITHM };
        let (info, flags) = if is_rsa { ((&raw const padding).cast(), BCRYPT_PAD_PKCS1) } else { (null(), 0) };
        let mut out = vec![0; 1024];
        let mut written = 0;
        let length = u32::try_from(digest.len()).map_err(Error::other)?;
        // SAFETY: the key is open, the digest is as long as told, and there is room for 1,024 bytes.
        let status = unsafe {
            NCryptSignHash(self.handle, info, digest.as_ptr(), length, out.as_mut_ptr(), 1024, &mut written, flags)
        };
        if status != 0 {
            return Err(Error::from_raw_os_error(status));
        }
        out.truncate(usize::try_from(written).map_err(Error::other)?);
        Ok(out)
    }

    fn sign_csp(&self, message: &[u8]) -> Result<Vec<u8>> {
        let mut hash = 0;
        let length = u32::try_from(message.len()).map_err(Error::other)?;
        let mut out = vec![0; 1024];
        let mut written = 1024;
        // SAFETY: the context is open, the message is as long as told, and there is room for 1,024 bytes.
        unsafe {
            succeeded(CryptCreateHash(self.handle, CALG_SHA_256, 0, 0, &mut hash))?;
            let done = succeeded(CryptHashData(hash, message.as_ptr(), length, 0)).and_then(|()| {
                succeeded(CryptSignHashW(hash, KEY_EXCHANGE, null(), 0, out.as_mut_ptr(), &mut written))
            });
            CryptDestroyHash(hash);
            done?;
        }
        out.truncate(usize::try_from(written).map_err(Error::other)?);
        out.reverse();
        Ok(out)
    }

    /// Whether the key can be had out of the key store.
    pub fn is_exportable(&self) -> bool {
        let mut length = 0;
        if self.is_cng {
            let form = wide("PKCS8_PRIVATEKEY");
            // SAFETY: the key is open, the form's name ends in a zero, and only the length is asked for.
            let status =
                unsafe { NCryptExportKey(self.handle, 0, form.as_ptr(), null(), null_mut(), 0, &mut length, 0) };
            return status == 0;
        }
        let mut key = 0;
        // SAFETY: the context is open; only the length is asked for.
        unsafe {
            CryptGetUserKey(self.handle, KEY_EXCHANGE, &mut key) != 0
                && CryptExportKey(key, 0, PRIVATEKEYBLOB, 0, null_mut(), &mut length) != 0
        }
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
    Some(bytes)
}

fn succeeded(answer: i32) -> Result<()> {
    if answer == 0 { Err(Error::last_os_error()) } else { Ok(()) }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

//! http.sys: its TLS bindings and its reservations of URLs.

use std::ffi::c_void;
use std::net::SocketAddr;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_INSUFFICIENT_BUFFER, ERROR_MORE_DATA, HANDLE};
use windows_sys::Win32::Networking::HttpServer::{
    HTTP_INITIALIZE_CONFIG, HTTP_SERVICE_CONFIG_ID, HTTP_SERVICE_CONFIG_SSL_CCS_KEY, HTTP_SERVICE_CONFIG_SSL_CCS_QUERY,
    HTTP_SERVICE_CONFIG_SSL_CCS_SET, HTTP_SERVICE_CONFIG_SSL_KEY, HTTP_SERVICE_CONFIG_SSL_PARAM,
    HTTP_SERVICE_CONFIG_SSL_QUERY, HTTP_SERVICE_CONFIG_SSL_SET, HTTP_SERVICE_CONFIG_SSL_SNI_KEY,
    HTTP_SERVICE_CONFIG_SSL_SNI_QUERY, HTTP_SERVICE_CONFIG_SSL_SNI_SET, HTTP_SERVICE_CONFIG_URLACL_KEY,
    HTTP_SERVICE_CONFIG_URLACL_PARAM, HTTP_SERVICE_CONFIG_URLACL_QUERY, HTTP_SERVICE_CONFIG_URLACL_SET,
    HTTPAPI_VERSION, HttpDeleteServiceConfiguration, HttpInitialize, HttpQueryServiceConfiguration,
    HttpServiceConfigQueryExact, HttpServiceConfigSSLCertInfo, HttpServiceConfigSslCcsCertInfo,
    HttpServiceConfigSslScopedCcsCertInfo, HttpServiceConfigSslSniCertInfo, HttpServiceConfigUrlAclInfo,
    HttpSetServiceConfiguration, HttpTerminate,
};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, AF_INET6, IN_ADDR, IN_ADDR_0, IN6_ADDR, IN6_ADDR_0, SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_IN6_0,
    SOCKADDR_STORAGE,
};
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::core::GUID;

use super::{WindowsError, wide};
use crate::formats::guid::Guid;
use crate::formats::http_sys::{BindingKind, BindingParameters, Endpoint};

/// An answer is no longer: a length beyond it is not believed.
const MOST_BYTES: u32 = 1 << 20;

/// The configuration of http.sys, for as long as it is open.
#[derive(Debug)]
pub struct Configuration(());

impl Configuration {
    /// Opens the configuration.
    ///
    /// # Errors
    /// The driver is not there, or cannot be started.
    pub fn open() -> Result<Self, WindowsError> {
        let version = HTTPAPI_VERSION { HttpApiMajorVersion: 2, HttpApiMinorVersion: 0 };
        // SAFETY: nothing is pointed to; each success is paired with the call in `drop`.
        WindowsError::check(unsafe { HttpInitialize(version, HTTP_INITIALIZE_CONFIG, null_mut()) })?;
        Ok(Self(()))
    }

    /// A binding; none where there is none at the endpoint.
    ///
    /// # Errors
    /// http.sys refuses.
    pub fn binding(&self, endpoint: &Endpoint) -> Result<Option<BindingParameters>, WindowsError> {
        let key = Key::of(endpoint);
        let answer = match endpoint.kind() {
            BindingKind::Address => self.query(
                &HTTP_SERVICE_CONFIG_SSL_QUERY {
                    QueryDesc: HttpServiceConfigQueryExact,
                    KeyDesc: key.address(),
                    dwToken: 0,
                },
                key.id,
            ),
            BindingKind::Name | BindingKind::CentralStoreOfName => self.query(
                &HTTP_SERVICE_CONFIG_SSL_SNI_QUERY {
                    QueryDesc: HttpServiceConfigQueryExact,
                    KeyDesc: key.name(),
                    dwToken: 0,
                },
                key.id,
            ),
            BindingKind::CentralStore => self.query(
                &HTTP_SERVICE_CONFIG_SSL_CCS_QUERY {
                    QueryDesc: HttpServiceConfigQueryExact,
                    KeyDesc: key.central(),
                    dwToken: 0,
                },
                key.id,
            ),
        }?;
        let Some(answer) = answer else { return Ok(None) };
        let start = answer.as_ptr().cast::<c_void>();
        let bytes = size_of_val(answer.as_slice());
        let fits = |size: usize| if size <= bytes { Ok(()) } else { Err(WindowsError(ERROR_MORE_DATA)) };
        // SAFETY: the answer begins with the structure that the identifier stands for, was seen to be as long, and is aligned for it.
        let parameters = unsafe {
            match endpoint.kind() {
                BindingKind::Address => {
                    fits(size_of::<HTTP_SERVICE_CONFIG_SSL_SET>())?;
                    &(*start.cast::<HTTP_SERVICE_CONFIG_SSL_SET>()).ParamDesc
                }
                BindingKind::Name | BindingKind::CentralStoreOfName => {
                    fits(size_of::<HTTP_SERVICE_CONFIG_SSL_SNI_SET>())?;
                    &(*start.cast::<HTTP_SERVICE_CONFIG_SSL_SNI_SET>()).ParamDesc
                }
                BindingKind::CentralStore => {
                    fits(size_of::<HTTP_SERVICE_CONFIG_SSL_CCS_SET>())?;
                    &(*start.cast::<HTTP_SERVICE_CONFIG_SSL_CCS_SET>()).ParamDesc
                }
            }
        };
        // SAFETY: what the parameters point to lies in the answer, which is still there.
        Ok(Some(unsafe { told(parameters) }))
    }

    /// Makes a binding; there must be none at the endpoint.
    ///
    /// # Errors
    /// http.sys refuses: there is one (183), there is no such certificate (1312), and others.
    pub fn set_binding(&self, endpoint: &Endpoint, parameters: &BindingParameters) -> Result<(), WindowsError> {
        with_set(endpoint, parameters, |id, set, length| {
            // SAFETY: the structure is the one that the identifier stands for, and lives longer than the call.
            WindowsError::check(unsafe { HttpSetServiceConfiguration(null_mut(), id, set, length, null()) })
        })
    }

    /// Gives a binding that is there other parameters, at once; says whether this Windows has such a call.
    ///
    /// # Errors
    /// http.sys refuses, and the binding is what it was.
    pub fn update_binding(&self, endpoint: &Endpoint, parameters: &BindingParameters) -> Result<bool, WindowsError> {
        let Some(update) = update_call() else { return Ok(false) };
        with_set(endpoint, parameters, |id, set, length| {
            // SAFETY: the structure is the one that the identifier stands for, and lives longer than the call.
            match unsafe { update(null_mut(), id, set, length, null()) } {
                // ERROR_INVALID_FUNCTION, ERROR_NOT_SUPPORTED, ERROR_CALL_NOT_IMPLEMENTED: not for this kind of binding.
                1 | 50 | 120 => Ok(false),
                code => WindowsError::check(code).map(|()| true),
            }
        })
    }

    /// Removes a binding.
    ///
    /// # Errors
    /// http.sys refuses, or there is none (2).
    pub fn delete_binding(&self, endpoint: &Endpoint) -> Result<(), WindowsError> {
        with_set(endpoint, &BindingParameters::default(), |id, set, length| {
            // SAFETY: the structure is the one that the identifier stands for, and lives longer than the call.
            WindowsError::check(unsafe { HttpDeleteServiceConfiguration(null_mut(), id, set, length, null()) })
        })
    }

    /// Who may listen at a URL, as SDDL; none where it is not reserved.
    ///
    /// # Errors
    /// http.sys refuses.
    pub fn reservation(&self, prefix: &str) -> Result<Option<String>, WindowsError> {
        let mut prefix = wide(prefix);
        let query = HTTP_SERVICE_CONFIG_URLACL_QUERY {
            QueryDesc: HttpServiceConfigQueryExact,
            KeyDesc: HTTP_SERVICE_CONFIG_URLACL_KEY { pUrlPrefix: prefix.as_mut_ptr() },
            dwToken: 0,
        };
        let Some(answer) = self.query(&query, HttpServiceConfigUrlAclInfo)? else { return Ok(None) };
        if size_of_val(answer.as_slice()) < size_of::<HTTP_SERVICE_CONFIG_URLACL_SET>() {
            return Err(WindowsError(ERROR_MORE_DATA));
        }
        // SAFETY: the answer begins with this structure, and the text that it points to lies in the answer.
        Ok(unsafe {
            let set = &*answer.as_ptr().cast::<HTTP_SERVICE_CONFIG_URLACL_SET>();
            Some(text(set.ParamDesc.pStringSecurityDescriptor).unwrap_or_default())
        })
    }

    /// Reserves a URL that is not reserved.
    ///
    /// # Errors
    /// http.sys refuses: it is reserved (183), the prefix or the SDDL is none (87), and others.
    pub fn set_reservation(&self, prefix: &str, sddl: &str) -> Result<(), WindowsError> {
        with_reservation(prefix, sddl, |set, length| {
            let id = HttpServiceConfigUrlAclInfo;
            // SAFETY: the structure is the one that the identifier stands for, and lives longer than the call.
            WindowsError::check(unsafe { HttpSetServiceConfiguration(null_mut(), id, set, length, null()) })
        })
    }

    /// Gives a URL free.
    ///
    /// # Errors
    /// http.sys refuses, or it is not reserved (2).
    pub fn delete_reservation(&self, prefix: &str) -> Result<(), WindowsError> {
        with_reservation(prefix, "", |set, length| {
            let id = HttpServiceConfigUrlAclInfo;
            // SAFETY: the structure is the one that the identifier stands for, and lives longer than the call.
            WindowsError::check(unsafe { HttpDeleteServiceConfiguration(null_mut(), id, set, length, null()) })
        })
    }

    /// The answer to a query for one record, aligned for every structure; none where there is none.
    fn query<Q>(&self, query: &Q, id: HTTP_SERVICE_CONFIG_ID) -> Result<Option<Vec<u64>>, WindowsError> {
        let mut answer: Vec<u64> = vec![0; 64];
        let length = bytes_of::<Q>();
        loop {
            let room = u32::try_from(size_of_val(answer.as_slice())).unwrap_or(0);
            let mut needed = 0;
            // SAFETY: both structures are as long as told and live longer than the call.
            let code = unsafe {
                HttpQueryServiceConfiguration(
                    null_mut(),
                    id,
                    (&raw const *query).cast(),
                    length,
                    answer.as_mut_ptr().cast(),
                    room,
                    &mut needed,
                    null(),
                )
            };
            match code {
                ERROR_FILE_NOT_FOUND => return Ok(None),
                ERROR_INSUFFICIENT_BUFFER | ERROR_MORE_DATA if needed > room && needed <= MOST_BYTES => {
                    answer.resize(usize::try_from(needed).unwrap_or(0).div_ceil(8), 0);
                }
                code => {
                    WindowsError::check(code)?;
                    return Ok(Some(answer));
                }
            }
        }
    }
}

impl Drop for Configuration {
    fn drop(&mut self) {
        // SAFETY: it pairs the call that succeeded.
        unsafe { HttpTerminate(HTTP_INITIALIZE_CONFIG, null_mut()) };
    }
}

fn bytes_of<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or(0)
}

/// A key of a binding with all that its structures point to.
struct Key {
    id: HTTP_SERVICE_CONFIG_ID,
    address: Box<SOCKADDR_STORAGE>,
    host: Vec<u16>,
}

impl Key {
    fn of(endpoint: &Endpoint) -> Self {
        let id = match endpoint.kind() {
            BindingKind::Address => HttpServiceConfigSSLCertInfo,
            BindingKind::Name => HttpServiceConfigSslSniCertInfo,
            BindingKind::CentralStore => HttpServiceConfigSslCcsCertInfo,
            BindingKind::CentralStoreOfName => HttpServiceConfigSslScopedCcsCertInfo,
        };
        // Of a name only the port counts.
        let socket = endpoint.socket().unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], endpoint.port())));
        let host = wide(endpoint.host().map_or("", crate::formats::http_sys::HostName::as_str));
        Self { id, address: Box::new(storage(socket)), host }
    }

    fn address(&self) -> HTTP_SERVICE_CONFIG_SSL_KEY {
        HTTP_SERVICE_CONFIG_SSL_KEY { pIpPort: (&raw const *self.address).cast_mut().cast() }
    }

    fn name(&self) -> HTTP_SERVICE_CONFIG_SSL_SNI_KEY {
        HTTP_SERVICE_CONFIG_SSL_SNI_KEY { IpPort: *self.address, Host: self.host.as_ptr().cast_mut() }
    }

    fn central(&self) -> HTTP_SERVICE_CONFIG_SSL_CCS_KEY {
        HTTP_SERVICE_CONFIG_SSL_CCS_KEY { LocalAddress: *self.address }
    }
}

fn storage(socket: SocketAddr) -> SOCKADDR_STORAGE {
    let mut storage = SOCKADDR_STORAGE::default();
    match socket {
        SocketAddr::V4(socket) => {
            let address = IN_ADDR { S_un: IN_ADDR_0 { S_addr: u32::from_ne_bytes(socket.ip().octets()) } };
            let written = SOCKADDR_IN {
                sin_family: AF_INET,
                sin_port: socket.port().to_be(),
                sin_addr: address,
                sin_zero: [0; 8],
            };
            // SAFETY: the storage is long enough and aligned for every form of an address.
            unsafe { (&raw mut storage).cast::<SOCKADDR_IN>().write(written) };
        }
        SocketAddr::V6(socket) => {
            let written = SOCKADDR_IN6 {
                sin6_family: AF_INET6,
                sin6_port: socket.port().to_be(),
                sin6_flowinfo: socket.flowinfo(),
                sin6_addr: IN6_ADDR { u: IN6_ADDR_0 { Byte: socket.ip().octets() } },
                Anonymous: SOCKADDR_IN6_0 { sin6_scope_id: socket.scope_id() },
            };
            // SAFETY: the storage is long enough and aligned for every form of an address.
            unsafe { (&raw mut storage).cast::<SOCKADDR_IN6>().write(written) };
        }
    }
    storage
}

/// Calls with the structure that sets a binding; all that it points to lives as long as the call.
fn with_set<R>(
    endpoint: &Endpoint,
    parameters: &BindingParameters,
    call: impl FnOnce(HTTP_SERVICE_CONFIG_ID, *const c_void, u32) -> R,
) -> R {
    let key = Key::of(endpoint);
    let mut hash = parameters.certificate.clone();
    let texts = [&parameters.store, &parameters.ctl_identifier, &parameters.ctl_store];
    let mut texts = texts.map(|text| text.as_deref().map(wide));
    let [store, ctl_identifier, ctl_store] =
        texts.each_mut().map(|text| text.as_mut().map_or(null_mut(), Vec::as_mut_ptr));
    let described = HTTP_SERVICE_CONFIG_SSL_PARAM {
        SslHashLength: u32::try_from(hash.len()).unwrap_or(0),
        pSslHash: if hash.is_empty() { null_mut() } else { hash.as_mut_ptr().cast() },
        AppId: guid(parameters.app_id),
        pSslCertStoreName: store,
        DefaultCertCheckMode: parameters.check_mode,
        DefaultRevocationFreshnessTime: parameters.freshness_seconds,
        DefaultRevocationUrlRetrievalTimeout: parameters.url_timeout_millis,
        pDefaultSslCtlIdentifier: ctl_identifier,
        pDefaultSslCtlStoreName: ctl_store,
        DefaultFlags: parameters.flags,
    };
    match endpoint.kind() {
        BindingKind::Address => {
            let set = HTTP_SERVICE_CONFIG_SSL_SET { KeyDesc: key.address(), ParamDesc: described };
            call(key.id, (&raw const set).cast(), bytes_of::<HTTP_SERVICE_CONFIG_SSL_SET>())
        }
        BindingKind::Name | BindingKind::CentralStoreOfName => {
            let set = HTTP_SERVICE_CONFIG_SSL_SNI_SET { KeyDesc: key.name(), ParamDesc: described };
            call(key.id, (&raw const set).cast(), bytes_of::<HTTP_SERVICE_CONFIG_SSL_SNI_SET>())
        }
        BindingKind::CentralStore => {
            let set = HTTP_SERVICE_CONFIG_SSL_CCS_SET { KeyDesc: key.central(), ParamDesc: described };
            call(key.id, (&raw const set).cast(), bytes_of::<HTTP_SERVICE_CONFIG_SSL_CCS_SET>())
        }
    }
}

/// Calls with the structure that reserves a URL; all that it points to lives as long as the call.
fn with_reservation<R>(prefix: &str, sddl: &str, call: impl FnOnce(*const c_void, u32) -> R) -> R {
    let (mut prefix, mut sddl) = (wide(prefix), wide(sddl));
    let set = HTTP_SERVICE_CONFIG_URLACL_SET {
        KeyDesc: HTTP_SERVICE_CONFIG_URLACL_KEY { pUrlPrefix: prefix.as_mut_ptr() },
        ParamDesc: HTTP_SERVICE_CONFIG_URLACL_PARAM { pStringSecurityDescriptor: sddl.as_mut_ptr() },
    };
    call((&raw const set).cast(), bytes_of::<HTTP_SERVICE_CONFIG_URLACL_SET>())
}

/// The parameters of an answer.
///
/// # Safety
/// What they point to must be there: a hash of its length, texts that end in a zero.
unsafe fn told(parameters: &HTTP_SERVICE_CONFIG_SSL_PARAM) -> BindingParameters {
    let length = usize::try_from(parameters.SslHashLength.min(MOST_BYTES)).unwrap_or(0);
    // SAFETY: as above.
    unsafe {
        let certificate = if parameters.pSslHash.is_null() {
            Vec::new()
        } else {
            std::slice::from_raw_parts(parameters.pSslHash.cast::<u8>(), length).to_vec()
        };
        BindingParameters {
            certificate,
            app_id: id(parameters.AppId),
            store: text(parameters.pSslCertStoreName),
            flags: parameters.DefaultFlags,
            check_mode: parameters.DefaultCertCheckMode,
            freshness_seconds: parameters.DefaultRevocationFreshnessTime,
            url_timeout_millis: parameters.DefaultRevocationUrlRetrievalTimeout,
            ctl_identifier: text(parameters.pDefaultSslCtlIdentifier),
            ctl_store: text(parameters.pDefaultSslCtlStoreName),
        }
    }
}

/// A text that is not empty.
///
/// # Safety
/// The pointer is null, or points to a text that ends in a zero.
unsafe fn text(start: *const u16) -> Option<String> {
    if start.is_null() {
        return None;
    }
    // SAFETY: every unit up to the zero is there.
    let units = unsafe {
        let length = (0..).take_while(|place| *start.add(*place) != 0).count();
        std::slice::from_raw_parts(start, length)
    };
    Some(String::from_utf16_lossy(units)).filter(|text| !text.is_empty())
}

/// The fields of a GUID are numbers of this machine's own order, its bytes those of memory.
fn guid(id: Guid) -> GUID {
    let [a, b, c, d, e, f, g, h, rest @ ..] = id.to_bytes();
    GUID {
        data1: u32::from_le_bytes([a, b, c, d]),
        data2: u16::from_le_bytes([e, f]),
        data3: u16::from_le_bytes([g, h]),
        data4: rest,
    }
}

fn id(guid: GUID) -> Guid {
    let [a, b, c, d] = guid.data1.to_le_bytes();
    let [e, f] = guid.data2.to_le_bytes();
    let [g, h] = guid.data3.to_le_bytes();
    let [i, j, k, l, m, n, o, p] = guid.data4;
    Guid::from_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
}

type Update = unsafe extern "system" fn(HANDLE, HTTP_SERVICE_CONFIG_ID, *const c_void, u32, *const OVERLAPPED) -> u32;

/// `HttpUpdateServiceConfiguration`, which came with Windows 10 (1703): a program that names it would not start on an older one.
fn update_call() -> Option<Update> {
    // SAFETY: both names end in a zero, the library is loaded for the other functions, and the function has this type.
    unsafe {
        let module = GetModuleHandleW(wide("httpapi.dll").as_ptr());
        let found = GetProcAddress(module, c"HttpUpdateServiceConfiguration".as_ptr().cast())?;
        Some(std::mem::transmute::<unsafe extern "system" fn() -> isize, Update>(found))
    }
}

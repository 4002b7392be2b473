//! The bits of a binding: what TLS does at the endpoint, and how clients' certificates are checked.
//! Source: Microsoft, *HTTP_SERVICE_CONFIG_SSL_PARAM*, and the constants of `http.h` for the later ones.

use bitflags::bitflags;

bitflags! {
    /// `DefaultFlags`; unknown bits are kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct BindingFlags: u32 {
        /// Clients' certificates are mapped to accounts of the directory.
        const USE_DS_MAPPER = 0x0001;
        /// The client is asked for a certificate in the handshake.
        const NEGOTIATE_CLIENT_CERTIFICATE = 0x0002;
        /// Raw filters do not see the connection.
        const NO_RAW_FILTER = 0x0004;
        /// Connections are refused.
        const REJECT = 0x0008;
        const DISABLE_HTTP2 = 0x0010;
        const DISABLE_QUIC = 0x0020;
        const DISABLE_TLS13 = 0x0040;
        const DISABLE_OCSP_STAPLING = 0x0080;
        const ENABLE_TOKEN_BINDING = 0x0100;
        const LOG_EXTENDED_EVENTS = 0x0200;
        /// TLS before 1.2 is off.
        const DISABLE_LEGACY_TLS = 0x0400;
        const ENABLE_SESSION_TICKET = 0x0800;
        const DISABLE_TLS12 = 0x1000;
        const ENABLE_CLIENT_CORRELATION = 0x2000;
        const DISABLE_SESSION_ID = 0x4000;
        const ENABLE_CACHE_CLIENT_HELLO = 0x8000;
        const _ = !0;
    }
}

bitflags! {
    /// `DefaultSslCertCheckMode`; unknown bits are kept. Without any, revocation is checked.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct CheckMode: u32 {
        const NO_REVOCATION = 0x0000_0001;
        /// Only revocation lists in the cache count.
        const CACHED_REVOCATION = 0x0000_0002;
        /// The freshness time of the binding counts.
        const USE_FRESHNESS = 0x0000_0004;
        /// Only what URLs have given before counts.
        const CACHED_URLS = 0x0000_0008;
        /// Issuers' certificates are not fetched.
        const NO_AIA = 0x0000_0010;
        /// The usages of the certificate are not looked at.
        const NO_USAGE_CHECK = 0x0001_0000;
        const _ = !0;
    }
}

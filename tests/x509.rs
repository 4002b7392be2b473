//! Certificates, requests, revocation lists and keys, with the real openssl as the judge and as the other writer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions beside the tests are not seen as tests"
)]

mod x509 {
    mod chains;
    mod foreign;
    mod keys;
    pub mod openssl;
    mod requests;
    mod revocation;
    mod subjects;
}

//! Files of certificates and keys, with the `openssl` command as the judge: it reads what is written, and what it writes is
//! read. Without it these tests fail. A real group policy's stores are compared when they are at hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests"
)]

mod certificate_files {
    mod bench;
    mod forms;
    mod inventory;
    mod pfx;
    mod reading;
    mod stores;
}

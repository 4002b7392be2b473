//! The certificate kind on whole machines: what each check says, what follows from it, and that what is applied is good in the eyes
//! of the real openssl.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions beside the tests are not seen as tests"
)]

mod certificates {
    mod baseline;
    mod checks;
    mod documents;
    mod image;
    mod inbox;
    mod keys;
    mod laws;
    mod leaving;
    mod openssl;
    mod places;
    mod ripple;
    mod secrets;
    mod time;
    mod world;
}

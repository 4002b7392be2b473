//! The service kind on whole machines: what each part says, which findings it makes, what a document may not say, the laws in memory
//! and on an image, and what another program reads there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "functions beside the tests are not seen as tests"
)]

mod services {
    mod dependants;
    mod documents;
    mod expiry;
    mod findings;
    mod laws;
    mod parts;
    mod passwords;
    mod readers;
    mod real;
    mod state;
    mod world;
}

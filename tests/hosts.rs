//! Names of the hosts file on whole machines: what a plan says of them, what a run leaves of the file, and that it is taken back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions beside the tests are not seen as tests"
)]

mod hosts {
    mod cases;
    mod documents;
    mod file;
    #[path = "../files/world.rs"]
    mod world;
}

//! Files and folders on whole machines: what a plan says of them, what a run leaves, and that it can be taken back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions beside the tests are not seen as tests"
)]

mod files {
    mod cases;
    mod documents;
    mod faults;
    mod laws;
    mod many;
    mod next_start;
    mod security;
    mod strangers;
    mod world;
}

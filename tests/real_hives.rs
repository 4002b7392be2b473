//! The program on hives of real Windows machines, with other programs as witnesses.
//!
//! The hives are not part of the project; where they are not at hand, the tests say so and pass.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests"
)]

mod program;

mod real_hives {
    mod damaged;
    mod dirty;
    mod dump;
    mod edits;
    mod http_sys;
    mod image;
    mod recovered;
    mod roles;
    mod sam;
    mod services;
    mod witnesses;
}

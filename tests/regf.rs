//! Registry hives as a whole: edits against a model, real hives when they are at hand, and independent readers as oracles.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests"
)]

mod regf {
    mod damage;
    mod edits;
    pub mod fixtures;
    mod lists;
    pub mod model;
    mod recovery;
    mod security;
}

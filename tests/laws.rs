//! The laws of trueup over generated machines and documents. A machine is made three ways from one tree of keys: in memory, as an
//! offline volume with real hives, and as a snapshot.
//!
//! `TRUEUP_LAW_CASES=10000` (or `PROPTEST_CASES`) runs more cases, with a new seed each time; `TRUEUP_LAW_SEED` repeats one.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests"
)]

mod laws {
    mod bench;
    mod changes;
    mod documents;
    mod drift;
    mod faults;
    mod found;
    mod generate;
    mod honest;
    mod model;
    mod order;
    mod plans;
    mod recovery;
    mod rollback;
    mod runner;
    mod saved;
    mod stable;
    mod world;
}

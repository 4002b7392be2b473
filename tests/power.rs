//! What a power failure leaves: on a disk that loses, tears and reorders whatever was not synchronised, first single writes to a
//! volume, then whole runs, finished and undone.
//!
//! `TRUEUP_LAW_CASES=10000` (or `PROPTEST_CASES`) runs more random cases; `TRUEUP_LAW_SEED` repeats one.

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

mod power {
    mod certificates;
    mod dirty;
    mod disk;
    mod full;
    mod journal;
    mod recovery;
    mod run;
    #[allow(dead_code, reason = "the laws use more of it")]
    #[path = "../laws/runner.rs"]
    mod runner;
    mod sequences;
    mod volume;
    mod world;
}

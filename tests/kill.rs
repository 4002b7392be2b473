//! The program killed at random times while it works on a volume with hives as large as real ones; see `docs/crashes.md`.
//!
//! `TRUEUP_KILLS=1000` kills so often, `TRUEUP_KILL_SEED` repeats a campaign, `TRUEUP_BINARY` names another build of the program.

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

mod program;

mod kill {
    mod campaign;
    mod large;
    mod look;
}

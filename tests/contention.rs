//! The program where it is not alone, not welcome or short of something: two at once, locks and runs left behind, plans that are
//! stale, volumes that are full or read-only, clocks that jump.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests"
)]

mod program;

mod contention {
    mod clock;
    mod locks;
    mod room;
    mod stale;
    #[allow(dead_code, reason = "the transcripts use more of it")]
    #[path = "../cli/transcript.rs"]
    mod transcript;
    mod undoing;
}

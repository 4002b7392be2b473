//! The program as its users meet it: whole transcripts, exit codes, and what must never be said or written.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests"
)]

mod program;

mod cli {
    mod approval;
    mod capture;
    mod certificates;
    mod hostile;
    mod memory;
    mod output;
    mod recovery;
    mod refusals;
    mod secrets;
    mod stopped;
    mod terminal;
    mod transcript;
    mod transcripts;
}

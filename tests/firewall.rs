//! Firewall rules: real ones of a Windows 10, an independent parser as the judge, the laws of reading and writing, and what
//! a policy lets in as a table of cases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests"
)]

mod firewall {
    mod decisions;
    mod interface;
    mod laws;
    pub mod oracle;
    mod real;
    mod rules;
}

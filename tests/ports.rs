//! Ports on whole machines: what each part of an entry comes to, what clashes, what shuts administrators out, and that it
//! converges, goes back, and leaves everything else as it was.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "helpers of tests are not seen as tests, and each test uses its part of them"
)]

mod ports {
    mod bindings;
    mod documents;
    mod findings;
    mod lab;
    mod laws;
    #[path = "../firewall/oracle.rs"]
    mod oracle;
    mod procedure;
    mod real;
    mod undoing;
    mod verdicts;
    #[path = "../certificates/world.rs"]
    mod world;
}

//! Members of local groups on whole machines: what is said of each, what is changed where members can be, and what is left.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions beside the tests are not seen as tests"
)]

#[path = "requires/world.rs"]
mod world;

mod accounts {
    mod cases;
    mod crashes;
    mod documents;
    mod image;
    mod laws;
    mod saved;
}

//! Requirements on whole machines: what meets each, what is said of those that are not met, and what waits for them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions beside the tests are not seen as tests"
)]

mod requires {
    mod cases;
    mod documents;
    mod follows;
    mod places;
    mod schema;
    mod world;
}

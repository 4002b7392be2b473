//! What trueup remembers of a machine, and what follows from that: causes, orphans, waivers, marks, what is owed, what is forgotten.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen as tests"
)]

mod record {
    mod causes;
    mod damaged;
    mod effects;
    mod orphans;
    mod protection;
    mod restarts;
    mod waivers;
    mod world;
}

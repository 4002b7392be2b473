//! The document layer through its public door: files in memory in, entries or rendered findings out.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests are not seen as tests")]

mod bookkeeping;
mod common;
mod defaults;
mod entries;
mod expiry;
mod files;
mod registry;
mod registry_keys;
mod rounds;
mod schema;
mod support;
mod variables;
mod yaml;

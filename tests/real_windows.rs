//! What only a real Windows can show: `docs/windows.md` says how these tests are run. Each puts back what it changes.

#![cfg(all(windows, feature = "real-windows"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen as tests"
)]

#[path = "live/mod.rs"]
mod live;

#[path = "real_windows/certificates.rs"]
mod certificates;
#[path = "real_windows/file_security.rs"]
mod file_security;

#[path = "real_windows/groups.rs"]
mod groups;

#[path = "real_windows/measures.rs"]
mod measures;

#[path = "real_windows/registry.rs"]
mod registry;

#[path = "real_windows/firewall.rs"]
mod firewall;
#[path = "real_windows/services.rs"]
mod services;

#[path = "real_windows/http.rs"]
mod http;

#[path = "real_windows/ranges.rs"]
mod ranges;

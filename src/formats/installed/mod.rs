//! What is installed on a Windows machine, as far as its registry tells: versions, their bounds, and the numbers that stand for
//! releases. Numbers and texts only; where they lie in the registry is the caller's business.

mod range;
mod releases;
mod version;

pub use range::{RangeError, VersionRange};
pub use releases::{framework_release, sql_server_release, windows_release};
pub use version::Version;

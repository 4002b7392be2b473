//! From YAML files to one [`Desired`]: reads through a [`FileReader`], merges, resolves variables, decodes, checks.
//! Every finding is reported at once, each with its place. No file, environment or clock is touched from here.

mod addresses;
mod bookkeeping;
mod budget;
mod desired;
mod diagnostics;
mod emit;
mod load;
mod material;
mod merge;
mod parse;
mod read;
mod schema;
mod variables;

pub use bookkeeping::{Moved, Waiver};
pub use desired::{Desired, Entry, MachineClaim};
pub use diagnostics::{Colour, render};
pub use load::{LoadFailure, LoadOptions, Loaded, load, merged_text};
pub use merge::Overridden;
pub use read::{FileReader, MAX_FILE, ReadError, TOO_LARGE};
pub use schema::{SCHEMA_ID, schema, schema_text};

//! Windows registry hives (`regf`): reading, checking, log recovery and editing in place, over bytes and without any I/O.
//! Offsets are those of the format: counted from the first bin, 4096 bytes into the file.
//! It never guesses: what it can't read or can't edit safely is an [`Error`] that says what and where.

mod cells;
mod check;
mod create;
mod descriptor;
mod editor;
mod error;
mod header;
mod key;
mod lists;
mod log;
mod marks;
mod marvin;
mod name;
mod records;
mod value;

pub use check::{Problem, Severity, check, require_sound};
pub use create::create;
pub use editor::{Editor, KeyId};
pub use error::{Error, Fault};
pub use header::{DirtyReason, Header, State, header};
pub use key::{Hive, Key, Subkeys};
pub use log::{Recovered, recover};
pub use name::Name;
pub use value::{Value, ValueIndex, Values};

/// Bytes of the base block, before the first bin.
const BASE_BLOCK: usize = 4096;
/// Bytes of a bin's own header.
const BIN_HEADER: u32 = 32;
/// Bins are multiples of this many bytes.
const PAGE: u32 = 4096;
/// The offset that means "none".
const NONE: u32 = u32::MAX;
/// Data longer than this lives in segments of this length, from minor version 4 on.
const SEGMENT: usize = 16_344;
/// Windows' own limit on the depth of keys.
pub const MAX_DEPTH: usize = 512;
/// Bins may take at most this many bytes: offsets have 31 bits, the 32nd marks volatile storage.
const MAX_BINS: u32 = 0x7FFF_F000;

//! What can go wrong with a hive: what was attempted, where, and the fault found there.

use super::header::DirtyReason;
use crate::formats::security_descriptor::DescriptorError;

/// Why a hive could not be read, recovered or edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("not a registry hive: it is {length} bytes long, a base block alone is 4096")]
    TooShort { length: usize },
    #[error("not a registry hive: it begins with {found:02X?}, not `regf`")]
    NotAHive { found: [u8; 4] },
    #[error("hive version {major}.{minor} is not supported, only 1.3 to 1.6")]
    Version { major: u32, minor: u32 },
    #[error("the hive's base block is invalid: {field} is {value:#x}")]
    BaseBlock { field: &'static str, value: u32 },
    #[error("the hive is cut short: its bins end at byte {needed:#x}, the file at {length:#x}")]
    Truncated { needed: usize, length: usize },
    #[error(
        "the hive may have pending transactions (the transaction manager's bit is set); only Windows can resolve them"
    )]
    TransactionsPending,
    #[error("the hive was not closed properly ({reason}); its logs must be replayed first")]
    Dirty { reason: DirtyReason },
    #[error("cannot read the {what} at {offset:#x}: {fault}")]
    Damaged { what: &'static str, offset: u32, fault: Fault },
    #[error("the hive has {count} faults that make editing unsafe; the first: {what} at {offset:#x}: {fault}")]
    Unsafe { count: usize, what: &'static str, offset: u32, fault: Fault },
    #[error("the key at {offset:#x} lies deeper than {limit} levels")]
    TooDeep { offset: u32, limit: usize },
    #[error("{what} `{name}` is refused: {reason}")]
    Name { what: &'static str, name: String, reason: &'static str },
    #[error("a {what} of {length} bytes is too long; the limit is {limit}")]
    TooLong { what: &'static str, length: usize, limit: usize },
    #[error("the hive would outgrow {limit:#x} bytes")]
    Full { limit: u32 },
    #[error("a subkey named `{name}` already exists under the key at {parent:#x}")]
    Exists { name: String, parent: u32 },
    #[error("the key was removed earlier in this edit")]
    Removed,
    #[error("the root key cannot be {attempt}")]
    Root { attempt: &'static str },
    #[error("the key at {offset:#x} cannot be moved below itself")]
    IntoItself { offset: u32 },
    #[error("the key at {offset:#x} is a predefined handle and holds no values of its own")]
    PredefinedHandle { offset: u32 },
    #[error("not a security descriptor: {reason}")]
    Descriptor { reason: &'static str },
    #[error("no security descriptor can be derived from the key at {offset:#x}")]
    Inheritance { offset: u32, source: DescriptorError },
    #[error("an earlier edit stopped half-way; the hive in memory must not be written")]
    HalfEdited,
    #[error("sequence numbers cannot be raised above {highest:#x}")]
    SequencesExhausted { highest: u32 },
    #[error("log {log} has the form used before Windows 8.1 (`DIRT`), which is not replayed")]
    OldLog { log: usize },
    #[error("log {log} is not a registry log: {reason}")]
    NotALog { log: usize, reason: &'static str },
    #[error("the hive needs log entries from sequence {expected:#x} on, the logs begin with {found:#x}")]
    LogGap { expected: u32, found: u32 },
    #[error("the hive needs recovery, but no log holds an entry that applies to it")]
    NoLogEntry,
    #[error("log entry {sequence:#x} does not fit the hive: {reason}")]
    LogEntry { sequence: u32, reason: &'static str },
}

/// What is wrong at one place of a hive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    #[error("the offset lies outside the bins")]
    OutsideBins,
    #[error("the offset is not the start of a cell in use")]
    NotACell,
    #[error("the cell is free")]
    FreeCell,
    #[error("the cell's size {size} is impossible here")]
    CellSize { size: i32 },
    #[error("the bin's signature is not `hbin`")]
    BinSignature,
    #[error("the bin says it is at {stored:#x}")]
    BinOffset { stored: u32 },
    #[error("the bin's size {size:#x} is impossible here")]
    BinSize { size: u32 },
    #[error("the cell is referred to more than once")]
    SharedCell,
    #[error("it holds {have} bytes, {need} are needed")]
    TooSmall { need: usize, have: usize },
    #[error("its signature is {found:02X?}")]
    Signature { found: [u8; 2] },
    #[error("its UTF-16 name has an odd length")]
    OddName,
    #[error("its parent is said to be {stored:#x}, not {expected:#x}")]
    Parent { stored: u32, expected: u32 },
    #[error("it counts {stored}, {found} are there")]
    Count { stored: u32, found: usize },
    #[error("it counts {stored}, more than the hive has room for")]
    TooMany { stored: u32 },
    #[error("a leaf of it is empty")]
    EmptyLeaf,
    #[error("it refers to the same subkey twice")]
    RepeatedSubkey,
    #[error("an index of leaves holds another index of leaves")]
    NestedIndex,
    #[error("inline data is said to be {length} bytes long")]
    InlineLength { length: u32 },
    #[error("the security list's link leads to {target:#x}, which does not lead back")]
    SecurityLink { target: u32 },
    #[error("keys lie deeper than {limit} levels")]
    TooDeep { limit: usize },
    #[error("two of its subkeys have the same name")]
    DuplicateSubkey,
    #[error("two of its values have the same name")]
    DuplicateValue,
    #[error("its subkeys are not in order")]
    Unsorted,
    #[error("the list's hash of a subkey's name is {stored:#x}, not {expected:#x}")]
    Hash { stored: u32, expected: u32 },
    #[error("a largest length is given as {stored}, {found} is there")]
    Largest { stored: u32, found: usize },
    #[error("the root key lacks its flag")]
    RootFlag,
    #[error("{count} cells in use are not referred to")]
    Unreferenced { count: usize },
    #[error("the hive was not closed properly: {reason}")]
    Dirty { reason: DirtyReason },
}

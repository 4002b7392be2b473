//! Makes an empty hive: a base block, one bin, a root key and its security descriptor.

use super::cells::{FLAG_NO_DELETE, FLAG_ROOT, wide};
use super::descriptor::check_descriptor;
use super::header::seal;
use super::records::{check_key_name, new_key, new_security, put};
use super::{BASE_BLOCK, BIN_HEADER, Error, MAX_BINS, NONE, PAGE};

/// Version of new hives: what Windows has written since XP.
const MINOR: u32 = 5;

/// Makes a hive that holds only a root key, named `root_name` and guarded by `security` (self-relative), written at `now`.
///
/// # Errors
/// When the name or the descriptor is not one.
pub fn create(root_name: &str, security: &[u8], now: u64) -> Result<Vec<u8>, Error> {
    check_key_name(root_name)?;
    check_descriptor(security)?;
    // The root key's record lies first: some readers take its place for granted.
    let root = BIN_HEADER;
    let root_size = cell_size(new_key(root_name, 0, NONE, NONE, now).len())?;
    let guard = root + root_size;
    let key = new_key(root_name, FLAG_ROOT | FLAG_NO_DELETE, NONE, guard, now);
    let record = new_security(guard, guard, security);
    let guard_size = cell_size(record.len())?;
    let end = guard + guard_size;
    let bins_size = end.next_multiple_of(PAGE);

    let mut bytes = vec![0; BASE_BLOCK + wide(bins_size)];
    put(&mut bytes, 0, b"regf");
    for (at, field) in [(20, 1), (24, MINOR), (32, 1), (36, root), (44, 1)] {
        put(&mut bytes, at, &u32::to_le_bytes(field));
    }
    let bin = bytes.get_mut(BASE_BLOCK..).unwrap_or_default();
    put(bin, 0, b"hbin");
    put(bin, 8, &bins_size.to_le_bytes());
    put(bin, 20, &now.to_le_bytes());
    for (offset, size, content) in [(root, root_size, &key), (guard, guard_size, &record)] {
        put(bin, wide(offset), &size.wrapping_neg().to_le_bytes());
        put(bin, wide(offset) + 4, content);
    }
    if end < bins_size {
        put(bin, wide(end), &(bins_size - end).to_le_bytes());
    }
    seal(&mut bytes, 1, bins_size, now);
    Ok(bytes)
}

/// Computes the size of a cell that holds `length` bytes.
pub(super) fn cell_size(length: usize) -> Result<u32, Error> {
    let size = length.checked_add(4).and_then(|size| size.checked_next_multiple_of(8));
    size.and_then(|size| u32::try_from(size).ok())
        .filter(|size| *size < MAX_BINS)
        .ok_or(Error::Full { limit: MAX_BINS })
}

//! Refuses volumes that must not be touched: those that are not Windows, and those that hold a sleeping one.

use super::{ImageError, path};
use crate::machine::volume::{Volume, VolumeError, VolumePath};

/// The head of `hiberfil.sys` while a system sleeps in it; other heads are what a resumed system leaves.
const SLEEPING: [&[u8]; 2] = [b"hibr", b"HIBR"];

pub fn check(volume: &Volume) -> Result<(), ImageError> {
    let exists =
        |text: &str| -> Result<bool, VolumeError> { path(text).map_or(Ok(false), |path| volume.exists(&path)) };
    if !exists(r"Windows\System32\config")? && !exists(r"Boot\BCD")? && !exists(r"EFI\Microsoft\Boot\BCD")? {
        return Err(ImageError::NotWindows);
    }
    if let Ok(file) = VolumePath::root().join("hiberfil.sys")
        && let Some(head) = volume.read_head(&file, 4)?
        && SLEEPING.contains(&head.as_slice())
    {
        return Err(ImageError::Hibernated);
    }
    Ok(())
}

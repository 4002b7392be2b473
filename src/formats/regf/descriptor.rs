//! The form that a security descriptor must have to be stored; what it says is `formats::security_descriptor`'s to know.

use super::Error;
use super::cells::SECURITY;

/// Longest descriptor: its own length fields have 16 bits.
const LONGEST: usize = 0xFFFF;

/// Refuses what is not a self-relative security descriptor of a fitting length.
pub(super) fn check_descriptor(descriptor: &[u8]) -> Result<(), Error> {
    if descriptor.len() > LONGEST {
        return Err(Error::TooLong { what: SECURITY, length: descriptor.len(), limit: LONGEST });
    }
    match descriptor {
        [1, _, _, control, ..] if descriptor.len() >= 20 && control & 0x80 != 0 => Ok(()),
        _ => Err(Error::Descriptor { reason: "it is not self-relative, of revision 1 and at least 20 bytes long" }),
    }
}

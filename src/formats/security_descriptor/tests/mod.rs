//! Tables of cases by subject, laws over generated descriptors, and what real hives hold.

mod grants;
// The hives are unpacked by a program that Windows lacks.
#[cfg(unix)]
mod hives;
mod laws;
mod subkeys;
mod text;

use super::*;

fn sddl(text: &str) -> SecurityDescriptor {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

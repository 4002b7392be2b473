//! The drives of the running system, opened when first asked about.

use std::path::Path;
use std::sync::OnceLock;

use crate::machine::volume::{Volume, VolumePath};
use crate::machine::volume_files::{self, Places};
use crate::machine::{MachineKind, chain};
use crate::model::fact::{Facet, Observed, Unread};
use crate::model::file::FilePath;

/// A drive for each letter.
const LETTERS: usize = 26;

/// The drives by letter.
#[derive(Debug)]
pub struct Drives {
    /// The one with Windows on it.
    system: char,
    home: Volume,
    others: [OnceLock<Result<Volume, String>>; LETTERS],
}

impl Drives {
    /// Opens the drive of Windows.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open() -> Observed<Self> {
        let system = std::env::var("SystemDrive").ok();
        let letter = system.and_then(|drive| drive.chars().next()).filter(char::is_ascii_alphabetic).unwrap_or('C');
        let system = letter.to_ascii_uppercase();
        let failed = |error| Unread::Failed { what: format!("drive {system}:"), detail: chain(&error) };
        let home = Volume::open(Path::new(&format!("{system}:\\"))).map_err(failed)?;
        Ok(Self { system, home, others: std::array::from_fn(|_| OnceLock::new()) })
    }

    fn drive(&self, letter: char) -> Observed<&Volume> {
        if letter == self.system {
            return Ok(&self.home);
        }
        let unsupported = || Unread::Unsupported {
            facet: Facet::Files,
            machine: MachineKind::Local.to_string(),
            detail: format!("there is no drive {letter}:"),
        };
        let number = u32::from(letter).checked_sub(u32::from('A')).and_then(|number| usize::try_from(number).ok());
        let slot = number.and_then(|number| self.others.get(number)).ok_or_else(unsupported)?;
        let open = || Volume::open(Path::new(&format!("{letter}:\\"))).map_err(|error| chain(&error));
        let failed = |detail: &String| Unread::Failed { what: format!("drive {letter}:"), detail: detail.clone() };
        slot.get_or_init(open).as_ref().map_err(failed)
    }
}

impl Places for Drives {
    fn place(&self, path: &FilePath) -> Observed<(&Volume, VolumePath)> {
        let drive = path.as_str().split_once(':').map(|(drive, _)| drive);
        let mut letters = drive.into_iter().flat_map(str::chars);
        let letter = match (letters.next(), letters.next()) {
            (Some(letter), None) if letter.is_ascii_alphabetic() => letter.to_ascii_uppercase(),
            // A folder that Windows has a name for.
            _ => self.system,
        };
        Ok((self.drive(letter)?, volume_files::locate(path, letter)?))
    }

    fn home(&self) -> &Volume {
        &self.home
    }
}

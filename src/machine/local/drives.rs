//! The drives of the running system, opened when first asked about.

use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::OnceLock;

use super::next_start;
use crate::machine::volume::{self, Volume, VolumeError, VolumePath};
use crate::machine::volume_files::{self, Places};
use crate::machine::windows_api::WindowsError;
use crate::machine::windows_api::in_use::{self, Holder};
use crate::machine::{MachineKind, WriteError, chain};
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

    /// The path from its drive's letter on, whatever name for a folder it begins with.
    ///
    /// # Errors
    /// It is no path.
    pub fn full_path(&self, path: &FilePath) -> Observed<String> {
        let letter = self.letter(path);
        let names: Vec<String> = volume_files::locate(path, letter)?.components().map(str::to_owned).collect();
        Ok(format!("{letter}:\\{}", names.join("\\")))
    }

    /// The letter of the drive with Windows on it.
    pub const fn system(&self) -> char {
        self.system
    }

    /// Who uses a file, and what helps; `None` where nobody does.
    pub fn users_of(&self, path: &FilePath) -> Option<String> {
        let full = self.full_path(path).ok()?;
        let holders = in_use::holders(&full).unwrap_or_default();
        (!holders.is_empty() || is_held(&full)).then(|| said(&holders))
    }

    /// The path of a place that lies on the drive of another path.
    pub fn beside(&self, path: &FilePath, place: &VolumePath) -> String {
        let names: Vec<&str> = place.components().collect();
        format!("{}:\\{}", self.letter(path), names.join("\\"))
    }

    fn letter(&self, path: &FilePath) -> char {
        let drive = path.as_str().split_once(':').map(|(drive, _)| drive);
        let mut letters = drive.into_iter().flat_map(str::chars);
        match (letters.next(), letters.next()) {
            (Some(letter), None) if letter.is_ascii_alphabetic() => letter.to_ascii_uppercase(),
            // A folder that Windows has a name for.
            _ => self.system,
        }
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
        let letter = self.letter(path);
        Ok((self.drive(letter)?, volume_files::locate(path, letter)?))
    }

    fn home(&self) -> &Volume {
        &self.home
    }

    fn in_use(&self, path: &FilePath, error: &VolumeError) -> Option<String> {
        let VolumeError::Io { source, .. } = error else { return None };
        let code = u32::from_ne_bytes(source.raw_os_error()?.to_ne_bytes());
        if !volume::is_in_use(source) && code != WindowsError::ACCESS_DENIED.0 {
            return None;
        }
        // An access that is denied may have any cause.
        let unknown = || volume::is_in_use(source).then(|| said(&[]));
        self.users_of(path).or_else(unknown)
    }

    fn tidy(&self, folder: &FilePath) {
        next_start::remove_strays(self, folder);
    }

    fn at_next_start(&self, path: &FilePath, with: Option<&VolumePath>) -> Result<(), WriteError> {
        next_start::change(self, path, with)
    }
}

/// Whether somebody has a file open and lets nobody else take its name away.
fn is_held(path: &str) -> bool {
    /// DELETE.
    const ACCESS: u32 = 0x0001_0000;
    let tried = std::fs::OpenOptions::new().access_mode(ACCESS).open(path);
    tried.is_err_and(|error| error.raw_os_error() == Some(32))
}

/// Who has a file open, and what helps.
fn said(holders: &[Holder]) -> String {
    if holders.is_empty() {
        return "it is in use, and Windows does not tell by whom".to_owned();
    }
    let one = |holder: &Holder| match &holder.service {
        Some(service) => format!("the service {service}"),
        None => format!("{} (process {})", holder.program, holder.process),
    };
    let names: Vec<String> = holders.iter().map(one).collect();
    let services: Vec<&str> = holders.iter().filter_map(|holder| holder.service.as_deref()).collect();
    let hint = match services.as_slice() {
        [] => "end the program first".to_owned(),
        services => format!("`on_change: {{ stop_first: [{}] }}` stops it meanwhile", services.join(", ")),
    };
    format!("it is in use by {}; {hint}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_a_file_is_told() {
        let holder = |program: &str, service: Option<&str>| Holder {
            program: program.into(),
            process: 4711,
            service: service.map(str::to_owned),
        };
        let cases = [
            (vec![], "it is in use, and Windows does not tell by whom"),
            (vec![holder("Editor", None)], "it is in use by Editor (process 4711); end the program first"),
            (
                vec![holder("ACS", Some("AcsServer")), holder("Editor", None)],
                "it is in use by the service AcsServer, Editor (process 4711); `on_change: { stop_first: [AcsServer] }` stops it meanwhile",
            ),
        ];
        for (holders, expected) in cases {
            assert_eq!(said(&holders), expected);
        }
    }
}

//! Makes an offline Windows volume of a believable server in a folder: real formats, fictional content, no download.
//! For the demonstration, the examples and tests. No secret of anybody is in it: accounts have no password, keys no key.

mod accounts;
mod files;
mod network;
mod policy;
mod services;
mod software;
mod system;
#[cfg(test)]
mod tests;
mod tree;
mod users;

use std::borrow::Cow;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::model::sid::{Sid, SidError};
use crate::model::time::FileTime;
use tree::TreeError;

/// The DNS domain that every sample server belongs to.
const DOMAIN: &str = "corp.example";
/// The most characters of a computer's name: what NetBIOS allows.
const MAX_NAME: usize = 15;

/// Why the volume could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    #[error(
        "`{name}` cannot be a computer's name: it takes 1 to {MAX_NAME} letters, digits and hyphens, not digits alone"
    )]
    Name { name: String },
    #[error("{} is not an empty folder", folder.display())]
    Occupied { folder: PathBuf },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot make the hive {path}")]
    Hive {
        path: &'static str,
        #[source]
        source: TreeError,
    },
    #[error("cannot make the machine's SID")]
    Sid(#[from] SidError),
}

/// Makes the volume below `folder`, which must not exist or be empty: the same bytes for the same arguments.
///
/// # Errors
/// The name is none a computer can have, the folder holds something, or it cannot be written; then what was written
/// before stays.
pub fn make(folder: &Path, machine_name: &str, now: FileTime) -> Result<(), SampleError> {
    let server = Server::new(machine_name, now)?;
    check_vacant(folder)?;
    for path in files::FOLDERS {
        make_folder(&place(folder, path))?;
    }
    for (path, build) in HIVES {
        let hive = build(&server).map_err(|source| SampleError::Hive { path, source })?;
        write(&place(folder, path), &hive)?;
    }
    for file in files::FILES {
        write(&place(folder, file.path), &file.bytes(&server))?;
    }
    Ok(())
}

/// What the tables speak of as a whole.
struct Server {
    name: String,
    fqdn: String,
    /// S-1-5-21-… of the machine, above its local accounts.
    sid: Sid,
    /// That of the domain it belongs to.
    domain_sid: Sid,
    now: FileTime,
}

type Build = fn(&Server) -> Result<Vec<u8>, TreeError>;

/// Every hive of the volume.
const HIVES: [(&str, Build); 10] = [
    ("Windows/System32/config/SYSTEM", system::hive),
    ("Windows/System32/config/SOFTWARE", software::hive),
    ("Windows/System32/config/SAM", accounts::hive),
    ("Windows/System32/config/SECURITY", policy::hive),
    ("Windows/System32/config/DEFAULT", users::system),
    ("Windows/ServiceProfiles/LocalService/NTUSER.DAT", users::local_service),
    ("Windows/ServiceProfiles/NetworkService/NTUSER.DAT", users::network_service),
    ("Users/svc-acs/NTUSER.DAT", users::service_account),
    ("Users/operator/NTUSER.DAT", users::operator),
    ("Users/operator/AppData/Local/Microsoft/Windows/UsrClass.dat", users::operator_classes),
];

impl Server {
    fn new(name: &str, now: FileTime) -> Result<Self, SampleError> {
        let usable = (1..=MAX_NAME).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !name.bytes().all(|byte| byte.is_ascii_digit());
        if !usable {
            return Err(SampleError::Name { name: name.to_owned() });
        }
        let (sid, domain_sid) = (derived_sid(&name.to_ascii_uppercase())?, derived_sid(DOMAIN)?);
        Ok(Self { name: name.to_owned(), fqdn: format!("{name}.{DOMAIN}"), sid, domain_sid, now })
    }

    /// A text with the server's own words in it: `<machine>`, `<fqdn>`, `<domain>` and `<sid>`.
    fn spell<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !text.contains('<') {
            return Cow::Borrowed(text);
        }
        let text = text.replace("<machine>", &self.name).replace("<fqdn>", &self.fqdn).replace("<domain>", DOMAIN);
        Cow::Owned(text.replace("<sid>", &self.sid.to_string()))
    }

    /// The SID of a local account.
    fn account(&self, relative: u32) -> Result<Sid, SidError> {
        let parts: Vec<u32> = self.sid.sub_authorities().iter().copied().chain([relative]).collect();
        Sid::new(self.sid.authority(), &parts)
    }
}

/// The S-1-5-21-… of a machine or domain: different names have different ones, and always the same.
fn derived_sid(name: &str) -> Result<Sid, SidError> {
    let digest = Sha256::digest(format!("trueup sample {name}"));
    let (words, _) = digest.as_chunks::<4>();
    let random = words.iter().take(3).copied().map(u32::from_le_bytes);
    Sid::new(5, &std::iter::once(21).chain(random).collect::<Vec<u32>>())
}

fn check_vacant(folder: &Path) -> Result<(), SampleError> {
    let occupied = || SampleError::Occupied { folder: folder.to_owned() };
    // Hosts disagree about the error of listing a file.
    if folder.is_file() {
        return Err(occupied());
    }
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(occupied()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(SampleError::Write { path: folder.to_owned(), source }),
    }
}

/// The place of a path of ours, which is written with slashes.
fn place(folder: &Path, path: &str) -> PathBuf {
    path.split('/').fold(folder.to_owned(), |place, name| place.join(name))
}

fn make_folder(path: &Path) -> Result<(), SampleError> {
    fs::create_dir_all(path).map_err(|source| SampleError::Write { path: path.to_owned(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SampleError> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let written =
        fs::OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|source| SampleError::Write { path: path.to_owned(), source })
}

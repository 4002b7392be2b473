//! Every certificate of a machine with its places, and who uses it: gathered from facts. Pure; judges no date.

mod documents;
mod holders;
mod stores;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;

use super::WantedCertificate;
use super::compare;
use crate::formats::x509::Certificate;
use crate::model::fact::{Facts, Queries, Unread};
use crate::model::file::FilePath;
use crate::model::registry::RegistryKey;
use crate::model::thumbprint::Thumbprint;

/// What there is of certificates.
#[derive(Debug, Default)]
pub struct Inventory {
    /// In the order in which they were found.
    pub certificates: Vec<Listed>,
    /// Entries whose certificate is not there.
    pub absent: Vec<AbsentEntry>,
    pub problems: Vec<Problem>,
    /// What was asked and could not be read.
    pub unread: Vec<(String, Unread)>,
    by_der: HashMap<Arc<[u8]>, usize>,
}

/// A certificate with all its places.
#[derive(Debug)]
pub struct Listed {
    pub certificate: Rc<Certificate>,
    pub places: Vec<ListedPlace>,
    /// Who holds its thumbprint, such as `rdp` or `http.sys 0.0.0.0:443`.
    pub used_by: Vec<String>,
    /// The addresses of the entries whose certificate it is.
    pub entries: Vec<String>,
}

/// One place of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPlace {
    pub kind: PlaceKind,
    /// The store, as in `LocalMachine\My`, or the file's path.
    pub name: String,
    pub friendly_name: Option<String>,
    /// Windows knows a private key for it, or the file holds one.
    pub has_key: bool,
    /// It is kept, and not offered any more.
    pub is_archived: bool,
}

/// What a certificate lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    Store,
    File,
}

/// An entry whose certificate is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbsentEntry {
    pub address: String,
    /// Why, as far as it is known.
    pub reasons: Vec<String>,
}

/// What is wrong with what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("{holder} uses {thumbprint}, which is in no store")]
    Dangling { holder: String, thumbprint: Thumbprint },
    #[error("{holder} uses something that is no thumbprint: {found}")]
    NoThumbprint { holder: String, found: String },
    #[error("{key} cannot be read: {why}")]
    Blob { key: RegistryKey, why: String },
    #[error("{key} has the name of another certificate: this is {thumbprint}")]
    Misnamed { key: RegistryKey, thumbprint: Thumbprint },
    #[error("{path} cannot be read: {why}")]
    File { path: FilePath, why: String },
}

impl Problem {
    /// The code that stays the same whatever the message says.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Dangling { .. } => "certificate.dangling_thumbprint",
            Self::NoThumbprint { .. } => "certificate.not_a_thumbprint",
            Self::Blob { .. } => "certificate.blob_unreadable",
            Self::Misnamed { .. } => "certificate.misnamed",
            Self::File { .. } => "certificate.file_unreadable",
        }
    }
}

/// Asks for every store, for who holds thumbprints, and for what the entries rest on.
pub fn ask(entries: &[&Arc<WantedCertificate>], facts: &Facts, queries: &mut Queries) {
    stores::ask(facts, queries);
    holders::ask(facts, queries);
    entries.iter().for_each(|entry| compare::wants(entry, facts, queries));
}

/// Puts together what the facts tell.
pub fn gather(entries: &[&Arc<WantedCertificate>], facts: &Facts, as_of: Timestamp) -> Inventory {
    let mut inventory = Inventory::default();
    stores::gather(entries, facts, &mut inventory);
    documents::gather(entries, facts, as_of, &mut inventory);
    holders::gather(facts, &mut inventory);
    let told = stores::second_tries(facts);
    let unread = facts.unread().into_iter().filter(|(what, _)| !told.contains(what));
    inventory.unread = unread.map(|(what, why)| (what, why.clone())).collect();
    inventory
}

impl Inventory {
    /// The row of a certificate; a new one when it was not seen before.
    fn row(&mut self, certificate: &Rc<Certificate>) -> Option<&mut Listed> {
        let at = match self.by_der.get(certificate.der()) {
            Some(at) => *at,
            None => {
                let at = self.certificates.len();
                self.by_der.insert(Arc::clone(certificate.der()), at);
                self.certificates.push(Listed {
                    certificate: Rc::clone(certificate),
                    places: Vec::new(),
                    used_by: Vec::new(),
                    entries: Vec::new(),
                });
                at
            }
        };
        self.certificates.get_mut(at)
    }

    /// Notes a place of a certificate once.
    fn place(&mut self, certificate: &Rc<Certificate>, place: ListedPlace) {
        if let Some(row) = self.row(certificate)
            && !row.places.iter().any(|known| known.kind == place.kind && known.name == place.name)
        {
            row.places.push(place);
        }
    }

    /// Notes what is wrong once.
    fn problem(&mut self, problem: Problem) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

impl Listed {
    pub fn has_key(&self) -> bool {
        self.places.iter().any(|place| place.has_key)
    }

    pub fn is_in_store(&self) -> bool {
        self.places.iter().any(|place| place.kind == PlaceKind::Store)
    }
}

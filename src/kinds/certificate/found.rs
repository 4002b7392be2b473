//! What the facts show of an entry: the certificates in its places, its keys, and what could not be read. Pure.

use std::rc::Rc;

use super::Certificates;
use super::wanted::{BundleSource, WantedCertificate};
use crate::formats::certificate_store::properties::KEY_PROVIDER;
use crate::formats::certificate_store::{BLOB, KeyPlace, KeyProvider, StoreBlob, StorePlace};
use crate::formats::upcase;
use crate::formats::x509::{Certificate, PublicKey};
use crate::model::certificate::KeyRef;
use crate::model::fact::{Facts, KeyAspects, KeyState, Queries, Unread};
use crate::model::file::{Der, FileAspect, FileFact, FileHolds, FilePath, FileState};
use crate::model::operation::Element;
use crate::model::probe::{Answer, Probe};
use crate::model::registry::RegistryKey;

/// A certificate in a store.
#[derive(Clone, Debug)]
pub struct Stored {
    pub certificate: Rc<Certificate>,
    pub friendly_name: Option<String>,
    /// The record that says where its private key lies, where Windows knows one.
    pub key: Option<Rc<[u8]>>,
    pub element: Element,
}

impl Stored {
    /// Whether Windows knows a private key for it; one that is certainly not there any more is not known.
    fn has_key(&self, facts: &Facts) -> bool {
        let is_lost = |place| matches!(facts.probe(&Probe::KeySecurity { place }), Some(Ok(Answer::Absent)));
        self.key.is_some() && !self.key_place().is_some_and(is_lost)
    }

    /// Where its private key lies in the machine's key store; `None` where it has none, or one of a user's.
    pub fn key_place(&self) -> Option<KeyPlace> {
        KeyPlace::named_by(&KeyProvider::parse(self.key.as_ref()?).ok()?)
    }
}

/// What a store holds; certificates that cannot be read are counted by nobody and left alone.
pub type StoreContent = Result<Rc<Vec<Stored>>, Unread>;

/// A certificate in one of an entry's places.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub certificate: Rc<Certificate>,
    pub friendly_name: Option<String>,
    /// Windows knows a private key for it.
    pub has_key: bool,
    pub in_file: bool,
}

/// What is known of a private key's place.
#[derive(Clone, Debug)]
pub enum KeyFound {
    Absent,
    Key(PublicKey),
    /// It is there, and no key can be had of it; why.
    Unusable(Box<str>),
    /// Nothing tells: its password is not to be had.
    Unknown,
    Unread(Unread),
}

/// Asks for what a store holds.
pub fn ask_store(store: &StorePlace, queries: &mut Queries) {
    if let Some(key) = store.registry_key() {
        queries.key(&key, KeyAspects { tree: true, ..KeyAspects::default() });
    }
}

/// What a store holds, read once for all entries.
pub fn store(place: &StorePlace, facts: &Facts, all: &Certificates) -> StoreContent {
    let Some(key) = place.registry_key() else {
        return Err(Unread::Unsupported {
            facet: crate::model::fact::Facet::KeyStore,
            machine: "this machine".into(),
            detail: format!("{place} is not in the registry"),
        });
    };
    all.store(&key, || read_store(&key, facts))
}

fn read_store(key: &RegistryKey, facts: &Facts) -> StoreContent {
    let tree = match facts.key(key) {
        None => return Ok(Rc::default()),
        Some(Err(unread)) => return Err(unread.clone()),
        Some(Ok(KeyState::Absent { .. })) => return Ok(Rc::default()),
        Some(Ok(KeyState::Present(fact))) => fact.tree.as_deref(),
    };
    let keys = tree.iter().flat_map(|tree| &tree.subkeys);
    let stored = keys.filter_map(|key| {
        let value = key.values.iter().find(|value| upcase::eq(&value.name, BLOB))?;
        let bytes = &value.data.plain()?.bytes;
        let blob = StoreBlob::parse(bytes).ok()?;
        Some(Stored {
            certificate: Rc::new(Certificate::parse(blob.certificate()).ok()?),
            friendly_name: blob.friendly_name(),
            key: blob.property(KEY_PROVIDER).map(Into::into),
            element: Element((**bytes).into()),
        })
    });
    Ok(Rc::new(stored.collect()))
}

/// The answer about a file.
pub fn file<'f>(path: &FilePath, aspect: &FileAspect, facts: &'f Facts) -> Result<Option<&'f FileFact>, &'f Unread> {
    match facts.file(path, aspect) {
        None | Some(Ok(FileState::Absent { .. })) => Ok(None),
        Some(Ok(FileState::Present(fact))) => Ok(Some(fact)),
        Some(Err(unread)) => Err(unread),
    }
}

/// The certificates in a file, as they are encoded.
pub fn ders(fact: &FileFact) -> &[Der] {
    match &fact.holds {
        FileHolds::Certificates(found) => &found.certificates,
        FileHolds::Pfx(pfx) => &pfx.certificates,
        _ => &[],
    }
}

/// The certificates in a file, parsed; those that cannot be read are left out.
pub fn certificates(fact: &FileFact) -> Vec<Rc<Certificate>> {
    ders(fact).iter().filter_map(|der| Certificate::parse(&der.0).ok().map(Rc::new)).collect()
}

/// All certificates in an entry's files, those of authorities too.
pub fn in_files(entry: &WantedCertificate, facts: &Facts) -> Vec<Rc<Certificate>> {
    let found = entry.files.iter().filter_map(|place| file(&place.path, &place.aspect(), facts).ok().flatten());
    found.flat_map(certificates).collect()
}

/// All certificates in an entry's places, and why places could not be read.
pub fn candidates(entry: &WantedCertificate, facts: &Facts, all: &Certificates) -> (Vec<Candidate>, Vec<Unread>) {
    let mut found: Vec<Candidate> = Vec::new();
    let mut unread = Vec::new();
    let mut add = |candidate: Candidate| match found
        .iter_mut()
        .find(|known| known.certificate.der() == candidate.certificate.der())
    {
        Some(known) => {
            known.in_file |= candidate.in_file;
            known.has_key |= candidate.has_key;
            known.friendly_name = known.friendly_name.take().or(candidate.friendly_name);
        }
        None => found.push(candidate),
    };
    for file in &entry.files {
        match self::file(&file.path, &file.aspect(), facts) {
            Ok(Some(fact)) if holds_leaf(file.form) => {
                if let Some(certificate) = certificates(fact).into_iter().next() {
                    add(Candidate { certificate, friendly_name: None, has_key: false, in_file: true });
                }
            }
            Ok(_) => {}
            Err(why) => unread.push(why.clone()),
        }
    }
    for place in &entry.stores {
        match store(&place.value, facts, all) {
            Ok(stored) => stored.iter().for_each(|stored| {
                add(Candidate {
                    certificate: Rc::clone(&stored.certificate),
                    friendly_name: stored.friendly_name.clone(),
                    has_key: stored.has_key(facts),
                    in_file: false,
                });
            }),
            Err(why) => unread.push(why),
        }
    }
    (found, unread)
}

const fn holds_leaf(form: crate::formats::certificate_files::FileForm) -> bool {
    use crate::formats::certificate_files::FileForm;
    matches!(
        form,
        FileForm::CertificatePem
            | FileForm::CertificateDer
            | FileForm::FullchainPem
            | FileForm::Pfx
            | FileForm::PfxLegacy
            | FileForm::P7b
    )
}

/// How a key's place is looked at.
pub fn key_aspect(key: &KeyRef) -> Option<(&FilePath, FileAspect)> {
    match key {
        KeyRef::Made(_) => None,
        KeyRef::File { path, password: None } => Some((path, FileAspect::Key)),
        KeyRef::File { path, password: Some(password) } => Some((path, FileAspect::Pfx { password: password.clone() })),
    }
}

/// What is known of a key's place.
pub fn key(key: &KeyRef, facts: &Facts) -> KeyFound {
    let Some((path, aspect)) = key_aspect(key) else { return KeyFound::Absent };
    match file(path, &aspect, facts) {
        Ok(None) => KeyFound::Absent,
        Err(unread) => KeyFound::Unread(unread.clone()),
        Ok(Some(fact)) => match &fact.holds {
            FileHolds::Key(key) => KeyFound::Key(key.clone()),
            FileHolds::Pfx(pfx) => pfx.key.clone().map_or(KeyFound::Unusable("it holds no key".into()), KeyFound::Key),
            FileHolds::Unusable(why) => KeyFound::Unusable(why.clone()),
            _ => KeyFound::Unknown,
        },
    }
}

/// Asks for the certificates of a source; a folder's files are asked for once its names are known.
pub fn ask_source(source: &BundleSource, facts: &Facts, queries: &mut Queries) {
    let BundleSource::Path(path) = source else { return };
    queries.file(path, FileAspect::Names);
    match facts.file(path, &FileAspect::Names) {
        Some(Ok(FileState::Present(FileFact { holds: FileHolds::Names(names), .. }))) => {
            for file in names.iter().filter_map(|name| path.child(name).ok()) {
                queries.file(&file, FileAspect::Certificates);
            }
        }
        Some(Ok(FileState::Present(_))) => queries.file(path, FileAspect::Certificates),
        _ => {}
    }
}

/// What a source of certificates holds: file by file, with what is wrong with each.
pub type SourceContent = Vec<(FilePath, Result<Vec<Rc<Certificate>>, Box<str>>)>;

/// The certificates of a source.
///
/// # Errors
/// It cannot be read.
pub fn source(path: &FilePath, facts: &Facts) -> Result<SourceContent, Unread> {
    let files: Vec<FilePath> = match facts.file(path, &FileAspect::Names) {
        Some(Err(unread)) => return Err(unread.clone()),
        Some(Ok(FileState::Present(FileFact { holds: FileHolds::Names(names), .. }))) => {
            names.iter().filter_map(|name| path.child(name).ok()).collect()
        }
        Some(Ok(FileState::Present(_))) => vec![path.clone()],
        _ => return Ok(Vec::new()),
    };
    let mut out = Vec::with_capacity(files.len());
    for file in files {
        let content = match facts.file(&file, &FileAspect::Certificates) {
            Some(Ok(FileState::Present(fact))) => match &fact.holds {
                FileHolds::Unusable(why) => Err(why.clone()),
                _ => Ok(certificates(fact)),
            },
            // A folder in the folder, or a file that cannot be read.
            Some(Err(unread)) => Err(unread.to_string().into()),
            _ => continue,
        };
        out.push((file, content));
    }
    Ok(out)
}

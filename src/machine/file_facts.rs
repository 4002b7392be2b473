//! From a file's bytes to a fact: what is secret stays behind, its public part goes on.

use std::borrow::Cow;
use std::rc::Rc;

use super::{FileRead, Listed, Machine, SecretSource};
use crate::formats::certificate_files::{pem, pfx, read_certificates};
use crate::formats::edit::{self, EditError, Selector, Value};
use crate::formats::x509::PrivateKey;
use crate::model::fact::{Facts, Observed, Queries};
use crate::model::file::{
    CertificateEncoding, CertificatesFact, FileAspect, FileDigest, FileFact, FileHolds, FilePath, FileState,
    MAX_FILE_BYTES, PfxFact,
};
use crate::model::file_tree::{Tree, TreeLimits};
use crate::model::fingerprint::{Fingerprint, FingerprintKey};
use crate::model::registry_data::{REG_SZ, RegistryData};

/// How the label of every PEM block with a private key ends.
const KEY_LABEL: &[u8] = b"PRIVATE KEY-----";

/// Puts the machine's answers about files into `facts`; passwords of PFX files come from `secrets`.
pub fn answer(
    machine: &dyn Machine,
    queries: &Queries,
    key: Option<&FingerprintKey>,
    secrets: &dyn SecretSource,
    facts: &mut Facts,
) {
    let digests = queries.files().iter().filter(|(_, aspect)| *aspect == FileAspect::Digest);
    digest_many(machine, digests.map(|(path, _)| path.clone()).collect(), facts);
    // Questions about one file follow each other: it is read once.
    let others = queries.files().iter().filter(|(_, aspect)| *aspect != FileAspect::Digest);
    let others: Vec<&(FilePath, FileAspect)> = others.collect();
    for questions in others.chunk_by(|(one, _), (other, _)| one == other) {
        one_file(machine, questions, key, secrets, facts);
    }
}

/// Puts the answers to all questions about one file into `facts`.
fn one_file(
    machine: &dyn Machine,
    questions: &[&(FilePath, FileAspect)],
    key: Option<&FingerprintKey>,
    secrets: &dyn SecretSource,
    facts: &mut Facts,
) {
    let mut read = None;
    let mut read = |path: &FilePath| -> Observed<Rc<FileRead>> {
        let new = || machine.files().and_then(|files| files.read(path, MAX_FILE_BYTES)).map(Rc::new);
        read.get_or_insert_with(new).clone()
    };
    let mut selected: Vec<(&FilePath, &Selector, bool)> = Vec::new();
    for (path, aspect) in questions.iter().copied() {
        let state = match (machine.known_file(path, aspect), aspect) {
            (Some(state), _) => state,
            (None, FileAspect::Names) => names(machine, path),
            (None, FileAspect::Tree) => tree(machine, path),
            (None, FileAspect::Value { selector, sealed }) => {
                selected.push((path, selector, *sealed));
                continue;
            }
            (None, _) => read(path).and_then(|read| look(&read, aspect, key, secrets)),
        };
        facts.insert_file(path.clone(), aspect.clone(), state);
    }
    let Some((path, _, _)) = selected.first() else { return };
    let found = match read(path).as_deref() {
        Ok(FileRead::Present { bytes, owner_only }) => {
            let selectors: Vec<&Selector> = selected.iter().map(|(_, selector, _)| *selector).collect();
            let values = edit::read_all(bytes, &selectors).into_iter().zip(&selected);
            // What is made for one value makes room for the next.
            let mut working = Cow::Borrowed(bytes.as_slice());
            let fact = values.map(|(value, (_, selector, sealed))| {
                let (holds, print) = value_fact(value, &mut working, selector, *sealed, key);
                Ok(FileState::Present(FileFact { holds, owner_only: *owner_only, print }))
            });
            fact.collect()
        }
        Ok(FileRead::Absent { missing_folders }) => {
            vec![Ok(FileState::Absent { missing_folders: *missing_folders }); selected.len()]
        }
        Err(unread) => vec![Err(unread.clone()); selected.len()],
    };
    for ((path, selector, sealed), state) in selected.into_iter().zip(found) {
        facts.insert_file(path.clone(), FileAspect::Value { selector: selector.clone(), sealed }, state);
    }
}

/// What is said of a value inside a file, and its fingerprint.
fn value_fact(
    value: Result<Option<Value>, EditError>,
    working: &mut Cow<'_, [u8]>,
    selector: &Selector,
    sealed: bool,
    key: Option<&FingerprintKey>,
) -> (FileHolds, Option<Fingerprint>) {
    match value {
        Err(error) => (FileHolds::Unusable(error.to_string().into()), None),
        Ok(Some(value)) if sealed => {
            let print = key.map(|key| match &value {
                Value::Text(text) => text_print(key, text),
                Value::Json(value) => match value.as_str() {
                    Some(text) => text_print(key, text),
                    None => key.of_file(value.to_string().as_bytes()),
                },
            });
            (FileHolds::Sealed, print)
        }
        Ok(None) => match edit::placed(working, selector) {
            Ok(made) => {
                if let Some(made) = made {
                    *working = Cow::Owned(made);
                }
                (FileHolds::Value(None), None)
            }
            Err(error) => (FileHolds::NoPlace(error.to_string().into()), None),
        },
        Ok(value) => (FileHolds::Value(value), None),
    }
}

fn digest_many(machine: &dyn Machine, paths: Vec<FilePath>, facts: &mut Facts) {
    let (known, open): (Vec<_>, Vec<_>) = paths
        .into_iter()
        .map(|path| (machine.known_file(&path, &FileAspect::Digest), path))
        .partition(|(known, _)| known.is_some());
    for (state, path) in known {
        if let Some(state) = state {
            facts.insert_file(path, FileAspect::Digest, state);
        }
    }
    let open: Vec<FilePath> = open.into_iter().map(|(_, path)| path).collect();
    if open.is_empty() {
        return;
    }
    let found = match machine.files() {
        Ok(files) => files.digests(&open, MAX_FILE_BYTES),
        Err(unread) => vec![Err(unread); open.len()],
    };
    for (path, found) in open.into_iter().zip(found) {
        let state = found.map(|found| match found {
            FileDigest::Absent { missing_folders } => FileState::Absent { missing_folders },
            FileDigest::Folder => fact(FileHolds::Folder),
            FileDigest::File { size, sha256, owner_only } => {
                FileState::Present(FileFact { holds: FileHolds::Digest { size, sha256 }, owner_only, print: None })
            }
        });
        facts.insert_file(path, FileAspect::Digest, state);
    }
}

fn names(machine: &dyn Machine, path: &FilePath) -> Observed<FileState> {
    Ok(match machine.files()?.names(path)? {
        Listed::Absent { missing_folders } => FileState::Absent { missing_folders },
        Listed::File => fact(FileHolds::Unusable("it is a file, not a folder".into())),
        Listed::Names(names) => fact(FileHolds::Names(names)),
    })
}

fn tree(machine: &dyn Machine, path: &FilePath) -> Observed<FileState> {
    Ok(match machine.files()?.tree(path, TreeLimits::default())? {
        Tree::Absent { missing_folders } => FileState::Absent { missing_folders },
        Tree::File => fact(FileHolds::Unusable("it is a file, not a folder".into())),
        Tree::Folder(entries) => fact(FileHolds::Tree(entries)),
    })
}

fn look(
    read: &FileRead,
    aspect: &FileAspect,
    key: Option<&FingerprintKey>,
    secrets: &dyn SecretSource,
) -> Observed<FileState> {
    let (bytes, owner_only) = match read {
        FileRead::Absent { missing_folders } => {
            return Ok(FileState::Absent { missing_folders: *missing_folders });
        }
        FileRead::Present { bytes, owner_only } => (bytes, *owner_only),
    };
    let mut print = key.map(|key| key.of_file(bytes));
    let holds = match aspect {
        FileAspect::Content if holds_key(bytes) => FileHolds::Unusable("a private key is in it".into()),
        FileAspect::Content => FileHolds::Bytes(bytes.as_slice().into()),
        FileAspect::Certificates => match read_certificates(bytes) {
            Ok(certificates) => FileHolds::Certificates(CertificatesFact {
                encoding: encoding(bytes, &certificates),
                certificates: certificates.into_iter().map(Into::into).collect(),
            }),
            Err(error) => FileHolds::Unusable(error.to_string().into()),
        },
        FileAspect::Key => key_of(bytes),
        FileAspect::Pfx { password } => match secrets.resolve(password) {
            Ok(password) => pfx_of(bytes, &password),
            // Whoever looks without the password sees that the file is there.
            Err(_) => FileHolds::Sealed,
        },
        FileAspect::Sealed | FileAspect::Names | FileAspect::Tree | FileAspect::Digest | FileAspect::Value { .. } => {
            FileHolds::Sealed
        }
        FileAspect::SealedText => {
            // What is no text has a fingerprint that no text has.
            if let (Ok(text), Some(key)) = (std::str::from_utf8(bytes), key) {
                print = Some(text_print(key, text));
            }
            FileHolds::Sealed
        }
    };
    Ok(FileState::Present(FileFact { holds, owner_only, print }))
}

/// The fingerprint under which a text is the same as a secret of the same text.
fn text_print(key: &FingerprintKey, text: &str) -> Fingerprint {
    let data = zeroize::Zeroizing::new(RegistryData::text(REG_SZ, text).bytes);
    key.of(REG_SZ, &data)
}

const fn fact(holds: FileHolds) -> FileState {
    FileState::Present(FileFact { holds, owner_only: None, print: None })
}

fn encoding(bytes: &[u8], certificates: &[Vec<u8>]) -> CertificateEncoding {
    let is_text = std::str::from_utf8(bytes).is_ok_and(pem::is_pem);
    match certificates {
        _ if is_text => CertificateEncoding::Pem,
        [only] if only.as_slice() == bytes => CertificateEncoding::Der,
        _ => CertificateEncoding::Pkcs7,
    }
}

/// Whether a text that should hold no secret holds a key.
fn holds_key(bytes: &[u8]) -> bool {
    // In UTF-16, every other byte of a label is zero.
    let text: zeroize::Zeroizing<Vec<u8>> = bytes.iter().copied().filter(|byte| *byte != 0).collect::<Vec<u8>>().into();
    text.windows(KEY_LABEL.len()).any(|window| window == KEY_LABEL) || PrivateKey::from_pkcs8(bytes).is_ok()
}

fn key_of(bytes: &[u8]) -> FileHolds {
    let unusable = |detail: &str| FileHolds::Unusable(detail.into());
    let Ok(text) = std::str::from_utf8(bytes) else { return unusable("it is not PEM") };
    match PrivateKey::from_pem(text) {
        Ok(key) => FileHolds::Key(key.public_key().clone()),
        Err(error) => unusable(&error.to_string()),
    }
}

fn pfx_of(bytes: &[u8], password: &str) -> FileHolds {
    let unusable = |detail: String| FileHolds::Unusable(detail.into());
    let pfx = match pfx::open(bytes, password) {
        Ok(pfx) => pfx,
        // Another password may open it: nothing is known of what is in it.
        Err(pfx::PfxError::Password) => return FileHolds::Sealed,
        Err(error) => return unusable(error.to_string()),
    };
    let key = match pfx.key.as_ref().map(|key| PrivateKey::from_pkcs8(key)).transpose() {
        Ok(key) => key.map(|key| key.public_key().clone()),
        Err(error) => return unusable(error.to_string()),
    };
    FileHolds::Pfx(PfxFact { certificates: pfx.certificates.into_iter().map(Into::into).collect(), key })
}

//! An entry that is to go: its certificate leaves the stores that are named, and its files are removed. Pure.

use super::assess::Scene;
use super::files::unread_place;
use super::found::{self, Stored};
use super::wanted::WantedCertificate;
use super::{bundle, stores};
use crate::kinds::Comparison;
use crate::model::certificate::FileBefore;
use crate::model::digest;
use crate::model::file::FileAspect;
use crate::model::operation::Operation;
use crate::model::remembered::Trace;
use crate::model::verdict::{Action, Decision, Reason};

/// Decides about each place of an entry that is to go.
pub fn compare(entry: &WantedCertificate, scene: Scene<'_>) -> Comparison {
    let gone = Trace { wanted: digest::ABSENT, found: digest::ABSENT, secret: None };
    let mut comparison = Comparison::one(Decision::keep(entry.address(), entry.at).traced(gone));
    let asked_to_go = || Reason::code("certificate.wanted_absent");
    for place in &entry.stores {
        match found::store(&place.value, scene.facts, scene.all) {
            Ok(stored) => {
                // By its thumbprint a certificate is meant whoever wants it; by a subject that others have too, it is not.
                let wanted = match bundle::named(&place.value, scene) {
                    Ok(wanted) => wanted,
                    Err(why) if entry.thumbprint.is_none() => {
                        let reason = Reason::with("certificate.exclusive_unsure", why);
                        let id = entry.part(&place.value.to_string());
                        comparison.decisions.push(Decision::blocked(id, place.at, reason));
                        continue;
                    }
                    Err(_) => bundle::Named::default(),
                };
                let is_meant = |one: &&Stored| {
                    is_meant(entry, one) && (entry.thumbprint.is_some() || !wanted.is_named(&one.certificate))
                };
                for one in stored.iter().filter(is_meant) {
                    comparison.decisions.push(stores::removed(entry, &place.value, place.at, one, asked_to_go()));
                }
            }
            Err(unread) => {
                let id = entry.part(&place.value.to_string());
                comparison.decisions.push(unread_place(id, place.at, &unread));
            }
        }
    }
    let own = [entry.staged_file(), entry.pending_file()].into_iter().flatten();
    let lists = entry.crl.iter().filter_map(|crl| crl.path.as_ref().map(|path| path.value.clone()));
    for path in own.chain(lists) {
        if let Ok(Some(_)) = found::file(&path, &FileAspect::Sealed, scene.facts) {
            let id = entry.part(path.as_str());
            let step = Operation::RemoveFile { path, before: FileBefore::SEALED };
            comparison.decisions.push(Decision::change(id, entry.at, Action::Delete, asked_to_go(), vec![step]));
        }
    }
    for file in &entry.files {
        let id = entry.part(file.path.as_str());
        let decision = match found::file(&file.path, &file.aspect(), scene.facts) {
            Err(unread) => unread_place(id, file.at, unread),
            Ok(None) => Decision::keep(id, file.at),
            Ok(Some(_)) => {
                let step = Operation::RemoveFile { path: file.path.clone(), before: FileBefore::SEALED };
                Decision::change(id, file.at, Action::Delete, asked_to_go(), vec![step])
            }
        };
        comparison.decisions.push(decision);
    }
    comparison
}

/// Whether the entry speaks of a certificate: by its thumbprint, else by its subject.
fn is_meant(entry: &WantedCertificate, stored: &Stored) -> bool {
    let certificate = &stored.certificate;
    match (&entry.thumbprint, &entry.subject) {
        (Some(print), _) => print.value.is_of(certificate.der()),
        (None, Some(subject)) => subject.value == *certificate.subject(),
        (None, None) => false,
    }
}

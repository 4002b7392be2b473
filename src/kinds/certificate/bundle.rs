//! Certificates that are taken as they are: roots and intermediates that a machine has to trust. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::assess::{Fate, Scene};
use super::found::{self, SourceContent};
use super::stores;
use super::wanted::{BundleSource, WantedCertificate, WantedIssuer};
use crate::formats::certificate_store::StorePlace;
use crate::formats::x509::{Certificate, DistinguishedName};
use crate::kinds::Comparison;
use crate::model::certificate::CertificateRef;
use crate::model::digest;
use crate::model::fact::Unread;
use crate::model::file::{Der, FilePath};
use crate::model::operation::Operation;
use crate::model::remembered::Trace;
use crate::model::thumbprint::Thumbprint;
use crate::model::verdict::{Action, Decision, Reason};

/// What a bundle's sources hold, by thumbprint, and what of them cannot be used.
pub struct Content {
    pub certificates: BTreeMap<Thumbprint, Rc<Certificate>>,
    pub unusable: Vec<(FilePath, Box<str>)>,
}

/// Reads the sources of a bundle.
///
/// # Errors
/// A source is not there or cannot be read: what should be trusted is not known.
pub fn content(sources: &[BundleSource], scene: Scene<'_>) -> Result<Content, Unread> {
    let mut out = Content { certificates: BTreeMap::new(), unusable: Vec::new() };
    let mut add = |certificate: Rc<Certificate>| {
        out.certificates.insert(Thumbprint::of(certificate.der()), certificate);
    };
    for source in sources {
        match source {
            BundleSource::Certificates(ders) => {
                ders.iter().filter_map(|der| Certificate::parse(&der.0).ok()).for_each(|one| add(Rc::new(one)));
            }
            BundleSource::Path(path) => {
                let files: SourceContent = found::source(path, scene.facts)?;
                if files.is_empty() {
                    let detail = "there is no certificate".to_owned();
                    return Err(Unread::Failed { what: path.to_string(), detail });
                }
                for (file, content) in files {
                    match content {
                        Ok(certificates) => certificates.into_iter().for_each(&mut add),
                        Err(why) => out.unusable.push((file, why)),
                    }
                }
            }
        }
    }
    Ok(out)
}

/// Decides about each certificate of the bundle in each of its stores, and about what else is there.
pub fn compare(entry: &WantedCertificate, sources: &[BundleSource], scene: Scene<'_>, survey: bool) -> Comparison {
    let content = match content(sources, scene) {
        Ok(content) => content,
        Err(unread) => {
            return Comparison::one(super::files::unread_place(entry.address(), entry.at, &unread));
        }
    };
    let whole = Decision::keep(entry.address(), entry.at);
    let prints: Vec<u8> = content.certificates.keys().flat_map(|print| print.bytes().to_vec()).collect();
    let wanted = digest::of(&[b"bundle", &prints]);
    let mut comparison = Comparison::one(whole.traced(Trace { wanted, found: wanted, secret: None }));
    for place in &entry.stores {
        let store = &place.value;
        let stored = match found::store(store, scene.facts, scene.all) {
            Ok(stored) => stored,
            Err(unread) => {
                comparison.decisions.push(super::files::unread_place(
                    entry.part(&store.to_string()),
                    place.at,
                    &unread,
                ));
                continue;
            }
        };
        for (print, certificate) in &content.certificates {
            let id = entry.part(&format!("{store} {print}"));
            let is_there = stored.iter().any(|one| one.certificate.der() == certificate.der());
            let wanted = digest::of(&[b"certificate", &certificate.sha1()]);
            let found = if is_there { wanted } else { digest::ABSENT };
            let decision = if is_there {
                Decision::keep(id, place.at)
            } else {
                let step = Operation::PutCertificate {
                    store: store.clone(),
                    certificate: CertificateRef::Known(Der(std::sync::Arc::clone(certificate.der()))),
                    friendly_name: None,
                    key: None,
                    before: None,
                    exact: None,
                };
                let reason = Reason::with("certificate.misplaced", certificate.subject().to_string());
                Decision::change(id, place.at, Action::Create, reason, vec![step])
            };
            comparison.decisions.push(decision.traced(Trace { wanted, found, secret: None }));
        }
        if !entry.exclusive && !entry.report_unmanaged && !survey {
            continue;
        }
        let named = match named(store, scene) {
            Ok(named) => named,
            // What nobody is known to want may be wanted by an entry that cannot be judged.
            Err(why) if entry.exclusive => {
                let reason = Reason::with("certificate.exclusive_unsure", why);
                comparison.decisions.push(Decision::blocked(entry.part(&store.to_string()), place.at, reason));
                continue;
            }
            Err(_) => continue,
        };
        for one in stored.iter().filter(|one| !named.is_named(&one.certificate)) {
            if entry.exclusive {
                let reason = Reason::with("certificate.not_named", one.certificate.subject().to_string());
                comparison.closing.push(stores::removed(entry, store, place.at, one, reason));
            } else {
                let print = Thumbprint::of(one.certificate.der());
                comparison.unmanaged.push(entry.part(&format!("{store} {print}")));
            }
        }
    }
    comparison
}

/// What entries speak of in one store.
#[derive(Default)]
pub struct Named {
    prints: BTreeSet<Thumbprint>,
    /// Subjects of entries that keep their former certificates there.
    kept: Vec<DistinguishedName>,
}

impl Named {
    pub fn is_named(&self, certificate: &Certificate) -> bool {
        self.prints.contains(&Thumbprint::of(certificate.der())) || self.kept.contains(certificate.subject())
    }
}

/// The certificates in a store that some entry wants there.
///
/// # Errors
/// The entry that cannot be judged, in words.
pub fn named(store: &StorePlace, scene: Scene<'_>) -> Result<Named, String> {
    let mut out = Named::default();
    let here = |entry: &&WantedCertificate| entry.stores.iter().any(|place| place.value == *store);
    for entry in scene.all.entries().filter(|entry| entry.is_present()).filter(here) {
        let record = scene.facts.remembered().and_then(|record| record.entry(&entry.address()));
        out.prints.extend(record.and_then(|entry| entry.chosen));
        if let WantedIssuer::Bundle(sources) = &entry.issuer.value {
            let content = content(sources, scene).map_err(|unread| unread.to_string())?;
            if let Some((path, why)) = content.unusable.first() {
                return Err(format!("{path}: {why}"));
            }
            out.prints.extend(content.certificates.into_keys());
            continue;
        }
        // What is replaced is removed, or kept, by its own entry.
        let assessment = scene.all.assess(&entry.name, scene);
        let result = assessment.result.as_ref();
        if result.is_none()
            && assessment.current.is_none()
            && !matches!(assessment.fate, Fate::Request(_) | Fate::Pending)
        {
            return Err(format!("{} cannot be judged", entry.address()));
        }
        let known = result.and_then(|result| result.known.as_ref());
        out.prints.extend(assessment.current.iter().chain(known).map(|one| Thumbprint::of(one.der())));
        if entry.keep_old.keeps_store() {
            out.kept.extend(entry.subject.as_ref().map(|subject| subject.value.clone()));
        }
    }
    Ok(out)
}

//! What the entries of documents have: the certificates in the files that they name, and which certificate is whose.

use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;

use super::{AbsentEntry, Inventory, ListedPlace, PlaceKind, Problem, WantedCertificate};
use crate::formats::x509::Certificate;
use crate::kinds::certificate::assess::Scene;
use crate::kinds::certificate::wanted::{BundleSource, WantedIssuer};
use crate::kinds::certificate::{Certificates, found};
use crate::model::fact::Facts;
use crate::model::file::{FileAspect, FileHolds, FilePath};
use crate::model::thumbprint::Thumbprint;

/// Lists the files of all entries, then says which certificate is whose.
pub fn gather(entries: &[&Arc<WantedCertificate>], facts: &Facts, as_of: Timestamp, inventory: &mut Inventory) {
    let all = Certificates::of(entries.iter().copied());
    let scene = Scene { facts, as_of, all: &all };
    for entry in entries {
        let of_sources = files(entry, facts, inventory);
        if !entry.is_present() {
            continue;
        }
        let (own, reasons) = if entry.is_bundle() {
            (of_sources, vec!["its sources hold no certificate".to_owned()])
        } else {
            let assessment = all.assess(&entry.name, scene);
            let mut reasons: Vec<String> = assessment.reasons.iter().map(ToString::to_string).collect();
            if let Some(known) = assessment.result.as_ref().and_then(|result| result.known.as_ref()) {
                reasons.push(format!("{} is not in its places yet", Thumbprint::of(known.der())));
            }
            (assessment.current.iter().cloned().collect(), reasons)
        };
        let address = entry.address().to_string();
        if own.is_empty() {
            inventory.absent.push(AbsentEntry { address, reasons });
            continue;
        }
        for certificate in own {
            if let Some(row) = inventory.row(&certificate)
                && !row.entries.contains(&address)
            {
                row.entries.push(address.clone());
            }
        }
    }
}

/// Lists the files that an entry names; of a bundle, its certificates are given.
fn files(entry: &WantedCertificate, facts: &Facts, inventory: &mut Inventory) -> Vec<Rc<Certificate>> {
    for file in &entry.files {
        match file.aspect() {
            aspect @ (FileAspect::Certificates | FileAspect::Pfx { .. } | FileAspect::Sealed) => {
                list(&file.path, &aspect, facts, inventory);
            }
            FileAspect::Content
            | FileAspect::Key
            | FileAspect::Names
            | FileAspect::SealedText
            | FileAspect::Digest
            | FileAspect::Tree
            | FileAspect::Value { .. } => {}
        }
    }
    match &entry.issuer.value {
        WantedIssuer::Pfx { path, password } => {
            list(path, &FileAspect::Pfx { password: password.clone() }, facts, inventory);
        }
        WantedIssuer::Files { certificate, .. } => list(certificate, &FileAspect::Certificates, facts, inventory),
        WantedIssuer::Request { trust, .. } => sources(trust, facts, inventory).truncate(0),
        WantedIssuer::Bundle(bundle) => return sources(bundle, facts, inventory),
        WantedIssuer::Itself | WantedIssuer::Entry(_) | WantedIssuer::Existing => {}
    }
    Vec::new()
}

fn list(path: &FilePath, aspect: &FileAspect, facts: &Facts, inventory: &mut Inventory) {
    // A file that is not there, or could not be read, is told elsewhere.
    let Ok(Some(fact)) = found::file(path, aspect, facts) else { return };
    let mut problem = |why: String| inventory.problem(Problem::File { path: path.clone(), why });
    match &fact.holds {
        FileHolds::Unusable(why) => problem(why.to_string()),
        FileHolds::Sealed => problem("its password is not to be had here".to_owned()),
        _ => {}
    }
    let has_key = matches!(&fact.holds, FileHolds::Pfx(pfx) if pfx.key.is_some());
    for (number, der) in found::ders(fact).iter().enumerate() {
        match Certificate::parse(&der.0) {
            // The key of a PFX is that of its first certificate.
            Ok(certificate) => {
                inventory.place(&Rc::new(certificate), in_file(path, has_key && number == 0));
            }
            Err(error) => {
                let why = format!("certificate {}: {error}", number + 1);
                inventory.problem(Problem::File { path: path.clone(), why });
            }
        }
    }
}

/// The certificates of sources, each listed with its file.
fn sources(sources: &[BundleSource], facts: &Facts, inventory: &mut Inventory) -> Vec<Rc<Certificate>> {
    let mut all = Vec::new();
    for source in sources {
        match source {
            BundleSource::Certificates(ders) => {
                all.extend(ders.iter().filter_map(|der| Certificate::parse(&der.0).ok().map(Rc::new)));
            }
            BundleSource::Path(path) => {
                for (file, content) in found::source(path, facts).unwrap_or_default() {
                    match content {
                        Ok(_) => list(&file, &FileAspect::Certificates, facts, inventory),
                        Err(ref why) => inventory.problem(Problem::File { path: file, why: why.to_string() }),
                    }
                    all.extend(content.unwrap_or_default());
                }
            }
        }
    }
    all
}

fn in_file(path: &FilePath, has_key: bool) -> ListedPlace {
    ListedPlace { kind: PlaceKind::File, name: path.to_string(), friendly_name: None, has_key, is_archived: false }
}

//! What an entry says of each of its places, in words: for comparing two documents, and for telling whether the document has changed.

use super::compare::{CRL_PART, KEY_PART};
use super::files::STAGED_PART;
use super::stores;
use super::wanted::{BundleSource, WantedCertificate, WantedFile, WantedIssuer, WantedRevocationList};
use crate::formats::certificate_store::StorePlace;
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::thumbprint::Thumbprint;

/// The parts of an entry, each with where the document names it and what it says: the certificate itself first.
pub fn places(entry: &WantedCertificate) -> Vec<(Option<String>, Location, String)> {
    let mut out = vec![(None, entry.at, certificate(entry))];
    if !entry.is_present() {
        let files = entry.files.iter().map(|file| (Some(file.path.to_string()), file.at, "absent".to_owned()));
        out.extend(files);
        return out;
    }
    if entry.is_bundle() {
        return out;
    }
    for place in &entry.stores {
        out.push((Some(place.value.to_string()), place.at, store(entry, &place.value)));
    }
    out.extend(entry.files.iter().map(|one| (Some(one.path.to_string()), one.at, file(one))));
    if entry.staged_key().is_some() {
        out.push((Some(STAGED_PART.to_owned()), entry.at, "kept in a file".to_owned()));
    }
    if let Some(crl) = &entry.crl
        && let Some(path) = &crl.path
    {
        out.push((Some(CRL_PART.to_owned()), path.at, revocation_list(crl)));
    }
    let in_store = entry.brings_key() && entry.stores.iter().any(|place| stores::holds_keys(&place.value));
    if in_store || !entry.key.read.is_empty() {
        let readers: Vec<&str> = entry.key.read.iter().map(|name| &*name.value).collect();
        out.push((Some(KEY_PART.to_owned()), entry.at, format!("read by {}", readers.join(", "))));
    }
    out.extend(
        entry.used_by.iter().map(|one| (Some(one.value.to_string()), one.at, "holds its thumbprint".to_owned())),
    );
    out
}

/// What the entry says by address.
pub fn of(entry: &WantedCertificate) -> Vec<(ResourceId, String)> {
    let address = |part: Option<String>| part.map_or_else(|| entry.address(), |part| entry.part(&part));
    places(entry).into_iter().map(|(part, _, said)| (address(part), said)).collect()
}

/// What is said of the certificate itself.
pub fn certificate(entry: &WantedCertificate) -> String {
    if !entry.is_present() {
        return "absent".to_owned();
    }
    let mut parts = vec![format!("issued by {}", issuer(&entry.issuer.value))];
    if let Some(subject) = &entry.subject {
        parts.push(subject.value.to_string());
    }
    parts.extend(entry.names.iter().map(ToString::to_string));
    if let Some(authority) = &entry.authority {
        let limit = authority.path_length.map_or_else(String::new, |limit| format!(" of path length {limit}"));
        parts.push(format!("an authority{limit}"));
    }
    if entry.makes_key() || entry.states_usage {
        let usages: Vec<String> = entry.extended.iter().map(ToString::to_string).collect();
        if !usages.is_empty() {
            parts.push(format!("for {}", usages.join(" and ")));
        }
        parts.push(entry.key_usage.to_string());
    }
    if entry.makes_key() {
        parts.push(format!("{}, {}", entry.key.algorithm, entry.digest));
        parts.push(format!("valid for {}, renewed {} before its end", entry.valid_for, entry.renew_before));
        if entry.key.reuse {
            parts.push("its key is used again".to_owned());
        }
    }
    if let Some(print) = &entry.thumbprint {
        parts.push(print.value.to_string());
    }
    parts.join(", ")
}

fn issuer(issuer: &WantedIssuer) -> String {
    match issuer {
        WantedIssuer::Itself => "itself".to_owned(),
        WantedIssuer::Entry(name) => format!("`{name}`"),
        WantedIssuer::Existing => "somebody else".to_owned(),
        WantedIssuer::Pfx { path, .. } => format!("whoever supplies {path}"),
        WantedIssuer::Files { certificate, .. } => format!("whoever supplies {certificate}"),
        WantedIssuer::Request { .. } => "an authority on request".to_owned(),
        WantedIssuer::Bundle(sources) => {
            let names: Vec<String> = sources
                .iter()
                .map(|source| match source {
                    BundleSource::Path(path) => path.to_string(),
                    BundleSource::Certificates(ders) => {
                        ders.iter().map(|der| Thumbprint::of(&der.0).to_string()).collect::<Vec<_>>().join(" ")
                    }
                })
                .collect();
            format!("the authorities in {}", names.join(", "))
        }
    }
}

pub fn store(entry: &WantedCertificate, place: &StorePlace) -> String {
    match &entry.friendly_name {
        Some(name) => format!("in {place}, named {name:?}"),
        None => format!("in {place}"),
    }
}

pub fn file(file: &WantedFile) -> String {
    match &file.password {
        Some(password) => format!("{} with a password from {password}", file.form),
        None => file.form.to_string(),
    }
}

pub fn revocation_list(list: &WantedRevocationList) -> String {
    let void: Vec<String> = list.revoked.iter().map(|one| format!("{} since {}", one.serial, one.since)).collect();
    format!(
        "valid for {}, signed again {} before its end, void: {}",
        list.valid_for,
        list.renew_before,
        void.join(", ")
    )
}

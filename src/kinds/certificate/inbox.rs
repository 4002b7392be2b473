//! What an authority has sent back for a request: is it the right certificate? Each thing that can be wrong has its own code. Pure.

use std::rc::Rc;

use super::assess::{Scene, path_above};
use super::checks::{day, seconds_until};
use super::found;
use super::wanted::{WantedCertificate, WantedIssuer};
use crate::formats::certificate_files::{FileForm, pem};
use crate::formats::x509::{Certificate, Digest, KeyAlgorithm, PublicKey, Request};
use crate::model::certificate::CertificateRef;
use crate::model::fact::{Facts, Unread};
use crate::model::file::{FileAspect, FileHolds, FilePath};
use crate::model::verdict::Reason;

/// What was found in the inbox.
pub enum Delivered {
    Nothing,
    Good { certificate: Rc<Certificate>, chain: Vec<CertificateRef> },
    Wrong(Vec<Reason>),
}

/// Looks for the certificate of a key in the inbox.
pub fn delivered(
    entry: &WantedCertificate,
    inbox: Option<&FilePath>,
    key: &PublicKey,
    current: Option<&Certificate>,
    pool: &[Rc<Certificate>],
    scene: Scene<'_>,
) -> Delivered {
    let Some(inbox) = inbox else { return Delivered::Nothing };
    let files = match found::source(inbox, scene.facts) {
        Ok(files) => files,
        Err(Unread::Unsupported { .. }) => return Delivered::Nothing,
        Err(unread) => {
            return Delivered::Wrong(vec![Reason::with("certificate.inbox_unreadable", unread.to_string())]);
        }
    };
    let mut wrong = Vec::new();
    let mut all: Vec<(FilePath, Rc<Certificate>)> = Vec::new();
    for (path, content) in files {
        match content {
            Ok(certificates) if certificates.is_empty() => {
                let message = format!("{path}: its certificate cannot be read");
                wrong.push(Reason::with("certificate.inbox_unreadable", message));
            }
            Ok(certificates) => all.extend(certificates.into_iter().map(|one| (path.clone(), one))),
            Err(why) => {
                let code = if why.contains("private key") {
                    "certificate.inbox_private_key"
                } else {
                    "certificate.inbox_unreadable"
                };
                wrong.push(Reason::with(code, format!("{path}: {why}")));
            }
        }
    }
    // What was taken from it before, and the authorities that came along, are nobody's mistake.
    let is_leaf = |certificate: &Certificate| {
        certificate.authority().is_none() || entry.authority.is_some() || certificate.public_key() == key
    };
    let leaves: Vec<&(FilePath, Rc<Certificate>)> = all
        .iter()
        .filter(|(_, certificate)| {
            is_leaf(certificate)
                && current.is_none_or(|current| current.der() != certificate.der())
                && (certificate.public_key() == key || !is_of_others(entry, certificate, current, scene))
        })
        .collect();
    let ours = leaves.iter().filter(|(_, certificate)| certificate.public_key() == key);
    let Some((path, certificate)) = ours.max_by_key(|(_, certificate)| certificate.not_after()) else {
        if let Some((path, other)) = leaves.first() {
            let message = format!("{path}: {} is for another key than the request", shown(other));
            wrong.push(Reason::with("certificate.inbox_key_mismatch", message));
        }
        return if wrong.is_empty() { Delivered::Nothing } else { Delivered::Wrong(wrong) };
    };
    let mut with_inbox: Vec<Rc<Certificate>> = pool.to_vec();
    with_inbox.extend(all.iter().map(|(_, certificate)| Rc::clone(certificate)));
    let problems = problems(entry, certificate, pool, &with_inbox, scene);
    if problems.is_empty() {
        let chain = path_above(certificate, &with_inbox);
        return Delivered::Good { certificate: Rc::clone(certificate), chain };
    }
    let named = problems.into_iter().map(|(code, what)| Reason::with(code, format!("{path}: {what}")));
    Delivered::Wrong(named.collect())
}

/// Whether a certificate for another key is nobody's mistake: it is for another entry that shares the inbox, or was here before.
fn is_of_others(
    entry: &WantedCertificate,
    certificate: &Certificate,
    current: Option<&Certificate>,
    scene: Scene<'_>,
) -> bool {
    let is_subject = |other: &WantedCertificate| {
        other.subject.as_ref().is_some_and(|subject| subject.value == *certificate.subject())
    };
    let others = scene.all.entries().filter(|other| other.name != entry.name);
    let is_older = current.is_some_and(|current| certificate.not_after() <= current.not_after());
    let is_for_another = !is_subject(entry) && others.into_iter().any(is_subject);
    is_for_another || is_older
}

fn shown(certificate: &Certificate) -> String {
    if certificate.subject().is_empty() { "the certificate".to_owned() } else { certificate.subject().to_string() }
}

/// Everything that is wrong with the certificate of the right key.
fn problems(
    entry: &WantedCertificate,
    certificate: &Rc<Certificate>,
    trust: &[Rc<Certificate>],
    pool: &[Rc<Certificate>],
    scene: Scene<'_>,
) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    if let Some(subject) = entry.subject.as_ref().filter(|subject| subject.value != *certificate.subject()) {
        let message = format!("its subject is {}, asked for was {}", certificate.subject(), subject.value);
        out.push(("certificate.inbox_subject_differs", message));
    }
    let missing: Vec<String> =
        entry.names.iter().filter(|name| !certificate.names().contains(name)).map(ToString::to_string).collect();
    if !missing.is_empty() {
        out.push(("certificate.inbox_names_differ", format!("it lacks {}", missing.join(", "))));
    }
    let lacks = |usage| !certificate.extended().contains(usage);
    let usages: Vec<String> = entry.extended.iter().filter(|usage| lacks(usage)).map(ToString::to_string).collect();
    if !certificate.extended().is_empty() && !usages.is_empty() {
        out.push(("certificate.inbox_usage_differs", format!("it is not for {}", usages.join(", "))));
    }
    let missing_usage = entry.key_usage.difference(certificate.key_usage().unwrap_or(entry.key_usage));
    if entry.states_usage && !missing_usage.is_empty() {
        out.push(("certificate.inbox_usage_differs", format!("its key may not be used for {missing_usage}")));
    }
    match (entry.authority.is_some(), certificate.authority().is_some()) {
        (true, false) => out.push(("certificate.inbox_usage_differs", "it is no authority".to_owned())),
        (false, true) => {
            out.push(("certificate.inbox_usage_differs", "it is an authority, which was not asked for".to_owned()))
        }
        _ => {}
    }
    if scene.as_of > certificate.not_after() {
        out.push(("certificate.inbox_expired", format!("it has expired on {}", day(certificate.not_after()))));
    } else if scene.as_of < certificate.not_before() {
        out.push((
            "certificate.inbox_not_yet_valid",
            format!("it is not valid before {}", day(certificate.not_before())),
        ));
    } else if seconds_until(scene.as_of, certificate.not_after()) <= entry.renew_before.seconds() {
        let message = format!("it ends on {}, and would be due for renewal at once", day(certificate.not_after()));
        out.push(("certificate.inbox_nears_expiry", message));
    }
    if certificate.digest() == Some(Digest::Sha1) && !entry.allow_weak {
        out.push(("certificate.inbox_digest_weak", "it is signed with SHA-1".to_owned()));
    }
    if let WantedIssuer::Request { trust: sources, .. } = &entry.issuer.value
        && !sources.is_empty()
    {
        let path = path_above(certificate, pool);
        let is_trusted =
            |above: &CertificateRef| above.known().is_some_and(|der| trust.iter().any(|known| **known.der() == *der.0));
        if !path.iter().any(is_trusted) {
            let message =
                format!("no authority that is trusted for it has signed it; it names {}", certificate.issuer());
            out.push(("certificate.inbox_untrusted", message));
        }
    }
    out
}

/// Whether the request that lies in its file asks for what the document says, with this key, which is of the kind that is wanted.
pub fn is_asked(entry: &WantedCertificate, key: &PublicKey, wanted: &KeyAlgorithm, facts: &Facts) -> bool {
    if key.algorithm() != *wanted {
        return false;
    }
    let Some(file) = entry.files.iter().find(|file| file.form == FileForm::Csr) else { return false };
    let Ok(Some(fact)) = found::file(&file.path, &FileAspect::Content, facts) else { return false };
    let FileHolds::Bytes(bytes) = &fact.holds else { return false };
    let Some(request) = read_request(bytes) else { return false };
    let subject = entry.subject.as_ref().map(|subject| &subject.value);
    let names: std::collections::BTreeSet<_> = entry.names.iter().collect();
    let asked: std::collections::BTreeSet<_> = request.names().iter().collect();
    request.public_key() == key
        && subject.map_or(request.subject().is_empty(), |subject| subject == request.subject())
        && names == asked
        && request.key_usage().unwrap_or_default() == entry.key_usage
        && request.extended() == entry.extended
}

/// The request in a file, as PEM or DER.
pub fn read_request(bytes: &[u8]) -> Option<Request> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| pem::is_pem(text));
    match text {
        None => Request::parse(bytes).ok(),
        Some(text) => {
            let blocks = pem::decode(text).ok()?;
            let is_request = |label: &str| matches!(label, "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST");
            let block = blocks.iter().find(|block| is_request(&block.label))?;
            Request::parse(&block.der).ok()
        }
    }
}

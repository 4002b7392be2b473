//! The files of an entry: does each hold what it should, and what it takes that it does. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::assess::{Fate, Outcome};
use super::checks::day;
use super::compare::{CRL_PART, Case, chain_in, content};
use super::found;
use super::statements;
use super::wanted::{WantedFile, WantedRevocationList};
use crate::formats::certificate_files::{FileForm, pem};
use crate::formats::upcase;
use crate::formats::x509::{Digest, KeyAlgorithm, PublicKey, RevocationList};
use crate::model::certificate::{
    CertificateRef, FileBefore, FileContent, FormContent, IssueKey, KeyRef, RevocationContent,
};
use crate::model::digest;
use crate::model::fact::{Facts, Unread};
use crate::model::file::{CertificateEncoding, CertificatesFact, FileAspect, FileFact, FileHolds, FilePath, FileState};
use crate::model::operation::Operation;
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::thumbprint::Thumbprint;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// The part that stands for a key which trueup keeps where there is no key store.
pub const STAGED_PART: &str = "staged key";
/// The part that stands for the key of a request.
const REQUEST_PART: &str = "request key";

const MISPLACED: &str = "certificate.misplaced";

/// Decides about a file.
pub fn compare(case: &Case<'_>, file: &WantedFile) -> Decision {
    let id = case.entry.part(file.path.as_str());
    if file.form == FileForm::Csr {
        return request(case, file, id);
    }
    let Some(result) = &case.assessment.result else { return case.waiting(id, file.at) };
    let facts = case.scene.facts;
    let fact = match found::file(&file.path, &file.aspect(), facts) {
        Ok(fact) => fact,
        Err(unread) => return unread_place(id, file.at, unread),
    };
    let trace = Trace {
        wanted: digest::of(&[b"statement", statements::file(file).as_bytes()]),
        found: fact.map_or(digest::ABSENT, |fact| of_holds(&fact.holds)),
        secret: None,
    };
    // A new certificate is written whatever the file holds, and without the password nothing at all is.
    if fact.is_some_and(|fact| fact.holds == FileHolds::Sealed) && !case.is_new() {
        let reason = Reason::with("secret.unresolved", "its password is another one, or is not to be had here");
        let decision =
            Decision { verdict: Verdict::Unverifiable, reasons: vec![reason], ..Decision::keep(id, file.at) };
        return decision.traced(trace);
    }
    let Some(problem) = problem(case, file.form, fact, result) else {
        return Decision::keep(id, file.at).traced(trace);
    };
    if file.form == FileForm::ChainPem && result.chain.is_empty() && !is_own_authority(case, result) {
        let reason = Reason::with("certificate.chain_incomplete", "the authorities above it are not known here");
        return Decision::blocked(id, file.at, reason).traced(trace);
    }
    let Some(wanted) = content(case, file.form, file.password.as_ref()) else {
        let reason = Reason::with("certificate.key_not_at_hand", "no place that can be read here holds the key");
        return Decision::blocked(id, file.at, reason).traced(trace);
    };
    let mut operations = folders(&file.path, &file.aspect(), facts);
    if fact.is_some() && case.entry.keep_old.keeps_files() {
        // A file that was for its owner alone may have held a key, whatever it holds next.
        let sealed = file.form.is_private() || fact.is_some_and(|fact| fact.owner_only != Some(false));
        let copy = FileContent::CopyOf { path: file.path.clone(), sealed };
        match next_copy(&file.path, facts) {
            Ok(path) => operations.push(Operation::PutFile { path, before: None, content: copy }),
            Err(unread) => return unread_place(id, file.at, unread).traced(trace),
        }
    }
    let before = fact.map(|_| FileBefore::SEALED);
    operations.push(Operation::PutFile { path: file.path.clone(), before, content: wanted });
    let action = if fact.is_some() { Action::Update } else { Action::Create };
    case.changed(id, file.at, action, problem, operations).traced(trace)
}

/// Whether a certificate has no authority above it.
fn is_own_authority(case: &Case<'_>, result: &Outcome) -> bool {
    result.known.as_ref().map_or(case.entry.signer().is_none(), |known| known.is_self_issued())
}

/// A place that cannot be looked at.
pub fn unread_place(id: ResourceId, at: Location, unread: &Unread) -> Decision {
    let (verdict, code) = match unread {
        Unread::Unsupported { .. } => (Verdict::Deferred, "certificate.place_deferred"),
        Unread::NotCaptured { .. } => (Verdict::Unverifiable, "certificate.not_captured"),
        Unread::Failed { .. } | Unread::Refused { .. } => (Verdict::Blocked, "certificate.unreadable"),
    };
    Decision { verdict, reasons: vec![Reason::with(code, unread.to_string())], ..Decision::keep(id, at) }
}

/// What tells one content from another, as far as it is no secret.
fn of_holds(holds: &FileHolds) -> u64 {
    // What a fact says of a file can always be written as JSON.
    digest::of(&[b"file", &serde_json::to_vec(holds).unwrap_or_default()])
}

/// What is wrong with a file; `None` where it holds what it should.
fn problem(case: &Case<'_>, form: FileForm, fact: Option<&FileFact>, result: &Outcome) -> Option<Reason> {
    let Some(fact) = fact else { return Some(Reason::with(MISPLACED, "the file is not there")) };
    if let FileHolds::Unusable(why) = &fact.holds {
        return Some(Reason::with(MISPLACED, format!("the file cannot be used: {why}")));
    }
    let (Some(known), Some(key)) = (&result.known, &result.public_key) else {
        return Some(Reason::with(MISPLACED, "the file holds the former certificate"));
    };
    let leaf: &[u8] = known.der();
    let above = chain_in(case, form, result);
    let chain: Option<Vec<&[u8]>> = above.iter().map(|above| above.known().map(|der| &*der.0)).collect();
    let Some(chain) = chain else { return Some(Reason::with(MISPLACED, "the authorities above it are new")) };
    let holds = match (&fact.holds, form) {
        (FileHolds::Certificates(found), _) => has_certificates(form, found, leaf, &chain),
        (FileHolds::Key(found), FileForm::KeyPem) => found == key,
        (FileHolds::Pfx(pfx), FileForm::Pfx | FileForm::PfxLegacy) => {
            let there: BTreeSet<&[u8]> = pfx.certificates.iter().map(|der| &*der.0).collect();
            let wanted: BTreeSet<&[u8]> = std::iter::once(leaf).chain(chain.iter().copied()).collect();
            there == wanted && pfx.key.as_ref() == Some(key)
        }
        (FileHolds::Bytes(bytes), FileForm::Thumbprint) => {
            let text = std::str::from_utf8(bytes).ok().and_then(|text| Thumbprint::parse(text.trim()).ok());
            text == Some(Thumbprint::of(leaf))
        }
        (FileHolds::Bytes(bytes), FileForm::PublicKey) => {
            let text = std::str::from_utf8(bytes).ok();
            text.and_then(|text| PublicKey::from_pem(text).ok()).as_ref() == Some(key)
        }
        _ => false,
    };
    if !holds {
        return Some(Reason::with(MISPLACED, "the file holds something else"));
    }
    (form.is_private() && fact.owner_only == Some(false))
        .then(|| Reason::with("certificate.permissions_differ", "others than its owner may read the file"))
}

fn has_certificates(form: FileForm, found: &CertificatesFact, leaf: &[u8], chain: &[&[u8]]) -> bool {
    let there: Vec<&[u8]> = found.certificates.iter().map(|der| &*der.0).collect();
    let whole = || std::iter::once(leaf).chain(chain.iter().copied());
    match form {
        FileForm::CertificatePem => found.encoding == CertificateEncoding::Pem && there == [leaf],
        FileForm::CertificateDer => found.encoding == CertificateEncoding::Der && there == [leaf],
        FileForm::ChainPem => found.encoding == CertificateEncoding::Pem && there == chain,
        FileForm::FullchainPem => {
            found.encoding == CertificateEncoding::Pem && there == whole().collect::<Vec<&[u8]>>()
        }
        // The certificates in it have no order.
        FileForm::P7b => {
            let there: BTreeSet<&[u8]> = there.into_iter().collect();
            found.encoding == CertificateEncoding::Pkcs7 && there == whole().collect()
        }
        _ => false,
    }
}

/// The steps that make the folders above a file that is not there.
fn folders(path: &FilePath, aspect: &FileAspect, facts: &Facts) -> Vec<Operation> {
    let missing = match facts.file(path, aspect) {
        Some(Ok(FileState::Absent { missing_folders })) => *missing_folders,
        _ => 0,
    };
    let above = std::iter::successors(path.parent(), FilePath::parent).take(missing);
    let mut steps: Vec<Operation> = above.map(|path| Operation::CreateFolder { path }).collect();
    steps.reverse();
    steps
}

/// The path of the next numbered copy: behind all that are there.
fn next_copy<'f>(path: &FilePath, facts: &'f Facts) -> Result<FilePath, &'f Unread> {
    let folder = path.parent().and_then(|folder| facts.file(&folder, &FileAspect::Names));
    let names = match folder {
        Some(Ok(FileState::Present(FileFact { holds: FileHolds::Names(names), .. }))) => names.as_slice(),
        Some(Err(unread)) => return Err(unread),
        _ => &[],
    };
    let start = format!("{}.", upcase::fold(path.name()));
    let numbers = names.iter().filter_map(|name| upcase::fold(name).strip_prefix(&start)?.parse::<usize>().ok());
    Ok(path.numbered(numbers.max().map_or(1, |last| last.saturating_add(1))))
}

/// The request: made anew when it does not ask for what the document says.
fn request(case: &Case<'_>, file: &WantedFile, id: ResourceId) -> Decision {
    let wanted = digest::of(&[b"statement", statements::file(file).as_bytes()]);
    let facts = case.scene.facts;
    let fact = match found::file(&file.path, &FileAspect::Content, facts) {
        Ok(fact) => fact,
        Err(unread) => return unread_place(id, file.at, unread),
    };
    let found = fact.map_or(digest::ABSENT, |fact| of_holds(&fact.holds));
    let trace = Trace { wanted, found, secret: None };
    let (Fate::Request(issue), Some(pending)) = (&case.assessment.fate, case.entry.pending_key()) else {
        return match case.assessment.fate {
            Fate::Stays | Fate::Pending => Decision::keep(id, file.at).traced(trace),
            _ => case.waiting(id, file.at).traced(trace),
        };
    };
    let made = case.entry.address();
    let mut operations = vec![Operation::Issue(issue.clone())];
    let is_kept = matches!(&issue.key, IssueKey::Reuse(KeyRef::File { path, .. }) if *path == pending);
    if !is_kept {
        operations.extend(folders(&pending, &FileAspect::Key, facts));
        let is_there = matches!(facts.file(&pending, &FileAspect::Key), Some(Ok(FileState::Present(_))));
        let key = FormContent {
            form: FileForm::KeyPem,
            certificate: CertificateRef::Made(made.clone()),
            chain: Vec::new(),
            key: Some(KeyRef::Made(made.clone())),
            password: None,
            friendly_name: None,
        };
        let before = is_there.then_some(FileBefore::SEALED);
        operations.push(Operation::PutFile { path: pending, before, content: FileContent::Form(Box::new(key)) });
    }
    operations.extend(folders(&file.path, &FileAspect::Content, facts));
    let content = FormContent {
        form: FileForm::Csr,
        certificate: CertificateRef::Made(made),
        chain: Vec::new(),
        key: None,
        password: None,
        friendly_name: None,
    };
    let before = fact.map(|_| FileBefore::SEALED);
    let content = FileContent::Form(Box::new(content));
    operations.push(Operation::PutFile { path: file.path.clone(), before, content });
    let action = if fact.is_some() { Action::Update } else { Action::Create };
    let reason = Reason::with("certificate.requested", "the request goes to the authority");
    let decision = Decision {
        reasons: vec![reason],
        verdict: Verdict::Change { action, operations },
        ..Decision::keep(id, file.at)
    };
    decision.traced(trace)
}

/// The key that trueup keeps itself: while there is no key store, and while a request waits.
pub fn staged(case: &Case<'_>) -> Vec<Decision> {
    let mut out = Vec::new();
    let entry = case.entry;
    if let Some(path) = entry.staged_key() {
        let staged = WantedFile { path, at: entry.at, form: FileForm::KeyPem, password: None };
        let id = entry.part(STAGED_PART);
        let decision = compare(case, &staged);
        out.push(Decision { id, ..decision });
    }
    out
}

/// The key of a request, once the certificate and the key have their places: it leaves last.
pub fn installed(case: &Case<'_>) -> Option<Decision> {
    let entry = case.entry;
    let path = entry.pending_key()?;
    let Fate::Stays = case.assessment.fate else { return None };
    let Some(Ok(FileState::Present(_))) = case.scene.facts.file(&path, &FileAspect::Key) else { return None };
    let reason = Reason::with("certificate.installed", "the key has its places by now");
    let operations = vec![Operation::RemoveFile { path, before: FileBefore::SEALED }];
    Some(Decision::change(entry.part(REQUEST_PART), entry.at, Action::Delete, reason, operations))
}

/// The revocation list of an authority: signed anew before it ends, and when what it says changes.
pub fn revocation_list(case: &Case<'_>) -> Option<Decision> {
    let list = case.entry.crl.as_ref()?;
    let path = list.path.as_ref()?;
    let id = case.entry.part(CRL_PART);
    let Some(result) = &case.assessment.result else { return Some(case.waiting(id, path.at)) };
    let fact = match found::file(&path.value, &FileAspect::Content, case.scene.facts) {
        Ok(fact) => fact,
        Err(unread) => return Some(unread_place(id, path.at, unread)),
    };
    let trace = Trace {
        wanted: digest::of(&[b"statement", statements::revocation_list(list).as_bytes()]),
        found: fact.map_or(digest::ABSENT, |fact| of_holds(&fact.holds)),
        secret: None,
    };
    let present = fact.and_then(FileFact::bytes).and_then(read_list);
    let Some(reason) = list_problem(case, list, present.as_ref(), fact.is_some(), result) else {
        return Some(Decision::keep(id, path.at).traced(trace));
    };
    let Some(key) = &result.key else {
        let reason = Reason::with("certificate.key_not_at_hand", "no place that can be read here holds the key");
        return Some(Decision::blocked(id, path.at, reason).traced(trace));
    };
    let as_of = case.scene.as_of;
    let seconds = i64::try_from(list.valid_for.seconds()).unwrap_or(i64::MAX);
    let next = as_of.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(result.not_after);
    let content = RevocationContent {
        certificate: result.certificate.clone(),
        key: key.clone(),
        number: next_number(case, present.as_ref()),
        this_update: jiff::Timestamp::from_second(as_of.as_second()).unwrap_or(as_of),
        next_update: jiff::Timestamp::from_second(next.as_second()).unwrap_or(next),
        digest: match &result.algorithm {
            KeyAlgorithm::Rsa { .. } => case.entry.digest,
            other => other.own_digest().unwrap_or(Digest::Sha256),
        },
        revoked: list.revoked.iter().map(|one| (one.serial.clone(), one.since)).collect(),
        pem: upcase::fold(path.value.name()).ends_with(".PEM"),
    };
    let mut operations = folders(&path.value, &FileAspect::Content, case.scene.facts);
    let before = fact.map(|_| FileBefore::SEALED);
    let content = FileContent::RevocationList(Box::new(content));
    operations.push(Operation::PutFile { path: path.value.clone(), before, content });
    let action = if fact.is_some() { Action::Update } else { Action::Create };
    Some(case.changed(id, path.at, action, reason, operations).traced(trace))
}

/// Numbers only ever rise: where the last list is lost, the time is above all that were counted.
fn next_number(case: &Case<'_>, present: Option<&RevocationList>) -> u64 {
    if let Some(number) = present.and_then(RevocationList::number) {
        return number.saturating_add(1);
    }
    let record = case.scene.facts.remembered().and_then(|record| record.entry(&case.entry.address()));
    let had_list = record.is_some_and(|entry| entry.parts.0.iter().any(|(part, _)| &**part == CRL_PART));
    if had_list { u64::try_from(case.scene.as_of.as_second()).unwrap_or(1) } else { 1 }
}

/// The list in a file, as DER or PEM.
fn read_list(bytes: &Arc<[u8]>) -> Option<RevocationList> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| pem::is_pem(text));
    match text {
        None => RevocationList::parse(bytes).ok(),
        Some(text) => {
            let blocks = pem::decode(text).ok()?;
            RevocationList::parse(&blocks.iter().find(|block| &*block.label == "X509 CRL")?.der).ok()
        }
    }
}

fn list_problem(
    case: &Case<'_>,
    list: &WantedRevocationList,
    present: Option<&RevocationList>,
    is_there: bool,
    result: &Outcome,
) -> Option<Reason> {
    let Some(present) = present else {
        let what = if is_there { "the file holds no revocation list" } else { "the file is not there" };
        return Some(Reason::with("certificate.crl_absent", what));
    };
    let Some(known) = &result.known else {
        return Some(Reason::with("certificate.crl_issuer_replaced", format!("{} is new", case.entry.address())));
    };
    if let Err(error) = present.is_signed_by(known) {
        return Some(Reason::with("certificate.crl_issuer_differs", error.to_string()));
    }
    let serials = || list.revoked.iter().filter_map(|one| crate::model::registry_data::unhex(&one.serial));
    if present.len() != list.revoked.len() || !serials().all(|serial| present.is_revoked(&serial)) {
        return Some(Reason::with("certificate.crl_differs", "it does not name the same certificates as void"));
    }
    let Some(next) = present.next_update() else {
        return Some(Reason::with("certificate.crl_nears_expiry", "it does not say when it ends"));
    };
    let left = super::checks::seconds_until(case.scene.as_of, next);
    (left <= list.renew_before.seconds())
        .then(|| Reason::with("certificate.crl_nears_expiry", format!("it ends on {}", day(next))))
}

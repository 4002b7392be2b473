//! Decides about an entry and each of its places. Pure.

use super::assess::{Assessment, Fate, Scene};
use super::found::{self, key_aspect};
use super::wanted::{WantedCertificate, WantedIssuer};
use super::{bundle, consumers, files, keys, removal, statements, stores};
use crate::formats::certificate_files::FileForm;
use crate::kinds::{Comparison, Context};
use crate::model::certificate::{CertificateRef, FileContent, FormContent, KeyRef};
use crate::model::digest;
use crate::model::fact::{Facts, Queries};
use crate::model::file::FileAspect;
use crate::model::operation::Operation;
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::source::Location;
use crate::model::thumbprint::Thumbprint;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// The part that stands for who may read the key.
pub const KEY_PART: &str = "key";
/// The part that stands for the revocation list.
pub const CRL_PART: &str = "crl";

/// The addresses that an entry defines.
pub fn resources(entry: &WantedCertificate) -> Vec<(ResourceId, Location)> {
    statements::places(entry)
        .into_iter()
        .map(|(part, at, _)| match part {
            None => (entry.address(), at),
            Some(part) => (entry.part(&part), at),
        })
        .collect()
}

/// Asks for all that the decision rests on.
pub fn wants(entry: &WantedCertificate, facts: &Facts, queries: &mut Queries) {
    entry.stores.iter().for_each(|store| found::ask_store(&store.value, queries));
    if !entry.is_present() {
        for path in [entry.staged_file(), entry.pending_file()].into_iter().flatten() {
            queries.file(&path, FileAspect::Sealed);
        }
        if let Some(path) = entry.crl.as_ref().and_then(|crl| crl.path.as_ref()) {
            queries.file(&path.value, FileAspect::Sealed);
        }
    }
    for file in &entry.files {
        queries.file(&file.path, file.aspect());
        if entry.keep_old.keeps_files()
            && let Some(folder) = file.path.parent()
        {
            queries.file(&folder, FileAspect::Names);
        }
    }
    let given = entry.key.from.iter().cloned();
    let pending = entry.pending_key().map(|path| KeyRef::File { path, password: None });
    for key in entry.key_homes().into_iter().chain(given).chain(pending) {
        if let Some((path, aspect)) = key_aspect(&key) {
            queries.file(path, aspect);
        }
    }
    match &entry.issuer.value {
        WantedIssuer::Pfx { path, password } => queries.file(path, FileAspect::Pfx { password: password.clone() }),
        WantedIssuer::Files { certificate, .. } => queries.file(certificate, FileAspect::Certificates),
        WantedIssuer::Request { inbox, trust } => {
            trust.iter().for_each(|source| found::ask_source(source, facts, queries));
            if let Some(inbox) = inbox {
                found::ask_source(&super::wanted::BundleSource::Path(inbox.clone()), facts, queries);
            }
        }
        WantedIssuer::Bundle(sources) => sources.iter().for_each(|source| found::ask_source(source, facts, queries)),
        WantedIssuer::Itself | WantedIssuer::Entry(_) | WantedIssuer::Existing => {}
    }
    if let Some(path) = entry.crl.as_ref().and_then(|crl| crl.path.as_ref()) {
        queries.file(&path.value, FileAspect::Content);
    }
    keys::wants(entry, facts, queries);
    entry.used_by.iter().for_each(|consumer| consumers::ask(&consumer.value, facts, queries));
}

/// What is decided, with what it is decided on.
pub struct Case<'c> {
    pub entry: &'c WantedCertificate,
    pub assessment: &'c Assessment,
    pub scene: Scene<'c>,
}

impl Case<'_> {
    /// A decision about a place that is wanted and cannot be judged, because the certificate itself cannot be had.
    pub fn waiting(&self, id: ResourceId, at: Location) -> Decision {
        let verdict = match self.assessment.fate {
            Fate::Stays | Fate::Issue(_) => Verdict::Keep,
            Fate::Request(_) | Fate::Pending => Verdict::Pending,
            Fate::Deferred => Verdict::Deferred,
            Fate::Blocked => Verdict::Blocked,
            Fate::Unverifiable => Verdict::Unverifiable,
        };
        let reason = Reason::with("certificate.not_ready", format!("waits for {}", self.entry.address()));
        Decision { verdict, reasons: vec![reason], ..Decision::keep(id, at) }.following(self.entry.address())
    }

    /// Whether the certificate is made by this plan.
    pub fn is_new(&self) -> bool {
        self.assessment.result.as_ref().is_some_and(|result| result.known.is_none())
    }

    /// The change of a place: because the certificate is new, or for a reason of its own.
    pub fn changed(
        &self,
        id: ResourceId,
        at: Location,
        action: Action,
        own: Reason,
        operations: Vec<Operation>,
    ) -> Decision {
        if !self.is_new() {
            return Decision::change(id, at, action, own, operations);
        }
        let reason = Reason::code("certificate.follows");
        Decision::change(id, at, action, reason, operations).following(self.entry.address())
    }
}

/// Compares an entry with the facts.
pub fn compare(entry: &WantedCertificate, facts: &Facts, context: &Context<'_>) -> Comparison {
    let scene = Scene { facts, as_of: context.as_of, all: context.certificates() };
    if !entry.is_present() {
        return removal::compare(entry, scene);
    }
    if let WantedIssuer::Bundle(sources) = &entry.issuer.value {
        return bundle::compare(entry, sources, scene, context.survey);
    }
    let assessment = scene.all.assess(&entry.name, scene);
    let case = Case { entry, assessment: &assessment, scene };
    let mut comparison = Comparison::one(own(&case));
    let mut keys = keys::compare(&case);
    if keys.is_import {
        comparison.decisions.extend(keys.decision.take());
    }
    stores::compare(&case, &keys, &mut comparison);
    for file in &entry.files {
        comparison.decisions.push(files::compare(&case, file));
    }
    comparison.decisions.extend(files::staged(&case));
    comparison.closing.extend(files::installed(&case));
    comparison.decisions.extend(files::revocation_list(&case));
    comparison.decisions.extend(keys.decision.take());
    for consumer in &entry.used_by {
        consumers::compare(&case, consumer, &mut comparison.decisions);
    }
    if let Some(reason) = keys.hinders {
        hinder(&mut comparison, &reason);
    }
    comparison
}

/// Nothing is made of an entry, and nobody is pointed to its certificate, while its key cannot be where it has to be.
fn hinder(comparison: &mut Comparison, reason: &Reason) {
    comparison.closing.clear();
    for decision in &mut comparison.decisions {
        if let Verdict::Change { .. } = decision.verdict {
            decision.verdict = Verdict::Blocked;
            decision.reasons.push(reason.clone());
        }
    }
}

/// The decision about the certificate itself.
fn own(case: &Case<'_>) -> Decision {
    let Case { entry, assessment, .. } = case;
    let (id, at) = (entry.address(), entry.at);
    let found =
        assessment.current.as_ref().map_or(digest::ABSENT, |current| digest::of(&[b"certificate", &current.sha1()]));
    let wanted = digest::of(&[b"statement", statements::certificate(entry).as_bytes()]);
    let trace = Trace { wanted, found, secret: None };
    let reasons = assessment.reasons.clone();
    let verdict = match &assessment.fate {
        Fate::Stays => Verdict::Keep,
        Fate::Issue(issue) => {
            let action = if assessment.current.is_some() { Action::Replace } else { Action::Create };
            Verdict::Change { action, operations: vec![Operation::Issue(issue.clone())] }
        }
        // What is made now is in the request's own decision; the certificate is still to come.
        Fate::Request(_) | Fate::Pending => Verdict::Pending,
        Fate::Deferred => Verdict::Deferred,
        Fate::Blocked => Verdict::Blocked,
        Fate::Unverifiable => Verdict::Unverifiable,
    };
    let reasons = if verdict == Verdict::Keep { Vec::new() } else { reasons };
    let chosen =
        assessment.result.as_ref().and_then(|result| result.certificate.known()).map(|der| Thumbprint::of(&der.0));
    let is_ripple = reasons.iter().any(|reason| reason.code == super::checks::ISSUER_REPLACED);
    let follows = entry.signer().filter(|_| is_ripple).map(|signer| ResourceId::new("certificates", signer));
    let stands = assessment.result.as_ref().is_some_and(|result| result.known.is_some());
    Decision { verdict, reasons, chosen, follows, stands, ..Decision::keep(id, at) }.traced(trace)
}

/// The content of a file in one of the forms; `None` where the entry has nothing for it.
pub fn content(
    case: &Case<'_>,
    form: FileForm,
    password: Option<&crate::model::secret::SecretReference>,
) -> Option<FileContent> {
    let result = case.assessment.result.as_ref()?;
    let chain = chain_in(case, form, result);
    Some(FileContent::Form(Box::new(FormContent {
        form,
        certificate: result.certificate.clone(),
        chain,
        key: if form.is_private() { Some(result.key.clone()?) } else { None },
        password: password.cloned(),
        friendly_name: case.entry.friendly_name.clone(),
    })))
}

/// The authorities that a file in one of the forms holds: no others can make it another file.
pub fn chain_in(case: &Case<'_>, form: FileForm, result: &super::assess::Outcome) -> Vec<CertificateRef> {
    match form {
        // Whoever is its own authority is its own chain.
        FileForm::ChainPem if result.chain.is_empty() => vec![result.certificate.clone()],
        FileForm::ChainPem | FileForm::P7b | FileForm::Pfx | FileForm::PfxLegacy => result.chain.clone(),
        FileForm::FullchainPem => without_root(case, result),
        FileForm::KeyPem
        | FileForm::CertificatePem
        | FileForm::CertificateDer
        | FileForm::Csr
        | FileForm::Thumbprint
        | FileForm::PublicKey => Vec::new(),
    }
}

/// The chain as a server sends it: the root is left to those who trust it.
fn without_root(case: &Case<'_>, result: &super::assess::Outcome) -> Vec<CertificateRef> {
    let mut chain = result.chain.clone();
    let is_root = chain.last().is_some_and(|last| match last {
        CertificateRef::Known(der) => {
            crate::formats::x509::Certificate::parse(&der.0).is_ok_and(|last| last.is_self_issued())
        }
        CertificateRef::Made(id) => case.scene.all.entry(id.name()).is_some_and(|entry| entry.signer().is_none()),
    });
    if is_root {
        chain.pop();
    }
    chain
}

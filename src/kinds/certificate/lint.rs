//! What is worth saying about an entry's part of the finished plan: the ripple, what is weak, what others have to do.

use super::assess::{Fate, Scene};
use super::bundle;
use super::checks::{ISSUER_REPLACED, day};
use super::wanted::{WantedCertificate, WantedIssuer};
use crate::formats::upcase;
use crate::formats::x509::{Digest, KeyAlgorithm};
use crate::kinds::Context;
use crate::model::fact::Facts;
use crate::model::verdict::{Decision, Finding, Severity};

/// Adds the findings of an entry.
pub fn lint(
    entry: &WantedCertificate,
    facts: &Facts,
    context: &Context<'_>,
    _: &[Decision],
    findings: &mut Vec<Finding>,
) {
    if !entry.is_present() {
        return;
    }
    let scene = Scene { facts, as_of: context.as_of, all: context.certificates() };
    let finding = |severity, code: &'static str, message: String, hint: Option<String>| Finding {
        severity,
        code: code.into(),
        message,
        hint,
        id: Some(entry.address()),
        at: Some(entry.at),
    };
    if let WantedIssuer::Bundle(sources) = &entry.issuer.value {
        if let Ok(content) = bundle::content(sources, scene) {
            for (path, why) in content.unusable {
                let message = format!("{path} is passed over: {why}");
                findings.push(finding(Severity::Warning, "certificate.unusable_file", message, None));
            }
        }
        return;
    }
    let assessment = scene.all.assess(&entry.name, scene);
    for warning in &assessment.warnings {
        let message = format!("{}: {}", entry.address(), warning.message.as_deref().unwrap_or_default());
        let hint = Some("ask whoever issued it for a new one".to_owned());
        findings.push(finding(Severity::Warning, "certificate.nears_expiry", message, hint));
    }
    if let Some(known) = assessment.result.as_ref().and_then(|result| result.known.as_ref()) {
        let is_short = matches!(known.public_key().algorithm(), KeyAlgorithm::Rsa { bits } if bits < 2048);
        let is_sha1 = known.digest() == Some(Digest::Sha1) && !known.is_self_issued();
        if entry.allow_weak && (is_short || is_sha1) {
            let what = if is_sha1 { "is signed with SHA-1" } else { "has a short key" };
            let message = format!("{} {what}, which is put up with", entry.address());
            findings.push(finding(Severity::Warning, "certificate.weak", message, None));
        }
    }
    if entry.staged_key().is_some() {
        let message = format!(
            "the key of {} is kept in a file of trueup's record, readable by whoever reads the disk",
            entry.address()
        );
        let hint =
            "apply on the live machine puts it into the key store; leave `stage_keys` out where keys can be made there";
        findings.push(finding(Severity::Warning, "certificate.key_staged", message, Some(hint.to_owned())));
    }
    if let (Fate::Issue(issue), Some(signer)) = (&assessment.fate, entry.signer()) {
        let seconds = i64::try_from(entry.valid_for.seconds()).unwrap_or(i64::MAX);
        let wanted = context.as_of.checked_add(jiff::SignedDuration::from_secs(seconds)).ok();
        if wanted.is_some_and(|wanted| wanted.as_second() > issue.template.not_after.as_second()) {
            let until = day(issue.template.not_after);
            let message = format!("{} is valid until {until} only: `{signer}` ends then", entry.address());
            let hint = format!(
                "renew `{signer}` earlier: its `renew_before` should not be below the `valid_for` of what it signs"
            );
            findings.push(finding(Severity::Warning, "certificate.shortened", message, Some(hint)));
        }
    }
    if let Some(message) = ripple(entry, scene) {
        findings.push(finding(Severity::Info, "certificate.ripple", message, None));
    }
}

/// What follows when an authority is replaced, in one line; `None` where nothing does.
fn ripple(entry: &WantedCertificate, scene: Scene<'_>) -> Option<String> {
    let assessment = scene.all.assess(&entry.name, scene);
    let is_root_cause = matches!(assessment.fate, Fate::Issue(_))
        && !assessment.reasons.iter().any(|reason| reason.code == ISSUER_REPLACED);
    if !is_root_cause || assessment.current.is_none() {
        return None;
    }
    let mut below: Vec<&WantedCertificate> = scene
        .all
        .entries()
        .filter(|other| is_below(other, &entry.name, scene))
        .filter(|other| matches!(scene.all.assess(&other.name, scene).fate, Fate::Issue(_)))
        .collect();
    below.sort_by(|a, b| a.name.cmp(&b.name));
    let all = || std::iter::once(entry).chain(below.iter().copied());
    let counted = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let mut parts = Vec::new();
    if !below.is_empty() {
        parts.push(counted(below.len(), "certificate"));
    }
    let files: usize = all().map(|entry| entry.files.len()).sum();
    if files > 0 {
        parts.push(counted(files, "file"));
    }
    let stores: usize = all().map(|entry| entry.stores.len()).sum();
    if stores > 0 {
        parts.push(counted(stores, "store"));
    }
    let consumers: usize = all().map(|entry| entry.used_by.len()).sum();
    if consumers > 0 {
        parts.push(counted(consumers, "consumer"));
    }
    let mut services: Vec<&str> = Vec::new();
    for service in all().flat_map(|entry| entry.common.on_change.services()) {
        if !services.iter().any(|known| upcase::eq(known, service)) {
            services.push(service);
        }
    }
    if !services.is_empty() {
        parts.push(format!("then restart {}", services.join(", ")));
    }
    if all().any(|entry| entry.common.on_change.reboot) {
        parts.push("then reboot".to_owned());
    }
    (!parts.is_empty()).then(|| format!("{} is replaced, and so: {}", entry.address(), parts.join(", ")))
}

/// How many authorities are followed upwards.
const MAX_DEPTH: usize = 32;

fn is_below(entry: &WantedCertificate, authority: &str, scene: Scene<'_>) -> bool {
    let mut signer = entry.signer().map(str::to_owned);
    for _ in 0..MAX_DEPTH {
        let Some(name) = signer else { return false };
        if upcase::eq(&name, authority) {
            return true;
        }
        signer = scene.all.entry(&name).and_then(|entry| entry.signer().map(str::to_owned));
    }
    false
}

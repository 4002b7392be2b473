//! What becomes of an entry's certificate: it stays, a new one is made, or somebody else has to act. Pure; what an entry's
//! authority becomes is asked first, so that a replacement ripples down.

use std::rc::Rc;

use jiff::Timestamp;

use super::Certificates;
use super::checks::{self, ABSENT, Above, Case, Strictness};
use super::found::{self, Candidate, KeyFound};
use super::keys;
use super::sight::{LAST, Sight};
use super::stores;
use super::wanted::{BundleSource, WantedCertificate, WantedIssuer};
use crate::formats::x509::{Certificate, Digest, KeyAlgorithm, PublicKey, Template};
use crate::model::certificate::{CertificateRef, Issue, IssueKey, IssuedBy, KeyRef};
use crate::model::fact::{Facts, Unread};
use crate::model::file::{Der, FilePath};
use crate::model::resource::ResourceId;
use crate::model::verdict::Reason;

/// So much earlier than now a new certificate begins, for clocks that are late.
const BACKDATING: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// What is decided about one entry.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// The entry's certificate as it is now.
    pub current: Option<Rc<Certificate>>,
    pub fate: Fate,
    /// Why a new certificate is needed, or why none can be had.
    pub reasons: Vec<Reason>,
    /// What the entry's places will hold; `None` while there is nothing to put there.
    pub result: Option<Outcome>,
    /// What is worth saying without being changed.
    pub warnings: Vec<Reason>,
    /// The present certificate is certainly the entry's: it may be taken away when another one takes its place.
    pub is_own: bool,
}

/// What becomes of the certificate.
#[derive(Clone, Debug)]
pub enum Fate {
    /// What is there, or is supplied, is right; its places may still have to be repaired.
    Stays,
    Issue(Box<Issue>),
    /// A key and a request are made; then somebody else has to sign.
    Request(Box<Issue>),
    Pending,
    Deferred,
    Blocked,
    Unverifiable,
}

/// The certificate that an entry has when the plan is done.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub certificate: CertificateRef,
    /// Of a certificate that is known already.
    pub known: Option<Rc<Certificate>>,
    /// Its key, where that is known already.
    pub public_key: Option<PublicKey>,
    /// The key's family, known or to be made.
    pub algorithm: KeyAlgorithm,
    /// Where its private key is to be had.
    pub key: Option<KeyRef>,
    /// The authorities above it, nearest first.
    pub chain: Vec<CertificateRef>,
    pub not_after: Timestamp,
}

impl Assessment {
    pub fn without(fate: Fate, reasons: Vec<Reason>) -> Self {
        Self { current: None, fate, reasons, result: None, warnings: Vec::new(), is_own: false }
    }
}

/// What an assessment rests on.
#[derive(Clone, Copy)]
pub struct Scene<'s> {
    pub facts: &'s Facts,
    pub as_of: Timestamp,
    pub all: &'s Certificates,
}

/// Decides about an entry.
pub fn assess(entry: &WantedCertificate, scene: Scene<'_>) -> Assessment {
    let sight = Sight::of(entry, scene);
    if let Some(assessment) = sight.obstacle() {
        return assessment;
    }
    let assessment = match &entry.issuer.value {
        WantedIssuer::Itself | WantedIssuer::Entry(_) => local(&sight),
        WantedIssuer::Existing => existing(&sight),
        WantedIssuer::Pfx { .. } | WantedIssuer::Files { .. } => supplied(&sight),
        WantedIssuer::Request { .. } => requested(&sight),
        WantedIssuer::Bundle(_) => Assessment::without(Fate::Stays, Vec::new()),
    };
    let is_own = assessment.current.as_ref().is_some_and(|current| sight.owns(current));
    Assessment { is_own, ..assessment }
}

/// What stands above an entry.
struct Signer {
    above: Option<(ResourceId, Rc<Assessment>)>,
    /// Until when the authority itself is valid.
    until: Option<Timestamp>,
    digest: Option<Digest>,
    crl_urls: Vec<String>,
    revoked: Option<String>,
}

fn signer(sight: &Sight<'_>) -> Signer {
    let own = sight.new_algorithm();
    let digest_of = |algorithm: &KeyAlgorithm| match algorithm {
        KeyAlgorithm::Rsa { .. } => Some(sight.entry.digest),
        other => other.own_digest(),
    };
    let Some(name) = sight.entry.signer() else {
        return Signer { above: None, until: None, digest: digest_of(&own), crl_urls: Vec::new(), revoked: None };
    };
    let address = ResourceId::new("certificates", name);
    let Some(authority) = sight.scene.all.entry(name) else {
        return Signer { above: None, until: None, digest: digest_of(&own), crl_urls: Vec::new(), revoked: None };
    };
    let assessment = sight.scene.all.assess(name, sight.scene);
    let result = assessment.result.as_ref();
    Signer {
        until: result.map(|result| result.not_after),
        digest: digest_of(result.map_or(&authority.key.algorithm, |result| &result.algorithm)),
        crl_urls: authority.crl.iter().filter_map(|crl| crl.url.clone()).collect(),
        revoked: revoked_above(sight, &authority, result),
        above: Some((address, assessment)),
    }
}

/// Whether an authority above has declared the certificate of an authority on the way void, in words.
fn revoked_above(sight: &Sight<'_>, authority: &WantedCertificate, result: Option<&Outcome>) -> Option<String> {
    let above = sight.scene.all.entry(authority.signer()?)?;
    let serial = crate::model::registry_data::hex(result?.known.as_ref()?.serial());
    let digits = serial.trim_start_matches('0');
    let list = &above.crl.as_ref()?.revoked;
    let one = list.iter().find(|one| one.serial.trim_start_matches('0') == digits)?;
    Some(format!(
        "`{}` has declared the certificate of `{}` void since {}",
        above.name,
        authority.name,
        checks::day(one.since)
    ))
}

/// A certificate that is made here.
fn local(sight: &Sight<'_>) -> Assessment {
    let entry = sight.entry;
    let signer = signer(sight);
    let until = sight.later(entry.valid_for);
    let until = signer.until.map_or(until, |limit| until.min(limit));
    let keys = sight.keys();
    let above = match &signer.above {
        None => Above::Nobody,
        Some((_, assessment)) => match (&assessment.result, &assessment.current) {
            (Some(result), current) => match (&result.known, current) {
                (Some(known), _) => Above::Stays(known),
                // The same key under the same name signs for what it signed before.
                (None, Some(current)) if signs_on(assessment, current) => Above::Stays(current),
                (None, _) => Above::Replaced,
            },
            // It cannot be replaced here and now: what it has signed is judged by what it is.
            (None, Some(current)) => Above::Stays(current),
            (None, None) => Above::Unknown,
        },
    };
    let own_serial = |certificate: &Certificate| own_revocation(sight, certificate);
    let problems = |candidate: &Candidate| {
        let void = signer.revoked.clone().or_else(|| own_serial(&candidate.certificate));
        let case = Case {
            above,
            digest: signer.digest,
            renewable_until: Some(until),
            crl_urls: Some(&signer.crl_urls),
            revoked: void.as_deref(),
            ..sight.case(&candidate.certificate, candidate.has_key, &keys, Strictness::Ours)
        };
        checks::problems(&case)
    };
    let chosen = sight.choose(|candidate| problems(candidate).len());
    let reasons = chosen.map_or_else(|| vec![Reason::code(ABSENT)], problems);
    let current = chosen.map(|candidate| Rc::clone(&candidate.certificate));
    // What the authority is not, this cannot become: told before anything else, unless it is fine as it is.
    let waits = signer.above.as_ref().and_then(|(id, assessment)| unavailable(id, assessment));
    if let Some((fate, reason)) = waits {
        let is_fine = reasons.is_empty() && matches!(fate, Fate::Deferred | Fate::Pending);
        if !is_fine {
            let reasons = reasons.into_iter().chain([reason]).collect();
            return Assessment { current, ..Assessment::without(fate, reasons) };
        }
    }
    let chain = chain_above(&signer);
    if reasons.is_empty()
        && let Some(current) = &current
    {
        let key = sight.home_of(current.public_key());
        let warnings = Vec::new();
        let result = Some(known_outcome(current, key, chain));
        return Assessment {
            current: Some(Rc::clone(current)),
            fate: Fate::Stays,
            reasons,
            result,
            warnings,
            is_own: false,
        };
    }
    if let Some((fate, reason)) = sight.without_place_for_key() {
        let reasons = reasons.into_iter().chain([reason]).collect();
        return Assessment { current, ..Assessment::without(fate, reasons) };
    }
    if let Some((fate, reason)) = sight.without_given_key() {
        let reasons = reasons.into_iter().chain([reason]).collect();
        return Assessment { current, ..Assessment::without(fate, reasons) };
    }
    let by = match &signer.above {
        None => IssuedBy::Itself,
        Some((_, assessment)) => match &assessment.result {
            Some(Outcome { certificate, key: Some(key), .. }) => {
                IssuedBy::Authority { certificate: certificate.clone(), key: key.clone() }
            }
            _ => {
                let name = entry.signer().unwrap_or_default();
                let is_elsewhere = !keys::has_key_store(sight.scene.facts) && is_key_in_store(sight, assessment);
                let (fate, message) = if is_elsewhere {
                    (Fate::Deferred, format!("the key of `{name}` is in the key store of the live machine"))
                } else {
                    (Fate::Blocked, format!("the key of `{name}` is not at hand"))
                };
                let reason = Reason::with("certificate.issuer_without_key", message);
                let reasons = reasons.into_iter().chain([reason]).collect();
                return Assessment { current, ..Assessment::without(fate, reasons) };
            }
        },
    };
    let issue = Issue {
        entry: entry.address(),
        template: template(sight, until, signer.digest, signer.crl_urls.clone()),
        key: sight.new_key(current.as_deref()),
        by,
        made: None,
    };
    let result = Outcome {
        certificate: CertificateRef::Made(entry.address()),
        known: None,
        public_key: None,
        algorithm: sight.new_algorithm(),
        key: Some(KeyRef::Made(entry.address())),
        chain,
        not_after: until,
    };
    Assessment {
        current,
        fate: Fate::Issue(Box::new(issue)),
        reasons,
        result: Some(result),
        warnings: Vec::new(),
        is_own: false,
    }
}

/// Whether what an authority signed stays good when it gets a new certificate: the same key under the same name.
fn signs_on(assessment: &Assessment, current: &Certificate) -> bool {
    match &assessment.fate {
        Fate::Issue(issue) => {
            matches!(issue.key, IssueKey::Reuse(_)) && issue.template.subject == *current.subject() && {
                let given = |reason: &Reason| {
                    reason.code == "certificate.key_differs" || reason.code == "certificate.key_mismatch"
                };
                !assessment.reasons.iter().any(given)
            }
        }
        _ => false,
    }
}

/// Whether the authority that signed it has declared the certificate itself void.
fn own_revocation(sight: &Sight<'_>, certificate: &Certificate) -> Option<String> {
    let authority = sight.scene.all.entry(sight.entry.signer()?)?;
    let serial = crate::model::registry_data::hex(certificate.serial());
    let digits = serial.trim_start_matches('0');
    let one = authority.crl.as_ref()?.revoked.iter().find(|one| one.serial.trim_start_matches('0') == digits)?;
    Some(format!("`{}` has declared it void since {}", authority.name, checks::day(one.since)))
}

/// Why an authority cannot sign, and what that makes of what it should sign.
fn unavailable(id: &ResourceId, assessment: &Assessment) -> Option<(Fate, Reason)> {
    let reason = |code, what: &str| Reason::with(code, format!("{id} {what}"));
    match assessment.fate {
        Fate::Stays | Fate::Issue(_) => None,
        // It waits for the next one, and is good as it is.
        _ if assessment.result.is_some() => None,
        Fate::Request(_) | Fate::Pending => {
            Some((Fate::Pending, reason("certificate.issuer_pending", "waits for its authority")))
        }
        Fate::Deferred => Some((Fate::Deferred, reason("certificate.issuer_deferred", "is made on the live machine"))),
        Fate::Blocked => Some((Fate::Blocked, reason("certificate.issuer_blocked", "cannot sign as it is"))),
        Fate::Unverifiable => Some((Fate::Unverifiable, reason("certificate.issuer_unverifiable", "cannot be read"))),
    }
}

/// Whether Windows knows the key of the authority that signs an entry.
fn is_key_in_store(sight: &Sight<'_>, assessment: &Assessment) -> bool {
    let authority = sight.entry.signer().and_then(|name| sight.scene.all.entry(name));
    let known = assessment.result.as_ref().and_then(|result| result.known.as_ref());
    authority.zip(known).is_some_and(|(authority, known)| stores::knows_key(&authority, known, sight.scene))
}

fn chain_above(signer: &Signer) -> Vec<CertificateRef> {
    let assessment = signer.above.as_ref().map(|(_, assessment)| &**assessment);
    // An authority that cannot be replaced here is what it is.
    if let Some(Assessment { result: None, current: Some(current), .. }) = assessment {
        return vec![CertificateRef::Known(Der(std::sync::Arc::clone(current.der())))];
    }
    let result = assessment.and_then(|assessment| assessment.result.as_ref());
    result
        .map(|result| std::iter::once(result.certificate.clone()).chain(result.chain.iter().cloned()).collect())
        .unwrap_or_default()
}

fn known_outcome(certificate: &Rc<Certificate>, key: Option<KeyRef>, chain: Vec<CertificateRef>) -> Outcome {
    Outcome {
        certificate: CertificateRef::Known(Der(std::sync::Arc::clone(certificate.der()))),
        known: Some(Rc::clone(certificate)),
        public_key: Some(certificate.public_key().clone()),
        algorithm: certificate.public_key().algorithm(),
        key,
        chain,
        not_after: certificate.not_after(),
    }
}

fn template(sight: &Sight<'_>, until: Timestamp, digest: Option<Digest>, crl_urls: Vec<String>) -> Template {
    let entry = sight.entry;
    let from = sight.scene.as_of.checked_sub(BACKDATING).unwrap_or(sight.scene.as_of);
    Template {
        subject: entry.subject.as_ref().map(|subject| subject.value.clone()).unwrap_or_default(),
        names: entry.names.clone(),
        key_usage: entry.key_usage,
        extended: entry.extended.clone(),
        authority: entry.authority,
        not_before: Timestamp::from_second(from.as_second()).unwrap_or(from),
        not_after: until,
        digest: digest.unwrap_or(entry.digest),
        crl_urls,
    }
}

/// A certificate that is there already, by intent or by its thumbprint.
fn existing(sight: &Sight<'_>) -> Assessment {
    let keys: Vec<KeyFound> = Vec::new();
    let problems = |candidate: &Candidate| {
        checks::problems(&sight.case(&candidate.certificate, candidate.has_key, &keys, Strictness::Theirs))
    };
    let pinned = sight.entry.thumbprint.as_ref();
    let chosen = match pinned {
        Some(pinned) => sight.candidates.iter().find(|candidate| pinned.value.is_of(candidate.certificate.der())),
        None => {
            sight.choose(|candidate| problems(candidate).iter().filter(|problem| !checks::is_warning(problem)).count())
        }
    };
    let Some(candidate) = chosen else {
        let message = match pinned {
            Some(pinned) => format!("none of its places holds {}", pinned.value),
            None => "none of its places holds such a certificate".to_owned(),
        };
        return Assessment::without(Fate::Blocked, vec![Reason::with(ABSENT, message)]);
    };
    let certificate = &candidate.certificate;
    let (warnings, reasons): (Vec<Reason>, Vec<Reason>) = problems(candidate).into_iter().partition(checks::is_warning);
    let mut pool: Vec<Rc<Certificate>> =
        sight.candidates.iter().map(|candidate| Rc::clone(&candidate.certificate)).collect();
    pool.extend(found::in_files(sight.entry, sight.scene.facts));
    let chain = path_above(certificate, &pool);
    let fate = if reasons.is_empty() { Fate::Stays } else { Fate::Blocked };
    let result = reasons.is_empty().then(|| known_outcome(certificate, sight.home_of(certificate.public_key()), chain));
    Assessment { current: Some(Rc::clone(certificate)), fate, reasons, result, warnings, is_own: false }
}

/// A certificate that somebody puts into a file for trueup to take.
fn supplied(sight: &Sight<'_>) -> Assessment {
    let (path, aspect, key) = match &sight.entry.issuer.value {
        WantedIssuer::Pfx { path, password } => {
            let key = KeyRef::File { path: path.clone(), password: Some(password.clone()) };
            (path, crate::model::file::FileAspect::Pfx { password: password.clone() }, Some(key))
        }
        WantedIssuer::Files { certificate, key } => {
            let key = key.clone().map(|path| KeyRef::File { path, password: None });
            (certificate, crate::model::file::FileAspect::Certificates, key)
        }
        _ => return Assessment::without(Fate::Stays, Vec::new()),
    };
    let refuse = |fate, code, message: String| Assessment::without(fate, vec![Reason::with(code, message)]);
    let fact = match found::file(path, &aspect, sight.scene.facts) {
        Ok(Some(fact)) => fact,
        Ok(None) => return refuse(Fate::Blocked, ABSENT, format!("{path} is not there")),
        Err(unread @ Unread::Unsupported { .. }) => {
            return refuse(Fate::Deferred, "certificate.source_deferred", unread.to_string());
        }
        Err(unread @ Unread::NotCaptured { .. }) => {
            return refuse(Fate::Unverifiable, "certificate.not_captured", unread.to_string());
        }
        Err(unread) => return refuse(Fate::Blocked, "certificate.unreadable", unread.to_string()),
    };
    match &fact.holds {
        crate::model::file::FileHolds::Unusable(why) => {
            return refuse(Fate::Blocked, "certificate.unreadable", format!("{path}: {why}"));
        }
        crate::model::file::FileHolds::Sealed => {
            let message = format!("the password of {path} is another one, or is not to be had here");
            return refuse(Fate::Unverifiable, "secret.unresolved", message);
        }
        _ => {}
    }
    let all = found::certificates(fact);
    let Some((certificate, others)) = all.split_first() else {
        return refuse(
            Fate::Blocked,
            "certificate.unreadable",
            format!("{path} holds no certificate that can be read"),
        );
    };
    let keys: Vec<KeyFound> = key.iter().map(|key| found::key(key, sight.scene.facts)).collect();
    let case = sight.case(certificate, false, &keys, Strictness::Theirs);
    let (warnings, reasons): (Vec<Reason>, Vec<Reason>) =
        checks::problems(&case).into_iter().partition(checks::is_warning);
    let fate = if reasons.is_empty() { Fate::Stays } else { Fate::Blocked };
    let result = reasons.is_empty().then(|| known_outcome(certificate, key, path_above(certificate, others)));
    let current = sight.choose(|_| 0).map(|candidate| Rc::clone(&candidate.certificate));
    Assessment { current, fate, reasons, result, warnings, is_own: false }
}

/// A certificate that an authority elsewhere signs on request.
fn requested(sight: &Sight<'_>) -> Assessment {
    let WantedIssuer::Request { inbox, trust } = &sight.entry.issuer.value else {
        return Assessment::without(Fate::Stays, Vec::new());
    };
    let pool = match pool(trust, sight) {
        Ok(pool) => pool,
        Err(assessment) => return *assessment,
    };
    let keys = sight.keys();
    let problems = |candidate: &Candidate| {
        checks::problems(&sight.case(&candidate.certificate, candidate.has_key, &keys, Strictness::Theirs))
    };
    let chosen = sight.choose(|candidate| problems(candidate).len());
    let reasons = chosen.map_or_else(|| vec![Reason::code(ABSENT)], problems);
    let current = chosen.map(|candidate| Rc::clone(&candidate.certificate));
    // What nears its end is in use until the next one is there.
    let is_usable = reasons.iter().all(checks::is_warning);
    let result = current.as_ref().filter(|_| is_usable).map(|current| {
        let chain = path_above(current, &with_companions(&pool, inbox.as_ref(), sight));
        known_outcome(current, sight.home_of(current.public_key()), chain)
    });
    if result.is_some() && reasons.is_empty() {
        return Assessment { current, fate: Fate::Stays, reasons, result, warnings: Vec::new(), is_own: false };
    }
    if let Some((fate, reason)) = sight.without_place_for_key() {
        let reasons = reasons.into_iter().chain([reason]).collect();
        return Assessment { current, ..Assessment::without(fate, reasons) };
    }
    let pending_place = sight.entry.pending_key().map(|path| KeyRef::File { path, password: None });
    let pending = pending_place.as_ref().map(|place| found::key(place, sight.scene.facts));
    let is_given = |key: &PublicKey| !matches!(&sight.given_key, Some(KeyFound::Key(given)) if given != key);
    if let (Some(KeyFound::Key(key)), Some(place)) = (&pending, &pending_place)
        && is_given(key)
    {
        let delivered =
            super::inbox::delivered(sight.entry, inbox.as_ref(), key, current.as_deref(), &pool, sight.scene);
        match delivered {
            super::inbox::Delivered::Good { certificate, chain } => {
                let result = Some(known_outcome(&certificate, Some(place.clone()), chain));
                return Assessment { current, fate: Fate::Stays, reasons, result, warnings: Vec::new(), is_own: false };
            }
            super::inbox::Delivered::Wrong(wrong) => {
                return Assessment { current, result, ..Assessment::without(Fate::Blocked, wrong) };
            }
            super::inbox::Delivered::Nothing
                if super::inbox::is_asked(sight.entry, key, &sight.new_algorithm(), sight.scene.facts) =>
            {
                let message = match inbox {
                    Some(inbox) => {
                        format!("the request waits for its authority; the certificate is looked for in {inbox}")
                    }
                    None => "the request waits for its authority".to_owned(),
                };
                let reasons = reasons.into_iter().chain([Reason::with("certificate.pending", message)]).collect();
                return Assessment { current, result, ..Assessment::without(Fate::Pending, reasons) };
            }
            super::inbox::Delivered::Nothing => {}
        }
    }
    if let Some((fate, reason)) = sight.without_given_key() {
        let reasons = reasons.into_iter().chain([reason]).collect();
        return Assessment { current, ..Assessment::without(fate, reasons) };
    }
    let key = match (&pending, pending_place) {
        // The request changes; its key has not been used for anything yet.
        (Some(KeyFound::Key(key)), Some(place)) if is_given(key) && key.algorithm() == sight.new_algorithm() => {
            IssueKey::Reuse(place)
        }
        _ => sight.new_key(current.as_deref()),
    };
    let digest = match sight.new_algorithm() {
        KeyAlgorithm::Rsa { .. } => None,
        other => other.own_digest(),
    };
    let issue = Issue {
        entry: sight.entry.address(),
        template: Template {
            not_after: sight.later(sight.entry.valid_for),
            ..template(sight, LAST, digest, Vec::new())
        },
        key,
        by: IssuedBy::Request,
        made: None,
    };
    Assessment { current, result, ..Assessment::without(Fate::Request(Box::new(issue)), reasons) }
}

/// The authorities that are trusted for a certificate, and those that came along with it, or were installed with it.
fn with_companions(trust: &[Rc<Certificate>], inbox: Option<&FilePath>, sight: &Sight<'_>) -> Vec<Rc<Certificate>> {
    let sent = inbox.and_then(|inbox| found::source(inbox, sight.scene.facts).ok()).unwrap_or_default();
    let sent = sent.into_iter().filter_map(|(_, content)| content.ok()).flatten();
    trust.iter().cloned().chain(found::in_files(sight.entry, sight.scene.facts)).chain(sent).collect()
}

/// The certificates of authorities that may have signed, and those that came with them.
fn pool(trust: &[BundleSource], sight: &Sight<'_>) -> Result<Vec<Rc<Certificate>>, Box<Assessment>> {
    let mut pool = Vec::new();
    for source in trust {
        match source {
            BundleSource::Certificates(ders) => {
                pool.extend(ders.iter().filter_map(|der| Certificate::parse(&der.0).ok().map(Rc::new)));
            }
            BundleSource::Path(path) => match found::source(path, sight.scene.facts) {
                Ok(files) => pool.extend(files.into_iter().filter_map(|(_, content)| content.ok()).flatten()),
                Err(Unread::Unsupported { .. }) => {}
                Err(unread) => {
                    let reason = Reason::with("certificate.unreadable", unread.to_string());
                    return Err(Box::new(Assessment::without(Fate::Blocked, vec![reason])));
                }
            },
        }
    }
    Ok(pool)
}

/// How long a chain may be.
const MAX_CHAIN: usize = 16;

/// The authorities above a certificate, as far as they are in the pool, nearest first.
pub fn path_above(certificate: &Certificate, pool: &[Rc<Certificate>]) -> Vec<CertificateRef> {
    let mut path: Vec<Rc<Certificate>> = Vec::new();
    while path.len() < MAX_CHAIN {
        let last = path.last().map_or(certificate, |last| last);
        if last.is_self_issued() {
            break;
        }
        let above = pool.iter().find(|above| above.der() != last.der() && last.is_signed_by(above).is_ok());
        match above {
            Some(above) if !path.iter().any(|known| known.der() == above.der()) => path.push(Rc::clone(above)),
            _ => break,
        }
    }
    path.iter().map(|above| CertificateRef::Known(Der(std::sync::Arc::clone(above.der())))).collect()
}

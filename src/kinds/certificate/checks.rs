//! Is the certificate good? An ordered chain of pure checks, each with its reason code. Those that others have signed are held to
//! what the document spells out.

use jiff::Timestamp;

use super::found::KeyFound;
use super::wanted::WantedCertificate;
use crate::formats::x509::{Certificate, Digest, KeyAlgorithm};
use crate::model::verdict::Reason;

/// How strictly a certificate is held to the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// It was made here: it says exactly what the document says.
    Ours,
    /// Others have signed it: what the document spells out must be in it.
    Theirs,
}

/// The authority above a certificate, as it will be when the plan is done.
#[derive(Clone, Copy, Debug)]
pub enum Above<'c> {
    /// It signs itself.
    Nobody,
    /// Nothing is known of its authority.
    Unknown,
    /// It stays as it is.
    Stays(&'c Certificate),
    /// Another one takes its place, with another key or name.
    Replaced,
}

/// All that the checks look at.
#[derive(Clone, Copy)]
pub struct Case<'c> {
    pub entry: &'c WantedCertificate,
    pub certificate: &'c Certificate,
    pub strictness: Strictness,
    /// What the places of its key hold.
    pub keys: &'c [KeyFound],
    /// Windows knows a key for it.
    pub has_key: bool,
    /// Nothing but the key store keeps its key.
    pub needs_stored_key: bool,
    pub above: Above<'c>,
    /// The digest that it would be signed with now.
    pub digest: Option<Digest>,
    /// Until when a new one would be valid; `None` where nobody here makes one.
    pub renewable_until: Option<Timestamp>,
    /// Where the revocation list of whoever signs it is to be found.
    pub crl_urls: Option<&'c [String]>,
    /// The key that the document names for it.
    pub given_key: Option<&'c KeyFound>,
    /// An authority above it has declared its certificate, or that of an authority on the way, void.
    pub revoked: Option<&'c str>,
    pub as_of: Timestamp,
}

type Check = fn(&Case<'_>) -> Option<Reason>;

/// The checks in their order.
const CHECKS: [Check; 15] = [
    no_private_key,
    key_mismatch,
    expired,
    not_yet_valid,
    nears_expiry,
    subject_differs,
    names_differ,
    usage_differs,
    crl_url_differs,
    key_weak,
    key_differs,
    digest_differs,
    issuer_replaced,
    issuer_differs,
    revoked,
];

/// Everything that is wrong with a certificate, in the order of the checks.
pub fn problems(case: &Case<'_>) -> Vec<Reason> {
    CHECKS.iter().filter_map(|check| check(case)).collect()
}

/// Whether a problem is one that a certificate from elsewhere is only warned of.
pub fn is_warning(reason: &Reason) -> bool {
    reason.code == NEARS_EXPIRY
}

pub const ABSENT: &str = "certificate.absent";
pub const NEARS_EXPIRY: &str = "certificate.nears_expiry";
pub const ISSUER_REPLACED: &str = "certificate.issuer_replaced";

fn no_private_key(case: &Case<'_>) -> Option<Reason> {
    let is_missing = !case.has_key
        && (case.needs_stored_key || !case.keys.is_empty())
        && case.keys.iter().all(|key| matches!(key, KeyFound::Absent | KeyFound::Unusable(_)));
    if !is_missing {
        return None;
    }
    let why = case.keys.iter().find_map(|key| match key {
        KeyFound::Unusable(why) => Some(why.clone()),
        _ => None,
    });
    Some(match why {
        Some(why) => Reason::with("certificate.no_private_key", why),
        None => Reason::code("certificate.no_private_key"),
    })
}

fn key_mismatch(case: &Case<'_>) -> Option<Reason> {
    let known = || case.keys.iter().filter_map(|key| if let KeyFound::Key(key) = key { Some(key) } else { None });
    let is_other = known().next().is_some() && known().all(|key| key != case.certificate.public_key());
    is_other.then(|| Reason::with("certificate.key_mismatch", "the key in its file belongs to another certificate"))
}

fn expired(case: &Case<'_>) -> Option<Reason> {
    let end = case.certificate.not_after();
    (case.as_of > end).then(|| Reason::with("certificate.expired", format!("since {}", day(end))))
}

fn not_yet_valid(case: &Case<'_>) -> Option<Reason> {
    let start = case.certificate.not_before();
    (case.as_of < start).then(|| Reason::with("certificate.not_yet_valid", format!("before {}", day(start))))
}

fn nears_expiry(case: &Case<'_>) -> Option<Reason> {
    let end = case.certificate.not_after();
    if case.as_of > end || seconds_until(case.as_of, end) > case.entry.renew_before.seconds() {
        return None;
    }
    // A new one that ends no later would be due again at once.
    if case.renewable_until.is_some_and(|until| until <= end) {
        return None;
    }
    let days = seconds_until(case.as_of, end) / 86_400;
    let left = match days {
        0 => "less than a day left".to_owned(),
        1 => "1 day left".to_owned(),
        days => format!("{days} days left"),
    };
    Some(Reason::with(NEARS_EXPIRY, format!("{left}, until {}", day(end))))
}

fn subject_differs(case: &Case<'_>) -> Option<Reason> {
    let found = case.certificate.subject();
    match (&case.entry.subject, case.strictness) {
        (Some(wanted), _) if wanted.value == *found => None,
        (None, Strictness::Theirs) => None,
        (None, Strictness::Ours) if found.is_empty() => None,
        _ => Some(Reason::with("certificate.subject_differs", format!("it is {found}"))),
    }
}

fn names_differ(case: &Case<'_>) -> Option<Reason> {
    let (found, wanted) = (case.certificate.names(), &case.entry.names);
    let missing: Vec<String> = wanted.iter().filter(|name| !found.contains(name)).map(ToString::to_string).collect();
    let extra: Vec<String> = match case.strictness {
        Strictness::Ours => found.iter().filter(|name| !wanted.contains(name)).map(ToString::to_string).collect(),
        Strictness::Theirs => Vec::new(),
    };
    if missing.is_empty() && extra.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("without {}", missing.join(", ")));
    }
    if !extra.is_empty() {
        parts.push(format!("with {}", extra.join(", ")));
    }
    Some(Reason::with("certificate.names_differ", parts.join("; ")))
}

fn usage_differs(case: &Case<'_>) -> Option<Reason> {
    let (entry, found) = (case.entry, case.certificate);
    let differs = match case.strictness {
        Strictness::Ours => {
            let wanted: std::collections::BTreeSet<_> = entry.extended.iter().collect();
            let there: std::collections::BTreeSet<_> = found.extended().iter().collect();
            wanted != there
                || found.key_usage().unwrap_or_default() != entry.key_usage
                || found.authority() != entry.authority
        }
        Strictness::Theirs => {
            let is_missing = |usage| !found.extended().contains(usage);
            // Without the extension a certificate is good for everything.
            let lacks = entry.states_usage && !found.extended().is_empty() && entry.extended.iter().any(is_missing);
            lacks || (entry.authority.is_some() && found.authority().is_none())
        }
    };
    if !differs {
        return None;
    }
    let usages: Vec<String> = found.extended().iter().map(ToString::to_string).collect();
    let shown = if usages.is_empty() { "no purpose".to_owned() } else { usages.join(", ") };
    Some(Reason::with("certificate.usage_differs", format!("it is for {shown}")))
}

fn crl_url_differs(case: &Case<'_>) -> Option<Reason> {
    let found = case.certificate.crl_urls();
    let wanted = case.crl_urls?;
    let shown = if found.is_empty() { "it names none".to_owned() } else { format!("it names {}", found.join(", ")) };
    (found != wanted).then(|| Reason::with("certificate.crl_url_differs", shown))
}

/// The shortest RSA key that is not weak, in bits.
const SHORTEST_RSA: u32 = 2048;

fn key_weak(case: &Case<'_>) -> Option<Reason> {
    match case.certificate.public_key().algorithm() {
        algorithm @ KeyAlgorithm::Rsa { bits } if bits < SHORTEST_RSA && !case.entry.allow_weak => {
            Some(Reason::with("certificate.key_weak", algorithm.to_string()))
        }
        _ => None,
    }
}

fn key_differs(case: &Case<'_>) -> Option<Reason> {
    let found = case.certificate.public_key();
    if let Some(KeyFound::Key(given)) = case.given_key
        && given != found
    {
        return Some(Reason::with("certificate.key_differs", "the document names another key for it"));
    }
    let is_checked = case.strictness == Strictness::Ours || case.entry.key.is_stated;
    let algorithm = found.algorithm();
    // A key that the document names is taken as it is.
    (is_checked && case.given_key.is_none() && algorithm != case.entry.key.algorithm)
        .then(|| Reason::with("certificate.key_differs", format!("it is {algorithm}")))
}

fn digest_differs(case: &Case<'_>) -> Option<Reason> {
    let found = case.certificate.digest();
    let shown = || case.certificate.signature_algorithm().to_string();
    match case.strictness {
        Strictness::Ours => {
            (found != case.digest).then(|| Reason::with("certificate.digest_differs", format!("it is {}", shown())))
        }
        // A root is trusted for what it is, not for its signature.
        Strictness::Theirs => {
            let is_weak = found == Some(Digest::Sha1) && !case.entry.allow_weak && !case.certificate.is_self_issued();
            let is_other = case.entry.digest_at.is_some() && found.is_some_and(|found| found != case.entry.digest);
            (is_weak || (is_other && !case.entry.allow_weak))
                .then(|| Reason::with("certificate.digest_differs", format!("it is {}", shown())))
        }
    }
}

fn issuer_replaced(case: &Case<'_>) -> Option<Reason> {
    matches!(case.above, Above::Replaced).then(|| Reason::code(ISSUER_REPLACED))
}

fn issuer_differs(case: &Case<'_>) -> Option<Reason> {
    match case.above {
        Above::Stays(authority) => case
            .certificate
            .is_signed_by(authority)
            .err()
            .map(|error| Reason::with("certificate.issuer_differs", error.to_string())),
        // A self-signed certificate is its own authority.
        Above::Nobody if case.strictness == Strictness::Ours => case
            .certificate
            .is_signed_by(case.certificate)
            .err()
            .map(|error| Reason::with("certificate.issuer_differs", error.to_string())),
        Above::Nobody | Above::Unknown | Above::Replaced => None,
    }
}

fn revoked(case: &Case<'_>) -> Option<Reason> {
    case.revoked.map(|by| Reason::with("certificate.revoked_issuer", by))
}

pub fn seconds_until(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_second().saturating_sub(from.as_second())).unwrap_or(0)
}

/// A day as reports write it.
pub fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

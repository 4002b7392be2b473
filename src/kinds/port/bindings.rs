//! TLS bindings of http.sys against those that are there. Pure.

use super::places;
use super::rules;
use super::wanted::{CertificateSource, ClientCertificates, Revocation, WantedBinding, WantedPort};
use crate::formats::certificate_store::{StorePlace, certificate_key};
use crate::formats::guid::Guid;
use crate::formats::http_sys::{Binding, BindingField, BindingFlags, BindingKind, CheckMode, DEFAULT_STORE, Endpoint};
use crate::formats::registry_values::NamedValues;
use crate::kinds::Context;
use crate::kinds::certificate::Outlook;
use crate::model::certificate::ThumbprintForm;
use crate::model::digest;
use crate::model::fact::{Facts, KeyAspects, KeyTree, Observed, Queries, Stored, ValueSelection};
use crate::model::operation::{Expression, Operation};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::{REG_BINARY, RegistryData, hex};
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::setting::Setting;
use crate::model::thumbprint::Thumbprint;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// Who made the bindings of documents that name nobody.
pub const APP_ID: Guid = Guid::from_bytes(*b"\x9e\x27\x4c\x70\x51\xd3\x0e\x4b\xa1\x6f\x74\x72\x75\x65\x75\x70");

/// Asks for the bindings, and for the certificate that is pinned.
pub fn wants(wanted: &WantedBinding, queries: &mut Queries) {
    places::ask_bindings(queries);
    if let Some(CertificateSource::Pinned(thumbprint)) = wanted.certificate.as_ref().map(|source| &source.value)
        && let Some(key) = pinned_key(wanted, thumbprint)
    {
        let values = ValueSelection::Named(vec![crate::formats::certificate_store::BLOB.into()]);
        queries.key(&key, KeyAspects { values, ..KeyAspects::default() });
    }
}

/// The key of a pinned certificate in the binding's store.
pub fn pinned_key(wanted: &WantedBinding, thumbprint: &Thumbprint) -> Option<RegistryKey> {
    certificate_key(&store(wanted)?.registry_key()?, thumbprint)
}

/// The store of the local machine from which the binding takes its certificate.
pub fn store(wanted: &WantedBinding) -> Option<StorePlace> {
    StorePlace::parse(&format!("LocalMachine\\{}", wanted.store.as_deref().unwrap_or(DEFAULT_STORE))).ok()
}

/// A binding that is there.
pub struct Present {
    /// The key as it is named.
    pub key: RegistryKey,
    pub endpoint: Endpoint,
    pub tree: KeyTree,
}

/// All bindings of a list.
///
/// # Errors
/// The list could not be read.
pub fn present(kind: BindingKind, facts: &Facts) -> Observed<Vec<Present>> {
    let Some(list) = kind.key() else { return Ok(Vec::new()) };
    let Some(tree) = places::found(&list, facts)?.and_then(|fact| fact.tree.as_deref()) else { return Ok(Vec::new()) };
    let read = tree.subkeys.iter().filter_map(|key| {
        let endpoint = Endpoint::parse(kind, &key.name).ok()?;
        Some(Present { key: list.child(&key.name).ok()?, endpoint, tree: key.clone() })
    });
    Ok(read.collect())
}

fn values(tree: &KeyTree) -> Vec<(&str, &RegistryData)> {
    tree.values.iter().filter_map(|value| Some((&*value.name, value.data.plain()?))).collect()
}

/// The settings of a binding that is there.
///
/// # Errors
/// Its values are none, and why.
pub fn read(present: &Present) -> Result<Binding, String> {
    Binding::read(&NamedValues::new(values(&present.tree))).map_err(|error| error.to_string())
}

/// What is to stand in the binding: a thumbprint that is known, or one that the run makes.
enum Certificate {
    Known(Thumbprint),
    Made(Expression),
}

/// Decides about one binding of an entry.
pub fn compare(port: &WantedPort, wanted: &WantedBinding, facts: &Facts, context: &Context<'_>) -> Decision {
    let id = port.part(&wanted.part);
    let all = match present(wanted.endpoint.kind(), facts) {
        Ok(all) => all,
        Err(unread) => return rules::unread(id, wanted.at, Some(&unread)),
    };
    let found = all.into_iter().find(|each| each.endpoint == wanted.endpoint);
    if !port.is_present() {
        return absent(id, wanted, found.as_ref());
    }
    let before = match found.as_ref().map(read).transpose() {
        Ok(before) => before,
        Err(detail) => {
            let message = format!("what is there is no binding: {detail}; remove it by hand, or with `ensure: absent`");
            return Decision::blocked(id, wanted.at, Reason::with("ports.binding_damaged", message));
        }
    };
    let (certificate, source) = match certificate(wanted, facts, context) {
        Ok(found) => found,
        Err((verdict, reason, source)) => {
            let decision = Decision { verdict, reasons: vec![reason], ..Decision::keep(id, wanted.at) };
            return source.map_or(decision.clone(), |source| decision.following(source));
        }
    };
    let mut after = asked(wanted, before.as_ref());
    if let Certificate::Known(thumbprint) = &certificate {
        after.certificate = Some(thumbprint.bytes().into());
    }
    let trace = Trace {
        wanted: digest::of(&[b"binding", statement(wanted).as_bytes()]),
        found: found.as_ref().map_or(digest::ABSENT, |found| digest_of(&found.tree)),
        secret: None,
    };
    let differences = before.as_ref().map(|before| after.differences(before));
    if let (Some([]), Certificate::Known(_)) = (differences.as_deref(), &certificate) {
        return Decision::keep(id, wanted.at).traced(trace);
    }
    let Some(key) = found.as_ref().map(|found| found.key.clone()).or_else(|| wanted.endpoint.key()) else {
        return Decision::keep(id, wanted.at);
    };
    let mut steps = Vec::new();
    let mut operations = Vec::new();
    if found.is_none() {
        operations.extend(key.parent().map(|list| places::creations(&list, facts)).unwrap_or_default());
        steps.push(Operation::CreateRegistryKey { key: key.clone() });
    }
    let mut put = |name: &str, data: Option<Expression>| {
        let stored = found
            .as_ref()
            .and_then(|found| found.tree.values.iter().find(|value| crate::formats::upcase::eq(&value.name, name)));
        let before: Option<Stored> = stored.map(|value| value.data.clone());
        match (data, before) {
            (Some(after), before) => {
                steps.push(Operation::PutRegistryValue { key: key.clone(), name: name.into(), before, after });
            }
            (None, Some(before)) => {
                let name = stored.map_or(name, |value| &value.name).into();
                steps.push(Operation::RemoveRegistryValue { key: key.clone(), name, before });
            }
            (None, None) => {}
        }
    };
    if let Certificate::Made(expression) = &certificate {
        put(BindingField::Certificate.value_name(), Some(expression.clone()));
    }
    match &before {
        None => after.values().into_iter().for_each(|(name, data)| put(&name, Some(Expression::Registry(data)))),
        Some(before) => {
            let is_made = matches!(certificate, Certificate::Made(_));
            let writes = after.writes(before).into_iter();
            let certificate_name = BindingField::Certificate.value_name();
            writes
                .filter(|write| !is_made || write.name != certificate_name)
                .for_each(|write| put(write.name, write.data.map(Expression::Registry)));
        }
    }
    let is_made = matches!(certificate, Certificate::Made(_));
    let made = match &certificate {
        Certificate::Made(_) => source.as_ref().map(|source| format!("the new certificate of {source}")),
        Certificate::Known(_) => None,
    };
    let reason = match (&before, &differences) {
        (None, _) => Reason::code("ports.binding_absent"),
        (_, Some(fields)) if is_made && fields.iter().all(|field| *field == BindingField::Certificate) => {
            Reason::code("ports.certificate_follows")
        }
        (_, Some(fields)) => {
            let names: Vec<&str> = fields.iter().map(|field| field_word(*field)).collect();
            Reason::with("ports.binding_differs", format!("other {}", names.join(", ")))
        }
        (_, None) => Reason::code("ports.binding_differs"),
    };
    operations.push(Operation::Configure {
        setting: Setting::TlsBinding { endpoint: wanted.endpoint.to_string().into() },
        before: before.as_ref().map(|before| words(before, None).into()),
        after: Some(words(&after, made).into()),
        steps,
    });
    let action = if before.is_none() { Action::Create } else { Action::Update };
    let decision = Decision::change(id, wanted.at, action, reason, operations).traced(trace);
    match source {
        Some(source) if is_made => decision.following(source),
        _ => decision,
    }
}

fn absent(id: ResourceId, wanted: &WantedBinding, found: Option<&Present>) -> Decision {
    let trace = Trace {
        wanted: digest::ABSENT,
        found: found.map_or(digest::ABSENT, |found| digest_of(&found.tree)),
        secret: None,
    };
    let Some(found) = found else { return Decision::keep(id, wanted.at).traced(trace) };
    let step = Operation::RemoveRegistryTree { key: found.key.clone(), before: Box::new(found.tree.clone()) };
    let operation = Operation::Configure {
        setting: Setting::TlsBinding { endpoint: found.endpoint.to_string().into() },
        before: Some(
            read(found).map_or_else(|_| "what is no binding".to_owned(), |before| words(&before, None)).into(),
        ),
        after: None,
        steps: vec![step],
    };
    Decision::change(id, wanted.at, Action::Delete, Reason::code("ports.not_wanted"), vec![operation])
        .written_at(found.tree.last_written)
        .traced(trace)
}

/// The certificate of the binding, with the entry that it is of; else what that makes of the binding.
#[expect(clippy::type_complexity, reason = "two outcomes of one question, asked in one place")]
fn certificate(
    wanted: &WantedBinding,
    facts: &Facts,
    context: &Context<'_>,
) -> Result<(Certificate, Option<ResourceId>), (Verdict, Reason, Option<ResourceId>)> {
    let blocked = |code, message: String| (Verdict::Blocked, Reason::with(code, message), None);
    let Some(source) = &wanted.certificate else {
        return Err(blocked("ports.no_certificate", "the entry names no certificate".into()));
    };
    match &source.value {
        CertificateSource::Pinned(thumbprint) => Ok((Certificate::Known(*thumbprint), None)),
        CertificateSource::Entry(name) => {
            let address = ResourceId::new("certificates", &**name);
            match context.certificates().outlook(name, facts, context) {
                Outlook::Unknown => Err(blocked("ports.no_certificate", format!("the document has no {address}"))),
                Outlook::Leaves => Err(blocked(
                    "ports.certificate_leaves",
                    format!("{address} is to be absent, and the binding needs it"),
                )),
                Outlook::Waits(verdict) => {
                    let reason = Reason::with("ports.certificate_not_ready", format!("waits for {address}"));
                    Err((verdict, reason, Some(address)))
                }
                Outlook::Ready { certificate, .. } => Ok((
                    match certificate.thumbprint() {
                        Some(thumbprint) => Certificate::Known(thumbprint),
                        None => Certificate::Made(Expression::Thumbprint {
                            value_type: REG_BINARY,
                            certificate,
                            form: ThumbprintForm::Binary,
                        }),
                    },
                    Some(address),
                )),
            }
        }
    }
}

/// The binding as it should be: what the document does not speak of is what is there, or what `netsh` would write.
fn asked(wanted: &WantedBinding, before: Option<&Binding>) -> Binding {
    let mut after = before.cloned().unwrap_or_else(|| Binding {
        store: Some(DEFAULT_STORE.to_owned()),
        app_id: Some(APP_ID),
        flags: Some(BindingFlags::empty()),
        check_mode: Some(CheckMode::empty()),
        freshness_seconds: Some(0),
        url_timeout_millis: Some(0),
        ..Binding::default()
    });
    if let Some(store) = &wanted.store {
        after.store = Some(store.to_string());
    }
    after.app_id = wanted.app_id.or(after.app_id);
    let mut flags = after.flags.unwrap_or_default();
    if let Some(asked) = wanted.client_certificates {
        flags.set(BindingFlags::NEGOTIATE_CLIENT_CERTIFICATE, asked != ClientCertificates::Ignore);
        flags.set(BindingFlags::USE_DS_MAPPER, asked == ClientCertificates::Map);
    }
    if let Some(spoken) = wanted.http2 {
        flags.set(BindingFlags::DISABLE_HTTP2, !spoken);
    }
    if let Some(spoken) = wanted.legacy_tls {
        flags.set(BindingFlags::DISABLE_LEGACY_TLS, !spoken);
    }
    if flags != after.flags.unwrap_or_default() {
        after.flags = Some(flags);
    }
    if let Some(asked) = wanted.revocation {
        let mut mode = after.check_mode.unwrap_or_default();
        mode.set(CheckMode::NO_REVOCATION, asked == Revocation::Off);
        mode.set(CheckMode::CACHED_REVOCATION, asked == Revocation::Cached);
        if mode != after.check_mode.unwrap_or_default() {
            after.check_mode = Some(mode);
        }
    }
    after
}

const fn field_word(field: BindingField) -> &'static str {
    match field {
        BindingField::Certificate => "certificate",
        BindingField::AppId => "app id",
        BindingField::Store => "store",
        BindingField::Flags => "flags",
        BindingField::CheckMode => "revocation check",
        BindingField::Freshness => "freshness of revocation lists",
        BindingField::UrlTimeout => "timeout of revocation lists",
        BindingField::CtlIdentifier => "list of issuers",
        BindingField::CtlStore => "store of the list of issuers",
    }
}

/// A binding in words.
fn words(binding: &Binding, made: Option<String>) -> String {
    let certificate = made.unwrap_or_else(|| match &binding.certificate {
        Some(hash) => hex(hash).to_uppercase(),
        None => "no certificate".to_owned(),
    });
    let mut text = format!("{certificate} in {}", binding.store.as_deref().unwrap_or(DEFAULT_STORE));
    let flags = binding.flags.unwrap_or_default();
    for (flag, said) in [
        (BindingFlags::NEGOTIATE_CLIENT_CERTIFICATE, ", asks for client certificates"),
        (BindingFlags::USE_DS_MAPPER, ", maps them to accounts"),
        (BindingFlags::DISABLE_HTTP2, ", no HTTP/2"),
        (BindingFlags::DISABLE_LEGACY_TLS, ", no TLS before 1.2"),
    ] {
        if flags.contains(flag) {
            text.push_str(said);
        }
    }
    let mode = binding.check_mode.unwrap_or_default();
    if mode.contains(CheckMode::NO_REVOCATION) {
        text.push_str(", no revocation check");
    } else if mode.contains(CheckMode::CACHED_REVOCATION) {
        text.push_str(", revocation from the cache");
    }
    text
}

fn digest_of(tree: &KeyTree) -> u64 {
    let mut parts: Vec<String> = tree
        .values
        .iter()
        .map(|value| {
            format!("{} {:x}", crate::formats::upcase::fold(&value.name), digest::of_stored(Some(&value.data)))
        })
        .collect();
    parts.sort_unstable();
    digest::of(&[b"binding values", parts.join("\n").as_bytes()])
}

/// What the document says of a binding, in words.
pub fn statement(wanted: &WantedBinding) -> String {
    let certificate = match wanted.certificate.as_ref().map(|source| &source.value) {
        None => return "absent".to_owned(),
        Some(CertificateSource::Entry(name)) => format!("{}", ResourceId::new("certificates", &**name)),
        Some(CertificateSource::Pinned(thumbprint)) => thumbprint.to_string(),
    };
    let mut text = format!("{} at {}", certificate, wanted.endpoint);
    let word = |word: Option<String>, what: &str| word.map_or_else(String::new, |word| format!(", {what} {word}"));
    let spoken = |spoken: Option<bool>| spoken.map(|spoken| if spoken { "on" } else { "off" }.to_owned());
    text.push_str(&word(wanted.store.as_deref().map(str::to_owned), "store"));
    text.push_str(&word(wanted.app_id.map(|id| id.to_string()), "app id"));
    text.push_str(&word(
        wanted.client_certificates.map(|asked| {
            match asked {
                ClientCertificates::Ignore => "ignored",
                ClientCertificates::Negotiate => "negotiated",
                ClientCertificates::Map => "mapped",
            }
            .to_owned()
        }),
        "client certificates",
    ));
    text.push_str(&word(
        wanted.revocation.map(|asked| {
            match asked {
                Revocation::Check => "checked",
                Revocation::Cached => "from the cache",
                Revocation::Off => "off",
            }
            .to_owned()
        }),
        "revocation",
    ));
    text.push_str(&word(spoken(wanted.http2), "HTTP/2"));
    text.push_str(&word(spoken(wanted.legacy_tls), "TLS before 1.2"));
    text
}

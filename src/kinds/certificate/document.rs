//! The `certificates` section of a document: what each entry can say, and the rules that hold between entries.

use std::borrow::Cow;
use std::str::FromStr as _;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::forms::{IssuerForm, PlaceForm, SubjectForm, UsedByForm};
use super::rules;
use super::wanted::{
    BundleSource, KeepOld, Provider, RevokedSerial, WantedCertificate, WantedFile, WantedIssuer, WantedKey,
    WantedRevocationList,
};
use crate::formats::certificate_files::FileForm;
use crate::formats::upcase;
use crate::formats::x509::{
    AlternativeName, Authority, Digest, DistinguishedName, ExtendedUsage, KeyAlgorithm, KeyUsage,
};
use crate::kinds::registry::place_within;
use crate::kinds::sections::MergeRule;
use crate::model::certificate::KeyRef;
use crate::model::common::{Common, Ensure, OnChange};
use crate::model::decode::{Decode, Decoder, Unique};
use crate::model::diagnostic::Diagnostic;
use crate::model::file::FilePath;
use crate::model::moment::Moment;
use crate::model::node::{Key, Node};
use crate::model::record::{Fields, Record as _};
use crate::model::scalar::Duration;
use crate::model::secret::SecretReference;
use crate::model::source::{Location, Spanned};
use crate::model::thumbprint::Thumbprint;

const DAY: u64 = 86_400;
/// How long a certificate is valid where nothing is said: what browsers accepted longest, and what servers' guides print.
const VALID_FOR: Duration = Duration::from_seconds(825 * DAY);
const RENEW_BEFORE: Duration = Duration::from_seconds(30 * DAY);
const LIST_VALID_FOR: Duration = Duration::from_seconds(30 * DAY);
const LIST_RENEW_BEFORE: Duration = Duration::from_seconds(7 * DAY);
const RSA_BITS: u32 = 2048;

crate::record! {
    /// One certificate: what it says, who issues it, and where it lies.
    pub struct CertificateFields {
        /// Who issues it: `self`, the name of another entry, `existing`, `csr`, or a mapping that says where it comes from.
        #[example("self")]
        #[example("root")]
        #[example(serde_json::json!({ "csr": { "inbox": "C:\\Inbox\\web.cer" } }))]
        pub issuer: Option<Spanned<IssuerForm>>,
        /// It may sign other certificates: `true`, or how many authorities may follow it.
        #[example(true)]
        pub ca: Option<Spanned<AuthorityForm>>,
        /// The subject: a text as RFC 4514 writes it, which reads in reverse of the encoding, or a list in the order of the encoding.
        #[example("CN=acs-srv01.corp.example")]
        #[example(serde_json::json!([{ "C": "CH" }, { "O": "Example AG" }, { "CN": "acs-srv01.corp.example" }]))]
        pub subject: Option<Spanned<SubjectForm>>,
        /// The alternative names, each with its kind.
        #[example(["dns:acs-srv01.corp.example", "ip:10.0.0.5"])]
        pub names: Vec<Spanned<String>> = Vec::new(),
        /// What it is good for: `server`, `client`, `code_signing` …, or an object identifier.
        #[example(["server", "client"])]
        pub usage: Option<Vec<Spanned<String>>>,
        /// What its key may do; without it, what follows from `usage` and `ca`.
        #[example(["digital_signature", "key_encipherment"])]
        pub key_usage: Option<Vec<Spanned<String>>>,
        /// Its private key.
        pub key: Option<Spanned<PrivateKeyFields>>,
        /// The digest that it is signed with: `sha256`, `sha384`, `sha512`, or `sha1` with `allow_weak`.
        #[example("sha256")]
        pub digest: Option<Spanned<String>>,
        /// Put up with SHA-1 and short keys; each plan warns of it.
        pub allow_weak: bool = false,
        /// How long a new certificate is valid.
        pub valid_for: Option<Spanned<Duration>>,
        /// How long before its end it is renewed.
        pub renew_before: Option<Spanned<Duration>>,
        /// The system stores that hold it.
        #[example(["LocalMachine\\My"])]
        pub store: Option<Vec<Spanned<PlaceForm>>>,
        /// The name that Windows shows for it.
        pub friendly_name: Option<Spanned<String>>,
        /// The files that hold it, its key, or both.
        pub files: Option<Vec<Spanned<FileFields>>>,
        /// What becomes of the certificate that is replaced.
        pub keep_old: KeepOld = KeepOld::None,
        /// The revocation list of an authority.
        pub crl: Option<Spanned<RevocationFields>>,
        /// What on the machine holds the certificate's thumbprint.
        #[example(["rdp", "winrm"])]
        pub used_by: Option<Vec<Spanned<UsedByForm>>>,
        /// Keep the key in a file of trueup's own where the machine has no key store, such as an image.
        pub stage_keys: bool = false,
        /// Remove from the stores of a bundle what no entry names. Each removal is listed in the plan.
        pub exclusive: bool = false,
        /// List what is in the stores of a bundle and not named.
        pub report_unmanaged: bool = false,
        /// The thumbprint of an existing certificate, or of one that is to go.
        #[example("A9993E364706816ABA3E25717850C26C9CD0D89D")]
        pub thumbprint: Option<Spanned<Thumbprint>>,
        ..common: Common
    }
}

crate::record! {
    /// What every certificate of the document says that does not say otherwise itself.
    pub struct CertificateDefaults {
        /// Its private key.
        pub key: Option<Spanned<PrivateKeyFields>>,
        /// The digest that it is signed with.
        pub digest: Option<Spanned<String>>,
        /// Put up with SHA-1 and short keys; each plan warns of it.
        pub allow_weak: Option<bool>,
        /// How long a new certificate is valid.
        pub valid_for: Option<Spanned<Duration>>,
        /// How long before its end it is renewed.
        pub renew_before: Option<Spanned<Duration>>,
        /// What becomes of the certificate that is replaced.
        pub keep_old: Option<KeepOld>,
        /// Keep keys in files of trueup's own where the machine has no key store.
        pub stage_keys: Option<bool>,
        /// What else follows when a certificate changes.
        pub on_change: Option<OnChange>,
    }
}

crate::choice! {
    /// The family of a key.
    pub enum KeyFamily {
        /// RSA, of 2048 to 8192 bits.
        Rsa = "rsa",
        /// ECDSA, on the curve P-256 or P-384.
        Ecdsa = "ecdsa",
        /// Ed25519, for files only: Windows' stores cannot use it.
        Ed25519 = "ed25519",
    }
}

crate::choice! {
    /// An elliptic curve.
    pub enum Curve {
        /// P-256.
        P256 = "p256",
        /// P-384.
        P384 = "p384",
    }
}

crate::record! {
    /// A private key and who may read it.
    pub struct PrivateKeyFields {
        /// The family of the key: rsa where nothing is said.
        pub algorithm: Option<Spanned<KeyFamily>>,
        /// The length of an RSA key: 2048, 3072, 4096 or 8192.
        #[example(3072)]
        pub bits: Option<Spanned<u32>>,
        /// The curve of an ECDSA key: p256 where nothing is said.
        pub curve: Option<Spanned<Curve>>,
        /// Whether Windows lets the key be exported.
        pub exportable: bool = false,
        /// Use the key again when the certificate is renewed.
        pub reuse: bool = false,
        /// Use the key in this file in place of a new one.
        pub from: Option<Spanned<KeySource>>,
        /// The accounts that may read the key, beside administrators and the system.
        #[example(["CORP\\svc-acs"])]
        pub read: Vec<Spanned<String>> = Vec::new(),
        /// Which family of key stores holds it.
        pub provider: Provider = Provider::Ksp,
    }
}

crate::record! {
    /// A file with a private key: PEM, or PFX with a password.
    pub struct KeySource {
        /// The file on the machine.
        #[example("C:\\Keys\\primary.pem")]
        pub path: FilePath,
        /// The password of a PFX file.
        pub password: Option<SecretReference>,
    }
}

crate::record! {
    /// A file in one of the forms that servers read.
    pub struct FileFields {
        /// The file on the machine.
        #[example("C:\\ProgramData\\Vendor\\server.pem")]
        pub path: FilePath,
        /// What it holds.
        #[example("certificate-pem")]
        pub form: Spanned<FileForm>,
        /// The password of a PFX file.
        #[example(serde_json::json!({ "env": "PFX_PASSWORD" }))]
        pub password: Option<SecretReference>,
    }
}

crate::record! {
    /// The revocation list of a local authority: signed again before it ends.
    pub struct RevocationFields {
        /// The file on the machine; DER, or PEM where it ends in `.pem`.
        #[example("C:\\inetpub\\crl\\root.crl")]
        pub path: Option<Spanned<FilePath>>,
        /// Where others fetch it; it stands in every certificate that the authority issues.
        #[example("http://pki.corp.example/root.crl")]
        pub url: Option<Spanned<String>>,
        /// How long a list is valid.
        pub valid_for: Duration = LIST_VALID_FOR,
        /// How long before its end it is signed again.
        pub renew_before: Duration = LIST_RENEW_BEFORE,
        /// Certificates that are void.
        pub revoked: Option<Vec<Spanned<RevokedFields>>>,
    }
}

crate::record! {
    /// A certificate that is void.
    pub struct RevokedFields {
        /// Its serial number in hex.
        #[example("4a:3b:2c")]
        pub serial: Spanned<String>,
        /// Since when.
        #[example("2026-11-01")]
        pub since: Moment,
    }
}

/// `true`, `false`, or `{path_length: n}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorityForm(pub Option<Authority>);

crate::record! {
    /// How many authorities may follow.
    pub struct AuthorityFields {
        /// How many authorities may stand between this one and a certificate that is none; 0 for none.
        pub path_length: u8,
    }
}

impl Decode for AuthorityForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if node.as_mapping().is_some() {
            let fields = AuthorityFields::decode(node, cx)?;
            return Some(Self(Some(Authority { path_length: Some(fields.path_length) })));
        }
        bool::decode(node, cx).map(|is_authority| Self(is_authority.then_some(Authority { path_length: None })))
    }
}

impl JsonSchema for AuthorityForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AuthorityForm".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "boolean" }, generator.subschema_for::<AuthorityFields>()] })
    }
}

/// The schema of the section.
pub fn section_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Certificates, by a name that other entries call them by.",
        "additionalProperties": CertificateFields::field_schema(generator),
        "examples": [{ "web": { "issuer": "self", "subject": "CN=server.corp.example", "store": ["LocalMachine\\My"] } }],
    })
}

/// What means nothing apart from its neighbours is replaced whole.
pub fn merge_rule(path: &[&str]) -> MergeRule {
    match path {
        [_, "issuer" | "subject" | "key"] => MergeRule::Replace,
        _ => MergeRule::Merge,
    }
}

/// Reads the section; what could not be read is left out and has been reported.
pub fn decode_section(node: &Node<'_>, cx: &mut Decoder) -> Vec<WantedCertificate> {
    let Some(mapping) = cx.mapping(node) else { return Vec::new() };
    let mut unique = Unique::new("certificate", "certificate.named_twice", mapping.entries.len());
    let entries: Vec<WantedCertificate> = mapping
        .entries
        .iter()
        .filter_map(|(key, node)| {
            let is_new = unique.insert(upcase::fold(&key.text), key.at, "names compare without case", cx);
            decode_entry(key, node, cx).filter(|_| is_new)
        })
        .collect();
    rules::check_signers(&entries, cx);
    rules::check_paths(&entries, cx);
    entries
}

fn decode_entry(key: &Key<'_>, node: &Node<'_>, cx: &mut Decoder) -> Option<WantedCertificate> {
    let fields = Fields::open(node, CertificateFields::FIELDS, cx)?;
    let read = CertificateFields::read(&fields, cx)?;
    let is_absent = read.common.ensure == Ensure::Absent;
    let issuer = match read.issuer {
        Some(issuer) => Spanned::new(issuer.value.0, issuer.at),
        // What is to go needs nobody to make it.
        None if is_absent => Spanned::new(WantedIssuer::Existing, key.at),
        None => {
            let message = "the entry does not say who issues the certificate";
            let hint = "write `issuer: self`, the name of another entry, `existing`, `csr`, or where it comes from";
            cx.push(Diagnostic::error("certificate.no_issuer", message).at(key.at).hint(hint));
            return None;
        }
    };
    let authority = read.ca.as_ref().and_then(|ca| ca.value.0);
    let subject = match read.subject {
        Some(subject) => Some(Spanned::new(subject.value.0, subject.at)),
        None => None,
    };
    let named = read.names.len();
    let names = alternative_names(read.names, cx);
    let extended = extended_usages(read.usage.as_deref(), authority.is_some(), cx);
    let digest_at = read.digest.as_ref().map(|digest| digest.at);
    let states_usage = read.usage.is_some() || read.key_usage.is_some();
    let digest = digest(read.digest.as_ref(), read.allow_weak, cx);
    let wanted_key = wanted_key(read.key.as_ref(), read.allow_weak, cx);
    let key_usage = key_usage(read.key_usage.as_deref(), authority.is_some(), &extended, &wanted_key.algorithm, cx);
    let crl = read.crl.and_then(|crl| revocation(crl, cx));
    let wanted = WantedCertificate {
        name: key.text.as_ref().into(),
        at: key.at,
        common: read.common,
        issuer,
        authority,
        subject,
        names,
        extended,
        key_usage,
        states_usage,
        key: wanted_key,
        digest,
        digest_at,
        allow_weak: read.allow_weak,
        valid_for: read.valid_for.as_ref().map_or(VALID_FOR, |time| time.value),
        renew_before: read.renew_before.as_ref().map_or(RENEW_BEFORE, |time| time.value),
        stores: read.store.into_iter().flatten().map(|store| Spanned::new(store.value.0, store.at)).collect(),
        friendly_name: read.friendly_name.map(|name| name.value.into()),
        files: read.files.into_iter().flatten().map(|file| wanted_file(file, cx)).collect(),
        keep_old: read.keep_old,
        crl,
        used_by: read.used_by.into_iter().flatten().map(|used| Spanned::new(used.value.0, used.at)).collect(),
        stage_keys: read.stage_keys,
        exclusive: read.exclusive,
        report_unmanaged: read.report_unmanaged,
        thumbprint: read.thumbprint,
    };
    rules::check_entry(&wanted, named, &fields, cx);
    Some(wanted)
}

fn alternative_names(names: Vec<Spanned<String>>, cx: &mut Decoder) -> Vec<AlternativeName> {
    let mut out: Vec<AlternativeName> = Vec::with_capacity(names.len());
    for name in names {
        match AlternativeName::parse(&name.value) {
            Ok(read) if out.contains(&read) => {
                cx.push(Diagnostic::error("certificate.name_twice", "the name is there already").at(name.at));
            }
            Ok(read) => out.push(read),
            Err(error) => {
                let place = place_within(name.at, &name.value, error.offset);
                let hint = "write the kind and the name: dns:HOST, ip:ADDRESS, email:…, uri:…, upn:…, dirname:…";
                cx.push(Diagnostic::error("certificate.bad_name", error.to_string()).at(place).hint(hint));
            }
        }
    }
    out
}

fn extended_usages(words: Option<&[Spanned<String>]>, is_authority: bool, cx: &mut Decoder) -> Vec<ExtendedUsage> {
    let Some(words) = words else {
        return if is_authority { Vec::new() } else { vec![ExtendedUsage::Server, ExtendedUsage::Client] };
    };
    let mut out = Vec::new();
    for word in words {
        match ExtendedUsage::from_str(&word.value) {
            Ok(usage) => {
                if !out.contains(&usage) {
                    out.push(usage);
                }
            }
            Err(error) => {
                let near = cx.nearest(&word.value, ExtendedUsage::known_names());
                let hint = near.map(|near| format!("did you mean `{near}`?"));
                cx.push(Diagnostic::error("certificate.bad_usage", error.to_string()).at(word.at).hint_if(hint));
            }
        }
    }
    out
}

/// What the document spells out, else what follows from what the certificate is for.
fn key_usage(
    words: Option<&[Spanned<String>]>,
    is_authority: bool,
    extended: &[ExtendedUsage],
    algorithm: &KeyAlgorithm,
    cx: &mut Decoder,
) -> KeyUsage {
    let Some(words) = words else {
        if is_authority {
            return KeyUsage::CERTIFICATE_SIGN | KeyUsage::CRL_SIGN | KeyUsage::DIGITAL_SIGNATURE;
        }
        let encrypts = extended
            .iter()
            .any(|usage| matches!(usage, ExtendedUsage::Server | ExtendedUsage::Client | ExtendedUsage::Email));
        let is_rsa = matches!(algorithm, KeyAlgorithm::Rsa { .. });
        let encipherment = if encrypts && is_rsa { KeyUsage::KEY_ENCIPHERMENT } else { KeyUsage::empty() };
        return KeyUsage::DIGITAL_SIGNATURE | encipherment;
    };
    let mut out = KeyUsage::empty();
    for word in words {
        match KeyUsage::of_name(&word.value) {
            Ok(usage) => out |= usage,
            Err(error) => {
                let near = cx.nearest(&word.value, KeyUsage::known_names());
                let hint = near.map(|near| format!("did you mean `{near}`?"));
                cx.push(Diagnostic::error("certificate.bad_usage", error.to_string()).at(word.at).hint_if(hint));
            }
        }
    }
    out
}

fn digest(word: Option<&Spanned<String>>, allow_weak: bool, cx: &mut Decoder) -> Digest {
    let Some(word) = word else { return Digest::Sha256 };
    match Digest::from_str(&word.value) {
        Ok(Digest::Sha1) if !allow_weak => {
            let message = "SHA-1 is too weak for a signature: it can be forged";
            let hint = "write `allow_weak: true` beside it if something old needs it; each plan will warn of it";
            cx.push(Diagnostic::error("certificate.weak_digest", message).at(word.at).hint(hint));
            Digest::Sha256
        }
        Ok(digest) => digest,
        Err(error) => {
            let hint = "write sha256, sha384 or sha512";
            cx.push(Diagnostic::error("certificate.bad_digest", error.to_string()).at(word.at).hint(hint));
            Digest::Sha256
        }
    }
}

fn wanted_key(fields: Option<&Spanned<PrivateKeyFields>>, allow_weak: bool, cx: &mut Decoder) -> WantedKey {
    let family = fields.and_then(|key| key.value.algorithm.as_ref()).map_or(KeyFamily::Rsa, |family| family.value);
    let bits = fields.and_then(|key| key.value.bits.as_ref());
    let curve = fields.and_then(|key| key.value.curve.as_ref());
    if let Some(bits) = bits.filter(|_| family != KeyFamily::Rsa) {
        let message = "only an RSA key has a number of bits";
        cx.push(Diagnostic::error("certificate.bad_key", message).at(bits.at).hint("an ECDSA key has a `curve`"));
    }
    if let Some(curve) = curve.filter(|_| family != KeyFamily::Ecdsa) {
        let message = "only an ECDSA key has a curve";
        cx.push(Diagnostic::error("certificate.bad_key", message).at(curve.at).hint("write `algorithm: ecdsa`"));
    }
    let algorithm = match family {
        KeyFamily::Rsa => {
            let length = bits.map_or(RSA_BITS, |bits| bits.value);
            if let Some(bits) = bits.filter(|bits| ![2048, 3072, 4096, 8192].contains(&bits.value)) {
                let hint = if allow_weak {
                    "keys that are made here have at least 2048 bits"
                } else {
                    "write 2048, 3072, 4096 or 8192"
                };
                let message = format!("an RSA key of {} bits cannot be made", bits.value);
                cx.push(Diagnostic::error("certificate.bad_key", message).at(bits.at).hint(hint));
            }
            KeyAlgorithm::Rsa { bits: length }
        }
        KeyFamily::Ecdsa => match curve.map_or(Curve::P256, |curve| curve.value) {
            Curve::P256 => KeyAlgorithm::EcdsaP256,
            Curve::P384 => KeyAlgorithm::EcdsaP384,
        },
        KeyFamily::Ed25519 => KeyAlgorithm::Ed25519,
    };
    let stated = |key: &PrivateKeyFields| key.algorithm.is_some() || key.bits.is_some() || key.curve.is_some();
    let key = fields.map(|fields| &fields.value);
    WantedKey {
        algorithm,
        is_stated: key.is_some_and(stated),
        exportable: key.is_some_and(|key| key.exportable),
        reuse: key.is_some_and(|key| key.reuse),
        from: key
            .and_then(|key| key.from.as_ref())
            .map(|from| KeyRef::File { path: from.value.path.clone(), password: from.value.password.clone() }),
        read: key.map(|key| key.read.clone()).unwrap_or_default(),
        provider: key.map(|key| key.provider).unwrap_or_default(),
    }
}

fn wanted_file(file: Spanned<FileFields>, cx: &mut Decoder) -> WantedFile {
    let FileFields { path, form, password } = file.value;
    let needs = form.value.needs_password();
    if needs && password.is_none() {
        let message = "a PFX file needs a password";
        let hint = "write `password: {env: NAME}`, or another place where the secret is to be found";
        cx.push(Diagnostic::error("certificate.no_password", message).at(form.at).hint(hint));
    }
    if !needs && password.is_some() {
        let message = "only a PFX file has a password; this file would be readable without it";
        cx.push(Diagnostic::error("certificate.useless_password", message).at(form.at));
    }
    WantedFile { path, at: file.at, form: form.value, password }
}

fn revocation(fields: Spanned<RevocationFields>, cx: &mut Decoder) -> Option<WantedRevocationList> {
    let RevocationFields { path, url, valid_for, renew_before, revoked } = fields.value;
    if path.is_none() && url.is_none() {
        let message = "`crl` names neither a file nor an address";
        cx.push(Diagnostic::error("certificate.empty_crl", message).at(fields.at).hint("name `path`, `url` or both"));
        return None;
    }
    if let Some(url) = &url
        && !url.value.starts_with("http://")
        && !url.value.starts_with("ldap://")
    {
        let message = "a revocation list is fetched without TLS: its address begins with http:// or ldap://";
        cx.push(Diagnostic::error("certificate.bad_crl_url", message).at(url.at));
    }
    if renew_before >= valid_for {
        let message =
            "the list would have to be signed again before it is signed: `renew_before` is not below `valid_for`";
        cx.push(Diagnostic::error("certificate.bad_renewal", message).at(fields.at));
    }
    let revoked = revoked.into_iter().flatten().filter_map(|one| {
        let serial: String = one.value.serial.value.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
        let serial = serial.to_ascii_lowercase();
        let digits = serial.trim_start_matches('0');
        if digits.is_empty() || digits.len() > 40 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let message = "a serial number is 1 to 40 hex digits";
            cx.push(Diagnostic::error("certificate.bad_serial", message).at(one.value.serial.at));
            return None;
        }
        let even = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
        Some(RevokedSerial { serial: even.into(), since: one.value.since.0 })
    });
    let revoked = revoked.collect();
    Some(WantedRevocationList { path, url: url.map(|url| url.value), valid_for, renew_before, revoked })
}

/// The subject as a name; for the forms.
pub fn subject_of(text: &str, at: Location, cx: &mut Decoder) -> Option<DistinguishedName> {
    DistinguishedName::parse(text)
        .map_err(|error| {
            let place = place_within(at, text, error.offset);
            cx.push(Diagnostic::error("certificate.bad_subject", error.to_string()).at(place));
        })
        .ok()
}

/// The certificates of a text, or the path that it is.
pub fn bundle_source(text: &str, at: Location, cx: &mut Decoder) -> Option<BundleSource> {
    if text.contains("-----BEGIN") {
        let read = crate::formats::certificate_files::read_certificates(text.as_bytes());
        return read
            .map(|certificates| BundleSource::Certificates(certificates.into_iter().map(Into::into).collect()))
            .map_err(|error| {
                let diagnostic = Diagnostic::error("certificate.bad_bundle", error.to_string()).at(at);
                cx.push(diagnostic.concealing(at));
            })
            .ok();
    }
    FilePath::parse(text)
        .map(BundleSource::Path)
        .map_err(|error| {
            let hint = "write a path on the machine, or the certificates themselves as PEM";
            cx.push(Diagnostic::error("document.bad_path", error.to_string()).at(at).hint(hint));
        })
        .ok()
}

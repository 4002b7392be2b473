//! The forms in which a document writes the parts of a certificate that are neither plain texts nor records.

use std::borrow::Cow;
use std::str::FromStr as _;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::document::{bundle_source, subject_of};
use super::wanted::{BundleSource, Consumer, WantedIssuer};
use crate::formats::certificate_store::StorePlace;
use crate::formats::x509::{Attribute, AttributeType, DistinguishedName, RelativeName};
use crate::model::decode::{Decode, Decoder};
use crate::model::diagnostic::Diagnostic;
use crate::model::file::FilePath;
use crate::model::node::Node;
use crate::model::record::unknown_word;
use crate::model::secret::SecretReference;
use crate::model::source::Spanned;

/// Who issues a certificate, as the document writes it.
#[derive(Clone, Debug)]
pub struct IssuerForm(pub WantedIssuer);

crate::record! {
    /// A certificate that is supplied with its key in a PFX file.
    pub struct PfxSource {
        /// The file on the machine.
        #[example("C:\\Supplied\\web.pfx")]
        pub path: FilePath,
        /// The file's password.
        #[example(serde_json::json!({ "env": "PFX_PASSWORD" }))]
        pub password: SecretReference,
    }
}

crate::record! {
    /// A certificate that is supplied in files.
    pub struct FilesSource {
        /// The file with the certificate and, behind it, the authorities above it.
        #[example("C:\\Supplied\\web.pem")]
        pub certificate: FilePath,
        /// The file with its key as PEM.
        #[example("C:\\Supplied\\web.key")]
        pub key: Option<FilePath>,
    }
}

crate::record! {
    /// A request that an authority elsewhere signs.
    pub struct RequestSource {
        /// Where the signed certificate will lie: a file, or a folder that is searched.
        #[example("C:\\Inbox")]
        pub inbox: Option<FilePath>,
        /// The authorities that may have signed it: files, folders, or the certificates themselves as PEM.
        #[example(["C:\\Authorities\\agency.pem"])]
        pub trust: Option<Vec<Spanned<BundleForm>>>,
    }
}

/// A path, or certificates as PEM.
#[derive(Clone, Debug)]
pub struct BundleForm(pub BundleSource);

impl Decode for BundleForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let text = cx.text(node)?;
        bundle_source(text, node.at, cx).map(Self)
    }
}

impl JsonSchema for BundleForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "BundleSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "description": "A file or folder on the machine, or the certificates themselves as PEM.",
        })
    }
}

/// The sources of an issuer that are written as a mapping.
const SOURCES: [&str; 4] = ["pfx", "files", "csr", "bundle"];

impl Decode for IssuerForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let Some(mapping) = node.as_mapping() else {
            return Some(Self(match cx.text(node)? {
                "self" => WantedIssuer::Itself,
                "existing" => WantedIssuer::Existing,
                "csr" => WantedIssuer::Request { inbox: None, trust: Vec::new() },
                "" => return cx.wrong_type(node, "who issues the certificate"),
                name => WantedIssuer::Entry(name.into()),
            }));
        };
        let [(key, value)] = mapping.entries.as_slice() else {
            let message = "an issuer names exactly one source";
            let hint = "write one of `pfx`, `files`, `csr` and `bundle`";
            cx.push(Diagnostic::error("certificate.bad_issuer", message).at(node.at).hint(hint));
            return None;
        };
        Some(Self(match &*key.text {
            "pfx" => {
                let PfxSource { path, password } = PfxSource::decode(value, cx)?;
                WantedIssuer::Pfx { path, password }
            }
            "files" => {
                let FilesSource { certificate, key } = FilesSource::decode(value, cx)?;
                WantedIssuer::Files { certificate, key }
            }
            "csr" => {
                let RequestSource { inbox, trust } = RequestSource::decode(value, cx)?;
                let trust = trust.into_iter().flatten().map(|source| source.value.0).collect();
                WantedIssuer::Request { inbox, trust }
            }
            "bundle" => {
                let sources = Vec::<BundleForm>::decode(value, cx)?;
                if sources.is_empty() {
                    return cx.wrong_type(value, "at least one file, folder or certificate");
                }
                WantedIssuer::Bundle(sources.into_iter().map(|source| source.0).collect())
            }
            later @ ("gateway" | "acme") => {
                let message = format!("certificates by `{later}` are not supported by this version");
                cx.push(Diagnostic::error("certificate.unsupported_issuer", message).at(key.at).hint("use `csr`"));
                return None;
            }
            other => {
                let near = cx.nearest(other, SOURCES).map(|near| format!("did you mean `{near}`?"));
                let message = format!("there is no issuer `{other}`");
                cx.push(Diagnostic::error("certificate.bad_issuer", message).at(key.at).hint_if(near));
                return None;
            }
        }))
    }
}

impl JsonSchema for IssuerForm {
    fn schema_name() -> Cow<'static, str> {
        "CertificateIssuer".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Who issues the certificate.",
            "anyOf": [
                { "enum": ["self", "existing", "csr"] },
                { "type": "string", "minLength": 1, "description": "The name of another entry that is an authority." },
                {
                    "type": "object",
                    "properties": {
                        "pfx": described::<PfxSource>(generator, "It is supplied with its key in a PFX file."),
                        "files": described::<FilesSource>(generator, "It is supplied in files."),
                        "csr": described::<RequestSource>(generator, "An authority elsewhere signs a request."),
                        "bundle": {
                            "type": "array",
                            "items": generator.subschema_for::<BundleForm>(),
                            "minItems": 1,
                            "description": "Certificates that are taken as they are.",
                        },
                    },
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// The schema of a type with a description of the place that it stands in.
fn described<T: JsonSchema>(generator: &mut SchemaGenerator, description: &str) -> Schema {
    let mut schema = generator.subschema_for::<T>();
    schema.insert("description".into(), description.into());
    schema
}

/// A subject: RFC 4514's text, or a list in the order of the encoding.
#[derive(Clone, Debug)]
pub struct SubjectForm(pub DistinguishedName);

impl Decode for SubjectForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let Some(parts) = node.as_sequence() else {
            let text = cx.text(node)?;
            return subject_of(text, node.at, cx).map(Self);
        };
        let parts: Vec<Option<RelativeName>> = parts.iter().map(|part| relative_name(part, cx)).collect();
        parts.into_iter().collect::<Option<Vec<_>>>().map(DistinguishedName::new).map(Self)
    }
}

/// One part of a name: a mapping of one attribute, or of several that stand side by side.
fn relative_name(node: &Node<'_>, cx: &mut Decoder) -> Option<RelativeName> {
    let mapping = cx.mapping(node)?;
    let mut attributes = Vec::with_capacity(mapping.entries.len());
    for (key, value) in &mapping.entries {
        let refused = |cx: &mut Decoder, at, message: String| {
            cx.push(Diagnostic::error("certificate.bad_subject", message).at(at));
        };
        let kind = AttributeType::from_str(&key.text).map_err(|error| refused(cx, key.at, error.to_string())).ok();
        let text = cx.text(value);
        let (kind, text) = (kind?, text?);
        match Attribute::new(kind, text) {
            Ok(attribute) => attributes.push(attribute),
            Err(error) => {
                refused(cx, value.at, error.to_string());
                return None;
            }
        }
    }
    RelativeName::new(attributes)
        .map_err(|error| cx.push(Diagnostic::error("certificate.bad_subject", error.to_string()).at(node.at)))
        .ok()
}

impl JsonSchema for SubjectForm {
    fn schema_name() -> Cow<'static, str> {
        "Subject".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A subject as RFC 4514 writes it, which reads in reverse of the encoding, or as a list in the order of the encoding.",
            "anyOf": [
                { "type": "string" },
                {
                    "type": "array",
                    "items": { "type": "object", "additionalProperties": { "type": "string" }, "minProperties": 1 },
                },
            ],
        })
    }
}

/// A system store.
#[derive(Clone, Debug)]
pub struct PlaceForm(pub StorePlace);

impl Decode for PlaceForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let text = cx.text(node)?;
        StorePlace::parse(text)
            .map(Self)
            .map_err(|error| {
                let hint = error.hint().map(str::to_owned);
                cx.push(Diagnostic::error("certificate.bad_store", error.to_string()).at(node.at).hint_if(hint));
            })
            .ok()
    }
}

impl JsonSchema for PlaceForm {
    fn schema_name() -> Cow<'static, str> {
        "CertificateStore".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A system store: its location, a backslash and its name.",
            "examples": ["LocalMachine\\My", "LocalMachine\\Root", "CurrentUser\\Root"],
        })
    }
}

/// What holds the thumbprint: a word, or `{iis: SITE}`.
#[derive(Clone, Debug)]
pub struct UsedByForm(pub Consumer);

const CONSUMERS: [&str; 4] = ["rdp", "winrm", "nps_eap", "sql"];

impl Decode for UsedByForm {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if let Some(mapping) = node.as_mapping() {
            let [(key, value)] = mapping.entries.as_slice() else {
                return cx.wrong_type(node, "`iis` and the name of a site");
            };
            if key.text != "iis" {
                let message = format!("unknown field `{}`", key.text);
                cx.push(Diagnostic::error("document.unknown_field", message).at(key.at).hint("did you mean `iis`?"));
                return None;
            }
            return cx.text(value).map(|site| Self(Consumer::Iis { site: site.to_owned() }));
        }
        let given = node.as_scalar().map(|scalar| &*scalar.text);
        Some(Self(match given {
            Some("rdp") => Consumer::RemoteDesktop,
            Some("winrm") => Consumer::RemoteManagement,
            Some("nps_eap") => Consumer::NpsEap,
            Some("sql") => Consumer::SqlServer,
            Some("iis") => {
                let message = "`iis` needs the name of a site";
                let hint = "write `{iis: Default Web Site}`";
                cx.push(Diagnostic::error("document.wrong_type", message).at(node.at).hint(hint));
                return None;
            }
            _ => return unknown_word(node, given, &CONSUMERS, cx),
        }))
    }
}

impl JsonSchema for UsedByForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CertificateConsumer".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "enum": CONSUMERS },
                {
                    "type": "object",
                    "properties": { "iis": { "type": "string", "description": "The name of a site." } },
                    "required": ["iis"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

//! The document as a whole, checked: who it is for, its entries in their order, and where everything was written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::addresses::Addresses;
use super::bookkeeping::{self, DocumentName, Moved, MovedFields, Waiver, WaiverFields, name_of_file};
use super::merge::Overridden;
use crate::formats::upcase;
use crate::kinds::sections::SECTIONS;
use crate::kinds::{Wanted, account, certificate, environment, file, hosts, port, registry, requirement, service};
use crate::model::decode::{Decode, Decoder, Entries};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::Node;
use crate::model::record::{Fields, Record, RecordSchema};
use crate::model::resource::ResourceId;
use crate::model::scalar::Duration;
use crate::model::source::{Location, Sources, Spanned};

/// The version of the language that is understood.
pub const VERSION: u32 = 1;

/// What a document asks for, ready to be compared with a machine.
#[derive(Clone, Debug)]
pub struct Desired {
    pub version: u32,
    /// The document's name in a machine's record, where it has one of its own.
    pub name: Option<Spanned<String>>,
    pub machine: MachineClaim,
    /// How long the journals of past runs are kept, where the document says so.
    pub retain: Option<Duration>,
    pub moved: Vec<Moved>,
    /// What has left the document and is to be forgotten.
    pub released: Vec<Spanned<ResourceId>>,
    pub waivers: Vec<Waiver>,
    /// By section, in the order of the document.
    pub entries: Vec<Entry>,
    pub sources: Sources,
    pub overridden: Overridden,
}

impl Desired {
    /// What the document is called in a machine's record: its name, else that of its first file.
    pub fn record_name(&self) -> String {
        match &self.name {
            Some(name) => name.value.clone(),
            None => name_of_file(self.sources.names().next().unwrap_or_default()),
        }
    }
}

/// One entry of a section.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Location,
    pub wanted: Wanted,
}

crate::record! {
    /// Which machine the document is for.
    #[derive(Default)]
    pub struct MachineClaim {
        /// The computer's name.
        #[example("ACS-SRV01")]
        pub name: Option<Spanned<String>>,
        /// The DNS domain that the computer belongs to.
        #[example("corp.example")]
        pub domain: Option<Spanned<String>>,
        /// Refuse to apply the document on a machine of another name.
        pub require_match: bool = false,
    }
}

crate::record! {
    /// The fields of a document beside its sections.
    #[expect(dead_code, reason = "some are used up before decoding; they are here for the schema")]
    pub struct Head {
        /// The version of the language: 1.
        pub version: Version,
        /// The document's name in a machine's record; without it, the name of its first file.
        #[example("baseline")]
        pub name: Option<Spanned<DocumentName>>,
        /// Which machine the document is for.
        pub machine: Option<MachineClaim>,
        /// Files to take in first, in order, relative to this one. What this file says wins: mappings merge, lists and
        /// values are replaced.
        #[example(["baselines/tls.yaml"])]
        pub include: Option<Vec<Spanned<String>>>,
        /// Texts, numbers and booleans for use as `${name}` in values and keys.
        #[example(serde_json::json!({ "install": "C:\\Program Files\\Vendor" }))]
        pub variables: Option<VariableFields>,
        /// What the entries of a section say that do not say otherwise themselves.
        #[example(serde_json::json!({ "registry": { "report_unmanaged": true } }))]
        pub defaults: Option<Defaults>,
        /// By computer name: what differs on one machine, laid over the rest of the document when it is for that machine.
        pub machines: Option<Entries<Overlay>>,
        /// How long the journals of past runs are kept; 90d where nothing is said.
        #[example("90d")]
        pub retain: Option<Spanned<Duration>>,
        /// Addresses that have changed while the things on the machine have not.
        pub moved: Option<Vec<MovedFields>>,
        /// Addresses of what has left the document and stays on the machine as it is, no longer looked after.
        #[example(["registry[\"HKLM\\SOFTWARE\\Vendor\"]"])]
        pub released: Option<Vec<Spanned<String>>>,
        /// Deviations that are put up with for a time.
        pub waivers: Option<Vec<Spanned<WaiverFields>>>,
    }
}

crate::record! {
    /// By section, the fields that its entries take over where they are silent.
    #[expect(dead_code, reason = "laid into the entries before they are decoded; read here to be checked")]
    pub struct Defaults {
        /// For the local groups.
        #[example(serde_json::json!({ "report_unmanaged": true }))]
        pub account: Option<account::DefaultFields>,
        /// For the certificates.
        #[example(serde_json::json!({ "digest": "sha256", "renew_before": "30d" }))]
        pub certificate: Option<certificate::CertificateDefaults>,
        /// For the owners of environment variables.
        #[example(serde_json::json!({ "report_unmanaged": true }))]
        pub environment: Option<environment::DefaultFields>,
        /// For files and folders.
        #[example(serde_json::json!({ "on_change": { "restart": ["W3SVC"] } }))]
        pub file: Option<file::DefaultFields>,
        /// For the names of the hosts file.
        #[example(serde_json::json!({ "on_change": { "restart": ["W3SVC"] } }))]
        pub hosts: Option<hosts::DefaultFields>,
        /// For the ports.
        #[example(serde_json::json!({ "on_change": { "restart": ["IAS"] } }))]
        pub port: Option<port::PortDefaults>,
        /// For the keys of the registry.
        #[example(serde_json::json!({ "report_unmanaged": true }))]
        pub registry: Option<registry::DefaultFields>,
        /// For the services.
        #[example(serde_json::json!({ "recovery": { "first": "restart" } }))]
        pub service: Option<service::ServiceDefaults>,
        /// For the requirements.
        #[example(serde_json::json!({ "blocks": "everything" }))]
        pub requirement: Option<requirement::DefaultFields>,
    }
}

/// The version of a document.
#[derive(Clone, Copy, Debug)]
pub struct Version;

impl Decode for Version {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let version = cx.integer(node, i128::MIN, i128::MAX)?;
        if version == i128::from(VERSION) {
            return Some(Self);
        }
        let message = format!("version {version} of the language is not understood");
        let hint = format!("this program reads version {VERSION}");
        cx.push(Diagnostic::error("document.unsupported_version", message).at(node.at).hint(hint));
        None
    }
}

impl JsonSchema for Version {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Version".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": VERSION })
    }
}

/// The `variables` of a document: used up before anything is decoded, so only its schema is of interest.
#[derive(Clone, Debug)]
pub struct VariableFields;

impl Decode for VariableFields {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        cx.mapping(node).map(|_| Self)
    }
}

impl JsonSchema for VariableFields {
    fn schema_name() -> Cow<'static, str> {
        "Variables".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": { "pattern": r"^[^\s${}:/\\]+$" },
            "additionalProperties": {
                "anyOf": [{ "type": ["string", "number", "boolean"] }, generator.subschema_for::<Self>()],
            },
        })
    }
}

/// What differs on one machine: a document without a version.
#[derive(Clone, Debug)]
pub struct Overlay;

impl Overlay {
    /// The fields that a machine's part of the document can have, beside the sections.
    pub const FIELDS: &'static [&'static str] =
        &["machine", "include", "variables", "defaults", "retain", "moved", "released", "waivers"];
}

impl Decode for Overlay {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        Fields::open(node, &[Self::FIELDS, &section_names()], cx).map(|_| Self)
    }
}

impl JsonSchema for Overlay {
    fn schema_name() -> Cow<'static, str> {
        "MachineOverlay".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = RecordSchema::default();
        Head::describe(&mut schema, generator);
        schema.keep_optional(Self::FIELDS);
        describe_sections(&mut schema, generator);
        schema.finish(&["What differs on one machine."])
    }
}

/// The names of all sections.
pub fn section_names() -> Vec<&'static str> {
    SECTIONS.iter().map(|section| section.name).collect()
}

/// Adds the sections to a schema.
pub fn describe_sections(schema: &mut RecordSchema, generator: &mut SchemaGenerator) {
    for section in SECTIONS {
        let made = (section.schema)(generator);
        schema.property(section.name, made);
    }
}

/// Reads a merged document whose variables are resolved and whose `include`, `variables` and `machines` are used up;
/// `None` when its head cannot be read. The tree borrows from the sources, so they are given to what comes of it.
pub fn decode(root: &Node<'_>, cx: &mut Decoder) -> Option<impl FnOnce(Sources, Overridden) -> Desired + use<>> {
    let fields = Fields::open(root, &[Head::OWN_FIELDS, &section_names()], cx)?;
    let head = Head::read(&fields, cx);
    let mapping = root.as_mapping()?;
    let mut entries = Vec::new();
    for section in SECTIONS {
        if let Some(node) = mapping.get(section.name) {
            let wanted = (section.decode)(node, cx);
            entries.extend(wanted.into_iter().map(|wanted| Entry { at: wanted.kind().at(), wanted }));
        }
    }
    check_dependencies(&entries, cx);
    check_certificates(&entries, cx);
    let head = head?;
    let retain = bookkeeping::retain(head.retain, cx);
    let (mut moved, mut released, mut waivers) = (Vec::new(), Vec::new(), Vec::new());
    if head.moved.is_some() || head.released.is_some() || head.waivers.is_some() {
        let mut addresses = Addresses::of(&entries);
        moved = bookkeeping::moved(head.moved.unwrap_or_default(), &mut addresses, cx);
        released = bookkeeping::released(head.released.unwrap_or_default(), &moved, &addresses, cx);
        waivers = bookkeeping::waivers(head.waivers.unwrap_or_default(), &mut addresses, cx);
    }
    Some(move |sources, overridden| Desired {
        version: VERSION,
        name: head.name.map(|name| Spanned::new(name.value.0, name.at)),
        machine: head.machine.unwrap_or_default(),
        retain,
        moved,
        released,
        waivers,
        entries,
        sources,
        overridden,
    })
}

/// Reports every binding whose certificate the document does not have.
fn check_certificates(entries: &[Entry], cx: &mut Decoder) {
    let certificates = || {
        entries.iter().filter_map(|entry| match &entry.wanted {
            Wanted::Certificate(certificate) => Some(&*certificate.name),
            _ => None,
        })
    };
    let ports = entries.iter().filter_map(|entry| match &entry.wanted {
        Wanted::Port(port) => Some(&**port),
        _ => None,
    });
    let names: Vec<&str> = certificates().collect();
    port::check_certificates(ports, |name| certificates().any(|known| upcase::eq(known, name)), &names, cx);
}

/// Reports every `depends_on` that names nothing in the document.
fn check_dependencies(entries: &[Entry], cx: &mut Decoder) {
    let mut dependencies = entries.iter().flat_map(|entry| &entry.wanted.kind().common().depends_on).peekable();
    if dependencies.peek().is_none() {
        return;
    }
    let mut addresses = Addresses::of(entries);
    for dependency in dependencies {
        addresses.known(dependency, cx);
    }
}

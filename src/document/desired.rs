//! The document as a whole, checked: who it is for, its entries in their order, and where everything was written.

use std::borrow::Cow;
use std::collections::HashSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::merge::Overridden;
use crate::kinds::sections::SECTIONS;
use crate::kinds::{Wanted, registry};
use crate::model::decode::{Decode, Decoder, Entries};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::Node;
use crate::model::record::{Fields, Record, RecordSchema};
use crate::model::resource::ResourceId;
use crate::model::source::{Location, Sources, Spanned};

/// The version of the language that is understood.
pub const VERSION: u32 = 1;

/// What a document asks for, ready to be compared with a machine.
#[derive(Clone, Debug)]
pub struct Desired {
    pub version: u32,
    pub machine: MachineClaim,
    /// By section, in the order of the document.
    pub entries: Vec<Entry>,
    pub sources: Sources,
    pub overridden: Overridden,
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
    #[expect(dead_code, reason = "all but `machine` are used up before decoding; they are here for the schema")]
    pub struct Head {
        /// The version of the language: 1.
        pub version: Version,
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
    }
}

crate::record! {
    /// By section, the fields that its entries take over where they are silent.
    #[expect(dead_code, reason = "laid into the entries before they are decoded; read here to be checked")]
    pub struct Defaults {
        /// For the keys of the registry.
        #[example(serde_json::json!({ "report_unmanaged": true }))]
        pub registry: Option<registry::DefaultFields>,
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
    pub const FIELDS: &'static [&'static str] = &["machine", "include", "variables", "defaults"];
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

/// Reads a merged document whose variables are resolved and whose `include`, `variables` and `machines` are used up.
pub fn decode(root: &Node<'_>, cx: &mut Decoder) -> Option<(MachineClaim, Vec<Entry>)> {
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
    Some((head?.machine.unwrap_or_default(), entries))
}

/// Reports every `depends_on` that names nothing in the document.
fn check_dependencies(entries: &[Entry], cx: &mut Decoder) {
    let dependencies = || entries.iter().flat_map(|entry| &entry.wanted.kind().common().depends_on);
    if dependencies().next().is_none() {
        return;
    }
    let addresses: Vec<ResourceId> =
        entries.iter().flat_map(|entry| entry.wanted.kind().resources()).map(|(address, _)| address).collect();
    let known: HashSet<ResourceId> = addresses.iter().map(ResourceId::folded).collect();
    let mut texts: Option<Vec<String>> = None;
    for dependency in dependencies() {
        let address = match ResourceId::parse(&dependency.value) {
            Ok(address) => address,
            Err(error) => {
                let diagnostic = Diagnostic::error("document.bad_address", error.message).at(dependency.at);
                cx.push(diagnostic.hint(r#"addresses look like 'registry["HKLM\SOFTWARE\Vendor"].LogLevel'"#));
                continue;
            }
        };
        if known.contains(&address.folded()) {
            continue;
        }
        let texts = texts.get_or_insert_with(|| addresses.iter().map(ToString::to_string).collect());
        let near = cx.nearest(&address.to_string(), texts.iter().map(String::as_str));
        let hint = near.map(|near| format!("did you mean `{near}`?"));
        let message = format!("nothing in the document has the address {address}");
        cx.push(Diagnostic::error("document.unknown_address", message).at(dependency.at).hint_if(hint));
    }
}

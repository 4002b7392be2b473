//! The `requires` section of a document: what each entry can assert.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::assertion::assertion;
use super::forms::{
    ClockForm, DiskForm, FileForm, Form, HostAndPort, JavaForm, Port, PortForm, RegistryForm, RoleForm, RuntimeForm,
    ServiceForm, SoftwareForm, SqlServerForm, WebServerForm, WindowsForm,
};
use super::wanted::{Blocks, Pattern, Role, WantedRequirement};
use crate::formats::installed::VersionRange;
use crate::formats::upcase;
use crate::kinds::sections::MergeRule;
use crate::model::common::{Common, Ensure};
use crate::model::decode::{Decode as _, Decoder, Unique};
use crate::model::diagnostic::Diagnostic;
use crate::model::file::FilePath;
use crate::model::node::{Key, Node};
use crate::model::record::{Fields, Record as _};
use crate::model::scalar::Size;
use crate::model::source::{Location, Spanned};

crate::record! {
    /// One thing that must be so; exactly one of the fields that assert something is there.
    pub struct RequirementFields {
        /// What whoever has to make it so is told.
        #[example("install .NET Framework 4.8 and restart the server")]
        pub message: Option<Spanned<String>>,
        /// What is not done while it is not so.
        pub blocks: Blocks = Blocks::Dependants,
        /// What Windows it is.
        #[example(serde_json::json!({ "version": ">=2012 R2", "installation": ["server"] }))]
        pub os: Option<WindowsForm>,
        /// A version of the .NET Framework.
        #[example(">=4.8")]
        pub dotnet: Option<VersionRange>,
        /// A shared runtime of .NET, the successor of .NET Core.
        #[example(8)]
        pub dotnet_runtime: Option<Form<VersionRange, RuntimeForm>>,
        /// Software that is installed for all users.
        #[example(serde_json::json!({ "name": "Access Control Server", "version": ">=2.90" }))]
        pub software: Option<Form<Pattern, SoftwareForm>>,
        /// An installed Java.
        #[example(">=11")]
        pub java: Option<Form<VersionRange, JavaForm>>,
        /// A role of a server.
        #[example("network_policy_server")]
        pub role: Option<Form<Role, RoleForm>>,
        /// Internet Information Services.
        #[example(">=7")]
        pub iis: Option<Form<VersionRange, WebServerForm>>,
        /// An SQL Server on this machine.
        #[example(">=2017")]
        pub sql_server: Option<Form<VersionRange, SqlServerForm>>,
        /// A service that is installed, running or not.
        #[example("W3SVC")]
        pub service: Option<Form<Spanned<String>, ServiceForm>>,
        /// A key of the registry, or a value of one.
        #[example(serde_json::json!({ "key": "HKLM\\SOFTWARE\\Vendor", "value": "Version" }))]
        pub registry: Option<Form<Spanned<String>, RegistryForm>>,
        /// A file or a folder that is there.
        #[example("C:\\Program Files\\Vendor\\server.exe")]
        pub file: Option<Form<FilePath, FileForm>>,
        /// Free space on a drive.
        #[example(serde_json::json!({ "path": "D:\\", "free": "40GiB" }))]
        pub disk: Option<Form<Size, DiskForm>>,
        /// Memory that the machine has.
        #[example("8GiB")]
        pub memory: Option<Size>,
        /// Processors that the machine has.
        #[example(2)]
        pub processors: Option<u32>,
        /// The machine's clock is not further than this from that of another machine.
        #[example(serde_json::json!({ "server": "dc1.corp.example", "at_most": "5m" }))]
        pub clock_skew: Option<Form<Spanned<String>, ClockForm>>,
        /// A port at which nobody listens.
        #[example(8443)]
        pub port_free: Option<Form<Port, PortForm>>,
        /// A machine that answers at a TCP port.
        #[example("ca.corp.example:443")]
        pub reachable: Option<HostAndPort>,
        /// `true`: trueup itself runs with the rights of an administrator.
        pub admin: Option<Spanned<bool>>,
        ..common: Common
    }
}

crate::record! {
    /// What every requirement says that does not say otherwise itself.
    pub struct DefaultFields {
        /// What is not done while it is not so.
        pub blocks: Option<Blocks>,
    }
}

/// The schema of the section.
pub fn section_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "What must be so before the rest is done, by a name of your own; it is looked at and never changed.",
        "additionalProperties": RequirementFields::field_schema(generator),
        "examples": [{ "framework": { "dotnet": ">=4.8", "message": "install .NET Framework 4.8" } }],
    })
}

/// What is asserted is replaced whole.
pub fn merge_rule(path: &[&str]) -> MergeRule {
    match path {
        [_, _] => MergeRule::Replace,
        _ => MergeRule::Merge,
    }
}

/// Reads the section; what could not be read is left out and has been reported.
pub fn decode_section(node: &Node<'_>, cx: &mut Decoder) -> Vec<WantedRequirement> {
    let Some(mapping) = cx.mapping(node) else { return Vec::new() };
    let mut unique = Unique::new("requirement", "requires.named_twice", mapping.entries.len());
    let entries = mapping.entries.iter().filter_map(|(key, node)| {
        let is_new = unique.insert(upcase::fold(&key.text), key.at, "names compare without case", cx);
        decode_entry(key, node, cx).filter(|_| is_new)
    });
    entries.collect()
}

fn decode_entry(key: &Key<'_>, node: &Node<'_>, cx: &mut Decoder) -> Option<WantedRequirement> {
    let fields = Fields::open(node, RequirementFields::FIELDS, cx)?;
    let read = RequirementFields::read(&fields, cx)?;
    if key.text.trim().is_empty() || key.text.contains(char::is_control) {
        cx.push(Diagnostic::error("requires.bad_name", "a requirement needs a name").at(key.at));
        return None;
    }
    check_common(&read.common, &fields, key.at, cx);
    check_one(node, key.at, cx)?;
    let os = node.as_mapping().and_then(|mapping| mapping.get("os"));
    if os.is_some_and(|os| has_unknown(os, WindowsForm::FIELDS)) {
        return None;
    }
    let assertion = assertion(&read, &fields, cx)?;
    Some(WantedRequirement {
        name: key.text.as_ref().into(),
        at: key.at,
        common: read.common,
        message: read.message.map(|message| message.value.trim().into()),
        blocks: read.blocks,
        assertion,
    })
}

/// Fields that assert nothing.
const OTHERS: [&str; 2] = ["message", "blocks"];

fn check_one(node: &Node<'_>, at: Location, cx: &mut Decoder) -> Option<()> {
    let mapping = node.as_mapping()?;
    let asserting = || RequirementFields::OWN_FIELDS.iter().filter(|name| !OTHERS.contains(name));
    let mut found = mapping.entries.iter().map(|(key, _)| key).filter(|key| asserting().any(|name| *name == key.text));
    let Some(first) = found.next() else {
        // What has another name was probably meant to be one.
        if !has_unknown(node, RequirementFields::FIELDS) {
            let names: Vec<String> = asserting().map(|name| format!("`{name}`")).collect();
            let hint = format!("say what must be so with one of {}", names.join(", "));
            cx.push(Diagnostic::error("requires.no_assertion", "the entry requires nothing").at(at).hint(hint));
        }
        return None;
    };
    let Some(second) = found.next() else { return Some(()) };
    let message = format!("`{}` and `{}` are two requirements", first.text, second.text);
    let hint = "write an entry for each, so that each has its own message";
    cx.push(Diagnostic::error("requires.several", message).at(second.at).related(first.at, "the first one").hint(hint));
    None
}

/// Whether a mapping has a field of another name; that was reported.
fn has_unknown(node: &Node<'_>, known: &[&[&str]]) -> bool {
    let is_known = |name: &str| known.iter().any(|group| group.contains(&name));
    node.as_mapping().is_some_and(|mapping| mapping.entries.iter().any(|(key, _)| !is_known(&key.text)))
}

/// What is only looked at can neither go nor change.
fn check_common(common: &Common, fields: &Fields<'_, '_>, at: Location, cx: &mut Decoder) {
    if common.ensure == Ensure::Absent {
        let message = "a requirement is looked at, not made or removed";
        let hint = "drop the entry; for something that must not be there, write `absent: true` beside its name";
        let at = fields.place("ensure").unwrap_or(at);
        cx.push(Diagnostic::error("requires.absent", message).at(at).hint(hint));
    }
    for name in ["on_change", "protect"] {
        if let Some(at) = fields.place(name) {
            let message = format!("`{name}` means nothing here: a requirement changes nothing");
            cx.push(Diagnostic::error("requires.no_change", message).at(at).hint("leave it out"));
        }
    }
}

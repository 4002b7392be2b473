//! The `environment` section of a document: what each owner's variables can say.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::wanted::{End, Owner, Text, WantedEnvironment, WantedVariable};
use crate::formats::upcase;
use crate::kinds::sections::MergeRule;
use crate::model::common::{Common, Ensure, OnChange};
use crate::model::decode::{Decode, Decoder, Unique};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::{Key, Node};
use crate::model::record::{Fields, Record as _};
use crate::model::secret::SecretReference;
use crate::model::source::Spanned;

crate::record! {
    /// The variables of the machine, or of a user.
    pub struct EnvironmentFields {
        /// Variables by name; what is not named is left as it is.
        #[example(serde_json::json!({ "JAVA_HOME": "C:\\Program Files\\Java\\jdk-11", "OLD": "absent" }))]
        pub variables: Option<Variables>,
        /// Remove the variables that are not named. Each removal is listed in the plan.
        pub exclusive: bool = false,
        /// List what is there and not named.
        pub report_unmanaged: bool = false,
        ..common: Common
    }
}

crate::record! {
    /// What every owner's entry says that does not say otherwise itself.
    pub struct DefaultFields {
        /// List what is there and not named.
        pub report_unmanaged: Option<bool>,
        /// What else follows when a variable changes.
        pub on_change: Option<OnChange>,
    }
}

crate::record! {
    /// A variable that is spelt out.
    struct LongForm {
        /// The whole text.
        #[example("%SystemRoot%\\Temp")]
        value: Option<Spanned<String>>,
        /// Whether names such as `%SystemRoot%` in it are expanded; where nothing is said, they are when there are any.
        expand: Option<bool>,
        /// Elements of a list such as `Path` that it has to contain; all others stay.
        #[example(["C:\\Tools"])]
        contains: Option<Vec<Spanned<String>>>,
        /// Elements that it must not contain.
        #[example(["C:\\Old"])]
        lacks: Option<Vec<Spanned<String>>>,
        /// Where elements that are missing are put in.
        at: End = End::Last,
        ..secret: SecretFields
    }
}

crate::record! {
    /// Where a secret comes from.
    struct SecretFields {
        /// The text is a secret, from where this says.
        secret: Option<Spanned<SecretReference>>,
    }
}

/// Variables by name.
#[derive(Clone, Debug, Default)]
pub struct Variables(pub Vec<WantedVariable>);

impl Decode for Variables {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let mapping = cx.mapping(node)?;
        let mut unique = Unique::new("variable", "environment.named_twice", mapping.entries.len());
        let mut variables = Vec::with_capacity(mapping.entries.len());
        for (key, node) in &mapping.entries {
            let name = variable_name(key, cx);
            let is_new = unique.insert(upcase::fold(&key.text), key.at, "names compare without case", cx);
            let text = Text::decode(node, cx);
            if let (Some(name), Some(text), true) = (name, text, is_new) {
                variables.push(WantedVariable { name, at: key.at, text });
            }
        }
        Some(Self(variables))
    }
}

fn variable_name(key: &Key<'_>, cx: &mut Decoder) -> Option<Box<str>> {
    let message = match &*key.text {
        name if name.trim().is_empty() => "the name of a variable is empty",
        name if name.contains('=') => "the name of a variable cannot hold `=`",
        name if name.contains(char::is_control) => "the name of a variable cannot hold control characters",
        name => return Some(name.into()),
    };
    cx.push(Diagnostic::error("environment.bad_name", message).at(key.at));
    None
}

impl JsonSchema for Variables {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Variables".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": { "pattern": "^[^=]+$" },
            "additionalProperties": generator.subschema_for::<Text>(),
        })
    }
}

fn expands(text: &str) -> bool {
    text.split_once('%').is_some_and(|(_, rest)| rest.contains('%'))
}

impl Decode for Text {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if node.as_mapping().is_none() {
            let text = cx.text(node)?;
            return match text {
                "absent" => Some(Self::Absent),
                text => checked(text, expands(text), node, cx),
            };
        }
        let read = LongForm::decode(node, cx)?;
        let is_list = read.contains.is_some() || read.lacks.is_some();
        match (read.value, read.secret.secret, is_list) {
            (Some(value), None, false) => {
                let expand = read.expand.unwrap_or_else(|| expands(&value.value));
                checked(&value.value, expand, node, cx)
            }
            (None, Some(secret), false) => Some(Self::Secret(secret.value)),
            (None, None, true) => {
                let contains = elements(read.contains.unwrap_or_default(), cx);
                let lacks = elements(read.lacks.unwrap_or_default(), cx);
                let both = contains.iter().find(|one| lacks.iter().any(|other| upcase::eq(one, other)));
                if let Some(both) = both {
                    let message = format!("`{both}` has to be in the list and must not be in it");
                    cx.push(Diagnostic::error("environment.contradiction", message).at(node.at));
                    return None;
                }
                Some(Self::List { contains, lacks, at: read.at })
            }
            _ => {
                let message =
                    "a variable has either a `value`, or a `secret`, or a list that `contains` and `lacks` elements";
                cx.push(Diagnostic::error("environment.bad_variable", message).at(node.at));
                None
            }
        }
    }
}

fn checked(text: &str, expand: bool, node: &Node<'_>, cx: &mut Decoder) -> Option<Text> {
    if text.contains('\0') {
        cx.push(Diagnostic::error("environment.bad_value", "a variable cannot hold a null character").at(node.at));
        return None;
    }
    Some(Text::Whole { text: text.into(), expand })
}

fn elements(given: Vec<Spanned<String>>, cx: &mut Decoder) -> Vec<Box<str>> {
    let mut elements = Vec::with_capacity(given.len());
    for element in given {
        if element.value.trim().is_empty() || element.value.contains([';', '\0']) {
            let message = "an element of a list is neither empty nor holds a `;`";
            let hint = "write each element by itself";
            cx.push(Diagnostic::error("environment.bad_element", message).at(element.at).hint(hint));
        } else {
            elements.push(element.value.into());
        }
    }
    elements
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Variable".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What a variable holds; `absent` for one that must not be there.",
            "anyOf": [{ "type": "string" }, generator.subschema_for::<LongForm>()],
        })
    }
}

/// The schema of the section.
pub fn section_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Environment variables: those of the `machine`, and those of users by account name or SID.",
        "additionalProperties": EnvironmentFields::field_schema(generator),
        "examples": [{ "machine": { "variables": { "Path": { "contains": ["C:\\Tools"] } } } }],
    })
}

/// A variable is replaced whole.
pub fn merge_rule(path: &[&str]) -> MergeRule {
    match path {
        [_, "variables", _] => MergeRule::Replace,
        _ => MergeRule::Merge,
    }
}

/// Reads the section; what could not be read is left out and has been reported.
pub fn decode_section(node: &Node<'_>, cx: &mut Decoder) -> Vec<WantedEnvironment> {
    let Some(mapping) = cx.mapping(node) else { return Vec::new() };
    let mut unique = Unique::new("owner", "environment.owner_twice", mapping.entries.len());
    let entries = mapping.entries.iter().filter_map(|(key, node)| {
        let is_new = unique.insert(upcase::fold(&key.text), key.at, "names compare without case", cx);
        decode_entry(key, node, cx).filter(|_| is_new)
    });
    entries.collect()
}

fn decode_entry(key: &Key<'_>, node: &Node<'_>, cx: &mut Decoder) -> Option<WantedEnvironment> {
    let fields = Fields::open(node, EnvironmentFields::FIELDS, cx)?;
    let read = EnvironmentFields::read(&fields, cx)?;
    let owner = if upcase::eq(&key.text, "machine") {
        Owner::Machine
    } else if key.text.trim().is_empty() || key.text.contains(char::is_control) {
        let hint = "write `machine`, or an account's name such as `CORP\\svc`, or its SID";
        cx.push(Diagnostic::error("environment.bad_owner", "this is no account").at(key.at).hint(hint));
        return None;
    } else {
        Owner::User(key.text.as_ref().into())
    };
    if read.common.ensure == Ensure::Absent {
        let message = "an environment cannot go, its variables can";
        let hint = "write `NAME: absent` below `variables` for each that must not be there";
        cx.push(Diagnostic::error("environment.absent", message).at(key.at).hint(hint));
        return None;
    }
    Some(WantedEnvironment {
        owner,
        at: key.at,
        common: read.common,
        variables: read.variables.unwrap_or_default().0,
        exclusive: read.exclusive,
        report_unmanaged: read.report_unmanaged,
    })
}

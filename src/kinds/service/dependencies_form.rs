//! What a document can say of the dependencies of a service: a list, or what is and what is not among them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::wanted::WantedDependencies;
use crate::formats::service::{Dependencies, ServiceName};
use crate::formats::upcase;
use crate::model::decode::{Decode, Decoder, Unique};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::{Content, Node};
use crate::model::source::Spanned;

const EXACTLY: &str = "services.bad_dependency";

crate::record! {
    /// Dependencies that are among all, and those that are not.
    struct DependencyFields {
        /// Services that it has to depend on; all others stay.
        #[example(["HTTP"])]
        contains: Option<Vec<Spanned<String>>>,
        /// Services that it must not depend on.
        #[example(["Spooler"])]
        lacks: Option<Vec<Spanned<String>>>,
    }
}

impl Decode for WantedDependencies {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if let Content::Sequence(_) = &node.content {
            let names = Vec::<Spanned<String>>::decode(node, cx)?;
            return dependencies(&names, cx).map(Self::Exactly);
        }
        if node.as_mapping().is_none() {
            return cx.wrong_type(node, "a list, or a mapping with `contains` and `lacks`");
        }
        let read = DependencyFields::decode(node, cx)?;
        let (contains, lacks) = (read.contains.unwrap_or_default(), read.lacks.unwrap_or_default());
        let both = contains.iter().find(|one| lacks.iter().any(|other| upcase::eq(&one.value, &other.value)));
        if let Some(both) = both {
            let message = format!("`{}` has to be among the dependencies and must not be", both.value);
            cx.push(Diagnostic::error("services.contradiction", message).at(both.at));
            return None;
        }
        Some(Self::Some { contains: dependencies(&contains, cx)?, lacks: dependencies(&lacks, cx)? })
    }
}

fn dependencies(names: &[Spanned<String>], cx: &mut Decoder) -> Option<Dependencies> {
    let mut unique = Unique::new("dependency", "services.dependency_twice", names.len());
    let mut is_good = true;
    for name in names {
        let is_new = unique.insert(upcase::fold(&name.value), name.at, "names compare without case", cx);
        let message = match name.value.strip_prefix('+') {
            Some(group) if group.trim().is_empty() => Some("the name of a group is empty".to_owned()),
            Some(group) => {
                group.contains(char::is_control).then(|| "a group's name holds no control characters".into())
            }
            None => name.value.parse::<ServiceName>().err().map(|error| error.to_string()),
        };
        if let Some(message) = &message {
            cx.push(Diagnostic::error(EXACTLY, message.as_str()).at(name.at));
        }
        is_good &= is_new && message.is_none();
    }
    let names: Vec<&str> = names.iter().map(|name| &*name.value).collect();
    if is_good { Dependencies::of_list(&names).ok() } else { None }
}

/// Whether a service can depend on these; what it cannot is reported.
pub fn checked_dependencies(name: &ServiceName, wanted: &Spanned<WantedDependencies>, cx: &mut Decoder) -> bool {
    let (WantedDependencies::Exactly(needs) | WantedDependencies::Some { contains: needs, .. }) = &wanted.value;
    let is_good = !needs.services.contains(name);
    if !is_good {
        let message = format!("{name} cannot depend on itself");
        cx.push(Diagnostic::error("services.needs_itself", message).at(wanted.at));
    }
    is_good
}

impl JsonSchema for WantedDependencies {
    fn schema_name() -> Cow<'static, str> {
        "Dependencies".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "What has to run before a service.",
            "anyOf": [
                { "type": "array", "items": { "type": "string", "minLength": 1 }, "uniqueItems": true },
                generator.subschema_for::<DependencyFields>(),
            ],
        })
    }
}

//! Records and choices: one definition gives the type, its decoder and its schema, so that the three cannot drift apart.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::decode::{Decode, Decoder};
use super::diagnostic::Diagnostic;
use super::node::{Mapping, Node};
use super::source::Location;

/// A mapping with a fixed set of fields, as made by [`record!`](crate::record).
pub trait Record: Sized {
    /// The names of its fields, by group: its own and those of the record it includes.
    const FIELDS: &'static [&'static [&'static str]];

    /// Reads all fields; `None` when one of them could not be read.
    fn read(fields: &Fields<'_, '_>, cx: &mut Decoder) -> Option<Self>;

    /// Adds its fields to a schema.
    fn describe(schema: &mut RecordSchema, generator: &mut SchemaGenerator);
}

/// The fields of one mapping, unknown ones reported.
#[derive(Debug)]
pub struct Fields<'n, 's> {
    node: &'n Node<'s>,
    mapping: &'n Mapping<'s>,
    /// Fields that an unknown name was probably meant to be.
    meant: Vec<&'static str>,
}

impl<'n, 's> Fields<'n, 's> {
    /// Opens a mapping and reports every field that is not in `known`.
    pub fn open(node: &'n Node<'s>, known: &[&[&'static str]], cx: &mut Decoder) -> Option<Self> {
        Self::open_hinting(node, known, &[], cx)
    }

    /// As [`Fields::open`]; `elsewhere` names fields that have their place somewhere else, each with a hint where.
    pub fn open_hinting(
        node: &'n Node<'s>,
        known: &[&[&'static str]],
        elsewhere: &[(&str, &str)],
        cx: &mut Decoder,
    ) -> Option<Self> {
        let mapping = cx.mapping(node)?;
        let names = || known.iter().flat_map(|group| group.iter().copied());
        let mut meant = Vec::new();
        for (key, _) in &mapping.entries {
            if names().any(|name| name == key.text) {
                continue;
            }
            let other_place = elsewhere.iter().find(|(name, _)| *name == key.text).map(|(_, hint)| *hint);
            let near = if other_place.is_some() { None } else { cx.nearest(&key.text, names()) };
            let hint = match (other_place, near) {
                (Some(hint), _) => hint.to_owned(),
                (None, Some(name)) => format!("did you mean `{name}`?"),
                (None, None) => format!(
                    "the fields here are {}",
                    names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                ),
            };
            let message = format!("unknown field `{}`", key.text);
            cx.push(Diagnostic::error("document.unknown_field", message).at(key.at).hint(hint));
            meant.extend(near);
        }
        Some(Self { node, mapping, meant })
    }

    /// Where a field's name stands, if it is there.
    pub fn place(&self, name: &str) -> Option<Location> {
        self.mapping.entry(name).map(|(key, _)| key.at)
    }

    /// Reads one field; `absent` is taken when it is not there.
    pub fn read<T: Decode>(&self, name: &'static str, absent: Option<T>, cx: &mut Decoder) -> Option<T> {
        if let Some(node) = self.mapping.get(name) {
            return T::decode(node, cx);
        }
        if absent.is_none() && !self.meant.contains(&name) {
            cx.push(
                Diagnostic::error("document.missing_field", format!("the field `{name}` is missing")).at(self.node.at),
            );
        }
        absent
    }
}

/// The name of a field as documents spell it: one that is a word of Rust stands as `r#use` in the code.
pub const fn field_name(written: &'static str) -> &'static str {
    match written.as_bytes() {
        [b'r', b'#', ..] => written.split_at(2).1,
        _ => written,
    }
}

/// The schema of a record, field by field.
#[derive(Debug, Default)]
pub struct RecordSchema {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
}

/// What a schema says of one field beside its type.
#[derive(Debug)]
pub struct FieldNotes {
    pub name: &'static str,
    pub docs: &'static [&'static str],
    pub examples: Vec<Value>,
    pub default: Option<Value>,
}

impl RecordSchema {
    /// Adds a field of type `T`; it is required when it has no default and `T` must be there.
    pub fn field<T: Decode>(&mut self, notes: FieldNotes, generator: &mut SchemaGenerator) {
        let mut schema = T::field_schema(generator);
        schema.insert("description".into(), description(notes.docs).into());
        if !notes.examples.is_empty() {
            schema.insert("examples".into(), notes.examples.into());
        }
        match notes.default {
            Some(default) => drop(schema.insert("default".into(), default)),
            None if T::absent().is_none() => self.required.push(notes.name),
            None => {}
        }
        self.properties.insert(notes.name.into(), schema.into());
    }

    /// Adds a property whose schema is already made.
    pub fn property(&mut self, name: &'static str, schema: Schema) {
        self.properties.insert(name.into(), schema.into());
    }

    /// Drops every property that is not named; those that stay may be left out.
    pub fn keep_optional(&mut self, names: &[&str]) {
        self.properties.retain(|name, _| names.contains(&name.as_str()));
        self.required.clear();
    }

    /// The schema of the whole record.
    pub fn finish(self, docs: &[&str]) -> Schema {
        let mut schema = json_schema!({
            "type": "object",
            "description": description(docs),
            "properties": self.properties,
            "additionalProperties": false,
        });
        if !self.required.is_empty() {
            schema.insert("required".into(), json!(self.required));
        }
        schema
    }
}

/// Documentation lines as the paragraphs of a description.
pub fn description(docs: &[&str]) -> String {
    let mut text = String::new();
    for line in docs {
        let line = line.trim();
        if line.is_empty() {
            text.push_str("\n\n");
            continue;
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push(' ');
        }
        text.push_str(line);
    }
    text
}

/// Defines a record: a struct with its documentation, its [`Decode`](crate::model::decode::Decode) and its `JsonSchema`.
///
/// A field of type `Option<T>` may be left out; `= value` gives a default; `#[example(…)]` (after the documentation) goes
/// into the schema. A last line `..name: Record` takes in the fields of another record. `#[check(function)]` before the
/// struct names what reports the errors that no field shows alone.
#[macro_export]
macro_rules! record {
    (
        $(#[doc = $docs:literal])*
        $(#[derive($($derived:path),+)])?
        $(#[check($check:path)])?
        $(#[expect($($expected:tt)+)])?
        $visibility:vis struct $name:ident {
            $(
                $(#[doc = $field_docs:literal])*
                $(#[example($example:expr)])*
                $field_visibility:vis $field:ident: $type:ty $(= $default:expr)?,
            )*
            $(..$included:ident: $included_type:ty $(,)?)?
        }
    ) => {
        $(#[doc = $docs])*
        #[derive(Clone, Debug $($(, $derived)+)?)]
        $(#[expect($($expected)+)])?
        $visibility struct $name {
            $($(#[doc = $field_docs])* $field_visibility $field: $type,)*
            $(pub $included: $included_type,)?
        }

        impl $crate::model::record::Record for $name {
            const FIELDS: &'static [&'static [&'static str]] = &[
                &[$($crate::model::record::field_name(stringify!($field))),*],
                $(<$included_type>::OWN_FIELDS,)?
            ];

            fn read(
                fields: &$crate::model::record::Fields<'_, '_>,
                cx: &mut $crate::model::decode::Decoder,
            ) -> Option<Self> {
                $(let $field: Option<$type> = fields.read($crate::model::record::field_name(stringify!($field)), $crate::record!(@absent $type $(, $default)?), cx);)*
                $(let $included = <$included_type as $crate::model::record::Record>::read(fields, cx);)?
                let read = Self { $($field: $field?,)* $($included: $included?,)? };
                $($check(&read, fields, cx);)?
                Some(read)
            }

            fn describe(schema: &mut $crate::model::record::RecordSchema, generator: &mut schemars::SchemaGenerator) {
                $(
                    let notes = $crate::model::record::FieldNotes {
                        name: $crate::model::record::field_name(stringify!($field)),
                        docs: &[$($field_docs),*],
                        examples: vec![$(serde_json::json!($example)),*],
                        default: $crate::record!(@default $type $(, $default)?),
                    };
                    schema.field::<$type>(notes, generator);
                )*
                $(<$included_type as $crate::model::record::Record>::describe(schema, generator);)?
            }
        }

        impl $name {
            /// The names of the fields, without those of an included record.
            #[allow(dead_code, reason = "not every record is asked for them")]
            pub const OWN_FIELDS: &'static [&'static str] = &[$($crate::model::record::field_name(stringify!($field))),*];
        }

        impl $crate::model::decode::Decode for $name {
            fn decode(
                node: &$crate::model::node::Node<'_>,
                cx: &mut $crate::model::decode::Decoder,
            ) -> Option<Self> {
                use $crate::model::record::{Fields, Record};
                let fields = Fields::open(node, Self::FIELDS, cx)?;
                Self::read(&fields, cx)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            // Records of several sections bear the same name and are not the same.
            fn schema_id() -> std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut schema = $crate::model::record::RecordSchema::default();
                <Self as $crate::model::record::Record>::describe(&mut schema, generator);
                schema.finish(&[$($docs),*])
            }
        }
    };
    (@absent $type:ty) => { <$type as $crate::model::decode::Decode>::absent() };
    (@absent $type:ty, $default:expr) => { Some($default) };
    (@default $type:ty) => { None };
    (@default $type:ty, $default:expr) => {{
        let default: $type = $default;
        Some(serde_json::json!(default))
    }};
}

/// Defines a closed set of words: a fieldless enum with its documentation, its decoder and its schema.
///
/// `enum Name or Variant` gives it a default.
#[macro_export]
macro_rules! choice {
    (
        $(#[doc = $docs:literal])*
        $visibility:vis enum $name:ident $(or $default:ident)? {
            $($(#[doc = $variant_docs:literal])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[doc = $docs])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
        $visibility enum $name {
            $($(#[doc = $variant_docs])* #[serde(rename = $word)] $variant,)+
        }

        $(impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        })?

        impl $crate::model::decode::Decode for $name {
            fn decode(
                node: &$crate::model::node::Node<'_>,
                cx: &mut $crate::model::decode::Decoder,
            ) -> Option<Self> {
                match node.as_scalar().map(|scalar| &*scalar.text) {
                    $(Some($word) => Some(Self::$variant),)+
                    other => $crate::model::record::unknown_word(node, other, &[$($word),+], cx),
                }
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "oneOf": [$({ "const": $word, "description": $crate::model::record::description(&[$($variant_docs),*]) }),+]
                })
            }
        }
    };
}

/// Reports a word that is not one of a choice.
pub fn unknown_word<T>(node: &Node<'_>, given: Option<&str>, words: &[&'static str], cx: &mut Decoder) -> Option<T> {
    let listed = words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    let Some(given) = given else { return cx.wrong_type(node, &listed) };
    let hint = cx.nearest(given, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
    cx.push(Diagnostic::error("document.unknown_word", format!("expected {listed}")).at(node.at).hint_if(hint));
    None
}

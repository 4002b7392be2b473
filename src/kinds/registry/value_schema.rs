//! The schema of a registry value's forms, beside what `value_form` reads.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::value_form::{ExpiryFields, Then, Values};
use crate::model::decode::Decode as _;
use crate::model::secret::SecretReference;

impl JsonSchema for Values {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": { "minLength": 1 },
            "additionalProperties": generator.subschema_for::<ValueForm>(),
        })
    }
}

impl JsonSchema for Then {
    fn schema_name() -> Cow<'static, str> {
        "RegistryValueThen".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let typed = json!({
            "type": "object",
            "properties": types(generator),
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
        });
        forms(typed)
    }
}

/// The schema of one value.
struct ValueForm;

impl JsonSchema for ValueForm {
    fn schema_name() -> Cow<'static, str> {
        "RegistryValue".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = types(generator);
        let mut expires = ExpiryFields::field_schema(generator);
        expires.insert("description".into(), "From when on something else is wanted, and what.".into());
        if let Some(properties) = properties.as_object_mut() {
            properties.insert("expires".into(), expires.into());
        }
        forms(json!({
            "type": "object",
            "properties": properties,
            "minProperties": 1,
            "if": { "required": ["expires"] },
            "then": { "minProperties": 2, "maxProperties": 2 },
            "else": { "maxProperties": 1 },
            "additionalProperties": false,
        }))
    }
}

/// All forms, of which the long one is given.
fn forms(typed: Value) -> Schema {
    json_schema!({
        "description": "What a value should be: a text, a whole number, a list of texts, `{type: data}`, or `absent`.",
        "anyOf": [
            { "type": "string", "description": "A REG_SZ. Without quotes, `absent` removes the value." },
            { "type": "integer", "minimum": 0, "maximum": u32::MAX, "description": "A REG_DWORD." },
            described("A REG_MULTI_SZ.", texts()),
            typed,
        ],
        "examples": ["text", 3, ["first", "second"], { "expand": "%SystemRoot%\\x" }, "absent"],
    })
}

/// The types of the long form.
fn types(generator: &mut SchemaGenerator) -> Value {
    let secret = generator.subschema_for::<SecretReference>();
    let text = json!({ "anyOf": [{ "type": "string" }, secret] });
    // A variable may bring the number.
    let number = |maximum: u64| {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": maximum },
            { "type": "string", "pattern": r"\$\{" },
        ] })
    };
    let hex = r"^[\s,]*([0-9A-Fa-f]{2}[\s,]*)*$";
    json!({
        "sz": described("A REG_SZ: a text, or where to find a secret.", text.clone()),
        "expand": described("A REG_EXPAND_SZ: a text with environment names such as %SystemRoot%.", text),
        "dword": described("A REG_DWORD: 32 bits, decimal or 0x….", number(u32::MAX.into())),
        "qword": described("A REG_QWORD: 64 bits, decimal or 0x….", number(u64::MAX)),
        "multi": described("A REG_MULTI_SZ: a list of texts.", texts()),
        "binary": { "type": "string", "pattern": hex, "description": "A REG_BINARY: bytes in hex." },
        "none": {
            "type": ["string", "null"],
            "pattern": hex,
            "description": "A REG_NONE: bytes in hex, or null for no data.",
        },
    })
}

fn texts() -> Value {
    json!({ "type": "array", "items": { "type": "string", "minLength": 1 } })
}

fn described(description: &str, mut schema: Value) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("description".into(), description.into());
    }
    schema
}

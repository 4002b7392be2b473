//! The JSON Schema of a document, for editors: made from the same definitions that decode it.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::desired::{Head, describe_sections};
use crate::model::record::{Record as _, RecordSchema};

/// The name by which documents and tools refer to the schema.
pub const SCHEMA_ID: &str = "urn:trueup:schema:desired-state.v1";

/// The schema of a desired-state document, draft 2020-12.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut record = RecordSchema::default();
    Head::describe(&mut record, &mut generator);
    describe_sections(&mut record, &mut generator);
    let mut schema = record.finish(&["What a Windows server should look like; see the guide of trueup."]);
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("$id".into(), SCHEMA_ID.into());
    schema.insert("title".into(), "trueup desired state".into());
    schema.insert("$defs".into(), generator.take_definitions(true).into());
    sorted(schema.to_value())
}

/// The schema as text: the same bytes for the same program.
pub fn schema_text() -> String {
    // `Display` of a `Value` with the alternate flag is pretty-printed JSON.
    format!("{:#}\n", schema())
}

/// The same value with the keys of its objects in order, whatever map serde_json was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

//! The schema and the decoder say the same of every document, as far as a schema can.

use serde_json::json;

use crate::support::load_text;
use trueup::document::{schema, schema_text};

/// Cases with what both should say; the JSON is what a YAML 1.2 reader makes of the text.
fn cases() -> Vec<(&'static str, serde_json::Value, bool)> {
    vec![
        ("{}", json!({}), true),
        ("registry: {}", json!({ "registry": {} }), true),
        ("registry: []", json!({ "registry": [] }), false),
        ("registri: {}", json!({ "registri": {} }), false),
        (
            "machine: { name: X, domain: y, require_match: true }",
            json!({ "machine": { "name": "X", "domain": "y", "require_match": true } }),
            true,
        ),
        ("machine: { name: 1 }", json!({ "machine": { "name": 1 } }), false),
        ("machine: { name: ~ }", json!({ "machine": { "name": null } }), false),
        ("machine: { require_match: yes }", json!({ "machine": { "require_match": "yes" } }), false),
        ("variables: { a: 1, b: { c: x } }", json!({ "variables": { "a": 1, "b": { "c": "x" } } }), true),
        ("variables: { a: [1] }", json!({ "variables": { "a": [1] } }), false),
        ("variables: { 'a b': 1 }", json!({ "variables": { "a b": 1 } }), false),
        ("machines: { a: { registry: {} } }", json!({ "machines": { "a": { "registry": {} } } }), true),
        ("machines: { a: { version: 1 } }", json!({ "machines": { "a": { "version": 1 } } }), false),
        ("name: baseline", json!({ "name": "baseline" }), true),
        ("name: Über uns, 2. Teil", json!({ "name": "Über uns, 2. Teil" }), true),
        ("name: ''", json!({ "name": "" }), false),
        ("name: ' '", json!({ "name": " " }), false),
        ("name: a/b", json!({ "name": "a/b" }), false),
        ("name: 'a\\b'", json!({ "name": "a\\b" }), false),
        ("name: \"a\\nb\"", json!({ "name": "a\nb" }), false),
        ("defaults: { registry: { view: 32 } }", json!({ "defaults": { "registry": { "view": 32 } } }), true),
        ("defaults: { environment: { view: 32 } }", json!({ "defaults": { "environment": { "view": 32 } } }), false),
        (
            "defaults: { service: { recovery: { first: restart } } }",
            json!({ "defaults": { "service": { "recovery": { "first": "restart" } } } }),
            true,
        ),
        ("retain: 30d", json!({ "retain": "30d" }), true),
        ("retain: 30", json!({ "retain": 30 }), false),
        ("moved: []", json!({ "moved": [] }), true),
        ("moved: [{ from: a.b }]", json!({ "moved": [{ "from": "a.b" }] }), false),
        ("moved: { from: a.b, to: a.c }", json!({ "moved": { "from": "a.b", "to": "a.c" } }), false),
        ("released: [a.b]", json!({ "released": ["a.b"] }), true),
        ("released: a.b", json!({ "released": "a.b" }), false),
        ("waivers: []", json!({ "waivers": [] }), true),
        (
            "waivers: [{ id: W, address: 'registry[\"HKLM\\A\"]', reason: r, expires: 2026-12-31 }]\nregistry: { 'HKLM\\A': {} }",
            json!({
                "waivers": [{ "id": "W", "address": "registry[\"HKLM\\A\"]", "reason": "r", "expires": "2026-12-31" }],
                "registry": { "HKLM\\A": {} },
            }),
            true,
        ),
        (
            "waivers: [{ id: W, address: a.b, reason: r }]",
            json!({ "waivers": [{ "id": "W", "address": "a.b", "reason": "r" }] }),
            false,
        ),
        (
            "machines: { a: { retain: 30d, released: [a.b] } }",
            json!({ "machines": { "a": { "retain": "30d", "released": ["a.b"] } } }),
            true,
        ),
        ("machines: { a: { name: x } }", json!({ "machines": { "a": { "name": "x" } } }), false),
        ("registry: { 'HKLM\\A': {} }", json!({ "registry": { "HKLM\\A": {} } }), true),
        ("registry: { 'hkey_users\\A': {} }", json!({ "registry": { "hkey_users\\A": {} } }), true),
        ("registry: { 'HKLM/A': {} }", json!({ "registry": { "HKLM/A": {} } }), false),
        ("registry: { 'HKLM\\A': ~ }", json!({ "registry": { "HKLM\\A": null } }), false),
    ]
}

/// What stands at `HKLM\A`.
fn key_cases() -> Vec<(&'static str, serde_json::Value, bool)> {
    vec![
        ("{ ensure: absent }", json!({ "ensure": "absent" }), true),
        ("{ ensure: gone }", json!({ "ensure": "gone" }), false),
        ("{ view: 32 }", json!({ "view": 32 }), true),
        ("{ view: 33 }", json!({ "view": 33 }), false),
        ("{ view: '32' }", json!({ "view": "32" }), false),
        ("{ depends_on: [] , note: x }", json!({ "depends_on": [], "note": "x" }), true),
        ("{ depends_on: x }", json!({ "depends_on": "x" }), false),
        ("{ on_change: { reboot: true } }", json!({ "on_change": { "reboot": true } }), true),
        ("{ on_change: { restart: [a] } }", json!({ "on_change": { "restart": ["a"] } }), true),
        ("{ on_change: { restart: a } }", json!({ "on_change": { "restart": "a" } }), false),
        ("{ on_change: { restart: [1] } }", json!({ "on_change": { "restart": [1] } }), false),
        ("{ protect: true }", json!({ "protect": true }), true),
        ("{ protect: yes }", json!({ "protect": "yes" }), false),
        (
            "{ expires: { on: 2026-12-31, then: absent } }",
            json!({ "expires": { "on": "2026-12-31", "then": "absent" } }),
            false,
        ),
        ("{ range: { A: [1, 2] } }", json!({ "range": { "A": [1, 2] } }), true),
        ("{ range: { A: [1] } }", json!({ "range": { "A": [1] } }), false),
        ("{ security: { sddl: O:BA } }", json!({ "security": { "sddl": "x" } }), true),
        ("{ security: { grant: [{ to: a }] } }", json!({ "security": { "grant": [{ "to": "a" }] } }), false),
        (
            "{ security: { grant: [{ to: a, rights: full }] } }",
            json!({ "security": { "grant": [{ "to": "a", "rights": "full" }] } }),
            true,
        ),
    ]
}

/// What a value can be.
fn value_cases() -> Vec<(&'static str, serde_json::Value, bool)> {
    vec![
        ("text", json!("text"), true),
        ("absent", json!("absent"), true),
        ("3", json!(3), true),
        ("-1", json!(-1), false),
        ("4294967295", json!(4_294_967_295_u32), true),
        ("4294967296", json!(4_294_967_296_u64), false),
        ("1.5", json!(1.5), false),
        ("true", json!(true), false),
        ("~", json!(null), false),
        ("[a, b]", json!(["a", "b"]), true),
        ("[]", json!([]), true),
        ("[a, '']", json!(["a", ""]), false),
        ("[1]", json!([1]), false),
        ("{ sz: x }", json!({ "sz": "x" }), true),
        ("{ sz: 1 }", json!({ "sz": 1 }), false),
        ("{ sz: { env: X } }", json!({ "sz": { "env": "X" } }), true),
        ("{ sz: { env: '' } }", json!({ "sz": { "env": "" } }), false),
        ("{ sz: { age: X } }", json!({ "sz": { "age": "X" } }), false),
        ("{ sz: { env: X, file: Y } }", json!({ "sz": { "env": "X", "file": "Y" } }), false),
        ("{ sz: { command: [a, b] } }", json!({ "sz": { "command": ["a", "b"] } }), true),
        ("{ sz: { command: [] } }", json!({ "sz": { "command": [] } }), false),
        ("{ sz: { command: [''] } }", json!({ "sz": { "command": [""] } }), false),
        ("{ expand: '%X%' }", json!({ "expand": "%X%" }), true),
        ("{ dword: 0xFF }", json!({ "dword": 255 }), true),
        ("{ dword: '1' }", json!({ "dword": "1" }), false),
        ("{ qword: 18446744073709551615 }", json!({ "qword": 18_446_744_073_709_551_615_u64 }), true),
        ("{ qword: -1 }", json!({ "qword": -1 }), false),
        ("{ multi: [] }", json!({ "multi": [] }), true),
        ("{ multi: x }", json!({ "multi": "x" }), false),
        ("{ binary: '01 ff,0A' }", json!({ "binary": "01 ff,0A" }), true),
        ("{ binary: '' }", json!({ "binary": "" }), true),
        ("{ binary: '0' }", json!({ "binary": "0" }), false),
        ("{ binary: '0 1' }", json!({ "binary": "0 1" }), false),
        ("{ binary: 1234 }", json!({ "binary": 1234 }), false),
        ("{ none: ~ }", json!({ "none": null }), true),
        ("{ none: 'ff' }", json!({ "none": "ff" }), true),
        ("{ none: 1 }", json!({ "none": 1 }), false),
        ("{ dword: 1, sz: x }", json!({ "dword": 1, "sz": "x" }), false),
        (
            "{ dword: 1, expires: { on: 2026-12-31, then: absent } }",
            json!({ "dword": 1, "expires": { "on": "2026-12-31", "then": "absent" } }),
            true,
        ),
        (
            "{ sz: x, expires: { on: '2026-12-31T18:00:00.5+01:00', then: { multi: [a] } } }",
            json!({ "sz": "x", "expires": { "on": "2026-12-31T18:00:00.5+01:00", "then": { "multi": ["a"] } } }),
            true,
        ),
        (
            "{ dword: 1, expires: { on: 2026-12-31T18:00:00, then: 1 } }",
            json!({ "dword": 1, "expires": { "on": "2026-12-31T18:00:00", "then": 1 } }),
            false,
        ),
        (
            "{ dword: 1, expires: { on: 31.12.2026, then: 1 } }",
            json!({ "dword": 1, "expires": { "on": "31.12.2026", "then": 1 } }),
            false,
        ),
        ("{ dword: 1, expires: { on: 2026-12-31 } }", json!({ "dword": 1, "expires": { "on": "2026-12-31" } }), false),
        ("{ dword: 1, expires: { then: 1 } }", json!({ "dword": 1, "expires": { "then": 1 } }), false),
        ("{ dword: 1, expires: 2026-12-31 }", json!({ "dword": 1, "expires": "2026-12-31" }), false),
        (
            "{ expires: { on: 2026-12-31, then: absent } }",
            json!({ "expires": { "on": "2026-12-31", "then": "absent" } }),
            false,
        ),
        (
            "{ dword: 1, sz: x, expires: { on: 2026-12-31, then: absent } }",
            json!({ "dword": 1, "sz": "x", "expires": { "on": "2026-12-31", "then": "absent" } }),
            false,
        ),
        (
            "{ dword: 1, expires: { on: 2026-12-31, then: { dword: 2, expires: { on: 2027-12-31, then: 3 } } } }",
            json!({ "dword": 1, "expires": { "on": "2026-12-31", "then": { "dword": 2, "expires": { "on": "2027-12-31", "then": 3 } } } }),
            false,
        ),
        ("{}", json!({}), false),
        ("{ dwrod: 1 }", json!({ "dwrod": 1 }), false),
    ]
}

#[test]
fn schema_and_decoder_agree() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let check = |text: String, mut json: serde_json::Value, valid: bool| {
        json["version"] = 1.into();
        assert_eq!(load_text(&text).is_ok(), valid, "decoder: {text}");
        assert_eq!(
            validator.is_valid(&json),
            valid,
            "schema: {text}\n{:?}",
            validator.iter_errors(&json).collect::<Vec<_>>()
        );
    };
    for (text, json, valid) in cases() {
        let text = if text == "{}" { "" } else { text };
        check(text.to_owned(), json, valid);
    }
    for (text, json, valid) in key_cases() {
        check(format!("registry:\n  HKLM\\A: {text}\n"), json!({ "registry": { "HKLM\\A": json } }), valid);
    }
    for (text, json, valid) in value_cases() {
        check(
            format!("registry:\n  HKLM\\A:\n    values:\n      V: {text}\n"),
            json!({ "registry": { "HKLM\\A": { "values": { "V": json } } } }),
            valid,
        );
    }
    assert!(!validator.is_valid(&json!({})), "a version is required");
    assert!(!validator.is_valid(&json!({ "version": 2 })));
}

#[test]
fn every_example_of_the_schema_is_valid() {
    let schema = schema();
    let mut seen = 0;
    let mut open = vec![&schema];
    while let Some(part) = open.pop() {
        if let Some(examples) = part.get("examples").and_then(serde_json::Value::as_array) {
            let mut alone = part.clone();
            alone["$defs"] = schema["$defs"].clone();
            let validator = jsonschema::validator_for(&alone).unwrap();
            for example in examples {
                assert!(validator.is_valid(example), "{example} in {part:#}");
                seen += 1;
            }
        }
        match part {
            serde_json::Value::Object(map) => {
                open.extend(map.iter().filter(|(name, _)| *name != "examples").map(|(_, part)| part))
            }
            serde_json::Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn every_field_is_explained() {
    let schema = schema();
    let mut open = vec![("root".to_owned(), &schema)];
    while let Some((path, part)) = open.pop() {
        if let Some(properties) = part.get("properties").and_then(serde_json::Value::as_object) {
            for (name, property) in properties {
                let explained =
                    property.get("description").is_some_and(|text| text.as_str().is_some_and(|text| text.len() > 5));
                assert!(explained, "{path}.{name} has no description");
            }
        }
        if let serde_json::Value::Object(map) = part {
            open.extend(map.iter().map(|(name, part)| (format!("{path}.{name}"), part)));
        }
    }
}

#[test]
fn the_text_is_stable() {
    assert_eq!(schema_text(), schema_text());
    assert!(schema_text().ends_with("}\n"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&schema_text()).unwrap(), schema());
}

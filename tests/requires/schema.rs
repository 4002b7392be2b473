//! The schema and the decoder accept the same requirements and groups. JSON is YAML too, so each case is written once.

use serde_json::{Value, json};
use trueup::document::schema;

use super::world::loaded;

/// Whether both accept a document with these sections.
fn both_accept(sections: &Value) -> bool {
    let mut document = sections.clone();
    document["version"] = json!(1);
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let (by_schema, by_decoder) = (validator.is_valid(&document), loaded(&document.to_string()).is_ok());
    assert_eq!(by_schema, by_decoder, "schema {by_schema}, decoder {by_decoder}: {document}");
    by_schema
}

#[test]
fn requirements() {
    let cases = [
        (
            json!({ "os": { "version": ">=2012 R2", "build": 17763, "edition": ["x"], "installation": ["client"] } }),
            true,
        ),
        (json!({ "os": { "installation": ["desktop"] } }), false),
        (json!({ "dotnet": ">=4.8" }), true),
        (json!({ "dotnet": 4.8 }), false),
        (json!({ "dotnet": "latest" }), false),
        (json!({ "dotnet_runtime": 8 }), true),
        (json!({ "dotnet_runtime": { "version": "8", "runtime": "desktop" } }), true),
        (json!({ "dotnet_runtime": { "runtime": "desktop" } }), false),
        (json!({ "software": "Agent*" }), true),
        (json!({ "software": "*" }), false),
        (json!({ "software": { "name": "Agent", "publisher": "Me", "version": "<3", "absent": true } }), true),
        (json!({ "software": { "version": "<3" } }), false),
        (json!({ "java": { "version": 11, "kind": "jre" } }), true),
        (json!({ "java": -1 }), false),
        (json!({ "role": "dns" }), true),
        (json!({ "role": { "name": "dns", "absent": true } }), true),
        (json!({ "role": "mail" }), false),
        (json!({ "iis": { "components": ["CGI"] } }), true),
        (json!({ "sql_server": {} }), true),
        (json!({ "service": { "name": "W3SVC" } }), true),
        (json!({ "registry": "HKLM\\SOFTWARE" }), true),
        (json!({ "registry": { "key": "HKLM\\SOFTWARE", "value": "x", "is": { "qword": 1 } } }), true),
        (json!({ "registry": { "value": "x" } }), false),
        (json!({ "file": "C:\\x" }), true),
        (json!({ "file": "x" }), false),
        (json!({ "disk": "40GiB" }), true),
        (json!({ "disk": { "path": "D:\\", "free": "1TiB" } }), true),
        (json!({ "disk": 40 }), false),
        (json!({ "memory": "8GB" }), false),
        (json!({ "processors": 2 }), true),
        (json!({ "clock_skew": { "server": "dc1", "at_most": "5m" } }), true),
        (json!({ "clock_skew": { "at_most": "5m" } }), false),
        (json!({ "port_free": 0 }), false),
        (json!({ "port_free": { "port": 80, "protocol": "udp" } }), true),
        (json!({ "reachable": "ca:443" }), true),
        (json!({ "reachable": "ca" }), false),
        (json!({ "admin": true, "message": "x", "blocks": "everything", "note": "y" }), true),
        (json!({ "admin": true, "blocks": "all" }), false),
        (json!({ "admin": "true" }), false),
        (json!({ "unknown": 1 }), false),
    ];
    for (entry, expected) in cases {
        assert_eq!(both_accept(&json!({ "requires": { "it": entry } })), expected, "{entry}");
    }
    for (defaults, expected) in [
        (json!({ "requirement": { "blocks": "everything" } }), true),
        (json!({ "requirement": { "report_unmanaged": true } }), false),
        (json!({ "account": { "report_unmanaged": true } }), true),
        (json!({ "account": { "blocks": "everything" } }), false),
    ] {
        assert_eq!(both_accept(&json!({ "defaults": defaults })), expected, "{defaults}");
    }
}

#[test]
fn groups() {
    let cases = [
        (json!({ "members": ["bob"], "lacks": ["S-1-5-18"], "exclusive": true, "report_unmanaged": true }), true),
        (json!({ "exclusive": true, "protect": true, "on_change": { "reboot": true } }), true),
        (json!({ "members": "bob", "exclusive": true }), false),
        (json!({ "members": [1], "exclusive": true }), false),
        (json!({ "member": ["bob"], "exclusive": true }), false),
    ];
    for (entry, expected) in cases {
        assert_eq!(both_accept(&json!({ "accounts": { "Operators": entry } })), expected, "{entry}");
    }
}

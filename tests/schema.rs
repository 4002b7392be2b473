//! The published schema: it is what the program prints, it explains every field, and another validator agrees with us.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests are not seen as tests"
)]

mod program;

use std::path::{Path, PathBuf};
use std::process::Command;

use program::Folder;
use serde_json::Value;
use trueup::document::schema_text;

const FILE: &str = "schemas/desired-state.v1.json";

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `UPDATE_GOLDEN=1` writes the file anew.
#[test]
fn the_file_is_what_the_program_prints() {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(root(FILE), schema_text()).unwrap();
    }
    let text = std::fs::read_to_string(root(FILE)).unwrap().replace("\r\n", "\n");
    assert!(text == schema_text(), "{FILE} is stale: `trueup schema` writes it");
}

#[test]
fn every_property_is_described() {
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(root(FILE)).unwrap()).unwrap();
    let (mut open, mut seen) = (vec![("schema".to_owned(), &schema)], 0);
    while let Some((path, part)) = open.pop() {
        for (name, property) in part.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let text = property.get("description").and_then(Value::as_str).unwrap_or_default();
            assert!(text.len() > 5 && text.ends_with(['.', ')']), "{path}.{name}: {text:?}");
            seen += 1;
        }
        match part {
            Value::Object(map) => open.extend(map.iter().map(|(name, part)| (format!("{path}.{name}"), part))),
            Value::Array(items) => open.extend(items.iter().map(|part| (path.clone(), part))),
            _ => {}
        }
    }
    assert!(seen > 20, "{seen} properties");
}

/// Documents that must be accepted: all that we publish.
fn published() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["examples", "src/cli/templates"] {
        let Ok(entries) = std::fs::read_dir(root(folder)) else { continue };
        let paths = entries.map(|entry| entry.unwrap().path());
        files.extend(paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")));
    }
    files.sort();
    assert!(files.len() >= 2, "the templates are there: {files:?}");
    files
}

/// Documents that must be refused, each for one reason.
const WRONG: [&str; 32] = [
    "registry: {}",
    "version: 2",
    "version: '1'",
    "version: 1\nregistri: {}",
    "version: 1\nregistry: []",
    "version: 1\nregistry: { 'HKLM/SOFTWARE/Vendor': {} }",
    "version: 1\nregistry: { 'HKXX\\Vendor': {} }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { vlaues: {} } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { ensure: maybe } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { view: 16 } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { exclusive: 'yes' } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: true } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: 1.5 } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: -1 } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: 4294967296 } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: { dwrod: 1 } } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: { dword: 1, sz: x } } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: { binary: abc } } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: { sz: { env: X, file: Y } } } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: { sz: { vault: X } } } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { range: { A: [1] } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { security: { grant: [{ to: x }] } } }",
    "version: 1\nmachine: { nmae: X }",
    "version: 1\ninclude: baseline.yaml",
    "version: 1\nvariables: { a: [1] }",
    "version: 1\nname: a/b",
    "version: 1\nretain: 90",
    "version: 1\nmoved: [{ from: a.b }]",
    "version: 1\nwaivers: [{ id: W, address: a.b, reason: r }]",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: { dword: 1, expires: { on: 31.12.2026, then: absent } } } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: { dword: 1, expires: { on: 2026-12-31 } } } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: { expires: { on: 2026-12-31, then: 1 } } } } }",
];

/// Documents that must be accepted although they look odd.
const RIGHT: [&str; 9] = [
    "version: 1",
    "version: 1\nregistry: { 'hkey_local_machine\\Vendor': {} }",
    "version: 1\nvariables: { root: 'HKLM\\Vendor' }\nregistry: { '${root}\\X': { values: { A: 0x10, B: yes please, C: absent } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { (default): '', A: { none: ~ }, B: [], C: { qword: 18446744073709551615 } } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: { binary: '00 ff,A0' }, B: { sz: { command: [a, b] } } } } }",
    "version: 1\nregistry: { 'HKLM\\Vendor': { ensure: absent, note: gone } }",
    "version: 1\nmachines: { A: { variables: { x: 1 } } }",
    "version: 1\nname: baseline\nretain: 30d\nreleased: ['registry[\"HKLM\\Gone\"]']\nmoved: []\nwaivers: []",
    "version: 1\nregistry: { 'HKLM\\Vendor': { values: { A: { dword: 1, expires: { on: 2026-12-31, then: { multi: [a] } } } } } }",
];

#[test]
fn python_and_we_agree() {
    let folder = Folder::new();
    let mut files: Vec<(PathBuf, bool)> = published().into_iter().map(|path| (path, true)).collect();
    for (at, (text, right)) in
        RIGHT.iter().map(|text| (text, true)).chain(WRONG.iter().map(|text| (text, false))).enumerate()
    {
        let name = format!("{at:02}.yaml");
        folder.write(&name, format!("{text}\n"));
        files.push((folder.path(&name), right));
    }
    for (path, right) in &files {
        let run = folder.run(&["validate".as_ref(), path.as_os_str()]);
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(run.code, if *right { 0 } else { 3 }, "{}:\n{text}\n{}", path.display(), run.stderr);
    }
    let Some(said) = python(&files) else { return };
    assert_eq!(said.len(), files.len());
    for ((path, right), said) in files.iter().zip(said) {
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(said == "valid", *right, "{}: {said}\n{text}", path.display());
    }
}

/// What Python's jsonschema says of each file; none, loudly, where it isn't at hand, and never in CI.
fn python(files: &[(PathBuf, bool)]) -> Option<Vec<String>> {
    let interpreter = "python3";
    let has = Command::new(interpreter).args(["-c", "import jsonschema, yaml"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        let in_ci = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0");
        assert!(!in_ci, "Python's jsonschema and yaml are missing; CI must have them");
        println!("skipped: Python's jsonschema and yaml are not at hand");
        return None;
    }
    let mut command = Command::new(interpreter);
    command.arg(root("tests/schema/validate.py")).arg(root(FILE)).args(files.iter().map(|(path, _)| path));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

//! What every entry can say: protection, and services that restart after a change.

use trueup::document::Loaded;
use trueup::kinds::Kind as _;

use crate::support::{codes, keys, load_text, problems};

fn loaded(fields: &str) -> Loaded {
    load_text(&format!("registry:\n  HKLM\\SOFTWARE\\Vendor: {{ {fields} }}\n")).expect("it loads")
}

/// What the entry says of its key, in words.
fn statement(fields: &str) -> String {
    let loaded = loaded(fields);
    keys(&loaded.desired)[0].statements().remove(0).1
}

#[test]
fn accepted_forms() {
    let cases: [(&str, Option<bool>, &[&str], &str); 7] = [
        ("", None, &[], "present"),
        ("protect: true", Some(true), &[], "present, protected from removal"),
        ("protect: false", Some(false), &[], "present, no longer protected from removal"),
        ("ensure: absent, protect: false", Some(false), &[], "absent, no longer protected from removal"),
        ("on_change: { restart: [] }", None, &[], "present"),
        (
            "on_change: { restart: [W3SVC, 'SQL Server (X)'] }",
            None,
            &["W3SVC", "SQL Server (X)"],
            "present, a change restarts W3SVC, SQL Server (X)",
        ),
        (
            "on_change: { restart: [a], reboot: true }",
            None,
            &["a"],
            "present, a change needs a reboot, a change restarts a",
        ),
    ];
    for (fields, protect, services, said) in cases {
        let loaded = loaded(fields);
        let common = &keys(&loaded.desired)[0].common;
        let restart: Vec<&str> = common.on_change.restart.iter().map(|service| &*service.value).collect();
        assert_eq!((common.protect, &*restart), (protect, services), "{fields}");
        assert_eq!(statement(fields), said, "{fields}");
    }
}

#[test]
fn services_by_default() {
    let text = r"
defaults: { registry: { on_change: { restart: [W3SVC] } } }
registry:
  HKLM\SOFTWARE\Silent: {}
  HKLM\SOFTWARE\Outspoken: { on_change: { reboot: true } }
";
    let loaded = load_text(text).expect("it loads");
    let restarts: Vec<usize> = keys(&loaded.desired).iter().map(|key| key.common.on_change.restart.len()).collect();
    assert_eq!(restarts, [1, 0], "an entry's own `on_change` stands for the whole of it");
}

#[test]
fn names_alone_are_written() {
    let loaded = loaded("on_change: { restart: [W3SVC] }");
    let json = serde_json::to_string(&keys(&loaded.desired)[0].common.on_change).expect("it can be written");
    assert_eq!(json, r#"{"reboot":false,"restart":["W3SVC"],"stop_first":[]}"#);
}

#[test]
fn refused_forms() {
    let cases = [
        ("an empty name", "on_change: { restart: [''] }", "document.bad_service_name"),
        ("a blank name", "on_change: { restart: [' '] }", "document.bad_service_name"),
        ("a control character", r#"on_change: { restart: ["a\tb"] }"#, "document.bad_service_name"),
        ("one service twice", "on_change: { restart: [W3SVC, w3svc] }", "document.service_twice"),
        ("a number", "on_change: { restart: [3] }", "document.wrong_type"),
        ("no list", "on_change: { restart: W3SVC }", "document.wrong_type"),
        ("protect in words", "protect: yes", "document.wrong_type"),
        ("protected and to go", "ensure: absent, protect: true", "document.protected_absent"),
    ];
    for (name, fields, code) in cases {
        let found = codes(&format!("registry:\n  HKLM\\SOFTWARE\\Vendor: {{ {fields} }}\n"));
        assert_eq!(
            found.lines().map(|line| line.rsplit(' ').next().unwrap_or_default()).collect::<Vec<_>>(),
            [code],
            "{name}"
        );
    }
}

#[test]
fn a_wrong_default_is_told_once() {
    let text = r"
defaults: { registry: { on_change: { restart: [''] } } }
registry:
  HKLM\SOFTWARE\A: {}
  HKLM\SOFTWARE\B: {}
";
    insta::assert_snapshot!(codes(text), @"3:48 document.bad_service_name");
}

#[test]
fn protection_names_both_places() {
    let text = "registry:\n  HKLM\\SOFTWARE\\Vendor: { protect: true, ensure: absent }\n";
    insta::assert_snapshot!(problems(text), @r"
    error[document.protected_absent]: the entry is to be removed and protected from removal
     --> site.yaml:3:27
      |
    3 |   HKLM\SOFTWARE\Vendor: { protect: true, ensure: absent }
      |                           ^^^^^^^
      |
     ::: site.yaml:3:42
      |
    3 |   HKLM\SOFTWARE\Vendor: { protect: true, ensure: absent }
      |                                          ------ to be removed
      |
      = help: write `protect: false` if it is to go
    ");
}

//! What the `hosts` section refuses: each code, and the words that a user sees.

use super::world::{Local, desired, loaded, refusal};

#[test]
fn refused() {
    let cases = [
        ("'': 10.0.0.1", "hosts.bad_name", "the name is empty"),
        ("10.0.0.1: web", "hosts.bad_name", "an address stands where the name belongs"),
        ("'*.corp.example': 10.0.0.1", "hosts.bad_name", "no wildcards"),
        ("zürich.example: 10.0.0.1", "hosts.bad_name", "xn--"),
        ("'a b': 10.0.0.1", "hosts.bad_name", "' ' is not allowed"),
        ("a/b: 10.0.0.1", "hosts.bad_name", "'/' is not allowed"),
        ("a.b.: 10.0.0.1", "hosts.bad_name", "ends in a dot"),
        ("a..b: 10.0.0.1", "hosts.bad_name", "empty"),
        ("-a: 10.0.0.1", "hosts.bad_name", "hyphen"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 10.0.0.1", "hosts.bad_name", "63"),
        ("{ a: 10.0.0.1, A: 10.0.0.1 }", "hosts.named_twice", "compare without case"),
        ("a: web", "hosts.bad_address", "no IPv4 or IPv6 address"),
        ("a: 10.0.0.0/8", "hosts.bad_address", "not for a network"),
        ("a: 010.0.0.1", "hosts.bad_address", "leading zeros"),
        ("a: 'fe80::1%4'", "hosts.bad_address", "a zone"),
        ("a: 224.0.0.1", "hosts.bad_address", "group of machines"),
        ("a: []", "hosts.no_address", "write `absent`"),
        ("a: {}", "hosts.no_address", "name its `addresses`"),
        ("a: { ensure: absent, addresses: [10.0.0.1] }", "hosts.removed_has_addresses", "has no meaning"),
        ("a: { addresses: [10.0.0.1], comment: \"x\\ny\" }", "hosts.bad_comment", "one line"),
        ("a: { address: 10.0.0.1 }", "document.unknown_field", "did you mean `addresses`?"),
        ("a: 10", "document.wrong_type", "put it in quotes"),
    ];
    for (entry, code, words) in cases {
        let text = if entry.starts_with('{') { format!("hosts: {entry}") } else { format!("hosts:\n  {entry}") };
        let shown = refusal(&text);
        assert!(shown.contains(code) && shown.contains(words), "{entry}\n{shown}");
    }
    insta::assert_snapshot!(refusal("hosts:\n  web: 10.0.0.300\n  '*.corp': 10.0.0.1"), @"
    error[hosts.bad_address]: this is no IPv4 or IPv6 address
     --> site.yaml:3:8
      |
    3 |   web: 10.0.0.300
      |        ^^^^^^^^^^

    error[hosts.bad_name]: the hosts file knows no wildcards
     --> site.yaml:4:3
      |
    4 |   '*.corp': 10.0.0.1
      |   ^^^^^^^^
      |
      = help: name each host, or ask the name service for the domain
    ");
}

#[test]
fn what_is_accepted() {
    for entry in [
        "a: 10.0.0.1",
        "a_b-c.d1: ::1",
        "a: ['::1', 10.0.0.1]",
        "a: 0.0.0.0",
        "a: absent",
        "a: { addresses: '::', comment: 'x # y', note: why, on_change: { restart: [W3SVC] } }",
    ] {
        assert!(loaded(&format!("hosts:\n  {entry}"), &Local::default()).is_ok(), "{entry}");
    }
}

#[test]
fn defaults_hold_for_what_is_written_in_short() {
    let text = "defaults: { hosts: { on_change: { restart: [Dnscache] } } }\nhosts: { a: 10.0.0.1, b: ['fd00::1'], c: absent, d: { addresses: 10.0.0.2 } }";
    let desired = desired(text);
    let restarts: Vec<Vec<&str>> =
        desired.entries.iter().map(|entry| entry.wanted.kind().common().on_change.services().collect()).collect();
    assert_eq!(restarts, vec![vec!["Dnscache"]; 4]);
}

//! What the `services` section refuses, and what it says then; and what its entries say, in words.

use trueup::document::schema_text;

use super::world::{desired, problems};

#[test]
fn entries_that_cannot_be_meant() {
    let text = r"services:
  Spooler: { start: auto }
  spooler: { state: running }
  AcsServer: { ensure: absent }
  a\b: { start: manual }
  B: { account: svc }
  C: { account: { name: NT SERVICE\C, password: { env: X } } }
  D: { account: { name: CORP\svc, password: geheim } }
  E: { account: \Driver\E }
  F: { dependencies: [RPCSS, f] }
  G: { dependencies: { contains: [HTTP], lacks: [http] } }
  H: { dependencies: [RPCSS, rpcss] }
  I: { recovery: { first: reset, second: { action: nothing, delay: 1m }, reset_after: 1w } }
  J: { startt: manual }
  K: { account: '' }
";
    insta::assert_snapshot!(problems(text), @r#"
    error[document.unknown_word]: expected `automatic` or `delayed` or `manual` or `disabled`
     --> site.yaml:3:21
      |
    3 |   Spooler: { start: auto }
      |                     ^^^^

    error[services.named_twice]: the service is named twice
     --> site.yaml:4:3
      |
    4 |   spooler: { state: running }
      |   ^^^^^^^
      |
     ::: site.yaml:3:3
      |
    3 |   Spooler: { start: auto }
      |   ------- first named here
      |
      = help: names compare without case

    error[services.absent_service]: a service is removed by the setup of its program, not from here
     --> site.yaml:5:16
      |
    5 |   AcsServer: { ensure: absent }
      |                ^^^^^^
      |
      = help: write `start: disabled` and `state: stopped` for one that must not run

    error[services.bad_name]: the name of a service cannot hold '\\'
     --> site.yaml:6:3
      |
    6 |   a\b: { start: manual }
      |   ^^^
      |
      = help: write the name that `sc query` shows as SERVICE_NAME

    error[services.bad_account]: the name of an account needs its domain
     --> site.yaml:7:17
      |
    7 |   B: { account: svc }
      |                 ^^^
      |
      = help: write `.\svc` for an account of the machine, `DOMAIN\svc` for one of a domain

    error[services.needless_password]: NT SERVICE\C has no password that anybody could tell
     --> site.yaml:8:49
      |
    8 |   C: { account: { name: NT SERVICE\C, password: { env: X } } }
      |                                                 ^^
      |
      = help: leave `password` out

    error[document.plain_secret]: a secret cannot stand in the document
     --> site.yaml:9:45
      |
    9 |   D: { account: { name: CORP\svc, password: (not shown)
      |                                             ^^^^^^^^^^^
      |
      = help: write where it is to be found: `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, ARGUMENT]}`

    error[services.bad_account]: this is the object of a driver, and no account
      --> site.yaml:10:17
       |
    10 |   E: { account: \Driver\E }
       |                 ^^^^^^^^^

    error[services.needs_itself]: F cannot depend on itself
      --> site.yaml:11:22
       |
    11 |   F: { dependencies: [RPCSS, f] }
       |                      ^

    error[services.contradiction]: `HTTP` has to be among the dependencies and must not be
      --> site.yaml:12:35
       |
    12 |   G: { dependencies: { contains: [HTTP], lacks: [http] } }
       |                                   ^^^^

    error[services.dependency_twice]: the dependency is named twice
      --> site.yaml:13:30
       |
    13 |   H: { dependencies: [RPCSS, rpcss] }
       |                              ^^^^^
       |
      ::: site.yaml:13:23
       |
    13 |   H: { dependencies: [RPCSS, rpcss] }
       |                       ----- first named here
       |
       = help: names compare without case

    error[document.unknown_word]: expected `nothing` or `restart` or `reboot` or `run_command`
      --> site.yaml:14:27
       |
    14 |   I: { recovery: { first: reset, second: { action: nothing, delay: 1m }, reset_after: 1w } }
       |                           ^^^^^

    error[services.bad_delay]: there is nothing to delay
      --> site.yaml:14:68
       |
    14 |   I: { recovery: { first: reset, second: { action: nothing, delay: 1m }, reset_after: 1w } }
       |                                                                    ^^
       |
       = help: write `nothing` alone

    error[document.bad_quantity]: there is no unit `w`
      --> site.yaml:14:87
       |
    14 |   I: { recovery: { first: reset, second: { action: nothing, delay: 1m }, reset_after: 1w } }
       |                                                                                       ^^
       |
       = help: the units are `s`, `m`, `h`, `d`, `y`

    error[document.unknown_field]: unknown field `startt`
      --> site.yaml:15:8
       |
    15 |   J: { startt: manual }
       |        ^^^^^^
       |
       = help: did you mean `start`?

    error[services.bad_account]: this is no account
      --> site.yaml:16:17
       |
    16 |   K: { account: '' }
       |                 ^^
       |
       = help: write an account's name, such as `LocalSystem` or `CORP\svc`
    "#);
}

#[test]
fn limits() {
    for (entry, code) in [
        ("recovery: { first: { action: restart, delay: 49d } }", ""),
        ("recovery: { first: { action: restart, delay: 50d } }", "services.bad_delay"),
        ("recovery: { reset_after: 136y }", ""),
        ("recovery: { reset_after: 137y }", "services.bad_reset"),
        ("recovery: { command: \"a\\0b\" }", "services.bad_text"),
        ("dependencies: ['+']", "services.bad_dependency"),
        ("dependencies: ['a/b']", "services.bad_dependency"),
        ("dependencies: RPCSS", "document.wrong_type"),
        ("account: svc@corp.example", ""),
        ("{}", ""),
        ("start: manual, expires: { on: 2026-12-31, then: { start: disabled } }", ""),
        ("start: manual, expires: { on: 2026-12-31, then: {} }", "services.bad_expiry"),
        ("start: manual, expires: { on: 2026-12-31, then: { state: stopped } }", "services.bad_expiry"),
        ("state: running, expires: { on: 2026-12-31, then: { start: manual, state: stopped } }", "services.bad_expiry"),
        ("start: manual, expires: { on: 2026-12-31, then: absent }", "document.wrong_type"),
    ] {
        let entry = if entry == "{}" { entry.to_owned() } else { format!("{{ {entry} }}") };
        let said = problems(&format!("services:\n  S: {entry}\n"));
        let found = if said == "nothing found\n" { "" } else { said.split(['[', ']']).nth(1).unwrap() };
        assert_eq!(found, code, "{entry}\n{said}");
    }
}

#[test]
fn statements() {
    let text = r"services:
  S:
    start: delayed
    state: running
    account: { name: CORP\svc, password: { env: X } }
    dependencies: { contains: [HTTP, +TDI], lacks: [Spooler] }
    recovery: { first: restart, second: { action: reboot, delay: 5m }, subsequent: run_command, reset_after: never, command: a, on_stop_with_error: false }
    on_change: { reboot: true }
  T: { dependencies: [], recovery: { reboot_message: bye, on_stop_with_error: true, reset_after: 1d } }
  U: { dependencies: [a, B] }
  V: { start: manual, state: running, expires: { on: 2026-12-31, then: { start: disabled } } }
";
    let desired = desired(text);
    let said: Vec<String> = desired
        .entries
        .iter()
        .flat_map(|entry| entry.wanted.kind().statements())
        .map(|(id, words)| format!("{id}: {words}"))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    services.S: present, a change needs a reboot
    services.S.start: automatic (delayed)
    services.S.account: CORP\svc
    services.S.password: (secret from environment variable X)
    services.S.dependencies: contains HTTP, +TDI; lacks Spooler
    services.S.recovery: first restart after 1m; second reboot after 5m; subsequent run the command; reset never; command "a"; not on a stop with an error
    services.S.state: running
    services.T: present
    services.T.dependencies: none
    services.T.recovery: reset after 1d; reboot message "bye"; on a stop with an error, too
    services.U: present
    services.U.dependencies: a, B
    services.V: present
    services.V.start: manual until 2026-12-31T00:00:00Z, then disabled
    services.V.state: running
    "#);
}

#[test]
fn defaults_fill_what_an_entry_leaves_open() {
    let text = r"defaults: { service: { recovery: { first: restart, reset_after: 1d }, on_change: { reboot: true } } }
services:
  S: { recovery: { first: reboot } }
  T: {}
  U: { on_change: {} }
";
    let said: Vec<String> = desired(text)
        .entries
        .iter()
        .flat_map(|entry| entry.wanted.kind().statements())
        .map(|(id, words)| format!("{id}: {words}"))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r#"
    services.S: present, a change needs a reboot
    services.S.recovery: first reboot after 1m; reset after 1d
    services.T: present, a change needs a reboot
    services.T.recovery: first restart after 1m; reset after 1d
    services.U: present
    services.U.recovery: first restart after 1m; reset after 1d
    "#);
}

#[test]
fn the_schema_knows_the_section() {
    let schema: serde_json::Value = serde_json::from_str(&schema_text()).unwrap();
    assert!(schema["properties"]["services"]["additionalProperties"].is_object());
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (entry, is_good) in [
        (serde_json::json!({ "start": "delayed", "state": "stopped" }), true),
        (serde_json::json!({ "start": "auto" }), false),
        (serde_json::json!({ "account": "LocalSystem" }), true),
        (serde_json::json!({ "account": { "name": "a", "password": { "env": "X" } } }), true),
        (serde_json::json!({ "account": { "name": "a", "password": "x" } }), false),
        (serde_json::json!({ "dependencies": ["a"] }), true),
        (serde_json::json!({ "dependencies": { "contains": ["a"] } }), true),
        (serde_json::json!({ "dependencies": "a" }), false),
        (serde_json::json!({ "recovery": { "first": "restart", "reset_after": "never" } }), true),
        (serde_json::json!({ "recovery": { "first": { "action": "reboot", "delay": "1m" } } }), true),
        (serde_json::json!({ "recovery": { "first": "reset" } }), false),
    ] {
        let document = serde_json::json!({ "version": 1, "services": { "S": entry } });
        assert_eq!(validator.is_valid(&document), is_good, "{document}");
    }
}

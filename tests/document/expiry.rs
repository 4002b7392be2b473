//! Values that expire: what a document can say, and what a plan makes of it before, at and after the moment.

use std::sync::Arc;

use trueup::machine::memory::MemoryMachine;
use trueup::machine::{NoSecrets, ObserveOptions, observe};
use trueup::model::fact::{KeyTree, Stored, ValueFact};
use trueup::model::registry::RegistryKey;
use trueup::model::registry_data::RegistryData;
use trueup::model::time::FileTime;
use trueup::model::verdict::Verdict;
use trueup::plan::{Plan, PlanOptions, build};
use trueup::report::json;

use crate::support::{codes, entries, keys, load_text, problems};

/// A document with one value.
fn document(value: &str) -> String {
    format!("registry:\n  HKLM\\SOFTWARE\\Vendor:\n    values:\n      V: {value}\n")
}

fn key(text: &str) -> RegistryKey {
    RegistryKey::parse(text).expect("it is a key")
}

/// A machine whose key of the vendor holds `V`, or nothing.
fn machine(found: Option<RegistryData>) -> MemoryMachine {
    let security: Arc<[u8]> = Arc::new([]);
    let machine = MemoryMachine::new(Arc::clone(&security), FileTime(1));
    let values = found
        .map(|data| ValueFact { name: "V".into(), data: Stored::Plain(data), fingerprint: None })
        .into_iter()
        .collect();
    let vendor = KeyTree {
        name: "Vendor".into(),
        last_written: FileTime(1),
        link: false,
        security,
        class: None,
        values,
        subkeys: Vec::new(),
    };
    machine.plant(&key(r"HKLM\SOFTWARE\Vendor"), &vendor);
    machine
}

fn plan(text: &str, found: Option<RegistryData>, as_of: &str, rewrite_secrets: bool) -> Plan {
    let desired = load_text(text).expect("it loads").desired;
    let as_of: jiff::Timestamp = as_of.parse().expect("it is a time");
    let wanted = desired.entries.iter().map(|entry| &entry.wanted);
    let options = ObserveOptions { as_of, secrets: &NoSecrets, survey: false };
    let facts = observe(&machine(found), wanted, options).expect("the questions settle");
    build(&desired, &facts, PlanOptions { rewrite_secrets, ..PlanOptions::at(as_of) }).expect("there is an order")
}

/// The verdict on the value, the reasons and the findings.
fn told(plan: &Plan) -> String {
    let decision = plan.decisions.iter().find(|decision| decision.id.part() == Some("V")).expect("it was decided");
    let verdict = match &decision.verdict {
        Verdict::Keep => "keep".to_owned(),
        Verdict::Change { action, .. } => format!("{action:?}").to_lowercase(),
        other => format!("{other:?}").to_lowercase(),
    };
    let reasons = decision.reasons.iter().map(ToString::to_string);
    let findings = plan.findings.iter().map(|finding| format!("{}", finding.code));
    std::iter::once(verdict).chain(reasons).chain(findings).collect::<Vec<_>>().join(" | ")
}

const BEFORE: &str = "2026-06-01T00:00:00Z";
const LAST: &str = "2026-12-30T23:59:59.999999999Z";
const ON: &str = "2026-12-31T00:00:00Z";
const AFTER: &str = "2027-06-01T00:00:00Z";
const EXPIRED: &str = "registry.expired: expired on 2026-12-31T00:00:00Z";

#[test]
fn before_at_and_after_the_moment() {
    let (dword, sz) = (RegistryData::dword, |text: &str| RegistryData::sz(text));
    let absent = "{ dword: 1, expires: { on: 2026-12-31, then: absent } }";
    let data = "{ dword: 1, expires: { on: 2026-12-31, then: 2 } }";
    let another_type = "{ dword: 1, expires: { on: 2026-12-31, then: '1' } }";
    let zoned = "{ dword: 1, expires: { on: 2026-12-31T01:00:00+01:00, then: 2 } }";
    let soon = "registry.expires_soon";
    let passed = "registry.expiry_passed";
    let change = |what: &str| what.replace("EXPIRED", EXPIRED);
    let cases: Vec<(&str, &str, Option<RegistryData>, &str, String)> = vec![
        ("before: made", absent, None, BEFORE, "create | registry.absent".into()),
        ("before: holds", absent, Some(dword(1)), BEFORE, "keep".into()),
        ("before: differs", absent, Some(dword(7)), BEFORE, "update | registry.data_differs".into()),
        ("before: what follows is there", data, Some(dword(2)), BEFORE, "update | registry.data_differs".into()),
        ("14 days and a bit before", absent, Some(dword(1)), "2026-12-16T23:59:59Z", "keep".into()),
        ("14 days before", absent, Some(dword(1)), "2026-12-17T00:00:00Z", format!("keep | {soon}")),
        ("the last moment", absent, Some(dword(1)), LAST, format!("keep | {soon}")),
        ("the last moment: made", absent, None, LAST, format!("create | registry.absent | {soon}")),
        ("on the second: goes", absent, Some(dword(1)), ON, change("delete | EXPIRED | registry.not_wanted")),
        ("on the second: is gone", absent, None, ON, format!("keep | {passed}")),
        ("after: goes", absent, Some(dword(9)), AFTER, change("delete | EXPIRED | registry.not_wanted")),
        ("after: is gone", absent, None, AFTER, format!("keep | {passed}")),
        ("on the second: other data", data, Some(dword(1)), ON, change("update | EXPIRED | registry.data_differs")),
        ("after: made", data, None, AFTER, change("create | EXPIRED | registry.absent")),
        ("after: holds", data, Some(dword(2)), AFTER, format!("keep | {passed}")),
        (
            "after: another type",
            another_type,
            Some(dword(1)),
            AFTER,
            change("update | EXPIRED | registry.type_differs: REG_DWORD instead of REG_SZ"),
        ),
        ("after: holds with another type", another_type, Some(sz("1")), AFTER, format!("keep | {passed}")),
        ("an offset counts: before", zoned, Some(dword(1)), LAST, format!("keep | {soon}")),
        ("an offset counts: after", zoned, Some(dword(1)), ON, change("update | EXPIRED | registry.data_differs")),
    ];
    for (name, value, found, as_of, expected) in cases {
        assert_eq!(told(&plan(&document(value), found, as_of, false)), expected, "{name}");
    }
}

#[test]
fn secrets_before_and_after() {
    let sz = |text: &str| Some(RegistryData::sz(text));
    let then = "{ sz: open, expires: { on: 2026-12-31, then: { sz: { env: PASSWORD } } } }";
    let first = "{ sz: { env: PASSWORD }, expires: { on: 2026-12-31, then: open } }";
    let gone = "{ sz: { env: PASSWORD }, expires: { on: 2026-12-31, then: absent } }";
    let number = "{ sz: { env: PASSWORD }, expires: { on: 2026-12-31, then: 1 } }";
    let unresolved = "unverifiable | secret.unresolved: secrets are not looked up here";
    // What it shows, the value, what is there, when, whether secrets are written again; and what is told.
    type Case<'a> = (&'a str, &'a str, Option<RegistryData>, &'a str, bool, String);
    let cases: Vec<Case<'_>> = vec![
        ("made before", then, None, BEFORE, false, "create | registry.absent".into()),
        ("holds before", then, sz("open"), BEFORE, false, "keep".into()),
        ("differs before", then, sz("hunter2"), BEFORE, false, "update | registry.data_differs".into()),
        ("made after", then, None, AFTER, false, format!("create | {EXPIRED} | registry.absent")),
        ("sealed after", then, sz("hunter2"), AFTER, false, unresolved.into()),
        ("written again after", then, sz("hunter2"), AFTER, true, format!("update | {EXPIRED} | secret.rewritten")),
        (
            "a secret that was",
            first,
            sz("hunter2"),
            AFTER,
            false,
            format!("update | {EXPIRED} | registry.data_differs"),
        ),
        (
            "a secret that was, written over",
            first,
            sz("hunter2"),
            AFTER,
            true,
            format!("update | {EXPIRED} | registry.data_differs"),
        ),
        ("a secret that goes", gone, sz("hunter2"), AFTER, false, format!("delete | {EXPIRED} | registry.not_wanted")),
        (
            "a secret for another type",
            number,
            sz("hunter2"),
            AFTER,
            false,
            format!("update | {EXPIRED} | registry.type_differs: REG_SZ instead of REG_DWORD"),
        ),
    ];
    for (name, value, found, as_of, rewrite, expected) in cases {
        let plan = plan(&document(value), found, as_of, rewrite);
        assert_eq!(told(&plan), expected, "{name}");
        let json = json::plan(&plan).expect("it can be written");
        assert!(!json.contains("hunter2"), "{name}: what may be a secret stays on the machine\n{json}");
    }
}

#[test]
fn findings_say_which_value_and_when() {
    let text = r"
registry:
  HKLM\SOFTWARE\Vendor:
    values:
      (default): { sz: x, expires: { on: 2026-12-31, then: absent } }
      V: { dword: 1, expires: { on: 2027-01-10, then: { sz: { env: PASSWORD } } } }
";
    let plan = plan(text, Some(RegistryData::dword(1)), ON, false);
    let shown: Vec<String> = plan
        .findings
        .iter()
        .map(|finding| {
            let at = finding.at.map(|at| format!("{}:{}", at.line, at.column)).unwrap_or_default();
            let hint = finding.hint.as_deref().unwrap_or("-");
            format!("{} {at} {} {} ({hint})", finding.severity, finding.code, finding.message)
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    info 6:27 registry.expiry_passed (default) expired on 2026-12-31T00:00:00Z; the entry may be simplified (what stands after `then` holds: write it as the value itself)
    info 7:22 registry.expires_soon V expires on 2027-01-10T00:00:00Z; then it is REG_SZ (secret from environment variable PASSWORD) (-)
    ");
}

#[test]
fn a_key_that_is_made_brings_its_expired_values_in_their_later_form() {
    let text =
        r"registry: { HKLM\SOFTWARE\New: { values: { V: { dword: 1, expires: { on: 2026-12-31, then: 2 } } } } }";
    assert_eq!(told(&plan(text, None, AFTER, false)), format!("create | {EXPIRED} | registry.absent"));
}

#[test]
fn an_exclusive_set_names_what_has_expired() {
    let text = "registry:\n  HKLM\\SOFTWARE\\Vendor:\n    exclusive: true\n    values: { V: { dword: 1, expires: { on: 2026-12-31, then: absent } } }\n";
    let plan = plan(text, Some(RegistryData::dword(1)), AFTER, false);
    assert_eq!(told(&plan), format!("delete | {EXPIRED} | registry.not_wanted"));
    assert_eq!(plan.decisions.len(), 2, "the value is removed once");
}

#[test]
fn accepted_forms() {
    let text = r#"
variables: { end: 2026-12-31 }
registry:
  HKLM\SOFTWARE\Vendor:
    values:
      Day: { dword: 1, expires: { on: 2026-12-31, then: absent } }
      Quoted: { dword: 1, expires: { on: "2026-12-31", then: 2 } }
      Zone: { sz: x, expires: { on: 2026-12-31T18:00:00+01:00, then: text } }
      Fraction: { expires: { then: [a, b], on: 2026-12-31T18:00:00.5Z }, sz: x }
      Variable: { multi: [a], expires: { on: "${end}", then: { expand: '%X%' } } }
      Plain:
        qword: 1
        expires:
          on: ${end}
          then: { none: ~ }
      Secret: { sz: { env: A }, expires: { on: 2026-12-31, then: { sz: { env: B } } } }
      Word: { sz: absent, expires: { on: 2026-12-31, then: { sz: absent } } }
"#;
    insta::assert_snapshot!(entries(load_text(text)), @r#"
    site.yaml:5:3 HKLM\SOFTWARE\Vendor
      site.yaml:7:7 Day = REG_DWORD 1 until 2026-12-31T00:00:00Z, then absent
      site.yaml:8:7 Quoted = REG_DWORD 1 until 2026-12-31T00:00:00Z, then REG_DWORD 2
      site.yaml:9:7 Zone = REG_SZ "x" until 2026-12-31T17:00:00Z, then REG_SZ "text"
      site.yaml:10:7 Fraction = REG_SZ "x" until 2026-12-31T18:00:00.5Z, then REG_MULTI_SZ ["a", "b"]
      site.yaml:11:7 Variable = REG_MULTI_SZ ["a"] until 2026-12-31T00:00:00Z, then REG_EXPAND_SZ "%X%"
      site.yaml:12:7 Plain = REG_QWORD 1 until 2026-12-31T00:00:00Z, then REG_NONE (empty)
      site.yaml:17:7 Secret = secret 1 from environment variable A until 2026-12-31T00:00:00Z, then secret 1 from environment variable B
      site.yaml:18:7 Word = REG_SZ "absent" until 2026-12-31T00:00:00Z, then REG_SZ "absent"
    "#);
}

#[test]
fn the_moment_itself_is_expired() {
    let loaded = load_text(&document("{ dword: 1, expires: { on: 2026-12-31, then: 2 } }")).expect("it loads");
    let value = &keys(&loaded.desired)[0].values[0];
    for (as_of, expired) in [(BEFORE, false), (LAST, false), (ON, true), (AFTER, true)] {
        let as_of = as_of.parse().expect("it is a time");
        assert_eq!(value.is_expired(as_of), expired);
        assert_eq!(value.data_at(as_of) == &value.data, !expired);
    }
    let at = value.expires.as_ref().map(|expiry| (expiry.at.line, expiry.at.column));
    assert_eq!(at, Some((5, 22)), "where it says `expires`");
}

#[test]
fn refused_forms() {
    let expires = |on: &str, then: &str| format!("{{ dword: 1, expires: {{ on: {on}, then: {then} }} }}");
    let cases: Vec<(&str, String, &[&str])> = vec![
        ("a day that is not there", expires("2026-02-30", "2"), &["document.bad_moment"]),
        ("a time without its zone", expires("2026-12-31T18:00:00", "2"), &["document.bad_moment"]),
        ("another notation", expires("31.12.2026", "2"), &["document.bad_moment"]),
        ("a year", expires("2026", "2"), &["document.wrong_type"]),
        ("nothing", expires("~", "2"), &["document.wrong_type"]),
        (
            "a second expiry",
            expires("2026-12-31", "{ dword: 2, expires: { on: 2027-12-31, then: 3 } }"),
            &["registry.expires_twice"],
        ),
        ("what follows is unclear", expires("2026-12-31", "yes"), &["registry.unclear_value"]),
        ("what follows is too large", expires("2026-12-31", "4294967296"), &["registry.dword_out_of_range"]),
        ("what follows is a plain secret's place", expires("2026-12-31", "{ env: X }"), &["registry.bad_value_form"]),
        ("no `then`", "{ dword: 1, expires: { on: 2026-12-31 } }".into(), &["document.missing_field"]),
        ("no `on`", "{ dword: 1, expires: { then: 2 } }".into(), &["document.missing_field"]),
        ("an unknown field", "{ dword: 1, expires: { on: 2026-12-31, than: 2 } }".into(), &["document.unknown_field"]),
        ("a day alone", "{ dword: 1, expires: 2026-12-31 }".into(), &["document.wrong_type"]),
        ("no type", "{ expires: { on: 2026-12-31, then: 2 } }".into(), &["registry.bad_value_form"]),
        ("two types", "{ dword: 1, sz: x, expires: { on: 2026-12-31, then: 2 } }".into(), &["registry.bad_value_form"]),
        (
            "both halves wrong",
            "{ dword: -1, expires: { on: soon, then: yes } }".into(),
            &["document.bad_moment", "registry.dword_out_of_range", "registry.unclear_value"],
        ),
    ];
    for (name, value, expected) in cases {
        let found = codes(&document(&value));
        let mut found: Vec<&str> = found.lines().map(|line| line.rsplit(' ').next().unwrap_or_default()).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{name}: {value}");
    }
}

#[test]
fn ranges_hold_before_and_after() {
    let text = |value: &str, then: &str| {
        format!(
            "registry:\n  HKLM\\A:\n    range: {{ V: [1, 10] }}\n    values:\n      V: {{ dword: {value}, expires: {{ on: 2026-12-31, then: {then} }} }}\n"
        )
    };
    for (value, then, expected) in [
        ("1", "10", ""),
        ("1", "absent", ""),
        ("1", "11", "6:22 registry.out_of_range"),
        ("1", "text", "6:22 registry.out_of_range"),
        ("0", "10", "6:7 registry.out_of_range"),
        ("0", "11", "6:7 registry.out_of_range\n6:22 registry.out_of_range"),
    ] {
        assert_eq!(codes(&text(value, then)), expected, "{value}, then {then}");
    }
}

#[test]
fn a_key_does_not_expire() {
    let text = "registry:\n  HKLM\\A: { expires: { on: 2026-12-31, then: absent } }\n";
    insta::assert_snapshot!(problems(text), @r"
    error[document.unknown_field]: unknown field `expires`
     --> site.yaml:3:13
      |
    3 |   HKLM\A: { expires: { on: 2026-12-31, then: absent } }
      |             ^^^^^^^
      |
      = help: a key cannot expire, its values can: write `{dword: 1, expires: {on: 2026-12-31, then: absent}}` for a value
    ");
}

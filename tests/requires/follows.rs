//! What follows from a requirement that is not met, and from one that nothing can tell of.

use trueup::apply::ApplyError;
use trueup::model::fact::{KeyAspects, Unread};
use trueup::model::registry_data::RegistryData;
use trueup::model::verdict::Severity;

use super::world::{desired, empty, facts, key, plan, plan_of, plant, told, try_apply};

const DOCUMENT: &str = r"
requires:
  jdk: { java: '>=11', message: install the JDK }
registry:
  HKLM\SOFTWARE\Vendor:
    depends_on: [requires.jdk]
    values: { Mode: 3 }
  HKLM\SOFTWARE\Other:
    values: { Mode: 4 }
";

#[test]
fn what_depends_on_it_waits_and_the_rest_is_done() {
    let machine = empty();
    let desired = desired(DOCUMENT);
    assert_eq!(
        told(&plan(&machine, &desired)),
        [
            r#"+ registry["HKLM\SOFTWARE\Other"] registry.key_absent"#,
            r#"+ registry["HKLM\SOFTWARE\Other"].Mode registry.absent"#,
            "! requires.jdk requires.unmet: install the JDK (needs Java >=11, found none)",
            r#"! registry["HKLM\SOFTWARE\Vendor"] registry.key_absent; plan.dependency_blocked: depends on requires.jdk"#,
            r#"! registry["HKLM\SOFTWARE\Vendor"].Mode registry.absent; plan.dependency_blocked: depends on requires.jdk"#,
        ]
    );
    try_apply(&machine, &desired).unwrap();
    assert!(machine.tree(&key(r"HKLM\SOFTWARE\Other")).is_some());
    assert!(machine.tree(&key(r"HKLM\SOFTWARE\Vendor")).is_none());

    plant(&machine, r"HKLM\SOFTWARE\JavaSoft\JDK\17", &[]);
    try_apply(&machine, &desired).unwrap();
    assert!(machine.tree(&key(r"HKLM\SOFTWARE\Vendor")).is_some());
    let again = plan(&machine, &desired);
    assert_eq!(told(&again), [""; 0]);
    assert!(again.orphans.is_empty());
}

#[test]
fn a_requirement_that_leaves_the_document_is_forgotten() {
    let machine = empty();
    plant(&machine, r"HKLM\SOFTWARE\JavaSoft\JDK\17", &[]);
    try_apply(&machine, &desired(DOCUMENT)).unwrap();
    let without = DOCUMENT.replace("  jdk: { java: '>=11', message: install the JDK }\n", "  other: { java: 17 }\n");
    let later = plan(&machine, &desired(&without.replace("    depends_on: [requires.jdk]\n", "")));
    assert!(later.orphans.is_empty(), "{:?}", later.orphans);
}

#[test]
fn everything_waits_where_the_entry_says_so() {
    let machine = empty();
    let text = DOCUMENT.replace("message:", "blocks: everything, message:");
    let desired = desired(&text);
    let planned = plan(&machine, &desired);
    let findings: Vec<_> = planned.findings.iter().filter(|one| one.code == "requires.unmet").collect();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].severity, Severity::Error);
    assert_eq!(findings[0].message, "requires.jdk: install the JDK (needs Java >=11, found none)");
    assert!(matches!(try_apply(&machine, &desired), Err(ApplyError::Refused(_))));
    assert!(machine.tree(&key(r"HKLM\SOFTWARE\Other")).is_none(), "nothing was written");

    plant(&machine, r"HKLM\SOFTWARE\JavaSoft\JDK\17", &[]);
    try_apply(&machine, &desired).unwrap();
}

#[test]
fn what_could_not_be_read_is_not_passed() {
    let cases = [
        (Unread::Failed { what: "it".into(), detail: "torn".into() }, "! requires.it requires.unreadable"),
        (Unread::NotCaptured { what: "it".into() }, "! requires.it requires.not_captured"),
        (Unread::Refused { what: "it".into(), detail: "dirty".into(), hint: None }, "! requires.it requires.refused"),
        (
            Unread::Unsupported {
                facet: trueup::model::fact::Facet::Registry,
                machine: "it".into(),
                detail: "none".into(),
            },
            "» requires.it requires.unsupported",
        ),
    ];
    for (unread, expected) in cases {
        for assertion in [r"HKLM\SOFTWARE\Vendor", r"{ key: HKLM\SOFTWARE\Vendor, absent: true }"] {
            let desired = desired(&format!("requires: {{ it: {{ registry: {assertion}, blocks: everything }} }}\n"));
            let mut facts = facts(&empty(), &desired);
            facts.insert_key(key(r"HKLM\SOFTWARE\Vendor"), KeyAspects::default(), Err(unread.clone()));
            let plan = plan_of(&desired, &facts);
            assert!(told(&plan)[0].starts_with(expected), "{:?}", told(&plan));
            let is_refused = plan.findings.iter().any(|one| one.code == "requires.unmet");
            assert_eq!(is_refused, expected.starts_with('!'), "{assertion}");
        }
    }
}

#[test]
fn half_that_is_read_may_be_enough() {
    let desired = desired("requires: { it: { software: Agent } }\n");
    let machine = empty();
    plant(
        &machine,
        r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\Agent",
        &[("DisplayName", RegistryData::sz("Agent"))],
    );
    let other = key(r"HKLM\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall");
    let unread = || Err(Unread::Failed { what: "it".into(), detail: "torn".into() });
    let mut found = facts(&machine, &desired);
    found.insert_key(other.clone(), KeyAspects { subkeys: true, ..KeyAspects::default() }, unread());
    assert_eq!(told(&plan_of(&desired, &found)), [""; 0]);

    let mut missing = facts(&empty(), &desired);
    missing.insert_key(other, KeyAspects { subkeys: true, ..KeyAspects::default() }, unread());
    assert!(told(&plan_of(&desired, &missing))[0].starts_with("! requires.it requires.unreadable"));
}

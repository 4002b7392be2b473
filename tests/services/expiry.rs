//! Services that are something else from a point in time on.

use trueup::apply::{Basis as _, DocumentBasis};
use trueup::machine::{Machine, NoSecrets};
use trueup::model::probe::ServiceState::{Running, Stopped};
use trueup::plan::{Plan, PlanOptions};

use super::world::{applied, desired, empty, found, plan_json, plant_simple, set_state, snapshot_of, told};

const DOCUMENT: &str = "services:
  S:
    start: manual
    state: running
    expires: { on: 2026-03-10, then: { start: disabled, state: stopped } }
";

fn plan_at(machine: &dyn Machine, document: &str, as_of: &str) -> Plan {
    let desired = desired(document);
    let basis = DocumentBasis { desired: &desired, options: PlanOptions::at(as_of.parse().unwrap()) };
    basis.plan(&basis.facts(machine, &NoSecrets).unwrap()).unwrap()
}

const LONG_BEFORE: &str = "2026-01-01T00:00:00Z";
const BEFORE: &str = "2026-03-09T23:59:59Z";
const ON: &str = "2026-03-10T00:00:00Z";

#[test]
fn before_at_and_after_the_moment() {
    let soon = "info services.expires_soon";
    let passed = "info services.expiry_passed";
    for (start, state, as_of, expected, findings) in [
        (3, Running, LONG_BEFORE, vec![], vec![]),
        (3, Running, BEFORE, vec![], vec![soon]),
        (4, Running, BEFORE, vec!["~ S start: disabled → manual start_differs"], vec![soon]),
        (
            3,
            Running,
            ON,
            vec![
                "~ S start: manual → disabled expired start_differs",
                "~ S state: running → stopped expired state_differs",
            ],
            vec![],
        ),
        (4, Running, ON, vec!["~ S state: running → stopped expired state_differs"], vec![]),
        (4, Stopped, ON, vec![], vec![passed]),
    ] {
        let machine = empty();
        plant_simple(&machine, "S", start, &[]);
        set_state(&machine, "S", state);
        let planned = plan_at(&machine, DOCUMENT, as_of);
        assert_eq!(
            (told(&planned), found(&planned)),
            (expected.iter().map(ToString::to_string).collect(), findings.iter().map(ToString::to_string).collect()),
            "{start} {state:?} {as_of}"
        );
    }
}

#[test]
fn what_was_applied_is_due() {
    let machine = empty();
    plant_simple(&machine, "S", 2, &[]);
    set_state(&machine, "S", Stopped);
    let document = desired(DOCUMENT);
    applied(&machine, &document);
    assert_eq!(plan_json(&snapshot_of(&machine, &document), &document), plan_json(&machine, &document));
    let causes = |document: &str, as_of: &str| {
        let planned = plan_at(&machine, document, as_of);
        planned.decisions.iter().filter_map(|one| one.cause.map(|cause| cause.word())).collect::<Vec<_>>()
    };
    assert_eq!(causes(DOCUMENT, BEFORE), Vec::<&str>::new());
    assert_eq!(causes(DOCUMENT, ON), ["due", "due"]);
    assert_eq!(causes(&DOCUMENT.replace("manual", "delayed"), BEFORE), ["asked"]);
    set_state(&machine, "S", Stopped);
    assert_eq!(causes(DOCUMENT, BEFORE), ["drift"]);
}

#[test]
fn one_of_the_two() {
    let machine = empty();
    plant_simple(&machine, "S", 2, &[]);
    let document =
        "services: { S: { start: manual, expires: { on: 2026-03-10T12:00:00+01:00, then: { start: disabled } } } }\n";
    let message = plan_at(&machine, document, ON).findings[0].message.clone();
    assert_eq!(message, "S expires on 2026-03-10T11:00:00Z; then it is disabled");
    assert_eq!(
        told(&plan_at(&machine, document, "2026-03-10T11:00:00Z")),
        ["~ S start: automatic → disabled expired start_differs"]
    );
}

//! Saved plans about members and requirements: they come back whole, and are stale for what they rest on only.

use trueup::apply::{ApplyError, ApplyOptions, ApplyReport, apply_saved};
use trueup::machine::NoSecrets;
use trueup::machine::memory::MemoryMachine;
use trueup::model::probe::{Answer, Probe};
use trueup::model::registry_data::RegistryData;
use trueup::plan::staleness::prints;
use trueup::plan::{SavedPlan, Target};

use super::cases::{ALICE, BOB, HELPDESK, OPERATORS, machine, members, plant_members};
use crate::world::{Silent, basis, desired, facts, plan_of, plant, start};

const DOCUMENT: &str = r"
requires:
  rights: { admin: true }
  memory: { memory: 8GiB }
  agent: { software: { name: Agent, version: '>=2' } }
accounts:
  operators: { members: ['CORP\Helpdesk'], lacks: [alice], depends_on: [requires.agent] }
";

/// What happens to the machine before a saved plan is applied, and its name.
type Change<'c> = (&'static str, &'c dyn Fn(&MemoryMachine));

const UNINSTALL: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";

fn software(machine: &MemoryMachine, key: &str, name: &str, version: &str) {
    let values = [("DisplayName", RegistryData::sz(name)), ("DisplayVersion", RegistryData::sz(version))];
    plant(machine, &format!(r"{UNINSTALL}\{key}"), &values);
}

fn measured(found: &str) -> Answer {
    Answer::Measured { met: true, found: found.into() }
}

fn server() -> MemoryMachine {
    let machine = machine();
    machine.plant_answer(Probe::Administrator, Answer::Flag(true));
    machine.plant_answer(Probe::Memory { bytes: 8 << 30 }, measured("16 GiB"));
    software(&machine, "Agent", "Agent", "2.1");
    software(&machine, "Browser", "Browser", "120");
    machine
}

fn apply_after(change: &dyn Fn(&MemoryMachine)) -> (MemoryMachine, Result<ApplyReport, ApplyError>) {
    let machine = server();
    let desired = desired(DOCUMENT);
    let facts = facts(&machine, &desired);
    let saved = SavedPlan {
        target: Target { kind: "memory".into() },
        plan: plan_of(&desired, &facts),
        facts: prints(&facts),
        document: format!("version: 1\n{DOCUMENT}"),
        rewrite_secrets: false,
    };
    let read = SavedPlan::from_json(&saved.to_json().unwrap()).unwrap();
    assert_eq!(read.facts, saved.facts);
    assert!(read.plan.operations().eq(saved.plan.operations()));
    change(&machine);
    let options = ApplyOptions::new("a test", start(), &NoSecrets);
    let result = apply_saved(&machine, &basis(&desired), &read, &options, &mut Silent);
    (machine, result)
}

#[test]
fn what_the_plan_does_not_rest_on_may_move() {
    let changes: [Change<'_>; 4] = [
        ("nothing", &|_| {}),
        ("another measure within its bound", &|machine| {
            machine.plant_answer(Probe::Memory { bytes: 8 << 30 }, measured("12 GiB"));
        }),
        ("another member of the group", &|machine| {
            plant_members(machine, OPERATORS, &[ALICE, BOB, "S-1-5-21-4-4-4-4"]);
        }),
        ("the version of other software", &|machine| software(machine, "Browser", "Browser", "121")),
    ];
    for (name, change) in changes {
        let (machine, result) = apply_after(change);
        let report = result.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((report.failed(), report.skipped()), (0, 0), "{name}");
        let left = members(&machine, OPERATORS);
        assert!(!left.contains(&ALICE.to_owned()) && left.contains(&HELPDESK.to_owned()), "{name}: {left:?}");
    }
}

#[test]
fn what_it_rests_on_may_not() {
    let changes: [Change<'_>; 4] = [
        ("the rights", &|machine| machine.plant_answer(Probe::Administrator, Answer::Flag(false))),
        ("the measure", &|machine| {
            let less = Answer::Measured { met: false, found: "4 GiB".into() };
            machine.plant_answer(Probe::Memory { bytes: 8 << 30 }, less);
        }),
        ("a member that is named", &|machine| plant_members(machine, OPERATORS, &[BOB])),
        ("the version of the software", &|machine| software(machine, "Agent", "Agent", "1.9")),
    ];
    for (name, change) in changes {
        let (_, result) = apply_after(change);
        assert!(matches!(result, Err(ApplyError::Stale(_))), "{name}: {result:?}");
    }
}

//! The laws on a machine that can change members: what is applied holds, is not done twice, and is taken back exactly.

use proptest::prelude::*;
use trueup::apply::{ApplyOptions, Basis as _, Outcome, Purpose, RollbackBasis, apply, done_steps, past_run};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::snapshot::{self, SnapshotMachine};
use trueup::machine::{Machine as _, NoSecrets, RunName};
use trueup::model::verdict::Cause;
use trueup::plan::PlanOptions;
use trueup::report::json;

use super::cases::{ALICE, BOB, HELPDESK, OPERATORS, machine, members, plant_members};
use crate::world::{Silent, desired, facts, plan, start, told, try_apply};

const ALL: [&str; 4] = [ALICE, BOB, HELPDESK, "S-1-5-21-4-4-4-4"];

/// Takes a run back.
pub fn take_back(machine: &MemoryMachine, run: &RunName, purpose: Purpose) {
    let past = past_run(machine, run).unwrap();
    let steps = done_steps(machine, &past).done_or_unknown();
    let basis = RollbackBasis { run: &past, steps: &steps, purpose, options: PlanOptions::at(start()) };
    let facts = basis.facts(machine, &NoSecrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    let later = start() + jiff::SignedDuration::from_secs(60);
    let report = apply(machine, &basis, &plan, &facts, &ApplyOptions::new("a test", later, &NoSecrets), &mut Silent);
    assert!(report.unwrap().outcomes.iter().all(|one| one.outcome == Outcome::Done));
}

fn chosen(bits: u8) -> Vec<&'static str> {
    ALL.into_iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, sid)| sid).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn what_is_applied_holds_and_is_taken_back(before in 0..16_u8, wanted in 0..16_u8, lacks in 0..16_u8, exclusive: bool) {
        let machine = machine();
        plant_members(&machine, OPERATORS, &chosen(before));
        let lacks = chosen(lacks & !wanted);
        let text = format!(
            "accounts: {{ {OPERATORS}: {{ members: [{}], lacks: [{}], exclusive: {exclusive}, report_unmanaged: true }} }}\n",
            chosen(wanted).join(", "), lacks.join(", "),
        );
        let desired = desired(&text);
        let found = members(&machine, OPERATORS);

        let captured = snapshot::to_json(&facts(&machine, &desired), &[], start()).unwrap();
        let snapshot = SnapshotMachine::from_json(&captured).unwrap();
        prop_assert_eq!(json::plan(&plan(&snapshot, &desired)).unwrap(), json::plan(&plan(&machine, &desired)).unwrap());

        let changes = plan(&machine, &desired).operations().count();
        try_apply(&machine, &desired).unwrap();
        let now = members(&machine, OPERATORS);
        for member in ALL {
            let is_in = now.iter().any(|one| one == member);
            let was_in = found.iter().any(|one| one == member);
            let expected = if chosen(wanted).contains(&member) { true } else { was_in && !exclusive && !lacks.contains(&member) };
            prop_assert_eq!(is_in, expected, "{}", member);
        }
        let again = plan(&machine, &desired);
        prop_assert_eq!(told(&again), Vec::<String>::new());
        prop_assert!(again.orphans.is_empty());
        let record = machine.record_bytes();
        try_apply(&machine, &desired).unwrap();
        prop_assert_eq!(machine.record_bytes(), record, "a run that changes nothing writes nothing");

        if changes > 0 {
            let run = machine.runs().unwrap().pop().expect("there is one");
            take_back(&machine, &run, Purpose::Rollback { of: run.clone() });
            prop_assert_eq!(members(&machine, OPERATORS), found);
        }
    }
}

#[test]
fn a_difference_has_its_cause() {
    let machine = machine();
    let first = desired("accounts: { operators: { members: [bob, 'CORP\\Helpdesk'] } }\n");
    try_apply(&machine, &first).unwrap();
    plant_members(&machine, OPERATORS, &[ALICE, BOB]);
    let drifted = plan(&machine, &first);
    let cause = |plan: &trueup::plan::Plan| plan.decisions.iter().filter_map(|one| one.cause).collect::<Vec<_>>();
    assert_eq!(cause(&drifted), [Cause::Drift]);
    plant_members(&machine, OPERATORS, &[ALICE, BOB, HELPDESK]);
    let asked = desired("accounts: { operators: { members: [bob], lacks: ['CORP\\Helpdesk'] } }\n");
    assert_eq!(cause(&plan(&machine, &asked)), [Cause::Asked]);
}

#[test]
fn a_member_that_leaves_the_document_is_an_orphan_until_it_is_removed() {
    let machine = machine();
    try_apply(&machine, &desired("accounts: { operators: { members: [bob, 'CORP\\Helpdesk'] } }\n")).unwrap();
    let orphans = |text: &str| {
        let plan = plan(&machine, &desired(text));
        plan.orphans.iter().map(|one| one.address.to_string()).collect::<Vec<_>>()
    };
    let without = "accounts: { operators: { members: [bob] } }\n";
    assert_eq!(orphans(without), [r#"accounts.operators["CORP\Helpdesk"]"#]);
    let owned = "accounts: { operators: { members: [bob], exclusive: true } }\n";
    try_apply(&machine, &desired(owned)).unwrap();
    assert_eq!(members(&machine, OPERATORS), [BOB]);
    assert_eq!(orphans(owned), [""; 0]);
}

#[test]
fn a_protected_member_stays_and_others_may_go() {
    let machine = machine();
    let refused = |text: &str| {
        let plan = plan(&machine, &desired(text));
        let lost = plan.findings.iter().filter(|one| one.code == "plan.protected");
        lost.map(|one| one.message.clone()).collect::<Vec<_>>()
    };
    let first = "accounts: { operators: { members: [bob], lacks: [alice], exclusive: true, protect: true } }\n";
    assert_eq!(refused(first), Vec::<String>::new());
    try_apply(&machine, &desired(first)).unwrap();
    assert_eq!(members(&machine, OPERATORS), [BOB]);
    plant_members(&machine, OPERATORS, &[ALICE, BOB, HELPDESK]);
    assert_eq!(refused(first), Vec::<String>::new(), "who came may go again");
    let taken = ["the plan would take away accounts.operators.bob, which is protected"];
    assert_eq!(refused("accounts: { operators: { lacks: [bob] } }\n"), taken);
    assert_eq!(refused("accounts: { operators: { exclusive: true } }\n"), taken);
    assert_eq!(refused("accounts: { operators: { lacks: [bob], protect: false } }\n"), Vec::<String>::new());
}

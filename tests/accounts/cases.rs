//! Groups with members against what is wanted of them, with what is then said and done.

use trueup::machine::memory::MemoryMachine;
use trueup::model::fact::{Facet, Unread};
use trueup::model::probe::{Answer, Probe};
use trueup::model::registry_data::RegistryData;
use trueup::model::sid::Sid;

use crate::world::{desired, empty, facts, plan, plan_of, plant, told, try_apply};

pub const OPERATORS: &str = "S-1-5-21-1-2-3-1003";
pub const ALICE: &str = "S-1-5-21-1-2-3-1001";
pub const BOB: &str = "S-1-5-21-1-2-3-1002";
/// Of a domain.
pub const HELPDESK: &str = "S-1-5-21-7-8-9-1101";
const BUILT_IN: &str = "S-1-5-21-1-2-3-500";

pub fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

/// A running machine with some groups, and names for some accounts.
pub fn machine() -> MemoryMachine {
    let machine = empty();
    let name = r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName";
    plant(&machine, name, &[("ComputerName", RegistryData::sz("SRV01"))]);
    for (name, of) in [("alice", ALICE), ("bob", BOB), (r"CORP\Helpdesk", HELPDESK), ("Operators", OPERATORS)] {
        machine.plant_account(name, sid(of));
    }
    for (group, members) in [
        ("S-1-5-32-544", &[BUILT_IN, ALICE][..]),
        ("S-1-5-32-555", &[BOB]),
        ("S-1-5-32-580", &[]),
        (OPERATORS, &[ALICE, BOB]),
    ] {
        plant_members(&machine, group, members);
    }
    machine
}

pub fn plant_members(machine: &MemoryMachine, group: &str, members: &[&str]) {
    let mut members: Vec<Sid> = members.iter().map(|text| sid(text)).collect();
    members.sort_unstable();
    machine.plant_answer(Probe::Members { group: sid(group) }, Answer::Members(members));
}

pub fn members(machine: &MemoryMachine, group: &str) -> Vec<String> {
    use trueup::machine::Machine as _;
    match machine.probe(&Probe::Members { group: sid(group) }) {
        Ok(Answer::Members(members)) => members.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

/// A name, the section, what is told of all that does not stay, and who is in the group after apply.
type Case = (&'static str, &'static str, &'static [&'static str], (&'static str, &'static [&'static str]));

const REMOTE: &str = "S-1-5-32-555";
const MANAGERS: &str = "S-1-5-32-580";

const CASES: [Case; 12] = [
    (
        "a member that is missing",
        r"{ Remote Desktop Users: { members: ['CORP\Helpdesk'] } }",
        &[r#"+ accounts["Remote Desktop Users"]["CORP\Helpdesk"] accounts.not_member"#],
        (REMOTE, &[BOB, HELPDESK]),
    ),
    (
        "a member that is there, by other spellings",
        r"{ S-1-5-32-555: { members: ['srv01\BOB'] }, 'builtin\remote management users': { lacks: [alice] } }",
        &[],
        (REMOTE, &[BOB]),
    ),
    (
        "a member that must not be",
        r"{ Remote Desktop Users: { lacks: ['.\bob'] } }",
        &[r#"- accounts["Remote Desktop Users"][".\bob"] accounts.not_wanted"#],
        (REMOTE, &[]),
    ),
    (
        "an account that every Windows has",
        r"{ Remote Management Users: { members: [Authenticated Users, 'NT SERVICE\W3SVC'] } }",
        &[
            r#"+ accounts["Remote Management Users"]["Authenticated Users"] accounts.not_member"#,
            r#"+ accounts["Remote Management Users"]["NT SERVICE\W3SVC"] accounts.not_member"#,
        ],
        (MANAGERS, &["S-1-5-11", "S-1-5-80-989796750-4090848350-2040919084-978865222-2182970707"]),
    ),
    (
        "a set that is owned",
        r"{ operators: { members: ['CORP\Helpdesk', bob], exclusive: true } }",
        &[
            r#"+ accounts.operators["CORP\Helpdesk"] accounts.not_member"#,
            "- accounts.operators.alice accounts.not_named",
        ],
        (OPERATORS, &[BOB, HELPDESK]),
    ),
    (
        "a set that is owned and empty",
        r"{ Remote Desktop Users: { exclusive: true } }",
        &[r#"- accounts["Remote Desktop Users"].bob accounts.not_named"#],
        (REMOTE, &[]),
    ),
    (
        "nothing is removed that may be the one whose name is open",
        r"{ operators: { members: ['CORP\Nobody'], exclusive: true } }",
        &[
            r#"! accounts.operators["CORP\Nobody"] accounts.unknown_account: the machine does not know `CORP\Nobody`; name the account by its SID"#,
            r"! accounts.operators.alice accounts.not_named; accounts.may_be_named: it may be `CORP\Nobody`, which is not resolved",
            r"! accounts.operators.bob accounts.not_named; accounts.may_be_named: it may be `CORP\Nobody`, which is not resolved",
        ],
        (OPERATORS, &[ALICE, BOB]),
    ),
    (
        "a group that is not there",
        r"{ Hyper-V Administrators: { members: [bob] } }",
        &[
            r#"! accounts["Hyper-V Administrators"] accounts.no_group: there is no such local group, and trueup makes none"#,
            r#"! accounts["Hyper-V Administrators"].bob accounts.no_group: there is no such local group, and trueup makes none"#,
        ],
        (REMOTE, &[BOB]),
    ),
    (
        "a group that nobody knows",
        r"{ Nobodys: { members: [bob] } }",
        &[
            "! accounts.Nobodys accounts.unknown_account: the machine does not know `Nobodys`; name the account by its SID",
            "! accounts.Nobodys.bob accounts.unknown_account: the machine does not know `Nobodys`; name the account by its SID",
        ],
        (REMOTE, &[BOB]),
    ),
    (
        "an unknown SID is kept",
        r"{ Remote Desktop Users: { members: [S-1-5-21-4-4-4-4] } }",
        &[r#"+ accounts["Remote Desktop Users"].S-1-5-21-4-4-4-4 accounts.not_member"#],
        (REMOTE, &[BOB, "S-1-5-21-4-4-4-4"]),
    ),
    ("what is not named is left", r"{ operators: { report_unmanaged: true } }", &[], (OPERATORS, &[ALICE, BOB])),
    (
        "one comes and one goes",
        r"{ operators: { members: ['CORP\Helpdesk'], lacks: [alice] } }",
        &[
            r#"+ accounts.operators["CORP\Helpdesk"] accounts.not_member"#,
            "- accounts.operators.alice accounts.not_wanted",
        ],
        (OPERATORS, &[BOB, HELPDESK]),
    ),
];

#[test]
fn every_group_is_brought_to_what_is_wanted() {
    for (name, section, expected, (group, after)) in CASES {
        let machine = machine();
        plant_missing(&machine);
        let desired = desired(&format!("accounts: {section}\n"));
        assert_eq!(told(&plan(&machine, &desired)), expected, "{name}");
        let _ = try_apply(&machine, &desired);
        let mut left: Vec<Sid> = after.iter().map(|text| sid(text)).collect();
        left.sort_unstable();
        let left: Vec<String> = left.iter().map(ToString::to_string).collect();
        assert_eq!(members(&machine, group), left, "{name}");
        if !expected.iter().any(|line| line.starts_with('!')) {
            assert_eq!(told(&plan(&machine, &desired)), [""; 0], "{name}: again");
        }
    }
}

/// A group of which the machine says that it is not there.
fn plant_missing(machine: &MemoryMachine) {
    machine.plant_answer(Probe::Members { group: sid("S-1-5-32-578") }, Answer::Absent);
}

#[test]
fn what_is_not_named_is_listed_by_name() {
    let machine = machine();
    let plan = plan(&machine, &desired("accounts: { operators: { members: [bob], report_unmanaged: true } }\n"));
    let listed: Vec<String> = plan.unmanaged.iter().map(ToString::to_string).collect();
    assert_eq!(listed, ["accounts.operators.alice"]);
}

#[test]
fn somebody_is_left_who_can_administer() {
    let cases = [
        ("{ members: [alice], exclusive: true }", None),
        ("{ lacks: [bob] }", None),
        ("{ members: ['CORP\\Helpdesk'], lacks: [alice] }", None),
        ("{ lacks: [alice] }", Some("warning accounts.only_built_in")),
        ("{ lacks: [alice, S-1-5-21-1-2-3-500] }", Some("error accounts.last_administrator")),
        ("{ exclusive: true }", Some("error accounts.last_administrator")),
        ("{ members: [S-1-5-21-1-2-3-500], exclusive: true }", Some("warning accounts.only_built_in")),
        ("{ members: ['CORP\\Nobody'], exclusive: true }", None),
    ];
    for (entry, expected) in cases {
        let machine = machine();
        let desired = desired(&format!("accounts: {{ Administrators: {entry} }}\n"));
        let plan = plan(&machine, &desired);
        let found = plan.findings.iter().map(|one| format!("{} {}", one.severity, one.code));
        let found: Vec<String> = found.filter(|one| one.contains("accounts.")).collect();
        assert_eq!(found, expected.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{entry}");
        if expected.is_some_and(|one| one.starts_with("error")) {
            assert!(try_apply(&machine, &desired).is_err(), "{entry}");
            assert_eq!(members(&machine, "S-1-5-32-544"), [BUILT_IN, ALICE], "{entry}");
        }
    }
}

#[test]
fn a_sid_that_is_nobodys_is_told() {
    let machine = machine();
    let gone = "S-1-5-21-1-2-3-4711";
    plant_members(&machine, OPERATORS, &[ALICE, gone]);
    machine.plant_answer(Probe::AccountName { sid: sid(gone) }, Answer::Absent);
    for entry in ["{ report_unmanaged: true }".to_owned(), format!("{{ members: [{gone}] }}")] {
        let plan = plan(&machine, &desired(&format!("accounts: {{ operators: {entry} }}\n")));
        let found: Vec<&str> = plan.findings.iter().map(|one| &*one.code).filter(|code| code.contains("sid")).collect();
        assert_eq!(found, ["accounts.unknown_sid"], "{entry}");
    }
}

#[test]
fn a_domain_controller_has_no_local_groups() {
    let machine = machine();
    let options = r"HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions";
    plant(&machine, options, &[("ProductType", RegistryData::sz("LanmanNT"))]);
    let told = told(&plan(&machine, &desired("accounts: { operators: { members: [bob] } }\n")));
    assert_eq!(told.len(), 2);
    assert!(
        told.iter().all(|line| line.starts_with("! accounts.operators") && line.contains("accounts.domain_controller"))
    );
}

#[test]
fn what_could_not_be_read_is_not_passed() {
    let cases = [
        (Unread::Failed { what: "it".into(), detail: "torn".into() }, "! accounts.operators.bob accounts.unreadable"),
        (Unread::NotCaptured { what: "it".into() }, "! accounts.operators.bob accounts.not_captured"),
        (
            Unread::Refused { what: "it".into(), detail: "dirty".into(), hint: None },
            "! accounts.operators.bob accounts.refused",
        ),
        (
            Unread::Unsupported { facet: Facet::Accounts, machine: "it".into(), detail: "none".into() },
            "» accounts.operators.bob accounts.unsupported",
        ),
    ];
    for (unread, expected) in cases {
        let desired = desired("accounts: { operators: { members: [bob] } }\n");
        let mut found = facts(&machine(), &desired);
        found.insert_probe(Probe::Member { group: sid(OPERATORS), member: sid(BOB) }, Err(unread.clone()));
        let told = told(&plan_of(&desired, &found));
        assert!(told.iter().any(|line| line.starts_with(expected)), "{told:?}");

        // A machine of which nobody knows whether it can change members changes none.
        let mut found = facts(&machine(), &desired);
        found.insert_probe(Probe::Member { group: sid(OPERATORS), member: sid(BOB) }, Ok(Answer::Flag(false)));
        found.insert_probe(Probe::MembersChangeable, Err(unread));
        let plan = plan_of(&desired, &found);
        assert_eq!(plan.operations().count(), 0);
    }
}

#[test]
fn two_names_of_one_account_are_one() {
    for (names, said) in [
        (
            "members: [alice], lacks: [S-1-5-21-1-2-3-1001]",
            "accounts.contradiction: it is the same account as `alice`, of which the opposite is wanted",
        ),
        ("members: [bob, S-1-5-21-1-2-3-1002]", "accounts.member_twice: it is the same account as `bob`"),
    ] {
        let plan = plan(&machine(), &desired(&format!("accounts: {{ Operators: {{ {names} }} }}")));
        let told = told(&plan).join("\n");
        assert!(told.contains(said), "{names}:\n{told}\n{:#?}", plan.decisions);
        assert!(!plan.has_operations(), "{names}");
    }
}

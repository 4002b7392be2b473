//! Local groups: members by SID, added, removed and put back. Works on a group of its own, in whatever language the system speaks.

use std::process::Command;

use trueup::apply::Outcome;
use trueup::machine::Machine as _;
use trueup::machine::local::LocalMachine;
use trueup::model::probe::{Answer, Probe};
use trueup::model::sid::Sid;

use crate::live::{applied, desired, plan, rolled_back, try_apply, turn};

const GROUP: &str = "trueup test group";

/// A group that is there while it lives.
struct Group(Sid);

impl Group {
    fn make(machine: &LocalMachine) -> Self {
        net(&["localgroup", GROUP, "/delete"]);
        assert!(net(&["localgroup", GROUP, "/add"]), "run these tests as an administrator");
        Self(machine.account(GROUP).unwrap().expect("the group was made"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        net(&["localgroup", GROUP, "/delete"]);
    }
}

fn net(arguments: &[&str]) -> bool {
    Command::new("net").args(arguments).output().unwrap().status.success()
}

fn members(machine: &LocalMachine, group: Sid) -> Vec<Sid> {
    match machine.probe(&Probe::Members { group }).unwrap() {
        Answer::Members(members) => members,
        other => panic!("{other:?}"),
    }
}

#[test]
fn members_come_and_go() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    assert_eq!(machine.probe(&Probe::MembersChangeable).unwrap(), Answer::Flag(true), "no domain controller, please");
    let group = Group::make(&machine);
    assert_eq!(members(&machine, group.0), []);
    let own = std::env::var("USERNAME").unwrap();
    let text = |rest: &str| desired(&format!("accounts: {{ {GROUP}: {{ {rest} }} }}"));
    let first = text(&format!("members: ['{own}', Authenticated Users, 'NT SERVICE\\Spooler', S-1-5-20]"));
    let run = applied(&machine, &first).run.unwrap();
    let after = members(&machine, group.0);
    assert_eq!(after.len(), 4);
    assert!(after.contains(&Sid::AUTHENTICATED_USERS) && after.contains(&Sid::NETWORK_SERVICE), "{after:?}");
    assert!(!plan(&machine, &first).has_operations());
    let second = text("members: [Authenticated Users], exclusive: true");
    let last = applied(&machine, &second).run.unwrap();
    assert_eq!(members(&machine, group.0), [Sid::AUTHENTICATED_USERS]);
    rolled_back(&machine, &last);
    assert_eq!(members(&machine, group.0), after);
    rolled_back(&machine, &run);
    assert_eq!(members(&machine, group.0), []);
}

#[test]
fn who_cannot_be_a_member_is_told() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let group = Group::make(&machine);
    // Nobody has this SID, and Users is a local group itself.
    for member in ["S-1-5-21-1-2-3-4711", "S-1-5-32-545"] {
        let text = format!("accounts: {{ {}: {{ members: [{member}] }} }}", group.0);
        let Ok(report) = std::panic::catch_unwind(|| try_apply(&LocalMachine::open().unwrap(), &desired(&text))) else {
            continue;
        };
        let report = report.unwrap();
        let failed = report.outcomes.iter().any(|one| matches!(one.outcome, Outcome::Failed { .. }));
        assert!(failed, "{member}: {report:?}");
        assert_eq!(members(&machine, group.0), []);
    }
}

#[test]
fn groups_and_names_are_known_in_any_language() {
    let machine = LocalMachine::open().unwrap();
    assert!(!members(&machine, Sid::ADMINISTRATORS).is_empty());
    let unknown: Sid = "S-1-5-32-9999".parse().unwrap();
    assert_eq!(machine.probe(&Probe::Members { group: unknown }).unwrap(), Answer::Absent);
    // Everyone is no local group.
    assert_eq!(machine.probe(&Probe::Members { group: Sid::EVERYONE }).unwrap(), Answer::Absent);
    let own = std::env::var("USERNAME").unwrap();
    let computer = std::env::var("COMPUTERNAME").unwrap();
    if let Some(sid) = machine.account(&own).unwrap() {
        assert_eq!(machine.account(&format!(r".\{own}")).unwrap(), Some(sid));
        assert_eq!(machine.account(&format!(r"{computer}\{own}")).unwrap(), Some(sid));
        let name = machine.probe(&Probe::AccountName { sid }).unwrap();
        assert_eq!(name.to_string().to_lowercase(), own.to_lowercase());
    }
    // The machine's own name stands for no account.
    assert_eq!(machine.account(&computer).unwrap(), None);
}

//! What the plan finds worth saying about services and those around them.

use trueup::formats::service::ActionKind::RunCommand;
use trueup::model::probe::ServiceState;
use trueup::model::registry_data::RegistryData;

use super::world::{actions, desired, empty, found, image, plan, plant, plant_simple, set_state};

#[test]
fn on_the_sample() {
    let image = image();
    for (entries, expected) in [
        ("Spooler: { start: disabled }", vec![]),
        ("Spooler: { start: disabled }, AcsCardPrinting: { start: manual }", vec!["warning services.needs_disabled"]),
        ("AcsCardPrinting: { start: manual }", vec![]),
        ("RpcSs: { start: disabled }", vec!["error services.critical", "warning services.needed"]),
        ("Tcpip: { start: disabled }", vec!["error services.critical"]),
        ("SRV2: { start: disabled }", vec!["warning services.needed"]),
        ("EventLog: { start: disabled }", vec!["warning services.missed"]),
        ("MpsSvc: { start: disabled }", vec!["warning services.missed"]),
        ("WinRM: { start: disabled }", vec!["warning services.missed"]),
        ("AcsMessageBroker: { start: disabled }", vec!["warning services.needed"]),
        ("AcsMessageBroker: { start: disabled }, AcsActivityFeed: { start: disabled }", vec![]),
        (
            "AcsMessageBroker: { start: disabled }, AcsActivityFeed: { start: manual }",
            vec!["warning services.needs_disabled"],
        ),
        (
            "AcsMessageBroker: { start: disabled }, AcsActivityFeed: { dependencies: { lacks: [acsmessagebroker] } }",
            vec![],
        ),
        ("AcsServer: { dependencies: { contains: [AcsGone] } }", vec!["warning services.needs_unknown"]),
        ("AcsServer: { dependencies: { contains: [AcsWebApi] } }", vec!["error services.cycle"]),
        (
            "AcsServer: { start: disabled, state: running }",
            vec!["warning services.needed", "warning services.runs_disabled"],
        ),
        ("Spooler: { state: stopped }", vec!["warning services.starts_again"]),
        (r"AcsServer: { account: NT SERVICE\AcsWebApi }", vec!["warning services.foreign_account"]),
        (r"AcsServer: { account: CORP\acs$ }", vec!["info services.logon_right"]),
        ("AcsServer: { recovery: { first: run_command } }", vec!["warning services.no_command"]),
        ("AcsServer: { recovery: { first: run_command, command: a.cmd } }", vec![]),
    ] {
        let mut codes = found(&plan(&image.machine, &desired(&format!("services: {{ {entries} }}\n"))));
        codes.sort();
        assert_eq!(codes, expected, "{entries}");
    }
}

#[test]
fn what_stays_as_it_was_is_no_news() {
    let machine = empty();
    plant_simple(&machine, "RpcSs", 4, &[]);
    plant_simple(&machine, "S", 2, &["RPCSS"]);
    assert_eq!(found(&plan(&machine, &desired("services: { RpcSs: { start: disabled } }\n"))), Vec::<String>::new());
}

#[test]
fn triggers_start_again() {
    let machine = empty();
    plant_simple(&machine, "S", 3, &[]);
    machine.plant(
        &super::world::key(r"HKLM\SYSTEM\CurrentControlSet\Services\S\TriggerInfo"),
        &machine.tree(&super::world::key(r"HKLM\SYSTEM\CurrentControlSet\Services\S")).unwrap(),
    );
    set_state(&machine, "S", ServiceState::Stopped);
    let of = |wanted: &str| found(&plan(&machine, &desired(&format!("services: {{ S: {{ {wanted} }} }}\n"))));
    assert_eq!(of("state: stopped"), ["info services.starts_again"]);
    assert_eq!(of("state: stopped, start: disabled"), Vec::<String>::new());
}

#[test]
fn messages_name_both_sides() {
    let machine = empty();
    for (name, start, needs) in
        [("A", 2, &[][..]), ("B", 2, &["A"]), ("C", 3, &["A"]), ("D", 2, &["A"]), ("E", 2, &["B"]), ("F", 2, &["B"])]
    {
        plant_simple(&machine, name, start, needs);
    }
    let message = |document: &str| plan(&machine, &desired(document)).findings[0].message.clone();
    assert_eq!(
        message("services: { A: { start: disabled } }\n"),
        "A is disabled, and B, D, E and 1 more will not start without it"
    );
    assert_eq!(message("services: { A: { dependencies: [E] } }\n"), "A needs E, which cannot start without it");
    assert_eq!(message("services: { C: { dependencies: [Gone] } }\n"), "C needs Gone, which the machine does not have");
    plant(&machine, "A", &[("Type", RegistryData::dword(16)), ("FailureActions", actions(0, &[(RunCommand, 0)]))]);
    assert_eq!(
        message("services: { A: { recovery: { reset_after: 1d } } }\n"),
        "a failure of A runs a command, and there is none"
    );
}

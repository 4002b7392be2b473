//! Rules and profiles of the running firewall: made, changed, turned off, removed and put back, each seen in its policy and by netsh.

use std::process::Command;

use trueup::machine::local::LocalMachine;
use windows_registry::LOCAL_MACHINE;

use crate::live::{applied, desired, plan, rolled_back, turn};

const RULES: &str = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules";
const PROFILES: &str = r"SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy";
const ID: &str = "trueup-test-allow-tcp-in";

fn text(id: &str) -> Option<String> {
    LOCAL_MACHINE.open(RULES).unwrap().get_string(id).ok()
}

/// The rules by their names, sorted.
fn all() -> Vec<(String, String)> {
    let key = LOCAL_MACHINE.open(RULES).unwrap();
    let mut rules: Vec<(String, String)> =
        key.values().unwrap().map(|(name, _)| (name.clone(), key.get_string(&name).unwrap_or_default())).collect();
    rules.sort();
    rules
}

/// Whether the running firewall knows a rule of this name: netsh ends with 1 where it does not.
fn is_known(name: &str) -> bool {
    let name = format!("name={name}");
    let output = Command::new("netsh").args(["advfirewall", "firewall", "show", "rule", &name]).output();
    output.unwrap().status.success()
}

/// Not in force, and for addresses that nobody has: harmless while it is there.
fn document(fields: &str) -> String {
    format!(
        "ports:\n  test: {{ port: 47001, allow: {{ enabled: false, name: 'trueup test rule', from: 192.0.2.0/24, {fields} }} }}"
    )
}

#[test]
fn a_rule_lives_and_goes() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let before = all();
    assert_eq!(text(ID), None);
    let first = desired(&document("profiles: domain"));
    let made = applied(&machine, &first).run.unwrap();
    assert!(is_known("trueup test rule"));
    let written = text(ID).expect("the id of the rule is the name of its value");
    assert!(written.contains("LPort=47001|") && written.contains("Active=FALSE|"), "{written}");
    assert!(applied(&machine, &first).run.is_none());
    let mut rest = all();
    rest.retain(|(id, _)| id != ID);
    assert_eq!(rest, before);
    // Each field by itself, as a change and back.
    for fields in [
        "profiles: [domain, private]",
        "profiles: domain, description: 'what it is for'",
        "profiles: domain, program: 'C:\\Windows\\System32\\svchost.exe'",
        "profiles: domain, program: '%SystemRoot%\\system32\\svchost.exe', service: termservice",
        "profiles: domain, interfaces: [lan, wireless]",
        "profiles: domain, edge: true",
        "profiles: domain, edge: app",
        "profiles: domain, client_ports: 50000-50099",
        "profiles: domain, to: [192.0.2.1, '2001:db8::/64']",
    ] {
        let second = desired(&document(fields));
        let changed = applied(&machine, &second).run.unwrap();
        assert!(!plan(&machine, &second).has_operations(), "{fields}: {:?}", text(ID));
        rolled_back(&machine, &changed);
        assert!(!plan(&machine, &first).has_operations(), "{fields}: {:?}", text(ID));
    }
    rolled_back(&machine, &made);
    assert_eq!((text(ID), is_known("trueup test rule")), (None, false));
    assert_eq!(all(), before);
}

#[test]
fn every_word_of_the_interface_is_taken() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let before = all();
    let off = "allow: { enabled: false, profiles: domain";
    for entry in [
        format!("{{ port: rpc, {off} }} }}"),
        format!("{{ port: rpc-endpoint-mapper, {off} }} }}"),
        format!("{{ port: iphttps, {off} }} }}"),
        format!("{{ port: iphttps, {off}, direction: out }} }}"),
        format!("{{ port: teredo, protocol: udp, {off} }} }}"),
        format!("{{ port: play-to-discovery, protocol: udp, {off} }} }}"),
        format!("{{ port: [47001, 47010-47019], protocol: both, {off}, direction: both }} }}"),
        format!("{{ protocol: icmpv4, {off}, icmp: ['8:*', '3:4'] }} }}"),
        format!("{{ protocol: icmpv6, {off} }} }}"),
        format!("{{ protocol: 47, {off} }} }}"),
        format!(
            "{{ {off}, from: [LocalSubnet, DNS, DHCP, WINS, DefaultGateway, 10.0.0.0/8, '10.1.0.1-10.1.0.9'] }} }}"
        ),
        format!("{{ {off}, from: [Intranet, Internet, RmtIntranet] }} }}"),
        "{ block: { enabled: false, direction: out, program: System } }".to_owned(),
    ] {
        let wanted = desired(&format!("ports:\n  test: {entry}"));
        let run = applied(&machine, &wanted).run.unwrap();
        assert!(!plan(&machine, &wanted).has_operations(), "{entry}");
        rolled_back(&machine, &run);
        assert_eq!(all(), before, "{entry}");
    }
}

/// A rule of Windows is taken over, changed, and goes back; one is removed and made again.
#[test]
fn a_rule_of_windows_comes_back() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let id = "FPS-ICMP4-ERQ-In";
    let Some(original) = text(id) else { return };
    let narrower = desired(&format!(
        "ports:\n  ping: {{ protocol: icmpv4, allow: {{ rule: {id}, icmp: '8:*', enabled: false, from: 192.0.2.1 }} }}"
    ));
    let gone = desired(&format!(
        "ports:\n  ping: {{ protocol: icmpv4, allow: {{ rule: {id}, icmp: '8:*' }}, ensure: absent }}"
    ));
    for wanted in [&narrower, &gone] {
        let run = applied(&machine, wanted).run.unwrap();
        assert_ne!(text(id), Some(original.clone()));
        rolled_back(&machine, &run);
        let said = |text: &str| trueup::formats::firewall::Rule::from_text(&text.parse().unwrap()).unwrap();
        assert_eq!(said(&text(id).unwrap()), said(&original));
    }
}

#[test]
fn settings_of_a_profile_are_turned_and_turned_back() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let key = LOCAL_MACHINE.open(format!(r"{PROFILES}\PublicProfile")).unwrap();
    let names = ["EnableFirewall", "DefaultInboundAction", "DefaultOutboundAction", "DisableNotifications"];
    let found = || names.map(|name| key.get_u32(name).ok());
    let before = found();
    // What shuts nobody out: whether the user is told, and the default for what goes out, as it is on every Windows.
    let notifications = before[3] == Some(1);
    let wanted = desired(&format!("ports:\n  firewall: {{ public: {{ notifications: {notifications} }} }}"));
    let run = applied(&machine, &wanted).run.unwrap();
    assert_eq!(found()[3], Some(u32::from(!notifications)));
    assert!(!plan(&machine, &wanted).has_operations());
    rolled_back(&machine, &run);
    assert_eq!(found()[..3], before[..3]);
    assert_eq!(found()[3].unwrap_or(0), before[3].unwrap_or(0));
}

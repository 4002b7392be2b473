//! A real Windows 10: whatever is applied about ports, every rule and every reservation that nobody named stays to the byte.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::machine::{Machine, RunName};
use trueup::model::fact::{KeyAspects, KeyState, KeyTree};
use trueup::model::time::FileTime;

use super::lab::{HTTP, document, findings};
use super::world::{applied, desired, key, plan, start, take_back, told};
use trueup::apply::Purpose;

const POLICY: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy";

/// Unpacks the hive; none, and a line that says so, when it isn't there.
fn hive() -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/hives/SYSTEM_WIN_10_1709.xz");
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    let output = Command::new("xz").arg("-dc").arg(&path).output().expect("xz runs");
    assert!(output.status.success(), "xz unpacks {}", path.display());
    Some(output.stdout)
}

/// Every value of the keys, by path and name.
fn values(machine: &ImageMachine) -> BTreeMap<String, String> {
    fn walk(path: &str, tree: &KeyTree, out: &mut BTreeMap<String, String>) {
        out.extend(tree.values.iter().map(|value| (format!("{path} {}", value.name), format!("{:?}", value.data))));
        tree.subkeys.iter().for_each(|subkey| walk(&format!("{path}\\{}", subkey.name), subkey, out));
    }
    let mut out = BTreeMap::new();
    for at in [POLICY, HTTP] {
        let aspects = KeyAspects { tree: true, ..KeyAspects::default() };
        let state = machine.registry().unwrap().read(&[(key(at), aspects)]).remove(0).unwrap();
        let KeyState::Present(fact) = state else { panic!("{at} is there") };
        walk(at, fact.tree.as_ref().unwrap(), &mut out);
    }
    out
}

#[test]
fn what_nobody_names_stays_to_the_byte() {
    let Some(hive) = hive() else { return };
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(start())).unwrap();
    std::fs::write(folder.path().join("Windows/System32/config/SYSTEM"), hive).unwrap();
    let machine = ImageMachine::open(folder.path(), DirtyHives::Accept).unwrap();
    let before = values(&machine);
    let rules = before.keys().filter(|name| name.contains(r"FirewallPolicy\FirewallRules ")).count();
    let urls = before.keys().filter(|name| name.contains("UrlAclInfo ")).count();
    assert!(rules > 300 && urls == 17, "{rules} rules, {urls} reservations");

    let text = document(
        "  exclusive: true
  firewall: { domain: { inbound: block } }
  web: { port: 5443, protocol: both, allow: { profiles: [domain, private], from: LocalSubnet }, url: { prefix: 'http://+:5443/app/', user: S-1-5-20 } }
  remote-desktop: { port: 3389, allow: { rule: RemoteDesktop-UserMode-In-TCP, program: '%SystemRoot%\\system32\\svchost.exe', service: termservice } }
",
    );
    let wanted = desired(&text);
    let report = applied(&machine, &wanted, start());
    assert_eq!(told(&plan(&machine, &wanted, start())), Vec::<String>::new());
    let after = values(&machine);
    let mut changed: Vec<&str> = Vec::new();
    for name in before.keys().chain(after.keys()) {
        if before.get(name) != after.get(name) && !changed.contains(&name.as_str()) {
            changed.push(name);
        }
    }
    let short: Vec<&str> = changed.iter().map(|name| name.rsplit('\\').next().unwrap()).collect();
    assert_eq!(
        short,
        [
            "FirewallRules RemoteDesktop-UserMode-In-TCP",
            "UrlAclInfo http://+:5443/app/",
            "DomainProfile DefaultInboundAction",
            "FirewallRules trueup-web-allow-tcp-in",
            "FirewallRules trueup-web-allow-udp-in",
        ]
    );
    let run: RunName = report.run.as_deref().unwrap().parse().unwrap();
    take_back(&machine, &run, Purpose::Rollback { of: run.clone() }, start()).1.unwrap();
    assert_eq!(values(&machine), before);
}

/// On a real Windows, hundreds of rules open every port to one program; only those of a way in count.
#[test]
fn a_real_machine_is_not_locked_out_unnoticed() {
    let Some(hive) = hive() else { return };
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(start())).unwrap();
    std::fs::write(folder.path().join("Windows/System32/config/SYSTEM"), hive).unwrap();
    let machine = ImageMachine::open(folder.path(), DirtyHives::Accept).unwrap();
    let open = desired(&document(
        "  remote-desktop: { port: 3389, allow: { rule: RemoteDesktop-UserMode-In-TCP, program: '%SystemRoot%\\system32\\svchost.exe', service: termservice } }\n",
    ));
    assert_eq!(findings(&plan(&machine, &open, start())), Vec::<String>::new());
    applied(&machine, &open, start());
    let shut = desired(&document(
        "  remote-desktop: { port: 3389, allow: { rule: RemoteDesktop-UserMode-In-TCP, enabled: false } }\n",
    ));
    assert_eq!(
        findings(&plan(&machine, &shut, start())),
        [
            "error ports.locked_out: Remote Desktop (TCP port 3389) is open now and would be shut in every profile: no rule allows it, and the default blocks"
        ]
    );
}

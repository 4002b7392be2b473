//! What is applied is there, stays there, goes back to the byte, and is planned alike on every machine.

use trueup::apply::{ApplyOptions, ApplyReport, Purpose, apply};
use trueup::document::Desired;
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::machine::snapshot::{SnapshotMachine, to_json};
use trueup::machine::{Machine, RunName, WritableMachine};
use trueup::model::fact::{KeyAspects, KeyState, KeyTree};
use trueup::model::probe::{Answer, Probe, Transport};
use trueup::model::time::FileTime;
use trueup::model::verdict::{Cause, Verdict};

use super::lab::{document, machine};
use super::world::{Silent, applied, basis, desired, facts, found, key, options, plan, start, take_back, told};

const KEYS: [&str; 3] = [
    r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess",
    r"HKLM\SYSTEM\CurrentControlSet\Services\HTTP",
    r"HKLM\SOFTWARE\Microsoft\Rpc",
];

const EVERYTHING: &str = "  exclusive: true
  firewall: { domain: { enabled: true, inbound: block }, public: { notifications: false } }
  web: { port: 5443, allow: { from: [10.0.0.0/8, LocalSubnet], profiles: [domain, private], service: X }, tls: { thumbprint: 00112233445566778899aabbccddeeff00112233 }, url: { prefix: 'https://+:5443/app/', user: 'NT SERVICE\\W3SVC' } }
  sni: { port: 8443, tls: { sni: a.example, thumbprint: 00112233445566778899aabbccddeeff00112233, client_certificates: negotiate } }
  controllers: { port: 4343, protocol: both, allow: { direction: both } }
  cms: { block: { direction: out, program: 'C:\\CmsService.exe' } }
  rpc: { range: 50000-50999, use: rpc, on_change: { reboot: true } }
";

const GONE: &str = "  web: { ensure: absent, port: 5443, allow: {}, tls: {}, url: { prefix: 'https://+:5443/app/' } }
  sni: { ensure: absent, port: 8443, tls: { sni: a.example } }
  controllers: { ensure: absent, port: 4343, protocol: both, allow: { direction: both } }
  cms: { ensure: absent, block: { direction: out, program: 'C:\\CmsService.exe' } }
  rpc: { ensure: absent, range: 50000-50999, use: rpc }
";

const LINES: &[&str] = &[
    "rule old Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=1|EmbedCtxt=trueup|Later=1|",
    "rule trueup-web-allow-tcp-in Action=Block|Active=FALSE|Dir=In|Protocol=17|LPort=9|RA4=10.0.0.1|Later=2|",
    "rule other Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=2|Platform=2:6:2|",
    "domain EnableFirewall=0",
    "domain Unknown=7",
    "url https://+:5443/App/ D:(A;;GX;;;NS)",
    "url http://+:80/Temporary_Listen_Addresses/ D:(A;;GX;;;WD)",
    "tls 0.0.0.0:5443 0000000000000000000000000000000000000001",
    "tls 0.0.0.0:443 0000000000000000000000000000000000000002",
];

/// What lies in the keys that entries touch, times aside.
fn content(machine: &dyn Machine) -> Vec<String> {
    fn walk(path: &str, tree: &KeyTree, out: &mut Vec<String>) {
        out.push(format!("{path} {:?}", tree.security));
        out.extend(tree.values.iter().map(|value| format!("{path} {} {:?}", value.name, value.data)));
        tree.subkeys.iter().for_each(|subkey| walk(&format!("{path}\\{}", subkey.name), subkey, out));
    }
    let asked = KEYS.map(|at| (key(at), KeyAspects { tree: true, ..KeyAspects::default() }));
    let mut out = Vec::new();
    for (at, state) in KEYS.iter().zip(machine.registry().unwrap().read(&asked)) {
        if let KeyState::Present(fact) = state.unwrap() {
            walk(at, fact.tree.as_ref().unwrap(), &mut out);
        }
    }
    out.sort();
    out
}

/// What the documents of these laws bring about: certificates that nobody imported, and a firewall that is turned on.
const EXPECTED: [&str; 2] = ["ports.certificate_absent", "ports.locked_out"];

/// Applies a document whose plan has findings that are accepted.
fn accepting(machine: &dyn WritableMachine, wanted: &Desired, codes: &[&str]) -> ApplyReport {
    let accept: Vec<String> = codes.iter().map(|code| (*code).to_owned()).collect();
    let basis = basis(wanted, start());
    let facts = facts(machine.as_machine(), wanted, start());
    let plan = trueup::apply::Basis::plan(&basis, &facts).unwrap();
    let options = ApplyOptions { accept: &accept, ..options(start()) };
    let report = apply(machine, &basis, &plan, &facts, &options, &mut Silent);
    let report = report.unwrap_or_else(|error| panic!("{}", super::world::chain(&error)));
    assert!(report.is_complete(), "{:?}", report.outcomes);
    report
}

/// A run that changes, a second plan without steps, and the way back.
#[track_caller]
fn obeys_the_laws(machine: &dyn WritableMachine, text: &str) {
    let wanted = desired(&document(text));
    let before = content(machine.as_machine());
    let first = plan(machine.as_machine(), &wanted, start());
    assert!(first.decisions.iter().any(|one| !one.operations().is_empty()), "{text}");
    let errors: Vec<String> = found(&first).into_iter().filter(|found| found.starts_with("error")).collect();
    assert!(errors.iter().all(|error| EXPECTED.iter().any(|code| error.ends_with(code))), "{errors:?}");
    let report = accepting(machine, &wanted, &EXPECTED);
    let done = content(machine.as_machine());
    assert_ne!(done, before);
    let second = plan(machine.as_machine(), &wanted, start());
    assert!(second.decisions.iter().all(|one| one.operations().is_empty()), "{:#?}", told(&second));
    let before_again = content(machine.as_machine());
    assert!(accepting(machine, &wanted, &EXPECTED).run.is_none(), "nothing is left to do");
    assert_eq!(content(machine.as_machine()), before_again);
    let run = report.run.as_deref().unwrap().parse::<RunName>().unwrap();
    let (_, back) = take_back(machine, &run, Purpose::Rollback { of: run.clone() }, start());
    let back = back.unwrap_or_else(|error| panic!("{}", super::world::chain(&error)));
    assert!(back.is_complete());
    assert_eq!(content(machine.as_machine()), before, "after the rollback");
}

#[test]
fn memory_obeys_the_laws() {
    obeys_the_laws(&machine(LINES), EVERYTHING);
    obeys_the_laws(&machine(&[]), EVERYTHING);
    let full = machine(LINES);
    accepting(&full, &desired(&document(EVERYTHING)), &EXPECTED);
    obeys_the_laws(&full, GONE);
}

fn image() -> (tempfile::TempDir, ImageMachine) {
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(start())).unwrap();
    let machine = ImageMachine::open(folder.path(), DirtyHives::Refuse).unwrap();
    (folder, machine)
}

#[test]
fn an_image_obeys_the_laws() {
    let (_folder, image) = image();
    obeys_the_laws(&image, EVERYTHING);
    accepting(&image, &desired(&document(EVERYTHING)), &EXPECTED);
    obeys_the_laws(&image, GONE);
}

/// An image, a snapshot of it, and a machine in memory that holds the same give one plan.
#[test]
fn the_same_plan_everywhere() {
    let (_folder, image) = image();
    let wanted = desired(&document(EVERYTHING));
    let asked = facts(&image, &wanted, start());
    let snapshot = SnapshotMachine::from_json(&to_json(&asked, &[], start()).unwrap()).unwrap();
    let memory = machine(&[]);
    for at in KEYS {
        let aspects = KeyAspects { tree: true, ..KeyAspects::default() };
        let state = image.registry().unwrap().read(&[(key(at), aspects)]).remove(0).unwrap();
        if let Some(fact) = state.present() {
            memory.plant(&key(at), fact.tree.as_ref().unwrap());
        }
    }
    let told_by = |machine: &dyn Machine| {
        let plan = plan(machine, &wanted, start());
        let findings: Vec<String> = plan.findings.iter().map(|finding| finding.message.clone()).collect();
        (
            plan.decisions
                .iter()
                .map(|one| (one.id.clone(), one.verdict.clone(), one.reasons.clone()))
                .collect::<Vec<_>>(),
            findings,
        )
    };
    let expected = told_by(&image);
    assert_eq!(told_by(&snapshot), expected);
    let (decisions, _) = told_by(&memory);
    // A machine in memory has no hive above these keys: only what is made above them differs.
    let signs =
        |decisions: &[(trueup::model::resource::ResourceId, Verdict, Vec<trueup::model::verdict::Reason>)]| {
            decisions.iter().map(|(id, _, reasons)| format!("{id} {reasons:?}")).collect::<Vec<_>>()
        };
    assert_eq!(signs(&decisions), signs(&expected.0));
}

/// What only a running machine has is changed there and taken back.
#[test]
fn ranges_converge_and_go_back() {
    let tcp = Transport::Tcp;
    let dynamic = Probe::DynamicPorts { transport: tcp };
    let reserved = Probe::ExcludedPorts { transport: tcp, first: 8756, last: 8756 };
    let machine = machine(&[]);
    machine.plant_answer(dynamic.clone(), Answer::Ports(49_152, 65_535));
    machine.plant_answer(reserved.clone(), Answer::Flag(false));
    let wanted = desired("ports:\n  dyn: { range: 50000-60000 }\n  hold: { port: 8756, reserve: true }\n");
    let report = applied(&machine, &wanted, start());
    assert_eq!(machine.probe(&dynamic), Ok(Answer::Ports(50_000, 60_000)));
    assert_eq!(machine.probe(&reserved), Ok(Answer::Flag(true)));
    assert_eq!(told(&plan(&machine, &wanted, start())), Vec::<String>::new());
    let run = report.run.as_deref().unwrap().parse::<RunName>().unwrap();
    take_back(&machine, &run, Purpose::Rollback { of: run.clone() }, start()).1.unwrap();
    assert_eq!(machine.probe(&dynamic), Ok(Answer::Ports(49_152, 65_535)));
    assert_eq!(machine.probe(&reserved), Ok(Answer::Flag(false)));
}

/// Why something differs is told by the record: the machine has left it, or the document asks for something else.
#[test]
fn causes() {
    let web = |port: u16| desired(&format!("ports:\n  web: {{ port: {port}, allow: {{}} }}\n"));
    let machine = machine(&["rule x Action=Allow|Active=TRUE|Dir=In|"]);
    let cause = |text: &Desired| {
        let plan = plan(&machine, text, start());
        plan.decisions.iter().find(|one| one.id.part() == Some("allow tcp in")).unwrap().cause
    };
    assert_eq!(cause(&web(5443)), Some(Cause::Unrecorded));
    applied(&machine, &web(5443), start());
    assert_eq!(cause(&web(5443)), None);
    assert_eq!(cause(&web(5444)), Some(Cause::Asked));
    let at = key(trueup::formats::firewall::LOCAL_RULES);
    let mut tree = machine.tree(&at).unwrap();
    let value = tree.values.iter_mut().find(|value| &*value.name == "trueup-web-allow-tcp-in").unwrap();
    let text = "v2.30|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=5443|EmbedCtxt=trueup|";
    value.data = trueup::model::fact::Stored::Plain(trueup::model::registry_data::RegistryData::sz(text));
    machine.plant(&at, &tree);
    assert_eq!(cause(&web(5443)), Some(Cause::Drift));
}

/// A service that is to restart, and a reboot, follow from a change of an entry.
#[test]
fn what_follows_from_a_change() {
    let text = "ports:\n  web: { port: 5443, allow: {}, on_change: { restart: [X], reboot: true } }\n";
    let plan = plan(&machine(&[]), &desired(text), start());
    let rule = plan.decisions.iter().find(|one| one.id.part() == Some("allow tcp in")).unwrap();
    assert!(rule.reboot && rule.restart.iter().any(|service| &**service == "X"));
}

/// A plan that shuts the way in is refused, and done when that is accepted by name.
#[test]
fn a_plan_that_locks_out_is_refused() {
    let rdp = "rule rdp Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=3389|";
    let machine = machine(&[rdp]);
    let wanted = desired("ports:\n  no-rdp: { port: 3389, block: {} }\n");
    let before = content(&machine);
    let refused = super::world::try_apply(&machine, &wanted, start()).unwrap_err();
    assert!(super::world::chain(&refused).contains("ports.locked_out"), "{}", super::world::chain(&refused));
    assert_eq!(content(&machine), before);
    accepting(&machine, &wanted, &["ports.locked_out"]);
    assert_ne!(content(&machine), before);
}

/// What an entry once said and says no more is missed; the short address of the specification names all bindings of an entry.
#[test]
fn what_leaves_an_entry_is_an_orphan() {
    let web = |port: u16| {
        desired(&format!(
            "ports:\n  web: {{ port: {port}, url: {{ prefix: 'http://+:{port}/', user: S-1-5-20 }} }}\n  other: {{ port: 1, allow: {{}}, depends_on: [ports.web.url] }}\n"
        ))
    };
    let machine = machine(&[]);
    applied(&machine, &web(5443), start());
    let plan = plan(&machine, &web(5444), start());
    let orphans: Vec<String> = plan.orphans.iter().map(|orphan| orphan.address.to_string()).collect();
    assert_eq!(orphans, ["ports.web[\"url http://+:5443/\"]"]);
    assert_eq!(told(&plan), ["+ web url http://+:5444/: ports.url_absent"]);
}

/// A rule whose time is over goes, because it is due; until then it is a rule like any other.
#[test]
fn a_rule_expires() {
    let wanted = desired("ports:\n  debug: { port: 9999, allow: { expires: { on: 2026-03-11 } } }\n");
    let machine = machine(&[]);
    applied(&machine, &wanted, start());
    assert_eq!(told(&plan(&machine, &wanted, super::world::after(9))), Vec::<String>::new());
    let due = plan(&machine, &wanted, super::world::after(10));
    assert_eq!(told(&due), ["- debug allow tcp in: ports.expired"]);
    assert_eq!(due.decisions.iter().find(|one| one.differs()).unwrap().cause, Some(Cause::Due));
    applied(&machine, &wanted, super::world::after(10));
    assert_eq!(told(&plan(&machine, &wanted, super::world::after(11))), Vec::<String>::new());
}

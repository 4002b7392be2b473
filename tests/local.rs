//! The running Windows machine, through its real registry, files and service manager. Under Wine in the checks, where Wine tells
//! the truth: registry, files, and which services there are.

#![cfg(windows)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests are not seen as tests"
)]

#[path = "live/mod.rs"]
mod live;

use std::path::{Path, PathBuf};

use live::{
    FOLDER, RECORD, Silent, TEST, applied, desired, dump, now, options, plan, rolled_back, told, try_apply, turn,
};
use trueup::apply::{ApplyError, DocumentBasis, resume, settle, unfinished};
use trueup::formats::certificate_store::essence;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::machine::local::LocalMachine;
use trueup::machine::{Machine as _, WritableMachine as _, WriteError};
use trueup::model::operation::Operation;
use trueup::model::time::FileTime;
use trueup::model::verdict::{Cause, Verdict};
use trueup::plan::{Plan, PlanOptions};
use windows_registry::{LOCAL_MACHINE, Type};

const FIRST: &str = r"registry:
  TEST\Product:
    values:
      (default): unnamed
      Text: Grüße 日本語
      Expand: { expand: '%SystemRoot%\x' }
      Number: 4711
      Large: { qword: 0x1122334455667788 }
      List: [alpha, beta]
      Bytes: { binary: '00 ff 10' }
      None: { none: '01' }
      Password: { sz: { env: S } }
  TEST\Product\Ünder: { values: { A: 1 } }
  TEST\Empty: {}";

#[test]
fn a_life() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let (first, second) = (
        desired(FIRST),
        desired(
            "registry:\n  TEST\\Product: { values: { Number: 4712, Text: absent } }\n  TEST\\Product\\Ünder: { ensure: absent }",
        ),
    );
    let before = dump(TEST);
    assert!(before.is_empty());
    let run = applied(&machine, &first).run.unwrap();
    let after = dump(TEST);
    let key = LOCAL_MACHINE.open(format!(r"{TEST}\Product")).unwrap();
    assert_eq!(key.get_string("").unwrap(), "unnamed");
    assert_eq!(key.get_string("Text").unwrap(), "Grüße 日本語");
    assert_eq!(key.get_value("Expand").unwrap().ty(), Type::ExpandString);
    assert_eq!((key.get_u32("Number").unwrap(), key.get_u64("Large").unwrap()), (4711, 0x1122_3344_5566_7788));
    assert_eq!(key.get_multi_string("List").unwrap(), ["alpha", "beta"]);
    assert_eq!(&*key.get_value("Bytes").unwrap(), [0, 0xFF, 0x10]);
    assert_eq!(key.get_value("None").unwrap().ty(), Type::Other(0));
    assert_eq!(key.get_string("Password").unwrap(), "correct horse");
    // Twice is nothing, the record included.
    let record = std::fs::read(format!(r"{RECORD}\record.json")).unwrap();
    assert!(applied(&machine, &first).run.is_none());
    assert_eq!((dump(TEST), std::fs::read(format!(r"{RECORD}\record.json")).unwrap()), (after.clone(), record));
    // Somebody else's hand is drift.
    let key = LOCAL_MACHINE.options().read().write().open(format!(r"{TEST}\Product")).unwrap();
    key.set_u32("Number", 1).unwrap();
    key.set_u32("Unnamed", 1).unwrap();
    let drifted = plan(&machine, &first);
    let differing: Vec<_> = drifted.decisions.iter().filter(|one| one.verdict != Verdict::Keep).collect();
    assert_eq!((differing.len(), differing[0].cause), (1, Some(Cause::Drift)), "{differing:?}");
    applied(&machine, &first);
    key.remove_value("Unnamed").unwrap();
    assert_eq!(dump(TEST), after);
    // Another document, and back.
    let last = applied(&machine, &second).run.unwrap();
    assert_eq!(key.get_u32("Number").unwrap(), 4712);
    assert!(key.get_string("Text").is_err() && key.open("Ünder").is_err());
    rolled_back(&machine, &last);
    assert_eq!(dump(TEST), after);
    // The first run, from before the drift was put right: nothing of it is anybody else's.
    rolled_back(&machine, &run);
    assert_eq!(dump(TEST), before);
}

/// What lies in files, and the environment, which every new process gets.
#[test]
fn a_life_of_hosts_environment_and_files() {
    const HOSTS: &str = r"C:\Windows\System32\drivers\etc\hosts";
    const VARIABLES: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment";
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let kept = std::fs::read(HOSTS).ok();
    std::fs::write(HOSTS, "10.0.0.1 old.trueup.example other # theirs\r\n").unwrap();
    std::fs::create_dir_all(FOLDER).unwrap();
    let settings = format!(r"{FOLDER}\settings.ini");
    std::fs::write(&settings, "; ours\r\n[Server]\r\nPort=1\r\nKeep=x\r\n").unwrap();
    let document = desired(
        r"hosts: { acs.trueup.example: [10.0.0.5, 'fd00::5'], old.trueup.example: absent }
environment: { machine: { variables: { TRUEUP_LIFE: Größe, Path: { contains: ['C:\trueup test\bin'] } } } }
files:
  settings: { path: 'C:\trueup test\settings.ini', values: [{ ini: { section: Server, key: Port }, value: '8443' }] }
  secret: { path: 'C:\trueup test\secret.txt', content: { secret: { env: S } } }
  made: { path: 'C:\trueup test\sub\made.txt', content: made }",
    );
    let variables = || {
        let key = LOCAL_MACHINE.open(VARIABLES).unwrap();
        (key.get_string("TRUEUP_LIFE").ok(), key.get_value("Path").map(|value| (value.ty(), value.to_vec())).ok())
    };
    let all = || {
        let read = |name: &str| std::fs::read(format!(r"{FOLDER}\{name}")).ok();
        (std::fs::read(HOSTS).unwrap(), variables(), ["settings.ini", "secret.txt", r"sub\made.txt"].map(read))
    };
    let before = all();
    let run = applied(&machine, &document).run.unwrap();
    let after = all();
    let hosts = String::from_utf8(after.0.clone()).unwrap();
    assert!(
        hosts.contains("10.0.0.5") && hosts.contains("fd00::5") && hosts.contains("10.0.0.1 other # theirs"),
        "{hosts}"
    );
    assert_eq!(after.1.0.as_deref(), Some("Größe"));
    let text = |at: usize| after.2[at].clone().map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(text(0).as_deref(), Some("; ours\r\n[Server]\r\nPort=8443\r\nKeep=x\r\n"));
    assert_eq!((text(1).as_deref(), text(2).as_deref()), (Some("correct horse"), Some("made")));
    // Twice is nothing.
    assert!(applied(&machine, &document).run.is_none());
    assert_eq!(all(), after);
    // Somebody else's hand is drift, and is put right.
    std::fs::write(HOSTS, hosts.replace("10.0.0.5", "10.0.0.6")).unwrap();
    std::fs::write(format!(r"{FOLDER}\secret.txt"), "another").unwrap();
    let key = LOCAL_MACHINE.options().read().write().open(VARIABLES).unwrap();
    key.set_string("TRUEUP_LIFE", "other").unwrap();
    let drifted = plan(&machine, &document);
    let causes: Vec<_> = drifted.decisions.iter().filter_map(|one| one.cause).collect();
    assert_eq!(causes, [Cause::Drift; 3], "{:#?}", told(&drifted));
    let repair = applied(&machine, &document).run.unwrap();
    assert_eq!(all(), after);
    rolled_back(&machine, &repair);
    assert_eq!(key.get_string("TRUEUP_LIFE").unwrap(), "other");
    applied(&machine, &document);
    rolled_back(&machine, &run);
    let (end, rest) = (all(), std::fs::read_dir(FOLDER).unwrap().count());
    match kept {
        Some(bytes) => std::fs::write(HOSTS, bytes).unwrap(),
        None => std::fs::remove_file(HOSTS).unwrap(),
    }
    assert_eq!((end, rest), (before, 1));
}

#[test]
fn a_key_moves_with_all_it_holds() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    applied(
        &machine,
        &desired(
            "registry:\n  TEST\\Old: { values: { A: 1 } }\n  TEST\\Old\\Below: { values: { B: x } }\n  TEST\\Place: {}",
        ),
    );
    let before = dump(TEST);
    for to in [r"TEST\New", r"TEST\Place\New"] {
        let run = applied(
            &machine,
            &desired(&format!("registry:\n  {to}: {{ renamed_from: TEST\\Old, values: {{ A: 1 }} }}")),
        )
        .run
        .unwrap();
        let key = LOCAL_MACHINE.open(to.replace("TEST", TEST)).unwrap();
        assert_eq!((key.get_u32("A").unwrap(), key.open("Below").unwrap().get_string("B").unwrap()), (1, "x".into()));
        assert!(LOCAL_MACHINE.open(format!(r"{TEST}\Old")).is_err());
        rolled_back(&machine, &run);
        assert_eq!(dump(TEST), before, "{to}");
    }
}

#[test]
fn one_writes_at_a_time() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let held = machine.writer("the first").unwrap();
    let document = desired("registry:\n  TEST: {}");
    assert!(matches!(try_apply(&machine, &document), Err(ApplyError::Write(WriteError::Locked { .. }))));
    drop(held);
    applied(&machine, &document);
}

const WHOLE: &str = r"registry:
  TEST\Product: { values: { A: 2, B: x, C: absent } }
  TEST\Product\Gone: { ensure: absent }
  TEST\Product\New: { values: { D: 1 } }
hosts:
  trueup-test.example: 10.0.0.1
files:
  note: { path: 'C:\trueup test\note.txt', content: hello }
  settings:
    path: C:\trueup test\settings.ini
    values: [{ ini: { section: S, key: K }, value: new }]";

/// Stops at every write, or lets it fail; then finishes, and applies again.
#[test]
fn whatever_stops_a_run_it_is_finished() {
    let mut stops = 0;
    for fault in [Fault::StopBefore, Fault::StopAfter, Fault::Fail, Fault::Lose] {
        for at in 1..60 {
            let _turn = turn();
            let hosts = r"C:\windows\system32\drivers\etc\hosts";
            let hosts_before = std::fs::read(hosts).unwrap();
            std::fs::create_dir_all(FOLDER).unwrap();
            std::fs::write(format!(r"{FOLDER}\settings.ini"), "; kept\r\n[S]\r\nK=old\r\n").unwrap();
            let product = LOCAL_MACHINE.create(format!(r"{TEST}\Product")).unwrap();
            product.set_u32("A", 1).unwrap();
            product.set_u32("C", 1).unwrap();
            product.create("Gone").unwrap().set_u32("X", 1).unwrap();
            let machine = LocalMachine::open().unwrap();
            let document = desired(WHOLE);
            let faulty = FaultyMachine::new(&machine, fault, at);
            let result = try_apply(&faulty, &document);
            let is_past_the_end = faulty.writes() < at;
            if let Some(open) = unfinished(&machine).unwrap() {
                let basis = DocumentBasis { desired: &document, options: PlanOptions::at(now()) };
                let options = options();
                if resume(&machine, Some(&basis), &open.beginning.run, &options, &mut Silent).is_err() {
                    settle(&machine, &open, &options).unwrap();
                }
            }
            applied(&machine, &document);
            assert_eq!(
                (product.get_u32("A").unwrap(), product.get_string("B").unwrap()),
                (2, "x".into()),
                "{fault:?} {at}"
            );
            assert!(product.get_u32("C").is_err() && product.open("Gone").is_err(), "{fault:?} {at}");
            assert_eq!(product.open("New").unwrap().get_u32("D").unwrap(), 1);
            assert_eq!(std::fs::read(format!(r"{FOLDER}\settings.ini")).unwrap(), b"; kept\r\n[S]\r\nK=new\r\n");
            assert_eq!(std::fs::read(format!(r"{FOLDER}\note.txt")).unwrap(), b"hello");
            assert!(String::from_utf8_lossy(&std::fs::read(hosts).unwrap()).contains("10.0.0.1"));
            std::fs::write(hosts, hosts_before).unwrap();
            if is_past_the_end {
                assert!(result.unwrap().run.is_some());
                break;
            }
            stops += 1;
        }
    }
    assert!(stops > 60, "{stops} stops");
}

/// An image in a folder that goes with the first of these.
fn sample_image() -> (tempfile::TempDir, PathBuf, ImageMachine) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("image");
    sample::make(&root, "ACS-01", FileTime(3)).unwrap();
    let image = ImageMachine::open(&root, DirtyHives::Refuse).unwrap();
    (folder, root, image)
}

/// The same facts make the same plan, wherever they lie.
#[test]
fn the_plan_is_that_of_an_image() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let (_folder, _, image) = sample_image();
    let ground = desired(
        "registry:\n  TEST\\Product: { values: { A: 1, List: [a], Text: x, Keep: 1 } }\n  TEST\\Gone: { values: { X: 1 } }\nfiles:\n  one: { path: 'C:\\trueup test\\one.txt', content: old }",
    );
    applied(&machine, &ground);
    applied(&image, &ground);
    let wanted = desired(
        "registry:\n  TEST\\product: { exclusive: true, values: { a: 2, LIST: [b], Text: x } }\n  TEST\\Gone: { ensure: absent }\n  TEST\\New: { values: { Y: 1 } }\nfiles:\n  one: { path: 'C:\\trueup test\\one.txt', content: new }\n  two: { path: 'C:\\trueup test\\sub\\two.txt', content: x }",
    );
    let here = plan(&machine, &wanted);
    assert!(here.operations().count() >= 8, "{:#?}", lines(&here));
    assert_eq!(lines(&here), lines(&plan(&image, &wanted)));
}

/// A plan's decisions with all that they hold. Times and descriptors are each machine's own, and so is the order in which a store keeps the
/// properties of a certificate.
fn lines(plan: &Plan) -> Vec<String> {
    let steps = |operation: &Operation| match operation {
        Operation::RemoveRegistryTree { key, .. } => format!("remove {key}"),
        Operation::PutCertificate { before: Some(before), .. } => {
            let mut sorted = operation.clone();
            if let Operation::PutCertificate { before, .. } = &mut sorted {
                *before = None;
            }
            format!("{} in place of {:?}", serde_json::to_string(&sorted).unwrap(), essence(&before.0))
        }
        other => serde_json::to_string(other).unwrap(),
    };
    let line = |one: &trueup::model::verdict::Decision| {
        let steps: Vec<String> = one.operations().iter().map(steps).collect();
        let verdict = match &one.verdict {
            Verdict::Change { action, .. } => format!("{action:?}"),
            other => format!("{other:?}"),
        };
        format!("{} {verdict} {:?} {:?} {}", one.id, one.reasons, one.cause, steps.join(" "))
    };
    plan.decisions.iter().map(line).collect()
}

/// The same of what has interfaces of its own on a running machine: certificates, services, hosts, the environment.
#[test]
fn the_plan_is_that_of_an_image_for_what_has_an_interface() {
    const SERVICE: &str = r"SYSTEM\CurrentControlSet\Services\trueup-plan";
    const PARAMETERS: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
    const HOSTS: &str = r"Windows\System32\drivers\etc\hosts";
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let (_folder, root, image) = sample_image();
    let live_hosts = format!(r"C:\{HOSTS}");
    let kept_hosts = std::fs::read(&live_hosts).ok();
    for hosts in [Path::new(&live_hosts), &root.join(HOSTS)] {
        std::fs::write(hosts, "10.0.0.1 old.trueup.example # theirs\r\n10.0.0.9 acs.trueup.example\r\n").unwrap();
    }
    let certificate = |name: &str, store: &str| {
        format!(
            "certificates:\n  authority:\n    issuer: self\n    ca: true\n    subject: 'CN=trueup test plan'\n    \
             friendly_name: {name}\n    key: {{ algorithm: ecdsa }}\n    valid_for: 90d\n    renew_before: 7d\n    \
             store: [{store}]\n    files:\n      - {{ path: '{FOLDER}\\authority.key', form: key-pem }}\n      \
             - {{ path: '{FOLDER}\\authority.cer', form: certificate-pem }}\n"
        )
    };
    let place = LOCAL_MACHINE.open(PARAMETERS).unwrap().get_string("DataBasePath").unwrap();
    let ground = certificate("first", r"'LocalMachine\CA'")
        + &format!(
            "registry:\n  HKLM\\{SERVICE}:\n    values: {{ Type: 16, Start: 2, ErrorControl: 1, ObjectName: LocalSystem, \
             ImagePath: {{ expand: '%SystemRoot%\\x.exe' }} }}\n  HKLM\\{PARAMETERS}: {{ values: {{ DataBasePath: {{ expand: '{place}' }} }} }}\n"
        );
    let ground = desired(&ground);
    let run = applied(&machine, &ground).run.unwrap();
    // The same key and certificate lie on the image, from where they go into the same store.
    std::fs::create_dir_all(root.join("trueup test")).unwrap();
    for name in ["authority.key", "authority.cer"] {
        std::fs::copy(format!(r"{FOLDER}\{name}"), root.join("trueup test").join(name)).unwrap();
    }
    applied(&image, &ground);
    let wanted = certificate("second", r"'LocalMachine\CA', 'LocalMachine\TrustedPeople'")
        + "services:\n  trueup-plan: { start: manual, dependencies: { contains: [RpcSs] } }\n\
           hosts:\n  acs.trueup.example: [10.0.0.5, 'fd00::5']\n  old.trueup.example: absent\n\
           environment:\n  machine: { variables: { TRUEUP_PLAN: here } }\n";
    let wanted = desired(&wanted);
    let (here, there) = (plan(&machine, &wanted), plan(&image, &wanted));
    rolled_back(&machine, &run);
    match kept_hosts {
        Some(bytes) => std::fs::write(&live_hosts, bytes).unwrap(),
        None => std::fs::remove_file(&live_hosts).unwrap(),
    }
    assert!(here.operations().count() >= 7, "{:#?}", lines(&here));
    assert_eq!(lines(&here), lines(&there));
    assert_eq!(here.summary(), there.summary());
}

#[test]
fn services_are_known() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let services = machine.services().unwrap();
    assert!(services.controllable && services.graph.services().count() > 3);
    let probe =
        |service: &str| machine.probe(&trueup::model::probe::Probe::ServiceState { service: service.into() }).unwrap();
    assert_eq!(probe("there is none of this name"), trueup::model::probe::Answer::Absent);
    let (known, _) = services
        .graph
        .services()
        .find(|(name, _)| name.as_str().eq_ignore_ascii_case("Spooler"))
        .expect("Windows has it");
    assert!(matches!(probe(known.as_str()), trueup::model::probe::Answer::State(_)));
    // What does not run needs no restart, and a service that nobody has is told.
    let report = applied(
        &machine,
        &desired("registry:\n  TEST: { values: { A: 1 }, on_change: { restart: ['trueup has no such service'] } }"),
    );
    assert!(report.owed.restarts.is_empty(), "{report:?}");
}

/// Whoever is no administrator is told so, and nothing is changed.
#[test]
fn a_call_that_fails_is_told() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let report =
        try_apply(&machine, &desired("registry:\n  HKU\\S-1-5-21-1-2-3-4711\\Software\\X: { values: { A: 1 } }"));
    let told = match report {
        Ok(report) => !report.is_complete(),
        Err(_) => true,
    };
    assert!(told, "the hive of a user who is not there cannot be written");
}

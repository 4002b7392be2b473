//! Services of the running machine through its real service manager: under Wine in the checks, with services of the tests' own. What Wine
//! says yes to and does not do has to come out as an error.

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
mod own_service;

use std::path::{Path, PathBuf};
use std::time::Duration;

use live::{RECORD, Silent, applied, desired, now, options, plan, rolled_back, try_apply, turn};
use own_service::OwnService;
use trueup::apply::{
    ApplyError, ApplyOptions, Basis as _, DocumentBasis, Outcome, Progress, Purpose, RollbackBasis, apply, done_steps,
    past_run, resume, settle, unfinished,
};
use trueup::machine::Machine as _;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::local::LocalMachine;
use trueup::model::probe::{Answer, Probe, ServiceState};
use trueup::model::verdict::{Cause, Decision, Verdict};
use trueup::plan::PlanOptions;
use windows_registry::{Key, LOCAL_MACHINE};

fn key(service: &OwnService) -> Key {
    let path = format!(r"SYSTEM\CurrentControlSet\Services\{}", service.name);
    LOCAL_MACHINE.options().read().write().open(path).unwrap()
}

/// Services, then groups; Wine's manager does not tell them, and its key does.
fn dependencies(service: &OwnService) -> Vec<String> {
    let key = key(service);
    let list = |name| key.get_multi_string(name).unwrap_or_default();
    let groups = list("DependOnGroup").into_iter().map(|group| format!("+{group}"));
    let all: Vec<String> = list("DependOnService").into_iter().chain(groups).collect();
    assert!(is_wine() || all == service.told().dependencies, "{all:?} {:?}", service.told());
    all
}

fn state(machine: &LocalMachine, service: &OwnService) -> Answer {
    machine.probe(&Probe::ServiceState { service: service.name.as_str().into() }).unwrap()
}

/// Starts and stops of services fail on the way where something is wrong with the test's own: it says what.
#[track_caller]
fn outcomes(machine: &LocalMachine, text: &str) -> Vec<(String, String)> {
    let report = try_apply(machine, &desired(text)).unwrap();
    let outcome = |outcome: &Outcome| match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Failed { detail } => detail.clone(),
        other => format!("{other:?}"),
    };
    report.outcomes.iter().map(|one| (one.address.to_string(), outcome(&one.outcome))).collect()
}

#[test]
fn a_life() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let (first, second) = (OwnService::new("trueup-test-1", &["RpcSs"]), OwnService::new("trueup-test-2", &[]));
    let before = first.told();
    assert_eq!((before.start, dependencies(&first)), (3, vec!["RpcSs".to_owned()]));
    let wanted = desired(
        "services:\n  trueup-test-1: { start: automatic, account: NT AUTHORITY\\LocalService, dependencies: { contains: [trueup-test-2] } }",
    );
    let unseen = desired("services: { trueup-test-1: { recovery: { first: restart, reset_after: never } } }");
    assert!(matches!(
        apply_unaccepted(&machine, &unseen),
        Err(ApplyError::Unproven(what)) if what == ["settings of services"]
    ));
    assert_eq!(first.told(), before);
    let run = applied(&machine, &wanted).run.unwrap();
    let after = first.told();
    assert_eq!((after.start, after.account.as_str()), (2, r"NT AUTHORITY\LocalService"));
    // The key says what the manager says.
    assert_eq!(key(&first).get_u32("Start").unwrap(), 2);
    assert_eq!(dependencies(&first), ["RpcSs".to_owned(), second.name.clone()]);
    // Twice is nothing.
    let record = std::fs::read(format!(r"{RECORD}\record.json")).unwrap();
    assert!(applied(&machine, &wanted).run.is_none());
    assert_eq!(std::fs::read(format!(r"{RECORD}\record.json")).unwrap(), record);
    // Somebody else's hand is drift, and is put right.
    key(&first).set_u32("Start", 4).unwrap();
    let drifted = plan(&machine, &wanted);
    let differing: Vec<&Decision> = drifted.decisions.iter().filter(|one| one.verdict != Verdict::Keep).collect();
    assert_eq!((differing.len(), differing[0].cause), (1, Some(Cause::Drift)), "{differing:?}");
    applied(&machine, &wanted);
    assert_eq!((first.told(), key(&first).get_u32("Start").unwrap()), (after, 2));
    rolled_back(&machine, &run);
    assert_eq!((first.told(), dependencies(&first)), (before, vec!["RpcSs".to_owned()]));
}

/// As whoever has not accepted what nobody has seen to work.
fn apply_unaccepted(
    machine: &LocalMachine,
    wanted: &trueup::document::Desired,
) -> Result<trueup::apply::ApplyReport, ApplyError> {
    let basis = DocumentBasis { desired: wanted, options: PlanOptions::at(now()) };
    let facts = basis.facts(machine, &live::Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    let options = ApplyOptions::new("a test", now(), &live::Secrets);
    apply(machine, &basis, &plan, &facts, &options, &mut Silent)
}

#[test]
fn dependencies_come_and_go() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let service = OwnService::new("trueup-test-1", &["RpcSs", "+TDI"]);
    let dependencies = || dependencies(&service);
    assert_eq!(dependencies(), ["RpcSs", "+TDI"]);
    let run = applied(&machine, &desired("services: { trueup-test-1: { dependencies: [] } }")).run.unwrap();
    assert!(dependencies().is_empty(), "{:?}", dependencies());
    rolled_back(&machine, &run);
    assert_eq!(dependencies(), ["RpcSs", "+TDI"]);
    applied(&machine, &desired("services: { trueup-test-1: { dependencies: { lacks: [RpcSs], contains: [+NDIS] } } }"));
    assert_eq!(dependencies(), ["+TDI", "+NDIS"]);
}

#[test]
fn a_service_starts_stops_and_starts_again_with_those_that_need_it() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let needed = OwnService::new("trueup-test-1", &[]);
    let needing = OwnService::new("trueup-test-2", &["trueup-test-1"]);
    let (running, stopped) = (Answer::State(ServiceState::Running), Answer::State(ServiceState::Stopped));
    assert_eq!(state(&machine, &needed), stopped);
    let up = "services:\n  trueup-test-1: { state: running }\n  trueup-test-2: { state: running }";
    let run = applied(&machine, &desired(up)).run.unwrap();
    assert_eq!((state(&machine, &needed), state(&machine, &needing)), (running.clone(), running.clone()));
    // What others need does not stop under them.
    let blocked = plan(&machine, &desired("services: { trueup-test-1: { state: stopped } }"));
    assert!(blocked.decisions.iter().any(|one| one.verdict == Verdict::Blocked), "{:?}", blocked.decisions);
    // A change restarts both.
    let report =
        applied(&machine, &desired("registry:\n  TEST: { values: { A: 1 }, on_change: { restart: [trueup-test-1] } }"));
    assert!(report.owed.restarts.is_empty(), "{report:?}");
    let restarted: Vec<(&str, bool)> = report.restarts.iter().map(|one| (&*one.service, one.dependant)).collect();
    assert_eq!(restarted, [("trueup-test-1", false), ("trueup-test-2", true)]);
    assert_eq!((state(&machine, &needed), state(&machine, &needing)), (running.clone(), running));
    rolled_back(&machine, &run);
    assert_eq!((state(&machine, &needed), state(&machine, &needing)), (stopped.clone(), stopped));
}

#[test]
fn a_service_that_is_paused_goes_on_stops_and_is_paused_again() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let service = OwnService::new("trueup-test-1", &[]);
    let [running, paused, stopped] =
        [ServiceState::Running, ServiceState::Paused, ServiceState::Stopped].map(Answer::State);
    let (up, down) = (
        desired("services: { trueup-test-1: { state: running } }"),
        desired("services: { trueup-test-1: { state: stopped } }"),
    );
    applied(&machine, &up);
    service.pause();
    assert_eq!(state(&machine, &service), paused);
    let run = applied(&machine, &up).run.unwrap();
    assert_eq!(state(&machine, &service), running);
    assert!(applied(&machine, &up).run.is_none());
    rolled_back(&machine, &run);
    assert_eq!(state(&machine, &service), paused);
    let run = applied(&machine, &down).run.unwrap();
    assert_eq!(state(&machine, &service), stopped);
    rolled_back(&machine, &run);
    assert_eq!(state(&machine, &service), paused);
}

/// What a run waits for.
struct Waits(Vec<String>);

impl Progress for Waits {
    fn phase(&mut self, _: &'static str, _: usize) {}

    fn waits_for(&mut self, what: &dyn std::fmt::Display) {
        self.0.push(what.to_string());
    }
}

#[test]
fn a_service_that_takes_its_time_is_waited_for_as_long_as_is_said() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let service = OwnService::new("trueup-test-slow", &[]);
    let [up, down] =
        ["running", "stopped"].map(|state| desired(&format!("services: {{ trueup-test-slow: {{ state: {state} }} }}")));
    let stop_within = |seconds| {
        applied(&machine, &up);
        let basis = DocumentBasis { desired: &down, options: PlanOptions::at(now()) };
        let facts = basis.facts(&machine, &live::Secrets).unwrap();
        let (plan, mut waits) = (basis.plan(&facts).unwrap(), Waits(Vec::new()));
        let options = ApplyOptions { service_timeout: Duration::from_secs(seconds), ..options() };
        let report = apply(&machine, &basis, &plan, &facts, &options, &mut waits).unwrap();
        let turning = "change the state of the service trueup-test-slow to stopped";
        assert_eq!(waits.0, [turning]);
        report
    };
    let failed = &stop_within(1).outcomes[0].outcome;
    let detail = "cannot stop the service trueup-test-slow: it still ran after 1 s";
    assert_eq!(*failed, Outcome::Failed { detail: detail.into() });
    // What it was told it does all the same.
    while state(&machine, &service) != Answer::State(ServiceState::Stopped) {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(stop_within(60).is_complete());
}

/// Whether this is Wine, which says yes to what it does not do.
fn is_wine() -> bool {
    LOCAL_MACHINE.open(r"SOFTWARE\Wine").is_ok() || windows_registry::CURRENT_USER.open(r"Software\Wine").is_ok()
}

#[test]
fn what_the_manager_says_yes_to_and_does_not_do_is_an_error() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let service = OwnService::new("trueup-test-1", &[]);
    for (entry, part) in [
        ("start: delayed", "start"),
        ("recovery: { first: restart, reset_after: never }", "recovery"),
        ("recovery: { on_stop_with_error: true }", "recovery"),
        ("recovery: { first: reboot, reboot_message: bye, command: a.cmd }", "recovery"),
    ] {
        let told = outcomes(&machine, &format!("services: {{ {}: {{ {entry} }} }}", service.name));
        let (address, outcome) = &told[0];
        assert_eq!(address, &format!("services.{}.{part}", service.name));
        if is_wine() {
            // ERROR_INVALID_LEVEL, or a yes without a change.
            let is_refused =
                outcome.contains("os error 124") || outcome.contains("said that it was done, and it is not");
            assert!(is_refused, "{told:?}");
        } else {
            assert_eq!(outcome, "done");
        }
    }
}

/// The one who runs the tests: the machine knows the name.
fn user() -> String {
    format!(r".\{}", std::env::var("USERNAME").unwrap())
}

#[test]
fn a_right_that_is_not_given_leaves_the_account_alone() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let service = OwnService::new("trueup-test-1", &[]);
    let text =
        format!("services: {{ trueup-test-1: {{ account: {{ name: '{}', password: {{ env: P }} }} }} }}", user());
    let shown = plan(&machine, &desired(&text));
    let words: Vec<String> = shown.operations().map(ToString::to_string).collect();
    assert!(words.last().unwrap().contains("configure the account of the service trueup-test-1"), "{words:?}");
    if !is_wine() {
        return;
    }
    let told = outcomes(&machine, &text);
    assert!(told[0].1.contains("the right to log on as a service"), "{told:?}");
    assert!(told[0].1.contains("said that it was done, and it is not"), "{told:?}");
    assert_eq!(service.told().account, "LocalSystem");
}

#[test]
fn a_password_is_told_and_kept_nowhere() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let service = OwnService::new("trueup-test-1", &[]);
    key(&service).set_string("ObjectName", user()).unwrap();
    let text =
        format!("services: {{ trueup-test-1: {{ account: {{ name: '{}', password: {{ env: P }} }} }} }}", user());
    let wanted = desired(&text);
    assert!(!plan(&machine, &wanted).has_operations());
    let basis =
        DocumentBasis { desired: &wanted, options: PlanOptions { rewrite_secrets: true, ..PlanOptions::at(now()) } };
    let facts = basis.facts(&machine, &live::Secrets).unwrap();
    let shown = basis.plan(&facts).unwrap();
    assert_eq!(shown.operations().count(), 1);
    let report = apply(&machine, &basis, &shown, &facts, &options(), &mut Silent).unwrap();
    if is_wine() {
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(service.told().account, user());
    }
    let run = report.run.unwrap();
    let mut files = 0;
    for file in walk(Path::new(RECORD)) {
        let bytes = std::fs::read(&file).unwrap();
        for text in [&b"correct horse"[..], b"c\0o\0r\0r\0e\0c\0t\0"] {
            assert!(!bytes.windows(text.len()).any(|found| found == text), "{}", file.display());
        }
        files += 1;
    }
    assert!(files > 2, "{files} files");
    // The former one is nobody's.
    let past = past_run(&machine, &run.parse().unwrap()).unwrap();
    let steps = done_steps(&machine, &past).done_or_unknown();
    let purpose = Purpose::Rollback { of: run.parse().unwrap() };
    let basis = RollbackBasis { run: &past, steps: &steps, purpose, options: PlanOptions::at(now()) };
    let back = basis.plan(&basis.facts(&machine, &live::Secrets).unwrap()).unwrap();
    assert!(!back.has_operations());
    assert!(!is_wine() || back.decisions[0].reasons[0].code == "rollback.irreversible", "{:?}", back.decisions);
}

/// Nothing on the machine tells whether a password was told: a call that failed is no success, and a run that stopped tells it again.
#[test]
fn a_password_that_may_not_have_been_told_is_not_taken_as_told() {
    let text =
        format!("services: {{ trueup-test-1: {{ account: {{ name: '{}', password: {{ env: P }} }} }} }}", user());
    let mut failed = 0;
    for fault in [Fault::StopBefore, Fault::StopAfter, Fault::Fail] {
        for at in 1..40 {
            let _turn = turn();
            let machine = LocalMachine::open().unwrap();
            let service = OwnService::new("trueup-test-1", &[]);
            key(&service).set_string("ObjectName", user()).unwrap();
            let wanted = desired(&text);
            let basis = DocumentBasis {
                desired: &wanted,
                options: PlanOptions { rewrite_secrets: true, ..PlanOptions::at(now()) },
            };
            let facts = basis.facts(&machine, &live::Secrets).unwrap();
            let shown = basis.plan(&facts).unwrap();
            let faulty = FaultyMachine::new(&machine, fault, at);
            let result = apply(&faulty, &basis, &shown, &facts, &options(), &mut Silent);
            failed += result.as_ref().map_or(0, trueup::apply::ApplyReport::failed);
            if let Some(open) = unfinished(&machine).unwrap() {
                let before = machine.runs().unwrap().len();
                let report = resume(&machine, Some(&basis), &open.beginning.run, &options(), &mut Silent).unwrap();
                assert_eq!((report.failed(), report.skipped(), machine.runs().unwrap().len()), (0, 0, before));
            }
            if faulty.writes() < at {
                break;
            }
        }
    }
    assert_eq!(failed, 3, "the call refused, not made ready, and not made");
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(walk(&entry.path())),
            false => files.push(entry.path()),
        }
    }
    files
}

/// Stopped at any write, or with a write that fails, a run is finished; the manager and the key agree afterwards.
#[test]
fn whatever_stops_a_run_it_is_finished() {
    let mut stops = 0;
    for fault in [Fault::StopBefore, Fault::StopAfter, Fault::Fail] {
        for at in 1..60 {
            let _turn = turn();
            let machine = LocalMachine::open().unwrap();
            let service = OwnService::new("trueup-test-1", &["RpcSs"]);
            let wanted = desired(
                "services: { trueup-test-1: { start: disabled, account: NT AUTHORITY\\NetworkService, dependencies: [] } }",
            );
            let faulty = FaultyMachine::new(&machine, fault, at);
            let result = try_apply(&faulty, &wanted);
            let is_past_the_end = faulty.writes() < at;
            if let Some(open) = unfinished(&machine).unwrap() {
                let basis = DocumentBasis { desired: &wanted, options: PlanOptions::at(now()) };
                if resume(&machine, Some(&basis), &open.beginning.run, &options(), &mut Silent).is_err() {
                    settle(&machine, &open, &options()).unwrap();
                }
            }
            applied(&machine, &wanted);
            let told = service.told();
            assert_eq!(
                (told.start, told.account.as_str(), dependencies(&service).len()),
                (4, r"NT AUTHORITY\NetworkService", 0),
                "{fault:?} {at}"
            );
            assert_eq!(key(&service).get_u32("Start").unwrap(), 4);
            if is_past_the_end {
                assert!(result.unwrap().run.is_some());
                break;
            }
            stops += 1;
        }
    }
    assert!(stops > 20, "{stops} stops");
}

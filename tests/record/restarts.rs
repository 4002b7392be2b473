//! Restarts on a machine that runs: once, at the end, dependants first; and whatever stops a run, no service stays down for good.

use std::sync::Arc;

use trueup::apply::{ApplyError, ApplyReport, OnFailure, Restarted, apply, resume, settle, unfinished};
use trueup::apply::{ApplyOptions, Basis as _, Progress, RunState};
use trueup::machine::Machine as _;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::snapshot::{self, SnapshotMachine};
use trueup::model::fact::{KeyTree, Stored, ValueFact};
use trueup::model::probe::{Answer, Probe, ServiceState};
use trueup::model::registry::RegistryKey;
use trueup::model::registry_data::{REG_DWORD, RegistryData};
use trueup::model::time::FileTime;

use super::world::{Do, Silent, World, desired, told};

/// A machine with the services of `name: what it needs`; those with a `*` run, those with a `!` do not answer.
fn world(services: &str) -> World {
    let world = World::new();
    for line in services.lines() {
        let (name, needs) = line.split_once(':').unwrap();
        let (name, state) = match (name.trim().strip_suffix('*'), name.trim().strip_suffix('!')) {
            (Some(name), _) => (name, ServiceState::Running),
            (_, Some(name)) => (name, ServiceState::Changing),
            _ => (name.trim(), ServiceState::Stopped),
        };
        let needs: Vec<&str> = needs.split_whitespace().collect();
        let number = RegistryData { value_type: REG_DWORD, bytes: 16u32.to_le_bytes().to_vec().into() };
        let values = [("Type", number), ("DependOnService", RegistryData::multi(&needs))];
        let value = |(name, data): (&str, RegistryData)| ValueFact {
            name: name.into(),
            data: Stored::Plain(data),
            fingerprint: None,
        };
        let key = RegistryKey::parse(&format!(r"HKLM\SYSTEM\CurrentControlSet\Services\{name}")).unwrap();
        let tree = KeyTree {
            name: name.into(),
            last_written: FileTime(2),
            security: Arc::from(&b"x"[..]),
            values: values.into_iter().map(value).collect(),
            ..KeyTree::default()
        };
        world.machine.plant(&key, &tree);
        world.machine.plant_answer(Probe::ServiceState { service: name.into() }, Answer::State(state));
    }
    world
}

/// What services were told to do: `-` stopped, `+` started.
fn turned(world: &World) -> String {
    let turned = world.machine.turned.take();
    let told =
        turned.iter().map(|(name, to)| format!("{}{name}", if *to == ServiceState::Stopped { '-' } else { '+' }));
    told.collect::<Vec<_>>().join(" ")
}

fn restarts(report: &ApplyReport) -> String {
    let told = report.restarts.iter().map(|one| {
        let outcome = match &one.outcome {
            Restarted::Done => "",
            Restarted::NotRunning => " did not run",
            Restarted::Missing => " is missing",
            Restarted::Failed { .. } => " failed",
        };
        format!("{}{}{outcome}", one.service, if one.dependant { " too" } else { "" })
    });
    told.collect::<Vec<_>>().join(", ")
}

const PRODUCT: &str =
    "AcsServer*: RpcSs\nAcsFeed*: AcsServer\nAcsWeb: AcsServer\nAcsProxy*: AcsFeed\nRpcSs*:\nSpooler*:";

#[test]
fn restarts_follow_the_changes() {
    let none = "";
    for (name, services, on_change, order, outcome, owed) in [
        (
            "with dependants that run",
            PRODUCT,
            "restart: [AcsServer]",
            "-AcsProxy -AcsFeed -AcsServer +AcsServer +AcsFeed +AcsProxy",
            "AcsServer, AcsFeed too, AcsProxy too",
            none,
        ),
        ("in any case", PRODUCT, "restart: [ACSPROXY]", "-AcsProxy +AcsProxy", "AcsProxy", none),
        ("what does not run stays down", PRODUCT, "restart: [AcsWeb]", "", "AcsWeb did not run", none),
        (
            "each once",
            PRODUCT,
            "restart: [AcsFeed, AcsServer]",
            "-AcsProxy -AcsFeed -AcsServer +AcsServer +AcsFeed +AcsProxy",
            "AcsServer, AcsFeed, AcsProxy too",
            none,
        ),
        (
            "what is not there",
            PRODUCT,
            "restart: [Gone, Spooler]",
            "-Spooler +Spooler",
            "Gone is missing, Spooler",
            none,
        ),
        ("what does not answer stays owed", "A!:\nB*: A", "restart: [A]", "-B +B", "A failed, B too", "A"),
        ("a dependant that does not answer", "A*:\nB!: A", "restart: [A]", "", "A failed, B too failed", "A"),
        (
            "stopped before",
            PRODUCT,
            "stop_first: [Spooler], restart: [AcsProxy]",
            "-Spooler -AcsProxy +Spooler +AcsProxy",
            "Spooler, AcsProxy",
            none,
        ),
        (
            "stopped before with dependants",
            PRODUCT,
            "stop_first: [AcsFeed]",
            "-AcsProxy -AcsFeed +AcsFeed +AcsProxy",
            "AcsFeed, AcsProxy",
            none,
        ),
        ("stopped before and did not run", PRODUCT, "stop_first: [AcsWeb]", "", "AcsWeb did not run", none),
    ] {
        let world = world(services);
        let document = format!(
            "  A: {{ values: {{ Level: 1 }}, on_change: {{ {on_change} }} }}\n  B: {{ values: {{ Level: 1 }}, on_change: {{ {on_change} }} }}"
        );
        let report = world.applies(&world.machine, &document, &[]).unwrap();
        let still = report.owed.restarts.keys().map(|name| &**name).collect::<Vec<_>>().join(" ");
        assert_eq!(
            (turned(&world).as_str(), restarts(&report).as_str(), still.as_str()),
            (order, outcome, owed),
            "{name}"
        );
        assert_eq!(report.is_complete(), owed.is_empty(), "{name}");
        assert_eq!(world.machine.record().unwrap().unwrap().owed, report.owed, "{name}");
        if owed.is_empty() {
            let (before, again) = (world.kept(), world.apply(&document));
            assert!(again.run.is_none() && world.kept() == before && turned(&world).is_empty(), "{name}: twice");
        }
    }
}

/// What a run tells of its way.
struct Way(Vec<String>);

impl Progress for Way {
    fn phase(&mut self, name: &'static str, steps: usize) {
        self.0.push(format!("{name}, {steps}"));
    }

    fn step(&mut self) {
        self.0.push("through".into());
    }

    fn waits_for(&mut self, what: &dyn std::fmt::Display) {
        self.0.push(what.to_string());
    }
}

#[test]
fn services_that_are_waited_for_are_told() {
    let world = world(PRODUCT);
    let document = "  A: { values: { Level: 1 }, on_change: { stop_first: [Spooler], restart: [AcsFeed] } }";
    let (desired, mut way) = (desired(document), Way(Vec::new()));
    let basis = world.basis(&desired);
    let facts = basis.facts(&world.machine, &world).unwrap();
    let plan = basis.plan(&facts).unwrap();
    let report = world.options(&[], |options| apply(&world.machine, &basis, &plan, &facts, options, &mut way)).unwrap();
    assert!(report.is_complete(), "{report:?}");
    let told: Vec<&str> = way.0.iter().map(String::as_str).filter(|told| !told.starts_with("look again")).collect();
    let stages = [
        "stop, 1; stop the service Spooler; through",
        "apply, 2; through; through; write, 1; verify, 2",
        "restart, 5; stop the service AcsProxy; through; stop the service AcsFeed; through",
        "start the service Spooler; through; start the service AcsFeed; through; start the service AcsProxy; through",
        "plan again, 2",
    ];
    assert_eq!(told.join("; "), stages.join("; "));
}

#[test]
fn a_restart_that_failed_is_tried_again() {
    let world = world("A!:\nB*: A");
    let document = "  A: { values: { Level: 1 }, on_change: { restart: [A] } }";
    assert!(!world.applies(&world.machine, document, &[]).unwrap().is_complete());
    assert_eq!(turned(&world), "-B +B");
    let plan = world.plan(document);
    assert!(!plan.has_operations() && plan.has_work() && plan.summary().restarts == 1);
    assert_eq!(told(&plan), ["owed restart of A"]);
    world.machine.plant_answer(Probe::ServiceState { service: "A".into() }, Answer::State(ServiceState::Running));
    let report = world.apply(document);
    assert_eq!((turned(&world).as_str(), restarts(&report).as_str()), ("-B -A +A +B", "A, B too"));
    assert!(!world.plan(document).has_work());
}

#[test]
fn what_is_planned_is_what_happens() {
    let world = world(PRODUCT);
    let document = "  A: { values: { Level: 1 }, on_change: { restart: [AcsServer, Gone] } }";
    let plan = world.plan(document);
    let names = |names: &[Box<str>]| names.join(" ");
    assert_eq!(names(&plan.restarts.stop), "AcsProxy AcsFeed AcsWeb AcsServer");
    assert_eq!(names(&plan.restarts.dependants), "AcsFeed AcsProxy AcsWeb");
    assert_eq!(names(&plan.restarts.missing), "Gone");
    assert!(plan.restarts.now);
    assert_eq!(plan.summary().restarts, 2, "what is asked for");
    let finding = plan.findings.iter().find(|finding| finding.code == "plan.unknown_service").unwrap();
    assert!(finding.message.ends_with("restarts the service Gone, which the machine does not have"), "{finding:?}");
    // A snapshot tells the same.
    let desired = desired(document);
    let basis = world.basis(&desired);
    let facts = basis.facts(&world.machine, &world).unwrap();
    let json = snapshot::to_json(&facts, &[], plan.as_of).unwrap();
    let captured = SnapshotMachine::from_json(&json).unwrap();
    let again = basis.plan(&basis.facts(&captured, &world).unwrap()).unwrap();
    assert_eq!(again, plan);
}

#[test]
fn a_service_that_does_not_stop_stops_the_run_before_anything_changes() {
    let world = world("A!:\nB*: A\nC*: B");
    let before = (world.machine.tree(&super::world::key("X")), world.kept().1);
    let document = "  X: { values: { Level: 1 }, on_change: { stop_first: [A] } }";
    let refused = world.applies(&world.machine, document, &[]);
    assert!(matches!(&refused, Err(ApplyError::NotStopped { service, .. }) if service == "A"), "{refused:?}");
    assert_eq!(turned(&world), "-C -B +B +C", "what had stopped runs again");
    assert_eq!((world.machine.tree(&super::world::key("X")), world.kept().1), before);
    assert!(world.machine.record().unwrap().is_none_or(|record| record.owed.is_empty()));
}

#[test]
fn a_run_that_is_taken_back_restarts_once() {
    let world = world(PRODUCT);
    let document =
        "  A: { values: { Level: 1 }, on_change: { stop_first: [AcsServer] } }\n  B: { values: { Level: 1 } }";
    let desired = desired(document);
    let basis = world.basis(&desired);
    let mut undone = 0;
    for at in 1..40 {
        let trial = world.machine.duplicate();
        let faulty = FaultyMachine::new(&trial, Fault::Fail, at);
        let facts = basis.facts(&trial, &world).unwrap();
        let plan = basis.plan(&facts).unwrap();
        let report = world.options(&[], |options| {
            let options = ApplyOptions { on_failure: OnFailure::Rollback, ..*options };
            apply(&faulty, &basis, &plan, &facts, &options, &mut Silent)
        });
        let Ok(report) = report else { continue };
        undone += usize::from(report.undone() > 0);
        let turned: Vec<String> = trial.turned.take().iter().map(|(name, _)| name.to_string()).collect();
        let once = ["AcsProxy", "AcsFeed", "AcsServer", "AcsServer", "AcsFeed", "AcsProxy"];
        assert!(turned == once || !report.is_complete(), "{at}: {turned:?} {report:?}");
    }
    assert!(undone > 0, "no run was taken back");
}

/// Cuts the power, or fails a write, at each write of a run; then finishes it, and runs again: every service that ran runs.
#[test]
fn no_service_stays_down() {
    let mut cuts = 0;
    for on_change in ["restart: [AcsServer]", "stop_first: [AcsServer], restart: [Spooler]"] {
        let document = format!("  A: {{ values: {{ Level: 1 }}, on_change: {{ {on_change} }} }}");
        let wanted = desired(&document);
        for fault in [Fault::StopBefore, Fault::StopAfter, Fault::Fail] {
            for at in 1..60 {
                let world = world(PRODUCT);
                let faulty = FaultyMachine::new(&world.machine, fault, at);
                let result = world.applies(&faulty, &document, &[]);
                if faulty.writes() < at {
                    assert!(result.unwrap().is_complete());
                    break;
                }
                cuts += 1;
                if let Some(open) = unfinished(&world.machine).unwrap() {
                    assert_eq!(open.state, RunState::Unfinished);
                    let basis = world.basis(&wanted);
                    let finished = world.options(&[], |options| {
                        resume(&world.machine, Some(&basis), &open.beginning.run, options, &mut Silent)
                    });
                    if finished.is_err() {
                        world.options(&[], |options| settle(&world.machine, &open, options)).unwrap();
                    }
                }
                world.apply(&document);
                for service in ["AcsServer", "AcsFeed", "AcsProxy", "Spooler"] {
                    let state = world.machine.probe(&Probe::ServiceState { service: service.into() });
                    assert_eq!(
                        state.unwrap(),
                        Answer::State(ServiceState::Running),
                        "{service} after {fault:?} at {at}"
                    );
                }
                let turned = turned(&world);
                assert!(
                    turned.contains("-AcsServer") && turned.ends_with("+AcsProxy") || turned.contains("+Spooler"),
                    "{fault:?} {at}: {turned}"
                );
                let record = world.machine.record().unwrap().unwrap();
                assert!(record.owed.is_empty(), "{fault:?} at {at}: {:?}", record.owed);
                assert!(!world.plan(&document).has_work());
            }
        }
    }
    assert!(cuts > 60, "{cuts} cuts");
}

#[test]
fn a_restart_that_is_done_leaves_the_record_also_where_nothing_else_changes() {
    let world = world(PRODUCT);
    let document = "  A: { values: { Level: 1 }, on_change: { restart: [Spooler] } }";
    world.apply(document);
    world.does(Do::Set("A", "Level", 7));
    assert_eq!(restarts(&world.apply(document)), "Spooler");
    assert!(world.machine.record().unwrap().unwrap().owed.is_empty());
    assert!(!world.plan(document).has_work());
}

#[test]
fn a_service_that_does_not_stop_is_not_owed_beside_what_is_remembered() {
    let world = world("A!:\nB*: A");
    world.apply("  Y: { values: { Level: 1 } }");
    let before = world.kept();
    let refused = world.applies(&world.machine, "  X: { values: { Level: 1 }, on_change: { stop_first: [A] } }", &[]);
    assert!(matches!(&refused, Err(ApplyError::NotStopped { .. })), "{refused:?}");
    assert_eq!((turned(&world).as_str(), world.kept()), ("-B +B", before));
}

#[test]
fn only_what_was_done_restarts() {
    let documents = "  A: { values: { Level: 1 }, on_change: { restart: [Spooler] } }\n  B: { values: { Level: 1 }, on_change: { restart: [AcsProxy] } }";
    let mut halves = 0;
    for at in 1..20 {
        let world = world(PRODUCT);
        let faulty = FaultyMachine::new(&world.machine, Fault::Fail, at);
        let Ok(report) = world.applies(&faulty, documents, &[]) else { continue };
        // Here it was the restart itself that failed.
        if report.restarts.iter().any(|one| matches!(one.outcome, Restarted::Failed { .. })) {
            continue;
        }
        let done = |name: &str| {
            let whole = |one: &&trueup::apply::ResourceOutcome| one.address.name().ends_with(name);
            report.outcomes.iter().filter(whole).any(|one| one.outcome == trueup::apply::Outcome::Done)
        };
        let turned = turned(&world);
        halves += usize::from(done("A") != done("B"));
        assert_eq!(
            (turned.contains("+Spooler"), turned.contains("+AcsProxy")),
            (done("A"), done("B")),
            "{at}: {report:?}"
        );
    }
    assert!(halves > 0, "one of them failed alone");
}

/// A run that ends in an error starts what it has stopped, at once.
#[test]
fn an_error_leaves_no_service_down() {
    let mut errors = 0;
    for at in 1..40 {
        let world = world(PRODUCT);
        let document = "  A: { values: { Level: 1 }, on_change: { stop_first: [AcsServer] } }";
        let faulty = FaultyMachine::new(&world.machine, Fault::Fail, at);
        if world.applies(&faulty, document, &[]).is_ok() {
            continue;
        }
        errors += 1;
        for service in ["AcsServer", "AcsFeed", "AcsProxy"] {
            let state = world.machine.probe(&Probe::ServiceState { service: service.into() });
            assert_eq!(state.unwrap(), Answer::State(ServiceState::Running), "{service} after an error at {at}");
        }
    }
    assert!(errors > 3, "{errors} errors");
}

/// A service that was stopped and does not start by itself is started after the machine was.
#[test]
fn what_was_stopped_is_started_after_a_reboot() {
    let document = "  A: { values: { Level: 1 }, on_change: { stop_first: [AcsServer, Spooler] } }";
    let wanted = desired(document);
    let mut down = 0;
    for at in 1..40 {
        let world = world(PRODUCT);
        let faulty = FaultyMachine::new(&world.machine, Fault::StopAfter, at);
        let _stopped = world.applies(&faulty, document, &[]);
        let state = |service: &str| world.machine.probe(&Probe::ServiceState { service: service.into() }).unwrap();
        let stopped = Answer::State(ServiceState::Stopped);
        if state("AcsServer") != stopped || state("Spooler") != stopped {
            continue;
        }
        down += 1;
        // The machine starts, and with it what starts by itself.
        world.does(Do::At("2026-03-02T00:00:00Z"));
        world.does(Do::Shutdown("2026-03-01T12:00:00Z"));
        let running = Answer::State(ServiceState::Running);
        world.machine.plant_answer(Probe::ServiceState { service: "Spooler".into() }, running.clone());
        if let Some(open) = unfinished(&world.machine).unwrap() {
            let basis = world.basis(&wanted);
            let finished = world.options(&[], |options| {
                resume(&world.machine, Some(&basis), &open.beginning.run, options, &mut Silent)
            });
            finished.unwrap();
        }
        world.apply(document);
        assert_eq!((state("AcsServer"), state("Spooler")), (running.clone(), running), "{at}");
        assert!(world.machine.record().unwrap().unwrap().owed.is_empty(), "{at}");
    }
    assert!(down > 3, "{down} times");
}

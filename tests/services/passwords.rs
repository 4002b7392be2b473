//! An account with its password: told where a service manager runs, never kept, and never seen again.

use trueup::apply::{
    ApplyError, ApplyOptions, Basis as _, Outcome, Purpose, RollbackBasis, apply, done_steps, past_run,
};
use trueup::document::Desired;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::{Machine as _, SecretSource, WritableMachine, WriteError};
use trueup::model::operation::{Hold, Operation, Reversibility};
use trueup::model::probe::{Answer, Probe, UserRight};
use trueup::model::registry_data::RegistryData;
use trueup::model::secret::SecretReference;
use trueup::model::sid::Sid;
use trueup::plan::{Plan, PlanOptions};
use trueup::report::{Palette, Width, json, text};
use zeroize::Zeroizing;

use super::world::{
    Silent, basis, chain, desired, empty, found, image, last_run, memory_of, now, plan, plan_json, plant, set_state,
    snapshot_of, told, values,
};

const PASSWORD: &str = "correct horse";
const WITH: &str = r"services: { S: { account: { name: '.\svc', password: { env: P } } } }";

struct Secrets;

impl SecretSource for Secrets {
    fn resolve(&self, reference: &SecretReference) -> Result<Zeroizing<String>, String> {
        match reference {
            SecretReference::Env(name) if name == "P" => Ok(Zeroizing::new(PASSWORD.to_owned())),
            other => Err(format!("{other} is not set")),
        }
    }
}

fn user() -> Sid {
    "S-1-5-21-1-2-3-1001".parse().unwrap()
}

fn right() -> Probe {
    Probe::UserRight { account: user(), right: UserRight::LogOnAsService }
}

/// A running machine with one service of this account, and a user who may not log on as a service yet.
fn running(account: &str) -> MemoryMachine {
    let machine = empty();
    let values = [
        ("Type", RegistryData::dword(0x10)),
        ("Start", RegistryData::dword(2)),
        ("ObjectName", RegistryData::sz(account)),
    ];
    plant(&machine, "S", &values);
    machine.plant_answer(Probe::ServicePasswords, Answer::Flag(true));
    machine.plant_account("svc", user());
    machine.plant_account(r"CORP\acs$", user());
    machine.plant_answer(right(), Answer::Flag(false));
    machine
}

fn options() -> ApplyOptions<'static> {
    ApplyOptions::new("a test", now(), &Secrets)
}

fn rewriting(desired: &Desired, machine: &MemoryMachine) -> (Plan, trueup::apply::ApplyReport) {
    let mut basis = basis(desired);
    basis.options.rewrite_secrets = true;
    let facts = basis.facts(machine, &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    let report = apply(machine, &basis, &plan, &facts, &options(), &mut Silent).unwrap();
    (plan, report)
}

fn try_apply(machine: &dyn WritableMachine, desired: &Desired) -> Result<trueup::apply::ApplyReport, ApplyError> {
    let basis = basis(desired);
    let facts = basis.facts(machine.as_machine(), &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    apply(machine, &basis, &plan, &facts, &options(), &mut Silent)
}

#[track_caller]
fn applied(machine: &MemoryMachine, desired: &Desired) {
    let report = try_apply(machine, desired).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert!(report.outcomes.iter().all(|one| one.outcome == Outcome::Done), "{report:?}");
    assert_eq!(report.remaining_operations, 0);
}

/// What a rollback of the last run says, and does.
fn taken_back(machine: &MemoryMachine) -> Plan {
    let run = last_run(machine);
    let past = past_run(machine, &run).unwrap();
    let steps = done_steps(machine, &past).done_or_unknown();
    let purpose = Purpose::Rollback { of: run };
    let basis = RollbackBasis { run: &past, steps: &steps, purpose, options: PlanOptions::at(now()) };
    let facts = basis.facts(machine, &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    apply(machine, &basis, &plan, &facts, &options(), &mut Silent).unwrap();
    plan
}

fn account(machine: &MemoryMachine) -> String {
    values(machine, "S").into_iter().find(|(name, _)| name == "ObjectName").map(|(_, data)| data).unwrap_or_default()
}

fn told_password(machine: &MemoryMachine) -> Option<String> {
    machine.password_of("s").map(|password| password.to_string())
}

#[test]
fn an_account_is_told_with_its_password() {
    let machine = running("LocalSystem");
    let wanted = desired(WITH);
    let shown = plan(&machine, &wanted);
    assert_eq!(
        told(&shown),
        ["~ S account: no → yes LocalSystem → .\\svc account_differs", "? S password: password_told"]
    );
    applied(&machine, &wanted);
    assert_eq!(account(&machine), r#"REG_SZ ".\svc""#);
    assert_eq!(told_password(&machine).as_deref(), Some(PASSWORD));
    assert_eq!(machine.probe(&right()).unwrap(), Answer::Flag(true));
    assert_eq!(told(&plan(&machine, &wanted)), ["? S password: password_unknown"]);
    // Nothing remembers it.
    let run = last_run(&machine);
    let journal = String::from_utf8(machine.journal_bytes(&run.to_string()).unwrap()).unwrap();
    let record = String::from_utf8(machine.record_bytes().unwrap()).unwrap();
    assert!(journal.contains("service_account") && journal.contains(r#"{"env":"P"}"#), "{journal}");
    assert!(!journal.contains(PASSWORD) && !record.contains(PASSWORD) && !format!("{machine:?}").contains(PASSWORD));
    // What was there needed none: all of it comes back, and the right that this run has given goes.
    let back = taken_back(&machine);
    assert!(back.decisions.iter().all(|one| one.reasons.iter().all(|reason| reason.code == "rollback.taken_back")));
    assert_eq!(account(&machine), r#"REG_SZ "LocalSystem""#);
    assert_eq!(machine.probe(&right()).unwrap(), Answer::Flag(false));
}

#[test]
fn a_right_that_was_there_stays() {
    let machine = running("LocalSystem");
    machine.plant_answer(right(), Answer::Flag(true));
    let wanted = desired(WITH);
    let expected = ["~ S account: LocalSystem → .\\svc account_differs", "? S password: password_told"];
    assert_eq!(told(&plan(&machine, &wanted)), expected);
    applied(&machine, &wanted);
    taken_back(&machine);
    assert_eq!(machine.probe(&right()).unwrap(), Answer::Flag(true));
}

#[test]
fn what_a_plan_shows() {
    let machine = running("LocalSystem");
    let plan = plan(&machine, &desired(WITH));
    let options = text::TextOptions { palette: Palette::plain(), width: Width::Unlimited, detail: text::Detail::Full };
    let shown = text::plan(&plan, &options);
    let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    services.S  last written 1601-01-01T00:00:00.0000002Z
        ~ account   LocalSystem → .\svc  services.account_differs
              + the right to log on as a service
              + its password (secret from environment variable P)
        ? password  services.password_told

    Plan: 0 to add, 1 to change, 0 to remove, 0 to replace, 1 unverifiable; 1 unchanged; reboot: no
    ");
    let json = json::plan(&plan).unwrap();
    assert!(json.contains("service_account") && !json.contains(PASSWORD));
}

#[test]
fn a_managed_account_is_given_the_right() {
    let machine = running("LocalSystem");
    let wanted = desired(r"services: { S: { account: 'CORP\acs$' } }");
    let shown = plan(&machine, &wanted);
    assert_eq!(told(&shown), ["~ S account: no → yes LocalSystem → CORP\\acs$ account_differs"]);
    assert!(found(&shown).is_empty(), "{:?}", found(&shown));
    applied(&machine, &wanted);
    assert_eq!((machine.probe(&right()).unwrap(), told_password(&machine)), (Answer::Flag(true), None));
}

#[test]
fn what_stands_in_the_way() {
    let nobody = running("LocalSystem");
    let wanted = desired(r"services: { S: { account: { name: 'CORP\nobody', password: { env: P } } } }");
    assert_eq!(told(&plan(&nobody, &wanted)), ["! S account: no_account", "! S password: no_account"]);
    // A manager that is told no password, and one of which nothing is known.
    let image_like = running("LocalSystem");
    image_like.plant_answer(Probe::ServicePasswords, Answer::Flag(false));
    let deferred = ["» S account: password_deferred", "» S password: password_deferred"];
    assert_eq!(told(&plan(&image_like, &desired(WITH))), deferred);
    // A secret that is not to be had changes nothing.
    let machine = running("LocalSystem");
    let wanted = desired(r"services: { S: { account: { name: '.\svc', password: { env: Q } } } }");
    assert!(matches!(try_apply(&machine, &wanted), Err(ApplyError::Secret { .. })));
    assert!(machine.runs().unwrap().is_empty());
}

#[test]
fn a_password_is_told_again_where_that_is_asked_for() {
    let machine = running(r".\svc");
    let wanted = desired(WITH);
    let (shown, report) = rewriting(&wanted, &machine);
    assert_eq!(told(&shown), [r"~ S password: .\svc → .\svc secret.rewritten"]);
    let step = shown.operations().next().unwrap();
    assert!(step.is_unseen());
    assert_eq!(step.reversibility(Hold::Sealed), Reversibility::Irreversible);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(told_password(&machine).as_deref(), Some(PASSWORD));
    let back = taken_back(&machine);
    let reasons: Vec<_> = back.decisions.iter().flat_map(|one| &one.reasons).map(|one| one.code.to_string()).collect();
    assert_eq!(reasons, ["rollback.irreversible"]);
}

#[test]
fn an_account_whose_password_nobody_keeps_does_not_come_back() {
    for (wanted, code) in [
        ("services: { S: { account: LocalSystem } }", "services.password_lost"),
        (r"services: { S: { account: { name: 'CORP\acs$' } } }", "services.password_lost"),
    ] {
        let machine = running(r".\old");
        let shown = plan(&machine, &desired(wanted));
        assert_eq!(found(&shown), [format!("warning {code}")], "{wanted}");
        applied(&machine, &desired(wanted));
        let after = account(&machine);
        let back = taken_back(&machine);
        let said = back.decisions.iter().flat_map(|one| &one.reasons).find(|one| one.code == "rollback.irreversible");
        assert_eq!(said.unwrap().message.as_deref(), Some(r".\old needs its password, which is kept nowhere"));
        assert_eq!(account(&machine), after);
    }
    // Another account with its password: the same.
    let machine = running(r".\old");
    let shown = plan(&machine, &desired(WITH));
    let worst = shown.operations().map(|step| step.reversibility(Hold::Sealed)).max();
    assert_eq!(worst, Some(Reversibility::Irreversible));
    applied(&machine, &desired(WITH));
    taken_back(&machine);
    assert_eq!(account(&machine), r#"REG_SZ ".\svc""#);
    // What does not run keeps its passwords itself: an account comes back there.
    let machine = running(r".\old");
    machine.plant_answer(Probe::ServicePasswords, Answer::Flag(false));
    let wanted = desired("services: { S: { account: LocalSystem } }");
    assert!(found(&plan(&machine, &wanted)).is_empty());
    applied(&machine, &wanted);
    taken_back(&machine);
    assert_eq!(account(&machine), r#"REG_SZ ".\old""#);
}

/// Stopped anywhere, the run is finished with the password told, or undone with nothing left.
#[test]
fn a_run_can_be_finished_and_undone_wherever_it_stops() {
    let whole = running("LocalSystem");
    let wanted = desired(WITH);
    let counting = FaultyMachine::new(&whole, Fault::Fail, 0);
    try_apply(&counting, &wanted).unwrap();
    for at in 1..=counting.writes() {
        for fault in [Fault::StopBefore, Fault::StopAfter] {
            let stopped = running("LocalSystem");
            let result = try_apply(&FaultyMachine::new(&stopped, fault, at), &wanted);
            assert!(matches!(result, Err(ApplyError::Write(WriteError::Stopped { .. }))), "{fault:?} {at}");
            let undone = stopped.duplicate();
            match trueup::apply::unfinished(&stopped).unwrap() {
                Some(open) => {
                    let run = open.beginning.run;
                    let basis = basis(&wanted);
                    let report = trueup::apply::resume(&stopped, Some(&basis), &run, &options(), &mut Silent).unwrap();
                    assert_eq!((report.failed(), report.skipped()), (0, 0), "{report:?}");
                    taken_back_open(&undone, &run);
                    assert_eq!(account(&undone), r#"REG_SZ "LocalSystem""#, "{fault:?} {at}");
                    assert_eq!(undone.probe(&right()).unwrap(), Answer::Flag(false), "{fault:?} {at}");
                }
                None => applied(&stopped, &wanted),
            }
            assert_eq!(
                (account(&stopped).as_str(), told_password(&stopped).as_deref()),
                (r#"REG_SZ ".\svc""#, Some(PASSWORD))
            );
        }
    }
}

fn taken_back_open(machine: &MemoryMachine, run: &trueup::machine::RunName) {
    let past = past_run(machine, run).unwrap();
    let steps = done_steps(machine, &past).done_or_unknown();
    let purpose = Purpose::Undo { of: run.clone() };
    let basis = RollbackBasis { run: &past, steps: &steps, purpose, options: PlanOptions::at(now()) };
    let facts = basis.facts(machine, &Secrets).unwrap();
    let plan = basis.plan(&facts).unwrap();
    let report = apply(machine, &basis, &plan, &facts, &options(), &mut Silent).unwrap();
    assert_eq!((report.failed(), report.skipped()), (0, 0), "{report:?}");
}

#[test]
fn a_plan_holds_the_reference_only() {
    let machine = running("LocalSystem");
    let shown = plan(&machine, &desired(WITH));
    let json = serde_json::to_string(&shown.operations().collect::<Vec<_>>()).unwrap();
    let read: Vec<Operation> = serde_json::from_str(&json).unwrap();
    assert!(read.iter().eq(shown.operations()));
    assert!(json.contains(r#""setting":"service_account","service":"S","password":{"env":"P"}"#), "{json}");
}

#[test]
fn an_image_leaves_it_for_the_running_machine() {
    let image = image();
    let wanted = desired(r"services: { AcsWebApi: { account: { name: 'CORP\svc', password: { env: P } } } }");
    let expected = ["» AcsWebApi account: password_deferred", "» AcsWebApi password: password_deferred"];
    assert_eq!(told(&plan(&image.machine, &wanted)), expected);
    // A snapshot of a running machine shows what its server will do.
    let memory = memory_of(&image.machine);
    memory.plant_answer(Probe::ServicePasswords, Answer::Flag(true));
    memory.plant_account(r"CORP\svc", user());
    memory.plant_answer(right(), Answer::Flag(false));
    set_state(&memory, "AcsWebApi", trueup::model::probe::ServiceState::Stopped);
    let snapshot = snapshot_of(&memory, &wanted);
    assert!(plan(&memory, &wanted).has_operations());
    assert_eq!(plan_json(&snapshot, &wanted), plan_json(&memory, &wanted));
}

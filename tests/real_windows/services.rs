//! Service settings as a real service manager takes and tells them, and a local user who is given a service with his password. The
//! services and the user are the tests' own, and go with them.

#[path = "../own_service/mod.rs"]
mod own_service;

use std::path::PathBuf;

use trueup::apply::{
    ApplyOptions, ApplyReport, Basis as _, DocumentBasis, Purpose, RollbackBasis, apply, done_steps, past_run,
};
use trueup::document::Desired;
use trueup::machine::local::LocalMachine;
use trueup::machine::{Machine as _, SecretSource};
use trueup::model::probe::{Answer, Probe, ServiceState, UserRight};
use trueup::model::secret::SecretReference;
use trueup::plan::PlanOptions;
use zeroize::Zeroizing;

use self::own_service::{OwnService, ToldRecovery};
use self::user::OwnUser;
use crate::live::{FOLDER, Silent, applied, desired, now, options, plan, rolled_back, turn};

const INFINITE: u32 = u32::MAX;

/// Applies, sees that nothing is left to do, and takes it back: what the manager tells in between.
fn in_between<T>(machine: &LocalMachine, text: &str, look: impl Fn() -> T) -> T {
    let wanted = desired(text);
    let run = applied(machine, &wanted).run.unwrap();
    assert!(!plan(machine, &wanted).has_operations(), "{text}");
    let found = look();
    rolled_back(machine, &run);
    found
}

#[test]
fn a_delayed_start() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let service = OwnService::new("trueup-test-1", &[]);
    let look = || (service.told().start, service.told_delayed());
    assert_eq!(look(), (3, Some(false)));
    assert_eq!(in_between(&machine, "services: { trueup-test-1: { start: delayed } }", look), (2, Some(true)));
    assert_eq!(look(), (3, Some(false)));
    applied(&machine, &desired("services: { trueup-test-1: { start: delayed } }"));
    let text = "services: { trueup-test-1: { start: automatic } }";
    assert_eq!(in_between(&machine, text, look), (2, Some(false)));
    assert_eq!(look(), (2, Some(true)));
    // By way of another start, and back.
    assert_eq!(in_between(&machine, "services: { trueup-test-1: { start: disabled } }", || look().0), 4);
    assert_eq!(look(), (2, Some(true)));
}

#[test]
fn what_follows_a_failure() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let service = OwnService::new("trueup-test-1", &[]);
    let before = service.told_recovery().unwrap();
    let text = r"services:
  trueup-test-1:
    recovery:
      first: { action: restart, delay: 5s }
      second: { action: run_command, delay: 1m }
      subsequent: { action: reboot, delay: 2m }
      reset_after: never
      command: 'cmd.exe /c exit'
      reboot_message: Grüße
      on_stop_with_error: true";
    let told = in_between(&machine, text, || service.told_recovery().unwrap());
    let expected = ToldRecovery {
        reset: INFINITE,
        actions: vec![(1, 5_000), (3, 60_000), (2, 120_000)],
        command: "cmd.exe /c exit".into(),
        reboot_message: "Grüße".into(),
        on_stop_with_error: true,
    };
    assert_eq!(told, expected);
    assert_eq!(service.told_recovery().unwrap(), before);
    // One field at a time leaves the others.
    applied(&machine, &desired(text));
    let text = "services: { trueup-test-1: { recovery: { command: '', reboot_message: '' } } }";
    let told = in_between(&machine, text, || service.told_recovery().unwrap());
    assert_eq!(
        told,
        ToldRecovery {
            command: String::new(),
            reboot_message: String::new(),
            actions: expected.actions.clone(),
            ..expected
        }
    );
    let text = "services: { trueup-test-1: { recovery: { first: nothing, second: nothing, subsequent: nothing } } }";
    let told = in_between(&machine, text, || service.told_recovery().unwrap());
    assert!(told.actions.iter().all(|(kind, _)| *kind == 0), "{told:?}");
    assert_eq!(service.told_recovery().unwrap().actions, [(1, 5_000), (3, 60_000), (2, 120_000)]);
}

#[test]
fn dependencies_on_services_and_groups() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let service = OwnService::new("trueup-test-1", &["RpcSs", "+TDI"]);
    let look = || service.told().dependencies;
    assert_eq!(look(), ["RpcSs", "+TDI"]);
    assert!(in_between(&machine, "services: { trueup-test-1: { dependencies: [] } }", look).is_empty());
    let text = "services: { trueup-test-1: { dependencies: { contains: [EventLog, +NDIS], lacks: [RpcSs] } } }";
    assert_eq!(in_between(&machine, text, look), ["EventLog", "+TDI", "+NDIS"]);
    assert_eq!(look(), ["RpcSs", "+TDI"]);
}

#[test]
fn accounts_without_a_password() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let service = OwnService::new("trueup-test-1", &[]);
    let look = || service.told().account;
    for account in [r"NT AUTHORITY\LocalService", r"NT AUTHORITY\NetworkService", r"NT SERVICE\trueup-test-1"] {
        let text = format!("services: {{ trueup-test-1: {{ account: {account} }} }}");
        assert!(in_between(&machine, &text, look).eq_ignore_ascii_case(account));
        assert_eq!(look(), "LocalSystem");
    }
}

/// Good enough for any policy.
struct Password(&'static str);

impl SecretSource for Password {
    fn resolve(&self, _: &SecretReference) -> Result<Zeroizing<String>, String> {
        Ok(Zeroizing::new(self.0.to_owned()))
    }
}

const RIGHT: Password = Password("Zutritt-4711-Büro!");
const WRONG: Password = Password("Zutritt-4712-Büro!");

fn apply_with(machine: &LocalMachine, wanted: &Desired, password: &Password, rewrite_secrets: bool) -> ApplyReport {
    let basis = DocumentBasis { desired: wanted, options: PlanOptions { rewrite_secrets, ..PlanOptions::at(now()) } };
    let facts = basis.facts(machine, password).unwrap();
    let plan = basis.plan(&facts).unwrap();
    let options = ApplyOptions { accept_unproven: true, ..ApplyOptions::new("a test", now(), password) };
    apply(machine, &basis, &plan, &facts, &options, &mut Silent).unwrap()
}

/// This program where every user may run it.
fn program_for_all() -> PathBuf {
    std::fs::create_dir_all(FOLDER).unwrap();
    let program = PathBuf::from(format!(r"{FOLDER}\service.exe"));
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    program
}

/// A service runs as a user only with the password, and only with the right to log on as a service.
#[test]
fn a_user_is_given_a_service() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let user = OwnUser::new("trueup-test", RIGHT.0);
    let service = OwnService::of_program("trueup-test-1", &[], &program_for_all());
    let computer = std::env::var("COMPUTERNAME").unwrap();
    let account = machine.account(&format!(r"{computer}\{}", user.name)).unwrap().unwrap();
    let right = || machine.probe(&Probe::UserRight { account, right: UserRight::LogOnAsService }).unwrap();
    let state = || machine.probe(&Probe::ServiceState { service: service.name.as_str().into() }).unwrap();
    assert_eq!(right(), Answer::Flag(false));
    let entry = format!(r"account: {{ name: '.\{}', password: {{ env: P }} }}", user.name);
    let wanted = desired(&format!("services: {{ trueup-test-1: {{ {entry} }} }}"));
    let report = apply_with(&machine, &wanted, &RIGHT, false);
    assert!(report.is_complete(), "{report:?}");
    let run = report.run.unwrap();
    assert_eq!((service.told().account, right()), (format!(r".\{}", user.name), Answer::Flag(true)));
    assert!(!plan(&machine, &wanted).has_operations());
    // The manager has the right password.
    let running = desired(&format!("services: {{ trueup-test-1: {{ {entry}, state: running }} }}"));
    let report = apply_with(&machine, &running, &RIGHT, false);
    assert!(report.is_complete() && state() == Answer::State(ServiceState::Running), "{report:?}");
    rolled_back(&machine, &report.run.unwrap());
    assert_eq!(state(), Answer::State(ServiceState::Stopped));
    // A wrong one is told as readily, and the service does not start with it.
    let report = apply_with(&machine, &wanted, &WRONG, true);
    assert!(report.is_complete(), "{report:?}");
    let told_anew = report.run.unwrap();
    let report = apply_with(&machine, &running, &WRONG, false);
    assert_eq!((report.failed(), state()), (1, Answer::State(ServiceState::Stopped)), "{report:?}");
    // The former password does not come back, which is said.
    let past = past_run(&machine, &told_anew.parse().unwrap()).unwrap();
    let steps = done_steps(&machine, &past).done_or_unknown();
    let purpose = Purpose::Rollback { of: told_anew.parse().unwrap() };
    let basis = RollbackBasis { run: &past, steps: &steps, purpose, options: PlanOptions::at(now()) };
    let facts = basis.facts(&machine, &RIGHT).unwrap();
    let back = basis.plan(&facts).unwrap();
    assert!(!back.has_operations() && back.decisions[0].reasons[0].code == "rollback.irreversible");
    drop(apply(&machine, &basis, &back, &facts, &options(), &mut Silent).unwrap());
    // The first run is taken back with the right that it gave.
    rolled_back(&machine, &run);
    assert_eq!((service.told().account.as_str(), right()), ("LocalSystem", Answer::Flag(false)));
}

mod user {
    //! A local user who goes when it is dropped.
    #![allow(unsafe_code, reason = "users are made through pointers")]

    use std::ptr::null;

    use windows_sys::Win32::NetworkManagement::NetManagement::{
        NetUserAdd, NetUserDel, UF_DONT_EXPIRE_PASSWD, UF_SCRIPT, USER_INFO_1, USER_PRIV_USER,
    };

    pub struct OwnUser {
        pub name: String,
    }

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().chain([0]).collect()
    }

    impl OwnUser {
        pub fn new(name: &str, password: &str) -> Self {
            let user = Self { name: name.to_owned() };
            user.remove();
            let (mut name, mut password) = (wide(name), wide(password));
            let info = USER_INFO_1 {
                usri1_name: name.as_mut_ptr(),
                usri1_password: password.as_mut_ptr(),
                usri1_priv: USER_PRIV_USER,
                usri1_flags: UF_SCRIPT | UF_DONT_EXPIRE_PASSWD,
                ..USER_INFO_1::default()
            };
            let mut wrong = 0;
            let code = unsafe { NetUserAdd(null(), 1, (&raw const info).cast(), &mut wrong) };
            assert_eq!(code, 0, "no user could be made; the field is {wrong}");
            user
        }

        fn remove(&self) {
            unsafe { NetUserDel(null(), wide(&self.name).as_ptr()) };
        }
    }

    impl Drop for OwnUser {
        fn drop(&mut self) {
            self.remove();
        }
    }
}

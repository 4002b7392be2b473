//! Files of the running machine that a program has open: they change at the next start, which Wine's own start-up does as Windows' does.
#![cfg(windows)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "functions beside the tests are not seen as tests"
)]

mod live;

use std::fs::{self, File, OpenOptions};
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::MutexGuard;

use live::{FOLDER, Silent, TEST, desired, now, options, plan, rolled_back, taken_back, told, try_apply, turn};
use trueup::apply::{ApplyReport, DocumentBasis, Purpose, resume, unfinished};
use trueup::machine::Machine as _;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::local::LocalMachine;
use trueup::plan::PlanOptions;
use windows_registry::{LOCAL_MACHINE, Type};

const LIST: (&str, &str) = (r"SYSTEM\CurrentControlSet\Control\Session Manager", "PendingFileRenameOperations");
const PUT: &str = r"files: { a: { path: 'C:\trueup test\a.dll', content: new } }";
const FILE: &str = r"C:\trueup test\a.dll";

/// As a program has its own files open: others may read, and nobody may take the name away.
fn used(bytes: &[u8]) -> File {
    fs::create_dir_all(FOLDER).unwrap();
    fs::write(FILE, bytes).unwrap();
    OpenOptions::new().read(true).share_mode(1).open(FILE).unwrap()
}

fn list() -> Option<(u32, Vec<u8>)> {
    let value = LOCAL_MACHINE.open(LIST.0).unwrap().get_value(LIST.1).ok()?;
    Some((value.ty().into(), value.to_vec()))
}

fn forget_list() {
    let _may_be_absent = LOCAL_MACHINE.options().read().write().open(LIST.0).unwrap().remove_value(LIST.1);
}

const WINEBOOT: &str = r"C:\windows\system32\wineboot.exe";

/// A turn, where there is Wine: the list of what the next start does is emptied, which no Windows would forgive.
fn wine_turn() -> Option<MutexGuard<'static, ()>> {
    if !Path::new(WINEBOOT).exists() {
        eprintln!("skipped: only Wine starts again for a test");
        return None;
    }
    let turn = turn();
    forget_list();
    Some(turn)
}

fn names() -> Vec<String> {
    let entries = fs::read_dir(FOLDER).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn run(report: &ApplyReport) -> String {
    report.run.clone().unwrap()
}

/// What Windows' session manager does before any program runs, Wine's start-up does.
fn start_again() {
    let done = Command::new(WINEBOOT).status().unwrap();
    assert!(done.success(), "{done}");
}

#[test]
fn a_file_in_use_is_replaced_at_the_next_start() {
    let Some(_turn) = wine_turn() else { return };
    let held = used(b"old");
    let machine = LocalMachine::open().unwrap();
    let desired = desired(PUT);
    let report = try_apply(&machine, &desired).unwrap();
    assert_eq!((report.waiting(), report.failed(), report.reboot), (1, 0, true), "{report:?}");
    assert!(report.is_complete() && format!("{report:?}").contains("it is in use"), "{report:?}");
    assert_eq!(fs::read(FILE).unwrap(), b"old");
    assert_eq!(told(&plan(&machine, &desired)), ["files.a: files.differs files.next_start"]);
    assert_eq!(try_apply(&machine, &desired).unwrap().run, None, "a second run writes");
    drop(held);
    start_again();
    assert_eq!(fs::read(FILE).unwrap(), b"new");
    assert_eq!(names(), ["a.dll"]);
    assert_eq!(list(), None);
    assert!(told(&plan(&machine, &desired)).is_empty());
    rolled_back(&machine, &run(&report));
    assert_eq!(fs::read(FILE).unwrap(), b"old");
}

#[test]
fn what_waits_is_taken_back_before_it_is_done() {
    let Some(_turn) = wine_turn() else { return };
    let theirs: Vec<u8> = "\\??\\C:\\trueup test\\theirs\0\0\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    LOCAL_MACHINE.create(LIST.0).unwrap().set_bytes(LIST.1, Type::from(7), &theirs).unwrap();
    let held = used(b"old");
    let machine = LocalMachine::open().unwrap();
    for text in [PUT, r"files: { a: { path: 'C:\trueup test\a.dll', ensure: absent } }"] {
        let report = try_apply(&machine, &desired(text)).unwrap();
        assert_eq!(report.waiting(), 1, "{text}: {report:?}");
        assert_eq!(
            machine.next_start().unwrap().iter().filter(|(path, _)| path.name() == "a.dll").count(),
            1,
            "{text}"
        );
        rolled_back(&machine, &run(&report));
        assert_eq!(list(), Some((7, theirs.clone())), "{text}");
        assert_eq!(names(), ["a.dll"], "{text}");
    }
    drop(held);
    forget_list();
}

#[test]
fn a_removed_file_goes_at_the_next_start_and_what_depends_on_it_waits() {
    let Some(_turn) = wine_turn() else { return };
    let held = used(b"old");
    let machine = LocalMachine::open().unwrap();
    let text = "files: { a: { path: 'C:\\trueup test\\a.dll', ensure: absent } }\n\
                registry: { 'TEST': { values: { A: 1 }, depends_on: [files.a] } }";
    let desired = desired(text);
    let report = try_apply(&machine, &desired).unwrap();
    assert_eq!((report.waiting(), report.skipped(), report.failed()), (1, 2, 0), "{report:?}");
    assert!(format!("{:?}", report.outcomes).contains("files.a waits for the next start"), "{report:?}");
    assert!(LOCAL_MACHINE.open(TEST).is_err());
    drop(held);
    start_again();
    assert!(!Path::new(FILE).exists());
    let report = try_apply(&machine, &desired).unwrap();
    assert!(report.is_complete() && report.done() > 0, "{report:?}");
}

#[test]
fn a_value_inside_a_file_in_use_is_not_put_off() {
    let Some(_turn) = wine_turn() else { return };
    let _held = used(b"[S]\r\nA=1\r\n");
    let machine = LocalMachine::open().unwrap();
    let text = r"files: { a: { path: 'C:\trueup test\a.dll', values: [{ ini: { section: S, key: A }, value: '2' }] } }";
    let report = try_apply(&machine, &desired(text)).unwrap();
    assert_eq!((report.waiting(), report.failed()), (0, 1), "{report:?}");
    assert!(format!("{:?}", report.outcomes).contains("in use"), "{report:?}");
    assert_eq!((list(), names()), (None, vec!["a.dll".to_owned()]));
}

#[test]
fn one_after_another_the_last_counts() {
    let Some(_turn) = wine_turn() else { return };
    let held = used(b"old");
    let machine = LocalMachine::open().unwrap();
    for content in ["new", "newer", "newest"] {
        assert_eq!(try_apply(&machine, &desired(&PUT.replace("new", content))).unwrap().waiting(), 1);
        assert_eq!(names().len(), 2, "{:?}", names());
    }
    drop(held);
    start_again();
    assert_eq!((fs::read(FILE).unwrap(), names()), (b"newest".to_vec(), vec!["a.dll".to_owned()]));
}

/// What is put off before another step fails is put off all the same, and taken off the list with the run.
#[test]
fn a_run_that_fails_afterwards_is_taken_back() {
    let Some(_turn) = wine_turn() else { return };
    let _held = used(b"old");
    let other = format!(r"{FOLDER}\b.ini");
    fs::write(&other, "[S]\r\nA=1\r\n").unwrap();
    let _other = OpenOptions::new().read(true).share_mode(1).open(&other).unwrap();
    let machine = LocalMachine::open().unwrap();
    let text = format!(
        "{}  b: {{ path: '{other}', values: [{{ ini: {{ section: S, key: A }}, value: '2' }}] }}",
        "files:\n  a: { path: 'C:\\trueup test\\a.dll', content: new }\n"
    );
    let report = try_apply(&machine, &desired(&text)).unwrap();
    assert_eq!((report.waiting(), report.failed()), (1, 1), "{report:?}");
    assert!(list().is_some());
    rolled_back(&machine, &run(&report));
    assert_eq!((list(), names()), (None, vec!["a.dll".to_owned(), "b.ini".to_owned()]));
    assert_eq!(fs::read(FILE).unwrap(), b"old");
}

/// A folder goes after what is in it.
#[test]
fn a_tree_with_a_file_in_use_is_emptied() {
    let Some(_turn) = wine_turn() else { return };
    let held = used(b"old");
    let machine = LocalMachine::open().unwrap();
    fs::create_dir_all(format!(r"{FOLDER}\tree\old")).unwrap();
    let inside = format!(r"{FOLDER}\tree\old\x.dll");
    fs::write(&inside, "x").unwrap();
    let used = OpenOptions::new().read(true).share_mode(1).open(&inside).unwrap();
    let desired = desired(
        r"files: { a: { path: 'C:\trueup test\tree\old', ensure: absent }, x: { path: 'C:\trueup test\tree\old\x.dll', ensure: absent } }",
    );
    let report = try_apply(&machine, &desired).unwrap();
    assert_eq!(report.waiting(), 1, "{report:?}");
    assert_eq!(try_apply(&machine, &desired).unwrap().run, None, "a second run writes");
    drop((held, used));
    start_again();
    assert!(!Path::new(&inside).exists());
    try_apply(&machine, &desired).unwrap();
    assert_eq!(fs::read_dir(format!(r"{FOLDER}\tree")).unwrap().count(), 0);
    forget_list();
}

/// Wherever a run stops while the file is in use, it is finished, and undone.
#[test]
fn whatever_stops_a_run_it_is_finished_or_undone() {
    let mut stops = 0;
    for is_undone in [false, true] {
        for at in 1..40 {
            let Some(_turn) = wine_turn() else { return };
            let held = used(b"old");
            let machine = LocalMachine::open().unwrap();
            let desired = desired(PUT);
            let faulty = FaultyMachine::new(&machine, Fault::StopAfter, at);
            let result = try_apply(&faulty, &desired);
            if faulty.writes() < at {
                assert!(result.is_ok());
                break;
            }
            let Some(open) = unfinished(&machine).unwrap() else { continue };
            stops += 1;
            let name = &open.beginning.run;
            if is_undone {
                taken_back(&machine, name, Purpose::Undo { of: name.clone() });
                assert_eq!(names(), ["a.dll"], "at {at}");
            } else {
                let basis = DocumentBasis { desired: &desired, options: PlanOptions::at(now()) };
                let report = resume(&machine, Some(&basis), name, &options(), &mut Silent).unwrap();
                assert_eq!((report.waiting(), report.failed()), (1, 0), "at {at}: {report:?}");
            }
            drop(held);
            start_again();
            let expected: &[u8] = if is_undone { b"old" } else { b"new" };
            assert_eq!((fs::read(FILE).unwrap(), list()), (expected.to_vec(), None), "at {at}");
            assert_eq!(names(), ["a.dll"], "at {at}");
        }
    }
    assert!(stops > 6, "{stops}");
}

//! Files that programs use: what cannot be done now waits for the next start, is told, and can be taken back before and after it.

use std::collections::BTreeMap;
use std::fs;

use trueup::apply::{ApplyReport, Ending, Outcome, Purpose, resume, unfinished};
use trueup::document::Desired;
use trueup::formats::pending_renames::{KEY, PendingRenames, VALUE};
use trueup::formats::regf::Editor;
use trueup::formats::security_descriptor::SecurityDescriptor;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::snapshot::to_json;
use trueup::machine::{Machine as _, RunName, WritableMachine};
use trueup::model::fact::{KeyTree, Stored, ValueFact};
use trueup::model::file::ContentDigest;
use trueup::model::probe::{Answer, Probe};
use trueup::model::time::FileTime;
use trueup::plan::staleness::{listed_since, prints};

use super::world::{
    Bed, Local, Silent, applied, basis, chain, desired, desired_with, facts, found, key, last_run, memory, options,
    path, plan, plant_value, snapshot, start as world_start, take_back, taken_back, told, try_apply,
};

const PUT: &str = r"files: { a: { path: 'C:\a.dll', content: new } }";
const FILE: &str = r"C:\a.dll";

fn used(bytes: &[u8]) -> MemoryMachine {
    let machine = memory();
    machine.plant_file(&path(FILE), bytes);
    machine.use_file(&path(FILE));
    machine
}

fn files(machine: &MemoryMachine) -> BTreeMap<String, Vec<u8>> {
    machine.all_files().into_iter().map(|(path, bytes)| (path.to_string(), bytes)).collect()
}

fn outcomes(report: &ApplyReport) -> Vec<(String, String)> {
    report.outcomes.iter().map(|one| (one.address.name().to_owned(), format!("{:?}", one.outcome))).collect()
}

fn content(machine: &MemoryMachine) -> Option<String> {
    machine.file(&path(FILE)).map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn a_file_in_use_is_replaced_at_the_next_start() {
    let machine = used(b"old");
    let desired = desired(PUT);
    let report = try_apply(&machine, &desired).unwrap();
    let because = "the next start of Windows changes it: it is in use".to_owned();
    assert_eq!(outcomes(&report), [("a".to_owned(), format!("{:?}", Outcome::Waiting { because }))]);
    assert!(report.reboot && report.is_complete(), "{report:?}");
    assert_eq!(content(&machine).unwrap(), "old");

    let waiting = plan(&machine, &desired);
    assert_eq!(told(&waiting), ["… a: files.absent files.next_start".replace("absent", "differs")]);
    assert_eq!(told(&plan(&snapshot(&machine, &desired), &desired)), told(&waiting));
    assert_eq!(try_apply(&machine, &desired).unwrap().run, None, "a second run writes");

    machine.start_again();
    assert_eq!(content(&machine).unwrap(), "new");
    assert!(told(&plan(&machine, &desired)).is_empty());
    taken_back(&machine, &last_run(&machine));
    assert_eq!(files(&machine), BTreeMap::from([(FILE.to_owned(), b"old".to_vec())]));
}

#[test]
fn what_waits_is_taken_back_before_the_next_start() {
    for text in [PUT, r"files: { a: { path: 'C:\a.dll', ensure: absent } }"] {
        let machine = used(b"old");
        let report = try_apply(&machine, &desired(text)).unwrap();
        assert_eq!(report.waiting(), 1, "{text}: {report:?}");
        let report = taken_back(&machine, &last_run(&machine));
        assert!(report.is_complete() && report.waiting() == 0, "{text}: {report:?}");
        machine.start_again();
        assert_eq!(files(&machine), BTreeMap::from([(FILE.to_owned(), b"old".to_vec())]), "{text}");
    }
}

/// A run of which nothing came but what waits is one that can be taken back.
#[test]
fn what_waits_is_something_left() {
    let ending = Ending { waiting: 1, skipped: 2, ..Ending::default() };
    assert!(ending.left_something() && !ending.is_clean());
    assert!(!Ending { skipped: 2, ..Ending::default() }.left_something());
}

#[test]
fn a_rollback_waits_too() {
    let machine = used(b"old");
    let desired = desired(PUT);
    try_apply(&machine, &desired).unwrap();
    machine.start_again();
    machine.use_file(&path(FILE));
    let run = last_run(&machine);
    let report = taken_back(&machine, &run);
    assert!(report.waiting() == 1 && report.is_complete() && report.reboot, "{report:?}");
    let (again, _) = take_back(&machine, &run, Purpose::Rollback { of: run.clone() });
    assert_eq!(told(&again), ["… a: files.next_start"]);
    machine.start_again();
    assert_eq!(content(&machine).unwrap(), "old");
}

#[test]
fn a_removed_file_goes_at_the_next_start() {
    let machine = used(b"old");
    let desired = desired(r"files: { a: { path: 'C:\a.dll', ensure: absent } }");
    assert_eq!(try_apply(&machine, &desired).unwrap().waiting(), 1);
    assert_eq!(told(&plan(&machine, &desired)), ["… a: files.not_wanted files.next_start"]);
    machine.start_again();
    assert_eq!(content(&machine), None);
    assert!(told(&plan(&machine, &desired)).is_empty());
}

#[test]
fn the_last_document_counts_at_the_next_start() {
    let machine = used(b"old");
    try_apply(&machine, &desired(PUT)).unwrap();
    let other = desired(&PUT.replace("new", "newer"));
    assert_eq!(told(&plan(&machine, &other)), ["~ a: files.differs"]);
    assert_eq!(try_apply(&machine, &other).unwrap().waiting(), 1);
    assert_eq!(machine.all_files().len(), 2, "what waited before is left: {:?}", files(&machine));

    // Back to what is there: nothing is to be written, and nothing must happen at the next start.
    let old = desired(&PUT.replace("new", "old"));
    let back = plan(&machine, &old);
    assert_eq!(told(&back), ["~ a: files.next_start"]);
    assert_eq!(back.summary().irreversible, 1);
    applied(&machine, &old);
    machine.start_again();
    assert_eq!(files(&machine), BTreeMap::from([(FILE.to_owned(), b"old".to_vec())]));
}

#[test]
fn a_file_that_is_free_again_is_replaced_at_once() {
    let machine = used(b"old");
    try_apply(&machine, &desired(PUT)).unwrap();
    let stopped = machine.duplicate();
    stopped.free_files();
    let other = desired(&PUT.replace("new", "newer"));
    applied(&stopped, &other);
    assert_eq!(content(&stopped).unwrap(), "newer");
    stopped.start_again();
    assert_eq!(files(&stopped), BTreeMap::from([(FILE.to_owned(), b"newer".to_vec())]));
}

#[test]
fn a_value_inside_a_file_in_use_is_not_put_off() {
    let machine = memory();
    machine.plant_file(&path(r"C:\a.ini"), b"[S]\r\nA=1\r\n");
    machine.use_file(&path(r"C:\a.ini"));
    let desired = desired(r"files: { a: { path: 'C:\a.ini', values: [{ ini: { section: S, key: A }, value: '2' }] } }");
    let report = try_apply(&machine, &desired).unwrap();
    assert_eq!((report.failed(), report.waiting()), (1, 0), "{report:?}");
    assert_eq!(machine.all_files().len(), 1);
    assert!(machine.next_start().unwrap().is_empty());
}

#[test]
fn what_depends_on_a_waiting_file_waits_too() {
    let machine = used(b"old");
    plant_value(&machine, r"HKLM\SOFTWARE\V", "x", "1");
    try_apply(&machine, &desired(PUT)).unwrap();
    let text = format!("{PUT}\nregistry: {{ 'HKLM\\SOFTWARE\\V': {{ values: {{ A: 1 }}, depends_on: [files.a] }} }}");
    let text = told(&plan(&machine, &desired(&text)));
    let is_blocked = |line: &String| line.starts_with("! ") && line.ends_with("plan.dependency_blocked");
    assert!(text.len() == 2 && text[1..].iter().all(is_blocked), "{text:?}");
}

/// A machine on which somebody else has put files on the list of the next start.
fn listed(list: &PendingRenames) -> [Bed; 2] {
    let beds = Bed::both(&[(FILE, b"old"), (r"C:\new.dll", b"new"), (r"C:\b.dll", b"b")]);
    for bed in &beds {
        match bed {
            Bed::Memory(machine) => {
                let value = ValueFact::new(VALUE.into(), Stored::Plain(list.to_data().unwrap()));
                let values = vec![value];
                let tree =
                    KeyTree { name: "Session Manager".into(), last_written: FileTime(2), values, ..KeyTree::default() };
                machine.plant(&key(KEY), &tree);
            }
            Bed::Image { folder, .. } => {
                let hive = folder.path().join("Windows/System32/config/SYSTEM");
                let mut editor = Editor::open(fs::read(&hive).unwrap()).unwrap();
                let key = editor.find(&["ControlSet001", "Control", "Session Manager"]).unwrap().unwrap();
                editor.set_value(key, VALUE, 7, &list.to_data().unwrap().bytes, 1).unwrap();
                fs::write(&hive, editor.finish(2).unwrap()).unwrap();
            }
        }
    }
    beds
}

#[test]
fn what_somebody_else_has_planned_is_told_and_kept_away() {
    let theirs = || PendingRenames::default().with(r"C:\b.dll", None);
    for bed in listed(&theirs().with(r"C:\new.dll", Some(FILE))) {
        let kind = bed.reader().kind();
        let new = desired(PUT);
        assert_eq!(told(&plan(bed.reader(), &new)), ["… a: files.differs files.next_start"], "{kind}");
        let old = desired(&PUT.replace("new", "old"));
        let first = plan(bed.reader(), &old);
        assert_eq!(told(&first), ["~ a: files.next_start"], "{kind}");
        assert_eq!(told(&plan(&snapshot(bed.reader(), &old), &old)), told(&first), "{kind}");
        assert!(found(&first).is_empty(), "{kind}: {:?}", found(&first));
        applied(bed.machine(), &old);
        let left = bed.reader().next_start().unwrap();
        assert_eq!(left.len(), 1, "{kind}: theirs is gone: {left:?}");
        assert_eq!(left[0].0, path(r"C:\b.dll"), "{kind}");
        let (back, report) =
            take_back(bed.machine(), &last_run(bed.reader()), Purpose::Rollback { of: last_run(bed.reader()) });
        assert_eq!(told(&back), ["! a: rollback.irreversible"], "{kind}");
        assert!(report.unwrap().outcomes.is_empty(), "{kind}");
        // The last of the list takes the value with it.
        applied(bed.machine(), &desired(r"files: { b: { path: 'C:\b.dll', content: b } }"));
        assert!(bed.reader().next_start().unwrap().is_empty(), "{kind}");
    }
}

#[test]
fn a_list_that_is_none_is_told() {
    let machine = memory();
    plant_value(&machine, KEY, VALUE, "no list");
    assert_eq!(found(&plan(&machine, &desired(PUT))), ["warning files.next_start_unread"]);
    assert!(found(&plan(&machine, &desired(r"registry: { 'HKLM\SOFTWARE\V': { values: { A: 1 } } }"))).is_empty());
}

#[test]
fn an_unnamed_file_in_use_goes_at_the_next_start() {
    let machine = memory();
    for name in [r"C:\site\index.html", r"C:\site\old\x.dll"] {
        machine.plant_file(&path(name), b"x");
    }
    machine.use_file(&path(r"C:\site\old\x.dll"));
    let local = Local(vec![("site/index.html", b"x")]);
    let desired = desired_with("files: { a: { path: 'C:\\site', tree: site, exclusive: true } }", &local);
    let report = try_apply(&machine, &desired).unwrap();
    assert_eq!((report.waiting(), report.failed()), (2, 0), "{report:?}");
    let waiting = told(&plan(&machine, &desired));
    let folder = r"… a old: files.not_named files.folder_then";
    assert_eq!(waiting, [r"… a old\x.dll: files.not_named files.next_start", folder]);
    assert!(plan(&machine, &desired).summary().reboot, "what waits for the next start asks for one");
    assert_eq!(try_apply(&machine, &desired).unwrap().run, None, "a second run writes");
    assert_eq!(told(&plan(&snapshot(&machine, &desired), &desired)), waiting);
    machine.start_again();
    applied(&machine, &desired);
    assert_eq!(files(&machine).len(), 1);
}

#[test]
fn values_of_one_file_wait_together_or_not_at_all() {
    let machine = memory();
    machine.plant_file(&path(r"C:\a.ini"), b"[S]\r\nA=1\r\nB=1\r\n");
    machine.plant_file(&path(r"C:\new.ini"), b"[S]\r\nA=2\r\nB=9\r\n");
    let list = PendingRenames::default().with(r"C:\new.ini", Some(r"C:\a.ini"));
    let value = ValueFact::new(VALUE.into(), Stored::Plain(list.to_data().unwrap()));
    let tree = KeyTree { name: "Session Manager".into(), values: vec![value], ..KeyTree::default() };
    machine.plant(&key(KEY), &tree);
    let values = |b: u8| {
        let value = |key: &str, value: u8| format!("{{ ini: {{ section: S, key: {key} }}, value: '{value}' }}");
        desired(&format!("files: {{ a: {{ path: 'C:\\a.ini', values: [{}, {}] }} }}", value("A", 2), value("B", b)))
    };
    let (then, mixed) = (values(9), values(1));
    assert!(told(&plan(&machine, &then)).iter().all(|line| line.starts_with('…')));
    assert!(told(&plan(&machine, &mixed)).iter().all(|line| line.starts_with('~')));
    applied(&machine, &mixed);
    machine.start_again();
    assert_eq!(machine.file(&path(r"C:\a.ini")).unwrap(), b"[S]\r\nA=2\r\nB=1\r\n");
}

#[test]
fn nothing_fast_is_said_of_a_secret_that_waits() {
    let machine = used(b"old");
    let secret = desired(r"files: { a: { path: 'C:\a.dll', content: { secret: { env: S } } } }");
    assert_eq!(try_apply(&machine, &secret).unwrap().waiting(), 1);
    assert!(told(&plan(&machine, &secret)).iter().all(|line| line.starts_with('…')));
    let plain = desired(PUT);
    let digest = ContentDigest::of(b"secret-S").to_string();
    for at_start in [false, true] {
        if at_start {
            machine.start_again();
        }
        let facts = facts(&machine, &plain);
        let snapshot = to_json(&facts, &machine.runs().unwrap(), world_start()).unwrap();
        assert!(!String::from_utf8(snapshot).unwrap().contains(&digest), "{at_start}");
        let plan = plan(&machine, &plain);
        assert!(!format!("{:?}", plan.decisions).contains(&digest), "{at_start}");
    }
}

#[test]
fn access_lists_wait_for_their_file() {
    let machine = used(b"old");
    let list = |sddl: &str| Answer::Security(sddl.parse::<SecurityDescriptor>().unwrap().to_bytes().unwrap().into());
    machine.plant_answer(Probe::FileSecurity { path: path(FILE) }, list("D:P(A;;FA;;;SY)"));
    let text = r"files: { a: { path: 'C:\a.dll', content: new, security: { grant: [{ to: 'BUILTIN\Users', rights: read }] } } }";
    let desired = desired(text);
    let report = try_apply(&machine, &desired).unwrap();
    assert_eq!((report.waiting(), report.failed()), (1, 0), "{report:?}");
    let by = machine.next_start().unwrap().into_iter().find_map(|(_, fate)| match fate {
        Answer::ReplacedBy { path } => Some(path),
        _ => None,
    });
    machine.plant_answer(Probe::FileSecurity { path: by.unwrap() }, list("D:P(A;;FA;;;SY)"));
    let waiting = told(&plan(&machine, &desired));
    assert_eq!(waiting.len(), 2, "{waiting:?}");
    assert!(waiting.iter().all(|line| line.starts_with('…')), "{waiting:?}");
    machine.start_again();
    applied(&machine, &desired);
}

#[test]
fn a_plan_is_stale_when_its_file_has_come_on_the_list() {
    let [bed, _] = Bed::both(&[(FILE, b"old")]);
    let desired = desired(PUT);
    let then = prints(&facts(bed.reader(), &desired));
    assert_eq!(listed_since(&then, &facts(bed.reader(), &desired)).count(), 0);
    let [bed, _] = listed(&PendingRenames::default().with(FILE, None));
    let now = facts(bed.reader(), &desired);
    let moved: Vec<String> = listed_since(&then, &now).map(|moved| moved.0.to_string()).collect();
    assert_eq!(moved, [format!("what the next start does with {FILE}")]);
    assert_eq!(listed_since(&prints(&now), &now).count(), 0);
}

fn finish(machine: &dyn WritableMachine, desired: &Desired, run: &RunName) -> ApplyReport {
    let report = resume(machine, Some(&basis(desired)), run, &options(), &mut Silent);
    report.unwrap_or_else(|error| panic!("{}", chain(&error)))
}

#[test]
fn a_run_with_a_file_in_use_can_be_finished_and_undone_wherever_it_stops() {
    let desired = desired(
        r"
files:
  a: { path: 'C:\a.dll', content: new }
  b: { path: 'C:\b.dll', content: new }
  c: { path: 'C:\c.dll', ensure: absent }
",
    );
    for is_listed in [false, true] {
        let start = used(b"old");
        start.plant_file(&path(r"C:\c.dll"), b"c");
        start.use_file(&path(r"C:\c.dll"));
        let files_before = files(&start);
        if is_listed {
            // Another content waits already.
            try_apply(&start, &self::desired(&PUT.replace("new", "first"))).unwrap();
        }
        is_finished_and_undone(&start, &desired, &files_before, is_listed);
    }
}

fn is_finished_and_undone(
    start: &MemoryMachine,
    desired: &Desired,
    files_before: &BTreeMap<String, Vec<u8>>,
    is_listed: bool,
) {
    let whole = start.duplicate();
    let faulty = FaultyMachine::new(&whole, Fault::Fail, 0);
    assert_eq!(try_apply(&faulty, desired).unwrap().waiting(), 2);
    let count = faulty.writes();
    whole.start_again();
    let files_after = files(&whole);
    assert_eq!(files_after.len(), 2, "{files_after:?}");
    assert!(count > 8, "{count}");
    let mut stops = 0;
    for at in 1..=count {
        for fault in [Fault::StopBefore, Fault::StopAfter] {
            let stopped = start.duplicate();
            let result = try_apply(&FaultyMachine::new(&stopped, fault, at), desired);
            assert!(result.is_err(), "at {at} of {count}: {result:?}");
            let Some(open) = unfinished(&stopped).unwrap() else { continue };
            stops += 1;
            let run = open.beginning.run;
            let finished = stopped.duplicate();
            let report = finish(&finished, desired, &run);
            assert_eq!(
                (report.failed(), report.skipped(), report.waiting()),
                (0, 0, 2),
                "{fault:?} at {at}: {report:?}"
            );
            finished.start_again();
            assert_eq!(files(&finished), files_after, "{fault:?} at {at} of {count}");
            let (_, report) = take_back(&stopped, &run, Purpose::Undo { of: run.clone() });
            report.unwrap_or_else(|error| panic!("{fault:?} at {at}: {}", chain(&error)));
            stopped.start_again();
            // What an earlier run has put off is not this run's to take off the list, unless it had done so.
            let mut found = files(&stopped);
            if let Some(bytes) = found.get_mut(FILE).filter(|bytes| is_listed && **bytes == b"first") {
                *bytes = b"old".to_vec();
            }
            assert_eq!(found, *files_before, "{fault:?} at {at} of {count}");
        }
    }
    assert!(stops > 4, "{stops}");
}

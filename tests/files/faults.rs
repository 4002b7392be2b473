//! A run that is stopped at any write can be finished, and can be undone.

use trueup::apply::{ApplyError, ApplyReport, Purpose, resume, unfinished};
use trueup::document::Desired;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::{Machine as _, RunName, WritableMachine};

use super::world::{
    Bed, Local, Silent, applied, basis, chain, desired_with, options, plan, take_back, told, try_apply,
};

const TEXT: &str = r"
hosts:
  acs.corp.example: [10.0.0.5, 'fd00::5']
  old.corp.example: absent
files:
  a: { path: 'C:\Vendor\x\a.txt', content: new }
  b: { path: 'C:\b.txt', content: new }
  c: { path: 'C:\c.txt', ensure: absent }
  d: { path: 'C:\d.ini', values: [{ ini: { section: S, key: A }, value: '2' }, { ini: { section: S, key: B }, ensure: absent }] }
  e: { path: 'C:\Vendor\e.json', create: true, values: [{ json: /a, value: 1 }, { json: /b, secret: { env: B } }] }
  f: { path: 'C:\site', tree: site, exclusive: true }
";

const BEFORE: [(&str, &[u8]); 6] = [
    (
        r"%SystemRoot%\System32\drivers\etc\hosts",
        b"10.0.0.1 old.corp.example kept\r\n10.0.0.9 acs.corp.example # theirs\r\n",
    ),
    (r"C:\b.txt", b"old"),
    (r"C:\c.txt", b"gone"),
    (r"C:\d.ini", b"[S]\r\nA=1\r\nB=1\r\n"),
    (r"C:\site\index.html", b"old"),
    (r"C:\site\stale\x", b"x"),
];

fn finish(machine: &dyn WritableMachine, desired: &Desired, run: &RunName) -> Result<ApplyReport, ApplyError> {
    resume(machine, Some(&basis(desired)), run, &options(), &mut Silent)
}

#[test]
fn a_run_can_be_finished_and_undone_wherever_it_stops() {
    let local = Local(vec![("site/index.html", b"<p>"), ("site/css/a.css", b"a{}")]);
    let desired = desired_with(TEXT, &local);
    let new = || -> MemoryMachine {
        match Bed::both(&BEFORE) {
            [Bed::Memory(machine), _] => *machine,
            _ => panic!("the first is in memory"),
        }
    };
    let start = new();
    let files = start.all_files();
    let whole = start.duplicate();
    let faulty = FaultyMachine::new(&whole, Fault::Fail, 0);
    applied(&faulty, &desired);
    let count = faulty.writes();
    assert!(count > 20, "{count}");
    for at in 1..=count {
        for fault in [Fault::StopBefore, Fault::StopAfter] {
            let stopped = start.duplicate();
            let result = try_apply(&FaultyMachine::new(&stopped, fault, at), &desired);
            assert!(
                result.is_err() || result.as_ref().is_ok_and(|report| !report.is_complete()),
                "at {at} of {count}: {result:?}"
            );
            let finished = stopped.duplicate();
            let Some(open) = unfinished(&stopped).unwrap() else {
                applied(&finished, &desired);
                assert!(finished.all_files() == whole.all_files(), "at {at} of {count}");
                continue;
            };
            let run = open.beginning.run;
            let report = finish(&finished, &desired, &run).unwrap_or_else(|error| panic!("at {at}: {}", chain(&error)));
            assert_eq!((report.failed(), report.skipped()), (0, 0), "at {at} of {count}");
            assert!(finished.all_files() == whole.all_files(), "at {at} of {count}: {:?}", finished.all_files());
            let again = plan(&finished, &desired);
            assert!(!again.has_operations(), "at {at} of {count}: {:#?}", told(&again));
            let (_, report) = take_back(&stopped, &run, Purpose::Undo { of: run.clone() });
            let report = report.unwrap_or_else(|error| panic!("at {at}: {}", chain(&error)));
            assert_eq!((report.failed(), report.skipped(), report.left.blocked), (0, 0, 0), "at {at} of {count}");
            assert!(stopped.all_files() == files, "at {at} of {count}: {:?}", stopped.all_files());
            assert!(stopped.runs().is_ok());
        }
    }
}

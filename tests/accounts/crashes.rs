//! A run about members that stops before or after any write: it can be finished, and it can be undone.

use trueup::apply::{ApplyError, ApplyOptions, Purpose, resume, unfinished};
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::{NoSecrets, WriteError};

use super::cases::{ALICE, BOB, HELPDESK, OPERATORS, machine, members};
use super::laws::take_back;
use crate::world::{Silent, basis, desired, plan, start, told, try_apply};

#[test]
fn wherever_a_run_stops_it_can_be_finished_and_undone() {
    let text = r"accounts:
  operators: { members: ['CORP\Helpdesk'], lacks: [alice] }
  Remote Desktop Users: { members: [alice], exclusive: true }
";
    let desired = desired(text);
    let (wanted, found) = (([BOB, HELPDESK], [ALICE]), ([ALICE, BOB], [BOB]));
    let held = |machine: &_| (members(machine, OPERATORS), members(machine, "S-1-5-32-555"));
    let is = |now: (Vec<String>, Vec<String>), then: ([&str; 2], [&str; 1])| now.0 == then.0 && now.1 == then.1;
    let whole = machine();
    let counted = FaultyMachine::new(&whole, Fault::Fail, 0);
    try_apply(&counted, &desired).unwrap();
    assert!(is(held(&whole), wanted));
    let count = counted.writes();
    assert!(count > 6, "{count}");
    let mut open_runs = 0;
    for at in 1..=count {
        for fault in [Fault::StopBefore, Fault::StopAfter] {
            let stopped = machine();
            let result = try_apply(&FaultyMachine::new(&stopped, fault, at), &desired);
            let is_stopped = matches!(result, Err(ApplyError::Write(WriteError::Stopped { .. })));
            assert!(is_stopped, "at {at} of {count}: {result:?}");
            let finished = stopped.duplicate();
            let Some(open) = unfinished(&stopped).unwrap() else {
                try_apply(&finished, &desired).unwrap();
                assert!(is(held(&finished), wanted), "at {at} of {count}");
                continue;
            };
            open_runs += 1;
            let run = open.beginning.run;
            let options = ApplyOptions::new("a test", start(), &NoSecrets);
            let report = resume(&finished, Some(&basis(&desired)), &run, &options, &mut Silent).unwrap();
            assert_eq!((report.failed(), report.skipped()), (0, 0), "at {at} of {count}");
            assert!(is(held(&finished), wanted), "at {at} of {count}: {:?}", held(&finished));
            assert_eq!(told(&plan(&finished, &desired)), [""; 0], "at {at} of {count}");

            take_back(&stopped, &run, Purpose::Undo { of: run.clone() });
            assert!(is(held(&stopped), found), "at {at} of {count}: {:?}", held(&stopped));
        }
    }
    assert!(open_runs > 6, "{open_runs} runs were open");
}

//! Transactions of the registry, keys that are renamed, descriptors and privileges.

use trueup::apply::{resume, unfinished};
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::local::LocalMachine;
use trueup::machine::{Machine as _, WritableMachine as _};
use trueup::model::fact::KeyAspects;
use trueup::model::operation::Operation;
use trueup::model::registry::RegistryKey;
use windows_registry::LOCAL_MACHINE;

use crate::live::{Silent, TEST, applied, desired, dump, options, plan, rolled_back, try_apply, turn};

/// Many values and keys in one run: a stop after the commit leaves all of them, one before it none.
#[test]
fn the_steps_of_a_run_land_together() {
    let text = |number: u32| {
        let values: Vec<String> = (0..20).map(|index| format!("V{index}: {number}")).collect();
        format!("registry:\n  TEST\\Product: {{ values: {{ {} }} }}\n  TEST\\New{number}: {{}}", values.join(", "))
    };
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    applied(&machine, &desired(&text(1)));
    let mut seen = Vec::new();
    for at in 1.. {
        let (before, second) = (dump(TEST), desired(&text(2)));
        let faulty = FaultyMachine::new(&machine, Fault::StopAfter, at);
        let result = try_apply(&faulty, &second);
        let key = LOCAL_MACHINE.open(format!(r"{TEST}\Product")).unwrap();
        let numbers: std::collections::BTreeSet<u32> =
            (0..20).map(|index| key.get_u32(format!("V{index}")).unwrap()).collect();
        assert_eq!(numbers.len(), 1, "stopped after write {at}: a part of the values was written");
        assert_eq!(dump(TEST) == before, numbers.contains(&1), "stopped after write {at}");
        seen.extend(numbers);
        if result.is_ok() {
            break;
        }
        if let Some(open) = unfinished(&machine).unwrap() {
            let basis = trueup::apply::DocumentBasis {
                desired: &second,
                options: trueup::plan::PlanOptions::at(crate::live::now()),
            };
            resume(&machine, Some(&basis), &open.beginning.run, &options(), &mut Silent).unwrap();
        }
        applied(&machine, &desired("registry:\n  TEST\\New2: { ensure: absent }"));
        applied(&machine, &desired(&text(1)));
    }
    assert!(seen.contains(&1) && seen.contains(&2), "stops before and after the commit were seen");
}

#[test]
fn a_key_is_renamed_with_its_neighbours_left_alone() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    applied(
        &machine,
        &desired("registry:\n  TEST\\Old: { values: { A: 1 } }\n  TEST\\Older: { values: { B: 2 } }\n  TEST\\Old2: {}"),
    );
    let before = dump(TEST);
    let wanted = desired("registry:\n  TEST\\Renamed: { renamed_from: TEST\\Old, values: { A: 1 } }");
    assert!(plan(&machine, &wanted).operations().any(|step| matches!(step, Operation::RenameRegistryKey { .. })));
    let run = applied(&machine, &wanted).run.unwrap();
    let after = dump(TEST);
    assert!(after.contains(&r"\Renamed".to_owned()) && after.contains(&r"\Older".to_owned()), "{after:?}");
    rolled_back(&machine, &run);
    assert_eq!(dump(TEST), before);
}

#[test]
fn a_descriptor_is_granted_and_taken_back() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    applied(&machine, &desired("registry:\n  TEST: {}"));
    let key = RegistryKey::parse(&format!(r"HKLM\{TEST}")).unwrap();
    let security = || {
        let asked = KeyAspects { security: true, ..KeyAspects::default() };
        let state = machine.registry().unwrap().read(&[(key.clone(), asked)]).remove(0).unwrap();
        state.present().unwrap().security.clone().unwrap()
    };
    let before = security();
    let grant =
        desired("registry:\n  TEST: { security: { grant: [{ to: 'NT AUTHORITY\\LOCAL SERVICE', rights: write }] } }");
    let run = applied(&machine, &grant).run.unwrap();
    assert_ne!(security(), before);
    assert!(!plan(&machine, &grant).has_operations());
    rolled_back(&machine, &run);
    assert_eq!(security(), before);
}

/// The descriptors of SAM and SECURITY let only the system in: the privilege to back up lets an administrator read them.
#[test]
fn what_descriptors_hide_is_read() {
    let machine = LocalMachine::open().unwrap();
    for key in [r"HKLM\SAM\SAM\Domains\Account", r"HKLM\SECURITY\Policy\Accounts"] {
        let asked = KeyAspects { subkeys: true, ..KeyAspects::default() };
        let state = machine.registry().unwrap().read(&[(RegistryKey::parse(key).unwrap(), asked)]).remove(0);
        let state = state.unwrap_or_else(|unread| panic!("{key}: {unread}"));
        assert!(state.present().is_some(), "{key}");
    }
}

#[test]
fn the_lock_is_held_against_a_second_writer() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let held = machine.writer("the first").unwrap();
    assert!(try_apply(&machine, &desired("registry:\n  TEST: {}")).is_err());
    drop(held);
    applied(&machine, &desired("registry:\n  TEST: {}"));
}

//! Any bytes as a saved plan, a snapshot, a record or a journal: read, or refused; what is read survives being written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup::apply::read_journal;
use trueup::machine::snapshot::SnapshotMachine;
use trueup::model::remembered::Record;
use trueup::plan::SavedPlan;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(saved) = SavedPlan::from_json(bytes) {
        let written = saved.to_json().expect("a plan that was read can be written");
        let again = SavedPlan::from_json(&written).expect("a plan that was written can be read");
        assert_eq!(again, saved);
        let _ = trueup::report::json::plan(&saved.plan);
    }
    if let Ok(snapshot) = SnapshotMachine::from_json(bytes) {
        let _ = snapshot.captured();
    }
    if let Ok(record) = Record::from_json(bytes) {
        let written = record.to_json().expect("a record that was read can be written");
        assert_eq!(Record::from_json(&written).expect("a record that was written can be read"), record);
    }
    let _ = read_journal(bytes);
});

//! What orders the lines of a journal on the disk, and what its reader makes of lines that are not there.

use std::sync::{Arc, Mutex};

use trueup::apply::{Journal, JournalError, RunState, read_journal};
use trueup::machine::{JournalFile, WriteError};
use trueup::model::operation::Operation;
use trueup::model::registry::RegistryKey;

/// The bytes of a journal, in the parts between which it was synchronised.
#[derive(Clone, Default)]
struct Parts(Arc<Mutex<Vec<Vec<u8>>>>);

impl JournalFile for Parts {
    fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let mut parts = self.0.lock().unwrap();
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        parts.last_mut().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), WriteError> {
        self.0.lock().unwrap().push(Vec::new());
        Ok(())
    }
}

const INTENTS: usize = 3;

/// A run of three steps that comes to its end.
fn parts() -> Vec<String> {
    let parts = Parts::default();
    let started = "2026-01-02T03:04:05Z".parse().unwrap();
    let mut journal = Journal::begin(Box::new(parts.clone()), "run", started, "owner", INTENTS).unwrap();
    for number in 0..INTENTS {
        let key = RegistryKey::parse(&format!(r"HKLM\SOFTWARE\Key {number}")).unwrap();
        let operation = Operation::CreateRegistryKey { key };
        journal.intend(&operation.address(), &operation).unwrap();
    }
    journal.act().unwrap();
    journal.committed(&[]).unwrap();
    journal.end(INTENTS, 0, 0).unwrap();
    parts.0.lock().unwrap().iter().map(|part| String::from_utf8(part.clone()).unwrap()).collect()
}

#[test]
fn every_line_that_tells_of_others_follows_when_they_are_durable() {
    let events = |part: &String| {
        let events = part.lines().map(|line| serde_json::from_str::<serde_json::Value>(&line[9..]).unwrap());
        events.map(|event| event["event"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let parts: Vec<_> = parts().iter().map(events).collect();
    assert_eq!(parts, ["begin", "intent intent intent", "act", "committed", "end", ""]);
}

/// For each length of a journal and each of its lines that is unreadable: a gap is what a crash leaves only in the part that
/// was written last.
#[test]
fn a_gap_is_a_crash_only_where_nothing_durable_follows() {
    let parts = parts();
    for last in 0..5 {
        let lines: Vec<&str> = parts[..=last].iter().flat_map(|part| part.split_inclusive('\n')).collect();
        let durable = lines.len() - parts[last].lines().count();
        for gap in 0..lines.len() {
            let mut bytes = lines.concat().into_bytes();
            let start: usize = lines[..gap].iter().map(|line| line.len()).sum();
            bytes[start..start + lines[gap].len() - 1].fill(0);
            let context = format!("part {last}, line {gap}");
            match read_journal(&bytes) {
                Ok(run) => {
                    // The first intents are as good as the last: until they are acted on, nothing was touched.
                    assert!(gap >= durable, "{context}");
                    assert_eq!(run.intents.len(), (gap - 1).min(INTENTS), "{context}");
                    assert_eq!(run.state == RunState::Untouched, last <= 2, "{context}");
                }
                Err(JournalError::Empty) => assert_eq!(gap, 0, "{context}"),
                Err(JournalError::Damaged { line }) => {
                    assert_eq!(line, gap + 1, "{context}");
                    assert!(gap < durable, "{context}");
                }
                Err(error) => panic!("{context}: {error}"),
            }
        }
    }
}

//! What orders the lines of a journal on the disk, and what its reader makes of lines that are not there.

use std::sync::{Arc, Mutex};

use trueup::apply::{Beginning, Commit, Ending, Journal, JournalError, Purpose, RecordBefore, RunState, read_journal};
use trueup::machine::{JournalFile, PartChange, WriteError};
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
/// The part with the intents and the commit, and the last one.
const COMMIT: usize = 1;
const END: usize = 4;

fn at() -> jiff::Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn beginning() -> Beginning {
    Beginning {
        run: "20260102T030405Z".parse().unwrap(),
        purpose: Purpose::Apply,
        started: at(),
        owner: "owner".into(),
        document: "server".into(),
        operations: INTENTS,
        reboot: false,
        restarts: Vec::new(),
        stop_first: Vec::new(),
        hold: None,
    }
}

fn commit() -> Commit {
    let part = PartChange { part: "hive".into(), before: Some("old".into()), after: Some("new".into()) };
    Commit { first: 0, end: INTENTS, not_done: Vec::new(), parts: vec![part] }
}

/// A run of three steps that comes to its end.
fn parts() -> Vec<String> {
    let parts = Parts::default();
    let mut journal = Journal::begin(Box::new(parts.clone()), &beginning()).unwrap();
    for number in 0..INTENTS {
        let key = RegistryKey::parse(&format!(r"HKLM\SOFTWARE\Key {number}")).unwrap();
        let operation = Operation::CreateRegistryKey { key };
        journal.intend(&operation.address().unwrap(), &operation).unwrap();
    }
    journal.commit(&commit()).unwrap();
    journal.committed().unwrap();
    journal.record(&RecordBefore::default()).unwrap();
    journal.end(&Ending { done: INTENTS, ..Ending::default() }).unwrap();
    texts(&parts)
}

fn texts(parts: &Parts) -> Vec<String> {
    parts.0.lock().unwrap().iter().map(|part| String::from_utf8(part.clone()).unwrap()).collect()
}

fn events(part: &str) -> String {
    let events = part.lines().map(|line| serde_json::from_str::<serde_json::Value>(&line[9..]).unwrap());
    events.map(|event| event["event"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_line_that_tells_of_others_follows_when_they_are_durable() {
    let parts: Vec<_> = parts().iter().map(|part| events(part)).collect();
    assert_eq!(parts, ["begin", "intent intent intent commit", "committed", "record", "end", ""]);
}

/// For each length of a journal and each of its lines that is unreadable: a gap is what a crash leaves only in the part that
/// was written last.
#[test]
fn a_gap_is_a_crash_only_where_nothing_durable_follows() {
    let parts = parts();
    for last in 0..=END {
        let lines: Vec<&str> = parts[..=last].iter().flat_map(|part| part.split_inclusive('\n')).collect();
        let durable = lines.len() - parts[last].lines().count();
        for gap in 0..lines.len() {
            let read = read_journal(&without(&lines, gap));
            let context = format!("part {last}, line {gap}");
            match read {
                Ok(run) => {
                    assert!(gap >= durable && run.torn, "{context}");
                    // The first intents are as good as the last: until they are acted on, nothing was touched.
                    assert_eq!(run.intents.len(), (gap - 1).min(INTENTS), "{context}");
                    assert_eq!(run.state == RunState::Untouched, last <= COMMIT, "{context}");
                    assert_eq!(run.commits.is_empty(), last <= COMMIT, "{context}");
                }
                // Without its first line nothing is known of a run but that it did not come far.
                Err(JournalError::Empty) => assert!(gap == 0 && last <= COMMIT, "{context}"),
                Err(JournalError::Damaged { line }) => {
                    assert_eq!(line, gap + 1, "{context}");
                    assert!(gap < durable, "{context}");
                }
                Err(error) => panic!("{context}: {error}"),
            }
        }
    }
}

/// The lines with one of them unreadable, as a page that did not arrive leaves it.
fn without(lines: &[&str], gap: usize) -> Vec<u8> {
    let mut bytes = lines.concat().into_bytes();
    let start: usize = lines[..gap].iter().map(|line| line.len()).sum();
    bytes[start..start + lines[gap].len() - 1].fill(0);
    bytes
}

/// A run that is continued leaves out what was torn, and what it adds itself is ordered as before.
#[test]
fn a_gap_before_a_resume_is_left_out_and_one_after_it_is_a_crash_again() {
    let first = parts();
    let resumed = Parts::default();
    let mut journal = Journal::resume(Box::new(resumed.clone()), INTENTS, true, at(), "another").unwrap();
    journal.commit(&Commit { parts: Vec::new(), ..commit() }).unwrap();
    journal.committed().unwrap();
    journal.end(&Ending { done: INTENTS, ..Ending::default() }).unwrap();
    let second = texts(&resumed);
    assert_eq!(
        second.iter().map(|part| events(part.trim_start())).collect::<Vec<_>>(),
        ["resume", "commit", "committed", "end", ""]
    );
    // The run stopped within `committed`, whose line is torn.
    let torn = &first[COMMIT + 1][..first[COMMIT + 1].len() / 2];
    let head = [&first[0], &first[COMMIT], torn].concat();
    for last in 0..second.len() {
        let whole = [head.clone(), second[..last].concat()].concat();
        let run = read_journal(whole.as_bytes()).unwrap();
        assert_eq!(run.torn, last == 0, "{last}");
        assert_eq!(run.commits.len(), if last < 2 { 1 } else { 2 }, "{last}");
        assert_eq!(matches!(run.state, RunState::Ended(_)), last == 4, "{last}");
        // The line after it is torn in its turn.
        let half = [whole.clone(), second[last][..second[last].len() / 2].to_owned()].concat();
        assert_eq!(read_journal(half.as_bytes()).unwrap().state, run.state, "{last}");
    }
    // A durable line of the first stretch is missing: that is damage, resumed or not.
    let whole = [head, second.concat()].concat();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    for gap in 1..=INTENTS {
        let read = read_journal(&without(&lines, gap));
        assert!(matches!(read, Err(JournalError::Damaged { .. })), "line {gap}: {read:?}");
    }
}

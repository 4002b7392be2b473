//! Recovery from logs, on a real hive with both of its logs.

use std::process::Command;

use trueup::formats::regf::{Editor, Error, Hive, Severity, check, recover};

use super::fixtures::{NOW, dump, fixture, scratch};

struct Files {
    primary: Vec<u8>,
    first: Vec<u8>,
    second: Vec<u8>,
}

fn files() -> Option<Files> {
    Some(Files {
        primary: fixture("transactions_NTUSER.DAT")?,
        first: fixture("transactions_ntuser.dat.log1")?,
        second: fixture("transactions_ntuser.dat.log2")?,
    })
}

#[test]
fn a_dirty_hive_is_recovered_from_its_logs() {
    let Some(Files { primary, first, second }) = files() else { return };
    assert!(matches!(Editor::open(primary.clone()), Err(Error::Dirty { .. })));
    let recovered = recover(&primary, &[&first, &second]).expect("it is recovered");
    assert!(recovered.applied > 0);
    println!("{} entries, highest sequence {:#x}", recovered.applied, recovered.highest_sequence);
    assert!(
        recovered == recover(&primary, &[&second, &first]).expect("it is recovered"),
        "the order of the logs doesn't matter"
    );
    let problems = check(&recovered.bytes).expect("it is a hive");
    assert!(problems.iter().all(|problem| problem.severity == Severity::Tolerable), "{problems:?}");
    assert!(dump(&recovered.bytes) != dump(&primary), "the logs hold something new");

    let mut editor = Editor::open(recovered.bytes).expect("it opens");
    let root = editor.root();
    editor.set_value(root, "v", 4, &[1, 0, 0, 0], NOW).expect("set");
    let bytes = editor.finish(NOW).expect("it is written");
    let header = trueup::formats::regf::header(&bytes).expect("it is a hive");
    assert!(header.primary_sequence > recovered.highest_sequence);
    let again = recover(&bytes, &[&first, &second]).expect("it is clean");
    assert_eq!(again.applied, 0, "old logs don't apply any more");
    assert!(again.bytes == bytes);
}

#[test]
fn a_torn_entry_ends_the_replay() {
    let Some(Files { primary, first, second }) = files() else { return };
    let whole = recover(&primary, &[&first, &second]).expect("it is recovered").applied;
    let mut torn = first.clone();
    torn[512 + 100] ^= 1;
    assert_eq!(recover(&primary, &[&torn, &second]), Err(Error::NoLogEntry));
    let size = u32::from_le_bytes(first[516..520].try_into().expect("four bytes")) as usize;
    let mut torn = first.clone();
    if torn[512 + size..].starts_with(b"HvLE") {
        torn[512 + size + 100] ^= 1;
        let recovered = recover(&primary, &[&torn, &second]).expect("it is recovered");
        assert!(recovered.applied < whole);
        assert_eq!(recovered.applied, 1);
    }
}

#[test]
fn a_broken_base_block_is_restored_from_the_log() {
    let Some(Files { primary, first, .. }) = files() else { return };
    let whole = recover(&primary, &[&first]).expect("it is recovered");
    let mut broken = primary;
    broken[..512].fill(0xEE);
    let recovered = recover(&broken, &[&first]).expect("it is recovered");
    assert_eq!(recovered.applied, whole.applied);
    assert!(dump(&recovered.bytes) == dump(&whole.bytes));
    Hive::open(&recovered.bytes).expect("it is clean");
}

#[test]
fn logs_that_cannot_be_replayed_are_refused() {
    let Some(Files { primary, first, second }) = files() else { return };
    assert_eq!(recover(&primary, &[]), Err(Error::NoLogEntry));
    assert_eq!(recover(&primary, &[&second]), Err(Error::NoLogEntry));
    let mut old = first.clone();
    old[512..516].copy_from_slice(b"DIRT");
    assert_eq!(recover(&primary, &[&old]), Err(Error::OldLog { log: 1 }));
    assert!(matches!(recover(&primary, &[&second, &[b'x'; 1024]]), Err(Error::NotALog { log: 2, .. })));
    let mut earlier = primary;
    earlier[8] = 0x30;
    super::model::reseal(&mut earlier);
    assert!(matches!(recover(&earlier, &[&first]), Err(Error::LogGap { .. })));
}

/// regipy replays logs on its own; set `REGF_ORACLE=1` with regipy importable.
#[test]
fn regipy_recovers_the_same_bins() {
    if std::env::var_os("REGF_ORACLE").is_none() {
        println!("skipped: REGF_ORACLE is not set");
        return;
    }
    let Some(Files { primary, first, second }) = files() else { return };
    let ours = recover(&primary, &[&first, &second]).expect("it is recovered").bytes;
    let hive = scratch("oracle", &primary);
    let (log, theirs) = (scratch("oracle.log1", &first), scratch("oracle.regipy", &[]));
    let script = "import sys; from regipy.recovery import apply_transaction_logs as a; a(sys.argv[1], sys.argv[2], restored_hive_path=sys.argv[3])";
    let output =
        Command::new("python3").args(["-c", script]).args([&hive, &log, &theirs]).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = std::fs::read(theirs).expect("regipy wrote it");
    let end = 4096 + u32::from_le_bytes(ours[40..44].try_into().expect("four bytes")) as usize;
    assert!(ours[4096..end] == theirs[4096..end], "the same bins");
}

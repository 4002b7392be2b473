//! Damaged hives: whatever the bytes, nothing panics, nothing loops, and what was edited is sound.

use proptest::prelude::*;
use trueup::formats::regf::{Editor, Error, Hive, Key, Severity, check, header};

use super::fixtures::{NOW, descriptor, fixture};

/// A small hive with every kind of cell: class, values in all forms, an index of leaves, several descriptors.
pub fn sample() -> Vec<u8> {
    let bytes = trueup::formats::regf::create("ROOT", &descriptor(0), NOW).expect("a hive is made");
    let mut editor = Editor::open(bytes).expect("it opens");
    let root = editor.root();
    for (number, variant) in (0..3).cycle().take(520).enumerate() {
        editor.create_key(root, &format!("key {number}"), Some(&descriptor(variant)), NOW).expect("it is made");
    }
    let key = editor.find(&["key 7"]).expect("readable").expect("present");
    editor.set_class(key, "class", NOW).expect("it is set");
    for length in [0, 4, 5, 40, 16_344, 16_345, 40_000] {
        editor.set_value(key, &format!("value {length}"), 3, &vec![0xA5; length], NOW).expect("it is set");
    }
    editor.set_value(key, "日本", 1, b"x\0", NOW).expect("it is set");
    editor.finish(NOW).expect("it is written")
}

/// Reads everything there is, as far as it can be read.
fn walk(key: &Key<'_>, budget: &mut usize) {
    if *budget == 0 {
        return;
    }
    *budget -= 1;
    let _ = (key.name(), key.class(), key.security());
    for value in key.values().flatten().take(1000) {
        let _ = (value.name(), value.data());
    }
    let _ = key.subkey("key 77");
    for subkey in key.subkeys().flatten() {
        walk(&subkey, budget);
    }
}

fn exercise(bytes: &[u8]) {
    if let Ok(hive) = Hive::open_dirty(bytes)
        && let Ok(root) = hive.root()
    {
        walk(&root, &mut 2000);
    }
    let problems = check(bytes);
    let Ok(mut editor) = Editor::open_dirty(bytes.to_vec()) else { return };
    assert!(problems.expect("it is a hive").iter().all(|problem| problem.severity < Severity::Fatal));
    let root = editor.root();
    let _ = editor
        .create_key(root, "new", Some(&descriptor(1)), NOW)
        .map(|key| editor.set_value(key, "v", 3, &[1; 9], NOW));
    if let Ok(Some(key)) = editor.subkey(root, "key 7") {
        editor.remove_tree(key, NOW).expect("it is removed");
    }
    let bytes = editor.finish(NOW).expect("it is written");
    let problems = check(&bytes).expect("it is a hive");
    assert!(problems.iter().all(|problem| problem.severity < Severity::Fatal), "{problems:?}");
}

#[test]
fn a_hive_cut_short_anywhere_is_refused() {
    let bytes = sample();
    for length in (0..5000).chain((5000..bytes.len()).step_by(997)) {
        let error = header(&bytes[..length]).expect_err("it is refused");
        assert!(matches!(error, Error::TooShort { .. } | Error::Truncated { .. }), "{error}");
        exercise(&bytes[..length]);
    }
}

#[test]
fn a_damaged_real_hive_is_explained() {
    let Some(bytes) = fixture("corrupted_system_hive") else { return };
    exercise(&bytes);
    let problems = check(&bytes).expect("its base block is whole");
    assert!(problems.iter().any(|problem| problem.severity == Severity::Fatal));
    let error = Editor::open_dirty(bytes).expect_err("it is refused");
    assert_eq!(
        error.to_string(),
        "the hive has 1 faults that make editing unsafe; the first: bin at 0x19000: the bin's signature is not `hbin`"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_bytes_never_break_a_reader_or_an_editor(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let mut bytes = sample();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        exercise(&bytes);
    }

    #[test]
    fn changed_records_never_break_a_reader_or_an_editor(changes in proptest::collection::vec((4096..0x6000_usize, any::<u8>()), 1..6)) {
        let mut bytes = sample();
        for (place, byte) in changes {
            bytes[place] = byte;
        }
        exercise(&bytes);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        exercise(&bytes);
        let _ = trueup::formats::regf::recover(&bytes, &[&bytes]);
    }
}

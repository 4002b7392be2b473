//! Edits of real hives, and what other programs say about the result.

use std::process::Command;

use trueup::formats::regf::{Editor, Error, Hive, Severity, check, create};

use super::fixtures::{HIVES, NOW, descriptor, dump, fixture, scratch, strict_errors};

#[test]
fn a_new_hive_is_sound() {
    let bytes = create("ROOT", &descriptor(0), NOW).expect("a hive is made");
    assert_eq!(check(&bytes).expect("it is a hive"), []);
    if let Some((errors, text)) = strict_errors("new", &bytes) {
        assert_eq!(errors, 0, "{text}");
    }
    let hive = Hive::open(&bytes).expect("it opens");
    assert_eq!(hive.root().expect("readable").offset(), 0x20);
}

#[test]
fn real_hives_have_no_fatal_problem_and_stay_as_they_are_without_an_edit() {
    for name in HIVES {
        let Some(bytes) = fixture(name) else { continue };
        let problems = check(&bytes).expect("it is a hive");
        println!("{name}: {problems:?}");
        assert!(problems.iter().all(|problem| problem.severity == Severity::Tolerable), "{name}: {problems:?}");
        let mut editor = Editor::open_dirty(bytes.clone()).expect("it opens");
        let root = editor.root();
        editor.subkeys(root).expect("readable");
        assert!(!editor.is_changed());
        assert!(editor.finish(NOW).expect("it is written") == bytes, "{name} stays as it is");
    }
}

#[test]
fn dirty_hives_are_refused_unless_accepted() {
    for name in ["SYSTEM_WIN_10_1709", "SECURITY"] {
        let Some(bytes) = fixture(name) else { continue };
        let refusal = Editor::open(bytes.clone());
        assert!(matches!(refusal, Err(Error::Dirty { .. } | Error::TransactionsPending)), "{refusal:?}");
        assert!(Hive::open(&bytes).is_err());
    }
}

#[test]
fn edits_of_real_hives_change_what_they_name_and_nothing_else() {
    for name in HIVES {
        let Some(bytes) = fixture(name) else { continue };
        let before = dump(&bytes);
        let strict_before = strict_errors(&format!("{name}.before"), &bytes);
        let mut editor = Editor::open_dirty(bytes).expect("it opens");
        let root = editor.root();
        let key = editor.create_key(root, "Trueup Größe", Some(&descriptor(1)), NOW).expect("it is made");
        let below = editor.create_key(key, "below", None, NOW).expect("it is made");
        let text: Vec<u8> = "wört\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        editor.set_value(below, "text", 1, &text, NOW).expect("it is set");
        editor.set_value(below, "number", 4, &[0x78, 0x56, 0x34, 0x12], NOW).expect("it is set");
        editor.set_value(below, "big", 3, &vec![0x5A; 50_000], NOW).expect("it is set");
        let edited = editor.finish(NOW).expect("it is written");

        let mut after = dump(&edited);
        let made: Vec<_> =
            after.keys().filter(|path| path.first().is_some_and(|first| first == "Trueup Größe")).cloned().collect();
        assert_eq!(made.len(), 2);
        for path in made {
            after.remove(&path);
        }
        after.get_mut(&Vec::new()).expect("the root is there").last_written = before[&Vec::new()].last_written;
        assert!(before == after, "{name}: nothing else changed");

        if let (Some((before, _)), Some((errors, text))) =
            (strict_before, strict_errors(&format!("{name}.after"), &edited))
        {
            assert!(errors <= before, "{name}: {text}");
        }
        if let Some(read) = hivexsh(&edited, name, "cd Trueup Größe\\below\nlsval number\nlsval text\n") {
            assert_eq!(
                read.split_whitespace().collect::<Vec<_>>(),
                [0x1234_5678.to_string().as_str(), "wört"],
                "{name}"
            );
        }
    }
}

#[test]
fn removing_what_was_added_leaves_the_tree_as_it_was() {
    for name in HIVES {
        let Some(bytes) = fixture(name) else { continue };
        let before = dump(&bytes);
        let mut editor = Editor::open_dirty(bytes).expect("it opens");
        let root = editor.root();
        let root_time = editor.last_written(root).expect("readable");
        let subkeys = editor.subkeys(root).expect("readable");
        let named = editor.name(subkeys[0]).expect("readable").text.into_owned();
        editor
            .rename_key(subkeys[0], "a name that is quite a bit longer than the one before it was", NOW)
            .expect("renamed");
        let key = editor.create_key(root, "new", Some(&descriptor(2)), NOW).expect("it is made");
        let key_time = editor.last_written(subkeys[0]).expect("readable");
        assert_eq!(key_time, NOW);
        let time = before[&vec![named.clone()]].last_written;
        editor.rename_key(subkeys[0], &named, time).expect("renamed");
        editor.remove_tree(key, root_time).expect("removed");
        let bytes = editor.finish(NOW).expect("it is written");
        let after = dump(&bytes);
        assert!(before == after, "{name}");
        if let Some((errors, text)) = strict_errors(&format!("{name}.same"), &bytes) {
            assert_eq!(errors, 0, "{text}");
        }
    }
}

#[test]
fn trees_of_a_real_hive_are_removed_whole() {
    let Some(bytes) = fixture("SYSTEM_WIN_10_1709") else { return };
    let mut editor = Editor::open_dirty(bytes.clone()).expect("it opens");
    let services = editor.find(&["ControlSet001", "Services"]).expect("readable").expect("present");
    editor.remove_tree(services, NOW).expect("removed");
    let bytes = editor.finish(NOW).expect("it is written");
    assert_eq!(check(&bytes).expect("it is a hive"), []);
    if let Some((errors, text)) = strict_errors("SYSTEM.removed", &bytes) {
        assert_eq!(errors, 0, "{text}");
    }
}

/// Many sessions of ten thousand edits each: freed cells are used again.
#[test]
fn edits_do_not_grow_a_hive_without_bound() {
    let mut bytes = create("ROOT", &descriptor(0), NOW).expect("a hive is made");
    let mut largest = Vec::new();
    for session in 0..6_usize {
        let mut editor = Editor::open(bytes).expect("it opens");
        let root = editor.root();
        for number in 0..10_000_usize {
            let name = format!("value {}", number % 100);
            if number % 3 == 2 {
                editor.remove_value(root, &name, NOW).expect("removed");
            } else {
                editor.set_value(root, &name, 3, &vec![1; (number * 7 + session) % 300], NOW).expect("set");
            }
        }
        let key = editor.create_key(root, "key", None, NOW).expect("made");
        editor.create_key(key, "below", None, NOW).expect("made");
        editor.remove_tree(key, NOW).expect("removed");
        bytes = editor.finish(NOW).expect("it is written");
        assert_eq!(check(&bytes).expect("it is a hive"), []);
        largest.push(bytes.len());
    }
    assert!(largest.iter().all(|length| *length <= 64 * 1024), "{largest:?}");
}

#[test]
fn a_refused_edit_changes_nothing() {
    let bytes = create("ROOT", &descriptor(0), NOW).expect("a hive is made");
    let mut editor = Editor::open(bytes.clone()).expect("it opens");
    let root = editor.root();
    let long = "x".repeat(256);
    for name in ["", "a\\b", "a\0", &long] {
        assert!(editor.create_key(root, name, None, NOW).is_err());
    }
    assert!(editor.create_key(root, "k", Some(&[1, 2, 3]), NOW).is_err());
    assert!(editor.set_value(root, &"x".repeat(16_384), 1, &[], NOW).is_err());
    assert!(matches!(editor.remove_tree(root, NOW), Err(Error::Root { .. })));
    assert!(matches!(editor.rename_key(root, "other", NOW), Err(Error::Root { .. })));
    assert!(!editor.remove_value(root, "none", NOW).expect("nothing to remove"));
    assert!(editor.finish(NOW).expect("it is written") == bytes);
}

#[test]
fn keys_deeper_than_512_levels_are_refused() {
    let bytes = create("ROOT", &descriptor(0), NOW).expect("a hive is made");
    let mut editor = Editor::open(bytes).expect("it opens");
    let mut key = editor.root();
    for _ in 1..512 {
        key = editor.create_key(key, "k", None, NOW).expect("made");
    }
    assert!(matches!(editor.create_key(key, "k", None, NOW), Err(Error::TooDeep { limit: 512, .. })));
    let bytes = editor.finish(NOW).expect("it is written");
    assert_eq!(check(&bytes).expect("it is a hive"), []);
    Hive::open(&bytes).expect("it opens").key(&["k"; 511]).expect("readable").expect("present");
}

/// Runs hivexsh; none, and a line that says so, when it isn't installed.
fn hivexsh(bytes: &[u8], name: &str, commands: &str) -> Option<String> {
    let script = scratch(&format!("{name}.hivexsh"), commands.as_bytes());
    let hive = scratch(&format!("{name}.hivex"), bytes);
    let Ok(output) = Command::new("hivexsh").arg("-f").arg(script).arg(hive).env("LC_ALL", "C.UTF-8").output() else {
        println!("skipped: hivexsh is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

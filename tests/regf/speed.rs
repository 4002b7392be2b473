//! The time edits and checks take; run in release, as measuring is not a test of behaviour: `cargo test --release --test regf -- --ignored speed`.

use std::time::{Duration, Instant};

use trueup::formats::regf::{Editor, Hive, check, create};

use super::fixtures::{NOW, descriptor, fixture};

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    println!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1000.0);
    done
}

#[test]
#[ignore = "measures"]
fn speed_of_many_edits_under_one_key() {
    for count in [10_000, 100_000, 1_000_000_usize] {
        println!("-- {count}");
        // Scattered, so that neither lists nor cells are touched in order.
        let names: Vec<String> = (0..count).map(|number| format!("name {:07}", number * 7919 % count)).collect();
        let mut editor = Editor::open(create("ROOT", &descriptor(0), NOW).expect("made")).expect("it opens");
        let root = editor.root();
        timed("set new values", || {
            names.iter().for_each(|name| _ = editor.set_value(root, name, 1, name.as_bytes(), NOW).expect("set"))
        });
        let bytes = timed("finish", || editor.finish(NOW).expect("written"));
        let mut editor = timed("open", || Editor::open(bytes).expect("it opens"));
        let root = editor.root();
        timed("change values", || {
            names.iter().for_each(|name| _ = editor.set_value(root, name, 3, &[7; 40], NOW).expect("set"))
        });
        timed("remove values", || {
            names.iter().for_each(|name| _ = editor.remove_value(root, name, NOW).expect("removed"))
        });
        timed("create keys", || {
            names.iter().for_each(|name| _ = editor.create_key(root, name, Some(&descriptor(0)), NOW).expect("made"))
        });
        let bytes = timed("finish", || editor.finish(NOW).expect("written"));
        timed("check", || assert_eq!(check(&bytes).expect("a hive"), []));
        let hive = Hive::open(&bytes).expect("it opens");
        let key = hive.root().expect("readable");
        timed("look up 1000 keys", || {
            names[..1000].iter().for_each(|name| _ = key.subkey(name).expect("readable").expect("present"))
        });
        timed("miss 1000 keys", || {
            (0..1000).for_each(|number| assert!(key.subkey(&format!("nil {number}")).expect("readable").is_none()))
        });
        let mut editor = Editor::open(bytes).expect("it opens");
        let root = editor.root();
        timed("remove keys", || {
            for name in &names {
                let key = editor.subkey(root, name).expect("readable").expect("present");
                editor.remove_tree(key, NOW).expect("removed");
            }
        });
        timed("finish", || editor.finish(NOW).expect("written"));
    }
}

#[test]
#[ignore = "measures"]
fn speed_of_opening_a_real_hive() {
    let Some(bytes) = fixture("SYSTEM_WIN_10_1709") else { return };
    for _ in 0..3 {
        timed("Hive::open_dirty", || drop(Hive::open_dirty(&bytes).expect("it opens")));
        timed("check", || drop(check(&bytes).expect("a hive")));
        let copy = bytes.clone();
        timed("Editor::open_dirty", || drop(Editor::open_dirty(copy).expect("it opens")));
    }
    let start = Instant::now();
    let keys = super::fixtures::dump(&bytes).len();
    assert!(start.elapsed() < Duration::from_secs(10));
    println!("dump of {keys} keys: {:.1} ms", start.elapsed().as_secs_f64() * 1000.0);
}

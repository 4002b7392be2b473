//! Lists of subkeys: kinds, limits, order, and lookups in lists that are not in order.

use trueup::formats::regf::{Editor, Fault, Hive, check, create};

use super::fixtures::{NOW, descriptor, strict_errors};
use super::model::reseal;

fn with_keys(minor: u8, count: usize) -> Vec<u8> {
    let mut bytes = create("ROOT", &descriptor(0), NOW).expect("a hive is made");
    bytes[24] = minor;
    reseal(&mut bytes);
    let mut editor = Editor::open(bytes).expect("it opens");
    let root = editor.root();
    for number in 0..count {
        editor.create_key(root, &format!("key {:05}", number * 7919 % count), None, NOW).expect("made");
    }
    editor.finish(NOW).expect("it is written")
}

/// The cell of the root's subkey list.
fn root_list(bytes: &[u8]) -> usize {
    let list = u32::from_le_bytes(bytes[4096 + 0x20 + 4 + 28..][..4].try_into().expect("four bytes"));
    4096 + list as usize + 4
}

#[test]
fn leaves_are_of_the_kind_the_version_asks_for_and_no_longer_than_allowed() {
    for (minor, count, signature) in
        [(3, 507, b"lf"), (4, 10, b"lf"), (5, 507, b"lh"), (6, 508, b"ri"), (3, 2000, b"ri")]
    {
        let bytes = with_keys(minor, count);
        assert_eq!(&bytes[root_list(&bytes)..][..2], signature, "{minor} {count}");
        assert_eq!(check(&bytes).expect("it is a hive"), []);
        if let Some((errors, text)) = strict_errors(&format!("lists.{minor}.{count}"), &bytes) {
            assert_eq!(errors, 0, "{text}");
        }
    }
}

#[test]
fn an_old_leaf_keeps_its_kind() {
    let mut bytes = with_keys(3, 10);
    bytes[24] = 5;
    reseal(&mut bytes);
    let mut editor = Editor::open(bytes).expect("it opens");
    let root = editor.root();
    editor.create_key(root, "another", None, NOW).expect("made");
    let bytes = editor.finish(NOW).expect("it is written");
    assert_eq!(&bytes[root_list(&bytes)..][..2], b"lf");
    assert_eq!(check(&bytes).expect("it is a hive"), []);
}

#[test]
fn a_plain_leaf_stays_plain() {
    let mut bytes = with_keys(5, 3);
    let list = root_list(&bytes);
    let offsets: Vec<u8> = bytes[list + 4..list + 28].chunks_exact(8).flat_map(|entry| entry[..4].to_vec()).collect();
    bytes[list..list + 2].copy_from_slice(b"li");
    bytes[list + 4..list + 16].copy_from_slice(&offsets);
    assert_eq!(check(&bytes).expect("it is a hive"), []);
    let mut editor = Editor::open(bytes).expect("it opens");
    let root = editor.root();
    for number in 0..2000 {
        editor.create_key(root, &format!("more {number}"), None, NOW).expect("made");
    }
    let bytes = editor.finish(NOW).expect("it is written");
    let index = root_list(&bytes);
    let leaf = 4096 + u32::from_le_bytes(bytes[index + 4..index + 8].try_into().expect("four bytes")) as usize + 4;
    assert_eq!((&bytes[index..index + 2], &bytes[leaf..leaf + 2]), (&b"ri"[..], &b"li"[..]));
    assert_eq!(check(&bytes).expect("it is a hive"), []);
}

#[test]
fn untouched_leaves_stay_where_they_are() {
    let bytes = with_keys(5, 3000);
    let mut editor = Editor::open(bytes.clone()).expect("it opens");
    let root = editor.root();
    editor.create_key(root, "key 00000a", None, NOW).expect("made");
    let edited = editor.finish(NOW).expect("it is written");
    let leaves = |bytes: &[u8]| {
        let list = root_list(bytes);
        let count = usize::from(u16::from_le_bytes([bytes[list + 2], bytes[list + 3]]));
        bytes[list + 4..][..4 * count].chunks_exact(4).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let (before, after) = (leaves(&bytes), leaves(&edited));
    assert!(before.iter().filter(|leaf| !after.contains(leaf)).count() <= 1);
}

#[test]
fn keys_are_found_in_lists_that_are_out_of_order() {
    for count in [20, 400] {
        let mut bytes = with_keys(5, count);
        let list = root_list(&bytes);
        let entries: Vec<u8> = bytes[list + 4..][..8 * count].chunks_exact(8).rev().flat_map(<[u8]>::to_vec).collect();
        bytes[list + 4..][..8 * count].copy_from_slice(&entries);
        let problems = check(&bytes).expect("it is a hive");
        assert!(matches!(problems.as_slice(), [problem] if problem.fault == Fault::Unsorted), "{problems:?}");
        let hive = Hive::open(&bytes).expect("it opens");
        let root = hive.root().expect("readable");
        for number in 0..count {
            assert!(root.subkey(&format!("KEY {number:05}")).expect("readable").is_some());
        }
        assert!(root.subkey("nothing").expect("readable").is_none());
        let mut editor = Editor::open(bytes).expect("it opens");
        let root = editor.root();
        editor.create_key(root, "another", None, NOW).expect("made");
        assert_eq!(
            check(&editor.finish(NOW).expect("it is written")).expect("it is a hive"),
            [],
            "an edit puts the list in order"
        );
    }
}

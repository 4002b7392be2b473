//! Descriptors that new keys inherit, against those Windows gave to real keys; and security records shared by keys.

use trueup::formats::regf::{Editor, check, create};

use super::fixtures::{NOW, descriptor};

#[test]
fn equal_descriptors_share_a_record_and_the_last_key_frees_it() {
    let bytes = create("ROOT", &descriptor(0), NOW).expect("a hive is made");
    let mut editor = Editor::open(bytes).expect("it opens");
    let root = editor.root();
    let keys: Vec<_> = (0..200)
        .map(|number| editor.create_key(root, &format!("k{number}"), Some(&descriptor(1)), NOW).expect("made"))
        .collect();
    for key in &keys {
        assert_eq!(editor.security(*key).expect("readable"), descriptor(1));
        assert!(editor.set_security(*key, &descriptor(2), NOW).expect("set"));
        assert!(!editor.set_security(*key, &descriptor(2), NOW).expect("set"));
    }
    assert!(editor.set_security(root, &descriptor(3), NOW).expect("set"));
    let bytes = editor.finish(NOW).expect("it is written");
    assert_eq!(check(&bytes), Ok(Vec::new()));
    let records = bytes.windows(2).filter(|pair| *pair == b"sk").count();
    assert_eq!(records, 2, "one for the root, one for all other keys");
}

//! Any bytes as a file in which one value is set or removed: done or refused; what was written reads back, and a second time
//! changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup::formats::edit::{Selector, Value, read, write};

fuzz_target!(|input: (u8, Option<&str>, &[u8])| {
    let (choice, value, file) = input;
    let selector = match choice % 6 {
        0 => Selector::Ini { section: Some("a".into()), key: "k".into() },
        1 => Selector::Ini { section: None, key: "k".into() },
        2 => Selector::Properties { key: "k".into() },
        3 => Selector::Xml { path: "/a/k[@n='1']/@v".into() },
        4 => Selector::Xml { path: "/a/k".into() },
        _ => Selector::Json { pointer: "/a/0/k".into() },
    };
    let value = value.map(|value| Value::Text(value.into()));
    let Ok(written) = write(file, &selector, value.as_ref()) else { return };
    let found = read(&written, &selector).expect("what was written can be read");
    assert_eq!(found.is_some(), value.is_some());
    assert_eq!(write(&written, &selector, found.as_ref()).expect("it is there already"), written);
});

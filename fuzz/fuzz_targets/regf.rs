//! Any bytes as a hive: reading, checking and editing never panic, and what an edit leaves has no fatal problem.
//! The input's last 64 bytes choose the edits, 4 bytes each.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup::formats::regf::{Editor, Error, Hive, Key, KeyId, Severity, check, create};

const TAIL: usize = 64;
const NAMES: [&str; 8] = ["a", "A", "b", "Größe", "key 7", "日本", "a longer name than the others are", ""];
/// The smallest self-relative descriptor that keys below inherit from.
const DESCRIPTOR: [u8; 60] = [
    1, 0, 4, 0x80, 48, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 2, 0, 28, 0, 1, 0, 0, 0, 0, 2, 20, 0, 0x3F, 0,
    0xF, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
];

fuzz_target!(|input: &[u8]| {
    let (hive, tail) = input.split_at(input.len().saturating_sub(TAIL));
    let mut bytes = hive.to_vec();
    // Most changed bytes break the base block, which says little about the rest: it is written anew every other time.
    if tail.first().is_some_and(|byte| byte % 2 == 0) {
        bytes = with_sound_base_block(bytes);
    }
    read(&bytes);
    edit(bytes, tail);
});

fn with_sound_base_block(mut bytes: Vec<u8>) -> Vec<u8> {
    let sound = create("R", &DESCRIPTOR, 1).expect("a hive is made");
    let length = bytes.len() / 4096 * 4096;
    bytes.truncate(length);
    if length < 8192 {
        return sound;
    }
    let minor = bytes[24];
    bytes[..4096].copy_from_slice(&sound[..4096]);
    bytes[24] = 3 + minor % 4;
    bytes[40..44].copy_from_slice(&u32::try_from(length - 4096).expect("small").to_le_bytes());
    bytes
}

fn read(bytes: &[u8]) {
    let _ = check(bytes);
    let Ok(hive) = Hive::open_dirty(bytes) else { return };
    if let Ok(root) = hive.root() {
        walk(&root, &mut 1000);
    }
}

fn walk(key: &Key<'_>, budget: &mut usize) {
    let _ = (key.name(), key.class(), key.security(), key.value_index().is_ok());
    for value in key.values().flatten().take(200) {
        let _ = (value.name(), value.data());
    }
    for name in NAMES {
        let _ = (key.subkey(name), key.value(name));
    }
    for subkey in key.subkeys().flatten() {
        if *budget == 0 {
            return;
        }
        *budget -= 1;
        walk(&subkey, budget);
    }
}

fn edit(bytes: Vec<u8>, tail: &[u8]) {
    let Ok(mut editor) = Editor::open_dirty(bytes.clone()) else { return };
    let mut keys = vec![editor.root()];
    for step in tail.as_chunks::<4>().0 {
        if let Err(error) = one_edit(&mut editor, &mut keys, *step) {
            let refused = matches!(
                error,
                Error::Name { .. }
                    | Error::Exists { .. }
                    | Error::Root { .. }
                    | Error::Removed
                    | Error::IntoItself { .. }
                    | Error::TooDeep { .. }
                    | Error::PredefinedHandle { .. }
                    | Error::Inheritance { .. }
                    | Error::TooLong { .. }
            );
            assert!(refused, "{error}");
        }
    }
    let changed = editor.is_changed();
    let edited = match editor.finish(2) {
        Ok(edited) => edited,
        Err(Error::SequencesExhausted { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    assert!(changed || edited == bytes);
    let problems = check(&edited).expect("it is a hive");
    assert!(problems.iter().all(|problem| problem.severity < Severity::Fatal), "{problems:?}");
}

fn one_edit(editor: &mut Editor, keys: &mut Vec<KeyId>, [what, which, name, argument]: [u8; 4]) -> Result<(), Error> {
    let key = keys[usize::from(which) % keys.len()];
    let other = keys[usize::from(argument) % keys.len()];
    let name = NAMES[usize::from(name) % NAMES.len()];
    let data = vec![argument; usize::from(argument) * 80];
    match what % 10 {
        0 => keys.push(editor.create_key(key, name, Some(&DESCRIPTOR), 2)?),
        1 => keys.push(editor.create_key(key, name, None, 2)?),
        2 | 3 => drop(editor.set_value(key, name, 3, &data, 2)?),
        4 => drop(editor.remove_value(key, name, 2)?),
        5 => editor.remove_tree(key, 2)?,
        6 => drop(editor.rename_key(key, name, 2)?),
        7 => drop(editor.move_key(key, other, name, 2)?),
        8 => drop((editor.set_security(key, &DESCRIPTOR, 2)?, editor.set_class(key, name, 2)?)),
        _ => keys.extend(editor.subkeys(key)?.into_iter().take(20)),
    }
    Ok(())
}

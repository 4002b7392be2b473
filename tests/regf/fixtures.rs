//! Real hives, unpacked when they are at hand, and other programs that read hives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use trueup::formats::regf::{Hive, Key};

/// A FILETIME in 2026, later than every time in the fixtures.
pub const NOW: u64 = 0x01DC_5B00_0000_0000;

/// Hives that are sound; the last two are dirty and have no logs.
pub const HIVES: [&str; 5] = ["SAM", "NTUSER.DAT", "BCD", "SYSTEM_WIN_10_1709", "SECURITY"];

/// A self-relative descriptor: owner and group SYSTEM, full access for SYSTEM and, to keys below, for Administrators; `variant` makes others.
pub fn descriptor(variant: u8) -> Vec<u8> {
    let system = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    let mut bytes = vec![1, 0, 4, 0x80, 72, 0, 0, 0, 84, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0];
    bytes.extend([2, 0, 52, 0, 2, 0, 0, 0]);
    bytes.extend([0, 2, 20, 0, 0x3F, variant & 0x1F, 0xF, 0]);
    bytes.extend(system);
    bytes.extend([0, 2, 24, 0, 0x3F, 0, 0xF, 0, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0]);
    bytes.extend(system);
    bytes.extend(system);
    bytes
}

/// Unpacks a fixture; none, and a line that says so, when it isn't there.
pub fn fixture(name: &str) -> Option<Vec<u8>> {
    let path = shared("fixtures/hives").join(format!("{name}.xz"));
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    let output = Command::new("xz").arg("-dkc").arg(&path).output().expect("xz runs");
    assert!(output.status.success(), "xz unpacks {}", path.display());
    Some(output.stdout)
}

pub fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path)
}

/// Writes bytes to a file for another program to read.
pub fn scratch(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("regf");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the file can be written");
    path
}

/// Asks the strict checker for the number of errors; none, and a line that says so, when it isn't there.
pub fn strict_errors(name: &str, bytes: &[u8]) -> Option<(usize, String)> {
    let checker = shared("tools/regf_strict.py");
    if !checker.exists() {
        println!("skipped: {} is not there", checker.display());
        return None;
    }
    let output = Command::new("python3").arg(checker).arg(scratch(name, bytes)).output().expect("python3 runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = text.split(" errs ").nth(1)?.split_whitespace().next()?.parse().ok()?;
    Some((errors, text))
}

/// Everything a key holds, for comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDump {
    pub name: String,
    pub last_written: u64,
    pub class: Vec<u8>,
    pub security: Vec<u8>,
    pub is_link: bool,
    /// Values in stored order.
    pub values: Vec<(String, u32, Vec<u8>)>,
}

/// Reads a whole hive: keys by path.
pub fn dump(bytes: &[u8]) -> BTreeMap<Vec<String>, KeyDump> {
    let hive = Hive::open_dirty(bytes).expect("the hive opens");
    let mut keys = BTreeMap::new();
    dump_key(&hive.root().expect("the root is readable"), &mut Vec::new(), &mut keys);
    keys
}

fn dump_key(key: &Key<'_>, path: &mut Vec<String>, keys: &mut BTreeMap<Vec<String>, KeyDump>) {
    let values = key.values().map(|value| {
        let value = value.expect("the value is readable");
        (value.name().text.into_owned(), value.value_type(), value.data().expect("the data are readable").into_owned())
    });
    let dump = KeyDump {
        name: key.name().text.into_owned(),
        last_written: key.last_written(),
        class: key.class().expect("the class is readable").to_vec(),
        security: key.security().expect("the descriptor is readable").to_vec(),
        is_link: key.is_link(),
        values: values.collect(),
    };
    keys.insert(path.clone(), dump);
    for subkey in key.subkeys() {
        let subkey = subkey.expect("the subkey is readable");
        path.push(subkey.name().text.into_owned());
        dump_key(&subkey, path, keys);
        path.pop();
    }
}

//! A volume whose hives are as large as those of a server in use, and two documents that pull it to and fro.

use std::fmt::Write as _;

use trueup::formats::regf::{Editor, KeyId};
use trueup::machine::image::sample;
use trueup::model::time::FileTime;

use crate::program::Folder;

/// When everything was written that the documents do not speak of: 2026-02-01T00:00:00Z.
pub const MADE: u64 = 134_143_776_000_000_000;
pub const HIVES: [&str; 2] = ["image/Windows/System32/config/SYSTEM", "image/Windows/System32/config/SOFTWARE"];
/// The key in each hive below which nothing is the documents' business.
pub const BALLAST: &str = "Ballast";
pub const SMALLEST: usize = 15 << 20;

const GROUPS: usize = 60;
const KEYS: usize = 100;
/// In each hive, keys of so many values that the documents set.
const LOADED: usize = 100;
const VALUES: usize = 10;

/// One of the two documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    A,
    B,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    pub const fn file(self) -> &'static str {
        match self {
            Self::A => "a.yaml",
            Self::B => "b.yaml",
        }
    }
}

/// A folder with the volume in `image` and both documents.
pub fn folder() -> Folder {
    let folder = Folder::new();
    sample::make(&folder.path("image"), "ACS-SRV01", FileTime(MADE)).expect("the sample can be made");
    for hive in HIVES {
        let bytes = enlarged(folder.read(hive), hive.ends_with("SOFTWARE"));
        assert!(bytes.len() >= SMALLEST, "{hive} has {} bytes", bytes.len());
        folder.write(hive, bytes);
    }
    for side in Side::BOTH {
        folder.write(side.file(), document(side));
    }
    folder
}

fn enlarged(bytes: Vec<u8>, with_renamed: bool) -> Vec<u8> {
    let mut editor = Editor::open(bytes).expect("the sample's hive opens");
    let root = editor.root();
    let ballast = key(&mut editor, root, BALLAST);
    for group in 0..GROUPS {
        let group = key(&mut editor, ballast, &format!("Group {group:03}"));
        for number in 0..KEYS {
            let key = key(&mut editor, group, &format!("Key {number:03}"));
            for value in 0..4_u8 {
                let data: Vec<u8> = (0..620_usize).map(|at| (at * 7 + number + usize::from(value)) as u8).collect();
                editor.set_value(key, &format!("Value {value}"), 3, &data, MADE).expect("the value is set");
            }
        }
    }
    let load = key(&mut editor, root, "Load");
    if with_renamed {
        let renamed = key(&mut editor, load, "Named by B");
        editor.set_value(renamed, "Kept", 1, &text("what moves with its key"), MADE).expect("the value is set");
        let below = key(&mut editor, renamed, "Below");
        editor.set_value(below, "Deep", 3, &[7; 300], MADE).expect("the value is set");
    }
    editor.finish(MADE).expect("the hive is written")
}

fn key(editor: &mut Editor, parent: KeyId, name: &str) -> KeyId {
    editor.create_key(parent, name, None, MADE).expect("the key is made")
}

fn text(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// About 2,000 values in both hives, a key that is renamed, a tree that goes and one that comes, and a descriptor.
fn document(side: Side) -> String {
    let mut out = "version: 1\nregistry:\n".to_owned();
    let other = side.other();
    for hive in ["SYSTEM", "SOFTWARE"] {
        for number in 0..LOADED {
            let _ = writeln!(out, "  HKLM\\{hive}\\Load\\Key {number:03}:\n    values:");
            for value in 0..VALUES {
                let data = match value % 5 {
                    0 => format!("text of {side:?} {number}"),
                    1 => format!("{}", number * 31 + side as usize),
                    2 => format!("[{side:?}, line {number}]"),
                    3 => format!("{{ qword: {} }}", number * 1_000_003 + side as usize),
                    // Of another length, so that cells move.
                    _ => format!("{{ binary: '{}' }}", "c5".repeat(40 + number % 50 + 64 * side as usize)),
                };
                let _ = writeln!(out, "      Value {value}: {data}");
            }
        }
        let _ = writeln!(out, "  HKLM\\{hive}\\Load\\Tree of {other:?}: {{ ensure: absent }}");
        for below in ["", "\\One", "\\One\\Deeper", "\\Two"] {
            let _ = writeln!(
                out,
                "  HKLM\\{hive}\\Load\\Tree of {side:?}{below}:\n    values: {{ In: '{side:?}{below}' }}"
            );
        }
    }
    let _ = writeln!(
        out,
        "  HKLM\\SOFTWARE\\Load\\Named by {side:?}:\n    renamed_from: HKLM\\SOFTWARE\\Load\\Named by {other:?}\n    values: {{ By: '{side:?}' }}"
    );
    let mask = match side {
        Side::A => "KR",
        Side::B => "KA",
    };
    for hive in ["SYSTEM", "SOFTWARE"] {
        let _ = writeln!(
            out,
            "  HKLM\\{hive}\\Load\\Guarded:\n    security: {{ sddl: 'O:BAG:SYD:P(A;CI;KA;;;SY)(A;CI;{mask};;;BA)' }}"
        );
    }
    out
}

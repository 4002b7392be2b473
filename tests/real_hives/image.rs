//! Offline volumes made of real hives, in folders that go away after the test.

use std::path::{Path, PathBuf};
use std::process::Command;

use trueup::formats::regf::{Editor, create};

use crate::program::Folder;

pub const SYSTEM: &str = "Windows/System32/config/SYSTEM";
pub const SECURITY: &str = "Windows/System32/config/SECURITY";
pub const SAM: &str = "Windows/System32/config/SAM";
pub const SOFTWARE: &str = "Windows/System32/config/SOFTWARE";
pub const BCD: &str = "Boot/BCD";
pub const NTUSER: &str = "Users/x/NTUSER.DAT";
/// The user `Preston` of the real SAM.
pub const SID: &str = "S-1-5-21-1760460187-1592185332-161725925-1000";

/// What lies beside the project, for everybody who works on it.
pub fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared").join(path)
}

/// Unpacks a fixture; none, and a line that says so, when it isn't there.
pub fn fixture(name: &str) -> Option<Vec<u8>> {
    let path = shared("fixtures/hives").join(format!("{name}.xz"));
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    let output = Command::new("xz").arg("-dc").arg(&path).output().expect("xz runs");
    assert!(output.status.success(), "xz unpacks {}", path.display());
    Some(output.stdout)
}

/// A folder whose `image` holds these fixtures at these places, and a SOFTWARE hive of our own making.
pub fn image(hives: &[(&str, &str)]) -> Option<Folder> {
    let folder = Folder::new();
    for (name, place) in hives {
        folder.write(&format!("image/{place}"), fixture(name)?);
    }
    folder.write(&format!("image/{SOFTWARE}"), software());
    Some(folder)
}

/// A document for the hives of an image.
pub fn document(folder: &Folder, keys: &str) {
    folder.write("site.yaml", format!("version: 1\nregistry:\n{keys}"));
}

/// A hive that says where the one user's profile is.
fn software() -> Vec<u8> {
    let now = 132_000_000_000_000_000;
    let bytes = create("CMI-CreateHive{00000000-0000-0000-0000-000000000001}", &descriptor(), now).expect("it is made");
    let mut editor = Editor::open(bytes).expect("it opens");
    let mut key = editor.root();
    for name in ["Microsoft", "Windows NT", "CurrentVersion", "ProfileList", SID] {
        key = editor.create_key(key, name, None, now).expect("the key is made");
    }
    let path: Vec<u8> = "%SystemDrive%\\Users\\x\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    editor.set_value(key, "ProfileImagePath", 2, &path, now).expect("the value is set");
    editor.finish(now).expect("it is written")
}

/// Owner and group SYSTEM; full access for SYSTEM, here and below.
fn descriptor() -> Vec<u8> {
    let system = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    let mut bytes = vec![1, 0, 4, 0x80, 48, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0];
    bytes.extend([2, 0, 28, 0, 1, 0, 0, 0, 0, 2, 20, 0, 0x3F, 0, 0xF, 0]);
    bytes.extend(system);
    bytes.extend(system);
    bytes.extend(system);
    bytes
}

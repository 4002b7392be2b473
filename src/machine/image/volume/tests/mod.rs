//! What a volume does for a friendly caller; faults and hostile volumes have files of their own.

mod faults;
#[cfg(unix)]
mod hostile;
#[cfg(unix)]
mod many;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::*;

const HIVE: &str = r"C:\Windows\System32\config\SYSTEM";

fn path(text: &str) -> VolumePath {
    text.parse().unwrap()
}

/// A folder with one hive in it.
fn image() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("Windows/System32/config")).unwrap();
    fs::write(folder.path().join("Windows/System32/config/SYSTEM"), "old").unwrap();
    folder
}

fn volume(folder: &tempfile::TempDir) -> Volume {
    Volume::open(folder.path()).unwrap()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_are_found_in_any_case_and_keep_theirs() {
    let folder = image();
    let volume = volume(&folder);
    for spelling in [HIVE, r"c:\windows\SYSTEM32\Config\system", r"%SystemRoot%\system32\config\System"] {
        assert_eq!(volume.find(&path(spelling)).unwrap().unwrap().path.to_string(), r"Windows\System32\config\SYSTEM");
        assert_eq!(volume.read(&path(spelling), 3).unwrap().unwrap(), b"old");
    }
    volume.replace(&path(r"windows\system32\CONFIG\system"), b"new").unwrap();
    assert_eq!(names_in(&folder.path().join("Windows/System32/config")), ["SYSTEM"]);
    assert_eq!(volume.read(&path(HIVE), 3).unwrap().unwrap(), b"new");

    assert_eq!(volume.find(&path(r"Windows\nothing\here")).unwrap(), None);
    assert_eq!(volume.read(&path("nothing"), 3).unwrap(), None);
    assert_eq!(volume.list(&path("nothing")).unwrap(), None);
    assert!(!volume.exists(&path("nothing")).unwrap());
    assert!(volume.exists(&VolumePath::root()).unwrap());
    assert_eq!(volume.metadata(&path(HIVE)).unwrap().unwrap().len, 3);
    let listed = volume.list(&VolumePath::root()).unwrap().unwrap();
    assert_eq!(listed, [Entry { name: "Windows".into(), kind: EntryKind::Folder }]);
}

#[test]
fn a_missing_volume_is_named_as_the_user_did() {
    let error = Volume::open(Path::new("no/such/volume")).unwrap_err();
    assert_eq!(error.to_string(), "opening the volume at no/such/volume");
}

#[test]
fn limits_hold() {
    let folder = image();
    let error = volume(&folder).read(&path(HIVE), 2).unwrap_err();
    assert_eq!(error.to_string(), r"Windows\System32\config\SYSTEM is larger than the limit of 2 bytes");
}

#[test]
fn kinds_of_entries_are_not_mixed_up() {
    let folder = image();
    let volume = volume(&folder);
    let config = path(r"Windows\System32\config");
    assert!(matches!(volume.read(&config, 9), Err(VolumeError::NotAFile { .. })));
    assert!(matches!(volume.replace(&config, b""), Err(VolumeError::NotAFile { .. })));
    assert!(matches!(volume.remove_file(&config), Err(VolumeError::NotAFile { .. })));
    assert!(matches!(volume.replace(&VolumePath::root(), b""), Err(VolumeError::NotAFile { .. })));
    assert!(matches!(volume.list(&path(HIVE)), Err(VolumeError::NotAFolder { .. })));
    assert!(matches!(volume.read(&path(HIVE).join("x").unwrap(), 9), Err(VolumeError::NotAFolder { .. })));
    assert!(matches!(volume.replace(&path(r"no\folder"), b""), Err(VolumeError::Missing { .. })));
    assert!(matches!(volume.truncate(&path("nothing")), Err(VolumeError::Missing { .. })));
}

#[test]
fn folders_files_and_journals_are_made() {
    let folder = image();
    let volume = volume(&folder);
    volume.create_dir_all(&path(r"ProgramData\trueup")).unwrap();
    volume.create_dir_all(&path(r"programdata\TRUEUP\runs")).unwrap();
    assert_eq!(names_in(&folder.path().join("ProgramData/trueup")), ["runs"]);

    let journal = path(r"ProgramData\trueup\journal");
    for line in [b"one\n", b"two\n"] {
        let mut appender = volume.open_append(&journal).unwrap();
        appender.write_all(line).unwrap();
        appender.sync_data().unwrap();
    }
    assert_eq!(volume.read(&journal, 99).unwrap().unwrap(), b"one\ntwo\n");
    volume.truncate(&journal).unwrap();
    assert_eq!(volume.read(&journal, 99).unwrap().unwrap(), b"");

    volume.rename(&path(r"ProgramData\trueup\JOURNAL"), &path(r"ProgramData\trueup\Journal")).unwrap();
    // A host that does not tell case apart may keep the old spelling.
    if cfg!(unix) {
        assert_eq!(names_in(&folder.path().join("ProgramData/trueup")), ["Journal", "runs"]);
    }
    volume.replace(&path(r"ProgramData\a"), b"a").unwrap();
    volume.rename(&path(r"ProgramData\a"), &path(r"ProgramData\trueup\JOURNAL")).unwrap();
    assert_eq!(fs::read(folder.path().join("ProgramData/trueup/Journal")).unwrap(), b"a");
    assert!(volume.remove_file(&journal).unwrap());
    assert!(!volume.remove_file(&journal).unwrap());
}

#[test]
fn one_owner_at_a_time() {
    let folder = image();
    let first = volume(&folder);
    let second = volume(&folder);
    let file = path(r"Windows\trueup.lock");
    let lock = first.lock(&file, "alice, process 12\u{1b}").unwrap();
    match second.lock(&file, "bob") {
        Err(LockError::Held { owner }) if cfg!(unix) => {
            assert_eq!(owner.as_deref(), Some("alice, process 12"))
        }
        other => assert!(matches!(other, Err(LockError::Held { .. }))),
    }
    drop(lock);
    assert_eq!(fs::read(folder.path().join("Windows/trueup.lock")).unwrap(), b"");

    // What a killed owner left behind is only text.
    fs::write(folder.path().join("Windows/trueup.lock"), "a killed owner").unwrap();
    let lock = second.lock(&file, "bob").unwrap();
    assert_eq!(fs::read(folder.path().join("Windows/trueup.lock")).unwrap(), b"bob");
    drop(lock);
}

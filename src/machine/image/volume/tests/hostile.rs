//! Volumes made to lead out of their folder, to block, or to confuse; and what only a Unix host keeps of a file.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use super::super::*;
use super::{HIVE, image, names_in, path, volume};

/// Everything a volume can be asked to do with a path.
fn every_answer(volume: &Volume, path: &VolumePath) -> Vec<Result<(), VolumeError>> {
    let other = VolumePath::root().join("other").unwrap();
    vec![
        volume.read(path, 99).map(drop),
        volume.metadata(path).map(drop),
        volume.replace(path, b"x"),
        volume.remove_file(path).map(drop),
        volume.rename(path, &other),
        volume.truncate(path),
        volume.open_append(path).map(drop),
    ]
}

#[test]
fn links_are_refused_wherever_they_stand() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("SYSTEM"), "outside").unwrap();
    let folder = image();
    fs::write(folder.path().join("inside"), "inside").unwrap();
    let root = folder.path();
    symlink(outside.path(), root.join("folder")).unwrap();
    symlink(outside.path().join("SYSTEM"), root.join("file")).unwrap();
    symlink(outside.path().join("new"), root.join("dangling")).unwrap();
    symlink("inside", root.join("relative")).unwrap();
    symlink("../../../../etc/passwd", root.join("upward")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink("Windows", root.join("tame")).unwrap();

    let volume = volume(&folder);
    let hostile =
        [r"folder\SYSTEM", r"FOLDER\new", "file", "FILE", "dangling", "relative", "upward", "loop", r"tame\System32\x"];
    for text in hostile {
        for (position, answer) in every_answer(&volume, &path(text)).into_iter().enumerate() {
            assert!(matches!(answer, Err(VolumeError::Link { .. })), "{text} {position}: {answer:?}");
        }
    }
    assert!(matches!(volume.list(&path("folder")), Err(VolumeError::Link { .. })));
    assert!(matches!(volume.create_dir_all(&path(r"folder\new")), Err(VolumeError::Link { .. })));
    assert!(matches!(volume.create_dir_all(&path("dangling")), Err(VolumeError::Link { .. })));
    assert!(matches!(volume.lock(&path("file"), "me"), Err(LockError::Volume(VolumeError::Link { .. }))));
    assert!(matches!(volume.rename(&path("inside"), &path("file")), Err(VolumeError::Link { .. })));
    assert_eq!(volume.find(&path("file")).unwrap().unwrap().kind, EntryKind::Link);

    assert_eq!(names_in(outside.path()), ["SYSTEM"]);
    assert_eq!(fs::read(outside.path().join("SYSTEM")).unwrap(), b"outside");
    assert_eq!(fs::read(root.join("inside")).unwrap(), b"inside");
}

#[test]
fn the_folder_of_the_volume_may_itself_be_reached_through_a_link() {
    let folder = image();
    let place = tempfile::tempdir().unwrap();
    symlink(folder.path(), place.path().join("volume")).unwrap();
    let volume = Volume::open(&place.path().join("volume")).unwrap();
    assert!(volume.exists(&path(HIVE)).unwrap());
}

#[test]
fn pipes_and_sockets_are_refused_and_nothing_waits() {
    let folder = image();
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let (sender, receiver) = mpsc::channel();
    let volume = volume(&folder);
    std::thread::spawn(move || {
        let answers: Vec<_> = ["pipe", "PIPE", "socket"]
            .into_iter()
            .map(path)
            .flat_map(|path| {
                let mut answers = every_answer(&volume, &path);
                // What it is may be said; opening it is what must not happen.
                drop(answers.remove(1));
                answers
            })
            .collect();
        sender.send(answers).unwrap();
    });
    let answers = receiver.recv_timeout(Duration::from_secs(20)).expect("a pipe made the volume wait");
    assert!(answers.iter().all(|answer| matches!(answer, Err(VolumeError::NotAFile { .. }))), "{answers:?}");
}

#[test]
fn names_that_differ_in_case_only() {
    let folder = image();
    for name in ["Hosts", "HOSTS", "Ärger", "äRGER"] {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let volume = volume(&folder);
    assert_eq!(volume.read(&path("HOSTS"), 99).unwrap().unwrap(), b"HOSTS");
    for answer in every_answer(&volume, &path("hosts")) {
        let message = answer.unwrap_err().to_string();
        assert_eq!(message, r#"hosts is ambiguous: "HOSTS" and "Hosts" differ only in case"#);
    }
    assert!(matches!(volume.find(&path("ärger")), Err(VolumeError::Ambiguous { .. })));
    volume.replace(&path("HOSTS"), b"new").unwrap();
    assert_eq!(fs::read(folder.path().join("Hosts")).unwrap(), b"Hosts");
}

#[test]
fn names_that_are_not_text_are_listed_and_never_taken_for_another() {
    let folder = image();
    let name = OsStr::from_bytes(b"hosts\xFF");
    fs::write(folder.path().join(name), "").unwrap();
    let volume = volume(&folder);
    assert!(volume.list(&VolumePath::root()).unwrap().unwrap().iter().any(|entry| entry.name == name));
    assert_eq!(volume.find(&path("hosts\u{FFFD}")).unwrap(), None);
    volume.replace(&path("hosts"), b"").unwrap();
    assert!(folder.path().join(name).exists());
}

#[test]
fn a_name_too_long_for_the_host_is_missing() {
    let folder = image();
    let long = path(&"ä".repeat(200));
    assert_eq!(volume(&folder).read(&long, 9).unwrap(), None);
    assert!(matches!(volume(&folder).replace(&long, b""), Err(VolumeError::Io { .. })));
}

#[test]
fn deep_paths_work_to_the_limit() {
    let folder = image();
    let deep = path(&vec!["f".repeat(60); 127].join("\\"));
    let volume = volume(&folder);
    volume.create_dir_all(&deep).unwrap();
    volume.replace(&deep.join("x").unwrap(), b"deep").unwrap();
    assert_eq!(volume.read(&deep.join("X").unwrap(), 9).unwrap().unwrap(), b"deep");
}

#[test]
fn mode_and_owner_are_kept() {
    let folder = image();
    let file = folder.path().join("Windows/System32/config/SYSTEM");
    for mode in [0o640, 0o604, 0o444, 0o4755] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        // Only root can give files away; for others this changes nothing and the test still holds.
        let _ = std::os::unix::fs::chown(&file, Some(1234), Some(1235));
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let before = fs::metadata(&file).unwrap();
        volume(&folder).replace(&path(HIVE), b"new").unwrap();
        let after = fs::metadata(&file).unwrap();
        assert_eq!(after.mode(), before.mode());
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
        assert_ne!(after.ino(), before.ino());
    }
}

#[test]
fn a_lock_of_another_process_is_seen_and_ends_with_it() {
    let folder = image();
    let file = folder.path().join("lock");
    fs::write(&file, "another process").unwrap();
    let mut holder = Command::new("flock")
        .arg("--no-fork")
        .arg(&file)
        .args(["sh", "-c", "echo held; exec sleep 60"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut word = [0; 5];
    holder.stdout.take().unwrap().read_exact(&mut word).unwrap();
    let volume = volume(&folder);
    let answer = volume.lock(&path("LOCK"), "me");
    assert!(matches!(&answer, Err(LockError::Held { owner: Some(owner) }) if owner == "another process"), "{answer:?}");
    assert_eq!(fs::read(&file).unwrap(), b"another process");
    holder.kill().unwrap();
    holder.wait().unwrap();
    drop(volume.lock(&path("lock"), "me").unwrap());
}

/// Lets `good` and `evil` take turns under `name` many times while `look` is called again and again.
pub fn race(root: &Path, name: &str, good: &str, evil: &str, mut look: impl FnMut()) {
    let [name, good, evil] = [name, good, evil].map(|name| root.join(name));
    let swapper = std::thread::spawn(move || {
        for _ in 0..3000 {
            for one in [&good, &evil] {
                fs::rename(one, &name).unwrap();
                fs::rename(&name, one).unwrap();
            }
        }
    });
    while !swapper.is_finished() {
        look();
    }
    swapper.join().unwrap();
}

#[test]
fn a_folder_swapped_for_a_link_is_not_followed() {
    let folder = image();
    let root = folder.path();
    for (name, content) in [("real", "inside"), ("elsewhere", "linked")] {
        fs::create_dir(root.join(name)).unwrap();
        fs::write(root.join(name).join("f"), content).unwrap();
    }
    symlink("elsewhere", root.join("evil")).unwrap();
    let volume = volume(&folder);
    race(root, "d", "real", "evil", || {
        if let Ok(Some(bytes)) = volume.read(&path(r"d\f"), 99) {
            assert_eq!(bytes, b"inside");
        }
        // Refused or made inside, as the moment has it; never made elsewhere.
        let _ = volume.open_append(&path(r"d\g"));
    });
    assert_eq!(names_in(&root.join("elsewhere")), ["f"]);
}

#[test]
fn a_file_swapped_for_a_pipe_does_not_block() {
    let folder = image();
    fs::write(folder.path().join("real"), "inside").unwrap();
    let made = Command::new("mkfifo").arg(folder.path().join("evil")).status().unwrap();
    assert!(made.success());
    let volume = volume(&folder);
    let root = folder.path().to_owned();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        race(&root, "f", "real", "evil", || {
            if let Ok(Some(bytes)) = volume.read(&path("f"), 99) {
                assert_eq!(bytes, b"inside");
            }
        });
        sender.send(()).unwrap();
    });
    let ended = receiver.recv_timeout(Duration::from_secs(30));
    assert!(ended.is_ok(), "a pipe made the volume wait");
}

#[test]
fn free_space_is_known() {
    assert!(volume(&image()).free_space().unwrap() > 0);
}

//! Volumes without room, and volumes that are not ours to write.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::transcript::sample_folder;
use crate::program::{Folder, Run, binary, changes};

const DOCUMENT: &str = "version: 1\nregistry:\n  HKLM\\SYSTEM\\Vendor: { values: { A: 1 } }\n  HKLM\\SOFTWARE\\Vendor: { values: { A: 1 } }\n";
const APPLY: [&str; 5] = ["apply", "site.yaml", "-m", "image:image", "--auto-approve"];

fn folder() -> Folder {
    let folder = sample_folder();
    folder.write("site.yaml", DOCUMENT);
    folder
}

/// Runs the program on a copy of the image on a file system of its own with so many KiB free, and gives the image back.
fn with_free(folder: &Folder, free: u64) -> Option<Run> {
    let script = format!(
        "mount -t tmpfs -o size=64m tmpfs small && cp -a image small/ && cp site.yaml small/ && cd small &&
         free=$(stat -f -c '%a * %S / 1024' .) && fill=$(($free - {free})) && head -c \"${{fill}}k\" /dev/zero > filler &&
         (\"$TRUEUP\" {}; code=$?; cp -a image ../after; exit $code)",
        APPLY.join(" ")
    );
    std::fs::create_dir_all(folder.path("small")).unwrap();
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", &script])
        .env("TRUEUP", binary())
        .current_dir(folder.path(""))
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("unshare") || said.contains("mount:") {
        println!("skipped: no file system of our own can be mounted here: {said}");
        return None;
    }
    Some(Run::of(&output))
}

/// From no room at all to more than enough: refused with the numbers, or done; never in between.
#[test]
fn a_volume_without_room_is_refused_with_the_numbers() {
    let mut done = 0;
    for free in [0, 4, 16, 64, 256, 800, 1_000, 1_200, 1_400, 1_800, 2_400, 8_000] {
        let folder = folder();
        let before = folder.states("image");
        let Some(run) = with_free(&folder, free) else { return };
        let after = folder.states("after");
        let is_hive = |name: &str| name.starts_with("Windows/System32/config/") && !name.ends_with('/');
        let hives = |states: &std::collections::BTreeMap<String, crate::program::FileState>| {
            states
                .iter()
                .filter(|(name, _)| is_hive(name))
                .map(|(name, state)| (name.clone(), state.bytes.clone()))
                .collect::<Vec<_>>()
        };
        if run.code == 0 {
            done += 1;
            continue;
        }
        println!("{free} KiB free: exit code {}\n{}", run.code, run.stderr);
        assert_eq!(hives(&after), hives(&before), "{free} KiB free");
        assert!(!changes(&before, &after).contains(".jsonl"), "no journal was begun");
        let run = run.exits(4).notes(&[
            "there is too little room",
            "are needed",
            "are free",
            "hint: make room on the volume",
        ]);
        assert_eq!(run.stderr.lines().filter(|line| line.starts_with("error")).count(), 1);
    }
    assert!(done > 0, "with enough room it is done");
}

/// The program as somebody who owns nothing here.
fn as_nobody(folder: &Folder, arguments: &[&str]) -> Option<Run> {
    if !rustix_is_root() {
        return Some(folder.run(arguments));
    }
    std::fs::copy(binary(), folder.path("trueup")).unwrap();
    std::fs::set_permissions(folder.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(folder.path("trueup"))
        .args(arguments)
        .env_clear()
        .current_dir(folder.path(""))
        .output();
    match output {
        Ok(output) if !String::from_utf8_lossy(&output.stderr).starts_with("setpriv") => Some(Run::of(&output)),
        other => {
            println!("skipped: nobody else can be become here: {other:?}");
            None
        }
    }
}

fn rustix_is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

fn set_modes(folder: &Folder, folders: u32) {
    for (name, _) in folder.states("image").into_iter().filter(|(name, _)| name.ends_with('/')) {
        std::fs::set_permissions(folder.path(&format!("image/{name}")), std::fs::Permissions::from_mode(folders))
            .unwrap();
    }
    std::fs::set_permissions(folder.path("image"), std::fs::Permissions::from_mode(folders)).unwrap();
}

#[test]
fn a_volume_that_is_not_ours_to_write() {
    let folder = folder();
    set_modes(&folder, 0o555);
    let before = folder.states("image");
    if let Some(run) = as_nobody(&folder, &APPLY) {
        println!("{}", run.stderr);
        let run = run.exits(1).notes(&["error: cannot write to the machine", "ProgramData", "Permission denied"]);
        assert!(run.stderr.contains("hint:"), "{}", run.stderr);
        assert_eq!(changes(&before, &folder.states("image")), "");
        let looked = as_nobody(&folder, &["plan", "site.yaml", "-m", "image:image"]).unwrap();
        looked.exits(0).says(&["4 to add"]);
    }
    set_modes(&folder, 0o755);
}

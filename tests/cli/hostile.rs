//! An image that wants to lead the program astray: nothing outside it is read or written.

#![cfg(unix)]

use std::os::unix::fs::symlink;

use super::transcript::{SOFTWARE, sample_folder};
use crate::program::{Folder, changes};

const VENDOR: &str = "version: 1\nregistry:\n  HKLM\\SOFTWARE\\Vendor: { values: { A: 1 } }\n";
const PLAN: [&str; 4] = ["plan", "site.yaml", "-m", "image:image"];
const APPLY: [&str; 5] = ["apply", "site.yaml", "-m", "image:image", "--auto-approve"];

/// The sample with a part of it outside, and a link in its place.
fn led_outside(part: &str) -> Folder {
    let folder = sample_folder();
    folder.write("site.yaml", VENDOR);
    std::fs::create_dir_all(folder.path("outside")).unwrap();
    let (inside, outside) = (folder.path(&format!("image/{part}")), folder.path("outside/part"));
    if inside.exists() {
        std::fs::rename(&inside, &outside).unwrap();
    } else {
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::create_dir_all(inside.parent().unwrap()).unwrap();
    }
    symlink(&outside, &inside).unwrap();
    folder
}

#[test]
fn links_are_not_followed() {
    for part in ["Windows", "Windows/System32/config", "Windows/System32/config/SOFTWARE"] {
        let folder = led_outside(part);
        let outside = folder.states("outside");
        for command in [&PLAN[..], &APPLY, &["capture", "-m", "image:image", "--key", "HKLM\\SOFTWARE"]] {
            let run = folder.run(command);
            // Nothing observed is also a reason to refuse an apply.
            assert!(run.code == 1 || (run.code == 4 && command == APPLY), "{}{}", run.stdout, run.stderr);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains("is a symbolic link; links on an offline volume are not followed"), "{part}: {said}");
            assert!(
                !said.contains("ACS-SRV01") && !said.contains("One Identity"),
                "nothing of the hives is told: {said}"
            );
        }
        assert_eq!(changes(&outside, &folder.states("outside")), "");
    }
}

#[test]
fn the_record_and_the_journal_stay_inside() {
    for part in ["ProgramData", "ProgramData/trueup", "ProgramData/trueup/journal", "ProgramData/trueup/lock"] {
        let folder = led_outside(part);
        if part.ends_with("lock") {
            let link = folder.path("image/ProgramData/trueup/lock");
            std::fs::remove_file(&link).unwrap();
            folder.write("outside/lock", "precious");
            symlink(folder.path("outside/lock"), link).unwrap();
        }
        let (outside, hive) = (folder.states("outside"), folder.read(SOFTWARE));
        // What the last runs did cannot be told; the lock is only asked for when that is known.
        folder.run(&APPLY).exits(if part.ends_with("lock") { 1 } else { 4 }).notes(&["symbolic link"]);
        assert_eq!(changes(&outside, &folder.states("outside")), "", "{part}");
        assert!(hive == folder.read(SOFTWARE), "{part}: nothing is changed without a record");
    }
}

#[test]
fn profile_paths_stay_inside() {
    let folder = sample_folder();
    for (at, path) in [r"C:\..\..\outside", r"\\server\share", r"D:\Users\x", r"%OUTSIDE%\x", r"C:\Users\x:stream"]
        .into_iter()
        .enumerate()
    {
        let data: Vec<u8> = path.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        let sid = format!("S-1-5-21-1-2-3-{}", 2000 + at);
        let key = ["Microsoft", "Windows NT", "CurrentVersion", "ProfileList", &sid];
        super::transcript::meddle(&folder, SOFTWARE, &key, "ProfileImagePath", 2, &data);
        folder.write(
            "site.yaml",
            format!("version: 1\nregistry:\n  HKU\\{sid}\\Environment: {{ values: {{ A: 1 }} }}\n"),
        );
        let run = folder.run(&PLAN);
        assert_eq!(run.code, 1, "{path}: {}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains("1 blocked") || run.stdout.contains("2 blocked"), "{path}: {}", run.stdout);
    }
}

#[test]
fn things_that_are_no_files_are_refused() {
    let folder = sample_folder();
    folder.write("site.yaml", VENDOR);
    std::fs::remove_file(folder.path(SOFTWARE)).unwrap();
    std::fs::create_dir(folder.path(SOFTWARE)).unwrap();
    folder.run(&PLAN).exits(1).says(&["is not a regular file"]);
    // Two spellings of one name: Windows could not hold both.
    let folder = sample_folder();
    folder.write("site.yaml", VENDOR);
    folder.write("image/Windows/System32/config/software", folder.read(SOFTWARE));
    if folder.states("image/Windows/System32/config").contains_key("software") {
        folder.write("site.yaml", VENDOR);
        let run = folder.run(&PLAN);
        assert!(run.code == 0 || run.stdout.contains("ambiguous"), "{}{}", run.stdout, run.stderr);
    }
}

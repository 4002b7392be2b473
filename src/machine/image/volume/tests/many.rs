//! Many files at once: each is answered as it would be alone, whatever stands there, and no link is followed.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use proptest::prelude::*;

use super::super::*;
use super::hostile::race;
use super::{image, path, volume};

/// What is said of one path.
fn say(visited: Visited) -> String {
    match visited {
        Visited::Missing { folders } => format!("missing {folders}"),
        Visited::Folder => "folder".into(),
        Visited::File { mut file, length, is_owner_only } => {
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(u64::try_from(text.len()).unwrap(), length);
            format!("{text:?} {is_owner_only:?}")
        }
    }
}

fn together(volume: &Volume, paths: &[VolumePath]) -> Vec<String> {
    let answers = volume.visit(paths, &|_, visited| Ok(say(visited)));
    answers.into_iter().map(|answer| answer.unwrap_or_else(|error| error.to_string())).collect()
}

/// By the calls that look at one path.
fn alone(volume: &Volume, path: &VolumePath) -> Result<String, VolumeError> {
    if volume.metadata(path)?.is_some_and(|found| found.kind == EntryKind::Folder) {
        return Ok("folder".into());
    }
    match volume.read(path, 999)? {
        Some(bytes) => Ok(format!("{:?} {:?}", String::from_utf8(bytes).unwrap(), volume.is_owner_only(path)?)),
        None => Ok(format!("missing {}", volume.missing_folders(path)?)),
    }
}

/// A volume with something of every kind.
fn jumble() -> tempfile::TempDir {
    let folder = image();
    let root = folder.path();
    fs::create_dir_all(root.join("a/b/C")).unwrap();
    fs::create_dir_all(root.join("A/b")).unwrap();
    for name in ["a/f", "a/F", "a/b/g", "a/b/C/h", "A/b/g", "a/\u{c4}", "x", "Two", "tWO"] {
        fs::write(root.join(name), name).unwrap();
    }
    fs::set_permissions(root.join("a/b/g"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("a", root.join("link")).unwrap();
    symlink("/etc/passwd", root.join("a/b/link")).unwrap();
    assert!(Command::new("mkfifo").arg(root.join("a/pipe")).status().unwrap().success());
    folder
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_are_answered_as_each_alone(
        names in proptest::collection::vec(r"(a|A|x|two|link|none)(\\(a|b|B|f|F|\xe4|none|link)){0,2}(\\(c|C|g|H|h|pipe|none))?|[aA]\\[pP]ipe|", 0..400),
    ) {
        let folder = jumble();
        let volume = volume(&folder);
        let paths: Vec<VolumePath> = names.iter().map(|name| path(&format!("C:\\{name}"))).collect();
        let found = together(&volume, &paths);
        prop_assert_eq!(found.len(), paths.len());
        for (path, found) in paths.iter().zip(found) {
            let expected = alone(&volume, path).unwrap_or_else(|error| error.to_string());
            prop_assert_eq!(found, expected, "{}", path);
        }
    }
}

#[test]
fn the_jumble_holds_every_answer() {
    let folder = jumble();
    let volume = volume(&folder);
    let names = [
        "a\\b\\G",
        "a\\b\\c\\H",
        "a\\f",
        "b\\f",
        "a\\none\\n\\n",
        "A\\b",
        "link\\f",
        "a\\B\\link",
        "a\\pipe",
        "x\\f",
        "a\\\u{e4}",
        "TWO",
    ];
    insta::assert_snapshot!(together(&volume, &names.map(path)).join("\n"), @r#"
    "a/b/g" Some(true)
    "a/b/C/h" Some(false)
    "a/f" Some(false)
    missing 1
    missing 2
    folder
    link is a symbolic link; links on an offline volume are not followed
    a\B\link is a symbolic link; links on an offline volume are not followed
    a\pipe is not a regular file
    x is not a folder
    "a/Ä" Some(false)
    TWO is ambiguous: "Two" and "tWO" differ only in case
    "#);
}

#[test]
fn a_folder_swapped_for_a_link_is_not_followed() {
    let folder = image();
    let root = folder.path();
    for (name, content) in [("real", "inside"), ("elsewhere", "linked")] {
        fs::create_dir(root.join(name)).unwrap();
        (0..300).for_each(|number| fs::write(root.join(name).join(format!("f{number}")), content).unwrap());
    }
    symlink("elsewhere", root.join("evil")).unwrap();
    let volume = volume(&folder);
    let paths: Vec<VolumePath> = (0..300).map(|number| path(&format!("d\\f{number}"))).collect();
    race(root, "d", "real", "evil", || {
        let found = volume.visit(&paths, &|_, visited| Ok(say(visited)));
        for answer in found.into_iter().flatten() {
            assert!(answer.starts_with("\"inside\"") || answer.starts_with("missing"), "{answer}");
        }
    });
}

//! Single writes to a volume when the power fails, and writes that are deliberately wrong: the model has to catch those.

use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use cap_std::fs::Dir;
use tempfile::TempDir;

use trueup::machine::volume::{Access, Disk, Volume, VolumePath};

use super::disk::{PowerDisk, When, scratch, seeded};

pub const SIDES: [When; 2] = [When::Before, When::After];
const MODE: u32 = 0o640;

pub fn path(text: &str) -> VolumePath {
    text.parse().expect("it is a path")
}

/// Content of so many bytes, none of them zero and no page like another.
pub fn content(tag: u8, length: usize) -> Vec<u8> {
    (0..length).map(|at| 1 + ((at / 7 + at / 4096 + usize::from(tag) * 31) % 255) as u8).collect()
}

/// The folder as it may look after the power failed now: the two extremes, then a random choice for each seed.
pub fn losses(disk: &PowerDisk, seeds: Range<u64>) -> impl Iterator<Item = TempDir> {
    let extremes = [disk.nothing_arrived(), disk.everything_arrived()];
    extremes.into_iter().chain(seeds.map(|seed| disk.after_power_loss(&mut seeded(seed))))
}

struct World {
    _folder: TempDir,
    disk: Arc<PowerDisk>,
    volume: Volume,
}

/// A volume with a file that is to be replaced and one that is none of anybody's business.
fn world(old: &[u8]) -> World {
    let folder = scratch();
    fs::create_dir_all(folder.path().join("config")).unwrap();
    fs::write(folder.path().join("config/SYSTEM"), old).unwrap();
    fs::set_permissions(folder.path().join("config/SYSTEM"), fs::Permissions::from_mode(MODE)).unwrap();
    fs::write(folder.path().join("config/other"), "other").unwrap();
    let disk = PowerDisk::of(folder.path());
    let volume = Volume::open_with(folder.path(), disk.clone()).unwrap();
    World { _folder: folder, disk, volume }
}

/// The number of steps that `act` takes when nothing goes wrong.
fn steps_of(old: &[u8], act: impl Fn(&Volume)) -> usize {
    let world = world(old);
    act(&world.volume);
    world.disk.steps().len()
}

fn found(folder: &Path, name: &str) -> Option<Vec<u8>> {
    fs::read(folder.join(name)).ok()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_replaced_file_is_the_old_or_the_new_and_the_new_once_told_so() {
    let (old, new) = (content(1, 9_000), content(2, 13_000));
    let replace = |volume: &Volume| volume.replace(&path(r"config\SYSTEM"), &new);
    let count = steps_of(&old, |volume| replace(volume).unwrap());
    let (mut olds, mut news) = (0, 0);
    for (step, side) in (1..=count + 1).flat_map(|step| SIDES.map(|side| (step, side))) {
        let World { _folder, disk, volume } = world(&old);
        disk.cut_at(step, side);
        let told = replace(&volume);
        assert_eq!(told.is_ok(), step > count, "{told:?}");
        for after in losses(&disk, 0..40) {
            let found = found(after.path(), "config/SYSTEM").expect("it is never missing");
            assert!(found == new || (found == old && told.is_err()), "cut {side:?} step {step}: {}", found.len());
            *(if found == new { &mut news } else { &mut olds }) += 1;
            let mode = fs::metadata(after.path().join("config/SYSTEM")).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, MODE, "cut {side:?} step {step}");
            assert_eq!(fs::read(after.path().join("config/other")).unwrap(), b"other");
        }
    }
    // After the rename and before its folder is synchronised it can be either.
    assert!(olds > 300 && news > 100, "{olds} {news}");
}

#[test]
fn a_new_file_is_missing_or_whole_and_there_once_told_so() {
    let new = content(2, 13_000);
    let replace = |volume: &Volume| volume.replace(&path(r"config\new"), &new);
    let count = steps_of(b"old", |volume| replace(volume).unwrap());
    for (step, side) in (1..=count + 1).flat_map(|step| SIDES.map(|side| (step, side))) {
        let World { _folder, disk, volume } = world(b"old");
        disk.cut_at(step, side);
        let told = replace(&volume);
        for after in losses(&disk, 0..40) {
            match found(after.path(), "config/new") {
                Some(found) => assert_eq!(found, new, "cut {side:?} step {step}"),
                None => assert!(told.is_err(), "cut {side:?} step {step}"),
            }
        }
    }
}

#[test]
fn made_folders_are_there_once_told_so() {
    let World { _folder, disk, volume } = world(b"old");
    volume.create_dir_all(&path(r"a\b\c")).unwrap();
    volume.replace(&path(r"a\b\c\file"), b"new").unwrap();
    for after in losses(&disk, 0..40) {
        assert_eq!(found(after.path(), "a/b/c/file").unwrap(), b"new");
    }
}

/// What a replacement that a careless program might write leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Careless {
    Nothing,
    SyncFile,
    SyncFolder,
    TemporaryFile,
}

/// Replaces the file carelessly, comes to the end, and gives every content that may be there after the power failed.
fn contents_after(careless: Careless, new: &[u8]) -> Vec<Option<Vec<u8>>> {
    let World { _folder, disk, .. } = world(&content(1, 9_000));
    let folder = Dir::open_ambient_dir(_folder.path().join("config"), cap_std::ambient_authority()).unwrap();
    if careless == Careless::TemporaryFile {
        let file = disk.open_append(&folder, "SYSTEM").unwrap();
        disk.truncate(&file).unwrap();
        disk.write(&file, new).unwrap();
    } else {
        let file = disk.create_new(&folder, "temporary", Access::Usual).unwrap();
        disk.write(&file, new).unwrap();
        if careless != Careless::SyncFile {
            disk.sync_file(&file).unwrap();
        }
        disk.rename(&folder, "temporary", &folder, "SYSTEM").unwrap();
        if careless != Careless::SyncFolder {
            disk.sync_folder(&folder).unwrap();
        }
    }
    losses(&disk, 0..200).map(|after| found(after.path(), "config/SYSTEM")).collect()
}

fn is(bytes: &[u8]) -> impl Fn(&Option<Vec<u8>>) -> bool {
    move |found| found.as_deref() == Some(bytes)
}

#[test]
fn the_model_catches_what_a_careless_replacement_leaves_out() {
    let (old, new) = (content(1, 9_000), content(2, 13_000));
    let is_prefix = |found: &Option<Vec<u8>>| {
        found.as_ref().is_some_and(|found| !found.is_empty() && found.len() < new.len() && new.starts_with(found))
    };
    let has_hole = |found: &Option<Vec<u8>>| {
        found.as_ref().is_some_and(|found| found.len() == new.len() && found[..4096].iter().all(|byte| *byte == 0))
    };

    assert!(contents_after(Careless::Nothing, &new).iter().all(is(&new)));

    let without_data = contents_after(Careless::SyncFile, &new);
    assert!(without_data.iter().any(is(b"")), "the name arrives and no data");
    assert!(without_data.iter().any(is_prefix), "the first bytes arrive");
    assert!(without_data.iter().any(has_hole), "the last bytes arrive and the first ones do not");
    assert!(!without_data.iter().any(is(&old)), "the name is durable");

    let without_name = contents_after(Careless::SyncFolder, &new);
    assert!(without_name.iter().any(is(&old)), "what was told as done is not there");
    assert!(without_name.iter().all(|found| is(&old)(found) || is(&new)(found)), "a rename is there or not");

    let in_place = contents_after(Careless::TemporaryFile, &new);
    assert!(in_place.iter().any(is(b"")) && in_place.iter().any(is_prefix), "neither old nor new");
}

#[test]
fn the_model_catches_a_folder_whose_name_is_not_synchronised() {
    let World { _folder, disk, .. } = world(b"old");
    let root = Dir::open_ambient_dir(_folder.path(), cap_std::ambient_authority()).unwrap();
    disk.create_folder(&root, "made").unwrap();
    let made = root.open_dir("made").unwrap();
    let file = disk.create_new(&made, "file", Access::Usual).unwrap();
    disk.write(&file, b"content").unwrap();
    disk.sync_file(&file).unwrap();
    disk.sync_folder(&made).unwrap();
    assert!(losses(&disk, 0..40).any(|after| !after.path().join("made").exists()));
    disk.sync_folder(&root).unwrap();
    assert!(losses(&disk, 0..40).all(|after| found(after.path(), "made/file").as_deref() == Some(b"content")));
}

/// A rename across folders is two steps to this model, as on file systems without a journal; those with one do better.
#[test]
fn a_rename_across_folders_may_be_half_there() {
    let World { _folder, disk, volume } = world(b"old");
    disk.cut_at(2, When::Before);
    volume.rename(&path(r"config\SYSTEM"), &path("SYSTEM")).unwrap_err();
    let halves = losses(&disk, 0..40).map(|after| {
        let is_there = |name: &str| found(after.path(), name).is_some_and(|found| found == b"old");
        (is_there("config/SYSTEM"), is_there("SYSTEM"))
    });
    let mut halves: Vec<_> = halves.collect();
    halves.sort_unstable();
    halves.dedup();
    assert_eq!(halves, [(false, false), (false, true), (true, false), (true, true)]);
}

#[test]
fn what_was_appended_and_synchronised_survives_and_the_rest_may_be_torn() {
    let (first, second) = (content(1, 5_000), content(2, 9_000));
    let whole = [first.clone(), second.clone()].concat();
    let World { _folder, disk, volume } = world(b"old");
    let mut appender = volume.open_append(&path("journal")).unwrap();
    for after in losses(&disk, 0..40) {
        assert_eq!(found(after.path(), "journal").unwrap(), b"", "its name is durable");
    }
    appender.write_all(&first).unwrap();
    appender.sync_data().unwrap();
    for after in losses(&disk, 0..40) {
        assert_eq!(found(after.path(), "journal").unwrap(), first);
    }
    appender.write_all(&second).unwrap();
    let mut lengths = Vec::new();
    for after in losses(&disk, 0..200) {
        let found = found(after.path(), "journal").unwrap();
        assert!(found.starts_with(&first) && found.len() <= whole.len());
        assert!(found.iter().zip(&whole).skip(first.len()).all(|(found, issued)| found == issued || *found == 0));
        lengths.push((found.len(), found == whole[..found.len()]));
    }
    assert!(lengths.contains(&(first.len(), true)) && lengths.contains(&(whole.len(), true)));
    assert!(lengths.contains(&(whole.len(), false)), "a page in the middle is missing");
    assert!(lengths.iter().any(|(length, is_prefix)| (first.len() + 1..whole.len()).contains(length) && *is_prefix));
}

#[test]
fn the_next_replacement_removes_what_was_left() {
    let count = steps_of(b"old", |volume| volume.replace(&path(r"config\SYSTEM"), b"new").unwrap());
    let mut left = 0;
    for (step, side) in (1..=count).flat_map(|step| SIDES.map(|side| (step, side))) {
        let World { _folder, disk, volume } = world(b"old");
        disk.cut_at(step, side);
        volume.replace(&path(r"config\SYSTEM"), b"new").unwrap_err();
        for after in losses(&disk, 0..20) {
            let config = after.path().join("config");
            let others: Vec<_> =
                names(&config).into_iter().filter(|name| !["SYSTEM", "other"].contains(&&**name)).collect();
            assert!(others.len() <= 1, "{others:?}");
            left += others.len();
            Volume::open(after.path()).unwrap().replace(&path(r"config\SYSTEM"), b"newest").unwrap();
            assert_eq!(names(&config), ["SYSTEM", "other"]);
            assert_eq!(fs::read(config.join("SYSTEM")).unwrap(), b"newest");
        }
    }
    assert!(left > 20, "leftovers were seen: {left}");
}

/// Removing what an earlier power failure left is no step that anything waits for: it may come back, and is removed again.
#[test]
fn a_leftover_that_comes_back_is_removed_again() {
    let folder = scratch();
    fs::write(folder.path().join("SYSTEM"), "old").unwrap();
    fs::write(folder.path().join(".trueup-0123456789abcdef.tmp"), "half").unwrap();
    let disk = PowerDisk::of(folder.path());
    let volume = Volume::open_with(folder.path(), disk.clone()).unwrap();
    disk.cut_at(6, When::Before);
    volume.replace(&path("SYSTEM"), b"new").unwrap_err();
    assert!(disk.steps()[0].starts_with("remove") && disk.steps()[5].starts_with("rename"));
    for after in losses(&disk, 0..40) {
        assert_eq!(found(after.path(), "SYSTEM").unwrap(), b"old");
        Volume::open(after.path()).unwrap().replace(&path("SYSTEM"), b"newest").unwrap();
        assert_eq!(names(after.path()), ["SYSTEM"]);
    }
}

/// A process that is killed leaves names that others see and that are not on the disk.
#[test]
fn names_that_a_killed_process_left_are_durable_once_they_are_used() {
    let World { _folder, disk, volume } = world(b"old");
    let root = Dir::open_ambient_dir(_folder.path(), cap_std::ambient_authority()).unwrap();
    disk.create_folder(&root, "record").unwrap();
    disk.open_append(&root.open_dir("record").unwrap(), "journal").unwrap();
    assert!(losses(&disk, 0..40).any(|after| found(after.path(), "record/journal").is_none()));

    volume.create_dir_all(&path("record")).unwrap();
    assert!(losses(&disk, 0..40).all(|after| after.path().join("record").is_dir()));
    let mut appender = volume.open_append(&path(r"record\journal")).unwrap();
    appender.write_all(b"intent").unwrap();
    appender.sync_data().unwrap();
    for after in losses(&disk, 0..40) {
        assert_eq!(found(after.path(), "record/journal").unwrap(), b"intent");
    }
}

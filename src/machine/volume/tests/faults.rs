//! Disks that fail, and what is then on them.

use std::fs;

use super::super::*;
use super::{HIVE, image, names_in, path, volume};

/// What goes wrong, with the number of the step it goes wrong at; a write that fails is half done.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Never,
    /// The power goes: this step and all later ones fail.
    Stop(usize),
    /// This step alone fails: the disk is full, access is denied.
    Fail(usize),
}

/// A disk that writes down its steps and fails as told.
#[derive(Debug)]
struct FaultyDisk {
    steps: Mutex<Vec<&'static str>>,
    fault: Fault,
}

impl FaultyDisk {
    fn with(fault: Fault) -> Arc<Self> {
        Arc::new(Self { steps: Mutex::default(), fault })
    }

    fn step(&self, name: &'static str) -> io::Result<()> {
        let mut steps = self.steps.lock().unwrap();
        let number = steps.len();
        steps.push(name);
        let fails = match self.fault {
            Fault::Never => false,
            Fault::Stop(at) => number >= at,
            Fault::Fail(at) => number == at,
        };
        if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for FaultyDisk {
    fn create_new(&self, folder: &Dir, name: &str, access: Access) -> io::Result<File> {
        self.step("create")?;
        RealDisk.create_new(folder, name, access)
    }

    fn open_append(&self, folder: &Dir, name: &str) -> io::Result<File> {
        self.step("open")?;
        RealDisk.open_append(folder, name)
    }

    fn keep_attributes(&self, file: &File, of: &cap_std::fs::Metadata) -> io::Result<()> {
        self.step("attributes")?;
        RealDisk.keep_attributes(file, of)
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<()> {
        self.step("write").inspect_err(|_| RealDisk.write(file, &bytes[..bytes.len() / 2]).unwrap())?;
        RealDisk.write(file, bytes)
    }

    fn truncate(&self, file: &File) -> io::Result<()> {
        self.step("truncate")?;
        RealDisk.truncate(file)
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        self.step("sync")?;
        RealDisk.sync_file(file)
    }

    fn rename(&self, folder: &Dir, name: &str, new_folder: &Dir, new_name: &str) -> io::Result<()> {
        self.step("rename")?;
        RealDisk.rename(folder, name, new_folder, new_name)
    }

    fn sync_folder(&self, folder: &Dir) -> io::Result<()> {
        self.step("sync folder")?;
        RealDisk.sync_folder(folder)
    }

    fn create_folder(&self, folder: &Dir, name: &str) -> io::Result<()> {
        self.step("create folder")?;
        RealDisk.create_folder(folder, name)
    }

    fn remove_file(&self, folder: &Dir, name: &str) -> io::Result<()> {
        self.step("remove")?;
        RealDisk.remove_file(folder, name)
    }

    fn remove_folder(&self, folder: &Dir, name: &str) -> io::Result<()> {
        self.step("remove folder")?;
        RealDisk.remove_folder(folder, name)
    }
}

#[test]
fn a_replacement_takes_these_steps() {
    let folder = image();
    let disk = FaultyDisk::with(Fault::Never);
    let volume = Volume::open_with(folder.path(), disk.clone()).unwrap();
    volume.replace(&path(HIVE), b"new").unwrap();
    let steps = ["create", "attributes", "write", "sync", "rename", "sync folder"];
    assert_eq!(*disk.steps.lock().unwrap(), steps);
}

#[test]
fn after_a_stop_at_any_step_the_file_is_whole_and_the_next_replacement_cleans_up() {
    let new = b"a new and longer content";
    for stop in 0..6 {
        let folder = image();
        let config = folder.path().join("Windows/System32/config");
        let stopping = Volume::open_with(folder.path(), FaultyDisk::with(Fault::Stop(stop))).unwrap();
        stopping.replace(&path(HIVE), new).unwrap_err();

        let expected: &[u8] = if stop < 5 { b"old" } else { new };
        assert_eq!(fs::read(config.join("SYSTEM")).unwrap(), expected, "stopped at step {stop}");
        let others: Vec<String> = names_in(&config).into_iter().filter(|name| name != "SYSTEM").collect();
        assert!(others.iter().all(|name| crate::model::own_name::is_temporary(name)), "{others:?}");
        assert_eq!(others.len(), usize::from((1..5).contains(&stop)), "stopped at step {stop}");

        volume(&folder).replace(&path(HIVE), b"newest").unwrap();
        assert_eq!(names_in(&config), ["SYSTEM"]);
        assert_eq!(fs::read(config.join("SYSTEM")).unwrap(), b"newest");
    }
}

#[test]
fn a_step_that_fails_leaves_no_temporary_file() {
    for fail in 0..6 {
        let folder = image();
        let config = folder.path().join("Windows/System32/config");
        let failing = Volume::open_with(folder.path(), FaultyDisk::with(Fault::Fail(fail))).unwrap();
        failing.replace(&path(HIVE), b"new").unwrap_err();
        assert_eq!(names_in(&config), ["SYSTEM"]);
        let expected: &[u8] = if fail < 5 { b"old" } else { b"new" };
        assert_eq!(fs::read(config.join("SYSTEM")).unwrap(), expected, "failed at step {fail}");
    }
    let folder = image();
    let full = Volume::open_with(folder.path(), FaultyDisk::with(Fault::Fail(2))).unwrap();
    let error = full.replace(&path(HIVE), b"new").unwrap_err();
    assert_eq!(error.to_string(), r"writing Windows\System32\config\SYSTEM on the volume");
}

#[test]
fn only_its_own_temporary_files_are_cleaned() {
    let folder = image();
    for name in [".trueup-0123456789abcdef.tmp", ".trueup-00000000000000AA.tmp", ".trueup-1.tmp", "a.tmp"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    fs::create_dir(folder.path().join(".trueup-fedcba9876543210.tmp")).unwrap();
    volume(&folder).replace(&path("hosts"), b"").unwrap();
    let expected =
        [".trueup-00000000000000AA.tmp", ".trueup-1.tmp", ".trueup-fedcba9876543210.tmp", "Windows", "a.tmp", "hosts"];
    assert_eq!(names_in(folder.path()), expected);
}

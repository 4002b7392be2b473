//! A disk that is full at any of a run's steps, for once or from then on: what was begun can be finished or taken back when there
//! is room again, and the report tells what was done.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cap_std::fs::{Dir, File, Metadata};

use trueup::apply::{Purpose, past_run, read_journal, unfinished};
use trueup::machine::volume::{Access, Disk, RealDisk};

use super::run::{ends, reached};
use super::world::{Left, content, copy, finish, image, journals, on_real_disk, open, run, take_back, undo};

/// Has no room from its `at`-th step on that needs some, counted from 1, for so many of them.
#[derive(Debug)]
pub struct FullDisk {
    at: usize,
    times: usize,
    seen: AtomicUsize,
}

impl FullDisk {
    /// How many steps needed room.
    pub fn seen(&self) -> usize {
        self.seen.load(Ordering::Relaxed)
    }

    fn room(&self) -> io::Result<()> {
        let step = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        let is_full = step >= self.at && step - self.at < self.times;
        if is_full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl Disk for FullDisk {
    fn create_new(&self, folder: &Dir, name: &str, access: Access) -> io::Result<File> {
        self.room()?;
        RealDisk.create_new(folder, name, access)
    }

    fn open_append(&self, folder: &Dir, name: &str) -> io::Result<File> {
        if !folder.try_exists(name)? {
            self.room()?;
        }
        RealDisk.open_append(folder, name)
    }

    fn keep_attributes(&self, file: &File, of: &Metadata) -> io::Result<()> {
        RealDisk.keep_attributes(file, of)
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<()> {
        match self.room() {
            Ok(()) => RealDisk.write(file, bytes),
            Err(full) => {
                // What fits is written.
                RealDisk.write(file, &bytes[..bytes.len() / 2])?;
                Err(full)
            }
        }
    }

    fn truncate(&self, file: &File) -> io::Result<()> {
        RealDisk.truncate(file)
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        RealDisk.sync_file(file)
    }

    fn remove_folder(&self, folder: &Dir, name: &str) -> io::Result<()> {
        RealDisk.remove_folder(folder, name)
    }

    fn rename(&self, folder: &Dir, name: &str, new_folder: &Dir, new_name: &str) -> io::Result<()> {
        RealDisk.rename(folder, name, new_folder, new_name)
    }

    fn sync_folder(&self, folder: &Dir) -> io::Result<()> {
        RealDisk.sync_folder(folder)
    }

    fn create_folder(&self, folder: &Dir, name: &str) -> io::Result<()> {
        self.room()?;
        RealDisk.create_folder(folder, name)
    }

    fn remove_file(&self, folder: &Dir, name: &str) -> io::Result<()> {
        RealDisk.remove_file(folder, name)
    }
}

/// A disk that is full from a step on, so many times.
pub fn full(at: usize, times: usize) -> Arc<FullDisk> {
    Arc::new(FullDisk { at, times, seen: AtomicUsize::new(0) })
}

#[test]
fn a_full_disk_leaves_what_can_be_finished_or_taken_back() {
    let ends = ends(Left::Clean);
    let never = full(usize::MAX, 0);
    let whole = image(Left::Clean);
    run(&open(whole.path(), never.clone())).unwrap();
    let count = never.seen();
    assert!(count > 10, "{count}");
    let (mut opens, mut parts) = (0, 0);
    for (at, times) in (1..=count).flat_map(|at| [(at, 1), (at, usize::MAX)]) {
        let folder = image(Left::Clean);
        let told = run(&open(folder.path(), full(at, times)));
        let context = format!("full at step {at} of {count}, {times} times: {told:?}");
        for journal in journals(folder.path()).iter().filter(|journal| !journal.is_empty()) {
            assert!(read_journal(journal).is_ok() || told.is_err(), "{context}");
        }
        let again =
            |folder: &std::path::Path| run(&on_real_disk(folder)).unwrap_or_else(|error| panic!("{context}: {error}"));
        let (first, second) = (copy(folder.path()), copy(folder.path()));
        let found = content(folder.path());
        if unfinished(&on_real_disk(folder.path())).unwrap().is_some() {
            opens += 1;
            finish(&on_real_disk(first.path())).unwrap_or_else(|error| panic!("{context}: {error}"));
            reached(first.path(), &ends.after, "finished").unwrap_or_else(|error| panic!("{context}: {error}"));
            undo(&on_real_disk(second.path())).unwrap_or_else(|error| panic!("{context}: {error}"));
            reached(second.path(), &ends.before, "undone").unwrap_or_else(|error| panic!("{context}: {error}"));
            continue;
        }
        match &told {
            Err(_) => assert!(found == ends.before.content, "{context}: nothing is open, and something was changed"),
            Ok(report) if report.is_complete() => assert!(found == ends.after.content, "{context}"),
            Ok(report) => {
                // A hive that could not be written is told as failed, step by step; the other one is told as done.
                parts += 1;
                assert!(report.failed() > 0 && report.remaining_operations > 0, "{context}");
                let machine = on_real_disk(second.path());
                let name = report.run.as_ref().unwrap().parse().unwrap();
                let past = past_run(&machine, &name).unwrap();
                take_back(&machine, &past, Purpose::Rollback { of: name })
                    .unwrap_or_else(|error| panic!("{context}: {error}"));
                ends.before.is_content_of(second.path()).unwrap_or_else(|error| panic!("{context}: {error}"));
            }
        }
        again(first.path());
        ends.after.is_content_of(first.path()).unwrap_or_else(|error| panic!("{context}: {error}"));
    }
    assert!(opens > 0 && parts > 0, "{opens} were open, {parts} were done in part");
}

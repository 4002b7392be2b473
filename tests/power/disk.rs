//! A disk that loses and reorders what was not synchronised when the power fails. Steps are performed on the real folder, so
//! that the program sees what a running system sees; a model beside it knows what is durable and what is still pending.
//!
//! Another test program shares it by `mod power { pub mod disk; }`. What the model allows is told in `disk/model.rs`.

#![allow(dead_code, reason = "each test program uses its part")]

mod loss;
mod model;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_std::fs::{Dir, File, Metadata};
use tempfile::TempDir;

use trueup::machine::volume::{Access, Disk, RealDisk};

use model::Model;

/// On which side of a step the power fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The step is not performed.
    Before,
    /// The step is performed, and nobody learns of it.
    After,
}

/// A disk with a power cord.
#[derive(Debug)]
pub struct PowerDisk(Mutex<State>);

#[derive(Debug)]
struct State {
    model: Model,
    /// What each step was, from the first.
    steps: Vec<String>,
    cut: Option<(usize, When)>,
    is_gone: bool,
    /// The model after each step, from the one before the first, where somebody wants to know.
    stills: Option<Vec<Still>>,
}

/// A disk at one moment: what is durable on it and what is pending.
#[derive(Debug)]
pub struct Still(Model);

impl Still {
    /// A folder as it may look after the power failed then. `choice(n)` picks a number below `n`, and decides everything.
    pub fn after_power_loss(&self, choice: &mut impl FnMut(usize) -> usize) -> TempDir {
        loss::settle(&self.0, &mut loss::Chosen(choice))
    }

    /// The folder with nothing but what was synchronised.
    pub fn nothing_arrived(&self) -> TempDir {
        loss::settle(&self.0, &mut loss::Nothing)
    }

    /// The folder with every step, as if the power had not failed.
    pub fn everything_arrived(&self) -> TempDir {
        loss::settle(&self.0, &mut loss::Everything)
    }
}

impl PowerDisk {
    /// A disk that holds what the folder holds, all of it durable.
    pub fn of(folder: &Path) -> Arc<Self> {
        let state = State { model: Model::of(folder), steps: Vec::new(), cut: None, is_gone: false, stills: None };
        Arc::new(Self(Mutex::new(state)))
    }

    /// Makes the power fail at a step, counted from 1: that step and every later one fail and do nothing, but for the
    /// step itself when the power fails after it.
    pub fn cut_at(&self, step: usize, when: When) {
        self.state().cut = Some((step, when));
    }

    /// Only the process was gone: another one goes on with the disk as it is, what is pending still pending. Steps are
    /// counted from 1 again.
    pub fn go_on(&self) {
        let mut state = self.state();
        state.cut = None;
        state.is_gone = false;
        state.steps.clear();
    }

    /// From now on the disk is remembered as it is after each step.
    pub fn watch(&self) {
        let mut state = self.state();
        state.stills = Some(vec![Still(state.model.still())]);
    }

    /// The disk as it was when it began to be watched, and after each step since then. What is on a disk after a step is there before
    /// the next one: these are all that a power failure can meet.
    pub fn stills(&self) -> Vec<Still> {
        self.state().stills.take().unwrap_or_default()
    }

    /// The steps so far, those that met the cut included.
    pub fn steps(&self) -> Vec<String> {
        self.state().steps.clone()
    }

    /// A folder as it may look after the power failed now. `choice(n)` picks a number below `n`, and decides everything.
    pub fn after_power_loss(&self, choice: &mut impl FnMut(usize) -> usize) -> TempDir {
        loss::settle(&self.state().model, &mut loss::Chosen(choice))
    }

    /// The folder with nothing but what was synchronised.
    pub fn nothing_arrived(&self) -> TempDir {
        loss::settle(&self.state().model, &mut loss::Nothing)
    }

    /// The folder with every step, as if the power had not failed.
    pub fn everything_arrived(&self) -> TempDir {
        loss::settle(&self.state().model, &mut loss::Everything)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step<T>(&self, what: String, perform: impl FnOnce(&mut Model) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        if state.is_gone {
            return Err(power_is_gone());
        }
        state.steps.push(what);
        let cut = state.cut.filter(|(step, _)| *step == state.steps.len()).map(|(_, when)| when);
        state.is_gone = cut.is_some();
        if cut == Some(When::Before) {
            return Err(power_is_gone());
        }
        let done = perform(&mut state.model);
        let still = state.stills.is_some().then(|| Still(state.model.still()));
        if let Some(stills) = &mut state.stills {
            stills.extend(still);
        }
        if cut == Some(When::After) { Err(power_is_gone()) } else { done }
    }
}

/// A folder in memory where the host has such: what the model loses need not be waited for on a real disk.
pub fn scratch() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder can be made")
}

fn power_is_gone() -> io::Error {
    io::Error::other("the power is gone")
}

/// Picks numbers below a bound, the same ones for the same seed (Steele et al., SplitMix64).
pub fn seeded(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |bound| {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

impl Disk for PowerDisk {
    fn create_new(&self, folder: &Dir, name: &str, access: Access) -> io::Result<File> {
        self.step(format!("create {name}"), |model| {
            let file = RealDisk.create_new(folder, name, access)?;
            model.file_made(folder, name)?;
            Ok(file)
        })
    }

    fn open_append(&self, folder: &Dir, name: &str) -> io::Result<File> {
        self.step(format!("open {name}"), |model| {
            let is_new = !folder.try_exists(name)?;
            let file = RealDisk.open_append(folder, name)?;
            if is_new {
                model.file_made(folder, name)?;
            }
            Ok(file)
        })
    }

    fn keep_attributes(&self, file: &File, of: &Metadata) -> io::Result<()> {
        self.step("keep attributes".into(), |model| {
            RealDisk.keep_attributes(file, of)?;
            model.attributes_changed(file)
        })
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<()> {
        self.step(format!("write {} bytes", bytes.len()), |model| {
            RealDisk.write(file, bytes)?;
            model.written(file, bytes)
        })
    }

    fn truncate(&self, file: &File) -> io::Result<()> {
        self.step("truncate".into(), |model| {
            RealDisk.truncate(file)?;
            model.truncated(file)
        })
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        self.step("sync file".into(), |model| {
            RealDisk.sync_file(file)?;
            model.file_synced(file)
        })
    }

    fn rename(&self, folder: &Dir, name: &str, new_folder: &Dir, new_name: &str) -> io::Result<()> {
        self.step(format!("rename {name} to {new_name}"), |model| {
            let file = model.named(folder, name)?;
            RealDisk.rename(folder, name, new_folder, new_name)?;
            model.renamed(file, (folder, name), (new_folder, new_name))
        })
    }

    fn sync_folder(&self, folder: &Dir) -> io::Result<()> {
        self.step("sync folder".into(), |model| {
            RealDisk.sync_folder(folder)?;
            model.folder_synced(folder)
        })
    }

    fn create_folder(&self, folder: &Dir, name: &str) -> io::Result<()> {
        self.step(format!("make folder {name}"), |model| {
            RealDisk.create_folder(folder, name)?;
            model.folder_made(folder, name)
        })
    }

    fn remove_file(&self, folder: &Dir, name: &str) -> io::Result<()> {
        self.step(format!("remove {name}"), |model| {
            let file = model.named(folder, name)?;
            RealDisk.remove_file(folder, name)?;
            model.removed(file, folder, name)
        })
    }

    fn remove_folder(&self, folder: &Dir, name: &str) -> io::Result<()> {
        self.step(format!("remove folder {name}"), |model| {
            let was = model.named(folder, name)?;
            RealDisk.remove_folder(folder, name)?;
            model.removed(was, folder, name)
        })
    }
}

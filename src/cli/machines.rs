//! From `--machine` to a machine.

use std::path::Path;

use super::arguments::MachineOptions;
use super::files;
use super::terminal::Terminal;
use crate::error::Failure;
use crate::machine::image::{DirtyHives, ImageError, ImageMachine};
#[cfg(windows)]
use crate::machine::local::LocalMachine;
use crate::machine::snapshot::SnapshotMachine;
use crate::machine::volume::VolumeError;
use crate::machine::{Machine, WritableMachine};

/// The most bytes that a snapshot may have.
const MAX_SNAPSHOT_BYTES: u64 = 2 << 30;

/// A machine that was opened.
pub enum Opened {
    Image(Box<ImageMachine>),
    Snapshot(Box<SnapshotMachine>),
    #[cfg(windows)]
    Local(Box<LocalMachine>),
}

impl Opened {
    pub fn machine(&self) -> &dyn Machine {
        match self {
            Self::Image(image) => &**image,
            Self::Snapshot(snapshot) => &**snapshot,
            #[cfg(windows)]
            Self::Local(local) => &**local,
        }
    }

    /// The machine for writing.
    ///
    /// # Errors
    /// A snapshot can only be read.
    pub fn writable(&self) -> Result<&dyn WritableMachine, Failure> {
        match self {
            Self::Image(image) => Ok(&**image),
            #[cfg(windows)]
            Self::Local(local) if local.is_elevated() => Ok(&**local),
            #[cfg(windows)]
            Self::Local(_) => Err(Failure::refused(
                "this process may not change the machine: it has no administrator's rights",
            )
            .hint("start it from a prompt that was opened with `Run as administrator`, or as a task of the system")),
            Self::Snapshot(_) => Err(Failure::refused("a snapshot can only be planned against, not applied to")
                .hint("apply on the machine itself, or on an image of it: --machine image:DIR")),
        }
    }

    /// Says what is worth knowing of how the machine was read.
    pub fn warn(&self, terminal: &Terminal) {
        #[cfg(windows)]
        if let Self::Local(local) = self
            && !local.is_elevated()
        {
            terminal.note("warning: without an administrator's rights not all of the machine can be read\n");
        }
        if let Self::Image(image) = self {
            for warning in image.warnings() {
                terminal.note(&format!("warning: {warning}\n"));
            }
        }
    }
}

/// Opens the machine that `--machine` names.
///
/// # Errors
/// The name is wrong, or the machine cannot be opened.
pub fn open(options: &MachineOptions) -> Result<Opened, Failure> {
    open_named(&options.machine, options.accept_dirty)
}

/// As [`open`], by name.
///
/// # Errors
/// As [`open`].
pub fn open_named(name: &str, accept_dirty: bool) -> Result<Opened, Failure> {
    if let Some(folder) = name.strip_prefix("image:") {
        let dirty = if accept_dirty { DirtyHives::Accept } else { DirtyHives::Refuse };
        return match ImageMachine::open(Path::new(folder), dirty) {
            Ok(image) => Ok(Opened::Image(Box::new(image))),
            Err(error @ ImageError::Hibernated) => Err(Failure::refused(error.to_string())
                .hint("start the machine and shut it down with `shutdown /s /t 0`, which does not hibernate")),
            Err(ImageError::Volume(VolumeError::Open { source, .. })) => {
                Err(Failure::failed(format!("cannot open the image at {folder}")).because(files::reason(&source)))
            }
            Err(error) => Err(Failure::failed(format!("cannot open the image at {folder}")).because(error)),
        };
    }
    if let Some(file) = name.strip_prefix("snapshot:") {
        let bytes = files::read(Path::new(file), MAX_SNAPSHOT_BYTES)?;
        let snapshot = SnapshotMachine::from_json(&bytes)
            .map_err(|error| Failure::failed(format!("cannot use {file} as a snapshot")).because(error))?;
        return Ok(Opened::Snapshot(Box::new(snapshot)));
    }
    #[cfg(windows)]
    if name == "local" {
        let opened = LocalMachine::open();
        return opened
            .map(|local| Opened::Local(Box::new(local)))
            .map_err(|unread| Failure::failed("cannot open the running machine").because(unread));
    }
    #[cfg(not(windows))]
    if name == "local" {
        return Err(Failure::invalid("the running machine cannot be planned by this build of trueup")
            .hint("name another machine: --machine image:DIR (an offline volume) or --machine snapshot:FILE"));
    }
    Err(Failure::invalid(format!("there is no machine `{name}`"))
        .hint("write local, image:DIR or snapshot:FILE, as in --machine image:/mnt/c"))
}

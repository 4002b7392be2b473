//! Who may do what with a file or folder of a running system.

use std::io;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsMaybeDirExt as _};
use cap_std::fs::{File, OpenOptions, OpenOptionsExt as _};

use super::{EntryKind, Spelling, Volume, VolumeError, VolumePath, failed, kind_of, stored_name};
use crate::formats::security_descriptor::SecurityDescriptor;
use crate::machine::windows_api::file::{self as api, Also, LIST, READ_CONTROL, WRITE_DAC, WRITE_OWNER};
use crate::machine::windows_api::process;

/// FILE_READ_ATTRIBUTES and SYNCHRONIZE.
const LOOK: u32 = 0x0010_0080;

impl Volume {
    /// The descriptor of a file or folder; `None` where there is none.
    ///
    /// # Errors
    /// As [`Volume::find`]; the path itself is a link.
    pub fn security(&self, path: &VolumePath) -> Result<Option<SecurityDescriptor>, VolumeError> {
        let Some(open) = self.open_for_security(path, READ_CONTROL)? else { return Ok(None) };
        let bytes =
            api::security(&open).map_err(io::Error::from).map_err(failed("reading the access list of", path))?;
        let damaged = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let parsed = SecurityDescriptor::parse(&bytes).map_err(damaged);
        parsed.map(Some).map_err(failed("reading the access list of", path))
    }

    /// Gives a file or folder that is there the access list of a descriptor, and owner and group where they differ from what it has.
    ///
    /// # Errors
    /// As [`Volume::security`]; it is not there, or the system refuses.
    pub fn set_security(&self, path: &VolumePath, wanted: &SecurityDescriptor) -> Result<(), VolumeError> {
        const ATTEMPT: &str = "setting the access list of";
        let found = self.security(path)?.ok_or_else(|| VolumeError::Missing { path: path.clone() })?;
        let also = Also {
            owner: wanted.owner().is_some() && wanted.owner() != found.owner(),
            group: wanted.group().is_some() && wanted.group() != found.group(),
        };
        let mut access = READ_CONTROL | WRITE_DAC | LIST;
        if also.owner || also.group {
            access |= WRITE_OWNER;
            let _has_them = ["SeRestorePrivilege", "SeTakeOwnershipPrivilege"].map(process::enable_privilege);
        }
        let open = match self.open_for_security(path, access) {
            // Whoever may restore may write what the list denies.
            Err(VolumeError::Io { source, .. }) if source.kind() == io::ErrorKind::PermissionDenied => {
                let _has_it = process::enable_privilege("SeRestorePrivilege");
                self.open_for_security(path, access)
            }
            result => result,
        };
        let open = open?.ok_or_else(|| VolumeError::Missing { path: path.clone() })?;
        let bytes = wanted.to_bytes().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
        let bytes = bytes.map_err(failed(ATTEMPT, path))?;
        api::set_security(&open, &bytes, also).map_err(io::Error::from).map_err(failed(ATTEMPT, path))
    }

    /// Opens a file or folder without following links.
    fn open_for_security(&self, path: &VolumePath, access: u32) -> Result<Option<File>, VolumeError> {
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No).maybe_dir(true).access_mode(access | LOOK);
        let open = if path.is_root() {
            self.root.open_with(".", &options)
        } else {
            let Some((folder, found)) = self.locate(path, Spelling::Any)? else { return Ok(None) };
            folder.open_with(stored_name(&found), &options)
        };
        let open = open.map_err(failed("opening", path))?;
        let kind = kind_of(open.metadata().map_err(failed("examining", path))?.file_type());
        if kind == EntryKind::Link { Err(VolumeError::Link { path: path.clone() }) } else { Ok(Some(open)) }
    }
}

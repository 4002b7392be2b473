//! Local groups and their members, by SID. Not seen on a real Windows: Wine keeps no groups.

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::ERROR_MORE_DATA;
use windows_sys::Win32::NetworkManagement::NetManagement::{
    LOCALGROUP_MEMBERS_INFO_0, MAX_PREFERRED_LENGTH, NetApiBufferFree, NetLocalGroupAddMembers,
    NetLocalGroupDelMembers, NetLocalGroupGetMembers,
};
use windows_sys::Win32::Networking::ActiveDirectory::{
    DSROLE_PRIMARY_DOMAIN_INFO_BASIC, DsRole_RoleBackupDomainController, DsRole_RolePrimaryDomainController,
    DsRoleFreeMemory, DsRoleGetPrimaryDomainInformation, DsRolePrimaryDomainInfoBasic,
};

use super::accounts::{aligned, bytes_of};
use super::{WindowsError, wide};

/// `NERR_GroupNotFound`, `ERROR_NO_SUCH_ALIAS`.
const NO_GROUP: [u32; 2] = [2220, 1376];

/// Why members could not be read or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    #[error("there is no such local group")]
    NoGroup,
    /// `ERROR_MEMBER_IN_ALIAS`.
    #[error("it is a member already")]
    IsMember,
    /// `ERROR_MEMBER_NOT_IN_ALIAS`.
    #[error("it is no member")]
    IsNoMember,
    /// `ERROR_NO_SUCH_MEMBER`, `ERROR_NONE_MAPPED`, `NERR_UserNotFound`.
    #[error("there is no such account, or its domain does not answer")]
    NoAccount,
    /// `ERROR_INVALID_MEMBER`.
    #[error("an account of this kind cannot be a member of a local group")]
    WrongKind,
    /// The system said yes and told nothing.
    #[error("the system says yes, and tells of no members")]
    Silent,
    #[error(transparent)]
    Windows(WindowsError),
}

impl From<u32> for GroupError {
    fn from(code: u32) -> Self {
        match code {
            code if NO_GROUP.contains(&code) => Self::NoGroup,
            1378 => Self::IsMember,
            1377 => Self::IsNoMember,
            1387 | 1332 | 2221 => Self::NoAccount,
            1388 => Self::WrongKind,
            code => Self::Windows(WindowsError(code)),
        }
    }
}

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    Added,
    Removed,
}

/// The accounts that are directly in a local group, each as the bytes of its SID.
///
/// # Errors
/// There is no such group, or its members cannot be read.
pub fn members(group: &str) -> Result<Vec<Vec<u8>>, GroupError> {
    /// What no system gives for a number of members.
    const UNTOLD: u32 = u32::MAX;
    let group = wide(group);
    let mut found = Vec::new();
    let mut resume = 0usize;
    loop {
        let mut buffer: *mut u8 = null_mut();
        let (mut read, mut total) = (UNTOLD, UNTOLD);
        // SAFETY: the name ends in a zero; the buffer is the system's and is freed below.
        let code = unsafe {
            NetLocalGroupGetMembers(
                null(),
                group.as_ptr(),
                0,
                &mut buffer,
                MAX_PREFERRED_LENGTH,
                &mut read,
                &mut total,
                &mut resume,
            )
        };
        if code != 0 && code != ERROR_MORE_DATA {
            return Err(code.into());
        }
        if read == UNTOLD || (buffer.is_null() && read > 0) {
            return Err(GroupError::Silent);
        }
        if !buffer.is_null() {
            let entries: *const LOCALGROUP_MEMBERS_INFO_0 = buffer.cast();
            for number in 0..usize::try_from(read).unwrap_or(0) {
                // SAFETY: the buffer holds as many entries as the call said, each with a SID that lies in it.
                found.extend(unsafe { bytes_of((*entries.add(number)).lgrmi0_sid) });
            }
            // SAFETY: the system allocated it, and it is used no more.
            unsafe { NetApiBufferFree(buffer.cast()) };
        }
        // More that never comes would be asked for without end.
        if code != ERROR_MORE_DATA || read == 0 {
            return Ok(found);
        }
    }
}

/// Puts an account into a local group, or takes it out.
///
/// # Errors
/// The system refuses; that it is as wanted already is an error too.
pub fn change(group: &str, member: &[u8], to: Membership) -> Result<(), GroupError> {
    let group = wide(group);
    let mut sid = aligned(member);
    let entry = LOCALGROUP_MEMBERS_INFO_0 { lgrmi0_sid: sid.as_mut_ptr().cast() };
    let entry = (&raw const entry).cast();
    // SAFETY: the name ends in a zero; there is one entry of level 0, whose SID is whole, aligned and outlives the call.
    let code = unsafe {
        match to {
            Membership::Added => NetLocalGroupAddMembers(null(), group.as_ptr(), 0, entry, 1),
            Membership::Removed => NetLocalGroupDelMembers(null(), group.as_ptr(), 0, entry, 1),
        }
    };
    if code == 0 { Ok(()) } else { Err(code.into()) }
}

/// Whether this machine is a domain controller, whose groups are the domain's.
///
/// # Errors
/// The system does not tell.
pub fn is_domain_controller() -> Result<bool, WindowsError> {
    let mut buffer: *mut u8 = null_mut();
    // SAFETY: null names this machine; the level gives the structure below, which is freed after its number was read.
    WindowsError::check(unsafe {
        DsRoleGetPrimaryDomainInformation(null(), DsRolePrimaryDomainInfoBasic, &mut buffer)
    })?;
    // SAFETY: as above; a null is told apart.
    let role = unsafe {
        let role = buffer.cast::<DSROLE_PRIMARY_DOMAIN_INFO_BASIC>().as_ref().map(|info| info.MachineRole);
        DsRoleFreeMemory(buffer.cast());
        role
    };
    // ERROR_INVALID_DATA.
    let role = role.ok_or(WindowsError(13))?;
    Ok(role == DsRole_RoleBackupDomainController || role == DsRole_RolePrimaryDomainController)
}

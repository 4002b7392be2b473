//! Who is in the local groups of the running system, and changing it.

use super::accounts;
use crate::machine::WriteError;
use crate::machine::windows_api::WindowsError;
use crate::machine::windows_api::groups::{self as api, GroupError, Membership};
use crate::model::fact::{Observed, Unread};
use crate::model::probe::Answer;
use crate::model::sid::Sid;

/// The members of a group, sorted.
pub fn members(group: &Sid) -> Observed<Answer> {
    Ok(found(group)?.map_or(Answer::Absent, Answer::Members))
}

/// Whether an account is in a group.
pub fn member(group: &Sid, member: &Sid) -> Observed<Answer> {
    Ok(found(group)?.map_or(Answer::Absent, |members| Answer::Flag(members.contains(member))))
}

/// Whether the machine has groups of its own.
pub fn are_changeable() -> Observed<Answer> {
    let failed = |error: WindowsError| Unread::Failed {
        what: "whether the machine is a domain controller".into(),
        detail: error.to_string(),
    };
    api::is_domain_controller().map(|is_controller| Answer::Flag(!is_controller)).map_err(failed)
}

fn found(group: &Sid) -> Observed<Option<Vec<Sid>>> {
    let what = || format!("the members of the group {group}");
    let failed = |detail: String| Unread::Failed { what: what(), detail };
    let Some(name) = accounts::local_group(group)? else { return Ok(None) };
    let members = match api::members(&name) {
        Ok(members) => members,
        Err(GroupError::NoGroup) => return Ok(None),
        Err(GroupError::Windows(error @ WindowsError::ACCESS_DENIED)) => {
            let hint = Some("run trueup as an administrator".into());
            return Err(Unread::Refused { what: what(), detail: error.to_string(), hint });
        }
        Err(error) => return Err(failed(error.to_string())),
    };
    let sids = members.iter().map(|bytes| Sid::from_prefix(bytes));
    let mut members = sids.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.to_string()))?;
    members.sort_unstable();
    members.dedup();
    Ok(Some(members))
}

/// Puts an account into a group or takes it out, and looks whether that is so. What was so already is not done again.
///
/// # Errors
/// The system refuses, or says that it did so and did not.
pub fn set(group: &Sid, member: &Sid, is_in: bool) -> Result<(), WriteError> {
    let attempt = || match is_in {
        true => format!("put {member} into the group {group}"),
        false => format!("take {member} out of the group {group}"),
    };
    let unread = |unread: Unread| WriteError::failed(attempt(), unread);
    let name = accounts::local_group(group).map_err(unread)?;
    let name = name.ok_or_else(|| WriteError::refused(attempt(), "there is no such local group"))?;
    let to = if is_in { Membership::Added } else { Membership::Removed };
    match api::change(&name, &member.to_bytes(), to) {
        // Whether that is true is told by the members.
        Ok(()) | Err(GroupError::IsMember | GroupError::IsNoMember) => {}
        Err(error) => return Err(WriteError::failed(attempt(), error)),
    }
    match self::member(group, member).map_err(unread)? {
        Answer::Flag(found) if found == is_in => Ok(()),
        _ => Err(WriteError::refused(attempt(), "the system says that it did so, and the members are as before")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::windows_api::process;

    /// Wine says yes to every change of a group, and has none.
    #[test]
    fn a_change_that_is_none_is_an_error() {
        if !process::is_wine() {
            return;
        }
        for is_in in [true, false] {
            let result = set(&Sid::ADMINISTRATORS, &Sid::NETWORK_SERVICE, is_in);
            assert!(result.is_err(), "{result:?}");
        }
        let nobodys = set(&Sid::EVERYONE, &Sid::NETWORK_SERVICE, true).unwrap_err();
        assert!(nobodys.to_string().contains("there is no such local group"), "{nobodys}");
    }
}

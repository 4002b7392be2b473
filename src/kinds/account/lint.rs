//! What is worth saying about who will be in a group. Pure.

use std::collections::BTreeSet;

use super::compare::{group_of_administrators, members, unnamed};
use super::resolve;
use super::wanted::WantedGroup;
use crate::kinds::Kind as _;
use crate::model::fact::Facts;
use crate::model::resource::ResourceId;
use crate::model::sid::Sid;
use crate::model::source::Location;
use crate::model::verdict::{Finding, Severity};

/// The last number of the administrator that every machine has.
const BUILT_IN_ADMINISTRATOR: u32 = 500;
/// What the SIDs of machines' and domains' accounts begin with.
const DOMAIN_ACCOUNTS: u32 = 21;

pub fn lint(wanted: &WantedGroup, facts: &Facts, findings: &mut Vec<Finding>) {
    let Ok(group) = resolve::sid(&wanted.group, facts) else { return };
    if group_of_administrators(wanted) {
        administrators(wanted, group, facts, findings);
    }
    let id = wanted.address();
    for member in wanted.members.iter().filter(|member| member.is_in) {
        let Ok(sid) = resolve::sid(&member.account, facts) else { continue };
        if resolve::is_nobodys(sid, facts) {
            let message = format!("{sid} is wanted in {}, and no account of the machine has it", wanted.group.name);
            let hint = "it is that of an account which was deleted, or of another machine";
            let part = ResourceId::part_of(&id, &member.account.name);
            findings.push(warning("accounts.unknown_sid", message, hint, part, member.at));
        }
    }
    for sid in unnamed(wanted, group, facts).into_iter().filter(|sid| resolve::is_nobodys(*sid, facts)) {
        let message = format!("{sid} is in {}, and no account of the machine has it", wanted.group.name);
        let hint = format!("an account was deleted and left its SID behind; name {sid} under `lacks` to remove it");
        let part = ResourceId::part_of(&id, &sid.to_string());
        findings.push(warning("accounts.unknown_sid", message, &hint, part, wanted.at));
    }
}

/// Somebody has to be left who can administer the machine.
fn administrators(wanted: &WantedGroup, group: Sid, facts: &Facts, findings: &mut Vec<Finding>) {
    let Some(found) = members(group, facts) else { return };
    let found: BTreeSet<Sid> = found.iter().copied().collect();
    let mut left = found.clone();
    if wanted.exclusive {
        // Nobody is removed while some name is open.
        if wanted.members.iter().any(|member| member.is_in && resolve::sid(&member.account, facts).is_err()) {
            return;
        }
        left.clear();
    }
    for member in &wanted.members {
        let Ok(sid) = resolve::sid(&member.account, facts) else { continue };
        if member.is_in {
            left.insert(sid);
        } else {
            left.remove(&sid);
        }
    }
    if left.is_superset(&found) {
        return;
    }
    let id = wanted.address();
    if left.is_empty() {
        findings.push(Finding {
            severity: Severity::Error,
            code: "accounts.last_administrator".into(),
            message: format!("nobody would be left in {}", wanted.group.name),
            hint: Some("apply refuses this unless it is run with --accept accounts.last_administrator".into()),
            id: Some(id),
            at: Some(wanted.at),
        });
    } else if left.iter().all(is_built_in) {
        let message = format!("only the built-in administrator would be left in {}", wanted.group.name);
        let hint = "on many machines that account is disabled: name somebody who can log on";
        findings.push(warning("accounts.only_built_in", message, hint, id, wanted.at));
    }
}

fn is_built_in(sid: &Sid) -> bool {
    let numbers = sid.sub_authorities();
    sid.authority() == 5 && numbers.first() == Some(&DOMAIN_ACCOUNTS) && numbers.last() == Some(&BUILT_IN_ADMINISTRATOR)
}

fn warning(code: &'static str, message: String, hint: &str, id: ResourceId, at: Location) -> Finding {
    let (hint, id, at) = (Some(hint.to_owned()), Some(id), Some(at));
    Finding { severity: Severity::Warning, code: code.into(), message, hint, id, at }
}

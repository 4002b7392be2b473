//! The `accounts` section of a document: local groups, and who is in each.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::wanted::{Account, WantedGroup, WantedMember};
use crate::formats::upcase;
use crate::kinds::sections::MergeRule;
use crate::model::common::{Common, Ensure, OnChange};
use crate::model::decode::{Decode as _, Decoder, Unique};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::{Key, Node};
use crate::model::record::{Fields, Record as _};
use crate::model::sid::Sid;
use crate::model::source::{Location, Spanned};

/// The most characters of an account's name with its domain.
const MAX_NAME: usize = 512;

crate::record! {
    /// Who is in a local group of the machine.
    pub struct GroupFields {
        /// Accounts that are in the group, by name such as `CORP\Operators` or by SID; others stay.
        #[example(["CORP\\Server Operators", ".\\svc-acs"])]
        pub members: Vec<Spanned<String>> = Vec::new(),
        /// Accounts that are not in it.
        #[example(["S-1-5-21-1004336348-1177238915-682003330-1001"])]
        pub lacks: Vec<Spanned<String>> = Vec::new(),
        /// Remove the members that are not named. Each removal is listed in the plan.
        pub exclusive: bool = false,
        /// List the members that are not named.
        pub report_unmanaged: bool = false,
        ..common: Common
    }
}

crate::record! {
    /// What every group's entry says that does not say otherwise itself.
    pub struct DefaultFields {
        /// List the members that are not named.
        pub report_unmanaged: Option<bool>,
        /// What else follows when a member comes or goes.
        pub on_change: Option<OnChange>,
    }
}

/// The schema of the section.
pub fn section_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "Local groups by name or SID, and who is in each. Groups are neither made nor removed.",
        "additionalProperties": GroupFields::field_schema(generator),
        "examples": [{ "Remote Desktop Users": { "members": ["CORP\\Helpdesk"] } }],
    })
}

/// Lists are replaced, as everywhere.
pub fn merge_rule(_: &[&str]) -> MergeRule {
    MergeRule::Merge
}

/// Reads the section; what could not be read is left out and has been reported.
pub fn decode_section(node: &Node<'_>, cx: &mut Decoder) -> Vec<WantedGroup> {
    let Some(mapping) = cx.mapping(node) else { return Vec::new() };
    let mut unique = Unique::new("group", "accounts.group_twice", mapping.entries.len());
    let entries = mapping.entries.iter().filter_map(|(key, node)| {
        let group = account(&key.text, key.at, cx);
        let is_new = group.as_ref().is_none_or(|group| {
            unique.insert(identity(group), key.at, "a name without case and a SID may stand for the same group", cx)
        });
        decode_entry(group?, key, node, cx).filter(|_| is_new)
    });
    entries.collect()
}

/// What equal accounts share.
fn identity(account: &Account) -> String {
    account.sid.map_or_else(|| upcase::fold(account.name.trim_start_matches(".\\")), |sid| sid.to_string())
}

fn decode_entry(group: Account, key: &Key<'_>, node: &Node<'_>, cx: &mut Decoder) -> Option<WantedGroup> {
    let fields = Fields::open(node, GroupFields::FIELDS, cx)?;
    let read = GroupFields::read(&fields, cx)?;
    if group.sid.is_some_and(|sid| !may_be_local_group(sid)) {
        let message = format!("`{}` is no local group", group.name);
        let hint = "name a group that `net localgroup` lists, or its SID";
        cx.push(Diagnostic::error("accounts.no_local_group", message).at(key.at).hint(hint));
        return None;
    }
    if read.common.ensure == Ensure::Absent {
        let message = "a group is neither made nor removed, its members are";
        let hint = "write `lacks` for accounts that must not be in it, or `exclusive: true` with no `members`";
        let at = fields.place("ensure").unwrap_or(key.at);
        cx.push(Diagnostic::error("accounts.absent", message).at(at).hint(hint));
        return None;
    }
    if read.members.is_empty() && read.lacks.is_empty() && !read.exclusive && !read.report_unmanaged {
        // What has another name was probably meant to be one of them, and was reported.
        let is_known = |name: &str| GroupFields::FIELDS.iter().any(|group| group.contains(&name));
        if node.as_mapping()?.entries.iter().any(|(key, _)| !is_known(&key.text)) {
            return None;
        }
        let message = "the entry says nothing of the group's members";
        let hint = "write `members`, `lacks`, `exclusive: true` or `report_unmanaged: true`";
        cx.push(Diagnostic::error("accounts.no_members", message).at(key.at).hint(hint));
        return None;
    }
    let members = members(&read, cx);
    Some(WantedGroup {
        group,
        at: key.at,
        common: read.common,
        members,
        exclusive: read.exclusive,
        report_unmanaged: read.report_unmanaged,
    })
}

fn members(read: &GroupFields, cx: &mut Decoder) -> Vec<WantedMember> {
    let mut seen: Vec<(String, bool, Location)> = Vec::new();
    let mut members = Vec::new();
    let named = read.members.iter().map(|name| (name, true)).chain(read.lacks.iter().map(|name| (name, false)));
    for (name, is_in) in named {
        let Some(account) = account(&name.value, name.at, cx) else { continue };
        if account.sid.is_some_and(|sid| is_in && is_builtin_group(sid)) {
            let message = format!("`{}` is a local group, and Windows puts none into another", account.name);
            cx.push(Diagnostic::error("accounts.group_as_member", message).at(name.at));
            continue;
        }
        let same = identity(&account);
        if let Some((_, before, at)) = seen.iter().find(|(known, ..)| *known == same) {
            let (code, message) = if *before == is_in {
                ("accounts.member_twice", "the account is named twice".to_owned())
            } else {
                ("accounts.contradiction", format!("`{}` has to be in the group and must not be in it", account.name))
            };
            cx.push(Diagnostic::error(code, message).at(name.at).related(*at, "first named here"));
            continue;
        }
        seen.push((same, is_in, name.at));
        members.push(WantedMember { account, at: name.at, is_in });
    }
    members
}

fn account(name: &str, at: Location, cx: &mut Decoder) -> Option<Account> {
    let is_text = !name.trim().is_empty() && name.trim() == name && !name.contains(char::is_control);
    // What has the shape of a SID and is none was meant to be one.
    let is_spoilt = name.len() > 4 && name.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("S-1-"));
    let is_spoilt = is_spoilt && name.parse::<Sid>().is_err();
    let has_name = name.rsplit('\\').next().is_some_and(|last| !last.is_empty()) && name.matches('\\').count() <= 1;
    if is_text && !is_spoilt && has_name && name.len() <= MAX_NAME {
        return Some(Account::new(name));
    }
    let hint = "write a name such as `CORP\\Operators` or `.\\svc-acs`, or a SID such as S-1-5-32-544";
    cx.push(Diagnostic::error("accounts.bad_name", "this is no account").at(at).hint(hint));
    None
}

/// Whether it is a group that every Windows has.
fn is_builtin_group(sid: Sid) -> bool {
    sid.authority() == 5 && sid.sub_authorities().first() == Some(&32)
}

fn may_be_local_group(sid: Sid) -> bool {
    is_builtin_group(sid) || (sid.authority() == 5 && sid.sub_authorities().first() == Some(&21))
}

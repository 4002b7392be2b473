//! Who is in a group beside who should be. Pure.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::resolve::{self, Unresolved};
use super::wanted::{WantedGroup, WantedMember};
use crate::kinds::{Comparison, Context, Kind as _};
use crate::model::digest;
use crate::model::fact::{Facts, Queries, Unread};
use crate::model::operation::Operation;
use crate::model::probe::{Answer, Probe};
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::sid::Sid;
use crate::model::source::Location;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

pub fn wants(wanted: &WantedGroup, facts: &Facts, context: &Context<'_>, queries: &mut Queries) {
    resolve::ask(&wanted.group, facts, queries);
    queries.probe(Probe::MembersChangeable);
    for member in &wanted.members {
        resolve::ask(&member.account, facts, queries);
    }
    let Ok(group) = resolve::sid(&wanted.group, facts) else { return };
    for member in &wanted.members {
        if let Ok(member_sid) = resolve::sid(&member.account, facts) {
            queries.probe(Probe::Member { group, member: member_sid });
            if member.account.is_sid() {
                resolve::ask_name(member_sid, queries);
            }
        }
    }
    if asks_for_all(wanted, context) {
        queries.probe(Probe::Members { group });
        for sid in unnamed(wanted, group, facts) {
            resolve::ask_name(sid, queries);
        }
    }
}

/// Whether all members have to be known: to own the set, to list it, to see who is left, or to see that the group is there.
fn asks_for_all(wanted: &WantedGroup, context: &Context<'_>) -> bool {
    let is_left_to_somebody = group_of_administrators(wanted) && wanted.members.iter().any(|member| !member.is_in);
    wanted.exclusive || wanted.report_unmanaged || context.survey || is_left_to_somebody || wanted.members.is_empty()
}

pub fn group_of_administrators(wanted: &WantedGroup) -> bool {
    wanted.group.sid == Some(Sid::ADMINISTRATORS)
}

/// All members, where they were asked for and could be read.
pub fn members(group: Sid, facts: &Facts) -> Option<&[Sid]> {
    match facts.probe(&Probe::Members { group }) {
        Some(Ok(Answer::Members(members))) => Some(members),
        _ => None,
    }
}

/// The members that the entry does not name.
pub fn unnamed(wanted: &WantedGroup, group: Sid, facts: &Facts) -> Vec<Sid> {
    let named: HashSet<Sid> =
        wanted.members.iter().filter_map(|member| resolve::sid(&member.account, facts).ok()).collect();
    members(group, facts).unwrap_or_default().iter().copied().filter(|sid| !named.contains(sid)).collect()
}

pub fn compare(wanted: &WantedGroup, facts: &Facts, context: &Context<'_>) -> Comparison {
    let view = View { wanted, facts, id: wanted.address() };
    if facts.identity.as_ref().is_ok_and(|identity| identity.domain_controller == Some(true)) {
        let said = "a domain controller has no local groups; its groups are the domain's";
        return view.all(&Verdict::Blocked, &Reason::with("accounts.domain_controller", said));
    }
    let group = match resolve::sid(&wanted.group, facts) {
        Ok(group) => group,
        Err(unresolved) => {
            let (verdict, reason) = view.unresolved(&wanted.group.name, &unresolved);
            return view.all(&verdict, &reason);
        }
    };
    let mut probes = wanted.members.iter().filter_map(|member| {
        let member = resolve::sid(&member.account, facts).ok()?;
        facts.probe(&Probe::Member { group, member })
    });
    let is_absent = |answer: Option<&Result<Answer, Unread>>| matches!(answer, Some(Ok(Answer::Absent)));
    if is_absent(facts.probe(&Probe::Members { group })) || probes.any(|answer| is_absent(Some(answer))) {
        let said = "there is no such local group, and trueup makes none";
        return view.all(&Verdict::Blocked, &Reason::with("accounts.no_group", said));
    }
    let mut whole = Decision::keep(view.id.clone(), wanted.at);
    if asks_for_all(wanted, context)
        && let Some(Err(unread)) = facts.probe(&Probe::Members { group })
    {
        let (verdict, reason) = unread_verdict(unread);
        whole = Decision { verdict, reasons: vec![reason], ..whole };
    }
    let mut comparison = Comparison::one(whole);
    let mut known: HashMap<Sid, &WantedMember> = HashMap::new();
    for member in &wanted.members {
        let first = resolve::sid(&member.account, facts).ok().and_then(|sid| match known.entry(sid) {
            Entry::Occupied(first) => Some(*first.get()),
            Entry::Vacant(free) => {
                free.insert(member);
                None
            }
        });
        comparison.decisions.push(match first {
            Some(first) => view.same_account(first, member),
            None => view.member(group, member),
        });
    }
    view.rest(group, context, &mut comparison);
    comparison
}

struct View<'a> {
    wanted: &'a WantedGroup,
    facts: &'a Facts,
    id: ResourceId,
}

impl View<'_> {
    fn part(&self, name: &str) -> ResourceId {
        ResourceId::part_of(&self.id, name)
    }

    /// Every resource of the entry with the same verdict.
    fn all(&self, verdict: &Verdict, reason: &Reason) -> Comparison {
        let decision = |(id, at): (ResourceId, Location)| Decision {
            verdict: verdict.clone(),
            reasons: vec![reason.clone()],
            ..Decision::keep(id, at)
        };
        let decisions = self.wanted.resources().into_iter().map(decision).collect();
        Comparison { decisions, ..Comparison::default() }
    }

    /// Why this machine changes no members; `None` where it does.
    fn hindrance(&self) -> Option<(Verdict, Reason)> {
        match self.facts.probe(&Probe::MembersChangeable) {
            Some(Ok(Answer::Flag(true))) => None,
            Some(Err(unread)) => Some(unread_verdict(unread)),
            _ => {
                let said = "the running machine changes who is in a group";
                Some((Verdict::Deferred, Reason::with("accounts.deferred", said)))
            }
        }
    }

    fn unresolved(&self, name: &str, unresolved: &Unresolved) -> (Verdict, Reason) {
        let code = "accounts.unknown_account";
        match unresolved {
            Unresolved::Unread(unread @ Unread::Unsupported { .. }) => {
                (Verdict::Deferred, Reason::with(code, unread.to_string()))
            }
            Unresolved::Unread(unread) => unread_verdict(unread),
            Unresolved::Foreign if self.hindrance().is_some() => {
                let said =
                    format!("`{name}` is not known here; the running machine asks its domain, or name it by its SID");
                (Verdict::Deferred, Reason::with(code, said))
            }
            Unresolved::Foreign | Unresolved::Unknown => {
                let said = format!("the machine does not know `{name}`; name the account by its SID");
                (Verdict::Blocked, Reason::with(code, said))
            }
        }
    }

    /// Two names of one account: only the machine shows that they are.
    fn same_account(&self, first: &WantedMember, wanted: &WantedMember) -> Decision {
        let also = &first.account.name;
        let (code, said) = if first.is_in == wanted.is_in {
            ("accounts.member_twice", format!("it is the same account as `{also}`"))
        } else {
            ("accounts.contradiction", format!("it is the same account as `{also}`, of which the opposite is wanted"))
        };
        Decision::blocked(self.part(&wanted.account.name), wanted.at, Reason::with(code, said))
    }

    fn member(&self, group: Sid, wanted: &WantedMember) -> Decision {
        let kept = Decision::keep(self.part(&wanted.account.name), wanted.at);
        let open = |(verdict, reason)| Decision { verdict, reasons: vec![reason], ..kept.clone() };
        let member = match resolve::sid(&wanted.account, self.facts) {
            Ok(member) => member,
            Err(unresolved) => return open(self.unresolved(&wanted.account.name, &unresolved)),
        };
        match self.facts.probe(&Probe::Member { group, member }) {
            Some(Ok(Answer::Flag(is_in))) if *is_in == wanted.is_in => kept.traced(trace(wanted.is_in, *is_in)),
            Some(Ok(Answer::Flag(is_in))) => {
                let (action, code) = match wanted.is_in {
                    true => (Action::Create, "accounts.not_member"),
                    false => (Action::Delete, "accounts.not_wanted"),
                };
                self.change(kept, action, Reason::code(code), group, member).traced(trace(wanted.is_in, *is_in))
            }
            Some(Err(unread)) => open(unread_verdict(unread)),
            _ => open(unread_verdict(&Unread::NotCaptured { what: format!("whether {member} is in {group}") })),
        }
    }

    /// The step itself, or why it is left.
    fn change(&self, kept: Decision, action: Action, reason: Reason, group: Sid, member: Sid) -> Decision {
        if let Some((verdict, hindrance)) = self.hindrance() {
            return Decision { verdict, reasons: vec![reason, hindrance], ..kept };
        }
        let is_in = action == Action::Delete;
        let what = Probe::Member { group, member };
        let step = Operation::Adjust { what, before: Answer::Flag(is_in), after: Answer::Flag(!is_in) };
        Decision { verdict: Verdict::Change { action, operations: vec![step] }, reasons: vec![reason], ..kept }
    }

    /// The members that are not named: removed from a set that is owned, listed where that is asked.
    fn rest(&self, group: Sid, context: &Context<'_>, comparison: &mut Comparison) {
        let unnamed = unnamed(self.wanted, group, self.facts).into_iter();
        let parts = unnamed.map(|sid| (sid, self.part(&resolve::name(sid, self.facts))));
        if !self.wanted.exclusive {
            if self.wanted.report_unmanaged || context.survey {
                comparison.unmanaged.extend(parts.map(|(_, part)| part));
            }
            return;
        }
        // One of them may be the very account whose name cannot be resolved.
        let mut open = self.wanted.members.iter().filter(|member| member.is_in);
        let open = open.find(|member| resolve::sid(&member.account, self.facts).is_err());
        for (sid, part) in parts {
            let kept = Decision::keep(part, self.wanted.at);
            let reason = Reason::code("accounts.not_named");
            comparison.decisions.push(match open {
                None => self.change(kept, Action::Delete, reason, group, sid),
                Some(open) => {
                    let said = format!("it may be `{}`, which is not resolved", open.account.name);
                    let verdict = self.hindrance().map_or(Verdict::Blocked, |(verdict, _)| verdict);
                    Decision { verdict, reasons: vec![reason, Reason::with("accounts.may_be_named", said)], ..kept }
                }
            });
        }
    }
}

fn unread_verdict(unread: &Unread) -> (Verdict, Reason) {
    let (verdict, code) = match unread {
        Unread::Unsupported { .. } => (Verdict::Deferred, "accounts.unsupported"),
        Unread::NotCaptured { .. } => (Verdict::Blocked, "accounts.not_captured"),
        Unread::Refused { .. } => (Verdict::Blocked, "accounts.refused"),
        Unread::Failed { .. } => (Verdict::Blocked, "accounts.unreadable"),
    };
    (verdict, Reason::with(code, unread.to_string()))
}

fn trace(wanted: bool, found: bool) -> Trace {
    let digest = |is_in: bool| if is_in { digest::of(&[b"member"]) } else { digest::ABSENT };
    Trace { wanted: digest(wanted), found: digest(found), secret: None }
}

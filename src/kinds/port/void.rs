//! Rules of documents that have no effect: because of a rule that blocks, a default, or group policy. Pure.

use std::collections::HashMap;

use super::after::After;
use super::wanted::{WantedPort, WantedRule};
use super::ways_in::why;
use crate::formats::firewall::decide::{
    Approach, Arrival, LocalPort, Policy, PolicyRule, Reason, RuleId, Verdict, decide,
};
use crate::formats::firewall::{
    Action, DefaultAction, Direction, EffectiveSettings, LocalPortKeyword, Ports, Profile, Rule, Store, Traffic,
};
use crate::model::port::PortRange;
use crate::model::verdict::{Finding, Severity};

/// Ports share a bucket when they differ in their last bits only.
const BUCKET_BITS: u32 = 6;
/// A range over more buckets than that is looked at each time.
const MOST_BUCKETS: u16 = 16;

/// Things by the ports they are about, for finding those that have a port in common.
pub struct PortIndex {
    buckets: HashMap<u16, Vec<usize>>,
    wide: Vec<usize>,
}

impl PortIndex {
    pub fn new() -> Self {
        Self { buckets: HashMap::new(), wide: Vec::new() }
    }

    /// Adds a thing that is about these ports; without any, it is about all.
    pub fn add(&mut self, thing: usize, ranges: &[PortRange]) {
        let is_wide = |range: &PortRange| (range.last() >> BUCKET_BITS) - (range.first() >> BUCKET_BITS) > MOST_BUCKETS;
        if ranges.is_empty() || ranges.iter().any(is_wide) {
            self.wide.push(thing);
            return;
        }
        for range in ranges {
            for bucket in range.first() >> BUCKET_BITS..=range.last() >> BUCKET_BITS {
                self.buckets.entry(bucket).or_default().push(thing);
            }
        }
    }

    /// The things that may have a port in common with these ports, each once, in order.
    pub fn near(&self, ranges: &[PortRange]) -> Vec<usize> {
        let mut near = self.wide.clone();
        for range in ranges {
            let (first, last) = (range.first() >> BUCKET_BITS, range.last() >> BUCKET_BITS);
            if last - first > MOST_BUCKETS {
                near.extend(self.buckets.values().flatten());
            } else {
                near.extend((first..=last).filter_map(|bucket| self.buckets.get(&bucket)).flatten());
            }
        }
        near.sort_unstable();
        near.dedup();
        near
    }
}

fn ranges(rule: &Rule) -> Vec<PortRange> {
    rule.traffic.local_ports().map(|ports| ports.numbers.ranges().collect()).unwrap_or_default()
}

/// Tells of every rule of an entry that will have no effect.
pub fn lint<'w>(
    entries: impl Iterator<Item = &'w WantedPort>,
    after: &After<'_>,
    as_of: jiff::Timestamp,
    findings: &mut Vec<Finding>,
) {
    let settings = Profile::ALL.iter().map(|profile| {
        (*profile, EffectiveSettings::new(after.local_profiles().of(*profile), after.group_profiles().of(*profile)))
    });
    let settings: Vec<(Profile, EffectiveSettings)> = settings.collect();
    let mut blocks: Vec<&PolicyRule> = after
        .rules()
        .filter(|each| each.rule.active && each.rule.direction == Direction::In && each.rule.action == Action::Block)
        .collect();
    blocks.sort_by(|one, other| one.id.cmp(&other.id));
    let mut index = PortIndex::new();
    for (at, block) in blocks.iter().enumerate() {
        // Words stand for ports that nobody knows here.
        let has_words = block.rule.traffic.local_ports().is_some_and(|ports| !ports.keywords.is_empty());
        index.add(at, &if has_words { Vec::new() } else { ranges(&block.rule) });
    }
    for entry in entries.filter(|entry| entry.is_present()) {
        for wanted in entry.rules.iter().filter(|wanted| wanted.rule.active && !wanted.is_expired(as_of)) {
            let near = if blocks.is_empty() { Vec::new() } else { index.near(&ranges(&wanted.rule)) };
            let near = near.into_iter().filter_map(|at| blocks.get(at).copied());
            let near: Vec<&PolicyRule> = near.filter(|block| may_meet(&block.rule, &wanted.rule)).collect();
            one(entry, wanted, &settings, &near, after, findings);
        }
    }
}

/// Whether two rules may be about a port in common; words stand for ports that nobody knows here.
fn may_meet(one: &Rule, other: &Rule) -> bool {
    let (Some(one), Some(other)) = (one.traffic.local_ports(), other.traffic.local_ports()) else { return true };
    let is_open = |ports: &Ports<LocalPortKeyword>| ports.is_any() || !ports.keywords.is_empty();
    is_open(one) || is_open(other) || one.numbers.overlaps(&other.numbers)
}

/// Why a rule has no effect in a profile.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Cause {
    severity: Severity,
    code: &'static str,
    text: String,
}

fn one(
    entry: &WantedPort,
    wanted: &WantedRule,
    settings: &[(Profile, EffectiveSettings)],
    near: &[&PolicyRule],
    after: &After<'_>,
    findings: &mut Vec<Finding>,
) {
    let rule = &wanted.rule;
    let mut causes: Vec<(Cause, Vec<Profile>)> = Vec::new();
    for (profile, effective) in settings.iter().filter(|(profile, _)| rule.profiles.contains(*profile)) {
        let cause = of_settings(rule, effective).or_else(|| of_blocks(wanted, *profile, near, after));
        if let Some(cause) = cause {
            match causes.iter_mut().find(|(known, _)| *known == cause) {
                Some((_, profiles)) => profiles.push(*profile),
                None => causes.push((cause, vec![*profile])),
            }
        }
    }
    for (cause, profiles) in causes {
        let id = entry.part(&wanted.part);
        let names: Vec<String> = profiles.iter().map(ToString::to_string).collect();
        let verb = if cause.code == "ports.partly_blocked" { "has effect in part only" } else { "has no effect" };
        findings.push(Finding {
            severity: cause.severity,
            code: cause.code.into(),
            message: format!("{id} {verb} in {} networks: {}", names.join(", "), cause.text),
            hint: None,
            id: Some(id),
            at: Some(wanted.at),
        });
    }
}

fn of_settings(rule: &Rule, effective: &EffectiveSettings) -> Option<Cause> {
    let cause = |severity, code, text: &str, store: Option<Store>| {
        let by = if store == Some(Store::GroupPolicy) { " (group policy)" } else { "" };
        Some(Cause { severity, code, text: format!("{text}{by}") })
    };
    let is_in = rule.direction == Direction::In;
    let default = if is_in { effective.inbound } else { effective.outbound };
    match rule.action {
        _ if !effective.local_rules.value => {
            cause(Severity::Warning, "ports.not_merged", "group policy lets no local rule hold", None)
        }
        Action::Block if !effective.enabled.value => {
            cause(Severity::Warning, "ports.firewall_off", "the firewall is off", effective.enabled.store)
        }
        Action::Allow if !effective.enabled.value => cause(
            Severity::Info,
            "ports.firewall_off",
            "the firewall is off, and all is allowed",
            effective.enabled.store,
        ),
        Action::Allow if is_in && effective.no_exceptions.value => {
            cause(Severity::Warning, "ports.no_exceptions", "no exceptions are allowed", effective.no_exceptions.store)
        }
        Action::Allow if is_in && default.value == DefaultAction::Allow => {
            cause(Severity::Info, "ports.default_allows", "the default allows it", default.store)
        }
        _ => None,
    }
}

/// A rule that blocks all of what this one allows, or a part.
fn of_blocks(wanted: &WantedRule, profile: Profile, near: &[&PolicyRule], after: &After<'_>) -> Option<Cause> {
    let rule = &wanted.rule;
    if rule.action != Action::Allow || rule.direction != Direction::In || near.is_empty() {
        return None;
    }
    let mut rules: Vec<PolicyRule> = near.iter().map(|each| (*each).clone()).collect();
    let id = RuleId { store: Store::Local, id: wanted.id.to_string() };
    rules.push(PolicyRule { id, rule: rule.clone(), restrictions: Vec::new() });
    let policy = Policy {
        rules,
        local_profiles: *after.local_profiles(),
        group_policy_profiles: *after.group_profiles(),
        ..Policy::default()
    };
    let mut partly = None;
    for what in approaches(rule) {
        let arrival = Arrival {
            profile,
            what,
            local_address: None,
            remote: rule.remote_addresses.clone(),
            program: rule.program.clone(),
            service: rule.service.clone(),
        };
        let outcome = decide(&policy, &arrival);
        let blocker = outcome.by.iter().find_map(|reason| match reason {
            Reason::Rule { rule, action: crate::formats::firewall::decide::ActionTaken::Block, .. } => Some(rule),
            _ => None,
        });
        match (outcome.verdict, blocker) {
            (Verdict::Blocked, Some(_)) => {
                return Some(Cause { severity: Severity::Warning, code: "ports.blocked", text: why(&outcome) });
            }
            (Verdict::Partly, Some(blocker)) => {
                partly = Some(Cause {
                    severity: Severity::Info,
                    code: "ports.partly_blocked",
                    text: format!("the rule {blocker} blocks a part of it"),
                });
            }
            _ => {}
        }
    }
    partly
}

/// All that a rule is about, question by question.
fn approaches(rule: &Rule) -> Vec<Approach> {
    let of = |ports: &crate::formats::firewall::Ports<_>, make: fn(LocalPort) -> Approach| {
        if ports.is_any() {
            return vec![make(LocalPort::Numbers(PortRange::ALL))];
        }
        let words = ports.keywords.iter().map(|word| LocalPort::Keyword(*word));
        ports.numbers.ranges().map(LocalPort::Numbers).chain(words).map(make).collect()
    };
    match &rule.traffic {
        Traffic::Tcp { local, .. } => of(local, Approach::Tcp),
        Traffic::Udp { local, .. } => of(local, Approach::Udp),
        other => vec![Approach::Protocol(other.protocol())],
    }
}

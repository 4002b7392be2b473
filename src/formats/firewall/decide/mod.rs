//! What a firewall's policy lets in, and by what: a model of Windows' precedence, for plans and findings.
//! It knows rules and settings only, not who listens, not IPsec, and not the rules that Windows has for services and apps.

mod policy;
mod reach;

use std::collections::BTreeSet;
use std::fmt;

pub use policy::{Policy, PolicyRule, RuleId, Unreadable, UnreadableError};
pub use reach::Condition;

use super::addresses::{AddressSet, Addresses, Family};
use super::places::Store;
use super::ports::LocalPortKeyword;
use super::settings::{DefaultAction, EffectiveSettings};
use super::terms::{Action, Direction, Profile, Program, ServiceName};
use super::traffic::Protocol;
use crate::model::port::PortRange;

/// A question: may this come in?
#[derive(Clone, Debug)]
pub struct Arrival {
    pub profile: Profile,
    pub what: Approach,
    /// The address of this machine that it comes to; none when it isn't known.
    pub local_address: Option<core::net::IpAddr>,
    /// Where it comes from: all of these.
    pub remote: Addresses,
    /// The program that listens; none when it isn't known.
    pub program: Option<Program>,
    /// The service that listens; none when it isn't known.
    pub service: Option<ServiceName>,
}

/// What comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approach {
    Tcp(LocalPort),
    Udp(LocalPort),
    /// A protocol as a whole.
    Protocol(Protocol),
}

/// The ports that are knocked at: all of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalPort {
    Numbers(PortRange),
    Keyword(LocalPortKeyword),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub verdict: Verdict,
    /// What decides, in a stable order; for a part, all that has a share in it.
    pub by: Vec<Reason>,
}

/// Whether all of what was asked about comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    Allowed,
    Blocked,
    /// Some of it, or under conditions that are not known here.
    Partly,
}

/// What lets in or keeps out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The firewall is off in the profile.
    FirewallOff { store: Option<Store> },
    /// The profile allows no exceptions: no rule is asked.
    NoExceptions { store: Option<Store> },
    /// A rule is about it; with conditions, it is so for a part only.
    Rule { rule: RuleId, action: ActionTaken, conditions: BTreeSet<Condition> },
    /// No rule is about it.
    Default { action: ActionTaken, store: Option<Store> },
    /// A local rule would be about it, but group policy lets no local rule hold in the profile.
    NotMerged { rule: RuleId, action: ActionTaken },
}

/// Which way a reason goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActionTaken {
    Allow,
    Block,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Partly => "partly",
        })
    }
}

impl From<DefaultAction> for ActionTaken {
    fn from(action: DefaultAction) -> Self {
        match action {
            DefaultAction::Allow => Self::Allow,
            DefaultAction::Block => Self::Block,
        }
    }
}

impl From<Action> for ActionTaken {
    fn from(action: Action) -> Self {
        match action {
            Action::Allow | Action::Bypass => Self::Allow,
            Action::Block => Self::Block,
        }
    }
}

/// Decides what becomes of an arrival.
///
/// An off firewall lets all in; no exceptions keep all out; then bypassing rules come before blocking ones, those before
/// allowing ones, and the default action last. Source: [MS-FASP] 2.2.34 and 2.2.38.
pub fn decide(policy: &Policy, arrival: &Arrival) -> Outcome {
    let settings = EffectiveSettings::new(
        policy.local_profiles.of(arrival.profile),
        policy.group_policy_profiles.of(arrival.profile),
    );
    if !settings.enabled.value {
        let by = vec![Reason::FirewallOff { store: settings.enabled.store }];
        return Outcome { verdict: Verdict::Allowed, by };
    }
    if settings.no_exceptions.value {
        let by = vec![Reason::NoExceptions { store: settings.no_exceptions.store }];
        return Outcome { verdict: Verdict::Blocked, by };
    }
    let outcomes = pieces(policy, arrival.what).into_iter().map(|what| {
        let piece = Arrival { what, ..arrival.clone() };
        decide_piece(policy, &settings, &piece)
    });
    outcomes.reduce(both).unwrap_or(Outcome { verdict: Verdict::Partly, by: Vec::new() })
}

/// The answer for two questions at once.
fn both(one: Outcome, other: Outcome) -> Outcome {
    let verdict = if one.verdict == other.verdict { one.verdict } else { Verdict::Partly };
    let by: BTreeSet<Reason> = one.by.into_iter().chain(other.by).collect();
    Outcome { verdict, by: by.into_iter().collect() }
}

/// Cuts ports where a rule begins or ends, so that each rule is about all ports of a piece or none.
fn pieces(policy: &Policy, what: Approach) -> Vec<Approach> {
    let (range, of): (_, fn(LocalPort) -> Approach) = match what {
        Approach::Tcp(LocalPort::Numbers(range)) => (range, Approach::Tcp),
        Approach::Udp(LocalPort::Numbers(range)) => (range, Approach::Udp),
        _ => return vec![what],
    };
    let mut begins = BTreeSet::from([range.first()]);
    let rules = policy.rules.iter().filter_map(|each| each.rule.traffic.local_ports());
    let named = rules.flat_map(|ports| ports.numbers.ranges().chain(reach::known_ports(ports)).collect::<Vec<_>>());
    for each in named {
        begins.extend([Some(each.first()), each.last().checked_add(1)].into_iter().flatten());
    }
    begins.retain(|begin| range.contains(*begin));
    let ends = begins.iter().skip(1).map(|begin| begin - 1).chain([range.last()]);
    let cut = begins.iter().zip(ends).filter_map(|(first, last)| PortRange::new(*first, last).ok());
    cut.map(|range| of(LocalPort::Numbers(range))).collect()
}

/// What rules of one action are about: certainly, and perhaps.
#[derive(Default)]
struct Claim {
    certain: AddressSet,
    possible: AddressSet,
}

/// Decides where each rule's ports are all or nothing.
fn decide_piece(policy: &Policy, settings: &EffectiveSettings, arrival: &Arrival) -> Outcome {
    let asked = asked(arrival);
    let (mut allow, mut block, mut bypass) = (Claim::default(), Claim::default(), Claim::default());
    let (mut by, mut void) = (Vec::new(), Vec::new());
    for each in policy.rules.iter().filter(|each| each.rule.active && each.rule.direction == Direction::In) {
        let Some(reach) = reach::reach(each, arrival, &asked) else { continue };
        let action = ActionTaken::from(each.rule.action);
        if each.id.store == Store::Local && !settings.local_rules.value {
            void.push(Reason::NotMerged { rule: each.id.clone(), action });
            continue;
        }
        let claim = match each.rule.action {
            Action::Allow => &mut allow,
            Action::Block => &mut block,
            Action::Bypass => &mut bypass,
        };
        claim.certain = claim.certain.union(&reach.certain);
        claim.possible = claim.possible.union(&reach.possible);
        by.push(Reason::Rule { rule: each.id.clone(), action, conditions: reach.conditions });
    }
    let default = settings.inbound.value;
    let unnamed =
        |named: AddressSet, way| if way == default { asked.difference(&named) } else { AddressSet::default() };

    // What bypasses is never certain: it depends on who authenticates.
    let let_in = allow.certain.union(&unnamed(AddressSet::default(), DefaultAction::Allow)).difference(&block.possible);
    let kept_out = block.certain.union(&unnamed(allow.possible.union(&bypass.possible), DefaultAction::Block));
    let kept_out = kept_out.difference(&bypass.possible);
    let verdict = match (let_in.includes(&asked), kept_out.includes(&asked)) {
        (true, _) => Verdict::Allowed,
        (_, true) => Verdict::Blocked,
        _ => Verdict::Partly,
    };
    let goes_along = |action: ActionTaken| match verdict {
        Verdict::Allowed => action == ActionTaken::Allow,
        Verdict::Blocked => action == ActionTaken::Block,
        Verdict::Partly => true,
    };
    by.retain(|reason| matches!(reason, Reason::Rule { action, .. } if goes_along(*action)));
    // The default has a share in what no rule is certainly about.
    if goes_along(default.into()) && !allow.certain.union(&block.certain).includes(&asked) {
        by.push(Reason::Default { action: default.into(), store: settings.inbound.store });
    }
    if verdict != Verdict::Allowed {
        by.extend(void);
    }
    by.sort();
    Outcome { verdict, by }
}

/// The addresses that a question is about; those of a protocol of one version of IP are of that version.
fn asked(arrival: &Arrival) -> AddressSet {
    let asked = if arrival.remote.is_any() { AddressSet::all() } else { arrival.remote.named().clone() };
    let family = match (arrival.what, arrival.local_address) {
        (Approach::Protocol(Protocol::IcmpV4), _) | (_, Some(core::net::IpAddr::V4(_))) => Some(Family::V4),
        (Approach::Protocol(Protocol::IcmpV6), _) | (_, Some(core::net::IpAddr::V6(_))) => Some(Family::V6),
        _ => None,
    };
    let narrowed = family.map(|family| asked.only(family)).filter(|narrowed| !narrowed.is_empty());
    narrowed.unwrap_or(asked)
}

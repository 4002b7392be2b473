//! Firewall rules against those that are there: field by field, with what is not understood kept. Pure.

use super::existing::{Existing, Found};
use super::places;
use super::wanted::{GROUP, Names, Said, WantedFirewall, WantedPort, WantedRule};
use crate::formats::firewall::{Aspect, FieldDifference, Rule, RuleText, RuleVersion};
use crate::formats::upcase;
use crate::model::digest;
use crate::model::fact::{Facts, Stored, Unread};
use crate::model::operation::{Expression, Operation};
use crate::model::registry_data::RegistryData;
use crate::model::remembered::Trace;
use crate::model::resource::ResourceId;
use crate::model::setting::Setting;
use crate::model::source::Location;
use crate::model::verdict::{Action, Decision, Reason, Verdict};

/// Decides about one rule of an entry.
pub fn compare(
    port: &WantedPort,
    wanted: &WantedRule,
    existing: &Existing,
    facts: &Facts,
    as_of: jiff::Timestamp,
) -> Decision {
    let id = port.part(&wanted.part);
    let (Some(keys), None) = (places::firewall(), &existing.unread) else {
        return unread(id, wanted.at, existing.unread.as_ref());
    };
    let fact = places::found(&keys.rules, facts).ok().flatten();
    let value = fact.and_then(|fact| fact.value(&wanted.id));
    let found = existing.local.get(&wanted.id);
    let written = |decision: Decision| match fact {
        Some(fact) => decision.written_at(fact.last_written),
        None => decision,
    };
    let name = value.map_or(&*wanted.id, |value| &value.name);
    let setting = || Setting::FirewallRule { rule: name.into() };
    let is_expired = port.is_present() && wanted.is_expired(as_of);
    if !port.is_present() || is_expired {
        let asked = if is_expired { wanted_digest(wanted, &wanted.rule) } else { digest::ABSENT };
        let trace = Trace { wanted: asked, found: found_digest(found), secret: None };
        let Some(value) = value else { return Decision::keep(id, wanted.at).traced(trace) };
        let reason = match wanted.expires.filter(|_| is_expired) {
            Some(on) => Reason::with("ports.expired", format!("expired on {on}")),
            None => Reason::code("ports.not_wanted"),
        };
        return written(removal(id, wanted.at, reason, found, &value.name, value.data.clone())).traced(trace);
    }
    let rule = adopted(wanted, found.and_then(Found::rule));
    let asked = wanted_digest(wanted, &rule);
    let trace = |found| Trace { wanted: asked, found, secret: None };
    if found.and_then(Found::rule) == Some(&rule) {
        // Without an end, what is wanted and what is there are told alike, and told once.
        let found = if wanted.expires.is_none() { asked } else { digest_of(&rule) };
        return written(Decision::keep(id, wanted.at).traced(trace(found)));
    }
    let (text, reason, before, after) = match found {
        None => {
            let text = rule.to_text(existing.version.unwrap_or(RuleVersion::DEFAULT));
            (text, Reason::code("ports.rule_absent"), None, words(&rule))
        }
        Some(Found::Rule { text, policy }) => {
            let differences = policy.rule.differences(&rule);
            let fields = differences.iter().map(|each| each.field.to_string()).collect::<Vec<_>>();
            let sides = sides(&differences);
            let reason = Reason::with("ports.rule_differs", format!("other {}", fields.join(", ")));
            (text.with(&rule), reason, Some(sides.0), sides.1)
        }
        Some(Found::Strange { text, error }) => {
            let detail = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
            let reason = Reason::with("ports.rule_not_understood", detail);
            (text.with(&rule), reason, Some("a rule that is not understood".into()), words(&rule))
        }
        Some(Found::Damaged(detail)) => {
            let text = rule.to_text(existing.version.unwrap_or(RuleVersion::DEFAULT));
            let reason = Reason::with("ports.rule_damaged", detail.clone());
            (text, reason, Some("no firewall rule".into()), words(&rule))
        }
    };
    let put = put(name, value.map(|value| value.data.clone()), &text, keys);
    let mut operations = places::creations(&keys.rules, facts);
    operations.push(Operation::Configure {
        setting: setting(),
        before: before.map(Into::into),
        after: Some(after.into()),
        steps: vec![put],
    });
    let action = if found.is_none() { Action::Create } else { Action::Update };
    written(Decision::change(id, wanted.at, action, reason, operations).traced(trace(found_digest(found))))
}

/// What fields were and what they become, each side by itself: a rollback shows them the other way round.
fn sides(differences: &[FieldDifference]) -> (String, String) {
    let before = differences.iter().map(|each| format!("{} {}", each.field, each.before));
    let after = differences.iter().map(|each| format!("{} {}", each.field, each.after));
    (before.collect::<Vec<_>>().join("; "), after.collect::<Vec<_>>().join("; "))
}

fn put(id: &str, before: Option<Stored>, text: &RuleText, keys: &places::FirewallKeys) -> Operation {
    Operation::PutRegistryValue {
        key: keys.rules.clone(),
        name: id.into(),
        before,
        after: Expression::Registry(RegistryData::sz(&text.to_string())),
    }
}

/// The rule as it should be beside the one that is there: of one that is taken over, only what is stated changes.
fn adopted(wanted: &WantedRule, found: Option<&Rule>) -> Rule {
    let mut rule = wanted.rule.clone();
    if let (Names::Adopted { name, description }, Some(found)) = (wanted.names, found) {
        rule.group.clone_from(&found.group);
        if name == Said::Silent {
            rule.name.clone_from(&found.name);
        }
        if description == Said::Silent {
            rule.description.clone_from(&found.description);
        }
    }
    rule
}

/// A decision about what could not be looked at.
pub fn unread(id: ResourceId, at: Location, unread: Option<&Unread>) -> Decision {
    let message = unread.map_or_else(|| "the machine was not asked".to_owned(), ToString::to_string);
    let (verdict, code) = match unread {
        Some(Unread::Unsupported { .. }) => (Verdict::Deferred, "ports.unsupported"),
        Some(Unread::NotCaptured { .. }) => (Verdict::Blocked, "ports.not_captured"),
        Some(Unread::Refused { .. }) => (Verdict::Blocked, "ports.refused"),
        Some(Unread::Failed { .. }) | None => (Verdict::Blocked, "ports.unreadable"),
    };
    Decision { verdict, reasons: vec![Reason::with(code, message)], ..Decision::keep(id, at) }
}

fn removal(
    id: ResourceId,
    at: Location,
    reason: Reason,
    found: Option<&Found>,
    name: &str,
    before: Stored,
) -> Decision {
    let Some(keys) = places::firewall() else { return Decision::keep(id, at) };
    let step = Operation::RemoveRegistryValue { key: keys.rules.clone(), name: name.into(), before };
    let words = match found.and_then(Found::rule) {
        Some(rule) => words(rule),
        None => "a rule that is not understood".to_owned(),
    };
    let operation = Operation::Configure {
        setting: Setting::FirewallRule { rule: name.into() },
        before: Some(words.into()),
        after: None,
        steps: vec![step],
    };
    Decision::change(id, at, Action::Delete, reason, vec![operation])
}

/// The rules that nobody names: those of our group go where the section owns them; others that somebody made are listed.
pub fn unnamed(
    wanted: &WantedFirewall,
    survey: bool,
    existing: &Existing,
    facts: &Facts,
) -> (Vec<Decision>, Vec<ResourceId>) {
    let (mut decisions, mut listed) = (Vec::new(), Vec::new());
    if !wanted.exclusive && !wanted.report_unmanaged && !survey {
        return (decisions, listed);
    }
    let Some(fact) = places::firewall().and_then(|keys| places::found(&keys.rules, facts).ok().flatten()) else {
        return (decisions, listed);
    };
    for value in fact.values() {
        let folded = upcase::fold(&value.name);
        let found = existing.local.by_id.get(&folded);
        let Some(rule) = found.and_then(Found::rule) else { continue };
        if wanted.named.binary_search(&folded).is_ok() {
            continue;
        }
        let is_ours = rule.group.as_ref().is_some_and(|group| group.as_str() == GROUP);
        let id = wanted.part(&value.name);
        if is_ours && wanted.exclusive {
            let reason = Reason::code("ports.not_named");
            decisions.push(
                removal(id, wanted.at, reason, found, &value.name, value.data.clone()).written_at(fact.last_written),
            );
        } else if rule.active && !is_of_windows(rule) {
            listed.push(id);
        }
    }
    (decisions, listed)
}

/// Windows' own rules have texts that lie in its libraries.
fn is_of_windows(rule: &Rule) -> bool {
    rule.name.as_ref().is_some_and(|name| name.as_str().starts_with('@'))
}

fn found_digest(found: Option<&Found>) -> u64 {
    match found {
        None => digest::ABSENT,
        Some(Found::Rule { policy, .. }) => digest_of(&policy.rule),
        Some(Found::Strange { text, .. }) => digest::of(&[b"rule text", text.to_string().as_bytes()]),
        Some(Found::Damaged(detail)) => digest::of(&[b"no rule", detail.as_bytes()]),
    }
}

/// Of what a document says of a rule: the same before its end and after it.
fn wanted_digest(wanted: &WantedRule, rule: &Rule) -> u64 {
    match wanted.expires {
        None => digest_of(rule),
        Some(on) => digest::of(&[b"expiring rule", wanted.rule.statement().as_bytes(), on.to_string().as_bytes()]),
    }
}

/// Of what a rule says, in whatever order and spelling its text says it.
fn digest_of(rule: &Rule) -> u64 {
    digest::of(&[b"rule", rule.statement().as_bytes()])
}

/// A rule in words: what it does, then what narrows it.
pub fn words(rule: &Rule) -> String {
    let mut text = format!("{} {}", rule.action, rule.direction);
    let protocol = rule.traffic.protocol();
    text.push_str(&match rule.traffic.local_ports().zip(rule.traffic.remote_ports()) {
        Some((local, remote)) => {
            let own = if rule.direction == crate::formats::firewall::Direction::In {
                (local.to_string(), remote.to_string())
            } else {
                (remote.to_string(), local.to_string())
            };
            match own {
                (port, client) if client == "any" => format!(" {protocol} {port}"),
                (port, client) => format!(" {protocol} {port} from port {client}"),
            }
        }
        None => format!(" {protocol}"),
    });
    if let Some(types) = rule.traffic.icmp_types().filter(|types| !types.is_any()) {
        text.push_str(&format!(" {types}"));
    }
    let nothing = Rule::new(rule.action, rule.direction, rule.traffic.clone());
    for difference in nothing.differences(rule) {
        match difference.field {
            Aspect::Name | Aspect::Description | Aspect::Group => {}
            Aspect::Active => text.push_str(", not in force"),
            field => text.push_str(&format!(", {field} {}", difference.after)),
        }
    }
    text
}

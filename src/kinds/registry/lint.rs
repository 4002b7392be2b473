//! What is worth saying about a registry entry once its decisions are made. Pure.

use std::collections::{HashMap, HashSet};

use super::compare::observed;
use super::statements;
use super::wanted::{Expiry, WantedKey, WantedRange, WantedValue};
use crate::formats::upcase;
use crate::kinds::{Context, Kind as _};
use crate::model::common::Ensure;
use crate::model::fact::{Facts, KeyState};
use crate::model::operation::Operation;
use crate::model::registry::{RegistryKey, Root};
use crate::model::resource::ResourceId;
use crate::model::verdict::{Decision, Finding, Severity, Verdict};

/// Keys without which Windows does not start: removing or moving one of them needs a deliberate word.
const CRITICAL: [&str; 12] = [
    r"HKLM\SYSTEM\Select",
    r"HKLM\SYSTEM\Setup",
    r"HKLM\SYSTEM\MountedDevices",
    r"HKLM\SYSTEM\CurrentControlSet\Control",
    r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa",
    r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager",
    r"HKLM\SYSTEM\CurrentControlSet\Enum",
    r"HKLM\SYSTEM\CurrentControlSet\Services",
    r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion",
    r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion",
    r"HKLM\SAM\SAM",
    r"HKLM\SECURITY\Policy",
];

/// How long before its expiry a value is named.
pub const SOON: jiff::SignedDuration = jiff::SignedDuration::from_hours(14 * 24);

pub fn lint(
    wanted: &WantedKey,
    facts: &Facts,
    context: &Context<'_>,
    decisions: &[Decision],
    findings: &mut Vec<Finding>,
) {
    for decision in decisions {
        for operation in decision.operations() {
            critical(operation, decision, findings);
        }
    }
    if wanted.ensure_present() && !wanted.ranges.is_empty() {
        let set: HashSet<String> = wanted.values.iter().map(|value| upcase::fold(&value.name)).collect();
        for range in wanted.ranges.iter().filter(|range| !set.contains(&upcase::fold(&range.name))) {
            out_of_range(wanted, range, facts, findings);
        }
    }
    expiries(wanted, context.as_of, decisions, findings);
}

fn expiries(wanted: &WantedKey, as_of: jiff::Timestamp, decisions: &[Decision], findings: &mut Vec<Finding>) {
    let expiring: Vec<(&WantedValue, &Expiry)> =
        wanted.values.iter().filter_map(|value| Some((value, value.expires.as_ref()?))).collect();
    if expiring.is_empty() {
        return;
    }
    let verdicts: HashMap<&ResourceId, &Verdict> =
        decisions.iter().map(|decision| (&decision.id, &decision.verdict)).collect();
    for (value, expiry) in expiring {
        let id = ResourceId::part_of(&wanted.address(), &value.name);
        let name = if value.name.is_empty() { "(default)" } else { &value.name };
        let finding = if !value.is_expired(as_of) {
            if expiry.on.duration_since(as_of) > SOON {
                continue;
            }
            let message = format!("{name} expires on {}; then it is {}", expiry.on, statements::data(&expiry.then));
            ("registry.expires_soon", message, None)
        } else if verdicts.get(&id) == Some(&&Verdict::Keep) {
            let message = format!("{name} expired on {}; the entry may be simplified", expiry.on);
            let hint = "what stands after `then` holds: write it as the value itself";
            ("registry.expiry_passed", message, Some(hint.to_owned()))
        } else {
            continue;
        };
        let (code, message, hint) = finding;
        findings.push(Finding {
            severity: Severity::Info,
            code: code.into(),
            message,
            hint,
            id: Some(id),
            at: Some(expiry.at),
        });
    }
}

fn critical(operation: &Operation, decision: &Decision, findings: &mut Vec<Finding>) {
    let (key, verb) = match operation {
        Operation::RemoveRegistryTree { key, .. } => (key, "removes"),
        Operation::RenameRegistryKey { from, .. } => (from, "moves away"),
        _ => return,
    };
    if !is_critical(key) {
        return;
    }
    findings.push(Finding {
        severity: Severity::Error,
        code: "registry.critical_key".into(),
        message: format!("the plan {verb} {key}, which Windows needs to start"),
        hint: Some("apply refuses this unless it is run with --accept registry.critical_key".into()),
        id: Some(decision.id.clone()),
        at: Some(decision.at),
    });
}

/// Whether the key is, holds or stands for a critical one; numbered control sets count like the current one.
fn is_critical(key: &RegistryKey) -> bool {
    if key.root() == Root::LocalMachine && key.depth() <= 1 {
        return true;
    }
    let current = |key: &RegistryKey| {
        let names: Vec<&str> = key.folded().split('\\').collect();
        let set = names.get(2).is_some_and(|name| name.starts_with("CONTROLSET"));
        if set && names.get(1) == Some(&"SYSTEM") {
            let mut names = names;
            if let Some(name) = names.get_mut(2) {
                *name = "CURRENTCONTROLSET";
            }
            return names.join("\\");
        }
        key.folded().to_owned()
    };
    let folded = current(key);
    CRITICAL
        .iter()
        .map(|path| upcase::fold(path))
        .any(|critical| critical.strip_prefix(&folded).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\')))
}

/// A value that the document does not set, but for which it knows the bounds.
fn out_of_range(wanted: &WantedKey, range: &WantedRange, facts: &Facts, findings: &mut Vec<Finding>) {
    let Ok(KeyState::Present(fact)) = observed(facts, &wanted.key) else { return };
    let Some(found) = fact.value(&range.name).and_then(|value| value.data.plain()) else { return };
    let within = found.number().is_some_and(|number| (range.minimum..=range.maximum).contains(&number));
    if within {
        return;
    }
    findings.push(Finding {
        severity: Severity::Warning,
        code: "registry.out_of_range".into(),
        message: format!("{} is {found} on the machine, outside {} to {}", range.name, range.minimum, range.maximum),
        hint: Some(format!("name a value within the range under `values` of {}", wanted.key)),
        id: Some(ResourceId::part_of(&wanted.address(), &range.name)),
        at: Some(range.at),
    });
}

impl WantedKey {
    pub fn ensure_present(&self) -> bool {
        self.common.ensure == Ensure::Present
    }
}

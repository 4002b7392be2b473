//! What is worth saying about a registry entry once its decisions are made. Pure.

use std::collections::HashSet;

use super::compare::observed;
use super::wanted::{WantedKey, WantedRange};
use crate::formats::upcase;
use crate::kinds::Kind as _;
use crate::model::common::Ensure;
use crate::model::fact::{Facts, KeyState};
use crate::model::operation::Operation;
use crate::model::registry::{RegistryKey, Root};
use crate::model::resource::ResourceId;
use crate::model::verdict::{Decision, Finding, Severity};

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

pub fn lint(wanted: &WantedKey, facts: &Facts, decisions: &[Decision], findings: &mut Vec<Finding>) {
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
    fn ensure_present(&self) -> bool {
        self.common.ensure == Ensure::Present
    }
}

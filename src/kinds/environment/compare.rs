//! Variables against what is there: as values of their registry key, under their own addresses. Pure.

use std::str::FromStr as _;

use super::list;
use super::wanted::{Owner, Text, WantedEnvironment};
use crate::kinds::registry::{WantedData, WantedKey, WantedValue};
use crate::kinds::{Comparison, Context, Kind as _};
use crate::model::fact::{Facts, KeyState, Queries};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::{REG_EXPAND_SZ, REG_SZ, Reading, RegistryData};
use crate::model::resource::ResourceId;
use crate::model::sid::Sid;
use crate::model::verdict::{Decision, Finding, Reason, Severity, Verdict};

const MACHINE_KEY: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment";

/// So long a variable that is a list may be for every program to read it.
const LONG_LIST: usize = 2_047;

pub fn wants(wanted: &WantedEnvironment, facts: &Facts, context: &Context<'_>, queries: &mut Queries) {
    match key(wanted, facts) {
        Ok(key) => values(wanted, &key, facts).wants(facts, context, queries),
        Err(_) => {
            if let Owner::User(account) = &wanted.owner {
                queries.account(account);
            }
        }
    }
}

/// Where Windows keeps the variables of the owner.
fn key(wanted: &WantedEnvironment, facts: &Facts) -> Result<RegistryKey, Reason> {
    let path = match &wanted.owner {
        Owner::Machine => MACHINE_KEY.to_owned(),
        Owner::User(account) => {
            let unknown = |detail: String| Reason::with("environment.unknown_account", detail);
            let sid = match (Sid::from_str(account), facts.account(account)) {
                (Ok(sid), _) => sid.to_string(),
                (_, Some(Ok(Some(sid)))) => sid.to_string(),
                (_, Some(Ok(None))) => {
                    return Err(unknown(format!("the machine does not know `{account}`; name the account by its SID")));
                }
                (_, Some(Err(unread))) => return Err(unknown(unread.to_string())),
                (_, None) => return Err(unknown(format!("nobody asked for `{account}`"))),
            };
            format!("HKU\\{sid}\\Environment")
        }
    };
    RegistryKey::parse(&path).map_err(|error| Reason::with("environment.unknown_account", error.message))
}

pub fn compare(wanted: &WantedEnvironment, facts: &Facts, context: &Context<'_>) -> Comparison {
    let key = match key(wanted, facts) {
        Ok(key) => key,
        Err(reason) => {
            let blocked = |(id, at)| Decision::blocked(id, at, reason.clone());
            return Comparison {
                decisions: wanted.resources().into_iter().map(blocked).collect(),
                ..Comparison::default()
            };
        }
    };
    let mut comparison = values(wanted, &key, facts).compare(facts, context);
    for decision in &mut comparison.decisions {
        decision.reasons.iter_mut().for_each(|reason| reason.move_to("environment"));
        block_unreadable(wanted, &key, facts, decision);
    }
    comparison
}

/// A list that is no text cannot be changed by element.
fn block_unreadable(wanted: &WantedEnvironment, key: &RegistryKey, facts: &Facts, decision: &mut Decision) {
    let variable = wanted.variables.iter().find(|variable| decision.id.part() == Some(&variable.name));
    if let Some(variable) = variable
        && matches!(variable.text, Text::List { .. })
        && matches!(present(key, facts, &variable.name), Some(Err(())))
    {
        decision.verdict = Verdict::Blocked;
        decision.reasons = vec![Reason::with("environment.no_text", "what is there is no text, so it has no elements")];
    }
}

/// The text and the type of a variable that is there; an error for one that is no text.
fn present(key: &RegistryKey, facts: &Facts, name: &str) -> Option<Result<(String, u32), ()>> {
    let Some(Ok(KeyState::Present(fact))) = facts.key(key) else { return None };
    let data = fact.value(name)?.data.plain()?;
    Some(match (data.value_type, data.reading()) {
        (REG_SZ | REG_EXPAND_SZ, Reading::Text(text)) => Ok((text, data.value_type)),
        _ => Err(()),
    })
}

/// The entry as what it comes to in the registry.
fn values(wanted: &WantedEnvironment, key: &RegistryKey, facts: &Facts) -> WantedKey {
    let data = |name: &str, text: &Text| match text {
        Text::Absent => WantedData::Absent,
        Text::Secret(reference) => WantedData::Secret { value_type: REG_SZ, reference: reference.clone() },
        Text::Whole { text, expand } => {
            WantedData::Data(RegistryData::text(if *expand { REG_EXPAND_SZ } else { REG_SZ }, text))
        }
        Text::List { contains, lacks, at } => {
            let (found, value_type) = match present(key, facts, name) {
                Some(Ok((text, value_type))) => (Some(text), value_type),
                Some(Err(())) | None => (None, REG_EXPAND_SZ),
            };
            if contains.is_empty() && found.is_none() {
                return WantedData::Absent;
            }
            let text = list::changed(found.as_deref().unwrap_or_default(), contains, lacks, *at);
            // A list without a name to expand may hold one from now on.
            let value_type = if text.contains('%') { REG_EXPAND_SZ } else { value_type };
            WantedData::Data(RegistryData::text(value_type, &text))
        }
    };
    let values = wanted.variables.iter().map(|variable| WantedValue {
        name: variable.name.clone(),
        at: variable.at,
        data: data(&variable.name, &variable.text),
        expires: None,
    });
    let values = values.collect();
    WantedKey {
        exclusive: wanted.exclusive,
        report_unmanaged: wanted.report_unmanaged,
        ..WantedKey::of_values(wanted.address(), key.clone(), wanted.at, &wanted.common, values)
    }
}

/// What programs may not read to its end.
pub fn lint(wanted: &WantedEnvironment, facts: &Facts, decisions: &[Decision], findings: &mut Vec<Finding>) {
    let Ok(key) = key(wanted, facts) else { return };
    for variable in &wanted.variables {
        let Text::List { contains, lacks, at } = &variable.text else { continue };
        let found = match present(&key, facts, &variable.name) {
            Some(Ok((text, _))) => text,
            Some(Err(())) | None => String::new(),
        };
        let is_changed = decisions.iter().any(|one| one.differs() && one.id.part() == Some(&variable.name));
        let length = list::changed(&found, contains, lacks, *at).encode_utf16().count();
        if is_changed && length > LONG_LIST {
            let id = ResourceId::part_of(&wanted.address(), &variable.name);
            findings.push(Finding {
                severity: Severity::Warning,
                code: "environment.long_list".into(),
                message: format!("{id} becomes {length} characters long; some programs read {LONG_LIST} of them"),
                hint: Some("remove elements that nobody needs with `lacks`".into()),
                id: Some(id),
                at: Some(variable.at),
            });
        }
    }
}

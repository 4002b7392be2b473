//! The firewall's profiles against what is there. Pure.

use super::existing::{Existing, index};
use super::places;
use super::rules;
use super::wanted::{ProfileSetting, WantedFirewall, WantedProfile, blocks};
use crate::formats::firewall::ProfileSettings;
use crate::model::digest;
use crate::model::fact::Facts;
use crate::model::operation::{Expression, Operation};
use crate::model::registry_data::RegistryData;
use crate::model::remembered::Trace;
use crate::model::setting::Setting;
use crate::model::verdict::{Action, Decision, Finding, Reason, Severity};

/// Decides about one profile.
pub fn compare(firewall: &WantedFirewall, wanted: &WantedProfile, facts: &Facts) -> Decision {
    let id = firewall.part(&wanted.profile.to_string());
    let Some(key) = places::firewall().and_then(|keys| keys.profiles.get(index(wanted.profile))) else {
        return Decision::keep(id, wanted.at);
    };
    let fact = match places::found(key, facts) {
        Ok(fact) => fact,
        Err(unread) => return rules::unread(id, wanted.at, Some(&unread)),
    };
    let (mut steps, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
    let mut found_parts = Vec::new();
    for (setting, value) in &wanted.settings {
        let data = RegistryData::dword(u32::from(*value));
        let found = fact.and_then(|fact| fact.value(setting.value_name()));
        found_parts.push(digest::of_stored(found.map(|found| &found.data)));
        if found.and_then(|found| found.data.plain()) == Some(&data) {
            continue;
        }
        before.push(match found.and_then(|found| found.data.plain()).map(|data| (data.number(), data)) {
            None => format!("{} not set", setting.field()),
            Some((Some(number @ 0..=1), _)) => setting.words(number == 1).to_owned(),
            Some((_, data)) => format!("{} {data}", setting.field()),
        });
        after.push(setting.words(*value).to_owned());
        steps.push(Operation::PutRegistryValue {
            key: key.clone(),
            name: setting.value_name().into(),
            before: found.map(|found| found.data.clone()),
            after: Expression::Registry(data),
        });
    }
    let wanted_parts: Vec<u64> =
        wanted.settings.iter().map(|(_, value)| digest::of_data(&RegistryData::dword(u32::from(*value)))).collect();
    let trace = Trace { wanted: of_all(&wanted_parts), found: of_all(&found_parts), secret: None };
    if steps.is_empty() {
        return Decision::keep(id, wanted.at).traced(trace);
    }
    let mut operations = places::creations(key, facts);
    operations.push(Operation::Configure {
        setting: Setting::FirewallProfile { profile: wanted.profile.to_string().into() },
        before: Some(before.join(", ").into()),
        after: Some(after.join(", ").into()),
        steps,
    });
    let decision = Decision::change(id, wanted.at, Action::Update, Reason::code("ports.profile_differs"), operations)
        .traced(trace);
    match fact {
        Some(fact) => decision.written_at(fact.last_written),
        None => decision,
    }
}

fn of_all(parts: &[u64]) -> u64 {
    let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_le_bytes()).collect();
    digest::of(&[b"profile", &bytes])
}

/// What a profile says, in words.
pub fn words(wanted: &WantedProfile) -> String {
    let said: Vec<&str> = wanted.settings.iter().map(|(setting, value)| setting.words(*value)).collect();
    if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
}

/// Settings that group policy makes void.
pub fn lint(firewall: &WantedFirewall, existing: &Existing, findings: &mut Vec<Finding>) {
    for wanted in &firewall.profiles {
        let policy = existing.group_profiles.of(wanted.profile);
        for (setting, value) in &wanted.settings {
            if let Some(other) = stated(policy, *setting)
                && other != *value
            {
                let id = firewall.part(&wanted.profile.to_string());
                findings.push(Finding {
                    severity: Severity::Warning,
                    code: "ports.overridden".into(),
                    message: format!(
                        "{id}: group policy says `{}`; `{}` of the document has no effect",
                        setting.words(other),
                        setting.words(*value)
                    ),
                    hint: Some("change the group policy, or leave the setting to it".into()),
                    id: Some(id),
                    at: Some(wanted.at),
                });
            }
        }
    }
}

fn stated(settings: ProfileSettings, setting: ProfileSetting) -> Option<bool> {
    match setting {
        ProfileSetting::Enabled => settings.enabled,
        ProfileSetting::Inbound => settings.inbound.map(blocks),
        ProfileSetting::Outbound => settings.outbound.map(blocks),
        ProfileSetting::NoExceptions => settings.no_exceptions,
        ProfileSetting::NoNotifications => settings.no_notifications,
    }
}

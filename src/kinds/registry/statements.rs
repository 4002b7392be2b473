//! What an entry says of its key and values, in words. Pure.

use super::wanted::{WantedData, WantedKey, WantedSecurity};
use crate::kinds::Kind as _;
use crate::model::common::{Common, Ensure};
use crate::model::registry_data::type_name;
use crate::model::resource::ResourceId;

pub fn of(wanted: &WantedKey) -> Vec<(ResourceId, String)> {
    let id = wanted.address();
    let values = wanted.values.iter().map(|value| {
        let text = match &value.expires {
            None => data(&value.data),
            Some(expiry) => format!("{} until {}, then {}", data(&value.data), expiry.on, data(&expiry.then)),
        };
        (ResourceId::part_of(&id, &value.name), text)
    });
    let mut all = vec![(id.clone(), key(wanted))];
    all.extend(values);
    all
}

/// What a value should be.
pub fn data(data: &WantedData) -> String {
    match data {
        WantedData::Absent => "absent".to_owned(),
        WantedData::Data(data) => data.to_string(),
        WantedData::Secret { value_type, reference } => {
            format!("{} (secret from {reference})", type_name(*value_type))
        }
    }
}

fn key(wanted: &WantedKey) -> String {
    if wanted.common.ensure == Ensure::Absent {
        return format!("absent{}", consequences(&wanted.common));
    }
    let mut text = String::from("present");
    let flags = [
        (wanted.exclusive, "no other values"),
        (wanted.exclusive_keys, "no other subkeys"),
        (wanted.report_unmanaged, "the rest is listed"),
    ];
    for (_, words) in flags.iter().filter(|(set, _)| *set) {
        text.push_str(", ");
        text.push_str(words);
    }
    text.push_str(&consequences(&wanted.common));
    if let Some(from) = &wanted.renamed_from {
        text.push_str(&format!(", renamed from {}", from.value));
    }
    match wanted.security.as_ref().map(|security| &security.value) {
        None => {}
        Some(WantedSecurity::Sddl(sddl)) => text.push_str(&format!(", security {sddl}")),
        Some(WantedSecurity::Parts { owner, grant, exclusive }) => {
            text.extend(owner.iter().map(|owner| format!(", owner {}", owner.value)));
            text.extend(grant.iter().map(|grant| {
                let reach = if grant.inherit { " and below" } else { "" };
                format!(", {} for {}{reach}", grant.rights.value, grant.to.value)
            }));
            text.push_str(if *exclusive { ", no other grants" } else { "" });
        }
    }
    for range in &wanted.ranges {
        text.push_str(&format!(", {} within {} to {}", range.name, range.minimum, range.maximum));
    }
    text
}

/// What follows from a change, and whether the entry may go.
pub fn consequences(common: &Common) -> String {
    let mut text = String::new();
    if common.on_change.reboot {
        text.push_str(", a change needs a reboot");
    }
    let services: Vec<&str> = common.on_change.services().collect();
    if !services.is_empty() {
        text.push_str(&format!(", a change restarts {}", services.join(", ")));
    }
    match common.protect {
        Some(true) => text.push_str(", protected from removal"),
        Some(false) => text.push_str(", no longer protected from removal"),
        None => {}
    }
    text
}

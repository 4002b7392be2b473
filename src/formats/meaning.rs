//! What the registry says of a thing with an interface of its own, whatever way the interface has of writing it. Pure.

use crate::formats::firewall::{Rule, RuleText};
use crate::formats::http_sys::Reservation;
use crate::formats::registry_values::NamedValues;
use crate::formats::service;
use crate::model::registry_data::RegistryData;
use crate::model::setting::Setting;

/// What a value says, in one form for all data that say the same: interfaces write in their own way what they were told. `None` for
/// what says as much as no value; data without a meaning stand for themselves.
pub fn meaning(setting: &Setting, name: &str, data: Option<&RegistryData>) -> Option<Vec<u8>> {
    let said = match setting {
        Setting::Service { .. } | Setting::ServiceAccount { .. } => return service::meaning(name, data),
        Setting::FirewallRule { .. } => rule(name, data?),
        Setting::UrlReservation { .. } => reservation(name, data?),
        Setting::FirewallProfile { .. } | Setting::TlsBinding { .. } => None,
    };
    said.or_else(|| data.map(itself))
}

/// What data say that have no meaning but themselves.
pub fn itself(data: &RegistryData) -> Vec<u8> {
    data.value_type.to_le_bytes().into_iter().chain(data.bytes.iter().copied()).collect()
}

/// Whether two data of a value, which may be missing, say the same.
pub fn is_same(setting: &Setting, name: &str, a: Option<&RegistryData>, b: Option<&RegistryData>) -> bool {
    a == b || meaning(setting, name, a) == meaning(setting, name, b)
}

/// A rule, and behind it the fields that nobody here understands.
fn rule(name: &str, data: &RegistryData) -> Option<Vec<u8>> {
    let text = NamedValues::new([(name, data)]).text(name).ok()??;
    let text = RuleText::parse(&text).ok()?;
    let rule = Rule::from_text(&text).ok()?;
    let mut unknown: Vec<String> =
        text.unknown_fields().map(|field| format!("{}={}", field.name(), field.value())).collect();
    unknown.sort();
    Some(format!("{}\n{}", rule.statement(), unknown.join("\n")).into_bytes())
}

fn reservation(name: &str, data: &RegistryData) -> Option<Vec<u8>> {
    let reservation = Reservation::read(name, data).ok()?;
    let rights = reservation.rights_by_account();
    let mut rights: Vec<String> =
        rights.iter().map(|(account, rights)| format!("{account} {}", rights.bits())).collect();
    rights.sort();
    Some(rights.join("\n").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_compared_by_what_they_say() {
        let setting = Setting::FirewallRule { rule: "r".into() };
        let rule = |text: &str| RegistryData::sz(text);
        let a = rule("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5443|Name=a|Unknown=1|");
        for (other, is_equal) in [
            ("v2.31|Dir=In|Action=Allow|Active=TRUE|Protocol=6|Name=a|LPort=5443|Unknown=1|", true),
            ("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5444|Name=a|Unknown=1|", false),
            ("v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5443|Name=a|Unknown=2|", false),
            ("no rule", false),
        ] {
            assert_eq!(is_same(&setting, "r", Some(&a), Some(&rule(other))), is_equal, "{other}");
        }
        // Elsewhere bytes are all there is.
        let service = Setting::Service { service: "s".into() };
        assert!(!is_same(&service, "r", Some(&a), Some(&rule("v2.31|Action=Allow|"))));
        assert!(is_same(&service, "r", Some(&a), Some(&a)));
    }

    #[test]
    fn reservations_are_compared_by_who_may_do_what() {
        use crate::formats::security_descriptor::SecurityDescriptor;
        let setting = Setting::UrlReservation { prefix: "http://+:80/".into() };
        let of = |sddl: &str| {
            let descriptor: SecurityDescriptor = sddl.parse().unwrap();
            RegistryData::binary(descriptor.to_bytes().unwrap())
        };
        let a = of("D:(A;;GX;;;NS)(A;;GXGW;;;BA)");
        let is_as = |other: &str| is_same(&setting, "http://+:80/", Some(&a), Some(&of(other)));
        assert!(is_as("O:SYG:SYD:(A;;GA;;;BA)(A;;GX;;;NS)"));
        assert!(!is_as("D:(A;;GX;;;NS)(A;;GX;;;BA)"));
    }
}

//! What the registry says of a thing with an interface of its own, whatever way the interface has of writing it. Pure.

use crate::formats::firewall::{Rule, RuleText, profile_default};
use crate::formats::http_sys::{Binding, BindingField, Reservation};
use crate::formats::registry_values::NamedValues;
use crate::formats::{service, upcase};
use crate::model::registry_data::RegistryData;
use crate::model::setting::Setting;

/// What a value says, in one form for all data that say the same: interfaces write in their own way what they were told. `None` for
/// what says as much as no value; data without a meaning stand for themselves.
pub fn meaning(setting: &Setting, name: &str, data: Option<&RegistryData>) -> Option<Vec<u8>> {
    let default = if data.is_none() { default_of(setting, name) } else { None };
    let data = data.or(default.as_ref());
    let said = match setting {
        Setting::Service { .. } | Setting::ServiceAccount { .. } => return service::meaning(name, data),
        Setting::FirewallRule { .. } => rule(name, data?),
        Setting::UrlReservation { .. } => reservation(name, data?),
        Setting::TlsBinding { .. } => binding(name, data?),
        Setting::FirewallProfile { .. } => None,
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

/// What a value counts as where it is missing: some interfaces cannot take it away, or write it also where nobody asked for it. None where
/// there is nothing that it would count as.
pub fn default_of(setting: &Setting, name: &str) -> Option<RegistryData> {
    match setting {
        Setting::FirewallProfile { .. } => Some(RegistryData::dword(u32::from(profile_default(name)))),
        Setting::TlsBinding { .. } => {
            let field = BindingField::ALL.into_iter().find(|field| upcase::eq(field.value_name(), name))?;
            Binding::defaults().value(field)
        }
        Setting::FirewallRule { .. }
        | Setting::UrlReservation { .. }
        | Setting::Service { .. }
        | Setting::ServiceAccount { .. } => None,
    }
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

/// The names of stores have no case.
fn binding(name: &str, data: &RegistryData) -> Option<Vec<u8>> {
    let is_store =
        [BindingField::Store, BindingField::CtlStore].iter().any(|field| upcase::eq(field.value_name(), name));
    let text = NamedValues::new([(name, data)]).text(name).ok()??;
    is_store.then(|| upcase::fold(&text).into_bytes())
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
    fn what_is_missing_says_what_it_counts_as() {
        let profile = Setting::FirewallProfile { profile: "public".into() };
        let binding = Setting::TlsBinding { endpoint: "0.0.0.0:443".into() };
        let rule = Setting::FirewallRule { rule: "r".into() };
        let dword = |number| Some(RegistryData::dword(number));
        for (setting, name, found, is_equal) in [
            (&profile, "EnableFirewall", dword(1), true),
            (&profile, "enablefirewall", dword(0), false),
            (&profile, "DefaultInboundAction", dword(1), true),
            (&profile, "DefaultOutboundAction", dword(0), true),
            (&profile, "DisableNotifications", dword(1), false),
            (&binding, "DefaultFlags", dword(0), true),
            (&binding, "DefaultFlags", dword(2), false),
            (&binding, "SslCertStoreName", Some(RegistryData::sz("My")), true),
            (&binding, "SslCertStoreName", Some(RegistryData::sz("CA")), false),
            (&binding, "DefaultSslCtlStoreName", Some(RegistryData::sz("")), true),
            (&binding, "SslCertHash", Some(RegistryData::binary([7; 20])), false),
            (&binding, "Later", dword(0), false),
            (&rule, "r", Some(RegistryData::sz("")), false),
            (&rule, "r", None, true),
        ] {
            assert_eq!(is_same(setting, name, found.as_ref(), None), is_equal, "{name} {found:?}");
            assert_eq!(is_same(setting, name, None, found.as_ref()), is_equal, "{name} {found:?}");
            assert!(is_same(setting, name, found.as_ref(), found.as_ref()));
        }
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

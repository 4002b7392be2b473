//! What Windows keeps in the registry and lets be changed only through an interface of its own: the nouns of
//! [`super::operation::Operation::Configure`]. A running machine changes them through that interface, an image in its hive.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::registry_data::RegistryData;
use crate::formats::firewall::{Rule, RuleText};
use crate::formats::http_sys::Reservation;
use crate::formats::registry_values::NamedValues;

/// A thing with an interface of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "setting", rename_all = "snake_case")]
pub enum Setting {
    /// A rule of the local firewall policy, by the name of its value.
    FirewallRule { rule: Box<str> },
    /// How the firewall treats a network of one kind.
    FirewallProfile { profile: Box<str> },
    /// A certificate at an endpoint of http.sys.
    TlsBinding { endpoint: Box<str> },
    /// Who may listen at a URL of http.sys.
    UrlReservation { prefix: Box<str> },
    /// The configuration of a service.
    Service { service: Box<str> },
}

impl Setting {
    /// What a value of the thing says, in one form for all bytes that say the same: interfaces write in their own way what they were
    /// told. Bytes that say nothing stand for themselves.
    pub fn meaning<'d>(&self, name: &str, data: &'d RegistryData) -> Cow<'d, [u8]> {
        match self {
            Self::FirewallRule { .. } => rule_meaning(name, data).map(Cow::Owned),
            Self::UrlReservation { .. } => reservation_meaning(name, data).map(Cow::Owned),
            Self::FirewallProfile { .. } | Self::TlsBinding { .. } | Self::Service { .. } => None,
        }
        .unwrap_or(Cow::Borrowed(&*data.bytes))
    }

    /// Whether two data of a value say the same.
    pub fn is_same(&self, name: &str, a: &RegistryData, b: &RegistryData) -> bool {
        a == b || (a.value_type == b.value_type && self.meaning(name, a) == self.meaning(name, b))
    }
}

/// A rule, and behind it the fields that nobody here understands.
fn rule_meaning(name: &str, data: &RegistryData) -> Option<Vec<u8>> {
    let text = NamedValues::new([(name, data)]).text(name).ok()??;
    let text = RuleText::parse(&text).ok()?;
    let rule = Rule::from_text(&text).ok()?;
    let mut unknown: Vec<String> =
        text.unknown_fields().map(|field| format!("{}={}", field.name(), field.value())).collect();
    unknown.sort();
    Some(format!("{}\n{}", rule.statement(), unknown.join("\n")).into_bytes())
}

fn reservation_meaning(name: &str, data: &RegistryData) -> Option<Vec<u8>> {
    let reservation = Reservation::read(name, data).ok()?;
    let rights = reservation.rights_by_account();
    let mut rights: Vec<String> =
        rights.iter().map(|(account, rights)| format!("{account} {}", rights.bits())).collect();
    rights.sort();
    Some(rights.join("\n").into_bytes())
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirewallRule { rule } => write!(f, "the firewall rule {rule}"),
            Self::FirewallProfile { profile } => write!(f, "the firewall profile {profile}"),
            Self::TlsBinding { endpoint } => write!(f, "the TLS binding {endpoint}"),
            Self::UrlReservation { prefix } => write!(f, "the URL reservation {prefix}"),
            Self::Service { service } => write!(f, "the service {service}"),
        }
    }
}

//! What Windows keeps in the registry and lets be changed only through an interface of its own: the nouns of
//! [`super::operation::Operation::Configure`]. A running machine changes them through that interface, an image in its hive.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::secret::SecretReference;

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
    /// Whom a service runs as, and that account's password, which its manager takes together and never shows again.
    ServiceAccount { service: Box<str>, password: SecretReference },
}

impl Setting {
    /// The secret that its interface is told beside what its key holds.
    pub const fn secret(&self) -> Option<&SecretReference> {
        match self {
            Self::ServiceAccount { password, .. } => Some(password),
            Self::FirewallRule { .. }
            | Self::FirewallProfile { .. }
            | Self::TlsBinding { .. }
            | Self::UrlReservation { .. }
            | Self::Service { .. } => None,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirewallRule { rule } => write!(f, "the firewall rule {rule}"),
            Self::FirewallProfile { profile } => write!(f, "the firewall profile {profile}"),
            Self::TlsBinding { endpoint } => write!(f, "the TLS binding {endpoint}"),
            Self::UrlReservation { prefix } => write!(f, "the URL reservation {prefix}"),
            Self::Service { service } => write!(f, "the service {service}"),
            Self::ServiceAccount { service, .. } => write!(f, "the account of the service {service}"),
        }
    }
}

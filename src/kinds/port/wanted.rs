//! What a document wants of ports: checked, typed, every part with its place.

use crate::formats::firewall::{DefaultAction, Profile, Rule};
use crate::formats::guid::Guid;
use crate::formats::http_sys::{Endpoint, UrlPrefix, UrlRights};
use crate::formats::security_descriptor::SecurityDescriptor;
use crate::model::common::{Common, Ensure};
use crate::model::port::{PortRange, PortSet};
use crate::model::probe::Transport;
use crate::model::resource::ResourceId;
use crate::model::source::{Location, Spanned};
use crate::model::thumbprint::Thumbprint;

/// The group that the rules of documents carry.
pub const GROUP: &str = "trueup";

/// The entry that holds what is said of the firewall as a whole.
pub const FIREWALL: &str = "firewall";

/// One entry of the `ports` section.
#[derive(Clone, Debug)]
pub struct WantedPort {
    pub name: Box<str>,
    pub at: Location,
    pub common: Common,
    /// Administrators come in here: no plan may shut it.
    pub management: bool,
    /// The ports that something listens at, with what tells two listeners apart.
    pub claims: Vec<Claim>,
    pub rules: Vec<WantedRule>,
    pub bindings: Vec<WantedBinding>,
    pub reservations: Vec<WantedReservation>,
    pub ranges: Vec<WantedRange>,
    pub rpc: Option<Spanned<PortSet>>,
    pub listeners: Vec<WantedListener>,
}

/// Ports of one protocol that an entry speaks for on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub transport: Transport,
    pub ports: PortSet,
}

/// A firewall rule.
#[derive(Clone, Debug)]
pub struct WantedRule {
    /// Its part of the entry.
    pub part: Box<str>,
    pub at: Location,
    /// The name of its value.
    pub id: Box<str>,
    pub rule: Rule,
    /// From then on it is to be absent.
    pub expires: Option<jiff::Timestamp>,
    pub names: Names,
}

impl WantedRule {
    pub fn is_expired(&self, as_of: jiff::Timestamp) -> bool {
        self.expires.is_some_and(|on| as_of >= on)
    }
}

/// Which texts of a rule the document speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// All: the rule is ours.
    Own,
    /// The rule was there before: its group stays, and so do the texts that the document does not state.
    Adopted { name: Said, description: Said },
}

/// Whether a document says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Stated,
    Silent,
}

impl Said {
    pub const fn of<T>(said: Option<&T>) -> Self {
        match said {
            Some(_) => Self::Stated,
            None => Self::Silent,
        }
    }
}

/// A certificate at an endpoint of http.sys.
#[derive(Clone, Debug)]
pub struct WantedBinding {
    pub part: Box<str>,
    pub at: Location,
    pub endpoint: Endpoint,
    /// None for one that is to go.
    pub certificate: Option<Spanned<CertificateSource>>,
    /// None where the document is silent.
    pub store: Option<Box<str>>,
    pub app_id: Option<Guid>,
    pub client_certificates: Option<ClientCertificates>,
    pub revocation: Option<Revocation>,
    pub http2: Option<bool>,
    pub legacy_tls: Option<bool>,
}

/// Which certificate it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// That of an entry of the `certificates` section.
    Entry(Box<str>),
    Pinned(Thumbprint),
}

crate::choice! {
    /// Whether clients are asked for a certificate.
    pub enum ClientCertificates {
        /// They are not asked.
        Ignore = "ignore",
        /// They are asked in the handshake, and may have none.
        Negotiate = "negotiate",
        /// They are asked, and Windows maps the certificate to an account.
        Map = "map",
    }
}

crate::choice! {
    /// How the certificates of clients are checked for revocation.
    pub enum Revocation {
        /// With lists that are fetched where they are missing.
        Check = "check",
        /// With lists that are there already.
        Cached = "cached",
        /// Not at all.
        Off = "off",
    }
}

/// Who may listen at a URL.
#[derive(Clone, Debug)]
pub struct WantedReservation {
    pub part: Box<str>,
    pub at: Location,
    pub prefix: UrlPrefix,
    /// None for one that is to go.
    pub access: Option<UrlAccess>,
}

/// How a reservation says who may use it.
#[derive(Clone, Debug)]
pub enum UrlAccess {
    Accounts { users: Vec<Spanned<String>>, rights: UrlRights },
    Sddl(Box<SecurityDescriptor>),
}

/// Ports that Windows gives away itself, or is kept from giving away.
#[derive(Clone, Debug)]
pub struct WantedRange {
    pub part: Box<str>,
    pub at: Location,
    pub transport: Transport,
    pub range: PortRange,
    pub purpose: Purpose,
}

/// What a range of ports is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Outgoing connections are given these.
    Dynamic,
    /// Nobody is given these unless he asks for them.
    Reserved,
}

/// Who should listen at a port.
#[derive(Clone, Debug)]
pub struct WantedListener {
    pub part: Box<str>,
    pub at: Location,
    pub transport: Transport,
    pub port: u16,
    /// A program's file name, or a service.
    pub expect: Box<str>,
}

impl WantedPort {
    pub fn address(&self) -> ResourceId {
        ResourceId::new("ports", &*self.name)
    }

    pub fn part(&self, part: &str) -> ResourceId {
        ResourceId::part_of(&self.address(), part)
    }

    pub fn is_present(&self) -> bool {
        self.common.ensure == Ensure::Present
    }
}

/// What a document wants of the firewall as a whole, and of the set of our rules.
#[derive(Clone, Debug)]
pub struct WantedFirewall {
    pub at: Location,
    pub common: Common,
    pub profiles: Vec<WantedProfile>,
    /// Remove rules of our group that no entry names.
    pub exclusive: bool,
    /// List rules that somebody made and no entry names.
    pub report_unmanaged: bool,
    /// The ids of the rules that entries name, folded and sorted.
    pub named: Vec<String>,
}

/// How the firewall treats networks of one kind; what is not said stays.
#[derive(Clone, Debug)]
pub struct WantedProfile {
    pub profile: Profile,
    pub at: Location,
    pub settings: Vec<(ProfileSetting, bool)>,
}

/// A setting of a profile; each is a DWORD of 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProfileSetting {
    Enabled,
    /// True blocks.
    Inbound,
    /// True blocks.
    Outbound,
    /// True lets no rule open anything.
    NoExceptions,
    /// True says nothing to the user.
    NoNotifications,
}

impl ProfileSetting {
    pub const ALL: [Self; 5] =
        [Self::Enabled, Self::Inbound, Self::Outbound, Self::NoExceptions, Self::NoNotifications];

    pub const fn value_name(self) -> &'static str {
        match self {
            Self::Enabled => "EnableFirewall",
            Self::Inbound => "DefaultInboundAction",
            Self::Outbound => "DefaultOutboundAction",
            Self::NoExceptions => "DoNotAllowExceptions",
            Self::NoNotifications => "DisableNotifications",
        }
    }

    /// The field of a document that says it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::NoExceptions => "exceptions",
            Self::NoNotifications => "notifications",
        }
    }

    /// What a value says, in words.
    pub const fn words(self, value: bool) -> &'static str {
        match (self, value) {
            (Self::Enabled, true) => "on",
            (Self::Enabled, false) => "off",
            (Self::Inbound, true) => "inbound blocked",
            (Self::Inbound, false) => "inbound allowed",
            (Self::Outbound, true) => "outbound blocked",
            (Self::Outbound, false) => "outbound allowed",
            (Self::NoExceptions, true) => "no exceptions",
            (Self::NoExceptions, false) => "exceptions",
            (Self::NoNotifications, true) => "no notifications",
            (Self::NoNotifications, false) => "notifications",
        }
    }
}

impl WantedFirewall {
    pub fn address(&self) -> ResourceId {
        ResourceId::new("ports", FIREWALL)
    }

    pub fn part(&self, part: &str) -> ResourceId {
        ResourceId::part_of(&self.address(), part)
    }
}

/// Whether a default action blocks.
pub const fn blocks(action: DefaultAction) -> bool {
    matches!(action, DefaultAction::Block)
}

//! From what an entry of the `ports` section says to what is wanted, and what does not go together in it.

use super::access;
use super::document::{ActionWord, FirewallFields, PortFields, ProfileFields, RangeUse};
use super::forms::{PortsForm, ProtocolForm};
use super::http;
use super::wanted::{
    Claim, ProfileSetting, Purpose, WantedFirewall, WantedListener, WantedPort, WantedProfile, WantedRange,
};
use crate::formats::firewall::{Direction, Profile, Protocol};
use crate::formats::upcase;
use crate::model::common::Ensure;
use crate::model::decode::{Decoder, Unique};
use crate::model::diagnostic::Diagnostic;
use crate::model::node::Key;
use crate::model::port::{PortRange, PortSet};
use crate::model::probe::Transport;
use crate::model::record::Fields;
use crate::model::source::{Location, Spanned};

/// The fewest ports that Windows takes for its dynamic range, and the lowest that it takes.
const FEWEST_DYNAMIC: u32 = 255;
const LOWEST_DYNAMIC: u16 = 1025;
/// So many listeners an entry can expect.
const MOST_LISTENERS: usize = 64;

/// Reports an error.
pub fn refuse(cx: &mut Decoder, at: Location, code: &'static str, message: impl Into<String>, hint: &str) {
    cx.push(Diagnostic::error(code, message).at(at).hint_if((!hint.is_empty()).then(|| hint.to_owned())));
}

/// What an entry says, while it is made.
pub struct Draft<'d> {
    pub name: &'d str,
    pub at: Location,
    pub ensure: Ensure,
    pub ports: PortsForm,
    pub ports_at: Option<Location>,
    pub protocol: Option<ProtocolForm>,
    pub protocol_at: Location,
}

impl Draft<'_> {
    /// The protocols that are meant; those with ports where there are any.
    pub fn protocols(&self) -> Vec<Protocol> {
        match self.protocol {
            Some(form) => form.protocols(),
            None if self.ports.is_empty() => vec![Protocol::Any],
            None => vec![Protocol::Tcp],
        }
    }

    fn transports(&self) -> Vec<Transport> {
        let protocols = self.protocol.map_or_else(|| vec![Protocol::Tcp], ProtocolForm::protocols);
        protocols.into_iter().filter_map(transport).collect()
    }

    pub fn numbers_only(&self, what: &str, cx: &mut Decoder) -> Option<PortSet> {
        let at = self.ports_at.unwrap_or(self.at);
        if self.ports.is_empty() {
            refuse(cx, self.at, "ports.no_port", format!("the entry names no `port` for {what}"), "add `port`");
            return None;
        }
        if let Some(word) = self.ports.words.first() {
            let message = format!("`{}` is no number, and {what} needs one", word.word());
            refuse(cx, at, "ports.no_number", message, "");
            return None;
        }
        Some(self.ports.numbers.clone())
    }

    pub fn single_ports(&self, what: &str, cx: &mut Decoder) -> Option<Vec<u16>> {
        let numbers = self.numbers_only(what, cx)?;
        let ports: Vec<u16> =
            numbers.ranges().flat_map(|range| range.first()..=range.last()).take(MOST_LISTENERS + 1).collect();
        if ports.len() > MOST_LISTENERS {
            let message = format!("the entry names more than {MOST_LISTENERS} ports, too many for {what}");
            refuse(cx, self.ports_at.unwrap_or(self.at), "ports.too_many", message, "");
            return None;
        }
        Some(ports)
    }
}

/// The protocol as probes name it.
pub const fn transport(protocol: Protocol) -> Option<Transport> {
    match protocol {
        Protocol::Tcp => Some(Transport::Tcp),
        Protocol::Udp => Some(Transport::Udp),
        _ => None,
    }
}

/// Makes an entry.
pub fn port(key: &Key<'_>, read: PortFields, fields: &Fields<'_, '_>, cx: &mut Decoder) -> Option<WantedPort> {
    let before = cx.diagnostics.has_errors();
    let draft = Draft {
        name: &key.text,
        at: key.at,
        ensure: read.common.ensure,
        ports_at: read.port.as_ref().map(|port| port.at),
        ports: read.port.map(|port| port.value).unwrap_or_default(),
        protocol_at: read.protocol.as_ref().map_or(key.at, |protocol| protocol.at),
        protocol: read.protocol.map(|protocol| protocol.value),
    };
    if key.text.trim().is_empty() || key.text.contains(char::is_control) {
        refuse(cx, key.at, "ports.bad_name", "the name of an entry is empty or holds control characters", "");
        return None;
    }
    let mut rules = access::rules(&draft, access::Kind::Allow, read.allow.as_ref(), cx);
    rules.extend(access::rules(&draft, access::Kind::Block, read.block.as_ref(), cx));
    let bindings = read.tls.map(|tls| http::bindings(&draft, &tls, cx)).unwrap_or_default();
    let reservations = read.url.map(|url| http::reservations(&draft, url, cx)).unwrap_or_default();
    let mut ranges = Vec::new();
    if read.reserve.as_ref().is_some_and(|reserve| reserve.value) {
        ranges.extend(reserved(&draft, fields.place("reserve").unwrap_or(key.at), cx));
    }
    let used = read.r#use.as_ref().map_or(RangeUse::Dynamic, |used| used.value);
    let mut rpc = None;
    match (&read.range, &read.r#use) {
        (None, Some(used)) => {
            refuse(cx, used.at, "ports.use_without_range", "`use` says who is given a `range`, and there is none", "");
        }
        (None, None) => {}
        (Some(range), _) => {
            if let Some(word) = range.value.words.first() {
                let message = format!("a range is of numbers, and `{}` is none", word.word());
                refuse(cx, range.at, "ports.no_number", message, "");
            } else if used != RangeUse::Rpc {
                ranges.extend(dynamic(&draft, range, cx));
            }
            if used != RangeUse::Dynamic && range.value.words.is_empty() {
                rpc = Some(Spanned::new(range.value.numbers.clone(), range.at));
            }
        }
    }
    let listeners = read.listener.map(|listener| listeners(&draft, &listener.value.expect, cx)).unwrap_or_default();
    let has_part = !rules.is_empty()
        || !bindings.is_empty()
        || !reservations.is_empty()
        || !ranges.is_empty()
        || rpc.is_some()
        || !listeners.is_empty();
    let has_failed = cx.diagnostics.has_errors() && !before;
    if !has_part && !has_failed && fields_are_empty(fields) {
        let (message, hint) = match draft.ensure {
            Ensure::Present => (
                "the entry wants nothing of the port",
                "say `allow`, `block`, `tls`, `url`, `listener`, `reserve` or `range`",
            ),
            Ensure::Absent => ("the entry does not say what is to go", "leave what it said, and add `ensure: absent`"),
        };
        refuse(cx, key.at, "ports.nothing_wanted", message, hint);
        return None;
    }
    let mut claims = Vec::new();
    let listens = rules.iter().any(|rule| {
        rule.rule.direction == Direction::In && rule.rule.action == crate::formats::firewall::Action::Allow
    });
    if (listens || !bindings.is_empty() || !listeners.is_empty()) && !draft.ports.numbers.is_empty() {
        let ports = draft.ports.numbers.clone();
        claims.extend(draft.transports().into_iter().map(|transport| Claim { transport, ports: ports.clone() }));
    } else {
        let ports = reservations.iter().filter_map(|url| PortRange::single(url.prefix.port()).ok());
        let ports = PortSet::from_iter(ports);
        claims.extend((!ports.is_empty()).then_some(Claim { transport: Transport::Tcp, ports }));
    }
    if read.management && claims.is_empty() {
        let hint = "it is for an entry with a numbered `port` and `allow`, `tls` or `listener`";
        let at = fields.place("management").unwrap_or(key.at);
        refuse(cx, at, "ports.no_way_in", "nobody comes in here", hint);
    }
    Some(WantedPort {
        name: key.text.as_ref().into(),
        at: key.at,
        common: read.common,
        management: read.management,
        claims,
        rules,
        bindings,
        reservations,
        ranges,
        rpc,
        listeners,
    })
}

/// Whether no field was given that would have made a part.
fn fields_are_empty(fields: &Fields<'_, '_>) -> bool {
    ["allow", "block", "tls", "url", "listener", "range"].iter().all(|name| fields.place(name).is_none())
}

fn reserved(draft: &Draft<'_>, at: Location, cx: &mut Decoder) -> Vec<WantedRange> {
    let Some(ports) = draft.numbers_only("a reservation", cx) else { return Vec::new() };
    let transports = draft.transports();
    let mut made = Vec::new();
    for transport in transports {
        for range in ports.ranges() {
            let part = format!("reserve {} {range}", lower(transport)).into();
            made.push(WantedRange { part, at, transport, range, purpose: Purpose::Reserved });
        }
    }
    made
}

fn dynamic(draft: &Draft<'_>, range: &Spanned<PortsForm>, cx: &mut Decoder) -> Vec<WantedRange> {
    if draft.ensure == Ensure::Absent {
        let hint = "write the range that should hold instead; Windows' own is 49152-65535";
        refuse(cx, range.at, "ports.always_dynamic", "Windows always has dynamic ports", hint);
        return Vec::new();
    }
    let ranges: Vec<PortRange> = range.value.numbers.ranges().collect();
    let [ports] = ranges.as_slice() else {
        refuse(cx, range.at, "ports.one_range", "the dynamic ports are one range", "");
        return Vec::new();
    };
    let count = u32::from(ports.last()) - u32::from(ports.first()) + 1;
    if ports.first() < LOWEST_DYNAMIC || count < FEWEST_DYNAMIC {
        let message =
            format!("Windows takes {FEWEST_DYNAMIC} ports or more, from {LOWEST_DYNAMIC} on, as dynamic ports");
        refuse(cx, range.at, "ports.bad_dynamic_range", message, "");
        return Vec::new();
    }
    let transports = draft.transports();
    let made = transports.into_iter().map(|transport| WantedRange {
        part: format!("dynamic {}", lower(transport)).into(),
        at: range.at,
        transport,
        range: *ports,
        purpose: Purpose::Dynamic,
    });
    made.collect()
}

fn listeners(draft: &Draft<'_>, expect: &Spanned<String>, cx: &mut Decoder) -> Vec<WantedListener> {
    if draft.ensure == Ensure::Absent {
        return Vec::new();
    }
    if expect.value.trim().is_empty() || expect.value.contains(['\\', '/']) {
        let hint = "write the program's file name without a path, or the service's short name";
        refuse(cx, expect.at, "ports.bad_listener", "this names neither a program nor a service", hint);
        return Vec::new();
    }
    let Some(ports) = draft.single_ports("a listener", cx) else { return Vec::new() };
    let transports = draft.transports();
    let mut made = Vec::new();
    for transport in transports {
        for port in &ports {
            let part = format!("listener {} {port}", lower(transport)).into();
            let expect = expect.value.as_str().into();
            made.push(WantedListener { part, at: draft.at, transport, port: *port, expect });
        }
    }
    made
}

pub const fn lower(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    }
}

/// No two entries say what one thing should be.
pub fn check_apart(ports: &[WantedPort], cx: &mut Decoder) {
    let mut rules = Unique::new("firewall rule", "ports.rule_twice", ports.len());
    let mut endpoints = Unique::new("endpoint", "ports.endpoint_twice", 0);
    let mut prefixes = Unique::new("URL", "ports.prefix_twice", 0);
    let mut ranges = Unique::new("range", "ports.range_twice", 0);
    for port in ports {
        for rule in &port.rules {
            rules.insert(upcase::fold(&rule.id), rule.at, "a rule has one id, and ids compare without case", cx);
        }
        for binding in &port.bindings {
            let place = format!("{:?}", binding.endpoint).to_ascii_lowercase();
            endpoints.insert(place, binding.at, "http.sys has one certificate for an endpoint", cx);
        }
        for url in &port.reservations {
            let place = upcase::fold(&url.prefix.canonical());
            prefixes.insert(place, url.at, "name all accounts of a URL in one place", cx);
        }
        for range in &port.ranges {
            let (place, hint) = match range.purpose {
                Purpose::Dynamic => {
                    (format!("dynamic {}", range.transport), "there is one dynamic range for a protocol")
                }
                Purpose::Reserved => {
                    (format!("{} {}", range.transport, range.range), "one reservation of a range will do")
                }
            };
            ranges.insert(place, range.at, hint, cx);
        }
        if let Some(rpc) = &port.rpc {
            ranges.insert("rpc".into(), rpc.at, "RPC has one set of ports", cx);
        }
    }
}

/// Makes what is said of the firewall as a whole; none when nothing is.
pub fn firewall(
    read: Option<Spanned<FirewallFields>>,
    exclusive: Option<Spanned<bool>>,
    report: Option<Spanned<bool>>,
    ports: &[WantedPort],
    cx: &mut Decoder,
) -> Option<WantedFirewall> {
    let at = read
        .as_ref()
        .map(|read| read.at)
        .or(exclusive.as_ref().map(|flag| flag.at))
        .or(report.as_ref().map(|flag| flag.at))?;
    let mut profiles = Vec::new();
    let mut common = crate::model::common::Common::default();
    if let Some(Spanned { value, at }) = read {
        if value.common.ensure == Ensure::Absent {
            let hint = "write `enabled: false` for the profiles in which it should be off";
            refuse(cx, at, "ports.firewall_absent", "the firewall cannot go", hint);
        }
        common = value.common;
        for (profile, fields) in
            [(Profile::Domain, value.domain), (Profile::Private, value.private), (Profile::Public, value.public)]
        {
            profiles.extend(fields.map(|fields| WantedProfile {
                profile,
                at: fields.at,
                settings: settings(&fields.value),
            }));
        }
    }
    let mut named: Vec<String> = ports.iter().flat_map(|port| &port.rules).map(|rule| upcase::fold(&rule.id)).collect();
    named.sort_unstable();
    let is_set = |flag: Option<Spanned<bool>>| flag.is_some_and(|flag| flag.value);
    Some(WantedFirewall { at, common, profiles, exclusive: is_set(exclusive), report_unmanaged: is_set(report), named })
}

fn settings(fields: &ProfileFields) -> Vec<(ProfileSetting, bool)> {
    let blocks = |word: Option<ActionWord>| word.map(|word| word == ActionWord::Block);
    let said = |setting| match setting {
        ProfileSetting::Enabled => fields.enabled,
        ProfileSetting::Inbound => blocks(fields.inbound),
        ProfileSetting::Outbound => blocks(fields.outbound),
        ProfileSetting::NoExceptions => fields.exceptions.map(|exceptions| !exceptions),
        ProfileSetting::NoNotifications => fields.notifications.map(|notifications| !notifications),
    };
    ProfileSetting::ALL.into_iter().filter_map(|setting| Some((setting, said(setting)?))).collect()
}

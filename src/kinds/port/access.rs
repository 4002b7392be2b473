//! From `allow` and `block` of an entry to the firewall rules that they come to.

use std::collections::BTreeSet;

use super::build::{Draft, refuse};
use super::document::{AccessFields, AfterExpiry, DirectionWord, InterfaceWord, ProfileWord};
use super::forms::{OneOrMore, PortWord, PortsForm};
use super::wanted::{GROUP, Names, Said, WantedRule};
use crate::formats::firewall::{
    Action, Addresses, Direction, EdgeTraversal, FieldText, IcmpType, IcmpTypes, InterfaceType, LocalPortKeyword,
    PortKeyword, Ports, Profile, Profiles, Program, Protocol, RemotePortKeyword, Rule, ServiceName, Traffic,
};
use crate::model::decode::Decoder;
use crate::model::registry::MAX_VALUE_NAME;
use crate::model::source::{Location, Spanned};

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Allow,
    Block,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
        }
    }
}

/// The rules of an entry: one for each protocol and direction.
pub fn rules(
    draft: &Draft<'_>,
    kind: Kind,
    access: Option<&Spanned<AccessFields>>,
    cx: &mut Decoder,
) -> Vec<WantedRule> {
    let Some(Spanned { value: read, at }) = access else { return Vec::new() };
    let directions: &[Direction] = match read.direction {
        DirectionWord::In => &[Direction::In],
        DirectionWord::Out => &[Direction::Out],
        DirectionWord::Both => &[Direction::In, Direction::Out],
    };
    let protocols = draft.protocols();
    if let Some(id) = &read.rule {
        let bad = match &*id.value {
            _ if protocols.len() * directions.len() > 1 => {
                Some("an entry that comes to several rules cannot take over one")
            }
            "" => Some("the id of a rule is empty"),
            text if text.contains('\0') || text.encode_utf16().count() > MAX_VALUE_NAME => {
                Some("this cannot be the id of a rule")
            }
            _ => None,
        };
        if let Some(message) = bad {
            refuse(cx, id.at, "ports.bad_rule_id", message, "");
            return Vec::new();
        }
    }
    let mut made = Vec::new();
    for direction in directions {
        for protocol in &protocols {
            let Some(rule) = rule(draft, kind, read, *protocol, *direction, *at, cx) else { return Vec::new() };
            // A part is one thing on the machine, so that one that leaves the document is missed.
            let part = format!("{} {protocol} {direction}", kind.word());
            let own = || format!("{GROUP}-{}-{}-{protocol}-{direction}", draft.name, kind.word());
            made.push(WantedRule {
                part: part.into(),
                at: *at,
                id: read.rule.as_ref().map_or_else(own, |id| id.value.clone()).into(),
                rule,
                expires: read.expires.as_ref().map(|expires| match expires.value.then {
                    AfterExpiry::Absent => expires.value.on.0,
                }),
                names: match &read.rule {
                    None => Names::Own,
                    Some(_) => Names::Adopted {
                        name: Said::of(read.name.as_ref()),
                        description: Said::of(read.description.as_ref()),
                    },
                },
            });
        }
    }
    made
}

/// One rule; none when something in it is wrong, which was reported.
fn rule(
    draft: &Draft<'_>,
    kind: Kind,
    read: &AccessFields,
    protocol: Protocol,
    direction: Direction,
    at: Location,
    cx: &mut Decoder,
) -> Option<Rule> {
    let traffic = traffic(draft, read, protocol, direction, cx)?;
    let action = match kind {
        Kind::Allow => Action::Allow,
        Kind::Block => Action::Block,
    };
    let mut rule = Rule::new(action, direction, traffic);
    rule.active = read.enabled;
    let (here, there) = match direction {
        Direction::In => (&read.to, &read.from),
        Direction::Out => (&read.from, &read.to),
    };
    rule.remote_addresses = addresses(there.as_ref(), cx)?;
    let local = addresses(here.as_ref(), cx)?;
    if local.keywords().next().is_some() {
        let place = here.as_ref().and_then(|list| list.0.first()).map_or(at, |first| first.at);
        refuse(cx, place, "ports.bad_address", "of this machine's side, only addresses can be named", "");
        return None;
    }
    rule.local_addresses = local.ips().clone();
    let profiles = read.profiles.iter().flat_map(|list| &list.0).map(|word| match word {
        ProfileWord::Domain => Profile::Domain,
        ProfileWord::Private => Profile::Private,
        ProfileWord::Public => Profile::Public,
    });
    rule.profiles = profiles.collect::<Profiles>();
    let interfaces = read.interfaces.iter().flat_map(|list| &list.0).map(|word| match word {
        InterfaceWord::Lan => InterfaceType::Lan,
        InterfaceWord::Wireless => InterfaceType::Wireless,
        InterfaceWord::RemoteAccess => InterfaceType::RemoteAccess,
    });
    rule.interface_types = interfaces.collect::<BTreeSet<_>>();
    rule.program = text(read.program.as_ref(), Program::new, "program", cx)?;
    rule.service = text(read.service.as_ref(), ServiceName::new, "service", cx)?;
    rule.edge_traversal = read.edge.as_ref().map_or(EdgeTraversal::Off, |edge| edge.value.0);
    if let Some(edge) = &read.edge
        && direction == Direction::Out
        && edge.value.0 != EdgeTraversal::Off
    {
        refuse(cx, edge.at, "ports.edge_goes_in", "only traffic to this machine comes through an edge device", "");
        return None;
    }
    let shown = match (protocol, direction) {
        (protocol, Direction::In) => format!("{} ({}-In)", draft.name, protocol.to_string().to_uppercase()),
        (protocol, Direction::Out) => format!("{} ({}-Out)", draft.name, protocol.to_string().to_uppercase()),
    };
    rule.name = match &read.name {
        Some(_) => text(read.name.as_ref(), FieldText::new, "name", cx)?,
        None => match FieldText::new(&shown) {
            Ok(name) => Some(name),
            Err(error) => {
                let hint = "give the rule a `name` of its own";
                refuse(cx, draft.at, "ports.bad_text", error.to_string(), hint);
                return None;
            }
        },
    };
    rule.description = text(read.description.as_ref(), FieldText::new, "description", cx)?;
    rule.group = FieldText::new(GROUP).ok();
    Some(rule)
}

/// A text as its type; an error in it is reported.
#[expect(clippy::option_option, reason = "the outer one tells that something was wrong")]
fn text<T, E: std::fmt::Display>(
    given: Option<&Spanned<String>>,
    read: impl Fn(&str) -> Result<T, E>,
    what: &str,
    cx: &mut Decoder,
) -> Option<Option<T>> {
    let Some(given) = given else { return Some(None) };
    match read(&given.value) {
        Ok(value) => Some(Some(value)),
        Err(error) => {
            refuse(cx, given.at, "ports.bad_text", format!("the {what} cannot stand in a rule: {error}"), "");
            None
        }
    }
}

fn addresses(list: Option<&OneOrMore<Spanned<String>>>, cx: &mut Decoder) -> Option<Addresses> {
    let Some(OneOrMore(parts)) = list else { return Some(Addresses::ANY) };
    let mut failed = false;
    for part in parts {
        if let Err(error) = Addresses::parse(&part.value) {
            let hint = "write an address, a subnet such as `10.0.0.0/8`, a range, or a word such as `LocalSubnet`";
            refuse(cx, part.at, "ports.bad_address", error.to_string(), hint);
            failed = true;
        }
    }
    if failed {
        return None;
    }
    match Addresses::parse_list(parts.iter().map(|part| part.value.as_str())) {
        Ok(addresses) => Some(addresses),
        Err(error) => {
            let at = parts.first()?.at;
            refuse(cx, at, "ports.bad_address", error.to_string(), "");
            None
        }
    }
}

fn traffic(
    draft: &Draft<'_>,
    read: &AccessFields,
    protocol: Protocol,
    direction: Direction,
    cx: &mut Decoder,
) -> Option<Traffic> {
    let has_ports = matches!(protocol, Protocol::Tcp | Protocol::Udp);
    if !has_ports {
        let ports_at = draft.ports_at.filter(|_| !draft.ports.is_empty());
        if let Some(at) = ports_at.or(read.client_ports.as_ref().map(|ports| ports.at)) {
            let hint = "write `protocol: tcp`, `udp` or `both`, or leave the ports out";
            refuse(cx, at, "ports.without_ports", format!("the protocol {protocol} has no ports"), hint);
            return None;
        }
    }
    let is_icmp = matches!(protocol, Protocol::IcmpV4 | Protocol::IcmpV6);
    let mut types = Vec::new();
    for given in read.icmp.iter().flat_map(|list| &list.0) {
        if !is_icmp {
            let hint = "write `protocol: icmpv4` or `icmpv6`";
            refuse(cx, given.at, "ports.without_icmp", format!("the protocol {protocol} has no ICMP types"), hint);
            return None;
        }
        match given.value.parse::<IcmpType>() {
            Ok(kind) => types.push(kind),
            Err(error) => {
                refuse(cx, given.at, "ports.bad_icmp", error.to_string(), "");
                return None;
            }
        }
    }
    let types: IcmpTypes = types.into_iter().collect();
    let none = PortsForm::default();
    let client = read.client_ports.as_ref().map_or(&none, |ports| &ports.value);
    let (local, remote) = match direction {
        Direction::In => (&draft.ports, client),
        Direction::Out => (client, &draft.ports),
    };
    let at = draft.ports_at.unwrap_or(draft.at);
    let local = side(local, direction, at, cx, |word| match word {
        PortWord::Local(word) => Some(word),
        PortWord::IpHttps => Some(LocalPortKeyword::IpHttpsIn),
        PortWord::Remote(_) => None,
    })?;
    let remote = side(remote, direction, at, cx, |word| match word {
        PortWord::Remote(word) => Some(word),
        PortWord::IpHttps => Some(RemotePortKeyword::IpHttpsOut),
        PortWord::Local(_) => None,
    })?;
    Some(match protocol {
        Protocol::Tcp => Traffic::Tcp { local, remote },
        Protocol::Udp => Traffic::Udp { local, remote },
        Protocol::IcmpV4 => Traffic::IcmpV4(types),
        Protocol::IcmpV6 => Traffic::IcmpV6(types),
        Protocol::Any => Traffic::Any,
        Protocol::Other(other) => Traffic::Other(other),
    })
}

/// The ports of one side of a rule; a word that Windows knows for the other side only is reported.
fn side<K: PortKeyword>(
    form: &PortsForm,
    direction: Direction,
    at: Location,
    cx: &mut Decoder,
    keyword: impl Fn(PortWord) -> Option<K>,
) -> Option<Ports<K>> {
    let mut keywords = BTreeSet::new();
    for word in &form.words {
        let Some(found) = keyword(*word) else {
            let message = format!("Windows knows no `{}` for traffic that goes {direction}", word.word());
            refuse(cx, at, "ports.word_of_other_side", message, "write numbers");
            return None;
        };
        keywords.insert(found);
    }
    Some(Ports { numbers: form.numbers.clone(), keywords })
}

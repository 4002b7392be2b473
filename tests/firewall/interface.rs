//! Rules in the units of the management interface: tables of what is given and what is refused, and every rule of a real Windows 10, read
//! back here by a reading of its own.

use std::collections::{BTreeMap, BTreeSet};

use trueup::formats::firewall::interface::{Given, InterfaceRule};
use trueup::formats::firewall::{
    Action, AddressKeyword, Addresses, Direction, EdgeTraversal, FieldText, IcmpType, InterfaceType, IpRange, IpSet,
    LocalPortKeyword, PortKeyword, Ports, Profile, Profiles, Program, Protocol, RemotePortKeyword, Rule, RuleText,
    ServiceName, Traffic,
};
use trueup::model::port::PortSet;

use super::real;

const HEAD: &str = "v2.30|Action=Allow|Active=TRUE|Dir=In|";

fn given(fields: &str) -> Result<InterfaceRule, String> {
    let text = RuleText::parse(&format!("{HEAD}{fields}Name=n|")).unwrap();
    InterfaceRule::of(&text).map_err(|error| error.to_string())
}

fn shown(given: &Given) -> String {
    match given {
        Given::Nothing => "nothing".to_owned(),
        Given::Text(text) => format!("{text:?}"),
        Given::Texts(texts) => format!("{texts:?}"),
        Given::Number(number) => number.to_string(),
        Given::Switch(switch) => switch.to_string(),
    }
}

#[test]
fn a_rule_that_holds_for_anything_says_so() {
    let rule = given("").unwrap();
    let all = |given: &BTreeMap<&str, Given>| {
        given.iter().map(|(name, given)| format!("{name} {}", shown(given))).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        all(&rule.properties),
        "Action 2; Description nothing; Direction 1; EdgeTraversalPolicy 0; ElementName \"n\"; Enabled 1; Profiles 0; RuleGroup nothing"
    );
    assert_eq!(
        all(&rule.conditions),
        "InterfaceType 0; LocalAddress [\"Any\"]; Program \"Any\"; Protocol \"Any\"; RemoteAddress [\"Any\"]; Service \"Any\""
    );
}

#[test]
fn what_is_given_for_each_field() {
    for (fields, name, expected) in [
        ("Profile=Domain|Profile=Public|", "Profiles", "5"),
        ("Profile=Domain|Profile=Private|Profile=Public|", "Profiles", "0"),
        ("Desc=d|", "Description", "\"d\""),
        ("EmbedCtxt=trueup|", "RuleGroup", "\"trueup\""),
        ("Edge=TRUE|", "EdgeTraversalPolicy", "1"),
        ("Defer=User|", "EdgeTraversalPolicy", "2"),
        ("Edge=TRUE|Defer=App|", "EdgeTraversalPolicy", "3"),
        ("Protocol=6|", "Protocol", "\"TCP\""),
        ("Protocol=17|", "Protocol", "\"UDP\""),
        ("Protocol=1|", "Protocol", "\"ICMPv4\""),
        ("Protocol=58|", "Protocol", "\"ICMPv6\""),
        ("Protocol=47|", "Protocol", "\"47\""),
        ("Protocol=6|LPort=443|LPort=80|", "LocalPort", "[\"80\", \"443\"]"),
        ("Protocol=6|LPort2_10=5000-5099|", "LocalPort", "[\"5000-5099\"]"),
        ("Protocol=6|", "LocalPort", "[\"Any\"]"),
        ("Protocol=6|RPort=443|", "RemotePort", "[\"443\"]"),
        ("Protocol=6|LPort=RPC-EPMap|", "LocalPort", "[\"RPCEPMap\"]"),
        ("Protocol=6|LPort=RPC|LPort=7|", "LocalPort", "[\"7\", \"RPC\"]"),
        ("Protocol=6|LPort2_10=IPTLSIn|LPort2_10=IPHTTPSIn|", "LocalPort", "[\"IPHTTPSIn\"]"),
        ("Protocol=17|LPort=Teredo|", "LocalPort", "[\"Teredo\"]"),
        ("Protocol=17|LPort2_20=Ply2Disc|", "LocalPort", "[\"PlayToDiscovery\"]"),
        ("Protocol=6|RPort2_10=IPTLSOut|RPort2_10=IPHTTPSOut|", "RemotePort", "[\"IPHTTPSOut\"]"),
        ("Protocol=1|ICMP4=8:*|ICMP4=3:4|", "IcmpType", "[\"3:4\", \"8\"]"),
        ("Protocol=58|", "IcmpType", "[\"Any\"]"),
        ("LA4=10.0.0.1|", "LocalAddress", "[\"10.0.0.1\"]"),
        ("RA4=10.0.0.0/255.0.0.0|", "RemoteAddress", "[\"10.0.0.0/255.0.0.0\"]"),
        ("RA4=10.0.0.1-10.0.0.9|RA6=fe80::/64|", "RemoteAddress", "[\"10.0.0.1-10.0.0.9\", \"fe80::/64\"]"),
        ("RA4=0.0.0.0-255.255.255.255|", "RemoteAddress", "[\"0.0.0.0-255.255.255.255\"]"),
        ("RA4=LocalSubnet|RA6=LocalSubnet|", "RemoteAddress", "[\"LocalSubnet\"]"),
        ("RA6=LocalSubnet|", "RemoteAddress", "[\"LocalSubnet6\"]"),
        ("RA4=DNS|RA6=DNS|RA4=DHCP|", "RemoteAddress", "[\"DNS\", \"DHCP4\"]"),
        ("RA42=IntrAnet|RA62=IntrAnet|RA42=RmtIntrAnet|", "RemoteAddress", "[\"Intranet\", \"IntranetRemoteAccess4\"]"),
        ("RA42=Ply2Renders|RA62=Ply2Renders|", "RemoteAddress", "[\"PlayToDevice\"]"),
        ("IFType=Lan|IFType=RemoteAccess|", "InterfaceType", "5"),
        (r"App=%SystemRoot%\a.exe|", "Program", r#""%SystemRoot%\\a.exe""#),
        ("Svc=W3SVC|", "Service", "\"W3SVC\""),
        ("Svc=*|", "Service", "\"*\""),
        ("LUOwn=S-1-5-18|", "Owner", "\"S-1-5-18\""),
        ("AppPkgId=S-1-15-2-1|", "Package", "\"S-1-15-2-1\""),
        ("LUAuth=O:LSD:(A;;CC;;;WD)|", "LocalUser", "\"O:LSD:(A;;CC;;;WD)\""),
        ("LOM=TRUE|", "LocalOnlyMapping", "true"),
        ("LSM=FALSE|", "LooseSourceMapping", "false"),
        ("Platform=2:6:2|Platform2=GTEQ|", "Platforms", "[\"6.2+\"]"),
        ("Platform=2:6:1|Platform=2:6:2|", "Platforms", "[\"6.1\", \"6.2\"]"),
    ] {
        let rule = given(fields).unwrap();
        let found = rule.properties.get(name).or_else(|| rule.conditions.get(name));
        assert_eq!(found.map(shown).as_deref(), Some(expected), "{fields}");
    }
    let other = |text: &str| InterfaceRule::of(&RuleText::parse(text).unwrap()).unwrap();
    let block = other("v2.30|Action=Block|Active=FALSE|Dir=Out|Name=n|");
    assert_eq!(["Action", "Enabled", "Direction"].map(|name| shown(&block.properties[name])), ["4", "2", "2"]);
}

#[test]
fn what_cannot_be_said_is_refused_with_why() {
    for (fields, message) in [
        ("Protocol=17|LPort=DHCP|", "the interface has no word for the local ports DHCP"),
        ("Protocol=17|LPort2_25=mDNS|", "the interface has no word for the local ports mDNS"),
        ("Protocol=6|LPort2_29=TcpCDPSvc|", "the interface has no word for the local ports TcpCDPSvc"),
        ("Protocol=6|RPort2_28=CortanaOut|", "the interface has no word for the remote ports CortanaOut"),
        ("RA42=CaptivePortal|", "the interface has no word for the remote addresses CaptivePortal"),
        ("Security=Authenticate|", "nothing of the interface is known for the field `Security=Authenticate`"),
        ("IF={x}|", "nothing of the interface is known for the field `IF={x}`"),
        ("LOM=maybe|", "nothing of the interface is known for the field `LOM=maybe`"),
        ("Platform=1:4:0|", "nothing of the interface is known for the field `Platform=1:4:0`"),
        ("Platform2=GTEQ|", "nothing of the interface is known for the field `Platform2=GTEQ`"),
        ("Edge=2|", "the rule is not understood"),
    ] {
        assert_eq!(given(fields).unwrap_err(), message, "{fields}");
    }
    let refused = |text: &str| InterfaceRule::of(&RuleText::parse(text).unwrap()).unwrap_err().to_string();
    assert_eq!(refused("v2.30|Action=Allow|Active=TRUE|Dir=In|"), "the interface makes no rule without a name");
    assert_eq!(
        refused("v2.30|Action=ByPass|Active=TRUE|Dir=In|Name=n|"),
        "the interface makes no rule of the action allow-bypass"
    );
}

#[test]
fn a_change_needs_the_same_conditions() {
    let shape = |a: &str, b: &str| given(a).unwrap().has_shape_of(&given(b).unwrap());
    assert!(shape("Protocol=6|LPort=1|Desc=d|", "Protocol=17|"));
    assert!(!shape("Protocol=6|", "Protocol=1|"));
    assert!(!shape("", "LUOwn=S-1-5-18|"));
    assert!(!shape("AppPkgId=S-1-15-2-1|", ""));
}

fn text(given: &Given) -> Option<&str> {
    match given {
        Given::Text(text) if text != "Any" => Some(text),
        Given::Text(_) | Given::Nothing => None,
        other => panic!("{other:?} is no text"),
    }
}

fn texts(given: Option<&Given>) -> Vec<&str> {
    match given {
        Some(Given::Texts(texts)) if texts == &["Any"] => Vec::new(),
        Some(Given::Texts(texts)) => texts.iter().map(String::as_str).collect(),
        None => Vec::new(),
        other => panic!("{other:?} is no list"),
    }
}

fn ports<K: PortKeyword>(given: Option<&Given>, words: &[(&str, K)]) -> Ports<K> {
    let mut ports = Ports { numbers: PortSet::EMPTY, keywords: BTreeSet::new() };
    let mut numbers = Vec::new();
    for text in texts(given) {
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, keyword)) => _ = ports.keywords.insert(*keyword),
            None => numbers.push(text),
        }
    }
    if !numbers.is_empty() {
        ports.numbers = numbers.join(",").parse().unwrap();
    }
    ports
}

/// Each word may say at its end which version of IP it is for.
fn remote(given: &Given) -> Addresses {
    let mut text = "v2.30|Action=Allow|Dir=In|".to_owned();
    for part in texts(Some(given)) {
        if !part.starts_with(|c: char| c.is_ascii_alphabetic()) || part.contains(':') {
            text.push_str(&format!("RA{}={part}|", if part.contains(':') { 6 } else { 4 }));
            continue;
        }
        let word = part.trim_end_matches(['4', '6']);
        let families =
            part.strip_prefix(word).filter(|family| !family.is_empty()).map_or(vec!["4", "6"], |one| vec![one]);
        let token = match word {
            "PlayToDevice" => "Ply2Renders",
            "IntranetRemoteAccess" => "RmtIntrAnet",
            other => other,
        };
        families.iter().for_each(|family| text.push_str(&format!("RA{family}={token}|")));
    }
    Rule::from_text(&RuleText::parse(&text).unwrap()).unwrap().remote_addresses
}

/// What the interface was given, read back as a rule.
fn read_back(given: &InterfaceRule) -> Rule {
    let number = |name: &str| match given.properties[name] {
        Given::Number(number) => number,
        ref other => panic!("{name} is {other:?}"),
    };
    let condition = |name: &str| given.conditions.get(name);
    let local_words = [
        ("RPC", LocalPortKeyword::Rpc),
        ("RPCEPMap", LocalPortKeyword::RpcEndpointMapper),
        ("Teredo", LocalPortKeyword::Teredo),
        ("IPHTTPSIn", LocalPortKeyword::IpHttpsIn),
        ("PlayToDiscovery", LocalPortKeyword::PlayToDiscovery),
    ];
    let local = ports(condition("LocalPort"), &local_words);
    let remote_ports = ports(condition("RemotePort"), &[("IPHTTPSOut", RemotePortKeyword::IpHttpsOut)]);
    let icmp = texts(condition("IcmpType")).into_iter().map(|text| {
        let text = if text.contains(':') { text.to_owned() } else { format!("{text}:*") };
        text.parse::<IcmpType>().unwrap()
    });
    let protocol: Protocol = text(&given.conditions["Protocol"]).unwrap_or("any").parse().unwrap();
    let traffic = match Traffic::from(protocol) {
        Traffic::Tcp { .. } => Traffic::Tcp { local, remote: remote_ports },
        Traffic::Udp { .. } => Traffic::Udp { local, remote: remote_ports },
        Traffic::IcmpV4(_) => Traffic::IcmpV4(icmp.collect()),
        Traffic::IcmpV6(_) => Traffic::IcmpV6(icmp.collect()),
        other => other,
    };
    let action = if number("Action") == 2 { Action::Allow } else { Action::Block };
    let direction = if number("Direction") == 1 { Direction::In } else { Direction::Out };
    let mut rule = Rule::new(action, direction, traffic);
    rule.active = number("Enabled") == 1;
    let bits = number("Profiles");
    let profiles = [(1, Profile::Domain), (2, Profile::Private), (4, Profile::Public)];
    rule.profiles =
        profiles.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, profile)| profile).collect::<Profiles>();
    rule.edge_traversal =
        [EdgeTraversal::Off, EdgeTraversal::Allow, EdgeTraversal::DeferToUser, EdgeTraversal::DeferToApp]
            [usize::from(number("EdgeTraversalPolicy"))];
    rule.local_addresses =
        texts(condition("LocalAddress")).into_iter().map(|text| text.parse::<IpRange>().unwrap()).collect::<IpSet>();
    rule.remote_addresses = remote(&given.conditions["RemoteAddress"]);
    let Given::Number(kinds) = given.conditions["InterfaceType"] else { panic!("InterfaceType is a number") };
    let types = [(1, InterfaceType::Lan), (2, InterfaceType::Wireless), (4, InterfaceType::RemoteAccess)];
    rule.interface_types = types.into_iter().filter(|(bit, _)| kinds & bit != 0).map(|(_, kind)| kind).collect();
    rule.program = text(&given.conditions["Program"]).map(|text| Program::new(text).unwrap());
    rule.service = text(&given.conditions["Service"]).map(|text| ServiceName::new(text).unwrap());
    let field = |name: &str| text(&given.properties[name]).map(|text| FieldText::new(text).unwrap());
    (rule.name, rule.description, rule.group) = (field("ElementName"), field("Description"), field("RuleGroup"));
    rule
}

/// Of the 1,064 rules of a Windows 10 all are given whole, or refused for a reason that is counted here.
#[test]
fn real_rules_are_given_whole_or_refused() {
    let Some(rules) = real::rules() else { return };
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for ((path, id), data) in rules {
        let text = RuleText::parse(&data).unwrap();
        let outcome = match InterfaceRule::of(&text) {
            Ok(given) => {
                let rule = Rule::from_text(&text).unwrap();
                assert_eq!(read_back(&given), rule, "{id} {data}");
                assert_eq!(read_back(&given).statement(), rule.statement());
                for (field, name) in [("LUOwn", "Owner"), ("AppPkgId", "Package"), ("LUAuth", "LocalUser")] {
                    let said = text.fields().iter().find(|each| each.is_named(field)).map(|each| each.value());
                    let given = given.properties.get(name).or_else(|| given.conditions.get(name));
                    assert_eq!(given.and_then(super::interface::text), said, "{id}");
                }
                "given".to_owned()
            }
            Err(error) => error.to_string().split('=').next().unwrap_or_default().to_owned(),
        };
        *counts.entry((path, outcome)).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.into_iter().map(|((path, outcome), count)| format!("{path}: {outcome}: {count}")).collect();
    insta::assert_snapshot!(counts.join("\n"), @r"
    FirewallRules: given: 461
    FirewallRules: nothing of the interface is known for the field `TTK: 2
    FirewallRules: nothing of the interface is known for the field `TTK2_22: 9
    FirewallRules: nothing of the interface is known for the field `TTK2_27: 6
    FirewallRules: nothing of the interface is known for the field `TTK2_28: 2
    RestrictedServices\AppIso\FirewallRules: given: 322
    RestrictedServices\AppIso\FirewallRules: nothing of the interface is known for the field `Security: 54
    RestrictedServices\Configurable\System: given: 5
    RestrictedServices\Static\System: given: 203
    ");
}

#[test]
fn words_of_addresses_have_their_own_spelling_at_the_interface() {
    // A word that comes to Windows later must be looked up, not guessed.
    assert_eq!(AddressKeyword::ALL.len(), 10);
    assert_eq!((LocalPortKeyword::ALL.len(), RemotePortKeyword::ALL.len()), (8, 2));
}

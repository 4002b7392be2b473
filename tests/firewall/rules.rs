//! Texts of rules one by one: what is refused and why, and what becomes of a text when its rule changes.

use trueup::formats::firewall::{
    Action, Addresses, Direction, EdgeTraversal, FieldText, LocalPortKeyword, Ports, Program, Protocol, Rule, RuleText,
    RuleVersion, Traffic,
};
use trueup::model::port::PortSet;

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

fn rule(text: &str) -> Rule {
    Rule::from_text(&RuleText::parse(text).unwrap()).unwrap()
}

#[test]
fn what_is_no_rule_says_why() {
    for (text, message) in [
        ("", "a rule begins with its version and a bar, as in `v2.30|`"),
        ("2.30|Action=Allow|", "a rule begins with its version and a bar, as in `v2.30|`"),
        ("vx|Action=Allow|", "`x` is no version such as `v2.30`, both numbers up to 255"),
        ("v2.256|Action=Allow|", "`2.256` is no version such as `v2.30`, both numbers up to 255"),
        ("v2.30|", "the rule has no field"),
        ("v2.30|Action=Allow", "the rule does not end with a bar"),
        ("v2.30|Action|", "field 1 is no `name=value`: `Action`"),
        ("v2.30|Action=Allow|=x|", "field 2 is no `name=value`: `=x`"),
    ] {
        assert_eq!(RuleText::parse(text).unwrap_err().to_string(), message, "{text}");
    }
    for (fields, message) in [
        ("Dir=In|", "the rule has no action"),
        ("Action=Allow|", "the rule has no direction"),
        ("Action=Maybe|Dir=In|", "the field `Action` is not understood: `Maybe` is none of its words"),
        ("Action=Allow|Action=Block|Dir=In|", "the field `Action` stands more than once"),
        ("Action=Allow|Dir=In|LPort=80|", "the rule has local ports, which the protocol any has not"),
        ("Action=Allow|Dir=In|Protocol=6|ICMP4=8:*|", "the rule has ICMP types, which the protocol tcp has not"),
        (
            "Action=Allow|Dir=In|Protocol=256|",
            "the field `Protocol` is not understood: `256` is no protocol: tcp, udp, icmpv4, icmpv6, any, or a number up to 255",
        ),
        (
            "Action=Allow|Dir=In|RA4=10.0.0.0/255.0.255.0|",
            "the field `RA4` is not understood: `255.0.255.0` is neither the length of a prefix nor a mask",
        ),
        (
            "Action=Allow|Dir=In|RA4=::1|",
            "the field `RA4` is not understood: `::1` is an address of the other version of IP",
        ),
        (
            "Action=Allow|Dir=In|RA4=10.0.0.9-10.0.0.1|",
            "the field `RA4` is not understood: the range 10.0.0.9-10.0.0.1 runs backwards",
        ),
    ] {
        let error = Rule::from_text(&RuleText::parse(&format!("v2.30|{fields}")).unwrap()).unwrap_err();
        assert_eq!(chain(&error), message, "{fields}");
    }
}

#[test]
fn what_changes_is_written_and_all_else_stays() {
    let ports = |text: &str| Ports::from(text.parse::<PortSet>().unwrap());
    let tcp = |local| Traffic::Tcp { local, remote: Ports::default() };
    type Change = Box<dyn Fn(&mut Rule)>;
    let cases: Vec<(&str, Change, &str)> = vec![
        (
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|Later=1|Name=a|",
            Box::new(move |rule| rule.traffic = tcp(ports("443"))),
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=443|Later=1|Name=a|",
        ),
        (
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|LPort=443|Name=a|",
            Box::new(move |rule| rule.traffic = tcp(ports("443,8000-8099"))),
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=443|LPort2_10=8000-8099|Name=a|",
        ),
        (
            "v2.0|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|",
            Box::new(move |rule| rule.traffic = tcp(ports("80-85"))),
            "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|LPort2_10=81-85|",
        ),
        (
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|",
            Box::new(|rule| {
                let local = LocalPortKeyword::Rpc.into();
                rule.traffic = Traffic::Tcp { local, remote: Ports::default() };
            }),
            "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=RPC|",
        ),
        (
            "v2.30|Action=Allow|Active=FALSE|Dir=In|Security=x|Platform=2:6:2|",
            Box::new(|rule| {
                rule.active = true;
                rule.action = Action::Block;
                rule.name = FieldText::new("a b").ok();
            }),
            "v2.30|Action=Block|Active=TRUE|Dir=In|Name=a b|Security=x|Platform=2:6:2|",
        ),
        (
            "v2.30|Action=Allow|Active=TRUE|Dir=In|RA4=10.0.0.1|RA4=LocalSubnet|RA6=LocalSubnet|App=x|",
            Box::new(|rule| {
                rule.remote_addresses = Addresses::parse_list(["10.0.0.1", "10.0.1.0/24", "LocalSubnet"]).unwrap()
            }),
            "v2.30|Action=Allow|Active=TRUE|Dir=In|RA4=10.0.0.1|RA4=LocalSubnet|RA4=10.0.1.0/255.255.255.0|RA6=LocalSubnet|App=x|",
        ),
        (
            "v2.30|Action=Allow|Active=TRUE|Dir=In|App=x|",
            Box::new(|rule| rule.edge_traversal = EdgeTraversal::DeferToApp),
            "v2.30|Action=Allow|Active=TRUE|Dir=In|App=x|Edge=TRUE|Defer=App|",
        ),
    ];
    for (before, change, after) in cases {
        let text = RuleText::parse(before).unwrap();
        let mut wanted = rule(before);
        assert_eq!(text.with(&wanted), text, "what says it already is not touched: {before}");
        change(&mut wanted);
        assert_eq!(text.with(&wanted).to_string(), after, "{before}");
        assert_eq!(rule(after), wanted);
    }
}

#[test]
fn a_new_rule_is_written_as_windows_does() {
    let mut wanted = Rule::new(
        Action::Allow,
        Direction::In,
        Traffic::Tcp { local: Ports::from("5443".parse::<PortSet>().unwrap()), remote: Ports::default() },
    );
    wanted.remote_addresses = Addresses::parse_list(["10.0.0.0/8", "2001:db8::/32"]).unwrap();
    wanted.program = Program::new(r"%ProgramFiles%\x.exe").ok();
    wanted.name = FieldText::new("web").ok();
    wanted.group = FieldText::new("g").ok();
    assert_eq!(
        wanted.to_text(RuleVersion::DEFAULT).to_string(),
        "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5443|RA4=10.0.0.0/255.0.0.0|RA6=2001:db8::/32|\
         App=%ProgramFiles%\\x.exe|Name=web|EmbedCtxt=g|"
    );
    let differences = wanted.differences(&Rule::new(Action::Allow, Direction::In, Traffic::from(Protocol::Tcp)));
    let said: Vec<String> = differences.iter().map(ToString::to_string).collect();
    assert_eq!(said[0], "local ports 5443 -> any");
    assert_eq!(said.len(), 5, "{said:?}");
}

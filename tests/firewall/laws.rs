//! The laws of reading and writing rules, over generated ones, with the independent parser as the judge.

use proptest::prelude::*;
use proptest::sample::select;
use trueup::formats::firewall::{Rule, RuleText, RuleVersion};

use super::oracle;

/// Fields that rules may hold, right and wrong ones, several of a name.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![
            "Action=Allow",
            "Action=Block",
            "action=bypass",
            "Active=TRUE",
            "Active=FALSE",
            "Dir=In",
            "Dir=Out",
            "dir=IN",
            "Protocol=6",
            "Protocol=17",
            "Protocol=1",
            "Protocol=58",
            "Protocol=tcp",
            "Protocol=47",
            "Protocol=300",
            "Profile=Domain",
            "Profile=Private",
            "Profile=Public",
            "Profile=All",
            "LPort=RPC",
            "LPort=RPC-EPMap",
            "LPort2_10=IPTLSIn",
            "LPort2_10=IPHTTPSIn",
            "RPort2_10=IPTLSOut",
            "LPort2_20=DHCP",
            "LPort2_25=mDNS",
            "ICMP4=8:*",
            "ICMP4=3:4",
            "ICMP6=128:*",
            "ICMP4=8",
            "RA4=LocalSubnet",
            "RA6=LocalSubnet",
            "RA42=IntErnet",
            "RA62=Ply2Renders",
            "RA4=::1",
            "IFType=Lan",
            "IFType=Wireless",
            "App=System",
            "App=%windir%\\a.exe",
            "Svc=*",
            "Svc=W32Time",
            "Name=a b",
            "Desc=\u{fc}",
            "EmbedCtxt=g",
            "Edge=TRUE",
            "Edge=FALSE",
            "Defer=App",
            "Defer=User",
            "Platform=2:6:2",
            "Later",
            "Security=x",
            "App=",
            "LPort=",
        ])
        .prop_map(str::to_owned),
        (
            "(L|R)Port(2_10)?",
            prop_oneof![
                (0u32..70_000).prop_map(|port| port.to_string()),
                (0u32..70_000, 0u32..70_000).prop_map(|(first, last)| format!("{first}-{last}")),
                (1u32..99, 1u32..99).prop_map(|(one, other)| format!("{one},{other}")),
            ]
        )
            .prop_map(|(name, ports)| format!("{name}={ports}")),
        ("(L|R)A4", any::<[u8; 4]>(), "(/[0-9]{1,2}|/255\\.255\\.[02]{1,3}\\.0|)")
            .prop_map(|(name, [a, b, c, d], mask)| { format!("{name}={a}.{b}.{c}.{d}{mask}") }),
        ("(L|R)A6", any::<u128>(), 0u8..140)
            .prop_map(|(name, bits, length)| { format!("{name}={}/{length}", std::net::Ipv6Addr::from_bits(bits)) }),
        ("RA4", any::<[u8; 4]>(), any::<[u8; 4]>()).prop_map(|(name, one, other)| {
            format!("{name}={}-{}", std::net::Ipv4Addr::from(one), std::net::Ipv4Addr::from(other))
        }),
    ]
}

pub fn any_text() -> impl Strategy<Value = String> {
    let begin = select(vec![
        "",
        "Action=Allow|Dir=In|",
        "Action=Block|Dir=Out|Protocol=6|",
        "Action=Allow|Dir=In|Protocol=17|",
    ]);
    (select(vec!["v2.0", "v2.10", "v2.30", "V2.256"]), begin, prop::collection::vec(field(), 0..7))
        .prop_map(|(version, begin, fields)| format!("{version}|{begin}{}|", fields.join("|")))
}

fn rule(text: &str) -> Option<Rule> {
    Rule::from_text(&RuleText::parse(text).ok()?).ok()
}

#[test]
fn both_parsers_say_the_same() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let texts: Vec<String> = (0..2_000).map(|_| any_text().new_tree(&mut runner).unwrap().current()).collect();
    let understood = texts.iter().filter(|text| rule(text).is_some()).count();
    assert!(understood > 200, "{understood} are understood");
    oracle::agree(&texts);
}

proptest! {
    #[test]
    fn a_rule_written_anew_says_the_same(text in any_text()) {
        let Some(rule) = rule(&text) else { return Ok(()) };
        let anew = rule.to_text(RuleVersion::DEFAULT);
        prop_assert_eq!(Rule::from_text(&anew), Ok(rule.clone()));
        prop_assert_eq!(rule.differences(&rule), vec![]);
    }

    #[test]
    fn any_text_becomes_one_that_says_what_is_wanted(before in any_text(), wanted in any_text()) {
        let (Ok(before), Some(wanted)) = (RuleText::parse(&before), rule(&wanted)) else { return Ok(()) };
        let after = before.with(&wanted);
        prop_assert_eq!(Rule::from_text(&after), Ok(wanted.clone()), "{}", after);
        let unknown = |text: &RuleText| text.unknown_fields().cloned().collect::<Vec<_>>();
        prop_assert_eq!(unknown(&after), unknown(&before));
        prop_assert_eq!(after.with(&wanted), after.clone());
        prop_assert_eq!(RuleText::parse(&after.to_string()), Ok(after));
    }

    #[test]
    fn nothing_panics(text in "\\PC{0,80}|v2\\.30\\|(\\PC{0,12}=\\PC{0,12}\\|){0,4}") {
        if let Ok(parsed) = RuleText::parse(&text) {
            prop_assert_eq!(parsed.to_string(), text);
            drop(Rule::from_text(&parsed));
        }
    }
}

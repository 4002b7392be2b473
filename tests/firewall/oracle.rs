//! What the independent parser in `oracle.py` and the program's own say of rules, in the same words.

use std::fmt::Display;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use trueup::formats::firewall::{Family, IpRange, IpSet, PortKeyword, Ports, Rule, RuleText};

const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/firewall/oracle.py");

/// What the oracle says of each text.
pub fn theirs(texts: &[String]) -> Vec<Value> {
    let mut child = Command::new("python3")
        .args(["-B", ORACLE])
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let input: String = texts.iter().map(|text| format!("{}\n", json!(text))).collect();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).expect("it reads"));
    let output = child.wait_with_output().expect("it ends");
    writer.join().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).expect("it prints UTF-8");
    let said: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("it prints JSON")).collect();
    assert_eq!(said.len(), texts.len());
    said
}

/// What the program says of a text.
pub fn ours(text: &str) -> Value {
    let Ok(parsed) = RuleText::parse(text) else { return Value::Null };
    let fields: Vec<_> = parsed.fields().iter().map(|field| (field.name(), field.value())).collect();
    let version = parsed.version();
    let rule = Rule::from_text(&parsed).ok();
    json!({ "version": [version.major, version.minor], "fields": fields, "rule": rule.as_ref().map(view) })
}

/// Holds both against each other.
#[track_caller]
pub fn agree(texts: &[String]) {
    for (text, theirs) in texts.iter().zip(theirs(texts)) {
        assert_eq!(ours(text), theirs, "\nours and the oracle's view of\n{text}");
    }
}

fn view(rule: &Rule) -> Value {
    let traffic = &rule.traffic;
    let sorted = |mut texts: Vec<String>| {
        texts.sort();
        texts
    };
    let family = |family| if family == Family::V4 { 4 } else { 6 };
    let words = rule.remote_addresses.keywords().map(|(word, of)| format!("{}/{}", word.token(), family(of)));
    json!({
        "action": rule.action.to_string(),
        "active": rule.active,
        "direction": rule.direction.to_string(),
        "protocol": traffic.protocol().number(),
        "profiles": rule.profiles.iter().map(|profile| profile.to_string()).collect::<Vec<_>>(),
        "local_ports": ports(traffic.local_ports()),
        "remote_ports": ports(traffic.remote_ports()),
        "icmp_types": sorted(traffic.icmp_types().map(|types| types.iter().map(text).collect()).unwrap_or_default()),
        "local_addresses": ranges(&rule.local_addresses),
        "remote_addresses": [json!(ranges(rule.remote_addresses.ips())), json!(sorted(words.collect()))],
        "interface_types": sorted(rule.interface_types.iter().map(|kind| kind.token().to_owned()).collect()),
        "program": rule.program.as_ref().map(text),
        "service": rule.service.as_ref().map(text),
        "edge_traversal": rule.edge_traversal.to_string(),
        "name": rule.name.as_ref().map(text),
        "description": rule.description.as_ref().map(text),
        "group": rule.group.as_ref().map(text),
    })
}

fn text(thing: impl Display) -> String {
    thing.to_string()
}

fn ports<K: PortKeyword>(ports: Option<&Ports<K>>) -> Value {
    let Some(ports) = ports else { return json!([[], []]) };
    let numbers: Vec<_> = ports.numbers.ranges().map(|range| [range.first(), range.last()]).collect();
    let mut words: Vec<_> = ports.keywords.iter().map(|word| word.tokens().last().unwrap()).collect();
    words.sort();
    json!([numbers, words])
}

/// First and last as numbers, in text for they are long.
fn ranges(ips: &IpSet) -> Vec<[String; 2]> {
    let ends = |range| match range {
        IpRange::V4(range) => [range.first(), range.last()].map(|end| end.to_bits().to_string()),
        IpRange::V6(range) => [range.first(), range.last()].map(|end| end.to_bits().to_string()),
    };
    ips.ranges().map(ends).collect()
}

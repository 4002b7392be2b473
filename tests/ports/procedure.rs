//! The port table of an access-control server, as the example says it: planned and applied on an image, and every rule of it
//! read by the independent parser.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trueup::formats::firewall::LOCAL_RULES;
use trueup::machine::Machine;
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::model::fact::{KeyAspects, KeyState};
use trueup::model::registry_data::Reading;
use trueup::model::time::FileTime;

use super::lab::findings;
use super::oracle;
use super::world::{applied, desired, key, plan, start, told};

const EXAMPLE: &str = include_str!("../../examples/access-control-ports.trueup.yaml");

/// The table: what the procedure prints, line by line. Protocol 6 is TCP, 17 UDP.
const TABLE: &[(&str, &str, u8, &str, &str)] = &[
    // rule, direction, protocol, ports of the service, where the other side is
    ("rpc-endpoint-mapper-allow-tcp-in", "in", 6, "RPC-EPMap", "10.20.0.0/16"),
    ("rpc-dynamic-allow-tcp-in", "in", 6, "RPC", "10.20.0.0/16"),
    ("smb-allow-tcp-in", "in", 6, "445", "10.20.0.0/16"),
    ("operation-client-allow-tcp-in", "in", 6, "8741", "10.20.0.0/16"),
    ("operation-client-callback-allow-tcp-out", "out", 6, "8742", "10.20.0.0/16"),
    ("web-client-allow-tcp-in", "in", 6, "5443", "10.20.0.0/16 LocalSubnet"),
    ("management-api-allow-tcp-in", "in", 6, "8744", "10.20.0.0/16"),
    ("hr-api-allow-tcp-in", "in", 6, "8745", "10.20.0.0/16"),
    ("controllers-allow-tcp-in", "in", 6, "4343", ""),
    ("controllers-allow-tcp-out", "out", 6, "4343", ""),
    ("card-printing-allow-tcp-in", "in", 6, "54881", "10.20.0.0/16"),
    ("enrolment-allow-tcp-in", "in", 6, "8282", "10.20.0.0/16"),
    ("printers-allow-tcp-out", "out", 6, "5400 5402 22222", "10.22.0.0/24"),
    ("printers-allow-udp-out", "out", 17, "5400 5402 22222", "10.22.0.0/24"),
];

/// The rules of our group on a machine, by id.
fn rules(machine: &dyn Machine) -> BTreeMap<String, String> {
    let aspects = KeyAspects { tree: true, ..KeyAspects::default() };
    let state = machine.registry().unwrap().read(&[(key(LOCAL_RULES), aspects)]).remove(0).unwrap();
    let KeyState::Present(fact) = state else { return BTreeMap::new() };
    let rules = fact.tree.as_ref().unwrap().values.iter().filter_map(|value| {
        let Reading::Text(text) = value.data.plain()?.reading() else { return None };
        Some((value.name.to_string(), text))
    });
    rules.filter(|(_, text)| text.contains("EmbedCtxt=trueup|")).collect()
}

/// A range of IPv4 as the oracle says it.
fn range(subnet: &str) -> [String; 2] {
    let (address, length) = subnet.split_once('/').unwrap();
    let first = address.parse::<std::net::Ipv4Addr>().unwrap().to_bits();
    [first.to_string(), (first | (u32::MAX >> length.parse::<u32>().unwrap())).to_string()]
}

#[test]
fn the_port_table_of_the_procedure() {
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(start())).unwrap();
    let image = ImageMachine::open(folder.path(), DirtyHives::Refuse).unwrap();
    let wanted = desired(&EXAMPLE.replace("version: 1\n", ""));
    let first = plan(&image, &wanted, start());
    assert_eq!(findings(&first), Vec::<String>::new());
    applied(&image, &wanted, start());
    assert_eq!(
        told(&plan(&image, &wanted, start())),
        ["» rpc-range dynamic tcp: ports.unsupported", "» card-printing reserve tcp 54881: ports.unsupported"]
    );

    let rules = rules(&image);
    let names: Vec<String> = TABLE.iter().map(|(name, ..)| format!("trueup-{name}")).collect();
    let mut expected = names.clone();
    expected.sort();
    assert_eq!(rules.keys().cloned().collect::<Vec<_>>(), expected);
    let texts: Vec<String> = names.iter().map(|name| rules[name].clone()).collect();
    for ((row, said), text) in TABLE.iter().zip(oracle::theirs(&texts)).zip(&texts) {
        let (_, direction, protocol, ports, remote) = row;
        let rule = &said["rule"];
        let (own, other) =
            if *direction == "in" { ("local_ports", "remote_ports") } else { ("remote_ports", "local_ports") };
        let numbers: Vec<Value> =
            ports.split(' ').filter_map(|port| port.parse::<u16>().ok()).map(|port| json!([port, port])).collect();
        let words: Vec<&str> = ports.split(' ').filter(|port| port.parse::<u16>().is_err()).collect();
        let ranges: Vec<[String; 2]> = remote.split(' ').filter(|one| one.contains('/')).map(range).collect();
        let keywords: Vec<String> = remote
            .split(' ')
            .filter(|one| !one.is_empty() && !one.contains('/'))
            .flat_map(|word| [format!("{word}/4"), format!("{word}/6")])
            .collect();
        assert_eq!(rule["action"], "allow", "{text}");
        assert_eq!(rule["active"], true, "{text}");
        assert_eq!(rule["direction"], *direction, "{text}");
        assert_eq!(rule["protocol"], *protocol, "{text}");
        assert_eq!(rule[own], json!([numbers, words]), "{text}");
        assert_eq!(rule[other], json!([[], []]), "{text}");
        assert_eq!(rule["remote_addresses"], json!([ranges, keywords]), "{text}");
        assert_eq!(rule["group"], "trueup", "{text}");
        let profiles = if text.contains("web-client") { json!(["domain", "private"]) } else { json!(["domain"]) };
        assert_eq!(rule["profiles"], profiles, "{text}");
    }
    // The internal ports and those of a client that is not in use stay shut.
    for port in [8756, 5656, 8757, 8743, 8746, 8747, 8748, 8749, 8750, 8751, 8752, 8753, 8755] {
        assert!(!texts.iter().any(|text| text.contains(&format!("Port={port}|"))), "{port}");
    }
}

//! Machines that are described line by line, and what plans tell of them.

use std::str::FromStr as _;

use trueup::formats::firewall::{GROUP_POLICY_RULES, LOCAL_POLICY, LOCAL_RULES};
use trueup::formats::security_descriptor::SecurityDescriptor;
use trueup::machine::memory::MemoryMachine;
use trueup::model::fact::{KeyTree, Stored, ValueFact};
use trueup::model::operation::Operation;
use trueup::model::registry_data::RegistryData;
use trueup::plan::Plan;

use super::world::{desired, empty, key, plan, start, tree};

pub const HTTP: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters";
pub const POLICY: &str = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall";

/// A value of a machine: the path of its key, its name, its data.
type Line = (String, String, RegistryData);

/// Reads one line of a machine's description:
/// `rule ID FIELDS`, `gprule ID FIELDS`, `domain NAME=0`, `gp domain NAME=0`, `url PREFIX SDDL`, `tls ADDRESS HASH`, `sni HOST HASH`.
fn line(text: &str) -> Vec<Line> {
    let (word, rest) = text.split_once(' ').unwrap();
    let (first, second) = rest.split_once([' ', '=']).unwrap();
    let rule = |at: &str| vec![(at.to_owned(), first.to_owned(), RegistryData::sz(&format!("v2.30|{second}")))];
    let profile = |at: &str, name: &str| {
        let folder = match (word, name) {
            ("private", _) if at == LOCAL_POLICY => "StandardProfile",
            (_, "private") => "PrivateProfile",
            (_, "domain") | ("domain", _) => "DomainProfile",
            (_, "public") | ("public", _) => "PublicProfile",
            other => panic!("{other:?}"),
        };
        format!("{at}\\{folder}")
    };
    let binding = |list: &str| {
        let at = format!("{HTTP}\\{list}\\{first}");
        let hash = trueup::model::registry_data::unhex(second).unwrap();
        vec![
            (at.clone(), "SslCertHash".to_owned(), RegistryData::binary(hash)),
            (at.clone(), "AppId".to_owned(), RegistryData::binary([7; 16])),
            (at.clone(), "SslCertStoreName".to_owned(), RegistryData::sz("MY")),
            (at, "Later".to_owned(), RegistryData::dword(9)),
        ]
    };
    match word {
        "rule" => rule(LOCAL_RULES),
        "gprule" => rule(GROUP_POLICY_RULES),
        "domain" | "private" | "public" => {
            vec![(profile(LOCAL_POLICY, word), first.to_owned(), RegistryData::dword(second.parse().unwrap()))]
        }
        "gp" => {
            let (name, number) = second.split_once('=').unwrap();
            vec![(profile(POLICY, first), name.to_owned(), RegistryData::dword(number.parse().unwrap()))]
        }
        "url" => {
            let descriptor = SecurityDescriptor::from_str(second).unwrap().to_bytes().unwrap();
            vec![(format!("{HTTP}\\UrlAclInfo"), first.to_owned(), RegistryData::binary(descriptor))]
        }
        "tls" => binding("SslBindingInfo"),
        "sni" => binding("SslSniBindingInfo"),
        other => panic!("{other}"),
    }
}

/// A machine as its description says.
pub fn machine(lines: &[&str]) -> MemoryMachine {
    let machine = empty();
    let mut all: Vec<Line> = lines.iter().flat_map(|text| line(text)).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    for values in all.chunk_by(|one, other| one.0 == other.0) {
        let at = key(&values[0].0);
        let values: Vec<(&str, RegistryData)> =
            values.iter().map(|(_, name, data)| (name.as_str(), data.clone())).collect();
        machine.plant(&at, &tree(at.name(), &values));
    }
    machine
}

/// A document's `ports` section, indented as it stands there.
pub fn document(ports: &str) -> String {
    if ports.starts_with(" ") { format!("ports:\n{ports}") } else { ports.to_owned() }
}

pub fn planned(machine: &MemoryMachine, ports: &str) -> Plan {
    plan(machine, &desired(&document(ports)), start())
}

/// The findings of a plan, word by word, those of the machine as a whole aside.
pub fn findings(plan: &Plan) -> Vec<String> {
    let own = plan.findings.iter().filter(|finding| finding.code.starts_with("ports."));
    own.map(|finding| format!("{} {}: {}", finding.severity, finding.code, finding.message)).collect()
}

/// What a plan changes, each step as what it is, what it was and what it becomes, and the registry's data.
pub fn steps(plan: &Plan) -> Vec<String> {
    let mut out = Vec::new();
    for operation in plan.decisions.iter().flat_map(|decision| decision.operations()) {
        match operation {
            Operation::Configure { setting, before, after, steps } => {
                let side = |side: &Option<Box<str>>| side.as_deref().unwrap_or("-").to_owned();
                out.push(format!("{setting}: {} => {}", side(before), side(after)));
                out.extend(steps.iter().map(|step| format!("  {}", plain(step))));
            }
            other => out.push(plain(other)),
        }
    }
    out
}

fn plain(step: &Operation) -> String {
    match step {
        Operation::PutRegistryValue { name, after, .. } => format!("{name} := {after}"),
        Operation::RemoveRegistryValue { name, .. } => format!("{name} goes"),
        Operation::CreateRegistryKey { key } => format!("new key {}", key.name()),
        other => other.to_string(),
    }
}

/// The values of a key by name, as text where they are text.
pub fn values(machine: &MemoryMachine, at: &str) -> Vec<(String, String)> {
    let Some(KeyTree { values, .. }) = machine.tree(&key(at)) else { return Vec::new() };
    let shown = |value: &ValueFact| match &value.data {
        Stored::Plain(data) => (value.name.to_string(), data.to_string()),
        Stored::Sealed { .. } => panic!("{} is sealed", value.name),
    };
    values.iter().map(shown).collect()
}

//! Runs that are taken back after an interface has written in its own way what it was told: it is known again by what it says.

use trueup::apply::{ApplyOptions, Basis as _, Purpose, apply};
use trueup::formats::firewall::LOCAL_RULES;
use trueup::formats::security_descriptor::SecurityDescriptor;
use trueup::machine::RunName;
use trueup::machine::memory::MemoryMachine;
use trueup::model::registry_data::RegistryData;

use super::lab::{HTTP, document, machine, values};
use super::world::{Silent, basis, desired, facts, holds, key, options, start, take_back, tree};

/// Puts other data into a key, as an interface may write it.
fn rewritten(machine: &MemoryMachine, at: &str, change: impl Fn(&str, &RegistryData) -> RegistryData) {
    let mut found = machine.tree(&key(at)).unwrap();
    for value in &mut found.values {
        let data = change(&value.name, value.data.plain().unwrap());
        value.data = trueup::model::fact::Stored::Plain(data);
    }
    machine.plant(&key(at), &found);
}

/// Applies a document, lets `between` happen, and takes the run back: what it reports as left where it is, and whether all is as before.
fn taken_back(lines: &[&str], ports: &str, between: impl Fn(&MemoryMachine)) -> (Vec<String>, bool) {
    let machine = machine(lines);
    let before = holds(&machine);
    let accepted = apply_without_certificate(&machine, ports);
    between(&machine);
    let (plan, report) = take_back(&machine, &accepted, Purpose::Rollback { of: accepted.clone() }, start());
    let blocked = plan.decisions.iter().flat_map(|decision| &decision.reasons);
    let blocked: Vec<String> = blocked
        .filter(|reason| reason.code == "rollback.changed_since")
        .map(|reason| reason.message.clone().unwrap_or_default().to_string())
        .collect();
    assert!(report.unwrap().is_complete() || !blocked.is_empty());
    (blocked, holds(&machine) == before)
}

/// Applies a document whose certificate this machine does not have.
fn apply_without_certificate(machine: &MemoryMachine, ports: &str) -> RunName {
    let wanted = desired(&document(ports));
    let basis = basis(&wanted, start());
    let facts = facts(machine, &wanted, start());
    let plan = basis.plan(&facts).unwrap();
    let accept = ["ports.certificate_absent".to_owned()];
    let options = ApplyOptions { accept: &accept, ..options(start()) };
    let report = apply(machine, &basis, &plan, &facts, &options, &mut Silent).unwrap();
    assert!(report.is_complete(), "{report:?}");
    report.run.unwrap().parse().unwrap()
}

const OWN: &str = "  web:\n    port: 6443\n    allow: { profiles: [domain, private], from: 10.0.0.0/8 }";

#[test]
fn a_rule_in_other_words_is_taken_back() {
    let reordered = |machine: &MemoryMachine| {
        rewritten(machine, LOCAL_RULES, |name, data| {
            if name != "trueup-web-allow-tcp-in" {
                return data.clone();
            }
            RegistryData::sz(
                "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Private|Profile=Domain|LPort2_10=6443-6443|RA4=10.0.0.0/8|Name=web (TCP-In)|EmbedCtxt=trueup|",
            )
        });
    };
    assert_eq!(taken_back(&["rule Other Action=Block|Dir=In|"], OWN, reordered), (vec![], true));
    // Somebody else's change is none of the interface's.
    let changed = |machine: &MemoryMachine| {
        rewritten(machine, LOCAL_RULES, |_, _| {
            RegistryData::sz("v2.31|Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=6443|Name=web|EmbedCtxt=trueup|")
        });
    };
    let (blocked, is_as_before) = taken_back(&["rule Other Action=Block|Dir=In|"], OWN, changed);
    assert_eq!((blocked.len(), is_as_before), (1, false), "{blocked:?}");
}

#[test]
fn a_reservation_with_an_owner_is_taken_back() {
    let prefix = "http://+:6443/x/";
    let ports = format!("  web: {{ url: {{ prefix: '{prefix}', user: 'NT AUTHORITY\\NETWORK SERVICE' }} }}");
    let owned = |machine: &MemoryMachine| {
        rewritten(machine, &format!(r"{HTTP}\UrlAclInfo"), |name, data| {
            let descriptor: SecurityDescriptor = "O:BAG:BAD:(A;;GX;;;NS)".parse().unwrap();
            if name == prefix { RegistryData::binary(descriptor.to_bytes().unwrap()) } else { data.clone() }
        });
    };
    assert_eq!(taken_back(&["url http://+:80/ D:(A;;GX;;;WD)"], &ports, owned), (vec![], true));
}

/// http.sys writes also what counts where nothing is said, and a store in another case.
#[test]
fn a_binding_with_more_values_is_taken_back() {
    let ports = "  web: { port: 6443, tls: { thumbprint: '00112233445566778899aabbccddeeff00112233' } }";
    let at = format!(r"{HTTP}\SslBindingInfo\0.0.0.0:6443");
    let more = |extra: RegistryData| {
        let at = at.clone();
        move |machine: &MemoryMachine| {
            let found = values(machine, &at);
            assert!(found.len() >= 5, "{found:?}");
            let mut found = machine.tree(&key(&at)).unwrap();
            found.values.extend(tree("x", &[("DefaultSslCtlStoreName", extra.clone())]).values);
            machine.plant(&key(&at), &found);
            rewritten(
                machine,
                &at,
                |name, data| {
                    if name == "SslCertStoreName" { RegistryData::sz("My") } else { data.clone() }
                },
            );
        }
    };
    let there = &["tls 0.0.0.0:443 00112233445566778899aabbccddeeff00112233"];
    assert_eq!(taken_back(there, ports, more(RegistryData::sz(""))), (vec![], true));
    let (blocked, is_as_before) = taken_back(there, ports, more(RegistryData::sz("CA")));
    assert_eq!((blocked.len(), is_as_before), (1, false), "{blocked:?}");
}

/// The firewall's interface cannot unset a setting: what it counts as where it has no value is as good.
#[test]
fn a_setting_that_got_its_default_is_taken_back_already() {
    let ports = "  firewall: { public: { outbound: block } }";
    let default = |machine: &MemoryMachine| {
        let at = trueup::formats::firewall::local_profile_key(trueup::formats::firewall::Profile::Public);
        rewritten(machine, at, |_, _| RegistryData::dword(0));
    };
    let (blocked, is_as_before) = taken_back(&["public Other=0"], ports, default);
    assert_eq!((blocked.len(), is_as_before), (0, false));
}

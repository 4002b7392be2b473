//! The table of certificates of a machine to which a real group policy was applied, compared with what openssl says of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use trueup::kinds::certificate::inventory::{ask, gather};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::{NoSecrets, rounds};
use trueup::model::fact::{KeyTree, Stored, ValueFact};
use trueup::model::registry::RegistryKey;
use trueup::model::registry_data::RegistryData;
use trueup::model::time::FileTime;
use trueup::report::certificates::{Listing, Selection, json, text};
use trueup::report::text::{Detail, TextOptions};
use trueup::report::{Palette, Width};

use super::bench::Bench;
use super::stores::{POLICY, entries, fixture};

const AS_OF: &str = "2026-11-22T00:00:00Z";

/// A name without its form: openssl and trueup agree on the parts and not on how they are written.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = name.split([',', '+']).map(|part| part.replace('\\', "").trim().to_owned()).collect();
    parts.sort();
    parts
}

#[test]
fn a_real_policy_is_listed_as_openssl_reads_it() {
    let Some(policy) = fixture(POLICY) else { return };
    let bench = Bench::of_curve();
    let machine = MemoryMachine::new(Arc::from(&[][..]), FileTime(0));
    let mut said = BTreeMap::new();
    for (key, name, data) in entries(&policy) {
        let key = RegistryKey::parse(&format!(r"HKLM\{key}")).unwrap();
        if name != "Blob" {
            continue;
        }
        // The certificate is the last property of a blob that Windows wrote: its header is 32, 1, length.
        let at = data.windows(8).position(|head| head == [32, 0, 0, 0, 1, 0, 0, 0]).unwrap();
        bench.put("found.der", &data[at + 12..]);
        let print = ["-noout", "-fingerprint", "-sha1", "-subject", "-enddate", "-nameopt", "RFC2253,-esc_msb,utf8"];
        let form = ["x509", "-inform", "der", "-in", "found.der", "-dateopt", "iso_8601"];
        let text = bench.run(&[&form[..], &print].concat());
        let line = |head: &str| {
            text.lines()
                .find_map(|line| line.to_lowercase().starts_with(head).then(|| line[head.len()..].trim().to_owned()))
        };
        let thumbprint = line("sha1 fingerprint=").unwrap().replace(':', "");
        said.insert(thumbprint, (parts(&line("subject=").unwrap()), line("notafter=").unwrap().replace(' ', "T")));
        let blob = ValueFact::new("Blob".into(), Stored::Plain(RegistryData::binary(data)));
        machine.plant(&key, &KeyTree { name: key.name().into(), values: vec![blob], ..KeyTree::default() });
    }
    assert!(said.len() > 30, "{} certificates", said.len());

    let facts = rounds(&machine, &NoSecrets, &mut |facts, queries| ask(&[], facts, queries)).unwrap();
    let as_of = AS_OF.parse().unwrap();
    let inventory = gather(&[], &facts, as_of);
    assert!(inventory.problems.is_empty() && inventory.unread.is_empty(), "{inventory:?}");
    let listing = Listing::of(&inventory, as_of, "30d".parse().unwrap(), Selection::All);
    let json: serde_json::Value = serde_json::from_str(&json(&listing).unwrap()).unwrap();
    let mut found = BTreeMap::new();
    for one in json["certificates"].as_array().unwrap() {
        let get = |name: &str| one[name].as_str().unwrap().to_owned();
        assert!(one["places"][0]["name"].as_str().unwrap().starts_with("LocalMachineGroupPolicy\\"), "{one}");
        let not_after: jiff::Timestamp = get("not_after").parse().unwrap();
        assert_eq!(one["days_left"], (not_after.as_second() - as_of.as_second()).div_euclid(86_400));
        found.insert(get("sha1"), (parts(&get("subject")), get("not_after")));
    }
    assert_eq!(found, said);
    let options = |width| TextOptions { palette: Palette::plain(), width, detail: Detail::Short };
    let (wide, narrow) = (text(&listing, &options(Width::Unlimited)), text(&listing, &options(Width::Columns(60))));
    for thumbprint in said.keys() {
        assert!(wide.contains(thumbprint) && narrow.contains(thumbprint), "{thumbprint}");
    }
    for line in narrow.lines() {
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 60, "{line}");
    }
    println!("{} certificates agree", said.len());
}

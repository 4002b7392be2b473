//! What planning firewall rules costs, for 10, 1,000 and 5,000 of them: all as they should be, none there, and as many that block.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use trueup::document::{FileReader, LoadOptions, ReadError, load};
use trueup::formats::firewall::LOCAL_RULES;
use trueup::machine::memory::MemoryMachine;
use trueup::machine::{NoSecrets, ObserveOptions, observe};
use trueup::model::fact::{KeyTree, Stored, ValueFact};
use trueup::model::registry::RegistryKey;
use trueup::model::registry_data::RegistryData;
use trueup::model::time::FileTime;
use trueup::plan::{PlanOptions, build};

const SIZES: [usize; 3] = [10, 1_000, 5_000];
/// Owner and group SYSTEM, and full access for it, inherited by subkeys.
const SECURITY: &[u8] = &[
    1, 0, 4, 0x80, 0x14, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x2C, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 1,
    1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 2, 0, 0x1C, 0, 1, 0, 0, 0, 0, 2, 0x14, 0, 0x3F, 0, 0x0F, 0, 1, 1, 0, 0, 0, 0,
    0, 5, 0x12, 0, 0, 0,
];

struct Text(String);

impl FileReader for Text {
    fn read(&mut self, _: &str, _: usize) -> Result<Vec<u8>, ReadError> {
        Ok(self.0.clone().into_bytes())
    }
}

fn port(number: usize) -> usize {
    1_000 + number * 9
}

fn document(rules: usize) -> Text {
    let mut text = String::from("version: 1\nports:\n");
    text.extend((0..rules).map(|number| {
        let port = port(number);
        format!(
            "  r{number}: {{ port: {port}, allow: {{ from: 10.0.0.0/8, profiles: [domain], service: S{number} }} }}\n"
        )
    }));
    Text(text)
}

/// A machine with so many rules: those of the document, or as many that block something else.
fn machine(rules: usize, action: &str) -> MemoryMachine {
    let machine = MemoryMachine::new(SECURITY.into(), FileTime(0));
    let value = |number: usize| {
        let port = port(number);
        let (name, scope) = match action {
            "Allow" => (format!("trueup-r{number}-allow-tcp-in"), "10.0.0.0/255.0.0.0"),
            _ => (format!("b{number}"), "192.168.0.0/255.255.0.0"),
        };
        let text = format!(
            "v2.30|Action={action}|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort={port}|RA4={scope}|Svc=S{number}|\
             Name=r{number} (TCP-In)|EmbedCtxt=trueup|"
        );
        ValueFact::new(name.into(), Stored::Plain(RegistryData::sz(&text)))
    };
    if let Ok(key) = RegistryKey::parse(LOCAL_RULES) {
        let tree = KeyTree {
            name: key.name().into(),
            security: SECURITY.into(),
            values: (0..rules).map(value).collect(),
            ..KeyTree::default()
        };
        machine.plant(&key, &tree);
    }
    machine
}

fn ports(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ports");
    group.sample_size(20);
    for size in SIZES {
        let name = ["site.yaml".to_owned()];
        let mut text = document(size);
        group.bench_function(BenchmarkId::new("load", size), |bencher| {
            bencher.iter(|| black_box(load(&mut text, &name, &LoadOptions::default()).is_ok()));
        });
        let Ok(loaded) = load(&mut text, &name, &LoadOptions::default()) else { continue };
        let desired = loaded.desired;
        let as_of = jiff::Timestamp::UNIX_EPOCH;
        for (what, machine) in [
            ("plan_all_true", machine(size, "Allow")),
            ("plan_all_new", machine(0, "Allow")),
            ("plan_beside_blocks", machine(size, "Block")),
        ] {
            group.bench_function(BenchmarkId::new(what, size), |bencher| {
                bencher.iter(|| {
                    let wanted = desired.entries.iter().map(|entry| &entry.wanted);
                    let facts = observe(&machine, wanted, ObserveOptions { as_of, secrets: &NoSecrets, survey: false });
                    facts.map(|facts| build(&desired, &facts, PlanOptions::at(as_of)).is_ok())
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, ports);
criterion_main!(benches);

//! Where the time goes, phase by phase, for 10, 1,000 and 100,000 registry values: load, observe and build, edit.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use trueup::document::{FileReader, LoadOptions, ReadError, load};
use trueup::formats::regf::{Editor, create};
use trueup::machine::memory::MemoryMachine;
use trueup::machine::{NoSecrets, ObserveOptions, observe};
use trueup::model::time::FileTime;
use trueup::plan::{PlanOptions, build};

const SIZES: [usize; 3] = [10, 1_000, 100_000];
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

fn document(values: usize) -> Text {
    let mut text = String::from("version: 1\nregistry:\n  HKLM\\SOFTWARE\\Bench:\n    values:\n");
    text.extend((0..values).map(|number| format!("      v{number:06}: text {number}\n")));
    Text(text)
}

fn phases(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("phases");
    group.sample_size(10);
    for size in SIZES {
        let name = ["site.yaml".to_owned()];
        let mut text = document(size);
        group.bench_function(BenchmarkId::new("load", size), |bencher| {
            bencher.iter(|| black_box(load(&mut text, &name, &LoadOptions::default()).is_ok()));
        });
        let Ok(loaded) = load(&mut text, &name, &LoadOptions::default()) else { continue };
        let desired = loaded.desired;
        let machine = MemoryMachine::new(SECURITY.into(), FileTime(0));
        let as_of = jiff::Timestamp::UNIX_EPOCH;
        group.bench_function(BenchmarkId::new("observe_and_build", size), |bencher| {
            bencher.iter(|| {
                let wanted = desired.entries.iter().map(|entry| &entry.wanted);
                let facts = observe(&machine, wanted, ObserveOptions { as_of, secrets: &NoSecrets, survey: false });
                facts.map(|facts| build(&desired, &facts, PlanOptions::at(as_of)).is_ok())
            });
        });
        let Ok(hive) = create("SOFTWARE", SECURITY, 0) else { continue };
        let names: Vec<String> = (0..size).map(|number| format!("v{number:06}")).collect();
        group.bench_function(BenchmarkId::new("edit_hive", size), |bencher| {
            bencher.iter_batched(
                || hive.clone(),
                |bytes| {
                    let mut editor = Editor::open(bytes)?;
                    let root = editor.root();
                    for name in &names {
                        editor.set_value(root, name, 1, b"t\0\0\0", 1)?;
                    }
                    editor.finish(1)
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, phases);
criterion_main!(benches);

//! What edits of one hive cost: 10,000, 100,000 and 1,000,000 values or keys under one key, and a real hive where one is at hand.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use trueup::formats::regf::{Editor, Error, Hive, KeyId, check, create};

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
/// So many keys are looked up.
const LOOK_UPS: usize = 1_000;
const NOW: u64 = 0x01DC_5B00_0000_0000;
/// Owner and group SYSTEM, and full access for it, inherited by subkeys.
const SECURITY: &[u8] = &[
    1, 0, 4, 0x80, 0x14, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0x2C, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 1,
    1, 0, 0, 0, 0, 0, 5, 0x12, 0, 0, 0, 2, 0, 0x1C, 0, 1, 0, 0, 0, 0, 2, 0x14, 0, 0x3F, 0, 0x0F, 0, 1, 1, 0, 0, 0, 0,
    0, 5, 0x12, 0, 0, 0,
];

/// One edit for a name under the root.
type Edit = fn(&mut Editor, KeyId, &str) -> Result<(), Error>;

fn set_value(editor: &mut Editor, root: KeyId, name: &str) -> Result<(), Error> {
    editor.set_value(root, name, 1, name.as_bytes(), NOW).map(drop)
}

fn change_value(editor: &mut Editor, root: KeyId, name: &str) -> Result<(), Error> {
    editor.set_value(root, name, 3, &[7; 40], NOW).map(drop)
}

fn remove_value(editor: &mut Editor, root: KeyId, name: &str) -> Result<(), Error> {
    editor.remove_value(root, name, NOW).map(drop)
}

fn create_key(editor: &mut Editor, root: KeyId, name: &str) -> Result<(), Error> {
    editor.create_key(root, name, Some(SECURITY), NOW).map(drop)
}

fn remove_key(editor: &mut Editor, root: KeyId, name: &str) -> Result<(), Error> {
    editor.subkey(root, name)?.map_or(Ok(()), |key| editor.remove_tree(key, NOW))
}

/// Scattered, so that neither lists nor cells are touched in order.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("name {:07}", number * 7919 % count)).collect()
}

fn edited(mut editor: Editor, names: &[String], edit: Edit) -> Result<Editor, Error> {
    let root = editor.root();
    names.iter().try_for_each(|name| edit(&mut editor, root, name))?;
    Ok(editor)
}

fn many(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hive");
    group.sample_size(10);
    for size in SIZES {
        let names = names(size);
        let filled = |edit: Edit| edited(Editor::open(create("ROOT", SECURITY, NOW)?)?, &names, edit)?.finish(NOW);
        let (Ok(empty), Ok(values), Ok(keys)) = (create("ROOT", SECURITY, NOW), filled(set_value), filled(create_key))
        else {
            continue;
        };
        let edits: [(&str, &[u8], Edit); 5] = [
            ("set_new_values", &empty, set_value),
            ("change_values", &values, change_value),
            ("remove_values", &values, remove_value),
            ("create_keys", &empty, create_key),
            ("remove_keys", &keys, remove_key),
        ];
        for (name, bytes, edit) in edits {
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter_batched(
                    || Editor::open(bytes.to_vec()),
                    |editor| editor.and_then(|editor| edited(editor, &names, edit)),
                    BatchSize::PerIteration,
                );
            });
        }
        group.bench_function(BenchmarkId::new("check", size), |bencher| {
            bencher.iter(|| black_box(check(&keys).is_ok()));
        });
        group.bench_function(BenchmarkId::new("look_up_1000_keys", size), |bencher| {
            bencher.iter(|| look_up(&keys, names.iter().take(LOOK_UPS).map(String::as_str)));
        });
        let missing: Vec<String> = (0..LOOK_UPS).map(|number| format!("nil {number}")).collect();
        group.bench_function(BenchmarkId::new("miss_1000_keys", size), |bencher| {
            bencher.iter(|| look_up(&keys, missing.iter().map(String::as_str)));
        });
    }
    group.finish();
}

/// How many of the names are keys under the root.
fn look_up<'n>(bytes: &[u8], names: impl Iterator<Item = &'n str>) -> Result<usize, Error> {
    let hive = Hive::open(bytes)?;
    let root = hive.root()?;
    let mut found = 0;
    for name in names {
        found += usize::from(root.subkey(name)?.is_some());
    }
    Ok(found)
}

/// The SYSTEM hive of a real machine, unpacked.
fn real_hive() -> Option<Vec<u8>> {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/hives/SYSTEM_WIN_10_1709.xz");
    let output = Command::new("xz").arg("-dkc").arg(packed).output().ok()?;
    output.status.success().then_some(output.stdout)
}

fn real(criterion: &mut Criterion) {
    let Some(bytes) = real_hive() else { return };
    let mut group = criterion.benchmark_group("real_hive");
    group.bench_function("open", |bencher| bencher.iter(|| black_box(Hive::open_dirty(&bytes).is_ok())));
    group.bench_function("check", |bencher| bencher.iter(|| black_box(check(&bytes).is_ok())));
    group.bench_function("edit", |bencher| {
        bencher.iter_batched(|| bytes.clone(), |bytes| Editor::open_dirty(bytes).is_ok(), BatchSize::LargeInput);
    });
    group.finish();
}

criterion_group!(benches, many, real);
criterion_main!(benches);

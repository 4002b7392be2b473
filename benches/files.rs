//! What it costs to look at many files of an image: 10,000 of 0.5 to 20 KB in 100 folders, one by one and at once.

use std::fs;
use std::hint::black_box;
use std::io;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use trueup::machine::Machine as _;
use trueup::machine::image::{DirtyHives, ImageMachine};
use trueup::model::file::{FilePath, MAX_FILE_BYTES};

const FOLDERS: usize = 100;
const FILES: usize = 10_000;

/// Makes the tree and names its files.
fn tree(folder: &Path) -> io::Result<Vec<FilePath>> {
    fs::create_dir_all(folder.join("Windows/System32/config"))?;
    let mut paths = Vec::with_capacity(FILES);
    for number in 0..FILES {
        let place = format!("Vendor/part{:03}", number % FOLDERS);
        fs::create_dir_all(folder.join(&place))?;
        let name = format!("{place}/file{number:05}.dat");
        let size = 512 + (number * 7919) % 19_968;
        let bytes: Vec<u8> = (0..size).map(|at| u8::try_from((at * 31 + number) % 251).unwrap_or_default()).collect();
        fs::write(folder.join(&name), bytes)?;
        paths.extend(FilePath::parse(&format!("C:/{name}")));
    }
    Ok(paths)
}

fn files(criterion: &mut Criterion) {
    let Ok(folder) = tempfile::tempdir() else { return };
    let Ok(paths) = tree(folder.path()) else { return };
    let other_case: Vec<FilePath> =
        paths.iter().flat_map(|path| FilePath::parse(&path.as_str().to_uppercase())).collect();
    let Ok(machine) = ImageMachine::open(folder.path(), DirtyHives::Refuse) else { return };
    let Ok(files) = machine.files() else { return };
    let mut group = criterion.benchmark_group("files");
    group.sample_size(10);
    for (name, paths) in [("as stored", &paths), ("in another case", &other_case)] {
        group.bench_function(BenchmarkId::new("digests", name), |bencher| {
            bencher.iter(|| black_box(files.digests(paths, MAX_FILE_BYTES)).len());
        });
    }
    group.bench_function(BenchmarkId::new("read", "as stored"), |bencher| {
        bencher.iter(|| paths.iter().filter(|path| black_box(files.read(path, MAX_FILE_BYTES)).is_ok()).count());
    });
    group.finish();
}

criterion_group!(benches, files);
criterion_main!(benches);

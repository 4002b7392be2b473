//! Many files of a machine at once: what is said of each is what is said of it alone, on an image as in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests are not seen as tests")]

use std::fs;
use std::path::Path;

use trueup::machine::image::{DirtyHives, ImageMachine};
use trueup::machine::{FileRead, FileReader, Listed, Machine as _};
use trueup::model::fact::Observed;
use trueup::model::file::{ContentDigest, FileDigest, FilePath};

/// A machine's files, asked one by one.
struct Alone<'m>(&'m dyn FileReader);

impl FileReader for Alone<'_> {
    fn read(&self, path: &FilePath, limit: u64) -> Observed<FileRead> {
        self.0.read(path, limit)
    }

    fn names(&self, path: &FilePath) -> Observed<Listed> {
        self.0.names(path)
    }
}

fn paths(names: &[&str]) -> Vec<FilePath> {
    names.iter().map(|name| FilePath::parse(name).unwrap()).collect()
}

fn image(folder: &Path) -> ImageMachine {
    fs::create_dir_all(folder.join("Windows/System32/config")).unwrap();
    ImageMachine::open(folder, DirtyHives::Refuse).unwrap()
}

#[test]
fn digests_of_an_image_are_those_of_each_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let machine = image(folder.path());
    fs::create_dir_all(folder.path().join("Program Files/Vendor/data")).unwrap();
    fs::write(folder.path().join("Program Files/Vendor/Small.ini"), "[a]\r\nk=1\r\n").unwrap();
    fs::write(folder.path().join("Program Files/Vendor/empty"), "").unwrap();
    fs::write(folder.path().join("Program Files/Vendor/data/large.bin"), vec![7; 700_000]).unwrap();
    fs::write(folder.path().join("Program Files/Vendor/data/too large.bin"), vec![7; 700_001]).unwrap();
    let asked = paths(&[
        r"C:\Program Files\Vendor\data\too large.bin",
        r"%ProgramFiles%\vendor\SMALL.INI",
        r"C:\Program Files\Vendor\empty",
        r"C:\Program Files\Vendor\data\large.bin",
        r"C:\Program Files\Vendor\data",
        r"C:\Program Files\Vendor\data\none",
        r"C:\Program Files\Vendor\none\none\none",
        r"C:\ProgramData\trueup\none\x",
        r"C:\",
        r"C:\Program Files\Vendor\empty\x",
        r"D:\x",
        r"%Elsewhere%\x",
        r"C:\Windows\con",
        r"%ProgramFiles%\vendor\SMALL.INI",
    ]);
    let files = machine.files().unwrap();
    let found = files.digests(&asked, 700_000);
    assert_eq!(found, Alone(files).digests(&asked, 700_000));
    let small = found[1].clone().unwrap();
    let expected = "c95f2c5a1bebfc5794791be9d47977b3487596da81be0ab0101adac63fa71917";
    assert_eq!(
        small,
        FileDigest::File { size: 10, sha256: ContentDigest::parse(expected).unwrap(), owner_only: Some(false) }
    );
    let kinds = found.iter().map(|answer| match answer {
        Ok(FileDigest::File { size, .. }) => format!("{size} bytes"),
        Ok(other) => format!("{other:?}"),
        Err(unread) => unread.to_string(),
    });
    insta::assert_snapshot!(kinds.collect::<Vec<_>>().join("\n"), @r#"
    cannot read C:\Program Files\Vendor\data\too large.bin: Program Files\Vendor\data\too large.bin is larger than the limit of 700000 bytes
    10 bytes
    0 bytes
    700000 bytes
    Folder
    Absent { missing_folders: 0 }
    Absent { missing_folders: 2 }
    Absent { missing_folders: 1 }
    Folder
    cannot read C:\Program Files\Vendor\empty\x: Program Files\Vendor\empty is not a folder
    an image cannot answer for files: D:\x: the path is on drive D:, the volume is drive C:
    an image cannot answer for files: %Elsewhere%\x: %Elsewhere% is not a folder of the system that an offline volume has
    cannot read C:\Windows\con: the name "con" is reserved or ends in a dot or blank
    10 bytes
    "#);
}

#[test]
fn digests_tell_contents_apart_and_read_back() {
    let digest = ContentDigest::of(b"abc");
    let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest.to_string(), text);
    let file = FileDigest::File { size: 3, sha256: digest, owner_only: None };
    let json = serde_json::to_string(&file).unwrap();
    assert_eq!(json, format!(r#"{{"file":{{"size":3,"sha256":"{text}"}}}}"#));
    assert_eq!(serde_json::from_str::<FileDigest>(&json).unwrap(), file);
    assert_eq!(ContentDigest::parse("ba78"), None);
}

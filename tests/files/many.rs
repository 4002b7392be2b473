//! Many files of a machine at once: what is said of each is what is said of it alone, on an image as in memory.

use std::fs;
use std::path::Path;

use trueup::machine::image::{DirtyHives, ImageMachine};
use trueup::machine::{FileRead, FileReader, Listed, Machine as _};
use trueup::model::fact::Observed;
use trueup::model::file::{ContentDigest, FileDigest, FilePath};
use trueup::model::file_tree::{Tree, TreeLimits};

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
    D:\x: the path is on drive D:, the volume is drive C:
    %Elsewhere%\x: %Elsewhere% is not a folder of the system that an offline volume has
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

fn small(entries: usize, depth: usize) -> TreeLimits {
    TreeLimits { entries, depth }
}

fn shown(tree: &Tree) -> String {
    match tree {
        Tree::Folder(entries) => {
            entries.iter().map(|entry| format!("{:?} {}", entry.kind, entry.path)).collect::<Vec<_>>().join("\n")
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn a_tree_is_sorted_and_links_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let machine = image(folder.path());
    let root = folder.path().join("Vendor");
    for name in ["b/x/y", "a/b", "b/X", "B-side", ".hidden", "\u{e4}"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    for name in ["a/b/f", "b.txt", "b/x/f", "C", ".trueup-0123456789abcdef.tmp"] {
        fs::write(root.join(name), name).unwrap();
    }
    let files = machine.files().unwrap();
    let vendor = FilePath::parse(r"c:\VENDOR").unwrap();
    let tree = files.tree(&vendor, TreeLimits::default()).unwrap();
    insta::assert_snapshot!(shown(&tree), @r"
    Folder .hidden
    Folder a
    Folder a\b
    File a\b\f
    Folder b
    Folder b\X
    Folder b\x
    File b\x\f
    Folder b\x\y
    Folder B-side
    File b.txt
    File C
    Folder ä
    ");
    // Folders that differ in case only cannot be asked one by one.
    fs::remove_dir(root.join("b/X")).unwrap();
    let tree = files.tree(&vendor, TreeLimits::default()).unwrap();
    assert_eq!(Alone(files).tree(&vendor, TreeLimits::default()).unwrap(), tree);

    let Tree::Folder(entries) = &tree else { panic!("{tree:?}") };
    assert_eq!(files.tree(&vendor, small(entries.len(), 3)).unwrap(), tree);
    for (limits, problem) in [
        (small(entries.len() - 1, 3), "files and folders are below it"),
        (small(entries.len(), 2), "folders nest more than 2 deep below it"),
    ] {
        for files in [files, &Alone(files)] {
            let error = files.tree(&vendor, limits).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }
    for (name, expected) in [(r"C:\none\none", Tree::Absent { missing_folders: 1 }), (r"C:\Vendor\c", Tree::File)] {
        let path = FilePath::parse(name).unwrap();
        assert_eq!(files.tree(&path, TreeLimits::default()).unwrap(), expected);
        assert_eq!(Alone(files).tree(&path, TreeLimits::default()).unwrap(), expected);
    }
}

#[cfg(unix)]
#[test]
fn a_tree_leads_nowhere_else() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let machine = image(folder.path());
    let root = folder.path().join("Vendor");
    fs::create_dir_all(root.join("inside")).unwrap();
    symlink("/etc", root.join("etc")).unwrap();
    symlink(".", root.join("inside/loop")).unwrap();
    symlink("/etc/passwd", root.join("file")).unwrap();
    symlink("Vendor", folder.path().join("link")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    let files = machine.files().unwrap();
    let tree = |name: &str| files.tree(&FilePath::parse(name).unwrap(), TreeLimits::default());
    insta::assert_snapshot!(shown(&tree(r"C:\Vendor").unwrap()), @r"
    Link etc
    Link file
    Folder inside
    Link inside\loop
    Other pipe
    ");
    for name in [r"C:\link", r"C:\Vendor\etc", r"C:\Vendor\etc\x", r"C:\Vendor\inside\loop\inside"] {
        let error = tree(name).unwrap_err().to_string();
        assert!(error.contains("is a symbolic link"), "{error}");
    }
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"x\xff")), "").unwrap();
    let error = tree(r"C:\Vendor").unwrap_err().to_string();
    assert_eq!(error, "cannot read C:\\Vendor: the name of Vendor\\x\u{fffd} is not text");
}

//! A run on a volume with real hives, stopped at every write.

use trueup::apply::{Purpose, unfinished};
use trueup::machine::Machine;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::model::fact::KeyAspects;
use trueup::model::time::FileTime;

use super::laws::{finish, is_stopped};
use super::world::{applied, certificate, chain, desired, plan, private_key, start, store, take_back, told, try_apply};

/// A folder with all that lies in it, but for the record.
fn on_disk(folder: &std::path::Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut out = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_record = path.ends_with("ProgramData/trueup");
        if path.is_dir() && !is_record {
            out.extend(on_disk(&path));
        } else if path.is_file() && !path.components().any(|part| part.as_os_str() == "config") {
            out.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    out
}

fn copy_all(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

struct Image {
    folder: tempfile::TempDir,
    machine: ImageMachine,
}

impl Image {
    fn of(folder: tempfile::TempDir) -> Self {
        let machine = ImageMachine::open(folder.path(), DirtyHives::Refuse).unwrap();
        Self { folder, machine }
    }

    fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_all(self.folder.path(), folder.path());
        Self::of(folder)
    }

    /// Files by their place below the folder.
    fn files(&self) -> Vec<(std::path::PathBuf, Vec<u8>)> {
        let root = self.folder.path();
        on_disk(root).into_iter().map(|(path, bytes)| (path.strip_prefix(root).unwrap().to_owned(), bytes)).collect()
    }

    /// The store that the estate of this test uses.
    fn stored(&self) -> Vec<String> {
        let aspects = KeyAspects { tree: true, ..KeyAspects::default() };
        let answers = self.machine.registry().unwrap().read(&[(store(r"LocalMachine\CA"), aspects)]);
        let fact = answers.into_iter().next().unwrap().unwrap();
        let tree = fact.present().and_then(|fact| fact.tree.clone());
        let mut names: Vec<String> =
            tree.iter().flat_map(|tree| &tree.subkeys).map(|key| key.name.to_string()).collect();
        names.sort();
        names
    }
}

/// The same on a volume with real hives, whose files and hives are written one by one.
#[test]
fn a_run_on_an_image_can_be_finished_and_undone_wherever_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(start())).unwrap();
    let image = Image::of(folder);
    let text = r"
defaults: { certificate: { key: { algorithm: ecdsa }, keep_old: files } }
certificates:
  root:
    issuer: self
    ca: true
    subject: CN=Root
    valid_for: 10y
    store: [LocalMachine\CA]
    files: [{ path: 'C:\pki\root.key', form: key-pem }, { path: 'C:\pki\root.pem', form: certificate-pem }]
    crl: { path: 'C:\pki\root.crl' }
  asked:
    issuer: csr
    subject: CN=Asked
    files: [{ path: 'C:\pki\it.csr', form: csr }, { path: 'C:\pki\it.key', form: key-pem }]
";
    applied(&image.machine, &desired(text), start());
    let more = "  leaf:\n    issuer: root\n    subject: CN=Leaf\n    files: [{ path: 'C:\\leaf\\it.key', form: key-pem }, { path: 'C:\\leaf\\it.pem', form: fullchain-pem }]\n";
    let second = desired(&(text.replace("CN=Root", "CN=Root 2").replace("CN=Asked", "CN=Asked 2") + more));
    let (files, names) = (image.files(), image.stored());
    let whole = image.copy();
    let faulty = FaultyMachine::new(&whole.machine, Fault::Fail, 0);
    applied(&faulty, &second, start());
    let paths = |image: &Image| image.files().into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    let count = faulty.writes();
    assert!(count > 30, "{count}");
    for at in 1..=count {
        let fault = if at % 2 == 0 { Fault::StopBefore } else { Fault::StopAfter };
        let stopped = image.copy();
        let result = try_apply(&FaultyMachine::new(&stopped.machine, fault, at), &second, start());
        assert!(is_stopped(&result), "at {at} of {count}: {result:?}");
        let finished = stopped.copy();
        let Some(open) = unfinished(&stopped.machine).unwrap() else {
            applied(&finished.machine, &second, start());
            assert_eq!(paths(&finished), paths(&whole), "at {at} of {count}");
            continue;
        };
        let run = open.beginning.run;
        let report =
            finish(&finished.machine, &second, &run).unwrap_or_else(|error| panic!("at {at}: {}", chain(&error)));
        assert_eq!((report.failed(), report.skipped()), (0, 0), "at {at} of {count}");
        assert_eq!(paths(&finished), paths(&whole), "at {at} of {count}");
        let again = plan(&finished.machine, &second, start());
        assert!(!again.has_operations(), "at {at} of {count}: {:#?}", told(&again));
        for (name, above) in [(r"C:\pki\root", r"C:\pki\root.pem"), (r"C:\leaf\it", r"C:\pki\root.pem")] {
            let one = certificate(&finished.machine, &format!("{name}.pem"));
            assert!(one.matches_key(&private_key(&finished.machine, &format!("{name}.key"))), "at {at}: {name}");
            assert!(one.is_signed_by(&certificate(&finished.machine, above)).is_ok(), "at {at}: {name}");
        }
        let (_, report) = take_back(&stopped.machine, &run, Purpose::Undo { of: run.clone() }, start());
        let report = report.unwrap_or_else(|error| panic!("at {at}: {}", chain(&error)));
        assert_eq!((report.failed(), report.skipped(), report.left.blocked), (0, 0, 0), "at {at} of {count}");
        assert_eq!((stopped.files(), stopped.stored()), (files.clone(), names.clone()), "at {at} of {count}");
    }
}

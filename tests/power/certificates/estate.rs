//! The certificates and files that the power is cut over: how they are before the run, what the run changes, and when they are good.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempfile::TempDir;

use trueup::apply::{ApplyError, ApplyReport, Basis as _, DocumentBasis, SecretSource as _};
use trueup::document::Desired;
use trueup::formats::certificate_files::{pem, pfx, read_certificates};
use trueup::formats::certificate_store::StorePlace;
use trueup::formats::x509::{
    Authority, Certificate, Digest, DistinguishedName, KeyAlgorithm, KeyUsage, PrivateKey, Request, Signer, Template,
    issue,
};
use trueup::machine::Machine as _;
use trueup::machine::image::ImageMachine;
use trueup::model::fact::KeyAspects;
use trueup::model::own_name::is_temporary;
use trueup::model::secret::SecretReference;
use trueup::model::thumbprint::Thumbprint;
use trueup::plan::PlanOptions;

use super::super::world::{
    self, Content, HIVES, Left, RECORD, Tokens, as_of, copy, document, image, on_real_disk, options, run_with,
};

/// A root, a leaf with every sort of file, one that an authority elsewhere signs, and one whose key others may read.
const FIRST: &str = r"version: 1
defaults: { certificate: { key: { algorithm: ecdsa } } }
certificates:
  root:
    issuer: self
    ca: true
    subject: CN=Root
    valid_for: 10y
    store: [LocalMachine\Root]
    files:
      - { path: 'C:\pki\root.key', form: key-pem }
      - { path: 'C:\pki\root.pem', form: certificate-pem }
  leaf:
    issuer: root
    subject: CN=Leaf
    keep_old: files
    store: [LocalMachine\My]
    used_by: [rdp]
    files:
      - { path: 'C:\leaf\it.key', form: key-pem }
      - { path: 'C:\leaf\it.pem', form: fullchain-pem }
      - { path: 'C:\leaf\it.pfx', form: pfx, password: { env: PFX } }
      - { path: 'C:\leaf\it.txt', form: thumbprint }
  asked:
    issuer: { csr: { inbox: 'C:\inbox', trust: ['C:\trust\agency.pem'] } }
    subject: CN=asked.example
    files:
      - { path: 'C:\asked\it.csr', form: csr }
      - { path: 'C:\asked\it.key', form: key-pem }
      - { path: 'C:\asked\it.pem', form: fullchain-pem }
  apart:
    issuer: self
    subject: CN=Apart
    files:
      - { path: 'C:\apart\it.key', form: key-pem }
      - { path: 'C:\apart\it.pem', form: certificate-pem }
";

/// What stands in the leaf's entry before the file that is added to it.
const LAST: &str = "      - { path: 'C:\\leaf\\it.txt', form: thumbprint }\n";

/// Two files in two folders that are not there.
const ADDED: &str = r"      - { path: 'C:\new\leaf\it.cer', form: certificate-der }
      - { path: 'C:\new\leaf\it.key', form: key-pem }
";

/// The key that others may read before the run.
const OPEN_KEY: &str = "apart/it.key";
const OPEN: u32 = 0o644;
const PENDING_KEY: &str = "ProgramData/trueup/keys/asked.pending.pem";

/// What the run under test is for.
static SECOND: LazyLock<Desired> = LazyLock::new(|| {
    assert!(FIRST.contains("CN=Root\n") && FIRST.contains(LAST));
    document(&FIRST.replace("CN=Root\n", "CN=Root 2\n").replace(LAST, &format!("{LAST}{ADDED}")))
});

pub fn second() -> DocumentBasis<'static> {
    DocumentBasis { desired: &SECOND, options: PlanOptions::at(as_of()) }
}

/// The run under test.
pub fn run(machine: &ImageMachine) -> Result<ApplyReport, ApplyError> {
    run_with(machine, &second(), &world::now())
}

/// A volume on which the first document was applied; then an answer came, one key was opened to others, and so was a file that is none.
pub fn estate() -> TempDir {
    static ESTATE: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = image(Left::Clean);
        let root = folder.path();
        let agency = issued("CN=Agency", None);
        let agency_key = agency.1;
        put(root, "trust/agency.pem", pem::encode("CERTIFICATE", &agency.0).as_bytes());
        fs::create_dir(root.join("inbox")).unwrap();
        let first = document(FIRST);
        let basis = DocumentBasis { desired: &first, options: PlanOptions::at(as_of()) };
        let at = as_of() + jiff::SignedDuration::from_secs(30);
        let report = run_with(&on_real_disk(root), &basis, &options(at)).unwrap();
        assert!(report.is_complete(), "{report:#?}");
        let request = pem::decode(&fs::read_to_string(root.join("asked/it.csr")).unwrap()).unwrap();
        let request = Request::parse(&request[0].der).unwrap();
        let authority = Certificate::parse(&agency.0).unwrap();
        let signer = Signer::Authority { certificate: &authority, key: &agency_key };
        let usage = request.key_usage().unwrap_or_default();
        let says = Template { key_usage: usage, extended: request.extended().to_vec(), ..says("CN=asked.example") };
        let answer = issue(&says, request.public_key(), [9; 16], signer).unwrap();
        put(root, "inbox/answer.cer", &answer);
        for (name, mode) in [(OPEN_KEY, OPEN), ("leaf/it.txt", 0o640), ("pki/root.pem", 0o664)] {
            fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        folder
    });
    copy(ESTATE.path())
}

fn put(root: &Path, name: &str, bytes: &[u8]) {
    let file = root.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, bytes).unwrap();
}

fn says(subject: &str) -> Template {
    const DAY: i64 = 86_400;
    Template {
        subject: DistinguishedName::parse(subject).unwrap(),
        names: Vec::new(),
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
        extended: Vec::new(),
        authority: None,
        not_before: as_of() - jiff::SignedDuration::from_secs(DAY),
        not_after: as_of() + jiff::SignedDuration::from_secs(300 * DAY),
        digest: Digest::Sha256,
        crl_urls: Vec::new(),
    }
}

fn issued(subject: &str, key: Option<PrivateKey>) -> (Vec<u8>, PrivateKey) {
    let key = key.unwrap_or_else(|| PrivateKey::generate(&KeyAlgorithm::EcdsaP256).unwrap());
    let template = Template {
        key_usage: KeyUsage::CERTIFICATE_SIGN | KeyUsage::CRL_SIGN,
        authority: Some(Authority { path_length: None }),
        ..says(subject)
    };
    (issue(&template, key.public_key(), [7; 16], Signer::Itself(&key)).unwrap(), key)
}

/// A file: its mode and its bytes.
pub type File = (u32, Vec<u8>);

/// What lies on a volume, hives aside: of trueup's own folder the keys that are kept there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tree {
    pub files: BTreeMap<PathBuf, File>,
    pub folders: BTreeSet<PathBuf>,
    /// What replacements left that were cut, in trueup's folder, too.
    pub temporary: BTreeMap<PathBuf, File>,
    /// All else in trueup's folder.
    pub own: BTreeMap<PathBuf, File>,
}

impl Tree {
    pub fn of(root: &Path) -> Self {
        let mut tree = Self::default();
        tree.add(root, root);
        tree
    }

    fn add(&mut self, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            let is_own = name.starts_with(RECORD) && !name.starts_with(Path::new(RECORD).join("keys"));
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                if !is_own {
                    self.folders.insert(name);
                }
                self.add(root, &path);
                continue;
            }
            if HIVES.iter().any(|hive| name == Path::new(hive)) {
                continue;
            }
            let file = (metadata.permissions().mode() & 0o7777, fs::read(&path).unwrap());
            let files = match () {
                () if is_temporary(&entry.file_name().to_string_lossy()) => &mut self.temporary,
                () if is_own => &mut self.own,
                () => &mut self.files,
            };
            files.insert(name, file);
        }
    }

    /// How many files wait below trueup's folder of what runs made.
    pub fn made(&self) -> usize {
        let is_made = |path: &&PathBuf| path.starts_with(Path::new(RECORD).join("made"));
        self.own.keys().chain(self.temporary.keys()).filter(is_made).count()
    }

    /// A key that others could read stays closed to them when the run is undone: its bytes were not the run's to change.
    pub fn with_open_key(mut self) -> Self {
        if let Some(file) = self.files.get_mut(Path::new(OPEN_KEY)) {
            file.0 = OPEN;
        }
        self
    }

    /// Where it differs, but for what cut replacements left and for the record; of files that are `is_salted` the bytes are not compared.
    fn differs(&self, other: &Self, is_salted: fn(&Path) -> bool) -> Option<String> {
        let paths = self.files.keys().chain(other.files.keys());
        let path = paths.into_iter().find(|path| match (self.files.get(*path), other.files.get(*path)) {
            (Some(a), Some(b)) if is_salted(path) => a.0 != b.0,
            (a, b) => a != b,
        });
        let folder = self.folders.symmetric_difference(&other.folders).next();
        path.map(|path| {
            let mode =
                |tree: &Self| tree.files.get(path).map(|(mode, bytes)| format!("{mode:o}, {} bytes", bytes.len()));
            format!("{}: {:?} and {:?}", path.display(), mode(self), mode(other))
        })
        .or_else(|| folder.map(|folder| format!("the folder {}", folder.display())))
    }
}

/// Whether a file holds a private key.
pub fn is_secret(path: &Path) -> bool {
    let name = path.to_string_lossy();
    [".key", ".pfx", ".pending."].iter().any(|part| name.contains(part))
}

/// An end of the run that nothing disturbed.
pub struct End {
    pub tree: Tree,
    pub hives: world::Bytes,
    pub content: Content,
    pub record: String,
}

impl End {
    pub fn of(folder: &Path) -> Self {
        Self {
            tree: Tree::of(folder),
            hives: world::bytes(folder),
            content: world::content(folder),
            record: world::record(folder),
        }
    }

    /// Whether a volume is at this end, byte for byte.
    pub fn is_reached(&self, folder: &Path) -> Result<(), String> {
        self.is_like(folder, Tree::of(folder), |_| false)
    }

    /// Whether a run that was undone has led here.
    pub fn is_undone(&self, folder: &Path) -> Result<(), String> {
        self.is_like(folder, Tree::of(folder).with_open_key(), |_| false)
    }

    /// Whether a run that was finished has led here: a PFX that is made again has another salt.
    pub fn is_finished(&self, folder: &Path) -> Result<(), String> {
        self.is_like(folder, Tree::of(folder), |path| path.ends_with("leaf/it.pfx"))
    }

    fn is_like(&self, folder: &Path, found: Tree, is_salted: fn(&Path) -> bool) -> Result<(), String> {
        if let Some(difference) = found.differs(&self.tree, is_salted) {
            return Err(difference);
        }
        let content = world::content(folder);
        let differences = world::differences(&content, &self.content);
        if !differences.is_empty() {
            return Err(format!("the hives differ: {differences:?}"));
        }
        if world::record(folder) != self.record {
            return Err("the record is another one".into());
        }
        Ok(())
    }
}

fn certificates(root: &Path, name: &str) -> Vec<Certificate> {
    let bytes = fs::read(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let ders = read_certificates(&bytes).unwrap();
    ders.iter().map(|der| Certificate::parse(der).unwrap()).collect()
}

fn key(root: &Path, name: &str) -> PrivateKey {
    PrivateKey::from_pem(&fs::read_to_string(root.join(name)).unwrap()).unwrap()
}

fn stored(machine: &ImageMachine, store: &str) -> Vec<String> {
    let place = StorePlace::parse(store).unwrap().registry_key().unwrap();
    let aspects = KeyAspects { tree: true, ..KeyAspects::default() };
    let answers = machine.registry().unwrap().read(&[(place, aspects)]);
    let fact = answers.into_iter().next().unwrap().unwrap();
    let tree = fact.present().and_then(|fact| fact.tree.clone());
    tree.iter().flat_map(|tree| &tree.subkeys).map(|key| key.name.to_string()).collect()
}

/// Every key fits its certificate, everything is signed by what lies beside it, all places speak of the same one, and nothing is left to do.
pub fn is_good(root: &Path) -> Result<(), String> {
    let machine = on_real_disk(root);
    let facts = second().facts(&machine, &Tokens).map_err(|error| error.to_string())?;
    let plan = second().plan(&facts).map_err(|error| error.to_string())?;
    if plan.has_operations() || plan.summary().blocked + plan.summary().pending > 0 {
        return Err(format!("there is still something to do: {:#?}", plan.operations().collect::<Vec<_>>()));
    }
    let of = |name: &str| certificates(root, name).remove(0);
    let (authority, leaf) = (of("pki/root.pem"), of("leaf/it.pem"));
    let mut wrong = Vec::new();
    let mut holds = |name: &'static str, what: bool| {
        if !what {
            wrong.push(name);
        }
    };
    holds("the root is the new one", authority.subject().to_string().contains("Root 2"));
    holds("the leaf is signed", leaf.is_signed_by(&authority).is_ok());
    holds("the chain", certificates(root, "leaf/it.pem").len() == 1);
    holds("the root's key", authority.matches_key(&key(root, "pki/root.key")));
    holds("the leaf's key", leaf.matches_key(&key(root, "leaf/it.key")));
    holds("the leaf's other key", leaf.matches_key(&key(root, "new/leaf/it.key")));
    holds("the leaf's other file", of("new/leaf/it.cer").der() == leaf.der());
    holds("what was asked for", of("asked/it.pem").matches_key(&key(root, "asked/it.key")));
    holds("it is signed", of("asked/it.pem").is_signed_by(&of("trust/agency.pem")).is_ok());
    holds("the pending key is gone", !root.join(PENDING_KEY).exists());
    holds("the one apart", of("apart/it.pem").matches_key(&key(root, "apart/it.key")));
    let password = Tokens.resolve(&SecretReference::Env("PFX".into())).unwrap();
    let opened = pfx::open(&fs::read(root.join("leaf/it.pfx")).unwrap(), &password).unwrap();
    holds("the PFX", opened.certificates[0] == **leaf.der());
    holds("the key in the PFX", leaf.matches_key(&PrivateKey::from_pkcs8(&opened.key.unwrap()).unwrap()));
    let print = Thumbprint::of(leaf.der()).to_string();
    let told = fs::read_to_string(root.join("leaf/it.txt")).unwrap();
    holds("the thumbprint", told.trim().eq_ignore_ascii_case(&print));
    holds("the store of the leaf", stored(&machine, r"LocalMachine\My") == [print]);
    holds("the root's store", stored(&machine, r"LocalMachine\Root") == [Thumbprint::of(authority.der()).to_string()]);
    let tree = Tree::of(root);
    for numbered in ["leaf/it.key.1", "leaf/it.pfx.1", "leaf/it.pem.1"] {
        holds("the numbered copies", tree.files.contains_key(Path::new(numbered)));
    }
    let is_open = |(path, file): (&PathBuf, &File)| is_secret(path) && file.0 & 0o077 != 0;
    holds("nobody else may read keys", !tree.files.iter().any(is_open));
    holds("what was made is forgotten", tree.made() == 0);
    if wrong.is_empty() { Ok(()) } else { Err(format!("{wrong:?}")) }
}

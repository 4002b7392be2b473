//! Certificate stores in an image as others read them: python-registry walks the hive, `stores/read.py` takes blobs apart,
//! openssl says what the certificates are. Without openssl these tests fail; a missing python-registry fails them in CI.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "functions beside the tests are not seen as tests"
)]

mod program;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use program::{AS_OF, Folder};
use serde::Deserialize;

const HIVE: &str = "demo/image/Windows/System32/config/SOFTWARE";
const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stores/read.py");
const LATER: &str = "2026-03-02T12:00:00Z";
const REG_BINARY: u32 = 3;
/// Numbers of properties, from `wincrypt.h`.
const SHA1: u32 = 3;
const FRIENDLY_NAME: u32 = 11;
const KEY_IDENTIFIER: u32 = 20;
const CERTIFICATE: u32 = 32;

const DOCUMENT: &str = r"
version: 1
defaults: { certificate: { key: { algorithm: ecdsa, curve: p256 } } }
certificates:
  root:
    issuer: self
    ca: true
    subject: 'CN=Wurzel Zürich, O=Example AG, C=CH'
    valid_for: 10y
    store: ['LocalMachine\Root']
    files:
      - { path: '%ProgramData%\pki\root.key', form: key-pem }
      - { path: '%ProgramData%\pki\root.pem', form: certificate-pem }
  web:
    issuer: root
    subject: 'CN=acs-srv01.corp.example'
    names: ['dns:acs-srv01.corp.example']
    friendly_name: 'Zutritt Büro 🔑'
    store: ['LocalMachine\My']
    files:
      - { path: '%ProgramData%\pki\web.key', form: key-pem }
      - { path: '%ProgramData%\pki\web.pem', form: certificate-pem }
";

/// What the reader prints.
#[derive(Deserialize)]
struct Seen {
    keys: BTreeMap<String, String>,
    stores: BTreeMap<String, BTreeMap<String, Element>>,
}

#[derive(Deserialize, Clone, Debug, PartialEq, Eq)]
struct Element {
    r#type: u32,
    /// Number and data, in the blob's order.
    blob: Vec<(u32, String)>,
}

impl Element {
    fn property(&self, wanted: u32) -> Option<Vec<u8>> {
        let found: Vec<_> = self.blob.iter().filter(|(number, _)| *number == wanted).collect();
        assert!(found.len() <= 1, "property {wanted} stands {} times", found.len());
        found.first().map(|(_, data)| bytes_of(data))
    }

    fn friendly_name(&self) -> Option<String> {
        let units = self.property(FRIENDLY_NAME)?;
        let units: Vec<u16> = units.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let (end, name) = units.split_last().expect("it has its NUL");
        assert_eq!(*end, 0);
        Some(String::from_utf16(name).expect("it is UTF-16"))
    }
}

impl Seen {
    /// The only certificate of a store, with the name of its key.
    fn only(&self, store: &str) -> (&str, &Element) {
        let elements = &self.stores[store];
        assert_eq!(elements.len(), 1, "{store}: {:?}", elements.keys());
        elements.first_key_value().map(|(name, element)| (name.as_str(), element)).unwrap()
    }

    /// The paths of keys that came, went, or hold something else than before.
    fn changes(&self, before: &Self) -> Vec<String> {
        let mut paths: Vec<&String> = self.keys.keys().chain(before.keys.keys()).collect();
        paths.sort();
        paths.dedup();
        paths.into_iter().filter(|path| self.keys.get(*path) != before.keys.get(*path)).cloned().collect()
    }
}

/// What openssl says of a certificate.
struct Said {
    der: Vec<u8>,
    /// SHA-1, as Windows names keys.
    fingerprint: String,
    key_identifier: Vec<u8>,
}

#[test]
fn a_store_in_an_image_is_read_back_by_others() {
    let folder = Folder::new();
    folder.run(&["demo", "demo", "--only-make"]).exits(0);
    let Some(fresh) = seen(&folder) else { return };
    assert!(fresh.stores.values().all(BTreeMap::is_empty), "the sample's stores are empty");

    apply(&folder, DOCUMENT, AS_OF);
    let [root, web] = ["root", "web"].map(|name| said(&folder.path(&format!("demo/image/ProgramData/pki/{name}.pem"))));
    let made = seen(&folder).unwrap();
    assert_eq!(made.changes(&fresh), [key("My", &web), key("Root", &root)]);
    is_stored(&made, "Root", &root, None);
    is_stored(&made, "My", &web, Some("Zutritt Büro 🔑"));
    is_sound(&folder);

    // The repair of a name touches one value, and in it one property.
    let renamed = DOCUMENT.replace("Zutritt Büro 🔑", "Tür");
    apply(&folder, &renamed, LATER);
    let repaired = seen(&folder).unwrap();
    assert_eq!(repaired.changes(&made), [key("My", &web)]);
    is_stored(&repaired, "My", &web, Some("Tür"));
    let others = |seen: &Seen| {
        let mut others = seen.only("My").1.blob.clone();
        others.retain(|(number, _)| *number != FRIENDLY_NAME);
        others
    };
    assert_eq!(others(&repaired), others(&made));
    is_sound(&folder);

    let foreign = foreign(&folder);
    let pem: String = folder.text("foreign.pem").lines().map(|line| format!("          {line}\n")).collect();
    let partners = "  partners:\n    store: ['LocalMachine\\TrustedPeople']\n    issuer:\n      bundle:\n        - |\n";
    let bundle = format!("{renamed}{partners}{pem}");
    apply(&folder, &bundle, LATER);
    let trusting = seen(&folder).unwrap();
    assert_eq!(trusting.changes(&repaired), [key("TrustedPeople", &foreign)]);
    is_stored(&trusting, "TrustedPeople", &foreign, None);

    let without = "
version: 1
certificates:
  web: { ensure: absent, subject: 'CN=acs-srv01.corp.example', store: ['LocalMachine\\My'] }
";
    apply(&folder, without, LATER);
    let removed = seen(&folder).unwrap();
    assert_eq!(removed.changes(&trusting), [key("My", &web)]);
    assert!(removed.stores["My"].is_empty(), "{:?}", removed.stores["My"]);
    is_stored(&removed, "Root", &root, None);
    is_stored(&removed, "TrustedPeople", &foreign, None);
    is_sound(&folder);
}

/// Holds the only certificate of a store against what openssl says of it.
#[track_caller]
fn is_stored(seen: &Seen, store: &str, said: &Said, friendly_name: Option<&str>) {
    let (name, element) = seen.only(store);
    assert_eq!(name, said.fingerprint, "{store}");
    assert_eq!(element.r#type, REG_BINARY, "{store}");
    assert!(element.property(CERTIFICATE).is_some_and(|der| der == said.der), "{store}: another certificate");
    assert_eq!(element.blob.last().map(|(number, _)| *number), Some(CERTIFICATE), "{store}: the certificate is last");
    assert_eq!(element.property(SHA1).map(|hash| hex(&hash)).as_deref(), Some(name), "{store}");
    assert_eq!(element.property(KEY_IDENTIFIER).as_ref(), Some(&said.key_identifier), "{store}");
    assert_eq!(element.friendly_name().as_deref(), friendly_name, "{store}");
}

fn key(store: &str, said: &Said) -> String {
    format!(r"\Microsoft\SystemCertificates\{store}\Certificates\{}", said.fingerprint)
}

/// Applies a document to the image; afterwards nothing is left to do.
#[track_caller]
fn apply(folder: &Folder, document: &str, as_of: &str) {
    folder.write("pki.yaml", document.trim_start());
    let arguments = ["pki.yaml", "-m", "image:demo/image", "--as-of", as_of];
    folder.run(&[&["apply"], &arguments[..], &["--auto-approve"]].concat()).exits(0);
    let run = folder.run(&[&["plan"], &arguments[..], &["--detailed-exitcode"]].concat());
    assert!(run.stdout.contains("Plan: 0 to add, 0 to change, 0 to remove, 0 to replace"), "{}", run.stdout);
}

/// A certificate that openssl makes itself, with text beyond ASCII in its subject.
fn foreign(folder: &Folder) -> Said {
    let (key, pem) = (folder.path("foreign.key"), folder.path("foreign.pem"));
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-utf8",
        "-days",
        "30",
        "-subj",
        "/O=Größe AG/CN=π",
    ]);
    let output = command.arg("-keyout").arg(key).arg("-out").arg(&pem).output().expect("openssl runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    said(&pem)
}

fn said(pem: &Path) -> Said {
    let openssl = |more: &[&str]| {
        let output = Command::new("openssl").args(["x509", "-in"]).arg(pem).args(more).output().expect("openssl runs");
        assert!(output.status.success(), "{}: {}", pem.display(), String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let last = |more: &[&str]| {
        let text = String::from_utf8(openssl(more)).expect("it prints UTF-8");
        let last = text.lines().last().unwrap_or_default();
        last.rsplit('=').next().unwrap_or_default().trim().replace(':', "")
    };
    Said {
        der: openssl(&["-outform", "der"]),
        fingerprint: last(&["-noout", "-fingerprint", "-sha1"]),
        key_identifier: bytes_of(&last(&["-noout", "-ext", "subjectKeyIdentifier"])),
    }
}

/// What the independent reader sees in the image; none, loudly, where it isn't at hand, and never in CI.
fn seen(folder: &Folder) -> Option<Seen> {
    // The one on the PATH: `./test` puts the environment that it made first.
    let python = |arguments: &[&str]| Command::new("python3").args(arguments).arg(folder.path(HIVE)).output();
    if !python(&["-c", "from Registry import Registry"]).is_ok_and(|output| output.status.success()) {
        let in_ci = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false" && value != "0");
        assert!(!in_ci, "python-registry is missing; CI must have it");
        println!("skipped: python-registry is not at hand");
        return None;
    }
    let output = python(&[READER]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("it prints JSON"))
}

/// Has the strict checker look at the hive, where it is at hand.
#[track_caller]
fn is_sound(folder: &Folder) {
    let checker: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/regf_strict.py");
    if !checker.exists() {
        println!("skipped: {} is not there", checker.display());
        return;
    }
    let output = Command::new("python3").arg("-B").arg(&checker).arg(folder.path(HIVE)).output().expect("python3 runs");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && report.contains(" errs 0 "), "{report}");
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("it is hexadecimal")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

//! What the real openssl says of what was applied. Without openssl the tests fail.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::model::time::FileTime;

use super::world::{PASSWORD, applied, certificates, desired, plan, start, told};

/// A folder for one test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// What openssl says, on both its outputs.
    pub fn openssl(&self, arguments: &str) -> String {
        let (is_good, said) = run(self.0.path(), arguments);
        assert!(is_good, "openssl {arguments}\n{said}");
        said
    }

    /// What openssl says when it fails.
    pub fn openssl_fails(&self, arguments: &str) -> String {
        let (is_good, said) = run(self.0.path(), arguments);
        assert!(!is_good, "openssl {arguments}\n{said}");
        said
    }
}

fn run(folder: &Path, arguments: &str) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.current_dir(folder).env_remove("OPENSSL_CONF").args(arguments.split(' '));
    let output = command.output().expect("openssl is installed");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}

/// An offline volume with the sample server on it.
struct Image {
    folder: TempDir,
    machine: ImageMachine,
}

impl Image {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(start())).unwrap();
        let machine = ImageMachine::open(folder.path(), DirtyHives::Refuse).unwrap();
        Self { folder, machine }
    }

    fn apply(&self, text: &str, at: jiff::Timestamp) {
        let desired = desired(text);
        applied(&self.machine, &desired, at);
        let again = plan(&self.machine, &desired, at);
        assert!(!again.has_operations(), "{:#?}", told(&again));
    }

    /// Copies files of the folder `C:\pki`, as they lie on the disk, for openssl to read.
    fn copies(&self, names: &[&str], to: &Folder) {
        for name in names {
            to.write(name, std::fs::read(self.folder.path().join("pki").join(name)).unwrap());
        }
    }
}

/// openssl looks at its own clock.
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

const ESTATE: &str = r"
defaults: { certificate: { key: { algorithm: ecdsa } } }
certificates:
  root:
    issuer: self
    ca: true
    subject: 'CN=Root,O=Example'
    valid_for: 10y
    store: [LocalMachine\Root]
    files: [{ path: 'C:\pki\root.key', form: key-pem }, { path: 'C:\pki\root.pem', form: certificate-pem }]
    crl: { path: 'C:\pki\root.crl.pem' }
  issuing:
    issuer: root
    ca: { path_length: 0 }
    subject: 'CN=Issuing,O=Example'
    valid_for: 3y
    store: [LocalMachine\CA]
    files: [{ path: 'C:\pki\issuing.key', form: key-pem }, { path: 'C:\pki\issuing.pem', form: certificate-pem }]
    crl: { path: 'C:\pki\issuing.crl.pem' }
  server:
    issuer: issuing
    subject: CN=server.example
    names: [dns:server.example, ip:127.0.0.1]
    usage: [server]
    store: [LocalMachine\My]
    files:
      - { path: 'C:\pki\server.key', form: key-pem }
      - { path: 'C:\pki\server.pem', form: fullchain-pem }
      - { path: 'C:\pki\server.pfx', form: pfx, password: { env: PFX } }
      - { path: 'C:\pki\server.p7b', form: p7b }
  client:
    issuer: issuing
    subject: CN=client
    usage: [client]
    files:
      - { path: 'C:\pki\client.key', form: key-pem }
      - { path: 'C:\pki\client.pem', form: fullchain-pem }
";

const FILES: [&str; 10] = [
    "root.pem",
    "root.crl.pem",
    "issuing.pem",
    "issuing.crl.pem",
    "server.key",
    "server.pem",
    "server.pfx",
    "server.p7b",
    "client.key",
    "client.pem",
];

/// What lies on the disk of an image on which the estate has been applied.
fn on_disk(image: &Image) -> Folder {
    let folder = Folder::new();
    image.copies(&FILES, &folder);
    let lists = [folder.read("root.crl.pem"), folder.read("issuing.crl.pem")].concat();
    folder.write("lists.pem", lists);
    folder
}

fn verifies(folder: &Folder) {
    folder.openssl("verify -x509_strict -purpose crlsign -CAfile root.pem root.pem");
    folder.openssl("verify -x509_strict -crl_check_all -CRLfile lists.pem -CAfile root.pem issuing.pem");
    for (purpose, leaf) in [("sslserver", "server.pem"), ("sslclient", "client.pem")] {
        let chain = "-crl_check_all -CRLfile lists.pem -CAfile root.pem -untrusted issuing.pem";
        folder.openssl(&format!("verify -x509_strict -purpose {purpose} {chain} {leaf}"));
    }
    let host = "-verify_hostname server.example -verify_ip 127.0.0.1";
    folder.openssl(&format!("verify -x509_strict {host} -CAfile root.pem -untrusted issuing.pem server.pem"));
    folder.openssl_fails("verify -verify_hostname other.example -CAfile root.pem -untrusted issuing.pem server.pem");
    folder.openssl_fails("verify -purpose sslserver -CAfile root.pem -untrusted issuing.pem client.pem");
    for list in ["root", "issuing"] {
        folder.openssl(&format!("crl -in {list}.crl.pem -noout -CAfile {list}.pem -verify"));
    }
}

#[test]
fn what_lies_on_an_image_is_good_before_and_after_a_ripple() {
    let image = Image::new();
    image.apply(ESTATE, now());
    let before = on_disk(&image);
    verifies(&before);
    let serial = |folder: &Folder, file: &str| folder.openssl(&format!("x509 -in {file} -noout -serial"));
    before.write("word", PASSWORD);
    let opened = before.openssl("pkcs12 -in server.pfx -passin file:word -noenc");
    assert_eq!(opened.matches("BEGIN CERTIFICATE").count(), 3);
    assert!(opened.contains("BEGIN PRIVATE KEY"));
    let bag = before.openssl("pkcs7 -inform DER -in server.p7b -print_certs");
    assert_eq!(bag.matches("BEGIN CERTIFICATE").count(), 3);

    image.apply(&ESTATE.replace("CN=Root,", "CN=Root 2,"), now());
    let after = on_disk(&image);
    verifies(&after);
    for file in ["root.pem", "issuing.pem", "server.pem", "client.pem"] {
        assert_ne!(serial(&before, file), serial(&after, file), "{file}");
    }
    after.write("old.pem", before.read("client.pem"));
    after.openssl_fails("verify -CAfile root.pem -untrusted issuing.pem old.pem");

    // A leaf that its authority declares void is void for openssl until the next one is there.
    let void = serial(&after, "client.pem").trim().trim_start_matches("serial=").to_owned();
    let voided = r"crl: { path: 'C:\pki\issuing.crl.pem', revoked: [{ serial: '@', since: 2026-01-01 }] }";
    let text = ESTATE.replace("CN=Root,", "CN=Root 2,");
    let text = text.replace(r"crl: { path: 'C:\pki\issuing.crl.pem' }", &voided.replace('@', &void));
    image.apply(&text, now());
    let last = on_disk(&image);
    verifies(&last);
    last.write("void.pem", after.read("client.pem"));
    let said =
        last.openssl_fails("verify -crl_check -CRLfile lists.pem -CAfile root.pem -untrusted issuing.pem void.pem");
    assert!(said.contains("certificate revoked"), "{said}");
    assert_ne!(serial(&after, "client.pem"), serial(&last, "client.pem"));
}

/// A server of openssl that lets one client in; ends with the test.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Folder, version: &str) -> Self {
        // The port was free a moment ago; nobody else is given it so soon.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let arguments = format!(
            "s_server -accept 127.0.0.1:{port} {version} -naccept 1 -cert server.pem -cert_chain server.pem -key server.key \
             -CAfile root.pem -Verify 2 -verify_return_error -x509_strict -crl_check -CRL issuing.crl.pem -rev"
        );
        let mut command = Command::new("openssl");
        command.current_dir(folder.0.path()).env_remove("OPENSSL_CONF").args(arguments.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("openssl is installed");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_ready = lines.any(|line| line.is_ok_and(|line| line.starts_with("ACCEPT")));
        assert!(is_ready, "the server of openssl does not listen");
        // What it says later is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.count());
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether a client comes through to the server, is shown its own text in reverse, and trusts what it is shown.
fn comes_through(server: &Folder, client: &Folder, version: &str) -> (bool, String) {
    let running = Server::start(server, version);
    let arguments = format!(
        "s_client -connect 127.0.0.1:{} {version} -CAfile root.pem -cert client.pem -cert_chain client.pem -key client.key \
         -verify 2 -verify_return_error -verify_hostname server.example -x509_strict -crl_check -CRL issuing.crl.pem -quiet",
        running.port
    );
    let mut command = Command::new("openssl");
    command.current_dir(client.0.path()).env_remove("OPENSSL_CONF").args(arguments.split_whitespace());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("openssl is installed");
    // A client that was refused does not read.
    drop(child.stdin.take().unwrap().write_all(b"trueup\nCLOSE\n"));
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (said.contains("pueurt"), said)
}

#[test]
fn both_sides_of_tls_trust_each_other_before_and_after_a_ripple_and_not_across() {
    let image = Image::new();
    image.apply(ESTATE, now());
    let before = on_disk(&image);
    image.apply(&ESTATE.replace("CN=Root,", "CN=Root 2,"), now());
    let after = on_disk(&image);
    for version in ["-tls1_2", "-tls1_3"] {
        for folder in [&before, &after] {
            let (is_through, said) = comes_through(folder, folder, version);
            assert!(is_through, "{version}: {said}");
        }
        // The server has moved on, and so has the client's trust; its certificate has not.
        let stale = Folder::new();
        for file in ["root.pem", "issuing.crl.pem"] {
            stale.write(file, after.read(file));
        }
        for file in ["client.pem", "client.key"] {
            stale.write(file, before.read(file));
        }
        let (is_through, said) = comes_through(&after, &stale, version);
        assert!(!is_through && said.contains("alert"), "{version}: {said}");
        let (is_through, said) = comes_through(&after, &before, version);
        assert!(!is_through && said.contains("verify"), "{version}: {said}");
    }
}

#[test]
fn openssl_signs_the_request_and_its_answer_is_installed() {
    let text = r"
certificates:
  web:
    issuer: { csr: { inbox: 'C:\inbox', trust: ['C:\trust\agency.pem'] } }
    subject: [{ C: CH }, { OU: DoD }, { OU: PKI }, { CN: web.example }]
    names: [dns:web.example, ip:10.0.0.5]
    usage: [server]
    key: { algorithm: ecdsa }
    store: [LocalMachine\My]
    files:
      - { path: 'C:\pki\web.csr', form: csr }
      - { path: 'C:\pki\web.key', form: key-pem }
      - { path: 'C:\pki\web.pem', form: fullchain-pem }
";
    let (image, agency) = (Image::new(), Folder::new());
    agency.openssl("req -x509 -newkey rsa:2048 -noenc -keyout ca.key -out ca.pem -subj /CN=Agency -days 3000");
    let put = |at: &str, bytes: &[u8]| {
        let at = image.folder.path().join(at);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, bytes).unwrap();
    };
    put("trust/agency.pem", &agency.read("ca.pem"));
    image.apply(text, now());
    assert!(!image.folder.path().join("pki/web.key").exists());
    image.copies(&["web.csr"], &agency);
    agency.openssl("req -in web.csr -noout -verify");
    let subject = agency.openssl("req -in web.csr -noout -subject -nameopt RFC2253");
    assert_eq!(subject.trim(), "subject=CN=web.example,OU=PKI,OU=DoD,C=CH");
    agency.openssl("x509 -req -in web.csr -CA ca.pem -CAkey ca.key -days 300 -copy_extensions copyall -out web.cer");
    put("inbox/web.cer", &agency.read("web.cer"));
    image.apply(text, now());
    image.copies(&["web.key", "web.pem"], &agency);
    let of_key = agency.openssl("pkey -in web.key -pubout");
    assert_eq!(of_key, agency.openssl("x509 -in web.pem -noout -pubkey"));
    agency.openssl("verify -CAfile ca.pem -purpose sslserver -verify_hostname web.example -verify_ip 10.0.0.5 web.pem");
    assert_eq!(certificates(&image.machine, r"C:\pki\web.pem").len(), 1);
}

/// The parts of a subject in the order of a document, as YAML, and the same as openssl shows the bytes: a part's own attributes in
/// the order in which DER sorts them.
const SUBJECTS: [(&str, &str); 3] = [
    (
        "[{ OU: CONTRACTOR }, { OU: PKI }, { OU: DoD }, { O: U.S. Government }, { C: US }, { CN: J17-IC1 }]",
        "SET OU=CONTRACTOR SET OU=PKI SET OU=DoD SET O=U.S. Government SET C=US SET CN=J17-IC1",
    ),
    (
        "[{ CN: J17-IC1 }, { C: US }, { O: U.S. Government }, { OU: DoD }, { OU: PKI }, { OU: CONTRACTOR }]",
        "SET CN=J17-IC1 SET C=US SET O=U.S. Government SET OU=DoD SET OU=PKI SET OU=CONTRACTOR",
    ),
    (
        "[{ OU: DoD }, { OU: PKI, CN: J17-IC1 }, { C: US }, { OU: CONTRACTOR }, { STREET: '1', O: U.S. Government }, { OU: DoD }]",
        "SET OU=DoD SET OU=PKI CN=J17-IC1 SET C=US SET OU=CONTRACTOR SET street=1 O=U.S. Government SET OU=DoD",
    ),
];

/// The first name in what `asn1parse` shows that is followed by a public key, or the only one.
fn subject_in(said: &str) -> String {
    let mut parts = Vec::new();
    let mut kind = String::new();
    for line in said.lines() {
        let value = || line.rsplit_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default();
        if line.contains("cons: SET") {
            parts.push("SET".to_owned());
        } else if line.contains("prim: OBJECT") {
            kind = match value().as_str() {
                "commonName" => "CN".into(),
                "organizationalUnitName" => "OU".into(),
                "organizationName" => "O".into(),
                "countryName" => "C".into(),
                "streetAddress" => "street".into(),
                other => other.to_owned(),
            };
            if kind == "id-ecPublicKey" {
                break;
            }
        } else if line.contains("STRING") && parts.last().is_some() {
            parts.push(format!("{kind}={}", value()));
        }
    }
    parts.join(" ")
}

#[test]
fn the_order_of_the_subject_is_that_of_the_document() {
    for (subject, expected) in SUBJECTS {
        let text = format!(
            r"
certificates:
  own:
    issuer: self
    subject: {subject}
    key: {{ algorithm: ecdsa }}
    files: [{{ path: 'C:\pki\own.key', form: key-pem }}, {{ path: 'C:\pki\own.cer', form: certificate-der }}]
  asked:
    issuer: csr
    subject: {subject}
    key: {{ algorithm: ecdsa }}
    files: [{{ path: 'C:\pki\it.csr', form: csr }}, {{ path: 'C:\pki\it.key', form: key-pem }}]
"
        );
        let (image, folder) = (Image::new(), Folder::new());
        image.apply(&text, start());
        image.copies(&["own.cer", "it.csr"], &folder);
        assert_eq!(subject_in(&folder.openssl("asn1parse -in it.csr")), expected);
        // As issuer and as subject.
        let twice = format!("{0} {0}", expected);
        assert_eq!(subject_in(&folder.openssl("asn1parse -inform DER -in own.cer")), twice);
    }
}

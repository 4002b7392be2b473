//! The table of certificates: where they are, who uses them, how long they last; from a volume whose certificates have fixed
//! bytes, since Ed25519 signs without chance.

use trueup::formats::certificate_files::{FileForm, Material, write};
use trueup::formats::certificate_store::{KeyProvider, StoreBlob};
use trueup::formats::x509::{
    AlternativeName, Authority, Certificate, Digest, DistinguishedName, ExtendedUsage, KeyUsage, PrivateKey, Signer,
    Template, issue,
};
use trueup::model::thumbprint::Thumbprint;

use super::transcript::{SOFTWARE, SYSTEM, Session, meddle, sample_folder};
use crate::program::{AS_OF, Folder, Run, changes};

const USER: &str = "image/Users/svc-acs/NTUSER.DAT";
const MACHINE: [&str; 2] = ["Microsoft", "SystemCertificates"];
const REG_SZ: u32 = 1;
const REG_BINARY: u32 = 3;

/// A key that is the same in every run.
fn key(seed: u8) -> (PrivateKey, Vec<u8>) {
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let der = [&head[..], &[seed; 32]].concat();
    (PrivateKey::from_pkcs8(&der).unwrap(), der)
}

fn template(subject: &str, until: &str) -> Template {
    Template {
        subject: DistinguishedName::parse(subject).unwrap(),
        names: Vec::new(),
        key_usage: KeyUsage::of_name("digital_signature").unwrap(),
        extended: vec![ExtendedUsage::Server],
        authority: None,
        not_before: "2025-01-01T00:00:00Z".parse().unwrap(),
        not_after: until.parse().unwrap(),
        digest: Digest::Sha256,
        crl_urls: Vec::new(),
    }
}

/// The authority of this volume.
fn root() -> Vec<u8> {
    let (key, _) = key(1);
    let root = Template {
        key_usage: KeyUsage::CERTIFICATE_SIGN,
        extended: Vec::new(),
        authority: Some(Authority { path_length: None }),
        ..template("CN=Example Root,O=Example AG", "2035-01-01T00:00:00Z")
    };
    issue(&root, key.public_key(), [1; 16], Signer::Itself(&key)).unwrap()
}

/// A certificate that the authority of this volume signs.
fn signed(seed: u8, subject: &str, until: &str) -> Vec<u8> {
    let (authority, certificate) = (key(1).0, Certificate::parse(&root()).unwrap());
    let signer = Signer::Authority { certificate: &certificate, key: &authority };
    let name = AlternativeName::parse("dns:srv.example").unwrap();
    let template = Template { names: vec![name], ..template(subject, until) };
    issue(&template, key(seed).0.public_key(), [seed; 16], signer).unwrap()
}

fn expired() -> Vec<u8> {
    signed(2, "CN=old.example", "2026-01-29T12:00:00Z")
}

fn soon() -> Vec<u8> {
    signed(3, "CN=web.example,O=Größe AG", "2026-03-13T12:00:00Z")
}

fn plant(folder: &Folder, hive: &str, stores: &[&str], store: &str, blob: &StoreBlob) {
    let thumbprint = blob.thumbprint().to_string();
    let path = [stores, &[store, "Certificates", &thumbprint]].concat();
    meddle(folder, hive, &path, "Blob", REG_BINARY, &blob.to_bytes());
}

fn blob(der: &[u8]) -> StoreBlob {
    StoreBlob::new(der, &[])
}

fn with_key(der: &[u8]) -> StoreBlob {
    let provider = KeyProvider {
        container: "acs".into(),
        provider: "Microsoft Software Key Storage Provider".into(),
        provider_type: 0,
        flags: 0x20,
        key_spec: 0,
    };
    blob(der).with_key_provider(Some(&provider))
}

fn thumbprint(der: &[u8]) -> Vec<u8> {
    Thumbprint::of(der).bytes().to_vec()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// A volume with certificates in stores of every sort, and with what uses them.
fn sample() -> Folder {
    let folder = sample_folder();
    plant(&folder, SOFTWARE, &MACHINE, "My", &with_key(&expired()));
    plant(&folder, SOFTWARE, &MACHINE, "My", &with_key(&soon()).with_friendly_name(Some("ACS web")));
    plant(&folder, SOFTWARE, &MACHINE, "WebHosting", &blob(&soon()));
    plant(&folder, SOFTWARE, &MACHINE, "Root", &blob(&root()));
    plant(&folder, SOFTWARE, &["Policies", "Microsoft", "SystemCertificates"], "Root", &blob(&root()));
    let later = signed(4, "CN=later.example", "2030-01-01T00:00:00Z");
    plant(&folder, SOFTWARE, &["Microsoft", "EnterpriseCertificates"], "NTAuth", &blob(&later));
    let service = ["Microsoft", "Cryptography", "Services", "NTDS", "SystemCertificates"];
    let ldap = signed(5, "CN=ldap.example", "2031-01-01T00:00:00Z");
    plant(&folder, SOFTWARE, &service, "My", &blob(&ldap).with_property(19, Some(Vec::new())));
    let person = signed(6, "CN=person\u{1b}[2J,O=Größe AG", "2030-01-01T00:00:00Z");
    plant(&folder, USER, &["Software", "Microsoft", "SystemCertificates"], "TrustedPeople", &blob(&person));
    let broken = [&MACHINE[..], &["CA", "Certificates", "0123456789ABCDEF0123456789ABCDEF01234567"]].concat();
    meddle(&folder, SOFTWARE, &broken, "Blob", REG_BINARY, b"\x20\0\0\0\x01\0\0\0\xff\0\0\0no");
    let control = ["ControlSet001", "Control", "Terminal Server", "WinStations", "RDP-Tcp"];
    meddle(&folder, SYSTEM, &control, "SSLCertificateSHA1Hash", REG_BINARY, &thumbprint(&expired()));
    let http = |part, binding| ["ControlSet001", "Services", "HTTP", "Parameters", part, binding];
    meddle(&folder, SYSTEM, &http("SslBindingInfo", "0.0.0.0:443"), "SslCertHash", REG_BINARY, &thumbprint(&soon()));
    let by_name = http("SslSniBindingInfo", "web.example:443");
    meddle(&folder, SYSTEM, &by_name, "SslCertHash", REG_BINARY, &thumbprint(&soon()));
    let listener = ["Microsoft", "Windows", "CurrentVersion", "WSMAN", "Listener", "*+HTTPS"];
    let held = utf16(&Thumbprint::of(&later).to_string());
    meddle(&folder, SOFTWARE, &listener, "certThumbprint", REG_SZ, &held);
    let sql = ["Microsoft", "Microsoft SQL Server"];
    let names = [&sql[..], &["Instance Names", "SQL"]].concat();
    for (name, identifier, held) in [
        ("ONE", "MSSQL16.ONE", Thumbprint::of(&soon()).to_lower_hex()),
        ("NONE", "MSSQL16.NONE", String::new()),
        ("ODD", "MSSQL16.ODD", "none".to_owned()),
    ] {
        meddle(&folder, SOFTWARE, &names, name, REG_SZ, &utf16(identifier));
        let instance = [&sql[..], &[identifier, "MSSQLServer", "SuperSocketNetLib"]].concat();
        meddle(&folder, SOFTWARE, &instance, "Certificate", REG_SZ, &utf16(&held));
    }
    folder
}

fn run(folder: &Folder, more: &[&str]) -> Run {
    folder.run(&[&["certificates", "-m", "image:image", "--as-of", AS_OF], more].concat())
}

/// The certificate of a subject.
fn of<'j>(json: &'j serde_json::Value, subject: &str) -> &'j serde_json::Value {
    json["certificates"].as_array().unwrap().iter().find(|one| one["subject"] == subject).unwrap()
}

const SITE: &str = r"version: 1
certificates:
  web:
    issuer: existing
    subject: CN=web.example,O=Größe AG
    store: [LocalMachine\My]
  gone:
    issuer: existing
    subject: CN=gone.example
    store: [LocalMachine\My]
  roots:
    issuer: { bundle: ['C:\certs\roots.p7b'] }
    store: [LocalMachine\Root]
  supplied:
    issuer: { pfx: { path: 'C:\certs\new.pfx', password: { file: password.txt } } }
    store: [LocalMachine\My]
";

#[test]
fn a_machine_and_its_documents() {
    let mut session = Session::new(sample());
    let before = session.folder.states("image");
    session.run("trueup certificates -m image:image").exits(0);
    session.run("trueup certificates -m image:image --full --within 10d").exits(0);
    session.run("trueup certificates -m image:image --within 3y --detailed-exitcode").exits(2);
    session.run("trueup certificates -m image:image --within soon").exits(3);
    assert_eq!(changes(&before, &session.folder.states("image")), "", "looking writes nothing");
    session.remark("A document names files, too; the password of one is not there.");
    session.file("site.yaml", SITE);
    let (root, key) = (root(), key(7).1);
    let new = signed(7, "CN=new.example", "2027-01-01T00:00:00Z");
    let material = Material {
        certificate: Some(&new),
        chain: &[&root],
        key: Some(&key),
        password: Some("correct horse"),
        ..Material::default()
    };
    session.folder.write("image/certs/new.pfx", write(FileForm::Pfx, &material).unwrap());
    let roots = Material { certificate: Some(&root), ..Material::default() };
    session.folder.write("image/certs/roots.p7b", write(FileForm::P7b, &roots).unwrap());
    session.run("trueup certificates site.yaml -m image:image").exits(0);
    session.folder.write("password.txt", "correct horse\n");
    session.run("trueup certificates site.yaml -m image:image").exits(0);
    session.run("trueup certificates wrong.yaml -m image:image").exits(3);
    session.matches("certificates.txt");
    let json = run(&session.folder, &["site.yaml", "--format", "json"]).exits(0).json();
    let new = of(&json, "CN=new.example");
    assert_eq!(new["places"][0]["kind"], "file");
    assert_eq!((&new["has_key"], &new["places"][0]["name"]), (&true.into(), &r"C:\certs\new.pfx".into()));
    assert_eq!(of(&json, "CN=Example Root,O=Example AG")["entries"][0], "certificates.roots");
    assert_eq!(json["absent"][0]["entry"], "certificates.gone");
}

#[test]
fn programs_read_every_field() {
    let folder = sample();
    let first = run(&folder, &["--format", "json"]).exits(0);
    assert_eq!(first.stdout, run(&folder, &["--format", "json"]).exits(0).stdout, "same inputs, same bytes");
    let json = first.json();
    assert_eq!(
        (&json["format_version"], &json["as_of"], &json["within"]),
        (&"1.0".into(), &AS_OF.into(), &"30d".into())
    );
    assert_eq!(json["counts"], serde_json::json!({ "certificates": 6, "expired": 1, "ending": 1 }));
    let days: Vec<i64> =
        json["certificates"].as_array().unwrap().iter().map(|one| one["days_left"].as_i64().unwrap()).collect();
    assert_eq!(days[..2], [-31, 12]);
    assert!(days.is_sorted());
    assert_eq!(
        *of(&json, "CN=web.example,O=Größe AG"),
        serde_json::json!({
            "subject": "CN=web.example,O=Größe AG",
            "subject_parts": [{ "type": "O", "value": "Größe AG" }, { "type": "CN", "value": "web.example" }],
            "issuer": "CN=Example Root,O=Example AG",
            "serial": "03".repeat(16),
            "sha1": Thumbprint::of(&soon()).to_string(),
            "sha256": Thumbprint::sha256_of(&soon()).to_string(),
            "not_before": "2025-01-01T00:00:00Z",
            "not_after": "2026-03-13T12:00:00Z",
            "days_left": 12,
            "is_authority": false,
            "key_algorithm": "Ed25519",
            "signature_algorithm": "Ed25519",
            "digest": null,
            "sans": ["dns:srv.example"],
            "key_usage": ["digital_signature"],
            "extended_usage": ["server"],
            "has_key": true,
            "places": [
                {
                    "kind": "store",
                    "name": "LocalMachine\\My",
                    "friendly_name": "ACS web",
                    "has_key": true,
                    "archived": false,
                },
                {
                    "kind": "store",
                    "name": "LocalMachine\\WebHosting",
                    "friendly_name": null,
                    "has_key": false,
                    "archived": false,
                },
            ],
            "used_by": ["sql MSSQL16.ONE", "http.sys 0.0.0.0:443", "http.sys web.example:443"],
            "entries": [],
        })
    );
    let codes: Vec<&str> =
        json["problems"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(
        codes,
        ["certificate.blob_unreadable", "certificate.not_a_thumbprint", "certificate.dangling_thumbprint"]
    );
    assert!(!first.stdout.contains('\u{1b}') && !run(&folder, &[]).stdout.contains('\u{1b}'));
    assert!(run(&folder, &["--color", "always"]).stdout.contains('\u{1b}'));
}

#[test]
fn exit_codes_tell_what_ends() {
    let folder = sample();
    run(&folder, &["--detailed-exitcode"]).exits(2);
    run(&folder, &["--detailed-exitcode", "--format", "json"]).exits(2);
    // Nothing has expired in 2025, and the first to end does so a year later.
    let early = ["certificates", "-m", "image:image", "--as-of", "2025-01-29T12:00:00Z", "--detailed-exitcode"];
    folder.run(&early).exits(0).says(&["6 certificates, 0 expired, 0 end within 30d"]);
    folder.run(&[&early[..], &["--within", "365d"]].concat()).exits(2).says(&["0 expired, 1 ends within 1y"]);
    // The last second counts as valid.
    let at = |time| folder.run(&["certificates", "-m", "image:image", "--within", "0s", "--as-of", time]).exits(0);
    at("2026-01-29T12:00:00Z").says(&["0 expired, 1 ends within 0s"]);
    at("2026-01-29T12:00:01Z").says(&["1 expired, 0 end within 0s"]);
}

#[test]
fn what_was_not_captured_is_said() {
    let folder = sample();
    let capture = |more: &[&str]| {
        folder.run(&[&["capture", "-m", "image:image", "-o", "server.json"], more].concat()).exits(0);
    };
    let look = || folder.run(&["certificates", "-m", "snapshot:server.json", "--as-of", AS_OF]);
    capture(&[]);
    assert_eq!(look().exits(0).stdout, run(&folder, &[]).stdout);
    capture(&["--key", r"HKLM\SOFTWARE\Microsoft\SystemCertificates\My\Certificates"]);
    let part = look().exits(1).says(&["old.example", "web.example", "2 certificates, 1 expired, 1 ends within 30d"]);
    let part = part.notes(&[
        r"HKLM\SOFTWARE\Microsoft\SystemCertificates: the snapshot does not hold",
        r"HKLM\SOFTWARE\Microsoft\EnterpriseCertificates: the snapshot does not hold",
        r"HKU: the snapshot does not hold",
        r"RDP-Tcp: the snapshot does not hold",
    ]);
    assert!(!part.stderr.contains(r"\AuthRoot\Certificates"), "{}", part.stderr);
    let json = folder.run(&["certificates", "-m", "snapshot:server.json", "--format", "json"]).exits(1).json();
    assert!(json["unread"].as_array().unwrap().len() > 5, "{json}");
}

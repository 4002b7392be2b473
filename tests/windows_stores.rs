//! Certificate stores as CryptoAPI has them: it shows what lies in the registry as trueup writes it, and trueup reads what
//! CryptoAPI has put there. Runs on Windows and under Wine, and needs the right to write `HKEY_LOCAL_MACHINE`.

#![cfg(windows)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions beside the tests are not seen as tests"
)]

mod windows_stores {
    pub mod crypto_api;
}

use trueup::formats::certificate_store::{BLOB, StoreBlob, StorePlace, certificate_key, element, properties};
use trueup::formats::x509::{
    AlternativeName, Authority, Certificate, Digest, DistinguishedName, KeyAlgorithm, KeyUsage, PrivateKey, Signer,
    Template, issue,
};
use trueup::model::thumbprint::Thumbprint;
use windows_registry::{LOCAL_MACHINE, Type};
use windows_stores::crypto_api::{Shown, Store};

const NAME: &str = "Zutritt Büro 🔑";

/// A store of a test's own; it goes with its owner.
struct OwnStore {
    name: String,
    place: StorePlace,
}

impl OwnStore {
    fn new(test: &str) -> Self {
        let name = format!("trueup {test} {}", std::process::id());
        let place = StorePlace::parse(&format!(r"LocalMachine\{name}")).unwrap();
        Self { name, place }
    }

    /// Where the blob of a certificate lies, below `HKEY_LOCAL_MACHINE`.
    fn key(&self, thumbprint: &Thumbprint) -> String {
        let folder = self.place.registry_key().unwrap();
        below_machine(&certificate_key(&folder, thumbprint).unwrap().to_string())
    }

    fn put(&self, thumbprint: &Thumbprint, blob: &[u8]) {
        LOCAL_MACHINE.create(self.key(thumbprint)).unwrap().set_bytes(BLOB, Type::Bytes, blob).unwrap();
    }

    fn blob(&self, thumbprint: &Thumbprint) -> Vec<u8> {
        LOCAL_MACHINE.open(self.key(thumbprint)).unwrap().get_bytes(BLOB).unwrap()
    }

    /// What CryptoAPI sees in it, by subject.
    fn shown(&self) -> Vec<Shown> {
        let mut shown = Store::existing(&self.name).unwrap().certificates();
        shown.sort_by(|one, other| one.subject.cmp(&other.subject));
        shown
    }
}

impl Drop for OwnStore {
    fn drop(&mut self) {
        let store = self.place.registry_key().and_then(|certificates| certificates.parent()).unwrap();
        // Most likely another failure is on its way already.
        let _ = LOCAL_MACHINE.remove_tree(below_machine(&store.to_string()));
    }
}

fn below_machine(key: &str) -> String {
    key.strip_prefix(r"HKLM\").expect("it is the machine's").to_owned()
}

/// A root with an RSA key, and a certificate below it with one of a curve.
fn issued() -> [Certificate; 2] {
    let [above, below] =
        [KeyAlgorithm::Rsa { bits: 2048 }, KeyAlgorithm::EcdsaP256].map(|kind| PrivateKey::generate(&kind).unwrap());
    let root = template("CN=Wurzel, O=Größe AG, C=CH", Some(Authority { path_length: None }));
    let root = issue(&root, above.public_key(), [1; 16], Signer::Itself(&above)).unwrap();
    let root = Certificate::parse(&root).unwrap();
    let signer = Signer::Authority { certificate: &root, key: &above };
    let web = template("CN=acs-srv01.corp.example", None);
    let web = issue(&web, below.public_key(), [2; 16], signer).unwrap();
    let web = Certificate::parse(&web).unwrap();
    [root, web]
}

fn template(subject: &str, authority: Option<Authority>) -> Template {
    let key_usage = match authority {
        Some(_) => KeyUsage::CERTIFICATE_SIGN | KeyUsage::CRL_SIGN,
        None => KeyUsage::DIGITAL_SIGNATURE,
    };
    Template {
        subject: DistinguishedName::parse(subject).unwrap(),
        names: vec![AlternativeName::parse("dns:acs-srv01.corp.example").unwrap()],
        key_usage,
        extended: Vec::new(),
        authority,
        not_before: "2020-01-01T00:00:00Z".parse().unwrap(),
        not_after: "2049-12-31T23:59:59Z".parse().unwrap(),
        digest: Digest::Sha256,
        crl_urls: Vec::new(),
    }
}

/// What CryptoAPI should say of a certificate.
fn expected(certificate: &Certificate, subject: &str, friendly_name: Option<&str>) -> Shown {
    Shown {
        subject: subject.into(),
        der: certificate.der().to_vec(),
        friendly_name: friendly_name.map(str::to_owned),
        sha1: Some(Thumbprint::of(certificate.der()).bytes().to_vec()),
        key_identifier: Some(certificate.subject_key_id().expect("it has one").to_vec()),
    }
}

#[test]
fn crypto_api_shows_what_is_written() {
    let store = OwnStore::new("shows");
    let [root, web] = issued();
    let [root_print, web_print] = [&root, &web].map(|one| Thumbprint::of(one.der()));
    store.put(&root_print, &element(root.der(), None, None, None).unwrap());
    let named = element(web.der(), Some(NAME), None, None).unwrap();
    store.put(&web_print, &named);
    let root_shown = || expected(&root, "C=CH, O=Größe AG, CN=Wurzel", None);
    let web_shown = |name| expected(&web, "CN=acs-srv01.corp.example", Some(name));
    assert_eq!(store.shown(), [root_shown(), web_shown(NAME)]);

    store.put(&web_print, &element(web.der(), Some("Tür"), None, Some(&named)).unwrap());
    assert_eq!(store.shown(), [root_shown(), web_shown("Tür")]);

    LOCAL_MACHINE.remove_tree(store.key(&web_print)).unwrap();
    assert_eq!(store.shown(), [root_shown()]);
}

/// Shows that the agreement above means something.
#[test]
fn crypto_api_does_not_show_what_is_wrong() {
    let [root, _] = issued();
    let thumbprint = Thumbprint::of(root.der());
    let blob = element(root.der(), None, None, None).unwrap();
    let with = |at: usize, byte: u8| {
        let mut blob = blob.clone();
        blob[at] = byte;
        blob
    };
    let cut = blob[..blob.len() - 1].to_vec();
    let shorter = with(8, 19);
    let without_certificate = StoreBlob::parse(&blob).unwrap().properties().next().unwrap().data.to_vec();
    for (what, blob) in [
        ("cut off", cut),
        ("another length of the first property", shorter),
        ("a bare hash", without_certificate),
        ("the bare certificate", root.der().to_vec()),
        ("another cached SHA-1", with(12, blob[12] ^ 1)),
    ] {
        let store = OwnStore::new("refuses");
        store.put(&thumbprint, &blob);
        assert_eq!(store.shown(), [], "{what}");
    }
}

#[test]
fn what_crypto_api_writes_is_read() {
    let store = OwnStore::new("reads");
    let [_, web] = issued();
    let open = Store::made(&store.name).unwrap();
    open.add(web.der(), NAME).unwrap();
    open.close().unwrap();

    let thumbprint = Thumbprint::of(web.der());
    let bytes = store.blob(&thumbprint);
    let blob = StoreBlob::parse(&bytes).unwrap();
    assert_eq!(blob.to_bytes(), bytes);
    assert!(*blob.certificate() == **web.der(), "another certificate");
    assert_eq!(blob.thumbprint(), thumbprint);
    assert_eq!(blob.friendly_name().as_deref(), Some(NAME));
    if let Some(cached) = blob.property(properties::SHA1_HASH) {
        assert_eq!(cached, thumbprint.bytes());
    }

    // A repair of what CryptoAPI has written is shown by it.
    store.put(&thumbprint, &element(web.der(), Some("Tür"), None, Some(&bytes)).unwrap());
    assert_eq!(store.shown(), [expected(&web, "CN=acs-srv01.corp.example", Some("Tür"))]);
}

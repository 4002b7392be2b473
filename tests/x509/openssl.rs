//! Runs openssl in a folder of its own, and makes what the tests share. Without openssl the tests fail.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use trueup::formats::x509::{
    AlternativeName, Authority, Certificate, Digest, DistinguishedName, KeyAlgorithm, KeyUsage, PrivateKey, Signer,
    Template, issue, to_pem,
};

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

    pub fn write_pem(&self, name: &str, label: &str, der: &[u8]) {
        self.write(name, to_pem(label, der).as_bytes());
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

pub fn authority_template(subject: &str, path_length: Option<u8>) -> Template {
    Template {
        subject: DistinguishedName::parse(subject).unwrap(),
        names: Vec::new(),
        key_usage: KeyUsage::CERTIFICATE_SIGN | KeyUsage::CRL_SIGN,
        extended: Vec::new(),
        authority: Some(Authority { path_length }),
        not_before: "2020-01-01T00:00:00Z".parse().unwrap(),
        not_after: "2060-01-01T00:00:00Z".parse().unwrap(),
        digest: Digest::Sha256,
        crl_urls: Vec::new(),
    }
}

pub fn leaf_template(subject: &str, names: &[&str]) -> Template {
    Template {
        names: names.iter().map(|name| AlternativeName::parse(name).unwrap()).collect(),
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
        extended: vec!["server".parse().unwrap(), "client".parse().unwrap()],
        authority: None,
        not_after: "2049-12-31T23:59:59Z".parse().unwrap(),
        ..authority_template(subject, None)
    }
}

/// A certificate with its key.
pub struct Issued {
    pub certificate: Certificate,
    pub key: PrivateKey,
}

/// Issues by an authority or by the key itself, with the digest that the signing key is good for.
pub fn issued(template: &Template, algorithm: &KeyAlgorithm, by: Option<&Issued>) -> Issued {
    let key = PrivateKey::generate(algorithm).unwrap();
    let signer = match by {
        Some(by) => Signer::Authority { certificate: &by.certificate, key: &by.key },
        None => Signer::Itself(&key),
    };
    let signing = by.map_or(&key, |by| &by.key).algorithm();
    let template = Template { digest: signing.own_digest().unwrap_or_default(), ..template.clone() };
    let serial = u128::from_be_bytes(key.public_key().identifier()[..16].try_into().unwrap()).to_be_bytes();
    let der = issue(&template, key.public_key(), serial, signer).unwrap();
    Issued { certificate: Certificate::parse(&der).unwrap(), key }
}

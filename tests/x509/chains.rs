//! Chains of three that openssl verifies strictly, and what it reads in their certificates.

use trueup::formats::x509::{KeyAlgorithm, KeyUsage};

use super::openssl::{Folder, authority_template, issued, leaf_template};

fn verifies_strictly(algorithm: &KeyAlgorithm) {
    let folder = Folder::new();
    let root = issued(&authority_template("CN=Root,O=Example,C=CH", None), algorithm, None);
    let between = issued(&authority_template("CN=Between,O=Example,C=CH", Some(0)), algorithm, Some(&root));
    let leaf = issued(&leaf_template("CN=leaf", &["dns:leaf.example"]), algorithm, Some(&between));
    for (name, issued) in [("root", &root), ("between", &between), ("leaf", &leaf)] {
        folder.write_pem(name, "CERTIFICATE", issued.certificate.der());
    }
    let verify = "verify -x509_strict -check_ss_sig -purpose sslserver -verify_hostname leaf.example";
    folder.openssl(&format!("{verify} -CAfile root -untrusted between leaf"));
    folder.openssl_fails(&format!("{verify} -CAfile root leaf"));
    folder.openssl("verify -x509_strict -check_ss_sig -CAfile root root");
    assert_eq!(leaf.certificate.is_signed_by(&between.certificate), Ok(()));
    assert_eq!(between.certificate.is_signed_by(&root.certificate), Ok(()));
    assert!(leaf.certificate.is_signed_by(&root.certificate).is_err());
}

#[test]
fn rsa_2048() {
    verifies_strictly(&KeyAlgorithm::Rsa { bits: 2048 });
}

#[test]
fn rsa_4096() {
    verifies_strictly(&KeyAlgorithm::Rsa { bits: 4096 });
}

#[test]
fn p256() {
    verifies_strictly(&KeyAlgorithm::EcdsaP256);
}

#[test]
fn p384() {
    verifies_strictly(&KeyAlgorithm::EcdsaP384);
}

#[test]
fn ed25519() {
    verifies_strictly(&KeyAlgorithm::Ed25519);
}

#[test]
fn a_certificate_signed_by_itself_verifies_strictly() {
    let folder = Folder::new();
    let alone = issued(&leaf_template("CN=alone", &["dns:alone"]), &KeyAlgorithm::EcdsaP256, None);
    folder.write_pem("alone", "CERTIFICATE", alone.certificate.der());
    folder.openssl("verify -x509_strict -check_ss_sig -CAfile alone alone");
}

#[test]
fn openssl_reads_every_name_and_usage() {
    let folder = Folder::new();
    let names = [
        "dns:acs.example",
        "dns:*.acs.example",
        "ip:10.0.0.5",
        "ip:fe80::1",
        "email:a@b.example",
        "uri:https://a.example/b",
        "upn:zoë@corp.example",
        "dirname:CN=x,OU=y,OU=z",
        "rid:1.2.3.4",
    ];
    let mut template = leaf_template("CN=leaf", &names);
    template.key_usage = KeyUsage::all();
    template.crl_urls = vec!["http://crl.example/root.crl".to_owned()];
    let leaf = issued(&template, &KeyAlgorithm::EcdsaP256, None);
    folder.write_pem("leaf", "CERTIFICATE", leaf.certificate.der());
    let text = folder.openssl("x509 -in leaf -noout -text");
    let expected = "DNS:acs.example, DNS:*.acs.example, IP Address:10.0.0.5, IP Address:FE80:0:0:0:0:0:0:1, \
        email:a@b.example, URI:https://a.example/b, othername: UPN::zo\u{eb}@corp.example, \
        DirName:/OU=z/OU=y/CN=x, Registered ID:1.2.3.4";
    let line = text.lines().find(|line| line.contains("DNS:")).unwrap().trim();
    assert_eq!(line, expected);
    for expected in [
        "X509v3 Key Usage: critical\n                Digital Signature, Non Repudiation, Key Encipherment, Data Encipherment, \
         Key Agreement, Certificate Sign, CRL Sign, Encipher Only, Decipher Only",
        "X509v3 Extended Key Usage: \n                TLS Web Server Authentication, TLS Web Client Authentication",
        "URI:http://crl.example/root.crl",
        "Version: 3 (0x2)",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains("Basic Constraints"), "{text}");
    for bits in 0..9 {
        template.key_usage = KeyUsage::from_bits_truncate(1 << bits);
        let leaf = issued(&template, &KeyAlgorithm::EcdsaP256, None);
        assert_eq!(leaf.certificate.key_usage(), Some(template.key_usage));
    }
}

#[test]
fn without_a_subject_the_names_are_critical() {
    let folder = Folder::new();
    let root = issued(&authority_template("CN=Root", None), &KeyAlgorithm::EcdsaP256, None);
    let leaf = issued(&leaf_template("", &["dns:leaf.example"]), &KeyAlgorithm::EcdsaP256, Some(&root));
    folder.write_pem("root", "CERTIFICATE", root.certificate.der());
    folder.write_pem("leaf", "CERTIFICATE", leaf.certificate.der());
    assert!(folder.openssl("x509 -in leaf -noout -text").contains("Subject Alternative Name: critical"));
    folder.openssl("verify -x509_strict -CAfile root leaf");
}

#[test]
fn dates_change_their_form_in_2050() {
    let folder = Folder::new();
    for (not_after, form, shown) in [
        ("2049-12-31T23:59:59Z", "UTCTIME           :491231235959Z", "Dec 31 23:59:59 2049 GMT"),
        ("2050-01-01T00:00:00Z", "GENERALIZEDTIME   :20500101000000Z", "Jan  1 00:00:00 2050 GMT"),
        ("2059-06-01T12:00:00.9Z", "GENERALIZEDTIME   :20590601120000Z", "Jun  1 12:00:00 2059 GMT"),
    ] {
        let mut template = leaf_template("CN=leaf", &[]);
        template.not_after = not_after.parse().unwrap();
        let leaf = issued(&template, &KeyAlgorithm::EcdsaP256, None);
        folder.write_pem("leaf", "CERTIFICATE", leaf.certificate.der());
        assert!(folder.openssl("asn1parse -in leaf").contains(form), "{not_after}");
        assert!(folder.openssl("x509 -in leaf -noout -enddate").contains(shown), "{not_after}");
        assert_eq!(leaf.certificate.not_after().as_second(), template.not_after.as_second());
    }
}

//! Revocation lists that openssl verifies and obeys, and that it made.

use jiff::Timestamp;
use trueup::formats::x509::{KeyAlgorithm, RevocationList, RevocationTemplate, Revoked, revocation_list};

use super::openssl::{Folder, Issued, authority_template, issued, leaf_template};

fn list(number: u64, revoked: &[&Issued], by: &Issued) -> Vec<u8> {
    let at: Timestamp = "2021-01-01T00:00:00Z".parse().unwrap();
    let revoked = revoked.iter().map(|issued| Revoked { serial: issued.certificate.serial().to_vec(), at });
    let template = RevocationTemplate {
        number,
        this_update: at,
        next_update: "2055-01-01T00:00:00Z".parse().unwrap(),
        revoked: revoked.collect(),
        digest: by.key.algorithm().own_digest().unwrap_or_default(),
    };
    revocation_list(&template, &by.certificate, &by.key).unwrap()
}

#[test]
fn openssl_obeys_lists() {
    for algorithm in [KeyAlgorithm::Rsa { bits: 2048 }, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Ed25519] {
        let folder = Folder::new();
        let root = issued(&authority_template("CN=Root", None), &algorithm, None);
        let between = issued(&authority_template("CN=Between", None), &algorithm, Some(&root));
        let good = issued(&leaf_template("CN=good", &[]), &algorithm, Some(&between));
        let bad = issued(&leaf_template("CN=bad", &[]), &algorithm, Some(&between));
        for (name, issued) in [("root", &root), ("between", &between), ("good", &good), ("bad", &bad)] {
            folder.write_pem(name, "CERTIFICATE", issued.certificate.der());
        }
        let (of_root, of_between) = (list(1, &[], &root), list(0x1234, &[&bad], &between));
        folder.write_pem("root.crl", "X509 CRL", &of_root);
        folder.write_pem("between.crl", "X509 CRL", &of_between);
        let verify =
            "verify -x509_strict -crl_check_all -CAfile root -untrusted between -CRLfile root.crl -CRLfile between.crl";
        folder.openssl(&format!("{verify} good"));
        assert!(folder.openssl_fails(&format!("{verify} bad")).contains("certificate revoked"));
        assert!(folder.openssl("crl -in root.crl -CAfile root -noout").contains("verify OK"));
        let said = folder.openssl("crl -in between.crl -noout -text -crlnumber");
        for expected in [
            "Version 2 (0x1)",
            "crlNumber=0x1234",
            "X509v3 Authority Key Identifier",
            "Next Update: Jan  1 00:00:00 2055 GMT",
        ] {
            assert!(said.contains(expected), "{expected}\n{said}");
        }
        let read = RevocationList::parse(&of_between).unwrap();
        assert!(read.is_revoked(bad.certificate.serial()) && !read.is_revoked(good.certificate.serial()));
        assert_eq!(read.is_signed_by(&between.certificate), Ok(()));
        assert!(read.is_signed_by(&root.certificate).is_err());
    }
}

#[test]
fn lists_of_openssl_are_read() {
    let folder = Folder::new();
    let root = issued(&authority_template("CN=Root,O=Example", None), &KeyAlgorithm::Rsa { bits: 2048 }, None);
    let leaf = issued(&leaf_template("CN=leaf", &[]), &KeyAlgorithm::EcdsaP256, Some(&root));
    folder.write_pem("root", "CERTIFICATE", root.certificate.der());
    folder.write_pem("leaf", "CERTIFICATE", leaf.certificate.der());
    folder.write("key", root.key.to_pem().as_bytes());
    folder.write("index", "");
    folder.write("number", "0A\n");
    folder.write(
        "config",
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_md=sha384\ndefault_crl_days=7\n\
         crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n",
    );
    folder.openssl("ca -config config -cert root -keyfile key -revoke leaf -crl_reason keyCompromise");
    folder.openssl("ca -config config -cert root -keyfile key -gencrl -out list.pem");
    folder.openssl("crl -in list.pem -outform DER -out list");
    let read = RevocationList::parse(&folder.read("list")).unwrap();
    assert_eq!((read.number(), read.len()), (Some(10), 1));
    assert_eq!(read.issuer(), root.certificate.subject());
    assert!(read.is_revoked(leaf.certificate.serial()));
    assert_eq!(read.is_signed_by(&root.certificate), Ok(()));
    assert_eq!(read.next_update().unwrap().as_second() - read.this_update().as_second(), 7 * 24 * 60 * 60);
}

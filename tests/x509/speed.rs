//! Reading and verifying many certificates is quick.

use std::time::{Duration, Instant};

use trueup::formats::x509::{Certificate, KeyAlgorithm};

use super::openssl::{authority_template, issued, leaf_template};

const CERTIFICATES: u32 = 100;

#[test]
fn a_hundred_certificates_are_read_and_verified_at_once() {
    let root = issued(&authority_template("CN=Root", None), &KeyAlgorithm::Rsa { bits: 2048 }, None);
    let leaf = issued(&leaf_template("CN=leaf", &["dns:a.example"]), &KeyAlgorithm::EcdsaP256, Some(&root));
    let begin = Instant::now();
    for _ in 0..CERTIFICATES {
        let read = Certificate::parse(leaf.certificate.der()).unwrap();
        assert_eq!(read.is_signed_by(&root.certificate), Ok(()));
    }
    let took = begin.elapsed();
    println!("{CERTIFICATES} certificates took {took:?}");
    assert!(took < Duration::from_millis(500), "{took:?}");
}

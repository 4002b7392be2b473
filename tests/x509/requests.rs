//! Requests that openssl verifies and reads, and that it made.

use trueup::formats::x509::{
    AlternativeName, Digest, ExtendedUsage, KeyAlgorithm, KeyUsage, PrivateKey, Request, request,
};

use super::openssl::{Folder, leaf_template};

#[test]
fn openssl_verifies_requests() {
    let folder = Folder::new();
    for algorithm in
        [KeyAlgorithm::Rsa { bits: 3072 }, KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Ed25519]
    {
        let key = PrivateKey::generate(&algorithm).unwrap();
        let mut template = leaf_template("CN=a,OU=x,OU=y", &["dns:a.example", "ip:10.0.0.5"]);
        template.digest = algorithm.own_digest().unwrap_or_default();
        folder.write_pem("request", "CERTIFICATE REQUEST", &request(&template, &key).unwrap());
        let said = folder.openssl("req -in request -verify -noout -text");
        assert!(said.contains("verify OK"), "{said}");
        for expected in
            ["DNS:a.example, IP Address:10.0.0.5", "TLS Web Server Authentication", "OU = y, OU = x, CN = a"]
        {
            assert!(said.contains(expected), "{expected}\n{said}");
        }
    }
}

#[test]
fn a_request_without_extensions_is_one() {
    let folder = Folder::new();
    let key = PrivateKey::generate(&KeyAlgorithm::EcdsaP256).unwrap();
    let mut template = leaf_template("CN=a", &[]);
    (template.extended, template.key_usage) = (Vec::new(), KeyUsage::empty());
    let der = request(&template, &key).unwrap();
    folder.write_pem("request", "CERTIFICATE REQUEST", &der);
    folder.openssl("req -in request -verify -noout");
    let read = Request::parse(&der).unwrap();
    assert!(read.names().is_empty() && read.key_usage().is_none() && read.extended().is_empty());
}

#[test]
fn requests_of_openssl_are_read() {
    let folder = Folder::new();
    for (kind, digest, algorithm) in
        [("rsa:2048", "sha512", KeyAlgorithm::Rsa { bits: 2048 }), ("ec:p", "sha384", KeyAlgorithm::EcdsaP256)]
    {
        folder.openssl("ecparam -name prime256v1 -out p");
        folder.openssl(&format!(
            "req -new -newkey {kind} -nodes -keyout key -outform DER -out request -{digest} -subj /C=CH/OU=x/OU=y/CN=a \
             -addext subjectAltName=DNS:a,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:u@v -addext keyUsage=keyAgreement \
             -addext extendedKeyUsage=serverAuth,1.2.3"
        ));
        let read = Request::parse(&folder.read("request")).unwrap();
        assert_eq!(read.subject().to_string(), "CN=a,OU=y,OU=x,C=CH");
        assert_eq!(read.names(), ["dns:a", "upn:u@v"].map(|name| AlternativeName::parse(name).unwrap()));
        assert_eq!(read.extended(), [ExtendedUsage::Server, "1.2.3".parse().unwrap()]);
        assert_eq!(read.key_usage(), Some(KeyUsage::KEY_AGREEMENT));
        assert_eq!(read.digest(), Some(digest.parse::<Digest>().unwrap()));
        assert_eq!(read.public_key().algorithm(), algorithm);
        assert!(read.matches_key(&PrivateKey::from_pem(&String::from_utf8(folder.read("key")).unwrap()).unwrap()));
    }
}

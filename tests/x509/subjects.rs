//! The subject's encoded order, read off the bytes by openssl, is the document's.

use trueup::formats::x509::{Attribute, DistinguishedName, KeyAlgorithm, RelativeName, request};

use super::openssl::{Folder, issued, leaf_template};

/// One part of a subject: its attributes in the order DER sorts them.
type Part<'a> = &'a [(&'a str, &'a str)];

const WANTED: [Part<'_>; 6] = [
    &[("OU", "CONTRACTOR")],
    &[("OU", "PKI")],
    &[("OU", "DoD")],
    &[("O", "U.S. Government")],
    &[("C", "US")],
    &[("CN", "J17-IC1")],
];

#[test]
fn the_order_of_the_document_is_that_of_the_bytes() {
    let mut reverse = WANTED;
    reverse.reverse();
    let shuffled: [Part<'_>; 6] = [
        &[("OU", "DoD")],
        &[("CN", "J17-IC1"), ("OU", "PKI"), ("OU", "DoD")],
        &[("C", "US")],
        &[("OU", "CONTRACTOR")],
        &[("O", "U.S. Government"), ("STREET", "1")],
        &[("OU", "DoD")],
    ];
    let folder = Folder::new();
    for parts in [WANTED, reverse, shuffled] {
        let name = DistinguishedName::new(parts.iter().map(|part| relative(part)).collect());
        assert_eq!(DistinguishedName::parse(&name.to_string()).unwrap(), name);
        let mut template = leaf_template("CN=replaced", &[]);
        template.subject = name.clone();
        let leaf = issued(&template, &KeyAlgorithm::EcdsaP256, None);
        assert_eq!(*leaf.certificate.subject(), name);
        folder.write("leaf", leaf.certificate.der());
        folder.write("subject", leaf.certificate.subject_der());
        folder.write("request", request(&template, &leaf.key).unwrap());
        let expected = listed(&parts);
        assert_eq!(encoded_order(&folder.openssl("asn1parse -inform DER -in subject")), expected);
        // The certificate signed by itself holds the name twice: as issuer and as subject.
        let twice: Vec<_> = expected.iter().chain(&expected).cloned().collect();
        assert_eq!(encoded_order(&folder.openssl("asn1parse -inform DER -in leaf")), twice);
        assert_eq!(encoded_order(&folder.openssl("asn1parse -inform DER -in request")), expected);
    }
}

#[test]
fn the_list_reads_as_its_text() {
    let name = DistinguishedName::new(WANTED.iter().map(|part| relative(part)).collect());
    assert_eq!(name.to_string(), "CN=J17-IC1,C=US,O=U.S. Government,OU=DoD,OU=PKI,OU=CONTRACTOR");
    let mut template = leaf_template("CN=replaced", &[]);
    template.subject = name.clone();
    let leaf = issued(&template, &KeyAlgorithm::EcdsaP256, None);
    let folder = Folder::new();
    folder.write_pem("leaf", "CERTIFICATE", leaf.certificate.der());
    let said = folder.openssl("x509 -in leaf -noout -subject -nameopt RFC2253");
    assert_eq!(said.trim(), format!("subject={name}"));
}

fn relative(part: Part<'_>) -> RelativeName {
    let attributes = part.iter().map(|(kind, value)| Attribute::new(kind.parse().unwrap(), value).unwrap());
    RelativeName::new(attributes.collect()).unwrap()
}

/// `set` before each part, then kind and value.
fn listed(parts: &[Part<'_>]) -> Vec<String> {
    let lines = parts.iter().flat_map(|part| {
        let mut attributes: Vec<_> = part.iter().map(|(kind, value)| format!("{kind}={value}")).collect();
        attributes.sort_by_key(|text| (text.len(), text.clone()));
        std::iter::once("set".to_owned()).chain(attributes)
    });
    lines.collect()
}

/// The same, read off openssl's list of the encoding.
fn encoded_order(said: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut kind = None;
    for line in said.lines() {
        let value = line.rsplit_once(':').map(|(_, value)| value.to_owned());
        if line.contains(": SET") {
            found.push("set".to_owned());
        } else if line.contains(": OBJECT") {
            kind = value.and_then(|name| short(&name));
        } else if line.contains("STRING ")
            && let (Some(kind), Some(value)) = (kind.take(), value)
        {
            found.push(format!("{kind}={value}"));
        }
    }
    // Requests have a set of attributes after the name.
    while found.last().is_some_and(|last| last == "set") {
        found.pop();
    }
    found
}

fn short(long: &str) -> Option<&'static str> {
    let known = [
        ("organizationalUnitName", "OU"),
        ("organizationName", "O"),
        ("countryName", "C"),
        ("commonName", "CN"),
        ("streetAddress", "STREET"),
    ];
    known.into_iter().find(|(name, _)| *name == long).map(|(_, short)| short)
}

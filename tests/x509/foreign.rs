//! Certificates that openssl made: read with the same fields, and verified whatever they are signed with.

use trueup::formats::x509::{
    AlternativeName, Authority, Certificate, Digest, KeyAlgorithm, KeyUsage, PrivateKey, SignatureError,
};

use super::openssl::{Folder, Issued, issued, leaf_template};

#[test]
fn the_fields_are_those_openssl_shows() {
    let folder = Folder::new();
    folder.openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout key -outform DER -out certificate -sha384 -days 40000 -set_serial 0x00ff01 \
         -subj /C=CH/O=Example/OU=x+OU=y/CN=Zoë -utf8 -multivalue-rdn -addext basicConstraints=critical,CA:TRUE,pathlen:3 \
         -addext subjectAltName=DNS:A.example,IP:fe80::1,email:a@b,URI:a:b,RID:1.2.3,otherName:1.2.3;UTF8:x \
         -addext keyUsage=critical,keyCertSign,decipherOnly -addext extendedKeyUsage=serverAuth,1.2.3 \
         -addext crlDistributionPoints=URI:http://a/b,URI:http://c/d",
    );
    let read = Certificate::parse(&folder.read("certificate")).unwrap();
    assert_eq!(read.subject().to_string(), "CN=Zoë,OU=x+OU=y,O=Example,C=CH");
    assert!(read.is_self_issued());
    assert_eq!(read.serial(), [0, 0xff, 1]);
    assert_eq!(read.digest(), Some(Digest::Sha384));
    assert_eq!(read.public_key().algorithm(), KeyAlgorithm::Rsa { bits: 2048 });
    assert_eq!(read.authority(), Some(Authority { path_length: Some(3) }));
    assert_eq!(read.key_usage(), Some(KeyUsage::CERTIFICATE_SIGN | KeyUsage::DECIPHER_ONLY));
    let names = ["dns:a.example", "ip:fe80::1", "email:a@b", "uri:a:b", "rid:1.2.3", "other:a00906022a03a0030c0178"];
    let names: Vec<_> = names.iter().map(|name| AlternativeName::parse(name)).collect::<Result<_, _>>().unwrap();
    assert_eq!(read.names(), names);
    assert_eq!(read.crl_urls(), ["http://a/b", "http://c/d"]);
    assert_eq!(read.is_signed_by(&read), Ok(()));
    let shown = |option: &str| {
        let said = folder.openssl(&format!("x509 -inform DER -in certificate -noout {option}"));
        said.trim().rsplit_once('=').unwrap().1.replace(':', "").to_lowercase()
    };
    assert_eq!(shown("-fingerprint -sha1"), hex(&read.sha1()));
    assert_eq!(shown("-fingerprint -sha256"), hex(&read.sha256()));
    let id = folder.openssl("x509 -inform DER -in certificate -noout -ext subjectKeyIdentifier");
    let id = id.lines().last().unwrap().trim().replace(':', "").to_lowercase();
    assert_eq!(id, hex(read.subject_key_id().unwrap()));
    assert_eq!(id, hex(&read.public_key().identifier()));
    let begin = folder.openssl("x509 -inform DER -in certificate -noout -startdate -dateopt iso_8601");
    let begin = begin.trim().trim_start_matches("notBefore=").replace(' ', "T");
    assert_eq!(read.not_before().to_string(), begin);
}

#[test]
fn old_and_rare_signatures_are_verified() {
    let folder = Folder::new();
    for (kind, digest) in [
        ("rsa:2048", "sha1"),
        ("rsa:1024", "sha1"),
        ("rsa:1024", "sha256"),
        ("rsa:4096", "sha512"),
        ("ec:p256", "sha1"),
        ("ec:p256", "sha512"),
        ("ec:p384", "sha256"),
        ("ec:p521", "sha512"),
        ("ed25519", "sha256"),
    ] {
        for (name, curve) in [("p256", "prime256v1"), ("p384", "secp384r1"), ("p521", "secp521r1")] {
            folder.openssl(&format!("ecparam -name {curve} -out {name}"));
        }
        folder
            .openssl(&format!("req -x509 -newkey {kind} -nodes -keyout key -outform DER -out c -{digest} -subj /CN=a"));
        let mut der = folder.read("c");
        let read = Certificate::parse(&der).unwrap();
        assert_eq!(read.is_signed_by(&read), Ok(()), "{kind} {digest}");
        assert_eq!(read.digest(), (kind != "ed25519").then(|| digest.parse().unwrap()));
        let place = der.windows(3).rposition(|part| part == [0x55, 4, 3]).unwrap() + 5;
        der[place] = b'b';
        let forged = Certificate::parse(&der).unwrap();
        assert!(matches!(forged.is_signed_by(&forged), Err(SignatureError::Wrong | SignatureError::OtherIssuer)));
    }
}

#[test]
fn an_unknown_signature_is_named_and_not_verified() {
    let folder = Folder::new();
    folder.openssl(
        "req -x509 -newkey rsa:2048 -nodes -keyout key -outform DER -out c -sha256 -sigopt rsa_padding_mode:pss -subj /CN=a",
    );
    let read = Certificate::parse(&folder.read("c")).unwrap();
    assert_eq!((read.digest(), read.signature_algorithm().to_string().as_str()), (None, "1.2.840.113549.1.1.10"));
    assert!(matches!(read.is_signed_by(&read), Err(SignatureError::Unsupported { .. })));
}

#[test]
fn a_certificate_without_an_end_is_read() {
    let folder = Folder::new();
    folder.openssl("req -newkey rsa:2048 -nodes -keyout key -out request -subj /CN=a");
    folder.write("index", "");
    folder.write("config", "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\npolicy=p\n[p]\ncommonName=supplied\n");
    folder.openssl(
        "ca -batch -config config -selfsign -keyfile key -in request -out c -md sha256 -notext \
         -startdate 20200101000000Z -enddate 99991231235959Z",
    );
    folder.openssl("x509 -in c -outform DER -out der");
    let read = Certificate::parse(&folder.read("der")).unwrap();
    assert_eq!(read.not_after(), jiff::Timestamp::MAX);
    assert_eq!(read.is_signed_by(&read), Ok(()));
}

#[test]
fn an_issuers_name_is_copied_byte_for_byte() {
    let folder = Folder::new();
    folder.write("config", "[req]\ndistinguished_name=d\nstring_mask=nombstr\nx509_extensions=x\n[d]\n[x]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n");
    folder.openssl(
        "req -x509 -config config -newkey rsa:2048 -nodes -keyout key -out root -days 40000 -subj /C=CH/O=Example/CN=Zo\u{eb} -utf8",
    );
    folder.openssl("x509 -in root -outform DER -out der");
    let certificate = Certificate::parse(&folder.read("der")).unwrap();
    assert!(folder.openssl("asn1parse -in root").contains("T61STRING"));
    assert_eq!(certificate.subject().to_string(), "CN=Zo\u{eb},O=Example,C=CH");
    assert_ne!(certificate.subject().to_der().unwrap(), certificate.subject_der());
    let key = PrivateKey::from_pem(&String::from_utf8(folder.read("key")).unwrap()).unwrap();
    let root = Issued { certificate, key };
    let mut template = leaf_template("CN=leaf", &["dns:leaf"]);
    template.not_before = root.certificate.not_before();
    let leaf = issued(&template, &KeyAlgorithm::EcdsaP256, Some(&root));
    assert_eq!(leaf.certificate.issuer_der(), root.certificate.subject_der());
    folder.write_pem("leaf", "CERTIFICATE", leaf.certificate.der());
    folder.openssl("verify -x509_strict -CAfile root leaf");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

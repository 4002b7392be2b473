//! Damaged bytes: read or refused, never a panic.

use super::*;

fn samples() -> Vec<Vec<u8>> {
    let key = key();
    let root = root(&key);
    let mut template = template("CN=a+OU=b,C=CH", None);
    template.names = ["dns:a", "ip:::1", "upn:a@b", "dirname:CN=x", "rid:1.2.3", "other:a3020500"]
        .map(|name| AlternativeName::parse(name).unwrap())
        .to_vec();
    template.names.pop();
    template.extended = vec![ExtendedUsage::Server];
    template.crl_urls = vec!["http://a/b".to_owned()];
    let list = RevocationTemplate {
        number: 1,
        this_update: template.not_before,
        next_update: template.not_after,
        revoked: vec![Revoked { serial: vec![1], at: template.not_before }],
        digest: Digest::Sha256,
    };
    vec![
        issue(&template, key.public_key(), [3; 16], Signer::Authority { certificate: &root, key: &key }).unwrap(),
        request(&template, &key).unwrap(),
        revocation_list(&list, &root, &key).unwrap(),
        template.subject.to_der().unwrap(),
        key.public_key().der().to_vec(),
    ]
}

fn read_all(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::parse(bytes) {
        let _ = (certificate.is_signed_by(&certificate), format!("{certificate:?}"));
    }
    let _ =
        (Request::parse(bytes), RevocationList::parse(bytes), PublicKey::from_der(bytes).map(|key| key.algorithm()));
    if let Ok(name) = DistinguishedName::from_der(bytes) {
        let text = serde_json::to_string(&name).unwrap();
        let _ = (serde_json::from_str::<DistinguishedName>(&text), name.to_der());
    }
    let _ = PrivateKey::from_pkcs8(bytes);
}

#[test]
fn every_changed_byte_is_read_or_refused() {
    for sample in samples() {
        for at in 0..sample.len() {
            for change in [0x01, 0x10, 0x20, 0x80, 0xff] {
                let mut changed = sample.clone();
                changed[at] ^= change;
                read_all(&changed);
            }
            read_all(&sample[..at]);
        }
    }
}

#[test]
fn what_follows_and_what_is_too_large_is_refused() {
    let samples = samples();
    let longer = [&samples[0][..], &[0]].concat();
    assert_eq!(Certificate::parse(&longer).unwrap_err(), CertificateError::Trailing { bytes: 1 });
    assert_eq!(Request::parse(&[&samples[1][..], &[0]].concat()).unwrap_err(), CertificateError::Trailing { bytes: 1 });
    assert_eq!(
        RevocationList::parse(&[&samples[2][..], &[0]].concat()).unwrap_err(),
        CertificateError::Trailing { bytes: 1 }
    );
    assert_eq!(Certificate::parse(&[0; MOST_BYTES + 1]).unwrap_err().to_string(), "it is larger than 65536 bytes");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }
}

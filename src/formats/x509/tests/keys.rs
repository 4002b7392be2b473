//! Keys: making, forms and silence about them.

use super::*;

#[test]
fn what_is_made_reads_back_and_signs() {
    for algorithm in
        [KeyAlgorithm::Rsa { bits: 2048 }, KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384, KeyAlgorithm::Ed25519]
    {
        let key = PrivateKey::generate(&algorithm).unwrap();
        assert_eq!(*key.algorithm(), algorithm);
        assert_eq!(algorithm.to_string().parse::<KeyAlgorithm>().unwrap(), algorithm);
        let text = format!("a comment\r\n{}", key.to_pem().replace('\n', " \r\n"));
        let read = PrivateKey::from_pem(&text).unwrap();
        assert_eq!((read.to_pkcs8(), read.public_key()), (key.to_pkcs8(), key.public_key()));
        let public = key.public_key();
        assert_eq!(PublicKey::from_pem(&public.to_pem()).unwrap(), *public);
        assert_eq!(serde_json::from_str::<PublicKey>(&serde_json::to_string(public).unwrap()).unwrap(), *public);
        for digest in Digest::ALL {
            match key.sign(digest, b"message") {
                Ok(signature) => {
                    let method = SignatureAlgorithm::of_key(&algorithm, digest).unwrap();
                    verify::verify(public, &method, b"message", &signature).unwrap();
                    assert_eq!(verify::verify(public, &method, b"messag3", &signature), Err(SignatureError::Wrong));
                }
                Err(error) => {
                    assert!(!algorithm.signs_with(digest));
                    assert_eq!(error, KeyError::CannotSign { algorithm: algorithm.clone(), digest });
                }
            }
        }
        assert!(algorithm.own_digest().is_none_or(|digest| algorithm.signs_with(digest)));
        assert_eq!(format!("{key:?}"), "PrivateKey(…)");
    }
}

#[test]
fn many_are_made_in_their_order() {
    let wanted = [
        KeyAlgorithm::Ed25519,
        KeyAlgorithm::Rsa { bits: 1024 },
        KeyAlgorithm::EcdsaP384,
        KeyAlgorithm::Rsa { bits: 2048 },
        KeyAlgorithm::EcdsaP256,
    ];
    let made = generate_many(&wanted);
    assert_eq!(made.len(), wanted.len());
    for (algorithm, key) in wanted.iter().zip(&made) {
        match key {
            Ok(key) => assert_eq!(key.algorithm(), algorithm),
            Err(error) => assert_eq!(*error, KeyError::CannotMake { algorithm: KeyAlgorithm::Rsa { bits: 1024 } }),
        }
    }
    assert!(generate_many(&[]).is_empty());
}

#[test]
fn what_is_no_key_is_refused() {
    let pem = key().to_pem();
    let block = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    for (text, expected) in [
        ("", "the text has no PRIVATE KEY block"),
        (&block("CERTIFICATE", "AAAA"), "the text has no PRIVATE KEY block"),
        (&block("ENCRYPTED PRIVATE KEY", "AAAA"), "the private key is encrypted"),
        (
            &block("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA"),
            "the private key is encrypted",
        ),
        (&block("PRIVATE KEY", "AAAA"), "the private key is malformed"),
        (&block("PRIVATE KEY", "A=A"), "the key's text can't be read"),
        (pem.split("-----END").next().unwrap(), "the key's text can't be read"),
    ] {
        assert_eq!(PrivateKey::from_pem(text).unwrap_err().to_string(), expected, "{text}");
    }
}

//! Keys in every form, both ways between here and openssl.

use trueup::formats::x509::{KeyAlgorithm, KeyError, PrivateKey, PublicKey};

use super::openssl::Folder;

#[test]
fn openssl_reads_every_kind_of_key() {
    let folder = Folder::new();
    for (algorithm, shown) in [
        (KeyAlgorithm::Rsa { bits: 2048 }, "Private-Key: (2048 bit, 2 primes)"),
        (KeyAlgorithm::EcdsaP256, "ASN1 OID: prime256v1"),
        (KeyAlgorithm::EcdsaP384, "ASN1 OID: secp384r1"),
        (KeyAlgorithm::Ed25519, "ED25519 Private-Key:"),
    ] {
        let key = PrivateKey::generate(&algorithm).unwrap();
        folder.write("key", key.to_pem().as_bytes());
        folder.write("key.der", &*key.to_pkcs8());
        folder.openssl("pkey -in key.der -inform DER -noout -check");
        let said = folder.openssl("pkey -in key -text -noout -check");
        assert!(said.contains(shown) && said.contains("Key is valid"), "{said}");
        folder.openssl("pkey -in key -pubout -out public");
        assert_eq!(String::from_utf8(folder.read("public")).unwrap(), key.public_key().to_pem());
        folder.openssl("pkey -in key -out again");
        assert_eq!(folder.read("again"), key.to_pem().as_bytes());
    }
}

#[test]
fn every_form_of_openssl_is_read() {
    let folder = Folder::new();
    for (made_by, algorithm) in [
        ("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048", KeyAlgorithm::Rsa { bits: 2048 }),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256", KeyAlgorithm::EcdsaP256),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384", KeyAlgorithm::EcdsaP384),
        ("genpkey -algorithm ED25519", KeyAlgorithm::Ed25519),
    ] {
        folder.openssl(&format!("{made_by} -out key"));
        folder.openssl("pkey -in key -pubout -out public");
        let public = PublicKey::from_pem(&text(&folder, "public")).unwrap();
        assert_eq!(public.algorithm(), algorithm);
        let mut forms = vec!["key"];
        if algorithm != KeyAlgorithm::Ed25519 {
            folder.openssl("pkey -in key -traditional -out old");
            assert!(!text(&folder, "old").contains("BEGIN PRIVATE KEY"));
            forms.push("old");
        }
        for form in forms {
            let key = PrivateKey::from_pem(&text(&folder, form)).unwrap();
            assert_eq!((key.algorithm(), key.public_key()), (&algorithm, &public), "{form}");
        }
        folder.openssl("pkey -in key -aes256 -passout pass:x -out encrypted");
        assert_eq!(PrivateKey::from_pem(&text(&folder, "encrypted")).unwrap_err(), KeyError::Encrypted);
    }
    folder.openssl("ecparam -name prime256v1 -genkey -out parameters");
    PrivateKey::from_pem(&text(&folder, "parameters")).unwrap();
    folder.openssl("genrsa -traditional -aes128 -passout pass:xxxx -out encrypted 2048");
    assert_eq!(PrivateKey::from_pem(&text(&folder, "encrypted")).unwrap_err(), KeyError::Encrypted);
    folder.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-521 -out key");
    let error = PrivateKey::from_pem(&text(&folder, "key")).unwrap_err();
    assert_eq!(error, KeyError::UnknownKind { algorithm: "1.3.132.0.35".to_owned() });
    folder.openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out key");
    assert!(matches!(PrivateKey::from_pem(&text(&folder, "key")), Err(KeyError::Refused { .. })));
}

fn text(folder: &Folder, name: &str) -> String {
    String::from_utf8(folder.read(name)).unwrap()
}

/// Keys as CryptoAPI takes them: `PRIVATEKEYBLOB`.
#[test]
fn openssl_makes_the_same_of_a_key_for_crypto_api() {
    let folder = Folder::new();
    for bits in [2048, 3072] {
        let key = PrivateKey::generate(&KeyAlgorithm::Rsa { bits }).unwrap();
        folder.write("key.der", &*key.to_pkcs8());
        folder.openssl("rsa -inform DER -in key.der -outform MSBLOB -out key.blob");
        let ours = trueup::formats::key_blobs::crypto_api(&key.to_pkcs8()).unwrap();
        assert!(*ours == folder.read("key.blob"), "RSA {bits}");
    }
}

//! PFX files in both directions: modern, legacy and what else openssl makes.

use trueup::formats::certificate_files::pfx::{Pfx, PfxError, PfxParts, PfxStrength, build, open};

use super::bench::Bench;

/// What openssl prints of a PFX.
fn shown(bench: &Bench, password: &str, more: &[&str]) -> String {
    bench.run(&[&["pkcs12", "-in", "made.pfx", "-nodes", "-passin", &format!("pass:{password}")], more].concat())
}

#[test]
fn openssl_opens_what_is_made() {
    let bench = Bench::of_curve();
    let [key, certificate, sub, root] = ["web.p8", "web.der", "sub.der", "root.der"].map(|name| bench.read(name));
    let chain = [sub.as_slice(), root.as_slice()];
    for (strength, more) in [(PfxStrength::Modern, &[][..]), (PfxStrength::Legacy, &["-legacy"])] {
        for (password, name) in [("geheim", Some("ACS web")), ("", None), ("Pa$$ wörd", Some("Größe"))] {
            let parts = PfxParts { key: &key, certificate: &certificate, chain: &chain, friendly_name: name };
            let made = build(&parts, password, strength).unwrap();
            bench.put("made.pfx", &made);
            let said = shown(&bench, password, more);
            assert!(said.contains(bench.text("web.key").trim()), "{said}");
            let blocks: Vec<_> = said.match_indices("BEGIN CERTIFICATE").collect();
            assert_eq!(blocks.len(), 3, "{said}");
            assert_eq!(said.matches("localKeyID: ").count(), 2, "{said}");
            assert_eq!(said.matches("friendlyName: ").count(), usize::from(name.is_some()), "{said}");
            assert!(name.is_none_or(|name| said.contains(&format!("friendlyName: {name}\n"))), "{said}");

            let opened = open(&made, password).unwrap();
            let expected = Pfx {
                key: Some(key.clone().into()),
                certificates: vec![certificate.clone(), sub.clone(), root.clone()],
                friendly_name: name.map(str::to_owned),
            };
            assert!(opened == expected, "{opened:?}");
            assert!(matches!(open(&made, "other"), Err(PfxError::Password)));
            let other = build(&parts, password, strength).unwrap();
            assert_ne!(made, other, "salts are drawn");
        }
        bench.put(
            "made.pfx",
            &build(&PfxParts { key: &key, certificate: &certificate, chain: &[], friendly_name: None }, "x", strength)
                .unwrap(),
        );
        let said = String::from_utf8(
            bench
                .output(&[&["pkcs12", "-info", "-noout", "-in", "made.pfx", "-passin", "pass:x"], more].concat())
                .stderr,
        )
        .unwrap();
        let expected = match strength {
            PfxStrength::Modern => {
                ["MAC: sha256, Iteration 10000", "PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256"]
            }
            PfxStrength::Legacy => ["MAC: sha1, Iteration 10000", "pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 10000"],
        };
        for words in expected {
            assert!(said.contains(words), "{said}");
        }
    }
}

#[test]
fn what_openssl_makes_is_opened() {
    let bench = Bench::new(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    bench.put("chain.pem", format!("{}{}", bench.text("sub.pem"), bench.text("root.pem")).as_bytes());
    let export = [
        "pkcs12",
        "-export",
        "-inkey",
        "web.key",
        "-in",
        "web.pem",
        "-certfile",
        "chain.pem",
        "-name",
        "ACS web",
        "-passout",
        "pass:geheim",
        "-out",
        "made.pfx",
    ];
    for more in [
        &[][..],
        &["-legacy"],
        &["-legacy", "-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
        &["-legacy", "-certpbe", "PBE-SHA1-RC2-40", "-keypbe", "PBE-SHA1-3DES"],
        &["-certpbe", "AES-128-CBC", "-keypbe", "AES-192-CBC", "-macalg", "sha512"],
        &["-certpbe", "NONE", "-keypbe", "NONE"],
        &["-certpbe", "NONE"],
        &["-iter", "1", "-maciter"],
        &["-nomac"],
    ] {
        bench.run(&[&export[..], more].concat());
        let opened = open(&bench.read("made.pfx"), "geheim").unwrap_or_else(|error| panic!("{more:?}: {error:?}"));
        let certificates = ["web.der", "sub.der", "root.der"].map(|name| bench.read(name));
        assert_eq!(opened.certificates, certificates, "{more:?}");
        assert!(opened.key.as_deref() == Some(&bench.read("web.p8")), "{more:?}");
        assert_eq!(opened.friendly_name.as_deref(), Some("ACS web"), "{more:?}");
        if !more.contains(&"-keypbe") || !more.contains(&"-certpbe") || more.contains(&"-macalg") {
            assert!(matches!(open(&bench.read("made.pfx"), "falsch"), Err(PfxError::Password)), "{more:?}");
        }
    }
    // Certificates alone, and a key alone.
    bench.run(&[
        "pkcs12",
        "-export",
        "-nokeys",
        "-in",
        "chain.pem",
        "-caname",
        "all",
        "-passout",
        "pass:",
        "-out",
        "made.pfx",
    ]);
    let opened = open(&bench.read("made.pfx"), "").unwrap();
    assert_eq!((opened.key.is_none(), opened.certificates.len()), (true, 2));
    assert_eq!(opened.friendly_name.as_deref(), Some("all"));
    bench.run(&["pkcs12", "-export", "-nocerts", "-inkey", "web.key", "-passout", "pass:x", "-out", "made.pfx"]);
    let opened = open(&bench.read("made.pfx"), "x").unwrap();
    assert_eq!((opened.key.is_some(), opened.certificates.len()), (true, 0));
}

#[test]
fn damage_is_not_taken_for_another_password() {
    let bench = Bench::of_curve();
    bench.run(&[
        "pkcs12",
        "-export",
        "-inkey",
        "web.key",
        "-in",
        "web.pem",
        "-passout",
        "pass:geheim",
        "-out",
        "made.pfx",
    ]);
    let sound = bench.read("made.pfx");
    assert!(matches!(open(&sound[..sound.len() - 1], "geheim"), Err(PfxError::Form)));
    assert!(matches!(open(b"", "geheim"), Err(PfxError::Form)));
    assert!(matches!(open(&bench.read("web.der"), "geheim"), Err(PfxError::Form)));
    assert!(matches!(open(&sound, "gehei\u{1F600}"), Err(PfxError::PasswordCharacters)));
    let mut indefinite = sound.clone();
    indefinite[1] = 0x80;
    assert!(matches!(open(&indefinite, "geheim"), Err(PfxError::IndefiniteLength)));
    for legacy in ["PBE-SHA1-RC4-128", "PBE-SHA1-2DES"] {
        let made = bench.output(&[
            "pkcs12", "-export", "-legacy", "-certpbe", legacy, "-inkey", "web.key", "-in", "web.pem", "-passout",
            "pass:x", "-out", "old.pfx",
        ]);
        if made.status.success() {
            assert!(matches!(open(&bench.read("old.pfx"), "x"), Err(PfxError::Unsupported(_))), "{legacy}");
        }
    }
    // The salts and the sealed parts: whichever byte is torn, nothing but an error comes out.
    for at in (0..sound.len()).step_by(17) {
        let mut torn = sound.clone();
        torn[at] ^= 0x11;
        if let Ok(opened) = open(&torn, "geheim") {
            assert_eq!(opened.certificates, [bench.read("web.der")], "byte {at}");
        }
    }
}

#[test]
fn only_keys_and_certificates_go_in() {
    let bench = Bench::of_curve();
    let [key, certificate] = ["web.p8", "web.der"].map(|name| bench.read(name));
    let parts = PfxParts { key: &key, certificate: &certificate, chain: &[], friendly_name: None };
    let refuse = |parts: PfxParts<'_>| build(&parts, "x", PfxStrength::Modern).unwrap_err();
    assert!(matches!(refuse(PfxParts { key: &certificate, ..parts }), PfxError::NotKey));
    bench.run(&["ec", "-in", "web.key", "-outform", "DER", "-out", "sec1"]);
    assert!(matches!(refuse(PfxParts { key: &bench.read("sec1"), ..parts }), PfxError::NotKey));
    assert!(matches!(refuse(PfxParts { certificate: &key, ..parts }), PfxError::NotCertificate));
    assert!(matches!(refuse(PfxParts { chain: &[&bench.read("web.csr.der")], ..parts }), PfxError::NotCertificate));
}

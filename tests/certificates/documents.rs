//! What the `certificates` section refuses: each code, and the words in the document that it points at.

use trueup::document::{Colour, render};

use super::world::loaded;

/// A name, the section's text, and each finding as its code and the text that stands at its place.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const PLACE: &str = r"files: [{ path: 'C:\a.pem', form: certificate-pem }]";
const KEY: &str = r"files: [{ path: 'C:\a.key', form: key-pem }]";

const CASES: [Case; 55] = [
    ("nobody issues it", "  web: { subject: CN=x, PLACE }", &[("no_issuer", "web:")]),
    ("an empty mapping as issuer", "  web: { issuer: {}, subject: CN=x, PLACE }", &[("bad_issuer", "{}")]),
    (
        "two sources at once",
        r"  web: { issuer: { csr: {}, bundle: ['C:\x'] }, subject: CN=x, PLACE }",
        &[("bad_issuer", "{ csr")],
    ),
    ("a source that there is not", r"  web: { issuer: { pfy: {} }, subject: CN=x, PLACE }", &[("bad_issuer", "pfy")]),
    (
        "a source that is to come",
        "  web: { issuer: { acme: {} }, subject: CN=x, PLACE }",
        &[("unsupported_issuer", "acme")],
    ),
    ("a gateway", "  web: { issuer: { gateway: {} }, subject: CN=x, PLACE }", &[("unsupported_issuer", "gateway")]),
    ("an entry that there is not", "  web: { issuer: root, subject: CN=x, PLACE }", &[("unknown_issuer", "root")]),
    (
        "an entry that is no authority",
        "  root: { issuer: self, subject: CN=r, KEY }\n  web: { issuer: root, subject: CN=x, PLACE }",
        &[("issuer_is_no_ca", "root, ")],
    ),
    (
        "an entry that is to go",
        "  root: { ensure: absent, ca: true, subject: CN=r }\n  web: { issuer: root, subject: CN=x, PLACE }",
        &[("issuer_is_absent", "root, ")],
    ),
    (
        "each signs the other",
        "  a: { issuer: b, ca: true, subject: CN=a, KEY }\n  b: { issuer: A, ca: true, subject: CN=b, PLACE }",
        &[("issuer_cycle", "b, ca"), ("issuer_cycle", "A, ca")],
    ),
    (
        "more authorities than the root allows",
        "  r: { issuer: self, ca: { path_length: 0 }, subject: CN=r, KEY }\n  \
         m: { issuer: r, ca: true, subject: CN=m, PLACE }\n  \
         web: { issuer: m, subject: CN=x, store: ['LocalMachine\\My'] }",
        &[("path_too_long", "m, subject: CN=x")],
    ),
    (
        "two entries of one name",
        "  web: { issuer: self, subject: CN=x, PLACE }\n  WEB: { issuer: self, subject: CN=y, KEY }",
        &[("named_twice", "WEB")],
    ),
    (
        "two entries write one file",
        r"  a: { issuer: self, subject: CN=x, PLACE }
  b: { issuer: self, subject: CN=y, files: [{ path: 'c:\A.PEM', form: certificate-der }] }",
        &[("file_twice", "{ path: 'c:")],
    ),
    ("a subject that is none", "  web: { issuer: self, subject: 'CN', PLACE }", &[("bad_subject", "")]),
    ("an unknown attribute", "  web: { issuer: self, subject: [{ XX: a }], PLACE }", &[("bad_subject", "XX")]),
    ("an attribute without text", "  web: { issuer: self, subject: [{ C: CHE }], PLACE }", &[("bad_subject", "CHE")]),
    ("a part without attributes", "  web: { issuer: self, subject: [{}], PLACE }", &[("bad_subject", "{}")]),
    ("neither subject nor names", "  web: { issuer: self, PLACE }", &[("no_subject", "issuer")]),
    (
        "an authority without a subject",
        "  web: { issuer: self, ca: true, names: [dns:a], KEY }",
        &[("no_subject", "ca: true")],
    ),
    ("a name without its kind", "  web: { issuer: self, names: [a.example], PLACE }", &[("bad_name", "a.example")]),
    ("an address that is none", "  web: { issuer: self, names: ['ip:10.0.0'], PLACE }", &[("bad_name", "")]),
    ("a name twice", "  web: { issuer: self, names: [dns:a, dns:A], PLACE }", &[("name_twice", "dns:A")]),
    (
        "an address twice",
        "  web: { issuer: self, names: ['ip:::1', 'ip:0::1'], PLACE }",
        &[("name_twice", "'ip:0::1'")],
    ),
    (
        "a purpose that there is not",
        "  web: { issuer: self, subject: CN=x, usage: [sever], PLACE }",
        &[("bad_usage", "sever")],
    ),
    (
        "a key usage that there is not",
        "  web: { issuer: self, subject: CN=x, key_usage: [sign], PLACE }",
        &[("bad_usage", "sign")],
    ),
    ("SHA-1", "  web: { issuer: existing, digest: sha1, PLACE }", &[("weak_digest", "sha1")]),
    (
        "SHA-1 where something is signed",
        "  web: { issuer: self, subject: CN=x, allow_weak: true, digest: sha1, PLACE }",
        &[("cannot_sign", "digest")],
    ),
    ("another digest", "  web: { issuer: self, subject: CN=x, digest: md5, PLACE }", &[("bad_digest", "md5")]),
    ("a short key", "  web: { issuer: self, subject: CN=x, key: { bits: 1024 }, PLACE }", &[("bad_key", "1024")]),
    (
        "a length that is not made",
        "  web: { issuer: self, subject: CN=x, key: { bits: 2049 }, PLACE }",
        &[("bad_key", "2049")],
    ),
    (
        "bits of a curve",
        "  web: { issuer: self, subject: CN=x, key: { algorithm: ecdsa, bits: 2048 }, PLACE }",
        &[("bad_key", "2048")],
    ),
    ("a curve of RSA", "  web: { issuer: self, subject: CN=x, key: { curve: p256 }, PLACE }", &[("bad_key", "p256")]),
    (
        "Ed25519 in a store",
        r"  web: { issuer: self, subject: CN=x, key: { algorithm: ed25519 }, store: ['LocalMachine\My'] }",
        &[("ed25519_in_store", "key")],
    ),
    (
        "a PFX without a password",
        r"  web: { issuer: self, subject: CN=x, files: [{ path: 'C:\a', form: pfx }] }",
        &[("no_password", "pfx")],
    ),
    (
        "a password that protects nothing",
        r"  web: { issuer: self, subject: CN=x, files: [{ path: 'C:\a', form: key-pem, password: { env: A } }] }",
        &[("useless_password", "key-pem")],
    ),
    (
        "a list that lies nowhere",
        "  web: { issuer: self, ca: true, subject: CN=x, crl: {}, PLACE }",
        &[("empty_crl", "{}")],
    ),
    (
        "a list behind TLS",
        "  web: { issuer: self, ca: true, subject: CN=x, crl: { url: 'https://a/b' }, PLACE }",
        &[("bad_crl_url", "'https")],
    ),
    (
        "a list that is signed all the time",
        r"  web: { issuer: self, ca: true, subject: CN=x, crl: { path: 'C:\l', valid_for: 7d, renew_before: 7d }, PLACE }",
        &[("bad_renewal", "{ path")],
    ),
    (
        "a serial number that is none",
        r"  web: { issuer: self, ca: true, subject: CN=x, crl: { path: 'C:\l', revoked: [{ serial: 'xy', since: 2026-01-01 }] }, PLACE }",
        &[("bad_serial", "'xy'")],
    ),
    (
        "a serial number that is too long",
        r"  web: { issuer: self, ca: true, subject: CN=x, crl: { path: 'C:\l', revoked: [{ serial: '11111111111111111111111111111111111111111', since: 2026-01-01 }] }, PLACE }",
        &[("bad_serial", "'1111")],
    ),
    (
        "a list of one that is no authority",
        r"  web: { issuer: self, subject: CN=x, crl: { path: 'C:\l' }, PLACE }",
        &[("crl_without_ca", "crl")],
    ),
    (
        "renewed all the time",
        "  web: { issuer: self, subject: CN=x, valid_for: 30d, renew_before: 30d, PLACE }",
        &[("bad_renewal", "renew_before")],
    ),
    ("nothing that could go", "  web: { ensure: absent }", &[("nothing_to_remove", "ensure")]),
    ("no place", "  web: { issuer: self, subject: CN=x }", &[("no_place", "issuer")]),
    ("a bundle without a place", r"  web: { issuer: { bundle: ['C:\x'] } }", &[("no_place", "issuer")]),
    (
        "a bundle with a subject",
        r"  web: { issuer: { bundle: ['C:\x'] }, subject: CN=x, store: ['LocalMachine\CA'] }",
        &[("not_for_a_bundle", "subject")],
    ),
    (
        "certificates that are none",
        "  web: { issuer: { bundle: [\"-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----\\n\"] }, store: ['LocalMachine\\CA'] }",
        &[("bad_bundle", "")],
    ),
    (
        "one certificate that owns a store",
        r"  web: { issuer: self, subject: CN=x, exclusive: true, store: ['LocalMachine\My'] }",
        &[("not_a_set", "exclusive")],
    ),
    (
        "made and pinned",
        "  web: { issuer: self, subject: CN=x, thumbprint: 00112233445566778899AABBCCDDEEFF00112233, PLACE }",
        &[("pinned_and_made", "thumbprint")],
    ),
    ("a store that is none", r"  web: { issuer: self, subject: CN=x, store: ['My'] }", &[("bad_store", "'My'")]),
    ("a request that lies nowhere", "  web: { issuer: csr, subject: CN=x, KEY }", &[("no_request_file", "issuer")]),
    (
        "a request that nobody makes",
        r"  web: { issuer: self, subject: CN=x, files: [{ path: 'C:\a', form: csr }] }",
        &[("useless_request", "{ path")],
    ),
    (
        "the key of an existing one",
        r"  web: { issuer: existing, store: ['LocalMachine\My'], files: [{ path: 'C:\a', form: key-pem }] }",
        &[("key_of_existing", "{ path")],
    ),
    (
        "three things at once",
        "  web: { issuer: self, digest: md5, names: [x, dns:a], usage: [sever], PLACE }",
        &[("bad_digest", "md5"), ("bad_name", "x,"), ("bad_usage", "sever")],
    ),
    ("nothing", "  web: { issuer: self, subject: CN=x, PLACE }", &[]),
];

#[test]
fn each_mistake_has_its_code_and_its_place() {
    let mut wrong = String::new();
    for (name, section, expected) in CASES {
        let section = section.replace("PLACE", PLACE).replace("KEY", KEY);
        let text = format!("version: 1\ncertificates:\n{section}\n");
        let found = match loaded(&text) {
            Ok(_) => Vec::new(),
            Err(failure) => failure.diagnostics,
        };
        let found: Vec<(String, String)> = found
            .iter()
            .map(|one| {
                let at = one.at.expect("it has a place");
                let line = text.lines().nth(usize::try_from(at.line).unwrap() - 1).unwrap();
                let rest: String = line.chars().skip(usize::try_from(at.column).unwrap() - 1).collect();
                (one.code.trim_start_matches("certificate.").to_owned(), rest)
            })
            .collect();
        let fits = found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|((code, rest), (wanted, start))| code == wanted && rest.starts_with(start));
        if !fits {
            wrong.push_str(&format!("{name}: {found:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_mistake_is_shown_with_its_line_and_what_to_do() {
    let text = r"version: 1
certificates:
  root: { issuer: self, subject: CN=Root, files: [{ path: 'C:\r.key', form: key-pem }] }
  web:
    issuer: roots
    subject: CN=web
    names: [dns:web, 'ip:10.0.0.300']
    key: { algorithm: ecdsa, bits: 2048 }
    store: [LocalMachine\My]
";
    let failure = loaded(text).expect_err("it is refused");
    insta::assert_snapshot!(render(&failure.diagnostics, &failure.sources, Colour::Plain), @r#"
    error[certificate.unknown_issuer]: there is no certificate entry `roots`
     --> site.yaml:5:13
      |
    5 |     issuer: roots
      |             ^^^^^
      |
      = help: did you mean `root`?

    error[certificate.bad_name]: "10.0.0.300" is no IP address
     --> site.yaml:7:26
      |
    7 |     names: [dns:web, 'ip:10.0.0.300']
      |                          ^
      |
      = help: write the kind and the name: dns:HOST, ip:ADDRESS, email:…, uri:…, upn:…, dirname:…

    error[certificate.bad_key]: only an RSA key has a number of bits
     --> site.yaml:8:36
      |
    8 |     key: { algorithm: ecdsa, bits: 2048 }
      |                                    ^^^^
      |
      = help: an ECDSA key has a `curve`
    "#);
}

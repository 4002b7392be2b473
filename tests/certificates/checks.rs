//! The checks of a certificate and of its places: a table of named cases, at least one for each reason code. Whatever the plan of a
//! case says is then applied, and there is nothing left to do.

use std::panic::{AssertUnwindSafe, catch_unwind};

use trueup::formats::x509::{Certificate, Template};

use super::baseline::{AT_REST, Baseline, Stage, authority, issued, new_key, template, to_pem, to_pfx};
use super::world::{DAY, applied, certificate, desired, empty, found, plan, plant_stored, private_key, start, told};

/// A name, what is other than in the baseline, and what the plan tells of it.
pub type Case = (&'static str, fn(&mut Stage), &'static [&'static str]);

/// Goes through all cases and names every one that tells something else, or whose plan does not lead to where it says.
#[track_caller]
pub fn check(cases: &[Case]) {
    let baseline = Baseline::new();
    let mut wrong = String::new();
    for (name, change, expected) in cases {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut stage = baseline.stage();
            change(&mut stage);
            let told = stage.told();
            if told == *expected {
                stage.converges();
                String::new()
            } else {
                format!("{name}:\n  expected {expected:#?}\n  told {told:#?}\n")
            }
        }));
        wrong.push_str(&outcome.unwrap_or_else(|_| format!("{name}: it does not come to its end\n")));
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_baseline_waits_for_the_agency_and_the_live_machine_alone() {
    assert_eq!(told(&Baseline::new().stage().plan()), AT_REST);
}

#[test]
fn whether_it_is_there_with_its_key() {
    check(&[
        (
            "nothing is there",
            |stage| {
                for file in ["lean.key", "lean.pem", "chain.pem", "lean.p7b", "lean.txt", "lean.pub"] {
                    stage.gone(&format!(r"C:\lean\{file}"));
                }
            },
            &["+ lean: absent", "lean follow 6"],
        ),
        (
            "no file holds the certificate",
            |stage| {
                stage.gone(r"C:\lean\lean.pem");
                stage.gone(r"C:\lean\lean.p7b");
            },
            &["+ lean: absent", "lean follow 6"],
        ),
        (
            "an existing one is not in its store",
            |stage| stage.empties(r"LocalMachine\TrustedPeople"),
            &["! vendor: absent", r"! vendor LocalMachine\TrustedPeople: not_ready"],
        ),
        (
            "the one that is pinned is not in its store",
            |stage| {
                let print = "00112233445566778899AABBCCDDEEFF00112233";
                stage.adds("vendor", &format!("thumbprint: '{print}'"));
            },
            &["! vendor: absent", r"! vendor LocalMachine\TrustedPeople: not_ready"],
        ),
        (
            "the supplied file is not there",
            |stage| stage.gone(r"C:\supplied\it.pfx"),
            &[
                "! supplied: absent",
                r"! supplied LocalMachine\My: not_ready",
                r"! supplied C:\supplied\it.pem: not_ready",
                "! supplied key: not_ready",
            ],
        ),
        (
            "the supplied file is none",
            |stage| stage.put(r"C:\supplied\it.pfx", "nonsense"),
            &[
                "! supplied: unreadable",
                r"! supplied LocalMachine\My: not_ready",
                r"! supplied C:\supplied\it.pem: not_ready",
                "! supplied key: not_ready",
            ],
        ),
        (
            "the given file is none",
            |stage| stage.put(r"C:\given\it.pem", "nonsense"),
            &["! given: unreadable", r"! given C:\given\it.pfx: not_ready"],
        ),
        (
            "a folder stands where the certificate should lie",
            |stage| {
                stage.gone(r"C:\lean\lean.pem");
                stage.put(r"C:\lean\lean.pem\x", "");
            },
            &[
                "! lean: unreadable",
                r"! lean C:\lean\lean.key: not_ready",
                r"! lean C:\lean\lean.pem: not_ready",
                r"! lean C:\lean\chain.pem: not_ready",
                r"! lean C:\lean\lean.p7b: not_ready",
                r"! lean C:\lean\lean.txt: not_ready",
                r"! lean C:\lean\lean.pub: not_ready",
            ],
        ),
        ("the key is not there", |stage| stage.gone(r"C:\lean\lean.key"), &["± lean: no_private_key", "lean follow 6"]),
        (
            "the key is none",
            |stage| stage.put(r"C:\lean\lean.key", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"),
            &["± lean: no_private_key", "lean follow 6"],
        ),
        (
            "the given key is not there",
            |stage| stage.gone(r"C:\given\it.key"),
            &["! given: no_private_key", r"! given C:\given\it.pfx: not_ready"],
        ),
        (
            "the key belongs to another certificate",
            |stage| stage.copies(r"C:\given\it.key", r"C:\lean\lean.key"),
            &["± lean: key_mismatch", "lean follow 6"],
        ),
        (
            "the given key belongs to another certificate",
            |stage| stage.copies(r"C:\lean\lean.key", r"C:\given\it.key"),
            &["! given: key_mismatch", r"! given C:\given\it.pfx: not_ready"],
        ),
        (
            "of two places of the key one holds another",
            |stage| stage.copies(r"C:\lean\lean.key", r"C:\web\web.key"),
            &[r"~ web C:\web\web.key: misplaced"],
        ),
        (
            "of two places of the key one is empty",
            |stage| stage.gone(r"C:\web\web.key"),
            &[r"+ web C:\web\web.key: misplaced"],
        ),
    ]);
}

/// Puts another certificate into the file of the supplied one.
fn supplies(stage: &Stage, days: i64, change: fn(&mut Template)) {
    let mut template = template("CN=supplied.example", &["dns:supplied.example"], days);
    change(&mut template);
    let other = issued(&template, new_key(), Some(&stage.agency));
    stage.put(r"C:\supplied\it.pfx", to_pfx(&other, &[&stage.agency.certificate]));
}

const SUPPLIED_WAITS: [&str; 3] = [
    r"! supplied LocalMachine\My: not_ready",
    r"! supplied C:\supplied\it.pem: not_ready",
    "! supplied key: not_ready",
];

#[test]
fn how_long_it_is_valid() {
    check(&[
        (
            "expired",
            |stage| stage.relean(&stage.issuing(), |template| template.not_after = start()),
            &["± lean: expired", "lean follow 6"],
        ),
        (
            "in its last second, which is near its end",
            |stage| {
                let end = stage.now;
                stage.relean(&stage.issuing(), |template| template.not_after = end);
            },
            &["± lean: nears_expiry", "lean follow 6"],
        ),
        (
            "the supplied one is expired",
            |stage| supplies(stage, 0, |_| {}),
            &["! supplied: expired", SUPPLIED_WAITS[0], SUPPLIED_WAITS[1], SUPPLIED_WAITS[2]],
        ),
        (
            "not valid yet",
            |stage| {
                stage.relean(&stage.issuing(), |template| {
                    template.not_before = start() + jiff::SignedDuration::from_secs(DAY);
                });
            },
            &["± lean: not_yet_valid", "lean follow 6"],
        ),
        (
            "the supplied one is not valid yet",
            |stage| {
                supplies(stage, 400, |template| template.not_before = start() + jiff::SignedDuration::from_secs(DAY))
            },
            &["! supplied: not_yet_valid", SUPPLIED_WAITS[0], SUPPLIED_WAITS[1], SUPPLIED_WAITS[2]],
        ),
        (
            "it is time to renew it, to the second",
            |stage| {
                let end = stage.now + jiff::SignedDuration::from_secs(30 * DAY);
                stage.relean(&stage.issuing(), |template| template.not_after = end);
            },
            &["± lean: nears_expiry", "lean follow 6"],
        ),
        (
            "a second before it is time to renew it, other files aside",
            |stage| {
                let end = stage.now + jiff::SignedDuration::from_secs(30 * DAY + 1);
                stage.relean(&stage.issuing(), |template| template.not_after = end);
            },
            &[r"+ lean C:\lean\lean.p7b: misplaced", r"~ lean C:\lean\lean.txt: misplaced"],
        ),
        (
            "the supplied one nears its end: its places are right all the same",
            |stage| {
                supplies(stage, 20, |_| {});
                assert_eq!(found(&stage.plan()), ["warning certificate.nears_expiry"]);
            },
            &[
                r"± supplied LocalMachine\My: misplaced",
                r"~ supplied C:\supplied\it.pem: misplaced",
                "supplied leave 1",
            ],
        ),
        (
            "an existing one nears its end",
            |stage| {
                stage.empties(r"LocalMachine\TrustedPeople");
                let vendor = issued(&template("CN=Vendor", &[], 20), new_key(), None);
                plant_stored(&stage.machine, r"LocalMachine\TrustedPeople", &vendor.certificate, None);
                assert_eq!(found(&stage.plan()), ["warning certificate.nears_expiry"]);
            },
            &[],
        ),
        (
            "of two existing ones with the name, one is expired",
            |stage| {
                let vendor = issued(&template("CN=Vendor", &[], 0), new_key(), None);
                plant_stored(&stage.machine, r"LocalMachine\TrustedPeople", &vendor.certificate, None);
            },
            &[],
        ),
    ]);
}

#[test]
fn what_it_says() {
    check(&[
        (
            "two parts of the subject stand the other way round",
            |stage| stage.says("web", "{ OU: DoD }, { OU: PKI }", "{ OU: PKI }, { OU: DoD }"),
            &["± web: subject_differs", "web follow 9", "web leave 1"],
        ),
        (
            "a value of the subject in other case",
            |stage| stage.says("web", "O: Example AG", "O: EXAMPLE AG"),
            &["± web: subject_differs", "web follow 9", "web leave 1"],
        ),
        (
            "a repeated part of the subject is missing",
            |stage| stage.says("web", "{ OU: DoD }, { OU: PKI }", "{ OU: PKI }"),
            &["± web: subject_differs", "web follow 9", "web leave 1"],
        ),
        (
            "two parts of the subject side by side",
            |stage| stage.says("web", "{ OU: DoD }, { OU: PKI }", "{ OU: DoD, ou: PKI }"),
            &["± web: subject_differs", "web follow 9", "web leave 1"],
        ),
        (
            "the same subject as a text",
            |stage| {
                stage.says(
                    "web",
                    "[{ C: CH }, { O: Example AG }, { OU: DoD }, { OU: PKI }, { CN: web.example }]",
                    "'CN=web.example, OU=PKI, OU=DoD, O=Example AG, C=CH'",
                );
            },
            &[],
        ),
        (
            "a given one has another subject",
            |stage| stage.adds("given", "subject: 'CN=other.example'"),
            &["! given: subject_differs", r"! given C:\given\it.pfx: not_ready"],
        ),
        ("a given one has the subject", |stage| stage.adds("given", "subject: 'CN=given.example'"), &[]),
        (
            "a name is missing",
            |stage| stage.says("web", "dns:WEB", "dns:WEB, dns:more.example"),
            &["± web: names_differ", "web follow 9", "web leave 1"],
        ),
        (
            "a name too many",
            |stage| stage.says("web", "dns:WEB, ", ""),
            &["± web: names_differ", "web follow 9", "web leave 1"],
        ),
        ("an address in other digits", |stage| stage.says("web", "ip:fe80::1", "ip:FE80:0:0:0::0001"), &[]),
        (
            "a name in other case",
            |stage| stage.says("web", "dns:web.example, dns:WEB", "dns:Web.Example, dns:web"),
            &[],
        ),
        (
            "names in other order",
            |stage| stage.says("web", "dns:web.example, dns:WEB", "dns:WEB, dns:web.example"),
            &[],
        ),
        (
            "a name of another kind",
            |stage| stage.says("web", "ip:10.0.0.5", "dns:10.0.0.5"),
            &["± web: names_differ", "web follow 9", "web leave 1"],
        ),
        (
            "a supplied one lacks a name",
            |stage| stage.adds("supplied", "names: [dns:other.example]"),
            &["! supplied: names_differ", SUPPLIED_WAITS[0], SUPPLIED_WAITS[1], SUPPLIED_WAITS[2]],
        ),
        (
            "a given one may have more names than asked for",
            |stage| {
                let other = template("CN=given.example", &["dns:a.example", "dns:b.example"], 700);
                let other = issued(&other, private_key(&stage.machine, r"C:\given\it.key"), Some(&stage.agency));
                stage.put(r"C:\given\it.pem", to_pem(&[&other.certificate, &stage.agency.certificate]));
                stage.adds("given", "names: [dns:a.example]");
            },
            &[r"~ given C:\given\it.pfx: misplaced"],
        ),
        (
            "for fewer purposes",
            |stage| stage.adds("lean", "usage: [server]"),
            &["± lean: usage_differs", "lean follow 6"],
        ),
        ("purposes in other order", |stage| stage.adds("lean", "usage: [client, server]"), &[]),
        (
            "its key may do something else",
            |stage| stage.adds("lean", "key_usage: [digital_signature, key_agreement]"),
            &["± lean: usage_differs", "lean follow 6"],
        ),
        (
            "it is to be an authority",
            |stage| {
                stage.says("issuing", "ca: { path_length: 0 }", "ca: true");
                stage.adds("lean", "ca: true");
            },
            &[
                "± issuing: usage_differs",
                "± web: issuer_replaced",
                "± lean: usage_differs issuer_replaced",
                "issuing follow 4",
                "web follow 9",
                "lean follow 6",
                "web leave 1",
                "issuing leave 1",
            ],
        ),
        (
            "it allows more authorities below it",
            |stage| stage.says("issuing", "path_length: 0", "path_length: 1"),
            &[
                "± issuing: usage_differs",
                "± web: issuer_replaced",
                "± lean: issuer_replaced",
                "issuing follow 4",
                "web follow 9",
                "lean follow 6",
                "web leave 1",
                "issuing leave 1",
            ],
        ),
        (
            "a given one is for something else",
            |stage| stage.adds("given", "usage: [code_signing]"),
            &["! given: usage_differs", r"! given C:\given\it.pfx: not_ready"],
        ),
        (
            "a given one is no authority",
            |stage| stage.adds("given", "ca: true"),
            &["! given: usage_differs", r"! given C:\given\it.pfx: not_ready"],
        ),
    ]);
}

#[test]
fn its_key_and_its_signature() {
    check(&[
        (
            "another curve",
            |stage| stage.adds("lean", "key: { algorithm: ecdsa, curve: p384 }"),
            &["± lean: key_differs", "lean follow 6"],
        ),
        (
            "another family",
            |stage| stage.adds("lean", "key: { algorithm: rsa }\n    key_usage: [digital_signature]"),
            &["± lean: key_differs", "lean follow 6"],
        ),
        (
            "the key that the document names",
            |stage| stage.adds("lean", r"key: { algorithm: ecdsa, from: { path: 'C:\given\it.key' } }"),
            &["± lean: key_differs", "lean follow 6"],
        ),
        (
            "the key that the document names, in a file with a password",
            |stage| {
                let from = r"from: { path: 'C:\supplied\it.pfx', password: { env: PFX } }";
                stage.adds("lean", &format!("key: {{ algorithm: ecdsa, {from} }}"));
            },
            &["± lean: key_differs", "lean follow 6"],
        ),
        (
            "the key that the document names is the one that it has",
            |stage| {
                stage.copies(r"C:\lean\lean.key", r"C:\keys\it.key");
                stage.adds("lean", r"key: { algorithm: ecdsa, from: { path: 'C:\keys\it.key' } }");
            },
            &[],
        ),
        (
            "a new one is due, and the key that the document names is not there",
            |stage| {
                stage.relean(&stage.issuing(), |template| template.not_after = start());
                stage.adds("lean", r"key: { algorithm: ecdsa, from: { path: 'C:\keys\it.key' } }");
            },
            &[
                "! lean: expired key_not_at_hand",
                r"! lean C:\lean\lean.key: not_ready",
                r"! lean C:\lean\lean.pem: not_ready",
                r"! lean C:\lean\chain.pem: not_ready",
                r"! lean C:\lean\lean.p7b: not_ready",
                r"! lean C:\lean\lean.txt: not_ready",
                r"! lean C:\lean\lean.pub: not_ready",
            ],
        ),
        (
            "a given one has another key than it should",
            |stage| stage.adds("given", "key: { algorithm: rsa }"),
            &["! given: key_differs", r"! given C:\given\it.pfx: not_ready"],
        ),
        (
            "a given one is signed with another digest",
            |stage| stage.adds("given", "digest: sha384"),
            &["! given: digest_differs", r"! given C:\given\it.pfx: not_ready"],
        ),
        (
            "signed by an authority of another name",
            |stage| stage.relean(&stage.agency.clone(), |_| {}),
            &["± lean: issuer_differs", "lean follow 6"],
        ),
        (
            "signed by an authority of the same name with another key",
            |stage| {
                let other = issued(&authority("CN=Example Issuing,O=Example AG,C=CH"), new_key(), None);
                stage.relean(&other, |_| {});
            },
            &["± lean: issuer_differs", "lean follow 6"],
        ),
        (
            "another authority is to sign it",
            |stage| stage.says("lean", "issuer: issuing", "issuer: root"),
            &["± lean: crl_url_differs issuer_differs", "lean follow 6"],
        ),
        (
            "it is to sign itself",
            |stage| stage.says("lean", "issuer: issuing", "issuer: self"),
            &["± lean: issuer_differs", "lean follow 6"],
        ),
        (
            "its authority is replaced, and the one above",
            |stage| stage.says("root", "CN=Example Root", "CN=Other Root"),
            &[
                "± root: subject_differs",
                "± issuing: issuer_replaced",
                "± web: issuer_replaced",
                "± lean: issuer_replaced",
                "root follow 4",
                "issuing follow 4",
                "web follow 9",
                "lean follow 6",
                "web leave 1",
                "issuing leave 1",
                "root leave 1",
            ],
        ),
        (
            "its authority has declared it void",
            |stage| {
                let serial = hex(certificate(&stage.machine, r"C:\lean\lean.pem").serial());
                let revoked = format!(", revoked: [{{ serial: '{serial}', since: 2026-02-01 }}]");
                stage.says(
                    "issuing",
                    r"path: 'C:\pki\issuing.crl.pem'",
                    &format!(r"path: 'C:\pki\issuing.crl.pem'{revoked}"),
                );
            },
            &["~ issuing crl: crl_differs", "± lean: revoked_issuer", "lean follow 6"],
        ),
        (
            "the certificate of its authority is declared void",
            |stage| {
                let serial = hex(stage.issuing().certificate.serial());
                let revoked = format!(
                    "url: 'http://pki.example/root.crl', revoked: [{{ serial: '{serial}', since: 2026-02-01 }}]"
                );
                stage.says("root", "url: 'http://pki.example/root.crl'", &revoked);
            },
            &[
                "~ root crl: crl_differs",
                "± issuing: revoked_issuer",
                "± web: issuer_replaced",
                "± lean: issuer_replaced",
                "issuing follow 4",
                "web follow 9",
                "lean follow 6",
                "web leave 1",
                "issuing leave 1",
            ],
        ),
    ]);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn rsa_keys_and_digests() {
    let text = r"
certificates:
  root:
    issuer: self
    ca: true
    subject: CN=R
    valid_for: 10y
    files: [{ path: 'C:\r.key', form: key-pem }, { path: 'C:\r.pem', form: certificate-pem }]
";
    let machine = empty();
    applied(&machine, &desired(text), start());
    let told = |line: &str| {
        told(&plan(&machine, &desired(&text.replace("    ca: true", &format!("    ca: true\n    {line}"))), start()))
    };
    let differs = |code: &str| {
        [format!("± root: {code}"), r"~ root C:\r.key: follows".to_owned(), r"~ root C:\r.pem: follows".to_owned()]
    };
    assert_eq!(told("digest: sha256"), Vec::<String>::new());
    assert_eq!(told("digest: sha384"), differs("digest_differs"));
    assert_eq!(told("key: { algorithm: rsa, bits: 2048 }"), Vec::<String>::new());
    assert_eq!(told("key: { algorithm: rsa, bits: 3072 }"), differs("key_differs"));
    assert_eq!(told("key: { bits: 4096 }\n    digest: sha512"), differs("key_differs digest_differs"));
}

#[test]
fn a_short_key_is_weak_unless_it_is_put_up_with() {
    let folder = super::openssl::Folder::new();
    folder.openssl("req -x509 -newkey rsa:1024 -noenc -keyout k.pem -out c.pem -subj /CN=given.example -days 9000");
    let ders = trueup::formats::certificate_files::read_certificates(&folder.read("c.pem")).unwrap();
    let weak = Certificate::parse(&ders[0]).unwrap();
    let machine = empty();
    plant_stored(&machine, r"LocalMachine\TrustedPeople", &weak, None);
    let text = r"
certificates:
  given: { issuer: existing, subject: CN=given.example, store: [LocalMachine\TrustedPeople] }
";
    // The certificate begins when openssl made it.
    let refused = plan(&machine, &desired(text), weak.not_before());
    assert_eq!(told(&refused), ["! given: key_weak", r"! given LocalMachine\TrustedPeople: not_ready"]);
    let put_up_with = text.replace("issuer: existing", "issuer: existing, allow_weak: true");
    let accepted = plan(&machine, &desired(&put_up_with), weak.not_before());
    assert_eq!(told(&accepted), Vec::<String>::new());
    assert_eq!(found(&accepted), ["warning certificate.weak"]);
}

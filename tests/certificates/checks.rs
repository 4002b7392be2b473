//! The checks of a certificate and of its places: a table of named cases, at least one for each reason code. Whatever the plan of a
//! case says is then applied, and there is nothing left to do.

use std::panic::{AssertUnwindSafe, catch_unwind};

use trueup::formats::x509::{Certificate, Template};
use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::model::registry_data::{REG_BINARY, REG_SZ, RegistryData};
use trueup::model::thumbprint::Thumbprint;
use trueup::model::time::FileTime;

use super::baseline::{
    AT_REST, Baseline, HTTP, IIS, Issued, RDP, SQL, SQL_NAMES, Stage, WINRM, authority, issued, new_key, template,
    to_pem, to_pfx,
};
use super::world::{
    DAY, applied, certificate, certificates, desired, empty, found, plan, plant, plant_stored, private_key, start, told,
};

/// A name, what is other than in the baseline, and what the plan tells of it.
type Case = (&'static str, fn(&mut Stage), &'static [&'static str]);

/// Goes through all cases and names every one that tells something else, or whose plan does not lead to where it says.
#[track_caller]
fn check(cases: &[Case]) {
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
            ],
        ),
        (
            "the supplied file is none",
            |stage| stage.put(r"C:\supplied\it.pfx", "nonsense"),
            &[
                "! supplied: unreadable",
                r"! supplied LocalMachine\My: not_ready",
                r"! supplied C:\supplied\it.pem: not_ready",
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

const SUPPLIED_WAITS: [&str; 2] =
    [r"! supplied LocalMachine\My: not_ready", r"! supplied C:\supplied\it.pem: not_ready"];

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
            &["! supplied: expired", SUPPLIED_WAITS[0], SUPPLIED_WAITS[1]],
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
            &["! supplied: not_yet_valid", SUPPLIED_WAITS[0], SUPPLIED_WAITS[1]],
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
            &["! supplied: names_differ", SUPPLIED_WAITS[0], SUPPLIED_WAITS[1]],
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
            &["± lean: issuer_differs", "lean follow 6"],
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
fn where_it_lies() {
    check(&[
        ("a file is missing", |stage| stage.gone(r"C:\web\web.cer"), &[r"+ web C:\web\web.cer: misplaced"]),
        (
            "a file holds another certificate",
            |stage| stage.put(r"C:\web\web.cer", stage.agency.certificate.der()),
            &[r"~ web C:\web\web.cer: misplaced"],
        ),
        (
            "a file holds nonsense",
            |stage| stage.put(r"C:\web\web.cer", "nonsense"),
            &[r"~ web C:\web\web.cer: misplaced"],
        ),
        (
            "DER where PEM is wanted",
            |stage| stage.put(r"C:\lean\lean.pem", certificate(&stage.machine, r"C:\lean\lean.pem").der()),
            &[r"~ lean C:\lean\lean.pem: misplaced"],
        ),
        (
            "PEM where DER is wanted",
            |stage| stage.put(r"C:\web\web.cer", to_pem(&[&certificate(&stage.machine, r"C:\web\web.cer")])),
            &[r"~ web C:\web\web.cer: misplaced"],
        ),
        (
            "the chain is incomplete",
            |stage| stage.put(r"C:\web\web.pem", to_pem(&[&certificate(&stage.machine, r"C:\web\web.cer")])),
            &[r"~ web C:\web\web.pem: misplaced"],
        ),
        (
            "the chain stands the other way round",
            |stage| {
                let chain = certificates(&stage.machine, r"C:\web\web.pem");
                assert_eq!(chain.len(), 2);
                stage.put(r"C:\web\web.pem", to_pem(&[&chain[1], &chain[0]]));
            },
            &[r"~ web C:\web\web.pem: misplaced"],
        ),
        (
            "the root is in the chain that a server sends",
            |stage| {
                let root = certificate(&stage.machine, r"C:\pki\root.cer");
                let chain = certificates(&stage.machine, r"C:\web\web.pem");
                stage.put(r"C:\web\web.pem", to_pem(&[&chain[0], &chain[1], &root]));
            },
            &[r"~ web C:\web\web.pem: misplaced"],
        ),
        (
            "the root is not in the whole chain",
            |stage| stage.put(r"C:\lean\chain.pem", to_pem(&[&stage.issuing().certificate])),
            &[r"~ lean C:\lean\chain.pem: misplaced"],
        ),
        (
            "a PFX without its chain",
            |stage| {
                let certificate = certificate(&stage.machine, r"C:\web\web.cer");
                let key = private_key(&stage.machine, r"C:\web\web.key");
                stage.put(r"C:\web\web.pfx", to_pfx(&Issued { certificate, key }, &[]));
            },
            &[r"~ web C:\web\web.pfx: misplaced"],
        ),
        (
            "another thumbprint",
            |stage| stage.put(r"C:\lean\lean.txt", "00112233445566778899AABBCCDDEEFF00112233"),
            &[r"~ lean C:\lean\lean.txt: misplaced"],
        ),
        (
            "the thumbprint as Windows shows it",
            |stage| {
                let print = Thumbprint::of(certificate(&stage.machine, r"C:\lean\lean.pem").der()).to_lower_hex();
                let pairs: Vec<&str> =
                    print.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap()).collect();
                stage.put(r"C:\lean\lean.txt", pairs.join(" ") + "\r\n");
            },
            &[],
        ),
        (
            "another public key",
            |stage| stage.put(r"C:\lean\lean.pub", stage.agency.certificate.public_key().to_pem()),
            &[r"~ lean C:\lean\lean.pub: misplaced"],
        ),
        (
            "PEM where P7B is wanted",
            |stage| stage.copies(r"C:\lean\chain.pem", r"C:\lean\lean.p7b"),
            &[r"~ lean C:\lean\lean.p7b: misplaced"],
        ),
        (
            "it is not in its store",
            |stage| stage.empties(r"LocalMachine\My"),
            &[r"+ web LocalMachine\My: misplaced", r"+ supplied LocalMachine\My: misplaced"],
        ),
        (
            "it is to be in a further store",
            |stage| stage.says("web", r"[LocalMachine\My]", r"[LocalMachine\My, LocalMachine\WebHosting]"),
            &[r"+ web LocalMachine\WebHosting: misplaced"],
        ),
        (
            "others may read the key",
            |stage| stage.copies(r"C:\web\web.key", r"C:\web\web.key"),
            &[r"~ web C:\web\web.key: permissions_differ"],
        ),
        (
            "others may read the PFX",
            |stage| stage.copies(r"C:\web\web.pfx", r"C:\web\web.pfx"),
            &[r"~ web C:\web\web.pfx: permissions_differ"],
        ),
        (
            "another friendly name is wanted",
            |stage| stage.says("web", "friendly_name: ACS web", "friendly_name: acs web"),
            &[r"~ web LocalMachine\My: friendly_name_differs"],
        ),
        (
            "somebody took the friendly name away",
            |stage| {
                let certificate = certificate(&stage.machine, r"C:\web\web.cer");
                plant_stored(&stage.machine, r"LocalMachine\My", &certificate, None);
            },
            &[r"~ web LocalMachine\My: friendly_name_differs"],
        ),
        (
            "a store of the user who is logged on",
            |stage| stage.says("web", r"[LocalMachine\My]", r"[LocalMachine\My, CurrentUser\My]"),
            &[r"» web CurrentUser\My: place_deferred"],
        ),
        (
            "a key that goes into the key store alone",
            |stage| {
                stage
                    .text
                    .push_str("  bare:\n    issuer: issuing\n    subject: CN=bare\n    store: ['LocalMachine\\My']\n");
            },
            &["» bare: absent key_deferred", r"» bare LocalMachine\My: not_ready", "» bare key: not_ready"],
        ),
        (
            "accounts that may read the key",
            |stage| stage.adds("lean", r"key: { algorithm: ecdsa, read: ['CORP\svc-acs'] }"),
            &["» lean key: key_deferred"],
        ),
        (
            "one that is to go",
            |stage| stage.adds("lean", "ensure: absent"),
            &[
                r"- lean C:\lean\lean.key: wanted_absent",
                r"- lean C:\lean\lean.pem: wanted_absent",
                r"- lean C:\lean\chain.pem: wanted_absent",
                r"- lean C:\lean\lean.p7b: wanted_absent",
                r"- lean C:\lean\lean.txt: wanted_absent",
                r"- lean C:\lean\lean.pub: wanted_absent",
            ],
        ),
        (
            "one that is to go from its store",
            |stage| stage.adds("vendor", "ensure: absent"),
            &[r"- vendor LocalMachine\TrustedPeople #: wanted_absent"],
        ),
    ]);
}

#[test]
fn what_a_bundle_holds() {
    check(&[
        (
            "one is not in the store",
            |stage| stage.empties(r"LocalMachine\AuthRoot"),
            &[r"+ trusted LocalMachine\AuthRoot #: misplaced"],
        ),
        (
            "the folder has a further file with two",
            |stage| {
                let more = ["CN=One", "CN=Two"].map(|name| issued(&authority(name), new_key(), None).certificate);
                stage.put(r"C:\bundle\more.pem", to_pem(&[&more[0], &more[1]]));
            },
            &[r"+ trusted LocalMachine\AuthRoot #: misplaced", r"+ trusted LocalMachine\AuthRoot #: misplaced"],
        ),
        ("the folder is empty", |stage| stage.gone(r"C:\bundle\agency.cer"), &["! trusted: unreadable"]),
        (
            "a file of the folder is none",
            |stage| {
                stage.put(r"C:\bundle\readme.txt", "nonsense");
                assert_eq!(found(&stage.plan()), ["warning certificate.unusable_file"]);
            },
            &[],
        ),
        (
            "the store holds others as well",
            |stage| {
                let other = issued(&authority("CN=Other"), new_key(), None);
                plant_stored(&stage.machine, r"LocalMachine\AuthRoot", &other.certificate, None);
            },
            &[],
        ),
        (
            "the store is to hold no others",
            |stage| {
                let other = issued(&authority("CN=Other"), new_key(), None);
                plant_stored(&stage.machine, r"LocalMachine\AuthRoot", &other.certificate, None);
                stage.adds("trusted", "exclusive: true");
            },
            &[r"- trusted LocalMachine\AuthRoot #: not_named"],
        ),
    ]);
}

fn other_print() -> RegistryData {
    RegistryData::new(REG_BINARY, vec![9; 20])
}

#[test]
fn who_uses_it() {
    check(&[
        (
            "Remote Desktop uses another",
            |stage| plant(&stage.machine, RDP, &[("SSLCertificateSHA1Hash", other_print())]),
            &["~ web rdp: consumer_differs"],
        ),
        ("Remote Desktop uses none", |stage| plant(&stage.machine, RDP, &[]), &["~ web rdp: consumer_differs"]),
        (
            "Remote Desktop is not there",
            |stage| plant(&stage.machine, RDP.strip_suffix(r"\RDP-Tcp").unwrap(), &[]),
            &["! web rdp: consumer_absent"],
        ),
        (
            "WinRM uses another",
            |stage| plant(&stage.machine, WINRM, &[("certThumbprint", RegistryData::text(REG_SZ, "00"))]),
            &["~ web winrm: consumer_differs"],
        ),
        (
            "WinRM has the thumbprint in small letters with spaces",
            |stage| {
                let print = Thumbprint::of(certificate(&stage.machine, r"C:\web\web.cer").der()).to_lower_hex();
                let text = format!("{} {}", &print[..20], &print[20..]);
                plant(&stage.machine, WINRM, &[("certThumbprint", RegistryData::text(REG_SZ, &text))]);
            },
            &[],
        ),
        (
            "WinRM listens without TLS alone",
            |stage| {
                let listeners = WINRM.strip_suffix(r"\*+HTTPS").unwrap();
                plant(&stage.machine, listeners, &[]);
                plant(&stage.machine, &format!(r"{listeners}\*+HTTP"), &[]);
            },
            &["! web winrm: consumer_absent"],
        ),
        (
            "SQL Server uses another",
            |stage| plant(&stage.machine, SQL, &[("Certificate", RegistryData::text(REG_SZ, "00"))]),
            &["~ web sql: consumer_differs"],
        ),
        ("SQL Server has no instance", |stage| plant(&stage.machine, SQL_NAMES, &[]), &["! web sql: consumer_absent"]),
        (
            "IIS uses another",
            |stage| plant(&stage.machine, HTTP, &[("SslCertHash", other_print())]),
            &["~ web iis Default Web Site: consumer_differs"],
        ),
        (
            "IIS has no such site",
            |stage| stage.says("web", "iis: Default Web Site", "iis: Other"),
            &["! web iis Other: consumer_absent"],
        ),
        (
            "the site has no binding in http.sys",
            |stage| plant(&stage.machine, HTTP.strip_suffix(r"\0.0.0.0:443").unwrap(), &[]),
            &["! web iis Default Web Site: consumer_absent"],
        ),
        ("IIS is not there", |stage| stage.gone(IIS), &["! web iis Default Web Site: consumer_absent"]),
        (
            "a consumer that nobody can look at",
            |stage| stage.says("web", "used_by: [rdp,", "used_by: [nps_eap, rdp,"),
            &["? web nps_eap: consumer_unseen"],
        ),
    ]);
}

#[test]
fn revocation_lists() {
    check(&[
        ("it is not there", |stage| stage.gone(r"C:\pki\root.crl"), &["+ root crl: crl_absent"]),
        ("it is none", |stage| stage.put(r"C:\pki\root.crl", "nonsense"), &["~ root crl: crl_absent"]),
        ("it is not time to sign it again", |stage| stage.days(22), &[]),
        (
            "it is time to sign it again",
            |stage| stage.days(23),
            &["~ root crl: crl_nears_expiry", "~ issuing crl: crl_nears_expiry"],
        ),
        (
            "it is past its end",
            |stage| stage.days(40),
            &["~ root crl: crl_nears_expiry", "~ issuing crl: crl_nears_expiry"],
        ),
        (
            "it is to name a certificate",
            |stage| {
                let revoked =
                    "url: 'http://pki.example/root.crl', revoked: [{ serial: '4a:3b:2c', since: 2026-02-01 }]";
                stage.says("root", "url: 'http://pki.example/root.crl'", revoked);
            },
            &["~ root crl: crl_differs"],
        ),
        (
            "it is to name no certificate any more",
            |stage| {
                let text = stage.text.clone();
                let revoked = "url: 'http://pki.example/root.crl', revoked: [{ serial: '00ff', since: 2026-02-01 }]";
                stage.says("root", "url: 'http://pki.example/root.crl'", revoked);
                stage.apply();
                stage.text = text;
            },
            &["~ root crl: crl_differs"],
        ),
        (
            "the serial number in other digits",
            |stage| {
                let text = stage.text.clone();
                let line = |serial: &str| {
                    format!(
                        "url: 'http://pki.example/root.crl', revoked: [{{ serial: '{serial}', since: 2026-02-01 }}]"
                    )
                };
                stage.says("root", "url: 'http://pki.example/root.crl'", &line("0aff"));
                stage.apply();
                stage.text = text;
                stage.says("root", "url: 'http://pki.example/root.crl'", &line("00:0A:FF"));
            },
            &[],
        ),
        (
            "another authority signed it",
            |stage| {
                let other = super::world::revocation_list(&stage.machine, r"C:\pki\issuing.crl.pem");
                stage.put(r"C:\pki\root.crl", other.der());
            },
            &["~ root crl: crl_issuer_differs"],
        ),
    ]);
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

#[test]
fn an_image_has_the_drive_that_it_is() {
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(start())).unwrap();
    let image = ImageMachine::open(folder.path(), DirtyHives::Refuse).unwrap();
    let desired = desired(
        r"
certificates:
  web:
    issuer: self
    subject: CN=web
    key: { algorithm: ecdsa }
    store: [CurrentUser\My]
    files:
      - { path: 'D:\web\web.key', form: key-pem }
      - { path: 'C:\web\web.key', form: key-pem }
      - { path: 'D:\web\web.pem', form: certificate-pem }
",
    );
    let expected = [
        "+ web: absent",
        r"» web CurrentUser\My: place_deferred",
        r"» web D:\web\web.key: place_deferred",
        r"+ web C:\web\web.key: follows",
        r"» web D:\web\web.pem: place_deferred",
        "» web key: key_deferred",
    ];
    assert_eq!(told(&plan(&image, &desired, start())), expected);
}

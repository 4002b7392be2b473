//! Certificates that an authority elsewhere signs: the request, what may lie in the inbox, and what is made of it.

use trueup::formats::certificate_files::pem;
use trueup::formats::certificate_files::{FileForm, Material, write};
use trueup::formats::x509::{AlternativeName, Authority, Certificate, DistinguishedName, ExtendedUsage, KeyUsage};

use super::baseline::{Baseline, Issued, Stage, authority, issued, new_key, template, to_pem, to_pfx};
use super::openssl::Folder;
use super::world::{
    DAY, applied, certificates, desired, empty, holds, path, plan, private_key, read, start, told, try_apply,
};

const SENT: &str = r"C:\inbox\sent.cer";
const PENDING_KEY: &str = r"%ProgramData%\trueup\keys\agency.pending.pem";

fn seconds(days: i64) -> jiff::SignedDuration {
    jiff::SignedDuration::from_secs(days * DAY)
}

/// A name, what lies in the inbox, and the codes with which it is refused.
type Case = (&'static str, fn(&mut Stage), &'static str);

const REFUSED: [Case; 19] = [
    (
        "for another key",
        |stage| {
            let other =
                issued(&template("CN=agency.example", &["dns:agency.example"], 300), new_key(), Some(&stage.agency));
            stage.put(SENT, to_pem(&[&other.certificate]));
        },
        "inbox_key_mismatch",
    ),
    (
        "for another subject",
        |stage| sends(stage, |one| one.subject = DistinguishedName::parse("CN=agency.example,O=X").unwrap()),
        "inbox_subject_differs",
    ),
    ("without its names", |stage| sends(stage, |one| one.names.clear()), "inbox_names_differ"),
    (
        "with other names",
        |stage| sends(stage, |one| one.names = vec![AlternativeName::parse("dns:x.example").unwrap()]),
        "inbox_names_differ",
    ),
    (
        "for another purpose",
        |stage| sends(stage, |one| one.extended = vec![ExtendedUsage::Client]),
        "inbox_usage_differs",
    ),
    (
        "with a key that may not sign",
        |stage| sends(stage, |one| one.key_usage = KeyUsage::KEY_AGREEMENT),
        "inbox_usage_differs",
    ),
    (
        "as an authority",
        |stage| {
            sends(stage, |one| {
                one.authority = Some(Authority { path_length: None });
                one.key_usage |= KeyUsage::CERTIFICATE_SIGN;
            });
        },
        "inbox_usage_differs",
    ),
    ("expired", |stage| sends(stage, |one| one.not_after = start()), "inbox_expired"),
    ("not valid yet", |stage| sends(stage, |one| one.not_before = start() + seconds(1)), "inbox_not_yet_valid"),
    (
        "due for renewal at once",
        |stage| sends(stage, |one| one.not_after = start() + seconds(30)),
        "inbox_nears_expiry",
    ),
    (
        "expired and without its names",
        |stage| {
            sends(stage, |one| {
                one.names.clear();
                one.not_after = start();
            });
        },
        "inbox_names_differ inbox_expired",
    ),
    (
        "signed by nobody that is trusted",
        |stage| {
            let other = issued(&authority("CN=Agency Root"), new_key(), None);
            stage.put(SENT, to_pem(&[&stage.signed(&other, |_| {}), &other.certificate]));
        },
        "inbox_untrusted",
    ),
    ("signed with SHA-1", |stage| stage.put(SENT, signed_with_sha1(stage)), "inbox_digest_weak"),
    (
        "with a private key pasted in",
        |stage| {
            let good = to_pem(&[&stage.signed(&stage.agency, |_| {})]);
            stage.put(SENT, [&good[..], new_key().to_pem().as_bytes()].concat());
        },
        "inbox_private_key",
    ),
    ("a private key", |stage| stage.put(SENT, new_key().to_pem().as_bytes()), "inbox_private_key"),
    ("nonsense", |stage| stage.put(SENT, "nonsense"), "inbox_unreadable"),
    ("an empty file", |stage| stage.put(SENT, ""), "inbox_unreadable"),
    ("the request itself", |stage| stage.copies(r"C:\agency\agency.csr", SENT), "inbox_unreadable"),
    (
        "a PFX",
        |stage| {
            let certificate = stage.signed(&stage.agency, |_| {});
            let key = private_key(&stage.machine, PENDING_KEY);
            stage.put(SENT, to_pfx(&Issued { certificate, key }, &[]));
        },
        "inbox_unreadable",
    ),
];

fn sends(stage: &Stage, change: impl FnOnce(&mut trueup::formats::x509::Template)) {
    stage.put(SENT, to_pem(&[&stage.signed(&stage.agency, change)]));
}

/// The request, signed by openssl as old authorities do.
fn signed_with_sha1(stage: &Stage) -> Vec<u8> {
    let folder = Folder::new();
    let config = "[ca]\ndefault_ca=a\n[a]\ndatabase=index\nnew_certs_dir=.\nserial=serial\npolicy=p\ncopy_extensions=copyall\n\
        default_md=sha1\n[p]\ncommonName=supplied\n";
    folder.write("ca.cnf", config);
    folder.write("index", "");
    folder.write("serial", "1000\n");
    folder.write("ca.pem", to_pem(&[&stage.agency.certificate]));
    folder.write("ca.key", stage.agency.key.to_pem().as_bytes());
    folder.write("it.csr", read(&stage.machine, r"C:\agency\agency.csr").unwrap());
    folder.openssl(
        "ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -in it.csr -out it.pem \
         -startdate 20260201000000Z -enddate 20270101000000Z",
    );
    folder.read("it.pem")
}

#[test]
fn what_is_wrong_is_refused_with_its_own_code_and_nothing_is_changed() {
    let baseline = Baseline::new();
    let mut wrong = String::new();
    for (name, change, codes) in REFUSED {
        let mut stage = baseline.stage();
        change(&mut stage);
        let told = stage.told();
        let expected = [
            format!("! agency: {codes}"),
            r"! agency C:\agency\agency.csr: not_ready".to_owned(),
            r"! agency C:\agency\agency.key: not_ready".to_owned(),
            r"! agency C:\agency\agency.pem: not_ready".to_owned(),
        ];
        let before = holds(&stage.machine);
        let report = try_apply(&stage.machine, &desired(&stage.text), stage.now).unwrap();
        assert_eq!((report.run, report.left.blocked), (None, 4), "{name}");
        assert_eq!(holds(&stage.machine), before, "{name}");
        if told != expected {
            wrong.push_str(&format!("{name}: {told:#?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A name, what lies in the inbox, and how many certificates then stand in the file.
type Good = (&'static str, fn(&Stage), usize);

/// An authority between the agency's root and what it signs.
fn middle(stage: &Stage) -> Issued {
    issued(&authority("CN=Agency Issuing"), new_key(), Some(&stage.agency))
}

#[test]
fn what_is_right_is_installed_whatever_it_comes_as() {
    let cases: [Good; 6] = [
        ("PEM", |stage| sends(stage, |_| {}), 1),
        ("DER", |stage| stage.put(SENT, stage.signed(&stage.agency, |_| {}).der()), 1),
        (
            "P7B with the authority between",
            |stage| {
                let middle = middle(stage);
                let leaf = stage.signed(&middle, |_| {});
                let chain: [&[u8]; 2] = [middle.certificate.der(), stage.agency.certificate.der()];
                let material = Material { certificate: Some(leaf.der()), chain: &chain, ..Material::default() };
                stage.put(SENT, write(FileForm::P7b, &material).unwrap());
            },
            2,
        ),
        (
            "PEM, and the authority between in a file of its own",
            |stage| {
                let middle = middle(stage);
                stage.put(SENT, to_pem(&[&stage.signed(&middle, |_| {})]));
                stage.put(r"C:\inbox\a.cer", middle.certificate.der());
            },
            2,
        ),
        (
            "PEM beside one for another key",
            |stage| {
                sends(stage, |_| {});
                let other = issued(&template("CN=agency.example", &[], 300), new_key(), Some(&stage.agency));
                stage.put(r"C:\inbox\other.pem", to_pem(&[&other.certificate]));
            },
            1,
        ),
        (
            "PEM beside an older one",
            |stage| {
                sends(stage, |_| {});
                let older = stage.signed(&stage.agency, |one| one.not_after = start() + seconds(100));
                stage.put(r"C:\inbox\a.pem", to_pem(&[&older]));
            },
            1,
        ),
    ];
    let baseline = Baseline::new();
    for (name, change, count) in cases {
        let stage = baseline.stage();
        change(&stage);
        let expected = [
            r"+ agency C:\agency\agency.key: misplaced",
            r"+ agency C:\agency\agency.pem: misplaced",
            "- agency request key: installed",
        ];
        assert_eq!(stage.told(), expected, "{name}");
        let key = private_key(&stage.machine, PENDING_KEY);
        stage.converges();
        let installed = certificates(&stage.machine, r"C:\agency\agency.pem");
        assert_eq!(installed.len(), count, "{name}");
        assert!(installed[0].matches_key(&key) && installed[0].not_after() == start() + seconds(300), "{name}");
        let kept = private_key(&stage.machine, r"C:\agency\agency.key");
        assert_eq!(kept.public_key(), key.public_key(), "{name}");
        assert_eq!(read(&stage.machine, PENDING_KEY), None, "{name}");
    }
}

#[test]
fn the_answer_to_a_protected_entry_is_installed() {
    let mut stage = Baseline::new().stage();
    stage.adds("agency", "protect: true");
    stage.apply();
    sends(&stage, |_| {});
    stage.converges();
    assert_eq!(read(&stage.machine, PENDING_KEY), None);
    assert_eq!(certificates(&stage.machine, r"C:\agency\agency.pem").len(), 1);
}

/// A name, what is other than in the baseline, and what the plan tells.
type Request = (&'static str, fn(&mut Stage), &'static [&'static str]);

#[test]
fn the_request_is_made_anew_when_it_asks_for_something_else() {
    let waits =
        ["… agency: absent", r"… agency C:\agency\agency.key: not_ready", r"… agency C:\agency\agency.pem: not_ready"];
    let cases: [Request; 6] = [
        (
            "its file is gone",
            |stage| stage.gone(r"C:\agency\agency.csr"),
            &[r"+ agency C:\agency\agency.csr: requested"],
        ),
        ("its key is gone", |stage| stage.gone(PENDING_KEY), &[r"~ agency C:\agency\agency.csr: requested"]),
        (
            "another subject",
            |stage| stage.says("agency", "CN=agency.example", "CN=agency.example,O=X"),
            &[r"~ agency C:\agency\agency.csr: requested"],
        ),
        (
            "another name",
            |stage| stage.says("agency", "[dns:agency.example]", "[dns:agency.example, dns:b.example]"),
            &[r"~ agency C:\agency\agency.csr: requested"],
        ),
        (
            "another key",
            |stage| stage.adds("agency", "key: { algorithm: ecdsa, curve: p384 }"),
            &[r"~ agency C:\agency\agency.csr: requested"],
        ),
        (
            "it is to be an authority",
            |stage| stage.adds("agency", "ca: true"),
            &[r"~ agency C:\agency\agency.csr: requested"],
        ),
    ];
    let baseline = Baseline::new();
    for (name, change, expected) in cases {
        let mut stage = baseline.stage();
        change(&mut stage);
        let told: Vec<String> = stage.told().into_iter().filter(|line| !waits.contains(&&**line)).collect();
        assert_eq!(told, expected, "{name}");
        stage.converges();
        let request = stage.request();
        assert!(request.matches_key(&private_key(&stage.machine, PENDING_KEY)), "{name}");
    }
}

#[test]
fn a_renewal_asks_again_and_leaves_what_is_there_until_the_answer_comes() {
    let mut stage = Baseline::new().stage();
    sends(&stage, |_| {});
    stage.apply();
    let first = certificates(&stage.machine, r"C:\agency\agency.pem");
    stage.days(269);
    let of_agency = |stage: &Stage| -> Vec<String> {
        let told = told(&stage.plan()).into_iter();
        told.filter(|line| line.contains(" agency")).collect()
    };
    assert_eq!(of_agency(&stage), Vec::<String>::new());
    stage.days(270);
    let expected = ["… agency: nears_expiry", r"~ agency C:\agency\agency.csr: requested"];
    assert_eq!(of_agency(&stage), expected);
    stage.converges();
    assert_eq!(of_agency(&stage)[0], "… agency: nears_expiry pending");
    assert_eq!(certificates(&stage.machine, r"C:\agency\agency.pem"), first);
    assert!(first[0].matches_key(&private_key(&stage.machine, r"C:\agency\agency.key")));
    assert!(!stage.request().matches_key(&private_key(&stage.machine, r"C:\agency\agency.key")));
    // It is in use until then.
    let chain = read(&stage.machine, r"C:\agency\agency.pem");
    stage.gone(r"C:\agency\agency.pem");
    stage.put(r"C:\agency\agency.pem", to_pem(&[&first[0], &first[0]]));
    assert_eq!(of_agency(&stage)[1..], [r"~ agency C:\agency\agency.pem: misplaced"]);
    stage.converges();
    assert_eq!(read(&stage.machine, r"C:\agency\agency.pem"), chain);
    // The one that is installed lies there still.
    let second = stage.signed(&stage.agency, |one| one.not_after = start() + seconds(900));
    stage.put(r"C:\inbox\second.cer", to_pem(&[&second]));
    stage.converges();
    assert_eq!(certificates(&stage.machine, r"C:\agency\agency.pem"), [second]);
    assert_eq!(of_agency(&stage), Vec::<String>::new());
}

/// What an authority that is signed elsewhere has issued is good as long as that authority's certificate is.
#[test]
fn what_a_waiting_authority_has_issued_stays_good() {
    let text = r"
defaults: { certificate: { key: { algorithm: ecdsa } } }
certificates:
  sub:
    issuer: { csr: { inbox: 'C:\inbox' } }
    ca: true
    subject: CN=Sub
    renew_before: 100d
    files: [{ path: 'C:\s\s.csr', form: csr }, { path: 'C:\s\s.key', form: key-pem }, { path: 'C:\s\s.pem', form: certificate-pem }]
  leaf:
    issuer: sub
    subject: CN=Leaf
    valid_for: 90d
    files: [{ path: 'C:\l\l.key', form: key-pem }, { path: 'C:\l\l.pem', form: fullchain-pem }]
";
    let (machine, desired) = (empty(), desired(text));
    applied(&machine, &desired, start());
    let told_now = told(&plan(&machine, &desired, start()));
    assert!(told_now.contains(&"… leaf: absent issuer_pending".to_owned()), "{told_now:?}");
    let agency = issued(&authority("CN=Agency Root"), new_key(), None);
    let request = read(&machine, r"C:\s\s.csr").unwrap();
    let request = &pem::decode(std::str::from_utf8(&request).unwrap()).unwrap()[0].der;
    let request = trueup::formats::x509::Request::parse(request).unwrap();
    let template = trueup::formats::x509::Template {
        not_after: start() + seconds(150),
        key_usage: request.key_usage().unwrap(),
        ..authority("CN=Sub")
    };
    let by = trueup::formats::x509::Signer::Authority { certificate: &agency.certificate, key: &agency.key };
    let der = trueup::formats::x509::issue(&template, request.public_key(), [5; 16], by).unwrap();
    machine.plant_file(&path(r"C:\inbox\s.cer"), &to_pem(&[&Certificate::parse(&der).unwrap()]));
    applied(&machine, &desired, start());
    assert_eq!(told(&plan(&machine, &desired, start())), Vec::<String>::new());
    let later = start() + seconds(50);
    let expected = ["… sub: nears_expiry", r"~ sub C:\s\s.csr: requested"];
    assert_eq!(told(&plan(&machine, &desired, later)), expected);
    applied(&machine, &desired, later);
    // Nor does its end come nearer by waiting: it is renewed as soon as its authority can sign again.
    let told = told(&plan(&machine, &desired, start() + seconds(60)));
    assert!(told.contains(&"… leaf: nears_expiry issuer_pending".to_owned()), "{told:?}");
}

#[test]
fn an_existing_one_keeps_the_authorities_that_lie_in_its_file() {
    let agency = issued(&authority("CN=Agency Root"), new_key(), None);
    let middle = issued(&authority("CN=Agency Issuing"), new_key(), Some(&agency));
    let leaf = issued(&template("CN=old.example", &[], 300), new_key(), Some(&middle));
    let machine = empty();
    let bytes = to_pem(&[&leaf.certificate, &middle.certificate]);
    machine.plant_file(&path(r"C:\old.pem"), &bytes);
    let text = r"
certificates:
  old: { issuer: existing, subject: CN=old.example, files: [{ path: 'C:\old.pem', form: fullchain-pem }] }
";
    assert_eq!(told(&plan(&machine, &desired(text), start())), Vec::<String>::new());
    let text =
        text.replace("files: [", "store: [LocalMachine\\My], files: [{ path: 'C:\\chain.pem', form: chain-pem }, ");
    applied(&machine, &desired(&text), start());
    assert_eq!(read(&machine, r"C:\old.pem"), Some(bytes));
    assert_eq!(certificates(&machine, r"C:\chain.pem"), [middle.certificate]);
}

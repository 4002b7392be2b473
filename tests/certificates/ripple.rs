//! What follows when an authority is replaced: everything below it in one plan, in order, and nothing where a waiver or a mark of
//! protection stands in the way.

use std::collections::BTreeSet;

use trueup::apply::ApplyError;
use trueup::formats::x509::{Certificate, Digest};
use trueup::machine::memory::MemoryMachine;
use trueup::model::operation::Operation;
use trueup::model::registry_data::{REG_BINARY, RegistryData};
use trueup::model::verdict::Verdict;
use trueup::plan::Plan;

use super::baseline::RDP;
use super::world::{
    applied, certificate, certificates, chain, desired, empty, holds, moment, path, plan, plant, private_key, read,
    short, start, stored, told, try_apply,
};

const ESTATE: &str = r"
defaults: { certificate: { key: { algorithm: ecdsa } } }
certificates:
  root:
    issuer: self
    ca: true
    subject: CN=Root
    valid_for: 10y
    renew_before: 1y
    store: [LocalMachine\Root]
    files: [{ path: 'C:\root\it.key', form: key-pem }, { path: 'C:\root\it.pem', form: certificate-pem }]
  issuing:
    issuer: root
    ca: true
    subject: CN=Issuing
    valid_for: 3y
    store: [LocalMachine\CA]
    files: [{ path: 'C:\issuing\it.key', form: key-pem }, { path: 'C:\issuing\it.pem', form: certificate-pem }]
    crl: { path: 'C:\issuing\it.crl' }
    on_change: { restart: [CertSvc] }
  web:
    issuer: issuing
    subject: CN=Web
    store: [LocalMachine\My, LocalMachine\WebHosting]
    files: [{ path: 'C:\web\it.key', form: key-pem }, { path: 'C:\web\it.pem', form: fullchain-pem }]
    used_by: [rdp]
    on_change: { restart: [W3SVC, certsvc] }
  other:
    issuer: self
    subject: CN=Other
    files: [{ path: 'C:\other\it.key', form: key-pem }, { path: 'C:\other\it.pem', form: certificate-pem }]
";

fn estate(text: &str) -> MemoryMachine {
    let machine = empty();
    plant(&machine, RDP, &[("SSLCertificateSHA1Hash", RegistryData::new(REG_BINARY, vec![7; 20]))]);
    applied(&machine, &desired(text), start());
    machine
}

/// The entries that are issued anew, in the plan's order.
fn issued(plan: &Plan) -> Vec<&str> {
    let issued = plan.operations().filter_map(|operation| match operation {
        Operation::Issue(issue) => Some(issue.entry.name()),
        _ => None,
    });
    issued.collect()
}

/// Every certificate that is there is signed by the one above it that is there.
fn is_whole(machine: &MemoryMachine) {
    let [root, issuing, web] =
        ["root", "issuing", "web"].map(|name| certificate(machine, &format!(r"C:\{name}\it.pem")));
    assert!(root.is_signed_by(&root).is_ok());
    assert!(issuing.is_signed_by(&root).is_ok());
    assert!(web.is_signed_by(&issuing).is_ok());
    assert_eq!(certificates(machine, r"C:\web\it.pem"), [web.clone(), issuing.clone()]);
    let only = |certificate: &Certificate| vec![(certificate.clone(), None)];
    assert_eq!(stored(machine, r"LocalMachine\Root"), only(&root));
    assert_eq!(stored(machine, r"LocalMachine\CA"), only(&issuing));
    assert_eq!(stored(machine, r"LocalMachine\My"), only(&web));
    assert_eq!(stored(machine, r"LocalMachine\WebHosting"), only(&web));
    for (name, certificate) in [("root", root), ("issuing", issuing), ("web", web)] {
        assert!(certificate.matches_key(&private_key(machine, &format!(r"C:\{name}\it.key"))), "{name}");
    }
}

#[test]
fn everything_below_the_root_is_replaced_in_one_plan_and_in_order() {
    let machine = estate(ESTATE);
    is_whole(&machine);
    let changes = [
        ("subject_differs", "issuer_replaced", ESTATE.replace("CN=Root", "CN=Root 2")),
        // The longer curve signs with a longer digest.
        (
            "key_differs digest_differs",
            "digest_differs issuer_replaced",
            ESTATE.replace("subject: CN=Root", "key: { algorithm: ecdsa, curve: p384 }\n    subject: CN=Root"),
        ),
        (
            "names_differ",
            "issuer_replaced",
            ESTATE.replace("subject: CN=Root", "names: [dns:root.example]\n    subject: CN=Root"),
        ),
    ];
    for (code, below, text) in changes {
        let machine = machine.duplicate();
        let desired = desired(&text);
        let whole = plan(&machine, &desired, start());
        assert_eq!(issued(&whole), ["root", "issuing", "web"], "{code}");
        let expected = [
            format!("± root: {code}"),
            r"± root LocalMachine\Root: follows".into(),
            r"~ root C:\root\it.key: follows".into(),
            r"~ root C:\root\it.pem: follows".into(),
            format!("± issuing: {below}"),
            r"± issuing LocalMachine\CA: follows".into(),
            r"~ issuing C:\issuing\it.key: follows".into(),
            r"~ issuing C:\issuing\it.pem: follows".into(),
            "~ issuing crl: follows".into(),
            "± web: issuer_replaced".into(),
            r"± web LocalMachine\My: follows".into(),
            r"± web LocalMachine\WebHosting: follows".into(),
            r"~ web C:\web\it.key: follows".into(),
            r"~ web C:\web\it.pem: follows".into(),
            "» web key: key_deferred".into(),
            "~ web rdp: follows".into(),
            r"- web LocalMachine\My #: replaced".into(),
            r"- web LocalMachine\WebHosting #: replaced".into(),
            r"- issuing LocalMachine\CA #: replaced".into(),
            r"- root LocalMachine\Root #: replaced".into(),
        ];
        assert_eq!(told(&whole), expected, "{code}");
        let ripple = whole.findings.iter().find(|one| one.code == "certificate.ripple").unwrap();
        assert_eq!(
            ripple.message,
            "certificates.root is replaced, and so: 2 certificates, 6 files, 4 stores, 1 consumer, then restart CertSvc, W3SVC"
        );
        let restarts: BTreeSet<String> = whole.asked_restarts().map(str::to_ascii_lowercase).collect();
        assert_eq!(restarts, BTreeSet::from(["certsvc".to_owned(), "w3svc".to_owned()]));
        assert_eq!(whole.summary().restarts, 2);
        let other = read(&machine, r"C:\other\it.pem");
        let owed = applied(&machine, &desired, start()).owed;
        assert_eq!(owed.restarts.len(), 2, "{owed:?}");
        is_whole(&machine);
        assert_eq!(read(&machine, r"C:\other\it.pem"), other);
        assert!(!plan(&machine, &desired, start()).has_operations(), "{code}");
    }
}

#[test]
fn an_estate_moves_to_another_digest_and_back() {
    let text = |digest: &str| {
        let text = ESTATE.replace(
            "defaults: { certificate: { key: { algorithm: ecdsa } } }",
            &format!("defaults: {{ certificate: {{ digest: {digest} }} }}"),
        );
        // Whose authority has an RSA key is signed with the digest; its own key may be any.
        let ecdsa = |text: String, name: &str| {
            text.replace(&format!("CN={name}\n"), &format!("CN={name}\n    key: {{ algorithm: ecdsa }}\n"))
        };
        ["Web", "Other"].into_iter().fold(text, ecdsa)
    };
    let machine = estate(&text("sha256"));
    for (name, digest) in [("sha512", Digest::Sha512), ("sha256", Digest::Sha256)] {
        let desired = desired(&text(name));
        let whole = plan(&machine, &desired, start());
        assert_eq!(issued(&whole), ["root", "issuing", "web"], "{name}");
        let reasons =
            |name: &str| told(&whole).into_iter().find(|line| line.starts_with(&format!("± {name}:"))).unwrap();
        assert_eq!(reasons("root"), "± root: digest_differs");
        assert_eq!(reasons("web"), "± web: digest_differs issuer_replaced");
        applied(&machine, &desired, start());
        is_whole(&machine);
        for file in [r"C:\root\it.pem", r"C:\issuing\it.pem", r"C:\web\it.pem"] {
            assert_eq!(certificate(&machine, file).digest(), Some(digest), "{file}");
        }
        assert!(!plan(&machine, &desired, start()).has_operations());
    }
}

/// A leaf that keeps what it was in some way.
fn keeper(keep: &str, name: &str) -> String {
    format!(
        r"
certificates:
  web:
    issuer: self
    subject: CN=Web
    names: [dns:{name}.example]
    key: {{ algorithm: ecdsa }}
    store: [LocalMachine\My]
    keep_old: {keep}
    friendly_name: Web
    files: [{{ path: 'C:\web\it.key', form: key-pem }}, {{ path: 'C:\web\it.pem', form: certificate-pem }}]
"
    )
}

#[test]
fn what_was_is_kept_as_the_document_says() {
    for (keep, copies, stores) in
        [("none", false, false), ("files", true, false), ("store", false, true), ("both", true, true)]
    {
        let machine = empty();
        let mut known = Vec::new();
        for (name, at) in [("one", 0), ("two", 1), ("three", 2)] {
            let at = start() + jiff::SignedDuration::from_hours(at);
            applied(&machine, &desired(&keeper(keep, name)), at);
            assert!(!plan(&machine, &desired(&keeper(keep, name)), at).has_operations(), "{keep}");
            let files = [r"C:\web\it.key", r"C:\web\it.pem"].map(|file| read(&machine, file).unwrap());
            known.push((certificate(&machine, r"C:\web\it.pem"), files));
        }
        for (number, (_, files)) in known.iter().take(2).enumerate() {
            for (file, bytes) in ["key", "pem"].into_iter().zip(files) {
                let copy = read(&machine, &format!(r"C:\web\it.{file}.{}", number + 1));
                assert_eq!(copy.as_ref(), copies.then_some(bytes), "{keep}: {file} {number}");
            }
        }
        assert_eq!(machine.all_files().len(), if copies { 6 } else { 2 }, "{keep}");
        let there: BTreeSet<[u8; 20]> =
            stored(&machine, r"LocalMachine\My").iter().map(|(one, _)| one.sha1()).collect();
        let expected = if stores { &known[..] } else { &known[2..] };
        assert_eq!(there, expected.iter().map(|(one, _)| one.sha1()).collect(), "{keep}");
        // A copy of a key is for its owner alone, as the key is.
        if copies {
            let files = trueup::machine::Machine::files(&machine).unwrap();
            let copy = files.read(&path(r"C:\web\it.key.1"), 1 << 20).unwrap();
            assert!(matches!(copy, trueup::machine::FileRead::Present { owner_only: Some(true), .. }));
        }
    }
}

#[test]
fn numbered_copies_go_on_behind_those_that_are_there() {
    let machine = empty();
    applied(&machine, &desired(&keeper("files", "one")), start());
    for name in [r"C:\web\IT.PEM.7", r"C:\web\it.pem.x", r"C:\web\it.pem2"] {
        machine.plant_file(&path(name), b"somebody's");
    }
    let first = read(&machine, r"C:\web\it.pem");
    applied(&machine, &desired(&keeper("files", "two")), start());
    assert_eq!(read(&machine, r"C:\web\it.pem.8"), first);
    assert_eq!(read(&machine, r"C:\web\it.pem.7").as_deref(), Some(&b"somebody's"[..]));
}

#[test]
fn a_waiver_of_the_root_holds_back_all_that_would_follow() {
    let machine = estate(ESTATE);
    let changed = ESTATE.replace("CN=Root", "CN=Root 2");
    let waived =
        format!("waivers: [{{ id: W, address: certificates.root, reason: later, expires: 2026-04-01 }}]{changed}");
    let (before, waived) = (holds(&machine), desired(&waived));
    let at = moment("2026-03-02T00:00:00Z");
    let held = plan(&machine, &waived, at);
    assert!(!held.has_operations(), "{:#?}", told(&held));
    for decision in held.decisions.iter().filter(|one| one.verdict != Verdict::Keep) {
        let is_root = decision.id.name() == "root";
        let is_held = match decision.verdict {
            Verdict::Waived { .. } => is_root,
            Verdict::Blocked => !is_root,
            Verdict::Deferred => decision.id.part() == Some("key"),
            _ => false,
        };
        assert!(is_held, "{}: {:?}", short(decision), decision.reasons);
    }
    try_apply(&machine, &waived, at).unwrap();
    assert_eq!(holds(&machine), before);
    // What has nothing to do with the root is not held back.
    machine.unplant_file(&path(r"C:\other\it.pem"));
    assert_eq!(issued(&plan(&machine, &waived, at)), ["other"]);
    let report = try_apply(&machine, &waived, at).unwrap();
    assert_eq!((report.failed(), report.skipped()), (0, 0));
    // When it has run out, all of it comes at once.
    let late = moment("2026-04-01T00:00:00Z");
    assert_eq!(issued(&plan(&machine, &waived, late)), ["root", "issuing", "web"]);
    applied(&machine, &waived, late);
    is_whole(&machine);
}

#[test]
fn what_is_protected_is_not_replaced() {
    let protected = ESTATE.replace("subject: CN=Root\n", "subject: CN=Root\n    protect: true\n");
    let machine = estate(&protected);
    let before = holds(&machine);
    for text in [protected.replace("CN=Root", "CN=Root 2"), ESTATE.replace("CN=Root", "CN=Root 2")] {
        let refused = try_apply(&machine, &desired(&text), start()).expect_err("it is refused");
        let ApplyError::Refused(findings) = &refused else { panic!("{}", chain(&refused)) };
        let codes: Vec<&str> = findings.iter().map(|finding| &*finding.code).collect();
        assert!(codes.iter().all(|code| code.contains("protected")) && !codes.is_empty(), "{codes:?}");
        assert_eq!(holds(&machine), before);
    }
    // Nor is it taken away, when it has left the document.
    let gone = ESTATE.replace(
        "    issuer: self\n    ca: true\n    subject: CN=Root\n",
        "    ensure: absent\n    ca: true\n    subject: CN=Root\n",
    );
    let gone = gone.replace("issuer: root", "issuer: self");
    assert!(matches!(try_apply(&machine, &desired(&gone), start()), Err(ApplyError::Refused(_))));
    let file_alone = "certificates: { it: { ensure: absent, files: [{ path: 'C:\\ROOT\\it.key', form: key-pem }] } }";
    assert!(matches!(try_apply(&machine, &desired(file_alone), start()), Err(ApplyError::Refused(_))));
    let root = stored(&machine, r"LocalMachine\Root").remove(0).0;
    let print = trueup::model::thumbprint::Thumbprint::of(root.der());
    let store_alone =
        format!("certificates: {{ it: {{ ensure: absent, thumbprint: {print}, store: ['LocalMachine\\Root'] }} }}");
    assert!(matches!(try_apply(&machine, &desired(&store_alone), start()), Err(ApplyError::Refused(_))));
    assert_eq!(holds(&machine), before);
    // What does not touch it is done.
    applied(&machine, &desired(&protected.replace("CN=Web", "CN=Web 2")), start());
    is_whole(&machine);
}

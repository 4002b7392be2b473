//! Certificates in the stores of the running machine, seen through CryptoAPI. Under Wine in the checks, which tells the truth of public
//! certificates and of nothing that has to do with private keys in CNG.

#![cfg(windows)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions beside the tests are not seen as tests"
)]

mod local_certificates {
    pub mod crypto_api;
    pub mod world;
}

use local_certificates::crypto_api::{delete, key, shown};
use local_certificates::world::{FOLDER, applied, desired, finish, plan, rolled_back, told, try_apply, turn};
use trueup::apply::Outcome;
use trueup::formats::certificate_files::read_certificates;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::local::LocalMachine;
use trueup::model::thumbprint::Thumbprint;

const STORES: [&str; 3] = ["Root", "CA", "TrustedPeople"];

/// An authority of a test's own in public stores.
fn authority(name: &str) -> String {
    format!(
        "certificates:\n  authority:\n    issuer: self\n    ca: true\n    subject: 'CN=trueup test {name}'\n    \
         friendly_name: Größe {name}\n    key: {{ algorithm: ecdsa }}\n    valid_for: 90d\n    renew_before: 7d\n    \
         store: ['LocalMachine\\Root', 'LocalMachine\\CA', 'LocalMachine\\TrustedPeople']\n    \
         files:\n      - {{ path: '{FOLDER}\\authority.key', form: key-pem }}\n      \
         - {{ path: '{FOLDER}\\authority.cer', form: certificate-pem }}\n"
    )
}

fn in_file(name: &str) -> Vec<u8> {
    let bytes = std::fs::read(format!(r"{FOLDER}\{name}")).unwrap();
    read_certificates(&bytes).unwrap().remove(0)
}

#[test]
fn a_life_in_public_stores() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let document = desired(&authority("life"));
    let run = applied(&machine, &document).run.unwrap();
    let der = in_file("authority.cer");
    let print = Thumbprint::of(&der);
    let named = |name: &str| Some((der.clone(), Some(format!("Größe {name}"))));
    for store in STORES {
        assert_eq!(shown(store, &print), named("life"), "{store}");
    }
    assert!(applied(&machine, &document).run.is_none());
    // Somebody deletes it.
    delete("CA", &print).unwrap();
    assert_eq!(told(&plan(&machine, &document)), [r"certificates.authority.LocalMachine\CA: certificate.misplaced"]);
    applied(&machine, &document);
    assert_eq!(shown("CA", &print), named("life"));
    // Another name, and back.
    let renamed = desired(&authority("life").replace("friendly_name: Größe life", "friendly_name: Größe 🔑"));
    let last = applied(&machine, &renamed).run.unwrap();
    for store in STORES {
        assert_eq!(shown(store, &print), named("🔑"), "{store}");
    }
    rolled_back(&machine, &last);
    assert_eq!(shown("Root", &print), named("life"));
    rolled_back(&machine, &run);
    for store in STORES {
        assert_eq!(shown(store, &print), None, "{store}");
    }
}

/// Another subject is another certificate: the new one comes, then the old one leaves.
#[test]
fn the_old_one_leaves() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let (first, second) = (desired(&authority("first")), desired(&authority("second")));
    let one = applied(&machine, &first).run.unwrap();
    let old = in_file("authority.cer");
    let two = applied(&machine, &second).run.unwrap();
    let new = in_file("authority.cer");
    let there = |der: &[u8]| STORES.map(|store| shown(store, &Thumbprint::of(der)).is_some());
    assert_eq!((there(&old), there(&new)), ([false; 3], [true; 3]));
    rolled_back(&machine, &two);
    assert_eq!((there(&old), there(&new)), ([true; 3], [false; 3]));
    rolled_back(&machine, &one);
    assert_eq!(there(&old), [false; 3]);
}

/// Stops at every write, or lets it fail; then finishes, and applies again.
#[test]
fn whatever_stops_a_run_it_is_finished() {
    let mut stops = 0;
    for fault in [Fault::StopBefore, Fault::StopAfter, Fault::Fail, Fault::Lose] {
        for at in 1..60 {
            let _turn = turn();
            let machine = LocalMachine::open().unwrap();
            let document = desired(&authority("stops"));
            let faulty = FaultyMachine::new(&machine, fault, at);
            let result = try_apply(&faulty, &document);
            let is_past_the_end = faulty.writes() < at;
            finish(&machine, &document);
            applied(&machine, &document);
            let der = in_file("authority.cer");
            let print = Thumbprint::of(&der);
            for store in STORES {
                assert_eq!(shown(store, &print), Some((der.clone(), Some("Größe stops".into()))), "{fault:?} {at}");
                delete(store, &print).unwrap();
            }
            if is_past_the_end {
                assert!(result.unwrap().run.is_some());
                break;
            }
            stops += 1;
        }
    }
    assert!(stops > 60, "{stops} stops");
}

fn web(provider: &str, algorithm: &str) -> String {
    format!(
        "certificates:\n  web:\n    issuer: self\n    subject: CN=trueup test web\n    friendly_name: trueup test\n    \
         valid_for: 90d\n    renew_before: 7d\n    key: {{ algorithm: {algorithm}, provider: {provider}, exportable: true }}\n    \
         store: ['LocalMachine\\My']\n    files: [{{ path: '{FOLDER}\\web.cer', form: certificate-pem }}]\n"
    )
}

/// What Wine cannot hold comes out as an error that says so, and nothing is left of it.
#[test]
fn a_key_that_the_system_does_not_take_is_told() {
    if !std::env::var("WINEPREFIX").is_ok_and(|prefix| !prefix.is_empty()) {
        return;
    }
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let report = try_apply(&machine, &desired(&web("ksp", "ecdsa"))).unwrap();
    let of_key = report.outcomes.iter().find(|one| one.address.part() == Some("key")).unwrap();
    assert!(matches!(&of_key.outcome, Outcome::Failed { .. }), "{report:#?}");
    for other in report.outcomes.iter().filter(|one| one.address.part().is_some_and(|part| part != "key")) {
        assert!(matches!(other.outcome, Outcome::Skipped { .. }), "{report:#?}");
    }
    assert!(!std::path::Path::new(FOLDER).join("web.cer").exists());
}

/// CryptoAPI's own providers hold keys under Wine, too.
#[test]
fn a_key_goes_into_a_provider_of_crypto_api() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let document = desired(&web("csp", "rsa"));
    let report = try_apply(&machine, &document).unwrap();
    eprintln!("{report:#?}");
    assert!(report.is_complete());
    let der = in_file("web.cer");
    let print = Thumbprint::of(&der);
    assert_eq!(shown("My", &print), Some((der, Some("trueup test".into()))));
    let opened = key("My", &print).unwrap();
    assert!(!opened.is_cng() && opened.is_exportable());
    let signature = opened.sign(b"message", &[]).unwrap();
    assert_eq!(signature.len(), 256);
    drop(opened);
    assert!(!plan(&machine, &document).has_operations(), "{:#?}", told(&plan(&machine, &document)));
    rolled_back(&machine, &report.run.unwrap());
    assert_eq!(shown("My", &print), None);
}

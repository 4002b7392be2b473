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

mod live;

use live::crypto_api::{container, delete, shown};
use live::{FOLDER, Silent, applied, desired, now, options, plan, rolled_back, told, try_apply, turn};
use trueup::apply::{DocumentBasis, Outcome, resume, settle, unfinished};
use trueup::document::Desired;
use trueup::formats::certificate_files::read_certificates;
use trueup::formats::certificate_store::{KeyPlace, ProviderFamily};
use trueup::machine::Machine as _;
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::local::LocalMachine;
use trueup::model::probe::{Answer, Probe};
use trueup::model::thumbprint::Thumbprint;
use trueup::plan::PlanOptions;

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
    assert_eq!(
        told(&plan(&machine, &document)),
        ["certificates.authority[\"LocalMachine\\CA\"]: certificate.misplaced"]
    );
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

/// Finishes a run that stopped, or ends one that did nothing.
fn finish(machine: &LocalMachine, desired: &Desired) {
    let Some(open) = unfinished(machine).unwrap() else { return };
    let basis = DocumentBasis { desired, options: PlanOptions::at(now()) };
    if resume(machine, Some(&basis), &open.beginning.run, &options(), &mut Silent).is_err() {
        settle(machine, &open, &options()).unwrap();
    }
}

/// Stops at every write, before it or after it, lets it fail or loses it; then finishes, and applies again.
#[test]
fn whatever_stops_a_run_it_is_finished() {
    let mut stops = 0;
    // Each write meets two of the four: Wine takes its time.
    for (place, fault) in [Fault::StopAfter, Fault::Fail, Fault::StopBefore, Fault::Lose].into_iter().enumerate() {
        for at in (1 + place % 2..60).step_by(2) {
            let _turn = turn();
            let machine = LocalMachine::open().unwrap();
            // Wine reads all roots of its host whenever that store is opened: the others are enough here.
            let document = desired(&authority("stops").replace(r"'LocalMachine\Root', ", ""));
            let faulty = FaultyMachine::new(&machine, fault, at);
            let result = try_apply(&faulty, &document);
            let is_past_the_end = faulty.writes() < at;
            finish(&machine, &document);
            applied(&machine, &document);
            let der = in_file("authority.cer");
            let print = Thumbprint::of(&der);
            for store in &STORES[1..] {
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
    assert!(stops > 30, "{stops} stops");
}

/// Its subject is the test's own: what another one has left is none of it.
fn web(provider: &str, algorithm: &str) -> String {
    let own = std::process::id();
    format!(
        "certificates:\n  web:\n    issuer: self\n    subject: CN=trueup test web {own}\n    friendly_name: trueup test\n    \
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

/// CryptoAPI's own provider holds keys under Wine, too.
#[test]
fn a_key_goes_into_a_provider_of_crypto_api() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    let document = desired(&web("csp", "rsa"));
    let run = applied(&machine, &document).run.unwrap();
    let der = in_file("web.cer");
    let print = Thumbprint::of(&der);
    assert_eq!(shown("My", &print), Some((der, Some("trueup test".into()))));
    let place = KeyPlace::of(ProviderFamily::Csp, &print);
    let open = || container(&place.container, &place.provider, place.provider_type);
    let opened = open().unwrap();
    assert!(opened.is_exportable());
    let signature = opened.sign(b"message", &[]).unwrap();
    assert_eq!(signature.len(), 256);
    drop(opened);
    assert!(!plan(&machine, &document).has_operations(), "{:#?}", told(&plan(&machine, &document)));
    let security = |place: &KeyPlace| machine.probe(&Probe::KeySecurity { place: place.clone() }).unwrap();
    let then = security(&place);
    assert!(matches!(then, Answer::Security(_)), "{then}");
    // Another certificate gets another key, for which the same accounts are let in; Wine lets nobody say so, and that is told.
    let renewal = desired(&web("csp", "rsa").replace("test web", "test renewed"));
    let report = try_apply(&machine, &renewal).unwrap();
    if report.is_complete() {
        let new = KeyPlace::of(ProviderFamily::Csp, &Thumbprint::of(&in_file("web.cer")));
        assert_eq!(security(&new), then);
        rolled_back(&machine, &report.run.unwrap());
        assert_eq!(security(&new), Answer::Absent);
    } else {
        let failed = report.outcomes.iter().find(|one| matches!(one.outcome, Outcome::Failed { .. })).unwrap();
        assert_eq!(failed.address.part(), Some("key"));
        assert!(format!("{failed:?}").contains("who may read it cannot be said"), "{failed:?}");
    }
    assert_eq!((security(&place), shown("My", &print).is_some()), (then, true));
    rolled_back(&machine, &run);
    assert_eq!(shown("My", &print), None);
    assert!(open().is_err(), "the key is still there");
}

//! Private keys in the key store: put there, bound, read by whom the document names, used as servers use them, and taken back.

use sha2::{Digest as _, Sha256};
use trueup::formats::certificate_files::read_certificates;
use trueup::formats::certificate_store::{KeyPlace, ProviderFamily};
use trueup::formats::security_descriptor::SecurityDescriptor;
use trueup::machine::Machine as _;
use trueup::machine::local::LocalMachine;
use trueup::model::probe::{Answer, Probe};
use trueup::model::thumbprint::Thumbprint;

use crate::live::crypto_api::{key, shown};
use crate::live::{FOLDER, applied, desired, plan, rolled_back, told, turn};

/// LOCAL SERVICE and NETWORK SERVICE, which every Windows has.
const SERVICES: [&str; 2] = ["S-1-5-19", "S-1-5-20"];

fn web(subject: &str, key: &str) -> String {
    format!(
        "certificates:\n  web:\n    issuer: self\n    subject: 'CN=trueup test {subject}'\n    friendly_name: trueup test\n    \
         valid_for: 90d\n    renew_before: 7d\n    key: {{ {key} }}\n    store: ['LocalMachine\\My']\n    \
         files: [{{ path: '{FOLDER}\\web.cer', form: certificate-pem }}]\n"
    )
}

fn print() -> Thumbprint {
    let bytes = std::fs::read(format!(r"{FOLDER}\web.cer")).unwrap();
    Thumbprint::of(&read_certificates(&bytes).unwrap()[0])
}

fn security(machine: &LocalMachine, place: &KeyPlace) -> Answer {
    machine.probe(&Probe::KeySecurity { place: place.clone() }).unwrap()
}

/// The accounts that an access list names.
fn accounts(answer: &Answer) -> Vec<String> {
    let Answer::Security(bytes) = answer else { panic!("it is {answer}") };
    let descriptor = SecurityDescriptor::parse(bytes).unwrap();
    let entries = descriptor.dacl().entries().iter().filter_map(|ace| ace.account().map(|entry| entry.sid.to_string()));
    entries.collect()
}

/// One of each kind: a life from the import to the undoing, renewal included.
#[test]
fn keys_are_imported_used_renewed_and_taken_back() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    for (algorithm, provider, family) in [
        ("rsa", "ksp", ProviderFamily::Ksp),
        ("ecdsa", "ksp", ProviderFamily::Ksp),
        ("rsa", "csp", ProviderFamily::Csp),
    ] {
        for is_exportable in [false, true] {
            let what = format!("{algorithm} {provider} exportable: {is_exportable}");
            let fields = |readers: &[&str]| {
                let readers = readers.join("\', \'");
                format!(
                    "algorithm: {algorithm}, provider: {provider}, exportable: {is_exportable}, read: [\'{readers}\']"
                )
            };
            let first = desired(&web("one", &fields(&SERVICES)));
            let run = applied(&machine, &first).run.unwrap();
            let old = print();
            let place = KeyPlace::of(family, &old);
            assert!(shown("My", &old).is_some(), "{what}");
            assert!(!plan(&machine, &first).has_operations(), "{what}: {:#?}", told(&plan(&machine, &first)));
            let granted = security(&machine, &place);
            for service in SERVICES {
                assert!(accounts(&granted).contains(&service.to_owned()), "{what}: {granted:?}");
            }
            let used = key("My", &old).unwrap();
            assert_eq!((used.is_cng(), used.is_exportable()), (family == ProviderFamily::Ksp, is_exportable), "{what}");
            let digest = Sha256::digest(b"message");
            if algorithm == "rsa" {
                assert_eq!(used.sign(b"message", &digest).unwrap().len(), 256, "{what}");
            } else {
                assert_eq!(used.sign_on_curve(&digest).unwrap().len(), 64, "{what}");
            }
            drop(used);
            // The document names one account less: the new key keeps what the old one had.
            let second = desired(&web("two", &fields(&SERVICES[..1])));
            let renewed = applied(&machine, &second).run.unwrap();
            let new = KeyPlace::of(family, &print());
            assert_eq!(security(&machine, &new), granted, "{what}");
            assert!(key("My", &print()).is_ok() && shown("My", &old).is_none(), "{what}");
            assert_ne!(security(&machine, &place), Answer::Absent, "{what}: the old key is kept");
            rolled_back(&machine, &renewed);
            assert_eq!(security(&machine, &new), Answer::Absent, "{what}");
            assert!(key("My", &old).is_ok(), "{what}");
            rolled_back(&machine, &run);
            assert_eq!((security(&machine, &place), shown("My", &old)), (Answer::Absent, None), "{what}");
        }
    }
}

#[test]
fn a_grant_that_somebody_took_away_is_given_again() {
    let _turn = turn();
    let machine = LocalMachine::open().unwrap();
    for (provider, family) in [("ksp", ProviderFamily::Ksp), ("csp", ProviderFamily::Csp)] {
        let none = desired(&web("grant", &format!("provider: {provider}")));
        let run = applied(&machine, &none).run.unwrap();
        let place = KeyPlace::of(family, &print());
        let before = security(&machine, &place);
        let asked = desired(&web("grant", &format!("provider: {provider}, read: ['{}']", SERVICES[0])));
        let granted = applied(&machine, &asked).run.unwrap();
        assert!(accounts(&security(&machine, &place)).contains(&SERVICES[0].to_owned()));
        assert!(!plan(&machine, &asked).has_operations());
        rolled_back(&machine, &granted);
        assert_eq!(security(&machine, &place), before, "{provider}");
        rolled_back(&machine, &run);
        assert_eq!(security(&machine, &place), Answer::Absent, "{provider}");
    }
}

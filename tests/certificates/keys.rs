//! A machine with a key store: keys are put there, bound to the certificates in stores, read by whom the document names, and taken
//! back. The machine is one in memory; what Windows makes of it is seen elsewhere.

use trueup::apply::{Purpose, past_run, unfinished};
use trueup::formats::certificate_store::{KeyPlace, KeyProvider, ProviderFamily, StoreBlob, StorePlace, properties};
use trueup::formats::security_descriptor::{AccessMask, SecurityDescriptor};
use trueup::formats::x509::{Certificate, PrivateKey};
use trueup::machine::faulty::{Fault, FaultyMachine};
use trueup::machine::memory::{MemoryMachine, StoredKey};
use trueup::machine::{Machine as _, element_of};
use trueup::model::operation::Operation;
use trueup::model::probe::{Answer, Probe};
use trueup::model::registry_data::{REG_BINARY, RegistryData};
use trueup::model::sid::Sid;
use trueup::model::thumbprint::Thumbprint;

use super::laws::{finish, is_stopped, json_of, writes};
use super::world::{
    after, applied, desired, empty, empty_store, holds, path, plan, plant, start, store, stored, take_back, told,
    try_apply,
};

const MY: &str = r"LocalMachine\My";
const SERVICE: &str = "S-1-5-21-1-2-3-1001";
const OTHER: &str = "S-1-5-21-1-2-3-1002";

fn with_key_store() -> MemoryMachine {
    let machine = empty();
    machine.plant_answer(Probe::KeyStore, Answer::Flag(true));
    machine
}

/// A certificate whose key is in the key store alone.
fn web(key: &str, more: &str) -> String {
    format!(
        "certificates:\n  web:\n    issuer: self\n    subject: CN=web\n    friendly_name: Web\n    valid_for: 90d\n    \
         renew_before: 30d\n    store: ['{MY}']\n    key: {{ algorithm: ecdsa, {key} }}\n{more}"
    )
}

/// The certificate in a store with the key that it is bound to.
fn bound(machine: &MemoryMachine, place: &str) -> (Certificate, KeyPlace, StoredKey) {
    let (certificate, _) = stored(machine, place).pop().expect("there is one");
    let print = Thumbprint::of(certificate.der());
    let element = element_of(machine, &StorePlace::parse(place).unwrap(), &print).unwrap().unwrap();
    let record = StoreBlob::parse(&element.0).unwrap().key_provider().expect("it is bound").unwrap();
    let place = KeyPlace::named_by(&record).expect("it is the machine's");
    let key = machine.stored_key(&place).expect("its key is there");
    assert!(certificate.matches_key(&PrivateKey::from_pkcs8(&key.pkcs8).unwrap()));
    (certificate, place, key)
}

/// Who may do what with a key, as `SID mask`.
fn access(key: &StoredKey) -> Vec<String> {
    let descriptor = SecurityDescriptor::parse(&key.security).unwrap();
    let entries = descriptor.dacl().entries().iter().filter_map(|ace| ace.account().cloned());
    entries.map(|entry| format!("{} {}", entry.sid, entry.mask.file_rights())).collect()
}

fn last(machine: &MemoryMachine) -> trueup::machine::RunName {
    machine.runs().unwrap().pop().unwrap()
}

#[test]
fn a_key_goes_into_the_key_store_and_is_bound() {
    for (provider, algorithm, family) in [("ksp", "ecdsa", ProviderFamily::Ksp), ("csp", "rsa", ProviderFamily::Csp)] {
        let machine = with_key_store();
        let text = web(&format!("provider: {provider}, exportable: true"), "").replace("ecdsa", algorithm);
        let document = desired(&text);
        let first = plan(&machine, &document, start());
        assert_eq!(told(&first), ["+ web: absent", "+ web key: follows", r"+ web LocalMachine\My: follows"]);
        let run = applied(&machine, &document, start()).run.unwrap();
        let (certificate, place, key) = bound(&machine, MY);
        assert_eq!(place, KeyPlace::of(family, &Thumbprint::of(certificate.der())));
        assert!(key.exportable);
        assert_eq!(access(&key), ["S-1-5-18 full", "S-1-5-32-544 full"]);
        assert!(machine.all_files().is_empty(), "no file holds a key");
        assert!(!plan(&machine, &document, start()).has_work());
        // Nothing of the key is anywhere else.
        let hex: String = key.pkcs8.iter().map(|byte| format!("{byte:02x}")).collect();
        let journal = String::from_utf8(machine.journal_bytes(&run).unwrap()).unwrap();
        let record = String::from_utf8(machine.record_bytes().unwrap()).unwrap();
        for told in [journal, record, json_of(&plan(&machine, &document, after(80)))] {
            assert!(!told.to_lowercase().contains(&hex[hex.len() / 2..]), "{told}");
        }
        assert!(machine.made(&last(&machine)).unwrap().is_none());
    }
}

#[test]
fn accounts_may_read_it_and_renewal_keeps_who_may() {
    let machine = with_key_store();
    let document = desired(&web(&format!("read: ['{SERVICE}']"), ""));
    applied(&machine, &document, start());
    let (_, place, key) = bound(&machine, MY);
    let all = ["S-1-5-18 full".to_owned(), "S-1-5-32-544 full".to_owned()];
    let service = format!("{SERVICE} read");
    assert_eq!(access(&key), [&all[..], std::slice::from_ref(&service)].concat());
    // Somebody takes the grant away, and gives another one.
    let descriptor = SecurityDescriptor::parse(&key.security).unwrap();
    let bare = trueup::formats::security_descriptor::private_key::of_new_key();
    let other: Sid = OTHER.parse().unwrap();
    let grant = trueup::formats::security_descriptor::Grant {
        sid: other,
        mask: AccessMask::parse_file_rights("read").unwrap(),
        reach: trueup::formats::security_descriptor::Reach::ThisKey,
    };
    let changed = trueup::formats::security_descriptor::grant(
        &bare,
        &[grant],
        trueup::formats::security_descriptor::Others::Keep,
    );
    assert_ne!(descriptor, changed);
    let now = Answer::Security(key.security.clone());
    let then = Answer::Security(changed.to_bytes().unwrap().into());
    machine.adjust(&Probe::KeySecurity { place: place.clone() }, &now, &then);
    let drifted = plan(&machine, &document, start());
    assert_eq!(told(&drifted), ["~ web key: permissions_differ"]);
    let run = applied(&machine, &document, start()).run.unwrap();
    let granted = [&all[..], &[format!("{OTHER} read"), service]].concat();
    assert_eq!(access(&machine.stored_key(&place).unwrap()), granted);
    let (_, report) =
        take_back(&machine, &run.parse().unwrap(), Purpose::Rollback { of: run.parse().unwrap() }, start());
    assert!(report.unwrap().is_complete());
    assert_eq!(access(&machine.stored_key(&place).unwrap()), [&all[..], &[format!("{OTHER} read")]].concat());
    applied(&machine, &document, start());
    // The new key is read by whoever read the old one, named or not; the old one stays where it was.
    let renewed = plan(&machine, &document, after(70));
    assert_eq!(
        told(&renewed),
        [
            "± web: nears_expiry",
            "± web key: follows",
            r"± web LocalMachine\My: follows",
            r"- web LocalMachine\My #: replaced"
        ]
    );
    applied(&machine, &document, after(70));
    let (_, new, key) = bound(&machine, MY);
    assert_ne!(new, place);
    assert_eq!(access(&key), granted);
    assert_eq!(machine.stored_keys().len(), 2);
    let run = last(&machine);
    let (back, report) = take_back(&machine, &run, Purpose::Rollback { of: run.clone() }, after(70));
    assert!(report.unwrap().is_complete(), "{:#?}", told(&back));
    assert_eq!((bound(&machine, MY).1, machine.stored_keys()), (place.clone(), vec![place]));
}

#[test]
fn an_account_that_nobody_knows_makes_nothing() {
    let machine = with_key_store();
    machine.plant_account("svc-acs", SERVICE.parse().unwrap());
    let document = desired(&web("read: [nobody]", "    files: [{ path: 'C:\\web.cer', form: certificate-pem }]\n"));
    assert_eq!(
        told(&plan(&machine, &document, start())),
        [
            "! web: absent unknown_account",
            r"! web LocalMachine\My: follows unknown_account",
            r"! web C:\web.cer: follows unknown_account",
            "! web key: unknown_account"
        ]
    );
    let known = desired(&web("read: [svc-acs]", ""));
    applied(&machine, &known, start());
    assert!(access(&bound(&machine, MY).2).contains(&format!("{SERVICE} read")));
}

#[test]
fn what_cannot_be_is_told() {
    let machine = with_key_store();
    let reasons = |text: &str| told(&plan(&machine, &desired(text), start()));
    assert_eq!(
        reasons(&web("provider: csp", "")),
        ["! web: absent key_provider", r"! web LocalMachine\My: follows key_provider", "! web key: key_provider"]
    );
    assert_eq!(
        reasons(&web("", "").replace("subject", "ca: true\n    subject")),
        ["! web: absent key_nowhere", r"! web LocalMachine\My: not_ready", "! web key: not_ready"]
    );
    let lean = "    files: [{ path: 'C:\\web.key', form: key-pem }, { path: 'C:\\web.cer', form: certificate-pem }]\n";
    let without = web(&format!("read: ['{SERVICE}']"), lean).replace(&format!("    store: ['{MY}']\n"), "");
    assert!(reasons(&without).contains(&"! web key: key_nowhere".to_owned()), "{:?}", reasons(&without));
    // The same on a machine without a key store, as an image is one.
    let plain = empty();
    assert!(told(&plan(&plain, &desired(&without), start())).contains(&"» web key: key_deferred".to_owned()));
}

/// A key in a file goes into the key store, too; a certificate that an image was given gets its key on the running machine.
#[test]
fn an_image_that_comes_alive_gets_its_keys() {
    let machine = empty();
    let text = web("", "    files:\n      - { path: 'C:\\web.key', form: key-pem }\n");
    let document = desired(&text);
    applied(&machine, &document, start());
    assert_eq!(told(&plan(&machine, &document, start())), ["» web key: key_deferred"]);
    let before = holds(&machine);
    machine.plant_answer(Probe::KeyStore, Answer::Flag(true));
    assert_eq!(
        told(&plan(&machine, &document, start())),
        ["+ web key: key_absent", r"~ web LocalMachine\My: key_unbound"]
    );
    let run = applied(&machine, &document, start()).run.unwrap();
    let (_, place, _) = bound(&machine, MY);
    assert!(!plan(&machine, &document, start()).has_work());
    // Another store gets what the first one has.
    let both = desired(&text.replace(&format!("'{MY}'"), &format!("'{MY}', 'LocalMachine\\WebHosting'")));
    assert_eq!(told(&plan(&machine, &both, start())), [r"+ web LocalMachine\WebHosting: misplaced"]);
    applied(&machine, &both, start());
    assert_eq!(bound(&machine, r"LocalMachine\WebHosting").1, place);
    assert_eq!(machine.stored_keys(), std::slice::from_ref(&place));
    empty_store(&machine, r"LocalMachine\WebHosting");
    // The key that went astray is put there again, from its file.
    machine.unplant_key(&place);
    assert_eq!(told(&plan(&machine, &document, start())), ["+ web key: key_lost"]);
    applied(&machine, &document, start());
    bound(&machine, MY);
    let name = run.parse().unwrap();
    let (back, report) = take_back(&machine, &name, Purpose::Rollback { of: run.parse().unwrap() }, start());
    assert!(report.unwrap().is_complete(), "{:#?}", told(&back));
    assert_eq!(holds(&machine).files, before.files);
    assert!(machine.stored_keys().is_empty());
    assert_eq!(
        told(&plan(&machine, &document, start())),
        ["+ web key: key_absent", r"~ web LocalMachine\My: key_unbound"]
    );
}

/// A key that is only in the key store and goes astray is replaced with its certificate.
#[test]
fn a_lost_key_is_replaced() {
    let machine = with_key_store();
    let document = desired(&web("", ""));
    applied(&machine, &document, start());
    let (_, place, _) = bound(&machine, MY);
    machine.unplant_key(&place);
    assert_eq!(
        told(&plan(&machine, &document, start())),
        [
            "± web: no_private_key",
            "± web key: follows",
            r"± web LocalMachine\My: follows",
            r"- web LocalMachine\My #: replaced"
        ]
    );
    applied(&machine, &document, start());
    assert_ne!(bound(&machine, MY).1, place);
}

/// What somebody else has imported is theirs: it stays where it is, and is granted.
#[test]
fn a_key_of_somebody_else_is_kept() {
    let machine = with_key_store();
    let document = desired(&web("", "    files: [{ path: 'C:\\web.key', form: key-pem }]\n"));
    applied(&machine, &document, start());
    let (certificate, ours, key) = bound(&machine, MY);
    let theirs = KeyPlace { container: "{4711}".into(), ..ours.clone() };
    machine.plant_key(theirs.clone(), key);
    machine.unplant_key(&ours);
    let blob = StoreBlob::new(certificate.der(), &certificate.public_key().identifier())
        .with_friendly_name(Some("Web"))
        .with_key_provider(Some(&theirs.record()))
        .with_property(properties::MD5_HASH, Some(vec![1; 16]));
    let at = format!("{}\\{}", store(MY), Thumbprint::of(certificate.der()));
    plant(&machine, &at, &[("Blob", RegistryData::new(REG_BINARY, blob.to_bytes()))]);
    assert!(!plan(&machine, &document, start()).has_operations());
    let granted =
        desired(&web(&format!("read: ['{SERVICE}']"), "    files: [{ path: 'C:\\web.key', form: key-pem }]\n"));
    applied(&machine, &granted, start());
    assert!(access(&machine.stored_key(&theirs).unwrap()).contains(&format!("{SERVICE} read")));
    assert_eq!(machine.stored_keys(), [theirs]);
    // One of a user is not looked into.
    let record = KeyProvider { flags: 0, ..ours.record() };
    let users = blob.with_key_provider(Some(&record));
    plant(&machine, &at, &[("Blob", RegistryData::new(REG_BINARY, users.to_bytes()))]);
    assert!(!plan(&machine, &document, start()).has_operations());
    assert_eq!(told(&plan(&machine, &granted, start())), ["! web key: key_nowhere"]);
}

/// A rollback looks at what matters: Windows adds properties of its own at any time.
#[test]
fn properties_that_windows_adds_hinder_no_rollback() {
    let machine = with_key_store();
    let document = desired(&web("", ""));
    applied(&machine, &document, start());
    let (certificate, place, _) = bound(&machine, MY);
    let renamed = desired(&web("", "").replace("friendly_name: Web", "friendly_name: New"));
    let run = applied(&machine, &renamed, start()).run.unwrap();
    let print = Thumbprint::of(certificate.der());
    let at = StorePlace::parse(MY).unwrap();
    let element = element_of(&machine, &at, &print).unwrap().unwrap();
    let added = StoreBlob::parse(&element.0).unwrap().with_property(properties::MD5_HASH, Some(vec![7; 16]));
    plant(&machine, &format!("{}\\{print}", store(MY)), &[("Blob", RegistryData::new(REG_BINARY, added.to_bytes()))]);
    let (back, report) =
        take_back(&machine, &run.parse().unwrap(), Purpose::Rollback { of: run.parse().unwrap() }, start());
    assert!(report.unwrap().is_complete(), "{:#?}", told(&back));
    let element = element_of(&machine, &at, &print).unwrap().unwrap();
    let blob = StoreBlob::parse(&element.0).unwrap();
    assert_eq!(blob.friendly_name().as_deref(), Some("Web"));
    assert_eq!(blob.property(properties::MD5_HASH), Some(&[7; 16][..]));
    assert_eq!(KeyPlace::named_by(&blob.key_provider().unwrap().unwrap()), Some(place));
}

#[test]
fn wherever_it_stops_it_is_finished_or_taken_back() {
    let machine = with_key_store();
    let document = desired(&web(&format!("read: ['{SERVICE}']"), ""));
    applied(&machine, &document, start());
    let (before, keys) = (holds(&machine), machine.stored_keys());
    let renewed = desired(&web(&format!("read: ['{SERVICE}', '{OTHER}']"), "").replace("CN=web", "CN=web,O=Second"));
    let count = writes(&machine, |faulty| drop(applied(faulty, &renewed, start())));
    for at in 1..=count {
        for fault in [Fault::StopBefore, Fault::StopAfter] {
            let stopped = machine.duplicate();
            let result = try_apply(&FaultyMachine::new(&stopped, fault, at), &renewed, start());
            assert!(is_stopped(&result), "{fault:?} {at}: {result:?}");
            let Some(open) = unfinished(&stopped).unwrap() else { continue };
            let run = open.beginning.run;
            let undone = stopped.duplicate();
            let finished = finish(&stopped, &renewed, &run).unwrap();
            assert_eq!((finished.failed(), finished.skipped()), (0, 0), "{finished:#?}");
            let (certificate, _, key) = bound(&stopped, MY);
            assert!(certificate.subject().to_string().contains("Second"));
            assert!(access(&key).contains(&format!("{OTHER} read")));
            assert!(!plan(&stopped, &renewed, start()).has_operations());
            let (_, report) = take_back(&undone, &run, Purpose::Undo { of: run.clone() }, start());
            assert!(report.unwrap().is_complete(), "{fault:?} {at}");
            assert_eq!((holds(&undone), undone.stored_keys()), (before.clone(), keys.clone()), "{fault:?} {at}");
            assert!(past_run(&undone, &run).is_ok());
        }
    }
    assert!(count > 8, "{count} writes");
}

#[test]
fn a_key_that_cannot_be_put_there_leaves_its_certificate_out() {
    let machine = with_key_store();
    let document = desired(&web("", ""));
    let approved = plan(&machine, &document, start());
    let of_key = |operation: &Operation| matches!(operation, Operation::ImportKey { .. });
    assert_eq!(approved.operations().filter(|one| of_key(one)).count(), 1);
    machine.refuse_keys();
    let report = try_apply(&machine, &document, start()).unwrap();
    assert_eq!((report.failed(), report.skipped()), (1, 1), "{report:#?}");
    assert!(stored(&machine, MY).is_empty() && machine.file(&path(r"C:\web.cer")).is_none());
}

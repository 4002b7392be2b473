//! What leaves a store, and what does not: only what is certainly an entry's, and only when nothing may still need it.

use super::baseline::{authority, issued, new_key, template};
use super::world::{applied, certificate, desired, empty, path, plan, plant_stored, start, stored, told, try_apply};

const SELF_SIGNED: &str = r"
defaults: { certificate: { key: { algorithm: ecdsa } } }
certificates:
  web:
    issuer: self
    subject: CN=Web
    friendly_name: NAME
    store: [LocalMachine\My]
    files: [{ path: 'C:\web\it.key', form: key-pem }, { path: 'C:\web\it.pem', form: certificate-pem }]
";

/// A stranger's certificate has the subject, and even the friendly name, and stays.
#[test]
fn a_name_in_common_makes_nobody_an_owner() {
    let machine = empty();
    let agency = issued(&authority("CN=Agency"), new_key(), None);
    let stranger = issued(&template("CN=Web", &[], 300), new_key(), Some(&agency));
    plant_stored(&machine, r"LocalMachine\My", &stranger.certificate, Some("NAME"));
    let document = desired(SELF_SIGNED);
    let planned = plan(&machine, &document, start());
    assert!(!told(&planned).iter().any(|line| line.starts_with("- ")), "{:?}", told(&planned));
    applied(&machine, &document, start());
    let renewed =
        desired(&SELF_SIGNED.replace("subject: CN=Web", "subject: CN=Web\n    digest: sha256\n    names: ['dns:web']"));
    applied(&machine, &renewed, start());
    let left: Vec<_> = stored(&machine, r"LocalMachine\My").into_iter().map(|(one, _)| one).collect();
    assert_eq!(left.len(), 2);
    assert!(left.contains(&stranger.certificate) && left.contains(&certificate(&machine, r"C:\web\it.pem")));
}

/// What was kept while the document asked for that leaves when it does not any more.
#[test]
fn what_was_left_behind_leaves_later() {
    let machine = empty();
    let keeping = SELF_SIGNED.replace("store:", "keep_old: store\n    store:");
    applied(&machine, &desired(&keeping), start());
    applied(&machine, &desired(&keeping.replace("CN=Web", "CN=Web 2")), start());
    applied(&machine, &desired(&keeping.replace("CN=Web", "CN=Web 3")), start());
    assert_eq!(stored(&machine, r"LocalMachine\My").len(), 3);
    let tidy = desired(&SELF_SIGNED.replace("CN=Web", "CN=Web 3"));
    let leaving = told(&plan(&machine, &tidy, start())).into_iter().filter(|line| line.starts_with("- ")).count();
    assert_eq!(leaving, 2);
    applied(&machine, &tidy, start());
    assert_eq!(stored(&machine, r"LocalMachine\My").len(), 1);
    assert_eq!(told(&plan(&machine, &tidy, start())), ["» web key: key_deferred"]);
}

/// While a certificate cannot be judged, the authority that it may still need stays where it is trusted.
#[test]
fn the_old_root_waits_for_what_it_signed() {
    let text = r"
defaults: { certificate: { key: { algorithm: ecdsa } } }
certificates:
  root:
    issuer: self
    ca: true
    subject: CN=Root
    store: [LocalMachine\Root]
    files: [{ path: 'C:\root\it.key', form: key-pem }, { path: 'C:\root\it.pem', form: certificate-pem }]
  web:
    issuer: root
    subject: CN=Web
    files: [{ path: 'C:\web\it.pfx', form: pfx, password: { env: PFX } }]
";
    let machine = empty();
    applied(&machine, &desired(text), start());
    let old = certificate(&machine, r"C:\root\it.pem");
    // Somebody writes the file with another password: nothing tells what is in it.
    let other = issued(&template("CN=Web", &[], 300), new_key(), None);
    let key = other.key.to_pkcs8();
    let parts = trueup::formats::certificate_files::pfx::PfxParts {
        key: &key,
        certificate: other.certificate.der(),
        chain: &[],
        friendly_name: None,
    };
    let strength = trueup::formats::certificate_files::pfx::PfxStrength::Modern;
    let bytes = trueup::formats::certificate_files::pfx::build(&parts, "another one", strength).unwrap();
    machine.plant_file(&path(r"C:\web\it.pfx"), &bytes);
    let renamed = desired(&text.replace("CN=Root", "CN=Root 2"));
    let lines = told(&plan(&machine, &renamed, start()));
    assert!(lines.contains(&"? web: secret.unresolved".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("- ")), "{lines:?}");
    try_apply(&machine, &renamed, start()).unwrap();
    assert!(stored(&machine, r"LocalMachine\Root").iter().any(|(one, _)| *one == old));
}

/// An owned store loses nothing while a source of what is wanted cannot be read.
#[test]
fn an_owned_store_waits_for_every_source() {
    let text = r"
certificates:
  trusted:
    issuer: { bundle: ['C:\trusted'] }
    store: [LocalMachine\Root]
    exclusive: true
";
    let machine = empty();
    let (one, two) = (issued(&authority("CN=One"), new_key(), None), issued(&authority("CN=Two"), new_key(), None));
    let stranger = issued(&authority("CN=Stranger"), new_key(), None);
    for (name, of) in [("one", &one), ("two", &two)] {
        machine.plant_file(&path(&format!(r"C:\trusted\{name}.pem")), &super::baseline::to_pem(&[&of.certificate]));
    }
    applied(&machine, &desired(text), start());
    plant_stored(&machine, r"LocalMachine\Root", &stranger.certificate, None);
    machine.plant_file(&path(r"C:\trusted\two.pem"), b"nonsense");
    let lines = told(&plan(&machine, &desired(text), start()));
    assert!(lines.iter().any(|line| line.contains("exclusive_unsure")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("- ")), "{lines:?}");
    machine.plant_file(&path(r"C:\trusted\two.pem"), &super::baseline::to_pem(&[&two.certificate]));
    applied(&machine, &desired(text), start());
    assert_eq!(stored(&machine, r"LocalMachine\Root").len(), 2);
}

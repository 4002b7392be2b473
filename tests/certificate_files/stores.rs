//! The stores of a real group policy, compared with what openssl says of their certificates.

use std::path::Path;

use trueup::formats::certificate_store::{StoreBlob, StorePlace, properties};
use trueup::model::registry::RegistryKey;
use trueup::model::thumbprint::Thumbprint;

use super::bench::Bench;

pub const POLICY: &str = "gpo/certificates/DomainSysvol/GPO/Machine/registry.pol";

#[test]
fn blobs_of_a_real_policy_are_understood_and_kept() {
    let Some(policy) = fixture(POLICY) else { return };
    let bench = Bench::of_curve();
    let blobs: Vec<_> = entries(&policy).into_iter().filter(|(_, name, _)| name == "Blob").collect();
    assert!(blobs.len() > 30, "{} certificates", blobs.len());
    for (key, _, data) in blobs {
        let thumbprint = check(&bench, &data);
        assert_eq!(key.rsplit('\\').next(), Some(thumbprint.to_string().as_str()));
        let store = key.rsplit('\\').nth(2).unwrap();
        let place = StorePlace::parse(&format!(r"LocalMachine\Group Policy\{store}")).unwrap();
        let expected = RegistryKey::parse(&format!(r"HKLM\{key}")).unwrap().parent();
        assert_eq!(place.registry_key(), expected, "{place}");
        assert!(place.store.is_known(), "{place}");
    }
}

/// Compares a blob with openssl and with itself.
fn check(bench: &Bench, data: &[u8]) -> Thumbprint {
    let blob = StoreBlob::parse(data).unwrap();
    assert_eq!(blob.to_bytes(), data);
    bench.put("found.der", blob.certificate());
    let said = bench.run(&[
        "x509",
        "-inform",
        "der",
        "-in",
        "found.der",
        "-noout",
        "-fingerprint",
        "-sha1",
        "-subject",
        "-ext",
        "subjectKeyIdentifier",
    ]);
    let line = |head: &str| said.lines().find_map(|line| line.strip_prefix(head)).map(str::to_owned);
    let fingerprint = line("sha1 Fingerprint=").or(line("SHA1 Fingerprint=")).expect("openssl says the fingerprint");
    let thumbprint = blob.thumbprint();
    assert_eq!(Thumbprint::parse(&fingerprint), Ok(thumbprint));
    assert_eq!(blob.property(properties::SHA1_HASH), Some(thumbprint.bytes()));
    let identifier = said.lines().skip_while(|line| !line.contains("Subject Key Identifier")).nth(1);
    if let Some(identifier) = identifier {
        let cached = blob.key_identifier().unwrap();
        let shown: Vec<String> = cached.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(identifier.trim(), shown.join(":"));
    }
    assert!(line("subject=").is_some_and(|subject| !subject.is_empty()));
    for property in blob.properties() {
        assert!(properties::name(property.id).is_some(), "property {} has no name", property.id);
    }
    let renamed = blob.clone().with_friendly_name(Some("Größe"));
    assert_eq!(renamed.friendly_name().as_deref(), Some("Größe"));
    assert_eq!(renamed.with_friendly_name(blob.friendly_name().as_deref()).to_bytes(), data);
    // Of what is made anew, everything is what Windows wrote.
    let made = StoreBlob::new(blob.certificate(), blob.key_identifier().unwrap_or_default());
    assert!(made.properties().all(|property| blob.property(property.id) == Some(&*property.data)));
    thumbprint
}

/// A file that lies beside the project; none, and a line that says so, when it isn't there.
pub fn fixture(path: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures").join(path);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(std::fs::read(path).unwrap())
}

/// The key, the value's name and the data of each entry of a `registry.pol`: `[key;value;type;size;data]` in UTF-16.
pub fn entries(policy: &[u8]) -> Vec<(String, String, Vec<u8>)> {
    let mut rest = policy.strip_prefix(b"PReg\x01\0\0\0").expect("it is a policy");
    let mut found = Vec::new();
    while !rest.is_empty() {
        mark(&mut rest, b'[');
        let key = text(&mut rest);
        mark(&mut rest, b';');
        let name = text(&mut rest);
        mark(&mut rest, b';');
        let _type = number(&mut rest);
        mark(&mut rest, b';');
        let size = usize::try_from(number(&mut rest)).unwrap();
        mark(&mut rest, b';');
        let (data, next) = rest.split_at(size);
        rest = next;
        mark(&mut rest, b']');
        found.push((key, name, data.to_vec()));
    }
    found
}

fn mark(rest: &mut &[u8], expected: u8) {
    *rest = rest.strip_prefix(&[expected, 0]).expect("the entry's next mark");
}

fn text(rest: &mut &[u8]) -> String {
    let units: Vec<u16> =
        rest.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)).take_while(|unit| *unit != 0).collect();
    *rest = &rest[units.len() * 2 + 2..];
    String::from_utf16(&units).unwrap()
}

fn number(rest: &mut &[u8]) -> u32 {
    let (bytes, next) = rest.split_first_chunk::<4>().unwrap();
    *rest = next;
    u32::from_le_bytes(*bytes)
}

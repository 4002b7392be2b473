//! Any bytes as the blob of a store, as a file of certificates and as a PFX: nothing panics, and what is read prints back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup::formats::certificate_files::{pem, pfx, pkcs7, read_certificates};
use trueup::formats::certificate_store::{KeyProvider, StoreBlob};

fuzz_target!(|input: &[u8]| {
    store(input);
    files(input);
    let _ = pfx::open(input, "geheim");
});

fn store(input: &[u8]) {
    let _ = KeyProvider::parse(input);
    let Ok(blob) = StoreBlob::parse(input) else { return };
    assert_eq!(blob.to_bytes(), input);
    let _ = (blob.friendly_name(), blob.key_provider(), blob.archived());
    let renamed = blob.with_friendly_name(Some("n"));
    assert_eq!(StoreBlob::parse(&renamed.to_bytes()).expect("it is a blob"), renamed);
}

fn files(input: &[u8]) {
    if let Ok(found) = read_certificates(input) {
        let parts: Vec<&[u8]> = found.iter().map(Vec::as_slice).collect();
        let bundle = pkcs7::build(&parts).expect("they are certificates");
        assert_eq!(pkcs7::parse(&bundle).expect("it is a bundle"), found);
        let text: String = parts.iter().map(|der| pem::encode("CERTIFICATE", der).to_string()).collect();
        assert_eq!(read_certificates(text.as_bytes()).expect("they are certificates"), found);
    }
    let _ = pkcs7::parse(input);
}

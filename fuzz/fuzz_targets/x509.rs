//! Any bytes as a certificate, a request, a revocation list, a name or a key: read or refused, and a name that was read says the
//! same once it was written as text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup::formats::x509::{Certificate, DistinguishedName, PrivateKey, PublicKey, Request, RevocationList, pem_blocks};

fuzz_target!(|data: &[u8]| {
    if let Ok(certificate) = Certificate::parse(data) {
        let _ = certificate.is_signed_by(&certificate);
        let _ = format!("{certificate:?}");
    }
    let _ = Request::parse(data);
    let _ = RevocationList::parse(data);
    let _ = PrivateKey::from_pkcs8(data);
    let _ = PublicKey::from_der(data).map(|key| (key.algorithm(), key.identifier()));
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = pem_blocks(text);
        if let Ok(name) = DistinguishedName::parse(text) {
            assert_eq!(DistinguishedName::parse(&name.to_string()).as_ref(), Ok(&name));
            let der = name.to_der().expect("what is parsed can be encoded");
            assert_eq!(DistinguishedName::from_der(&der), Ok(name));
        }
    }
    if let Ok(name) = DistinguishedName::from_der(data) {
        let _ = name.to_der();
        let _ = name.to_string();
    }
});

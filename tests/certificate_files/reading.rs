//! What authorities send and what people put in its place, as openssl writes it.

use trueup::formats::certificate_files::{FileError, pem, read_certificates};

use super::bench::Bench;

#[test]
fn certificates_are_read_however_they_come() {
    let bench = Bench::of_curve();
    let [web, sub, root] = ["web.der", "sub.der", "root.der"].map(|name| bench.read(name));
    bench.put("all.pem", [bench.read("web.pem"), bench.read("sub.pem"), bench.read("root.pem")].concat().as_slice());
    for (form, name) in [("DER", "all.p7b"), ("PEM", "all.p7.pem")] {
        bench.run(&["crl2pkcs7", "-nocrl", "-certfile", "all.pem", "-outform", form, "-out", name]);
    }
    let with_text = bench.run(&["x509", "-in", "web.pem", "-text", "-nameopt", "utf8"]);
    let chatty = format!("{}{}", with_text.replace('\n', "\r\n"), bench.text("sub.pem"));
    bench.run(&["pkcs12", "-export", "-nokeys", "-in", "all.pem", "-passout", "pass:", "-out", "all.pfx"]);
    let bags = bench.run(&["pkcs12", "-in", "all.pfx", "-nokeys", "-passin", "pass:"]);
    let bare: String = bench
        .text("all.p7.pem")
        .lines()
        .filter(|line| !line.starts_with('-'))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let all = vec![web.clone(), sub.clone(), root.clone()];
    for (what, bytes, expected) in [
        ("PEM", bench.read("web.pem"), vec![web.clone()]),
        ("DER", web.clone(), vec![web.clone()]),
        ("a bundle", bench.read("all.pem"), all.clone()),
        ("PKCS#7", bench.read("all.p7b"), all.clone()),
        ("PKCS#7 in PEM", bench.read("all.p7.pem"), all.clone()),
        ("PKCS#7 without armour", bare.into_bytes(), all.clone()),
        ("text before PEM", chatty.into_bytes(), vec![web, sub]),
        ("bags", bags.into_bytes(), all),
    ] {
        assert_eq!(read_certificates(&bytes).unwrap(), expected, "{what}");
    }
}

#[test]
fn keys_requests_and_others_are_told() {
    let bench = Bench::new(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    bench.run(&["rsa", "-in", "web.key", "-traditional", "-out", "pkcs1.pem"]);
    bench.run(&["rsa", "-in", "web.key", "-traditional", "-outform", "DER", "-out", "pkcs1.der"]);
    bench.run(&["rsa", "-in", "web.key", "-traditional", "-aes256", "-passout", "pass:x", "-out", "sealed1.pem"]);
    bench.run(&["pkcs8", "-topk8", "-in", "web.key", "-passout", "pass:x", "-out", "sealed8.pem"]);
    bench.run(&["pkcs8", "-topk8", "-in", "web.key", "-passout", "pass:x", "-outform", "DER", "-out", "sealed8.der"]);
    bench.run(&["ec", "-in", "sub.key", "-out", "sec1.pem"]);
    bench.run(&["ec", "-in", "sub.key", "-outform", "DER", "-out", "sec1.der"]);
    bench.put("both.pem", &[bench.read("web.pem"), bench.read("web.key")].concat());
    for name in [
        "web.key",
        "web.p8",
        "pkcs1.pem",
        "pkcs1.der",
        "sealed1.pem",
        "sealed8.pem",
        "sealed8.der",
        "sec1.pem",
        "sec1.der",
        "both.pem",
    ] {
        let refused = read_certificates(&bench.read(name));
        assert!(matches!(refused, Err(FileError::PrivateKey)), "{name}: {refused:?}");
    }
    for name in ["web.csr", "web.csr.der"] {
        let refused = read_certificates(&bench.read(name));
        assert!(matches!(refused, Err(FileError::Request)), "{name}: {refused:?}");
    }
    bench.run(&["pkcs12", "-export", "-inkey", "web.key", "-in", "web.pem", "-passout", "pass:x", "-out", "web.pfx"]);
    assert!(matches!(read_certificates(&bench.read("web.pfx")), Err(FileError::Pfx)));
    bench.run(&["x509", "-in", "web.pem", "-trustout", "-addtrust", "serverAuth", "-out", "trusted.pem"]);
    assert!(matches!(read_certificates(&bench.read("trusted.pem")), Err(FileError::Trusted)));
    bench.run(&["pkey", "-in", "web.key", "-pubout", "-out", "public.pem"]);
    assert!(matches!(read_certificates(&bench.read("public.pem")), Err(FileError::Other { .. })));
}

#[test]
fn headers_of_old_keys_do_not_count_as_base64() {
    let bench = Bench::new(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    bench.run(&["rsa", "-in", "web.key", "-traditional", "-aes256", "-passout", "pass:x", "-out", "sealed1.pem"]);
    let blocks = pem::decode(&bench.text("sealed1.pem")).unwrap();
    assert_eq!((blocks.len(), blocks[0].label.as_str()), (1, "RSA PRIVATE KEY"));
    assert_eq!(blocks[0].der.len() % 16, 0);
}

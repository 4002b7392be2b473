//! Every form that is written, as openssl reads it.

use trueup::formats::certificate_files::{FileForm, Material, read_certificates, write};

use super::bench::Bench;

#[test]
fn openssl_reads_every_form() {
    for key in [
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"][..],
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        &["-algorithm", "ED25519"],
    ] {
        every_form(&Bench::new(key));
    }
}

fn every_form(bench: &Bench) {
    let [certificate, sub, root, key, request] =
        ["web.der", "sub.der", "root.der", "web.p8", "web.csr.der"].map(|name| bench.read(name));
    let chain = [sub.as_slice(), root.as_slice()];
    let material = Material {
        certificate: Some(&certificate),
        chain: &chain,
        key: Some(&key),
        request: Some(&request),
        friendly_name: Some("ACS web"),
        password: Some("geheim"),
    };
    for form in FileForm::ALL {
        bench.put(form.name(), &write(form, &material).unwrap());
    }

    // Byte for byte what openssl writes of the same things.
    let [web, authority, root] = ["web.pem", "sub.pem", "root.pem"].map(|name| bench.text(name));
    assert_eq!(bench.text("certificate-pem"), web);
    assert_eq!(bench.text("chain-pem"), format!("{authority}{root}"));
    assert_eq!(bench.text("fullchain-pem"), format!("{web}{authority}{root}"));
    assert_eq!(bench.text("csr"), bench.text("web.csr"));
    assert_eq!(bench.text("key-pem"), bench.text("web.key"));
    assert_eq!(bench.text("public-key"), bench.run(&["x509", "-in", "web.pem", "-noout", "-pubkey"]));
    let of_request = Material { request: Some(&request), ..Material::default() };
    assert_eq!(*write(FileForm::PublicKey, &of_request).unwrap(), bench.read("public-key"));
    bench.put("all.pem", bench.text("fullchain-pem").as_bytes());
    bench.run(&["crl2pkcs7", "-nocrl", "-certfile", "all.pem", "-outform", "DER", "-out", "all.p7b"]);
    assert_eq!(bench.read("p7b").escape_ascii().to_string(), bench.read("all.p7b").escape_ascii().to_string());

    let subject = bench.run(&[
        "x509",
        "-inform",
        "der",
        "-in",
        "certificate-der",
        "-noout",
        "-subject",
        "-nameopt",
        "RFC2253,-esc_msb",
    ]);
    assert_eq!(subject, "subject=CN=web,O=Größe AG,C=CH\n");
    let bundle = bench.run(&["pkcs7", "-inform", "der", "-in", "p7b", "-print_certs"]);
    assert_eq!(read_certificates(bundle.as_bytes()).unwrap(), [&*certificate, chain[0], chain[1]]);
    bench.run(&["pkey", "-in", "key-pem", "-check", "-noout"]);
    bench.run(&["req", "-in", "csr", "-verify", "-noout"]);
    let fingerprint = bench.run(&["x509", "-in", "web.pem", "-noout", "-fingerprint", "-sha1"]);
    let digits = fingerprint.split_once('=').unwrap().1.replace(':', "");
    assert_eq!(bench.text("thumbprint"), digits);
}

//! Bindings and the certificates that they need: the order, what follows when one is replaced, and what is found then.

use trueup::formats::http_sys::Binding;
use trueup::formats::registry_values::NamedValues;
use trueup::model::fact::Stored;
use trueup::model::registry_data::RegistryData;
use trueup::model::thumbprint::Thumbprint;

use super::lab::{HTTP, findings, machine};
use super::world::{after, applied, certificate, desired, key, plan, plant_stored, start, take_back, told};
use trueup::apply::Purpose;
use trueup::machine::RunName;
use trueup::machine::memory::MemoryMachine;

const WEB: &str = r"
certificates:
  root: { issuer: self, ca: true, subject: CN=Root, valid_for: 10y, key: { algorithm: ecdsa }, files: [{ path: 'C:\pki\root.key', form: key-pem }, { path: 'C:\pki\root.pem', form: certificate-pem }] }
  web: { issuer: root, subject: CN=web.example, valid_for: 60d, key: { algorithm: ecdsa }, store: ['LocalMachine\My'], files: [{ path: 'C:\pki\web.key', form: key-pem }, { path: 'C:\pki\web.pem', form: certificate-pem }] }
ports:
  web-ui: { port: 5443, tls: { certificate: web } }
";

/// The certificate's hash at an endpoint.
fn bound(machine: &MemoryMachine, endpoint: &str) -> Option<Vec<u8>> {
    let tree = machine.tree(&key(&format!("{HTTP}\\SslBindingInfo\\{endpoint}")))?;
    let values: Vec<(String, RegistryData)> = tree
        .values
        .iter()
        .map(|value| match &value.data {
            Stored::Plain(data) => (value.name.to_string(), data.clone()),
            Stored::Sealed { .. } => panic!("it is sealed"),
        })
        .collect();
    Binding::read(&NamedValues::of(&values)).unwrap().certificate.map(Into::into)
}

#[test]
fn a_binding_follows_its_certificate() {
    let machine = machine(&[]);
    let wanted = desired(WEB);
    let first = plan(&machine, &wanted, start());
    let place = |name: &str| first.decisions.iter().position(|one| one.id.to_string() == name).unwrap();
    assert!(place("certificates.web") < place("ports.web-ui[\"tls 0.0.0.0:5443\"]"), "the certificate comes first");
    assert_eq!(findings(&first), Vec::<String>::new());
    applied(&machine, &wanted, start());
    let old = certificate(&machine, r"C:\pki\web.pem");
    assert_eq!(bound(&machine, "0.0.0.0:5443").unwrap(), old.sha1());
    assert_eq!(told(&plan(&machine, &wanted, start())), ["» web key: key_deferred"]);

    // Thirty days before its end the certificate is replaced, and the binding with it; the old one leaves last.
    let due = plan(&machine, &wanted, after(31));
    let lines = told(&due);
    let tls = lines
        .iter()
        .position(|line| line == "~ web-ui tls 0.0.0.0:5443: ports.certificate_follows")
        .expect("it follows");
    let gone = lines.iter().position(|line| line.starts_with("- web")).expect("the old one leaves");
    assert!(tls < gone, "{lines:#?}");
    let old_print = Thumbprint::of(old.der());
    assert_eq!(
        findings(&due),
        [format!(
            "info ports.certificate_replaced: ports.web-ui[\"tls 0.0.0.0:5443\"]: certificates.web is replaced in this plan, and the \
             binding goes from {old_print} to the new one"
        )]
    );
    let report = applied(&machine, &wanted, after(31));
    let new = certificate(&machine, r"C:\pki\web.pem");
    assert_ne!(new.sha1(), old.sha1());
    assert_eq!(bound(&machine, "0.0.0.0:5443").unwrap(), new.sha1());
    assert_eq!(told(&plan(&machine, &wanted, after(31))), ["» web key: key_deferred"]);

    let run: RunName = report.run.as_deref().unwrap().parse().unwrap();
    take_back(&machine, &run, Purpose::Rollback { of: run.clone() }, after(31)).1.unwrap();
    assert_eq!(bound(&machine, "0.0.0.0:5443").unwrap(), old.sha1());
}

#[test]
fn what_certificates_make_of_bindings() {
    let with = |from: &str, to: &str| WEB.replace(from, to);
    let other = with(r"store: ['LocalMachine\My']", r"store: ['LocalMachine\WebHosting']");
    let pending = with("web: { issuer: root,", "web: { issuer: csr,").replace(
        "form: certificate-pem }] }\nports",
        "form: certificate-pem }, { path: 'C:\\pki\\web.csr', form: csr }] }\nports",
    );
    let absent = with("web: { issuer: root,", "web: { ensure: absent, issuer: root,");
    for (text, line, found) in [
        (WEB.to_owned(), "+ web-ui tls 0.0.0.0:5443: ports.binding_absent", ""),
        (
            other,
            "+ web-ui tls 0.0.0.0:5443: ports.binding_absent",
            r#"warning ports.certificate_misplaced: ports.web-ui["tls 0.0.0.0:5443"]: the binding takes its certificate from LocalMachine\My, where certificates.web does not put it"#,
        ),
        (pending, "… web-ui tls 0.0.0.0:5443: ports.certificate_not_ready", ""),
        (absent, "! web-ui tls 0.0.0.0:5443: ports.certificate_leaves", ""),
    ] {
        let plan = plan(&machine(&[]), &desired(&text), start());
        assert!(told(&plan).iter().any(|told| told.starts_with(line)), "{text}\n{:#?}", told(&plan));
        assert_eq!(findings(&plan).join("; "), found, "{text}");
    }
}

#[test]
fn pinned_certificates_are_looked_at() {
    let made = machine(&[]);
    applied(&made, &desired(&WEB[..WEB.find("ports:").unwrap()]), start());
    let found = certificate(&made, r"C:\pki\web.pem");
    let print = Thumbprint::of(found.der());
    let only = format!("ports:\n  web-ui: {{ port: 5443, tls: {{ thumbprint: '{print}' }} }}\n");
    let both = format!("{}{only}", &WEB[..WEB.find("ports:").unwrap()]);

    let elsewhere = machine(&[]);
    plant_stored(&elsewhere, r"LocalMachine\My", &found, None);
    let of = |machine: &MemoryMachine, text: &str, at| findings(&plan(machine, &desired(text), at));
    assert_eq!(
        of(&elsewhere, &only, start()),
        [format!(
            "warning ports.certificate_without_key: ports.web-ui[\"tls 0.0.0.0:5443\"]: the certificate {print} has no private key on this machine"
        )]
    );
    assert_eq!(
        of(&elsewhere, &only, after(61))[0],
        format!(
            "warning ports.certificate_expired: ports.web-ui[\"tls 0.0.0.0:5443\"]: the certificate {print} expired at {}",
            found.not_after()
        )
    );
    assert_eq!(
        of(&made, &both, start())[0],
        format!(
            "warning ports.pinned_is_renewed: ports.web-ui[\"tls 0.0.0.0:5443\"] pins the certificate of certificates.web, and will not follow when it is renewed"
        )
    );
    assert_eq!(
        of(&made, &both, after(31))[0],
        format!(
            "error ports.pinned_is_replaced: ports.web-ui[\"tls 0.0.0.0:5443\"] pins {print}, which certificates.web replaces in this plan"
        )
    );
}

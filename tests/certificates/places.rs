//! The checks of a certificate's places: files, stores, who uses it, revocation lists, and the stores that a bundle fills. The table
//! goes on from that of the certificate itself.

use super::checks::check;

use trueup::machine::image::{DirtyHives, ImageMachine, sample};
use trueup::model::registry_data::{REG_BINARY, REG_SZ, RegistryData};
use trueup::model::thumbprint::Thumbprint;
use trueup::model::time::FileTime;

use super::baseline::{HTTP, IIS, Issued, RDP, SQL, SQL_NAMES, WINRM, authority, issued, new_key, to_pem, to_pfx};
use super::world::{certificate, certificates, desired, found, plan, plant, plant_stored, private_key, start, told};

#[test]
fn where_it_lies() {
    check(&[
        ("a file is missing", |stage| stage.gone(r"C:\web\web.cer"), &[r"+ web C:\web\web.cer: misplaced"]),
        (
            "a file holds another certificate",
            |stage| stage.put(r"C:\web\web.cer", stage.agency.certificate.der()),
            &[r"~ web C:\web\web.cer: misplaced"],
        ),
        (
            "a file holds nonsense",
            |stage| stage.put(r"C:\web\web.cer", "nonsense"),
            &[r"~ web C:\web\web.cer: misplaced"],
        ),
        (
            "DER where PEM is wanted",
            |stage| stage.put(r"C:\lean\lean.pem", certificate(&stage.machine, r"C:\lean\lean.pem").der()),
            &[r"~ lean C:\lean\lean.pem: misplaced"],
        ),
        (
            "PEM where DER is wanted",
            |stage| stage.put(r"C:\web\web.cer", to_pem(&[&certificate(&stage.machine, r"C:\web\web.cer")])),
            &[r"~ web C:\web\web.cer: misplaced"],
        ),
        (
            "the chain is incomplete",
            |stage| stage.put(r"C:\web\web.pem", to_pem(&[&certificate(&stage.machine, r"C:\web\web.cer")])),
            &[r"~ web C:\web\web.pem: misplaced"],
        ),
        (
            "the chain stands the other way round",
            |stage| {
                let chain = certificates(&stage.machine, r"C:\web\web.pem");
                assert_eq!(chain.len(), 2);
                stage.put(r"C:\web\web.pem", to_pem(&[&chain[1], &chain[0]]));
            },
            &[r"~ web C:\web\web.pem: misplaced"],
        ),
        (
            "the root is in the chain that a server sends",
            |stage| {
                let root = certificate(&stage.machine, r"C:\pki\root.cer");
                let chain = certificates(&stage.machine, r"C:\web\web.pem");
                stage.put(r"C:\web\web.pem", to_pem(&[&chain[0], &chain[1], &root]));
            },
            &[r"~ web C:\web\web.pem: misplaced"],
        ),
        (
            "the root is not in the whole chain",
            |stage| stage.put(r"C:\lean\chain.pem", to_pem(&[&stage.issuing().certificate])),
            &[r"~ lean C:\lean\chain.pem: misplaced"],
        ),
        (
            "a PFX without its chain",
            |stage| {
                let certificate = certificate(&stage.machine, r"C:\web\web.cer");
                let key = private_key(&stage.machine, r"C:\web\web.key");
                stage.put(r"C:\web\web.pfx", to_pfx(&Issued { certificate, key }, &[]));
            },
            &[r"~ web C:\web\web.pfx: misplaced"],
        ),
        (
            "another thumbprint",
            |stage| stage.put(r"C:\lean\lean.txt", "00112233445566778899AABBCCDDEEFF00112233"),
            &[r"~ lean C:\lean\lean.txt: misplaced"],
        ),
        (
            "the thumbprint as Windows shows it",
            |stage| {
                let print = Thumbprint::of(certificate(&stage.machine, r"C:\lean\lean.pem").der()).to_lower_hex();
                let pairs: Vec<&str> =
                    print.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap()).collect();
                stage.put(r"C:\lean\lean.txt", pairs.join(" ") + "\r\n");
            },
            &[],
        ),
        (
            "another public key",
            |stage| stage.put(r"C:\lean\lean.pub", stage.agency.certificate.public_key().to_pem()),
            &[r"~ lean C:\lean\lean.pub: misplaced"],
        ),
        (
            "PEM where P7B is wanted",
            |stage| stage.copies(r"C:\lean\chain.pem", r"C:\lean\lean.p7b"),
            &[r"~ lean C:\lean\lean.p7b: misplaced"],
        ),
        (
            "it is not in its store",
            |stage| stage.empties(r"LocalMachine\My"),
            &[r"+ web LocalMachine\My: misplaced", r"+ supplied LocalMachine\My: misplaced"],
        ),
        (
            "it is to be in a further store",
            |stage| stage.says("web", r"[LocalMachine\My]", r"[LocalMachine\My, LocalMachine\WebHosting]"),
            &[r"+ web LocalMachine\WebHosting: misplaced"],
        ),
        (
            "others may read the key",
            |stage| stage.copies(r"C:\web\web.key", r"C:\web\web.key"),
            &[r"~ web C:\web\web.key: permissions_differ"],
        ),
        (
            "others may read the PFX",
            |stage| stage.copies(r"C:\web\web.pfx", r"C:\web\web.pfx"),
            &[r"~ web C:\web\web.pfx: permissions_differ"],
        ),
        (
            "another friendly name is wanted",
            |stage| stage.says("web", "friendly_name: ACS web", "friendly_name: acs web"),
            &[r"~ web LocalMachine\My: friendly_name_differs"],
        ),
        (
            "somebody took the friendly name away",
            |stage| {
                let certificate = certificate(&stage.machine, r"C:\web\web.cer");
                plant_stored(&stage.machine, r"LocalMachine\My", &certificate, None);
            },
            &[r"~ web LocalMachine\My: friendly_name_differs"],
        ),
        (
            "a store of the user who is logged on",
            |stage| stage.says("web", r"[LocalMachine\My]", r"[LocalMachine\My, CurrentUser\My]"),
            &[r"» web CurrentUser\My: place_deferred"],
        ),
        (
            "a key that goes into the key store alone",
            |stage| {
                stage
                    .text
                    .push_str("  bare:\n    issuer: issuing\n    subject: CN=bare\n    store: ['LocalMachine\\My']\n");
            },
            &["» bare: absent key_deferred", r"» bare LocalMachine\My: not_ready", "» bare key: not_ready"],
        ),
        (
            "accounts that may read the key",
            |stage| stage.adds("lean", r"key: { algorithm: ecdsa, read: ['CORP\svc-acs'] }"),
            &["» lean key: key_deferred"],
        ),
        (
            "one that is to go",
            |stage| stage.adds("lean", "ensure: absent"),
            &[
                r"- lean C:\lean\lean.key: wanted_absent",
                r"- lean C:\lean\lean.pem: wanted_absent",
                r"- lean C:\lean\chain.pem: wanted_absent",
                r"- lean C:\lean\lean.p7b: wanted_absent",
                r"- lean C:\lean\lean.txt: wanted_absent",
                r"- lean C:\lean\lean.pub: wanted_absent",
            ],
        ),
        (
            "one that is to go from its store",
            |stage| stage.adds("vendor", "ensure: absent"),
            &[r"- vendor LocalMachine\TrustedPeople #: wanted_absent"],
        ),
    ]);
}

#[test]
fn what_a_bundle_holds() {
    check(&[
        (
            "one is not in the store",
            |stage| stage.empties(r"LocalMachine\AuthRoot"),
            &[r"+ trusted LocalMachine\AuthRoot #: misplaced"],
        ),
        (
            "the folder has a further file with two",
            |stage| {
                let more = ["CN=One", "CN=Two"].map(|name| issued(&authority(name), new_key(), None).certificate);
                stage.put(r"C:\bundle\more.pem", to_pem(&[&more[0], &more[1]]));
            },
            &[r"+ trusted LocalMachine\AuthRoot #: misplaced", r"+ trusted LocalMachine\AuthRoot #: misplaced"],
        ),
        ("the folder is empty", |stage| stage.gone(r"C:\bundle\agency.cer"), &["! trusted: unreadable"]),
        (
            "a file of the folder is none",
            |stage| {
                stage.put(r"C:\bundle\readme.txt", "nonsense");
                assert_eq!(found(&stage.plan()), ["warning certificate.unusable_file"]);
            },
            &[],
        ),
        (
            "the store holds others as well",
            |stage| {
                let other = issued(&authority("CN=Other"), new_key(), None);
                plant_stored(&stage.machine, r"LocalMachine\AuthRoot", &other.certificate, None);
            },
            &[],
        ),
        (
            "the store is to hold no others",
            |stage| {
                let other = issued(&authority("CN=Other"), new_key(), None);
                plant_stored(&stage.machine, r"LocalMachine\AuthRoot", &other.certificate, None);
                stage.adds("trusted", "exclusive: true");
            },
            &[r"- trusted LocalMachine\AuthRoot #: not_named"],
        ),
    ]);
}

fn other_print() -> RegistryData {
    RegistryData::new(REG_BINARY, vec![9; 20])
}

#[test]
fn who_uses_it() {
    check(&[
        (
            "Remote Desktop uses another",
            |stage| plant(&stage.machine, RDP, &[("SSLCertificateSHA1Hash", other_print())]),
            &["~ web rdp: consumer_differs"],
        ),
        ("Remote Desktop uses none", |stage| plant(&stage.machine, RDP, &[]), &["~ web rdp: consumer_differs"]),
        (
            "Remote Desktop is not there",
            |stage| plant(&stage.machine, RDP.strip_suffix(r"\RDP-Tcp").unwrap(), &[]),
            &["! web rdp: consumer_absent"],
        ),
        (
            "WinRM uses another",
            |stage| plant(&stage.machine, WINRM, &[("certThumbprint", RegistryData::text(REG_SZ, "00"))]),
            &["~ web winrm: consumer_differs"],
        ),
        (
            "WinRM has the thumbprint in small letters with spaces",
            |stage| {
                let print = Thumbprint::of(certificate(&stage.machine, r"C:\web\web.cer").der()).to_lower_hex();
                let text = format!("{} {}", &print[..20], &print[20..]);
                plant(&stage.machine, WINRM, &[("certThumbprint", RegistryData::text(REG_SZ, &text))]);
            },
            &[],
        ),
        (
            "WinRM listens without TLS alone",
            |stage| {
                let listeners = WINRM.strip_suffix(r"\*+HTTPS").unwrap();
                plant(&stage.machine, listeners, &[]);
                plant(&stage.machine, &format!(r"{listeners}\*+HTTP"), &[]);
            },
            &["! web winrm: consumer_absent"],
        ),
        (
            "SQL Server uses another",
            |stage| plant(&stage.machine, SQL, &[("Certificate", RegistryData::text(REG_SZ, "00"))]),
            &["~ web sql: consumer_differs"],
        ),
        ("SQL Server has no instance", |stage| plant(&stage.machine, SQL_NAMES, &[]), &["! web sql: consumer_absent"]),
        (
            "IIS uses another",
            |stage| plant(&stage.machine, HTTP, &[("SslCertHash", other_print())]),
            &["~ web iis Default Web Site: consumer_differs"],
        ),
        (
            "IIS has no such site",
            |stage| stage.says("web", "iis: Default Web Site", "iis: Other"),
            &["! web iis Other: consumer_absent"],
        ),
        (
            "the site has no binding in http.sys",
            |stage| plant(&stage.machine, HTTP.strip_suffix(r"\0.0.0.0:443").unwrap(), &[]),
            &["! web iis Default Web Site: consumer_absent"],
        ),
        ("IIS is not there", |stage| stage.gone(IIS), &["! web iis Default Web Site: consumer_absent"]),
        (
            "a consumer that nobody can look at",
            |stage| stage.says("web", "used_by: [rdp,", "used_by: [nps_eap, rdp,"),
            &["? web nps_eap: consumer_unseen"],
        ),
    ]);
}

#[test]
fn revocation_lists() {
    check(&[
        ("it is not there", |stage| stage.gone(r"C:\pki\root.crl"), &["+ root crl: crl_absent"]),
        ("it is none", |stage| stage.put(r"C:\pki\root.crl", "nonsense"), &["~ root crl: crl_absent"]),
        ("it is not time to sign it again", |stage| stage.days(22), &[]),
        (
            "it is time to sign it again",
            |stage| stage.days(23),
            &["~ root crl: crl_nears_expiry", "~ issuing crl: crl_nears_expiry"],
        ),
        (
            "it is past its end",
            |stage| stage.days(40),
            &["~ root crl: crl_nears_expiry", "~ issuing crl: crl_nears_expiry"],
        ),
        (
            "it is to name a certificate",
            |stage| {
                let revoked =
                    "url: 'http://pki.example/root.crl', revoked: [{ serial: '4a:3b:2c', since: 2026-02-01 }]";
                stage.says("root", "url: 'http://pki.example/root.crl'", revoked);
            },
            &["~ root crl: crl_differs"],
        ),
        (
            "it is to name no certificate any more",
            |stage| {
                let text = stage.text.clone();
                let revoked = "url: 'http://pki.example/root.crl', revoked: [{ serial: '00ff', since: 2026-02-01 }]";
                stage.says("root", "url: 'http://pki.example/root.crl'", revoked);
                stage.apply();
                stage.text = text;
            },
            &["~ root crl: crl_differs"],
        ),
        (
            "the serial number in other digits",
            |stage| {
                let text = stage.text.clone();
                let line = |serial: &str| {
                    format!(
                        "url: 'http://pki.example/root.crl', revoked: [{{ serial: '{serial}', since: 2026-02-01 }}]"
                    )
                };
                stage.says("root", "url: 'http://pki.example/root.crl'", &line("0aff"));
                stage.apply();
                stage.text = text;
                stage.says("root", "url: 'http://pki.example/root.crl'", &line("00:0A:FF"));
            },
            &[],
        ),
        (
            "another authority signed it",
            |stage| {
                let other = super::world::revocation_list(&stage.machine, r"C:\pki\issuing.crl.pem");
                stage.put(r"C:\pki\root.crl", other.der());
            },
            &["~ root crl: crl_issuer_differs"],
        ),
    ]);
}

#[test]
fn an_image_has_the_drive_that_it_is() {
    let folder = tempfile::tempdir().unwrap();
    sample::make(folder.path(), "ACS-SRV01", FileTime::from_timestamp(start())).unwrap();
    let image = ImageMachine::open(folder.path(), DirtyHives::Refuse).unwrap();
    let desired = desired(
        r"
certificates:
  web:
    issuer: self
    subject: CN=web
    key: { algorithm: ecdsa }
    store: [CurrentUser\My]
    files:
      - { path: 'D:\web\web.key', form: key-pem }
      - { path: 'C:\web\web.key', form: key-pem }
      - { path: 'D:\web\web.pem', form: certificate-pem }
",
    );
    let expected = [
        "+ web: absent",
        r"» web CurrentUser\My: place_deferred",
        r"» web D:\web\web.key: place_deferred",
        r"+ web C:\web\web.key: follows",
        r"» web D:\web\web.pem: place_deferred",
        "» web key: key_deferred",
    ];
    assert_eq!(told(&plan(&image, &desired, start())), expected);
}

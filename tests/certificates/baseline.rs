//! A machine on which a document with every sort of entry has been applied, and the ways in which a case changes it.

use trueup::formats::certificate_files::pem;
use trueup::formats::certificate_files::pfx::{PfxParts, PfxStrength, build};
use trueup::formats::x509::{
    AlternativeName, Authority, Certificate, Digest, DistinguishedName, ExtendedUsage, KeyAlgorithm, KeyUsage,
    PrivateKey, Request, Signer, Template, issue,
};
use trueup::machine::memory::MemoryMachine;
use trueup::model::registry_data::{REG_BINARY, REG_SZ, RegistryData};
use trueup::plan::Plan;

use super::world::{
    DAY, PASSWORD, applied, certificate, desired, empty, empty_store, path, plan, plant, plant_stored, private_key,
    read, start, told, try_apply,
};

pub const RDP: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp";
pub const WINRM: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Listener\*+HTTPS";
pub const SQL_NAMES: &str = r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server\Instance Names\SQL";
pub const SQL: &str = r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server\MSSQL15.ACS\MSSQLServer\SuperSocketNetLib";
pub const HTTP: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\HTTP\Parameters\SslBindingInfo\0.0.0.0:443";
pub const IIS: &str = r"%SystemRoot%\System32\inetsrv\config\applicationHost.config";
const SITES: &str = r#"<configuration><system.applicationHost><sites>
  <site name="Default Web Site" id="1"><bindings>
    <binding protocol="https" bindingInformation="*:443:" sslFlags="0" />
  </bindings></site>
</sites></system.applicationHost></configuration>"#;

pub const DOCUMENT: &str = r"
defaults: { certificate: { key: { algorithm: ecdsa } } }
certificates:
  root:
    issuer: self
    ca: true
    subject: 'CN=Example Root,O=Example AG,C=CH'
    valid_for: 10y
    renew_before: 3y
    store: [LocalMachine\Root]
    files:
      - { path: 'C:\pki\root.key', form: key-pem }
      - { path: 'C:\pki\root.cer', form: certificate-der }
    crl: { path: 'C:\pki\root.crl', url: 'http://pki.example/root.crl' }
  issuing:
    issuer: root
    ca: { path_length: 0 }
    subject: [{ C: CH }, { O: Example AG }, { CN: Example Issuing }]
    valid_for: 3y
    renew_before: 1y
    store: [LocalMachine\CA]
    files:
      - { path: 'C:\pki\issuing.key', form: key-pem }
      - { path: 'C:\pki\issuing.pem', form: certificate-pem }
    crl: { path: 'C:\pki\issuing.crl.pem' }
  web:
    issuer: issuing
    subject: [{ C: CH }, { O: Example AG }, { OU: DoD }, { OU: PKI }, { CN: web.example }]
    names: [dns:web.example, dns:WEB, ip:10.0.0.5, 'ip:fe80::1']
    valid_for: 397d
    store: [LocalMachine\My]
    friendly_name: ACS web
    files:
      - { path: 'C:\web\web.key', form: key-pem }
      - { path: 'C:\web\web.pem', form: fullchain-pem }
      - { path: 'C:\web\web.cer', form: certificate-der }
      - { path: 'C:\web\web.pfx', form: pfx, password: { env: PFX } }
    used_by: [rdp, winrm, sql, { iis: Default Web Site }]
  lean:
    issuer: issuing
    subject: 'CN=lean.example'
    valid_for: 90d
    files:
      - { path: 'C:\lean\lean.key', form: key-pem }
      - { path: 'C:\lean\lean.pem', form: certificate-pem }
      - { path: 'C:\lean\chain.pem', form: chain-pem }
      - { path: 'C:\lean\lean.p7b', form: p7b }
      - { path: 'C:\lean\lean.txt', form: thumbprint }
      - { path: 'C:\lean\lean.pub', form: public-key }
  agency:
    issuer: { csr: { inbox: 'C:\inbox', trust: ['C:\trust\agency.pem'] } }
    subject: 'CN=agency.example'
    names: [dns:agency.example]
    usage: [server]
    files:
      - { path: 'C:\agency\agency.csr', form: csr }
      - { path: 'C:\agency\agency.key', form: key-pem }
      - { path: 'C:\agency\agency.pem', form: fullchain-pem }
  vendor:
    issuer: existing
    subject: 'CN=Vendor'
    store: [LocalMachine\TrustedPeople]
  supplied:
    issuer: { pfx: { path: 'C:\supplied\it.pfx', password: { env: PFX } } }
    store: [LocalMachine\My]
    files:
      - { path: 'C:\supplied\it.pem', form: fullchain-pem }
  given:
    issuer: { files: { certificate: 'C:\given\it.pem', key: 'C:\given\it.key' } }
    files:
      - { path: 'C:\given\it.pfx', form: pfx, password: { env: PFX } }
  trusted:
    issuer: { bundle: ['C:\bundle'] }
    store: [LocalMachine\AuthRoot]
";

/// What the plan of the baseline tells: all that waits for somebody else.
pub const AT_REST: [&str; 5] = [
    "» web key: key_deferred",
    "… agency: absent pending",
    "… agency C:\\agency\\agency.key: not_ready",
    "… agency C:\\agency\\agency.pem: not_ready",
    "» supplied key: key_deferred",
];

/// A certificate with its key.
#[derive(Clone)]
pub struct Issued {
    pub certificate: Certificate,
    pub key: PrivateKey,
}

/// What a leaf's certificate says, valid from a day before the start for so many days.
pub fn template(subject: &str, names: &[&str], days: i64) -> Template {
    Template {
        subject: DistinguishedName::parse(subject).unwrap(),
        names: names.iter().map(|name| AlternativeName::parse(name).unwrap()).collect(),
        key_usage: KeyUsage::DIGITAL_SIGNATURE,
        extended: vec![ExtendedUsage::Server, ExtendedUsage::Client],
        authority: None,
        not_before: start() - jiff::SignedDuration::from_secs(DAY),
        not_after: start() + jiff::SignedDuration::from_secs(days * DAY),
        digest: Digest::Sha256,
        crl_urls: Vec::new(),
    }
}

pub fn authority(subject: &str) -> Template {
    Template {
        key_usage: KeyUsage::CERTIFICATE_SIGN | KeyUsage::CRL_SIGN,
        extended: Vec::new(),
        authority: Some(Authority { path_length: None }),
        ..template(subject, &[], 3650)
    }
}

pub fn new_key() -> PrivateKey {
    PrivateKey::generate(&KeyAlgorithm::EcdsaP256).unwrap()
}

/// Issues for a key that is at hand, by an authority or by the key itself.
pub fn issued(template: &Template, key: PrivateKey, by: Option<&Issued>) -> Issued {
    let serial: [u8; 16] = key.public_key().identifier()[..16].try_into().unwrap();
    let serial = serial.map(|byte| byte ^ u8::try_from(template.not_after.as_second() % 251).unwrap());
    let signer = match by {
        Some(by) => Signer::Authority { certificate: &by.certificate, key: &by.key },
        None => Signer::Itself(&key),
    };
    let der = issue(template, key.public_key(), serial, signer).unwrap();
    Issued { certificate: Certificate::parse(&der).unwrap(), key }
}

pub fn to_pem(certificates: &[&Certificate]) -> Vec<u8> {
    certificates.iter().map(|one| pem::encode("CERTIFICATE", one.der()).to_string()).collect::<String>().into_bytes()
}

pub fn to_pfx(of: &Issued, chain: &[&Certificate]) -> Vec<u8> {
    let chain: Vec<&[u8]> = chain.iter().map(|one| &**one.der()).collect();
    let key = of.key.to_pkcs8();
    let parts = PfxParts { key: &key, certificate: of.certificate.der(), chain: &chain, friendly_name: None };
    build(&parts, PASSWORD, PfxStrength::Modern).unwrap().to_vec()
}

pub struct Baseline {
    machine: MemoryMachine,
    agency: Issued,
}

/// The baseline in the hands of a case.
pub struct Stage {
    pub machine: MemoryMachine,
    pub text: String,
    pub now: jiff::Timestamp,
    /// The authority that signs requests.
    pub agency: Issued,
}

impl Baseline {
    pub fn new() -> Self {
        let machine = empty();
        let agency = issued(&authority("CN=Agency Root"), new_key(), None);
        let put = |at: &str, bytes: &[u8]| machine.plant_file(&path(at), bytes);
        put(r"C:\trust\agency.pem", &to_pem(&[&agency.certificate]));
        put(r"C:\inbox\readme", b"");
        machine.unplant_file(&path(r"C:\inbox\readme"));
        let vendor = issued(&template("CN=Vendor", &[], 700), new_key(), None);
        plant_stored(&machine, r"LocalMachine\TrustedPeople", &vendor.certificate, None);
        let supplied =
            issued(&template("CN=supplied.example", &["dns:supplied.example"], 700), new_key(), Some(&agency));
        put(r"C:\supplied\it.pfx", &to_pfx(&supplied, &[&agency.certificate]));
        let given = issued(&template("CN=given.example", &[], 700), new_key(), Some(&agency));
        put(r"C:\given\it.pem", &to_pem(&[&given.certificate, &agency.certificate]));
        put(r"C:\given\it.key", given.key.to_pem().as_bytes());
        put(r"C:\bundle\agency.cer", agency.certificate.der());
        put(IIS, SITES.as_bytes());
        let number = |bytes: &[u8]| RegistryData::new(REG_BINARY, bytes.to_vec());
        plant(&machine, RDP, &[("SSLCertificateSHA1Hash", number(&[7; 20]))]);
        plant(&machine, WINRM, &[("certThumbprint", RegistryData::text(REG_SZ, "00"))]);
        plant(&machine, SQL_NAMES, &[("ACS", RegistryData::text(REG_SZ, "MSSQL15.ACS"))]);
        plant(&machine, SQL, &[]);
        plant(&machine, HTTP, &[("SslCertHash", number(&[7; 20])), ("AppId", number(&[1; 16]))]);
        applied(&machine, &desired(DOCUMENT), start());
        Self { machine, agency }
    }

    pub fn stage(&self) -> Stage {
        Stage {
            machine: self.machine.duplicate(),
            text: DOCUMENT.to_owned(),
            now: start() + jiff::SignedDuration::from_hours(1),
            agency: self.agency.clone(),
        }
    }
}

impl Stage {
    /// The document says something else of an entry: what it said stands there once.
    pub fn says(&mut self, entry: &str, from: &str, to: &str) {
        let start = self.text.find(&format!("\n  {entry}:\n")).expect("there is such an entry");
        let length = self.text[start + 1..].match_indices("\n  ").map(|(at, _)| at + 1);
        let is_next = |at: &usize| !self.text[start + at + 3..].starts_with(' ');
        let end = length.filter(|at| start + at + 3 < self.text.len()).find(is_next);
        let end = end.map_or(self.text.len(), |end| start + end);
        let block = &self.text[start..end];
        assert_eq!(block.matches(from).count(), 1, "{from:?} in {block}");
        let block = block.replace(from, to);
        self.text.replace_range(start..end, &block);
    }

    /// A further line in an entry.
    pub fn adds(&mut self, entry: &str, line: &str) {
        let head = format!("\n  {entry}:\n");
        assert_eq!(self.text.matches(&head).count(), 1);
        self.text = self.text.replace(&head, &format!("{head}    {line}\n"));
    }

    pub fn days(&mut self, days: i64) {
        self.now = start() + jiff::SignedDuration::from_secs(days * DAY);
    }

    pub fn gone(&self, at: &str) {
        assert!(read(&self.machine, at).is_some(), "{at} is there");
        self.machine.unplant_file(&path(at));
    }

    pub fn put(&self, at: &str, bytes: impl AsRef<[u8]>) {
        self.machine.plant_file(&path(at), bytes.as_ref());
    }

    pub fn empties(&self, store: &str) {
        empty_store(&self.machine, store);
    }

    pub fn copies(&self, from: &str, to: &str) {
        self.put(to, read(&self.machine, from).expect("it is there"));
    }

    /// The issuing authority of the document.
    pub fn issuing(&self) -> Issued {
        Issued {
            certificate: certificate(&self.machine, r"C:\pki\issuing.pem"),
            key: private_key(&self.machine, r"C:\pki\issuing.key"),
        }
    }

    /// What `lean` says, as somebody else would issue it for the same key, and no other file with a certificate for it.
    pub fn relean(&self, by: &Issued, change: impl FnOnce(&mut Template)) {
        let mut template = template("CN=lean.example", &[], 90);
        change(&mut template);
        let other = issued(&template, private_key(&self.machine, r"C:\lean\lean.key"), Some(by));
        self.put(r"C:\lean\lean.pem", to_pem(&[&other.certificate]));
        self.gone(r"C:\lean\lean.p7b");
    }

    pub fn request(&self) -> Request {
        let bytes = read(&self.machine, r"C:\agency\agency.csr").expect("it is there");
        Request::parse(&pem::decode(std::str::from_utf8(&bytes).unwrap()).unwrap()[0].der).unwrap()
    }

    /// What an authority would send back for the request.
    pub fn signed(&self, by: &Issued, change: impl FnOnce(&mut Template)) -> Certificate {
        let request = self.request();
        let mut template = Template {
            subject: request.subject().clone(),
            extended: request.extended().to_vec(),
            key_usage: request.key_usage().unwrap_or_default(),
            names: request.names().to_vec(),
            ..template("CN=x", &[], 300)
        };
        change(&mut template);
        let signer = Signer::Authority { certificate: &by.certificate, key: &by.key };
        Certificate::parse(&issue(&template, request.public_key(), [9; 16], signer).unwrap()).unwrap()
    }

    pub fn plan(&self) -> Plan {
        plan(&self.machine, &desired(&self.text), self.now)
    }

    /// What the plan tells beyond what it tells of the baseline; of places that follow their entry, how many.
    pub fn told(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut following: Vec<(String, usize)> = Vec::new();
        for line in told(&self.plan()).into_iter().filter(|line| !AT_REST.contains(&&**line)) {
            let (place, codes) = line.rsplit_once(": ").unwrap();
            if !matches!(codes, "follows" | "replaced") {
                lines.push(line);
                continue;
            }
            let entry = place.split(' ').nth(1).unwrap();
            let name = if codes == "follows" { format!("{entry} follow") } else { format!("{entry} leave") };
            match following.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => following.push((name, 1)),
            }
        }
        lines.extend(following.into_iter().map(|(name, count)| format!("{name} {count}")));
        lines
    }

    pub fn apply(&self) {
        applied(&self.machine, &desired(&self.text), self.now);
    }

    /// What can be done is done, and then there is no more to do.
    pub fn converges(&self) {
        let desired = desired(&self.text);
        let report = try_apply(&self.machine, &desired, self.now).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((report.failed(), report.skipped(), report.remaining_operations), (0, 0, 0), "{report:#?}");
        let left: Vec<String> = plan(&self.machine, &desired, self.now).operations().map(ToString::to_string).collect();
        assert_eq!(left, Vec::<String>::new());
    }
}

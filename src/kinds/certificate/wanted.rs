//! What a document wants of one certificate: checked, typed, every part with its place.

use crate::formats::certificate_files::FileForm;
use crate::formats::certificate_store::StorePlace;
use crate::formats::x509::{
    AlternativeName, Authority, Digest, DistinguishedName, ExtendedUsage, KeyAlgorithm, KeyUsage,
};
use crate::model::certificate::KeyRef;
use crate::model::common::{Common, Ensure};
use crate::model::file::{Der, FileAspect, FilePath};
use crate::model::resource::ResourceId;
use crate::model::scalar::Duration;
use crate::model::secret::SecretReference;
use crate::model::source::{Location, Spanned};
use crate::model::thumbprint::Thumbprint;

/// The folder in which keys wait that have no other place yet.
const KEY_FOLDER: &str = r"%ProgramData%\trueup\keys";

/// One entry of the `certificates` section.
#[derive(Clone, Debug)]
pub struct WantedCertificate {
    pub name: Box<str>,
    pub at: Location,
    pub common: Common,
    pub issuer: Spanned<WantedIssuer>,
    /// It is an authority that may sign others.
    pub authority: Option<Authority>,
    pub subject: Option<Spanned<DistinguishedName>>,
    pub names: Vec<AlternativeName>,
    pub extended: Vec<ExtendedUsage>,
    pub key_usage: KeyUsage,
    /// The document spells the usage out, so that it is checked of certificates that others sign, too.
    pub states_usage: bool,
    pub key: WantedKey,
    pub digest: Digest,
    /// The document spells the digest out, so that it is checked of certificates that others sign, too.
    pub digest_at: Option<Location>,
    pub allow_weak: bool,
    pub valid_for: Duration,
    pub renew_before: Duration,
    pub stores: Vec<Spanned<StorePlace>>,
    pub friendly_name: Option<Box<str>>,
    pub files: Vec<WantedFile>,
    pub keep_old: KeepOld,
    pub crl: Option<WantedRevocationList>,
    pub used_by: Vec<Spanned<Consumer>>,
    /// Keep the key in a file of the record where the machine has no key store.
    pub stage_keys: bool,
    /// Remove what no entry names from the stores of a bundle.
    pub exclusive: bool,
    /// List what no entry names in the stores of a bundle.
    pub report_unmanaged: bool,
    /// Pins an existing certificate, or names the one that is to go.
    pub thumbprint: Option<Spanned<Thumbprint>>,
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedIssuer {
    /// It signs itself.
    Itself,
    /// Another entry signs it.
    Entry(Box<str>),
    /// It is in its places already; nobody here makes one.
    Existing,
    /// It is supplied in a file with its key.
    Pfx { path: FilePath, password: SecretReference },
    /// It is supplied in files.
    Files { certificate: FilePath, key: Option<FilePath> },
    /// An authority elsewhere signs a request.
    Request { inbox: Option<FilePath>, trust: Vec<BundleSource> },
    /// Several certificates that are taken as they are, without keys.
    Bundle(Vec<BundleSource>),
}

/// A source of certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleSource {
    /// A file, or a folder whose files are read.
    Path(FilePath),
    /// Spelt out in the document.
    Certificates(Vec<Der>),
}

/// The private key and who may read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedKey {
    pub algorithm: KeyAlgorithm,
    /// The document spells the algorithm out, so that it is checked of certificates that others make, too.
    pub is_stated: bool,
    pub exportable: bool,
    /// Use the key again when the certificate is renewed.
    pub reuse: bool,
    /// Take the key in this file in place of a new one.
    pub from: Option<KeyRef>,
    pub read: Vec<Spanned<String>>,
    pub provider: Provider,
}

crate::choice! {
    /// Which of Windows' two families of key stores holds the key.
    pub enum Provider or Ksp {
        /// A key storage provider (CNG).
        Ksp = "ksp",
        /// A cryptographic service provider, which old .NET needs.
        Csp = "csp",
    }
}

crate::choice! {
    /// What becomes of the certificate that is replaced.
    pub enum KeepOld or None {
        /// It is removed from its stores, and its files are replaced; a copy stays with the run until it is forgotten.
        None = "none",
        /// Files stay beside the new ones as `name.1`, `name.2` …
        Files = "files",
        /// It stays in its stores.
        Store = "store",
        /// Both.
        Both = "both",
    }
}

impl KeepOld {
    pub const fn keeps_files(self) -> bool {
        matches!(self, Self::Files | Self::Both)
    }

    pub const fn keeps_store(self) -> bool {
        matches!(self, Self::Store | Self::Both)
    }
}

/// A file with the certificate, its key, or both.
#[derive(Clone, Debug)]
pub struct WantedFile {
    pub path: FilePath,
    pub at: Location,
    pub form: FileForm,
    pub password: Option<SecretReference>,
}

impl WantedFile {
    /// How the file has to be looked at.
    pub fn aspect(&self) -> FileAspect {
        match (self.form, &self.password) {
            (FileForm::KeyPem, _) => FileAspect::Key,
            (FileForm::Pfx | FileForm::PfxLegacy, Some(password)) => FileAspect::Pfx { password: password.clone() },
            (FileForm::Pfx | FileForm::PfxLegacy, None) => FileAspect::Sealed,
            (
                FileForm::CertificatePem
                | FileForm::CertificateDer
                | FileForm::ChainPem
                | FileForm::FullchainPem
                | FileForm::P7b,
                _,
            ) => FileAspect::Certificates,
            (FileForm::Csr | FileForm::Thumbprint | FileForm::PublicKey, _) => FileAspect::Content,
        }
    }

    /// Where the key is, when the file holds it.
    pub fn key(&self) -> Option<KeyRef> {
        self.form.is_private().then(|| KeyRef::File { path: self.path.clone(), password: self.password.clone() })
    }
}

/// The revocation list of a local authority.
#[derive(Clone, Debug)]
pub struct WantedRevocationList {
    pub path: Option<Spanned<FilePath>>,
    pub url: Option<String>,
    pub valid_for: Duration,
    pub renew_before: Duration,
    pub revoked: Vec<RevokedSerial>,
}

/// A certificate that is void since a point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedSerial {
    /// Lower-case hex without leading zeros.
    pub serial: Box<str>,
    pub since: jiff::Timestamp,
}

/// Who holds the certificate's thumbprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consumer {
    RemoteDesktop,
    RemoteManagement,
    Iis { site: String },
    NpsEap,
    SqlServer,
}

impl std::fmt::Display for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RemoteDesktop => f.write_str("rdp"),
            Self::RemoteManagement => f.write_str("winrm"),
            Self::Iis { site } => write!(f, "iis {site}"),
            Self::NpsEap => f.write_str("nps_eap"),
            Self::SqlServer => f.write_str("sql"),
        }
    }
}

impl WantedCertificate {
    pub fn address(&self) -> ResourceId {
        ResourceId::new("certificates", &*self.name)
    }

    pub fn part(&self, name: &str) -> ResourceId {
        ResourceId::part_of(&self.address(), name)
    }

    pub fn is_present(&self) -> bool {
        self.common.ensure == Ensure::Present
    }

    pub const fn is_bundle(&self) -> bool {
        matches!(self.issuer.value, WantedIssuer::Bundle(_))
    }

    /// Whether trueup makes the certificate's key.
    pub const fn makes_key(&self) -> bool {
        matches!(self.issuer.value, WantedIssuer::Itself | WantedIssuer::Entry(_) | WantedIssuer::Request { .. })
    }

    /// Whether a key comes with the certificate, made or supplied.
    pub const fn brings_key(&self) -> bool {
        self.makes_key()
            || matches!(self.issuer.value, WantedIssuer::Pfx { .. } | WantedIssuer::Files { key: Some(_), .. })
    }

    /// Where the key has its places, best first.
    pub fn key_homes(&self) -> Vec<KeyRef> {
        let mut homes: Vec<KeyRef> =
            self.files.iter().filter(|file| file.form == FileForm::KeyPem).filter_map(WantedFile::key).collect();
        homes.extend(self.files.iter().filter(|file| file.form != FileForm::KeyPem).filter_map(WantedFile::key));
        match &self.issuer.value {
            WantedIssuer::Pfx { path, password } => {
                homes.push(KeyRef::File { path: path.clone(), password: Some(password.clone()) });
            }
            WantedIssuer::Files { key: Some(key), .. } => {
                homes.push(KeyRef::File { path: key.clone(), password: None });
            }
            _ => {}
        }
        homes.extend(self.staged_key().map(|path| KeyRef::File { path, password: None }));
        homes
    }

    /// The file that keeps the key where there is no key store, if that is asked for and no file of the entry's own keeps it.
    pub fn staged_key(&self) -> Option<FilePath> {
        let has_file = self.files.iter().any(|file| file.form.is_private());
        let needs_place = self.stage_keys && self.makes_key() && !has_file;
        needs_place.then(|| self.staged_file()).flatten()
    }

    /// Where a key of the entry would be staged.
    pub fn staged_file(&self) -> Option<FilePath> {
        key_file(&self.name, "key")
    }

    /// Where the key of a request of the entry would wait.
    pub fn pending_file(&self) -> Option<FilePath> {
        key_file(&self.name, "pending")
    }

    /// The file in which the key of a request waits for its certificate.
    pub fn pending_key(&self) -> Option<FilePath> {
        let is_request = matches!(self.issuer.value, WantedIssuer::Request { .. });
        is_request.then(|| self.pending_file()).flatten()
    }

    /// The entry that signs it.
    pub fn signer(&self) -> Option<&str> {
        match &self.issuer.value {
            WantedIssuer::Entry(name) => Some(name),
            _ => None,
        }
    }
}

/// A file for any entry's name: no two names come to one file.
fn key_file(entry: &str, kind: &str) -> Option<FilePath> {
    use std::fmt::Write as _;
    let mut name = String::new();
    for c in entry.chars() {
        if c.is_alphanumeric() || c == '-' {
            name.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "_{:x}_", u32::from(c));
        }
    }
    FilePath::parse(&format!("{KEY_FOLDER}\\{name}.{kind}.pem")).ok()
}

//! What a plan says of certificates that exist and of those that a run will make: references that `apply` evaluates and
//! decides nothing about. No private key is ever here, only where one is to be found.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::fact::hex_bytes;
use super::file::{ContentDigest, Der, FilePath};
use super::resource::ResourceId;
use super::secret::SecretReference;
use super::thumbprint::Thumbprint;
use crate::formats::certificate_files::FileForm;
use crate::formats::certificate_store::{KeyPlace, ProviderFamily};
use crate::formats::x509::{Digest, KeyAlgorithm, Template};

/// A certificate or a request: one that is known, or the one that the run makes for an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateRef {
    Known(Der),
    /// What the run makes for this entry.
    Made(ResourceId),
}

impl CertificateRef {
    pub const fn known(&self) -> Option<&Der> {
        match self {
            Self::Known(der) => Some(der),
            Self::Made(_) => None,
        }
    }

    /// Of a certificate that is known.
    pub fn thumbprint(&self) -> Option<Thumbprint> {
        self.known().map(|der| Thumbprint::of(&der.0))
    }
}

impl fmt::Display for CertificateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(der) => Thumbprint::of(&der.0).fmt(f),
            Self::Made(entry) => write!(f, "the new certificate of {entry}"),
        }
    }
}

/// Where a private key is to be found when it is needed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRef {
    /// The key that the run makes, or uses again, for this entry.
    Made(ResourceId),
    /// A file of the machine: PEM, or PFX where there is a password.
    File {
        path: FilePath,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<SecretReference>,
    },
}

/// Which key of the key store a certificate in a store is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyBinding {
    /// The one that trueup has put into the key store for this certificate.
    Imported(ProviderFamily),
    /// The one that this record, taken from another store, names: the data of a certificate's property 2.
    Record(#[serde(with = "hex_bytes")] Arc<[u8]>),
}

impl KeyBinding {
    /// The data of the property that binds a certificate.
    pub fn record(&self, certificate: &Thumbprint) -> Vec<u8> {
        match self {
            Self::Imported(family) => KeyPlace::of(*family, certificate).record().to_bytes(),
            Self::Record(record) => record.to_vec(),
        }
    }
}

/// Which key a new certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueKey {
    New(KeyAlgorithm),
    Reuse(KeyRef),
}

/// Who signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssuedBy {
    Itself,
    Authority {
        certificate: CertificateRef,
        key: KeyRef,
    },
    /// Somebody else: what is made is a request.
    Request,
}

/// What is to be made for an entry: its outcome is done, pending or refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    pub entry: ResourceId,
    pub template: Template,
    pub key: IssueKey,
    pub by: IssuedBy,
    /// What was made, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Der>,
}

/// What a file will hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileContent {
    /// Bytes that are no secret.
    Bytes(#[serde(with = "hex_bytes")] Arc<[u8]>),
    /// A certificate, with what belongs to it, in one of the forms that servers read.
    Form(Box<FormContent>),
    RevocationList(Box<RevocationContent>),
    /// What another file holds.
    CopyOf {
        path: FilePath,
        sealed: bool,
    },
    /// A text that is the secret.
    Secret {
        reference: SecretReference,
    },
    /// What a run has retired, as `run/item`.
    Retired {
        item: Box<str>,
        sealed: bool,
    },
}

impl FileContent {
    /// Whether the bytes are a secret, and the file is for its owner alone.
    pub const fn is_sealed(&self) -> bool {
        match self {
            Self::Bytes(_) | Self::RevocationList(_) => false,
            Self::Form(form) => form.form.is_private(),
            Self::Secret { .. } => true,
            Self::CopyOf { sealed, .. } | Self::Retired { sealed, .. } => *sealed,
        }
    }
}

/// The parts of a file in one of the forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormContent {
    pub form: FileForm,
    /// The certificate, or for a `csr` the request.
    pub certificate: CertificateRef,
    /// The authorities above it, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<CertificateRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretReference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub friendly_name: Option<Box<str>>,
}

/// A revocation list and who signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationContent {
    pub certificate: CertificateRef,
    pub key: KeyRef,
    pub number: u64,
    pub this_update: jiff::Timestamp,
    pub next_update: jiff::Timestamp,
    pub digest: Digest,
    /// Serial numbers in hex, each with the time since which it is void.
    pub revoked: Vec<(Box<str>, jiff::Timestamp)>,
    /// In PEM, not in DER.
    pub pem: bool,
}

/// What is known of a file before a step replaces or removes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileBefore {
    /// Whether only its owner could read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_only: Option<bool>,
    /// Where a run keeps what was there, as `run/item`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<Box<str>>,
    /// Of its bytes, where they are no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<ContentDigest>,
}

impl FileBefore {
    pub const SEALED: Self = Self { owner_only: None, retired: None, sha256: None };
}

/// How a thumbprint stands in a registry value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThumbprintForm {
    /// Twenty bytes.
    Binary,
    /// Forty upper-case hex digits.
    Upper,
    /// Forty lower-case hex digits.
    Lower,
}

//! The steps that change a machine: a closed, serialisable set, each with what it finds and what it leaves.
//! An operation says what to do in the domain's words; a machine lowers it to its own calls.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::certificate::{
    CertificateRef, FileBefore, FileContent, Issue, IssuedBy, KeyBinding, KeyRef, ThumbprintForm,
};
use super::edit::FileValue;
use super::fact::{KeyTree, Stored, hex_bytes};
use super::file::FilePath;
use super::probe::{Answer, Probe};
use super::registry::RegistryKey;
use super::registry_data::{RegistryData, type_as_name, type_name};
use super::resource::ResourceId;
use super::secret::SecretReference;
use super::setting::Setting;
use super::thumbprint::Thumbprint;
use crate::formats::certificate_store::{KeyPlace, ProviderFamily, StorePlace};
use crate::formats::edit::Selector;
use crate::formats::service::ServiceAccount;

/// A value that is known now, or that `apply` evaluates without deciding anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    Registry(RegistryData),
    /// A string value of this type whose text is the secret.
    Secret {
        #[serde(rename = "type", with = "type_as_name")]
        value_type: u32,
        reference: SecretReference,
    },
    /// Data of this type that the sealed hold keeps, as `run/item`.
    Held {
        #[serde(rename = "type", with = "type_as_name")]
        value_type: u32,
        item: Box<str>,
    },
    /// A certificate's thumbprint as data of this type.
    Thumbprint {
        #[serde(rename = "type", with = "type_as_name")]
        value_type: u32,
        certificate: CertificateRef,
        form: ThumbprintForm,
    },
}

impl Expression {
    /// What puts back what was found; `None` for a secret that nobody kept.
    pub fn of(stored: &Stored) -> Option<Self> {
        match stored {
            Stored::Plain(data) => Some(Self::Registry(data.clone())),
            Stored::Sealed { sealed_type, held: Some(item) } => {
                Some(Self::Held { value_type: *sealed_type, item: item.clone() })
            }
            Stored::Sealed { held: None, .. } => None,
        }
    }

    /// The type of the value that it makes.
    pub const fn value_type(&self) -> u32 {
        match self {
            Self::Registry(data) => data.value_type,
            Self::Secret { value_type, .. } | Self::Held { value_type, .. } | Self::Thumbprint { value_type, .. } => {
                *value_type
            }
        }
    }

    /// What a fact says of the value that it makes.
    pub fn stored(&self) -> Stored {
        match self {
            Self::Registry(data) => Stored::Plain(data.clone()),
            Self::Secret { value_type, .. } => Stored::sealed(*value_type),
            Self::Held { value_type, item } => Stored::Sealed { sealed_type: *value_type, held: Some(item.clone()) },
            Self::Thumbprint { value_type, .. } => {
                Stored::Plain(self.thumbprint().unwrap_or_else(|| RegistryData::new(*value_type, Vec::new())))
            }
        }
    }

    /// The data of a thumbprint whose certificate is known.
    pub fn thumbprint(&self) -> Option<RegistryData> {
        let Self::Thumbprint { value_type, certificate, form } = self else { return None };
        let print = certificate.thumbprint()?;
        Some(match form {
            ThumbprintForm::Binary => RegistryData::new(*value_type, print.bytes().to_vec()),
            ThumbprintForm::Upper => RegistryData::text(*value_type, &print.to_string()),
            ThumbprintForm::Lower => RegistryData::text(*value_type, &print.to_string().to_ascii_lowercase()),
        })
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(data) => data.fmt(f),
            Self::Secret { value_type, reference } => write!(f, "{} (secret from {reference})", type_name(*value_type)),
            Self::Held { value_type, .. } => write!(f, "{} (secret from the sealed hold)", type_name(*value_type)),
            Self::Thumbprint { value_type, certificate, .. } => match self.thumbprint() {
                Some(data) => data.fmt(f),
                None => write!(f, "{} thumbprint of {certificate}", type_name(*value_type)),
            },
        }
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    /// Makes a key whose parent exists; it gets its parent's inheritable security.
    CreateRegistryKey {
        key: RegistryKey,
    },
    /// Sets a value of an existing key.
    PutRegistryValue {
        key: RegistryKey,
        name: Box<str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Stored>,
        after: Expression,
    },
    RemoveRegistryValue {
        key: RegistryKey,
        name: Box<str>,
        before: Stored,
    },
    /// Removes a key with all that lies below it.
    RemoveRegistryTree {
        key: RegistryKey,
        before: Box<KeyTree>,
    },
    /// Makes a key with all that lay at and below it once; its parent exists, and it does not.
    PutRegistryTree {
        key: RegistryKey,
        after: Box<KeyTree>,
    },
    /// Moves a key, with all it holds, to a new name or place in the same hive.
    RenameRegistryKey {
        from: RegistryKey,
        to: RegistryKey,
    },
    /// Replaces a key's security descriptor (self-relative bytes).
    PutRegistrySecurity {
        key: RegistryKey,
        #[serde(with = "hex_bytes")]
        before: Arc<[u8]>,
        #[serde(with = "hex_bytes")]
        after: Arc<[u8]>,
    },
    /// Makes a certificate or a request, and a key where a new one is wanted. The steps after it put them in their places.
    Issue(Box<Issue>),
    /// Makes a folder whose parent exists.
    CreateFolder {
        path: FilePath,
    },
    /// Removes a folder with nothing in it.
    RemoveFolder {
        path: FilePath,
    },
    /// Puts a file in place of what is there, or makes it; its folder exists. A secret is for its owner's eyes only.
    PutFile {
        path: FilePath,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<FileBefore>,
        content: FileContent,
    },
    RemoveFile {
        path: FilePath,
        before: FileBefore,
    },
    /// Puts a certificate with its properties into a store; what is known of it there is kept.
    PutCertificate {
        store: StorePlace,
        certificate: CertificateRef,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        friendly_name: Option<Box<str>>,
        /// Binds it to a private key in the key store.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<KeyBinding>,
        /// The store's own element of this certificate, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Element>,
        /// The element as it once was: it is put back as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exact: Option<Element>,
    },
    RemoveCertificate {
        store: StorePlace,
        thumbprint: Thumbprint,
        before: Element,
    },
    /// Puts a certificate's private key into the key store of the machine, at [`KeyPlace::of`] the certificate.
    ImportKey {
        certificate: CertificateRef,
        key: KeyRef,
        family: ProviderFamily,
        /// Whether it may leave the key store again.
        exportable: bool,
        /// Who may do what with it, as a self-relative security descriptor; without one, the provider says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        security: Option<Descriptor>,
    },
    /// Removes a private key from the key store of the machine.
    RemoveKey {
        place: KeyPlace,
    },
    /// Changes a thing that has an interface of its own. The steps are what the change comes to in the registry, all in one key: an
    /// image performs them as they are, a running machine has the interface bring the key to where they lead.
    Configure {
        #[serde(flatten)]
        setting: Setting,
        /// What it is and what it becomes, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Box<str>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Box<str>>,
        steps: Vec<Operation>,
    },
    /// Makes an empty file whose folder exists.
    CreateFile {
        path: FilePath,
    },
    /// Sets or removes one value inside a file; every other byte stays.
    EditFile {
        path: FilePath,
        selector: Selector,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<FileValue>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<FileValue>,
        /// What is known of the whole file before the run's first edit of it.
        #[serde(default)]
        file: FileBefore,
    },
    /// Changes what a probe finds.
    Adjust {
        what: Probe,
        before: Answer,
        after: Answer,
    },
}

/// A certificate with its properties as a store holds it; hex in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Element(#[serde(with = "hex_bytes")] pub Arc<[u8]>);

/// A self-relative security descriptor; hex in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Descriptor(#[serde(with = "hex_bytes")] pub Arc<[u8]>);

/// Whether secrets that are overwritten are kept, sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    #[default]
    None,
    Sealed,
}

impl Hold {
    /// Sealed where there is a key, or what stands for one.
    pub const fn of<K>(key: Option<&K>) -> Self {
        match key {
            Some(_) => Self::Sealed,
            None => Self::None,
        }
    }
}

/// Whether an operation can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversibility {
    /// Its inverse restores what was there exactly.
    Reversible,
    /// What it did can be made good, but not undone to the letter.
    Compensable,
    Irreversible,
}

impl Operation {
    /// Whether the step can be taken back when secrets that it overwrites are kept in a hold, or are not.
    pub fn reversibility(&self, hold: Hold) -> Reversibility {
        let is_lost = |stored: &Stored| hold == Hold::None && matches!(stored, Stored::Sealed { held: None, .. });
        match self {
            Self::PutRegistryValue { before: Some(before), .. } | Self::RemoveRegistryValue { before, .. }
                if is_lost(before) =>
            {
                Reversibility::Irreversible
            }
            Self::RemoveRegistryTree { before, .. } if before.any_value(&mut |value| is_lost(&value.data)) => {
                Reversibility::Compensable
            }
            // What is issued changes nothing on the machine: the steps that put it in its places do, and are taken back.
            Self::CreateRegistryKey { .. }
            | Self::PutRegistryValue { .. }
            | Self::RemoveRegistryValue { .. }
            | Self::RemoveRegistryTree { .. }
            | Self::PutRegistryTree { .. }
            | Self::RenameRegistryKey { .. }
            | Self::PutRegistrySecurity { .. }
            | Self::Issue(_)
            | Self::CreateFolder { .. }
            | Self::RemoveFolder { .. }
            | Self::PutFile { .. }
            | Self::RemoveFile { .. }
            | Self::PutCertificate { .. }
            | Self::RemoveCertificate { .. }
            | Self::CreateFile { .. }
            | Self::EditFile { .. } => Reversibility::Reversible,
            // What was to replace a file is not laid beside it again.
            Self::Adjust { what: Probe::NextStart { .. }, .. } => Reversibility::Irreversible,
            // Where one of the same certificate was left behind, it is not there again.
            Self::ImportKey { .. } => Reversibility::Compensable,
            Self::RemoveKey { .. } => Reversibility::Irreversible,
            Self::Adjust { .. } => Reversibility::Reversible,
            // The former password is nobody's: an account comes back where it needs none.
            Self::Configure { setting: Setting::ServiceAccount { .. }, .. } if !self.leaves_no_password() => {
                Reversibility::Irreversible
            }
            Self::Configure { steps, .. } => {
                let worst = steps.iter().map(|step| step.reversibility(hold)).max();
                worst.unwrap_or(Reversibility::Reversible)
            }
        }
    }

    /// Whether nothing on the machine tells that the step was done: it tells an interface a secret and nothing else.
    pub fn is_unseen(&self) -> bool {
        let same = |step: &Self| match step {
            Self::PutRegistryValue {
                before: Some(Stored::Plain(before)), after: Expression::Registry(after), ..
            } => before == after,
            _ => false,
        };
        match self {
            Self::Configure { setting, steps, .. } => setting.secret().is_some() && steps.iter().all(same),
            _ => false,
        }
    }

    /// Whether a service that is given another account ran as one that needs no password.
    fn leaves_no_password(&self) -> bool {
        let needs_none = |step: &Self| match step {
            Self::PutRegistryValue { name, before, .. } => {
                let before = before.as_ref().and_then(Stored::plain);
                ServiceAccount::of_value(name, before).is_some_and(|account| !account.needs_password())
            }
            _ => false,
        };
        self.plain_steps().iter().any(needs_none)
    }

    /// Whether several resources may need the very same step, which then runs once.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::CreateRegistryKey { .. } | Self::CreateFolder { .. } | Self::CreateFile { .. })
    }

    /// Every certificate that the step speaks of, for changing.
    pub fn for_each_certificate(&mut self, change: &mut dyn FnMut(&mut CertificateRef)) {
        match self {
            Self::Issue(issue) => {
                if let IssuedBy::Authority { certificate, .. } = &mut issue.by {
                    change(certificate);
                }
            }
            Self::PutFile { content: FileContent::Form(form), .. } => {
                change(&mut form.certificate);
                form.chain.iter_mut().for_each(change);
            }
            Self::PutFile { content: FileContent::RevocationList(list), .. } => change(&mut list.certificate),
            Self::PutCertificate { certificate, .. } | Self::ImportKey { certificate, .. } => change(certificate),
            Self::Configure { steps, .. } => steps.iter_mut().for_each(|step| step.for_each_certificate(change)),
            Self::PutRegistryValue { after: Expression::Thumbprint { certificate, .. }, .. } => change(certificate),
            _ => {}
        }
    }

    /// Whether what the step writes can be known again only by whoever can resolve its secret.
    pub fn has_secret(&self) -> bool {
        match self {
            Self::PutRegistryValue { after: Expression::Secret { .. }, .. } => true,
            Self::PutFile { content, .. } => content.is_sealed(),
            Self::EditFile { after: Some(after), .. } => after.is_sealed(),
            Self::Configure { steps, .. } => steps.iter().any(Self::has_secret),
            _ => false,
        }
    }

    /// The address of what the step writes, where that tells it.
    pub fn address(&self) -> Option<ResourceId> {
        if matches!(self, Self::Configure { .. }) {
            return None;
        }
        let key = ResourceId::new("registry", self.registry_key()?.as_str());
        Some(match self.value_name() {
            Some(name) => ResourceId::part_of(&key, name),
            None => key,
        })
    }

    /// Whether [`Operation::address`] is this one.
    pub fn is_about(&self, address: &ResourceId) -> bool {
        address.section() == "registry"
            && self.registry_key().is_some_and(|key| address.name() == key.as_str())
            && address.part() == self.value_name()
    }

    /// The place in the key store that the step writes, where that is known.
    pub fn key_place(&self) -> Option<KeyPlace> {
        match self {
            Self::ImportKey { certificate, family, .. } => {
                certificate.thumbprint().map(|print| KeyPlace::of(*family, &print))
            }
            Self::RemoveKey { place } => Some(place.clone()),
            _ => None,
        }
    }

    /// The file or folder that the step writes.
    pub const fn file(&self) -> Option<&FilePath> {
        match self {
            Self::CreateFolder { path }
            | Self::RemoveFolder { path }
            | Self::PutFile { path, .. }
            | Self::RemoveFile { path, .. }
            | Self::CreateFile { path }
            | Self::EditFile { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The value that a step of the registry puts or removes.
    pub fn value_name(&self) -> Option<&str> {
        match self {
            Self::PutRegistryValue { name, .. } | Self::RemoveRegistryValue { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The steps that it comes to in the registry, for a thing with an interface of its own; itself for any other.
    pub fn plain_steps(&self) -> &[Self] {
        match self {
            Self::Configure { steps, .. } => steps,
            _ => std::slice::from_ref(self),
        }
    }

    /// The registry key that the step writes.
    pub fn registry_key(&self) -> Option<&RegistryKey> {
        Some(match self {
            Self::CreateRegistryKey { key }
            | Self::PutRegistryValue { key, .. }
            | Self::RemoveRegistryValue { key, .. }
            | Self::RemoveRegistryTree { key, .. }
            | Self::PutRegistryTree { key, .. }
            | Self::PutRegistrySecurity { key, .. } => key,
            Self::RenameRegistryKey { to, .. } => to,
            Self::Configure { steps, .. } => return steps.last().and_then(Self::registry_key),
            Self::Issue(_)
            | Self::CreateFolder { .. }
            | Self::RemoveFolder { .. }
            | Self::PutFile { .. }
            | Self::RemoveFile { .. }
            | Self::PutCertificate { .. }
            | Self::RemoveCertificate { .. }
            | Self::ImportKey { .. }
            | Self::RemoveKey { .. }
            | Self::CreateFile { .. }
            | Self::EditFile { .. }
            | Self::Adjust { .. } => return None,
        })
    }

    /// Where a step that several resources need does its work, folded: such steps are the same step when this is the same.
    pub fn place(&self) -> Option<&str> {
        self.registry_key().map(RegistryKey::folded).or_else(|| self.file().map(FilePath::folded))
    }
}

impl fmt::Display for Operation {
    /// What the step does, without values: fit for a log or an error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name: &str| if name.is_empty() { "(default)".to_owned() } else { name.to_owned() };
        match self {
            Self::CreateRegistryKey { key } => write!(f, "create key {key}"),
            Self::PutRegistryValue { key, name, .. } => write!(f, "set {} of {key}", shown(name)),
            Self::RemoveRegistryValue { key, name, .. } => write!(f, "remove {} of {key}", shown(name)),
            Self::PutRegistryTree { key, .. } => write!(f, "put back key {key} and all below it"),
            Self::RemoveRegistryTree { key, .. } => write!(f, "remove key {key} and all below it"),
            Self::RenameRegistryKey { from, to } => write!(f, "rename key {from} to {to}"),
            Self::PutRegistrySecurity { key, .. } => write!(f, "set the security of {key}"),
            Self::Issue(issue) => match issue.by {
                IssuedBy::Request => write!(f, "make a request for {}", issue.entry),
                _ => write!(f, "issue {}", issue.entry),
            },
            Self::CreateFolder { path } => write!(f, "create folder {path}"),
            Self::RemoveFolder { path } => write!(f, "remove folder {path}"),
            Self::PutFile { path, before: None, .. } => write!(f, "write file {path}"),
            Self::PutFile { path, .. } => write!(f, "replace file {path}"),
            Self::RemoveFile { path, .. } => write!(f, "remove file {path}"),
            Self::PutCertificate { store, certificate, .. } => write!(f, "put {certificate} into {store}"),
            Self::RemoveCertificate { store, thumbprint, .. } => write!(f, "remove {thumbprint} from {store}"),
            Self::ImportKey { certificate, .. } => write!(f, "put the key of {certificate} into the key store"),
            Self::RemoveKey { place } => write!(f, "remove {place}"),
            Self::Configure { setting, .. } => write!(f, "configure {setting}"),
            Self::CreateFile { path } => write!(f, "create file {path}"),
            Self::EditFile { path, selector, after: Some(_), .. } => write!(f, "set {selector} in {path}"),
            Self::EditFile { path, selector, .. } => write!(f, "remove {selector} from {path}"),
            Self::Adjust { what, after, .. } => write!(f, "change {what} to {after}"),
        }
    }
}

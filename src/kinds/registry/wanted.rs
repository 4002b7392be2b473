//! What a document wants of one registry key: checked, typed, every part with its place.

use crate::model::common::{Common, Ensure};
use crate::model::registry::RegistryKey;
use crate::model::registry_data::RegistryData;
use crate::model::resource::ResourceId;
use crate::model::secret::SecretReference;
use crate::model::source::{Location, Spanned};

/// One key of the `registry` section. A key to be removed names nothing else.
#[derive(Clone, Debug)]
pub struct WantedKey {
    /// The address under which it is decided, recorded and remembered: another section's where the key is that section's.
    pub id: ResourceId,
    /// The key in the 64-bit view, whatever view the document speaks of.
    pub key: RegistryKey,
    pub at: Location,
    pub common: Common,
    /// In the order of the document; no two names are equal without case.
    pub values: Vec<WantedValue>,
    /// Remove the values that are not named.
    pub exclusive: bool,
    /// Remove the subkeys that no entry names.
    pub exclusive_keys: bool,
    /// List what is there and not named.
    pub report_unmanaged: bool,
    /// The key's former place, from which it is moved when it is still there.
    pub renamed_from: Option<Spanned<RegistryKey>>,
    pub security: Option<Spanned<WantedSecurity>>,
    pub ranges: Vec<WantedRange>,
}

/// One value; the empty name is the key's default value.
#[derive(Clone, Debug)]
pub struct WantedValue {
    pub name: Box<str>,
    pub at: Location,
    pub data: WantedData,
    /// From when on something else is wanted in its place.
    pub expires: Option<Expiry>,
}

/// The end of a value's time and what comes after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// From this moment on, itself included, the value is expired.
    pub on: jiff::Timestamp,
    /// Where the document says so.
    pub at: Location,
    pub then: WantedData,
}

impl WantedValue {
    /// What is wanted at a point in time.
    pub fn data_at(&self, as_of: jiff::Timestamp) -> &WantedData {
        match &self.expires {
            Some(expiry) if as_of >= expiry.on => &expiry.then,
            _ => &self.data,
        }
    }

    pub fn is_expired(&self, as_of: jiff::Timestamp) -> bool {
        self.expires.as_ref().is_some_and(|expiry| as_of >= expiry.on)
    }

    /// What is wanted at any time: before the expiry and after it.
    pub fn alternatives(&self) -> impl Iterator<Item = &WantedData> {
        std::iter::once(&self.data).chain(self.expires.iter().map(|expiry| &expiry.then))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedData {
    Absent,
    Data(RegistryData),
    /// A string of this type whose text is a secret.
    Secret {
        value_type: u32,
        reference: SecretReference,
    },
}

/// Who may do what with the key.
#[derive(Clone, Debug)]
pub enum WantedSecurity {
    /// The whole descriptor in Windows' own notation.
    Sddl(String),
    Parts {
        owner: Option<Spanned<String>>,
        grant: Vec<WantedGrant>,
        exclusive: bool,
    },
}

#[derive(Clone, Debug)]
pub struct WantedGrant {
    /// An account's name or SID.
    pub to: Spanned<String>,
    /// A word such as `read` or `full`, or a mask in hex.
    pub rights: Spanned<String>,
    /// Whether keys below inherit the grant.
    pub inherit: bool,
}

/// The numbers that a value may have, bounds included.
#[derive(Clone, Debug)]
pub struct WantedRange {
    pub name: Box<str>,
    pub at: Location,
    pub minimum: u64,
    pub maximum: u64,
}

impl WantedKey {
    /// Values of a key that is another section's; the key itself is there or is made, and all else of it stays.
    pub fn of_values(
        id: ResourceId,
        key: RegistryKey,
        at: Location,
        common: &Common,
        values: Vec<WantedValue>,
    ) -> Self {
        Self {
            id,
            key,
            at,
            // Only values are wanted away.
            common: Common { ensure: Ensure::Present, ..common.clone() },
            values,
            exclusive: false,
            exclusive_keys: false,
            report_unmanaged: false,
            renamed_from: None,
            security: None,
            ranges: Vec::new(),
        }
    }

    /// Whether some value is, or will be, a secret.
    pub fn has_secrets(&self) -> bool {
        self.values.iter().flat_map(WantedValue::alternatives).any(|data| matches!(data, WantedData::Secret { .. }))
    }

    /// Whether nothing is wanted of the key itself but that it is there.
    pub const fn is_plain(&self) -> bool {
        !self.exclusive && !self.exclusive_keys && self.security.is_none() && self.renamed_from.is_none()
    }
}

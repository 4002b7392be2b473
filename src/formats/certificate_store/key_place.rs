//! Where Windows keeps private keys: the provider and the container of one, by name. Holds no key and looks for none.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::KeyProvider;
use crate::model::thumbprint::Thumbprint;

/// Which of Windows' two families of key stores holds a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderFamily {
    /// A key storage provider (CNG).
    #[default]
    Ksp,
    /// A cryptographic service provider (CryptoAPI).
    Csp,
}

/// Microsoft's own key storage provider: `MS_KEY_STORAGE_PROVIDER` of `ncrypt.h`.
const KSP: &str = "Microsoft Software Key Storage Provider";
/// `MS_ENH_RSA_AES_PROV` of `wincrypt.h`: the one of Microsoft's that signs with SHA-2.
const CSP: &str = "Microsoft Enhanced RSA and AES Cryptographic Provider";
/// `PROV_RSA_AES` of `wincrypt.h`.
const RSA_AES: u32 = 24;
/// `CRYPT_MACHINE_KEYSET` of `wincrypt.h`.
const MACHINE_KEY: u32 = 0x20;
/// `AT_KEYEXCHANGE` of `wincrypt.h`.
const KEY_EXCHANGE: u32 = 1;

impl fmt::Display for ProviderFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ksp => "CNG",
            Self::Csp => "CryptoAPI",
        })
    }
}

/// A private key of the machine, by the names of its provider and its container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyPlace {
    pub provider: Box<str>,
    /// The kind of a provider of CryptoAPI; 0 for one of CNG.
    #[serde(default, skip_serializing_if = "is_cng")]
    pub provider_type: u32,
    pub container: Box<str>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_cng(provider_type: &u32) -> bool {
    *provider_type == 0
}

impl KeyPlace {
    /// Where trueup puts the key of a certificate. The name follows from the certificate: whoever finishes or takes back a run that
    /// stopped finds the key by it.
    pub fn of(family: ProviderFamily, certificate: &Thumbprint) -> Self {
        let container = format!("trueup-{}", certificate.to_lower_hex()).into();
        let (provider, provider_type) = match family {
            ProviderFamily::Ksp => (KSP, 0),
            ProviderFamily::Csp => (CSP, RSA_AES),
        };
        Self { provider: provider.into(), provider_type, container }
    }

    /// Where a store says that the key lies; `None` for the key of a user.
    pub fn named_by(record: &KeyProvider) -> Option<Self> {
        let is_of_machine = record.flags & MACHINE_KEY != 0;
        is_of_machine.then(|| Self {
            provider: record.provider.as_str().into(),
            provider_type: record.provider_type,
            container: record.container.as_str().into(),
        })
    }

    pub const fn family(&self) -> ProviderFamily {
        if is_cng(&self.provider_type) { ProviderFamily::Ksp } else { ProviderFamily::Csp }
    }

    /// The record by which a store names it.
    pub fn record(&self) -> KeyProvider {
        KeyProvider {
            container: self.container.to_string(),
            provider: self.provider.to_string(),
            provider_type: self.provider_type,
            flags: MACHINE_KEY,
            key_spec: match self.family() {
                ProviderFamily::Ksp => 0,
                ProviderFamily::Csp => KEY_EXCHANGE,
            },
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the key {} of {}", self.container, self.provider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_what_its_record_names() {
        for family in [ProviderFamily::Ksp, ProviderFamily::Csp] {
            let place = KeyPlace::of(family, &Thumbprint::of(b"abc"));
            assert_eq!(&*place.container, "trueup-a9993e364706816aba3e25717850c26c9cd0d89d");
            assert_eq!(place.family(), family);
            let record = KeyProvider::parse(&place.record().to_bytes()).unwrap();
            assert_eq!(KeyPlace::named_by(&record), Some(place));
            assert_eq!(KeyPlace::named_by(&KeyProvider { flags: 0, ..record }), None);
        }
    }
}

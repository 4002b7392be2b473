//! X.509: names, keys, certificates, requests and revocation lists, as bytes and as types.
//!
//! Reads nothing from outside and knows no clock; randomness is drawn only where a key is made. What a certificate should
//! say is a [`Template`]; whether one is good enough is decided elsewhere. Source: RFC 5280, RFC 2986, RFC 5958.

mod alternative_name;
mod certificate;
mod digest;
mod extensions;
mod generate;
mod issue;
mod key;
mod name;
mod pem;
mod public_key;
mod request;
mod revocation;
mod signature;
mod template;
#[cfg(test)]
mod tests;
mod usage;
mod verify;
mod wire;

pub use alternative_name::{AlternativeName, AlternativeNameError};
pub use certificate::{Certificate, CertificateError};
pub use digest::{Digest, DigestError};
pub use generate::generate_many;
pub use issue::{IssueError, Signer, issue};
pub use key::{KeyError, PrivateKey};
pub use name::{Attribute, AttributeType, AttributeValue, DistinguishedName, NameError, RelativeName};
pub use pem::{PemBlock, PemError, pem_blocks, to_pem};
pub use public_key::{KeyAlgorithm, PublicKey};
pub use request::{Request, request};
pub use revocation::{RevocationList, RevocationTemplate, Revoked, revocation_list};
pub use signature::SignatureAlgorithm;
pub use template::{Authority, Template};
pub use usage::{ExtendedUsage, KeyUsage, UsageError};
pub use verify::SignatureError;

/// The most bytes a certificate or a request may have.
pub const MOST_BYTES: usize = 64 * 1024;

/// Serialises a type as its text, and reads it back with `$read`.
macro_rules! serde_as_text {
    ($type:ty, $read:expr) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                $read(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
use serde_as_text;

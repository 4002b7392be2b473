//! What a certificate or a request should say.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AlternativeName, Digest, DistinguishedName, ExtendedUsage, KeyUsage};

/// What a certificate should say, but for its key, its serial number and its issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    pub subject: DistinguishedName,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<AlternativeName>,
    /// Nothing leaves the extension out.
    #[serde(default, skip_serializing_if = "KeyUsage::is_empty")]
    pub key_usage: KeyUsage,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended: Vec<ExtendedUsage>,
    /// What makes it the certificate of an authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Authority>,
    /// Whole seconds count.
    pub not_before: Timestamp,
    /// The last second it is valid; whole seconds count.
    pub not_after: Timestamp,
    pub digest: Digest,
    /// Where its issuer's revocation list can be fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crl_urls: Vec<String>,
}

/// The right to issue certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// How many authorities may stand between it and the last certificate; nothing for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_length: Option<u8>,
}

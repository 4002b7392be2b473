//! The digests that signatures are made of.

use std::fmt;
use std::str::FromStr;

use super::serde_as_text;

/// A digest of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Digest {
    /// Broken; some old devices know nothing else.
    Sha1,
    #[default]
    Sha256,
    Sha384,
    Sha512,
}

/// The text names no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no digest: sha1, sha256, sha384 or sha512")]
pub struct DigestError(String);

impl Digest {
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let found = Self::ALL.into_iter().find(|digest| digest.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| DigestError(text.to_owned()))
    }
}

serde_as_text!(Digest, str::parse::<Digest>);

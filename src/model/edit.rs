//! What a plan says of one value inside a file.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::secret::SecretReference;
use crate::formats::edit::Value;

/// What stands, or is to stand, at a selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileValue {
    Plain(Value),
    /// A text that is the secret.
    Secret(SecretReference),
    /// A secret of which nothing is said.
    Sealed,
    /// What stands at the selector in a file that a run has retired, as `run/item`.
    Retired(Box<str>),
}

impl FileValue {
    /// Whether it is a secret, or may be one.
    pub const fn is_sealed(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }
}

impl fmt::Display for FileValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(value) => value.fmt(f),
            Self::Secret(reference) => write!(f, "(secret from {reference})"),
            Self::Sealed => f.write_str("(secret)"),
            Self::Retired(_) => f.write_str("what it was before"),
        }
    }
}

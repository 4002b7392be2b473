//! Names of services: compared without case, kept as written.
//! Source: Microsoft, *CreateService*: at most 256 characters, no slash of either kind.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::formats::upcase;

const MAX_UNITS: usize = 256;

/// The short name of a service, which is the name of its key.
#[derive(Clone)]
pub struct ServiceName(Box<str>);

/// Why a text is no name of a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceNameError {
    #[error("the name of a service is empty")]
    Empty,
    #[error("the name of a service has {length} characters; the limit is {MAX_UNITS}")]
    TooLong { length: usize },
    #[error("the name of a service cannot hold {found:?}")]
    Character { found: char },
}

impl ServiceName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = ServiceNameError;

    fn from_str(text: &str) -> Result<Self, ServiceNameError> {
        if text.is_empty() {
            return Err(ServiceNameError::Empty);
        }
        if let Some(found) = text.chars().find(|c| matches!(c, '/' | '\\' | '\0')) {
            return Err(ServiceNameError::Character { found });
        }
        let length = text.encode_utf16().count();
        if length > MAX_UNITS {
            return Err(ServiceNameError::TooLong { length });
        }
        Ok(Self(text.into()))
    }
}

impl PartialEq for ServiceName {
    fn eq(&self, other: &Self) -> bool {
        upcase::eq(&self.0, &other.0)
    }
}

impl Eq for ServiceName {}

impl PartialOrd for ServiceName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ServiceName {
    fn cmp(&self, other: &Self) -> Ordering {
        upcase::cmp(&self.0, &other.0)
    }
}

impl Hash for ServiceName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        upcase::fold(&self.0).hash(state);
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, error) in [
            ("AcsServer", None),
            ("MSSQL$ACS", None),
            (".NET CLR Data", None),
            ("", Some(ServiceNameError::Empty)),
            ("a/b", Some(ServiceNameError::Character { found: '/' })),
            (r"a\b", Some(ServiceNameError::Character { found: '\\' })),
            (&"ä".repeat(256), None),
            (&"ä".repeat(257), Some(ServiceNameError::TooLong { length: 257 })),
        ] {
            assert_eq!(text.parse::<ServiceName>().err(), error, "{text}");
        }
        let name = |text: &str| text.parse::<ServiceName>().unwrap();
        assert_eq!(name("RpcSs"), name("RPCSS"));
        assert!(name("b") > name("A"));
        assert_eq!(name("RpcSs").to_string(), "RpcSs");
    }
}

//! Host names as bindings and URLs hold them: ASCII labels, compared without case. Punycode is a name like any other.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// A DNS name without a trailing dot, in the case it was written; `*.` may stand before it.
#[derive(Clone)]
pub struct HostName(Box<str>);

/// Why a text is no host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    #[error("the host name is empty")]
    Empty,
    #[error("the host name has {length} characters; the limit is {MAX_NAME}")]
    TooLong { length: usize },
    #[error("the host name has an empty label")]
    EmptyLabel,
    #[error("the label `{label}` of the host name is longer than {MAX_LABEL} characters")]
    LongLabel { label: String },
    #[error("a host name cannot hold {found:?}; names beyond ASCII are written as punycode (xn--…)")]
    Character { found: char },
    #[error("the label `{label}` of the host name begins or ends with a hyphen")]
    Hyphen { label: String },
    #[error("`{text}` looks like an address, but is none")]
    Numeric { text: String },
}

impl HostName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if text.is_empty() {
            return Err(HostError::Empty);
        }
        let name = text.strip_prefix("*.").unwrap_or(text);
        if let Some(found) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')) {
            return Err(HostError::Character { found });
        }
        if text.len() > MAX_NAME {
            return Err(HostError::TooLong { length: text.len() });
        }
        for label in name.split('.') {
            if label.is_empty() {
                return Err(HostError::EmptyLabel);
            }
            if label.len() > MAX_LABEL {
                return Err(HostError::LongLabel { label: label.to_owned() });
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(HostError::Hyphen { label: label.to_owned() });
            }
        }
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(HostError::Numeric { text: text.to_owned() });
        }
        Ok(Self(text.into()))
    }
}

impl PartialEq for HostName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for HostName {}

impl Hash for HostName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "a".repeat(64);
        let longest = format!("{}ab", "a.".repeat(126));
        let numeric = |text: &str| HostError::Numeric { text: text.into() };
        let hyphen = |label: &str| HostError::Hyphen { label: label.into() };
        let cases = [
            ("acs-srv01.corp.example", None),
            ("ACS", None),
            ("xn--mller-kva.example", None),
            ("*.corp.example", None),
            ("_sip._tcp.corp.example", None),
            ("10.example", None),
            (&longest[..253], None),
            ("", Some(HostError::Empty)),
            ("*.", Some(HostError::EmptyLabel)),
            ("a..b", Some(HostError::EmptyLabel)),
            ("a.", Some(HostError::EmptyLabel)),
            ("*", Some(HostError::Character { found: '*' })),
            ("a.*.b", Some(HostError::Character { found: '*' })),
            ("müller.example", Some(HostError::Character { found: 'ü' })),
            ("a b", Some(HostError::Character { found: ' ' })),
            ("a:1", Some(HostError::Character { found: ':' })),
            (&longest, Some(HostError::TooLong { length: 254 })),
            (&long, Some(HostError::LongLabel { label: long.clone() })),
            ("-a.b", Some(hyphen("-a"))),
            ("a-.b", Some(hyphen("a-"))),
            ("300.1.1.1", Some(numeric("300.1.1.1"))),
            ("1", Some(numeric("1"))),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<HostName>().err(), error, "{text}");
        }
        assert_eq!("ACS.corp".parse::<HostName>(), "acs.CORP".parse());
        assert_eq!("ACS.corp".parse::<HostName>().unwrap().to_string(), "ACS.corp");
    }
}

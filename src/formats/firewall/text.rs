//! The text of a firewall rule, cut into its version and its fields and put together again byte for byte.
//! Says nothing of what a field means.

use std::fmt;
use std::str::FromStr;

/// The longest text of a rule that is read, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// A rule as the registry holds it: `v2.30|Action=Allow|…|`.
///
/// Shape: `v`, the version, `|`, then `name=value|` at least once; names repeat, and nothing can be escaped.
/// Source: [MS-GPFAS] 2.2.2.19.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleText {
    /// The version as it is written, with its `v`.
    head: String,
    version: RuleVersion,
    pub(super) fields: Vec<Field>,
}

/// One `name=value` of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    name: String,
    value: String,
}

/// The version of the language that a rule is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleVersion {
    pub major: u8,
    pub minor: u8,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleTextError {
    #[error("the rule has {found} bytes, more than {MOST_BYTES}")]
    TooLong { found: usize },
    #[error("a rule begins with its version and a bar, as in `v2.30|`")]
    NoVersion,
    #[error("`{text}` is no version such as `v2.30`, both numbers up to 255")]
    Version { text: String },
    #[error("the rule has no field")]
    NoField,
    #[error("the rule does not end with a bar")]
    NoEnd,
    #[error("field {number} is no `name=value`: `{text}`")]
    Shape { number: usize, text: String },
}

impl RuleVersion {
    /// What rules are written in when nothing is known: that of Windows 10 and Server 2016 to 2022.
    pub const DEFAULT: Self = Self { major: 2, minor: 30 };

    /// The version in the value `PolicyVersion` beside the rules: major in the second byte, minor in the first.
    ///
    /// None when the value holds more than that.
    pub fn from_policy_version(value: u32) -> Option<Self> {
        let [major, minor] = u16::try_from(value).ok()?.to_be_bytes();
        Some(Self { major, minor })
    }

    /// The value `PolicyVersion` that says this version.
    pub fn policy_version(self) -> u32 {
        u32::from(u16::from_be_bytes([self.major, self.minor]))
    }
}

impl FromStr for RuleVersion {
    type Err = RuleTextError;

    /// Reads `2.30`.
    fn from_str(text: &str) -> Result<Self, RuleTextError> {
        let part = |part: &str| {
            let is_number = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { part.parse::<u8>().ok() } else { None }
        };
        let parts = text.split_once('.').and_then(|(major, minor)| Some((part(major)?, part(minor)?)));
        parts
            .map(|(major, minor)| Self { major, minor })
            .ok_or_else(|| RuleTextError::Version { text: text.escape_debug().to_string() })
    }
}

impl fmt::Display for RuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Field {
    /// For names that the caller knows and values that hold no bar.
    pub(super) fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    pub fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Gives the field another value under the name as it is spelled.
    pub(super) fn set_value(&mut self, value: String) {
        self.value = value;
    }
}

impl RuleText {
    /// A rule without fields, which is none yet.
    pub(super) fn empty(version: RuleVersion) -> Self {
        Self { head: format!("v{version}"), version, fields: Vec::new() }
    }

    /// Reads the data of a rule's value.
    ///
    /// # Errors
    /// It is too long, has no version or no field, a field has no name or no `=`, or the last one no bar behind it.
    pub fn parse(text: &str) -> Result<Self, RuleTextError> {
        if text.len() > MOST_BYTES {
            return Err(RuleTextError::TooLong { found: text.len() });
        }
        let (head, rest) = text.split_once('|').ok_or(RuleTextError::NoVersion)?;
        let version = head.strip_prefix(['v', 'V']).ok_or(RuleTextError::NoVersion)?.parse()?;
        if rest.is_empty() {
            return Err(RuleTextError::NoField);
        }
        let rest = rest.strip_suffix('|').ok_or(RuleTextError::NoEnd)?;
        let field = |(index, text): (usize, &str)| match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok(Field::new(name, value)),
            _ => Err(RuleTextError::Shape { number: index + 1, text: text.escape_debug().to_string() }),
        };
        let fields = rest.split('|').enumerate().map(field).collect::<Result<_, _>>()?;
        Ok(Self { head: head.to_owned(), version, fields })
    }

    pub fn version(&self) -> RuleVersion {
        self.version
    }

    /// The fields in their order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Makes the version at least this one.
    pub(super) fn raise(&mut self, version: RuleVersion) {
        if self.version < version {
            self.head = format!("v{version}");
            self.version = version;
        }
    }
}

impl fmt::Display for RuleText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|", self.head)?;
        self.fields.iter().try_for_each(|Field { name, value }| write!(f, "{name}={value}|"))
    }
}

impl FromStr for RuleText {
    type Err = RuleTextError;

    fn from_str(text: &str) -> Result<Self, RuleTextError> {
        Self::parse(text)
    }
}

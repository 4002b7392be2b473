//! The address of one thing that a document speaks of: `section`, entry name and, inside the entry, a part.

use std::fmt;
use std::sync::Arc;

use super::registry::RegistryKey;
use super::registry_data::push_visible;
use crate::formats::upcase;

/// An address such as `certificates.web`, `ports.web-ui.tls` or `registry["HKLM\SOFTWARE\Vendor"].LogLevel`.
///
/// Names of letters, digits, `_` and `-` are written bare after a dot, all others as `["…"]` with `\"` and control
/// characters escaped; a backslash stands for itself, but for those right before a quote, which are doubled. An empty
/// part is the unnamed registry value, written `(default)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId {
    section: Arc<str>,
    name: Arc<str>,
    part: Option<Box<str>>,
}

/// Why a text is not an address; `offset` counts bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ResourceIdError {
    pub message: String,
    pub offset: usize,
}

impl ResourceId {
    pub fn new(section: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { section: section.into(), name: name.into(), part: None }
    }

    /// The address of a part of this entry.
    pub fn part_of(entry: &Self, part: &str) -> Self {
        Self { section: Arc::clone(&entry.section), name: Arc::clone(&entry.name), part: Some(part.into()) }
    }

    pub fn section(&self) -> &str {
        &self.section
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn part(&self) -> Option<&str> {
        self.part.as_deref()
    }

    /// The entry without its part.
    pub fn entry(&self) -> Self {
        Self { part: None, ..self.clone() }
    }

    /// The address by which equal ones are found: Windows compares names without case, and roots have two spellings.
    pub fn folded(&self) -> Self {
        let name = match RegistryKey::parse(&self.name) {
            Ok(key) if &*self.section == "registry" => key.folded().to_owned(),
            _ => upcase::fold(&self.name),
        };
        let part = self.part.as_deref().map(|part| upcase::fold(part).into());
        Self { section: Arc::clone(&self.section), name: name.into(), part }
    }

    /// Parses what `Display` prints; bare names may also hold characters that `Display` would quote, but no dot,
    /// bracket or quote.
    ///
    /// # Errors
    /// Where the text stops being an address.
    pub fn parse(text: &str) -> Result<Self, ResourceIdError> {
        let fail = |message: &str, offset: usize| Err(ResourceIdError { message: message.into(), offset });
        let end = text.find(['.', '[']).unwrap_or(text.len());
        let (section, mut rest) = text.split_at(end);
        if section.is_empty() {
            return fail("an address begins with a section, as in registry[\"HKLM\\…\"]", 0);
        }
        let mut names = Vec::new();
        while !rest.is_empty() {
            let offset = text.len() - rest.len();
            let (name, tail) = if let Some(quoted) = rest.strip_prefix("[\"") {
                let Some((name, tail)) = read_quoted(quoted) else {
                    return fail("the quoted name is not closed by \"]", offset);
                };
                (name, tail)
            } else if let Some(bare) = rest.strip_prefix('.') {
                let end = bare.find(['.', '[']).unwrap_or(bare.len());
                let (name, tail) = bare.split_at(end);
                if name.is_empty() || name.contains('"') {
                    return fail("a name is missing after the dot", offset + 1);
                }
                (if name == "(default)" { String::new() } else { name.to_owned() }, tail)
            } else {
                return fail("expected a dot or [\" here", offset);
            };
            names.push(name);
            rest = tail;
        }
        let mut names = names.into_iter();
        let Some(name) = names.next() else {
            return fail("the address names a section but no entry of it", text.len());
        };
        let part = names.next();
        if names.next().is_some() {
            return fail("an address has at most an entry and a part", 0);
        }
        Ok(Self { section: section.into(), name: name.into(), part: part.map(Into::into) })
    }
}

fn read_quoted(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((index, c)) = chars.next() {
        let rest = text.get(index..)?;
        if let Some(tail) = rest.strip_prefix("\"]") {
            return Some((name, tail));
        }
        let after = rest.trim_start_matches('\\');
        let backslashes = rest.len() - after.len();
        if backslashes > 0 && after.starts_with('"') {
            // Pairs stand for one each; one that is left over makes the quote a part of the name.
            name.extend(std::iter::repeat_n('\\', backslashes / 2));
            let is_quote = backslashes % 2 == 1;
            if is_quote {
                name.push('"');
            }
            for _ in 1..backslashes + usize::from(is_quote) {
                chars.next();
            }
        } else if let Some((escaped, skip)) = read_escape(rest) {
            name.push(escaped);
            for _ in 1..skip {
                chars.next();
            }
        } else {
            name.push(c);
        }
    }
    None
}

/// Reads `\u{…}`, giving the character and the length in characters.
fn read_escape(text: &str) -> Option<(char, usize)> {
    let (digits, _) = text.strip_prefix("\\u{")?.split_once('}')?;
    let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
    let mut shown = String::new();
    push_visible(&mut shown, c);
    (c == '\\' || shown.chars().count() > 1).then_some((c, digits.len() + 4))
}

fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if is_bare(name) {
        return write!(f, ".{name}");
    }
    let mut shown = String::with_capacity(name.len() + 4);
    let mut backslashes = 0;
    for (index, c) in name.char_indices() {
        match c {
            '"' => {
                shown.extend(std::iter::repeat_n('\\', backslashes + 1));
                shown.push('"');
            }
            // What looks like an escape but is the name's own.
            '\\' if name.get(index..).and_then(read_escape).is_some() => {
                shown.push_str("\\u{5c}");
                backslashes = 0;
                continue;
            }
            c => push_visible(&mut shown, c),
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
    }
    shown.extend(std::iter::repeat_n('\\', backslashes));
    write!(f, "[\"{shown}\"]")
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.section)?;
        write_name(f, &self.name)?;
        match self.part.as_deref() {
            None => Ok(()),
            Some("") => f.write_str(".(default)"),
            Some(part) => write_name(f, part),
        }
    }
}

impl serde::Serialize for ResourceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ResourceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_the_guide_writes_them() {
        let cases = [
            ("certificates.web", "certificates", "web", None),
            ("ports.web-ui.tls", "ports", "web-ui", Some("tls")),
            (
                r#"registry["HKLM\SOFTWARE\A.B"].MaxRequestBytes"#,
                "registry",
                r"HKLM\SOFTWARE\A.B",
                Some("MaxRequestBytes"),
            ),
            (r#"registry["HKLM\X"].(default)"#, "registry", r"HKLM\X", Some("")),
            (r#"registry["HKLM\X"]["a b"]"#, "registry", r"HKLM\X", Some("a b")),
            (r#"registry["HKLM\X"]["C:\Fonts\\"]"#, "registry", r"HKLM\X", Some(r"C:\Fonts\")),
            (r#"registry["HKLM\X"]["a\\\"b"]"#, "registry", r"HKLM\X", Some(r#"a\"b"#)),
        ];
        for (text, section, name, part) in cases {
            let id = ResourceId::parse(text).unwrap();
            assert_eq!((id.section(), id.name(), id.part()), (section, name, part), "{text}");
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn what_is_not_an_address_says_where() {
        for (text, offset) in [("", 0), ("registry", 8), ("registry[\"x", 8), ("a..b", 2), ("a.b.c.d", 0)] {
            assert_eq!(ResourceId::parse(text).unwrap_err().offset, offset, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn display_parses_back(
            name in r#"(.|[\\"\]u{}5c\x01]){1,12}"#,
            part in proptest::option::of(r#"(.|[\\"\]u{}5c\x01]){0,12}"#),
        ) {
            let mut id = ResourceId::new("registry", name);
            if let Some(part) = part { id = ResourceId::part_of(&id, &part); }
            proptest::prop_assert_eq!(ResourceId::parse(&id.to_string()).unwrap(), id);
        }
    }
}

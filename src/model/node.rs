//! The tree of a YAML document, every node with its place. Scalars keep their text and are read by what is expected of them,
//! under the core schema of YAML 1.2 (chapter 10.3); what older YAML would read differently is told apart.

use std::borrow::Cow;

use super::source::Location;

/// One value of a document.
#[derive(Clone, Debug)]
pub struct Node<'s> {
    pub at: Location,
    pub content: Content<'s>,
}

#[derive(Clone, Debug)]
pub enum Content<'s> {
    Scalar(Scalar<'s>),
    Sequence(Vec<Node<'s>>),
    Mapping(Mapping<'s>),
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: may be a number, a boolean, null.
    Plain,
    /// Without quotes, with text from a variable in it: read like `Plain`, never repeated in a message.
    Expanded,
    /// In quotes or as a block: a text.
    Quoted,
}

#[derive(Clone, Debug)]
pub struct Scalar<'s> {
    pub text: Cow<'s, str>,
    pub style: Style,
}

/// A name in a mapping. Quoted or not, it is a text.
#[derive(Clone, Debug)]
pub struct Key<'s> {
    pub at: Location,
    pub text: Cow<'s, str>,
}

/// Entries in the order of the document, no two with the same name.
#[derive(Clone, Debug, Default)]
pub struct Mapping<'s> {
    pub entries: Vec<(Key<'s>, Node<'s>)>,
}

/// What a scalar means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Meaning {
    Null,
    Bool(bool),
    Integer(i128),
    /// A number with a fraction or an exponent.
    Float(f64),
    Text,
    /// A text in YAML 1.2 that other readers take for something else.
    Trap(Trap),
}

/// What older or looser YAML makes of an unquoted text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// `yes`, `on` and their like: a boolean in YAML 1.1.
    Bool(bool),
    /// `0123`: octal to some readers, decimal to others.
    LeadingZero,
    /// `1_000`, `0b11`, `12:30:45`: numbers in YAML 1.1.
    OldNumber,
    /// `2026-12-31`: a date in YAML 1.1.
    Date,
    /// An integer of more than 127 bits.
    HugeInteger,
}

impl Trap {
    /// What other readers take the text for, as a noun with its article.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean of YAML 1.1",
            Self::LeadingZero => "a number with a leading zero",
            Self::OldNumber => "a number of YAML 1.1",
            Self::Date => "a date of YAML 1.1",
            Self::HugeInteger => "an integer that is too large",
        }
    }
}

impl<'s> Node<'s> {
    pub fn as_scalar(&self) -> Option<&Scalar<'s>> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub fn as_mapping(&self) -> Option<&Mapping<'s>> {
        match &self.content {
            Content::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    pub fn as_sequence(&self) -> Option<&[Self]> {
        match &self.content {
            Content::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// What the node is, as a noun with its article; never what it says.
    pub fn describe(&self) -> &'static str {
        match &self.content {
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
            Content::Scalar(scalar) => scalar.describe(),
        }
    }
}

impl<'s> Mapping<'s> {
    pub fn get(&self, name: &str) -> Option<&Node<'s>> {
        self.entry(name).map(|(_, node)| node)
    }

    pub fn entry(&self, name: &str) -> Option<&(Key<'s>, Node<'s>)> {
        self.entries.iter().find(|(key, _)| key.text == name)
    }

    pub fn remove(&mut self, name: &str) -> Option<(Key<'s>, Node<'s>)> {
        let index = self.entries.iter().position(|(key, _)| key.text == name)?;
        Some(self.entries.remove(index))
    }
}

impl Scalar<'_> {
    pub fn is_quoted(&self) -> bool {
        self.style == Style::Quoted
    }

    /// The text, if it stands in the document unquoted as it is and may be repeated in a message.
    pub fn written(&self) -> Option<&str> {
        (self.style == Style::Plain).then_some(&*self.text)
    }

    pub fn meaning(&self) -> Meaning {
        if self.is_quoted() { Meaning::Text } else { plain_meaning(&self.text) }
    }

    pub fn is_null(&self) -> bool {
        self.meaning() == Meaning::Null
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self.meaning() {
            Meaning::Bool(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_integer(&self) -> Option<i128> {
        match self.meaning() {
            Meaning::Integer(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_float(&self) -> Option<f64> {
        match self.meaning() {
            Meaning::Float(value) => Some(value),
            _ => None,
        }
    }

    fn describe(&self) -> &'static str {
        match self.meaning() {
            Meaning::Null => "nothing (null)",
            Meaning::Bool(_) => "a boolean",
            Meaning::Integer(_) => "an integer",
            Meaning::Float(_) => "a number with a fraction or an exponent",
            Meaning::Text => "a text",
            Meaning::Trap(trap) => trap.describe(),
        }
    }
}

fn plain_meaning(text: &str) -> Meaning {
    let Some(first) = text.bytes().next() else { return Meaning::Null };
    if matches!(first, b'0'..=b'9' | b'-' | b'+' | b'.') { numeric_meaning(text) } else { word_meaning(text) }
}

fn word_meaning(text: &str) -> Meaning {
    match text {
        "~" | "null" | "Null" | "NULL" => Meaning::Null,
        "true" | "True" | "TRUE" => Meaning::Bool(true),
        "false" | "False" | "FALSE" => Meaning::Bool(false),
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Meaning::Trap(Trap::Bool(true)),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Meaning::Trap(Trap::Bool(false)),
        _ => Meaning::Text,
    }
}

fn numeric_meaning(text: &str) -> Meaning {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if let Some(digits) = text.strip_prefix("0x") {
        return radix_meaning(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix_meaning(digits, 8);
    }
    if is_digits(unsigned) {
        return match text.parse() {
            _ if unsigned.len() > 1 && unsigned.starts_with('0') => Meaning::Trap(Trap::LeadingZero),
            Ok(value) => Meaning::Integer(value),
            Err(_) => Meaning::Trap(Trap::HugeInteger),
        };
    }
    match unsigned {
        ".inf" | ".Inf" | ".INF" => {
            return Meaning::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        ".nan" | ".NaN" | ".NAN" if unsigned == text => return Meaning::Float(f64::NAN),
        _ => {}
    }
    if is_float(unsigned) {
        return text.parse().map_or(Meaning::Text, Meaning::Float);
    }
    if is_old_number(unsigned) {
        return Meaning::Trap(Trap::OldNumber);
    }
    if is_date(text) {
        return Meaning::Trap(Trap::Date);
    }
    Meaning::Text
}

fn radix_meaning(digits: &str, radix: u32) -> Meaning {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix) || c == '_') {
        return Meaning::Text;
    }
    if digits.contains('_') {
        return Meaning::Trap(Trap::OldNumber);
    }
    i128::from_str_radix(digits, radix).map_or(Meaning::Trap(Trap::HugeInteger), Meaning::Integer)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `( "." [0-9]+ | [0-9]+ ( "." [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, and not an integer.
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_fits =
        exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)));
    let mantissa_fits = match mantissa.split_once('.') {
        None => is_digits(mantissa),
        Some(("", fraction)) => is_digits(fraction),
        Some((whole, fraction)) => is_digits(whole) && (fraction.is_empty() || is_digits(fraction)),
    };
    mantissa_fits && exponent_fits
}

fn is_old_number(unsigned: &str) -> bool {
    let binary = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| matches!(byte, b'0' | b'1' | b'_'));
    let grouped = unsigned.contains('_') && unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let base_60 = || {
        let mut parts = unsigned.split(':');
        parts.next().is_some_and(is_digits)
            && unsigned.contains(':')
            && parts
                .all(|part| is_digits(part) && part.len() <= 2 && part.parse::<u8>().is_ok_and(|number| number < 60))
    };
    unsigned.strip_prefix("0b").is_some_and(binary) || grouped || base_60()
}

fn is_date(text: &str) -> bool {
    let shape = |text: &str| {
        let mut parts = text.splitn(3, '-');
        let mut part =
            |min: usize, max: usize| parts.next().is_some_and(|p| is_digits(p) && (min..=max).contains(&p.len()));
        part(4, 4) && part(1, 2) && part(1, 2)
    };
    shape(text.split(['T', 't', ' ']).next().unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_the_core_schema_says() {
        let cases = [
            ("", Meaning::Null),
            ("~", Meaning::Null),
            ("nUll", Meaning::Text),
            ("True", Meaning::Bool(true)),
            ("tRue", Meaning::Text),
            ("0", Meaning::Integer(0)),
            ("-17", Meaning::Integer(-17)),
            ("+5", Meaning::Integer(5)),
            ("0x8000", Meaning::Integer(0x8000)),
            ("-0x1", Meaning::Text),
            ("0o17", Meaning::Integer(15)),
            ("0o8", Meaning::Text),
            ("1.5", Meaning::Float(1.5)),
            ("1e3", Meaning::Float(1000.0)),
            (".5", Meaning::Float(0.5)),
            ("1.", Meaning::Float(1.0)),
            ("-.inf", Meaning::Float(f64::NEG_INFINITY)),
            (".", Meaning::Text),
            ("1.2.3", Meaning::Text),
            ("-", Meaning::Text),
            ("10.0.0.5", Meaning::Text),
            ("infinity", Meaning::Text),
            ("yes", Meaning::Trap(Trap::Bool(true))),
            ("Off", Meaning::Trap(Trap::Bool(false))),
            ("0123", Meaning::Trap(Trap::LeadingZero)),
            ("-08", Meaning::Trap(Trap::LeadingZero)),
            ("0b101", Meaning::Trap(Trap::OldNumber)),
            ("1_000", Meaning::Trap(Trap::OldNumber)),
            ("0xFF_FF", Meaning::Trap(Trap::OldNumber)),
            ("12:30:45", Meaning::Trap(Trap::OldNumber)),
            ("2026-12-31", Meaning::Trap(Trap::Date)),
            ("2026-12-31T10:00:00Z", Meaning::Trap(Trap::Date)),
            ("2026-12-31x", Meaning::Text),
            ("170141183460469231731687303715884105728", Meaning::Trap(Trap::HugeInteger)),
        ];
        for (text, meaning) in cases {
            let scalar = Scalar { text: text.into(), style: Style::Plain };
            assert_eq!(scalar.meaning(), meaning, "{text}");
            let quoted = Scalar { style: Style::Quoted, ..scalar };
            assert_eq!(quoted.meaning(), Meaning::Text);
        }
    }
}

//! The forms in which a document writes a registry value: short ones where they cannot be misread, else `{type: data}`.

use super::document::place_within;
use super::wanted::{Expiry, WantedData, WantedValue};
use crate::formats::upcase;
use crate::model::decode::{Decode, Decoder, Unique, leading_zero_hint, may_repeat};
use crate::model::diagnostic::Diagnostic;
use crate::model::moment::Moment;
use crate::model::node::{Content, Key, Meaning, Node, Scalar, Trap};
use crate::model::registry::MAX_VALUE_NAME;
use crate::model::registry_data::{REG_EXPAND_SZ, REG_SZ, RegistryData};
use crate::model::secret::SecretReference;
use crate::model::source::Location;

/// The largest data of one value, in bytes.
const MAX_DATA: usize = 1 << 20;
/// How a document names the value without a name, in any case.
const DEFAULT_VALUE: &str = "(default)";
/// The word that removes a value.
const ABSENT: &str = "absent";

/// The field beside a value's type.
const EXPIRES: &str = "expires";

const FORMS: [&str; 7] = ["sz", "expand", "dword", "qword", "multi", "binary", "none"];

pub const NAMED_TWICE: &str = "the names of values compare without case";

/// The values of a key, by name.
#[derive(Clone, Debug, Default)]
pub struct Values(pub Vec<WantedValue>);

impl Decode for Values {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let mapping = cx.mapping(node)?;
        let names = || mapping.entries.iter().map(|(key, _)| upcase::units(&key.text));
        let mut unique =
            may_repeat(names()).then(|| Unique::new("value", "registry.value_twice", mapping.entries.len()));
        let mut values = Vec::with_capacity(mapping.entries.len());
        for (key, node) in &mapping.entries {
            let name = value_name(&key.text, key.at, cx);
            let data = decode_expiring(node, cx);
            if let Some(name) = name {
                let unique = unique.as_mut();
                let is_new = unique.is_none_or(|unique| unique.insert(upcase::fold(&name), key.at, NAMED_TWICE, cx));
                let data = data.filter(|_| is_new);
                values.extend(data.map(|(data, expires)| WantedValue { name, at: key.at, data, expires }));
            }
        }
        Some(Self(values))
    }
}

/// The name of a value as Windows has it: empty for the default value.
pub fn value_name(text: &str, at: Location, cx: &mut Decoder) -> Option<Box<str>> {
    let (message, hint) = match text {
        _ if text.eq_ignore_ascii_case(DEFAULT_VALUE) => return Some("".into()),
        "" => ("a value's name is empty".to_owned(), Some("the key's unnamed value is called `(default)`".to_owned())),
        _ if text.contains('\0') => ("a value's name cannot hold a NUL character".to_owned(), None),
        // A text has no more UTF-16 units than bytes.
        _ if text.len() <= MAX_VALUE_NAME => return Some(text.into()),
        _ => match text.encode_utf16().count() {
            units if units > MAX_VALUE_NAME => {
                (format!("a value's name has {units} UTF-16 units; Windows takes at most {MAX_VALUE_NAME}"), None)
            }
            _ => return Some(text.into()),
        },
    };
    cx.push(Diagnostic::error("registry.bad_value_name", message).at(at).hint_if(hint));
    None
}

crate::record! {
    /// When something else is wanted in the value's place, and what.
    pub struct ExpiryFields {
        /// From when on the value is expired: a day, from 00:00 UTC on, or a timestamp with its zone.
        #[example("2026-12-31")]
        on: Moment,
        /// What the value should be from then on, in any form but one that expires again.
        #[example("absent")]
        then: Then,
    }
}

/// What comes after the expiry.
#[derive(Clone, Debug)]
pub struct Then(WantedData);

impl Then {
    pub fn into_data(self) -> WantedData {
        self.0
    }
}

impl Decode for Then {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        if let Some((key, _)) = node.as_mapping().and_then(|mapping| mapping.entry(EXPIRES)) {
            let message = "what follows an expiry cannot expire again";
            let hint = "write what holds in the end; a later change is a later document";
            cx.push(Diagnostic::error("registry.expires_twice", message).at(key.at).hint(hint));
            return None;
        }
        decode_value(node, cx).map(Self)
    }
}

/// Reads what a value should be, and from when on what else.
fn decode_expiring(node: &Node<'_>, cx: &mut Decoder) -> Option<(WantedData, Option<Expiry>)> {
    let found = node.as_mapping().and_then(|mapping| Some((mapping, mapping.entry(EXPIRES)?)));
    let Some((mapping, (key, fields))) = found else { return decode_value(node, cx).map(|data| (data, None)) };
    let expiry = ExpiryFields::decode(fields, cx);
    let types = mapping.entries.iter().filter(|(key, _)| key.text != EXPIRES);
    let data = long_form(types, node, cx).and_then(|data| within_limit(data, node, cx));
    let ExpiryFields { on, then } = expiry?;
    Some((data?, Some(Expiry { on: on.0, at: key.at, then: then.0 })))
}

/// Reads what a value should be.
fn decode_value(node: &Node<'_>, cx: &mut Decoder) -> Option<WantedData> {
    let data = match &node.content {
        Content::Scalar(scalar) => short_form(scalar, node, cx)?,
        Content::Sequence(items) => multi(items, cx).map(WantedData::Data)?,
        Content::Mapping(mapping) => long_form(mapping.entries.iter(), node, cx)?,
    };
    within_limit(data, node, cx)
}

fn within_limit(data: WantedData, node: &Node<'_>, cx: &mut Decoder) -> Option<WantedData> {
    match &data {
        WantedData::Data(data) if data.bytes.len() > MAX_DATA => {
            let message = format!("the data has {} bytes; at most {MAX_DATA} are taken", data.bytes.len());
            let hint = "the registry is no place for data of this size: keep it in a file and name the file";
            cx.push(Diagnostic::error("registry.data_too_large", message).at(node.at).hint(hint));
            None
        }
        _ => Some(data),
    }
}

fn short_form(scalar: &Scalar<'_>, node: &Node<'_>, cx: &mut Decoder) -> Option<WantedData> {
    let (message, hint) = match scalar.meaning() {
        Meaning::Integer(number) => return dword(number, node, cx).map(WantedData::Data),
        Meaning::Text if scalar.is_quoted() => {
            return text(node, cx).map(|text| WantedData::Data(RegistryData::sz(text)));
        }
        Meaning::Text if scalar.text == ABSENT => return Some(WantedData::Absent),
        Meaning::Text if !scalar.text.eq_ignore_ascii_case(ABSENT) => {
            return text(node, cx).map(|text| WantedData::Data(RegistryData::sz(text)));
        }
        Meaning::Text => (
            "this is neither `absent` nor clearly a text".to_owned(),
            "write `absent` to remove the value, or put the text in quotes".to_owned(),
        ),
        meaning => unclear(meaning, scalar),
    };
    cx.push(Diagnostic::error("registry.unclear_value", message).at(node.at).hint(hint));
    None
}

/// Why a short form is refused, and how to write what was probably meant.
fn unclear(meaning: Meaning, scalar: &Scalar<'_>) -> (String, String) {
    let quoted = scalar.written().map_or_else(|| "the text in quotes".to_owned(), |text| format!("\"{text}\""));
    let (what, meant) = match meaning {
        Meaning::Null => {
            let hint =
                "write \"\" for an empty text, `absent` to remove the value, `{none: null}` for REG_NONE without data";
            return ("the value is empty".into(), hint.into());
        }
        Meaning::Bool(value) => ("a boolean", format!("{} for a REG_DWORD", u8::from(value))),
        Meaning::Trap(trap @ Trap::Bool(value)) => (trap.describe(), format!("{} for a REG_DWORD", u8::from(value))),
        Meaning::Trap(trap @ Trap::LeadingZero) => {
            let hint = leading_zero_hint(scalar).unwrap_or_else(|| format!("write {quoted} for a REG_SZ"));
            return (format!("the registry has no type for {}", trap.describe()), hint);
        }
        Meaning::Float(number) if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) => {
            ("a number with a fraction or an exponent", format!("{number} for a REG_DWORD"))
        }
        Meaning::Float(_) => {
            return ("the registry has no type for a fraction".into(), format!("write {quoted} for a REG_SZ"));
        }
        Meaning::Trap(trap @ Trap::HugeInteger) => {
            return (
                format!("the registry has no type for {}", trap.describe()),
                format!("write {quoted} for a REG_SZ"),
            );
        }
        Meaning::Trap(trap) => {
            return (
                format!("this is {} and a text in YAML 1.2", trap.describe()),
                format!("write {quoted} for a REG_SZ"),
            );
        }
        Meaning::Integer(_) | Meaning::Text => {
            return ("the value is not clear".into(), format!("write {quoted} for a REG_SZ"));
        }
    };
    (format!("the registry has no type for {what}"), format!("write {meant}, {quoted} for a REG_SZ"))
}

fn long_form<'n, 's: 'n>(
    mut types: impl Iterator<Item = &'n (Key<'s>, Node<'s>)>,
    node: &Node<'_>,
    cx: &mut Decoder,
) -> Option<WantedData> {
    let (Some((key, data)), None) = (types.next(), types.next()) else {
        let message = "a value has exactly one type";
        let hint = format!("write it as `{{dword: 1}}`; the types are {}", FORMS.join(", "));
        cx.push(Diagnostic::error("registry.bad_value_form", message).at(node.at).hint(hint));
        return None;
    };
    match &*key.text {
        "sz" => string(data, REG_SZ, cx),
        "expand" => string(data, REG_EXPAND_SZ, cx),
        "dword" => {
            let number = integer(data, cx)?;
            dword(number, data, cx).map(WantedData::Data)
        }
        "qword" => u64::decode(data, cx).map(|number| WantedData::Data(RegistryData::qword(number))),
        "multi" => match &data.content {
            Content::Sequence(items) => multi(items, cx).map(WantedData::Data),
            _ => cx.wrong_type(data, "a list of texts"),
        },
        "binary" => hex(data, cx).map(|bytes| WantedData::Data(RegistryData::binary(bytes))),
        "none" if data.as_scalar().is_some_and(Scalar::is_null) => Some(WantedData::Data(RegistryData::none([]))),
        "none" => hex(data, cx).map(|bytes| WantedData::Data(RegistryData::none(bytes))),
        other => {
            unknown_form(other, key.at, cx);
            None
        }
    }
}

fn unknown_form(given: &str, at: Location, cx: &mut Decoder) {
    let lower = given.to_ascii_lowercase();
    let meant = match lower.strip_prefix("reg_").unwrap_or(&lower) {
        "string" => Some("sz"),
        "expand_sz" | "expandstring" => Some("expand"),
        "multi_sz" | "multistring" => Some("multi"),
        "env" | "file" | "command" => {
            let hint = format!("name the type as well: `{{sz: {{{given}: …}}}}`");
            cx.push(Diagnostic::error("registry.bad_value_form", "a secret needs a type").at(at).hint(hint));
            return;
        }
        other => cx.nearest(other, FORMS),
    };
    let hint =
        meant.map_or_else(|| format!("the types are {}", FORMS.join(", ")), |form| format!("did you mean `{form}`?"));
    cx.push(
        Diagnostic::error("registry.bad_value_form", format!("there is no value type `{given}`")).at(at).hint(hint),
    );
}

fn string(node: &Node<'_>, value_type: u32, cx: &mut Decoder) -> Option<WantedData> {
    if node.as_mapping().is_some() {
        return SecretReference::decode(node, cx).map(|reference| WantedData::Secret { value_type, reference });
    }
    text(node, cx).map(|text| WantedData::Data(RegistryData::text(value_type, text)))
}

fn text<'n>(node: &'n Node<'_>, cx: &mut Decoder) -> Option<&'n str> {
    let text = cx.text(node)?;
    if text.contains('\0') {
        let message = "a text cannot hold a NUL character: it would end there";
        cx.push(
            Diagnostic::error("registry.nul_in_text", message).at(node.at).hint("write the bytes as `{binary: …}`"),
        );
        return None;
    }
    Some(text)
}

fn integer(node: &Node<'_>, cx: &mut Decoder) -> Option<i128> {
    cx.integer(node, i128::MIN, i128::MAX)
}

fn dword(number: i128, node: &Node<'_>, cx: &mut Decoder) -> Option<RegistryData> {
    if let Ok(number) = u32::try_from(number) {
        return Some(RegistryData::dword(number));
    }
    let (message, hint) = match i32::try_from(number) {
        Ok(negative) => (
            "a REG_DWORD has no sign".to_owned(),
            format!("write {:#X} for its 32 bits", negative.cast_unsigned()).replace("0X", "0x"),
        ),
        Err(_) if number < 0 => ("a REG_DWORD has no sign".to_owned(), format!("it holds 0 to {}", u32::MAX)),
        Err(_) => (format!("a REG_DWORD holds at most {}", u32::MAX), "write `{qword: …}` for 64 bits".to_owned()),
    };
    cx.push(Diagnostic::error("registry.dword_out_of_range", message).at(node.at).hint(hint));
    None
}

fn multi(items: &[Node<'_>], cx: &mut Decoder) -> Option<RegistryData> {
    let texts: Vec<Option<&str>> = items
        .iter()
        .map(|item| match text(item, cx)? {
            "" => {
                let message = "an empty text would end the list";
                cx.push(
                    Diagnostic::error("registry.empty_in_multi", message)
                        .at(item.at)
                        .hint("a REG_MULTI_SZ cannot hold one"),
                );
                None
            }
            text => Some(text),
        })
        .collect();
    let texts: Vec<&str> = texts.into_iter().collect::<Option<_>>()?;
    Some(RegistryData::multi(&texts))
}

/// Reads hex digits in pairs; blanks and commas may stand between the pairs.
fn hex(node: &Node<'_>, cx: &mut Decoder) -> Option<Vec<u8>> {
    let text = cx.text(node)?;
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high: Option<u8> = None;
    let mut high_at = 0;
    for (offset, c) in text.char_indices() {
        let digit = c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (digit, high.take()) {
            (Some(low), Some(high)) => bytes.push(high << 4 | low),
            (Some(first), None) => {
                high = Some(first);
                high_at = offset;
            }
            (None, None) if c == ',' || c.is_ascii_whitespace() => {}
            (None, Some(_)) => return bad_hex(node, text, high_at, "a hex digit stands alone", cx),
            (None, None) => return bad_hex(node, text, offset, "this is no hex digit", cx),
        }
    }
    if high.is_some() { bad_hex(node, text, high_at, "a hex digit stands alone", cx) } else { Some(bytes) }
}

fn bad_hex<T>(node: &Node<'_>, text: &str, offset: usize, message: &str, cx: &mut Decoder) -> Option<T> {
    let at = place_within(node.at, text, offset);
    let hint = "write two digits for each byte: \"01 02 ff\"";
    cx.push(Diagnostic::error("registry.bad_hex", message).at(at).hint(hint));
    None
}

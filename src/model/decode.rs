//! From nodes to values: what a type accepts, and the findings when a node is something else. All findings are collected;
//! a value that could not be read is `None` and has left at least one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::diagnostic::{Diagnostic, Diagnostics};
use super::material::Material;
use super::node::{Content, Mapping, Meaning, Node, Scalar, Trap};
use super::source::{Location, Spanned};

/// A type that can be read from a document and says in a schema what it accepts.
pub trait Decode: Sized + JsonSchema {
    /// Reads a node; `None` when it does not fit, and then the reason was pushed.
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self>;

    /// What a record takes when the field is not there; `None` when it must be.
    fn absent() -> Option<Self> {
        None
    }

    /// The schema of a field of this type.
    fn field_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Self>()
    }
}

/// Collects what decoding finds.
#[derive(Debug, Default)]
pub struct Decoder {
    pub diagnostics: Diagnostics,
    /// By the place of its name.
    materials: HashMap<Location, Material>,
}

impl Decoder {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Takes what a name of the document at this place stands for.
    pub fn put_material(&mut self, at: Location, material: Material) {
        self.materials.insert(at, material);
    }

    /// What the name at this place stands for; `None` when it could not be read, which has been reported.
    pub fn material(&self, at: Location) -> Option<&Material> {
        self.materials.get(&at)
    }

    /// The name among `known` that `given` most likely stands for.
    pub fn nearest<'k>(&mut self, given: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
        self.diagnostics.nearest(given, known)
    }

    /// Reports that `node` is not what was expected, and gives `None`.
    pub fn wrong_type<T>(&mut self, node: &Node<'_>, expected: &str) -> Option<T> {
        let message = format!("expected {expected}, found {}", node.describe());
        self.push(Diagnostic::error("document.wrong_type", message).at(node.at));
        None
    }

    /// The mapping of a node, or a finding.
    pub fn mapping<'n, 's>(&mut self, node: &'n Node<'s>) -> Option<&'n Mapping<'s>> {
        if node.as_scalar().is_some_and(Scalar::is_null) {
            let message = "expected a mapping, found nothing (null)";
            self.push(
                Diagnostic::error("document.wrong_type", message).at(node.at).hint("write `{}` for an empty one"),
            );
            return None;
        }
        node.as_mapping().or_else(|| self.wrong_type(node, "a mapping"))
    }

    /// The text of a node, or a finding: a number or boolean without quotes is not a text.
    pub fn text<'n>(&mut self, node: &'n Node<'_>) -> Option<&'n str> {
        let Some(scalar) = node.as_scalar() else { return self.wrong_type(node, "a text") };
        match scalar.meaning() {
            // YAML 1.2 reads these as text, and where a text is wanted there is nothing else to take them for.
            Meaning::Text | Meaning::Trap(Trap::Bool(_) | Trap::Date) => Some(&scalar.text),
            _ => {
                let message = format!("expected a text, found {}", node.describe());
                let hint = quoting_hint(scalar);
                self.push(Diagnostic::error("document.wrong_type", message).at(node.at).hint_if(hint));
                None
            }
        }
    }

    /// The integer of a node, or a finding.
    pub fn integer(&mut self, node: &Node<'_>, minimum: i128, maximum: i128) -> Option<i128> {
        let value = match node.as_scalar().map(|scalar| (scalar, scalar.meaning())) {
            Some((_, Meaning::Integer(value))) => value,
            Some((scalar, Meaning::Trap(Trap::LeadingZero))) => {
                let message = "a number with a leading zero can be read as decimal or as octal";
                let hint = leading_zero_hint(scalar);
                self.push(Diagnostic::error("document.leading_zero", message).at(node.at).hint_if(hint));
                return None;
            }
            Some((_, Meaning::Trap(Trap::HugeInteger))) => return self.out_of_range(node.at, minimum, maximum),
            Some((scalar, Meaning::Text)) if scalar.is_quoted() => {
                let message = "expected an integer, found a text in quotes";
                self.push(
                    Diagnostic::error("document.wrong_type", message)
                        .at(node.at)
                        .hint("write the number without quotes"),
                );
                return None;
            }
            _ => return self.wrong_type(node, "an integer"),
        };
        if (minimum..=maximum).contains(&value) { Some(value) } else { self.out_of_range(node.at, minimum, maximum) }
    }

    fn out_of_range<T>(&mut self, at: Location, minimum: i128, maximum: i128) -> Option<T> {
        let message = format!("the integer is not between {minimum} and {maximum}");
        self.push(Diagnostic::error("document.out_of_range", message).at(at));
        None
    }
}

/// How to write an unquoted scalar when a text was meant.
pub fn quoting_hint(scalar: &Scalar<'_>) -> Option<String> {
    match scalar.written()? {
        "" => Some("write \"\" for an empty text".into()),
        text => Some(format!("put it in quotes if it is a text: \"{text}\"")),
    }
}

/// How to write a number that begins with zeros.
pub fn leading_zero_hint(scalar: &Scalar<'_>) -> Option<String> {
    let text = scalar.written()?;
    let digits = text.trim_start_matches(['-', '+', '0']);
    let digits = if digits.is_empty() { "0" } else { digits };
    let octal = if digits.contains(['8', '9']) { String::new() } else { format!(", 0o{digits} if it is octal") };
    Some(format!("write {digits} if it is decimal{octal}, \"{text}\" if it is a text"))
}

impl Decode for String {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        cx.text(node).map(Into::into)
    }
}

impl Decode for Box<str> {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        cx.text(node).map(Into::into)
    }
}

impl Decode for bool {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let hint = match node.as_scalar().map(Scalar::meaning) {
            Some(Meaning::Bool(value)) => return Some(value),
            Some(Meaning::Trap(Trap::Bool(value))) => Some(format!("write `{value}`")),
            _ => None,
        };
        let message = format!("expected `true` or `false`, found {}", node.describe());
        cx.push(Diagnostic::error("document.wrong_type", message).at(node.at).hint_if(hint));
        None
    }
}

macro_rules! decode_integers {
    ($($integer:ty),*) => {$(
        impl Decode for $integer {
            fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
                let value = cx.integer(node, <$integer>::MIN.into(), <$integer>::MAX.into())?;
                <$integer>::try_from(value).ok()
            }
        }
    )*};
}
decode_integers!(u8, u16, u32, u64, i32, i64);

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        T::decode(node, cx).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    // An empty field is no way to leave it out, so `null` is not in the schema either.
    fn field_schema(generator: &mut SchemaGenerator) -> Schema {
        T::field_schema(generator)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let Content::Sequence(items) = &node.content else { return cx.wrong_type(node, "a list") };
        let decoded: Vec<Option<T>> = items.iter().map(|item| T::decode(item, cx)).collect();
        decoded.into_iter().collect()
    }
}

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        T::decode(node, cx).map(|value| Self::new(value, node.at))
    }

    fn field_schema(generator: &mut SchemaGenerator) -> Schema {
        T::field_schema(generator)
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

/// Named entries in the order of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries<T>(pub Vec<(Spanned<String>, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Decode> Decode for Entries<T> {
    fn decode(node: &Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let mapping = cx.mapping(node)?;
        let decoded: Vec<Option<_>> = mapping
            .entries
            .iter()
            .map(|(key, node)| Some((Spanned::new(key.text.clone().into_owned(), key.at), T::decode(node, cx)?)))
            .collect();
        decoded.into_iter().collect::<Option<_>>().map(Self)
    }
}

impl<T: Decode> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("EntriesOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": T::field_schema(generator) })
    }
}

/// Whether two of many texts may be equal: `false` is certain and cheap, `true` wants a closer look.
///
/// Texts are given as their units, so that a caller can fold them on the way without making new ones.
pub fn may_repeat<U: Into<u64>, T: IntoIterator<Item = U>>(texts: impl Iterator<Item = T>) -> bool {
    // FNV-1a; an attacker who makes hashes collide only brings about the closer look.
    let hash = |text: T| {
        text.into_iter()
            .fold(0xCBF2_9CE4_8422_2325, |hash: u64, unit| (hash ^ unit.into()).wrapping_mul(0x100_0000_01B3))
    };
    let mut hashes: Vec<u64> = texts.map(hash).collect();
    hashes.sort_unstable();
    !hashes.is_sorted_by(|a, b| a < b)
}

/// Names that Windows compares without case, with the place of each: finds what is named twice.
#[derive(Debug)]
pub struct Unique {
    noun: &'static str,
    code: &'static str,
    seen: HashMap<String, Location>,
}

impl Unique {
    /// For about `expected` names of what `noun` says; `code` is the code of the finding.
    pub fn new(noun: &'static str, code: &'static str, expected: usize) -> Self {
        Self { noun, code, seen: HashMap::with_capacity(expected) }
    }

    /// Takes a folded name and says whether it is new; if not, reports it with `hint`.
    pub fn insert(&mut self, folded: String, at: Location, hint: &str, cx: &mut Decoder) -> bool {
        match self.seen.entry(folded) {
            Entry::Vacant(slot) => {
                slot.insert(at);
                true
            }
            Entry::Occupied(first) => {
                let message = format!("the {} is named twice", self.noun);
                cx.push(
                    Diagnostic::error(self.code, message).at(at).related(*first.get(), "first named here").hint(hint),
                );
                false
            }
        }
    }
}
